//! `zkdl estimate`: what a run will take, before any of it is done.
//!
//! Bytes are exact: lengths follow from statements. Memory follows from sizes. Seconds are measured, on this machine, on a sample of the
//! run's own points and steps (see [`calibration`]), and extended to all of it.

mod calibration;

use crate::config::Config;
use crate::data::{self, Parts};
use crate::error::{CliError, Result};
use crate::memory;
use crate::plan::Plan;
use crate::progress::Context;
use crate::prove::refused;
use crate::report::{Table, bytes, emit, emit_json, grouped, seconds};
use crate::run_dir::RunDir;
use crate::secret::Points;
use calibration::Calibration;
use serde::Serialize;
use serde_json::json;
use std::path::Path;
use std::time::Instant;
use zkdl::commitment::PointCommitments;
use zkdl::describe::{self, Sizes};
use zkdl::size::{data_proof_bytes, proof_bytes};
use zkdl::statement::Limits;
use zkdl::{Statement, data_set};
use zkdl_dataset::Descriptor;

/// Runs the verb.
pub(crate) fn run(context: Context, root: &Path, jobs: Option<u16>, sizes_only: bool) -> Result<()> {
    let started = Instant::now();
    let dir = RunDir::new(root);
    let path = dir.config();
    let config = Config::read(&path)?;
    let sample = Sample::read(context, &dir, &config)?;
    let plan = Plan::new(&config, sample.descriptor.clone(), [0; 32], &path)?;
    let jobs = memory::jobs(&plan, plan.window(0)?, jobs).min(plan.windows() as usize);
    let files = Files::of(&plan, sample.test.labels.len() as u64)?;
    let peak = files.peak_memory(&plan, jobs as u64);
    let fits = memory::available().is_none_or(|free| peak <= free);
    let time = if sizes_only || !fits {
        None
    } else {
        Some(Calibration::run(context, &plan, &sample, dir.root())?.extend(&plan, &sample)?)
    };
    let sizes = describe::sizes(&plan.draft(plan.window(0)?)).map_err(refused)?;
    let estimate =
        Estimate { plan: &plan, jobs, sizes, files, peak, fits, time, took: started.elapsed().as_secs_f64() };
    if context.json { emit_json(&estimate.json()) } else { emit(&estimate.text()) }
}

/// The points of a run, committed or not.
struct Sample {
    descriptor: Descriptor,
    train: Points,
    test: Points,
    /// Seconds of reading the files that they come from; 0 if they are committed.
    reading: f64,
}

impl Sample {
    fn read(context: Context, dir: &RunDir, config: &Config) -> Result<Self> {
        let started = Instant::now();
        if dir.descriptor().exists() {
            let data = data::open(dir)?;
            return Ok(Self { descriptor: data.descriptor, train: data.train, test: data.test, reading: 0.0 });
        }
        let parts = Parts::read(context, config, &dir.config())?;
        let (train, test) = parts.points();
        Ok(Self { descriptor: parts.descriptor, train, test, reading: started.elapsed().as_secs_f64() })
    }
}

/// Bytes of files.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Files {
    /// Commitments to the points.
    points: u64,
    /// The proof of the data.
    data_proof: u64,
    /// Proofs of all windows.
    proofs: u64,
    /// Statements of all windows.
    statements: u64,
    /// All that an auditor gets, but for renderings of statements.
    public: u64,
    /// Data, checkpoints and rows, which stay with the trainer: about.
    secret: u64,
}

impl Files {
    /// Of a run with so many points that are held out.
    pub(crate) fn of(plan: &Plan, held_out: u64) -> Result<Self> {
        let limits = Limits::default();
        let data = plan.data();
        let unknown = |e: zkdl::VerifyError| CliError::usage("the length of a proof cannot be told").caused_by(e);
        let log_columns = zkdl::data_proof::choose_log_columns(data, &limits).map_err(refused)?;
        let data_proof = data_proof_bytes(data, log_columns, &limits).map_err(unknown)? as u64;
        let row = PointCommitments(vec![[0; 32]; 1]).encode().len() - PointCommitments(Vec::new()).encode().len();
        let points = (PointCommitments(Vec::new()).encode().len() as u64) + row as u64 * plan.points();
        let (mut proofs, mut statements) = (0, 0);
        for (draft, windows) in kinds(plan)? {
            let rows = describe::sizes(&draft).map_err(refused)?.weight_rows as u64;
            let committed = if draft.start.is_committed() { 2 } else { 1 };
            statements += windows * (draft.encode().len() as u64 + 32 * rows * committed);
            proofs += windows * proof_bytes(&draft, &limits).map_err(unknown)? as u64;
        }
        let description = data_set::encode(data).len() as u64;
        let public = points + data_proof + description + proofs + statements;
        let secret = Self::secret(plan, held_out)?;
        Ok(Self { points, data_proof, proofs, statements, public, secret })
    }

    /// Estimated peak memory of the run.
    pub(crate) fn peak_memory(&self, plan: &Plan, jobs: u64) -> u64 {
        memory::estimate(plan, jobs, self.proofs / 32)
    }

    /// All files.
    pub(crate) fn total(&self) -> u64 {
        self.public.saturating_add(self.secret)
    }

    /// Features and labels with blinds; weights, and rows with blinds, at every boundary.
    fn secret(plan: &Plan, held_out: u64) -> Result<u64> {
        let rows = describe::sizes(&plan.draft(plan.window(0)?)).map_err(refused)?.weight_rows as u64;
        let point = 4 * u64::from(plan.data().features) + 4;
        let data = plan.points().saturating_mul(point + 32).saturating_add(held_out.saturating_mul(point));
        let boundary = plan.algorithm.parameters().saturating_mul(8).saturating_add(64 * rows);
        Ok(data.saturating_add(plan.windows().saturating_mul(boundary)))
    }
}

/// Windows whose files are as long as one another's, with how many they are: the first, those after it, the last.
fn kinds(plan: &Plan) -> Result<Vec<(Statement, u64)>> {
    let last = plan.windows() - 1;
    let kinds = [(0, 1), (1, last.saturating_sub(1)), (last, last.min(1))];
    let draft = |(index, windows)| Ok((plan.draft(plan.window(index)?), windows));
    kinds.into_iter().filter(|(_, windows)| *windows > 0).map(draft).collect()
}

/// Seconds.
#[derive(Debug, Clone, Copy, Serialize)]
struct Seconds {
    data_commit: f64,
    train: f64,
    prove: f64,
    verify: f64,
}

struct Estimate<'a> {
    plan: &'a Plan,
    jobs: usize,
    sizes: Sizes,
    files: Files,
    peak: u64,
    fits: bool,
    time: Option<Seconds>,
    /// Seconds of estimating.
    took: f64,
}

impl Estimate<'_> {
    fn text(&self) -> String {
        let Self { plan, files, .. } = self;
        let mut table = Table::new();
        table.row("parameters", grouped(self.sizes.parameters));
        table.row(
            "steps",
            format!(
                "{} in {} windows, {} cells in each",
                grouped(plan.steps),
                plan.windows(),
                grouped(self.sizes.cells)
            ),
        );
        if let Some(time) = self.time {
            table.row("committing to the data", seconds(time.data_commit));
            table.row("training", seconds(time.train));
            table.row("proving", seconds(time.prove));
            table.row("verifying", seconds(time.verify));
        }
        let room = if self.fits {
            String::new()
        } else {
            " (more than is free here: set a smaller window in [proof])".to_owned()
        };
        table.row("peak memory", format!("{}, {}{room}", bytes(self.peak), self.at_a_time()));
        table.row("proofs", bytes(files.proofs));
        table.row("all public files", bytes(files.public));
        table.row("secret files", bytes(files.secret));
        let why =
            if self.time.is_some() { "seconds are this machine's, measured on a sample" } else { "nothing was run" };
        format!("{}\nestimated in {}: {why}", table.text(), seconds(self.took))
    }

    fn at_a_time(&self) -> String {
        if self.jobs == 1 { "a window at a time".to_owned() } else { format!("{} windows at a time", self.jobs) }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "parameters": self.sizes.parameters, "steps": self.plan.steps, "windows": self.plan.windows(),
            "cells_per_window": self.sizes.cells, "jobs": self.jobs, "seconds": self.time,
            "peak_memory_bytes": self.peak, "fits": self.fits, "bytes": self.files, "estimated_in_seconds": self.took,
        })
    }
}
