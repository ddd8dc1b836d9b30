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
use zkdl::describe::{data_claim, in_words, model_digest, premises, to_json};
use zkdl::proof::Proof;
use zkdl::statement::hex;
use zkdl::{PointCommitments, Statement};

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
    let kinds: [(&str, Show); 6] = [
        ("zkdl-statement", statement),
        ("zkdl-points", points),
        ("zkdl-proof", proof),
        (DATA_MAGIC, data),
        (WEIGHTS_MAGIC, weights),
        (ROWS_MAGIC, rows),
    ];
    let known = kinds.iter().find(|(magic, _)| content.starts_with(magic.as_bytes()));
    match known {
        Some((_, show)) => show(content, path),
        None if path.extension().is_some_and(|e| e == "toml") => config(content, path),
        None => Err(CliError::usage(format!(
            "{}: not a file of zkdl: expected a statement, proof, list of point commitments, zkdl.toml or a file of a run's secret directory",
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
    let lines = [in_words(&statement), vec![data], premises(&statement)].concat();
    let text = lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
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
