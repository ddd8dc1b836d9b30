//! The prover's work for booleanity: `sum_{x,q} eq(mu_x,x) eq(mu_q,q) (b(x,q)^2 - b(x,q))`, its bit variables bound first.
//!
//! Bits stay bits. The lowest three variables run inside a byte: a histogram of the cell weights over (place, byte value)
//! holds everything that their rounds need. After them a byte is worth one of 256 field elements, and the remaining
//! rounds look bytes up again instead of storing field elements. Skipped zero bytes cost nothing.
//!
//! Every round polynomial is `E eq(mu_i,X) s(X)` with s of degree 2, from s(0), s(1) and its leading coefficient.
//!
//! Cost a cell of n bytes: one multiplication and n additions for the histogram, then about 12 multiplications for each
//! pair of bytes over all further rounds.

use crate::shape::Shape;
use rayon::prelude::*;
use zkdl_field::multilinear::{eq_table, fold};
use zkdl_field::scalar::ProductSum;
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck::{RoundPolynomial, SumProver};

/// Variables inside a byte.
const BYTE_VARIABLES: usize = 3;
const BYTE_VALUES: usize = 256;

/// Weights of cells: a scalar for every row (l, t, b), the same column table for all.
#[derive(Debug, Clone)]
pub struct RowWeights {
    /// By slot, `t * batch + b`.
    pub rows: Vec<Vec<Scalar>>,
    /// By neuron.
    pub columns: Vec<Scalar>,
}

/// Three numbers that fix a quadratic polynomial: value at 0, value at 1, leading coefficient.
pub type Quadratic = [Scalar; 3];

/// `scale eq(mu,X) s(X)` as a round polynomial.
#[must_use]
pub fn times_eq(scale: &Scalar, mu: &Scalar, [at_0, at_1, leading]: Quadratic) -> RoundPolynomial {
    let (u, v) = (scale * (Scalar::ONE - mu), scale * (mu.double() - Scalar::ONE));
    let linear = at_1 - at_0 - leading;
    RoundPolynomial { constant: u * at_0, higher: vec![u * leading + v * linear, v * leading] }
}

/// The prover's state.
pub struct BitSum<'a> {
    shape: &'a Shape,
    cells: &'a [&'a [u8]],
    weights: &'a RowWeights,
    /// Coordinates of mu_q not yet bound, most significant first.
    mu: Vec<Scalar>,
    /// `eq(mu, r)` over the bound variables.
    scale: Scalar,
    /// For every byte value the bits that remain, bound so far: 8, 4, 2, then 1 entry.
    values: Vec<Vec<Scalar>>,
    /// Weight of every byte value, summed over cells and places.
    histogram: Vec<Scalar>,
    /// Once the byte is bound: what byte value v is worth at place p of a group of bound places, `[p][v]`.
    places: Vec<Vec<Scalar>>,
}

impl<'a> BitSum<'a> {
    /// Prepares the histogram; `mu_q` has `shape.log_bits()` coordinates.
    #[must_use]
    pub fn new(shape: &'a Shape, cells: &'a [&'a [u8]], weights: &'a RowWeights, mu_q: &[Scalar]) -> Self {
        let place_weights = eq_table(&mu_q[..mu_q.len() - BYTE_VARIABLES]);
        let values = (0..BYTE_VALUES).map(|v| (0..8).map(|i| Scalar::from((v >> i & 1) as u64)).collect()).collect();
        Self {
            shape,
            cells,
            weights,
            mu: mu_q.to_vec(),
            scale: Scalar::ONE,
            values,
            histogram: histogram(shape, cells, weights, &place_weights),
            places: Vec::new(),
        }
    }

    /// `b(x, r_q)` for every cell, by slot, `[t][b][j]`, once all bit variables are bound.
    #[must_use]
    pub fn bound(&self) -> Vec<Vec<Scalar>> {
        let slot = |(slot, cells): (usize, &&[u8])| {
            cells.par_chunks_exact(self.shape.stride(slot)).map(|cell| self.group(cell)).collect()
        };
        self.cells.iter().enumerate().map(slot).collect()
    }

    /// The value of one group of bytes.
    fn group(&self, bytes: &[u8]) -> Scalar {
        let mut sum = Scalar::ZERO;
        for (byte, worth) in bytes.iter().zip(&self.places) {
            if *byte != 0 {
                sum += worth[usize::from(*byte)];
            }
        }
        sum
    }

    fn byte_round(&self, rest: &[Scalar]) -> Quadratic {
        let mut sums = [ProductSum::default(); 3];
        for (weight, values) in self.histogram.iter().zip(&self.values) {
            for (pair, e) in values.chunks_exact(2).zip(rest) {
                accumulate(&mut sums, &(weight * e), &pair[0], &pair[1]);
            }
        }
        sums.map(ProductSum::reduce)
    }

    fn place_round(&self, rest: &[Scalar]) -> Quadratic {
        let rows = |(slot, cells): (usize, &&'a [u8])| {
            let row_bytes = self.shape.outputs(slot) * self.shape.stride(slot);
            let weights = &self.weights.rows[slot];
            cells
                .par_chunks_exact(row_bytes)
                .zip(weights)
                .map(|(row, w)| self.row_round(slot, row, rest).map(|s| s * w))
                .reduce(|| [Scalar::ZERO; 3], add)
        };
        self.cells.iter().enumerate().map(rows).fold([Scalar::ZERO; 3], add)
    }

    /// The round's sums over one row (l, t, b), without the row's weight.
    fn row_round(&self, slot: usize, row: &[u8], rest: &[Scalar]) -> Quadratic {
        let group = self.places.len();
        let mut sums = [ProductSum::default(); 3];
        for (cell, e) in row.chunks_exact(self.shape.stride(slot)).zip(&self.weights.columns) {
            let mut inner = [ProductSum::default(); 3];
            for (pair, e) in cell.chunks(2 * group).zip(rest) {
                let (low, high) = pair.split_at(group.min(pair.len()));
                accumulate(&mut inner, e, &self.group(low), &self.group(high));
            }
            for (sum, inner) in sums.iter_mut().zip(inner) {
                sum.add(&inner.reduce(), e);
            }
        }
        sums.map(ProductSum::reduce)
    }

    fn bind_byte(&mut self, r: &Scalar) {
        for values in &mut self.values {
            fold(values, r);
        }
        if self.values.iter().all(|v| v.len() == 1) {
            self.places = vec![self.values.iter().map(|v| v[0]).collect()];
        }
    }

    /// A bound place variable doubles the group: the lower half is worth (1 - r), the upper r times as much.
    fn bind_place(&mut self, r: &Scalar) {
        let scaled = |x: Scalar| self.places.iter().map(move |p| p.iter().map(|v| v * x).collect()).collect::<Vec<_>>();
        self.places = [scaled(Scalar::ONE - r), scaled(*r)].concat();
    }
}

/// Adds weight times (f_0^2 - f_0, f_1^2 - f_1, (f_1 - f_0)^2).
fn accumulate(sums: &mut [ProductSum; 3], weight: &Scalar, low: &Scalar, high: &Scalar) {
    let slope = high - low;
    sums[0].add(weight, &(low.square() - low));
    sums[1].add(weight, &(high.square() - high));
    sums[2].add(weight, &slope.square());
}

fn add(a: Quadratic, b: Quadratic) -> Quadratic {
    std::array::from_fn(|i| a[i] + b[i])
}

/// Weights of byte values: `sum over cells and places of weight(cell) place_weight(p) [byte = v]`.
fn histogram(shape: &Shape, cells: &[&[u8]], weights: &RowWeights, place_weights: &[Scalar]) -> Vec<Scalar> {
    let mut total = vec![Scalar::ZERO; BYTE_VALUES];
    for (slot, cells) in cells.iter().enumerate() {
        let stride = shape.stride(slot);
        let empty = || vec![Scalar::ZERO; BYTE_VALUES * stride];
        let bins = cells
            .par_chunks_exact(shape.outputs(slot) * stride)
            .zip(&weights.rows[slot])
            .fold(empty, |mut bins, (row, w)| {
                count_row(&mut bins, row, stride, w, &weights.columns);
                bins
            })
            .reduce(empty, |a, b| a.iter().zip(&b).map(|(x, y)| x + y).collect());
        for (place, weight) in bins.chunks_exact(BYTE_VALUES).zip(place_weights) {
            for (sum, bin) in total.iter_mut().zip(place) {
                *sum += weight * bin;
            }
        }
    }
    total
}

fn count_row(bins: &mut [Scalar], row: &[u8], stride: usize, row_weight: &Scalar, columns: &[Scalar]) {
    for (cell, e) in row.chunks_exact(stride).zip(columns) {
        let weight = row_weight * e;
        for (place, byte) in cell.iter().enumerate().filter(|(_, byte)| **byte != 0) {
            bins[place * BYTE_VALUES + usize::from(*byte)] += weight;
        }
    }
}

impl SumProver for BitSum<'_> {
    fn round(&self) -> RoundPolynomial {
        let Some((current, above)) = self.mu.split_last() else { return RoundPolynomial::default() };
        let sums = if self.places.is_empty() {
            let in_byte = self.values[0].len().trailing_zeros() as usize - 1;
            self.byte_round(&eq_table(&above[above.len() - in_byte..]))
        } else {
            self.place_round(&eq_table(above))
        };
        times_eq(&self.scale, current, sums)
    }

    fn bind(&mut self, r: &Scalar) {
        if let Some(mu) = self.mu.pop() {
            self.scale *= zkdl_field::multilinear::eq(&[mu], &[*r]);
        }
        if self.places.is_empty() { self.bind_byte(r) } else { self.bind_place(r) }
    }
}
