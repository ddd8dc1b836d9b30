//! Messages altered on the way, honest witness.

use crate::table::{Base, Cheat, judge, on};
use zkdl_arguments::Shape;
use zkdl_cheat::harness::{Event, Tamper, untouched};
use zkdl_cheat::plain::Strategy;
use zkdl_cheat::trainer::{Hooks, honest};
use zkdl_field::multilinear::eq_index;
use zkdl_field::scalar::pow2;
use zkdl_field::{Field, Scalar};

type Names = &'static [&'static str];

fn altered(name: &'static str, [honest, leaves]: [Names; 2], tamper: Tamper) -> Cheat {
    Cheat { name, base: Base::Ragged, hooks: Hooks::default(), tamper, equation: None, honest, leaves }
}

/// Message `nth` with this label, plus one.
pub(crate) fn plus_one(message: &'static str, nth: usize) -> Tamper {
    Box::new(move |_, label, before, x| if label == message && before == nth { x + Scalar::ONE } else { x })
}

fn one(message: &'static str, nth: usize, claims: [Names; 2]) -> Cheat {
    altered(message, claims, plus_one(message, nth))
}

/// lam, from the first challenges.
fn lam(events: &[Event], n: usize) -> Vec<Scalar> {
    let challenge = |e: &Event| if let Event::Challenge(_, x) = e { Some(*x) } else { None };
    events.iter().filter_map(challenge).take(n).collect()
}

fn claims() -> Vec<Cheat> {
    vec![
        one("forward.z", 0, [&["forward", "bits"], &["bits"]]),
        one("forward.y", 0, [&["bits", "labels"], &["bits", "labels"]]),
        one("forward.a_0", 0, [&["forward", "features"], &["bits", "features"]]),
        one("forward.a_h", 0, [&["forward", "bits"], &["bits"]]),
        one("forward.w_1", 0, [&["forward", "update"], &["forward", "bits"]]),
        one("backward.h", 0, [&["backward", "bits"], &["bits"]]),
        one("backward.g_1", 0, [&["backward", "bits"], &["bits"]]),
        one("backward.w_2", 0, [&["backward", "update"], &["backward", "bits"]]),
        one("update.w_0", 0, [&["update", "W_0"], &["bits", "W_0"]]),
        one("update.w_0", 1, [&["update", "W_0"], &["bits", "W_0"]]),
        one("update.w_0", 2, [&["update", "W_0"], &["bits", "W_0"]]),
        one("update.w_T", 0, [&["update", "W_T"], &["bits", "W_T"]]),
        one("update.a_0", 0, [&["update", "features"], &["bits", "features"]]),
        one("update.a_h", 0, [&["update", "bits"], &["bits"]]),
        one("update.g_2", 0, [&["update", "bits"], &["update", "bits"]]),
        one("update.g_3", 0, [&["update", "bits"], &["update", "bits"]]),
        one("relu.neg", 0, [&["bits"], &["bits"]]),
        one("relu.U", 0, [&["bits"], &["bits"]]),
        one("relu.b", 0, [&["bits"], &["bits"]]),
        one("relu.neg_U", 0, [&["relu mask", "bits"], &["relu mask", "bits"]]),
        one("relu.b_b", 0, [&["booleanity", "bits"], &["booleanity", "bits"]]),
    ]
}

fn rounds() -> Vec<Cheat> {
    let all: [(&'static str, [Names; 2]); 5] = [
        ("forward.round", [&["forward"], &["bits"]]),
        ("backward.round", [&["backward"], &["bits"]]),
        ("update.round", [&["update"], &["bits"]]),
        ("relu.bit", [&["bits"], &["bits"]]),
        ("relu.cell", [&["bits"], &["bits"]]),
    ];
    let shape = &Base::Ragged.case().sample.shape;
    let places = |label| {
        let n = messages(shape, label);
        // The first two, of one round; one of the middle; the first and the last of the last round.
        [0, 1, n / 2, n - 3, n - 1]
    };
    all.into_iter().flat_map(|(label, claims)| places(label).map(|nth| one(label, nth, claims))).collect()
}

/// Messages of the rounds of a sumcheck: as many as the degrees of its variables together.
fn messages(shape: &Shape, label: &str) -> usize {
    let (l, t, b, j) = (shape.log_layers(), shape.log_steps(), shape.log_batch(), shape.log_width());
    match label {
        "forward.round" => 2 * (j + 1) + 3 * (t + l),
        "backward.round" => 2 * j + 3 * (t + l),
        "update.round" => 2 * b + 3 * (t + l),
        "relu.bit" => 3 * shape.log_bits(),
        _ => 3 * (l + t + b + j),
    }
}

/// Where nothing is padded, every equation counts.
fn powers() -> Vec<Cheat> {
    let last = messages(&Base::Power.case().sample.shape, "forward.round") - 1;
    let all = [
        one("forward.z", 0, [&["forward", "bits"], &["bits"]]),
        one("forward.round", last, [&["forward"], &["bits"]]),
        one("backward.g_1", 0, [&["backward", "bits"], &["bits"]]),
        one("update.w_T", 0, [&["update", "W_T"], &["bits", "W_T"]]),
        one("relu.b_b", 0, [&["booleanity", "bits"], &["booleanity", "bits"]]),
    ];
    all.into_iter().map(|cheat| on(Base::Power, cheat)).collect()
}

fn together() -> Vec<Cheat> {
    let one = Scalar::ONE;
    vec![
        altered(
            "W_0 and W_T claims shifted alike",
            [&["W_0", "W_T"], &["W_0", "W_T"]],
            Box::new(move |_, label, before, x| match label {
                "update.w_0" if before == 2 => x + one,
                "update.w_T" => x + one,
                _ => x,
            }),
        ),
        altered(
            "z + 1, h - 1",
            [&["forward", "backward", "bits"], &["bits"]],
            Box::new(move |_, label, _, x| match label {
                "forward.z" => x + one,
                "backward.h" => x - one,
                _ => x,
            }),
        ),
        altered(
            "z and y shifted so that zkReLU fits",
            [&["forward", "labels"], &["bits", "labels"]],
            Box::new(move |events, label, _, x| match label {
                "forward.z" => x + eq_index(&lam(events, 2), 2) * pow2(7),
                "forward.y" => x + one,
                _ => x,
            }),
        ),
        altered(
            "z and all of forward zero",
            [&["update", "bits", "features"], &["bits", "features"]],
            Box::new(
                move |_, label, _, x| {
                    if label.starts_with("forward.") && label != "forward.y" { Scalar::ZERO } else { x }
                },
            ),
        ),
    ]
}

/// Catalogue 50, 57.
#[test]
fn claims_altered() {
    judge(claims());
}

#[test]
fn rounds_have_as_many_messages_as_the_shape_says() {
    let case = Base::Ragged.case();
    let events = case.attempt(&honest(&case.sample).unwrap(), Strategy::Honest, &untouched()).unwrap().events;
    for label in ["forward.round", "backward.round", "update.round", "relu.bit", "relu.cell"] {
        let values = events.iter().filter(|event| matches!(event, Event::Value(l, _) if *l == label)).count();
        assert_eq!(messages(&case.sample.shape, label), values, "{label}");
    }
}

/// Catalogue 51, 58.
#[test]
fn rounds_altered() {
    judge(rounds());
}

/// Catalogue 50, 51, 57.
#[test]
fn messages_altered_where_nothing_is_padded() {
    judge(powers());
}

/// Catalogue 38, 54, 60.
#[test]
fn several_altered_together() {
    judge(together());
}
