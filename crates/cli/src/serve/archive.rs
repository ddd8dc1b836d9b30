//! The desk of a run directory. It gives the strongest answer that is true:
//!
//! ```text
//! member with the label asked  >  member, whatever its label  >  nothing as near as the data set's distance  >  absent exactly
//! ```
//!
//! Every answer is verified with the public files before it leaves. Whether and where a point is found takes the same time: all
//! rows are looked at.

use super::desk::{Asked, Desk, Refusal, Reply};
use crate::absent;
use crate::data;
use crate::error::{CliError, Result};
use crate::member::{self, Uses};
use crate::premise::{Known, Premise, Trust};
use crate::progress::Context;
use crate::question::{Public, read_queries};
use crate::run_dir::{RunDir, read};
use crate::secret::SecretData;
use serde_json::{Value, json};
use std::io::{Cursor, Write};
use std::path::Path;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;
use zkdl::absence::distance::is_near;
use zkdl::commitment::PointCommitments;
use zkdl::statement::hex;
use zkdl::{DataSet, GeneratorSource, Query, Question, Statement, absence, chain, membership};
use zkdl_commit::merkle::Tree;

/// Data, commitments and statements of a run.
pub(crate) struct Archive {
    data: SecretData,
    points: PointCommitments,
    tree: Tree,
    /// Stretches of steps that statements are about.
    claims: Vec<Statement>,
    /// How it is known that the data are in range; nothing if their proof is not there.
    known: Option<Known>,
    files: Vec<u8>,
    generators: GeneratorSource,
}

impl Archive {
    /// Reads a run directory whose data are committed.
    pub(crate) fn open(context: Context, root: &Path) -> Result<Self> {
        let dir = RunDir::new(root);
        let data = data::open(&dir)?;
        let points = data::public_points(&dir)?;
        let tree = Tree::new(&points.0).map_err(|e| CliError::usage("there are no committed points").caused_by(e))?;
        let public = Public { public: Some(root.to_owned()), data: None, points: None };
        let claims = public.claims()?;
        let proof = Some(dir.data_proof()).filter(|file| file.exists());
        let known =
            proof.map(|file| Premise::read(Some(&file), Trust::Memory)?.settle(context, &data.descriptor, &points));
        let (known, files) = (known.transpose()?, public_files(&dir)?);
        Ok(Self { data, points, tree, claims, known, files, generators: context.fresh_generators() })
    }

    /// Number of points.
    pub(crate) fn points(&self) -> u32 {
        self.data.descriptor.points
    }

    fn set(&self) -> DataSet<'_> {
        DataSet { features: &self.data.train.features, labels: &self.data.train.labels, blinds: &self.data.blinds }
    }

    fn query(&self, asked: &Asked) -> std::result::Result<Query, Refusal> {
        let unreadable = |error: CliError| Refusal::Unreadable(error.line());
        let queries = read_queries(&asked.upload, "the upload", &self.data.descriptor).map_err(unreadable)?;
        let count = queries.len();
        let missing =
            || Refusal::Unreadable(format!("there is no row {}: the upload has {count}, counted from 0", asked.row));
        let mut query = queries.into_iter().nth(asked.row).ok_or_else(missing)?;
        query.label = asked.label.or(query.label);
        Ok(query)
    }

    fn question(&self, asked: &Asked, query: Query, within: bool) -> std::result::Result<Question, Refusal> {
        let data = self.data.descriptor.clone();
        let question = Question { data, nonce: asked.nonce, context: None, within, queries: vec![query] };
        question.validate().map_err(|error| Refusal::Unreadable(error.to_string()))?;
        Ok(question)
    }

    /// A verified membership answer.
    fn member(&self, question: &Question, said: Vec<String>) -> std::result::Result<Reply, Refusal> {
        let failed = |_| Refusal::Failed;
        let answer =
            membership::prove(question, self.set(), &self.points, &self.tree, &self.generators).map_err(failed)?;
        membership::verify(question, &answer, &self.generators).map_err(|_| Refusal::Failed)?;
        let uses = self.claims.iter().map(|claim| Uses::new(claim, question, answer.index));
        let uses: Vec<Uses> = uses.collect::<Result<_>>().map_err(|_| Refusal::Failed)?;
        let label = if question.labelled() { "with this label" } else { "with some label" };
        Ok(Reply {
            verdict: "member",
            headline: format!("Yes: exactly this point, {label}, is in the data set."),
            proven: member::in_words(question, answer.index, &uses),
            said,
            steps: uses.iter().flat_map(|uses| uses.steps.iter().copied()).collect(),
            features: features(question),
            answer: answer.encode(),
            options: options(question),
        })
    }

    /// A verified absence answer.
    fn absent(&self, question: &Question, headline: &str, said: Vec<String>) -> std::result::Result<Reply, Refusal> {
        let answer = absence::prove(question, self.set(), &self.generators).map_err(|_| Refusal::Failed)?;
        absence::verify(question, &answer, &self.points, &self.generators).map_err(|_| Refusal::Failed)?;
        Ok(Reply {
            verdict: "absent",
            headline: headline.to_owned(),
            proven: absent::in_words(question, self.known.as_ref()),
            said,
            steps: Vec::new(),
            features: features(question),
            answer: answer.encode(),
            options: options(question),
        })
    }
}

fn features(question: &Question) -> Vec<i32> {
    question.queries.first().map(|query| query.features.clone()).unwrap_or_default()
}

/// How `verify` is told what was asked.
fn options(question: &Question) -> Vec<String> {
    let label = question.queries.first().and_then(|query| query.label);
    let within = question.within.then(|| ["--within".to_owned(), question.data.near.to_string()]);
    match (label, within) {
        (Some(label), _) => vec!["--label".to_owned(), label.to_string()],
        (None, Some(within)) => within.into(),
        (None, None) => vec!["--any-label".to_owned()],
    }
}

impl Desk for Archive {
    fn about(&self) -> Value {
        let data = &self.data.descriptor;
        let image = data
            .image
            .map(|i| json!({ "width": i.width, "height": i.height, "channels": i.channels, "planar": i.planar }));
        let ranges = data.ranges();
        json!({
            "root": hex(&data.root), "points": data.points, "features": data.features, "classes": data.classes,
            "near": data.near, "image": image, "steps": self.claims.iter().map(|c| [c.first_step, chain::end(c)]).collect::<Vec<_>>(),
            "low": ranges.iter().map(|range| range.min).collect::<Vec<_>>(),
            "high": ranges.iter().map(|range| range.max).collect::<Vec<_>>(),
        })
    }

    fn public_files(&self) -> &[u8] {
        &self.files
    }

    fn answer(&self, asked: &Asked) -> std::result::Result<Reply, Refusal> {
        let query = self.query(asked)?;
        let unlabelled = Query { label: None, ..query.clone() };
        let (set, data) = (self.set(), &self.data.descriptor);
        // All three, whatever the first says: the time tells nothing.
        let exact = membership::find(set.features, set.labels, &query).is_some();
        let any = membership::find(set.features, set.labels, &unlabelled).is_some();
        let near = data.near > 0 && is_near(data, set, &query.features);
        if exact {
            return self.member(&self.question(asked, query, false)?, Vec::new());
        }
        if any {
            let said = "Its label in the data set is another one than yours.".to_owned();
            return self.member(&self.question(asked, unlabelled, false)?, vec![said]);
        }
        if data.near > 0 && !near {
            let headline = "No: neither this point nor a near-duplicate is in the data set.";
            return self.absent(&self.question(asked, unlabelled, true)?, headline, Vec::new());
        }
        let said =
            near.then(|| format!("A near-duplicate is in it: a point at a squared distance of {} or less.", data.near));
        let headline = "No: exactly this point is not in the data set.";
        self.absent(&self.question(asked, unlabelled, false)?, headline, said.into_iter().collect())
    }
}

/// What an owner needs to verify answers: description, commitments, the proof of the data, statements.
fn public_files(dir: &RunDir) -> Result<Vec<u8>> {
    let windows = dir.windows()?.into_iter().map(|index| dir.window(index).statement);
    let files =
        [dir.descriptor(), dir.points(), dir.data_proof()].into_iter().chain(windows).filter(|file| file.exists());
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let failed = |e: &dyn std::fmt::Display| CliError::io(format!("the public files cannot be packed: {e}"));
    for file in files {
        let name = file.strip_prefix(dir.public()).unwrap_or(&file).display();
        archive.start_file(format!("public/{name}"), options).map_err(|e| failed(&e))?;
        archive.write_all(&read(&file)?).map_err(|e| failed(&e))?;
    }
    Ok(archive.finish().map_err(|e| failed(&e))?.into_inner())
}
