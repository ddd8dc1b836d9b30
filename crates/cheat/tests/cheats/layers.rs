//! Cheats with the weights of other steps, of other layers, transposed.

use crate::table::{Base, Cheat, cheat, judge, on};
use zkdl_cheat::relation::Equation::Update;
use zkdl_cheat::trainer::{Hooks, Matrix, Trainer};

fn forward(f: fn(&Trainer<'_>, usize, usize) -> Matrix) -> Hooks {
    Hooks { forward: Box::new(f), ..Hooks::default() }
}

fn backward(f: fn(&Trainer<'_>, usize, usize) -> Matrix) -> Hooks {
    Hooks { backward: Box::new(f), ..Hooks::default() }
}

/// Slots 1 and 2 exchanged.
fn other(l: usize) -> usize {
    [0, 2, 1, 3][l]
}

fn transposed(m: &Matrix) -> Matrix {
    let (bias, main) = m.split_last().unwrap();
    let column = |j: usize| main.iter().map(|row| row[j]).collect();
    (0..main.len()).map(column).chain([bias.clone()]).collect()
}

/// The update with A or G of another slot, where they have the same sizes.
fn mixed(a_of: fn(usize) -> usize, g_of: fn(usize) -> usize) -> Hooks {
    Hooks {
        update: Box::new(move |s, w, delta, [l, t, k, j]| {
            let term = |b| s.a[&[a_of(l), t, b]][k] * s.g[&[g_of(l), t, b, j]];
            w - if l == 1 || l == 2 { (0..s.batch).map(term).sum() } else { delta }
        }),
        ..Hooks::default()
    }
}

fn weights() -> Vec<Cheat> {
    let square = |name, claims, hooks| on(Base::Square, cheat(name, Update, claims, hooks));
    vec![
        cheat(
            "stale weights in forward",
            Update,
            &["update"],
            forward(|s, l, t| if t == 2 { s.old[l].clone() } else { s.weights[l].clone() }),
        ),
        cheat(
            "stale weights in backward",
            Update,
            &["update"],
            backward(|s, l, t| if t == 2 { s.old[l].clone() } else { s.weights[l].clone() }),
        ),
        cheat(
            "another weight in one backward pass",
            Update,
            &["update"],
            backward(|s, l, t| {
                let mut w = s.weights[l].clone();
                w[0][0] += i128::from(l == 1 && t == 1);
                w
            }),
        ),
        square("layers 2 and 3 swapped in forward", &["update"], forward(|s, l, _| s.weights[other(l)].clone())),
        square("layers 2 and 3 swapped in backward", &["update"], backward(|s, l, _| s.weights[other(l)].clone())),
        square(
            "W transposed in forward",
            &["update"],
            forward(|s, l, _| if l == 1 { transposed(&s.weights[l]) } else { s.weights[l].clone() }),
        ),
        square(
            "W not transposed in backward",
            &["update"],
            backward(|s, l, _| if l == 1 { transposed(&s.weights[l]) } else { s.weights[l].clone() }),
        ),
        square("G of the wrong layer in the update", &["update"], mixed(|l| l, other)),
        square("A of the wrong layer in the update", &["update"], mixed(other, |l| l)),
    ]
}

/// Catalogue 78, 79, 80.
#[test]
fn weights_of_the_passes() {
    judge(weights());
}
