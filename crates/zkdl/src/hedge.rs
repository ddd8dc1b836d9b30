//! What blinds are hedged with: a digest of everything that they hide.
//!
//! ```text
//! SHA-512(for each part: u64(number of its bytes) || SHA-256 of each of its blocks of 2^20 bytes)
//! ```
//!
//! Blocks are hashed on all threads: a window of a large network has gigabytes to hide.

use rayon::prelude::*;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;
use zkdl_dataset::number::to_u64;
use zkdl_field::Scalar;
use zkdl_field::scalar::encode;

/// Bytes of a block.
const BLOCK: usize = 1 << 20;

/// The digest of what was added so far.
pub(crate) struct Hedge(Sha512);

impl Hedge {
    /// Nothing to hide.
    pub(crate) fn new() -> Self {
        Self(Sha512::new())
    }

    /// Adds a part.
    pub(crate) fn bytes(self, part: &[u8]) -> Self {
        self.part(part.len(), part.par_chunks(BLOCK).map(|block| Sha256::digest(block).into()).collect())
    }

    /// Adds integers of any type, 8 bytes each, little endian.
    pub(crate) fn integers<N: Copy + Into<i64> + Sync>(self, part: &[N]) -> Self {
        let digest = |block: &[N]| {
            let bytes = Zeroizing::new(block.iter().flat_map(|n| (*n).into().to_le_bytes()).collect::<Vec<u8>>());
            Sha256::digest(&*bytes).into()
        };
        self.part(part.len().saturating_mul(8), part.par_chunks(BLOCK / 8).map(digest).collect())
    }

    /// Adds scalars, 32 bytes each.
    pub(crate) fn scalars(self, part: &[Scalar]) -> Self {
        self.bytes(&Zeroizing::new(part.iter().flat_map(encode).collect::<Vec<u8>>()))
    }

    fn part(self, bytes: usize, digests: Vec<[u8; 32]>) -> Self {
        let digests = Zeroizing::new(digests);
        let hash = self.0.chain_update(to_u64(bytes).to_le_bytes());
        Self(digests.iter().fold(hash, |hash, digest| hash.chain_update(digest)))
    }

    /// The digest: as secret as what it hides.
    pub(crate) fn finish(self) -> Zeroizing<[u8; 64]> {
        Zeroizing::new(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_and_every_border_counts() {
        let noise: Vec<u8> = (0..2 * BLOCK + 9).map(|i| ((i * i) >> 7) as u8).collect();
        let digest = |parts: &[&[u8]]| *parts.iter().fold(Hedge::new(), |hedge, part| hedge.bytes(part)).finish();
        let whole = digest(&[&noise]);
        for at in [0, BLOCK - 1, BLOCK, 2 * BLOCK + 8] {
            let mut other = noise.clone();
            other[at] ^= 1;
            assert_ne!(digest(&[&other]), whole, "byte {at}");
        }
        assert_ne!(digest(&[&noise[..BLOCK], &noise[BLOCK..]]), whole);
        assert_ne!(digest(&[&noise, &[]]), whole);
    }

    #[test]
    fn integers_and_scalars_are_their_bytes() {
        let integers: Vec<i64> = (0..BLOCK as i64 / 8 + 3).map(|i| i * -7919).collect();
        let bytes: Vec<u8> = integers.iter().flat_map(|n| n.to_le_bytes()).collect();
        assert_eq!(Hedge::new().integers(&integers).finish(), Hedge::new().bytes(&bytes).finish());
        let small: Vec<i32> = (0..BLOCK as i32 / 8 + 3).map(|i| i * -719).collect();
        let widened: Vec<i64> = small.iter().map(|n| i64::from(*n)).collect();
        assert_eq!(Hedge::new().integers(&small).finish(), Hedge::new().integers(&widened).finish());
        let one = Scalar::from(1);
        assert_eq!(Hedge::new().scalars(&[one]).finish(), Hedge::new().bytes(&encode(&one)).finish());
    }
}
