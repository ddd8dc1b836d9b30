//! Update: `W_t = W_0 - sum_{s<t} A_s^T G_s` over the integers, for every t <= T (exact accumulation).
//!
//! Nothing of the size of the parameters is committed, checked or touched per step: the two weight claims of forward and
//! backward and one fresh claim about W_T are reduced to the start weights and to A and G.
//!
//! ```text
//! P: v_1 = W_0(r_l;r_c,r_k,j*),  v_2 = W_0(l2;0,r_k,r_j),  v_3 = W_0(l2;r_c,r_k,r_j)      Com, or public if W_0 is
//!    Com v_T = W_T(l2;r_c,r_k,r_j)
//! V: a1, a2, a3
//!    sumcheck over b, s, l (degree 2, 3, 3) of
//!    a1 (v_1-w_1) + a2 (v_2-w_2) + a3 (v_3-v_T) =
//!      sum_{l,s,b} F a1 eq(r_l,l) LT(s,r_t) G(l,s,b,j*) + [a2 eq(l2,l) LT(s,t2) A + a3 eq(l2,l) F] G(l,s,b,r_j)
//!    A = A(l,s,b,r_k),  F = A(l,s,b;r_c,r_k),  LT(s,p) = sum_{t>s} eq(p,t): strictly later
//! P: Com a_0', Com a_h' (parts of A at the bound point u),  Com g_2 = G(u,j*),  Com g_3 = G(u,r_j)
//!    product: (eq(u_l,0) a_0' + a_h') (p g_2 + q g_3) = last claim - the bias part, which is linear
//! ```
//!
//! Cost: L T B dense entries, a cell's worth divided by the width.

use crate::axis::{Axis, dense, outer};
use crate::integers::IntegerMatrix;
use crate::rows::first;
use crate::shape::Shape;
use crate::witness::{Tensors, Witness};
use crate::{backward, forward};
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_commit::sigma::Product;
use zkdl_field::multilinear::{eq, eq_index, eq_table, later};
use zkdl_field::scalar::dot;
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck::{self as sumcheck, SumOfProducts, Term};
use zkdl_transcript::ReadError;

/// The point (u_l, u_s, u_b) that the argument binds.
#[derive(Debug, Clone, Default)]
pub struct Point {
    /// Layer.
    pub l: Vec<Scalar>,
    /// Step.
    pub s: Vec<Scalar>,
    /// Example.
    pub b: Vec<Scalar>,
}

/// Where the start weights come from.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// Public integers, by slot, `(d_s + 1) x d_{s+1}`: the verifier evaluates them itself, in O(parameters).
    Public(&'a [&'a [i64]]),
    /// Committed rows.
    Committed,
}

/// The claims it leaves behind.
#[derive(Debug, Clone)]
pub struct Claims<H> {
    /// `W_0(r_l;r_c,r_k,j*)`, `W_0(l2;0,r_k,r_j)`, `W_0(l2;r_c,r_k,r_j)`; to be opened if committed.
    pub w0: [H; 3],
    /// `W_T(l2;r_c,r_k,r_j)`.
    pub w_t: H,
    /// `A^0(u_s,u_b,r_k)`.
    pub a_0: H,
    /// Hidden part of A at u.
    pub a_h: H,
    /// `G(u,j*)`.
    pub g_2: H,
    /// `G(u,r_j)`.
    pub g_3: H,
    /// The product of A with the G's.
    pub product: Product<H>,
}

/// The points of the weight claims, shared by all that follow.
#[derive(Debug, Clone, Copy)]
pub struct Points<'a> {
    /// Of the forward argument.
    pub forward: &'a forward::Point,
    /// Of the backward argument.
    pub backward: &'a backward::Point,
}

/// What is claimed of weights of single steps, and where the weights start.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a, H> {
    /// `W(r_l,r_t;r_c,r_k,j*)`, of the forward argument.
    pub w_1: &'a H,
    /// `W(l2,t2;0,r_k,r_j)`, of the backward argument.
    pub w_2: &'a H,
    /// Where they start.
    pub start: Start<'a>,
}

/// Degrees in the order of binding: b, s, l.
#[must_use]
pub fn degrees(shape: &Shape) -> Vec<usize> {
    [vec![2; shape.log_batch()], vec![3; shape.log_steps()], vec![3; shape.log_layers()]].concat()
}

fn bound(shape: &Shape, r: &[Scalar]) -> Point {
    let (l, rest) = r.split_at(shape.log_layers());
    let (s, b) = rest.split_at(shape.log_steps());
    Point { l: l.to_vec(), s: s.to_vec(), b: b.to_vec() }
}

/// `a1 (v_1-w_1) + a2 (v_2-w_2) + a3 (v_3-v_T)`.
fn claim<H: Hidden>(alpha: [Scalar; 3], [v_1, v_2, v_3]: &[H; 3], w_1: &H, w_2: &H, v_t: &H) -> H {
    let gaps = [v_1.clone() - w_1.clone(), v_2.clone() - w_2.clone(), v_3.clone() - v_t.clone()];
    H::combine(alpha.into_iter().zip(&gaps))
}

/// What both sides conclude from the last claim: with `F = (1-r_c) A + bias`, `last = F p g_2 + (q A + q' F) g_3`.
fn product<H: Hidden>(
    shape: &Shape,
    at: Points<'_>,
    u: &Point,
    [alpha_1, alpha_2, alpha_3]: [Scalar; 3],
    last: H,
    leaves: &[H; 4],
) -> Product<H> {
    let (f, b) = (at.forward, at.backward);
    let [a_0, a_h, g_2, g_3] = leaves;
    let keep = Scalar::ONE - f.rc;
    let bias = forward::bias_part(shape, f, &u.l, &u.s, &u.b);
    let at_l2 = eq(&b.l, &u.l);
    let p = alpha_1 * eq(&f.rl, &u.l) * later(&u.s, &f.rt);
    let q = alpha_2 * at_l2 * later(&u.s, &b.t);
    let q_f = alpha_3 * at_l2;
    let x = a_0.clone() * eq_index(&u.l, 0) + a_h.clone();
    let y = g_2.clone() * (p * keep) + g_3.clone() * (q + q_f * keep);
    let z = last - g_2.clone() * (p * bias) - g_3.clone() * (q_f * bias);
    Product { name: "update", x, y, z }
}

/// Proves the argument.
pub fn prove<P: ProverChannel>(
    channel: &mut P,
    shape: &Shape,
    witness: &Witness<'_>,
    tensors: &Tensors<'_>,
    at: Points<'_>,
    weights: Weights<'_, Opening>,
    work: (&forward::Work, &backward::Work),
) -> (Point, Claims<Opening>) {
    let values = weight_values(shape, witness, at, work);
    let [v_1, v_2, v_3, v_t] = values;
    let w0 = match weights.start {
        Start::Public(_) => [v_1, v_2, v_3].map(Opening::public),
        Start::Committed => [v_1, v_2, v_3].map(|v| channel.hide("update.w_0", v)),
    };
    let w_t = channel.hide("update.w_T", v_t);
    let alpha = std::array::from_fn(|_| channel.challenge("update.alpha"));
    let mut sum = prepare(shape, tensors, at, alpha, work);
    let claim = claim(alpha, &w0, weights.w_1, weights.w_2, &w_t);
    let (last, r) = sumcheck::prove(channel, "update.round", claim, &degrees(shape), &mut sum);
    let u = bound(shape, &r);
    let (a_0, a_h) = split_a(shape, &u, &work.1.a_at_k);
    let leaves = [
        ("update.a_0", a_0),
        ("update.a_h", a_h),
        ("update.g_2", sum.value(G_AT_J)),
        ("update.g_3", sum.value(G_AT_RJ)),
    ];
    let leaves = leaves.map(|(label, value)| channel.hide(label, value));
    let product = product(shape, at, &u, alpha, last, &leaves);
    let [a_0, a_h, g_2, g_3] = leaves;
    (u, Claims { w0, w_t, a_0, a_h, g_2, g_3, product })
}

/// Verifies the argument.
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify<V: VerifierChannel>(
    channel: &mut V,
    shape: &Shape,
    at: Points<'_>,
    weights: Weights<'_, V::Value>,
) -> Result<(Point, Claims<V::Value>), ReadError> {
    let w0 = match weights.start {
        Start::Public(w0) => public_values(shape, w0, at).map(V::Value::public),
        Start::Committed => {
            [channel.receive("update.w_0")?, channel.receive("update.w_0")?, channel.receive("update.w_0")?]
        }
    };
    let w_t = channel.receive("update.w_T")?;
    let alpha = std::array::from_fn(|_| channel.challenge("update.alpha"));
    let claim = claim(alpha, &w0, weights.w_1, weights.w_2, &w_t);
    let (last, r) = sumcheck::verify(channel, "update.round", claim, &degrees(shape))?;
    let u = bound(shape, &r);
    let a_0 = channel.receive("update.a_0")?;
    let a_h = channel.receive("update.a_h")?;
    let g_2 = channel.receive("update.g_2")?;
    let g_3 = channel.receive("update.g_3")?;
    let leaves = [a_0, a_h, g_2, g_3];
    let product = product(shape, at, &u, alpha, last, &leaves);
    let [a_0, a_h, g_2, g_3] = leaves;
    Ok((u, Claims { w0, w_t, a_0, a_h, g_2, g_3, product }))
}

/// `(1-r_c) sum_l eq(p,l) main_l + r_c eq(r_k,0) sum_l eq(p,l) bias_l`.
fn stack(f: &forward::Point, p: &[Scalar], main: &[Scalar], bias: &[Scalar]) -> Scalar {
    let over_layers = |values: &[Scalar]| values.iter().enumerate().map(|(l, v)| eq_index(p, l) * v).sum::<Scalar>();
    (Scalar::ONE - f.rc) * over_layers(main) + f.rc * eq_index(&f.rk, 0) * over_layers(bias)
}

/// `sum_j n_j v_j`; `v` may be longer.
fn integer_dot(integers: &[i64], v: &[Scalar]) -> Scalar {
    IntegerMatrix::integers(integers, integers.len()).times(0..1, v).iter().sum()
}

/// The last row of the weights of every slot.
fn bias_rows<'a>(shape: &Shape, weights: &[&'a [i64]]) -> impl Iterator<Item = &'a [i64]> {
    debug_assert_eq!(weights.len(), shape.layers());
    let row = |(slot, weights): (usize, &&'a [i64])| {
        debug_assert_eq!(weights.len(), shape.inputs(slot).saturating_add(1).saturating_mul(shape.outputs(slot)));
        weights.chunks(shape.outputs(slot).max(1)).nth(shape.inputs(slot)).unwrap_or_default()
    };
    (0..shape.layers()).zip(weights).map(row)
}

/// The evaluations of public start weights, in O(parameters).
fn public_values(shape: &Shape, w0: &[&[i64]], at: Points<'_>) -> [Scalar; 3] {
    let (f, b) = (at.forward, at.backward);
    let (at_j, at_rj, at_k) = (eq_table(&f.j), eq_table(&b.j), eq_table(&f.rk));
    let at_inputs: Vec<Vec<Scalar>> = (0..shape.layers())
        .zip(w0)
        .map(|(slot, weights)| {
            IntegerMatrix::integers(weights, shape.outputs(slot)).combine(0, first(&at_k, shape.inputs(slot)))
        })
        .collect();
    let main = |e: &[Scalar]| -> Vec<Scalar> { at_inputs.iter().map(|row| dot(row, e)).collect() };
    let bias = |e: &[Scalar]| -> Vec<Scalar> { bias_rows(shape, w0).map(|row| integer_dot(row, e)).collect() };
    let main_rj = main(&at_rj);
    let v_2 = main_rj.iter().enumerate().map(|(l, v)| eq_index(&b.l, l) * v).sum();
    [stack(f, &f.rl, &main(&at_j), &bias(&at_j)), v_2, stack(f, &b.l, &main_rj, &bias(&at_rj))]
}

/// v_1, v_2, v_3 and v_T from what forward and backward computed.
fn weight_values(
    shape: &Shape,
    witness: &Witness<'_>,
    at: Points<'_>,
    (forward_work, backward_work): (&forward::Work, &backward::Work),
) -> [Scalar; 4] {
    let (f, b) = (at.forward, at.backward);
    let (at_k, at_rj) = (eq_table(&f.rk), eq_table(&b.j));
    let (bias_j, main_j): (Vec<Scalar>, Vec<Scalar>) =
        forward_work.w0_at_j.iter().filter_map(|w| w.split_last()).map(|(bias, main)| (bias, dot(main, &at_k))).unzip();
    let at_neurons = |rows: &[Vec<Scalar>]| rows.iter().map(|w| dot(w, &at_rj)).collect::<Vec<_>>();
    let bias_rj =
        |weights: &[&[i64]]| -> Vec<Scalar> { bias_rows(shape, weights).map(|row| integer_dot(row, &at_rj)).collect() };
    let main_0 = at_neurons(&backward_work.w0_at_k);
    let main_t = at_neurons(&backward_work.wt_at_k);
    let v_2 = main_0.iter().enumerate().map(|(l, v)| eq_index(&b.l, l) * v).sum();
    [
        stack(f, &f.rl, &main_j, &bias_j),
        v_2,
        stack(f, &b.l, &main_0, &bias_rj(&witness.start)),
        stack(f, &b.l, &main_t, &bias_rj(&witness.end)),
    ]
}

/// Tables of the sum, in order: weights of the three terms, G at j* and at r_j, A without and with bias.
const G_AT_J: usize = 3;
const G_AT_RJ: usize = 4;
const A: usize = 5;
const F: usize = 6;

fn prepare(
    shape: &Shape,
    tensors: &Tensors<'_>,
    at: Points<'_>,
    [alpha_1, alpha_2, alpha_3]: [Scalar; 3],
    (forward_work, backward_work): (&forward::Work, &backward::Work),
) -> SumOfProducts {
    let (f, b) = (at.forward, at.backward);
    let at_rj = eq_table(&b.j);
    let g_at_rj: Vec<Vec<Scalar>> = tensors.g.iter().map(|g| g.times(0..g.height(), &at_rj)).collect();
    let one = vec![Scalar::ONE; 1 << shape.log_batch()];
    let at_l2 = eq_table(&b.l);
    let bias = f.rc * eq_index(&f.rk, 0) * forward::bias_input(shape);
    let with_bias = |row: &Vec<Scalar>| row.iter().map(|a| (Scalar::ONE - f.rc) * a + bias).collect();
    let a_with_bias: Vec<Vec<Scalar>> = backward_work.a_at_k.iter().map(with_bias).collect();
    let tables = vec![
        outer(&[eq_table(&f.rl), Axis::Later(f.rt.clone()).table(), one.clone()]),
        outer(&[at_l2.clone(), Axis::Later(b.t.clone()).table(), one.clone()]),
        outer(&[at_l2, vec![Scalar::ONE; 1 << shape.log_steps()], one]),
        dense(shape, &forward_work.g_at_j),
        dense(shape, &g_at_rj),
        dense(shape, &backward_work.a_at_k),
        dense(shape, &a_with_bias),
    ];
    let term = |coefficient, factors: [usize; 3]| Term { coefficient, factors: factors.to_vec() };
    let terms = vec![term(alpha_1, [0, F, G_AT_J]), term(alpha_2, [1, A, G_AT_RJ]), term(alpha_3, [2, F, G_AT_RJ])];
    SumOfProducts::new(tables, terms)
}

/// `a_0'` and `a_h'` from A(l,s,b,r_k).
fn split_a(shape: &Shape, u: &Point, a: &[Vec<Scalar>]) -> (Scalar, Scalar) {
    let (at_s, at_b) = (eq_table(&u.s), eq_table(&u.b));
    let layer = |a: &Vec<Scalar>| -> Scalar { a.chunks(shape.batch).zip(&at_s).map(|(a, e)| e * dot(a, &at_b)).sum() };
    let hidden = a.iter().enumerate().skip(1).map(|(l, a)| eq_index(&u.l, l) * layer(a)).sum();
    (a.first().map_or(Scalar::ZERO, layer), hidden)
}
