//! Attacks on Fiat-Shamir (catalogue 33, 34, 36, 37, 108): what every message would be worth if the challenges did not depend on it.
//!
//! `spec/messages.tsv` lists all messages of all protocols, with what each is; a message that is not in it fails these
//! tests. For each, an honest proof is taken, its challenges are recorded, and a coordinated forgery replaces the message and
//! whatever has to fit it. Under the recorded challenges the shipped verifier accepts, under live ones it does not.

use crate::absence::{self, distance};
use crate::forgery::{Message, Messages, evaluate, random_point};
use crate::model::{self, Boundary, WeightsProof};
use crate::proof::Proof;
use crate::query::Question;
use crate::query::support::Owner;
use crate::settle::watch;
use crate::statement::Limits;
use crate::support::{NAMED, Run, SMALL, Sizes, generators};
use crate::{AbsentAnswer, MemberAnswer, Statement, VerifyError, data_proof, membership, training};
use rayon::prelude::*;
use std::sync::{Arc, LazyLock};
use zkdl_commit::channel::Equation;
use zkdl_field::generators::Generators;
use zkdl_field::scalar::from_wide;
use zkdl_field::{Affine, Field, Scalar, group};
use zkdl_transcript::simulator::{Frame, staged};

const INVENTORY: &str = include_str!("../../../spec/messages.tsv");

type Verdict = Result<(), VerifyError>;
type Verifier = Box<dyn Fn(&[u8]) -> Verdict + Send + Sync>;

/// An honest proof, its verifier, and one of another statement with messages of the same number.
struct Subject {
    name: &'static str,
    generators: Arc<Generators>,
    body: Vec<u8>,
    verify: Verifier,
    other: Verifier,
}

fn training_verifier(statement: Statement, run: &Run) -> Verifier {
    let points = run.points.clone();
    Box::new(move |body| {
        let proof = Proof { statement: statement.digest(), body: body.to_vec() };
        training::verify(&statement, &points, &proof, &Limits::default(), generators()).map(|_| ())
    })
}

fn training(name: &'static str, sizes: &Sizes) -> Subject {
    let run = Run::new(sizes, 3);
    let proof = training::prove(&run.statement, run.input(), generators(), &mut |_| ()).unwrap();
    let other = Statement { nonce: [8; 32], ..run.statement.clone() };
    Subject {
        name,
        generators: generators().first(1 << run.statement.log_columns),
        body: proof.body,
        verify: training_verifier(run.statement.clone(), &run),
        other: training_verifier(other, &run),
    }
}

fn weights() -> Subject {
    let run = Run::new(&SMALL(), 3);
    let proof =
        model::prove(&run.statement, Boundary::End, &run.trace.end, &run.end_rows.blinds, generators()).unwrap();
    let verifier = |weights: zkdl_train::Weights| -> Verifier {
        let statement = run.statement.clone();
        Box::new(move |body| {
            let proof = WeightsProof { model: proof.model, body: body.to_vec() };
            model::verify(&statement, Boundary::End, &weights, &proof, &Limits::default(), generators())
        })
    };
    let [end, mut other] = [0, 1].map(|_| Run::new(&SMALL(), 3).trace.end);
    other.layers[1].values[2] += 1;
    Subject {
        name: "weights",
        generators: generators().first(1 << run.statement.log_columns),
        body: proof.body.clone(),
        verify: verifier(end),
        other: verifier(other),
    }
}

fn data() -> Subject {
    let owner = Owner::new(7, 30, 3);
    let log_columns = 9;
    let proof = data_proof::prove(&owner.data, log_columns, owner.set(), generators(), &mut |_| ()).unwrap();
    let verifier = |owner: Owner| -> Verifier {
        Box::new(move |body| {
            let statement = data_proof::digest(&owner.data, log_columns);
            let proof = data_proof::DataProof { statement, log_columns, body: body.to_vec() };
            data_proof::verify(&owner.data, &owner.points, &proof, &Limits::default(), generators()).map(|_| ())
        })
    };
    let renamed = Owner::new(7, 30, 3);
    let renamed = renamed.described(|data| data.fraction_bits = 1);
    Subject {
        name: "data",
        generators: generators().first(1 << log_columns),
        body: proof.body,
        verify: verifier(owner),
        other: verifier(renamed),
    }
}

fn absent(name: &'static str, owner: Owner, question: Question, columns: usize) -> Subject {
    let answer = absence::prove(&question, owner.set(), generators()).unwrap();
    let verifier = |question: Question| -> Verifier {
        let points = owner.points.clone();
        Box::new(move |body| {
            let answer = AbsentAnswer { question: question.clone(), body: body.to_vec() };
            absence::verify(&question, &answer, &points, generators())
        })
    };
    Subject {
        name,
        generators: generators().first(columns),
        body: answer.body,
        other: verifier(Question { nonce: [7; 32], ..question.clone() }),
        verify: verifier(question),
    }
}

fn absence() -> Subject {
    let mut owner = Owner::new(11, 5, 3);
    let queries = owner.strangers(9);
    let question = owner.question(queries);
    let columns = 1 << absence::statement(&question).log_columns();
    absent("absent", owner, question, columns)
}

fn near() -> Subject {
    let mut owner = Owner::new(7, 5, 3).described(|data| data.near = 1);
    let queries = owner.strangers(2);
    let question = Question { within: true, ..owner.question(queries) };
    let columns = distance::claim(&question).row_columns;
    absent("absent within", owner, question, columns)
}

fn member() -> Subject {
    let owner = Owner::new(6, 5, 3);
    let question = owner.question(vec![owner.member(4)]);
    let answer = membership::prove(&question, owner.set(), &owner.points, &owner.tree, generators()).unwrap();
    let verifier = |question: Question| -> Verifier {
        let answer = answer.clone();
        Box::new(move |body| {
            let answer = MemberAnswer { question: question.clone(), body: body.to_vec(), ..answer.clone() };
            membership::verify(&question, &answer, generators())
        })
    };
    Subject {
        name: "member",
        generators: generators().first(8),
        body: answer.body.clone(),
        other: verifier(Question { nonce: [7; 32], ..question.clone() }),
        verify: verifier(question),
    }
}

/// All protocols; their proofs are made once for all tests.
fn subjects() -> &'static [(Subject, Recorded)] {
    static SUBJECTS: LazyLock<Vec<(Subject, Recorded)>> = LazyLock::new(|| {
        let recorded = |subject: Subject| {
            let recorded = record(&subject);
            (subject, recorded)
        };
        all().into_iter().map(recorded).collect()
    });
    &SUBJECTS
}

fn all() -> Vec<Subject> {
    vec![
        training("training", &SMALL()),
        training("training, later window", &Sizes { first_step: 2, ..SMALL() }),
        training("training, named start", &NAMED()),
        weights(),
        data(),
        absence(),
        near(),
        member(),
    ]
}

/// What the inventory says that a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Known to both sides, not in the proof.
    Public,
    /// Drawn from everything before.
    Challenge,
    /// A commitment under a fresh blind: to a row, to a scalar, or of the inner-product argument.
    Commitment,
    /// First message of a sigma protocol.
    First,
    /// Response of a sigma protocol, under a mask of its own: the only scalars in clear.
    Response,
}

fn class(name: &str) -> Class {
    match name {
        "public" => Class::Public,
        "challenge" => Class::Challenge,
        "row" | "value" | "folded" => Class::Commitment,
        "first" => Class::First,
        "response" => Class::Response,
        other => panic!("the inventory has a class {other:?}"),
    }
}

/// Label and class of the messages of a protocol, in the order in which they first occur.
fn inventory(protocol: &str) -> Vec<(&'static str, &'static str)> {
    let lines = INVENTORY.lines().filter(|line| !line.starts_with('#'));
    let fields = lines.map(|line| <[&str; 3]>::try_from(line.split('\t').collect::<Vec<_>>()).unwrap());
    fields.filter(|[name, ..]| *name == protocol).map(|[_, label, class]| (label, class)).collect()
}

/// An honest proof with everything that its verifier hashed and drew.
struct Recorded {
    /// Label and class of every message in the proof.
    labels: Vec<(&'static str, Class)>,
    messages: Messages,
    challenges: Vec<[u8; 64]>,
    /// Number of challenges that are drawn before a message.
    drawn_before: Vec<usize>,
    frames: Vec<Frame>,
}

fn record(subject: &Subject) -> Recorded {
    let (verdict, frames) = staged([], || (subject.verify)(&subject.body));
    assert_eq!(verdict, Ok(()), "{}", subject.name);
    let classes = inventory(subject.name);
    let (mut labels, mut challenges, mut drawn_before) = (Vec::new(), Vec::new(), Vec::new());
    for frame in &frames {
        match frame {
            Frame::Start { .. } => (),
            Frame::Drawn { bytes, .. } => challenges.push(*bytes),
            Frame::Absorbed { label, .. } => {
                let found = classes.iter().find(|(known, name)| known == label && class(name) != Class::Challenge);
                let (known, name) =
                    found.unwrap_or_else(|| panic!("{}: {label} is not in the inventory", subject.name));
                if class(name) != Class::Public {
                    labels.push((*known, class(name)));
                    drawn_before.push(challenges.len());
                }
            }
        }
    }
    let kind = |(_, class): &(_, Class)| match class {
        Class::First => Message::First,
        Class::Response => Message::Scalar,
        _ => Message::Point,
    };
    let kinds = labels.iter().map(kind).collect();
    let messages = Messages::decode(kinds, &subject.body, &subject.generators);
    let messages = messages.unwrap_or_else(|| panic!("{}: the inventory's classes do not fit the proof", subject.name));
    Recorded { labels, messages, challenges, drawn_before, frames }
}

/// First, middle and last message under each label.
fn places(labels: &[(&'static str, Class)]) -> Vec<usize> {
    let mut names: Vec<&str> = labels.iter().map(|(label, _)| *label).collect();
    names.dedup();
    let mut places = Vec::new();
    for name in names {
        let all: Vec<usize> = (0..labels.len()).filter(|i| labels[*i].0 == name).collect();
        places.extend([all[0], all[all.len() / 2], all[all.len() - 1]]);
    }
    places.sort_unstable();
    places.dedup();
    places
}

impl Recorded {
    /// The verdict under the recorded challenges, and what the verifier collected.
    fn frozen(&self, verify: &Verifier, messages: &Messages) -> (Verdict, (Vec<Affine>, Vec<Equation>)) {
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

fn assert_caught(verdict: &Verdict, what: &str) {
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

/// Catalogue 34, 108: labels, order of first occurrence and class of all messages are those of the inventory.
#[test]
fn the_inventory_of_messages_is_complete() {
    let mut known = std::collections::HashSet::new();
    for (subject, recorded) in subjects() {
        let frames = &recorded.frames;
        let named = frames.iter().filter_map(|frame| match frame {
            Frame::Start { .. } => None,
            Frame::Absorbed { label, .. } => Some((label.as_str(), false)),
            Frame::Drawn { label, .. } => Some((label.as_str(), true)),
        });
        let mut met = Vec::new();
        named.for_each(|one| {
            if !met.contains(&one) {
                met.push(one)
            }
        });
        let listed = inventory(subject.name).into_iter().map(|(label, name)| (label, class(name) == Class::Challenge));
        assert_eq!(met, listed.collect::<Vec<_>>(), "{}", subject.name);
        assert!(matches!(frames[0], Frame::Start { .. }));
        assert_eq!(met.last(), Some(&("settle", true)));
        check_counts(subject.name, frames, recorded);
        known.insert(subject.name);
    }
    let lines = INVENTORY.lines().filter(|line| !line.starts_with('#'));
    assert!(lines.map(|line| line.split('\t').next().unwrap()).all(|name| known.contains(name)));
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
        places(&recorded.labels).into_par_iter().for_each(|i| {
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
        responses.collect::<Vec<_>>().into_par_iter().for_each(|i| {
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

/// Catalogue 39: a challenge of zero, which no honest transcript draws, is an error or a false proof, never a panic.
#[test]
fn programmed_zeros_are_refused() {
    for (subject, recorded) in subjects() {
        (0..recorded.challenges.len()).into_par_iter().for_each(|i| {
            let mut script = recorded.challenges.clone();
            script[i] = [0; 64];
            let verdict = staged(script, || (subject.verify)(&subject.body)).0;
            let last = i + 1 == recorded.challenges.len();
            // With weight 0 only the first equation counts, and it holds.
            assert_eq!(verdict.is_ok(), last, "{}: challenge {i}: {verdict:?}", subject.name);
        });
    }
}
