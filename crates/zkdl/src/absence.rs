//! Absence: none of the points asked for is in the data set.
//!
//! ```text
//!    statement digest: descriptor, nonce, context, queries
//!    absence: fingerprints, inverses of their differences, hidden claims, reduced to products and claims about rows
//!    opening: all claims about rows become one inner product
//!    products, knowledge: sigma protocols
//!    inner-product argument
//! ```
//!
//! A question about near-duplicates is answered by [`distance`](mod@distance) instead.
//!
//! The answer tells nothing but that it is true: neither rows nor how near they are. Any number of queries up to
//! [`MAX_QUERIES`](crate::query::MAX_QUERIES) is answered at once, for little more than one.

use crate::answer::AbsentAnswer;
use crate::commitment::PointCommitments;
use crate::error::{ProveError, VerifyError};
use crate::generators::GeneratorSource;
use crate::points::DataSet;
use crate::query::Question;
use crate::settle::{check_points, discharge, read_discharge, register_points, settle};
use zeroize::Zeroizing;
use zkdl_arguments::absence::{self, Asked, Fingerprints, Statement, Witness};
use zkdl_arguments::differences::inverses;
use zkdl_arguments::opening::RowValues;
use zkdl_commit::blinds::{BlindSource, Entropy, OsEntropy};
use zkdl_commit::channel::{ProofReader, ProofWriter};
use zkdl_dataset::number::to_usize;
use zkdl_field::Scalar;
use zkdl_transcript::{Receiver, Sender};

pub mod distance;

/// Name and version of the protocol, the first bytes of every transcript.
pub const PROTOCOL: &str = "zkdl/absent/v1";

/// Proves that no query of the question is in the data set, with the operating system's randomness.
///
/// # Errors
/// [`ProveError::Query`] for a question without answer, [`ProveError::Member`] if a point is in the data set,
/// [`ProveError::Near`] if one is too near,
/// [`ProveError::Witness`] for data of another shape, [`ProveError::Randomness`].
pub fn prove(question: &Question, data: DataSet<'_>, generators: &GeneratorSource) -> Result<AbsentAnswer, ProveError> {
    if question.within {
        return distance::prove(question, data, generators, &mut OsEntropy);
    }
    prove_with(question, data, generators, &mut OsEntropy, honest)
}

/// Inverses of all differences, or the error that there are none, before any message.
fn honest(m: &[Scalar], fingerprints: &Fingerprints) -> Result<Vec<Zeroizing<Vec<Scalar>>>, ProveError> {
    inverses(m, fingerprints.groups()).ok_or(ProveError::Member)
}

/// [`prove`] of exact absence, with given randomness and what it takes for inverses.
pub(crate) fn prove_with(
    question: &Question,
    data: DataSet<'_>,
    generators: &GeneratorSource,
    entropy: &mut dyn Entropy,
    invert: impl FnOnce(&[Scalar], &Fingerprints) -> Result<Vec<Zeroizing<Vec<Scalar>>>, ProveError>,
) -> Result<AbsentAnswer, ProveError> {
    question.validate()?;
    data.check(&question.data)?;
    let statement = statement(question);
    let digest = question.digest(PROTOCOL, &[]);
    let generators = generators.first(1 << statement.log_columns());
    let blinds = BlindSource::new(entropy, &[&digest, &*data.hedge()])?;
    let mut channel = ProofWriter::new(Sender::new(PROTOCOL, &digest), &generators, blinds);
    let fingerprints = absence::draw(&mut channel, &statement);
    let m = fingerprints.of(data.features, data.labels);
    let w = invert(&m, &fingerprints)?;
    let witness = Witness { m, w };
    let (obligations, row_blinds) = absence::prove(&mut channel, &statement, &fingerprints, &witness)?;
    let points = data.features.chunks(statement.features).zip(data.labels);
    let points = points.map(|(features, label)| RowValues::Point { features, label: to_usize(*label) });
    let rows: Vec<RowValues<'_>> = points.chain(witness.rows(&statement)).collect();
    let blinds = Zeroizing::new([data.blinds, &row_blinds].concat());
    discharge(&mut channel, &obligations, &rows, &blinds, &mut |_| ())?;
    Ok(AbsentAnswer { question: question.clone(), body: channel.sender.finish() })
}

/// Verifies that the answer is one to the question that was asked, and true of the committed points. That nothing is *near*
/// holds of points whose features lie in their ranges: verify the [data proof](crate::data_proof) too.
///
/// # Errors
/// [`VerifyError::Query`] for a question without answer, [`VerifyError::Answer`] if another one is answered,
/// [`VerifyError::Merkle`] and [`VerifyError::BadPoint`] if the points are not those of the data set, errors of malformed messages,
/// or, for a false answer, [`VerifyError::Product`], [`VerifyError::Opening`] or [`VerifyError::Knowledge`].
pub fn verify(
    expected: &Question,
    answer: &AbsentAnswer,
    points: &PointCommitments,
    generators: &GeneratorSource,
) -> Result<(), VerifyError> {
    expected.validate()?;
    if let Some(what) = answer.question.difference(expected) {
        return Err(VerifyError::Answer { what });
    }
    check_points(&expected.data, points)?;
    if expected.within {
        return distance::verify(expected, &answer.body, points, generators);
    }
    let statement = statement(expected);
    let digest = expected.digest(PROTOCOL, &[]);
    let mut channel = ProofReader::new(Receiver::new(PROTOCOL, &digest, &answer.body));
    register_points(&mut channel, "data point", &points.0)?;
    read(&mut channel, &statement)?;
    settle(channel, &generators.first(1 << statement.log_columns()))?;
    Ok(())
}

/// Reads all messages and collects the equations that have to hold.
fn read(channel: &mut ProofReader<'_>, statement: &Statement<'_>) -> Result<(), VerifyError> {
    let obligations = absence::verify(channel, statement)?;
    read_discharge(channel, 1 << statement.log_columns(), &obligations, statement.total_rows())
}

/// The question as its argument sees it.
pub(crate) fn statement(question: &Question) -> Statement<'_> {
    let asked = question.queries.iter().map(|query| Asked { features: &query.features, label: query.label });
    Statement {
        points: to_usize(question.data.points),
        features: to_usize(question.data.features),
        classes: to_usize(question.data.classes),
        queries: asked.collect(),
    }
}

#[cfg(test)]
#[path = "absence/simulator.rs"]
mod simulator;

#[cfg(test)]
#[path = "absence/tests.rs"]
mod tests;
