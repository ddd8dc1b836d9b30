//! Bits of start weights that a run was given: a dense prover of their ranges, as plain as its definition.

use crate::data::prove_bits;
use crate::witness::{Witness, flatten};
use zkdl_arguments::Shape;
use zkdl_arguments::rows::weight_rows;
use zkdl_arguments::start_ranges::{CELL_BITS, Layout};
use zkdl_commit::channel::ProverChannel;
use zkdl_field::multilinear::log2_ceil;
use zkdl_field::{Field, Scalar};

/// The bits of every row of committed start weights; nothing if these are out of range.
#[must_use]
pub fn bits(layout: &Layout, shape: &Shape, witness: &Witness) -> Option<Vec<Vec<Scalar>>> {
    let weights = flatten(shape, &witness.committed_start);
    let rows = weight_rows(shape).into_iter().map(|row| &weights[row.slot][row.range]).collect::<Vec<_>>();
    let bytes = layout.pack(&rows)?;
    let bit = |byte: &u8| (0..8).map(|i| Scalar::from(u64::from(byte >> i & 1))).collect::<Vec<_>>();
    Some(bytes.chunks(bytes.len() / rows.len()).map(|row| row.iter().flat_map(bit).collect()).collect())
}

/// The messages of [`zkdl_arguments::start_ranges::prove`] from a dense sum.
pub fn prove_plain<P: ProverChannel>(channel: &mut P, layout: &Layout, bits: &[Vec<Scalar>]) {
    let mut dense = bits.concat();
    let cells = log2_ceil(dense.len() / CELL_BITS);
    let mut mu = channel.challenges("start.tau", cells + log2_ceil(layout.entries()));
    mu.truncate(cells);
    mu.extend(channel.challenges("start.mu", log2_ceil(CELL_BITS)));
    dense.resize(1 << mu.len(), Scalar::ZERO);
    prove_bits(channel, &mu, log2_ceil(CELL_BITS), dense);
}
