//! Public weights on one axis: a table for the prover, its multilinear extension at a point for the verifier.
//!
//! Weights that depend on layer or step go inside the sums as tables of this kind: the extension of a product is not the
//! product of extensions.

use crate::shape::Shape;
use zkdl_field::multilinear::{eq, eq_index, eq_table, later, later_table};
use zkdl_field::{Field, Scalar};

/// A weight on the indices of one axis.
#[derive(Debug, Clone)]
pub enum Axis {
    /// `i -> eq(p, i)`.
    Eq(Vec<Scalar>),
    /// `i -> sum_{t>i} eq(p, t)`.
    Later(Vec<Scalar>),
    /// `destination -> coefficient eq(p, source)` for the listed entries, zero elsewhere.
    Listed {
        /// The point.
        point: Vec<Scalar>,
        /// Source, destination, coefficient.
        entries: Vec<(usize, usize, Scalar)>,
    },
}

impl Axis {
    fn listed(point: &[Scalar], entries: impl Iterator<Item = (usize, usize, Scalar)>) -> Self {
        Self::Listed { point: point.to_vec(), entries: entries.collect() }
    }

    /// `eq(p, i)`.
    #[must_use]
    pub fn eq(point: &[Scalar]) -> Self {
        Self::Eq(point.to_vec())
    }

    /// Activations: slot a of A belongs to the cells of slot a - 1; A^L is nobody's input.
    #[must_use]
    pub fn shift(shape: &Shape, point: &[Scalar]) -> Self {
        Self::listed(point, (1..shape.layers()).zip(0..).map(|(a, below)| (a, below, Scalar::ONE)))
    }

    /// Back-propagation: H of the cells of slot a - 1 comes from slot a of G and W.
    #[must_use]
    pub fn up(shape: &Shape, point: &[Scalar]) -> Self {
        Self::listed(point, (1..shape.layers()).zip(0..).map(|(a, below)| (below, a, Scalar::ONE)))
    }

    /// Hidden slots only.
    #[must_use]
    pub fn hidden(shape: &Shape, point: &[Scalar]) -> Self {
        Self::listed(point, (0..shape.output_slot()).map(|a| (a, a, Scalar::ONE)))
    }

    /// The output slot only.
    #[must_use]
    pub fn output(shape: &Shape, point: &[Scalar]) -> Self {
        let last = shape.output_slot();
        Self::listed(point, std::iter::once((last, last, Scalar::ONE)))
    }

    /// `eq(p, t) / c_t` on real steps.
    #[must_use]
    pub fn over_multiplier(shape: &Shape, point: &[Scalar]) -> Self {
        Self::listed(point, inverse_multipliers(shape).into_iter().enumerate().map(|(t, c)| (t, t, c)))
    }

    /// The weight of every index of the cube.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "prover only: destinations are layers or steps, the cube has all of them"
    )]
    pub fn table(&self) -> Vec<Scalar> {
        match self {
            Self::Eq(p) => eq_table(p),
            Self::Later(p) => later_table(p),
            Self::Listed { point, entries } => {
                let mut table = vec![Scalar::ZERO; 1 << point.len()];
                for (source, destination, coefficient) in entries {
                    table[*destination] += coefficient * eq_index(point, *source);
                }
                table
            }
        }
    }

    /// The extension of the table at `x`.
    #[must_use]
    pub fn at(&self, x: &[Scalar]) -> Scalar {
        match self {
            Self::Eq(p) => eq(p, x),
            Self::Later(p) => later(x, p),
            Self::Listed { point, entries } => {
                entries.iter().map(|(s, d, c)| c * eq_index(point, *s) * eq_index(x, *d)).sum()
            }
        }
    }
}

/// `1 / c_t` in the field; a multiplier is never zero in a valid shape.
#[must_use]
pub fn inverse_multipliers(shape: &Shape) -> Vec<Scalar> {
    shape.multipliers.iter().map(|c| Scalar::from(*c).invert().unwrap_or(Scalar::ZERO)).collect()
}

/// The table of a product of weights on independent axes, the last axis fastest.
#[must_use]
pub fn outer(axes: &[Vec<Scalar>]) -> Vec<Scalar> {
    axes.iter()
        .fold(vec![Scalar::ONE], |table, axis| table.iter().flat_map(|a| axis.iter().map(move |b| a * b)).collect())
}

/// The cube (l, t, b) of values given by slot and `t * batch + b`, zero beyond real indices.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "prover only: the cube has all real indices"
)]
pub(crate) fn dense(shape: &Shape, rows: &[Vec<Scalar>]) -> Vec<Scalar> {
    let (steps, examples) = (1 << shape.log_steps(), 1 << shape.log_batch());
    let mut table = vec![Scalar::ZERO; (1 << shape.log_layers()) * steps * examples];
    for (l, row) in rows.iter().enumerate() {
        for (s, values) in row.chunks(shape.batch).enumerate() {
            let first = (l * steps + s) * examples;
            table[first..first + values.len()].copy_from_slice(values);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Format;
    use zkdl_field::multilinear::evaluate;
    use zkdl_field::scalar::random;

    /// Catalogue 122.
    #[test]
    fn what_the_verifier_evaluates_is_the_extension_of_the_provers_table() {
        let format = Format { f_a: 3, f_x: 3, r: 7, r_l: 19, q: 14, q_g: 13 };
        let shape = Shape {
            widths: vec![5, 7, 6, 3],
            batch: 3,
            format,
            multipliers: vec![5, 6, 7],
            schedule: vec![vec![0; 3]; 3],
            points: 1,
            columns: 64,
        };
        let point = |n: usize| (0..n).map(|_| random().unwrap()).collect::<Vec<_>>();
        let (p, x) = (point(2), point(2));
        for axis in [
            Axis::eq(&p),
            Axis::Later(p.clone()),
            Axis::shift(&shape, &p),
            Axis::up(&shape, &p),
            Axis::hidden(&shape, &p),
            Axis::output(&shape, &p),
            Axis::over_multiplier(&shape, &p),
        ] {
            assert_eq!(axis.at(&x), evaluate(&axis.table(), &x), "{axis:?}");
        }
    }
}
