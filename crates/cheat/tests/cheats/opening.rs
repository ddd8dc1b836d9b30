//! Cheats in the opening: its messages altered, and two values claimed of one place.

use crate::messages::plus_one;
use crate::table::Base;
use std::collections::BTreeSet;
use zkdl::VerifyError;
use zkdl_arguments::opening::{self, OpeningError, RowValues, combine_rows, holds};
use zkdl_arguments::rows::Class;
use zkdl_arguments::selection::Query;
use zkdl_arguments::window::Obligations;
use zkdl_cheat::data::{commit, finish};
use zkdl_cheat::harness::{Claims, Counter, Event, Replay, Tap, untouched};
use zkdl_cheat::plain::Strategy;
use zkdl_cheat::trainer::honest;
use zkdl_commit::blinds::{BlindSource, OsEntropy};
use zkdl_commit::channel::{Check, Equation, ProofReader, ProofWriter, ProverChannel, VerifierChannel};
use zkdl_commit::msm::msm;
use zkdl_commit::pedersen::{Commitment, Hidden, Opening};
use zkdl_commit::{ipa, sigma};
use zkdl_field::generators::Generators;
use zkdl_field::multilinear::{evaluate, log2_ceil};
use zkdl_field::{Affine, Field, Scalar, group};
use zkdl_transcript::{Receiver, Sender};

/// Catalogue 51, 57: no product and no claim about rows notices; the inner product that is left does.
#[test]
fn messages_altered() {
    let case = Base::Ragged.case();
    let witness = honest(&case.sample).unwrap();
    let attempt = |message, nth| {
        let attempt = case.attempt(&witness, Strategy::Honest, &plus_one(message, nth)).unwrap();
        assert_eq!(case.failing(&attempt, &witness).unwrap(), Vec::<&str>::new(), "{message} {nth}");
        attempt
    };
    let Claims(obligations) = case.claims(&attempt("", 0).events, &witness).unwrap();
    let classes: usize = obligations.queries.iter().map(|query| query.classes.len()).sum();
    let rounds = 2 * log2_ceil(case.sample.shape.columns);
    for (message, n) in [("opening.round", rounds), ("opening.E", classes - 1)] {
        for nth in BTreeSet::from([0, 1, n / 2, n - 2, n - 1]) {
            let attempt = attempt(message, nth);
            assert!(!attempt.opened, "{message} {nth}");
            assert_eq!(case.verify(&attempt), Err(VerifyError::Opening), "{message} {nth}");
        }
        // There are no more: nothing is altered.
        let attempt = attempt(message, n);
        assert!(attempt.opened && case.verify(&attempt).is_ok(), "{message}");
    }
}

const COLUMNS: usize = 8;

fn numbers(first: u64, n: usize) -> Vec<Scalar> {
    (first..).take(n).map(|i| Scalar::from(i).square()).collect()
}

/// Committed rows, one of them short.
fn rows() -> Vec<Vec<Scalar>> {
    vec![numbers(2, 5), numbers(11, 5), numbers(30, 3)]
}

fn row_values(rows: &[Vec<Scalar>]) -> Vec<RowValues<'_>> {
    rows.iter().map(|row| RowValues::Scalars(row)).collect()
}

/// The rows at one place: weights of rows and of columns.
fn place() -> Class {
    Class { rows: numbers(5, 3).into_iter().enumerate().collect(), columns: numbers(40, 5) }
}

/// What the rows are worth there.
fn truth() -> Scalar {
    let value = combine_rows(&place(), &row_values(&rows()));
    value.iter().zip(&place().columns).map(|(x, c)| x * c).sum()
}

/// So many claims about the same place.
fn queries<H>(values: Vec<H>) -> Vec<Query<H>> {
    values.into_iter().map(|value| Query { name: "same", classes: vec![place()], value }).collect()
}

/// Counter challenges, but for the one that batches claims.
struct Chosen {
    eta: Option<Scalar>,
    others: Counter,
}

impl ProverChannel for Chosen {
    fn hide(&mut self, label: &'static str, value: Scalar) -> Opening {
        self.others.hide(label, value)
    }

    fn challenge(&mut self, label: &'static str) -> Scalar {
        let drawn = self.others.challenge(label);
        self.eta.filter(|_| label == "opening.eta").unwrap_or(drawn)
    }
}

/// Whether the inner product that the shipped verifier is left with is that of the committed rows. There is none where a challenge
/// makes the last class's weight zero.
fn accepted(values: &[Scalar], seed: u64, eta: Option<Scalar>) -> bool {
    let (rows, tamper) = (rows(), untouched());
    let (values, rows) = (values.iter().map(|v| Opening::public(*v)).collect(), row_values(&rows));
    let queries = queries(values);
    let mut tap = Tap::new(Chosen { eta, others: Counter::new(seed) }, &tamper);
    match opening::prove(&mut tap, COLUMNS, &queries, &rows) {
        Err(error) => assert_eq!((error, eta), (OpeningError::ZeroWeight, Some(Scalar::ZERO))),
        Ok(_) => return left(&tap.events, &queries, &rows),
    }
    false
}

fn left(events: &[Event], queries: &[Query<Opening>], rows: &[RowValues<'_>]) -> bool {
    let mut replay = Replay::new(events);
    let reduced = opening::verify(&mut replay, COLUMNS, queries, rows.len()).unwrap();
    assert!(replay.is_complete());
    let left = Class { rows: reduced.row_weights.into_iter().enumerate().collect(), columns: Vec::new() };
    evaluate(&combine_rows(&left, rows), &reduced.point) == reduced.value.value
}

/// Catalogue 38: two claims about the same rows at the same columns with different values. One of them is false, and the batched
/// claim is true for one challenge alone: that at which the errors cancel.
#[test]
fn two_values_of_one_place_are_rejected() {
    let (one, two) = (Scalar::ONE, Scalar::from(2));
    let query = |value| queries(vec![Opening::public(value)]).remove(0);
    assert!(holds(&query(truth()), &row_values(&rows())) && !holds(&query(truth() + one), &row_values(&rows())));
    let zero = Scalar::ZERO;
    for [first, second] in [[zero, one], [one, zero], [one, -one], [two, one], [-two, one]] {
        let values = [truth() + first, truth() + second];
        assert!((0..64).all(|seed| !accepted(&values, seed, None)), "{first:?} {second:?}");
        let cancels = -first * second.invert().unwrap_or(zero);
        for (eta, cancelling) in [(cancels, first * second != zero), (cancels + one, false), (-cancels - two, false)] {
            assert_eq!(accepted(&values, 1, Some(eta)), cancelling, "{first:?} {second:?} {eta:?}");
        }
    }
    assert!((0..64).all(|seed| accepted(&[truth(), truth()], seed, None)), "twice the same");
}

/// The checks that fail when the shipped verifiers read what the shipped provers made of these claims.
fn live(values: [Scalar; 2]) -> Vec<Check> {
    let g = Generators::derive("test", COLUMNS);
    let (name, digest, rows) = ("test", [5; 32], rows());
    let mut blinds = BlindSource::new(&mut OsEntropy, &[]).unwrap();
    let row_blinds = blinds.draw_many(rows.len());
    let commitments = commit(&g, &rows, &row_blinds);
    let mut writer = ProofWriter::new(Sender::new(name, &digest), &g, blinds);
    commitments.iter().for_each(|row| writer.sender.send_point("row", row));
    let values = values.map(|value| writer.hide("value", value)).to_vec();
    let all = Obligations { products: Vec::new(), queries: queries(values) };
    finish(&mut writer, &all, &rows, &row_blinds, &g).unwrap();
    let proof = writer.sender.finish();
    let mut reader = ProofReader::new(Receiver::new(name, &digest, &proof));
    rows.iter().for_each(|_| drop(reader.receive_point("row").unwrap()));
    let values = (0..2).map(|_| reader.receive("value").unwrap()).collect();
    let reduced = opening::verify(&mut reader, COLUMNS, &queries(values), rows.len()).unwrap();
    sigma::verify_products(&mut reader, &[]).unwrap();
    sigma::verify_knowledge(&mut reader).unwrap();
    let row = Commitment { terms: reduced.row_weights.into_iter().enumerate().collect(), constant: Scalar::ZERO };
    ipa::verify(&mut reader, row, reduced.value, &reduced.point).unwrap();
    let fails = |equation: &&Equation| !is_zero(equation, &reader.points, &g);
    reader.equations.iter().filter(fails).map(|equation| equation.check).collect()
}

fn is_zero(equation: &Equation, points: &[Affine], g: &Generators) -> bool {
    let (mut bases, mut scalars): (Vec<Affine>, Vec<Scalar>) =
        equation.form.terms.iter().map(|(i, c)| (points[*i], *c)).unzip();
    bases.extend([&g.value, &g.blind].into_iter().chain(&g.columns[..equation.columns.len()]));
    scalars.extend([equation.form.constant, equation.blind].iter().chain(&equation.columns));
    group::is_identity(&msm(&bases, &scalars))
}

/// Catalogue 38: the same with challenges drawn from the commitments to both values.
#[test]
fn two_values_of_one_place_are_rejected_by_live_challenges() {
    let (value, one) = (truth(), Scalar::ONE);
    assert_eq!(live([value, value]), []);
    for values in [[value, value + one], [value + one, value], [value + one, value - one]] {
        for _ in 0..8 {
            assert_eq!(live(values), [Check::Opening]);
        }
    }
}
