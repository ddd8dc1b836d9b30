//! Exactly one witness: in formats so small that all of them can be tried (Q 3, R 2), every assignment of bits to every cell.
//!
//! Where the trainer overflows there is none. The checker reads the final weights last, so an assignment of cells that gets as
//! far as they do is tried with every end, and one that does not has no end that would save it.

use crate::samples::Sample;
use rayon::prelude::*;
use zkdl_train::check::Equation;
use zkdl_train::{Algorithm, Format, TrainError, Weights, Witness};

/// A window of one step on one example.
struct Candidate<'a> {
    start: &'a Weights,
    end: Weights,
    /// `[layer][neuron]`
    cells: Vec<Vec<u128>>,
}

impl Witness for Candidate<'_> {
    fn start(&self) -> &Weights {
        self.start
    }

    fn end(&self) -> &Weights {
        &self.end
    }

    fn steps(&self) -> usize {
        1
    }

    fn cell(&self, slot: usize, _t: usize, _b: usize, j: usize) -> Option<u128> {
        self.cells.get(slot)?.get(j).copied()
    }
}

/// One step on the point (x, class 0).
fn sample(widths: &[u32], x: i32, multiplier: u64, start: &[i64]) -> Sample {
    let format = Format { f_a: 1, f_g: 1, q: 3, q_g: 2 };
    let (widths, batch, r_l) = (widths.to_vec(), 1, 2);
    let algorithm = Algorithm { widths, format, batch, f_x: 1, r_l, max_steps: 1, input_min: -2, input_max: 2 };
    let mut weights = Weights::zeros(&algorithm.widths);
    let places = weights.layers.iter_mut().flat_map(|layer| &mut layer.values);
    for (place, value) in places.zip(start) {
        *place = *value;
    }
    Sample {
        algorithm,
        multipliers: vec![multiplier],
        indices: vec![vec![0]],
        features: vec![vec![x]],
        labels: vec![0],
        start: weights,
        first_step: 0,
    }
}

/// Bits of the cells of layer `slot` + 1, with `slack` of those above its fields.
fn bits(s: &Sample, slot: usize, slack: u32) -> u32 {
    let Format { q, q_g, .. } = s.algorithm.format;
    let fields =
        if slot + 1 < s.algorithm.layers() { q + q_g + 2 * s.algorithm.format.f_w() } else { q_g + s.algorithm.r_l };
    fields + slack
}

/// All cells from the bits of one number.
fn cells(s: &Sample, slack: u32, mut word: u64) -> Vec<Vec<u128>> {
    let mut take = |n: u32| {
        let field = word & ((1 << n) - 1);
        word >>= n;
        u128::from(field)
    };
    let layer = |slot: usize| (0..s.algorithm.widths[slot + 1]).map(|_| take(bits(s, slot, slack))).collect();
    (0..s.algorithm.layers()).map(layer).collect()
}

/// Every assignment of bits that satisfies all equations but those of the final weights.
fn traces(s: &Sample, slack: u32) -> Vec<Vec<Vec<u128>>> {
    let width = |slot: usize| bits(s, slot, slack) * s.algorithm.widths[slot + 1];
    let total: u32 = (0..s.algorithm.layers()).map(width).sum();
    // No end of this size is right: an assignment that reaches the comparison of ends fails there, and there only.
    let far = Weights {
        layers: s
            .start
            .layers
            .iter()
            .map(|l| {
                let mut l = l.clone();
                l.values.fill(1 << 40);
                l
            })
            .collect(),
    };
    let reaches_the_end = |word: u64| {
        let candidate = Candidate { start: &s.start, end: far.clone(), cells: cells(s, slack, word) };
        let violation = s.check(&candidate).unwrap_err();
        (violation.equation == Equation::Update).then_some(candidate.cells)
    };
    (0..1u64 << total).into_par_iter().filter_map(reaches_the_end).collect()
}

/// The trainer's cells, unless it overflows.
fn trained(s: &Sample) -> Option<(Vec<Vec<u128>>, Weights)> {
    match s.train() {
        Ok(trace) => {
            let cell = |slot: usize, j| trace.layers[slot].cell(0, 0, j).unwrap();
            let layer = |slot: usize| (0..s.algorithm.widths[slot + 1] as usize).map(|j| cell(slot, j)).collect();
            Some(((0..s.algorithm.layers()).map(layer).collect(), trace.end))
        }
        Err(TrainError::Overflow(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Counts samples whose one witness is the trainer's, and samples that have none.
fn count(samples: impl IntoIterator<Item = Sample>, slack: u32) -> [usize; 2] {
    let mut counts = [0; 2];
    for s in samples {
        let expected = trained(&s);
        counts[usize::from(expected.is_none())] += 1;
        let expected: Vec<_> = expected.into_iter().map(|(cells, _)| cells).collect();
        assert_eq!(traces(&s, slack), expected, "{:?} {:?} {:?}", s.features, s.multipliers, s.start);
    }
    counts
}

/// Catalogue 61-67, 72, 118: one hidden neuron and one output, a slack bit in each cell; Z takes every value from far below
/// zero to beyond what P can hold, ties and zero among them.
#[test]
fn one_neuron_has_one_witness() {
    let samples = (-10..=8).flat_map(|bias| [0, 1].map(|x| sample(&[1, 1, 1], x, 1, &[1, bias, 1, 1])));
    let [unique, none] = count(samples, 1);
    assert!(unique > 10 && none > 5, "{unique} {none}");
}

/// Catalogue 118: two hidden neurons, so that bits of one could make up for those of the other.
#[test]
fn two_neurons_have_one_witness() {
    let starts = [[1, -3, 2, 5, 3, -2, 3], [2, 2, -2, -2, 1, 1, 4]];
    let [unique, none] = count(starts.map(|start| sample(&[1, 2, 1], 1, 1, &start)), 0);
    assert_eq!([unique, none], [2, 0]);
}

/// Catalogue 75, 118: with the right cells, of all ends near the start exactly one is right.
#[test]
fn the_end_is_unique() {
    for start in [[1, 3, 2, 3], [3, 2, 1, 2], [-3, 1, 2, 4]] {
        let s = sample(&[1, 1, 1], 2, 1, &start);
        let (cells, expected) = trained(&s).unwrap();
        let accepted: Vec<Weights> = (0..17u32.pow(4))
            .into_par_iter()
            .filter_map(|code| {
                let mut end = s.start.clone();
                let mut rest = code;
                for value in end.layers.iter_mut().flat_map(|layer| &mut layer.values) {
                    *value += i64::from(rest % 17) - 8;
                    rest /= 17;
                }
                let candidate = Candidate { start: &s.start, end, cells: cells.clone() };
                s.check(&candidate).is_ok().then_some(candidate.end)
            })
            .collect();
        assert_eq!(accepted, [expected]);
    }
}
