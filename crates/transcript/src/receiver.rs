//! The verifier's end of a transcript.

use crate::Transcript;
use zkdl_field::group::{POINT_BYTES, PointError};
use zkdl_field::scalar::SCALAR_BYTES;
use zkdl_field::{Affine, Scalar, group, scalar};

/// Why proof bytes cannot be read. Offsets count from the start of the proof's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The proof ends where a message should stand.
    #[error("the proof ends at byte {offset}, in the middle of message {label:?}")]
    Truncated {
        /// Where the message should start.
        offset: usize,
        /// The message.
        label: &'static str,
    },
    /// Bytes that are not a point.
    #[error("message {label:?} at byte {offset}: {source}")]
    Point {
        /// Where the message starts.
        offset: usize,
        /// The message.
        label: &'static str,
        /// What is wrong with it.
        source: PointError,
    },
    /// Bytes that are not a canonical scalar.
    #[error("message {label:?} at byte {offset} is not a canonical scalar")]
    Scalar {
        /// Where the message starts.
        offset: usize,
        /// The message.
        label: &'static str,
    },
    /// Bytes after the last message.
    #[error("{bytes} bytes follow the last message of the proof")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

/// Reads and absorbs.
pub struct Receiver<'a> {
    transcript: Transcript,
    proof: &'a [u8],
    offset: usize,
}

impl<'a> Receiver<'a> {
    /// Starts reading a proof of `protocol` about the statement with this digest.
    #[must_use]
    pub fn new(protocol: &str, statement_digest: &[u8; 32], proof: &'a [u8]) -> Self {
        Self { transcript: Transcript::new(protocol, statement_digest), proof, offset: 0 }
    }

    /// Binds what both sides know already (names and sizes of a sub-protocol).
    pub fn absorb(&mut self, label: &str, data: &[u8]) {
        self.transcript.absorb(label, data);
    }

    fn receive<const N: usize>(&mut self, label: &'static str) -> Result<([u8; N], usize), ReadError> {
        let offset = self.offset;
        let rest = self.proof.get(offset..).unwrap_or_default();
        let bytes = *rest.first_chunk::<N>().ok_or(ReadError::Truncated { offset, label })?;
        self.offset = offset.saturating_add(N);
        self.transcript.absorb(label, &bytes);
        Ok((bytes, offset))
    }

    /// Reads a point; the identity is refused.
    ///
    /// # Errors
    /// [`ReadError::Truncated`], [`ReadError::Point`].
    pub fn receive_point(&mut self, label: &'static str) -> Result<Affine, ReadError> {
        let (bytes, offset) = self.receive::<POINT_BYTES>(label)?;
        group::decode(&bytes).map_err(|source| ReadError::Point { offset, label, source })
    }

    /// Reads a scalar.
    ///
    /// # Errors
    /// [`ReadError::Truncated`], [`ReadError::Scalar`].
    pub fn receive_scalar(&mut self, label: &'static str) -> Result<Scalar, ReadError> {
        let (bytes, offset) = self.receive::<SCALAR_BYTES>(label)?;
        scalar::decode(&bytes).ok_or(ReadError::Scalar { offset, label })
    }

    /// Draws a challenge.
    pub fn challenge(&mut self, label: &str) -> Scalar {
        self.transcript.challenge(label)
    }

    /// Draws 64 challenge bytes.
    pub fn challenge_bytes(&mut self, label: &str) -> [u8; 64] {
        self.transcript.challenge_bytes(label)
    }

    /// The end of the proof.
    ///
    /// # Errors
    /// [`ReadError::Trailing`] if bytes are left over.
    pub fn finish(self) -> Result<(), ReadError> {
        let bytes = self.proof.len().saturating_sub(self.offset);
        if bytes == 0 { Ok(()) } else { Err(ReadError::Trailing { bytes }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sender;
    use zkdl_field::Field;

    /// Catalogue 2.
    #[test]
    fn both_ends_agree_and_the_end_is_checked() {
        let mut sender = Sender::new("test", &[1; 32]);
        sender.send_scalar("s", &Scalar::from(5));
        let drawn = sender.challenge("c");
        let mut bytes = sender.finish();
        let mut receiver = Receiver::new("test", &[1; 32], &bytes);
        assert_eq!(receiver.receive_scalar("s"), Ok(Scalar::from(5)));
        assert_eq!(receiver.challenge("c"), drawn);
        assert_eq!(receiver.finish(), Ok(()));
        bytes.push(0);
        let mut receiver = Receiver::new("test", &[1; 32], &bytes);
        assert_eq!(receiver.receive_scalar("s"), Ok(Scalar::from(5)));
        assert_eq!(receiver.finish(), Err(ReadError::Trailing { bytes: 1 }));
    }

    /// Catalogue 33.
    #[test]
    fn what_both_know_and_what_is_read_bind_both_ends_alike() {
        let drawn = |known: &[u8]| {
            let mut sender = Sender::new("test", &[1; 32]);
            sender.absorb("known", known);
            sender.send_scalar("s", &Scalar::ONE);
            let sent = (sender.challenge_bytes("b"), sender.challenge("c"));
            let bytes = sender.finish();
            let mut receiver = Receiver::new("test", &[1; 32], &bytes);
            receiver.absorb("known", known);
            assert_eq!(receiver.receive_scalar("s"), Ok(Scalar::ONE));
            let received = (receiver.challenge_bytes("b"), receiver.challenge("c"));
            assert_eq!(received, sent);
            received
        };
        let (one, other) = (drawn(b"one"), drawn(b"other"));
        assert_ne!(one.0, other.0);
        assert_ne!(one.1, other.1);
    }

    /// Catalogue 1, 4, 7.
    #[test]
    fn bad_bytes_have_their_own_errors() {
        let read = |bytes: &[u8]| Receiver::new("test", &[1; 32], bytes).receive_scalar("s");
        assert_eq!(read(&[0; 31]), Err(ReadError::Truncated { offset: 0, label: "s" }));
        assert_eq!(read(&[0xff; 32]), Err(ReadError::Scalar { offset: 0, label: "s" }));
        assert_eq!(read(&[0; 32]), Ok(Scalar::ZERO));
        let point = Receiver::new("test", &[1; 32], &[0; 32]).receive_point("p");
        assert_eq!(point, Err(ReadError::Point { offset: 0, label: "p", source: PointError::Identity }));
    }
}
