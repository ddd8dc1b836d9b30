//! `zkdl serve`: a page for owners of data. Who has the address uploads an image or a row and gets the strongest answer that the
//! trainer can prove, as a file that anyone can verify later, with its meaning in words.
//!
//! ```text
//! http      routes, headers, errors: what a browser may do
//! limits    how often, how much, how many at a time
//! token     who may ask
//! desk      what answers (a trait: tests put another one in its place)
//! archive   the desk of a run directory
//! page      one HTML file, nothing from elsewhere
//! ```

mod archive;
mod desk;
mod http;
mod limits;
mod page;
#[cfg(test)]
mod tests;
mod token;

use crate::args::ServeArgs;
use crate::error::{CliError, Result};
use crate::progress::Context;
use crate::report::{emit, grouped};
use archive::Archive;
use http::Service;
use limits::Limits;
use serde_json::json;
use std::io::Write;
use std::net::SocketAddr;
use token::Token;

/// Runs the verb: until it is interrupted.
pub(crate) fn run(context: Context, args: &ServeArgs) -> Result<()> {
    if !args.listen.ip().is_loopback() && !args.behind_proxy {
        let what =
            "is not this machine alone, and the page has no TLS: put a proxy in front that has, and say --behind-proxy";
        return Err(CliError::usage(format!("--listen {} {what}", args.listen)));
    }
    let spinner = context.spinner("reading the data set");
    let archive = Archive::open(context, &args.run)?;
    spinner.finish_and_clear();
    let (token, points) = (Token::draw()?, archive.points());
    let limits = Limits::new(args.per_minute, rayon::current_num_threads());
    let failed = |e: std::io::Error| CliError::io(format!("cannot listen on {}", args.listen)).caused_by(e);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        announce(context, address, &token, points)?;
        let log = if context.quiet { None } else { Some(access_log as http::Log) };
        let service = Service::new(archive, token, limits, address, log);
        let router = service.router().into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, router).await.map_err(failed)
    })
}

/// Says where the page is: the one time that the token is shown.
fn announce(context: Context, address: SocketAddr, token: &Token, points: u32) -> Result<()> {
    let url = format!("http://{address}/#token={}", token.reveal());
    if context.json {
        // One line, so that whoever starts this program can read it and go on.
        return emit(&json!({ "url": url, "address": address.to_string(), "points": points }).to_string());
    }
    emit(&format!(
        "Answering questions about {} points at\n  {url}\nWho has this address can ask. Interrupt to stop.",
        grouped(u64::from(points))
    ))
}

/// One line a request, without anything of what was asked.
fn access_log(line: &str) {
    // A line that cannot be written is not worth stopping for.
    let _ = writeln!(std::io::stderr(), "{line}");
}
