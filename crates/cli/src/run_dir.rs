//! The run directory.
//!
//! ```text
//! RUN/zkdl.toml                       configuration
//! RUN/public/data.zkdl                what is public about the data, with their root
//! RUN/public/points.zkdl              commitments to the training points
//! RUN/public/data.proof               that all of them are in range, labels one-hot
//! RUN/public/beacon                   what fixes the order of the points, unless the configuration has a nonce
//! RUN/public/proofs/window-0000.proof            the proof of window 0
//! RUN/public/proofs/window-0000.statement        what it proves, binary
//! RUN/public/proofs/window-0000.statement.json   the same for people
//! RUN/model/weights.safetensors       the final weights as float32
//! RUN/model/integers.safetensors      the same, exactly
//! RUN/model/weights.proof             that they are what the final rows of the last window commit to
//! RUN/model.sig                       OpenSSF Model Signing bundle of `model`
//! RUN/certificate.dsse.json           what was verified, signed; RUN/signer.pub.pem is the key
//! RUN/secret/data                     training rows in committed order, their blinds, test rows
//! RUN/secret/points                   commitments to the points, while `data commit` has not finished
//! RUN/report.html                     the run as a page
//! RUN/start                           the same three for the weights that the run was given, if it was
//! RUN/secret/start                    these weights as integers
//! RUN/secret/metrics.json             loss and accuracy of every epoch
//! RUN/secret/proving-0000.json        what proving window 0 took, on the machine that did it
//! RUN/secret/weights-44               weights before step 44
//! RUN/secret/rows-44                  their row commitments and blinds: end of one window, start of the next
//! ```
//! `public` is all that an auditor needs; `model` is for whoever may have the weights. `secret` has mode 0700, its files 0600.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::atomic::{self, Access};
use crate::error::{CliError, Result};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A run directory by its path.
#[derive(Debug, Clone)]
pub(crate) struct RunDir {
    root: PathBuf,
    public: PathBuf,
}

/// The three files of a window.
#[derive(Debug, Clone)]
pub(crate) struct WindowFiles {
    /// The statement, binary.
    pub(crate) statement: PathBuf,
    /// The statement for people.
    pub(crate) json: PathBuf,
    /// The proof.
    pub(crate) proof: PathBuf,
}

impl RunDir {
    /// Names a directory; nothing is touched.
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let public = root.join("public");
        Self { root, public }
    }

    /// The directory as an auditor has it: a run directory, or its `public` part alone under any name.
    pub(crate) fn for_auditor(root: &Path) -> Self {
        let run = Self::new(root);
        if run.public.is_dir() { run } else { Self { public: root.to_owned(), ..run } }
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.root.join("zkdl.toml")
    }

    /// What an auditor gets.
    pub(crate) fn public(&self) -> &Path {
        &self.public
    }

    /// What nobody else gets.
    pub(crate) fn secret(&self) -> PathBuf {
        self.root.join("secret")
    }

    /// The point commitments.
    pub(crate) fn points(&self) -> PathBuf {
        self.public().join("points.zkdl")
    }

    /// What is public about the data.
    pub(crate) fn descriptor(&self) -> PathBuf {
        self.public().join("data.zkdl")
    }

    /// The proof that the data are in range.
    pub(crate) fn data_proof(&self) -> PathBuf {
        self.public().join("data.proof")
    }

    /// The point commitments while they are being made.
    pub(crate) fn partial_points(&self) -> PathBuf {
        self.secret().join("points")
    }

    /// What fixes the order of the points.
    pub(crate) fn beacon(&self) -> PathBuf {
        self.public().join("beacon")
    }

    /// The files of all windows.
    pub(crate) fn proofs(&self) -> PathBuf {
        self.public().join("proofs")
    }

    /// The files of a window.
    pub(crate) fn window(&self, index: u64) -> WindowFiles {
        let file = |end: &str| self.proofs().join(format!("window-{index:04}.{end}"));
        WindowFiles { statement: file("statement"), json: file("statement.json"), proof: file("proof") }
    }

    /// Files of the final weights.
    pub(crate) fn model(&self) -> PathBuf {
        self.root.join("model")
    }

    /// Files of the weights that the run was given.
    pub(crate) fn start(&self) -> PathBuf {
        self.root.join("start")
    }

    /// The weights that the run was given, as integers.
    pub(crate) fn given(&self) -> PathBuf {
        self.secret().join("start")
    }

    /// The signature of `model`.
    pub(crate) fn model_signature(&self) -> PathBuf {
        self.root.join("model.sig")
    }

    /// The run as a page.
    pub(crate) fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// Loss and accuracy by epoch.
    pub(crate) fn metrics(&self) -> PathBuf {
        self.secret().join("metrics.json")
    }

    /// What proving a window took.
    pub(crate) fn proving(&self, index: u64) -> PathBuf {
        self.secret().join(format!("proving-{index:04}.json"))
    }

    /// The certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.root.join("certificate.dsse.json")
    }

    /// The public key that verifies it.
    pub(crate) fn signer(&self) -> PathBuf {
        self.root.join("signer.pub.pem")
    }

    /// The windows that have a statement or a proof, in order.
    pub(crate) fn windows(&self) -> Result<Vec<u64>> {
        let proofs = self.proofs();
        let directory = if proofs.is_dir() { &proofs } else { &self.public };
        let failed = |e| CliError::file("read the directory", directory, e);
        let entries = fs::read_dir(directory).map_err(failed)?;
        let mut found: Vec<u64> = entries.flatten().filter_map(|e| window_index(&e.path())).collect();
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Training data and blinds.
    pub(crate) fn data(&self) -> PathBuf {
        self.secret().join("data")
    }

    /// Weights before a step.
    pub(crate) fn weights(&self, step: u64) -> PathBuf {
        self.secret().join(format!("weights-{step}"))
    }

    /// The steps before which weights are kept, in no order.
    pub(crate) fn checkpoints(&self) -> Result<Vec<u64>> {
        let secret = self.secret();
        let entries = fs::read_dir(&secret).map_err(|e| CliError::file("read the directory", &secret, e))?;
        let step = |name: std::ffi::OsString| name.to_str()?.strip_prefix("weights-")?.parse().ok();
        Ok(entries.flatten().filter_map(|entry| step(entry.file_name())).collect())
    }

    /// Row commitments and blinds of the weights before a step.
    pub(crate) fn rows(&self, step: u64) -> PathBuf {
        self.secret().join(format!("rows-{step}"))
    }

    /// Creates `public` and `secret` and removes what a killed process left in them.
    pub(crate) fn prepare(&self) -> Result<()> {
        atomic::create_dir(&self.public, Access::Public)?;
        atomic::create_dir(&self.proofs(), Access::Public)?;
        atomic::create_dir(&self.secret(), Access::Secret)?;
        for directory in [&self.root, &self.public, &self.proofs(), &self.secret()] {
            atomic::remove_stale(directory);
        }
        Ok(())
    }
}

fn window_index(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_prefix("window-")?;
    let (digits, end) = name.split_once('.')?;
    if end == "statement" || end == "proof" { digits.parse().ok() } else { None }
}

/// Files of a run that come from elsewhere are smaller, 4 GiB and more are refused.
const LARGEST: u64 = 1 << 32;

/// Reads a file that has to be there. Whoever made a directory may have put something else in its place: what is no file,
/// such as a pipe that nobody writes to or a device without end, is refused before it is read, also behind a link.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |e| CliError::file("read", path, e);
    let file = open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    let name = path.display();
    if !about.is_file() {
        return Err(CliError::io(format!("{name} is no file")));
    }
    if about.len() > LARGEST {
        return Err(CliError::io(format!("{name} has {} bytes, more than the {LARGEST} that are read", about.len())));
    }
    read_up_to(LARGEST, file, about.len()).map_err(failed)
}

/// What `source` holds, about `expected` bytes, and no more than `limit`, however it grows meanwhile.
fn read_up_to(limit: u64, source: impl Read, expected: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(expected as usize);
    source.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a file without waiting for whoever should write to it.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options.read(true).open(path)
}

/// Reads a secret file; `None` if there is none.
pub(crate) fn read_secret(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(CliError::file("read", path, e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zeros without end; counts those that were read, and fails far beyond any limit.
    struct Endless<'a>(&'a mut u64);

    impl Read for Endless<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            *self.0 += buffer.len() as u64;
            if *self.0 > 1 << 20 { Err(ErrorKind::OutOfMemory.into()) } else { Ok(buffer.len()) }
        }
    }

    /// Catalogue 15: also a file that looked small when it was opened.
    #[test]
    fn nothing_is_read_beyond_the_limit() {
        for (limit, expected) in [(0, 0), (1, 5), (1000, 0), (1000, 1000), (70_000, 10)] {
            let mut read = 0;
            let bytes = read_up_to(limit, Endless(&mut read), expected).unwrap();
            assert_eq!((bytes.len() as u64, read), (limit, limit));
        }
    }
}
