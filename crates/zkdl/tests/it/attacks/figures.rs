//! The figures of `SECURITY.md`, "How much of this is tested": counted where they come from, and found in the text.

use super::attacks;
use super::source::{all_tests, root};
use crate::tampering::PUBLIC_FIELDS;
use std::collections::BTreeSet;

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

/// With commas, as texts have them.
fn written(n: usize) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

/// A number at the beginning of a cell, without commas; words count as none.
fn number(cell: &str) -> Option<usize> {
    let digits: String = cell.chars().filter(|c| *c != ',').take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Rows of the table that begins with this line, as cells.
fn rows(text: &str, head: &str) -> Vec<Vec<String>> {
    let (_, rest) = text.split_once(head).unwrap();
    let lines = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn column(rows: &[Vec<String>], i: usize) -> usize {
    rows.iter().map(|row| number(&row[i]).unwrap()).sum()
}

/// Attacks that a test is about.
fn attacks_tested() -> String {
    let tests = all_tests();
    let all = attacks();
    let met = all.iter().filter(|attack| tests.iter().any(|test| test.numbers.contains(&attack.number))).count();
    format!("{met} of {}; the other {} say why there is none", all.len(), all.len() - met)
}

/// Entries of the inventory of messages.
fn messages() -> String {
    let text = read("spec/messages.tsv");
    let fields: Vec<Vec<&str>> =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
    let sent = fields.iter().filter(|field| !["public", "challenge"].contains(&field[2])).count();
    format!("all: {} entries, {sent} of them sent,", fields.len())
}

/// Protocols of the inventory, and variants of training.
fn protocols() -> String {
    let text = read("spec/messages.tsv");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let names: BTreeSet<&str> = lines.filter_map(|line| line.split('\t').next()).collect();
    let variants = names.iter().filter(|name| name.starts_with("training")).count();
    format!("messages of the {} protocols, training in its {variants} variants", names.len() - variants + 1)
}

/// Sums of the table of mutants, and what became of those that survived.
fn mutants() -> String {
    let text = read("docs/mutants.md");
    let table = rows(&text, "| code | mutants run |");
    let (run, survived) = (column(&table, 1), column(&table, 5));
    let nothing: usize = rows(&text, "| mutant | why |").iter().map(|row| times(&row[0])).sum();
    format!(
        "{} mutants were run, of which {survived} survived; {} of them are caught now or gone, {nothing} change nothing",
        written(run),
        survived - nothing
    )
}

/// How many mutants a row of survivors stands for.
fn times(row: &str) -> usize {
    if row.ends_with(", four times") { 4 } else { 1 }
}

/// Executions of all targets, in both tables, and planted bugs.
fn fuzzing() -> String {
    let text = read("fuzz/README.md");
    let head = "| target | executions | a second | edges | corpus |";
    let (_, second) = text.split_once(head).unwrap();
    let (first, second) = (rows(&text, head), rows(second, head));
    let planted = rows(&text, "| bug | found by | executions | seconds |").len();
    let executions = column(&first, 1) + column(&second, 1);
    assert_eq!(first.len(), second.len());
    format!(
        "{} targets, {} executions in the runs that its README measures; {planted} planted bugs found",
        first.len(),
        written(executions)
    )
}

/// Every figure is the one that is counted.
#[test]
fn figures_agree_with_what_they_count() {
    let text = read("SECURITY.md");
    let (_, rest) = text.split_once("## How much of this is tested").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let public = format!("every public value, in {PUBLIC_FIELDS} fields");
    for figure in [attacks_tested(), messages(), protocols(), mutants(), fuzzing(), public] {
        assert!(section.contains(&figure), "SECURITY.md does not say {figure:?}");
    }
}

#[test]
fn figures_are_read_and_written_with_commas() {
    assert_eq!([7, 70, 1_623, 2_571_093].map(written), ["7", "70", "1,623", "2,571,093"]);
    assert_eq!(["1,623", "22 of", "see left"].map(number), [Some(1_623), Some(22), None]);
}
