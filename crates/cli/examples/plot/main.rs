//! Draws `docs/performance.svg`: `cargo run --release -p zkdl-cli --example plot -- docs/measurements.jsonl docs/performance.svg`.
//!
//! Every line of the first file is what `zkdl bench --json` printed. Where a workload was measured twice with equally long windows,
//! the later line counts.
//!
//! Left: seconds a step against parameters in windows of 16 and of 64 steps, beside what is known of other systems. Right: seconds a
//! step against depth, from the `custom` lines whose hidden layers all have one width.

mod canvas;
mod depth;
mod parameters;

use canvas::Canvas;
use serde::Deserialize;
use std::fs;

type Error = Box<dyn std::error::Error>;

/// What the drawing takes from a line of measurements.
#[derive(Debug, Clone, Deserialize)]
struct Measured {
    workload: String,
    network: String,
    batch: u32,
    steps: u64,
    threads: u32,
    parameters: u64,
    prove_s_per_step: f64,
    reexecution_s_per_step: f64,
}

impl Measured {
    /// Whether another line is about the same.
    fn repeats(&self, other: &Self) -> bool {
        let about = |m: &Self| (m.workload.clone(), m.network.clone(), m.batch, m.steps);
        about(self) == about(other)
    }
}

fn read(path: &str) -> Result<Vec<Measured>, Error> {
    let text = fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let mut all: Vec<Measured> = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let measured: Measured = serde_json::from_str(line).map_err(|e| format!("{path}, line {}: {e}", index + 1))?;
        if measured.prove_s_per_step <= 0.0 {
            return Err(format!("{path}, line {}: prove_s_per_step is not positive", index + 1).into());
        }
        all.retain(|earlier| !measured.repeats(earlier));
        all.push(measured);
    }
    Ok(all)
}

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = args.as_slice() else { return Err("usage: plot MEASUREMENTS.jsonl FIGURE.svg".into()) };
    let measured = read(input)?;
    let mut canvas = Canvas::new(1240.0, 620.0);
    parameters::draw(&mut canvas, &measured);
    depth::draw(&mut canvas, &measured);
    fs::write(output, canvas.finish()).map_err(|e| format!("{output}: {e}"))?;
    Ok(())
}
