//! The statement for people and programs: digests, sizes, JSON, plain words.
//!
//! ```text
//! model digest  = SHA-256(len || "zkdl/model/v1"  || n (u64) || weight rows, 32 bytes each)          len: u64; little endian
//! config digest = SHA-256(len || "zkdl/config/v1" || encoding of the statement with root = 0, log2 of columns = 0 and no rows)
//! ```
//!
//! The config digest covers what was to be computed: sizes and ranges of the data, network, format, batch, R_L, the cap on
//! steps, nonce, first step and all multipliers. It does not cover which data, which weights, nor how rows are laid out. The
//! windows of a run that follow one another are one longer window ([`crate::chain`]), whose config digest is the run's.
//!
//! Nothing here trusts the statement: any that decodes can be described, also a nonsensical one.

use crate::error::StatementError;
use crate::statement::{GENERATORS, Limits, Origin, PROTOCOL, Start, Statement, hex};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zkdl_arguments::rows::{cell_row_count, weight_row_count};
use zkdl_dataset::number::to_u64;
use zkdl_dataset::{ColumnRun, Descriptor, Image};

const MODEL: &str = "zkdl/model/v1";
const CONFIG: &str = "zkdl/config/v1";

/// Sizes that follow from a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Weights and biases.
    pub parameters: u64,
    /// Cells of the window.
    pub cells: u64,
    /// Rows that the cells are committed in.
    pub cell_rows: usize,
    /// Rows that weights are committed in.
    pub weight_rows: usize,
}

/// The sizes of a statement; its weight rows need not be there yet.
///
/// # Errors
/// [`StatementError`] if the statement is refused.
pub fn sizes(statement: &Statement) -> Result<Sizes, StatementError> {
    let shape = statement.sizes(&Limits::default())?;
    let algorithm = statement.algorithm();
    Ok(Sizes {
        parameters: algorithm.parameters(),
        cells: algorithm.cells_per_step().saturating_mul(to_u64(statement.multipliers.len())),
        cell_rows: cell_row_count(&shape),
        weight_rows: weight_row_count(&shape),
    })
}

/// The name of a model: a digest of the row commitments of its weights.
#[must_use]
pub fn model_digest(rows: &[[u8; 32]]) -> [u8; 32] {
    let mut hash = labelled(MODEL);
    hash.update(to_u64(rows.len()).to_le_bytes());
    rows.iter().for_each(|row| hash.update(row));
    hash.finalize().into()
}

/// The name of what was to be computed, whatever the data and the weights.
#[must_use]
pub fn config_digest(statement: &Statement) -> [u8; 32] {
    let mut bare = Statement { end: Vec::new(), log_columns: 0, ..statement.clone() };
    bare.data.root = [0; 32];
    bare.start = bare.start.without_rows();
    let mut hash = labelled(CONFIG);
    hash.update(bare.encode());
    hash.finalize().into()
}

fn labelled(label: &str) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update(to_u64(label.len()).to_le_bytes());
    hash.update(label);
    hash
}

/// The steps at which the multiplier changes, with its new value.
fn pieces(statement: &Statement) -> Vec<(u64, u64)> {
    let steps = (0..).map(|t| statement.first_step.saturating_add(t)).zip(&statement.multipliers);
    let mut pieces: Vec<(u64, u64)> = Vec::new();
    for (step, c) in steps {
        if pieces.last().is_none_or(|last| last.1 != *c) {
            pieces.push((step, *c));
        }
    }
    pieces
}

/// The learning rate that a multiplier stands for: `c B / 2^(R_L - 2 f_A)`.
#[expect(clippy::as_conversions, clippy::arithmetic_side_effects, reason = "for people: rounded; i64 of u32, clamped")]
fn rate(statement: &Statement, c: u64) -> f64 {
    let bits = i64::from(statement.r_l) - 2 * i64::from(statement.format.f_a);
    c as f64 * f64::from(statement.batch) / 2f64.powi(bits.clamp(-1100, 1100) as i32)
}

fn widths(statement: &Statement) -> Vec<u32> {
    [&[statement.data.features], &statement.hidden[..], &[statement.data.classes]].concat()
}

/// The statement as JSON: everything it says, rows by their digests.
#[must_use]
pub fn to_json(statement: &Statement) -> Value {
    let start = match &statement.start {
        Start::Seed => json!({ "kind": "public seed" }),
        Start::Committed { origin, rows } => json!({
            "kind": "committed", "model": hex(&model_digest(rows)), "rows": rows.len(),
            "run_started_from": match origin {
                Origin::Seed => json!({ "kind": "public seed" }),
                Origin::Named { bits } => json!({ "kind": "named weights", "bits": bits }),
            },
        }),
    };
    let multipliers: Vec<Value> = pieces(statement)
        .into_iter()
        .map(|(step, c)| json!({ "from_step": step, "c": c, "learning_rate": rate(statement, c) }))
        .collect();
    let format = statement.format;
    json!({
        "protocol": PROTOCOL,
        "generators": GENERATORS,
        "statement": hex(&statement.digest()),
        "config": hex(&config_digest(statement)),
        "model": { "digest": hex(&model_digest(&statement.end)), "rows": statement.end.len() },
        "data": data_json(&statement.data),
        "algorithm": {
            "widths": widths(statement), "activation": "ReLU", "loss": "squared error",
            "f_a": format.f_a, "f_g": format.f_g, "q": format.q, "q_g": format.q_g, "r_l": statement.r_l,
            "batch": statement.batch, "max_steps": statement.max_steps,
            "parameters": statement.algorithm().parameters(),
        },
        "nonce": hex(&statement.nonce),
        "first_step": statement.first_step,
        "steps": statement.multipliers.len(),
        "multipliers": multipliers,
        "start": start,
        "log_columns": statement.log_columns,
        "data_proof_claims": data_claim(&statement.data),
        "premises": premises(statement),
    })
}

/// A data set as JSON.
#[must_use]
pub fn data_json(data: &Descriptor) -> Value {
    json!({
        "root": hex(&data.root), "points": data.points, "features": data.features, "classes": data.classes,
        "value_min": data.value_min(), "value_max": data.value_max(), "fraction_bits": data.fraction_bits,
        "columns": columns(data), "near": data.near, "image": data.image.map(image),
    })
}

/// A data set in plain words, one sentence an item.
#[must_use]
pub fn data_in_words(data: &Descriptor) -> [String; 2] {
    let points = format!(
        "Data {}: {} committed points of {} features (integers in [{}, {}] with {} fraction bits) and a label of {} classes.",
        hex(&data.root),
        data.points,
        data.features,
        data.value_min(),
        data.value_max(),
        data.fraction_bits,
        data.classes
    );
    [points, features_in_words(data)]
}

/// The statement in plain words, one sentence an item.
#[must_use]
pub fn in_words(statement: &Statement) -> Vec<String> {
    let [points, features] = data_in_words(&statement.data);
    let format = statement.format;
    let widths: Vec<String> = widths(statement).iter().map(u32::to_string).collect();
    let end = statement.first_step.saturating_add(to_u64(statement.multipliers.len()));
    vec![
        format!(
            "Model {}: its {} committed weight rows hold exactly the weights that the training below computes.",
            hex(&model_digest(&statement.end)),
            statement.end.len()
        ),
        points,
        features,
        format!(
            "Algorithm: exact integer training, layers {} (bias, ReLU, squared error), {} parameters; f_A {}, f_G {}, Q {}, Q_G {}, R_L {}.",
            widths.join("-"),
            statement.algorithm().parameters(),
            format.f_a,
            format.f_g,
            format.q,
            format.q_g,
            statement.r_l
        ),
        format!(
            "Steps: {} of them, from step {} up to, not including, step {end}, of a run of at most {}; {} points each.",
            statement.multipliers.len(),
            statement.first_step,
            statement.max_steps,
            statement.batch
        ),
        format!("Learning rate: {}.", rates_in_words(statement)),
        format!(
            "Order: every epoch visits the points in a permutation drawn from data root, nonce and epoch number; nonce {}.",
            hex(&statement.nonce)
        ),
        start_in_words(statement),
        format!("Configuration {}; statement {}.", hex(&config_digest(statement)), hex(&statement.digest())),
    ]
}

/// Half-open ranges of columns with their quantisers.
fn columns(data: &Descriptor) -> Vec<Value> {
    let mut from = 0u64;
    let one = |run: &ColumnRun| {
        let (first, end, q) = (from, from.saturating_add(u64::from(run.count)), run.quantiser);
        from = end;
        json!({
            "from": first, "to": end, "scale": q.scale, "offset": q.offset, "min": q.min, "max": q.max, "clip": q.clip,
        })
    };
    data.columns.iter().map(one).collect()
}

fn image(image: Image) -> Value {
    json!({
        "width": image.width, "height": image.height, "channels": image.channels, "planar": image.planar,
        "white": image.white,
    })
}

/// How features come from numbers, where that can be said of all columns at once.
fn features_in_words(data: &Descriptor) -> String {
    let mut words = match &data.columns[..] {
        [run] if run.quantiser.is_identity() => "Features: the numbers of the source, rounded to integers".to_owned(),
        [run] => format!(
            "Features: (x - {}) * {} of the source's numbers x, rounded",
            run.quantiser.offset, run.quantiser.scale
        ),
        runs => format!("Features: {} runs of columns, each with its own scale, offset and range", runs.len()),
    };
    if data.columns.iter().any(|run| run.quantiser.clip) {
        words += "; numbers beyond a range are clipped where the JSON form says so";
    }
    if let Some(Image { width, height, channels, .. }) = data.image {
        words += &format!("; images of {width} x {height} pixels and {channels} channels");
    }
    if data.near > 0 {
        words += &format!("; near-duplicates are points at a squared distance of {} or less", data.near);
    }
    words + "."
}

fn rates_in_words(statement: &Statement) -> String {
    const SHOWN: usize = 8;
    let pieces = pieces(statement);
    let one = |(step, c): &(u64, u64)| format!("{} (c_t = {c}) from step {step}", rate(statement, *c));
    let mut words: Vec<String> = pieces.iter().take(SHOWN).map(one).collect();
    let more = pieces.len().saturating_sub(SHOWN);
    if more > 0 {
        words.push(format!("and {more} more changes, listed in the JSON form"));
    }
    words.join(", ")
}

fn start_in_words(statement: &Statement) -> String {
    match &statement.start {
        Start::Seed => "Start: weights drawn from data root and nonce, known to everyone.".to_owned(),
        Start::Committed { rows, .. } => {
            let model = hex(&model_digest(rows));
            let which = statement.proves_start().map_or_else(String::new, |bits| {
                format!(" They were given to the run, and are integers of {bits} bits.")
            });
            format!(
                "Start: the weights of model {model}, {} committed rows that the statement lists.{which}",
                rows.len()
            )
        }
    }
}

/// What a valid data proof says.
#[must_use]
pub fn data_claim(data: &Descriptor) -> String {
    format!(
        "Every committed feature is an integer in [{}, {}], every label is one of {} classes, and rows hold nothing else.",
        data.value_min(),
        data.value_max(),
        data.classes
    )
}

/// What a valid proof of this statement takes for granted, beside a valid data proof ([`data_claim`]).
#[must_use]
pub fn premises(statement: &Statement) -> Vec<String> {
    let mut premises =
        vec!["Not proven here: that the data root was published before the nonce was chosen.".to_owned()];
    if let Start::Committed { rows, .. } = &statement.start {
        let how = match statement.proves_start() {
            Some(_) => {
                "They were given to the run; who has them as a file can be shown that they are these: `zkdl weights verify`."
            }
            None => {
                "That takes valid proofs of all earlier steps, each starting from the final rows of the one before."
            }
        };
        let model = hex(&model_digest(rows));
        premises.push(format!("Not proven here: how the start weights {model} came about. {how}"));
    }
    premises
}

#[cfg(test)]
pub(crate) mod tests;
