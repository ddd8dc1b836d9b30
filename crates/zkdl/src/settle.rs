//! What every verifier begins and ends with: the points that files name, and one multi-scalar multiplication for all checks.

use crate::commitment::PointCommitments;
use crate::error::VerifyError;
use crate::statement::hex;
use rayon::prelude::*;
use zkdl_commit::channel::{Check, Equation, ProofReader};
use zkdl_commit::msm::msm;
use zkdl_dataset::descriptor::Descriptor;
use zkdl_field::generators::Generators;
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
