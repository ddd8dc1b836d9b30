//! Opening: all claims about committed rows become one inner product.
//!
//! Claims: for every query m, `sum over its classes c of <E_c, p_c> = v_m`, with `E_c = sum weight row` formed by the
//! verifier from row commitments, p_c public, v_m hidden. Columns beyond the end of p_c are slack: there p_c continues with
//! powers of a challenge, so that a claim holds only if all rows are zero there (a non-zero slack is a non-zero polynomial in
//! sigma without constant term, while v_m was fixed before sigma).
//!
//! ```text
//! V: eta, sigma;  p_c(col) = sigma^(col+1) for every column beyond the end of p_c
//!    sumcheck over the log C column variables (degree 2) of  sum_m eta^m sum_{c in m} <E_c, p_c> = sum_m eta^m v_m
//! P: Com E_c(r_c) for every class but the last; the last follows from the final claim
//! V: zeta
//!    E* = sum zeta^c E_c,  v* = sum zeta^c E_c(r_c):  left to the inner-product argument, <E*, eq(r_c)> = v*
//! ```
//!
//! Cost: prover one multiply-add a committed value (a byte counts as one) and 4 multiplications a column and class; verifier
//! one scalar a row and the column weights, O(C) a class.

use crate::integers::IntegerMatrix;
use crate::rows::Class;
use crate::selection::Query;
use rayon::prelude::*;
use std::collections::BTreeMap;
use zeroize::Zeroizing;
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_field::lanes::{self, Kernel, LOOSE_ADDITIONS, Lanes, WIDTH};
use zkdl_field::multilinear::{eq_table, log2_ceil};
use zkdl_field::scalar::{ProductSum, dot, powers};
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck::{self as sumcheck, SumOfProducts, Term};
use zkdl_transcript::ReadError;

/// Why the claims cannot be reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// A message is missing or malformed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The last class has weight zero at the challenge point: probability below 2^-240.
    #[error("a challenge of the opening makes a public weight zero")]
    ZeroWeight,
}

/// A committed row as the prover holds it; columns beyond its end are zero.
#[derive(Clone)]
pub enum RowValues<'a> {
    /// Eight columns a byte, the lowest bit first.
    Bits(&'a [u8]),
    /// One column an integer.
    Integers(&'a [i64]),
    /// One column a scalar: values that are neither bits nor small.
    Scalars(&'a [Scalar]),
    /// A data point.
    Point {
        /// Features.
        features: &'a [i32],
        /// Class; its column is 1.
        label: usize,
    },
}

impl std::fmt::Debug for RowValues<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowValues(hidden)")
    }
}

/// What is left for the inner-product argument.
#[derive(Debug, Clone)]
pub struct Reduced<H> {
    /// r_c.
    pub point: Vec<Scalar>,
    /// Weight of every committed row in E*.
    pub row_weights: Vec<Scalar>,
    /// v*.
    pub value: H,
}

/// One class with the coefficient of its query.
struct Weighted<'a> {
    class: &'a Class,
    eta: Scalar,
}

/// The weights of slack columns, `sigma^(col+1)` for all C columns.
struct Slack(Vec<Scalar>);

impl Slack {
    fn new(sigma: Scalar, columns: usize) -> Self {
        Self(powers(sigma, columns).into_iter().map(|power| power * sigma).collect())
    }

    /// p_c over all columns.
    fn extend(&self, class: &Class) -> Vec<Scalar> {
        let mut columns = class.columns.clone();
        columns.extend(self.0.iter().skip(columns.len()));
        columns
    }

    /// For every column the sum of `weight at_r` from it to the end.
    fn suffix_sums(&self, at_r: &[Scalar]) -> Vec<Scalar> {
        let mut sums: Vec<Scalar> = self.0.iter().zip(at_r).map(|(s, e)| s * e).collect();
        let mut total = Scalar::ZERO;
        for sum in sums.iter_mut().rev() {
            total += *sum;
            *sum = total;
        }
        sums.push(Scalar::ZERO);
        sums
    }
}

fn weighted<H>(queries: &[Query<H>], eta: Scalar) -> Vec<Weighted<'_>> {
    let powers = powers(eta, queries.len());
    queries
        .iter()
        .zip(powers)
        .flat_map(|(query, eta)| query.classes.iter().map(move |class| Weighted { class, eta }))
        .collect()
}

fn batched<H: Hidden>(queries: &[Query<H>], eta: Scalar) -> H {
    H::combine(powers(eta, queries.len()).into_iter().zip(queries.iter().map(|q| &q.value)))
}

/// p_c(r_c), times its query's coefficient.
fn column_values(classes: &[Weighted<'_>], slack: &Slack, point: &[Scalar]) -> Vec<Scalar> {
    let at_r = eq_table(point);
    let beyond = slack.suffix_sums(&at_r);
    let value =
        |class: &Class| dot(&class.columns, &at_r) + beyond.get(class.columns.len()).copied().unwrap_or(Scalar::ZERO);
    classes.par_iter().map(|w| w.eta * value(w.class)).collect()
}

/// The last class's value from the final claim and the others.
fn last_value<H: Hidden>(last_claim: H, others: &[H], weights: &[Scalar]) -> Result<H, OpeningError> {
    let sum = H::combine(weights.iter().copied().zip(others));
    let weight = weights.last().copied().unwrap_or(Scalar::ZERO);
    let inverse = Option::<Scalar>::from(weight.invert()).ok_or(OpeningError::ZeroWeight)?;
    Ok((last_claim - sum) * inverse)
}

/// E* and v*.
#[expect(clippy::indexing_slicing, reason = "classes are made of committed rows, and the caller counts the same ones")]
fn combine<H: Hidden>(
    classes: &[Weighted<'_>],
    values: &[H],
    zeta: Scalar,
    rows: usize,
    point: Vec<Scalar>,
) -> Reduced<H> {
    let zetas = powers(zeta, classes.len());
    let mut row_weights = vec![Scalar::ZERO; rows];
    for (w, z) in classes.iter().zip(&zetas) {
        for (row, weight) in &w.class.rows {
            row_weights[*row] += z * weight;
        }
    }
    Reduced { point, row_weights, value: H::combine(zetas.into_iter().zip(values)) }
}

/// Reduces all queries; also returns the vector of E*.
///
/// # Errors
/// [`OpeningError::ZeroWeight`].
#[expect(clippy::arithmetic_side_effects, reason = "prover only: it has at least one class, and two tables for each")]
pub fn prove<P: ProverChannel>(
    channel: &mut P,
    columns: usize,
    queries: &[Query<Opening>],
    rows: &[RowValues<'_>],
) -> Result<(Reduced<Opening>, Vec<Scalar>), OpeningError> {
    let eta = channel.challenge("opening.eta");
    let slack = Slack::new(channel.challenge("opening.sigma"), columns);
    let classes = weighted(queries, eta);
    let vectors = Zeroizing::new(classes.iter().map(|w| combine_rows(w.class, rows)).collect::<Vec<_>>());
    let mut sum = column_sum(&classes, &slack, vectors.to_vec());
    let claim = batched(queries, eta);
    let (last_claim, point) = sumcheck::prove(channel, "opening.round", claim, &vec![2; log2_ceil(columns)], &mut sum);
    let weights = column_values(&classes, &slack, &point);
    let mut values: Vec<Opening> =
        (0..classes.len() - 1).map(|c| channel.hide("opening.E", sum.value(2 * c))).collect();
    values.push(last_value(last_claim, &values, &weights)?);
    let zeta = channel.challenge("opening.zeta");
    let vector = combine_vectors(&vectors, zeta, columns);
    Ok((combine(&classes, &values, zeta, rows.len(), point), vector))
}

/// The verifier's side of [`prove`]; `rows` is the number of committed rows.
///
/// # Errors
/// [`OpeningError`].
pub fn verify<V: VerifierChannel>(
    channel: &mut V,
    columns: usize,
    queries: &[Query<V::Value>],
    rows: usize,
) -> Result<Reduced<V::Value>, OpeningError> {
    let eta = channel.challenge("opening.eta");
    let slack = Slack::new(channel.challenge("opening.sigma"), columns);
    let classes = weighted(queries, eta);
    let claim = batched(queries, eta);
    let (last_claim, point) = sumcheck::verify(channel, "opening.round", claim, &vec![2; log2_ceil(columns)])?;
    let weights = column_values(&classes, &slack, &point);
    let mut values = (1..classes.len()).map(|_| channel.receive("opening.E")).collect::<Result<Vec<_>, _>>()?;
    values.push(last_value(last_claim, &values, &weights)?);
    let zeta = channel.challenge("opening.zeta");
    Ok(combine(&classes, &values, zeta, rows, point))
}

#[expect(clippy::arithmetic_side_effects, reason = "prover only: two tables for each class")]
fn column_sum(classes: &[Weighted<'_>], slack: &Slack, vectors: Vec<Vec<Scalar>>) -> SumOfProducts {
    let terms = classes.iter().enumerate().map(|(c, w)| Term { coefficient: w.eta, factors: vec![2 * c, 2 * c + 1] });
    let pairs: Vec<_> = vectors.into_par_iter().zip(classes).map(|(e, w)| [e, slack.extend(w.class)]).collect();
    SumOfProducts::new(pairs.into_iter().flatten().collect(), terms.collect())
}

fn combine_vectors(vectors: &[Vec<Scalar>], zeta: Scalar, columns: usize) -> Vec<Scalar> {
    let zetas = powers(zeta, vectors.len());
    let column = |j: usize| {
        let mut sum = ProductSum::default();
        for (vector, z) in vectors.iter().zip(&zetas) {
            vector.get(j).into_iter().for_each(|x| sum.add(z, x));
        }
        sum.reduce()
    };
    (0..columns).into_par_iter().with_min_len(256).map(column).collect()
}

/// The vector of E: `sum weight row`, as long as its longest row.
#[must_use]
pub fn combine_rows(class: &Class, rows: &[RowValues<'_>]) -> Vec<Scalar> {
    let mut bits: Vec<(&[u8], Scalar)> = Vec::new();
    let mut integers: Vec<(&[i64], Scalar)> = Vec::new();
    let mut scalars: Vec<(&[Scalar], Scalar)> = Vec::new();
    let mut points: Vec<(&[i32], usize, Scalar)> = Vec::new();
    for (row, weight) in &class.rows {
        match rows.get(*row) {
            Some(RowValues::Bits(bytes)) => bits.push((bytes, *weight)),
            Some(RowValues::Integers(values)) => integers.push((values, *weight)),
            Some(RowValues::Scalars(values)) => scalars.push((values, *weight)),
            Some(RowValues::Point { features, label }) => points.push((features, *label, *weight)),
            None => {}
        }
    }
    let parts = [combine_bits(&bits), combine_integers(&integers), combine_scalars(&scalars), combine_points(&points)];
    parts.into_iter().fold(Vec::new(), add_longer)
}

fn combine_scalars(rows: &[(&[Scalar], Scalar)]) -> Vec<Scalar> {
    let scaled = |(row, weight): &(&[Scalar], Scalar)| row.iter().map(|x| x * weight).collect();
    let part = |rows: &[_]| rows.iter().map(scaled).fold(Vec::new(), add_longer);
    rows.par_chunks(16).map(part).reduce(Vec::new, add_longer)
}

fn add_longer(mut a: Vec<Scalar>, b: Vec<Scalar>) -> Vec<Scalar> {
    a.resize(a.len().max(b.len()), Scalar::ZERO);
    for (x, y) in a.iter_mut().zip(b) {
        *x += y;
    }
    a
}

/// Byte histograms: one addition a byte, then the eight columns of a place from its 256 bins.
fn combine_bits(rows: &[(&[u8], Scalar)]) -> Vec<Scalar> {
    let places = rows.iter().map(|(row, _)| row.len()).max().unwrap_or(0);
    let starts: Vec<usize> = (0..places).step_by(PLACES).collect();
    starts.into_par_iter().flat_map_iter(|first| lanes::run(CombineBits { rows, first })).collect()
}

/// Places of a row that are counted together: their bins stay in the second-level cache.
const PLACES: usize = 8;

/// `sum weight bit` for the columns of the places `first ..`.
struct CombineBits<'k> {
    rows: &'k [(&'k [u8], Scalar)],
    first: usize,
}

impl Kernel for CombineBits<'_> {
    type Output = Vec<Scalar>;

    #[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "prover only: a bin for every byte")]
    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> Vec<Scalar> {
        let mut bins = [L::Loose::default(); PLACES * 256];
        let mut places = 0;
        for rows in self.rows.chunks(LOOSE_ADDITIONS / WIDTH * WIDTH) {
            for octet in rows.chunks(WIDTH) {
                let mut weights = [Scalar::ZERO; WIDTH];
                for (weight, row) in weights.iter_mut().zip(octet) {
                    *weight = row.1;
                }
                for ((row, _), weight) in octet.iter().zip(lanes.spread(lanes.load(&weights))) {
                    let bytes = row.get(self.first..).unwrap_or(&[]);
                    places = places.max(bytes.len().min(PLACES));
                    for (bins, byte) in bins.chunks_exact_mut(256).zip(bytes) {
                        if *byte != 0 {
                            lanes.add_loose(&mut bins[usize::from(*byte)], &weight);
                        }
                    }
                }
            }
            for octet in bins.as_chunks_mut::<WIDTH>().0 {
                *octet = lanes.spread(lanes.gather(octet));
            }
        }
        let mut out = Vec::with_capacity(8 * places);
        for bins in bins.chunks_exact(256).take(places) {
            let mut values = [Scalar::ZERO; 256];
            for (values, octet) in values.as_chunks_mut::<WIDTH>().0.iter_mut().zip(bins.as_chunks::<WIDTH>().0) {
                *values = lanes.store(lanes.gather(octet));
            }
            out.extend(bit_sums(values));
        }
        out
    }
}

/// For each bit the sum of the bins whose index has it: fold the upper half onto the lower, highest bit first.
#[expect(clippy::indexing_slicing, reason = "prover only: eight bits of a byte")]
fn bit_sums(mut bins: [Scalar; 256]) -> [Scalar; 8] {
    let mut sums = [Scalar::ZERO; 8];
    for bit in (0..8).rev() {
        let (low, high) = bins.split_at_mut(1 << bit);
        for (l, h) in low.iter_mut().zip(high) {
            sums[bit] += *h;
            *l += *h;
        }
    }
    sums
}

/// Rows of one length are one matrix.
fn combine_integers(rows: &[(&[i64], Scalar)]) -> Vec<Scalar> {
    let mut by_length: BTreeMap<usize, (Vec<&[i64]>, Vec<Scalar>)> = BTreeMap::new();
    for (row, weight) in rows {
        let (rows, weights) = by_length.entry(row.len()).or_default();
        rows.push(row);
        weights.push(*weight);
    }
    let combined =
        by_length.into_iter().map(|(width, (rows, weights))| IntegerMatrix::rows(rows, width).combine(0, &weights));
    combined.fold(Vec::new(), add_longer)
}

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "prover only: columns of its own points")]
fn combine_points(points: &[(&[i32], usize, Scalar)]) -> Vec<Scalar> {
    let Some(features) = points.first().map(|(x, _, _)| x.len()) else { return Vec::new() };
    let weights: Vec<Scalar> = points.iter().map(|(_, _, w)| *w).collect();
    let mut sums = IntegerMatrix::points(points.iter().map(|(x, _, _)| *x).collect(), features).combine(0, &weights);
    for (_, label, weight) in points {
        let column = features + label;
        sums.resize(sums.len().max(column + 1), Scalar::ZERO);
        sums[column] += weight;
    }
    sums
}

/// Whether a query holds of the rows the prover has: for checks of the witness without cryptography.
#[must_use]
pub fn holds(query: &Query<Opening>, rows: &[RowValues<'_>]) -> bool {
    let sum: Scalar = query.classes.iter().map(|class| dot(&combine_rows(class, rows), &class.columns)).sum();
    sum == query.value.value
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkdl_field::lanes::audit::Audit;
    use zkdl_field::scalar::random;

    #[test]
    fn rows_of_bits_combine_to_their_columns() {
        for (rows, places) in [(1, 1), (3, 9), (17, 8), (LOOSE_ADDITIONS + 3, 2)] {
            let noise = |n: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 37) as u8;
            // Rows of two lengths.
            let bytes: Vec<Vec<u8>> = (0..rows)
                .map(|i| (0..places - i % 2 * (places / 2)).map(|p| noise((i * places + p) as u64)).collect())
                .collect();
            let weights: Vec<Scalar> = (0..rows).map(|_| random().unwrap()).collect();
            let rows: Vec<(&[u8], Scalar)> = bytes.iter().map(Vec::as_slice).zip(weights).collect();
            let column = |j: usize| -> Scalar {
                let set = |row: &&(&[u8], Scalar)| row.0.get(j / 8).is_some_and(|byte| byte >> (j % 8) & 1 == 1);
                rows.iter().filter(set).map(|row| row.1).sum()
            };
            let expected: Vec<Scalar> = (0..8 * places).map(column).collect();
            assert_eq!(combine_bits(&rows), expected);
            let audited = (0..places).step_by(PLACES).flat_map(|first| CombineBits { rows: &rows, first }.run(Audit));
            assert_eq!(audited.collect::<Vec<_>>(), expected);
        }
    }
}
