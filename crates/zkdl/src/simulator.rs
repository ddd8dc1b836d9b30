//! Zero knowledge of the whole: a proof of any statement, true or not, made without a witness under programmed challenges.
//!
//! The simulator draws every message uniformly (a commitment of unknown content is a uniform point), fixes the challenges, and
//! solves each equation for the first message of its sigma protocol. The shipped verifier accepts; with live challenges
//! the same bytes fail. So a proof tells the verifier nothing that it could not have made up.

use super::*;
use crate::settle::settle;
use crate::statement::{GENERATORS, Origin};
use zkdl_arguments::rows::weight_row_count;
use zkdl_commit::channel::Equation;
use zkdl_commit::msm::msm;
use zkdl_dataset::{Descriptor, ValueRange};
use zkdl_field::generators::Generators;
use zkdl_field::scalar::{encode, random};
use zkdl_field::{Affine, Field};
use zkdl_transcript::Transcript;

/// A message of the proof.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Message {
    Point,
    First,
    Scalar,
}

pub(crate) fn random_point(g: &Generators) -> Affine {
    group::affine(&g.commit(&random().unwrap(), &random().unwrap()))
}

/// A statement whose rows are random points: nobody knows data or weights behind them.
fn statement_about_nothing(g: &Generators, start: Start) -> (Statement, PointCommitments) {
    let row = |_| group::encode(&random_point(g));
    let points = PointCommitments((0..7).map(row).collect());
    let mut data = Descriptor::uniform(7, 5, 3, ValueRange { min: 0, max: 16 }, 4);
    data.root = points.root(&data).unwrap();
    let mut statement = Statement {
        data,
        hidden: vec![6, 4],
        format: zkdl_train::Format::default(),
        batch: 3,
        r_l: 37,
        max_steps: 100,
        nonce: [1; 32],
        first_step: 0,
        multipliers: vec![9_000; 3],
        log_columns: 7,
        start,
        end: Vec::new(),
    };
    let shape = statement.sizes(&Limits::default()).unwrap();
    let rows = || (0..weight_row_count(&shape)).map(row).collect();
    statement.end = rows();
    if let Start::Committed { rows: start, .. } = &mut statement.start {
        *start = rows();
    }
    (statement, points)
}

/// The messages in order: committed rows and values, products, knowledge, the inner-product argument.
pub(crate) fn layout(values: usize, products: usize, log_columns: usize) -> Vec<Message> {
    use Message::{First, Point, Scalar as S};
    let products = [vec![First; 2 * products], vec![S; 3 * products]].concat();
    let inner_product = [vec![Point; 2 * log_columns], vec![First, S, S]].concat();
    [vec![Point; values], products, vec![First, S, S], inner_product].concat()
}

/// How many points come before the sigma protocols: read uniform points until the rest of the proof fits.
fn count_values(statement: &Statement, shape: &Shape, data: &[Affine], products: usize, point: &Affine) -> usize {
    let fits = |n: &usize| {
        let proof: Vec<u8> = layout(*n, products, 7)
            .iter()
            .flat_map(|m| if *m == Message::Scalar { encode(&Scalar::ONE) } else { group::encode(point) })
            .collect();
        let channel = ProofReader::new(Receiver::with_transcript(Transcript::scripted(script()), &proof));
        read(statement, shape, data, channel).is_ok_and(|channel| channel.receiver.finish().is_ok())
    };
    (cell_row_count(shape)..2000).find(fits).unwrap()
}

pub(crate) fn script() -> Vec<[u8; 64]> {
    (0..400u32).map(|i| std::array::from_fn(|k| (i.wrapping_mul(2_654_435_761) >> (k % 24)) as u8 ^ k as u8)).collect()
}

/// The points and scalars of a simulated proof.
pub(crate) struct Simulated {
    layout: Vec<Message>,
    points: Vec<Affine>,
    scalars: Vec<Scalar>,
}

impl Simulated {
    /// Uniform messages.
    pub(crate) fn uniform(layout: Vec<Message>, g: &Generators) -> Self {
        Self {
            points: layout.iter().map(|_| random_point(g)).collect(),
            scalars: layout.iter().map(|_| random().unwrap()).collect(),
            layout,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let one = |i: usize| match self.layout[i] {
            Message::Scalar => encode(&self.scalars[i]),
            _ => group::encode(&self.points[i]),
        };
        (0..self.layout.len()).flat_map(one).collect()
    }

    /// Replaces the first message of every equation by the one that makes it hold.
    pub(crate) fn solve(&mut self, channel: &ProofReader<'_>, public: usize, g: &Generators) {
        let sent: Vec<usize> = (0..self.layout.len()).filter(|i| self.layout[*i] != Message::Scalar).collect();
        for equation in &channel.equations {
            let first = equation.form.terms.iter().find_map(|(index, c)| {
                let message = *sent.get(index.checked_sub(public)?)?;
                (self.layout[message] == Message::First && *c == -Scalar::ONE).then_some((*index, message))
            });
            let (index, message) = first.unwrap();
            let sum = evaluate(equation, &channel.points, g) + channel.points[index];
            self.points[message] = group::affine(&sum);
        }
    }
}

fn evaluate(equation: &Equation, points: &[Affine], g: &Generators) -> zkdl_field::Point {
    let (mut bases, mut scalars): (Vec<Affine>, Vec<Scalar>) =
        equation.form.terms.iter().map(|(i, c)| (points[*i], *c)).unzip();
    bases.extend([g.value, g.blind]);
    scalars.extend([equation.form.constant, equation.blind]);
    bases.extend(&g.columns[..equation.columns.len()]);
    scalars.extend(&equation.columns);
    msm(&bases, &scalars)
}

#[test]
fn a_whole_proof_is_simulated_without_a_witness() {
    simulate(Start::Seed, 5);
}

#[test]
fn a_whole_proof_from_named_weights_is_simulated_without_a_witness() {
    simulate(Start::Committed { origin: Origin::Named { bits: 32 }, rows: Vec::new() }, 6);
}

/// Simulates a proof with so many products.
fn simulate(start: Start, products: usize) {
    let g = Generators::derive(GENERATORS, 128);
    let (statement, points) = statement_about_nothing(&g, start);
    let shape = statement.shape(&Limits::default()).unwrap();
    let data = decode_points("data point", &points.0).unwrap();
    let values = count_values(&statement, &shape, &data, products, &random_point(&g));
    let mut simulated = Simulated::uniform(layout(values, products, 7), &g);
    let scripted = |proof: &[u8]| -> Result<usize, VerifyError> {
        let channel = ProofReader::new(Receiver::with_transcript(Transcript::scripted(script()), proof));
        settle(read(&statement, &shape, &data, channel)?, &g)
    };
    let proof = simulated.encode();
    assert!(scripted(&proof).is_err());
    let channel = ProofReader::new(Receiver::with_transcript(Transcript::scripted(script()), &proof));
    let channel = read(&statement, &shape, &data, channel).unwrap();
    simulated.solve(&channel, points.0.len() + statement.start.rows().len() + statement.end.len(), &g);
    let proof = simulated.encode();
    assert!(scripted(&proof).is_ok());
    let live = Proof { statement: statement.digest(), body: proof };
    let error = verify(&statement, &points, &live, &Limits::default(), &GeneratorSource::derived()).unwrap_err();
    assert_eq!(error, VerifyError::Product { which: "forward" });
}
