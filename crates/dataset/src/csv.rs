//! Reading a table of integers from CSV.
//!
//! The first line names the columns; every other line is one point: its features, then its label in the last column. All fields
//! are decimal integers. Labels are 0 .. C - 1 and every class occurs. Whatever is wrong is reported with file, line and column.

use std::io::Read;

use ::csv::{ReaderBuilder, StringRecord, Trim};

/// The integers that features may hold, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueRange {
    /// Smallest allowed feature.
    pub min: i32,
    /// Largest allowed feature.
    pub max: i32,
}

/// A labelled data set in memory: 4 bytes a feature, 4 bytes a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    features: usize,
    classes: usize,
    values: Vec<i32>,
    labels: Vec<u32>,
}

/// Why a CSV file is refused.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// The bytes could not be read, or are not UTF-8.
    #[error("{file}: cannot be read as CSV text")]
    Read {
        /// Name of the file.
        file: String,
        /// What the reader said.
        #[source]
        source: ::csv::Error,
    },
    /// No header, or no line after it.
    #[error("{file}: no points: expected a header line and at least one line of integers")]
    Empty {
        /// Name of the file.
        file: String,
    },
    /// The header is itself a line of integers.
    #[error("{file}, line 1: the header line holds only integers: put a line of column names above the data")]
    NoHeader {
        /// Name of the file.
        file: String,
    },
    /// The label is the only column.
    #[error("{file}: no feature columns: the last column is the label, at least one must come before it")]
    NoFeatures {
        /// Name of the file.
        file: String,
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
    /// A field that is no 32-bit integer.
    #[error(
        "{file}, line {line}, column {column}: {value:?} is not an integer of at most 32 bits: quantise the data first"
    )]
    NotInteger {
        /// Name of the file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// The field.
        value: String,
    },
    /// A feature outside the declared range.
    #[error("{file}, line {line}, column {column}: {value} is outside [{}, {}]: widen the declared range or fix the value", range.min, range.max)]
    OutOfRange {
        /// Name of the file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// The value.
        value: i32,
        /// The declared range.
        range: ValueRange,
    },
    /// A label below zero.
    #[error("{file}, line {line}, column {column}: label {value} is negative: number the classes from 0")]
    NegativeLabel {
        /// Name of the file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Name of the label's column.
        column: String,
        /// The label.
        value: i32,
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

impl Table {
    /// Features of a point.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Number of classes, at least 2.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of points, at least 2.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no points; never true of a table that was read.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Features and label of a point, in file order from 0.
    pub fn point(&self, index: usize) -> Option<(&[i32], u32)> {
        let label = *self.labels.get(index)?;
        let row = self.values.get(index * self.features..(index + 1) * self.features)?;
        Some((row, label))
    }

    /// All features, row-major: point by point.
    pub fn values(&self) -> &[i32] {
        &self.values
    }

    /// All labels.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The points at `indices`, in that order, with this table's classes. Indices beyond the table are skipped.
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut part = Self { values: Vec::new(), labels: Vec::new(), ..*self };
        for (row, label) in indices.iter().filter_map(|&i| self.point(i)) {
            part.values.extend_from_slice(row);
            part.labels.push(label);
        }
        part
    }
}

/// Reads a table whose features lie in `range`; `file` names the input in messages.
///
/// # Errors
/// [`CsvError`] with file, line and column of the first fault.
pub fn read_csv(input: impl Read, file: &str, range: ValueRange) -> Result<Table, CsvError> {
    let read_error = |source| CsvError::Read { file: file.to_owned(), source };
    // Ragged lines are let through here and refused below, with a message that says what to do.
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(input);
    let columns = reader.headers().map_err(read_error)?.clone();
    let mut rows = Rows::new(file, range, &columns)?;
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(read_error)? {
        rows.push(&record)?;
    }
    rows.finish()
}

/// The rows read so far.
struct Rows<'a> {
    file: &'a str,
    range: ValueRange,
    columns: &'a StringRecord,
    values: Vec<i32>,
    labels: Vec<u32>,
}

impl<'a> Rows<'a> {
    fn new(file: &'a str, range: ValueRange, columns: &'a StringRecord) -> Result<Self, CsvError> {
        let file_name = || file.to_owned();
        if columns.is_empty() {
            return Err(CsvError::Empty { file: file_name() });
        }
        if columns.iter().all(|name| name.parse::<i64>().is_ok()) {
            return Err(CsvError::NoHeader { file: file_name() });
        }
        if columns.len() == 1 {
            return Err(CsvError::NoFeatures { file: file_name() });
        }
        Ok(Self { file, range, columns, values: Vec::new(), labels: Vec::new() })
    }

    fn push(&mut self, record: &StringRecord) -> Result<(), CsvError> {
        let line = record.position().map_or(0, ::csv::Position::line);
        let expected = self.columns.len();
        if record.len() != expected {
            return Err(CsvError::Ragged { file: self.file.to_owned(), line, expected, got: record.len() });
        }
        for (column, field) in record.iter().enumerate() {
            let value = self.integer(line, column, field)?;
            if column + 1 < expected { self.feature(line, column, value)? } else { self.label(line, column, value)? }
        }
        Ok(())
    }

    fn integer(&self, line: u64, column: usize, field: &str) -> Result<i32, CsvError> {
        field.parse().map_err(|_| CsvError::NotInteger {
            file: self.file.to_owned(),
            line,
            column: self.name(column),
            value: field.to_owned(),
        })
    }

    fn feature(&mut self, line: u64, column: usize, value: i32) -> Result<(), CsvError> {
        let range = self.range;
        if value < range.min || value > range.max {
            let (file, column) = (self.file.to_owned(), self.name(column));
            return Err(CsvError::OutOfRange { file, line, column, value, range });
        }
        self.values.push(value);
        Ok(())
    }

    fn label(&mut self, line: u64, column: usize, value: i32) -> Result<(), CsvError> {
        let label = u32::try_from(value).map_err(|_| CsvError::NegativeLabel {
            file: self.file.to_owned(),
            line,
            column: self.name(column),
            value,
        })?;
        self.labels.push(label);
        Ok(())
    }

    fn name(&self, column: usize) -> String {
        self.columns.get(column).unwrap_or_default().to_owned()
    }

    fn finish(self) -> Result<Table, CsvError> {
        let file = || self.file.to_owned();
        let Some(&largest) = self.labels.iter().max() else {
            return Err(CsvError::Empty { file: file() });
        };
        if let Some(missing) = first_missing(&self.labels) {
            return Err(CsvError::MissingClass { file: file(), missing, largest });
        }
        if largest == 0 {
            return Err(CsvError::SingleClass { file: file() });
        }
        let (features, classes) = (self.columns.len() - 1, largest as usize + 1);
        Ok(Table { features, classes, values: self.values, labels: self.labels })
    }
}

/// The smallest class below the largest label that no point has. Works on the sorted labels, so that one absurd label
/// allocates nothing.
fn first_missing(labels: &[u32]) -> Option<u32> {
    let mut sorted = labels.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    (0..).zip(sorted).find(|&(expected, found)| expected != found).map(|(expected, _)| expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Table, CsvError> {
        read_csv(text.as_bytes(), "points.csv", ValueRange { min: 0, max: 16 })
    }

    fn message(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn a_table_is_read_in_file_order() {
        let table = read("a, b,label\n0,16,1\n3,4,0\r\n\n5,6,1\n").unwrap();
        assert_eq!((table.features(), table.classes(), table.len()), (2, 2, 3));
        assert_eq!(table.point(1), Some((&[3, 4][..], 0)));
        assert_eq!(table.point(3), None);
        assert_eq!(table.values(), [0, 16, 3, 4, 5, 6]);
        assert_eq!(table.labels(), [1, 0, 1]);
        assert_eq!(table.select(&[2, 0, 9]).labels(), [1, 1]);
    }

    #[test]
    fn an_empty_file_and_a_lone_header_are_refused() {
        assert!(matches!(read(""), Err(CsvError::Empty { .. })));
        assert!(matches!(read("a,label\n"), Err(CsvError::Empty { .. })));
    }

    #[test]
    fn a_missing_header_is_noticed() {
        assert!(matches!(read("1,2,0\n3,4,1\n"), Err(CsvError::NoHeader { .. })));
    }

    #[test]
    fn a_label_without_features_is_refused() {
        assert!(matches!(read("label\n0\n1\n"), Err(CsvError::NoFeatures { .. })));
    }

    #[test]
    fn ragged_lines_are_named() {
        let text = message("a,b,label\n1,2,0\n1,1\n");
        assert_eq!(text, "points.csv, line 3: 2 fields, the header has 3: every line needs the same columns");
        assert!(matches!(read("a,b,label\n1,2,0,4\n"), Err(CsvError::Ragged { line: 2, got: 4, .. })));
    }

    #[test]
    fn non_integers_are_named_with_their_column() {
        for bad in ["1.5", "x", "", "99999999999"] {
            let error = read(&format!("a,b,label\n1,2,0\n1,{bad},1\n")).unwrap_err();
            let CsvError::NotInteger { line: 3, column, value, .. } = error else { panic!("{error}") };
            assert_eq!((column.as_str(), value.as_str()), ("b", bad));
        }
    }

    #[test]
    fn values_outside_the_declared_range_are_named() {
        let text = message("a,b,label\n1,17,0\n");
        assert_eq!(
            text,
            "points.csv, line 2, column b: 17 is outside [0, 16]: widen the declared range or fix the value"
        );
        assert!(matches!(read("a,label\n-1,0\n"), Err(CsvError::OutOfRange { value: -1, .. })));
    }

    #[test]
    fn labels_must_be_contiguous_and_at_least_two() {
        assert!(matches!(read("a,label\n1,-1\n"), Err(CsvError::NegativeLabel { line: 2, value: -1, .. })));
        assert!(matches!(read("a,label\n1,0\n1,2\n"), Err(CsvError::MissingClass { missing: 1, largest: 2, .. })));
        assert!(matches!(read("a,label\n1,2147483647\n"), Err(CsvError::MissingClass { missing: 0, .. })));
        assert!(matches!(read("a,label\n1,0\n2,0\n"), Err(CsvError::SingleClass { .. })));
    }

    #[test]
    fn bytes_that_are_not_text_are_refused() {
        let read = read_csv(&b"a,label\n\xff,0\n"[..], "f", ValueRange { min: 0, max: 1 });
        assert!(matches!(read, Err(CsvError::Read { .. })));
    }
}
