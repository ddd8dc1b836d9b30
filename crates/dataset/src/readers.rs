//! Reading data sets: one file a format, all of them row by row into the same table.
//!
//! | module | format | points are images |
//! |---|---|---|
//! | [`csv`] | text, a header and a line a point | - |
//! | [`npy`] | NumPy arrays: two `.npy` files, or two arrays of an `.npz` file | - |
//! | [`idx`] | MNIST's files of images and labels, plain or gzip | grey, of bytes |
//! | [`cifar`] | CIFAR-10's binary batches | 32 x 32, colour, planar |
//!
//! No reader holds a file, and none allocates what a header announces before the bytes have come: a record is at most 2^20
//! numbers, rows are pushed one after another, and what is missing or left over at the end is an error.

use std::path::{Path, PathBuf};

use crate::descriptor::Image;
use crate::quantiser::{NoSuchColumn, QuantiseError, Quantisers, ValueRange};
use crate::table::{Table, TableBuilder};

mod array;
pub mod cifar;
pub mod csv;
mod element;
mod error;
pub mod idx;
pub mod npy;
mod records;
mod scan;
#[cfg(test)]
mod tests;

pub use error::{Malformed, Place, ReadError, Row};
pub use scan::Scan;

/// Where the points are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A CSV file.
    Csv {
        /// The file.
        file: PathBuf,
        /// Name of the label's column; the last one if not given.
        label: Option<String>,
    },
    /// Two NumPy files.
    Npy {
        /// Array of points, their first axis the points.
        features: PathBuf,
        /// Array of labels.
        labels: PathBuf,
    },
    /// Two arrays of a NumPy archive.
    Npz {
        /// The archive.
        file: PathBuf,
        /// Name of the array of points.
        features: String,
        /// Name of the array of labels.
        labels: String,
    },
    /// Two files as MNIST has them.
    Idx {
        /// The images.
        images: PathBuf,
        /// The labels.
        labels: PathBuf,
    },
    /// CIFAR-10's binary batches.
    Cifar {
        /// One file or more, in order.
        files: Vec<PathBuf>,
    },
}

/// Takes the rows of a file.
pub(crate) trait Sink {
    /// Called once, before the rows: the number of features.
    fn start(&mut self, features: usize) -> Result<(), RowError>;

    /// The next point.
    fn point(&mut self, features: &[f64], label: f64) -> Result<(), RowError>;
}

/// What is wrong with a row; the reader knows where it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RowError {
    /// More features than a point may have.
    TooWide { features: u64 },
    /// A quantiser for a column that is not there.
    Columns(NoSuchColumn),
    /// A number without integer.
    Value { column: usize, error: QuantiseError },
    /// A fraction, but no scale.
    Fraction { column: usize, value: f64 },
    /// No class.
    Label { label: f64 },
}

impl From<NoSuchColumn> for RowError {
    fn from(error: NoSuchColumn) -> Self {
        Self::Columns(error)
    }
}

/// Reads a data set; `progress` hears how many points have been read. The image says how points are laid out, if the format
/// tells.
///
/// # Errors
/// [`ReadError`], with file, place, value and bound of the first fault.
pub fn read(
    source: &Source,
    quantisers: &Quantisers,
    progress: &mut dyn FnMut(u64),
) -> Result<(Table, Option<Image>), ReadError> {
    let mut builder = TableBuilder::new(quantisers);
    let image = stream(source, &mut builder, progress)?;
    Ok((builder.finish(&source.name())?, image))
}

/// A first pass over a data set: sizes and the numbers that occur. Keeps two numbers a column.
///
/// # Errors
/// As [`read`], but no number is out of range.
pub fn scan(source: &Source, progress: &mut dyn FnMut(u64)) -> Result<Scan, ReadError> {
    let mut scanner = scan::Scanner::default();
    let image = stream(source, &mut scanner, progress)?;
    scanner.finish(&source.name(), image)
}

/// Reads a CSV text of integers in `range`, the label in its last column; `file` names the input in messages.
///
/// # Errors
/// [`ReadError`].
pub fn read_csv(input: impl std::io::Read, file: &str, range: ValueRange) -> Result<Table, ReadError> {
    let quantisers = Quantisers::uniform(crate::Quantiser::identity(range));
    let mut builder = TableBuilder::new(&quantisers);
    csv::stream(input, file, None, &mut builder, &mut |_| ())?;
    builder.finish(file)
}

fn stream(source: &Source, sink: &mut dyn Sink, progress: &mut dyn FnMut(u64)) -> Result<Option<Image>, ReadError> {
    match source {
        Source::Csv { file, label } => {
            let input = records::open(file)?;
            csv::stream(input, &shown(file), label.as_deref(), sink, progress).map(|()| None)
        }
        Source::Npy { features, labels } => npy::stream_files(features, labels, sink, progress).map(|()| None),
        Source::Npz { file, features, labels } => {
            npy::stream_archive(file, features, labels, sink, progress).map(|()| None)
        }
        Source::Idx { images, labels } => idx::stream(images, labels, sink, progress),
        Source::Cifar { files } => cifar::stream(files, sink, progress).map(Some),
    }
}

impl Source {
    /// The file that messages about the whole data set name.
    pub fn name(&self) -> String {
        match self {
            Self::Csv { file, .. } | Self::Npz { file, .. } => shown(file),
            Self::Npy { labels, .. } | Self::Idx { labels, .. } => shown(labels),
            Self::Cifar { files } => files.first().map(|file| shown(file)).unwrap_or_default(),
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
