//! What is public about a data set, and its one encoding.
//!
//! ```text
//! length of what follows (u32)
//! points (u32) | features (u32) | classes (u32) | fraction_bits (u32) | near (u64)
//! 0 (u8), or 1 (u8) | width (u32) | height (u32) | channels (u32) | planar (u8) | white (u32)
//! runs (u32) | each: columns (u32) | scale (f64) | offset (f64) | min (i32) | max (i32) | clip (u8)
//! root (32 bytes)
//! ```
//! Little endian throughout; flags are 0 or 1; numbers f64 are the bits of IEEE 754. A run is columns that follow one another and
//! share a quantiser; neighbours differ. Every value has exactly one encoding, and no two encodings give one value.

use crate::number::{to_u32, to_u64, to_usize};
use crate::quantiser::{Quantiser, ValueRange};

pub use crate::quantiser::VALUE_LIMIT;

/// Most fraction bits a feature may have: more than the values have bits would mean nothing.
pub const MAX_FRACTION_BITS: u32 = 20;
/// Most features of a point. A run of any length takes 29 bytes, so this is what bounds the memory of [`Descriptor::ranges`].
pub const MAX_FEATURES: u32 = 1 << 20;
/// `near` stays below this: no two points of the largest shape are farther apart, squared.
pub const NEAR_LIMIT: u64 = 1 << 62;

const RUN_BYTES: u64 = 29;

/// The public description of a data set. The points themselves stay hidden behind `root`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Number of points N.
    pub points: u32,
    /// Features of a point, d_0.
    pub features: u32,
    /// Number of classes; labels are 0 .. classes - 1.
    pub classes: u32,
    /// Fraction bits f_X of the features: the integer x stands for x / 2^f_X.
    pub fraction_bits: u32,
    /// Largest squared distance, in integers, at which a point counts as a near-duplicate; 0 for no such queries.
    pub near: u64,
    /// How pixels are laid out, if points are images.
    pub image: Option<Image>,
    /// Quantisers of the columns, from the first column to the last.
    pub columns: Vec<ColumnRun>,
    /// Merkle root over the commitments to the points.
    pub root: [u8; 32],
}

/// Columns that follow one another and share a quantiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnRun {
    /// How many, at least 1.
    pub count: u32,
    /// Their quantiser.
    pub quantiser: Quantiser,
}

/// The layout of an image as a row of features.
///
/// The pixel of level p, 0 ..= 255, is the raw number `p * white / 255`, in binary64, multiplied first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// Pixels in a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: u32,
    /// Whether all of a channel comes before the next one; otherwise the channels of a pixel are neighbours.
    pub planar: bool,
    /// Raw number of the brightest level, at least 1.
    pub white: u32,
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
    /// A wide point.
    #[error("{features} features are more than {MAX_FEATURES}")]
    Features {
        /// Declared features.
        features: u32,
    },
    /// The range of values is empty.
    #[error("the smallest value {min} is above the largest value {max}: swap them")]
    EmptyRange {
        /// Declared minimum.
        min: i32,
        /// Declared maximum.
        max: i32,
    },
    /// A value may be too large.
    #[error("the {what} value {value} is not strictly between -2^20 and 2^20: rescale the features")]
    ValueTooLarge {
        /// Which end of the range.
        what: &'static str,
        /// The value.
        value: i32,
    },
    /// A factor that is no positive number.
    #[error("the scale {} is not finite and above 0", f64::from_bits(*scale))]
    Scale {
        /// Its bits.
        scale: u64,
    },
    /// An offset that is no number, or zero with a sign.
    #[error("the offset {} is not finite, or is -0: write 0", f64::from_bits(*offset))]
    Offset {
        /// Its bits.
        offset: u64,
    },
    /// More fraction bits than values have bits.
    #[error("{bits} fraction bits are more than {MAX_FRACTION_BITS}: lower fraction_bits")]
    FractionBits {
        /// Declared fraction bits.
        bits: u32,
    },
    /// A distance that no two points have.
    #[error("the squared distance near = {near} is 2^62 or more: no two points are so far apart")]
    Near {
        /// Declared distance.
        near: u64,
    },
    /// Quantisers for more or fewer columns.
    #[error("there are quantisers for {got} columns, the points have {features} features")]
    Columns {
        /// Columns of all runs.
        got: u64,
        /// Declared features.
        features: u32,
    },
    /// A run that could be longer, or left away.
    #[error("run {index} of the columns is empty or has the quantiser of the run before: not the canonical form")]
    Run {
        /// Which run, from 0.
        index: usize,
    },
    /// An image that is not as large as a point.
    #[error(
        "an image of {width} x {height} pixels and {channels} channels is not {features} features (channels: 1 or 3)"
    )]
    Image {
        /// Pixels in a line.
        width: u32,
        /// Lines.
        height: u32,
        /// Channels.
        channels: u32,
        /// Declared features.
        features: u32,
    },
    /// White is the number of black.
    #[error("the brightest pixel of an image has the number 0: white must be at least 1")]
    White,
    /// A flag that is neither 0 nor 1.
    #[error("the flag {what} is {got}, expected 0 or 1")]
    Flag {
        /// Which flag.
        what: &'static str,
        /// Its value.
        got: u8,
    },
    /// Wrong number of bytes: truncated, or something follows.
    #[error("the descriptor needs {expected} bytes here, there are {got}: the file is truncated or not a descriptor")]
    Length {
        /// Bytes expected.
        expected: u64,
        /// Bytes given.
        got: usize,
    },
}

impl Descriptor {
    /// A data set whose columns all hold integers of one range, taken as they are; no near-duplicates, no image, no root yet.
    pub fn uniform(points: u32, features: u32, classes: u32, range: ValueRange, fraction_bits: u32) -> Self {
        let columns = vec![ColumnRun { count: features, quantiser: Quantiser::identity(range) }];
        Self { points, features, classes, fraction_bits, near: 0, image: None, columns, root: [0; 32] }
    }

    /// The quantiser of a column; none beyond the last.
    pub fn quantiser(&self, column: usize) -> Option<&Quantiser> {
        let mut end = 0u64;
        let run = self.columns.iter().find(|run| {
            end = end.saturating_add(u64::from(run.count));
            to_u64(column) < end
        });
        run.map(|run| &run.quantiser)
    }

    /// The quantisers of all columns, one each.
    pub fn quantisers(&self) -> impl Iterator<Item = Quantiser> + '_ {
        let each = |run: &ColumnRun| std::iter::repeat_n(run.quantiser, to_usize(run.count));
        self.columns.iter().flat_map(each).take(to_usize(self.features))
    }

    /// The range of a column. Beyond the last there are only zeros.
    pub fn range(&self, column: usize) -> ValueRange {
        self.quantiser(column).map_or(ValueRange { min: 0, max: 0 }, Quantiser::range)
    }

    /// The ranges of all columns, one each: at most [`MAX_FEATURES`] of a valid descriptor.
    pub fn ranges(&self) -> Vec<ValueRange> {
        self.quantisers().map(|quantiser| quantiser.range()).collect()
    }

    /// The smallest integer of any column.
    pub fn value_min(&self) -> i32 {
        self.columns.iter().map(|run| run.quantiser.min).min().unwrap_or(0)
    }

    /// The largest integer of any column.
    pub fn value_max(&self) -> i32 {
        self.columns.iter().map(|run| run.quantiser.max).max().unwrap_or(0)
    }

    /// Checks everything that the types do not.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), DescriptorError> {
        for (what, size) in [("points", self.points), ("features", self.features), ("classes", self.classes)] {
            if size == 0 {
                return Err(DescriptorError::ZeroSize { what });
            }
        }
        if self.features > MAX_FEATURES {
            return Err(DescriptorError::Features { features: self.features });
        }
        if self.fraction_bits > MAX_FRACTION_BITS {
            return Err(DescriptorError::FractionBits { bits: self.fraction_bits });
        }
        if self.near >= NEAR_LIMIT {
            return Err(DescriptorError::Near { near: self.near });
        }
        self.image.map_or(Ok(()), |image| image.validate(self.features))?;
        self.validate_columns()
    }

    fn validate_columns(&self) -> Result<(), DescriptorError> {
        let got = self.columns.iter().map(|run| u64::from(run.count)).fold(0, u64::saturating_add);
        if got != u64::from(self.features) {
            return Err(DescriptorError::Columns { got, features: self.features });
        }
        let mut before = None;
        for (index, run) in self.columns.iter().enumerate() {
            if run.count == 0 || before == Some(run.quantiser) {
                return Err(DescriptorError::Run { index });
            }
            run.quantiser.validate()?;
            before = Some(run.quantiser);
        }
        Ok(())
    }

    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [self.points, self.features, self.classes, self.fraction_bits] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(self.near.to_le_bytes());
        bytes.push(u8::from(self.image.is_some()));
        if let Some(image) = &self.image {
            bytes.extend([image.width, image.height, image.channels].into_iter().flat_map(u32::to_le_bytes));
            bytes.push(u8::from(image.planar));
            bytes.extend(image.white.to_le_bytes());
        }
        bytes.extend(to_u32(self.columns.len()).to_le_bytes());
        for ColumnRun { count, quantiser } in &self.columns {
            bytes.extend(count.to_le_bytes());
            bytes.extend([quantiser.scale, quantiser.offset].into_iter().flat_map(f64::to_le_bytes));
            bytes.extend([quantiser.min, quantiser.max].into_iter().flat_map(i32::to_le_bytes));
            bytes.push(u8::from(quantiser.clip));
        }
        bytes.extend(self.root);
        [&to_u32(bytes.len()).to_le_bytes(), &bytes[..]].concat()
    }

    /// Bytes of the encoding that `bytes` starts with, as its prefix says; none if there is no prefix. Nothing else is checked.
    pub fn encoded_length(bytes: &[u8]) -> Option<usize> {
        let prefix = u32::from_le_bytes(*bytes.first_chunk()?);
        usize::try_from(prefix).ok()?.checked_add(4)
    }

    /// Reads the descriptor that longer bytes start with, and what follows it.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), DescriptorError> {
        let end = Self::encoded_length(bytes).ok_or(DescriptorError::Length { expected: 4, got: bytes.len() })?;
        let truncated = DescriptorError::Length { expected: to_u64(end), got: bytes.len() };
        let (own, rest) = bytes.split_at_checked(end).ok_or(truncated)?;
        Ok((Self::decode(own)?, rest))
    }

    /// Reads a canonical encoding and validates what it says. Allocates no more than the bytes given.
    ///
    /// # Errors
    /// [`DescriptorError::Length`] for truncated or trailing bytes or another length prefix, [`DescriptorError::Flag`], or what
    /// [`Self::validate`] finds.
    pub fn decode(bytes: &[u8]) -> Result<Self, DescriptorError> {
        let mut fields = Fields { rest: bytes };
        let length = fields.u32()?;
        if to_usize(length) != fields.rest.len() {
            return Err(DescriptorError::Length { expected: u64::from(length) + 4, got: bytes.len() });
        }
        let [points, features, classes, fraction_bits] = [fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?];
        let near = u64::from_le_bytes(fields.take()?);
        let image = if fields.flag("image")? { Some(Image::take(&mut fields)?) } else { None };
        let runs = fields.u32()?;
        let expected = u64::from(runs).saturating_mul(RUN_BYTES).saturating_add(32);
        if to_u64(fields.rest.len()) != expected {
            return Err(DescriptorError::Length { expected, got: fields.rest.len() });
        }
        let columns = (0..runs).map(|_| ColumnRun::take(&mut fields)).collect::<Result<_, _>>()?;
        let root = fields.take()?;
        let descriptor = Self { points, features, classes, fraction_bits, near, image, columns, root };
        descriptor.validate()?;
        Ok(descriptor)
    }
}

impl ColumnRun {
    /// The runs of a list of quantisers, one a column: neighbours that are equal are one run.
    pub fn collect(quantisers: &[Quantiser]) -> Vec<Self> {
        let run = |chunk: &[Quantiser]| Some(Self { count: to_u32(chunk.len()), quantiser: *chunk.first()? });
        quantisers.chunk_by(|a, b| a == b).filter_map(run).collect()
    }

    fn take(fields: &mut Fields<'_>) -> Result<Self, DescriptorError> {
        let count = fields.u32()?;
        let [scale, offset] = [fields.take()?, fields.take()?].map(f64::from_le_bytes);
        let [min, max] = [fields.take()?, fields.take()?].map(i32::from_le_bytes);
        let clip = fields.flag("clip")?;
        Ok(Self { count, quantiser: Quantiser { scale, offset, min, max, clip } })
    }
}

impl Image {
    /// The raw number of a pixel.
    pub fn raw(&self, level: u8) -> f64 {
        f64::from(level) * f64::from(self.white) / 255.0
    }

    /// Features of an image; none if they are too many to count.
    pub fn features(&self) -> Option<u32> {
        self.width.checked_mul(self.height)?.checked_mul(self.channels)
    }

    fn validate(&self, features: u32) -> Result<(), DescriptorError> {
        let Self { width, height, channels, .. } = *self;
        if !matches!(channels, 1 | 3) || self.features() != Some(features) {
            return Err(DescriptorError::Image { width, height, channels, features });
        }
        if self.white == 0 { Err(DescriptorError::White) } else { Ok(()) }
    }

    fn take(fields: &mut Fields<'_>) -> Result<Self, DescriptorError> {
        let [width, height, channels] = [fields.u32()?, fields.u32()?, fields.u32()?];
        Ok(Self { width, height, channels, planar: fields.flag("planar")?, white: fields.u32()? })
    }
}

/// Fields one after another.
struct Fields<'a> {
    rest: &'a [u8],
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DescriptorError> {
        let truncated = DescriptorError::Length { expected: to_u64(N), got: self.rest.len() };
        let (field, rest) = self.rest.split_first_chunk().ok_or(truncated)?;
        self.rest = rest;
        Ok(*field)
    }

    fn u32(&mut self) -> Result<u32, DescriptorError> {
        self.take().map(u32::from_le_bytes)
    }

    fn flag(&mut self, what: &'static str) -> Result<bool, DescriptorError> {
        match self.take()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [got] => Err(DescriptorError::Flag { what, got }),
        }
    }
}

#[cfg(test)]
mod tests;
