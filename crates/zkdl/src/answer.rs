//! Answers as they are stored: magic word, version, the question, what the answer adds, length and bytes of the proof.
//!
//! An answer is self-contained evidence: who has it can verify it later, with the commitments of the points if it says
//! "absent", and without them if it says "member".

use crate::codec::{Decoder, FormatError, header, put_list, take_list};
use crate::query::Question;
use zkdl_dataset::number::to_u64;

const VERSION: u32 = 1;
const MEMBER: (&str, &str) = ("membership answer", "zkdl-member");
const ABSENT: (&str, &str) = ("absence answer", "zkdl-absent");

/// "This point is number i of the data set."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberAnswer {
    /// What was asked: one query.
    pub question: Question,
    /// i.
    pub index: u32,
    /// C_i.
    pub commitment: [u8; 32],
    /// The Merkle path of C_i, lowest sibling first.
    pub path: Vec<[u8; 32]>,
    /// The transcript's messages.
    pub body: Vec<u8>,
}

impl MemberAnswer {
    /// The encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = [header(MEMBER.1, VERSION), self.question.encode(), self.place()].concat();
        put_body(&mut bytes, &self.body);
        bytes
    }

    /// Index, commitment and path.
    pub(crate) fn place(&self) -> Vec<u8> {
        let mut bytes = self.index.to_le_bytes().to_vec();
        bytes.extend(self.commitment);
        put_list(&mut bytes, &self.path);
        bytes
    }

    /// Reads an encoding. Allocates no more than the bytes given.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut d = Decoder::new(MEMBER.0, MEMBER.1, VERSION, bytes)?;
        let question = Question::decode(&mut d)?;
        let (index, commitment) = (d.u32("index")?, d.array("commitment")?);
        let path = take_list(&mut d, "Merkle path")?;
        let body = take_body(&mut d)?;
        d.finish()?;
        Ok(Self { question, index, commitment, path, body })
    }
}

/// "None of these points is in the data set."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsentAnswer {
    /// What was asked.
    pub question: Question,
    /// The transcript's messages.
    pub body: Vec<u8>,
}

impl AbsentAnswer {
    /// The encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = [header(ABSENT.1, VERSION), self.question.encode()].concat();
        put_body(&mut bytes, &self.body);
        bytes
    }

    /// Reads an encoding. Allocates no more than the bytes given.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut d = Decoder::new(ABSENT.0, ABSENT.1, VERSION, bytes)?;
        let question = Question::decode(&mut d)?;
        let body = take_body(&mut d)?;
        d.finish()?;
        Ok(Self { question, body })
    }
}

fn put_body(bytes: &mut Vec<u8>, body: &[u8]) {
    bytes.extend(to_u64(body.len()).to_le_bytes());
    bytes.extend(body);
}

fn take_body(d: &mut Decoder<'_>) -> Result<Vec<u8>, FormatError> {
    let length = d.count("length of the body", 1)?;
    Ok(d.take("body", length)?.to_vec())
}
