//! Unit costs of field arithmetic, one thread: `cargo bench -p zkdl-field`. Divide a time by [`N`] for the cost of an element.
//!
//! The same kernels run on the portable lanes with `ZKDL_LANES=portable`.

use divan::{Bencher, black_box};
use zkdl_field::lanes::{self, Kernel, Lanes};
use zkdl_field::scalar::{ProductSum, Scalar, random};

/// Elements a call: they stay in the first-level cache.
const N: usize = 256;

fn main() {
    divan::main();
}

fn values() -> Vec<Scalar> {
    (0..N).map(|_| random().unwrap_or_default()).collect()
}

/// What is done with every vector, eight times over so that loading and storing does not count.
#[derive(Clone, Copy)]
enum Operation {
    Copy,
    Add,
    Multiply,
    Square,
    MultiplyAdd,
    SmallAdd,
}

struct Repeat<'a> {
    operation: Operation,
    values: &'a mut [Scalar],
    factors: &'a [Scalar],
}

impl Kernel for Repeat<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) {
        let pairs = self.values.as_chunks_mut::<8>().0.iter_mut().zip(self.factors.as_chunks::<8>().0);
        for (x, y) in pairs {
            let (mut a, b) = (lanes.load(x), lanes.load(y));
            match self.operation {
                Operation::Copy => {}
                Operation::Add => {
                    for _ in 0..8 {
                        a = lanes.add(a, b);
                    }
                }
                Operation::Multiply => {
                    for _ in 0..8 {
                        a = lanes.mul(a, b);
                    }
                }
                Operation::Square => {
                    for _ in 0..8 {
                        a = lanes.square(a);
                    }
                }
                Operation::MultiplyAdd => {
                    let mut sum = L::Sum::default();
                    for _ in 0..8 {
                        lanes.mul_add(&mut sum, a, b);
                    }
                    a = lanes.reduce(sum);
                }
                Operation::SmallAdd => {
                    let mut sum = L::SmallSum::default();
                    for k in 0..8 {
                        lanes.small_add(&mut sum, b, lanes.integers([k; 8]));
                    }
                    a = lanes.small_reduce(sum);
                }
            }
            *x = lanes.store(a);
        }
    }
}

fn repeat(bencher: Bencher, operation: Operation) {
    let factors = values();
    let mut values = values();
    bencher.bench_local(move || {
        lanes::run(Repeat { operation, values: black_box(&mut values), factors: black_box(&factors) });
    });
}

/// Loads and stores only: subtract it from the others, which do eight operations an element.
#[divan::bench]
fn load_and_store(bencher: Bencher) {
    repeat(bencher, Operation::Copy);
}

#[divan::bench]
fn eight_additions(bencher: Bencher) {
    repeat(bencher, Operation::Add);
}

#[divan::bench]
fn eight_multiplications(bencher: Bencher) {
    repeat(bencher, Operation::Multiply);
}

#[divan::bench]
fn eight_squares(bencher: Bencher) {
    repeat(bencher, Operation::Square);
}

#[divan::bench]
fn eight_multiply_adds(bencher: Bencher) {
    repeat(bencher, Operation::MultiplyAdd);
}

#[divan::bench]
fn eight_small_multiply_adds(bencher: Bencher) {
    repeat(bencher, Operation::SmallAdd);
}

/// The library's multiplication.
#[divan::bench]
fn scalar_multiplications(bencher: Bencher) {
    let factors = values();
    let mut values = values();
    bencher.bench_local(move || {
        for (x, y) in black_box(&mut values).iter_mut().zip(&factors) {
            *x *= y;
        }
    });
}

#[divan::bench]
fn scalar_additions(bencher: Bencher) {
    let factors = values();
    let mut values = values();
    bencher.bench_local(move || {
        for (x, y) in black_box(&mut values).iter_mut().zip(&factors) {
            *x += y;
        }
    });
}

/// A small integer times an element the plain way: converted, multiplied, added.
#[divan::bench]
fn scalar_small_multiply_adds(bencher: Bencher) {
    let values = values();
    bencher.bench_local(move || {
        let terms = black_box(&values).iter().zip(0u64..);
        terms.map(|(x, small)| *x * Scalar::from((40_503 * small) & 0xffff)).sum::<Scalar>()
    });
}

/// An inner product that reduces every term.
#[divan::bench]
fn scalar_products_and_additions(bencher: Bencher) {
    let (a, b) = (values(), values());
    bencher.bench_local(move || black_box(&a).iter().zip(black_box(&b)).map(|(x, y)| x * y).sum::<Scalar>());
}

/// The library's wide accumulator.
#[divan::bench]
fn scalar_multiply_adds(bencher: Bencher) {
    let (a, b) = (values(), values());
    bencher.bench_local(move || {
        let mut sum = ProductSum::default();
        for (x, y) in black_box(&a).iter().zip(black_box(&b)) {
            sum.add(x, y);
        }
        sum.reduce()
    });
}
