//! Near: no committed point lies within a squared distance theta of any query.
//!
//! Relation, for queries x_q (q < Q) and points x_i (i < N) of d integer features:
//! `u_qi = |x_q - x_i|^2 - theta - 1` is in 0 .. 2^k, with 2^k above whatever u can be. With features in their ranges (the data
//! proof) u is an integer far below the field's size, so it is not negative, and the distance is above theta.
//!
//! ```text
//! P: rows of the bits of all u_qi (committed before)
//! V: tau (log N), chi (log Q), mu (bits of a cell), delta
//!    squares: v = sum_i eq(tau,i) |x_i|^2
//!    booleanity of the bits at (chi; tau, mu)
//!    query bits:    b
//!    query squares: y
//!    query distances, with E_q = eq(chi,q), e_i = eq(tau,i):
//!      sum_qi E_q e_i (sum_l 2^l bit_l + sum_l delta^(l-k+1) padding_l) + 2 sum_i e_i <x_i, sum_q E_q x_q>
//!        = sum_q E_q (v + ind_N(tau) (|x_q|^2 - theta - 1))
//! ```
//!
//! Everything but the lengths of points is linear in what is committed. Cost: d integer operations a query and point; bits as
//! one training step of N cells; squares once for all queries.

use crate::booleanity::{self, Booleanity, Sizes};
use crate::progress::Argument;
use crate::rows::{Class, Classes, Packing, column_weights, first};
use crate::selection::Query;
use crate::shape::size;
use crate::squares::{self, Squares};
use crate::window::Obligations;
use rayon::prelude::*;
use zeroize::Zeroizing;
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_field::multilinear::{eq_table, log2_ceil, prefix};
use zkdl_field::scalar::{from_i64, powers};
use zkdl_field::{Field, Scalar};
use zkdl_transcript::ReadError;

/// What the claim is about: everything public.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// N.
    pub points: usize,
    /// Columns of the one-hot label, which no distance counts.
    pub classes: usize,
    /// x_q, of d features each.
    pub queries: Vec<&'a [i32]>,
    /// Largest squared distance that counts as near.
    pub theta: u64,
    /// The largest squared distance that a point in the ranges can have from a query.
    pub farthest: u64,
    /// Columns of a committed row.
    pub row_columns: usize,
}

impl Claim<'_> {
    /// k.
    fn bits(&self) -> usize {
        let largest = self.farthest.saturating_sub(self.theta).saturating_sub(1);
        size(u64::BITS.saturating_sub(largest.leading_zeros()).max(1))
    }

    /// Bytes of a cell: of the bits of one u.
    #[must_use]
    pub fn cell_bytes(&self) -> usize {
        self.bits().div_ceil(8).next_power_of_two()
    }

    fn cell_bits(&self) -> usize {
        self.cell_bytes().saturating_mul(8)
    }

    fn sizes(&self) -> Sizes {
        Sizes { rows: self.queries.len(), cells: self.points, bytes: self.cell_bytes() }
    }

    fn packing(&self) -> Packing {
        Packing::new(self.points, self.cell_bits(), self.row_columns)
    }

    /// Number of rows of bits.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.packing().rows().saturating_mul(self.queries.len())
    }

    /// Rows of bits, of the bytes of [`Self::pack`].
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "prover only: bits that fit into memory")]
    pub fn rows<'b>(&self, cells: &'b [u8]) -> Vec<&'b [u8]> {
        let row = self.cell_bytes() << self.packing().log;
        cells.chunks(self.points * self.cell_bytes()).flat_map(|query| query.chunks(row)).collect()
    }

    /// The bits of all u, query by query; nothing if a point is near one.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "prover only: bits that fit into memory")]
    pub fn pack(&self, features: &[i32]) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = self.cell_bytes();
        let mut cells = Zeroizing::new(vec![0; self.queries.len() * self.points * bytes]);
        let width = self.width();
        for (query, cells) in self.queries.iter().zip(cells.chunks_mut(self.points * bytes)) {
            let points = cells.par_chunks_mut(bytes).zip(features.par_chunks(width)).with_min_len(64);
            let far = points.map(|(cell, x)| {
                let u = distance(query, x).checked_sub(self.theta)?.checked_sub(1)?;
                cell.copy_from_slice(u.to_le_bytes().get(..bytes)?);
                Some(())
            });
            far.collect::<Option<()>>()?;
        }
        Some(cells)
    }

    fn width(&self) -> usize {
        self.queries.first().map_or(1, |x| x.len().max(1))
    }
}

/// The squared distance of two points of features below 2^20, at most 2^20 of them: below 2^62.
#[must_use]
pub fn distance(x: &[i32], y: &[i32]) -> u64 {
    x.iter().zip(y).map(|(x, y)| u64::from(x.abs_diff(*y)).saturating_pow(2)).sum()
}

/// The challenges.
struct Challenges {
    tau: Vec<Scalar>,
    chi: Vec<Scalar>,
    mu: Vec<Scalar>,
    delta: Scalar,
}

impl Challenges {
    fn draw(claim: &Claim<'_>, mut draw: impl FnMut(&'static str, usize) -> Vec<Scalar>) -> Self {
        let tau = draw("near.tau", log2_ceil(claim.points));
        let chi = draw("near.chi", log2_ceil(claim.queries.len()));
        let mu = draw("near.mu", log2_ceil(claim.cell_bits()));
        Self { tau, chi, mu, delta: draw("near.delta", 1).into_iter().sum() }
    }

    /// Where booleanity is proven: rows are queries, cells points.
    fn boolean(&self) -> (Vec<Scalar>, Vec<Scalar>) {
        (self.chi.clone(), [&self.tau[..], &self.mu].concat())
    }
}

/// Rows of bits: `queries` weighs queries, eq(p) points, `within` the bits of a cell.
fn bit_classes(claim: &Claim<'_>, queries: &[Scalar], p: &[Scalar], within: &[Scalar]) -> Vec<Class> {
    let packing = claim.packing();
    let (high, low) = packing.split(p);
    let mut classes = Classes::new();
    let mut rows = claim.points..;
    for weight in queries.iter().take(claim.queries.len()) {
        for ((part, high), row) in (0..packing.rows()).zip(&high).zip(rows.by_ref()) {
            let items = packing.range(part).len();
            classes.add(items, row, weight * high, || column_weights(first(&low, items), within, within.len()));
        }
    }
    classes.finish()
}

/// All data rows, weighted by eq(p); label columns carry nothing.
fn data_class(claim: &Claim<'_>, p: &[Scalar], mut columns: Vec<Scalar>) -> Class {
    columns.extend(vec![Scalar::ZERO; claim.classes]);
    Class { rows: eq_table(p).into_iter().take(claim.points).enumerate().collect(), columns }
}

/// The query that ties bits, points and squares.
fn distances<H: Hidden>(claim: &Claim<'_>, at: &Challenges, v: &H) -> Query<H> {
    let queries = eq_table(&at.chi);
    let weighted =
        |(x, e): (&&[i32], &Scalar)| -> Vec<Scalar> { x.iter().map(|x| from_i64(i64::from(*x)) * e).collect() };
    let zero = vec![Scalar::ZERO; claim.width()];
    let sum = claim
        .queries
        .iter()
        .zip(&queries)
        .map(weighted)
        .fold(zero, |a, b| a.iter().zip(b).map(|(a, b)| a + b).collect());
    let padding = claim.cell_bits().saturating_sub(claim.bits());
    let mut within = powers(Scalar::from(2), claim.bits());
    within.extend(powers(at.delta, padding).into_iter().map(|power| power * at.delta));
    let mut classes = vec![data_class(claim, &at.tau, sum.iter().map(Field::double).collect())];
    classes.extend(bit_classes(claim, &queries, &at.tau, &within));
    let total: Scalar = queries.iter().take(claim.queries.len()).sum();
    let theta = Scalar::from(claim.theta);
    let constant = |x: &[i32]| Scalar::from(distance(x, &vec![0; x.len()])) - theta - Scalar::ONE;
    let constants: Scalar = claim.queries.iter().zip(&queries).map(|(x, e)| constant(x) * e).sum();
    let value = v.clone() * total + H::public(prefix(claim.points, &at.tau) * constants);
    Query { name: "distances", classes, value }
}

fn obligations<H: Hidden>(
    claim: &Claim<'_>,
    at: &Challenges,
    squares: Squares<H>,
    bits: Booleanity<H>,
) -> Obligations<H> {
    let (r_i, r_q) = bits.within.split_at(at.tau.len());
    let at_bits = eq_table(r_q);
    let classes = bit_classes(claim, &eq_table(&bits.row), r_i, first(&at_bits, claim.cell_bits()));
    let [point, column] = &squares.point;
    let features = first(&eq_table(column), claim.width()).to_vec();
    let queries = vec![
        Query { name: "bits", classes, value: bits.value },
        Query { name: "squares", classes: vec![data_class(claim, point, features)], value: squares.features },
        distances(claim, at, &squares.value),
    ];
    Obligations { products: vec![squares.product, bits.product], queries }
}

/// Proves everything about points and bits but two products and three queries; data rows come first in the list of rows, then
/// those of [`Claim::rows`]. `cells` are the bytes of [`Claim::pack`].
pub fn prove<P: ProverChannel>(
    channel: &mut P,
    claim: &Claim<'_>,
    features: &[i32],
    cells: &[u8],
    progress: &mut dyn FnMut(Argument),
) -> Obligations<Opening> {
    let at = Challenges::draw(claim, |label, n| channel.challenges(label, n));
    let squares = squares::prove(channel, features, claim.width(), &at.tau);
    let (rows, within) = at.boolean();
    let bits = booleanity::prove(channel, &claim.sizes(), cells, [&rows, &within], progress);
    obligations(claim, &at, squares, bits)
}

/// The verifier's side of [`prove`].
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify<V: VerifierChannel>(channel: &mut V, claim: &Claim<'_>) -> Result<Obligations<V::Value>, ReadError> {
    let at = Challenges::draw(claim, |label, n| channel.challenges(label, n));
    let squares = squares::verify(channel, claim.points, claim.width(), &at.tau)?;
    let (rows, within) = at.boolean();
    let bits = booleanity::verify(channel, &claim.sizes(), [&rows, &within])?;
    Ok(obligations(claim, &at, squares, bits))
}
