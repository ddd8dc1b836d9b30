//! Length-checked little-endian reading and writing: every value has exactly one encoding.

use zkdl_dataset::Descriptor;
use zkdl_dataset::number::to_u64;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The bytes end too early.
    #[error("{what}: the bytes end at {offset}, in the middle of {field}")]
    Truncated {
        /// The file.
        what: &'static str,
        /// Where the field should start.
        offset: usize,
        /// The field.
        field: &'static str,
    },
    /// Another kind of file.
    #[error("this is not a {what}: its first bytes are not {expected:?}")]
    Magic {
        /// The file.
        what: &'static str,
        /// The magic word.
        expected: &'static str,
    },
    /// A version that this program does not read.
    #[error("{what} of version {got}; this program reads version {expected}")]
    Version {
        /// The file.
        what: &'static str,
        /// Its version.
        got: u32,
        /// Ours.
        expected: u32,
    },
    /// A value outside its range.
    #[error("{what}: {field} is {got}, expected {expected}")]
    Value {
        /// The file.
        what: &'static str,
        /// The field.
        field: &'static str,
        /// Its value.
        got: u64,
        /// What it has to be.
        expected: String,
    },
    /// Bytes after the end.
    #[error("{what}: {bytes} bytes follow its end")]
    Trailing {
        /// The file.
        what: &'static str,
        /// How many.
        bytes: usize,
    },
}

/// Reads fields one after another.
pub struct Decoder<'a> {
    what: &'static str,
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Decoder<'a> {
    /// Starts after checking magic word and version.
    ///
    /// # Errors
    /// [`FormatError::Magic`], [`FormatError::Version`], [`FormatError::Truncated`].
    pub fn new(what: &'static str, magic: &'static str, version: u32, bytes: &'a [u8]) -> Result<Self, FormatError> {
        let mut decoder = Self { what, bytes, offset: 0 };
        let word = decoder.take("magic word", magic.len()).map_err(|_| FormatError::Magic { what, expected: magic })?;
        if word != magic.as_bytes() {
            return Err(FormatError::Magic { what, expected: magic });
        }
        let got = decoder.u32("version")?;
        if got != version {
            return Err(FormatError::Version { what, got, expected: version });
        }
        Ok(decoder)
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`FormatError::Truncated`].
    pub fn take(&mut self, field: &'static str, n: usize) -> Result<&'a [u8], FormatError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let error = FormatError::Truncated { what: self.what, offset: self.offset, field };
        let taken = rest.get(..n).ok_or(error)?;
        self.offset = self.offset.saturating_add(n);
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`FormatError::Truncated`].
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], FormatError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(field, N)?);
        Ok(array)
    }

    /// A u32.
    ///
    /// # Errors
    /// [`FormatError::Truncated`].
    pub fn u32(&mut self, field: &'static str) -> Result<u32, FormatError> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// A u64.
    ///
    /// # Errors
    /// [`FormatError::Truncated`].
    pub fn u64(&mut self, field: &'static str) -> Result<u64, FormatError> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// A data descriptor, which says its own length.
    ///
    /// # Errors
    /// [`FormatError::Truncated`], or [`FormatError::Value`] with what the descriptor's own decoder says.
    pub fn descriptor(&mut self) -> Result<Descriptor, FormatError> {
        const FIELD: &str = "data descriptor";
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let own = self.take(FIELD, Descriptor::encoded_length(rest).unwrap_or(4))?;
        Descriptor::decode(own).map_err(|e| self.value_error(FIELD, to_u64(own.len()), format!("a valid one: {e}")))
    }

    /// A number of items of `size` bytes each that follow: never more than the bytes that are left can hold.
    ///
    /// # Errors
    /// [`FormatError::Truncated`], [`FormatError::Value`].
    pub fn count(&mut self, field: &'static str, size: usize) -> Result<usize, FormatError> {
        let got = self.u64(field)?;
        let room = self.bytes.len().saturating_sub(self.offset).checked_div(size.max(1)).unwrap_or(0);
        let count = usize::try_from(got).ok().filter(|n| *n <= room);
        count.ok_or_else(|| self.value_error(field, got, format!("at most {room}, what the file has room for")))
    }

    /// An error about a value of this file.
    #[must_use]
    pub fn value_error(&self, field: &'static str, got: u64, expected: String) -> FormatError {
        FormatError::Value { what: self.what, field, got, expected }
    }

    /// The end.
    ///
    /// # Errors
    /// [`FormatError::Trailing`].
    pub fn finish(self) -> Result<(), FormatError> {
        let bytes = self.bytes.len().saturating_sub(self.offset);
        if bytes == 0 { Ok(()) } else { Err(FormatError::Trailing { what: self.what, bytes }) }
    }
}

/// Starts an encoding: magic word and version.
#[must_use]
pub fn header(magic: &str, version: u32) -> Vec<u8> {
    [magic.as_bytes(), &version.to_le_bytes()].concat()
}

/// Appends a list of 32-byte items behind its length.
pub fn put_list(bytes: &mut Vec<u8>, items: &[[u8; 32]]) {
    bytes.extend(to_u64(items.len()).to_le_bytes());
    bytes.extend(items.iter().flatten());
}

/// Reads a list of 32-byte items.
///
/// # Errors
/// [`FormatError`].
pub fn take_list(decoder: &mut Decoder<'_>, field: &'static str) -> Result<Vec<[u8; 32]>, FormatError> {
    let count = decoder.count(field, 32)?;
    (0..count).map(|_| decoder.array(field)).collect()
}
