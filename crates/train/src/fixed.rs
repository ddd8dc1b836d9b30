//! Rounding and two's-complement ranges: the only fixed-point rules there are.

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
