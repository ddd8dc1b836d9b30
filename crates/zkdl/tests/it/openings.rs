//! What tests need of provers, and nobody else may have: randomness that repeats, blinds that are left out, challenges that are chosen.

use std::path::Path;
use toml::Table;

/// Features that open provers and transcripts.
const OPEN: [&str; 2] = ["open", "simulator"];

fn manifest(path: &Path) -> Table {
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The features of `[dependencies]`, with the names of those who have them.
fn features(dependencies: &Table) -> Vec<(&str, &str)> {
    let of =
        |value: &'_ toml::Value| value.get("features").and_then(|list| list.as_array()).cloned().unwrap_or_default();
    dependencies
        .iter()
        .flat_map(|(name, value)| {
            OPEN.into_iter()
                .filter(move |f| of(value).iter().any(|g| g.as_str() == Some(f)))
                .map(|f| (name.as_str(), f))
        })
        .collect()
}

/// Randomness is the operating system's: the features are for tests, for the crate of cheating provers and for the fuzz targets, on which nothing
/// depends that is used.
#[test]
fn no_command_opens_a_prover() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seen = 0;
    for entry in std::fs::read_dir(root.join("crates")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let manifest = manifest(&path.join("Cargo.toml"));
        let dependencies = manifest["dependencies"].as_table().unwrap();
        if name == "cheat" {
            assert!(features(dependencies).contains(&("zkdl", "open")), "the test knows how features are written");
            continue;
        }
        assert!(features(dependencies).is_empty(), "{name}: {:?}", features(dependencies));
        assert!(!dependencies.keys().any(|key| key == "zkdl-cheat" || key == "zkdl-fuzz"), "{name}");
        let own = manifest.get("features").and_then(|own| own.as_table()).cloned().unwrap_or_default();
        assert!(!own.contains_key("default"), "{name}: nothing is on by default");
        seen += 1;
    }
    assert!(seen >= 9, "{seen}");
    let workspace = manifest(&root.join("Cargo.toml"));
    assert!(features(workspace["workspace"]["dependencies"].as_table().unwrap()).is_empty());
}
