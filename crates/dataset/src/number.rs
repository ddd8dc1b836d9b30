//! Sizes of files and of memory, converted without loss: [`usize`] is neither narrower than `u32` nor wider than `u64` here.

const _: () = assert!(u32::BITS <= usize::BITS && usize::BITS <= u64::BITS, "a size holds a u32 and fits a u64");

/// A length as files hold it.
#[expect(clippy::as_conversions, reason = "lossless: asserted above")]
pub const fn to_u64(n: usize) -> u64 {
    n as u64
}

/// A number of a file as a length or an index.
#[expect(clippy::as_conversions, reason = "lossless: asserted above")]
pub const fn to_usize(n: u32) -> usize {
    n as usize
}

/// A count as files hold it that have room for 32 bits. One beyond them would not be written right, and is beyond what readers
/// accept, too.
pub fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
