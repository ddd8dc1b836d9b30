//! How cells and weights lie in committed rows of C columns (Hyrax: one row, one commitment).
//!
//! A row packs `2^k` consecutive items of equal length, k maximal, so that the low k coordinates of the items' axis select
//! within a row and the high ones select the row. The last row of an axis may be shorter: it is a class of its own.
//!
//! | what | items | row order |
//! |---|---|---|
//! | cells of slot l, step t | examples, `width * stride` bits each; or, if one does not fit, the neurons of one example | l, t, b_hi, j_hi |
//! | weights of slot l | input neurons k, `d_{l+1}` integers each; the bias apart, last | l, k_hi, bias |
//! | data point i | features, then one-hot label | i |

use crate::shape::{Shape, size};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use zkdl_field::multilinear::{eq_table, log2_ceil};
use zkdl_field::{Field, Scalar};

/// Items of equal length packed into rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// Number of items.
    pub items: usize,
    /// A row holds `2^log` of them.
    pub log: usize,
}

impl Packing {
    /// Packs `items` items of `length` columns, `length <= columns`.
    #[must_use]
    pub fn new(items: usize, length: usize, columns: usize) -> Self {
        let fitting = columns.checked_div(length).map_or(0, |n| n.max(1).ilog2());
        Self { items, log: size(fitting).min(log2_ceil(items)) }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.items.div_ceil(1 << self.log)
    }

    /// The items of a row.
    #[must_use]
    pub fn range(&self, row: usize) -> Range<usize> {
        let first = row << self.log;
        first..self.items.min(first.saturating_add(1 << self.log))
    }

    /// eq(p, .) split into row weights and weights within a row.
    #[must_use]
    pub fn split(&self, p: &[Scalar]) -> (Vec<Scalar>, Vec<Scalar>) {
        debug_assert!(self.log <= p.len(), "a row of 2^{} items over {} variables", self.log, p.len());
        let (high, low) = p.split_at(p.len().saturating_sub(self.log));
        (eq_table(high), eq_table(low))
    }
}

/// How the cells of a slot are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellPacking {
    /// Several examples a row.
    Examples(Packing),
    /// Several neurons of one example a row.
    Neurons(Packing),
}

impl CellPacking {
    /// The packing of a slot.
    #[must_use]
    pub fn new(shape: &Shape, slot: usize) -> Self {
        let cell = shape.cell_columns(slot);
        let example = cell.saturating_mul(shape.outputs(slot));
        if example <= shape.columns {
            Self::Examples(Packing::new(shape.batch, example, shape.columns))
        } else {
            Self::Neurons(Packing::new(shape.outputs(slot), cell, shape.columns))
        }
    }

    /// Rows of one step.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "no more rows than cells, which are counted: `Shape::validate`")]
    pub fn rows(&self, shape: &Shape) -> usize {
        match self {
            Self::Examples(packing) => packing.rows(),
            Self::Neurons(packing) => packing.rows() * shape.batch,
        }
    }
}

/// A row as a range of a slot's bytes (cells) or integers (weights).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The slot.
    pub slot: usize,
    /// The range.
    pub range: Range<usize>,
}

/// All rows of cells, in order.
#[must_use]
#[expect(clippy::arithmetic_side_effects, reason = "prover only: ranges of the bytes it holds")]
pub fn cell_rows(shape: &Shape) -> Vec<Row> {
    let mut rows = Vec::new();
    for slot in 0..shape.layers() {
        let stride = shape.stride(slot);
        let example = shape.outputs(slot) * stride;
        for t in 0..shape.steps() {
            let step = t * shape.batch * example;
            let mut push = |first: usize, range: Range<usize>, length: usize| {
                rows.push(Row { slot, range: first + range.start * length..first + range.end * length });
            };
            match CellPacking::new(shape, slot) {
                CellPacking::Examples(packing) => {
                    (0..packing.rows()).for_each(|row| push(step, packing.range(row), example));
                }
                CellPacking::Neurons(packing) => {
                    for b in 0..shape.batch {
                        (0..packing.rows()).for_each(|row| push(step + b * example, packing.range(row), stride));
                    }
                }
            }
        }
    }
    rows
}

/// Number of rows of cells.
#[must_use]
#[expect(clippy::arithmetic_side_effects, reason = "no more rows than cells, which are counted: `Shape::validate`")]
pub fn cell_row_count(shape: &Shape) -> usize {
    (0..shape.layers()).map(|slot| CellPacking::new(shape, slot).rows(shape) * shape.steps()).sum()
}

/// How the weights of a slot, without bias, are packed.
#[must_use]
pub fn weight_packing(shape: &Shape, slot: usize) -> Packing {
    Packing::new(shape.inputs(slot), shape.outputs(slot), shape.columns)
}

/// All rows of weights, in order.
#[must_use]
#[expect(clippy::arithmetic_side_effects, reason = "no index beyond the weights, which are counted: `Shape::validate`")]
pub fn weight_rows(shape: &Shape) -> Vec<Row> {
    let mut rows = Vec::new();
    for slot in 0..shape.layers() {
        let (inputs, outputs) = (shape.inputs(slot), shape.outputs(slot));
        let packing = weight_packing(shape, slot);
        for row in 0..packing.rows() {
            let items = packing.range(row);
            rows.push(Row { slot, range: items.start * outputs..items.end * outputs });
        }
        rows.push(Row { slot, range: inputs * outputs..(inputs + 1) * outputs });
    }
    rows
}

/// Number of rows of weights.
#[must_use]
#[expect(clippy::arithmetic_side_effects, reason = "no more rows than weights, which are counted: `Shape::validate`")]
pub fn weight_row_count(shape: &Shape) -> usize {
    (0..shape.layers()).map(|slot| weight_packing(shape, slot).rows() + 1).sum()
}

/// Rows with equal column weights: `E = sum weight row`, `p` the public weight of every column, zero beyond its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Row index and weight.
    pub rows: Vec<(usize, Scalar)>,
    /// p.
    pub columns: Vec<Scalar>,
}

/// Collects rows into classes by a public key, in order of first appearance: its rank stands beside each.
#[derive(Debug, Default)]
pub struct Classes<K>(BTreeMap<K, (usize, Class)>);

impl<K: Ord> Classes<K> {
    /// No class yet.
    #[must_use]
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a row; `columns` is called when the key is new.
    pub fn add(&mut self, key: K, row: usize, weight: Scalar, columns: impl FnOnce() -> Vec<Scalar>) {
        let rank = self.0.len();
        let new = || (rank, Class { rows: Vec::new(), columns: columns() });
        let (_, class) = self.0.entry(key).or_insert_with(new);
        class.rows.push((row, weight));
    }

    /// The classes.
    #[must_use]
    pub fn finish(self) -> Vec<Class> {
        let mut classes: Vec<_> = self.0.into_values().collect();
        classes.sort_by_key(|(rank, _)| *rank);
        classes.into_iter().map(|(_, class)| class).collect()
    }
}

/// The first `n` weights of a table: cubes have at least as many entries as their axis has indices.
pub(crate) fn first(table: &[Scalar], n: usize) -> &[Scalar] {
    debug_assert!(n <= table.len(), "an axis of {n} indices in a table of {}", table.len());
    table.get(..n).unwrap_or(table)
}

/// Column weights of `items` items: `item_weight(i) * within(c)`, each item padded to `length` columns.
#[must_use]
pub fn column_weights(items: &[Scalar], within: &[Scalar], length: usize) -> Vec<Scalar> {
    let mut columns = vec![Scalar::ZERO; items.len().saturating_mul(length)];
    let padded = columns.par_chunks_mut(length.max(1)).with_min_len((1usize << 10).div_ceil(length.max(1)));
    padded.zip(items).for_each(|(columns, item)| {
        for (column, w) in columns.iter_mut().zip(within) {
            *column = item * w;
        }
    });
    columns
}

/// The classes of rows that pack items, the first of them row `base`: eq(p) weighs the items, `within` the columns of an item.
#[must_use]
pub fn item_classes(packing: Packing, base: usize, p: &[Scalar], within: &[Scalar]) -> Vec<Class> {
    let (high, low) = packing.split(p);
    let mut classes = Classes::new();
    for ((row, part), weight) in (base..).zip(0..packing.rows()).zip(high) {
        let items = packing.range(part).len();
        classes.add(items, row, weight, || column_weights(first(&low, items), within, within.len()));
    }
    classes.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Format;

    fn shape(widths: &[usize], batch: usize, columns: usize) -> Shape {
        Shape {
            widths: widths.to_vec(),
            batch,
            format: Format { f_a: 3, f_x: 3, r: 7, r_l: 19, q: 14, q_g: 13 },
            multipliers: vec![1; 3],
            schedule: vec![vec![0; batch]; 3],
            points: 1,
            columns,
        }
    }

    #[test]
    fn rows_cover_every_cell_and_weight_once() {
        for (batch, columns) in [(1, 64), (3, 128), (5, 512), (7, 4096)] {
            let shape = shape(&[5, 7, 6, 3], batch, columns);
            let cells = cell_rows(&shape);
            assert_eq!(cells.len(), cell_row_count(&shape));
            let weights = weight_rows(&shape);
            assert_eq!(weights.len(), weight_row_count(&shape));
            for slot in 0..shape.layers() {
                let ends = |rows: &[Row], end: usize| {
                    let mine: Vec<_> = rows.iter().filter(|r| r.slot == slot).collect();
                    assert_eq!(mine[0].range.start, 0);
                    assert!(mine.windows(2).all(|w| w[0].range.end == w[1].range.start));
                    assert_eq!(mine.last().unwrap().range.end, end);
                };
                ends(&cells, shape.steps() * batch * shape.outputs(slot) * shape.stride(slot));
                ends(&weights, (shape.widths[slot] + 1) * shape.outputs(slot));
            }
            assert!(cells.iter().all(|r| 8 * r.range.len() <= columns));
            assert!(weights.iter().all(|r| r.range.len() <= columns));
        }
    }
}
