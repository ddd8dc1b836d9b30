//! Multi-scalar multiplication: `sum_i s_i P_i` for public points and scalars.
//!
//! Pippenger's method with signed digits. With `s_i = sum_w 2^(c w) d_iw`, `|d_iw| <= 2^(c-1)`, and buckets
//! `B_wd = sum_{i : d_iw = +-d} +-P_i`:
//!
//! ```text
//! sum_i s_i P_i = sum_w 2^(c w) S_w        S_w = sum_d d B_wd
//! ```
//!
//! Everything is affine additions in lockstep. A place sorts its points by bucket and sums many buckets at once
//! ([`PointLists`]). Then the buckets of all places are cut into segments of [`SEGMENT`] and all segments are walked together:
//!
//! ```text
//! run <- run + B_d,   sum <- sum + run       for d from the top of the segment down
//! ```
//!
//! `run` and `sum` start at two fixed points, which are taken off at the end, so that empty buckets are no exception. The width
//! `c` balances points and buckets. Correct for every input: zeros, identities, repeated and opposite points.
//!
//! Everything here runs in variable time.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "indices and sizes are the loops' own, digits at most 2^14: whatever points and scalars, none is out of range"
)]

use rayon::prelude::*;
use std::sync::OnceLock;
use zkdl_field::batch::{BatchAdder, PointLists, Signed, Xy, horner};
use zkdl_field::generators::Generators;
use zkdl_field::group::identity;
use zkdl_field::scalar::encode;
use zkdl_field::{Affine, Point, Scalar};

/// Below this many points buckets do not pay.
const FEW: usize = 32;

/// Cost of one bucket in additions: two, and what the segments cost.
const BUCKET_COST: usize = 3;

/// Buckets of a segment, a power of two.
const SEGMENT: usize = 64;

/// Points that are gathered and summed at a time (256 kB).
const BLOCK: usize = 4096;

/// Points that are multiplied at a time: more gain nothing, and each takes 1 kB while they are.
const AT_A_TIME: usize = 1 << 17;

/// Widest digit: signed digits of 15 bits fit an `i16`.
const MAX_WIDTH: usize = 15;

/// `sum_i s_i P_i`; the shorter slice decides. About 2 us a point at 2^16 points, one thread on AVX-512 IFMA.
#[must_use]
pub fn msm(points: &[Affine], scalars: &[Scalar]) -> Point {
    // Identities add nothing and have no coordinates.
    let real = points.iter().zip(scalars).filter_map(|(p, s)| Some((Xy::new(p)?, s)));
    let (points, multipliers): (Vec<_>, Vec<_>) =
        real.map(|(p, s)| (p, Multiplier { magnitude: limbs(s), negative: false })).unzip();
    multiply(&points, &multipliers)
}

/// `sum_i n_i P_i` for signed integers; the shorter slice decides. The cost follows the largest magnitude: about 0.2 us a
/// point for 16 and for 32 bits at 2^16 points, one thread on AVX-512 IFMA.
#[must_use]
pub fn msm_i64(points: &[Xy], integers: &[i64]) -> Point {
    let points = &points[..points.len().min(integers.len())];
    let multiplier = |n: &i64| Multiplier { magnitude: [n.unsigned_abs(), 0, 0, 0], negative: *n < 0 };
    multiply(points, &integers.iter().take(points.len()).map(multiplier).collect::<Vec<_>>())
}

/// A signed integer.
#[derive(Debug, Clone, Copy)]
struct Multiplier {
    magnitude: [u64; 4],
    negative: bool,
}

impl Multiplier {
    fn bits(&self) -> usize {
        let top = self.magnitude.iter().rposition(|&limb| limb > 0);
        top.map_or(0, |i| 64 * i + 64 - self.magnitude[i].leading_zeros() as usize)
    }

    /// Bits `start .. start + width` of the magnitude, `width` below 64.
    fn window(&self, start: usize, width: usize) -> u64 {
        let limb = |i: usize| self.magnitude.get(i).copied().unwrap_or(0);
        let (i, shift) = (start / 64, start % 64);
        let both = u128::from(limb(i)) | u128::from(limb(i + 1)) << 64;
        (both >> shift) as u64 & ((1 << width) - 1)
    }
}

fn limbs(s: &Scalar) -> [u64; 4] {
    let mut limbs = [0; 4];
    for (limb, bytes) in limbs.iter_mut().zip(encode(s).as_chunks().0) {
        *limb = u64::from_le_bytes(*bytes);
    }
    limbs
}

/// The sum, in parts; there is one multiplier a point.
fn multiply(points: &[Xy], multipliers: &[Multiplier]) -> Point {
    let parts = points.chunks(AT_A_TIME).zip(multipliers.chunks(AT_A_TIME));
    parts.map(|(points, multipliers)| part(points, multipliers)).sum()
}

/// Chooses the method.
fn part(points: &[Xy], multipliers: &[Multiplier]) -> Point {
    // One more bit: the carry of the last signed digit.
    let bits = 1 + multipliers.iter().map(Multiplier::bits).max().unwrap_or(0);
    if points.len() < FEW {
        straus(points, &Digits::new(multipliers, bits, 4))
    } else {
        pippenger(points, &Digits::new(multipliers, bits, best_width(points.len(), bits)))
    }
}

fn best_width(points: usize, bits: usize) -> usize {
    let cost = |c: &usize| bits.div_ceil(*c) * (points + (BUCKET_COST << (c - 1)));
    (2..=MAX_WIDTH).min_by_key(cost).unwrap_or(MAX_WIDTH)
}

/// Signed digits of many integers, in `-2^(width-1) ..= 2^(width-1)` (both ends, since negative integers mirror theirs).
struct Digits {
    width: usize,
    /// Lowest digits first; one vector, parallel to the integers, for each place.
    places: Vec<Vec<i16>>,
}

impl Digits {
    fn new(multipliers: &[Multiplier], bits: usize, width: usize) -> Self {
        let mut carries = vec![0; multipliers.len()];
        let place = |w: usize| {
            let integers = multipliers.iter().zip(&mut carries);
            integers.map(|(m, carry)| signed_digit(m, w * width, width, carry)).collect()
        };
        Self { width, places: (0..bits.div_ceil(width)).map(place).collect() }
    }
}

/// A digit of 2^(width-1) stays positive, so that a magnitude below 2^(n width - 1) has no carry out of its `n`-th digit.
fn signed_digit(m: &Multiplier, start: usize, width: usize, carry: &mut u64) -> i16 {
    let digit = m.window(start, width) + *carry;
    *carry = u64::from(digit > 1 << (width - 1));
    // At a width of 15, 2^width is -2^15 as an i16: right modulo 2^16.
    let signed = (digit as i16).wrapping_sub((*carry as i16) << width);
    if m.negative { -signed } else { signed }
}

fn pippenger(points: &[Xy], digits: &Digits) -> Point {
    let sorted: Vec<Sorted> = digits.places.par_iter().map(|place| Sorted::new(place, digits.width)).collect();
    let buckets = sum_buckets(points, &sorted);
    let sums = weighted_sums(&buckets, 1 << (digits.width - 1));
    horner(&sums, digits.width)
}

/// The signed points of one place, bucket by bucket.
struct Sorted {
    /// Index of the point and whether it is negative; ascending in the magnitude of the digit; zero digits left out.
    terms: Vec<(u32, bool)>,
    /// Number of terms of bucket `d = 1 ..= 2^(width-1)`.
    lengths: Vec<usize>,
}

impl Sorted {
    fn new(digits: &[i16], width: usize) -> Self {
        let bucket = |d: i16| usize::from(d.unsigned_abs()).checked_sub(1);
        let mut lengths = vec![0; 1 << (width - 1)];
        for b in digits.iter().filter_map(|&d| bucket(d)) {
            lengths[b] += 1;
        }
        let mut next: Vec<usize> = lengths.iter().scan(0, |end, n| Some(std::mem::replace(end, *end + n))).collect();
        let mut terms = vec![(0, false); lengths.iter().sum()];
        for (i, &d) in digits.iter().enumerate() {
            if let Some(b) = bucket(d) {
                terms[next[b]] = (i as u32, d < 0);
                next[b] += 1;
            }
        }
        Self { terms, lengths }
    }
}

/// All buckets of all places, one after the other; `None` is the identity.
///
/// Cut into blocks of whole buckets: large enough to share an inversion (a place of few points is not), small enough to
/// stay in the second-level cache, and the unit of work of a thread.
fn sum_buckets(points: &[Xy], sorted: &[Sorted]) -> Vec<Option<Xy>> {
    let lengths: Vec<_> = sorted.iter().flat_map(|place| place.lengths.iter().copied()).collect();
    let terms: Vec<_> = sorted.iter().flat_map(|place| place.terms.iter().copied()).collect();
    let sum_block = |adder: &mut BatchAdder, (terms, lengths): (&[(u32, bool)], &[usize])| {
        let signed = |&(i, negative): &(u32, bool)| Signed { point: &points[i as usize], negative };
        PointLists::of_signed(terms, lengths, signed, adder).sum(adder)
    };
    let blocks = blocks(&terms, &lengths).into_par_iter();
    blocks.map_init(BatchAdder::default, sum_block).collect::<Vec<_>>().concat()
}

/// Consecutive buckets with at least [`BLOCK`] terms together, and the rest.
fn blocks<'a, T>(mut terms: &'a [T], mut lengths: &'a [usize]) -> Vec<(&'a [T], &'a [usize])> {
    let mut blocks = Vec::with_capacity(terms.len() / BLOCK + 1);
    while !lengths.is_empty() {
        let mut size = 0;
        let reaches_block = |n: &usize| {
            size += n;
            size >= BLOCK
        };
        let buckets = lengths.iter().position(reaches_block).map_or(lengths.len(), |last| last + 1);
        let (block, rest) = terms.split_at(size);
        let (block_lengths, rest_lengths) = lengths.split_at(buckets);
        blocks.push((block, block_lengths));
        (terms, lengths) = (rest, rest_lengths);
    }
    blocks
}

/// Where the walks through segments start: points that nobody knows a relation of. A hash to the curve is the identity, and
/// this nothing, with probability 2^-254.
fn starts() -> Option<[Xy; 2]> {
    static STARTS: OnceLock<Option<[Xy; 2]>> = OnceLock::new();
    *STARTS.get_or_init(|| Xy::collect(&Generators::derive("msm", 2).columns)?.try_into().ok())
}

/// `sum_d d B_d`, `d` from 1, for every place of `size` buckets.
fn weighted_sums(buckets: &[Option<Xy>], size: usize) -> Vec<Point> {
    let Some(starts) = starts() else {
        let plain = |place: &[Option<Xy>]| weighted_sum(&place.iter().map(point).collect::<Vec<_>>());
        return buckets.par_chunks(size).map(plain).collect();
    };
    let length = SEGMENT.min(size);
    let block = (buckets.len() / length).div_ceil(rayon::current_num_threads()).clamp(1, 2048);
    let walked: Vec<Walk> = buckets.par_chunks(block * length).map(|part| walk(part, length, starts)).collect();
    let (runs, sums): (Vec<Point>, Vec<Point>) = walked.into_iter().flatten().unzip();
    let segments = size / length;
    let place = |(runs, sums): (&[Point], &[Point])| {
        // Segment s is off by s times its length.
        let total: Point = sums.iter().sum();
        let steps = weighted_sum(runs.get(1..).unwrap_or(&[]));
        horner(&[total, steps], length.trailing_zeros() as usize)
    };
    runs.par_chunks(segments).zip(sums.par_chunks(segments)).map(place).collect()
}

/// For every segment `sum B_d` and `sum d B_d`, `d` from 1.
type Walk = Vec<(Point, Point)>;

fn walk(buckets: &[Option<Xy>], length: usize, [run_start, sum_start]: [Xy; 2]) -> Walk {
    let segments = buckets.len() / length;
    let (mut runs, mut sums) = (vec![run_start; segments], vec![sum_start; segments]);
    let mut adder = BatchAdder::default();
    let mut spoiled = Vec::new();
    for d in (0..length).rev() {
        let bucket = |s: usize| buckets.get(s * length + d)?.as_ref().map(Signed::plus);
        spoiled.extend(adder.add_assign(&mut runs, bucket));
        spoiled.extend(adder.add_assign(&mut sums, |s| runs.get(s).map(Signed::plus)));
    }
    let run_start = Point::from(run_start.to_affine());
    let off = horner(&[sum_start.to_affine().into(), run_start], length.trailing_zeros() as usize);
    let points =
        |(run, sum): (&Xy, &Xy)| (Point::from(run.to_affine()) - run_start, Point::from(sum.to_affine()) - off);
    let mut walk: Walk = runs.iter().zip(&sums).map(points).collect();
    for s in spoiled {
        let buckets: Vec<Point> = buckets[s * length..(s + 1) * length].iter().map(point).collect();
        walk[s] = (buckets.iter().sum(), weighted_sum(&buckets));
    }
    walk
}

fn point(bucket: &Option<Xy>) -> Point {
    bucket.map_or(identity(), |p| p.to_affine().into())
}

/// `sum_d d P_d`, `d` from 1: the sum of all suffix sums.
fn weighted_sum(points: &[Point]) -> Point {
    let (mut suffix, mut sum) = (identity(), identity());
    for p in points.iter().rev() {
        suffix += p;
        sum += suffix;
    }
    sum
}

/// For few points: a table of multiples for each point, one projective addition a digit.
fn straus(points: &[Xy], digits: &Digits) -> Point {
    let tables: Vec<_> = points.iter().map(|p| multiples(p, 1 << (digits.width - 1))).collect();
    let entry = |table: &Vec<Point>, d: i16| {
        let p = table.get(usize::from(d.unsigned_abs()).checked_sub(1)?)?;
        Some(if d < 0 { -p } else { *p })
    };
    let sum = |place: &Vec<i16>| tables.iter().zip(place).filter_map(|(table, &d)| entry(table, d)).sum();
    let sums: Vec<Point> = digits.places.iter().map(sum).collect();
    horner(&sums, digits.width)
}

/// `P, 2 P, .., n P`.
fn multiples(p: &Xy, n: usize) -> Vec<Point> {
    let p = p.to_affine();
    std::iter::successors(Some(Point::from(p)), |q| Some(q + p)).take(n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zkdl_field::Field;
    use zkdl_field::generators::Generators;
    use zkdl_field::group::affine;
    use zkdl_field::scalar::{from_i64, pow2, random};

    fn plain(points: &[Affine], scalars: &[Scalar]) -> Point {
        points.iter().zip(scalars).map(|(p, s)| *p * s).sum()
    }

    fn check(points: &[Affine], scalars: &[Scalar]) {
        assert_eq!(msm(points, scalars), plain(points, scalars));
    }

    fn check_i64(points: &[Affine], integers: &[i64]) {
        let scalars: Vec<_> = integers.iter().map(|n| from_i64(*n)).collect();
        let coordinates: Vec<_> = points.iter().filter_map(Xy::new).collect();
        if coordinates.len() == points.len() {
            assert_eq!(msm_i64(&coordinates, integers), plain(points, &scalars));
        }
    }

    fn random_scalars(n: usize) -> Vec<Scalar> {
        (0..n).map(|_| random().unwrap()).collect()
    }

    #[test]
    fn equals_its_plain_twin_at_every_size() {
        let points = Generators::derive("msm", 600).columns;
        for n in [0, 1, 2, 3, 31, 32, 33, 100, 600] {
            check(&points[..n], &random_scalars(n));
        }
        check(&points, &random_scalars(5));
        check(&points[..5], &random_scalars(40));
    }

    #[test]
    fn more_points_than_go_at_a_time() {
        let few = Xy::collect(&Generators::derive("msm", 37).columns).unwrap();
        let n = AT_A_TIME + 5;
        let points: Vec<Xy> = few.iter().cycle().take(n).copied().collect();
        let integers: Vec<i64> = (0..n as i64).map(|i| i * i - (1 << 20)).collect();
        let sum_of = |place: usize| integers.iter().skip(place).step_by(37).sum::<i64>();
        assert_eq!(msm_i64(&points, &integers), msm_i64(&few, &(0..37).map(sum_of).collect::<Vec<_>>()));
    }

    #[test]
    fn special_scalars() {
        let points = Generators::derive("msm", 64).columns;
        let special =
            [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, pow2(254), -pow2(254), pow2(64), pow2(128) - Scalar::ONE];
        for n in [7, 64] {
            let scalars: Vec<_> = special.iter().cycle().take(n).copied().collect();
            check(&points[..n], &scalars);
            check(&points[..n], &vec![Scalar::ZERO; n]);
            check(&points[..n], &vec![-Scalar::ONE; n]);
        }
    }

    #[test]
    fn special_integers() {
        let points = Generators::derive("msm", 64).columns;
        let special = [0, 1, -1, i64::MAX, i64::MIN, 255, -256, 1 << 40, 127, 128, -128];
        for n in [11, 64] {
            check_i64(&points[..n], &special.iter().cycle().take(n).copied().collect::<Vec<_>>());
            check_i64(&points[..n], &vec![i64::MIN; n]);
            check_i64(&points[..n], &vec![0; n]);
        }
    }

    #[test]
    fn points_chosen_by_an_adversary() {
        let base = Generators::derive("msm", 3).columns;
        let [p, q, r] = [base[0], base[1], base[2]];
        let cycle = [p, -p, p, affine(&identity()), q, affine(&(p + q)), affine(&(p + p)), -q, r, r, r];
        for n in [11, 22, 200] {
            let points: Vec<_> = cycle.iter().cycle().take(n).copied().collect();
            check(&points, &random_scalars(n));
            check(&points, &vec![-Scalar::from(3); n]);
            check_i64(&points, &(0..n as i64).map(|i| i % 5 - 2).collect::<Vec<_>>());
            check(&vec![p; n], &vec![pow2(200); n]);
            check(&vec![affine(&identity()); n], &random_scalars(n));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Few distinct points and small integers: buckets are full of equal and opposite points.
        #[test]
        fn small_relations(terms in prop::collection::vec((0usize..12, -9i64..=9), 0..150)) {
            let base = Generators::derive("msm", 1).columns[0];
            let points: Vec<_> = terms.iter().map(|(k, _)| affine(&(base * from_i64(*k as i64 - 5)))).collect();
            let integers: Vec<_> = terms.iter().map(|(_, n)| *n).collect();
            let total: i64 = terms.iter().map(|(k, n)| (*k as i64 - 5) * n).sum();
            let scalars: Vec<_> = integers.iter().map(|n| from_i64(*n)).collect();
            prop_assert_eq!(msm(&points, &scalars), base * from_i64(total));
            let real: (Vec<_>, Vec<_>) = points.iter().zip(&integers).filter_map(|(p, n)| Some((Xy::new(p)?, *n))).unzip();
            prop_assert_eq!(msm_i64(&real.0, &real.1), base * from_i64(total));
        }
    }
}
