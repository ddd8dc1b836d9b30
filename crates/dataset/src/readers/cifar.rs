//! CIFAR-10's binary batches: records of a label (u8) and 32 x 32 pixels, all red bytes first, then green, then blue.

use std::path::PathBuf;

use super::records::Records;
use super::{ReadError, Sink};
use crate::descriptor::Image;

/// The layout of a point.
pub const IMAGE: Image = Image { width: 32, height: 32, channels: 3, planar: true, white: 255 };
/// Bytes of a record.
pub const RECORD_BYTES: usize = 1 + FEATURES;

const FEATURES: usize = 32 * 32 * 3;

/// Reads all files into a sink, one after another.
pub(super) fn stream(
    files: &[PathBuf],
    sink: &mut dyn Sink,
    progress: &mut dyn FnMut(u64),
) -> Result<Image, ReadError> {
    let name = files.first().map(|file| super::shown(file)).unwrap_or_default();
    sink.start(FEATURES).map_err(|e| e.at_point(&name, 0))?;
    let (mut record, mut row, mut points) = ([0; RECORD_BYTES], [0.0; FEATURES], 0u64);
    for file in files {
        let mut records = Records::open(file)?;
        let mut point = 0u64;
        while records.next(&mut record, || format!("point {point}"))? {
            let (label, pixels) = (record[0], &record[1..]);
            row.iter_mut().zip(pixels).for_each(|(number, pixel)| *number = f64::from(*pixel));
            sink.point(&row, f64::from(label)).map_err(|e| e.at_point(records.name(), point))?;
            (point, points) = (point.saturating_add(1), points.saturating_add(1));
            progress(points);
        }
    }
    Ok(IMAGE)
}
