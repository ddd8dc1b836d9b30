//! A labelled data set in memory, built row by row.

use std::collections::BTreeMap;

use crate::descriptor::MAX_FEATURES;
use crate::number::{to_u64, to_usize};
use crate::quantiser::{Quantiser, Quantisers};
use crate::readers::{ReadError, RowError, Sink};

/// A labelled data set in memory: 4 bytes a feature, 4 bytes a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    features: usize,
    classes: usize,
    values: Vec<i32>,
    labels: Vec<u32>,
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
        let (row, _) = self.values.get(index.checked_mul(self.features)?..)?.split_at_checked(self.features)?;
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

/// Quantises rows one by one. Memory grows with the rows that have come, whatever a header announced.
pub(crate) struct TableBuilder<'a> {
    quantisers: &'a Quantisers,
    columns: Vec<Quantiser>,
    values: Vec<i32>,
    labels: Vec<u32>,
    classes: Classes,
}

impl<'a> TableBuilder<'a> {
    /// No rows yet.
    pub(crate) fn new(quantisers: &'a Quantisers) -> Self {
        let (columns, values, labels) = (Vec::new(), Vec::new(), Vec::new());
        Self { quantisers, columns, values, labels, classes: Classes::default() }
    }

    /// The table; `file` names the input in messages.
    pub(crate) fn finish(self, file: &str) -> Result<Table, ReadError> {
        let classes = to_usize(self.classes.count(file)?);
        Ok(Table { features: self.columns.len(), classes, values: self.values, labels: self.labels })
    }
}

impl Sink for TableBuilder<'_> {
    fn start(&mut self, features: usize) -> Result<(), RowError> {
        check_width(features)?;
        self.columns = self.quantisers.columns(features)?;
        Ok(())
    }

    fn point(&mut self, features: &[f64], label: f64) -> Result<(), RowError> {
        for (column, (value, quantiser)) in features.iter().zip(&self.columns).enumerate() {
            self.values.push(quantise(column, *value, quantiser)?);
        }
        self.labels.push(self.classes.add(label)?);
        Ok(())
    }
}

/// The integer of a number in a table. A fraction where no scale is given is refused: rounding it away would be a surprise.
pub(crate) fn quantise(column: usize, value: f64, quantiser: &Quantiser) -> Result<i32, RowError> {
    if quantiser.is_identity() && value.is_finite() && value.fract() != 0.0 {
        return Err(RowError::Fraction { column, value });
    }
    quantiser.apply(value).map_err(|error| RowError::Value { column, error })
}

/// Refuses more columns than a descriptor can have.
pub(crate) fn check_width(features: usize) -> Result<(), RowError> {
    if features > to_usize(MAX_FEATURES) { Err(RowError::TooWide { features: to_u64(features) }) } else { Ok(()) }
}

/// A number as a class.
#[expect(clippy::as_conversions, reason = "an integer below 2^32")]
pub(crate) fn class(label: f64) -> Option<u32> {
    let whole = label.fract() == 0.0 && (0.0..f64::from(u32::MAX)).contains(&label);
    whole.then_some(label as u32)
}

/// Points of each class. One absurd label costs no more than another.
#[derive(Debug, Default)]
pub(crate) struct Classes(BTreeMap<u32, u64>);

impl Classes {
    /// Counts a label.
    pub(crate) fn add(&mut self, label: f64) -> Result<u32, RowError> {
        let class = class(label).ok_or(RowError::Label { label })?;
        let points = self.0.entry(class).or_default();
        *points = points.saturating_add(1);
        Ok(class)
    }

    /// The number of classes, if there are at least two and none is missing.
    pub(crate) fn count(&self, file: &str) -> Result<u32, ReadError> {
        let file = || file.to_owned();
        let Some((&largest, _)) = self.0.last_key_value() else {
            return Err(ReadError::Empty { file: file() });
        };
        if let Some((missing, _)) = (0..).zip(self.0.keys()).find(|(expected, found)| expected != *found) {
            return Err(ReadError::MissingClass { file: file(), missing, largest });
        }
        if largest == 0 { Err(ReadError::SingleClass { file: file() }) } else { Ok(largest.saturating_add(1)) }
    }
}
