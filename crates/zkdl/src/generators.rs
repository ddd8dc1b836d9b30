//! The generators of all commitments, derived once: held for the life of a [`GeneratorSource`] and, if its owner names a
//! [`Store`], kept from one process to the next.
//!
//! Columns come in pieces, whose SHA-256 digests are pinned in `generators/pinned.rs`:
//!
//! ```text
//! piece 0: G_j, j < 2^10          piece k: G_j, 2^(9+k) <= j < 2^(10+k), k = 1..=10
//! content of a piece: x_j || y_j for every j, 32 bytes each, little endian
//! ```
//!
//! **Reading a piece is as safe as deriving it.** Content is used only if it has the pinned digest, so other points would be a
//! second preimage under SHA-256. Nothing else about a store matters: who wrote to it, what it returns, whether it fails.
//! Content is in memory before it is hashed and cannot change after. What is missing or wrong is derived and offered to the
//! store again. That the pins are those of the label is not taken on trust either: tests derive them.
//!
//! **Why pieces that double.** The number of columns is a power of two, so a list is a whole number of pieces: a short one is
//! checked without reading more of a long one, a longer one adds pieces and never rewrites any, and eleven digests are all
//! there is to audit. A piece has one possible content, so that processes that write it at once write the same bytes.
//! Up to 2^9 columns are derived: 4 ms are not worth a file.
//!
//! `cargo run --release -p zkdl --example pin_generators` writes the pins; every test run derives the first seven again,
//! `cargo test --release -p zkdl -- --ignored pin` all of them.

mod pinned;

use crate::statement::{GENERATORS, hex};
use pinned::DIGESTS;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zkdl_field::Affine;
use zkdl_field::generators::{Generators, derive_columns};
use zkdl_field::group::{self, COORDINATES_BYTES};

/// Columns of the first piece.
const FIRST: usize = 1 << 10;

/// Where pieces are kept between processes. It is not trusted, and may forget.
pub trait Store: fmt::Debug + Send + Sync {
    /// The content of this name, if it is there and has this many bytes.
    fn load(&self, name: &str, bytes: usize) -> Option<Vec<u8>>;

    /// Keeps a content under its name, in place of what is there. What cannot be kept will be derived again.
    fn keep(&self, name: &str, content: &[u8]);
}

/// The one source of generators for proving and verifying: it cannot be made to give any but those of [`GENERATORS`].
#[derive(Debug)]
pub struct GeneratorSource {
    store: Option<Box<dyn Store>>,
    longest: Mutex<Arc<Generators>>,
}

impl GeneratorSource {
    /// Derives what is asked for, and touches nothing outside the process.
    #[must_use]
    pub fn derived() -> Self {
        Self { store: None, longest: Mutex::new(Arc::new(with_columns(Vec::new()))) }
    }

    /// Takes pieces from a store, and derives those that it does not have.
    #[must_use]
    pub fn kept_in(store: impl Store + 'static) -> Self {
        Self { store: Some(Box::new(store)), ..Self::derived() }
    }

    /// The first `columns` column generators, with g and H.
    ///
    /// The longest list so far is held (64 bytes a column) and free of cost to ask for again; a shorter one is a copy of its
    /// beginning. A longer one costs 12 us a new column to derive and 0.1 us to read from a store, on all threads.
    #[must_use]
    pub fn first(&self, columns: usize) -> Arc<Generators> {
        let held = Arc::clone(&self.longest());
        match held.columns.get(..columns) {
            Some(all) if all.len() == held.columns.len() => held,
            Some(beginning) => Arc::new(with_columns(beginning.to_vec())),
            None => self.hold(Arc::new(with_columns(self.extend(&held.columns, columns)))),
        }
    }

    /// Not held while generators are derived: a thread that waits for its share of that work may be given other work, which
    /// asks for generators too.
    fn longest(&self) -> MutexGuard<'_, Arc<Generators>> {
        self.longest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, list: Arc<Generators>) -> Arc<Generators> {
        let mut longest = self.longest();
        if longest.columns.len() < list.columns.len() {
            *longest = Arc::clone(&list);
        }
        list
    }

    /// A longer list from its beginning.
    fn extend(&self, beginning: &[Affine], columns: usize) -> Vec<Affine> {
        let room = columns.next_power_of_two();
        let mut list = Vec::with_capacity(room);
        list.extend(beginning);
        if let Some(store) = &self.store {
            for piece in pieces().filter(|piece| beginning.len() < piece.columns.end && piece.columns.end <= room) {
                list.truncate(piece.columns.start);
                piece.load(store.as_ref()).into_iter().for_each(|part| list.extend(part));
            }
        }
        list.extend(derive_columns(GENERATORS, list.len()..columns));
        list.truncate(columns);
        list
    }
}

impl Default for GeneratorSource {
    fn default() -> Self {
        Self::derived()
    }
}

/// g and H of the label, with these columns.
fn with_columns(columns: Vec<Affine>) -> Generators {
    let mut generators = Generators::derive(GENERATORS, 0);
    generators.columns = columns;
    generators
}

/// A stretch of columns and the digest of its content.
#[derive(Debug)]
struct Piece {
    columns: Range<usize>,
    digest: &'static str,
}

fn pieces() -> impl Iterator<Item = Piece> {
    DIGESTS.iter().enumerate().map(|(k, digest)| Piece { columns: stretch(k), digest })
}

/// The columns of piece `k`.
fn stretch(k: usize) -> Range<usize> {
    let end = FIRST << k;
    if k == 0 { 0..end } else { end / 2..end }
}

impl Piece {
    /// Tells pieces of other versions apart, so that programs of two versions can share a store.
    fn name(&self) -> String {
        let Range { start, end } = self.columns;
        format!("columns-{start}-{end}-{}", self.digest.get(..16).unwrap_or_default())
    }

    fn bytes(&self) -> usize {
        self.columns.len().saturating_mul(COORDINATES_BYTES)
    }

    /// The points, in parts: from the store if it has them, else derived and given to it.
    fn load(&self, store: &dyn Store) -> Vec<Vec<Affine>> {
        let content = store.load(&self.name(), self.bytes());
        content.and_then(|content| self.read(&content)).unwrap_or_else(|| {
            let points = derive_columns(GENERATORS, self.columns.clone());
            store.keep(&self.name(), &content_of(&points));
            vec![points]
        })
    }

    /// The points of a content; `None` if it is not the pinned one.
    fn read(&self, content: &[u8]) -> Option<Vec<Vec<Affine>>> {
        if hex(&Sha256::digest(content)) != self.digest {
            return None;
        }
        let read = |part: &[[u8; COORDINATES_BYTES]]| part.iter().map(|p| group::from_coordinates(p).ok()).collect();
        content.as_chunks().0.par_chunks(FIRST).map(read).collect()
    }
}

fn content_of(points: &[Affine]) -> Vec<u8> {
    points.iter().flat_map(group::coordinates).collect()
}

/// What `generators/pinned.rs` has to hold, found by derivation one piece after the other. All of them take 12 s of processor
/// time.
pub fn derived_digests() -> impl Iterator<Item = String> {
    (0..DIGESTS.len()).map(|k| hex(&Sha256::digest(content_of(&derive_columns(GENERATORS, stretch(k))))))
}

#[cfg(test)]
#[path = "generators/tests.rs"]
mod tests;
