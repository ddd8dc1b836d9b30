//! A cheat of every relation on sizes that are powers of two: nothing is padded, so that no check leans on padding.

use crate::table::{Base, Cheat, NEGATIVE, OUTPUT, POSITIVE, ZERO, cheat, judge, on, one_if};
use zkdl_cheat::relation::Equation::{
    Activation, BackwardRounding, Boolean, End, Label, Mask, Output, Rounding, Selection, Update,
};
use zkdl_cheat::trainer::{Hooks, honest};
use zkdl_field::{Field, Scalar};

type Bits = Vec<Scalar>;

fn flip(place: usize, mut bits: Bits) -> Bits {
    bits[place] = Scalar::ONE - bits[place];
    bits
}

/// The lowest bits 2 and -1 where 0 is honest.
fn free(mut bits: Bits) -> Bits {
    (bits[0], bits[1]) = (Scalar::from(2), -Scalar::ONE);
    bits
}

fn of_z(change: fn(u32, Bits) -> Bits) -> Hooks {
    let dec_z = move |s: &zkdl_cheat::trainer::Trainer<'_>, z: i128, c| {
        let bits = honest::dec_z(s, z, c);
        if c == ZERO { change(s.public.format.q, bits) } else { bits }
    };
    Hooks { dec_z: Box::new(dec_z), ..Hooks::default() }
}

fn cells() -> Vec<Cheat> {
    vec![
        cheat("sign bit flipped at Z = 0", Rounding, &["bits"], of_z(|q, bits| flip(q as usize - 1, bits))),
        cheat("bits (2, -1) recomposing", Boolean, &["bits"], of_z(|_, bits| free(bits))),
        cheat(
            "a bit of K flipped",
            BackwardRounding,
            &["bits"],
            Hooks {
                dec_h: Box::new(|s, h, c| {
                    let bits = honest::dec_h(s, h, c);
                    if c == POSITIVE { flip(0, bits) } else { bits }
                }),
                ..Hooks::default()
            },
        ),
        cheat(
            "a bit of the output's gradient flipped",
            Output,
            &["bits"],
            Hooks {
                dec_o: Box::new(|s, o, c| {
                    let bits = honest::dec_o(s, o, c);
                    if c == OUTPUT { flip(0, bits) } else { bits }
                }),
                ..Hooks::default()
            },
        ),
        cheat(
            "A zeroed at Z > 0, bits right",
            Activation,
            &["bits"],
            Hooks {
                act: Box::new(|p, neg, c| if c == POSITIVE { 0 } else { honest::act(p, neg, c) }),
                ..Hooks::default()
            },
        ),
        cheat(
            "a gradient where P < 0",
            Mask,
            &["bits"],
            Hooks {
                g_hidden: Box::new(|_, k, neg, _, c| if neg { one_if(c == NEGATIVE) } else { k }),
                ..Hooks::default()
            },
        ),
    ]
}

fn steps() -> Vec<Cheat> {
    vec![
        cheat(
            "one weight update off by 1",
            Update,
            &["update"],
            Hooks { update: Box::new(|_, w, delta, at| w - delta + one_if(at == [1, 1, 2, 3])), ..Hooks::default() },
        ),
        cheat(
            "committed W_T is W_0",
            End,
            &["W_T"],
            Hooks { post: Box::new(|w, _| w.committed_end = w.committed_start.clone()), ..Hooks::default() },
        ),
        cheat(
            "step order swapped",
            Selection,
            &["features", "labels"],
            Hooks { row: Box::new(|s, t, b| honest::row(s, [1, 0, 2, 3][t], b)), ..Hooks::default() },
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
    ]
}

/// Catalogue 61, 66, 69-71, 75, 82, 84, 86, 88.
#[test]
fn every_relation_holds_without_padding() {
    judge(cells().into_iter().chain(steps()).map(|cheat| on(Base::Power, cheat)).collect());
}
