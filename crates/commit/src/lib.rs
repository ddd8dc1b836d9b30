//! Commitments and the proofs about them.
//!
//! | module | what |
//! |---|---|
//! | [`pedersen`] | commitments to scalars; hidden values as both sides see them |
//! | [`blinds`] | hedged randomness |
//! | [`channel`] | hide, receive, challenge: the surroundings of every argument |
//! | [`sigma`] | products of hidden values, knowledge of openings |
//! | [`representation`] | knowledge of what a committed row holds beside its public part |
//! | [`ipa`] | the inner-product argument that ends every proof |
//! | [`merkle`] | the tree over data point commitments, and its paths |
//! | [`table`] | row commitments of bits and bytes from tables |
//! | [`msm`] | multi-scalar multiplication |
//! | [`endo`] | folding points by a short challenge |
//! | `simulator` | for tests: proofs without one kind of blinds |
//!
//! Position: field <- transcript <- **commit** <- sumcheck.

// Verifiers meet hostile bytes: nothing here may panic, wrap or truncate.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod blinds;
pub mod channel;
pub mod endo;
pub mod ipa;
pub mod merkle;
pub mod msm;
pub mod pedersen;
pub mod representation;
pub mod sigma;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod table;

#[doc = include_str!("../../../spec/commit.md")]
pub mod spec {}
