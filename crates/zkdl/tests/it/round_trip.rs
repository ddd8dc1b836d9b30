//! Honest proofs of random architectures verify; the same randomness gives the same bytes on one thread and on two.

use crate::support::{Counter, NAMED, Run, SMALL, Sizes, draft, generators};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use zkdl::generators::Store;
use zkdl::proof::Proof;
use zkdl::size::proof_bytes;
use zkdl::statement::Limits;
use zkdl::{GeneratorSource, Origin, Statement, open, prove, verify};
use zkdl_train::config::INPUT_LIMIT;
use zkdl_train::{CellLayout, Format, Weights};

fn round_trip(sizes: &Sizes, seed: u64) {
    verifies(&Run::new(sizes, seed), &format!("{sizes:?}"));
}

fn verifies(run: &Run, what: &str) {
    let proof = prove(&run.statement, run.input(), generators(), &mut |_| ()).unwrap();
    let statement = Statement::decode(&run.statement.encode()).unwrap();
    assert_eq!(statement, run.statement);
    let draft = Statement { start: statement.start.without_rows(), end: Vec::new(), ..statement.clone() };
    assert_eq!(proof_bytes(&draft, &Limits::default()), Ok(proof.encode().len()), "{what}");
    let proof = Proof::decode(&proof.encode()).unwrap();
    let verified = verify(&statement, &run.points, &proof, &Limits::default(), generators());
    assert!(verified.is_ok(), "{verified:?} {what}");
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

/// A statement of one step of a network 3 - 4 - 2 with all the bits for features, P, K and G that there are.
fn widest() -> Statement {
    let (hidden, origin) = (vec![4], Origin::Named { bits: 64 });
    let mut statement =
        draft(&Sizes { features: 3, hidden, classes: 2, points: 4, batch: 2, steps: 1, origin, ..SMALL() });
    let quantiser = &mut statement.data.columns[0].quantiser;
    (quantiser.min, quantiser.max) = (1 - INPUT_LIMIT, INPUT_LIMIT - 1);
    statement.format = Format { q: 31, q_g: 31, ..Format::default() };
    (statement.r_l, statement.max_steps, statement.multipliers) = (31, 1, vec![1 << 9]);
    statement
}

/// Weights that make every hidden P `p` and every output G `g`, if every feature is `x` and every label 0; those of the last layer are `last`.
fn leading_to(x: i32, p: i64, last: i64, g: i64) -> Weights {
    let mut weights = Weights::zeros(&[3, 4, 2]);
    // Z = 3 (2^4 x) w + 2^8 b = 2^21 p, and 2^9 (4 A w + 2^8 b - 2^29 y) = 2^31 g.
    let (inputs, z) = (3 * (i64::from(x) << 4), p << 21);
    let first = z / inputs;
    weights.layers[0].values = [vec![first; 12], vec![(z - inputs * first) >> 8; 4]].concat();
    let bias = |y: i64| ((g << 22) + (y << 29) - 4 * p.max(0) * last) >> 8;
    weights.layers[1].values = [vec![last; 8], vec![bias(1), bias(0)]].concat();
    weights
}

/// Catalogue 117: the largest features of either sign, weights of either sign, and every P, K and G the most or the least that 31 bits hold.
#[test]
fn the_ends_of_all_ranges() {
    let (far, most, least) = (INPUT_LIMIT - 1, (1 << 30) - 1, -(1 << 30));
    let cases = [
        // Features, first weights, last weights: all positive, all negative, and either.
        (far, most, 1 << 20, most, most),
        (-far, most, 1 - (1 << 20), least, (1 << 30) - (1 << 10)),
        (-far, least, 1 << 20, least, least),
        (far, least, -(1 << 20), most, 1 - (1 << 30)),
    ];
    for (x, p, last, g, k) in cases {
        let weights = leading_to(x, p, last, g);
        assert_eq!(weights.layers[0].values[0].signum(), p.signum() * i64::from(x.signum()));
        let (points, named) = ((vec![x; 12], vec![0; 4]), |_: &_| weights.clone());
        let run = Run::drafted(widest(), &named, points, &mut Counter(1));
        let layout = CellLayout::of(&run.statement.algorithm());
        for b in 0..2 {
            let cell = |layer: usize, j| run.trace.layers[layer].cell(0, b, j).unwrap();
            let hidden = (0..4).map(|j| layout.unpack_hidden(cell(0, j)));
            assert!(hidden.clone().all(|cell| (cell.p, cell.k) == (p, k)), "{:?}", hidden.collect::<Vec<_>>());
            let outputs = (0..2).map(|j| layout.unpack_output(cell(1, j)).g);
            assert!(outputs.clone().all(|got| got == g), "{:?}", outputs.collect::<Vec<_>>());
        }
        verifies(&run, &format!("x {x}, P {p}, G {g}"));
    }
}

/// Catalogue 117: a run in which everything is zero: features, weights, every P, and, since the output is rounded to nothing, every G. The
/// weights stay what they are, in the first window and in a later one.
#[test]
fn a_run_of_zeros() {
    for first_step in [0, 4] {
        let mut statement = draft(&Sizes { first_step, ..NAMED() });
        statement.format.q_g = 2;
        statement.r_l = 60;
        let zeros = |algorithm: &zkdl_train::Algorithm| Weights::zeros(&algorithm.widths);
        let points = (vec![0; 5 * 11], vec![0; 11]);
        let run = Run::drafted(statement, &zeros, points, &mut Counter(1));
        assert_eq!((&run.trace.start, &run.trace.end), (&Weights::zeros(&[5, 7, 6, 3]), &run.trace.start));
        verifies(&run, "zeros");
    }
    // From public weights, which are not zero.
    for labels in [vec![0; 11], vec![2; 11]] {
        verifies(&Run::of(&SMALL(), vec![0; 5 * 11], labels, &mut Counter(2)), "features of zero");
    }
}

/// Catalogue 123.
#[test]
fn threads_never_change_a_byte() {
    let run = Run::new(&Sizes { hidden: vec![40, 9], points: 40, batch: 16, ..SMALL() }, 5);
    let bytes = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| open::prove(&run.statement, run.input(), generators(), &mut Counter(1), &mut |_| ()).unwrap())
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
    let prove = |source| open::prove(&run.statement, run.input(), source, &mut Counter(1), &mut |_| ()).unwrap();
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
