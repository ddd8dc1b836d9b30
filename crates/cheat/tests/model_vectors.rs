//! The shipped provers against the vectors of the executable model: every point, claim and round polynomial.

#![cfg(test)]

use serde_json::Value;
use zkdl_arguments::integers::IntegerMatrix;
use zkdl_arguments::opening::{self, RowValues, holds};
use zkdl_arguments::witness::{View, cell_view};
use zkdl_arguments::{Format, Shape};
use zkdl_cheat::fast;
use zkdl_cheat::harness::{Counter, Event, Tap, untouched};
use zkdl_cheat::sample::Sample;
use zkdl_cheat::tensor::{at, value};
use zkdl_cheat::trainer::honest;
use zkdl_cheat::witness::{Packed, Witness};
use zkdl_field::multilinear::{eq_table, evaluate};
use zkdl_field::scalar::{decode, dot, encode, from_i128};
use zkdl_field::{Field, Scalar};

const SEED: u64 = 230;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../spec/vectors/model-230.json")).unwrap()
}

fn integers(v: &Value) -> Vec<i128> {
    v.as_array().unwrap().iter().map(|x| i128::from(x.as_i64().unwrap())).collect()
}

fn matrix(v: &Value) -> Vec<Vec<i128>> {
    v.as_array().unwrap().iter().map(integers).collect()
}

fn element(v: &Value) -> Scalar {
    let text = v.as_str().unwrap();
    let mut bytes = [0u8; 32];
    for (i, byte) in bytes.iter_mut().rev().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap();
    }
    decode(&bytes).unwrap()
}

fn elements(v: &Value) -> Vec<Scalar> {
    v.as_array().unwrap().iter().map(element).collect()
}

fn sample(v: &Value) -> Sample {
    let s = &v["statement"];
    let number = |name: &str| s[name].as_u64().unwrap() as u32;
    let sizes = |v: &Value| integers(v).into_iter().map(|x| x as usize).collect::<Vec<_>>();
    let schedule = matrix(&s["idx"]).into_iter().map(|row| row.into_iter().map(|i| i as u32).collect()).collect();
    let shape = Shape {
        widths: sizes(&s["d"]),
        batch: number("B") as usize,
        format: Format {
            f_a: number("fA"),
            f_x: number("fA"),
            r: number("R"),
            r_l: number("RL"),
            q: number("Q"),
            q_g: number("QG"),
        },
        multipliers: integers(&s["c"]).into_iter().map(|c| c as u64).collect(),
        schedule,
        points: number("N") as usize,
        columns: 128,
    };
    shape.validate().unwrap();
    let start = v["W_0"].as_array().unwrap().iter().map(matrix).collect();
    Sample { shape, start, features: matrix(&v["features"]), labels: matrix(&v["labels"]) }
}

struct Run {
    vectors: Value,
    sample: Sample,
    witness: Witness,
    packed: Packed,
    proven: fast::Proven,
    events: Vec<Event>,
}

fn run() -> Run {
    let vectors = vectors();
    let sample = sample(&vectors);
    let witness = honest(&sample).unwrap();
    let packed = Packed::new(&sample, &witness);
    let tamper = untouched();
    let mut tap = Tap::new(Counter::new(SEED), &tamper);
    let proven = fast::prove(&mut tap, &sample.shape, &packed, true);
    let events = tap.events;
    Run { vectors, sample, witness, packed, proven, events }
}

#[test]
fn the_trainer_computes_the_models_trace() {
    let r = run();
    let shape = &r.sample.shape;
    let witness = r.packed.witness();
    let entries = |slot: usize, view| entries(&cell_view(shape, &witness, slot, view));
    for slot in 0..shape.layers() {
        assert_eq!(entries(slot, View::Gradient), scalars3(&r.vectors["G"][slot]), "G of slot {slot}");
    }
    for slot in 0..shape.layers() - 1 {
        let (p, k) = (matrix3(&r.vectors["P"][slot]), matrix3(&r.vectors["K"][slot]));
        let floor = |x: Scalar| to_i128(&x) >> shape.format.r;
        assert_eq!(entries(slot, View::Z).into_iter().map(floor).collect::<Vec<_>>(), p, "P of slot {slot}");
        assert_eq!(entries(slot, View::H).into_iter().map(floor).collect::<Vec<_>>(), k, "K of slot {slot}");
        let positive: Vec<_> = p.iter().map(|p| from_i128((*p).max(0))).collect();
        assert_eq!(entries(slot, View::Activation), positive, "A of slot {slot}");
    }
    for (slot, end) in r.packed.end.iter().enumerate() {
        let expected = matrix(&r.vectors["W_T"][slot]).concat();
        assert_eq!(end.iter().map(|x| i128::from(*x)).collect::<Vec<_>>(), expected, "W_T of slot {slot}");
    }
}

/// All entries of a view, row by row.
fn entries(matrix: &IntegerMatrix<'_>) -> Vec<Scalar> {
    (0..matrix.height()).flat_map(|row| matrix.combine(row, &[Scalar::ONE])).collect()
}

/// The small integer of a residue.
fn to_i128(x: &Scalar) -> i128 {
    let magnitude = |x: &Scalar| i128::from_le_bytes(encode(x)[..16].try_into().unwrap());
    let opposite = -x;
    if encode(x)[31] == 0 { magnitude(x) } else { -magnitude(&opposite) }
}

fn scalars3(v: &Value) -> Vec<Scalar> {
    matrix3(v).into_iter().map(from_i128).collect()
}

fn matrix3(v: &Value) -> Vec<i128> {
    v.as_array().unwrap().iter().flat_map(matrix).flatten().collect()
}

#[test]
fn challenges_are_the_models() {
    let r = run();
    let expected = r.vectors["challenge"].as_array().unwrap();
    let drawn: Vec<Scalar> =
        r.events.iter().filter_map(|e| if let Event::Challenge(_, x) = e { Some(*x) } else { None }).collect();
    for (i, (drawn, expected)) in drawn.iter().zip(expected).enumerate() {
        assert_eq!(*drawn, element(&expected[1]), "challenge {i}, {}", expected[0]);
    }
    assert_eq!(drawn.len() + r.sample.shape.log_bits(), expected.len(), "all but the model's rounds of (C)");
}

#[test]
fn points_are_the_models() {
    let r = run();
    let p = &r.vectors["points"];
    let (f, b, u, bits) = (&r.proven.forward, &r.proven.backward, &r.proven.update, &r.proven.bits);
    let cell: Vec<Vec<Scalar>> = p["cell (l,t,b,j)"].as_array().unwrap().iter().map(elements).collect();
    for (name, point) in [
        ("lam", &f.lam),
        ("tau", &f.tau),
        ("beta", &f.beta),
        ("j*", &f.j),
        ("r_l", &f.rl),
        ("r_t", &f.rt),
        ("r_k", &f.rk),
        ("l2", &b.l),
        ("t2", &b.t),
        ("r_j", &b.j),
        ("u_l", &u.l),
        ("u_s", &u.s),
        ("u_b", &u.b),
    ] {
        assert_eq!(*point, elements(&p[name]), "{name}");
    }
    assert_eq!(f.rc, element(&p["r_c"]));
    assert_eq!([&bits.l, &bits.t, &bits.b, &bits.j].map(Clone::clone).to_vec(), cell);
}

#[test]
fn claims_are_the_models() {
    let r = run();
    let (f, b, u) = (&r.proven.forward_claims, &r.proven.backward_claims, &r.proven.update_claims);
    let relu = &r.proven.products[3..];
    for (name, claim) in [
        ("z", &f.z),
        ("y", &f.y),
        ("a_0", &f.a_0),
        ("a_h", &f.a_h),
        ("w_1", &f.w_1),
        ("h", &b.h),
        ("g_1", &b.g_1),
        ("w_2", &b.w_2),
        ("v_1", &u.w0[0]),
        ("v_2", &u.w0[1]),
        ("v_3", &u.w0[2]),
        ("v_T", &u.w_t),
        ("a_0'", &u.a_0),
        ("a_h'", &u.a_h),
        ("g_2", &u.g_2),
        ("g_3", &u.g_3),
        ("neg", &relu[0].x),
        ("U", &relu[0].y),
        ("b", &relu[1].x),
    ] {
        assert_eq!(claim.value, element(&r.vectors["claims"][name]), "{name}");
    }
}

/// c_0, c_2, c_3 of the polynomial with these values at 0, 1, ...
fn without_linear(values: &[Scalar]) -> Vec<Scalar> {
    let half = Scalar::from(2).invert().unwrap();
    match values {
        [v0, v1, v2] => vec![*v0, (v2 - v1.double() + v0) * half],
        [v0, v1, v2, v3] => {
            let sixth = Scalar::from(6).invert().unwrap();
            let c3 = (v3 - v2 * Scalar::from(3) + v1 * Scalar::from(3) - v0) * sixth;
            vec![*v0, (v2 - v1.double() + v0) * half - c3 * Scalar::from(3), c3]
        }
        _ => panic!("degree {}", values.len()),
    }
}

#[test]
fn rounds_are_the_models() {
    let r = run();
    for (label, name) in [
        ("forward.round", "forward"),
        ("backward.round", "backward"),
        ("update.round", "update"),
        ("relu.bit", "relu.A"),
        ("relu.cell", "relu.B"),
    ] {
        let sent: Vec<Scalar> = r
            .events
            .iter()
            .filter_map(|e| if let Event::Value(l, x) = e { (*l == label).then_some(x.value) } else { None })
            .collect();
        let mut expected = Vec::new();
        for round in 0.. {
            let Some(values) = r.vectors["rounds"].get(format!("{name}.r{round}")) else { break };
            expected.extend(without_linear(&elements(values)));
            assert_eq!(sent[..expected.len()], expected, "{name}, round {round}");
        }
        assert_eq!(sent.len(), expected.len(), "{name}");
    }
}

/// (C) is one opening claim here and a sumcheck in the model: same sum, same bits.
#[test]
fn the_claim_about_bits_is_the_models() {
    let r = run();
    let first = elements(&r.vectors["rounds"]["relu.C.r0"]);
    let bits = &r.proven.bits;
    assert_eq!(bits.value.value, first[0] + first[1]);
    let shape = &r.sample.shape;
    let at_q = eq_table(&elements(&r.vectors["points"]["r_q'"]));
    let at_cell = [&bits.l, &bits.t, &bits.b, &bits.j].map(|p| at(p));
    let real = r.witness.real_bits(shape);
    let mut sum = Scalar::ZERO;
    for (output, name, weights) in [(false, "bits_hidden", &bits.hidden), (true, "bits_output", &bits.output)] {
        let seen = |v: &[Scalar]| {
            let view = real.iter().filter(|(c, _)| shape.is_output(c[0]) == output).map(|(c, b)| (*c, dot(v, b)));
            value(&view.collect(), &at_cell)
        };
        assert_eq!(seen(&at_q), element(&r.vectors["claims"][name]), "{name}");
        sum += seen(weights);
    }
    assert_eq!(sum, bits.value.value);
}

#[test]
fn every_obligation_holds_of_the_rows_and_opens() {
    let r = run();
    let shape = &r.sample.shape;
    for p in &r.proven.products {
        assert_eq!(p.x.value * p.y.value, p.z.value, "{}", p.name);
    }
    let rows = r.witness.rows(shape, true);
    let rows: Vec<RowValues<'_>> = rows.iter().map(|row| RowValues::Scalars(row)).collect();
    for q in &r.proven.queries {
        assert!(holds(q, &rows), "{}", q.name);
    }
    let names: Vec<_> = r.proven.queries.iter().map(|q| q.name).collect();
    assert_eq!(names, ["bits", "W_0", "W_0", "W_0", "W_T", "features", "features", "labels"]);
    let (reduced, vector) = opening::prove(&mut Counter::new(SEED), shape.columns, &r.proven.queries, &rows).unwrap();
    assert_eq!(evaluate(&vector, &reduced.point), reduced.value.value);
    let mut expected = vec![Scalar::ZERO; shape.columns];
    for (row, weight) in r.witness.rows(shape, true).iter().zip(&reduced.row_weights) {
        expected.iter_mut().zip(row).for_each(|(sum, x)| *sum += weight * x);
    }
    assert_eq!(vector, expected);
    assert_ne!(reduced.value.value, from_i128(0));
}
