//! The prover's work for absence: products of differences, their inverses, and the sum that ties them together,
//!
//! ```text
//! sum_i eq(tau,i) sum_k w^k_i prod_{q in k} (m_q - m_i)
//! ```
//!
//! With eq in split form, a round polynomial is `E eq(tau_a,X) s(X)`, E over the bound variables, and
//! `s(X) = sum_i e_i sum_k w^k_i(X) prod_q (m_q - m_i(X))` has degree 1 + g for groups of at most g queries: it is found from its
//! values at 0 .. g + 1, for which w^k_i and m_i, lines in X, take one step after the other.
//!
//! Cost an entry and group: g multiplications and three for the inverse; in all rounds together (g + 2)^2 multiplications, about.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "prover only: tables that it holds"
)]

use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};
use zkdl_field::lanes::{self, Kernel, Lanes, WIDTH};
use zkdl_field::multilinear::{eq, eq_table, fold, sixteen};
use zkdl_field::scalar::invert_all;
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck::{RoundPolynomial, SumProver};

/// Most queries of a group.
pub const GROUP: usize = 8;
/// Values that fix s.
const MOST_VALUES: usize = GROUP + 2;
/// Entries that share an inversion, and are one unit of work for a thread.
const CHUNK: usize = 1 << 10;

/// `w^k_i = 1 / prod_{q in k} (m_q - m_i)` for every group k and entry i; `None` if some difference is zero.
///
/// All of them are looked at before that is said, and which one it was is not.
#[must_use]
pub fn inverses(m: &[Scalar], groups: &[Vec<Scalar>]) -> Option<Vec<Zeroizing<Vec<Scalar>>>> {
    let mut w: Vec<_> = groups.iter().map(|_| Zeroizing::new(vec![Scalar::ZERO; m.len()])).collect();
    let invert = |(w, group): (&mut Zeroizing<Vec<Scalar>>, &Vec<Scalar>)| {
        let chunks = w.par_chunks_mut(CHUNK).zip(m.par_chunks(CHUNK));
        let invert = |(w, m): (&mut [Scalar], &[Scalar])| {
            lanes::run(Products { m, group, products: &mut *w });
            invert_all(w)
        };
        chunks.map(invert).reduce(|| true, |a, b| a & b)
    };
    let all = w.par_iter_mut().zip(groups).map(invert).reduce(|| true, |a, b| a & b);
    all.then_some(w)
}

/// `prod_q (m_q - m_i)` for every i.
struct Products<'k> {
    m: &'k [Scalar],
    group: &'k [Scalar],
    products: &'k mut [Scalar],
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) {
        for (out, m) in self.products.chunks_mut(WIDTH).zip(self.m.chunks(WIDTH)) {
            let mut octet = [Scalar::ZERO; WIDTH];
            octet[..m.len()].copy_from_slice(m);
            let m = lanes.load(&octet);
            let mut product = lanes.splat(&Scalar::ONE);
            for q in self.group {
                product = lanes.mul(product, lanes.sub::<1>(lanes.splat(q), m));
            }
            let octet = lanes.store(product);
            out.copy_from_slice(&octet[..out.len()]);
        }
    }
}

/// The sum, its variables bound one by one. Tables are zero beyond their end.
pub struct DifferenceSum<'a> {
    m: Vec<Scalar>,
    /// By group, with its coefficient.
    w: Vec<Vec<Scalar>>,
    /// m_q by group.
    groups: &'a [Vec<Scalar>],
    /// Coordinates of tau not yet bound, most significant first.
    tau: Vec<Scalar>,
    /// `eq(tau, r)` over the bound variables.
    scale: Scalar,
}

/// Tables follow from secrets: they are erased from memory when dropped.
impl Drop for DifferenceSum<'_> {
    fn drop(&mut self) {
        self.m.zeroize();
        self.w.zeroize();
    }
}

impl<'a> DifferenceSum<'a> {
    /// The sum over `m` with `coefficients_k w^k`; `groups` have at most [`GROUP`] queries each.
    #[must_use]
    pub fn new(
        m: &[Scalar],
        w: &[Zeroizing<Vec<Scalar>>],
        groups: &'a [Vec<Scalar>],
        coefficients: &[Scalar],
        tau: &[Scalar],
    ) -> Self {
        debug_assert!(groups.iter().all(|group| group.len() <= GROUP));
        let scaled = |(w, c): (&Zeroizing<Vec<Scalar>>, &Scalar)| w.iter().map(|x| x * c).collect();
        let w = w.par_iter().zip(coefficients).map(scaled).collect();
        Self { m: m.to_vec(), w, groups, tau: tau.to_vec(), scale: Scalar::ONE }
    }

    /// m at the point of challenges, once every variable is bound.
    #[must_use]
    pub fn fingerprint(&self) -> Scalar {
        self.m.first().copied().unwrap_or(Scalar::ZERO)
    }

    /// Entries beyond the longest table contribute nothing.
    fn length(&self) -> usize {
        self.w.iter().map(Vec::len).fold(self.m.len(), usize::max)
    }

    /// s(0), s(1), .. for the next variable: as many as fix it.
    fn values(&self, above: &[Scalar]) -> Vec<Scalar> {
        let count = self.groups.iter().map(Vec::len).max().unwrap_or(0) + 2;
        let weights = eq_table(above);
        let starts: Vec<usize> = (0..self.length()).step_by(2 * CHUNK).collect();
        let values = |first: usize| lanes::run(Values { sum: self, first, weights: &weights, count });
        let sums = starts.into_par_iter().map(values);
        sums.reduce(|| [Scalar::ZERO; MOST_VALUES], |a, b| std::array::from_fn(|i| a[i] + b[i]))[..count].to_vec()
    }
}

/// The values of s, summed over the pairs of a chunk.
struct Values<'k> {
    sum: &'k DifferenceSum<'k>,
    first: usize,
    weights: &'k [Scalar],
    count: usize,
}

impl Kernel for Values<'_> {
    type Output = [Scalar; MOST_VALUES];

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> [Scalar; MOST_VALUES] {
        let DifferenceSum { m, w, groups, .. } = self.sum;
        let one = lanes.splat(&Scalar::ONE);
        let end = self.sum.length().min(self.first + 2 * CHUNK);
        let mut sums = [L::Sum::default(); MOST_VALUES];
        for start in (self.first..end).step_by(2 * WIDTH) {
            let weights = lanes.load(&eight(&self.weights[start / 2..]));
            let mut lines = [one; MOST_VALUES];
            steps(lanes, m.get(start..).unwrap_or(&[]), &mut lines[..self.count]);
            for (w, group) in w.iter().zip(*groups) {
                let mut inverses = [one; MOST_VALUES];
                steps(lanes, w.get(start..).unwrap_or(&[]), &mut inverses[..self.count]);
                for (k, sum) in sums.iter_mut().enumerate().take(self.count) {
                    let mut product = inverses[k];
                    for q in group {
                        product = lanes.mul(product, lanes.sub::<2>(lanes.splat(q), lines[k]));
                    }
                    lanes.mul_add(sum, product, weights);
                }
            }
        }
        let mut out = [Scalar::ZERO; MOST_VALUES];
        for (value, sum) in out.iter_mut().zip(sums) {
            *value = lanes.total(lanes.reduce(sum));
        }
        out
    }
}

/// Eight lines through neighbours of the table, at 0, 1, 2, ..; each of bound 2.
#[inline(always)]
fn steps<L: Lanes<Scalar>>(lanes: L, table: &[Scalar], values: &mut [L::Vector]) {
    let (low, high) = lanes.load_pairs(&sixteen(table));
    let slope = lanes.sub::<1>(high, low);
    let one = lanes.splat(&Scalar::ONE);
    let mut value = low;
    for out in values {
        *out = value;
        // The multiplication brings the bound back to 2.
        value = lanes.mul(lanes.add(value, slope), one);
    }
}

/// The first eight entries, zero beyond the end.
#[inline(always)]
fn eight(values: &[Scalar]) -> [Scalar; WIDTH] {
    let mut octet = [Scalar::ZERO; WIDTH];
    for (to, from) in octet.iter_mut().zip(values) {
        *to = *from;
    }
    octet
}

impl SumProver for DifferenceSum<'_> {
    fn round(&self) -> RoundPolynomial {
        let Some((current, above)) = self.tau.split_last() else { return RoundPolynomial::default() };
        let s = coefficients(self.values(above));
        // Times scale eq(current, X), a line.
        let (u, v) = (self.scale * (Scalar::ONE - current), self.scale * (current.double() - Scalar::ONE));
        let term = |i: usize| {
            let at = |i: Option<usize>| i.and_then(|i| s.get(i)).copied().unwrap_or(Scalar::ZERO);
            u * at(Some(i)) + v * at(i.checked_sub(1))
        };
        RoundPolynomial { constant: term(0), higher: (2..=s.len()).map(term).collect() }
    }

    fn bind(&mut self, r: &Scalar) {
        if let Some(tau) = self.tau.pop() {
            self.scale *= eq(&[tau], &[*r]);
        }
        fold(&mut self.m, r);
        self.w.par_iter_mut().for_each(|table| fold(table, r));
    }
}

/// The coefficients of the polynomial with these values at 0, 1, 2, ..: Newton's divided differences, then Horner's rule.
fn coefficients(mut values: Vec<Scalar>) -> Vec<Scalar> {
    for distance in 1..values.len() {
        let inverse = Scalar::from(distance as u64).invert().unwrap_or(Scalar::ZERO);
        for i in (distance..values.len()).rev() {
            values[i] = (values[i] - values[i - 1]) * inverse;
        }
    }
    let mut polynomial: Vec<Scalar> = Vec::with_capacity(values.len());
    for (node, value) in values.iter().enumerate().rev() {
        // p <- p (X - node) + value
        let node = Scalar::from(node as u64);
        polynomial.insert(0, *value);
        for i in 0..polynomial.len() - 1 {
            let carried = polynomial[i + 1] * node;
            polynomial[i] -= carried;
        }
    }
    polynomial
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkdl_field::lanes::audit::Audit;
    use zkdl_field::multilinear::log2_ceil;
    use zkdl_field::scalar::random;

    fn scalars(n: usize) -> Vec<Scalar> {
        (0..n).map(|_| random().unwrap()).collect()
    }

    #[test]
    fn polynomials_through_values() {
        for n in 1..=MOST_VALUES {
            let polynomial = scalars(n);
            let at = |x: u64| polynomial.iter().rev().fold(Scalar::ZERO, |sum, c| sum * Scalar::from(x) + c);
            assert_eq!(coefficients((0..n as u64).map(at).collect()), polynomial);
        }
    }

    #[test]
    fn inverses_are_inverses_or_none() {
        for n in [1, 7, 8, 9, 2 * CHUNK + 3] {
            let m = scalars(n);
            let groups = vec![scalars(1), scalars(GROUP), scalars(3)];
            let w = inverses(&m, &groups).unwrap();
            for (w, group) in w.iter().zip(&groups) {
                for (w, m) in w.iter().zip(&m) {
                    assert_eq!(w * group.iter().map(|q| q - m).product::<Scalar>(), Scalar::ONE);
                }
            }
            for i in [0, n / 2, n - 1] {
                let mut member = groups.clone();
                member[1][5] = m[i];
                assert!(inverses(&m, &member).is_none());
            }
            let mut products = vec![Scalar::ZERO; n];
            Products { m: &m, group: &groups[1], products: &mut products }.run(Audit);
            assert!(products.iter().zip(w[1].iter()).all(|(p, w)| p * w == Scalar::ONE));
        }
    }

    /// Every round against the sum written down, and the kernel within its bounds.
    #[test]
    fn rounds_are_their_definition() {
        for (n, sizes) in [(1, vec![1]), (2, vec![2]), (5, vec![8]), (16, vec![3, 2]), (100, vec![8, 8, 1])] {
            let (mut m, mut w) = (scalars(n), sizes.iter().map(|_| scalars(n)).collect::<Vec<_>>());
            let groups: Vec<_> = sizes.iter().map(|g| scalars(*g)).collect();
            let (coefficients, mut tau) = (scalars(sizes.len()), scalars(log2_ceil(n)));
            let hidden: Vec<_> = w.iter().cloned().map(Zeroizing::new).collect();
            let mut sum = DifferenceSum::new(&m, &hidden, &groups, &coefficients, &tau);
            let mut scale = Scalar::ONE;
            while let Some(current) = tau.pop() {
                let entry = |table: &[Scalar], i: usize, x: &Scalar| {
                    let at = |i: usize| table.get(i).copied().unwrap_or(Scalar::ZERO);
                    at(2 * i) + (at(2 * i + 1) - at(2 * i)) * x
                };
                let at = |x: &Scalar| -> Scalar {
                    let term = |(i, e): (usize, &Scalar)| -> Scalar {
                        let product = |k: usize| -> Scalar {
                            let differences = groups[k].iter().map(|q| q - entry(&m, i, x)).product::<Scalar>();
                            coefficients[k] * entry(&w[k], i, x) * differences
                        };
                        e * (0..w.len()).map(product).sum::<Scalar>()
                    };
                    scale * eq(&[current], &[*x]) * eq_table(&tau).iter().enumerate().map(term).sum::<Scalar>()
                };
                let round = sum.round();
                let polynomial = |x: &Scalar| {
                    let linear = at(&Scalar::ONE) - round.constant - round.higher.iter().sum::<Scalar>();
                    let mut powers = x.square();
                    let mut value = round.constant + linear * x;
                    for c in &round.higher {
                        value += c * powers;
                        powers *= x;
                    }
                    value
                };
                for x in scalars(3) {
                    assert_eq!(polynomial(&x), at(&x));
                }
                let weights = eq_table(&tau);
                let count = sizes.iter().max().unwrap() + 2;
                let audited = Values { sum: &sum, first: 0, weights: &weights, count }.run(Audit);
                assert_eq!(audited[..count], sum.values(&tau));
                let r = random().unwrap();
                scale *= eq(&[current], &[r]);
                sum.bind(&r);
                fold(&mut m, &r);
                w.iter_mut().for_each(|table| fold(table, &r));
            }
            assert_eq!(sum.fingerprint(), m[0]);
        }
    }
}
