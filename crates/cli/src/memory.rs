//! Whether a job fits, before it starts.

use crate::error::{CliError, Result};
use crate::plan::{Plan, Window};
use crate::report::bytes;
use std::fs;

/// The prover's memory a cell beside the trace.
const PROVER_BYTES_PER_CELL: u64 = 130;
/// Weights before and after, their machine forms and columns of the update.
const BYTES_PER_PARAMETER: u64 = 64;
/// Generators and their tables.
const BYTES_PER_COLUMN: u64 = 4096;

/// What a job holds for every cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// The trace.
    Check,
    /// The trace and the prover's tables.
    Prove,
}

/// Estimated peak memory of a job.
pub(crate) fn estimate(plan: &Plan, window: Window, job: Job) -> u64 {
    let (parameters, cells) = plan.sizes();
    let cells = cells.saturating_mul(window.steps() as u64);
    let layout = zkdl_train::CellLayout::of(&plan.algorithm);
    let trace = u64::from(layout.hidden_bits().max(layout.output_bits()).div_ceil(8));
    let per_cell = match job {
        Job::Check => trace,
        Job::Prove => trace + PROVER_BYTES_PER_CELL,
    };
    let columns = 1u64.checked_shl(plan.log_columns()).unwrap_or(u64::MAX);
    cells
        .saturating_mul(per_cell)
        .saturating_add(parameters.saturating_mul(BYTES_PER_PARAMETER))
        .saturating_add(columns.saturating_mul(BYTES_PER_COLUMN))
}

/// Refuses a job that does not fit into the memory that is free.
pub(crate) fn check(plan: &Plan, window: Window, job: Job) -> Result<()> {
    let needed = estimate(plan, window, job);
    match available() {
        Some(free) if needed > free => Err(CliError::usage(format!(
            "window {} of {} steps needs about {} of memory, {} are available: set a smaller window in [proof] of zkdl.toml, or use a larger machine",
            window.index,
            window.steps(),
            bytes(needed),
            bytes(free)
        ))),
        _ => Ok(()),
    }
}

/// Memory that is free, where the system tells.
fn available() -> Option<u64> {
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
