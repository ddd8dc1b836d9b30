//! Cheats in a committed data set: values out of range, labels that are not one-hot, slack, bits that are none.

use proptest::prelude::*;
use std::ops::RangeInclusive;
use zkdl::VerifyError;
use zkdl_arguments::ranges::{self, Layout};
use zkdl_cheat::data::{DataCase, Rows, failing, obligations, prove_plain};
use zkdl_cheat::harness::{Counter, Tap, said, untouched};
use zkdl_cheat::sample::Draw;
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::quantiser::ValueRange;
use zkdl_field::scalar::from_i64;
use zkdl_field::{Field, Scalar};

const LOG_COLUMNS: u32 = 8;
/// -3 ..= 8: three bits of weights 1, 2, 4 and one of weight 4.
const FEATURES: usize = 4;
const CLASSES: usize = 3;
const LABEL_BITS: usize = 4 * FEATURES;
const PADDING: usize = LABEL_BITS + CLASSES;

fn case() -> DataCase {
    let data = Descriptor::uniform(5, FEATURES as u32, CLASSES as u32, ValueRange { min: -3, max: 8 }, 2);
    DataCase::new(data, LOG_COLUMNS)
}

fn honest(case: &DataCase) -> Rows {
    let features = [-3, 8, 0, 1, 4, 5, -1, -2, 7, 6, 3, 2, 0, 0, 0, 0, 8, 8, 8, -3];
    Rows::honest(&case.layout, &features, &[0, 2, 1, 1, 0], CLASSES as u32).unwrap()
}

const BITS: VerifyError = VerifyError::Product { which: "booleanity" };

type Change = Box<dyn Fn(&mut Rows)>;

fn data(column: usize, value: Scalar) -> Change {
    Box::new(move |rows| {
        let row = &mut rows.data[1];
        row.resize(row.len().max(column + 1), Scalar::ZERO);
        row[column] = value;
    })
}

fn bits(changes: &'static [(usize, i64)]) -> Change {
    Box::new(move |rows| changes.iter().for_each(|(bit, value)| rows.bits[1][*bit] = from_i64(*value)))
}

fn both(first: Change, second: Change) -> Change {
    Box::new(move |rows| {
        first(rows);
        second(rows);
    })
}

fn judge(name: &str, error: Option<VerifyError>, claims: &[&str], change: &Change) {
    let case = case();
    let mut rows = honest(&case);
    change(&mut rows);
    let (verdict, failing) = case.attempt(&rows, &rows).unwrap();
    assert_eq!(verdict.err(), error, "{name}");
    assert_eq!(failing, claims, "{name}");
}

/// Values that no bits stand for, each with "bits" that recompose it. Feature 1 of point 1 is 5: 8 above the minimum, 4 + 4.
fn recomposed() -> Vec<(&'static str, Change)> {
    let half = Scalar::from(2).invert().unwrap();
    let bits_of_half: Change = Box::new(move |rows| {
        rows.bits[1][4..8].fill(Scalar::ZERO);
        rows.bits[1][4] = half;
    });
    vec![
        ("2 for a value above the range", both(data(1, from_i64(9)), bits(&[(6, 1), (7, 2)]))),
        ("-1 for a value below", both(data(1, from_i64(-4)), bits(&[(4, -1), (6, 0), (7, 0)]))),
        ("(2, -1) for the same sum", bits(&[(4, 2), (5, -1), (6, 1), (7, 1)])),
        ("a half for a half", both(data(1, half - Scalar::from(3)), bits_of_half)),
    ]
}

#[test]
fn honest_rows_pass() {
    let nothing: Change = Box::new(|_| {});
    judge("honest", None, &[], &nothing);
}

/// Catalogue 85: what no bits stand for: the equation of the column.
#[test]
fn features_out_of_range_are_rejected() {
    let half = Scalar::from(2).invert().unwrap();
    let changes = [
        ("above", data(0, Scalar::from(9))),
        ("below", data(1, from_i64(-4))),
        ("another value in range", data(1, from_i64(6))),
        ("a half", data(2, half)),
        ("huge", data(3, from_i64(i64::MAX))),
        // 4 + 1 of weight 4 + 4 is 8 + 4 - 3: every bit pattern is in range.
        ("all bits for more than the range", both(data(0, from_i64(9)), bits(&[(0, 1), (1, 1), (2, 1), (3, 1)]))),
    ];
    for (name, change) in changes {
        judge(name, Some(VerifyError::Opening), &["ranges"], &change);
    }
}

/// Catalogue 66, 85: the bits follow the value, and are none: booleanity.
#[test]
fn bits_that_are_none_are_rejected() {
    for (name, change) in recomposed() {
        judge(name, Some(BITS), &["booleanity"], &change);
    }
}

/// Catalogue 57, 66: the same committed, and booleanity proven of the honest bits, or of none.
#[test]
fn booleanity_of_other_bits_is_rejected() {
    let case = case();
    for (name, change) in recomposed() {
        let mut committed = honest(&case);
        change(&mut committed);
        let mut others = [committed.clone(), committed.clone()];
        others[0].bits = honest(&case).bits;
        others[1].bits[1].fill(Scalar::ZERO);
        for other in others {
            let (verdict, failing) = case.attempt(&committed, &other).unwrap();
            assert_eq!((verdict.err(), failing), (Some(VerifyError::Opening), vec!["bits"]), "{name}");
        }
    }
}

/// Catalogue 84.
#[test]
fn labels_that_are_not_one_hot_are_rejected() {
    let one = Scalar::ONE;
    let half = Scalar::from(2).invert().unwrap();
    let set = |labels: [Scalar; CLASSES], with_bits: bool| -> Change {
        Box::new(move |rows| {
            rows.data[1][FEATURES..FEATURES + CLASSES].copy_from_slice(&labels);
            if with_bits {
                rows.bits[1][LABEL_BITS..PADDING].copy_from_slice(&labels);
            }
        })
    };
    let zero = Scalar::ZERO;
    let opening = || Some(VerifyError::Opening);
    let cases: [(&str, Change, Option<VerifyError>, &[&str]); 7] = [
        ("two hot", set([one, zero, one], true), opening(), &["ranges"]),
        ("two hot in the row alone", set([one, zero, one], false), opening(), &["ranges"]),
        ("none", set([zero; 3], true), opening(), &["ranges"]),
        ("flipped in the row alone", set([one, zero, zero], false), opening(), &["ranges"]),
        ("2", set([zero, zero, Scalar::from(2)], true), Some(BITS), &["booleanity", "ranges"]),
        ("halves", set([half, half, zero], true), Some(BITS), &["booleanity"]),
        ("(1, 1, -1)", set([one, one, -one], true), Some(BITS), &["booleanity"]),
    ];
    for (name, change, error, claims) in cases {
        judge(name, error, claims, &change);
    }
}

/// Catalogue 44, 72: what lies behind a row's end, and behind the bits of a point.
#[test]
fn slack_and_padding_are_rejected() {
    let last = (1 << LOG_COLUMNS) - 1;
    for column in [FEATURES + CLASSES, last] {
        // No claim names the column: only its weight in the opening does.
        judge("slack", Some(VerifyError::Opening), &[], &data(column, Scalar::ONE));
    }
    for change in [bits(&[(PADDING, 1)]), bits(&[(127, 1)])] {
        judge("padding", Some(VerifyError::Opening), &["ranges"], &change);
    }
    let behind: Change = Box::new(|rows| rows.bits[4].push(Scalar::ONE));
    judge("behind the last point", Some(VerifyError::Opening), &[], &behind);
}

/// Catalogue 42: the proof of one order of points, shown for another; also of their bits alone.
#[test]
fn exchanged_rows_are_rejected() {
    let case = case();
    let rows = honest(&case);
    let mut swapped = rows.clone();
    swapped.data.swap(0, 1);
    let (verdict, claims) = case.attempt(&swapped, &rows).unwrap();
    assert_eq!((verdict.err(), claims), (Some(VerifyError::Opening), vec!["ranges"]));
    let bits: Change = Box::new(|rows| rows.bits.swap(0, 1));
    judge("bits of another point", Some(VerifyError::Opening), &["ranges"], &bits);
    let mut both = swapped.clone();
    both.bits.swap(0, 1);
    assert!(case.attempt(&both, &both).unwrap().0.is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Ranges of every kind side by side: the shipped prover says what the plain one says, and every claim holds.
    #[test]
    fn the_shipped_prover_is_its_plain_twin(
        columns in prop::collection::vec((-(1 << 20) + 1..1 << 19, prop_oneof![Just(0), Just(1), Just(255), 0..20, 0..1 << 20]), 1..60),
        points in prop_oneof![1usize..10, 1usize..150],
        classes in 1u32..40,
        seed: u64,
    ) {
        let draw = &mut Draw(seed);
        let ranges: Vec<RangeInclusive<i32>> = columns.iter().map(|(min, most)| *min..=(min + most)).collect();
        let value = |range: &RangeInclusive<i32>, draw: &mut Draw| {
            draw.between(i128::from(*range.start()), i128::from(*range.end())) as i32
        };
        let features: Vec<i32> = (0..points).flat_map(|_| ranges.iter().map(|r| value(r, draw)).collect::<Vec<_>>()).collect();
        let labels: Vec<u32> = (0..points).map(|_| draw.between(0, i128::from(classes) - 1) as u32).collect();
        let layout = Layout::new(&ranges, classes as usize, points, 1 << 12);
        let bits = layout.pack(&features, &labels).unwrap();
        let rows = Rows::honest(&layout, &features, &labels, classes).unwrap();
        let tamper = untouched();
        let mut fast = Tap::new(Counter::new(seed), &tamper);
        ranges::prove(&mut fast, &layout, &bits, &mut |_| ());
        let mut plain = Tap::new(Counter::new(seed), &tamper);
        prove_plain(&mut plain, &layout, &rows.bits);
        prop_assert_eq!(said(&fast.events), said(&plain.events));
        let all = obligations(&layout, &fast.events).unwrap();
        prop_assert_eq!(failing(&all, &rows.committed(&layout)), Vec::<&str>::new());
    }
}
