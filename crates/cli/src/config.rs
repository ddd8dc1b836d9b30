//! `zkdl.toml`.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::error::{CliError, Result};
use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};
use zkdl::columns::Preference;
use zkdl::statement::START_WIDTHS;
use zkdl_train::{Format, LearningRate, RateError};

mod data;

pub(crate) use data::DataConfig;

/// The configuration of a run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the points are and what they may hold.
    pub(crate) data: DataConfig,
    /// The network.
    pub(crate) network: NetworkConfig,
    /// How it is trained.
    pub(crate) training: TrainingConfig,
    /// Fraction bits and cell widths.
    #[serde(default)]
    pub(crate) format: FormatConfig,
    /// How it is proven.
    #[serde(default)]
    pub(crate) proof: ProofConfig,
}

/// `[network]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkConfig {
    /// Widths of the hidden layers.
    pub(crate) hidden: Vec<u32>,
}

/// `[training]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrainingConfig {
    /// Passes over the data.
    pub(crate) epochs: Option<u64>,
    /// Steps.
    pub(crate) steps: Option<u64>,
    /// Points a step.
    pub(crate) batch: u32,
    /// Learning rate.
    pub(crate) learning_rate: Rate,
    /// What fixes the order of the data, unless a beacon does (see [`crate::beacon`]).
    #[serde(default, deserialize_with = "nonce")]
    pub(crate) nonce: Option<[u8; 32]>,
    /// A safetensors file of weights to start from, in place of the public seed's; relative to the run directory.
    pub(crate) start: Option<PathBuf>,
    /// Bits of such a weight: 16, 32 or 64.
    start_bits: Option<u32>,
}

/// Weights that a run is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a> {
    /// Their file.
    pub(crate) file: &'a Path,
    /// Bits of each.
    pub(crate) bits: u32,
}

impl TrainingConfig {
    /// The weights that the run is given, if it is. Unless their bits are configured, they have room for 2^7 in magnitude.
    pub(crate) fn given(&self, format: &Format) -> Option<Given<'_>> {
        let room = || START_WIDTHS.into_iter().find(|width| *width >= format.f_w().saturating_add(8)).unwrap_or(64);
        let file = self.start.as_deref()?;
        Some(Given { file, bits: self.start_bits.unwrap_or_else(room) })
    }

    /// The steps that are asked for, where an epoch has so many; 0 if nothing is.
    pub(crate) fn steps_of(&self, epoch: u64) -> u64 {
        self.epochs.map(|epochs| epochs.saturating_mul(epoch)).or(self.steps).unwrap_or(0)
    }
}

/// One rate, or `[[step, rate], ..]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "learning_rate must be a number or a list [[step, rate], ..] that starts at step 0")]
pub(crate) enum Rate {
    /// The same at every step.
    Constant(f64),
    /// Each from its step on.
    Pieces(Vec<(u64, f64)>),
}

/// `[format]`: what is not given has its default.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormatConfig {
    f_a: Option<u32>,
    f_g: Option<u32>,
    q: Option<u32>,
    q_g: Option<u32>,
}

/// `[proof]`
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofConfig {
    /// Steps of a window; an epoch's if not given.
    pub(crate) window: Option<u64>,
    /// What the columns of committed rows are chosen for; the verifier's time if not given.
    #[serde(default, deserialize_with = "preference")]
    pub(crate) prefer: Option<Preference>,
    /// Binary logarithm of the columns, in place of a choice.
    pub(crate) log_columns: Option<u32>,
}

impl Config {
    /// Reads and parses; what depends on the data is checked by [`crate::plan::Plan`].
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Self::missing(path, e))?;
        Self::parse(&text, path)
    }

    fn missing(path: &Path, error: std::io::Error) -> CliError {
        if error.kind() == std::io::ErrorKind::InvalidData {
            return CliError::usage(format!("{}: not a TOML file: its bytes are not text", path.display()));
        }
        let hint = "`zkdl init DIR` writes a run directory with a configuration";
        CliError::io(format!("cannot read the configuration {} ({hint})", path.display())).caused_by(error)
    }

    /// Parses; `path` names the file in messages.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self> {
        let config: Self =
            toml::from_str(text).map_err(|e| CliError::usage(path.display().to_string()).caused_by(e))?;
        let refuse = |problem: &str| Err::<(), _>(CliError::usage(format!("{}: {problem}", path.display())));
        if config.training.epochs.is_some() == config.training.steps.is_some() {
            refuse("[training] needs exactly one of `epochs` and `steps`")?;
        }
        config.data.source(Path::new("")).and(config.data.quantisers()).map(|_| ()).or_else(|e| refuse(&e))?;
        if config.data.test_points.is_some() && config.data.train_points.is_some() {
            refuse("[data] takes `test_points` or `train_points`, not both")?;
        }
        if config.training.start_bits.is_some() && config.training.start.is_none() {
            refuse("[training] start_bits is about the weights of a `start` file, and there is none")?;
        }
        if config.proof.prefer.is_some() && config.proof.log_columns.is_some() {
            refuse("[proof] takes `prefer` or `log_columns`, not both")?;
        }
        Ok(config)
    }
}

impl FormatConfig {
    /// The numeric format.
    pub(crate) fn format(&self) -> Format {
        let default = Format::default();
        Format {
            f_a: self.f_a.unwrap_or(default.f_a),
            f_g: self.f_g.unwrap_or(default.f_g),
            q: self.q.unwrap_or(default.q),
            q_g: self.q_g.unwrap_or(default.q_g),
        }
    }
}

impl Rate {
    /// As the trainer takes it.
    pub(crate) fn learning_rate(&self) -> std::result::Result<LearningRate, RateError> {
        match self {
            Self::Constant(rate) => LearningRate::constant(*rate),
            Self::Pieces(pieces) => LearningRate::new(pieces.clone()),
        }
    }
}

fn nonce<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<[u8; 32]>, D::Error> {
    let text = String::deserialize(deserializer)?;
    digest(&text).map(Some).map_err(|e| serde::de::Error::custom(format!("nonce: {e}")))
}

fn preference<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Preference>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(|e| serde::de::Error::custom(format!("prefer: {e}")))
}

/// 64 hexadecimal digits.
pub(crate) fn digest(text: &str) -> std::result::Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    let well_formed = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !well_formed {
        return Err(format!("expected 64 hexadecimal digits, got {text:?}"));
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        let digits = str::from_utf8(digits).map_err(|e| e.to_string())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|e| e.to_string())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../../examples/digits/digits.toml");

    fn message(text: &str) -> String {
        Config::parse(text, Path::new("zkdl.toml")).unwrap_err().line()
    }

    #[test]
    fn the_example_is_read() {
        let config = Config::parse(GOOD, Path::new("digits.toml")).unwrap();
        assert_eq!((config.network.hidden, config.training.batch), (vec![128, 64], 32));
        assert_eq!(config.format.format(), Format::default());
    }

    #[test]
    fn a_preference_is_read() {
        let prefer = |more: &str| Config::parse(&format!("{GOOD}{more}"), Path::new("zkdl.toml")).unwrap().proof.prefer;
        assert_eq!(prefer(""), None);
        assert_eq!(prefer("\n[proof]\nwindow = 3"), None);
        assert_eq!(prefer("\n[proof]\nprefer = \"prover\""), Some(Preference::Prover));
    }

    #[test]
    fn problems_name_the_key() {
        let cases = [
            (GOOD.replace("hidden", "hiden"), "unknown field `hiden`"),
            (
                GOOD.replace("learning_rate = [[0, 0.25], [44, 0.5]]", "learning_rate = \"fast\""),
                "learning_rate must be a number",
            ),
            (GOOD.replace("epochs = 20", ""), "exactly one of `epochs` and `steps`"),
            (GOOD.replace("epochs = 20", "epochs = 20\nsteps = 3"), "exactly one of `epochs` and `steps`"),
            (GOOD.replace("test_points = 360", "test_points = 3\ntrain_points = 3"), "not both"),
            (GOOD.replace("nonce = \"", "nonce = \"zz"), "64 hexadecimal digits"),
            (GOOD.replace("batch = 32", ""), "missing field `batch`"),
            (format!("{GOOD}\n[proof]\nprefer = \"speed\""), "\"speed\" is no preference: use \"verifier\", \"size\""),
            (format!("{GOOD}\n[proof]\nprefer = \"size\"\nlog_columns = 13"), "`prefer` or `log_columns`, not both"),
        ];
        for (text, part) in cases {
            assert!(message(&text).contains(part), "{part}: {}", message(&text));
        }
    }

    #[test]
    fn digests_are_64_digits() {
        assert_eq!(digest(&"0f".repeat(32)), Ok([15; 32]));
        for bad in ["", "0f", &"é".repeat(32), &"0g".repeat(32), &"+1".repeat(32)] {
            assert!(digest(bad).is_err());
        }
    }
}
