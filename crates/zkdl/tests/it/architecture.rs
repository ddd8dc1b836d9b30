//! The arrows of the architecture: which crate may depend on which, and which crate alone may name what.

use std::collections::BTreeSet;
use std::path::PathBuf;

/// Crate, and the crates of this workspace that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("field", &[]),
    ("transcript", &["zkdl-field"]),
    ("commit", &["zkdl-field", "zkdl-transcript"]),
    ("sumcheck", &["zkdl-commit", "zkdl-field", "zkdl-transcript"]),
    ("arguments", &["zkdl-commit", "zkdl-field", "zkdl-sumcheck", "zkdl-transcript"]),
    ("dataset", &[]),
    ("train", &["zkdl-dataset"]),
    (
        "zkdl",
        &[
            "zkdl-arguments",
            "zkdl-commit",
            "zkdl-dataset",
            "zkdl-field",
            "zkdl-sumcheck",
            "zkdl-train",
            "zkdl-transcript",
        ],
    ),
    ("cli", &["zkdl", "zkdl-commit", "zkdl-dataset", "zkdl-field", "zkdl-train"]),
];

/// External crate, and the only crates of this workspace that may name it.
const OWNERS: &[(&str, &[&str])] = &[("pasta_curves", &["field"]), ("clap", &["cli"])];

fn crates() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn dependencies(name: &str) -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(crates().join(name).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().cloned().collect()
}

#[test]
fn dependencies_point_one_way() {
    for (name, allowed) in ARROWS {
        let ours = dependencies(name).into_iter().filter(|d| d.starts_with("zkdl"));
        let forbidden: Vec<String> = ours.filter(|d| !allowed.contains(&d.as_str())).collect();
        assert!(forbidden.is_empty(), "{name} must not depend on {forbidden:?}");
    }
}

#[test]
fn every_crate_is_in_the_picture() {
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).chain(["cheat"]).collect();
    for entry in std::fs::read_dir(crates()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(name.as_str()), "{name} has no place in the architecture");
    }
}

/// The only files that may be unsafe: vector instructions, each with a plain twin and a differential test.
const UNSAFE: &[&str] = &["field/src/lanes/ifma.rs", "field/src/lanes/ifma/registers.rs", "train/src/kernel/x86.rs"];

#[test]
fn unsafe_code_stays_in_the_files_of_vector_instructions() {
    let mut directories = vec![crates()];
    let mut found = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                if text.contains("expect(unsafe_code") && !path.ends_with("architecture.rs") {
                    found.push(path.strip_prefix(crates()).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
    }
    found.sort();
    assert_eq!(found, UNSAFE);
}

#[test]
fn nothing_depends_on_the_cheating_prover() {
    for (name, _) in ARROWS {
        assert!(!dependencies(name).contains("zkdl-cheat"), "{name}");
    }
}

/// Features for tests: challenges that are programmed, blinds that are left out, randomness that is given, room for lies.
const OPEN: [&str; 2] = ["open", "simulator"];

/// They are in no build of a prover or verifier: none is on by default, or on because another is, or asked for by a crate that is used.
#[test]
fn only_tests_open_provers() {
    let names_one = |value: &toml::Value| OPEN.iter().any(|name| value.to_string().contains(&format!("\"{name}\"")));
    let mut features = 0;
    for (name, _) in ARROWS {
        let manifest = std::fs::read_to_string(crates().join(name).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        for (feature, others) in manifest.get("features").and_then(|table| table.as_table()).into_iter().flatten() {
            assert!(feature != "default" && others.as_array().unwrap().is_empty(), "{name}: {feature}");
            features += 1;
        }
        for (library, value) in manifest["dependencies"].as_table().unwrap() {
            assert!(!names_one(value), "{name}: {library}");
        }
    }
    assert_eq!(features, 3, "of transcript, commit and zkdl");
    let workspace: toml::Table = std::fs::read_to_string(crates().join("../Cargo.toml")).unwrap().parse().unwrap();
    assert!(!names_one(&workspace["workspace"]["dependencies"]));
    let cheat: toml::Table = std::fs::read_to_string(crates().join("cheat/Cargo.toml")).unwrap().parse().unwrap();
    assert!(names_one(&cheat["dependencies"]["zkdl"]), "this test knows how they are written");
}

#[test]
fn libraries_have_one_owner() {
    for (library, owners) in OWNERS {
        for (name, _) in ARROWS.iter().filter(|(name, _)| !owners.contains(name)) {
            assert!(!dependencies(name).contains(*library), "{name} must not name {library}");
        }
    }
}
