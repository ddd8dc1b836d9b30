//! The command line: every option once.

use crate::bench::{Network, Standard, format as bench_format};
use crate::config::digest;
use crate::premise::TrustArgs;
use crate::question::{Asked, Public, Within};
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use zkdl::columns::Preference;
use zkdl_train::Format;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or the proof is valid
  1  INVALID: the proof is false or malformed, belongs to other files, or names something else than --expect-.. says;
     `check` found a violated equation
  2  wrong usage, configuration or data; a statement or points file of another kind; a job that does not fit
  3  a file cannot be read or written
  130  interrupted

stdout has only the result; progress goes to stderr, and only to a terminal.";

/// Prove that a model was trained as declared, without showing data or weights.
#[derive(Debug, Parser)]
#[command(name = "zkdl", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// No progress and no notices.
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// The result as one JSON object.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Threads to use; all cores by default. Results do not depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Derive all generators; leave the cache ($ZKDL_CACHE_DIR, or ~/.cache/zkdl) alone. Results do not depend on it.
    #[arg(long, global = true)]
    pub(crate) no_cache: bool,
    /// How much work a file from elsewhere may ask of a verifier, in units of some seconds and a few GiB on a laptop
    #[arg(long, global = true, value_name = "FACTOR", default_value_t = 1.0, value_parser = cost)]
    pub(crate) max_cost: f64,
}

/// A number above 0.
fn cost(text: &str) -> Result<f64, String> {
    let factor = text.parse().map_err(|e: std::num::ParseFloatError| e.to_string())?;
    if factor > 0.0 && factor <= 1e6 { Ok(factor) } else { Err("give a number above 0, at most 1e6".into()) }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Train on handwritten digits, prove an epoch, verify the proof: everything once, in about a minute
    Quickstart {
        /// Where the run is kept; an earlier quickstart there is replaced
        #[arg(long, default_value = "zkdl-quickstart")]
        dir: PathBuf,
        /// Epochs to train
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
        epochs: u64,
    },
    /// Write a commented configuration, DIR/zkdl.toml
    Init {
        /// The run directory to make
        dir: PathBuf,
        /// A file of points, to take sizes and range from: CSV, .npy, .npz, IDX or a batch of CIFAR-10
        #[arg(long, value_name = "FILE")]
        data: Option<PathBuf>,
        /// The file of their labels, for .npy and IDX
        #[arg(long, value_name = "FILE", requires = "data")]
        labels: Option<PathBuf>,
    },
    /// The training data
    #[command(subcommand)]
    Data(DataVerb),
    /// Say what a run will take, before any of it is done: seconds on this machine, measured on a sample, memory and bytes
    Estimate {
        /// The run directory: its configuration, and data that are committed or not
        run: PathBuf,
        /// Windows that are proven at a time, as in prove
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
        jobs: Option<u16>,
        /// Memory and bytes alone: runs nothing
        #[arg(long)]
        no_time: bool,
    },
    /// Train all epochs; goes on where a killed run stopped
    Train {
        /// The run directory
        run: PathBuf,
        /// Fixes the order of the data and the starting weights, once: 64 hexadecimal digits that nobody could know when the
        /// data were committed, from an auditor or a public beacon
        #[arg(long, value_name = "HEX", value_parser = digest)]
        beacon: Option<[u8; 32]>,
    },
    /// Check every equation of a window, without cryptography
    Check(WindowArgs),
    /// Prove all windows, or some; those that are proven already stay as they are
    Prove(ProveArgs),
    /// Verify a proof, from files alone
    #[command(after_help = EXIT_CODES)]
    Verify(VerifyArgs),
    /// Verify a whole run and, only if all of it is true, sign what was verified: an in-toto statement in a DSSE envelope, and an
    /// OpenSSF Model Signing bundle of the weights
    #[command(after_help = EXIT_CODES)]
    Certify(CertifyArgs),
    /// Verify a run, and write a page about it: loss and accuracy, the statement in words, the windows, time and bytes
    #[command(after_help = EXIT_CODES)]
    Report {
        /// The run directory
        run: PathBuf,
        /// Where the page goes; RUN/report.html by default
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        trust: TrustArgs,
    },
    /// The final weights as safetensors
    #[command(subcommand)]
    Weights(WeightsVerb),
    /// Prove or verify that a point is in the committed data set
    #[command(subcommand)]
    Member(MemberVerb),
    /// Prove or verify that points are not in the committed data set
    #[command(subcommand)]
    Absent(AbsentVerb),
    /// A page on which owners of data ask whether theirs was used, and get answers that anyone can verify
    Serve(ServeArgs),
    /// Measure training, proving and verifying on a standard workload or on any network, without files
    Bench(Box<BenchArgs>),
    /// Say whether this machine can do the work, how a run stands and which command comes next; changes nothing
    Doctor {
        /// The run directory
        run: Option<PathBuf>,
    },
    /// Show what a file is and what is in it
    Inspect {
        /// The file
        file: PathBuf,
    },
}

/// Verbs about data.
#[derive(Debug, Subcommand)]
pub(crate) enum DataVerb {
    /// Commit to the training points; again with the same points, it changes nothing
    Commit {
        /// The run directory
        run: PathBuf,
        /// A configuration to copy into the run directory first
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Show what is public about a data set, and verify that its commitments and its proof belong to it
    #[command(after_help = EXIT_CODES)]
    Show {
        /// A run directory, a copy of its public directory, or a description, data.zkdl
        path: PathBuf,
    },
}

/// Where the page is, and how much it gives.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The run directory: its secrets answer, its statements say in which steps a point was used
    pub(crate) run: PathBuf,
    /// Address and port; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8421")]
    pub(crate) listen: SocketAddr,
    /// Let others than this machine reach it: a proxy in front does TLS
    #[arg(long)]
    pub(crate) behind_proxy: bool,
    /// Requests a minute from one address; eight times as many from all together
    #[arg(long, value_name = "N", default_value = "60")]
    pub(crate) per_minute: NonZeroU32,
}

/// Verbs about weights.
#[derive(Debug, Subcommand)]
pub(crate) enum WeightsVerb {
    /// Write the final weights, as float32 and as the exact integers, with a proof that they are what the last window commits to
    Export {
        /// The run directory
        run: PathBuf,
        /// Instead the weights that the run was given, which its first window commits to: into RUN/start
        #[arg(long)]
        start: bool,
    },
    /// Decide the class of points with the final weights, exactly as training computes: a class a line
    Predict {
        /// The run directory
        run: PathBuf,
        /// The points: a CSV file with the columns of the data, or a PNG image
        #[arg(long, value_name = "FILE")]
        query: PathBuf,
    },
    /// Verify that a file of weights holds what a proven run ends with, or was given to start from
    #[command(visible_alias = "open", after_help = EXIT_CODES)]
    Verify {
        /// The weights, float32 or integers, as `weights export` wrote them
        weights: PathBuf,
        /// The proof; weights.proof beside the weights by default
        #[arg(long, value_name = "FILE")]
        proof: Option<PathBuf>,
        /// The statement of the last window of the run, or of the first for weights that it was given
        #[arg(long, value_name = "FILE", conflicts_with = "public")]
        statement: Option<PathBuf>,
        /// A run directory, or a copy of its public directory, that has this statement
        #[arg(long, value_name = "DIR")]
        public: Option<PathBuf>,
    },
}

/// What to certify, and who signs.
#[derive(Debug, Args)]
pub(crate) struct CertifyArgs {
    /// The run directory: the certificate is written there, and model.sig if its model directory has weights
    pub(crate) run: PathBuf,
    /// The private key: ECDSA P-256, PKCS#8 or SEC1 in PEM, as `openssl genpkey -algorithm EC -pkeyopt
    /// ec_paramgen_curve:P-256` makes it
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Make the key first, in a file that does not exist yet
    #[arg(long)]
    pub(crate) new_key: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// A certificate, and the key that it is believed under.
#[derive(Debug, Args)]
pub(crate) struct CertificateArgs {
    /// A certificate: with a run directory, it must say exactly what is verified; alone, only its signature is checked
    #[arg(long, value_name = "FILE", requires = "signer", conflicts_with_all = ["statement", "partial"])]
    pub(crate) certificate: Option<PathBuf>,
    /// The public key that the certificate is believed under, from somebody you trust
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) signer: Option<PathBuf>,
    /// A file of weights that a certificate alone must vouch for
    #[arg(long, value_name = "FILE", requires = "certificate", conflicts_with = "dir")]
    pub(crate) weights: Option<PathBuf>,
}

/// Verbs about a point that is in the data set.
#[derive(Debug, Subcommand)]
pub(crate) enum MemberVerb {
    /// Answer that a point is in the data set: for the trainer
    Prove {
        /// The run directory
        run: PathBuf,
        #[command(flatten)]
        asked: Asked,
        /// Where the answer goes
        #[arg(short, long, value_name = "FILE", default_value = "member.answer")]
        out: PathBuf,
    },
    /// Verify such an answer, from files alone: for the owner of the point
    #[command(after_help = EXIT_CODES)]
    Verify {
        /// The answer
        answer: PathBuf,
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        public: Public,
    },
}

/// Verbs about points that are not in the data set.
#[derive(Debug, Subcommand)]
pub(crate) enum AbsentVerb {
    /// Answer that points are not in the data set, up to 1,024 at once: for the trainer
    Prove {
        /// The run directory
        run: PathBuf,
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        within: Within,
        /// Where the answer goes
        #[arg(short, long, value_name = "FILE", default_value = "absent.answer")]
        out: PathBuf,
    },
    /// Verify such an answer, from files alone: for the owner of the points
    #[command(after_help = EXIT_CODES)]
    Verify {
        /// The answer
        answer: PathBuf,
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        within: Within,
        #[command(flatten)]
        public: Public,
        #[command(flatten)]
        trust: TrustArgs,
    },
}

/// A window of a run.
#[derive(Debug, Args)]
pub(crate) struct WindowArgs {
    /// The run directory
    pub(crate) run: PathBuf,
    /// Number of the window, from 0
    #[arg(long, default_value_t = 0)]
    pub(crate) window: u64,
}

/// Windows of a run.
#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// The run directory
    pub(crate) run: PathBuf,
    /// Only this window, counted from 0
    #[arg(long, value_name = "I", conflicts_with = "windows")]
    pub(crate) window: Option<u64>,
    /// Only windows I up to, not including, J; or from I to the last: any part of a run is proven on any machine that has a copy
    /// of its directory, in any order
    #[arg(long, value_name = "I..J", value_parser = WindowRange::parse)]
    pub(crate) windows: Option<WindowRange>,
    /// Windows to prove at a time; by default as many as there are threads and memory for
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Prove again what is proven already
    #[arg(long)]
    pub(crate) again: bool,
}

/// `I..J`, or `I..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WindowRange {
    /// The first.
    pub(crate) start: u64,
    /// The one after the last, if that is said.
    pub(crate) end: Option<u64>,
}

impl WindowRange {
    fn parse(text: &str) -> Result<Self, String> {
        let refused =
            || format!("{text:?} is no range of windows: write 3..7 for windows 3, 4, 5, 6, or 3.. for all from 3");
        let (start, end) = text.split_once("..").ok_or_else(refused)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| refused());
        Ok(Self { start: number(start)?, end: if end.is_empty() { None } else { Some(number(end)?) } })
    }
}

/// Other things to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchVerb {
    /// Measure committing to a data set of random bytes, proving it, and answering questions about it
    Data(DataBenchArgs),
}

/// A data set to measure.
#[derive(Debug, Args)]
pub(crate) struct DataBenchArgs {
    /// Points
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) points: u32,
    /// Features of a point, a byte each
    #[arg(long, value_name = "D", default_value_t = 784, value_parser = clap::value_parser!(u32).range(1..=1 << 18))]
    pub(crate) features: u32,
}

/// What to measure.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct BenchArgs {
    /// Something else than a network
    #[command(subcommand)]
    pub(crate) what: Option<BenchVerb>,
    /// The workload
    #[arg(value_enum, conflicts_with = "network")]
    pub(crate) workload: Option<Standard>,
    /// Another network: features, hidden widths, classes, as in 784-512-512-10; its data are made up
    #[arg(long, value_name = "WIDTHS", value_parser = Network::parse)]
    pub(crate) network: Option<Network>,
    /// Examples a step of another network
    #[arg(long, value_name = "B", default_value_t = 64, conflicts_with = "workload")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) batch: u32,
    /// Learning rate of another network; a 256th of the batch by default
    #[arg(long, value_name = "RATE", conflicts_with = "workload", allow_negative_numbers = true)]
    pub(crate) rate: Option<f64>,
    /// Fraction bits of activations and gradients, bits of P and of K and G: f_a,f_g,q,q_g as in zkdl.toml, whose defaults
    /// are the default here
    #[arg(long, value_name = "BITS", value_parser = bench_format)]
    pub(crate) format: Option<Format>,
    /// Steps of a window
    #[arg(long, value_name = "T", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(crate) steps: u32,
    /// What the columns of committed rows are chosen for: verifier, size or prover; size for the large workloads, else
    /// verifier
    #[arg(long, value_name = "WHAT")]
    pub(crate) prefer: Option<Preference>,
    /// How often the window is measured; shown is the run of median proving time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) runs: u16,
}

/// What to verify, and what to compare it with.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A run directory, or a copy of its public directory: verify at once that all its windows are true, and that they are the
    /// whole run
    #[arg(conflicts_with_all = ["statement", "points", "proof"])]
    pub(crate) dir: Option<PathBuf>,
    /// The statement (binary)
    #[arg(long, value_name = "FILE", requires_all = ["points", "proof"])]
    pub(crate) statement: Option<PathBuf>,
    /// The commitments to the data points
    #[arg(long, value_name = "FILE", requires_all = ["statement", "proof"])]
    pub(crate) points: Option<PathBuf>,
    /// The proof
    #[arg(long, value_name = "FILE", requires_all = ["statement", "points"])]
    pub(crate) proof: Option<PathBuf>,
    /// Be content with the windows that are there: the verdict says which steps they cover
    #[arg(long, requires = "dir")]
    pub(crate) partial: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) certificate: CertificateArgs,
    /// Digest of the model that the proof must be about
    #[arg(long, value_name = "HEX", value_parser = digest)]
    pub(crate) expect_model: Option<[u8; 32]>,
    /// Root of the data that the proof must be about
    #[arg(long, value_name = "HEX", value_parser = digest)]
    pub(crate) expect_data: Option<[u8; 32]>,
    /// What must have fixed the order of the data and the starting weights
    #[arg(long, value_name = "HEX", value_parser = digest)]
    pub(crate) expect_beacon: Option<[u8; 32]>,
    /// Digest of the configuration that the proof must be about
    #[arg(long, value_name = "HEX", value_parser = digest)]
    pub(crate) expect_config: Option<[u8; 32]>,
}
