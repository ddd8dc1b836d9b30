//! A small complete run: data, training, commitments, statement, proof.

use std::sync::LazyLock;
use zkdl::columns::{Preference, choose_log_columns};
use zkdl::commitment::{commit_weights, recommit_weights, weights_with_blinds};
use zkdl::points::commit_points;
use zkdl::statement::Limits;
use zkdl::{BlindedRows, GeneratorSource, Origin, PointCommitments, ProverInput, Start, Statement};
use zkdl_commit::blinds::Entropy;
use zkdl_dataset::{Descriptor, ValueRange};
use zkdl_field::scalar::RandomnessError;
use zkdl_train::{Algorithm, Format, Trace, Weights, initial_weights, record_window};

/// Derived once for all tests.
pub(crate) fn generators() -> &'static GeneratorSource {
    static SOURCE: LazyLock<GeneratorSource> = LazyLock::new(GeneratorSource::derived);
    &SOURCE
}

/// Test-only entropy: a counter.
pub(crate) struct Counter(pub(crate) u8);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(181).wrapping_add(7);
            *byte = self.0;
        }
        Ok(())
    }
}

/// Sizes of a run.
#[derive(Debug, Clone)]
pub(crate) struct Sizes {
    pub(crate) features: u32,
    pub(crate) hidden: Vec<u32>,
    pub(crate) classes: u32,
    pub(crate) points: u32,
    pub(crate) batch: u32,
    pub(crate) steps: usize,
    pub(crate) first_step: u64,
    pub(crate) log_columns: Option<u32>,
    /// Where the run starts; [`named_weights`] if that is not the public seed.
    pub(crate) origin: Origin,
}

pub(crate) const SMALL: fn() -> Sizes = || Sizes {
    features: 5,
    hidden: vec![7, 6],
    classes: 3,
    points: 11,
    batch: 3,
    steps: 3,
    first_step: 0,
    log_columns: None,
    origin: Origin::Seed,
};

/// A run from weights that somebody brought.
pub(crate) const NAMED: fn() -> Sizes = || Sizes { origin: Origin::Named { bits: 32 }, ..SMALL() };

/// Weights of all magnitudes up to 2^21, among them fractions.
pub(crate) fn named_weights(algorithm: &Algorithm) -> Weights {
    let mut weights = Weights::zeros(&algorithm.widths);
    for (i, value) in weights.layers.iter_mut().flat_map(|layer| &mut layer.values).enumerate() {
        *value = (i as i64 * 7_919 % 101 - 50) << (i % 14);
    }
    weights
}

/// Everything both sides have.
pub(crate) struct Run {
    pub(crate) statement: Statement,
    pub(crate) points: PointCommitments,
    pub(crate) features: Vec<i32>,
    pub(crate) labels: Vec<u32>,
    pub(crate) trace: Trace,
    pub(crate) point_rows: BlindedRows,
    pub(crate) start_rows: Option<BlindedRows>,
    pub(crate) end_rows: BlindedRows,
}

impl Run {
    /// Trains and commits; `seed` fixes data and randomness.
    pub(crate) fn new(sizes: &Sizes, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let features = (0..sizes.points * sizes.features).map(|_| next(17) as i32).collect();
        let labels = (0..sizes.points).map(|_| next(u64::from(sizes.classes)) as u32).collect();
        Self::of(sizes, features, labels, &mut Counter(seed as u8))
    }

    /// Trains on these data and commits.
    pub(crate) fn of(sizes: &Sizes, features: Vec<i32>, labels: Vec<u32>, entropy: &mut dyn Entropy) -> Self {
        let draft = Statement { log_columns: sizes.log_columns.unwrap_or(0), ..draft(sizes) };
        Self::drafted(draft, &named_weights, (features, labels), entropy)
    }

    /// The same for any statement that lacks data root and rows, and may lack columns; `named` are the weights that it starts from, unless these
    /// are public.
    pub(crate) fn drafted(
        mut statement: Statement,
        named: &dyn Fn(&Algorithm) -> Weights,
        (features, labels): (Vec<i32>, Vec<u32>),
        entropy: &mut dyn Entropy,
    ) -> Self {
        let classes = statement.data.classes;
        let generators = generators().first((statement.data.features + classes).next_power_of_two() as usize);
        let point_rows = commit_points(&generators, &features, &labels, classes as usize, entropy).unwrap();
        let points = PointCommitments(point_rows.rows.clone());
        statement.data.root = points.root(&statement.data).unwrap();
        let trace = train(&statement, named, &features, &labels);
        if statement.log_columns == 0 {
            let (algorithm, steps) = (statement.algorithm(), statement.multipliers.len());
            statement.log_columns = choose_log_columns(&algorithm, steps, Preference::default());
        }
        let (start_rows, end_rows) = commit_ends(&mut statement, &trace, entropy);
        Self { statement, points, features, labels, trace, point_rows, start_rows, end_rows }
    }

    pub(crate) fn input(&self) -> ProverInput<'_> {
        ProverInput {
            features: &self.features,
            labels: &self.labels,
            point_blinds: &self.point_rows.blinds,
            trace: &self.trace,
            start_blinds: self.start_rows.as_ref().map_or(&[], |rows| &rows.blinds),
            end_blinds: &self.end_rows.blinds,
        }
    }
}

/// The statement without data root and rows.
pub(crate) fn draft(sizes: &Sizes) -> Statement {
    Statement {
        data: Descriptor::uniform(sizes.points, sizes.features, sizes.classes, ValueRange { min: 0, max: 16 }, 4),
        hidden: sizes.hidden.clone(),
        format: Format::default(),
        batch: sizes.batch,
        r_l: 37,
        max_steps: 1000,
        nonce: [9; 32],
        first_step: sizes.first_step,
        multipliers: (0..sizes.steps as u64).map(|t| 5_000 + 250 * t).collect(),
        log_columns: 0,
        start: match (sizes.first_step, sizes.origin) {
            (0, Origin::Seed) => Start::Seed,
            (_, origin) => Start::Committed { origin, rows: Vec::new() },
        },
        end: Vec::new(),
    }
}

fn train(statement: &Statement, named: &dyn Fn(&Algorithm) -> Weights, features: &[i32], labels: &[u32]) -> Trace {
    let algorithm = statement.algorithm();
    let width = statement.data.features as usize;
    let point = |i: u32| Some((&features[i as usize * width..(i as usize + 1) * width], labels[i as usize]));
    let schedule = statement.schedule().unwrap();
    let mut weights = match statement.start.origin() {
        Origin::Seed => initial_weights(&algorithm, &statement.data.root, &statement.nonce),
        Origin::Named { .. } => named(&algorithm),
    };
    if statement.first_step > 0 {
        let before = statement.first_step as usize;
        let indices = schedule.window_indices(0, before);
        let trace = record_window(&algorithm, weights, point, &indices, &vec![5_000; before], 0, |_| ()).unwrap();
        weights = trace.end;
    }
    let indices = schedule.window_indices(statement.first_step, statement.multipliers.len());
    record_window(&algorithm, weights, point, &indices, &statement.multipliers, statement.first_step, |_| ()).unwrap()
}

fn commit_ends(
    statement: &mut Statement,
    trace: &Trace,
    entropy: &mut dyn Entropy,
) -> (Option<BlindedRows>, BlindedRows) {
    let generators = generators().first(1 << statement.log_columns);
    let shape = weight_shape(statement);
    let start =
        statement.start.is_committed().then(|| commit_weights(&generators, &shape, &trace.start, entropy).unwrap());
    let end = match &start {
        None => commit_weights(&generators, &shape, &trace.end, entropy),
        Some(start) => recommit_weights(&generators, &shape, (&trace.start, start), &trace.end, entropy),
    };
    let end = end.unwrap();
    assert_eq!(weights_with_blinds(&generators, &shape, &trace.end, &end.blinds).unwrap(), end.rows);
    if let Some(start) = &start {
        statement.start = Start::Committed { origin: statement.start.origin(), rows: start.rows.clone() };
    }
    statement.end = end.rows.clone();
    (start, end)
}

/// The shape of a statement whose weight rows are not yet there.
fn weight_shape(statement: &Statement) -> zkdl_arguments::Shape {
    statement.sizes(&Limits::default()).unwrap()
}
