//! `zkdl bench`: what a window of training costs in a run that has been going on for a while.
//!
//! Window 0 is only trained: that is what training costs without a proof. Its final weights are committed, and with the commitments
//! to the data this is what a run pays once. The window after it is measured: it starts from committed weights, is
//! executed and recorded, its final weights are committed, it is proven, written down as bytes and verified from them.

mod data;
mod measurement;
mod workload;

pub(crate) use measurement::cpu_features;
pub(crate) use workload::{Network, Standard, format};

use crate::args::{BenchArgs, BenchVerb};
use crate::clock::{Stopwatch, Time};
use crate::error::{CliError, Result};
use crate::memory;
use crate::progress::{Context, PhaseClock};
use crate::prove::refused;
use crate::report::emit;
use crate::secret::Points;
use measurement::Measurement;
use std::sync::Arc;
use workload::Workload;
use zeroize::Zeroizing;
use zkdl::columns::Preference;
use zkdl::commitment::{commit_weights, recommit_weights};
use zkdl::error::VerifyError;
use zkdl::points::commit_points;
use zkdl::proof::Proof;
use zkdl::statement::Limits;
use zkdl::{BlindedRows, Origin, PointCommitments, ProveError, ProverInput, Start, Statement};
use zkdl_commit::blinds::OsEntropy;
use zkdl_field::Scalar;
use zkdl_field::generators::Generators;
use zkdl_train::step::Batch;
use zkdl_train::{Algorithm, Format, Trace, TrainError, Trainer, Weights, initial_weights, record_window};

/// Something that was timed.
type Lap = (&'static str, Time);

/// Runs the verb.
pub(crate) fn run(context: Context, args: &BenchArgs) -> Result<()> {
    if let Some(BenchVerb::Data(data)) = &args.what {
        return data::run(context, data);
    }
    let workload = match (args.workload, &args.network) {
        (Some(which), _) => Workload::standard(which),
        (None, Some(network)) => Workload::custom(network.clone(), args.batch, args.rate),
        (None, None) => return Err(CliError::usage(format!("what is to be measured? {}", Workload::CHOICE))),
    };
    let prefer = args.prefer.unwrap_or_else(|| workload.preference());
    let (draft, sizes) = workload.draft(args.format.unwrap_or_default(), args.steps as usize, prefer)?;
    let what = format!("{workload}: a window of {} steps", args.steps);
    memory::refuse_above(memory::estimate_bench(&draft), &what, "measure fewer steps with --steps")?;
    context.device();
    let mut bench = Bench::set_up(context, &workload, draft)?;
    let runs = (0..args.runs).map(|_| bench.window(context)).collect::<Result<Vec<_>>>()?;
    let measured = Measurement::new(&workload, &bench, sizes, &runs)?;
    emit(&if context.json { measured.json()? } else { measured.text() })
}

/// Proves a step of the digits and verifies the proof; returns how long that took.
pub(crate) fn one_step(context: Context) -> Result<f64> {
    let started = Stopwatch::start();
    let workload = Workload::standard(Standard::Digits);
    let (draft, _) = workload.draft(Format::default(), 1, Preference::Verifier)?;
    Bench::set_up(Context { quiet: true, ..context }, &workload, draft)?.window(Context { quiet: true, ..context })?;
    Ok({ started }.lap().wall)
}

/// A run whose first window is over.
struct Bench {
    algorithm: Algorithm,
    /// The second window but for its final weights.
    statement: Statement,
    points: Points,
    point_blinds: Zeroizing<Vec<Scalar>>,
    /// What the auditor holds of the data.
    public_points: Vec<u8>,
    generators: Arc<Generators>,
    /// Where the second window starts. There is one copy of it, and one more while a window is executed and proven.
    weights: Weights,
    /// Its commitments.
    start: BlindedRows,
    /// What is done once in a run.
    setup: Vec<Lap>,
    /// Training window 0.
    training: Time,
}

/// One measured window.
struct Run {
    /// All that is done to make the proof.
    laps: Vec<Lap>,
    verification: Time,
    proof_bytes: usize,
    statement_bytes: usize,
    /// Bytes of the cells that are not zero, of all: zero bytes cost less.
    nonzero: f64,
}

impl Bench {
    fn set_up(context: Context, workload: &Workload, mut statement: Statement) -> Result<Self> {
        let mut setup: Vec<Lap> = Vec::new();
        let points = workload.points()?;
        let mut watch = Stopwatch::start();
        let generators = context.generators.first(1 << statement.log_columns);
        setup.push(("generators", watch.lap()));
        let rows = commit_data(&generators, &points, &statement)?;
        let public_points = PointCommitments(rows.rows);
        let root = public_points.root(&statement.data);
        statement.data.root = root.map_err(|e| CliError::usage("there is nothing to commit").caused_by(e))?;
        setup.push(("data commitment", watch.lap()));
        let algorithm = statement.algorithm();
        let weights = initial_weights(&algorithm, &statement.data.root, &statement.nonce);
        setup.push(("initial weights", watch.lap()));
        let (weights, training) = train(context, &statement, weights, &points)?;
        watch.lap();
        let start = commit(context, &generators, &statement, &weights)?;
        setup.push(("weight commitment", watch.lap()));
        statement.start = Start::Committed { origin: Origin::Seed, rows: start.rows.clone() };
        Ok(Self {
            algorithm,
            statement,
            points,
            point_blinds: rows.blinds,
            public_points: public_points.encode(),
            generators,
            weights,
            start,
            setup,
            training,
        })
    }

    /// Measures the second window once.
    fn window(&mut self, context: Context) -> Result<Run> {
        let mut laps: Vec<Lap> = Vec::new();
        let mut watch = Stopwatch::start();
        let trace = self.execute(context)?;
        laps.push(("re-execution", watch.lap()));
        let end = self.recommit(context, &trace)?;
        laps.push(("weight commitment", watch.lap()));
        let statement = Statement { end: end.rows, ..self.statement.clone() };
        watch.lap();
        let (proof, phases) = self.prove(context, &statement, &trace, &end.blinds)?;
        let checks = watch.lap() - Time::sum(phases.iter().map(|(_, time)| *time));
        laps.push(("checks", checks));
        laps.extend(phases);
        watch.lap();
        let (statement, proof) = (statement.encode(), proof.encode());
        laps.push(("serialising", watch.lap()));
        let nonzero = nonzero_share(&trace);
        self.weights = trace.start;
        watch.lap();
        self.verify(context, &statement, &proof)?;
        let verification = watch.lap();
        Ok(Run { laps, verification, proof_bytes: proof.len(), statement_bytes: statement.len(), nonzero })
    }

    /// Executes and records; the window takes the start weights with it.
    fn execute(&mut self, context: Context) -> Result<Trace> {
        let (statement, width) = (&self.statement, self.statement.data.features as usize);
        let indices = schedule(statement, statement.first_step)?;
        let start = std::mem::replace(&mut self.weights, Weights { layers: Vec::new() });
        let bar = context.bar("executing the window", indices.len() as u64);
        let trace = record_window(
            &self.algorithm,
            start,
            |index| self.points.point(index, width),
            &indices,
            &statement.multipliers,
            statement.first_step,
            |done| bar.set_position(done as u64),
        );
        bar.finish_and_clear();
        trace.map_err(diverged)
    }

    /// Commits to the final weights, from the commitments to the weights before.
    fn recommit(&self, context: Context, trace: &Trace) -> Result<BlindedRows> {
        let shape = self.statement.sizes(&Limits::default()).map_err(refused)?;
        let spinner = context.spinner("committing to weights");
        let before = (&trace.start, &self.start);
        let rows = recommit_weights(&self.generators, &shape, before, &trace.end, &mut OsEntropy);
        spinner.finish_and_clear();
        rows.map_err(not_committed)
    }

    fn prove(
        &self,
        context: Context,
        statement: &Statement,
        trace: &Trace,
        end_blinds: &[Scalar],
    ) -> Result<(Proof, Vec<Lap>)> {
        let input = ProverInput {
            features: &self.points.features,
            labels: &self.points.labels,
            point_blinds: &self.point_blinds,
            trace,
            start_blinds: &self.start.blinds,
            end_blinds,
        };
        let mut clock = PhaseClock::new(context, "proving", 9);
        let proof = zkdl::prove(statement, input, context.generators, &mut |phase| clock.enter(phase));
        let proof = proof.map_err(|e| CliError::usage("no proof can be made").caused_by(e))?;
        Ok((proof, clock.finish()))
    }

    /// As an auditor verifies: from bytes alone, with generators from the cache.
    fn verify(&self, context: Context, statement: &[u8], proof: &[u8]) -> Result<()> {
        let verdict = || -> std::result::Result<_, VerifyError> {
            let (statement, proof) = (Statement::decode(statement)?, Proof::decode(proof)?);
            let points = PointCommitments::decode(&self.public_points)?;
            zkdl::verify(&statement, &points, &proof, &Limits::default(), &context.fresh_generators())
        };
        let refused = |e| CliError::invalid("the proof was not accepted: please report this").caused_by(e);
        verdict().map(|_| ()).map_err(refused)
    }
}

/// Trains window 0 and records nothing.
fn train(context: Context, statement: &Statement, start: Weights, points: &Points) -> Result<(Weights, Time)> {
    let indices = schedule(statement, 0)?;
    let bar = context.bar("training", indices.len() as u64);
    let mut watch = Stopwatch::start();
    let mut trainer = Trainer::new(&statement.algorithm(), start).map_err(diverged)?;
    for (batch, c_t) in indices.iter().zip(&statement.multipliers) {
        let (mut features, mut labels) = (Vec::new(), Vec::new());
        for &index in batch {
            let missing = || diverged(TrainError::NoSuchPoint { step: trainer.next_step(), index });
            let (row, label) = points.point(index, statement.data.features as usize).ok_or_else(missing)?;
            features.extend_from_slice(row);
            labels.push(label);
        }
        trainer.step(Batch { features: &features, labels: &labels }, *c_t, None).map_err(diverged)?;
        bar.inc(1);
    }
    let time = watch.lap();
    bar.finish_and_clear();
    Ok((trainer.into_weights(), time))
}

/// Training that cannot go on: where, and by how much, is in the cause.
fn diverged(error: TrainError) -> CliError {
    CliError::usage("training stopped, --rate sets the learning rate of a --network").caused_by(error)
}

/// The points of every step of a window.
fn schedule(statement: &Statement, first: u64) -> Result<Vec<Vec<u32>>> {
    Ok(statement.schedule().map_err(refused)?.window_indices(first, statement.multipliers.len()))
}

fn commit_data(generators: &Generators, points: &Points, statement: &Statement) -> Result<BlindedRows> {
    let classes = statement.data.classes as usize;
    let rows = commit_points(generators, &points.features, &points.labels, classes, &mut OsEntropy);
    rows.map_err(not_committed)
}

/// Commits to weights.
fn commit(context: Context, generators: &Generators, statement: &Statement, weights: &Weights) -> Result<BlindedRows> {
    let shape = statement.sizes(&Limits::default()).map_err(refused)?;
    let spinner = context.spinner("committing to weights");
    let rows = commit_weights(generators, &shape, weights, &mut OsEntropy);
    spinner.finish_and_clear();
    rows.map_err(not_committed)
}

fn not_committed(error: ProveError) -> CliError {
    CliError::io("data or weights cannot be committed").caused_by(error)
}

/// The share of the cells' bytes that are not zero.
fn nonzero_share(trace: &Trace) -> f64 {
    let bytes = || trace.layers.iter().flat_map(|layer| &layer.bytes);
    bytes().filter(|byte| **byte != 0).count() as f64 / (bytes().count() as f64).max(1.0)
}
