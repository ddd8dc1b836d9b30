//! Near-duplicates: every point of the data set is farther from every point asked for than the descriptor's distance.
//!
//! ```text
//!    statement digest: descriptor, nonce, context, queries
//! P: commitments to the rows of bits of all distances above the threshold
//!    near: hidden claims, reduced to two products and three claims about rows
//!    then as every proof ends
//! ```
//!
//! Distances are over features as the quantisers give them. The argument is about integers only because committed features lie
//! in their ranges: whoever relies on the answer verifies the data proof too. The threshold is fixed with the data: one that
//! could be chosen anew with every question would let owners measure how far hidden points are. Normative: `spec/distance.md`.

use crate::answer::AbsentAnswer;
use crate::commitment::PointCommitments;
use crate::error::{ProveError, VerifyError};
use crate::generators::GeneratorSource;
use crate::points::DataSet;
use crate::query::Question;
use crate::settle::{commit_rows, discharge, read_discharge, register_points, settle};
use rayon::prelude::*;
use zeroize::Zeroizing;
use zkdl_arguments::near::{self, Claim};
use zkdl_arguments::opening::RowValues;
use zkdl_commit::blinds::{BlindSource, Entropy};
use zkdl_commit::channel::{ProofReader, ProofWriter};
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::number::to_usize;
use zkdl_field::group;
use zkdl_field::multilinear::log2_ceil;
use zkdl_transcript::{ReadError, Receiver, Sender};

/// Name and version of the protocol, the first bytes of every transcript.
pub const PROTOCOL: &str = "zkdl/distance/v1";

/// Whether a point of the data is near: within the data set's distance of these features.
#[must_use]
pub fn is_near(data: &Descriptor, set: DataSet<'_>, features: &[i32]) -> bool {
    let points = set.features.par_chunks_exact(features.len().max(1));
    points.any(|point| near::distance(point, features) <= data.near)
}

/// Proves that no point is near a query of the question.
///
/// # Errors
/// [`ProveError::Query`] for a question without answer, [`ProveError::Near`] if a point is near a query,
/// [`ProveError::Witness`] for data of another shape, [`ProveError::Randomness`].
pub(super) fn prove(
    question: &Question,
    data: DataSet<'_>,
    generators: &GeneratorSource,
    entropy: &mut dyn Entropy,
) -> Result<AbsentAnswer, ProveError> {
    question.validate()?;
    data.check(&question.data)?;
    let claim = claim(question);
    let cells = claim.pack(data.features).ok_or(ProveError::Near)?;
    prove_cells(question, &claim, data, &cells, generators, entropy)
}

/// Proves with given bits: honest ones, or those of a cheating prover in tests.
fn prove_cells(
    question: &Question,
    claim: &Claim<'_>,
    data: DataSet<'_>,
    cells: &[u8],
    generators: &GeneratorSource,
    entropy: &mut dyn Entropy,
) -> Result<AbsentAnswer, ProveError> {
    let generators = generators.first(claim.row_columns);
    let digest = question.digest(PROTOCOL, &[]);
    let blinds = BlindSource::new(entropy, &[&digest, &*data.hedge()])?;
    let mut channel = ProofWriter::new(Sender::new(PROTOCOL, &digest), &generators, blinds);
    let rows = claim.rows(cells);
    let cell_blinds = commit_rows(&mut channel, "near.row", &rows)?;
    let obligations = near::prove(&mut channel, claim, data.features, cells, &mut |_| ());
    let points = data.features.chunks_exact(to_usize(question.data.features)).zip(data.labels);
    let points = points.map(|(features, label)| RowValues::Point { features, label: to_usize(*label) });
    let values: Vec<RowValues<'_>> = points.chain(rows.into_iter().map(RowValues::Bits)).collect();
    let blinds = Zeroizing::new([data.blinds, &cell_blinds].concat());
    discharge(&mut channel, &obligations, &values, &blinds, &mut |_| ())?;
    Ok(AbsentAnswer { question: question.clone(), body: channel.sender.finish() })
}

/// Verifies the proof that no point is near a query; question and points have been checked.
///
/// # Errors
/// [`VerifyError::BadPoint`] for points that are none, errors of malformed messages, or, for a false answer,
/// [`VerifyError::Product`], [`VerifyError::Opening`] or [`VerifyError::Knowledge`].
pub(super) fn verify(
    expected: &Question,
    body: &[u8],
    points: &PointCommitments,
    generators: &GeneratorSource,
) -> Result<(), VerifyError> {
    let claim = claim(expected);
    let offset = body.len();
    if offset / group::POINT_BYTES < claim.row_count() {
        return Err(VerifyError::Read(ReadError::Truncated { offset, label: "near.row" }));
    }
    let digest = expected.digest(PROTOCOL, &[]);
    let mut channel = ProofReader::new(Receiver::new(PROTOCOL, &digest, body));
    register_points(&mut channel, "data point", &points.0)?;
    for _ in 0..claim.row_count() {
        channel.receive_point("near.row")?;
    }
    let obligations = near::verify(&mut channel, &claim)?;
    read_discharge(&mut channel, claim.row_columns, &obligations, points.0.len().saturating_add(claim.row_count()))?;
    settle(channel, &generators.first(claim.row_columns))?;
    Ok(())
}

/// The question as its argument sees it; rows about twice as long as there are many, and of whole cells.
pub(crate) fn claim(question: &Question) -> Claim<'_> {
    let data = &question.data;
    let mut claim = Claim {
        points: to_usize(data.points),
        classes: to_usize(data.classes),
        queries: question.queries.iter().map(|query| &query.features[..]).collect(),
        theta: data.near,
        farthest: question.farthest(),
        row_columns: 0,
    };
    let cell = claim.cell_bytes().saturating_mul(8);
    let bits = claim.points.saturating_mul(claim.queries.len()).saturating_mul(cell);
    let balanced = log2_ceil(bits).div_ceil(2).saturating_add(1);
    let widest = question.width().max(cell);
    claim.row_columns = 1 << balanced.min(MOST_LOG_COLUMNS).max(log2_ceil(widest));
    claim
}

/// Most columns that are chosen for the sake of few rows, as a binary logarithm.
const MOST_LOG_COLUMNS: usize = 17;

#[cfg(test)]
#[path = "distance/simulator.rs"]
mod simulator;

#[cfg(test)]
#[path = "distance/tests.rs"]
mod tests;
