//! Answers and proofs tell that they are true and nothing else (catalogue 109, 110, 116): over many of them about two data sets of
//! one shape, every message is distributed evenly, and alike for both. The same tests see at once what is told without randomness, and
//! every kind of blinds that is left out.

use crate::statistics::{ALARM, difference, difference_anywhere, uneven};
use crate::support::{Run, SMALL, Sizes, generators};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use zkdl::data_proof::{self, choose_log_columns};
use zkdl::model::{self, Boundary};
use zkdl::points::commit_points;
use zkdl::statement::Limits;
use zkdl::{AbsentAnswer, BlindedRows, DataSet, PointCommitments, Query, Question, absence, membership, open};
use zkdl_commit::blinds::{Entropy, OsEntropy};
use zkdl_commit::merkle::Tree;
use zkdl_commit::simulator::without_blinds_of;
use zkdl_dataset::{Descriptor, ValueRange};
use zkdl_field::scalar::RandomnessError;
use zkdl_field::{Field, Scalar};
use zkdl_transcript::simulator::{Frame, on_threads, staged};

const ANSWERS: usize = 200;
/// As many show what is the same in all of them.
const FEW: usize = 64;

/// Test-only entropy that repeats itself.
struct Stuck;

impl Entropy for Stuck {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        bytes.fill(7);
        Ok(())
    }
}

struct Owner {
    data: Descriptor,
    features: Vec<i32>,
    labels: Vec<u32>,
    rows: BlindedRows,
    points: PointCommitments,
    tree: Tree,
}

impl Owner {
    fn new(features: &[[i32; 3]], labels: &[u32]) -> Self {
        let (features, labels) = (features.concat(), labels.to_vec());
        let rows = commit_points(&generators().first(8), &features, &labels, 3, &mut OsEntropy).unwrap();
        let points = PointCommitments(rows.rows.clone());
        let tree = Tree::new(&points.0).unwrap();
        let mut data = Descriptor::uniform(labels.len() as u32, 3, 3, ValueRange { min: 0, max: 9 }, 0);
        data.near = 5;
        data.root = points.root(&data).unwrap();
        Self { data, features, labels, rows, points, tree }
    }

    fn set(&self) -> DataSet<'_> {
        DataSet { features: &self.features, labels: &self.labels, blinds: &self.rows.blinds }
    }

    fn question(&self, features: [i32; 3]) -> Question {
        let mut nonce = [0; 32];
        OsEntropy.fill(&mut nonce).unwrap();
        let queries = vec![Query { features: features.to_vec(), label: None }];
        Question { data: self.data.clone(), nonce, context: None, within: false, queries }
    }

    fn data(&self) -> Vec<u8> {
        let log_columns = choose_log_columns(&self.data, &Limits::default()).unwrap();
        data_proof::prove(&self.data, log_columns, self.set(), generators(), &mut |_| ()).unwrap().body
    }

    fn member(&self, features: [i32; 3]) -> Vec<u8> {
        let question = self.question(features);
        membership::prove(&question, self.set(), &self.points, &self.tree, generators()).unwrap().body
    }

    fn far(&self, features: [i32; 3]) -> Vec<u8> {
        let question = Question { within: true, ..self.question(features) };
        absence::prove(&question, self.set(), generators()).unwrap().body
    }

    fn absent(&self, features: [i32; 3], entropy: &mut dyn Entropy, nonce: Option<[u8; 32]>) -> Vec<u8> {
        let mut question = self.question(features);
        question.nonce = nonce.unwrap_or(question.nonce);
        let invert = |m: &[Scalar], fingerprints: &zkdl_arguments::absence::Fingerprints| {
            let inverse =
                |group: &Vec<Scalar>, m: &Scalar| group.iter().map(|q| q - m).product::<Scalar>().invert().unwrap();
            let groups = fingerprints.groups().iter();
            Ok(groups.map(|group| m.iter().map(|m| inverse(group, m)).collect::<Vec<_>>().into()).collect())
        };
        let answer: AbsentAnswer = open::prove_absent(&question, self.set(), generators(), entropy, invert).unwrap();
        answer.body
    }
}

/// Two sets: one is the other in another order, with another member in place of one and with other labels.
fn owners() -> [Owner; 2] {
    let rows = [[1, 2, 3], [0, 0, 0], [9, 9, 9], [4, 4, 4], [5, 1, 5]];
    let other = [[5, 1, 5], [9, 9, 9], [1, 2, 3], [0, 0, 1], [8, 0, 8]];
    [Owner::new(&rows, &[0, 1, 2, 0, 1]), Owner::new(&other, &[2, 2, 2, 2, 2])]
}

/// Catalogue 109: the control.
#[test]
fn answers_without_randomness_would_be_told_apart() {
    let absent = |owner: &Owner| -> Vec<Vec<u8>> {
        (0..FEW).map(|_| owner.absent([7, 7, 7], &mut Stuck, Some([3; 32]))).collect()
    };
    all_repeat(owners().each_ref().map(absent));
}

/// Every message of these proofs repeats itself, and is another one with the other witness.
fn all_repeat([a, b]: [Vec<Vec<u8>>; 2]) {
    assert!(uneven(&a).iter().all(|unevenness| *unevenness > ALARM));
    assert!(largest(&difference(&a, &b)) > ALARM);
}

/// Two runs of one shape: of rows that are all zero, and of rows of large numbers.
fn runs() -> [Run; 2] {
    let sizes = Sizes { features: 2, hidden: vec![2], classes: 2, points: 3, batch: 2, steps: 2, ..SMALL() };
    let run = |features: Vec<i32>, labels| Run::of(&sizes, features, labels, &mut OsEntropy);
    [run(vec![0; 6], vec![0; 3]), run(vec![16, 15, 14, 16, 13, 16], vec![1, 0, 1])]
}

/// A kind of proof, with two witnesses that it must not tell from one another.
struct Kind {
    /// As in `spec/messages.tsv`.
    name: &'static str,
    /// A proof with the first or the second witness.
    prove: Box<dyn Fn(usize) -> Vec<u8> + Send + Sync>,
}

fn train(run: &Run, entropy: &mut dyn Entropy) -> Vec<u8> {
    open::prove(&run.statement, run.input(), generators(), entropy, &mut |_| ()).unwrap().body
}

/// Every kind there is. Training starts from the public seed: other windows have the same messages about more rows.
static KINDS: LazyLock<[Kind; 6]> = LazyLock::new(|| {
    static OWNERS: LazyLock<[Owner; 2]> = LazyLock::new(owners);
    static RUNS: LazyLock<[Run; 2]> = LazyLock::new(runs);
    let weights = |run: &Run| {
        let shown = model::prove(&run.statement, Boundary::End, &run.trace.end, &run.end_rows.blinds, generators());
        shown.unwrap().body
    };
    let kind = |name, prove| Kind { name, prove };
    [
        kind("training", Box::new(|i| train(&RUNS[i], &mut OsEntropy))),
        kind("weights", Box::new(move |i| weights(&RUNS[i]))),
        kind("data", Box::new(|i| OWNERS[i].data())),
        kind("member", Box::new(|i| OWNERS[i].member([1, 2, 3]))),
        kind("absent", Box::new(|i| OWNERS[i].absent([7, 7, 7], &mut OsEntropy, None))),
        kind("absent within", Box::new(|i| OWNERS[i].far([7, 7, 7]))),
    ]
});

fn kind(name: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.name == name).unwrap()
}

impl Kind {
    /// Labels of the messages of a proof, and its challenges.
    fn record(&self) -> (Vec<String>, Vec<[u8; 64]>) {
        let (body, frames) = staged([], || (self.prove)(0));
        let (mut labels, mut challenges) = (Vec::new(), Vec::new());
        for frame in frames {
            match frame {
                Frame::Absorbed { label, data } if data.len() == 32 => labels.push(label),
                Frame::Drawn { bytes, .. } => challenges.push(bytes),
                _ => (),
            }
        }
        assert_eq!(labels.len(), body.len() / 32);
        (labels, challenges)
    }

    /// Proofs with one of the witnesses under these challenges, or more of them under live ones if there are none given; without the blinds
    /// that a source file draws.
    fn proofs(&self, witness: usize, challenges: &[[u8; 64]], file: Option<&'static str>) -> Vec<Vec<u8>> {
        let staged = || staged(challenges.iter().copied(), || (self.prove)(witness)).0;
        let prove = |_: &()| file.map_or_else(staged, |file| without_blinds_of(file, staged));
        on_threads(&vec![(); if challenges.is_empty() { ANSWERS } else { FEW }], prove)
    }

    /// Whatever the challenges are, and also if they are always the same: then every message that depends on nothing but them and the witness
    /// repeats itself.
    fn tells_nothing(&self) {
        for challenges in [Vec::new(), self.record().1] {
            let [a, b] = [0, 1].map(|witness| self.proofs(witness, &challenges, None));
            for statistics in [uneven(&a), uneven(&b), difference(&a, &b)] {
                let largest = largest(&statistics);
                assert!(largest < ALARM, "{}, {} challenges given: {largest}", self.name, challenges.len());
            }
        }
    }
}

fn largest(statistics: &[f64]) -> f64 {
    statistics.iter().copied().fold(0.0, f64::max)
}

/// Catalogue 109, 110, 116.
#[test]
fn answers_about_two_data_sets_are_distributed_alike() {
    ["member", "absent", "absent within"].iter().for_each(|name| kind(name).tells_nothing());
}

/// Catalogue 109, 110, 115: sparse and dense data, and the networks trained on them, give proofs of one length whose messages are
/// distributed evenly and alike.
#[test]
fn proofs_of_two_trainings_are_distributed_alike() {
    ["training", "weights"].iter().for_each(|name| kind(name).tells_nothing());
}

/// Catalogue 109, 110, 115.
#[test]
fn proofs_of_two_data_sets_are_distributed_alike() {
    kind("data").tells_nothing();
}

/// Catalogue 109: the control.
#[test]
fn proofs_without_randomness_would_be_told_apart() {
    all_repeat(runs().map(|run| (0..FEW).map(|_| train(&run, &mut Stuck)).collect()));
}

/// The messages that show it, kind of blinds by kind, if a source file draws none: those that nothing else hides.
///
/// All of a commitment's hiding is its blind. Of sigma protocols, the first message and the response that answers for the value show; responses
/// that answer for blinds (`product.s_b`, `product.s_c`, `knowledge.s_r`, `ipa.z_r`) and `product.T2`, which is a multiple of a commitment,
/// stay even, for the blinds of the commitments are in them: what they tell without masks is told by several messages together.
const SHOWN: [(&str, &[&str]); 6] = [
    ("/zkdl/src/settle.rs", &["cells.row", "bits.row", "near.row"]),
    ("/arguments/src/absence.rs", &["absence.row"]),
    // All messages of the class `value`.
    ("/commit/src/channel.rs", &[]),
    ("/commit/src/sigma.rs", &["product.T1", "product.s_y", "knowledge.T", "knowledge.s_x"]),
    ("/commit/src/ipa.rs", &["ipa.L", "ipa.R", "ipa.T", "ipa.z"]),
    ("/commit/src/representation.rs", &["representation.T", "representation.s_l", "representation.s"]),
];

/// Labels of hidden scalars by the inventory of messages.
fn values(name: &str) -> BTreeSet<&'static str> {
    let lines = include_str!("../../../../spec/messages.tsv").lines();
    let fields = lines.filter_map(|line| <[&str; 3]>::try_from(line.split('\t').collect::<Vec<_>>()).ok());
    fields.filter(|[protocol, _, class]| *protocol == name && *class == "value").map(|[_, label, _]| label).collect()
}

/// Catalogue 109: the controls. With the blinds of one kind left out, and all others as ever, exactly the messages that these hide are uneven,
/// each of them.
///
/// The challenges are the same in all proofs. Under live ones rows and first messages show all the same, but hidden scalars and responses only
/// where they depend on no challenge, as what is zero in the first data set: the others are values at points, and products with challenges,
/// that are drawn anew for every proof, so that each by itself is even. Who computes what a guessed witness has there recognises them.
#[test]
fn every_kind_of_blinds_is_missed() {
    for kind in KINDS.iter() {
        let (labels, challenges) = kind.record();
        let values = values(kind.name);
        for (file, shown) in SHOWN {
            let shown = |label: &str| shown.contains(&label) || shown.is_empty() && values.contains(label);
            let expected: Vec<&String> = labels.iter().filter(|label| shown(label)).collect();
            if expected.is_empty() {
                continue;
            }
            let uneven = uneven(&kind.proofs(0, &challenges, Some(file)));
            let seen: Vec<&String> = labels.iter().zip(uneven).filter(|(_, u)| *u > ALARM).map(|(l, _)| l).collect();
            assert_eq!(seen, expected, "{}: {file}", kind.name);
        }
    }
}

/// Catalogue 110: the controls of the other test. Two data sets are told apart by the rows, and by the hidden scalars, that have no blinds.
#[test]
fn rows_and_values_without_blinds_would_be_told_apart() {
    for (name, file, label) in [
        ("training", "/zkdl/src/settle.rs", "cells.row"),
        ("training", "/commit/src/channel.rs", "forward.z"),
        ("data", "/zkdl/src/settle.rs", "bits.row"),
        ("absent", "/arguments/src/absence.rs", "absence.row"),
        ("absent within", "/zkdl/src/settle.rs", "near.row"),
    ] {
        let (labels, challenges) = kind(name).record();
        let [a, b] = [0, 1].map(|witness| kind(name).proofs(witness, &challenges, Some(file)));
        let different = difference_anywhere(&a, &b);
        let seen = labels.iter().zip(different).any(|(l, difference)| l == label && difference > ALARM);
        assert!(seen, "{name}: {file}");
    }
}
