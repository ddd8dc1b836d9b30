//! The vectors of the executable model, `spec/vectors/model-230.json`.

use serde_json::Value;
use zkdl_train::{Algorithm, CellLayout, Format, LayerWeights, Weights};

use crate::samples::Sample;

fn vectors() -> Value {
    let text = include_str!("../../../../spec/vectors/model-230.json");
    serde_json::from_str(text).unwrap()
}

fn list<T>(value: &Value, one: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(one).collect()
}

fn integer(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

fn weights(value: &Value, widths: &[u32]) -> Weights {
    let layer = |(matrix, pair): (&Value, &[u32])| LayerWeights {
        inputs: pair[0] as usize,
        outputs: pair[1] as usize,
        values: list(matrix, |row| list(row, integer)).concat(),
    };
    Weights { layers: value.as_array().unwrap().iter().zip(widths.windows(2)).map(layer).collect() }
}

/// The statement, data and starting weights of the vectors.
pub(crate) fn model() -> Sample {
    let v = vectors();
    let s = &v["statement"];
    let number = |name: &str| integer(&s[name]) as u32;
    let widths = list(&s["d"], |d| integer(d) as u32);
    let format = Format { f_a: number("fA"), f_g: number("fG"), q: number("Q"), q_g: number("QG") };
    let (f_x, r_l, batch) = (format.f_a, number("RL"), number("B"));
    let start = weights(&v["W_0"], &widths);
    let algorithm = Algorithm { widths, format, batch, f_x, r_l, max_steps: 3, input_min: -8, input_max: 8 };
    Sample {
        algorithm,
        multipliers: list(&s["c"], |c| integer(c) as u64),
        indices: list(&s["idx"], |row| list(row, |i| integer(i) as u32)),
        features: list(&v["features"], |row| list(row, |x| integer(x) as i32)),
        labels: list(&v["labels"], |row| list(row, integer).iter().position(|&y| y == 1).unwrap() as u32),
        start,
        first_step: 0,
    }
}

/// Catalogue 119, 124.
#[test]
fn the_model_is_reproduced_bit_for_bit() {
    let (sample, v) = (model(), vectors());
    let trace = sample.train().unwrap();
    let layout = CellLayout::of(&sample.algorithm);
    let at = |tensor: &str, l: usize, t: usize, b: usize, j: usize| integer(&v[tensor][l][t][b][j]);
    for (l, cells) in trace.layers.iter().enumerate() {
        for (t, b, j) in places(trace.steps, trace.batch, cells.width) {
            let word = cells.cell(t, b, j).unwrap();
            if l + 1 < trace.layers.len() {
                let cell = layout.unpack_hidden(word);
                assert_eq!((cell.p, cell.k), (at("P", l, t, b, j), at("K", l, t, b, j)));
                assert_eq!(if cell.p < 0 { 0 } else { cell.k }, at("G", l, t, b, j));
            } else {
                assert_eq!(layout.unpack_output(word).g, at("G", l, t, b, j));
            }
        }
    }
    assert_eq!(trace.end, weights(&v["W_T"], &sample.algorithm.widths));
    assert_eq!(sample.check(&trace), Ok(()));
}

pub(crate) fn places(steps: usize, batch: usize, width: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..steps).flat_map(move |t| (0..batch).flat_map(move |b| (0..width).map(move |j| (t, b, j))))
}
