//! The integer training algorithm written down from its definition in arbitrary-precision integers, one scalar at a time.

use num_bigint::BigInt;
use zkdl_train::{CellLayout, Trace};

use crate::samples::{Sample, sample};

type Row = Vec<BigInt>;

/// Every tensor of one example.
struct Example {
    a: Vec<Row>,
    p: Vec<Row>,
    k: Vec<Row>,
    g: Vec<Row>,
}

/// floor((v + 2^(r-1)) / 2^r); the shift of a `BigInt` rounds towards minus infinity.
fn round(v: &BigInt, r: u32) -> BigInt {
    (v + (BigInt::from(1) << (r - 1))) >> r
}

fn example(s: &Sample, w: &[Vec<Row>], index: u32, c: u64) -> Example {
    let (x, label) = s.point(index).unwrap();
    let (f, r, layers) = (&s.algorithm.format, s.algorithm.format.f_w(), s.algorithm.layers());
    let mut a: Vec<Row> = vec![x.iter().map(|&x| BigInt::from(x) << (f.f_a - s.algorithm.f_x)).collect()];
    let mut p: Vec<Row> = Vec::new();
    let mut g: Vec<Row> = Vec::new();
    for l in 0..layers {
        let z: Row = (0..s.algorithm.widths[l + 1] as usize)
            .map(|j| {
                let bias = &w[l][a[l].len()][j] << f.f_a;
                a[l].iter().enumerate().map(|(k, a)| a * &w[l][k][j]).sum::<BigInt>() + bias
            })
            .collect();
        if l + 1 < layers {
            let rounded: Row = z.iter().map(|z| round(z, r)).collect();
            a.push(rounded.iter().map(|p| if *p >= BigInt::ZERO { p.clone() } else { BigInt::ZERO }).collect());
            p.push(rounded);
        } else {
            let y = |j: usize| BigInt::from(u8::from(j == label as usize)) << f.f_a;
            g.push(z.iter().enumerate().map(|(j, z)| round(&(c * (z - (y(j) << r))), s.algorithm.r_l)).collect());
        }
    }
    let mut k = Vec::new();
    for l in (0..layers - 1).rev() {
        let h = |i: usize| g[0].iter().zip(&w[l + 1][i]).map(|(g, w)| g * w).sum::<BigInt>();
        let rounded: Row = (0..p[l].len()).map(|i| round(&h(i), r)).collect();
        let gated = rounded.iter().zip(&p[l]).map(|(k, p)| if *p >= BigInt::ZERO { k.clone() } else { BigInt::ZERO });
        g.insert(0, gated.collect());
        k.insert(0, rounded);
    }
    Example { a, p, k, g }
}

fn update(s: &Sample, w: &mut [Vec<Row>], e: &Example) {
    for (l, matrix) in w.iter_mut().enumerate() {
        for (k, row) in matrix.iter_mut().enumerate() {
            let one = BigInt::from(1) << s.algorithm.format.f_a;
            let a = e.a[l].get(k).unwrap_or(&one);
            row.iter_mut().zip(&e.g[l]).for_each(|(w, g)| *w -= a * g);
        }
    }
}

fn compare_cells(s: &Sample, trace: &Trace, e: &Example, t: usize, b: usize) {
    let layout = CellLayout::of(&s.algorithm);
    for (l, p) in e.p.iter().enumerate() {
        for (j, (p, k)) in p.iter().zip(&e.k[l]).enumerate() {
            let cell = layout.unpack_hidden(trace.layers[l].cell(t, b, j).unwrap());
            assert_eq!((&BigInt::from(cell.p), &BigInt::from(cell.k)), (p, k));
        }
    }
    let last = s.algorithm.layers() - 1;
    for (j, g) in e.g[last].iter().enumerate() {
        assert_eq!(BigInt::from(layout.unpack_output(trace.layers[last].cell(t, b, j).unwrap()).g), *g);
    }
}

/// Trains both ways and compares every P, K and G, and the final weights.
pub(crate) fn compare(s: &Sample) {
    let trace = s.train().unwrap();
    let matrix = |layer: &zkdl_train::LayerWeights| -> Vec<Row> {
        layer.values.chunks(layer.outputs).map(|row| row.iter().map(|&w| w.into()).collect()).collect()
    };
    let mut w: Vec<Vec<Row>> = s.start.layers.iter().map(matrix).collect();
    for (t, batch) in s.indices.iter().enumerate() {
        let examples: Vec<Example> = batch.iter().map(|&i| example(s, &w, i, s.multipliers[t])).collect();
        for (b, e) in examples.iter().enumerate() {
            compare_cells(s, &trace, e, t, b);
            update(s, &mut w, e);
        }
    }
    assert_eq!(trace.end.layers.iter().map(matrix).collect::<Vec<_>>(), w);
}

/// Catalogue 119.
#[test]
fn fifty_steps_of_random_networks_agree_bit_for_bit() {
    for seed in 0..40 {
        compare(&sample(seed, 50, true));
    }
}

/// Catalogue 64, 119.
#[test]
fn coarse_formats_full_of_ties_agree_bit_for_bit() {
    for seed in 100..200 {
        compare(&sample(seed, 6, false));
    }
}
