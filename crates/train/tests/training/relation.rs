//! The checker accepts honest traces and names the equation that a false one violates.

use proptest::prelude::*;
use zkdl_train::{
    Algorithm, CellKind, CellLayout, Equation, Format, HiddenCell, LayerWeights, OutputCell, Trace, TrainError,
    Violation, Weights, Witness,
};

use crate::samples::{Draw, Sample, sample, sample_of};
use crate::vectors::model;

/// (slot, t, b, j).
type Place = (usize, usize, usize, usize);
type Point = (Vec<i32>, u32);

/// A trace with single values replaced.
struct Tampered {
    trace: Trace,
    cell: Option<(Place, u128)>,
    row: Option<((usize, usize), Point)>,
}

impl Tampered {
    fn new(trace: Trace) -> Self {
        Self { trace, cell: None, row: None }
    }
}

impl Witness for Tampered {
    fn start(&self) -> &Weights {
        &self.trace.start
    }

    fn end(&self) -> &Weights {
        &self.trace.end
    }

    fn steps(&self) -> usize {
        self.trace.steps
    }

    fn cell(&self, slot: usize, t: usize, b: usize, j: usize) -> Option<u128> {
        match self.cell {
            Some((place, word)) if place == (slot, t, b, j) => Some(word),
            _ => Witness::cell(&self.trace, slot, t, b, j),
        }
    }

    fn row(&self, t: usize, b: usize) -> Option<(&[i32], u32)> {
        self.row.as_ref().filter(|(place, _)| *place == (t, b)).map(|(_, (row, label))| (row.as_slice(), *label))
    }
}

fn refused(s: &Sample, tamper: impl FnOnce(&mut Tampered)) -> Violation {
    let mut witness = Tampered::new(s.train().unwrap());
    tamper(&mut witness);
    s.check(&witness).unwrap_err()
}

fn hidden(s: &Sample, place: Place, change: impl FnOnce(&mut HiddenCell)) -> Violation {
    let layout = CellLayout::of(&s.algorithm);
    refused(s, |w| {
        let (slot, t, b, j) = place;
        let mut cell = layout.unpack_hidden(w.trace.layers[slot].cell(t, b, j).unwrap());
        change(&mut cell);
        w.cell = Some((place, layout.pack_hidden(cell)));
    })
}

fn output(s: &Sample, place: Place, change: impl FnOnce(&mut OutputCell)) -> Violation {
    let layout = CellLayout::of(&s.algorithm);
    refused(s, |w| {
        let (slot, t, b, j) = place;
        let mut cell = layout.unpack_output(w.trace.layers[slot].cell(t, b, j).unwrap());
        change(&mut cell);
        w.cell = Some((place, layout.pack_output(cell)));
    })
}

/// Equation, step, layer, example, neuron.
fn place(v: &Violation) -> (Equation, u64, usize, usize, usize) {
    (v.equation, v.step, v.layer, v.example, v.neuron)
}

#[test]
fn honest_traces_are_accepted() {
    for seed in 0..60 {
        let s = sample(seed, 5, seed % 2 == 0);
        assert_eq!(s.check(&s.train().unwrap()), Ok(()), "seed {seed}");
    }
}

#[test]
fn a_changed_field_names_its_equation_and_place() {
    let s = model();
    let forward = |v| assert_eq!(place(&v), (Equation::Forward, 1, 1, 2, 3));
    forward(hidden(&s, (0, 1, 2, 3), |c| c.p += 1));
    forward(hidden(&s, (0, 1, 2, 3), |c| c.p = -c.p - 1));
    forward(hidden(&s, (0, 1, 2, 3), |c| c.rem_z ^= 1));
    let backward = |v| assert_eq!(place(&v), (Equation::Backward, 2, 2, 0, 5));
    backward(hidden(&s, (1, 2, 0, 5), |c| c.k -= 1));
    backward(hidden(&s, (1, 2, 0, 5), |c| c.rem_h ^= 64));
    let out = |v| assert_eq!(place(&v), (Equation::Output, 0, 3, 1, 2));
    out(output(&s, (2, 0, 1, 2), |c| c.g += 1));
    out(output(&s, (2, 0, 1, 2), |c| c.rem_l ^= 1));
}

#[test]
fn the_violation_gives_both_sides_and_reads_well() {
    let v = hidden(&model(), (0, 1, 2, 3), |c| c.p += 1);
    assert_eq!(v.value - v.expected, 1 << 7);
    let text = v.to_string();
    assert!(text.starts_with("Z + 2^(R-1) = 2^R P + rem_Z fails at step 1, layer 1, example 2, neuron 3: "), "{text}");
}

/// Catalogue 68, 72.
#[test]
fn bits_above_the_fields_are_refused() {
    let s = model();
    let layout = CellLayout::of(&s.algorithm);
    let v = refused(&s, |w| w.cell = Some(((0, 0, 0, 1), 1 << layout.bits(CellKind::Hidden))));
    assert_eq!(place(&v), (Equation::Slack, 0, 1, 0, 1));
    let v = refused(&s, |w| w.cell = Some(((2, 0, 0, 1), 1 << layout.bits(CellKind::Output))));
    assert_eq!(place(&v), (Equation::Slack, 0, 3, 0, 1));
}

/// Catalogue 75, 87.
#[test]
fn weights_at_either_end_are_bound() {
    let s = model();
    let v = refused(&s, |w| w.trace.end.layers[1].values[2 * 6 + 4] += 1);
    assert_eq!(place(&v), (Equation::Update, 3, 2, 2, 4));
    assert_eq!(v.value, v.expected + 1);
    let v = refused(&s, |w| w.trace.end.layers[2].values[6 * 3 + 1] -= 1);
    assert_eq!(place(&v), (Equation::Update, 3, 3, 6, 1));
    let v = refused(&s, |w| w.trace.start.layers[0].values[5 * 7] += 1);
    assert_eq!(place(&v), (Equation::Forward, 0, 1, 0, 0));
}

/// Catalogue 82.
#[test]
fn rows_are_the_scheduled_ones() {
    let s = model();
    let row = |index: u32, change: fn(&mut Vec<i32>, &mut u32)| {
        let (mut x, mut y) = s.point(index).map(|(x, y)| (x.to_vec(), y)).unwrap();
        change(&mut x, &mut y);
        (x, y)
    };
    let at = s.indices[1][2];
    let v = refused(&s, |w| w.row = Some(((1, 2), row(at, |x, _| x[3] += 1))));
    assert_eq!(place(&v), (Equation::Selection, 1, 0, 2, 3));
    let v = refused(&s, |w| w.row = Some(((1, 2), row(at, |_, y| *y += 1))));
    assert_eq!(v.equation, Equation::Selection);
    let v = refused(&s, |w| w.row = Some(((1, 2), row(at, |x, _| x.push(0)))));
    assert_eq!(v.equation, Equation::Shape);
    let mut same = Tampered::new(s.train().unwrap());
    same.row = Some(((1, 2), row(at, |_, _| ())));
    assert_eq!(s.check(&same), Ok(()));
}

/// The honest trace of `s` under a changed statement or data set.
fn under(s: &Sample, change: impl FnOnce(&mut Sample)) -> Violation {
    let trace = s.train().unwrap();
    let mut other = s.clone();
    change(&mut other);
    other.check(&trace).unwrap_err()
}

/// Catalogue 77, 84, 85.
#[test]
fn a_trace_of_another_statement_is_refused() {
    let s = model();
    assert_eq!(under(&s, |o| o.features[2][1] += 1).equation, Equation::Forward);
    assert_eq!(under(&s, |o| o.labels[0] = (o.labels[0] + 1) % 3).equation, Equation::Output);
    assert_eq!(under(&s, |o| o.indices.swap(1, 2)).equation, Equation::Forward);
    assert_eq!(place(&under(&s, |o| o.multipliers[1] += 1)).0, Equation::Output);
    assert_eq!(under(&s, |o| o.algorithm.r_l += 1).equation, Equation::Output);
    assert_eq!(under(&s, |o| o.algorithm.format.f_a += 1).equation, Equation::Forward);
    assert_eq!(under(&s, |o| o.multipliers[1] = 0), multiplier(0, 1));
    assert_eq!(under(&s, |o| o.multipliers[1] = 1 << 21), multiplier(1 << 21, 1 << 20));
    assert_eq!(under(&s, |o| o.first_step = 1).equation, Equation::Steps);
    assert_eq!(under(&s, |o| o.first_step = u64::MAX).equation, Equation::Steps);
    assert_eq!(under(&s, |o| o.indices[0][0] = 9).equation, Equation::Selection);
    assert_eq!(under(&s, |o| o.algorithm.input_max = 1).equation, Equation::Range);
    assert_eq!(under(&s, |o| o.labels = vec![3; 4]).equation, Equation::Label);
}

fn multiplier(value: i128, expected: i128) -> Violation {
    Violation { equation: Equation::Multiplier, step: 1, layer: 0, example: 0, neuron: 0, value, expected }
}

#[test]
fn other_sizes_are_refused() {
    let s = model();
    let shape = |v: Violation| assert_eq!(v.equation, Equation::Shape, "{v}");
    shape(under(&s, |o| drop(o.indices.pop())));
    shape(under(&s, |o| o.multipliers.truncate(2)));
    shape(under(&s, |o| o.algorithm.batch = 4));
    shape(under(&s, |o| o.algorithm.batch = 0));
    shape(under(&s, |o| o.algorithm.widths[1] = 8));
    shape(under(&s, |o| o.algorithm.widths[1] = 0));
    shape(under(&s, |o| o.algorithm.widths.push(3)));
    shape(under(&s, |o| o.features[3].truncate(4)));
    shape(under(&s, |o| (o.indices, o.multipliers) = (Vec::new(), Vec::new())));
    shape(refused(&s, |w| w.trace.layers[1].bytes.truncate(100)));
    shape(refused(&s, |w| drop(w.trace.layers.pop())));
    shape(refused(&s, |w| drop(w.trace.end.layers.pop())));
}

#[test]
fn sums_that_leave_126_bits_are_refused() {
    let format = Format { f_a: 16, f_g: 4, q: 31, q_g: 31 };
    let largest = (1 << 15) - 1;
    let inputs = 1 << 14;
    let (widths, batch, r_l) = (vec![inputs, 1], 1, 31);
    let algorithm = Algorithm { widths, format, batch, f_x: 0, r_l, max_steps: 1, input_min: 0, input_max: largest };
    let s = Sample {
        multipliers: vec![1 << 20],
        indices: vec![vec![0]],
        features: vec![vec![largest; inputs as usize]],
        labels: vec![0],
        start: Weights {
            layers: vec![LayerWeights {
                inputs: inputs as usize,
                outputs: 1,
                values: vec![i64::MAX; inputs as usize + 1],
            }],
        },
        first_step: 0,
        algorithm,
    };
    let zero = Sample { start: Weights::zeros(&[inputs, 1]), multipliers: vec![1], ..s.clone() };
    let trace = Trace { start: s.start.clone(), ..zero.train().unwrap() };
    assert_eq!(s.check(&trace).unwrap_err().equation, Equation::Magnitude);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Catalogue 118: the trace is unique: no single bit of any cell can change.
    #[test]
    fn every_flipped_bit_is_refused(seed: u64, fine: bool, pick: [u32; 5]) {
        let s = sample(seed, 3, fine);
        let trace = s.train().unwrap();
        let of = |n: usize, i: usize| pick[i] as usize % n;
        let slot = of(trace.layers.len(), 0);
        let cells = &trace.layers[slot];
        let at = (slot, of(trace.steps, 1), of(trace.batch, 2), of(cells.width, 3));
        let bit = of(8 * cells.stride, 4);
        let word = cells.cell(at.1, at.2, at.3).unwrap();
        let witness = Tampered { cell: Some((at, word ^ 1 << bit)), ..Tampered::new(trace) };
        let v = s.check(&witness).unwrap_err();
        prop_assert_eq!((v.step - s.first_step, v.layer, v.example, v.neuron), (at.1 as u64, slot + 1, at.2, at.3));
        prop_assert_eq!(v.equation, expected(&s, slot, bit as u32));
    }

    #[test]
    fn honest_traces_of_any_architecture_are_accepted(seed: u64, widths in prop::collection::vec(1u32..20, 2..7), steps in 1usize..6) {
        let s = sample_of(widths, &mut Draw::new(seed), steps, true);
        let trained = s.train();
        // Wide and deep networks of noise sometimes diverge, and leave their bits.
        prop_assume!(!matches!(trained, Err(TrainError::Overflow(_))));
        prop_assert_eq!(s.check(&trained.unwrap()), Ok(()));
    }
}

fn expected(s: &Sample, slot: usize, bit: u32) -> Equation {
    let layout = CellLayout::of(&s.algorithm);
    let kind = if slot + 1 < s.algorithm.layers() { CellKind::Hidden } else { CellKind::Output };
    match kind {
        _ if bit >= layout.bits(kind) => Equation::Slack,
        CellKind::Output => Equation::Output,
        CellKind::Hidden if bit < layout.p().offset => Equation::Backward,
        CellKind::Hidden => Equation::Forward,
    }
}
