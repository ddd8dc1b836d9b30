//! Honest proofs of random architectures verify; the same randomness gives the same bytes on one thread and on two.

use crate::support::{Counter, NAMED, Run, SMALL, Sizes, generators};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use zkdl::generators::Store;
use zkdl::proof::Proof;
use zkdl::size::proof_bytes;
use zkdl::statement::Limits;
use zkdl::{GeneratorSource, Origin, Statement, prove, prove_with_entropy, verify};

fn round_trip(sizes: &Sizes, seed: u64) {
    let run = Run::new(sizes, seed);
    let proof = prove(&run.statement, run.input(), generators(), &mut |_| ()).unwrap();
    let statement = Statement::decode(&run.statement.encode()).unwrap();
    assert_eq!(statement, run.statement);
    let draft = Statement { start: statement.start.without_rows(), end: Vec::new(), ..statement.clone() };
    assert_eq!(proof_bytes(&draft, &Limits::default()), Ok(proof.encode().len()), "{sizes:?}");
    let proof = Proof::decode(&proof.encode()).unwrap();
    let verified = verify(&statement, &run.points, &proof, &Limits::default(), generators());
    assert!(verified.is_ok(), "{verified:?} {sizes:?}");
}

#[test]
fn small_run() {
    round_trip(&SMALL(), 1);
}

#[test]
fn later_window_with_committed_start() {
    round_trip(&Sizes { first_step: 4, ..SMALL() }, 2);
}

#[test]
fn windows_of_a_run_from_named_weights() {
    round_trip(&NAMED(), 6);
    round_trip(&Sizes { first_step: 4, ..NAMED() }, 7);
    round_trip(&Sizes { hidden: vec![], log_columns: Some(7), origin: Origin::Named { bits: 64 }, ..SMALL() }, 8);
}

#[test]
fn wide_layers_pack_neurons() {
    round_trip(&Sizes { hidden: vec![19], log_columns: Some(7), ..SMALL() }, 3);
}

fn sizes() -> impl Strategy<Value = Sizes> {
    let hidden = prop::collection::vec(1u32..10, 0..4);
    (1u32..10, hidden, 2u32..10, 1u32..8, 1usize..7, prop::bool::ANY, 7u32..12, origin()).prop_flat_map(
        |(features, hidden, classes, batch, steps, later, log_columns, origin)| {
            (batch..20).prop_map(move |points| Sizes {
                features,
                hidden: hidden.clone(),
                classes,
                points,
                batch,
                steps,
                first_step: if later { 2 } else { 0 },
                log_columns: Some(log_columns),
                origin,
            })
        },
    )
}

fn origin() -> impl Strategy<Value = Origin> {
    prop_oneof![Just(Origin::Seed), Just(Origin::Named { bits: 32 }), Just(Origin::Named { bits: 64 })]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Catalogue 117.
    #[test]
    fn random_architectures(sizes in sizes(), seed in 0u64..1_000_000) {
        round_trip(&sizes, seed);
    }
}

/// Catalogue 123.
#[test]
fn threads_never_change_a_byte() {
    let run = Run::new(&Sizes { hidden: vec![40, 9], points: 40, batch: 16, ..SMALL() }, 5);
    let bytes = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            prove_with_entropy(&run.statement, run.input(), generators(), &mut Counter(1), &mut |_| ()).unwrap()
        })
    };
    assert_eq!(bytes(1), bytes(2));
}

/// Keeps whatever it is given, in memory.
#[derive(Debug, Clone, Default)]
struct Shelf(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Store for Shelf {
    fn load(&self, name: &str, _bytes: usize) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(name).cloned()
    }

    fn keep(&self, name: &str, content: &[u8]) {
        self.0.lock().unwrap().insert(name.to_owned(), content.to_vec());
    }
}

/// Catalogue 123.
#[test]
fn where_generators_come_from_changes_neither_proof_nor_verdict() {
    let run = Run::new(&Sizes { log_columns: Some(11), ..SMALL() }, 6);
    let shelf = Shelf::default();
    let (cold, warm) = (GeneratorSource::kept_in(shelf.clone()), GeneratorSource::kept_in(shelf.clone()));
    let sources = [&GeneratorSource::derived(), &cold, &warm];
    let prove = |source| prove_with_entropy(&run.statement, run.input(), source, &mut Counter(1), &mut |_| ()).unwrap();
    let proofs = sources.map(prove);
    assert_eq!(shelf.0.lock().unwrap().len(), 2, "2^11 columns are two pieces");
    assert!(proofs.iter().all(|proof| *proof == proofs[0]));
    let mut tampered = proofs[0].clone();
    *tampered.body.last_mut().unwrap() ^= 1;
    for proof in [&proofs[0], &tampered] {
        let verdicts = sources.map(|source| verify(&run.statement, &run.points, proof, &Limits::default(), source));
        assert_eq!(verdicts[0].is_ok(), *proof == proofs[0]);
        assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]));
    }
}
