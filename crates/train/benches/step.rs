//! Training steps, one thread unless `RAYON_NUM_THREADS` says otherwise: `cargo bench -p zkdl-train`.
//!
//! Every benchmark counts multiply-adds (or cells), so the column of throughputs compares what is multiplied in integers, in
//! float64 and in float32. `exact` against `float32` is the price of exactness.

use divan::Bencher;
use divan::counter::ItemsCount;
use ndarray::{Array1, Array2, Axis};
use zkdl_dataset::KeyStream;
use zkdl_train::gemm::{Matrix, product};
use zkdl_train::{Algorithm, Batch, Format, LearningRate, TraceBuilder, Trainer, Weights, initial_weights};

const BATCH: u32 = 64;
const NETWORKS: [&[u32]; 3] =
    [&[64, 128, 64, 10], &[784, 512, 512, 512, 10], &[3072, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 10]];

fn main() {
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        // Fails only if the pool runs already, which it does not.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    }
    divan::main();
}

/// A network, one batch of bytes for it and its starting weights.
struct Case {
    algorithm: Algorithm,
    multiplier: u64,
    start: Weights,
    features: Vec<i32>,
    labels: Vec<u32>,
}

impl Case {
    fn new(widths: &[u32]) -> Self {
        let format = Format { f_a: 8, f_g: 16, q: 14, q_g: 12 };
        let plan = LearningRate::constant(0.05).and_then(|rate| rate.plan(&format, BATCH));
        let (r_l, multiplier) = plan.map_or((1, 1), |plan| (plan.r_l, plan.multiplier(0)));
        let widths = widths.to_vec();
        let (features, classes) = ((widths[0] * BATCH) as usize, u64::from(widths[widths.len() - 1]));
        let (f_x, max_steps, input_min, input_max) = (8, 1 << 40, 0, 255);
        let algorithm = Algorithm { widths, format, batch: BATCH, f_x, r_l, max_steps, input_min, input_max };
        let start = initial_weights(&algorithm, &[1; 32], &[2; 32]);
        let mut stream = KeyStream::derive("bench", &[]);
        let features = (0..features).map(|_| (stream.next_word() & 0xff) as i32).collect();
        let labels = (0..BATCH).map(|_| (stream.next_word() % classes) as u32).collect();
        Self { algorithm, multiplier, start, features, labels }
    }

    fn batch(&self) -> Batch<'_> {
        Batch { features: &self.features, labels: &self.labels }
    }

    /// Three products a layer, two in the first.
    fn multiply_adds(&self) -> ItemsCount {
        let pairs = self.algorithm.widths.windows(2).enumerate();
        let products = pairs.map(|(layer, w)| (if layer == 0 { 2 } else { 3 }) * u64::from(w[0]) * u64::from(w[1]));
        ItemsCount::new(products.sum::<u64>() * u64::from(BATCH))
    }
}

/// Items: multiply-adds.
#[divan::bench(args = NETWORKS, sample_count = 30, sample_size = 1)]
fn exact(bencher: Bencher<'_, '_>, widths: &[u32]) {
    let case = Case::new(widths);
    let Ok(mut trainer) = Trainer::new(&case.algorithm, case.start.clone()) else { return };
    bencher.counter(case.multiply_adds()).bench_local(|| trainer.step(case.batch(), case.multiplier, None));
}

/// The same with its cells. Items: multiply-adds.
#[divan::bench(args = NETWORKS, sample_count = 30, sample_size = 1)]
fn exact_recorded(bencher: Bencher<'_, '_>, widths: &[u32]) {
    let case = Case::new(widths);
    let Ok(mut trainer) = Trainer::new(&case.algorithm, case.start.clone()) else { return };
    let none = Weights { layers: Vec::new() };
    // One more than the samples: memory is taken by the first step.
    let mut builder = TraceBuilder::for_steps(&case.algorithm, 0, none, 31);
    bencher
        .counter(case.multiply_adds())
        .bench_local(|| trainer.step(case.batch(), case.multiplier, Some(&mut builder)));
}

/// The same network and step in float32, matrices multiplied by the same library as below. Items: multiply-adds.
#[divan::bench(args = NETWORKS, sample_count = 30, sample_size = 1)]
fn float32(bencher: Bencher<'_, '_>, widths: &[u32]) {
    let case = Case::new(widths);
    let values = case.features.iter().map(|&x| x as f32 / 256.0).collect();
    let Ok(input) = Array2::from_shape_vec((BATCH as usize, widths[0] as usize), values) else { return };
    let mut network = floats(&case);
    bencher.counter(case.multiply_adds()).bench_local(|| float_step(&mut network, &input, &case.labels, 0.05));
}

/// The general product, through float64: A B, A B^T, A^T B for A of 64 x n. Items: multiply-adds.
#[divan::bench(args = [256, 1024, 3712], sample_count = 20, sample_size = 1)]
fn product_forward(bencher: Bencher<'_, '_>, n: usize) {
    let (a, b) = (integers(64 * n, 11), integers(n * n, 20));
    let run = || product(Matrix::new(&a, 64, n)?, Matrix::new(&b, n, n)?);
    bencher.counter(ItemsCount::new(64 * n * n)).bench(run);
}

/// As above, B transposed.
#[divan::bench(args = [256, 1024, 3712], sample_count = 20, sample_size = 1)]
fn product_back(bencher: Bencher<'_, '_>, n: usize) {
    let (a, b) = (integers(64 * n, 11), integers(n * n, 20));
    let run = || product(Matrix::new(&a, 64, n)?, Matrix::new(&b, n, n)?.transposed());
    bencher.counter(ItemsCount::new(64 * n * n)).bench(run);
}

/// As above, A transposed.
#[divan::bench(args = [256, 1024, 3712], sample_count = 20, sample_size = 1)]
fn product_update(bencher: Bencher<'_, '_>, n: usize) {
    let (a, b) = (integers(64 * n, 11), integers(64 * n, 9));
    let run = || product(Matrix::new(&a, 64, n)?.transposed(), Matrix::new(&b, 64, n)?);
    bencher.counter(ItemsCount::new(64 * n * n)).bench(run);
}

fn integers(count: usize, bits: u32) -> Vec<i64> {
    let mut stream = KeyStream::derive("bench", &[]);
    (0..count).map(|_| stream.next_word().cast_signed() >> (63 - bits)).collect()
}

/// One layer in floats.
struct Dense {
    weights: Array2<f32>,
    bias: Array1<f32>,
}

fn floats(case: &Case) -> Vec<Dense> {
    let unit = 2f32.powi(case.algorithm.format.f_w().cast_signed());
    let dense = case.start.layers.iter().map(|layer| Dense {
        weights: Array2::from_shape_fn((layer.inputs, layer.outputs), |(k, j)| {
            layer.values[k * layer.outputs + j] as f32 / unit
        }),
        bias: layer.bias().iter().map(|&b| b as f32 / unit).collect(),
    });
    dense.collect()
}

/// One step of plain SGD on |Z - Y|^2 / 2.
fn float_step(network: &mut [Dense], input: &Array2<f32>, labels: &[u32], rate: f32) {
    let mut values = vec![input.clone()];
    for (index, layer) in network.iter().enumerate() {
        let mut z = values[index].dot(&layer.weights) + &layer.bias;
        if index + 1 < network.len() {
            z.mapv_inplace(|z| z.max(0.0));
        }
        values.push(z);
    }
    let Some(mut gradient) = values.pop() else { return };
    for (mut row, &label) in gradient.rows_mut().into_iter().zip(labels) {
        row[label as usize] -= 1.0;
    }
    gradient *= rate / labels.len() as f32;
    for (index, (layer, read)) in network.iter_mut().zip(values).enumerate().rev() {
        let back = (index > 0).then(|| gradient.dot(&layer.weights.t()));
        layer.weights -= &read.t().dot(&gradient);
        layer.bias -= &gradient.sum_axis(Axis(0));
        if let Some(mut back) = back {
            back.zip_mut_with(&read, |h, &a| *h = if a > 0.0 { *h } else { 0.0 });
            gradient = back;
        }
    }
}
