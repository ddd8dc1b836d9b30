//! The arguments of a training proof, one file each: relation, shapes, messages, `prove` and `verify` side by side.
//!
//! | module | relation |
//! |---|---|
//! | [`forward`] | `Z = A W + 2^f_A 1 b` for all layers and steps |
//! | [`backward`] | `H = G W^T` for all layers and steps |
//! | [`update`] | `W_t = W_0 - sum_{s<t} A_s^T G_s`, exact accumulation |
//! | [`relu`] | zkReLU: every bit is a bit, and Z, H, A, G follow from them |
//! | [`bits`], [`cells`], [`cell_tables`] | the prover's work for zkReLU: on bytes, on cells |
//! | [`squares`] | the squared lengths of all data points, weighted and summed |
//! | [`near`] | no point within a squared distance of a query |
//! | [`booleanity`] | every bit is 0 or 1 |
//! | [`ranges`] | features in their ranges, labels one-hot: once for a data set |
//! | [`start_ranges`] | start weights that somebody brought are integers in their range: once for a run |
//! | [`bit_cells`] | the prover's work for the booleanity of ranges, on cells |
//! | [`selection`] | which committed rows each claim is about, and with what weights |
//! | [`opening`] | all claims about committed rows in one inner-product argument |
//! | [`absence`], [`differences`] | none of the points asked for is a row of the data, and the prover's work for it |
//! | [`integers`] | matrices of small integers, as they lie in memory, times vectors of scalars |
//! | [`matmul`] | the sum that forward and backward share |
//! | [`rows`] | how cells and weights lie in committed rows |
//! | [`window`], [`progress`] | all of them in order, and how far the prover is |
//! | [`shape`], [`axis`], [`witness`] | public sizes, public weights, the prover's integers |
//!
//! Position: sumcheck <- **arguments** <- zkdl.

// Verifiers meet hostile bytes: nothing here may panic, wrap or truncate.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod absence;
pub mod axis;
pub mod backward;
pub mod bit_cells;
pub mod bits;
pub mod booleanity;
pub mod cell_tables;
pub mod cells;
pub mod differences;
pub mod forward;
pub mod integers;
pub mod matmul;
pub mod near;
pub mod opening;
pub mod progress;
pub mod ranges;
pub mod relu;
pub mod rows;
pub mod selection;
pub mod shape;
pub mod squares;
pub mod start_ranges;
pub mod update;
pub mod window;
pub mod witness;

pub use shape::{Format, Shape, ShapeError};
pub use witness::{Tensors, Witness};

#[doc = include_str!("../../../spec/arguments.md")]
pub mod spec {}
