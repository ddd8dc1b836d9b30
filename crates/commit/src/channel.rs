//! What an argument needs of its surroundings: hide a value and draw a challenge on one side, receive a commitment and
//! draw the same challenge on the other.
//!
//! Arguments are written against the two traits; [`ProofWriter`] and [`ProofReader`] are the real ends. Tests put harnesses
//! in their place that know the openings or program the challenges.

use crate::blinds::BlindSource;
use crate::pedersen::{Commitment, Hidden, Opening};
use zkdl_field::generators::Generators;
use zkdl_field::{Affine, Field, Scalar, group, scalar};
use zkdl_transcript::{ReadError, Receiver, Sender};

/// The prover's end.
pub trait ProverChannel {
    /// Commits to `value`, sends the commitment and remembers it for the proof of knowledge.
    fn hide(&mut self, label: &'static str, value: Scalar) -> Opening;

    /// Draws a challenge.
    fn challenge(&mut self, label: &'static str) -> Scalar;

    /// Draws `n` challenges.
    fn challenges(&mut self, label: &'static str, n: usize) -> Vec<Scalar> {
        (0..n).map(|_| self.challenge(label)).collect()
    }
}

/// The verifier's end.
pub trait VerifierChannel {
    /// A hidden value as this verifier sees it.
    type Value: Hidden;

    /// Receives a commitment to a scalar.
    ///
    /// # Errors
    /// [`ReadError`] if the proof has no such message.
    fn receive(&mut self, label: &'static str) -> Result<Self::Value, ReadError>;

    /// Draws a challenge.
    fn challenge(&mut self, label: &'static str) -> Scalar;

    /// Draws `n` challenges.
    fn challenges(&mut self, label: &'static str, n: usize) -> Vec<Scalar> {
        (0..n).map(|_| self.challenge(label)).collect()
    }
}

/// Writes a proof.
pub struct ProofWriter<'g> {
    /// The transcript.
    pub sender: Sender,
    /// The public generators.
    pub generators: &'g Generators,
    /// Where blinds come from.
    pub blinds: BlindSource,
    /// Openings of all scalar commitments sent so far.
    pub sent: Vec<Opening>,
}

impl<'g> ProofWriter<'g> {
    /// A writer with nothing sent.
    #[must_use]
    pub fn new(sender: Sender, generators: &'g Generators, blinds: BlindSource) -> Self {
        Self { sender, generators, blinds, sent: Vec::new() }
    }

    /// Sends `value g + blind H` without remembering it: first messages of sigma protocols.
    pub fn send_commitment(&mut self, label: &str, value: &Scalar, blind: &Scalar) {
        let point = group::affine(&self.generators.commit(value, blind));
        self.sender.send_point(label, &point);
    }
}

impl ProverChannel for ProofWriter<'_> {
    fn hide(&mut self, label: &'static str, value: Scalar) -> Opening {
        let opening = Opening { value, blind: self.blinds.draw() };
        self.send_commitment(label, &opening.value, &opening.blind);
        self.sent.push(opening.clone());
        opening
    }

    fn challenge(&mut self, label: &'static str) -> Scalar {
        self.sender.challenge(label)
    }
}

/// Reads a proof and collects what has to hold of its points.
pub struct ProofReader<'a> {
    /// The transcript.
    pub receiver: Receiver<'a>,
    /// Every point known to the verifier: of the statement and of the proof.
    pub points: Vec<Affine>,
    /// Indices of the scalar commitments received so far.
    pub received: Vec<usize>,
    /// What has to hold.
    pub equations: Vec<Equation>,
}

impl<'a> ProofReader<'a> {
    /// A reader that knows no point yet.
    #[must_use]
    pub fn new(receiver: Receiver<'a>) -> Self {
        Self { receiver, points: Vec::new(), received: Vec::new(), equations: Vec::new() }
    }

    /// Adds points of the statement to the list; returns the index of the first.
    pub fn register(&mut self, points: impl IntoIterator<Item = Affine>) -> usize {
        let first = self.points.len();
        self.points.extend(points);
        first
    }

    /// Receives any point.
    ///
    /// # Errors
    /// [`ReadError`] if the proof has no such message.
    pub fn receive_point(&mut self, label: &'static str) -> Result<Commitment, ReadError> {
        let point = self.receiver.receive_point(label)?;
        Ok(Commitment::point(self.register([point])))
    }
}

impl VerifierChannel for ProofReader<'_> {
    type Value = Commitment;

    fn receive(&mut self, label: &'static str) -> Result<Commitment, ReadError> {
        let commitment = self.receive_point(label)?;
        self.received.extend(commitment.terms.iter().map(|(index, _)| *index));
        Ok(commitment)
    }

    fn challenge(&mut self, label: &'static str) -> Scalar {
        self.receiver.challenge(label)
    }
}

/// Which check an equation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// A product of two hidden values.
    Product(&'static str),
    /// Knowledge of the openings of all scalar commitments.
    Knowledge,
    /// The batched opening of the committed rows.
    Opening,
    /// Knowledge of what a committed row holds beside its public part.
    Representation,
}

/// `form + blind H + sum_j columns_j G_j = 0`.
#[derive(Debug, Clone)]
pub struct Equation {
    /// Which check fails if this does not hold.
    pub check: Check,
    /// Points of the verifier's list, and `g`.
    pub form: Commitment,
    /// Coefficient of `H`.
    pub blind: Scalar,
    /// Coefficients of the column generators, possibly none.
    pub columns: Vec<Scalar>,
}

impl Equation {
    /// An equation without column generators.
    #[must_use]
    pub fn new(check: Check, form: Commitment, blind: Scalar) -> Self {
        Self { check, form, blind, columns: Vec::new() }
    }

    /// `sum_i weight_i equation_i`, reported as `check`.
    #[must_use]
    pub fn combine(check: Check, equations: &[Self], weight: Scalar) -> Self {
        let columns = equations.iter().map(|e| e.columns.len()).max().unwrap_or(0);
        let mut sum =
            Self { columns: vec![Scalar::ZERO; columns], ..Self::new(check, Commitment::default(), Scalar::ZERO) };
        for (equation, w) in equations.iter().zip(scalar::powers(weight, equations.len())) {
            sum.form = sum.form + equation.form.clone() * w;
            sum.blind += equation.blind * w;
            for (total, column) in sum.columns.iter_mut().zip(&equation.columns) {
                *total += w * column;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_weighed_by_powers() {
        let equation = |x: u64, columns: &[u64]| Equation {
            columns: columns.iter().map(|c| Scalar::from(*c)).collect(),
            ..Equation::new(Check::Knowledge, Commitment::point(x as usize) * Scalar::from(x), Scalar::from(10 * x))
        };
        let all = [equation(1, &[5]), equation(2, &[]), equation(3, &[7, 11])];
        let sum = Equation::combine(Check::Opening, &all, Scalar::from(100));
        assert_eq!(sum.check, Check::Opening);
        let terms = [(1, 1), (2, 200), (3, 30_000)].map(|(i, c)| (i, Scalar::from(c)));
        assert_eq!(sum.form.terms, terms);
        assert_eq!(sum.blind, Scalar::from(302_010));
        assert_eq!(sum.columns, [70_005, 110_000].map(Scalar::from));
    }

    #[test]
    fn several_challenges_are_as_many_as_are_asked_for() {
        let generators = Generators::derive("test", 1);
        let blinds = BlindSource::new(&mut crate::blinds::OsEntropy, &[]).unwrap();
        let mut writer = ProofWriter::new(Sender::new("test", &[1; 32]), &generators, blinds);
        let mut reader = ProofReader::new(Receiver::new("test", &[1; 32], &[]));
        let drawn = ProverChannel::challenges(&mut writer, "c", 3);
        assert_eq!(drawn, VerifierChannel::challenges(&mut reader, "c", 3));
        assert!(drawn.len() == 3 && drawn[0] != drawn[1] && drawn[1] != drawn[2]);
        assert!(ProverChannel::challenges(&mut writer, "c", 0).is_empty());
    }
}
