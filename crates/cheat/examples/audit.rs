//! Measures how often answers about data sets are wrong: `audit [--queries N] [--json] [TABLE.csv]`.
//!
//! The table is the handwritten digits by default: features, then a label, under a header line.

use serde_json::json;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use zkdl::GeneratorSource;
use zkdl_cheat::audit::{Points, Set, Tallies, audit, clustered, rule_of_three, total};
use zkdl_dataset::ValueRange;

fn main() -> Result<(), String> {
    let options = Options::parse()?;
    let generators = GeneratorSource::derived();
    let sets = sets(&options, &generators)?;
    let started = Instant::now();
    let all: usize = sets.iter().map(Set::len).sum();
    // About nine questions and eight forgeries are made of every point.
    let stride = (all * 9 / options.queries.max(1)).max(1);
    let done = AtomicUsize::new(0);
    let count = || {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(50) {
            let _ = writeln!(
                std::io::stderr(),
                "{done} of {} points, {:.0} s",
                all / stride,
                started.elapsed().as_secs_f64()
            );
        }
    };
    let audited: Vec<(&Set, Tallies)> = sets.iter().map(|set| (set, audit(set, stride, &generators, &count))).collect();
    print(&options, &audited, started.elapsed().as_secs_f64());
    let wrong = audited.iter().map(|(_, tallies)| total(tallies)).any(|t| t.false_positives + t.false_negatives > 0);
    if wrong { Err("an answer was judged wrongly: please report this".to_owned()) } else { Ok(()) }
}

struct Options {
    queries: usize,
    json: bool,
    table: String,
}

impl Options {
    fn parse() -> Result<Self, String> {
        let digits = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/digits/digits.csv").to_owned();
        let mut options = Self { queries: usize::MAX, json: false, table: digits };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--json" => options.json = true,
                "--queries" => {
                    let number = args.next().and_then(|n| n.parse().ok());
                    options.queries = number.ok_or("--queries takes a number")?;
                }
                table => options.table = table.to_owned(),
            }
        }
        Ok(options)
    }
}

fn sets(options: &Options, generators: &GeneratorSource) -> Result<Vec<Set>, String> {
    let (table, classes, range) = table(&options.table)?;
    let small = ValueRange { min: 0, max: 9 };
    let bits = ValueRange { min: 0, max: 1 };
    let bytes = ValueRange { min: 0, max: 255 };
    Ok(vec![
        Set::commit("the table", table, classes, range, 40, generators)?,
        Set::commit("clustered, 300 x 8", clustered(300, 8, 5, 9, 1), 5, small, 6, generators)?,
        Set::commit("bits, 200 x 30", clustered(200, 30, 2, 1, 2), 2, bits, 2, generators)?,
        Set::commit("bytes, 100 x 100", clustered(100, 100, 10, 255, 3), 10, bytes, 1000, generators)?,
        Set::commit("pairs, 50 x 2", clustered(50, 2, 2, 9, 4), 2, small, 1, generators)?,
    ])
}

/// Points, number of classes, and range of a table of whole numbers.
fn table(path: &str) -> Result<(Points, u32, ValueRange), String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let numbers: Vec<i32> = line
            .split(',')
            .map(|n| n.trim().parse().map_err(|e| format!("{path}: {n}: {e}")))
            .collect::<Result<_, _>>()?;
        let (label, row) = numbers.split_last().ok_or("an empty line")?;
        labels.push(u32::try_from(*label).map_err(|e| e.to_string())?);
        features.extend(row);
    }
    let (min, max) = (features.iter().min().copied().unwrap_or(0), features.iter().max().copied().unwrap_or(0));
    let classes = labels.iter().max().map_or(1, |label| label + 1);
    Ok(((features, labels), classes, ValueRange { min, max }))
}

fn print(options: &Options, audited: &[(&Set, Tallies)], seconds: f64) {
    let all = audited.iter().flat_map(|(_, tallies)| tallies.values()).fold([0; 5], |sum, t| {
        let row = [t.questions, t.proven, t.false_negatives, t.forged, t.false_positives];
        std::array::from_fn(|i| sum[i] + row[i])
    });
    let [questions, _, false_negatives, forged, false_positives] = all;
    let mut out = std::io::stdout().lock();
    if options.json {
        let sets = audited.iter().map(|(set, tallies)| {
            let kinds: serde_json::Map<_, _> = tallies.iter().map(|(k, t)| ((*k).to_owned(), t.json())).collect();
            json!({ "set": set.name, "points": set.len(), "kinds": kinds })
        });
        let report = json!({
            "sets": sets.collect::<Vec<_>>(), "questions": questions, "false_negatives": false_negatives,
            "forged": forged, "false_positives": false_positives, "seconds": seconds,
            "false_negative_rate_below": rule_of_three(questions), "false_positive_rate_below": rule_of_three(forged),
        });
        let _ = writeln!(out, "{report}");
        return;
    }
    let _ = writeln!(
        out,
        "| set | points | statement | questions | false negatives | forged | false positives |\n|---|---|---|---|---|---|---|"
    );
    for (set, tallies) in audited {
        for (kind, t) in tallies {
            let _ = writeln!(
                out,
                "| {} | {} | {kind} | {} | {} | {} | {} |",
                set.name,
                set.len(),
                t.questions,
                t.false_negatives,
                t.forged,
                t.false_positives
            );
        }
    }
    let _ = writeln!(
        out,
        "| all | | | {questions} | {false_negatives} | {forged} | {false_positives} |\n\nNothing seen in {questions} and {forged} trials: rates below {:.1e} and {:.1e} (95 %). {seconds:.0} s.",
        rule_of_three(questions),
        rule_of_three(forged)
    );
}
