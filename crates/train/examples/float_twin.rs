//! Integer training beside its float32 twin: the same split, batches, starting weights and learning rate, on the digits.
//!
//! `cargo run --release -p zkdl-train --example float_twin -- examples/digits/digits.csv [RATE] [SEEDS]`
//!
//! Prints test accuracy of both and their means after 20 epochs (64-128-64-10, batch 32, 1437 training and 360 test points), by
//! default at rate 0.25 for five seeds. High rates make the first steps of some seeds jump, in floats as in integers: where that
//! leaves the default cells, Q and Q_G are 14 and 12 instead of 12 and 10 (no result depends on them), and the table says so.

use std::error::Error;
use std::fs::File;
use std::time::Instant;

use ndarray::{Array1, Array2, Axis};
use zkdl_dataset::{Schedule, Table, ValueRange, read_csv, split};
use zkdl_train::{
    Algorithm, Batch, CellLayout, Format, LearningRate, RatePlan, TrainError, Trainer, Weights, evaluate,
    initial_weights,
};

const EPOCHS: u64 = 20;
const BATCH: u32 = 32;
const RATE: f64 = 0.25;
const TRAIN_POINTS: u32 = 1437;

/// One layer in floats.
struct Dense {
    weights: Array2<f32>,
    bias: Array1<f32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: float_twin digits.csv [RATE] [SEEDS]")?;
    let rate = std::env::args().nth(2).map_or(Ok(RATE), |rate| rate.parse())?;
    let seeds: u8 = std::env::args().nth(3).map_or(Ok(5), |seeds| seeds.parse())?;
    let table = read_csv(File::open(&path)?, &path, ValueRange { min: 0, max: 16 })?;
    println!("{:>4} {:>9} {:>9} {:>12} {:>12}  cell", "seed", "integer", "float", "integer ms", "float ms");
    let (mut sums, mut wide) = ([0.0; 2], 0);
    for seed in 1..=seeds {
        let run = Run::new(&table, seed, rate)?;
        let (integer, bits, time) = run.train_integers()?;
        let (float, float_time) = run.train_floats()?;
        println!("{seed:>4} {integer:>8.2}% {float:>8.2}% {time:>12.1} {float_time:>12.1}  {bits} bits");
        sums = [sums[0] + integer, sums[1] + float];
        wide += u32::from(bits != self::bits(&run.algorithm));
    }
    let [integer, float] = sums.map(|sum| sum / f64::from(seeds));
    println!("mean {integer:>8.2}% {float:>8.2}%   (times are per epoch); seeds beyond the default cell: {wide}");
    Ok(())
}

/// One seed's split, batches and starting weights.
struct Run {
    test: Table,
    batches: Vec<(Vec<i32>, Vec<u32>)>,
    algorithm: Algorithm,
    plan: RatePlan,
    start: Weights,
    rate: f64,
}

impl Run {
    fn new(table: &Table, seed: u8, rate: f64) -> Result<Self, Box<dyn Error>> {
        let (train, test) = split(table.len() as u32, TRAIN_POINTS, [seed; 32])?;
        let (train, test) = (table.select(&train), table.select(&test));
        let schedule = Schedule::new(train.len() as u32, BATCH, [seed; 32], [0; 32])?;
        let max_steps = u64::from(schedule.steps_per_epoch()) * EPOCHS;
        let (widths, format) = (vec![64, 128, 64, 10], Format::default());
        let plan = LearningRate::constant(rate)?.plan(&format, BATCH)?;
        let (r_l, input_min, input_max) = (plan.r_l, 0, 16);
        let algorithm = Algorithm { widths, format, batch: BATCH, f_x: 4, r_l, max_steps, input_min, input_max };
        let batches = schedule.window_indices(0, max_steps as usize).iter().map(|b| gather(&train, b)).collect();
        let start = initial_weights(&algorithm, &[seed; 32], &[0; 32]);
        Ok(Self { test, batches, algorithm, plan, start, rate })
    }

    /// Test accuracy in per cent, bits of a cell, milliseconds an epoch.
    fn train_integers(&self) -> Result<(f64, u32, f64), Box<dyn Error>> {
        let begin = Instant::now();
        match self.integers(&self.algorithm) {
            Ok(accuracy) => Ok((accuracy, bits(&self.algorithm), per_epoch(begin))),
            Err(TrainError::Overflow(_)) => {
                let format = Format { q: 14, q_g: 12, ..self.algorithm.format };
                let (wide, begin) = (Algorithm { format, ..self.algorithm.clone() }, Instant::now());
                Ok((self.integers(&wide)?, bits(&wide), per_epoch(begin)))
            }
            Err(other) => Err(other.into()),
        }
    }

    fn integers(&self, algorithm: &Algorithm) -> Result<f64, TrainError> {
        let mut trainer = Trainer::new(algorithm, self.start.clone())?;
        for (step, (features, labels)) in (0..).zip(&self.batches) {
            trainer.step(Batch { features, labels }, self.plan.multiplier(step), None)?;
        }
        let rows = Batch { features: self.test.values(), labels: self.test.labels() };
        Ok(100.0 * evaluate(algorithm, trainer.weights(), rows)?.accuracy())
    }

    /// Test accuracy in per cent, milliseconds an epoch.
    fn train_floats(&self) -> Result<(f64, f64), Box<dyn Error>> {
        let begin = Instant::now();
        let mut network = floats(&self.start, self.algorithm.format.f_w());
        for (features, labels) in &self.batches {
            float_step(&mut network, &inputs(features, 64)?, labels, self.rate as f32);
        }
        let accuracy = float_accuracy(&network, &inputs(self.test.values(), 64)?, self.test.labels());
        Ok((100.0 * accuracy, per_epoch(begin)))
    }
}

fn bits(algorithm: &Algorithm) -> u32 {
    CellLayout::of(algorithm).hidden_bits()
}

fn per_epoch(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e3 / EPOCHS as f64
}

fn gather(table: &Table, indices: &[u32]) -> (Vec<i32>, Vec<u32>) {
    let points: Vec<_> = indices.iter().filter_map(|&i| table.point(i as usize)).collect();
    (points.iter().flat_map(|p| p.0.to_vec()).collect(), points.iter().map(|p| p.1).collect())
}

/// Rows in real units.
fn inputs(features: &[i32], width: usize) -> Result<Array2<f32>, ndarray::ShapeError> {
    let values = features.iter().map(|&x| x as f32 / 16.0).collect();
    Array2::from_shape_vec((features.len() / width, width), values)
}

fn floats(weights: &Weights, f_w: u32) -> Vec<Dense> {
    let unit = 2f32.powi(f_w.cast_signed());
    let value = |values: &[i64], place: usize| values[place] as f32 / unit;
    let dense = weights.layers.iter().map(|layer| Dense {
        weights: Array2::from_shape_fn((layer.inputs, layer.outputs), |(k, j)| {
            value(layer.matrix(), k * layer.outputs + j)
        }),
        bias: Array1::from_shape_fn(layer.outputs, |j| value(layer.bias(), j)),
    });
    dense.collect()
}

/// What every layer reads, and last the outputs.
fn float_forward(network: &[Dense], input: &Array2<f32>) -> Vec<Array2<f32>> {
    let mut values = vec![input.clone()];
    for (index, layer) in network.iter().enumerate() {
        let mut z = values[index].dot(&layer.weights) + &layer.bias;
        if index + 1 < network.len() {
            z.mapv_inplace(|z| z.max(0.0));
        }
        values.push(z);
    }
    values
}

/// One step of plain SGD on |Z - Y|^2 / 2.
fn float_step(network: &mut [Dense], input: &Array2<f32>, labels: &[u32], rate: f32) {
    let mut values = float_forward(network, input);
    let Some(mut gradient) = values.pop() else { return };
    for (mut row, &label) in gradient.rows_mut().into_iter().zip(labels) {
        row[label as usize] -= 1.0;
    }
    gradient *= rate / labels.len() as f32;
    for (layer, read) in network.iter_mut().zip(values).rev() {
        let mut back = gradient.dot(&layer.weights.t());
        back.zip_mut_with(&read, |h, &a| *h = if a > 0.0 { *h } else { 0.0 });
        layer.weights -= &read.t().dot(&gradient);
        layer.bias -= &gradient.sum_axis(Axis(0));
        gradient = back;
    }
}

fn float_accuracy(network: &[Dense], input: &Array2<f32>, labels: &[u32]) -> f64 {
    let values = float_forward(network, input);
    let outputs = &values[network.len()];
    let largest =
        |row: ndarray::ArrayView1<'_, f32>| row.iter().enumerate().fold(0, |b, (j, z)| if *z > row[b] { j } else { b });
    let correct = outputs.rows().into_iter().zip(labels).filter(|(row, label)| largest(*row) == **label as usize);
    correct.count() as f64 / labels.len() as f64
}
