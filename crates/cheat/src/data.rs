//! Cheating provers of a data set: rows of any field elements, honest messages about what they hold.
//!
//! The sum over bits is a dense one ([`SumOfProducts`]), as plain as its definition: the twin of the shipped prover where bits
//! are bits, and the prover of a cheat where they are not. Queries follow from the shipped verifier, the judge is
//! [`zkdl::data_proof::verify`].

use crate::harness::{Event, Replay, Tamper, Tap, untouched};
use std::ops::RangeInclusive;
use zkdl::data_proof::{DataProof, PROTOCOL, digest, verify};
use zkdl::statement::Limits;
use zkdl::{GeneratorSource, PointCommitments, ProveError, Verified, VerifyError};
use zkdl_arguments::opening::{self, RowValues, holds};
use zkdl_arguments::ranges::{self, Layout};
use zkdl_arguments::window::Obligations;
use zkdl_commit::blinds::{BlindSource, OsEntropy};
use zkdl_commit::channel::{ProofWriter, ProverChannel};
use zkdl_commit::msm::msm;
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_commit::{ipa, sigma};
use zkdl_dataset::descriptor::Descriptor;
use zkdl_field::generators::Generators;
use zkdl_field::multilinear::{eq_table, log2_ceil};
use zkdl_field::scalar::{dot, from_i64};
use zkdl_field::{Affine, Field, Scalar, group};
use zkdl_sumcheck::{self as sumcheck, SumOfProducts, Term};
use zkdl_transcript::{ReadError, Sender};

/// Variables of the bits of a cell.
const CELL_VARIABLES: usize = 7;

/// What a prover commits to: a data row for each point, and its bits.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Features, label, and what a cheat puts behind them.
    pub data: Vec<Vec<Scalar>>,
    /// Bits, padding included.
    pub bits: Vec<Vec<Scalar>>,
}

impl Rows {
    /// Honest rows; nothing if the data are out of range.
    #[must_use]
    pub fn honest(layout: &Layout, features: &[i32], labels: &[u32], classes: u32) -> Option<Self> {
        let packed = layout.pack(features, labels)?;
        let bit = |byte: &u8| (0..8).map(|i| Scalar::from(u64::from(byte >> i & 1))).collect::<Vec<_>>();
        let data = features.chunks(features.len() / labels.len()).zip(labels).map(|(x, label)| {
            let one_hot = (0..classes).map(|c| Scalar::from(u64::from(c == *label)));
            x.iter().map(|n| from_i64(i64::from(*n))).chain(one_hot).collect()
        });
        let bits = packed.chunks(layout.bytes()).map(|point| point.iter().flat_map(bit).collect());
        Some(Self { data: data.collect(), bits: bits.collect() })
    }

    /// All committed rows in order: data, then packed bits.
    #[must_use]
    pub fn committed(&self, layout: &Layout) -> Vec<Vec<Scalar>> {
        let packed = self.bits.chunks(1 << layout.packing().log).map(<[_]>::concat);
        self.data.iter().cloned().chain(packed).collect()
    }
}

/// The messages of [`ranges::prove`] from a dense sum.
pub fn prove_plain<P: ProverChannel>(channel: &mut P, layout: &Layout, bits: &[Vec<Scalar>]) {
    let log_points = log2_ceil(bits.len());
    let log_bits = log2_ceil(8 * layout.bytes());
    let mut mu = channel.challenges("ranges.tau", log_points);
    mu.extend(channel.challenges("ranges.mu", log_bits));
    channel.challenge("ranges.rho");
    let mut dense = Vec::new();
    for point in bits {
        dense.extend(point.iter().take(8 * layout.bytes()));
        dense.resize(dense.len().next_multiple_of(1 << log_bits), Scalar::ZERO);
    }
    prove_bits(channel, &mu, CELL_VARIABLES, dense);
}

/// The messages of booleanity at `mu` (cells, then the variables of a cell's bits) from a dense sum.
pub(crate) fn prove_bits<P: ProverChannel>(channel: &mut P, mu: &[Scalar], cell: usize, bits: Vec<Scalar>) {
    let term = |coefficient, factors: &[usize]| Term { coefficient, factors: factors.to_vec() };
    let terms = vec![term(Scalar::ONE, &[0, 1, 1]), term(-Scalar::ONE, &[0, 1])];
    let mut sum = SumOfProducts::new(vec![eq_table(mu), bits], terms);
    let zero = Opening::public(Scalar::ZERO);
    let (claim, _) = sumcheck::prove(channel, "booleanity.bit", zero, &vec![3; cell], &mut sum);
    sumcheck::prove(channel, "booleanity.cell", claim, &vec![3; mu.len() - cell], &mut sum);
    channel.hide("booleanity.b", sum.value(1));
}

/// What the shipped verifier concludes from what a prover said.
///
/// # Errors
/// [`ReadError`] if it is not what it expects, to the last event.
pub fn obligations(layout: &Layout, events: &[Event]) -> Result<Obligations<Opening>, ReadError> {
    let mut replay = Replay::new(events);
    let obligations = ranges::verify(&mut replay, layout)?;
    if replay.is_complete() { Ok(obligations) } else { Err(ReadError::Trailing { bytes: 0 }) }
}

/// Names of all claims that do not hold of the committed rows.
#[must_use]
pub fn failing(obligations: &Obligations<Opening>, rows: &[Vec<Scalar>]) -> Vec<&'static str> {
    [failing_products(obligations), failing_queries(obligations, rows)].concat()
}

/// Names of the products that do not hold.
pub(crate) fn failing_products(obligations: &Obligations<Opening>) -> Vec<&'static str> {
    obligations.products.iter().filter(|p| p.x.value * p.y.value != p.z.value).map(|p| p.name).collect()
}

/// Names of the claims about rows that do not hold.
pub(crate) fn failing_queries(obligations: &Obligations<Opening>, rows: &[Vec<Scalar>]) -> Vec<&'static str> {
    let values: Vec<RowValues<'_>> = rows.iter().map(|row| RowValues::Scalars(row)).collect();
    obligations.queries.iter().filter(|q| !holds(q, &values)).map(|q| q.name).collect()
}

/// A data set that someone claims to have.
pub struct DataCase {
    /// The descriptor; its root is that of the rows that are attempted.
    pub data: Descriptor,
    /// Binary logarithm of the columns.
    pub log_columns: u32,
    /// Where bits lie.
    pub layout: Layout,
    source: GeneratorSource,
}

/// A verifier's verdict, and the claims that do not hold.
pub type Verdict = (Result<Verified, VerifyError>, Vec<&'static str>);

impl DataCase {
    /// A case of these sizes.
    #[must_use]
    pub fn new(data: Descriptor, log_columns: u32) -> Self {
        let ranges: Vec<RangeInclusive<i32>> = data.ranges().iter().map(|r| r.min..=r.max).collect();
        let layout = Layout::new(&ranges, data.classes as usize, data.points as usize, 1 << log_columns);
        Self { data, log_columns, layout, source: GeneratorSource::derived() }
    }

    /// Commits to the data of `committed` and proves with those of `rows`, which are the same but for a cheat that exchanges
    /// rows afterwards.
    ///
    /// # Errors
    /// [`ProveError`] for degenerate challenges.
    pub fn attempt(&self, committed: &Rows, rows: &Rows) -> Result<Verdict, ProveError> {
        let generators = self.source.first(1 << self.log_columns);
        let public = committed.committed(&self.layout);
        let secret = rows.committed(&self.layout);
        let mut blinds = BlindSource::new(&mut OsEntropy, &[])?;
        let row_blinds = blinds.draw_many(public.len());
        let commitments = commit(&generators, &public, &row_blinds);
        let (points, bits) = commitments.split_at(committed.data.len());
        let points = PointCommitments(points.iter().map(group::encode).collect());
        let root = points.root(&self.data).unwrap_or_default();
        let data = Descriptor { root, ..self.data.clone() };
        let statement = digest(&data, self.log_columns);
        let writer = ProofWriter::new(Sender::new(PROTOCOL, &statement), &generators, blinds);
        let tamper: Tamper = untouched();
        let mut tap = Tap::new(writer, &tamper);
        bits.iter().for_each(|row| tap.inner.sender.send_point("bits.row", row));
        prove_plain(&mut tap, &self.layout, &rows.bits);
        let Tap { inner: mut writer, events, .. } = tap;
        let all = obligations(&self.layout, &events).map_err(|_| ProveError::Degenerate)?;
        finish(&mut writer, &all, &secret, &row_blinds, &generators)?;
        let proof = DataProof { statement, log_columns: self.log_columns, body: writer.sender.finish() };
        Ok((verify(&data, &points, &proof, &Limits::default(), &self.source), failing(&all, &public)))
    }
}

/// The shipped prover's end of a proof.
///
/// # Errors
/// [`ProveError`] for degenerate challenges.
pub fn finish(
    writer: &mut ProofWriter<'_>,
    all: &Obligations<Opening>,
    rows: &[Vec<Scalar>],
    blinds: &[Scalar],
    generators: &Generators,
) -> Result<(), ProveError> {
    let values: Vec<RowValues<'_>> = rows.iter().map(|row| RowValues::Scalars(row)).collect();
    let (reduced, vector) = opening::prove(writer, generators.columns.len(), &all.queries, &values)?;
    sigma::prove_products(writer, &all.products);
    sigma::prove_knowledge(writer);
    let blind = dot(&reduced.row_weights, blinds);
    let opened = ipa::Witness { vector: vector.into(), blind, value: reduced.value };
    Ok(ipa::prove(writer, &generators.columns, opened, &reduced.point)?)
}

/// Commits rows of scalars.
#[must_use]
pub fn commit(generators: &Generators, rows: &[Vec<Scalar>], blinds: &[Scalar]) -> Vec<Affine> {
    let commit = |(row, blind): (&Vec<Scalar>, &Scalar)| {
        generators.commit(&Scalar::ZERO, blind) + msm(&generators.columns[..row.len()], row)
    };
    group::normalize(&rows.iter().zip(blinds).map(commit).collect::<Vec<_>>())
}
