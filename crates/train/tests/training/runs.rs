//! Whole runs: windows, observers, threads and evaluation.

use zkdl_dataset::Schedule;
use zkdl_train::{
    Algorithm, Batch, CellLayout, Format, LearningRate, Ledger, StartWeights, TraceBuilder, TrainError, Trainer,
    Weights, evaluate, initial_weights, predict, record_window,
};

use crate::samples::{Draw, Sample, sample};

/// A network that is large enough for threads to be used, two steps.
fn wide_run() -> Sample {
    let mut draw = Draw::new(1);
    let widths = vec![300, 400, 350, 10];
    let plan = LearningRate::constant(0.12).unwrap().plan(&Format::default(), 48).unwrap();
    let (format, r_l) = (Format::default(), plan.r_l);
    let algorithm = Algorithm { widths, format, batch: 48, f_x: 4, r_l, max_steps: 10, input_min: 0, input_max: 16 };
    let schedule = Schedule::new(100, 48, [1; 32], [2; 32]).unwrap();
    Sample {
        multipliers: plan.window(0, 2),
        indices: schedule.window_indices(0, 2),
        features: (0..100).map(|_| (0..300).map(|_| draw.between(0, 16) as i32).collect()).collect(),
        labels: (0..100).map(|_| draw.between(0, 9) as u32).collect(),
        start: initial_weights(&algorithm, &[1; 32], &[2; 32]),
        first_step: 0,
        algorithm,
    }
}

/// Catalogue 125: what a run meets is below what the ledger says of it, and not absurdly far below.
#[test]
fn the_ledger_bounds_what_happens() {
    for seed in 0..200 {
        let s = sample(seed, 4, seed % 2 == 0);
        let Ok(trace) = s.train() else { continue };
        let largest = |weights: &Weights| weights.layers.iter().flat_map(|l| &l.values).map(|w| w.unsigned_abs()).max();
        let bound = largest(&trace.start).unwrap().max(1);
        let ledger = Ledger::new(&s.algorithm, StartWeights::Declared { bound }).unwrap();
        for (slot, (layer, bounds)) in trace.end.layers.iter().zip(&ledger.layers).enumerate() {
            let (main, bias) = layer.values.split_at(layer.inputs * layer.outputs);
            let within = |values: &[i64], bound: u128| values.iter().all(|w| u128::from(w.unsigned_abs()) <= bound);
            assert!(within(main, bounds.weight) && within(bias, bounds.bias), "seed {seed}, layer {slot}");
            let hidden = slot + 1 < s.algorithm.layers();
            for (t, b, j) in (0..trace.steps)
                .flat_map(|t| (0..trace.batch).map(move |b| (t, b)))
                .flat_map(|(t, b)| (0..layer.outputs).map(move |j| (t, b, j)))
            {
                let word = trace.layers[slot].cell(t, b, j).unwrap();
                let layout = CellLayout::of(&s.algorithm);
                let r = s.algorithm.format.f_w();
                let (rounded, gradient, back) = if hidden {
                    let cell = layout.unpack_hidden(word);
                    let of = |high: i64, low: u64| (i128::from(high) << r) + i128::from(low);
                    (of(cell.p, cell.rem_z), cell.k, of(cell.k, cell.rem_h))
                } else {
                    let cell = layout.unpack_output(word);
                    ((i128::from(cell.g) << s.algorithm.r_l) + i128::from(cell.rem_l), cell.g, 0)
                };
                assert!(rounded.unsigned_abs() <= bounds.rounded && back.unsigned_abs() <= bounds.back_sum.max(1 << r));
                assert!(u128::from(gradient.unsigned_abs()) <= bounds.gradient);
            }
        }
    }
}

/// Catalogue 123.
#[test]
fn threads_never_change_a_bit() {
    let s = wide_run();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| s.train().unwrap())
    };
    assert_eq!(with(1), with(2));
}

#[test]
fn a_wide_run_satisfies_its_relation() {
    let s = wide_run();
    assert_eq!(s.check(&s.train().unwrap()), Ok(()));
}

#[test]
fn observing_changes_nothing() {
    let s = sample(5, 8, true);
    let trace = s.train().unwrap();
    let mut trainer = Trainer::resume(&s.algorithm, s.start.clone(), s.first_step).unwrap();
    for (t, batch) in s.indices.iter().enumerate() {
        let features: Vec<i32> = batch.iter().flat_map(|&i| s.point(i).unwrap().0.to_vec()).collect();
        let labels: Vec<u32> = batch.iter().map(|&i| s.point(i).unwrap().1).collect();
        let metrics = trainer.step(Batch { features: &features, labels: &labels }, s.multipliers[t], None).unwrap();
        assert_eq!(metrics, trace.metrics[t]);
    }
    assert_eq!((trainer.next_step(), trainer.weights()), (s.first_step + 8, &trace.end));
}

#[test]
fn a_builder_without_expectations_records_the_same() {
    let s = sample(5, 8, true);
    let trace = s.train().unwrap();
    for expected in [0, 3, 20] {
        let mut trainer = Trainer::resume(&s.algorithm, s.start.clone(), s.first_step).unwrap();
        let mut builder = TraceBuilder::for_steps(&s.algorithm, s.first_step, s.start.clone(), expected);
        for (t, batch) in s.indices.iter().enumerate() {
            let features: Vec<i32> = batch.iter().flat_map(|&i| s.point(i).unwrap().0.to_vec()).collect();
            let labels: Vec<u32> = batch.iter().map(|&i| s.point(i).unwrap().1).collect();
            let rows = Batch { features: &features, labels: &labels };
            trainer.step(rows, s.multipliers[t], Some(&mut builder)).unwrap();
        }
        assert_eq!(builder.finish(trainer.into_weights()), trace);
    }
}

#[test]
fn two_windows_are_one_run() {
    let whole = sample(8, 6, true);
    let trace = whole.train().unwrap();
    let (mut first, mut second) = (whole.clone(), whole.clone());
    first.indices.truncate(2);
    first.multipliers.truncate(2);
    second.indices.drain(..2);
    second.multipliers.drain(..2);
    let head = first.train().unwrap();
    (second.start, second.first_step) = (head.end.clone(), whole.first_step + 2);
    let tail = second.train().unwrap();
    assert_eq!(tail.end, trace.end);
    for ((whole, head), tail) in trace.layers.iter().zip(&head.layers).zip(&tail.layers) {
        assert_eq!(whole.bytes, [head.bytes.clone(), tail.bytes.clone()].concat());
        assert_eq!(whole.row(3, 0), tail.row(1, 0));
        assert_eq!(
            (whole.cell(6, 0, 0), whole.cell(0, whole.batch, 0), whole.cell(0, 0, whole.width)),
            (None, None, None)
        );
    }
}

#[test]
fn progress_is_told_after_each_step() {
    let s = sample(9, 4, true);
    let mut seen = Vec::new();
    let point = |index| s.point(index);
    record_window(&s.algorithm, s.start.clone(), point, &s.indices, &s.multipliers, 0, |done| seen.push(done)).unwrap();
    assert_eq!(seen, [1, 2, 3, 4]);
}

#[test]
fn windows_that_do_not_fit_the_data_are_refused() {
    let s = sample(9, 2, true);
    let missing = Sample { indices: vec![vec![99; s.algorithm.batch as usize]; 2], ..s.clone() };
    assert_eq!(missing.train(), Err(TrainError::NoSuchPoint { step: s.first_step, index: 99 }));
    let short = Sample { multipliers: vec![1], ..s.clone() };
    assert_eq!(short.train(), Err(TrainError::Window { steps: 2, multipliers: 1 }));
    let empty = Sample { multipliers: vec![], indices: vec![], ..s.clone() };
    assert!(matches!(empty.train(), Err(TrainError::Window { .. })));
    let other =
        Sample { start: Weights::zeros(&[1, 1]), algorithm: Algorithm { widths: vec![2, 2], ..s.algorithm }, ..s };
    assert!(matches!(other.train(), Err(TrainError::Weights(_))));
}

#[test]
fn evaluation_is_the_forward_pass_of_training() {
    let s = sample(12, 1, true);
    let features: Vec<i32> = s.indices[0].iter().flat_map(|&i| s.point(i).unwrap().0.to_vec()).collect();
    let labels: Vec<u32> = s.indices[0].iter().map(|&i| s.point(i).unwrap().1).collect();
    let rows = Batch { features: &features, labels: &labels };
    let evaluation = evaluate(&s.algorithm, &s.start, rows).unwrap();
    let metrics = s.train().unwrap().metrics[0];
    assert_eq!((evaluation.correct, evaluation.rows), (metrics.correct, labels.len()));
    assert!((evaluation.loss - metrics.loss).abs() < 1e-12);
}

#[test]
fn evaluation_takes_any_number_of_rows() {
    let s = sample(12, 1, true);
    let (row, label) = s.point(0).unwrap();
    let (features, labels) = (row.repeat(2500), vec![label; 2500]);
    let one = evaluate(&s.algorithm, &s.start, Batch { features: row, labels: &[label] }).unwrap();
    let many = evaluate(&s.algorithm, &s.start, Batch { features: &features, labels: &labels }).unwrap();
    assert_eq!(many.correct, 2500 * one.correct);
    assert!((many.loss - one.loss).abs() < 1e-9 && many.accuracy() == one.accuracy());
    assert_eq!(evaluate(&s.algorithm, &s.start, Batch { features: &[], labels: &[] }).unwrap().accuracy(), 0.0);
    let uneven = Batch { features: &features[1..], labels: &labels };
    assert!(matches!(evaluate(&s.algorithm, &s.start, uneven), Err(TrainError::BatchSize { .. })));
}

#[test]
fn predictions_are_the_classes_that_evaluation_counts() {
    let s = sample(12, 1, true);
    let points = || (0..40).filter_map(|i| s.point(i));
    let (features, labels): (Vec<i32>, Vec<u32>) =
        (points().flat_map(|(row, _)| row.to_vec()).collect(), points().map(|(_, label)| label).collect());
    let classes = predict(&s.algorithm, &s.start, &features).unwrap();
    let correct = classes.iter().zip(&labels).filter(|(class, label)| class == label).count();
    let rows = Batch { features: &features, labels: &labels };
    assert_eq!(correct, evaluate(&s.algorithm, &s.start, rows).unwrap().correct);
    assert_eq!(classes.len(), labels.len());
    assert!(matches!(predict(&s.algorithm, &s.start, &features[1..]), Err(TrainError::BatchSize { .. })));
}
