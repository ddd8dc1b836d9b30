//! Cheats at the output: its one rounding, c_t, labels.

use crate::table::{Cheat, OUTPUT, STEPS, cheat, judge, one_if};
use zkdl_cheat::relation::Equation::{Boolean, Label, Output};
use zkdl_cheat::trainer::{Cell, Hooks, Trainer, honest};
use zkdl_field::{Field, Scalar};

type Bits = Vec<Scalar>;

/// Changes the bits of G and rem_L of one cell.
fn of_one(change: fn(&Trainer<'_>, i128, Cell) -> Bits) -> Hooks {
    let dec_o = move |s: &Trainer<'_>, v, c| if c == OUTPUT { change(s, v, c) } else { honest::dec_o(s, v, c) };
    Hooks { dec_o: Box::new(dec_o), ..Hooks::default() }
}

/// Changes what is rounded.
fn of_input(change: fn(&Trainer<'_>, i128, i128, Cell) -> i128) -> Hooks {
    Hooks { output: Box::new(change), ..Hooks::default() }
}

fn rounding() -> Vec<Cheat> {
    let above = |s: &Trainer<'_>, v: i128, c: Cell| {
        let mut bits = honest::dec_o(s, v - (1 << s.public.format.r_l), c);
        bits.iter_mut().last().into_iter().for_each(|top| *top += Scalar::from(2));
        bits
    };
    let fraction = |s: &Trainer<'_>, v: i128, c: Cell| {
        let mut bits = honest::dec_o(s, v, c);
        bits[s.public.format.q_g as usize] += Scalar::from(s.public.multipliers[c[1]]).invert().unwrap();
        bits
    };
    vec![
        cheat(
            "G of the output + 1, bits boolean",
            Output,
            &["bits"],
            of_one(|s, v, c| honest::dec_o(s, v + (1 << s.public.format.r_l), c)),
        ),
        cheat("G of the output - 1, remainder above range", Boolean, &["bits"], of_one(above)),
        cheat(
            "G of the output rounded down",
            Output,
            &["bits"],
            Hooks {
                dec_o: Box::new(|s, v, c| honest::dec_o(s, v - (1 << (s.public.format.r_l - 1)), c)),
                ..Hooks::default()
            },
        ),
        cheat("rem_L off by 1/c_t", Boolean, &["bits"], of_one(fraction)),
        cheat(
            "G of the output differs from its bits",
            Output,
            &["bits"],
            Hooks { g_output: Box::new(|g, c| g + one_if(c == OUTPUT)), ..Hooks::default() },
        ),
        cheat(
            "rounded before c_t",
            Output,
            &["bits"],
            of_input(|s, z, y, c| {
                let r = s.public.format.r;
                let rounded = ((z + (1 << (r - 1))) >> r) - y * s.one();
                (honest::multiplier(s, c[1]) * rounded) << r
            }),
        ),
    ]
}

fn loss() -> Vec<Cheat> {
    let multiplier = |f: fn(&Trainer<'_>, usize) -> i128| Hooks { multiplier: Box::new(f), ..Hooks::default() };
    vec![
        cheat(
            "sign of the output's gradient at the last step",
            Output,
            &["bits"],
            of_input(|s, z, y, c| honest::output(s, z, y, c) * (1 - 2 * one_if(c[1] + 1 == STEPS))),
        ),
        cheat("ReLU at the output", Output, &["bits"], of_input(|s, z, y, c| honest::output(s, z.max(0), y, c))),
        cheat("c_t + 1 at one step", Output, &["bits"], multiplier(|s, t| honest::multiplier(s, t) + one_if(t == 1))),
        cheat("c_t of step 0 throughout", Output, &["bits"], multiplier(|s, _| honest::multiplier(s, 0))),
        cheat("c_t of the next step", Output, &["bits"], multiplier(|s, t| honest::multiplier(s, (t + 1) % STEPS))),
        cheat(
            "label scale 1",
            Output,
            &["bits"],
            of_input(|s, z, y, c| honest::multiplier(s, c[1]) * (z - (y << s.public.format.r))),
        ),
        cheat(
            "label zeroed in one example",
            Output,
            &["bits"],
            of_input(|s, z, y, c| honest::output(s, z, y * one_if(c[2] != 1), c)),
        ),
        cheat(
            "label changed in one example",
            Label,
            &["labels"],
            Hooks {
                row: Box::new(|s, t, b| {
                    let (x, mut y) = honest::row(s, t, b);
                    y.rotate_left(usize::from((t, b) == (2, 1)));
                    (x, y)
                }),
                ..Hooks::default()
            },
        ),
        cheat(
            "label 2 in one example",
            Label,
            &["labels"],
            Hooks {
                row: Box::new(|s, t, b| {
                    let (x, y) = honest::row(s, t, b);
                    let scale = if (t, b) == (2, 2) { 2 } else { 1 };
                    (x, y.into_iter().map(|v| v * scale).collect())
                }),
                ..Hooks::default()
            },
        ),
    ]
}

/// Catalogue 62-65, 71, 91.
#[test]
fn rounding_at_the_output() {
    judge(rounding());
}

/// Catalogue 77, 84, 91.
#[test]
fn multiplier_and_labels() {
    judge(loss());
}
