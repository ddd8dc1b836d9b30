//! `zkdl data show`: what is public about a data set, and whether its commitments and its proof belong to it.

use crate::error::{CliError, Kind, Result};
use crate::member::refused;
use crate::premise::{Premise, Trust};
use crate::progress::Context;
use crate::report::{emit, emit_json};
use crate::run_dir::{RunDir, read};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use zkdl::describe::{data_claim, data_in_words, data_json};
use zkdl::{PointCommitments, data_set};
use zkdl_dataset::descriptor::Descriptor;

/// Runs the verb, on a directory or on the description alone.
pub(crate) fn run(context: Context, path: &Path) -> Result<ExitCode> {
    if !path.is_dir() {
        let data = super::decoded(data_set::decode(&read(path)?), path)?;
        return show(context, &data, "not looked at");
    }
    let dir = RunDir::for_auditor(path);
    let data = super::describe(&dir)?;
    match known(context, &dir, &data) {
        Err(error) if error.kind() == Kind::Invalid => refused(context, Err(error)),
        Err(error) => Err(error),
        Ok(known) => show(context, &data, known),
    }
}

/// How it is known that the points are in range.
fn known(context: Context, dir: &RunDir, data: &Descriptor) -> Result<&'static str> {
    let points = super::decoded(PointCommitments::decode(&read(&dir.points())?), &dir.points())?;
    if points.root(data).ok() != Some(data.root) || points.0.len() != data.points as usize {
        let what = "these are not the commitments of this data set";
        return Err(CliError::invalid(format!("{}: {what}", dir.points().display())));
    }
    if !dir.data_proof().exists() {
        return Ok("no proof");
    }
    Ok(Premise::read(Some(&dir.data_proof()), Trust::Nothing)?.settle(context, data, &points)?.how)
}

fn show(context: Context, data: &Descriptor, known: &str) -> Result<ExitCode> {
    if context.json {
        emit_json(&json!({ "data": data_json(data), "in_range": known }))?;
    } else {
        let [points, features] = data_in_words(data);
        let near = match data.near {
            0 => "Near-duplicates: no distance is fixed, so that only exact questions are answered.".to_owned(),
            near => format!("Near-duplicates: `absent --within {near}` can be asked, and no other distance."),
        };
        let proof = format!("Ranges ({known}): {}", data_claim(data));
        emit(&[points, features, near, proof].join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
