//! `zkdl bench`: what it prints, and what it refuses.

use crate::support::{Sandbox, has_less_memory_than};
use serde_json::Value;

fn number(json: &Value, field: &str) -> f64 {
    json[field].as_f64().unwrap_or_else(|| panic!("{field} is no number in {json}"))
}

fn names(phases: &Value) -> Vec<&str> {
    phases.as_array().unwrap().iter().map(|phase| phase["name"].as_str().unwrap()).collect()
}

fn sum(phases: &Value, field: &str) -> f64 {
    phases.as_array().unwrap().iter().map(|phase| number(phase, field)).sum()
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Sums that hold whatever was measured.
fn consistent(json: &Value) {
    let steps = number(json, "steps");
    assert!(same(sum(&json["phases"], "wall_s"), number(json, "prove_s_per_step") * steps));
    assert!(same(sum(&json["phases"], "cpu_s"), number(json, "prove_cpu_s_per_step") * steps));
    assert!(same(number(&json["phases"][0], "wall_s"), number(json, "reexecution_s_per_step") * steps));
    assert!(same(number(json, "ns_per_cell") * number(json, "cells"), 1e9 * number(json, "prove_s_per_step") * steps));
    assert!(same(sum(&json["setup"]["phases"], "wall_s"), number(&json["setup"], "wall_s")));
    assert!(same(sum(&json["setup"]["phases"], "cpu_s"), number(&json["setup"], "cpu_s")));
    let bytes = &json["bytes"];
    assert_eq!(json["bytes_total"], bytes["proof"].as_u64().unwrap() + bytes["weight_rows"].as_u64().unwrap());
    assert!(same(number(json, "bytes_per_step") * steps, number(json, "bytes_total")));
    assert!(number(bytes, "cell_rows") < number(bytes, "proof"));
    assert!(2.0 * number(bytes, "weight_rows") < number(bytes, "statement"), "weights at both ends");
    let share = number(json, "nonzero_bytes");
    assert!((0.0..=1.0).contains(&share), "{share}");
    for field in ["train_s_per_step", "train_cpu_s_per_step", "verify_s", "verify_cpu_s"] {
        assert!(number(json, field) > 0.0, "{field}");
    }
    assert!(json["peak_rss_bytes"].is_null() || number(json, "peak_rss_bytes") > number(json, "bytes_total"));
}

#[test]
fn digits_as_json_is_one_line_with_every_field() {
    let sandbox = Sandbox::new();
    let out = sandbox.ok(&["bench", "digits", "--steps", "2", "--json", "--threads", "2"]);
    assert_eq!(out.lines().count(), 1, "a line to append to a file of measurements");
    let json: Value = serde_json::from_str(&out).unwrap();
    consistent(&json);
    for (field, value) in [("workload", "digits"), ("network", "64-128-64-10")] {
        assert_eq!(json[field], value);
    }
    for (field, value) in
        [("batch", 32), ("steps", 2), ("threads", 2), ("parameters", 17_226), ("cells", 12_928), ("points", 1_437)]
    {
        assert_eq!(json[field], value, "{field}");
    }
    assert_eq!((&json["cell_bits"], &json["learning_rate"]), (&64.into(), &0.25.into()));
    assert_eq!(1 << json["columns_log2"].as_u64().unwrap(), 2048);
    assert!(json["features"].as_array().unwrap().iter().all(Value::is_string));
    assert_eq!(json["prove_s_per_step_runs"], serde_json::json!([json["prove_s_per_step"]]));
    assert_eq!(names(&json["setup"]["phases"]), SETUP);
    assert_eq!(names(&json["phases"]), PHASES);
    assert!(sandbox.temporary_files().is_empty());
    let left = std::fs::read_dir(sandbox.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| name == "cache"), "nothing but generators is written");
}

const SETUP: [&str; 4] = ["generators", "data commitment", "initial weights", "weight commitment"];
const PHASES: [&str; 13] = [
    "re-execution",
    "weight commitment",
    "checks",
    "generators",
    "commit",
    "forward",
    "backward",
    "update",
    "zkReLU, bits",
    "zkReLU, cells",
    "opening",
    "inner product",
    "serialising",
];

#[test]
fn any_network_is_measured_and_runs_are_summed_up() {
    let sandbox = Sandbox::new();
    let network =
        ["bench", "--network", "12-9-7-5", "--batch", "6", "--steps", "3", "--runs", "3", "--format", "10,13,14,10"];
    let json = sandbox.json(&[&network[..], &["--json"]].concat());
    consistent(&json);
    assert_eq!((&json["workload"], &json["network"]), (&"custom".into(), &"12-9-7-5".into()));
    assert_eq!(json["cell_bits"], 70, "14 + 10 + 2 (10 + 13)");
    assert_eq!((&json["batch"], &json["points"], &json["cells"]), (&6.into(), &96.into(), &(3 * 6 * 21).into()));
    let mut runs: Vec<f64> =
        json["prove_s_per_step_runs"].as_array().unwrap().iter().map(|r| r.as_f64().unwrap()).collect();
    runs.sort_by(f64::total_cmp);
    assert_eq!((runs.len(), runs[1]), (3, number(&json, "prove_s_per_step")));
    let out = sandbox.ok(&network);
    for part in ["12-9-7-5", "median of 3 runs", "re-execution", "verifying", "peak memory", "CPU", "a step"] {
        assert!(out.contains(part), "{part} is missing from\n{out}");
    }
}

#[test]
fn what_cannot_be_measured_is_refused_with_advice() {
    let sandbox = Sandbox::new();
    let cases: [(&[&str], &[&str]); 13] = [
        (&[], &["mlp-1b", "--network 784-512-512-10"]),
        (&["mlp-2m"], &["mlp-2m", "possible values", "digits", "mlp-1m"]),
        (&["digits", "--steps", "0"], &["--steps", "1..=65536"]),
        (&["digits", "--runs", "0"], &["--runs"]),
        (&["digits", "--batch", "8"], &["--batch", "cannot be used with"]),
        (&["digits", "--network", "5-3"], &["--network", "cannot be used with"]),
        (&["--network", "784"], &["one width is no network", "784-512-512-10"]),
        (&["--network", "784-x-10"], &["\"x\" is no width", "784-512-512-10"]),
        (&["--network", "16777217-3"], &["16777217", "between 1 and 2^24"]),
        (&["digits", "--format", "8,13,12"], &["--format", "f_a,f_g,q,q_g"]),
        (&["digits", "--format", "3,13,12,10"], &["digits cannot be measured", "raise f_a to 4"]),
        (&["--network", "5-3", "--rate", "0.001"], &["learning rate 0.001", "above 0.125"]),
        (&["--network", "300-20-3", "--rate", "8", "--steps", "4"], &["training stopped", "--rate", "step"]),
    ];
    for (args, words) in cases {
        let done = sandbox.fails(&[&["bench"], args].concat(), 2, words);
        assert_eq!(done.out, "", "no result");
    }
}

#[test]
fn a_window_that_does_not_fit_is_refused_with_the_numbers() {
    if !has_less_memory_than(38_000_000_000) {
        return; // It would fit, or nobody knows.
    }
    let words = ["mlp-1b", "64 steps", "needs about", "GB", "are available", "--steps"];
    Sandbox::new().fails(&["bench", "mlp-1b", "--steps", "64"], 2, &words);
}
