//! The public value that fixes, with the data root, the order of the points and the starting weights.
//!
//! It is worth something only if nobody could know it before the data were committed: an auditor's draw, or a public beacon.
//! `RUN/public/beacon` keeps it, 64 hexadecimal digits and a line's end; `nonce` in `[training]` takes its place in runs whose
//! order nobody needs to trust.

use crate::atomic::{self, Access};
use crate::config::{Config, digest};
use crate::error::{CliError, Result};
use crate::run_dir::{RunDir, read};
use zkdl::statement::hex;

/// The value of a run, if there is one yet.
pub(crate) fn nonce(config: &Config, dir: &RunDir) -> Result<Option<[u8; 32]>> {
    let path = dir.beacon();
    if !path.exists() {
        return Ok(config.training.nonce);
    }
    let text = String::from_utf8_lossy(&read(&path)?).trim_end().to_owned();
    let beacon = digest(&text).map_err(|e| CliError::usage(format!("{}: {e}", path.display())))?;
    same(config, dir, beacon)?;
    Ok(Some(beacon))
}

/// Fixes the value of a run. The data have to be committed, and no other value may be fixed.
pub(crate) fn fix(config: &Config, dir: &RunDir, beacon: [u8; 32]) -> Result<()> {
    let root = dir.root().display();
    if !dir.points().exists() {
        let next = format!("run `zkdl data commit {root}` and publish the root first");
        return Err(CliError::usage(format!("{root}: a beacon counts only if it came after the commitment: {next}")));
    }
    match nonce(config, dir)? {
        Some(fixed) if fixed == beacon => return Ok(()),
        Some(fixed) if dir.beacon().exists() => {
            let fixed = hex(&fixed);
            return Err(CliError::usage(format!(
                "{root}: the beacon of this run is {fixed}: another order is another run"
            )));
        }
        _ => same(config, dir, beacon)?,
    }
    dir.prepare()?;
    atomic::write(&dir.beacon(), format!("{}\n", hex(&beacon)).as_bytes(), Access::Public)
}

/// A configuration with a nonce of its own takes no other.
fn same(config: &Config, dir: &RunDir, beacon: [u8; 32]) -> Result<()> {
    if config.training.nonce.is_none_or(|nonce| nonce == beacon) {
        return Ok(());
    }
    let (file, beacon) = (dir.config(), hex(&beacon));
    Err(CliError::usage(format!(
        "{}: [training] has a nonce, and the beacon is {beacon}: remove the nonce",
        file.display()
    )))
}

/// What to do where there is no value.
pub(crate) fn missing(dir: &RunDir, data_root: &[u8; 32]) -> CliError {
    let (root, data_root) = (dir.root().display(), hex(data_root));
    CliError::usage(format!(
        "{root}: nothing fixes the order of the data yet: publish the data root {data_root}, let somebody else draw 64 hexadecimal digits after that (an auditor, or a public beacon), and run `zkdl train {root} --beacon DIGITS`"
    ))
}
