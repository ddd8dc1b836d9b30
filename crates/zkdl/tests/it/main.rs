//! Tests of the whole: prove, verify, and everything that must not verify.

mod architecture;
mod round_trip;
mod support;
mod tampering;
