//! `zkdl report`: a run as one HTML file that needs nothing else: the verdict, the statement in words, loss and accuracy, the chain
//! of windows, time and bytes by part.

mod charts;
mod page;

use crate::atomic::{self, Access};
use crate::error::{CliError, Result};
use crate::member::refused;
use crate::premise::TrustArgs;
use crate::progress::Context;
use crate::prove::Took;
use crate::report::{emit, emit_json};
use crate::run_dir::{RunDir, read, read_secret};
use crate::train::{self, EpochMetrics};
use crate::verify::{Coverage, Expected, Verified, verify_directory};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zkdl::Statement;

/// What a report says.
pub(crate) struct RunReport<'a> {
    /// The verdict, found while the report is written.
    pub(crate) verified: &'a Verified,
    /// Loss and accuracy, where this machine trained.
    pub(crate) metrics: Vec<EpochMetrics>,
    /// Every window.
    pub(crate) windows: Vec<WindowReport<'a>>,
    /// Bytes by part.
    pub(crate) sizes: Vec<(&'static str, u64)>,
    /// Name and public key of the certificate, if the run has one.
    pub(crate) certificate: Option<(String, String)>,
}

/// A window of a report.
pub(crate) struct WindowReport<'a> {
    /// What it claims.
    pub(crate) statement: &'a Statement,
    /// Bytes of its proof.
    pub(crate) proof: u64,
    /// What proving it took, if this machine did it.
    pub(crate) took: Option<Took>,
}

/// Runs the verb.
pub(crate) fn run(context: Context, root: &Path, out: Option<&Path>, trust: &TrustArgs) -> Result<ExitCode> {
    let verified = verify_directory(
        context,
        root,
        trust.data_proof.as_deref(),
        &Expected::default(),
        trust.trust(),
        Coverage::Part,
    )?;
    if !verified.report.is_valid() {
        return verified.report.print(context);
    }
    let out = out.map_or_else(|| RunDir::new(root).report(), Path::to_owned);
    match write(root, &verified, &out) {
        Err(error) => refused(context, Err(error)),
        Ok(size) => {
            if context.json {
                emit_json(&json!({ "report": out, "bytes": size }))?;
            } else {
                emit(&format!("{}: the report, {size} bytes", out.display()))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Writes the report of a run that has been verified; returns its bytes.
pub(crate) fn write(root: &Path, verified: &Verified, out: &Path) -> Result<usize> {
    let html = page::html(&gather(root, verified)?);
    atomic::write(out, html.as_bytes(), Access::Public)?;
    Ok(html.len())
}

fn gather<'a>(root: &Path, verified: &'a Verified) -> Result<RunReport<'a>> {
    let dir = RunDir::new(root);
    let mut windows = Vec::new();
    for (index, statement, proof) in verified.windows() {
        windows.push(WindowReport { statement, proof, took: took(&dir, index)? });
    }
    windows.sort_by_key(|window| window.statement.first_step);
    let certificate = dir.certificate().exists().then(|| certificate(&dir)).transpose()?;
    Ok(RunReport { verified, metrics: train::metrics(&dir)?, sizes: sizes(verified, &windows), windows, certificate })
}

/// What proving a window took, if this machine did it.
fn took(dir: &RunDir, index: u64) -> Result<Option<Took>> {
    let path = dir.proving(index);
    let Some(bytes) = read_secret(&path)? else { return Ok(None) };
    let damaged = |e| CliError::io(format!("{}: damaged: remove it", path.display())).caused_by(e);
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

fn certificate(dir: &RunDir) -> Result<(String, String)> {
    let name = |path: PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let key = String::from_utf8_lossy(&read(&dir.signer())?).into_owned();
    Ok((name(dir.certificate()), key))
}

fn sizes(verified: &Verified, windows: &[WindowReport<'_>]) -> Vec<(&'static str, u64)> {
    let proofs: u64 = windows.iter().map(|window| window.proof).sum();
    let rows =
        |window: &WindowReport<'_>| zkdl::describe::sizes(window.statement).map_or(0, |s| 32 * s.cell_rows as u64);
    let cells: u64 = windows.iter().map(rows).sum();
    let statements: usize = windows.iter().map(|window| window.statement.encode().len()).sum();
    let (points, data_proof) = verified.data_bytes();
    vec![
        ("commitments to cells", cells),
        ("other messages of the proofs", proofs.saturating_sub(cells)),
        ("statements and weight rows", statements as u64),
        ("commitments to points", points),
        ("proof of the data", data_proof),
    ]
}
