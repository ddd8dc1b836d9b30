//! The proof file: magic word, version, digest of the statement, length and bytes of the body.

use crate::codec::{Decoder, FormatError, header};
use zkdl_dataset::number::to_u64;

const WHAT: &str = "proof";
const MAGIC: &str = "zkdl-proof";
const VERSION: u32 = 1;

/// A proof as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Digest of the statement it is about.
    pub statement: [u8; 32],
    /// The transcript's messages.
    pub body: Vec<u8>,
}

impl Proof {
    /// The encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = header(MAGIC, VERSION);
        bytes.extend(self.statement);
        bytes.extend(to_u64(self.body.len()).to_le_bytes());
        bytes.extend(&self.body);
        bytes
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut d = Decoder::new(WHAT, MAGIC, VERSION, bytes)?;
        let statement = d.array("statement digest")?;
        let length = d.count("length of the body", 1)?;
        let body = d.take("body", length)?.to_vec();
        d.finish()?;
        Ok(Self { statement, body })
    }
}
