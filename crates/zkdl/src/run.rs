//! Verification of many windows of one run at once.
//!
//! ```text
//!    every window is read to its end, which fixes the weight of its equations
//! V: rho = challenge(statements, weights)
//!    sum over windows i of rho^i (sum of its weighted equations) = 0: one multi-scalar multiplication
//! ```
//!
//! Windows share generators and data points, so that these cost once what they cost a window. A window's weight depends on every
//! byte of its statement and proof, hence so does rho: a false equation survives with probability at most (windows +
//! equations of one) / r.

use crate::chain::{self, ChainError};
use crate::commitment::PointCommitments;
use crate::error::VerifyError;
use crate::generators::GeneratorSource;
use crate::proof::Proof;
use crate::settle::{Closed, check_points, decode_points, settle_all};
use crate::statement::{Limits, Statement};
use crate::training::{check_digest, check_room, read_proof};
use rayon::prelude::*;
use zkdl_field::Affine;
use zkdl_field::generators::Generators;

/// Name and version of the protocol.
pub const PROTOCOL: &str = "zkdl/run/v1";

/// Statement and proof of a window.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// What is claimed.
    pub statement: &'a Statement,
    /// The proof of it.
    pub proof: &'a Proof,
}

/// Why a run is not accepted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The windows are not those of one run.
    #[error("the windows are not those of one run: {0}")]
    Chain(#[from] ChainError),
    /// The point commitments are not those of the data.
    #[error(transparent)]
    Points(VerifyError),
    /// A window's proof is malformed or false.
    #[error("window {index}: {source}")]
    Window {
        /// Which, counted from 0 in the order given.
        index: usize,
        /// What is wrong.
        source: VerifyError,
    },
}

/// What verified windows say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The stretches of steps that are proven ([`chain::stretches`]).
    pub claims: Vec<Statement>,
    /// Points of the one multi-scalar multiplication.
    pub msm_points: usize,
}

/// Verifies windows of one run, given in any order, against the public point commitments; `done` is called after each is read,
/// from any thread.
///
/// Cost: the windows are read on all threads; one multi-scalar multiplication over generators, data points, and the points
/// of all windows. Memory: about 0.4 kB for each point of all proofs, the columns of a row for each proof, and at most
/// 150 MB for the multi-scalar multiplication.
///
/// # Errors
/// [`RunError`]. A false proof is found by verifying the windows one by one, so that the error names the first of them.
pub fn verify(
    windows: &[Window<'_>],
    points: &PointCommitments,
    limits: &Limits,
    generators: &GeneratorSource,
    done: &(dyn Fn() + Sync),
) -> Result<Verified, RunError> {
    let claims = chain::stretches(windows.iter().map(|w| w.statement))?;
    let Some(first) = windows.first() else { return Ok(Verified { claims, msm_points: 0 }) };
    let named = |(index, source)| RunError::Window { index, source };
    check_each(windows, |w| check_digest(w.statement, w.proof))?;
    check_points(&first.statement.data, points).map_err(RunError::Points)?;
    check_each(windows, |w| check_room(w.statement, w.proof, limits))?;
    let data = decode_points("data point", &points.0).map_err(RunError::Points)?;
    let closed = read_all(windows, &data, limits, done).map_err(named)?;
    let generators = generators.first(1 << first.statement.log_columns);
    let about: Vec<[u8; 32]> = windows.iter().map(|w| w.proof.statement).collect();
    match settle_all(PROTOCOL, &about, &closed, &data, &generators) {
        Some(msm_points) => Ok(Verified { claims, msm_points }),
        None => Err(named(culprit(&closed, &data, &generators))),
    }
}

fn check_each(windows: &[Window<'_>], check: impl Fn(&Window<'_>) -> Result<(), VerifyError>) -> Result<(), RunError> {
    let named = |(index, window)| check(window).map_err(|source| RunError::Window { index, source });
    windows.iter().enumerate().try_for_each(named)
}

/// Reads all proofs; the error is that of the first that cannot be read.
fn read_all(
    windows: &[Window<'_>],
    data: &[Affine],
    limits: &Limits,
    done: &(dyn Fn() + Sync),
) -> Result<Vec<Closed>, (usize, VerifyError)> {
    let read = |(index, window): (usize, &Window<'_>)| {
        let closed = read_proof(window.statement, data, window.proof, limits).map_err(|source| (index, source));
        done();
        closed
    };
    let read: Vec<_> = windows.par_iter().enumerate().with_max_len(1).map(read).collect();
    read.into_iter().collect()
}

/// The first window whose own equations do not hold. The sum of true equations is zero, so there is one.
fn culprit(closed: &[Closed], data: &[Affine], generators: &Generators) -> (usize, VerifyError) {
    let judged = closed.par_iter().map(|proof| proof.settle(data, generators).err());
    let verdicts: Vec<Option<VerifyError>> = judged.collect();
    let first = verdicts.into_iter().enumerate().find_map(|(index, error)| Some((index, error?)));
    first.unwrap_or((0, VerifyError::Opening))
}
