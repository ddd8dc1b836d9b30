//! Quickstart end to end, and the commands it prints.

use crate::support::Sandbox;

#[test]
fn quickstart_proves_verifies_rejects_and_its_commands_repeat_it() {
    let sandbox = Sandbox::new();
    let out = sandbox.ok(&["quickstart", "--epochs", "2"]);
    for part in [
        "VALID: 2 windows",
        "INVALID: ",
        "epoch    2",
        "cells proven",
        "64-128-64-10",
        "Not proven here",
        "is number",
        "is not among",
    ] {
        assert!(out.contains(part), "{part} is missing from\n{out}");
    }
    for file in [
        "model/weights.safetensors",
        "model.sig",
        "certificate.dsse.json",
        "signer.pub.pem",
        "report.html",
        "proofs/window-0000.proof",
        "proofs/window-0001.proof",
    ] {
        assert!(sandbox.has(&format!("zkdl-quickstart/{file}")), "{file}");
    }
    let commands = out.split("Each step by hand\n").nth(1).unwrap();
    assert_eq!(commands.lines().count(), 18);
    for command in commands.lines() {
        let shell = sandbox.shell(command).output().unwrap();
        let expected = i32::from(command.contains("tampered.proof"));
        let text = String::from_utf8_lossy(&shell.stdout);
        assert_eq!(shell.status.code(), Some(expected), "{command}\n{text}");
    }
}

#[test]
fn quickstart_as_json_is_one_object_and_replaces_only_its_own_directory() {
    let sandbox = Sandbox::new();
    for _ in 0..2 {
        let json = sandbox.json(&["quickstart", "--epochs", "1", "--json", "--dir", "quick start", "--threads", "1"]);
        assert_eq!(json["verification"]["verdict"], "VALID");
        assert_eq!(json["tampered"]["verdict"], "INVALID");
        assert_eq!(json["proof"]["windows"][0]["threads"], 1);
        assert_eq!(
            (&json["answers"][0]["answer"], &json["answers"][1]["answer"]),
            (&"member".into(), &"absent".into())
        );
    }
    sandbox.write("note.txt", "mine");
    sandbox.fails(&["quickstart", "--dir", "."], 2, &["holds other files", "--dir"]);
    assert_eq!(sandbox.read("note.txt"), b"mine");
}
