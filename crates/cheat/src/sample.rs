//! Small statements with integer weights and data.

use crate::trainer::Matrix;
use zkdl_arguments::{Format, Shape};

/// A public shape with start weights and data points.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The statement's shape.
    pub shape: Shape,
    /// `W_0` by slot: `[k][j]`, the bias last.
    pub start: Vec<Matrix>,
    /// Committed integers of every point.
    pub features: Vec<Vec<i128>>,
    /// One-hot labels of every point.
    pub labels: Vec<Vec<i128>>,
}

/// SplitMix64: small, seeded, good enough to draw test statements.
#[derive(Debug, Clone)]
pub struct Draw(pub u64);

impl Draw {
    /// The next word.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An integer of `low..=high`.
    pub fn between(&mut self, low: i128, high: i128) -> i128 {
        low + (u128::from(self.word()) % ((high - low + 1) as u128)) as i128
    }
}

/// What is chosen of a random statement; the seed decides the rest.
#[derive(Debug, Clone)]
pub struct Sizes {
    /// `d_0 .. d_L`.
    pub widths: Vec<usize>,
    /// Examples a step.
    pub batch: usize,
    /// Steps.
    pub steps: usize,
    /// Columns of a committed row, raised to the least that fits.
    pub columns: usize,
}

impl Sample {
    /// A random statement of these sizes. Example 0 of step 0 has zero features, so that its cells of layer 1 are, in order:
    /// a tie, Z = 0, Z = -2^(R-1), Z > 0, Z < 0.
    #[must_use]
    pub fn random(seed: u64, sizes: &Sizes) -> Self {
        let draw = &mut Draw(seed);
        let points = draw.between(3, 6) as usize;
        let schedule: Vec<Vec<u32>> = (0..sizes.steps)
            .map(|_| (0..sizes.batch).map(|_| draw.between(0, points as i128 - 1) as u32).collect())
            .collect();
        let format = random_format(draw);
        let (low, high) = (1 << (format.r_l - format.r - 1), 3 << (format.r_l - format.r));
        let multipliers = (0..sizes.steps).map(|_| draw.between(low, high) as u64).collect();
        let widths = sizes.widths.clone();
        let shape = Shape { widths, batch: sizes.batch, format, multipliers, schedule, points, columns: sizes.columns };
        let mut sample = Self {
            start: random_weights(draw, &shape),
            features: random_features(draw, &shape),
            labels: random_labels(draw, &shape),
            shape,
        };
        sample.plant_ties();
        sample.fit_columns();
        sample
    }

    fn plant_ties(&mut self) {
        let (f, d) = (self.shape.format, self.shape.widths.clone());
        let first = self.shape.schedule[0][0] as usize;
        self.features[first] = vec![0; d[0]];
        let half = 1i128 << (f.r - 1);
        for (j, z) in [3 * half, 0, -half, 10 * half, -10 * half].into_iter().enumerate().take(d[1]) {
            self.start[0][d[0]][j] = z >> f.f_a;
        }
    }

    fn fit_columns(&mut self) {
        let shape = &mut self.shape;
        let stride = (0..shape.layers()).map(|s| 8 * shape.stride(s)).max().unwrap_or(1);
        let row = shape.widths[0] + shape.widths[shape.layers()];
        let width = shape.widths.iter().copied().max().unwrap_or(1);
        shape.columns = shape.columns.max(stride).max(row).max(width).next_power_of_two();
    }
}

fn random_format(draw: &mut Draw) -> Format {
    let f_a = draw.between(2, 3) as u32;
    let r = f_a + draw.between(4, 5) as u32;
    let r_l = r + draw.between(2, 16) as u32;
    Format { f_a, f_x: draw.between(1, i128::from(f_a)) as u32, r, r_l, q: 16, q_g: draw.between(15, 18) as u32 }
}

fn random_weights(draw: &mut Draw, shape: &Shape) -> Vec<Matrix> {
    let bound = 1 << (shape.format.r - 1);
    let mut matrix = |s: usize| -> Matrix {
        let (rows, columns) = (shape.widths[s] + 1, shape.outputs(s));
        (0..rows).map(|_| (0..columns).map(|_| draw.between(-bound, bound)).collect()).collect()
    };
    (0..shape.layers()).map(&mut matrix).collect()
}

fn random_features(draw: &mut Draw, shape: &Shape) -> Vec<Vec<i128>> {
    let bound = 1 << shape.format.f_x;
    (0..shape.points).map(|_| (0..shape.widths[0]).map(|_| draw.between(-bound, bound)).collect()).collect()
}

fn random_labels(draw: &mut Draw, shape: &Shape) -> Vec<Vec<i128>> {
    let classes = shape.widths[shape.layers()];
    let one_hot = |label: usize| (0..classes).map(|j| i128::from(j == label)).collect();
    (0..shape.points).map(|_| one_hot(draw.between(0, classes as i128 - 1) as usize)).collect()
}
