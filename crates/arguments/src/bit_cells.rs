//! The prover's work for booleanity once the bits within a cell are bound ([`BitSum`](crate::bits::BitSum) does that):
//! `scale sum_{i,j} eq(mu_i,i) eq(mu_j,j) (f(i,j)^2 - f(i,j))`, f one scalar a cell, i the row, j the cell in it.
//!
//! The one table is that of f. Weights stay split, a scalar a row times one column table, and eq of the variable that is next
//! is a factor outside ([`times_eq`]): a round asks for three sums of squares. When the columns are bound, the rows that
//! are left are arranged in rows of their own, so that no weight table is as long as the data.
//!
//! Cost a cell: one look-up a byte, then about 4 multiplications in all.

use crate::bits::{Quadratic, cell_bytes, look_up, loose_table, times_eq};
use crate::integers::octets;
use rayon::prelude::*;
use zeroize::Zeroizing;
use zkdl_field::lanes::{self, Kernel, Lanes, WIDTH};
use zkdl_field::multilinear::{eq, eq_table, sixteen};
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck::{RoundPolynomial, SumProver};

/// Entries that are one unit of work for a thread.
const BLOCK: usize = 1 << 13;

/// The prover's state.
pub struct BitCells {
    /// f, row by row; the last row may be shorter. As secret as the bits.
    values: Zeroizing<Vec<Scalar>>,
    width: usize,
    /// Coordinates of mu_i, most significant first.
    mu_rows: Vec<Scalar>,
    /// eq(mu_i, i).
    row_weights: Vec<Scalar>,
    /// Coordinates of mu_j not yet bound, most significant first.
    mu_columns: Vec<Scalar>,
    /// What eq is worth at the bound variables.
    scale: Scalar,
}

impl BitCells {
    /// Rows of `width` cells of as many bytes as `worth` has places; byte value v at place p adds `worth[p][v]`. `scale` is
    /// eq of the bits within a cell.
    #[must_use]
    pub fn new(
        cells: &[u8],
        width: usize,
        worth: &[Vec<Scalar>],
        (mu_rows, mu_columns): (&[Scalar], &[Scalar]),
        scale: Scalar,
    ) -> Self {
        let (stride, worth) = (worth.len(), worth.concat());
        let block = |cells| lanes::run(Values { cells, stride, worth: &worth });
        let values = Zeroizing::new(cells.par_chunks(BLOCK * stride).flat_map_iter(block).collect());
        let row_weights = eq_table(mu_rows);
        let (mu_rows, mu_columns) = (mu_rows.to_vec(), mu_columns.to_vec());
        let mut sum = Self { values, width, mu_rows, row_weights, mu_columns, scale };
        sum.arrange();
        sum
    }

    /// f at the point, once every variable is bound.
    #[must_use]
    pub fn value(&self) -> Scalar {
        self.values.first().copied().unwrap_or(Scalar::ZERO)
    }

    /// Once rows have one entry: half of their variables become columns.
    fn arrange(&mut self) {
        if self.mu_columns.is_empty() {
            self.mu_columns = self.mu_rows.split_off(self.mu_rows.len() / 2);
            self.width = 1 << self.mu_columns.len();
            self.row_weights = eq_table(&self.mu_rows);
        }
    }

    /// Rows of a unit of work.
    fn block(&self) -> usize {
        BLOCK.div_ceil(self.width)
    }
}

impl SumProver for BitCells {
    fn round(&self) -> RoundPolynomial {
        let Some((current, above)) = self.mu_columns.split_last() else { return RoundPolynomial::default() };
        let columns = octets(&eq_table(above));
        let block =
            |(values, weights)| lanes::run(BooleanRound { values, width: self.width, weights, columns: &columns });
        let blocks = self.values.par_chunks(self.block() * self.width).zip(self.row_weights.par_chunks(self.block()));
        let add = |a: Quadratic, b: Quadratic| std::array::from_fn(|i| a[i] + b[i]);
        times_eq(&self.scale, current, blocks.map(block).reduce(Default::default, add))
    }

    fn bind(&mut self, r: &Scalar) {
        let Some(mu) = self.mu_columns.pop() else { return };
        self.scale *= eq(&[mu], &[*r]);
        let block = |values| lanes::run(FoldRows { values, width: self.width, r });
        let folded = self.values.par_chunks(self.block() * self.width).flat_map_iter(block).collect();
        self.values = Zeroizing::new(folded);
        self.width = self.width.div_ceil(2);
        self.arrange();
    }
}

/// f of a stretch of cells.
struct Values<'k> {
    cells: &'k [u8],
    stride: usize,
    worth: &'k [Scalar],
}

impl Kernel for Values<'_> {
    type Output = Vec<Scalar>;

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> Vec<Scalar> {
        let table = loose_table(lanes, self.worth);
        let count = self.cells.len() / self.stride;
        let mut out = Vec::with_capacity(count.next_multiple_of(WIDTH));
        for octet in self.cells.chunks(WIDTH * self.stride) {
            let bytes = cell_bytes(octet, self.stride, 0);
            out.extend(lanes.store(look_up(lanes, &table, &bytes, 0, self.stride)));
        }
        out.truncate(count);
        out
    }
}

/// `sum weight sum over pairs of e (f_0^2 - f_0, f_1^2 - f_1, (f_1 - f_0)^2)` over rows.
struct BooleanRound<'k> {
    values: &'k [Scalar],
    width: usize,
    weights: &'k [Scalar],
    columns: &'k [[Scalar; WIDTH]],
}

impl Kernel for BooleanRound<'_> {
    type Output = Quadratic;

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> Quadratic {
        let mut totals = [L::Sum::default(); 3];
        for (row, weight) in self.values.chunks(self.width).zip(self.weights) {
            let mut sums = [L::Sum::default(); 3];
            for (first, e) in (0..row.len()).step_by(2 * WIDTH).zip(self.columns) {
                let e = lanes.load(e);
                let (low, high) = lanes.load_pairs(&sixteen(&row[first..]));
                let slope = lanes.sub::<1>(high, low);
                lanes.mul_add(&mut sums[0], lanes.sub::<1>(lanes.square(low), low), e);
                lanes.mul_add(&mut sums[1], lanes.sub::<1>(lanes.square(high), high), e);
                lanes.mul_add(&mut sums[2], lanes.square(slope), e);
            }
            let weight = lanes.splat(weight);
            for (total, sum) in totals.iter_mut().zip(sums) {
                lanes.mul_add(total, lanes.reduce(sum), weight);
            }
        }
        let mut out = Quadratic::default();
        for (value, total) in out.iter_mut().zip(totals) {
            *value = lanes.total(lanes.reduce(total));
        }
        out
    }
}

/// Binds the least significant column variable of every row.
struct FoldRows<'k> {
    values: &'k [Scalar],
    width: usize,
    r: &'k Scalar,
}

impl Kernel for FoldRows<'_> {
    type Output = Vec<Scalar>;

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> Vec<Scalar> {
        let r = lanes.splat(self.r);
        let mut out = Vec::with_capacity(self.values.len().div_ceil(self.width) * self.width.div_ceil(2));
        for row in self.values.chunks(self.width) {
            for first in (0..row.len()).step_by(2 * WIDTH) {
                let (low, high) = lanes.load_pairs(&sixteen(&row[first..]));
                let folded = lanes.store(lanes.add(low, lanes.mul(lanes.sub::<1>(high, low), r)));
                out.extend_from_slice(&folded[..WIDTH.min((row.len() - first).div_ceil(2))]);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::BYTE_VALUES;
    use zkdl_field::lanes::audit::Audit;
    use zkdl_field::multilinear::{evaluate, log2_ceil};
    use zkdl_field::scalar::random;

    fn scalars(n: usize) -> Vec<Scalar> {
        (0..n).map(|_| random().unwrap()).collect()
    }

    fn noise(n: usize) -> Vec<u8> {
        (0..n as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 41) as u8).collect()
    }

    /// `sum e (f^2 - f)` of a virtually padded table, its least significant variable at x.
    fn at(table: &[Scalar], weights: &[Scalar], x: &Scalar) -> Scalar {
        let line = |v: &[Scalar]| v[0] + (v.get(1).copied().unwrap_or(Scalar::ZERO) - v[0]) * x;
        let pairs = table.chunks(2).zip(weights.chunks(2));
        pairs.map(|(f, e)| line(e) * (line(f).square() - line(f))).sum()
    }

    /// Every round against the sum it is about, over a dense table.
    #[test]
    fn rounds_are_the_plain_sum() {
        for (rows, width, stride) in [(1, 1, 16), (1, 5, 16), (3, 1, 2), (5, 3, 16), (40, 17, 16), (70, 2, 7)] {
            let cells = noise(rows * width * stride);
            let worth: Vec<Vec<Scalar>> = (0..stride).map(|_| scalars(BYTE_VALUES)).collect();
            let (mu_rows, mu_columns) = (scalars(log2_ceil(rows)), scalars(log2_ceil(width)));
            let scale = random().unwrap();
            let padded = 1 << mu_columns.len();
            let value = |cell: &[u8]| -> Scalar { cell.iter().zip(&worth).map(|(v, w)| w[usize::from(*v)]).sum() };
            let mut table = Vec::new();
            for row in cells.chunks(width * stride) {
                table.extend(row.chunks(stride).map(value));
                table.resize(table.len().next_multiple_of(padded), Scalar::ZERO);
            }
            let dense = table.clone();
            let mut weights = eq_table(&[&mu_rows[..], &mu_columns].concat());
            weights.iter_mut().for_each(|e| *e *= scale);
            let mut sum = BitCells::new(&cells, width, &worth, (&mu_rows, &mu_columns), scale);
            let mut point = Vec::new();
            while weights.len() > 1 {
                let polynomial = sum.round();
                let claim = at(&table, &weights, &Scalar::ZERO) + at(&table, &weights, &Scalar::ONE);
                let linear = claim - polynomial.constant.double() - polynomial.higher.iter().sum::<Scalar>();
                let x = random().unwrap();
                let higher: Scalar = polynomial.higher.iter().rev().fold(Scalar::ZERO, |sum, c| (sum + c) * x) * x;
                assert_eq!(polynomial.constant + linear * x + higher, at(&table, &weights, &x));
                let r = random().unwrap();
                sum.bind(&r);
                zkdl_field::multilinear::fold(&mut table, &r);
                zkdl_field::multilinear::fold(&mut weights, &r);
                point.insert(0, r);
            }
            assert_eq!(sum.value(), evaluate(&dense, &point));
        }
    }

    #[test]
    fn kernels_stay_within_their_bounds() {
        for (width, length) in [(1, 3), (5, 20), (16, 40), (33, 99)] {
            let (values, weights) = (scalars(length), scalars(length.div_ceil(width)));
            let (r, columns) = (random().unwrap(), octets(&scalars(width.div_ceil(2))));
            let round = || BooleanRound { values: &values, width, weights: &weights, columns: &columns };
            assert_eq!(round().run(Audit), lanes::run(round()));
            let fold = || FoldRows { values: &values, width, r: &r };
            assert_eq!(fold().run(Audit), lanes::run(fold()));
            let (cells, worth) = (noise(16 * length), scalars(16 * BYTE_VALUES));
            let read = || Values { cells: &cells, stride: 16, worth: &worth };
            assert_eq!(read().run(Audit), lanes::run(read()));
        }
    }
}
