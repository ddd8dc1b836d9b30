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
//! Files are read with the `safetensors` crate. They are written here, because that crate orders metadata at random, and the same
//! weights have to be the same bytes.

use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde_json::{Map, Value, json};
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
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
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
fn header(weights: &Weights, number: Number, fraction_bits: u32, metadata: &[(&str, String)]) -> Vec<u8> {
    let (dtype, size) = match number {
        Number::Integer => ("I64", 8),
        Number::Float => ("F32", 4),
    };
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
    let file = SafeTensors::deserialize(bytes)?;
    let (got, expected) = (file.len(), 2 * widths.len().saturating_sub(1));
    if got != expected {
        return Err(TensorError::Count { got, expected });
    }
    let layer = |(index, pair): (usize, &[u32])| {
        let (inputs, outputs) = (pair[0] as usize, pair[1] as usize);
        let matrix = numbers(&file, name(index, "weight"), &[outputs, inputs], fraction_bits)?;
        let bias = numbers(&file, name(index, "bias"), &[outputs], fraction_bits)?;
        let mut layer = LayerWeights { inputs, outputs, values: Vec::with_capacity((inputs + 1) * outputs) };
        layer.values.extend((0..inputs).flat_map(|i| matrix.iter().skip(i).step_by(inputs)));
        layer.values.extend(bias);
        Ok(layer)
    };
    let layers = widths.windows(2).enumerate().map(layer).collect::<Result<_, TensorError>>()?;
    Ok(Weights { layers })
}

/// The integers of a tensor.
fn numbers(file: &SafeTensors<'_>, name: String, shape: &[usize], fraction_bits: u32) -> Result<Vec<i64>, TensorError> {
    let Ok(tensor) = file.tensor(&name) else { return Err(TensorError::Missing { name }) };
    let bytes = tensor.data();
    match tensor.dtype() {
        Dtype::I64 if tensor.shape() == shape => {
            Ok(bytes.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
        }
        Dtype::F32 if tensor.shape() == shape => {
            let values = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).enumerate();
            let refused = |index, value| TensorError::Value { name: name.clone(), index, value, fraction_bits };
            values.map(|(i, x)| integer(x, fraction_bits).ok_or_else(|| refused(i, x))).collect()
        }
        dtype => {
            let got = format!("{dtype} of shape {:?}", tensor.shape());
            Err(TensorError::Tensor { name, got, expected: format!("I64 or F32 of shape {shape:?}") })
        }
    }
}

fn name(layer: usize, kind: &str) -> String {
    format!("layers.{layer}.{kind}")
}

/// A layer's weights, outputs first.
fn matrix(layer: &LayerWeights) -> impl Iterator<Item = i64> {
    (0..layer.outputs).flat_map(|j| layer.matrix().iter().skip(j).step_by(layer.outputs).copied())
}

/// Rounded once: the division by a power of two is exact.
fn float(value: i64, fraction_bits: u32) -> f32 {
    value as f32 / 2f32.powi(fraction_bits.cast_signed())
}

/// The integer that a float is over `2^fraction_bits`, if it is one.
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
        for value in [f32::NAN, f32::INFINITY, 2f32.powi(42), 2f32.powi(-22)] {
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
        assert!(matches!(decode(&coarse, &WIDTHS, 21), Err(TensorError::Value { .. })));
    }
}
