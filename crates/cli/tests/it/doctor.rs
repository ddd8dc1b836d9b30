//! What `doctor` says of a machine and of a run, from the empty directory to the certificate.

use crate::support::{Sandbox, config, done};
use serde_json::Value;
use std::process::Command;

fn next(sandbox: &Sandbox) -> String {
    let json = sandbox.json(&["doctor", "run", "--json"]);
    assert_eq!(json["healthy"], true, "{json}");
    json["next"].as_str().unwrap().to_owned()
}

/// Texts of a kind of finding, of a run that is not healthy.
fn bad(sandbox: &Sandbox, about: &str) -> String {
    let done = sandbox.zkdl(&["doctor", "run", "--json"]);
    assert_eq!(done.code, 2, "{}{}", done.out, done.err);
    let json: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(json["healthy"], false);
    let bad = json["findings"].as_array().unwrap().iter().find(|f| f["health"] == "bad" && f["about"] == about);
    bad.unwrap_or_else(|| panic!("{about}: {json}"))["text"].as_str().unwrap().to_owned()
}

#[test]
fn a_machine_is_looked_at() {
    let out = Sandbox::new().ok(&["doctor"]);
    for part in ["version", "threads", "memory", "fresh bytes", "cache", "a step of the digits is proven and verified"]
    {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn every_command_is_named_when_it_is_next() {
    let sandbox = Sandbox::with_config(&config().replace("nonce = ", "# nonce = "));
    let done = sandbox.zkdl(&["doctor", "elsewhere"]);
    assert!(done.code == 2 && done.out.contains("next: zkdl init elsewhere"), "{}", done.out);
    assert_eq!(next(&sandbox), "zkdl data commit run");
    sandbox.ok(&["data", "commit", "run"]);
    assert_eq!(next(&sandbox), "zkdl train run --beacon DIGITS");
    sandbox.ok(&["train", "run", "--beacon", &"5a".repeat(32)]);
    std::fs::remove_file(sandbox.path("run/secret/weights-10")).unwrap();
    assert_eq!(next(&sandbox), "zkdl train run");
    assert!(sandbox.ok(&["doctor", "run"]).contains("trained up to step 8 of 10"));
    sandbox.ok(&["train", "run"]);
    sandbox.ok(&["prove", "run", "--window", "1"]);
    assert_eq!(next(&sandbox), "zkdl prove run");
    assert!(sandbox.ok(&["doctor", "run"]).contains("1 of 3 windows have a proof"));
    sandbox.ok(&["prove", "run"]);
    assert_eq!(next(&sandbox), "zkdl verify run && zkdl weights export run");
    sandbox.ok(&["weights", "export", "run"]);
    assert_eq!(next(&sandbox), "zkdl certify run --key FILE");
    sandbox.ok(&["certify", "run", "--key", "key.pem", "--new-key"]);
    let verify = next(&sandbox);
    let args: Vec<&str> = verify.split(' ').skip(1).collect();
    assert!(sandbox.ok(&args).contains("VALID"));
    std::fs::remove_file(sandbox.path("run/public/data.proof")).unwrap();
    assert_eq!(next(&sandbox), "zkdl data commit run");
}

#[test]
fn what_will_fail_is_said() {
    let sandbox = Sandbox::trained();
    let config = sandbox.text("run/zkdl.toml");
    sandbox.write("run/zkdl.toml", &config.replace("batch", "bitch"));
    assert!(bad(&sandbox, "run").contains("unknown field"));
    sandbox.write("run/zkdl.toml", &config);
    sandbox.write("run/public/.zkdl-tmp-999999999-x", "what a killed process leaves");
    assert!(sandbox.ok(&["doctor", "run"]).contains("1 file of a killed process"));
    assert!(sandbox.has("run/public/.zkdl-tmp-999999999-x"));
    std::fs::remove_file(sandbox.path("run/public/.zkdl-tmp-999999999-x")).unwrap();
    assert!(sandbox.shell("chmod 755 run/secret").status().unwrap().success());
    assert!(bad(&sandbox, "secrets").contains("chmod 700"));
    assert!(sandbox.shell("chmod 700 run/secret").status().unwrap().success());
    next(&sandbox);
}

/// Root writes where it likes, unless it gives that up.
fn without_override(sandbox: &Sandbox, args: &str) -> Command {
    sandbox.shell(&format!(
        "drop=; [ $(id -u) = 0 ] && drop='setpriv --bounding-set=-dac_override --inh-caps=-dac_override'; exec $drop '{}' {args}",
        crate::support::ZKDL
    ))
}

#[test]
fn a_directory_that_takes_no_files_is_a_clear_error() {
    let sandbox = Sandbox::trained();
    assert!(sandbox.shell("chmod 555 run run/public run/public/proofs").status().unwrap().success());
    let proven = done(without_override(&sandbox, "prove run").output().unwrap());
    assert_eq!(proven.code, 3, "{}{}", proven.out, proven.err);
    assert!(proven.err.contains("cannot write run/public/proofs/window-0000.") && proven.err.contains("denied"));
    let looked_at = done(without_override(&sandbox, "doctor run").output().unwrap());
    assert_eq!(looked_at.code, 2);
    assert!(looked_at.out.contains("run/public/proofs takes no files"), "{}", looked_at.out);
    assert!(sandbox.shell("chmod 755 run run/public run/public/proofs").status().unwrap().success());
    sandbox.ok(&["prove", "run"]);
    sandbox.ok(&["verify", "run"]);
}
