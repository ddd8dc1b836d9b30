//! Questions of data owners: asked, answered and verified with files alone.

use crate::support::{NONCE, Sandbox, config, csv};

const HEAD: &str = "a,b,c,d,label\n";

/// A committed run, its points, and a line of a committed point, of one that is held out, and of one that never was.
fn committed() -> Sandbox {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    sandbox.write("all.csv", &csv(45));
    sandbox.write("stranger.csv", &format!("{HEAD}16,16,16,16,1\n"));
    sandbox
}

/// The lines of the table that are committed: those whose membership can be proven.
fn members(sandbox: &Sandbox) -> Vec<String> {
    let proven = |row: &usize| {
        let row = row.to_string();
        let args =
            ["member", "prove", "run", "--query", "all.csv", "--row", &row, "--nonce", NONCE, "-o", "any.answer"];
        sandbox.zkdl(&args).code == 0
    };
    (0..45).filter(proven).map(|row| row.to_string()).collect()
}

fn member<'a>(verb: &'a str, subject: &'a str, row: &'a str) -> Vec<&'a str> {
    vec!["member", verb, subject, "--query", "all.csv", "--row", row, "--nonce", NONCE]
}

fn with<'a>(args: Vec<&'a str>, more: &[&'a str]) -> Vec<&'a str> {
    [&args[..], more].concat()
}

fn absent<'a>(verb: &[&'a str], queries: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    let queries: Vec<&str> = queries.iter().flat_map(|query| ["--query", query]).collect();
    [&["absent"], verb, &["--nonce", NONCE], &queries, more].concat()
}

#[test]
fn a_member_is_proven_and_its_steps_are_named() {
    let sandbox = committed();
    let members = members(&sandbox);
    assert!(members.len() >= 36, "each of the 36 committed points, and held-out ones that equal one");
    let row = &members[7];
    let proven = sandbox.json(&with(member("prove", "run", row), &["-o", "member.answer", "--json"]));
    fn verifying<'a>(row: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        with(member("verify", "member.answer", row), more)
    }
    let out = sandbox.ok(&verifying(row, &["--public", "run/public"]));
    assert!(
        out.starts_with("VALID") && out.contains("This exact point, with the label") && out.contains("used in"),
        "{out}"
    );
    assert!(out.contains("not looked at here"), "statements alone prove no training: {out}");
    let uses = sandbox.json(&verifying(row, &["--public", "run/public", "--json"]))["uses"][0].take();
    assert_eq!((&uses["first_step"], &uses["end_step"]), (&0.into(), &10.into()));
    let steps: Vec<String> = uses["used_in"].as_array().unwrap().iter().map(ToString::to_string).collect();
    let steps = if let [step] = &steps[..] { format!("step {step}") } else { format!("steps {}", steps.join(", ")) };
    assert!(out.contains(&format!("used in {steps}, as")), "9 steps are an epoch: {steps}: {out}");
    let verdict = sandbox.json(&verifying(row, &["--data", "run/public/data.zkdl", "--json"]));
    assert_eq!((&verdict["verdict"], &verdict["index"]), (&"VALID".into(), &proven["index"]));
    let invalid =
        |args: &[&str], words: &[&str]| sandbox.fails(args, 1, &[&["INVALID", "member.answer"], words].concat());
    let other = if row == "3" { "4" } else { "3" };
    let another = with(member("verify", "member.answer", other), &["--data", "run/public/data.zkdl"]);
    invalid(&another, &["another query"]);
    invalid(&verifying(row, &["--data", "run/public/data.zkdl", "--any-label"]), &["another query"]);
    let context = ["--data", "run/public/data.zkdl", "--statement", "run/public/proofs/window-0000.statement"];
    invalid(&verifying(row, &context), &["training statement"]);
    sandbox.ok(&with(member("prove", "run", row), &["-o", "about.answer", "--statement", context[3]]));
    sandbox.ok(&with(member("verify", "about.answer", row), &context));
    let next = [context[0], context[1], context[2], "run/public/proofs/window-0001.statement"];
    sandbox.fails(&with(member("verify", "about.answer", row), &next), 1, &["INVALID", "training statement"]);
    let mut late = verifying(row, &["--data", "run/public/data.zkdl"]);
    let nonce = "5a".repeat(32);
    late[8] = &nonce;
    invalid(&late, &["another nonce"]);
    let answer = sandbox.read("member.answer");
    for place in (0..answer.len()).step_by(answer.len() / 40) {
        let mut changed = answer.clone();
        changed[place] ^= 1;
        std::fs::write(sandbox.path("member.answer"), &changed).unwrap();
        invalid(&verifying(row, &["--data", "run/public/data.zkdl"]), &[]);
    }
    let other_run = Sandbox::trained();
    std::fs::copy(other_run.path("run/public/data.zkdl"), sandbox.path("other.zkdl")).unwrap();
    std::fs::write(sandbox.path("member.answer"), &answer).unwrap();
    invalid(&verifying(row, &["--data", "other.zkdl"]), &["another data set"]);
    let about = with(member("verify", "about.answer", row), &["--data", "other.zkdl", context[2], context[3]]);
    sandbox.fails(&about, 2, &["window-0000.statement is about the data", "the question about"]);
}

#[test]
fn strangers_are_absent_alone_and_together_and_members_are_not() {
    let sandbox = committed();
    let public = ["--public", "run/public"];
    sandbox.ok(&absent(&["prove", "run"], &["stranger.csv"], &["--any-label"]));
    let out = sandbox.ok(&absent(
        &["verify", "absent.answer"],
        &["stranger.csv"],
        &["--any-label", "--public", "run/public"],
    ));
    assert!(out.starts_with("VALID") && out.contains("whatever its label, is not among the 36 points"), "{out}");
    // That features are absent needs nothing of the data; what is taken for granted is said all the same.
    let files = ["--data", "run/public/data.zkdl", "--points", "run/public/points.zkdl"];
    let exact = |more: &[&'static str]| {
        let more = [&["--any-label"], &files[..], more].concat();
        sandbox.ok(&absent(&["verify", "absent.answer"], &["stranger.csv"], &more))
    };
    assert!(!exact(&[]).contains("Data ("));
    assert!(exact(&["--trust-data"]).contains("Data (taken for granted)"));
    sandbox.fails(&absent(&["verify", "absent.answer"], &["stranger.csv"], &public), 1, &["INVALID", "another query"]);
    sandbox.fails(
        &absent(&["verify", "absent.answer"], &["stranger.csv"], &["--any-label", "--data", "run/public/data.zkdl"]),
        2,
        &["--points"],
    );
    let row = members(&sandbox).swap_remove(3).parse::<usize>().unwrap();
    let line = csv(45).lines().nth(row + 1).unwrap().to_owned();
    let (features, label) = line.rsplit_once(',').unwrap();
    sandbox.write("member.csv", &format!("{HEAD}{line}\n"));
    let refused = sandbox.fails(
        &absent(&["prove", "run"], &["stranger.csv", "member.csv"], &[]),
        2,
        &["no absence", "queries 1"],
    );
    assert!(!refused.err.contains(features), "no value of the data set is printed");
    let flipped = (label.parse::<u32>().unwrap() + 1) % 3;
    sandbox.write("flipped.csv", &format!("{HEAD}{features},{flipped}\n"));
    sandbox.ok(&absent(&["prove", "run"], &["stranger.csv", "flipped.csv"], &[]));
    let out = sandbox.ok(&absent(&["verify", "absent.answer"], &["stranger.csv", "flipped.csv"], &public));
    assert!(out.contains("These 2 points with these labels are not among") && out.contains("Data (proven)"), "{out}");
    // That a label is absent says something only if every point has one.
    let labelled = |more: &[&'static str]| absent(&["verify", "absent.answer"], &["stranger.csv", "flipped.csv"], more);
    sandbox.fails(&labelled(&files), 2, &["--data-proof", "--trust-data"]);
    let out = sandbox.ok(&labelled(&[&files[..], &["--trust-data"]].concat()));
    assert!(out.contains("Data (taken for granted)"), "{out}");
    sandbox.fails(
        &absent(&["verify", "absent.answer"], &["flipped.csv", "stranger.csv"], &public),
        1,
        &["INVALID", "another query"],
    );
    sandbox.fails(&absent(&["prove", "run"], &["flipped.csv"], &["--any-label"]), 2, &["no absence"]);
    let answer = sandbox.read("absent.answer");
    std::fs::write(sandbox.path("absent.answer"), &answer[..answer.len() - 1]).unwrap();
    sandbox.fails(&absent(&["verify", "absent.answer"], &["stranger.csv", "flipped.csv"], &public), 1, &["INVALID"]);
    std::fs::write(sandbox.path("absent.answer"), sandbox.read("run/public/points.zkdl")).unwrap();
    sandbox.fails(
        &absent(&["verify", "absent.answer"], &["stranger.csv", "flipped.csv"], &public),
        1,
        &["INVALID", "not a"],
    );
}

/// A run whose data set fixes the squared distance 20.
fn committed_with_distance() -> Sandbox {
    let sandbox = Sandbox::with_run();
    let config = config().replace("fraction_bits = 4", "fraction_bits = 4\nnear = 20");
    sandbox.write("run/zkdl.toml", &config);
    sandbox.ok(&["data", "commit", "run"]);
    sandbox.write("all.csv", &csv(45));
    // As far from every point as features allow, and a line of the table with a feature changed by 3.
    sandbox.write("far.csv", &format!("{HEAD}16,16,16,16,1\n0,16,16,16,1\n"));
    sandbox
}

#[test]
fn near_duplicates_are_told_from_what_is_far() {
    let sandbox = committed_with_distance();
    let within = ["--within", "20"];
    sandbox.ok(&absent(&["prove", "run"], &["far.csv"], &within));
    let verifying = |more: &[&'static str]| absent(&["verify", "absent.answer"], &["far.csv"], more);
    let public = ["--within", "20", "--public", "run/public"];
    let out = sandbox.ok(&verifying(&public));
    let words = ["VALID", "These 2 points, whatever their labels", "squared distance of more than 20", "Data (proven)"];
    assert!(words.iter().all(|word| out.contains(word)), "{out}");
    let verdict = sandbox.json(&verifying(&[&public[..], &["--json"]].concat()));
    assert_eq!((&verdict["within"], &verdict["data_in_range"]), (&20.into(), &"proven".into()));
    let out = sandbox.ok(&verifying(&[&public[..], &["--trust-data"]].concat()));
    assert!(out.contains("Data (taken for granted)"), "{out}");
    // Without the directory, the proof of the data has to come from elsewhere.
    let files = ["--within", "20", "--data", "run/public/data.zkdl", "--points", "run/public/points.zkdl"];
    sandbox.fails(&verifying(&files), 2, &["--data-proof"]);
    sandbox.ok(&verifying(&[&files[..], &["--data-proof", "run/public/data.proof"]].concat()));
    // An answer about near-duplicates is none about equality, and the other way round.
    sandbox.fails(&verifying(&["--any-label", "--public", "run/public"]), 1, &["INVALID", "kind of nearness"]);
    sandbox.ok(&absent(&["prove", "run"], &["far.csv"], &["--any-label", "-o", "exact.answer"]));
    let exact = absent(&["verify", "exact.answer"], &["far.csv"], &public);
    sandbox.fails(&exact, 1, &["INVALID", "kind of nearness"]);
    let proof = sandbox.read("run/public/data.proof");
    std::fs::write(sandbox.path("run/public/data.proof"), &proof[..proof.len() - 1]).unwrap();
    sandbox.fails(&verifying(&public), 1, &["INVALID", "data.proof"]);
}

#[test]
fn near_duplicates_of_committed_points_are_not_absent() {
    let sandbox = committed_with_distance();
    let row = members(&sandbox).swap_remove(5).parse::<usize>().unwrap();
    let line = csv(45).lines().nth(row + 1).unwrap().to_owned();
    let mut features: Vec<u32> = line.split(',').map(|word| word.parse().unwrap()).collect();
    let zero = features.iter().position(|value| *value < 4).unwrap();
    features[zero] += 3;
    let near = features.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    sandbox.write("near.csv", &format!("{HEAD}{near}\n"));
    let asking = |more: &[&'static str]| absent(&["prove", "run"], &["far.csv", "near.csv"], more);
    sandbox.fails(&asking(&["--within", "20"]), 2, &["near a point", "no absence", "queries 2"]);
    sandbox.fails(&asking(&["--within", "19"]), 2, &["--within 19", "fixes the squared distance 20"]);
    sandbox.fails(&asking(&["--within", "0"]), 2, &["equality"]);
    sandbox.fails(&asking(&["--within", "20", "--label", "1"]), 2, &["--label"]);
    let other = committed();
    other.fails(&absent(&["prove", "run"], &["stranger.csv"], &["--within", "20"]), 2, &["fixes no distance"]);
}

#[test]
fn questions_that_cannot_be_asked_are_refused() {
    let sandbox = committed();
    let refused = |text: &str, more: &[&str], words: &[&str]| {
        sandbox.write("bad.csv", text);
        let args = [&["absent", "prove", "run", "--nonce", NONCE, "--query", "bad.csv"][..], more].concat();
        sandbox.fails(&args, 2, words);
    };
    refused(&format!("{HEAD}17,0,0,0,1\n"), &[], &["17", "16"]);
    refused(&format!("{HEAD}1,0,0,0,3\n"), &[], &["label", "3"]);
    refused("a,b,c\n1,2,3\n", &[], &["4"]);
    refused(&format!("{HEAD}1,0,x,0,1\n"), &[], &["bad.csv"]);
    refused(HEAD, &[], &[]);
    refused(&format!("{HEAD}1,0,0,0,1\n"), &["--row", "1"], &["no row 1", "1 points"]);
    refused(&format!("{HEAD}1,0,0,0,1\n"), &["--label", "1", "--any-label"], &["--any-label"]);
    sandbox.fails(&["member", "prove", "run", "--query", "all.csv", "--nonce", NONCE], 2, &["45", "1"]);
    sandbox.fails(&["member", "prove", "run", "--query", "nothing.csv", "--nonce", NONCE], 3, &["nothing.csv"]);
    sandbox.fails(&["member", "prove", "run", "--query", "all.csv", "--row", "0"], 2, &["--nonce"]);
    sandbox.fails(
        &["member", "prove", "run", "--query", "stranger.csv", "--nonce", NONCE],
        2,
        &["not in the data set"],
    );
}
