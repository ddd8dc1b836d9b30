//! Rounds over dense tables, one thread unless `RAYON_NUM_THREADS` says otherwise: `cargo bench -p zkdl-sumcheck`.
//!
//! Items are entries of one table, so the throughput is the reciprocal of the cost of an entry.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use zkdl_field::Scalar;
use zkdl_field::scalar::random;
use zkdl_sumcheck::{SumOfProducts, SumProver, Term};

fn main() {
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        // Fails only if the pool runs already, which it does not.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    }
    divan::main();
}

const ENTRIES: usize = 1 << 16;

/// One product of `factors` tables.
fn product(factors: usize) -> SumOfProducts {
    let table = || (0..ENTRIES).map(|_| random().unwrap_or_default()).collect();
    let tables = (0..factors).map(|_| table()).collect();
    SumOfProducts::new(tables, vec![Term { coefficient: Scalar::from(3), factors: (0..factors).collect() }])
}

/// The polynomial of a round: degree 2 for two factors, degree 3 for three.
#[divan::bench(args = [2, 3], sample_count = 30, sample_size = 1)]
fn round(bencher: Bencher<'_, '_>, factors: usize) {
    let sum = product(factors);
    bencher.counter(ItemsCount::new(ENTRIES)).bench_local(|| black_box(&sum).round());
}

/// Binding a variable of one table.
#[divan::bench(sample_count = 30, sample_size = 1)]
fn bind(bencher: Bencher<'_, '_>) {
    let r = random().unwrap_or_default();
    let table = product(1);
    bencher.counter(ItemsCount::new(ENTRIES)).with_inputs(|| table.clone()).bench_local_refs(|sum| sum.bind(&r));
}
