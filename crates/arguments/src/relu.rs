//! zkReLU over committed bits (zkDL section 3): every committed bit is 0 or 1, and Z, H, A and G are what they say.
//!
//! Per hidden cell the bits of K (Q_G, two's complement), rem_H (R), P (Q, two's complement, top bit `neg`), rem_Z (R);
//! per output cell G (Q_G) and rem_L (R_L). Z'' are the low Q - 1 bits of P. Relations, sums over real cells x:
//!
//! ```text
//! a = sum (1-neg) Z'' w_A      g = sum (1-neg) K w_G      h + 2^(R-1) I_h = sum_hidden w_H (2^R K + rem_H)
//! z + 2^(R-1) I_z - eq(lam,L-1) (2^f_W y - 2^(R_L-1) iota)
//!     = sum_hidden w_Z (2^R P + rem_Z) + sum_output w_Z / c_t (2^R_L G + rem_L)
//! ```
//!
//! ```text
//! V: mu_q;  mu = (lam, tau, beta, j*; mu_q)
//! (A) sumcheck over the bit variables (degree 3) of 0 = sum_{x,q} eq(mu,(x,q)) (b^2 - b)
//! V: alpha_0..alpha_7
//! (B) sumcheck over the cells j, b, t, l (degree 3): the alpha combination of all claims above, and alpha_7 times
//!     what (A) left, eq(mu_q,r_q) sum_x eq(mu_x,x) (b(x,r_q)^2 - b(x,r_q))
//! P: Com neg, Com U = w_A Z'' + w_G K, Com b at the point x; Com neg U, Com b^2;  products
//! V: gamma_0..gamma_2
//! (C) one claim about the bits at x, linear in them, opened with the column weights of [`bit_weights`]:
//!     last - (U - neg U) - alpha_7 eq(mu,(x,r_q)) (b^2 - b) + gamma_0 neg + gamma_1 U + gamma_2 b
//! ```
//!
//! Two's complement and half-open remainders make the decomposition unique, also at zero and at ties.

use crate::axis::{Axis, inverse_multipliers, outer};
use crate::bits::{BitSum, CellRows, RowWeights};
use crate::cells::CellSum;
use crate::progress::Argument;
use crate::rows::first;
use crate::shape::{Shape, Views};
use crate::witness::Witness;
use crate::{backward, forward, update};
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_commit::sigma::Product;
use zkdl_field::multilinear::{eq, eq_index, eq_table, prefix};
use zkdl_field::scalar::{dot, pow2};
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck as sumcheck;
use zkdl_transcript::ReadError;

/// All points bound before zkReLU.
#[derive(Debug, Clone, Copy)]
pub struct Points<'a> {
    /// Of the forward argument.
    pub forward: &'a forward::Point,
    /// Of the backward argument.
    pub backward: &'a backward::Point,
    /// Of the update argument.
    pub update: &'a update::Point,
}

/// All claims that zkReLU discharges.
#[derive(Debug)]
pub struct Inputs<'a, H> {
    /// Of the forward argument.
    pub forward: &'a forward::Claims<H>,
    /// Of the backward argument.
    pub backward: &'a backward::Claims<H>,
    /// Of the update argument.
    pub update: &'a update::Claims<H>,
}

impl<H> Clone for Inputs<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Inputs<'_, H> {}

/// A claim that is linear in the committed bits: the sum over classes of `<E, p>` with the public weights of every bit.
#[derive(Debug, Clone)]
pub struct BitClaim<H> {
    /// Layer coordinates of the cell point.
    pub l: Vec<Scalar>,
    /// Step coordinates.
    pub t: Vec<Scalar>,
    /// Example coordinates.
    pub b: Vec<Scalar>,
    /// Neuron coordinates.
    pub j: Vec<Scalar>,
    /// Weight of every bit of a hidden cell.
    pub hidden: Vec<Scalar>,
    /// Weight of every bit of an output cell.
    pub output: Vec<Scalar>,
    /// What it says.
    pub value: H,
}

/// The claims it leaves behind.
#[derive(Debug, Clone)]
pub struct Claims<H> {
    /// To be opened.
    pub bits: BitClaim<H>,
    /// `neg U` and `b b`.
    pub products: [Product<H>; 2],
}

/// What a cell weight multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `2^R P + rem_Z` of hidden cells.
    Z,
    /// `2^R K + rem_H` of hidden cells.
    H,
    /// `2^R_L G + rem_L` of output cells.
    O,
    /// `(1-neg) Z''`.
    A,
    /// `(1-neg) K`.
    G,
    /// `b^2 - b`.
    Bit,
}

/// The point that a weight's neuron axis stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// j*.
    J,
    /// r_k.
    K,
    /// r_j.
    Rj,
}

/// `coefficient l(l) t(t) b(b) eq(column, j)`.
struct Weight {
    part: Part,
    coefficient: Scalar,
    l: Axis,
    t: Axis,
    b: Axis,
    column: Column,
}

/// All cell weights of the batched claim.
pub struct CellWeights {
    weights: Vec<Weight>,
    columns: [Vec<Scalar>; 3],
}

impl CellWeights {
    /// The weights for coefficients alpha; `at_bit` is eq(mu_q,r_q).
    #[must_use]
    pub fn new(shape: &Shape, at: Points<'_>, alpha: &[Scalar; 8], at_bit: Scalar) -> Self {
        let [z, h, a_f, a_u, g_b, g_2, g_3, bit] = *alpha;
        let (f, b, u) = (at.forward, at.backward, at.update);
        let weight =
            |part, coefficient, l, t, b: &[Scalar], column| Weight { part, coefficient, l, t, b: Axis::eq(b), column };
        let weights = vec![
            weight(Part::Z, z, Axis::hidden(shape, &f.lam), Axis::eq(&f.tau), &f.beta, Column::J),
            weight(Part::O, z, Axis::output(shape, &f.lam), Axis::over_multiplier(shape, &f.tau), &f.beta, Column::J),
            weight(Part::H, h, Axis::hidden(shape, &f.rl), Axis::eq(&f.rt), &f.beta, Column::K),
            weight(Part::A, a_f, Axis::shift(shape, &f.rl), Axis::eq(&f.rt), &f.beta, Column::K),
            weight(Part::A, a_u, Axis::shift(shape, &u.l), Axis::eq(&u.s), &u.b, Column::K),
            weight(Part::G, g_b, Axis::eq(&b.l), Axis::eq(&b.t), &f.beta, Column::Rj),
            weight(Part::G, g_2, Axis::eq(&u.l), Axis::eq(&u.s), &u.b, Column::J),
            weight(Part::G, g_3, Axis::eq(&u.l), Axis::eq(&u.s), &u.b, Column::Rj),
            weight(Part::Bit, bit * at_bit, Axis::eq(&f.lam), Axis::eq(&f.tau), &f.beta, Column::J),
        ];
        Self { weights, columns: [f.j.clone(), f.rk.clone(), b.j.clone()] }
    }

    /// The point of a column table.
    #[must_use]
    pub fn column(&self, column: Column) -> &[Scalar] {
        match column {
            Column::J => &self.columns[0],
            Column::K => &self.columns[1],
            Column::Rj => &self.columns[2],
        }
    }

    fn of(&self, part: Part) -> impl Iterator<Item = &Weight> {
        self.weights.iter().filter(move |w| w.part == part)
    }

    /// For slot and part: the factor of eq(column, j) for every real row, `t * batch + b`.
    #[must_use]
    #[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "prover only: the cube has all slots")]
    pub fn row_weights(&self, shape: &Shape, part: Part, column: Column, slot: usize) -> Vec<Scalar> {
        let mut total = vec![Scalar::ZERO; shape.steps() * shape.batch];
        for w in self.of(part).filter(|w| w.column == column) {
            let l = w.coefficient * w.l.table()[slot];
            let (t, b) = (w.t.table(), w.b.table());
            let rows = outer(&[first(&t, shape.steps()).to_vec(), first(&b, shape.batch).to_vec()]);
            for (sum, row) in total.iter_mut().zip(rows) {
                *sum += l * row;
            }
        }
        total
    }

    /// The weight over the whole cube (l, t, b) at a bound neuron point.
    #[must_use]
    pub fn outer_table(&self, part: Part, j: &[Scalar]) -> Vec<Scalar> {
        let mut total = Vec::new();
        for w in self.of(part) {
            let scale = w.coefficient * eq(self.column(w.column), j);
            let table = outer(&[w.l.table(), w.t.table(), w.b.table()]);
            total.resize(table.len(), Scalar::ZERO);
            for (sum, entry) in total.iter_mut().zip(table) {
                *sum += scale * entry;
            }
        }
        total
    }

    /// The weight at a cell point (l, t, b, j).
    fn at(&self, part: Part, [l, t, b, j]: [&[Scalar]; 4]) -> Scalar {
        self.of(part).map(|w| w.coefficient * w.l.at(l) * w.t.at(t) * w.b.at(b) * eq(self.column(w.column), j)).sum()
    }
}

/// The claim of (B): the alpha combination of all claims, with the public constants of the two roundings, and f_A.
#[expect(clippy::arithmetic_side_effects, reason = "R and R_L are at least 1: `Shape::validate`")]
fn batched_claim<H: Hidden>(shape: &Shape, at: Points<'_>, alpha: &[Scalar; 8], claims: Inputs<'_, H>, f_a: H) -> H {
    let (f, format, last) = (at.forward, shape.format, shape.output_slot());
    let widths = |p: &[Scalar], j: &[Scalar]| -> Scalar {
        (0..last).map(|s| eq_index(p, s) * prefix(shape.outputs(s), j)).sum()
    };
    let i_z = widths(&f.lam, &f.j) * prefix(shape.steps(), &f.tau) * prefix(shape.batch, &f.beta);
    let i_h = widths(&f.rl, &f.rk) * prefix(shape.steps(), &f.rt) * prefix(shape.batch, &f.beta);
    let over_c = dot(&inverse_multipliers(shape), &eq_table(&f.tau));
    let iota = over_c * prefix(shape.batch, &f.beta) * prefix(shape.classes(), &f.j);
    let at_output = eq_index(&f.lam, last);
    let half = pow2(format.r - 1);
    let (forward, backward, update) = (claims.forward, claims.backward, claims.update);
    let z = forward.z.clone() - forward.y.clone() * (at_output * pow2(format.r))
        + H::public(half * i_z + at_output * pow2(format.r_l - 1) * iota);
    let h = backward.h.clone() + H::public(half * i_h);
    let terms = [&z, &h, &forward.a_h, &update.a_h, &backward.g_1, &update.g_2, &update.g_3, &f_a];
    H::combine(alpha.iter().copied().zip(terms))
}

/// Degrees of (B): all cell variables.
fn cell_degrees(shape: &Shape) -> Vec<usize> {
    let axes = [shape.log_width(), shape.log_batch(), shape.log_steps(), shape.log_layers()];
    vec![3; axes.iter().sum()]
}

/// What is sent at the cell point.
struct Cell<H> {
    neg: H,
    u: H,
    b: H,
    neg_u: H,
    b_b: H,
}

/// What both sides share at the end: point, weights, the two challenges' worth of coefficients.
struct Last<'a> {
    weights: &'a CellWeights,
    /// (l, t, b, j) of the cell, most significant first.
    point: &'a [Scalar],
    r_q: &'a [Scalar],
    gamma: [Scalar; 3],
}

fn split_point<'p>(shape: &Shape, point: &'p [Scalar]) -> [&'p [Scalar]; 4] {
    let (l, rest) = point.split_at(shape.log_layers());
    let (t, rest) = rest.split_at(shape.log_steps());
    let (b, j) = rest.split_at(shape.log_batch());
    [l, t, b, j]
}

/// (C) and the two products.
fn claims<H: Hidden>(shape: &Shape, last_claim: H, cell: Cell<H>, last: &Last<'_>) -> Claims<H> {
    let x = split_point(shape, last.point);
    let bit = last.weights.at(Part::Bit, x);
    let Cell { neg, u, b, neg_u, b_b } = cell;
    let value = last_claim - (u.clone() - neg_u.clone()) - (b_b.clone() - b.clone()) * bit
        + H::combine(last.gamma.iter().copied().zip([&neg, &u, &b]));
    let (hidden, output) = bit_weights(shape, last, x);
    let [l, t, b_point, j] = x.map(<[Scalar]>::to_vec);
    Claims {
        bits: BitClaim { l, t, b: b_point, j, hidden, output, value },
        products: [
            Product { name: "relu mask", x: neg, y: u, z: neg_u },
            Product { name: "booleanity", x: b.clone(), y: b, z: b_b },
        ],
    }
}

/// The public weight of every bit of a hidden and of an output cell; places without a bit get none.
fn bit_weights(shape: &Shape, last: &Last<'_>, x: [&[Scalar]; 4]) -> (Vec<Scalar>, Vec<Scalar>) {
    let views = Views::new(shape);
    let at = |part| last.weights.at(part, x);
    let [w_z, w_h, w_o, w_a, w_g] = [Part::Z, Part::H, Part::O, Part::A, Part::G].map(at);
    let [g_0, g_1, g_2] = last.gamma;
    let at_q = eq_table(last.r_q);
    let hidden = [
        (w_z, &views.z),
        (w_h, &views.h),
        (g_0, &views.neg),
        (g_1 * w_a, &views.relu),
        (g_1 * w_g, &views.k),
        (g_2, &at_q),
    ];
    let output = [(w_o, &views.o), (g_1 * w_g, &views.k), (g_2, &at_q)];
    (combine(shape.format.hidden_bits(), &hidden), combine(shape.format.output_bits(), &output))
}

/// `sum weight view` for the first places of views, which have one for every bit.
fn combine(places: usize, views: &[(Scalar, &Vec<Scalar>)]) -> Vec<Scalar> {
    let mut sums = vec![Scalar::ZERO; places];
    for (weight, view) in views {
        for (sum, entry) in sums.iter_mut().zip(*view) {
            *sum += weight * entry;
        }
    }
    sums
}

/// Proves zkReLU; `progress` hears of its two sumchecks when they begin.
pub fn prove<P: ProverChannel>(
    channel: &mut P,
    shape: &Shape,
    witness: &Witness<'_>,
    at: Points<'_>,
    inputs: Inputs<'_, Opening>,
    progress: &mut dyn FnMut(Argument),
) -> Claims<Opening> {
    progress(Argument::Bits);
    let mu_q = channel.challenges("relu.mu", shape.log_bits());
    let row_weights = boolean_weights(shape, at);
    let cells = cell_rows(shape, witness);
    let mut bits = BitSum::new(&cells, &row_weights, &mu_q);
    let degrees = vec![3; shape.log_bits()];
    let (f_a, r_q) = sumcheck::prove(channel, "relu.bit", Opening::public(Scalar::ZERO), &degrees, &mut bits);
    progress(Argument::Cells);
    let alpha = std::array::from_fn(|_| channel.challenge("relu.alpha"));
    let weights = CellWeights::new(shape, at, &alpha, eq(&mu_q, &r_q));
    let claim = batched_claim(shape, at, &alpha, inputs, f_a);
    let mut cells = CellSum::new(shape, witness, &weights, bits.worth());
    let (last_claim, point) = sumcheck::prove(channel, "relu.cell", claim, &cell_degrees(shape), &mut cells);
    let cell = send_cell(channel, &weights, split_point(shape, &point), cells.values());
    let gamma = std::array::from_fn(|_| channel.challenge("relu.gamma"));
    claims(shape, last_claim, cell, &Last { weights: &weights, point: &point, r_q: &r_q, gamma })
}

fn send_cell<P: ProverChannel>(
    channel: &mut P,
    weights: &CellWeights,
    x: [&[Scalar]; 4],
    [neg, relu, k, b]: [Scalar; 4],
) -> Cell<Opening> {
    let u = weights.at(Part::A, x) * relu + weights.at(Part::G, x) * k;
    Cell {
        neg: channel.hide("relu.neg", neg),
        u: channel.hide("relu.U", u),
        b: channel.hide("relu.b", b),
        neg_u: channel.hide("relu.neg_U", neg * u),
        b_b: channel.hide("relu.b_b", b * b),
    }
}

/// Verifies zkReLU.
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify<V: VerifierChannel>(
    channel: &mut V,
    shape: &Shape,
    at: Points<'_>,
    inputs: Inputs<'_, V::Value>,
) -> Result<Claims<V::Value>, ReadError> {
    let mu_q = channel.challenges("relu.mu", shape.log_bits());
    let zero = V::Value::public(Scalar::ZERO);
    let (f_a, r_q) = sumcheck::verify(channel, "relu.bit", zero, &vec![3; shape.log_bits()])?;
    let alpha = std::array::from_fn(|_| channel.challenge("relu.alpha"));
    let weights = CellWeights::new(shape, at, &alpha, eq(&mu_q, &r_q));
    let claim = batched_claim(shape, at, &alpha, inputs, f_a);
    let (last_claim, point) = sumcheck::verify(channel, "relu.cell", claim, &cell_degrees(shape))?;
    let cell = Cell {
        neg: channel.receive("relu.neg")?,
        u: channel.receive("relu.U")?,
        b: channel.receive("relu.b")?,
        neg_u: channel.receive("relu.neg_U")?,
        b_b: channel.receive("relu.b_b")?,
    };
    let gamma = std::array::from_fn(|_| channel.challenge("relu.gamma"));
    Ok(claims(shape, last_claim, cell, &Last { weights: &weights, point: &point, r_q: &r_q, gamma }))
}

/// The cells of every slot, a row for each step and example.
fn cell_rows<'a>(shape: &Shape, witness: &Witness<'a>) -> Vec<CellRows<'a>> {
    let slots = witness.cells.iter().enumerate();
    slots.map(|(slot, cells)| CellRows { cells, stride: shape.stride(slot), width: shape.outputs(slot) }).collect()
}

/// eq(mu_x, x) by rows and columns.
fn boolean_weights(shape: &Shape, at: Points<'_>) -> RowWeights {
    let f = at.forward;
    let (t, b) = (eq_table(&f.tau), eq_table(&f.beta));
    let rows = outer(&[first(&t, shape.steps()).to_vec(), first(&b, shape.batch).to_vec()]);
    let slot = |s: usize| rows.iter().map(|r| eq_index(&f.lam, s) * r).collect();
    RowWeights { rows: (0..shape.layers()).map(slot).collect(), columns: eq_table(&f.j) }
}
