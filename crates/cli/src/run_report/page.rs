//! The page.

use super::{RunReport, WindowReport, charts};
use crate::report::{bytes, grouped, percent, seconds};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeMap;
use zkdl::describe::{config_digest, data_claim, in_words, model_digest, premises};
use zkdl::statement::hex;
use zkdl::{Statement, chain};

const STYLE: &str = include_str!("style.css");

/// The file.
pub(super) fn html(report: &RunReport<'_>) -> String {
    let claims = &report.verified.report.claims;
    let whole = matches!(&claims[..], [claim] if chain::is_whole(claim));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "A proven training run" }
                style { (PreEscaped(STYLE)) }
            }
            body { main {
                h1 { "A proven training run" }
                (verdict(report, whole))
                @if !report.metrics.is_empty() { (learning(report)) }
                @for claim in claims { (words(claim, report.verified.report.data)) }
                (windows(report))
                (costs(report))
                (verification(report, claims))
            } }
        }
    };
    page.into_string()
}

fn verdict(report: &RunReport<'_>, whole: bool) -> Markup {
    let windows = report.windows.len();
    let steps: u64 = report.windows.iter().map(|w| w.statement.multipliers.len() as u64).sum();
    let parameters = report.windows.first().map_or(0, |w| w.statement.algorithm().parameters());
    let total: u64 = report.sizes.iter().map(|(_, size)| size).sum();
    let accuracy = report.metrics.last().and_then(|m| m.accuracy);
    html! {
        section {
            p.verdict { @if whole { "VALID: the whole run is proven" } @else { "VALID, and not the whole run" } }
            dl.numbers {
                (number("steps", &grouped(steps)))
                (number("windows", &grouped(windows as u64)))
                (number("parameters", &grouped(parameters)))
                (number("verified in", &seconds(report.verified.report.time.as_secs_f64())))
                (number("all public files", &bytes(total)))
                (number("bytes a step", &grouped(total / steps.max(1))))
                @if let Some(accuracy) = accuracy { (number("test accuracy", &percent(accuracy))) }
            }
            @if accuracy.is_some() {
                p.quiet { "Loss and accuracy are the trainer's word: they are no part of what is proven." }
            }
        }
    }
}

fn number(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn learning(report: &RunReport<'_>) -> Markup {
    let loss: Vec<(u64, f64)> = report.metrics.iter().map(|m| (m.epoch, m.loss)).collect();
    let accuracy: Vec<(u64, f64)> = report.metrics.iter().filter_map(|m| Some((m.epoch, m.accuracy?))).collect();
    html! {
        section {
            h2 { "Learning" }
            (charts::curve("Mean training loss", &loss, None, &|value| format!("{value:.3}")))
            @if !accuracy.is_empty() {
                (charts::curve("Accuracy on the test points", &accuracy, Some(1.0), &|value| format!("{:.0} %", 100.0 * value)))
            }
        }
    }
}

fn words(claim: &Statement, data: &str) -> Markup {
    html! {
        section {
            h2 { "What is proven" }
            ul {
                @for line in in_words(claim) { li { (line) } }
                li { "Data (" (data) "): " (data_claim(&claim.data)) }
                @for line in premises(claim) { li { (line) } }
            }
        }
    }
}

fn windows(report: &RunReport<'_>) -> Markup {
    let all = report.windows.first().map_or(0, |w| w.statement.max_steps);
    let stretches: Vec<(u64, u64)> =
        report.verified.report.claims.iter().map(|c| (c.first_step, chain::end(c))).collect();
    let borders: Vec<u64> = report.windows.iter().map(|w| w.statement.first_step).filter(|step| *step > 0).collect();
    let row = |(index, w): (usize, &WindowReport<'_>)| {
        let (first, end) = (w.statement.first_step, chain::end(w.statement));
        let took = w.took.as_ref().map_or_else(|| "elsewhere".to_owned(), |took| seconds(took.proving));
        html! {
            tr {
                td { (index) } td { (first) ".." (end) }
                td { code title=(hex(&w.statement.digest())) { (short(&w.statement.digest())) } }
                td { code title=(hex(&model_digest(&w.statement.end))) { (short(&model_digest(&w.statement.end))) } }
                td { (bytes(w.proof)) } td { (took) }
            }
        }
    };
    html! {
        section {
            h2 { "The chain of windows" }
            (charts::chain(&stretches, &borders, all))
            p.quiet { "Each window starts from the committed weights that the one before ends with, by the same bytes." }
            div.scroll { table {
                thead { tr { th { "window" } th { "steps" } th { "statement" } th { "weights after it" } th { "proof" } th { "proven in" } } }
                tbody { @for window in report.windows.iter().enumerate().map(row) { (window) } }
            } }
        }
    }
}

/// The beginning of a digest.
fn short(digest: &[u8]) -> String {
    hex(digest).chars().take(12).collect()
}

fn costs(report: &RunReport<'_>) -> Markup {
    let took: Vec<_> = report.windows.iter().filter_map(|w| w.took.as_ref()).collect();
    let training: f64 = report.metrics.iter().map(|m| m.seconds).sum();
    let mut phases: BTreeMap<&str, f64> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for (name, time) in took.iter().flat_map(|took| &took.phases) {
        if !order.contains(&name.as_str()) {
            order.push(name);
        }
        *phases.entry(name).or_default() += time;
    }
    let mut parts = vec![("training".to_owned(), training)];
    parts.push(("executing windows again".to_owned(), took.iter().map(|took| took.execution).sum()));
    parts.extend(order.into_iter().map(|name| (format!("proving: {name}"), phases.get(name).copied().unwrap_or(0.0))));
    parts.push(("verifying each own proof".to_owned(), took.iter().map(|took| took.verification).sum()));
    parts.push(("verifying all for this report".to_owned(), report.verified.report.time.as_secs_f64()));
    let sizes: Vec<(String, f64)> =
        report.sizes.iter().map(|(name, size)| ((*name).to_owned(), *size as f64)).collect();
    let memory = took.iter().filter_map(|took| took.peak_memory).max();
    html! {
        section {
            h2 { "Time, bytes and memory" }
            @if !took.is_empty() || training > 0.0 {
                (charts::bars("Seconds, all windows together; windows that are proven side by side share the machine", &parts, &seconds))
            }
            (charts::bars("Bytes that an auditor gets", &sizes, &|size| bytes(size as u64)))
            @if let Some(memory) = memory { p { "Peak memory of proving: " (bytes(memory)) "." } }
        }
    }
}

fn verification(report: &RunReport<'_>, claims: &[Statement]) -> Markup {
    html! {
        section {
            h2 { "Verify it" }
            pre { "zkdl verify public" }
            ul {
                @for claim in claims {
                    li { "data root " code { (hex(&claim.data.root)) } }
                    li { "beacon " code { (hex(&claim.nonce)) } }
                    li { "configuration " code { (hex(&config_digest(claim))) } }
                    li { "model " code { (hex(&model_digest(&claim.end))) } }
                }
            }
            @if let Some((certificate, key)) = &report.certificate {
                p { "Certified in " code { (certificate) } ", by the owner of this key:" }
                pre { (key) }
            }
        }
    }
}
