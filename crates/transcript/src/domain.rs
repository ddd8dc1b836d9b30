//! The running hash.

#[cfg(feature = "simulator")]
use crate::simulator::{self, Frame};
use sha2::{Digest, Sha512};
use zkdl_field::Scalar;
use zkdl_field::scalar::from_wide;

const ABSORB: u8 = 1;
const CHALLENGE: u8 = 2;
const PROTOCOL: u8 = 3;

/// How sizes enter hashes and transcripts: 8 bytes, little endian.
#[must_use]
#[expect(clippy::as_conversions, reason = "no platform has sizes of more than 64 bits")]
pub fn size_bytes(size: usize) -> [u8; 8] {
    (size as u64).to_le_bytes()
}

/// A Fiat-Shamir transcript. There is none without a protocol name and a statement.
pub struct Transcript {
    hash: Sha512,
}

impl Transcript {
    /// Starts the transcript of `protocol` (name and version) about the statement with this digest.
    #[must_use]
    pub fn new(protocol: &str, statement_digest: &[u8; 32]) -> Self {
        let mut transcript = Self { hash: Sha512::new() };
        transcript.frame(PROTOCOL, protocol, statement_digest);
        #[cfg(feature = "simulator")]
        simulator::note(|| Frame::Start { protocol: protocol.into(), statement: *statement_digest });
        transcript
    }

    fn frame(&mut self, kind: u8, label: &str, data: &[u8]) {
        // Labels are literals of the code, much shorter than 2^32 bytes.
        let [a, b, c, d, ..] = size_bytes(label.len());
        self.hash.update([kind, a, b, c, d]);
        self.hash.update(label.as_bytes());
        self.hash.update(size_bytes(data.len()));
        self.hash.update(data);
    }

    /// Binds public or sent bytes.
    pub fn absorb(&mut self, label: &str, data: &[u8]) {
        self.frame(ABSORB, label, data);
        #[cfg(feature = "simulator")]
        simulator::note(|| Frame::Absorbed { label: label.into(), data: data.to_vec() });
    }

    /// 64 bytes that depend on everything absorbed so far.
    pub fn challenge_bytes(&mut self, label: &str) -> [u8; 64] {
        #[cfg(feature = "simulator")]
        if let Some(bytes) = simulator::programmed() {
            simulator::note(|| Frame::Drawn { label: label.into(), bytes });
            return bytes;
        }
        self.frame(CHALLENGE, label, &[]);
        let bytes = self.hash.clone().finalize().into();
        #[cfg(feature = "simulator")]
        simulator::note(|| Frame::Drawn { label: label.into(), bytes });
        bytes
    }

    /// A challenge within 2^-257 of uniform.
    pub fn challenge(&mut self, label: &str) -> Scalar {
        from_wide(&self.challenge_bytes(label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(labels: &[(&str, &[u8])]) -> Scalar {
        let mut transcript = Transcript::new("test", &[7; 32]);
        for (label, data) in labels {
            transcript.absorb(label, data);
        }
        transcript.challenge("c")
    }

    #[test]
    fn sizes_have_eight_bytes_lowest_first() {
        assert_eq!([0, 1, 0x0102].map(size_bytes), [[0; 8], [1, 0, 0, 0, 0, 0, 0, 0], [2, 1, 0, 0, 0, 0, 0, 0]]);
    }

    #[test]
    fn framing_separates_what_concatenation_confuses() {
        let whole = after(&[("a", b"bc")]);
        assert_ne!(whole, after(&[("ab", b"c")]));
        assert_ne!(whole, after(&[("a", b"b"), ("", b"c")]));
        assert_ne!(whole, after(&[("a", b"bc"), ("", b"")]));
        assert_eq!(whole, after(&[("a", b"bc")]));
    }

    #[test]
    fn challenges_differ_from_one_another_and_between_statements() {
        let mut one = Transcript::new("test", &[0; 32]);
        let mut other = Transcript::new("test", &[1; 32]);
        let first = one.challenge("c");
        assert_ne!(first, one.challenge("c"));
        assert_ne!(first, other.challenge("c"));
    }
}
