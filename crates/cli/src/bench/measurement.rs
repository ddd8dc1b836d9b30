//! What was measured, as a table or as one line of JSON.

use super::workload::Workload;
use super::{Bench, Lap, Run};
use crate::clock::Time;
use crate::error::{CliError, Result};
use crate::memory;
use crate::report::{Table, bytes, grouped, percent, seconds};
use serde::Serialize;
use zkdl::describe::Sizes;

/// Bytes of a commitment.
const COMMITMENT_BYTES: u64 = 32;

/// The measurement: `zkdl bench --json` prints it on one line. Seconds and bytes throughout; CPU seconds are those of all
/// threads. Times are those of the run whose proving time is the median, the lower one of two.
#[derive(Debug, Serialize)]
pub(super) struct Measurement {
    /// Name of the workload, or `custom`.
    workload: &'static str,
    /// Widths.
    network: String,
    batch: u32,
    /// Steps of a window.
    steps: u64,
    learning_rate: f64,
    /// Committed data points.
    points: u32,
    parameters: u64,
    /// Cells of the window.
    cells: u64,
    /// Bits of a hidden cell.
    cell_bits: u32,
    /// Share of the cells' bytes that are not zero. Zero bytes cost less: gradients that have vanished flatter the prover.
    nonzero_bytes: f64,
    /// Binary logarithm of the columns of a committed row.
    columns_log2: u32,
    threads: usize,
    /// Instruction sets of this processor that the code has a use for.
    features: Vec<&'static str>,
    /// Training without recording or proving.
    train_s_per_step: f64,
    train_cpu_s_per_step: Option<f64>,
    /// Everything in `phases`, a step.
    prove_s_per_step: f64,
    prove_cpu_s_per_step: Option<f64>,
    /// The same of every run, in order.
    prove_s_per_step_runs: Vec<f64>,
    reexecution_s_per_step: f64,
    /// Everything in `phases`, a cell.
    ns_per_cell: f64,
    /// Reading and verifying; the median of all runs, whichever they are.
    verify_s: f64,
    verify_cpu_s: Option<f64>,
    /// What a window adds to what an auditor keeps: the proof and the commitments to its final weights.
    bytes_total: u64,
    bytes_per_step: f64,
    bytes: Bytes,
    peak_rss_bytes: Option<u64>,
    /// The prover's work in order.
    phases: Vec<Phase>,
    /// What a run does once, its first window apart.
    setup: Setup,
}

/// Sizes of the files.
#[derive(Debug, Serialize)]
struct Bytes {
    proof: u64,
    /// Commitments to rows of cells, in the proof.
    cell_rows: u64,
    statement: u64,
    /// Commitments to the final weights, in the statement.
    weight_rows: u64,
    /// Commitments to the data.
    points: u64,
}

/// A part of the work.
#[derive(Debug, Clone, Serialize)]
struct Phase {
    name: &'static str,
    wall_s: f64,
    cpu_s: Option<f64>,
}

/// What a run does once.
#[derive(Debug, Serialize)]
struct Setup {
    wall_s: f64,
    cpu_s: Option<f64>,
    phases: Vec<Phase>,
}

impl Phase {
    fn list(laps: &[Lap]) -> Vec<Self> {
        laps.iter().map(|(name, time)| Self { name, wall_s: time.wall, cpu_s: time.cpu }).collect()
    }
}

impl Run {
    fn proving(&self) -> Time {
        Time::sum(self.laps.iter().map(|(_, time)| *time))
    }
}

/// The run in the middle by this time, the lower one of two.
fn median(runs: &[Run], time: impl Fn(&Run) -> Time) -> Result<&Run> {
    let mut sorted: Vec<&Run> = runs.iter().collect();
    sorted.sort_by(|a, b| time(a).wall.total_cmp(&time(b).wall));
    let middle = sorted.len().saturating_sub(1) / 2;
    sorted.get(middle).copied().ok_or_else(|| CliError::usage("nothing was measured"))
}

impl Measurement {
    /// Sums up all runs.
    pub(super) fn new(workload: &Workload, bench: &Bench, sizes: Sizes, runs: &[Run]) -> Result<Self> {
        let (statement, run) = (&bench.statement, median(runs, Run::proving)?);
        let steps = statement.multipliers.len() as f64;
        let (proving, verification) = (run.proving(), median(runs, |run| run.verification)?.verification);
        let reexecution = run.laps.iter().find(|(name, _)| *name == "re-execution").map_or(0.0, |(_, time)| time.wall);
        let setup = Time::sum(bench.setup.iter().map(|(_, time)| *time));
        let weight_rows = COMMITMENT_BYTES * sizes.weight_rows as u64;
        let bytes_total = run.proof_bytes as u64 + weight_rows;
        Ok(Self {
            workload: workload.name,
            network: workload.network.to_string(),
            batch: workload.batch,
            steps: statement.multipliers.len() as u64,
            learning_rate: workload.rate,
            points: statement.data.points,
            parameters: sizes.parameters,
            cells: sizes.cells,
            cell_bits: zkdl_train::CellLayout::of(&bench.algorithm).hidden_bits(),
            nonzero_bytes: run.nonzero,
            columns_log2: statement.log_columns,
            threads: rayon::current_num_threads(),
            features: cpu_features(),
            train_s_per_step: bench.training.wall / steps,
            train_cpu_s_per_step: bench.training.cpu.map(|cpu| cpu / steps),
            prove_s_per_step: proving.wall / steps,
            prove_cpu_s_per_step: proving.cpu.map(|cpu| cpu / steps),
            prove_s_per_step_runs: runs.iter().map(|run| run.proving().wall / steps).collect(),
            reexecution_s_per_step: reexecution / steps,
            ns_per_cell: 1e9 * proving.wall / sizes.cells as f64,
            verify_s: verification.wall,
            verify_cpu_s: verification.cpu,
            bytes_total,
            bytes_per_step: bytes_total as f64 / steps,
            bytes: Bytes {
                proof: run.proof_bytes as u64,
                cell_rows: COMMITMENT_BYTES * sizes.cell_rows as u64,
                statement: run.statement_bytes as u64,
                weight_rows,
                points: bench.public_points.len() as u64,
            },
            peak_rss_bytes: memory::peak(),
            phases: Phase::list(&run.laps),
            setup: Setup { wall_s: setup.wall, cpu_s: setup.cpu, phases: Phase::list(&bench.setup) },
        })
    }

    /// One line of JSON.
    pub(super) fn json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| CliError::io("the measurement cannot be written").caused_by(e))
    }

    /// A table for people.
    pub(super) fn text(&self) -> String {
        let features =
            if self.features.is_empty() { String::new() } else { format!(" ({})", self.features.join(", ")) };
        let about = format!(
            "{}: {}, batch {}, {} parameters\n{} steps a window, {} cells of {} bits, {} points, {} threads{features}",
            self.workload,
            self.network,
            self.batch,
            grouped(self.parameters),
            self.steps,
            grouped(self.cells),
            self.cell_bits,
            grouped(u64::from(self.points)),
            self.threads
        );
        let which = match self.prove_s_per_step_runs.len() {
            1 => "A window that starts from committed weights".to_owned(),
            runs => format!("A window that starts from committed weights, median of {runs} runs"),
        };
        let (window, once, sizes) = (self.window_table(), self.setup_table(), self.sizes_table());
        format!("{about}\n\n{which}\n{window}\n\nOnce in a run\n{once}\n\nSizes\n{sizes}")
    }

    fn window_table(&self) -> String {
        let steps = self.steps as f64;
        let whole = |step: f64, cpu: Option<f64>| times(step * steps, cpu.map(|cpu| cpu * steps));
        let mut table = Table::new();
        table.row("", format!("{:>10} {:>10}", "wall", "CPU"));
        table.row("training, no proof", whole(self.train_s_per_step, self.train_cpu_s_per_step));
        table.row("proving", whole(self.prove_s_per_step, self.prove_cpu_s_per_step));
        phase_rows(&mut table, &self.phases);
        table.row("verifying", times(self.verify_s, self.verify_cpu_s));
        table.row("training, a step", times(self.train_s_per_step, self.train_cpu_s_per_step));
        table.row("proving, a step", times(self.prove_s_per_step, self.prove_cpu_s_per_step));
        table.row("proving, a cell", format!("{:>7.0} ns", self.ns_per_cell));
        table.text()
    }

    fn setup_table(&self) -> String {
        let mut table = Table::new();
        table.row("all", times(self.setup.wall_s, self.setup.cpu_s));
        phase_rows(&mut table, &self.setup.phases);
        table.text()
    }

    fn sizes_table(&self) -> String {
        let mut table = Table::new();
        table.row("proof", bytes(self.bytes.proof));
        table.row("  of it, commitments to cells", bytes(self.bytes.cell_rows));
        table.row("statement", bytes(self.bytes.statement));
        table.row("  of it, commitments to final weights", bytes(self.bytes.weight_rows));
        table.row("proof and final weights, a step", bytes(self.bytes_per_step as u64));
        table.row("point commitments", bytes(self.bytes.points));
        table.row("columns of a row", format!("2^{}", self.columns_log2));
        table.row("bytes of cells that are not zero", percent(self.nonzero_bytes));
        if let Some(peak) = self.peak_rss_bytes {
            table.row("peak memory", bytes(peak));
        }
        table.text()
    }
}

fn phase_rows(table: &mut Table, phases: &[Phase]) {
    for phase in phases {
        table.row(&format!("  {}", phase.name), times(phase.wall_s, phase.cpu_s));
    }
}

/// Wall and CPU time in columns.
fn times(wall: f64, cpu: Option<f64>) -> String {
    format!("{:>10} {:>10}", seconds(wall), cpu.map_or_else(String::new, seconds))
}

/// The instruction sets that the code, or a library it calls, chooses its kernels by, as far as this processor has them.
pub(crate) fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let known = [
        ("bmi2", std::arch::is_x86_feature_detected!("bmi2")),
        ("adx", std::arch::is_x86_feature_detected!("adx")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512ifma", std::arch::is_x86_feature_detected!("avx512ifma")),
        ("avx512vbmi2", std::arch::is_x86_feature_detected!("avx512vbmi2")),
        ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let known: [(&str, bool); 0] = [];
    known.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_run_that_was_measured() {
        let run = |wall| {
            let time = Time { wall, cpu: None };
            Run { laps: vec![("commit", time)], verification: time, proof_bytes: 0, statement_bytes: 0, nonzero: 0.0 }
        };
        let of = |walls: &[f64]| {
            let runs: Vec<Run> = walls.iter().map(|wall| run(*wall)).collect();
            median(&runs, Run::proving).map(|run| run.proving().wall).ok()
        };
        assert_eq!((of(&[3.0, 1.0, 2.0]), of(&[4.0, 1.0, 3.0, 2.0]), of(&[])), (Some(2.0), Some(2.0), None));
    }
}
