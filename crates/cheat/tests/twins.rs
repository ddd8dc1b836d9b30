//! The fast provers against their plain twins, completeness, and slack that changes nothing.

#![cfg(test)]

use proptest::prelude::*;
use zkdl_arguments::opening::{self, RowValues};
use zkdl_arguments::{Shape, rows};
use zkdl_cheat::fast;
use zkdl_cheat::harness::{Claims, Counter, Event, Tap, untouched};
use zkdl_cheat::plain::{self, Strategy as Cheating};
use zkdl_cheat::sample::{Draw, Sample, Sizes};
use zkdl_cheat::trainer::honest;
use zkdl_cheat::witness::{Packed, Witness, field_bits};
use zkdl_field::Field;
use zkdl_field::Scalar;
use zkdl_field::multilinear::evaluate;
use zkdl_field::scalar::from_i128;

fn sizes() -> impl Strategy<Value = Sizes> {
    let widths = prop::collection::vec(1usize..=9, 2..=5);
    (widths, 1usize..=7, 1usize..=6, 6u32..=12).prop_map(|(widths, batch, steps, log)| Sizes {
        widths,
        batch,
        steps,
        columns: 1 << log,
    })
}

fn values(events: &[Event]) -> Vec<(&'static str, Option<Scalar>)> {
    let value = |e: &Event| match e {
        Event::Value(label, x) => (*label, Some(x.value)),
        Event::Challenge(label, _) => (*label, None),
    };
    events.iter().map(value).collect()
}

fn run_fast(sample: &Sample, packed: &Packed, committed: bool, seed: u64) -> (fast::Proven, Vec<Event>) {
    let tamper = untouched();
    let mut tap = Tap::new(Counter::new(seed), &tamper);
    let proven = fast::prove(&mut tap, &sample.shape, packed, committed);
    (proven, tap.events)
}

fn run_plain(sample: &Sample, witness: &Witness, committed: bool, seed: u64) -> Vec<Event> {
    let tamper = untouched();
    let mut tap = Tap::new(Counter::new(seed), &tamper);
    plain::prove(&mut tap, &sample.shape, witness, committed, Cheating::Honest);
    tap.events
}

/// Junk in everything that is committed and does not exist: bits beyond the fields, columns behind a row's end.
fn rows_with_junk(sample: &Sample, witness: &Witness, committed: bool, draw: &mut Draw) -> Vec<Vec<Scalar>> {
    let shape = &sample.shape;
    let mut junk = witness.clone();
    for (cell, bits) in &mut junk.bits {
        bits.iter_mut().skip(field_bits(shape, cell[0])).for_each(|b| *b = Scalar::from(draw.word()));
    }
    let clean = witness.rows(shape, committed);
    let marked = mark_all(sample, witness, committed);
    let mut rows = junk.rows(shape, committed);
    for ((row, clean), marked) in rows.iter_mut().zip(&clean).zip(&marked) {
        for ((x, clean), real) in row.iter_mut().zip(clean).zip(marked) {
            if *real {
                assert_eq!(x, clean);
            } else {
                *x = Scalar::from(draw.word());
            }
        }
    }
    rows
}

/// Which places of the committed rows are real: those that change with the witness.
fn mark_all(sample: &Sample, witness: &Witness, committed: bool) -> Vec<Vec<bool>> {
    let shape = &sample.shape;
    let mut marked = witness.clone();
    let mark = from_i128(1 << 70);
    for (cell, bits) in &mut marked.bits {
        let n = field_bits(shape, cell[0]);
        bits.iter_mut().take(n).for_each(|b| *b = mark);
    }
    for w in marked.committed_start.values_mut().chain(marked.committed_end.values_mut()) {
        *w = mark;
    }
    marked.points.iter_mut().flatten().for_each(|x| *x = mark);
    marked.rows(shape, committed).iter().map(|row| row.iter().map(|x| *x == mark).collect()).collect()
}

/// The rows as the shipped prover holds them: bytes, integers, points.
fn packed_rows<'a>(shape: &Shape, packed: &'a Packed, committed: bool) -> Vec<RowValues<'a>> {
    let points = packed.features.chunks(shape.widths[0]).zip(&packed.labels);
    let mut all: Vec<RowValues<'a>> =
        points.map(|(features, label)| RowValues::Point { features, label: *label as usize }).collect();
    let mut weights = |w: &'a [Vec<i64>]| {
        all.extend(rows::weight_rows(shape).into_iter().map(|row| RowValues::Integers(&w[row.slot][row.range])));
    };
    if committed {
        weights(&packed.start);
    }
    weights(&packed.end);
    let cells = rows::cell_rows(shape).into_iter();
    all.extend(cells.map(|row| RowValues::Bits(&packed.cells[row.slot][row.range])));
    all
}

/// Packed rows and rows of scalars open to the same vector.
fn packed_rows_are_the_rows(sample: &Sample, packed: &Packed, proven: &fast::Proven, rows: &[Vec<Scalar>]) -> bool {
    let shape = &sample.shape;
    let committed = proven.queries.iter().any(|q| q.name == "W_0");
    let scalars: Vec<RowValues<'_>> = rows.iter().map(|row| RowValues::Scalars(row)).collect();
    let packed = packed_rows(shape, packed, committed);
    let open = |rows: &[RowValues<'_>]| {
        let (reduced, vector) = opening::prove(&mut Counter::new(1), shape.columns, &proven.queries, rows).unwrap();
        (reduced.value.value, reduced.row_weights, vector)
    };
    packed.len() == rows.len() && open(&packed) == open(&scalars)
}

fn opens(sample: &Sample, proven: &fast::Proven, rows: &[Vec<Scalar>], seed: u64) -> bool {
    let values: Vec<RowValues<'_>> = rows.iter().map(|row| RowValues::Scalars(row)).collect();
    let shape = &sample.shape;
    let (reduced, vector) = opening::prove(&mut Counter::new(seed), shape.columns, &proven.queries, &values).unwrap();
    evaluate(&vector, &reduced.point) == reduced.value.value
}

/// Whether every opened row is zero behind its class's columns: junk there is the one kind that an opening refuses.
fn slack_is_zero(proven: &fast::Proven, rows: &[Vec<Scalar>]) -> bool {
    let mut classes = proven.queries.iter().flat_map(|q| &q.classes);
    classes.all(|class| {
        let ends = |(row, _): &(usize, Scalar)| rows[*row].iter().skip(class.columns.len()).all(|x| *x == Scalar::ZERO);
        class.rows.iter().all(ends)
    })
}

fn compare(seed: u64, sizes: &Sizes, committed: bool) -> Result<(), TestCaseError> {
    let sample = Sample::random(seed, sizes);
    sample.shape.validate().unwrap();
    let Ok(witness) = honest(&sample) else { return Err(TestCaseError::reject("overflow in training")) };
    let packed = Packed::new(&sample, &witness);
    let (proven, events) = run_fast(&sample, &packed, committed, seed);
    let plain = run_plain(&sample, &witness, committed, seed);
    for (i, (fast, plain)) in values(&events).into_iter().zip(values(&plain)).enumerate() {
        prop_assert_eq!(fast, plain, "event {}", i);
    }
    prop_assert_eq!(events.len(), plain.len());
    let start = (!committed).then_some(packed.start.as_slice());
    let claims = Claims::new(&events, &sample.shape, start, None).unwrap();
    let none: Vec<&str> = Vec::new();
    prop_assert_eq!(claims.failing(&witness.rows(&sample.shape, committed)), none.clone());
    let junk = rows_with_junk(&sample, &witness, committed, &mut Draw(seed));
    prop_assert_eq!(claims.failing(&junk), none);
    prop_assert!(opens(&sample, &proven, &witness.rows(&sample.shape, committed), seed));
    prop_assert_eq!(opens(&sample, &proven, &junk, seed), slack_is_zero(&proven, &junk));
    prop_assert!(packed_rows_are_the_rows(&sample, &packed, &proven, &witness.rows(&sample.shape, committed)));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_global_rejects: 4096, ..ProptestConfig::default() })]

    /// Catalogue 94.
    #[test]
    fn fast_and_plain_provers_say_the_same_and_it_is_true(seed: u64, sizes in sizes(), committed: bool) {
        compare(seed, &sizes, committed)?;
    }
}

/// Catalogue 94, 117.
#[test]
fn extreme_shapes() {
    for (widths, batch, steps) in [
        (vec![1, 1], 1, 1),
        (vec![1, 1, 1], 1, 2),
        (vec![9, 1, 9], 7, 1),
        (vec![1, 9, 1, 9, 1], 2, 6),
        (vec![8, 8, 8], 4, 4),
        (vec![3, 2], 5, 3),
    ] {
        for columns in [1, 256, 4096] {
            let sizes = Sizes { widths: widths.clone(), batch, steps, columns };
            let tried = (0..20)
                .map(|seed| compare(seed, &sizes, seed % 2 == 0))
                .find(|r| !matches!(r, Err(TestCaseError::Reject(_))));
            tried.unwrap().unwrap();
        }
    }
}
