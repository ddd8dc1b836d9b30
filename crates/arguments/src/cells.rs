//! The prover's work for the cell rounds of zkReLU, neuron variables first.
//!
//! While neurons are bound, every weight is a scalar of the row (l, t, b) times one of three column tables, eq(j*, .),
//! eq(r_k, .), eq(r_j, .), and each table is `scale eq(p_i,X) rest(j)`. So the round polynomial is a sum of three products
//! of a linear factor with a quadratic: see [`times_eq`]. What is linear in the cells needs no table of its own: it is one
//! vector over neurons for each column table.
//!
//! The first two rounds read the cells themselves and bind them on the way; tables of scalars ([`CellTables`]) exist from the
//! third on, when four neurons have become one entry: 32 bytes a cell.
//!
//! Cost a cell: two passes over its bytes (n look-ups and a few small multiply-adds each), then, for every four cells, 9
//! multiplications and 12 delayed multiply-adds a pair and round, 4 multiplications to fold.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "prover only: cells and tables that it holds"
)]

use crate::axis::dense;
use crate::bits::{Quadratic, times_eq};
use crate::cell_tables::{CellTables, SlotCells};
use crate::relu::{CellWeights, Column, Part};
use crate::shape::Shape;
use crate::witness::{View, Witness, cell_view};
use rayon::prelude::*;
use zkdl_field::multilinear::{eq, eq_table, fold};
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck::{RoundPolynomial, SumOfProducts, SumProver, Term};

/// Row weights of a slot for the quadratic parts.
#[derive(Debug, Clone)]
pub struct SlotWeights {
    /// `(1-neg) Z''` at r_k.
    pub a: Vec<Scalar>,
    /// `(1-neg) K` at j*.
    pub g_j: Vec<Scalar>,
    /// `(1-neg) K` at r_j.
    pub g_rj: Vec<Scalar>,
    /// `b^2 - b` at j*.
    pub bit: Vec<Scalar>,
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

    /// The table without its next variable.
    fn rest(&self) -> Vec<Scalar> {
        eq_table(&self.point[..self.point.len() - 1])
    }
}

/// The prover's state.
pub struct CellSum<'a> {
    shape: &'a Shape,
    witness: &'a Witness<'a>,
    weights: &'a CellWeights,
    tables: Vec<CellTables<'a>>,
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
    /// `worth[p][v]` is what byte value v at place p adds to b(x, r_q).
    #[must_use]
    pub fn new(shape: &'a Shape, witness: &'a Witness<'a>, weights: &'a CellWeights, worth: &'a [Vec<Scalar>]) -> Self {
        let columns = [Column::J, Column::K, Column::Rj]
            .map(|c| ColumnTable { point: weights.column(c).to_vec(), scale: Scalar::ONE });
        let tables = (0..shape.layers()).map(|slot| CellTables::Bytes(SlotCells::new(shape, witness, slot, worth)));
        let mut sum = Self {
            shape,
            witness,
            weights,
            tables: tables.collect(),
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
        let rest: [Vec<Scalar>; 3] = std::array::from_fn(|i| self.columns[i].rest());
        let slots = self.tables.par_iter().zip(&self.row_weights);
        let mut sums =
            slots.map(|(tables, weights)| tables.round(&rest, weights)).reduce(Default::default, add_quadratics);
        for (column, linear) in self.linear.iter().enumerate() {
            for (pair, e) in linear.chunks(2).zip(&rest[column]) {
                sums[column][0] += e * pair[0];
                sums[column][1] += e * pair.get(1).unwrap_or(&Scalar::ZERO);
            }
        }
        let parts: [RoundPolynomial; 3] = std::array::from_fn(|i| {
            let column = &self.columns[i];
            times_eq(&column.scale, column.point.last().unwrap_or(&Scalar::ZERO), sums[i])
        });
        let higher = |k: usize| parts.iter().map(|p| p.higher[k]).sum();
        RoundPolynomial { constant: parts.iter().map(|p| p.constant).sum(), higher: vec![higher(0), higher(1)] }
    }

    fn finish_inner(&mut self) {
        if self.bound.len() == self.shape.log_width() {
            self.outer = Some(self.outer_sum());
        }
    }

    /// The sum over (l, t, b) that is left: weights, linear parts, neg, Z'', K, b.
    fn outer_sum(&self) -> SumOfProducts {
        let point: Vec<Scalar> = self.bound.iter().rev().copied().collect();
        let mut tables: Vec<Vec<Scalar>> = PARTS.iter().map(|part| self.weights.outer_table(*part, &point)).collect();
        tables.extend(self.linear_values(&eq_table(&point)));
        let firsts: Vec<[Vec<Scalar>; 4]> = self.tables.iter().map(CellTables::firsts).collect();
        tables.extend((0..4).map(|table| {
            let rows: Vec<Vec<Scalar>> = firsts.iter().map(|slot| slot[table].clone()).collect();
            dense(self.shape, &rows)
        }));
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
    fn linear_values(&self, at_x: &[Scalar]) -> [Vec<Scalar>; 3] {
        let rows = |slot: usize, view| {
            let cells = cell_view(self.shape, self.witness, slot, view);
            cells.times(0..cells.height(), at_x)
        };
        let (hidden, last) = (0..self.shape.layers() - 1, self.shape.layers() - 1);
        let mut output = vec![Vec::new(); last];
        output.push(rows(last, View::H));
        let z: Vec<_> = hidden.clone().map(|slot| rows(slot, View::Z)).collect();
        let h: Vec<_> = hidden.map(|slot| rows(slot, View::H)).collect();
        [z, h, output].map(|rows| dense(self.shape, &rows))
    }
}

/// Sums of three quadratics.
pub fn add_quadratics(a: [Quadratic; 3], b: [Quadratic; 3]) -> [Quadratic; 3] {
    std::array::from_fn(|i| std::array::from_fn(|k| a[i][k] + b[i][k]))
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
    for slot in 0..shape.layers() {
        let views = if shape.is_output(slot) {
            vec![(View::H, Part::O, Column::J, 0)]
        } else {
            vec![(View::Z, Part::Z, Column::J, 0), (View::H, Part::H, Column::K, 1)]
        };
        for (view, part, column, total) in views {
            let row_weights = weights.row_weights(shape, part, column, slot);
            let sums = cell_view(shape, witness, slot, view).combine(0, &row_weights);
            for (total, sum) in totals[total].iter_mut().zip(sums) {
                *total += sum;
            }
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
        self.tables.par_iter_mut().for_each(|tables| tables.bind(r));
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
