//! `zkdl quickstart`: handwritten digits, everything once: commit, train, prove an epoch, verify from the files, tamper, ask.

mod questions;

use crate::atomic::{self, Access};
use crate::beacon;
use crate::config::Config;
use crate::data;
use crate::error::{CliError, Result};
use crate::init::Found;
use crate::memory;
use crate::plan::Run;
use crate::premise::Trust;
use crate::progress::Context;
use crate::prove;
use crate::report::{Table, bytes, emit, emit_json, grouped, percent, seconds};
use crate::run_dir::{RunDir, read};
use crate::train;
use crate::verify::{Expected, Files, Report, verify_files};
use questions::Answered;
use serde_json::json;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use zkdl::describe::{config_digest, model_digest};
use zkdl::statement::hex;
use zkdl_commit::blinds::{Entropy, OsEntropy};

/// The example data.
pub(crate) const DIGITS: &str = include_str!("../../../examples/digits/digits.csv");
const CSV: &str = "digits.csv";
const TAMPERED: &str = "tampered.proof";
const BY_HAND: &str = "by-hand";
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
    say("\n3. Prove the first epoch: window 0, from the public starting weights")?;
    let proven = prove::prove(context, &run, 0)?;
    say(&format!("proof written to {}", proven.files.proof.display()))?;
    say("\n4. Verify, from the files alone")?;
    let files = Files {
        statement: proven.files.statement.clone(),
        points: run.dir.points(),
        proof: proven.files.proof.clone(),
        data_proof: Some(run.dir.data_proof()),
    };
    let verified = verify_files(context, &files, &Expected::default(), Trust::Nothing)?;
    say(&verified.text())?;
    say("\n5. Change one byte of the proof, and verify again")?;
    let tampered = tamper(root, &files)?;
    let rejected = verify_files(context, &tampered, &Expected::default(), Trust::Nothing)?;
    say(rejected.reason.as_deref().map(|r| format!("INVALID: {r}")).as_deref().unwrap_or("VALID"))?;
    say("\n6. Ask whether an image is among the training points, and whether a copy with one pixel changed is")?;
    let nonce = draw()?;
    let answered = questions::ask(context, &run, root, &proven.statement, nonce)?;
    for answer in &answered {
        say(&answer.lines.join("\n"))?;
    }
    let summary = Summary { root, run: &run, trained, proven, verified, rejected, files, tampered, answered, nonce };
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

/// Plays the auditor who draws a beacon, and the owner who draws a nonce.
fn draw() -> Result<[u8; 32]> {
    let mut drawn = [0; 32];
    OsEntropy.fill(&mut drawn).map_err(|e| CliError::io("nothing random can be drawn").caused_by(e))?;
    Ok(drawn)
}

/// Removes what a quickstart and its commands by hand write, and nothing else.
fn empty(root: &Path) -> Result<()> {
    for directory in ["public", "secret", BY_HAND] {
        removed(&root.join(directory), |path| fs::remove_dir_all(path))?;
    }
    for file in [CSV, TAMPERED, questions::ASKED, questions::MEMBER, questions::ABSENT, "zkdl.toml"] {
        removed(&root.join(file), |path| fs::remove_file(path))?;
    }
    Ok(())
}

fn removed(path: &Path, remove: impl Fn(&Path) -> std::io::Result<()>) -> Result<()> {
    match remove(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(CliError::file("remove", path, e)),
        _ => Ok(()),
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
    proven: prove::Outcome,
    verified: Report,
    rejected: Report,
    files: Files,
    tampered: Files,
    answered: [Answered; 2],
    nonce: [u8; 32],
}

impl Summary<'_> {
    fn text(&self) -> Result<String> {
        let (proven, sizes) = (&self.proven, &self.proven.sizes);
        let steps = proven.statement.multipliers.len();
        let mut table = Table::new();
        table.row("parameters", grouped(sizes.parameters));
        table.row("steps trained, proven", format!("{}, {steps}", self.run.plan.steps));
        table.row("cells proven", grouped(sizes.cells));
        if let Some(accuracy) = self.trained.accuracy {
            table.row("test accuracy", percent(accuracy));
        }
        table.row("training", seconds(self.trained.time));
        table.row("executing the window", seconds(proven.execution));
        table.row("proving", seconds(proven.time));
        for (phase, time) in &proven.phases {
            table.row(&format!("  {phase}"), seconds(*time));
        }
        table.row("verifying", seconds(self.verified.time));
        table.row("proof", bytes(proven.proof_bytes as u64));
        table.row("  of it, commitments to cells", bytes(32 * sizes.cell_rows as u64));
        table.row("point commitments", bytes(read(&self.files.points)?.len() as u64));
        table.row("proof of the data", bytes(read(&self.run.dir.data_proof())?.len() as u64));
        table.row("statement", bytes(read(&self.files.statement)?.len() as u64));
        table.row("  of it, commitments to weights", bytes(32 * sizes.weight_rows as u64));
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
            "parameters": self.proven.sizes.parameters,
            "verification": self.verified.json(),
            "tampered": self.rejected.json(),
            "answers": self.answered.iter().map(Answered::json).collect::<Vec<_>>(),
            "bytes": {
                "proof": self.proven.proof_bytes,
                "cell_commitments": 32 * self.proven.sizes.cell_rows,
                "weight_commitments": 32 * self.proven.sizes.weight_rows,
                "point_commitments": read(&self.files.points)?.len(),
                "data_proof": read(&self.run.dir.data_proof())?.len(),
                "statement": read(&self.files.statement)?.len(),
            },
            "peak_memory_bytes": memory::peak(),
            "commands": self.commands(),
        }))
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
        let statement = &self.proven.statement;
        let (model, config_name) = (hex(&model_digest(&statement.end)), hex(&config_digest(statement)));
        let data = hex(&statement.data.root);
        let mut lines = vec![
            format!("{zkdl} data commit {by_hand} --config {config}"),
            format!("{zkdl} train {by_hand} --beacon {}", hex(&statement.nonce)),
            format!("{zkdl} check {by_hand}"),
            format!("{zkdl} prove {by_hand}"),
            format!("{zkdl} verify {by_hand}"),
            format!(
                "{} --expect-model {model} --expect-data {data} --expect-beacon {} --expect-config {config_name}",
                verify(&self.files),
                hex(&statement.nonce)
            ),
            format!("{}   # INVALID, exit code 1", verify(&self.tampered)),
            format!("{zkdl} inspect {}", quoted(&self.files.statement)),
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
