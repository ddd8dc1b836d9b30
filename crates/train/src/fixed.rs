//! Rounding and two's-complement ranges: the only fixed-point rules there are.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "training only: 1 <= bits <= 63, and values that the ledger bounds"
)]

use crate::kernel::{Simd, Work};

/// floor((v + 2^(bits-1)) / 2^bits) and what that leaves: v + 2^(bits-1) = 2^bits quotient + remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rounded {
    /// The value rounded to the nearest integer, ties towards plus infinity.
    pub(crate) quotient: i128,
    /// In [0, 2^bits).
    pub(crate) remainder: u64,
}

/// Rounds `value`, |value| < 2^126, half up by `bits`, 1 <= bits <= 63.
pub(crate) fn round_half_up(value: i128, bits: u32) -> Rounded {
    let shifted = value + (1i128 << (bits - 1));
    Rounded { quotient: shifted >> bits, remainder: (shifted & ((1 << bits) - 1)) as u64 }
}

/// The smallest and largest integer of `bits` bits in two's complement, 1 <= bits <= 63.
pub(crate) fn signed_range(bits: u32) -> (i64, i64) {
    let half = 1i64 << (bits - 1);
    (-half, half - 1)
}

/// The bits a two's-complement field needs for `value`.
pub(crate) fn signed_bits(value: i128) -> u32 {
    129 - if value < 0 { value.leading_ones() } else { value.leading_zeros() }
}

/// The quotient of [`round_half_up`], for any value and 1 <= bits <= 63: the dropped bits' top bit says whether to go up.
#[inline(always)]
fn round(value: i64, bits: u32) -> i64 {
    (value >> bits) + (value >> (bits - 1) & 1)
}

/// Not zero if `value` does not fit `bits` bits in two's complement.
#[inline(always)]
fn excess(value: i64, bits: u32) -> i64 {
    (value ^ (value >> 63)) >> (bits - 1)
}

/// A from Z: the quotients at `r` bits, or 0 where they are negative. False if one does not fit `q` <= 31 bits.
pub(crate) struct Activate<'a> {
    /// Z.
    pub(crate) z: &'a [i64],
    /// A.
    pub(crate) a: &'a mut [i32],
    /// R.
    pub(crate) r: u32,
    /// Q.
    pub(crate) q: u32,
}

impl Work for Activate<'_> {
    type Output = bool;

    #[inline(always)]
    fn on<S: Simd>(self, _: S) -> bool {
        let Self { z, a, r, q } = self;
        let mut excesses = 0;
        for (a, &z) in a.iter_mut().zip(z) {
            let p = round(z, r);
            excesses |= excess(p, q);
            *a = (p as i32).max(0);
        }
        excesses == 0
    }
}

/// G from H and Z: the quotients of H at `r` bits, or 0 where that of Z is negative. False if one does not fit `q_g` <= 31 bits.
pub(crate) struct Gate<'a> {
    /// H.
    pub(crate) h: &'a [i64],
    /// Z.
    pub(crate) z: &'a [i64],
    /// G.
    pub(crate) g: &'a mut [i32],
    /// R.
    pub(crate) r: u32,
    /// Q_G.
    pub(crate) q_g: u32,
}

impl Work for Gate<'_> {
    type Output = bool;

    #[inline(always)]
    fn on<S: Simd>(self, _: S) -> bool {
        let Self { h, z, g, r, q_g } = self;
        let mut excesses = 0;
        for ((g, &h), &z) in g.iter_mut().zip(h).zip(z) {
            let k = round(h, r);
            excesses |= excess(k, q_g);
            *g = if round(z, r) < 0 { 0 } else { k as i32 };
        }
        excesses == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Machine;
    use proptest::prelude::*;

    #[test]
    fn ties_go_up_and_the_remainder_is_half_open() {
        let rounded = |v| round_half_up(v, 3);
        let pairs: Vec<(i128, u64)> =
            [-12, -5, -4, -1, 0, 3, 4, 11].into_iter().map(|v| (rounded(v).quotient, rounded(v).remainder)).collect();
        assert_eq!(pairs, [(-1, 0), (-1, 7), (0, 0), (0, 3), (0, 4), (0, 7), (1, 0), (1, 7)]);
    }

    #[test]
    fn the_decomposition_recomposes() {
        for bits in [1, 2, 21, 63] {
            for value in [i64::MIN, -(1 << 20), -1, 0, 1, 1 << 20, i64::MAX] {
                let r = round_half_up(i128::from(value), bits);
                assert_eq!((r.quotient << bits) + i128::from(r.remainder), i128::from(value) + (1 << (bits - 1)));
                assert!(r.remainder < 1 << bits);
            }
        }
    }

    #[test]
    fn ranges_and_bit_counts_agree() {
        for bits in [2, 3, 12, 32] {
            let (low, high) = signed_range(bits);
            assert_eq!((signed_bits(i128::from(low)), signed_bits(i128::from(high))), (bits, bits));
            assert_eq!(signed_bits(i128::from(high) + 1), bits + 1);
            assert_eq!(signed_bits(i128::from(low) - 1), bits + 1);
        }
        assert_eq!((signed_bits(0), signed_bits(-1)), (1, 1));
    }

    /// Values at the bounds of `q` bits after rounding by `r`, and at the ties around them.
    fn edges(r: u32, q: u32) -> Vec<i64> {
        let (low, high) = signed_range(q);
        let half = 1i64 << (r - 1);
        let sums = [low, low + 1, -1, 0, 1, high].into_iter().map(|p| p << r);
        let near = sums.flat_map(|sum| [-half - 1, -half, -1, 0, 1, half - 1].map(|delta| sum + delta));
        near.chain([i64::MIN, i64::MAX]).collect()
    }

    fn agree(r: u32, q: u32, h: i64, z: i64) {
        let (p, k) = (round_half_up(z.into(), r).quotient, round_half_up(h.into(), r).quotient);
        let fits = |value: i128| signed_bits(value) <= q;
        for machine in Machine::all() {
            let (mut a, mut g) = ([0], [0]);
            assert_eq!(machine.run(Activate { z: &[z], a: &mut a, r, q }), fits(p));
            assert_eq!(machine.run(Gate { h: &[h], z: &[z], g: &mut g, r, q_g: q }), fits(k));
            assert!(!fits(p) || i128::from(a[0]) == p.max(0));
            assert!(!fits(k) || i128::from(g[0]) == if p < 0 { 0 } else { k });
        }
    }

    #[test]
    fn passes_round_and_refuse_exactly_at_the_edges() {
        for (r, q) in [(1, 2), (21, 12), (24, 14), (31, 31), (48, 14)] {
            for h in edges(r, q) {
                edges(r, q).into_iter().for_each(|z| agree(r, q, h, z));
            }
        }
    }

    proptest! {
        #[test]
        fn passes_are_the_definition(r in 1u32..=48, q in 2u32..=31, h: i64, z: i64, shift in 0u32..64) {
            agree(r, q, h >> shift, z >> shift);
        }
    }
}
