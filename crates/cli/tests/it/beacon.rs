//! What fixes the order of the data: drawn after the commitment, once.

use crate::support::{NONCE, Sandbox, config};

#[test]
fn a_beacon_comes_after_the_commitment_and_only_once() {
    let sandbox = Sandbox::with_run();
    let line = format!("nonce = \"{NONCE}\"\n");
    sandbox.write("run/zkdl.toml", &config().replace(&line, ""));
    sandbox.fails(
        &["train", "run", "--beacon", NONCE],
        2,
        &["only if it came after the commitment", "data commit run"],
    );
    let root = sandbox.json(&["data", "commit", "run", "--json"])["root"].as_str().unwrap().to_owned();
    sandbox.fails(&["train", "run"], 2, &["nothing fixes the order", &root, "--beacon"]);
    sandbox.fails(&["train", "run", "--beacon", "12"], 2, &["64 hexadecimal digits"]);
    sandbox.ok(&["train", "run", "--beacon", NONCE]);
    assert_eq!(sandbox.read("run/public/beacon"), format!("{NONCE}\n").as_bytes());
    let other = "5a".repeat(32);
    sandbox.fails(&["train", "run", "--beacon", &other], 2, &["the beacon of this run is", NONCE]);
    sandbox.ok(&["train", "run", "--beacon", NONCE]);
    sandbox.ok(&["prove", "run"]);
    sandbox.ok(&["verify", "run", "--expect-beacon", NONCE]);
    sandbox.fails(&["verify", "run", "--expect-beacon", &other], 1, &["another beacon was expected", NONCE]);
    sandbox.write("run/zkdl.toml", &config().replace(NONCE, &other));
    sandbox.fails(&["prove", "run"], 2, &["has a nonce", "remove the nonce"]);
    sandbox.write("run/public/beacon", "zz");
    sandbox.fails(&["prove", "run"], 2, &["run/public/beacon", "64 hexadecimal digits"]);
}

#[test]
fn a_nonce_of_the_configuration_takes_no_other_beacon() {
    let sandbox = Sandbox::trained();
    sandbox.fails(&["train", "run", "--beacon", &"5a".repeat(32)], 2, &["has a nonce", "remove the nonce"]);
    assert!(!sandbox.has("run/public/beacon"));
    sandbox.ok(&["train", "run", "--beacon", NONCE]);
}
