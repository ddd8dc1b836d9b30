//! Which weights a model holds: whoever shows weights proves that they are those that the model's rows commit to.
//!
//! ```text
//!    statement digest: log2 of columns, widths, the rows C_i, all weights
//! V: rho
//!    C = sum_i rho^i C_i,   w_j = sum_i rho^i W_ij
//!    representation: the prover knows r with C - sum_j w_j G_j = r H
//! ```
//!
//! One row for all: a row that holds something else leaves C off the line of H unless rho is a root of a polynomial of degree
//! below the number of rows. Blinds stay hidden. The file has 126 bytes, whatever the model.
//!
//! Cost: prover one pass over the weights; verifier the same, the decoding of the rows, and C + 2 points.

use crate::codec::{Decoder, FormatError, header};
use crate::commitment::{own_slices, weight_slices};
use crate::describe::model_digest;
use crate::error::{ProveError, StatementError, VerifyError};
use crate::generators::GeneratorSource;
use crate::hedge::Hedge;
use crate::settle::{register_points, settle};
use crate::statement::{Limits, Statement, hex};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;
use zkdl_arguments::rows::weight_row_count;
use zkdl_commit::blinds::{BlindSource, OsEntropy};
use zkdl_commit::channel::{ProofReader, ProofWriter, ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::Commitment;
use zkdl_commit::representation::{self, Public};
use zkdl_dataset::number::to_u64;
use zkdl_field::scalar::{dot, from_i64, powers};
use zkdl_field::{Field, Scalar};
use zkdl_train::{Weights, WeightsError};
use zkdl_transcript::{Receiver, Sender};

/// Name and version of the protocol.
pub const PROTOCOL: &str = "zkdl/weights/v1";

const WHAT: &str = "proof of weights";
const MAGIC: &str = "zkdl-weights-proof";
const VERSION: u32 = 1;

/// Which weights of a statement are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// Those that its committed start rows hold.
    Start,
    /// Those that its final rows hold.
    End,
}

impl Boundary {
    /// The rows.
    #[must_use]
    pub fn rows(self, statement: &Statement) -> &[[u8; 32]] {
        match self {
            Self::Start => statement.start.rows(),
            Self::End => &statement.end,
        }
    }
}

/// The proof that weights are those of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightsProof {
    /// The model's digest.
    pub model: [u8; 32],
    /// The transcript's messages.
    pub body: Vec<u8>,
}

impl WeightsProof {
    /// The encoding: magic word, version, model digest, length and bytes of the body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = header(MAGIC, VERSION);
        bytes.extend(self.model);
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
        let model = d.array("model digest")?;
        let length = d.count("length of the body", 1)?;
        let body = d.take("body", length)?.to_vec();
        d.finish()?;
        Ok(Self { model, body })
    }
}

/// Proves that the rows of `statement` at `boundary` hold `weights`, under `blinds`.
///
/// # Errors
/// [`ProveError::Statement`], [`ProveError::Witness`] for weights or blinds of another shape, [`ProveError::Randomness`].
/// Weights that the rows do not hold give a proof that does not verify.
pub fn prove(
    statement: &Statement,
    boundary: Boundary,
    weights: &Weights,
    blinds: &[Scalar],
    generators: &GeneratorSource,
) -> Result<WeightsProof, ProveError> {
    let committed = boundary.rows(statement);
    let rows = committed.len();
    let shape = statement.sizes(&Limits::NONE)?;
    let sizes =
        [("the number of weight rows", weight_row_count(&shape)), ("the number of weight blinds", blinds.len())];
    if let Some((what, got)) = sizes.into_iter().find(|(_, got)| *got != rows) {
        return Err(ProveError::Witness { what, got, expected: rows });
    }
    weights.check_shape(&statement.algorithm().widths).map_err(|_| ProveError::Witness {
        what: "the number of weights",
        got: weights.parameters(),
        expected: usize::try_from(statement.algorithm().parameters()).unwrap_or(usize::MAX),
    })?;
    let digest = digest(statement, committed, weights);
    let generators = generators.first(1 << statement.log_columns);
    let secret = Hedge::new().scalars(blinds).finish();
    let blind_source = BlindSource::new(&mut OsEntropy, &[&digest, &*secret])?;
    let mut channel = ProofWriter::new(Sender::new(PROTOCOL, &digest), &generators, blind_source);
    let rho = powers(ProverChannel::challenge(&mut channel, "rows"), rows);
    let public = combined(&own_slices(&shape, weights)?, &rho);
    representation::prove(&mut channel, &public, &[], &Zeroizing::new(dot(&rho, blinds)));
    Ok(WeightsProof { model: model_digest(committed), body: channel.sender.finish() })
}

/// Verifies that the rows of `statement` at `boundary` hold exactly these weights.
///
/// # Errors
/// [`VerifyError::Weights`] for weights of another shape, [`VerifyError::StatementMismatch`] for a proof about another model,
/// [`VerifyError::Statement`] also for a boundary without committed rows, [`VerifyError::BadPoint`], [`VerifyError::Read`], or
/// [`VerifyError::OtherWeights`] if the rows hold something else.
pub fn verify(
    statement: &Statement,
    boundary: Boundary,
    weights: &Weights,
    proof: &WeightsProof,
    limits: &Limits,
    generators: &GeneratorSource,
) -> Result<(), VerifyError> {
    let shape = statement.shape(limits)?;
    weights.check_shape(&statement.algorithm().widths)?;
    let committed = boundary.rows(statement);
    let model = model_digest(committed);
    if proof.model != model {
        return Err(VerifyError::StatementMismatch { proof: hex(&proof.model), statement: hex(&model) });
    }
    let rows = weight_slices(&shape, weights).ok_or(VerifyError::OtherWeights)?;
    check_row_count(committed.len(), rows.len())?;
    let digest = digest(statement, committed, weights);
    let mut channel = ProofReader::new(Receiver::new(PROTOCOL, &digest, &proof.body));
    register_points(&mut channel, "weights", committed)?;
    let rho = powers(VerifierChannel::challenge(&mut channel, "rows"), committed.len());
    let public = combined(&rows, &rho);
    let terms = rho.into_iter().enumerate().collect();
    representation::verify(&mut channel, Commitment { terms, constant: Scalar::ZERO }, &public)?;
    settle(channel, &generators.first(1 << statement.log_columns)).map_err(|error| match error {
        VerifyError::Membership => VerifyError::OtherWeights,
        error => error,
    })?;
    Ok(())
}

/// Rows that are not there would leave weights out of the combination: a public start has none.
fn check_row_count(got: usize, expected: usize) -> Result<(), StatementError> {
    if got == expected {
        return Ok(());
    }
    let expected = format!("{expected}, one for each row of these weights");
    Err(StatementError::Mismatch { what: "the number of committed weight rows", got: to_u64(got), expected })
}

/// Everything public.
fn digest(statement: &Statement, rows: &[[u8; 32]], weights: &Weights) -> [u8; 32] {
    let widths = statement.algorithm().widths;
    let mut hash = Sha256::new();
    hash.update(statement.log_columns.to_le_bytes());
    hash.update(to_u64(widths.len()).to_le_bytes());
    widths.iter().for_each(|width| hash.update(width.to_le_bytes()));
    hash.update(model_digest(rows));
    let all = weights.layers.iter().fold(Hedge::new(), |hedge, layer| hedge.integers(&layer.values));
    hash.update(*all.finish());
    hash.finalize().into()
}

/// All rows as one, by powers of the challenge, one a row.
fn combined(rows: &[&[i64]], rho: &[Scalar]) -> Public {
    let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let column = |j: usize| {
        let weighted = rows.iter().zip(rho).filter_map(|(row, rho)| Some(from_i64(*row.get(j)?) * rho));
        weighted.fold(Scalar::ZERO, |sum, term| sum + term)
    };
    let columns = (0..longest).into_par_iter().map(column).collect();
    Public { columns, hidden: 0 }
}

impl From<WeightsError> for VerifyError {
    fn from(error: WeightsError) -> Self {
        Self::Weights(error)
    }
}
