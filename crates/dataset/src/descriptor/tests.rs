use super::*;
use proptest::prelude::*;

const GREY: ValueRange = ValueRange { min: 0, max: 16 };

fn digits() -> Descriptor {
    Descriptor { root: [7; 32], ..Descriptor::uniform(1437, 64, 10, GREY, 4) }
}

fn image() -> Image {
    Image { width: 8, height: 8, channels: 1, planar: false, white: 16 }
}

fn with(change: impl FnOnce(&mut Descriptor)) -> Descriptor {
    let mut descriptor = digits();
    change(&mut descriptor);
    descriptor
}

#[test]
fn the_encoding_is_fixed() {
    let bytes = digits().encode();
    assert_eq!(bytes.len(), 94);
    assert_eq!(bytes[..20], [90, 0, 0, 0, 0x9d, 5, 0, 0, 64, 0, 0, 0, 10, 0, 0, 0, 4, 0, 0, 0]);
    assert_eq!(bytes[20..33], [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(bytes[33..45], [64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    assert_eq!(bytes[45..62], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0]);
    assert_eq!(bytes[62..], [7; 32]);
    let bytes = with(|d| (d.image, d.near) = (Some(image()), 3)).encode();
    assert_eq!(bytes[20..28], [3, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[28..46], [1, 8, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 16, 0, 0, 0]);
}

#[test]
fn every_other_length_is_refused() {
    for descriptor in [digits(), with(|d| d.image = Some(image()))] {
        let mut bytes = descriptor.encode();
        for length in 0..bytes.len() {
            let error = Descriptor::decode(&bytes[..length]).unwrap_err();
            assert!(matches!(error, DescriptorError::Length { .. }), "{length}: {error}");
        }
        let (expected, got) = (to_u64(bytes.len()), bytes.len() + 1);
        bytes.push(0);
        assert_eq!(Descriptor::decode(&bytes), Err(DescriptorError::Length { expected, got }));
        // Neither does a longer prefix make room for more.
        bytes[0] += 1;
        assert!(matches!(Descriptor::decode(&bytes), Err(DescriptorError::Length { .. })));
    }
}

#[test]
fn a_number_of_runs_is_believed_only_with_their_bytes() {
    let mut bytes = digits().encode();
    bytes[29..33].fill(0xff);
    assert!(matches!(Descriptor::decode(&bytes), Err(DescriptorError::Length { expected: 124_554_051_587, .. })));
}

#[test]
fn a_prefix_is_told_from_what_follows() {
    let bytes = [digits().encode(), vec![1, 2, 3]].concat();
    assert_eq!(Descriptor::encoded_length(&bytes), Some(94));
    assert_eq!(Descriptor::decode_prefix(&bytes), Ok((digits(), &[1, 2, 3][..])));
    assert!(matches!(Descriptor::decode_prefix(&bytes[..93]), Err(DescriptorError::Length { expected: 94, got: 93 })));
    assert_eq!(Descriptor::decode_prefix(&bytes[..3]), Err(DescriptorError::Length { expected: 4, got: 3 }));
    assert!(Descriptor::decode_prefix(&[0xff; 40]).is_err());
}

#[test]
fn decoding_validates() {
    let refused = |change: fn(&mut Descriptor)| Descriptor::decode(&with(change).encode()).unwrap_err();
    assert_eq!(refused(|d| d.points = 0), DescriptorError::ZeroSize { what: "points" });
    assert_eq!(refused(|d| d.features = 0), DescriptorError::ZeroSize { what: "features" });
    assert_eq!(refused(|d| d.classes = 0), DescriptorError::ZeroSize { what: "classes" });
    assert_eq!(refused(|d| d.features = MAX_FEATURES + 1), DescriptorError::Features { features: MAX_FEATURES + 1 });
    assert_eq!(refused(|d| d.fraction_bits = 21), DescriptorError::FractionBits { bits: 21 });
    assert_eq!(refused(|d| d.near = 1 << 62), DescriptorError::Near { near: 1 << 62 });
    assert_eq!(refused(|d| d.features = 65), DescriptorError::Columns { got: 64, features: 65 });
    assert_eq!(refused(|d| d.columns.clear()), DescriptorError::Columns { got: 0, features: 64 });
}

#[test]
fn limits_may_be_reached() {
    let wide = |d: &mut Descriptor| (d.features, d.columns[0].count) = (MAX_FEATURES, MAX_FEATURES);
    let constant = |d: &mut Descriptor| d.columns[0].quantiser.min = GREY.max;
    let far = |d: &mut Descriptor| d.near = NEAR_LIMIT - 1;
    let fine = |d: &mut Descriptor| d.fraction_bits = MAX_FRACTION_BITS;
    for change in [wide, constant, far, fine] {
        assert_eq!(with(change).validate(), Ok(()));
    }
}

#[test]
fn quantisers_are_validated() {
    let refused = |change: fn(&mut Quantiser)| with(|d| change(&mut d.columns[0].quantiser)).validate().unwrap_err();
    assert_eq!(refused(|q| q.min = 17), DescriptorError::EmptyRange { min: 17, max: 16 });
    assert_eq!(refused(|q| q.max = 1 << 20), DescriptorError::ValueTooLarge { what: "largest", value: 1 << 20 });
    assert_eq!(refused(|q| q.min = i32::MIN), DescriptorError::ValueTooLarge { what: "smallest", value: i32::MIN });
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut bad = digits();
        bad.columns[0].quantiser.scale = scale;
        assert_eq!(bad.validate(), Err(DescriptorError::Scale { scale: scale.to_bits() }));
    }
    for offset in [-0.0, f64::NAN, f64::NEG_INFINITY] {
        let mut bad = digits();
        bad.columns[0].quantiser.offset = offset;
        assert_eq!(bad.validate(), Err(DescriptorError::Offset { offset: offset.to_bits() }));
    }
}

#[test]
fn runs_are_as_long_as_they_can_be() {
    let run = |count, clip| ColumnRun { count, quantiser: Quantiser { clip, ..Quantiser::identity(GREY) } };
    let refused = |columns| with(|d| d.columns = columns).validate();
    assert_eq!(refused(vec![run(32, false), run(32, false)]), Err(DescriptorError::Run { index: 1 }));
    assert_eq!(refused(vec![run(64, false), run(0, true)]), Err(DescriptorError::Run { index: 1 }));
    assert_eq!(refused(vec![run(32, false), run(32, true)]), Ok(()));
    let odd = with(|d| d.columns = vec![run(u32::MAX, false), run(u32::MAX, true)]);
    assert!(odd.validate().is_err());
    assert_eq!(odd.ranges().len(), 64);
}

#[test]
fn an_image_has_the_size_of_a_point() {
    let refused = |change: fn(&mut Image)| {
        let mut bad = image();
        change(&mut bad);
        with(|d| d.image = Some(bad)).validate().unwrap_err()
    };
    assert_eq!(with(|d| d.image = Some(image())).validate(), Ok(()));
    assert!(matches!(refused(|i| i.width = 9), DescriptorError::Image { width: 9, .. }));
    assert!(matches!(refused(|i| (i.channels, i.height) = (2, 4)), DescriptorError::Image { channels: 2, .. }));
    assert!(matches!(refused(|i| (i.width, i.height) = (1 << 31, 1 << 31)), DescriptorError::Image { .. }));
    assert_eq!(refused(|i| i.white = 0), DescriptorError::White);
    assert_eq!((image().raw(0), image().raw(255), image().raw(51)), (0.0, 16.0, 3.2));
}

#[test]
fn flags_are_bits() {
    let bytes = with(|d| d.image = Some(image())).encode();
    for (place, what) in [(28, "image"), (41, "planar"), (78, "clip")] {
        let mut bad = bytes.clone();
        bad[place] = 2;
        assert_eq!(Descriptor::decode(&bad), Err(DescriptorError::Flag { what, got: 2 }));
    }
}

#[test]
fn ranges_follow_the_runs() {
    let run = |count, max: i32| ColumnRun { count, quantiser: Quantiser::identity(ValueRange { min: -max, max }) };
    let descriptor = with(|d| (d.features, d.columns) = (6, vec![run(2, 5), run(1, 9), run(3, 5)]));
    assert_eq!(descriptor.validate(), Ok(()));
    let largest = |max: i32| ValueRange { min: -max, max };
    assert_eq!(descriptor.ranges(), [5, 5, 9, 5, 5, 5].map(largest));
    assert_eq!([1, 2, 3, 6].map(|j| descriptor.range(j).max), [5, 9, 5, 0]);
    assert_eq!((descriptor.value_min(), descriptor.value_max()), (-9, 9));
    let quantisers: Vec<_> = descriptor.quantisers().collect();
    assert_eq!(ColumnRun::collect(&quantisers), descriptor.columns);
    assert_eq!(ColumnRun::collect(&[]), []);
}

prop_compose! {
    fn any_quantiser()(scale in 1e-300f64..1e300, offset in -1e9f64..1e9, a in -1_048_575i32..1_048_576, b in -1_048_575i32..1_048_576, clip: bool) -> Quantiser {
        Quantiser { scale, offset, min: a.min(b), max: a.max(b), clip }
    }
}

prop_compose! {
    fn any_descriptor()(
        points in 1u32.., classes in 1u32.., fraction_bits in 0u32..21, near in 0u64..1 << 62, root: [u8; 32],
        quantisers in proptest::collection::vec(any_quantiser(), 1..9), counts in proptest::collection::vec(1usize..50, 8),
        shaped: bool, planar: bool, white in 1u32..,
    ) -> Descriptor {
        let columns: Vec<_> = quantisers.iter().zip(counts).flat_map(|(q, n)| std::iter::repeat_n(*q, n)).collect();
        let features = columns.len() as u32;
        let image = Image { width: features, height: 1, channels: 1, planar, white };
        let columns = ColumnRun::collect(&columns);
        Descriptor { points, features, classes, fraction_bits, near, image: shaped.then_some(image), columns, root }
    }
}

proptest! {
    #[test]
    fn round_trip(d in any_descriptor()) {
        prop_assert_eq!(d.validate(), Ok(()));
        prop_assert_eq!(Descriptor::decode(&d.encode()), Ok(d));
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(d in any_descriptor(), place: prop::sample::Index, byte: u8) {
        let mut bytes = d.encode();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(descriptor) = Descriptor::decode(&bytes) {
            prop_assert_eq!(descriptor.encode(), bytes);
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let whole = [&(bytes.len() as u32).to_le_bytes()[..], &bytes].concat();
        if let Ok(descriptor) = Descriptor::decode(&whole) {
            prop_assert_eq!(descriptor.encode(), whole);
        }
    }
}
