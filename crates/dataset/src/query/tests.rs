//! Owners' points become the integers that the trainer's became, or an error.

use super::*;
use crate::descriptor::{ColumnRun, Image};
use crate::quantiser::{Quantiser, Quantisers};
use crate::readers::{Source, read};
use png::{BitDepth, ColorType};
use proptest::prelude::*;

/// Grey images of 2 x 2 pixels, scaled to 0..=16.
fn grey() -> Descriptor {
    Descriptor {
        image: Some(Image { width: 2, height: 2, channels: 1, planar: false, white: 16 }),
        ..Descriptor::uniform(3, 4, 2, ValueRange { min: 0, max: 16 }, 4)
    }
}

/// Colour images of 2 x 1 pixels with bytes as they are.
fn colour(planar: bool) -> Descriptor {
    Descriptor {
        image: Some(Image { width: 2, height: 1, channels: 3, planar, white: 255 }),
        ..Descriptor::uniform(3, 6, 2, ValueRange { min: 0, max: 255 }, 8)
    }
}

fn png((width, height): (u32, u32), kind: ColorType, depth: BitDepth, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(kind);
    encoder.set_depth(depth);
    if kind == ColorType::Indexed {
        encoder.set_palette(vec![0; 6]);
    }
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    bytes
}

/// A grey picture of zeros with a transparent colour, or as the only frame of an animation.
fn unusual(change: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 2, 2);
    encoder.set_color(ColorType::Grayscale);
    change(&mut encoder);
    encoder.write_header().unwrap().write_image_data(&[0; 4]).unwrap();
    bytes
}

fn csv(text: &str, data: &Descriptor) -> Result<Vec<Query>, QueryError> {
    read_csv_queries(text.as_bytes(), "q.csv", data)
}

#[test]
fn a_picture_is_read_as_its_data_set_has_it() {
    let pixels = png((2, 2), ColorType::Grayscale, BitDepth::Eight, &[0, 255, 128, 16]);
    assert_eq!(read_png_query(&pixels, &grey()).unwrap().features, [0, 16, 8, 1]);
    let pixels = png((2, 1), ColorType::Rgb, BitDepth::Eight, &[1, 2, 3, 4, 5, 6]);
    assert_eq!(read_png_query(&pixels, &colour(false)).unwrap().features, [1, 2, 3, 4, 5, 6]);
    assert_eq!(read_png_query(&pixels, &colour(true)).unwrap().features, [1, 4, 2, 5, 3, 6]);
    // Grey in colour, and opaque everywhere: the same picture.
    let opaque = png(
        (2, 2),
        ColorType::Rgba,
        BitDepth::Eight,
        &[[0, 0, 0, 255], [255, 255, 255, 255], [128, 128, 128, 255], [16, 16, 16, 255]].concat(),
    );
    assert_eq!(read_png_query(&opaque, &grey()).unwrap().features, [0, 16, 8, 1]);
}

#[test]
fn other_pictures_are_refused_and_named() {
    let eight = |size, kind, pixels: &[u8]| png(size, kind, BitDepth::Eight, pixels);
    let refused = |bytes: &[u8]| read_png_query(bytes, &grey()).unwrap_err();
    let size = refused(&eight((3, 2), ColorType::Grayscale, &[0; 6]));
    assert!(matches!(size, QueryError::Size { got: (3, 2), expected: (2, 2) }));
    let pictures = [
        eight((2, 2), ColorType::Rgb, &[1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        eight((2, 2), ColorType::GrayscaleAlpha, &[1, 254, 1, 255, 1, 255, 1, 255]),
        png((2, 2), ColorType::Grayscale, BitDepth::Sixteen, &[0; 8]),
        png((2, 2), ColorType::Indexed, BitDepth::Eight, &[0; 4]),
        unusual(|encoder| encoder.set_trns(vec![0, 0])),
        unusual(|encoder| encoder.set_animated(1, 0).unwrap()),
    ];
    for picture in pictures {
        let error = refused(&picture);
        assert!(matches!(error, QueryError::Pixels { .. }), "{error}");
    }
    let pale = read_png_query(&eight((2, 1), ColorType::Grayscale, &[0; 2]), &colour(false)).unwrap_err();
    assert!(matches!(pale, QueryError::Pixels { got: "grey only", .. }), "{pale}");
    let good = eight((2, 2), ColorType::Grayscale, &[0; 4]);
    for length in 0..good.len() {
        assert!(read_png_query(&good[..length], &grey()).is_err() || length + 12 >= good.len(), "{length}");
    }
    let plain = Descriptor { image: None, ..grey() };
    assert!(matches!(read_png_query(&good, &plain), Err(QueryError::NoImage)));
    // A header that announces a picture of 2^31 pixels a side is told apart before anything is allocated.
    let mut large = good.clone();
    large[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    assert!(read_png_query(&large, &grey()).is_err());
    let bright = Descriptor { image: grey().image, ..Descriptor::uniform(3, 4, 2, ValueRange { min: 0, max: 15 }, 4) };
    let white = eight((2, 2), ColorType::Grayscale, &[0, 0, 255, 0]);
    assert!(matches!(read_png_query(&white, &bright), Err(QueryError::Pixel { column: 2, .. })));
}

#[test]
fn rows_come_with_labels_or_without() {
    let data = grey();
    let both = csv("a,b,c,d,label\n1,2,3,4,1\n0,0,0,16,0\n", &data).unwrap();
    assert_eq!((both.len(), both[0].label, &both[1].features[..]), (2, Some(1), &[0, 0, 0, 16][..]));
    assert_eq!(csv("a,b,c,d\n1,2,3,4\n", &data).unwrap()[0].label, None);
    for (text, words) in [
        ("a,b\n1,2\n", "2 columns, expected 4 features"),
        ("a,b,c,d\n", "no points"),
        ("a,b,c,d\n1,2,3,17\n", "column d"),
        ("a,b,c,d\n1,2,3,x\n", "not a number"),
        ("a,b,c,d,l\n1,2,3,4,2\n", "label 2 is none of the classes"),
        ("a,b,c,d,l\n1,2,3,4,0.5\n", "label 0.5"),
        ("1,2,3,4\n1,2,3,4\n", "column names"),
    ] {
        let error = csv(text, &data).unwrap_err().to_string();
        assert!(error.contains(words), "{text:?}: {error}");
    }
}

#[test]
fn points_outside_the_data_set_are_refused() {
    let data = grey();
    let check = |features: Vec<i32>, label| Query { features, label }.check(&data);
    assert!(check(vec![0, 16, 3, 4], Some(1)).is_ok());
    assert!(matches!(check(vec![0; 3], None), Err(QueryError::Length { got: 3, features: 4 })));
    assert!(matches!(check(vec![0, 17, 0, 0], None), Err(QueryError::Range { column: 1, value: 17, .. })));
    assert!(matches!(check(vec![0, 0, -1, 0], None), Err(QueryError::Range { column: 2, .. })));
    assert!(matches!(check(vec![0; 4], Some(2)), Err(QueryError::Label { label: 2, classes: 2 })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Trainer and owner: the same image as a row of an IDX file and as a PNG, the same numbers in two tables.
    #[test]
    fn trainer_and_owner_have_the_same_integers(pixels in prop::collection::vec(any::<u8>(), 4), scale in 1u32..40) {
        let quantiser = Quantiser { scale: f64::from(scale) / 16.0, offset: 0.0, min: 0, max: 1000, clip: false };
        let data = Descriptor {
            columns: vec![ColumnRun { count: 4, quantiser }],
            image: Some(Image { width: 2, height: 2, channels: 1, planar: false, white: 255 }),
            ..Descriptor::uniform(2, 4, 2, ValueRange { min: 0, max: 1000 }, 4)
        };
        let directory = tempfile::TempDir::new().unwrap();
        let put = |name: &str, bytes: &[u8]| {
            std::fs::write(directory.path().join(name), bytes).unwrap();
            directory.path().join(name)
        };
        let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2][..], &pixels, &[0; 4]].concat();
        let source = Source::Idx { images: put("x", &images), labels: put("y", &[0, 0, 8, 1, 0, 0, 0, 2, 0, 1]) };
        let (table, _) = read(&source, &Quantisers::uniform(quantiser), &mut |_| ()).unwrap();
        let trained = table.point(0).unwrap().0;
        let picture = png((2, 2), ColorType::Grayscale, BitDepth::Eight, &pixels);
        let asked = read_png_query(&picture, &data).unwrap();
        prop_assert_eq!(&asked.features[..], trained);
        let text = format!("a,b,c,d\n{},{},{},{}\n", pixels[0], pixels[1], pixels[2], pixels[3]);
        prop_assert_eq!(&csv(&text, &data).unwrap()[0].features[..], trained);
    }

    /// Hostile pictures end in a query or in an error.
    #[test]
    fn hostile_pictures_are_errors(place in 0usize..80, byte in any::<u8>()) {
        let mut picture = png((2, 2), ColorType::Grayscale, BitDepth::Eight, &[0, 255, 128, 16]);
        let length = picture.len();
        picture[place % length] = byte;
        let _ = read_png_query(&picture, &grey());
    }
}
