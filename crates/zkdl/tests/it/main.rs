//! Tests of the whole: prove, verify, and everything that must not verify.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod architecture;
mod attacks;
mod columns;
mod data_proof;
mod flips;
mod limits;
mod round_trip;
mod statistics;
mod support;
mod tampering;
mod vector;
mod weights;
mod windows;
