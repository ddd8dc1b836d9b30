//! The plain checker of the relation accepts exactly what prover and verifier accept, over witnesses with one bit or one
//! weight changed anywhere.

#![cfg(test)]

use proptest::prelude::*;
use zkdl_arguments::Shape;
use zkdl_cheat::case::{Beginning, Case, Config};
use zkdl_cheat::fast;
use zkdl_cheat::harness::{Claims, Counter, Tap, untouched};
use zkdl_cheat::trainer::honest;
use zkdl_cheat::witness::{Packed, Witness, field_bits};
use zkdl_field::Scalar;
use zkdl_field::scalar::from_i64;
use zkdl_train::Weights;
use zkdl_train::check::{Equation, Relation, Witness as Checked, check};

/// What is changed.
#[derive(Debug, Clone, Copy)]
enum Change {
    Nothing,
    /// A bit of a cell, by slot, byte and bit.
    Bit(usize, usize, u8),
    /// A weight of the start or of the end, by slot and place.
    Weight(bool, usize, usize, i64),
}

struct View<'a> {
    shape: &'a Shape,
    packed: &'a Packed,
    start: Weights,
    end: Weights,
}

impl Checked for View<'_> {
    fn start(&self) -> &Weights {
        &self.start
    }

    fn end(&self) -> &Weights {
        &self.end
    }

    fn steps(&self) -> usize {
        self.shape.steps()
    }

    fn cell(&self, slot: usize, t: usize, b: usize, j: usize) -> Option<u128> {
        let (stride, width) = (self.shape.stride(slot), self.shape.outputs(slot));
        let first = ((t * self.shape.batch + b) * width + j) * stride;
        let mut word = [0; 16];
        word[..stride].copy_from_slice(self.packed.cells.get(slot)?.get(first..first + stride)?);
        Some(u128::from_le_bytes(word))
    }
}

fn case() -> (Case, Witness, Packed) {
    let widths = vec![5, 4, 3, 2];
    let config = Config { seed: 5, widths, batch: 3, steps: 3, points: 5, log_columns: 8, beginning: Beginning::Later };
    let case = Case::new(&config).unwrap();
    let witness = honest(&case.sample).unwrap();
    let packed = Packed::new(&case.sample, &witness);
    (case, witness, packed)
}

fn weights(case: &Case, slots: &[Vec<i64>]) -> Weights {
    let mut weights = zkdl_train::initial_weights(&case.statement.algorithm(), &[0; 32], &[0; 32]);
    for (layer, values) in weights.layers.iter_mut().zip(slots) {
        layer.values.clone_from(values);
    }
    weights
}

/// The checker's verdict.
fn checked(case: &Case, packed: &Packed) -> Option<Equation> {
    let shape = &case.sample.shape;
    let algorithm = case.statement.algorithm();
    let relation = Relation {
        algorithm: &algorithm,
        first_step: case.statement.first_step,
        multipliers: &shape.multipliers,
        indices: &shape.schedule,
    };
    let width = shape.widths[0];
    let point = |i: u32| {
        let i = i as usize;
        Some((packed.features.get(i * width..(i + 1) * width)?, *packed.labels.get(i)?))
    };
    let (start, end) = (weights(case, &packed.start), weights(case, &packed.end));
    check(&relation, point, &View { shape, packed, start, end }).err().map(|violation| violation.equation)
}

/// The claims that do not hold when the shipped prover runs on the packed witness.
fn proven(case: &Case, packed: &Packed, rows: &[Vec<Scalar>]) -> Vec<&'static str> {
    let tamper = untouched();
    let mut tap = Tap::new(Counter::new(11), &tamper);
    fast::prove(&mut tap, &case.sample.shape, packed, true);
    Claims::new(&tap.events, &case.sample.shape, None, None).unwrap().failing(rows)
}

/// Applies a change to the packed witness and to what is committed; says which equation it violates.
fn apply(change: Change, shape: &Shape, packed: &mut Packed, witness: &mut Witness) -> Option<Equation> {
    match change {
        Change::Nothing => None,
        Change::Bit(slot, byte, bit) => {
            let slot = slot % shape.layers();
            let byte = byte % packed.cells[slot].len();
            packed.cells[slot][byte] ^= 1 << bit;
            let (cell, place) = (byte / shape.stride(slot), 8 * (byte % shape.stride(slot)) + usize::from(bit));
            let (row, j) = (cell / shape.outputs(slot), cell % shape.outputs(slot));
            let bits = witness.bits.get_mut(&[slot, row / shape.batch, row % shape.batch, j]).unwrap();
            bits[place] = Scalar::from(1) - bits[place];
            Some(equation(shape, slot, place))
        }
        Change::Weight(at_start, slot, place, delta) => {
            let slot = slot % shape.layers();
            let slots = if at_start { &mut packed.start } else { &mut packed.end };
            let place = place % slots[slot].len();
            slots[slot][place] += delta;
            let (k, j) = (place / shape.outputs(slot), place % shape.outputs(slot));
            let index = if k == shape.widths[slot] { [slot, 1, 0, j] } else { [slot, 0, k, j] };
            let tensor = if at_start { &mut witness.committed_start } else { &mut witness.committed_end };
            *tensor.get_mut(&index).unwrap() += from_i64(delta);
            (!at_start).then_some(Equation::Update)
        }
    }
}

/// The equation that a bit at this place takes part in first.
fn equation(shape: &Shape, slot: usize, place: usize) -> Equation {
    if place >= field_bits(shape, slot) {
        Equation::Slack
    } else if shape.is_output(slot) {
        Equation::Output
    } else if place >= (shape.format.q_g + shape.format.r) as usize {
        Equation::Forward
    } else {
        Equation::Backward
    }
}

fn change() -> impl Strategy<Value = Change> {
    let delta = prop_oneof![Just(-1i64), Just(1), Just(1 << 20)];
    prop_oneof![
        1 => Just(Change::Nothing),
        12 => (0usize..3, 0usize..10_000, 0u8..8).prop_map(|(slot, byte, bit)| Change::Bit(slot, byte, bit)),
        6 => (any::<bool>(), 0usize..3, 0usize..10_000, delta)
            .prop_map(|(at_start, slot, place, delta)| Change::Weight(at_start, slot, place, delta)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn checker_and_proof_agree(change in change()) {
        let (case, mut witness, mut packed) = case();
        let expected = apply(change, &case.sample.shape, &mut packed, &mut witness);
        let verdict = checked(&case, &packed);
        let failing = proven(&case, &packed, &witness.rows(&case.sample.shape, true));
        prop_assert_eq!(verdict.is_none(), failing.is_empty(), "{:?} {:?}", verdict, failing);
        prop_assert_eq!(verdict.is_none(), matches!(change, Change::Nothing));
        if let Some(expected) = expected {
            prop_assert_eq!(verdict, Some(expected));
        }
    }
}
