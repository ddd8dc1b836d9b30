//! The plain twin: the library's arithmetic, eight times. Always reduced, so bounds do not matter.

use super::{LaneField, Lanes, PointLanes, Scratch, WIDTH};
use crate::batch::Xy;
use crate::group::Base;
use std::array::from_fn;

/// The implementation that needs nothing.
#[derive(Debug, Clone, Copy)]
pub struct Portable;

/// Eight integers times residues: the library's products, reduced at the end.
#[derive(Clone, Copy)]
pub struct Products<F: LaneField>([F::Sum; WIDTH]);

impl<F: LaneField> Default for Products<F> {
    fn default() -> Self {
        Self([F::Sum::default(); WIDTH])
    }
}

impl<F: LaneField> Lanes<F> for Portable {
    type Vector = [F; WIDTH];
    type Sum = Products<F>;
    type Integers = [F; WIDTH];
    type SmallSum = Products<F>;
    type Loose = F;

    #[inline(always)]
    fn load(self, values: &[F; WIDTH]) -> Self::Vector {
        *values
    }

    #[inline(always)]
    fn load_pairs(self, values: &[F; 2 * WIDTH]) -> (Self::Vector, Self::Vector) {
        (from_fn(|i| values[2 * i]), from_fn(|i| values[2 * i + 1]))
    }

    #[inline(always)]
    fn splat(self, value: &F) -> Self::Vector {
        [*value; WIDTH]
    }

    #[inline(always)]
    fn store(self, v: Self::Vector) -> [F; WIDTH] {
        v
    }

    #[inline(always)]
    fn select(self, mask: u8, yes: Self::Vector, no: Self::Vector) -> Self::Vector {
        from_fn(|i| if mask >> i & 1 == 1 { yes[i] } else { no[i] })
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub<const K: u64>(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn square(self, a: Self::Vector) -> Self::Vector {
        from_fn(|i| a[i].square())
    }

    #[inline(always)]
    fn mul_add(self, sum: &mut Self::Sum, a: Self::Vector, b: Self::Vector) {
        for i in 0..WIDTH {
            F::mul_add(&mut sum.0[i], &a[i], &b[i]);
        }
    }

    #[inline(always)]
    fn reduce(self, sum: Self::Sum) -> Self::Vector {
        sum.0.map(F::reduce)
    }

    #[inline(always)]
    fn integers(self, values: [u64; WIDTH]) -> Self::Integers {
        values.map(|n| F::from_i64(n as i64))
    }

    #[inline(always)]
    fn small_add(self, sum: &mut Self::SmallSum, f: Self::Vector, n: Self::Integers) {
        self.mul_add(sum, f, n);
    }

    #[inline(always)]
    fn small_reduce(self, sum: Self::SmallSum) -> Self::Vector {
        sum.0.map(F::reduce)
    }

    #[inline(always)]
    fn loose(self, value: &F) -> F {
        *value
    }

    #[inline(always)]
    fn spread(self, v: Self::Vector) -> [F; WIDTH] {
        v
    }

    #[inline(always)]
    fn add_loose(self, sum: &mut F, x: &F) {
        *sum += x;
    }

    #[inline(always)]
    fn gather(self, sums: &[F; WIDTH]) -> Self::Vector {
        *sums
    }

    #[inline(always)]
    fn gather_few<const N: u64>(self, sums: &[F; WIDTH]) -> Self::Vector {
        *sums
    }
}

impl PointLanes for Portable {
    #[inline(always)]
    fn load_points(self, points: [&Xy; WIDTH]) -> (Self::Vector, Self::Vector) {
        (points.map(|p| p.x), points.map(|p| p.y))
    }

    #[inline(always)]
    fn load_x(self, points: [&Xy; WIDTH]) -> Self::Vector {
        points.map(|p| p.x)
    }

    #[inline(always)]
    fn store_points(self, mask: u8, x: Self::Vector, y: Self::Vector, points: &mut [Xy]) {
        for (i, point) in points.iter_mut().enumerate().take(WIDTH) {
            if mask >> i & 1 == 1 {
                *point = Xy { x: x[i], y: y[i] };
            }
        }
    }

    #[inline(always)]
    fn scratch(self, scratch: &mut Scratch) -> &mut Vec<[Base; WIDTH]> {
        &mut scratch.portable
    }
}
