//! All protocols, each with an honest proof and everything that its verifier hashed and drew.

use super::forgery::{Message, Messages};
use crate::absence::{self, distance};
use crate::model::{self, Boundary, WeightsProof};
use crate::proof::Proof;
use crate::query::Question;
use crate::query::support::Owner;
use crate::statement::Limits;
use crate::support::{NAMED, Run, SMALL, Sizes, generators};
use crate::{AbsentAnswer, MemberAnswer, Statement, VerifyError, data_proof, membership, run, training};
use std::sync::{Arc, LazyLock};
use zkdl_field::generators::Generators;
use zkdl_transcript::simulator::{Frame, staged};

pub(super) const INVENTORY: &str = include_str!("../../../../spec/messages.tsv");

pub(super) type Verdict = Result<(), VerifyError>;
pub(super) type Verifier = Box<dyn Fn(&[u8]) -> Verdict + Send + Sync>;

/// An honest proof, its verifier, and one of another statement with messages of the same number.
pub(super) struct Subject {
    pub(super) name: &'static str,
    pub(super) generators: Arc<Generators>,
    pub(super) body: Vec<u8>,
    pub(super) verify: Verifier,
    pub(super) other: Verifier,
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

/// What the verifier of a whole run, of one window here, hashes and draws after that of its window.
pub(super) fn frames_of_a_run() -> Vec<Frame> {
    let run = Run::new(&SMALL(), 3);
    let proof = training::prove(&run.statement, run.input(), generators(), &mut |_| ()).unwrap();
    let window = run::Window { statement: &run.statement, proof: &proof };
    let (verdict, frames) =
        staged([], || run::verify(&[window], &run.points, &Limits::default(), generators(), &|| ()));
    assert!(verdict.is_ok(), "{verdict:?}");
    let start = |frame: &Frame| matches!(frame, Frame::Start { protocol, .. } if protocol == run::PROTOCOL);
    frames[frames.iter().position(start).unwrap()..].to_vec()
}

/// All protocols; their proofs are made once for all tests.
pub(super) fn subjects() -> &'static [(Subject, Recorded)] {
    static SUBJECTS: LazyLock<Vec<(Subject, Recorded)>> = LazyLock::new(|| {
        let recorded = |subject: Subject| {
            let recorded = record(&subject);
            (subject, recorded)
        };
        all().into_iter().map(recorded).collect()
    });
    &SUBJECTS
}

/// Other honest proofs of the same statements.
pub(super) fn again() -> Vec<Subject> {
    all()
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
pub(super) enum Class {
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

pub(super) fn class(name: &str) -> Class {
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
pub(super) fn inventory(protocol: &str) -> Vec<(&'static str, &'static str)> {
    let lines = INVENTORY.lines().filter(|line| !line.starts_with('#'));
    let fields = lines.map(|line| <[&str; 3]>::try_from(line.split('\t').collect::<Vec<_>>()).unwrap());
    fields.filter(|[name, ..]| *name == protocol).map(|[_, label, class]| (label, class)).collect()
}

/// An honest proof with everything that its verifier hashed and drew.
pub(super) struct Recorded {
    /// Label and class of every message in the proof.
    pub(super) labels: Vec<(&'static str, Class)>,
    pub(super) messages: Messages,
    pub(super) challenges: Vec<[u8; 64]>,
    /// Number of challenges that are drawn before a message.
    pub(super) drawn_before: Vec<usize>,
    pub(super) frames: Vec<Frame>,
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
pub(super) fn places(labels: &[(&'static str, Class)]) -> Vec<usize> {
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
