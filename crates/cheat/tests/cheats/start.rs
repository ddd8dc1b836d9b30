//! Cheats in start weights that a run was given: values that are no integers of so many bits, and bits that are none.
//!
//! A weight of an input that is always zero is free: it can be any field element at both ends of a window, and every equation of
//! training holds. Only the argument about ranges stands in the way.

use crate::table::{Base, STRATEGIES, failing};
use proptest::prelude::*;
use zkdl::VerifyError;
use zkdl_arguments::Shape;
use zkdl_arguments::rows::{weight_packing, weight_rows};
use zkdl_arguments::start_ranges::{self, Layout, WIDTHS};
use zkdl_cheat::case::Case;
use zkdl_cheat::data;
use zkdl_cheat::harness::{Counter, Replay, Tap, said, untouched};
use zkdl_cheat::relation::violated;
use zkdl_cheat::sample::Draw;
use zkdl_cheat::start::prove_plain;
use zkdl_cheat::trainer::honest;
use zkdl_cheat::witness::{Kind, Witness};
use zkdl_field::scalar::from_i64;
use zkdl_field::{Field, Scalar};

/// Bits of a weight.
const BITS: usize = 16;
const RANGE: i64 = 1 << (BITS - 1);
/// The neuron whose weight of the last input is free.
const NEURON: usize = 2;

/// The free weight becomes `value` at both ends of the window and at every step.
fn free(case: &Case, witness: &mut Witness, value: Scalar) {
    let at = [0, 0, case.sample.shape.widths[0] - 1, NEURON];
    for tensor in [&mut witness.start, &mut witness.committed_start, &mut witness.end, &mut witness.committed_end] {
        tensor.insert(at, value);
    }
    for tensor in [&mut witness.forward, &mut witness.backward] {
        let weights = tensor.iter_mut().filter(|([l, _, c, k, j], _)| [*l, *c, *k, *j] == at);
        weights.for_each(|(_, weight)| *weight = value);
    }
}

/// Row and column of the free weight among the rows of weights.
fn place(case: &Case) -> (usize, usize) {
    let shape = &case.sample.shape;
    let (input, packing) = (shape.widths[0] - 1, weight_packing(shape, 0));
    (input >> packing.log, (input % (1 << packing.log)) * shape.outputs(0) + NEURON)
}

/// An honest witness but for the free weight, which has these bits.
fn claimed(case: &Case, value: Scalar, bits: [Scalar; BITS]) -> Witness {
    let mut witness = case.with_start_bits(honest(&case.sample).unwrap()).unwrap();
    free(case, &mut witness, value);
    let (row, column) = place(case);
    witness.start_bits[row][BITS * column..][..BITS].copy_from_slice(&bits);
    witness
}

/// The bits of n.
fn binary(n: u64) -> [Scalar; BITS] {
    std::array::from_fn(|k| Scalar::from(n >> k & 1))
}

/// Binary, but for the lowest.
fn lowest(mut bits: [Scalar; BITS], bit: Scalar) -> [Scalar; BITS] {
    bits[0] = bit;
    bits
}

fn judge(name: &str, witness: &Witness, expected: &[&str]) {
    let case = Base::Named.case();
    for strategy in STRATEGIES {
        assert_eq!(failing(case, witness, strategy, &untouched()), expected, "{name}, {strategy:?}");
    }
}

/// Every value of 16 bits passes, so that what is refused below is refused for its value.
#[test]
fn a_free_weight_can_be_anything_in_range() {
    let case = Base::Named.case();
    for value in [-RANGE, -1, 0, 1, 77, RANGE - 1] {
        let witness = claimed(case, from_i64(value), binary((value + RANGE) as u64));
        assert_eq!(violated(&case.sample, &witness), Vec::new(), "{value}");
        judge("in range", &witness, &[]);
    }
}

/// Catalogue 87.
#[test]
fn weights_out_of_range_are_rejected() {
    let case = Base::Named.case();
    let half = Scalar::from(2).invert().unwrap();
    let none = [Scalar::ZERO; BITS];
    let cases = [
        ("2^15", from_i64(RANGE), binary(0xffff)),
        ("2^15, bits of 2^16 cut off", from_i64(RANGE), none),
        ("-2^15 - 1", from_i64(-RANGE - 1), none),
        ("a half", half, binary(1 << 15)),
        ("2^62", from_i64(1 << 62), binary(1 << 15)),
        ("bits of another value", from_i64(5), binary(1 << 15)),
        ("no shift", from_i64(5), binary(5)),
    ];
    for (name, value, bits) in cases {
        judge(name, &claimed(case, value, bits), &["start ranges"]);
    }
}

/// Weights out of range or not, each with "bits" that recompose it.
fn recomposed() -> [(&'static str, Scalar, [Scalar; BITS]); 5] {
    let half = Scalar::from(2).invert().unwrap();
    [
        ("2 for 2^15", from_i64(RANGE), lowest(binary(0xffff), Scalar::from(2))),
        ("-1 for -2^15 - 1", from_i64(-RANGE - 1), lowest(binary(0), -Scalar::ONE)),
        ("a half for a half", half, lowest(binary(1 << 15), half)),
        ("a large one", from_i64((1 << 62) - RANGE), lowest(binary(0), from_i64(1 << 62))),
        ("2 for the bit above", from_i64(2), lowest(binary(1 << 15), Scalar::from(2))),
    ]
}

/// Catalogue 66.
#[test]
fn bits_that_are_none_are_rejected() {
    for (name, value, bits) in recomposed() {
        judge(name, &claimed(Base::Named.case(), value, bits), &["start booleanity"]);
    }
}

/// Catalogue 57, 66, 87: the same committed, and booleanity proven of the bits of 0, or of no bits.
#[test]
fn booleanity_of_other_bits_is_rejected() {
    let case = Base::Named.case();
    for (name, value, bits) in recomposed() {
        for other in [binary(RANGE as u64), [Scalar::ZERO; BITS]] {
            let proven = claimed(case, value, other).start_bits;
            let witness = Witness { proven_start_bits: Some(proven), ..claimed(case, value, bits) };
            judge(name, &witness, &["start bits"]);
        }
    }
}

/// Catalogue 44, 72: bits of entries that no row of weights has, and columns behind a row of weights.
#[test]
fn padding_and_slack_are_rejected() {
    let case = Base::Named.case();
    let shape = &case.sample.shape;
    let honest = case.with_start_bits(honest(&case.sample).unwrap()).unwrap();
    let lengths: Vec<usize> = weight_rows(shape).into_iter().map(|row| row.range.len()).collect();
    let (row, length) = lengths.iter().copied().enumerate().min_by_key(|(_, length)| *length).unwrap();
    for bit in [BITS * length, honest.start_bits[row].len() - 1] {
        let mut witness = honest.clone();
        witness.start_bits[row][bit] = Scalar::ONE;
        judge("padding of a row", &witness, &["start ranges"]);
    }
    let mut witness = honest.clone();
    witness.junk.push((Kind::Start, row, length, Scalar::ONE));
    // No claim names the column: only its weight in the opening does.
    let attempt = case.attempt(&witness, STRATEGIES[0], &untouched()).unwrap();
    assert_eq!(case.failing(&attempt, &witness).unwrap(), Vec::<&str>::new());
    assert_eq!(case.verify(&attempt), Err(VerifyError::Opening));
}

/// Catalogue 42: bits of two rows exchanged.
#[test]
fn bits_of_another_row_are_rejected() {
    let case = Base::Named.case();
    let mut witness = case.with_start_bits(honest(&case.sample).unwrap()).unwrap();
    witness.start_bits.swap(0, 1);
    judge("exchanged", &witness, &["start ranges"]);
}

fn shape(widths: Vec<usize>, columns: usize) -> Shape {
    Shape { widths, columns, ..Base::Named.case().sample.shape.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// The shipped prover says what the plain one says, and every claim holds.
    #[test]
    fn the_shipped_prover_is_its_plain_twin(
        widths in prop::collection::vec(1usize..20, 2..5),
        bits in prop::sample::select(WIDTHS.to_vec()),
        log_columns in 7usize..11,
        seed: u64,
    ) {
        let shape = shape(widths, 1 << log_columns);
        let rows = weight_rows(&shape);
        let layout = Layout::new(&shape, bits, 0, rows.len());
        let (draw, bound) = (&mut Draw(seed), 1i128 << (bits - 1));
        let weights: Vec<Vec<i64>> =
            rows.iter().map(|row| row.range.clone().map(|_| draw.between(-bound, bound - 1) as i64).collect()).collect();
        let bytes = layout.pack(&weights.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        let bit = |byte: &u8| (0..8).map(|i| Scalar::from(u64::from(byte >> i & 1))).collect::<Vec<_>>();
        let dense: Vec<Vec<Scalar>> =
            bytes.chunks(bytes.len() / rows.len()).map(|row| row.iter().flat_map(bit).collect()).collect();
        let tamper = untouched();
        let mut fast = Tap::new(Counter::new(seed), &tamper);
        start_ranges::prove(&mut fast, &layout, &bytes, &mut |_| ());
        let mut plain = Tap::new(Counter::new(seed), &tamper);
        prove_plain(&mut plain, &layout, &dense);
        prop_assert_eq!(said(&fast.events), said(&plain.events));
        let mut committed: Vec<Vec<Scalar>> =
            weights.iter().map(|row| row.iter().map(|w| from_i64(*w)).collect()).collect();
        committed.extend(dense.concat().chunks(shape.columns).map(<[_]>::to_vec));
        let mut replay = Replay::new(&fast.events);
        let all = start_ranges::verify(&mut replay, &layout).unwrap();
        prop_assert!(replay.is_complete());
        prop_assert_eq!(data::failing(&all, &committed), Vec::<&str>::new());
    }
}
