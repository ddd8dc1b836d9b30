//! Committed rounds under harnesses that know the openings.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::VecDeque;
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_field::multilinear::{evaluate, log2_ceil};
use zkdl_field::scalar::random;
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck::{RoundPolynomial, SumOfProducts, SumProver, Term, prove, verify};
use zkdl_transcript::ReadError;

/// Both ends at once: the prover's values are the verifier's, challenges come from a list.
#[derive(Default)]
struct Wire {
    messages: VecDeque<Opening>,
    challenges: VecDeque<Scalar>,
}

impl Wire {
    fn with_challenges(n: usize) -> Self {
        Self { challenges: scalars(n).into(), ..Self::default() }
    }
}

impl ProverChannel for Wire {
    fn hide(&mut self, _: &'static str, value: Scalar) -> Opening {
        let opening = Opening { value, blind: random().unwrap() };
        self.messages.push_back(opening.clone());
        opening
    }

    fn challenge(&mut self, _: &'static str) -> Scalar {
        self.challenges.rotate_left(1);
        *self.challenges.back().unwrap()
    }
}

impl VerifierChannel for Wire {
    type Value = Opening;

    fn receive(&mut self, label: &'static str) -> Result<Opening, ReadError> {
        self.messages.pop_front().ok_or(ReadError::Truncated { offset: 0, label })
    }

    fn challenge(&mut self, label: &'static str) -> Scalar {
        ProverChannel::challenge(self, label)
    }
}

fn scalars(n: usize) -> Vec<Scalar> {
    (0..n).map(|_| random().unwrap()).collect()
}

/// 2 a b c - 3 a b + 5 c over tables of different lengths.
fn example(length: usize) -> (Vec<Vec<Scalar>>, SumOfProducts) {
    let tables = vec![scalars(length), scalars(length.max(2) - 1), scalars(length)];
    let term =
        |c: i64, factors: &[usize]| Term { coefficient: zkdl_field::scalar::from_i64(c), factors: factors.to_vec() };
    let sum = SumOfProducts::new(tables.clone(), vec![term(2, &[0, 1, 2]), term(-3, &[0, 1]), term(5, &[2])]);
    (tables, sum)
}

fn value(tables: &[Vec<Scalar>], point: &[Scalar]) -> Scalar {
    let [a, b, c] = [0, 1, 2].map(|i| evaluate(&tables[i], point));
    Scalar::from(2) * a * b * c - Scalar::from(3) * a * b + Scalar::from(5) * c
}

/// Runs both sides on a claim; returns the gap between the last claim and the value it should have.
fn gap(length: usize, claimed: impl Fn(Scalar) -> Scalar) -> Scalar {
    let (tables, mut sum) = example(length);
    let n = log2_ceil(length);
    let mut wire = Wire::with_challenges(n.max(1));
    let claim = Opening { value: claimed(sum.total()), blind: random().unwrap() };
    let (last, point) = prove(&mut wire, "t", claim.clone(), &vec![3; n], &mut sum);
    let (seen, verifier_point) = verify(&mut wire, "t", claim, &vec![3; n]).unwrap();
    assert!(wire.messages.is_empty());
    assert_eq!(point, verifier_point);
    assert_eq!((last.value, last.blind), (seen.value, seen.blind));
    for (i, table) in tables.iter().enumerate() {
        assert_eq!(sum.value(i), evaluate(table, &point));
    }
    last.value - value(&tables, &point)
}

#[test]
fn a_true_claim_becomes_a_true_claim() {
    for length in [1, 2, 3, 5, 8, 13, 3000] {
        assert_eq!(gap(length, |sum| sum), Scalar::ZERO, "{length}");
    }
}

/// Catalogue 50, 55: a false sum stays false, with no variable at all too.
#[test]
fn a_false_claim_stays_false() {
    for length in [1, 2, 5, 8] {
        assert_ne!(gap(length, |sum| sum + Scalar::ONE), Scalar::ZERO, "{length}");
    }
}

/// Catalogue 51, 54: whatever is sent, the round's sum holds by derivation, so the damage shows in the last claim.
#[test]
fn altered_rounds_end_in_a_false_claim() {
    struct Altered(SumOfProducts, usize, usize);
    impl SumProver for Altered {
        fn round(&self) -> RoundPolynomial {
            let mut round = self.0.round();
            if self.1 == 0 {
                match self.2 {
                    0 => round.constant += Scalar::ONE,
                    1 => round.higher[1] += Scalar::ONE,
                    _ => round = RoundPolynomial { constant: Scalar::ZERO, higher: vec![Scalar::ZERO; 2] },
                }
            }
            round
        }
        fn bind(&mut self, r: &Scalar) {
            self.1 = self.1.wrapping_sub(1);
            self.0.bind(r);
        }
    }
    for (round, kind) in [(0, 0), (1, 1), (2, 0), (0, 2), (2, 2)] {
        let (tables, sum) = example(8);
        let claim = Opening::public(sum.total());
        let mut wire = Wire::with_challenges(3);
        let (last, point) = prove(&mut wire, "t", claim, &[3; 3], &mut Altered(sum, round, kind));
        assert_ne!(last.value, value(&tables, &point), "round {round}, kind {kind}");
    }
}

/// Catalogue 52: a degree below the polynomial's cuts it off, and the claim turns false; one above changes nothing.
#[test]
fn degrees_come_from_the_statement() {
    for (degree, honest) in [(2, false), (3, true), (4, true)] {
        let (tables, mut sum) = example(8);
        let claim = Opening::public(sum.total());
        let mut wire = Wire::with_challenges(3);
        let (last, point) = prove(&mut wire, "t", claim.clone(), &[degree; 3], &mut sum);
        assert_eq!(wire.messages.len(), 3 * degree);
        assert_eq!(last.value == value(&tables, &point), honest, "degree {degree}");
        assert!(verify(&mut wire, "t", claim, &[degree + 1; 3]).is_err(), "messages run out");
    }
}

/// Simulator: uniform messages are accepted for any claim, and leave a uniform last claim for the caller to tie down.
#[test]
fn rounds_are_simulated_without_a_witness() {
    let mut wire = Wire::with_challenges(3);
    wire.messages = (0..9).map(|_| Opening { value: random().unwrap(), blind: random().unwrap() }).collect();
    let claim = Opening { value: random().unwrap(), blind: random().unwrap() };
    assert!(verify(&mut wire, "t", claim, &[3; 3]).is_ok());
    assert!(wire.messages.is_empty());
}
