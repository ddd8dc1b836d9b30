//! The four functions of a cell that zkReLU multiplies, neg, Z'', K and b(., r_q), while neurons are being bound.
//!
//! With i neurons' variables bound to r_1, .., r_i, entry m stands for the neurons `2^i m + a`, weighted with eq(r, a). For
//! i < 2 entries are computed from the packed cells whenever they are needed, from then on they are tables. neg, Z'' and K are
//! small integers, so that a bound entry is one small multiply-add a neuron; b is a sum of look-ups, with tables that carry the
//! weights eq(r, a).

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "prover only: cells and tables that it holds"
)]

use crate::bits::Quadratic;
use crate::cells::{SlotWeights, add_quadratics};
use crate::integers::{Piece, Words, octets};
use crate::shape::Shape;
use crate::witness::Witness;
use rayon::prelude::*;
use zeroize::Zeroize;
use zkdl_field::lanes::{self, Kernel, Lanes, WIDTH};
use zkdl_field::multilinear::{eq_table, fold_row, sixteen};
use zkdl_field::{Field, Scalar};

/// Variables that are bound before there are tables.
const BYTE_ROUNDS: usize = 2;
/// Byte values.
const BYTE_VALUES: usize = 256;
/// neg, Z'', K, b.
const TABLES: usize = 4;
/// Blocks of rows a thread takes.
const BLOCKS_A_THREAD: usize = 8;

/// The cells of one slot, with the variables bound so far.
#[derive(Clone)]
pub struct SlotCells<'a> {
    bytes: &'a [u8],
    stride: usize,
    width: usize,
    /// neg, Z'' and K as fields of a cell; nothing for those that an output cell does not have.
    pieces: [Option<Piece>; 3],
    /// What byte v at place p adds to b(x, r_q), `[256 p + v]`.
    worth: Vec<Scalar>,
    /// eq(r, a).
    block: Vec<Scalar>,
    bound: Vec<Scalar>,
}

impl<'a> SlotCells<'a> {
    /// The cells of a slot, nothing bound.
    #[must_use]
    pub fn new(shape: &Shape, witness: &Witness<'a>, slot: usize, worth: &[Vec<Scalar>]) -> Self {
        let f = shape.format;
        let stride = shape.stride(slot);
        let piece = |place, bits, signed| Some(Piece { place, bits, signed, scale: 0 });
        let k = piece(0, f.q_g, true);
        let pieces = if shape.is_output(slot) {
            [None, None, k]
        } else {
            [piece(f.neg_place() as u32, 1, false), piece(f.q_g + f.r, f.q - 1, false), k]
        };
        Self {
            bytes: witness.cells[slot],
            stride,
            width: shape.outputs(slot),
            pieces,
            worth: worth[..stride].concat(),
            block: vec![Scalar::ONE],
            bound: Vec::new(),
        }
    }

    fn bind(&mut self, r: &Scalar) {
        self.bound.push(*r);
        self.block = eq_table(&self.bound.iter().rev().copied().collect::<Vec<_>>());
    }

    fn rows(&self) -> usize {
        self.bytes.len() / (self.width * self.stride)
    }

    fn row(&self, row: usize) -> &[u8] {
        &self.bytes[row * self.width * self.stride..]
    }

    /// Entries of a row.
    fn entries(&self) -> usize {
        self.width.div_ceil(self.block.len())
    }
}

/// What a kernel needs of [`SlotCells`], loaded.
struct Loaded<'c, 'a, L: Lanes<Scalar>> {
    cells: &'c SlotCells<'a>,
    /// For every local neuron a in turn the worth of byte values times eq(r, a).
    worth: Vec<L::Loose>,
    /// eq(r, a).
    block: Vec<L::Vector>,
    /// What the offset of K adds: eq(r, .) sums to one.
    k_offset: L::Vector,
}

impl<'c, 'a, L: Lanes<Scalar>> Loaded<'c, 'a, L> {
    #[inline(always)]
    fn new(lanes: L, cells: &'c SlotCells<'a>) -> Self {
        let mut block = Vec::with_capacity(cells.block.len());
        let mut worth = Vec::with_capacity(cells.block.len() * cells.worth.len());
        for e in &cells.block {
            let e = lanes.splat(e);
            block.push(e);
            for octet in cells.worth.as_chunks::<WIDTH>().0 {
                worth.extend(lanes.spread(lanes.mul(lanes.load(octet), e)));
            }
        }
        let offset = cells.pieces[2].map_or(0, |piece| piece.offset());
        Self { cells, worth, block, k_offset: lanes.splat(&Scalar::from(offset)) }
    }

    /// neg, Z'', K and b of the entries `first`, `first + step`, .. of a row; zero beyond its end. Bounds 2, 2, 3, 2.
    #[inline(always)]
    fn entries(&self, lanes: L, row: &[u8], first: usize, step: usize) -> [L::Vector; TABLES] {
        let SlotCells { stride, width, pieces, .. } = self.cells;
        let size = self.block.len();
        let mut sums = [L::SmallSum::default(); 3];
        let mut bits = [L::Loose::default(); WIDTH];
        for (a, e) in self.block.iter().enumerate() {
            let words = Words::cells(row, *stride, *width, first * size + a, step * size);
            for (sum, piece) in sums.iter_mut().zip(pieces) {
                if let Some(piece) = piece {
                    lanes.small_add(sum, *e, lanes.integers(piece.read(&words)));
                }
            }
            let worth = &self.worth[a * stride * BYTE_VALUES..(a + 1) * stride * BYTE_VALUES];
            for (lane, bit) in bits.iter_mut().enumerate() {
                let bytes = words.bytes(lane);
                for (table, byte) in worth.chunks_exact(BYTE_VALUES).zip(bytes) {
                    lanes.add_loose(bit, &table[usize::from(byte)]);
                }
            }
        }
        let [neg, relu, k] = [lanes.small_reduce(sums[0]), lanes.small_reduce(sums[1]), lanes.small_reduce(sums[2])];
        [neg, relu, lanes.sub::<1>(k, self.k_offset), lanes.gather(&bits)]
    }
}

/// Tables of one slot: rows (t, b), columns j. Rows stay where they are while they shrink.
#[derive(Clone)]
pub struct Stacks {
    /// Scalars from one row to the next.
    pitch: usize,
    /// Entries of a row.
    width: usize,
    tables: [Vec<Scalar>; TABLES],
}

/// Tables follow from secrets: they are erased from memory when dropped.
impl Drop for Stacks {
    fn drop(&mut self) {
        self.tables.zeroize();
    }
}

/// neg, Z'', K and b of one slot.
pub enum CellTables<'a> {
    /// To be computed from the cells.
    Bytes(SlotCells<'a>),
    /// Computed.
    Scalars(Stacks),
}

impl CellTables<'_> {
    /// The quadratics at j*, r_k, r_j of the next round, with row weights; `rest` are the column tables without that variable.
    #[must_use]
    pub fn round(&self, rest: &[Vec<Scalar>; 3], weights: &SlotWeights) -> [Quadratic; 3] {
        let (rows, entries) = match self {
            Self::Bytes(cells) => (cells.rows(), cells.entries()),
            Self::Scalars(stacks) => (stacks.rows(), stacks.width),
        };
        let pairs = entries.div_ceil(2);
        let rest: [Vec<[Scalar; WIDTH]>; 3] = std::array::from_fn(|i| octets(&rest[i][..pairs]));
        let block = rows.div_ceil(BLOCKS_A_THREAD * rayon::current_num_threads()).max(1);
        let starts: Vec<usize> = (0..rows).step_by(block).collect();
        let rest = &rest;
        let part = |first: usize| {
            let rows = first..rows.min(first + block);
            match self {
                Self::Bytes(cells) => lanes::run(Round { source: FromCells(cells), rows, rest, weights }),
                Self::Scalars(stacks) => lanes::run(Round { source: FromTables(stacks), rows, rest, weights }),
            }
        };
        starts.into_par_iter().map(part).reduce(Default::default, add_quadratics)
    }

    /// Binds the next neuron variable.
    pub fn bind(&mut self, r: &Scalar) {
        match self {
            Self::Bytes(cells) => {
                cells.bind(r);
                if cells.bound.len() == BYTE_ROUNDS {
                    *self = Self::Scalars(Stacks::new(cells));
                }
            }
            Self::Scalars(stacks) => stacks.fold(r),
        }
    }

    /// The first entry of every row, table by table: all there is once the neurons are bound.
    #[must_use]
    pub fn firsts(&self) -> [Vec<Scalar>; TABLES] {
        let first = |stacks: &Stacks| {
            std::array::from_fn(|i| stacks.tables[i].iter().step_by(stacks.pitch.max(1)).copied().collect())
        };
        match self {
            Self::Bytes(cells) => first(&Stacks::new(cells)),
            Self::Scalars(stacks) => first(stacks),
        }
    }
}

impl Stacks {
    fn new(cells: &SlotCells<'_>) -> Self {
        let (rows, width) = (cells.rows(), cells.entries());
        let mut tables = std::array::from_fn(|_| vec![Scalar::ZERO; rows * width]);
        let block = rows.div_ceil(BLOCKS_A_THREAD * rayon::current_num_threads()).max(1);
        let [neg, relu, k, bit] = &mut tables;
        let pieces = neg.par_chunks_mut(block * width).zip(relu.par_chunks_mut(block * width));
        let pieces = pieces.zip(k.par_chunks_mut(block * width).zip(bit.par_chunks_mut(block * width)));
        pieces.enumerate().for_each(|(i, ((neg, relu), (k, bit)))| {
            lanes::run(Fill { cells, first: i * block, tables: [neg, relu, k, bit] });
        });
        Self { pitch: width, width, tables }
    }

    fn rows(&self) -> usize {
        self.tables[0].len() / self.pitch
    }

    fn fold(&mut self, r: &Scalar) {
        let (pitch, width) = (self.pitch, self.width);
        let block = self.rows().div_ceil(2 * rayon::current_num_threads()).max(1);
        let blocks = self.tables.par_iter_mut().flat_map(|table| table.par_chunks_mut(block * pitch));
        blocks.for_each(|rows| lanes::run(Fold { rows, pitch, width, r }));
        self.width = width.div_ceil(2);
    }
}

/// Computes the tables of a block of rows.
struct Fill<'k, 'a> {
    cells: &'k SlotCells<'a>,
    first: usize,
    tables: [&'k mut [Scalar]; TABLES],
}

impl Kernel for Fill<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(mut self, lanes: L) {
        let loaded = Loaded::new(lanes, self.cells);
        let width = self.cells.entries();
        for row in 0..self.tables[0].len() / width {
            let bytes = self.cells.row(self.first + row);
            for first in (0..width).step_by(WIDTH) {
                let entries = loaded.entries(lanes, bytes, first, 1);
                let count = WIDTH.min(width - first);
                for (table, entry) in self.tables.iter_mut().zip(entries) {
                    let at = row * width + first;
                    table[at..at + count].copy_from_slice(&lanes.store(entry)[..count]);
                }
            }
        }
    }
}

/// Binds a variable in every row of a block, in place.
struct Fold<'k> {
    rows: &'k mut [Scalar],
    pitch: usize,
    width: usize,
    r: &'k Scalar,
}

impl Kernel for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) {
        let r = lanes.splat(self.r);
        for row in self.rows.chunks_exact_mut(self.pitch) {
            fold_row(lanes, &mut row[..self.width], r);
        }
    }
}

/// Where a round takes its entries from.
trait Entries: Sync {
    /// What is loaded once a block.
    type Loaded<L: Lanes<Scalar>>;
    fn load<L: Lanes<Scalar>>(&self, lanes: L) -> Self::Loaded<L>;
    /// The lower and upper entries of eight pairs of a row, `8 octet ..`, table by table.
    fn pairs<L: Lanes<Scalar>>(
        &self,
        lanes: L,
        loaded: &Self::Loaded<L>,
        row: usize,
        octet: usize,
    ) -> [(L::Vector, L::Vector); TABLES];
}

struct FromCells<'c, 'a>(&'c SlotCells<'a>);

impl<'c, 'a> Entries for FromCells<'c, 'a> {
    type Loaded<L: Lanes<Scalar>> = Loaded<'c, 'a, L>;

    #[inline(always)]
    fn load<L: Lanes<Scalar>>(&self, lanes: L) -> Loaded<'c, 'a, L> {
        Loaded::new(lanes, self.0)
    }

    #[inline(always)]
    fn pairs<L: Lanes<Scalar>>(
        &self,
        lanes: L,
        loaded: &Loaded<'c, 'a, L>,
        row: usize,
        octet: usize,
    ) -> [(L::Vector, L::Vector); TABLES] {
        let bytes = self.0.row(row);
        let low = loaded.entries(lanes, bytes, 2 * WIDTH * octet, 2);
        let high = loaded.entries(lanes, bytes, 2 * WIDTH * octet + 1, 2);
        [(low[0], high[0]), (low[1], high[1]), (low[2], high[2]), (low[3], high[3])]
    }
}

struct FromTables<'c>(&'c Stacks);

impl Entries for FromTables<'_> {
    type Loaded<L: Lanes<Scalar>> = ();

    #[inline(always)]
    fn load<L: Lanes<Scalar>>(&self, _: L) {}

    #[inline(always)]
    fn pairs<L: Lanes<Scalar>>(&self, lanes: L, (): &(), row: usize, octet: usize) -> [(L::Vector, L::Vector); TABLES] {
        let start = row * self.0.pitch;
        let (first, end) = (start + 2 * WIDTH * octet, start + self.0.width);
        let [neg, relu, k, bit] = &self.0.tables;
        [
            lanes.load_pairs(&sixteen(&neg[first..end])),
            lanes.load_pairs(&sixteen(&relu[first..end])),
            lanes.load_pairs(&sixteen(&k[first..end])),
            lanes.load_pairs(&sixteen(&bit[first..end])),
        ]
    }
}

/// The quadratics of a block of rows.
struct Round<'k, E> {
    source: E,
    rows: std::ops::Range<usize>,
    rest: &'k [Vec<[Scalar; WIDTH]>; 3],
    weights: &'k SlotWeights,
}

/// Sums of the three numbers of a quadratic.
type Sums<L> = [<L as Lanes<Scalar>>::Sum; 3];

impl<E: Entries> Kernel for Round<'_, E> {
    type Output = [Quadratic; 3];

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> [Quadratic; 3] {
        let loaded = self.source.load(lanes);
        let mut totals: [Sums<L>; 3] = Default::default();
        for row in self.rows.clone() {
            let [mut a, mut g_j, mut g_rj, mut bit]: [Sums<L>; 4] = Default::default();
            for octet in 0..self.rest[0].len() {
                let [neg, relu, k, b] = self.source.pairs(lanes, &loaded, row, octet);
                let e_j = lanes.load(&self.rest[0][octet]);
                let e_k = lanes.load(&self.rest[1][octet]);
                let e_rj = lanes.load(&self.rest[2][octet]);
                let masked_relu = masked(lanes, neg, relu);
                let masked_k = masked(lanes, neg, k);
                let boolean = boolean(lanes, b);
                for i in 0..3 {
                    lanes.mul_add(&mut a[i], e_k, masked_relu[i]);
                    lanes.mul_add(&mut g_j[i], e_j, masked_k[i]);
                    lanes.mul_add(&mut g_rj[i], e_rj, masked_k[i]);
                    lanes.mul_add(&mut bit[i], e_j, boolean[i]);
                }
            }
            let w = self.weights;
            for (total, sums, weight) in [(0, g_j, &w.g_j), (0, bit, &w.bit), (1, a, &w.a), (2, g_rj, &w.g_rj)] {
                let weight = lanes.splat(&weight[row]);
                for i in 0..3 {
                    lanes.mul_add(&mut totals[total][i], lanes.reduce(sums[i]), weight);
                }
            }
        }
        let mut out: [Quadratic; 3] = Default::default();
        for (quadratic, sums) in out.iter_mut().zip(totals) {
            for (value, sum) in quadratic.iter_mut().zip(sums) {
                *value = lanes.total(lanes.reduce(sum));
            }
        }
        out
    }
}

/// `(1 - neg) x` at 0, at 1, and its leading coefficient, for lines given by their values at 0 and 1 (bounds up to 3).
#[inline(always)]
fn masked<L: Lanes<Scalar>>(lanes: L, neg: (L::Vector, L::Vector), x: (L::Vector, L::Vector)) -> [L::Vector; 3] {
    let one = lanes.splat(&Scalar::ONE);
    let keep = (lanes.sub::<2>(one, neg.0), lanes.sub::<2>(one, neg.1));
    let leading = lanes.mul(lanes.sub::<2>(neg.0, neg.1), lanes.sub::<3>(x.1, x.0));
    [lanes.mul(keep.0, x.0), lanes.mul(keep.1, x.1), leading]
}

/// `b^2 - b` at 0, at 1, and its leading coefficient.
#[inline(always)]
fn boolean<L: Lanes<Scalar>>(lanes: L, b: (L::Vector, L::Vector)) -> [L::Vector; 3] {
    let at = |x: L::Vector| lanes.sub::<2>(lanes.square(x), x);
    [at(b.0), at(b.1), lanes.square(lanes.sub::<2>(b.1, b.0))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Format;
    use zkdl_field::lanes::audit::Audit;
    use zkdl_field::multilinear::{evaluate, fold};
    use zkdl_field::scalar::{from_i64, random};

    fn scalars(n: usize) -> Vec<Scalar> {
        (0..n).map(|_| random().unwrap()).collect()
    }

    /// A hidden slot of random cells and an output slot.
    fn with_cells(width: usize, check: impl Fn(&Shape, &Witness<'_>, &[Vec<Scalar>], usize)) {
        for format in [
            Format { f_a: 3, f_x: 3, r: 21, r_l: 37, q: 12, q_g: 10 },
            Format { f_a: 3, f_x: 3, r: 31, r_l: 20, q: 31, q_g: 31 },
            Format { f_a: 3, f_x: 3, r: 3, r_l: 9, q: 4, q_g: 5 },
        ] {
            let shape = Shape {
                widths: vec![2, width, 3],
                batch: 3,
                format,
                multipliers: vec![5, 6],
                schedule: vec![vec![0; 3]; 2],
                points: 1,
                columns: 4096,
            };
            let noise = |n: usize| (0..n as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 43) as u8).collect();
            let cells: Vec<Vec<u8>> = (0..2).map(|s| noise(6 * shape.outputs(s) * shape.stride(s))).collect();
            let witness = Witness {
                cells: cells.iter().map(Vec::as_slice).collect(),
                features: &[],
                labels: &[],
                start: Vec::new(),
                end: Vec::new(),
            };
            let mut worth: Vec<Vec<Scalar>> = (0..16).map(|_| scalars(256)).collect();
            worth.iter_mut().for_each(|values| values[0] = Scalar::ZERO);
            (0..2).for_each(|slot| check(&shape, &witness, &worth, slot));
        }
    }

    /// neg, Z'', K and b of every cell, by the definition.
    fn plain(shape: &Shape, bytes: &[u8], worth: &[Vec<Scalar>], slot: usize) -> [Vec<Scalar>; TABLES] {
        let f = shape.format;
        let mut tables: [Vec<Scalar>; TABLES] = Default::default();
        for cell in bytes.chunks(shape.stride(slot)) {
            let word = cell.iter().rev().fold(0u128, |word, byte| word << 8 | u128::from(*byte));
            let field = |place: u32, bits: u32| (word >> place & ((1 << bits) - 1)) as i64;
            let k = field(0, f.q_g) - if field(f.q_g - 1, 1) == 1 { 1 << f.q_g } else { 0 };
            let (neg, relu) = if shape.is_output(slot) {
                (0, 0)
            } else {
                (field(f.neg_place() as u32, 1), field(f.q_g + f.r, f.q - 1))
            };
            let bit = cell.iter().zip(worth).map(|(byte, worth)| worth[usize::from(*byte)]).sum();
            for (table, value) in tables.iter_mut().zip([from_i64(neg), from_i64(relu), from_i64(k), bit]) {
                table.push(value);
            }
        }
        tables
    }

    /// The quadratics of one row of plain tables, without weights: at j*, r_k, r_j and for the bits.
    fn plain_row(tables: &[Vec<Scalar>; TABLES], rest: &[Vec<Scalar>; 3]) -> [Quadratic; 4] {
        let mut out: [Quadratic; 4] = Default::default();
        for pair in 0..tables[0].len().div_ceil(2) {
            let line = |t: usize| (tables[t][2 * pair], tables[t].get(2 * pair + 1).copied().unwrap_or(Scalar::ZERO));
            let [neg, relu, k, b] = [0, 1, 2, 3].map(line);
            let keep = (Scalar::ONE - neg.0, Scalar::ONE - neg.1);
            let masked = |x: (Scalar, Scalar)| [keep.0 * x.0, keep.1 * x.1, (keep.1 - keep.0) * (x.1 - x.0)];
            let boolean = [b.0.square() - b.0, b.1.square() - b.1, (b.1 - b.0).square()];
            for i in 0..3 {
                out[0][i] += rest[0][pair] * masked(k)[i];
                out[1][i] += rest[1][pair] * masked(relu)[i];
                out[2][i] += rest[2][pair] * masked(k)[i];
                out[3][i] += rest[0][pair] * boolean[i];
            }
        }
        out
    }

    #[test]
    fn every_round_is_that_of_plain_tables() {
        for width in [1, 2, 3, 7, 16, 17, 37] {
            with_cells(width, |shape, witness, worth, slot| {
                let width = shape.outputs(slot);
                let weights = SlotWeights { a: scalars(6), g_j: scalars(6), g_rj: scalars(6), bit: scalars(6) };
                let mut tables = CellTables::Bytes(SlotCells::new(shape, witness, slot, worth));
                let all = plain(shape, witness.cells[slot], worth, slot);
                let mut rows: Vec<[Vec<Scalar>; TABLES]> = (0..6)
                    .map(|row| std::array::from_fn(|t| all[t][row * width..(row + 1) * width].to_vec()))
                    .collect();
                for _ in 0..6 {
                    let rest: [Vec<Scalar>; 3] = std::array::from_fn(|_| scalars(width));
                    let mut expected: [Quadratic; 3] = Default::default();
                    for (row, tables) in rows.iter().enumerate() {
                        let [g_j, a, g_rj, bit] = plain_row(tables, &rest);
                        for i in 0..3 {
                            expected[0][i] += weights.g_j[row] * g_j[i] + weights.bit[row] * bit[i];
                            expected[1][i] += weights.a[row] * a[i];
                            expected[2][i] += weights.g_rj[row] * g_rj[i];
                        }
                    }
                    assert_eq!(tables.round(&rest, &weights), expected);
                    assert_eq!(audited_round(&tables, &rest, &weights), expected);
                    let r = scalars(1)[0];
                    tables.bind(&r);
                    rows.iter_mut().flatten().for_each(|table| fold(table, &r));
                }
                let firsts = tables.firsts();
                for (row, tables) in rows.iter().enumerate() {
                    for t in 0..TABLES {
                        assert_eq!((firsts[t][row], 1), (tables[t][0], tables[t].len()));
                    }
                }
            });
        }
    }

    fn audited_round(tables: &CellTables<'_>, rest: &[Vec<Scalar>; 3], weights: &SlotWeights) -> [Quadratic; 3] {
        let entries = match tables {
            CellTables::Bytes(cells) => cells.entries(),
            CellTables::Scalars(stacks) => stacks.width,
        };
        let rest: [_; 3] = std::array::from_fn(|i| octets(&rest[i][..entries.div_ceil(2)]));
        match tables {
            CellTables::Bytes(cells) => Round { source: FromCells(cells), rows: 0..6, rest: &rest, weights }.run(Audit),
            CellTables::Scalars(stacks) => {
                Round { source: FromTables(stacks), rows: 0..6, rest: &rest, weights }.run(Audit)
            }
        }
    }

    #[test]
    fn filling_and_folding_stay_within_bounds() {
        with_cells(21, |shape, witness, worth, slot| {
            let mut cells = SlotCells::new(shape, witness, slot, worth);
            let point = scalars(3);
            cells.bind(&point[0]);
            cells.bind(&point[1]);
            let mut stacks = Stacks::new(&cells);
            let mut tables: [Vec<Scalar>; TABLES] = std::array::from_fn(|_| vec![Scalar::ZERO; stacks.tables[0].len()]);
            let [neg, relu, k, bit] = &mut tables;
            Fill { cells: &cells, first: 0, tables: [neg, relu, k, bit] }.run(Audit);
            assert_eq!(tables, stacks.tables);
            let (pitch, width) = (stacks.pitch, stacks.width);
            for table in &mut tables {
                Fold { rows: table, pitch, width, r: &point[2] }.run(Audit);
            }
            stacks.fold(&point[2]);
            assert_eq!(tables, stacks.tables);
            let row = &plain(shape, witness.cells[slot], worth, slot)[3][..shape.outputs(slot).min(8)];
            let at = [point[2], point[1], point[0]];
            assert_eq!(stacks.tables[3][0], evaluate(row, &at), "b of the first eight neurons");
        });
    }
}
