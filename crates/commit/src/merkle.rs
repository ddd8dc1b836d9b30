//! The Merkle tree over point commitments, hashed as in RFC 6962, section 2.1.
//!
//! Leaf i: `SHA-256(00 || i (u64 LE) || C_i (32 bytes))`; node: `SHA-256(01 || left || right)`; a tree of n > 1 leaves splits
//! at the largest power of two below n. Leaves and nodes cannot be confused, no leaf is ever duplicated, and the
//! index is part of the leaf.
//!
//! The path of a leaf is the list of siblings on its way to the root, the lowest first. A node without a sibling moves up
//! unchanged and adds nothing. How long a path is, and on which side each sibling stands, follows from index and size alone.

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zkdl_transcript::size_bytes;

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// A tree without leaves has no root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a Merkle tree needs at least one leaf")]
pub struct EmptyTree;

fn leaf(index: usize, commitment: &[u8; 32]) -> Hash {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(size_bytes(index));
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

/// Why a path leads to no root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// There is no such leaf; an empty tree has none.
    #[error("a Merkle tree of {size} leaves has no leaf {index}")]
    Index {
        /// The leaf asked for.
        index: usize,
        /// Leaves of the tree.
        size: usize,
    },
    /// Too few siblings, or too many.
    #[error("the Merkle path has {got} hashes, the path of this leaf has {expected}")]
    Length {
        /// Hashes given.
        got: usize,
        /// What index and size imply.
        expected: usize,
    },
}

/// A tree with all its levels: paths cost nothing but their copy.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Leaves first, the root last; never empty.
    levels: Vec<Vec<Hash>>,
    root: Hash,
}

impl Tree {
    /// Hashes all point commitments, on all threads: about 64 bytes of memory a leaf.
    ///
    /// # Errors
    /// [`EmptyTree`].
    pub fn new(commitments: &[[u8; 32]]) -> Result<Self, EmptyTree> {
        let mut levels = vec![leaves(commitments)];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            levels.push(parents(level));
        }
        let root = levels.last().and_then(|level| level.first()).copied().ok_or(EmptyTree)?;
        Ok(Self { levels, root })
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The path of a leaf; `None` if there is no such leaf.
    #[must_use]
    pub fn path(&self, index: usize) -> Option<Vec<Hash>> {
        let size = self.levels.first()?.len();
        (index < size).then_some(())?;
        let place = |(height, level): (usize, &Vec<Hash>)| level.get((index >> height) ^ 1).copied();
        let below_the_root = self.levels.len().checked_sub(1)?;
        Some(self.levels.iter().enumerate().take(below_the_root).filter_map(place).collect())
    }
}

/// The path of one leaf; `None` if there is no such leaf. Hashes the whole tree: keep a [`Tree`] for more than one.
#[must_use]
pub fn path(commitments: &[[u8; 32]], index: usize) -> Option<Vec<Hash>> {
    Tree::new(commitments).ok()?.path(index)
}

/// Number of hashes in the path of leaf `index` of `size`.
fn path_length(index: usize, size: usize) -> usize {
    steps(index, size).filter(|step| *step != Step::Up).count()
}

/// How a node gets to the next level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The sibling stands on the left.
    Left,
    /// The sibling stands on the right.
    Right,
    /// There is no sibling.
    Up,
}

/// The steps from leaf `index` of `size` to the root.
fn steps(index: usize, size: usize) -> impl Iterator<Item = Step> {
    let levels = std::iter::successors(Some((index, size)), |(i, n)| Some((i / 2, n.div_ceil(2))));
    levels.take_while(|(_, n)| *n > 1).map(|(i, n)| match i {
        i if i % 2 == 1 => Step::Left,
        i if i.saturating_add(1) < n => Step::Right,
        _ => Step::Up,
    })
}

/// The root of the tree of `size` leaves in which the leaf `index` is `commitment` and `siblings` its path.
///
/// # Errors
/// [`PathError`]: no such leaf, or a path of another length.
pub fn root_from_path(index: usize, size: usize, commitment: &[u8; 32], siblings: &[Hash]) -> Result<Hash, PathError> {
    if index >= size {
        return Err(PathError::Index { index, size });
    }
    let wrong_length = PathError::Length { got: siblings.len(), expected: path_length(index, size) };
    let mut rest = siblings.iter();
    let mut hash = leaf(index, commitment);
    for step in steps(index, size) {
        hash = match step {
            Step::Left => node(rest.next().ok_or(wrong_length)?, &hash),
            Step::Right => node(&hash, rest.next().ok_or(wrong_length)?),
            Step::Up => hash,
        };
    }
    if rest.next().is_some() { Err(wrong_length) } else { Ok(hash) }
}

/// The root over all point commitments in order.
///
/// # Errors
/// [`EmptyTree`].
pub fn root(commitments: &[[u8; 32]]) -> Result<Hash, EmptyTree> {
    let mut level = leaves(commitments);
    while level.len() > 1 {
        level = parents(&level);
    }
    level.first().copied().ok_or(EmptyTree)
}

/// Hashes below which threads cost more than they save.
const PARALLEL_HASHES: usize = 1 << 10;

fn leaves(commitments: &[[u8; 32]]) -> Vec<Hash> {
    commitments.par_iter().enumerate().with_min_len(PARALLEL_HASHES).map(|(i, c)| leaf(i, c)).collect()
}

/// Pairing neighbours level by level, an odd last one moving up unchanged, is the RFC's split at powers of two.
fn parents(level: &[Hash]) -> Vec<Hash> {
    let parent = |pair: &[Hash]| match pair {
        [left, right] => node(left, right),
        [single] => *single,
        _ => [0; 32],
    };
    level.par_chunks(2).with_min_len(PARALLEL_HASHES).map(parent).collect()
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

    fn commitments(n: usize) -> Vec<[u8; 32]> {
        (0..n).map(|i| [i as u8; 32]).collect()
    }

    /// The path by the recursive definition, lowest sibling first.
    fn recursive_path(leaves: &[Hash], index: usize) -> Vec<Hash> {
        if leaves.len() < 2 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut path, sibling) = if index < left.len() {
            (recursive_path(left, index), recursive(right))
        } else {
            (recursive_path(right, index - left.len()), recursive(left))
        };
        path.push(sibling);
        path
    }

    /// Catalogue 95.
    #[test]
    fn every_path_leads_to_the_root_and_to_no_other() {
        for n in 1..40 {
            let all = commitments(n);
            let leaves: Vec<_> = all.iter().enumerate().map(|(i, c)| leaf(i, c)).collect();
            let tree = Tree::new(&all).unwrap();
            assert_eq!(Ok(tree.root()), root(&all));
            for i in 0..n {
                let siblings = tree.path(i).unwrap();
                assert_eq!(siblings, recursive_path(&leaves, i));
                assert_eq!(Some(&siblings), path(&all, i).as_ref());
                assert_eq!(root_from_path(i, n, &all[i], &siblings), Ok(tree.root()));
                for other in (0..n).filter(|other| *other != i) {
                    assert_ne!(root_from_path(other, n, &all[i], &siblings), Ok(tree.root()), "catalogue 95: index");
                }
                assert_ne!(root_from_path(i, n, &[99; 32], &siblings), Ok(tree.root()));
                for k in 0..siblings.len() {
                    let mut changed = siblings.clone();
                    changed[k][5] ^= 1;
                    assert_ne!(root_from_path(i, n, &all[i], &changed), Ok(tree.root()));
                }
            }
            assert_eq!(tree.path(n), None);
            assert_eq!(tree.path(usize::MAX), None);
        }
    }

    /// Catalogue 95: longer and shorter paths, empty trees, indices beyond the end.
    #[test]
    fn lengths_follow_from_index_and_size() {
        for n in 1..20 {
            let all = commitments(n);
            for i in 0..n {
                let siblings = path(&all, i).unwrap();
                let expected = siblings.len();
                let longer = [siblings.clone(), vec![[0; 32]]].concat();
                let error = PathError::Length { got: expected + 1, expected };
                assert_eq!(root_from_path(i, n, &all[i], &longer), Err(error));
                if let Some((_, shorter)) = siblings.split_last() {
                    let error = PathError::Length { got: expected - 1, expected };
                    assert_eq!(root_from_path(i, n, &all[i], shorter), Err(error));
                }
            }
            let beyond = PathError::Index { index: n, size: n };
            assert_eq!(root_from_path(n, n, &[0; 32], &[]), Err(beyond));
        }
        assert_eq!(root_from_path(0, 0, &[0; 32], &[]), Err(PathError::Index { index: 0, size: 0 }));
        assert_eq!(path(&[], 0), None);
        assert_eq!(Tree::new(&[]).err(), Some(EmptyTree));
        // Sizes that only a hostile statement names.
        assert!(matches!(root_from_path(5, usize::MAX, &[0; 32], &[]), Err(PathError::Length { expected: 64, .. })));
    }

    /// Catalogue 95: a leaf shown as a node, a node shown as a leaf, another size with the same root.
    #[test]
    fn leaves_nodes_and_sizes_are_not_confused() {
        let all = commitments(5);
        let tree = Tree::new(&all).unwrap();
        let pair = node(&leaf(0, &all[0]), &leaf(1, &all[1]));
        let upper = tree.path(0).unwrap()[1..].to_vec();
        // The node above leaves 0 and 1 is no commitment of a smaller tree.
        assert_ne!(root_from_path(0, 3, &pair, &upper), Ok(tree.root()));
        // A commitment is no node: hashing it without its prefix gives another root.
        assert_ne!(node(&all[0], &all[1]), pair);
        // The odd last leaf is not paired with itself.
        let last = tree.path(4).unwrap();
        assert_eq!(last.len(), 1);
        let doubled = [vec![leaf(4, &all[4]), leaf(4, &all[4])], last.clone()].concat();
        assert!(matches!(root_from_path(4, 5, &all[4], &doubled), Err(PathError::Length { .. })));
        assert_ne!(root_from_path(4, 6, &all[4], &[vec![leaf(4, &all[4])], last].concat()), Ok(tree.root()));
        // Sizes with another shape of path are refused; those of the same shape give the same root, which is why the size
        // is bound beside the root.
        for size in [1, 2, 4, 9, 16, 17] {
            assert_ne!(root_from_path(1, size, &all[1], &tree.path(1).unwrap()), Ok(tree.root()));
        }
        assert_eq!(root_from_path(1, 6, &all[1], &tree.path(1).unwrap()), Ok(tree.root()));
    }

    /// Catalogue 95.
    #[test]
    fn no_duplication_and_no_reordering() {
        let (a, b, c) = ([1; 32], [2; 32], [3; 32]);
        assert_ne!(root(&[a, b, c]), root(&[a, b, c, c]));
        assert_ne!(root(&[a, b]), root(&[b, a]));
        assert_ne!(root(&[a, a]), root(&[a]));
    }
}
