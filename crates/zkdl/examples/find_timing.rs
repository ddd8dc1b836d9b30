//! Whether the time of a search tells where, or whether, a point was found (catalogue 105): the first row, one in the middle, the last
//! and none, in turns, over 50,000 points of 64 features.

use std::io::Write;
use std::time::Instant;
use zkdl::Query;
use zkdl::membership::find;

const POINTS: usize = 50_000;
const FEATURES: usize = 64;
const ROUNDS: usize = 400;

fn main() -> std::io::Result<()> {
    let mut state = 1u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as i32
    };
    let features: Vec<i32> = (0..POINTS * FEATURES).map(|_| draw()).collect();
    let labels = vec![0; POINTS];
    let row = |i: usize| features.get(i * FEATURES..(i + 1) * FEATURES).unwrap_or_default().to_vec();
    let none: Vec<i32> = (0..FEATURES).map(|_| draw()).collect();
    let asked = [("first", row(0)), ("middle", row(POINTS / 2)), ("last", row(POINTS - 1)), ("none", none)];
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        for ((_, features_asked), times) in asked.iter().zip(&mut times) {
            let query = Query { features: features_asked.clone(), label: None };
            let started = Instant::now();
            std::hint::black_box(find(&features, &labels, &query));
            times.push(started.elapsed().as_secs_f64() * 1e6);
        }
    }
    let mut out = std::io::stdout().lock();
    let middle = Samples::of(times[3].clone());
    for ((name, _), times) in asked.iter().zip(times) {
        let samples = Samples::of(times);
        writeln!(out, "{name:8} median {:7.1} us, t against none {:5.2}", samples.median, samples.t(&middle))?;
    }
    Ok(())
}

/// The faster nine tenths of some times: the rest is the machine's.
struct Samples {
    n: f64,
    median: f64,
    mean: f64,
    variance: f64,
}

impl Samples {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        times.truncate(times.len() * 9 / 10);
        let n = times.len() as f64;
        let mean = times.iter().sum::<f64>() / n;
        let variance = times.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Self { n, median, mean, variance }
    }

    /// Welch's t; beyond 4.5 either way is taken for a leak by the usual test of constant time.
    fn t(&self, other: &Self) -> f64 {
        let spread = (self.variance / self.n + other.variance / other.n).sqrt();
        if spread > 0.0 { (self.mean - other.mean) / spread } else { 0.0 }
    }
}
