//! Files: what is in them, who may read them, and what happens when they are not what they should be.

use crate::support::{NONCE, Sandbox, config, csv, entries, verify_args, with};
use sha2::{Digest, Sha256};
use std::os::unix::fs::PermissionsExt;

#[test]
fn init_writes_a_configuration_that_trains() {
    let sandbox = Sandbox::new();
    sandbox.write("points.csv", &csv(90));
    sandbox.ok(&["init", "run", "--data", "points.csv"]);
    let text = String::from_utf8(sandbox.read("run/zkdl.toml")).unwrap();
    assert!(text.contains("value_max = 16") && text.contains("fraction_bits = 4") && text.contains("test_points = 18"));
    sandbox.fails(&["init", "run"], 2, &["exists already"]);
    sandbox.ok(&["data", "commit", "run"]);
    sandbox.fails(&["train", "run"], 2, &["--beacon", "publish the data root"]);
    sandbox.ok(&["train", "run", "--beacon", NONCE]);
    sandbox.ok(&["init", "other"]);
    sandbox.fails(&["init", "third", "--data", "run/zkdl.toml"], 2, &[]);
    assert!(!sandbox.has("third"));
    sandbox.fails(&["init", "/dev/null/run"], 3, &["/dev/null/run"]);
}

#[test]
fn secrets_are_private_and_public_files_are_not() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run", "--window", "1"]);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&sandbox.path("run/secret")), 0o700);
    let secrets = entries(&sandbox.path("run/secret"));
    assert_eq!(secrets.len(), 8, "data, three checkpoints, two lists of rows, metrics, timings: {secrets:?}");
    for file in secrets {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    for file in entries(&sandbox.path("run/public")) {
        assert_eq!(mode(&file) & 0o400, 0o400, "{}", file.display());
        assert_ne!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn committing_again_changes_nothing_and_restores_a_lost_public_file() {
    let sandbox = Sandbox::with_run();
    sandbox.ok(&["data", "commit", "run"]);
    let (points, secret) = (sandbox.read("run/public/points.zkdl"), sandbox.read("run/secret/data"));
    std::fs::remove_file(sandbox.path("run/public/points.zkdl")).unwrap();
    let out = sandbox.ok(&["data", "commit", "run"]);
    assert!(out.contains("already committed"));
    assert_eq!((sandbox.read("run/public/points.zkdl"), sandbox.read("run/secret/data")), (points, secret));
}

#[test]
fn two_commitments_to_the_same_data_have_nothing_in_common() {
    let roots = [(), ()].map(|()| {
        let sandbox = Sandbox::with_run();
        sandbox.json(&["data", "commit", "run", "--json"])["root"].to_string()
    });
    assert_ne!(roots[0], roots[1]);
}

#[test]
fn inspect_knows_every_file_and_shows_no_secret() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    sandbox.ok(&["weights", "export", "run"]);
    sandbox.write("far.csv", "a,b,c,d\n16,16,16,16\n");
    sandbox.ok(&["absent", "prove", "run", "--query", "far.csv", "--nonce", NONCE]);
    let kinds = [
        ("run/zkdl.toml", "configuration"),
        ("run/public/points.zkdl", "point commitments"),
        ("run/public/data.zkdl", "description of a data set"),
        ("run/public/data.proof", "proof of a data set"),
        ("run/model/weights.proof", "proof of weights"),
        ("absent.answer", "answer: absent"),
        ("run/public/proofs/window-0001.statement", "statement"),
        ("run/public/proofs/window-0001.proof", "proof"),
        ("run/secret/data", "SECRET training data"),
        ("run/secret/weights-4", "SECRET weights"),
        ("run/secret/rows-4", "SECRET blinds"),
    ];
    for (file, kind) in kinds {
        assert!(sandbox.ok(&["inspect", file]).contains(kind), "{file}");
        assert!(sandbox.json(&["inspect", file, "--json"])["kind"].to_string().contains(kind), "{file}");
    }
    sandbox.fails(&["inspect", "data.csv"], 2, &["not a file of zkdl"]);
    sandbox.fails(&["inspect", "nothing"], 3, &["nothing"]);
    let truncated = &sandbox.read("run/public/proofs/window-0001.proof")[..40];
    std::fs::write(sandbox.path("short"), truncated).unwrap();
    sandbox.fails(&["inspect", "short"], 2, &["the bytes end at"]);
}

#[test]
fn a_data_set_is_shown_with_what_is_known_of_it() {
    let (sandbox, other) = (Sandbox::trained(), Sandbox::trained());
    let out = sandbox.ok(&["data", "show", "run"]);
    for part in ["36 committed points of 4 features", "Ranges (proven)", "no distance is fixed", "a label of 3 classes"]
    {
        assert!(out.contains(part), "{part} is missing from\n{out}");
    }
    assert!(sandbox.ok(&["data", "show", "run/public"]).contains("Ranges (proven)"));
    assert!(sandbox.ok(&["data", "show", "run/public/data.zkdl"]).contains("Ranges (not looked at)"));
    let json = sandbox.json(&["data", "show", "run", "--json"]);
    assert_eq!((&json["data"]["points"], &json["in_range"]), (&36.into(), &"proven".into()));
    let proof = sandbox.read("run/public/data.proof");
    std::fs::remove_file(sandbox.path("run/public/data.proof")).unwrap();
    assert!(sandbox.ok(&["data", "show", "run"]).contains("Ranges (no proof)"));
    std::fs::write(sandbox.path("run/public/data.proof"), &proof[..proof.len() - 1]).unwrap();
    sandbox.fails(&["data", "show", "run"], 1, &["INVALID", "data.proof"]);
    std::fs::copy(other.path("run/public/points.zkdl"), sandbox.path("run/public/points.zkdl")).unwrap();
    sandbox.fails(&["data", "show", "run"], 1, &["INVALID", "points.zkdl"]);
    sandbox.fails(&["data", "show", "data.csv"], 2, &["data.csv"]);
    sandbox.fails(&["data", "show", "nothing"], 3, &["nothing"]);
}

#[test]
fn foreign_and_damaged_files_are_noticed_at_every_step() {
    let sandbox = Sandbox::trained();
    let good = sandbox.read("run/secret/weights-4");
    let mut damaged = good.clone();
    damaged[100] ^= 1;
    std::fs::write(sandbox.path("run/secret/weights-4"), &damaged).unwrap();
    sandbox.fails(&["prove", "run", "--window", "1"], 3, &["weights-4", "damaged"]);
    std::fs::copy(sandbox.path("data.csv"), sandbox.path("run/secret/weights-4")).unwrap();
    sandbox.fails(&["prove", "run", "--window", "1"], 2, &["weights-4", "this is not a weights file"]);
    std::fs::copy(sandbox.path("run/secret/weights-8"), sandbox.path("run/secret/weights-4")).unwrap();
    sandbox.fails(&["prove", "run", "--window", "1"], 2, &["weights-4", "another run"]);
    std::fs::remove_file(sandbox.path("run/secret/weights-4")).unwrap();
    sandbox.fails(&["prove", "run", "--window", "1"], 2, &["before step 4", "zkdl train run"]);
    std::fs::copy(sandbox.path("data.csv"), sandbox.path("run/secret/data")).unwrap();
    sandbox.fails(&["train", "run"], 2, &["this is not a data file"]);
}

/// Changes a byte of a secret file so that its checksum still fits.
fn forge(sandbox: &Sandbox, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = sandbox.read(name);
    bytes.truncate(bytes.len() - 32);
    change(&mut bytes);
    let checksum = Sha256::digest(&bytes);
    bytes.extend(checksum);
    std::fs::write(sandbox.path(name), bytes).unwrap();
}

#[test]
fn check_finds_what_does_not_belong_together() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    let report = sandbox.json(&["check", "run", "--json"]);
    assert_eq!(
        (report["committed_points"].as_u64(), report["next_checkpoint_compared"].as_bool()),
        (Some(36), Some(true))
    );
    assert!(report["weight_rows_compared"].as_u64().unwrap() > 0);
    let good = sandbox.read("run/secret/weights-4");
    forge(&sandbox, "run/secret/weights-4", |bytes| *bytes.last_mut().unwrap() ^= 1);
    sandbox.fails(&["check", "run"], 1, &["weights-4", "layer 3, weight (5, 2)"]);
    std::fs::write(sandbox.path("run/secret/weights-4"), good).unwrap();
    forge(&sandbox, "run/secret/data", |bytes| bytes["zkdl-secret-data".len() + 4 + 94] ^= 1);
    sandbox.fails(&["check", "run"], 1, &["points.zkdl", "commitment 0", "training point 0"]);
}

/// Catalogue 13.
#[test]
fn verify_tells_invalid_from_unreadable_and_mixed_up() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    let args = verify_args(0);
    assert!(sandbox.ok(&with(&args, &[])).starts_with("VALID"));
    let proof = sandbox.read("run/public/proofs/window-0000.proof");
    let replace = |bytes: &[u8], code: i32, words: &[&str]| {
        std::fs::write(sandbox.path("run/public/proofs/window-0000.proof"), bytes).unwrap();
        sandbox.fails(&with(&args, &[]), code, words);
    };
    for place in [0, 12, 40, 100, proof.len() / 2, proof.len() - 1] {
        let mut changed = proof.clone();
        changed[place] ^= 1;
        replace(&changed, 1, &["INVALID", "NOT proven", "Model"]);
    }
    replace(&proof[..proof.len() - 1], 1, &["INVALID"]);
    replace(&[&proof[..], &[0]].concat(), 1, &["INVALID", "1 bytes follow its end"]);
    replace(b"", 1, &["INVALID", "not a proof"]);
    replace(csv(9).as_bytes(), 1, &["INVALID", "not a proof"]);
    std::fs::remove_file(sandbox.path("run/public/proofs/window-0000.proof")).unwrap();
    sandbox.fails(&with(&args, &[]), 3, &["window-0000.proof"]);
    sandbox.fails(&["verify", "run"], 3, &["window-0000.proof"]);
    replace(&proof, 0, &["VALID"]);
    let mixed = |statement: &str, points: &str, code, words: &[&str]| {
        let proof = "run/public/proofs/window-0000.proof";
        let args = ["verify", "--statement", statement, "--points", points, "--proof", proof, "--trust-data"];
        sandbox.fails(&args, code, words);
    };
    let (statement, points) = ("run/public/proofs/window-0000.statement", "run/public/points.zkdl");
    mixed("data.csv", points, 2, &["not a statement"]);
    mixed(statement, statement, 2, &["not a list of point commitments"]);
    mixed(statement, "nothing", 3, &["nothing"]);
    let mut other = sandbox.read(points);
    *other.last_mut().unwrap() ^= 1;
    std::fs::write(sandbox.path("other.zkdl"), other).unwrap();
    mixed(statement, "other.zkdl", 1, &["INVALID", "point commitments do not belong"]);
    let mut other = sandbox.read(statement);
    *other.last_mut().unwrap() ^= 1;
    std::fs::write(sandbox.path("other.statement"), other).unwrap();
    mixed("other.statement", points, 1, &["INVALID", "another statement"]);
}

#[test]
fn the_proof_of_the_data_is_verified_unless_it_is_taken_for_granted() {
    const DATA: &str = "run/public/data.proof";
    let (sandbox, other) = (Sandbox::trained(), Sandbox::trained());
    sandbox.ok(&["prove", "run"]);
    let args = verify_args(0);
    let bare = &args[..7];
    assert!(sandbox.ok(&["verify", "run"]).contains("Data (proven): Every committed feature is an integer in [0, 16]"));
    sandbox.fails(&with(bare, &[]), 2, &["--data-proof", "--trust-data"]);
    assert!(sandbox.ok(&with(bare, &["--trust-data"])).contains("Data (taken for granted)"));
    let proof = sandbox.read(DATA);
    std::fs::write(sandbox.path(DATA), other.read(DATA)).unwrap();
    sandbox.fails(&["verify", "run"], 1, &["INVALID", DATA, "another statement"]);
    sandbox.fails(&with(&args, &[]), 1, &["INVALID", DATA]);
    let mut changed = proof.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(sandbox.path(DATA), &changed).unwrap();
    sandbox.fails(&["verify", "run"], 1, &["INVALID", DATA]);
    std::fs::remove_file(sandbox.path(DATA)).unwrap();
    sandbox.fails(&["verify", "run"], 3, &[DATA]);
    assert_eq!(sandbox.json(&["verify", "run", "--trust-data", "--json"])["data"], "taken for granted");
    std::fs::write(sandbox.path(DATA), &proof).unwrap();
    for remembered in ["proven", "remembered as proven"] {
        assert_eq!(sandbox.json(&["verify", "run", "--remember-data", "--json"])["data"], remembered);
        assert_eq!(sandbox.json(&["verify", "run", "--json"])["data"], "proven");
    }
    std::fs::write(sandbox.path(DATA), &changed).unwrap();
    sandbox.fails(&["verify", "run", "--remember-data"], 1, &["INVALID", DATA]);
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let sandbox = Sandbox::with_run();
    sandbox.ok(&["data", "commit", "run"]);
    // No file may grow beyond 512 bytes: writing fails in the middle, as on a full disk.
    let limited = |verb: &str| {
        let script = format!("trap '' XFSZ; ulimit -f 1; exec '{}' {verb} run", crate::support::ZKDL);
        sandbox.shell(&script).output().unwrap()
    };
    let output = limited("train");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.contains("cannot write run/secret/weights-4"), "{error}");
    assert!(!sandbox.has("run/secret/weights-4"));
    sandbox.ok(&["train", "run"]);
    let output = limited("prove");
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!sandbox.has("run/public/proofs/window-0000.proof"));
    assert_eq!(sandbox.temporary_files(), Vec::<std::path::PathBuf>::new());
    sandbox.ok(&["prove", "run"]);
}

#[test]
fn a_configuration_from_elsewhere_is_copied() {
    let sandbox = Sandbox::new();
    sandbox.write("data.csv", &csv(45));
    sandbox.write("my.toml", &config().replace("../data.csv", "data.csv"));
    sandbox.ok(&["data", "commit", "run", "--config", "my.toml"]);
    sandbox.ok(&["train", "run"]);
    sandbox.write("my.toml", &config().replace("../data.csv", "data.csv").replace("hidden = [6, 5]", "hidden = [6]"));
    sandbox.fails(&["data", "commit", "run", "--config", "my.toml"], 2, &["differs from my.toml"]);
}
