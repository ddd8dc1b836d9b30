//! Values that do not fit stop training, by name, exactly at the bound.

use zkdl_train::step::{CellTensor, Overflow};
use zkdl_train::{Algorithm, Batch, Format, TrainError, Trainer, Weights};

/// 1-1-1 with R = 4, f_A = 2: one row x = 1, label 0.
fn algorithm() -> Algorithm {
    let format = Format { f_a: 2, f_g: 2, q: 6, q_g: 6 };
    Algorithm { widths: vec![1, 1, 1], format, batch: 1, f_x: 0, r_l: 4, max_steps: 9, input_min: 0, input_max: 1 }
}

/// One step, numbered 4, from the weights [w_1, b_1, w_2, b_2].
fn step(algorithm: &Algorithm, [w1, b1, w2, b2]: [i64; 4], c: u64) -> Result<(), TrainError> {
    let mut start = Weights::zeros(&algorithm.widths);
    (start.layers[0].values, start.layers[1].values) = (vec![w1, b1], vec![w2, b2]);
    let mut trainer = Trainer::resume(algorithm, start, 4).unwrap();
    trainer.step(Batch { features: &[1], labels: &[0] }, c, None).map(|_| ())
}

fn overflow(layer: usize, tensor: CellTensor, value: i128, bits: u32) -> Result<(), TrainError> {
    Err(TrainError::Overflow(Overflow { step: 4, layer, example: 0, neuron: 0, tensor, value, bits }))
}

/// Catalogue 67, 74.
#[test]
fn p_fits_exactly_its_bits() {
    // Z = 4 w + 4 b, P = floor((Z + 8) / 16): 31.5 rounds to 32, just below it to 31.
    assert_eq!(step(&algorithm(), [0, 125, 0, 16], 1), Ok(()));
    assert_eq!(step(&algorithm(), [0, 126, 0, 16], 1), overflow(1, CellTensor::P, 32, 6));
    assert_eq!(step(&algorithm(), [0, -130, 0, 16], 1), Ok(()));
    assert_eq!(step(&algorithm(), [0, -131, 0, 16], 1), overflow(1, CellTensor::P, -33, 6));
}

/// Catalogue 74.
#[test]
fn g_fits_exactly_its_bits() {
    // Z_2 = 4 b_2, 2^f_W Y = 64: c (4 b_2 - 64) rounded by 4 bits.
    assert_eq!(step(&algorithm(), [0, 0, 0, 141], 1), Ok(()));
    assert_eq!(step(&algorithm(), [0, 0, 0, 142], 1), overflow(2, CellTensor::G, 32, 6));
    assert_eq!(step(&algorithm(), [0, 0, 0, 0], 9), overflow(2, CellTensor::G, -36, 6));
}

/// Catalogue 74.
#[test]
fn k_fits_exactly_its_bits_even_where_it_is_masked() {
    // P = -1 masks G; G_2 = -4, H = -4 w_2.
    assert_eq!(step(&algorithm(), [0, -4, -125, 0], 1), Ok(()));
    assert_eq!(step(&algorithm(), [0, -4, -126, 0], 1), overflow(1, CellTensor::K, 32, 6));
}

#[test]
fn the_message_says_where_what_and_what_to_do() {
    let text = step(&algorithm(), [0, 126, 0, 16], 1).unwrap_err().to_string();
    let expected = "step 4, layer 1, example 0, neuron 0: the pre-activation P = 32 is outside [-32, 31] (q = 6 bits): \
                    raise q to 7 or lower the learning rate";
    assert_eq!(text, expected);
}

#[test]
fn a_sum_that_leaves_64_bits_is_named() {
    let error = step(&algorithm(), [0, i64::MAX, 0, 16], 1).unwrap_err();
    assert!(matches!(error, TrainError::Product { step: 4, layer: 1, .. }), "{error}");
}

#[test]
fn an_update_that_leaves_64_bits_is_named() {
    // Two huge weights cancel in Z = 0; G = -4 then pushes the first beyond its range.
    let algorithm = Algorithm { widths: vec![2, 1], ..algorithm() };
    let mut start = Weights::zeros(&algorithm.widths);
    start.layers[0].values = vec![i64::MAX, -i64::MAX, 0];
    let mut trainer = Trainer::new(&algorithm, start).unwrap();
    let error = trainer.step(Batch { features: &[1, 1], labels: &[0] }, 1, None).unwrap_err();
    assert_eq!(error, TrainError::WeightOverflow { step: 0, layer: 1, input: 0, neuron: 0 });
}

#[test]
fn rows_that_do_not_belong_are_refused() {
    let run = |features: &[i32], labels: &[u32], c| {
        let mut trainer = Trainer::new(&algorithm(), Weights::zeros(&[1, 1, 1])).unwrap();
        trainer.step(Batch { features, labels }, c, None).unwrap_err()
    };
    assert!(matches!(run(&[2], &[0], 1), TrainError::Input { value: 2, feature: 0, .. }));
    assert!(matches!(run(&[1], &[1], 1), TrainError::Label { label: 1, classes: 1, .. }));
    assert!(matches!(run(&[1, 1], &[0], 1), TrainError::BatchSize { features: 2, .. }));
    assert!(matches!(run(&[1], &[], 1), TrainError::BatchSize { labels: 0, .. }));
    assert_eq!(run(&[1], &[0], 0), TrainError::Multiplier { step: 0, value: 0 });
}

#[test]
fn the_cap_on_steps_holds() {
    let mut trainer = Trainer::resume(&algorithm(), Weights::zeros(&[1, 1, 1]), 9).unwrap();
    let error = trainer.step(Batch { features: &[1], labels: &[0] }, 1, None).unwrap_err();
    assert_eq!(error, TrainError::RunOver { step: 9, max_steps: 9 });
}
