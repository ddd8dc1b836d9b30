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
//! a pass over the cells, and there for squares only: `2 X = sum e (f_2m + f_2m+1)^2 - D_2m - D_2m+1`. Every round polynomial is `E eq(mu_i,X) s(X)` with s of degree 2, from s(0), s(1) and its leading
//! coefficient. Zero bytes are skipped.
//!
//! Cost a cell of n bytes: one multiplication and n additions for the histogram; then n - 1 squares, as many delayed
//! multiply-adds, and log n times n look-ups and additions. Eight cells go side by side ([`zkdl_field::lanes`]); tables and
//! bins are kept loose, so that a look-up or a count is one vector addition.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "prover only: cells and tables that it holds"
)]

use crate::integers::octets;
use rayon::prelude::*;
use zkdl_field::lanes::{self, Kernel, LOOSE_ADDITIONS, Lanes, WIDTH};
use zkdl_field::multilinear::{eq, eq_table, fold};
use zkdl_field::scalar::{ProductSum, dot, pow2};
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck::{RoundPolynomial, SumProver};

/// Variables inside a byte.
const BYTE_VARIABLES: usize = 3;
pub(crate) const BYTE_VALUES: usize = 256;

/// Packed cells in rows of equal width.
#[derive(Clone, Copy)]
pub struct CellRows<'a> {
    /// Row by row.
    pub cells: &'a [u8],
    /// Bytes of a cell, at most 16.
    pub stride: usize,
    /// Cells of a row.
    pub width: usize,
}

impl std::fmt::Debug for CellRows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CellRows(hidden)")
    }
}

/// Weights of cells: a scalar for every row, the same column table for all.
#[derive(Debug, Clone)]
pub struct RowWeights {
    /// By array of cells, then by row.
    pub rows: Vec<Vec<Scalar>>,
    /// By column, as many as the widest row has.
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
    cells: &'a [CellRows<'a>],
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
    /// Prepares the histogram; `mu_q` has a coordinate for every bit variable, at least those inside a byte.
    #[must_use]
    pub fn new(cells: &'a [CellRows<'a>], weights: &'a RowWeights, mu_q: &[Scalar]) -> Self {
        let values = (0..BYTE_VALUES).map(|v| (0..8).map(|i| Scalar::from((v >> i & 1) as u64)).collect()).collect();
        Self {
            cells,
            weights,
            mu: mu_q.to_vec(),
            scale: Scalar::ONE,
            histogram: histogram(cells, weights, 1 << (mu_q.len() - BYTE_VARIABLES)),
            rounds: Rounds::Byte(values),
        }
    }

    /// What byte value v is worth at place p, `[p][v]`, once all bit variables are bound: `b(x, r_q)` is the sum over the
    /// bytes of cell x.
    #[must_use]
    pub fn worth(&self) -> &[Vec<Scalar>] {
        if let Rounds::Place(groups) = &self.rounds { &groups.worth } else { &[] }
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

    /// X of every pair of groups, from one pass over the cells: `2 X = sum e (f_2m + f_2m+1)^2 - D_2m - D_2m+1`.
    fn cross(&self, groups: &Groups) -> Vec<Scalar> {
        let pairs = groups.linear.len() / 2;
        let worth = [groups.worth.concat(), groups.worth.concat()].concat();
        let array = |(rows, weights): (&CellRows<'a>, &Vec<Scalar>)| {
            let kernel = |rows: CellRows<'_>, weights: &[Scalar], columns: &[[Scalar; WIDTH]]| {
                lanes::run(Squares { rows, weights, columns, worth: &worth, pairs })
            };
            sum_over_rows(*rows, weights, &self.weights.columns, pairs, kernel)
        };
        let arrays = self.cells.iter().zip(&self.weights.rows).map(array);
        let squares = arrays.fold(vec![Scalar::ZERO; pairs], |a, b| add(&a, &b));
        let half = pow2(1).invert().unwrap_or(Scalar::ZERO);
        let pairs = squares.iter().zip(groups.square.chunks_exact(2));
        pairs.map(|(square, parts)| half * (square - parts[0] - parts[1])).collect()
    }
}

/// The bytes of eight cells, zero beyond the end of a cell or a row.
type CellBytes = [[u8; MAX_STRIDE]; WIDTH];

/// Most bytes of a cell.
pub(crate) const MAX_STRIDE: usize = 16;

/// Cells `8 octet ..` of a row.
#[inline(always)]
fn cell_bytes(row: &[u8], stride: usize, octet: usize) -> CellBytes {
    let mut bytes = [[0; MAX_STRIDE]; WIDTH];
    for (cell, bytes) in row.chunks_exact(stride).skip(WIDTH * octet).take(WIDTH).zip(&mut bytes) {
        for (to, from) in bytes.iter_mut().zip(cell) {
            *to = *from;
        }
    }
    bytes
}

fn add(a: &[Scalar], b: &[Scalar]) -> Vec<Scalar> {
    a.iter().zip(b).map(|(x, y)| x + y).collect()
}

/// Blocks of rows a thread takes, so that the last one does not wait for long.
const BLOCKS_A_THREAD: usize = 8;
/// Rows that one sum takes.
const MOST_ROWS: usize = 1 << 16;

/// Sums what a kernel gives for blocks of rows, vectors of length `n`, on all threads.
fn sum_over_rows(
    rows: CellRows<'_>,
    weights: &[Scalar],
    columns: &[Scalar],
    n: usize,
    kernel: impl Fn(CellRows<'_>, &[Scalar], &[[Scalar; WIDTH]]) -> Vec<Scalar> + Sync,
) -> Vec<Scalar> {
    let columns = octets(&columns[..rows.width]);
    let block = weights.len().div_ceil(BLOCKS_A_THREAD * rayon::current_num_threads()).clamp(1, MOST_ROWS);
    let cells = rows.cells.par_chunks((block * rows.width * rows.stride).max(1));
    let blocks = cells.zip(weights.par_chunks(block));
    blocks
        .map(|(cells, weights)| kernel(CellRows { cells, ..rows }, weights, &columns))
        .reduce(|| vec![Scalar::ZERO; n], |a, b| add(&a, &b))
}

/// A table of residues, ready to be looked up.
#[inline(always)]
pub(crate) fn loose_table<L: Lanes<Scalar>>(lanes: L, values: &[Scalar]) -> Vec<L::Loose> {
    let mut table = Vec::with_capacity(values.len());
    for octet in values.as_chunks::<WIDTH>().0 {
        table.extend(lanes.spread(lanes.load(octet)));
    }
    table
}

/// `sum_p table[p][byte p]` over the places `first .. first + size` of eight cells. Bound 8.
#[inline(always)]
pub(crate) fn look_up<L: Lanes<Scalar>>(
    lanes: L,
    table: &[L::Loose],
    bytes: &CellBytes,
    first: usize,
    size: usize,
) -> L::Vector {
    let mut sums = [L::Loose::default(); WIDTH];
    for (sum, cell) in sums.iter_mut().zip(bytes) {
        for (place, byte) in cell.iter().skip(first).take(size).enumerate() {
            lanes.add_loose(sum, &table[place * BYTE_VALUES + usize::from(*byte)]);
        }
    }
    if size <= 8 { lanes.gather_few::<8>(&sums) } else { lanes.gather(&sums) }
}

/// `sum over rows of weight sum over cells of e (f_2m + f_2m+1)^2`, for every pair m of groups of bytes.
struct Squares<'k> {
    rows: CellRows<'k>,
    weights: &'k [Scalar],
    columns: &'k [[Scalar; WIDTH]],
    /// What bytes are worth in a pair: the places of the lower group, then those of the upper.
    worth: &'k [Scalar],
    pairs: usize,
}

impl Kernel for Squares<'_> {
    type Output = Vec<Scalar>;

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> Vec<Scalar> {
        let (size, stride) = (self.worth.len() / BYTE_VALUES, self.rows.stride);
        let table = loose_table(lanes, self.worth);
        // Behind the cell there is nothing.
        let pairs = self.pairs.min(stride.div_ceil(size));
        let mut totals = vec![L::Sum::default(); pairs];
        for (row, weight) in self.rows.cells.chunks_exact(self.rows.width * stride).zip(self.weights) {
            let mut sums = [L::Sum::default(); MAX_STRIDE / 2];
            for (octet, e) in self.columns.iter().enumerate() {
                let bytes = cell_bytes(row, stride, octet);
                let e = lanes.load(e);
                for (m, sum) in sums.iter_mut().enumerate().take(pairs) {
                    let pair = look_up(lanes, &table, &bytes, m * size, size);
                    lanes.mul_add(sum, lanes.square(pair), e);
                }
            }
            let weight = lanes.splat(weight);
            for (total, sum) in totals.iter_mut().zip(sums) {
                lanes.mul_add(total, lanes.reduce(sum), weight);
            }
        }
        let mut out = vec![Scalar::ZERO; self.pairs];
        for (value, total) in out.iter_mut().zip(totals) {
            *value = lanes.total(lanes.reduce(total));
        }
        out
    }
}

/// Adds weight times (f_0^2 - f_0, f_1^2 - f_1, (f_1 - f_0)^2).
fn accumulate(sums: &mut [ProductSum; 3], weight: &Scalar, low: &Scalar, high: &Scalar) {
    let slope = high - low;
    sums[0].add(weight, &(low.square() - low));
    sums[1].add(weight, &(high.square() - high));
    sums[2].add(weight, &slope.square());
}

/// Weights of byte values: for every place p of `places` and value v the sum over cells of `weight(cell) [byte p = v]`; the
/// bins of v = 0 stay empty, as zero bytes are worth nothing.
fn histogram(cells: &[CellRows<'_>], weights: &RowWeights, places: usize) -> Vec<Vec<Scalar>> {
    let mut total = vec![vec![Scalar::ZERO; BYTE_VALUES]; places];
    for (rows, row_weights) in cells.iter().zip(&weights.rows) {
        let count = |rows: CellRows<'_>, weights: &[Scalar], columns: &[[Scalar; WIDTH]]| {
            lanes::run(Count { rows, weights, columns })
        };
        let bins = sum_over_rows(*rows, row_weights, &weights.columns, BYTE_VALUES * rows.stride, count);
        for (sums, place) in total.iter_mut().zip(bins.chunks_exact(BYTE_VALUES)) {
            for (sum, bin) in sums.iter_mut().zip(place) {
                *sum += bin;
            }
        }
    }
    total
}

/// The histogram of a block of rows, `[place][value]`.
struct Count<'k> {
    rows: CellRows<'k>,
    weights: &'k [Scalar],
    columns: &'k [[Scalar; WIDTH]],
}

impl Kernel for Count<'_> {
    type Output = Vec<Scalar>;

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> Vec<Scalar> {
        let stride = self.rows.stride;
        let mut bins = vec![L::Loose::default(); BYTE_VALUES * stride];
        let mut additions = 0;
        for (row, weight) in self.rows.cells.chunks_exact(self.rows.width * stride).zip(self.weights) {
            let weight = lanes.splat(weight);
            for (octet, e) in self.columns.iter().enumerate() {
                let weights = lanes.spread(lanes.mul(lanes.load(e), weight));
                for (cell, weight) in row.chunks_exact(stride).skip(WIDTH * octet).zip(&weights) {
                    for (place, byte) in cell.iter().enumerate().filter(|(_, byte)| **byte != 0) {
                        lanes.add_loose(&mut bins[place * BYTE_VALUES + usize::from(*byte)], weight);
                    }
                }
                additions += WIDTH;
                if additions + WIDTH > LOOSE_ADDITIONS {
                    tidy(lanes, &mut bins);
                    additions = 0;
                }
            }
        }
        let mut out = Vec::with_capacity(bins.len());
        for octet in bins.as_chunks::<WIDTH>().0 {
            out.extend(lanes.store(lanes.gather(octet)));
        }
        out
    }
}

/// Makes room for more additions.
#[inline(always)]
fn tidy<L: Lanes<Scalar>>(lanes: L, bins: &mut [L::Loose]) {
    for octet in bins.as_chunks_mut::<WIDTH>().0 {
        *octet = lanes.spread(lanes.gather(octet));
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

#[cfg(test)]
mod tests {
    use super::*;
    use zkdl_field::lanes::audit::Audit;
    use zkdl_field::scalar::random;

    fn scalars(n: usize) -> Vec<Scalar> {
        (0..n).map(|_| random().unwrap()).collect()
    }

    fn noise(n: usize) -> Vec<u8> {
        (0..n as u64)
            .map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 41) as u8 & if i % 3 == 0 { 0 } else { 255 })
            .collect()
    }

    /// Rows of every width and stride: the kernels against their definitions, and within their bounds.
    #[test]
    fn kernels_are_their_definitions() {
        for (width, stride, rows) in [(1, 1, 3), (7, 5, 2), (8, 8, 4), (9, 9, 3), (30, 16, 2), (2001, 2, 2)] {
            let cells = noise(width * stride * rows);
            let (weights, columns) = (scalars(rows), scalars(width));
            let rows = CellRows { cells: &cells, stride, width };
            let columns_8 = octets(&columns);
            let weight = |cell: usize| weights[cell / width] * columns[cell % width];
            let mut bins = vec![Scalar::ZERO; BYTE_VALUES * stride];
            for (i, cell) in cells.chunks(stride).enumerate() {
                for (place, byte) in cell.iter().enumerate().filter(|(_, byte)| **byte != 0) {
                    bins[place * BYTE_VALUES + usize::from(*byte)] += weight(i);
                }
            }
            let count = || Count { rows, weights: &weights, columns: &columns_8 };
            assert_eq!(count().run(Audit), bins);
            assert_eq!(lanes::run(count()), bins);
            for size in [2, 4, 8, 16] {
                let worth = scalars(size * BYTE_VALUES);
                let pairs = stride.next_power_of_two().max(size) / size;
                let mut expected = vec![Scalar::ZERO; pairs];
                for (i, cell) in cells.chunks(stride).enumerate() {
                    for (sum, group) in expected.iter_mut().zip(cell.chunks(size)) {
                        let value = |(p, byte): (usize, &u8)| worth[p * BYTE_VALUES + usize::from(*byte)];
                        *sum += weight(i) * group.iter().enumerate().map(value).sum::<Scalar>().square();
                    }
                }
                // A group that the cell ends in reads zero bytes behind it, which are worth nothing.
                if stride % size == 0 {
                    let squares = || Squares { rows, weights: &weights, columns: &columns_8, worth: &worth, pairs };
                    assert_eq!(squares().run(Audit), expected);
                    assert_eq!(lanes::run(squares()), expected);
                }
            }
        }
    }
}
