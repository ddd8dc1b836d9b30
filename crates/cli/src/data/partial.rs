//! Point commitments on their way: a list that grows block by block, and that a killed command goes on from.
//!
//! ```text
//! magic | version | seal (32)          the last bytes of the secret data file: which rows and blinds these are
//! then for every block of points       commitments (32 bytes each) | SHA-256(seal || number of the block || commitments)
//! ```
//! A block that is torn or belongs to other data ends the list: it is made again.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::error::{CliError, Result};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use zkdl::codec::header;
use zkdl::points::BLOCK;

const MAGIC: &str = "zkdl-partial-points";
const VERSION: u32 = 1;

/// The list, open for more.
pub(crate) struct Partial {
    path: PathBuf,
    file: File,
    seal: [u8; 32],
    blocks: u64,
}

impl Partial {
    /// Opens the list of `points` commitments that belongs to `seal`, or begins one; returns what it holds so far.
    pub(crate) fn open(path: &Path, seal: [u8; 32], points: usize) -> Result<(Self, Vec<[u8; 32]>)> {
        let failed = |e| CliError::file("write", path, e);
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(mut file) => file.read_to_end(&mut bytes).map_err(|e| CliError::file("read", path, e))?,
            Err(e) if e.kind() == ErrorKind::NotFound => 0,
            Err(e) => return Err(CliError::file("read", path, e)),
        };
        let head = [header(MAGIC, VERSION), seal.to_vec()].concat();
        let (mut done, mut blocks, mut length) = (Vec::new(), 0u64, head.len());
        if let Some(mut rest) = bytes.strip_prefix(&head[..]) {
            let left = |done: &Vec<_>| BLOCK.min(points.saturating_sub(done.len())).saturating_mul(32);
            while let Some((rows, behind)) = rest.split_at_checked(left(&done)) {
                let Some((digest, behind)) = behind.split_first_chunk::<32>() else { break };
                if rows.is_empty() || *digest != seal_of(&seal, blocks, rows) {
                    break;
                }
                done.extend_from_slice(rows.as_chunks().0);
                (blocks, rest) = (blocks.saturating_add(1), behind);
                length = bytes.len().saturating_sub(rest.len());
            }
        }
        let mut file = private().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        if blocks == 0 {
            file.write_all(&head).map_err(failed)?;
        }
        file.set_len(length as u64).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok((Self { path: path.to_owned(), file, seal, blocks }, done))
    }

    /// Adds a block; it is on the disk when this returns.
    pub(crate) fn append(&mut self, rows: &[[u8; 32]]) -> Result<()> {
        let rows = rows.as_flattened();
        let block = [rows, &seal_of(&self.seal, self.blocks, rows)].concat();
        self.blocks = self.blocks.saturating_add(1);
        let written = self.file.write_all(&block).and_then(|()| self.file.sync_data());
        written.map_err(|e| CliError::file("write", &self.path, e))
    }
}

/// For a file in the secret directory: nobody else reads it, though commitments hide what is in them.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn seal_of(seal: &[u8; 32], block: u64, rows: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(seal).chain_update(block.to_le_bytes()).chain_update(rows).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_on_wherever_it_was_torn() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("points");
        let points = BLOCK + 3;
        let rows: Vec<[u8; 32]> = (0..points).map(|i| [i as u8; 32]).collect();
        let (mut partial, done) = Partial::open(&path, [7; 32], points).unwrap();
        assert_eq!(done.len(), 0);
        partial.append(&rows[..BLOCK]).unwrap();
        partial.append(&rows[BLOCK..]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let first = whole.len() - 32 * 4;
        for (length, expected) in
            [(whole.len(), points), (whole.len() - 1, BLOCK), (first + 5, BLOCK), (first - 1, 0), (10, 0), (0, 0)]
        {
            std::fs::write(&path, &whole[..length]).unwrap();
            let (mut partial, done) = Partial::open(&path, [7; 32], points).unwrap();
            assert_eq!(done, rows[..expected], "{length}");
            for block in rows[expected..].chunks(BLOCK) {
                partial.append(block).unwrap();
            }
            assert_eq!(std::fs::read(&path).unwrap(), whole, "{length}");
        }
        let mut damaged = whole.clone();
        damaged[100] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert_eq!(Partial::open(&path, [7; 32], points).unwrap().1.len(), 0, "a changed commitment");
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(Partial::open(&path, [8; 32], points).unwrap().1.len(), 0, "other data");
    }
}
