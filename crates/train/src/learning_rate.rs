//! Learning rates as integers.
//!
//! Only the integers c_t and R_L enter the algorithm: c_t / 2^R_L carries lr_t / B and the change of scale from Z to G.
//!
//! ```text
//! s   = floor(log2(B / max lr))          exact: the largest s with 2^s max lr <= B
//! R_L = 2 f_A + s + 15
//! c_t = round(lr_t / B * 2^(s + 15))     1 <= c_t <= 2^15; 0 is refused
//! g   = f_G - s                          fraction bits of the output error; below 5 training loses many points, so it is refused
//! ```
//! lr_t / B is one IEEE 754 division, the power of two is exact and `round` takes halves away from zero: every machine finds the same c_t.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "the owner's declaration: pieces are in order, and exponents are those of f64"
)]

use crate::config::{Format, MAX_R_L};

/// Fewest fraction bits of the output error, g = f_G - s.
pub const MIN_ERROR_BITS: i32 = 5;
/// Bits of the largest multiplier, less one.
const MULTIPLIER_BITS: i32 = 15;

/// A piecewise constant learning rate: each rate holds from its step to the next piece's.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningRate {
    pieces: Vec<(u64, f64)>,
}

/// The integers of a learning rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatePlan {
    /// s = floor(log2(B / max lr)).
    pub s: i32,
    /// R_L: bits dropped when the output gradient is rounded.
    pub r_l: u32,
    /// (from_step, c): the multiplier of every piece.
    pub multipliers: Vec<(u64, u64)>,
}

/// Why a learning rate is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RateError {
    /// No rate for step 0.
    #[error("the learning rate does not start at step 0: its first piece must")]
    Start,
    /// Pieces out of order.
    #[error("the learning rate changes at step {step}, which is not after step {previous}: sort the pieces")]
    Order {
        /// Start of the earlier piece.
        previous: u64,
        /// Start of the later piece.
        step: u64,
    },
    /// A rate that is zero, negative or not a number.
    #[error("learning rate {rate} from step {step}: it must be a positive number")]
    NotPositive {
        /// Start of the piece.
        step: u64,
        /// The rate.
        rate: f64,
    },
    /// The batch size is 0.
    #[error("the batch size is 0")]
    EmptyBatch,
    /// The output error would have too few fraction bits.
    #[error(
        "learning rate {rate} at batch {batch} leaves g = f_g - s = {f_g} - {s} = {g} fraction bits for the output error, fewer than {MIN_ERROR_BITS}: raise f_g to {needed_f_g} or the largest learning rate above {needed_rate}"
    )]
    TooCoarse {
        /// Largest learning rate.
        rate: f64,
        /// Batch size.
        batch: u32,
        /// f_G.
        f_g: u32,
        /// s.
        s: i32,
        /// g = f_G - s.
        g: i32,
        /// Smallest f_G that fits.
        needed_f_g: i32,
        /// Rates above this fit.
        needed_rate: f64,
    },
    /// R_L outside its range.
    #[error("learning rate {rate} at batch {batch} needs R_L = {r_l}, outside 1..={MAX_R_L}: divide the rate or f_a")]
    RoundingBits {
        /// Largest learning rate.
        rate: f64,
        /// Batch size.
        batch: u32,
        /// 2 f_A + s + 15.
        r_l: i32,
    },
    /// c_t would be 0.
    #[error(
        "learning rate {rate} from step {step} rounds to c_t = 0 beside the largest rate: keep every rate at {smallest} or above"
    )]
    Vanishes {
        /// Start of the piece.
        step: u64,
        /// The rate.
        rate: f64,
        /// Smallest rate that does not vanish.
        smallest: f64,
    },
}

impl LearningRate {
    /// The same rate at every step.
    ///
    /// # Errors
    /// [`RateError::NotPositive`].
    pub fn constant(rate: f64) -> Result<Self, RateError> {
        Self::new(vec![(0, rate)])
    }

    /// Pieces (from_step, rate), the first from step 0, in ascending order.
    ///
    /// # Errors
    /// [`RateError`] when a piece is out of order or not positive.
    pub fn new(pieces: Vec<(u64, f64)>) -> Result<Self, RateError> {
        if pieces.first().is_none_or(|&(step, _)| step != 0) {
            return Err(RateError::Start);
        }
        for pair in pieces.windows(2) {
            let (previous, step) = (pair[0].0, pair[1].0);
            if step <= previous {
                return Err(RateError::Order { previous, step });
            }
        }
        for &(step, rate) in &pieces {
            if !rate.is_finite() || rate <= 0.0 {
                return Err(RateError::NotPositive { step, rate });
            }
        }
        Ok(Self { pieces })
    }

    /// The pieces (from_step, rate).
    pub fn pieces(&self) -> &[(u64, f64)] {
        &self.pieces
    }

    /// The rate of a step.
    pub fn rate(&self, step: u64) -> f64 {
        piece_at(&self.pieces, step)
    }

    /// The integers of this learning rate for a format and a batch size.
    ///
    /// # Errors
    /// [`RateError`] naming the learning rate or the f_G that would fit.
    pub fn plan(&self, format: &Format, batch: u32) -> Result<RatePlan, RateError> {
        if batch == 0 {
            return Err(RateError::EmptyBatch);
        }
        let largest = self.pieces.iter().map(|p| p.1).fold(0.0, f64::max);
        let s = scale(largest, batch);
        check_error_bits(format, batch, largest, s)?;
        let r_l = rounding_bits(format, batch, largest, s)?;
        let multipliers = self.pieces.iter().map(|&(step, rate)| Ok((step, multiplier(step, rate, batch, s)?)));
        Ok(RatePlan { s, r_l, multipliers: multipliers.collect::<Result<_, _>>()? })
    }
}

impl RatePlan {
    /// c_t of a step.
    pub fn multiplier(&self, step: u64) -> u64 {
        piece_at(&self.multipliers, step)
    }

    /// c_t of steps `first .. first + count`.
    pub fn window(&self, first: u64, count: usize) -> Vec<u64> {
        (0..count).map(|t| self.multiplier(first.saturating_add(t as u64))).collect()
    }
}

/// The value of the last piece that starts at or before `step`; the default of an empty list.
fn piece_at<T: Copy + Default>(pieces: &[(u64, T)], step: u64) -> T {
    let started = pieces.partition_point(|&(from, _)| from <= step);
    pieces[..started].last().map_or_else(T::default, |&(_, value)| value)
}

/// floor(log2(batch / rate)) by doubling and halving, which are exact.
fn scale(rate: f64, batch: u32) -> i32 {
    let (mut scaled, mut s) = (rate, 0);
    while scaled * 2.0 <= f64::from(batch) {
        scaled *= 2.0;
        s += 1;
    }
    while scaled > f64::from(batch) {
        scaled /= 2.0;
        s -= 1;
    }
    s
}

fn check_error_bits(format: &Format, batch: u32, rate: f64, s: i32) -> Result<(), RateError> {
    let f_g = signed(format.f_g);
    let g = f_g.saturating_sub(s);
    if g >= MIN_ERROR_BITS {
        return Ok(());
    }
    // s fits once floor(log2(B / lr)) <= f_G - 5, that is, lr > B / 2^(f_G - 4).
    let needed_rate = f64::from(batch) * power_of_two(4_i32.saturating_sub(f_g));
    Err(RateError::TooCoarse {
        rate,
        batch,
        f_g: format.f_g,
        s,
        g,
        needed_f_g: s.saturating_add(MIN_ERROR_BITS),
        needed_rate,
    })
}

fn rounding_bits(format: &Format, batch: u32, rate: f64, s: i32) -> Result<u32, RateError> {
    let r_l = signed(format.f_a).saturating_mul(2).saturating_add(s).saturating_add(MULTIPLIER_BITS);
    match u32::try_from(r_l) {
        Ok(bits) if (1..=MAX_R_L).contains(&bits) => Ok(bits),
        _ => Err(RateError::RoundingBits { rate, batch, r_l }),
    }
}

fn multiplier(step: u64, rate: f64, batch: u32, s: i32) -> Result<u64, RateError> {
    let exponent = s + MULTIPLIER_BITS;
    let c = (rate / f64::from(batch) * power_of_two(exponent)).round() as u64;
    if c == 0 {
        let smallest = f64::from(batch) * power_of_two(-exponent - 1);
        return Err(RateError::Vanishes { step, rate, smallest });
    }
    Ok(c)
}

/// Bits of a format that nobody may have validated yet. What exceeds an `i32` is far beyond every bound.
fn signed(bits: u32) -> i32 {
    i32::try_from(bits).unwrap_or(i32::MAX)
}

/// 2^exponent, exactly; exponents beyond the normal range are clamped to it.
fn power_of_two(exponent: i32) -> f64 {
    let biased = (exponent.clamp(-1022, 1023) + 1023).unsigned_abs();
    f64::from_bits(u64::from(biased) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(rate: f64, batch: u32) -> Result<RatePlan, RateError> {
        LearningRate::constant(rate).unwrap().plan(&Format::default(), batch)
    }

    #[test]
    fn digits_get_the_documented_integers() {
        let plan = plan(0.5, 32).unwrap();
        assert_eq!((plan.s, plan.r_l, plan.multiplier(7)), (6, 37, 32768));
    }

    #[test]
    fn multipliers_stay_between_half_and_all_of_two_to_fifteen() {
        for (rate, batch) in [(0.3, 32), (0.7, 48), (1.0, 1), (3.0, 1), (0.11, 20), (0.5000001, 32)] {
            let plan = plan(rate, batch).unwrap();
            let c = plan.multiplier(0);
            assert!((16384..=32768).contains(&c), "{rate} {batch} {c}");
            let realised = c as f64 * power_of_two(-plan.s - MULTIPLIER_BITS) * f64::from(batch);
            assert!((realised / rate - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn a_decaying_rate_keeps_one_scale() {
        let pieces = vec![(0, 0.5), (10, 0.25), (20, 0.1)];
        let rate = LearningRate::new(pieces.clone()).unwrap();
        assert_eq!(rate.pieces(), pieces);
        let plan = rate.plan(&Format::default(), 32).unwrap();
        assert_eq!(plan.window(8, 14), [vec![32768; 2], vec![16384; 10], vec![6554; 2]].concat());
        assert_eq!((rate.rate(9), rate.rate(10)), (0.5, 0.25));
    }

    #[test]
    fn too_few_error_bits_are_refused_and_the_advice_fits() {
        assert_eq!(plan(0.1, 32).unwrap().s, 8);
        let error = plan(0.05, 32).unwrap_err();
        let RateError::TooCoarse { needed_f_g, needed_rate, g: 4, .. } = error else { panic!("{error}") };
        assert!(plan(needed_rate, 32).is_err() && plan(needed_rate * 1.0001, 32).is_ok());
        let format = Format { f_g: needed_f_g.cast_unsigned(), ..Format::default() };
        assert!(LearningRate::constant(0.05).unwrap().plan(&format, 32).is_ok());
    }

    #[test]
    fn a_vanishing_rate_is_refused_and_the_advice_fits() {
        let with_tail = |tail| LearningRate::new(vec![(0, 0.5), (5, tail)]).unwrap().plan(&Format::default(), 32);
        let RateError::Vanishes { step: 5, smallest, .. } = with_tail(1e-9).unwrap_err() else { panic!() };
        assert_eq!(with_tail(smallest).unwrap().multiplier(5), 1);
        assert!(with_tail(smallest * 0.999).is_err());
    }

    #[test]
    fn bad_pieces_are_refused() {
        assert_eq!(LearningRate::new(vec![]), Err(RateError::Start));
        assert_eq!(LearningRate::new(vec![(1, 0.5)]), Err(RateError::Start));
        let unordered = LearningRate::new(vec![(0, 0.5), (3, 0.4), (3, 0.3)]);
        assert_eq!(unordered, Err(RateError::Order { previous: 3, step: 3 }));
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(LearningRate::constant(rate), Err(RateError::NotPositive { step: 0, .. })));
        }
    }

    #[test]
    fn absurd_rates_and_batches_end_in_errors() {
        assert!(matches!(plan(1e300, 1), Err(RateError::RoundingBits { .. })));
        assert!(matches!(plan(1e-300, u32::MAX), Err(RateError::TooCoarse { .. })));
        assert_eq!(plan(0.5, 0), Err(RateError::EmptyBatch));
        assert!(plan(f64::MIN_POSITIVE / 8.0, 1).is_err());
    }

    #[test]
    fn formats_that_nobody_validated_end_in_errors() {
        let rate = LearningRate::constant(0.5).unwrap();
        for bits in [1 << 30, i32::MAX.unsigned_abs(), 2_000_000_000, 1 << 31, u32::MAX] {
            let planned = |format| rate.plan(&format, 32);
            let coarse = planned(Format { f_a: bits, ..Format::default() });
            assert!(matches!(coarse, Err(RateError::RoundingBits { .. })), "{coarse:?}");
            assert!(planned(Format { f_g: bits, ..Format::default() }).is_ok(), "more bits of g are never too few");
        }
    }
}
