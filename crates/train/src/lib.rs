//! Exact integer training: what a proof of training is about, and nothing else.
//!
//! Every tensor is an integer with a fixed number of fraction bits; activations f_A, gradients f_G, weights f_W = R = f_A + f_G.
//! One step on B rows, layers l = 1..L (A^0 = 2^(f_A - f_X) x, Y = 2^f_A onehot(label)):
//!
//! ```text
//! Z^l = A^(l-1) W^l + 2^f_A 1 b^l                                                 exact
//! P^l = floor((Z^l + 2^(R-1)) / 2^R),  A^l = max(P^l, 0)                          l < L; P has Q bits
//! G^L = floor((c_t (Z^L - 2^f_W Y) + 2^(R_L-1)) / 2^R_L)                          Q_G bits
//! H^l = G^(l+1) (W^(l+1))^T,  K^l = floor((H^l + 2^(R-1)) / 2^R)                  l < L; K has Q_G bits
//! G^l = K^l where P^l >= 0, else 0
//! W^l -= (A^(l-1))^T G^l,   b^l -= 2^f_A 1^T G^l                                  exact, never rounded
//! ```
//!
//! Given configuration, starting weights, data and order, exactly one trace satisfies these lines: threads, machine and build
//! never change a bit. Whatever does not fit its bits stops training with an error that names layer, example and neuron.
//!
//! | module | what it holds |
//! |---|---|
//! | [`config`] | [`Format`], [`Algorithm`] and their validation |
//! | [`learning_rate`] | learning rates to the integers c_t and R_L |
//! | [`ledger`] | static magnitude bounds of every tensor over the whole run |
//! | [`weights`], [`init`] | weights in memory; starting weights from a public seed |
//! | [`gemm`] | exact integer matrix products of any size, through float64 |
//! | [`step`] | [`Trainer`]: one training step |
//! | `layer`, `panels`, `kernel` | a layer's products: which path is exact; panels of weights; 16-bit tiles and vector instructions |
//! | [`cell`], [`trace`] | the bits of a cell; the cells of a window of steps |
//! | [`eval`] | accuracy and loss of a model |
//! | [`mod@check`] | an independent, plain checker of a trace that names the first violated equation |
//!
//! Position: a leaf of `zkdl`; it takes the public pseudorandom stream from `zkdl-dataset` and holds no cryptography.

// Verifiers meet hostile bytes: nothing here may panic, wrap or truncate.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod cell;
pub mod check;
pub mod config;
mod error;
pub mod eval;
mod fixed;
pub mod gemm;
pub mod init;
mod kernel;
mod layer;
pub mod learning_rate;
pub mod ledger;
mod network;
mod pack;
mod panels;
mod share;
mod split;
pub mod step;
pub mod trace;
pub mod weights;

pub use cell::{CellKind, CellLayout, HiddenCell, OutputCell};
pub use check::{Equation, Relation, Violation, Witness, check};
pub use config::{Algorithm, ConfigError, Format, Problem};
pub use eval::{Evaluation, evaluate, predict};
pub use init::{initial_weights, weight_range};
pub use learning_rate::{LearningRate, RateError, RatePlan};
pub use ledger::{Ledger, LedgerError, StartWeights};
pub use step::{Batch, StepMetrics, TrainError, Trainer};
pub use trace::{LayerCells, Trace, TraceBuilder, record_window};
pub use weights::{LayerWeights, Weights, WeightsError};

#[doc = include_str!("../../../spec/train.md")]
pub mod spec {}
