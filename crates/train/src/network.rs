//! What training and evaluation share: how rows enter the network, and how its outputs are judged.

use crate::config::Algorithm;
use zkdl_dataset::number::{to_u32, to_usize};

/// What a step says about the model before its update. Floats for people; no integer depends on them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepMetrics {
    /// Mean over the batch of |Z^L - Y|^2 / 2 in real units.
    pub loss: f64,
    /// Rows whose largest output is their label's (the first of equals).
    pub correct: usize,
}

/// [A^0 | 2^f_A] from data rows: A^0 = 2^(f_A - f_X) x.
pub(crate) fn first_input(algorithm: &Algorithm, features: &[i32]) -> Vec<i64> {
    let shift = algorithm.format.f_a.saturating_sub(algorithm.f_x);
    let scaled = features.iter().map(|&x| i64::from(x) << shift);
    with_constant(scaled, algorithm.widths.first().copied().map_or(0, to_usize), algorithm.format.f_a)
}

/// Rows of `width` values, each followed by the bias's constant 2^f_A.
pub(crate) fn with_constant(values: impl ExactSizeIterator<Item = i64>, width: usize, f_a: u32) -> Vec<i64> {
    let constants = values.len().checked_div(width).unwrap_or(0);
    let mut rows = Vec::with_capacity(values.len().saturating_add(constants));
    for (place, value) in (1usize..).zip(values) {
        rows.push(value);
        if place.is_multiple_of(width) {
            rows.push(1 << f_a);
        }
    }
    rows
}

/// A^0 = 2^(f_A - f_X) x. It fits 32 bits in a valid configuration.
pub(crate) fn scaled(algorithm: &Algorithm, features: &[i32], input: &mut [i32]) {
    let shift = algorithm.format.f_a.saturating_sub(algorithm.f_x);
    input.iter_mut().zip(features).for_each(|(a, &x)| *a = x << shift);
}

/// The 1 of Y in the units of Z^L.
fn one(algorithm: &Algorithm) -> i128 {
    1 << algorithm.format.f_w().saturating_add(algorithm.format.f_a)
}

/// Z^L - 2^f_W Y, with Y = 2^f_A onehot(label).
#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "labels are classes, sums have 64 bits")]
pub(crate) fn output_errors(algorithm: &Algorithm, sums: &[i64], labels: &[u32]) -> Vec<i128> {
    let one = one(algorithm);
    let mut errors: Vec<i128> = sums.iter().map(|&z| i128::from(z)).collect();
    for (row, &label) in errors.chunks_exact_mut(classes(algorithm)).zip(labels) {
        row[to_usize(label)] -= one;
    }
    errors
}

/// Loss and correct rows from Z^L.
#[expect(clippy::as_conversions, reason = "floats for people")]
pub(crate) fn metrics(algorithm: &Algorithm, sums: &[i64], labels: &[u32]) -> StepMetrics {
    let unit = one(algorithm) as f64;
    let squares = output_errors(algorithm, sums, labels).into_iter().map(|error| (error as f64 / unit).powi(2));
    let loss = squares.sum::<f64>() / 2.0 / labels.len() as f64;
    let rows = sums.chunks_exact(classes(algorithm)).zip(labels);
    StepMetrics { loss, correct: rows.filter(|(row, label)| largest(row) == to_usize(**label)).count() }
}

/// The class of every row of outputs.
pub(crate) fn decisions(algorithm: &Algorithm, sums: &[i64]) -> Vec<u32> {
    sums.chunks_exact(classes(algorithm)).map(|row| to_u32(largest(row))).collect()
}

fn classes(algorithm: &Algorithm) -> usize {
    algorithm.widths.last().copied().map_or(0, to_usize)
}

/// Index of the largest value, the first of equals.
fn largest(row: &[i64]) -> usize {
    row.iter().enumerate().rev().max_by_key(|(_, value)| **value).map_or(0, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_gets_its_constant() {
        assert_eq!(with_constant([1, 2, 3, 4].into_iter(), 2, 3), [1, 2, 8, 3, 4, 8]);
        assert_eq!(with_constant([5, 6].into_iter(), 1, 0), [5, 1, 6, 1]);
    }

    #[test]
    fn the_first_of_equals_is_the_prediction() {
        assert_eq!(largest(&[1, 3, 3, 2]), 1);
        assert_eq!(largest(&[-4]), 0);
    }
}
