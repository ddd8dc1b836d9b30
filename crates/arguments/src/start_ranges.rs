//! Ranges of start weights: every entry of the committed rows W_0 is an integer in `-2^(w-1) .. 2^(w-1)`.
//!
//! Weights that follow from a public seed are in range by construction. Weights that somebody brings are only numbers in a
//! commitment, and the magnitude ledger, on which all identities of a window rest, needs a bound for them.
//!
//! An entry plus `2^(w-1)` has w bits, w = 16, 32 or 64. A cell of 128 bits holds c = 128 / w entries. Every row of weights has
//! I cells, the power of two that the longest needs; bits of entries that do not exist are zero.
//!
//! ```text
//! P: rows of bits of all cells (committed before)
//! V: tau (log rows + log I + log c), mu (7)
//!    booleanity of all bits: a product, and b at (r_i, r_q)
//!    query bits:   b = sum_i eq(r_i,i) <bits_i, eq(r_q)>
//!    query ranges: sum_(r,j) eq(tau,(r,j)) (W_0(r,j) - sum_k 2^k bit_k(r,j)) = -2^(w-1) sum_(r,j) eq(tau,(r,j)),
//!                  r the row, j the column; W_0(r,j) and the constant only where the row has a column j
//! ```
//!
//! Cost: 1/16 of a byte of bits and 1/4 (w = 32) of a cell's 32 bytes for each bit, as in [`ranges`](crate::ranges); once a run.

use crate::booleanity::{self, Booleanity, Sizes};
use crate::progress::Argument;
use crate::rows::{Classes, Packing, first, item_classes, weight_rows};
use crate::selection::Query;
use crate::shape::{Shape, size};
use crate::window::Obligations;
use rayon::prelude::*;
use zeroize::Zeroizing;
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_field::multilinear::{eq_table, log2_ceil, prefix};
use zkdl_field::scalar::pow2;
use zkdl_field::{Field, Scalar};
use zkdl_transcript::ReadError;

/// Bytes of a cell.
const CELL: usize = 16;
/// Bits of a cell.
pub const CELL_BITS: usize = 8 * CELL;
/// What w can be.
pub const WIDTHS: [u32; 3] = [16, 32, 64];

/// Where the bits of start weights lie.
#[derive(Debug, Clone)]
pub struct Layout {
    /// n_r: columns of every row of weights.
    lengths: Vec<usize>,
    /// w.
    bits: u32,
    /// I.
    cells: usize,
    /// Columns of a committed row.
    columns: usize,
    /// Index of the first row of weights, and of the first row of bits, among all committed rows.
    bases: [usize; 2],
}

impl Layout {
    /// For the rows of weights of `shape`, which begin at index `weights` of all committed rows; rows of bits begin at `own`.
    /// `bits` is one of [`WIDTHS`], and the columns hold a cell: the statement says so.
    #[must_use]
    pub fn new(shape: &Shape, bits: u32, weights: usize, own: usize) -> Self {
        let lengths: Vec<usize> = weight_rows(shape).into_iter().map(|row| row.range.len()).collect();
        let longest = lengths.iter().copied().max().unwrap_or(1);
        let cells = longest.div_ceil(entries(bits)).next_power_of_two();
        Self { lengths, bits, cells, columns: shape.columns, bases: [weights, own] }
    }

    /// Number of rows of bits.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.packing().rows()
    }

    /// Rows of bits, of the bytes of all cells.
    #[must_use]
    pub fn split<'b>(&self, bytes: &'b [u8]) -> Vec<&'b [u8]> {
        bytes.chunks(CELL << self.packing().log).collect()
    }

    /// The bits of all rows of weights; nothing if one is out of range.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "prover only: bits that fit into memory")]
    pub fn pack(&self, rows: &[&[i64]]) -> Option<Zeroizing<Vec<u8>>> {
        let width = size(self.bits) / 8;
        let mut bytes = Zeroizing::new(vec![0; self.sizes().rows * CELL]);
        let packed = bytes.par_chunks_mut(self.cells * CELL).zip(rows).map(|(cells, row)| {
            cells.chunks_exact_mut(width).zip(*row).try_for_each(|(bytes, weight)| {
                bytes.copy_from_slice(self.shifted(*weight)?.to_le_bytes().get(..width)?);
                Some(())
            })
        });
        packed.collect::<Option<()>>()?;
        Some(bytes)
    }

    /// The weight plus `2^(w-1)`, if that has w bits.
    #[expect(clippy::arithmetic_side_effects, reason = "prover only: 64 bits and a carry in 128")]
    fn shifted(&self, weight: i64) -> Option<u64> {
        let shifted = i128::from(weight) + (1i128 << (self.bits - 1));
        u64::try_from(shifted).ok().filter(|n| self.bits == 64 || n >> self.bits == 0)
    }

    fn packing(&self) -> Packing {
        Packing::new(self.sizes().rows, CELL_BITS, self.columns)
    }

    fn sizes(&self) -> Sizes {
        Sizes { rows: self.lengths.len().saturating_mul(self.cells), cells: 1, bytes: CELL }
    }

    /// c.
    #[must_use]
    pub fn entries(&self) -> usize {
        entries(self.bits)
    }
}

/// Entries of so many bits that a cell holds.
#[expect(clippy::arithmetic_side_effects, reason = "one of `WIDTHS`, none of them zero: see `Layout::new`")]
fn entries(bits: u32) -> usize {
    CELL_BITS / size(bits)
}

/// The challenges.
struct Challenges {
    /// Row, cell and entry.
    tau: Vec<Scalar>,
    /// Bit of a cell.
    mu: Vec<Scalar>,
}

impl Challenges {
    fn draw(layout: &Layout, mut draw: impl FnMut(&'static str, usize) -> Vec<Scalar>) -> Self {
        let tau = draw("start.tau", layout.sizes().log_rows().saturating_add(log2_ceil(layout.entries())));
        Self { tau, mu: draw("start.mu", layout.sizes().log_row_bits()) }
    }

    /// The cell's part of tau, and the entry's.
    fn cell_and_entry(&self, layout: &Layout) -> (&[Scalar], &[Scalar]) {
        self.tau.split_at(layout.sizes().log_rows())
    }

    /// The row's part, and that of cell and entry: the column.
    fn row_and_column(&self, layout: &Layout) -> (&[Scalar], &[Scalar]) {
        self.tau.split_at(log2_ceil(layout.lengths.len()))
    }
}

/// W_0 against its bits.
#[expect(clippy::arithmetic_side_effects, reason = "one of `WIDTHS`, none of them zero: see `Layout::new`")]
fn range_query<H: Hidden>(layout: &Layout, at: &Challenges) -> Query<H> {
    let [weights, own] = layout.bases;
    let (row, column) = at.row_and_column(layout);
    let (cell, entry) = at.cell_and_entry(layout);
    let (at_row, at_column) = (eq_table(row), eq_table(column));
    let mut classes = Classes::new();
    let mut constant = Scalar::ZERO;
    for ((row, length), weight) in (weights..).zip(&layout.lengths).zip(at_row) {
        constant -= weight * prefix(*length, column);
        classes.add(*length, row, weight, || first(&at_column, *length).to_vec());
    }
    let mut classes = classes.finish();
    let bits = eq_table(entry).into_iter();
    let within: Vec<Scalar> = bits.flat_map(|e| (0..layout.bits).map(move |k| -(e * pow2(k)))).collect();
    classes.extend(item_classes(layout.packing(), own, cell, &within));
    Query { name: "start ranges", classes, value: H::public(constant * pow2(layout.bits - 1)) }
}

fn obligations<H: Hidden>(layout: &Layout, at: &Challenges, bits: Booleanity<H>) -> Obligations<H> {
    let within = eq_table(&bits.within);
    let [_, own] = layout.bases;
    let classes = item_classes(layout.packing(), own, &bits.row, &within);
    let bit_query = Query { name: "start bits", classes, value: bits.value };
    let product = zkdl_commit::sigma::Product { name: "start booleanity", ..bits.product };
    Obligations { products: vec![product], queries: vec![bit_query, range_query(layout, at)] }
}

/// Proves everything about start weights and their bits, the bytes of [`Layout::pack`], but a product and two queries.
pub fn prove<P: ProverChannel>(
    channel: &mut P,
    layout: &Layout,
    bytes: &[u8],
    progress: &mut dyn FnMut(Argument),
) -> Obligations<Opening> {
    progress(Argument::Start);
    let at = Challenges::draw(layout, |label, n| channel.challenges(label, n));
    let (cell, _) = at.cell_and_entry(layout);
    let bits = booleanity::prove(channel, &layout.sizes(), bytes, [cell, &at.mu], &mut |_| ());
    obligations(layout, &at, bits)
}

/// The verifier's side of [`prove`].
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify<V: VerifierChannel>(channel: &mut V, layout: &Layout) -> Result<Obligations<V::Value>, ReadError> {
    let at = Challenges::draw(layout, |label, n| channel.challenges(label, n));
    let (cell, _) = at.cell_and_entry(layout);
    let bits = booleanity::verify(channel, &layout.sizes(), [cell, &at.mu])?;
    Ok(obligations(layout, &at, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(bits: u32) -> Layout {
        Layout { lengths: vec![5, 3, 9], bits, cells: 4, columns: 256, bases: [0, 3] }
    }

    #[test]
    fn entries_are_shifted_into_their_bits_or_refused() {
        for bits in WIDTHS {
            let layout = layout(bits);
            let low = i64::try_from(-(1i128 << (bits - 1))).unwrap();
            assert_eq!(layout.shifted(low), Some(0));
            assert_eq!(layout.shifted(-1 - low), Some(u64::MAX >> (64 - bits)));
            if bits < 64 {
                assert_eq!([layout.shifted(low - 1), layout.shifted(-low)], [None, None]);
            }
        }
    }

    #[test]
    fn rows_begin_at_whole_numbers_of_cells_and_what_is_not_there_has_no_bits() {
        let layout = layout(32);
        let rows: [&[i64]; 3] = [&[1, 2, 3, 4, 5], &[-1; 3], &[7; 9]];
        let bytes = layout.pack(&rows).unwrap();
        assert_eq!(bytes.len(), 3 * 4 * CELL);
        let entry = |row: usize, j: usize| &bytes[row * 4 * CELL + 4 * j..][..4];
        for (r, row) in rows.iter().enumerate() {
            for j in 0..16 {
                let expected = row.get(j).map_or(0, |w| (w + (1 << 31)) as u32);
                assert_eq!(entry(r, j), expected.to_le_bytes());
            }
        }
        assert!(layout.pack(&[&[1 << 31], &[], &[]]).is_none());
        assert_eq!(layout.split(&bytes).iter().map(|row| row.len()).collect::<Vec<_>>(), [32; 6]);
    }
}
