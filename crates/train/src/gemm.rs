//! Exact integer matrix products.
//!
//! With k inner terms and measured maxima, k max|A| max|B| < 2^53 makes every partial sum of every summation order an integer that
//! float64 holds exactly: one float64 product then gives the exact result, whatever the order, the instruction set (fused or not)
//! or the number of threads. Beyond that bound the product is summed in 128-bit integers, slower by a factor of 15 (A B) to 60 (A B^T).
//! The bound is measured and not static, because a static one would forbid what never happens. Evaluation always comes here,
//! training where a machine or a format has no faster exact path.
//!
//! The float64 kernel is `ndarray`'s (`matrixmultiply`): a safe interface, and the faster one. On 64 x 1024 x 1024, one thread of an
//! AMD EPYC with AVX-512, thousand million multiply-adds a second: A B 32 (crate `gemm`: 21), A B^T 41 (25), A^T B 46 (28), a plain
//! loop 6; without AVX-512 18, 21 and 25. With maxima and conversions, [`product`] reaches 23, 24 and 32 there.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "training only: sizes and magnitudes have been checked"
)]

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, ShapeBuilder, ShapeError, Zip};
use rayon::prelude::*;

/// Below this every integer is a float64.
const EXACT_FLOAT: u128 = 1 << 53;
/// 128-bit sums stay below this.
const EXACT_WIDE: u128 = 1 << 127;
/// Columns of the result that are computed at a time: a panel of B in float64 stays in cache, and panels are the unit of threads.
const PANEL: usize = 256;
/// Multiply-adds from which threads pay: about a tenth of a millisecond of work.
const PARALLEL_FROM: usize = 1 << 22;

/// A read-only matrix of integers, maybe transposed. Nothing is copied.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [i64],
    view: ArrayView2<'a, i64>,
}

/// Why a product was not computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GemmError {
    /// The slice has not rows x columns values.
    #[error("{values} values are not a {rows} x {columns} matrix")]
    Size {
        /// Values given.
        values: usize,
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        columns: usize,
    },
    /// The inner sizes differ.
    #[error("a matrix with {left} columns cannot be multiplied by one with {right} rows")]
    Inner {
        /// Columns of the left matrix.
        left: usize,
        /// Rows of the right matrix.
        right: usize,
    },
    /// The sums may leave 128 bits.
    #[error(
        "{terms} products of values up to {left} and {right} may leave 127 bits: the weights have diverged, lower the learning rate"
    )]
    Magnitude {
        /// Terms of a sum.
        terms: usize,
        /// Largest magnitude on the left.
        left: u64,
        /// Largest magnitude on the right.
        right: u64,
    },
    /// A result leaves 64 bits.
    #[error("row {row}, column {column}: {value} does not fit 64 bits: training has diverged, lower the learning rate")]
    Overflow {
        /// Row of the result, from 0.
        row: usize,
        /// Column of the result, from 0.
        column: usize,
        /// The exact value.
        value: i128,
    },
}

impl<'a> Matrix<'a> {
    /// A row-major matrix.
    ///
    /// # Errors
    /// [`GemmError::Size`] unless there are rows x columns values.
    pub fn new(values: &'a [i64], rows: usize, columns: usize) -> Result<Self, GemmError> {
        let size = |_: ShapeError| GemmError::Size { values: values.len(), rows, columns };
        Ok(Self { values, view: ArrayView2::from_shape((rows, columns), values).map_err(size)? })
    }

    /// The transposed matrix.
    pub fn transposed(self) -> Self {
        Self { view: self.view.reversed_axes(), ..self }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.view.nrows()
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.view.ncols()
    }

    fn max_abs(&self) -> u64 {
        let chunks = self.values.par_chunks(PARALLEL_FROM / 64);
        chunks.map(|values| values.iter().fold(0, |max, v| max.max(v.unsigned_abs()))).max().unwrap_or(0)
    }
}

/// A B exactly, row-major. Transpose an operand for A B^T or A^T B; either costs the same.
///
/// Work: rows(A) columns(A) columns(B) multiply-adds. Memory: float64 copies of A and, per thread, of one panel of B.
///
/// # Errors
/// [`GemmError`] when the sizes do not fit or a result leaves 64 bits.
pub fn product(a: Matrix<'_>, b: Matrix<'_>) -> Result<Vec<i64>, GemmError> {
    if a.columns() != b.rows() {
        return Err(GemmError::Inner { left: a.columns(), right: b.rows() });
    }
    let (left, right, terms) = (a.max_abs(), b.max_abs(), a.columns());
    let bound = (u128::from(left) * u128::from(right)).saturating_mul(terms as u128);
    if bound < EXACT_FLOAT {
        Ok(float_product(a, b))
    } else if bound < EXACT_WIDE {
        wide_product(a, b)
    } else {
        Err(GemmError::Magnitude { terms, left, right })
    }
}

/// The product through float64; exact below the bound that [`product`] checks.
fn float_product(a: Matrix<'_>, b: Matrix<'_>) -> Vec<i64> {
    let work = a.rows() * a.columns() * b.columns();
    let left = floats(a.view);
    let mut result = Array2::zeros((a.rows(), b.columns()));
    let blocks = result.axis_chunks_iter_mut(Axis(1), PANEL);
    let panels: Vec<_> = blocks.into_iter().zip(b.view.axis_chunks_iter(Axis(1), PANEL)).collect();
    if work >= PARALLEL_FROM {
        panels.into_par_iter().for_each(|(block, panel)| panel_product(&left, panel, block));
    } else {
        panels.into_iter().for_each(|(block, panel)| panel_product(&left, panel, block));
    }
    result.into_raw_vec_and_offset().0
}

fn panel_product(left: &Array2<f64>, panel: ArrayView2<'_, i64>, mut block: ArrayViewMut2<'_, i64>) {
    let sums = left.dot(&floats(panel));
    block.zip_mut_with(&sums, |out, &sum| *out = sum as i64);
}

/// A copy in float64, laid out as the view runs through memory.
fn floats(view: ArrayView2<'_, i64>) -> Array2<f64> {
    let by_columns = view.strides()[0] == 1;
    let mut copy = Array2::zeros(view.raw_dim().set_f(by_columns));
    Zip::from(&mut copy).and(&view).for_each(|float, &value| *float = value as f64);
    copy
}

/// The product in 128-bit integers, row by row.
fn wide_product(a: Matrix<'_>, b: Matrix<'_>) -> Result<Vec<i64>, GemmError> {
    let mut result = Vec::with_capacity(a.rows() * b.columns());
    let mut sums = vec![0i128; b.columns()];
    for (row, left) in a.view.rows().into_iter().enumerate() {
        sums.fill(0);
        for (&factor, right) in left.iter().zip(b.view.rows()) {
            for (sum, &value) in sums.iter_mut().zip(right) {
                *sum += i128::from(factor) * i128::from(value);
            }
        }
        for (column, &value) in sums.iter().enumerate() {
            result.push(i64::try_from(value).map_err(|_| GemmError::Overflow { row, column, value })?);
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(a: Matrix<'_>, b: Matrix<'_>) -> Vec<i128> {
        let cell = |i, j| (0..a.columns()).map(|k| i128::from(a.view[[i, k]]) * i128::from(b.view[[k, j]])).sum();
        (0..a.rows()).flat_map(|i| (0..b.columns()).map(move |j| (i, j))).map(|(i, j)| cell(i, j)).collect()
    }

    fn random(count: usize, bits: u32, salt: u64) -> Vec<i64> {
        let mut stream = zkdl_dataset::KeyStream::new([salt as u8; 32]);
        (0..count).map(|_| stream.next_word().cast_signed() >> (64 - bits)).collect()
    }

    #[test]
    fn sizes_are_checked() {
        assert!(matches!(Matrix::new(&[1, 2, 3], 2, 2), Err(GemmError::Size { values: 3, .. })));
        let a = Matrix::new(&[1, 2], 1, 2).unwrap();
        assert_eq!(product(a, a).unwrap_err(), GemmError::Inner { left: 2, right: 1 });
        assert_eq!(product(a, a.transposed()).unwrap(), [5]);
        assert_eq!(product(a.transposed(), a).unwrap(), [1, 2, 2, 4]);
    }

    #[test]
    fn the_float_path_is_exact_up_to_its_bound() {
        // One term below 2^53: 2^26 * (2^27 - 1).
        let (x, y) = (1i64 << 26, (1i64 << 27) - 1);
        let (a, b) = ([x, -x], [y, -y]);
        let single = product(Matrix::new(&a, 2, 1).unwrap(), Matrix::new(&b, 1, 2).unwrap());
        assert_eq!(single.unwrap(), [x * y, -x * y, -x * y, x * y]);
    }

    #[test]
    fn the_wide_path_takes_over_and_reports_overflow() {
        let a = [1i64 << 40, (1 << 30) + 1];
        let b = [1i64 << 20, 3];
        let sum = product(Matrix::new(&a, 1, 2).unwrap(), Matrix::new(&b, 2, 1).unwrap()).unwrap();
        assert_eq!(sum, [(1i64 << 60) + 3 * ((1 << 30) + 1)]);
        let c = [1i64 << 62];
        let m = Matrix::new(&c, 1, 1).unwrap();
        assert_eq!(product(m, m).unwrap_err(), GemmError::Overflow { row: 0, column: 0, value: 1 << 124 });
        let d = [i64::MIN; 2];
        let error = product(Matrix::new(&d, 1, 2).unwrap(), Matrix::new(&d, 2, 1).unwrap()).unwrap_err();
        assert_eq!(error, GemmError::Magnitude { terms: 2, left: 1 << 63, right: 1 << 63 });
    }

    #[test]
    fn threads_never_change_a_bit() {
        let (m, k, n) = (40, 300, 1100);
        let (a, b) = (random(m * k, 12, 1), random(k * n, 22, 2));
        let (a, b) = (Matrix::new(&a, m, k).unwrap(), Matrix::new(&b, k, n).unwrap());
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| product(a, b).unwrap())
        };
        assert_eq!(with(1), with(2));
        assert_eq!(with(1).into_iter().map(i128::from).collect::<Vec<_>>(), plain(a, b));
    }

    #[test]
    fn empty_sums_are_zero() {
        let product = product(Matrix::new(&[], 2, 0).unwrap(), Matrix::new(&[], 0, 3).unwrap());
        assert_eq!(product.unwrap(), [0; 6]);
    }

    proptest! {
        #[test]
        fn every_shape_transposition_and_path_is_exact(m in 1usize..12, k in 1usize..12, n in 1usize..12, bits in 2u32..30, seed: u64) {
            let (a, b) = (random(m * k, bits, seed), random(k * n, bits, seed.wrapping_add(1)));
            let variants = |v: &[i64], rows, columns| (v.to_vec(), rows, columns);
            let ((av, ar, ac), (bv, br, bc)) = (variants(&a, m, k), variants(&b, k, n));
            let (x, y) = (Matrix::new(&av, ar, ac).unwrap(), Matrix::new(&bv, br, bc).unwrap());
            let (xt, yt) = (Matrix::new(&av, ac, ar).unwrap().transposed(), Matrix::new(&bv, bc, br).unwrap().transposed());
            for (left, right) in [(x, y), (xt, y), (x, yt), (xt, yt)] {
                let exact: Vec<i128> = product(left, right).unwrap().into_iter().map(i128::from).collect();
                prop_assert_eq!(exact, plain(left, right));
            }
        }
    }
}
