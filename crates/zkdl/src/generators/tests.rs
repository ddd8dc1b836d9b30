use super::*;
use std::collections::BTreeMap;

/// What is kept, which names have been kept, and what has been asked for.
#[derive(Debug, Default)]
struct Kept {
    contents: BTreeMap<String, Vec<u8>>,
    names: Vec<String>,
    asked: Vec<(String, usize)>,
}

/// A store in memory; clones are the same store.
#[derive(Debug, Clone, Default)]
struct Shelf(Arc<Mutex<Kept>>);

impl Shelf {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    /// The first columns as a process that finds this store gets them, and what it kept on the way.
    fn first(&self, columns: usize) -> (Arc<Generators>, Vec<String>) {
        self.kept().names.clear();
        let list = GeneratorSource::kept_in(self.clone()).first(columns);
        (list, self.kept().names.clone())
    }
}

impl Store for Shelf {
    fn load(&self, name: &str, bytes: usize) -> Option<Vec<u8>> {
        self.kept().asked.push((name.to_owned(), bytes));
        self.kept().contents.get(name).cloned()
    }

    fn keep(&self, name: &str, content: &[u8]) {
        self.kept().contents.insert(name.to_owned(), content.to_vec());
        self.kept().names.push(name.to_owned());
    }
}

/// A store that refuses everything.
#[derive(Debug)]
struct Broken;

impl Store for Broken {
    fn load(&self, _name: &str, _bytes: usize) -> Option<Vec<u8>> {
        None
    }

    fn keep(&self, _name: &str, _content: &[u8]) {}
}

fn names(pieces: Range<usize>) -> Vec<String> {
    self::pieces().skip(pieces.start).take(pieces.len()).map(|piece| piece.name()).collect()
}

fn assert_equal(got: &Generators, expected: &Generators) {
    assert_eq!((got.value, got.blind), (expected.value, expected.blind));
    assert!(got.columns == expected.columns, "{} columns", got.columns.len());
}

/// Half a second of hashing, for a quick answer; [`all_pins_are_those_of_the_label`] checks all pieces.
#[test]
fn first_pins_are_those_of_the_label() {
    let digests: Vec<String> = derived_digests().take(7).collect();
    assert_eq!(digests, DIGESTS[..7]);
}

/// Derives 2^20 generators. What was kept is believed under its pin only, and kept anew where it is not: all pins are right.
#[test]
fn all_pins_are_those_of_the_label() {
    let shelf = Shelf::default();
    let columns = (1 << 20) + 300;
    let (derived, _) = shelf.first(columns);
    let (again, kept) = shelf.first(columns);
    assert_equal(&again, &derived);
    assert_eq!(kept, names(0..0), "what is not pinned is derived and never kept");
    assert_eq!(shelf.kept().contents.len(), DIGESTS.len());
}

#[test]
fn every_source_gives_the_same_generators() {
    let expected = Generators::derive(GENERATORS, 5000);
    let shelf = Shelf::default();
    let sources = [
        GeneratorSource::derived(),
        GeneratorSource::kept_in(Broken),
        GeneratorSource::kept_in(shelf.clone()),
        GeneratorSource::kept_in(shelf),
    ];
    for source in &sources {
        for columns in [1500, 0, 1, 1023, 1024, 1025, 2048, 5000, 64] {
            let list = source.first(columns);
            assert!(list.columns == expected.columns[..columns], "{columns} columns of {source:?}");
            assert_eq!((list.value, list.blind), (expected.value, expected.blind));
        }
    }
}

#[test]
fn a_list_is_derived_once() {
    let source = GeneratorSource::derived();
    let (first, second) = (source.first(300), source.first(300));
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(source.first(200).columns, first.columns[..200]);
    assert!(Arc::ptr_eq(&first, &source.first(300)), "a shorter list does not push out the longer one");
}

#[test]
fn a_store_serves_shorter_lists_and_is_extended_by_what_is_missing() {
    let shelf = Shelf::default();
    assert_eq!(shelf.first(512).1, names(0..0), "short lists are derived");
    assert_eq!(shelf.first(2048).1, names(0..2));
    for columns in [512, 1024, 1500, 2048] {
        assert_eq!(shelf.first(columns).1, names(0..0), "{columns}");
    }
    assert_eq!(shelf.first(8192).1, names(2..4));
    shelf.kept().contents.remove(&names(1..2)[0]);
    assert_eq!(shelf.first(8192).1, names(1..2));
}

#[test]
fn a_source_asks_once_for_each_piece_and_for_all_of_it() {
    let shelf = Shelf::default();
    let source = GeneratorSource::kept_in(shelf.clone());
    for columns in [1024, 2048, 2048, 1500, 8192] {
        let _ = source.first(columns);
    }
    let sizes = [1024, 1024, 2048, 4096].map(|columns| 64 * columns);
    let expected: Vec<_> = names(0..4).into_iter().zip(sizes).collect();
    assert_eq!(shelf.kept().asked, expected);
}

/// Two pieces, and the content of the second.
fn two_pieces() -> (Shelf, Generators, Vec<u8>) {
    let (shelf, expected) = (Shelf::default(), Generators::derive(GENERATORS, 2048));
    assert_equal(&shelf.first(2048).0, &expected);
    let content = content_of(&expected.columns[1024..]);
    (shelf, expected, content)
}

/// Whatever a store gives in place of a piece, the generators are right, and the piece is kept anew.
fn is_not_believed(shelf: &Shelf, content: Vec<u8>, expected: &Generators) {
    let piece = pieces().nth(1).unwrap();
    shelf.kept().contents.insert(piece.name(), content);
    let (list, kept) = shelf.first(2048);
    assert_equal(&list, expected);
    assert_eq!(kept, names(1..2));
    assert_eq!(shelf.first(2048).1, names(0..0), "the store is whole again");
}

/// Catalogue 47.
#[test]
fn content_that_is_not_the_pinned_one_is_not_believed() {
    let (shelf, expected, content) = two_pieces();
    for place in (0..content.len()).step_by(1009).chain([content.len() - 1]) {
        let mut damaged = content.clone();
        damaged[place] ^= 1 << (place % 8);
        is_not_believed(&shelf, damaged, &expected);
    }
    for length in [0, 1, 63, 64, 1023 * 64, content.len() - 1] {
        is_not_believed(&shelf, content[..length].to_vec(), &expected);
    }
    is_not_believed(&shelf, [&content[..], &[0]].concat(), &expected);
    is_not_believed(&shelf, [&content[..], &content[..64]].concat(), &expected);
    is_not_believed(&shelf, vec![0; content.len()], &expected);
}

/// Catalogue 47: points with known relations would let a prover open a commitment as it likes: they are on the curve, and still refused.
#[test]
fn points_that_somebody_chose_are_not_believed() {
    let (shelf, expected, _) = two_pieces();
    is_not_believed(&shelf, content_of(&derive_columns("zkdl/generators/v0", 1024..2048)), &expected);
    is_not_believed(&shelf, content_of(&expected.columns[..1024]), &expected);
    is_not_believed(&shelf, content_of(&vec![expected.columns[0]; 1024]), &expected);
    let mut swapped = expected.columns[1024..].to_vec();
    swapped.swap(3, 4);
    is_not_believed(&shelf, content_of(&swapped), &expected);
}

#[test]
fn threads_share_a_source_and_sources_share_a_store() {
    let expected = Generators::derive(GENERATORS, 4096);
    let shelf = Shelf::default();
    let sources = [(); 2].map(|()| GeneratorSource::kept_in(shelf.clone()));
    std::thread::scope(|scope| {
        for source in sources.iter().cycle().take(8) {
            scope.spawn(|| assert_equal(&source.first(4096), &expected));
        }
    });
    assert_eq!(shelf.kept().contents.len(), 3);
    assert_equal(&shelf.first(4096).0, &expected);
}

/// A thread that waits for derived generators may be handed a task that asks for some.
#[test]
fn tasks_of_a_pool_ask_for_generators_at_once() {
    let source = GeneratorSource::derived();
    let lengths: Vec<usize> = (0..16).map(|i| 600 + 50 * (i % 8)).collect();
    let lists: Vec<usize> = lengths.par_iter().map(|n| source.first(*n).columns.len()).collect();
    assert_eq!(lists, lengths);
}
