//! A PNG picture as a query.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, Info, Limits};

use super::{Query, QueryError};
use crate::descriptor::{Descriptor, Image};
use crate::number::to_usize;

/// What the decoder may allocate besides the pixels, whose number the descriptor bounds.
const DECODER_BYTES: usize = 1 << 24;

/// Reads a picture of 8 bits a channel as a point without label. Size and kind are compared with the descriptor's image before
/// any pixel is decoded. A colour picture of nothing but grey is grey; transparency is refused, but for a channel that is
/// opaque everywhere.
///
/// # Errors
/// [`QueryError`].
pub fn read_png_query(bytes: &[u8], data: &Descriptor) -> Result<Query, QueryError> {
    let image = data.image.filter(|image| image.features() == Some(data.features)).ok_or(QueryError::NoImage)?;
    let (samples, pixels) = decode(bytes, &image)?;
    let pixels = channels(samples, &pixels, image.channels)?;
    let levels = arranged(&pixels, &image).into_iter().zip(data.quantisers());
    let quantised = levels.enumerate().map(|(column, (level, quantiser))| {
        quantiser.apply(image.raw(level)).map_err(|error| QueryError::Pixel { column, error })
    });
    let query = Query { features: quantised.collect::<Result<_, _>>()?, label: None };
    query.check(data)?;
    Ok(query)
}

/// Bytes of a pixel, and all pixels.
fn decode(bytes: &[u8], image: &Image) -> Result<(usize, Vec<u8>), QueryError> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: DECODER_BYTES });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let info = decoder.read_header_info()?;
    let (got, expected) = ((info.width, info.height), (image.width, image.height));
    if got != expected {
        return Err(QueryError::Size { got, expected });
    }
    let samples = samples(info)?;
    let mut reader = decoder.read_info()?;
    let info = reader.info();
    if info.trns.is_some() || info.animation_control.is_some() {
        let expected = "one picture without";
        return Err(QueryError::Pixels { got: "a transparent colour or several frames", expected });
    }
    let size = to_usize(image.width).saturating_mul(to_usize(image.height)).saturating_mul(samples);
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels)?;
    reader.finish()?;
    Ok((samples, pixels))
}

fn samples(info: &Info<'_>) -> Result<usize, QueryError> {
    let expected = "8 bits a channel, grey or colour";
    match (info.bit_depth, info.color_type) {
        (_, ColorType::Indexed) => Err(QueryError::Pixels { got: "a palette", expected }),
        (BitDepth::Eight, kind) => Ok(kind.samples()),
        _ => Err(QueryError::Pixels { got: "another number of bits than 8", expected }),
    }
}

/// The pixels with as many channels as the data set's images.
fn channels(samples: usize, pixels: &[u8], wanted: u32) -> Result<Vec<u8>, QueryError> {
    let colours = if samples >= 3 { 3 } else { 1 };
    let alpha = |pixel: &[u8]| pixel.get(colours).copied().unwrap_or(u8::MAX);
    if pixels.chunks(samples).any(|pixel| alpha(pixel) != u8::MAX) {
        return Err(QueryError::Pixels { got: "transparent pixels", expected: "opaque ones" });
    }
    let grey = |pixel: &[u8]| pixel.iter().take(colours).all(|level| pixel.first() == Some(level));
    let kept = match (colours, wanted) {
        (3, 1) if pixels.chunks(samples).all(grey) => 1,
        (3, 1) => return Err(QueryError::Pixels { got: "colours", expected: "grey, as the images of the data set" }),
        (1, 3) => return Err(QueryError::Pixels { got: "grey only", expected: "red, green and blue" }),
        _ => colours,
    };
    Ok(pixels.chunks(samples).flat_map(|pixel| pixel.iter().take(kept)).copied().collect())
}

/// The levels in the order of features.
fn arranged(pixels: &[u8], image: &Image) -> Vec<u8> {
    let channels = if image.planar { to_usize(image.channels) } else { 1 };
    (0..channels).flat_map(|channel| pixels.iter().skip(channel).step_by(channels)).copied().collect()
}
