//! Zero-knowledge proof of deep-learning training.
//!
//! A trainer commits to data and weights, trains in exact integer arithmetic, and proves that the final weights are what the
//! declared algorithm computes from the committed data, in the declared order, from the declared start.
//!
//! | module | what |
//! |---|---|
//! | [`statement`] | everything public, in one canonical encoding |
//! | [`columns`] | how long a committed row is |
//! | [`commitment`], [`points`] | row commitments of weights and of data points |
//! | [`data_set`] | the public file of a data set |
//! | [`training`] | `prove` and `verify` of one window of steps |
//! | [`chain`], [`run`] | a run as a chain of windows, and `verify` of all of them at once |
//! | [`model`], [`tensors`] | which weights a model holds; weights as safetensors |
//! | [`certificate`] | what was verified, signed, in formats of in-toto and OpenSSF Model Signing |
//! | [`data_proof`] | `prove` and `verify`, once for a data set: features in range, labels one-hot |
//! | [`proof`], [`size`] | the proof file; how long it will be |
//! | [`query`], [`answer`] | questions about a data set, and answers as they are stored |
//! | [`membership`] | "this point is in the data set": `prove` and `verify` |
//! | [`absence`] | "none of these points is in the data set": `prove` and `verify` |
//! | [`generators`] | the generators of all commitments, derived once, kept under pinned digests |
//! | [`describe`] | the statement as JSON and in words |
//! | [`error`] | malformed, false, misuse |
//! | `open` | for tests: provers with given randomness, and with lies |
//!
//! Position: arguments, dataset, train <- **zkdl** <- cli.

// Verifiers meet hostile bytes: nothing here may panic, wrap or truncate.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod absence;
#[cfg(test)]
mod adversary;
pub mod answer;
pub mod certificate;
pub mod chain;
pub mod codec;
pub mod columns;
pub mod commitment;
pub mod data_proof;
pub mod data_set;
pub mod describe;
pub mod error;
pub mod generators;
mod hedge;
pub mod membership;
pub mod model;
#[cfg(any(test, feature = "open"))]
pub mod open;
pub mod points;
pub mod proof;
pub mod query;
pub mod run;
mod settle;
pub mod size;
pub mod statement;
pub mod tensors;
pub mod training;

#[cfg(test)]
extern crate self as zkdl;
#[cfg(test)]
#[path = "../tests/it/flips.rs"]
mod flips;
#[cfg(test)]
#[path = "../tests/it/support.rs"]
mod support;

pub use answer::{AbsentAnswer, MemberAnswer};
pub use commitment::{BlindedRows, PointCommitments};
pub use error::{ProveError, VerifyError};
pub use generators::GeneratorSource;
pub use points::DataSet;
pub use query::{Query, Question};
pub use statement::{Origin, Start, Statement};
pub use training::{Phase, ProverInput, Verified, prove, verify};
pub use zkdl_arguments::progress::Argument;

/// The normative chapters about the whole.
pub mod spec {
    #[doc = include_str!("../../../spec/statement.md")]
    pub mod statement {}
    #[doc = include_str!("../../../spec/membership.md")]
    pub mod membership {}
    #[doc = include_str!("../../../spec/absence.md")]
    pub mod absence {}
    #[doc = include_str!("../../../spec/distance.md")]
    pub mod distance {}
    #[doc = include_str!("../../../spec/data_proof.md")]
    pub mod data_proof {}
    #[doc = include_str!("../../../spec/weights.md")]
    pub mod weights {}
    #[doc = include_str!("../../../spec/soundness.md")]
    pub mod soundness {}
    #[doc = include_str!("../../../spec/zero_knowledge.md")]
    pub mod zero_knowledge {}
}
