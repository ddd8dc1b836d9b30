//! `zkdl init`: a run directory with a commented configuration.

use crate::atomic::{self, Access};
use crate::data::unread;
use crate::error::{CliError, Result};
use crate::progress::Context;
use crate::report::{emit, emit_json};
use crate::run_dir::RunDir;
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use zkdl_dataset::descriptor::VALUE_LIMIT;
use zkdl_dataset::readers::{self, cifar};
use zkdl_dataset::{Quantiser, Source};

/// Runs the verb.
pub(crate) fn run(context: Context, root: &Path, data: Option<&Path>, labels: Option<&Path>) -> Result<()> {
    let dir = RunDir::new(root);
    let path = dir.config();
    if path.exists() {
        let next = "edit it, or give another directory";
        return Err(CliError::usage(format!("{} exists already: {next}", path.display())));
    }
    let example = || Ok(Found { images: false, ..Found::digits("data.csv") });
    let found = data.map_or_else(example, |data| Found::scan(data, labels))?;
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
    /// Keys of `[data]` that say where the points are, with their values.
    source: Vec<(&'static str, toml::Value)>,
    scale: Option<f64>,
    min: i32,
    max: i32,
    points: usize,
    test_points: usize,
    batch: usize,
    /// Whether the points are known to be images of 8 x 8 pixels.
    images: bool,
}

impl Found {
    /// The digits in a file of this name; also an example for people who have no file yet.
    pub(crate) fn digits(csv: &str) -> Self {
        let source = vec![("csv", toml::Value::String(csv.to_owned()))];
        Self { source, scale: None, min: 0, max: 16, points: 1797, test_points: 360, batch: 32, images: true }
    }

    /// Reads the files and takes sizes and range from them.
    fn scan(path: &Path, labels: Option<&Path>) -> Result<Self> {
        let (source, keys) = recognised(path, labels)?;
        let scan = readers::scan(&source, &mut |_| ()).map_err(unread)?;
        let (low, high) = (scan.min().min(0.0), scan.max());
        let largest = high.abs().max(low.abs());
        let as_they_are = scan.integers && largest < f64::from(VALUE_LIMIT);
        // Fractions, and integers beyond what features may hold, are scaled by a power of two to about 8 bits.
        let scale = (!as_they_are).then(|| 2f64.powi((8.0 - largest.log2().ceil()).clamp(-900.0, 900.0) as i32));
        let (min, max) = (1 - VALUE_LIMIT, VALUE_LIMIT - 1);
        let quantiser = Quantiser { scale: scale.unwrap_or(1.0), offset: 0.0, min, max, clip: true };
        let integer = |x| quantiser.apply(x).map_err(|e| CliError::usage(e.to_string()));
        let points = usize::try_from(scan.points).unwrap_or(usize::MAX);
        let test_points = points.div_ceil(5);
        let batch = (points - test_points).clamp(1, 32);
        Ok(Self {
            source: keys,
            scale,
            min: integer(low)?,
            max: integer(high)?,
            points,
            test_points,
            batch,
            images: false,
        })
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
        let source: String = self.source.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let scale = self.scale.map(|scale| {
            let why =
                "# the number x of a file becomes the integer (x - offset) * scale, rounded; out of range is refused";
            format!("{why}; clip = true clips\nscale = {}\noffset = 0.0\n", toml::Value::Float(scale))
        });
        let scale = scale.unwrap_or_default();
        let Self { min, max, test_points, batch, .. } = self;
        let (fraction_bits, epoch) = (self.fraction_bits(), self.epoch());
        let images = if self.images { "" } else { "# " };
        format!(
            r#"# A training run of zkdl. Everything here but the names of files becomes public with the first proof.

[data]
{source}{scale}value_min = {min}           # every feature lies in [value_min, value_max]: public
value_max = {max}
fraction_bits = {fraction_bits}       # the integer x stands for x / 2^fraction_bits
test_points = {test_points}       # held out and never trained on; or train_points = ..
split_seed = 0          # which points are held out
# near = 0              # squared distance, in integers, up to which a point counts as a near-duplicate of another
{images}image = {{ width = 8, height = 8, channels = 1, planar = false, white = {max} }}  # points are images
# [[data.columns]]      # columns that differ from the others
# columns = "0..3"
# scale = 2.0

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
# start = "pretrained.safetensors"  # weights to start from, in place of random ones: committed, and proven to be in range
# start_bits = 32       # bits of each of them, 16, 32 or 64: public; default: room for 128 in magnitude

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

/// A source by its first bytes, and the keys that name it in a configuration.
fn recognised(path: &Path, labels: Option<&Path>) -> Result<(Source, Vec<(&'static str, toml::Value)>)> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(|e| CliError::file("read the data file", path, e))?;
    let size = file.metadata().map_err(|e| CliError::file("read the data file", path, e))?.len();
    file.take(6).read_to_end(&mut start).map_err(|e| CliError::file("read the data file", path, e))?;
    let key = |key, path: &Path| {
        let absolute = path.canonicalize().map_err(|e| CliError::file("find", path, e))?;
        let text = absolute.to_str().ok_or_else(|| CliError::usage("the path of a data file is not UTF-8"))?;
        Ok((key, toml::Value::String(text.to_owned())))
    };
    let beside = || {
        let missing = format!("{} holds no labels: name their file with --labels", path.display());
        labels.ok_or_else(|| CliError::usage(missing))
    };
    let own = path.to_owned();
    let batch = path.extension().is_some_and(|e| e == "bin") && size % cifar::RECORD_BYTES as u64 == 0;
    Ok(match start[..] {
        [0x93, b'N', b'U', b'M', b'P', b'Y'] => {
            let keys = vec![key("npy", path)?, key("labels", beside()?)?];
            (Source::Npy { features: own, labels: beside()?.to_owned() }, keys)
        }
        [b'P', b'K', ..] => {
            let (features, labels) = ("x".to_owned(), "y".to_owned());
            (Source::Npz { file: own, features, labels }, vec![key("npz", path)?])
        }
        _ if batch => {
            let (_, file) = key("cifar10", path)?;
            (Source::Cifar { files: vec![own] }, vec![("cifar10", toml::Value::Array(vec![file]))])
        }
        [0, 0, _, 1..=4, ..] | [0x1f, 0x8b, ..] => {
            let keys = vec![key("idx", path)?, key("labels", beside()?)?];
            (Source::Idx { images: own, labels: beside()?.to_owned() }, keys)
        }
        _ => (Source::Csv { file: own, label: None }, vec![key("csv", path)?]),
    })
}
