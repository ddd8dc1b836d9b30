//! The prover's work for booleanity: `sum_{x,q} eq(mu_x,x) eq(mu_q,q) (b(x,q)^2 - b(x,q))`, its bit variables bound first.
//!
//! Bits stay bits. The lowest three variables run inside a byte: a histogram of the cell weights over (place, byte value)
//! holds everything that their rounds need. After them a byte is worth one of 256 field elements T, and a group of bytes f_g a
//! sum of look-ups. The remaining rounds need, with e the weight of a cell,
//!
//! ```text
//! linear  L_g = sum e f_g          square  D_g = sum e f_g^2          cross  X_m = sum e f_2m f_2m+1
//! ```
//!
//! L and D start from the histogram and follow every binding, `D' = (1-r)^2 D_2m + r^2 D_2m+1 + 2 r (1-r) X_m`; only X asks for
//! a pass over the cells. Every round polynomial is `E eq(mu_i,X) s(X)` with s of degree 2, from s(0), s(1) and its leading
//! coefficient. Zero bytes are skipped.
//!
//! Cost a cell of n bytes: one multiplication and n additions for the histogram; then n - 1 multiplications, as many delayed
//! multiply-adds, and log n times n look-ups and additions.

use crate::shape::Shape;
use rayon::prelude::*;
use zkdl_field::multilinear::{eq, eq_table, fold};
use zkdl_field::scalar::{ProductSum, dot};
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
    /// Weight of every byte value, by place: `[p][v]`.
    histogram: Vec<Vec<Scalar>>,
    rounds: Rounds,
}

/// What the next round is computed from.
enum Rounds {
    /// Variables inside a byte: for every byte value the bits that remain, bound so far: 8, 4, or 2 entries.
    Byte(Vec<Vec<Scalar>>),
    /// Variables that select a byte.
    Place(Groups),
}

/// Groups of bound places.
struct Groups {
    /// What byte value v is worth at place p of a group, `[p][v]`.
    worth: Vec<Vec<Scalar>>,
    /// L by group.
    linear: Vec<Scalar>,
    /// D by group.
    square: Vec<Scalar>,
    /// X by pair of groups; nothing when one group is left.
    cross: Vec<Scalar>,
}

impl Groups {
    /// The value of one group of bytes.
    fn value(&self, bytes: &[u8]) -> Scalar {
        let mut sum = Scalar::ZERO;
        for (byte, worth) in bytes.iter().zip(&self.worth) {
            if *byte != 0 {
                sum += worth[usize::from(*byte)];
            }
        }
        sum
    }

    fn round(&self, rest: &[Scalar]) -> Quadratic {
        let mut sums = [Scalar::ZERO; 3];
        for (m, (e, cross)) in rest.iter().zip(&self.cross).enumerate() {
            let (low, high) = (2 * m, 2 * m + 1);
            sums[0] += e * (self.square[low] - self.linear[low]);
            sums[1] += e * (self.square[high] - self.linear[high]);
            sums[2] += e * (self.square[low] + self.square[high] - cross.double());
        }
        sums
    }

    /// A bound variable joins pairs of groups: the lower is worth (1 - r), the upper r times as much. X is yet to come.
    fn join(&self, r: &Scalar) -> Self {
        let l = Scalar::ONE - r;
        let scaled = |x: Scalar| self.worth.iter().map(move |p| p.iter().map(|v| v * x).collect()).collect::<Vec<_>>();
        let pairs = self.linear.chunks_exact(2).zip(self.square.chunks_exact(2)).zip(&self.cross);
        let (linear, square) = pairs
            .map(|((linear, square), cross)| {
                let joined = l * l * square[0] + r * r * square[1] + (l * r * cross).double();
                (l * linear[0] + r * linear[1], joined)
            })
            .unzip();
        Self { worth: [scaled(l), scaled(*r)].concat(), linear, square, cross: Vec::new() }
    }
}

impl<'a> BitSum<'a> {
    /// Prepares the histogram; `mu_q` has `shape.log_bits()` coordinates.
    #[must_use]
    pub fn new(shape: &'a Shape, cells: &'a [&'a [u8]], weights: &'a RowWeights, mu_q: &[Scalar]) -> Self {
        let values = (0..BYTE_VALUES).map(|v| (0..8).map(|i| Scalar::from((v >> i & 1) as u64)).collect()).collect();
        Self {
            shape,
            cells,
            weights,
            mu: mu_q.to_vec(),
            scale: Scalar::ONE,
            histogram: histogram(shape, cells, weights, 1 << (mu_q.len() - BYTE_VARIABLES)),
            rounds: Rounds::Byte(values),
        }
    }

    /// `b(x, r_q)` for every cell, by slot, `[t][b][j]`, once all bit variables are bound.
    #[must_use]
    pub fn bound(&self) -> Vec<Vec<Scalar>> {
        let Rounds::Place(groups) = &self.rounds else { return Vec::new() };
        let slot = |(slot, cells): (usize, &&[u8])| {
            cells.par_chunks_exact(self.shape.stride(slot)).map(|cell| groups.value(cell)).collect()
        };
        self.cells.iter().enumerate().map(slot).collect()
    }

    fn byte_round(&self, values: &[Vec<Scalar>], above: &[Scalar]) -> Quadratic {
        let in_byte = values.first().map_or(0, |v| v.len().trailing_zeros() as usize - 1);
        let (places, rest) = above.split_at(above.len() - in_byte);
        let (places, rest) = (eq_table(places), eq_table(rest));
        let mut sums = [ProductSum::default(); 3];
        for (v, values) in values.iter().enumerate() {
            let weight: Scalar = self.histogram.iter().zip(&places).map(|(bins, e)| bins[v] * e).sum();
            for (pair, e) in values.chunks_exact(2).zip(&rest) {
                accumulate(&mut sums, &(weight * e), &pair[0], &pair[1]);
            }
        }
        sums.map(ProductSum::reduce)
    }

    /// The first groups: every place by itself.
    fn places(&self, worth: Vec<Scalar>) -> Groups {
        let squares: Vec<Scalar> = worth.iter().map(Scalar::square).collect();
        let linear = self.histogram.iter().map(|bins| dot(bins, &worth)).collect();
        let square = self.histogram.iter().map(|bins| dot(bins, &squares)).collect();
        Groups { worth: vec![worth], linear, square, cross: Vec::new() }
    }

    /// X of every pair of groups: the one pass over the cells.
    fn cross(&self, groups: &Groups) -> Vec<Scalar> {
        let pairs = groups.linear.len() / 2;
        if pairs == 0 {
            return Vec::new();
        }
        let zero = || vec![Scalar::ZERO; pairs];
        let sum = |a: Vec<Scalar>, b: Vec<Scalar>| a.iter().zip(&b).map(|(x, y)| x + y).collect();
        let slot = |(slot, cells): (usize, &&'a [u8])| {
            let stride = self.shape.stride(slot);
            cells
                .par_chunks_exact(self.shape.outputs(slot) * stride)
                .zip(&self.weights.rows[slot])
                .map(|(row, w)| self.row_cross(groups, row.chunks_exact(stride), pairs).iter().map(|x| x * w).collect())
                .reduce(zero, sum)
        };
        self.cells.iter().enumerate().map(slot).fold(zero(), sum)
    }

    /// X over one row (l, t, b), without the row's weight.
    fn row_cross<'r>(&self, groups: &Groups, row: impl Iterator<Item = &'r [u8]>, pairs: usize) -> Vec<Scalar> {
        let size = groups.worth.len();
        let mut sums = vec![ProductSum::default(); pairs];
        for (cell, e) in row.zip(&self.weights.columns) {
            for (pair, sum) in cell.chunks(2 * size).zip(&mut sums) {
                if pair.len() > size {
                    let (low, high) = pair.split_at(size);
                    sum.add(&(e * groups.value(low)), &groups.value(high));
                }
            }
        }
        sums.into_iter().map(ProductSum::reduce).collect()
    }
}

/// Adds weight times (f_0^2 - f_0, f_1^2 - f_1, (f_1 - f_0)^2).
fn accumulate(sums: &mut [ProductSum; 3], weight: &Scalar, low: &Scalar, high: &Scalar) {
    let slope = high - low;
    sums[0].add(weight, &(low.square() - low));
    sums[1].add(weight, &(high.square() - high));
    sums[2].add(weight, &slope.square());
}

/// Weights of byte values: for every place p of `places` and value v the sum over cells of `weight(cell) [byte p = v]`.
fn histogram(shape: &Shape, cells: &[&[u8]], weights: &RowWeights, places: usize) -> Vec<Vec<Scalar>> {
    let mut total = vec![vec![Scalar::ZERO; BYTE_VALUES]; places];
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
        for (sums, place) in total.iter_mut().zip(bins.chunks_exact(BYTE_VALUES)) {
            for (sum, bin) in sums.iter_mut().zip(place) {
                *sum += bin;
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
        let sums = match &self.rounds {
            Rounds::Byte(values) => self.byte_round(values, above),
            Rounds::Place(groups) => groups.round(&eq_table(above)),
        };
        times_eq(&self.scale, current, sums)
    }

    fn bind(&mut self, r: &Scalar) {
        if let Some(mu) = self.mu.pop() {
            self.scale *= eq(&[mu], &[*r]);
        }
        let mut groups = match &mut self.rounds {
            Rounds::Byte(values) => {
                values.iter_mut().for_each(|values| fold(values, r));
                if values.iter().any(|values| values.len() > 1) {
                    return;
                }
                let worth = values.concat();
                self.places(worth)
            }
            Rounds::Place(groups) => groups.join(r),
        };
        groups.cross = self.cross(&groups);
        self.rounds = Rounds::Place(groups);
    }
}
