//! Hostile numbers in files: what a file asks for is believed only as far as its bytes are there (catalogue 3, 10; section B.5).
//!
//! A binary of its own, as its allocator counts. One test, as others would count too.

#![cfg(test)]

#[path = "it/support.rs"]
mod support;

use peak_alloc::PeakAlloc;
use support::{NAMED, Run, SMALL, generators};
use zkdl::data_proof::{self, DataProof};
use zkdl::model::{self, Boundary, WeightsProof};
use zkdl::proof::Proof;
use zkdl::run::{self, Window};
use zkdl::statement::Limits;
use zkdl::tensors::{self, Number};
use zkdl::{
    AbsentAnswer, DataSet, MemberAnswer, PointCommitments, Query, Question, Statement, absence, data_set, membership,
    prove, verify,
};
use zkdl_commit::merkle::Tree;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MEBIBYTE: usize = 1 << 20;
/// What verifiers of small runs need, also with rows of 2^16 columns.
const VERIFYING: usize = 16 * MEBIBYTE;

/// Bytes that were allocated at once while `work` ran, beyond those that were there before.
fn peak(work: impl FnOnce()) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    work();
    ALLOCATOR.peak_usage().saturating_sub(before)
}

const NUMBERS: [u64; 5] = [u64::MAX, (1 << 31) - 1, 1 << 16, 0, 1 << 63];

/// The file with a hostile number at every place, four and eight bytes wide.
fn hostile<'a>(file: &'a [u8], numbers: &'a [u64]) -> impl Iterator<Item = Vec<u8>> + 'a {
    (0..file.len().saturating_sub(8)).flat_map(move |place| {
        numbers.iter().flat_map(move |number| {
            [4, 8].map(|width| {
                let mut bytes = file.to_vec();
                bytes[place..place + width].copy_from_slice(&number.to_le_bytes()[..width]);
                bytes
            })
        })
    })
}

/// Reads every hostile variant; none may take more than some times its own length, and what is granted beyond.
fn reads(what: &str, file: &[u8], granted: usize, read: impl Fn(&[u8])) {
    // What stays for the whole process is made once, before anything is counted.
    read(file);
    // Verifiers take longer, and fewer numbers.
    let numbers = if granted == VERIFYING { &NUMBERS[..3] } else { &NUMBERS };
    for bytes in hostile(&file[..file.len().min(320)], numbers) {
        let bytes = [&bytes, &file[bytes.len()..]].concat();
        let taken = peak(|| read(&bytes));
        assert!(taken < granted + 16 * bytes.len(), "{what}: {taken} bytes");
    }
}

fn question(run: &Run, features: Vec<i32>) -> Question {
    let queries = vec![Query { features, label: None }];
    Question { data: run.statement.data.clone(), nonce: [1; 32], context: None, within: false, queries }
}

/// The question about near-duplicates, of a data set that fixes their distance.
fn within(run: &Run, mut question: Question) -> Question {
    question.within = true;
    question.data.near = 2;
    question.data.root = run.points.root(&question.data).unwrap();
    question
}

/// What honest sides make of a small run.
struct Honest {
    run: Run,
    proof: Proof,
    data_proof: DataProof,
    weights: WeightsProof,
    member: MemberAnswer,
    absent: AbsentAnswer,
    near: AbsentAnswer,
}

impl Honest {
    fn new() -> Self {
        let run = Run::new(&SMALL(), 3);
        let data = DataSet { features: &run.features, labels: &run.labels, blinds: &run.point_rows.blinds };
        let tree = Tree::new(&run.points.0).unwrap();
        let asked = question(&run, run.features[..5].to_vec());
        let stranger = question(&run, vec![16, 0, 16, 0, 16]);
        let blinds = &run.end_rows.blinds;
        Self {
            proof: prove(&run.statement, run.input(), generators(), &mut |_| ()).unwrap(),
            data_proof: data_proof::prove(&run.statement.data, 9, data, generators(), &mut |_| ()).unwrap(),
            weights: model::prove(&run.statement, Boundary::End, &run.trace.end, blinds, generators()).unwrap(),
            member: membership::prove(&asked, data, &run.points, &tree, generators()).unwrap(),
            absent: absence::prove(&stranger, data, generators()).unwrap(),
            near: absence::prove(&within(&run, stranger), data, generators()).unwrap(),
            run,
        }
    }

    /// Whatever the bytes are.
    fn decoders(&self) {
        let statement = &self.run.statement;
        let safetensors = tensors::encode(&self.run.trace.end, Number::Integer, 21, &[]);
        let widths = statement.algorithm().widths;
        let named = Run::new(&NAMED(), 3).statement.encode();
        reads("statement", &statement.encode(), MEBIBYTE, |bytes| drop(Statement::decode(bytes)));
        reads("statement, named", &named, MEBIBYTE, |bytes| drop(Statement::decode(bytes)));
        reads("points", &self.run.points.encode(), MEBIBYTE, |bytes| drop(PointCommitments::decode(bytes)));
        reads("data set", &data_set::encode(&statement.data), MEBIBYTE, |bytes| drop(data_set::decode(bytes)));
        reads("proof", &self.proof.encode(), MEBIBYTE, |bytes| drop(Proof::decode(bytes)));
        reads("data proof", &self.data_proof.encode(), MEBIBYTE, |bytes| drop(DataProof::decode(bytes)));
        reads("member", &self.member.encode(), MEBIBYTE, |bytes| drop(MemberAnswer::decode(bytes)));
        reads("absent", &self.absent.encode(), MEBIBYTE, |bytes| drop(AbsentAnswer::decode(bytes)));
        reads("weights", &self.weights.encode(), MEBIBYTE, |bytes| drop(WeightsProof::decode(bytes)));
        reads("tensors", &safetensors, MEBIBYTE, |bytes| drop(tensors::decode(bytes, &widths, 21)));
    }

    /// Verifiers of statements that ask for more than the files have.
    fn statements(&self) {
        let Self { run, proof, weights, .. } = self;
        let (statement, limits) = (run.statement.encode(), Limits::default());
        reads("training", &statement, VERIFYING, |bytes| {
            let Ok(hostile) = Statement::decode(bytes) else { return };
            let proof = Proof { statement: hostile.digest(), ..proof.clone() };
            let verdict = verify(&hostile, &run.points, &proof, &limits, generators());
            assert_eq!(verdict.is_ok(), hostile == run.statement);
        });
        reads("run", &statement, VERIFYING, |bytes| {
            let Ok(hostile) = Statement::decode(bytes) else { return };
            let proof = Proof { statement: hostile.digest(), ..proof.clone() };
            let windows = [Window { statement: &hostile, proof: &proof }];
            let verdict = run::verify(&windows, &run.points, &limits, generators(), &|| ());
            assert_eq!(verdict.is_ok(), hostile == run.statement);
        });
        reads("weights of a statement", &statement, VERIFYING, |bytes| {
            let Ok(hostile) = Statement::decode(bytes) else { return };
            // Whether they are those of its rows is all that is asked: the other public values may differ.
            let _ = model::verify(&hostile, Boundary::End, &run.trace.end, weights, &limits, generators());
        });
        reads("shown weights", &weights.encode(), VERIFYING, |bytes| {
            let Ok(hostile) = WeightsProof::decode(bytes) else { return };
            let verdict = model::verify(&run.statement, Boundary::End, &run.trace.end, &hostile, &limits, generators());
            assert_eq!(verdict.is_ok(), bytes == weights.encode());
        });
    }

    /// Verifiers of data sets and of answers about them.
    fn data_sets(&self) {
        let Self { run, data_proof, member, .. } = self;
        let data = &run.statement.data;
        let rooted = |bytes: &[u8]| {
            let mut hostile = data_set::decode(bytes).ok()?;
            hostile.root = run.points.root(&hostile).unwrap();
            Some(hostile)
        };
        reads("data", &data_set::encode(data), VERIFYING, |bytes| {
            let Some(hostile) = rooted(bytes) else { return };
            let proof = DataProof { statement: data_proof::digest(&hostile, 9), ..data_proof.clone() };
            let verdict = data_proof::verify(&hostile, &run.points, &proof, &Limits::default(), generators());
            assert_eq!(verdict.is_ok(), hostile == *data);
        });
        reads("answer of a member", &member.encode(), VERIFYING, |bytes| {
            let Ok(hostile) = MemberAnswer::decode(bytes) else { return };
            let verdict = membership::verify(&member.question, &hostile, generators());
            assert_eq!(verdict.is_ok(), bytes == member.encode());
        });
        for (what, answer) in [("absent", &self.absent), ("near", &self.near)] {
            let question = &answer.question;
            reads(what, &answer.encode(), VERIFYING, |bytes| {
                let Ok(hostile) = AbsentAnswer::decode(bytes) else { return };
                let verdict = absence::verify(question, &hostile, &run.points, generators());
                assert_eq!(verdict.is_ok(), bytes == answer.encode(), "{what}");
            });
            reads(what, &data_set::encode(&question.data), VERIFYING, |bytes| {
                let Some(data) = rooted(bytes) else { return };
                let hostile = Question { data, ..question.clone() };
                let answer = AbsentAnswer { question: hostile.clone(), ..answer.clone() };
                let verdict = absence::verify(&hostile, &answer, &run.points, generators());
                assert_eq!(verdict.is_ok(), hostile == *question, "{what}");
            });
        }
    }
}

/// Catalogue 3, 10.
#[test]
fn hostile_numbers_allocate_nothing() {
    let honest = Honest::new();
    honest.decoders();
    honest.statements();
    honest.data_sets();
}
