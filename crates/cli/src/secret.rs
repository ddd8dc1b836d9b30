//! The encodings of what stays with the trainer. Little endian; a SHA-256 over everything before it ends each file, so that a
//! damaged one is noticed when it is read.
//!
//! ```text
//! data      magic | descriptor (its root zero: it follows) | features (i32) | labels (u32) | blinds (32 bytes each) | test points (u32) | their features, labels
//! weights   magic | run (32) | step (u64) | layers (u64) | inputs, outputs (u64 each), values (i64) of every layer
//! rows      magic | run (32) | step (u64) | log2 of columns (u32) | n (u64), commitments | n blinds
//! ```

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::error::{CliError, Result};
use sha2::{Digest, Sha256, Sha512};
use std::path::Path;
use zeroize::Zeroizing;
use zkdl::BlindedRows;
use zkdl::codec::{Decoder, FormatError, header, put_list, take_list};
use zkdl_commit::blinds::Entropy;
use zkdl_dataset::Descriptor;
use zkdl_field::Scalar;
use zkdl_field::scalar::{RandomnessError, decode, encode};
use zkdl_train::{LayerWeights, Weights};

/// First bytes of the files.
pub(crate) const DATA_MAGIC: &str = "zkdl-secret-data";
/// See [`DATA_MAGIC`].
pub(crate) const WEIGHTS_MAGIC: &str = "zkdl-secret-weights";
/// See [`DATA_MAGIC`].
pub(crate) const ROWS_MAGIC: &str = "zkdl-secret-rows";

const DATA_VERSION: u32 = 2;
const VERSION: u32 = 1;
const CHECKSUM_BYTES: usize = 32;

/// Labelled points, row-major.
#[derive(Clone, Default)]
pub(crate) struct Points {
    /// Features.
    pub(crate) features: Zeroizing<Vec<i32>>,
    /// Classes.
    pub(crate) labels: Zeroizing<Vec<u32>>,
}

/// The committed data.
pub(crate) struct SecretData {
    /// What is public about them; its root is zero until it is known.
    pub(crate) descriptor: Descriptor,
    /// Training points in committed order.
    pub(crate) train: Points,
    /// Their blinds.
    pub(crate) blinds: Zeroizing<Vec<Scalar>>,
    /// Points that are never trained on.
    pub(crate) test: Points,
}

/// Weights before a step of a run.
pub(crate) struct Checkpoint {
    /// Digest of the run (see [`crate::plan`]).
    pub(crate) run: [u8; 32],
    /// The step.
    pub(crate) step: u64,
    /// The weights.
    pub(crate) weights: Weights,
}

/// Committed weights before a step of a run.
pub(crate) struct BoundaryRows {
    /// Digest of the run.
    pub(crate) run: [u8; 32],
    /// The step.
    pub(crate) step: u64,
    /// Binary logarithm of the columns of a row.
    pub(crate) log_columns: u32,
    /// Commitments and blinds.
    pub(crate) rows: BlindedRows,
}

/// Blinds of weight rows come from the blinds of the data, which are as secret and as random: every machine that proves a
/// window of a run, in any order, commits the weights at its ends by the same bytes.
///
/// `SHA-512(len || "zkdl/rows/v1" || run || step (u64) || log2 of columns (u32) || blinds of the points)`
pub(crate) struct RowEntropy(Option<Zeroizing<[u8; 64]>>);

impl RowEntropy {
    /// For the rows of the weights before a step.
    pub(crate) fn new(run: &[u8; 32], step: u64, log_columns: u32, point_blinds: &[Scalar]) -> Self {
        const LABEL: &str = "zkdl/rows/v1";
        let mut hash = Sha512::new();
        hash.update((LABEL.len() as u64).to_le_bytes());
        hash.update(LABEL);
        hash.update(run);
        hash.update(step.to_le_bytes());
        hash.update(log_columns.to_le_bytes());
        for blind in point_blinds {
            hash.update(*Zeroizing::new(encode(blind)));
        }
        Self(Some(Zeroizing::new(hash.finalize().into())))
    }
}

impl Entropy for RowEntropy {
    /// Once: nothing is ever drawn twice from one seed.
    fn fill(&mut self, bytes: &mut [u8]) -> std::result::Result<(), RandomnessError> {
        match self.0.take() {
            Some(seed) if seed.len() == bytes.len() => {
                bytes.copy_from_slice(&*seed);
                Ok(())
            }
            _ => Err(RandomnessError),
        }
    }
}

type Decoded<T> = std::result::Result<T, FormatError>;

impl Points {
    /// Features and class of a point.
    pub(crate) fn point(&self, index: u32, width: usize) -> Option<(&[i32], u32)> {
        let index = index as usize;
        let label = *self.labels.get(index)?;
        let from = index.checked_mul(width)?;
        Some((self.features.get(from..from.checked_add(width)?)?, label))
    }

    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.features.iter().flat_map(|x| x.to_le_bytes()));
        bytes.extend(self.labels.iter().flat_map(|x| x.to_le_bytes()));
    }

    fn take(d: &mut Decoder<'_>, points: u32, width: u32) -> Decoded<Self> {
        let values = (points as usize).saturating_mul(width as usize);
        let words = |bytes: &[u8]| -> Vec<[u8; 4]> { bytes.as_chunks().0.to_vec() };
        let features = words(d.take("features", values.saturating_mul(4))?);
        let labels = words(d.take("labels", (points as usize).saturating_mul(4))?);
        Ok(Self {
            features: Zeroizing::new(features.into_iter().map(i32::from_le_bytes).collect()),
            labels: Zeroizing::new(labels.into_iter().map(u32::from_le_bytes).collect()),
        })
    }
}

impl SecretData {
    /// The file.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(header(DATA_MAGIC, DATA_VERSION));
        bytes.extend(Descriptor { root: [0; 32], ..self.descriptor.clone() }.encode());
        self.train.put(&mut bytes);
        put_blinds(&mut bytes, &self.blinds);
        bytes.extend((self.test.labels.len() as u32).to_le_bytes());
        self.test.put(&mut bytes);
        sealed(bytes)
    }

    /// Reads a file; `path` names it in messages.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let parse = |bytes: &[u8]| {
            let mut d = Decoder::new("data file", DATA_MAGIC, DATA_VERSION, bytes)?;
            let descriptor = d.descriptor()?;
            let train = Points::take(&mut d, descriptor.points, descriptor.features)?;
            let blinds = take_blinds(&mut d, descriptor.points as usize)?;
            let test_points = d.u32("number of test points")?;
            let test = Points::take(&mut d, test_points, descriptor.features)?;
            d.finish()?;
            Ok(Self { descriptor, train, blinds, test })
        };
        opened(bytes, path, parse)
    }
}

impl Checkpoint {
    /// The file.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(header(WEIGHTS_MAGIC, VERSION));
        bytes.extend(self.run);
        bytes.extend(self.step.to_le_bytes());
        bytes.extend((self.weights.layers.len() as u64).to_le_bytes());
        for layer in &self.weights.layers {
            bytes.extend([layer.inputs as u64, layer.outputs as u64].into_iter().flat_map(u64::to_le_bytes));
            bytes.extend(layer.values.iter().flat_map(|w| w.to_le_bytes()));
        }
        sealed(bytes)
    }

    /// Reads a file; `path` names it in messages.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let parse = |bytes: &[u8]| {
            let mut d = Decoder::new("weights file", WEIGHTS_MAGIC, VERSION, bytes)?;
            let run = d.array("run")?;
            let step = d.u64("step")?;
            let layers = (0..d.count("layers", 16)?).map(|_| take_layer(&mut d)).collect::<Decoded<_>>()?;
            d.finish()?;
            Ok(Self { run, step, weights: Weights { layers } })
        };
        opened(bytes, path, parse)
    }
}

fn take_layer(d: &mut Decoder<'_>) -> Decoded<LayerWeights> {
    let (inputs, outputs) = (d.u64("inputs")? as usize, d.u64("outputs")? as usize);
    let size = inputs.saturating_add(1).saturating_mul(outputs).saturating_mul(8);
    let values = d.take("weights", size)?.as_chunks().0.iter().map(|w| i64::from_le_bytes(*w)).collect();
    Ok(LayerWeights { inputs, outputs, values })
}

impl BoundaryRows {
    /// The file.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(header(ROWS_MAGIC, VERSION));
        bytes.extend(self.run);
        bytes.extend(self.step.to_le_bytes());
        bytes.extend(self.log_columns.to_le_bytes());
        put_list(&mut bytes, &self.rows.rows);
        put_blinds(&mut bytes, &self.rows.blinds);
        sealed(bytes)
    }

    /// Reads a file; `path` names it in messages.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let parse = |bytes: &[u8]| {
            let mut d = Decoder::new("weight rows file", ROWS_MAGIC, VERSION, bytes)?;
            let run = d.array("run")?;
            let step = d.u64("step")?;
            let log_columns = d.u32("log2 of columns")?;
            let rows = take_list(&mut d, "commitments")?;
            let blinds = take_blinds(&mut d, rows.len())?;
            d.finish()?;
            Ok(Self { run, step, log_columns, rows: BlindedRows { rows, blinds } })
        };
        opened(bytes, path, parse)
    }
}

fn put_blinds(bytes: &mut Vec<u8>, blinds: &[Scalar]) {
    bytes.extend(blinds.iter().flat_map(encode));
}

fn take_blinds(d: &mut Decoder<'_>, n: usize) -> Decoded<Zeroizing<Vec<Scalar>>> {
    let mut blinds = Zeroizing::new(Vec::new());
    for _ in 0..n {
        let bytes = Zeroizing::new(d.array("blind")?);
        let blind = decode(&bytes).ok_or_else(|| d.value_error("blind", 0, "a reduced scalar".into()))?;
        blinds.push(blind);
    }
    Ok(blinds)
}

/// The checksum that ends a file: what names its contents.
pub(crate) fn seal(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    bytes.last_chunk().copied().unwrap_or_default()
}

fn sealed(mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let checksum = Sha256::digest(&*bytes);
    bytes.extend(checksum);
    bytes
}

/// Checks the checksum after the magic word has been recognised, so that a foreign file is called foreign, not damaged.
fn opened<T>(bytes: &[u8], path: &Path, parse: impl Fn(&[u8]) -> Decoded<T>) -> Result<T> {
    let (content, checksum) = bytes.split_at(bytes.len().saturating_sub(CHECKSUM_BYTES));
    let parsed = parse(content);
    if let Err(e @ (FormatError::Magic { .. } | FormatError::Version { .. })) = parsed {
        return Err(CliError::usage(path.display().to_string()).caused_by(e));
    }
    if Sha256::digest(content)[..] != *checksum {
        let what = "the file is damaged (its checksum does not match): restore it from a copy";
        return Err(CliError::io(format!("{}: {what}", path.display())));
    }
    parsed.map_err(|e| CliError::io(path.display().to_string()).caused_by(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> Checkpoint {
        let layers = vec![LayerWeights { inputs: 2, outputs: 1, values: vec![-1, 2, i64::MIN] }];
        Checkpoint { run: [1; 32], step: 7, weights: Weights { layers } }
    }

    #[test]
    fn a_checkpoint_comes_back() {
        let read = Checkpoint::decode(&weights().encode(), Path::new("w")).unwrap();
        assert_eq!((read.run, read.step, read.weights), ([1; 32], 7, weights().weights));
    }

    #[test]
    fn the_seed_of_rows_depends_on_everything_and_is_given_once() {
        let draw = |run: u8, step, log_columns, blinds: &[u64]| {
            let blinds: Vec<Scalar> = blinds.iter().map(|b| Scalar::from(*b)).collect();
            let mut entropy = RowEntropy::new(&[run; 32], step, log_columns, &blinds);
            let mut seed = [0; 64];
            entropy.fill(&mut seed).unwrap();
            assert!(entropy.fill(&mut [0; 64]).is_err());
            seed
        };
        let seed = draw(1, 2, 3, &[4, 5]);
        assert_eq!(draw(1, 2, 3, &[4, 5]), seed);
        let others = [draw(2, 2, 3, &[4, 5]), draw(1, 3, 3, &[4, 5]), draw(1, 2, 4, &[4, 5]), draw(1, 2, 3, &[4, 6])];
        assert!(others.iter().all(|other| *other != seed));
        assert!(RowEntropy::new(&[1; 32], 2, 3, &[]).fill(&mut [0; 63]).is_err());
    }

    #[test]
    fn every_damage_is_noticed() {
        let bytes = weights().encode();
        for place in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[place] ^= 1;
            assert!(Checkpoint::decode(&damaged, Path::new("w")).is_err(), "byte {place}");
            assert!(Checkpoint::decode(&bytes[..place], Path::new("w")).is_err(), "length {place}");
        }
    }
}
