//! Seconds, measured on a sample: some points are committed and proven, a few steps are trained, two short windows are proven and
//! verified, one alone and both at once.
//!
//! ```text
//! proving T steps     = fixed + T slope                     a line through both windows; as long as the run's own if that is short
//! verifying windows   = shared + sum over windows of (messages of the window) (seconds a message)
//! a command           = what it does + reading the data + loading generators
//! training            = steps + writing a checkpoint for every window
//! ```

use super::{Sample, Seconds};
use crate::atomic;
use crate::error::{CliError, Result};
use crate::plan::{Plan, Window};
use crate::progress::Context;
use crate::prove::refused;
use crate::secret::{Checkpoint, Points, SecretData};
use crate::train::stopped;
use rayon::prelude::*;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;
use zeroize::Zeroizing;
use zkdl::commitment::{commit_weights, recommit_weights};
use zkdl::proof::Proof;
use zkdl::run;
use zkdl::size::{data_proof_bytes, proof_bytes};
use zkdl::statement::Limits;
use zkdl::{BlindedRows, DataSet, Origin, PointCommitments, ProverInput, Start, Statement, data_proof, points};
use zkdl_commit::blinds::OsEntropy;
use zkdl_dataset::Descriptor;
use zkdl_field::{Scalar, group};
use zkdl_train::step::Batch;
use zkdl_train::{Algorithm, Trace, Trainer, Weights, evaluate, initial_weights, record_window};

/// Points of a sample; more if a step takes more.
const POINTS: usize = 1024;
/// Cells of the longer window, at least, and for every column, so that what grows is more than what does not: seconds.
const CELLS: u64 = 1 << 18;
const CELLS_PER_COLUMN: u64 = 16;
/// Evaluating public start weights, as a multiple of drawing them: measured on 20 million.
const EVALUATING: f64 = 1.6;
/// Short measurements are repeated, and the fastest counts.
const REPEATED: usize = 3;

/// A quantity that grows evenly.
#[derive(Debug, Clone, Copy)]
struct Line {
    fixed: f64,
    slope: f64,
}

impl Line {
    /// Through two points; neither part is negative, and one point alone is all slope.
    fn through((x, y): (f64, f64), (x_2, y_2): (f64, f64)) -> Self {
        let slope = if x_2 > x { ((y_2 - y) / (x_2 - x)).clamp(0.0, y_2 / x_2) } else { y_2 / x_2 };
        Self { fixed: y_2 - slope * x_2, slope }
    }

    fn at(self, x: f64) -> f64 {
        self.fixed + self.slope * x
    }
}

/// Seconds of the sample.
pub(super) struct Calibration {
    /// Committing to a point.
    commit: f64,
    /// Proving a data set, by points.
    data_proof: Line,
    /// Verifying one: what does not grow with the points.
    data_verify: f64,
    /// Decoding a point.
    decode: f64,
    /// Points of the sample.
    points: f64,
    /// Loading the generators of a window.
    generators: f64,
    /// Writing a byte of a checkpoint, and reading a byte of the data.
    write: f64,
    read: f64,
    /// Training a step, and deciding a test point.
    step: f64,
    test: f64,
    /// Proving a window, by steps.
    prove: Line,
    /// Verifying that a run starts from weights that everybody knows.
    public_start: f64,
    /// Verifying: what windows share, and a message of a window.
    shared: f64,
    message: f64,
}

impl Calibration {
    pub(super) fn run(context: Context, plan: &Plan, sample: &Sample, directory: &Path) -> Result<Self> {
        let spinner = context.spinner("measuring a sample");
        let data = Committed::new(context, plan, sample, POINTS.max(plan.algorithm.batch as usize))?;
        let (data_proof, data_verify) = data.proving(context, plan, sample)?;
        let steps = sample_steps(plan);
        let started = Instant::now();
        let weights = initial_weights(&plan.algorithm, &[0; 32], &[0; 32]);
        let drawing = started.elapsed().as_secs_f64();
        let before = Boundary::first(context, plan, weights)?;
        // The longer one first: it minds least what a process does only once.
        let (long, before) = Proven::new(context, plan, &data, (1, steps), before)?;
        let (short, _) = Proven::new(context, plan, &data, (1 + steps as u64, steps.div_ceil(4)), before)?;
        let length = |proven: &Proven| (proven.trace.steps as f64, proven.seconds);
        let (step, test) = training(plan, sample, &data, &long.trace.start, steps)?;
        let [one, both] = verifying(context, &data, &short, &long)?;
        let message = (both - one).max(one / 10.0) / messages(&long.statement)?;
        let shared = (one - message * messages(&short.statement)?).max(0.0);
        spinner.finish_and_clear();
        Ok(Self {
            commit: data.seconds / data.points.0.len() as f64,
            data_proof,
            data_verify: (data_verify - message * data_messages(&data.descriptor)?).max(0.0),
            decode: data.decoding(),
            points: data.points.0.len() as f64,
            generators: loading(context, plan.log_columns()),
            write: writing(directory, &short.trace.start)?,
            read: data.reading()?,
            step,
            test,
            prove: Line::through(length(&short), length(&long)),
            public_start: if plan.origin() == Origin::Seed { drawing * (1.0 + EVALUATING) } else { 0.0 },
            shared,
            message,
        })
    }

    /// The whole run.
    pub(super) fn extend(&self, plan: &Plan, sample: &Sample) -> Result<Seconds> {
        let points = plan.points() as f64;
        let data_verify = self.data_verify + self.message * data_messages(plan.data())?;
        let epochs = plan.steps.div_ceil(u64::from(plan.schedule.steps_per_epoch())) as f64;
        let (mut prove, mut messages) = (0.0, 0.0);
        for (draft, windows) in super::kinds(plan)? {
            prove += windows as f64 * self.prove.at(draft.multipliers.len() as f64);
            messages += windows as f64 * self::messages(&draft)?;
        }
        let reading = data_bytes(plan, sample) * self.read;
        let checkpoints = plan.windows() as f64 * 8.0 * plan.algorithm.parameters() as f64;
        Ok(Seconds {
            data_commit: sample.reading.max(reading) + points * self.commit + self.data_proof.at(points) + data_verify,
            train: reading
                + checkpoints * self.write
                + plan.steps as f64 * self.step
                + epochs * sample.test.labels.len() as f64 * self.test,
            prove: reading + self.generators + prove + self.public_start,
            verify: self.generators
                + data_verify
                + self.public_start
                + self.shared
                + (points - self.points) * self.decode
                + messages * self.message,
        })
    }
}

/// Steps of the longer window; all of a window of the run if that is shorter.
fn sample_steps(plan: &Plan) -> usize {
    let cells = CELLS.max(CELLS_PER_COLUMN << plan.log_columns());
    (cells / plan.algorithm.cells_per_step().max(1)).max(2).min(plan.window.min(plan.steps)) as usize
}

/// Messages of a proof, and the rows of weights that its statement brings.
fn messages(statement: &Statement) -> Result<f64> {
    let bytes = proof_bytes(statement, &Limits::default());
    let bytes = bytes.map_err(|e| CliError::usage("the length of a proof cannot be told").caused_by(e))?;
    let rows = zkdl::describe::sizes(statement).map_err(refused)?.weight_rows;
    Ok(bytes as f64 / 32.0 + rows as f64)
}

/// Binary logarithm of the columns of a data proof.
fn data_columns(data: &Descriptor) -> Result<u32> {
    data_proof::choose_log_columns(data, &Limits::default()).map_err(refused)
}

/// Messages of the proof of a data set, and its points.
fn data_messages(data: &Descriptor) -> Result<f64> {
    let bytes = data_proof_bytes(data, data_columns(data)?, &Limits::default());
    let bytes = bytes.map_err(|e| CliError::usage("the length of a proof cannot be told").caused_by(e))?;
    Ok(bytes as f64 / 32.0 + f64::from(data.points))
}

/// Bytes of the secret data.
fn data_bytes(plan: &Plan, sample: &Sample) -> f64 {
    let point = 4.0 * f64::from(plan.data().features) + 4.0;
    plan.points() as f64 * (point + 32.0) + sample.test.labels.len() as f64 * point
}

/// Seconds of loading generators as a new process does, once they are in the cache.
fn loading(context: Context, log_columns: u32) -> f64 {
    fastest(|| context.fresh_generators().first(1 << log_columns))
}

/// Seconds of writing a byte of a checkpoint: encoded, hashed and synced.
fn writing(directory: &Path, weights: &Weights) -> Result<f64> {
    let started = Instant::now();
    let bytes = Checkpoint { run: [0; 32], step: 0, weights: weights.clone() }.encode();
    atomic::try_write(directory, &bytes)?;
    Ok(started.elapsed().as_secs_f64() / bytes.len() as f64)
}

/// Seconds of something, the fastest of a few times.
fn fastest<T>(mut work: impl FnMut() -> T) -> f64 {
    let time = |()| {
        let started = Instant::now();
        black_box(work());
        started.elapsed().as_secs_f64()
    };
    [(); REPEATED].map(time).into_iter().fold(f64::INFINITY, f64::min)
}

/// Some points of the run as a data set of their own.
struct Committed<'s> {
    descriptor: Descriptor,
    features: &'s [i32],
    labels: &'s [u32],
    blinds: Zeroizing<Vec<Scalar>>,
    points: PointCommitments,
    /// Seconds of committing.
    seconds: f64,
}

impl<'s> Committed<'s> {
    fn new(context: Context, plan: &Plan, sample: &'s Sample, most: usize) -> Result<Self> {
        let number = sample.train.labels.len().min(most);
        let data = plan.data();
        let features = &sample.train.features[..number * data.features as usize];
        let labels = &sample.train.labels[..number];
        let generators = context.generators.first(data.features.saturating_add(data.classes) as usize);
        let started = Instant::now();
        let rows = points::commit_points(&generators, features, labels, data.classes as usize, &mut OsEntropy);
        let seconds = started.elapsed().as_secs_f64();
        let rows = rows.map_err(unproven)?;
        let points = PointCommitments(rows.rows);
        let mut descriptor = Descriptor { points: number as u32, ..data.clone() };
        descriptor.root =
            points.root(&descriptor).map_err(|e| CliError::usage("there is nothing to commit").caused_by(e))?;
        Ok(Self { descriptor, features, labels, blinds: rows.blinds, points, seconds })
    }

    /// Seconds of proving a data set, by points, from this sample and a quarter of it; of verifying this one's proof.
    fn proving(&self, context: Context, plan: &Plan, sample: &'s Sample) -> Result<(Line, f64)> {
        let quarter = Self::new(context, plan, sample, self.points.0.len().div_ceil(4))?;
        let log_columns = data_columns(plan.data())?;
        // Loaded before the clock runs.
        let _ = context.generators.first(1 << log_columns);
        let length = |data: &Self| data.points.0.len() as f64;
        let ([prove, verify], [less, _]) = (self.proven(context, log_columns)?, quarter.proven(context, log_columns)?);
        Ok((Line::through((length(&quarter), less), (length(self), prove)), verify))
    }

    /// Seconds of proving and verifying.
    fn proven(&self, context: Context, log_columns: u32) -> Result<[f64; 2]> {
        let input = DataSet { features: self.features, labels: self.labels, blinds: &self.blinds };
        let started = Instant::now();
        let proof = data_proof::prove(&self.descriptor, log_columns, input, context.generators, &mut |_| ());
        let prove = started.elapsed().as_secs_f64();
        let proof = proof.map_err(unproven)?;
        let verify =
            || data_proof::verify(&self.descriptor, &self.points, &proof, &Limits::default(), context.generators);
        Ok([prove, fastest(verify)])
    }

    /// Seconds of decoding a point, on all threads.
    fn decoding(&self) -> f64 {
        let rows = &self.points.0;
        fastest(|| rows.par_iter().filter(|row| group::decode(row).is_ok()).count()) / rows.len() as f64
    }

    /// Seconds of reading a byte of the secret data: hashed and decoded.
    fn reading(&self) -> Result<f64> {
        let train =
            Points { features: Zeroizing::new(self.features.to_vec()), labels: Zeroizing::new(self.labels.to_vec()) };
        let (descriptor, blinds) = (self.descriptor.clone(), self.blinds.clone());
        let bytes = SecretData { descriptor, train, blinds, test: Points::default() }.encode();
        SecretData::decode(&bytes, Path::new("a sample"))?;
        Ok(fastest(|| SecretData::decode(&bytes, Path::new("a sample"))) / bytes.len() as f64)
    }

    fn point(&self, index: u32) -> Option<(&[i32], u32)> {
        let (index, width) = (index as usize, self.descriptor.features as usize);
        Some((self.features.chunks_exact(width).nth(index)?, *self.labels.get(index)?))
    }
}

/// Weights and their commitments.
struct Boundary {
    weights: Weights,
    rows: BlindedRows,
}

impl Boundary {
    /// Weights to start from.
    fn first(context: Context, plan: &Plan, weights: Weights) -> Result<Self> {
        let shape = plan.draft(plan.window(0)?).sizes(&Limits::default()).map_err(refused)?;
        let generators = context.generators.first(1 << plan.log_columns());
        let rows = commit_weights(&generators, &shape, &weights, &mut OsEntropy).map_err(unproven)?;
        Ok(Self { weights, rows })
    }
}

/// A window that was proven.
struct Proven {
    statement: Statement,
    proof: Proof,
    trace: Trace,
    /// All that `prove` does for it.
    seconds: f64,
}

impl Proven {
    /// Steps `first ..` from given weights, as in the middle of a run; also what the next window starts from.
    fn new(
        context: Context,
        plan: &Plan,
        data: &Committed<'_>,
        (first, steps): (u64, usize),
        before: Boundary,
    ) -> Result<(Self, Boundary)> {
        let Boundary { weights, rows: before } = before;
        let started = Instant::now();
        let window = Window { index: 1, first, end: first + steps as u64 };
        let mut statement = Statement { data: data.descriptor.clone(), ..plan.draft(window) };
        // Both windows may go beyond the end of a short run.
        statement.max_steps = plan.steps.max(2 * sample_steps(plan) as u64 + 1);
        statement.start = Start::Committed { origin: Origin::Seed, rows: before.rows.clone() };
        let shape = statement.sizes(&Limits::default()).map_err(refused)?;
        let indices = statement.schedule().map_err(refused)?.window_indices(first, steps);
        let point = |index| data.point(index);
        let trace =
            record_window(&statement.algorithm(), weights, point, &indices, &statement.multipliers, first, |_| ());
        let trace = trace.map_err(stopped)?;
        let generators = context.generators.first(1 << plan.log_columns());
        let after = recommit_weights(&generators, &shape, (&trace.start, &before), &trace.end, &mut OsEntropy);
        let after = after.map_err(unproven)?;
        statement.end.clone_from(&after.rows);
        let proof = Self::prove(context, &statement, data, &trace, [&before, &after])?;
        zkdl::verify(&statement, &data.points, &proof, &Limits::default(), context.generators).map_err(unproven)?;
        let seconds = started.elapsed().as_secs_f64();
        let next = Boundary { weights: trace.end.clone(), rows: after };
        Ok((Self { statement, proof, trace, seconds }, next))
    }

    fn prove(
        context: Context,
        statement: &Statement,
        data: &Committed<'_>,
        trace: &Trace,
        [before, after]: [&BlindedRows; 2],
    ) -> Result<Proof> {
        let input = ProverInput {
            features: data.features,
            labels: data.labels,
            point_blinds: &data.blinds,
            trace,
            start_blinds: &before.blinds,
            end_blinds: &after.blinds,
        };
        zkdl::prove(statement, input, context.generators, &mut |_| ()).map_err(unproven)
    }

    fn window(&self) -> run::Window<'_> {
        run::Window { statement: &self.statement, proof: &self.proof }
    }
}

/// Seconds of verifying the first window, and both at once.
fn verifying(context: Context, data: &Committed<'_>, short: &Proven, long: &Proven) -> Result<[f64; 2]> {
    let verify = |windows: &[run::Window<'_>]| {
        run::verify(windows, &data.points, &Limits::default(), context.generators, &|| ())
    };
    let both = [short.window(), long.window()];
    verify(&both).map_err(unproven)?;
    Ok([fastest(|| verify(&both[..1])), fastest(|| verify(&both))])
}

/// Seconds of training a step, and of deciding the class of a test point.
fn training(plan: &Plan, sample: &Sample, data: &Committed<'_>, start: &Weights, steps: usize) -> Result<(f64, f64)> {
    let algorithm = Algorithm { max_steps: plan.steps.max(steps as u64), ..plan.algorithm.clone() };
    let mut trainer = Trainer::resume(&algorithm, start.clone(), 0).map_err(stopped)?;
    let batch = plan.algorithm.batch as usize;
    let width = data.descriptor.features as usize;
    let rows = Batch { features: &data.features[..batch * width], labels: &data.labels[..batch] };
    let started = Instant::now();
    for step in 0..steps as u64 {
        trainer.step(rows, plan.multiplier(step), None).map_err(stopped)?;
    }
    let step = started.elapsed().as_secs_f64() / steps as f64;
    let number = sample.test.labels.len().min(POINTS);
    if number == 0 {
        return Ok((step, 0.0));
    }
    let rows = Batch { features: &sample.test.features[..number * width], labels: &sample.test.labels[..number] };
    let started = Instant::now();
    evaluate(&plan.algorithm, trainer.weights(), rows).map_err(stopped)?;
    Ok((step, started.elapsed().as_secs_f64() / number as f64))
}

fn unproven(error: impl std::error::Error + Send + Sync + 'static) -> CliError {
    CliError::usage("a sample of this run cannot be proven").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn a_line_goes_through_its_points_and_never_falls() {
        let line = Line::through((1.0, 3.0), (3.0, 7.0));
        assert_eq!((line.at(0.0), line.at(10.0)), (1.0, 21.0));
        assert_eq!(Line::through((2.0, 5.0), (2.0, 6.0)).at(4.0), 12.0);
        assert_eq!(Line::through((1.0, 5.0), (2.0, 4.0)).at(9.0), 4.0);
        assert_eq!(Line::through((1.0, 1.0), (2.0, 9.0)).at(4.0), 18.0);
    }
}
