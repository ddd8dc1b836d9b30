//! Answers and proofs tell that they are true and nothing else (catalogue 109, 110, 116): over many of them about two data sets of
//! one shape, every message is distributed alike. The same tests see at once what is told without randomness.

use crate::support::{Run, SMALL, Sizes, generators};
use rayon::prelude::*;
use std::collections::BTreeMap;
use zkdl::points::commit_points;
use zkdl::{
    AbsentAnswer, BlindedRows, DataSet, PointCommitments, Query, Question, absence, membership, prove_with_entropy,
};
use zkdl_commit::blinds::{Entropy, OsEntropy};
use zkdl_commit::merkle::Tree;
use zkdl_dataset::{Descriptor, ValueRange};
use zkdl_field::scalar::RandomnessError;
use zkdl_field::{Field, Scalar};

const ANSWERS: usize = 200;
const BUCKETS: usize = 16;

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

    fn member(&self, features: [i32; 3]) -> Vec<u8> {
        let question = self.question(features);
        membership::prove(&question, self.set(), &self.points, &self.tree, generators()).unwrap().body
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
        let answer: AbsentAnswer = absence::prove_with(&question, self.set(), generators(), entropy, invert).unwrap();
        answer.body
    }
}

/// Two sets: one is the other in another order, with another member in place of one and with other labels.
fn owners() -> [Owner; 2] {
    let rows = [[1, 2, 3], [0, 0, 0], [9, 9, 9], [4, 4, 4], [5, 1, 5]];
    let other = [[5, 1, 5], [9, 9, 9], [1, 2, 3], [0, 0, 1], [8, 0, 8]];
    [Owner::new(&rows, &[0, 1, 2, 0, 1]), Owner::new(&other, &[2, 2, 2, 2, 2])]
}

/// Buckets of the first and the last byte but one of every message; first by message, then by bucket.
fn histogram(answers: impl Iterator<Item = Vec<u8>>) -> BTreeMap<(usize, usize), [f64; BUCKETS]> {
    let mut counts = BTreeMap::new();
    for body in answers {
        for (message, bytes) in body.chunks(32).enumerate() {
            for place in [0, 30] {
                counts.entry((message, place)).or_insert([0.0; BUCKETS])[usize::from(bytes[place]) % BUCKETS] += 1.0;
            }
        }
    }
    counts
}

/// The largest two-sample chi-square statistic of any slot: 15 degrees of freedom each.
fn largest_difference(a: impl Iterator<Item = Vec<u8>>, b: impl Iterator<Item = Vec<u8>>) -> f64 {
    let (a, b) = (histogram(a), histogram(b));
    assert!(a.keys().eq(b.keys()), "as many messages whatever the data are");
    let term = |(a, b): (&f64, &f64)| if a + b > 0.0 { (a - b).powi(2) / (a + b) } else { 0.0 };
    let statistics = a.iter().map(|(slot, counts)| counts.iter().zip(&b[slot]).map(term).sum::<f64>());
    statistics.fold(0.0, f64::max)
}

/// Exceeded with probability 1e-9 by one slot, 1e-6 by any of some hundred: the false alarms of this test.
const ALARM: f64 = 71.0;

/// Catalogue 109, 110, 116.
#[test]
fn answers_about_two_data_sets_are_distributed_alike() {
    let [a, b] = owners();
    let times = || 0..ANSWERS;
    let member = |owner: &Owner| times().map(|_| owner.member([1, 2, 3])).collect::<Vec<_>>();
    let difference = largest_difference(member(&a).into_iter(), member(&b).into_iter());
    assert!(difference < ALARM, "members: {difference}");
    let absent = |owner: &Owner| times().map(|_| owner.absent([7, 7, 7], &mut OsEntropy, None)).collect::<Vec<_>>();
    let difference = largest_difference(absent(&a).into_iter(), absent(&b).into_iter());
    assert!(difference < ALARM, "strangers: {difference}");
}

/// Catalogue 109: the control.
#[test]
fn answers_without_randomness_would_be_told_apart() {
    let [a, b] = owners();
    let absent = |owner: &Owner| {
        (0..ANSWERS).map(|_| owner.absent([7, 7, 7], &mut Stuck, Some([3; 32]))).collect::<Vec<_>>().into_iter()
    };
    let difference = largest_difference(absent(&a), absent(&b));
    assert!(difference > 2.0 * ALARM, "{difference}");
}

/// Two runs of one shape: of rows that are all zero, and of rows of large numbers.
fn runs() -> [Run; 2] {
    let sizes = Sizes { features: 2, hidden: vec![2], classes: 2, points: 3, batch: 2, steps: 2, ..SMALL() };
    let run = |features: Vec<i32>, labels| Run::of(&sizes, features, labels, &mut OsEntropy);
    [run(vec![0; 6], vec![0; 3]), run(vec![16, 15, 14, 16, 13, 16], vec![1, 0, 1])]
}

fn proofs<E: Entropy>(run: &Run, entropy: impl Fn() -> E + Sync) -> impl Iterator<Item = Vec<u8>> {
    let prove = |_| {
        let proof = prove_with_entropy(&run.statement, run.input(), generators(), &mut entropy(), &mut |_| ());
        proof.unwrap().body
    };
    let proofs: Vec<Vec<u8>> = (0..ANSWERS).into_par_iter().map(prove).collect();
    proofs.into_iter()
}

/// Catalogue 109, 110, 115: sparse and dense data, and the networks trained on them, give proofs of one length whose messages are
/// distributed alike.
#[test]
fn proofs_of_two_trainings_are_distributed_alike() {
    let [a, b] = runs();
    let difference = largest_difference(proofs(&a, || OsEntropy), proofs(&b, || OsEntropy));
    assert!(difference < ALARM, "{difference}");
}

/// Catalogue 109: the control.
#[test]
fn proofs_without_randomness_would_be_told_apart() {
    let [a, b] = runs();
    let difference = largest_difference(proofs(&a, || Stuck), proofs(&b, || Stuck));
    assert!(difference > 2.0 * ALARM, "{difference}");
}
