//! The table committer, the hot loop of the prover: `sum_j m_j G_j + r H` for many rows of bytes.
//!
//! All rows share the generators, so the generators are grouped in *positions*, one for each byte of a row, and every
//! position has a table of 256 points: byte `v` costs ONE group addition, whatever its bits are.
//!
//! | rows hold | position `p` | entry `v` |
//! |---|---|---|
//! | bits ([`commit_bits`]) | columns `8 p .. 8 p + 8` | sum of the columns at the bits of `v` |
//! | unsigned bytes ([`commit_bytes`]) | column `p` | `v G_p` |
//!
//! The second is the first for the generators `G, 2 G, 4 G, .., 128 G`: one construction serves both.
//!
//! **Many rows**: position by position, all rows at once. Row `i` starts at its blind `r_i H` and adds its entry; the
//! additions of a chunk of rows are affine and share one inversion, and the 16 kB table stays in the first-level cache.
//!
//! **Few rows**: a table of 256 entries would not pay. Four-bit tables, or none, and the entries of a row are summed in a
//! balanced tree.
//!
//! Memory accesses and time depend on the bytes, which are secret: an observer of the prover's caches could learn them.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "prover only: positions, digits and rows of its own bytes"
)]

use std::ops::Range;

use rayon::prelude::*;
use zkdl_field::batch::{BatchAdder, PointLists, Signed, Xy};
use zkdl_field::group::{identity, normalize};
use zkdl_field::{Affine, Point};

/// Bits of a byte, and generators of a position.
const BITS: usize = 8;

/// Rows that share an inversion: their accumulators and divisions fill about 128 kB.
const CHUNK: usize = 2048;

/// Positions whose tables are built together (128 kB), and whose bytes of a row are fetched together.
const PART: usize = 8;

/// From this many rows on, tables of 256 entries pay: 247 additions to build one, and one a row, are then fewer than 22
/// and 15/8 a row for two tables of 16 entries. Measured: a tie from 192 to 256 rows.
const MANY: usize = 224;

/// From this many rows on, tables of 16 entries pay: without tables it is half an addition a bit. Measured: a tie at 8.
const SOME: usize = 10;

/// Commits rows of bits: bit `i` of byte `p` belongs to column `8 p + i`. Row `i` becomes
/// `sum_j bit_j G_j + blinds[i]`; rows may have different lengths.
///
/// There is one commitment a row (the shorter of `rows` and `blinds` decides). Bits beyond the last column have no
/// generator and are ignored. About 45 ns a nonzero byte and 13 us a position, on one thread with AVX-512 IFMA, from 224 rows on.
#[must_use]
pub fn commit_bits(columns: &[Affine], rows: &[&[u8]], blinds: &[Xy]) -> Vec<Affine> {
    commit(&Positions::Bits(columns), rows, blinds)
}

/// Commits rows of unsigned integers below 256: byte `p` belongs to column `p`. Row `i` becomes
/// `sum_p byte_p G_p + blinds[i]`; rows may have different lengths.
///
/// There is one commitment a row (the shorter of `rows` and `blinds` decides). Bytes beyond the last column have no
/// generator and are ignored. Cost as [`commit_bits`].
#[must_use]
pub fn commit_bytes(columns: &[Affine], rows: &[&[u8]], blinds: &[Xy]) -> Vec<Affine> {
    commit(&Positions::Bytes(columns), rows, blinds)
}

fn commit(positions: &Positions<'_>, rows: &[&[u8]], blinds: &[Xy]) -> Vec<Affine> {
    let rows = &rows[..rows.len().min(blinds.len())];
    let blinds = &blinds[..rows.len()];
    let sums = if rows.len() >= MANY { many_rows(positions, rows, blinds) } else { few_rows(positions, rows, blinds) };
    // No table without exceptional points: generators that were not hashed to the curve.
    sums.unwrap_or_else(|| one_by_one(positions, rows, blinds))
}

/// The generators of every byte of a row.
#[derive(Debug, Clone, Copy)]
enum Positions<'a> {
    Bits(&'a [Affine]),
    Bytes(&'a [Affine]),
}

impl Positions<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Bits(columns) => columns.len().div_ceil(BITS),
            Self::Bytes(columns) => columns.len(),
        }
    }

    /// The part of a row's byte that has generators.
    fn byte(&self, row: &[u8], position: usize) -> u8 {
        let byte = row.get(position).copied().unwrap_or(0);
        match self {
            Self::Bits(columns) => {
                let missing = ((position + 1) * BITS).saturating_sub(columns.len());
                byte & 0xffu8.checked_shr(missing as u32).unwrap_or(0)
            }
            Self::Bytes(columns) => {
                if position < columns.len() {
                    byte
                } else {
                    0
                }
            }
        }
    }

    /// Eight generators for each position of the part; fewer for a last position of bits. `None` if one is the identity.
    fn generators(&self, part: Range<usize>) -> Option<Vec<Xy>> {
        match self {
            Self::Bits(columns) => {
                let end = columns.len().min(part.end * BITS);
                Xy::collect(&columns[(part.start * BITS).min(end)..end])
            }
            Self::Bytes(columns) => Some(powers_of_two(Xy::collect(&columns[part])?)),
        }
    }
}

/// `G, 2 G, 4 G, .., 128 G` for every `G`.
fn powers_of_two(mut points: Vec<Xy>) -> Vec<Xy> {
    let mut adder = BatchAdder::default();
    let mut doublings = Vec::with_capacity(BITS);
    for _ in 0..BITS {
        doublings.push(points.clone());
        adder.double_all(&mut points);
    }
    (0..points.len()).flat_map(|p| doublings.iter().filter_map(move |row| row.get(p).copied())).collect()
}

/// Subset sums of groups of `width` consecutive generators, for a part of the positions.
struct Tables {
    part: Range<usize>,
    width: usize,
    /// Group by group, `2^width` entries each. Entry 0 is never read, nor are subsets of generators that do not exist.
    entries: Vec<Xy>,
}

impl Tables {
    /// One lockstep addition an entry: subset `2^k + s` is generator `k` plus subset `s`. `None` if a sum is the identity.
    fn new(positions: &Positions<'_>, part: Range<usize>, width: usize) -> Option<Self> {
        let mut adder = BatchAdder::default();
        let generators = positions.generators(part.clone())?;
        let filler = *generators.first()?;
        let groups = generators.len().div_ceil(width);
        let generator = |group: usize, k: usize| generators.get(group * width + k);
        // All groups side by side, subset-major: row s holds subset s of every group.
        let mut rows = vec![filler; groups];
        for k in 0..width {
            let mut upper: Vec<Xy> = rows.clone();
            for (group, entry) in upper.iter_mut().take(groups).enumerate() {
                *entry = generator(group, k).copied().unwrap_or(filler);
            }
            let addend = |i: usize| if i < groups { None } else { generator(i % groups, k).map(Signed::plus) };
            if !adder.add_assign(&mut upper, addend).is_empty() {
                return None;
            }
            rows.append(&mut upper);
        }
        let entries = (0..groups).flat_map(|group| rows.iter().skip(group).step_by(groups).copied()).collect();
        Some(Self { part, width, entries })
    }

    /// The entry of a digit of this width; `None` for zero.
    #[inline]
    fn entry(&self, group: usize, digit: usize) -> Option<&Xy> {
        if digit == 0 { None } else { self.entries.get((group << self.width) + digit) }
    }
}

/// A chunk of rows on its way through the positions.
struct Chunk<'a> {
    rows: &'a [&'a [u8]],
    sums: Vec<Xy>,
    /// Rows that met the identity on their way: their sum means nothing.
    spoiled: Vec<usize>,
    adder: BatchAdder,
}

impl<'a> Chunk<'a> {
    fn new(rows: &'a [&'a [u8]], blinds: &[Xy]) -> Self {
        Self { rows, sums: blinds.to_vec(), spoiled: Vec::new(), adder: BatchAdder::default() }
    }

    /// Adds the entries of a part of the positions.
    fn absorb(&mut self, positions: &Positions<'_>, tables: &Tables) {
        let part_of_row = |row: &&[u8]| std::array::from_fn(|k| positions.byte(row, tables.part.start + k));
        let bytes: Vec<[u8; PART]> = self.rows.iter().map(part_of_row).collect();
        for group in 0..tables.part.len() {
            let addend = |i: usize| tables.entry(group, usize::from(*bytes.get(i)?.get(group)?)).map(Signed::plus);
            self.spoiled.extend(self.adder.add_assign(&mut self.sums, addend));
        }
    }

    fn finish(self, positions: &Positions<'_>, blinds: &[Xy]) -> Vec<Affine> {
        let mut out: Vec<_> = self.sums.iter().map(Xy::to_affine).collect();
        for i in self.spoiled {
            out[i..=i].copy_from_slice(&one_by_one(positions, &self.rows[i..=i], &blinds[i..=i]));
        }
        out
    }
}

fn many_rows(positions: &Positions<'_>, rows: &[&[u8]], blinds: &[Xy]) -> Option<Vec<Affine>> {
    let size = rows.len().div_ceil(chunk_count(rows.len(), rayon::current_num_threads()));
    let mut chunks: Vec<_> =
        rows.par_chunks(size).zip(blinds.par_chunks(size)).map(|(r, b)| Chunk::new(r, b)).collect();
    // Every thread builds some tables, then all use all of them.
    for parts in parts(positions, rows, PART).chunks(rayon::current_num_threads().max(2)) {
        let tables: Option<Vec<_>> = parts.par_iter().map(|part| Tables::new(positions, part.clone(), BITS)).collect();
        let tables = tables?;
        chunks.par_iter_mut().for_each(|chunk| tables.iter().for_each(|t| chunk.absorb(positions, t)));
    }
    let finished = chunks.into_par_iter().zip(blinds.par_chunks(size)).map(|(chunk, b)| chunk.finish(positions, b));
    Some(finished.collect::<Vec<_>>().concat())
}

/// As many chunks as keep all threads busy to the end.
fn chunk_count(rows: usize, threads: usize) -> usize {
    rows.div_ceil(CHUNK).max(1).next_multiple_of(threads)
}

/// The positions that occur in a row, in parts.
fn parts(positions: &Positions<'_>, rows: &[&[u8]], size: usize) -> Vec<Range<usize>> {
    let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let end = positions.len().min(longest);
    (0..end).step_by(size).map(|start| start..end.min(start + size)).collect()
}

fn few_rows(positions: &Positions<'_>, rows: &[&[u8]], blinds: &[Xy]) -> Option<Vec<Affine>> {
    let width = if rows.len() < SOME { 1 } else { 4 };
    let size = PART.max(CHUNK / rows.len().max(1));
    let part_sums = |part| Some(part_sums(&Tables::new(positions, part, width)?, positions, rows));
    let partial_sums: Option<Vec<_>> = parts(positions, rows, size).into_par_iter().map(part_sums).collect();
    let partial_sums = partial_sums?;
    let total = |(i, blind): (usize, &Xy)| {
        let parts = partial_sums.iter().filter_map(|sums| sums.get(i).copied().flatten());
        parts.fold(Point::from(blind.to_affine()), |sum, part| sum + part.to_affine())
    };
    Some(normalize(&blinds.iter().enumerate().map(total).collect::<Vec<_>>()))
}

/// The sum of the entries of every row, for a part of the positions.
fn part_sums(tables: &Tables, positions: &Positions<'_>, rows: &[&[u8]]) -> Vec<Option<Xy>> {
    let digits_of_byte = BITS / tables.width;
    let mask = (1 << tables.width) - 1;
    let mut points = Vec::new();
    let mut lengths = Vec::with_capacity(rows.len());
    for row in rows {
        let before = points.len();
        for (i, position) in tables.part.clone().enumerate() {
            let byte = usize::from(positions.byte(row, position));
            let digits = (0..digits_of_byte).map(|k| (byte >> (k * tables.width)) & mask);
            let groups = i * digits_of_byte..;
            points.extend(groups.zip(digits).filter_map(|(group, digit)| tables.entry(group, digit).copied()));
        }
        lengths.push(points.len() - before);
    }
    PointLists::new(points, lengths).sum(&mut BatchAdder::default())
}

/// The definition, with projective additions: for rows whose sums meet the identity, and for tests.
fn one_by_one(positions: &Positions<'_>, rows: &[&[u8]], blinds: &[Xy]) -> Vec<Affine> {
    let row_sum = |(row, blind): (&&[u8], &Xy)| {
        let terms = row.iter().enumerate().map(|(position, &byte)| positions.term(position, byte));
        terms.fold(Point::from(blind.to_affine()), |sum, term| sum + term)
    };
    normalize(&rows.iter().zip(blinds).map(row_sum).collect::<Vec<_>>())
}

impl Positions<'_> {
    /// What a byte at a position contributes.
    fn term(&self, position: usize, byte: u8) -> Point {
        match self {
            Self::Bits(columns) => {
                let columns = columns.iter().skip(position * BITS).take(BITS);
                columns.enumerate().filter(|(i, _)| byte >> i & 1 == 1).map(|(_, column)| Point::from(*column)).sum()
            }
            Self::Bytes(columns) => {
                let column = columns.get(position).map_or(identity(), |column| Point::from(*column));
                (0..BITS).rev().fold(identity(), |sum, i| {
                    let twice = sum + sum;
                    if byte >> i & 1 == 1 { twice + column } else { twice }
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zkdl_field::generators::Generators;
    use zkdl_field::group::affine;
    use zkdl_field::scalar::{Scalar, random};

    fn blinds(generators: &Generators, n: usize) -> Vec<Xy> {
        generators.blinds(&(0..n).map(|_| random().unwrap()).collect::<Vec<_>>()).unwrap()
    }

    /// The definition, column by column.
    fn commit_plain(columns: &[Affine], row: &[u64], blind: &Xy) -> Affine {
        let term = |(n, column): (&u64, &Affine)| match n {
            0 => identity(),
            1 => Point::from(*column),
            _ => *column * Scalar::from(*n),
        };
        let sum: Point = row.iter().zip(columns).map(term).sum();
        affine(&(sum + blind.to_affine()))
    }

    fn bits(row: &[u8]) -> Vec<u64> {
        row.iter().flat_map(|byte| (0..8).map(move |i| u64::from(byte >> i & 1))).collect()
    }

    fn check(generators: &Generators, rows: &[Vec<u8>]) {
        let blinds = blinds(generators, rows.len());
        let slices: Vec<_> = rows.iter().map(Vec::as_slice).collect();
        let columns = &generators.columns;
        let bits_plain: Vec<_> = rows.iter().zip(&blinds).map(|(r, b)| commit_plain(columns, &bits(r), b)).collect();
        assert_eq!(commit_bits(columns, &slices, &blinds), bits_plain);
        let bytes = |row: &[u8]| row.iter().map(|b| u64::from(*b)).collect::<Vec<_>>();
        let bytes_plain: Vec<_> = rows.iter().zip(&blinds).map(|(r, b)| commit_plain(columns, &bytes(r), b)).collect();
        assert_eq!(commit_bytes(columns, &slices, &blinds), bytes_plain);
    }

    fn pseudo_random_row(seed: usize, length: usize) -> Vec<u8> {
        (0..length as u64)
            .map(|p| ((seed as u64 * 1_000_003 + p).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
            .collect()
    }

    #[test]
    fn every_number_of_rows() {
        let generators = Generators::derive("table", 45);
        for n in [0, 1, 2, SOME - 1, SOME, SOME + 1, MANY - 1, MANY, MANY + 1] {
            check(&generators, &(0..n).map(|i| pseudo_random_row(i, 5)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn several_chunks_and_parts() {
        let generators = Generators::derive("table", 300);
        let rows: Vec<_> = (0..2100).map(|i| if i % 50 == 0 { pseudo_random_row(i, 37) } else { vec![] }).collect();
        check(&generators, &rows);
    }

    #[test]
    fn ragged_constant_and_overlong_rows() {
        let generators = Generators::derive("table", 61);
        for n in [3, 40, MANY] {
            let rows = (0..n).map(|i| match i % 4 {
                0 => vec![0; 8],
                1 => vec![0xff; i % 12],
                2 => pseudo_random_row(i, i % 7),
                _ => vec![0x80; 100],
            });
            check(&generators, &rows.collect::<Vec<_>>());
        }
    }

    /// Columns and blinds that cancel each other, in tables and in accumulators.
    #[test]
    fn related_generators() {
        let base = Generators::derive("table", 4);
        let [p, q] = [base.columns[0], base.columns[1]];
        for columns in [vec![p, -p, q, p, p, affine(&identity())], vec![p, q, affine(&(p + q)), base.columns[2], -p, q]]
        {
            for n in [1, 20, MANY + 3] {
                let rows: Vec<_> = (0..n).map(|i| vec![i as u8, (i / 3) as u8]).collect();
                let blinds: Vec<_> =
                    [-p, p, q, base.blind].iter().cycle().take(n).map(|b| Xy::new(b).unwrap()).collect();
                let slices: Vec<_> = rows.iter().map(Vec::as_slice).collect();
                let plain: Vec<_> =
                    rows.iter().zip(&blinds).map(|(r, b)| commit_plain(&columns, &bits(r), b)).collect();
                assert_eq!(commit_bits(&columns, &slices, &blinds), plain);
            }
        }
    }

    #[test]
    fn blinds_that_cancel_a_row() {
        let base = Generators::derive("table", 16);
        let opposite = Xy::new(&-base.columns[3]).unwrap();
        let rows = vec![[8u8, 5].as_slice(); MANY];
        let expected = affine(&(base.columns[8] + base.columns[10]));
        assert_eq!(commit_bits(&base.columns, &rows, &vec![opposite; MANY]), vec![expected; MANY]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn equals_its_plain_twin(
            columns in 0usize..70,
            rows in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..10), 0..20),
            copies in prop::sample::select(vec![1usize, 20]),
        ) {
            check(&Generators::derive("table", columns), &vec![rows; copies].concat());
        }
    }
}
