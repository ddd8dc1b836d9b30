//! `zkdl absent prove` and `zkdl absent verify`: none of these points is in the committed data set.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::args::AbsentVerb;
use crate::atomic::{self, Access};
use crate::data;
use crate::error::{CliError, Result};
use crate::member::refused;
use crate::premise::{Known, Premise, TAKEN_FOR_GRANTED, TrustArgs};
use crate::progress::Context;
use crate::question::{Asked, Public, Within};
use crate::report::{Table, bytes, emit, emit_json, grouped, seconds};
use crate::run_dir::{RunDir, read};
use crate::verify::settled;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use zkdl::absence::distance::is_near;
use zkdl::describe::data_claim;
use zkdl::statement::hex;
use zkdl::{AbsentAnswer, DataSet, ProveError, Query, Question, VerifyError, absence, membership};

/// Runs the verb.
pub(crate) fn run(context: Context, verb: &AbsentVerb) -> Result<ExitCode> {
    match verb {
        AbsentVerb::Prove { run, asked, within, out } => prove(context, run, asked, *within, out),
        AbsentVerb::Verify { answer, asked, within, public, trust } => {
            let question = asked.question(public.descriptor()?, *within)?;
            verify(context, answer, &question, public, trust)
        }
    }
}

fn prove(context: Context, root: &Path, asked: &Asked, within: Within, out: &Path) -> Result<ExitCode> {
    let data = data::open(&RunDir::new(root))?;
    let question = asked.question(data.descriptor.clone(), within)?;
    let started = Instant::now();
    let set = DataSet { features: &data.train.features, labels: &data.train.labels, blinds: &data.blinds };
    let answer = answer(context, &question, set)?;
    let time = started.elapsed().as_secs_f64();
    let encoded = answer.encode();
    atomic::write(out, &encoded, Access::Public)?;
    let queries = question.queries.len();
    if context.json {
        let size = encoded.len();
        emit_json(&json!({
            "answer": "absent", "queries": queries, "file": out, "bytes": size, "proof_bytes": answer.body.len(),
            "seconds": time,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.row("absent", format!("{} points, from the data set {}", grouped(queries as u64), hex(&question.data.root)));
    let (file, proof) = (bytes(encoded.len() as u64), bytes(answer.body.len() as u64));
    table.row("answer", format!("{}  {file}, {proof} of it proof", out.display()));
    table.row("proving", seconds(time));
    emit(&table.text())?;
    Ok(ExitCode::SUCCESS)
}

/// Proves that no point of a question is in a data set.
pub(crate) fn answer(context: Context, question: &Question, set: DataSet<'_>) -> Result<AbsentAnswer> {
    let spinner = context.spinner("proving absence");
    let answer = absence::prove(question, set, context.generators);
    spinner.finish_and_clear();
    answer.map_err(|error| match error {
        ProveError::Member => {
            let member = |query: &Query| membership::find(set.features, set.labels, query).is_some();
            refused_of(question, "in the data set", member)
        }
        ProveError::Near => {
            let near = |query: &Query| is_near(&question.data, set, &query.features);
            refused_of(question, "near a point of the data set", near)
        }
        other => CliError::usage("no absence answer can be given").caused_by(other),
    })
}

/// Names the queries that keep an answer from being given.
fn refused_of(question: &Question, what: &str, is: impl Fn(&Query) -> bool) -> CliError {
    let found = question.queries.iter().enumerate().filter(|(_, query)| is(query)).map(|(i, _)| i.to_string());
    let found = found.collect::<Vec<_>>().join(", ");
    CliError::usage(format!("{what}, so that no absence can be proven: queries {found} (from 0)"))
}

fn verify(context: Context, path: &Path, question: &Question, public: &Public, trust: &TrustArgs) -> Result<ExitCode> {
    let points = public.points()?;
    let premise = premise(question, public, trust)?;
    let encoded = read(path)?;
    let started = Instant::now();
    let verdict = AbsentAnswer::decode(&encoded)
        .map_err(VerifyError::from)
        .and_then(|answer| absence::verify(question, &answer, &points, context.generators));
    let own = started.elapsed();
    if verdict.is_err() {
        return refused(context, settled(verdict, path));
    }
    let known = match premise.map(|premise| premise.settle(context, &question.data, &points)).transpose() {
        Ok(known) => known,
        Err(error) => return refused(context, Err(error)),
    };
    let time = known.as_ref().map_or(own, |known| own.saturating_add(known.time)).as_secs_f64();
    if context.json {
        emit_json(&json!({
            "verdict": "VALID", "answer": "absent", "queries": question.queries.len(), "data": hex(&question.data.root),
            "labels": question.labelled(), "within": question.within.then_some(question.data.near),
            "data_in_range": known.map(|known| known.how), "seconds": time,
        }))?;
    } else {
        let lines =
            [vec![format!("VALID: verified in {}", seconds(time))], in_words(question, known.as_ref())].concat();
        emit(&lines.join("\n  "))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether an answer is worth something only if the data are in range: distances are integers only if features lie in their
/// ranges, and a label is absent from every point only if each has one. Exact answers about features need nothing.
fn leans_on_data(question: &Question) -> bool {
    question.within || question.labelled()
}

/// What has to be known of the data.
fn premise(question: &Question, public: &Public, trust: &TrustArgs) -> Result<Option<Premise>> {
    if !leans_on_data(question) && !trust.is_given() {
        return Ok(None);
    }
    let path = trust.data_proof.clone().or_else(|| public.data_proof());
    Premise::read(path.as_deref(), trust.trust()).map(Some)
}

/// What a valid answer says.
pub(crate) fn in_words(question: &Question, known: Option<&Known>) -> Vec<String> {
    let (root, points) = (hex(&question.data.root), question.data.points);
    let what = match (question.queries.len(), question.labelled()) {
        (1, false) => "This point, whatever its label, is".to_owned(),
        (1, true) => "This point with this label is".to_owned(),
        (n, false) => format!("These {n} points, whatever their labels, are"),
        (n, true) => format!("These {n} points with these labels are"),
    };
    let mut lines = vec![format!("{what} not among the {points} points of the data set {root}.")];
    lines.push(match question.within {
        true => format!(
            "Nor is a near-duplicate: every point of the data set is at a squared distance of more than {}.",
            question.data.near
        ),
        false => {
            "The answer is exact: a copy that differs in one feature, as the quantisers of the data set give it, is \
                  another point."
                .to_owned()
        }
    });
    if known.is_some() || leans_on_data(question) {
        let how = known.map_or(TAKEN_FOR_GRANTED, |known| known.how);
        lines.push(format!("Data ({how}): {}", data_claim(&question.data)));
    }
    lines
}
