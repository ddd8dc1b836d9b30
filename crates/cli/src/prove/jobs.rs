//! `zkdl prove`: all windows of a run, or some, several at a time. Windows that are already proven are left as they are, so that
//! the same command goes on where a killed one stopped.

use super::{Outcome, prove};
use crate::args::ProveArgs;
use crate::check;
use crate::error::{CliError, Result};
use crate::memory;
use crate::plan::{Plan, Run};
use crate::progress::Context;
use crate::report::{Table, bytes, emit, emit_json, grouped, seconds};
use crate::run_dir::read;
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use zkdl::proof::Proof;
use zkdl::statement::Limits;
use zkdl::{PointCommitments, Statement};

/// What was proven, and what had been.
pub(crate) struct Proven {
    /// Windows of this process, in order.
    pub(crate) windows: Vec<Outcome>,
    /// Windows whose proofs were there and are valid.
    pub(crate) kept: Vec<u64>,
    /// Seconds from the first to the last.
    pub(crate) time: f64,
}

/// Runs the verb.
pub(crate) fn run(context: Context, args: &ProveArgs) -> Result<()> {
    let run = Run::open(&args.run)?;
    let windows = chosen(&run.plan, args)?;
    context.device();
    let proven = prove_windows(context, &run, windows, args.jobs, args.again)?;
    if context.json { emit_json(&proven.json()) } else { emit(&proven.text()) }
}

/// The windows that are asked for.
fn chosen(plan: &Plan, args: &ProveArgs) -> Result<Range<u64>> {
    let all = 0..plan.windows();
    let windows = match (args.window, &args.windows) {
        (Some(index), _) => index..index.saturating_add(1),
        (None, Some(range)) => range.start..range.end.unwrap_or(all.end),
        (None, None) => all,
    };
    if windows.is_empty() {
        return Err(CliError::usage(format!("windows {}..{}: that is none", windows.start, windows.end)));
    }
    plan.window(windows.end - 1)?;
    Ok(windows)
}

/// Proves windows, `jobs` at a time: by default as many as there are threads and memory for.
pub(crate) fn prove_windows(
    context: Context,
    run: &Run,
    windows: Range<u64>,
    jobs: Option<u16>,
    again: bool,
) -> Result<Proven> {
    let started = Instant::now();
    let points = check::public_points(run)?;
    let (mut todo, mut kept) = (Vec::new(), Vec::new());
    for index in windows {
        let done = !again && is_proven(context, run, &points, index)?;
        if done { kept.push(index) } else { todo.push(index) }
    }
    let windows = match todo[..] {
        [] => Vec::new(),
        [only] => vec![prove(context, run, &points, only)?],
        [first, ..] => {
            let jobs = memory::jobs(&run.plan, run.plan.window(first)?, jobs).min(todo.len());
            Pool { context, run, points: &points, todo: &todo }.run(jobs)?
        }
    };
    Ok(Proven { windows, kept, time: started.elapsed().as_secs_f64() })
}

/// Whether a window's files are there, are this run's, and are valid.
fn is_proven(context: Context, run: &Run, points: &PointCommitments, index: u64) -> Result<bool> {
    let files = run.dir.window(index);
    if !files.statement.exists() || !files.proof.exists() {
        return Ok(false);
    }
    let (statement, proof) = (read(&files.statement)?, read(&files.proof)?);
    let (Ok(statement), Ok(proof)) = (Statement::decode(&statement), Proof::decode(&proof)) else { return Ok(false) };
    if !is_ours(run, &statement, index)? {
        return Ok(false);
    }
    Ok(zkdl::verify(&statement, points, &proof, &Limits::default(), context.generators).is_ok())
}

/// Whether a statement is what this run would claim of a window, as far as the rows at its ends are kept.
fn is_ours(run: &Run, statement: &Statement, index: u64) -> Result<bool> {
    let window = run.plan.window(index)?;
    let bare = Statement { start: statement.start.without_rows(), end: Vec::new(), ..statement.clone() };
    if bare != run.plan.draft(window) {
        return Ok(false);
    }
    let differs = |step, rows: &[[u8; 32]]| Ok(run.rows(step)?.is_some_and(|kept| kept.rows.rows != rows));
    let start_differs = statement.start.is_committed() && differs(window.first, statement.start.rows())?;
    Ok(!start_differs && !differs(window.end, &statement.end)?)
}

/// Windows to prove, by threads that take the next one each.
struct Pool<'a> {
    context: Context<'a>,
    run: &'a Run,
    points: &'a PointCommitments,
    todo: &'a [u64],
}

impl Pool<'_> {
    fn run(&self, jobs: usize) -> Result<Vec<Outcome>> {
        let bar = self.context.bar("proving windows", self.todo.len() as u64);
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let outcomes = Mutex::new(Vec::with_capacity(self.todo.len()));
        let work = || {
            // A window's own progress would be lost among those of others.
            let context = Context { quiet: true, ..self.context };
            while let Some(index) = self.todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                if failed.load(Ordering::Relaxed) {
                    return;
                }
                let outcome = prove(context, self.run, self.points, *index);
                failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
                bar.inc(1);
                if let Ok(mut all) = outcomes.lock() {
                    all.push((*index, outcome));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(work);
            }
        });
        bar.finish_and_clear();
        let mut outcomes = outcomes.into_inner().unwrap_or_default();
        outcomes.sort_by_key(|(index, _)| *index);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

impl Proven {
    /// Bytes of the proofs that were made.
    pub(crate) fn bytes(&self) -> u64 {
        self.windows.iter().map(|w| w.proof_bytes as u64).sum()
    }

    fn text(&self) -> String {
        let mut table = match &self.windows[..] {
            [window] => window.table(),
            windows => {
                let mut table = Table::new();
                let sum = |part: fn(&Outcome) -> u64| grouped(windows.iter().map(part).sum());
                table.row("windows proven", windows.len().to_string());
                table.row("steps", sum(|w| w.statement.multipliers.len() as u64));
                table.row("cells", sum(|w| w.sizes.cells));
                table.row("time", seconds(self.time));
                table.row("proofs", bytes(self.bytes()));
                table
            }
        };
        if !self.kept.is_empty() {
            table.row("already proven", format!("{} windows (--again proves them anew)", self.kept.len()));
        }
        table.text()
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        json!({
            "windows": self.windows.iter().map(Outcome::json).collect::<Vec<_>>(),
            "already_proven": self.kept,
            "seconds": self.time,
            "proof_bytes": self.bytes(),
        })
    }
}
