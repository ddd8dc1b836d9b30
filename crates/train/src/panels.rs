//! The products of a step through tiles, a panel of weights at a time.
//!
//! ```text
//! forward       Z = A W + 2^f_A 1 b                      by columns of W
//! backward      H = G W^T,  then  W -= A^T G             by rows of W, both in one visit
//! ```
//! A panel is read, split into 16-bit halves and used while it is in the cache, so a step reads every weight twice and writes it
//! once, and nothing of the size of a layer's weights is ever copied. Exactness is the caller's ([`crate::layer`]): a sum of
//! `terms` products fits 32 bits, the sums of those 64.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "training only: sizes and magnitudes have been checked"
)]

use crate::kernel::{LANES, Lanes, Machine, Pair, ROWS, Simd, Tile, Work};
use crate::share::share;
use crate::split::{Split, grow, room};
use crate::weights::LayerWeights;
use std::array::from_fn;
use zeroize::Zeroize;

/// Most terms of a tile: what a worker holds of a panel then stays in its second-level cache.
pub(crate) const TERMS: usize = 256;
/// Columns of a panel of the forward product.
const PANEL_COLUMNS: usize = 128;
/// Rows of a panel of the backward product and the update.
const PANEL_ROWS: usize = 64;

/// What one worker needs: the panel at hand and sums of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    lo: Vec<Lanes>,
    hi: Vec<Lanes>,
    rows_lo: Vec<Pair>,
    rows_hi: Vec<Pair>,
    turned: Vec<Pair>,
    sums: Vec<i64>,
    magnitude: u64,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.lo.zeroize();
        self.hi.zeroize();
        self.rows_lo.zeroize();
        self.rows_hi.zeroize();
        self.turned.zeroize();
        self.sums.zeroize();
    }
}

/// What a worker does at a time: a panel of the weights, from a column or row on, and the sums that it gives.
struct Panel<'a, P, W> {
    product: &'a P,
    from: usize,
    weights: W,
    sums: Vec<&'a mut [i64]>,
    scratch: &'a mut Scratch,
}

impl Work for Panel<'_, Forward<'_>, ()> {
    type Output = ();

    #[inline(always)]
    fn on<S: Simd>(mut self, simd: S) {
        self.product.panel(simd, self.from, &mut self.sums, self.scratch);
    }
}

impl Work for Panel<'_, Backward<'_>, &mut [i64]> {
    type Output = ();

    #[inline(always)]
    fn on<S: Simd>(mut self, simd: S) {
        self.product.panel(simd, self.from, self.weights, &mut self.sums, self.scratch);
    }
}

/// Z = A W + 2^f_A 1 b.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forward<'a> {
    /// W and b.
    pub(crate) weights: &'a LayerWeights,
    /// How W splits.
    pub(crate) split: Split,
    /// Terms of a tile, even.
    pub(crate) terms: usize,
    /// f_A.
    pub(crate) f_a: u32,
    /// A, pairs along its rows.
    pub(crate) input: &'a [Pair],
    /// B.
    pub(crate) batch: usize,
}

impl Forward<'_> {
    /// Writes Z, B x d_l.
    pub(crate) fn run(&self, machine: Machine, z: &mut [i64], workers: &mut [Scratch]) {
        let panels = column_panels(z, self.weights.outputs, PANEL_COLUMNS).into_iter().enumerate();
        share(workers, panels, |scratch, (index, sums)| {
            machine.run(Panel { product: self, from: index * PANEL_COLUMNS, sums, weights: (), scratch });
        });
    }

    #[inline(always)]
    fn panel<S: Simd>(&self, simd: S, from: usize, z: &mut [&mut [i64]], scratch: &mut Scratch) {
        let columns = z.first().map_or(0, |row| row.len());
        for row in z.iter_mut() {
            row.iter_mut().zip(&self.weights.bias()[from..]).for_each(|(z, &b)| *z = b << self.f_a);
        }
        for first in (0..self.weights.inputs).step_by(self.terms) {
            let pairs = (self.weights.inputs - first).min(self.terms).div_ceil(2);
            self.pack(first, pairs, from..from + columns, scratch);
            for strip in 0..columns.div_ceil(LANES) {
                let place = strip * pairs..(strip + 1) * pairs;
                let (lo, hi) = (&scratch.lo[place.clone()], &scratch.hi[place]);
                for b in (0..self.batch).step_by(ROWS) {
                    let x = self.input_rows(b, first / 2);
                    let (lo, hi) = (simd.tile(x, lo), simd.tile(x, hi));
                    let rows = z[b..].iter_mut().map(|row| &mut row[strip * LANES..]);
                    add_halves(rows, &lo, &hi, self.split.shift());
                }
            }
        }
    }

    /// Rows b, b + 1, .. of A from a pair on; beyond the last, the last again.
    #[inline(always)]
    fn input_rows(&self, b: usize, pair: usize) -> [&[Pair]; ROWS] {
        let stride = self.weights.inputs.div_ceil(2);
        from_fn(|m| &self.input[(b + m).min(self.batch - 1) * stride..][pair..stride])
    }

    /// Pairs of rows of W, from row `first` on. A last odd row stands beside itself: its partner in A is 0.
    #[inline(always)]
    fn pack(&self, first: usize, pairs: usize, columns: std::ops::Range<usize>, scratch: &mut Scratch) {
        let LayerWeights { inputs, outputs, values } = self.weights;
        let size = columns.len().div_ceil(LANES) * pairs;
        room(&mut scratch.lo, size);
        room(&mut scratch.hi, size);
        let row = |k: usize| &values[k.min(inputs - 1) * outputs..][columns.clone()];
        for p in 0..pairs {
            let ((even, even_rest), (odd, odd_rest)) =
                (row(first + 2 * p).as_chunks::<LANES>(), row(first + 2 * p + 1).as_chunks::<LANES>());
            for (s, (even, odd)) in even.iter().zip(odd).enumerate() {
                let place = s * pairs + p;
                self.split.columns(even, odd, &mut scratch.lo[place], &mut scratch.hi[place]);
            }
            if !even_rest.is_empty() {
                let place = even.len() * pairs + p;
                self.split.columns(even_rest, odd_rest, &mut scratch.lo[place], &mut scratch.hi[place]);
            }
        }
    }
}

/// H = G W^T, then W -= A^T G.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backward<'a> {
    /// d_l.
    pub(crate) outputs: usize,
    /// B.
    pub(crate) batch: usize,
    /// A, B x d_(l-1).
    pub(crate) input: &'a [i32],
    /// G in strips over its rows.
    pub(crate) gradient: &'a [Lanes],
    /// Terms of a tile of the update, even.
    pub(crate) terms: usize,
    /// What H needs; the first layer has none.
    pub(crate) back: Option<Back<'a>>,
}

/// The operands of H = G W^T.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Back<'a> {
    /// How W splits.
    pub(crate) split: Split,
    /// G in strips over its columns.
    pub(crate) gradient: &'a [Lanes],
    /// Terms of a tile, a multiple of [`LANES`].
    pub(crate) terms: usize,
}

impl Backward<'_> {
    /// Writes H, B x d_(l-1), unless it is the first layer, and updates W. Returns the new weights' magnitude.
    pub(crate) fn run(&self, machine: Machine, w: &mut [i64], h: &mut [i64], workers: &mut [Scratch]) -> u64 {
        let inputs = w.len() / self.outputs;
        let mut sums = if self.back.is_some() { column_panels(h, inputs, PANEL_ROWS) } else { Vec::new() }.into_iter();
        workers.iter_mut().for_each(|scratch| scratch.magnitude = 0);
        let panels = w.chunks_mut(PANEL_ROWS * self.outputs).map(|weights| (weights, sums.next().unwrap_or_default()));
        share(workers, panels.enumerate(), |scratch, (index, (weights, sums))| {
            machine.run(Panel { product: self, from: index * PANEL_ROWS, sums, weights, scratch });
        });
        workers.iter().fold(0, |all, scratch| all | scratch.magnitude)
    }

    #[inline(always)]
    fn panel<S: Simd>(&self, simd: S, from: usize, w: &mut [i64], h: &mut [&mut [i64]], scratch: &mut Scratch) {
        let rows = w.len() / self.outputs;
        self.turn(from, rows, scratch);
        let lanes = self.batch.next_multiple_of(LANES);
        let size = if self.back.is_some() { rows * lanes } else { 0 };
        room(&mut scratch.sums, size);
        scratch.sums[..size].fill(0);
        let columns = self.back.map_or(TERMS, |back| back.terms);
        for first in (0..self.outputs).step_by(columns) {
            let columns = first..self.outputs.min(first + columns);
            if let Some(back) = self.back {
                self.back_sums(simd, back, w, columns.clone(), scratch);
            }
            self.update(simd, w, columns, scratch);
        }
        for (b, h) in h.iter_mut().enumerate() {
            let column = scratch.sums[b..].iter().step_by(lanes);
            h.iter_mut().zip(column).for_each(|(h, &sum)| *h = sum);
        }
    }

    /// Rows `from` .. of A^T, pairs along the batch.
    #[inline(always)]
    fn turn(&self, from: usize, rows: usize, scratch: &mut Scratch) {
        let (inputs, stride) = (self.input.len() / self.batch, self.batch.div_ceil(2));
        room(&mut scratch.turned, rows * stride);
        for (p, pair) in self.input.chunks(2 * inputs).enumerate() {
            let (even, odd) = pair.split_at(inputs);
            let out = scratch.turned[p..].iter_mut().step_by(stride);
            let even = &even[from..from + rows];
            match odd.get(from..from + rows) {
                Some(odd) => out.zip(even.iter().zip(odd)).for_each(|(out, (&a, &b))| *out = [a as i16, b as i16]),
                None => out.zip(even).for_each(|(out, &a)| *out = [a as i16, 0]),
            }
        }
    }

    /// Adds the terms of some columns of W to H^T, which is rows x B.
    #[inline(always)]
    fn back_sums<S: Simd>(
        &self,
        simd: S,
        back: Back<'_>,
        w: &[i64],
        columns: std::ops::Range<usize>,
        scratch: &mut Scratch,
    ) {
        let (rows, lanes) = (w.len() / self.outputs, self.batch.next_multiple_of(LANES));
        let (pairs, all_pairs) = (columns.len().div_ceil(2), self.outputs.div_ceil(2));
        let Scratch { rows_lo, rows_hi, sums, .. } = scratch;
        room(rows_lo, rows * pairs);
        room(rows_hi, rows * pairs);
        let halves = rows_lo.chunks_exact_mut(pairs).zip(rows_hi.chunks_exact_mut(pairs));
        for (w, (lo, hi)) in w.chunks_exact(self.outputs).zip(halves) {
            back.split.row(&w[columns.clone()], lo, hi);
        }
        for strip in 0..lanes / LANES {
            let y = &back.gradient[strip * all_pairs..][columns.start / 2..][..pairs];
            for k in (0..rows).step_by(ROWS) {
                let row = |m: usize| (k + m).min(rows - 1) * pairs;
                let lo = simd.tile(from_fn(|m| &rows_lo[row(m)..][..pairs]), y);
                let hi = simd.tile(from_fn(|m| &rows_hi[row(m)..][..pairs]), y);
                let sums = sums[k * lanes..].chunks_exact_mut(lanes).map(|row| &mut row[strip * LANES..]);
                add_halves(sums, &lo, &hi, back.split.shift());
            }
        }
    }

    /// Subtracts A^T G from some columns of W.
    #[inline(always)]
    fn update<S: Simd>(&self, simd: S, w: &mut [i64], columns: std::ops::Range<usize>, scratch: &mut Scratch) {
        let (rows, stride) = (w.len() / self.outputs, self.batch.div_ceil(2));
        let Scratch { turned, magnitude, .. } = scratch;
        for from in columns.clone().step_by(LANES) {
            let y = &self.gradient[from / LANES * stride..][..stride];
            let width = (columns.end - from).min(LANES);
            for k in (0..rows).step_by(ROWS) {
                for pair in (0..stride).step_by(self.terms / 2) {
                    let y = &y[pair..stride.min(pair + self.terms / 2)];
                    let tile = simd.tile(from_fn(|m| &turned[(k + m).min(rows - 1) * stride..][pair..stride]), y);
                    let rows = w[k * self.outputs..].chunks_exact_mut(self.outputs).zip(&tile);
                    rows.for_each(|(w, change)| subtract(&mut w[from..from + width], change, magnitude));
                }
            }
        }
    }
}

/// Rows += lo + 2^shift hi.
#[inline(always)]
fn add_halves<'a>(rows: impl Iterator<Item = &'a mut [i64]>, lo: &Tile, hi: &Tile, shift: u32) {
    for ((row, lo), hi) in rows.zip(lo).zip(hi) {
        for ((sum, &lo), &hi) in row.iter_mut().zip(lo).zip(hi) {
            *sum += i64::from(lo) + (i64::from(hi) << shift);
        }
    }
}

/// Weights -= change; takes the results into `magnitude`.
#[inline(always)]
fn subtract(weights: &mut [i64], change: &[i32; LANES], magnitude: &mut u64) {
    let mut all = 0;
    for (weight, &change) in weights.iter_mut().zip(change) {
        *weight -= i64::from(change);
        grow(&mut all, *weight);
    }
    *magnitude |= all;
}

/// The rows of a matrix cut into panels of `columns`: for every panel, its part of every row.
fn column_panels(matrix: &mut [i64], width: usize, columns: usize) -> Vec<Vec<&mut [i64]>> {
    let mut panels: Vec<Vec<_>> = (0..width.div_ceil(columns)).map(|_| Vec::new()).collect();
    for row in matrix.chunks_exact_mut(width) {
        panels.iter_mut().zip(row.chunks_mut(columns)).for_each(|(panel, part)| panel.push(part));
    }
    panels
}
