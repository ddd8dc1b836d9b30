//! `zkdl check`: every equation of a window on the witness itself, without cryptography, and whether the committed data and
//! weights are the ones it used.

use crate::data;
use crate::error::{CliError, Result};
use crate::memory::{self, Job};
use crate::plan::{Run, Window};
use crate::progress::Context;
use crate::prove::{execute, refused};
use crate::report::{emit, emit_json, grouped};
use crate::run_dir::read;
use serde_json::json;
use std::path::Path;
use zkdl::PointCommitments;
use zkdl::commitment::weights_with_blinds;
use zkdl::statement::{Limits, hex};
use zkdl_train::{Relation, Trace, Weights};

/// Runs the verb.
pub(crate) fn run(context: Context, root: &Path, index: u64) -> Result<()> {
    let run = Run::open(root)?;
    let window = run.plan.window(index)?;
    memory::check(&run.plan, window, Job::Check)?;
    let points = committed_points(context, &run)?;
    let trace = execute(context, &run, window)?;
    relation(context, &run, window, &trace)?;
    let next = following_weights(&run, window, &trace)?;
    let rows = committed_weights(context, &run, window, &trace)?;
    let cells = run.plan.sizes().1.saturating_mul(window.steps() as u64);
    if context.json {
        return emit_json(&json!({
            "window": index, "first_step": window.first, "steps": window.steps(), "cells": cells,
            "committed_points": points, "next_checkpoint_compared": next, "weight_rows_compared": rows,
        }));
    }
    emit(&format!(
        "window {index}: all equations hold on {} cells of steps {}..{}; {} point commitments and {rows} weight rows recomputed{}",
        grouped(cells),
        window.first,
        window.end,
        grouped(points as u64),
        if next { ", the next checkpoint agrees" } else { "" }
    ))
}

/// Every equation of the relation.
fn relation(context: Context, run: &Run, window: Window, trace: &Trace) -> Result<()> {
    let bar = context.spinner("checking all equations");
    let plan = &run.plan;
    let indices = plan.schedule.window_indices(window.first, window.steps());
    let multipliers = plan.multipliers(window);
    let relation =
        Relation { algorithm: &plan.algorithm, first_step: window.first, multipliers: &multipliers, indices: &indices };
    let checked = zkdl_train::check(&relation, |i| run.point(i), trace);
    bar.finish_and_clear();
    checked.map_err(|violation| CliError::invalid("the witness is false").caused_by(violation))
}

/// The public point commitments of a run.
pub(crate) fn public_points(run: &Run) -> Result<PointCommitments> {
    let path = run.dir.points();
    PointCommitments::decode(&read(&path)?).map_err(|e| CliError::usage(path.display().to_string()).caused_by(e))
}

/// Recomputes all point commitments and compares them with the public file and the root.
fn committed_points(context: Context, run: &Run) -> Result<usize> {
    let path = run.dir.points();
    let public = public_points(run)?.0;
    let ours = data::recommit(context, &run.data)?;
    if ours.len() != public.len() {
        let (ours, public) = (ours.len(), public.len());
        return Err(CliError::invalid(format!("{} has {public} commitments, there are {ours} points", path.display())));
    }
    if let Some(index) = ours.iter().zip(&public).position(|(ours, public)| ours != public) {
        let where_ = path.display();
        return Err(CliError::invalid(format!("{where_}: commitment {index} is not one to training point {index}")));
    }
    let root = PointCommitments(ours).root(&run.data.descriptor).unwrap_or_default();
    if root != run.data.descriptor.root {
        let (got, expected) = (hex(&root), hex(&run.data.descriptor.root));
        return Err(CliError::invalid(format!("{}: its root is {got}, the data's is {expected}", path.display())));
    }
    Ok(public.len())
}

/// Compares the final weights with the next checkpoint, if there is one.
fn following_weights(run: &Run, window: Window, trace: &Trace) -> Result<bool> {
    let Some(next) = run.weights(window.end)? else { return Ok(false) };
    let pairs = trace.end.layers.iter().zip(&next.layers).enumerate();
    for (slot, (computed, stored)) in pairs {
        if let Some(place) = computed.values.iter().zip(&stored.values).position(|(a, b)| a != b) {
            let (input, neuron) = (place / stored.outputs.max(1), place % stored.outputs.max(1));
            let (path, layer) = (run.dir.weights(window.end), slot + 1);
            return Err(CliError::invalid(format!(
                "{}: layer {layer}, weight ({input}, {neuron}) is not what executing the window gives: remove the file and train again",
                path.display()
            )));
        }
    }
    Ok(true)
}

/// Recomputes the weight rows at both ends that are already committed; returns how many.
fn committed_weights(context: Context, run: &Run, window: Window, trace: &Trace) -> Result<usize> {
    let generators = context.generators.first(1 << run.plan.log_columns());
    let shape = run.plan.draft(window).sizes(&Limits::default()).map_err(refused)?;
    let compare = |step: u64, weights: &Weights| -> Result<usize> {
        let Some(kept) = run.rows(step)? else { return Ok(0) };
        let rows = weights_with_blinds(&generators, &shape, weights, &kept.rows.blinds);
        let path = run.dir.rows(step);
        let rows = rows.map_err(|e| CliError::invalid(path.display().to_string()).caused_by(e))?;
        match rows.iter().zip(&kept.rows.rows).position(|(ours, kept)| ours != kept) {
            None => Ok(rows.len()),
            Some(row) => {
                let what = format!("row {row} does not commit to the weights before step {step}");
                Err(CliError::invalid(format!("{}: {what}", path.display())))
            }
        }
    };
    Ok(compare(window.first, &trace.start)? + compare(window.end, &trace.end)?)
}
