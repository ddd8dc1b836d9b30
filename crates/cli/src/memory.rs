//! Whether a job fits, before it starts.

use crate::error::{CliError, Result};
use crate::plan::{Plan, Window};
use crate::report::bytes;
use std::fs;
use zkdl::Statement;
use zkdl_train::Algorithm;

/// A process with its threads.
const PROCESS_BYTES: u64 = 10 << 20;
/// The prover's memory a cell beside the trace: four scalars for every four cells, and some.
const PROVER_BYTES_PER_CELL: u64 = 40;
/// Weights before and after a window, and their machine forms.
const BYTES_PER_PARAMETER: u64 = 16;
/// A checkpoint while it is read, and the public start.
const SHARED_BYTES_PER_PARAMETER: u64 = 14;
/// Column weights of the opening, and the vectors of the inner product.
const BYTES_PER_COLUMN: u64 = 640;
/// Generators and their tables.
const SHARED_BYTES_PER_COLUMN: u64 = 640;
/// Copies of the features while they are read and put into their secret order.
const READING_COPIES: u64 = 4;

/// What a job holds for every cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// The trace.
    Check,
    /// The trace and the prover's tables.
    Prove,
}

/// A point of a proof while it is verified with others, and while it is multiplied, of which there is an end.
const BYTES_PER_POINT: u64 = 420;
const MULTIPLIED_BYTES_PER_POINT: u64 = 1024;
const MULTIPLIED_AT_A_TIME: u64 = 1 << 17;
/// A column of every proof that is verified.
const VERIFIED_BYTES_PER_COLUMN: u64 = 32;

/// Estimated peak memory of a run whose windows are proven so many at a time, and whose proofs, of so many points, are verified
/// together.
pub(crate) fn estimate(plan: &Plan, jobs: u64, points: u64) -> u64 {
    let window = plan.window.min(plan.steps) as usize;
    let proving = shared(plan).saturating_add(own(plan, window, Job::Prove).saturating_mul(jobs));
    PROCESS_BYTES.saturating_add(reading(plan).max(proving).max(verifying(plan, points)))
}

/// Verifying all windows at once.
fn verifying(plan: &Plan, points: u64) -> u64 {
    let all = points.saturating_add(plan.points());
    let multiplied = all.min(MULTIPLIED_AT_A_TIME).saturating_mul(MULTIPLIED_BYTES_PER_POINT);
    let per_column = VERIFIED_BYTES_PER_COLUMN.saturating_mul(plan.windows()).saturating_add(SHARED_BYTES_PER_COLUMN);
    let columns = per_column.checked_shl(plan.log_columns()).unwrap_or(u64::MAX);
    all.saturating_mul(BYTES_PER_POINT).saturating_add(multiplied).saturating_add(columns)
}

/// Reading the data.
fn reading(plan: &Plan) -> u64 {
    values(plan).saturating_mul(4 * READING_COPIES)
}

fn values(plan: &Plan) -> u64 {
    plan.points().saturating_mul(u64::from(plan.algorithm.widths.first().copied().unwrap_or(0)))
}

/// What jobs share: the data and their blinds, generators, a checkpoint.
fn shared(plan: &Plan) -> u64 {
    let data = values(plan).saturating_mul(4).saturating_add(plan.points().saturating_mul(32));
    let columns = SHARED_BYTES_PER_COLUMN.checked_shl(plan.log_columns()).unwrap_or(u64::MAX);
    let weights = plan.algorithm.parameters().saturating_mul(SHARED_BYTES_PER_PARAMETER);
    data.saturating_add(columns).saturating_add(weights)
}

/// What every job has of its own.
fn own(plan: &Plan, steps: usize, job: Job) -> u64 {
    let weights = plan.algorithm.parameters().saturating_mul(BYTES_PER_PARAMETER);
    working(&plan.algorithm, steps, plan.log_columns(), job).saturating_add(weights)
}

/// Estimated peak memory of measuring a window: its weights are never read from a file, so that there are only two copies of
/// them and the update of one layer.
pub(crate) fn estimate_bench(statement: &Statement) -> u64 {
    let algorithm = statement.algorithm();
    let layer = |pair: &[u32]| (u64::from(pair[0]) + 1).saturating_mul(u64::from(pair[1]));
    let largest = algorithm.widths.windows(2).map(layer).max().unwrap_or(0);
    let weights = algorithm.parameters().saturating_mul(16).saturating_add(largest.saturating_mul(8));
    let points = u64::from(statement.data.points).saturating_mul(u64::from(statement.data.features)).saturating_mul(16);
    let columns = SHARED_BYTES_PER_COLUMN.checked_shl(statement.log_columns).unwrap_or(u64::MAX);
    let working = working(&algorithm, statement.multipliers.len(), statement.log_columns, Job::Prove);
    [weights, points, columns].into_iter().fold(PROCESS_BYTES.saturating_add(working), u64::saturating_add)
}

/// What grows with the window: cells, and what is held for every cell and every column.
fn working(algorithm: &Algorithm, steps: usize, log_columns: u32, job: Job) -> u64 {
    let layout = zkdl_train::CellLayout::of(algorithm);
    let trace = u64::from(layout.hidden_bits().max(layout.output_bits()).div_ceil(8));
    let per_cell = match job {
        Job::Check => trace,
        Job::Prove => trace + PROVER_BYTES_PER_CELL,
    };
    let cells = algorithm.cells_per_step().saturating_mul(steps as u64);
    let columns = BYTES_PER_COLUMN.checked_shl(log_columns).unwrap_or(u64::MAX);
    cells.saturating_mul(per_cell).saturating_add(columns)
}

/// Refuses a job that does not fit into the memory that is free.
pub(crate) fn check(plan: &Plan, window: Window, job: Job) -> Result<()> {
    let what = format!("window {} of {} steps", window.index, window.steps());
    // The data are in memory already.
    refuse_above(own(plan, window.steps(), job), &what, "set a smaller window in [proof] of zkdl.toml")
}

/// How many windows are proven at a time: what was asked for, or what threads and memory allow; one at least.
pub(crate) fn jobs(plan: &Plan, window: Window, asked: Option<u16>) -> usize {
    let one = own(plan, window.steps(), Job::Prove).max(1);
    let free = available().map(|free| free.saturating_sub(shared(plan)));
    let fitting = free.map_or(1, |free| usize::try_from(free / one).unwrap_or(usize::MAX));
    asked.map_or_else(|| fitting.min(rayon::current_num_threads()), usize::from).max(1)
}

/// Refuses work that needs more memory than is free; `advice` says how it could need less.
pub(crate) fn refuse_above(needed: u64, what: &str, advice: &str) -> Result<()> {
    match available() {
        Some(free) if needed > free => Err(CliError::usage(format!(
            "{what} needs about {} of memory, {} are available: {advice}, or use a larger machine",
            bytes(needed),
            bytes(free)
        ))),
        _ => Ok(()),
    }
}

/// Memory that is free, where the system tells.
pub(crate) fn available() -> Option<u64> {
    kibibytes("/proc/meminfo", "MemAvailable:")
}

/// The largest memory this process has had, where the system tells.
pub(crate) fn peak() -> Option<u64> {
    kibibytes("/proc/self/status", "VmHWM:")
}

fn kibibytes(file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
