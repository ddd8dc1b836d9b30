//! Affine points in lockstep: many independent additions that share one field inversion.
//!
//! The affine law `(x1, y1) + (x2, y2)`, with slope `s = (y2 - y1) / (x2 - x1)`,
//!
//! ```text
//! x3 = s^2 - x1 - x2        y3 = s (x1 - x3) - y1
//! ```
//!
//! costs three multiplications and a division. Montgomery's trick turns `n` divisions into one inversion and `3 n`
//! multiplications, so an addition costs six multiplications where a mixed projective one costs eleven, and the result is
//! affine again. All kernels of this project (table commitments, multi-scalar multiplication, folding) are such additions.
//!
//! The law has exceptions: equal points (the tangent replaces the chord) and opposite points (the sum is the identity,
//! which has no coordinates). A zero denominator makes the product of a whole chunk zero, so the common case is checked
//! once a chunk, and only a chunk that holds an exception is walked again with care.
//!
//! Everything here runs in variable time.

use pasta_curves::arithmetic::{Coordinates, CurveAffine, VartimeField};
use pasta_curves::group::Group;
use pasta_curves::group::ff::{Field, WithSmallOrderMulGroup};

use crate::group::{self, Affine, Base, Point};
use crate::scalar::Scalar;

/// The scalar by which [`Xy::endomorphism`] multiplies: a cube root of unity, `LAMBDA^2 + LAMBDA + 1 = 0`.
pub const LAMBDA: Scalar = Scalar::ZETA;

/// Additions that share one inversion: enough to make its 1.3 us negligible, few enough to stay in the second-level cache.
const CHUNK: usize = 1024;

/// Independent product chains: a single one would wait for the latency of every multiplication.
const LANES: usize = 4;

/// An affine point that is not the identity: 64 bytes, one cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(64))]
pub struct Xy {
    /// The first coordinate.
    pub x: Base,
    /// The second coordinate; never zero, as the group has odd order.
    pub y: Base,
}

impl Xy {
    /// The coordinates of a point; `None` for the identity.
    #[must_use]
    pub fn new(point: &Affine) -> Option<Self> {
        let coordinates = Option::<Coordinates<Affine>>::from(point.coordinates())?;
        Some(Self { x: *coordinates.x(), y: *coordinates.y() })
    }

    /// The coordinates of many points; `None` if one of them is the identity.
    #[must_use]
    pub fn collect(points: &[Affine]) -> Option<Vec<Self>> {
        points.iter().map(Self::new).collect()
    }

    /// The same point in the library's type.
    #[must_use]
    pub fn to_affine(&self) -> Affine {
        Affine::from_xy_unchecked(self.x, self.y)
    }

    /// `LAMBDA` times the point, for one multiplication: `(zeta x, y)` with a cube root of unity `zeta`.
    #[inline]
    #[must_use]
    pub fn endomorphism(self) -> Self {
        Self { x: self.x * Base::ZETA, y: self.y }
    }

    /// The point, or its opposite.
    #[inline]
    #[must_use]
    pub fn negate_if(self, negative: bool) -> Self {
        if negative { -self } else { self }
    }
}

impl std::ops::Neg for Xy {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        Self { x: self.x, y: -self.y }
    }
}

/// `sum_w 2^(shift w) digits[w]`: Horner's rule, `shift` doublings (0.1 us each) an entry.
#[must_use]
pub fn horner(digits: &[Point], shift: usize) -> Point {
    digits.iter().rev().fold(group::identity(), |sum, digit| (0..shift).fold(sum, |p, _| p.double()) + digit)
}

/// One pending division: its denominator, and the product of the earlier denominators of its lane.
#[derive(Debug, Clone, Copy)]
struct Division {
    denominator: Base,
    prefix: Base,
}

/// Lockstep additions with reusable scratch memory (64 kB).
#[derive(Debug, Default)]
pub struct BatchAdder {
    divisions: Divisions,
}

impl BatchAdder {
    /// `acc[i] += addend(i)` for every `i` for which there is an addend. `addend` is called up to three times an index.
    ///
    /// Returns the indices whose sum is the identity, in no particular order; `acc` is unchanged there. The list is empty
    /// unless the points were chosen for it. About 6 multiplications an addition.
    #[must_use = "the sums at these indices are the identity"]
    pub fn add_assign(&mut self, acc: &mut [Xy], addend: impl Fn(usize) -> Option<Xy>) -> Vec<usize> {
        let mut identities = Vec::new();
        for (k, chunk) in acc.chunks_mut(CHUNK).enumerate() {
            let offset = k * CHUNK;
            self.add_chunk(chunk, |i| addend(offset + i), |i| identities.push(offset + i));
        }
        identities
    }

    /// `acc[i] = 2 acc[i]`. Never the identity: the group has odd order. About 7 multiplications a point.
    pub fn double_all(&mut self, acc: &mut [Xy]) {
        for chunk in acc.chunks_mut(CHUNK) {
            self.divisions.clear();
            for p in chunk.iter() {
                self.divisions.push(p.y.double());
            }
            self.divisions.invert();
            for p in chunk.iter_mut().rev() {
                let inverse = self.divisions.pop();
                *p = tangent(p, &inverse);
            }
        }
    }

    fn add_chunk(&mut self, acc: &mut [Xy], addend: impl Fn(usize) -> Option<Xy>, identity: impl FnMut(usize)) {
        self.divisions.clear();
        for (i, p) in acc.iter().enumerate() {
            if let Some(q) = addend(i) {
                self.divisions.push(q.x - p.x);
            }
        }
        if !self.divisions.invert() {
            return self.add_chunk_with_care(acc, addend, identity);
        }
        for (i, p) in acc.iter_mut().enumerate().rev() {
            if let Some(q) = addend(i) {
                let inverse = self.divisions.pop();
                *p = chord(p, &q, &inverse);
            }
        }
    }

    /// The same for a chunk in which some points are equal or opposite.
    fn add_chunk_with_care(
        &mut self,
        acc: &mut [Xy],
        addend: impl Fn(usize) -> Option<Xy>,
        mut identity: impl FnMut(usize),
    ) {
        self.divisions.clear();
        for (i, p) in acc.iter().enumerate() {
            if let Some(q) = addend(i) {
                self.divisions.push(if q.x == p.x { p.y.double() } else { q.x - p.x });
            }
        }
        self.divisions.invert();
        for (i, p) in acc.iter_mut().enumerate().rev() {
            let Some(q) = addend(i) else { continue };
            let inverse = self.divisions.pop();
            if q.x != p.x {
                *p = chord(p, &q, &inverse);
            } else if q.y == p.y {
                *p = tangent(p, &inverse);
            } else {
                identity(i);
            }
        }
    }
}

/// `p + q` for different x-coordinates, given `1 / (q.x - p.x)`.
#[inline]
fn chord(p: &Xy, q: &Xy, inverse: &Base) -> Xy {
    let slope = (q.y - p.y) * inverse;
    third(p, &q.x, &slope)
}

/// `2 p`, given `1 / (2 p.y)`.
#[inline]
fn tangent(p: &Xy, inverse: &Base) -> Xy {
    let square = p.x.square();
    let slope = (square.double() + square) * inverse;
    third(p, &p.x, &slope)
}

/// The opposite of the third point on the line of this slope through `p` and a point with x-coordinate `other`.
#[inline]
fn third(p: &Xy, other: &Base, slope: &Base) -> Xy {
    let x = slope.square() - p.x - other;
    Xy { x, y: slope * (p.x - x) - p.y }
}

/// A stack of denominators and, after [`Divisions::invert`], of their inverses.
#[derive(Debug)]
struct Divisions {
    stack: Vec<Division>,
    /// Products of the lanes; once inverted, of the entries that are left.
    lanes: [Base; LANES],
}

impl Default for Divisions {
    fn default() -> Self {
        Self { stack: Vec::with_capacity(CHUNK), lanes: [Base::ONE; LANES] }
    }
}

impl Divisions {
    fn clear(&mut self) {
        self.stack.clear();
        self.lanes = [Base::ONE; LANES];
    }

    #[inline]
    fn push(&mut self, denominator: Base) {
        let lane = &mut self.lanes[self.stack.len() % LANES];
        self.stack.push(Division { denominator, prefix: *lane });
        *lane *= denominator;
    }

    /// Inverts the product of every lane; `false`, and nothing done, if a denominator is zero.
    fn invert(&mut self) -> bool {
        let mut prefixes = [Base::ONE; LANES];
        let mut product = Base::ONE;
        for (prefix, lane) in prefixes.iter_mut().zip(&self.lanes) {
            *prefix = product;
            product *= lane;
        }
        let Some(mut inverse) = product.invert_vartime() else { return false };
        for (prefix, lane) in prefixes.iter().zip(&mut self.lanes).rev() {
            let next = inverse * *lane;
            *lane = inverse * prefix;
            inverse = next;
        }
        true
    }

    /// The inverse of the denominator that was pushed last. One, if there is none: callers pop what they pushed.
    #[inline]
    fn pop(&mut self) -> Base {
        let Some(Division { denominator, prefix }) = self.stack.pop() else { return Base::ONE };
        let lane = &mut self.lanes[self.stack.len() % LANES];
        let inverse = *lane * prefix;
        *lane *= denominator;
        inverse
    }
}

/// Lists of points, one after the other, to be summed list by list.
#[derive(Debug, Default)]
pub struct PointLists {
    points: Vec<Xy>,
    lengths: Vec<usize>,
}

impl PointLists {
    /// `lengths` cuts `points` into consecutive lists; points past their sum belong to no list.
    #[must_use]
    pub fn new(points: Vec<Xy>, lengths: Vec<usize>) -> Self {
        Self { points, lengths }
    }

    /// The sum of every list; `None` where it is the identity, as for an empty list.
    ///
    /// Adds neighbours in a balanced tree, all lists at once: one lockstep addition a point, in `log2` of the longest list
    /// rounds, whatever the points and the lengths.
    #[must_use]
    pub fn sum(mut self, adder: &mut BatchAdder) -> Vec<Option<Xy>> {
        while self.lengths.iter().any(|&length| length > 1) {
            self = self.halve(adder);
        }
        let mut points = self.points.into_iter();
        self.lengths.iter().map(|&length| if length == 0 { None } else { points.next() }).collect()
    }

    /// Adds the second point of every list to the first, the fourth to the third, and so on.
    fn halve(self, adder: &mut BatchAdder) -> Self {
        let mut firsts = Vec::with_capacity(self.points.len() / 2 + self.lengths.len());
        let mut seconds = Vec::with_capacity(firsts.capacity());
        let mut rest = self.points.as_slice();
        for &length in &self.lengths {
            let (list, tail) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = tail;
            for pair in list.chunks(2) {
                firsts.extend(pair.first());
                seconds.push(pair.get(1));
            }
        }
        let identities = adder.add_assign(&mut firsts, |i| seconds.get(i).copied().flatten().copied());
        let halved = Self { points: firsts, lengths: self.lengths.iter().map(|n| n.div_ceil(2)).collect() };
        if identities.is_empty() { halved } else { halved.without(&identities) }
    }

    /// The lists without the points at these places.
    fn without(self, places: &[usize]) -> Self {
        let mut keep = vec![true; self.points.len()];
        for &i in places {
            if let Some(slot) = keep.get_mut(i) {
                *slot = false;
            }
        }
        let mut flags = keep.iter();
        let kept = |n: &usize| flags.by_ref().take(*n).filter(|k| **k).count();
        let lengths = self.lengths.iter().map(kept).collect();
        let points = self.points.into_iter().zip(&keep).filter_map(|(p, k)| k.then_some(p)).collect();
        Self { points, lengths }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `k * generator` for signed `k`; `None` for zero.
    fn multiple(k: i64) -> Option<Xy> {
        Xy::new(&group::affine(&(Point::generator() * crate::scalar::from_i64(k))))
    }

    fn multiples(ks: impl IntoIterator<Item = i64>) -> Vec<Xy> {
        ks.into_iter().map(|k| multiple(k).unwrap()).collect()
    }

    #[test]
    fn conversions() {
        assert_eq!(Xy::new(&group::affine(&group::identity())), None);
        let p = multiple(5).unwrap();
        assert_eq!(Xy::new(&p.to_affine()), Some(p));
        assert_eq!(Xy::new(&group::affine(&(Point::generator() * -Scalar::from(5)))), Some(-p));
        assert_eq!(p.negate_if(true), -p);
        assert_eq!(p.endomorphism().to_affine(), group::affine(&(p.to_affine() * LAMBDA)));
        assert_eq!(LAMBDA.square() + LAMBDA + Scalar::ONE, Scalar::ZERO);
        assert_eq!(std::mem::size_of::<Xy>(), 64);
    }

    #[test]
    fn additions_of_every_kind() {
        let left: Vec<i64> = (0..3000).map(|i| 1 + i % 17).collect();
        let right: Vec<i64> = (0..3000).map(|i| i % 41 - 20).collect();
        let mut acc = multiples(left.iter().copied());
        let addends: Vec<_> = right.iter().map(|&k| multiple(k)).collect();
        let mut identities = BatchAdder::default().add_assign(&mut acc, |i| addends[i]);
        identities.sort_unstable();
        let expected: Vec<_> = (0..3000).filter(|&i| left[i] + right[i] == 0).collect();
        assert_eq!(identities, expected);
        for i in 0..3000 {
            let sum = if expected.contains(&i) { left[i] } else { left[i] + right[i] };
            assert_eq!(acc[i], multiple(sum).unwrap(), "at {i}");
        }
    }

    #[test]
    fn additions_without_exceptions() {
        for n in [0, 1, 2, 3, 5, 1023, 1024, 1025] {
            let mut acc = multiples((0..n).map(|i| 1 + i));
            let none = BatchAdder::default().add_assign(&mut acc, |i| (i % 3 > 0).then(|| multiple(2000).unwrap()));
            assert_eq!(none, []);
            assert_eq!(acc, multiples((0..n).map(|i| 1 + i + if i % 3 > 0 { 2000 } else { 0 })));
        }
    }

    #[test]
    fn horners_rule() {
        let g = Point::generator();
        assert_eq!(horner(&[g, group::identity(), g + g], 5), g * Scalar::from(1 + 2 * 1024));
        assert!(group::is_identity(&horner(&[], 5)));
    }

    #[test]
    fn doublings() {
        let mut acc = multiples((1..2100).map(|i| i % 30 - 40));
        BatchAdder::default().double_all(&mut acc);
        assert_eq!(acc, multiples((1..2100).map(|i| 2 * (i % 30 - 40))));
    }

    #[test]
    fn sums_of_lists() {
        let lists: [&[i64]; 9] = [
            &[],
            &[7],
            &[3, 3, 3, 3, 3],
            &[4, -4],
            &[1, -1, 5, -5, 9],
            &[2, -2, 3, -3],
            &[],
            &[1, 2, 3, 4, 5, 6, 7],
            &[8, -3, -5],
        ];
        let points = multiples(lists.iter().flat_map(|list| list.iter().copied()));
        let lengths = lists.iter().map(|list| list.len()).collect();
        let sums = PointLists::new(points, lengths).sum(&mut BatchAdder::default());
        let expected: Vec<_> = lists.iter().map(|list| multiple(list.iter().sum())).collect();
        assert_eq!(sums, expected);
    }
}
