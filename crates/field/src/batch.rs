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
//! Points go through the additions eight at a time, on the [`lanes`] of this machine.
//!
//! Everything here runs in variable time.

use pasta_curves::arithmetic::{Coordinates, CurveAffine, VartimeField};
use pasta_curves::group::Group;
use pasta_curves::group::ff::{Field, WithSmallOrderMulGroup};

use crate::group::{self, Affine, Base, Point};
use crate::lanes::{self, PointKernel, PointLanes, Scratch, WIDTH};
use crate::scalar::Scalar;

/// The scalar by which [`Xy::endomorphism`] multiplies: a cube root of unity, `LAMBDA^2 + LAMBDA + 1 = 0`.
pub const LAMBDA: Scalar = Scalar::ZETA;

/// Additions that share one inversion: enough to make its 2 us negligible, few enough to stay in the second-level cache.
const CHUNK: usize = 2048;

/// Independent product chains of vectors: a single one would wait for the latency of every multiplication.
const CHAINS: usize = 4;

/// An affine point that is not the identity: 64 bytes, one cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
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

/// A point to be added, or to be subtracted.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The point.
    pub point: &'a Xy,
    /// Whether it is subtracted.
    pub negative: bool,
}

impl<'a> Signed<'a> {
    /// The point itself.
    #[inline]
    #[must_use]
    pub fn plus(point: &'a Xy) -> Self {
        Self { point, negative: false }
    }

    /// What is added.
    #[inline]
    #[must_use]
    pub fn value(self) -> Xy {
        self.point.negate_if(self.negative)
    }
}

/// Lockstep additions with reusable scratch memory (160 kB).
#[derive(Debug, Default)]
pub struct BatchAdder {
    scratch: Scratch,
}

impl BatchAdder {
    /// `acc[i] += addend(i)` for every `i` for which there is an addend. `addend` is called up to three times an index.
    ///
    /// Returns the indices whose sum is the identity, in no particular order; `acc` is unchanged there. The list is empty
    /// unless the points were chosen for it. About 6 multiplications an addition.
    #[must_use = "the sums at these indices are the identity"]
    pub fn add_assign<'a>(&mut self, acc: &mut [Xy], addend: impl Fn(usize) -> Option<Signed<'a>>) -> Vec<usize> {
        let mut identities = Vec::new();
        for (k, chunk) in acc.chunks_mut(CHUNK).enumerate() {
            let offset = k * CHUNK;
            let addend = |i: usize| addend(offset + i);
            let additions = Additions { acc: chunk, addend: &addend, scratch: &mut self.scratch };
            if !lanes::run_points(additions) {
                add_with_care(chunk, addend, |i| identities.push(offset + i));
            }
        }
        identities
    }

    /// `acc[i] = 2 acc[i]`. Never the identity: the group has odd order. About 7 multiplications a point.
    pub fn double_all(&mut self, acc: &mut [Xy]) {
        for chunk in acc.chunks_mut(CHUNK) {
            lanes::run_points(Doublings { acc: chunk, scratch: &mut self.scratch });
        }
    }
}

/// One chunk of additions; tells whether it was done. It is not, and nothing has changed, if a denominator is zero: then some
/// points are equal or opposite.
struct Additions<'s, A> {
    acc: &'s mut [Xy],
    addend: A,
    scratch: &'s mut Scratch,
}

/// Up to eight points of a chunk with their addends. Lanes without an addend hold some point in its place.
struct Octet<'p> {
    sums: [&'p Xy; WIDTH],
    addends: [&'p Xy; WIDTH],
    /// Lanes that have an addend.
    present: u8,
    /// Lanes that subtract it.
    negative: u8,
}

/// The points `8 group ..` of a chunk; `filler` stands where there is none.
#[inline(always)]
fn octet<'p, 'a: 'p>(
    acc: &'p [Xy],
    group: usize,
    filler: &'p Xy,
    addend: &impl Fn(usize) -> Option<Signed<'a>>,
) -> Octet<'p> {
    let mut octet = Octet { sums: [filler; WIDTH], addends: [filler; WIDTH], present: 0, negative: 0 };
    for (i, sum) in acc.iter().skip(group * WIDTH).take(WIDTH).enumerate() {
        octet.sums[i] = sum;
        if let Some(signed) = addend(group * WIDTH + i) {
            octet.addends[i] = signed.point;
            octet.present |= 1 << i;
            octet.negative |= u8::from(signed.negative) << i;
        }
    }
    octet
}

/// Any point: the first of the group's standard generator's coordinates. Lanes that hold it are never read.
const FILLER: Xy = Xy { x: Base::ONE, y: Base::ONE };

impl<'a, A: Fn(usize) -> Option<Signed<'a>>> PointKernel for Additions<'_, A> {
    type Output = bool;

    #[inline(always)]
    fn run<L: PointLanes>(self, lanes: L) -> bool {
        let groups = self.acc.len().div_ceil(WIDTH);
        let mut divisions = Divisions::new(lanes, lanes.scratch(self.scratch), groups);
        for group in 0..groups {
            let octet = octet(self.acc, group, &FILLER, &self.addend);
            if octet.present != 0 {
                let difference = lanes.sub::<1>(lanes.load_x(octet.addends), lanes.load_x(octet.sums));
                divisions.push(octet.present, difference);
            }
        }
        if !divisions.invert() {
            return false;
        }
        for group in (0..groups).rev() {
            let octet = octet(self.acc, group, &FILLER, &self.addend);
            if octet.present != 0 {
                let inverse = divisions.pop();
                let (p, mut q) = (lanes.load_points(octet.sums), lanes.load_points(octet.addends));
                if octet.negative != 0 {
                    let opposite = lanes.sub::<1>(lanes.splat(&Base::ZERO), q.1);
                    q.1 = lanes.select(octet.negative, opposite, q.1);
                }
                let slope = lanes.mul(lanes.sub::<1>(q.1, p.1), inverse);
                let (x, y) = third_point(lanes, p, q.0, slope);
                lanes.store_points(octet.present, x, y, &mut self.acc[group * WIDTH..]);
            }
        }
        true
    }
}

/// One chunk of doublings.
struct Doublings<'s> {
    acc: &'s mut [Xy],
    scratch: &'s mut Scratch,
}

impl PointKernel for Doublings<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: PointLanes>(self, lanes: L) {
        let groups = self.acc.len().div_ceil(WIDTH);
        let mut divisions = Divisions::new(lanes, lanes.scratch(self.scratch), groups);
        let nothing = |_: usize| None;
        for group in 0..groups {
            let (_, y) = lanes.load_points(octet(self.acc, group, &FILLER, &nothing).sums);
            divisions.push(u8::MAX, lanes.add(y, y));
        }
        divisions.invert();
        for group in (0..groups).rev() {
            let inverse = divisions.pop();
            let p = lanes.load_points(octet(self.acc, group, &FILLER, &nothing).sums);
            let square = lanes.square(p.0);
            let slope = lanes.mul(lanes.add(lanes.add(square, square), square), inverse);
            let (x, y) = third_point(lanes, p, p.0, slope);
            lanes.store_points(u8::MAX, x, y, &mut self.acc[group * WIDTH..]);
        }
    }
}

/// The opposite of the third point on the line of this slope through `p` and a point with x-coordinate `other`.
#[inline(always)]
fn third_point<L: PointLanes>(
    lanes: L,
    p: (L::Vector, L::Vector),
    other: L::Vector,
    slope: L::Vector,
) -> (L::Vector, L::Vector) {
    let x = lanes.sub::<2>(lanes.square(slope), lanes.add(p.0, other));
    let y = lanes.sub::<1>(lanes.mul(slope, lanes.sub::<9>(p.0, x)), p.1);
    (x, y)
}

/// A stack of denominators, eight at a time, and, after [`Divisions::invert`], of their inverses.
struct Divisions<'s, L: PointLanes> {
    lanes: L,
    /// Denominator, then the product of the earlier denominators of its chain; vectors beyond the top mean nothing.
    stack: &'s mut [L::Vector],
    top: usize,
    /// Products of the chains; once inverted, of the entries that are left.
    chains: [L::Vector; CHAINS],
}

impl<'s, L: PointLanes> Divisions<'s, L> {
    /// A stack with room for this many entries.
    #[inline(always)]
    fn new(lanes: L, stack: &'s mut Vec<L::Vector>, room: usize) -> Self {
        let one = lanes.splat(&Base::ONE);
        if stack.len() < 2 * room {
            stack.resize(2 * room, one);
        }
        Self { lanes, stack, top: 0, chains: [one; CHAINS] }
    }

    /// Lanes outside the mask get the denominator 1.
    #[inline(always)]
    fn push(&mut self, mask: u8, denominators: L::Vector) {
        let chain = &mut self.chains[self.top % CHAINS];
        let denominators = self.lanes.select(mask, denominators, self.lanes.splat(&Base::ONE));
        self.stack[2 * self.top] = denominators;
        self.stack[2 * self.top + 1] = *chain;
        *chain = self.lanes.mul(*chain, denominators);
        self.top += 1;
    }

    /// Inverts the products; `false`, and nothing done, if a denominator is zero.
    #[inline(always)]
    fn invert(&mut self) -> bool {
        let lanes = self.lanes;
        let mut product = lanes.splat(&Base::ONE);
        let mut prefixes = [product; CHAINS];
        for (prefix, chain) in prefixes.iter_mut().zip(&self.chains) {
            *prefix = product;
            product = lanes.mul(product, *chain);
        }
        let mut inverses = lanes.store(product);
        if !invert_all(&mut inverses) {
            return false;
        }
        let mut inverse = lanes.load(&inverses);
        for (prefix, chain) in prefixes.iter().zip(&mut self.chains).rev() {
            let next = lanes.mul(inverse, *chain);
            *chain = lanes.mul(inverse, *prefix);
            inverse = next;
        }
        true
    }

    /// The inverses of the denominators that were pushed last; callers pop what they pushed.
    #[inline(always)]
    fn pop(&mut self) -> L::Vector {
        self.top -= 1;
        let chain = &mut self.chains[self.top % CHAINS];
        let inverse = self.lanes.mul(*chain, self.stack[2 * self.top + 1]);
        *chain = self.lanes.mul(*chain, self.stack[2 * self.top]);
        inverse
    }
}

/// Inverts a few elements with one inversion; `false`, and nothing done, if one is zero.
fn invert_all(values: &mut [Base; WIDTH]) -> bool {
    let mut product = Base::ONE;
    let prefixes = values.map(|value| {
        let prefix = product;
        product *= value;
        prefix
    });
    let Some(mut inverse) = product.invert_vartime() else { return false };
    for (value, prefix) in values.iter_mut().zip(prefixes).rev() {
        (*value, inverse) = (inverse * prefix, inverse * *value);
    }
    true
}

/// A chunk of additions in which some points are equal or opposite, one by one (1.5 us each). `identity` is told where a
/// sum is the identity.
fn add_with_care<'a>(acc: &mut [Xy], addend: impl Fn(usize) -> Option<Signed<'a>>, mut identity: impl FnMut(usize)) {
    for (i, p) in acc.iter_mut().enumerate() {
        let Some(q) = addend(i).map(Signed::value) else { continue };
        let (numerator, denominator) = if q.x == p.x {
            let square = p.x.square();
            (square.double() + square, p.y.double())
        } else {
            (q.y - p.y, q.x - p.x)
        };
        if q.x == p.x && q.y != p.y {
            identity(i);
        } else if let Some(inverse) = denominator.invert_vartime() {
            let slope = numerator * inverse;
            let x = slope.square() - p.x - q.x;
            *p = Xy { x, y: slope * (p.x - x) - p.y };
        }
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

    /// The lists of `signed(term)`, `lengths` cutting `terms` into lists, with neighbours already added: the points stay where
    /// they are, and half of them are copied.
    #[must_use]
    pub fn of_signed<'a, T>(
        terms: &[T],
        lengths: &[usize],
        signed: impl Fn(&T) -> Signed<'a>,
        adder: &mut BatchAdder,
    ) -> Self {
        let mut firsts = Vec::with_capacity(terms.len() / 2 + lengths.len());
        let mut seconds = Vec::with_capacity(firsts.capacity());
        for pair in pairs(terms, lengths) {
            firsts.extend(pair.first().map(|term| signed(term).value()));
            seconds.push(pair.get(1));
        }
        let identities = adder.add_assign(&mut firsts, |i| Some(signed(seconds.get(i).copied().flatten()?)));
        Self::halved(firsts, lengths, &identities)
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
        for pair in pairs(&self.points, &self.lengths) {
            firsts.extend(pair.first());
            seconds.push(pair.get(1));
        }
        let identities = adder.add_assign(&mut firsts, |i| seconds.get(i).copied().flatten().map(Signed::plus));
        Self::halved(firsts, &self.lengths, &identities)
    }

    fn halved(points: Vec<Xy>, lengths: &[usize], identities: &[usize]) -> Self {
        let halved = Self { points, lengths: lengths.iter().map(|n| n.div_ceil(2)).collect() };
        if identities.is_empty() { halved } else { halved.without(identities) }
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

/// The neighbours of every list, two by two; the last of a list may be alone.
fn pairs<'t, T>(terms: &'t [T], lengths: &'t [usize]) -> impl Iterator<Item = &'t [T]> {
    let mut rest = terms;
    lengths.iter().flat_map(move |&length| {
        let (list, tail) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        rest = tail;
        list.chunks(2)
    })
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
        let mut identities = BatchAdder::default().add_assign(&mut acc, |i| addends[i].as_ref().map(Signed::plus));
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
            let addend = multiple(-2000).unwrap();
            let signed = Signed { point: &addend, negative: true };
            let none = BatchAdder::default().add_assign(&mut acc, |i| (i % 3 > 0).then_some(signed));
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
