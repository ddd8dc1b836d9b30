//! Weights that are shown, and what cannot be shown as them.

use crate::support::{NAMED, Run, SMALL, Sizes, generators};
use zkdl::codec::FormatError;
use zkdl::describe::model_digest;
use zkdl::model::{self, Boundary, WeightsProof};
use zkdl::statement::Limits;
use zkdl::{ProveError, Statement, VerifyError};
use zkdl_train::Weights;

fn run() -> Run {
    Run::new(&SMALL(), 5)
}

fn prove(run: &Run, weights: &Weights) -> WeightsProof {
    model::prove(&run.statement, Boundary::End, weights, &run.end_rows.blinds, generators()).unwrap()
}

fn verify(statement: &Statement, weights: &Weights, proof: &WeightsProof) -> Result<(), VerifyError> {
    model::verify(statement, Boundary::End, weights, proof, &Limits::default(), generators())
}

#[test]
fn the_final_weights_are_shown_to_be_those_of_the_model() {
    for sizes in [SMALL(), Sizes { first_step: 2, ..SMALL() }, Sizes { features: 8, hidden: vec![4], ..SMALL() }] {
        let run = Run::new(&sizes, 5);
        let proof = WeightsProof::decode(&prove(&run, &run.trace.end).encode()).unwrap();
        assert_eq!(verify(&run.statement, &run.trace.end, &proof), Ok(()));
        assert_eq!(proof.encode().len(), "zkdl-weights-proof".len() + 4 + 32 + 8 + 64);
    }
}

#[test]
fn named_start_weights_are_shown_to_be_those_of_the_statement() {
    let run = Run::new(&NAMED(), 5);
    let (blinds, limits) = (&run.start_rows.as_ref().unwrap().blinds, Limits::default());
    let show = |weights| model::prove(&run.statement, Boundary::Start, weights, blinds, generators()).unwrap();
    let judge =
        |statement, boundary, weights, proof| model::verify(statement, boundary, weights, proof, &limits, generators());
    let proof = show(&run.trace.start);
    assert_eq!(judge(&run.statement, Boundary::Start, &run.trace.start, &proof), Ok(()));
    let shown = show(&run.trace.end);
    let other = judge(&run.statement, Boundary::Start, &run.trace.end, &shown);
    assert_eq!(other, Err(VerifyError::OtherWeights));
    for (statement, boundary) in [(&run.statement, Boundary::End), (&self::run().statement, Boundary::Start)] {
        let error = judge(statement, boundary, &run.trace.start, &proof).unwrap_err();
        assert!(matches!(error, VerifyError::StatementMismatch { .. }), "{error}");
    }
}

/// No rows hold no weights, whatever a proof about them says.
#[test]
fn a_public_start_has_no_rows_to_show() {
    let run = run();
    let proof = WeightsProof { model: model_digest(&[]), body: vec![0; 64] };
    let limits = Limits::default();
    let verdict = model::verify(&run.statement, Boundary::Start, &run.trace.start, &proof, &limits, generators());
    assert!(matches!(verdict, Err(VerifyError::Statement(_))), "{verdict:?}");
}

/// Catalogue 28.
#[test]
fn no_weight_can_be_another() {
    let run = run();
    let honest = prove(&run, &run.trace.end);
    for layer in 0..3 {
        let last = run.trace.end.layers[layer].values.len() - 1;
        for place in [0, last / 2, last] {
            let mut other = run.trace.end.clone();
            other.layers[layer].values[place] += 1;
            // The proof of other weights, and the honest proof beside other weights.
            assert_eq!(verify(&run.statement, &other, &prove(&run, &other)), Err(VerifyError::OtherWeights));
            assert_eq!(verify(&run.statement, &other, &honest), Err(VerifyError::OtherWeights));
            assert_eq!(verify(&run.statement, &run.trace.end, &prove(&run, &other)), Err(VerifyError::OtherWeights));
        }
    }
    assert_eq!(verify(&run.statement, &run.trace.start, &honest), Err(VerifyError::OtherWeights));
}

/// Catalogue 45, 49: weights of two rows exchanged, and an error that the sum of all rows would hide: only the challenge tells them apart.
#[test]
fn errors_in_two_rows_do_not_cancel() {
    let run = run();
    let mut other = run.trace.end.clone();
    let layer = &mut other.layers[1];
    layer.values[0] += 1;
    let bias = layer.inputs * layer.outputs;
    layer.values[bias] -= 1;
    assert_eq!(verify(&run.statement, &other, &prove(&run, &other)), Err(VerifyError::OtherWeights));
}

#[test]
fn a_proof_is_of_its_model_and_its_network() {
    let (run, other) = (run(), Run::new(&SMALL(), 6));
    let proof = prove(&run, &run.trace.end);
    let error = verify(&other.statement, &run.trace.end, &proof).unwrap_err();
    assert!(matches!(error, VerifyError::StatementMismatch { .. }), "{error:?}");
    let renamed = WeightsProof { model: prove(&other, &other.trace.end).model, ..proof.clone() };
    assert_eq!(verify(&other.statement, &run.trace.end, &renamed), Err(VerifyError::OtherWeights));
    let narrow = Weights::zeros(&[5, 7, 6]);
    assert!(matches!(verify(&run.statement, &narrow, &proof), Err(VerifyError::Weights(_))));
    let refused = model::prove(&run.statement, Boundary::End, &narrow, &run.end_rows.blinds, generators());
    assert!(matches!(refused, Err(ProveError::Witness { what: "the number of weights", .. })));
    let refused = model::prove(&run.statement, Boundary::End, &run.trace.end, &run.end_rows.blinds[1..], generators());
    assert!(matches!(refused, Err(ProveError::Witness { what: "the number of weight blinds", .. })));
}

/// Catalogue 1, 2, 16.
#[test]
fn every_changed_bit_and_every_length_is_refused() {
    let run = run();
    let bytes = prove(&run, &run.trace.end).encode();
    let accepted =
        |bytes: &[u8]| WeightsProof::decode(bytes).is_ok_and(|p| verify(&run.statement, &run.trace.end, &p).is_ok());
    assert!(accepted(&bytes));
    for bit in 0..8 * bytes.len() {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepted(&changed), "bit {bit}");
    }
    for place in 0..bytes.len() {
        assert!(
            matches!(
                WeightsProof::decode(&bytes[..place]),
                Err(FormatError::Truncated { .. } | FormatError::Magic { .. } | FormatError::Value { .. })
            ),
            "{place}"
        );
    }
    assert!(matches!(WeightsProof::decode(&[&bytes[..], &[0]].concat()), Err(FormatError::Trailing { bytes: 1, .. })));
}

/// Catalogue 107.
#[test]
fn two_proofs_have_nothing_in_common() {
    let run = run();
    let [a, b] = [(), ()].map(|()| prove(&run, &run.trace.end).body);
    assert!(a.chunks(32).zip(b.chunks(32)).all(|(a, b)| a != b));
}
