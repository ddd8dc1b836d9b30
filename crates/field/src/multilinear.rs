//! Multilinear extensions (MLEs) on the boolean cube, and the public weights that are evaluated in closed form.
//!
//! Convention everywhere: the first coordinate of a point is the MOST significant bit of the index; sumchecks bind the
//! LEAST significant variable first. A table shorter than the cube is its own zero extension ("virtual padding").

use crate::lanes::{self, Kernel, Lanes, WIDTH};
use crate::scalar::{Scalar, dot};
use pasta_curves::group::ff::Field;

/// Number of variables of a cube that holds `n` points: `ceil(log2 n)`, 0 for `n <= 1`.
#[must_use]
#[expect(clippy::as_conversions, reason = "at most 63")]
pub fn log2_ceil(n: usize) -> usize {
    n.max(1).next_power_of_two().trailing_zeros() as usize
}

/// `[eq(p, i)]` for every index of the cube. Cost: one multiplication an entry.
#[must_use]
pub fn eq_table(p: &[Scalar]) -> Vec<Scalar> {
    let mut table = Vec::with_capacity(1 << p.len());
    table.push(Scalar::ONE);
    for x in p {
        table = table
            .iter()
            .flat_map(|e| {
                let high = e * x;
                [e - high, high]
            })
            .collect();
    }
    table
}

/// `eq(p, q) = prod_a (p_a q_a + (1 - p_a)(1 - q_a))`.
#[must_use]
pub fn eq(p: &[Scalar], q: &[Scalar]) -> Scalar {
    debug_assert_eq!(p.len(), q.len());
    p.iter().zip(q).map(|(a, b)| eq_bit(a, b)).product()
}

fn eq_bit(a: &Scalar, b: &Scalar) -> Scalar {
    Scalar::ONE - a - b + (a * b).double()
}

/// Whether bit `a` (from the most significant of `n`) of `index` is set.
fn bit(index: usize, a: usize, n: usize) -> bool {
    let below = n.checked_sub(a).and_then(|rest| u32::try_from(rest.checked_sub(1)?).ok());
    below.and_then(|below| index.checked_shr(below)).is_some_and(|word| word & 1 == 1)
}

/// `eq(p, index)` without a table.
#[must_use]
pub fn eq_index(p: &[Scalar], index: usize) -> Scalar {
    let n = p.len();
    p.iter().enumerate().map(|(a, x)| if bit(index, a, n) { *x } else { Scalar::ONE - x }).product()
}

/// The indicator of real indices, `sum_{i<n} eq(p, i)`, in O(log).
#[must_use]
pub fn prefix(n: usize, p: &[Scalar]) -> Scalar {
    let m = p.len();
    if n >= 1 << m {
        return Scalar::ONE;
    }
    let mut sum = Scalar::ZERO;
    let mut path = Scalar::ONE;
    for (a, x) in p.iter().enumerate() {
        if bit(n, a, m) {
            sum += path * (Scalar::ONE - x);
            path *= x;
        } else {
            path *= Scalar::ONE - x;
        }
    }
    sum
}

/// "Strictly later": the MLE in `u` of `u -> sum_{t>u} eq(p, t)`, in O(log).
#[must_use]
pub fn later(u: &[Scalar], p: &[Scalar]) -> Scalar {
    debug_assert_eq!(p.len(), u.len());
    let mut sum = Scalar::ZERO;
    let mut path = Scalar::ONE;
    for (a, b) in u.iter().zip(p) {
        sum += path * (Scalar::ONE - a) * b;
        path *= eq_bit(a, b);
    }
    sum
}

/// The table of [`later`] over the whole cube.
#[must_use]
pub fn later_table(p: &[Scalar]) -> Vec<Scalar> {
    let mut table = eq_table(p);
    let mut suffix = Scalar::ZERO;
    for entry in table.iter_mut().rev() {
        let e = *entry;
        *entry = suffix;
        suffix += e;
    }
    table
}

/// Binds the least significant variable of a virtually padded table to `r`: length `n` becomes `ceil(n / 2)`.
pub fn fold(table: &mut Vec<Scalar>, r: &Scalar) {
    lanes::run(Fold { row: table, r });
    table.truncate(table.len().div_ceil(2));
}

struct Fold<'k> {
    row: &'k mut [Scalar],
    r: &'k Scalar,
}

impl Kernel for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) {
        fold_row(lanes, self.row, lanes.splat(self.r));
    }
}

/// [`fold`] for kernels, in place: the first half of the row is the result, what lies behind it means nothing.
#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "prover only: ranges end with the row")]
#[inline(always)]
pub fn fold_row<L: Lanes<Scalar>>(lanes: L, row: &mut [Scalar], r: L::Vector) {
    for first in (0..row.len()).step_by(2 * WIDTH) {
        let (low, high) = lanes.load_pairs(&sixteen(&row[first..]));
        let folded = lanes.store(lanes.add(low, lanes.mul(lanes.sub::<1>(high, low), r)));
        let count = WIDTH.min((row.len() - first).div_ceil(2));
        row[first / 2..first / 2 + count].copy_from_slice(&folded[..count]);
    }
}

/// The first sixteen entries of a virtually padded table.
#[inline(always)]
#[must_use]
pub fn sixteen(values: &[Scalar]) -> [Scalar; 2 * WIDTH] {
    if let Some(whole) = values.first_chunk() {
        return *whole;
    }
    let mut padded = [Scalar::ZERO; 2 * WIDTH];
    for (entry, value) in padded.iter_mut().zip(values) {
        *entry = *value;
    }
    padded
}

/// The MLE of a virtually padded table at `p`.
#[must_use]
pub fn evaluate(table: &[Scalar], p: &[Scalar]) -> Scalar {
    dot(table, &eq_table(p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::random;

    fn point(n: usize) -> Vec<Scalar> {
        (0..n).map(|_| random().unwrap()).collect()
    }

    /// Catalogue 122.
    #[test]
    fn closed_forms_equal_tables() {
        for n in 0..5 {
            let (p, u) = (point(n), point(n));
            let table = eq_table(&p);
            assert_eq!(eq(&p, &u), evaluate(&table, &u));
            assert_eq!(later(&u, &p), evaluate(&later_table(&p), &u));
            for i in 0..1 << n {
                assert_eq!(eq_index(&p, i), table[i]);
                assert_eq!(prefix(i + 1, &p), table[..=i].iter().sum());
            }
        }
    }

    #[test]
    fn folding_is_evaluation_for_every_length() {
        for len in (1..10).chain([15, 16, 17, 31, 100]) {
            let table = point(len);
            let p = point(log2_ceil(len) + 1);
            let mut folded = table.clone();
            for r in p.iter().rev() {
                fold(&mut folded, r);
            }
            assert_eq!(folded, vec![evaluate(&table, &p)]);
            let mut audited = table.clone();
            let r = p[p.len() - 1];
            Fold { row: &mut audited, r: &r }.run(crate::lanes::audit::Audit);
            let mut once = table.clone();
            fold(&mut once, &r);
            assert_eq!(audited[..once.len()], once);
        }
    }

    #[test]
    fn logarithms() {
        assert_eq!([0, 1, 2, 3, 4, 5].map(log2_ceil), [0, 0, 1, 2, 2, 3]);
    }
}
