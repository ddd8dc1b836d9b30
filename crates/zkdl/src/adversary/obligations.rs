//! What every protocol leaves to be shown at its end. An obligation that both sides leave out together would break no honest proof; it
//! breaks this table.

use super::protocols::{Subject, subjects};
use crate::settle::watch;

/// Name of the protocol, equations at its end, and what they stand for: `name *` for a product, else a claim about rows, with rows and
/// columns of each of its classes.
type Left = (&'static str, usize, &'static [&'static str]);

const OBLIGATIONS: &[Left] = &[
    (
        "training",
        12,
        &[
            "forward *",
            "backward *",
            "update *",
            "relu mask *",
            "booleanity *",
            "bits 18x256 9x192 9x128 9x144",
            "W_T 1x35 1x7 1x42 1x6 1x18 1x3",
            "features 9x8",
            "features 9x8",
            "labels 9x8",
        ],
    ),
    (
        "training, later window",
        12,
        &[
            "forward *",
            "backward *",
            "update *",
            "relu mask *",
            "booleanity *",
            "bits 18x256 9x192 9x128 9x144",
            "W_0 1x35 1x7 1x42 1x6 1x18 1x3",
            "W_0 1x35 1x7 1x42 1x6 1x18 1x3",
            "W_0 1x35 1x7 1x42 1x6 1x18 1x3",
            "W_T 1x35 1x7 1x42 1x6 1x18 1x3",
            "features 7x8",
            "features 7x8",
            "labels 7x8",
        ],
    ),
    (
        "training, named start",
        14,
        &[
            "forward *",
            "backward *",
            "update *",
            "relu mask *",
            "booleanity *",
            "start booleanity *",
            "bits 18x256 9x192 9x128 9x144",
            "W_0 1x35 1x7 1x42 1x6 1x18 1x3",
            "W_0 1x35 1x7 1x42 1x6 1x18 1x3",
            "W_0 1x35 1x7 1x42 1x6 1x18 1x3",
            "W_T 1x35 1x7 1x42 1x6 1x18 1x3",
            "features 9x8",
            "features 9x8",
            "labels 9x8",
            "start bits 48x256",
            "start ranges 1x35 1x7 1x42 1x6 1x18 1x3 48x256",
        ],
    ),
    ("weights", 1, &[]),
    ("data", 4, &["booleanity *", "bits 3x512 1x256", "ranges 7x33 3x512 1x256"]),
    (
        "absent",
        14,
        &["power *", "power *", "power *", "power *", "absence *", "absence *", "inverses 2x16", "fingerprints 11x8"],
    ),
    ("absent within", 6, &["squares *", "booleanity *", "bits 6x32 2x16", "squares 7x8", "distances 7x8 6x32 2x16"]),
    ("member", 1, &[]),
];

/// What the verifier of an honest proof is left with.
fn left(subject: &Subject) -> (usize, Vec<String>) {
    let mut equations = 0;
    let obligations = watch::obligations(|| {
        let (verdict, collected) = watch::during(|| (subject.verify)(&subject.body));
        assert_eq!(verdict, Ok(()));
        equations = collected.unwrap().1.len();
    });
    (equations, obligations)
}

/// Every equation, product, claim about rows and class of rows, and how many rows and columns each class has.
#[test]
fn no_obligation_is_left_out() {
    let mut wrong = Vec::new();
    for (subject, _) in subjects() {
        let (equations, obligations) = left(subject);
        let expected = OBLIGATIONS.iter().find(|(name, ..)| *name == subject.name);
        if !expected.is_some_and(|(_, count, list)| *count == equations && obligations == **list) {
            wrong.push(format!("(\"{}\", {equations}, &{obligations:?}),", subject.name));
        }
    }
    assert!(wrong.is_empty() && OBLIGATIONS.len() == subjects().len(), "\n{}", wrong.join("\n"));
}
