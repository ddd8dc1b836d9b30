//! Fifty kills at random moments: nothing is corrupted, nothing secret is left lying, and the same command ends where it would have.

use crate::support::{NONCE, Sandbox, csv, entries};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Moments that differ from run to run; the seed is in the message of a failure.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Self(now.as_nanos() as u64 | 1)
    }

    fn below(&mut self, limit: Duration) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        limit.mul_f64((self.0 >> 33) as f64 / f64::from(u32::MAX >> 1))
    }
}

/// One run that is killed again and again, and its twin that never is.
struct Victim {
    sandbox: Sandbox,
    dice: Dice,
    seed: u64,
    hits: usize,
}

impl Victim {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        std::fs::create_dir(sandbox.run_dir()).unwrap();
        sandbox.write("data.csv", &csv(6000));
        let config = format!(
            "[data]\ncsv = \"../data.csv\"\nvalue_min = 0\nvalue_max = 16\nfraction_bits = 4\ntest_points = 1000\n\n\
             [network]\nhidden = [48, 32]\n\n[training]\nsteps = 240\nbatch = 16\nlearning_rate = 0.0625\nnonce = \"{NONCE}\"\n\n\
             [format]\nq = 16\nq_g = 13\n\n[proof]\nwindow = 40\n"
        );
        sandbox.write("run/zkdl.toml", &config);
        let dice = Dice::new();
        Self { sandbox, seed: dice.0, dice, hits: 0 }
    }

    /// How long a command takes that nobody stops.
    fn time(&self, args: &[&str]) -> Duration {
        let started = Instant::now();
        self.sandbox.ok(args);
        started.elapsed()
    }

    /// Starts a command and kills it at a random moment; whether it was over before.
    fn kill(&mut self, args: &[&str], within: Duration) -> bool {
        let mut child = self.sandbox.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let moment = self.dice.below(within.mul_f64(0.8));
        std::thread::sleep(moment);
        child.kill().unwrap();
        let status = child.wait().unwrap();
        self.hits += usize::from(!status.success());
        assert!(status.success() || status.code().is_none(), "{args:?} failed by itself, seed {}", self.seed);
        self.nothing_secret_lies_about();
        status.success()
    }

    /// Secret files are for their owner alone, temporary ones too, and their contents are nowhere else.
    fn nothing_secret_lies_about(&self) {
        for file in entries(&self.sandbox.path("run/secret")) {
            let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}, seed {}", file.display(), self.seed);
        }
        let Ok(data) = std::fs::read(self.sandbox.path("run/secret/data")) else { return };
        let secrets: Vec<&[u8]> = (1..8).map(|i| &data[data.len() * i / 8..][..24]).collect();
        let outside = ["run", "run/public", "run/public/proofs"]
            .iter()
            .flat_map(|d| entries(&self.sandbox.path(d)))
            .filter(|p| p.is_file());
        for file in outside {
            let contents = std::fs::read(&file).unwrap();
            let found = secrets.iter().any(|secret| contents.windows(24).any(|window| window == *secret));
            assert!(!found, "{} holds secrets, seed {}", file.display(), self.seed);
        }
    }

    fn secret_files(&self, run: &str, start: &str) -> Vec<(String, Vec<u8>)> {
        let files = entries(&self.sandbox.path(&format!("{run}/secret")));
        let named = files.into_iter().map(|file| (file.file_name().unwrap().to_str().unwrap().to_owned(), file));
        let mut found: Vec<_> = named
            .filter(|(name, _)| name.starts_with(start))
            .map(|(name, file)| (name, std::fs::read(file).unwrap()))
            .collect();
        found.sort();
        found
    }

    fn remove(&self, directory: &str, start: &str) {
        for file in entries(&self.sandbox.path(directory)) {
            if file.file_name().unwrap().to_str().unwrap().starts_with(start) {
                std::fs::remove_file(file).unwrap();
            }
        }
    }

    fn copy(&self, from: &str, to: &str) {
        assert!(self.sandbox.shell(&format!("rm -rf {to} && cp -r {from} {to}")).status().unwrap().success());
    }
}

#[test]
fn fifty_kills_lose_nothing_but_the_work_since_the_last_checkpoint() {
    let mut victim = Victim::new();
    let commit = ["data", "commit", "run"];
    victim.copy("run", "twin");
    let whole = victim.time(&["data", "commit", "twin"]);
    for _ in 0..14 {
        if victim.kill(&commit, whole) {
            victim.sandbox.ok(&["data", "show", "run"]);
            std::fs::remove_dir_all(victim.sandbox.path("run/public")).unwrap();
            std::fs::remove_dir_all(victim.sandbox.path("run/secret")).unwrap();
        }
    }
    victim.sandbox.ok(&commit);
    assert!(victim.sandbox.ok(&["data", "show", "run"]).contains("Ranges (proven)"));

    victim.copy("run", "twin");
    let whole = victim.time(&["train", "twin"]);
    let expected = victim.secret_files("twin", "weights-");
    assert_eq!(expected.len(), 6);
    for _ in 0..18 {
        if victim.kill(&["train", "run"], whole) {
            assert_eq!(victim.secret_files("run", "weights-"), expected);
            victim.remove("run/secret", "weights-");
        }
    }
    victim.sandbox.ok(&["train", "run"]);
    assert_eq!(victim.secret_files("run", "weights-"), expected, "seed {}", victim.seed);

    let whole = victim.time(&["prove", "twin"]);
    let expected = victim.secret_files("twin", "rows-");
    for i in 0..18 {
        let jobs = if i % 2 == 0 { "1" } else { "2" };
        if victim.kill(&["prove", "run", "--jobs", jobs], whole) {
            victim.sandbox.ok(&["verify", "run"]);
            victim.remove("run/public/proofs", "window-");
            victim.remove("run/secret", "rows-");
        }
    }
    victim.sandbox.ok(&["prove", "run"]);
    assert_eq!(victim.secret_files("run", "rows-"), expected, "the same rows, whoever makes them and when");
    assert!(victim.sandbox.ok(&["verify", "run"]).contains("VALID: 6 windows"));
    assert_eq!(victim.sandbox.temporary_files(), Vec::<PathBuf>::new());
    assert!(victim.hits >= 20, "only {} of 50 kills met a command at work", victim.hits);
    altered_checkpoints_are_named(&victim);
}

/// A checkpoint that is torn or altered is never trained on.
fn altered_checkpoints_are_named(victim: &Victim) {
    let path = victim.sandbox.path("run/secret/weights-240");
    let good = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8], words: &[&str]| {
        std::fs::write(&path, bytes).unwrap();
        for verb in [&["train", "run"][..], &["weights", "export", "run"]] {
            victim.sandbox.fails(verb, 3, words);
        }
    };
    for place in [60, good.len() / 2, good.len() - 1] {
        let mut altered = good.clone();
        altered[place] ^= 1;
        refused(&altered, &["weights-240", "damaged"]);
    }
    refused(&good[..good.len() / 3], &["weights-240", "damaged"]);
    std::fs::remove_file(&path).unwrap();
    victim.sandbox.ok(&["train", "run"]);
    assert_eq!(std::fs::read(&path).unwrap(), good);
    assert!(Path::new(&path).exists());
}
