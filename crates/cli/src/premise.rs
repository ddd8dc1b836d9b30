//! How a verifier knows that committed data lie in their declared ranges: by the data proof, unless told otherwise.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::cache::Remembered;
use crate::error::{CliError, Result};
use crate::progress::Context;
use crate::run_dir::read;
use crate::verify::settled;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zkdl::data_proof::{self, DataProof};
use zkdl::{PointCommitments, VerifyError};
use zkdl_dataset::descriptor::Descriptor;

/// What is taken for granted about the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Nothing: their proof is verified.
    Nothing,
    /// That a proof that is remembered as verified was.
    Memory,
    /// That they are in range.
    Data,
}

/// The same as options.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TrustArgs {
    /// The proof that the data are in range; a directory's own, if one is given
    #[arg(long, value_name = "FILE")]
    pub(crate) data_proof: Option<PathBuf>,
    /// Take for granted that the data are in range, and say so beside the verdict
    #[arg(long, conflicts_with_all = ["data_proof", "remember_data"])]
    trust_data: bool,
    /// Verify a data proof once: remember that in the cache directory, and believe what is remembered there
    #[arg(long)]
    remember_data: bool,
}

impl TrustArgs {
    /// What they say.
    pub(crate) fn trust(&self) -> Trust {
        match (self.trust_data, self.remember_data) {
            (true, _) => Trust::Data,
            (false, true) => Trust::Memory,
            (false, false) => Trust::Nothing,
        }
    }

    /// Whether anything was said.
    pub(crate) fn is_given(&self) -> bool {
        self.data_proof.is_some() || self.trust_data || self.remember_data
    }
}

/// What is said of data that nobody has shown to be in range.
pub(crate) const TAKEN_FOR_GRANTED: &str = "taken for granted";

/// A data proof that has been read, or the will to do without.
pub(crate) struct Premise {
    trust: Trust,
    proof: Option<(PathBuf, Vec<u8>)>,
}

/// How it is known, in a word or three, and how long finding out took.
pub(crate) struct Known {
    /// The words.
    pub(crate) how: &'static str,
    /// The time.
    pub(crate) time: Duration,
}

impl Premise {
    /// Reads the proof of the data, unless they are trusted.
    pub(crate) fn read(path: Option<&Path>, trust: Trust) -> Result<Self> {
        let proof = match path {
            _ if trust == Trust::Data => None,
            Some(path) => Some((path.to_owned(), read(path)?)),
            None => {
                return Err(CliError::usage(
                    "give --data-proof FILE, the proof that the data are in range, or take that for granted with --trust-data",
                ));
            }
        };
        Ok(Self { trust, proof })
    }

    /// The proof that was read; nothing if the data are trusted.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.proof.as_ref().map_or(&[], |(_, bytes)| bytes)
    }

    /// Verifies the proof, unless the data are trusted or it is remembered.
    pub(crate) fn settle(self, context: Context, data: &Descriptor, points: &PointCommitments) -> Result<Known> {
        let Some((path, proof)) = self.proof else {
            return Ok(Known { how: TAKEN_FOR_GRANTED, time: Duration::ZERO });
        };
        let memory = Remembered::new(self.trust != Trust::Memory || context.no_cache);
        let digest = digest(data, points, &proof);
        if memory.knows(&digest) {
            return Ok(Known { how: "remembered as proven", time: Duration::ZERO });
        }
        let started = Instant::now();
        let verdict = DataProof::decode(&proof).map_err(VerifyError::from);
        let verdict =
            verdict.and_then(|proof| data_proof::verify(data, points, &proof, &context.limits, context.generators));
        let time = started.elapsed();
        settled(verdict, &path)?;
        memory.keep(&digest);
        Ok(Known { how: "proven", time })
    }
}

/// Names what was verified: what is remembered under it counts for this version of the program only.
fn digest(data: &Descriptor, points: &PointCommitments, proof: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [env!("CARGO_PKG_VERSION").as_bytes(), &data.encode(), points.0.as_flattened(), proof] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
