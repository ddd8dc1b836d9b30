//! Many windows of one run, verified at once.

use crate::support::{Counter, Run, SMALL, Sizes, generators};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use zkdl::chain::{ChainError, is_whole};
use zkdl::commitment::recommit_weights;
use zkdl::proof::Proof;
use zkdl::run::{self, RunError, Verified, Window};
use zkdl::statement::Limits;
use zkdl::{PointCommitments, ProverInput, Start, Statement, VerifyError};
use zkdl_train::record_window;
use zkdl_transcript::simulator::{Frame, staged};

/// A proven run of four windows of 3, 3, 2 and 1 steps.
struct Proven {
    points: PointCommitments,
    statements: Vec<Statement>,
    proofs: Vec<Proof>,
}

static RUN: LazyLock<Proven> = LazyLock::new(|| Proven::new(&Sizes { log_columns: Some(6), ..SMALL() }, &[3, 2, 1]));

impl Proven {
    fn new(sizes: &Sizes, later: &[usize]) -> Self {
        let mut run = Run::new(sizes, 7);
        run.statement.max_steps = (sizes.steps + later.iter().sum::<usize>()) as u64;
        let mut proven =
            Self { points: run.points.clone(), statements: vec![], proofs: vec![prove(&run.statement, run.input())] };
        for steps in later {
            proven.statements.push(run.statement.clone());
            go_on(&mut run, *steps);
            proven.proofs.push(prove(&run.statement, run.input()));
        }
        proven.statements.push(run.statement);
        proven
    }

    fn verify(&self, order: &[usize]) -> Result<Verified, RunError> {
        verify(&order.iter().map(|i| (&self.statements[*i], &self.proofs[*i])).collect::<Vec<_>>(), &self.points)
    }
}

fn prove(statement: &Statement, input: ProverInput<'_>) -> Proof {
    zkdl::prove(statement, input, generators(), &mut |_| ()).unwrap()
}

fn verify(windows: &[(&Statement, &Proof)], points: &PointCommitments) -> Result<Verified, RunError> {
    let windows: Vec<_> = windows.iter().map(|(statement, proof)| Window { statement, proof }).collect();
    let read = AtomicUsize::new(0);
    let done = || {
        read.fetch_add(1, Ordering::Relaxed);
    };
    let verdict = run::verify(&windows, points, &Limits::default(), generators(), &done);
    assert!(verdict.is_err() || read.into_inner() == windows.len());
    verdict
}

/// The window after the one that `run` holds.
fn go_on(run: &mut Run, steps: usize) {
    let s = &mut run.statement;
    s.first_step += s.multipliers.len() as u64;
    s.multipliers = vec![6_000; steps];
    s.start = Start::Committed { origin: s.start.origin(), rows: s.end.clone() };
    let indices = s.schedule().unwrap().window_indices(s.first_step, steps);
    let width = s.data.features as usize;
    let point = |i: u32| Some((&run.features[i as usize * width..][..width], run.labels[i as usize]));
    let start = run.trace.end.clone();
    run.trace = record_window(&s.algorithm(), start, point, &indices, &s.multipliers, s.first_step, |_| ()).unwrap();
    let shape = s.sizes(&Limits::default()).unwrap();
    let g = generators().first(1 << s.log_columns);
    let before = (&run.trace.start, &run.end_rows);
    let rows = recommit_weights(&g, &shape, before, &run.trace.end, &mut Counter(s.first_step as u8)).unwrap();
    s.end.clone_from(&rows.rows);
    run.start_rows = Some(std::mem::replace(&mut run.end_rows, rows));
}

#[test]
fn all_windows_of_a_run_are_verified_at_once_in_any_order() {
    let verified = RUN.verify(&[0, 1, 2, 3]).unwrap();
    assert!(matches!(&verified.claims[..], [claim] if is_whole(claim) && claim.end == RUN.statements[3].end));
    assert_eq!(RUN.verify(&[2, 0, 3, 1]).unwrap().claims, verified.claims);
    let alone = |i: usize| {
        let limits = Limits::default();
        zkdl::verify(&RUN.statements[i], &RUN.points, &RUN.proofs[i], &limits, generators()).unwrap().msm_points
    };
    assert!(verified.msm_points < (0..4).map(alone).sum::<usize>() - 3 * 64);
    assert_eq!(RUN.verify(&[0, 1, 3]).unwrap().claims.len(), 2);
    assert_eq!(RUN.verify(&[]).unwrap().claims, []);
}

/// Catalogue 49.
#[test]
fn a_false_window_is_named_wherever_it_stands() {
    for bad in 0..4 {
        let body = &RUN.proofs[bad].body;
        // The last scalar of the inner-product argument: the proof can still be read.
        let mut forged = RUN.proofs[bad].clone();
        forged.body[body.len() - 32] ^= 1;
        let mut windows: Vec<_> = RUN.statements.iter().zip(&RUN.proofs).collect();
        windows[bad].1 = &forged;
        let error = verify(&windows, &RUN.points).unwrap_err();
        assert_eq!(error, RunError::Window { index: bad, source: VerifyError::Opening });
        let mut short = RUN.proofs[bad].clone();
        short.body.pop();
        windows[bad].1 = &short;
        let error = verify(&windows, &RUN.points).unwrap_err();
        assert!(matches!(error, RunError::Window { index, source: VerifyError::Read(_) } if index == bad), "{error}");
    }
}

/// Catalogue 49.
#[test]
fn two_false_windows_do_not_make_a_true_one() {
    let mut forged = RUN.proofs.clone();
    for i in [1, 2] {
        let last = forged[i].body.len() - 32;
        forged[i].body[last] ^= 1;
    }
    let windows: Vec<_> = RUN.statements.iter().zip(&forged).collect();
    let error = verify(&windows, &RUN.points).unwrap_err();
    assert_eq!(error, RunError::Window { index: 1, source: VerifyError::Opening });
}

/// Catalogue 36.
#[test]
fn proofs_belong_to_their_windows() {
    let mut windows: Vec<_> = RUN.statements.iter().zip(&RUN.proofs).collect();
    (windows[1].1, windows[2].1) = (windows[2].1, windows[1].1);
    let error = verify(&windows, &RUN.points).unwrap_err();
    assert!(matches!(error, RunError::Window { index: 1, source: VerifyError::StatementMismatch { .. } }), "{error}");
}

/// A run of three windows of one shape; the first starts from the public seed.
static ALIKE: LazyLock<Proven> = LazyLock::new(|| Proven::new(&Sizes { log_columns: Some(6), ..SMALL() }, &[3, 3]));

/// The messages of a proof under a statement, whatever statement the proof was made for.
fn judge(statement: &Statement, proof: &Proof) -> Result<(), VerifyError> {
    let renamed = Proof { statement: statement.digest(), ..proof.clone() };
    zkdl::verify(statement, &ALIKE.points, &renamed, &Limits::default(), generators()).map(|_| ())
}

/// Catalogue 36: the proof of steps 3..6 renamed to 6..9, and the other way: no challenge is what it was, and the first equation fails. The
/// first window, which has other messages because its start is public, is not even read as one of them.
#[test]
fn a_proof_of_some_steps_is_none_of_others() {
    for (from, to) in [(1, 2), (2, 1), (0, 1), (1, 0), (0, 2), (2, 0)] {
        assert_eq!(judge(&ALIKE.statements[from], &ALIKE.proofs[from]), Ok(()));
        let renamed = judge(&ALIKE.statements[to], &ALIKE.proofs[from]);
        let caught = match renamed {
            Err(VerifyError::Product { .. }) => true,
            Err(VerifyError::Read(_)) => from == 0 || to == 0,
            _ => false,
        };
        assert!(caught, "{from} as {to}: {renamed:?}");
    }
}

/// The verdict on a proof as if the challenges were those of the statement that it was made for.
fn judge_frozen(window: usize, statement: &Statement) -> Result<(), VerifyError> {
    let (statements, proof) = (&ALIKE.statements, &ALIKE.proofs[window]);
    let frames = staged([], || judge(&statements[window], proof)).1;
    let drawn = |frame| if let Frame::Drawn { bytes, .. } = frame { Some(bytes) } else { None };
    staged(frames.into_iter().filter_map(drawn), || judge(statement, proof)).0
}

/// Catalogue 36: it is not the digest alone that keeps windows apart. Even under the challenges that a proof was made with, the equations
/// are about the points, the multipliers and the weights of its own steps: each of them, taken from another window, is enough.
#[test]
fn equations_are_about_the_steps_of_their_window() {
    type Change = fn(&mut Statement, &Statement);
    let changes: [(&str, Change); 5] = [
        ("everything", |s, other| s.clone_from(other)),
        ("the order of the points", |s, other| s.first_step = other.first_step),
        ("multipliers", |s, _| s.multipliers[2] += 1),
        ("start weights", |s, other| s.start.clone_from(&other.start)),
        ("final weights", |s, other| s.end.clone_from(&other.end)),
    ];
    for (window, other) in [(1, 2), (2, 1)] {
        for (what, change) in changes {
            let mut statement = ALIKE.statements[window].clone();
            assert_eq!(judge_frozen(window, &statement), Ok(()));
            change(&mut statement, &ALIKE.statements[other]);
            assert_eq!(judge_frozen(window, &statement), Err(VerifyError::Opening), "{what} of {other} in {window}");
        }
    }
}

/// Catalogue 86.
#[test]
fn windows_that_do_not_chain_are_refused_whatever_their_proofs() {
    let same = [0, 1, 1, 2].map(|i| (&RUN.statements[i], &RUN.proofs[i]));
    let error = verify(&same, &RUN.points).unwrap_err();
    assert_eq!(error, RunError::Chain(ChainError::Overlap { window: 2, start: 3, end: 6 }));
    let other = Proven::new(&Sizes { log_columns: Some(6), ..SMALL() }, &[3]);
    let mixed = [(&RUN.statements[0], &RUN.proofs[0]), (&other.statements[1], &other.proofs[1])];
    assert_eq!(verify(&mixed, &RUN.points).unwrap_err(), RunError::Chain(ChainError::Configuration { window: 1 }));
}

#[test]
fn the_points_are_those_of_the_data() {
    let mut points = RUN.points.clone();
    points.0.swap(0, 1);
    let windows: Vec<_> = RUN.statements.iter().zip(&RUN.proofs).collect();
    let error = verify(&windows, &points).unwrap_err();
    assert!(matches!(error, RunError::Points(VerifyError::Merkle { .. })), "{error}");
}
