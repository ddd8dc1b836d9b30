//! `zkdl verify`: from files alone, with the statement in words beside the verdict.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::certify;
use crate::error::{CliError, Kind, Result};
use crate::premise::{Premise, Trust};
use crate::progress::Context;
use crate::report::{emit, emit_json, seconds, shown};
use crate::run_dir::{RunDir, WindowFiles, read};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use zkdl::certificate::{self, Claim, File, Signed};
use zkdl::codec::FormatError;
use zkdl::error::StatementError;
use zkdl::proof::Proof;
use zkdl::run::{self, RunError, Window};
use zkdl::statement::hex;
use zkdl::{PointCommitments, Statement, VerifyError};
use zkdl::{chain, describe};

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
    pub(crate) claims: Vec<Statement>,
    /// How it is known that the data are in range.
    pub(crate) data: &'static str,
    /// Windows that were looked at.
    windows: usize,
    /// Time of verifying, without reading files.
    pub(crate) time: Duration,
    /// `None` if valid.
    pub(crate) reason: Option<String>,
    /// What a certificate adds, in words.
    certificate: Option<String>,
}

/// Verifies three files.
pub(crate) fn run_files(context: Context, files: &Files, expected: &Expected, trust: Trust) -> Result<ExitCode> {
    verify_files(context, files, expected, trust)?.print(context)
}

/// Verifies all windows of a directory at once; the proof of the data is its own if no other is given.
pub(crate) fn run_directory(
    context: Context,
    root: &Path,
    data_proof: Option<&Path>,
    expected: &Expected,
    trust: Trust,
    coverage: Coverage,
    signed: Option<&Signed>,
) -> Result<ExitCode> {
    let mut verified = verify_directory(context, root, data_proof, expected, trust, coverage)?;
    if let Some(signed) = signed.filter(|_| verified.report.is_valid()) {
        let judged = certify::compare(context, root, &verified, signed);
        verified.report.settle(|report| {
            report.certificate = Some(judged?);
            Ok(())
        })?;
    }
    verified.report.print(context)
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

/// The verdict on all windows of a run directory (or of its public part alone): of the whole run, unless a part is enough.
pub(crate) fn verify_directory(
    context: Context,
    root: &Path,
    data_proof: Option<&Path>,
    expected: &Expected,
    trust: Trust,
    coverage: Coverage,
) -> Result<Verified> {
    let directory = Directory::read(root)?;
    let data_proof = data_proof.map_or_else(|| directory.dir.data_proof(), Path::to_owned);
    let premise = Premise::read(Some(&data_proof), trust)?;
    let data_proof = premise.bytes().to_vec();
    let mut report = Report::new(directory.windows.len());
    let mut statements = Vec::new();
    report.settle(|report| {
        statements = directory.statements()?;
        report.claims = chain::stretches(&statements).map_err(|e| CliError::invalid(NOT_ONE_RUN).caused_by(e))?;
        expected.compare(&report.claims)?;
        coverage.check(&report.claims)?;
        let points = decoded(PointCommitments::decode(&directory.points), &directory.dir.points())?;
        report.verify_data(context, &points, premise)?;
        report.verify_windows(context, &directory, &statements, &points)
    })?;
    Ok(Verified { report, directory, statements, data_proof })
}

/// A verdict with the files that it is about, as they were read for it: whoever can still write to them changes nothing here.
pub(crate) struct Verified {
    /// The verdict.
    pub(crate) report: Report,
    directory: Directory,
    statements: Vec<Statement>,
    /// Empty where the data are taken for granted.
    data_proof: Vec<u8>,
}

impl Verified {
    /// The statement of the whole run.
    pub(crate) fn whole(&self) -> Result<&Statement> {
        match &self.report.claims[..] {
            [claim] if self.report.is_valid() && chain::is_whole(claim) => Ok(claim),
            _ => Err(CliError::usage("a certificate is of a whole run")),
        }
    }

    /// What was verified, together with files of weights, as a certificate says it.
    pub(crate) fn with_claim<T>(&self, weights: &[File], use_it: impl FnOnce(&Claim<'_>) -> T) -> Result<T> {
        let run = self.whole()?;
        let window = |(statement, w)| certificate::Window { statement, proof: window_proof(w) };
        let mut windows: Vec<_> = self.statements.iter().zip(&self.directory.windows).map(window).collect();
        windows.sort_by_key(|w| w.statement.first_step);
        Ok(use_it(&Claim { run, windows: &windows, data_proof: &self.data_proof, weights }))
    }

    /// The statement of the window that a whole run ends with.
    pub(crate) fn last(&self) -> Result<&Statement> {
        let run = self.whole()?;
        Ok(self.statements.iter().max_by_key(|statement| chain::end(statement)).unwrap_or(run))
    }

    /// Number, statement and bytes of the proof of every window.
    pub(crate) fn windows(&self) -> impl Iterator<Item = (u64, &Statement, u64)> {
        let bytes = self.directory.windows.iter().map(|w| (w.index, w.proof.len() as u64));
        bytes.zip(&self.statements).map(|((index, proof), statement)| (index, statement, proof))
    }

    /// Bytes of the commitments to the points, and of the proof of the data (0 if it was not looked at).
    pub(crate) fn data_bytes(&self) -> (u64, u64) {
        (self.directory.points.len() as u64, self.data_proof.len() as u64)
    }
}

fn window_proof(window: &WindowBytes) -> &[u8] {
    &window.proof
}

/// What is wrong where windows do not fit.
pub(crate) const NOT_ONE_RUN: &str = "the windows are not those of one run";

/// How much of a run has to be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// From the public seed to the last step, without a gap.
    Whole,
    /// Whatever there is.
    Part,
}

impl Coverage {
    fn check(self, claims: &[Statement]) -> Result<()> {
        let [claim, ..] = claims else { return Ok(()) };
        if self == Self::Part || matches!(claims, [claim] if chain::is_whole(claim)) {
            return Ok(());
        }
        let steps: Vec<String> = claims.iter().map(|c| format!("{}..{}", c.first_step, chain::end(c))).collect();
        let (steps, all) = (steps.join(", "), claim.max_steps);
        Err(CliError::invalid(format!(
            "this is not a whole run: it has steps {steps} of 0..{all}; --partial verifies what there is"
        )))
    }
}

/// The files of a run directory, as bytes.
struct Directory {
    dir: RunDir,
    points: Vec<u8>,
    windows: Vec<WindowBytes>,
}

struct WindowBytes {
    index: u64,
    files: WindowFiles,
    statement: Vec<u8>,
    proof: Vec<u8>,
}

impl Directory {
    fn read(root: &Path) -> Result<Self> {
        let dir = RunDir::for_auditor(root);
        let indices = dir.windows()?;
        if indices.is_empty() {
            let next = "`zkdl prove` writes proofs/window-0000.statement and proofs/window-0000.proof";
            return Err(CliError::usage(format!("{}: no proofs here: {next}", dir.public().display())));
        }
        let points = read(&dir.points())?;
        let window = |index: &u64| {
            let files = dir.window(*index);
            Ok(WindowBytes { index: *index, statement: read(&files.statement)?, proof: read(&files.proof)?, files })
        };
        let windows = indices.iter().map(window).collect::<Result<_>>()?;
        Ok(Self { dir, points, windows })
    }

    fn statements(&self) -> Result<Vec<Statement>> {
        self.windows.iter().map(|w| decoded(Statement::decode(&w.statement), &w.files.statement)).collect()
    }
}

/// Another kind of file is a mix-up of arguments; anything else that is malformed is the prover's fault.
pub(crate) fn decoded<T>(result: std::result::Result<T, FormatError>, path: &Path) -> Result<T> {
    result.map_err(|error| {
        let name = path.display().to_string();
        let mixed_up = matches!(error, FormatError::Magic { .. } | FormatError::Version { .. });
        if mixed_up { CliError::usage(name) } else { CliError::invalid(name) }.caused_by(error)
    })
}

/// A file that does not verify is invalid, unless this verifier is too small for it.
pub(crate) fn settled<T>(verdict: std::result::Result<T, VerifyError>, path: &Path) -> Result<T> {
    let name = path.display();
    verdict.map_err(|error| match error {
        VerifyError::Statement(StatementError::Limit { .. }) => {
            CliError::usage(format!("{name}: larger than --max-cost allows")).caused_by(error)
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
        Self {
            claims: Vec::new(),
            data: "not looked at",
            windows,
            time: Duration::ZERO,
            reason: None,
            certificate: None,
        }
    }

    /// Verifies the proof of the data that all claims are about.
    fn verify_data(&mut self, context: Context, points: &PointCommitments, premise: Premise) -> Result<()> {
        let Some(claim) = self.claims.first() else { return Ok(()) };
        let known = premise.settle(context, &claim.data, points)?;
        (self.data, self.time) = (known.how, self.time.saturating_add(known.time));
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
            .and_then(|proof| zkdl::verify(statement, points, &proof, &context.limits, context.generators));
        self.time = self.time.saturating_add(started.elapsed());
        settled(verdict, path).map(|_| ())
    }

    /// All windows of a directory at once.
    fn verify_windows(
        &mut self,
        context: Context,
        directory: &Directory,
        statements: &[Statement],
        points: &PointCommitments,
    ) -> Result<()> {
        let started = Instant::now();
        let proof = |w: &WindowBytes| settled(Proof::decode(&w.proof).map_err(VerifyError::from), &w.files.proof);
        let proofs: Vec<Proof> = directory.windows.iter().map(proof).collect::<Result<_>>()?;
        let windows: Vec<_> =
            statements.iter().zip(&proofs).map(|(statement, proof)| Window { statement, proof }).collect();
        let bar = context.bar("verifying windows", windows.len() as u64);
        let verdict = run::verify(&windows, points, &context.limits, context.generators, &|| bar.inc(1));
        bar.finish_and_clear();
        self.time = self.time.saturating_add(started.elapsed());
        match verdict {
            Ok(_) => Ok(()),
            Err(RunError::Chain(error)) => Err(CliError::invalid(NOT_ONE_RUN).caused_by(error)),
            Err(RunError::Points(error)) => settled(Err(error), &directory.dir.points()),
            Err(RunError::Window { index, source }) => {
                let path = directory.windows.get(index).map_or(Path::new("a window"), |w| &w.files.proof);
                settled(Err(source), path)
            }
        }
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        json!({
            "verdict": if self.is_valid() { "VALID" } else { "INVALID" },
            "reason": self.reason,
            "data": self.data,
            "windows": self.windows,
            "seconds": self.time.as_secs_f64(),
            "certificate": self.certificate,
            "claims": self.claims.iter().map(describe::to_json).collect::<Vec<_>>(),
        })
    }

    /// Verdict, claims and premises in words.
    pub(crate) fn text(&self) -> String {
        let time = seconds(self.time.as_secs_f64());
        let mut lines = vec![match &self.reason {
            None if self.windows > 1 => format!("VALID: {} windows, verified in {time}", self.windows),
            None => format!("VALID: verified in {time}"),
            Some(reason) => format!("INVALID: {}", shown(reason)),
        }];
        lines.extend(self.certificate.clone());
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

    pub(crate) fn print(&self, context: Context) -> Result<ExitCode> {
        if context.json {
            emit_json(&self.json())?
        } else {
            emit(&self.text())?
        }
        Ok(if self.is_valid() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
