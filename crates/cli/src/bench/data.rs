//! `zkdl bench data`: what it costs to commit to a data set, to prove it, and to answer questions about it.
//!
//! The data are made up: uniform bytes, ten classes. Members are asked for without their label. Verifying starts from the bytes
//! of the files.

use super::memory;
use crate::args::DataBenchArgs;
use crate::clock::Stopwatch;
use crate::error::{CliError, Result};
use crate::progress::Context;
use crate::report::{Table, bytes, emit, grouped, seconds};
use crate::secret::Points;
use serde::Serialize;
use zeroize::Zeroizing;
use zkdl::data_proof::{self, DataProof, choose_log_columns};
use zkdl::points::commit_points;
use zkdl::statement::Limits;
use zkdl::{
    AbsentAnswer, DataSet, MemberAnswer, PointCommitments, ProveError, Query, Question, VerifyError, absence,
    membership,
};
use zkdl_commit::blinds::OsEntropy;
use zkdl_commit::merkle::Tree;
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::{KeyStream, ValueRange};
use zkdl_field::Scalar;

const CLASSES: u32 = 10;
/// Queries of the batch.
const BATCH: usize = 100;

/// Squared distance of near-duplicates, for each feature: uniform bytes are 10,900 apart.
const NEAR: u64 = 1000;

/// Seconds and bytes, two threads or as many as `threads` says.
#[derive(Debug, Default, Serialize)]
struct Measurement {
    workload: &'static str,
    points: u32,
    features: u32,
    threads: usize,
    /// Committing to the points and proving that they are in range.
    commit_s: f64,
    /// Committing alone.
    commit_points_s: f64,
    data_proof_s: f64,
    data_verify_s: f64,
    data_proof_bytes: usize,
    /// Point commitments.
    points_bytes: usize,
    member_prove_s: f64,
    member_verify_s: f64,
    member_bytes: usize,
    absent_prove_s: f64,
    absent_verify_s: f64,
    absent_bytes: usize,
    absent_batch100_prove_s: f64,
    absent_batch100_verify_s: f64,
    /// The proof of the batch, without the queries that its file repeats.
    absent_batch100_proof_bytes: usize,
    /// That no point is within the data set's squared distance.
    within_prove_s: f64,
    within_verify_s: f64,
    within_bytes: usize,
    peak_rss_bytes: Option<u64>,
}

/// Runs the verb.
pub(super) fn run(context: Context, args: &DataBenchArgs) -> Result<()> {
    let needed = u64::from(args.points).saturating_mul(8 * u64::from(args.features) + 4096);
    memory::refuse_above(needed, "this data set", "measure fewer points with --points")?;
    context.device();
    let mut bench = Bench::commit(context, args)?;
    bench.prove_data(context)?;
    bench.member(context)?;
    let strangers: Vec<Query> = (0..BATCH).map(|_| bench.stranger()).collect();
    let (prove, verify, answer) = bench.absent(context, bench.question(strangers[..1].to_vec()))?;
    let file = answer.encode().len();
    let m = &mut bench.measured;
    (m.absent_prove_s, m.absent_verify_s, m.absent_bytes) = (prove, verify, file);
    let (prove, verify, answer) = bench.absent(context, bench.question(strangers.clone()))?;
    let m = &mut bench.measured;
    (m.absent_batch100_prove_s, m.absent_batch100_verify_s) = (prove, verify);
    m.absent_batch100_proof_bytes = answer.body.len();
    let near = Question { within: true, ..bench.question(strangers[..1].to_vec()) };
    let (prove, verify, answer) = bench.absent(context, near)?;
    let file = answer.encode().len();
    let m = &mut bench.measured;
    (m.within_prove_s, m.within_verify_s, m.within_bytes) = (prove, verify, file);
    m.peak_rss_bytes = memory::peak();
    emit(&if context.json { m.json()? } else { m.text() })
}

/// A data set that is committed.
struct Bench {
    stream: KeyStream,
    data: Descriptor,
    points: Points,
    blinds: Zeroizing<Vec<Scalar>>,
    /// What everybody holds of it.
    public: Vec<u8>,
    measured: Measurement,
}

impl Bench {
    fn commit(context: Context, args: &DataBenchArgs) -> Result<Self> {
        let mut stream = KeyStream::derive("zkdl/bench/data", &[]);
        let values = args.points as usize * args.features as usize;
        let features = Zeroizing::new((0..values).map(|_| (stream.next_word() & 255) as i32).collect::<Vec<_>>());
        let labels = (0..args.points).map(|_| (stream.next_word() % u64::from(CLASSES)) as u32).collect::<Vec<_>>();
        let points = Points { features, labels: Zeroizing::new(labels) };
        let mut data = Descriptor::uniform(args.points, args.features, CLASSES, ValueRange { min: 0, max: 255 }, 8);
        data.near = u64::from(args.features) * NEAR;
        data.validate().map_err(|e| CliError::usage("this cannot be measured").caused_by(e))?;
        let mut watch = Stopwatch::start();
        let generators = context.generators.first((args.features + CLASSES) as usize);
        let classes = CLASSES as usize;
        let rows = commit_points(&generators, &points.features, &points.labels, classes, &mut OsEntropy);
        let rows = rows.map_err(refused)?;
        let public = PointCommitments(rows.rows);
        data.root = public.root(&data).map_err(refused)?;
        let time = watch.lap().wall;
        let measured = Measurement {
            workload: "data",
            points: args.points,
            features: args.features,
            threads: rayon::current_num_threads(),
            commit_points_s: time,
            points_bytes: public.encode().len(),
            ..Measurement::default()
        };
        Ok(Self { stream, data, points, blinds: rows.blinds, public: public.encode(), measured })
    }

    fn set(&self) -> DataSet<'_> {
        DataSet { features: &self.points.features, labels: &self.points.labels, blinds: &self.blinds }
    }

    fn prove_data(&mut self, context: Context) -> Result<()> {
        let mut watch = Stopwatch::start();
        let log_columns = choose_log_columns(&self.data, &Limits::default()).map_err(refused)?;
        let spinner = context.spinner("proving the data");
        let proof = data_proof::prove(&self.data, log_columns, self.set(), context.generators, &mut |_| ());
        spinner.finish_and_clear();
        let proof = proof.map_err(refused)?.encode();
        self.measured.data_proof_s = watch.lap().wall;
        self.measured.commit_s = self.measured.commit_points_s + self.measured.data_proof_s;
        self.measured.data_proof_bytes = proof.len();
        watch.lap();
        let verify = || -> std::result::Result<_, VerifyError> {
            let (points, proof) = (PointCommitments::decode(&self.public)?, DataProof::decode(&proof)?);
            data_proof::verify(&self.data, &points, &proof, &Limits::default(), context.generators)
        };
        verify().map_err(not_accepted)?;
        self.measured.data_verify_s = watch.lap().wall;
        Ok(())
    }

    fn question(&self, queries: Vec<Query>) -> Question {
        Question { data: self.data.clone(), nonce: [7; 32], context: None, within: false, queries }
    }

    /// A point in the middle.
    fn member(&mut self, context: Context) -> Result<()> {
        let width = self.data.features as usize;
        let first = self.points.labels.len() / 2 * width;
        let features = self.points.features[first..first + width].to_vec();
        let question = self.question(vec![Query { features, label: None }]);
        let points = PointCommitments::decode(&self.public).map_err(refused)?;
        let mut watch = Stopwatch::start();
        let tree = Tree::new(&points.0).map_err(refused)?;
        let answer = membership::prove(&question, self.set(), &points, &tree, context.generators).map_err(refused)?;
        let answer = answer.encode();
        self.measured.member_prove_s = watch.lap().wall;
        self.measured.member_bytes = answer.len();
        watch.lap();
        let verify = || -> std::result::Result<_, VerifyError> {
            membership::verify(&question, &MemberAnswer::decode(&answer)?, context.generators)
        };
        verify().map_err(not_accepted)?;
        self.measured.member_verify_s = watch.lap().wall;
        Ok(())
    }

    /// A point that is not there, but for a chance of N / 256^d.
    fn stranger(&mut self) -> Query {
        let features = (0..self.data.features).map(|_| (self.stream.next_word() & 255) as i32).collect();
        Query { features, label: None }
    }

    fn absent(&self, context: Context, question: Question) -> Result<(f64, f64, AbsentAnswer)> {
        let spinner = context.spinner("proving absence");
        let mut watch = Stopwatch::start();
        let answer = absence::prove(&question, self.set(), context.generators);
        let prove = watch.lap().wall;
        spinner.finish_and_clear();
        let answer = answer.map_err(|error| match error {
            ProveError::Member | ProveError::Near => {
                CliError::usage("a random point was in the data set: more --features, please")
            }
            other => refused(other),
        })?;
        let encoded = answer.encode();
        watch.lap();
        let verify = || -> std::result::Result<_, VerifyError> {
            let points = PointCommitments::decode(&self.public)?;
            absence::verify(&question, &AbsentAnswer::decode(&encoded)?, &points, context.generators)
        };
        verify().map_err(not_accepted)?;
        Ok((prove, watch.lap().wall, answer))
    }
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> CliError {
    CliError::usage("this data set cannot be measured").caused_by(error)
}

fn not_accepted(error: VerifyError) -> CliError {
    CliError::invalid("a proof was not accepted: please report this").caused_by(error)
}

impl Measurement {
    fn json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| CliError::io("the measurement cannot be written").caused_by(e))
    }

    fn text(&self) -> String {
        let mut table = Table::new();
        let size = |n: usize| bytes(n as u64);
        let both = |prove: f64, verify: f64| format!("{}, {}", seconds(prove), seconds(verify));
        table.row("points, features", format!("{}, {}", grouped(u64::from(self.points)), self.features));
        table.row("commit to the points", seconds(self.commit_points_s));
        table.row("prove, verify the data", both(self.data_proof_s, self.data_verify_s));
        table
            .row("  proof, point commitments", format!("{}, {}", size(self.data_proof_bytes), size(self.points_bytes)));
        table.row("member: prove, verify", both(self.member_prove_s, self.member_verify_s));
        table.row("  answer", size(self.member_bytes));
        table.row("absent: prove, verify", both(self.absent_prove_s, self.absent_verify_s));
        table.row("  answer", size(self.absent_bytes));
        table.row("100 absent: prove, verify", both(self.absent_batch100_prove_s, self.absent_batch100_verify_s));
        table.row("  proof", size(self.absent_batch100_proof_bytes));
        table.row("nothing near: prove, verify", both(self.within_prove_s, self.within_verify_s));
        table.row("  answer", size(self.within_bytes));
        if let Some(peak) = self.peak_rss_bytes {
            table.row("peak memory", bytes(peak));
        }
        table.row("threads", self.threads.to_string());
        table.text()
    }
}
