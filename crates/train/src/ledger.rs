//! The magnitude ledger: a static bound of every tensor over the whole run, from the public configuration alone.
//!
//! The proof's identities hold modulo the field's order (about 2^254). They are identities of integers because no side of any of
//! them can reach it: with B rows, N = max_steps and c = the largest multiplier,
//!
//! ```text
//! |A^0| <= 2^(f_A - f_X) max|x|      |A^l| < 2^(Q-1)      |P| <= 2^(Q-1)      |G|, |K| <= 2^(Q_G-1)      (bits, and the data's ranges)
//! |W^l| <= |W_0| + N B |A^(l-1)| |G^l|                 |b^l| <= |b_0| + N B 2^f_A |G^l|
//! |Z^l| <= d_(l-1) |A^(l-1)| |W^l| + 2^f_A |b^l|       |H^l| <= d_(l+1) |G^(l+1)| |W^(l+1)|
//! rounded: both sides of Z + 2^(R-1) = 2^R P + rem_Z, of c (Z - 2^f_W Y) + 2^(R_L-1) = 2^R_L G + rem_L, and of H's
//! ```
//! Anything that may reach 2^126 is refused. What the trainer meets in practice is far smaller, and is checked as it happens.

use std::fmt;

use crate::config::{Algorithm, ConfigError, MULTIPLIER_LIMIT, pairs};
use crate::init::weight_range;

/// Every bound stays strictly below 2^126.
pub const MAGNITUDE_LIMIT: u128 = 1 << 126;

/// What bounds the weights of step 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartWeights {
    /// Drawn from the public seed: |W_0| <= a_l, biases 0.
    PublicSeed,
    /// Committed, with this bound on every weight and bias proven once.
    Declared {
        /// Largest magnitude.
        bound: u64,
    },
}

/// The tensors of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tensor {
    /// A^(l-1), what the layer reads.
    Input,
    /// The change of W in one step.
    Update,
    /// W^l over the whole run.
    Weight,
    /// b^l over the whole run.
    Bias,
    /// Z^l.
    Sum,
    /// What is rounded to P (hidden) or G (output).
    Rounded,
    /// H^l with its rounding constant.
    BackSum,
}

/// Bounds of one layer's tensors: magnitudes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerBounds {
    /// A^(l-1).
    pub input: u128,
    /// G^l and K^l.
    pub gradient: u128,
    /// The change of a weight or bias in one step.
    pub update: u128,
    /// W^l over the whole run.
    pub weight: u128,
    /// b^l over the whole run.
    pub bias: u128,
    /// Z^l.
    pub sum: u128,
    /// Either side of the rounding of Z (hidden) or of c_t (Z - 2^f_W Y) (output).
    pub rounded: u128,
    /// Either side of the rounding of H^l; 0 at the output, which has none.
    pub back_sum: u128,
}

/// Bounds of every tensor over the whole run. Prints as a table of powers of two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Layer 1 first.
    pub layers: Vec<LayerBounds>,
}

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The configuration itself is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A tensor may reach the limit.
    #[error(
        "layer {layer}: {tensor} may reach {} within max_steps, the limit is 2^126: lower max_steps, the batch size, the widths or the format's bits",
        magnitude(*bound)
    )]
    TooLarge {
        /// Layer, from 1.
        layer: usize,
        /// Tensor.
        tensor: Tensor,
        /// The bound; `None` above 2^128.
        bound: Option<u128>,
    },
}

impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tensor::Input => "the input A",
            Tensor::Update => "the update of W",
            Tensor::Weight => "the weights W",
            Tensor::Bias => "the bias b",
            Tensor::Sum => "the sums Z",
            Tensor::Rounded => "the rounding of Z",
            Tensor::BackSum => "the back-propagated sums H",
        })
    }
}

fn magnitude(bound: Option<u128>) -> String {
    bound.map_or_else(|| "more than 2^128".to_owned(), |b| b.to_string())
}

/// A checked sum of checked products.
struct Bound {
    layer: usize,
    tensor: Tensor,
    value: Option<u128>,
}

impl Bound {
    fn of(layer: usize, tensor: Tensor) -> Self {
        Self { layer, tensor, value: Some(0) }
    }

    fn plus(mut self, factors: &[u128]) -> Self {
        let product = factors.iter().try_fold(1u128, |product, &f| product.checked_mul(f));
        self.value = self.value.zip(product).and_then(|(sum, p)| sum.checked_add(p));
        self
    }

    fn close(self) -> Result<u128, LedgerError> {
        let Self { layer, tensor, value } = self;
        match value {
            Some(bound) if bound < MAGNITUDE_LIMIT => Ok(bound),
            bound => Err(LedgerError::TooLarge { layer, tensor, bound }),
        }
    }
}

impl Ledger {
    /// The bounds of a configuration, c_t up to [`MULTIPLIER_LIMIT`].
    ///
    /// # Errors
    /// [`LedgerError`] naming the first tensor that may reach 2^126.
    pub fn new(algorithm: &Algorithm, start: StartWeights) -> Result<Self, LedgerError> {
        algorithm.validate()?;
        let forward = |(layer, (inputs, _))| forward_bounds(algorithm, start, layer, inputs);
        let mut layers = (1..).zip(pairs(&algorithm.widths)).map(forward).collect::<Result<Vec<_>, _>>()?;
        let weights: Vec<u128> = layers.iter().map(|bounds| bounds.weight).collect();
        let above = weights.iter().zip(algorithm.widths.iter().skip(1)).skip(1);
        for ((layer, bounds), (weight, neurons)) in (1..).zip(&mut layers).zip(above) {
            bounds.back_sum = back_bound(algorithm, layer, *neurons, *weight)?;
        }
        Ok(Self { layers })
    }
}

/// All bounds of layer `layer` but that of H, which needs the next layer's weights.
fn forward_bounds(
    algorithm: &Algorithm,
    start: StartWeights,
    layer: usize,
    fan_in: u32,
) -> Result<LayerBounds, LedgerError> {
    let format = &algorithm.format;
    let bound = |tensor| Bound::of(layer, tensor);
    let (inputs, rows) = (u128::from(fan_in), u128::from(algorithm.batch));
    let (steps, one) = (u128::from(algorithm.max_steps), 1u128 << format.f_a);
    let (start_weight, start_bias) = start_bounds(algorithm, start, fan_in);
    let input = bound(Tensor::Input).plus(&input_factors(algorithm, layer)).close()?;
    let gradient = half(format.q_g);
    let update = bound(Tensor::Update).plus(&[rows, input.max(one), gradient]).close()?;
    let weight = bound(Tensor::Weight).plus(&[start_weight]).plus(&[steps, rows, input, gradient]).close()?;
    let bias = bound(Tensor::Bias).plus(&[start_bias]).plus(&[steps, rows, one, gradient]).close()?;
    let sum = bound(Tensor::Sum).plus(&[inputs, input, weight]).plus(&[one, bias]).close()?;
    let rounded = rounded_bound(algorithm, layer, sum)?;
    Ok(LayerBounds { input, gradient, update, weight, bias, sum, rounded, back_sum: 0 })
}

fn input_factors(algorithm: &Algorithm, layer: usize) -> [u128; 2] {
    let format = &algorithm.format;
    if layer == 1 {
        let largest = algorithm.input_min.unsigned_abs().max(algorithm.input_max.unsigned_abs());
        [1 << format.f_a.saturating_sub(algorithm.f_x), u128::from(largest)]
    } else {
        [1, half(format.q).saturating_sub(1)]
    }
}

fn start_bounds(algorithm: &Algorithm, start: StartWeights, fan_in: u32) -> (u128, u128) {
    match start {
        StartWeights::PublicSeed => (u128::from(weight_range(algorithm.format.f_w(), fan_in)), 0),
        StartWeights::Declared { bound } => (u128::from(bound), u128::from(bound)),
    }
}

/// 2^(bits - 1): what an integer of so many bits reaches, and what rounds half up.
fn half(bits: u32) -> u128 {
    1 << bits.saturating_sub(1)
}

/// The larger side of the layer's rounding identity.
fn rounded_bound(algorithm: &Algorithm, layer: usize, sum: u128) -> Result<u128, LedgerError> {
    let format = &algorithm.format;
    let (r, bound) = (format.f_w(), || Bound::of(layer, Tensor::Rounded));
    let (left, right) = if layer < algorithm.layers() {
        (bound().plus(&[sum]).plus(&[half(r)]), bound().plus(&[1 << r, half(format.q)]).plus(&[1 << r]))
    } else {
        let (c, label) = (u128::from(MULTIPLIER_LIMIT), 1 << r.saturating_add(format.f_a));
        let scale = 1u128 << algorithm.r_l;
        (
            bound().plus(&[c, sum]).plus(&[c, label]).plus(&[scale / 2]),
            bound().plus(&[scale, half(format.q_g)]).plus(&[scale]),
        )
    };
    Ok(left.close()?.max(right.close()?))
}

/// The larger side of the rounding of H^l, l = `layer`, from d_(l+1) and the bound on W^(l+1).
fn back_bound(algorithm: &Algorithm, layer: usize, neurons: u32, next_weight: u128) -> Result<u128, LedgerError> {
    let format = &algorithm.format;
    let (r, gradient) = (format.f_w(), half(format.q_g));
    let bound = || Bound::of(layer, Tensor::BackSum);
    let left = bound().plus(&[neurons.into(), gradient, next_weight]).plus(&[half(r)]).close()?;
    let right = bound().plus(&[1 << r, gradient]).plus(&[1 << r]).close()?;
    Ok(left.max(right))
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "bits of the largest magnitude over the whole run (limit 126)")?;
        let titles = ["A", "G", "update", "W", "b", "Z", "rounded", "H"];
        write!(f, "{:>5}", "layer")?;
        titles.iter().try_for_each(|title| write!(f, "{title:>9}"))?;
        for (layer, l) in (1..).zip(&self.layers) {
            write!(f, "\n{layer:>5}")?;
            let bounds = [l.input, l.gradient, l.update, l.weight, l.bias, l.sum, l.rounded, l.back_sum];
            bounds.iter().try_for_each(|bound| write!(f, "{:>9}", u128::BITS.saturating_sub(bound.leading_zeros())))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Format;

    fn digits() -> Algorithm {
        Algorithm {
            widths: vec![64, 128, 64, 10],
            format: Format::default(),
            batch: 32,
            f_x: 4,
            r_l: 37,
            max_steps: 1000,
            input_min: 0,
            input_max: 16,
        }
    }

    #[test]
    fn bounds_are_the_documented_formulas() {
        let ledger = Ledger::new(&digits(), StartWeights::PublicSeed).unwrap();
        let first = &ledger.layers[0];
        assert_eq!((first.input, first.gradient), (256, 512));
        assert_eq!(first.update, 32 * 256 * 512);
        assert_eq!(first.weight, 454_046 + 1000 * 32 * 256 * 512);
        assert_eq!(first.bias, 1000 * 32 * 256 * 512);
        assert_eq!(first.sum, 64 * 256 * first.weight + 256 * first.bias);
        assert_eq!(first.rounded, first.sum + (1 << 20));
        assert_eq!(first.back_sum, 64 * 512 * ledger.layers[1].weight + (1 << 20));
        let last = &ledger.layers[2];
        assert_eq!((last.input, last.back_sum), (2047, 0));
        assert_eq!(last.rounded, (1 << 20) * (last.sum + (1 << 29)) + (1 << 36));
    }

    #[test]
    fn declared_weights_bound_the_bias_too() {
        let ledger = Ledger::new(&digits(), StartWeights::Declared { bound: 7 }).unwrap();
        assert_eq!(ledger.layers[0].bias, 7 + 1000 * 32 * 256 * 512);
    }

    /// Catalogue 90.
    #[test]
    fn runs_that_could_reach_the_limit_are_refused_by_name() {
        let long = Algorithm { max_steps: u64::MAX, batch: 64, ..digits() };
        let error = Ledger::new(&long, StartWeights::PublicSeed).unwrap_err();
        assert!(matches!(error, LedgerError::TooLarge { layer: 3, tensor: Tensor::Rounded, .. }), "{error}");
        let wide = Algorithm {
            widths: vec![1 << 10, 1 << 10, 1 << 10],
            batch: 1 << 24,
            input_max: (1 << 15) - 1,
            f_x: 0,
            format: Format { f_a: 16, f_g: 15, q: 31, q_g: 31 },
            r_l: 31,
            max_steps: u64::MAX,
            ..digits()
        };
        let error = Ledger::new(&wide, StartWeights::PublicSeed).unwrap_err();
        assert!(error.to_string().contains("more than 2^128"), "{error}");
    }

    #[test]
    fn invalid_configurations_are_refused_first() {
        let bad = Algorithm { batch: 0, ..digits() };
        assert!(matches!(Ledger::new(&bad, StartWeights::PublicSeed), Err(LedgerError::Config(_))));
    }

    #[test]
    fn the_table_prints_bits() {
        let text = Ledger::new(&digits(), StartWeights::PublicSeed).unwrap().to_string();
        assert_eq!(text.lines().count(), 5);
        assert!(text.lines().nth(2).unwrap().starts_with("    1        9       10"), "{text}");
    }
}
