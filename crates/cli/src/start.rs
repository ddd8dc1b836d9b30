//! Weights that a run is given to start from.
//!
//! The file is read once and kept as integers, so that a run directory can be proven anywhere. While the file is there, it has to
//! stay as it was: weights that nobody chose would be worse than an error.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::atomic::{self, Access};
use crate::config::Given;
use crate::error::{CliError, Result};
use crate::plan::Plan;
use crate::run_dir::{RunDir, read, read_secret};
use crate::secret::Checkpoint;
use sha2::{Digest, Sha256};
use std::path::Path;
use zkdl::tensors;
use zkdl_train::Weights;

/// The weights of the file that the configuration names.
pub(crate) fn weights(dir: &RunDir, plan: &Plan, given: Given<'_>) -> Result<Weights> {
    let (file, path) = (dir.root().join(given.file), dir.given());
    let Some(bytes) = read_secret(&path)? else {
        let weights = quantised(plan, &file, given.bits)?;
        let kept = Checkpoint { run: plan.digest(), step: 0, weights };
        atomic::write(&path, &kept.encode(), Access::Secret)?;
        return Ok(kept.weights);
    };
    let kept = Checkpoint::decode(&bytes, &path)?;
    let changed = |what: &str| {
        let advice = "undo the change, or start a new run directory";
        CliError::usage(format!("{}: {what} since the run was given its start weights: {advice}", dir.root().display()))
    };
    if kept.run != plan.digest() || kept.weights.check_shape(&plan.algorithm.widths).is_err() {
        return Err(changed("the configuration or the data changed"));
    }
    if file.exists() && quantised(plan, &file, given.bits)? != kept.weights {
        return Err(changed(&format!("{} changed", file.display())));
    }
    Ok(kept.weights)
}

/// Reads and rounds.
fn quantised(plan: &Plan, file: &Path, bits: u32) -> Result<Weights> {
    let weights = tensors::quantise(&read(file)?, &plan.algorithm.widths, plan.algorithm.format.f_w(), bits);
    weights.map_err(|e| CliError::usage(format!("{}: no weights to start from", file.display())).caused_by(e))
}

/// Tells runs from other weights apart. Stays with the trainer.
pub(crate) fn digest(weights: &Weights) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"zkdl/start/v1");
    for layer in &weights.layers {
        hash.update((layer.inputs as u64).to_le_bytes());
        hash.update((layer.outputs as u64).to_le_bytes());
        layer.values.iter().for_each(|weight| hash.update(weight.to_le_bytes()));
    }
    hash.finalize().into()
}
