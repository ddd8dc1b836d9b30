//! Certificates and weights, also as others' tools see them.

use crate::support::{Sandbox, done, entries};
use std::path::{Path, PathBuf};
use std::process::Command;
use zkdl::certificate::{Claim, File, Signer};
use zkdl::chain;
use zkdl::statement::{Origin, Start, Statement};
use zkdl::tensors::{self, Number};
use zkdl_commit::blinds::OsEntropy;

const VERIFY: [&str; 6] =
    ["verify", "run", "--certificate", "run/certificate.dsse.json", "--signer", "run/signer.pub.pem"];

/// Proven, with weights, certified by a new key.
fn certified() -> Sandbox {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    sandbox.ok(&["weights", "export", "run"]);
    sandbox.ok(&["certify", "run", "--key", "key.pem", "--new-key"]);
    sandbox
}

fn flip(sandbox: &Sandbox, file: &str, place: usize) {
    let mut bytes = sandbox.read(file);
    let place = if place < bytes.len() { place } else { bytes.len() - 32 };
    bytes[place] ^= 1;
    std::fs::write(sandbox.path(file), bytes).unwrap();
}

/// Python with the packages of `python/requirements.txt`, which `tools/test-dependencies` installs.
fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/test-python/bin/python3");
    assert!(python.exists(), "{} is missing: run tools/test-dependencies", python.display());
    python
}

fn model_signing(sandbox: &Sandbox) -> i32 {
    let args = ["-m", "model_signing", "verify", "key", "run/model"];
    let files = ["--signature", "run/model.sig", "--public_key", "run/signer.pub.pem"];
    let mut command = Command::new(python());
    command.args(args).args(files).current_dir(sandbox.path(""));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() == text.contains("Verification succeeded"), "{text}");
    assert!(output.status.success() || text.contains("Verification failed"), "{text}");
    output.status.code().unwrap()
}

#[test]
fn a_certificate_is_of_a_valid_run_and_says_what_verify_finds() {
    let sandbox = certified();
    let out = sandbox.ok(&VERIFY);
    assert!(
        out.contains("VALID: 3 windows") && out.contains("Certified by zkdl") && out.contains("(verified)"),
        "{out}"
    );
    std::fs::rename(sandbox.path("run/model"), sandbox.path("model")).unwrap();
    assert!(sandbox.ok(&VERIFY).contains("by the signer's word"));
    let alone = &VERIFY[2..];
    let out = sandbox.ok(&[&["verify"], alone].concat());
    assert!(out.starts_with("SIGNED") && out.contains("nothing was verified again"), "{out}");
    let with = |weights| [&["verify"], alone, &["--weights", weights]].concat();
    sandbox.ok(&with("model/weights.safetensors"));
    sandbox.fails(&with("data.csv"), 1, &["INVALID", "other weights"]);
    let payload = sandbox.json(&[&["verify", "--json"], alone].concat());
    assert_eq!(payload["certificate"]["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(payload["certificate"]["predicate"]["windows"].as_array().unwrap().len(), 3);
}

#[test]
fn nothing_false_is_certified() {
    let sandbox = Sandbox::trained();
    sandbox.fails(&["weights", "export", "run"], 2, &["not proven", "zkdl prove"]);
    sandbox.ok(&["prove", "run", "--windows", "0..2"]);
    let certify = ["certify", "run", "--key", "key.pem"];
    sandbox.fails(&certify, 2, &["key.pem", "--new-key"]);
    let new = [&certify[..], &["--new-key"]].concat();
    sandbox.fails(&new, 1, &["INVALID", "not a whole run"]);
    sandbox.fails(&new, 2, &["key.pem exists"]);
    sandbox.ok(&["prove", "run"]);
    sandbox.fails(&[&certify[..], &["--trust-data"]].concat(), 2, &["taken for granted"]);
    let proof = sandbox.read("run/public/proofs/window-0001.proof");
    flip(&sandbox, "run/public/proofs/window-0001.proof", usize::MAX);
    sandbox.fails(&certify, 1, &["INVALID", "window-0001.proof"]);
    std::fs::write(sandbox.path("run/public/proofs/window-0001.proof"), proof).unwrap();
    assert!(sandbox.ok(&["weights", "export", "run"]).contains("exactly the integers"));
    for file in ["run/model/integers.safetensors", "run/model/weights.safetensors", "run/model/weights.proof"] {
        let good = sandbox.read(file);
        flip(&sandbox, file, usize::MAX);
        sandbox.fails(&certify, 1, &["INVALID"]);
        std::fs::write(sandbox.path(file), good).unwrap();
    }
    let written = || entries(&sandbox.run_dir()).iter().any(|path| path.to_string_lossy().contains("certificate"));
    assert!(!written());
    std::fs::write(sandbox.path("other.pem"), "no key").unwrap();
    sandbox.fails(&["certify", "run", "--key", "other.pem"], 2, &["other.pem", "private key"]);
    assert!(sandbox.ok(&certify).starts_with("VALID, and signed\n"));
    assert!(written());
}

/// Catalogue 106.
#[test]
fn certificates_of_another_key_another_run_or_another_model_are_refused() {
    let (sandbox, other) = (certified(), certified());
    for file in ["certificate.dsse.json", "signer.pub.pem"] {
        std::fs::copy(other.path(&format!("run/{file}")), sandbox.path(&format!("other.{file}"))).unwrap();
    }
    let with = |certificate, signer| ["verify", "run", "--certificate", certificate, "--signer", signer];
    let (ours, key) = ("run/certificate.dsse.json", "run/signer.pub.pem");
    sandbox.fails(&with(ours, "other.signer.pub.pem"), 1, &["INVALID", "signature"]);
    sandbox.fails(&with("other.certificate.dsse.json", key), 1, &["INVALID", "signature"]);
    sandbox.fails(&with("other.certificate.dsse.json", "other.signer.pub.pem"), 1, &["INVALID", "something else"]);
    sandbox.fails(&with("data.csv", key), 1, &["INVALID", "no certificate"]);
    sandbox.fails(&with(ours, "data.csv"), 2, &["public key"]);
    sandbox.fails(&with("nothing", key), 3, &["nothing"]);
    sandbox.fails(&["verify", "run", "--certificate", ours], 2, &["--signer"]);
    flip(&sandbox, "run/model/weights.safetensors", usize::MAX);
    sandbox.fails(&VERIFY, 1, &["INVALID", "weights.safetensors"]);
}

#[test]
fn a_file_of_weights_is_shown_to_be_the_models() {
    let (sandbox, other) = (certified(), certified());
    let verify = |file| ["weights", "verify", file, "--public", "run/public"];
    for file in ["run/model/weights.safetensors", "run/model/integers.safetensors"] {
        assert!(sandbox.ok(&verify(file)).contains("exactly the weights"));
        let good = sandbox.read(file);
        flip(&sandbox, file, usize::MAX);
        sandbox.fails(&verify(file), 1, &["INVALID", file]);
        std::fs::write(sandbox.path(file), &good[..good.len() - 1]).unwrap();
        sandbox.fails(&verify(file), 2, &["no safetensors"]);
        std::fs::write(sandbox.path(file), good).unwrap();
    }
    let good = sandbox.read("run/model/integers.safetensors");
    let no_float = [&good[..good.len() - 8], &((1i64 << 40) + 1).to_le_bytes()].concat();
    std::fs::write(sandbox.path("run/model/integers.safetensors"), no_float).unwrap();
    sandbox.fails(&verify("run/model/integers.safetensors"), 1, &["INVALID", "verify the file of integers"]);
    std::fs::write(sandbox.path("run/model/integers.safetensors"), good).unwrap();
    let statement = ["--statement", "run/public/proofs/window-0002.statement"];
    sandbox.ok(&[&["weights", "verify", "run/model/weights.safetensors"][..], &statement].concat());
    let earlier = ["--statement", "run/public/proofs/window-0001.statement"];
    sandbox.fails(&[&["weights", "verify", "run/model/weights.safetensors"][..], &earlier].concat(), 1, &["INVALID"]);
    sandbox.fails(&["weights", "verify", "run/model/weights.safetensors"], 2, &["--public"]);
    std::fs::copy(other.path("run/model/integers.safetensors"), sandbox.path("other.safetensors")).unwrap();
    let proof = ["--proof", "run/model/weights.proof"];
    sandbox.fails(&[&verify("other.safetensors")[..], &proof].concat(), 1, &["INVALID", "not the weights"]);
}

/// The statement of a window.
fn statement(sandbox: &Sandbox, window: u64) -> Statement {
    Statement::decode(&sandbox.read(&format!("run/public/proofs/window-{window:04}.statement"))).unwrap()
}

/// A trainer proves weights of which the run's last windows know nothing: where windows meet, it does not end.
#[test]
fn weights_of_an_earlier_window_are_not_those_of_the_run() {
    let sandbox = certified();
    let verify = ["weights", "verify", "run/model/integers.safetensors", "--public", "run/public"];
    assert!(sandbox.ok(&verify).contains("those after 10 of the run's 10 steps"));
    let verdict = sandbox.json(&[&verify[..], &["--json"]].concat());
    assert_eq!((&verdict["of"], &verdict["step"]), (&"end".into(), &10.into()));
    let last = statement(&sandbox, 2);
    let mut later = Statement { first_step: chain::end(&last), ..last.clone() };
    later.start = Start::Committed { origin: Origin::Seed, rows: last.end.clone() };
    later.end.reverse();
    assert_ne!(later.end, last.end);
    std::fs::write(sandbox.path("run/public/proofs/window-0003.statement"), later.encode()).unwrap();
    std::fs::write(sandbox.path("run/public/proofs/window-0003.proof"), "").unwrap();
    sandbox.fails(&verify, 1, &["INVALID", "neither ends nor starts"]);
    // Nor if it is the first of those that are there.
    for file in ["0000.statement", "0000.proof", "0001.statement", "0001.proof"] {
        std::fs::remove_file(sandbox.path(&format!("run/public/proofs/window-{file}"))).unwrap();
    }
    sandbox.fails(&verify, 1, &["INVALID", "neither ends nor starts"]);
}

/// Catalogue 106: files of weights are of the kind that their name says.
#[test]
fn integers_under_the_name_of_floats_are_not_certified() {
    let sandbox = certified();
    let run = statement(&sandbox, 2).algorithm();
    let bits = run.format.f_w();
    let exact = tensors::decode(&sandbox.read("run/model/integers.safetensors"), &run.widths, bits).unwrap();
    let file = tensors::encode(&tensors::rounded(&exact, bits), Number::Integer, bits, &[]);
    std::fs::write(sandbox.path("run/model/weights.safetensors"), file).unwrap();
    sandbox.fails(&["certify", "run", "--key", "key.pem"], 1, &["INVALID", "weights.safetensors", "F32"]);
}

/// Who signs may name the program with what a terminal obeys.
#[test]
fn a_certificate_writes_nothing_but_words() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run", "--windows", "0..1"]);
    let (run, signer) = (statement(&sandbox, 0), Signer::draw(&mut OsEntropy).unwrap());
    let claim = Claim { run: &run, windows: &[], data_proof: &[], weights: &[File::new("weights", b"")] };
    let verifier = "zkdl\u{1b}[1A\rVALID: verified\u{9b}2J\u{202e}\nVALID: all of it";
    let certificate = claim.certify(verifier, &signer);
    std::fs::write(sandbox.path("c.json"), certificate).unwrap();
    sandbox.write("signer.pem", &signer.public().to_pem().unwrap());
    let out = sandbox.ok(&["verify", "--certificate", "c.json", "--signer", "signer.pem"]);
    assert!(out.contains("\\u001b[1A\\u000dVALID") && out.contains("\\u202e\\u000aVALID"), "{out}");
    assert!(out.lines().all(|line| !line.starts_with("VALID") && !line.contains(char::is_control)), "{out}");
    let read = sandbox.json(&["verify", "--certificate", "c.json", "--signer", "signer.pem", "--json"]);
    assert_eq!(read["certificate"]["predicate"]["verifier"], verifier);
}

#[test]
fn the_model_signing_tool_verifies_the_bundle_and_no_changed_file() {
    let sandbox = certified();
    assert_eq!(model_signing(&sandbox), 0);
    for file in ["weights.safetensors", "integers.safetensors", "weights.proof"] {
        let path = format!("run/model/{file}");
        let good = sandbox.read(&path);
        flip(&sandbox, &path, usize::MAX);
        assert_ne!(model_signing(&sandbox), 0, "{file}");
        std::fs::write(sandbox.path(&path), good).unwrap();
    }
    sandbox.write("run/model/more", "a file that nobody signed");
    assert_ne!(model_signing(&sandbox), 0);
}

#[test]
fn numpy_reproduces_the_predictions_from_the_safetensors() {
    let sandbox = Sandbox::new();
    // Three epochs are too few for some starts.
    sandbox.ok(&["quickstart", "--epochs", "6", "--dir", "q"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/predict.py");
    let mut command = Command::new(python());
    command.arg(script).args(["q/model", "q/digits.csv"]).current_dir(sandbox.path(""));
    let numpy = done(command.output().unwrap());
    assert_eq!(numpy.code, 0, "{}", numpy.err);
    let numpy: serde_json::Value = serde_json::from_str(&numpy.out).unwrap();
    let classes = |key: &str| -> Vec<u64> { serde_json::from_value(numpy[key].clone()).unwrap() };
    let ours = sandbox.json(&["weights", "predict", "q", "--query", "q/digits.csv", "--json"]);
    assert_eq!(ours["classes"], numpy["integers"]);
    let alike = |a: &[u64], b: &[u64]| a.iter().zip(b).filter(|(a, b)| a == b).count();
    let (integers, floats, labels) = (classes("integers"), classes("floats"), classes("labels"));
    assert_eq!(integers.len(), 1797);
    assert!(alike(&integers, &labels) > 1500);
    assert!(alike(&integers, &floats) >= 1790, "float32 does not round activations, and may differ in a tie");
}
