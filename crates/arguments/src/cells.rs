//! The prover's work for the cell rounds of zkReLU, neuron variables first.
//!
//! While neurons are bound, every weight is a scalar of the row (l, t, b) times one of three column tables, eq(j*, .),
//! eq(r_k, .), eq(r_j, .), and each table is `scale eq(p_i,X) rest(j)`. So the round polynomial is a sum of three products
//! of a linear factor with a quadratic: see [`times_eq`]. What is linear in the cells needs no table of its own: it is one
//! vector over neurons for each column table.
//!
//! Cost a pair of cells: 9 multiplications and 12 delayed multiply-adds a round, 4 multiplications to fold.

use crate::axis::dense;
use crate::bits::{Quadratic, times_eq};
use crate::relu::{CellWeights, Column, Part};
use crate::shape::Shape;
use crate::witness::{HiddenCell, OutputCell, Witness};
use rayon::prelude::*;
use zeroize::Zeroize;
use zkdl_field::multilinear::{eq, eq_table, fold};
use zkdl_field::scalar::{ProductSum, SmallDot, SmallSum, from_i64};
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck::{RoundPolynomial, SumOfProducts, SumProver, Term};

/// Rows of equal width, folded together.
#[derive(Debug, Clone)]
struct Stack {
    width: usize,
    values: Vec<Scalar>,
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

impl Stack {
    fn row(&self, i: usize) -> &[Scalar] {
        &self.values[i * self.width..(i + 1) * self.width]
    }

    fn fold(&mut self, r: &Scalar) {
        let half = self.width.div_ceil(2);
        let fold_row = |row: &[Scalar]| -> Vec<Scalar> {
            row.chunks(2).map(|pair| pair[0] + r * (high(pair) - pair[0])).collect()
        };
        self.values = self.values.par_chunks(self.width).flat_map_iter(fold_row).collect();
        self.width = half;
    }
}

/// The second of a pair, zero by padding.
fn high(pair: &[Scalar]) -> Scalar {
    pair.get(1).copied().unwrap_or(Scalar::ZERO)
}

/// The four tables of a slot: rows (t, b), columns j.
struct Slot {
    neg: Stack,
    relu: Stack,
    k: Stack,
    bit: Stack,
}

/// Row weights of a slot for the quadratic parts.
struct SlotWeights {
    /// `(1-neg) Z''` at r_k.
    a: Vec<Scalar>,
    /// `(1-neg) K` at j*.
    g_j: Vec<Scalar>,
    /// `(1-neg) K` at r_j.
    g_rj: Vec<Scalar>,
    /// `b^2 - b` at j*.
    bit: Vec<Scalar>,
}

/// One column table: point not yet bound, scale from what is bound.
struct ColumnTable {
    point: Vec<Scalar>,
    scale: Scalar,
}

impl ColumnTable {
    fn bind(&mut self, r: &Scalar) {
        if let Some(p) = self.point.pop() {
            self.scale *= eq(&[p], &[*r]);
        }
    }
}

/// The prover's state.
pub struct CellSum<'a> {
    shape: &'a Shape,
    witness: &'a Witness<'a>,
    weights: &'a CellWeights,
    slots: Vec<Slot>,
    row_weights: Vec<SlotWeights>,
    /// By [`Column`].
    columns: [ColumnTable; 3],
    /// The linear parts at j* and at r_k, over neurons.
    linear: [Vec<Scalar>; 2],
    /// Challenges so far, in the order of binding.
    bound: Vec<Scalar>,
    outer: Option<SumOfProducts>,
}

/// Tables of the outer sum, in order.
const PARTS: [Part; 6] = [Part::Z, Part::H, Part::O, Part::A, Part::G, Part::Bit];
const NEG: usize = 9;
const RELU: usize = 10;
const K: usize = 11;
const BIT: usize = 12;

impl<'a> CellSum<'a> {
    /// `bits` is b(x, r_q) by slot.
    #[must_use]
    pub fn new(shape: &'a Shape, witness: &'a Witness<'a>, weights: &'a CellWeights, bits: Vec<Vec<Scalar>>) -> Self {
        let slots = bits.into_iter().enumerate().map(|(slot, bits)| tables(shape, witness, slot, bits)).collect();
        let columns = [Column::J, Column::K, Column::Rj]
            .map(|c| ColumnTable { point: weights.column(c).to_vec(), scale: Scalar::ONE });
        let mut sum = Self {
            shape,
            witness,
            weights,
            slots,
            row_weights: (0..shape.layers()).map(|slot| slot_weights(shape, weights, slot)).collect(),
            columns,
            linear: linear(shape, witness, weights),
            bound: Vec::new(),
            outer: None,
        };
        sum.finish_inner();
        sum
    }

    /// neg, Z'', K and b at the point.
    #[must_use]
    pub fn values(&self) -> [Scalar; 4] {
        let value = |table| self.outer.as_ref().map_or(Scalar::ZERO, |o| o.value(table));
        [NEG, RELU, K, BIT].map(value)
    }

    fn neuron_round(&self) -> RoundPolynomial {
        let rest: [Vec<Scalar>; 3] =
            std::array::from_fn(|i| eq_table(&self.columns[i].point[..self.columns[i].point.len() - 1]));
        let rows: Vec<(usize, usize)> = self
            .slots
            .iter()
            .enumerate()
            .flat_map(|(s, slot)| (0..slot.neg.values.len() / slot.neg.width).map(move |i| (s, i)))
            .collect();
        let mut sums = rows.into_par_iter().map(|(slot, row)| self.row_round(slot, row, &rest)).reduce(
            || [[Scalar::ZERO; 3]; 3],
            |a, b| std::array::from_fn(|i| std::array::from_fn(|k| a[i][k] + b[i][k])),
        );
        for (column, linear) in self.linear.iter().enumerate() {
            for (pair, e) in linear.chunks(2).zip(&rest[column]) {
                sums[column][0] += e * pair[0];
                sums[column][1] += e * high(pair);
            }
        }
        let parts: [RoundPolynomial; 3] = std::array::from_fn(|i| {
            let column = &self.columns[i];
            times_eq(&column.scale, column.point.last().unwrap_or(&Scalar::ZERO), sums[i])
        });
        let higher = |k: usize| parts.iter().map(|p| p.higher[k]).sum();
        RoundPolynomial { constant: parts.iter().map(|p| p.constant).sum(), higher: vec![higher(0), higher(1)] }
    }

    /// Quadratics at j*, r_k, r_j of one row, with the row's weights.
    fn row_round(&self, slot: usize, row: usize, rest: &[Vec<Scalar>; 3]) -> [Quadratic; 3] {
        let (tables, weights) = (&self.slots[slot], &self.row_weights[slot]);
        let [mut a, mut g_j, mut g_rj, mut bit] = [[ProductSum::default(); 3]; 4];
        let tables = [&tables.neg, &tables.relu, &tables.k, &tables.bit].map(|stack| stack.row(row));
        for (j, (e_j, (e_k, e_rj))) in
            (0..tables[0].len().div_ceil(2)).zip(rest[0].iter().zip(rest[1].iter().zip(&rest[2])))
        {
            let [neg, relu, k, b] = tables.map(|values| (values[2 * j], high(&values[2 * j..])));
            let keep = (Scalar::ONE - neg.0, Scalar::ONE - neg.1);
            let masked_relu = product(keep, relu);
            let masked_k = product(keep, k);
            let boolean = [b.0.square() - b.0, b.1.square() - b.1, (b.1 - b.0).square()];
            for i in 0..3 {
                a[i].add(e_k, &masked_relu[i]);
                g_j[i].add(e_j, &masked_k[i]);
                g_rj[i].add(e_rj, &masked_k[i]);
                bit[i].add(e_j, &boolean[i]);
            }
        }
        let at_j = |i: usize| weights.g_j[row] * g_j[i].reduce() + weights.bit[row] * bit[i].reduce();
        [
            std::array::from_fn(at_j),
            a.map(|s| weights.a[row] * s.reduce()),
            g_rj.map(|s| weights.g_rj[row] * s.reduce()),
        ]
    }

    fn finish_inner(&mut self) {
        if self.bound.len() == self.shape.log_width() {
            self.outer = Some(self.outer_sum());
        }
    }

    /// The sum over (l, t, b) that is left: weights, linear parts, neg, Z'', K, b.
    fn outer_sum(&self) -> SumOfProducts {
        let point: Vec<Scalar> = self.bound.iter().rev().copied().collect();
        let at_x = SmallDot::new(&eq_table(&point));
        let mut tables: Vec<Vec<Scalar>> = PARTS.iter().map(|part| self.weights.outer_table(*part, &point)).collect();
        tables.extend(self.linear_values(&at_x));
        let firsts = |pick: fn(&Slot) -> &Stack| {
            let rows: Vec<Vec<Scalar>> = self.slots.iter().map(|s| pick(s).values.clone()).collect();
            dense(self.shape, &rows)
        };
        tables.extend([firsts(|s| &s.neg), firsts(|s| &s.relu), firsts(|s| &s.k), firsts(|s| &s.bit)]);
        let term = |coefficient, factors: &[usize]| Term { coefficient, factors: factors.to_vec() };
        let (plus, minus) = (Scalar::ONE, -Scalar::ONE);
        let terms = vec![
            term(plus, &[0, 6]),
            term(plus, &[1, 7]),
            term(plus, &[2, 8]),
            term(plus, &[3, RELU]),
            term(minus, &[3, NEG, RELU]),
            term(plus, &[4, K]),
            term(minus, &[4, NEG, K]),
            term(plus, &[5, BIT, BIT]),
            term(minus, &[5, BIT]),
        ];
        SumOfProducts::new(tables, terms)
    }

    /// `2^R P + rem_Z`, `2^R K + rem_H`, `2^R_L G + rem_L` at the bound neurons, over (l, t, b).
    fn linear_values(&self, at_x: &SmallDot) -> [Vec<Scalar>; 3] {
        let mut rows = [const { Vec::new() }; 3];
        for (slot, cells) in self.witness.cells.iter().enumerate() {
            let stride = self.shape.stride(slot);
            let output = self.shape.is_output(slot);
            let row_values = |row: &[u8]| {
                let mut sums = [SmallSum::default(); 3];
                for (j, cell) in row.chunks_exact(stride).enumerate() {
                    for (sum, n) in sums.iter_mut().zip(linear_cell(self.shape, output, cell)) {
                        at_x.accumulate(sum, j, n);
                    }
                }
                sums.map(SmallSum::reduce)
            };
            let values: Vec<[Scalar; 3]> =
                cells.par_chunks_exact(self.shape.outputs(slot) * stride).map(row_values).collect();
            for (i, rows) in rows.iter_mut().enumerate() {
                rows.push(values.iter().map(|v| v[i]).collect::<Vec<_>>());
            }
        }
        rows.map(|rows| dense(self.shape, &rows))
    }
}

/// (value at 0, value at 1, leading coefficient) of a product of two lines given by their values at 0 and 1.
fn product(a: (Scalar, Scalar), b: (Scalar, Scalar)) -> Quadratic {
    [a.0 * b.0, a.1 * b.1, (a.1 - a.0) * (b.1 - b.0)]
}

/// z', h', o of a cell; what does not exist is zero.
fn linear_cell(shape: &Shape, output: bool, cell: &[u8]) -> [i64; 3] {
    if output {
        [0, 0, OutputCell::unpack(shape, cell).o]
    } else {
        let cell = HiddenCell::unpack(shape, cell);
        [cell.z, cell.h, 0]
    }
}

fn tables(shape: &Shape, witness: &Witness<'_>, slot: usize, bits: Vec<Scalar>) -> Slot {
    let width = shape.outputs(slot);
    let cells = witness.cells[slot].par_chunks_exact(shape.stride(slot));
    let stack = |values| Stack { width, values };
    if shape.is_output(slot) {
        let zero = vec![Scalar::ZERO; bits.len()];
        let k = cells.map(|c| from_i64(OutputCell::unpack(shape, c).g)).collect();
        return Slot { neg: stack(zero.clone()), relu: stack(zero), k: stack(k), bit: stack(bits) };
    }
    let cells: Vec<HiddenCell> = cells.map(|c| HiddenCell::unpack(shape, c)).collect();
    let values = |field: fn(&HiddenCell) -> i64| stack(cells.par_iter().map(|c| from_i64(field(c))).collect());
    Slot { neg: values(|c| i64::from(c.neg)), relu: values(|c| c.relu), k: values(|c| c.k), bit: stack(bits) }
}

fn slot_weights(shape: &Shape, weights: &CellWeights, slot: usize) -> SlotWeights {
    SlotWeights {
        a: weights.row_weights(shape, Part::A, Column::K, slot),
        g_j: weights.row_weights(shape, Part::G, Column::J, slot),
        g_rj: weights.row_weights(shape, Part::G, Column::Rj, slot),
        bit: weights.row_weights(shape, Part::Bit, Column::J, slot),
    }
}

/// `sum over rows of weight z'` (and o) at j*, of h' at r_k: one value for each neuron.
fn linear(shape: &Shape, witness: &Witness<'_>, weights: &CellWeights) -> [Vec<Scalar>; 2] {
    let mut totals = [const { Vec::new() }; 2].map(|_: Vec<Scalar>| vec![Scalar::ZERO; 1 << shape.log_width()]);
    for (slot, cells) in witness.cells.iter().enumerate() {
        let (width, stride, output) = (shape.outputs(slot), shape.stride(slot), shape.is_output(slot));
        let part = if output { Part::O } else { Part::Z };
        let at_j = SmallDot::new(&weights.row_weights(shape, part, Column::J, slot));
        let at_k = SmallDot::new(&weights.row_weights(shape, Part::H, Column::K, slot));
        let column = |j: usize| {
            let mut sums = [SmallSum::default(); 2];
            for row in 0..at_j.len() {
                let first = (row * width + j) * stride;
                let [z, h, o] = linear_cell(shape, output, &cells[first..first + stride]);
                at_j.accumulate(&mut sums[0], row, z + o);
                at_k.accumulate(&mut sums[1], row, h);
            }
            sums.map(SmallSum::reduce)
        };
        let columns: Vec<[Scalar; 2]> = (0..width).into_par_iter().map(column).collect();
        for (j, column) in columns.iter().enumerate() {
            totals[0][j] += column[0];
            totals[1][j] += column[1];
        }
    }
    totals
}

impl SumProver for CellSum<'_> {
    fn round(&self) -> RoundPolynomial {
        self.outer.as_ref().map_or_else(|| self.neuron_round(), SumOfProducts::round)
    }

    fn bind(&mut self, r: &Scalar) {
        if let Some(outer) = &mut self.outer {
            outer.bind(r);
            return;
        }
        for slot in &mut self.slots {
            for stack in [&mut slot.neg, &mut slot.relu, &mut slot.k, &mut slot.bit] {
                stack.fold(r);
            }
        }
        for column in &mut self.columns {
            column.bind(r);
        }
        for linear in &mut self.linear {
            fold(linear, r);
        }
        self.bound.push(*r);
        self.finish_inner();
    }
}
