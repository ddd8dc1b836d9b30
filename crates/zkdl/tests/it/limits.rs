//! What a hostile statement may ask for (catalogue 10, 11): refused from sizes alone, before any work.

use crate::support::{Run, SMALL, generators};
use crate::tampering::{Change, Proven, later, proven};
use zkdl::error::StatementError;
use zkdl::proof::Proof;
use zkdl::statement::{Limits, Statement};
use zkdl::{Origin, Start, VerifyError, verify};
use zkdl_train::Format;
use zkdl_train::config::MULTIPLIER_LIMIT;
use zkdl_train::ledger::StartWeights;

/// Catalogue 10, 11: sizes that are zero, overflow, or ask for too much work.
#[test]
fn absurd_statements_are_refused_before_any_work() {
    let descriptor: &[Change] = &[("no features", |s| s.data.features = 0), ("no classes", |s| s.data.classes = 0)];
    let config: &[Change] = &[("a layer of width 0", |s| s.hidden[0] = 0), ("batch 0", |s| s.batch = 0)];
    let mismatch: &[Change] = &[
        ("no steps", |s| s.multipliers.clear()),
        ("c_t = 0", |s| s.multipliers[0] = 0),
        ("c_t above its limit", |s| s.multipliers[0] = MULTIPLIER_LIMIT + 1),
        ("steps beyond the cap", |s| s.max_steps = 2),
        ("steps overflow", |s| s.first_step = u64::MAX),
        ("one row missing", |s| {
            s.end.pop();
        }),
    ];
    let limit: &[Change] = &[("huge layers", |s| s.hidden = vec![1 << 24; 40]), ("huge rows", |s| s.log_columns = 63)];
    let magnitude: &[Change] = &[("magnitude ledger", |s| {
        s.max_steps = u64::MAX;
        s.format = Format { q: 31, q_g: 25, ..s.format };
    })];
    refuse_every_change("Descriptor", descriptor);
    refuse_every_change("Config", config);
    refuse_every_change("Schedule", &[("batch above N", |s| s.batch = 1000)]);
    refuse_every_change("Mismatch", mismatch);
    refuse_every_change("Limit", limit);
    refuse_every_change("Magnitude", magnitude);
}

/// Catalogue 11: no bits and no rows of start weights, or others than a statement can have.
#[test]
fn absurd_start_weights_are_refused_before_any_work() {
    let changes: &[Change] = &[
        ("bits of no width", |s| {
            s.start = Start::Committed { origin: Origin::Named { bits: 31 }, rows: s.end.clone() }
        }),
        ("no bits", |s| s.start = Start::Committed { origin: Origin::Named { bits: 0 }, rows: s.end.clone() }),
        ("bits beyond all", |s| {
            s.start = Start::Committed { origin: Origin::Named { bits: u32::MAX }, rows: s.end.clone() }
        }),
        ("start weights before step 0", |s| s.start = later(s.end.clone())),
        ("no start weights", |s| s.start = named(Vec::new())),
        ("a start row too many", |s| s.start = named([&s.end[..], &s.end[..1]].concat())),
        ("rows shorter than a cell", |s| {
            s.log_columns = 6;
            s.start = named(s.end.clone());
        }),
    ];
    refuse_every_change("Mismatch", changes);
    let mut statement = proven(&SMALL()).run.statement.clone();
    let (_, shorten) = changes.last().unwrap();
    shorten(&mut statement);
    assert!(matches!(statement.shape(&Limits::default()), Err(StatementError::Mismatch { got: 64, .. })));
}

fn named(rows: Vec<[u8; 32]>) -> Start {
    Start::Committed { origin: Origin::Named { bits: 32 }, rows }
}

fn kind(error: &StatementError) -> &'static str {
    match error {
        StatementError::Config(_) => "Config",
        StatementError::Descriptor(_) => "Descriptor",
        StatementError::Magnitude(_) => "Magnitude",
        StatementError::Schedule(_) => "Schedule",
        StatementError::Shape(_) => "Shape",
        StatementError::Mismatch { .. } => "Mismatch",
        StatementError::Limit { .. } => "Limit",
    }
}

/// All these changes are refused, with an error of this kind.
fn refuse_every_change(expected: &str, changes: &[Change]) {
    let Proven { run, proof } = proven(&SMALL());
    for (name, change) in changes {
        let mut statement = run.statement.clone();
        change(&mut statement);
        let refused = statement.shape(&Limits::default()).unwrap_err();
        assert_eq!(kind(&refused), expected, "{name}: {refused:?}");
        // In a verifier the data root objects first to other sizes and ranges of the data.
        let renamed = Proof { statement: statement.digest(), ..proof.clone() };
        let error = verify(&statement, &run.points, &renamed, &Limits::default(), generators()).unwrap_err();
        let data_changed = statement.data != run.statement.data;
        assert_eq!(matches!(error, VerifyError::Merkle { .. }), data_changed, "{name}: {error:?}");
        assert_eq!(matches!(error, VerifyError::Statement(_)), !data_changed, "{name}: {error:?}");
    }
}

/// Catalogue 10: what a hostile statement may ask for is bounded before anything else is looked at.
#[test]
fn limits_come_first() {
    let run = Run::new(&SMALL(), 17);
    let changes: &[Change] = &[
        ("a million broken layers", |s| s.hidden = vec![0; 1 << 20]),
        ("cells", |s| s.multipliers = vec![1; 1 << 26]),
        ("parameters", |s| s.hidden = vec![1 << 20; 2]),
        ("order of the data", |s| {
            s.data.points = 1 << 27;
            s.batch = (1 << 26) + 1;
        }),
        ("columns", |s| s.log_columns = 21),
        ("no such power", |s| s.log_columns = u32::MAX),
        ("column weights", |s| {
            s.log_columns = 20;
            s.hidden = (1..60).collect();
        }),
    ];
    for (name, change) in changes {
        let mut statement = run.statement.clone();
        change(&mut statement);
        let error = statement.sizes(&Limits::default()).unwrap_err();
        assert!(matches!(error, StatementError::Limit { .. }), "{name}: {error:?}");
        assert!(error.to_string().len() < 200);
    }
}

type Lower = fn(&mut Limits);

/// Catalogue 10: work is counted exactly, so that a limit refuses what is above it and nothing else.
#[test]
fn limits_may_be_reached() {
    let statement = Run::new(&SMALL(), 17).statement;
    let log_columns = statement.log_columns;
    // 2 hidden layers; 3 steps of 3 examples and 7 + 6 + 3 neurons; their weights; 3 epochs, as far as anybody knows beforehand.
    let exact = Limits { layers: 2, cells: 144, parameters: 111, permuted: 33, log_columns, ..Limits::NONE };
    assert!(statement.sizes(&exact).is_ok());
    let lower: [(u64, Lower); 5] = [
        (2, |l| l.layers -= 1),
        (144, |l| l.cells -= 1),
        (111, |l| l.parameters -= 1),
        (33, |l| l.permuted -= 1),
        (log_columns.into(), |l| l.log_columns -= 1),
    ];
    for (counted, change) in lower {
        let mut limits = exact;
        change(&mut limits);
        let refused = statement.sizes(&limits).unwrap_err();
        assert!(matches!(refused, StatementError::Limit { got, limit, .. } if (got, limit + 1) == (counted, got)));
    }
    // Classes of rows: 2 for each width of an output and 7 more; for each query of weights 2 for every pair of widths and 1 for
    // every output; 4 of bits of named weights.
    let rows = statement.end.clone();
    let classes: [(u64, Start, Vec<u32>); 4] = [
        (2 * 3 + 7 + 9, Start::Seed, vec![7, 6]),
        (2 * 2 + 7 + 8, Start::Seed, vec![7, 7]),
        (2 * 3 + 7 + 4 * 9, later(rows.clone()), vec![7, 6]),
        (2 * 3 + 7 + 5 * 9 + 4, named(rows), vec![7, 6]),
    ];
    for (classes, start, hidden) in classes {
        let first_step = if matches!(start, Start::Committed { origin: Origin::Seed, .. }) { 3 } else { 0 };
        let statement = Statement { start, hidden, first_step, ..statement.clone() };
        let limits = |column_weights| Limits { column_weights, ..Limits::NONE };
        let weights = classes << log_columns;
        assert!(statement.sizes(&limits(weights)).is_ok(), "{classes}");
        let refused = statement.sizes(&limits(weights - 1)).unwrap_err();
        assert!(matches!(refused, StatementError::Limit { got, .. } if got == weights), "{classes}: {refused:?}");
    }
    let fastest = Statement { multipliers: vec![MULTIPLIER_LIMIT; 3], ..statement };
    assert!(fastest.sizes(&exact).is_ok());
}

#[test]
fn limits_are_multiplied() {
    let limits = Limits::default();
    assert_eq!(limits.times(1.0), limits);
    let (twice, half) = (limits.times(2.0), limits.times(0.5));
    let all = |l: Limits| [l.layers, l.cells, l.parameters, l.permuted, l.points, l.column_weights];
    assert_eq!(all(twice), all(limits).map(|limit| 2 * limit));
    assert_eq!(all(half), all(limits).map(|limit| limit / 2));
    assert_eq!([twice, half].map(|l| l.log_columns), [limits.log_columns + 1, limits.log_columns - 1]);
    assert_eq!(limits.times(1e300), Limits::NONE);
}

/// What the ledger of magnitudes takes for granted about weights that somebody brought is what their range proof shows.
#[test]
fn named_weights_are_bounded_by_their_bits() {
    for bits in [32, 64] {
        let declared = StartWeights::Declared { bound: 1 << (bits - 1) };
        assert_eq!(Origin::Named { bits }.bounds(), declared);
    }
    assert_eq!(Origin::Seed.bounds(), StartWeights::PublicSeed);
}
