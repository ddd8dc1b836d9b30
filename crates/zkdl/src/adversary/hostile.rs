//! Proofs as somebody edits them who knows where every message lies (catalogue D.1, D.3): encodings, exchanges, transplants.

use super::protocols::{Class, Recorded, Verdict, again, places, subjects};
use crate::VerifyError;
use rayon::prelude::*;
use zkdl_field::group::PointError;
use zkdl_field::{Field, Scalar, group};
use zkdl_transcript::ReadError;

const MESSAGE: usize = 32;

/// q, q + 1 and 2^256 - 1, little endian: none is the canonical encoding of a scalar.
fn bad_scalars() -> [[u8; 32]; 3] {
    let mut order = zkdl_field::scalar::encode(&-Scalar::ONE);
    order[0] += 1;
    let mut next = order;
    next[0] += 1;
    [order, next, [0xff; 32]]
}

/// Numbers that are the abscissa of no point, and a coordinate that is not reduced.
fn bad_points() -> Vec<[u8; 32]> {
    let small = (1u8..=20).map(|x| std::array::from_fn(|i| if i == 0 { x } else { 0 }));
    let none: Vec<[u8; 32]> = small.filter(|bytes| group::decode(bytes).is_err()).take(3).collect();
    assert_eq!(none.len(), 3);
    [none, vec![[0xff; 32]]].concat()
}

fn with(body: &[u8], i: usize, bytes: &[u8; 32]) -> Vec<u8> {
    let mut body = body.to_vec();
    body[MESSAGE * i..MESSAGE * (i + 1)].copy_from_slice(bytes);
    body
}

/// Catalogue 4, 5, 6, 7: every message as it is not written, the identity among them; the error names message and place.
#[test]
fn encodings_that_are_none_are_named() {
    for (subject, recorded) in subjects() {
        for i in places(&recorded.labels) {
            let (label, class) = recorded.labels[i];
            let offset = MESSAGE * i;
            if class == Class::Response {
                for bad in bad_scalars() {
                    let expected = Err(VerifyError::Read(ReadError::Scalar { offset, label }));
                    assert_eq!((subject.verify)(&with(&subject.body, i, &bad)), expected, "{}", subject.name);
                }
                continue;
            }
            let verdict = (subject.verify)(&with(&subject.body, i, &[0; 32]));
            let identity = ReadError::Point { offset, label, source: PointError::Identity };
            assert_eq!(verdict, Err(VerifyError::Read(identity)), "{}", subject.name);
            for bad in bad_points() {
                let verdict = (subject.verify)(&with(&subject.body, i, &bad));
                let named = matches!(&verdict, Err(VerifyError::Read(ReadError::Point { offset: o, label: l, source }))
                    if (*o, *l) == (offset, label) && *source != PointError::Identity);
                assert!(named, "{}: {label}: {verdict:?}", subject.name);
            }
        }
    }
}

/// The check that fails first where a message under this label, or argument, is another: its own sigma protocol's, or the first
/// of all, the products, whose challenge comes after everything else.
fn assert_named(verdict: &Verdict, label: &str, what: &str) {
    let Err(error) = verdict else { panic!("{what}: accepted") };
    let named = match label.split('.').next() {
        Some("knowledge") => *error == VerifyError::Knowledge,
        Some("ipa") => *error == VerifyError::Opening,
        Some("representation") => matches!(error, VerifyError::Membership | VerifyError::OtherWeights),
        _ => matches!(error, VerifyError::Product { .. }),
    };
    assert!(named, "{what}: {error:?}");
}

/// Too few messages, too many, or a point where a scalar should stand.
fn is_unreadable(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Err(VerifyError::Read(
            ReadError::Truncated { .. }
                | ReadError::Trailing { .. }
                | ReadError::Point { .. }
                | ReadError::Scalar { .. }
        ))
    )
}

/// Catalogue 12, 43, 53: two messages of one kind exchanged: neighbours, L and R, rounds, and the first with the last.
#[test]
fn exchanged_messages_are_a_false_proof() {
    for (subject, recorded) in subjects() {
        let last = recorded.labels.len() - 1;
        let pairs = (0..last).map(|i| (i, i + 1)).chain([(0, last / 2)]);
        let scalar = |i: usize| recorded.labels[i].1 == Class::Response;
        let pairs: Vec<_> = pairs.filter(|(i, j)| i != j && scalar(*i) == scalar(*j)).collect();
        pairs.into_par_iter().for_each(|(i, j)| {
            let mut body = subject.body.clone();
            for k in 0..MESSAGE {
                body.swap(MESSAGE * i + k, MESSAGE * j + k);
            }
            let what = format!("{}: {i} and {j}", subject.name);
            assert_named(&(subject.verify)(&body), recorded.labels[i.min(j)].0, &what);
        });
    }
}

/// Catalogue 43, 53: a message, or a round of the inner-product argument, left out, repeated or added.
#[test]
fn other_numbers_of_messages_are_refused() {
    for (subject, recorded) in subjects() {
        let refused = |body: Vec<u8>, what: &str| {
            let verdict = (subject.verify)(&body);
            assert!(is_unreadable(&verdict), "{}: {what}: {verdict:?}", subject.name);
        };
        for i in places(&recorded.labels) {
            let (start, end) = (MESSAGE * i, MESSAGE * (i + 1));
            let label = recorded.labels[i].0;
            let left_out = [&subject.body[..start], &subject.body[end..]].concat();
            refused(left_out, label);
            refused([&subject.body[..end], &subject.body[start..]].concat(), label);
            if label == "ipa.L" {
                refused([&subject.body[..start], &subject.body[end + MESSAGE..]].concat(), label);
                refused([&subject.body[..end + MESSAGE], &subject.body[start..]].concat(), label);
            }
        }
    }
}

/// The messages of each argument: a range of places that share what stands before the dot.
fn arguments(recorded: &Recorded) -> Vec<(&'static str, std::ops::Range<usize>)> {
    let prefix = |i: usize| recorded.labels[i].0.split('.').next().unwrap_or_default();
    let mut ranges: Vec<(&'static str, std::ops::Range<usize>)> = Vec::new();
    for i in 0..recorded.labels.len() {
        match ranges.last_mut() {
            Some((name, range)) if *name == prefix(i) => range.end = i + 1,
            _ => ranges.push((prefix(i), i..i + 1)),
        }
    }
    ranges
}

/// Catalogue 36, 59: an argument of another honest proof of the same statement. It is true there, and about other challenges.
#[test]
fn transplanted_arguments_are_a_false_proof() {
    for ((subject, recorded), other) in subjects().iter().zip(again()) {
        let ranges = arguments(recorded);
        assert_eq!((other.verify)(&other.body), Ok(()));
        for (name, range) in &ranges {
            if range.len() == recorded.labels.len() {
                continue;
            }
            let bytes = MESSAGE * range.start..MESSAGE * range.end;
            let mut body = subject.body.clone();
            body[bytes.clone()].copy_from_slice(&other.body[bytes]);
            assert_named(&(subject.verify)(&body), name, &format!("{}: {name}", subject.name));
        }
        assert_ne!(subject.body, other.body);
    }
}

/// Catalogue 42, 45: two rows exchanged, and a point moved from one row to another so that their sum stays: the weights of
/// rows are distinct, so that even known challenges do not help.
#[test]
fn rows_do_not_make_up_for_one_another() {
    for (subject, recorded) in subjects() {
        let rows: Vec<usize> = (0..recorded.labels.len()).filter(|i| recorded.labels[*i].0.ends_with(".row")).collect();
        for pair in rows.windows(2).take(3) {
            let [i, j] = [pair[0], pair[1]];
            let mut swapped = recorded.messages.clone();
            swapped.points.swap(i, j);
            let mut shifted = recorded.messages.clone();
            shifted.points[i] = group::affine(&(subject.generators.columns[1] + shifted.points[i]));
            shifted.points[j] = group::affine(&(-subject.generators.columns[1] + shifted.points[j]));
            for forged in [swapped, shifted] {
                let what = format!("{}: rows {i} and {j}", subject.name);
                assert_eq!(recorded.frozen(&subject.verify, &forged).0, Err(VerifyError::Opening), "{what}");
                assert_named(&(subject.verify)(&forged.encode()), recorded.labels[i].0, &what);
            }
        }
    }
}

/// Catalogue 31, 35: every protocol is about one kind of proof: the bytes of one are nothing to another.
#[test]
fn proofs_of_one_protocol_are_none_of_another() {
    for (subject, _) in subjects() {
        for (other, _) in subjects() {
            let verdict = (subject.verify)(&other.body);
            let expected = if subject.name == other.name { verdict.is_ok() } else { is_unreadable(&verdict) };
            assert!(expected, "{} as {}: {verdict:?}", other.name, subject.name);
        }
    }
}
