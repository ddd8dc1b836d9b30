//! The products of one layer, each on the path that its measured sizes allow.
//!
//! Short path ([`crate::panels`]): 16-bit operands, 32-bit sums of `terms` products, the weights in two halves. It is exact when
//!
//! ```text
//! terms max|A| max|half| < 2^31,   terms max|G| max|half| < 2^31,   terms max|A| max|G| < 2^31,   all sums < 2^63
//! ```
//! and `terms`, at most 256, is chosen so. Everything else takes the general product ([`crate::gemm`]). Both give the exact
//! integers, so which one is taken never shows. Sizes are measured and not static, because a static bound would forbid what never
//! happens; those of the weights are measured as they are written.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "training only: sizes and magnitudes have been checked"
)]

use crate::gemm::{GemmError, Matrix, product};
use crate::kernel::{LANES, Lanes, Machine, Pair};
use crate::network::with_constant;
use crate::panels::{Back, Backward, Forward, Scratch, TERMS};
use crate::split::{Split, bits, max_abs, row_pairs, strips_over_columns, strips_over_rows};
use crate::weights::LayerWeights;
use zeroize::Zeroize;

/// Multiply-adds from which threads pay: about a tenth of a millisecond of work.
const PARALLEL_FROM: usize = 1 << 22;
/// Fewer terms in a tile do not pay.
const FEWEST_TERMS: usize = LANES;
/// Sums of a tile stay below this.
const TILE_LIMIT: u64 = 1 << 31;
/// Rows of weights that the general update takes at a time.
const GENERAL_ROWS: usize = 256;

/// Why an update was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UpdateError {
    /// The change was not computed.
    Product(GemmError),
    /// A weight leaves 64 bits.
    Overflow {
        /// Its row, the number of inputs for the bias.
        input: usize,
        /// Its column.
        neuron: usize,
    },
}

/// What a layer reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    /// A, B x d_(l-1).
    pub(crate) values: &'a [i32],
    /// B.
    pub(crate) batch: usize,
    /// f_A: the bias is read through 2^f_A.
    pub(crate) f_a: u32,
}

/// The machine's instructions, and buffers that all layers use.
pub(crate) struct Engine {
    machine: Machine,
    short: bool,
    input: Vec<Pair>,
    over_rows: Vec<Lanes>,
    over_columns: Vec<Lanes>,
    workers: Vec<Scratch>,
}

/// The buffers hold what a step computed: they are erased from memory when dropped.
impl Drop for Engine {
    fn drop(&mut self) {
        self.input.zeroize();
        self.over_rows.zeroize();
        self.over_columns.zeroize();
    }
}

/// An engine for the same machine; there is nothing in buffers that lasts.
impl Clone for Engine {
    fn clone(&self) -> Self {
        Self::on(self.machine, self.short)
    }
}

/// The machine only: buffers are secret.
impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({:?})", self.machine)
    }
}

impl Engine {
    /// For the machine at hand.
    pub(crate) fn new() -> Self {
        let machine = Machine::detect();
        Self::on(machine, !matches!(machine, Machine::Plain))
    }

    /// For given instructions; `short` allows the short path.
    fn on(machine: Machine, short: bool) -> Self {
        let (input, over_rows, over_columns) = (Vec::new(), Vec::new(), Vec::new());
        Self { machine, short, input, over_rows, over_columns, workers: Vec::new() }
    }

    /// One that takes the general path.
    #[cfg(test)]
    pub(crate) fn general() -> Self {
        Self::on(Machine::Plain, false)
    }

    /// One for each implementation of the short path.
    #[cfg(test)]
    pub(crate) fn short() -> impl Iterator<Item = Self> {
        Machine::all().into_iter().map(|machine| Self::on(machine, true))
    }

    /// The machine's instructions.
    pub(crate) fn machine(&self) -> Machine {
        self.machine
    }

    /// Z = A W + 2^f_A 1 b; no weight, biases apart, is larger than 2^size.
    ///
    /// # Errors
    /// [`GemmError`] when a sum leaves 64 bits.
    pub(crate) fn forward(
        &mut self,
        input: Input<'_>,
        weights: &LayerWeights,
        size: u32,
        z: &mut [i64],
    ) -> Result<(), GemmError> {
        let Some((split, terms)) = forward_plan(input, weights, size).filter(|_| self.short) else {
            return general_forward(input, weights, z);
        };
        row_pairs(input.values, weights.inputs, &mut self.input);
        let Input { batch, f_a, .. } = input;
        let workers = workers(&mut self.workers, batch * weights.values.len());
        Forward { weights, split, terms, f_a, input: &self.input, batch }.run(self.machine, z, workers);
        Ok(())
    }

    /// H = G W^T, where `h` is given, and then the update of W and b by A and G. `size` is as in [`Self::forward`], before and after.
    ///
    /// `Ok(false)`: only H was computed, and [`general_update`] is still to be made.
    ///
    /// # Errors
    /// [`GemmError`] when a sum of H leaves 64 bits.
    pub(crate) fn backward(
        &mut self,
        input: Input<'_>,
        gradient: &[i32],
        weights: &mut LayerWeights,
        size: &mut u32,
        h: Option<&mut [i64]>,
    ) -> Result<bool, GemmError> {
        let plan = backward_plan(input, gradient, weights, *size, h.is_some()).filter(|_| self.short);
        let Some(plan) = plan else {
            h.map_or(Ok(()), |h| general_back(gradient, weights, input.batch, h))?;
            return Ok(false);
        };
        let (outputs, batch, matrix) = (weights.outputs, input.batch, weights.inputs * weights.outputs);
        strips_over_rows(gradient, outputs, &mut self.over_rows);
        let back = plan.back.map(|(split, terms)| {
            strips_over_columns(gradient, outputs, &mut self.over_columns);
            Back { split, gradient: &self.over_columns, terms }
        });
        let workers = workers(&mut self.workers, batch * matrix);
        let (w, b) = weights.values.split_at_mut(matrix);
        let backward =
            Backward { outputs, batch, input: input.values, gradient: &self.over_rows, terms: plan.terms, back };
        *size = bits(backward.run(self.machine, w, h.unwrap_or_default(), workers));
        for row in gradient.chunks_exact(outputs) {
            b.iter_mut().zip(row).for_each(|(b, &g)| *b -= i64::from(g) << input.f_a);
        }
        Ok(true)
    }
}

/// As many workers as there are threads, or one for a small job.
fn workers(all: &mut Vec<Scratch>, work: usize) -> &mut [Scratch] {
    let count = if work < PARALLEL_FROM { 1 } else { rayon::current_num_threads() };
    if all.len() < count {
        all.resize_with(count, Scratch::default);
    }
    &mut all[..count]
}

/// Most terms, a multiple of `unit`, of products up to `left` and `right` whose sum a tile holds; `None` if they are too few.
fn terms(left: u64, right: u64, unit: usize) -> Option<usize> {
    if left > i16::MAX.cast_unsigned().into() || right > i16::MAX.cast_unsigned().into() {
        return None;
    }
    let most = (TILE_LIMIT - 1) / (left * right).max(1);
    let terms = usize::try_from(most).map_or(TERMS, |most| most.min(TERMS)) / unit * unit;
    (terms >= FEWEST_TERMS).then_some(terms)
}

/// Whether `count` products up to `left` and `right`, and one more number, stay below 2^62 in magnitude.
fn fits(count: usize, left: u64, right: u64, more: u128) -> bool {
    let sum = (u128::from(left) * u128::from(right)).saturating_mul(count as u128);
    sum.saturating_add(more) < 1 << 62
}

/// The split of the weights and the terms of a tile, where the short path is exact.
fn forward_plan(input: Input<'_>, weights: &LayerWeights, size: u32) -> Option<(Split, usize)> {
    let (split, a) = (Split::of(size)?, max_abs(input.values));
    let bias = weights.bias().iter().map(|b| u128::from(b.unsigned_abs())).max()?;
    let exact = fits(weights.inputs, a, 1 << size, bias << input.f_a);
    Some((split, terms(a, split.half(), 2)?)).filter(|_| exact)
}

/// How the short path goes back through a layer.
struct BackwardPlan {
    terms: usize,
    back: Option<(Split, usize)>,
}

/// The same for H and the update.
fn backward_plan(
    input: Input<'_>,
    gradient: &[i32],
    weights: &LayerWeights,
    size: u32,
    back: bool,
) -> Option<BackwardPlan> {
    let (split, a, g) = (Split::of(size)?, max_abs(input.values), max_abs(gradient));
    let bias = weights.bias().iter().map(|b| u128::from(b.unsigned_abs())).max()?;
    let exact = fits(weights.outputs, g, 1 << size, 0)
        && fits(input.batch, a, g, 1 << size)
        && fits(input.batch, 1 << input.f_a, g, bias);
    let back = if back { Some((split, terms(g, split.half(), LANES)?)) } else { None };
    Some(BackwardPlan { terms: terms(a, g, 2)?, back }).filter(|_| exact)
}

fn general_forward(input: Input<'_>, weights: &LayerWeights, z: &mut [i64]) -> Result<(), GemmError> {
    let mut a = with_constant(input.values.iter().map(|&v| i64::from(v)), weights.inputs, input.f_a);
    let sums = Matrix::new(&a, input.batch, weights.inputs + 1)
        .and_then(|a| product(a, Matrix::new(&weights.values, weights.inputs + 1, weights.outputs)?));
    a.zeroize();
    take(sums?, z);
    Ok(())
}

fn general_back(gradient: &[i32], weights: &LayerWeights, batch: usize, h: &mut [i64]) -> Result<(), GemmError> {
    let mut g: Vec<i64> = gradient.iter().map(|&v| v.into()).collect();
    let sums = Matrix::new(&g, batch, weights.outputs).and_then(|g| {
        let w = Matrix::new(weights.matrix(), weights.inputs, weights.outputs)?;
        product(g, w.transposed())
    });
    g.zeroize();
    take(sums?, h);
    Ok(())
}

fn take(mut from: Vec<i64>, to: &mut [i64]) {
    to.copy_from_slice(&from);
    from.zeroize();
}

/// W -= A^T G and b -= 2^f_A 1^T G for values of any size, some rows at a time.
///
/// # Errors
/// [`UpdateError`]; part of the update may have been made.
pub(crate) fn general_update(
    input: Input<'_>,
    gradient: &[i32],
    weights: &mut LayerWeights,
) -> Result<(), UpdateError> {
    let (inputs, outputs) = (weights.inputs, weights.outputs);
    let mut g: Vec<i64> = gradient.iter().map(|&v| v.into()).collect();
    for (block, values) in weights.values.chunks_mut(GENERAL_ROWS * outputs).enumerate() {
        let (first, rows) = (block * GENERAL_ROWS, values.len() / outputs);
        let row = |a: &[i32], k: usize| a.get(k).map_or(1 << input.f_a, |&a| i64::from(a));
        let examples = input.values.chunks_exact(inputs);
        let mut a = Vec::with_capacity(input.batch * rows);
        a.extend(examples.flat_map(|e| (first..first + rows).map(move |k| row(e, k))));
        let change = Matrix::new(&a, input.batch, rows)
            .and_then(|a| product(a.transposed(), Matrix::new(&g, input.batch, outputs)?));
        a.zeroize();
        let mut change = change.map_err(|error| UpdateError::Product(below(error, first)))?;
        for (place, (weight, &delta)) in values.iter_mut().zip(&change).enumerate() {
            let (input, neuron) = (first + place / outputs, place % outputs);
            *weight = weight.checked_sub(delta).ok_or(UpdateError::Overflow { input, neuron })?;
        }
        change.zeroize();
    }
    g.zeroize();
    Ok(())
}

/// The error of a block of rows that begins at row `first`.
fn below(error: GemmError, first: usize) -> GemmError {
    match error {
        GemmError::Overflow { row, column, value } => GemmError::Overflow { row: first + row, column, value },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::magnitude;
    use proptest::prelude::*;

    /// A layer with its operands.
    #[derive(Clone)]
    struct Case {
        weights: LayerWeights,
        input: Vec<i32>,
        gradient: Vec<i32>,
        batch: usize,
    }

    const F_A: u32 = 3;

    impl Case {
        /// Values from `draw`, given the bits that they may have.
        fn new(shape: [usize; 3], bits: [u32; 3], mut draw: impl FnMut(u32) -> i64) -> Self {
            let [batch, inputs, outputs] = shape;
            let mut small = |count, bits| (0..count).map(|_| draw(bits) as i32).collect();
            let (input, gradient) = (small(batch * inputs, bits[0]), small(batch * outputs, bits[2]));
            let mut weights = LayerWeights::zeros(inputs, outputs);
            weights.values.iter_mut().for_each(|w| *w = draw(bits[1]));
            Self { weights, input, gradient, batch }
        }

        /// Signed values of at most so many bits.
        fn random(shape: [usize; 3], bits: [u32; 3], seed: u64) -> Self {
            let mut stream = zkdl_dataset::KeyStream::derive("test", &[&seed.to_le_bytes()]);
            Self::new(shape, bits, |bits| stream.next_word().cast_signed() >> (63 - bits))
        }

        /// Every value at the end of its range, plus or minus `2^bits - 1`.
        fn extreme(shape: [usize; 3], bits: [u32; 3], seed: u64) -> Self {
            let mut stream = zkdl_dataset::KeyStream::derive("test", &[&seed.to_le_bytes()]);
            let mut one =
                move |bits: u32| ((1i64 << bits) - 1) * if stream.next_word().is_multiple_of(8) { -1 } else { 1 };
            Self::new(shape, bits, &mut one)
        }

        fn input(&self) -> Input<'_> {
            Input { values: &self.input, batch: self.batch, f_a: F_A }
        }

        fn size(&self) -> u32 {
            bits(magnitude(self.weights.matrix()))
        }

        /// sum over `terms` of a product of two entries.
        fn sum(terms: usize, product: impl Fn(usize) -> (i64, i64)) -> i64 {
            let sum: i128 = (0..terms).map(&product).map(|(a, b)| i128::from(a) * i128::from(b)).sum();
            i64::try_from(sum).unwrap()
        }

        fn a(&self, b: usize, k: usize) -> i64 {
            if k == self.weights.inputs { 1 << F_A } else { self.input[b * self.weights.inputs + k].into() }
        }

        fn g(&self, b: usize, j: usize) -> i64 {
            self.gradient[b * self.weights.outputs + j].into()
        }

        fn w(&self, k: usize, j: usize) -> i64 {
            self.weights.values[k * self.weights.outputs + j]
        }

        /// Z, H and the updated weights.
        fn defined(&self) -> (Vec<i64>, Vec<i64>, Vec<i64>) {
            let (inputs, outputs) = (self.weights.inputs, self.weights.outputs);
            let table = |rows: usize, columns: usize, cell: &dyn Fn(usize, usize) -> i64| {
                (0..rows).flat_map(|i| (0..columns).map(move |j| cell(i, j))).collect()
            };
            let z = |b, j| Self::sum(inputs + 1, |k| (self.a(b, k), self.w(k, j)));
            let h = |b, k| Self::sum(outputs, |j| (self.g(b, j), self.w(k, j)));
            let w = |k, j| self.w(k, j) - Self::sum(self.batch, |b| (self.a(b, k), self.g(b, j)));
            (table(self.batch, outputs, &z), table(self.batch, inputs, &h), table(inputs + 1, outputs, &w))
        }

        /// Checks an engine against the definition; returns whether the short path was taken forward and backward.
        fn check(&self, engine: &mut Engine, (z, h, w): &(Vec<i64>, Vec<i64>, Vec<i64>)) -> (bool, bool) {
            let (input, mut weights, mut size) = (self.input(), self.weights.clone(), self.size());
            let mut sums = vec![-1; z.len()];
            engine.forward(input, &weights, size, &mut sums).unwrap();
            assert_eq!(&sums, z);
            let forward = forward_plan(input, &weights, size).is_some();
            let mut sums = vec![-1; h.len()];
            let done = engine.backward(input, &self.gradient, &mut weights, &mut size, Some(&mut sums)).unwrap();
            assert_eq!(&sums, h);
            if done {
                assert_eq!(size, bits(magnitude(weights.matrix())));
            } else {
                general_update(input, &self.gradient, &mut weights).unwrap();
            }
            assert_eq!(&weights.values, w);
            (forward, done)
        }

        /// Checks every implementation, and that the first layer's update, which has no H, is the same.
        fn check_all(&self) -> (bool, bool) {
            let expected = self.defined();
            let mut taken = (false, false);
            for machine in Machine::all() {
                taken = self.check(&mut Engine::on(machine, true), &expected);
                let (mut weights, mut size) = (self.weights.clone(), self.size());
                let mut engine = Engine::on(machine, true);
                if engine.backward(self.input(), &self.gradient, &mut weights, &mut size, None).unwrap() {
                    assert_eq!(weights.values, expected.2);
                }
            }
            assert_eq!(self.check(&mut Engine::on(Machine::detect(), false), &expected), (taken.0, false));
            taken
        }
    }

    #[test]
    fn every_panel_and_remainder_is_exact() {
        for shape in [[1, 1, 1], [2, 1, 3], [33, 65, 129], [7, 515, 31], [64, 130, 10], [9, 64, 545], [300, 5, 33]] {
            assert_eq!(Case::random(shape, [11, 17, 9], 1).check_all(), (true, true), "{shape:?}");
        }
    }

    #[test]
    fn sums_at_the_bound_are_exact() {
        // 32 terms of 2^15 - 1 times a half of 2^11 are the most that a tile takes: one more bit is the general path's.
        let shape = [70, 520, 300];
        assert_eq!(Case::extreme(shape, [15, 23, 11], 2).check_all(), (true, true));
        assert_eq!(Case::extreme(shape, [15, 24, 11], 3).check_all(), (false, true));
        assert_eq!(Case::extreme(shape, [11, 23, 15], 4).check_all(), (true, true));
        assert_eq!(Case::extreme(shape, [11, 24, 15], 5).check_all(), (true, false));
        assert_eq!(Case::extreme(shape, [11, 23, 16], 6).check_all(), (true, false));
        assert_eq!(Case::extreme(shape, [16, 10, 9], 7).check_all(), (false, false));
        assert_eq!(Case::extreme(shape, [9, 29, 9], 8).check_all(), (true, true));
        assert_eq!(Case::extreme(shape, [9, 30, 9], 9).check_all(), (false, false));
    }

    #[test]
    fn a_tile_takes_as_many_terms_as_fit_31_bits() {
        assert_eq!(terms(0, 0, 2), Some(TERMS));
        assert_eq!(terms(1 << 11, 1 << 12, 2), Some(254));
        assert_eq!(terms((1 << 11) - 1, 1 << 12, 2), Some(256));
        assert_eq!(terms((1 << 14) - 1, 1 << 12, 2), Some(32));
        assert_eq!(terms(1 << 14, 1 << 12, 2), None);
        assert_eq!(terms((1 << 13) - 1, 1 << 12, LANES), Some(64));
        assert_eq!(terms(1 << 13, 1 << 12, LANES), Some(32));
        assert_eq!(terms(1 << 15, 1, 2), None);
        for (left, right) in [(3, 5), (2047, 4095), (32_767, 2047), (1 << 14, (1 << 12) - 1)] {
            let terms = terms(left, right, 2).unwrap() as u64;
            assert!(terms * left * right < TILE_LIMIT);
        }
    }

    #[test]
    fn a_large_bias_takes_the_general_path_only_where_it_must() {
        let mut case = Case::random([3, 4, 5], [8, 17, 9], 10);
        case.weights.values[4 * 5] = 1 << 58;
        assert_eq!(case.check_all(), (true, true));
        case.weights.values[4 * 5] = -(1 << 59);
        assert_eq!(case.check_all(), (false, true));
    }

    #[test]
    fn the_general_update_reports_rows_of_the_layer() {
        let mut case = Case::random([1, 600, 2], [8, 17, 9], 11);
        case.gradient = vec![0, 1];
        case.input[599] = -5;
        case.weights.values[2 * 599 + 1] = i64::MAX - 4;
        let input = Input { values: &case.input, batch: 1, f_a: F_A };
        let error = general_update(input, &case.gradient, &mut case.weights).unwrap_err();
        assert_eq!(error, UpdateError::Overflow { input: 599, neuron: 1 });
    }

    #[test]
    fn threads_never_change_a_bit() {
        let case = Case::random([64, 400, 300], [11, 17, 9], 12);
        let expected = case.defined();
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| assert_eq!(case.check(&mut Engine::new(), &expected), (true, Engine::new().short)));
        }
    }

    proptest! {
        #[test]
        fn every_path_is_the_definition(
            batch in 1usize..40, inputs in 1usize..80, outputs in 1usize..80,
            a in 1u32..=17, w in 1u32..=31, g in 1u32..=17, seed: u64, extreme: bool,
        ) {
            let (shape, bits) = ([batch, inputs, outputs], [a, w, g]);
            let case = if extreme { Case::extreme(shape, bits, seed) } else { Case::random(shape, bits, seed) };
            case.check_all();
        }
    }
}
