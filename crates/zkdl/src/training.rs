//! Proof and verification of one window of training steps.
//!
//! ```text
//!    statement digest: everything public
//! P: commitments to the rows of cells; in the first window of a run from named weights, to the bits of these
//!    forward, backward, update, zkReLU: hidden claims, reduced to products and to claims about committed rows
//!    ranges of the start weights, where they are named
//!    opening: all claims about rows become one inner product
//!    products, knowledge: sigma protocols
//!    inner-product argument
//! ```
//!
//! The verifier's checks are linear equations over points: summed with one challenge drawn after the last message, they are
//! one multi-scalar multiplication. Only if that fails are they looked at one by one, to name the first that does not hold.

use crate::commitment::{PointCommitments, own_slices};
use crate::error::{ProveError, VerifyError};
use crate::generators::GeneratorSource;
use crate::hedge::Hedge;
use crate::proof::Proof;
use crate::settle::{
    Closed, check_points, close, commit_rows, decode_points, discharge, read_discharge, register_points,
};
use crate::statement::{Limits, PROTOCOL, Start, Statement, hex};
use zeroize::Zeroizing;
use zkdl_arguments::opening::RowValues;
use zkdl_arguments::progress::Argument;
use zkdl_arguments::rows::{cell_row_count, cell_rows};
use zkdl_arguments::selection::RowBases;
use zkdl_arguments::update::Start as StartValues;
use zkdl_arguments::{Shape, Witness, start_ranges, window};
use zkdl_commit::blinds::{BlindSource, Entropy, OsEntropy};
use zkdl_commit::channel::{ProofReader, ProofWriter};
use zkdl_dataset::number::to_usize;
use zkdl_field::{Affine, Scalar, group};
use zkdl_train::{Trace, Weights, initial_weights};
use zkdl_transcript::{ReadError, Receiver, Sender};

/// What the prover knows beyond the statement.
#[derive(Clone, Copy)]
pub struct ProverInput<'a> {
    /// Features of all committed points, row-major.
    pub features: &'a [i32],
    /// Their classes.
    pub labels: &'a [u32],
    /// Blinds of their commitments.
    pub point_blinds: &'a [Scalar],
    /// The window's trace.
    pub trace: &'a Trace,
    /// Blinds of the start weight rows; empty if the start is public.
    pub start_blinds: &'a [Scalar],
    /// Blinds of the final weight rows.
    pub end_blinds: &'a [Scalar],
}

/// A part of the prover's work, for progress and timings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Deriving generators, or reading them.
    Generators,
    /// Committing cells.
    Commit,
    /// One argument about the window.
    Argument(Argument),
    /// Reducing the claims about rows.
    Opening,
    /// Sigma protocols and the inner-product argument.
    InnerProduct,
}

/// What a verified proof says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Digest of the statement.
    pub statement: [u8; 32],
    /// Points of the one multi-scalar multiplication.
    pub msm_points: usize,
}

/// Proves a window with the operating system's randomness.
///
/// Time: see `docs/performance.md`. Memory: about 35 bytes a cell beside the trace.
///
/// # Errors
/// [`ProveError`]: a refused statement, a witness of another shape, no randomness. A witness that does not satisfy the
/// relation gives a proof that does not verify: run `zkdl_train::check`, or verify the proof.
pub fn prove(
    statement: &Statement,
    input: ProverInput<'_>,
    generators: &GeneratorSource,
    progress: &mut dyn FnMut(Phase),
) -> Result<Proof, ProveError> {
    prove_with_entropy(statement, input, generators, &mut OsEntropy, progress)
}

/// [`prove`] with another source of randomness.
pub(crate) fn prove_with_entropy(
    statement: &Statement,
    input: ProverInput<'_>,
    generators: &GeneratorSource,
    entropy: &mut dyn Entropy,
    progress: &mut dyn FnMut(Phase),
) -> Result<Proof, ProveError> {
    let shape = statement.shape(&Limits::NONE)?;
    check_input(statement, &shape, input)?;
    progress(Phase::Generators);
    let generators = generators.first(shape.columns);
    let digest = statement.digest();
    let blinds = BlindSource::new(entropy, &[&digest, &*witness_digest(input)])?;
    let mut channel = ProofWriter::new(Sender::new(PROTOCOL, &digest), &generators, blinds);
    progress(Phase::Commit);
    let cell_blinds = commit_cells(&mut channel, &shape, input.trace)?;
    let bases = RowBases::new(&shape, statement.start.is_committed());
    let start_bits = StartBits::commit(&mut channel, statement, &shape, &input.trace.start)?;
    let witness = witness(input);
    let start = start_values(statement, &witness.start);
    let progress_of = &mut |argument| progress(Phase::Argument(argument));
    let mut obligations = window::prove(&mut channel, &shape, &bases, &witness, start, progress_of);
    if let Some(bits) = &start_bits {
        obligations.extend(start_ranges::prove(&mut channel, &bits.layout, &bits.bytes, progress_of));
    }
    let mut rows = row_values(statement, &shape, input)?;
    let mut blinds = row_blinds(input, &cell_blinds);
    if let Some(bits) = &start_bits {
        rows.extend(bits.layout.split(&bits.bytes).into_iter().map(RowValues::Bits));
        blinds.extend(&*bits.blinds);
    }
    discharge(&mut channel, &obligations, &rows, &blinds, progress)?;
    Ok(Proof { statement: digest, body: channel.sender.finish() })
}

/// Verifies a proof of `statement` against the public point commitments.
///
/// # Errors
/// [`VerifyError`]: malformed files, a refused statement, files that do not belong together, or a false proof.
pub fn verify(
    statement: &Statement,
    points: &PointCommitments,
    proof: &Proof,
    limits: &Limits,
    generators: &GeneratorSource,
) -> Result<Verified, VerifyError> {
    check_digest(statement, proof)?;
    check_points(&statement.data, points)?;
    check_room(statement, proof, limits)?;
    let data = decode_points("data point", &points.0)?;
    let closed = read_proof(statement, &data, proof, limits)?;
    let msm_points = closed.settle(&data, &generators.first(1 << statement.log_columns))?;
    Ok(Verified { statement: proof.statement, msm_points })
}

/// The proof is about the statement.
///
/// # Errors
/// [`VerifyError::StatementMismatch`].
pub(crate) fn check_digest(statement: &Statement, proof: &Proof) -> Result<(), VerifyError> {
    let digest = statement.digest();
    if proof.statement == digest {
        return Ok(());
    }
    Err(VerifyError::StatementMismatch { proof: hex(&proof.statement), statement: hex(&digest) })
}

/// The proof has room for its cells: told from sizes alone, before any work that a hostile statement could make expensive.
///
/// # Errors
/// [`VerifyError::Statement`], [`VerifyError::Read`].
pub(crate) fn check_room(statement: &Statement, proof: &Proof, limits: &Limits) -> Result<(), VerifyError> {
    let shape = statement.sizes(limits)?;
    let offset = proof.body.len();
    let start_rows = start_layout(statement, &shape).map_or(0, |layout| layout.rows());
    if offset / group::POINT_BYTES < cell_row_count(&shape).saturating_add(start_rows) {
        return Err(VerifyError::Read(ReadError::Truncated { offset, label: "cells.row" }));
    }
    Ok(())
}

/// Reads a proof of `statement`, which passed [`check_digest`] and [`check_room`], over the data points to its end.
///
/// # Errors
/// [`VerifyError`]: a refused statement, rows that are no points, malformed messages.
pub(crate) fn read_proof(
    statement: &Statement,
    data: &[Affine],
    proof: &Proof,
    limits: &Limits,
) -> Result<Closed, VerifyError> {
    let shape = statement.shape(limits)?;
    let channel = ProofReader::new(Receiver::new(PROTOCOL, &proof.statement, &proof.body));
    close(read(statement, &shape, data, channel)?, data.len())
}

/// Reads all messages and collects the equations that have to hold.
fn read<'a>(
    statement: &Statement,
    shape: &Shape,
    data: &[Affine],
    mut channel: ProofReader<'a>,
) -> Result<ProofReader<'a>, VerifyError> {
    let bases = RowBases::new(shape, statement.start.is_committed());
    let start_bits = start_layout(statement, shape);
    channel.register(data.iter().copied());
    register_weights(&mut channel, statement)?;
    let start_rows = start_bits.as_ref().map_or(0, start_ranges::Layout::rows);
    for (label, rows) in [("cells.row", cell_row_count(shape)), ("start.row", start_rows)] {
        for _ in 0..rows {
            channel.receive_point(label)?;
        }
    }
    let public = public_start(statement);
    let slices: Vec<&[i64]> = public.iter().flat_map(|w| &w.layers).map(|l| l.values.as_slice()).collect();
    let mut obligations = window::verify(&mut channel, shape, &bases, start_values(statement, &slices))?;
    if let Some(layout) = &start_bits {
        obligations.extend(start_ranges::verify(&mut channel, layout)?);
    }
    read_discharge(&mut channel, shape.columns, &obligations, bases.total.saturating_add(start_rows))?;
    Ok(channel)
}

/// Where the bits of the start weights lie, in the first window of a run from named weights.
pub(crate) fn start_layout(statement: &Statement, shape: &Shape) -> Option<start_ranges::Layout> {
    let bits = statement.proves_start()?;
    let bases = RowBases::new(shape, true);
    Some(start_ranges::Layout::new(shape, bits, bases.start?, bases.total))
}

/// The bits of named start weights, committed.
struct StartBits {
    layout: start_ranges::Layout,
    bytes: Zeroizing<Vec<u8>>,
    blinds: Zeroizing<Vec<Scalar>>,
}

impl StartBits {
    /// Nothing where the start is not named, or was proven to be in range by an earlier window.
    fn commit(
        channel: &mut ProofWriter<'_>,
        statement: &Statement,
        shape: &Shape,
        start: &Weights,
    ) -> Result<Option<Self>, ProveError> {
        let (Some(bits), Some(layout)) = (statement.proves_start(), start_layout(statement, shape)) else {
            return Ok(None);
        };
        let bytes = layout.pack(&own_slices(shape, start)?).ok_or(ProveError::StartOutOfRange { bits })?;
        let blinds = commit_rows(channel, "start.row", &layout.split(&bytes))?;
        Ok(Some(Self { layout, bytes, blinds }))
    }
}

/// The rows of weights that the statement names, in the order of [`RowBases`].
fn register_weights(channel: &mut ProofReader<'_>, statement: &Statement) -> Result<(), VerifyError> {
    for (role, rows) in [("start weights", statement.start.rows()), ("final weights", &statement.end)] {
        register_points(channel, role, rows)?;
    }
    Ok(())
}

/// The public start weights, unless the start is committed.
fn public_start(statement: &Statement) -> Option<Weights> {
    let seed = matches!(statement.start, Start::Seed);
    seed.then(|| initial_weights(&statement.algorithm(), &statement.data.root, &statement.nonce))
}

fn start_values<'a>(statement: &Statement, weights: &'a [&'a [i64]]) -> StartValues<'a> {
    match statement.start {
        Start::Seed => StartValues::Public(weights),
        Start::Committed { .. } => StartValues::Committed,
    }
}

fn slices(weights: &Weights) -> Vec<&[i64]> {
    weights.layers.iter().map(|layer| layer.values.as_slice()).collect()
}

fn witness(input: ProverInput<'_>) -> Witness<'_> {
    Witness {
        cells: input.trace.layers.iter().map(|layer| layer.bytes.as_slice()).collect(),
        features: input.features,
        labels: input.labels,
        start: slices(&input.trace.start),
        end: slices(&input.trace.end),
    }
}

/// Commits all rows of cells and sends the commitments; returns the blinds.
#[expect(clippy::indexing_slicing, reason = "prover only: `check_input` has found all sizes to be those of the shape")]
fn commit_cells(
    channel: &mut ProofWriter<'_>,
    shape: &Shape,
    trace: &Trace,
) -> Result<Zeroizing<Vec<Scalar>>, ProveError> {
    let ranges = cell_rows(shape);
    let rows: Vec<&[u8]> = ranges.iter().map(|row| &trace.layers[row.slot].bytes[row.range.clone()]).collect();
    commit_rows(channel, "cells.row", &rows)
}

/// All committed rows in the order of [`RowBases`].
#[expect(clippy::indexing_slicing, reason = "prover only: `check_input` has found all sizes to be those of the shape")]
fn row_values<'a>(
    statement: &Statement,
    shape: &Shape,
    input: ProverInput<'a>,
) -> Result<Vec<RowValues<'a>>, ProveError> {
    let width = shape.widths[0];
    let points = input.features.chunks(width).zip(input.labels);
    let mut rows: Vec<RowValues<'a>> =
        points.map(|(features, label)| RowValues::Point { features, label: to_usize(*label) }).collect();
    if statement.start.is_committed() {
        rows.extend(own_slices(shape, &input.trace.start)?.into_iter().map(RowValues::Integers));
    }
    rows.extend(own_slices(shape, &input.trace.end)?.into_iter().map(RowValues::Integers));
    let cells = cell_rows(shape).into_iter();
    rows.extend(cells.map(|row| RowValues::Bits(&input.trace.layers[row.slot].bytes[row.range])));
    Ok(rows)
}

fn row_blinds(input: ProverInput<'_>, cells: &[Scalar]) -> Zeroizing<Vec<Scalar>> {
    Zeroizing::new([input.point_blinds, input.start_blinds, input.end_blinds, cells].concat())
}

/// Hedges the blinds: proofs of different witnesses never share one, even if the system's randomness repeats.
fn witness_digest(input: ProverInput<'_>) -> Zeroizing<[u8; 64]> {
    let cells = input.trace.layers.iter().fold(Hedge::new(), |hedge, layer| hedge.bytes(&layer.bytes));
    cells.scalars(input.point_blinds).scalars(input.end_blinds).finish()
}

/// Checks that every part of the witness has the size that the statement implies.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "prover only: slots are below the number of layers, and sizes those of a validated shape that fits memory"
)]
fn check_input(statement: &Statement, shape: &Shape, input: ProverInput<'_>) -> Result<(), ProveError> {
    let start_rows = statement.start.rows().len();
    let mut sizes = vec![
        ("the number of labels", input.labels.len(), shape.points),
        ("the number of feature values", input.features.len(), shape.points * shape.widths[0]),
        ("the number of point blinds", input.point_blinds.len(), shape.points),
        ("the number of start weight blinds", input.start_blinds.len(), start_rows),
        ("the number of final weight blinds", input.end_blinds.len(), statement.end.len()),
        ("the number of layers of the trace", input.trace.layers.len(), shape.layers()),
    ];
    for (slot, layer) in input.trace.layers.iter().enumerate().take(shape.layers()) {
        let expected = shape.steps() * shape.batch * shape.outputs(slot) * shape.stride(slot);
        sizes.push(("the number of bytes of a layer's cells", layer.bytes.len(), expected));
    }
    for weights in [&input.trace.start, &input.trace.end] {
        sizes.push(("the number of layers of the weights", weights.layers.len(), shape.layers()));
        for (slot, layer) in weights.layers.iter().enumerate().take(shape.layers()) {
            let expected = (shape.widths[slot] + 1) * shape.outputs(slot);
            sizes.push(("the number of weights of a layer", layer.values.len(), expected));
        }
    }
    for (what, got, expected) in sizes {
        if got != expected {
            return Err(ProveError::Witness { what, got, expected });
        }
    }
    match input.labels.iter().find(|l| to_usize(**l) >= shape.widths[shape.layers()]) {
        Some(label) => {
            let got = to_usize(*label);
            Err(ProveError::Witness { what: "a label", got, expected: shape.widths[shape.layers()] - 1 })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "simulator.rs"]
mod simulator;
