//! CSV: text.
//!
//! The first line names the columns; every other line is one point: its features and, in the last column or the one that is
//! named, its label. Fields are decimal numbers. Whatever is wrong is reported with file, line and column.

use std::io::Read;

use ::csv::{Reader, ReaderBuilder, StringRecord, Trim};

use super::{Place, ReadError, Row, Sink};

/// Reads a text into a sink.
pub(super) fn stream(
    input: impl Read,
    file: &str,
    label: Option<&str>,
    sink: &mut dyn Sink,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ReadError> {
    let mut lines = Lines::new(input, file)?;
    let width = lines.names.len();
    let label = match label {
        None => width.saturating_sub(1),
        Some(name) => lines.find(name)?,
    };
    if width == 1 {
        return Err(ReadError::NoFeatures { file: file.to_owned() });
    }
    sink.start(width.saturating_sub(1)).map_err(|e| e.at(file, Row::Line(1), |_| String::new()))?;
    let (mut numbers, mut points) = (Vec::with_capacity(width), 0u64);
    while let Some(line) = lines.next(&mut numbers)? {
        let class = numbers.remove(label);
        let name =
            |feature: Option<usize>| lines.name(feature.map_or(label, |j| j.saturating_add(usize::from(j >= label))));
        sink.point(&numbers, class).map_err(|e| e.at(file, Row::Line(line), name))?;
        points = points.saturating_add(1);
        progress(points);
    }
    Ok(())
}

/// A text, line by line, as numbers.
pub(crate) struct Lines<'a, R> {
    file: &'a str,
    reader: Reader<R>,
    names: StringRecord,
    record: StringRecord,
}

impl<'a, R: Read> Lines<'a, R> {
    /// Reads the header.
    pub(crate) fn new(input: R, file: &'a str) -> Result<Self, ReadError> {
        // Ragged lines are let through here and refused below, with a message that says what to do.
        let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(input);
        let names = reader.headers().map_err(|e| refused(file, e))?.clone();
        if names.is_empty() {
            return Err(ReadError::Empty { file: file.to_owned() });
        }
        if names.iter().all(|name| name.parse::<f64>().is_ok()) {
            return Err(ReadError::NoHeader { file: file.to_owned() });
        }
        Ok(Self { file, reader, names, record: StringRecord::new() })
    }

    /// Columns of the header.
    pub(crate) fn width(&self) -> usize {
        self.names.len()
    }

    /// Name of a column.
    pub(crate) fn name(&self, column: usize) -> String {
        self.names.get(column).unwrap_or_default().to_owned()
    }

    /// The only column of this name.
    fn find(&self, label: &str) -> Result<usize, ReadError> {
        let mut found = self.names.iter().enumerate().filter(|(_, name)| *name == label);
        match (found.next(), found.count()) {
            (Some((column, _)), 0) => Ok(column),
            (first, more) => {
                let count = more.saturating_add(usize::from(first.is_some()));
                Err(ReadError::NoLabel { file: self.file.to_owned(), label: label.to_owned(), count })
            }
        }
    }

    /// The fields of the next line, and its number; none at the end.
    pub(crate) fn next(&mut self, numbers: &mut Vec<f64>) -> Result<Option<u64>, ReadError> {
        numbers.clear();
        if !self.reader.read_record(&mut self.record).map_err(|e| refused(self.file, e))? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, ::csv::Position::line);
        let (expected, got) = (self.names.len(), self.record.len());
        if got != expected {
            return Err(ReadError::Ragged { file: self.file.to_owned(), line, expected, got });
        }
        for (column, field) in self.record.iter().enumerate() {
            let number = field.parse().map_err(|_| {
                let place = Place { file: self.file.to_owned(), row: Row::Line(line), column: self.name(column) };
                ReadError::NotNumber { place, value: field.to_owned() }
            })?;
            numbers.push(number);
        }
        Ok(Some(line))
    }
}

fn refused(file: &str, source: ::csv::Error) -> ReadError {
    let file = file.to_owned();
    if source.is_io_error() { ReadError::Io { file, source: source.into() } } else { ReadError::Csv { file, source } }
}
