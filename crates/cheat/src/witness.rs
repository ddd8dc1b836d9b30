//! What a prover computes with, in the field, and what it commits to.

use crate::sample::Sample;
use crate::tensor::Tensor;
use crate::trainer::{Cell, Hooks, Matrix, Trainer};
use std::collections::BTreeMap;
use zkdl_arguments::Shape;
use zkdl_arguments::rows::{CellPacking, Packing, weight_packing};
use zkdl_arguments::selection::RowBases;
use zkdl_field::scalar::from_i128;
use zkdl_field::{Field, Scalar};

/// A witness in the field. Nothing forces one part of it to fit another: that is what [`crate::relation`] checks.
#[derive(Debug, Clone)]
pub struct Witness {
    /// Bits of every cell.
    pub bits: BTreeMap<Cell, Vec<Scalar>>,
    /// Z (l, t, b, j).
    pub z: Tensor<4>,
    /// H (l, t, b, k), with the cells it belongs to.
    pub h: Tensor<4>,
    /// G (l, t, b, j), as forward and backward use it.
    pub g: Tensor<4>,
    /// G as the update uses it.
    pub g_update: Tensor<4>,
    /// A (l, t, b, c, k): c = 0 inputs, c = 1 the bias's constant; as forward uses it.
    pub a: Tensor<5>,
    /// A as the update uses it.
    pub a_update: Tensor<5>,
    /// One-hot labels (t, b, j).
    pub labels: Tensor<3>,
    /// Weights (l, t, c, k, j) of the forward pass; those of steps beyond the last are W_T.
    pub forward: Tensor<5>,
    /// Weights of the backward pass.
    pub backward: Tensor<5>,
    /// W_0 (l, c, k, j) that training started from.
    pub start: Tensor<4>,
    /// W_T that training ended with.
    pub end: Tensor<4>,
    /// W_0 of the statement: committed or public.
    pub committed_start: Tensor<4>,
    /// W_T that is committed.
    pub committed_end: Tensor<4>,
    /// Rows of data points: features, label, slack.
    pub points: Vec<Vec<Scalar>>,
    /// Bits of every row of named start weights; nothing where the start is not named.
    pub start_bits: Vec<Vec<Scalar>>,
    /// Bits that booleanity is proven of, where these are not the committed ones.
    pub proven_start_bits: Option<Vec<Vec<Scalar>>>,
    /// Junk added to committed rows: kind of row, index within the kind, column, value.
    pub junk: Vec<(Kind, usize, usize, Scalar)>,
}

/// Kinds of committed rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Data points.
    Points,
    /// W_0.
    Start,
    /// W_T.
    End,
    /// Cells.
    Cells,
}

fn place(tensor: &mut Tensor<5>, l: usize, t: usize, matrix: &Matrix) {
    let bias = matrix.len() - 1;
    for (k, row) in matrix.iter().enumerate() {
        for (j, w) in row.iter().enumerate() {
            let (c, k) = if k == bias { (1, 0) } else { (0, k) };
            tensor.insert([l, t, c, k, j], from_i128(*w));
        }
    }
}

fn stack(weights: &[Matrix]) -> Tensor<4> {
    let mut tensor = Tensor::new();
    weights.iter().enumerate().for_each(|(l, matrix)| place(&mut tensor, l, 0, matrix));
    tensor.into_iter().map(|([l, _, c, k, j], w)| ([l, c, k, j], w)).collect()
}

fn field<const N: usize>(integers: &BTreeMap<[usize; N], i128>) -> Tensor<N> {
    integers.iter().map(|(i, v)| (*i, from_i128(*v))).collect()
}

impl Witness {
    /// A witness of training that starts with `weights`; empty otherwise.
    #[must_use]
    pub fn new(sample: &Sample, weights: &[Matrix]) -> Self {
        let row = |(x, y): (&Vec<i128>, &Vec<i128>)| x.iter().chain(y).map(|v| from_i128(*v)).collect();
        Self {
            bits: BTreeMap::new(),
            z: Tensor::new(),
            h: Tensor::new(),
            g: Tensor::new(),
            g_update: Tensor::new(),
            a: Tensor::new(),
            a_update: Tensor::new(),
            labels: Tensor::new(),
            forward: Tensor::new(),
            backward: Tensor::new(),
            start: stack(weights),
            end: Tensor::new(),
            committed_start: stack(&sample.start),
            committed_end: Tensor::new(),
            points: sample.features.iter().zip(&sample.labels).map(row).collect(),
            start_bits: Vec::new(),
            proven_start_bits: None,
            junk: Vec::new(),
        }
    }

    /// Notes the weights that step t uses.
    pub fn note_weights(&mut self, s: &Trainer<'_>, t: usize, hooks: &Hooks) {
        for l in 0..s.public.layers() {
            place(&mut self.forward, l, t, &(hooks.forward)(s, l, t));
            place(&mut self.backward, l, t, &(hooks.backward)(s, l, t));
        }
    }

    /// Takes the tensors over.
    pub fn finish(&mut self, s: &Trainer<'_>) {
        for t in s.steps..1 << s.public.log_steps() {
            for (l, matrix) in s.weights.iter().enumerate() {
                place(&mut self.forward, l, t, matrix);
                place(&mut self.backward, l, t, matrix);
            }
        }
        for ([l, t, b], row) in &s.a {
            let bias = row.len() - 1;
            for (k, a) in row.iter().enumerate() {
                let (c, k) = if k == bias { (1, 0) } else { (0, k) };
                self.a.insert([*l, *t, *b, c, k], from_i128(*a));
            }
        }
        for t in 0..s.steps {
            for b in 0..s.batch {
                let label = (s.hooks.row)(s, t, b).1;
                self.labels.extend(label.iter().enumerate().map(|(j, y)| ([t, b, j], from_i128(*y))));
            }
        }
        (self.z, self.h, self.g) = (field(&s.z), field(&s.h), field(&s.g));
        (self.a_update, self.g_update) = (self.a.clone(), self.g.clone());
        self.bits.clone_from(&s.bits);
        self.end = stack(&s.weights);
        self.committed_end = stack(&(s.hooks.end)(s));
    }

    /// All committed rows in the order of [`RowBases`], as long as the columns.
    #[must_use]
    pub fn rows(&self, shape: &Shape, start_committed: bool) -> Vec<Vec<Scalar>> {
        let mut rows = self.points.clone();
        if start_committed {
            rows.extend(weight_rows(shape, &self.committed_start));
        }
        rows.extend(weight_rows(shape, &self.committed_end));
        rows.extend(cell_rows(shape, &self.bits));
        rows.iter_mut().for_each(|row| row.resize(shape.columns, Scalar::ZERO));
        let bases = RowBases::new(shape, start_committed);
        for (kind, row, column, value) in &self.junk {
            let base = match kind {
                Kind::Points => Some(0),
                Kind::Start => bases.start,
                Kind::End => Some(bases.end),
                Kind::Cells => Some(bases.cells),
            };
            if let Some(base) = base {
                rows[base + row][*column] += value;
            }
        }
        rows
    }

    /// The bits of real cells and fields: all that committed rows can say about them.
    #[must_use]
    pub fn real_bits(&self, shape: &Shape) -> BTreeMap<Cell, Vec<Scalar>> {
        let exists = |c: &&Cell| is_real(shape, c);
        let cut = |c: &Cell, bits: &[Scalar]| {
            let n = field_bits(shape, c[0]);
            bits.iter().enumerate().map(|(q, b)| if q < n { *b } else { Scalar::ZERO }).collect()
        };
        self.bits.iter().filter(|(c, _)| exists(c)).map(|(c, bits)| (*c, cut(c, bits))).collect()
    }
}

/// Whether a cell exists.
#[must_use]
pub fn is_real(shape: &Shape, [l, t, b, j]: &Cell) -> bool {
    *l < shape.layers() && *t < shape.steps() && *b < shape.batch && *j < shape.outputs(*l)
}

/// Whether a weight (l, c, k, j) exists.
#[must_use]
pub fn weight_exists(shape: &Shape, [l, c, k, j]: &[usize; 4]) -> bool {
    let inputs = if *c == 0 { shape.widths.get(*l) } else { Some(&1) };
    *l < shape.layers() && inputs.is_some_and(|d| k < d) && *j < shape.outputs(*l)
}

/// Bits that exist in a cell of a slot.
#[must_use]
pub fn field_bits(shape: &Shape, slot: usize) -> usize {
    if shape.is_output(slot) { shape.format.output_bits() } else { shape.format.hidden_bits() }
}

/// Rows of weights; columns behind a short row's end take what lies beyond the real inputs, as a cheat would.
fn weight_rows(shape: &Shape, weights: &Tensor<4>) -> Vec<Vec<Scalar>> {
    let mut rows = Vec::new();
    for slot in 0..shape.layers() {
        let (packing, width) = (weight_packing(shape, slot), shape.outputs(slot));
        let at = |c: usize, k: usize, j: usize| weights.get(&[slot, c, k, j]).copied().unwrap_or(Scalar::ZERO);
        for row in 0..packing.rows() {
            let items = full(&packing, row);
            rows.push(items.flat_map(|k| (0..width).map(move |j| at(0, k, j))).take(shape.columns).collect());
        }
        rows.push((0..shape.columns).map(|j| at(1, 0, j)).collect());
    }
    rows
}

/// The items that a row would hold if there were enough.
fn full(packing: &Packing, row: usize) -> std::ops::Range<usize> {
    let first = row << packing.log;
    first..first + (1 << packing.log)
}

/// Rows of cells; columns behind a short row's end take cells beyond the real ones, as a cheat would.
fn cell_rows(shape: &Shape, bits: &BTreeMap<Cell, Vec<Scalar>>) -> Vec<Vec<Scalar>> {
    let mut rows = Vec::new();
    for slot in 0..shape.layers() {
        let length = 8 * shape.stride(slot);
        let cell = |c: Cell| {
            let mut columns = bits.get(&c).cloned().unwrap_or_default();
            columns.resize(length, Scalar::ZERO);
            columns
        };
        for t in 0..shape.steps() {
            match CellPacking::new(shape, slot) {
                CellPacking::Examples(packing) => rows.extend((0..packing.rows()).map(|row| {
                    let width = shape.outputs(slot);
                    full(&packing, row).flat_map(|b| (0..width).flat_map(move |j| cell([slot, t, b, j]))).collect()
                })),
                CellPacking::Neurons(packing) => rows.extend((0..shape.batch).flat_map(|b| {
                    (0..packing.rows())
                        .map(move |row| full(&packing, row).flat_map(|j| cell([slot, t, b, j])).collect())
                })),
            }
        }
    }
    rows.into_iter().map(|row: Vec<Scalar>| row.into_iter().take(shape.columns).collect()).collect()
}

/// The packed form of an honest witness: what the fast provers take.
#[derive(Debug, Clone)]
pub struct Packed {
    /// Packed cells of every slot.
    pub cells: Vec<Vec<u8>>,
    /// Features of all points.
    pub features: Vec<i32>,
    /// Class of every point.
    pub labels: Vec<u32>,
    /// W_0 by slot.
    pub start: Vec<Vec<i64>>,
    /// W_T by slot.
    pub end: Vec<Vec<i64>>,
}

impl Packed {
    /// Packs.
    #[must_use]
    pub fn new(sample: &Sample, witness: &Witness) -> Self {
        let shape = &sample.shape;
        Self {
            cells: (0..shape.layers()).map(|slot| pack_slot(shape, witness, slot)).collect(),
            end: flatten(shape, &witness.end),
            ..Self::untrained(sample, witness)
        }
    }

    /// Packs data and start, of a training that got no further.
    #[must_use]
    pub fn untrained(sample: &Sample, witness: &Witness) -> Self {
        let class = |y: &Vec<i128>| y.iter().position(|v| *v == 1).unwrap_or(0) as u32;
        Self {
            cells: Vec::new(),
            features: sample.features.iter().flatten().map(|x| *x as i32).collect(),
            labels: sample.labels.iter().map(class).collect(),
            start: flatten(&sample.shape, &witness.start),
            end: Vec::new(),
        }
    }

    /// Borrows it.
    #[must_use]
    pub fn witness(&self) -> zkdl_arguments::Witness<'_> {
        zkdl_arguments::Witness {
            cells: self.cells.iter().map(Vec::as_slice).collect(),
            features: &self.features,
            labels: &self.labels,
            start: self.start.iter().map(Vec::as_slice).collect(),
            end: self.end.iter().map(Vec::as_slice).collect(),
        }
    }
}

fn pack_slot(shape: &Shape, witness: &Witness, slot: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for t in 0..shape.steps() {
        for b in 0..shape.batch {
            for j in 0..shape.outputs(slot) {
                let bits = &witness.bits[&[slot, t, b, j]];
                let byte =
                    |i: usize| (0..8).filter(|k| bits.get(8 * i + k) == Some(&Scalar::ONE)).map(|k| 1 << k).sum::<u8>();
                bytes.extend((0..shape.stride(slot)).map(byte));
            }
        }
    }
    bytes
}

/// Weights by slot, `[k][j]` with the bias last.
#[must_use]
pub fn flatten(shape: &Shape, weights: &Tensor<4>) -> Vec<Vec<i64>> {
    let entry = |c: usize, l: usize, k: usize, j: usize| {
        weights.get(&[l, c, k, j]).map_or(0, |w| crate::trainer::centered(w) as i64)
    };
    let slot = |l: usize| {
        let width = shape.outputs(l);
        let main = (0..shape.widths[l]).flat_map(|k| (0..width).map(move |j| entry(0, l, k, j)));
        main.chain((0..width).map(|j| entry(1, l, 0, j))).collect()
    };
    (0..shape.layers()).map(slot).collect()
}
