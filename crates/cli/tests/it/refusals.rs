//! Configurations, data and memory that do not fit: exit code 2, words that help, nothing written.

use crate::support::{Sandbox, config, csv, entries, has_less_memory_than};

/// Every configuration is refused by `data commit`, before anything is written.
fn refused(config: &str, data: &str, words: &[&str]) {
    let sandbox = Sandbox::with_run();
    sandbox.write("run/zkdl.toml", config);
    sandbox.write("data.csv", data);
    let done = sandbox.fails(&["data", "commit", "run"], 2, words);
    assert_eq!(done.out, "", "no result");
    assert_eq!(entries(&sandbox.run_dir()).len(), 1, "only the configuration is there");
}

fn changed(from: &str, to: &str) -> String {
    assert!(config().contains(from), "{from}");
    config().replace(from, to)
}

#[test]
fn wrong_configurations_are_named() {
    let good = csv(45);
    let cases: [(String, &[&str]); 13] = [
        (changed("hidden =", "hiden ="), &["zkdl.toml", "unknown field `hiden`", "hidden"]),
        (changed("[proof]", "[prof]"), &["unknown field `prof`"]),
        (changed("batch = 4", "batch = 37"), &["batch of 37", "36 points"]),
        (changed("batch = 4", "batch = 0"), &["batch size is 0"]),
        (changed("steps = 10", "steps = 0"), &["0 steps"]),
        (changed("steps = 10", "epochs = 0"), &["0 steps"]),
        (changed("hidden = [6, 5]", "hidden = [6, 0]"), &["width 2 is 0"]),
        (changed("window = 4", "window = 0"), &["window is 0"]),
        (changed("test_points = 9", "test_points = 46"), &["test_points = 46", "45 points"]),
        (changed("test_points = 9", "train_points = 46"), &["46 training points"]),
        (changed("fraction_bits = 4", "fraction_bits = 9"), &["9 fraction bits", "raise f_a to 9"]),
        (changed("[[0, 0.0625], [5, 0.04]]", "0.0"), &["learning rate 0", "positive"]),
        (changed("[[0, 0.0625], [5, 0.04]]", "0.00001"), &["raise f_g"]),
    ];
    for (config, words) in cases {
        refused(&config, &good, words);
    }
    refused(&changed("nonce = \"00", "nonce = \"0"), &good, &["nonce", "64 hexadecimal digits"]);
    let wide = changed("hidden = [6, 5]", "hidden = [100000]")
        .replace("batch = 4", "batch = 36")
        .replace("0.0625], [5, 0.04]", "0.25]");
    let long = wide.replace("steps = 10", "steps = 1000").replace("window = 4", "window = 1000");
    refused(&long, &good, &["3600108000 cells", "smaller window"]);
    refused(&format!("{}log_columns = 21\n", config()), &good, &["number of columns is 21"]);
}

#[test]
fn wrong_data_are_named() {
    let head = "a,b,c,d,label\n";
    let cases: [(String, &[&str]); 9] = [
        (String::new(), &["data.csv", "no points"]),
        (head.to_owned(), &["no points"]),
        (format!("{}1,2,3,0\n", csv(45)), &["line 47", "4 fields", "5"]),
        (format!("{}1,2.5,3,4,0\n", csv(45)), &["line 47, column b", "2.5", "not an integer"]),
        (format!("{}1,2,17,4,0\n", csv(45)), &["line 47, column c", "17", "[0, 16]"]),
        (format!("{}1,2,3,4,9\n", csv(45)), &["labels go up to 9", "class 3"]),
        (format!("{}1,2,3,4,-1\n", csv(45)), &["line 47", "-1 is negative"]),
        (format!("{head}{}", "1,2,3,4,0\n".repeat(45)), &["every point has label 0"]),
        ("0,1,2,3,0\n1,2,3,4,1\n".to_owned(), &["line 1", "column names"]),
    ];
    for (data, words) in cases {
        refused(&config(), &data, words);
    }
}

#[test]
fn missing_and_foreign_files_are_told_apart() {
    let sandbox = Sandbox::with_run();
    sandbox.fails(&["train", "run"], 2, &["zkdl data commit run"]);
    sandbox.fails(&["train", "nowhere"], 3, &["nowhere/zkdl.toml", "zkdl init"]);
    std::fs::remove_file(sandbox.path("data.csv")).unwrap();
    sandbox.fails(&["data", "commit", "run"], 3, &["data.csv"]);
    std::fs::write(sandbox.path("run/zkdl.toml"), [0xff, 0xfe]).unwrap();
    sandbox.fails(&["data", "commit", "run"], 2, &["not a TOML file"]);
    std::fs::write(sandbox.path("data.csv"), [b'a', b',', 0xff, b'\n']).unwrap();
    sandbox.write("run/zkdl.toml", &config());
    sandbox.fails(&["data", "commit", "run"], 2, &["data.csv", "cannot be read as CSV text"]);
    sandbox.fails(&["train"], 2, &["Usage"]);
    sandbox.fails(&["verify"], 2, &["--statement"]);
    sandbox.fails(&["verify", "run", "--expect-model", "12"], 2, &["64 hexadecimal digits"]);
}

#[test]
fn an_overflow_in_training_is_located() {
    let sandbox = Sandbox::with_run();
    sandbox.write("run/zkdl.toml", &changed("[[0, 0.0625], [5, 0.04]]", "16.0"));
    sandbox.ok(&["data", "commit", "run"]);
    let words = [
        "training stopped",
        "step 0, layer 3, example",
        "neuron",
        "the output gradient G",
        "[-4096, 4095]",
        "raise q_g",
    ];
    sandbox.fails(&["train", "run"], 2, &words);
    assert!(!sandbox.has("run/secret/weights-4"));
}

#[test]
fn a_proof_that_does_not_fit_is_refused_with_the_numbers() {
    let sandbox = Sandbox::with_run();
    if !has_less_memory_than(46_000_000_000) {
        return; // It would fit, or nobody knows.
    }
    let huge = changed("hidden = [6, 5]", "hidden = [1000000, 2]").replace("window = 4", "window = 28");
    sandbox.write(
        "run/zkdl.toml",
        &huge
            .replace("steps = 10", "steps = 28")
            .replace("batch = 4", "batch = 36")
            .replace("0.0625], [5, 0.04]", "0.25]"),
    );
    sandbox.ok(&["data", "commit", "run"]);
    sandbox.fails(&["prove", "run"], 2, &["needs about", "GB", "are available", "smaller window"]);
    sandbox.fails(&["prove", "run", "--window", "7"], 2, &["no window 7", "windows 0 to 0"]);
}

#[test]
fn a_changed_run_is_not_mixed_with_what_was_there() {
    let sandbox = Sandbox::trained();
    sandbox.ok(&["prove", "run"]);
    for (from, to, words) in [
        ("0.04]]", "0.05]]", &["weights-10 belongs to another run", "zkdl.toml"][..]),
        ("value_max = 16", "value_max = 17", &["value_max = 17", "committed with 16"]),
    ] {
        sandbox.write("run/zkdl.toml", &changed(from, to));
        sandbox.fails(&["train", "run"], 2, words);
    }
    sandbox.write("run/zkdl.toml", &format!("{}log_columns = 12\n", config()));
    sandbox.fails(&["prove", "run"], 2, &["rows-4", "log_columns ="]);
    sandbox.write("run/zkdl.toml", &config());
    sandbox.write("data.csv", &csv(48));
    sandbox.fails(&["data", "commit", "run"], 2, &["other data are already committed", "new run directory"]);
}
