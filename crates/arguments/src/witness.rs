//! The prover's view of one window: what is committed, and the integer tensors that follow from it.

use crate::shape::Shape;
use rayon::prelude::*;
use zeroize::Zeroize;
use zkdl_field::Scalar;
use zkdl_field::scalar::{SmallDot, SmallSum};

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

/// The fields of a hidden cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HiddenCell {
    /// Sign bit of P.
    pub neg: bool,
    /// Low Q - 1 bits of P.
    pub relu: i64,
    /// K.
    pub k: i64,
    /// `2^R P + rem_Z`.
    pub z: i64,
    /// `2^R K + rem_H`.
    pub h: i64,
}

/// The fields of an output cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OutputCell {
    /// G.
    pub g: i64,
    /// `2^R_L G + rem_L`.
    pub o: i64,
}

fn word(bytes: &[u8]) -> u128 {
    let mut buffer = [0u8; 16];
    buffer[..bytes.len()].copy_from_slice(bytes);
    u128::from_le_bytes(buffer)
}

fn unsigned(word: u128, place: u32, bits: u32) -> i128 {
    ((word >> place) & ((1u128 << bits) - 1)) as i128
}

fn signed(word: u128, place: u32, bits: u32) -> i128 {
    let value = unsigned(word, place, bits);
    if value >> (bits - 1) & 1 == 1 { value - (1i128 << bits) } else { value }
}

impl HiddenCell {
    /// Reads a cell.
    #[must_use]
    pub fn unpack(shape: &Shape, bytes: &[u8]) -> Self {
        let f = shape.format;
        let word = word(bytes);
        let p_place = f.q_g + f.r;
        let p = signed(word, p_place, f.q);
        let k = signed(word, 0, f.q_g);
        Self {
            neg: p < 0,
            relu: unsigned(word, p_place, f.q - 1) as i64,
            k: k as i64,
            z: ((p << f.r) + unsigned(word, p_place + f.q, f.r)) as i64,
            h: ((k << f.r) + unsigned(word, f.q_g, f.r)) as i64,
        }
    }

    /// The activation.
    #[must_use]
    pub fn a(&self) -> i64 {
        if self.neg { 0 } else { self.relu }
    }

    /// The gradient after the mask.
    #[must_use]
    pub fn g(&self) -> i64 {
        if self.neg { 0 } else { self.k }
    }
}

impl OutputCell {
    /// Reads a cell.
    #[must_use]
    pub fn unpack(shape: &Shape, bytes: &[u8]) -> Self {
        let f = shape.format;
        let word = word(bytes);
        let g = signed(word, 0, f.q_g);
        Self { g: g as i64, o: ((g << f.r_l) + unsigned(word, f.q_g, f.r_l)) as i64 }
    }
}

/// A `rows x width` matrix of small integers, row-major.
#[derive(Clone, PartialEq, Eq)]
pub struct Matrix {
    /// Entries a row.
    pub width: usize,
    /// The entries.
    pub values: Vec<i32>,
}

impl Drop for Matrix {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

impl Matrix {
    /// One row.
    #[must_use]
    pub fn row(&self, i: usize) -> &[i32] {
        &self.values[i * self.width..(i + 1) * self.width]
    }

    /// `<row_i, v>` for rows `start .. start + n`: shape n.
    #[must_use]
    pub fn times(&self, rows: std::ops::Range<usize>, v: &SmallDot) -> Vec<Scalar> {
        rows.into_par_iter().map(|i| v.dot(self.row(i).iter().map(|x| i64::from(*x)))).collect()
    }

    /// `sum_i v_i row_(start+i)`: shape width.
    #[must_use]
    pub fn combine(&self, start: usize, v: &SmallDot) -> Vec<Scalar> {
        let column = |k: usize| {
            let mut sum = SmallSum::default();
            for i in 0..v.len() {
                v.accumulate(&mut sum, i, i64::from(self.values[(start + i) * self.width + k]));
            }
            sum.reduce()
        };
        (0..self.width).into_par_iter().map(column).collect()
    }
}

/// The integer tensors of a window, by slot: rows are `t * batch + b`.
#[derive(Clone)]
pub struct Tensors {
    /// Inputs of every layer, `A[s]`: `T B x d_s`.
    pub a: Vec<Matrix>,
    /// Gradients of every layer, `G[s]`: `T B x d_{s+1}`.
    pub g: Vec<Matrix>,
}

impl Tensors {
    /// Derives them from the committed cells and rows.
    #[must_use]
    pub fn new(shape: &Shape, witness: &Witness<'_>) -> Self {
        let mut a = vec![inputs(shape, witness)];
        let mut g = Vec::with_capacity(shape.layers());
        for (slot, cells) in witness.cells.iter().enumerate() {
            let cells = cells.par_chunks_exact(shape.stride(slot));
            let width = shape.outputs(slot);
            if shape.is_output(slot) {
                let values = cells.map(|c| OutputCell::unpack(shape, c).g as i32).collect();
                g.push(Matrix { width, values });
            } else {
                let (activations, gradients) =
                    cells.map(|c| HiddenCell::unpack(shape, c)).map(|c| (c.a() as i32, c.g() as i32)).unzip();
                a.push(Matrix { width, values: activations });
                g.push(Matrix { width, values: gradients });
            }
        }
        Self { a, g }
    }
}

/// `A^0 = 2^(f_A - f_X) x` for the scheduled rows.
fn inputs(shape: &Shape, witness: &Witness<'_>) -> Matrix {
    let width = shape.widths[0];
    let shift = shape.format.f_a - shape.format.f_x;
    let values = shape
        .schedule
        .iter()
        .flatten()
        .flat_map(|i| &witness.features[*i as usize * width..(*i as usize + 1) * width])
        .map(|x| x << shift)
        .collect();
    Matrix { width, values }
}
