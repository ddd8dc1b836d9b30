//! Messages altered on the way, honest witness.

use crate::table::{Base, Cheat, judge};
use zkdl_cheat::harness::{Event, Tamper};
use zkdl_cheat::trainer::Hooks;
use zkdl_field::multilinear::eq_index;
use zkdl_field::scalar::pow2;
use zkdl_field::{Field, Scalar};

type Names = &'static [&'static str];

fn altered(name: &'static str, [honest, leaves]: [Names; 2], tamper: Tamper) -> Cheat {
    Cheat { name, base: Base::Ragged, hooks: Hooks::default(), tamper, equation: None, honest, leaves }
}

/// Message `nth` with this label, plus one.
fn plus_one(message: &'static str, nth: usize, claims: [Names; 2]) -> Cheat {
    let tamper = move |_: &[Event], label: &str, before: usize, x: Scalar| {
        if label == message && before == nth { x + Scalar::ONE } else { x }
    };
    altered(message, claims, Box::new(tamper))
}

/// lam, from the first challenges.
fn lam(events: &[Event], n: usize) -> Vec<Scalar> {
    let challenge = |e: &Event| if let Event::Challenge(_, x) = e { Some(*x) } else { None };
    events.iter().filter_map(challenge).take(n).collect()
}

fn claims() -> Vec<Cheat> {
    vec![
        plus_one("forward.z", 0, [&["forward", "bits"], &["bits"]]),
        plus_one("forward.y", 0, [&["bits", "labels"], &["bits", "labels"]]),
        plus_one("forward.a_0", 0, [&["forward", "features"], &["bits", "features"]]),
        plus_one("forward.a_h", 0, [&["forward", "bits"], &["bits"]]),
        plus_one("forward.w_1", 0, [&["forward", "update"], &["forward", "bits"]]),
        plus_one("backward.h", 0, [&["backward", "bits"], &["bits"]]),
        plus_one("backward.g_1", 0, [&["backward", "bits"], &["bits"]]),
        plus_one("backward.w_2", 0, [&["backward", "update"], &["backward", "bits"]]),
        plus_one("update.w_0", 0, [&["update", "W_0"], &["bits", "W_0"]]),
        plus_one("update.w_0", 1, [&["update", "W_0"], &["bits", "W_0"]]),
        plus_one("update.w_0", 2, [&["update", "W_0"], &["bits", "W_0"]]),
        plus_one("update.w_T", 0, [&["update", "W_T"], &["bits", "W_T"]]),
        plus_one("update.a_0", 0, [&["update", "features"], &["bits", "features"]]),
        plus_one("update.a_h", 0, [&["update", "bits"], &["bits"]]),
        plus_one("update.g_2", 0, [&["update", "bits"], &["update", "bits"]]),
        plus_one("update.g_3", 0, [&["update", "bits"], &["update", "bits"]]),
        plus_one("relu.neg", 0, [&["bits"], &["bits"]]),
        plus_one("relu.U", 0, [&["bits"], &["bits"]]),
        plus_one("relu.b", 0, [&["bits"], &["bits"]]),
        plus_one("relu.neg_U", 0, [&["relu mask", "bits"], &["relu mask", "bits"]]),
        plus_one("relu.b_b", 0, [&["booleanity", "bits"], &["booleanity", "bits"]]),
    ]
}

fn rounds() -> Vec<Cheat> {
    let all: [(&'static str, usize, [Names; 2]); 10] = [
        ("forward.round", 0, [&["forward"], &["bits"]]),
        ("forward.round", 1, [&["forward"], &["bits"]]),
        ("forward.round", 10, [&["forward"], &["bits"]]),
        ("backward.round", 3, [&["backward"], &["bits"]]),
        ("update.round", 0, [&["update"], &["bits"]]),
        ("update.round", 9, [&["update"], &["bits"]]),
        ("relu.bit", 0, [&["bits"], &["bits"]]),
        ("relu.bit", 16, [&["bits"], &["bits"]]),
        ("relu.cell", 0, [&["bits"], &["bits"]]),
        ("relu.cell", 20, [&["bits"], &["bits"]]),
    ];
    all.into_iter().map(|(label, nth, claims)| plus_one(label, nth, claims)).collect()
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

/// Catalogue 51, 58.
#[test]
fn rounds_altered() {
    judge(rounds());
}

/// Catalogue 38, 54, 60.
#[test]
fn several_altered_together() {
    judge(together());
}
