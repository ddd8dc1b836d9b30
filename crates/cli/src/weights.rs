//! `zkdl weights`: the final weights as safetensors, with a proof that they are what the proven rows commit to; the same of
//! weights that a run was given to start from.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::args::WeightsVerb;
use crate::atomic::{self, Access};
use crate::error::{CliError, Result};
use crate::member::refused;
use crate::plan::Run;
use crate::progress::Context;
use crate::question::{read_queries, statements};
use crate::report::{Table, bytes, emit, emit_json, grouped, seconds};
use crate::run_dir::{RunDir, read};
use crate::verify::{decoded, settled};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use zkdl::certificate::File;
use zkdl::describe::model_digest;
use zkdl::model::{self, Boundary, WeightsProof};
use zkdl::statement::hex;
use zkdl::tensors::{self, Number, TensorError};
use zkdl::{Origin, Statement, VerifyError, chain};

/// float32, for every framework.
pub(crate) const FLOATS: &str = "weights.safetensors";
/// The exact integers.
pub(crate) const INTEGERS: &str = "integers.safetensors";
/// The proof.
pub(crate) const PROOF: &str = "weights.proof";

/// Runs the verb.
pub(crate) fn run(context: Context, verb: &WeightsVerb) -> Result<ExitCode> {
    match verb {
        WeightsVerb::Export { run, start } => {
            let run = Run::open(run)?;
            let exported = export(context, &run, if *start { Boundary::Start } else { Boundary::End })?;
            exported.print(context)?;
            Ok(ExitCode::SUCCESS)
        }
        WeightsVerb::Predict { run, query } => {
            let classes = predict(&Run::open(run)?, query)?;
            if context.json {
                emit_json(&json!({ "classes": classes }))?;
            } else {
                emit(&classes.iter().map(u32::to_string).collect::<Vec<_>>().join("\n"))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        WeightsVerb::Verify { weights, proof, statement, public } => {
            let beside = || weights.with_file_name(PROOF);
            let proof = proof.clone().unwrap_or_else(beside);
            let ends = Ends::read(statement.as_deref(), public.as_deref())?;
            verify_verb(context, weights, &proof, &ends)
        }
    }
}

/// Files that were written.
pub(crate) struct Exported {
    /// Where they are.
    pub(crate) directory: PathBuf,
    /// Whether float32 holds the weights exactly.
    pub(crate) exact: bool,
    parameters: u64,
    model: [u8; 32],
    sizes: Vec<(&'static str, u64)>,
}

/// Writes the final weights of a run whose last window is proven, or the weights that it was given if its first is.
pub(crate) fn export(context: Context, run: &Run, boundary: Boundary) -> Result<Exported> {
    let (plan, root) = (&run.plan, run.dir.root().display());
    let (directory, window, step) = match boundary {
        Boundary::Start if plan.origin() == Origin::Seed => {
            let why = "this run starts from its public seed: there are no given weights";
            return Err(CliError::usage(format!("{root}: {why}")));
        }
        Boundary::Start => (run.dir.start(), 0, 0),
        Boundary::End => (run.dir.model(), plan.windows().saturating_sub(1), plan.steps),
    };
    let statement = run.dir.window(window).statement;
    let missing = || CliError::usage(format!("{root}: window {window} is not proven: run `zkdl prove {root}`"));
    let (Some(weights), Some(rows), true) = (run.weights(step)?, run.rows(step)?, statement.exists()) else {
        return Err(missing());
    };
    let statement = decoded(Statement::decode(&read(&statement)?), &statement)?;
    let proof = model::prove(&statement, boundary, &weights, &rows.rows.blinds, context.generators);
    let proof = proof.map_err(|e| CliError::usage("the weights cannot be shown").caused_by(e))?;
    model::verify(&statement, boundary, &weights, &proof, &context.limits, context.generators).map_err(|e| {
        CliError::invalid(format!("{root}: the weights before step {step} are not those of window {window}"))
            .caused_by(e)
    })?;
    let (model, exact) = (proof.model, tensors::floats_are_exact(&weights));
    let about = [
        ("zkdl.model", hex(&model)),
        ("zkdl.exact", exact.to_string()),
        ("zkdl.input_fraction_bits", plan.algorithm.f_x.to_string()),
        ("zkdl.activation_fraction_bits", plan.algorithm.format.f_a.to_string()),
    ];
    let file = |number| tensors::encode(&weights, number, plan.algorithm.format.f_w(), &about);
    let files = [(FLOATS, file(Number::Float)), (INTEGERS, file(Number::Integer)), (PROOF, proof.encode())];
    atomic::create_dir(&directory, Access::Public)?;
    for (name, contents) in &files {
        atomic::write(&directory.join(name), contents, Access::Public)?;
    }
    let sizes = files.iter().map(|(name, contents)| (*name, contents.len() as u64)).collect();
    Ok(Exported { directory, exact, parameters: plan.algorithm.parameters(), model, sizes })
}

impl Exported {
    fn print(&self, context: Context) -> Result<()> {
        if context.json {
            return emit_json(&json!({
                "directory": self.directory, "float32_is_exact": self.exact, "parameters": self.parameters,
                "model": hex(&self.model),
                "bytes": self.sizes.iter().map(|(name, size)| ((*name).to_owned(), json!(size))).collect::<serde_json::Map<_, _>>(),
            }));
        }
        let mut table = Table::new();
        table.row("parameters", grouped(self.parameters));
        table.row("model", hex(&self.model));
        for (name, size) in &self.sizes {
            table.row(name, format!("{}  {}", self.directory.join(name).display(), bytes(*size)));
        }
        let exact = if self.exact { "exactly the integers" } else { "rounded: the integers are in the other file" };
        table.row("float32 is", exact);
        emit(&table.text())
    }
}

/// The classes that the final weights give the points of a file.
fn predict(run: &Run, query: &Path) -> Result<Vec<u32>> {
    let root = run.dir.root().display();
    let missing = || CliError::usage(format!("{root}: the final weights are not there: run `zkdl train {root}` first"));
    let weights = run.weights(run.plan.steps)?.ok_or_else(missing)?;
    let queries = read_queries(&read(query)?, &query.display().to_string(), &run.data.descriptor)?;
    let features: Vec<i32> = queries.into_iter().flat_map(|query| query.features).collect();
    zkdl_train::predict(&run.plan.algorithm, &weights, &features)
        .map_err(|e| CliError::usage("no class can be decided").caused_by(e))
}

/// What a proof of weights may be about: where a run starts, and where it ends.
struct Ends {
    first: Statement,
    last: Statement,
}

impl Ends {
    /// The ends of a statement, or of the windows of a directory. Where windows meet, the run neither starts nor ends.
    fn read(statement: Option<&Path>, public: Option<&Path>) -> Result<Self> {
        match (statement, public) {
            (Some(path), _) => {
                let only = decoded(Statement::decode(&read(path)?), path)?;
                Ok(Self { first: only.clone(), last: only })
            }
            (None, Some(root)) => {
                let dir = RunDir::for_auditor(root);
                let (mut statements, _) = statements(&dir)?;
                statements.sort_by_key(chain::end);
                let none = || CliError::usage(format!("{}: no statements here", dir.public().display()));
                let last = statements.pop().ok_or_else(none)?;
                Ok(Self { first: statements.into_iter().next().unwrap_or_else(|| last.clone()), last })
            }
            (None, None) => Err(CliError::usage("give --public DIR, or --statement FILE of the last window")),
        }
    }

    /// The rows that a proof names: final ones, or the first of a run that was given them.
    fn named(&self, proof: &WeightsProof) -> Result<(&Statement, Boundary)> {
        let given = self.first.proves_start().map(|_| (&self.first, Boundary::Start));
        let mut ends = [(&self.last, Boundary::End)].into_iter().chain(given);
        let named = ends.find(|(statement, boundary)| model_digest(boundary.rows(statement)) == proof.model);
        let no = || {
            let model = hex(&proof.model);
            CliError::invalid(format!("the proof is about model {model}, with which this run neither ends nor starts"))
        };
        named.ok_or_else(no)
    }
}

fn verify_verb(context: Context, weights: &Path, proof: &Path, ends: &Ends) -> Result<ExitCode> {
    let started = Instant::now();
    let verified = decoded(WeightsProof::decode(&read(proof)?), proof).and_then(|read_proof| {
        let (statement, boundary) = ends.named(&read_proof)?;
        check(context, (&read(weights)?, weights), &read_proof, (statement, boundary))?;
        Ok((read_proof.model, statement, boundary))
    });
    let (model, statement, boundary) = match verified {
        Ok((model, statement, boundary)) => (hex(&model), statement, boundary),
        Err(error) => return refused(context, Err(error)),
    };
    let time = started.elapsed().as_secs_f64();
    let (end, all) = (chain::end(statement), statement.max_steps);
    let (which, step, about) = match boundary {
        Boundary::Start => ("start", 0, "The run began with them: `zkdl verify` shows what it did.".to_owned()),
        Boundary::End => {
            let how = "how they came about is what the training proofs show: `zkdl verify`";
            ("end", end, format!("They are those after {end} of the run's {all} steps; {how}."))
        }
    };
    if context.json {
        emit_json(&json!({
            "verdict": "VALID", "model": model, "of": which, "step": step, "steps": all, "weights": weights, "seconds": time,
        }))?;
    } else {
        emit(&format!(
            "VALID: verified in {}\n  {} holds exactly the weights that the rows of model {model} commit to.\n  {about}",
            seconds(time),
            weights.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the weights of a file are those of a proof, and the rows of a statement theirs.
fn check(
    context: Context,
    (bytes, path): (&[u8], &Path),
    proof: &WeightsProof,
    (statement, boundary): (&Statement, Boundary),
) -> Result<()> {
    let algorithm = statement.algorithm();
    let name = path.display();
    let tensors = tensors::decode(bytes, &algorithm.widths, algorithm.format.f_w()).map_err(|e| match e {
        TensorError::Format(_) => CliError::usage(name.to_string()).caused_by(e),
        e => CliError::invalid(name.to_string()).caused_by(e),
    })?;
    let verdict = model::verify(statement, boundary, &tensors, proof, &context.limits, context.generators);
    if verdict == Err(VerifyError::OtherWeights) && !tensors::floats_are_exact(&tensors) {
        let why = "these are not the model's weights, or float32 has rounded them: verify the file of integers";
        return Err(CliError::invalid(format!("{name}: {why}")));
    }
    settled(verdict, path)
}

/// The files of a directory of weights. Each is read once: what is verified is what is signed.
pub(crate) struct ModelFiles {
    directory: PathBuf,
    floats: Vec<u8>,
    integers: Vec<u8>,
    proof: Vec<u8>,
}

impl ModelFiles {
    /// None if there is no directory.
    pub(crate) fn read(directory: &Path) -> Result<Option<Self>> {
        if !directory.is_dir() {
            return Ok(None);
        }
        let [floats, integers, proof] = [FLOATS, INTEGERS, PROOF].map(|name| read(&directory.join(name)));
        Ok(Some(Self { directory: directory.to_owned(), floats: floats?, integers: integers?, proof: proof? }))
    }

    /// Whether the integers are what a statement's final rows commit to, and the floats what these give, rounded.
    pub(crate) fn verify(&self, context: Context, statement: &Statement) -> Result<()> {
        let [floats, integers, proof] = [FLOATS, INTEGERS, PROOF].map(|name| self.directory.join(name));
        let read_proof = decoded(WeightsProof::decode(&self.proof), &proof)?;
        check(context, (&self.integers, &integers), &read_proof, (statement, Boundary::End))?;
        let algorithm = statement.algorithm();
        let bits = algorithm.format.f_w();
        let read_as = |bytes: &[u8], number: Number, path: &Path| {
            tensors::decode_only(bytes, number, &algorithm.widths, bits)
                .map_err(|e| CliError::invalid(path.display().to_string()).caused_by(e))
        };
        let exact = read_as(&self.integers, Number::Integer, &integers)?;
        if tensors::rounded(&exact, bits) == read_as(&self.floats, Number::Float, &floats)? {
            return Ok(());
        }
        Err(CliError::invalid(format!("{}: these are not the weights of {}", floats.display(), integers.display())))
    }

    /// The weights, as a certificate names them.
    pub(crate) fn weights(&self) -> Vec<File> {
        vec![File::new(FLOATS, &self.floats), File::new(INTEGERS, &self.integers)]
    }

    /// The weights and their proof.
    pub(crate) fn all(&self) -> Vec<File> {
        [self.weights(), vec![File::new(PROOF, &self.proof)]].concat()
    }
}
