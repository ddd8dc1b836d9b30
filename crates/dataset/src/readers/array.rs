//! Two arrays, one of points and one of labels, read side by side.

use super::element::Element;
use super::records::Records;
use super::{Malformed, ReadError, RowError, Sink};

/// An array whose header has been read; its elements are next.
pub(super) struct Array<'a> {
    records: Records<'a>,
    element: Element,
    big_endian: bool,
    shape: Vec<u64>,
    bytes: Vec<u8>,
}

/// Reads points and labels into a sink. The first axis of the points is which point, the others are flattened.
pub(super) fn stream(
    mut points: Array<'_>,
    mut labels: Array<'_>,
    sink: &mut dyn Sink,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ReadError> {
    let (count, width) = points.points()?;
    labels.check_labels(count)?;
    sink.start(width).map_err(|e| e.at_point(points.records.name(), 0))?;
    let (mut row, mut label) = (vec![0.0; width], [0.0]);
    for point in 0..count {
        points.row(point, &mut row)?;
        labels.row(point, &mut label)?;
        sink.point(&row, label[0]).map_err(|e| {
            let at = if matches!(e, RowError::Label { .. }) { &labels } else { &points };
            e.at_point(at.records.name(), point)
        })?;
        progress(point.saturating_add(1));
    }
    points.records.end()?;
    labels.records.end()
}

impl<'a> Array<'a> {
    /// The elements that follow a header.
    pub(super) fn new(records: Records<'a>, element: Element, big_endian: bool, shape: Vec<u64>) -> Self {
        Self { records, element, big_endian, shape, bytes: Vec::new() }
    }

    /// Type of the elements.
    pub(super) fn element(&self) -> Element {
        self.element
    }

    /// Lengths of the axes.
    pub(super) fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Number of points and features of a point.
    fn points(&self) -> Result<(u64, usize), ReadError> {
        let product = |axes: &[u64]| axes.iter().try_fold(1u64, |product, axis| product.checked_mul(*axis));
        let (count, axes) = self.shape.split_first().unwrap_or((&0, &[]));
        let features = product(axes).and_then(|features| usize::try_from(features).ok());
        match features {
            Some(features) if features > 0 && !axes.is_empty() => Ok((*count, features)),
            _ => Err(self.refused("points of at least one feature: two axes or more are needed")),
        }
    }

    fn check_labels(&self, points: u64) -> Result<(), ReadError> {
        match self.shape[..] {
            [labels] if labels == points => Ok(()),
            [labels] => Err(self.records.malformed(Malformed::Counts { points, labels })),
            _ => Err(self.refused("one label a point")),
        }
    }

    fn refused(&self, what: &'static str) -> ReadError {
        self.records.malformed(Malformed::Shape { got: self.shape.clone(), what })
    }

    fn row(&mut self, point: u64, numbers: &mut [f64]) -> Result<(), ReadError> {
        self.bytes.resize(numbers.len().saturating_mul(self.element.size()), 0);
        self.records.fill(&mut self.bytes, || format!("point {point}"))?;
        self.element.decode(self.big_endian, &self.bytes, numbers);
        Ok(())
    }
}
