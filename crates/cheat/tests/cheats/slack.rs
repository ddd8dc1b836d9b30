//! Cheats beyond the statement's sizes: examples, steps, neurons, bits and columns that do not exist.

use crate::table::{BATCH, Base, CLASSES, Cheat, STEPS, cheat, judge, on};
use zkdl_cheat::harness::untouched;
use zkdl_cheat::plain::Strategy;
use zkdl_cheat::relation::Equation::Padding;
use zkdl_cheat::relation::violated;
use zkdl_cheat::trainer::{Cell, Example, Hooks, Trainer, honest};
use zkdl_cheat::witness::Kind;
use zkdl_field::{Field, Scalar};

/// A bit that does not exist, used in the sums and committed where a row has room for it.
fn used(cell: Cell, place: usize) -> Hooks {
    Hooks {
        post: Box::new(move |w, shape| {
            let bits = w.bits.entry(cell).or_insert_with(|| vec![Scalar::ZERO; 1 << shape.log_bits()]);
            bits[place] = Scalar::ONE;
        }),
        ..Hooks::default()
    }
}

/// An example more in every batch.
fn another(row: fn(&Trainer<'_>) -> Example) -> Hooks {
    Hooks {
        batch: Some(BATCH + 1),
        row: Box::new(move |s, t, b| if b == BATCH { row(s) } else { honest::row(s, t, b) }),
        ..Hooks::default()
    }
}

/// A step more, on the data of step 0.
fn extra_step() -> Hooks {
    Hooks {
        steps: Some(STEPS + 1),
        row: Box::new(|s, t, b| honest::row(s, t % STEPS, b)),
        multiplier: Box::new(|s, t| honest::multiplier(s, t % STEPS)),
        ..Hooks::default()
    }
}

/// A hidden neuron more, rounded without the constant that only real cells have.
fn wider() -> Hooks {
    let off = |s: &Trainer<'_>, v: i128, [l, _, _, j]: Cell| {
        v - if l == 0 && j == s.public.widths[1] { 1 << (s.public.format.r - 1) } else { 0 }
    };
    Hooks {
        wide: true,
        dec_z: Box::new(move |s, z, c| honest::dec_z(s, off(s, z, c), c)),
        dec_h: Box::new(move |s, h, c| honest::dec_h(s, off(s, h, c), c)),
        ..Hooks::default()
    }
}

/// A feature more in every example, a function of its label, with weights of its own that start from `weight`.
fn feature(weight: i128, value: fn(&[i128]) -> i128) -> Hooks {
    Hooks {
        start: Box::new(move |mut weights| {
            let bias = weights[0].len() - 1;
            let row = vec![weight; weights[0][bias].len()];
            weights[0].insert(bias, row);
            weights
        }),
        row: Box::new(move |s, t, b| {
            let (mut x, y) = honest::row(s, t, b);
            x.push(value(&y) * s.one());
            (x, y)
        }),
        ..Hooks::default()
    }
}

fn sizes() -> Vec<Cheat> {
    let roomy = |c| on(Base::Roomy, c);
    let point = |s: &Trainer<'_>| s.point(0);
    let zero = |s: &Trainer<'_>| (vec![0; s.widths[0]], vec![0; CLASSES]);
    vec![
        roomy(cheat(
            "extra batch row trained on",
            Padding,
            &["forward", "update", "bits", "features", "labels"],
            another(point),
        )),
        roomy(cheat("extra zero batch row trained on", Padding, &["forward", "update", "bits"], another(zero))),
        cheat("extra zero batch row, no room in the rows", Padding, &["forward", "update", "bits"], another(zero)),
        cheat("extra step trained on", Padding, &["forward", "update", "bits", "features", "labels"], extra_step()),
        cheat("hidden wider layer", Padding, &["bits", "W_0", "W_T"], wider()),
        cheat("extra feature trained on", Padding, &["W_0", "W_T", "features"], feature(50, |_| 3)),
        roomy(cheat("extra feature, room in the rows", Padding, &["W_0", "W_T", "features"], feature(50, |_| 3))),
        cheat("extra feature without weight at first", Padding, &["W_T", "features"], feature(0, |_| 3)),
        // The committed column behind the features holds the first class of the label.
        cheat("label column as a feature", Padding, &["W_0", "W_T", "features"], feature(50, |y| y[0])),
    ]
}

fn bits() -> Vec<Cheat> {
    vec![
        cheat("bit of a padded neuron used", Padding, &["bits"], used([0, 0, 0, 7], 0)),
        cheat("bit of a padded batch row used", Padding, &["bits"], used([0, 0, BATCH, 0], 1)),
        on(Base::Roomy, cheat("bit of a padded batch row used, room", Padding, &["bits"], used([0, 0, BATCH, 0], 1))),
        on(Base::Roomy, cheat("output bit of a padded batch row used", Padding, &["bits"], used([2, 0, BATCH, 0], 1))),
        cheat("bit of a padded step used", Padding, &["bits"], used([1, STEPS, 0, 0], 0)),
        cheat("bit of a padded layer used", Padding, &["bits"], used([3, 0, 0, 0], 0)),
        cheat("bit beyond the fields used", Padding, &["bits"], used([0, 0, 0, 0], 47)),
        cheat("bit beyond the stride used", Padding, &["bits"], used([0, 0, 0, 0], 63)),
        cheat("bit beyond an output cell's fields used", Padding, &["bits"], used([2, 0, 0, 0], 37)),
        cheat("P field of an output cell used", Padding, &["bits"], used([2, 0, 0, 0], 44)),
    ]
}

/// Catalogue 83, 89.
#[test]
fn sizes_beyond_the_statement() {
    judge(sizes());
}

/// Catalogue 68, 72, 83.
#[test]
fn bits_that_do_not_exist() {
    judge(bits());
}

/// The bits between a cell's fields and the end of its stride carry no weight in any claim.
#[test]
fn junk_in_a_stride_changes_nothing() {
    for base in [Base::Ragged, Base::Roomy, Base::Public] {
        let case = base.case();
        let fields = case.sample.shape.format.hidden_bits();
        assert_eq!(fields % 8, 6, "two bits of a cell's stride are slack");
        let mut witness = zkdl_cheat::trainer::honest(&case.sample).unwrap();
        witness.junk = vec![(Kind::Cells, 0, fields, Scalar::from(7))];
        assert_eq!(violated(&case.sample, &witness), Vec::new());
        let attempt = case.attempt(&witness, Strategy::Honest, &untouched()).unwrap();
        assert_eq!(case.failing(&attempt, &witness).unwrap(), Vec::<&str>::new(), "{base:?}");
        assert!(case.verify(&attempt).is_ok(), "{base:?}");
    }
}

/// Catalogue 44: columns behind the end of a row are forced to zero, although nobody computes with them: a row commits to its values alone.
#[test]
fn junk_behind_a_row_is_found() {
    for base in [Base::Ragged, Base::Roomy, Base::Public] {
        let case = base.case();
        let last = case.sample.shape.columns - 1;
        let junk = [(Kind::Cells, 0, last), (Kind::Start, 0, last), (Kind::End, 0, last), (Kind::End, 1, 7)];
        for (kind, row, column) in junk {
            if matches!((base, kind), (Base::Public, Kind::Start)) {
                continue; // a public start has no rows
            }
            let mut witness = zkdl_cheat::trainer::honest(&case.sample).unwrap();
            witness.junk = vec![(kind, row, column, Scalar::from(7))];
            assert_eq!(violated(&case.sample, &witness), Vec::new());
            let attempt = case.attempt(&witness, Strategy::Honest, &untouched()).unwrap();
            assert_eq!(case.failing(&attempt, &witness).unwrap(), Vec::<&str>::new(), "{base:?}");
            assert_eq!(case.verify(&attempt), Err(zkdl::VerifyError::Opening), "{base:?} {kind:?} {row} {column}");
        }
    }
}

/// Catalogue 44: the same junk in real columns is a false claim.
#[test]
fn junk_in_real_columns_is_found() {
    let case = Base::Ragged.case();
    for (kind, row, column, name) in
        [(Kind::Cells, 0, 45, "bits"), (Kind::Start, 0, 3, "W_0"), (Kind::End, 0, 3, "W_T"), (Kind::End, 1, 6, "W_T")]
    {
        let mut witness = zkdl_cheat::trainer::honest(&case.sample).unwrap();
        witness.junk = vec![(kind, row, column, Scalar::ONE)];
        let attempt = case.attempt(&witness, Strategy::Honest, &untouched()).unwrap();
        assert_eq!(case.failing(&attempt, &witness).unwrap().first(), Some(&name));
        assert_eq!(case.verify(&attempt), Err(zkdl::VerifyError::Opening));
    }
}
