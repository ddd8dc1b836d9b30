//! How a run directory stands.

use super::{Finding, Health};
use crate::atomic;
use crate::beacon;
use crate::config::Config;
use crate::data;
use crate::error::{CliError, Result};
use crate::estimate::Files;
use crate::memory;
use crate::plan::Plan;
use crate::report::bytes;
use crate::run_dir::RunDir;
use std::path::{Path, PathBuf};

/// What was found of a run, and the command that goes on with it.
pub(super) struct RunState {
    pub(super) findings: Vec<Finding>,
    pub(super) next: Option<String>,
}

/// How far the run is, or what is in the way.
enum Progress {
    /// Nothing can be done before this is.
    Stuck(CliError),
    /// This verb comes next.
    Next(&'static str, String),
}

impl RunState {
    pub(super) fn of(dir: &RunDir) -> Self {
        let mut state = Self { findings: Vec::new(), next: None };
        let root = dir.root().display();
        if !dir.config().exists() {
            let text = format!("{root}: no configuration, zkdl.toml, here");
            state.findings.push(Finding::new(Health::Bad, "run", text));
            state.next = Some(format!("zkdl init {root} --data FILE"));
            return state;
        }
        match progress(dir) {
            Progress::Stuck(error) => state.findings.push(Finding::new(Health::Bad, "run", error.line())),
            Progress::Next(next, text) => {
                state.findings.push(Finding::new(Health::Ok, "run", text));
                state.next = Some(next.replace("RUN", &root.to_string()));
            }
        }
        state.findings.extend(directories(dir));
        if let Ok(Some(plan)) = plan(dir) {
            state.findings.extend(Files::of(&plan, 0).into_iter().flat_map(|files| room(dir, &plan, &files)));
        }
        state
    }
}

/// The run as planned, once its data are committed; the order of the data does not matter here.
fn plan(dir: &RunDir) -> Result<Option<Plan>> {
    let config = Config::read(&dir.config())?;
    if !dir.descriptor().exists() {
        return Ok(None);
    }
    let nonce = beacon::nonce(&config, dir)?.unwrap_or_default();
    Plan::new(&config, data::describe(dir)?, nonce, &dir.config()).map(Some)
}

fn progress(dir: &RunDir) -> Progress {
    match steps_of(dir) {
        Ok((next, text)) => Progress::Next(next, text),
        Err(error) => Progress::Stuck(error),
    }
}

/// The next command and what is done already, in words. Files are counted here, not verified.
fn steps_of(dir: &RunDir) -> Result<(&'static str, String)> {
    let config = Config::read(&dir.config())?;
    let Some(plan) = plan(dir)? else {
        let begun =
            if dir.data().exists() { "the commitment to the data was interrupted" } else { "nothing is committed" };
        return Ok(("zkdl data commit RUN", begun.to_owned()));
    };
    if !dir.data_proof().exists() {
        return Ok(("zkdl data commit RUN", "the proof of the data is missing".to_owned()));
    }
    if beacon::nonce(&config, dir)?.is_none() {
        let text = "the data are committed; publish the root, and let somebody else draw a beacon";
        return Ok(("zkdl train RUN --beacon DIGITS", text.to_owned()));
    }
    let reached = dir.checkpoints()?.into_iter().filter(|step| *step <= plan.steps).max().unwrap_or(0);
    if reached < plan.steps {
        return Ok(("zkdl train RUN", format!("trained up to step {reached} of {}", plan.steps)));
    }
    let there = |index: &u64| dir.window(*index).proof.exists() && dir.window(*index).statement.exists();
    let (windows, proven) = (plan.windows(), (0..plan.windows()).filter(there).count() as u64);
    if proven < windows {
        return Ok(("zkdl prove RUN", format!("trained; {proven} of {windows} windows have a proof")));
    }
    let text = |more: &str| format!("trained; all {windows} windows have a proof{more}");
    if !dir.model().is_dir() {
        return Ok(("zkdl verify RUN && zkdl weights export RUN", text("")));
    }
    if !dir.certificate().exists() {
        return Ok(("zkdl certify RUN --key FILE", text(", and the weights are written")));
    }
    let verify = "zkdl verify RUN --certificate RUN/certificate.dsse.json --signer RUN/signer.pub.pem";
    Ok((verify, text(", the weights are written, and there is a certificate")))
}

/// Directories that cannot be written, that others can read, or that hold what a killed process left.
fn directories(dir: &RunDir) -> Vec<Finding> {
    let there: Vec<PathBuf> = [dir.root().to_owned(), dir.public().to_owned(), dir.proofs(), dir.secret()]
        .into_iter()
        .filter(|d| d.is_dir())
        .collect();
    let refused =
        |path: &PathBuf| atomic::try_out(path).err().map(|e| format!("{} takes no files: {e}", path.display()));
    let mut findings: Vec<Finding> =
        there.iter().filter_map(refused).map(|text| Finding::new(Health::Bad, "directory", text)).collect();
    if findings.is_empty() {
        findings.push(Finding::new(Health::Ok, "directory", "takes files"));
    }
    if let Some(mode) = open_to_others(&dir.secret()) {
        let text = format!("{} has mode {mode:o}: others may read it, chmod 700 it", dir.secret().display());
        findings.push(Finding::new(Health::Bad, "secrets", text));
    }
    let stale: usize = there.iter().map(|path| atomic::stale(path).len()).sum();
    if stale > 0 {
        let files = if stale == 1 { "file" } else { "files" };
        let text = format!("{stale} {files} of a killed process: the next command removes them");
        findings.push(Finding::new(Health::Note, "left over", text));
    }
    findings
}

/// The mode of a directory that not only its owner may enter.
fn open_to_others(directory: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(directory).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

/// Whether memory and disk take the run.
fn room(dir: &RunDir, plan: &Plan, files: &Files) -> Vec<Finding> {
    [Some(room_in_memory(files.peak_memory(plan, 1))), room_on_disk(dir, files.total())].into_iter().flatten().collect()
}

fn room_in_memory(needed: u64) -> Finding {
    match memory::available() {
        Some(free) if needed > free => {
            let text = format!(
                "the run takes about {}, {} are free: set a smaller window in [proof]",
                bytes(needed),
                bytes(free)
            );
            Finding::new(Health::Bad, "for the run", text)
        }
        _ => Finding::new(Health::Ok, "for the run", format!("about {} of memory", bytes(needed))),
    }
}

/// Whether the disk takes what the run will write.
fn room_on_disk(dir: &RunDir, needed: u64) -> Option<Finding> {
    let disk = rustix::fs::statvfs(dir.root()).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let text = format!("the whole run writes about {}, {} are free", bytes(needed), bytes(free));
    let health = if free > needed { Health::Ok } else { Health::Bad };
    Some(Finding::new(health, "disk", text))
}
