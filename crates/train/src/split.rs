//! Weights as two 16-bit halves, and operands laid out for tiles.
//!
//! With |w| <= 2^bits, bits <= 29, and shift = ceil(bits / 2):
//!
//! ```text
//! w = 2^shift hi + lo,    hi = floor((w + 2^(shift-1)) / 2^shift),    |hi|, |lo| <= 2^floor(bits / 2) <= 2^14
//! ```

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "training only: sizes and magnitudes have been checked"
)]

use crate::kernel::{LANES, Lanes, Pair, word};
use zeroize::Zeroize;

/// Weights of more bits have no two halves that a tile could take.
pub(crate) const MAX_BITS: u32 = 29;

/// How weights are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Split {
    bits: u32,
}

impl Split {
    /// The split of weights up to 2^bits in magnitude, if they have one.
    pub(crate) fn of(bits: u32) -> Option<Self> {
        (bits <= MAX_BITS).then_some(Self { bits: bits.max(1) })
    }

    /// The weight of the high half.
    pub(crate) fn shift(self) -> u32 {
        self.bits.div_ceil(2)
    }

    /// The largest magnitude of a half.
    pub(crate) fn half(self) -> u64 {
        1 << (self.bits / 2)
    }

    /// (lo, hi) of a weight within the bound.
    #[inline(always)]
    fn halves(self, weight: i64) -> (i32, i32) {
        let (weight, shift) = (weight as i32, self.shift());
        let hi = weight.wrapping_add(1 << (shift - 1)) >> shift;
        (weight.wrapping_sub(hi << shift), hi)
    }

    /// The halves of two rows of weights as pairs of a tile's columns, at most [`LANES`] of them.
    #[inline(always)]
    pub(crate) fn columns(self, even: &[i64], odd: &[i64], lo: &mut Lanes, hi: &mut Lanes) {
        for (((lo, hi), &even), &odd) in lo.iter_mut().zip(hi).zip(even).zip(odd) {
            let ((l0, h0), (l1, h1)) = (self.halves(even), self.halves(odd));
            (*lo, *hi) = (word(l0, l1), word(h0, h1));
        }
    }

    /// The halves of a row of weights, pairs along the row; of an odd row the last pair keeps its second half.
    #[inline(always)]
    pub(crate) fn row(self, weights: &[i64], lo: &mut [Pair], hi: &mut [Pair]) {
        let (lo, hi) = (lo.as_flattened_mut(), hi.as_flattened_mut());
        for ((lo, hi), &weight) in lo.iter_mut().zip(hi).zip(weights) {
            let (l, h) = self.halves(weight);
            (*lo, *hi) = (l as i16, h as i16);
        }
    }
}

/// The least b with |v| <= 2^b for every value that went into `magnitude` by [`grow`].
pub(crate) fn bits(magnitude: u64) -> u32 {
    64 - magnitude.leading_zeros()
}

/// Takes a value into a magnitude.
#[inline(always)]
pub(crate) fn grow(magnitude: &mut u64, value: i64) {
    *magnitude |= (value ^ (value >> 63)).cast_unsigned();
}

/// The magnitude of many values.
pub(crate) fn magnitude(values: &[i64]) -> u64 {
    let mut magnitude = 0;
    values.iter().for_each(|&value| grow(&mut magnitude, value));
    magnitude
}

/// The largest absolute value.
pub(crate) fn max_abs(values: &[i32]) -> u64 {
    u64::from(values.iter().fold(0, |max, value| max.max(value.unsigned_abs())))
}

/// At least `size` entries of any value. Entries are erased before they are left behind for larger memory.
pub(crate) fn room<T: Copy + Default + Zeroize>(buffer: &mut Vec<T>, size: usize) {
    if buffer.len() < size {
        buffer.zeroize();
        buffer.resize(size, T::default());
    }
}

/// Rows of `width` values within 16 bits as pairs along the row, an odd one ending in 0.
pub(crate) fn row_pairs(values: &[i32], width: usize, out: &mut Vec<Pair>) {
    let stride = width.div_ceil(2);
    room(out, values.len() / width * stride);
    for (row, out) in values.chunks_exact(width).zip(out.chunks_exact_mut(stride)) {
        let (pairs, rest) = row.as_chunks::<2>();
        for (out, pair) in out.iter_mut().zip(pairs) {
            *out = pair.map(|v| v as i16);
        }
        if let (Some(out), [last]) = (out.last_mut(), rest) {
            *out = [*last as i16, 0];
        }
    }
}

/// Calls `put` with the column and the word of every column of two rows; `odd` is empty where there is no second row.
#[inline(always)]
pub(crate) fn words(even: &[i32], odd: &[i32], mut put: impl FnMut(usize, u32)) {
    if odd.is_empty() {
        even.iter().enumerate().for_each(|(column, &even)| put(column, word(even, 0)));
    } else {
        even.iter().zip(odd).enumerate().for_each(|(column, (&even, &odd))| put(column, word(even, odd)));
    }
}

/// Strips of [`LANES`] columns, each with all pairs of rows: the right operand of a sum over rows. What is
/// beyond the last column is any value.
pub(crate) fn strips_over_rows(values: &[i32], width: usize, out: &mut Vec<Lanes>) {
    let pairs = (values.len() / width).div_ceil(2);
    room(out, width.div_ceil(LANES) * pairs);
    for (p, rows) in values.chunks(2 * width).enumerate() {
        let (even, odd) = rows.split_at(width);
        words(even, odd, |column, word| out[column / LANES * pairs + p][column % LANES] = word);
    }
}

/// Strips of [`LANES`] rows, each with all pairs of columns: the right operand of a sum over columns. What
/// is beyond the last row is any value.
pub(crate) fn strips_over_columns(values: &[i32], width: usize, out: &mut Vec<Lanes>) {
    let (pairs, rows) = (width.div_ceil(2), values.len() / width);
    room(out, rows.div_ceil(LANES) * pairs);
    for (row, values) in values.chunks_exact(width).enumerate() {
        let strip = &mut out[row / LANES * pairs..][..pairs];
        for (out, pair) in strip.iter_mut().zip(values.chunks(2)) {
            out[row % LANES] = word(pair[0], pair.get(1).copied().unwrap_or(0));
        }
    }
}
