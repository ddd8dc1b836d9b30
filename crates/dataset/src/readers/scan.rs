//! A first pass: which numbers occur.

use super::{ReadError, RowError, Sink};
use crate::descriptor::Image;
use crate::quantiser::QuantiseError;
use crate::table::{Classes, check_width};

/// What a first pass over a data set finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// Points.
    pub points: u64,
    /// Classes.
    pub classes: u32,
    /// Smallest and largest number of each column.
    pub columns: Vec<(f64, f64)>,
    /// Whether all numbers are integers.
    pub integers: bool,
    /// Layout of the points, if the format tells.
    pub image: Option<Image>,
}

impl Scan {
    /// Smallest number of all.
    pub fn min(&self) -> f64 {
        self.columns.iter().map(|column| column.0).fold(f64::INFINITY, f64::min)
    }

    /// Largest number of all.
    pub fn max(&self) -> f64 {
        self.columns.iter().map(|column| column.1).fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Sees the rows.
#[derive(Default)]
pub(super) struct Scanner {
    points: u64,
    classes: Classes,
    columns: Vec<(f64, f64)>,
    fractions: bool,
}

impl Scanner {
    pub(super) fn finish(self, file: &str, image: Option<Image>) -> Result<Scan, ReadError> {
        let classes = self.classes.count(file)?;
        let Self { points, columns, fractions, .. } = self;
        Ok(Scan { points, classes, columns, integers: !fractions, image })
    }
}

impl Sink for Scanner {
    fn start(&mut self, features: usize) -> Result<(), RowError> {
        check_width(features)?;
        self.columns = vec![(f64::INFINITY, f64::NEG_INFINITY); features];
        Ok(())
    }

    fn point(&mut self, features: &[f64], label: f64) -> Result<(), RowError> {
        for (column, ((min, max), &value)) in self.columns.iter_mut().zip(features).enumerate() {
            if !value.is_finite() {
                return Err(RowError::Value { column, error: QuantiseError::NotFinite { value } });
            }
            (*min, *max) = (min.min(value), max.max(value));
            self.fractions |= value.fract() != 0.0;
        }
        self.classes.add(label)?;
        self.points = self.points.saturating_add(1);
        Ok(())
    }
}
