//! Public generators, hashed to the curve from a label, and fast multiples of the two that scalars are committed with.
//!
//! ```text
//! vector:  sum_j m_j G_j + r H        scalar:  x g + s H
//! ```
//!
//! Each generator is the hash of (label, role, index): nobody knows a relation between them, a verifier derives them by
//! itself, and the first `n` of a longer list are the list of length `n`.

use pasta_curves::arithmetic::CurveExt;
use pasta_curves::group::Group;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::OnceLock;

use crate::batch::{BatchAdder, Signed, Xy};
use crate::group::{self, Affine, Point};
use crate::scalar::{self, Scalar};

/// Domain of the hash, before the label.
const DOMAIN: &str = "zkDL/1 generators/";

/// What a generator is for. The names are no prefixes of each other.
#[derive(Debug, Clone, Copy)]
enum Role {
    Column,
    Value,
    Blind,
}

impl Role {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Column => b"column",
            Self::Value => b"value",
            Self::Blind => b"blind",
        }
    }
}

/// The generators of one label.
#[derive(Debug, Clone)]
pub struct Generators {
    /// `G_0, G_1, ..`: one for each column of a committed matrix.
    pub columns: Vec<Affine>,
    /// `g`: carries a committed scalar.
    pub value: Affine,
    /// `H`: carries the blind.
    pub blind: Affine,
    /// Only provers need the tables: they are built on first use.
    value_multiples: OnceLock<FixedBase>,
    blind_multiples: OnceLock<FixedBase>,
}

/// A blind is zero (or its multiple of the generator has no affine form): draw it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a blind is zero")]
pub struct ZeroBlind;

impl Generators {
    /// Derives `columns` column generators, `g` and `H`: one hash to the curve each (12 us, on all threads).
    #[must_use]
    pub fn derive(label: &str, columns: usize) -> Self {
        let [value, blind] = [Role::Value, Role::Blind].map(|role| group::affine(&hash(label, role, 0)));
        Self {
            columns: derive_columns(label, 0..columns),
            value,
            blind,
            value_multiples: OnceLock::new(),
            blind_multiples: OnceLock::new(),
        }
    }

    fn value_multiples(&self) -> &FixedBase {
        self.value_multiples.get_or_init(|| FixedBase::new(&self.value))
    }

    fn blind_multiples(&self) -> &FixedBase {
        self.blind_multiples.get_or_init(|| FixedBase::new(&self.blind))
    }

    /// `value g + blind H`, in variable time. About 13 us.
    #[must_use]
    pub fn commit(&self, value: &Scalar, blind: &Scalar) -> Point {
        self.value_multiples().mul(value) + self.blind_multiples().mul(blind)
    }

    /// `r_i H` for every blind, in variable time and on all threads. About 4 us each.
    ///
    /// # Errors
    /// [`ZeroBlind`]: the identity is no start for an affine accumulator, and hides nothing.
    pub fn blinds(&self, blinds: &[Scalar]) -> Result<Vec<Xy>, ZeroBlind> {
        let chunks: Result<Vec<_>, _> =
            blinds.par_chunks(512).map(|chunk| self.blind_multiples().mul_all(chunk).ok_or(ZeroBlind)).collect();
        Ok(chunks?.concat())
    }
}

/// Derives a stretch of the columns of a label: one hash to the curve each (12 us, on all threads).
#[must_use]
#[expect(clippy::as_conversions, clippy::arithmetic_side_effects, reason = "an index; stretches start before the end")]
pub fn derive_columns(label: &str, range: Range<usize>) -> Vec<Affine> {
    let derive =
        |chunk: Range<usize>| group::normalize(&chunk.map(|j| hash(label, Role::Column, j as u64)).collect::<Vec<_>>());
    const CHUNK: usize = 256;
    let Range { start, end } = range;
    let chunks = (0..end.saturating_sub(start).div_ceil(CHUNK)).into_par_iter().map(|k| start + k * CHUNK);
    chunks.flat_map_iter(|first| derive(first..end.min(first + CHUNK))).collect()
}

fn hash(label: &str, role: Role, index: u64) -> Point {
    let message = [role.name(), &index.to_le_bytes()].concat();
    Point::hash_to_curve(&format!("{DOMAIN}{label}"))(&message)
}

/// Bits of a digit of a multiplier.
const WINDOW: usize = 8;
/// Signed digits of a scalar.
const DIGITS: usize = 256 / WINDOW;
/// Positive multiples of every power of the base.
const ENTRIES: usize = 1 << (WINDOW - 1);
/// Bits below the last digit.
#[expect(clippy::as_conversions, reason = "248")]
const BELOW_LAST: u32 = (WINDOW * (DIGITS - 1)) as u32;

/// Multiples `d 2^(8 w) P`, `d = 1..=128`, `w = 0..32`, of a fixed point `P`: 256 kB.
#[derive(Debug, Clone)]
pub struct FixedBase {
    /// Window by window. Empty for the identity, whose multiples are all the identity.
    table: Vec<Xy>,
}

impl FixedBase {
    /// Builds the table: about 0.5 ms.
    #[must_use]
    pub fn new(base: &Affine) -> Self {
        let powers = powers(base);
        let Some(powers) = Xy::collect(&powers) else { return Self { table: Vec::new() } };
        let mut adder = BatchAdder::default();
        // Row d - 1 holds the d-th multiples of all powers. No exception occurs: d P = +-P only for d = 1 and order - 1.
        let mut rows = vec![powers.clone()];
        let mut twice = powers.clone();
        adder.double_all(&mut twice);
        let mut row = twice;
        for _ in 1..ENTRIES {
            rows.push(row.clone());
            let _none = adder.add_assign(&mut row, |w| powers.get(w).map(Signed::plus));
        }
        let table = (0..DIGITS).flat_map(|w| rows.iter().filter_map(move |row| row.get(w).copied())).collect();
        Self { table }
    }

    /// `x P` in variable time: 32 mixed additions, about 6.5 us.
    #[must_use]
    pub fn mul(&self, x: &Scalar) -> Point {
        let entries = digits(x).into_iter().enumerate().filter_map(|(w, digit)| self.entry(w, digit));
        entries.fold(group::identity(), |sum, entry| sum + entry.value().to_affine())
    }

    /// `x_i P` in lockstep; `None` if one of them is the identity.
    ///
    /// Every sum starts at `S = 2^248 P`, an entry of the table, and adds the digits of `x_i - 2^248`.
    fn mul_all(&self, multipliers: &[Scalar]) -> Option<Vec<Xy>> {
        let start = self.entry(DIGITS - 1, 1)?.value();
        let offset = scalar::pow2(BELOW_LAST);
        let digits: Vec<_> = multipliers.iter().map(|x| digits(&(x - offset))).collect();
        let mut sums = vec![start; multipliers.len()];
        let mut adder = BatchAdder::default();
        let mut spoiled = Vec::new();
        for w in 0..DIGITS {
            spoiled.extend(adder.add_assign(&mut sums, |i| self.entry(w, *digits.get(i)?.get(w)?)));
        }
        for i in spoiled {
            *sums.get_mut(i)? = Xy::new(&group::affine(&self.mul(multipliers.get(i)?)))?;
        }
        Some(sums)
    }

    /// `digit 2^(8 w) P`; `None` for zero.
    #[expect(clippy::arithmetic_side_effects, reason = "w is below DIGITS")]
    #[inline]
    fn entry(&self, w: usize, digit: i16) -> Option<Signed<'_>> {
        let multiple = usize::from(digit.unsigned_abs()).checked_sub(1)?;
        self.table.get(w * ENTRIES + multiple).map(|point| Signed { point, negative: digit < 0 })
    }
}

/// `2^(8 w) P`, `w = 0..32`.
fn powers(base: &Affine) -> Vec<Affine> {
    let next = |p: &Point| Some((0..WINDOW).fold(*p, |p, _| p.double()));
    let powers: Vec<_> = std::iter::successors(Some(Point::from(*base)), next).take(DIGITS).collect();
    group::normalize(&powers)
}

/// Signed base-256 digits in `-128..128`. The last takes no carry out: a scalar is below 2^255.
#[expect(clippy::arithmetic_side_effects, reason = "a byte and a carry have 9 bits")]
fn digits(x: &Scalar) -> [i16; DIGITS] {
    let mut carry = 0;
    scalar::encode(x).map(|byte| {
        let digit = i16::from(byte) + carry;
        carry = i16::from(digit >= 128);
        digit - 256 * carry
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pasta_curves::group::ff::Field;
    use std::collections::HashSet;

    /// Catalogue 46.
    #[test]
    fn generators_are_unrelated_in_every_visible_way() {
        let a = Generators::derive("test", 300);
        let b = Generators::derive("test 2", 300);
        let all = [&a, &b].map(|g| g.columns.iter().chain([&g.value, &g.blind]).copied().collect::<Vec<_>>()).concat();
        let coordinates = Xy::collect(&all).expect("no generator is the identity");
        let distinct: HashSet<_> = coordinates.iter().map(|p| format!("{:?}", p.x)).collect();
        assert_eq!(distinct.len(), 604, "equal or opposite generators");
    }

    /// Encodings that must never change: commitments under a label stay valid.
    #[test]
    fn known_encodings() {
        let generators = Generators::derive("zkdl", 2);
        let [g0, g1] = [generators.columns[0], generators.columns[1]];
        let encodings = [g0, g1, generators.value, generators.blind]
            .map(|p| group::encode(&p).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let expected = [
            "d5263c15402d909b5827670280c71c3cefd6ed22bf1627dbf373733d68cf6302",
            "61b034017a19f11bccbe0bd1d868cfa7cd84850563253ad18e41a83d1d48a19f",
            "ddc58b6f0cd076acc1d6838314fff58793f41a0f2537ea431e4e4a98b099808a",
            "4772724a72a96d4c86a0f11611789b58c767753cf3ac517c9b5176e0e9ba110d",
        ];
        assert_eq!(encodings, expected);
    }

    #[test]
    fn a_shorter_list_is_a_prefix() {
        let long = Generators::derive("test", 600);
        for n in [0, 1, 255, 256, 257] {
            let short = Generators::derive("test", n);
            assert_eq!(short.columns, long.columns[..n]);
            assert_eq!((short.value, short.blind), (long.value, long.blind));
        }
        for stretch in [0..0, 3..3, 1..2, 255..513, 300..600] {
            assert_eq!(derive_columns("test", stretch.clone()), long.columns[stretch]);
        }
    }

    #[test]
    fn fixed_base_multiples() {
        let generators = Generators::derive("test", 1);
        let special =
            [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, Scalar::from(128), scalar::pow2(248), -scalar::pow2(255)];
        let random = (0..20).map(|_| scalar::random().unwrap());
        for x in special.into_iter().chain(random) {
            assert_eq!(FixedBase::new(&generators.blind).mul(&x), generators.blind * x, "{x:?}");
            let y = x.square() + Scalar::from(7);
            assert_eq!(generators.commit(&x, &y), generators.value * x + generators.blind * y);
        }
        assert!(group::is_identity(&FixedBase::new(&group::affine(&group::identity())).mul(&Scalar::from(5))));
    }

    #[test]
    fn many_blinds() {
        let generators = Generators::derive("test", 0);
        let offset = scalar::pow2(248);
        let mut blinds: Vec<_> = (0..600).map(|_| scalar::random().unwrap()).collect();
        blinds.extend([Scalar::ONE, offset, offset.double(), -offset, offset - Scalar::ONE]);
        let expected: Vec<_> =
            blinds.iter().map(|r| Xy::new(&group::affine(&(generators.blind * r))).unwrap()).collect();
        assert_eq!(generators.blinds(&blinds), Ok(expected));
        assert_eq!(generators.blinds(&[]), Ok(Vec::new()));
        blinds.push(Scalar::ZERO);
        assert_eq!(generators.blinds(&blinds), Err(ZeroBlind));
    }
}
