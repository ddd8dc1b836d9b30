//! What can go wrong, told apart: malformed bytes, a false claim, misuse. No error carries witness values.

use crate::codec::FormatError;
use crate::query::QueryError;
use zkdl_arguments::ShapeError;
use zkdl_arguments::opening::OpeningError;
use zkdl_commit::ipa::IpaError;
use zkdl_commit::merkle::PathError;
use zkdl_dataset::descriptor::DescriptorError;
use zkdl_dataset::schedule::ScheduleError;
use zkdl_field::group::PointError;
use zkdl_field::scalar::RandomnessError;
use zkdl_train::{ConfigError, LedgerError, WeightsError};
use zkdl_transcript::ReadError;

/// Why a statement cannot be true of anything, or is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatementError {
    /// The training configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data set's description.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// The integers could reach the field's size.
    #[error(transparent)]
    Magnitude(#[from] LedgerError),
    /// The order of the data.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// Sizes of the arguments.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Two public values contradict each other.
    #[error("{what} is {got}, expected {expected}")]
    Mismatch {
        /// Which value.
        what: &'static str,
        /// Its value.
        got: u64,
        /// What it has to be.
        expected: String,
    },
    /// More work than the limits allow.
    #[error("{what} is {got}, above the limit of {limit}")]
    Limit {
        /// Which size.
        what: &'static str,
        /// Its value.
        got: u64,
        /// The limit.
        limit: u64,
    },
}

/// Why a proof is not accepted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VerifyError {
    /// A file is malformed.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The body of the proof is malformed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The statement is refused.
    #[error("the statement is refused: {0}")]
    Statement(#[from] StatementError),
    /// The proof is about another statement.
    #[error("the proof is about another statement: its digest is {proof}, this statement's is {statement}")]
    StatementMismatch {
        /// Digest in the proof.
        proof: String,
        /// Digest of the statement given.
        statement: String,
    },
    /// The point commitments do not have the root that the statement names.
    #[error(
        "the point commitments do not belong to this statement: their root is {got}, the statement names {expected}"
    )]
    Merkle {
        /// Their root.
        got: String,
        /// The statement's.
        expected: String,
    },
    /// A row commitment of the statement or of the data set is not a point.
    #[error("{role}, row {index}: {source}")]
    BadPoint {
        /// Whose rows.
        role: &'static str,
        /// Which row.
        index: usize,
        /// What is wrong.
        source: PointError,
    },
    /// The question has no answer.
    #[error("the question is refused: {0}")]
    Query(#[from] QueryError),
    /// The answer is to another question.
    #[error("the answer is about another {what} than the one asked for")]
    Answer {
        /// What differs.
        what: &'static str,
    },
    /// A Merkle path that leads nowhere.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The committed point is another one.
    #[error("the answer is false: the committed point is not the one asked for")]
    Membership,
    /// Weights of another network.
    #[error(transparent)]
    Weights(WeightsError),
    /// A model of other weights.
    #[error("these are not the weights that the model's rows commit to")]
    OtherWeights,
    /// A product of hidden values does not hold.
    #[error("the proof is false: the product argument {which:?} does not hold")]
    Product {
        /// Which.
        which: &'static str,
    },
    /// The prover does not know what it committed to.
    #[error("the proof is false: knowledge of the commitments is not proven")]
    Knowledge,
    /// The opening of the committed rows does not hold.
    #[error("the proof is false: the committed rows do not open to the claimed values")]
    Opening,
    /// A challenge without inverse: probability below 2^-120.
    #[error("a challenge of the proof is degenerate")]
    Challenge,
}

impl From<IpaError> for VerifyError {
    fn from(error: IpaError) -> Self {
        match error {
            IpaError::Read(error) => Self::Read(error),
            IpaError::ZeroChallenge | IpaError::Shape { .. } => Self::Challenge,
        }
    }
}

impl From<OpeningError> for VerifyError {
    fn from(error: OpeningError) -> Self {
        match error {
            OpeningError::Read(error) => Self::Read(error),
            OpeningError::ZeroWeight => Self::Challenge,
        }
    }
}

/// Why no proof can be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProveError {
    /// The statement is refused.
    #[error("the statement is refused: {0}")]
    Statement(#[from] StatementError),
    /// The witness has another shape than the statement.
    #[error("the witness does not fit the statement: {what} is {got}, expected {expected}")]
    Witness {
        /// What does not fit.
        what: &'static str,
        /// Its size.
        got: usize,
        /// The statement's.
        expected: usize,
    },
    /// The data are not what the descriptor says.
    #[error("a feature is outside the range of its column, or a label is no class: the descriptor is of other data")]
    OutOfRange,
    /// Start weights are larger than the statement says.
    #[error("a start weight has more than {bits} bits")]
    StartOutOfRange {
        /// What the statement says.
        bits: u32,
    },
    /// The question has no answer.
    #[error("the question is refused: {0}")]
    Query(#[from] QueryError),
    /// Absence is asked to be proven of a point that is in the data set (or, with probability below 2^-200, collides with one).
    #[error("a point of the question is in the data set: it cannot be proven absent")]
    Member,
    /// A point is too near one that is asked for, so that no absence can be proven.
    #[error("the data set holds a near-duplicate of a point that is asked for")]
    Near,
    /// Membership is asked to be proven of a point that is not in the data set.
    #[error("the point of the question is not in the data set: it cannot be proven a member")]
    NotMember,
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// A degenerate blind or challenge: try again.
    #[error("a random value is degenerate (probability below 2^-120): prove again")]
    Degenerate,
}

impl From<IpaError> for ProveError {
    fn from(_: IpaError) -> Self {
        Self::Degenerate
    }
}

impl From<OpeningError> for ProveError {
    fn from(_: OpeningError) -> Self {
        Self::Degenerate
    }
}

impl From<zkdl_field::generators::ZeroBlind> for ProveError {
    fn from(_: zkdl_field::generators::ZeroBlind) -> Self {
        Self::Degenerate
    }
}
