//! The prover's work for booleanity once the bits within a cell are bound ([`BitSum`](crate::bits::BitSum) does that):
//! `scale sum_{i,j} eq(mu_i,i) eq(mu_j,j) (f(i,j)^2 - f(i,j))`, f one scalar a cell, i the row, j the cell in it.
//!
//! The one table is that of f, in blocks of rows: for every j a stretch with the rows of the block, so that binding a variable
//! of j combines whole stretches, eight rows at a time, however few cells a row has. Weights stay split, one a row and one a j,
//! and eq of the variable that is next is a factor outside ([`times_eq`]): a round asks for three sums of squares. When j is
//! bound, the lower half of the variables of the rows takes its place.
//!
//! Cost a cell: one look-up a byte, then about 7 multiplications in all, half of them delayed.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "prover only: cells and tables that it holds"
)]

use crate::bits::{MAX_STRIDE, Quadratic, look_up, loose_table, times_eq};
use rayon::prelude::*;
use zeroize::Zeroizing;
use zkdl_field::lanes::{self, Kernel, Lanes, WIDTH};
use zkdl_field::multilinear::{eq, eq_table};
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck::{RoundPolynomial, SumProver};

/// Rows of a block, a unit of work for a thread.
const BLOCK: usize = 1 << 10;

/// The prover's state.
pub struct BitCells {
    /// f, as secret as the bits: for every block of rows, for every j, the rows.
    blocks: Vec<Zeroizing<Vec<Scalar>>>,
    /// Stretches of a block.
    width: usize,
    /// Coordinates of mu_i, most significant first.
    mu_rows: Vec<Scalar>,
    /// eq(mu_i, i).
    row_weights: Vec<Scalar>,
    /// Coordinates of mu_j not yet bound, most significant first.
    mu_cells: Vec<Scalar>,
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
        (mu_rows, mu_cells): (&[Scalar], &[Scalar]),
        scale: Scalar,
    ) -> Self {
        let (stride, worth) = (worth.len(), worth.concat());
        let block = |cells| Zeroizing::new(lanes::run(Values { cells, stride, width, worth: &worth }));
        let blocks = cells.par_chunks(BLOCK * width * stride).map(block).collect();
        let (row_weights, mu_rows, mu_cells) = (eq_table(mu_rows), mu_rows.to_vec(), mu_cells.to_vec());
        let mut sum = Self { blocks, width, mu_rows, row_weights, mu_cells, scale };
        sum.arrange();
        sum
    }

    /// f at the point, once every variable is bound.
    #[must_use]
    pub fn value(&self) -> Scalar {
        self.blocks.first().and_then(|block| block.first()).copied().unwrap_or(Scalar::ZERO)
    }

    /// Once there is one cell a row: row `2^l i + j` becomes cell j of row i.
    fn arrange(&mut self) {
        if !self.mu_cells.is_empty() || self.mu_rows.is_empty() {
            return;
        }
        self.mu_cells = self.mu_rows.split_off(self.mu_rows.len() / 2);
        self.row_weights = eq_table(&self.mu_rows);
        self.width = 1 << self.mu_cells.len();
        let values = Zeroizing::new(self.blocks.iter().flat_map(|block| block.iter()).copied().collect::<Vec<_>>());
        let block = |rows: &[Scalar]| {
            let stretch = |j| rows.chunks(self.width).map(move |row| row.get(j).copied().unwrap_or(Scalar::ZERO));
            Zeroizing::new((0..self.width).flat_map(stretch).collect())
        };
        self.blocks = values.par_chunks(BLOCK * self.width).map(block).collect();
    }
}

impl SumProver for BitCells {
    fn round(&self) -> RoundPolynomial {
        let Some((current, above)) = self.mu_cells.split_last() else { return RoundPolynomial::default() };
        let cells = eq_table(above);
        let blocks = self.blocks.par_iter().zip(self.row_weights.par_chunks(BLOCK));
        let block = |(values, weights): (&Zeroizing<Vec<Scalar>>, &[Scalar])| {
            lanes::run(BooleanRound { values, width: self.width, weights, cells: &cells })
        };
        let add = |a: Quadratic, b: Quadratic| std::array::from_fn(|i| a[i] + b[i]);
        times_eq(&self.scale, current, blocks.map(block).reduce(Default::default, add))
    }

    fn bind(&mut self, r: &Scalar) {
        let Some(mu) = self.mu_cells.pop() else { return };
        self.scale *= eq(&[mu], &[*r]);
        self.blocks.par_iter_mut().for_each(|values| {
            lanes::run(FoldStretches { values, width: self.width, r });
            let rows = values.len() / self.width;
            values.truncate(rows * self.width.div_ceil(2));
        });
        self.width = self.width.div_ceil(2);
        self.arrange();
    }
}

/// f of a block of rows of cells.
struct Values<'k> {
    cells: &'k [u8],
    stride: usize,
    width: usize,
    worth: &'k [Scalar],
}

impl Kernel for Values<'_> {
    type Output = Vec<Scalar>;

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> Vec<Scalar> {
        let table = loose_table(lanes, self.worth);
        let row = self.width * self.stride;
        let rows = self.cells.len() / row;
        let mut out = vec![Scalar::ZERO; rows * self.width];
        for (octet, first) in self.cells.chunks(WIDTH * row).zip((0..rows).step_by(WIDTH)) {
            for j in 0..self.width {
                let mut bytes = [[0; MAX_STRIDE]; WIDTH];
                for (bytes, row) in bytes.iter_mut().zip(octet.chunks_exact(row)) {
                    for (to, from) in bytes.iter_mut().zip(&row[j * self.stride..][..self.stride]) {
                        *to = *from;
                    }
                }
                let values = lanes.store(look_up(lanes, &table, &bytes, 0, self.stride));
                let count = WIDTH.min(rows - first);
                out[j * rows + first..][..count].copy_from_slice(&values[..count]);
            }
        }
        out
    }
}

/// Eight entries, zero beyond the end.
#[inline(always)]
fn eight(values: &[Scalar]) -> [Scalar; WIDTH] {
    if let Some(whole) = values.first_chunk() {
        return *whole;
    }
    let mut padded = [Scalar::ZERO; WIDTH];
    padded[..values.len()].copy_from_slice(values);
    padded
}

/// `sum_m e_m sum_i weight_i (f_0^2 - f_0, f_1^2 - f_1, (f_1 - f_0)^2)` over pairs m of stretches.
struct BooleanRound<'k> {
    values: &'k [Scalar],
    width: usize,
    weights: &'k [Scalar],
    cells: &'k [Scalar],
}

impl Kernel for BooleanRound<'_> {
    type Output = Quadratic;

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> Quadratic {
        let rows = self.values.len() / self.width;
        let mut totals = [L::Sum::default(); 3];
        for (pair, e) in self.values.chunks(2 * rows).zip(self.cells) {
            let (lows, highs) = pair.split_at(rows);
            let mut sums = [L::Sum::default(); 3];
            for (first, weights) in (0..rows).step_by(WIDTH).zip(self.weights.chunks(WIDTH)) {
                let weights = lanes.load(&eight(weights));
                let low = lanes.load(&eight(&lows[first..]));
                // A stretch without partner is followed by zeros.
                let high = lanes.load(&eight(highs.get(first..).unwrap_or_default()));
                let slope = lanes.sub::<1>(high, low);
                lanes.mul_add(&mut sums[0], lanes.sub::<1>(lanes.square(low), low), weights);
                lanes.mul_add(&mut sums[1], lanes.sub::<1>(lanes.square(high), high), weights);
                lanes.mul_add(&mut sums[2], lanes.square(slope), weights);
            }
            let e = lanes.splat(e);
            for (total, sum) in totals.iter_mut().zip(sums) {
                lanes.mul_add(total, lanes.reduce(sum), e);
            }
        }
        let mut out = Quadratic::default();
        for (value, total) in out.iter_mut().zip(totals) {
            *value = lanes.total(lanes.reduce(total));
        }
        out
    }
}

/// Binds the least significant variable of j, in place: the first half of the stretches is the result.
struct FoldStretches<'k> {
    values: &'k mut [Scalar],
    width: usize,
    r: &'k Scalar,
}

impl Kernel for FoldStretches<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) {
        let r = lanes.splat(self.r);
        let rows = self.values.len() / self.width;
        for m in 0..self.width.div_ceil(2) {
            for first in (0..rows).step_by(WIDTH) {
                let count = WIDTH.min(rows - first);
                let stretch = |j: usize| if j < self.width { &self.values[j * rows + first..][..count] } else { &[] };
                let (low, high) = (lanes.load(&eight(stretch(2 * m))), lanes.load(&eight(stretch(2 * m + 1))));
                let folded = lanes.store(lanes.add(low, lanes.mul(lanes.sub::<1>(high, low), r)));
                self.values[m * rows + first..][..count].copy_from_slice(&folded[..count]);
            }
        }
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
        for (rows, width, stride) in
            [(1, 1, 16), (1, 5, 16), (3, 1, 2), (5, 3, 16), (40, 17, 16), (70, 2, 7), (2100, 3, 16)]
        {
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
        for (width, rows) in [(1, 3), (5, 20), (16, 40), (33, 7)] {
            let (values, weights) = (scalars(width * rows), scalars(rows));
            let (r, cells) = (random().unwrap(), scalars(width.div_ceil(2)));
            let round = || BooleanRound { values: &values, width, weights: &weights, cells: &cells };
            assert_eq!(round().run(Audit), lanes::run(round()));
            let (mut audited, mut folded) = (values.clone(), values.clone());
            FoldStretches { values: &mut audited, width, r: &r }.run(Audit);
            lanes::run(FoldStretches { values: &mut folded, width, r: &r });
            assert_eq!(audited, folded);
            let (bytes, worth) = (noise(16 * width * rows), scalars(16 * BYTE_VALUES));
            let read = || Values { cells: &bytes, stride: 16, width, worth: &worth };
            assert_eq!(read().run(Audit), lanes::run(read()));
        }
    }
}
