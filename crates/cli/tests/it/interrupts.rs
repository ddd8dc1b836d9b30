//! Killed and interrupted runs.

use crate::support::{Sandbox, ZKDL, config, csv, entries};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn spawn(sandbox: &Sandbox, args: &[&str]) -> Child {
    sandbox.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn wait_for(path: &Path, child: &mut Child) {
    let started = Instant::now();
    while !path.exists() {
        assert!(child.try_wait().unwrap().is_none(), "the command ended without {}", path.display());
        assert!(started.elapsed() < Duration::from_secs(120), "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in entries(from) {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() { copy_all(&entry, &target) } else { std::fs::copy(&entry, &target).map(|_| ()).unwrap() }
    }
}

/// Sends a signal; returns the exit code, none if the signal ended the process.
fn signal(child: &mut Child, name: &str) -> Option<i32> {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap().code()
}

#[test]
fn a_killed_training_goes_on_to_the_same_weights() {
    stopped_training_goes_on("-KILL", None);
}

#[test]
fn a_killed_commitment_goes_on_with_the_same_rows_and_blinds() {
    let sandbox = Sandbox::with_run();
    sandbox.write("data.csv", &csv(40_000));
    let mut child = spawn(&sandbox, &["data", "commit", "run", "--threads", "1"]);
    wait_for(&sandbox.path("run/secret/points"), &mut child);
    assert_eq!(signal(&mut child, "-KILL"), None);
    assert!(!sandbox.has("run/public/data.zkdl"), "it was stopped in the middle");
    sandbox.fails(&["train", "run"], 2, &["not finished", "zkdl data commit run"]);
    let secret = sandbox.read("run/secret/data");
    let resumed = sandbox.json(&["data", "commit", "run", "--json"]);
    assert_eq!(resumed["already_committed"], false);
    assert_eq!(sandbox.read("run/secret/data"), secret);
    assert!(!sandbox.has("run/secret/points"));
    assert_eq!(sandbox.temporary_files(), Vec::<PathBuf>::new());
    let public = ["run/public/data.zkdl", "run/public/points.zkdl"].map(|file| (file, sandbox.read(file)));
    for (file, _) in &public {
        std::fs::remove_file(sandbox.path(file)).unwrap();
    }
    let whole = sandbox.json(&["data", "commit", "run", "--json"]);
    assert_eq!(whole["root"], resumed["root"]);
    for (file, bytes) in public {
        assert_eq!(sandbox.read(file), bytes, "{file}");
    }
}

#[test]
fn an_interrupted_training_goes_on_to_the_same_weights() {
    stopped_training_goes_on("-INT", Some(130));
}

fn stopped_training_goes_on(name: &str, code: Option<i32>) {
    const STEPS: &str = "steps = 600";
    let sandbox = Sandbox::with_run();
    let config = config().replace("steps = 10", STEPS).replace("window = 4", "window = 1");
    sandbox.write("run/zkdl.toml", &config.replace("[[0, 0.0625], [5, 0.04]]", "0.0625"));
    sandbox.ok(&["data", "commit", "run"]);
    copy_all(&sandbox.run_dir(), &sandbox.path("other"));
    let mut child = spawn(&sandbox, &["train", "run"]);
    wait_for(&sandbox.path("run/secret/weights-20"), &mut child);
    assert_eq!(signal(&mut child, name), code);
    assert!(!sandbox.has("run/secret/weights-600"), "it was stopped in the middle");
    let stale = sandbox.path("run/secret/.zkdl-tmp-999999999-x");
    std::fs::write(&stale, "what a killed process leaves").unwrap();
    let resumed = sandbox.json(&["train", "run", "--json"]);
    assert!(resumed["resumed_at"].as_u64().unwrap() >= 20);
    assert!(!stale.exists());
    assert_eq!(sandbox.temporary_files(), Vec::<PathBuf>::new());
    let whole = sandbox.json(&["train", "other", "--json"]);
    assert_eq!(whole["resumed_at"], 0);
    for step in [20, 21, 300, 600] {
        let weights = |run: &str| sandbox.read(&format!("{run}/secret/weights-{step}"));
        assert_eq!(weights("run"), weights("other"), "step {step}");
    }
}

#[test]
fn an_interrupted_proof_leaves_no_file_and_can_be_made_again() {
    let sandbox = Sandbox::with_run();
    let config = config().replace("hidden = [6, 5]", "hidden = [512, 512]").replace("window = 4", "window = 10");
    sandbox.write("run/zkdl.toml", &config.replace("batch = 4", "batch = 32").replace("0.0625], [5, 0.04]", "0.25]"));
    sandbox.ok(&["data", "commit", "run"]);
    let mut child = spawn(&sandbox, &["prove", "run"]);
    wait_for(&sandbox.path("run/secret/rows-10"), &mut child);
    let rows = sandbox.read("run/secret/rows-10");
    assert_eq!(signal(&mut child, "-INT"), Some(130));
    assert!(!sandbox.has("run/public/proofs/window-0000.proof"));
    assert_eq!(sandbox.temporary_files(), Vec::<PathBuf>::new());
    sandbox.ok(&["prove", "run"]);
    assert_eq!(sandbox.read("run/secret/rows-10"), rows);
    sandbox.ok(&["verify", "run"]);
}

/// Killed while it trains and while it proves: the same weights at every boundary, and every window proven.
fn killed_run_ends_the_same(sandbox: &Sandbox, boundaries: &[u64]) {
    sandbox.ok(&["data", "commit", "run"]);
    copy_all(&sandbox.run_dir(), &sandbox.path("other"));
    let mut child = spawn(sandbox, &["train", "run"]);
    wait_for(&sandbox.path(&format!("run/secret/weights-{}", boundaries[0])), &mut child);
    signal(&mut child, "-KILL");
    sandbox.ok(&["train", "run"]);
    sandbox.ok(&["train", "other"]);
    for step in boundaries {
        let weights = |run: &str| sandbox.read(&format!("{run}/secret/weights-{step}"));
        assert_eq!(weights("run"), weights("other"), "step {step}");
    }
    let mut child = spawn(sandbox, &["prove", "run", "--jobs", "1"]);
    wait_for(&sandbox.path("run/public/proofs/window-0000.proof"), &mut child);
    assert_eq!(signal(&mut child, "-KILL"), None, "it was stopped in the middle");
    let resumed = sandbox.json(&["prove", "run", "--json"]);
    assert_eq!(resumed["already_proven"][0], 0);
    assert!(!resumed["windows"].as_array().unwrap().is_empty());
    assert_eq!(sandbox.temporary_files(), Vec::<PathBuf>::new());
    let verified = sandbox.ok(&["verify", "run"]);
    assert!(verified.contains(&format!("VALID: {} windows", boundaries.len())), "{verified}");
}

#[test]
fn a_killed_run_of_the_digits_ends_the_same() {
    let digits = include_str!("../../../../examples/digits/digits.toml");
    let config = format!("{}\n[proof]\nwindow = 22\n", digits.replace("epochs = 20", "steps = 88"));
    let sandbox = Sandbox::with_config(&config);
    sandbox.write("run/digits.csv", include_str!("../../../../examples/digits/digits.csv"));
    killed_run_ends_the_same(&sandbox, &[22, 44, 66, 88]);
}

#[test]
fn a_killed_run_of_a_million_parameters_ends_the_same() {
    let row = |i: u32| (0..784).map(|k| format!("{},", (i * 31 + k * (i % 10 + 3)) % 64)).collect::<String>();
    let header = (0..784).map(|k| format!("x{k},")).collect::<String>();
    let csv: String = (0..192).map(|i| format!("{}{}\n", row(i), i % 10)).collect();
    let config = config()
        .replace("value_max = 16", "value_max = 63")
        .replace("fraction_bits = 4", "fraction_bits = 6")
        .replace("test_points = 9", "test_points = 0")
        .replace("hidden = [6, 5]", "hidden = [512, 512, 512]")
        .replace("steps = 10\nbatch = 4", "steps = 12\nbatch = 64")
        .replace("[[0, 0.0625], [5, 0.04]]", "0.0625")
        .replace("q = 15\nq_g = 13", "f_g = 16\nq = 15\nq_g = 12")
        .replace("window = 4", "window = 3");
    let sandbox = Sandbox::with_config(&config);
    sandbox.write("data.csv", &format!("{header}label\n{csv}"));
    killed_run_ends_the_same(&sandbox, &[3, 6, 9, 12]);
}

#[test]
fn a_reader_that_stops_early_is_no_error() {
    let sandbox = Sandbox::trained();
    let script = format!("'{ZKDL}' inspect run/zkdl.toml | true");
    assert!(sandbox.shell(&script).status().unwrap().success());
}
