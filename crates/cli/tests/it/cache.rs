//! The cache of generators: found, refused, repaired, switched off; the verdict is always the same.

use crate::support::{Done, Sandbox, done, entries, verify_args, with};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A proof over 2^11 columns, two pieces, and a cache that holds them.
fn proven() -> Sandbox {
    let sandbox = Sandbox::with_run();
    let config = String::from_utf8(sandbox.read("run/zkdl.toml")).unwrap();
    sandbox.write("run/zkdl.toml", &format!("{config}log_columns = 11\n"));
    sandbox.ok(&["data", "commit", "run"]);
    sandbox.ok(&["train", "run"]);
    sandbox.ok(&["prove", "run"]);
    sandbox
}

fn verify(sandbox: &Sandbox) -> Command {
    sandbox.command(&with(&verify_args(0), &[]))
}

fn assert_valid(mut command: Command) {
    let Done { code, out, err } = done(command.output().unwrap());
    assert!(code == 0 && out.starts_with("VALID") && err.is_empty(), "{out}{err}");
}

fn pieces(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut pieces: Vec<_> = entries(directory).into_iter().map(|p| (p.clone(), std::fs::read(p).unwrap())).collect();
    pieces.sort();
    pieces
}

#[test]
fn pieces_are_public_files_that_a_verifier_leaves_as_they_are() {
    let sandbox = proven();
    let cache = sandbox.path("cache");
    let kept = pieces(&cache);
    assert_eq!(kept.iter().map(|(_, content)| content.len()).collect::<Vec<_>>(), [64 << 10, 64 << 10]);
    for (path, _) in &kept {
        let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o400, 0o400);
        assert_ne!(mode, 0o600);
    }
    let written = |path: &PathBuf| std::fs::metadata(path).unwrap().modified().unwrap();
    let times: Vec<_> = kept.iter().map(|(path, _)| written(path)).collect();
    assert_valid(verify(&sandbox));
    assert_eq!(pieces(&cache), kept);
    assert_eq!(kept.iter().map(|(path, _)| written(path)).collect::<Vec<_>>(), times);
}

#[test]
fn what_is_wrong_with_a_piece_is_repaired_without_a_word() {
    let sandbox = proven();
    let cache = sandbox.path("cache");
    let kept = pieces(&cache);
    let (path, good) = &kept[1];
    let mut flipped = good.clone();
    flipped[40_000] ^= 4;
    let wrong = [flipped, good[..good.len() - 1].to_vec(), [&good[..], b"\n"].concat(), kept[0].1.clone(), Vec::new()];
    for content in wrong {
        std::fs::write(path, content).unwrap();
        assert_valid(verify(&sandbox));
        assert_eq!(pieces(&cache), kept);
    }
    std::fs::remove_file(path).unwrap();
    std::fs::write(cache.join(".zkdl-tmp-4294967295-left"), "by a process that was killed").unwrap();
    assert_valid(verify(&sandbox));
    assert_eq!(pieces(&cache), kept);
    std::fs::remove_file(path).unwrap();
    std::fs::create_dir(path).unwrap();
    assert_valid(verify(&sandbox));
}

#[test]
fn a_false_proof_stays_false_whatever_the_cache_holds() {
    let sandbox = proven();
    let mut proof = sandbox.read("run/public/proofs/window-0000.proof");
    let place = proof.len() - 32;
    proof[place] ^= 1;
    std::fs::write(sandbox.path("run/public/proofs/window-0000.proof"), proof).unwrap();
    let args = verify_args(0);
    let reasons = [&["--no-cache"][..], &[]].map(|more| sandbox.fails(&with(&args, more), 1, &["INVALID"]).out);
    let reason = |out: &str| out.lines().next().unwrap().to_owned();
    assert_eq!(reason(&reasons[0]), reason(&reasons[1]));
    for (path, content) in pieces(&sandbox.path("cache")) {
        std::fs::write(path, vec![0; content.len()]).unwrap();
    }
    let forged = sandbox.fails(&with(&args, &[]), 1, &["INVALID"]);
    assert_eq!(reason(&forged.out), reason(&reasons[0]));
}

#[test]
fn the_cache_can_be_elsewhere_or_nowhere() {
    let sandbox = proven();
    std::fs::remove_dir_all(sandbox.path("cache")).unwrap();
    let nowhere = sandbox.command(&with(&verify_args(0), &["--no-cache"]));
    assert_valid(nowhere);
    assert!(!sandbox.has("cache"));
    let mut empty = verify(&sandbox);
    empty.env("ZKDL_CACHE_DIR", "").env("XDG_CACHE_HOME", sandbox.path("xdg")).env("HOME", sandbox.path("home"));
    assert_valid(empty);
    assert!(!sandbox.has("xdg") && !sandbox.has("home"));
    for (variable, found) in [("XDG_CACHE_HOME", "xdg/zkdl"), ("HOME", "home/.cache/zkdl")] {
        let mut command = verify(&sandbox);
        command.env_remove("ZKDL_CACHE_DIR").env_remove("XDG_CACHE_HOME").env("HOME", "/dev/null/nobody");
        command.env(variable, sandbox.path(found.split('/').next().unwrap()));
        assert_valid(command);
        assert_eq!(entries(&sandbox.path(found)).len(), 2, "{variable}");
    }
}

#[test]
fn a_directory_that_takes_no_files_only_costs_time() {
    let sandbox = proven();
    let mut read_only = std::fs::metadata(sandbox.path("cache")).unwrap().permissions();
    let writable = read_only.clone();
    for (path, _) in pieces(&sandbox.path("cache")) {
        std::fs::write(path, "short").unwrap();
    }
    read_only.set_mode(0o500);
    std::fs::set_permissions(sandbox.path("cache"), read_only).unwrap();
    assert_valid(verify(&sandbox));
    std::fs::set_permissions(sandbox.path("cache"), writable).unwrap();
    for file in ["data.csv", "data.csv/below"] {
        let mut command = verify(&sandbox);
        command.env("ZKDL_CACHE_DIR", sandbox.path(file));
        assert_valid(command);
    }
}

#[test]
fn commands_at_once_share_an_empty_cache() {
    let sandbox = proven();
    let kept = pieces(&sandbox.path("cache"));
    std::fs::remove_dir_all(sandbox.path("cache")).unwrap();
    let running: Vec<_> =
        (0..6).map(|_| verify(&sandbox).stdout(std::process::Stdio::null()).spawn().unwrap()).collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(pieces(&sandbox.path("cache")), kept);
}
