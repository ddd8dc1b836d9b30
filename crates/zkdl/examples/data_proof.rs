//! Commits a data set of random bytes, proves it and verifies the proof, and prints what every phase takes.
//!
//! `cargo run --release -p zkdl --example data_proof -- 50000 784`

use std::time::Instant;
use zkdl::DataSet;
use zkdl::data_proof::{choose_log_columns, prove, verify};
use zkdl::points::commit_points;
use zkdl::statement::Limits;
use zkdl::{GeneratorSource, PointCommitments};
use zkdl_commit::blinds::OsEntropy;
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::quantiser::ValueRange;

type Failure = Box<dyn std::error::Error>;

const CLASSES: u32 = 10;

/// Numbers without structure.
fn noise(n: usize) -> u64 {
    let mixed = (n as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40
}

/// Peak of the process's memory so far, as Linux tells it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown");
    line.trim().to_owned()
}

/// Prints the time since the phase before.
struct Clock(Instant);

impl Clock {
    fn lap(&mut self, what: &str) {
        println!("{what:<28} {:8.3} s   peak {}", self.0.elapsed().as_secs_f64(), peak());
        self.0 = Instant::now();
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u32| arguments.next().map_or(Ok(default), |word| word.parse());
    let (points, features) = (number(50_000)?, number(784)?);
    let all: Vec<i32> = (0..points as usize * features as usize).map(|i| (noise(i) & 255) as i32).collect();
    let labels: Vec<u32> = (0..points).map(|i| noise(i as usize) as u32 % CLASSES).collect();
    let mut data = Descriptor::uniform(points, features, CLASSES, ValueRange { min: 0, max: 255 }, 8);
    let limits = Limits::default();
    let log_columns = choose_log_columns(&data, &limits)?;
    println!("{points} points, {features} features, 2^{log_columns} columns, {} threads", rayon::current_num_threads());
    let source = GeneratorSource::derived();
    let mut clock = Clock(Instant::now());
    let generators = source.first(1 << log_columns);
    clock.lap("generators");
    let rows = commit_points(&generators, &all, &labels, CLASSES as usize, &mut OsEntropy)?;
    clock.lap("commit points");
    let commitments = PointCommitments(rows.rows);
    data.root = commitments.root(&data)?;
    let input = DataSet { features: &all, labels: &labels, blinds: &rows.blinds };
    let mut before = "pack".to_owned();
    let proof = prove(&data, log_columns, input, &source, &mut |phase| {
        clock.lap(&std::mem::replace(&mut before, format!("  {phase:?}")));
    })?;
    clock.lap(&before);
    println!("proof: {} bytes", proof.encode().len());
    let verified = verify(&data, &commitments, &proof, &limits, &source)?;
    clock.lap("verify");
    println!("points of the final check: {}", verified.msm_points);
    Ok(())
}
