//! How far the prover is.

/// What the prover is at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// `Z = A W` for all layers and steps.
    Forward,
    /// `H = G W^T`.
    Backward,
    /// `W -= A^T G`.
    Update,
    /// Every committed bit is 0 or 1: zkReLU (A).
    Bits,
    /// Cells are what their bits say: zkReLU (B).
    Cells,
    /// Start weights that somebody brought are in their range.
    Start,
}
