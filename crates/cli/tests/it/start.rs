//! Runs from weights that they are given.

use crate::support::{Sandbox, config};

const START: &str = "nonce = ";

/// A run that starts from a file beside its directory.
fn from(file: &str, more: &str) -> Sandbox {
    Sandbox::with_config(&config().replace(START, &format!("start = \"{file}\"\n{more}\n{START}")))
}

/// The same, with the final weights of another run under `start.safetensors`.
fn given(more: &str) -> Sandbox {
    let (sandbox, other) = (from("../start.safetensors", more), Sandbox::trained());
    other.ok(&["prove", "run"]);
    other.ok(&["weights", "export", "run"]);
    std::fs::copy(other.path("run/model/integers.safetensors"), sandbox.path("start.safetensors")).unwrap();
    sandbox
}

#[test]
fn a_run_from_given_weights_is_proven_from_its_first_step() {
    let sandbox = given("");
    for verb in [&["data", "commit", "run"][..], &["train", "run"], &["prove", "run"]] {
        sandbox.ok(verb);
    }
    // What the run was given is kept: the file is needed no more.
    std::fs::rename(sandbox.path("start.safetensors"), sandbox.path("kept.safetensors")).unwrap();
    sandbox.ok(&["check", "run"]);
    let out = sandbox.ok(&["verify", "run"]);
    assert!(out.contains("VALID: 3 windows") && out.contains("integers of 32 bits"), "{out}");
    let files = |window| ["statement", "json"].map(|end| format!("run/public/proofs/window-000{window}.{end}"));
    let inspected = sandbox.json(&["inspect", &files(1)[0], "--json"]);
    assert_eq!(inspected["content"]["start"]["run_started_from"]["kind"], "named weights");
    sandbox.ok(&["weights", "export", "run", "--start"]);
    for file in ["run/start/integers.safetensors", "run/start/weights.safetensors", "kept.safetensors"] {
        let proof = ["--proof", "run/start/weights.proof", "--public", "run/public"];
        let verified = sandbox.json(&[&["weights", "open", file, "--json"][..], &proof].concat());
        assert_eq!((&verified["verdict"], &verified["of"]), (&"VALID".into(), &"start".into()), "{file}");
    }
    sandbox.ok(&["weights", "export", "run"]);
    let ends = ["--proof", "run/start/weights.proof", "--public", "run/public"];
    let args = [&["weights", "verify", "run/model/integers.safetensors"][..], &ends].concat();
    sandbox.fails(&args, 1, &["INVALID", "not the weights"]);
    sandbox.ok(&["certify", "run", "--key", "key.pem", "--new-key"]);
    let certificate = ["verify", "--certificate", "run/certificate.dsse.json", "--signer", "run/signer.pub.pem"];
    assert!(sandbox.ok(&certificate).contains("They were given to the run"));
    sandbox.ok(&["report", "run", "-o", "report.html"]);
    assert!(String::from_utf8(sandbox.read("report.html")).unwrap().contains("They were given to the run"));
}

#[test]
fn a_run_from_the_seed_has_no_start_to_export() {
    let sandbox = Sandbox::trained();
    sandbox.fails(&["weights", "export", "run", "--start"], 2, &["public seed"]);
}

#[test]
fn weights_that_are_none_are_refused_by_name() {
    let refused = |sandbox: &Sandbox, code, parts: &[&str]| {
        sandbox.ok(&["data", "commit", "run"]);
        sandbox.fails(&["train", "run"], code, parts);
        assert!(!sandbox.has("run/secret/start"));
    };
    refused(&from("nothing.safetensors", ""), 3, &["nothing.safetensors"]);
    refused(&from("../data.csv", ""), 2, &["data.csv", "no safetensors"]);
    refused(&given("start_bits = 16"), 2, &["start.safetensors", "layers.0.weight, value", "start_bits"]);
    from("nothing", "start_bits = 20").fails(&["data", "commit", "run"], 2, &["16, 32 or 64"]);
    let sandbox = given("");
    sandbox.write("run/zkdl.toml", &sandbox.text("run/zkdl.toml").replace("[6, 5]", "[6]"));
    refused(&sandbox, 2, &["start.safetensors", "6 tensors, 4 were expected"]);
    let sandbox = Sandbox::with_config(&config().replace(START, &format!("start_bits = 32\n{START}")));
    sandbox.fails(&["data", "commit", "run"], 2, &["start_bits", "`start`"]);
}

#[test]
fn given_weights_do_not_change_under_a_run() {
    let sandbox = given("");
    sandbox.ok(&["data", "commit", "run"]);
    sandbox.ok(&["train", "run"]);
    let path = sandbox.path("start.safetensors");
    let good = std::fs::read(&path).unwrap();
    let mut other = good.clone();
    let last = other.len() - 8;
    other[last] ^= 1;
    std::fs::write(&path, other).unwrap();
    sandbox.fails(&["prove", "run"], 2, &["start.safetensors changed", "undo the change"]);
    std::fs::write(&path, good).unwrap();
    let config = sandbox.text("run/zkdl.toml");
    sandbox.write("run/zkdl.toml", &config.replace("q_g = 13", "q_g = 14"));
    sandbox.fails(&["prove", "run"], 2, &["the configuration or the data changed", "undo the change"]);
    sandbox.write("run/zkdl.toml", &config.replace(START, &format!("# {START}")));
    sandbox.fails(&["train", "run"], 2, &["beacon"]);
    sandbox.write("run/zkdl.toml", &config.replace("start = ", "# start = "));
    sandbox.fails(&["prove", "run", "--window", "1"], 2, &["another run"]);
    sandbox.write("run/zkdl.toml", &config);
    sandbox.ok(&["prove", "run", "--window", "0"]);
    let kept = sandbox.read("run/secret/start");
    std::fs::write(sandbox.path("run/secret/start"), &kept[..kept.len() - 1]).unwrap();
    sandbox.fails(&["prove", "run", "--window", "1"], 3, &["secret/start", "damaged"]);
}
