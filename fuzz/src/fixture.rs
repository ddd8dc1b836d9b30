//! Real proofs of everything, as small as they can be, made once a process.
//!
//! Randomness is a counter, so that an input means the same in every process; only proofs of weights and of distances, which
//! take no source of randomness, are drawn anew.

use crate::support::{Counter, NAMED, Run, SMALL, Sizes, generators};
use std::sync::LazyLock;
use zkdl::certificate::{Claim, File, Signer, Window};
use zkdl::commitment::recommit_weights;
use zkdl::data_proof::DataProof;
use zkdl::model::{self, Boundary, WeightsProof};
use zkdl::proof::Proof;
use zkdl::statement::Limits;
use zkdl::{
    AbsentAnswer, DataSet, GeneratorSource, MemberAnswer, PointCommitments, ProveError, Query, Question, Start,
    Statement, absence, open,
};
use zkdl_arguments::differences::inverses;
use zkdl_commit::merkle::Tree;
use zkdl_dataset::Descriptor;
use zkdl_train::{Weights, record_window};

/// What verifiers take here: enough for every fixture, and little enough for every second.
pub const LIMITS: Limits = Limits {
    layers: 16,
    cells: 1 << 12,
    parameters: 1 << 12,
    permuted: 1 << 12,
    points: 1 << 12,
    log_columns: 9,
    column_weights: 1 << 15,
};

/// A window of training with two proofs that differ in their randomness alone.
#[derive(Clone)]
pub struct Proven {
    /// What is claimed.
    pub statement: Statement,
    /// Commitments to the data.
    pub points: PointCommitments,
    /// Proofs of it.
    pub proofs: [Proof; 2],
}

/// Weights that are shown.
#[derive(Clone, PartialEq)]
pub struct Shown {
    /// The weights.
    pub weights: Weights,
    /// Widths of their network.
    pub widths: Vec<u32>,
    /// f_W.
    pub fraction_bits: u32,
}

/// Weights with the proof that a training has them.
pub struct Export {
    /// Which training, by its place among all.
    pub training: usize,
    /// At which end.
    pub boundary: Boundary,
    /// The weights.
    pub shown: Shown,
    /// The proof of them.
    pub proof: WeightsProof,
}

/// Everything.
pub struct Fixture {
    /// From the public seed, from later weights, from named weights.
    pub trainings: Vec<Proven>,
    /// Two windows that follow one another.
    pub windows: Vec<Proven>,
    /// A data set with near-duplicates.
    pub data: Descriptor,
    /// Commitments to its points.
    pub points: PointCommitments,
    /// Their tree.
    pub tree: Tree,
    /// Proof of the data set.
    pub data_proof: DataProof,
    /// A point with its label, and one without.
    pub members: Vec<MemberAnswer>,
    /// One query, several at once, and one about near-duplicates.
    pub absents: Vec<AbsentAnswer>,
    /// The final weights of the first training, and the named start of the last.
    pub exports: [Export; 2],
    /// Who signs.
    pub signer: Signer,
    /// The certificate of the first training.
    pub certificate: Vec<u8>,
    /// 32 bytes each: everything that is sent in all of these.
    pub groups: Vec<[u8; 32]>,
}

const TINY: fn() -> Sizes =
    || Sizes { features: 2, hidden: vec![2], classes: 2, points: 4, batch: 2, steps: 2, ..SMALL() };

/// Generators that all verifiers share.
pub fn source() -> &'static GeneratorSource {
    generators()
}

impl Fixture {
    /// The one of this process.
    pub fn get() -> &'static Self {
        static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);
        &FIXTURE
    }

    fn new() -> Self {
        crate::single_thread();
        let run = Run::new(&TINY(), 3);
        let deep = Run::new(&Sizes { hidden: vec![3, 2], first_step: 1, ..TINY() }, 5);
        let named = Run::new(&Sizes { log_columns: Some(7), ..Sizes { origin: NAMED().origin, ..TINY() } }, 7);
        let trainings: Vec<Proven> = [&run, &deep, &named].into_iter().map(Proven::of).collect();
        let exports = [Export::of(&run, 0, Boundary::End), Export::of(&named, 2, Boundary::Start)];
        let asked = Asked::new(&run);
        let signer = Signer::draw(&mut Counter(1)).expect("a key");
        let mut fixture = Self {
            certificate: certify(&trainings[0], |claim| claim.certify("fuzz", &signer)),
            trainings,
            windows: windows(),
            data_proof: asked.data_proof(),
            members: asked.members(),
            absents: asked.absents(),
            tree: Tree::new(&asked.run.points.0).expect("points"),
            points: asked.run.points.clone(),
            data: asked.data,
            exports,
            signer,
            groups: Vec::new(),
        };
        fixture.groups = fixture.all_groups();
        fixture
    }

    fn all_groups(&self) -> Vec<[u8; 32]> {
        let proofs = self.trainings.iter().chain(&self.windows).flat_map(|window| &window.proofs);
        let exports = self.exports.iter().map(|export| &export.proof.body);
        let bodies = proofs.map(|proof| &proof.body).chain([&self.data_proof.body]).chain(exports);
        let answers =
            self.members.iter().map(|answer| &answer.body).chain(self.absents.iter().map(|answer| &answer.body));
        let mut groups: Vec<[u8; 32]> = bodies.chain(answers).flat_map(|body| body.as_chunks().0).copied().collect();
        groups.extend(&self.points.0);
        groups.extend(self.exports.iter().flat_map(|e| e.boundary.rows(&self.trainings[e.training].statement)));
        groups
    }
}

/// What a certificate of a training says.
pub fn certify<T>(proven: &Proven, run: impl FnOnce(&Claim<'_>) -> T) -> T {
    let proof = proven.proofs[0].encode();
    let windows = [Window { statement: &proven.statement, proof: &proof }];
    let weights = [File::new("weights.safetensors", b"weights")];
    run(&Claim { run: &proven.statement, windows: &windows, data_proof: b"data", weights: &weights })
}

impl Proven {
    fn of(run: &Run) -> Self {
        let prove = |seed| {
            let entropy = &mut Counter(seed);
            open::prove(&run.statement, run.input(), source(), entropy, &mut |_| ()).expect("an honest run")
        };
        Self { statement: run.statement.clone(), points: run.points.clone(), proofs: [11, 12].map(prove) }
    }
}

impl Export {
    fn of(run: &Run, training: usize, boundary: Boundary) -> Self {
        let (weights, rows) = match boundary {
            Boundary::Start => (&run.trace.start, run.start_rows.as_ref().expect("rows of a start that is named")),
            Boundary::End => (&run.trace.end, &run.end_rows),
        };
        let (widths, fraction_bits) = (run.statement.algorithm().widths, run.statement.format.f_w());
        let proof = model::prove(&run.statement, boundary, weights, &rows.blinds, source()).expect("honest weights");
        Self { training, boundary, shown: Shown { weights: weights.clone(), widths, fraction_bits }, proof }
    }
}

/// A run of two windows.
fn windows() -> Vec<Proven> {
    let mut run = Run::new(&TINY(), 9);
    let first = Proven::of(&run);
    go_on(&mut run);
    vec![first, Proven::of(&run)]
}

/// The window after the one that `run` holds.
fn go_on(run: &mut Run) {
    let s = &mut run.statement;
    s.first_step = s.multipliers.len() as u64;
    s.start = Start::Committed { origin: s.start.origin(), rows: s.end.clone() };
    let indices = s.schedule().expect("a schedule").window_indices(s.first_step, s.multipliers.len());
    let width = s.data.features as usize;
    let point = |i: u32| Some((&run.features[i as usize * width..][..width], run.labels[i as usize]));
    let start = run.trace.end.clone();
    run.trace = record_window(&s.algorithm(), start, point, &indices, &s.multipliers, s.first_step, |_| ())
        .expect("numbers that fit");
    let shape = s.sizes(&Limits::default()).expect("sizes");
    let before = (&run.trace.start, &run.end_rows);
    let columns = source().first(1 << s.log_columns);
    let rows = recommit_weights(&columns, &shape, before, &run.trace.end, &mut Counter(2)).expect("rows");
    s.end.clone_from(&rows.rows);
    run.start_rows = Some(std::mem::replace(&mut run.end_rows, rows));
}

/// The data set of a run, asked about.
struct Asked<'a> {
    run: &'a Run,
    data: Descriptor,
}

impl<'a> Asked<'a> {
    fn new(run: &'a Run) -> Self {
        let mut data = Descriptor { near: 30, ..run.statement.data.clone() };
        data.root = run.points.root(&data).expect("points");
        Self { run, data }
    }

    fn set(&self) -> DataSet<'a> {
        let Run { features, labels, point_rows, .. } = self.run;
        DataSet { features, labels, blinds: &point_rows.blinds }
    }

    fn data_proof(&self) -> DataProof {
        let entropy = &mut Counter(13);
        open::prove_data(&self.data, 7, self.set(), source(), entropy, &mut |_| ()).expect("honest data")
    }

    fn question(&self, within: bool, queries: Vec<Query>) -> Question {
        Question { data: self.data.clone(), nonce: [1; 32], context: Some([2; 32]), within, queries }
    }

    fn members(&self) -> Vec<MemberAnswer> {
        let tree = Tree::new(&self.run.points.0).expect("points");
        let member = |index: u32, labelled: bool| {
            let at = index as usize;
            let (features, label) = (self.run.features[2 * at..2 * at + 2].to_vec(), self.run.labels[at]);
            let question = self.question(false, vec![Query { features, label: labelled.then_some(label) }]);
            let committed = (&self.run.points, &tree);
            open::prove_member(&question, index, self.set(), committed, source(), &mut Counter(14)).expect("a member")
        };
        vec![member(1, true), member(2, false)]
    }

    fn absents(&self) -> Vec<AbsentAnswer> {
        let query = |features: [i32; 2], label| Query { features: features.to_vec(), label };
        let far = self.far();
        let one = self.question(false, vec![query(far, None)]);
        let batch = (0..3).map(|i| query([far[0], (far[1] + i) % 17], Some(i as u32 % 2))).collect();
        let near = self.question(true, vec![query(far, None)]);
        let near = absence::prove(&near, self.set(), source()).expect("a point that is far");
        vec![self.absent(&one), self.absent(&self.question(false, batch)), near]
    }

    fn absent(&self, question: &Question) -> AbsentAnswer {
        let honest = |m: &[_], fingerprints: &zkdl_arguments::absence::Fingerprints| {
            inverses(m, fingerprints.groups()).ok_or(ProveError::Member)
        };
        open::prove_absent(question, self.set(), source(), &mut Counter(15), honest).expect("an absent point")
    }

    /// The corner that is farthest from all points.
    fn far(&self) -> [i32; 2] {
        let corners = [[0, 0], [0, 16], [16, 0], [16, 16]];
        let distance = |corner: &[i32; 2]| {
            let square = |point: &[i32]| (point[0] - corner[0]).pow(2) + (point[1] - corner[1]).pow(2);
            self.run.features.chunks(2).map(square).min()
        };
        corners.into_iter().max_by_key(distance).unwrap_or_default()
    }
}
