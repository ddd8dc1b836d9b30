//! Files as records of known length.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::{Malformed, ReadError, shown};

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file for reading; a directory is refused here, not at the first byte.
pub(super) fn open(path: &Path) -> Result<BufReader<File>, ReadError> {
    let failed = |source| ReadError::Io { file: shown(path), source };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(ErrorKind::IsADirectory.into()));
    }
    Ok(BufReader::with_capacity(1 << 16, file))
}

/// Bytes that are read record by record, and a name for them.
pub(super) struct Records<'a> {
    name: String,
    input: Box<dyn Read + 'a>,
}

impl<'a> Records<'a> {
    /// The bytes of `input`.
    pub(super) fn new(name: String, input: impl Read + 'a) -> Self {
        Self { name, input: Box::new(input) }
    }

    /// The bytes of a file.
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        Ok(Self::new(shown(path), open(path)?))
    }

    /// The bytes of a file, decompressed if they are gzip.
    pub(super) fn open_gzip(path: &Path) -> Result<Self, ReadError> {
        let mut input = open(path)?;
        let start = input.fill_buf().map_err(|source| ReadError::Io { file: shown(path), source })?;
        if start.starts_with(&GZIP) {
            return Ok(Self::new(shown(path), BufReader::new(MultiGzDecoder::new(input))));
        }
        Ok(Self::new(shown(path), input))
    }

    /// The name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// An error about these bytes.
    pub(super) fn malformed(&self, reason: Malformed) -> ReadError {
        ReadError::malformed(&self.name, reason)
    }

    /// Fills `record`; `what` says what is read, for the error if the bytes end.
    pub(super) fn fill(&mut self, record: &mut [u8], what: impl Fn() -> String) -> Result<(), ReadError> {
        if self.next(record, &what)? || record.is_empty() {
            return Ok(());
        }
        Err(self.malformed(Malformed::Truncated { what: what() }))
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], ReadError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, || what.to_owned())?;
        Ok(bytes)
    }

    /// Fills `record`, or says that the bytes ended before it.
    pub(super) fn next(&mut self, record: &mut [u8], what: impl Fn() -> String) -> Result<bool, ReadError> {
        let (mut rest, mut begun) = (record, false);
        while !rest.is_empty() {
            match self.input.read(rest) {
                Ok(0) if !begun => return Ok(false),
                Ok(0) => return Err(self.malformed(Malformed::Truncated { what: what() })),
                Ok(n) => (rest, begun) = (rest.get_mut(n..).unwrap_or_default(), true),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.failed(e)),
            }
        }
        Ok(true)
    }

    /// Checks that nothing is left. For compressed bytes this also checks their checksum.
    pub(super) fn end(&mut self) -> Result<(), ReadError> {
        if self.next(&mut [0], String::new)? { Err(self.malformed(Malformed::Trailing)) } else { Ok(()) }
    }

    /// Decompressors report damage as errors of input.
    fn failed(&self, error: std::io::Error) -> ReadError {
        match error.kind() {
            ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => {
                self.malformed(Malformed::Compression(error.to_string()))
            }
            _ => ReadError::Io { file: self.name.clone(), source: error },
        }
    }
}
