//! What `member` and `absent` have in common: the question, from the files and numbers that both sides hold.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::data::{decoded, describe};
use crate::error::{CliError, Result};
use crate::run_dir::{RunDir, read};
use crate::verify::{self, NOT_ONE_RUN};
use std::path::{Path, PathBuf};
use zkdl::statement::hex;
use zkdl::{PointCommitments, Query, Question, Statement, chain, data_set};
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::query::{read_csv_queries, read_png_query};

/// First bytes of a PNG file.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What is asked about.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Asked {
    /// The point: a PNG image, or a CSV file with a header line and a point a line, its label last or left out
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) query: Vec<PathBuf>,
    /// Which line of the CSV files, the first below the header being 0; all of them if not given
    #[arg(long, value_name = "N")]
    pub(crate) row: Option<usize>,
    /// The label of the point
    #[arg(long, value_name = "CLASS", conflicts_with = "any_label")]
    pub(crate) label: Option<u32>,
    /// Ask for the features alone, whatever label they have
    #[arg(long)]
    pub(crate) any_label: bool,
    /// 64 hexadecimal digits that the asking side drew for this question
    #[arg(long, value_name = "HEX", value_parser = crate::config::digest)]
    pub(crate) nonce: [u8; 32],
    /// The statement of a training proof that the question is about
    #[arg(long, value_name = "FILE")]
    pub(crate) statement: Option<PathBuf>,
}

/// Which points count as those asked about.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Within {
    /// Near-duplicates too, whatever their labels: points at this squared Euclidean distance or less, in integers as committed.
    /// It is fixed with the data set: `near` in zkdl.toml. Equal points only, if not given
    #[arg(long, value_name = "D", conflicts_with = "label")]
    pub(crate) within: Option<u64>,
}

impl Within {
    /// Equal points only.
    pub(crate) const EXACT: Self = Self { within: None };

    /// Whether near-duplicates count; their distance is the data set's.
    fn check(self, data: &Descriptor) -> Result<bool> {
        match self.within {
            Some(0) => Err(CliError::usage("--within 0 is equality: leave it out")),
            Some(distance) if distance != data.near => {
                let fixed = match data.near {
                    0 => "fixes no distance (`near` in zkdl.toml, before the data are committed)".to_owned(),
                    near => format!("fixes the squared distance {near}"),
                };
                Err(CliError::usage(format!(
                    "--within {distance}: the data set {fixed}, and no other can be asked for"
                )))
            }
            within => Ok(within.is_some()),
        }
    }
}

/// What an owner of data holds of a data set.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Public {
    /// A copy of the trainer's public directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["data", "points"])]
    pub(crate) public: Option<PathBuf>,
    /// The description of the data set, data.zkdl
    #[arg(long, value_name = "FILE", required_unless_present = "public")]
    pub(crate) data: Option<PathBuf>,
    /// The commitments to its points, points.zkdl; needed for answers that say "absent"
    #[arg(long, value_name = "FILE")]
    pub(crate) points: Option<PathBuf>,
}

impl Public {
    fn dir(&self) -> Option<RunDir> {
        self.public.as_deref().map(RunDir::for_auditor)
    }

    /// The description.
    pub(crate) fn descriptor(&self) -> Result<Descriptor> {
        match (self.dir(), &self.data) {
            (Some(dir), _) => describe(&dir),
            (None, Some(path)) => decoded(data_set::decode(&read(path)?), path),
            (None, None) => Err(CliError::usage("give --public DIR or --data FILE")),
        }
    }

    /// The commitments.
    pub(crate) fn points(&self) -> Result<PointCommitments> {
        let path = match (self.dir(), &self.points) {
            (Some(dir), _) => dir.points(),
            (None, Some(path)) => path.clone(),
            (None, None) => {
                return Err(CliError::usage("give --points FILE: who says \"absent\" speaks of all points"));
            }
        };
        decoded(PointCommitments::decode(&read(&path)?), &path)
    }

    /// The proof that the points are in range, if there is a directory to have it.
    pub(crate) fn data_proof(&self) -> Option<PathBuf> {
        self.dir().map(|dir| dir.data_proof())
    }

    /// What the statements in a public directory say: one for each run of adjoining windows.
    pub(crate) fn claims(&self) -> Result<Vec<Statement>> {
        let Some(dir) = self.dir() else { return Ok(Vec::new()) };
        Ok(statements(&dir)?.1)
    }
}

/// The statements in a public directory, and what they say together.
pub(crate) fn statements(dir: &RunDir) -> Result<(Vec<Statement>, Vec<Statement>)> {
    let windows = dir.windows()?.into_iter().map(|index| dir.window(index).statement);
    let statements: Vec<Statement> =
        windows.map(|path| verify::decoded(Statement::decode(&read(&path)?), &path)).collect::<Result<_>>()?;
    let together = chain::stretches(&statements);
    let failed = |e| CliError::usage(format!("{}: {NOT_ONE_RUN}", dir.public().display())).caused_by(e);
    Ok((statements, together.map_err(failed)?))
}

impl Asked {
    /// The question about this data set; only absence is asked of near-duplicates.
    pub(crate) fn question(&self, data: Descriptor, within: Within) -> Result<Question> {
        let within = within.check(&data)?;
        let context = match &self.statement {
            Some(path) => Some(self.context(path, &data)?),
            None => None,
        };
        let queries = self.queries(&data, within)?;
        let question = Question { data, nonce: self.nonce, context, within, queries };
        question.validate().map_err(|e| CliError::usage("this cannot be asked").caused_by(e))?;
        Ok(question)
    }

    /// The digest of a statement about these data.
    fn context(&self, path: &Path, data: &Descriptor) -> Result<[u8; 32]> {
        let statement = decoded(Statement::decode(&read(path)?), path)?;
        if statement.data == *data {
            return Ok(statement.digest());
        }
        let (theirs, ours) = (hex(&statement.data.root), hex(&data.root));
        let what = format!("{} is about the data {theirs}, the question about {ours}", path.display());
        Err(CliError::usage(what))
    }

    fn queries(&self, data: &Descriptor, within: bool) -> Result<Vec<Query>> {
        let mut queries = Vec::new();
        for path in &self.query {
            queries.extend(read_queries(&read(path)?, &path.display().to_string(), data)?);
        }
        if let Some(row) = self.row {
            let all = queries.len();
            let next =
                || CliError::usage(format!("there is no row {row}: the files hold {all} points, counted from 0"));
            queries = vec![queries.into_iter().nth(row).ok_or_else(next)?];
        }
        for query in &mut queries {
            query.label = if self.any_label || within { None } else { self.label.or(query.label) };
        }
        Ok(queries)
    }
}

/// The points in the contents of a file.
pub(crate) fn read_queries(bytes: &[u8], name: &str, data: &Descriptor) -> Result<Vec<Query>> {
    let refused = |e| CliError::usage("the query is refused").caused_by(e);
    let queries = if bytes.starts_with(PNG) {
        vec![read_png_query(bytes, data).map_err(refused)?]
    } else {
        read_csv_queries(bytes, name, data).map_err(refused)?
    };
    Ok(queries.into_iter().map(|query| Query { features: query.features, label: query.label }).collect())
}
