//! One training step, bit for bit.
//!
//! The bias is the last row of W, read through a last column 2^f_A of A: Z = [A | 2^f_A] W, and the update of weights and bias is one
//! product [A | 2^f_A]^T G. Work: three products of B d_(l-1) d_l multiply-adds a layer (two in the first). Without an observer
//! nothing is kept of a step but its metrics.

use crate::cell::OutputCell;
use crate::config::{Algorithm, MULTIPLIER_LIMIT};
pub use crate::error::{CellTensor, Overflow, TrainError};
use crate::fixed::{Rounded, round_half_up, signed_range};
use crate::gemm::{GemmError, Matrix, product};
pub use crate::network::StepMetrics;
use crate::network::{first_input, metrics, output_errors, update_view, with_constant};
use crate::trace::TraceBuilder;
use crate::weights::Weights;

/// The rows of one step.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// B x d_0 integers, row-major, with f_X fraction bits.
    pub features: &'a [i32],
    /// B class numbers.
    pub labels: &'a [u32],
}

/// Every tensor of one step that its cells are made of.
pub(crate) struct Tape {
    /// [A^(l-1) | 2^f_A] of every layer, B x (d_(l-1) + 1).
    inputs: Vec<Vec<i64>>,
    /// Z^l, B x d_l.
    pub(crate) sums: Vec<Vec<i64>>,
    /// H^l of every hidden layer, B x d_l.
    pub(crate) back_sums: Vec<Vec<i64>>,
    /// G^l, B x d_l.
    gradients: Vec<Vec<i64>>,
    /// G^L and its remainders, B x d_L.
    pub(crate) outputs: Vec<OutputCell>,
}

/// The training run: weights and the number of the next step.
#[derive(Debug, Clone)]
pub struct Trainer {
    algorithm: Algorithm,
    weights: Weights,
    step: u64,
}

impl Trainer {
    /// A run from its first step.
    ///
    /// # Errors
    /// [`TrainError::Config`] or [`TrainError::Weights`].
    pub fn new(algorithm: &Algorithm, start: Weights) -> Result<Self, TrainError> {
        Self::resume(algorithm, start, 0)
    }

    /// A run from step `first_step` on, `start` being the weights before it.
    ///
    /// # Errors
    /// [`TrainError::Config`] or [`TrainError::Weights`].
    pub fn resume(algorithm: &Algorithm, start: Weights, first_step: u64) -> Result<Self, TrainError> {
        algorithm.validate()?;
        start.check_shape(&algorithm.widths)?;
        Ok(Self { algorithm: algorithm.clone(), weights: start, step: first_step })
    }

    /// The weights after the steps so far.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The weights, ending the run.
    pub fn into_weights(self) -> Weights {
        self.weights
    }

    /// The number of the next step, from 0 over the whole run.
    pub fn next_step(&self) -> u64 {
        self.step
    }

    /// One step on B rows with multiplier c_t; `observer` records its cells.
    ///
    /// # Errors
    /// [`TrainError`] for rows that do not belong to the configuration and for any value that does not fit its bits. The trainer
    /// is then of no further use: part of the update may have been made.
    pub fn step(
        &mut self,
        rows: Batch<'_>,
        c_t: u64,
        observer: Option<&mut TraceBuilder>,
    ) -> Result<StepMetrics, TrainError> {
        self.check_step(rows, c_t)?;
        let mut tape = self.forward(rows)?;
        self.output_gradient(&mut tape, rows.labels, c_t)?;
        self.backward(&mut tape)?;
        self.update(&tape)?;
        let metrics = metrics(&self.algorithm, &tape.sums[self.algorithm.layers() - 1], rows.labels);
        if let Some(builder) = observer {
            builder.record(&tape, metrics);
        }
        self.step += 1;
        Ok(metrics)
    }

    fn check_step(&self, rows: Batch<'_>, c_t: u64) -> Result<(), TrainError> {
        let (step, max_steps) = (self.step, self.algorithm.max_steps);
        if step >= max_steps {
            return Err(TrainError::RunOver { step, max_steps });
        }
        if c_t == 0 || c_t > MULTIPLIER_LIMIT {
            return Err(TrainError::Multiplier { step, value: c_t });
        }
        let expected_labels = self.batch();
        let expected_features = expected_labels * self.algorithm.widths[0] as usize;
        let (features, labels) = (rows.features.len(), rows.labels.len());
        if features != expected_features || labels != expected_labels {
            return Err(TrainError::BatchSize { step, features, labels, expected_features, expected_labels });
        }
        self.check_rows(rows)
    }

    fn check_rows(&self, rows: Batch<'_>) -> Result<(), TrainError> {
        let step = self.step;
        let (min, max) = (self.algorithm.input_min, self.algorithm.input_max);
        if let Some(place) = rows.features.iter().position(|&value| value < min || value > max) {
            let (example, feature) = place_of(place, self.algorithm.widths[0]);
            return Err(TrainError::Input { step, example, feature, value: rows.features[place], min, max });
        }
        let classes = self.algorithm.widths[self.algorithm.layers()];
        if let Some(example) = rows.labels.iter().position(|&label| label >= classes) {
            return Err(TrainError::Label { step, example, label: rows.labels[example], classes });
        }
        Ok(())
    }

    fn forward(&self, rows: Batch<'_>) -> Result<Tape, TrainError> {
        let mut input = first_input(&self.algorithm, rows.features);
        let (mut inputs, mut sums) = (Vec::new(), Vec::new());
        for (index, layer) in self.weights.layers.iter().enumerate() {
            let z = self.product(
                index + 1,
                Matrix::new(&input, self.batch(), layer.inputs + 1),
                Matrix::new(&layer.values, layer.inputs + 1, layer.outputs),
            )?;
            inputs.push(input);
            input = if index + 1 < self.algorithm.layers() { self.activate(index + 1, &z)? } else { Vec::new() };
            sums.push(z);
        }
        Ok(Tape { inputs, sums, back_sums: Vec::new(), gradients: Vec::new(), outputs: Vec::new() })
    }

    /// [A^l | 2^f_A] from Z^l; every P must fit Q bits.
    fn activate(&self, layer: usize, sums: &[i64]) -> Result<Vec<i64>, TrainError> {
        let p = self.rounded(layer, CellTensor::P, sums)?;
        let width = self.algorithm.widths[layer] as usize;
        Ok(with_constant(p.into_iter().map(|p| p.max(0)), width, self.algorithm.format.f_a))
    }

    /// P from Z, or K from H.
    fn rounded(&self, layer: usize, tensor: CellTensor, sums: &[i64]) -> Result<Vec<i64>, TrainError> {
        let r = self.algorithm.format.f_w();
        let round =
            |(place, &sum): (usize, &i64)| self.fit(layer, tensor, place, round_half_up(i128::from(sum), r).quotient);
        sums.iter().enumerate().map(round).collect()
    }

    /// G^L and its remainders.
    fn output_gradient(&self, tape: &mut Tape, labels: &[u32], c_t: u64) -> Result<(), TrainError> {
        let layer = self.algorithm.layers();
        let errors = output_errors(&self.algorithm, &tape.sums[layer - 1], labels);
        let mut outputs = Vec::with_capacity(errors.len());
        for (place, &error) in errors.iter().enumerate() {
            let Rounded { quotient, remainder } = round_half_up(i128::from(c_t) * error, self.algorithm.r_l);
            outputs.push(OutputCell { g: self.fit(layer, CellTensor::G, place, quotient)?, rem_l: remainder });
        }
        tape.gradients = vec![outputs.iter().map(|cell| cell.g).collect()];
        tape.outputs = outputs;
        Ok(())
    }

    /// H^l, K^l and G^l for l = L-1 down to 1.
    fn backward(&self, tape: &mut Tape) -> Result<(), TrainError> {
        for layer in (1..self.algorithm.layers()).rev() {
            let next = &self.weights.layers[layer];
            let gradient = &tape.gradients[tape.gradients.len() - 1];
            let h = self.product(
                layer,
                Matrix::new(gradient, self.batch(), next.outputs),
                Matrix::new(next.matrix(), next.inputs, next.outputs).map(Matrix::transposed),
            )?;
            let mut k = self.rounded(layer, CellTensor::K, &h)?;
            self.mask(&mut k, &tape.sums[layer - 1]);
            tape.gradients.push(k);
            tape.back_sums.push(h);
        }
        tape.gradients.reverse();
        tape.back_sums.reverse();
        Ok(())
    }

    /// G = K where P >= 0, else 0. P >= 0 is Z + 2^(R-1) >= 0.
    fn mask(&self, k: &mut [i64], sums: &[i64]) {
        let half = 1i64 << (self.algorithm.format.f_w() - 1);
        for (k, &z) in k.iter_mut().zip(sums) {
            if z < -half {
                *k = 0;
            }
        }
    }

    /// W -= A^T G and b -= 2^f_A 1^T G, never rounded.
    fn update(&mut self, tape: &Tape) -> Result<(), TrainError> {
        for index in 0..self.weights.layers.len() {
            let (inputs, outputs) = (self.weights.layers[index].inputs, self.weights.layers[index].outputs);
            let change = self.product(
                index + 1,
                Matrix::new(update_view(&tape.inputs[index]), self.batch(), inputs + 1).map(Matrix::transposed),
                Matrix::new(&tape.gradients[index], self.batch(), outputs),
            )?;
            self.apply(index, &change)?;
        }
        Ok(())
    }

    fn apply(&mut self, index: usize, change: &[i64]) -> Result<(), TrainError> {
        let layer = &mut self.weights.layers[index];
        for (place, (weight, &delta)) in layer.values.iter_mut().zip(change).enumerate() {
            let Some(updated) = weight.checked_sub(delta) else {
                let (input, neuron) = (place / layer.outputs, place % layer.outputs);
                return Err(TrainError::WeightOverflow { step: self.step, layer: index + 1, input, neuron });
            };
            *weight = updated;
        }
        Ok(())
    }

    fn product(
        &self,
        layer: usize,
        a: Result<Matrix<'_>, GemmError>,
        b: Result<Matrix<'_>, GemmError>,
    ) -> Result<Vec<i64>, TrainError> {
        let exact = a.and_then(|a| product(a, b?));
        exact.map_err(|source| TrainError::Product { step: self.step, layer, source })
    }

    /// `value` if it fits the bits of its tensor.
    fn fit(&self, layer: usize, tensor: CellTensor, place: usize, value: i128) -> Result<i64, TrainError> {
        let bits = match tensor {
            CellTensor::P => self.algorithm.format.q,
            CellTensor::K | CellTensor::G => self.algorithm.format.q_g,
        };
        let (low, high) = signed_range(bits);
        match i64::try_from(value) {
            Ok(fits) if (low..=high).contains(&fits) => Ok(fits),
            _ => {
                let (example, neuron) = place_of(place, self.algorithm.widths[layer]);
                let step = self.step;
                Err(TrainError::Overflow(Overflow { step, layer, example, neuron, tensor, value, bits }))
            }
        }
    }

    fn batch(&self) -> usize {
        self.algorithm.batch as usize
    }
}

/// Row and column of a row-major index.
fn place_of(index: usize, width: u32) -> (usize, usize) {
    (index / width as usize, index % width as usize)
}
