//! Readers of data files: typed errors and nothing else, and memory for what has come, not for what is announced.
//!
//! Files are built as their formats say, from shapes and contents of the fuzzer, or are any bytes behind their first ones.

#![no_main]

use arbitrary::Arbitrary;
use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};
use zkdl::tensors;
use zkdl_dataset::readers::{read, scan};
use zkdl_dataset::{
    Descriptor, Image, Quantiser, Quantisers, Source, ValueRange, read_csv, read_csv_queries, read_png_query,
};
use zkdl_fuzz::memory::{MEBIBYTE, bounded};
use zkdl_fuzz::single_thread;

#[derive(Debug, Arbitrary)]
enum Input {
    Csv { text: Vec<u8>, label: Option<u8>, quantiser: Map },
    Table { columns: u8, numbers: Vec<Field>, label: Option<u8>, quantiser: Map },
    Query { text: Vec<u8>, features: u8 },
    Npy { features: Array, labels: Labels<Array>, quantiser: Map },
    Npz { features: Array, labels: Labels<Array>, deflate: bool, damage: Damage },
    Idx { images: Idx, labels: Labels<Idx>, gzip: bool, damage: Damage },
    Cifar { labels: Vec<u8>, tail: Vec<u8>, quantiser: Map },
    Png { picture: Picture, image: Layout, damage: Damage },
    Safetensors { header: Vec<u8>, length: Option<u64>, data: Vec<u8>, widths: [u8; 3], bits: u8 },
    Bytes { format: u8, first: Vec<u8>, second: Vec<u8> },
}

/// How numbers become integers.
#[derive(Debug, Clone, Copy, Arbitrary)]
struct Map {
    scale: f64,
    offset: f64,
    min: i32,
    max: i32,
    clip: bool,
    plain: bool,
    column: Option<(u32, u32)>,
}

#[derive(Debug, Arbitrary)]
enum Field {
    Small(i8),
    Number(f64),
    Text(String),
    Line,
}

/// Labels: two classes in turn for as many points as there are, or anything.
#[derive(Debug, Arbitrary)]
enum Labels<T> {
    Fitting,
    Any(T),
}

/// An array of NumPy.
#[derive(Debug, Arbitrary)]
struct Array {
    kind: u8,
    big_endian: bool,
    shape: Vec<u8>,
    huge: Option<(bool, u64)>,
    fortran: bool,
    header: Option<String>,
    version: u8,
    data: Vec<u8>,
}

#[derive(Debug, Arbitrary)]
struct Idx {
    kind: u8,
    shape: Vec<u8>,
    huge: Option<(bool, u32)>,
    data: Vec<u8>,
}

#[derive(Debug, Arbitrary)]
struct Picture {
    width: u8,
    height: u8,
    color: u8,
    depth: u8,
    transparent: bool,
    data: Vec<u8>,
}

#[derive(Debug, Arbitrary)]
struct Layout {
    channels: u8,
    planar: bool,
    white: u32,
    same_size: bool,
}

/// Bytes that are damaged after a file has been built.
#[derive(Debug, Default, Arbitrary)]
struct Damage {
    bytes: Vec<(u16, u8)>,
    cut: Option<u16>,
}

impl Damage {
    fn of(&self, mut file: Vec<u8>) -> Vec<u8> {
        for (at, byte) in &self.bytes {
            let length = file.len().max(1);
            if let Some(place) = file.get_mut(usize::from(*at) % length) {
                *place ^= byte;
            }
        }
        file.truncate(file.len() - self.cut.map_or(0, |cut| usize::from(cut) % (file.len() + 1)));
        file
    }
}

impl Map {
    fn quantisers(self) -> Quantisers {
        let identity = Quantiser::identity(ValueRange { min: -1000, max: 1000 });
        let Self { scale, offset, min, max, clip, plain, column } = self;
        let any = Quantiser { scale, offset, min, max, clip };
        let usual = if plain || any.validate().is_err() { identity } else { any };
        Quantisers { usual, others: column.into_iter().map(|(start, end)| (start..end, identity)).collect() }
    }
}

const KINDS: [&str; 10] = ["u1", "i1", "u2", "i2", "i4", "i8", "f4", "f8", "f2", "O"];

/// Axes as they are announced: small ones, and at times one that is not, the first or the last.
fn axes(shape: &[u8], huge: Option<(bool, u64)>) -> Vec<u64> {
    let small = shape.iter().take(4).map(|axis| u64::from(axis % 16));
    let at = |first| huge.filter(|(at, _)| *at == first).map(|(_, axis)| axis);
    at(true).into_iter().chain(small).chain(at(false)).collect()
}

/// Classes 0 and 1 in turn, for so many points, if they are few.
fn in_turn(points: u64) -> Vec<u8> {
    (0..points.min(256)).map(|i| (i % 2) as u8).collect()
}

/// Elements of an array: what was drawn, as often as it takes to fill the shape, if that is small.
fn fill(axes: &[u64], size: u64, data: &[u8]) -> Vec<u8> {
    let bytes = axes.iter().try_fold(size, |product, axis| product.checked_mul(*axis)).unwrap_or(u64::MAX);
    match usize::try_from(bytes) {
        Ok(bytes) if bytes <= 4096 && !data.is_empty() => data.iter().copied().cycle().take(bytes).collect(),
        _ => data.to_vec(),
    }
}

impl Labels<Array> {
    fn file(&self, features: &Array) -> Vec<u8> {
        let points = axes(&features.shape, features.huge).first().copied().unwrap_or(0);
        match self {
            Self::Any(array) => array.file(),
            Self::Fitting => {
                let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({points},), }}");
                [b"\x93NUMPY\x01\0", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), &in_turn(points)].concat()
            }
        }
    }
}

impl Labels<Idx> {
    fn file(&self, images: &Idx) -> Vec<u8> {
        let points = images.axes().first().copied().unwrap_or(0);
        match self {
            Self::Any(labels) => labels.file(),
            Self::Fitting => [&[0, 0, 8, 1], &(points as u32).to_be_bytes()[..], &in_turn(points)].concat(),
        }
    }
}

impl Array {
    fn file(&self) -> Vec<u8> {
        let shape = axes(&self.shape, self.huge);
        let kind = KINDS[usize::from(self.kind) % KINDS.len()];
        let order = if self.big_endian { '>' } else { '<' };
        let size = kind[1..].parse().unwrap_or(1);
        let tuple: String = shape.iter().map(|axis| format!("{axis}, ")).collect();
        let fortran = if self.fortran { "True" } else { "False" };
        let usual = format!("{{'descr': '{order}{kind}', 'fortran_order': {fortran}, 'shape': ({tuple}), }}");
        let text = self.header.as_ref().unwrap_or(&usual);
        let length = text.len() as u32;
        let version = self.version % 4;
        let mut bytes = [b"\x93NUMPY", &[version, 0][..]].concat();
        bytes.extend(if version < 2 { length.to_le_bytes()[..2].to_vec() } else { length.to_le_bytes().to_vec() });
        bytes.extend(text.bytes());
        bytes.extend(fill(&shape, size, &self.data));
        bytes
    }
}

impl Idx {
    fn axes(&self) -> Vec<u64> {
        axes(&self.shape, self.huge.map(|(first, axis)| (first, axis.into())))
    }

    fn file(&self) -> Vec<u8> {
        let shape = self.axes();
        let (kind, size) = [(8, 1), (9, 1), (0xb, 2), (0xc, 4), (0xd, 4), (0xe, 8), (7, 1)][usize::from(self.kind) % 7];
        let mut bytes = vec![0, 0, kind, shape.len() as u8];
        bytes.extend(shape.iter().flat_map(|axis| (*axis as u32).to_be_bytes()));
        bytes.extend(fill(&shape, size, &self.data));
        bytes
    }
}

impl Picture {
    /// A PNG file, if there is such a picture.
    fn file(&self) -> Option<Vec<u8>> {
        let (width, height) = (u32::from(self.width % 8), u32::from(self.height % 8));
        let color = [
            png::ColorType::Grayscale,
            png::ColorType::Rgb,
            png::ColorType::GrayscaleAlpha,
            png::ColorType::Rgba,
            png::ColorType::Indexed,
        ][usize::from(self.color) % 5];
        let depth = [png::BitDepth::Eight, png::BitDepth::Sixteen, png::BitDepth::One][usize::from(self.depth) % 3];
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(color);
        encoder.set_depth(depth);
        encoder.set_palette(vec![1, 2, 3, 4, 5, 6]);
        if self.transparent {
            encoder.set_trns(vec![0, 1]);
        }
        let bits = u64::from(width) * color.samples() as u64 * u64::from(depth as u8);
        let pixels = fill(&[bits.div_ceil(8), height.into()], 1, &self.data);
        encoder.write_header().ok()?.write_image_data(&pixels).ok()?;
        Some(bytes)
    }
}

/// A directory in memory where there is one; gone when the process ends well.
static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.expect("a directory for files")
});

fn stored(name: &str, bytes: &[u8]) -> PathBuf {
    let path = DIRECTORY.path().join(name);
    std::fs::write(&path, bytes).expect("room for a file");
    path
}

/// Both passes over a data set, which agree on what they see.
fn both(source: &Source, quantisers: &Quantisers, bytes: usize) {
    // A header may announce 2^20 columns: a row, quantisers and bounds of them are granted.
    let granted = 160 * MEBIBYTE + 1024 * bytes;
    let scanned = bounded(granted, || scan(source, &mut |_| ()));
    let table = bounded(granted, || read(source, quantisers, &mut |_| ()));
    if let (Ok(scanned), Ok((table, image))) = (&scanned, &table) {
        assert_eq!((scanned.points, scanned.classes as usize), (table.len() as u64, table.classes()));
        assert_eq!((scanned.columns.len(), scanned.image), (table.features(), *image));
        assert!(table.labels().iter().all(|label| (*label as usize) < table.classes()));
    }
    if let Err(error) = scanned.as_ref().map(|_| ()).and(table.as_ref().map(|_| ())) {
        assert!(!error.is_io(), "{error}");
        let _ = error.to_string();
    }
}

fn table(columns: u8, numbers: &[Field]) -> Vec<u8> {
    let mut text: String = (0..columns % 8).map(|i| format!("c{i},")).collect();
    text.push_str("label\n");
    for number in numbers {
        match number {
            Field::Small(n) => text.push_str(&format!("{n},")),
            Field::Number(x) => text.push_str(&format!("{x:?},")),
            Field::Text(field) => text.push_str(&format!("{field},")),
            Field::Line => {
                let full = text.trim_end_matches(',').len();
                text.truncate(full);
                text.push('\n');
            }
        }
    }
    text.into_bytes()
}

fn csv(text: &[u8], label: Option<u8>, quantiser: Map) {
    let label = label.map(|i| format!("c{}", i % 8));
    both(&Source::Csv { file: stored("csv", text), label }, &quantiser.quantisers(), text.len());
    let _ = read_csv(text, "fuzz", ValueRange { min: -128, max: 127 });
}

fn query(text: &[u8], features: u8) {
    let data = Descriptor::uniform(4, u32::from(features % 8) + 1, 3, ValueRange { min: -128, max: 127 }, 4);
    if let Ok(queries) = bounded(MEBIBYTE + 1024 * text.len(), || read_csv_queries(text, "fuzz", &data)) {
        assert!(queries.iter().all(|query| query.check(&data).is_ok()));
    }
}

fn npz(features: &Array, labels: &Labels<Array>, deflate: bool, damage: &Damage) -> Option<()> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let method = if deflate { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    for (name, array) in [("x.npy", features.file()), ("y.npy", labels.file(features))] {
        archive.start_file(name, SimpleFileOptions::default().compression_method(method)).ok()?;
        archive.write_all(&array).ok()?;
    }
    let file = damage.of(archive.finish().ok()?.into_inner());
    let source = Source::Npz { file: stored("npz", &file), features: "x".into(), labels: "y".into() };
    both(&source, &Quantisers::uniform(Quantiser::identity(ValueRange { min: -128, max: 255 })), file.len());
    Some(())
}

fn idx(images: &Idx, labels: &Labels<Idx>, gzip: bool, damage: &Damage) -> Option<()> {
    let labels = labels.file(images);
    let mut images = images.file();
    if gzip {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&images).ok()?;
        images = encoder.finish().ok()?;
    }
    let images = damage.of(images);
    let length = images.len() + labels.len();
    let source = Source::Idx { images: stored("images", &images), labels: stored("labels", &labels) };
    both(&source, &Quantisers::uniform(Quantiser::identity(ValueRange { min: -128, max: 255 })), length);
    Some(())
}

fn cifar(labels: &[u8], tail: &[u8], quantiser: Map) {
    let record = |label: &u8| std::iter::once(label % 10).chain((0..3072u32).map(|i| (i / 7) as u8));
    let file: Vec<u8> = labels.iter().take(6).flat_map(record).chain(tail.iter().copied()).collect();
    let second = stored("second", tail);
    let files = if tail.len() > 8 { vec![stored("first", &file)] } else { vec![stored("first", &file), second] };
    both(&Source::Cifar { files }, &quantiser.quantisers(), file.len());
}

fn picture(bytes: &[u8], picture: (u8, u8), layout: &Layout) {
    let (width, height) = (u32::from(picture.0 % 8), u32::from(picture.1 % 8) + u32::from(!layout.same_size));
    let channels = if layout.channels.is_multiple_of(2) { 1 } else { 3 };
    let image = Image { width, height, channels, planar: layout.planar, white: layout.white };
    let range = ValueRange { min: 0, max: 255 };
    let data = Descriptor { image: Some(image), ..Descriptor::uniform(2, width * height * channels, 2, range, 4) };
    if let Ok(query) = bounded(40 * MEBIBYTE, || read_png_query(bytes, &data)) {
        assert_eq!(query.check(&data).ok(), Some(()));
    }
}

fn safetensors(header: &[u8], length: Option<u64>, data: &[u8], widths: [u8; 3], bits: u8) {
    let widths = widths.map(|width| u32::from(width % 4) + 1);
    let bits = [16, 32, 64][usize::from(bits) % 3];
    let length = length.unwrap_or(header.len() as u64).to_le_bytes();
    let file = [&length, header, data].concat();
    let _ = bounded(MEBIBYTE + 128 * file.len(), || tensors::decode(&file, &widths, 21));
    let _ = bounded(MEBIBYTE + 128 * file.len(), || tensors::quantise(&file, &widths, 21, bits));
}

fn bytes(format: u8, first: &[u8], second: &[u8]) {
    let (a, b) = (stored("a", first), stored("b", second));
    let source = match format % 5 {
        0 => Source::Csv { file: a, label: None },
        1 => Source::Npy { features: a, labels: b },
        2 => Source::Npz { file: a, features: "x".into(), labels: "y".into() },
        3 => Source::Idx { images: a, labels: b },
        _ => Source::Cifar { files: vec![a, b] },
    };
    let usual = Quantiser::identity(ValueRange { min: -1000, max: 1000 });
    both(&source, &Quantisers::uniform(usual), first.len() + second.len());
}

fuzz_target!(init: single_thread(), |input: Input| {
    match &input {
        Input::Csv { text, label, quantiser } => csv(text, *label, *quantiser),
        Input::Table { columns, numbers, label, quantiser } => csv(&table(*columns, numbers), *label, *quantiser),
        Input::Query { text, features } => query(text, *features),
        Input::Npy { features, labels, quantiser } => {
            let (x, y) = (features.file(), labels.file(features));
            let source = Source::Npy { features: stored("x", &x), labels: stored("y", &y) };
            both(&source, &quantiser.quantisers(), x.len() + y.len());
        }
        Input::Npz { features, labels, deflate, damage } => {
            let _ = npz(features, labels, *deflate, damage);
        }
        Input::Idx { images, labels, gzip, damage } => {
            let _ = idx(images, labels, *gzip, damage);
        }
        Input::Cifar { labels, tail, quantiser } => cifar(labels, tail, *quantiser),
        Input::Png { picture: built, image, damage } => {
            if let Some(file) = built.file() {
                picture(&damage.of(file), (built.width, built.height), image);
            }
        }
        Input::Safetensors { header, length, data, widths, bits } => {
            safetensors(header, *length, data, *widths, *bits);
        }
        Input::Bytes { format, first, second } => bytes(*format, first, second),
    }
});
