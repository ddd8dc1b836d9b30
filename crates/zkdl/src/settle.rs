//! What all proofs have in common: the points that files name at their beginning; at their end, the obligations that arguments
//! leave become one inner product, and all checks one multi-scalar multiplication.
//!
//! ```text
//!    opening: all claims about rows become one inner product
//!    products, knowledge: sigma protocols
//!    inner-product argument
//! V: settle: one weight for all equations, after the last byte; for all proofs of a run, a weight for each proof besides
//! ```

use crate::commitment::PointCommitments;
use crate::error::{ProveError, VerifyError};
use crate::statement::hex;
use crate::training::Phase;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;
use zkdl_arguments::opening::{self, RowValues};
use zkdl_arguments::window::Obligations;
use zkdl_commit::channel::{Check, Equation, ProofReader, ProofWriter};
use zkdl_commit::msm::msm;
use zkdl_commit::pedersen::{Commitment, Opening};
use zkdl_commit::table::commit_bits;
use zkdl_commit::{ipa, sigma};
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::number::{to_u64, to_usize};
use zkdl_field::generators::Generators;
use zkdl_field::scalar::{dot, encode, powers};
use zkdl_field::{Affine, Field, Scalar, group};
use zkdl_transcript::Receiver;

/// The points are those of the descriptor: as many, under its root. What follows may cost as much as the files that are there.
///
/// # Errors
/// [`VerifyError::Merkle`].
pub(crate) fn check_points(data: &Descriptor, points: &PointCommitments) -> Result<(), VerifyError> {
    let root = points.root(data).unwrap_or_default();
    if root != data.root || points.0.len() != to_usize(data.points) {
        return Err(VerifyError::Merkle { got: hex(&root), expected: hex(&data.root) });
    }
    Ok(())
}

/// Decodes the rows of a file, on all threads.
///
/// # Errors
/// [`VerifyError::BadPoint`] naming the first row that is no point.
pub(crate) fn decode_points(role: &'static str, rows: &[[u8; 32]]) -> Result<Vec<Affine>, VerifyError> {
    let decoded: Vec<_> = rows.par_iter().with_min_len(64).map(group::decode).collect();
    let named = |(index, point): (usize, Result<Affine, _>)| {
        point.map_err(|source| VerifyError::BadPoint { role, index, source })
    };
    decoded.into_iter().enumerate().map(named).collect()
}

/// Decodes the rows of a file and adds them to the verifier's points; returns the index of the first.
///
/// # Errors
/// As [`decode_points`].
pub(crate) fn register_points(
    channel: &mut ProofReader<'_>,
    role: &'static str,
    rows: &[[u8; 32]],
) -> Result<usize, VerifyError> {
    Ok(channel.register(decode_points(role, rows)?))
}

/// Commits rows of bits and sends the commitments; returns the blinds.
///
/// # Errors
/// [`ProveError::Degenerate`].
pub(crate) fn commit_rows(
    channel: &mut ProofWriter<'_>,
    label: &str,
    rows: &[&[u8]],
) -> Result<Zeroizing<Vec<Scalar>>, ProveError> {
    let blinds = Zeroizing::new(channel.blinds.draw_many(rows.len()));
    let starts = channel.generators.blinds(&blinds)?;
    for point in commit_bits(&channel.generators.columns, rows, &starts) {
        channel.sender.send_point(label, &point);
    }
    Ok(blinds)
}

/// The prover's end: everything that an argument has left to be shown, of `rows` under `blinds`.
///
/// # Errors
/// [`ProveError::Degenerate`].
pub(crate) fn discharge(
    channel: &mut ProofWriter<'_>,
    obligations: &Obligations<Opening>,
    rows: &[RowValues<'_>],
    blinds: &[Scalar],
    progress: &mut dyn FnMut(Phase),
) -> Result<(), ProveError> {
    progress(Phase::Opening);
    let columns = &channel.generators.columns;
    let (reduced, vector) = opening::prove(channel, columns.len(), &obligations.queries, rows)?;
    progress(Phase::InnerProduct);
    sigma::prove_products(channel, &obligations.products);
    sigma::prove_knowledge(channel);
    let blind = dot(&reduced.row_weights, blinds);
    let opened = ipa::Witness { vector: Zeroizing::new(vector), blind, value: reduced.value };
    Ok(ipa::prove(channel, columns, opened, &reduced.point)?)
}

/// The verifier's side of [`discharge`], for `rows` committed rows of `columns` columns.
///
/// # Errors
/// [`VerifyError`] for missing or malformed messages.
pub(crate) fn read_discharge(
    channel: &mut ProofReader<'_>,
    columns: usize,
    obligations: &Obligations<Commitment>,
    rows: usize,
) -> Result<(), VerifyError> {
    #[cfg(test)]
    watch::note_obligations(obligations);
    let reduced = opening::verify(channel, columns, &obligations.queries, rows)?;
    sigma::verify_products(channel, &obligations.products)?;
    sigma::verify_knowledge(channel)?;
    let terms = reduced.row_weights.into_iter().enumerate().collect();
    let opened = Commitment { terms, constant: Scalar::ZERO };
    Ok(ipa::verify(channel, opened, reduced.value, &reduced.point)?)
}

/// A proof that was read to its last byte: what has to hold of its points, and the weight that makes it one equation.
pub(crate) struct Closed {
    /// Its own points: those behind the ones that it shares with other proofs.
    points: Vec<Affine>,
    equations: Vec<Equation>,
    /// Drawn after the last message: whoever knows it knows the proof and its statement.
    pub(crate) weight: Scalar,
}

/// Draws the weight of the equations and checks that no byte is left. The first `shared` points are not kept.
///
/// # Errors
/// [`VerifyError::Read`].
pub(crate) fn close(mut channel: ProofReader<'_>, shared: usize) -> Result<Closed, VerifyError> {
    let weight = channel.receiver.challenge("settle");
    #[cfg(test)]
    watch::note(&channel);
    channel.receiver.finish()?;
    let points = channel.points.get(shared..).unwrap_or_default().to_vec();
    Ok(Closed { points, equations: channel.equations, weight })
}

/// Checks all equations of a proof at once and, if they do not hold, names the first that fails. Returns how many points
/// took part.
///
/// # Errors
/// [`VerifyError`] of the check that fails.
pub(crate) fn settle(channel: ProofReader<'_>, generators: &Generators) -> Result<usize, VerifyError> {
    close(channel, 0)?.settle(&[], generators)
}

impl Closed {
    /// See [`settle`]; `shared` are the points that every proof begins with.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn settle(&self, shared: &[Affine], generators: &Generators) -> Result<usize, VerifyError> {
        let holds = |equation: &Equation| {
            let mut sum = Sum::new(shared.len(), generators);
            sum.add(equation, &self.points, Scalar::ONE).then(|| sum.is_zero(shared)).filter(|(zero, _)| *zero)
        };
        if let Some((_, points)) = holds(&Equation::combine(Check::Opening, &self.equations, self.weight)) {
            return Ok(points);
        }
        Err(match self.equations.iter().find(|e| holds(e).is_none()).map(|e| e.check) {
            Some(Check::Product(which)) => VerifyError::Product { which },
            Some(Check::Knowledge) => VerifyError::Knowledge,
            Some(Check::Representation) => VerifyError::Membership,
            Some(Check::Opening) | None => VerifyError::Opening,
        })
    }
}

/// Whether the equations of all proofs hold, each proof's sum multiplied by another power of a challenge: one multi-scalar
/// multiplication in which generators, and the points that all proofs begin with (`shared`), occur once. `about` are the
/// digests of their statements. Returns how many points took part.
///
/// The challenge depends on the weight of every proof, and so on every byte of them. Were it 1, many false proofs could be
/// ground, each on its own, until their sums cancel.
pub(crate) fn settle_all(
    protocol: &str,
    about: &[[u8; 32]],
    proofs: &[Closed],
    shared: &[Affine],
    generators: &Generators,
) -> Option<usize> {
    let weight = weight_of_all(protocol, about, proofs);
    let weights = powers(weight, proofs.len());
    let combined: Vec<Equation> =
        proofs.par_iter().map(|p| Equation::combine(Check::Opening, &p.equations, p.weight)).collect();
    let mut sum = Sum::new(shared.len(), generators);
    let added = combined.iter().zip(proofs).zip(weights).all(|((e, proof), w)| sum.add(e, &proof.points, w));
    let (zero, points) = sum.is_zero(shared);
    (added && zero).then_some(points)
}

/// The challenge after everything that the proofs say.
fn weight_of_all(protocol: &str, about: &[[u8; 32]], proofs: &[Closed]) -> Scalar {
    let mut hash = Sha256::new();
    hash.update(to_u64(proofs.len()).to_le_bytes());
    for (digest, proof) in about.iter().zip(proofs) {
        hash.update(digest);
        hash.update(encode(&proof.weight));
    }
    Receiver::new(protocol, &hash.finalize().into(), &[]).challenge("windows")
}

/// Equations of several proofs, multiplied out: a coefficient for every point.
struct Sum<'g> {
    generators: &'g Generators,
    /// Of the points that every proof begins with.
    shared: Vec<Scalar>,
    /// Of the other points.
    own: Vec<(Affine, Scalar)>,
    /// Of g and H.
    scalars: [Scalar; 2],
    /// Of the columns.
    columns: Vec<Scalar>,
}

impl<'g> Sum<'g> {
    fn new(shared: usize, generators: &'g Generators) -> Self {
        Self {
            generators,
            shared: vec![Scalar::ZERO; shared],
            own: Vec::new(),
            scalars: [Scalar::ZERO; 2],
            columns: vec![Scalar::ZERO; generators.columns.len()],
        }
    }

    /// Adds an equation over the shared points and `own`; false, and of no meaning, if it names points or columns that are not
    /// there.
    fn add(&mut self, equation: &Equation, own: &[Affine], weight: Scalar) -> bool {
        let first = self.own.len();
        self.own.extend(own.iter().map(|point| (*point, Scalar::ZERO)));
        let mine = self.own.get_mut(first..).unwrap_or_default();
        for (index, c) in &equation.form.terms {
            let coefficient = match index.checked_sub(self.shared.len()) {
                None => self.shared.get_mut(*index),
                Some(index) => mine.get_mut(index).map(|(_, coefficient)| coefficient),
            };
            let Some(coefficient) = coefficient else { return false };
            *coefficient += *c * weight;
        }
        for (sum, c) in self.scalars.iter_mut().zip([equation.form.constant, equation.blind]) {
            *sum += c * weight;
        }
        for (sum, c) in self.columns.iter_mut().zip(&equation.columns) {
            *sum += *c * weight;
        }
        equation.columns.len() <= self.columns.len()
    }

    /// Whether the sum is zero, and over how many points it was taken.
    fn is_zero(&self, shared: &[Affine]) -> (bool, usize) {
        let generators = [&self.generators.value, &self.generators.blind].into_iter().chain(&self.generators.columns);
        let bases = shared.iter().chain(self.own.iter().map(|(point, _)| point)).chain(generators);
        let own = self.own.iter().map(|(_, c)| c);
        let coefficients = self.shared.iter().chain(own).chain(&self.scalars).chain(&self.columns);
        let terms = bases.zip(coefficients).filter(|(_, c)| **c != Scalar::ZERO);
        let (bases, scalars): (Vec<Affine>, Vec<Scalar>) = terms.unzip();
        (group::is_identity(&msm(&bases, &scalars)), bases.len())
    }
}

/// What verifiers collect, for tests that solve equations.
#[cfg(test)]
pub(crate) mod watch {
    use super::*;
    use std::cell::RefCell;
    use zkdl_arguments::rows::Class;
    use zkdl_arguments::selection::Query;

    /// Points and equations of a proof.
    pub(crate) type Collected = (Vec<Affine>, Vec<Equation>);

    thread_local! {
        static LAST: RefCell<Option<Collected>> = const { RefCell::new(None) };
        static LEFT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    /// Writes down the names of products, and of queries with rows and columns of each class.
    pub(super) fn note_obligations(obligations: &Obligations<Commitment>) {
        let products = obligations.products.iter().map(|product| format!("{} *", product.name));
        let class = |class: &Class| format!(" {}x{}", class.rows.len(), class.columns.len());
        let classes = |query: &Query<_>| query.classes.iter().map(class).collect::<String>();
        let queries = obligations.queries.iter().map(|query| format!("{}{}", query.name, classes(query)));
        LEFT.set(products.chain(queries).collect());
    }

    /// What the arguments that `verify` reads leave to be shown.
    pub(crate) fn obligations(verify: impl FnOnce()) -> Vec<String> {
        LEFT.take();
        verify();
        LEFT.take()
    }

    pub(super) fn note(channel: &ProofReader<'_>) {
        LAST.set(Some((channel.points.clone(), channel.equations.clone())));
    }

    /// Runs a verifier; returns also what the last proof that it read to its end asked for. Not on a thread of rayon, which may begin to
    /// verify something else while it waits.
    pub(crate) fn during<T>(verify: impl FnOnce() -> T) -> (T, Option<Collected>) {
        assert!(rayon::current_thread_index().is_none());
        let outer = LAST.take();
        let result = verify();
        (result, LAST.replace(outer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::GENERATORS;
    use zkdl_field::scalar::random;

    /// A proof with the one equation `c P = 0` over shared points, and these that are its own.
    fn proof(points: &[Affine], index: usize, c: Scalar) -> Closed {
        let form = Commitment { terms: vec![(index, c)], constant: Scalar::ZERO };
        let equations = vec![Equation::new(Check::Opening, form, Scalar::ZERO)];
        Closed { points: points.to_vec(), equations, weight: Scalar::ONE }
    }

    /// Catalogue 49.
    #[test]
    fn only_the_weight_keeps_false_proofs_from_cancelling() {
        let g = Generators::derive(GENERATORS, 2);
        let points: Vec<Affine> = (1..4).map(|i| group::affine(&(g.value * Scalar::from(i)))).collect();
        let c = random().unwrap();
        for (shared, index) in [(2, 2), (2, 1), (0, 0)] {
            let (shared, own) = points.split_at(shared);
            let proofs = [proof(own, index, c), proof(own, index, -c)];
            let settled = |proofs: &[Closed]| settle_all("test", &[[1; 32], [2; 32]], proofs, shared, &g).is_some();
            assert!(!settled(&proofs));
            // The same equations cancel where the challenge is known to be 1.
            let mut sum = Sum::new(shared.len(), &g);
            assert!(proofs.iter().all(|p| sum.add(&p.equations[0], &p.points, Scalar::ONE)));
            assert!(sum.is_zero(shared).0);
            assert!(settled(&[0, 1].map(|_| proof(own, index, Scalar::ZERO))));
            assert_eq!(proofs[0].settle(shared, &g), Err(VerifyError::Opening));
        }
    }

    #[test]
    fn the_challenge_of_all_depends_on_everything() {
        let of = |protocol, digest: u8, weight: u64, n: usize| {
            let proofs: Vec<Closed> = (0..n as u64)
                .map(|i| Closed { points: vec![], equations: vec![], weight: Scalar::from(weight + i) })
                .collect();
            weight_of_all(protocol, &vec![[digest; 32]; n], &proofs)
        };
        let all = [of("a", 1, 2, 3), of("b", 1, 2, 3), of("a", 2, 2, 3), of("a", 1, 3, 3), of("a", 1, 2, 2)];
        for (i, one) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|other| other != one), "{i}");
        }
    }

    #[test]
    fn an_equation_over_points_or_columns_that_are_not_there_does_not_hold() {
        let g = Generators::derive(GENERATORS, 2);
        let points = [g.value, g.blind];
        let zero = Scalar::ZERO;
        assert!(proof(&points, 1, zero).settle(&[], &g).is_ok());
        assert!(proof(&points, 2, zero).settle(&[], &g).is_err());
        assert!(proof(&points[1..], 1, zero).settle(&points[..1], &g).is_ok());
        assert!(proof(&points[1..], 2, zero).settle(&points[..1], &g).is_err());
        let settled = |proof: Closed, shared: &[Affine]| settle_all("test", &[[1; 32]], &[proof], shared, &g).is_some();
        assert!(settled(proof(&points[1..], 1, zero), &points[..1]));
        assert!(!settled(proof(&points[1..], 2, zero), &points[..1]));
        assert!(settled(proof(&[], 0, zero), &points));
        let mut wide = proof(&points, 1, zero);
        wide.equations[0].columns = vec![zero; 3];
        assert!(wide.settle(&[], &g).is_err());
    }
}
