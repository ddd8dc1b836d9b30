//! Cheats in the update, in the data it uses, and at both ends of the window.

use crate::table::{BATCH, Base, CLASSES, Cheat, POSITIVE, STEPS, cheat, judge, on, one_if, scalar_if};
use zkdl_cheat::relation::Equation::{Bias, End, Selection, Shared, Start, Update};
use zkdl_cheat::trainer::{Example, Hooks, Matrix, Trainer, honest};
use zkdl_field::{Field, Scalar};

/// An update of one weight at (l, t, k, j).
fn update(f: impl Fn(&Trainer<'_>, i128, i128, [usize; 4]) -> i128 + 'static) -> Hooks {
    Hooks { update: Box::new(f), ..Hooks::default() }
}

fn row(f: fn(&Trainer<'_>, usize, usize) -> Example) -> Hooks {
    Hooks { row: Box::new(f), ..Hooks::default() }
}

fn end(f: fn(&Trainer<'_>) -> Vec<Matrix>) -> Hooks {
    Hooks { end: Box::new(f), ..Hooks::default() }
}

fn bias(f: fn(&Trainer<'_>, [usize; 3]) -> i128) -> Hooks {
    Hooks { bias: Box::new(f), ..Hooks::default() }
}

fn plus_one(mut weights: Vec<Matrix>, [l, k, j]: [usize; 3]) -> Vec<Matrix> {
    weights[l][k][j] += 1;
    weights
}

/// The first two exchanged.
fn swapped(i: usize) -> usize {
    [1, 0].get(i).copied().unwrap_or(i)
}

fn data() -> Vec<Cheat> {
    vec![
        cheat(
            "wrong data row",
            Selection,
            &["features", "labels"],
            row(|s, t, b| {
                let i = s.public.schedule[t][b] as usize;
                s.point((i + usize::from((t, b) == (1, 1))) % s.public.points)
            }),
        ),
        cheat(
            "uncommitted data row",
            Selection,
            &["features"],
            row(|s, t, b| {
                let (x, y) = honest::row(s, t, b);
                (x.into_iter().map(|v| v + one_if((t, b) == (1, 1))).collect(), y)
            }),
        ),
        cheat(
            "same row twice in a batch",
            Selection,
            &["features", "labels"],
            row(|s, t, b| honest::row(s, t, if t == 1 && b + 1 == BATCH { 0 } else { b })),
        ),
        cheat(
            "examples of a batch swapped",
            Selection,
            &["features", "labels"],
            row(|s, t, b| honest::row(s, t, if t == 0 { swapped(b) } else { b })),
        ),
        cheat("step order swapped", Selection, &["features", "labels"], row(|s, t, b| honest::row(s, swapped(t), b))),
        cheat(
            "step repeated",
            Selection,
            &["features", "labels"],
            row(|s, t, b| honest::row(s, if t == 1 { 0 } else { t }, b)),
        ),
        cheat(
            "features at scale 1",
            Selection,
            &["features"],
            row(|s, t, b| {
                let (x, y) = honest::row(s, t, b);
                (x.into_iter().map(|v| v >> (s.public.format.f_a - s.public.format.f_x)).collect(), y)
            }),
        ),
        cheat(
            "bias input doubled in one cell",
            Bias,
            &["forward", "update"],
            bias(|s, at| s.one() * (1 + one_if(at == [1, 1, 1]))),
        ),
        cheat("bias input 1", Bias, &["forward", "update"], bias(|_, _| 1)),
        cheat("no bias in layer 1", Bias, &["forward", "update"], bias(|s, [l, _, _]| s.one() * one_if(l > 0))),
    ]
}

fn steps() -> Vec<Cheat> {
    let off = |at: [usize; 4]| update(move |_, w, delta, here| w - delta + one_if(here == at));
    vec![
        cheat("one weight update off by 1", Update, &["update"], off([1, 1, 2, 3])),
        cheat("last weight update off by 1", Update, &["update"], off([2, STEPS - 1, 5, CLASSES - 1])),
        cheat("bias update off by 1", Update, &["update"], off([1, 1, 7, 3])),
        cheat(
            "updates off by +1 and -1, cancelling",
            Update,
            &["update"],
            update(|_, w, delta, [l, t, k, j]| {
                w - delta + one_if([l, k, j] == [1, 2, 3]) * (one_if(t == 0) - one_if(t == 1))
            }),
        ),
        cheat(
            "bias updated without 2^f_A",
            Update,
            &["update"],
            update(|s, w, delta, [l, _, k, _]| {
                w - if k == s.public.widths[l] { delta >> s.public.format.f_a } else { delta }
            }),
        ),
        cheat("update rounded", Update, &["update"], update(|_, w, delta, _| w - ((delta >> 2) << 2))),
        cheat("update added", Update, &["update"], update(|_, w, delta, _| w + delta / 8)),
        cheat(
            "step 1 not applied",
            Update,
            &["update"],
            update(|_, w, delta, [_, t, _, _]| w - delta * one_if(t != 1)),
        ),
        cheat(
            "one example dropped",
            Update,
            &["update"],
            update(|s, w, delta, [l, t, k, j]| w - delta + s.a[&[l, t, BATCH - 1]][k] * s.g[&[l, t, BATCH - 1, j]]),
        ),
    ]
}

/// A and G of forward and backward are not those of the update.
fn shared() -> Vec<Cheat> {
    vec![
        cheat(
            "row differs in the update only",
            Shared,
            &["update", "features"],
            Hooks {
                // Of an example that has a gradient.
                post: Box::new(|w, _| {
                    let first = w.g.iter().find(|([l, t, ..], g)| (*l, *t) == (0, 1) && **g != Scalar::ZERO);
                    let b = first.unwrap().0[2];
                    w.a_update.iter_mut().for_each(|(i, a)| *a += scalar_if(*i == [0, 1, b, 0, 2]));
                }),
                ..Hooks::default()
            },
        ),
        cheat(
            "G differs in the update only",
            Shared,
            &["update", "bits"],
            Hooks {
                post: Box::new(|w, _| w.g_update.iter_mut().for_each(|(c, g)| *g += scalar_if(*c == POSITIVE))),
                ..Hooks::default()
            },
        ),
    ]
}

fn ends() -> Vec<Cheat> {
    let other = |f: fn(Vec<Matrix>) -> Vec<Matrix>| Hooks { start: Box::new(f), ..Hooks::default() };
    vec![
        cheat("final weights from step T-1", End, &["W_T"], end(|s| s.old.clone())),
        cheat("committed W_T is W_0", End, &["W_T"], end(|s| s.sample.start.clone())),
        cheat("W_T off by 1", End, &["W_T"], end(|s| plus_one(s.weights.clone(), [2, 1, 1]))),
        cheat("bias of W_T off by 1", End, &["W_T"], end(|s| plus_one(s.weights.clone(), [0, 5, 6]))),
        cheat("started from another W_0, committed", Start, &["W_0"], other(|w| plus_one(w, [1, 2, 2]))),
        on(
            Base::Public,
            cheat("started from another W_0, public", Start, &["update"], other(|w| plus_one(w, [1, 2, 2]))),
        ),
        on(
            Base::Public,
            cheat("W_T off by 1, public start", End, &["W_T"], end(|s| plus_one(s.weights.clone(), [2, 1, 1]))),
        ),
        cheat(
            "W_0 half an integer off",
            Start,
            &["W_0"],
            Hooks {
                post: Box::new(|w, _| {
                    let half = Scalar::from(2).invert().unwrap();
                    w.committed_start.iter_mut().filter(|(i, _)| **i == [1, 0, 2, 2]).for_each(|(_, v)| *v += half);
                }),
                ..Hooks::default()
            },
        ),
    ]
}

/// Catalogue 81, 82, 86.
#[test]
fn data_and_bias() {
    judge(data());
}

/// Catalogue 75-77, 92, 93.
#[test]
fn update_of_a_step() {
    judge(steps());
    judge(shared());
}

/// Catalogue 87, 88.
#[test]
fn start_and_end() {
    judge(ends());
}
