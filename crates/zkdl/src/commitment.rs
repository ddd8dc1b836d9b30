//! Row commitments of weights, and the file of point commitments.

use crate::codec::{Decoder, FormatError, header, put_list, take_list};
use crate::error::ProveError;
use crate::hedge::Hedge;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;
use zkdl_arguments::Shape;
use zkdl_arguments::rows::weight_rows;
use zkdl_commit::blinds::{BlindSource, Entropy};
use zkdl_commit::merkle::{EmptyTree, root};
use zkdl_commit::msm::msm_i64;
use zkdl_dataset::descriptor::Descriptor;
use zkdl_field::batch::Xy;
use zkdl_field::generators::Generators;
use zkdl_field::{Affine, Scalar, group};
use zkdl_train::Weights;

const WHAT: &str = "list of point commitments";
const MAGIC: &str = "zkdl-points";
const VERSION: u32 = 1;

/// The public commitments to all data points, in order: the leaves of the Merkle tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointCommitments(pub Vec<[u8; 32]>);

impl PointCommitments {
    /// Root of the Merkle tree over the commitments.
    ///
    /// # Errors
    /// [`EmptyTree`].
    pub fn tree(&self) -> Result<[u8; 32], EmptyTree> {
        root(&self.0)
    }

    /// The data root: `SHA-256(02 || encoding of the descriptor with the tree's root in place of its own)`. It binds number and
    /// shape of the points, their ranges and fraction bits together with the commitments, so that one root cannot be
    /// read as two data sets. The prefix keeps it apart from leaves (00) and nodes (01).
    ///
    /// # Errors
    /// [`EmptyTree`].
    pub fn root(&self, data: &Descriptor) -> Result<[u8; 32], EmptyTree> {
        Ok(data_root(data, self.tree()?))
    }

    /// The encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = header(MAGIC, VERSION);
        put_list(&mut bytes, &self.0);
        bytes
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut d = Decoder::new(WHAT, MAGIC, VERSION, bytes)?;
        let points = take_list(&mut d, "point commitments")?;
        d.finish()?;
        Ok(Self(points))
    }
}

/// The data root from the root of the tree: see [`PointCommitments::root`].
pub(crate) fn data_root(data: &Descriptor, tree: [u8; 32]) -> [u8; 32] {
    let bound = Descriptor { root: tree, ..data.clone() };
    Sha256::new().chain_update([2]).chain_update(bound.encode()).finalize().into()
}

/// Row commitments with their secret blinds.
#[derive(Clone)]
pub struct BlindedRows {
    /// Public encodings.
    pub rows: Vec<[u8; 32]>,
    /// One blind a row: a secret.
    pub blinds: Zeroizing<Vec<Scalar>>,
}

/// Draws `n` blinds, hedged with what they hide.
pub(crate) fn draw(entropy: &mut dyn Entropy, hidden: Hedge, n: usize) -> Result<Zeroizing<Vec<Scalar>>, ProveError> {
    Ok(Zeroizing::new(BlindSource::new(entropy, &[b"rows", &*hidden.finish()])?.draw_many(n)))
}

/// All weights of a network.
fn hedge(weights: &Weights) -> Hedge {
    weights.layers.iter().fold(Hedge::new(), |hedge, layer| hedge.integers(&layer.values))
}

/// Commits all rows of a network's weights, in the order of [`weight_rows`].
///
/// # Errors
/// [`ProveError::Randomness`].
pub fn commit_weights(
    generators: &Generators,
    shape: &Shape,
    weights: &Weights,
    entropy: &mut dyn Entropy,
) -> Result<BlindedRows, ProveError> {
    let blinds = draw(entropy, hedge(weights), weight_rows(shape).len())?;
    let rows = weights_with_blinds(generators, shape, weights, &blinds)?;
    Ok(BlindedRows { rows, blinds })
}

/// Commits the weights `end` from the commitments `before` to the weights `start` of the same shape: only the differences are
/// committed and added. They are small, so that a parameter costs about a third of [`commit_weights`], which gives the same
/// rows from the same entropy.
///
/// # Errors
/// [`ProveError::Randomness`]; [`ProveError::Witness`] unless `before` has one row and blind for each row of weights, all of
/// them points.
pub fn recommit_weights(
    generators: &Generators,
    shape: &Shape,
    (start, before): (&Weights, &BlindedRows),
    end: &Weights,
    entropy: &mut dyn Entropy,
) -> Result<BlindedRows, ProveError> {
    if start.max_abs().max(end.max_abs()) >= 1 << 62 {
        return commit_weights(generators, shape, end, entropy);
    }
    let (old, new) = (own_slices(shape, start)?, own_slices(shape, end)?);
    let decoded: Vec<Affine> = before.rows.par_iter().filter_map(|row| group::decode(row).ok()).collect();
    for (what, got) in
        [("the number of weight blinds", before.blinds.len()), ("the number of weight rows", decoded.len())]
    {
        if got != new.len() {
            return Err(ProveError::Witness { what, got, expected: new.len() });
        }
    }
    let fresh = draw(entropy, hedge(end), new.len())?;
    let columns = coordinates(&generators.columns)?;
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "prover only: all lists have one entry a row; differences of integers below 2^62"
    )]
    let recommit = |(i, row): (usize, &Affine)| {
        let difference = Zeroizing::new(new[i].iter().zip(old[i]).map(|(new, old)| new - old).collect::<Vec<i64>>());
        msm_i64(&columns, &difference) + generators.blind * (fresh[i] - before.blinds[i]) + row
    };
    let rows = group::normalize(&decoded.par_iter().enumerate().map(recommit).collect::<Vec<_>>());
    Ok(BlindedRows { rows: rows.iter().map(group::encode).collect(), blinds: fresh })
}

/// The commitments to weights under given blinds, one a row.
///
/// # Errors
/// [`ProveError::Witness`] unless there is one blind a row, and for weights of another shape.
pub fn weights_with_blinds(
    generators: &Generators,
    shape: &Shape,
    weights: &Weights,
    blinds: &[Scalar],
) -> Result<Vec<[u8; 32]>, ProveError> {
    let rows = own_slices(shape, weights)?;
    if rows.len() != blinds.len() {
        let what = "the number of weight blinds";
        return Err(ProveError::Witness { what, got: blinds.len(), expected: rows.len() });
    }
    Ok(commit_integers(generators, &rows, blinds)?.iter().map(group::encode).collect())
}

/// The integers of every weight row; `None` if the weights have no such rows.
#[must_use]
pub fn weight_slices<'w>(shape: &Shape, weights: &'w Weights) -> Option<Vec<&'w [i64]>> {
    weight_rows(shape).into_iter().map(|row| weights.layers.get(row.slot)?.values.get(row.range)).collect()
}

/// [`weight_slices`] of a prover's weights.
///
/// # Errors
/// [`ProveError::Witness`].
pub(crate) fn own_slices<'w>(shape: &Shape, weights: &'w Weights) -> Result<Vec<&'w [i64]>, ProveError> {
    weight_slices(shape, weights).ok_or_else(|| {
        let expected = weight_rows(shape).iter().map(|row| row.range.len()).sum();
        ProveError::Witness { what: "the number of weights", got: weights.parameters(), expected }
    })
}

fn commit_integers(generators: &Generators, rows: &[&[i64]], blinds: &[Scalar]) -> Result<Vec<Affine>, ProveError> {
    let columns = coordinates(&generators.columns)?;
    let commit = |(row, blind): (&&[i64], &Scalar)| msm_i64(&columns, row) + generators.blind * blind;
    let points: Vec<_> = rows.par_iter().zip(blinds).map(commit).collect();
    Ok(group::normalize(&points))
}

/// Generators by their coordinates; a hash to the curve is not the identity.
pub(crate) fn coordinates(columns: &[Affine]) -> Result<Vec<Xy>, ProveError> {
    let refused = ProveError::Witness { what: "the number of generators", got: 0, expected: columns.len() };
    Xy::collect(columns).ok_or(refused)
}
