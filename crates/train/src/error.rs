//! Why training stops.

use std::fmt;

use crate::config::{ConfigError, MULTIPLIER_LIMIT};
use crate::fixed::{signed_bits, signed_range};
use crate::gemm::GemmError;
use crate::weights::WeightsError;

/// The tensors whose cells have a fixed number of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellTensor {
    /// The rounded sums of a hidden layer, Q bits.
    P,
    /// The rounded back-propagated sums of a hidden layer, Q_G bits.
    K,
    /// The rounded gradient of the output layer, Q_G bits.
    G,
}

impl fmt::Display for CellTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CellTensor::P => "the pre-activation P",
            CellTensor::K => "the gradient K",
            CellTensor::G => "the output gradient G",
        })
    }
}

impl CellTensor {
    fn parameter(self) -> &'static str {
        match self {
            CellTensor::P => "q",
            CellTensor::K | CellTensor::G => "q_g",
        }
    }
}

/// A cell whose value does not fit its bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overflow {
    /// Step, from 0 over the whole run.
    pub step: u64,
    /// Layer, from 1.
    pub layer: usize,
    /// Row of the batch, from 0.
    pub example: usize,
    /// Neuron, from 0.
    pub neuron: usize,
    /// Which tensor.
    pub tensor: CellTensor,
    /// The value that does not fit.
    pub value: i128,
    /// The bits it has to fit.
    pub bits: u32,
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, layer, example, neuron, tensor, value, bits } = self;
        let (low, high) = signed_range(*bits);
        let (parameter, needed) = (tensor.parameter(), signed_bits(*value));
        write!(f, "step {step}, layer {layer}, example {example}, neuron {neuron}: {tensor} = {value} is outside ")?;
        write!(
            f,
            "[{low}, {high}] ({parameter} = {bits} bits): raise {parameter} to {needed} or lower the learning rate"
        )
    }
}

/// Why training, or reading its input, stopped. Weights after an error are not those of any step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrainError {
    /// The configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The weights belong to another network.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A step beyond the run's cap.
    #[error(
        "step {step} is beyond max_steps = {max_steps}: the magnitude bounds end there, raise max_steps before the run"
    )]
    RunOver {
        /// Step, from 0 over the whole run.
        step: u64,
        /// The cap.
        max_steps: u64,
    },
    /// A batch of the wrong size.
    #[error("step {step}: {features} features and {labels} labels, expected {expected_features} and {expected_labels}")]
    BatchSize {
        /// Step.
        step: u64,
        /// Features given.
        features: usize,
        /// Labels given.
        labels: usize,
        /// B d_0.
        expected_features: usize,
        /// B.
        expected_labels: usize,
    },
    /// c_t outside its range.
    #[error(
        "step {step}: c_t = {value} is outside 1..={MULTIPLIER_LIMIT}: use the multipliers of a learning-rate plan"
    )]
    Multiplier {
        /// Step.
        step: u64,
        /// c_t.
        value: u64,
    },
    /// A feature outside the declared range.
    #[error("step {step}, example {example}, feature {feature}: {value} is outside the declared [{min}, {max}]")]
    Input {
        /// Step.
        step: u64,
        /// Row of the batch, from 0.
        example: usize,
        /// Feature, from 0.
        feature: usize,
        /// The value.
        value: i32,
        /// Declared minimum.
        min: i32,
        /// Declared maximum.
        max: i32,
    },
    /// A label that is no class.
    #[error("step {step}, example {example}: label {label}, but the network has {classes} classes")]
    Label {
        /// Step.
        step: u64,
        /// Row of the batch, from 0.
        example: usize,
        /// The label.
        label: u32,
        /// d_L.
        classes: u32,
    },
    /// A cell that does not fit its bits.
    #[error("{0}")]
    Overflow(Overflow),
    /// A sum that does not fit 64 bits.
    #[error("step {step}, layer {layer}")]
    Product {
        /// Step.
        step: u64,
        /// Layer, from 1.
        layer: usize,
        /// What the product reported.
        #[source]
        source: GemmError,
    },
    /// An updated weight that does not fit 64 bits.
    #[error(
        "step {step}, layer {layer}: weight ({input}, {neuron}) leaves 64 bits: training has diverged, lower the learning rate"
    )]
    WeightOverflow {
        /// Step.
        step: u64,
        /// Layer, from 1.
        layer: usize,
        /// Input, from 0; the number of inputs for the bias.
        input: usize,
        /// Neuron, from 0.
        neuron: usize,
    },
    /// A scheduled point that the data set does not have.
    #[error("step {step} uses point {index}, which the data set does not have: the schedule belongs to other data")]
    NoSuchPoint {
        /// Step.
        step: u64,
        /// Index of the point.
        index: u32,
    },
    /// Not one multiplier a step.
    #[error(
        "a window of {steps} batches with {multipliers} multipliers: give one for each step, and at least one step"
    )]
    Window {
        /// Batches given.
        steps: usize,
        /// Multipliers given.
        multipliers: usize,
    },
}
