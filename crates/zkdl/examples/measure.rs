//! Times one window of a synthetic workload: `cargo run --release -p zkdl --example measure -- 784-512-512-512-10 64 16`.
//!
//! Arguments: widths, batch, steps. Data: uniform bytes, as 8-bit pixels. Prints seconds by phase.

use std::time::Instant;
use zkdl::columns::{Preference, choose_log_columns};
use zkdl::commitment::{commit_points, commit_weights};
use zkdl::statement::{GENERATORS, Limits};
use zkdl::{GeneratorSource, Phase, PointCommitments, ProverInput, Start, Statement, prove, verify};
use zkdl_commit::blinds::OsEntropy;
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::stream::KeyStream;
use zkdl_field::generators::Generators;
use zkdl_train::{Format, LearningRate, initial_weights, record_window};

type Error = Box<dyn std::error::Error>;

struct Clock(Instant);

impl Clock {
    fn lap(&mut self, what: &str) -> f64 {
        let seconds = self.0.elapsed().as_secs_f64();
        println!("{what:<28} {seconds:9.3} s");
        self.0 = Instant::now();
        seconds
    }
}

fn synthetic(points: u32, features: u32, classes: u32) -> (Vec<i32>, Vec<u32>) {
    let mut stream = KeyStream::derive("zkdl/measure", &[]);
    let features = (0..points * features).map(|_| (stream.next_word() & 0xff) as i32).collect();
    let labels = (0..points).map(|_| (stream.next_word() % u64::from(classes)) as u32).collect();
    (features, labels)
}

fn arguments() -> Result<(Vec<u32>, u32, usize), Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [widths, batch, steps] = args.as_slice() else { return Err("usage: measure WIDTHS BATCH STEPS".into()) };
    let widths = widths.split('-').map(str::parse).collect::<Result<Vec<u32>, _>>()?;
    Ok((widths, batch.parse()?, steps.parse()?))
}

fn draft(widths: &[u32], batch: u32, steps: usize, points: &PointCommitments) -> Result<Statement, Error> {
    let format = Format { f_a: 8, f_g: 16, q: 14, q_g: 12 };
    let plan = LearningRate::constant(0.05)?.plan(&format, batch)?;
    let (Some(features), Some(classes)) = (widths.first(), widths.last()) else { return Err("no widths".into()) };
    let mut data = Descriptor {
        points: points.0.len() as u32,
        features: *features,
        classes: *classes,
        value_min: 0,
        value_max: 255,
        fraction_bits: 8,
        root: [0; 32],
    };
    data.root = points.root(&data)?;
    Ok(Statement {
        data,
        hidden: widths[1..widths.len() - 1].to_vec(),
        format,
        batch,
        r_l: plan.r_l,
        max_steps: 100_000,
        nonce: [0; 32],
        first_step: 0,
        multipliers: plan.window(0, steps),
        log_columns: 0,
        start: Start::Seed,
        end: Vec::new(),
    })
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown").to_string()
}

fn main() -> Result<(), Error> {
    let (widths, batch, steps) = arguments()?;
    let mut clock = Clock(Instant::now());
    let points = batch * 8;
    let (features, labels) = synthetic(points, widths[0], widths[widths.len() - 1]);
    let columns = ((widths[0] + widths[widths.len() - 1]) as usize).next_power_of_two();
    let generators = Generators::derive(GENERATORS, columns);
    let classes = widths[widths.len() - 1] as usize;
    let rows = commit_points(&generators, &features, &labels, classes, &mut OsEntropy)?;
    let commitments = PointCommitments(rows.rows.clone());
    clock.lap("commit data");
    let mut statement = draft(&widths, batch, steps, &commitments)?;
    let algorithm = statement.algorithm();
    statement.log_columns = choose_log_columns(&algorithm, steps, Preference::default());
    let start = initial_weights(&algorithm, &statement.data.root, &statement.nonce);
    let width = widths[0] as usize;
    let point = |i: u32| Some((features.get(i as usize * width..(i as usize + 1) * width)?, *labels.get(i as usize)?));
    let indices = statement.schedule()?.window_indices(0, steps);
    clock.lap("start weights");
    let trace = record_window(&algorithm, start, point, &indices, &statement.multipliers, 0, |_| ())?;
    let training = clock.lap("train and record");
    let shape = statement.sizes(&Limits::default())?;
    let generators = Generators::derive(GENERATORS, shape.columns);
    clock.lap("generators");
    let end = commit_weights(&generators, &shape, &trace.end, &mut OsEntropy)?;
    let weights = clock.lap("commit final weights");
    statement.end = end.rows.clone();
    let input = ProverInput {
        features: &features,
        labels: &labels,
        point_blinds: &rows.blinds,
        trace: &trace,
        start_blinds: &[],
        end_blinds: &end.blinds,
    };
    let proof = prove_timed(&statement, input)?;
    let proving = clock.lap("prove, in all");
    let verified = verify(&statement, &commitments, &proof, &Limits::default(), &GeneratorSource::derived())?;
    clock.lap("verify");
    let cells = algorithm.cells_per_step() * steps as u64;
    println!("parameters {}, cells {cells}, columns 2^{}", algorithm.parameters(), statement.log_columns);
    println!("proof {} bytes, statement {} bytes", proof.encode().len(), statement.encode().len());
    println!("points of the verifier's multiplication {}", verified.msm_points);
    println!("ns a cell: prove {:.0}", 1e9 * proving / cells as f64);
    println!(
        "seconds a step: train {:.4}, prove {:.4}",
        training / steps as f64,
        (training + weights + proving) / steps as f64
    );
    println!("{}", peak_memory());
    Ok(())
}

fn prove_timed(statement: &Statement, input: ProverInput<'_>) -> Result<zkdl::proof::Proof, Error> {
    let mut last: Option<(Phase, Instant)> = None;
    let mut report = |next: Option<Phase>| {
        if let Some((phase, since)) = last.take() {
            println!("  {:<26} {:9.3} s", format!("{phase:?}"), since.elapsed().as_secs_f64());
        }
        last = next.map(|phase| (phase, Instant::now()));
    };
    let proof = prove(statement, input, &GeneratorSource::derived(), &mut |phase| report(Some(phase)))?;
    report(None);
    Ok(proof)
}
