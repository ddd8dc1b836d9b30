//! From the numbers of a file to the integers that are committed.
//!
//! ```text
//! y = (x - offset) * scale                 two operations of IEEE 754 binary64, each rounded to nearest, ties to even
//! q = floor(y) + [y - floor(y) >= 1/2]     exact: half goes up
//! q outside [min, max]:  the nearer bound if clip, else refused;  NaN and infinite x or y are always refused
//! ```
//!
//! Subtraction, multiplication and floor of binary64 are the same on every machine, so the trainer who commits a point and the
//! owner who asks for one get the same integers from the same numbers.

use crate::descriptor::{ColumnRun, DescriptorError};
use crate::number::to_usize;

/// Bounds of values stay strictly below this in magnitude, so that every product of training has a bound.
pub const VALUE_LIMIT: i32 = 1 << 20;

/// The integers that a feature may hold, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueRange {
    /// Smallest allowed value.
    pub min: i32,
    /// Largest allowed value.
    pub max: i32,
}

impl ValueRange {
    /// Whether a value is allowed.
    pub fn contains(self, value: i32) -> bool {
        (self.min..=self.max).contains(&value)
    }
}

/// The map from raw numbers to integers of a range. Two are equal if their bits are.
#[derive(Debug, Clone, Copy)]
pub struct Quantiser {
    /// Factor, finite and above 0.
    pub scale: f64,
    /// Raw number that becomes 0; finite, not -0.0.
    pub offset: f64,
    /// Smallest integer.
    pub min: i32,
    /// Largest integer.
    pub max: i32,
    /// Whether numbers beyond the range become its nearer bound; otherwise they are refused.
    pub clip: bool,
}

/// Why a number has no integer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum QuantiseError {
    /// NaN or infinite, before or after scaling.
    #[error("{value} is not a finite number, or not after scaling")]
    NotFinite {
        /// The raw number.
        value: f64,
    },
    /// Beyond the range.
    #[error("{}", outside(*value, *rounded, *range))]
    OutOfRange {
        /// The raw number.
        value: f64,
        /// The integer it would be.
        rounded: f64,
        /// The declared range.
        range: ValueRange,
    },
}

fn outside(value: f64, rounded: f64, range: ValueRange) -> String {
    let scaled = if rounded == value { String::new() } else { format!(" (the integer {rounded})") };
    format!(
        "{value}{scaled} is outside [{}, {}]: widen the declared range, clip or fix the value",
        range.min, range.max
    )
}

impl Quantiser {
    /// For numbers that are integers of `range` already.
    pub fn identity(range: ValueRange) -> Self {
        Self { scale: 1.0, offset: 0.0, min: range.min, max: range.max, clip: false }
    }

    /// Whether numbers are taken as they are, but for rounding.
    pub fn is_identity(&self) -> bool {
        self.scale == 1.0 && self.offset == 0.0
    }

    /// The integers that come out.
    pub fn range(&self) -> ValueRange {
        ValueRange { min: self.min, max: self.max }
    }

    /// The integer of a raw number.
    ///
    /// # Errors
    /// [`QuantiseError`].
    #[expect(clippy::as_conversions, reason = "an integer between two i32")]
    pub fn apply(&self, value: f64) -> Result<i32, QuantiseError> {
        let scaled = (value - self.offset) * self.scale;
        if !scaled.is_finite() {
            return Err(QuantiseError::NotFinite { value });
        }
        let floor = scaled.floor();
        let rounded = if scaled - floor >= 0.5 { floor + 1.0 } else { floor };
        let (min, max) = (f64::from(self.min), f64::from(self.max));
        if self.clip || (min <= rounded && rounded <= max) {
            // An integer of the range: the conversion is exact.
            return Ok(rounded.max(min).min(max) as i32);
        }
        Err(QuantiseError::OutOfRange { value, rounded, range: self.range() })
    }

    /// Checks what a descriptor may say.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), DescriptorError> {
        if !self.scale.is_finite() || self.scale <= 0.0 {
            return Err(DescriptorError::Scale { scale: self.scale.to_bits() });
        }
        if !self.offset.is_finite() || self.offset.to_bits() == (-0.0f64).to_bits() {
            return Err(DescriptorError::Offset { offset: self.offset.to_bits() });
        }
        if self.min > self.max {
            return Err(DescriptorError::EmptyRange { min: self.min, max: self.max });
        }
        for (what, value) in [("smallest", self.min), ("largest", self.max)] {
            if value <= -VALUE_LIMIT || value >= VALUE_LIMIT {
                return Err(DescriptorError::ValueTooLarge { what, value });
            }
        }
        Ok(())
    }

    fn bits(&self) -> (u64, u64, i32, i32, bool) {
        (self.scale.to_bits(), self.offset.to_bits(), self.min, self.max, self.clip)
    }
}

impl PartialEq for Quantiser {
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for Quantiser {}

/// Quantisers by column, before the number of columns is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantisers {
    /// For every column that has no other.
    pub usual: Quantiser,
    /// Half-open ranges of columns that have another, the last one that names a column holds.
    pub others: Vec<(std::ops::Range<u32>, Quantiser)>,
}

/// A quantiser for a column that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a quantiser is given for columns {start} up to, not including, {end}, but there are {features} features, from 0"
)]
pub struct NoSuchColumn {
    /// First column named.
    pub start: u32,
    /// End of the columns named.
    pub end: u32,
    /// Features of a point.
    pub features: usize,
}

impl Quantisers {
    /// One for all columns.
    pub fn uniform(usual: Quantiser) -> Self {
        Self { usual, others: Vec::new() }
    }

    /// One for each of `features` columns.
    ///
    /// # Errors
    /// [`NoSuchColumn`] also for an empty range of columns.
    pub fn columns(&self, features: usize) -> Result<Vec<Quantiser>, NoSuchColumn> {
        let mut columns = vec![self.usual; features];
        for (range, quantiser) in &self.others {
            let (start, end) = (range.start, range.end);
            let places = columns.get_mut(to_usize(start)..to_usize(end)).filter(|places| !places.is_empty());
            places.ok_or(NoSuchColumn { start, end, features })?.fill(*quantiser);
        }
        Ok(columns)
    }

    /// The same as runs, for a descriptor.
    ///
    /// # Errors
    /// As [`Self::columns`].
    pub fn runs(&self, features: usize) -> Result<Vec<ColumnRun>, NoSuchColumn> {
        Ok(ColumnRun::collect(&self.columns(features)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn halves(min: i32, max: i32, clip: bool) -> Quantiser {
        Quantiser { scale: 2.0, offset: 1.0, min, max, clip }
    }

    #[test]
    fn ties_go_up_on_both_sides_of_zero() {
        let identity = Quantiser::identity(ValueRange { min: -9, max: 9 });
        for (raw, integer) in [(2.5, 3), (-2.5, -2), (0.5, 1), (-0.5, 0), (-0.0, 0), (-0.500_000_1, -1), (2.499_999, 2)]
        {
            assert_eq!(identity.apply(raw), Ok(integer), "{raw}");
        }
        // The largest number below a half does not become 1, as it would with floor(x + 0.5).
        assert_eq!(identity.apply(0.5f64.next_down()), Ok(0));
        assert_eq!(halves(-9, 9, false).apply(2.25), Ok(3));
    }

    #[test]
    fn scale_and_offset_both_change_numbers() {
        let identity = Quantiser::identity(ValueRange { min: -9, max: 9 });
        assert!(identity.is_identity());
        assert!(!Quantiser { scale: 2.0, ..identity }.is_identity());
        assert!(!Quantiser { offset: 1.0, ..identity }.is_identity());
    }

    #[test]
    fn beyond_the_range_is_refused_or_clipped() {
        let range = ValueRange { min: -4, max: 4 };
        assert_eq!(
            halves(-4, 4, false).apply(3.25),
            Err(QuantiseError::OutOfRange { value: 3.25, rounded: 5.0, range })
        );
        assert_eq!(halves(-4, 4, true).apply(3.25), Ok(4));
        assert_eq!(halves(-4, 4, true).apply(-1e300), Ok(-4));
        assert_eq!(halves(-4, 4, true).apply(3.0), Ok(4));
        let text = halves(-4, 4, false).apply(3.25).unwrap_err().to_string();
        assert!(text.starts_with("3.25 (the integer 5) is outside [-4, 4]"), "{text}");
    }

    #[test]
    fn what_is_not_finite_is_refused_even_when_clipping() {
        for clip in [false, true] {
            for raw in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
                assert!(matches!(halves(-4, 4, clip).apply(raw), Err(QuantiseError::NotFinite { .. })), "{raw}");
            }
        }
    }

    #[test]
    fn columns_have_the_last_quantiser_that_names_them() {
        let [a, b, c] = [1, 2, 3].map(|max| halves(0, max, false));
        let all = Quantisers { usual: a, others: vec![(1..4, b), (3..4, c)] };
        assert_eq!(all.columns(5), Ok(vec![a, b, b, c, a]));
        let runs = [(1, a), (2, b), (1, c), (1, a)].map(|(count, quantiser)| ColumnRun { count, quantiser });
        assert_eq!(all.runs(5), Ok(runs.to_vec()));
        assert_eq!(all.columns(3), Err(NoSuchColumn { start: 1, end: 4, features: 3 }));
        let empty = Quantisers { usual: a, others: vec![(1..1, b)] };
        assert!(empty.columns(5).is_err());
        assert!(Quantisers { usual: a, others: vec![(std::ops::Range { start: 3, end: 1 }, b)] }.columns(5).is_err());
    }

    proptest! {
        #[test]
        fn results_lie_in_the_range(raw: f64, scale in 1e-9f64..1e9, offset in -1e9f64..1e9, a in -1000i32..1000, b in -1000i32..1000, clip: bool) {
            let quantiser = Quantiser { scale, offset, min: a.min(b), max: a.max(b), clip };
            prop_assert_eq!(quantiser.validate(), Ok(()));
            if let Ok(integer) = quantiser.apply(raw) {
                prop_assert!(quantiser.range().contains(integer));
            }
        }

        #[test]
        fn integers_stay_themselves(value in -1_048_575i32..1_048_576) {
            let range = ValueRange { min: 1 - VALUE_LIMIT, max: VALUE_LIMIT - 1 };
            prop_assert_eq!(Quantiser::identity(range).apply(f64::from(value)), Ok(value));
        }
    }
}
