//! What is read for a commitment: the points of a table in their two parts.

use crate::config::Config;
use crate::error::{CliError, Result};
use crate::secret::{Points, SecretData};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;
use zkdl::points::draw_blinds;
use zkdl_commit::blinds::{Entropy, OsEntropy};
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::{CsvError, KeyStream, Table as Rows, ValueRange, read_csv, split};

/// Both parts of a table, in split order, and the descriptor with no root yet.
pub(super) struct Parts {
    train: Rows,
    test: Rows,
    pub(super) descriptor: Descriptor,
}

impl Parts {
    pub(super) fn read(config: &Config, config_file: &Path) -> Result<Self> {
        let data = &config.data;
        let path = csv_path(config, config_file);
        let range = ValueRange { min: data.value_min, max: data.value_max };
        let table = read_table(&path, range)?;
        let refuse = |e: &dyn std::fmt::Display| CliError::usage(format!("{}: [data]: {e}", config_file.display()));
        let points = u32::try_from(table.len()).map_err(|_| refuse(&"more than 2^32 points"))?;
        let train = match (data.train_points, data.test_points) {
            (Some(train), _) => train,
            (None, Some(test)) => points.checked_sub(test).ok_or_else(|| {
                refuse(&format!("test_points = {test}, but {} has {points} points: lower it", path.display()))
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
            value_min: data.value_min,
            value_max: data.value_max,
            fraction_bits: data.fraction_bits,
            root: [0; 32],
        };
        descriptor.validate().map_err(|e| refuse(&e))?;
        Ok(Self { train: table.select(&train), test: table.select(&test), descriptor })
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

/// The CSV file, relative to the configuration's directory.
fn csv_path(config: &Config, config_file: &Path) -> PathBuf {
    config_file.parent().map_or_else(|| config.data.csv.clone(), |parent| parent.join(&config.data.csv))
}

/// Reads a table, telling files that cannot be read from files with wrong contents.
pub(crate) fn read_table(path: &Path, range: ValueRange) -> Result<Rows> {
    let file = File::open(path).map_err(|e| CliError::file("read the data file", path, e))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return Err(CliError::io(format!("{} is a directory, not a CSV file", path.display())));
    }
    read_csv(BufReader::new(file), &path.display().to_string(), range).map_err(|error| match error {
        CsvError::Read { .. } => CliError::usage("the data are refused").caused_by(error),
        other => CliError::usage(other.to_string()),
    })
}
