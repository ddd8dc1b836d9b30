//! What is foretold of a run, and what it then takes. Seconds are foretold too, but no test asserts a time: `docs/performance.md`.

use crate::support::{Sandbox, config, csv};
use serde_json::Value;

/// Bytes of the files of all windows that end in this.
fn bytes(sandbox: &Sandbox, windows: u64, end: &str) -> u64 {
    (0..windows).map(|i| sandbox.read(&format!("run/public/proofs/window-{i:04}.{end}")).len() as u64).sum()
}

fn number(json: &Value, path: &str) -> u64 {
    json.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path} is missing from {json}"))
}

#[test]
fn bytes_are_foretold_exactly_and_nothing_is_written() {
    for changed in ["", "window = 5", "window = 10", "window = 20"] {
        let sandbox = Sandbox::with_config(&config().replace("window = 4", changed));
        let estimate = sandbox.json(&["estimate", "run", "--json"]);
        assert!(!sandbox.has("run/public") && !sandbox.has("run/secret"));
        let windows = number(&estimate, "/windows");
        for verb in ["train", "prove"] {
            if verb == "train" {
                sandbox.ok(&["data", "commit", "run"]);
            }
            sandbox.ok(&[verb, "run"]);
        }
        assert_eq!(number(&estimate, "/bytes/proofs"), bytes(&sandbox, windows, "proof"), "{changed}");
        assert_eq!(number(&estimate, "/bytes/statements"), bytes(&sandbox, windows, "statement"), "{changed}");
        let public = [("points.zkdl", "/bytes/points"), ("data.proof", "/bytes/data_proof")];
        for (file, key) in public {
            assert_eq!(number(&estimate, key), sandbox.read(&format!("run/public/{file}")).len() as u64);
        }
        let again = sandbox.json(&["estimate", "run", "--no-time", "--json"]);
        assert_eq!((&again["bytes"], &again["seconds"]), (&estimate["bytes"], &Value::Null));
        for part in ["data_commit", "train", "prove", "verify"] {
            assert!(estimate["seconds"][part].as_f64().unwrap() > 0.0, "{part}");
        }
    }
}

#[test]
fn memory_is_foretold_within_half_of_it() {
    let digits = include_str!("../../../../examples/digits/digits.toml");
    let sandbox =
        Sandbox::with_config(&format!("{}\n[proof]\nwindow = 176\n", digits.replace("epochs = 20", "epochs = 4")));
    sandbox.write("run/digits.csv", include_str!("../../../../examples/digits/digits.csv"));
    let estimate = sandbox.json(&["estimate", "run", "--no-time", "--json"]);
    for verb in [&["data", "commit", "run"][..], &["train", "run"], &["prove", "run"]] {
        sandbox.ok(verb);
    }
    let took: Value = serde_json::from_slice(&sandbox.read("run/secret/proving-0000.json")).unwrap();
    let (foretold, happened) = (number(&estimate, "/peak_memory_bytes") as f64, number(&took, "/peak_memory") as f64);
    assert!(foretold < 1.5 * happened && happened < 1.5 * foretold, "{foretold} {happened}");
}

#[test]
fn what_cannot_be_made_is_not_estimated() {
    let sandbox = Sandbox::with_config(&config().replace("batch = 4", "batch = 400"));
    sandbox.fails(&["estimate", "run"], 2, &["this run cannot be made"]);
    let sandbox = Sandbox::with_config(&config().replace("0.0625", "16.0"));
    sandbox.fails(&["estimate", "run"], 2, &["training stopped", "lower the learning rate"]);
    sandbox.fails(&["estimate", "nowhere"], 3, &["nowhere/zkdl.toml"]);
    std::fs::remove_file(sandbox.path("data.csv")).unwrap();
    sandbox.fails(&["estimate", "run"], 3, &["data.csv"]);
    let sandbox = Sandbox::with_config(&config());
    sandbox.write("data.csv", &csv(40));
    let out = sandbox.ok(&["estimate", "run"]);
    assert!(out.contains("peak memory") && out.contains("proving") && out.contains("measured on a sample"), "{out}");
}
