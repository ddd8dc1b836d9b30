//! Zero knowledge of an absence answer: one about points of unknown content, made without them under programmed challenges.
//!
//! Every message before the sigma protocols is a uniform point, all responses are uniform scalars, and each equation is solved
//! for its first message. The shipped verifier accepts; with live challenges the same bytes fail.

use super::*;
use crate::query::Query;
use crate::query::support::generators;
use zkdl_commit::channel::Equation;
use zkdl_commit::msm::msm;
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::quantiser::ValueRange;
use zkdl_field::Field;
use zkdl_field::generators::Generators;
use zkdl_field::scalar::{encode, random};
use zkdl_field::{Affine, group};
use zkdl_transcript::Transcript;

#[derive(Clone, Copy, PartialEq)]
enum Message {
    Point,
    First,
    Scalar,
}

/// The messages in order, from the counts of the specification: N, Q, log C, g, K.
fn layout(points: usize, log_columns: usize, group: usize, groups: usize) -> Vec<Message> {
    use Message::{First, Point, Scalar as S};
    let n = points.next_power_of_two().trailing_zeros() as usize;
    let rows = groups * points.div_ceil(1 << log_columns);
    let hidden = (group + 2) * n + group + 2 * groups + 2 * log_columns;
    let products = group - 1 + groups;
    let products = [vec![First; 2 * products], vec![S; 3 * products]].concat();
    let inner_product = [vec![Point; 2 * log_columns], vec![First, S, S]].concat();
    [vec![Point; rows + hidden], products, vec![First, S, S], inner_product].concat()
}

fn script() -> Vec<[u8; 64]> {
    (0..400u32).map(|i| std::array::from_fn(|k| (i.wrapping_mul(2_654_435_761) >> (k % 24)) as u8 ^ k as u8)).collect()
}

fn random_point(g: &Generators) -> Affine {
    group::affine(&g.commit(&random().unwrap(), &random().unwrap()))
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

/// The channel of a verifier with programmed challenges that has read everything.
fn scripted<'a>(question: &Question, points: &PointCommitments, proof: &'a [u8]) -> ProofReader<'a> {
    let mut channel = ProofReader::new(Receiver::with_transcript(Transcript::scripted(script()), proof));
    register_points(&mut channel, "data point", &points.0).unwrap();
    read(&mut channel, &statement(question)).unwrap();
    channel
}

#[test]
fn an_answer_is_simulated_without_the_data() {
    let g = generators().first(64);
    let points = PointCommitments((0..11).map(|_| group::encode(&random_point(&g))).collect());
    let mut data = Descriptor::uniform(11, 5, 3, ValueRange { min: 0, max: 16 }, 4);
    data.root = points.root(&data).unwrap();
    let queries = (0..9).map(|i| Query { features: vec![i; 5], label: None }).collect();
    let question = Question { data, nonce: [3; 32], context: None, within: false, queries };
    let log_columns = statement(&question).log_columns();
    let g = generators().first(1 << log_columns);
    let layout = layout(11, log_columns, 5, 2);
    let mut sent: Vec<Affine> = layout.iter().map(|_| random_point(&g)).collect();
    let scalars: Vec<Scalar> = layout.iter().map(|_| random().unwrap()).collect();
    let encoded = |sent: &[Affine]| -> Vec<u8> {
        let one = |(i, message): (usize, &Message)| match message {
            Message::Scalar => encode(&scalars[i]),
            _ => group::encode(&sent[i]),
        };
        layout.iter().enumerate().flat_map(one).collect()
    };
    let proof = encoded(&sent);
    assert!(settle(scripted(&question, &points, &proof), &g).is_err());
    let channel = scripted(&question, &points, &proof);
    let places: Vec<usize> = (0..layout.len()).filter(|i| layout[*i] != Message::Scalar).collect();
    for equation in &channel.equations {
        let first = equation.form.terms.iter().find_map(|(index, c)| {
            let message = *places.get(index.checked_sub(points.0.len())?)?;
            (layout[message] == Message::First && *c == -Scalar::ONE).then_some((*index, message))
        });
        let (index, message) = first.unwrap();
        sent[message] = group::affine(&(evaluate(equation, &channel.points, &g) + channel.points[index]));
    }
    let body = encoded(&sent);
    assert!(settle(scripted(&question, &points, &body), &g).is_ok());
    let live = AbsentAnswer { question: question.clone(), body };
    let error = verify(&question, &live, &points, generators()).unwrap_err();
    assert_eq!(error, VerifyError::Product { which: "power" });
}
