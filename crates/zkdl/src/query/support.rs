//! A small data set and its owner, for the tests of both kinds of answers.

use super::*;
use crate::GeneratorSource;
use crate::commitment::PointCommitments;
use crate::membership::find;
use crate::points::{DataSet, commit_points};
use std::sync::LazyLock;
use zeroize::Zeroizing;
use zkdl_commit::blinds::Entropy;
use zkdl_commit::merkle::Tree;
use zkdl_dataset::ValueRange;
use zkdl_field::Scalar;
use zkdl_field::scalar::RandomnessError;

/// Derived once for all tests.
pub(crate) fn generators() -> &'static GeneratorSource {
    static SOURCE: LazyLock<GeneratorSource> = LazyLock::new(GeneratorSource::derived);
    &SOURCE
}

/// Test-only entropy that repeats itself.
pub(crate) struct Stuck;

impl Entropy for Stuck {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        bytes.fill(7);
        Ok(())
    }
}

pub(crate) struct Owner {
    pub(crate) data: Descriptor,
    pub(crate) features: Vec<i32>,
    pub(crate) labels: Vec<u32>,
    pub(crate) blinds: Zeroizing<Vec<Scalar>>,
    pub(crate) points: PointCommitments,
    pub(crate) tree: Tree,
    state: u64,
}

impl Owner {
    /// Random points.
    pub(crate) fn new(points: usize, features: usize, classes: u32) -> Self {
        let mut state = 17;
        let values = (0..points * features).map(|_| next(&mut state, 17) as i32 - 3).collect();
        let labels = (0..points).map(|_| next(&mut state, u64::from(classes)) as u32).collect();
        Self::of(values, labels, classes, (-3, 13))
    }

    /// These points.
    pub(crate) fn of(features: Vec<i32>, labels: Vec<u32>, classes: u32, (min, max): (i32, i32)) -> Self {
        let width = features.len() / labels.len();
        let columns = (width + classes as usize).next_power_of_two();
        let generators = generators().first(columns);
        let rows = commit_points(&generators, &features, &labels, classes as usize, &mut Stuck).unwrap();
        let data = Descriptor::uniform(labels.len() as u32, width as u32, classes, ValueRange { min, max }, 0);
        Self::with_rows(data, features, labels, rows.blinds, rows.rows)
    }

    /// Points that the rows may or may not commit to.
    pub(crate) fn with_rows(
        mut data: Descriptor,
        features: Vec<i32>,
        labels: Vec<u32>,
        blinds: Zeroizing<Vec<Scalar>>,
        rows: Vec<[u8; 32]>,
    ) -> Self {
        let points = PointCommitments(rows);
        data.root = points.root(&data).unwrap();
        let tree = Tree::new(&points.0).unwrap();
        Self { data, features, labels, blinds, points, tree, state: 99 }
    }

    /// The same points under another description.
    pub(crate) fn described(self, change: impl FnOnce(&mut Descriptor)) -> Self {
        let Self { mut data, features, labels, blinds, points, .. } = self;
        change(&mut data);
        Self::with_rows(data, features, labels, blinds, points.0)
    }

    pub(crate) fn set(&self) -> DataSet<'_> {
        DataSet { features: &self.features, labels: &self.labels, blinds: &self.blinds }
    }

    pub(crate) fn question(&self, queries: Vec<Query>) -> Question {
        Question { data: self.data.clone(), nonce: [8; 32], context: Some([9; 32]), within: false, queries }
    }

    /// A point of the set, without label.
    pub(crate) fn member(&self, i: usize) -> Query {
        let width = self.data.features as usize;
        Query { features: self.features[i * width..(i + 1) * width].to_vec(), label: None }
    }

    /// Points that are not in the set.
    pub(crate) fn strangers(&mut self, n: usize) -> Vec<Query> {
        let (min, span) = (self.data.value_min(), (self.data.value_max() - self.data.value_min() + 1) as u64);
        let mut queries = Vec::new();
        while queries.len() < n {
            let features = (0..self.data.features).map(|_| min + next(&mut self.state, span) as i32).collect();
            let query = Query { features, label: None };
            if find(&self.features, &self.labels, &query).is_none() {
                queries.push(query);
            }
        }
        queries
    }
}

fn next(state: &mut u64, n: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % n
}
