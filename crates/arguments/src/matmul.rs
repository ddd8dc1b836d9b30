//! The sum behind forward and backward: `sum_{x,k} weight(x) a(x,k) w(x,k)` over outer indices x (layer, step, ..) and an
//! inner index k (a neuron), least significant first, so k is bound before x.
//!
//! Rows are ragged: layers of different widths lie in one stack, each row is the zero extension of its real entries, and
//! work is done on real entries only. While k is bound the weight of a row is a scalar; afterwards what is left is a
//! small dense sum over x.

#![expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "prover only: rows that it holds")]

use rayon::prelude::*;
use zeroize::Zeroize;
use zkdl_field::multilinear::fold;
use zkdl_field::scalar::{ProductSum, dot};
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck::{RoundPolynomial, SumOfProducts, SumProver, Term};

/// The prover's state.
pub struct MatmulSum {
    /// Inner variables not yet bound.
    inner: usize,
    /// For every x of the cube the row a(x, .); empty where it is zero.
    a: Vec<Vec<Scalar>>,
    /// The rows of w, several x may share one.
    w: Vec<Vec<Scalar>>,
    /// For every x its row of w.
    w_of: Vec<Option<usize>>,
    /// The public weight of every x.
    weights: Vec<Scalar>,
    /// The sum over x, once the inner variables are bound.
    outer: Option<SumOfProducts>,
}

impl Drop for MatmulSum {
    fn drop(&mut self) {
        self.a.zeroize();
        self.w.zeroize();
    }
}

const A: usize = 1;
const W: usize = 2;

impl MatmulSum {
    /// A sum with `inner` neuron variables; `a`, `w_of` and `weights` have one entry for every x of the outer cube.
    #[must_use]
    pub fn new(
        inner: usize,
        a: Vec<Vec<Scalar>>,
        w: Vec<Vec<Scalar>>,
        w_of: Vec<Option<usize>>,
        weights: Vec<Scalar>,
    ) -> Self {
        let mut sum = Self { inner, a, w, w_of, weights, outer: None };
        sum.finish_inner();
        sum
    }

    /// The sum before anything is bound: what an honest claim says.
    #[must_use]
    pub fn total(&self) -> Scalar {
        let row = |x: usize| self.w_of[x].map_or(Scalar::ZERO, |i| self.weights[x] * dot(&self.a[x], &self.w[i]));
        (0..self.a.len()).map(row).sum()
    }

    /// `a(x, r_k)` for every x: meaningful once the inner variables are bound.
    #[must_use]
    pub fn bound_a(&self) -> Vec<Scalar> {
        self.a.iter().map(|row| row.first().copied().unwrap_or(Scalar::ZERO)).collect()
    }

    /// The last values of a and w.
    #[must_use]
    pub fn values(&self) -> (Scalar, Scalar) {
        self.outer.as_ref().map_or((Scalar::ZERO, Scalar::ZERO), |o| (o.value(A), o.value(W)))
    }

    fn row(&self, x: usize) -> [Scalar; 2] {
        let Some(w) = self.w_of[x].map(|i| &self.w[i]) else { return [Scalar::ZERO; 2] };
        let mut sums = [ProductSum::default(); 2];
        for (a, w) in self.a[x].chunks(2).zip(w.chunks(2)) {
            sums[0].add(&a[0], &w[0]);
            sums[1].add(&difference(a), &difference(w));
        }
        sums.map(|s| s.reduce() * self.weights[x])
    }

    fn finish_inner(&mut self) {
        if self.inner > 0 {
            return;
        }
        let first = |row: &Vec<Scalar>| row.first().copied().unwrap_or(Scalar::ZERO);
        let w = self.w_of.iter().map(|i| i.map_or(Scalar::ZERO, |i| first(&self.w[i]))).collect();
        let term = Term { coefficient: Scalar::ONE, factors: vec![0, A, W] };
        self.outer = Some(SumOfProducts::new(vec![self.weights.clone(), self.bound_a(), w], vec![term]));
    }
}

/// Slope of a line given by its value at 0 and, unless it is zero by padding, at 1.
fn difference(pair: &[Scalar]) -> Scalar {
    match pair {
        [low, high] => high - low,
        [low] => -low,
        _ => Scalar::ZERO,
    }
}

impl SumProver for MatmulSum {
    fn round(&self) -> RoundPolynomial {
        if let Some(outer) = &self.outer {
            return outer.round();
        }
        let [constant, c2] = (0..self.a.len())
            .into_par_iter()
            .map(|x| self.row(x))
            .reduce(|| [Scalar::ZERO; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
        RoundPolynomial { constant, higher: vec![c2] }
    }

    fn bind(&mut self, r: &Scalar) {
        if let Some(outer) = &mut self.outer {
            outer.bind(r);
            return;
        }
        self.a.par_iter_mut().chain(self.w.par_iter_mut()).for_each(|row| fold(row, r));
        self.inner -= 1;
        self.finish_inner();
    }
}

/// Running differences: `[start, start - delta_0, start - delta_0 - delta_1, ..]`, each delta as long as `start`.
#[must_use]
pub fn descend(start: Vec<Scalar>, deltas: Vec<Vec<Scalar>>) -> Vec<Vec<Scalar>> {
    let mut rows = Vec::with_capacity(deltas.len() + 1);
    rows.push(start);
    for delta in deltas {
        let next = rows.last().map(|row| row.iter().zip(&delta).map(|(w, d)| w - d).collect());
        rows.extend(next);
    }
    rows
}
