//! Random small training runs.

use std::num::NonZeroU64;

use zkdl_dataset::KeyStream;
use zkdl_train::{Algorithm, Format, Relation, Trace, TrainError, Violation, Weights, Witness, check, record_window};

/// A statement with its data and starting weights.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) algorithm: Algorithm,
    pub(crate) multipliers: Vec<u64>,
    pub(crate) indices: Vec<Vec<u32>>,
    pub(crate) features: Vec<Vec<i32>>,
    pub(crate) labels: Vec<u32>,
    pub(crate) start: Weights,
    pub(crate) first_step: u64,
}

impl Sample {
    pub(crate) fn point(&self, index: u32) -> Option<(&[i32], u32)> {
        let row = self.features.get(index as usize)?;
        Some((row, *self.labels.get(index as usize)?))
    }

    pub(crate) fn train(&self) -> Result<Trace, TrainError> {
        let (algorithm, start) = (&self.algorithm, self.start.clone());
        let point = |index| self.point(index);
        record_window(algorithm, start, point, &self.indices, &self.multipliers, self.first_step, |_| ())
    }

    pub(crate) fn check(&self, witness: &impl Witness) -> Result<(), Violation> {
        let Self { algorithm, multipliers, indices, first_step, .. } = self;
        let relation = Relation { algorithm, first_step: *first_step, multipliers, indices };
        check(&relation, |index| self.point(index), witness)
    }
}

/// Uniform integers from a seed.
pub(crate) struct Draw(KeyStream);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(KeyStream::derive("test", &[&seed.to_le_bytes()]))
    }

    /// Uniform in `low..=high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let choices = NonZeroU64::new((high - low) as u64 + 1).unwrap();
        low + self.0.uniform(choices) as i64
    }

    fn list<T>(&mut self, count: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..count).map(|_| one(self)).collect()
    }
}

/// A run of `steps` steps. With few fraction bits most roundings are ties or next to one; with many, training is stable for long.
pub(crate) fn sample(seed: u64, steps: usize, fine: bool) -> Sample {
    let mut draw = Draw::new(seed);
    let depth = draw.between(2, 5) as usize;
    let widths = draw.list(depth, |d| d.between(1, 9) as u32);
    sample_of(widths, &mut draw, steps, fine)
}

/// A run of an architecture.
pub(crate) fn sample_of(widths: Vec<u32>, draw: &mut Draw, steps: usize, fine: bool) -> Sample {
    let (f_a, f_g) =
        if fine { (draw.between(4, 8), draw.between(9, 12)) } else { (draw.between(1, 3), draw.between(1, 3)) };
    let format = Format { f_a: f_a as u32, f_g: f_g as u32, q: 24, q_g: 24 };
    let f_x = draw.between(0, f_a) as u32;
    let (r_l, first_step) = (2 * format.f_a + draw.between(18, 20) as u32, draw.between(0, 1000) as u64);
    let limit = 1 << f_x;
    let (input_min, input_max, batch) = (-limit, limit, draw.between(1, 5) as u32);
    let algorithm = Algorithm { widths, format, batch, f_x, r_l, max_steps: 2000, input_min, input_max };
    let points = draw.between(3, 8);
    let indices = draw.list(steps, |d| d.list(batch as usize, |d| d.between(0, points - 1) as u32));
    let multipliers = draw.list(steps, |d| d.between(1 << 14, 1 << 15) as u64);
    let features = draw.list(points as usize, |d| {
        d.list(algorithm.widths[0] as usize, |d| d.between(input_min.into(), input_max.into()) as i32)
    });
    let classes = algorithm.widths[algorithm.layers()];
    let labels = draw.list(points as usize, |d| d.between(0, i64::from(classes) - 1) as u32);
    let start = start_weights(&algorithm, draw);
    Sample { algorithm, multipliers, indices, features, labels, start, first_step }
}

/// Weights in [-1/2, 1/2]; the first neurons of layer 1 read nothing and have Z at a tie, zero, the lower tie, and far from both.
fn start_weights(algorithm: &Algorithm, draw: &mut Draw) -> Weights {
    let half = 1i64 << (algorithm.format.f_w() - 1);
    let mut start = Weights::zeros(&algorithm.widths);
    for value in start.layers.iter_mut().flat_map(|layer| &mut layer.values) {
        *value = draw.between(-half, half);
    }
    let (f_a, first) = (algorithm.format.f_a, &mut start.layers[0]);
    for (j, z) in [3 * half, 0, -half, 10 * half].into_iter().enumerate().take(first.outputs) {
        for k in 0..first.inputs {
            first.values[k * first.outputs + j] = 0;
        }
        first.values[first.inputs * first.outputs + j] = z >> f_a;
    }
    start
}
