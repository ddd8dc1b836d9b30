//! Public pseudorandom integers, specified bit by bit.
//!
//! ```text
//! key     = SHA-256(domain || 0x00 || part_1 || part_2 || ..)      domain: ASCII; the parts have fixed lengths per domain
//! bytes   = ChaCha20 key stream (RFC 8439), that key, nonce 0^96, block counter from 0
//! words   = bytes, eight at a time, unsigned little endian
//! uniform(m) = x mod m for the first word x < floor(2^64 / m) * m; words at or above that limit are dropped
//! ```
//!
//! | domain | parts after `0x00` | drawn from it |
//! |---|---|---|
//! | `zkdl/v1/order` | root (32), nonce (32), epoch (u64, little endian) | the order of the points in one epoch |
//! | `zkdl/v1/weights` | root (32), nonce (32) | the public starting weights |
//! | `zkdl/v1/split` | seed (32) | the train/test split |
//!
//! No domain contains a zero byte, so no input to the hash is another domain's. The root is published before the nonce is drawn:
//! neither order nor weights can be searched for.

use std::num::{NonZeroU64, NonZeroU128};

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use sha2::{Digest, Sha256};

use crate::number::to_u64;

/// Domain of the order of points in an epoch.
pub const ORDER_DOMAIN: &str = "zkdl/v1/order";
/// Domain of the public starting weights.
pub const WEIGHTS_DOMAIN: &str = "zkdl/v1/weights";
/// Domain of the train/test split.
pub const SPLIT_DOMAIN: &str = "zkdl/v1/split";

/// Words that are generated at a time. Any number gives the same words.
const BUFFER_WORDS: usize = 512;

/// A stream of public pseudorandom words. It holds nothing secret.
///
/// RFC 8439 counts blocks in 32 bits: a stream has 2^35 words, far above what [`crate::Schedule`] (at most 2^32 points) and the
/// starting weights (fewer than 2^34) draw.
pub struct KeyStream {
    cipher: ChaCha20,
    buffer: Vec<[u8; 8]>,
    next: usize,
}

impl KeyStream {
    /// The stream of a key.
    pub fn new(key: [u8; 32]) -> Self {
        let cipher = ChaCha20::new(&key.into(), &[0u8; 12].into());
        let buffer = vec![[0; 8]; BUFFER_WORDS];
        let next = buffer.len();
        Self { cipher, buffer, next }
    }

    /// The stream whose key is SHA-256(domain || 0x00 || parts).
    pub fn derive(domain: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        hash.update(domain.as_bytes());
        hash.update([0]);
        for part in parts {
            hash.update(part);
        }
        Self::new(hash.finalize().into())
    }

    /// The next eight bytes of the key stream as a little-endian integer.
    pub fn next_word(&mut self) -> u64 {
        loop {
            if let Some(word) = self.buffer.get(self.next) {
                self.next = self.next.saturating_add(1);
                return u64::from_le_bytes(*word);
            }
            self.refill();
        }
    }

    /// A uniform integer in `0..bound`, by rejection; fewer than two words on average.
    pub fn uniform(&mut self, bound: NonZeroU64) -> u64 {
        let wide = NonZeroU128::from(bound);
        let limit = ((1u128 << 64) / wide).saturating_mul(wide.get());
        loop {
            let word = self.next_word();
            if u128::from(word) < limit {
                return word % bound;
            }
        }
    }

    /// A uniform permutation of `0..n` (Fisher-Yates): for i = n-1 down to 1, swap places i and uniform(i + 1).
    #[expect(clippy::as_conversions, reason = "at most i, an index")]
    pub fn permutation(&mut self, n: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n).collect();
        for i in (1..order.len()).rev() {
            let j = self.uniform(NonZeroU64::MIN.saturating_add(to_u64(i)));
            order.swap(i, j as usize);
        }
        order
    }

    fn refill(&mut self) {
        self.buffer.fill([0; 8]);
        self.cipher.apply_keystream(self.buffer.as_flattened_mut());
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(m: u64) -> NonZeroU64 {
        NonZeroU64::new(m).unwrap()
    }

    #[test]
    fn words_are_the_rfc_8439_key_stream() {
        // RFC 8439, appendix A.1, test vectors 1 and 2: the zero key and nonce, blocks 0 and 1.
        let mut stream = KeyStream::new([0; 32]);
        let words: Vec<u64> = (0..16).map(|_| stream.next_word()).collect();
        assert_eq!(words[0].to_le_bytes(), [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
        assert_eq!(words[8].to_le_bytes(), [0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a]);
    }

    #[test]
    fn the_buffer_size_is_invisible() {
        let mut long = ChaCha20::new(&[7; 32].into(), &[0u8; 12].into());
        let mut bytes = vec![0; 8 * (BUFFER_WORDS + 3)];
        long.apply_keystream(&mut bytes);
        let mut stream = KeyStream::new([7; 32]);
        for chunk in bytes.chunks_exact(8) {
            assert_eq!(stream.next_word().to_le_bytes(), chunk);
        }
    }

    #[test]
    fn domains_and_parts_separate_streams() {
        let first = |domain, parts: &[&[u8]]| KeyStream::derive(domain, parts).next_word();
        let base = first(ORDER_DOMAIN, &[&[1; 32], &[2; 32], &[0; 8]]);
        assert_ne!(base, first(WEIGHTS_DOMAIN, &[&[1; 32], &[2; 32], &[0; 8]]));
        assert_ne!(base, first(ORDER_DOMAIN, &[&[1; 32], &[3; 32], &[0; 8]]));
        assert_ne!(base, first(ORDER_DOMAIN, &[&[1; 32], &[2; 32], &[1; 8]]));
    }

    #[test]
    fn uniform_is_the_word_modulo_the_bound_after_rejection() {
        let mut words = KeyStream::new([3; 32]);
        let mut values = KeyStream::new([3; 32]);
        let m = (1u64 << 63) + 1;
        let mut expected = Vec::new();
        while expected.len() < 50 {
            let word = words.next_word();
            if word < m {
                expected.push(word);
            }
        }
        let drawn: Vec<u64> = (0..50).map(|_| values.uniform(bound(m))).collect();
        assert_eq!(drawn, expected);
    }

    #[test]
    fn the_first_word_that_is_dropped_is_the_limit() {
        let m = (1u64 << 63) + 1;
        let mut stream = KeyStream::new([3; 32]);
        stream.refill();
        stream.buffer[..2].copy_from_slice(&[m.to_le_bytes(), (m - 1).to_le_bytes()]);
        assert_eq!(stream.uniform(bound(m)), m - 1);
    }

    #[test]
    fn uniform_of_one_is_zero_and_of_all_words_covers_the_range() {
        let mut stream = KeyStream::new([0; 32]);
        assert_eq!(stream.uniform(bound(1)), 0);
        let seen: std::collections::BTreeSet<u64> = (0..400).map(|_| stream.uniform(bound(7))).collect();
        assert_eq!(seen, (0..7).collect());
    }

    #[test]
    fn permutations_contain_every_index_once() {
        for n in [0, 1, 2, 3, 17, 100] {
            let mut order = KeyStream::new([9; 32]).permutation(n);
            order.sort_unstable();
            assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn permutations_of_three_are_evenly_spread() {
        let mut stream = KeyStream::new([5; 32]);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..6000 {
            *counts.entry(stream.permutation(3)).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|&c| (850..1150).contains(&c)), "{counts:?}");
    }
}
