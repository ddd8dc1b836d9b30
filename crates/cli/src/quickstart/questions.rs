//! The last step of the quickstart: an owner asks whether an image is in the data set, and about a copy with one pixel changed.

use super::{DIGITS, quoted};
use crate::atomic::{self, Access};
use crate::clock::Stopwatch;
use crate::error::{CliError, Result};
use crate::member::{self, Uses};
use crate::plan::Run;
use crate::premise::Known;
use crate::progress::Context;
use crate::question::read_queries;
use crate::{absent, data};
use std::path::{Path, PathBuf};
use zkdl::membership::find;
use zkdl::statement::hex;
use zkdl::{DataSet, Query, Question, Statement, VerifyError, absence, membership};

/// The two points, an answer to each.
pub(super) const ASKED: &str = "asked.csv";
pub(super) const MEMBER: &str = "member.answer";
pub(super) const ABSENT: &str = "absent.answer";

/// An answer that was given and verified.
pub(super) struct Answered {
    pub(super) what: &'static str,
    /// Seconds of proving and of verifying.
    pub(super) times: [f64; 2],
    pub(super) bytes: usize,
    pub(super) lines: Vec<String>,
    file: PathBuf,
}

/// Asks and answers both questions about a run that was verified.
pub(super) fn ask(
    context: Context,
    run: &Run,
    root: &Path,
    (statement, known): (&Statement, &Known),
    nonce: [u8; 32],
) -> Result<[Answered; 2]> {
    let data = data::open(&run.dir)?;
    let set = DataSet { features: &data.train.features, labels: &data.train.labels, blinds: &data.blinds };
    let points = data::public_points(&run.dir)?;
    let (image, copy) = points_of_interest(&data.descriptor, set)?;
    atomic::write(&root.join(ASKED), table(&[&image, &copy]).as_bytes(), Access::Public)?;
    let question = |query: Query| Question {
        data: data.descriptor.clone(),
        nonce,
        context: None,
        within: false,
        queries: vec![query],
    };
    let asked = question(image);
    let mut watch = Stopwatch::start();
    let answer = member::answer(context, &asked, set, &points)?;
    let prove = watch.lap().wall;
    membership::verify(&asked, &answer, context.generators).map_err(not_accepted)?;
    let times = [prove, watch.lap().wall];
    let lines = member::in_words(&asked, answer.index, &[Uses::new(statement, &asked, answer.index)?]);
    let member = Answered::save("member", times, &answer.encode(), lines, root.join(MEMBER))?;

    let asked = question(copy);
    watch.lap();
    let answer = absent::answer(context, &asked, set)?;
    let prove = watch.lap().wall;
    absence::verify(&asked, &answer, &points, context.generators).map_err(not_accepted)?;
    let times = [prove, watch.lap().wall];
    let lines = absent::in_words(&asked, Some(known));
    let absent = Answered::save("absent", times, &answer.encode(), lines, root.join(ABSENT))?;
    Ok([member, absent])
}

/// The first image of the example data that was committed, and a copy of it with one pixel changed that was not.
fn points_of_interest(data: &zkdl_dataset::Descriptor, set: DataSet<'_>) -> Result<(Query, Query)> {
    let known = |query: &Query| find(set.features, set.labels, query).is_some();
    let missing = || CliError::usage("the example data hold no such image");
    let image =
        read_queries(DIGITS.as_bytes(), "the example data", data)?.into_iter().find(known).ok_or_else(missing)?;
    let changed = |pixel: usize| {
        let mut copy = image.clone();
        let value = copy.features.get_mut(pixel)?;
        *value += if *value < data.range(pixel).max { 1 } else { -1 };
        Some(copy)
    };
    let copy = (0..image.features.len()).filter_map(changed).find(|copy| !known(copy)).ok_or_else(missing)?;
    Ok((image, copy))
}

/// The example data's header and these points.
fn table(points: &[&Query]) -> String {
    let header = DIGITS.lines().next().unwrap_or_default().to_owned();
    let line = |point: &&Query| {
        let label = point.label.iter().map(u32::to_string);
        point.features.iter().map(i32::to_string).chain(label).collect::<Vec<_>>().join(",")
    };
    [header].into_iter().chain(points.iter().map(line)).collect::<Vec<_>>().join("\n") + "\n"
}

fn not_accepted(error: VerifyError) -> CliError {
    CliError::invalid("an answer was not accepted: please report this").caused_by(error)
}

impl Answered {
    fn save(what: &'static str, times: [f64; 2], answer: &[u8], lines: Vec<String>, file: PathBuf) -> Result<Self> {
        atomic::write(&file, answer, Access::Public)?;
        Ok(Self { what, times, bytes: answer.len(), lines, file })
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let [prove, verify] = self.times;
        serde_json::json!({
            "answer": self.what, "prove_s": prove, "verify_s": verify, "bytes": self.bytes, "file": self.file,
        })
    }

    /// The command lines of trainer and owner.
    pub(super) fn commands(&self, zkdl: &str, run: &Run, root: &Path, nonce: &[u8; 32]) -> [String; 2] {
        let (what, answer) = (self.what, quoted(&self.file));
        let row = usize::from(what == "absent");
        let asked = format!("--query {} --row {row} --nonce {}", quoted(&root.join(ASKED)), hex(nonce));
        [
            format!("{zkdl} {what} prove {} {asked} -o {answer}", quoted(root)),
            format!("{zkdl} {what} verify {answer} {asked} --public {}", quoted(run.dir.public())),
        ]
    }
}
