//! The table of attacks in `SECURITY.md`: made of `spec/attacks.tsv` and of the numbers that tests name, and compared with what is there.

mod figures;
mod source;

use source::{Test, all_tests, code, names, root};
use std::collections::{BTreeMap, BTreeSet};

struct Attack {
    number: u32,
    attack: String,
    error: String,
}

fn attacks() -> Vec<Attack> {
    let text = std::fs::read_to_string(root().join("spec/attacks.tsv")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let fields = lines.map(|line| <[&str; 3]>::try_from(line.split('\t').collect::<Vec<_>>()).unwrap());
    fields
        .map(|[number, attack, error]| Attack {
            number: number.parse().unwrap(),
            attack: attack.into(),
            error: error.into(),
        })
        .collect()
}

/// Every attack is met by a test that names it, or says why there is none. Every error that stops it is named, as a word, by a test
/// of it: in its body, or in what this uses of its file or imports from a file beside it.
#[test]
fn every_attack_has_a_test_that_names_its_error() {
    let tests = all_tests();
    let attacks = attacks();
    assert_eq!(attacks.iter().map(|attack| attack.number).collect::<Vec<_>>(), (1..=125).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for attack in &attacks {
        let met: Vec<&Test> = tests.iter().filter(|test| test.numbers.contains(&attack.number)).collect();
        let nothing = attack.error.starts_with("none: ");
        if met.is_empty() != nothing {
            wrong.push(format!("{}: {} tests", attack.number, met.len()));
        }
        if nothing || attack.error == "-" {
            continue;
        }
        let texts: Vec<String> = met.iter().map(|test| code(test)).collect();
        for error in attack.error.split(", ").filter(|error| !texts.iter().any(|text| names(text, error))) {
            wrong.push(format!("{}: no test names {error}", attack.number));
        }
    }
    let unknown = tests.iter().flat_map(|test| &test.numbers).filter(|number| !(1..=125).contains(*number));
    wrong.extend(unknown.map(|number| format!("{number} is no attack")));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The tests that the table of famous bugs names exist.
#[test]
fn famous_bugs_name_tests_that_exist() {
    let text = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let (_, rest) = text.split_once("## Famous bugs").unwrap();
    let (bugs, _) = rest.split_once("\n## ").unwrap();
    let known: BTreeSet<String> = all_tests().into_iter().map(|test| test.name).collect();
    let mut named = 0;
    for row in bugs.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for test in tests.split(", ").map(|test| test.trim_matches('`')) {
            let name = test.rsplit("::").next().unwrap();
            assert!(known.contains(name), "{test} is no test");
            named += 1;
        }
    }
    assert!(named > 40);
}

fn table() -> String {
    let mut names: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for test in all_tests() {
        let file = test.file.strip_prefix(root().join("crates")).unwrap().display().to_string();
        let place = file.strip_suffix(".rs").unwrap().replace("/src/", "/").replace("/tests/", "/");
        for number in test.numbers {
            names.entry(number).or_default().push(format!("`{place}::{}`", test.name));
        }
    }
    let mut lines = vec!["| | attack | stopped by | tests |".to_owned(), "|---|---|---|---|".to_owned()];
    for Attack { number, attack, error } in attacks() {
        let tests = names.get(&number).map(|names| names.join(", ")).unwrap_or_default();
        let error = error.replace("none: ", "");
        lines.push(format!("| {number} | {attack} | {} | {tests} |", if error == "-" { "" } else { &error }));
    }
    lines.join("\n") + "\n"
}

const BEGIN: &str = "<!-- attacks: made by `ZKDL_WRITE=1 cargo test --release -p zkdl --test it attacks` -->\n";
const END: &str = "<!-- end of attacks -->";

/// With `ZKDL_WRITE=1` the table is written, else it is compared.
#[test]
fn the_table_of_attacks_is_that_of_the_tests() {
    let path = root().join("SECURITY.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let table = table();
    if std::env::var_os("ZKDL_WRITE").is_some() {
        std::fs::write(&path, [before, BEGIN, &table, END, after].concat()).unwrap();
    } else {
        let other = written.lines().zip(table.lines()).find(|(is, should)| is != should);
        assert!(written == table, "SECURITY.md is not up to date: {other:?}");
    }
}
