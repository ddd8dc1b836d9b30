//! Cheats in answers about near-duplicates: one point is near one query, and an answer says that none is.

use crate::messages::plus_one;
use proptest::prelude::*;
use std::collections::BTreeSet;
use zkdl::VerifyError;
use zkdl::{Query, Question};
use zkdl_arguments::near::{self, Claim, distance};
use zkdl_cheat::harness::{Counter, Tamper, Tap, said, untouched};
use zkdl_cheat::near::Equation::{Boolean, Distance, Padding};
use zkdl_cheat::near::{Equation, NearCase, Rows, Said, obligations, prove_plain, violated};
use zkdl_cheat::sample::Draw;
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::quantiser::ValueRange;
use zkdl_field::multilinear::log2_ceil;
use zkdl_field::scalar::from_i64;
use zkdl_field::{Field, Scalar};

const WIDTH: usize = 3;
const CLASSES: u32 = 2;
const POINTS: [[i32; WIDTH]; 5] = [[0, 0, 0], [4, 5, -3], [9, 1, 7], [-9, 19, 2], [15, -2, 0]];
const LABELS: [u32; 5] = [0, 1, 1, 0, 1];
const QUERIES: [[i32; WIDTH]; 3] = [[7, 8, 19], [5, 5, -2], [-9, -9, -9]];
const THETA: u64 = 13;
/// The point that is near, and the pair that it is with the second query: at a squared distance of 2, 12 below the least that is
/// far.
const POINT: usize = 1;
const PAIR: usize = POINTS.len() + POINT;
/// At most 3 * 28^2 - 14 above the threshold: twelve bits of sixteen.
const BITS: usize = 12;
const CELL: usize = 16;
/// As long as the near point, and 55 more: enough to be far, and not too far from any query.
const ELSEWHERE: [i32; WIDTH] = [4, 5, 8];
const MOVED: u64 = 55;

fn case(queries: &[[i32; WIDTH]]) -> NearCase {
    let range = ValueRange { min: -9, max: 19 };
    let data = Descriptor { near: THETA, ..Descriptor::uniform(POINTS.len() as u32, WIDTH as u32, CLASSES, range, 2) };
    let queries = queries.iter().map(|x| Query { features: x.to_vec(), label: None }).collect();
    NearCase::new(Question { data, nonce: [3; 32], context: None, within: true, queries })
}

/// Squared distances less threshold and 1, modulo 2^64.
fn above(claim: &Claim<'_>) -> Vec<u64> {
    let of = |q: &[i32]| POINTS.map(|x| distance(q, &x).wrapping_sub(THETA + 1));
    claim.queries.iter().flat_map(|q| of(q)).collect()
}

fn rows(claim: &Claim<'_>, above: &[u64]) -> Rows {
    Rows::new(claim, &POINTS.concat(), &LABELS, above)
}

/// The truth, but for the near pair, which has these bits.
fn with_bits(claim: &Claim<'_>, bits: &[(usize, i64)]) -> Rows {
    let mut rows = rows(claim, &above(claim));
    rows.bits[PAIR].fill(Scalar::ZERO);
    bits.iter().for_each(|(l, bit)| rows.bits[PAIR][*l] = from_i64(*bit));
    rows
}

/// What is violated, and what does not hold: products and queries.
type Expected<'a> = (&'a [Equation], [&'a [&'static str]; 2]);

/// Judges rows and what is said of them; how the challenges fall decides whether there is an answer at all.
fn judge(name: &str, case: &NearCase, rows: &Rows, said: &Said, (equations, claims): Expected<'_>) {
    judge_altered(name, case, rows, said, &untouched(), (equations, claims));
}

fn judge_altered(name: &str, case: &NearCase, rows: &Rows, said: &Said, tamper: &Tamper, expected: Expected<'_>) {
    let (equations, claims) = expected;
    assert_eq!(violated(&case.claim(), rows), equations, "{name}");
    let answer = (0..64).find_map(|_| case.attempt(rows, said, tamper).unwrap());
    let (verdict, failing) = answer.unwrap();
    assert_eq!(failing, claims, "{name}");
    let error = match claims {
        [[], []] => None,
        [[], _] => Some(VerifyError::Opening),
        [[which, ..], _] => Some(VerifyError::Product { which }),
    };
    assert_eq!(verdict.err(), error, "{name}");
}

#[test]
fn the_truth_passes_where_no_point_is_near() {
    let case = case(&[QUERIES[0], QUERIES[2]]);
    let claim = case.claim();
    assert_eq!((8 * claim.cell_bytes(), claim.row_columns / CELL), (CELL, 2), "rows of several cells, the last short");
    let rows = rows(&claim, &above(&claim));
    judge("honest", &case, &rows, &Said::honest(&claim, &rows), (&[], [&[], &[]]));
}

/// Catalogue 50, 57, 97: the point is said to be longer than it is, and all bits fit: only the squares tell.
#[test]
fn lengths_of_other_points_are_rejected() {
    let case = case(&QUERIES);
    let claim = case.claim();
    let mut above = above(&claim);
    above.iter_mut().skip(POINT).step_by(POINTS.len()).for_each(|u| *u = u.wrapping_add(MOVED));
    assert!(above.iter().all(|u| *u < 1 << BITS));
    let rows = rows(&claim, &above);
    let honest = Said::honest(&claim, &rows);
    let elsewhere = honest.clone().moved(POINT, &ELSEWHERE);
    let longer = Said { lengths: elsewhere.lengths.clone(), ..honest.clone() };
    assert_eq!(longer.lengths[POINT] - honest.lengths[POINT], Scalar::from(MOVED));
    let cases: [(&str, Said, [&[&str]; 2]); 4] = [
        ("the truth about squares", honest, [&[], &["distances"]]),
        ("a false sum of squares", longer.clone(), [&["squares"], &[]]),
        ("a false sum, and y to fit", Said { fitting: true, ..longer }, [&[], &["squares"]]),
        ("squares of another point", elsewhere, [&[], &["squares"]]),
    ];
    for (name, said, claims) in cases {
        judge(name, &case, &rows, &said, (&[Distance], claims));
    }
}

/// Of the number 12 below zero.
const NO_BITS: [(&str, &[(usize, i64)]); 4] = [
    ("all in the lowest", &[(0, -12)]),
    ("-1 and -1", &[(2, -1), (3, -1)]),
    ("2 and boolean ones, less the highest", &[(BITS - 1, -1), (BITS - 2, 1), (BITS - 3, 1), (BITS - 4, 2), (2, -3)]),
    ("-16 + 4", &[(4, -1), (2, 1)]),
];

/// Catalogue 66, 97: the bits are worth the negative number that the distances ask for, and are none.
#[test]
fn bits_that_are_none_are_rejected() {
    let case = case(&QUERIES);
    let claim = case.claim();
    for (name, bits) in NO_BITS {
        let rows = with_bits(&claim, bits);
        judge(name, &case, &rows, &Said::honest(&claim, &rows), (&[Boolean], [&["booleanity"], &[]]));
    }
}

/// Catalogue 57, 66: and booleanity is proven of others, which are bits.
#[test]
fn booleanity_of_other_bits_is_rejected() {
    let case = case(&QUERIES);
    let claim = case.claim();
    for (name, bits) in NO_BITS {
        let rows = with_bits(&claim, bits);
        for other in [vec![], vec![(0, 1)], vec![(BITS - 1, 1), (CELL - 1, 1)]] {
            let said = Said { bits: with_bits(&claim, &other).bits, ..Said::honest(&claim, &rows) };
            judge(name, &case, &rows, &said, (&[Boolean], [&[], &["bits"]]));
        }
    }
}

/// Catalogue 42, 72, 97: bits of another number than the negative one: wrapped, any other, of another pair.
#[test]
fn bits_of_another_number_are_rejected() {
    let case = case(&QUERIES);
    let claim = case.claim();
    let truth = above(&claim);
    let forced = |u: u64| {
        let mut above = truth.clone();
        above[PAIR] = u;
        rows(&claim, &above)
    };
    let cases: [(&str, u64, &[Equation]); 6] = [
        ("modulo the bits in use", truth[PAIR] % (1 << BITS), &[Distance]),
        ("modulo the bits of a cell", truth[PAIR] % (1 << CELL), &[Padding, Distance]),
        ("0", 0, &[Distance]),
        ("the distance itself", 2, &[Distance]),
        ("the largest number", (1 << BITS) - 1, &[Distance]),
        ("padding alone", 1 << BITS, &[Padding, Distance]),
    ];
    for (name, u, equations) in cases {
        let rows = forced(u);
        judge(name, &case, &rows, &Said::honest(&claim, &rows), (equations, [&[], &["distances"]]));
    }
    for other in [PAIR - 1, PAIR + POINTS.len()] {
        let rows = forced(truth[other]);
        judge("another pair", &case, &rows, &Said::honest(&claim, &rows), (&[Distance], [&[], &["distances"]]));
    }
}

/// Catalogue 50, 51, 57: messages altered, and all that follows made to fit; no point is near.
#[test]
fn messages_altered() {
    let case = case(&[QUERIES[0], QUERIES[2]]);
    let claim = case.claim();
    let rows = rows(&claim, &above(&claim));
    let said = Said::honest(&claim, &rows);
    let squares = 2 * log2_ceil(WIDTH) + 3 * log2_ceil(POINTS.len());
    let (bit, cell) = (3 * log2_ceil(CELL), 3 * (log2_ceil(POINTS.len()) + log2_ceil(claim.queries.len())));
    let values: [(&'static str, usize, [&[&str]; 2]); 3] = [
        ("squares.v", 1, [&["squares"], &["distances"]]),
        ("squares.x", 1, [&["squares"], &["squares"]]),
        ("booleanity.b", 1, [&["booleanity"], &["bits"]]),
    ];
    let rounds: [(&'static str, usize, [&[&str]; 2]); 3] = [
        ("squares.round", squares, [&["squares"], &[]]),
        ("booleanity.bit", bit, [&["booleanity"], &[]]),
        ("booleanity.cell", cell, [&["booleanity"], &[]]),
    ];
    for (message, n, claims) in values.into_iter().chain(rounds) {
        for nth in BTreeSet::from([0, n / 2, n - 1]) {
            judge_altered(message, &case, &rows, &said, &plus_one(message, nth), (&[], claims));
        }
        // There are no more: nothing is altered.
        judge_altered(message, &case, &rows, &said, &plus_one(message, n), (&[], [&[], &[]]));
    }
}

/// A random question with an answer: points, labels, queries, the threshold just below the least distance or anything less.
fn far(draw: &mut Draw, [points, width, queries]: [usize; 3], bound: i32) -> Option<(Vec<i32>, Vec<Vec<i32>>, u64)> {
    let mut point = || (0..width).map(|_| draw.between(-i128::from(bound), i128::from(bound)) as i32).collect();
    let data: Vec<Vec<i32>> = (0..points).map(|_| point()).collect();
    let queries: Vec<Vec<i32>> = (0..queries).map(|_| point()).collect();
    let least = data.iter().flat_map(|x| queries.iter().map(|q| distance(q, x))).min()?.checked_sub(1)?;
    let theta = [least, draw.between(0, i128::from(least)) as u64][draw.word() as usize % 2];
    Some((data.concat(), queries, theta))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Catalogue 94: the shipped prover says what the plain one says, and every claim holds.
    #[test]
    fn the_shipped_prover_is_its_plain_twin(
        points in prop_oneof![1usize..10, 1usize..150],
        width in 1usize..40,
        queries in 1usize..8,
        bound in prop_oneof![Just(1i32), Just(9), Just((1 << 20) - 1)],
        (classes, log_columns) in (1u32..6, 6usize..12),
        seed: u64,
    ) {
        let draw = &mut Draw(seed);
        let drawn = far(draw, [points, width, queries], bound);
        prop_assume!(drawn.is_some());
        let (features, queries, theta) = drawn.unwrap();
        let labels: Vec<u32> = (0..points).map(|_| draw.between(0, i128::from(classes) - 1) as u32).collect();
        let farthest = width as u64 * (2 * bound as u64).pow(2);
        let queries = queries.iter().map(Vec::as_slice).collect();
        let claim = Claim { points, classes: classes as usize, queries, theta, farthest, row_columns: 1 << log_columns };
        let cells = claim.pack(&features).unwrap();
        let pairs = claim.queries.iter().flat_map(|q| features.chunks(width).map(move |x| distance(q, x) - theta - 1));
        let rows = Rows::new(&claim, &features, &labels, &pairs.collect::<Vec<_>>());
        prop_assert_eq!(violated(&claim, &rows), vec![]);
        let tamper = untouched();
        let mut fast = Tap::new(Counter::new(seed), &tamper);
        near::prove(&mut fast, &claim, &features, &cells, &mut |_| ());
        let mut plain = Tap::new(Counter::new(seed), &tamper);
        prove_plain(&mut plain, &claim, &Said::honest(&claim, &rows)).unwrap();
        prop_assert_eq!(said(&fast.events), said(&plain.events));
        let all = obligations(&claim, &fast.events).unwrap();
        prop_assert_eq!(zkdl_cheat::data::failing(&all, &rows.committed(&claim)), Vec::<&str>::new());
    }
}
