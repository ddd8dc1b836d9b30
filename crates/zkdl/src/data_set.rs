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
