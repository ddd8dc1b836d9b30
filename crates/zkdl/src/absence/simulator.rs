//! Zero knowledge of an absence answer: one about points of unknown content, made without them under programmed challenges.
//!
//! Every message before the sigma protocols is a uniform point, all responses are uniform scalars, and each equation is solved
//! for its first message. The shipped verifier accepts; with live challenges the same bytes fail.

use super::*;
use crate::adversary::forgery::{Message, Messages, layout as messages, random_point, script};
use crate::query::Query;
use crate::query::support::generators;
use crate::settle::watch;
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::quantiser::ValueRange;
use zkdl_field::group;
use zkdl_transcript::simulator::staged;

/// The messages in order, from the counts of the specification: N, Q, log C, g, K.
fn layout(points: usize, log_columns: usize, group: usize, groups: usize) -> Vec<Message> {
    let n = points.next_power_of_two().trailing_zeros() as usize;
    let rows = groups * points.div_ceil(1 << log_columns);
    let hidden = (group + 2) * n + group + 2 * groups + 2 * log_columns;
    messages(rows + hidden, group - 1 + groups, log_columns)
}

/// Catalogue 111.
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
    let mut simulated = Messages::uniform(layout(11, log_columns, 5, 2), &g);
    let judge = |simulated: &Messages| {
        let answer = AbsentAnswer { question: question.clone(), body: simulated.encode() };
        verify(&question, &answer, &points, generators())
    };
    let ((verdict, _), collected) = watch::during(|| staged(script(), || judge(&simulated)));
    assert!(verdict.is_err());
    let (points_read, equations) = collected.unwrap();
    simulated.solve(&points_read, &equations, &g);
    assert!(staged(script(), || judge(&simulated)).0.is_ok());
    let error = judge(&simulated).unwrap_err();
    assert_eq!(error, VerifyError::Product { which: "power" });
}
