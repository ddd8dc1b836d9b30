//! Backward: `H = G W^T` for all layers, steps and examples at once.
//!
//! At the point (r_l, r_t, beta, r_k) of the forward argument:
//!
//! ```text
//! P: Com h = H(r_l,r_t,beta,r_k)
//!    sumcheck over j, t, l (degree 2, 3, 3) of
//!    h = sum_{l,t,j} up(r_l,l) eq(r_t,t) G_l(t,beta,j) W_l(t;0,r_k,j),    up(p,s) = eq(p,s-1), s >= 1
//! P: Com g_1 = G(l2,t2,beta,r_j),  Com w_2 = W(l2,t2;0,r_k,r_j)
//!    product: last claim = up(r_l,l2) eq(r_t,t2) g_1 w_2
//! ```
//!
//! H of the cells of slot s - 1 comes from G and W of slot s; the bias has no H. Cost as for forward, with
//! `w_{t+1}(j) = w_t(j) - sum_b A(t,b,r_k) G(t,b,j)`.

use crate::axis::{Axis, outer};
use crate::forward;
use crate::integers::IntegerMatrix;
use crate::matmul::{MatmulSum, descend};
use crate::shape::Shape;
use crate::witness::{Tensors, Witness};
use rayon::prelude::*;
use zeroize::Zeroize;
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_commit::sigma::Product;
use zkdl_field::Scalar;
use zkdl_field::multilinear::{eq, eq_table};
use zkdl_sumcheck as sumcheck;
use zkdl_transcript::ReadError;

/// The points of the argument, all bound by it.
#[derive(Debug, Clone, Default)]
pub struct Point {
    /// Layer l2.
    pub l: Vec<Scalar>,
    /// Step t2.
    pub t: Vec<Scalar>,
    /// Output neuron r_j.
    pub j: Vec<Scalar>,
}

/// The claims it leaves behind.
#[derive(Debug, Clone)]
pub struct Claims<H> {
    /// `H(r_l,r_t,beta,r_k)`.
    pub h: H,
    /// `G(l2,t2,beta,r_j)`.
    pub g_1: H,
    /// `W(l2,t2;0,r_k,r_j)`.
    pub w_2: H,
    /// `g_1 w_2 = last claim`.
    pub product: Product<H>,
}

/// What the update argument needs of the prover's work.
pub struct Work {
    /// `A_s(t,b,r_k)` without bias, by slot, `t * batch + b`.
    pub a_at_k: Vec<Vec<Scalar>>,
    /// `W_0(r_k,j)` by slot, without bias.
    pub w0_at_k: Vec<Vec<Scalar>>,
    /// `W_T(r_k,j)` by slot, without bias.
    pub wt_at_k: Vec<Vec<Scalar>>,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.a_at_k.zeroize();
        self.w0_at_k.zeroize();
        self.wt_at_k.zeroize();
    }
}

/// Degrees in the order of binding: j, t, l.
#[must_use]
pub fn degrees(shape: &Shape) -> Vec<usize> {
    [vec![2; shape.log_width()], vec![3; shape.log_steps()], vec![3; shape.log_layers()]].concat()
}

fn bound(shape: &Shape, r: &[Scalar]) -> Point {
    let (l, rest) = r.split_at(shape.log_layers());
    let (t, j) = rest.split_at(shape.log_steps());
    Point { l: l.to_vec(), t: t.to_vec(), j: j.to_vec() }
}

/// What both sides conclude from the last claim.
fn claims<H: Hidden>(shape: &Shape, f: &forward::Point, p: &Point, last: H, [h, g_1, w_2]: [H; 3]) -> Claims<H> {
    let x = g_1.clone() * (Axis::up(shape, &f.rl).at(&p.l) * eq(&f.rt, &p.t));
    let product = Product { name: "backward", x, y: w_2.clone(), z: last };
    Claims { h, g_1, w_2, product }
}

/// Proves the argument.
pub fn prove<P: ProverChannel>(
    channel: &mut P,
    shape: &Shape,
    witness: &Witness<'_>,
    tensors: &Tensors<'_>,
    forward: &forward::Point,
) -> (Point, Claims<Opening>, Work) {
    let (mut sum, work) = prepare(shape, forward, witness, tensors);
    let h = channel.hide("backward.h", sum.total());
    let (last, r) = sumcheck::prove(channel, "backward.round", h.clone(), &degrees(shape), &mut sum);
    let point = bound(shape, &r);
    let (g_1, w_2) = sum.values();
    let g_1 = channel.hide("backward.g_1", g_1);
    let w_2 = channel.hide("backward.w_2", w_2);
    let claims = claims(shape, forward, &point, last, [h, g_1, w_2]);
    (point, claims, work)
}

/// Verifies the argument.
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify<V: VerifierChannel>(
    channel: &mut V,
    shape: &Shape,
    forward: &forward::Point,
) -> Result<(Point, Claims<V::Value>), ReadError> {
    let h = channel.receive("backward.h")?;
    let (last, r) = sumcheck::verify(channel, "backward.round", h.clone(), &degrees(shape))?;
    let point = bound(shape, &r);
    let g_1 = channel.receive("backward.g_1")?;
    let w_2 = channel.receive("backward.w_2")?;
    let claims = claims(shape, forward, &point, last, [h, g_1, w_2]);
    Ok((point, claims))
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "prover only: its witness has these sizes"
)]
fn prepare(shape: &Shape, f: &forward::Point, witness: &Witness<'_>, tensors: &Tensors<'_>) -> (MatmulSum, Work) {
    let (layers, steps) = (shape.layers(), shape.steps());
    let at_k = eq_table(&f.rk);
    let at_b = &eq_table(&f.beta)[..shape.batch];
    let cube = 1 << (shape.log_layers() + shape.log_steps());
    let (mut g, mut w, mut w_of) = (vec![Vec::new(); cube], Vec::new(), vec![None; cube]);
    let mut work = Work { a_at_k: Vec::new(), w0_at_k: Vec::new(), wt_at_k: Vec::new() };
    for l in 0..layers {
        let inputs = &at_k[..shape.widths[l]];
        let a_at_k = tensors.a[l].times(0..steps * shape.batch, inputs);
        let start = IntegerMatrix::integers(witness.start[l], shape.outputs(l)).combine(0, inputs);
        let rows = weight_rows(shape, &tensors.g[l], &a_at_k, start);
        let first = l << shape.log_steps();
        for t in 0..1 << shape.log_steps() {
            w_of[first + t] = Some(w.len() + t.min(steps));
        }
        for t in 0..steps {
            g[first + t] = tensors.g[l].combine(t * shape.batch, at_b);
        }
        work.a_at_k.push(a_at_k);
        work.w0_at_k.push(rows[0].clone());
        work.wt_at_k.push(rows[steps].clone());
        w.extend(rows);
    }
    let weights = outer(&[Axis::up(shape, &f.rl).table(), eq_table(&f.rt)]);
    (MatmulSum::new(shape.log_width(), g, w, w_of, weights), work)
}

/// `W_t(r_k,j)` for t = 0..=T from `W_0(r_k,j)`, `alpha = A(t,b,r_k)` and G.
#[expect(clippy::arithmetic_side_effects, reason = "prover only: rows that it holds")]
fn weight_rows(shape: &Shape, g: &IntegerMatrix<'_>, alpha: &[Scalar], start: Vec<Scalar>) -> Vec<Vec<Scalar>> {
    let delta = |(t, alpha): (usize, &[Scalar])| g.combine(t * shape.batch, alpha);
    let deltas = alpha.par_chunks(shape.batch).enumerate().map(delta).collect();
    descend(start, deltas)
}
