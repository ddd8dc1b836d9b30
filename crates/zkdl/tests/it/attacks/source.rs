//! What tests say about themselves: the numbers above them, and what their code names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A test with the numbers that it names.
pub(super) struct Test {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) numbers: BTreeSet<u32>,
}

pub(super) fn root() -> PathBuf {
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

/// All tests of all crates.
pub(super) fn all_tests() -> Vec<Test> {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    files.sort();
    files.iter().flat_map(|file| tests(file)).collect()
}

/// Whether a text has this word, not as a part of another.
pub(super) fn names(text: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !before.ends_with(inside) && !after.starts_with(inside)
    })
}

/// Functions and constants of a file by their names, without comments. The code is formatted: what begins a line ends
/// with the first bracket that is indented alike.
fn items(text: &str) -> BTreeMap<String, String> {
    let code = |line: &str| line.split(" // ").next().unwrap_or_default().to_owned();
    let lines: Vec<String> = text.lines().filter(|line| !line.trim_start().starts_with("//")).map(code).collect();
    let mut items = BTreeMap::new();
    for (i, line) in lines.iter().enumerate() {
        let Some(name) = item_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let closes = |other: &&String| {
            let rest = other.get(indent..).unwrap_or_default();
            let outside = other.get(..indent).is_some_and(|start| start.trim().is_empty());
            outside && !rest.is_empty() && rest.chars().all(|c| "}]);,".contains(c))
        };
        let length = match line.chars().last() {
            Some(';' | '}') => 0,
            Some('=') => 1,
            _ => lines[i + 1..].iter().position(|line| closes(&line)).map_or(0, |n| n + 1),
        };
        let body: String = lines[i..=i + length].iter().map(|line| format!("{line}\n")).collect();
        items.entry(name).or_insert_with(String::new).push_str(&body);
    }
    items
}

/// The name that a line declares, if it declares a function, a constant or a static.
fn item_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
    let kind = words.next()?;
    let rest = words.next()?;
    let named = ["fn", "const", "static"].contains(&kind).then_some(rest)?;
    let name = if named == "fn" { words.next()? } else { named };
    Some(name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

/// The code of a test: its body and everything of its file that it uses, also what it imports from a file beside it.
pub(super) fn code(test: &Test) -> String {
    let text = std::fs::read_to_string(&test.file).unwrap();
    let mut known = items(&text);
    for (name, body) in imported(test, &text) {
        known.entry(name).or_insert(body);
    }
    let (mut seen, mut todo, mut code) = (BTreeSet::from([test.name.clone()]), vec![test.name.clone()], String::new());
    while let Some(name) = todo.pop() {
        let body = &known[&name];
        code.push_str(body);
        for other in known.keys().filter(|other| names(body, other)) {
            if seen.insert(other.clone()) {
                todo.push(other.clone());
            }
        }
    }
    code
}

/// Functions of files beside a test's file that it imports, and what these use there.
fn imported(test: &Test, text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut files = Vec::new();
    sources(test.file.parent().unwrap(), &mut files);
    for file in files.iter().filter(|file| **file != test.file && file.parent() == test.file.parent()) {
        let path = format!("::{}::", file.file_stem().unwrap().to_str().unwrap());
        if text.lines().any(|line| line.starts_with("use ") && line.contains(&path)) {
            found.extend(items(&std::fs::read_to_string(file).unwrap()));
        }
    }
    found
}

#[test]
fn numbers_are_read_singly_and_as_ranges() {
    assert_eq!(numbers(" Catalogue 3, 9-11: text 7"), BTreeSet::from([3, 9, 10, 11]));
    assert_eq!(numbers(" Catalogue 106."), BTreeSet::from([106]));
    assert_eq!(numbers(" of the catalogue 5"), BTreeSet::new());
}

#[test]
fn words_are_not_parts_of_words() {
    assert!(names("Err(VerifyError::Product { which })", "Product"));
    assert!(!names("sigma::Products, SubProduct, Product_1", "Product"));
    assert!(names("ProductX Product", "Product"));
}

#[test]
fn code_is_what_a_test_uses_and_nothing_else() {
    let file = root().join("crates/zkdl/tests/it/windows.rs");
    let find = |name: &str| tests(&file).into_iter().find(|test| test.name == name).unwrap();
    let two = code(&find("two_false_windows_do_not_make_a_true_one"));
    assert!(names(&two, "Opening"), "its body");
    assert!(names(&two, "run::verify"), "a function that it calls");
    assert!(!names(&two, "Overlap"), "another test of the file");
    let file = root().join("crates/zkdl/src/adversary/hostile.rs");
    let exchanged = tests(&file).into_iter().find(|test| test.name == "exchanged_messages_are_a_false_proof").unwrap();
    assert!(names(&code(&exchanged), "INVENTORY"), "what a function uses that it imports from a file beside it");
}
