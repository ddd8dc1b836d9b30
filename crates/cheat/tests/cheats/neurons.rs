//! Cheats in the bits of hidden cells, in ReLU and in its mask.

use crate::table::{
    Cheat, NEGATIVE, NEGATIVE_TIE, POSITIVE, STEPS, STRATEGIES, TIE, ZERO, cheat, failing, judge, one_if, scalar_if,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use zkdl_cheat::case::{Beginning, Case, Config};
use zkdl_cheat::harness::untouched;
use zkdl_cheat::relation::Equation::{self, Activation, BackwardRounding, Boolean, Mask, Rounding};
use zkdl_cheat::relation::violated;
use zkdl_cheat::trainer::{Cell, Hooks, Trainer, centered, honest, train};
use zkdl_field::scalar::{from_i64, pow2};
use zkdl_field::{Field, Scalar};

type Bits = Vec<Scalar>;

/// Changes the bits of P and rem_Z of one cell.
fn of_z(cell: Cell, change: impl Fn(&Trainer<'_>, Bits) -> Bits + 'static) -> Hooks {
    let dec_z = move |s: &Trainer<'_>, z: i128, c: Cell| {
        let bits = honest::dec_z(s, z, c);
        if c == cell { change(s, bits) } else { bits }
    };
    Hooks { dec_z: Box::new(dec_z), ..Hooks::default() }
}

fn flip(bits: Bits, i: u32) -> Bits {
    bits.iter().enumerate().map(|(k, b)| if k == i as usize { Scalar::ONE - b } else { *b }).collect()
}

/// P + d, top bit of the remainder + e.
fn shift(d: i128, e: i64) -> impl Fn(&Trainer<'_>, Bits) -> Bits {
    move |s, bits| {
        let q = s.public.format.q;
        let (quotient, remainder) = bits.split_at(q as usize);
        let weight =
            |(i, b): (usize, &Scalar)| if i + 1 == q as usize { -*b * pow2(q - 1) } else { b * pow2(i as u32) };
        let p = centered(&quotient.iter().enumerate().map(weight).sum());
        let mut remainder = remainder.to_vec();
        if let Some(top) = remainder.last_mut() {
            *top += from_i64(e);
        }
        [s.twos(p + d, q), remainder].concat()
    }
}

/// Changes the bits of K and rem_H.
fn of_h(change: impl Fn(&Trainer<'_>, i128, Cell) -> Bits + 'static) -> Hooks {
    Hooks { dec_h: Box::new(change), ..Hooks::default() }
}

fn recompose(low: Scalar, high: Scalar) -> Hooks {
    of_z(ZERO, move |_, bits| [&[low, high], &bits[2..]].concat())
}

/// The lowest three bits of P and of rem_Z, each in the other's place.
fn exchanged(s: &Trainer<'_>, mut bits: Bits) -> Bits {
    let q = s.public.format.q as usize;
    for i in 0..3 {
        bits.swap(i, q + i);
    }
    bits
}

fn bits_of_z() -> Vec<Cheat> {
    let half = Scalar::from(2).invert().unwrap();
    let sign = |s: &Trainer<'_>, bits| flip(bits, s.public.format.q - 1);
    let zero_p = |s: &Trainer<'_>, bits: Bits| {
        let q = s.public.format.q as usize;
        [&vec![Scalar::ZERO; q], &bits[q..]].concat()
    };
    vec![
        cheat("sign bit flipped at Z > 0", Rounding, &["bits"], of_z(POSITIVE, sign)),
        cheat("sign bit flipped at Z = 0", Rounding, &["bits"], of_z(ZERO, sign)),
        cheat("sign bit flipped at Z = -2^(R-1)", Rounding, &["bits"], of_z(NEGATIVE_TIE, sign)),
        cheat("sign bit flipped at a tie", Rounding, &["bits"], of_z(TIE, sign)),
        cheat("P = 0 at Z < 0", Rounding, &["bits"], of_z(NEGATIVE, zero_p)),
        cheat("tie rounded down, top remainder bit 2", Boolean, &["bits"], of_z(TIE, shift(-1, 2))),
        cheat("negative tie rounded down, top remainder bit 2", Boolean, &["bits"], of_z(NEGATIVE_TIE, shift(-1, 2))),
        cheat("remainder above range, P - 1", Boolean, &["bits"], of_z(POSITIVE, shift(-1, 2))),
        cheat("remainder below range, P + 1", Boolean, &["bits"], of_z(POSITIVE, shift(1, -2))),
        cheat("low bits of P and of the remainder exchanged", Rounding, &["bits"], of_z(POSITIVE, exchanged)),
        cheat("P + 1, bits boolean", Rounding, &["bits"], of_z(POSITIVE, shift(1, 0))),
        cheat("P - 1, bits boolean", Rounding, &["bits"], of_z(POSITIVE, shift(-1, 0))),
        cheat(
            "P = 2^(Q-1), overflow into the sign",
            Boolean,
            &["bits"],
            of_z(POSITIVE, |s, bits| {
                let q = s.public.format.q;
                [&s.twos(1 << (q - 1), q)[..], &bits[q as usize..]].concat()
            }),
        ),
        cheat("bits (2, -1) recomposing", Boolean, &["bits"], recompose(Scalar::from(2), -Scalar::ONE)),
        cheat("bits (1/2, -1/4) recomposing", Boolean, &["bits"], recompose(half, -half * half)),
    ]
}

fn bits_of_h() -> Vec<Cheat> {
    let at_positive = |change: fn(&Trainer<'_>, i128, Cell) -> Bits| {
        of_h(move |s, h, c| if c == POSITIVE { change(s, h, c) } else { honest::dec_h(s, h, c) })
    };
    let above = |s: &Trainer<'_>, h: i128, c: Cell| {
        let mut bits = honest::dec_h(s, h - (1 << s.public.format.r), c);
        bits.iter_mut().last().into_iter().for_each(|top| *top += Scalar::from(2));
        bits
    };
    let masked =
        |s: &Trainer<'_>, h: i128, c: Cell| honest::dec_h(s, h + (one_if(c == NEGATIVE) << s.public.format.r), c);
    vec![
        cheat(
            "sign bit of K flipped at the last step",
            BackwardRounding,
            &["bits"],
            of_h(|s, h, c| {
                let bits = honest::dec_h(s, h, c);
                if c == [0, STEPS - 1, 0, 0] { flip(bits, s.public.format.q_g - 1) } else { bits }
            }),
        ),
        cheat("K - 1, remainder above range", Boolean, &["bits"], at_positive(above)),
        cheat(
            "K + 1, bits boolean",
            BackwardRounding,
            &["bits"],
            at_positive(|s, h, c| honest::dec_h(s, h + (1 << s.public.format.r), c)),
        ),
        cheat("K + 1 in a masked cell", BackwardRounding, &["bits"], of_h(masked)),
        cheat(
            "H rounded down",
            BackwardRounding,
            &["bits"],
            of_h(|s, h, c| honest::dec_h(s, h - (1 << (s.public.format.r - 1)), c)),
        ),
    ]
}

fn activations() -> Vec<Cheat> {
    let act = |f: fn(i128, bool, Cell) -> i128| Hooks { act: Box::new(f), ..Hooks::default() };
    vec![
        cheat(
            "A zeroed at Z > 0, bits right",
            Activation,
            &["bits"],
            act(|p, neg, c| if c == POSITIVE { 0 } else { honest::act(p, neg, c) }),
        ),
        cheat(
            "A = P at Z < 0, no ReLU",
            Activation,
            &["bits"],
            act(|p, neg, c| if c == NEGATIVE { p } else { honest::act(p, neg, c) }),
        ),
        // Small ones only: negative activations grow, and would leave the bits of the format.
        cheat("A not masked anywhere", Activation, &["bits"], act(|p, neg, _| if neg { p.max(-2) } else { p })),
        cheat("A of the layer below", Activation, &["bits"], below()),
    ]
}

fn masks() -> Vec<Cheat> {
    let mask =
        |f: fn(&Trainer<'_>, i128, bool, i128, Cell) -> i128| Hooks { g_hidden: Box::new(f), ..Hooks::default() };
    vec![
        cheat(
            "gradient masked where P = 0",
            Mask,
            &["bits"],
            mask(|_, k, neg, p, _| if neg || p == 0 { 0 } else { k }),
        ),
        // At the last step only: what follows from it would leave the bits of the format.
        cheat(
            "gradient passed where P < 0",
            Mask,
            &["bits"],
            mask(|_, k, neg, _, [_, t, ..]| if neg && t + 1 < STEPS { 0 } else { k }),
        ),
        cheat(
            "G off by one, bits right",
            Mask,
            &["bits"],
            mask(|_, k, neg, _, c| if neg { 0 } else { k + one_if(c == POSITIVE) }),
        ),
    ]
}

/// G has the mask of another value from step `first` on: earlier, what follows from it may leave the bits of the format.
fn mask_of(name: &'static str, first: usize, other: fn(&Trainer<'_>, Cell) -> bool) -> Cheat {
    let mask = move |s: &Trainer<'_>, k, neg, _, c: Cell| {
        let masked = if c[1] < first { neg } else { other(s, c) };
        if masked { 0 } else { k }
    };
    cheat(name, Mask, &["bits"], Hooks { g_hidden: Box::new(mask), ..Hooks::default() })
}

fn masks_of_others() -> Vec<Cheat> {
    const LAST: usize = STEPS - 1;
    vec![
        mask_of("mask of another example", LAST, |s, [l, t, b, j]| {
            s.p.get(&[l, t, (b + 1) % s.batch, j]).is_some_and(|(neg, _)| *neg)
        }),
        mask_of("mask of another neuron", 0, |s, [l, t, b, j]| s.p[&[l, t, b, (j + 1) % s.widths[l + 1]]].0),
        mask_of("mask of the other hidden layer", LAST, |s, [l, t, b, j]| s.p[&[1 - l, t, b, j % s.widths[2 - l]]].0),
        mask_of("mask of the step before", LAST, |s, [l, t, b, j]| s.p[&[l, t - 1, b, j]].0),
    ]
}

/// A of layer 2 is that of layer 1.
fn below() -> Hooks {
    let first = RefCell::new(BTreeMap::new());
    let act = move |p, neg, [l, t, b, j]: Cell| {
        let a = honest::act(p, neg, [l, t, b, j]);
        if l == 0 {
            first.borrow_mut().insert([t, b, j], a);
        }
        first.borrow()[&[t, b, j]]
    };
    Hooks { act: Box::new(act), ..Hooks::default() }
}

fn shifted(name: &'static str, is_z: bool, honest: &'static [&'static str]) -> Cheat {
    let up = |s: &Trainer<'_>, v: i128, c: Cell| v + (one_if(c == POSITIVE) << s.public.format.r);
    let mut hooks = Hooks {
        post: Box::new(move |w, shape| {
            let tensor = if is_z { &mut w.z } else { &mut w.h };
            tensor.iter_mut().for_each(|(c, v)| *v += scalar_if(*c == POSITIVE) * pow2(shape.format.r));
        }),
        ..Hooks::default()
    };
    if is_z {
        hooks.dec_z = Box::new(move |s, z, c| honest::dec_z(s, up(s, z, c), c));
    } else {
        hooks.dec_h = Box::new(move |s, h, c| honest::dec_h(s, up(s, h, c), c));
    }
    let equation =
        if is_z { zkdl_cheat::relation::Equation::Forward } else { zkdl_cheat::relation::Equation::Backward };
    cheat(name, equation, honest, hooks)
}

/// The neuron of layer 1 that has the Z that a test wants.
const CHOSEN: usize = 5;

/// One step in which the chosen neuron has this Z in all examples, and layer 1 has no weight in layer 2: whatever a cheat makes of
/// its activations, nothing else is changed but final weights.
fn with_z(z: i128) -> Case {
    let widths = vec![5, 7, 6, 3];
    let config = Config { seed: 7, widths, batch: 3, steps: 1, points: 5, log_columns: 8, beginning: Beginning::Later };
    let mut case = Case::new(&config).unwrap();
    let f_a = case.sample.shape.format.f_a;
    assert_eq!(z & ((1 << f_a) - 1), 0, "a bias makes multiples of 2^f_A");
    let start = &mut case.sample.start;
    let column = start[0].iter_mut().map(|row| &mut row[CHOSEN]).rev();
    column.enumerate().for_each(|(i, w)| *w = if i == 0 { z >> f_a } else { 0 });
    let inputs = start[1].len() - 1;
    start[1][..inputs].iter_mut().flatten().for_each(|w| *w = 0);
    case
}

/// As [`judge`], of a cheat with bits that do not fit.
fn judge_with_z(z: i128, name: &str, equation: Equation, hooks: &Hooks) {
    let case = with_z(z);
    let witness = train(&case.sample, hooks).unwrap();
    assert_eq!(violated(&case.sample, &witness).first(), Some(&equation), "{name}");
    for (strategy, claim) in STRATEGIES.into_iter().zip(["bits", "bits", "relu mask", "booleanity"]) {
        assert_eq!(failing(&case, &witness, strategy, &untouched()), [claim], "{name}, {strategy:?}");
    }
}

/// The bits of another Z in the chosen neuron.
fn bits_of_another(z: i128) -> Hooks {
    let dec_z = move |s: &Trainer<'_>, own: i128, c: Cell| {
        honest::dec_z(s, if (c[0], c[3]) == (0, CHOSEN) { z } else { own }, c)
    };
    Hooks { dec_z: Box::new(dec_z), ..Hooks::default() }
}

/// Catalogue 67: the last Z on either side that fits is proven; the next has no bits: neither with a sign "bit" of -1 or 2, nor
/// those of the nearest Z that fits, nor those that are equal modulo 2^(R+Q).
#[test]
fn z_at_the_bounds_of_its_range() {
    let f = with_z(0).sample.shape.format;
    let (half, one, period) = (1 << (f.r - 1), 1 << f.f_a, 1i128 << (f.r + f.q));
    let ends = [(period / 2 - half - one, one), (-period / 2 - half, -one)];
    for (last, outwards) in ends {
        let case = with_z(last);
        let witness = honest(&case.sample).unwrap();
        assert_eq!(witness.z[&[0, 0, 0, CHOSEN]], zkdl_field::scalar::from_i128(last));
        assert_eq!(violated(&case.sample, &witness), []);
        for strategy in STRATEGIES {
            assert_eq!(failing(&case, &witness, strategy, &untouched()), [""; 0], "{last}, {strategy:?}");
        }
        let beyond = last + outwards;
        assert!(honest(&with_z(beyond).sample).is_err());
        judge_with_z(beyond, "a sign that is no bit", Boolean, &Hooks::default());
        judge_with_z(beyond, "the nearest that fits", Rounding, &bits_of_another(last));
        judge_with_z(beyond, "wrapped around", Rounding, &bits_of_another(beyond - outwards.signum() * period));
    }
}

/// Catalogue 64: the ties nearest to zero, +-2^(R-1), go up; down they need a remainder that is too large.
#[test]
fn ties_nearest_to_zero_are_not_rounded_down() {
    let half = 1 << (with_z(0).sample.shape.format.r - 1);
    for z in [half, -half] {
        judge_with_z(z, "top remainder bit 2", Boolean, &of_z([0, 0, 0, CHOSEN], shift(-1, 2)));
        judge_with_z(z, "bits of the Z below", Rounding, &bits_of_another(z - 1));
    }
}

/// Catalogue 69: where a value is negative, the mask is all that stands between A and Z'' = P + 2^(Q-1).
#[test]
fn activations_have_the_mask_of_their_own_value() {
    let f = with_z(0).sample.shape.format;
    let unmasked = move |p: i128, neg| p + (one_if(neg) << (f.q - 1));
    let act = |act: Box<dyn Fn(i128, bool, Cell) -> i128>| Hooks { act, ..Hooks::default() };
    let without = move |p, neg, c: Cell| if c[0] == 0 { unmasked(p, neg) } else { honest::act(p, neg, c) };
    let before = std::cell::Cell::new(false);
    let of_another = move |p, neg, c: Cell| {
        let other = before.replace(neg);
        let masked = if c[3] == 0 { neg } else { other };
        if c[0] == 0 { one_if(!masked) * unmasked(p, neg) } else { honest::act(p, neg, c) }
    };
    let negative = -10 << f.r;
    judge_with_z(negative, "Z'' without mask", Activation, &act(Box::new(without)));
    judge_with_z(negative, "mask of the neuron before", Activation, &act(Box::new(of_another)));
}

/// Catalogue 61-66, 71, 73.
#[test]
fn bits_of_hidden_cells() {
    judge(bits_of_z());
    judge(bits_of_h());
}

/// Catalogue 69, 70, 76.
#[test]
fn relu_and_its_mask() {
    judge(activations());
    judge(masks());
    judge(masks_of_others());
    judge(vec![
        shifted("Z off by 2^R, all else consistent", true, &["forward"]),
        shifted("H off by 2^R, all else consistent", false, &["backward"]),
    ]);
}
