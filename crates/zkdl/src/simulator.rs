//! Zero knowledge of the whole: a proof of any statement, true or not, made without a witness under programmed challenges.
//!
//! The simulator draws every message uniformly (a commitment of unknown content is a uniform point), fixes the challenges, and
//! solves each equation for the first message of its sigma protocol. The shipped verifier accepts; with live challenges
//! the same bytes fail. So a proof tells the verifier nothing that it could not have made up.

use super::*;
use crate::adversary::forgery::{Message, Messages, layout, random_point, script};
use crate::settle::watch;
use crate::statement::{GENERATORS, Origin};
use zkdl_arguments::rows::weight_row_count;
use zkdl_dataset::{Descriptor, ValueRange};
use zkdl_field::Field;
use zkdl_field::generators::Generators;
use zkdl_field::scalar::encode;
use zkdl_transcript::simulator::staged;

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

/// How many points come before the sigma protocols: read uniform points until the rest of the proof fits.
fn count_values(statement: &Statement, shape: &Shape, data: &[Affine], products: usize, point: &Affine) -> usize {
    let fits = |n: &usize| {
        let proof: Vec<u8> = layout(*n, products, 7)
            .iter()
            .flat_map(|m| if *m == Message::Scalar { encode(&Scalar::ONE) } else { group::encode(point) })
            .collect();
        let read = || read(statement, shape, data, ProofReader::new(Receiver::new(PROTOCOL, &[0; 32], &proof)));
        staged(script(), read).0.is_ok_and(|channel| channel.receiver.finish().is_ok())
    };
    (cell_row_count(shape)..2000).find(fits).unwrap()
}

/// Catalogue 111.
#[test]
fn a_whole_proof_is_simulated_without_a_witness() {
    simulate(Start::Seed, 5);
}

/// Catalogue 111.
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
    let mut simulated = Messages::uniform(layout(values, products, 7), &g);
    let scripted = |body: Vec<u8>| {
        let proof = Proof { statement: statement.digest(), body };
        let read = || read_proof(&statement, &data, &proof, &Limits::default())?.settle(&data, &g);
        let ((verdict, _), collected) = watch::during(|| staged(script(), read));
        (verdict, collected.unwrap())
    };
    let (verdict, (points_read, equations)) = scripted(simulated.encode());
    assert!(verdict.is_err());
    simulated.solve(&points_read, &equations, &g);
    let body = simulated.encode();
    assert!(scripted(body.clone()).0.is_ok());
    let live = Proof { statement: statement.digest(), body };
    let error = verify(&statement, &points, &live, &Limits::default(), &GeneratorSource::derived()).unwrap_err();
    assert_eq!(error, VerifyError::Product { which: "forward" });
}
