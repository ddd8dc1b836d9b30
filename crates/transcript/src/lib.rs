//! The only crate that hashes for Fiat-Shamir.
//!
//! `send` absorbs and writes, `receive` reads and absorbs; nothing else touches proof bytes, and [`Receiver::finish`]
//! refuses bytes that nobody read.
//!
//! Every frame that enters the hash (SHA-512) is `kind (1 byte) || length of label (u32 LE) || label || length of data
//! (u64 LE) || data`, so that no two message sequences hash alike. A challenge is 64 bytes of the running hash reduced
//! modulo r, after a frame of its own kind.
//!
//! | module | what |
//! |---|---|
//! | [`domain`] | the running hash: absorb, challenge |
//! | [`sender`] | the prover's end |
//! | [`receiver`] | the verifier's end |
//! | `simulator` | for tests: transcripts watched and programmed |
//!
//! Position: field <- **transcript** <- commit.

// Verifiers meet hostile bytes: nothing here may panic, wrap or truncate.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod domain;
pub mod receiver;
pub mod sender;
#[cfg(feature = "simulator")]
pub mod simulator;

pub use domain::{Transcript, size_bytes};
pub use receiver::{ReadError, Receiver};
pub use sender::Sender;

#[doc = include_str!("../../../spec/transcript.md")]
pub mod spec {}
