//! Verifiers of edited proofs: nothing is accepted but what an honest prover made, and all of that is.
//!
//! An attack starts from real messages, edits them, and puts right what everybody could put right: digests and roots that only
//! say which messages belong together. What is left has to be found by the arguments themselves.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use zkdl::certificate::Signed;
use zkdl::model;
use zkdl::proof::Proof;
use zkdl::run::{self, Window};
use zkdl::{PointCommitments, Statement, absence, data_proof, membership, verify};
use zkdl_fuzz::edit::{Change, Edit, edited};
use zkdl_fuzz::fixture::{Export, Fixture, LIMITS, Proven, certify, source};

#[derive(Debug, Arbitrary)]
struct Attack {
    on: Target,
    /// Whether digests are put right.
    rebound: bool,
    edit: Edit,
    more: Vec<Edit>,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Target {
    Training(u8),
    Windows,
    Data,
    Member(u8),
    Absent(u8),
    Weights(u8),
    Certificate,
}

/// Whether a verifier accepted, and whether it was given what an honest prover made; nothing if there was nothing to verify.
type Verdict = Option<(bool, bool)>;

impl Attack {
    /// Few: one that is refused hides what the others do.
    fn edits(&self) -> Vec<Edit> {
        std::iter::once(&self.edit).chain(self.more.iter().take(2)).cloned().collect()
    }

    fn verdict(&self, f: &Fixture) -> Verdict {
        match self.on {
            Target::Training(which) => self.training(&f.trainings[usize::from(which) % f.trainings.len()]),
            Target::Windows => self.windows(&f.windows),
            Target::Data => self.data(f),
            Target::Member(which) => self.member(f, usize::from(which) % f.members.len()),
            Target::Absent(which) => self.absent(f, usize::from(which) % f.absents.len()),
            Target::Weights(which) => self.weights(f, &f.exports[usize::from(which) % f.exports.len()]),
            Target::Certificate => self.certificate(f),
        }
    }

    fn training(&self, honest: &Proven) -> Verdict {
        let mut statement = edited(&honest.statement, 0, 3, &self.edits())?;
        let mut proof = edited(&honest.proofs[0], 1, 3, &self.edits())?;
        let points = edited(&honest.points, 2, 3, &self.edits())?;
        self.rebind(&mut statement, &mut proof, &points);
        let known = statement == honest.statement && points == honest.points && honest.proofs.contains(&proof);
        Some((verify(&statement, &points, &proof, &LIMITS, source()).is_ok(), known))
    }

    fn rebind(&self, statement: &mut Statement, proof: &mut Proof, points: &PointCommitments) {
        if self.rebound {
            statement.data.root = points.root(&statement.data).unwrap_or_default();
            proof.statement = statement.digest();
        }
    }

    /// All at once; each may also be any honest one, as it may be left out.
    fn windows(&self, honest: &[Proven]) -> Verdict {
        let points = edited(&honest[0].points, 4, 5, &self.edits())?;
        let mut edited_windows = Vec::new();
        for (i, window) in (0u8..).zip(honest) {
            let mut statement = edited(&window.statement, 2 * i, 5, &self.edits())?;
            let mut proof = edited(&window.proofs[0], 2 * i + 1, 5, &self.edits())?;
            self.rebind(&mut statement, &mut proof, &points);
            edited_windows.push((statement, proof));
        }
        let windows: Vec<_> = edited_windows.iter().map(|(statement, proof)| Window { statement, proof }).collect();
        let is =
            |(statement, proof): &(_, _)| honest.iter().any(|w| w.statement == *statement && w.proofs.contains(proof));
        let known = points == honest[0].points && edited_windows.iter().all(is);
        Some((run::verify(&windows, &points, &LIMITS, source(), &|| ()).is_ok(), known))
    }

    fn data(&self, f: &Fixture) -> Verdict {
        let mut data = edited(&f.data, 0, 3, &self.edits())?;
        let mut proof = edited(&f.data_proof, 1, 3, &self.edits())?;
        let points = edited(&f.points, 2, 3, &self.edits())?;
        if self.rebound {
            data.root = points.root(&data).unwrap_or_default();
            proof.statement = data_proof::digest(&data, proof.log_columns);
        }
        let known = data == f.data && points == f.points && proof == f.data_proof;
        Some((data_proof::verify(&data, &points, &proof, &LIMITS, source()).is_ok(), known))
    }

    fn member(&self, f: &Fixture, which: usize) -> Verdict {
        let honest = &f.members[which];
        let asked = edited(honest, 0, 2, &self.edits())?.question;
        let mut answer = edited(honest, 1, 2, &self.edits())?;
        if self.rebound {
            answer.question.clone_from(&asked);
        }
        let known = asked == honest.question && answer == *honest;
        Some((membership::verify(&asked, &answer, source()).is_ok(), known))
    }

    fn absent(&self, f: &Fixture, which: usize) -> Verdict {
        let honest = &f.absents[which];
        let mut asked = edited(honest, 0, 3, &self.edits())?.question;
        let mut answer = edited(honest, 1, 3, &self.edits())?;
        let points = edited(&f.points, 2, 3, &self.edits())?;
        if self.rebound {
            asked.data.root = points.root(&asked.data).unwrap_or_default();
            answer.question.clone_from(&asked);
        }
        let known = asked == honest.question && answer == *honest && points == f.points;
        Some((absence::verify(&asked, &answer, &points, source()).is_ok(), known))
    }

    fn weights(&self, f: &Fixture, export: &Export) -> Verdict {
        let (honest, boundary) = (&f.trainings[export.training].statement, export.boundary);
        let statement = edited(honest, 0, 3, &self.edits())?;
        let shown = edited(&export.shown, 1, 3, &self.edits())?;
        let mut proof = edited(&export.proof, 2, 3, &self.edits())?;
        if self.rebound {
            proof.model = zkdl::describe::model_digest(boundary.rows(&statement));
        }
        let same = (statement.log_columns, boundary.rows(&statement), statement.algorithm().widths)
            == (honest.log_columns, boundary.rows(honest), honest.algorithm().widths);
        let known = same && shown == export.shown && proof == export.proof;
        let accepted = model::verify(&statement, boundary, &shown.weights, &proof, &LIMITS, source()).is_ok();
        // What else the statement says is not what this proof is about, but may be refused.
        (accepted || statement == *honest).then_some((accepted, known))
    }

    /// A certificate is JSON, which has white space: what counts is what it says.
    fn certificate(&self, f: &Fixture) -> Verdict {
        let mut bytes = f.certificate.clone();
        self.edits().iter().for_each(|Edit { change, .. }| Change::apply(change, &mut bytes, &f.groups));
        let honest = Signed::open(&f.certificate, &f.signer.public()).ok()?;
        let Ok(signed) = Signed::open(&bytes, &f.signer.public()) else { return Some((false, bytes == f.certificate)) };
        let agrees = certify(&f.trainings[0], |claim| signed.agrees(claim).is_ok());
        Some((agrees, signed == honest))
    }
}

fuzz_target!(init: { Fixture::get(); }, |attack: Attack| {
    if let Some((accepted, known)) = attack.verdict(Fixture::get()) {
        assert_eq!(accepted, known, "{:?}", attack.on);
    }
});
