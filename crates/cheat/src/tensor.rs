//! Sparse tensors over the field and their dense tables, by naive sums.

use std::collections::BTreeMap;
use zkdl_field::multilinear::eq_table;
use zkdl_field::{Field, Scalar};

/// A sparse tensor: what is not listed is zero.
pub type Tensor<const N: usize> = BTreeMap<[usize; N], Scalar>;

/// What happens to an axis of a tensor.
#[derive(Debug, Clone)]
pub enum Axis {
    /// Stays, as this many bits of the index.
    Keep(usize),
    /// Is contracted with this vector.
    With(Vec<Scalar>),
}

/// Contracts with `eq(point, .)`.
#[must_use]
pub fn at(point: &[Scalar]) -> Axis {
    Axis::With(eq_table(point))
}

/// Contracts with `(1 - c, c)`.
#[must_use]
pub fn at_bit(c: Scalar) -> Axis {
    Axis::With(vec![Scalar::ONE - c, c])
}

/// The dense table over the axes that stay; entries beyond the cube are dropped.
#[must_use]
pub fn table<const N: usize>(tensor: &Tensor<N>, axes: &[Axis; N]) -> Vec<Scalar> {
    let bits: usize = axes.iter().map(|a| if let Axis::Keep(n) = a { *n } else { 0 }).sum();
    let mut dense = vec![Scalar::ZERO; 1 << bits];
    for (index, value) in tensor {
        if let Some((place, weight)) = locate(index, axes) {
            dense[place] += weight * value;
        }
    }
    dense
}

fn locate<const N: usize>(index: &[usize; N], axes: &[Axis; N]) -> Option<(usize, Scalar)> {
    index.iter().zip(axes).try_fold((0, Scalar::ONE), |(place, weight), (i, axis)| match axis {
        Axis::Keep(n) => (*i < 1 << n).then_some(((place << n) | i, weight)),
        Axis::With(v) => v.get(*i).map(|w| (place, weight * w)),
    })
}

/// The multilinear extension at a point: every axis contracted.
#[must_use]
pub fn value<const N: usize>(tensor: &Tensor<N>, axes: &[Axis; N]) -> Scalar {
    table(tensor, axes)[0]
}

/// `sum_i a_i b_i`.
#[must_use]
pub fn inner(a: &[Scalar], b: &[Scalar]) -> Scalar {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The outer product of axis tables, the last axis fastest.
#[must_use]
pub fn outer(axes: &[&[Scalar]]) -> Vec<Scalar> {
    axes.iter()
        .fold(vec![Scalar::ONE], |table, axis| table.iter().flat_map(|a| axis.iter().map(move |b| a * b)).collect())
}
