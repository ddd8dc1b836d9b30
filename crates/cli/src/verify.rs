//! `zkdl verify`: from files alone, with the statement in words beside the verdict.

use crate::error::{CliError, Kind, Result};
use crate::premise::{Premise, Trust};
use crate::progress::Context;
use crate::report::{emit, emit_json, seconds};
use crate::run_dir::{RunDir, read};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use zkdl::codec::FormatError;
use zkdl::describe;
use zkdl::error::StatementError;
use zkdl::proof::Proof;
use zkdl::statement::{Limits, hex};
use zkdl::{PointCommitments, Statement, VerifyError};

/// The files of one window.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    /// What is claimed.
    pub(crate) statement: PathBuf,
    /// The commitments to the data points.
    pub(crate) points: PathBuf,
    /// The proof.
    pub(crate) proof: PathBuf,
    /// The proof that the data are in range; needed unless that is taken for granted.
    pub(crate) data_proof: Option<PathBuf>,
}

/// What the auditor holds from elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expected {
    /// Digest of the model.
    pub(crate) model: Option<[u8; 32]>,
    /// Root of the data.
    pub(crate) data: Option<[u8; 32]>,
    /// What fixed the order of the data.
    pub(crate) beacon: Option<[u8; 32]>,
    /// Digest of the configuration.
    pub(crate) config: Option<[u8; 32]>,
}

/// The verdict on one or more windows.
pub(crate) struct Report {
    /// What was claimed, one statement for each run of adjoining windows; none if it could not even be read.
    claims: Vec<Statement>,
    /// How it is known that the data are in range.
    data: &'static str,
    /// Windows that were looked at.
    windows: usize,
    /// Seconds of verifying, without reading files.
    pub(crate) time: f64,
    /// `None` if valid.
    pub(crate) reason: Option<String>,
}

/// Verifies three files.
pub(crate) fn run_files(context: Context, files: &Files, expected: &Expected, trust: Trust) -> Result<ExitCode> {
    verify_files(context, files, expected, trust)?.print(context)
}

/// Verifies all windows of a directory; the proof of the data is its own if no other is given.
pub(crate) fn run_directory(
    context: Context,
    root: &Path,
    data_proof: Option<&Path>,
    expected: &Expected,
    trust: Trust,
) -> Result<ExitCode> {
    verify_directory(context, root, data_proof, expected, trust)?.print(context)
}

/// The verdict on three files. Errors are what keeps it from being found: files that cannot be read, or are of another kind.
pub(crate) fn verify_files(context: Context, files: &Files, expected: &Expected, trust: Trust) -> Result<Report> {
    let [statement, points, proof] = [&files.statement, &files.points, &files.proof].map(|path| read(path));
    let (statement, points, proof) = (statement?, points?, proof?);
    let premise = Premise::read(files.data_proof.as_deref(), trust)?;
    let mut report = Report::new(1);
    report.settle(|report| {
        let statement = decoded(Statement::decode(&statement), &files.statement)?;
        report.claims.push(statement.clone());
        expected.compare(&report.claims)?;
        let points = decoded(PointCommitments::decode(&points), &files.points)?;
        report.verify_data(context, &points, premise)?;
        report.verify(context, &statement, &points, &proof, &files.proof)
    })?;
    Ok(report)
}

/// The verdict on all windows of a run directory (or of its public part alone).
pub(crate) fn verify_directory(
    context: Context,
    root: &Path,
    data_proof: Option<&Path>,
    expected: &Expected,
    trust: Trust,
) -> Result<Report> {
    let dir = RunDir::for_auditor(root);
    let windows = dir.windows()?;
    if windows.is_empty() {
        let next = "`zkdl prove` writes window-0000.statement and window-0000.proof";
        return Err(CliError::usage(format!("{}: no proofs here: {next}", dir.public().display())));
    }
    let points = read(&dir.points())?;
    let premise = Premise::read(Some(data_proof.unwrap_or(&dir.data_proof())), trust)?;
    let files: Vec<_> = windows.iter().map(|i| dir.window(*i)).collect();
    let read_pair = |f: &crate::run_dir::WindowFiles| Ok((read(&f.statement)?, read(&f.proof)?));
    let contents: Vec<(Vec<u8>, Vec<u8>)> = files.iter().map(read_pair).collect::<Result<_>>()?;
    let mut report = Report::new(windows.len());
    report.settle(|report| {
        let decode = |((statement, _), f): (&(Vec<u8>, _), &crate::run_dir::WindowFiles)| {
            decoded(Statement::decode(statement), &f.statement)
        };
        let statements: Vec<Statement> = contents.iter().zip(&files).map(decode).collect::<Result<_>>()?;
        report.claims = chain(&statements)?;
        expected.compare(&report.claims)?;
        let points = decoded(PointCommitments::decode(&points), &dir.points())?;
        report.verify_data(context, &points, premise)?;
        for ((statement, (_, proof)), f) in statements.iter().zip(&contents).zip(&files) {
            report.verify(context, statement, &points, proof, &f.proof)?;
        }
        Ok(())
    })?;
    Ok(report)
}

/// Joins windows that follow one another. A gap starts a new claim; windows that should meet and do not are refused.
fn chain(statements: &[Statement]) -> Result<Vec<Statement>> {
    let mut sorted: Vec<&Statement> = statements.iter().collect();
    sorted.sort_by_key(|s| s.first_step);
    let mut claims: Vec<Statement> = Vec::new();
    for statement in sorted {
        let Some(last) = claims.last_mut() else {
            claims.push(statement.clone());
            continue;
        };
        let end = last.first_step.saturating_add(last.multipliers.len() as u64);
        if statement.first_step > end && statement.data == last.data && statement.nonce == last.nonce {
            claims.push(statement.clone());
            continue;
        }
        let why = |why: String| CliError::invalid(format!("the windows are not those of one run: {why}"));
        *last = describe::join(last, statement).map_err(why)?;
    }
    Ok(claims)
}

/// Another kind of file is a mix-up of arguments; anything else that is malformed is the prover's fault.
fn decoded<T>(result: std::result::Result<T, FormatError>, path: &Path) -> Result<T> {
    result.map_err(|error| {
        let name = path.display().to_string();
        let mixed_up = matches!(error, FormatError::Magic { .. } | FormatError::Version { .. });
        if mixed_up { CliError::usage(name) } else { CliError::invalid(name) }.caused_by(error)
    })
}

/// A file that does not verify is invalid, unless this verifier is too small for it.
pub(crate) fn settled<T>(verdict: std::result::Result<T, VerifyError>, path: &Path) -> Result<()> {
    let name = path.display();
    verdict.map(|_| ()).map_err(|error| match error {
        VerifyError::Statement(StatementError::Limit { .. }) => {
            CliError::usage(format!("{name}: too large for this verifier")).caused_by(error)
        }
        error => CliError::invalid(name.to_string()).caused_by(error),
    })
}

impl Expected {
    fn compare(&self, claims: &[Statement]) -> Result<()> {
        let given = [self.model, self.data, self.beacon, self.config];
        if given.iter().all(Option::is_none) {
            return Ok(());
        }
        let [claim] = claims else {
            return Err(CliError::usage(
                "windows are missing between those given: compare each window's files on their own",
            ));
        };
        let config = describe::config_digest(claim);
        let named = [describe::model_digest(&claim.end), claim.data.root, claim.nonce, config];
        for ((what, expected), named) in ["model", "data", "beacon", "configuration"].into_iter().zip(given).zip(named)
        {
            if let Some(expected) = expected.filter(|e| *e != named) {
                let (expected, named) = (hex(&expected), hex(&named));
                return Err(CliError::invalid(format!(
                    "another {what} was expected: {expected}, the statement names {named}"
                )));
            }
        }
        Ok(())
    }
}

impl Report {
    fn new(windows: usize) -> Self {
        Self { claims: Vec::new(), data: "not looked at", windows, time: 0.0, reason: None }
    }

    /// Verifies the proof of the data that all claims are about.
    fn verify_data(&mut self, context: Context, points: &PointCommitments, premise: Premise) -> Result<()> {
        let Some(claim) = self.claims.first() else { return Ok(()) };
        let known = premise.settle(context, &claim.data, points)?;
        (self.data, self.time) = (known.how, self.time + known.time);
        Ok(())
    }

    /// Whether everything was valid.
    pub(crate) fn is_valid(&self) -> bool {
        self.reason.is_none()
    }

    /// An invalid file is a verdict; any other error is passed on.
    fn settle(&mut self, judge: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        match judge(self) {
            Err(error) if error.kind() == Kind::Invalid => {
                self.reason = Some(error.line());
                Ok(())
            }
            other => other,
        }
    }

    fn verify(
        &mut self,
        context: Context,
        statement: &Statement,
        points: &PointCommitments,
        proof: &[u8],
        path: &Path,
    ) -> Result<()> {
        let started = Instant::now();
        let verdict = Proof::decode(proof)
            .map_err(VerifyError::from)
            .and_then(|proof| zkdl::verify(statement, points, &proof, &Limits::default(), context.generators));
        self.time += started.elapsed().as_secs_f64();
        settled(verdict, path)
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        json!({
            "verdict": if self.is_valid() { "VALID" } else { "INVALID" },
            "reason": self.reason,
            "data": self.data,
            "windows": self.windows,
            "seconds": self.time,
            "claims": self.claims.iter().map(describe::to_json).collect::<Vec<_>>(),
        })
    }

    /// Verdict, claims and premises in words.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![match &self.reason {
            None if self.windows > 1 => format!("VALID: {} windows, verified in {}", self.windows, seconds(self.time)),
            None => format!("VALID: verified in {}", seconds(self.time)),
            Some(reason) => format!("INVALID: {reason}"),
        }];
        let title = if self.is_valid() { "Proven:" } else { "Claimed, and NOT proven:" };
        for claim in &self.claims {
            lines.push(title.to_owned());
            lines.extend(describe::in_words(claim).iter().map(|line| format!("  {line}")));
            let (ranges, data) = (describe::data_claim(&claim.data), self.data);
            lines.push(format!("  Data ({data}): {ranges}"));
            lines.extend(describe::premises(claim).iter().map(|line| format!("  {line}")));
        }
        lines.join("\n")
    }

    fn print(&self, context: Context) -> Result<ExitCode> {
        if context.json {
            emit_json(&self.json())?
        } else {
            emit(&self.text())?
        }
        Ok(if self.is_valid() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
