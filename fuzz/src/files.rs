//! Decoders of the command: what it reads back of its own, and `zkdl.toml`.

use crate::config::{self, Config};
use crate::secret::{BoundaryRows, Checkpoint, SecretData};
use sha2::{Digest, Sha256};
use std::path::Path;
use zkdl::BlindedRows;
use zkdl::columns::Preference;
use zkdl_dataset::Quantisers;
use zkdl_train::{Format, LearningRate, Weights};

const PATH: &str = "fuzz";

/// The bytes with the checksum that ends a secret file.
#[must_use]
pub fn sealed(content: &[u8]) -> Vec<u8> {
    [content, &Sha256::digest(content)].concat()
}

/// Reads the committed data, and writes them again; their root is not part of the file.
#[must_use]
pub fn secret_data(bytes: &[u8]) -> Option<Vec<u8>> {
    let data = SecretData::decode(bytes, Path::new(PATH)).ok()?;
    let rooted = data.descriptor.root != [0; 32];
    (!rooted).then(|| data.encode().to_vec())
}

/// Reads weights before a step, and writes them again.
#[must_use]
pub fn checkpoint(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(Checkpoint::decode(bytes, Path::new(PATH)).ok()?.encode().to_vec())
}

/// A file of weights.
#[must_use]
pub fn checkpoint_of(weights: &Weights) -> Vec<u8> {
    Checkpoint { run: [1; 32], step: 2, weights: weights.clone() }.encode().to_vec()
}

/// Reads committed rows, and writes them again.
#[must_use]
pub fn boundary_rows(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(BoundaryRows::decode(bytes, Path::new(PATH)).ok()?.encode().to_vec())
}

/// A file of committed rows.
#[must_use]
pub fn boundary_rows_of(rows: &BlindedRows) -> Vec<u8> {
    BoundaryRows { run: [1; 32], step: 2, log_columns: 6, rows: rows.clone() }.encode().to_vec()
}

/// The bytes that hexadecimal digits say, and their canonical digits.
#[must_use]
pub fn digest(text: &str) -> Option<String> {
    config::digest(text).ok().map(|bytes| zkdl::statement::hex(&bytes))
}

/// What a configuration says of a run, whatever its data.
pub struct Configured {
    /// How numbers become integers.
    pub quantisers: Quantisers,
    /// Widths of the hidden layers.
    pub hidden: Vec<u32>,
    /// Rows of a step.
    pub batch: u32,
    /// The learning rate, unless it is refused.
    pub rate: Option<LearningRate>,
    /// The numeric format.
    pub format: Format,
    /// What columns are chosen for.
    pub preference: Preference,
}

/// Reads `zkdl.toml`.
#[must_use]
pub fn configuration(text: &str) -> Option<Configured> {
    let config = Config::parse(text, Path::new(PATH)).ok()?;
    let format = config.format.format();
    let _ = (config.training.given(&format), config.data.image(None));
    Some(Configured {
        quantisers: config.data.quantisers().ok()?,
        hidden: config.network.hidden,
        batch: config.training.batch,
        rate: config.training.learning_rate.learning_rate().ok(),
        format,
        preference: config.proof.prefer.unwrap_or_default(),
    })
}
