//! The prover's view of one window: what is committed, and the integer tensors that follow from it.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "prover only: its witness has the sizes of the shape"
)]

use crate::integers::{IntegerMatrix, Piece};
use crate::shape::Shape;

/// What the prover knows. All slices are borrowed from the trainer.
#[derive(Clone)]
pub struct Witness<'a> {
    /// Packed cells of every slot, `[t][b][j]`, little endian, `shape.stride(slot)` bytes each.
    pub cells: Vec<&'a [u8]>,
    /// Features of all committed points, `points x d_0`.
    pub features: &'a [i32],
    /// Class of every committed point.
    pub labels: &'a [u32],
    /// `W_0` of every slot, `(d_s + 1) x d_{s+1}`, the bias last.
    pub start: Vec<&'a [i64]>,
    /// `W_T`, the same shape.
    pub end: Vec<&'a [i64]>,
}

/// The integer tensors of a window, by slot: rows are `t * batch + b`. Views of what the witness holds: nothing is copied.
#[derive(Clone)]
pub struct Tensors<'a> {
    /// Inputs of every layer, `A[s]`: `T B x d_s`.
    pub a: Vec<IntegerMatrix<'a>>,
    /// Gradients of every layer, `G[s]`: `T B x d_{s+1}`.
    pub g: Vec<IntegerMatrix<'a>>,
}

impl<'a> Tensors<'a> {
    /// Derives them from the committed cells and rows.
    #[must_use]
    pub fn new(shape: &Shape, witness: &Witness<'a>) -> Self {
        let hidden = 0..shape.layers() - 1;
        let a = hidden.map(|slot| cell_view(shape, witness, slot, View::Activation)).collect::<Vec<_>>();
        let g = (0..shape.layers()).map(|slot| cell_view(shape, witness, slot, View::Gradient)).collect();
        Self { a: std::iter::once(inputs(shape, witness)).chain(a).collect(), g }
    }
}

/// What a matrix over cells shows of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// A = Z'' where neg is not set; hidden cells only.
    Activation,
    /// G: K where neg is not set.
    Gradient,
    /// `2^R P + rem_Z`; hidden cells only.
    Z,
    /// `2^R K + rem_H` of a hidden, `2^R_L G + rem_L` of an output cell.
    H,
}

/// A view of the cells of a slot: `T B x d_{s+1}`.
#[must_use]
pub fn cell_view<'a>(shape: &Shape, witness: &Witness<'a>, slot: usize, view: View) -> IntegerMatrix<'a> {
    let f = shape.format;
    let p = f.q_g + f.r;
    let r = if shape.is_output(slot) { f.r_l } else { f.r };
    let (pieces, masked) = match view {
        View::Activation => (Piece::cut(p, f.q - 1, false, 0), true),
        View::Gradient => (Piece::cut(0, f.q_g, true, 0), !shape.is_output(slot)),
        View::Z => ([Piece::cut(p, f.q, true, f.r), Piece::cut(p + f.q, f.r, false, 0)].concat(), false),
        View::H => ([Piece::cut(0, f.q_g, true, r), Piece::cut(f.q_g, r, false, 0)].concat(), false),
    };
    let neg = masked.then_some(f.neg_place() as u32);
    IntegerMatrix::cells(witness.cells[slot], shape.stride(slot), shape.outputs(slot), pieces, neg)
}

/// `A^0 = 2^(f_A - f_X) x` for the scheduled rows.
fn inputs<'a>(shape: &Shape, witness: &Witness<'a>) -> IntegerMatrix<'a> {
    let shift = shape.format.f_a - shape.format.f_x;
    IntegerMatrix::features(witness.features, shape.widths[0], shape.schedule.concat(), shift)
}
