//! IDX: the format of MNIST.
//!
//! ```text
//! 00 00 | type of the elements (u8) | number of axes (u8) | length of each axis (u32, big endian) | elements, big endian, last axis fastest
//! ```
//! One file of images, their first axis the points, and one of labels. Either may be compressed with gzip.

use std::path::Path;

use super::array::{self, Array};
use super::element::Element;
use super::records::Records;
use super::{Malformed, ReadError, Sink};
use crate::descriptor::Image;

/// Axes that an array of points may have.
const MAX_AXES: u8 = 4;

/// Reads both files into a sink. Bytes with two axes of pixels (and one of 1 or 3 channels) are images.
pub(super) fn stream(
    images: &Path,
    labels: &Path,
    sink: &mut dyn Sink,
    progress: &mut dyn FnMut(u64),
) -> Result<Option<Image>, ReadError> {
    let (images, labels) = (open(images)?, open(labels)?);
    let image = image(&images);
    array::stream(images, labels, sink, progress)?;
    Ok(image)
}

fn open(path: &Path) -> Result<Array<'static>, ReadError> {
    let mut records = Records::open_gzip(path)?;
    let [zero, also_zero, element, axes] = records.array("the header")?;
    if (zero, also_zero) != (0, 0) || axes == 0 || axes > MAX_AXES {
        let expected = "two bytes 0, a type and 1 to 4 axes";
        return Err(records.malformed(Malformed::Magic { expected }));
    }
    let element = match element {
        0x08 => Element::U8,
        0x09 => Element::I8,
        0x0b => Element::I16,
        0x0c => Element::I32,
        0x0d => Element::F32,
        0x0e => Element::F64,
        other => return Err(records.malformed(Malformed::Type { got: format!("{other:#04x}") })),
    };
    let mut shape = Vec::new();
    for _ in 0..axes {
        shape.push(u64::from(u32::from_be_bytes(records.array("the header")?)));
    }
    Ok(Array::new(records, element, true, shape))
}

fn image(array: &Array<'_>) -> Option<Image> {
    let axis = |i: usize| array.shape().get(i).map_or(Some(1), |n| u32::try_from(*n).ok());
    let image = Image { width: axis(2)?, height: axis(1)?, channels: axis(3)?, planar: false, white: 255 };
    let pixels = array.element() == Element::U8 && array.shape().len() >= 3 && matches!(image.channels, 1 | 3);
    pixels.then_some(image)
}
