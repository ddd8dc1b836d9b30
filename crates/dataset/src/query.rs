//! Points that somebody asks about, as integers of a data set.
//!
//! The numbers come from a CSV file or a PNG picture and pass through the quantisers of the [`Descriptor`], as the trainer's own
//! did: the same numbers give the same integers.

use std::io::Read;

use crate::descriptor::Descriptor;
use crate::number::to_usize;
use crate::quantiser::{QuantiseError, ValueRange};
use crate::readers::csv::Lines;
use crate::readers::{ReadError, Row};
use crate::table::{class, quantise};

mod picture;
#[cfg(test)]
mod tests;

pub use picture::read_png_query;

/// A point to ask about, with a label or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// One integer a feature.
    pub features: Vec<i32>,
    /// The class.
    pub label: Option<u32>,
}

/// Why a query is refused.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is refused.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Neither the features nor the features and a label.
    #[error(
        "{file}: {got} columns, expected {features} features, or {features} features and a label in the last column"
    )]
    Columns {
        /// Name of the file.
        file: String,
        /// Columns of the file.
        got: usize,
        /// Features of the data set.
        features: u32,
    },
    /// Another number of features.
    #[error("{got} features, the data set has {features}")]
    Length {
        /// Features of the query.
        got: usize,
        /// Features of the data set.
        features: u32,
    },
    /// A feature that no point of the data set can have.
    #[error("feature {column} is {value}, outside [{}, {}]", range.min, range.max)]
    Range {
        /// Which feature, from 0.
        column: usize,
        /// Its value.
        value: i32,
        /// The range of its column.
        range: ValueRange,
    },
    /// A label that is no class of the data set.
    #[error("label {label} is none of the classes 0 to {}", classes.saturating_sub(1))]
    Label {
        /// The label.
        label: u32,
        /// Classes of the data set.
        classes: u32,
    },
    /// A picture, but points are no images.
    #[error("the points of this data set are not declared to be images: ask with a CSV file")]
    NoImage,
    /// A picture of another size.
    #[error("a picture of {} x {} pixels, the data set has images of {} x {}", got.0, got.1, expected.0, expected.1)]
    Size {
        /// Its width and height.
        got: (u32, u32),
        /// The data set's.
        expected: (u32, u32),
    },
    /// A picture of another kind.
    #[error("a picture with {got}; expected {expected}: convert it")]
    Pixels {
        /// Its kind.
        got: &'static str,
        /// What is read.
        expected: &'static str,
    },
    /// A pixel's number has no integer.
    #[error("feature {column} of the picture: {error}")]
    Pixel {
        /// Which feature, from 0.
        column: usize,
        /// Why.
        error: QuantiseError,
    },
    /// Bytes that are no picture.
    #[error("not a PNG picture that can be read")]
    Png(#[from] png::DecodingError),
}

impl Query {
    /// Checks that a point of the data set could be this one.
    ///
    /// # Errors
    /// [`QueryError::Length`], [`QueryError::Range`], [`QueryError::Label`].
    pub fn check(&self, data: &Descriptor) -> Result<(), QueryError> {
        if self.features.len() != to_usize(data.features) {
            return Err(QueryError::Length { got: self.features.len(), features: data.features });
        }
        for (column, (&value, quantiser)) in self.features.iter().zip(data.quantisers()).enumerate() {
            let range = quantiser.range();
            if !range.contains(value) {
                return Err(QueryError::Range { column, value, range });
            }
        }
        match self.label {
            Some(label) if label >= data.classes => Err(QueryError::Label { label, classes: data.classes }),
            _ => Ok(()),
        }
    }
}

/// Reads points from a CSV text: a header, then a line a point, with its label last if there is one more column than features;
/// `file` names the input in messages.
///
/// # Errors
/// [`QueryError`] with file, line and column.
pub fn read_csv_queries(input: impl Read, file: &str, data: &Descriptor) -> Result<Vec<Query>, QueryError> {
    let mut lines = Lines::new(input, file)?;
    let (width, features) = (to_usize(data.features), data.features);
    let labelled = match lines.width() {
        got if got == width => false,
        got if got == width.saturating_add(1) => true,
        got => return Err(QueryError::Columns { file: file.to_owned(), got, features }),
    };
    let (mut numbers, mut queries) = (Vec::new(), Vec::new());
    while let Some(line) = lines.next(&mut numbers)? {
        let name = |column: Option<usize>| lines.name(column.unwrap_or(width));
        let refused = |error: crate::readers::RowError| error.at(file, Row::Line(line), name);
        let label = numbers.get(width).filter(|_| labelled).copied();
        let label = label.map(|label| class(label).ok_or(crate::readers::RowError::Label { label }));
        let label = label.transpose().map_err(refused)?;
        let integers = numbers.iter().zip(data.quantisers()).enumerate();
        let features = integers.map(|(column, (value, quantiser))| quantise(column, *value, &quantiser));
        let query = Query { features: features.collect::<Result<_, _>>().map_err(refused)?, label };
        query.check(data)?;
        queries.push(query);
    }
    if queries.is_empty() { Err(ReadError::Empty { file: file.to_owned() }.into()) } else { Ok(queries) }
}
