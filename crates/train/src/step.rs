//! One training step, bit for bit.
//!
//! The bias is the last row of W, read through 2^f_A. Work: three products of B d_(l-1) d_l multiply-adds a layer, two in the first.
//! Backwards, a layer's weights are read for H and updated in one visit, so a step reads them twice and writes them once. Memory
//! beside the weights: about 24 bytes a cell of one step; nothing of the size of a layer's weights, as long as their magnitudes are
//! below 2^29. Without an observer nothing is kept of a step but its metrics.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "training only: sizes and magnitudes have been checked"
)]

use crate::cell::OutputCell;
use crate::config::{Algorithm, MULTIPLIER_LIMIT};
pub use crate::error::{CellTensor, Overflow, TrainError};
use crate::fixed::{Activate, Gate, Rounded, round_half_up, signed_range};
use crate::gemm::GemmError;
use crate::layer::{Engine, Input, UpdateError, general_update};
pub use crate::network::StepMetrics;
use crate::network::{metrics, output_errors, scaled};
use crate::split::{bits, magnitude};
use crate::trace::TraceBuilder;
use crate::weights::{LayerWeights, Weights};
use rayon::prelude::*;
use zeroize::Zeroize;

/// Values from which threads pay when they are rounded.
const PARALLEL_VALUES: usize = 1 << 15;
/// Values that a thread rounds at a time.
const PIECE: usize = 1 << 13;

/// The rows of one step.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// B x d_0 integers, row-major, with f_X fraction bits.
    pub features: &'a [i32],
    /// B class numbers.
    pub labels: &'a [u32],
}

/// Every tensor of the step at hand. Made by the first step and overwritten by the next, so that a step allocates little.
#[derive(Clone, Default)]
struct Tape {
    /// A^(l-1) of every layer, B x d_(l-1).
    inputs: Vec<Vec<i32>>,
    /// Z^l, B x d_l.
    sums: Vec<Vec<i64>>,
    /// G^l, B x d_l.
    gradients: Vec<Vec<i32>>,
    /// H^l of the hidden layer at hand, in a buffer for the widest.
    back_sums: Vec<i64>,
}

/// Activations and gradients are secret: they are erased from memory when dropped.
impl Drop for Tape {
    fn drop(&mut self) {
        self.inputs.zeroize();
        self.sums.zeroize();
        self.gradients.zeroize();
        self.back_sums.zeroize();
    }
}

/// Nothing: activations and gradients are secret.
impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tape")
    }
}

/// The training run: weights and the number of the next step.
#[derive(Debug, Clone)]
pub struct Trainer {
    algorithm: Algorithm,
    weights: Weights,
    /// No weight of a layer, biases apart, is larger than two to this.
    sizes: Vec<u32>,
    step: u64,
    tape: Tape,
    engine: Engine,
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
        let sizes = start.layers.iter().map(size).collect();
        let (algorithm, tape, engine) = (algorithm.clone(), Tape::default(), Engine::new());
        Ok(Self { algorithm, weights: start, sizes, step: first_step, tape, engine })
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
        mut observer: Option<&mut TraceBuilder>,
    ) -> Result<StepMetrics, TrainError> {
        self.check_step(rows, c_t)?;
        if self.tape.inputs.is_empty() {
            self.tape = Tape::new(&self.algorithm);
        }
        self.forward(rows)?;
        let outputs = self.output_gradient(rows.labels, c_t)?;
        self.backward(observer.as_deref_mut())?;
        let metrics = metrics(&self.algorithm, &self.tape.sums[self.algorithm.layers() - 1], rows.labels);
        if let Some(builder) = observer {
            builder.outputs(&outputs);
            builder.end_step(metrics);
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

    /// Z of every layer and what the layers read.
    fn forward(&mut self, rows: Batch<'_>) -> Result<(), TrainError> {
        scaled(&self.algorithm, rows.features, &mut self.tape.inputs[0]);
        for index in 0..self.algorithm.layers() {
            let Tape { inputs, sums, .. } = &mut self.tape;
            let input = input_of(&self.algorithm, &inputs[index]);
            let (weights, size) = (&self.weights.layers[index], self.sizes[index]);
            let done = self.engine.forward(input, weights, size, &mut sums[index]);
            done.map_err(|source| self.product_error(index + 1, source))?;
            if index + 1 < self.algorithm.layers() {
                self.activate(index + 1)?;
            }
        }
        Ok(())
    }

    /// A^l from Z^l; every P must fit Q bits.
    fn activate(&mut self, layer: usize) -> Result<(), TrainError> {
        let (machine, r, q) = (self.engine.machine(), self.algorithm.format.f_w(), self.algorithm.format.q);
        let Tape { inputs, sums, .. } = &mut self.tape;
        let (z, a) = (&sums[layer - 1], &mut inputs[layer]);
        let fits = in_pieces(a, |from, a| machine.run(Activate { z: &z[from..from + a.len()], a, r, q }));
        if fits { Ok(()) } else { self.overflow(layer, CellTensor::P, &self.tape.sums[layer - 1]) }
    }

    /// G^L and its remainders.
    fn output_gradient(&mut self, labels: &[u32], c_t: u64) -> Result<Vec<OutputCell>, TrainError> {
        let layer = self.algorithm.layers();
        let errors = output_errors(&self.algorithm, &self.tape.sums[layer - 1], labels);
        let mut outputs = Vec::with_capacity(errors.len());
        for (place, &error) in errors.iter().enumerate() {
            let Rounded { quotient, remainder } = round_half_up(i128::from(c_t) * error, self.algorithm.r_l);
            outputs.push(OutputCell { g: self.fit(layer, CellTensor::G, place, quotient)?, rem_l: remainder });
        }
        // G fits Q_G bits, at most 31.
        let gradient = &mut self.tape.gradients[layer - 1];
        gradient.iter_mut().zip(&outputs).for_each(|(g, cell)| *g = cell.g as i32);
        Ok(outputs)
    }

    /// From the last layer down: H^(l-1), the update of layer l, G^(l-1). Updates that may fail come last.
    fn backward(&mut self, mut observer: Option<&mut TraceBuilder>) -> Result<(), TrainError> {
        let mut late = Vec::new();
        for index in (0..self.algorithm.layers()).rev() {
            if !self.back_and_update(index)? {
                late.push(index);
            }
            if index > 0 {
                self.gate(index)?;
                if let Some(builder) = observer.as_deref_mut() {
                    let z = &self.tape.sums[index - 1];
                    builder.hidden(self.engine.machine(), index, z, &self.tape.back_sums[..z.len()]);
                }
            }
        }
        late.into_iter().rev().try_for_each(|index| self.late_update(index))
    }

    /// H of the layer below, if there is one, and the update. False if the update is still to be made.
    fn back_and_update(&mut self, index: usize) -> Result<bool, TrainError> {
        let Tape { inputs, gradients, back_sums, .. } = &mut self.tape;
        let input = input_of(&self.algorithm, &inputs[index]);
        let (weights, size) = (&mut self.weights.layers[index], &mut self.sizes[index]);
        let h = (index > 0).then(|| &mut back_sums[..input.values.len()]);
        let done = self.engine.backward(input, &gradients[index], weights, size, h);
        done.map_err(|source| self.product_error(index, source))
    }

    /// G^l from H^l and Z^l; every K must fit Q_G bits. P >= 0 also where it is 0, so A does not tell.
    fn gate(&mut self, layer: usize) -> Result<(), TrainError> {
        let (machine, r, q_g) = (self.engine.machine(), self.algorithm.format.f_w(), self.algorithm.format.q_g);
        let Tape { sums, gradients, back_sums, .. } = &mut self.tape;
        let (z, g) = (&sums[layer - 1], &mut gradients[layer - 1]);
        let h = &back_sums[..z.len()];
        let fits = in_pieces(g, |from, g| {
            let place = from..from + g.len();
            machine.run(Gate { h: &h[place.clone()], z: &z[place], g, r, q_g })
        });
        let values = z.len();
        if fits { Ok(()) } else { self.overflow(layer, CellTensor::K, &self.tape.back_sums[..values]) }
    }

    /// An update with values of any size.
    fn late_update(&mut self, index: usize) -> Result<(), TrainError> {
        let (step, layer) = (self.step, index + 1);
        let input = input_of(&self.algorithm, &self.tape.inputs[index]);
        let weights = &mut self.weights.layers[index];
        let done = general_update(input, &self.tape.gradients[index], weights);
        self.sizes[index] = size(weights);
        done.map_err(|error| match error {
            UpdateError::Product(source) => TrainError::Product { step, layer, source },
            UpdateError::Overflow { input, neuron } => TrainError::WeightOverflow { step, layer, input, neuron },
        })
    }

    fn product_error(&self, layer: usize, source: GemmError) -> TrainError {
        TrainError::Product { step: self.step, layer, source }
    }

    /// The first of `sums` that, rounded, does not fit the bits of its tensor.
    fn overflow(&self, layer: usize, tensor: CellTensor, sums: &[i64]) -> Result<(), TrainError> {
        let r = self.algorithm.format.f_w();
        for (place, &sum) in sums.iter().enumerate() {
            self.fit(layer, tensor, place, round_half_up(i128::from(sum), r).quotient)?;
        }
        Ok(())
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

impl Tape {
    fn new(algorithm: &Algorithm) -> Self {
        let sizes = algorithm.widths.iter().map(|&width| algorithm.batch as usize * width as usize);
        let sizes: Vec<usize> = sizes.collect();
        let (reads, writes) = (&sizes[..algorithm.layers()], &sizes[1..]);
        Self {
            inputs: reads.iter().map(|&size| vec![0; size]).collect(),
            sums: writes.iter().map(|&size| vec![0; size]).collect(),
            gradients: writes.iter().map(|&size| vec![0; size]).collect(),
            back_sums: vec![0; reads[1..].iter().copied().max().unwrap_or(0)],
        }
    }
}

fn input_of<'a>(algorithm: &Algorithm, values: &'a [i32]) -> Input<'a> {
    Input { values, batch: algorithm.batch as usize, f_a: algorithm.format.f_a }
}

/// Bits of the largest weight of a layer, biases apart.
fn size(layer: &LayerWeights) -> u32 {
    bits(layer.matrix().par_chunks(PARALLEL_VALUES).map(magnitude).reduce(|| 0, |a, b| a | b))
}

/// Whether `pass` succeeds on all pieces of `values`, given where they begin.
fn in_pieces(values: &mut [i32], pass: impl Fn(usize, &mut [i32]) -> bool + Sync) -> bool {
    if values.len() < PARALLEL_VALUES {
        return pass(0, values);
    }
    let pieces = values.par_chunks_mut(PIECE).enumerate();
    pieces.map(|(index, piece)| pass(index * PIECE, piece)).reduce(|| true, |a, b| a && b)
}

/// Row and column of a row-major index.
fn place_of(index: usize, width: u32) -> (usize, usize) {
    (index / width as usize, index % width as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Format;
    use crate::init::initial_weights;
    use crate::trace::Trace;
    use zkdl_dataset::KeyStream;

    fn algorithm(f_g: u32) -> Algorithm {
        let (widths, format) = (vec![45, 70, 33, 10], Format { f_a: 8, f_g, q: 14, q_g: 12 });
        let (batch, f_x, r_l, max_steps, input_min, input_max) = (19, 8, 37, 100, 0, 255);
        Algorithm { widths, format, batch, f_x, r_l, max_steps, input_min, input_max }
    }

    /// Four steps on noise, the first feature always 0, with an engine; their trace.
    fn run(algorithm: &Algorithm, engine: Engine, start: &Weights) -> Result<Trace, TrainError> {
        let mut stream = KeyStream::derive("test", &[]);
        let mut trainer = Trainer::new(algorithm, start.clone())?;
        trainer.engine = engine;
        let mut builder = TraceBuilder::new(algorithm, 0, start.clone());
        for _ in 0..4 {
            let feature = |place| if place % 45 == 0 { 0 } else { (stream.next_word() & 0xff) as i32 };
            let features: Vec<i32> = (0..19 * 45).map(feature).collect();
            let labels: Vec<u32> = (0..19).map(|_| (stream.next_word() % 10) as u32).collect();
            trainer.step(Batch { features: &features, labels: &labels }, 20_000, Some(&mut builder))?;
        }
        Ok(builder.finish(trainer.into_weights()))
    }

    /// Catalogue 123.
    #[test]
    fn every_engine_gives_the_same_trace() {
        for (f_g, unread) in [(13, 0), (16, 0), (16, 1 << 40)] {
            let algorithm = algorithm(f_g);
            let mut start = initial_weights(&algorithm, &[3; 32], &[4; 32]);
            // Large weights of the first feature make its layer take the general path, and only that.
            start.layers[0].values[..70].fill(unread);
            let general = run(&algorithm, Engine::general(), &start).unwrap();
            for engine in Engine::short() {
                assert_eq!(run(&algorithm, engine, &start).as_ref(), Ok(&general), "f_G {f_g}");
            }
        }
    }

    #[test]
    fn every_engine_stops_with_the_same_error() {
        // K of layer 1 overflows: the general path has updated nothing yet, the short one the layers above.
        let algorithm = algorithm(13);
        let mut start = initial_weights(&algorithm, &[3; 32], &[4; 32]);
        start.layers[1].values[33 * 7..33 * 8].fill(1 << 28);
        let general = run(&algorithm, Engine::general(), &start).unwrap_err();
        assert!(matches!(general, TrainError::Overflow(_)), "{general}");
        for engine in Engine::short() {
            assert_eq!(run(&algorithm, engine, &start).as_ref(), Err(&general));
        }
    }
}
