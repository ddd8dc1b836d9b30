//! The group kernels, one thread unless `RAYON_NUM_THREADS` says otherwise: `cargo bench -p zkdl-commit`.
//!
//! Every benchmark counts its items (bytes, points, entries), so the column of throughputs is the reciprocal of the cost.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use zkdl_commit::endo::{Challenge128, fold};
use zkdl_commit::msm::{msm, msm_i64};
use zkdl_commit::table::{commit_bits, commit_bytes};
use zkdl_field::batch::Xy;
use zkdl_field::generators::Generators;
use zkdl_field::scalar::{SmallDot, SmallSum, dot, from_wide};
use zkdl_field::{Affine, Base, Field, Scalar, group};

fn main() {
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        // Fails only if the pool runs already, which it does not.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    }
    divan::main();
}

/// Deterministic bytes.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn scalars(n: usize) -> Vec<Scalar> {
    noise(64 * n).as_chunks().0.iter().map(from_wide).collect()
}

fn generators(columns: usize) -> Generators {
    Generators::derive("bench", columns)
}

fn points(n: usize) -> Vec<Xy> {
    Xy::collect(&generators(n).columns).unwrap_or_default()
}

fn blinds(generators: &Generators, rows: usize) -> Vec<Xy> {
    generators.blinds(&scalars(rows)).unwrap_or_default()
}

const ROW_COUNTS: [usize; 12] = [1, 4, 8, 16, 32, 64, 128, 192, 256, 512, 1024, 4096];

type Commit = fn(&[Affine], &[&[u8]], &[Xy]) -> Vec<Affine>;

fn bench_commit(bencher: Bencher<'_, '_>, commit: Commit, rows: usize, columns: usize, stride: usize) {
    let generators = generators(columns);
    let bytes = noise(rows * stride);
    let rows: Vec<_> = bytes.chunks(stride).collect();
    let blinds = blinds(&generators, rows.len());
    let count = ItemsCount::new(bytes.len());
    bencher.counter(count).bench(|| commit(&generators.columns, &rows, &blinds));
}

/// Items: bytes.
#[divan::bench(args = ROW_COUNTS, sample_count = 10, sample_size = 1)]
fn table_bits(bencher: Bencher<'_, '_>, rows: usize) {
    bench_commit(bencher, commit_bits, rows, 1024, 128);
}

/// Items: bytes.
#[divan::bench(args = ROW_COUNTS, sample_count = 10, sample_size = 1)]
fn table_bytes(bencher: Bencher<'_, '_>, rows: usize) {
    bench_commit(bencher, commit_bytes, rows, 128, 128);
}

const MSM_SIZES: [usize; 8] = [1, 8, 32, 128, 1 << 10, 1 << 13, 20_000, 1 << 16];

/// Items: points.
#[divan::bench(args = MSM_SIZES, sample_count = 5, sample_size = 1)]
fn msm_full(bencher: Bencher<'_, '_>, n: usize) {
    let (points, scalars) = (generators(n).columns, scalars(n));
    bencher.counter(ItemsCount::new(n)).bench(|| msm(&points, &scalars));
}

fn bench_msm_i64(bencher: Bencher<'_, '_>, n: usize, bytes: usize) {
    let points = points(n);
    let integer = |chunk: &[u8]| chunk.iter().fold(0, |n, byte| 256 * n + i64::from(*byte));
    let integers: Vec<_> = noise(bytes * n).chunks(bytes).map(integer).collect();
    bencher.counter(ItemsCount::new(n)).bench(|| msm_i64(&points, &integers));
}

/// Items: points.
#[divan::bench(args = MSM_SIZES, sample_count = 5, sample_size = 1)]
fn msm_u16(bencher: Bencher<'_, '_>, n: usize) {
    bench_msm_i64(bencher, n, 2);
}

/// Items: points.
#[divan::bench(args = MSM_SIZES, sample_count = 5, sample_size = 1)]
fn msm_u32(bencher: Bencher<'_, '_>, n: usize) {
    bench_msm_i64(bencher, n, 4);
}

/// Items: folded points.
#[divan::bench(args = [1, 32, 1024, 8192], sample_count = 5, sample_size = 1)]
fn fold_points(bencher: Bencher<'_, '_>, n: usize) {
    let points = points(2 * n);
    let (lo, hi) = points.split_at(n);
    let y = Challenge128 { a: 0x9e37_79b9_7f4a_7c15, b: 0xd1b5_4a32_d192_ed03 };
    bencher.counter(ItemsCount::new(n)).bench(|| fold(lo, hi, &y));
}

/// `value g + blind H`.
#[divan::bench(sample_count = 20)]
fn fixed_base_pair(bencher: Bencher<'_, '_>) {
    let generators = generators(0);
    let pair = scalars(2);
    bencher.bench(|| generators.commit(&pair[0], &pair[1]));
}

/// Items: blinds.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn fixed_base_blinds(bencher: Bencher<'_, '_>) {
    let generators = generators(0);
    let blinds = scalars(4096);
    bencher.counter(ItemsCount::new(blinds.len())).bench(|| generators.blinds(&blinds));
}

/// Items: generators, the two fixed-base tables included.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn hash_to_curve(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(1024usize)).bench(|| generators(1024));
}

/// Items: points.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn decompress(bencher: Bencher<'_, '_>) {
    let encoded: Vec<_> = generators(256).columns.iter().map(group::encode).collect();
    let decode = || encoded.iter().filter(|bytes| group::decode(bytes).is_ok()).count();
    bencher.counter(ItemsCount::new(encoded.len())).bench(decode);
}

/// Projective sum plus affine point, as the library adds. Items: additions.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn projective_additions(bencher: Bencher<'_, '_>) {
    let points = generators(1024).columns;
    bencher.counter(ItemsCount::new(points.len())).bench(|| points.iter().fold(group::identity(), |sum, p| sum + *p));
}

/// Items: multiplications, each waiting for the one before.
#[divan::bench(sample_count = 20)]
fn base_mul_chain(bencher: Bencher<'_, '_>) {
    let x = black_box(Base::from(0x9e37_79b9_7f4a_7c15).square().square());
    bencher.counter(ItemsCount::new(1000usize)).bench(|| (0..1000).fold(x, |y, _| y * x));
}

/// Items: multiplications, independent of each other.
#[divan::bench(sample_count = 20)]
fn base_mul_throughput(bencher: Bencher<'_, '_>) {
    let x: Vec<_> = (0..1000u64).map(|i| (Base::from(i) + Base::ONE.double()).square().square()).collect();
    let mut y = x.clone();
    bencher.counter(ItemsCount::new(1000usize)).bench_local(|| y.iter_mut().zip(&x).for_each(|(y, x)| *y *= x));
}

/// Items: terms.
#[divan::bench(sample_count = 20)]
fn scalar_dot(bencher: Bencher<'_, '_>) {
    let (a, b) = (scalars(1000), scalars(1000));
    bencher.counter(ItemsCount::new(1000usize)).bench(|| dot(&a, &b));
}

/// Items: terms.
#[divan::bench(sample_count = 20)]
fn small_dot(bencher: Bencher<'_, '_>) {
    let vector = SmallDot::new(&scalars(1000));
    let integers: Vec<i64> = noise(2000).chunks(2).map(|c| i64::from(c[0]) * 256 + i64::from(c[1]) - 32768).collect();
    bencher.counter(ItemsCount::new(1000usize)).bench(|| {
        let mut sum = SmallSum::default();
        integers.iter().enumerate().for_each(|(j, n)| vector.accumulate(&mut sum, j, *n));
        sum.reduce()
    });
}
