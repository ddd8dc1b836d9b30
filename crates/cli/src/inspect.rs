//! `zkdl inspect`: what a file is and what is in it. Of secret files only sizes and names are shown.

use crate::config::Config;
use crate::error::{CliError, Result};
use crate::progress::Context;
use crate::report::{Table, bytes, emit, emit_json, grouped};
use crate::run_dir::read;
use crate::secret::{BoundaryRows, Checkpoint, DATA_MAGIC, ROWS_MAGIC, SecretData, WEIGHTS_MAGIC};
use serde_json::{Value, json};
use std::path::Path;
use zeroize::Zeroizing;
use zkdl::codec::FormatError;
use zkdl::data_proof::DataProof;
use zkdl::describe::{data_claim, data_in_words, data_json, in_words, model_digest, premises, to_json};
use zkdl::model::WeightsProof;
use zkdl::proof::Proof;
use zkdl::statement::hex;
use zkdl::{AbsentAnswer, MemberAnswer, PointCommitments, Question, Statement};

/// What is shown of a file: its kind, lines for people, fields for programs.
struct View {
    kind: &'static str,
    text: String,
    fields: Value,
}

/// Runs the verb.
pub(crate) fn run(context: Context, path: &Path) -> Result<()> {
    let content = Zeroizing::new(read(path)?);
    let view = view(&content, path)?;
    if context.json {
        let file = json!({ "file": path, "kind": view.kind, "bytes": content.len(), "content": view.fields });
        return emit_json(&file);
    }
    emit(&format!("{}: {}, {}\n{}", path.display(), view.kind, bytes(content.len() as u64), view.text))
}

fn view(content: &[u8], path: &Path) -> Result<View> {
    type Show = fn(&[u8], &Path) -> Result<View>;
    let kinds: [(&str, Show); 11] = [
        ("zkdl-statement", statement),
        ("zkdl-points", points),
        ("zkdl-proof", proof),
        ("zkdl-data-proof", data_proof),
        ("zkdl-data", data_set),
        ("zkdl-member", member),
        ("zkdl-absent", absent),
        ("zkdl-weights-proof", weights_proof),
        (DATA_MAGIC, data),
        (WEIGHTS_MAGIC, weights),
        (ROWS_MAGIC, rows),
    ];
    let known = kinds.iter().find(|(magic, _)| content.starts_with(magic.as_bytes()));
    match known {
        Some((_, show)) => show(content, path),
        None if path.extension().is_some_and(|e| e == "toml") => config(content, path),
        None => Err(CliError::usage(format!(
            "{}: not a file of zkdl: expected a statement, proof, answer, data set, list of point commitments, zkdl.toml or a file of a run's secret directory",
            path.display()
        ))),
    }
}

fn malformed(path: &Path) -> impl Fn(FormatError) -> CliError {
    let name = path.display().to_string();
    move |error| CliError::usage(name.clone()).caused_by(error)
}

fn statement(content: &[u8], path: &Path) -> Result<View> {
    let statement = Statement::decode(content).map_err(malformed(path))?;
    let data = format!("For its data proof: {}", data_claim(&statement.data));
    let text = lines(&[in_words(&statement), vec![data], premises(&statement)].concat());
    Ok(View { kind: "statement (a claim, not verified here)", text, fields: to_json(&statement) })
}

fn points(content: &[u8], path: &Path) -> Result<View> {
    let points = PointCommitments::decode(content).map_err(malformed(path))?;
    let root = points.tree().map_err(|e| CliError::usage(path.display().to_string()).caused_by(e))?;
    let mut table = Table::new();
    table.row("points", grouped(points.0.len() as u64));
    table.row("Merkle tree", hex(&root));
    let fields = json!({ "points": points.0.len(), "merkle_tree": hex(&root) });
    Ok(View { kind: "point commitments", text: table.text(), fields })
}

fn proof(content: &[u8], path: &Path) -> Result<View> {
    let proof = Proof::decode(content).map_err(malformed(path))?;
    let mut table = Table::new();
    table.row("of statement", hex(&proof.statement));
    table.row("body", bytes(proof.body.len() as u64));
    let fields = json!({ "statement": hex(&proof.statement), "body_bytes": proof.body.len() });
    Ok(View { kind: "proof (not verified here)", text: table.text(), fields })
}

fn data_set(content: &[u8], path: &Path) -> Result<View> {
    let data = zkdl::data_set::decode(content).map_err(malformed(path))?;
    let text = lines(&data_in_words(&data));
    Ok(View { kind: "description of a data set (a claim, not verified here)", text, fields: data_json(&data) })
}

fn data_proof(content: &[u8], path: &Path) -> Result<View> {
    let proof = DataProof::decode(content).map_err(malformed(path))?;
    let mut table = Table::new();
    table.row("of data and columns", hex(&proof.statement));
    table.row("columns", format!("2^{}", proof.log_columns));
    table.row("body", bytes(proof.body.len() as u64));
    let fields = json!({
        "statement": hex(&proof.statement), "log_columns": proof.log_columns, "body_bytes": proof.body.len(),
    });
    Ok(View { kind: "proof of a data set (not verified here)", text: table.text(), fields })
}

fn member(content: &[u8], path: &Path) -> Result<View> {
    let answer = MemberAnswer::decode(content).map_err(malformed(path))?;
    let mut table = asked(&answer.question);
    table.row("claimed to be", format!("point {}", answer.index));
    let fields = json!({ "question": asked_json(&answer.question), "index": answer.index });
    Ok(View { kind: "answer: a member (not verified here)", text: table.text(), fields })
}

fn absent(content: &[u8], path: &Path) -> Result<View> {
    let answer = AbsentAnswer::decode(content).map_err(malformed(path))?;
    let mut table = asked(&answer.question);
    table.row("body", bytes(answer.body.len() as u64));
    let fields = json!({ "question": asked_json(&answer.question), "body_bytes": answer.body.len() });
    Ok(View { kind: "answer: absent (not verified here)", text: table.text(), fields })
}

/// What a question is about; not the points themselves, which are their owner's.
fn asked(question: &Question) -> Table {
    let mut table = Table::new();
    table.row("data root", hex(&question.data.root));
    table.row("nonce", hex(&question.nonce));
    table.row("points asked for", grouped(question.queries.len() as u64));
    table.row("labels", if question.labelled() { "asked for" } else { "any" });
    if question.within {
        table.row("near-duplicates", format!("at a squared distance of {} or less", question.data.near));
    }
    table
}

fn asked_json(question: &Question) -> Value {
    json!({
        "data": hex(&question.data.root), "nonce": hex(&question.nonce), "queries": question.queries.len(),
        "labels": question.labelled(), "within": question.within.then_some(question.data.near),
    })
}

fn weights_proof(content: &[u8], path: &Path) -> Result<View> {
    let proof = WeightsProof::decode(content).map_err(malformed(path))?;
    let mut table = Table::new();
    table.row("of model", hex(&proof.model));
    let fields = json!({ "model": hex(&proof.model), "body_bytes": proof.body.len() });
    Ok(View { kind: "proof of weights (not verified here)", text: table.text(), fields })
}

fn lines(all: &[String]) -> String {
    all.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn data(content: &[u8], path: &Path) -> Result<View> {
    let data = SecretData::decode(content, path)?;
    let d = &data.descriptor;
    let mut table = Table::new();
    table.row("training, test points", format!("{}, {}", d.points, data.test.labels.len()));
    table.row("features, classes", format!("{}, {}", d.features, d.classes));
    table.row("declared range", format!("[{}, {}], {} fraction bits", d.value_min(), d.value_max(), d.fraction_bits));
    let fields = json!({
        "points": d.points, "test_points": data.test.labels.len(), "features": d.features,
        "classes": d.classes, "value_min": d.value_min(), "value_max": d.value_max(), "fraction_bits": d.fraction_bits,
    });
    Ok(View { kind: "SECRET training data and blinds", text: table.text(), fields })
}

fn weights(content: &[u8], path: &Path) -> Result<View> {
    let checkpoint = Checkpoint::decode(content, path)?;
    let layers = &checkpoint.weights.layers;
    let shapes: Vec<String> = layers.iter().map(|l| format!("{} x {}", l.inputs, l.outputs)).collect();
    let mut table = Table::new();
    table.row("before step", grouped(checkpoint.step));
    table.row("layers", shapes.join(", "));
    table.row("parameters", grouped(checkpoint.weights.parameters() as u64));
    let fields = json!({ "step": checkpoint.step, "layers": shapes, "parameters": checkpoint.weights.parameters() });
    Ok(View { kind: "SECRET weights", text: table.text(), fields })
}

fn rows(content: &[u8], path: &Path) -> Result<View> {
    let kept = BoundaryRows::decode(content, path)?;
    let model = hex(&model_digest(&kept.rows.rows));
    let mut table = Table::new();
    table.row("before step", grouped(kept.step));
    table.row("rows", format!("{} of 2^{} columns", kept.rows.rows.len(), kept.log_columns));
    table.row("model", model.clone());
    let fields =
        json!({ "step": kept.step, "rows": kept.rows.rows.len(), "log_columns": kept.log_columns, "model": model });
    Ok(View { kind: "SECRET blinds of weight commitments", text: table.text(), fields })
}

fn config(content: &[u8], path: &Path) -> Result<View> {
    let text = std::str::from_utf8(content).map_err(|e| CliError::usage(path.display().to_string()).caused_by(e))?;
    let config = Config::parse(text, path)?;
    let mut table = Table::new();
    let source = config.data.source(Path::new("")).map_err(CliError::usage)?.name();
    table.row("data", source.clone());
    table.row("hidden layers", format!("{:?}", config.network.hidden));
    table.row("batch", config.training.batch.to_string());
    let nonce = config.training.nonce.map(|nonce| hex(&nonce));
    table.row("nonce", nonce.clone().unwrap_or_else(|| "none: `zkdl train --beacon` fixes the order".into()));
    let fields = json!({
        "data": source, "hidden": config.network.hidden, "batch": config.training.batch,
        "nonce": nonce,
    });
    Ok(View { kind: "configuration", text: table.text(), fields })
}
