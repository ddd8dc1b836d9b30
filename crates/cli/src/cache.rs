//! The user's cache directory: generators that were derived once are read by the next command.
//!
//! ```text
//! $ZKDL_CACHE_DIR, or $XDG_CACHE_HOME/zkdl, or ~/.cache/zkdl          ZKDL_CACHE_DIR= (empty) or --no-cache: none
//! columns-0-1024-180b084cd75ffb38, ..                                 public data, mode 0644
//! verified-5a..                                                       digest of a data proof that was verified here
//! ```
//!
//! Nothing here is an error, and no generator here is trusted: [`zkdl::generators`] hashes what it is given against digests in
//! the program, and derives what it does not get. Whether data proofs were verified before is asked only with `--remember-data`:
//! that trusts whoever can write to the directory.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::atomic::{self, Access};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use zkdl::GeneratorSource;
use zkdl::generators::Store;
use zkdl::statement::hex;

/// The generators of this process, kept in the user's cache directory unless that is switched off or cannot be found.
pub(crate) fn generators(off: bool) -> GeneratorSource {
    let directory = if off { None } else { directory(|name| std::env::var_os(name)) };
    directory.map_or_else(GeneratorSource::derived, |path| GeneratorSource::kept_in(Directory(path)))
}

/// Where generators are kept, made if need be; none if that is switched off, cannot be found or cannot be made.
pub(crate) fn place(off: bool) -> Option<PathBuf> {
    let directory = if off { None } else { directory(|name| std::env::var_os(name)) };
    directory.filter(|path| atomic::create_dir(path, Access::Public).is_ok())
}

/// Digests of what this user has verified before: files named after them.
pub(crate) struct Remembered(Option<Directory>);

impl Remembered {
    /// In the same directory as the generators.
    pub(crate) fn new(off: bool) -> Self {
        Self(if off { None } else { directory(|name| std::env::var_os(name)).map(Directory) })
    }

    /// Whether it is there.
    pub(crate) fn knows(&self, digest: &[u8; 32]) -> bool {
        self.0.as_ref().is_some_and(|store| store.load(&name(digest), 32).is_some_and(|bytes| bytes == digest))
    }

    /// Remembers.
    pub(crate) fn keep(&self, digest: &[u8; 32]) {
        if let Some(store) = &self.0 {
            store.keep(&name(digest), digest);
        }
    }
}

fn name(digest: &[u8; 32]) -> String {
    format!("verified-{}", hex(digest))
}

/// The directory that the environment names.
fn directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(own) = variable("ZKDL_CACHE_DIR") {
        return if own.is_empty() { None } else { Some(own.into()) };
    }
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("zkdl"))
}

/// A directory with a file for every name.
#[derive(Debug)]
struct Directory(PathBuf);

impl Store for Directory {
    fn load(&self, name: &str, bytes: usize) -> Option<Vec<u8>> {
        let path = self.0.join(name);
        let expected = fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() == bytes as u64);
        if expected { fs::read(path).ok() } else { None }
    }

    fn keep(&self, name: &str, content: &[u8]) {
        // A directory that takes no files, or a full disk, costs time again, and nothing else.
        let _ = keep(&self.0, name, content);
    }
}

fn keep(directory: &Path, name: &str, content: &[u8]) -> crate::error::Result<()> {
    atomic::create_dir(directory, Access::Public)?;
    atomic::remove_stale(directory);
    atomic::write(&directory.join(name), content, Access::Public)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Variables and their values.
    type Environment = &'static [(&'static str, &'static str)];

    #[test]
    fn the_environment_names_the_directory() {
        let cases: [(Environment, Option<&str>); 8] = [
            (&[("HOME", "/home/a")], Some("/home/a/.cache/zkdl")),
            (&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "/fast")], Some("/fast/zkdl")),
            (&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "")], Some("/home/a/.cache/zkdl")),
            (&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "relative")], Some("/home/a/.cache/zkdl")),
            (&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "/fast"), ("ZKDL_CACHE_DIR", "here")], Some("here")),
            (&[("HOME", "/home/a"), ("ZKDL_CACHE_DIR", "")], None),
            (&[("HOME", "")], None),
            (&[], None),
        ];
        for (environment, expected) in cases {
            let variable = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into());
            assert_eq!(directory(variable), expected.map(PathBuf::from), "{environment:?}");
        }
    }
}
