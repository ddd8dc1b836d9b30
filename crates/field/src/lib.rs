//! The only crate that names the curve.
//!
//! | module | what |
//! |---|---|
//! | [`scalar`] | the scalar field of Pallas: conversions, randomness, delayed-reduction sums |
//! | [`group`] | Pallas points: canonical 32-byte encoding |
//! | [`multilinear`] | multilinear extensions: `eq`, folds, prefix indicators, "strictly later" |
//! | [`generators`] | public generators, hashed to the curve from a label |
//! | [`lanes`] | eight elements side by side: AVX-512 IFMA where there is, a plain twin everywhere |
//! | [`batch`] | affine additions in lockstep with one shared inversion |
//!
//! Position: the root of the dependency graph. Nothing below it, everything above it.
//!
//! Pallas (`y^2 = x^3 + 5`) has prime order and no cofactor; points encode in 32 bytes; Vesta forms a cycle with it.
//! `pasta_curves` 0.6 with `asm` supplies field and group types, chosen over `ark-pallas` 0.6 by measurement (one thread, one
//! run, ns): multiplication 13 and 13, addition 2.1 and 1.5, inner product a term with its wide accumulator 8 (naive: 13),
//! square root for decompression 4,100 and 8,500. It also ships hash-to-curve and a 32-byte encoding; arkworks has no hash to
//! this curve and encodes points in 33 bytes.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a loop over its own arrays")]
pub mod batch;
pub mod generators;
pub mod group;
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "words of 52 bits in arrays of fixed sizes"
)]
pub mod lanes;
pub mod multilinear;
pub mod scalar;

pub use group::{Affine, Base, Point};
pub use pasta_curves::group::ff::Field;
pub use scalar::Scalar;

#[doc = include_str!("../../../spec/field.md")]
pub mod spec {}
