//! Zero knowledge of a data proof: one about points of unknown contents, made under programmed challenges as in
//! `simulator.rs`. The shipped verifier accepts it, and with live challenges refuses the same bytes.

use super::*;
use crate::adversary::forgery::{Messages, layout as messages, random_point, script};
use crate::settle::watch;
use zkdl_dataset::ValueRange;
use zkdl_transcript::simulator::staged;

/// Catalogue 111.
#[test]
fn a_data_proof_is_simulated_without_a_witness() {
    const LOG_COLUMNS: u32 = 9;
    let source = GeneratorSource::derived();
    let g = source.first(1 << LOG_COLUMNS);
    let points = PointCommitments((0..7).map(|_| group::encode(&random_point(&g))).collect());
    let mut data = Descriptor::uniform(7, 30, 3, ValueRange { min: 0, max: 16 }, 4);
    data.root = points.root(&data).unwrap();
    let layout = layout(&data, LOG_COLUMNS, &Limits::default()).unwrap();
    // 153 bits are two cells: four rows of two points, the last of one. Two queries of rows of bits, full and short, one of data.
    let values = layout.packing().rows() + 3 * (7 + 1 + 3) + 1 + 2 * LOG_COLUMNS as usize + 4;
    let mut simulated = Messages::uniform(messages(values, 1, LOG_COLUMNS as usize), &g);
    let judge = |simulated: &Messages| {
        let proof =
            DataProof { statement: digest(&data, LOG_COLUMNS), log_columns: LOG_COLUMNS, body: simulated.encode() };
        verify(&data, &points, &proof, &Limits::default(), &source)
    };
    let ((verdict, _), collected) = watch::during(|| staged(script(), || judge(&simulated)));
    assert!(verdict.is_err());
    let (points_read, equations) = collected.unwrap();
    simulated.solve(&points_read, &equations, &g);
    assert!(staged(script(), || judge(&simulated)).0.is_ok());
    let error = judge(&simulated).unwrap_err();
    assert_eq!(error, VerifyError::Product { which: "booleanity" });
}
