//! NumPy arrays.
//!
//! ```text
//! 93 "NUMPY" | version (u8, u8) | bytes of the text (u16, from version 2.0 on u32) | text | elements
//! text = {'descr': '<f8', 'fortran_order': False, 'shape': (1797, 8, 8), }            a dictionary of Python, padded with spaces
//! ```
//!
//! An `.npz` file is a zip archive of `.npy` files. The first axis of the features is the points; the others are flattened, last
//! axis fastest. Headers are parsed here, strictly and without recursion, because a general parser of Python's literals would
//! follow a hostile one as deep as it likes.

use std::path::Path;

use zip::ZipArchive;

use super::array::{self, Array};
use super::element::Element;
use super::records::{Records, open};
use super::{Malformed, ReadError, Sink, shown};
use crate::number::to_usize;

/// Longest text of a header; NumPy itself believes no longer one.
const MAX_HEADER: usize = 10_000;

/// Reads two files into a sink.
pub(super) fn stream_files(
    features: &Path,
    labels: &Path,
    sink: &mut dyn Sink,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ReadError> {
    let (features, labels) = (open_array(Records::open(features)?)?, open_array(Records::open(labels)?)?);
    array::stream(features, labels, sink, progress)
}

/// Reads two arrays of an archive into a sink. The archive is opened twice, so that neither array need be held.
pub(super) fn stream_archive(
    file: &Path,
    features: &str,
    labels: &str,
    sink: &mut dyn Sink,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ReadError> {
    let archive = || {
        let damaged =
            |e: zip::result::ZipError| ReadError::malformed(&shown(file), Malformed::Compression(e.to_string()));
        ZipArchive::new(open(file)?).map_err(damaged)
    };
    let (mut first, mut second) = (archive()?, archive()?);
    let features = open_array(member(&mut first, file, features)?)?;
    let labels = open_array(member(&mut second, file, labels)?)?;
    array::stream(features, labels, sink, progress)
}

fn member<'a>(
    archive: &'a mut ZipArchive<std::io::BufReader<std::fs::File>>,
    file: &Path,
    name: &str,
) -> Result<Records<'a>, ReadError> {
    let input = archive.by_name(&format!("{name}.npy")).map_err(|e| {
        ReadError::malformed(&shown(file), Malformed::Member { name: name.to_owned(), reason: e.to_string() })
    })?;
    let name = format!("{}, array {name}", file.display());
    Ok(Records::new(name, std::io::BufReader::with_capacity(1 << 16, input)))
}

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    element: Element,
    big_endian: bool,
    shape: Vec<u64>,
}

/// Reads a header.
fn open_array(mut records: Records<'_>) -> Result<Array<'_>, ReadError> {
    let magic: [u8; 8] = records.array("the header")?;
    let [b'\x93', b'N', b'U', b'M', b'P', b'Y', version, 0] = magic else {
        return Err(records.malformed(Malformed::Magic { expected: "\\x93NUMPY and a version 1.0, 2.0 or 3.0" }));
    };
    let length = match version {
        1 => usize::from(u16::from_le_bytes(records.array("the header")?)),
        2 | 3 => to_usize(u32::from_le_bytes(records.array("the header")?)),
        _ => return Err(records.malformed(Malformed::Header("another version than 1.0, 2.0 or 3.0"))),
    };
    if length > MAX_HEADER {
        return Err(records.malformed(Malformed::Header("longer than 10,000 bytes")));
    }
    let mut text = vec![0; length];
    records.fill(&mut text, || "the header".to_owned())?;
    let text = str::from_utf8(&text).map_err(|_| records.malformed(Malformed::Header("not text")))?;
    let Header { element, big_endian, shape } = Header::parse(text).map_err(|reason| records.malformed(reason))?;
    Ok(Array::new(records, element, big_endian, shape))
}

impl Header {
    fn parse(text: &str) -> Result<Self, Malformed> {
        let mut text = Text(text);
        let (mut kind, mut fortran, mut shape) = (None, None, None);
        text.expect("{")?;
        while !text.skip("}") {
            let key = text.quoted()?;
            text.expect(":")?;
            let fresh = match key {
                "descr" => kind.replace(text.quoted()?).is_none(),
                "fortran_order" => fortran.replace(text.truth()?).is_none(),
                "shape" => shape.replace(text.tuple()?).is_none(),
                _ => return Err(Malformed::Header("another key than descr, fortran_order and shape")),
            };
            if !fresh {
                return Err(Malformed::Header("a key occurs twice"));
            }
            if !text.skip(",") {
                text.expect("}")?;
                break;
            }
        }
        let (Some(kind), Some(fortran), Some(shape)) = (kind, fortran, shape) else {
            return Err(Malformed::Header("descr, fortran_order or shape is missing"));
        };
        if !text.0.trim().is_empty() {
            return Err(Malformed::Header("something follows the dictionary"));
        }
        if fortran && shape.len() > 1 {
            return Err(Malformed::FortranOrder);
        }
        let (element, big_endian) = element(kind)?;
        Ok(Self { element, big_endian, shape })
    }
}

/// The type that a string of NumPy names, and whether it is big endian.
fn element(kind: &str) -> Result<(Element, bool), Malformed> {
    let refused = || Malformed::Type { got: kind.to_owned() };
    let (order, name) = kind.split_at_checked(1).ok_or_else(refused)?;
    let element = match name {
        "u1" => Element::U8,
        "i1" => Element::I8,
        "u2" => Element::U16,
        "i2" => Element::I16,
        "i4" => Element::I32,
        "i8" => Element::I64,
        "f4" => Element::F32,
        "f8" => Element::F64,
        _ => return Err(refused()),
    };
    match order {
        "<" => Ok((element, false)),
        ">" => Ok((element, true)),
        "|" if element.size() == 1 => Ok((element, false)),
        _ => Err(refused()),
    }
}

/// What is left of a header's text.
struct Text<'t>(&'t str);

impl<'t> Text<'t> {
    /// Whether `token` comes next; then it is passed.
    fn skip(&mut self, token: &str) -> bool {
        let rest = self.0.trim_start().strip_prefix(token);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, token: &'static str) -> Result<(), Malformed> {
        if self.skip(token) { Ok(()) } else { Err(Malformed::Header("not a dictionary of Python")) }
    }

    /// A string without escapes.
    fn quoted(&mut self) -> Result<&'t str, Malformed> {
        let quote = if self.skip("'") {
            '\''
        } else if self.skip("\"") {
            '"'
        } else {
            '\0'
        };
        let (text, rest) = self.0.split_once(quote).ok_or(Malformed::Header("a string is missing"))?;
        self.0 = rest;
        Ok(text)
    }

    fn truth(&mut self) -> Result<bool, Malformed> {
        if self.skip("True") {
            return Ok(true);
        }
        if self.skip("False") { Ok(false) } else { Err(Malformed::Header("fortran_order is neither True nor False")) }
    }

    /// Numbers in parentheses.
    fn tuple(&mut self) -> Result<Vec<u64>, Malformed> {
        let refused = Malformed::Header("the shape is no tuple of sizes");
        let (inside, rest) = if self.skip("(") { self.0.split_once(')') } else { None }.ok_or(refused.clone())?;
        self.0 = rest;
        let inside = inside.trim();
        let inside = inside.strip_suffix(',').unwrap_or(inside);
        inside.split(',').map(|size| size.trim().parse().map_err(|_| refused.clone())).collect()
    }
}
