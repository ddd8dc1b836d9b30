//! Which committed rows each claim is about, and with what public weights.
//!
//! A query says `sum over classes <E, p> = v` with hidden v. Data rows are selected by the public schedule: the batch of step
//! t is idx(t, .), so a claim on `A^0(r_t, beta, r_k)` is a claim on `sum_i w_i C_i`, `w_i` the sum of
//! `eq(r_t,t) eq(beta,b)` over all (t,b) with idx(t,b) = i. No row outside the schedule and no column outside features and
//! label gets a weight.

use crate::axis::outer;
use crate::forward;
use crate::relu::{self, BitClaim};
use crate::rows::{
    CellPacking, Class, Classes, cell_row_count, column_weights, first, weight_packing, weight_row_count,
};
use crate::shape::{Shape, size};
use zkdl_commit::pedersen::Hidden;
use zkdl_field::multilinear::{eq_index, eq_table};
use zkdl_field::scalar::pow2;
use zkdl_field::{Field, Scalar};

/// Where the kinds of rows start in the one list of all committed rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowBases {
    /// Rows of W_0, if committed.
    pub start: Option<usize>,
    /// Rows of W_T.
    pub end: usize,
    /// Rows of cells.
    pub cells: usize,
    /// Number of rows.
    pub total: usize,
}

impl RowBases {
    /// Data points first, then W_0 if it is committed, W_T, cells.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "points, weights and cells are counted: `Shape::validate`")]
    pub fn new(shape: &Shape, start_committed: bool) -> Self {
        let weights = weight_row_count(shape);
        let end = shape.points + if start_committed { weights } else { 0 };
        let cells = end + weights;
        Self { start: start_committed.then_some(shape.points), end, cells, total: cells + cell_row_count(shape) }
    }
}

/// A claim about committed rows.
#[derive(Debug, Clone)]
pub struct Query<H> {
    /// Name of what is opened.
    pub name: &'static str,
    /// The classes of rows it sums over.
    pub classes: Vec<Class>,
    /// Its hidden value.
    pub value: H,
}

/// All queries of a window, in order.
#[must_use]
pub fn queries<H: Hidden>(
    shape: &Shape,
    bases: &RowBases,
    at: relu::Points<'_>,
    claims: relu::Inputs<'_, H>,
    bits: BitClaim<H>,
) -> Vec<Query<H>> {
    let (f, b, u) = (at.forward, at.backward, at.update);
    let mut queries = vec![Query { name: "bits", classes: bit_classes(shape, bases.cells, &bits), value: bits.value }];
    let weights = |name, base, l: &[Scalar], c: Scalar, j: &[Scalar], value: &H| Query {
        name,
        classes: weight_classes(shape, base, l, c, &f.rk, j),
        value: value.clone(),
    };
    if let Some(base) = bases.start {
        let [v_1, v_2, v_3] = &claims.update.w0;
        queries.push(weights("W_0", base, &f.rl, f.rc, &f.j, v_1));
        queries.push(weights("W_0", base, &b.l, Scalar::ZERO, &b.j, v_2));
        queries.push(weights("W_0", base, &b.l, f.rc, &b.j, v_3));
    }
    queries.push(weights("W_T", bases.end, &b.l, f.rc, &b.j, &claims.update.w_t));
    let features = |t: &[Scalar], b: &[Scalar], value: &H| Query {
        name: "features",
        classes: vec![feature_class(shape, t, b, &f.rk)],
        value: value.clone(),
    };
    queries.push(features(&f.rt, &f.beta, &claims.forward.a_0));
    queries.push(features(&u.s, &u.b, &claims.update.a_0));
    queries.push(Query { name: "labels", classes: vec![label_class(shape, f)], value: claims.forward.y.clone() });
    queries
}

/// `w_i` for every scheduled point, times `scale`.
#[expect(clippy::indexing_slicing, reason = "scheduled points exist: `Shape::validate_schedule`")]
fn schedule_weights(shape: &Shape, t: &[Scalar], b: &[Scalar], scale: Scalar) -> Vec<(usize, Scalar)> {
    let (at_t, at_b) = (eq_table(t), eq_table(b));
    let mut weights = vec![None::<Scalar>; shape.points];
    for (step, e_t) in shape.schedule.iter().zip(&at_t) {
        for (i, e_b) in step.iter().zip(&at_b) {
            *weights[size(*i)].get_or_insert(Scalar::ZERO) += scale * e_t * e_b;
        }
    }
    weights.into_iter().enumerate().filter_map(|(i, w)| w.map(|w| (i, w))).collect()
}

/// Features at r_k, `A^0 = 2^(f_A - f_X) x`; label columns carry weight 0, what lies behind them is slack.
#[expect(clippy::arithmetic_side_effects, reason = "f_X is at most f_A: `Shape::validate`")]
fn feature_class(shape: &Shape, t: &[Scalar], b: &[Scalar], k: &[Scalar]) -> Class {
    let scale = pow2(shape.format.f_a - shape.format.f_x);
    let mut columns = first(&eq_table(k), shape.features()).to_vec();
    columns.extend(vec![Scalar::ZERO; shape.classes()]);
    Class { rows: schedule_weights(shape, t, b, scale), columns }
}

/// Labels at j*, `Y = 2^f_A label`; they lie behind the features.
fn label_class(shape: &Shape, f: &forward::Point) -> Class {
    let mut columns = vec![Scalar::ZERO; shape.features()];
    columns.extend_from_slice(first(&eq_table(&f.j), shape.classes()));
    Class { rows: schedule_weights(shape, &f.tau, &f.beta, pow2(shape.format.f_a)), columns }
}

/// Which rows of cells share their column weights.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct CellKey {
    output: bool,
    /// Width of a packed example; nothing if the row packs neurons.
    width: Option<usize>,
    log: usize,
    items: usize,
}

fn bit_classes<H>(shape: &Shape, base: usize, claim: &BitClaim<H>) -> Vec<Class> {
    let mut classes = Classes::new();
    let mut row = base;
    let at_t = eq_table(&claim.t);
    for slot in 0..shape.layers() {
        let layer = eq_index(&claim.l, slot);
        let steps: Vec<Scalar> = first(&at_t, shape.steps()).iter().map(|e_t| layer * e_t).collect();
        row = add_cell_rows(&mut classes, shape, slot, claim, &steps, row);
    }
    classes.finish()
}

/// Adds the rows of one slot, the first with index `row`, with the weights of its steps; returns the index behind the last.
#[expect(clippy::arithmetic_side_effects, reason = "rows are counted: `RowBases::new`")]
fn add_cell_rows<H>(
    classes: &mut Classes<CellKey>,
    shape: &Shape,
    slot: usize,
    claim: &BitClaim<H>,
    steps: &[Scalar],
    mut row: usize,
) -> usize {
    let (output, cell) = (shape.is_output(slot), shape.cell_columns(slot));
    let bits = if output { &claim.output } else { &claim.hidden };
    let at_j = eq_table(&claim.j);
    // What is packed, with its point; the axis outside the rows; the columns of one item; its width if that is an example.
    let (packing, point, outside, item, width) = match CellPacking::new(shape, slot) {
        CellPacking::Examples(packing) => {
            let width = shape.outputs(slot);
            let example = column_weights(first(&at_j, width), bits, cell);
            (packing, &claim.b, vec![Scalar::ONE], example, Some(width))
        }
        CellPacking::Neurons(packing) => {
            let examples = first(&eq_table(&claim.b), shape.batch).to_vec();
            (packing, &claim.j, examples, column_weights(&[Scalar::ONE], bits, cell), None)
        }
    };
    let (high, low) = packing.split(point);
    for weight in outer(&[steps.to_vec(), outside]) {
        for (i, e) in (0..packing.rows()).zip(&high) {
            let items = packing.range(i).len();
            let key = CellKey { output, width, log: packing.log, items };
            classes.add(key, row, weight * e, || column_weights(first(&low, items), &item, item.len()));
            row += 1;
        }
    }
    row
}

/// Which rows of weights share their column weights: width, log of items a row, items; no items for a bias row.
type WeightKey = (usize, usize, usize);

/// W at (l; c, k, j): weights carry (1 - c) eq(k, .), the bias c eq(k, 0).
#[expect(clippy::arithmetic_side_effects, reason = "rows are counted: `RowBases::new`")]
fn weight_classes(shape: &Shape, base: usize, l: &[Scalar], c: Scalar, k: &[Scalar], j: &[Scalar]) -> Vec<Class> {
    let mut classes: Classes<WeightKey> = Classes::new();
    let at_j = eq_table(j);
    let mut row = base;
    for slot in 0..shape.layers() {
        let packing = weight_packing(shape, slot);
        let neurons = first(&at_j, shape.outputs(slot));
        let (high, low) = packing.split(k);
        let layer = eq_index(l, slot);
        for (i, e) in (0..packing.rows()).zip(&high) {
            let items = packing.range(i).len();
            let weight = layer * (Scalar::ONE - c) * e;
            let columns = || column_weights(first(&low, items), neurons, neurons.len());
            classes.add((neurons.len(), packing.log, items), row, weight, columns);
            row += 1;
        }
        classes.add((neurons.len(), 0, 0), row, layer * c * eq_index(k, 0), || neurons.to_vec());
        row += 1;
    }
    classes.finish()
}
