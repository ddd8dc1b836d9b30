//! The `zkdl` command.
//!
//! | module | what |
//! |---|---|
//! | [`args`] | the command line |
//! | [`config`], [`plan`] | `zkdl.toml`; the run it describes, checked |
//! | [`run_dir`], [`atomic`], [`secret`] | the run directory, its files and their encodings |
//! | [`progress`], [`report`], [`error`] | stderr, stdout, exit codes |
//! | [`memory`], [`clock`] | whether a job fits; how long it takes |
//! | [`cache`] | generators kept between commands |
//! | the others | one verb each |

mod args;
mod atomic;
mod bench;
mod cache;
mod check;
mod clock;
mod config;
mod data;
mod error;
mod init;
mod inspect;
mod memory;
mod plan;
mod progress;
mod prove;
mod quickstart;
mod report;
mod run_dir;
mod secret;
mod train;
mod verify;

use args::{Cli, DataVerb, Verb, VerifyArgs};
use clap::Parser;
use error::{CliError, Result};
use progress::Context;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            // Where stderr is closed, the exit code still tells.
            let _ = writeln!(std::io::stderr(), "error: {}", error.line());
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
    let context = Context { quiet: cli.quiet, json: cli.json, no_cache: cli.no_cache, generators: &generators };
    match cli.verb {
        Verb::Quickstart { dir, epochs } => quickstart::run(context, &dir, epochs)?,
        Verb::Init { dir, data, labels } => init::run(context, &dir, data.as_deref(), labels.as_deref())?,
        Verb::Data(DataVerb::Commit { run, config }) => data::run(context, &run, config.as_deref())?,
        Verb::Train { run } => train::run(context, &run)?,
        Verb::Check(args) => check::run(context, &args.run, args.window)?,
        Verb::Prove(args) => prove::run(context, &args.run, args.window)?,
        Verb::Verify(args) => return verify(context, args),
        Verb::Bench(args) => bench::run(context, &args)?,
        Verb::Inspect { file } => inspect::run(context, &file)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(context: Context, args: VerifyArgs) -> Result<ExitCode> {
    let expected = verify::Expected { model: args.expect_model, data: args.expect_data, config: args.expect_config };
    match (args.dir, args.statement, args.points, args.proof) {
        (Some(dir), ..) => verify::run_directory(context, &dir, &expected),
        (None, Some(statement), Some(points), Some(proof)) => {
            verify::run_files(context, &verify::Files { statement, points, proof }, &expected)
        }
        _ => Err(CliError::usage("give a directory, or --statement, --points and --proof")),
    }
}
