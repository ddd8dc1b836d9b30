//! An audit of answers: many questions whose truth is known, honest answers to them, and forged ones.
//!
//! ```text
//! asked of every set      what is true                      what is tried besides
//! every member            member                            absence with forced inverses
//! a member, other label   member, absent with that label    membership with that label
//! off by one              absent (or another member)        membership of the row it was made from
//! shuffled, zero, largest absent (or a member)              membership of a row
//! at D, D + 1             near, not near                    the answer to another question
//! ```
//!
//! Truth is found by comparing all rows, without the code that is audited. A *false positive* is an accepted proof of a false
//! statement; a *false negative* a true statement whose honest proof is not given or not accepted.

use rayon::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use zeroize::Zeroizing;
use zkdl::commitment::BlindedRows;
use zkdl::points::commit_points;
use zkdl::{
    AbsentAnswer, DataSet, GeneratorSource, MemberAnswer, PointCommitments, Query, Question, absence, membership, open,
};
use zkdl_commit::blinds::{Entropy, OsEntropy};
use zkdl_commit::merkle::Tree;
use zkdl_dataset::{Descriptor, ValueRange};
use zkdl_field::{Field, Scalar};

/// A committed data set.
pub struct Set {
    /// What it is, for the report.
    pub name: &'static str,
    data: Descriptor,
    features: Vec<i32>,
    labels: Vec<u32>,
    rows: BlindedRows,
    points: PointCommitments,
    tree: Tree,
}

/// Features, row-major, and the class of every row.
pub type Points = (Vec<i32>, Vec<u32>);

/// A kind of statement, and how it was judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Questions, each with the truth known.
    pub questions: u64,
    /// True statements whose honest proof was given and accepted.
    pub proven: u64,
    /// True statements whose honest proof was not given or not accepted.
    pub false_negatives: u64,
    /// Proofs of false statements that were tried.
    pub forged: u64,
    /// Those that were accepted.
    pub false_positives: u64,
}

impl Tally {
    fn truth(accepted: bool) -> Self {
        Self { questions: 1, proven: accepted.into(), false_negatives: (!accepted).into(), ..Self::default() }
    }

    fn forgery(accepted: bool) -> Self {
        Self { forged: 1, false_positives: accepted.into(), ..Self::default() }
    }

    fn add(self, other: Self) -> Self {
        Self {
            questions: self.questions + other.questions,
            proven: self.proven + other.proven,
            false_negatives: self.false_negatives + other.false_negatives,
            forged: self.forged + other.forged,
            false_positives: self.false_positives + other.false_positives,
        }
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "questions": self.questions, "proven": self.proven, "false_negatives": self.false_negatives,
            "forged": self.forged, "false_positives": self.false_positives,
        })
    }
}

/// Tallies by kind of statement.
pub type Tallies = BTreeMap<&'static str, Tally>;

/// The sum of tallies.
#[must_use]
pub fn total(tallies: &Tallies) -> Tally {
    tallies.values().fold(Tally::default(), |sum, tally| sum.add(*tally))
}

/// The upper end of a 95 % interval for a rate of which nothing was seen in `n` trials (rule of three).
#[must_use]
pub fn rule_of_three(n: u64) -> f64 {
    3.0 / n.max(1) as f64
}

impl Set {
    /// Commits to points; `near` is the distance of near-duplicates, 0 for none.
    ///
    /// # Errors
    /// A message, where the data cannot be committed.
    pub fn commit(
        name: &'static str,
        (features, labels): Points,
        classes: u32,
        range: ValueRange,
        near: u64,
        generators: &GeneratorSource,
    ) -> Result<Self, String> {
        let width = features.len() / labels.len().max(1);
        let columns = generators.first((width + classes as usize).next_power_of_two());
        let rows = commit_points(&columns, &features, &labels, classes as usize, &mut OsEntropy);
        let rows = rows.map_err(|e| e.to_string())?;
        let points = PointCommitments(rows.rows.clone());
        let tree = Tree::new(&points.0).map_err(|e| e.to_string())?;
        let mut data = Descriptor::uniform(labels.len() as u32, width as u32, classes, range, 0);
        data.near = near;
        data.root = points.root(&data).map_err(|e| e.to_string())?;
        Ok(Self { name, data, features, labels, rows, points, tree })
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    fn set(&self) -> DataSet<'_> {
        DataSet { features: &self.features, labels: &self.labels, blinds: &self.rows.blinds }
    }

    fn row(&self, index: usize) -> &[i32] {
        let width = self.data.features as usize;
        &self.features[index * width..][..width]
    }

    fn question(&self, queries: Vec<Query>, within: bool) -> Question {
        let mut nonce = [0; 32];
        // An audit without randomness would reuse nonces: answers would still be judged.
        let _ = OsEntropy.fill(&mut nonce);
        Question { data: self.data.clone(), nonce, context: None, within, queries }
    }

    /// Whether a query is in the set, by comparison.
    fn holds(&self, query: &Query) -> bool {
        let same = |i: usize| self.row(i) == query.features && query.label.is_none_or(|label| label == self.labels[i]);
        (0..self.len()).any(same)
    }

    /// The least squared distance to a point of the set, by definition.
    fn nearest(&self, features: &[i32]) -> u64 {
        let square = |(a, b): (&i32, &i32)| u64::from(a.abs_diff(*b)).pow(2);
        let distance = |i: usize| self.row(i).iter().zip(features).map(square).sum::<u64>();
        (0..self.len()).map(distance).min().unwrap_or(u64::MAX)
    }
}

/// Asks about a set: every `stride`-th point, and what is made of it.
#[must_use]
pub fn audit(set: &Set, stride: usize, generators: &GeneratorSource, done: &(dyn Fn() + Sync)) -> Tallies {
    let audit = Audit { set, generators };
    let judged: Vec<Vec<(&'static str, Tally)>> = (0..set.len())
        .step_by(stride.max(1))
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|index| {
            let judged = audit.around(index);
            done();
            judged
        })
        .collect();
    let mut tallies = Tallies::new();
    for (kind, tally) in judged.into_iter().flatten() {
        let sum = tallies.entry(kind).or_default();
        *sum = sum.add(tally);
    }
    tallies
}

struct Audit<'a> {
    set: &'a Set,
    generators: &'a GeneratorSource,
}

impl Audit<'_> {
    /// All questions that are made of one point.
    fn around(&self, index: usize) -> Vec<(&'static str, Tally)> {
        let set = self.set;
        let (features, label) = (set.row(index).to_vec(), set.labels[index]);
        let point = |label| Query { features: features.clone(), label };
        let mut judged = vec![
            ("member, with its label", self.member(&point(Some(label)))),
            ("member, whatever its label", self.member(&point(None))),
            ("absence of a member, forced", self.forced_absence(&point(None))),
            ("absence of a member, forced", self.forced_absence(&point(Some(label)))),
        ];
        let other = Query { features: features.clone(), label: Some((label + 1) % set.data.classes) };
        judged.extend(self.stranger("another label", &other, index));
        for (kind, features) in self.made_of(index) {
            judged.extend(self.stranger(kind, &Query { features, label: None }, index));
        }
        if set.data.near > 0 {
            judged.extend(self.near(index));
        }
        judged
    }

    /// Points that are easily taken for this one.
    fn made_of(&self, index: usize) -> Vec<(&'static str, Vec<i32>)> {
        let range = self.set.data.range(0);
        let row = self.set.row(index);
        let width = row.len();
        let at = index % width;
        let mut off = row.to_vec();
        off[at] += if off[at] < range.max { 1 } else { -1 };
        let mut swapped = row.to_vec();
        swapped.swap(at, (at + 1) % width);
        let mut turned = row.to_vec();
        turned.rotate_left(1);
        let mirrored = row.iter().map(|x| range.max - (x - range.min)).collect();
        let mut made = vec![
            ("off by one", off),
            ("two features swapped", swapped),
            ("features shifted", turned),
            ("mirrored", mirrored),
        ];
        if index == 0 {
            made.extend([
                ("all zero", vec![0.clamp(range.min, range.max); width]),
                ("all largest", vec![range.max; width]),
            ]);
        }
        made
    }

    /// A true membership, proven honestly.
    fn member(&self, query: &Query) -> Tally {
        let question = self.set.question(vec![query.clone()], false);
        let answer = membership::prove(&question, self.set.set(), &self.set.points, &self.set.tree, self.generators);
        let stored = answer.ok().and_then(|answer| MemberAnswer::decode(&answer.encode()).ok());
        let accepted = stored.is_some_and(|answer| membership::verify(&question, &answer, self.generators).is_ok());
        let refused = absence::prove(&question, self.set.set(), self.generators).is_err();
        Tally::truth(accepted && refused)
    }

    /// A member said to be absent: with 0, 1 and a random number for the inverse that there is not.
    fn forced_absence(&self, query: &Query) -> Tally {
        let question = self.set.question(vec![query.clone()], false);
        let forced = [Scalar::ZERO, Scalar::ONE, zkdl_field::scalar::random().unwrap_or(Scalar::from(7))];
        let judged = forced.map(|forced| {
            let invert = |m: &[Scalar], fingerprints: &zkdl_arguments::absence::Fingerprints| {
                let inverse = |group: &Vec<Scalar>, m: &Scalar| {
                    let product: Scalar = group.iter().map(|q| q - m).product();
                    Option::from(product.invert()).unwrap_or(forced)
                };
                let all = fingerprints.groups().iter();
                Ok(all.map(|group| Zeroizing::new(m.iter().map(|m| inverse(group, m)).collect())).collect())
            };
            let answer = open::prove_absent(&question, self.set.set(), self.generators, &mut OsEntropy, invert);
            Tally::forgery(answer.is_ok_and(|answer| self.accepts_absence(&question, &answer)))
        });
        judged.into_iter().fold(Tally::default(), Tally::add)
    }

    fn accepts_absence(&self, question: &Question, answer: &AbsentAnswer) -> bool {
        let stored = AbsentAnswer::decode(&answer.encode());
        stored.is_ok_and(|answer| absence::verify(question, &answer, &self.set.points, self.generators).is_ok())
    }

    /// What is absent is proven so, and its membership is forged from the row that it was made of; what happens to be a member
    /// is proven to be one.
    fn stranger(&self, kind: &'static str, query: &Query, index: usize) -> Vec<(&'static str, Tally)> {
        if self.set.holds(query) {
            return vec![(kind, self.member(query))];
        }
        let question = self.set.question(vec![query.clone()], false);
        let answer = absence::prove(&question, self.set.set(), self.generators);
        let accepted = answer.is_ok_and(|answer| self.accepts_absence(&question, &answer));
        let mut judged = vec![(kind, Tally::truth(accepted))];
        let forged = open::prove_member(
            &question,
            index as u32,
            self.set.set(),
            (&self.set.points, &self.set.tree),
            self.generators,
            &mut OsEntropy,
        );
        let accepted = forged.is_ok_and(|answer| membership::verify(&question, &answer, self.generators).is_ok());
        judged.push(("membership of a stranger, forced", Tally::forgery(accepted)));
        judged
    }

    /// Questions at the distance of near-duplicates, one beyond, and wherever the point's neighbours put them.
    fn near(&self, index: usize) -> Vec<(&'static str, Tally)> {
        let (set, near) = (self.set, self.set.data.near);
        let range = set.data.range(0);
        let mut judged = Vec::new();
        for wanted in [near, near + 1] {
            let Some(features) = at_distance(set.row(index), wanted, range) else { continue };
            let question = set.question(vec![Query { features: features.clone(), label: None }], true);
            let answer = absence::prove(&question, set.set(), self.generators);
            if set.nearest(&features) > near {
                let accepted = answer.is_ok_and(|answer| self.accepts_absence(&question, &answer));
                judged.push(("nothing near, at D + 1 and beyond", Tally::truth(accepted)));
            } else {
                let stolen = self.answer_to_another(&question);
                judged.push(("a near-duplicate at D or nearer is not denied", Tally::truth(answer.is_err())));
                judged.push(("nothing near, forged", Tally::forgery(stolen)));
            }
        }
        judged
    }

    /// The true answer about a far point, renamed.
    fn answer_to_another(&self, question: &Question) -> bool {
        let range = self.set.data.range(0);
        let corners = [range.min, range.max].map(|x| vec![x; self.set.data.features as usize]);
        let Some(far) = corners.into_iter().find(|x| self.set.nearest(x) > self.set.data.near) else { return false };
        let other = Question { queries: vec![Query { features: far, label: None }], ..question.clone() };
        let answer = absence::prove(&other, self.set.set(), self.generators);
        answer
            .is_ok_and(|answer| self.accepts_absence(question, &AbsentAnswer { question: question.clone(), ..answer }))
    }
}

/// A point at exactly this squared distance from a row, within the range: greedily, the largest square first.
fn at_distance(row: &[i32], mut rest: u64, range: ValueRange) -> Option<Vec<i32>> {
    let mut point = row.to_vec();
    for x in &mut point {
        let room = i64::from(range.max - *x).max(i64::from(*x - range.min)).unsigned_abs();
        let step = rest.isqrt().min(room) as i32;
        *x = if i64::from(*x) + i64::from(step) <= i64::from(range.max) { *x + step } else { *x - step };
        rest -= u64::from(step.unsigned_abs()).pow(2);
    }
    (rest == 0).then_some(point)
}

/// Points that are drawn so that many are nearly equal: `points` of `width` features in `0..=max`, about a tenth of them copies,
/// and all near one of few centres.
#[must_use]
pub fn clustered(points: usize, width: usize, classes: u32, max: i32, seed: u64) -> Points {
    let mut state = seed | 1;
    let mut draw = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let levels = max.unsigned_abs() as u64 + 1;
    let centres: Vec<Vec<i32>> = (0..5).map(|_| (0..width).map(|_| draw(levels) as i32).collect()).collect();
    let mut rows: Vec<Vec<i32>> = Vec::with_capacity(points);
    for i in 0..points {
        if i > 0 && draw(10) == 0 {
            rows.push(rows[draw(i as u64) as usize].clone());
            continue;
        }
        let mut row = centres[draw(5) as usize].clone();
        for _ in 0..draw(4) {
            row[draw(width as u64) as usize] = draw(levels) as i32;
        }
        rows.push(row);
    }
    let labels = (0..points).map(|_| draw(u64::from(classes)) as u32).collect();
    (rows.concat(), labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_exact() {
        let range = ValueRange { min: 0, max: 9 };
        for wanted in 0..200 {
            let row = [3, 0, 9, 5];
            if let Some(point) = at_distance(&row, wanted, range) {
                let distance: u64 = row.iter().zip(&point).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
                assert_eq!(distance, wanted);
                assert!(point.iter().all(|x| range.contains(*x)));
            }
        }
        assert!(at_distance(&[3, 0, 9, 5], 7, range).is_some());
    }

    #[test]
    fn drawn_sets_have_copies() {
        let (features, labels) = clustered(60, 3, 4, 9, 5);
        let rows: Vec<&[i32]> = features.chunks(3).collect();
        let different: std::collections::HashSet<_> = rows.iter().collect();
        assert!(different.len() < rows.len() && labels.iter().all(|label| *label < 4));
    }

    /// An audit that could not fail would show nothing: data that are not what was committed are noticed.
    #[test]
    fn an_audit_of_other_data_than_the_committed_finds_false_negatives() {
        let generators = GeneratorSource::derived();
        let drawn = clustered(9, 3, 2, 9, 5);
        let mut set = Set::commit("other", drawn, 2, ValueRange { min: 0, max: 9 }, 0, &generators).unwrap();
        set.features[4] = (set.features[4] + 1) % 10;
        let tallies = audit(&set, 1, &generators, &|| ());
        assert!(total(&tallies).false_negatives > 0);
        assert_eq!(total(&tallies).false_positives, 0);
    }
}
