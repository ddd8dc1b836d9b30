//! Files that are whole or absent: written beside their final name, synced, renamed.
//!
//! A temporary file carries the writer's process id in its name. SIGINT removes those of this process; what a killed process
//! left behind is removed by the next one that opens the directory.

use crate::error::{CliError, INTERRUPTED, Result};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const PREFIX: &str = ".zkdl-tmp-";

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Mode 0644, less what the umask takes away.
    Public,
    /// Mode 0600 from the moment it exists.
    Secret,
}

/// Temporary files of this process. Held while one is created, renamed or removed.
static OPEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn open_files() -> MutexGuard<'static, Vec<PathBuf>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the temporary files when SIGINT arrives, then exits.
pub(crate) fn clean_up_on_interrupt() -> Result<()> {
    let handler = || {
        let files = open_files();
        for path in files.iter() {
            // Nothing is left to be done about a file that cannot be removed: the next run tries again.
            let _ = fs::remove_file(path);
        }
        let _ = writeln!(std::io::stderr(), "\ninterrupted: no file was left half-written");
        std::process::exit(INTERRUPTED);
    };
    ctrlc::set_handler(handler).map_err(|e| CliError::io("cannot install a handler for SIGINT").caused_by(e))
}

/// Writes `bytes` to `path`: afterwards the file holds all of them, or what it held before.
pub(crate) fn write(path: &Path, bytes: &[u8], access: Access) -> Result<()> {
    let failed = |e: std::io::Error| CliError::file("write", path, e);
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut open = open_files();
    let mut file = temporary(directory, access).map_err(failed)?;
    open.push(file.path().to_owned());
    drop(open);
    let written = file.write_all(bytes).and_then(|()| file.as_file().sync_all());
    let mut open = open_files();
    open.retain(|temporary| temporary != file.path());
    written.map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    drop(open);
    File::open(directory).and_then(|d| d.sync_all()).map_err(failed)
}

fn temporary(directory: &Path, access: Access) -> std::io::Result<tempfile::NamedTempFile> {
    let prefix = format!("{PREFIX}{}-", std::process::id());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    if access == Access::Public {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    builder.tempfile_in(directory)
}

/// Creates a directory (and its parents) unless it exists; a secret one has mode 0700 from the start, also if it exists.
pub(crate) fn create_dir(path: &Path, access: Access) -> Result<()> {
    let failed = |e| CliError::file("create the directory", path, e);
    #[cfg(unix)]
    if access == Access::Secret {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        return fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed);
    }
    fs::create_dir_all(path).map_err(failed)
}

/// Whether a directory takes files: makes one and removes it.
pub(crate) fn try_out(directory: &Path) -> std::io::Result<()> {
    temporary(directory, Access::Secret)?.close()
}

/// Writes and syncs `bytes` in a file that is removed again: what writing costs here.
pub(crate) fn try_write(directory: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |e: std::io::Error| CliError::file("write in", directory, e);
    let mut file = temporary(directory, Access::Secret).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.close().map_err(failed)
}

/// Temporary files of processes that are gone.
pub(crate) fn stale(directory: &Path) -> Vec<PathBuf> {
    let left = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        name.to_str().and_then(|n| n.strip_prefix(PREFIX)).and_then(|n| n.split('-').next()).is_some_and(is_gone)
    };
    fs::read_dir(directory).into_iter().flatten().flatten().filter(left).map(|entry| entry.path()).collect()
}

/// Removes temporary files of processes that are gone.
pub(crate) fn remove_stale(directory: &Path) {
    for path in stale(directory) {
        // Only tidiness: a file that stays is hidden, 0600, and tried again.
        let _ = fs::remove_file(path);
    }
}

/// Whether no process has this id. Where that cannot be told, `false`.
fn is_gone(process: &str) -> bool {
    let running = Path::new("/proc");
    running.join("self").exists() && !running.join(process).exists()
}
