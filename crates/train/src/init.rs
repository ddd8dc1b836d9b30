//! Starting weights from a public seed.
//!
//! For l = 1..L, `W^l[k][j]` is uniform in [-a_l, a_l] with a_l = isqrt(floor(3 * 4^f_W / d_(l-1))), that is, standard deviation about
//! 1 / sqrt(fan in) at f_W fraction bits. The values are `uniform(2 a_l + 1) - a_l` of the stream `zkdl/v1/weights` for (root, nonce)
//! (see [`zkdl_dataset::stream`]), layer by layer, row-major: k outer, j inner. Biases are 0 and draw nothing.

use std::num::{NonZeroU64, NonZeroU128};

use zkdl_dataset::KeyStream;
use zkdl_dataset::number::to_usize;
use zkdl_dataset::stream::WEIGHTS_DOMAIN;

use crate::config::{Algorithm, MAX_F_W, pairs};
use crate::weights::{LayerWeights, Weights};

/// a_l: the largest magnitude of a starting weight with `f_w` fraction bits and `fan_in` inputs.
pub fn weight_range(f_w: u32, fan_in: u32) -> u64 {
    // f_w <= 48 in a valid configuration: 3 * 4^48 < 2^98, and the root fits 49 bits.
    let fan_in = NonZeroU128::new(fan_in.into()).unwrap_or(NonZeroU128::MIN);
    let square = (3u128 << f_w.min(MAX_F_W).saturating_mul(2)) / fan_in;
    u64::try_from(square.isqrt()).unwrap_or(u64::MAX)
}

/// The starting weights of a run; one draw a weight.
pub fn initial_weights(algorithm: &Algorithm, root: &[u8; 32], nonce: &[u8; 32]) -> Weights {
    let mut stream = KeyStream::derive(WEIGHTS_DOMAIN, &[root, nonce]);
    let f_w = algorithm.format.f_w();
    let layers = pairs(&algorithm.widths).map(|(inputs, outputs)| layer(&mut stream, f_w, inputs, outputs));
    Weights { layers: layers.collect() }
}

fn layer(stream: &mut KeyStream, f_w: u32, inputs: u32, outputs: u32) -> LayerWeights {
    let a = weight_range(f_w, inputs);
    let choices = NonZeroU64::MIN.saturating_add(a.saturating_mul(2));
    let mut layer = LayerWeights::zeros(to_usize(inputs), to_usize(outputs));
    let weights = layer.inputs.saturating_mul(layer.outputs);
    for value in layer.values.iter_mut().take(weights) {
        *value = stream.uniform(choices).cast_signed().saturating_sub(a.cast_signed());
    }
    layer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Format;

    fn algorithm() -> Algorithm {
        Algorithm {
            widths: vec![30, 20, 10],
            format: Format::default(),
            batch: 4,
            f_x: 4,
            r_l: 37,
            max_steps: 10,
            input_min: 0,
            input_max: 16,
        }
    }

    #[test]
    fn the_range_is_the_integer_root() {
        assert_eq!(weight_range(0, 3), 1);
        assert_eq!(weight_range(21, 64), 454_046);
        assert!(weight_range(48, 1) < 1 << 49);
    }

    #[test]
    fn values_are_drawn_in_order_and_biases_are_zero() {
        let weights = initial_weights(&algorithm(), &[1; 32], &[2; 32]);
        let mut stream = KeyStream::derive(WEIGHTS_DOMAIN, &[&[1; 32], &[2; 32]]);
        for layer in &weights.layers {
            let a = weight_range(21, layer.inputs as u32);
            for &value in layer.matrix() {
                assert_eq!(value, stream.uniform(NonZeroU64::new(2 * a + 1).unwrap()) as i64 - a as i64);
                assert!(value.unsigned_abs() <= a);
            }
            assert!(layer.bias().iter().all(|&b| b == 0));
        }
    }

    #[test]
    fn root_and_nonce_both_matter() {
        let weights = initial_weights(&algorithm(), &[1; 32], &[2; 32]);
        assert_ne!(weights, initial_weights(&algorithm(), &[3; 32], &[2; 32]));
        assert_ne!(weights, initial_weights(&algorithm(), &[1; 32], &[3; 32]));
    }
}
