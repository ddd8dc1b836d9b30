//! Booleanity: every bit of every cell of a matrix of cells is 0 or 1.
//!
//! Relation: `0 = sum_{i,q} eq(tau,i) eq(mu,q) (b(i,q)^2 - b(i,q))`, i the row, q the cell in it (high) and the bit of the cell
//! (low), tau and mu challenges drawn after the rows of bits were committed.
//!
//! ```text
//!    sumcheck over the bits of a cell, the cells of a row, the rows (degree 3)
//! P: Com b at the point (r_i, r_q)
//!    left over: the product  E b b = v + E b,  E = eq(tau,r_i) eq(mu,r_q), v the last claim; and the claim b about rows of bits
//! ```
//!
//! The prover's work is in [`bits`](crate::bits) (bits of a cell) and [`bit_cells`](crate::bit_cells) (cells, rows).

use crate::bit_cells::BitCells;
use crate::bits::{BitSum, CellRows, RowWeights};
use crate::progress::Argument;
use crate::rows::{Packing, column_weights, first};
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_commit::sigma::Product;
use zkdl_field::multilinear::{eq, eq_table, log2_ceil};
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck as sumcheck;
use zkdl_transcript::ReadError;

/// Public sizes of a matrix of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Rows.
    pub rows: usize,
    /// Cells of a row.
    pub cells: usize,
    /// Bytes of a cell, a power of two, at most 16.
    pub bytes: usize,
}

#[expect(clippy::arithmetic_side_effects, reason = "logarithms are at most 64, a cell has at most 16 bytes")]
impl Sizes {
    /// Coordinates of tau.
    #[must_use]
    pub fn log_rows(&self) -> usize {
        log2_ceil(self.rows)
    }

    /// Coordinates of mu.
    #[must_use]
    pub fn log_row_bits(&self) -> usize {
        log2_ceil(self.cells) + self.log_cell_bits()
    }

    fn log_cell_bits(&self) -> usize {
        log2_ceil(8 * self.bytes)
    }

    fn degrees(&self) -> [Vec<usize>; 2] {
        [vec![3; self.log_cell_bits()], vec![3; self.log_rows() + log2_ceil(self.cells)]]
    }
}

/// What is left of the argument.
#[derive(Debug, Clone)]
pub struct Booleanity<H> {
    /// r_i.
    pub row: Vec<Scalar>,
    /// r_q.
    pub within: Vec<Scalar>,
    /// b.
    pub value: H,
    /// The product.
    pub product: Product<H>,
}

fn end<H: Hidden>(
    sizes: &Sizes,
    [tau, mu]: [&[Scalar]; 2],
    mut r: Vec<Scalar>,
    r_bits: Vec<Scalar>,
    last: H,
    b: H,
) -> Booleanity<H> {
    let within = [r.split_off(sizes.log_rows()), r_bits].concat();
    let scaled = b.clone() * (eq(tau, &r) * eq(mu, &within));
    let product = Product { name: "booleanity", x: scaled.clone(), y: b.clone(), z: last + scaled };
    Booleanity { row: r, within, value: b, product }
}

/// Cells of a row of [`long_rows`], at least.
const LONG: usize = 128;

/// The cells as [`BitSum`] likes them: several rows in one, so that it has many columns, and the rows that are left in one that
/// is shorter.
#[expect(clippy::arithmetic_side_effects, reason = "prover only: parts of cells that it holds")]
fn long_rows<'b>(
    sizes: &Sizes,
    bytes: &'b [u8],
    tau: &[Scalar],
    mu_cells: &[Scalar],
) -> ([CellRows<'b>; 2], RowWeights) {
    let log = log2_ceil(LONG.div_ceil(sizes.cells)).min(sizes.log_rows());
    let (mut rows, items) = Packing { items: sizes.rows, log }.split(tau);
    let columns = column_weights(&items, first(&eq_table(mu_cells), sizes.cells), sizes.cells);
    let (full, rest) = (sizes.rows >> log, sizes.rows & ((1 << log) - 1));
    let last = rows.split_off(full).into_iter().take(usize::from(rest > 0)).collect();
    let (whole, left) = bytes.split_at(full * ((sizes.cells * sizes.bytes) << log));
    let cells = |cells, rows: usize| CellRows { cells, stride: sizes.bytes, width: rows * sizes.cells };
    ([cells(whole, 1 << log), cells(left, rest)], RowWeights { rows: vec![rows, last], columns })
}

/// Proves the relation of `cells`, row by row.
pub fn prove<P: ProverChannel>(
    channel: &mut P,
    sizes: &Sizes,
    cells: &[u8],
    [tau, mu]: [&[Scalar]; 2],
    progress: &mut dyn FnMut(Argument),
) -> Booleanity<Opening> {
    let (mu_cells, mu_bits) = mu.split_at(log2_ceil(sizes.cells));
    let [in_cell, others] = sizes.degrees();
    progress(Argument::Bits);
    let (matrices, weights) = long_rows(sizes, cells, tau, mu_cells);
    let mut sum = BitSum::new(&matrices, &weights, mu_bits);
    let zero = Opening::public(Scalar::ZERO);
    let (claim, r_bits) = sumcheck::prove(channel, "booleanity.bit", zero, &in_cell, &mut sum);
    progress(Argument::Cells);
    let mut sum = BitCells::new(cells, sizes.cells, sum.worth(), (tau, mu_cells), eq(mu_bits, &r_bits));
    let (last, r) = sumcheck::prove(channel, "booleanity.cell", claim, &others, &mut sum);
    let b = channel.hide("booleanity.b", sum.value());
    end(sizes, [tau, mu], r, r_bits, last, b)
}

/// The verifier's side of [`prove`].
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify<V: VerifierChannel>(
    channel: &mut V,
    sizes: &Sizes,
    at: [&[Scalar]; 2],
) -> Result<Booleanity<V::Value>, ReadError> {
    let [in_cell, others] = sizes.degrees();
    let zero = V::Value::public(Scalar::ZERO);
    let (claim, r_bits) = sumcheck::verify(channel, "booleanity.bit", zero, &in_cell)?;
    let (last, r) = sumcheck::verify(channel, "booleanity.cell", claim, &others)?;
    let b = channel.receive("booleanity.b")?;
    Ok(end(sizes, at, r, r_bits, last, b))
}
