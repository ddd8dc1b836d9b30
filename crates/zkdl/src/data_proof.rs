//! Proof of a data set, once for all: every committed feature is an integer in its column's range, every label is one-hot, and
//! nothing lies behind them in a row.
//!
//! ```text
//!    statement digest: descriptor with the data root, columns of a row
//! P: commitments to the rows of bits
//!    ranges: one product of hidden values, two claims about rows
//!    opening: the claims about rows become one inner product
//!    products, knowledge: sigma protocols
//!    inner-product argument
//! ```
//!
//! Training proofs and answers about single points take its claim for granted: see `spec/soundness.md`, premises.

use crate::codec::{Decoder, FormatError, header};
use crate::commitment::PointCommitments;
use crate::error::{ProveError, StatementError, VerifyError};
use crate::generators::GeneratorSource;
use crate::points::DataSet;
use crate::settle::{check_points, commit_rows, discharge, read_discharge, register_points, settle};
use crate::statement::{GENERATORS, Limits, hex};
use crate::training::{Phase, Verified};
use sha2::{Digest, Sha256};
use std::ops::RangeInclusive;
use zeroize::Zeroizing;
use zkdl_arguments::opening::RowValues;
use zkdl_arguments::ranges::{self, Layout};
use zkdl_arguments::rows::Packing;
use zkdl_commit::blinds::{BlindSource, Entropy, OsEntropy};
use zkdl_commit::channel::{ProofReader, ProofWriter};
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::number::{to_u64, to_usize};
use zkdl_field::group;
use zkdl_field::multilinear::log2_ceil;
use zkdl_transcript::{ReadError, Receiver, Sender};

/// Protocol name of the transcript.
pub const PROTOCOL: &str = "zkdl/data/v1";

const WHAT: &str = "data proof";
const MAGIC: &str = "zkdl-data-proof";
const VERSION: u32 = 1;

/// Most columns a row can have, as a binary logarithm.
const LOG_COLUMNS: u32 = 24;
/// Classes of rows in the opening: data, and twice the full rows of bits and a shorter last one.
const CLASSES: u64 = 5;

/// A proof as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataProof {
    /// Digest of the statement: of the descriptor and the columns.
    pub statement: [u8; 32],
    /// Binary logarithm of the columns of a row: the prover's choice.
    pub log_columns: u32,
    /// The transcript's messages.
    pub body: Vec<u8>,
}

impl DataProof {
    /// The encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = header(MAGIC, VERSION);
        bytes.extend(self.statement);
        bytes.extend(self.log_columns.to_le_bytes());
        bytes.extend(to_u64(self.body.len()).to_le_bytes());
        bytes.extend(&self.body);
        bytes
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut d = Decoder::new(WHAT, MAGIC, VERSION, bytes)?;
        let statement = d.array("statement digest")?;
        let log_columns = d.u32("log2 of the number of columns")?;
        let length = d.count("length of the body", 1)?;
        let body = d.take("body", length)?.to_vec();
        d.finish()?;
        Ok(Self { statement, log_columns, body })
    }
}

/// Digest of the statement, which opens the transcript.
#[must_use]
pub fn digest(data: &Descriptor, log_columns: u32) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [PROTOCOL.as_bytes(), GENERATORS.as_bytes(), &data.encode()] {
        hash.update(to_u64(part.len()).to_le_bytes());
        hash.update(part);
    }
    hash.update(log_columns.to_le_bytes());
    hash.finalize().into()
}

/// Binary logarithm of the columns that take the verifier the least time, within its limits, and at least what a point needs;
/// costs as in [`columns`](crate::columns).
///
/// # Errors
/// [`StatementError`] if no number of columns within the limits will do.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "a layout that passed has at most 2^24 columns, points are below 2^32"
)]
pub fn choose_log_columns(data: &Descriptor, limits: &Limits) -> Result<u32, StatementError> {
    let weights = (limits.column_weights / CLASSES).max(1).ilog2();
    let most = limits.log_columns.min(LOG_COLUMNS).min(weights);
    let widest = layout(data, most, limits)?;
    let needed = u32::try_from(log2_ceil(widest.least_columns())).unwrap_or(u32::MAX);
    let cost = |log: &u32| {
        let rows = to_u64(Packing::new(to_usize(data.points), 8 * widest.bytes(), 1 << log).rows());
        23 * (1 << log) + 86 * rows
    };
    Ok((needed..=most).min_by_key(cost).unwrap_or(most))
}

/// Checks everything public and lays out the bits. What the descriptor asks for is bounded by the columns, and the columns by the
/// limits, before anything of its size is allocated.
pub(crate) fn layout(data: &Descriptor, log_columns: u32, limits: &Limits) -> Result<Layout, StatementError> {
    data.validate()?;
    let limit = |what, got, limit| if got > limit { Err(StatementError::Limit { what, got, limit }) } else { Ok(()) };
    limit("the number of data points", u64::from(data.points), limits.points)?;
    limit("log2 of the number of columns", u64::from(log_columns), u64::from(limits.log_columns.min(LOG_COLUMNS)))?;
    let columns = 1u64 << log_columns;
    limit("the number of public column weights", CLASSES.saturating_mul(columns), limits.column_weights)?;
    let fits = |least: u64| {
        let expected = format!("at least {least}: a point and its bits need as many");
        let error = StatementError::Mismatch { what: "the number of columns", got: columns, expected };
        if columns < least { Err(error) } else { Ok(()) }
    };
    fits(u64::from(data.features).saturating_add(u64::from(data.classes)))?;
    let ranges: Vec<RangeInclusive<i32>> = data.ranges().iter().map(|range| range.min..=range.max).collect();
    let layout = Layout::new(&ranges, to_usize(data.classes), to_usize(data.points), 1 << log_columns);
    fits(to_u64(layout.least_columns()))?;
    Ok(layout)
}

/// Proves a data set with the operating system's randomness, in rows of `2^log_columns` columns.
///
/// Memory: the bits, and 32 bytes for every 16 of them.
///
/// # Errors
/// [`ProveError`]: a refused statement, no randomness, or data of another shape, out of range or with labels that are no
/// class. The commitments are not looked at: a proof for a descriptor with another root does not verify.
pub fn prove(
    data: &Descriptor,
    log_columns: u32,
    input: DataSet<'_>,
    generators: &GeneratorSource,
    progress: &mut dyn FnMut(Phase),
) -> Result<DataProof, ProveError> {
    prove_with_entropy(data, log_columns, input, generators, &mut OsEntropy, progress)
}

/// [`prove`] with another source of randomness.
pub(crate) fn prove_with_entropy(
    data: &Descriptor,
    log_columns: u32,
    input: DataSet<'_>,
    generators: &GeneratorSource,
    entropy: &mut dyn Entropy,
    progress: &mut dyn FnMut(Phase),
) -> Result<DataProof, ProveError> {
    let layout = layout(data, log_columns, &Limits::NONE)?;
    input.check(data)?;
    let bits = layout.pack(input.features, input.labels).ok_or(ProveError::OutOfRange)?;
    progress(Phase::Generators);
    let generators = generators.first(1 << log_columns);
    let digest = digest(data, log_columns);
    let blinds = BlindSource::new(entropy, &[&digest, &*input.hedge()])?;
    let mut channel = ProofWriter::new(Sender::new(PROTOCOL, &digest), &generators, blinds);
    progress(Phase::Commit);
    let rows = layout.rows(&bits);
    let bit_blinds = commit_rows(&mut channel, "bits.row", &rows)?;
    let obligations = ranges::prove(&mut channel, &layout, &bits, &mut |a| progress(Phase::Argument(a)));
    let points = input.features.chunks_exact(to_usize(data.features)).zip(input.labels);
    let mut values: Vec<RowValues<'_>> =
        points.map(|(features, label)| RowValues::Point { features, label: to_usize(*label) }).collect();
    values.extend(rows.into_iter().map(RowValues::Bits));
    let blinds = Zeroizing::new([input.blinds, &bit_blinds].concat());
    discharge(&mut channel, &obligations, &values, &blinds, progress)?;
    Ok(DataProof { statement: digest, log_columns, body: channel.sender.finish() })
}

/// Verifies a proof of the data set of `data` against its point commitments.
///
/// # Errors
/// [`VerifyError`]: a refused statement, files that do not belong together, or a false proof.
pub fn verify(
    data: &Descriptor,
    points: &PointCommitments,
    proof: &DataProof,
    limits: &Limits,
    generators: &GeneratorSource,
) -> Result<Verified, VerifyError> {
    let digest = digest(data, proof.log_columns);
    if proof.statement != digest {
        return Err(VerifyError::StatementMismatch { proof: hex(&proof.statement), statement: hex(&digest) });
    }
    check_points(data, points)?;
    let layout = layout(data, proof.log_columns, limits)?;
    let offset = proof.body.len();
    if offset / group::POINT_BYTES < layout.packing().rows() {
        return Err(VerifyError::Read(ReadError::Truncated { offset, label: "bits.row" }));
    }
    let channel = ProofReader::new(Receiver::new(PROTOCOL, &digest, &proof.body));
    let channel = read(&layout, 1 << proof.log_columns, points, channel)?;
    let msm_points = settle(channel, &generators.first(1 << proof.log_columns))?;
    Ok(Verified { statement: digest, msm_points })
}

/// Reads all messages and collects the equations that have to hold.
fn read<'a>(
    layout: &Layout,
    columns: usize,
    points: &PointCommitments,
    mut channel: ProofReader<'a>,
) -> Result<ProofReader<'a>, VerifyError> {
    register_points(&mut channel, "data point", &points.0)?;
    for _ in 0..layout.packing().rows() {
        channel.receive_point("bits.row")?;
    }
    let obligations = ranges::verify(&mut channel, layout)?;
    let rows = points.0.len().saturating_add(layout.packing().rows());
    read_discharge(&mut channel, columns, &obligations, rows)?;
    Ok(channel)
}

#[cfg(test)]
#[path = "data_simulator.rs"]
mod simulator;
