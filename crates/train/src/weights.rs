//! Weights in memory: integers with f_W fraction bits, the bias as the last row of its layer.

use crate::config::pairs;
use rayon::prelude::*;
use zeroize::Zeroize;
use zkdl_dataset::number::to_usize;

/// Weights that a thread copies at a time.
const COPY: usize = 1 << 18;

/// Weights and bias of one layer.
#[derive(Clone, PartialEq, Eq)]
pub struct LayerWeights {
    /// d_(l-1): inputs, without the bias.
    pub inputs: usize,
    /// d_l: neurons.
    pub outputs: usize,
    /// (inputs + 1) x outputs, row-major; the last row is the bias. It has f_W fraction bits too and enters Z as 2^f_A b.
    pub values: Vec<i64>,
}

/// Weights are secret: they are erased from memory when dropped.
impl Drop for LayerWeights {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

/// Sizes only: weights are secret.
impl std::fmt::Debug for LayerWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LayerWeights({} x {})", self.inputs.saturating_add(1), self.outputs)
    }
}

/// All layers' weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// Layer 1 first.
    pub layers: Vec<LayerWeights>,
}

/// Why weights do not belong to an architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// Wrong number of layers.
    #[error("the weights have {got} layers, the configuration {expected}: use the weights of this network")]
    Layers {
        /// Layers of the weights.
        got: usize,
        /// Layers of the configuration.
        expected: usize,
    },
    /// A layer of another shape.
    #[error(
        "layer {layer}: weights of {inputs} x {outputs} with {values} values (bias row included), the configuration has {expected_inputs} x {expected_outputs}: use the weights of this network"
    )]
    Shape {
        /// Layer, from 1.
        layer: usize,
        /// Inputs of the weights.
        inputs: usize,
        /// Outputs of the weights.
        outputs: usize,
        /// Values held.
        values: usize,
        /// Inputs of the configuration.
        expected_inputs: usize,
        /// Outputs of the configuration.
        expected_outputs: usize,
    },
}

/// Weights and biases of a layer.
fn count(inputs: usize, outputs: usize) -> usize {
    inputs.saturating_add(1).saturating_mul(outputs)
}

impl LayerWeights {
    /// All-zero weights; 8 bytes a parameter.
    pub fn zeros(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, values: vec![0; count(inputs, outputs)] }
    }

    /// The weights without the bias: inputs x outputs, row-major.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "the owner's: training made it or checked its shape"
    )]
    pub fn matrix(&self) -> &[i64] {
        &self.values[..self.inputs * self.outputs]
    }

    /// The bias, one value a neuron.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "the owner's: training made it or checked its shape"
    )]
    pub fn bias(&self) -> &[i64] {
        &self.values[self.inputs * self.outputs..]
    }

    /// A copy, made by all threads: most of the time goes into memory that is touched for the first time.
    fn copied(&self) -> Self {
        let mut values = vec![0; self.values.len()];
        let pieces = values.par_chunks_mut(COPY).zip(self.values.par_chunks(COPY));
        pieces.for_each(|(to, from)| to.copy_from_slice(from));
        Self { values, ..*self }
    }

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        self.inputs == inputs && self.outputs == outputs && self.values.len() == count(inputs, outputs)
    }
}

impl Weights {
    /// All-zero weights for widths d_0 .. d_L.
    pub fn zeros(widths: &[u32]) -> Self {
        let layers = pairs(widths).map(|(inputs, outputs)| LayerWeights::zeros(to_usize(inputs), to_usize(outputs)));
        Self { layers: layers.collect() }
    }

    /// A copy, made by all threads.
    pub(crate) fn copied(&self) -> Self {
        Self { layers: self.layers.iter().map(LayerWeights::copied).collect() }
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.values.len()).sum()
    }

    /// Largest magnitude of any weight or bias.
    pub fn max_abs(&self) -> u64 {
        self.layers.iter().flat_map(|layer| &layer.values).map(|w| w.unsigned_abs()).max().unwrap_or(0)
    }

    /// Checks that these are weights of widths d_0 .. d_L.
    ///
    /// # Errors
    /// [`WeightsError`] naming the first layer that differs.
    pub fn check_shape(&self, widths: &[u32]) -> Result<(), WeightsError> {
        let expected = widths.len().saturating_sub(1);
        if self.layers.len() != expected {
            return Err(WeightsError::Layers { got: self.layers.len(), expected });
        }
        for (index, (layer, pair)) in self.layers.iter().zip(pairs(widths)).enumerate() {
            let (expected_inputs, expected_outputs) = (to_usize(pair.0), to_usize(pair.1));
            if !layer.fits(expected_inputs, expected_outputs) {
                return Err(WeightsError::Shape {
                    layer: index.saturating_add(1),
                    inputs: layer.inputs,
                    outputs: layer.outputs,
                    values: layer.values.len(),
                    expected_inputs,
                    expected_outputs,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bias_is_the_last_row() {
        let layer = LayerWeights { inputs: 2, outputs: 3, values: (0..9).collect() };
        assert_eq!(layer.matrix(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(layer.bias(), [6, 7, 8]);
    }

    #[test]
    fn other_shapes_are_named() {
        let weights = Weights::zeros(&[4, 3, 2]);
        assert_eq!(weights.parameters(), 5 * 3 + 4 * 2);
        assert_eq!(weights.check_shape(&[4, 3, 2]), Ok(()));
        assert_eq!(weights.check_shape(&[4, 3]), Err(WeightsError::Layers { got: 2, expected: 1 }));
        assert!(matches!(weights.check_shape(&[4, 3, 5]), Err(WeightsError::Shape { layer: 2, outputs: 2, .. })));
        let mut short = weights.clone();
        short.layers[0].values.pop();
        assert!(matches!(short.check_shape(&[4, 3, 2]), Err(WeightsError::Shape { layer: 1, values: 14, .. })));
    }

    #[test]
    fn a_copy_is_the_same() {
        let values = (0..3 * COPY as i64 / 2 + 7).collect();
        let weights =
            Weights { layers: vec![LayerWeights { inputs: 2, outputs: 3, values }, LayerWeights::zeros(1, 1)] };
        assert_eq!(weights.copied(), weights);
    }

    #[test]
    fn the_largest_magnitude_counts_both_signs() {
        let mut weights = Weights::zeros(&[1, 2]);
        weights.layers[0].values = vec![3, -7, 0, i64::MIN];
        assert_eq!(weights.max_abs(), 1 << 63);
    }
}
