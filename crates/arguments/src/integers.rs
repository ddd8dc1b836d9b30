//! Matrices of small integers as they lie in memory, and their products with vectors of scalars.
//!
//! Activations, gradients and linear views of cells are never unpacked into matrices of their own: eight cells at a time are
//! read as words, their fields cut out, and multiplied into sums that are reduced once. An integer of more than 48 bits is
//! read in pieces. Signed pieces are read as `n + 2^(bits-1)`, and what that adds is taken off at the end.
//!
//! Cost: about 0.5 ns a piece and entry on AVX-512 IFMA, 10 ns on the portable lanes.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "integers that the prover holds; a verifier brings only start weights, which it made itself"
)]

use rayon::prelude::*;
use std::ops::Range;
use zkdl_field::lanes::{self, Kernel, Lanes, WIDTH};
use zkdl_field::scalar::pow2;
use zkdl_field::{Field, Scalar};

/// Widest piece that is multiplied at once.
const PIECE_BITS: u32 = 48;
/// Rows that one sum takes.
const MOST_ROWS: usize = 1 << 15;
/// Columns or rows that are one unit of work for a thread.
const BLOCK: usize = 128;

/// A field of a word: place of its lowest bit, number of bits (at most 48), whether its top bit counts negatively; it is
/// worth `2^scale` times its integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Place of the lowest bit.
    pub place: u32,
    /// Number of bits.
    pub bits: u32,
    /// Two's complement.
    pub signed: bool,
    /// Binary logarithm of its worth.
    pub scale: u32,
}

impl Piece {
    /// A field of any length, in pieces.
    #[must_use]
    pub fn cut(place: u32, bits: u32, signed: bool, scale: u32) -> Vec<Self> {
        let starts = (0..bits).step_by(PIECE_BITS as usize);
        starts
            .map(|start| {
                let end = bits.min(start + PIECE_BITS);
                Self { place: place + start, bits: end - start, signed: signed && end == bits, scale: scale + start }
            })
            .collect()
    }

    /// What is added to a signed piece so that it is not negative.
    #[inline(always)]
    pub(crate) fn offset(&self) -> u64 {
        if self.signed { 1 << (self.bits - 1) } else { 0 }
    }

    /// The field of eight words, with the offset.
    #[inline(always)]
    pub(crate) fn read(&self, words: &Words) -> [u64; WIDTH] {
        let mask = (1u64 << self.bits) - 1;
        let offset = self.offset();
        let place = self.place;
        let mut out = [0; WIDTH];
        if place >= 64 {
            for (n, high) in out.iter_mut().zip(&words.high) {
                *n = (high >> (place - 64) & mask) ^ offset;
            }
        } else if place + self.bits <= 64 {
            for (n, low) in out.iter_mut().zip(&words.low) {
                *n = (low >> place & mask) ^ offset;
            }
        } else {
            for (n, (low, high)) in out.iter_mut().zip(words.low.iter().zip(&words.high)) {
                *n = ((low >> place | high << (64 - place)) & mask) ^ offset;
            }
        }
        out
    }
}

/// Eight words of up to 128 bits.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    low: [u64; WIDTH],
    high: [u64; WIDTH],
}

impl Words {
    const ZERO: Self = Self { low: [0; WIDTH], high: [0; WIDTH] };

    /// The cells `first`, `first + step`, .. of `count` cells of `stride` bytes, at most 16; zero beyond them.
    #[inline(always)]
    pub(crate) fn cells(bytes: &[u8], stride: usize, count: usize, first: usize, step: usize) -> Self {
        let mut words = Self::ZERO;
        let last = first + (WIDTH - 1) * step;
        if stride == 8 && step == 1 && last < count {
            // The default cell: eight words side by side.
            if let Some(chunk) = bytes[8 * first..].first_chunk::<64>() {
                for (word, cell) in words.low.iter_mut().zip(chunk.as_chunks::<8>().0) {
                    *word = u64::from_le_bytes(*cell);
                }
            }
            return words;
        }
        if stride == 8 && last < count {
            for (i, low) in words.low.iter_mut().enumerate() {
                *low = little_endian(bytes, 8 * (first + i * step));
            }
            return words;
        }
        if last < count && last * stride + 16 <= bytes.len() {
            let (low_mask, high_mask) = masks(stride);
            for i in 0..WIDTH {
                let at = (first + i * step) * stride;
                words.low[i] = little_endian(bytes, at) & low_mask;
                words.high[i] = little_endian(bytes, at + 8) & high_mask;
            }
            return words;
        }
        for i in 0..WIDTH {
            let index = first + i * step;
            if index < count {
                let mut buffer = [0u8; 16];
                buffer[..stride].copy_from_slice(&bytes[index * stride..(index + 1) * stride]);
                (words.low[i], words.high[i]) = (little_endian(&buffer, 0), little_endian(&buffer, 8));
            }
        }
        words
    }

    /// The first `count` of these features, at most eight; zero beyond them.
    #[inline(always)]
    fn features(values: &[i32], count: usize) -> Self {
        let mut words = Self::ZERO;
        if let (WIDTH, Some(whole)) = (count, values.first_chunk::<WIDTH>()) {
            for (word, value) in words.low.iter_mut().zip(whole) {
                *word = u64::from(value.cast_unsigned());
            }
            return words;
        }
        for (word, value) in words.low.iter_mut().zip(&values[..count]) {
            *word = u64::from(value.cast_unsigned());
        }
        words
    }

    /// The bytes of a word.
    #[inline(always)]
    pub(crate) fn bytes(&self, lane: usize) -> [u8; 16] {
        (u128::from(self.low[lane]) | u128::from(self.high[lane]) << 64).to_le_bytes()
    }

    /// Replaces the values of words in which the bit at `place` is set.
    #[inline(always)]
    fn replace_where(&self, place: u32, values: &mut [u64; WIDTH], otherwise: u64) {
        for (i, value) in values.iter_mut().enumerate() {
            let bit = if place < 64 { self.low[i] >> place } else { self.high[i] >> (place - 64) } & 1;
            *value = if bit == 1 { otherwise } else { *value };
        }
    }
}

/// Bits of a cell in the low and in the high half of its word.
#[inline(always)]
fn masks(stride: usize) -> (u64, u64) {
    let ones = |bytes: usize| if bytes >= 8 { u64::MAX } else { (1 << (8 * bytes)) - 1 };
    (ones(stride), ones(stride.saturating_sub(8)))
}

#[inline(always)]
fn little_endian(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

/// Where the integers lie.
#[derive(Clone)]
enum Source<'a> {
    /// Rows of a larger matrix, by index.
    Features { values: &'a [i32], rows: Vec<u32> },
    /// Packed cells; where the bit `neg` is set the integer is zero.
    Cells { bytes: &'a [u8], stride: usize, neg: Option<u32> },
    /// Row by row.
    Integers(Vec<&'a [i64]>),
    /// Features, row by row.
    Points(Vec<&'a [i32]>),
}

/// A matrix of integers, row-major, each the sum of its pieces.
#[derive(Clone)]
pub struct IntegerMatrix<'a> {
    source: Source<'a>,
    pieces: Vec<Piece>,
    width: usize,
    height: usize,
}

impl<'a> IntegerMatrix<'a> {
    /// Rows `rows[0], rows[1], ..` of a row-major matrix of this width, times `2^shift`.
    #[must_use]
    pub fn features(values: &'a [i32], width: usize, rows: Vec<u32>, shift: u32) -> Self {
        let height = rows.len();
        Self { source: Source::Features { values, rows }, pieces: Piece::cut(0, 32, true, shift), width, height }
    }

    /// A view of packed cells of `stride` bytes, zero where bit `neg` of a cell is set.
    #[must_use]
    pub fn cells(bytes: &'a [u8], stride: usize, width: usize, pieces: Vec<Piece>, neg: Option<u32>) -> Self {
        let height = bytes.len() / (stride * width);
        Self { source: Source::Cells { bytes, stride, neg }, pieces, width, height }
    }

    /// Any integers, row-major.
    #[must_use]
    pub fn integers(values: &'a [i64], width: usize) -> Self {
        Self::rows(values.chunks_exact(width.max(1)).collect(), width)
    }

    /// Rows of `width` integers each.
    #[must_use]
    pub fn rows(rows: Vec<&'a [i64]>, width: usize) -> Self {
        let height = rows.len();
        // Integers of a sensible size are one piece.
        let small = rows.par_iter().all(|row| row.iter().all(|n| n.unsigned_abs() < 1 << (PIECE_BITS - 1)));
        let pieces = Piece::cut(0, if small { PIECE_BITS } else { 64 }, true, 0);
        Self { source: Source::Integers(rows), pieces, width, height }
    }

    /// Rows of `width` features each.
    #[must_use]
    pub fn points(rows: Vec<&'a [i32]>, width: usize) -> Self {
        let height = rows.len();
        Self { source: Source::Points(rows), pieces: Piece::cut(0, 32, true, 0), width, height }
    }

    /// Entries a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The words of entries `column ..` of a row; zero beyond its end.
    #[inline(always)]
    fn words(&self, row: usize, column: usize) -> Words {
        let count = WIDTH.min(self.width - column);
        let mut words = Words::ZERO;
        match &self.source {
            Source::Features { values, rows } => {
                let first = rows[row] as usize * self.width + column;
                return Words::features(&values[first..], count);
            }
            Source::Points(rows) => return Words::features(&rows[row][column..], count),
            Source::Cells { bytes, stride, .. } => {
                let row = &bytes[row * self.width * stride..];
                return Words::cells(row, *stride, self.width, column, 1);
            }
            Source::Integers(rows) => {
                if let (WIDTH, Some(whole)) = (count, rows[row][column..].first_chunk::<WIDTH>()) {
                    for (word, value) in words.low.iter_mut().zip(whole) {
                        *word = value.cast_unsigned();
                    }
                    return words;
                }
                for (word, value) in words.low.iter_mut().zip(&rows[row][column..column + count]) {
                    *word = value.cast_unsigned();
                }
            }
        }
        words
    }

    /// A piece of eight entries.
    #[inline(always)]
    fn read(&self, piece: &Piece, words: &Words) -> [u64; WIDTH] {
        let mut octet = piece.read(words);
        if let Source::Cells { neg: Some(place), .. } = self.source {
            words.replace_where(place, &mut octet, piece.offset());
        }
        octet
    }

    /// `<row_i, v>` for the given rows: shape `rows.len()`. `v` has at least `width` entries.
    #[must_use]
    pub fn times(&self, rows: Range<usize>, v: &[Scalar]) -> Vec<Scalar> {
        let v = &v[..self.width];
        let octets = octets(v);
        let offset = self.offset() * v.iter().sum::<Scalar>();
        let block = rows.len().div_ceil(4 * rayon::current_num_threads()).clamp(1, BLOCK);
        let blocks: Vec<_> = rows.clone().step_by(block).map(|start| start..rows.end.min(start + block)).collect();
        let times = |rows: Range<usize>| lanes::run(Times { matrix: self, rows, vector: &octets, offset });
        blocks.into_par_iter().flat_map_iter(times).collect()
    }

    /// `sum_i v_i row_(start+i)`: shape `width`.
    #[must_use]
    pub fn combine(&self, start: usize, v: &[Scalar]) -> Vec<Scalar> {
        let block = self.width.div_ceil(4 * rayon::current_num_threads()).next_multiple_of(WIDTH).min(BLOCK);
        let blocks: Vec<_> = (0..self.width).step_by(block).map(|c| c..self.width.min(c + block)).collect();
        let combine = |columns: Range<usize>| {
            let mut sums = vec![Scalar::ZERO; columns.len()];
            for (k, part) in v.chunks(MOST_ROWS).enumerate() {
                let offset = self.offset() * part.iter().sum::<Scalar>();
                let first = start + k * MOST_ROWS;
                lanes::run(Combine { matrix: self, first, columns: columns.clone(), v: part, offset, sums: &mut sums });
            }
            sums
        };
        blocks.into_par_iter().flat_map_iter(combine).collect()
    }

    /// What the offsets of the pieces add to an entry.
    fn offset(&self) -> Scalar {
        self.pieces.iter().map(|piece| Scalar::from(piece.offset()) * pow2(piece.scale)).sum()
    }
}

/// The entries eight at a time, zero beyond the end.
#[must_use]
pub fn octets(values: &[Scalar]) -> Vec<[Scalar; WIDTH]> {
    let (whole, rest) = values.as_chunks();
    let mut octets = whole.to_vec();
    if !rest.is_empty() {
        let mut last = [Scalar::ZERO; WIDTH];
        last[..rest.len()].copy_from_slice(rest);
        octets.push(last);
    }
    octets
}

struct Times<'m, 'a> {
    matrix: &'m IntegerMatrix<'a>,
    rows: Range<usize>,
    vector: &'m [[Scalar; WIDTH]],
    offset: Scalar,
}

impl Kernel for Times<'_, '_> {
    type Output = Vec<Scalar>;

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> Vec<Scalar> {
        let mut vector = Vec::with_capacity(self.vector.len());
        for octet in self.vector {
            vector.push(lanes.load(octet));
        }
        let mut out = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            let mut sum = lanes.splat(&Scalar::ZERO);
            for piece in &self.matrix.pieces {
                let mut part = L::SmallSum::default();
                for (k, f) in vector.iter().enumerate() {
                    let n = self.matrix.read(piece, &self.matrix.words(row, k * WIDTH));
                    lanes.small_add(&mut part, *f, lanes.integers(n));
                }
                sum = add_scaled(lanes, sum, part, piece.scale);
            }
            out.push(lanes.total(sum) - self.offset);
        }
        out
    }
}

/// `sum + 2^scale part`, for sums of at most eight pieces.
#[inline(always)]
fn add_scaled<L: Lanes<Scalar>>(lanes: L, sum: L::Vector, part: L::SmallSum, scale: u32) -> L::Vector {
    let part = lanes.small_reduce(part);
    let scaled = if scale == 0 { part } else { lanes.mul(part, lanes.splat(&pow2(scale))) };
    lanes.add(sum, scaled)
}

struct Combine<'m, 'a> {
    matrix: &'m IntegerMatrix<'a>,
    first: usize,
    columns: Range<usize>,
    v: &'m [Scalar],
    offset: Scalar,
    /// What the combination is added to.
    sums: &'m mut [Scalar],
}

impl Kernel for Combine<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) {
        let octets = self.columns.len().div_ceil(WIDTH);
        let pieces = &self.matrix.pieces;
        // Row after row, so that memory is read along; the sums of the whole block stay in the first-level cache.
        let mut sums = vec![L::SmallSum::default(); octets * pieces.len()];
        for (i, v) in self.v.iter().enumerate() {
            let f = lanes.splat(v);
            for octet in 0..octets {
                let column = self.columns.start + octet * WIDTH;
                let words = self.matrix.words(self.first + i, column);
                for (k, piece) in pieces.iter().enumerate() {
                    let n = self.matrix.read(piece, &words);
                    lanes.small_add(&mut sums[octet * pieces.len() + k], f, lanes.integers(n));
                }
            }
        }
        for (out, sums) in self.sums.chunks_mut(WIDTH).zip(sums.chunks_exact(pieces.len())) {
            let mut total = lanes.splat(&Scalar::ZERO);
            for (sum, piece) in sums.iter().zip(pieces) {
                total = add_scaled(lanes, total, *sum, piece.scale);
            }
            for (out, value) in out.iter_mut().zip(lanes.store(total)) {
                *out += value - self.offset;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zkdl_field::lanes::audit::Audit;
    use zkdl_field::scalar::{from_i64, from_i128, random};

    fn scalars(n: usize) -> Vec<Scalar> {
        (0..n).map(|_| random().unwrap()).collect()
    }

    fn check(matrix: &IntegerMatrix<'_>, plain: &[i128]) {
        let width = matrix.width();
        let height = matrix.height();
        assert_eq!(plain.len(), width * height);
        let entry = |i: usize, j: usize| from_i128(plain[i * width + j]);
        let v = scalars(width);
        let times: Vec<Scalar> = (0..height).map(|i| (0..width).map(|j| entry(i, j) * v[j]).sum::<Scalar>()).collect();
        assert_eq!(matrix.times(0..height, &v), times);
        assert_eq!(matrix.times(height / 2..height, &v), times[height / 2..]);
        let start = height / 3;
        let w = scalars(height - start);
        let combined: Vec<Scalar> =
            (0..width).map(|j| (start..height).map(|i| entry(i, j) * w[i - start]).sum::<Scalar>()).collect();
        assert_eq!(matrix.combine(start, &w), combined);
        let octets = octets(&v);
        let offset = matrix.offset() * v.iter().sum::<Scalar>();
        let audited = Times { matrix, rows: 0..height, vector: &octets, offset }.run(Audit);
        assert_eq!(audited, times);
        let offset = matrix.offset() * w.iter().sum::<Scalar>();
        let mut sums = vec![Scalar::ZERO; width];
        Combine { matrix, first: start, columns: 0..width, v: &w, offset, sums: &mut sums }.run(Audit);
        assert_eq!(sums, combined);
    }

    #[test]
    fn integers_of_every_size() {
        for width in [1, 7, 8, 9, 33] {
            let special = [0, 1, -1, i64::MIN, i64::MAX, 1 << 47, -(1 << 48), 1 << 50];
            let values: Vec<i64> = special.iter().cycle().take(width * 11).copied().collect();
            let plain: Vec<i128> = values.iter().map(|n| i128::from(*n)).collect();
            check(&IntegerMatrix::integers(&values, width), &plain);
        }
    }

    #[test]
    fn features_are_rows_of_the_data() {
        let values: Vec<i32> = (0..35).map(|i| if i % 3 == 0 { i32::MIN + i } else { i32::MAX - 5 * i }).collect();
        let all: Vec<i128> = values.iter().map(|n| i128::from(*n)).collect();
        check(&IntegerMatrix::points(values.chunks(5).collect(), 5), &all);
        let rows = vec![4, 0, 0, 2, 6];
        let plain: Vec<i128> = rows
            .iter()
            .flat_map(|i| &values[*i as usize * 5..*i as usize * 5 + 5])
            .map(|n| i128::from(*n) << 3)
            .collect();
        check(&IntegerMatrix::features(&values, 5, rows, 3), &plain);
        let plain: Vec<i128> = values.iter().map(|n| i128::from(*n)).collect();
        check(&IntegerMatrix::points(values.chunks(5).collect(), 5), &plain);
        check(&IntegerMatrix::points(values.chunks(35).collect(), 35), &plain);
    }

    #[test]
    fn many_rows() {
        let values: Vec<i64> = (0..3 * (MOST_ROWS as i64 + 5)).map(|i| i % 1001 - 500).collect();
        let matrix = IntegerMatrix::integers(&values, 3);
        let v = scalars(matrix.height());
        let plain = |j: usize| values.iter().skip(j).step_by(3).zip(&v).map(|(n, v)| from_i64(*n) * v).sum::<Scalar>();
        assert_eq!(matrix.combine(0, &v), [plain(0), plain(1), plain(2)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn fields_of_cells(
            width in 1usize..21,
            stride in 1usize..=16,
            place in 0u32..128,
            bits in 1u32..=62,
            signed: bool,
            scale in 0u32..50,
            masked: bool,
            bytes in prop::collection::vec(any::<u8>(), 3 * 20 * 16),
        ) {
            let limit = 8 * stride as u32;
            let (place, neg) = (place % limit, masked.then_some((place * 7 + 3) % limit));
            let bits = bits.min(limit - place);
            let bytes = &bytes[..3 * width * stride];
            let plain = bytes.chunks(stride).map(|cell| {
                let word = cell.iter().rev().fold(0u128, |word, byte| word << 8 | u128::from(*byte));
                let field = (word >> place & ((1 << bits) - 1)) as i128;
                let value = if signed && field >> (bits - 1) == 1 { field - (1 << bits) } else { field };
                if neg.is_some_and(|place| word >> place & 1 == 1) { 0 } else { value << scale }
            });
            let matrix = IntegerMatrix::cells(bytes, stride, width, Piece::cut(place, bits, signed, scale), neg);
            check(&matrix, &plain.collect::<Vec<_>>());
        }
    }
}
