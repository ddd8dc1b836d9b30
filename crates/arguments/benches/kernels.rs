//! The arguments' kernels, one thread unless `RAYON_NUM_THREADS` says otherwise: `cargo bench -p zkdl-arguments`.
//!
//! Items are entries of a matrix, so the throughput is the reciprocal of the cost of a multiply-add.

use divan::Bencher;
use divan::counter::ItemsCount;
use zkdl_arguments::integers::{IntegerMatrix, Piece};
use zkdl_field::Scalar;
use zkdl_field::scalar::random;

fn main() {
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        // Fails only if the pool runs already, which it does not.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    }
    divan::main();
}

const ROWS: usize = 512;
const WIDTH: usize = 1024;

fn scalars(n: usize) -> Vec<Scalar> {
    (0..n).map(|_| random().unwrap_or_default()).collect()
}

fn noise(n: usize) -> Vec<u8> {
    (0..n as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 37) as u8).collect()
}

/// `<row, v>` for rows of activations in cells of 8 bytes.
#[divan::bench]
fn cells_times_vector(bencher: Bencher<'_, '_>) {
    let bytes = noise(8 * ROWS * WIDTH);
    let matrix = IntegerMatrix::cells(&bytes, 8, WIDTH, Piece::cut(31, 11, false, 0), Some(42));
    let v = scalars(WIDTH);
    bencher.counter(ItemsCount::new(ROWS * WIDTH)).bench(|| matrix.times(0..ROWS, &v));
}

/// `sum v_i row_i` of the same.
#[divan::bench]
fn vector_times_cells(bencher: Bencher<'_, '_>) {
    let bytes = noise(8 * ROWS * WIDTH);
    let matrix = IntegerMatrix::cells(&bytes, 8, WIDTH, Piece::cut(31, 11, false, 0), Some(42));
    let v = scalars(ROWS);
    bencher.counter(ItemsCount::new(ROWS * WIDTH)).bench(|| matrix.combine(0, &v));
}

fn weights() -> Vec<i64> {
    noise(4 * ROWS * WIDTH).as_chunks().0.iter().map(|c| i64::from(i32::from_le_bytes(*c) >> 6)).collect()
}

/// `<row, v>` for rows of weights.
#[divan::bench]
fn weights_times_vector(bencher: Bencher<'_, '_>) {
    let values = weights();
    let v = scalars(WIDTH);
    bencher.counter(ItemsCount::new(ROWS * WIDTH)).bench(|| IntegerMatrix::integers(&values, WIDTH).times(0..ROWS, &v));
}

/// `sum v_i row_i` of the same.
#[divan::bench]
fn vector_times_weights(bencher: Bencher<'_, '_>) {
    let values = weights();
    let v = scalars(ROWS);
    bencher.counter(ItemsCount::new(ROWS * WIDTH)).bench(|| IntegerMatrix::integers(&values, WIDTH).combine(0, &v));
}
