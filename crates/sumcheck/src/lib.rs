//! Zero-knowledge sumcheck: claims in, claims out.
//!
//! | module | what |
//! |---|---|
//! | [`rounds`] | committed rounds: a hidden claim about a sum becomes a hidden claim about one value |
//! | [`dense`] | the prover's work for sums of products of tables |
//!
//! Position: commit <- **sumcheck** <- arguments.

// Verifiers meet hostile bytes: nothing here may panic, wrap or truncate.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod dense;
pub mod rounds;

pub use dense::{SumOfProducts, Term};
pub use rounds::{RoundPolynomial, SumProver, prove, verify};

#[doc = include_str!("../../../spec/sumcheck.md")]
pub mod spec {}
