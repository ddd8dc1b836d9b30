//! `zkdl member prove` and `zkdl member verify`: this point is in the committed data set.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::args::MemberVerb;
use crate::atomic::{self, Access};
use crate::data;
use crate::error::{CliError, Kind, Result};
use crate::progress::Context;
use crate::question::{Asked, Public, Within};
use crate::report::{Table, bytes, emit, emit_json, seconds, shown};
use crate::run_dir::{RunDir, read};
use crate::verify::settled;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use zkdl::statement::hex;
use zkdl::{DataSet, MemberAnswer, PointCommitments, ProveError, Question, Statement, VerifyError, membership};
use zkdl_commit::merkle::Tree;

/// Runs the verb.
pub(crate) fn run(context: Context, verb: &MemberVerb) -> Result<ExitCode> {
    match verb {
        MemberVerb::Prove { run, asked, out } => prove(context, run, asked, out),
        MemberVerb::Verify { answer, asked, public } => verify(context, answer, asked, public),
    }
}

fn prove(context: Context, root: &Path, asked: &Asked, out: &Path) -> Result<ExitCode> {
    let dir = RunDir::new(root);
    let data = data::open(&dir)?;
    let question = asked.question(data.descriptor.clone(), Within::EXACT)?;
    let points = data::public_points(&dir)?;
    let started = Instant::now();
    let set = DataSet { features: &data.train.features, labels: &data.train.labels, blinds: &data.blinds };
    let answer = answer(context, &question, set, &points)?;
    let time = started.elapsed().as_secs_f64();
    let encoded = answer.encode();
    atomic::write(out, &encoded, Access::Public)?;
    if context.json {
        emit_json(&json!({
            "answer": "member", "index": answer.index, "file": out, "bytes": encoded.len(), "seconds": time,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.row("member", format!("point {} of the data set {}", answer.index, hex(&question.data.root)));
    table.row("answer", format!("{}  {}", out.display(), bytes(encoded.len() as u64)));
    table.row("proving", seconds(time));
    emit(&table.text())?;
    Ok(ExitCode::SUCCESS)
}

/// Proves that the one point of a question is in a data set.
pub(crate) fn answer(
    context: Context,
    question: &Question,
    set: DataSet<'_>,
    points: &PointCommitments,
) -> Result<MemberAnswer> {
    let refused = |e: ProveError| CliError::usage("no membership answer can be given").caused_by(e);
    let tree = Tree::new(&points.0);
    let tree = tree.map_err(|e| CliError::usage("there are no committed points").caused_by(e))?;
    membership::prove(question, set, points, &tree, context.generators).map_err(refused)
}

fn verify(context: Context, path: &Path, asked: &Asked, public: &Public) -> Result<ExitCode> {
    let question = asked.question(public.descriptor()?, Within::EXACT)?;
    let claims = public.claims()?;
    let encoded = read(path)?;
    let started = Instant::now();
    let verdict = MemberAnswer::decode(&encoded).map_err(VerifyError::from).and_then(|answer| {
        membership::verify(&question, &answer, context.generators)?;
        Ok(answer.index)
    });
    let time = started.elapsed().as_secs_f64();
    let index = match verdict {
        Ok(index) => index,
        Err(error) => return refused(context, settled(Err::<(), _>(error), path)),
    };
    let uses: Vec<Uses> = claims.iter().map(|claim| Uses::new(claim, &question, index)).collect::<Result<_>>()?;
    if context.json {
        emit_json(&json!({
            "verdict": "VALID", "answer": "member", "index": index, "data": hex(&question.data.root),
            "label_proven": question.labelled(), "uses": uses.iter().map(Uses::json).collect::<Vec<_>>(), "seconds": time,
        }))?;
    } else {
        let mut lines = vec![format!("VALID: verified in {}", seconds(time))];
        lines.extend(in_words(&question, index, &uses));
        lines.extend((!uses.is_empty()).then(|| UNPROVEN_USES.to_owned()));
        emit(&lines.join("\n  "))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An answer that is not accepted is a verdict; anything else an error.
pub(crate) fn refused(context: Context, verdict: Result<()>) -> Result<ExitCode> {
    match verdict {
        Err(error) if error.kind() == Kind::Invalid => {
            if context.json {
                emit_json(&json!({ "verdict": "INVALID", "reason": error.line() }))?;
            } else {
                emit(&format!("INVALID: {}", shown(&error.line())))?;
            }
            Ok(ExitCode::from(1))
        }
        Err(error) => Err(error),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

/// What statements alone are worth.
const UNPROVEN_USES: &str = "That this training took place is not looked at here: `zkdl verify` shows it.";

/// The steps that used a point, as a statement orders the data.
pub(crate) struct Uses {
    first: u64,
    end: u64,
    /// They.
    pub(crate) steps: Vec<u64>,
}

impl Uses {
    /// Recomputes the public order; the statement has to be about the data of the question.
    pub(crate) fn new(statement: &Statement, question: &Question, index: u32) -> Result<Self> {
        if statement.data != question.data {
            return Err(CliError::usage("the statements of this directory are about other data"));
        }
        let schedule = statement.schedule().map_err(|e| CliError::usage("a statement is refused").caused_by(e))?;
        let (first, count) = (statement.first_step, statement.multipliers.len() as u64);
        Ok(Self { first, end: first.saturating_add(count), steps: schedule.uses(index, first, count) })
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        json!({ "first_step": self.first, "end_step": self.end, "used_in": self.steps })
    }

    fn line(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(u64::to_string).collect();
        let used = match &steps[..] {
            [] => "in no step".to_owned(),
            [step] => format!("in step {step}"),
            steps => format!("in steps {}", steps.join(", ")),
        };
        format!(
            "Of the steps from {} up to, not including, {}: used {used}, as their statement orders the data.",
            self.first, self.end
        )
    }
}

/// What a valid answer says.
pub(crate) fn in_words(question: &Question, index: u32, uses: &[Uses]) -> Vec<String> {
    let (root, points) = (hex(&question.data.root), question.data.points);
    let label = match question.queries.first().and_then(|query| query.label) {
        Some(label) => format!("with the label {label}"),
        None => "whatever its label, which stays hidden".to_owned(),
    };
    let mut lines = vec![
        format!("This exact point, {label}, is number {index}, from 0, of the {points} points of the data set {root}."),
        "It is equal in every feature, as the quantisers of the data set give them.".to_owned(),
    ];
    lines.extend(uses.iter().map(Uses::line));
    lines
}
