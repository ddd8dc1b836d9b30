//! The plain checker of the relation accepts exactly what prover and verifier accept: over every witness that differs from an
//! honest one in a single bit, weight, feature or label, and over witnesses that differ in several. All of them are proven to a
//! verifier that sees what is hidden, a sample of them to the real one.

#![cfg(test)]

use proptest::prelude::*;
use rayon::prelude::*;
use std::sync::OnceLock;
use zkdl_arguments::Shape;
use zkdl_cheat::case::{Beginning, Case, Config};
use zkdl_cheat::fast;
use zkdl_cheat::harness::{Claims, Counter, Tap, untouched};
use zkdl_cheat::sample::Sample;
use zkdl_cheat::trainer::honest;
use zkdl_cheat::witness::{Packed, Witness, field_bits};
use zkdl_field::Scalar;
use zkdl_field::scalar::from_i64;
use zkdl_train::Weights;
use zkdl_train::check::{Equation, Relation, Witness as Checked, check};

/// What is changed.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// A bit of a cell, by slot, byte and bit.
    Bit(usize, usize, u8),
    /// A weight of the start or of the end, by slot and place.
    Weight(bool, usize, usize, i64),
    /// A feature that the prover says a point has, by point and column. The commitments stay.
    Feature(usize, usize, i32),
    /// The class that the prover says a point has, so many further on.
    Label(usize, u32),
}

/// Classes of the case.
const CLASSES: u32 = 3;

impl Change {
    fn undo(self) -> Self {
        match self {
            Self::Bit(..) => self,
            Self::Weight(at_start, slot, place, delta) => Self::Weight(at_start, slot, place, -delta),
            Self::Feature(point, column, delta) => Self::Feature(point, column, -delta),
            Self::Label(point, by) => Self::Label(point, CLASSES - by),
        }
    }
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

/// A statement with its honest witness.
fn honest_case() -> &'static (Case, Witness, Packed) {
    static CASE: OnceLock<(Case, Witness, Packed)> = OnceLock::new();
    CASE.get_or_init(|| {
        let widths = vec![5, 3, 2, CLASSES];
        let config =
            Config { seed: 5, widths, batch: 3, steps: 2, points: 7, log_columns: 7, beginning: Beginning::Later };
        let case = Case::new(&config).unwrap();
        let witness = honest(&case.sample).unwrap();
        let packed = Packed::new(&case.sample, &witness);
        (case, witness, packed)
    })
}

fn weights(case: &Case, slots: &[Vec<i64>]) -> Weights {
    let mut weights = zkdl_train::initial_weights(&case.statement.algorithm(), &[0; 32], &[0; 32]);
    for (layer, values) in weights.layers.iter_mut().zip(slots) {
        layer.values.clone_from(values);
    }
    weights
}

/// Points that the window trains on, or those that it does not.
fn points(case: &Case, scheduled: bool) -> Vec<usize> {
    let used: Vec<usize> = case.sample.shape.schedule.iter().flatten().map(|i| *i as usize).collect();
    (0..case.sample.shape.points).filter(|i| used.contains(i) == scheduled).collect()
}

/// Whether the prover's data are what the commitments say, wherever training looks.
fn opened(case: &Case, data: &Sample) -> bool {
    let same = |i: &usize| data.features[*i] == case.sample.features[*i] && data.labels[*i] == case.sample.labels[*i];
    points(case, true).iter().all(same)
}

/// The data that the prover says it has.
fn said(case: &Case, packed: &Packed) -> Sample {
    let integers = |row: &[i32]| row.iter().map(|x| i128::from(*x)).collect();
    let one_hot = |label: &u32| (0..CLASSES).map(|class| i128::from(class == *label)).collect();
    Sample {
        features: packed.features.chunks(case.sample.shape.widths[0]).map(integers).collect(),
        labels: packed.labels.iter().map(one_hot).collect(),
        ..case.sample.clone()
    }
}

/// The checker's verdict; data that are not the committed ones are rows that are not the scheduled points.
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
    let violation = check(&relation, point, &View { shape, packed, start, end }).err();
    let selection = || (!opened(case, &said(case, packed))).then_some(Equation::Selection);
    violation.map(|violation| violation.equation).or_else(selection)
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
        Change::Feature(point, column, delta) => {
            let width = shape.widths[0];
            packed.features[point % shape.points * width + column % width] += delta;
            None
        }
        Change::Label(point, by) => {
            let label = &mut packed.labels[point % shape.points];
            *label = (*label + by) % CLASSES;
            None
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

/// Checker and proof on the honest witness with these changes, and the equations that each change alone violates.
struct Judged {
    packed: Packed,
    verdict: Option<Equation>,
    failing: Vec<&'static str>,
    violated: Vec<Equation>,
}

impl Judged {
    /// Whether the shipped prover convinces the shipped verifier. One that refuses does not.
    fn convinces(&self) -> bool {
        let (case, ..) = honest_case();
        case.prove(&self.packed).is_ok_and(|(statement, proof)| case.verify_proof(&statement, &proof).is_ok())
    }
}

fn judge(changes: &[Change]) -> Judged {
    let (_, witness, packed) = honest_case();
    judge_from(witness.clone(), packed.clone(), changes)
}

fn judge_from(mut witness: Witness, mut packed: Packed, changes: &[Change]) -> Judged {
    let (case, ..) = honest_case();
    let shape = &case.sample.shape;
    let violated = changes.iter().filter_map(|change| apply(*change, shape, &mut packed, &mut witness)).collect();
    let failing = proven(case, &packed, &witness.rows(shape, true));
    Judged { verdict: checked(case, &packed), packed, failing, violated }
}

/// What was honestly trained on other data than the committed ones.
fn trained_on(change: Change) -> Judged {
    let (case, witness, packed) = honest_case();
    let mut packed = packed.clone();
    apply(change, &case.sample.shape, &mut packed, &mut witness.clone());
    let data = said(case, &packed);
    let trained = honest(&data).unwrap();
    let packed = Packed::new(&data, &trained);
    judge_from(Witness { points: witness.points.clone(), ..trained }, packed, &[])
}

/// Every feature and label of these points.
fn data_changes(points: Vec<usize>) -> Vec<Change> {
    let (case, ..) = honest_case();
    let width = case.sample.shape.widths[0];
    let features = |i| (0..width).flat_map(move |k| [-1, 1].map(|delta| Change::Feature(i, k, delta)));
    points.into_iter().flat_map(|i| features(i).chain([1, 2].map(|by| Change::Label(i, by)))).collect()
}

/// Every bit of every cell, slack included, every weight at both ends, and every entry of the data that training looks at.
fn single_changes() -> Vec<Change> {
    let (case, _, packed) = honest_case();
    let data = data_changes(points(case, true));
    let cells = packed.cells.iter().enumerate();
    let bits =
        cells.flat_map(|(slot, bytes)| (0..8 * bytes.len()).map(move |i| Change::Bit(slot, i / 8, (i % 8) as u8)));
    let places = (0..case.sample.shape.layers()).flat_map(|slot| (0..packed.end[slot].len()).map(move |i| (slot, i)));
    let weights = places.flat_map(|(slot, place)| {
        [true, false]
            .into_iter()
            .flat_map(move |at_start| [-1, 1, 1 << 20].map(|d| Change::Weight(at_start, slot, place, d)))
    });
    bits.chain(weights).chain(data).collect()
}

#[test]
fn the_honest_witness_is_accepted_by_both() {
    let judged = judge(&[]);
    assert_eq!((judged.verdict, judged.failing), (None, vec![]));
}

/// Catalogue 61-66, 72, 75, 120.
#[test]
fn checker_and_proof_refuse_every_single_change() {
    let changes = single_changes();
    assert!(changes.len() > 2_000, "{}", changes.len());
    changes.into_par_iter().for_each(|change| {
        let Judged { verdict, failing, violated, .. } = judge(&[change]);
        assert!(!failing.is_empty(), "{change:?}: {verdict:?}");
        let named = violated.first().copied();
        assert!(verdict.is_some() && named.is_none_or(|equation| verdict == Some(equation)), "{change:?}: {verdict:?}");
    });
}

/// Catalogue 82, 120: data that no step looks at are neither checked nor proven; what was trained on others than the committed ones
/// is refused by both.
#[test]
fn checker_and_proof_look_at_the_same_data() {
    let (case, ..) = honest_case();
    let unused = data_changes(points(case, false));
    assert!(!unused.is_empty());
    for change in unused {
        let judged = judge(&[change]);
        assert_eq!((judged.verdict, judged.failing), (None, vec![]), "{change:?}");
    }
    for change in data_changes(points(case, true)) {
        let judged = trained_on(change);
        assert!(
            matches!(judged.verdict, Some(Equation::Selection | Equation::Range)),
            "{change:?}: {:?}",
            judged.verdict
        );
        assert!(!judged.failing.is_empty(), "{change:?}");
    }
}

/// Changes of every kind, evenly spread.
fn some(changes: Vec<Change>, n: usize) -> Vec<Change> {
    let step = changes.len().div_ceil(n);
    changes.into_iter().step_by(step).collect()
}

/// Catalogue 75, 82, 120: the same with real proofs.
#[test]
fn real_proofs_are_refused_where_the_checker_refuses() {
    let (case, ..) = honest_case();
    assert!(judge(&[]).convinces());
    for change in some(data_changes(points(case, false)), 3) {
        assert!(judge(&[change]).convinces(), "{change:?}");
    }
    let used = data_changes(points(case, true));
    let changes = [some(single_changes(), 20), some(used.clone(), 7)].concat();
    let others = some(used, 5).into_iter().map(|change| (change, trained_on(change)));
    for (change, judged) in changes.into_iter().map(|change| (change, judge(&[change]))).chain(others) {
        assert!(judged.verdict.is_some() && !judged.convinces(), "{change:?}");
    }
}

fn change() -> impl Strategy<Value = Change> {
    let delta = prop_oneof![Just(-1i64), Just(1), Just(1 << 20)];
    prop_oneof![
        1 => (0usize..7, 0usize..5, prop_oneof![-9i32..0, 1i32..9])
            .prop_map(|(point, column, delta)| Change::Feature(point, column, delta)),
        1 => (0usize..7, 1..CLASSES).prop_map(|(point, by)| Change::Label(point, by)),
        2 => (0usize..3, 0usize..10_000, 0u8..8).prop_map(|(slot, byte, bit)| Change::Bit(slot, byte, bit)),
        1 => (any::<bool>(), 0usize..3, 0usize..10_000, delta)
            .prop_map(|(at_start, slot, place, delta)| Change::Weight(at_start, slot, place, delta)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    /// Catalogue 120: changes may undo one another, and then both accept.
    #[test]
    fn checker_and_proof_agree(mut changes in prop::collection::vec(change(), 0..4), undone: bool) {
        if undone {
            changes.extend(changes.clone().into_iter().map(Change::undo));
        }
        let Judged { verdict, failing, .. } = judge(&changes);
        prop_assert_eq!(verdict.is_none(), failing.is_empty(), "{:?} {:?}", verdict, failing);
        prop_assert!(!undone || verdict.is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Catalogue 120: the same with real proofs, and with the verifier that sees what is hidden.
    #[test]
    fn checker_and_real_proofs_agree(mut changes in prop::collection::vec(change(), 0..3), undone: bool) {
        if undone {
            changes.extend(changes.clone().into_iter().map(Change::undo));
        }
        let judged = judge(&changes);
        let convinces = judged.convinces();
        prop_assert_eq!(judged.verdict.is_none(), convinces, "{:?}", judged.verdict);
        prop_assert_eq!(judged.failing.is_empty(), convinces, "{:?}", judged.failing);
    }
}
