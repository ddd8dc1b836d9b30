//! The table of attacks in `SECURITY.md`: made of `spec/attacks.tsv` and of the numbers that tests name, and compared with what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A test with the numbers that it names.
struct Test {
    name: String,
    file: PathBuf,
    numbers: BTreeSet<u32>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The numbers after "Catalogue", singly or as ranges, up to the first word.
fn numbers(comment: &str) -> BTreeSet<u32> {
    let Some((_, list)) = comment.split_once("Catalogue ") else { return BTreeSet::new() };
    let end = list.find(|c: char| !(c.is_ascii_digit() || ", -".contains(c))).unwrap_or(list.len());
    let parts = list[..end].split(',').map(str::trim).filter(|part| !part.is_empty());
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        first.parse().unwrap()..=last.parse().unwrap()
    };
    parts.flat_map(range).collect()
}

/// The tests of a file. The comment of a test is what stands right above it.
fn tests(file: &Path) -> Vec<Test> {
    let text = std::fs::read_to_string(file).unwrap();
    let (mut comment, mut is_test, mut found) = (String::new(), false, Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            comment.push_str(words);
        } else if line == "#[test]" {
            is_test = true;
        } else if let Some(signature) = line.strip_prefix("fn ").filter(|_| is_test) {
            let name = signature.split('(').next().unwrap().to_owned();
            found.push(Test { name, file: file.to_owned(), numbers: numbers(&comment) });
            (comment, is_test) = (String::new(), false);
        } else if !line.starts_with("#[") {
            (comment, is_test) = (String::new(), false);
        }
    }
    found
}

fn all_tests() -> Vec<Test> {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    files.sort();
    files.iter().flat_map(|file| tests(file)).filter(|test| !test.numbers.is_empty()).collect()
}

/// Everything that a test's crate says where it says it: its file, and for tests in folders the files beside it.
fn surroundings(test: &Test) -> String {
    let folder = test.file.parent().unwrap();
    let mut files = Vec::new();
    if folder.ends_with("src") {
        files.push(test.file.clone());
    } else {
        sources(folder, &mut files);
    }
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

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

/// Every attack is met by a test that names it, or says why there is none; errors are named where the tests are.
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
        let texts: Vec<String> = met.iter().map(|test| surroundings(test)).collect();
        for error in attack.error.split(", ").filter(|error| !texts.iter().any(|text| text.contains(*error))) {
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
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    let code: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let mut named = 0;
    for row in bugs.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for test in tests.split(", ").map(|test| test.trim_matches('`')) {
            let name = test.rsplit("::").next().unwrap();
            assert!(code.contains(&format!("fn {name}(")), "{test}");
            named += 1;
        }
    }
    assert!(named > 15);
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

#[test]
fn numbers_are_read_singly_and_as_ranges() {
    assert_eq!(numbers(" Catalogue 3, 9-11: text 7"), BTreeSet::from([3, 9, 10, 11]));
    assert_eq!(numbers(" Catalogue 106."), BTreeSet::from([106]));
    assert_eq!(numbers(" of the catalogue 5"), BTreeSet::new());
}
