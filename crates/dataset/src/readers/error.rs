//! Why a file of points is refused.

use std::fmt;
use std::io;

use crate::descriptor::MAX_FEATURES;
use crate::quantiser::{NoSuchColumn, QuantiseError};

use super::RowError;

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the file.
    pub file: String,
    /// Which row.
    pub row: Row,
    /// Name or number of the column.
    pub column: String,
}

/// A row, as people find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// Of a text: line, from 1.
    Line(u64),
    /// Of other files: point, from 0.
    Point(u64),
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Point(point) => write!(f, "point {point}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, column {}", self.file, self.row, self.column)
    }
}

/// Why a file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes could not be read.
    #[error("cannot read the data file {file}")]
    Io {
        /// Name of the file.
        file: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The bytes are not UTF-8.
    #[error("{file}: cannot be read as CSV text")]
    Csv {
        /// Name of the file.
        file: String,
        /// What the reader said.
        #[source]
        source: ::csv::Error,
    },
    /// The bytes are not what the format says.
    #[error("{file}: {reason}")]
    Malformed {
        /// Name of the file.
        file: String,
        /// What is wrong.
        reason: Malformed,
    },
    /// No header, or no point after it.
    #[error("{file}: no points: expected a header and at least one point")]
    Empty {
        /// Name of the file.
        file: String,
    },
    /// The header is itself a line of numbers.
    #[error("{file}, line 1: the header line holds only numbers: put a line of column names above the data")]
    NoHeader {
        /// Name of the file.
        file: String,
    },
    /// The label is the only column.
    #[error("{file}: no feature columns: besides the label, at least one is needed")]
    NoFeatures {
        /// Name of the file.
        file: String,
    },
    /// No column has the label's name, or more than one.
    #[error("{file}, line 1: {count} columns are named {label:?}: the label's name must occur once")]
    NoLabel {
        /// Name of the file.
        file: String,
        /// The name.
        label: String,
        /// How often it occurs.
        count: usize,
    },
    /// A line with more or fewer fields than the header.
    #[error("{file}, line {line}: {got} fields, the header has {expected}: every line needs the same columns")]
    Ragged {
        /// Name of the file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Columns of the header.
        expected: usize,
        /// Fields of this line.
        got: usize,
    },
    /// More features than a point may have.
    #[error("{file}: {features} features are more than {MAX_FEATURES}")]
    TooWide {
        /// Name of the file.
        file: String,
        /// Features of the file.
        features: u64,
    },
    /// A quantiser for a column that is not there.
    #[error("{file}: {source}")]
    Columns {
        /// Name of the file.
        file: String,
        /// Which.
        source: NoSuchColumn,
    },
    /// A field that is no number.
    #[error("{place}: {value:?} is not a number")]
    NotNumber {
        /// Where.
        place: Place,
        /// The field.
        value: String,
    },
    /// A number without integer.
    #[error("{place}: {error}")]
    Value {
        /// Where.
        place: Place,
        /// Which, and the bound.
        error: QuantiseError,
    },
    /// A fraction where no scale is given.
    #[error("{place}: {value} is not an integer: give a scale that makes integers of fractions")]
    Fraction {
        /// Where.
        place: Place,
        /// The number.
        value: f64,
    },
    /// A label that is no class.
    #[error("{place}: label {label} is negative, fractional or too large: number the classes 0, 1, 2, ..")]
    Label {
        /// Where.
        place: Place,
        /// The label.
        label: f64,
    },
    /// A class without points.
    #[error(
        "{file}: labels go up to {largest} but class {missing} has no point: number the classes 0, 1, 2, .. without gaps"
    )]
    MissingClass {
        /// Name of the file.
        file: String,
        /// Smallest class that does not occur.
        missing: u32,
        /// Largest label.
        largest: u32,
    },
    /// Nothing to learn.
    #[error("{file}: every point has label 0: at least two classes are needed")]
    SingleClass {
        /// Name of the file.
        file: String,
    },
}

/// What is wrong with the bytes of a binary file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Other first bytes.
    #[error("not a file of this format: expected {expected}")]
    Magic {
        /// What should be there.
        expected: &'static str,
    },
    /// The file ends early.
    #[error("the file ends early, in the middle of {what}")]
    Truncated {
        /// What should be there.
        what: String,
    },
    /// Bytes after the end.
    #[error("bytes follow the end of the data that the header announces")]
    Trailing,
    /// A gzip or zip stream that does not decompress.
    #[error("the compressed data are damaged: {0}")]
    Compression(String),
    /// A header that is not understood.
    #[error("the header is not understood: {0}")]
    Header(&'static str),
    /// Elements of a type that is not read.
    #[error("elements of type {got:?} are not read: use integers of 8 to 64 bits or floats of 32 or 64 bits")]
    Type {
        /// The type.
        got: String,
    },
    /// Columns before rows.
    #[error("the array is in Fortran order: save numpy.ascontiguousarray(..) of it")]
    FortranOrder,
    /// Axes that do not fit.
    #[error("an array of shape {got:?} does not hold {what}")]
    Shape {
        /// Its shape.
        got: Vec<u64>,
        /// What it should hold.
        what: &'static str,
    },
    /// More or fewer labels than points.
    #[error("{labels} labels for {points} points")]
    Counts {
        /// Points.
        points: u64,
        /// Labels.
        labels: u64,
    },
    /// An archive without the array.
    #[error("the archive has no array {name:?} that can be read: {reason}")]
    Member {
        /// Its name.
        name: String,
        /// What the reader of the archive said.
        reason: String,
    },
}

impl ReadError {
    /// Whether the file could not be read at all, rather than hold something wrong.
    pub fn is_io(&self) -> bool {
        matches!(self, Self::Io { .. })
    }

    /// An error about the contents of a file.
    pub(super) fn malformed(file: &str, reason: Malformed) -> Self {
        Self::Malformed { file: file.to_owned(), reason }
    }
}

impl RowError {
    /// The error, now that its place is known; `name` names a column, or the label for none.
    pub(crate) fn at(self, file: &str, row: Row, name: impl Fn(Option<usize>) -> String) -> ReadError {
        let place = |column| Place { file: file.to_owned(), row, column: name(column) };
        match self {
            Self::TooWide { features } => ReadError::TooWide { file: file.to_owned(), features },
            Self::Columns(source) => ReadError::Columns { file: file.to_owned(), source },
            Self::Value { column, error } => ReadError::Value { place: place(Some(column)), error },
            Self::Fraction { column, value } => ReadError::Fraction { place: place(Some(column)), value },
            Self::Label { label } => ReadError::Label { place: place(None), label },
        }
    }

    /// The same for files whose columns have no names.
    pub(super) fn at_point(self, file: &str, point: u64) -> ReadError {
        self.at(file, Row::Point(point), |column| column.map_or("label".to_owned(), |column| column.to_string()))
    }
}
