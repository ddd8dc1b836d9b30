//! Provers that tests can open: with randomness that repeats, and with lies where an honest prover computes.
//!
//! Behind the feature `open`, which the command does not have. A proof whose randomness somebody can predict hides nothing from them;
//! whatever is said here, `verify` has to catch what is false.

use crate::absence::distance;
use crate::answer::{AbsentAnswer, MemberAnswer};
use crate::commitment::PointCommitments;
use crate::data_proof::{self, DataProof};
use crate::proof::Proof;
use crate::{DataSet, GeneratorSource, Phase, ProveError, ProverInput, Question, Statement};
use crate::{absence, membership, training};
use zeroize::Zeroizing;
use zkdl_arguments::absence::Fingerprints;
use zkdl_arguments::near::Claim;
use zkdl_commit::blinds::Entropy;
use zkdl_commit::merkle::Tree;
use zkdl_field::Scalar;

/// [`prove`](crate::prove) with this randomness.
///
/// # Errors
/// As [`prove`](crate::prove).
pub fn prove(
    statement: &Statement,
    input: ProverInput<'_>,
    generators: &GeneratorSource,
    entropy: &mut dyn Entropy,
    progress: &mut dyn FnMut(Phase),
) -> Result<Proof, ProveError> {
    training::prove_with_entropy(statement, input, generators, entropy, progress)
}

/// [`data_proof::prove`] with this randomness.
///
/// # Errors
/// As [`data_proof::prove`].
pub fn prove_data(
    data: &zkdl_dataset::Descriptor,
    log_columns: u32,
    input: DataSet<'_>,
    generators: &GeneratorSource,
    entropy: &mut dyn Entropy,
    progress: &mut dyn FnMut(Phase),
) -> Result<DataProof, ProveError> {
    data_proof::prove_with_entropy(data, log_columns, input, generators, entropy, progress)
}

/// [`absence::prove`] of an exact answer with this randomness; `invert` makes what is committed as the inverses of the differences.
///
/// # Errors
/// As [`absence::prove`], and those of `invert`.
pub fn prove_absent(
    question: &Question,
    data: DataSet<'_>,
    generators: &GeneratorSource,
    entropy: &mut dyn Entropy,
    invert: impl FnOnce(&[Scalar], &Fingerprints) -> Result<Vec<Zeroizing<Vec<Scalar>>>, ProveError>,
) -> Result<AbsentAnswer, ProveError> {
    absence::prove_with(question, data, generators, entropy, invert)
}

/// [`membership::prove`] with this randomness, about row `index`, whatever it holds.
///
/// # Errors
/// As [`membership::prove`].
pub fn prove_member(
    question: &Question,
    index: u32,
    data: DataSet<'_>,
    committed: (&PointCommitments, &Tree),
    generators: &GeneratorSource,
    entropy: &mut dyn Entropy,
) -> Result<MemberAnswer, ProveError> {
    membership::prove_at(question, index, data, committed, generators, entropy)
}

/// What is proven of a question about near-duplicates, and the digest of the question that opens the transcript: where a prover of its
/// own making begins.
#[must_use]
pub fn near(question: &Question) -> (Claim<'_>, [u8; 32]) {
    (distance::claim(question), question.digest(distance::PROTOCOL, &[]))
}
