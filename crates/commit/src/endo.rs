//! Folding generators with short challenges: `G'_i = lo_i + y hi_i` for all `i` in lockstep.
//!
//! A challenge is `y = a + b lambda` with 64-bit `a`, `b`, where multiplication by `lambda` is the curve's endomorphism
//! `phi(x, y) = (zeta x, y)`: one field multiplication. So `y P = a P + b phi(P)` is a joint double-and-add of 64 steps
//! instead of 255. The pair `(a, b)` is written in joint sparse form: signed bits of which, on average, half the columns
//! are zero. Its table is `P`, `phi P`, `P + phi P = -phi^2 P` (free, as `1 + phi + phi^2 = 0`) and `P - phi P`.
//!
//! All points walk through the same digits, so every step is one affine addition or doubling of all of them with a shared
//! inversion: about 64 doublings and 32 additions a point.
//!
//! Everything here runs in variable time: challenges and generators are public.

use rayon::prelude::*;
use zkdl_field::batch::{BatchAdder, LAMBDA, Signed, Xy};
use zkdl_field::group::affine;
use zkdl_field::{Point, Scalar};

/// Most points that are folded together by one thread: they stay in its second-level cache.
const MAX_CHUNK: usize = 1024;

/// Fewest, so that the 1.3 us of an inversion are a fifth of a step at most.
const MIN_CHUNK: usize = 64;

/// The scalar `a + b lambda`, `lambda` the cube root of unity [`LAMBDA`]. The 2^128 values are distinct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge128 {
    /// The part without the endomorphism.
    pub a: u64,
    /// The factor of the endomorphism.
    pub b: u64,
}

impl Challenge128 {
    /// The challenge as a scalar.
    #[must_use]
    pub fn to_scalar(&self) -> Scalar {
        Scalar::from(self.a) + Scalar::from(self.b) * LAMBDA
    }
}

/// `lo_i + y hi_i` for every `i`; the shorter slice decides. On all threads; about 4 us a point on one with AVX-512 IFMA.
///
/// `None` if one of the sums is the identity: between generators hashed to the curve that would be a discrete logarithm.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "prover only: n is the shorter length")]
pub fn fold(lo: &[Xy], hi: &[Xy], y: &Challenge128) -> Option<Vec<Xy>> {
    let n = lo.len().min(hi.len());
    let digits = joint_sparse_form(y.a, y.b);
    let size = n.div_ceil(rayon::current_num_threads()).clamp(MIN_CHUNK, MAX_CHUNK);
    let chunks = lo[..n].par_chunks(size).zip(hi[..n].par_chunks(size));
    let chunks: Option<Vec<_>> = chunks.map(|(lo, hi)| fold_chunk(lo, hi, y, &digits)).collect();
    Some(chunks?.concat())
}

fn fold_chunk(lo: &[Xy], hi: &[Xy], y: &Challenge128, digits: &[Digit]) -> Option<Vec<Xy>> {
    let mut adder = BatchAdder::default();
    let mut spoiled = Vec::new();
    let Some(mut sums) = multiply(hi, digits, &mut adder, &mut spoiled) else { return Some(lo.to_vec()) };
    spoiled.extend(adder.add_assign(&mut sums, |i| lo.get(i).map(Signed::plus)));
    for i in spoiled {
        let sum = Point::from(lo.get(i)?.to_affine()) + hi.get(i)?.to_affine() * y.to_scalar();
        *sums.get_mut(i)? = Xy::new(&affine(&sum))?;
    }
    Some(sums)
}

/// `y P` for every point, from the highest digit down; `None` if all digits are zero. Where an intermediate sum is the
/// identity the index goes to `spoiled` and the entry means nothing.
fn multiply(points: &[Xy], digits: &[Digit], adder: &mut BatchAdder, spoiled: &mut Vec<usize>) -> Option<Vec<Xy>> {
    let (&first, rest) = digits.split_last()?;
    let multiples = Multiples::new(points, adder, spoiled);
    let (start, negative) = multiples.of(first);
    let mut sums: Vec<_> = start.iter().map(|p| p.negate_if(negative)).collect();
    for &digit in rest.iter().rev() {
        adder.double_all(&mut sums);
        if digit != (0, 0) {
            let (addends, negative) = multiples.of(digit);
            spoiled.extend(adder.add_assign(&mut sums, |i| Some(Signed { point: addends.get(i)?, negative })));
        }
    }
    Some(sums)
}

/// The multiples that digits stand for, up to sign.
struct Multiples<'p> {
    points: &'p [Xy],
    /// `phi P`.
    images: Vec<Xy>,
    /// `phi^2 P = -(P + phi P)`.
    opposites: Vec<Xy>,
    /// `P - phi P`.
    differences: Vec<Xy>,
}

impl<'p> Multiples<'p> {
    fn new(points: &'p [Xy], adder: &mut BatchAdder, spoiled: &mut Vec<usize>) -> Self {
        let images: Vec<_> = points.iter().map(|p| p.endomorphism()).collect();
        let opposites = images.iter().map(|p| p.endomorphism()).collect();
        let mut differences = points.to_vec();
        let minus_image = |i: usize| Some(Signed { point: images.get(i)?, negative: true });
        spoiled.extend(adder.add_assign(&mut differences, minus_image));
        Self { points, images, opposites, differences }
    }

    /// `a P + b phi(P)` for digits that are not both zero, and whether it is to be negated.
    fn of(&self, (a, b): Digit) -> (&[Xy], bool) {
        match (a, b) {
            (_, 0) => (self.points, a < 0),
            (0, _) => (&self.images, b < 0),
            _ if a == b => (&self.opposites, a > 0),
            _ => (&self.differences, a < 0),
        }
    }
}

/// Signed bits of a pair of integers at one place.
type Digit = (i8, i8);

/// The joint sparse form (Solinas) of a pair, lowest place first; the last is not zero.
#[expect(clippy::arithmetic_side_effects, reason = "prover only: 64 bits and a carry in 128")]
fn joint_sparse_form(a: u64, b: u64) -> Vec<Digit> {
    let (mut a, mut b) = (i128::from(a), i128::from(b));
    let mut digits = Vec::with_capacity(66);
    while a != 0 || b != 0 {
        let digit = (signed_bit(a, b), signed_bit(b, a));
        digits.push(digit);
        a = (a - i128::from(digit.0)) / 2;
        b = (b - i128::from(digit.1)) / 2;
    }
    digits
}

/// The next signed bit of `n`: zero if even; else the sign that makes the following bit zero, unless the partner's next
/// bits are 10 and only the opposite sign lets both be zero later.
#[expect(clippy::arithmetic_side_effects, reason = "prover only: remainders of 2, and the opposite of a sign")]
fn signed_bit(n: i128, partner: i128) -> i8 {
    if n % 2 == 0 {
        return 0;
    }
    let sign = if n & 3 == 1 { 1 } else { -1 };
    let flip = (n & 7 == 3 || n & 7 == 5) && partner & 3 == 2;
    if flip { -sign } else { sign }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zkdl_field::generators::Generators;
    use zkdl_field::scalar::from_i64;

    fn points(n: usize) -> Vec<Xy> {
        Xy::collect(&Generators::derive("fold", n).columns).unwrap()
    }

    fn fold_plain(lo: &[Xy], hi: &[Xy], y: &Challenge128) -> Option<Vec<Xy>> {
        let sum = |(lo, hi): (&Xy, &Xy)| Point::from(lo.to_affine()) + hi.to_affine() * y.to_scalar();
        lo.iter().zip(hi).map(|pair| Xy::new(&affine(&sum(pair)))).collect()
    }

    fn check(lo: &[Xy], hi: &[Xy], a: u64, b: u64) {
        let y = Challenge128 { a, b };
        assert_eq!(fold(lo, hi, &y), fold_plain(lo, hi, &y), "{y:?}");
    }

    #[test]
    fn equals_its_plain_twin() {
        let points = points(20);
        let (lo, hi) = points.split_at(10);
        for a in [0, 1, 2, 3, u64::MAX, 1 << 63, 0x1234_5678_9abc_def0] {
            for b in [0, 1, 5, u64::MAX, 1 << 63, 0xfedc_ba98_7654_3211] {
                check(lo, hi, a, b);
            }
        }
    }

    #[test]
    fn every_length() {
        let points = points(3000);
        check(&[], &[], 3, 4);
        check(&points[..7], &points[7..12], 30, 41);
        check(&points[..5], &points[7..14], 30, 41);
        check(&points[..1500], &points[1500..], 0x1234_5678_9abc_def1, 77);
    }

    /// Intermediate sums that are the identity, equal points, and a result that is the identity.
    #[test]
    fn related_points() {
        let g = Generators::derive("fold", 1).columns[0];
        let hi = vec![Xy::new(&g).unwrap(); 40];
        let multiple = |k: i64| Xy::new(&affine(&(g * from_i64(k)))).unwrap();
        let lo: Vec<_> = (0..40).map(|k| multiple(if k < 20 { k - 20 } else { k - 19 })).collect();
        check(&lo, &hi, 13, 0);
        assert_eq!(fold(&lo, &hi, &Challenge128 { a: 13, b: 0 }), None);
        check(&lo[20..], &hi[20..], 13, 0);
        check(&lo, &hi, 1, 1);
    }

    #[test]
    fn the_joint_sparse_form_is_sparse() {
        let pairs = (0..200u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15), i.wrapping_mul(0xd1b5_4a32_d192_ed03)));
        let digits: Vec<_> = pairs.flat_map(|(a, b)| joint_sparse_form(a, b)).collect();
        let nonzero = digits.iter().filter(|digit| **digit != (0, 0)).count();
        assert!((45..55).contains(&(100 * nonzero / digits.len())));
    }

    proptest! {
        #[test]
        fn the_joint_sparse_form_has_the_value_of_the_pair(a: u64, b: u64) {
            let digits = joint_sparse_form(a, b);
            let value = |part: fn(&Digit) -> i8| digits.iter().rev().fold(0i128, |n, d| 2 * n + i128::from(part(d)));
            prop_assert_eq!((value(|d| d.0), value(|d| d.1)), (i128::from(a), i128::from(b)));
            prop_assert!(digits.len() <= 65);
        }
    }
}
