//! The only crate that names the curve.
//!
//! | module | what |
//! |---|---|
//! | [`scalar`] | the scalar field of Pallas: conversions, randomness, delayed-reduction sums |
//! | [`group`] | Pallas points: canonical 32-byte encoding |
//! | [`multilinear`] | multilinear extensions: `eq`, folds, prefix indicators, "strictly later" |
//! | [`generators`] | public generators, hashed to the curve from a label |
//! | [`batch`] | affine additions in lockstep with one shared inversion |
//!
//! Position: the root of the dependency graph. Nothing below it, everything above it.
//!
//! Pallas (`y^2 = x^3 + 5`) has prime order and no cofactor; points encode in 32 bytes; Vesta forms a cycle with it.
//! `pasta_curves` supplies field and group types, hash-to-curve and the wide accumulator.

pub mod batch;
pub mod generators;
pub mod group;
pub mod multilinear;
pub mod scalar;

pub use group::{Affine, Base, Point};
pub use pasta_curves::group::ff::Field;
pub use scalar::Scalar;
