//! Proving one window: executes it again from its checkpoint, commits the weights at its ends, proves, and verifies the proof
//! before it is written. `zkdl prove` does that for many: see [`jobs`].

pub(crate) mod jobs;

use crate::atomic::{self, Access};
use crate::error::{CliError, Result};
use crate::memory::{self, Job};
use crate::plan::{Run, Window};
use crate::progress::{Context, PhaseClock};
use crate::report::{Table, bytes, grouped, seconds};
use crate::run_dir::WindowFiles;
use crate::secret::{BoundaryRows, RowEntropy};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Instant;
use zkdl::commitment::{commit_weights, recommit_weights};
use zkdl::describe::{self, Sizes};
use zkdl::statement::{Limits, hex};
use zkdl::{BlindedRows, Origin, PointCommitments, ProverInput, Start, Statement, chain};
use zkdl_field::generators::Generators;
use zkdl_train::{Trace, Weights};

/// What was proven, and what it took.
pub(crate) struct Outcome {
    /// Number of the window.
    pub(crate) index: u64,
    /// The statement.
    pub(crate) statement: Statement,
    /// Where it, its rendering and its proof are.
    pub(crate) files: WindowFiles,
    /// Seconds of executing the window again.
    pub(crate) execution: f64,
    /// Seconds of proving.
    pub(crate) time: f64,
    /// The same by phase.
    pub(crate) phases: Vec<(String, f64)>,
    /// Seconds of verifying the own proof.
    pub(crate) verification: f64,
    /// Bytes of the proof file.
    pub(crate) proof_bytes: usize,
    /// Sizes of the statement.
    pub(crate) sizes: Sizes,
}

impl Outcome {
    /// The phases on one line.
    fn phases_text(&self) -> String {
        let one = |(name, time): &(String, f64)| format!("{name} {}", seconds(*time));
        self.phases.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// What a person wants to know of a window.
    fn table(&self) -> Table {
        let statement = &self.statement;
        let (first, end) = (statement.first_step, chain::end(statement));
        let mut table = Table::new();
        table.row("window", format!("{}: steps {first}..{end}", self.index));
        table.row("cells", grouped(self.sizes.cells));
        table.row("model", hex(&describe::model_digest(&statement.end)));
        table.row("data root", hex(&statement.data.root));
        table.row("configuration", hex(&describe::config_digest(statement)));
        table.row("proving", format!("{}  ({})", seconds(self.time), self.phases_text()));
        table.row("proof", format!("{}  {}", self.files.proof.display(), bytes(self.proof_bytes as u64)));
        table.row("statement", self.files.statement.display().to_string());
        table
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        let phases: serde_json::Map<String, Value> =
            self.phases.iter().map(|(name, time)| (name.clone(), json!(time))).collect();
        json!({
            "window": self.index,
            "statement": describe::to_json(&self.statement),
            "files": { "statement": self.files.statement, "json": self.files.json, "proof": self.files.proof },
            "cells": self.sizes.cells, "cell_rows": self.sizes.cell_rows, "weight_rows": self.sizes.weight_rows,
            "execution_seconds": self.execution, "prove_seconds": self.time, "verify_seconds": self.verification,
            "phases_seconds": phases, "proof_bytes": self.proof_bytes,
            "threads": rayon::current_num_threads(),
        })
    }
}

/// What proving a window took, in seconds and bytes, as it is kept for the report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Took {
    /// Executing it again.
    pub(crate) execution: f64,
    /// Proving.
    pub(crate) proving: f64,
    /// The same by phase.
    pub(crate) phases: Vec<(String, f64)>,
    /// Verifying the own proof.
    pub(crate) verification: f64,
    /// The largest memory of the process until then, where the system tells.
    pub(crate) peak_memory: Option<u64>,
}

/// Proves a window and writes its three files, the proof last.
pub(crate) fn prove(context: Context, run: &Run, points: &PointCommitments, index: u64) -> Result<Outcome> {
    let window = run.plan.window(index)?;
    memory::check(&run.plan, window, Job::Prove)?;
    let started = Instant::now();
    let trace = execute(context, run, window)?;
    let execution = started.elapsed().as_secs_f64();
    let ends = Ends::committed(context, run, window, &trace)?;
    let statement = ends.statement(run, window);
    let files = run.dir.window(index);
    let started = Instant::now();
    let mut clock = PhaseClock::new(context, "proving", 9);
    let input = ProverInput {
        features: &run.data.train.features,
        labels: &run.data.train.labels,
        point_blinds: &run.data.blinds,
        trace: &trace,
        start_blinds: ends.start.as_ref().map_or(&[], |rows| &rows.blinds),
        end_blinds: &ends.end.blinds,
    };
    let proof = zkdl::prove(&statement, input, context.generators, &mut |phase| clock.enter(phase));
    let proof = proof.map_err(|e| CliError::usage("no proof can be made").caused_by(e))?;
    let phases: Vec<_> = clock.finish().into_iter().map(|(name, time)| (name.to_owned(), time.wall)).collect();
    let time = started.elapsed().as_secs_f64();
    zkdl::verify(&statement, points, &proof, &context.limits, context.generators)
        .map_err(|e| false_proof(run, index).caused_by(e))?;
    let verification = started.elapsed().as_secs_f64() - time;
    let proof = proof.encode();
    let sizes = describe::sizes(&statement).map_err(refused)?;
    write_public(&files, &statement, &proof)?;
    let took = Took { execution, proving: time, phases, verification, peak_memory: memory::peak() };
    atomic::write(&run.dir.proving(index), serde_json::json!(took).to_string().as_bytes(), Access::Secret)?;
    let phases = took.phases;
    Ok(Outcome { index, statement, files, execution, time, phases, verification, proof_bytes: proof.len(), sizes })
}

/// The proof of a window does not verify: data or weights are not what was committed.
fn false_proof(run: &Run, index: u64) -> CliError {
    let root = run.dir.root().display();
    let advice = format!("run `zkdl check {root} --window {index}` to see what is wrong");
    CliError::invalid(format!("{root}: the proof of window {index} does not verify, nothing is written: {advice}"))
}

/// Executes a window from the weights before it.
pub(crate) fn execute(context: Context, run: &Run, window: Window) -> Result<Trace> {
    let Some(start) = run.weights(window.first)? else {
        let root = run.dir.root().display();
        let missing = format!("the weights before step {} are not there", window.first);
        return Err(CliError::usage(format!("{root}: {missing}: run `zkdl train {root}` first")));
    };
    let bar = context.bar("executing the window", window.steps() as u64);
    let (plan, point) = (&run.plan, |i| run.point(i));
    let indices = plan.schedule.window_indices(window.first, window.steps());
    let multipliers = plan.multipliers(window);
    let trace =
        zkdl_train::record_window(&plan.algorithm, start, point, &indices, &multipliers, window.first, |done| {
            bar.set_position(done as u64)
        });
    bar.finish_and_clear();
    trace.map_err(crate::train::stopped)
}

/// Committed weights at both ends of a window; none at the start if that is public.
struct Ends {
    start: Option<BlindedRows>,
    end: BlindedRows,
}

impl Ends {
    fn committed(context: Context, run: &Run, window: Window, trace: &Trace) -> Result<Self> {
        let generators = context.generators.first(1 << run.plan.log_columns());
        let commit = |step, weights, before| boundary_rows(run, window, (step, weights), before, &generators);
        let public = window.first == 0 && run.plan.origin() == Origin::Seed;
        let start = if public { None } else { Some(commit(window.first, &trace.start, None)?) };
        let end = commit(window.end, &trace.end, start.as_ref().map(|rows| (&trace.start, rows)))?;
        Ok(Self { start, end })
    }

    fn statement(&self, run: &Run, window: Window) -> Statement {
        let committed = |rows: &BlindedRows| Start::Committed { origin: run.plan.origin(), rows: rows.rows.clone() };
        let start = self.start.as_ref().map_or(Start::Seed, committed);
        Statement { start, end: self.end.rows.clone(), ..run.plan.draft(window) }
    }
}

/// The rows of the weights before a step: the ones that are kept, or new ones that are then kept, made from earlier weights
/// and their rows if there are any. The end of one window and the start of the next are the same bytes under the same blinds,
/// also where another machine makes them.
fn boundary_rows(
    run: &Run,
    window: Window,
    (step, weights): (u64, &Weights),
    before: Option<(&Weights, &BlindedRows)>,
    generators: &Generators,
) -> Result<BlindedRows> {
    if let Some(kept) = run.rows(step)? {
        return Ok(kept.rows);
    }
    let shape = run.plan.draft(window).sizes(&Limits::default()).map_err(refused)?;
    let (run_digest, log_columns) = (run.plan.digest(), run.plan.log_columns());
    let mut entropy = RowEntropy::new(&run_digest, step, log_columns, &run.data.blinds);
    let rows = match before {
        None => commit_weights(generators, &shape, weights, &mut entropy),
        Some(before) => recommit_weights(generators, &shape, before, weights, &mut entropy),
    };
    let rows = rows.map_err(|e| CliError::io("the weights cannot be committed").caused_by(e))?;
    let kept = BoundaryRows { run: run_digest, step, log_columns, rows };
    atomic::write(&run.dir.rows(step), &kept.encode(), Access::Secret)?;
    Ok(kept.rows)
}

/// The proof comes last: where there is one, its statement is there too.
fn write_public(files: &WindowFiles, statement: &Statement, proof: &[u8]) -> Result<()> {
    let rendering = format!("{:#}\n", describe::to_json(statement));
    atomic::write(&files.statement, &statement.encode(), Access::Public)?;
    atomic::write(&files.json, rendering.as_bytes(), Access::Public)?;
    atomic::write(&files.proof, proof, Access::Public)
}

/// A statement that cannot be proven.
pub(crate) fn refused(error: zkdl::error::StatementError) -> CliError {
    CliError::usage("this window cannot be proven").caused_by(error)
}
