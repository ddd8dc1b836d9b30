//! What is asked at the page, and what comes back.

use serde_json::Value;

/// A question as it arrives: bytes that may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// An image or a table.
    pub(crate) upload: Vec<u8>,
    /// Which line of a table.
    pub(crate) row: usize,
    /// The label that is asked for; that of the table, if not given.
    pub(crate) label: Option<u32>,
    /// Drawn by who asks.
    pub(crate) nonce: [u8; 32],
}

/// An answer that has been verified with the public files.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    /// "member" or "absent".
    pub(crate) verdict: &'static str,
    /// The verdict in a sentence.
    pub(crate) headline: String,
    /// What is proven.
    pub(crate) proven: Vec<String>,
    /// What the trainer says beside it, without proof.
    pub(crate) said: Vec<String>,
    /// Steps that used the point, if it is one of the data set.
    pub(crate) steps: Vec<u64>,
    /// The point, as the quantisers of the data set give it.
    pub(crate) features: Vec<i32>,
    /// The answer file.
    pub(crate) answer: Vec<u8>,
    /// What `verify` takes beside the files and the nonce.
    pub(crate) options: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The upload is no question: the reason, for who asks.
    Unreadable(String),
    /// Something that who asks can do nothing about.
    Failed,
}

/// Who answers.
pub(crate) trait Desk: Send + Sync + 'static {
    /// What is public about the data set.
    fn about(&self) -> Value;

    /// The public files that verify answers, as a ZIP archive.
    fn public_files(&self) -> &[u8];

    /// Answers a question; may take seconds.
    fn answer(&self, asked: &Asked) -> Result<Reply, Refusal>;
}
