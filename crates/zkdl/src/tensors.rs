//! Weights as safetensors, which every framework reads.
//!
//! ```text
//! layers.0.weight   [outputs, inputs]     as torch.nn.Linear has it
//! layers.0.bias     [outputs]
//! ..
//! metadata          format = pt, zkdl.fraction_bits = f_W, and what the writer adds
//! ```
//!
//! Integers are I64. As F32 they are divided by `2^f_W` and rounded to nearest, ties to even; integers up to 2^24 in magnitude
//! come back from that exactly.
//!
//! Weights that a run is given to start from are rounded to such integers, nearest and ties to even: F32, F64, F16 or BF16, or
//! I64 that the metadata say are integers of this f_W. Their tensors may have other names than these: any pairs of a `weight` and
//! a `bias` whose names differ in numbers only, which order them, as those of `torch.nn.Sequential` do.
//!
//! Files are read with the `safetensors` crate. They are written here, because that crate orders metadata at random, and the same
//! weights have to be the same bytes.

use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde_json::{Map, Value, json};
use zkdl_dataset::number::{to_u64, to_usize};
use zkdl_train::{LayerWeights, Weights};

const FRACTION_BITS: &str = "zkdl.fraction_bits";
/// Integers up to this magnitude have an exact float32.
const EXACT: u64 = 1 << 24;

/// How numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// The exact integers.
    Integer,
    /// float32: the integers over 2^f_W, rounded.
    Float,
}

impl Number {
    fn dtype(self) -> Dtype {
        match self {
            Self::Integer => Dtype::I64,
            Self::Float => Dtype::F32,
        }
    }
}

/// Why a file does not hold weights.
#[derive(Debug, thiserror::Error)]
pub enum TensorError {
    /// Not safetensors, or damaged.
    #[error("these are no safetensors: {0}")]
    Format(#[from] SafeTensorError),
    /// A tensor that is not there.
    #[error("the tensor {name} is missing: layers are layers.0.weight, layers.0.bias, layers.1.weight and so on")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A tensor that is no part of a network.
    #[error("there are {got} tensors, {expected} were expected: a weight and a bias for each layer, and nothing else")]
    Count {
        /// Tensors of the file.
        got: usize,
        /// Tensors of the network.
        expected: usize,
    },
    /// Another shape or kind of number.
    #[error("the tensor {name} is {got}, expected {expected}")]
    Tensor {
        /// Its name.
        name: String,
        /// What it is.
        got: String,
        /// What it has to be.
        expected: String,
    },
    /// Tensors that are not pairs of a weight and a bias in an order that numbers give.
    #[error(
        "the order of the layers {first} and {second} cannot be told: name their tensors layers.0.weight, layers.0.bias and so on"
    )]
    Order {
        /// A layer.
        first: String,
        /// Another.
        second: String,
    },
    /// Integers of another format.
    #[error("the integers have {got} fraction bits by their metadata ({FRACTION_BITS}), this run has {expected}")]
    FractionBits {
        /// What the metadata say.
        got: String,
        /// f_W.
        expected: u32,
    },
    /// A value that a start weight cannot have.
    #[error(
        "the tensor {name}, value {index}: {value} is not in [-{bound}, {bound}), what {bits} bits hold: set start_bits to more, or scale the network"
    )]
    Range {
        /// The tensor.
        name: String,
        /// Place in it.
        index: usize,
        /// The value, or the integer.
        value: f64,
        /// The bound on its magnitude, in the same unit.
        bound: f64,
        /// Bits of a weight.
        bits: u32,
    },
    /// A float that is no weight.
    #[error("the tensor {name}, value {index}: {value} is no multiple of 2^-{fraction_bits} below 2^62 in magnitude")]
    Value {
        /// The tensor.
        name: String,
        /// Place in it.
        index: usize,
        /// The float.
        value: f32,
        /// f_W.
        fraction_bits: u32,
    },
}

/// Whether float32 holds all of these weights exactly.
#[must_use]
pub fn floats_are_exact(weights: &Weights) -> bool {
    weights.max_abs() <= EXACT
}

/// The weights that come back from a file of floats.
#[must_use]
pub fn rounded(weights: &Weights, fraction_bits: u32) -> Weights {
    let mut rounded = weights.clone();
    for value in rounded.layers.iter_mut().flat_map(|layer| &mut layer.values) {
        *value = integer(float(*value, fraction_bits), fraction_bits).unwrap_or(*value);
    }
    rounded
}

/// The file.
#[must_use]
pub fn encode(weights: &Weights, number: Number, fraction_bits: u32, metadata: &[(&str, String)]) -> Vec<u8> {
    let header = header(weights, number, fraction_bits, metadata);
    let mut bytes = to_u64(header.len()).to_le_bytes().to_vec();
    bytes.extend(header);
    for layer in &weights.layers {
        for value in matrix(layer).chain(layer.bias().iter().copied()) {
            match number {
                Number::Integer => bytes.extend(value.to_le_bytes()),
                Number::Float => bytes.extend(float(value, fraction_bits).to_le_bytes()),
            }
        }
    }
    bytes
}

/// JSON, filled up with spaces to a multiple of 8 bytes.
#[expect(clippy::arithmetic_side_effects, reason = "the writer's: sizes of what is in memory")]
fn header(weights: &Weights, number: Number, fraction_bits: u32, metadata: &[(&str, String)]) -> Vec<u8> {
    let (dtype, size) = (number.dtype().to_string(), number.dtype().bitsize() / 8);
    let mut about = Map::new();
    about.insert("format".to_owned(), json!("pt"));
    about.insert(FRACTION_BITS.to_owned(), json!(fraction_bits.to_string()));
    about.extend(metadata.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), Value::Object(about));
    let mut offset = 0;
    for (index, layer) in weights.layers.iter().enumerate() {
        for (kind, shape) in [("weight", vec![layer.outputs, layer.inputs]), ("bias", vec![layer.outputs])] {
            let end = offset + size * shape.iter().product::<usize>();
            header.insert(name(index, kind), json!({ "dtype": dtype, "shape": shape, "data_offsets": [offset, end] }));
            offset = end;
        }
    }
    let mut text = Value::Object(header).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    text
}

/// Reads the weights of a network of widths d_0 .. d_L: integers as they are, floats as the integers that they are over 2^f_W.
///
/// # Errors
/// [`TensorError`].
pub fn decode(bytes: &[u8], widths: &[u32], fraction_bits: u32) -> Result<Weights, TensorError> {
    decode_some(bytes, &[Number::Integer, Number::Float], widths, fraction_bits)
}

/// The same, if all tensors are of one kind: a reader of floats must not find integers under their name.
///
/// # Errors
/// [`TensorError`].
pub fn decode_only(bytes: &[u8], kind: Number, widths: &[u32], fraction_bits: u32) -> Result<Weights, TensorError> {
    decode_some(bytes, &[kind], widths, fraction_bits)
}

fn decode_some(bytes: &[u8], kinds: &[Number], widths: &[u32], fraction_bits: u32) -> Result<Weights, TensorError> {
    let file = SafeTensors::deserialize(bytes)?;
    check_count(&file, widths)?;
    if let Some(got) = stated(bytes)?.filter(|stated| *stated != fraction_bits.to_string()) {
        return Err(TensorError::FractionBits { got, expected: fraction_bits });
    }
    let known = |dtype: &Dtype| kinds.iter().any(|kind| kind.dtype() == *dtype);
    layers(widths, |index, kind, shape| {
        let name = name(index, kind);
        let Ok(tensor) = file.tensor(&name) else { return Err(TensorError::Missing { name }) };
        if tensor.shape() != shape || !known(&tensor.dtype()) {
            let kinds = kinds.iter().map(|kind| kind.dtype().to_string()).collect::<Vec<_>>().join(" or ");
            let got = format!("{} of shape {:?}", tensor.dtype(), tensor.shape());
            return Err(TensorError::Tensor { name, got, expected: format!("{kinds} of shape {shape:?}") });
        }
        numbers(&tensor, name, fraction_bits)
    })
}

/// Reads weights to start from, as integers of `bits` bits, 1 to 64, over 2^f_W: rounded to nearest, ties to even.
///
/// # Errors
/// [`TensorError`].
pub fn quantise(bytes: &[u8], widths: &[u32], fraction_bits: u32, bits: u32) -> Result<Weights, TensorError> {
    let file = SafeTensors::deserialize(bytes)?;
    check_count(&file, widths)?;
    let format = StartFormat { fraction_bits, bits: bits.clamp(1, i64::BITS), stated: stated(bytes)? };
    let prefixes = prefixes(&file)?;
    layers(widths, |index, kind, shape| {
        let prefix = prefixes.get(index).map_or("", |prefix| prefix.as_str());
        format.numbers(&file, format!("{prefix}{kind}"), shape)
    })
}

/// The fraction bits that the file's metadata state.
fn stated(bytes: &[u8]) -> Result<Option<String>, TensorError> {
    let (_, about) = SafeTensors::read_metadata(bytes)?;
    Ok(about.metadata().as_ref().and_then(|about| about.get(FRACTION_BITS).cloned()))
}

/// A weight and a bias for each layer.
fn check_count(file: &SafeTensors<'_>, widths: &[u32]) -> Result<(), TensorError> {
    let (got, expected) = (file.len(), widths.len().saturating_sub(1).saturating_mul(2));
    if got == expected { Ok(()) } else { Err(TensorError::Count { got, expected }) }
}

/// A network of the tensors that `tensor` reads: layer, kind, shape.
fn layers(
    widths: &[u32],
    tensor: impl Fn(usize, &str, &[usize]) -> Result<Vec<i64>, TensorError>,
) -> Result<Weights, TensorError> {
    let layer = |(index, (inputs, outputs)): (usize, (&u32, &u32))| {
        let (inputs, outputs) = (to_usize(*inputs), to_usize(*outputs));
        let matrix = tensor(index, "weight", &[outputs, inputs])?;
        let bias = tensor(index, "bias", &[outputs])?;
        let mut layer =
            LayerWeights { inputs, outputs, values: Vec::with_capacity(matrix.len().saturating_add(bias.len())) };
        layer.values.extend((0..inputs).flat_map(|i| matrix.iter().skip(i).step_by(inputs)));
        layer.values.extend(bias);
        Ok(layer)
    };
    let layers = widths.iter().zip(widths.iter().skip(1)).enumerate().map(layer).collect::<Result<_, TensorError>>()?;
    Ok(Weights { layers })
}

/// What comes before `weight` in the names of the weights, in the order of the numbers in it.
fn prefixes(file: &SafeTensors<'_>) -> Result<Vec<String>, TensorError> {
    let names = file.names();
    let mut prefixes: Vec<String> =
        names.iter().filter_map(|name| name.strip_suffix("weight")).map(str::to_owned).collect();
    prefixes.sort_by_cached_key(|prefix| numbers_in(prefix));
    let words = |name: &str| name.replace(|c: char| c.is_ascii_digit(), "");
    let unordered = |(a, b): &(&String, &String)| words(a) != words(b) || numbers_in(a) == numbers_in(b);
    match prefixes.iter().zip(prefixes.iter().skip(1)).find(unordered) {
        None => Ok(prefixes),
        Some((a, b)) => Err(TensorError::Order { first: a.clone(), second: b.clone() }),
    }
}

/// The numbers in a name, without leading zeros, as (length, digits): these are in the order of the numbers.
fn numbers_in(name: &str) -> Vec<(usize, String)> {
    let runs = name.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    runs.map(|run| run.trim_start_matches('0')).map(|run| (run.len(), run.to_owned())).collect()
}

/// How weights to start from become integers.
struct StartFormat {
    fraction_bits: u32,
    /// Of a weight, 1 to 64.
    bits: u32,
    /// The fraction bits that the file's metadata state.
    stated: Option<String>,
}

impl StartFormat {
    /// The integers of a tensor.
    #[expect(clippy::as_conversions, reason = "an integer within the bound, 2^63 or less")]
    fn numbers(&self, file: &SafeTensors<'_>, name: String, shape: &[usize]) -> Result<Vec<i64>, TensorError> {
        let Ok(tensor) = file.tensor(&name) else { return Err(TensorError::Missing { name }) };
        let bytes = tensor.data();
        let floats: Vec<f64> = match tensor.dtype() {
            _ if tensor.shape() != shape => return Err(self.other(name, &tensor, shape)),
            Dtype::I64 => {
                let integers = bytes.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
                return self.integers(integers.collect(), &name);
            }
            Dtype::F64 => bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
            Dtype::F32 => bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes).into()).collect(),
            Dtype::F16 => bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).into()).collect(),
            Dtype::BF16 => bytes.as_chunks().0.iter().map(|bytes| bf16::from_le_bytes(*bytes).into()).collect(),
            _ => return Err(self.other(name, &tensor, shape)),
        };
        let one = 2f64.powi(self.fraction_bits.cast_signed());
        let integer = |(index, value): (usize, f64)| {
            // Exact: a power of two.
            let (rounded, bound) = ((value * one).round_ties_even(), self.bound());
            let refused = || self.range(&name, index, value, bound / one);
            if rounded >= -bound && rounded < bound { Ok(rounded as i64) } else { Err(refused()) }
        };
        floats.into_iter().enumerate().map(integer).collect()
    }

    /// Integers as they are.
    #[expect(clippy::as_conversions, reason = "rounded, for the words of an error")]
    fn integers(&self, integers: Vec<i64>, name: &str) -> Result<Vec<i64>, TensorError> {
        if self.stated.as_deref() != Some(self.fraction_bits.to_string().as_str()) {
            let got = self.stated.clone().unwrap_or_else(|| "no".to_owned());
            return Err(TensorError::FractionBits { got, expected: self.fraction_bits });
        }
        let sign = self.bits.saturating_sub(1);
        match integers.iter().enumerate().find(|(_, n)| !matches!(**n >> sign, 0 | -1)) {
            None => Ok(integers),
            Some((index, n)) => Err(self.range(name, index, *n as f64, self.bound())),
        }
    }

    /// `2^(bits - 1)`: exact.
    fn bound(&self) -> f64 {
        2f64.powi(self.bits.cast_signed().saturating_sub(1))
    }

    fn range(&self, name: &str, index: usize, value: f64, bound: f64) -> TensorError {
        TensorError::Range { name: name.to_owned(), index, value, bound, bits: self.bits }
    }

    fn other(&self, name: String, tensor: &TensorView<'_>, shape: &[usize]) -> TensorError {
        let got = format!("{} of shape {:?}", tensor.dtype(), tensor.shape());
        TensorError::Tensor { name, got, expected: format!("F32, F64, F16, BF16 or I64 of shape {shape:?}") }
    }
}

/// The integers of a tensor of integers or floats.
fn numbers(tensor: &TensorView<'_>, name: String, fraction_bits: u32) -> Result<Vec<i64>, TensorError> {
    let bytes = tensor.data();
    if tensor.dtype() == Dtype::I64 {
        return Ok(bytes.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect());
    }
    let values = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).enumerate();
    let refused = |index, value| TensorError::Value { name: name.clone(), index, value, fraction_bits };
    values.map(|(i, x)| integer(x, fraction_bits).ok_or_else(|| refused(i, x))).collect()
}

fn name(layer: usize, kind: &str) -> String {
    format!("layers.{layer}.{kind}")
}

/// A layer's weights, outputs first.
fn matrix(layer: &LayerWeights) -> impl Iterator<Item = i64> {
    (0..layer.outputs).flat_map(|j| layer.matrix().iter().skip(j).step_by(layer.outputs).copied())
}

/// Rounded once: the division by a power of two is exact.
#[expect(clippy::as_conversions, reason = "rounds to nearest, ties to even, as the format says")]
fn float(value: i64, fraction_bits: u32) -> f32 {
    value as f32 / 2f32.powi(fraction_bits.cast_signed())
}

/// The integer that a float is over `2^fraction_bits`, if it is one.
#[expect(clippy::as_conversions, reason = "an integer below 2^62 in magnitude")]
fn integer(value: f32, fraction_bits: u32) -> Option<i64> {
    let scaled = f64::from(value) * 2f64.powi(fraction_bits.cast_signed());
    (scaled.fract() == 0.0 && scaled.abs() < 2f64.powi(62)).then_some(scaled as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTHS: [u32; 3] = [3, 2, 4];

    fn weights() -> Weights {
        let mut weights = Weights::zeros(&WIDTHS);
        for (i, value) in weights.layers.iter_mut().flat_map(|layer| &mut layer.values).enumerate() {
            *value = (i as i64 - 7) * 1_000_003;
        }
        weights
    }

    fn file(number: Number) -> Vec<u8> {
        encode(&weights(), number, 21, &[("zkdl.model", "ab".to_owned())])
    }

    #[test]
    fn weights_come_back_from_both_kinds_of_number() {
        assert!(floats_are_exact(&weights()));
        for number in [Number::Integer, Number::Float] {
            assert_eq!(decode(&file(number), &WIDTHS, 21).unwrap(), weights());
            assert_eq!(file(number), file(number));
        }
    }

    #[test]
    fn tensors_are_as_linear_layers_have_them() {
        let bytes = file(Number::Integer);
        let read = SafeTensors::deserialize(&bytes).unwrap();
        let layer = &weights().layers[0];
        let tensor = read.tensor("layers.0.weight").unwrap();
        assert_eq!(tensor.shape(), [2, 3]);
        let values: Vec<i64> = tensor.data().as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect();
        assert_eq!(values[1], layer.values[2], "input 1 of output 0");
        let (_, about) = SafeTensors::read_metadata(&bytes).unwrap();
        let about = about.metadata().as_ref().unwrap();
        assert_eq!((about["zkdl.fraction_bits"].as_str(), about["zkdl.model"].as_str()), ("21", "ab"));
    }

    #[test]
    fn floats_round_to_nearest_even_and_tell_where_they_cannot_be_exact() {
        let mut weights = weights();
        weights.layers[0].values[0] = (1 << 24) + 1;
        assert!(!floats_are_exact(&weights));
        let bytes = encode(&weights, Number::Float, 21, &[]);
        let read = decode(&bytes, &WIDTHS, 21).unwrap();
        assert_eq!(read.layers[0].values[0], 1 << 24);
        assert_eq!(read, rounded(&weights, 21));
        assert_eq!(float(3 << 20, 21), 1.5);
        assert_eq!(integer(1.5, 21), Some(3 << 20));
        assert_eq!(integer(2f32.powi(40), 21), Some(1 << 61));
        for value in [f32::NAN, f32::INFINITY, 2f32.powi(41), 2f32.powi(-22)] {
            assert_eq!(integer(value, 21), None, "{value}");
        }
    }

    #[test]
    fn other_files_are_typed_errors() {
        let good = file(Number::Float);
        for length in 0..good.len() {
            assert!(matches!(decode(&good[..length], &WIDTHS, 21), Err(TensorError::Format(_))), "{length}");
        }
        assert!(matches!(decode(&good, &[3, 2], 21), Err(TensorError::Count { got: 4, expected: 2 })));
        assert!(matches!(decode(&good, &[3, 3, 4], 21), Err(TensorError::Tensor { .. })));
        let place = good.windows(13).position(|bytes| bytes == b"layers.1.bias").unwrap();
        let mut other = good.clone();
        other[place..place + 13].copy_from_slice(b"layers.1.gain");
        assert!(matches!(decode(&other, &WIDTHS, 21), Err(TensorError::Missing { name }) if name == "layers.1.bias"));
        let coarse = encode(&weights(), Number::Float, 22, &[]);
        let stated = coarse.windows(4).position(|bytes| bytes == b"\"22\"").unwrap();
        let finer = |bits: &[u8]| [&coarse[..stated + 1], bits, &coarse[stated + 3..]].concat();
        assert_eq!(finer(b"22"), coarse);
        assert!(matches!(decode(&finer(b"21"), &WIDTHS, 21), Err(TensorError::Value { .. })));
    }

    /// What is certified as floats is read as floats, and at the scale that the file states.
    #[test]
    fn files_are_of_the_kind_and_scale_that_they_say() {
        for (ours, other) in [(Number::Integer, Number::Float), (Number::Float, Number::Integer)] {
            assert_eq!(decode_only(&file(ours), ours, &WIDTHS, 21).unwrap(), weights());
            let error = decode_only(&file(other), ours, &WIDTHS, 21).unwrap_err();
            assert!(matches!(error, TensorError::Tensor { .. }), "{error}");
            let error = decode(&encode(&weights(), ours, 22, &[]), &WIDTHS, 21).unwrap_err();
            assert!(matches!(&error, TensorError::FractionBits { got, expected: 21 } if got == "22"), "{error}");
        }
    }

    /// A file with tensors of these names, shapes and bytes.
    fn foreign(dtype: Dtype, tensors: &[(&str, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
        let views =
            tensors.iter().map(|tensor| (tensor.0, TensorView::new(dtype, tensor.1.clone(), &tensor.2).unwrap()));
        safetensors::serialize(views, None).unwrap()
    }

    /// Two layers, 3 to 2 to 4, as floats with these prefixes; the first bias is `bias`.
    fn network(prefixes: [&str; 2], bias: [f64; 2], dtype: Dtype) -> Vec<u8> {
        let bytes = |values: &[f64]| -> Vec<u8> {
            let one = |x: &f64| match dtype {
                Dtype::F64 => x.to_le_bytes().to_vec(),
                Dtype::F32 => (*x as f32).to_le_bytes().to_vec(),
                Dtype::F16 => f16::from_f64(*x).to_le_bytes().to_vec(),
                Dtype::BF16 => bf16::from_f64(*x).to_le_bytes().to_vec(),
                _ => (*x as i64).to_le_bytes().to_vec(),
            };
            values.iter().flat_map(one).collect()
        };
        let names = prefixes.map(|prefix| [format!("{prefix}weight"), format!("{prefix}bias")]);
        let tensors = [
            (names[0][0].as_str(), vec![2, 3], bytes(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
            (names[0][1].as_str(), vec![2], bytes(&bias)),
            (names[1][0].as_str(), vec![4, 2], bytes(&[0.5; 8])),
            (names[1][1].as_str(), vec![4], bytes(&[-0.25; 4])),
        ];
        foreign(dtype, &tensors)
    }

    #[test]
    fn start_weights_are_read_from_every_kind_of_number_and_rounded() {
        for dtype in [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16] {
            let weights = quantise(&network(["0.", "2."], [1.5, -0.75], dtype), &WIDTHS, 1, 16).unwrap();
            assert_eq!(weights.layers[0].values, [2, 8, 4, 10, 6, 12, 3, -2], "{dtype}: ties to even");
            assert_eq!(weights.layers[1].values, [[1; 8].as_slice(), &[0; 4]].concat());
        }
        let (exact, bits) = (file(Number::Integer), 64);
        assert_eq!(quantise(&exact, &WIDTHS, 21, bits).unwrap(), weights());
        assert_eq!(quantise(&file(Number::Float), &WIDTHS, 21, bits).unwrap(), weights());
        assert!(matches!(quantise(&exact, &WIDTHS, 20, bits), Err(TensorError::FractionBits { .. })));
        let unknown = network(["0.", "2."], [0.0; 2], Dtype::I64);
        assert!(
            matches!(quantise(&unknown, &WIDTHS, 21, bits), Err(TensorError::FractionBits { got, .. }) if got == "no")
        );
        let word = network(["0.", "2."], [0.0; 2], Dtype::U64);
        assert!(matches!(quantise(&word, &WIDTHS, 21, bits), Err(TensorError::Tensor { .. })));
    }

    #[test]
    fn numbers_order_the_layers_and_nothing_else_does() {
        let first =
            |prefixes| quantise(&network(prefixes, [0.0; 2], Dtype::F32), &WIDTHS, 1, 16).map(|w| w.layers.len());
        for prefixes in
            [["0.", "2."], ["fc2.", "fc10."], ["net.3.linear.", "net.11.linear."], ["layers.0.", "layers.1."]]
        {
            assert_eq!(first(prefixes).unwrap(), 2, "{prefixes:?}");
        }
        assert!(matches!(first(["10.", "9."]), Err(TensorError::Tensor { .. })), "another order: other shapes");
        for prefixes in [["hidden.", "output."], ["fc01.", "fc1."], ["a.", "1."]] {
            assert!(matches!(first(prefixes), Err(TensorError::Order { .. })), "{prefixes:?}");
        }
        let names = ["0.weight", "0.bias", "2.weight", "2.gain"];
        let tensors = names.map(|name| (name, vec![1], vec![0; 4]));
        let missing = quantise(&foreign(Dtype::F32, &tensors), &[1, 1, 1], 1, 16);
        assert!(missing.is_err());
    }

    #[test]
    fn start_weights_out_of_range_are_refused_by_name() {
        let one = |x: f64| quantise(&network(["0.", "2."], [0.0, x], Dtype::F64), &WIDTHS, 8, 16);
        let bias = |x: f64| one(x).unwrap().layers[0].values[7];
        assert_eq!([bias(-128.0), bias(127.998), bias(-128.001)], [-32768, 32767, -32768], "rounded, then judged");
        for x in [128.0, 127.999, -128.002, f64::NAN, f64::INFINITY, f64::MIN] {
            let error = one(x).unwrap_err();
            let TensorError::Range { name, index, bound, bits, .. } = &error else { panic!("{x}: {error}") };
            assert_eq!((name.as_str(), *index, *bound, *bits), ("0.bias", 1, 128.0, 16), "{x}");
        }
        let wide = |bits| quantise(&network(["0.", "2."], [0.0, -(2f64.powi(55))], Dtype::F64), &WIDTHS, 8, bits);
        assert_eq!(wide(64).unwrap().layers[0].values[7], i64::MIN);
        assert!(matches!(wide(32), Err(TensorError::Range { .. })));
        let edge = |n: i64| {
            let file = encode(
                &Weights { layers: vec![LayerWeights { inputs: 1, outputs: 1, values: vec![0, n] }] },
                Number::Integer,
                8,
                &[],
            );
            quantise(&file, &[1, 1], 8, 16).map(|w| w.layers[0].values[1])
        };
        assert_eq!([edge(32767).unwrap(), edge(-32768).unwrap()], [32767, -32768]);
        assert!(matches!(edge(32768), Err(TensorError::Range { .. })) && edge(-32769).is_err());
        let good = network(["0.", "2."], [0.0; 2], Dtype::F16);
        for length in 0..good.len() {
            assert!(quantise(&good[..length], &WIDTHS, 8, 16).is_err(), "{length}");
        }
    }
}
