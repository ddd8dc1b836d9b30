//! The portable lanes with every bound of the module table asserted: kernels are tested on them.
//!
//! A kernel that respects the bounds here cannot overflow on any implementation, whatever the values are.

use super::portable::{Portable, Products};
use super::{LOOSE_ADDITIONS, LaneField, Lanes, PointLanes, Scratch, WIDTH};
use crate::batch::Xy;
use crate::group::Base;

/// The implementation for tests: it panics where a kernel breaks a bound.
#[derive(Debug, Clone, Copy)]
pub struct Audit;

/// Eight residues whose representatives are below `bound` times the modulus.
#[derive(Clone, Copy)]
pub struct Bounded<F> {
    values: [F; WIDTH],
    bound: u64,
}

/// Sums that know how large they may be: the sum of A B over their terms, or the number of integers.
#[derive(Clone, Copy)]
pub struct Counted<F: LaneField> {
    products: Products<F>,
    size: u64,
}

impl<F: LaneField> Default for Counted<F> {
    fn default() -> Self {
        Self { products: Products::default(), size: 0 }
    }
}

/// A residue that counts its additions and adds up their bounds.
#[derive(Clone, Copy)]
pub struct CountedLoose<F> {
    value: F,
    additions: usize,
    bound: u64,
}

impl<F: LaneField> Default for CountedLoose<F> {
    fn default() -> Self {
        Self { value: F::ZERO, additions: 0, bound: 0 }
    }
}

const MOST: u64 = 60;
const MOST_SUM: u64 = 1 << 19;
const MOST_INTEGERS: u64 = 1 << 16;

fn bounded<F>(values: [F; WIDTH], bound: u64) -> Bounded<F> {
    assert!(bound <= MOST, "a vector of bound {bound}");
    Bounded { values, bound }
}

impl<F: LaneField> Lanes<F> for Audit {
    type Vector = Bounded<F>;
    type Sum = Counted<F>;
    type Integers = [u64; WIDTH];
    type SmallSum = Counted<F>;
    type Loose = CountedLoose<F>;

    fn load(self, values: &[F; WIDTH]) -> Self::Vector {
        bounded(*values, 1)
    }

    fn load_pairs(self, values: &[F; 2 * WIDTH]) -> (Self::Vector, Self::Vector) {
        let (even, odd) = Portable.load_pairs(values);
        (bounded(even, 1), bounded(odd, 1))
    }

    fn splat(self, value: &F) -> Self::Vector {
        bounded([*value; WIDTH], 1)
    }

    fn store(self, v: Self::Vector) -> [F; WIDTH] {
        v.values
    }

    fn select(self, mask: u8, yes: Self::Vector, no: Self::Vector) -> Self::Vector {
        bounded(Portable.select(mask, yes.values, no.values), yes.bound.max(no.bound))
    }

    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        bounded(Portable.add(a.values, b.values), a.bound + b.bound)
    }

    fn sub<const K: u64>(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        assert!(b.bound <= K, "subtracting a vector of bound {} with an offset of {K}", b.bound);
        let offset = if K == 1 { 1 } else { K + 1 };
        bounded(Lanes::<F>::sub::<K>(Portable, a.values, b.values), a.bound + offset)
    }

    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        assert!(a.bound * b.bound <= 4 * (MOST - 1), "multiplying vectors of bounds {} and {}", a.bound, b.bound);
        bounded(Portable.mul(a.values, b.values), (a.bound * b.bound).div_ceil(4) + 1)
    }

    fn square(self, a: Self::Vector) -> Self::Vector {
        self.mul(a, a)
    }

    fn mul_add(self, sum: &mut Self::Sum, a: Self::Vector, b: Self::Vector) {
        sum.size += a.bound * b.bound;
        Portable.mul_add(&mut sum.products, a.values, b.values);
    }

    fn reduce(self, sum: Self::Sum) -> Self::Vector {
        assert!(sum.size <= MOST_SUM, "a sum of bound {}", sum.size);
        bounded(Portable.reduce(sum.products), 2)
    }

    fn integers(self, values: [u64; WIDTH]) -> Self::Integers {
        assert!(values.iter().all(|n| *n < 1 << 52), "an integer of more than 52 bits");
        values
    }

    fn small_add(self, sum: &mut Self::SmallSum, f: Self::Vector, n: Self::Integers) {
        assert!(f.bound == 1, "a vector that was computed in a sum with integers");
        sum.size += 1;
        Portable.small_add(&mut sum.products, f.values, Lanes::<F>::integers(Portable, n));
    }

    fn small_reduce(self, sum: Self::SmallSum) -> Self::Vector {
        assert!(sum.size <= MOST_INTEGERS, "a sum of {} integers", sum.size);
        bounded(Lanes::<F>::small_reduce(Portable, sum.products), 2)
    }

    fn loose(self, value: &F) -> Self::Loose {
        CountedLoose { value: *value, additions: 0, bound: 1 }
    }

    fn spread(self, v: Self::Vector) -> [Self::Loose; WIDTH] {
        v.values.map(|value| CountedLoose { value, additions: 0, bound: v.bound })
    }

    fn add_loose(self, sum: &mut Self::Loose, x: &Self::Loose) {
        sum.value += x.value;
        sum.bound += x.bound;
        sum.additions += 1 + x.additions;
        assert!(sum.additions <= LOOSE_ADDITIONS, "{} loose additions", sum.additions);
    }

    fn gather(self, sums: &[Self::Loose; WIDTH]) -> Self::Vector {
        bounded(sums.map(|sum| sum.value), 2)
    }

    fn gather_few<const N: u64>(self, sums: &[Self::Loose; WIDTH]) -> Self::Vector {
        assert!(sums.iter().all(|sum| sum.bound <= N), "sums of more than bound {N}");
        bounded(sums.map(|sum| sum.value), N)
    }
}

impl PointLanes for Audit {
    fn load_points(self, points: [&Xy; WIDTH]) -> (Self::Vector, Self::Vector) {
        let (x, y) = Portable.load_points(points);
        (bounded(x, 1), bounded(y, 1))
    }

    fn load_x(self, points: [&Xy; WIDTH]) -> Self::Vector {
        bounded(Portable.load_x(points), 1)
    }

    fn store_points(self, mask: u8, x: Self::Vector, y: Self::Vector, points: &mut [Xy]) {
        Portable.store_points(mask, x.values, y.values, points);
    }

    fn scratch(self, scratch: &mut Scratch) -> &mut Vec<Bounded<Base>> {
        &mut scratch.audit
    }
}
