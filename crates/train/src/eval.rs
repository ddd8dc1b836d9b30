//! Integer inference: accuracy and loss of a model on labelled rows.
//!
//! The forward pass of training, rounding included, without its bounds: no cell is committed here, so P may have any size.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "evaluation only: sizes have been checked"
)]

use crate::config::Algorithm;
use crate::error::TrainError;
use crate::fixed::round_half_up;
use crate::gemm::{GemmError, Matrix, product};
use crate::network::{decisions, first_input, metrics, with_constant};
use crate::step::Batch;
use crate::weights::Weights;

/// Rows that go through the network at a time.
const BLOCK: usize = 1024;

/// How a model does on a set of rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Rows.
    pub rows: usize,
    /// Rows whose largest output is their label's (the first of equals).
    pub correct: usize,
    /// Mean of |Z^L - Y|^2 / 2 in real units.
    pub loss: f64,
}

impl Evaluation {
    /// Share of correct rows, 0 to 1; 0 for no rows.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.rows.max(1) as f64
    }
}

/// Evaluates `weights` on any number of rows (the batch size of `algorithm` plays no part).
///
/// # Errors
/// [`TrainError`] when configuration, weights and rows do not belong together, or a sum leaves 64 bits.
pub fn evaluate(algorithm: &Algorithm, weights: &Weights, rows: Batch<'_>) -> Result<Evaluation, TrainError> {
    algorithm.validate()?;
    weights.check_shape(&algorithm.widths)?;
    check_rows(algorithm, rows)?;
    let width = algorithm.widths[0] as usize;
    let mut total = Evaluation { rows: rows.labels.len(), correct: 0, loss: 0.0 };
    for (features, labels) in rows.features.chunks(BLOCK * width).zip(rows.labels.chunks(BLOCK)) {
        let found = metrics(algorithm, &outputs(algorithm, weights, features, labels.len())?, labels);
        total.correct += found.correct;
        total.loss += found.loss * labels.len() as f64 / rows.labels.len() as f64;
    }
    Ok(total)
}

/// The class that `weights` give each row of features: that of the largest output, the first of equals.
///
/// # Errors
/// As [`evaluate`].
pub fn predict(algorithm: &Algorithm, weights: &Weights, features: &[i32]) -> Result<Vec<u32>, TrainError> {
    algorithm.validate()?;
    weights.check_shape(&algorithm.widths)?;
    let width = algorithm.widths[0] as usize;
    let labels = vec![0; features.len() / width];
    check_rows(algorithm, Batch { features, labels: &labels })?;
    let mut classes = Vec::with_capacity(labels.len());
    for block in features.chunks(BLOCK * width) {
        classes.extend(decisions(algorithm, &outputs(algorithm, weights, block, block.len() / width)?));
    }
    Ok(classes)
}

/// Z^L of `count` rows.
fn outputs(algorithm: &Algorithm, weights: &Weights, features: &[i32], count: usize) -> Result<Vec<i64>, TrainError> {
    let (r, f_a) = (algorithm.format.f_w(), algorithm.format.f_a);
    let mut sums = Vec::new();
    let mut input = first_input(algorithm, features);
    for (index, layer) in weights.layers.iter().enumerate() {
        let source = |source: GemmError| TrainError::Product { step: 0, layer: index + 1, source };
        let a = Matrix::new(&input, count, layer.inputs + 1).map_err(source)?;
        let w = Matrix::new(&layer.values, layer.inputs + 1, layer.outputs).map_err(source)?;
        sums = product(a, w).map_err(source)?;
        let activations = sums.iter().map(|&z| round_half_up(i128::from(z), r).quotient.max(0) as i64);
        input = with_constant(activations, layer.outputs, f_a);
    }
    Ok(sums)
}

fn check_rows(algorithm: &Algorithm, rows: Batch<'_>) -> Result<(), TrainError> {
    let (features, labels) = (rows.features.len(), rows.labels.len());
    let expected_features = labels * algorithm.widths[0] as usize;
    if features != expected_features {
        let expected_labels = labels;
        return Err(TrainError::BatchSize { step: 0, features, labels, expected_features, expected_labels });
    }
    let classes = algorithm.widths[algorithm.layers()];
    match rows.labels.iter().position(|&label| label >= classes) {
        Some(example) => Err(TrainError::Label { step: 0, example, label: rows.labels[example], classes }),
        None => Ok(()),
    }
}
