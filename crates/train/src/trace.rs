//! The trace of a window of consecutive steps: the cells a proof commits to, and the weights at both ends.
//!
//! Cells are stored packed, one layer after another: `bytes` of a layer holds its cells in the order (t, b, j), each in its stride,
//! little endian. With the default format a hidden cell takes 8 bytes and an output cell 6.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a trace is the trainer's: its sizes are those of a checked configuration that fits memory"
)]

use crate::cell::{CellKind, CellLayout, OutputCell};
use crate::config::Algorithm;
use crate::kernel::Machine;
use crate::pack::pack_hidden;
use crate::step::{Batch, StepMetrics, TrainError, Trainer};
use crate::weights::Weights;
use rayon::prelude::*;
use zeroize::Zeroize;

/// Cells of one layer and step from which threads pay.
const PARALLEL_CELLS: usize = 1 << 15;
/// Cells that a thread packs at a time.
const PIECE: usize = 1 << 13;

/// The cells of one layer over all steps of a window.
#[derive(Clone, PartialEq, Eq)]
pub struct LayerCells {
    /// Hidden or output.
    pub kind: CellKind,
    /// d_l: neurons.
    pub width: usize,
    /// B: rows of a step.
    pub batch: usize,
    /// Bytes a cell takes.
    pub stride: usize,
    /// All cells in the order (t, b, j).
    pub bytes: Vec<u8>,
}

/// Cells are secret: they are erased from memory when dropped.
impl Drop for LayerCells {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Sizes only: cells are secret.
impl std::fmt::Debug for LayerCells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LayerCells({:?}, width {}, {} bytes)", self.kind, self.width, self.bytes.len())
    }
}

/// Everything a proof of a window is made from, but the data rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Number of the first step, from 0 over the whole run.
    pub first_step: u64,
    /// T: steps of the window.
    pub steps: usize,
    /// B: rows of a step.
    pub batch: usize,
    /// Cells of layer 1 first.
    pub layers: Vec<LayerCells>,
    /// Weights before the first step.
    pub start: Weights,
    /// Weights after the last step.
    pub end: Weights,
    /// Loss and correct rows of every step.
    pub metrics: Vec<StepMetrics>,
}

/// Collects the cells of a window, step by step.
#[derive(Debug, Clone)]
pub struct TraceBuilder {
    layout: CellLayout,
    expected: usize,
    trace: Trace,
}

impl LayerCells {
    /// The bits of cell (t, b, j), or `None` when there is no such cell.
    pub fn cell(&self, t: usize, b: usize, j: usize) -> Option<u128> {
        if b >= self.batch || j >= self.width {
            return None;
        }
        let from = ((t * self.batch + b) * self.width + j) * self.stride;
        let stored = self.bytes.get(from..from + self.stride)?;
        let mut word = [0; 16];
        word.get_mut(..self.stride)?.copy_from_slice(stored);
        Some(u128::from_le_bytes(word))
    }

    /// Bytes of the cells (t, b, 0), (t, b, 1), ..; `None` beyond the window.
    pub fn row(&self, t: usize, b: usize) -> Option<&[u8]> {
        let size = self.width * self.stride;
        let from = (t * self.batch + b) * size;
        if b < self.batch { self.bytes.get(from..from + size) } else { None }
    }

    /// Bytes of one step.
    fn step_bytes(&self) -> usize {
        self.batch * self.width * self.stride
    }

    /// The bytes of step `t`, zero until they are written. Memory for `expected` steps is taken at once, and then doubled.
    fn step_mut(&mut self, t: usize, expected: usize) -> &mut [u8] {
        let size = self.step_bytes();
        let end = (t + 1) * size;
        if self.bytes.len() < end {
            // Not left to the vector, which would leave a copy of secret bytes behind.
            let mut grown = vec![0; end.max(expected * size).max(2 * self.bytes.len())];
            grown[..self.bytes.len()].copy_from_slice(&self.bytes);
            self.bytes.zeroize();
            self.bytes = grown;
        }
        &mut self.bytes[t * size..end]
    }
}

impl TraceBuilder {
    /// A builder for a window that starts at `first_step` from the weights `start`; the algorithm must be valid.
    pub fn new(algorithm: &Algorithm, first_step: u64, start: Weights) -> Self {
        Self::for_steps(algorithm, first_step, start, 0)
    }

    /// The same where `expected` steps will follow: their memory is taken at once, by the first. There may be more or fewer.
    pub fn for_steps(algorithm: &Algorithm, first_step: u64, start: Weights, expected: usize) -> Self {
        let layout = CellLayout::of(algorithm);
        let batch = algorithm.batch as usize;
        let last = algorithm.layers();
        let layers = (1..=last).map(|layer| {
            let kind = if layer < last { CellKind::Hidden } else { CellKind::Output };
            let (width, stride) = (algorithm.widths[layer] as usize, layout.stride_bytes(kind));
            LayerCells { kind, width, batch, stride, bytes: Vec::new() }
        });
        let layers = layers.collect();
        let end = Weights { layers: Vec::new() };
        Self { layout, expected, trace: Trace { first_step, steps: 0, batch, layers, start, end, metrics: Vec::new() } }
    }

    /// The trace of the steps recorded, `end` being the weights after them.
    pub fn finish(self, end: Weights) -> Trace {
        let mut trace = self.trace;
        for cells in &mut trace.layers {
            // What lies beyond is zero, or of a step that failed: it stays in the capacity, which is erased with the rest.
            cells.bytes.truncate(trace.steps * cells.step_bytes());
        }
        Trace { end, ..trace }
    }

    /// The cells of a hidden layer, from 1, in the step at hand; the step has checked that they fit.
    pub(crate) fn hidden(&mut self, machine: Machine, layer: usize, z: &[i64], h: &[i64]) {
        let (layout, step, expected) = (self.layout, self.trace.steps, self.expected);
        let Some(cells) = self.trace.layers.get_mut(layer - 1) else { return };
        let (stride, bytes) = (cells.stride, cells.step_mut(step, expected));
        if z.len() < PARALLEL_CELLS {
            return pack_hidden(machine, layout, z, h, bytes);
        }
        let pieces = z.par_chunks(PIECE).zip(h.par_chunks(PIECE)).zip(bytes.par_chunks_mut(PIECE * stride));
        pieces.for_each(|((z, h), bytes)| pack_hidden(machine, layout, z, h, bytes));
    }

    /// The cells of the output layer in the step at hand.
    pub(crate) fn outputs(&mut self, outputs: &[OutputCell]) {
        let (layout, step, expected) = (self.layout, self.trace.steps, self.expected);
        let Some(cells) = self.trace.layers.last_mut() else { return };
        let stride = cells.stride;
        for (bytes, &output) in cells.step_mut(step, expected).chunks_exact_mut(stride).zip(outputs) {
            bytes.copy_from_slice(&layout.pack_output(output).to_le_bytes()[..stride]);
        }
    }

    /// Ends the step at hand.
    pub(crate) fn end_step(&mut self, metrics: StepMetrics) {
        self.trace.steps += 1;
        self.trace.metrics.push(metrics);
    }
}

/// Trains one window and records it.
///
/// `point` returns features and label of a point of the data set, `indices` the points of every step, `multipliers` its c_t;
/// `progress` is told the number of steps done after each. Memory: the trace (about the stride of every cell) and two copies of
/// the weights.
///
/// # Errors
/// [`TrainError`], from the first step that fails; [`TrainError::NoSuchPoint`] when `point` returns `None`.
pub fn record_window<'d>(
    algorithm: &Algorithm,
    start: Weights,
    point: impl Fn(u32) -> Option<(&'d [i32], u32)>,
    indices: &[Vec<u32>],
    multipliers: &[u64],
    first_step: u64,
    mut progress: impl FnMut(usize),
) -> Result<Trace, TrainError> {
    if indices.is_empty() || indices.len() != multipliers.len() {
        return Err(TrainError::Window { steps: indices.len(), multipliers: multipliers.len() });
    }
    let mut trainer = Trainer::resume(algorithm, start.copied(), first_step)?;
    let mut builder = TraceBuilder::for_steps(algorithm, first_step, start, indices.len());
    for (t, (batch, &c_t)) in indices.iter().zip(multipliers).enumerate() {
        let (features, labels) = gather(&point, batch, trainer.next_step())?;
        trainer.step(Batch { features: &features, labels: &labels }, c_t, Some(&mut builder))?;
        progress(t + 1);
    }
    Ok(builder.finish(trainer.into_weights()))
}

/// The rows of one step, copied side by side.
fn gather<'d>(
    point: &impl Fn(u32) -> Option<(&'d [i32], u32)>,
    batch: &[u32],
    step: u64,
) -> Result<(Vec<i32>, Vec<u32>), TrainError> {
    let (mut features, mut labels) = (Vec::new(), Vec::with_capacity(batch.len()));
    for &index in batch {
        let (row, label) = point(index).ok_or(TrainError::NoSuchPoint { step, index })?;
        features.extend_from_slice(row);
        labels.push(label);
    }
    Ok((features, labels))
}
