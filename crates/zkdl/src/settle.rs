//! What all proofs have in common: the points that files name at their beginning; at their end, the obligations that arguments
//! leave become one inner product, and all checks one multi-scalar multiplication.
//!
//! ```text
//!    opening: all claims about rows become one inner product
//!    products, knowledge: sigma protocols
//!    inner-product argument
//! V: settle: one weight for all equations, after the last byte
//! ```

use crate::commitment::PointCommitments;
use crate::error::{ProveError, VerifyError};
use crate::statement::hex;
use crate::training::Phase;
use rayon::prelude::*;
use zeroize::Zeroizing;
use zkdl_arguments::opening::{self, RowValues};
use zkdl_arguments::window::Obligations;
use zkdl_commit::channel::{Check, Equation, ProofReader, ProofWriter};
use zkdl_commit::msm::msm;
use zkdl_commit::pedersen::{Commitment, Opening};
use zkdl_commit::table::commit_bits;
use zkdl_commit::{ipa, sigma};
use zkdl_dataset::descriptor::Descriptor;
use zkdl_field::generators::Generators;
use zkdl_field::scalar::dot;
use zkdl_field::{Affine, Field, Scalar, group};

/// The points are those of the descriptor: as many, under its root. What follows may cost as much as the files that are there.
///
/// # Errors
/// [`VerifyError::Merkle`].
pub(crate) fn check_points(data: &Descriptor, points: &PointCommitments) -> Result<(), VerifyError> {
    let root = points.root(data).unwrap_or_default();
    if root != data.root || points.0.len() != data.points as usize {
        return Err(VerifyError::Merkle { got: hex(&root), expected: hex(&data.root) });
    }
    Ok(())
}

/// Decodes the rows of a file, on all threads, and adds them to the verifier's points; returns the index of the first.
///
/// # Errors
/// [`VerifyError::BadPoint`] naming the first row that is no point.
pub(crate) fn register_points(
    channel: &mut ProofReader<'_>,
    role: &'static str,
    rows: &[[u8; 32]],
) -> Result<usize, VerifyError> {
    let decoded: Vec<_> = rows.par_iter().with_min_len(64).map(group::decode).collect();
    let mut points = Vec::with_capacity(decoded.len());
    for (index, point) in decoded.into_iter().enumerate() {
        points.push(point.map_err(|source| VerifyError::BadPoint { role, index, source })?);
    }
    Ok(channel.register(points))
}

/// Commits rows of bits and sends the commitments; returns the blinds.
///
/// # Errors
/// [`ProveError::Degenerate`].
pub(crate) fn commit_rows(
    channel: &mut ProofWriter<'_>,
    label: &str,
    rows: &[&[u8]],
) -> Result<Zeroizing<Vec<Scalar>>, ProveError> {
    let blinds = Zeroizing::new(channel.blinds.draw_many(rows.len()));
    let starts = channel.generators.blinds(&blinds)?;
    for point in commit_bits(&channel.generators.columns, rows, &starts) {
        channel.sender.send_point(label, &point);
    }
    Ok(blinds)
}

/// The prover's end: everything that an argument has left to be shown, of `rows` under `blinds`.
///
/// # Errors
/// [`ProveError::Degenerate`].
pub(crate) fn discharge(
    channel: &mut ProofWriter<'_>,
    obligations: &Obligations<Opening>,
    rows: &[RowValues<'_>],
    blinds: &[Scalar],
    progress: &mut dyn FnMut(Phase),
) -> Result<(), ProveError> {
    progress(Phase::Opening);
    let columns = &channel.generators.columns;
    let (reduced, vector) = opening::prove(channel, columns.len(), &obligations.queries, rows)?;
    progress(Phase::InnerProduct);
    sigma::prove_products(channel, &obligations.products);
    sigma::prove_knowledge(channel);
    let blind = dot(&reduced.row_weights, blinds);
    let opened = ipa::Witness { vector: Zeroizing::new(vector), blind, value: reduced.value };
    Ok(ipa::prove(channel, columns, opened, &reduced.point)?)
}

/// The verifier's side of [`discharge`], for `rows` committed rows of `columns` columns.
///
/// # Errors
/// [`VerifyError`] for missing or malformed messages.
pub(crate) fn read_discharge(
    channel: &mut ProofReader<'_>,
    columns: usize,
    obligations: &Obligations<Commitment>,
    rows: usize,
) -> Result<(), VerifyError> {
    let reduced = opening::verify(channel, columns, &obligations.queries, rows)?;
    sigma::verify_products(channel, &obligations.products)?;
    sigma::verify_knowledge(channel)?;
    let terms = reduced.row_weights.into_iter().enumerate().collect();
    let opened = Commitment { terms, constant: Scalar::ZERO };
    Ok(ipa::verify(channel, opened, reduced.value, &reduced.point)?)
}

/// Checks all equations at once and, if they do not hold, names the first that fails.
pub(crate) fn settle(mut channel: ProofReader<'_>, generators: &Generators) -> Result<usize, VerifyError> {
    let weight = channel.receiver.challenge("settle");
    channel.receiver.finish()?;
    let all = Equation::combine(Check::Opening, &channel.equations, weight);
    if holds(&all, &channel.points, generators) {
        return Ok(channel.points.len() + generators.columns.len() + 2);
    }
    let failed = channel.equations.iter().find(|e| !holds(e, &channel.points, generators));
    Err(match failed.map(|e| e.check) {
        Some(Check::Product(which)) => VerifyError::Product { which },
        Some(Check::Knowledge) => VerifyError::Knowledge,
        Some(Check::Representation) => VerifyError::Membership,
        Some(Check::Opening) | None => VerifyError::Opening,
    })
}

fn holds(equation: &Equation, points: &[Affine], generators: &Generators) -> bool {
    let mut coefficients = vec![Scalar::ZERO; points.len()];
    for (index, c) in &equation.form.terms {
        if let Some(sum) = coefficients.get_mut(*index) {
            *sum += c;
        }
    }
    coefficients.extend([equation.form.constant, equation.blind]);
    coefficients.extend(&equation.columns);
    let columns = generators.columns.iter().take(equation.columns.len());
    let all = points.iter().chain([&generators.value, &generators.blind]).chain(columns).zip(coefficients);
    let (bases, scalars): (Vec<Affine>, Vec<Scalar>) = all.filter(|(_, c)| *c != Scalar::ZERO).unzip();
    group::is_identity(&msm(&bases, &scalars))
}
