//! `zkdl train`: all epochs, with a checkpoint of the weights at every window's end. A killed run goes on from the last one.

use crate::atomic::{self, Access};
use crate::beacon;
use crate::config::Config;
use crate::error::{CliError, Result};
use crate::plan::Run;
use crate::progress::Context;
use crate::report::{emit, emit_json, percent, seconds};
use crate::run_dir::{RunDir, read_secret};
use crate::secret::Checkpoint;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;
use zkdl_train::step::Batch;
use zkdl_train::{TrainError, Trainer, Weights, evaluate};

/// How an epoch went.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct EpochMetrics {
    /// Number, from 1.
    pub(crate) epoch: u64,
    /// Mean training loss over its steps (from where this process began).
    pub(crate) loss: f64,
    /// Accuracy on the test points, if there are any.
    pub(crate) accuracy: Option<f64>,
    /// Seconds that its steps took (from where this process began).
    pub(crate) seconds: f64,
}

/// Loss and accuracy of the epochs that have been trained, if they were kept.
pub(crate) fn metrics(dir: &RunDir) -> Result<Vec<EpochMetrics>> {
    let Some(bytes) = read_secret(&dir.metrics())? else { return Ok(Vec::new()) };
    let named = || CliError::io(format!("{}: damaged: remove it", dir.metrics().display()));
    serde_json::from_slice(&bytes).map_err(|e| named().caused_by(e))
}

/// What training did.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The step it began at: above 0 if an earlier process did the rest.
    pub(crate) resumed_at: u64,
    /// Epochs of this process.
    pub(crate) epochs: Vec<EpochMetrics>,
    /// Accuracy of the final weights on the test points.
    pub(crate) accuracy: Option<f64>,
    /// Seconds.
    pub(crate) time: f64,
}

/// Runs the verb.
pub(crate) fn run(context: Context, root: &Path, beacon: Option<[u8; 32]>) -> Result<()> {
    if let Some(beacon) = beacon {
        let dir = RunDir::new(root);
        beacon::fix(&Config::read(&dir.config())?, &dir, beacon)?;
    }
    let run = Run::open(root)?;
    let outcome = train(context, &run)?;
    if context.json {
        return emit_json(&outcome.json(&run));
    }
    let weights = run.dir.weights(run.plan.steps);
    let accuracy = outcome.accuracy.map_or_else(String::new, |a| format!(", test accuracy {}", percent(a)));
    let time = seconds(outcome.time);
    emit(&format!("trained {} steps{accuracy}, {time}: {}", run.plan.steps, weights.display()))
}

impl Outcome {
    /// As JSON.
    pub(crate) fn json(&self, run: &Run) -> Value {
        let epoch = |m: &EpochMetrics| json!({ "epoch": m.epoch, "loss": m.loss, "test_accuracy": m.accuracy });
        json!({
            "steps": run.plan.steps, "resumed_at": self.resumed_at, "seconds": self.time,
            "test_accuracy": self.accuracy, "epochs": self.epochs.iter().map(epoch).collect::<Vec<_>>(),
        })
    }
}

/// Trains to the end; prints a line an epoch unless `--json`.
pub(crate) fn train(context: Context, run: &Run) -> Result<Outcome> {
    context.device();
    let started = Instant::now();
    let (weights, first) = last_checkpoint(run)?;
    if first > 0 {
        context.notice(&format!("going on from the checkpoint before step {first}"));
    }
    let trainer = Trainer::resume(&run.plan.algorithm, weights, first).map_err(stopped)?;
    let mut session = Session { run, trainer, epochs: Vec::new(), bar: context.bar("training", run.plan.steps) };
    session.bar.set_position(first);
    session.bar.reset_eta();
    let mut step = first;
    while step < run.plan.steps {
        step = session.epoch(step, context)?;
    }
    session.bar.finish_and_clear();
    let accuracy = test_accuracy(run, session.trainer.weights())?;
    Ok(Outcome { resumed_at: first, epochs: session.epochs, accuracy, time: started.elapsed().as_secs_f64() })
}

struct Session<'a> {
    run: &'a Run,
    trainer: Trainer,
    epochs: Vec<EpochMetrics>,
    bar: indicatif::ProgressBar,
}

impl Session<'_> {
    /// Trains from `first` to the end of its epoch or of the run; returns the next step.
    fn epoch(&mut self, first: u64, context: Context) -> Result<u64> {
        let plan = &self.run.plan;
        let length = u64::from(plan.schedule.steps_per_epoch());
        let number = first / length;
        let end = number.saturating_add(1).saturating_mul(length).min(plan.steps);
        let (mut loss, started) = (0.0, Instant::now());
        for (step, batch) in (first..end).zip(plan.schedule.window_indices(first, (end - first) as usize)) {
            let (features, labels) = self.rows(step, &batch)?;
            let rows = Batch { features: &features, labels: &labels };
            loss += self.trainer.step(rows, plan.multiplier(step), None).map_err(stopped)?.loss;
            self.bar.inc(1);
            if plan.is_boundary(step + 1) {
                self.save(step + 1)?;
            }
        }
        let accuracy = test_accuracy(self.run, self.trainer.weights())?;
        let (loss, seconds) = (loss / (end - first) as f64, started.elapsed().as_secs_f64());
        let metrics = EpochMetrics { epoch: number + 1, loss, accuracy, seconds };
        self.epochs.push(metrics);
        self.keep(metrics)?;
        if !context.json {
            let accuracy = accuracy.map_or_else(String::new, |a| format!("   test accuracy {:>7}", percent(a)));
            let line = format!("epoch {:>4}   loss {:.4}{accuracy}", metrics.epoch, metrics.loss);
            self.bar.suspend(|| emit(&line))?;
        }
        Ok(end)
    }

    fn rows(&self, step: u64, batch: &[u32]) -> Result<(Vec<i32>, Vec<u32>)> {
        let (mut features, mut labels) = (Vec::new(), Vec::new());
        for &index in batch {
            let missing = || stopped(TrainError::NoSuchPoint { step, index });
            let (row, label) = self.run.point(index).ok_or_else(missing)?;
            features.extend_from_slice(row);
            labels.push(label);
        }
        Ok((features, labels))
    }

    /// Keeps the metrics of an epoch beside those of earlier ones, for the report.
    fn keep(&self, metrics: EpochMetrics) -> Result<()> {
        let dir = &self.run.dir;
        let mut all = self::metrics(dir)?;
        all.retain(|kept| kept.epoch < metrics.epoch);
        all.push(metrics);
        atomic::write(&dir.metrics(), json!(all).to_string().as_bytes(), Access::Secret)
    }

    fn save(&self, step: u64) -> Result<()> {
        let weights = self.trainer.weights().clone();
        let checkpoint = Checkpoint { run: self.run.plan.digest(), step, weights };
        atomic::write(&self.run.dir.weights(step), &checkpoint.encode(), Access::Secret)
    }
}

/// The latest weights that are there, and the step they precede.
fn last_checkpoint(run: &Run) -> Result<(Weights, u64)> {
    let plan = &run.plan;
    let last = run.dir.checkpoints()?.into_iter().filter(|step| *step <= plan.steps && plan.is_boundary(*step)).max();
    if let Some(step) = last
        && let Some(weights) = run.weights(step)?
    {
        return Ok((weights, step));
    }
    Ok((run.start().clone(), 0))
}

/// Training that cannot go on: which step, layer, neuron, value and bound is in the cause.
pub(crate) fn stopped(error: TrainError) -> CliError {
    CliError::usage("training stopped").caused_by(error)
}

fn test_accuracy(run: &Run, weights: &Weights) -> Result<Option<f64>> {
    let test = &run.data.test;
    if test.labels.is_empty() {
        return Ok(None);
    }
    let rows = Batch { features: &test.features, labels: &test.labels };
    Ok(Some(evaluate(&run.plan.algorithm, weights, rows).map_err(stopped)?.accuracy()))
}
