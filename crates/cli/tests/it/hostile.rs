//! Directories that somebody else made: files that are none, files without end, and statements that ask for too much.

use crate::support::{Done, Sandbox, ZKDL, done, verify_args, with};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use zkdl::Statement;
use zkdl::certificate::{Claim, File, PublicKey, Signed, Signer, Window};
use zkdl::chain::stretches;

type Put = fn(&Path);

/// What stands in the place of a file.
const NO_FILES: &[(&str, &str, Put)] = &[
    ("a directory", "is no file", |path| std::fs::create_dir(path).unwrap()),
    ("a pipe that nobody writes to", "is no file", |path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success())
    }),
    ("a device without end", "is no file", |path| symlink("/dev/zero", path).unwrap()),
    ("a link to a pipe", "is no file", |path| {
        let pipe = path.with_extension("pipe");
        if !pipe.exists() {
            assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        }
        symlink(pipe, path).unwrap();
    }),
    ("a link to itself", "symbolic links", |path| symlink(path, path).unwrap()),
    ("100 GB of zeros", "more than", |path| std::fs::File::create(path).unwrap().set_len(100 << 30).unwrap()),
];

/// Runs a command; returns also how many bytes it read, as the system has counted them.
fn reading(sandbox: &Sandbox, args: &[&str]) -> (Done, u64) {
    // A shell is charged with what the commands read that it has waited for.
    let line = format!("'{ZKDL}' {}; code=$?; cat /proc/$$/io > io; exit $code", args.join(" "));
    let done = done(sandbox.shell(&line).output().unwrap());
    let io = sandbox.text("io");
    let read = io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap();
    (done, read.parse().unwrap())
}

/// Catalogue 15: exit code 3 and the file's name, at once, and without reading what has no end.
#[test]
fn what_is_no_file_is_refused_at_once() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    sandbox.ok(&["verify", "run"]);
    let (honest, most) = reading(&sandbox, &["verify", "run"]);
    let all: u64 =
        ["points.zkdl", "data.proof"].map(|file| sandbox.read(&format!("run/public/{file}")).len() as u64).iter().sum();
    assert!(honest.code == 0 && all < most && most < 1 << 24, "{most} bytes");
    let files = ["points.zkdl", "data.proof", "data.zkdl", "proofs/window-0000.statement", "proofs/window-0000.proof"];
    for file in files {
        let path = sandbox.path(&format!("run/public/{file}"));
        let bytes = std::fs::read(&path).unwrap();
        for (what, words, put) in NO_FILES {
            std::fs::remove_file(&path).unwrap();
            put(&path);
            let name = Path::new(file).file_name().unwrap().to_str().unwrap();
            let data = file == "data.zkdl";
            let (done, read) =
                reading(&sandbox, if data { &["inspect", "run/public/data.zkdl"] } else { &["verify", "run"] });
            let text = done.out + &done.err;
            assert!(done.code == 3 && text.contains(name) && text.contains(words), "{file}: {what}: {text}");
            assert!(read <= most, "{file}: {what}: {read} bytes, {most} if all is as it should be");
            if path.is_dir() && !path.is_symlink() {
                std::fs::remove_dir(&path).unwrap();
                std::fs::write(&path, []).unwrap();
            }
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }
    sandbox.ok(&["verify", "run"]);
}

/// Signs what is true of the run, with a weights file of another name.
fn certificate_naming(sandbox: &Sandbox, name: &str, signer: &Signer) -> Vec<u8> {
    let file = |i: u32, end: &str| sandbox.read(&format!("run/public/proofs/window-{i:04}.{end}"));
    let statements = [0, 1, 2].map(|i| Statement::decode(&file(i, "statement")).unwrap());
    let proofs = [0, 1, 2].map(|i| file(i, "proof"));
    let windows: Vec<_> =
        statements.iter().zip(&proofs).map(|(statement, proof)| Window { statement, proof }).collect();
    let run = stretches(&statements).unwrap().remove(0);
    let data_proof = sandbox.read("run/public/data.proof");
    let weights = [File::new(name, b"the weights of somebody else")];
    Claim { run: &run, windows: &windows, data_proof: &data_proof, weights: &weights }.certify("zkdl", signer)
}

/// Catalogue 15: the files that a certificate names are never looked for under these names, and a name that leads out of the directory, or
/// that a terminal would obey, is refused whoever signed it.
#[test]
fn names_in_a_certificate_lead_nowhere() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    sandbox.ok(&["certify", "run", "--key", "key.pem", "--new-key"]);
    let signer = Signer::from_pem(&sandbox.text("key.pem")).unwrap();
    sandbox.write("outside", "the weights of somebody else");
    let absolute = sandbox.path("outside").display().to_string();
    let alone = ["verify", "--certificate", "hostile.json", "--signer", "run/signer.pub.pem"];
    let commands = [with_run(&alone), alone.to_vec(), [&alone[..], &["--weights", "outside"]].concat()];
    let put = |name: &str| std::fs::write(sandbox.path("hostile.json"), certificate_naming(&sandbox, name, &signer));
    for name in ["../outside", "run/../../outside", &absolute, "..", "\u{1b}[2Joutside"] {
        put(name).unwrap();
        for args in &commands {
            let done = sandbox.fails(args, 1, &["INVALID", "hostile.json", "no plain name"]);
            assert!(!done.out.contains("outside") && !done.out.contains('\u{1b}'), "{}", done.out);
        }
    }
    // A plain name is repeated, and no file of that name is opened: there is none.
    put("elsewhere").unwrap();
    commands.iter().for_each(|args| assert!(sandbox.ok(args).contains("elsewhere")));
    let key = PublicKey::from_pem(&sandbox.text("run/signer.pub.pem")).unwrap();
    assert_eq!(Signed::open(&sandbox.read("hostile.json"), &key).unwrap().files()[0].0, "elsewhere");
}

/// The same about a run.
fn with_run<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["verify", "run"], &args[1..]].concat()
}

/// Names of files in a directory are not believed: only those of windows are looked at, wherever they lead.
#[test]
fn other_names_are_not_looked_at() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    let proofs = sandbox.path("run/public/proofs");
    for name in
        ["window-00x0.proof", "window--1.proof", "window-99999999999999999999.proof", "..proof", "\u{1b}[2J.proof"]
    {
        std::fs::write(proofs.join(name), b"nonsense").unwrap();
    }
    assert!(sandbox.ok(&["verify", "run"]).starts_with("VALID"));
}

/// Catalogue 10: what a verifier spends is limited, and who has more can raise the limit.
#[test]
fn a_verifier_says_what_it_spends() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    let files = verify_args(0);
    for args in [vec!["verify", "run"], with(&files, &[])] {
        sandbox.fails(&[&args[..], &["--max-cost", "0.0000001"]].concat(), 2, &["--max-cost"]);
        assert!(sandbox.ok(&[&args[..], &["--max-cost", "8"]].concat()).starts_with("VALID"));
    }
    for cost in ["0", "nan", "much", "1e7"] {
        sandbox.fails(&["verify", "run", "--max-cost", cost], 2, &["max-cost"]);
    }
}
