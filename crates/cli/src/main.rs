//! The `zkdl` command.
//!
//! | module | what |
//! |---|---|
//! | [`args`] | the command line |
//! | [`config`], [`plan`] | `zkdl.toml`; the run it describes, checked |
//! | [`beacon`], [`start`] | what fixes the order of the data; weights that a run is given |
//! | [`run_dir`], [`atomic`], [`secret`] | the run directory, its files and their encodings |
//! | [`question`] | what is asked about a data set |
//! | [`progress`], [`report`], [`error`] | stderr, stdout, exit codes |
//! | [`memory`], [`clock`] | whether a job fits; how long it takes |
//! | [`cache`] | generators kept between commands |
//! | [`serve`] | the page for owners of data |
//! | the others | one verb each |

mod absent;
mod args;
mod atomic;
mod beacon;
mod bench;
mod cache;
mod certify;
mod check;
mod clock;
mod config;
mod data;
mod doctor;
mod error;
mod estimate;
mod init;
mod inspect;
mod member;
mod memory;
mod plan;
mod premise;
mod progress;
mod prove;
mod question;
mod quickstart;
mod report;
mod run_dir;
mod run_report;
mod secret;
mod serve;
mod start;
mod train;
mod verify;
mod weights;

use args::{Cli, DataVerb, Verb, VerifyArgs};
use clap::Parser;
use error::{CliError, Result};
use progress::Context;
use report::lines_shown;
use std::io::Write;
use std::process::ExitCode;
use verify::Coverage;
use zkdl::statement::Limits;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            // Where stderr is closed, the exit code still tells.
            let _ = writeln!(std::io::stderr(), "error: {}", lines_shown(&error.line()));
            error.code()
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    atomic::clean_up_on_interrupt()?;
    if let Some(threads) = cli.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads)).build_global();
        pool.map_err(|e| CliError::usage("the threads cannot be started").caused_by(e))?;
    }
    let generators = cache::generators(cli.no_cache);
    let context = Context {
        quiet: cli.quiet,
        json: cli.json,
        no_cache: cli.no_cache,
        limits: Limits::default().times(cli.max_cost),
        generators: &generators,
    };
    match cli.verb {
        Verb::Quickstart { dir, epochs } => quickstart::run(context, &dir, epochs)?,
        Verb::Init { dir, data, labels } => init::run(context, &dir, data.as_deref(), labels.as_deref())?,
        Verb::Data(DataVerb::Commit { run, config }) => data::run(context, &run, config.as_deref())?,
        Verb::Data(DataVerb::Show { path }) => return data::show::run(context, &path),
        Verb::Estimate { run, jobs, no_time } => estimate::run(context, &run, jobs, no_time)?,
        Verb::Train { run, beacon } => train::run(context, &run, beacon)?,
        Verb::Check(args) => check::run(context, &args.run, args.window)?,
        Verb::Prove(args) => prove::jobs::run(context, &args)?,
        Verb::Verify(args) => return verify(context, args),
        Verb::Certify(args) => return certify::run(context, &args),
        Verb::Report { run, out, trust } => return run_report::run(context, &run, out.as_deref(), &trust),
        Verb::Weights(verb) => return weights::run(context, &verb),
        Verb::Member(verb) => return member::run(context, &verb),
        Verb::Absent(verb) => return absent::run(context, &verb),
        Verb::Serve(args) => serve::run(context, &args)?,
        Verb::Bench(args) => bench::run(context, &args)?,
        Verb::Doctor { run } => return doctor::run(context, run.as_deref()),
        Verb::Inspect { file } => inspect::run(context, &file)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(context: Context, args: VerifyArgs) -> Result<ExitCode> {
    let expected = verify::Expected {
        model: args.expect_model,
        data: args.expect_data,
        beacon: args.expect_beacon,
        config: args.expect_config,
    };
    let trust = args.trust.trust();
    let signed = match args.certificate.open() {
        Err(error) => return member::refused(context, Err(error)),
        Ok(signed) => signed,
    };
    match (args.dir, args.statement, args.points, args.proof) {
        (Some(dir), ..) => {
            let coverage = if args.partial { Coverage::Part } else { Coverage::Whole };
            let data_proof = args.trust.data_proof.as_deref();
            verify::run_directory(context, &dir, data_proof, &expected, trust, coverage, signed.as_ref())
        }
        (None, Some(statement), Some(points), Some(proof)) => {
            let files = verify::Files { statement, points, proof, data_proof: args.trust.data_proof };
            verify::run_files(context, &files, &expected, trust)
        }
        (None, ..) if let Some(signed) = &signed => certify::alone(context, &args.certificate, signed),
        _ => Err(CliError::usage("give a directory, or --statement, --points, --proof and --data-proof")),
    }
}
