//! The prover's end of a transcript.

use crate::Transcript;
use zkdl_field::{Affine, Scalar, group, scalar};

/// Absorbs what it writes.
pub struct Sender {
    transcript: Transcript,
    bytes: Vec<u8>,
}

impl Sender {
    /// Starts a proof of `protocol` about the statement with this digest.
    #[must_use]
    pub fn new(protocol: &str, statement_digest: &[u8; 32]) -> Self {
        Self { transcript: Transcript::new(protocol, statement_digest), bytes: Vec::new() }
    }

    /// Binds what both sides know already (names and sizes of a sub-protocol).
    pub fn absorb(&mut self, label: &str, data: &[u8]) {
        self.transcript.absorb(label, data);
    }

    /// Sends a point.
    pub fn send_point(&mut self, label: &str, point: &Affine) {
        self.send(label, &group::encode(point));
    }

    /// Sends a scalar in clear: responses of sigma protocols, nothing else.
    pub fn send_scalar(&mut self, label: &str, x: &Scalar) {
        self.send(label, &scalar::encode(x));
    }

    fn send(&mut self, label: &str, data: &[u8]) {
        self.transcript.absorb(label, data);
        self.bytes.extend_from_slice(data);
    }

    /// Draws a challenge.
    pub fn challenge(&mut self, label: &str) -> Scalar {
        self.transcript.challenge(label)
    }

    /// Draws 64 challenge bytes.
    pub fn challenge_bytes(&mut self, label: &str) -> [u8; 64] {
        self.transcript.challenge_bytes(label)
    }

    /// The proof.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
