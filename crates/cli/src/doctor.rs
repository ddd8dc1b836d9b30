//! `zkdl doctor`: whether this machine can do the work, how a run stands, and what comes next.
//!
//! It proves a step of the handwritten digits and verifies the proof, reads what is there, and tries where files can be written. It
//! changes nothing of a run.

mod run_state;

use crate::atomic;
use crate::bench;
use crate::cache;
use crate::error::{CliError, Result};
use crate::memory;
use crate::progress::Context;
use crate::report::{bytes, emit, emit_json, seconds};
use crate::run_dir::RunDir;
use run_state::RunState;
use serde::Serialize;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use zkdl_commit::blinds::{Entropy, OsEntropy};
use zkdl_field::lanes;

/// How things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    /// As it should be.
    Ok,
    /// Slower or less than it could be.
    Note,
    /// Something will fail.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
struct Finding {
    health: Health,
    about: &'static str,
    text: String,
}

impl Finding {
    fn new(health: Health, about: &'static str, text: impl Into<String>) -> Self {
        Self { health, about, text: text.into() }
    }

    /// An error is bad.
    fn of(about: &'static str, result: Result<String>) -> Self {
        match result {
            Ok(text) => Self::new(Health::Ok, about, text),
            Err(error) => Self::new(Health::Bad, about, error.line()),
        }
    }
}

/// Runs the verb; 2 if something is bad.
pub(crate) fn run(context: Context, root: Option<&Path>) -> Result<ExitCode> {
    let mut findings = machine(context);
    let mut next = None;
    if let Some(root) = root {
        let state = RunState::of(&RunDir::new(root));
        findings.extend(state.findings);
        next = state.next;
    }
    let healthy = findings.iter().all(|finding| finding.health != Health::Bad);
    if context.json {
        emit_json(&json!({ "healthy": healthy, "findings": findings, "next": next }))?;
    } else {
        emit(&text(&findings, next.as_deref()))?;
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn text(findings: &[Finding], next: Option<&str>) -> String {
    let width = findings.iter().map(|finding| finding.about.len()).max().unwrap_or(0);
    let line = |finding: &Finding| {
        let sign = match finding.health {
            Health::Ok => "ok  ",
            Health::Note => "note",
            Health::Bad => "BAD ",
        };
        format!("{sign}  {:width$}  {}", finding.about, finding.text)
    };
    let mut lines: Vec<String> = findings.iter().map(line).collect();
    lines.extend(next.map(|next| format!("\nnext: {next}")));
    lines.join("\n")
}

/// What every run on this machine depends on.
fn machine(context: Context) -> Vec<Finding> {
    vec![
        Finding::new(Health::Ok, "version", concat!("zkdl ", env!("CARGO_PKG_VERSION"))),
        processor(),
        free_memory(),
        Finding::of("randomness", randomness()),
        cached(context),
        Finding::of(
            "a proof",
            bench::one_step(context)
                .map(|time| format!("a step of the digits is proven and verified: {}", seconds(time))),
        ),
    ]
}

fn processor() -> Finding {
    let (threads, lanes) = (rayon::current_num_threads(), lanes::name());
    let text = format!("{threads} threads, field arithmetic on {lanes} lanes ({})", bench::cpu_features().join(", "));
    if lanes == "portable" {
        let why = "no AVX-512 IFMA here: proving takes about four times as long as with it";
        return Finding::new(Health::Note, "processor", format!("{text}; {why}"));
    }
    Finding::new(Health::Ok, "processor", text)
}

fn free_memory() -> Finding {
    match memory::available() {
        Some(free) => Finding::new(Health::Ok, "memory", format!("{} are free", bytes(free))),
        None => Finding::new(
            Health::Note,
            "memory",
            "this system does not tell how much is free: large jobs are not refused",
        ),
    }
}

/// The source of all blinds.
fn randomness() -> Result<String> {
    let mut drawn = [[0; 32]; 2];
    for bytes in &mut drawn {
        OsEntropy.fill(bytes).map_err(|e| CliError::io("the operating system gives none").caused_by(e))?;
    }
    if drawn[0] == drawn[1] || drawn[0] == [0; 32] {
        return Err(CliError::io("the operating system gives the same bytes again: nothing made here would be secret"));
    }
    Ok("the operating system gives fresh bytes".to_owned())
}

/// Where generators are kept.
fn cached(context: Context) -> Finding {
    let about = "cache";
    let Some(directory) = cache::place(context.no_cache) else {
        return Finding::new(Health::Note, about, "none: every command derives its generators anew");
    };
    let path = directory.display();
    match atomic::try_out(&directory) {
        Ok(()) => Finding::new(Health::Ok, about, path.to_string()),
        Err(e) => Finding::new(
            Health::Note,
            about,
            format!("{path} takes no files ({e}): every command derives its generators anew"),
        ),
    }
}
