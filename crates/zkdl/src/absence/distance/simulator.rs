//! Zero knowledge of an answer about near-duplicates: one about points of unknown content, made as in `absence/simulator.rs`.

use super::*;
use crate::absence;
use crate::adversary::forgery::{Messages, layout, random_point, script};
use crate::query::Query;
use crate::query::support::generators;
use crate::settle::watch;
use zkdl_dataset::quantiser::ValueRange;
use zkdl_transcript::simulator::staged;

/// Messages before the sigma protocols, by the formula of the specification.
fn values(question: &Question, claim: &Claim<'_>, classes: usize) -> usize {
    let log = |n: usize| log2_ceil(n);
    let hidden = 2 * log(question.data.features as usize)
        + 6 * log(claim.points)
        + 3 * log(claim.queries.len())
        + 3 * log(8 * claim.cell_bytes())
        + 2 * log(claim.row_columns)
        + classes
        + 2;
    claim.row_count() + hidden
}

/// Catalogue 111: eleven points in rows of which the last of a query is shorter, and in rows that are all alike.
#[test]
fn an_answer_about_distances_is_simulated_without_the_data() {
    for (points, queries, classes) in [(11, 3, 6), (16, 2, 4)] {
        simulate(points, queries, classes);
    }
}

fn simulate(points: u32, queries: i32, classes: usize) {
    let g = generators().first(2);
    let commitments = PointCommitments((0..points).map(|_| group::encode(&random_point(&g))).collect());
    let mut data = Descriptor::uniform(points, 5, 3, ValueRange { min: 0, max: 16 }, 4);
    data.near = 9;
    data.root = commitments.root(&data).unwrap();
    let queries = (0..queries).map(|i| Query { features: vec![i; 5], label: None }).collect();
    let question = Question { data, nonce: [3; 32], context: None, within: true, queries };
    let claim = claim(&question);
    let g = generators().first(claim.row_columns);
    let kinds = layout(values(&question, &claim, classes), 2, log2_ceil(claim.row_columns));
    let mut simulated = Messages::uniform(kinds, &g);
    let judge = |simulated: &Messages| {
        let answer = AbsentAnswer { question: question.clone(), body: simulated.encode() };
        absence::verify(&question, &answer, &commitments, generators())
    };
    let ((verdict, _), collected) = watch::during(|| staged(script(), || judge(&simulated)));
    assert!(verdict.is_err());
    let (points_read, equations) = collected.unwrap();
    simulated.solve(&points_read, &equations, &g);
    assert!(staged(script(), || judge(&simulated)).0.is_ok());
    assert_eq!(judge(&simulated), Err(VerifyError::Product { which: "squares" }));
}
