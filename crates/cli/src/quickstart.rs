//! `zkdl quickstart`: handwritten digits, everything once: commit, train, prove the run, verify from the files, tamper, ask.

mod questions;

use crate::atomic::{self, Access};
use crate::beacon;
use crate::certify;
use crate::config::Config;
use crate::data;
use crate::error::{CliError, Result};
use crate::init::Found;
use crate::memory;
use crate::plan::Run;
use crate::premise::{Known, Trust};
use crate::progress::Context;
use crate::prove::jobs::{self, Proven};
use crate::report::{Table, bytes, emit, emit_json, grouped, percent, seconds};
use crate::run_dir::{RunDir, read};
use crate::run_report;
use crate::train;
use crate::verify::{Coverage, Expected, Files, Report, verify_directory, verify_files};
use crate::weights;
use questions::Answered;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zkdl::describe::{config_digest, model_digest};
use zkdl::statement::hex;
use zkdl::{Statement, chain};
use zkdl_commit::blinds::{Entropy, OsEntropy};

/// The example data.
pub(crate) const DIGITS: &str = include_str!("../../../examples/digits/digits.csv");
const CSV: &str = "digits.csv";
const TAMPERED: &str = "tampered.proof";
/// A link to the proofs.
const PROOFS: &str = "proofs";
const BY_HAND: &str = "by-hand";
const KEY: &str = "signer.pem";
/// Marks a directory that quickstart may replace.
const MARKER: &str = ".zkdl-quickstart";

/// Runs the verb.
pub(crate) fn run(context: Context, root: &Path, epochs: u64) -> Result<()> {
    let say = |line: &str| if context.json { Ok(()) } else { emit(line) };
    prepare(root, epochs)?;
    say("1. Commit to the training points, one by one, in a secret order")?;
    let committed = data::commit(context, root, None)?.data.descriptor;
    say(&format!("{} points committed, data root {}", grouped(u64::from(committed.points)), hex(&committed.root)))?;
    say("\n2. Train in exact integer arithmetic, in an order that a value drawn after the commitment fixes")?;
    let beacon = draw()?;
    let dir = RunDir::new(root);
    beacon::fix(&Config::read(&dir.config())?, &dir, beacon)?;
    say(&format!("beacon {}, here from the operating system: let an auditor draw yours", hex(&beacon)))?;
    let run = Run::open(root)?;
    let trained = train::train(context, &run)?;
    say(
        "\n3. Prove every step: a proof for each epoch, which starts from the committed weights that the one before ends with",
    )?;
    let windows = run.plan.windows();
    let proven = jobs::prove_windows(context, &run, 0..windows, None, false)?;
    say(&format!("{windows} proofs written to {}", run.dir.proofs().display()))?;
    link(root)?;
    say("\n4. Verify the whole run, from the files alone")?;
    let verified = verify_directory(context, root, None, &Expected::default(), Trust::Nothing, Coverage::Whole)?;
    say(&verified.report.text())?;
    say("\n5. Change one byte of the last proof, and verify it again")?;
    let files = last_window(&run);
    let tampered = tamper(root, &files)?;
    let rejected = verify_files(context, &tampered, &Expected::default(), Trust::Nothing)?;
    say(rejected.reason.as_deref().map(|r| format!("INVALID: {r}")).as_deref().unwrap_or("VALID"))?;
    say("\n6. Ask whether an image is among the training points, and whether a copy with one pixel changed is")?;
    let nonce = draw()?;
    let statements = proven.windows.iter().map(|w| &w.statement);
    let claim = chain::stretches(statements).map_err(|e| CliError::invalid("the windows do not meet").caused_by(e))?;
    let [claim] = &claim[..] else { return Err(CliError::invalid("the windows are not one run: please report this")) };
    let known = Known { how: verified.report.data, time: Duration::ZERO };
    let answered = questions::ask(context, &run, root, (claim, &known), nonce)?;
    for answer in &answered {
        say(&answer.lines.join("\n"))?;
    }
    say(
        "\n7. Write the weights as safetensors, with a proof that they are the proven ones, and sign what was verified",
    )?;
    weights::export(context, &run, zkdl::model::Boundary::End)?;
    let signer = certify::new_key(&run.dir.secret().join(KEY))?;
    let certified = certify::certify(context, root, &verified, &signer)?;
    say(&format!("{}: signed by a key drawn here, {}", certified.certificate.display(), certified.signer.display()))?;
    run_report::write(root, &verified, &run.dir.report())?;
    say(&format!("{}: the run as a page", run.dir.report().display()))?;
    let verified = verified.report;
    let summary =
        Summary { root, run: &run, trained, proven, claim, verified, rejected, files, tampered, answered, nonce };
    if context.json {
        emit_json(&summary.json()?)?
    } else {
        emit(&summary.text()?)?
    }
    summary.verdict()
}

/// Makes the directory, or empties that of an earlier quickstart. Any other directory that holds something is left alone.
fn prepare(root: &Path, epochs: u64) -> Result<()> {
    let marker = root.join(MARKER);
    if fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some()) {
        if !marker.is_file() {
            let next = "give another one with --dir";
            return Err(CliError::usage(format!("{} holds other files and is left alone: {next}", root.display())));
        }
        empty(root)?;
    }
    atomic::create_dir(root, Access::Public)?;
    atomic::write(&marker, b"Written by `zkdl quickstart`, which may replace this directory.\n", Access::Public)?;
    atomic::write(&root.join(CSV), DIGITS.as_bytes(), Access::Public)?;
    let config = Found::digits(CSV).template().replace("epochs = 20", &format!("epochs = {epochs}"));
    atomic::write(&RunDir::new(root).config(), config.as_bytes(), Access::Public)
}

/// The proofs at hand, beside the weights.
fn link(root: &Path) -> Result<()> {
    let path = root.join(PROOFS);
    std::os::unix::fs::symlink("public/proofs", &path).map_err(|e| CliError::file("link", &path, e))
}

/// Plays the auditor who draws a beacon, and the owner who draws a nonce.
fn draw() -> Result<[u8; 32]> {
    let mut drawn = [0; 32];
    OsEntropy.fill(&mut drawn).map_err(|e| CliError::io("nothing random can be drawn").caused_by(e))?;
    Ok(drawn)
}

/// Removes what a quickstart and its commands by hand write, and nothing else.
fn empty(root: &Path) -> Result<()> {
    for directory in ["public", "secret", "model", BY_HAND] {
        removed(&root.join(directory), |path| fs::remove_dir_all(path))?;
    }
    let dir = RunDir::new(root);
    let files =
        [CSV, PROOFS, TAMPERED, questions::ASKED, questions::MEMBER, questions::ABSENT].map(|file| root.join(file));
    let signed = [dir.config(), dir.certificate(), dir.signer(), dir.model_signature(), dir.report()];
    for file in files.iter().chain(&signed) {
        removed(file, |path| fs::remove_file(path))?;
    }
    Ok(())
}

fn removed(path: &Path, remove: impl Fn(&Path) -> std::io::Result<()>) -> Result<()> {
    match remove(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(CliError::file("remove", path, e)),
        _ => Ok(()),
    }
}

/// What an auditor needs to verify the last window alone.
fn last_window(run: &Run) -> Files {
    let window = run.dir.window(run.plan.windows().saturating_sub(1));
    Files {
        statement: window.statement,
        points: run.dir.points(),
        proof: window.proof,
        data_proof: Some(run.dir.data_proof()),
    }
}

/// Writes a copy of the proof with one byte of its last number changed.
fn tamper(root: &Path, files: &Files) -> Result<Files> {
    let mut proof = read(&files.proof)?;
    let place = proof.len().saturating_sub(32);
    if let Some(byte) = proof.get_mut(place) {
        *byte ^= 1;
    }
    let path = root.join(TAMPERED);
    atomic::write(&path, &proof, Access::Public)?;
    Ok(Files { proof: path, ..files.clone() })
}

struct Summary<'a> {
    root: &'a Path,
    run: &'a Run,
    trained: train::Outcome,
    proven: Proven,
    /// The statement that all windows are together.
    claim: &'a Statement,
    verified: Report,
    rejected: Report,
    files: Files,
    tampered: Files,
    answered: [Answered; 2],
    nonce: [u8; 32],
}

impl Summary<'_> {
    fn text(&self) -> Result<String> {
        let (proven, public) = (&self.proven, self.sizes()?);
        let windows = proven.windows.len();
        let mut table = Table::new();
        table.row("parameters", grouped(self.claim.algorithm().parameters()));
        table.row("steps trained and proven", format!("{} in {windows} windows", self.claim.multipliers.len()));
        table.row("cells proven", grouped(proven.windows.iter().map(|w| w.sizes.cells).sum()));
        if let Some(accuracy) = self.trained.accuracy {
            table.row("test accuracy", percent(accuracy));
        }
        table.row("training", seconds(self.trained.time));
        table.row("proving", seconds(proven.time));
        table.row("verifying", seconds(self.verified.time.as_secs_f64()));
        for (name, size) in &public {
            table.row(name, bytes(*size));
        }
        for answer in &self.answered {
            let ([prove, verify], size) = (answer.times.map(seconds), bytes(answer.bytes as u64));
            table.row(&format!("{} answer: prove, verify", answer.what), format!("{prove}, {verify}; {size}"));
        }
        if let Some(peak) = memory::peak() {
            table.row("peak memory", bytes(peak));
        }
        table.row("threads", rayon::current_num_threads().to_string());
        Ok(format!("\nMeasured\n{}\n\nEach step by hand\n{}", table.text(), self.commands().join("\n")))
    }

    fn json(&self) -> Result<serde_json::Value> {
        Ok(json!({
            "training": self.trained.json(self.run),
            "proof": self.proven.json(),
            "parameters": self.claim.algorithm().parameters(),
            "verification": self.verified.json(),
            "tampered": self.rejected.json(),
            "answers": self.answered.iter().map(Answered::json).collect::<Vec<_>>(),
            "bytes": self.sizes()?.into_iter().collect::<BTreeMap<_, _>>(),
            "peak_memory_bytes": memory::peak(),
            "commands": self.commands(),
        }))
    }

    /// What an auditor holds, in bytes.
    fn sizes(&self) -> Result<Vec<(&'static str, u64)>> {
        let length = |path: &Path| Ok(read(path)?.len() as u64);
        let windows = (0..self.run.plan.windows()).map(|i| self.run.dir.window(i));
        let statements = windows.map(|files| length(&files.statement)).sum::<Result<u64>>()?;
        let cells: usize = self.proven.windows.iter().map(|w| 32 * w.sizes.cell_rows).sum();
        Ok(vec![
            ("proofs", self.proven.bytes()),
            ("  of them, commitments to cells", cells as u64),
            ("statements", statements),
            ("point commitments", length(&self.files.points)?),
            ("proof of the data", length(&self.run.dir.data_proof())?),
        ])
    }

    /// Command lines that do each step again, as this program was called.
    fn commands(&self) -> Vec<String> {
        let zkdl = quoted(&std::env::args_os().next().map_or_else(|| "zkdl".into(), PathBuf::from));
        let by_hand = quoted(&self.root.join(BY_HAND));
        let config = quoted(&self.run.dir.config());
        let verify = |files: &Files| {
            let [statement, points, proof] = [&files.statement, &files.points, &files.proof].map(|p| quoted(p));
            let data = quoted(&self.run.dir.data_proof());
            format!("{zkdl} verify --statement {statement} --points {points} --proof {proof} --data-proof {data}")
        };
        let claim = self.claim;
        let (model, config_name) = (hex(&model_digest(&claim.end)), hex(&config_digest(claim)));
        let (data, beacon) = (hex(&claim.data.root), hex(&claim.nonce));
        let public = quoted(self.run.dir.public());
        let (certificate, signer) = (quoted(&self.run.dir.certificate()), quoted(&self.run.dir.signer()));
        let mut lines = vec![
            format!("{zkdl} data commit {by_hand} --config {config}"),
            format!("{zkdl} train {by_hand} --beacon {beacon}"),
            format!("{zkdl} check {by_hand}"),
            format!("{zkdl} prove {by_hand}"),
            format!("{zkdl} verify {by_hand}"),
            format!("{zkdl} weights export {by_hand}"),
            format!("{zkdl} report {by_hand}"),
            format!("{zkdl} certify {by_hand} --key {by_hand}/secret/{KEY} --new-key"),
            format!(
                "{zkdl} verify {public} --expect-model {model} --expect-data {data} --expect-beacon {beacon} --expect-config {config_name}"
            ),
            verify(&self.files),
            format!("{}   # INVALID, exit code 1", verify(&self.tampered)),
            format!("{zkdl} inspect {}", quoted(&self.files.statement)),
            format!("{zkdl} verify {} --certificate {certificate} --signer {signer}", quoted(self.root)),
            format!("{zkdl} weights verify {} --public {public}", quoted(&self.run.dir.model().join(weights::FLOATS))),
        ];
        let answered = self.answered.iter();
        lines.extend(answered.flat_map(|answer| answer.commands(&zkdl, self.run, self.root, &self.nonce)));
        lines
    }

    /// A quickstart whose proof is refused, or whose forgery is not, has failed.
    fn verdict(&self) -> Result<()> {
        if !self.verified.is_valid() {
            return Err(CliError::invalid("the proof was not accepted: please report this"));
        }
        if self.rejected.is_valid() {
            return Err(CliError::invalid("the changed proof was accepted: please report this"));
        }
        Ok(())
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_the_shell() {
        assert_eq!(quoted(Path::new("a/b-c.d")), "a/b-c.d");
        assert_eq!(quoted(Path::new("it's here")), r"'it'\''s here'");
    }
}
