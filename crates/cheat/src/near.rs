//! Cheating provers of answers about near-duplicates: rows of any field elements, and what is said of them.
//!
//! Squares and booleanity are dense sums ([`SumOfProducts`]), as plain as their definitions: twins of the shipped provers where
//! what is said is true of the rows, and provers of cheats where it is not. Queries follow from the shipped verifier, the judge
//! is [`zkdl::absence::verify`].

use crate::data::{commit, failing_products, failing_queries, finish, prove_bits};
use crate::harness::{Event, Replay, Tamper, Tap};
use zkdl::absence::distance::PROTOCOL;
use zkdl::absence::verify;
use zkdl::{AbsentAnswer, GeneratorSource, PointCommitments, ProveError, Question, VerifyError, open};
use zkdl_arguments::near::{self, Claim};
use zkdl_arguments::rows::Packing;
use zkdl_arguments::window::Obligations;
use zkdl_commit::blinds::{BlindSource, OsEntropy};
use zkdl_commit::channel::{ProofWriter, ProverChannel};
use zkdl_commit::pedersen::Opening;
use zkdl_field::multilinear::{eq_table, log2_ceil};
use zkdl_field::scalar::{from_i64, powers};
use zkdl_field::{Field, Scalar, group};
use zkdl_sumcheck::{self as sumcheck, SumOfProducts, Term};
use zkdl_transcript::{ReadError, Sender};

/// What a prover commits to.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Features and label of every point.
    pub data: Vec<Vec<Scalar>>,
    /// The bits of every pair of a query and a point, query by query, padding included.
    pub bits: Vec<Vec<Scalar>>,
}

/// What a prover says of its rows.
#[derive(Debug, Clone)]
pub struct Said {
    /// Features that squares are proven of.
    pub features: Vec<Vec<Scalar>>,
    /// Squared lengths of points: what v is made of.
    pub lengths: Vec<Scalar>,
    /// Bits that booleanity is proven of.
    pub bits: Vec<Vec<Scalar>>,
    /// Whether y is chosen so that the product of squares holds.
    pub fitting: bool,
}

/// An equation of the relation, in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equation {
    /// Every bit is 0 or 1.
    Boolean,
    /// Bits that no distance needs are 0.
    Padding,
    /// The bits of a pair are its squared distance less threshold and 1.
    Distance,
}

fn scalars(integers: &[i32]) -> Vec<Scalar> {
    integers.iter().map(|x| from_i64(i64::from(*x))).collect()
}

impl Rows {
    /// These points, one-hot labels, and bits that say that the distances are so much above the threshold, true or not.
    #[must_use]
    pub fn new(claim: &Claim<'_>, features: &[i32], labels: &[u32], above: &[u64]) -> Self {
        let one_hot = |label: u32| (0..claim.classes as u32).map(move |c| Scalar::from(u64::from(c == label)));
        let points = features.chunks(features.len() / labels.len()).zip(labels);
        let data = points.map(|(x, label)| scalars(x).into_iter().chain(one_hot(*label)).collect()).collect();
        let bit = |u: u64, l: usize| Scalar::from(u.checked_shr(l as u32).unwrap_or(0) & 1);
        let bits = above.iter().map(|u| (0..8 * claim.cell_bytes()).map(|l| bit(*u, l)).collect()).collect();
        Self { data, bits }
    }

    /// Features of every point.
    fn features(&self, claim: &Claim<'_>) -> Vec<Vec<Scalar>> {
        self.data.iter().map(|row| row[..row.len() - claim.classes].to_vec()).collect()
    }

    /// All committed rows in order: data, then packed bits.
    #[must_use]
    pub fn committed(&self, claim: &Claim<'_>) -> Vec<Vec<Scalar>> {
        let packing = Packing::new(claim.points, 8 * claim.cell_bytes(), claim.row_columns);
        let packed = self.bits.chunks(claim.points).flat_map(|query| query.chunks(1 << packing.log).map(<[_]>::concat));
        self.data.iter().cloned().chain(packed).collect()
    }
}

fn length(x: &[Scalar]) -> Scalar {
    x.iter().map(Scalar::square).sum()
}

impl Said {
    /// The truth.
    #[must_use]
    pub fn honest(claim: &Claim<'_>, rows: &Rows) -> Self {
        let features = rows.features(claim);
        let lengths = features.iter().map(|x| length(x)).collect();
        Self { features, lengths, bits: rows.bits.clone(), fitting: false }
    }

    /// The same of point `i`, as if it were elsewhere.
    #[must_use]
    pub fn moved(mut self, i: usize, features: &[i32]) -> Self {
        self.features[i] = scalars(features);
        self.lengths[i] = length(&self.features[i]);
        self
    }
}

/// The equations that do not hold of committed rows.
#[must_use]
pub fn violated(claim: &Claim<'_>, rows: &Rows) -> Vec<Equation> {
    let largest = claim.farthest - claim.theta - 1;
    let needed = (u64::BITS - largest.leading_zeros()) as usize;
    let points = rows.features(claim);
    let pairs = claim.queries.iter().flat_map(|q| points.iter().map(move |x| (scalars(q), x)));
    let distance = |q: &[Scalar], x: &[Scalar]| q.iter().zip(x).map(|(q, x)| (q - x).square()).sum::<Scalar>();
    let above = pairs.map(|(q, x)| distance(&q, x) - Scalar::from(claim.theta) - Scalar::ONE);
    let worth = |bits: &[Scalar]| powers(Scalar::from(2), needed).iter().zip(bits).map(|(w, b)| w * b).sum::<Scalar>();
    let all = [
        (Equation::Boolean, rows.bits.iter().flatten().all(|b| b.square() == *b)),
        (Equation::Padding, rows.bits.iter().all(|bits| bits.iter().skip(needed).all(|b| *b == Scalar::ZERO))),
        (Equation::Distance, rows.bits.iter().map(|bits| worth(bits)).eq(above)),
    ];
    all.into_iter().filter(|(_, holds)| !holds).map(|(name, _)| name).collect()
}

/// The messages of [`near::prove`] from dense sums; nothing if y is to fit and the challenges leave no such y.
pub fn prove_plain<P: ProverChannel>(channel: &mut P, claim: &Claim<'_>, said: &Said) -> Option<()> {
    let tau = channel.challenges("near.tau", log2_ceil(claim.points));
    let chi = channel.challenges("near.chi", log2_ceil(claim.queries.len()));
    let mu = channel.challenges("near.mu", log2_ceil(8 * claim.cell_bytes()));
    channel.challenge("near.delta");
    prove_squares(channel, &tau, said)?;
    let mut dense = Vec::new();
    for query in said.bits.chunks(claim.points) {
        dense.extend(query.concat());
        dense.resize(dense.len().next_multiple_of(1 << (tau.len() + mu.len())), Scalar::ZERO);
    }
    prove_bits(channel, &[&chi[..], &tau, &mu].concat(), mu.len(), dense);
    Some(())
}

fn prove_squares<P: ProverChannel>(channel: &mut P, tau: &[Scalar], said: &Said) -> Option<()> {
    let log = said.features.first().map_or(0, |x| log2_ceil(x.len()));
    let mut dense = Vec::new();
    for x in &said.features {
        dense.extend(x);
        dense.resize(dense.len().next_multiple_of(1 << log), Scalar::ZERO);
    }
    let at_tau = eq_table(tau);
    let weights = at_tau.iter().flat_map(|e| vec![*e; 1 << log]).collect();
    let squares = Term { coefficient: Scalar::ONE, factors: vec![0, 1, 1] };
    let mut sum = SumOfProducts::new(vec![weights, dense], vec![squares]);
    let v = channel.hide("squares.v", said.lengths.iter().zip(&at_tau).map(|(s, e)| s * e).sum());
    let degrees = [vec![2; log], vec![3; tau.len()]].concat();
    let (last, _) = sumcheck::prove(channel, "squares.round", v, &degrees, &mut sum);
    let fitting = || Option::<Scalar>::from(sum.value(0).invert()).and_then(|e| (last.value * e).sqrt().into());
    let y = if said.fitting { fitting()? } else { sum.value(1) };
    channel.hide("squares.x", y);
    Some(())
}

/// What the shipped verifier concludes from what a prover said.
///
/// # Errors
/// [`ReadError`] if it is not what it expects, to the last event.
pub fn obligations(claim: &Claim<'_>, events: &[Event]) -> Result<Obligations<Opening>, ReadError> {
    let mut replay = Replay::new(events);
    let obligations = near::verify(&mut replay, claim)?;
    if replay.is_complete() { Ok(obligations) } else { Err(ReadError::Trailing { bytes: 0 }) }
}

/// The verifier's verdict, and names of products and of queries that do not hold.
pub type Verdict = (Result<(), VerifyError>, [Vec<&'static str>; 2]);

/// A question about near-duplicates that someone answers.
pub struct NearCase {
    /// The question; the root of its data is that of the rows that are attempted.
    pub question: Question,
    source: GeneratorSource,
}

impl NearCase {
    /// A case of this question.
    #[must_use]
    pub fn new(question: Question) -> Self {
        Self { question, source: GeneratorSource::derived() }
    }

    /// What is claimed.
    #[must_use]
    pub fn claim(&self) -> Claim<'_> {
        open::near(&self.question).0
    }

    /// Commits to rows and answers with what is said of them, messages altered on the way; nothing if y is to fit and there is none.
    ///
    /// # Errors
    /// [`ProveError`] for degenerate challenges.
    pub fn attempt(&self, rows: &Rows, said: &Said, tamper: &Tamper) -> Result<Option<Verdict>, ProveError> {
        let claim = self.claim();
        let generators = self.source.first(claim.row_columns);
        let secret = rows.committed(&claim);
        let mut blinds = BlindSource::new(&mut OsEntropy, &[])?;
        let row_blinds = blinds.draw_many(secret.len());
        let commitments = commit(&generators, &secret, &row_blinds);
        let (points, bits) = commitments.split_at(claim.points);
        let points = PointCommitments(points.iter().map(group::encode).collect());
        let mut question = self.question.clone();
        question.data.root = points.root(&question.data).unwrap_or_default();
        let writer = ProofWriter::new(Sender::new(PROTOCOL, &open::near(&question).1), &generators, blinds);
        let mut tap = Tap::new(writer, tamper);
        bits.iter().for_each(|row| tap.inner.sender.send_point("near.row", row));
        if prove_plain(&mut tap, &claim, said).is_none() {
            return Ok(None);
        }
        let Tap { inner: mut writer, events, .. } = tap;
        let all = obligations(&claim, &events).map_err(|_| ProveError::Degenerate)?;
        finish(&mut writer, &all, &secret, &row_blinds, &generators)?;
        let answer = AbsentAnswer { question: question.clone(), body: writer.sender.finish() };
        let failing = [failing_products(&all), failing_queries(&all, &secret)];
        Ok(Some((verify(&question, &answer, &points, &self.source), failing)))
    }
}
