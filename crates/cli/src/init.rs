//! `zkdl init`: a run directory with a commented configuration.

use crate::atomic::{self, Access};
use crate::data::read_table;
use crate::error::{CliError, Result};
use crate::progress::Context;
use crate::report::{emit, emit_json};
use crate::run_dir::RunDir;
use serde_json::json;
use std::path::Path;
use zkdl_dataset::ValueRange;
use zkdl_dataset::descriptor::VALUE_LIMIT;

/// Runs the verb.
pub(crate) fn run(context: Context, root: &Path, data: Option<&Path>) -> Result<()> {
    let dir = RunDir::new(root);
    let path = dir.config();
    if path.exists() {
        let next = "edit it, or give another directory";
        return Err(CliError::usage(format!("{} exists already: {next}", path.display())));
    }
    let found = data.map_or_else(|| Ok(Found::digits("data.csv")), Found::scan)?;
    let text = found.template();
    atomic::create_dir(root, Access::Public)?;
    atomic::write(&path, text.as_bytes(), Access::Public)?;
    if context.json {
        return emit_json(&json!({ "config": path }));
    }
    emit(&format!("wrote {}: edit it, then run `zkdl data commit {}`", path.display(), root.display()))
}

/// What a configuration says of its data.
pub(crate) struct Found {
    csv: String,
    min: i32,
    max: i32,
    points: usize,
    test_points: usize,
    batch: usize,
}

impl Found {
    /// The digits in a file of this name; also an example for people who have no file yet.
    pub(crate) fn digits(csv: &str) -> Self {
        Self { csv: csv.to_owned(), min: 0, max: 16, points: 1797, test_points: 360, batch: 32 }
    }

    /// Reads a file and takes sizes and range from it.
    fn scan(path: &Path) -> Result<Self> {
        let table = read_table(path, ValueRange { min: 1 - VALUE_LIMIT, max: VALUE_LIMIT - 1 })?;
        let absolute = path.canonicalize().map_err(|e| CliError::file("find", path, e))?;
        let csv = absolute.to_str().ok_or_else(|| CliError::usage("the path of the CSV file is not UTF-8"))?.to_owned();
        let min = table.values().iter().copied().min().unwrap_or(0).min(0);
        let max = table.values().iter().copied().max().unwrap_or(1);
        let test_points = table.len().div_ceil(5);
        let batch = (table.len() - test_points).clamp(1, 32);
        Ok(Self { csv, min, max, points: table.len(), test_points, batch })
    }

    /// Steps of an epoch.
    fn epoch(&self) -> usize {
        (self.points.saturating_sub(self.test_points) / self.batch.max(1)).max(1)
    }

    /// Fraction bits that put the largest value at about 1.
    fn fraction_bits(&self) -> u32 {
        let largest = self.max.unsigned_abs().max(self.min.unsigned_abs()).max(1);
        largest.next_power_of_two().ilog2()
    }

    /// The configuration's text.
    pub(crate) fn template(&self) -> String {
        let csv = toml::Value::String(self.csv.clone());
        let Self { min, max, test_points, batch, .. } = self;
        let (fraction_bits, epoch) = (self.fraction_bits(), self.epoch());
        format!(
            r#"# A training run of zkdl. Everything here but [data].csv becomes public with the first proof.

[data]
csv = {csv}
value_min = {min}           # every feature lies in [value_min, value_max]: public
value_max = {max}
fraction_bits = {fraction_bits}       # the integer x stands for x / 2^fraction_bits
test_points = {test_points}       # held out and never trained on; or train_points = ..
split_seed = 0          # which points are held out

[network]
hidden = [128, 64]      # widths of the hidden layers; [] for a linear model

[training]
epochs = 20             # or steps = ..
batch = {batch}
# [step, rate]: each rate from its step on; or one number. A gentle first epoch ({epoch} steps) keeps all integers in their bits.
learning_rate = [[0, 0.25], [{epoch}, 0.5]]
# The order of the points and the starting weights follow from the data's root and a public value. Let others draw it after you
# have published the root, so that it was not chosen to suit: `zkdl train RUN --beacon HEX`. Or, where nobody needs to believe it:
# nonce = "64 hexadecimal digits"

# [format]              # defaults: 64 bits a hidden cell
# f_a = 8               # fraction bits of activations
# f_g = 13              # fraction bits of gradients
# q = 12                # bits of a rounded sum
# q_g = 10              # bits of a gradient

# [proof]
# window = {epoch}           # steps that one proof covers; default: one epoch
# prefer = "verifier"   # how long a committed row is: for fast verification, "size" (short proofs) or "prover" (fast proving)
# log_columns = 12      # or its length, 2^log_columns, by hand
"#
        )
    }
}
