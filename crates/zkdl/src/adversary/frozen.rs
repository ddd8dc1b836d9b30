//! Attacks on Fiat-Shamir (catalogue 33, 34, 36, 37, 108): what every message would be worth if the challenges did not depend on it.
//!
//! `spec/messages.tsv` lists all messages of all protocols, with what each is; a message that is not in it fails these
//! tests. For each, an honest proof is taken, its challenges are recorded, and a coordinated forgery replaces the message and
//! whatever has to fit it. Under the recorded challenges the shipped verifier accepts, under live ones it does not.

use super::forgery::{Messages, evaluate, random_point};
use super::protocols::{
    Class, INVENTORY, Recorded, Verdict, Verifier, class, frames_of_a_run, inventory, places, subjects,
};
use crate::settle::watch;
use crate::support::{Run, SMALL, generators};
use crate::{ProveError, VerifyError, training};
use zkdl_commit::channel::Equation;
use zkdl_field::generators::Generators;
use zkdl_field::scalar::from_wide;
use zkdl_field::{Affine, Field, Scalar, group};
use zkdl_transcript::simulator::{Frame, on_threads, staged};

impl Recorded {
    /// The verdict under the recorded challenges, and what the verifier collected.
    pub(super) fn frozen(&self, verify: &Verifier, messages: &Messages) -> (Verdict, (Vec<Affine>, Vec<Equation>)) {
        let body = messages.encode();
        let work = || staged(self.challenges.iter().copied(), || verify(&body)).0;
        let (verdict, collected) = watch::during(work);
        (verdict, collected.unwrap())
    }

    /// Solves for the first messages under the recorded challenges.
    fn solved(&self, verify: &Verifier, mut messages: Messages, g: &Generators) -> Messages {
        let (verdict, (points, equations)) = self.frozen(verify, &messages);
        assert!(verdict.is_err());
        messages.solve(&points, &equations, g);
        messages
    }

    /// The message with another content.
    fn altered(&self, i: usize, g: &Generators) -> Messages {
        let mut messages = self.messages.clone();
        messages.points[i] = random_point(g);
        messages.scalars[i] += Scalar::ONE;
        messages
    }

    /// The first message shifted by H, and with it the response that blinds it.
    fn shifted(&self, i: usize, g: &Generators) -> Messages {
        let mut messages = self.messages.clone();
        let label = self.labels[i].0;
        let response = match label {
            "product.T1" => "product.s_b",
            "product.T2" => "product.s_c",
            "knowledge.T" => "knowledge.s_r",
            "ipa.T" => "ipa.z_r",
            "representation.T" => "representation.s",
            other => panic!("{other} is a first message without response"),
        };
        let rank = self.labels[..i].iter().filter(|(l, _)| *l == label).count();
        let answers = (0..self.labels.len()).filter(|j| self.labels[*j].0 == response);
        messages.points[i] = group::affine(&(g.blind + messages.points[i]));
        messages.scalars[answers.into_iter().nth(rank).unwrap()] += Scalar::ONE;
        messages
    }
}

pub(super) fn assert_caught(verdict: &Verdict, what: &str) {
    let false_proof = matches!(
        verdict,
        Err(VerifyError::Product { .. }
            | VerifyError::Knowledge
            | VerifyError::Opening
            | VerifyError::Membership
            | VerifyError::OtherWeights)
    );
    assert!(false_proof, "{what}: {verdict:?}");
}

/// Labels of one transcript in the order in which they first occur, and whether they are challenges.
fn met(frames: &[Frame]) -> Vec<(&str, bool)> {
    let mut met = Vec::new();
    for (i, frame) in frames.iter().enumerate() {
        let one = match frame {
            Frame::Start { .. } => {
                assert_eq!(i, 0, "one transcript");
                continue;
            }
            Frame::Absorbed { label, .. } => (label.as_str(), false),
            Frame::Drawn { label, .. } => (label.as_str(), true),
        };
        if !met.contains(&one) {
            met.push(one);
        }
    }
    met
}

/// The same as the inventory has them.
fn listed(protocol: &str) -> Vec<(&'static str, bool)> {
    inventory(protocol).into_iter().map(|(label, name)| (label, class(name) == Class::Challenge)).collect()
}

/// Catalogue 34, 108: labels, order of first occurrence and class of all messages are those of the inventory.
#[test]
fn the_inventory_of_messages_is_complete() {
    let mut known = std::collections::HashSet::from(["run"]);
    for (subject, recorded) in subjects() {
        let frames = &recorded.frames;
        let met = met(frames);
        assert_eq!(met, listed(subject.name), "{}", subject.name);
        assert!(matches!(frames[0], Frame::Start { .. }));
        assert_eq!(met.last(), Some(&("settle", true)));
        check_counts(subject.name, frames, recorded);
        known.insert(subject.name);
    }
    let lines = INVENTORY.lines().filter(|line| !line.starts_with('#'));
    assert!(lines.map(|line| line.split('\t').next().unwrap()).all(|name| known.contains(name)));
}

/// Catalogue 34: what joins the windows of a run has no message, and draws what the inventory has.
#[test]
fn the_inventory_has_what_a_run_draws() {
    let frames = frames_of_a_run();
    assert!(matches!(&frames[0], Frame::Start { protocol, .. } if protocol == crate::run::PROTOCOL));
    assert_eq!(met(&frames), listed("run"));
}

/// Counts that both sides absorb are those of the messages: no proof chooses them.
fn check_counts(name: &str, frames: &[Frame], recorded: &Recorded) {
    let count = |label: &str| recorded.labels.iter().filter(|(known, _)| *known == label).count() as u64;
    let classes = inventory(name);
    let values = recorded.labels.iter().filter(|(label, _)| classes.contains(&(*label, "value"))).count() as u64;
    for frame in frames {
        let Frame::Absorbed { label, data } = frame else { continue };
        let expected = match label.as_str() {
            "products" => count("product.T1"),
            "knowledge" => values,
            "ipa" => 1 << (count("ipa.L")),
            _ => continue,
        };
        assert_eq!(data[..], expected.to_le_bytes(), "{name}: {label}");
    }
}

/// Catalogue 33, 36: every message, forged so that all equations hold under the recorded challenges, fails under live ones.
#[test]
fn every_message_is_worth_a_forgery_and_none_passes() {
    for (subject, recorded) in subjects() {
        let g = &subject.generators;
        on_threads(&places(&recorded.labels), |&i| {
            let what = format!("{}: {} (message {i})", subject.name, recorded.labels[i].0);
            let forged = match recorded.labels[i].1 {
                Class::First => recorded.shifted(i, g),
                _ => recorded.solved(&subject.verify, recorded.altered(i, g), g),
            };
            assert_eq!(recorded.frozen(&subject.verify, &forged).0, Ok(()), "{what}");
            assert_caught(&(subject.verify)(&forged.encode()), &what);
        });
    }
}

/// Catalogue 35, 36: the same with the statement, which no message carries: the proof of one is made one of another.
#[test]
fn every_statement_is_worth_a_forgery_and_none_passes() {
    for (subject, recorded) in subjects() {
        let honest = recorded.messages.clone();
        assert_caught(&(subject.other)(&subject.body), subject.name);
        let forged = if recorded.frozen(&subject.other, &honest).0.is_ok() {
            // Nothing but the challenges depends on what was changed.
            honest
        } else {
            recorded.solved(&subject.other, honest, &subject.generators)
        };
        assert_eq!(recorded.frozen(&subject.other, &forged).0, Ok(()), "{}", subject.name);
        assert_caught(&(subject.other)(&forged.encode()), subject.name);
    }
}

/// Catalogue 37, 49: with the last challenge known, a response may be anything: the equations that it breaks are cancelled by one
/// that another first message breaks.
#[test]
fn equations_cancel_only_under_a_known_last_challenge() {
    for (subject, recorded) in subjects() {
        let g = &subject.generators;
        let settle = from_wide(recorded.challenges.last().unwrap());
        let responses = places(&recorded.labels).into_iter().filter(|i| recorded.labels[*i].1 == Class::Response);
        on_threads(&responses.collect::<Vec<_>>(), |&i| {
            let what = format!("{}: {} (message {i})", subject.name, recorded.labels[i].0);
            let mut forged = recorded.altered(i, g);
            let (verdict, (points, equations)) = recorded.frozen(&subject.verify, &forged);
            assert!(verdict.is_err(), "{what}");
            forged.solve_sum(&points, &equations, settle, g);
            let (verdict, (points, equations)) = recorded.frozen(&subject.verify, &forged);
            assert_eq!(verdict, Ok(()), "{what}");
            let broken = equations.iter().filter(|e| !group::is_identity(&evaluate(e, &points, g))).count();
            assert!(broken >= 2 || equations.len() == 1 || recorded.labels[i].0.starts_with("ipa"), "{what}: {broken}");
            assert_caught(&(subject.verify)(&forged.encode()), &what);
        });
    }
}

/// Catalogue 33: no absorb can be left out. Whichever message changes, every later challenge changes and no earlier one.
#[test]
fn every_challenge_depends_on_every_message_before_it() {
    for (subject, recorded) in subjects() {
        let challenges = |verify: &Verifier, body: &[u8]| -> Vec<[u8; 64]> {
            let frames = staged([], || verify(body)).1;
            let drawn = |frame| if let Frame::Drawn { bytes, .. } = frame { Some(bytes) } else { None };
            frames.into_iter().filter_map(drawn).collect()
        };
        let differ = |others: &[[u8; 64]], from: usize, what: &str| {
            assert_eq!(others.len(), recorded.challenges.len(), "{what}");
            let same = others.iter().zip(&recorded.challenges).map(|(a, b)| a == b);
            assert!(same.enumerate().all(|(i, same)| same == (i < from)), "{what}");
        };
        for i in places(&recorded.labels) {
            let altered = recorded.altered(i, &subject.generators).encode();
            let what = format!("{}: {} (message {i})", subject.name, recorded.labels[i].0);
            differ(&challenges(&subject.verify, &altered), recorded.drawn_before[i], &what);
        }
        differ(&challenges(&subject.other, &subject.body), 0, subject.name);
    }
}

/// The labels of the challenges, in order.
fn drawn_labels(recorded: &Recorded) -> Vec<&str> {
    let drawn = recorded.frames.iter().filter_map(|frame| match frame {
        Frame::Drawn { label, .. } => Some(label.as_str()),
        _ => None,
    });
    drawn.collect()
}

/// Challenges whose zero would be divided by: in the folds of the inner-product argument; and of the coefficients of claims, where it makes
/// the weight of the last class zero.
const INVERTED: [&str; 2] = ["ipa.y", "opening.eta"];

/// Catalogue 39: a challenge of zero, which no honest transcript draws, is an error where it would be divided by. Anywhere else it
/// is a challenge like any other, for which the honest proof was not made, and so a false proof. Only `settle` comes after the
/// proof: with weight 0 the first equation alone counts, and it holds. No error is lost by accepting that: zero is one of the
/// few values of `settle` under which false equations may cancel, all of which the soundness error counts.
#[test]
fn programmed_zeros_are_refused() {
    for (subject, recorded) in subjects() {
        let labels = drawn_labels(recorded);
        on_threads(&Vec::from_iter(0..labels.len()), |&i| {
            let mut script = recorded.challenges.clone();
            script[i] = [0; 64];
            let verdict = staged(script, || (subject.verify)(&subject.body)).0;
            let what = format!("{}: {} (challenge {i}): {verdict:?}", subject.name, labels[i]);
            match labels[i] {
                "settle" => assert_eq!(verdict, Ok(()), "{what}"),
                label if INVERTED.contains(&label) => assert_eq!(verdict, Err(VerifyError::Challenge), "{what}"),
                _ => assert_caught(&verdict, &what),
            }
        });
    }
}

/// Catalogue 39: no prover divides by zero either.
#[test]
fn provers_refuse_zeros_that_they_would_divide_by() {
    let run = Run::new(&SMALL(), 3);
    let (_, recorded) = &subjects()[0];
    let labels = drawn_labels(recorded);
    for i in (0..labels.len()).filter(|i| INVERTED.contains(&labels[*i])) {
        let script = [&recorded.challenges[..i], &[[0; 64]]].concat();
        let proof = || training::prove(&run.statement, run.input(), generators(), &mut |_| ()).map(|_| ());
        assert_eq!(staged(script, proof).0, Err(ProveError::Degenerate), "{} (challenge {i})", labels[i]);
    }
}
