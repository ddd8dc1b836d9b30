//! The public file that says what a data set is: magic word, version, descriptor with its data root.

use crate::codec::{Decoder, FormatError, header};
use zkdl_dataset::descriptor::Descriptor;

const WHAT: &str = "data set";
const MAGIC: &str = "zkdl-data";
const VERSION: u32 = 1;

/// The encoding.
#[must_use]
pub fn encode(descriptor: &Descriptor) -> Vec<u8> {
    [header(MAGIC, VERSION), descriptor.encode()].concat()
}

/// Reads an encoding.
///
/// # Errors
/// [`FormatError`].
pub fn decode(bytes: &[u8]) -> Result<Descriptor, FormatError> {
    let mut d = Decoder::new(WHAT, MAGIC, VERSION, bytes)?;
    let descriptor = d.descriptor()?;
    d.finish()?;
    Ok(descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkdl_dataset::ValueRange;

    #[test]
    fn a_descriptor_comes_back_from_its_file_and_from_no_other() {
        let data = Descriptor { root: [3; 32], ..Descriptor::uniform(4, 3, 2, ValueRange { min: -2, max: 9 }, 0) };
        let bytes = encode(&data);
        assert!(bytes.starts_with(b"zkdl-data\x01\0\0\0"));
        assert_eq!(decode(&bytes), Ok(data));
        assert_eq!(decode(&[&bytes[..], &[0]].concat()), Err(FormatError::Trailing { what: WHAT, bytes: 1 }));
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length}");
        }
    }
}
