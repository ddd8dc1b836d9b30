//! The Merkle tree over point commitments, hashed as in RFC 6962, section 2.1.
//!
//! Leaf i: `SHA-256(00 || i (u64 LE) || C_i (32 bytes))`; node: `SHA-256(01 || left || right)`; a tree of n > 1 leaves splits
//! at the largest power of two below n. Leaves and nodes cannot be confused, no leaf is ever duplicated, and the
//! index is part of the leaf.

use sha2::{Digest, Sha256};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// A tree without leaves has no root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a Merkle tree needs at least one leaf")]
pub struct EmptyTree;

fn leaf(index: usize, commitment: &[u8; 32]) -> Hash {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update((index as u64).to_le_bytes());
    hash.update(commitment);
    hash.finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update([1]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// The root over all point commitments in order.
///
/// # Errors
/// [`EmptyTree`].
pub fn root(commitments: &[[u8; 32]]) -> Result<Hash, EmptyTree> {
    let mut level: Vec<Hash> = commitments.iter().enumerate().map(|(i, c)| leaf(i, c)).collect();
    // Pairing neighbours level by level, an odd last one moving up unchanged, is the RFC's split at powers of two.
    while level.len() > 1 {
        level = level
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node(left, right)),
                [single] => Some(*single),
                _ => None,
            })
            .collect();
    }
    level.first().copied().ok_or(EmptyTree)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recursive(leaves: &[Hash]) -> Hash {
        match leaves {
            [one] => *one,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node(&recursive(&leaves[..split]), &recursive(&leaves[split..]))
            }
        }
    }

    #[test]
    fn equals_the_recursive_definition() {
        for n in 1..40usize {
            let commitments: Vec<_> = (0..n).map(|i| [i as u8; 32]).collect();
            let leaves: Vec<_> = commitments.iter().enumerate().map(|(i, c)| leaf(i, c)).collect();
            assert_eq!(root(&commitments), Ok(recursive(&leaves)));
        }
        assert_eq!(root(&[]), Err(EmptyTree));
    }

    #[test]
    fn no_duplication_and_no_reordering() {
        let (a, b, c) = ([1; 32], [2; 32], [3; 32]);
        assert_ne!(root(&[a, b, c]), root(&[a, b, c, c]));
        assert_ne!(root(&[a, b]), root(&[b, a]));
        assert_ne!(root(&[a, a]), root(&[a]));
    }
}
