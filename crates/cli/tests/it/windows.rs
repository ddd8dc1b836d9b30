//! Several windows: they share the weight rows where they meet.

use crate::support::{Sandbox, verify_args, with};
use serde_json::json;
use zkdl::Statement;

fn statement(sandbox: &Sandbox, window: u32) -> Statement {
    Statement::decode(&sandbox.read(&format!("run/public/proofs/window-{window:04}.statement"))).unwrap()
}

#[test]
fn windows_meet_in_the_same_rows_and_verify_together() {
    let sandbox = Sandbox::trained();
    for window in ["1", "0", "2"] {
        sandbox.ok(&["prove", "run", "--window", window]);
    }
    let [first, second, last] = [0, 1, 2].map(|w| statement(&sandbox, w));
    assert_eq!(second.start.rows(), first.end);
    assert_eq!(last.start.rows(), second.end);
    assert_eq!((first.multipliers.len(), last.multipliers.len(), last.first_step), (4, 2, 8));
    let out = sandbox.ok(&with(&verify_args(1), &[]));
    assert!(out.contains("how the start weights"), "{out}");
    let out = sandbox.ok(&["verify", "run"]);
    assert!(out.contains("VALID: 3 windows") && out.contains("10 of them, from step 0"), "{out}");
    assert!(!out.contains("how the start weights"), "{out}");
    std::fs::rename(sandbox.path("run/public"), sandbox.path("for-the-auditor")).unwrap();
    let report = sandbox.json(&["verify", "for-the-auditor", "--json"]);
    let claim = &report["claims"][0];
    let [model, data, config] = [&claim["model"]["digest"], &claim["data"]["root"], &claim["config"]];
    let expect = |flag: &str, hex: &serde_json::Value, code: i32| {
        sandbox.fails(&["verify", "for-the-auditor", flag, hex.as_str().unwrap()], code, &[]);
    };
    for (flag, hex) in [("--expect-model", model), ("--expect-data", data), ("--expect-config", config)] {
        expect(flag, hex, 0);
        expect(flag, &"5a".repeat(32).into(), 1);
    }
    expect("--expect-model", data, 1);
}

#[test]
fn rows_are_as_long_as_preferred_in_all_windows_of_a_run() {
    let sandbox = Sandbox::trained();
    let config = String::from_utf8(sandbox.read("run/zkdl.toml")).unwrap();
    sandbox.write("run/zkdl.toml", &format!("{config}prefer = \"prover\"\n"));
    sandbox.ok(&["prove", "run", "--window", "0"]);
    assert_eq!(statement(&sandbox, 0).log_columns, 7, "72 bits of a cell");
    sandbox.write("run/zkdl.toml", &config);
    sandbox.fails(&["prove", "run", "--window", "1"], 2, &["rows of 2^7 columns", "2^8", "set log_columns = 7"]);
    sandbox.write("run/zkdl.toml", &format!("{config}log_columns = 7\n"));
    sandbox.ok(&["prove", "run", "--window", "1"]);
    sandbox.ok(&["verify", "run", "--partial"]);
}

#[test]
fn expectations_are_compared_for_single_files_too() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    let other = "5a".repeat(32);
    let args = verify_args(0);
    for (flag, what) in [("--expect-model", "model"), ("--expect-data", "data"), ("--expect-config", "configuration")] {
        let words = ["INVALID", &format!("another {what} was expected"), &other];
        sandbox.fails(&with(&args, &[flag, &other]), 1, &words);
    }
}

/// Catalogue 86.
#[test]
fn a_gap_is_no_run_but_two_claims_and_windows_of_two_runs_are_refused() {
    let (sandbox, other) = (Sandbox::trained(), Sandbox::trained());
    sandbox.ok(&["prove", "run"]);
    other.ok(&["prove", "run", "--window", "1"]);
    for end in ["statement", "proof"] {
        let name = format!("run/public/proofs/window-0001.{end}");
        std::fs::rename(sandbox.path(&name), sandbox.path(end)).unwrap();
    }
    sandbox.fails(&["verify", "run"], 1, &["INVALID", "not a whole run", "0..4, 8..10 of 0..10", "--partial"]);
    let report = sandbox.json(&["verify", "run", "--partial", "--json"]);
    assert_eq!(report["verdict"], "VALID");
    assert_eq!(report["claims"].as_array().unwrap().len(), 2);
    sandbox.fails(&["verify", "run", "--expect-model", &"5a".repeat(32)], 2, &["windows are missing"]);
    for end in ["statement", "proof"] {
        let name = format!("run/public/proofs/window-0001.{end}");
        std::fs::copy(other.path(&name), sandbox.path(&name)).unwrap();
    }
    sandbox.fails(&["verify", "run"], 1, &["INVALID", "not those of one run"]);
}

#[test]
fn proving_again_keeps_statement_and_rows_but_no_blind_of_the_proof() {
    let sandbox = Sandbox::trained();
    let files = ["run/public/proofs/window-0000.statement", "run/public/proofs/window-0000.proof", "run/secret/rows-4"];
    let now = || files.map(|f| sandbox.read(f));
    sandbox.ok(&["prove", "run"]);
    let before = now();
    let again = sandbox.json(&["prove", "run", "--json"]);
    assert_eq!((again["windows"].as_array().unwrap().len(), &again["already_proven"]), (0, &json!([0, 1, 2])));
    assert_eq!(now(), before);
    sandbox.ok(&["prove", "run", "--again", "--jobs", "3"]);
    let after = now();
    assert_eq!((&before[0], &before[2]), (&after[0], &after[2]));
    assert_ne!(before[1], after[1]);
    sandbox.ok(&["verify", "run"]);
}

#[test]
fn what_is_not_proven_of_a_run_is_proven_by_the_same_command() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run", "--windows", "1.."]);
    sandbox.fails(&["verify", "run"], 1, &["not a whole run"]);
    let file = "run/public/proofs/window-0002.proof";
    let mut damaged = sandbox.read(file);
    damaged[200] ^= 1;
    std::fs::write(sandbox.path(file), damaged).unwrap();
    sandbox.fails(&["verify", "run", "--partial"], 1, &["INVALID", "window-0002.proof"]);
    let proven = sandbox.json(&["prove", "run", "--json"]);
    let windows: Vec<_> = proven["windows"].as_array().unwrap().iter().map(|w| w["window"].clone()).collect();
    assert_eq!((windows, &proven["already_proven"]), (vec![json!(0), json!(2)], &json!([1])));
    sandbox.ok(&["verify", "run"]);
}

#[test]
fn machines_that_share_the_secrets_prove_parts_of_one_run() {
    let sandbox = Sandbox::trained();
    for machine in ["other", "third"] {
        let copied = sandbox.shell(&format!("cp -r run {machine}")).status().unwrap();
        assert!(copied.success());
    }
    for (machine, windows) in [("other", "2..3"), ("third", "0..1"), ("run", "1..2")] {
        sandbox.ok(&["prove", machine, "--windows", windows]);
    }
    let files = "other/public/proofs/window-* third/public/proofs/window-*";
    assert!(sandbox.shell(&format!("cp {files} run/public/proofs")).status().unwrap().success());
    assert!(sandbox.ok(&["verify", "run"]).contains("VALID: 3 windows"));
    assert_eq!(sandbox.json(&["prove", "run", "--json"])["already_proven"], json!([0, 1, 2]));
}

#[test]
fn a_false_window_among_many_is_named() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    for window in 0..3 {
        let file = format!("run/public/proofs/window-{window:04}.proof");
        let proof = sandbox.read(&file);
        let mut forged = proof.clone();
        forged[proof.len() - 32] ^= 1;
        std::fs::write(sandbox.path(&file), forged).unwrap();
        sandbox.fails(&["verify", "run"], 1, &["INVALID", &file, "do not open"]);
        std::fs::write(sandbox.path(&file), proof).unwrap();
    }
    sandbox.ok(&["verify", "run"]);
}

#[test]
fn ranges_of_windows_that_are_none_are_refused() {
    let sandbox = Sandbox::trained();
    for (range, words) in [("2..9", "no window 8"), ("3..", "none"), ("2..2", "none"), ("5", "3..7"), ("a..b", "3..7")]
    {
        sandbox.fails(&["prove", "run", "--windows", range], 2, &[words]);
    }
}
