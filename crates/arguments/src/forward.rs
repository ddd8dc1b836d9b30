//! Forward: `Z = A W + 2^f_A 1 b` for all layers, steps and examples at once (zkDL section 4, FAC4DNN).
//!
//! ```text
//! V: lam, tau, beta, j*
//! P: Com z = Z(lam,tau,beta,j*),  Com y = Y(tau,beta,j*)
//!    sumcheck over k, c, t, l (degree 2, 2, 3, 3) of
//!    z = sum_{l,t,c,k} eq(lam,l) eq(tau,t) A_l(t,beta,c,k) W_l(t,c,k,j*)
//! P: Com a_0 = A^0(r_t,beta,r_k),  Com a_h = sum_{s>=1} eq(r_l,s) A^s(r_t,beta,r_k),  Com w_1
//!    product: last claim = eq(lam,r_l) eq(tau,r_t) A w_1,
//!    A = (1-r_c) (eq(r_l,0) a_0 + a_h) + r_c eq(r_k,0) 2^f_A ind_L(r_l) ind_T(r_t) ind_B(beta)
//! ```
//!
//! c = 0 are weights, c = 1 with k = 0 is the bias, whose input is the public constant 2^f_A on real (l, t, b). W_t is
//! W_T on padded steps t >= T.
//!
//! Cost: per cell two small multiply-adds and, divided by the batch size, three multiplications; per parameter one small
//! multiply-add a window. Weights of single steps are never formed: `W_t(k,j*)` follows from `W_0(k,j*)` by
//! `w_{t+1} = w_t - A_t^T (G_t eq(j*))`.

use crate::axis::outer;
use crate::integers::IntegerMatrix;
use crate::matmul::{MatmulSum, descend};
use crate::shape::Shape;
use crate::witness::{Tensors, Witness};
use rayon::prelude::*;
use zeroize::Zeroize;
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_commit::sigma::Product;
use zkdl_field::multilinear::{eq, eq_index, eq_table, prefix};
use zkdl_field::scalar::dot;
use zkdl_field::{Field, Scalar, scalar};
use zkdl_sumcheck as sumcheck;
use zkdl_transcript::ReadError;

/// The points of the argument.
#[derive(Debug, Clone, Default)]
pub struct Point {
    /// Layer, drawn.
    pub lam: Vec<Scalar>,
    /// Step, drawn.
    pub tau: Vec<Scalar>,
    /// Example, drawn.
    pub beta: Vec<Scalar>,
    /// Neuron j*, drawn.
    pub j: Vec<Scalar>,
    /// Layer r_l, bound.
    pub rl: Vec<Scalar>,
    /// Step r_t, bound.
    pub rt: Vec<Scalar>,
    /// Weight or bias r_c, bound.
    pub rc: Scalar,
    /// Input neuron r_k, bound.
    pub rk: Vec<Scalar>,
}

/// The claims it leaves behind.
#[derive(Debug, Clone)]
pub struct Claims<H> {
    /// `Z(lam,tau,beta,j*)`.
    pub z: H,
    /// `Y(tau,beta,j*)`.
    pub y: H,
    /// `A^0(r_t,beta,r_k)`.
    pub a_0: H,
    /// Hidden part of `A(r_l,r_t,beta,r_k)`.
    pub a_h: H,
    /// `W(r_l,r_t;r_c,r_k,j*)`.
    pub w_1: H,
    /// `A w_1 = last claim`.
    pub product: Product<H>,
}

/// What later arguments need of the prover's work.
pub struct Work {
    /// `G_s(t,b,j*)`, by slot, `t * batch + b`.
    pub g_at_j: Vec<Vec<Scalar>>,
    /// `W_0(k,j*)` by slot, the bias last.
    pub w0_at_j: Vec<Vec<Scalar>>,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.g_at_j.zeroize();
        self.w0_at_j.zeroize();
    }
}

/// Degrees in the order of binding: k, c, t, l.
#[must_use]
pub fn degrees(shape: &Shape) -> Vec<usize> {
    [vec![2; shape.log_width()], vec![2], vec![3; shape.log_steps()], vec![3; shape.log_layers()]].concat()
}

/// The constant input of the bias: 2^f_A.
pub(crate) fn bias_input(shape: &Shape) -> Scalar {
    scalar::pow2(shape.format.f_a)
}

/// `r_c eq(r_k,0) 2^f_A ind_L ind_T ind_B`: the public part of A at (l, t, b; r_c, r_k).
#[must_use]
pub fn bias_part(shape: &Shape, p: &Point, l: &[Scalar], t: &[Scalar], b: &[Scalar]) -> Scalar {
    let real = prefix(shape.layers(), l) * prefix(shape.steps(), t) * prefix(shape.batch, b);
    p.rc * eq_index(&p.rk, 0) * bias_input(shape) * real
}

/// `A(l,t,b; r_c,r_k)` from its part without bias.
#[must_use]
pub fn with_bias<H: Hidden>(shape: &Shape, p: &Point, a: H, l: &[Scalar], t: &[Scalar], b: &[Scalar]) -> H {
    a * (Scalar::ONE - p.rc) + H::public(bias_part(shape, p, l, t, b))
}

fn draw(shape: &Shape, mut challenges: impl FnMut(usize) -> Vec<Scalar>) -> Point {
    Point {
        lam: challenges(shape.log_layers()),
        tau: challenges(shape.log_steps()),
        beta: challenges(shape.log_batch()),
        j: challenges(shape.log_width()),
        ..Point::default()
    }
}

fn bound(shape: &Shape, mut point: Point, r: &[Scalar]) -> Point {
    let (l, rest) = r.split_at(shape.log_layers());
    let (t, rest) = rest.split_at(shape.log_steps());
    let (c, k) = rest.split_at(1);
    point.rl = l.to_vec();
    point.rt = t.to_vec();
    // One coordinate.
    point.rc = c.iter().sum();
    point.rk = k.to_vec();
    point
}

/// What both sides conclude from the last claim.
fn claims<H: Hidden>(shape: &Shape, p: &Point, last: H, [z, y, a_0, a_h, w_1]: [H; 5]) -> Claims<H> {
    let a = a_0.clone() * eq_index(&p.rl, 0) + a_h.clone();
    let a = with_bias(shape, p, a, &p.rl, &p.rt, &p.beta);
    let x = a * (eq(&p.lam, &p.rl) * eq(&p.tau, &p.rt));
    let product = Product { name: "forward", x, y: w_1.clone(), z: last };
    Claims { z, y, a_0, a_h, w_1, product }
}

/// Proves the argument.
pub fn prove<P: ProverChannel>(
    channel: &mut P,
    shape: &Shape,
    witness: &Witness<'_>,
    tensors: &Tensors<'_>,
) -> (Point, Claims<Opening>, Work) {
    let point = draw(shape, |n| channel.challenges("forward.in", n));
    let (mut sum, work) = prepare(shape, &point, witness, tensors);
    let z = channel.hide("forward.z", sum.total());
    let y = channel.hide("forward.y", label_value(shape, &point, witness));
    let degrees = degrees(shape);
    let (neurons, outer_degrees) = degrees.split_at(shape.log_width());
    let (claim, rk) = sumcheck::prove(channel, "forward.round", z.clone(), neurons, &mut sum);
    let a = sum.bound_a();
    let (last, outer_point) = sumcheck::prove(channel, "forward.round", claim, outer_degrees, &mut sum);
    let point = bound(shape, point, &[outer_point, rk].concat());
    let (a_0, a_h) = split_a(shape, &point, &a);
    let a_0 = channel.hide("forward.a_0", a_0);
    let a_h = channel.hide("forward.a_h", a_h);
    let w_1 = channel.hide("forward.w_1", sum.values().1);
    let claims = claims(shape, &point, last, [z, y, a_0, a_h, w_1]);
    (point, claims, work)
}

/// Verifies the argument.
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify<V: VerifierChannel>(channel: &mut V, shape: &Shape) -> Result<(Point, Claims<V::Value>), ReadError> {
    let point = draw(shape, |n| channel.challenges("forward.in", n));
    let z = channel.receive("forward.z")?;
    let y = channel.receive("forward.y")?;
    let (last, r) = sumcheck::verify(channel, "forward.round", z.clone(), &degrees(shape))?;
    let point = bound(shape, point, &r);
    let a_0 = channel.receive("forward.a_0")?;
    let a_h = channel.receive("forward.a_h")?;
    let w_1 = channel.receive("forward.w_1")?;
    let claims = claims(shape, &point, last, [z, y, a_0, a_h, w_1]);
    Ok((point, claims))
}

/// Index of (l, t, c) in the outer cube.
#[expect(clippy::arithmetic_side_effects, reason = "prover only: the cube is in memory")]
fn index(shape: &Shape, l: usize, t: usize, c: usize) -> usize {
    (((l << shape.log_steps()) + t) << 1) + c
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "prover only: its witness has these sizes"
)]
fn prepare(shape: &Shape, p: &Point, witness: &Witness<'_>, tensors: &Tensors<'_>) -> (MatmulSum, Work) {
    let (layers, steps) = (shape.layers(), shape.steps());
    let at_j = eq_table(&p.j);
    let at_b = &eq_table(&p.beta)[..shape.batch];
    let g_at_j: Vec<_> = tensors.g.iter().map(|g| g.times(0..steps * shape.batch, &at_j)).collect();
    let w0_at_j: Vec<_> = (0..layers).map(|s| contract(witness.start[s], shape.outputs(s), &at_j)).collect();
    let cube = index(shape, 1 << shape.log_layers(), 0, 0);
    let (mut a, mut w, mut w_of) = (vec![Vec::new(); cube], Vec::new(), vec![None; cube]);
    let bias = bias_input(shape) * prefix(shape.batch, &p.beta);
    for l in 0..layers {
        let rows = weight_rows(shape, &tensors.a[l], &g_at_j[l], w0_at_j[l].clone());
        for t in 0..1 << shape.log_steps() {
            for c in 0..2 {
                w_of[index(shape, l, t, c)] = Some(w.len() + 2 * t.min(steps) + c);
            }
        }
        w.extend(rows.into_iter().flat_map(|mut row| {
            let bias = row.split_off(row.len() - 1);
            [row, bias]
        }));
        for t in 0..steps {
            a[index(shape, l, t, 0)] = tensors.a[l].combine(t * shape.batch, at_b);
            a[index(shape, l, t, 1)] = vec![bias];
        }
    }
    let weights = outer(&[eq_table(&p.lam), eq_table(&p.tau), vec![Scalar::ONE; 2]]);
    (MatmulSum::new(shape.log_width(), a, w, w_of, weights), Work { g_at_j, w0_at_j })
}

/// `W(k, j*)` for every k of a slot, the bias last.
fn contract(weights: &[i64], outputs: usize, at_j: &[Scalar]) -> Vec<Scalar> {
    let weights = IntegerMatrix::integers(weights, outputs);
    weights.times(0..weights.height(), at_j)
}

/// `W_t(k,j*)` for t = 0..=T, the bias last, from `W_0(k,j*)`, A and `gamma = G(t,b,j*)`.
#[expect(clippy::arithmetic_side_effects, reason = "prover only: rows that it holds")]
fn weight_rows(shape: &Shape, a: &IntegerMatrix<'_>, gamma: &[Scalar], start: Vec<Scalar>) -> Vec<Vec<Scalar>> {
    let deltas = gamma
        .par_chunks(shape.batch)
        .enumerate()
        .map(|(t, gamma)| {
            let mut delta = a.combine(t * shape.batch, gamma);
            delta.push(bias_input(shape) * gamma.iter().sum::<Scalar>());
            delta
        })
        .collect();
    descend(start, deltas)
}

/// `a_0` and `a_h` from A(l,t,c; beta,r_k).
#[expect(clippy::indexing_slicing, reason = "prover only: the cube has all real indices")]
fn split_a(shape: &Shape, p: &Point, a: &[Scalar]) -> (Scalar, Scalar) {
    let at_t = eq_table(&p.rt);
    let layer = |l: usize| -> Scalar { (0..shape.steps()).map(|t| at_t[t] * a[index(shape, l, t, 0)]).sum() };
    let hidden = (1..shape.layers()).map(|l| eq_index(&p.rl, l) * layer(l)).sum();
    (layer(0), hidden)
}

/// `Y(tau,beta,j*)`, `Y = 2^f_A label`.
#[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "prover only: scheduled points and labels exist")]
fn label_value(shape: &Shape, p: &Point, witness: &Witness<'_>) -> Scalar {
    let at_j = eq_table(&p.j);
    let (at_t, at_b) = (eq_table(&p.tau), eq_table(&p.beta));
    let sum: Scalar = shape
        .schedule
        .iter()
        .zip(&at_t)
        .map(|(step, e)| {
            let chosen: Vec<Scalar> = step.iter().map(|i| at_j[witness.labels[*i as usize] as usize]).collect();
            e * dot(&chosen, &at_b)
        })
        .sum();
    sum * bias_input(shape)
}
