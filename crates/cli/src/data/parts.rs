//! What is read for a commitment: the points of a table in their two parts.

use crate::config::Config;
use crate::error::{CliError, Result};
use crate::progress::Context;
use crate::secret::{Points, SecretData};
use std::path::Path;
use zeroize::Zeroizing;
use zkdl::points::draw_blinds;
use zkdl_commit::blinds::{Entropy, OsEntropy};
use zkdl_dataset::readers::read;
use zkdl_dataset::{Descriptor, Image, KeyStream, Quantisers, ReadError, Source, Table as Rows, split};

/// Both parts of a table, in split order, and the descriptor with no root yet.
pub(crate) struct Parts {
    train: Rows,
    test: Rows,
    pub(crate) descriptor: Descriptor,
}

impl Parts {
    pub(crate) fn read(context: Context, config: &Config, config_file: &Path) -> Result<Self> {
        let data = &config.data;
        let refuse = |e: &dyn std::fmt::Display| CliError::usage(format!("{}: [data]: {e}", config_file.display()));
        let source = data.source(config_file.parent().unwrap_or(Path::new(""))).map_err(|e| refuse(&e))?;
        let quantisers = data.quantisers().map_err(|e| refuse(&e))?;
        let (table, image) = read_points(context, &source, &quantisers)?;
        let points = u32::try_from(table.len()).map_err(|_| refuse(&"more than 2^32 points"))?;
        let train = match (data.train_points, data.test_points) {
            (Some(train), _) => train,
            (None, Some(test)) => points.checked_sub(test).ok_or_else(|| {
                refuse(&format!("test_points = {test}, but {} has {points} points: lower it", source.name()))
            })?,
            (None, None) => points,
        };
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&data.split_seed.to_le_bytes());
        let (train, test) = split(points, train, seed).map_err(|e| refuse(&e))?;
        let descriptor = Descriptor {
            points: train.len() as u32,
            features: table.features() as u32,
            classes: table.classes() as u32,
            fraction_bits: data.fraction_bits,
            near: data.near,
            image: data.image(image),
            columns: quantisers.runs(table.features()).map_err(|e| refuse(&e))?,
            root: [0; 32],
        };
        descriptor.validate().map_err(|e| refuse(&e))?;
        Ok(Self { train: table.select(&train), test: table.select(&test), descriptor })
    }

    /// Training and test points.
    pub(crate) fn points(&self) -> (Points, Points) {
        (points(&self.train), points(&self.test))
    }

    /// The rows in an order that only the operating system's entropy knows, with blinds.
    pub(super) fn shuffled(self) -> Result<SecretData> {
        let failed = |e: zkdl::ProveError| CliError::io("the data cannot be committed").caused_by(e);
        let mut key = Zeroizing::new([0; 32]);
        OsEntropy.fill(&mut *key).map_err(|e| failed(e.into()))?;
        let order = KeyStream::new(*key).permutation(self.descriptor.points);
        let order: Vec<usize> = order.into_iter().map(|i| i as usize).collect();
        let (train, test) = (points(&self.train.select(&order)), points(&self.test));
        let blinds = draw_blinds(&train.features, &train.labels, &mut OsEntropy).map_err(failed)?;
        Ok(SecretData { descriptor: self.descriptor, train, blinds, test })
    }

    /// Refuses to call other rows committed.
    pub(super) fn same_as(&self, data: &SecretData, root: &Path) -> Result<()> {
        let width = self.descriptor.features as usize;
        let same = self.descriptor == data.descriptor
            && sorted(&points(&self.train), width) == sorted(&data.train, width)
            && points(&self.test).features == data.test.features;
        if same {
            return Ok(());
        }
        Err(CliError::usage(format!(
            "{}: other data are already committed here, and proofs may depend on them: commit these in a new run directory",
            root.display()
        )))
    }
}

fn sorted(points: &Points, width: usize) -> Vec<(&[i32], u32)> {
    let mut rows: Vec<_> = points.features.chunks(width.max(1)).zip(points.labels.iter().copied()).collect();
    rows.sort_unstable();
    rows
}

fn points(rows: &Rows) -> Points {
    Points { features: Zeroizing::new(rows.values().to_vec()), labels: Zeroizing::new(rows.labels().to_vec()) }
}

/// Reads all points, counting them for who watches.
fn read_points(context: Context, source: &Source, quantisers: &Quantisers) -> Result<(Rows, Option<Image>)> {
    let bar = context.counter("reading points");
    let read = read(source, quantisers, &mut |points| bar.set_position(points));
    bar.finish_and_clear();
    read.map_err(unread)
}

/// Tells files that cannot be read from files with wrong contents.
pub(crate) fn unread(error: ReadError) -> CliError {
    match error {
        ReadError::Io { file, source } => CliError::io(format!("cannot read the data file {file}")).caused_by(source),
        ReadError::Csv { .. } => CliError::usage("the data are refused").caused_by(error),
        other => CliError::usage(other.to_string()),
    }
}
