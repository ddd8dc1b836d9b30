//! What is measured: the standard workloads, and any other network on made-up data.

use crate::error::{CliError, Result};
use crate::quickstart::DIGITS;
use crate::secret::Points;
use clap::ValueEnum;
use std::fmt;
use zeroize::Zeroizing;
use zkdl::columns::{Preference, choose_log_columns};
use zkdl::describe::{self, Sizes};
use zkdl::{Origin, Start, Statement};
use zkdl_dataset::{Descriptor, KeyStream, ValueRange, read_csv, split};
use zkdl_train::{Format, LearningRate};

/// Batches of made-up data: an epoch of 16 steps, whatever the length of a window, so that windows of any length are
/// measured against the same data.
const BATCHES: u32 = 16;
/// Made-up features are 8-bit pixels of dark pictures, uniform in `0..=63`. Brighter ones would make the step that the smallest
/// rate of the 64-bit format takes too long for networks with few layers: their integers leave 12 bits within three steps.
const DARK: u64 = 63;
/// Points of the digits that are trained on, as in the quickstart.
const DIGITS_TRAINED: u32 = 1437;
/// The rate of a network that is not a standard one, for each row of the batch: it leaves the output error its fewest bits.
const RATE_PER_ROW: f64 = 1.0 / 256.0;

/// The name of every other network.
const CUSTOM: &str = "custom";

/// The standard workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Standard {
    /// 64-128-64-10 on real handwritten digits, batch 32: 17 thousand parameters
    Digits,
    /// 784-512(x3)-10, batch 64: 0.9 million
    #[value(name = "mlp-1m")]
    Mlp1m,
    /// 3072-1024(x7)-10, batch 64: 9 million
    #[value(name = "mlp-10m")]
    Mlp10m,
    /// 3072-3712(x15)-10, batch 64: 204 million
    #[value(name = "mlp-200m")]
    Mlp200m,
    /// 3072-8192(x15)-10, batch 64: 965 million
    #[value(name = "mlp-1b")]
    Mlp1b,
}

/// Widths of a network, features first, classes last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network(Vec<u32>);

impl Network {
    /// Reads `784-512-512-10`.
    pub(crate) fn parse(text: &str) -> std::result::Result<Self, String> {
        let refused =
            |what: &str| Err(format!("{what}: give features, hidden widths and classes, as in 784-512-512-10"));
        let mut widths = Vec::new();
        for part in text.split('-') {
            match part.parse::<u32>() {
                Ok(width) if width > 0 && part.bytes().all(|b| b.is_ascii_digit()) => widths.push(width),
                _ => return refused(&format!("{part:?} is no width")),
            }
        }
        if widths.len() < 2 { refused("one width is no network") } else { Ok(Self(widths)) }
    }

    fn features(&self) -> u32 {
        self.0.first().copied().unwrap_or(0)
    }

    fn classes(&self) -> u32 {
        self.0.last().copied().unwrap_or(0)
    }

    fn hidden(&self) -> Vec<u32> {
        self.0.get(1..self.0.len().saturating_sub(1)).unwrap_or_default().to_vec()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&widths.join("-"))
    }
}

/// Reads `8,13,12,10`: f_A, f_G, Q, Q_G.
pub(crate) fn format(text: &str) -> std::result::Result<Format, String> {
    let bits: Option<Vec<u32>> = text.split(',').map(|part| part.parse().ok()).collect();
    match bits.as_deref() {
        Some(&[f_a, f_g, q, q_g]) => Ok(Format { f_a, f_g, q, q_g }),
        _ => Err("give the four numbers f_a,f_g,q,q_g, as in 8,13,12,10".to_owned()),
    }
}

/// Where the points come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Digits,
    MadeUp,
}

/// A network, its data and how it is trained.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    /// Its name; `custom` if it is not a standard one.
    pub(crate) name: &'static str,
    /// The network.
    pub(crate) network: Network,
    /// Rows of a step.
    pub(crate) batch: u32,
    /// The learning rate of all steps.
    pub(crate) rate: f64,
    source: Source,
}

/// A short name for messages.
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name == CUSTOM { write!(f, "{} at batch {}", self.network, self.batch) } else { f.write_str(self.name) }
    }
}

impl Workload {
    /// What there is to choose from.
    pub(crate) const CHOICE: &str =
        "Name a workload (digits, mlp-1m, mlp-10m, mlp-200m, mlp-1b) or a network, as in --network 784-512-512-10";

    /// A standard workload. The rates keep all integers in their bits and the gradients of as many layers as possible alive;
    /// in 16 layers, those far from the output round to zero in the 64-bit format at any rate that training survives.
    pub(crate) fn standard(which: Standard) -> Self {
        let made_up = |name, features, hidden, width, rate| {
            let network = Network([vec![features], vec![width; hidden], vec![10]].concat());
            Self { name, network, batch: 64, rate, source: Source::MadeUp }
        };
        match which {
            Standard::Digits => {
                let network = Network(vec![64, 128, 64, 10]);
                Self { name: "digits", network, batch: 32, rate: 0.25, source: Source::Digits }
            }
            Standard::Mlp1m => made_up("mlp-1m", 784, 3, 512, 0.25),
            Standard::Mlp10m => made_up("mlp-10m", 3072, 7, 1024, 0.5),
            Standard::Mlp200m => made_up("mlp-200m", 3072, 15, 3712, 0.5),
            Standard::Mlp1b => made_up("mlp-1b", 3072, 15, 8192, 0.5),
        }
    }

    /// Any network.
    pub(crate) fn custom(network: Network, batch: u32, rate: Option<f64>) -> Self {
        let rate = rate.unwrap_or(f64::from(batch) * RATE_PER_ROW);
        Self { name: CUSTOM, network, batch, rate, source: Source::MadeUp }
    }

    /// What columns are chosen for if nobody says: large networks make long proofs.
    pub(crate) fn preference(&self) -> Preference {
        match self.name {
            "mlp-10m" | "mlp-200m" | "mlp-1b" => Preference::Size,
            _ => Preference::Verifier,
        }
    }

    /// The public statement of the second window of `steps` steps, with neither root nor rows, and its sizes: everything that
    /// can be refused before there is work.
    pub(crate) fn draft(&self, format: Format, steps: usize, prefer: Preference) -> Result<(Statement, Sizes)> {
        let refuse = |e: Box<dyn std::error::Error + Send + Sync>| {
            CliError::usage(format!("{self} cannot be measured")).caused_by(e)
        };
        let rate = LearningRate::constant(self.rate).map_err(|e| refuse(e.into()))?;
        let rates = rate.plan(&format, self.batch).map_err(|e| refuse(e.into()))?;
        let mut statement = Statement {
            data: self.descriptor(),
            hidden: self.network.hidden(),
            format,
            batch: self.batch,
            r_l: rates.r_l,
            max_steps: 2 * steps as u64,
            nonce: [0; 32],
            first_step: steps as u64,
            multipliers: rates.window(steps as u64, steps),
            log_columns: 0,
            start: Start::Committed { origin: Origin::Seed, rows: Vec::new() },
            end: Vec::new(),
        };
        let algorithm = statement.algorithm();
        algorithm.validate().map_err(|e| refuse(e.into()))?;
        statement.log_columns = choose_log_columns(&algorithm, steps, prefer);
        let sizes = describe::sizes(&statement).map_err(|e| refuse(e.into()))?;
        Ok((statement, sizes))
    }

    fn descriptor(&self) -> Descriptor {
        let (points, value_max, fraction_bits) = match self.source {
            Source::Digits => (DIGITS_TRAINED, 16, 4),
            Source::MadeUp => (self.batch.saturating_mul(BATCHES), 255, 8),
        };
        let (features, classes) = (self.network.features(), self.network.classes());
        Descriptor::uniform(points, features, classes, ValueRange { min: 0, max: value_max }, fraction_bits)
    }

    /// The points.
    pub(crate) fn points(&self) -> Result<Points> {
        match self.source {
            Source::Digits => digits(),
            Source::MadeUp => Ok(made_up(&self.descriptor())),
        }
    }
}

fn digits() -> Result<Points> {
    let refused = |e: Box<dyn std::error::Error + Send + Sync>| CliError::usage("the digits are refused").caused_by(e);
    let table = read_csv(DIGITS.as_bytes(), "digits.csv", ValueRange { min: 0, max: 16 });
    let table = table.map_err(|e| refused(e.into()))?;
    let (trained, _) = split(table.len() as u32, DIGITS_TRAINED, [0; 32]).map_err(|e| refused(e.into()))?;
    let table = table.select(&trained);
    Ok(Points { features: Zeroizing::new(table.values().to_vec()), labels: Zeroizing::new(table.labels().to_vec()) })
}

/// Uniform pixels and classes, the same at every call.
fn made_up(data: &Descriptor) -> Points {
    let mut stream = KeyStream::derive("zkdl/bench", &[]);
    let values = data.points as usize * data.features as usize;
    let features = (0..values).map(|_| (stream.next_word() & DARK) as i32).collect();
    let classes = u64::from(data.classes.max(1));
    let labels = (0..data.points).map(|_| (stream.next_word() % classes) as u32).collect();
    Points { features: Zeroizing::new(features), labels: Zeroizing::new(labels) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_workloads_have_their_sizes() {
        let sizes = |which: Standard| {
            let (statement, sizes) =
                Workload::standard(which).draft(Format::default(), 16, Preference::Verifier).unwrap();
            (statement.batch, sizes.parameters, sizes.cells / 16)
        };
        assert_eq!(sizes(Standard::Digits), (32, 17_226, 6_464));
        assert_eq!(sizes(Standard::Mlp1m), (64, 932_362, 98_944));
        assert_eq!(sizes(Standard::Mlp10m), (64, 9_454_602, 459_392));
        assert_eq!(sizes(Standard::Mlp200m), (64, 204_401_290, 3_564_160));
        assert_eq!(sizes(Standard::Mlp1b), (64, 964_894_730, 7_864_960));
    }

    #[test]
    fn every_workload_has_the_points_that_it_declares() {
        for workload in [Workload::standard(Standard::Digits), Workload::custom(Network(vec![5, 3]), 4, None)] {
            let (data, points) = (workload.descriptor(), workload.points().unwrap());
            assert_eq!(points.labels.len(), data.points as usize);
            assert_eq!(points.features.len(), data.points as usize * data.features as usize);
            assert!(points.labels.iter().all(|label| *label < data.classes));
            assert!(points.features.iter().all(|value| data.range(0).contains(*value)));
        }
    }

    #[test]
    fn networks_are_read_and_written() {
        assert_eq!(Network::parse("784-512-10").unwrap().to_string(), "784-512-10");
        for (bad, word) in [("784", "one width"), ("", "\"\""), ("5--3", "\"\""), ("5-x", "\"x\""), ("5-0-3", "\"0\"")]
        {
            let message = Network::parse(bad).unwrap_err();
            assert!(message.contains(word) && message.contains("784-512-512-10"), "{message}");
        }
        assert!(Network::parse("5-+3").is_err() && Network::parse("5-4294967296").is_err());
    }
}
