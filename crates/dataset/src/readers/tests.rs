//! Every format, honest and hostile.

use super::*;
use crate::quantiser::Quantiser;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Files that are gone when the test is over.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

const BYTES: ValueRange = ValueRange { min: 0, max: 255 };

fn identity() -> Quantisers {
    Quantisers::uniform(Quantiser::identity(BYTES))
}

/// Three points of four features, classes 0, 1, 0.
const POINTS: [[u8; 4]; 3] = [[0, 1, 2, 255], [4, 5, 6, 7], [9, 8, 0, 3]];
const LABELS: [u8; 3] = [0, 1, 0];

fn idx(kind: u8, axes: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, axes.len() as u8];
    bytes.extend(axes.iter().flat_map(|axis| axis.to_be_bytes()));
    bytes.extend(elements);
    bytes
}

fn npy(kind: &str, shape: &str, elements: &[u8]) -> Vec<u8> {
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    while !(10 + text.len() + 1).is_multiple_of(64) {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes.extend(elements);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn npz(arrays: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// The same points in every format.
fn sources(files: &Files) -> Vec<(&'static str, Source)> {
    let (points, labels) = (POINTS.concat(), LABELS.to_vec());
    let mut csv = "a,b,c,d,label\n".to_owned();
    for (row, label) in POINTS.iter().zip(LABELS) {
        csv += &format!("{},{},{},{},{label}\n", row[0], row[1], row[2], row[3]);
    }
    let floats: Vec<u8> = points.iter().flat_map(|x| f64::from(*x).to_le_bytes()).collect();
    let big: Vec<u8> = labels.iter().flat_map(|x| i64::from(*x).to_be_bytes()).collect();
    let images = idx(8, &[3, 2, 2], &points);
    let features = npy("<f8", "(3, 4)", &floats);
    let classes = npy(">i8", "(3,)", &big);
    vec![
        ("csv", Source::Csv { file: files.put("a.csv", csv.as_bytes()), label: None }),
        ("idx", Source::Idx { images: files.put("x", &images), labels: files.put("y", &idx(8, &[3], &labels)) }),
        (
            "idx, gzip",
            Source::Idx {
                images: files.put("x.gz", &gzip(&images)),
                labels: files.put("y.gz", &gzip(&idx(8, &[3], &labels))),
            },
        ),
        ("npy", Source::Npy { features: files.put("x.npy", &features), labels: files.put("y.npy", &classes) }),
        (
            "npz",
            Source::Npz {
                file: files.put("a.npz", &npz(&[("x", &features), ("y", &classes)])),
                features: "x".to_owned(),
                labels: "y".to_owned(),
            },
        ),
    ]
}

fn malformed(result: Result<(Table, Option<Image>), ReadError>) -> Malformed {
    match result {
        Err(ReadError::Malformed { reason, .. }) => reason,
        other => panic!("{:?}", other.map(|_| ())),
    }
}

fn csv_of(text: &str) -> Result<Table, ReadError> {
    read_csv(text.as_bytes(), "t.csv", BYTES)
}

#[test]
fn every_format_gives_the_same_table() {
    let files = Files::new();
    let expected: Vec<i32> = POINTS.concat().into_iter().map(i32::from).collect();
    for (name, source) in sources(&files) {
        let mut seen = Vec::new();
        let (table, image) = read(&source, &identity(), &mut |n| seen.push(n)).unwrap();
        assert_eq!((table.values(), table.labels()), (&expected[..], &[0, 1, 0][..]), "{name}");
        assert_eq!((table.features(), table.classes(), seen), (4, 2, vec![1, 2, 3]), "{name}");
        let grey = Image { width: 2, height: 2, channels: 1, planar: false, white: 255 };
        assert_eq!(image, name.starts_with("idx").then_some(grey), "{name}");
        let scanned = scan(&source, &mut |_| ()).unwrap();
        assert_eq!((scanned.min(), scanned.max(), scanned.integers), (0.0, 255.0, true), "{name}");
    }
}

#[test]
fn cifar_batches_are_read_one_after_another() {
    let files = Files::new();
    let record = |label: u8, pixel: u8| [vec![label], vec![pixel; 3072]].concat();
    let one = files.put("one.bin", &[record(0, 1), record(1, 2)].concat());
    let two = files.put("two.bin", &record(0, 3));
    let source = Source::Cifar { files: vec![one, two.clone()] };
    let (table, image) = read(&source, &identity(), &mut |_| ()).unwrap();
    assert_eq!((table.len(), table.features(), image), (3, 3072, Some(cifar::IMAGE)));
    assert_eq!(table.point(2).unwrap().0, [3; 3072]);
    let short = files.put("short.bin", &record(0, 1)[..3072]);
    let reason = malformed(read(&Source::Cifar { files: vec![two, short] }, &identity(), &mut |_| ()));
    assert!(matches!(reason, Malformed::Truncated { what } if what == "point 0"));
}

/// A file that ends anywhere before its end, or goes on after it, is refused, in every binary format.
#[test]
fn every_truncation_and_every_trailing_byte_is_noticed() {
    let files = Files::new();
    for (name, source) in sources(&files) {
        let paths = match &source {
            Source::Idx { images: a, labels: b } | Source::Npy { features: a, labels: b } => vec![a.clone(), b.clone()],
            Source::Npz { file, .. } => vec![file.clone()],
            _ => continue,
        };
        for path in paths {
            let good = std::fs::read(&path).unwrap();
            for length in 0..good.len() {
                std::fs::write(&path, &good[..length]).unwrap();
                assert!(read(&source, &identity(), &mut |_| ()).is_err(), "{name}, {}, {length}", path.display());
            }
            std::fs::write(&path, [&good[..], &[0]].concat()).unwrap();
            let longer = read(&source, &identity(), &mut |_| ());
            assert!(longer.is_err() || name == "npz", "{name}: only a zip archive may have something around it");
            std::fs::write(&path, good).unwrap();
        }
        assert!(read(&source, &identity(), &mut |_| ()).is_ok());
    }
}

/// Nothing is allocated for what a header announces: 2^60 points and no element.
#[test]
fn headers_that_announce_too_much_end_at_the_missing_bytes() {
    let files = Files::new();
    let labels = files.put("y", &idx(8, &[u32::MAX], &[]));
    let read_idx = |axes: &[u32]| {
        let images = files.put("x", &idx(8, axes, &[]));
        read(&Source::Idx { images, labels: labels.clone() }, &identity(), &mut |_| ())
    };
    assert!(matches!(malformed(read_idx(&[u32::MAX, 28, 28])), Malformed::Truncated { .. }));
    assert!(matches!(read_idx(&[u32::MAX, 1 << 16, 1 << 16]), Err(ReadError::TooWide { .. })));
    assert!(matches!(malformed(read_idx(&[u32::MAX; 4])), Malformed::Shape { .. }), "2^96 features");
    assert!(matches!(malformed(read_idx(&[u32::MAX, 0])), Malformed::Shape { .. }));
    assert!(matches!(malformed(read_idx(&[u32::MAX])), Malformed::Shape { .. }));
    let read_npy = |shape: &str| {
        let features = files.put("x.npy", &npy("<f8", shape, &[]));
        let labels = files.put("y.npy", &npy("<i8", "(18446744073709551615,)", &[]));
        read(&Source::Npy { features, labels }, &identity(), &mut |_| ())
    };
    assert!(matches!(malformed(read_npy("(18446744073709551615, 3)")), Malformed::Truncated { .. }));
    assert!(matches!(malformed(read_npy("(18446744073709551615, 4294967296, 4294967296)")), Malformed::Shape { .. }));
    assert!(matches!(malformed(read_npy("(18446744073709551616, 3)")), Malformed::Header(_)));
}

/// A gigabyte of zeros in a megabyte of gzip: what the header does not announce is not read.
#[test]
fn compressed_bombs_are_not_unpacked() {
    let files = Files::new();
    let mut bomb = idx(8, &[3, 2, 2], &POINTS.concat());
    bomb.resize(1 << 26, 0);
    let images = files.put("x.gz", &gzip(&bomb));
    let labels = files.put("y", &idx(8, &[3], &LABELS));
    let reason = malformed(read(&Source::Idx { images, labels }, &identity(), &mut |_| ()));
    assert_eq!(reason, Malformed::Trailing);
    let labels = npy("|u1", "(3,)", &LABELS);
    let mut features = npy("|u1", "(3, 4)", &POINTS.concat());
    features.resize(1 << 26, 0);
    let file = files.put("a.npz", &npz(&[("x", &features), ("y", &labels)]));
    let source = Source::Npz { file, features: "x".to_owned(), labels: "y".to_owned() };
    assert_eq!(malformed(read(&source, &identity(), &mut |_| ())), Malformed::Trailing);
}

#[test]
fn other_types_orders_and_headers_are_named() {
    let files = Files::new();
    let labels = files.put("y.npy", &npy("|u1", "(3,)", &LABELS));
    let of = |bytes: &[u8]| {
        let features = files.put("x.npy", bytes);
        malformed(read(&Source::Npy { features, labels: labels.clone() }, &identity(), &mut |_| ()))
    };
    for kind in ["<c16", "|O", "<f2", "=f8", "|f8", "", "<U4", "<u8"] {
        assert!(matches!(of(&npy(kind, "(3, 4)", &[0; 200])), Malformed::Type { .. }), "{kind}");
    }
    let header = |text: &str| {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        [bytes, text.as_bytes().to_vec(), POINTS.concat()].concat()
    };
    let good = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4)}";
    let features = files.put("good.npy", &header(good));
    assert!(read(&Source::Npy { features, labels: labels.clone() }, &identity(), &mut |_| ()).is_ok());
    assert_eq!(of(&header(&good.replace("False", "True"))), Malformed::FortranOrder);
    let refused = [
        good.replace("(3, 4)", "(3, -4)"),
        good.replace("(3, 4)", "[3, 4]"),
        good.replace("(3, 4)", "()"),
        good.replace("'descr'", "'other'"),
        good.replace("'shape': (3, 4)", "'descr': '|u1'"),
        good.replace("'shape': (3, 4)}", "'shape': (3, 4)} + {}"),
        good.replace("'shape': (3, 4)}", ""),
        good.replace("False", "0"),
        "{".repeat(9000),
        String::new(),
    ];
    for text in refused {
        assert!(matches!(of(&header(&text)), Malformed::Header(_)), "{}", &text[..text.len().min(80)]);
    }
    assert!(matches!(of(b"\x93NUMPX\x01\x00"), Malformed::Magic { .. }));
    assert!(matches!(of(b"\x93NUMPY\x09\x00"), Malformed::Header(_)));
    assert!(matches!(of(b"\x93NUMPY\x02\x00\xff\xff\xff\xff"), Malformed::Header("longer than 10,000 bytes")));
    let images = files.put("x", b"\x00\x00\x07\x01\x00\x00\x00\x01");
    let source = Source::Idx { images, labels: labels.clone() };
    assert!(matches!(malformed(read(&source, &identity(), &mut |_| ())), Malformed::Type { .. }));
    let images = files.put("x", &idx(8, &[3, 2, 2], &POINTS.concat()));
    let two = files.put("y", &idx(8, &[2], &LABELS[..2]));
    let source = Source::Idx { images, labels: two };
    assert_eq!(malformed(read(&source, &identity(), &mut |_| ())), Malformed::Counts { points: 3, labels: 2 });
    let file = files.put("a.npz", &npz(&[("x", &npy("|u1", "(3, 4)", &POINTS.concat()))]));
    let source = Source::Npz { file, features: "x".to_owned(), labels: "y".to_owned() };
    assert!(
        matches!(malformed(read(&source, &identity(), &mut |_| ())), Malformed::Member { name, .. } if name == "y")
    );
}

#[test]
fn tables_of_text_as_people_have_them() {
    let plain = csv_of("a,b,label\n1,2,0\n3,4,1\n").unwrap();
    for text in [
        "a,b,label\r\n1,2,0\r\n3,4,1\r\n",
        "\u{feff}a,b,label\n1,2,0\n3,4,1",
        "\"a, the first\",\"b\"\"c\",label\n\"1\", 2 ,0\n3,\"4\",1\n",
        "a,b,label\n1e0,2.0,0\n+3,4.000,1\n\n",
    ] {
        assert_eq!(csv_of(text).unwrap(), plain, "{text:?}");
    }
    let files = Files::new();
    let file = files.put("a.csv", b"label,a,b\n0,1,2\n1,3,4\n");
    let named = Source::Csv { file: file.clone(), label: Some("label".to_owned()) };
    assert_eq!(read(&named, &identity(), &mut |_| ()).unwrap().0, plain);
    let other = Source::Csv { file, label: Some("class".to_owned()) };
    assert!(matches!(read(&other, &identity(), &mut |_| ()), Err(ReadError::NoLabel { count: 0, .. })));
}

#[test]
fn text_that_is_no_table_is_refused_with_its_place() {
    let message = |text: &str| csv_of(text).unwrap_err().to_string();
    for (text, words) in [
        ("", "expected a header"),
        ("a,b,label\n", "no points"),
        ("1,2,0\n3,4,1\n", "put a line of column names"),
        ("label\n0\n1\n", "no feature columns"),
        ("a,b,label\n1,2,0\n3,4\n", "line 3: 2 fields, the header has 3"),
        ("a,b,label\n1,2,0\n3,x,1\n", "line 3, column b: \"x\" is not a number"),
        ("a,b,label\n1,2,0\n3,,1\n", "column b: \"\" is not a number"),
        ("a,b,label\n1,2,0\n3,nan,1\n", "column b"),
        ("a,b,label\n1,2,0\n3,inf,1\n", "column b"),
        ("a,b,label\n1,2,0\n3,256,1\n", "column b"),
        ("a,b,label\n1,2,0\n3,-1,1\n", "column b"),
        ("a,b,label\n1,2,0\n3,2.5,1\n", "2.5 is not an integer: give a scale"),
        ("a,b,label\n1,2,0\n3,4,-1\n", "label -1"),
        ("a,b,label\n1,2,0\n3,4,0.5\n", "label 0.5"),
        ("a,b,label\n1,2,0\n3,4,1e300\n", "too large"),
        ("a,b,label\n1,2,0\n3,4,2\n", "class 1 has no point"),
        ("a,b,label\n1,2,0\n3,4,4000000000\n", "class 1 has no point"),
        ("a,b,label\n1,2,0\n3,4,0\n", "at least two classes"),
    ] {
        let got = message(text);
        assert!(got.contains(words) && got.contains("t.csv"), "{text:?}: {got}");
    }
    assert!(matches!(read_csv(&b"a,b\n\xff,1\n"[..], "t.csv", BYTES), Err(ReadError::Csv { .. })));
}

#[test]
fn quantisers_round_clip_and_refuse_at_the_edge() {
    let files = Files::new();
    let table = |values: &str, clip: bool| {
        let file = files.put("q.csv", format!("a,label\n{values},0\n0,1\n").as_bytes());
        let quantiser = Quantiser { scale: 2.0, offset: 1.0, min: -4, max: 4, clip };
        let source = Source::Csv { file, label: None };
        read(&source, &Quantisers::uniform(quantiser), &mut |_| ()).map(|(table, _)| table.values()[0])
    };
    // (x - 1) 2, to nearest.
    for (value, expected) in [("1", 0), ("3", 4), ("-1", -4), ("3.2", 4), ("-1.2", -4), ("1.3", 1), ("0.8", 0)] {
        assert_eq!(table(value, false).unwrap(), expected, "{value}");
        assert_eq!(table(value, true).unwrap(), expected, "{value}");
    }
    for (value, clipped) in [("3.3", 4), ("-1.3", -4), ("1e300", 4), ("-1e300", -4)] {
        assert!(matches!(table(value, false), Err(ReadError::Value { .. })), "{value}");
        assert_eq!(table(value, true).unwrap(), clipped, "{value}");
    }
    for value in ["nan", "inf", "-inf"] {
        assert!(matches!(table(value, true), Err(ReadError::Value { .. })), "{value} has no place, also clipped");
    }
}

#[test]
fn files_that_cannot_be_read_are_told_from_bad_ones() {
    let files = Files::new();
    let missing = Source::Csv { file: files.0.path().join("none.csv"), label: None };
    assert!(read(&missing, &identity(), &mut |_| ()).unwrap_err().is_io());
    let directory = Source::Csv { file: files.0.path().to_owned(), label: None };
    assert!(read(&directory, &identity(), &mut |_| ()).unwrap_err().is_io());
    let bad = Source::Csv { file: files.put("bad.csv", b""), label: None };
    assert!(!read(&bad, &identity(), &mut |_| ()).unwrap_err().is_io());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever points are, they come back from every format that can hold them.
    #[test]
    fn written_points_come_back(rows in prop::collection::vec((prop::collection::vec(any::<u8>(), 6), 0u8..3), 1..20)) {
        let mut rows = rows;
        rows.extend((0..3).map(|label| (vec![0; 6], label)));
        let points: Vec<u8> = rows.iter().flat_map(|(row, _)| row.clone()).collect();
        let labels: Vec<u8> = rows.iter().map(|(_, label)| *label).collect();
        let (n, files) = (rows.len() as u32, Files::new());
        let mut csv = "a,b,c,d,e,f,label\n".to_owned();
        for (row, label) in &rows {
            csv += &row.iter().chain([label]).map(u8::to_string).collect::<Vec<_>>().join(",");
            csv.push('\n');
        }
        let words = |bytes: &[u8]| bytes.iter().flat_map(|x| i16::from(*x).to_be_bytes()).collect::<Vec<u8>>();
        let floats: Vec<u8> = points.iter().flat_map(|x| f32::from(*x).to_le_bytes()).collect();
        let sources = [
            Source::Csv { file: files.put("a.csv", csv.as_bytes()), label: None },
            Source::Idx { images: files.put("x", &gzip(&idx(0x0b, &[n, 6], &words(&points)))), labels: files.put("y", &idx(8, &[n], &labels)) },
            Source::Npy { features: files.put("x.npy", &npy("<f4", &format!("({n}, 3, 2)"), &floats)), labels: files.put("y.npy", &npy("|i1", &format!("({n},)"), &labels)) },
        ];
        for source in sources {
            let (table, _) = read(&source, &identity(), &mut |_| ()).unwrap();
            prop_assert!(table.values().iter().eq(points.iter().map(|x| i32::from(*x)).collect::<Vec<_>>().iter()));
            prop_assert!(table.labels().iter().eq(labels.iter().map(|x| u32::from(*x)).collect::<Vec<_>>().iter()));
        }
    }

    /// Hostile bytes of any format end in a table or in an error, never in a panic.
    #[test]
    fn hostile_bytes_are_tables_or_errors(place in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
        let files = Files::new();
        for (_, source) in sources(&files) {
            let (Source::Csv { file: path, .. } | Source::Idx { images: path, .. } | Source::Npy { features: path, .. } | Source::Npz { file: path, .. }) = &source else { continue };
            let mut bytes = std::fs::read(path).unwrap();
            let (length, cut) = (bytes.len(), cut % bytes.len());
            bytes[place % length] = byte;
            std::fs::write(path, &bytes).unwrap();
            let _ = read(&source, &identity(), &mut |_| ());
            let _ = scan(&source, &mut |_| ());
            std::fs::write(path, &bytes[..cut]).unwrap();
            let _ = read(&source, &identity(), &mut |_| ());
        }
    }
}
