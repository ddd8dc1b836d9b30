//! `zkdl data commit`: reads the data, splits them, shuffles the training rows secretly, commits to each of them.

use crate::atomic::{self, Access};
use crate::config::Config;
use crate::error::{CliError, Result};
use crate::plan::Plan;
use crate::progress::Context;
use crate::report::{Table, emit, emit_json, grouped};
use crate::run_dir::{RunDir, read as read_file, read_secret};
use crate::secret::{Points, SecretData};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;
use zkdl::PointCommitments;
use zkdl::commitment::{commit_points, points_with_blinds};
use zkdl::statement::hex;
use zkdl_commit::blinds::{Entropy, OsEntropy};
use zkdl_dataset::readers::read;
use zkdl_dataset::{Descriptor, KeyStream, ReadError, Table as Rows, split};
use zkdl_field::generators::Generators;

/// Runs the verb.
pub(crate) fn run(context: Context, root: &Path, config: Option<&Path>) -> Result<()> {
    let committed = commit(context, root, config)?;
    let (data, points) = (&committed.data, RunDir::new(root).points());
    let descriptor = &data.descriptor;
    if context.json {
        return emit_json(&json!({
            "root": hex(&descriptor.root), "points": descriptor.points, "test_points": data.test.labels.len(),
            "features": descriptor.features, "classes": descriptor.classes, "file": points,
            "already_committed": committed.already,
        }));
    }
    let mut table = Table::new();
    table.row("data root", hex(&descriptor.root));
    table.row("committed points", grouped(u64::from(descriptor.points)));
    table.row("test points (not committed)", grouped(data.test.labels.len() as u64));
    table.row("features, classes", format!("{}, {}", descriptor.features, descriptor.classes));
    table.row("commitments", points.display().to_string());
    if committed.already {
        emit("These rows were already committed: the files are as they were.")?;
    }
    emit(&table.text())
}

/// Data that are committed and written.
pub(crate) struct Committed {
    /// They.
    pub(crate) data: SecretData,
    already: bool,
}

/// Commits the data of a configuration (`root`'s own, or another that is copied there). Committing the same rows again changes
/// nothing. Nothing is written before configuration and data have been found good.
pub(crate) fn commit(context: Context, root: &Path, config_file: Option<&Path>) -> Result<Committed> {
    let dir = RunDir::new(root);
    let source = config_file.map_or_else(|| dir.config(), Path::to_owned);
    let config = Config::read(&source)?;
    let parts = Parts::read(&config, &source)?;
    Plan::new(&config, parts.descriptor.clone(), &source)?;
    if source != dir.config() {
        copy_config(&source, &dir)?;
    }
    if let Some(bytes) = read_secret(&dir.data())? {
        let data = SecretData::decode(&bytes, &dir.data())?;
        parts.same_as(&data, root)?;
        publish(context, &dir, &data)?;
        return Ok(Committed { data, already: true });
    }
    let data = parts.commit(context)?;
    dir.prepare()?;
    atomic::write(&dir.data(), &data.encode(), Access::Secret)?;
    publish(context, &dir, &data)?;
    Ok(Committed { data, already: false })
}

fn copy_config(source: &Path, dir: &RunDir) -> Result<()> {
    let (bytes, target) = (read_file(source)?, dir.config());
    if target.exists() && read_file(&target)? != bytes {
        let (target, source) = (target.display(), source.display());
        let next = "leave --config away, or give a new run directory";
        return Err(CliError::usage(format!("{target} exists and differs from {source}: {next}")));
    }
    dir.prepare()?;
    atomic::write(&target, &bytes, Access::Public)
}

/// Writes the point commitments unless they are there: they follow from the secret file.
fn publish(context: Context, dir: &RunDir, data: &SecretData) -> Result<()> {
    let path = dir.points();
    if path.exists() {
        return Ok(());
    }
    dir.prepare()?;
    let points = PointCommitments(recommit(context, data)?);
    atomic::write(&path, &points.encode(), Access::Public)
}

/// The point commitments from rows and blinds.
pub(crate) fn recommit(context: Context, data: &SecretData) -> Result<Vec<[u8; 32]>> {
    let classes = data.descriptor.classes as usize;
    let generators = generators(context, &data.descriptor);
    let rows = points_with_blinds(&generators, &data.train.features, &data.train.labels, classes, &data.blinds);
    rows.map_err(|e| CliError::usage("the data cannot be committed").caused_by(e))
}

fn generators(context: Context, descriptor: &Descriptor) -> Arc<Generators> {
    let columns = descriptor.features.saturating_add(descriptor.classes);
    context.generators.first(columns as usize)
}

/// Both parts of a table, in split order, and the descriptor with no root yet.
struct Parts {
    train: Rows,
    test: Rows,
    descriptor: Descriptor,
}

impl Parts {
    fn read(config: &Config, config_file: &Path) -> Result<Self> {
        let data = &config.data;
        let refuse = |e: &dyn std::fmt::Display| CliError::usage(format!("{}: [data]: {e}", config_file.display()));
        let source = data.source(config_file.parent().unwrap_or(Path::new(""))).map_err(|e| refuse(&e))?;
        let quantisers = data.quantisers().map_err(|e| refuse(&e))?;
        let (table, image) = read(&source, &quantisers, &mut |_| ()).map_err(unread)?;
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

    /// Shuffles with the operating system's entropy, then commits.
    fn commit(self, context: Context) -> Result<SecretData> {
        let failed = |e: zkdl::ProveError| CliError::io("the data cannot be committed").caused_by(e);
        let mut key = Zeroizing::new([0; 32]);
        OsEntropy.fill(&mut *key).map_err(|e| failed(e.into()))?;
        let order = KeyStream::new(*key).permutation(self.descriptor.points);
        let order: Vec<usize> = order.into_iter().map(|i| i as usize).collect();
        let train = points(&self.train.select(&order));
        let (mut descriptor, test) = (self.descriptor, points(&self.test));
        let classes = descriptor.classes as usize;
        let generators = generators(context, &descriptor);
        let rows = commit_points(&generators, &train.features, &train.labels, classes, &mut OsEntropy);
        let rows = rows.map_err(failed)?;
        let root = PointCommitments(rows.rows).root(&descriptor);
        descriptor.root = root.map_err(|e| CliError::usage("there is nothing to commit").caused_by(e))?;
        Ok(SecretData { descriptor, train, blinds: rows.blinds, test })
    }

    /// Refuses to call other rows committed.
    fn same_as(&self, data: &SecretData, root: &Path) -> Result<()> {
        let committed = Descriptor { root: [0; 32], ..data.descriptor.clone() };
        let width = self.descriptor.features as usize;
        let same = self.descriptor == committed
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

/// Tells files that cannot be read from files with wrong contents.
pub(crate) fn unread(error: ReadError) -> CliError {
    match error {
        ReadError::Io { file, source } => CliError::io(format!("cannot read the data file {file}")).caused_by(source),
        ReadError::Csv { .. } => CliError::usage("the data are refused").caused_by(error),
        other => CliError::usage(other.to_string()),
    }
}
