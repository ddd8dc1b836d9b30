//! Membership: this point is number i of the data set.
//!
//! ```text
//!    statement digest: descriptor, nonce, context, query x, index i, C_i, its Merkle path
//! V: the path leads from C_i to the root of the descriptor
//!    D = C_i - sum_j x_j G_j                     with a label a in the query: - G_(d+a), and the other label columns are 0
//!    representation: the prover knows D = sum_a y_a G_(d+a) + r H;     with a label: D = r H
//! ```
//!
//! Exact, by binding: C_i opens to x in its features, and to nothing else. It needs no list of points: the answer has the
//! path. It tells the index, and so, with the public order of the data, the steps in which the point was used.
//!
//! Cost: prover c + 1 points (c classes), finding the row apart; verifier d + c + 3 points and log N hashes.

use crate::answer::MemberAnswer;
use crate::commitment::{PointCommitments, data_root};
use crate::error::{ProveError, VerifyError};
use crate::generators::GeneratorSource;
use crate::hedge::Hedge;
use crate::points::DataSet;
use crate::query::{Query, QueryError, Question};
use crate::settle::{register_points, settle};
use crate::statement::hex;
use rayon::prelude::*;
use zeroize::Zeroizing;
use zkdl_commit::blinds::{BlindSource, Entropy, OsEntropy};
use zkdl_commit::channel::{ProofReader, ProofWriter};
use zkdl_commit::merkle::{Tree, root_from_path};
use zkdl_commit::pedersen::Commitment;
use zkdl_commit::representation::{self, Public};
use zkdl_dataset::number::{to_u64, to_usize};
use zkdl_field::scalar::from_i64;
use zkdl_field::{Field, Scalar};
use zkdl_transcript::{Receiver, Sender};

/// Name and version of the protocol, the first bytes of every transcript.
pub const PROTOCOL: &str = "zkdl/member/v1";

/// The first row that holds a query; `None` if there is none.
///
/// Every value of every row is looked at, whatever matches: the time says nothing about where, or whether, the point was found.
#[must_use]
pub fn find(features: &[i32], labels: &[u32], query: &Query) -> Option<u32> {
    let width = query.features.len();
    if width == 0 || features.len() != width.saturating_mul(labels.len()) {
        return None;
    }
    let place = |(i, (row, label)): (usize, (&[i32], &u32))| {
        let features = row.iter().zip(&query.features).fold(0, |bits, (a, b)| bits | (a ^ b));
        let bits = features.cast_unsigned() | query.label.map_or(0, |asked| asked ^ label);
        // All ones for a row that differs, so that the least number is that of the first match.
        to_u64(i) | 0u64.wrapping_sub(u64::from(bits != 0))
    };
    let rows = features.par_chunks(width).zip(labels).enumerate().with_min_len(256);
    u32::try_from(rows.map(place).min()?).ok()
}

/// Proves that the question's one query is a point of the data set, with the operating system's randomness.
///
/// # Errors
/// [`ProveError::Query`] for a question without answer, [`ProveError::NotMember`] if there is no such point,
/// [`ProveError::Witness`] for data of another shape, [`ProveError::Randomness`].
pub fn prove(
    question: &Question,
    data: DataSet<'_>,
    points: &PointCommitments,
    tree: &Tree,
    generators: &GeneratorSource,
) -> Result<MemberAnswer, ProveError> {
    let query = only_query(question)?;
    data.check(&question.data)?;
    let index = find(data.features, data.labels, query).ok_or(ProveError::NotMember)?;
    prove_at(question, index, data, (points, tree), generators, &mut OsEntropy)
}

/// [`prove`] for a row that is already known to hold the query.
pub(crate) fn prove_at(
    question: &Question,
    index: u32,
    data: DataSet<'_>,
    (points, tree): (&PointCommitments, &Tree),
    generators: &GeneratorSource,
    entropy: &mut dyn Entropy,
) -> Result<MemberAnswer, ProveError> {
    let row = to_usize(index);
    let found = points.0.get(row).zip(tree.path(row)).zip(data.labels.get(row).zip(data.blinds.get(row)));
    let ((commitment, path), (label, blind)) = found.ok_or(ProveError::Witness {
        what: "the number of point commitments",
        got: points.0.len(),
        expected: to_usize(question.data.points),
    })?;
    let mut answer =
        MemberAnswer { question: question.clone(), index, commitment: *commitment, path, body: Vec::new() };
    let digest = question.digest(PROTOCOL, &answer.place());
    let secret = Hedge::new().bytes(&label.to_le_bytes()).scalars(&[*blind]).finish();
    let blinds = BlindSource::new(entropy, &[&digest, &*secret])?;
    let generators = generators.first(question.width().next_power_of_two());
    let mut channel = ProofWriter::new(Sender::new(PROTOCOL, &digest), &generators, blinds);
    let public = public_part(question, only_query(question)?);
    let hidden: Vec<Scalar> = one_hot(*label, public.hidden).collect();
    representation::prove(&mut channel, &public, &Zeroizing::new(hidden), blind);
    answer.body = channel.sender.finish();
    Ok(answer)
}

/// Verifies that the answer is one to the question that was asked, and true.
///
/// # Errors
/// [`VerifyError::Query`] for a question without answer, [`VerifyError::Answer`] if another one is answered,
/// [`VerifyError::Path`] and [`VerifyError::Merkle`] if the commitment is not that of a point of this data set,
/// [`VerifyError::Membership`] if it commits to another point, and errors of malformed messages.
pub fn verify(expected: &Question, answer: &MemberAnswer, generators: &GeneratorSource) -> Result<(), VerifyError> {
    let query = only_query(expected)?;
    if let Some(what) = answer.question.difference(expected) {
        return Err(VerifyError::Answer { what });
    }
    let size = to_usize(expected.data.points);
    let tree = root_from_path(to_usize(answer.index), size, &answer.commitment, &answer.path)?;
    let root = data_root(&expected.data, tree);
    if root != expected.data.root {
        return Err(VerifyError::Merkle { got: hex(&root), expected: hex(&expected.data.root) });
    }
    let digest = expected.digest(PROTOCOL, &answer.place());
    let mut channel = ProofReader::new(Receiver::new(PROTOCOL, &digest, &answer.body));
    let row = register_points(&mut channel, "data point", &[answer.commitment])?;
    representation::verify(&mut channel, Commitment::point(row), &public_part(expected, query))?;
    settle(channel, &generators.first(expected.width().next_power_of_two()))?;
    Ok(())
}

/// Membership is asked for one point at a time.
fn only_query(question: &Question) -> Result<&Query, QueryError> {
    question.validate()?;
    if question.within {
        return Err(QueryError::Within { what: "by absence alone: a membership is of this exact point" });
    }
    match &question.queries[..] {
        [query] => Ok(query),
        queries => Err(QueryError::Count { got: queries.len(), limit: 1 }),
    }
}

/// What of the row is public: the features, and all label columns if the label is asked for.
fn public_part(question: &Question, query: &Query) -> Public {
    let features = query.features.iter().map(|x| from_i64(i64::from(*x)));
    let classes = to_usize(question.data.classes);
    match query.label {
        Some(label) => Public { columns: features.chain(one_hot(label, classes)).collect(), hidden: 0 },
        None => Public { columns: features.collect(), hidden: classes },
    }
}

fn one_hot(label: u32, columns: usize) -> impl Iterator<Item = Scalar> {
    (0..columns).map(move |column| if column == to_usize(label) { Scalar::ONE } else { Scalar::ZERO })
}

#[cfg(test)]
#[path = "membership/tests.rs"]
mod tests;
