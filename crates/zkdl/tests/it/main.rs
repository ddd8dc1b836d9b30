//! Tests of the whole: prove, verify, and everything that must not verify.

mod round_trip;
mod support;
mod tampering;
