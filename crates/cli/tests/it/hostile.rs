//! Directories that somebody else made: files that are none, files without end, and statements that ask for too much.

use crate::support::{Sandbox, verify_args, with};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

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

/// Catalogue 15: exit code 3 and the file's name, at once, and without reading what has no end.
#[test]
fn what_is_no_file_is_refused_at_once() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    let files = ["points.zkdl", "data.proof", "data.zkdl", "proofs/window-0000.statement", "proofs/window-0000.proof"];
    for file in files {
        let path = sandbox.path(&format!("run/public/{file}"));
        let bytes = std::fs::read(&path).unwrap();
        for (what, words, put) in NO_FILES {
            std::fs::remove_file(&path).unwrap();
            put(&path);
            let name = Path::new(file).file_name().unwrap().to_str().unwrap();
            let started = Instant::now();
            if file == "data.zkdl" {
                sandbox.fails(&["inspect", "run/public/data.zkdl"], 3, &[name, words]);
            } else {
                sandbox.fails(&["verify", "run"], 3, &[name, words]);
            }
            // Not a claim about speed: nobody waits for a pipe, and nobody reads 100 GB.
            assert!(started.elapsed() < Duration::from_secs(60), "{file}: {what}");
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
