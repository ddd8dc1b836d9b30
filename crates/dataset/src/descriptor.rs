//! What is public about a data set, and its one encoding.
//!
//! ```text
//! length (u32) = 56 | points (u32) | features (u32) | classes (u32) | value_min (i32) | value_max (i32) | fraction_bits (u32) | root (32 bytes)
//! ```
//! Little endian throughout. Every value has exactly one encoding, and no two encodings give one value.

use crate::csv::ValueRange;

/// Feature values stay strictly below this in magnitude, so that every product of training has a bound.
pub const VALUE_LIMIT: i32 = 1 << 20;
/// Most fraction bits a feature may have: more than the values have bits would mean nothing.
pub const MAX_FRACTION_BITS: u32 = 20;
/// Bytes of an encoded descriptor.
pub const ENCODED_BYTES: usize = 4 + BODY_BYTES;

const BODY_BYTES: usize = 6 * 4 + 32;

/// The public description of a data set. The points themselves stay hidden behind `root`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Number of points N.
    pub points: u32,
    /// Features of a point, d_0.
    pub features: u32,
    /// Number of classes; labels are 0 .. classes - 1.
    pub classes: u32,
    /// Smallest integer a feature may hold.
    pub value_min: i32,
    /// Largest integer a feature may hold.
    pub value_max: i32,
    /// Fraction bits f_X of the features: the integer x stands for x / 2^f_X.
    pub fraction_bits: u32,
    /// Merkle root over the commitments to the points.
    pub root: [u8; 32],
}

/// Why a descriptor, or bytes that should hold one, are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorError {
    /// A size of zero.
    #[error("the descriptor says 0 {what}: a data set needs at least one")]
    ZeroSize {
        /// Which size.
        what: &'static str,
    },
    /// The range of values is empty.
    #[error("value_min {min} is above value_max {max}: swap them")]
    EmptyRange {
        /// Declared minimum.
        min: i32,
        /// Declared maximum.
        max: i32,
    },
    /// A value may be too large.
    #[error("{what} {value} is not strictly between -2^20 and 2^20: rescale the features")]
    ValueTooLarge {
        /// Which end of the range.
        what: &'static str,
        /// The value.
        value: i32,
    },
    /// More fraction bits than values have bits.
    #[error("{bits} fraction bits are more than {MAX_FRACTION_BITS}: lower fraction_bits")]
    FractionBits {
        /// Declared fraction bits.
        bits: u32,
    },
    /// Wrong number of bytes: truncated, or something follows.
    #[error("a descriptor has {ENCODED_BYTES} bytes, these are {got}: the file is truncated or not a descriptor")]
    Length {
        /// Bytes given.
        got: usize,
    },
    /// The length prefix does not fit this version.
    #[error("the length prefix says {got} bytes, this version has {BODY_BYTES}: written by another version?")]
    Prefix {
        /// Value of the prefix.
        got: u32,
    },
}

impl Descriptor {
    /// A data set without root.
    #[must_use]
    pub fn uniform(points: u32, features: u32, classes: u32, range: ValueRange, fraction_bits: u32) -> Self {
        let (value_min, value_max) = (range.min, range.max);
        Self { points, features, classes, value_min, value_max, fraction_bits, root: [0; 32] }
    }

    /// Checks sizes, range and fraction bits.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), DescriptorError> {
        for (what, size) in [("points", self.points), ("features", self.features), ("classes", self.classes)] {
            if size == 0 {
                return Err(DescriptorError::ZeroSize { what });
            }
        }
        if self.value_min > self.value_max {
            return Err(DescriptorError::EmptyRange { min: self.value_min, max: self.value_max });
        }
        for (what, value) in [("value_min", self.value_min), ("value_max", self.value_max)] {
            if value <= -VALUE_LIMIT || value >= VALUE_LIMIT {
                return Err(DescriptorError::ValueTooLarge { what, value });
            }
        }
        if self.fraction_bits > MAX_FRACTION_BITS {
            return Err(DescriptorError::FractionBits { bits: self.fraction_bits });
        }
        Ok(())
    }

    /// What the feature of this column may hold.
    #[must_use]
    pub fn range(&self, _column: usize) -> ValueRange {
        ValueRange { min: self.value_min, max: self.value_max }
    }

    /// One range for each feature.
    #[must_use]
    pub fn ranges(&self) -> Vec<ValueRange> {
        (0..self.features as usize).map(|column| self.range(column)).collect()
    }

    /// The canonical encoding, [`ENCODED_BYTES`] long.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENCODED_BYTES);
        bytes.extend((BODY_BYTES as u32).to_le_bytes());
        for size in [self.points, self.features, self.classes] {
            bytes.extend(size.to_le_bytes());
        }
        bytes.extend(self.value_min.to_le_bytes());
        bytes.extend(self.value_max.to_le_bytes());
        bytes.extend(self.fraction_bits.to_le_bytes());
        bytes.extend(self.root);
        bytes
    }

    /// Reads a canonical encoding and validates what it says.
    ///
    /// # Errors
    /// [`DescriptorError::Length`] unless there are exactly [`ENCODED_BYTES`] bytes (trailing bytes are refused),
    /// [`DescriptorError::Prefix`] for another length prefix, or what [`Self::validate`] finds.
    pub fn decode(bytes: &[u8]) -> Result<Self, DescriptorError> {
        let wrong_length = || DescriptorError::Length { got: bytes.len() };
        let whole: &[u8; ENCODED_BYTES] = bytes.try_into().map_err(|_| wrong_length())?;
        let (words, root) = whole.split_last_chunk::<32>().ok_or_else(wrong_length)?;
        let word = |i: usize| u32::from_le_bytes([words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]]);
        if word(0) as usize != BODY_BYTES {
            return Err(DescriptorError::Prefix { got: word(0) });
        }
        let descriptor = Self {
            points: word(1),
            features: word(2),
            classes: word(3),
            value_min: word(4).cast_signed(),
            value_max: word(5).cast_signed(),
            fraction_bits: word(6),
            root: *root,
        };
        descriptor.validate()?;
        Ok(descriptor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digits() -> Descriptor {
        Descriptor {
            points: 1437,
            features: 64,
            classes: 10,
            value_min: 0,
            value_max: 16,
            fraction_bits: 4,
            root: [7; 32],
        }
    }

    #[test]
    fn the_encoding_is_fixed() {
        let bytes = digits().encode();
        assert_eq!(bytes.len(), 60);
        assert_eq!(bytes[..16], [56, 0, 0, 0, 0x9d, 5, 0, 0, 64, 0, 0, 0, 10, 0, 0, 0]);
        assert_eq!(bytes[16..28], [0, 0, 0, 0, 16, 0, 0, 0, 4, 0, 0, 0]);
        assert_eq!(bytes[28..], [7; 32]);
    }

    #[test]
    fn every_other_length_is_refused() {
        let mut bytes = digits().encode();
        for length in 0..bytes.len() {
            assert_eq!(Descriptor::decode(&bytes[..length]), Err(DescriptorError::Length { got: length }));
        }
        bytes.push(0);
        assert_eq!(Descriptor::decode(&bytes), Err(DescriptorError::Length { got: 61 }));
    }

    #[test]
    fn another_prefix_is_refused() {
        let mut bytes = digits().encode();
        bytes[0] = 57;
        assert_eq!(Descriptor::decode(&bytes), Err(DescriptorError::Prefix { got: 57 }));
    }

    #[test]
    fn decoding_validates() {
        let refused = |d: Descriptor| Descriptor::decode(&d.encode()).unwrap_err();
        assert_eq!(refused(Descriptor { points: 0, ..digits() }), DescriptorError::ZeroSize { what: "points" });
        assert_eq!(refused(Descriptor { features: 0, ..digits() }), DescriptorError::ZeroSize { what: "features" });
        assert_eq!(refused(Descriptor { classes: 0, ..digits() }), DescriptorError::ZeroSize { what: "classes" });
        assert_eq!(refused(Descriptor { value_min: 17, ..digits() }), DescriptorError::EmptyRange { min: 17, max: 16 });
        let large = DescriptorError::ValueTooLarge { what: "value_max", value: 1 << 20 };
        assert_eq!(refused(Descriptor { value_max: 1 << 20, ..digits() }), large);
        let small = DescriptorError::ValueTooLarge { what: "value_min", value: i32::MIN };
        assert_eq!(refused(Descriptor { value_min: i32::MIN, ..digits() }), small);
        assert_eq!(refused(Descriptor { fraction_bits: 21, ..digits() }), DescriptorError::FractionBits { bits: 21 });
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 56)) {
            let whole = [vec![56, 0, 0, 0], bytes].concat();
            if let Ok(descriptor) = Descriptor::decode(&whole) {
                prop_assert_eq!(descriptor.encode(), whole);
            }
        }

        #[test]
        fn round_trip(points in 1u32.., features in 1u32.., classes in 1u32.., a in -1_048_575i32..1_048_576, b in -1_048_575i32..1_048_576, fraction_bits in 0u32..21, root: [u8; 32]) {
            let d = Descriptor { points, features, classes, value_min: a.min(b), value_max: a.max(b), fraction_bits, root };
            prop_assert_eq!(Descriptor::decode(&d.encode()), Ok(d));
        }
    }
}
