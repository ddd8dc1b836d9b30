//! Honest proofs of random architectures verify; the same randomness gives the same bytes on one thread and on two.

use crate::support::{Counter, Run, SMALL, Sizes};
use proptest::prelude::*;
use zkdl::proof::Proof;
use zkdl::statement::Limits;
use zkdl::{Statement, prove, prove_with_entropy, verify};

fn round_trip(sizes: &Sizes, seed: u64) {
    let run = Run::new(sizes, seed);
    let proof = prove(&run.statement, run.input(), &mut |_| ()).unwrap();
    let statement = Statement::decode(&run.statement.encode()).unwrap();
    assert_eq!(statement, run.statement);
    let proof = Proof::decode(&proof.encode()).unwrap();
    let verified = verify(&statement, &run.points, &proof, &Limits::default());
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
fn wide_layers_pack_neurons() {
    round_trip(&Sizes { hidden: vec![19], log_columns: Some(7), ..SMALL() }, 3);
}

fn sizes() -> impl Strategy<Value = Sizes> {
    let hidden = prop::collection::vec(1u32..10, 0..4);
    (1u32..10, hidden, 2u32..10, 1u32..8, 1usize..7, prop::bool::ANY, 7u32..12).prop_flat_map(
        |(features, hidden, classes, batch, steps, later, log_columns)| {
            (batch..20).prop_map(move |points| Sizes {
                features,
                hidden: hidden.clone(),
                classes,
                points,
                batch,
                steps,
                first_step: if later { 2 } else { 0 },
                log_columns: Some(log_columns),
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_architectures(sizes in sizes(), seed in 0u64..1_000_000) {
        round_trip(&sizes, seed);
    }
}

#[test]
fn threads_never_change_a_byte() {
    let run = Run::new(&Sizes { hidden: vec![40, 9], points: 40, batch: 16, ..SMALL() }, 5);
    let bytes = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| prove_with_entropy(&run.statement, run.input(), &mut Counter(1), &mut |_| ()).unwrap())
    };
    assert_eq!(bytes(1), bytes(2));
}
