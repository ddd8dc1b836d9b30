//! `zkdl data commit` and `zkdl data show`.
//!
//! A commitment comes about in steps, each of which leaves a file, so that a killed command goes on where it stopped: rows in
//! their secret order with their blinds; commitments, block by block; the data set's public description.

mod partial;
mod parts;
pub(crate) mod show;

pub(crate) use parts::{Parts, unread};

use crate::atomic::{self, Access};
use crate::config::Config;
use crate::error::{CliError, Result};
use crate::plan::Plan;
use crate::progress::{Context, PhaseClock};
use crate::report::{Table, emit, emit_json, grouped};
use crate::run_dir::{RunDir, read, read_secret};
use crate::secret::{SecretData, seal};
use partial::Partial;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use zkdl::codec::FormatError;
use zkdl::data_proof::{self, DataProof, choose_log_columns};
use zkdl::points::{BLOCK, points_with_blinds};
use zkdl::statement::{Limits, hex};
use zkdl::{DataSet, PointCommitments, data_set};
use zkdl_dataset::descriptor::Descriptor;
use zkdl_field::generators::Generators;

/// Runs `data commit`.
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
    table.row("proof that all are in range", RunDir::new(root).data_proof().display().to_string());
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
    let parts = Parts::read(context, &config, &source)?;
    // Whether a run can be made of them does not depend on the order of the points.
    Plan::new(&config, parts.descriptor.clone(), [0; 32], &source)?;
    if source != dir.config() {
        copy_config(&source, &dir)?;
    }
    let (mut data, seal) = match read_secret(&dir.data())? {
        Some(bytes) => {
            let data = SecretData::decode(&bytes, &dir.data())?;
            parts.same_as(&data, root)?;
            (data, seal(&bytes))
        }
        None => {
            let data = parts.shuffled()?;
            dir.prepare()?;
            let bytes = data.encode();
            atomic::write(&dir.data(), &bytes, Access::Secret)?;
            (data, seal(&bytes))
        }
    };
    let already = dir.descriptor().exists();
    publish(context, &dir, &mut data, seal)?;
    Ok(Committed { data, already })
}

fn copy_config(source: &Path, dir: &RunDir) -> Result<()> {
    let (bytes, target) = (read(source)?, dir.config());
    if target.exists() && read(&target)? != bytes {
        let (target, source) = (target.display(), source.display());
        let next = "leave --config away, or give a new run directory";
        return Err(CliError::usage(format!("{target} exists and differs from {source}: {next}")));
    }
    dir.prepare()?;
    atomic::write(&target, &bytes, Access::Public)
}

/// Writes what is public and not there yet: all of it follows from the secret file. `data` learns its root.
fn publish(context: Context, dir: &RunDir, data: &mut SecretData, seal: [u8; 32]) -> Result<()> {
    dir.prepare()?;
    if !dir.points().exists() {
        let points = PointCommitments(commit_points(context, dir, data, seal)?);
        atomic::write(&dir.points(), &points.encode(), Access::Public)?;
    }
    let points = public_points(dir)?;
    let root = points.root(&data.descriptor);
    data.descriptor.root = root.map_err(|e| CliError::usage("there is nothing to commit").caused_by(e))?;
    if !dir.descriptor().exists() {
        atomic::write(&dir.descriptor(), &data_set::encode(&data.descriptor), Access::Public)?;
    }
    let published = describe(dir)?;
    if published != data.descriptor {
        let (file, points) = (dir.descriptor(), dir.points());
        let next = "restore both from a copy, or remove both and run `zkdl data commit` again";
        let what = format!("{} does not describe {}: {next}", file.display(), points.display());
        return Err(CliError::usage(what));
    }
    if !dir.data_proof().exists() {
        let proof = prove(context, data, &points)?;
        atomic::write(&dir.data_proof(), &proof.encode(), Access::Public)?;
    }
    removed(&dir.partial_points())
}

/// Proves that the data are in range, and verifies the proof before anybody else does.
fn prove(context: Context, data: &SecretData, points: &PointCommitments) -> Result<DataProof> {
    let (descriptor, train) = (&data.descriptor, &data.train);
    let log_columns = choose_log_columns(descriptor, &Limits::default()).map_err(unprovable)?;
    let input = DataSet { features: &train.features, labels: &train.labels, blinds: &data.blinds };
    let mut clock = PhaseClock::of_data(context);
    let proof = data_proof::prove(descriptor, log_columns, input, context.generators, &mut |phase| clock.enter(phase));
    clock.finish();
    let proof = proof.map_err(unprovable)?;
    let spinner = context.spinner("verifying the proof of the data");
    let verdict = data_proof::verify(descriptor, points, &proof, &context.limits, context.generators);
    spinner.finish_and_clear();
    verdict.map_err(|e| CliError::invalid("the commitments are not those of the data: remove them").caused_by(e))?;
    Ok(proof)
}

fn unprovable(error: impl std::error::Error + Send + Sync + 'static) -> CliError {
    CliError::usage("that the data are in range cannot be proven").caused_by(error)
}

fn removed(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(CliError::file("remove", path, e)),
        _ => Ok(()),
    }
}

/// Commits to all points, going on from what an earlier process left.
fn commit_points(context: Context, dir: &RunDir, data: &SecretData, seal: [u8; 32]) -> Result<Vec<[u8; 32]>> {
    context.device();
    let (points, width) = (data.train.labels.len(), data.descriptor.features as usize);
    let (mut partial, mut rows) = Partial::open(&dir.partial_points(), seal, points)?;
    let generators = generators(context, &data.descriptor);
    let bar = context.bar("committing points", points as u64);
    bar.set_position(rows.len() as u64);
    bar.reset_eta();
    for first in (rows.len()..points).step_by(BLOCK) {
        let block = stretch(&generators, data, first..points.min(first + BLOCK), width)?;
        partial.append(&block)?;
        rows.extend(block);
        bar.set_position(rows.len() as u64);
    }
    bar.finish_and_clear();
    Ok(rows)
}

/// The commitments to a stretch of points.
fn stretch(
    generators: &Generators,
    data: &SecretData,
    points: std::ops::Range<usize>,
    width: usize,
) -> Result<Vec<[u8; 32]>> {
    let features = &data.train.features[points.start * width..points.end * width];
    let (labels, blinds) = (&data.train.labels[points.clone()], &data.blinds[points]);
    let rows = points_with_blinds(generators, features, labels, data.descriptor.classes as usize, blinds);
    rows.map_err(|e| CliError::usage("the data cannot be committed").caused_by(e))
}

/// The point commitments from rows and blinds.
pub(crate) fn recommit(context: Context, data: &SecretData) -> Result<Vec<[u8; 32]>> {
    let generators = generators(context, &data.descriptor);
    stretch(&generators, data, 0..data.train.labels.len(), data.descriptor.features as usize)
}

fn generators(context: Context, descriptor: &Descriptor) -> Arc<Generators> {
    let columns = descriptor.features.saturating_add(descriptor.classes);
    context.generators.first(columns as usize)
}

/// The committed data of a run, with their root.
pub(crate) fn open(dir: &RunDir) -> Result<SecretData> {
    let root = dir.root().display();
    let next = format!("run `zkdl data commit {root}`");
    let Some(bytes) = read_secret(&dir.data())? else {
        return Err(CliError::usage(format!("{root}: no data are committed: {next} first")));
    };
    let mut data = SecretData::decode(&bytes, &dir.data())?;
    if !dir.descriptor().exists() {
        return Err(CliError::usage(format!("{root}: the commitment to the data is not finished: {next} again")));
    }
    let public = describe(dir)?;
    if (Descriptor { root: [0; 32], ..public.clone() }) != data.descriptor {
        let (file, secret) = (dir.descriptor(), dir.data());
        return Err(CliError::usage(format!("{} does not describe {}", file.display(), secret.display())));
    }
    data.descriptor = public;
    Ok(data)
}

/// The public commitments to the points of a run.
pub(crate) fn public_points(dir: &RunDir) -> Result<PointCommitments> {
    decoded(PointCommitments::decode(&read(&dir.points())?), &dir.points())
}

/// The public description of the data in a directory.
pub(crate) fn describe(dir: &RunDir) -> Result<Descriptor> {
    decoded(data_set::decode(&read(&dir.descriptor())?), &dir.descriptor())
}

/// What bytes of a file that was named hold; a mistake of use if they are something else.
pub(crate) fn decoded<T>(decoded: std::result::Result<T, FormatError>, path: &Path) -> Result<T> {
    decoded.map_err(|e| CliError::usage(path.display().to_string()).caused_by(e))
}
