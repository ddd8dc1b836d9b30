//! Small runs in temporary directories.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

pub(crate) const ZKDL: &str = env!("CARGO_BIN_EXE_zkdl");
pub(crate) const NONCE: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A directory with a run in it, and one for files beside it.
pub(crate) struct Sandbox(TempDir);

/// What a command did.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// With data and configuration, nothing committed.
    pub(crate) fn with_run() -> Self {
        Self::with_config(&config())
    }

    /// The same with another configuration.
    pub(crate) fn with_config(config: &str) -> Self {
        let sandbox = Self::new();
        std::fs::create_dir(sandbox.run_dir()).unwrap();
        sandbox.write("data.csv", &csv(45));
        sandbox.write("run/zkdl.toml", config);
        sandbox
    }

    /// Committed and trained.
    pub(crate) fn trained() -> Self {
        let sandbox = Self::with_run();
        sandbox.ok(&["data", "commit", "run"]);
        sandbox.ok(&["train", "run"]);
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn run_dir(&self) -> PathBuf {
        self.path("run")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.started(ZKDL, args)
    }

    /// A line for the shell.
    pub(crate) fn shell(&self, line: &str) -> Command {
        self.started("sh", &["-c", line])
    }

    fn started(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.0.path()).env("ZKDL_CACHE_DIR", self.path("cache"));
        command
    }

    pub(crate) fn zkdl(&self, args: &[&str]) -> Done {
        done(assert_cmd::Command::from_std(self.command(args)).output().unwrap())
    }

    /// Runs what has to work.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let done = self.zkdl(args);
        assert_eq!(done.code, 0, "{args:?}\n{}{}", done.out, done.err);
        assert_eq!(done.err, "", "stderr is no terminal: nothing belongs there");
        done.out
    }

    /// Runs what has to fail with a code and these words.
    pub(crate) fn fails(&self, args: &[&str], code: i32, words: &[&str]) -> Done {
        let done = self.zkdl(args);
        assert_eq!(done.code, code, "{args:?}\n{}{}", done.out, done.err);
        let text = format!("{}{}", done.out, done.err);
        for word in words {
            assert!(text.contains(word), "{args:?}: {word:?} is missing from\n{text}");
        }
        done
    }

    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }

    /// Files below a directory that no finished command leaves.
    pub(crate) fn temporary_files(&self) -> Vec<PathBuf> {
        ["run", "run/public", "run/public/proofs", "run/secret"]
            .iter()
            .flat_map(|d| entries(&self.path(d)))
            .filter(|p| is_temporary(p))
            .collect()
    }
}

fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(".zkdl-tmp"))
}

/// Whether this machine is known to have less memory to give than so many bytes.
pub(crate) fn has_less_memory_than(bytes: u64) -> bool {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = |line: &str| line.strip_prefix("MemAvailable:")?.strip_suffix("kB")?.trim().parse::<u64>().ok();
    meminfo.lines().find_map(available).is_some_and(|kib| 1024 * kib < bytes)
}

pub(crate) fn entries(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).into_iter().flatten().map(|e| e.unwrap().path()).collect()
}

pub(crate) fn done(output: Output) -> Done {
    Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Points of three classes that four features tell apart.
pub(crate) fn csv(points: u32) -> String {
    let mut text = "a,b,c,d,label\n".to_owned();
    for i in 0..points {
        let label = i % 3;
        let feature = |k: u32| if k == label { 10 + i % 7 } else { (i * 5 + k) % 4 };
        text += &format!("{},{},{},{},{label}\n", feature(0), feature(1), feature(2), feature(3));
    }
    text
}

/// 36 points to train on, 9 steps an epoch, windows of 4 steps: 0..4, 4..8, 8..10.
pub(crate) fn config() -> String {
    format!(
        r#"[data]
csv = "../data.csv"
value_min = 0
value_max = 16
fraction_bits = 4
test_points = 9

[network]
hidden = [6, 5]

[training]
steps = 10
batch = 4
learning_rate = [[0, 0.0625], [5, 0.04]]
nonce = "{NONCE}"

# Starting weights differ from test to test with the data's root: these bits hold them all.
[format]
q = 15
q_g = 13

[proof]
window = 4
"#
    )
}

/// The files of a window as arguments of `verify`.
pub(crate) fn verify_args(window: u32) -> Vec<String> {
    let file = |end: &str| format!("run/public/proofs/window-{window:04}.{end}");
    [
        "verify",
        "--statement",
        &file("statement"),
        "--points",
        "run/public/points.zkdl",
        "--proof",
        &file("proof"),
        "--data-proof",
        "run/public/data.proof",
    ]
    .map(str::to_owned)
    .into()
}

/// `args` as string slices, with others after them.
pub(crate) fn with<'a>(args: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    args.iter().map(String::as_str).chain(more.iter().copied()).collect()
}
