use super::*;
use zkdl_dataset::{Quantiser, ValueRange};
use zkdl_train::Format;

pub(crate) fn statement() -> Statement {
    Statement {
        data: Descriptor { root: [1; 32], ..Descriptor::uniform(1437, 64, 10, ValueRange { min: 0, max: 16 }, 4) },
        hidden: vec![128, 64],
        format: Format::default(),
        batch: 32,
        r_l: 37,
        max_steps: 880,
        nonce: [2; 32],
        first_step: 0,
        multipliers: vec![32768, 32768, 16384],
        log_columns: 12,
        start: Start::Seed,
        end: vec![[3; 32]; 4],
    }
}

#[test]
fn the_config_digest_covers_the_computation_only() {
    let base = config_digest(&statement());
    let mut other = Statement { end: vec![[9; 32]], log_columns: 3, ..statement() };
    other.data.root = [7; 32];
    assert_eq!(config_digest(&other), base);
    let changes: [fn(&mut Statement); 6] = [
        |s| s.batch = 31,
        |s| s.hidden[0] = 127,
        |s| s.multipliers[2] = 1,
        |s| s.nonce[0] = 0,
        |s| s.first_step = 1,
        |s| s.data.points = 1,
    ];
    for change in changes {
        let mut changed = statement();
        change(&mut changed);
        assert_ne!(config_digest(&changed), base);
    }
}

#[test]
fn the_model_digest_separates_rows() {
    assert_ne!(model_digest(&[[1; 32]]), model_digest(&[[1; 32], [1; 32]]));
    assert_ne!(model_digest(&[]), model_digest(&[[0; 32]]));
}

#[test]
fn words_and_json_name_everything_an_auditor_compares() {
    let statement = statement();
    let words = in_words(&statement).join("\n");
    for part in ["64-128-64-10", "1437", "0.5 (c_t = 32768) from step 0", "0.25 (c_t = 16384) from step 2", "01010101"]
    {
        assert!(words.contains(part), "{part} is missing from\n{words}");
    }
    let json = to_json(&statement);
    assert_eq!(json["model"]["digest"], hex(&model_digest(&statement.end)));
    assert_eq!(json["multipliers"][1]["from_step"], 2);
    let start = Start::Committed { origin: Origin::Seed, rows: statement.end.clone() };
    let later = Statement { start, first_step: 3, ..statement.clone() };
    assert_eq!(premises(&statement).len() + 1, premises(&later).len());
}

#[test]
fn nonsense_is_described_without_panic() {
    let format = Format { f_a: u32::MAX, f_g: u32::MAX, q: 0, q_g: 0 };
    let odd = Statement {
        format,
        r_l: 0,
        first_step: u64::MAX,
        multipliers: vec![u64::MAX],
        hidden: vec![u32::MAX; 9],
        ..statement()
    };
    assert!(!in_words(&odd).is_empty());
    assert!(to_json(&odd).is_object());
}

/// SHA-256 of parts, the first one behind its length: written out, as the specification has it.
fn named(label: &[u8], rest: &[&[u8]]) -> [u8; 32] {
    Sha256::digest([&[label.len() as u8, 0, 0, 0, 0, 0, 0, 0], label, &rest.concat()].concat()).into()
}

#[test]
fn digests_are_those_of_the_specification() {
    let rows = [[3; 32], [5; 32]];
    let two = 2u64.to_le_bytes();
    assert_eq!(model_digest(&rows), named(b"zkdl/model/v1", &[&two, &rows[0], &rows[1]]));
    let mut bare = Statement { end: Vec::new(), log_columns: 0, ..statement() };
    bare.data.root = [0; 32];
    assert_eq!(config_digest(&statement()), named(b"zkdl/config/v1", &[&bare.encode()]));
}

/// A data set whose description has every clause.
fn images() -> Descriptor {
    let run =
        |count, scale, clip| ColumnRun { count, quantiser: Quantiser { scale, offset: 0.5, min: -3, max: 12, clip } };
    let image = Some(Image { width: 3, height: 2, channels: 1, planar: true, white: 255 });
    let uniform = Descriptor::uniform(9, 6, 2, ValueRange { min: 0, max: 1 }, 4);
    Descriptor { root: [1; 32], near: 25, image, columns: vec![run(2, 0.25, true), run(4, 2.0, false)], ..uniform }
}

#[test]
fn data_are_described_in_full() {
    let root = "01".repeat(32);
    assert_eq!(
        data_json(&images()),
        json!({
            "root": root, "points": 9, "features": 6, "classes": 2, "value_min": -3, "value_max": 12, "fraction_bits": 4,
            "columns": [
                { "from": 0, "to": 2, "scale": 0.25, "offset": 0.5, "min": -3, "max": 12, "clip": true },
                { "from": 2, "to": 6, "scale": 2.0, "offset": 0.5, "min": -3, "max": 12, "clip": false },
            ],
            "near": 25,
            "image": { "width": 3, "height": 2, "channels": 1, "planar": true, "white": 255 },
        })
    );
    let [points, features] = data_in_words(&images());
    assert_eq!(
        points,
        format!(
            "Data {root}: 9 committed points of 6 features (integers in [-3, 12] with 4 fraction bits) and a label of 2 classes."
        )
    );
    assert_eq!(
        features,
        "Features: 2 runs of columns, each with its own scale, offset and range; numbers beyond a range are clipped where \
         the JSON form says so; images of 3 x 2 pixels and 1 channels; near-duplicates are points at a squared distance \
         of 25 or less."
    );
    let one = Descriptor { near: 0, image: None, columns: images().columns[1..].to_vec(), ..images() };
    assert_eq!(features_in_words(&one), "Features: (x - 0.5) * 2 of the source's numbers x, rounded.");
    let as_they_are = features_in_words(&statement().data);
    assert_eq!(as_they_are, "Features: the numbers of the source, rounded to integers.");
    assert_eq!(
        data_claim(&images()),
        "Every committed feature is an integer in [-3, 12], every label is one of 2 classes, and rows hold nothing else."
    );
}

#[test]
fn rates_and_starts_are_described_in_full() {
    let changes = |n: u64| Statement { multipliers: (1..=n).map(|i| i << 12).collect(), ..statement() };
    let eight = "0.0625 (c_t = 4096) from step 0, 0.125 (c_t = 8192) from step 1, 0.1875 (c_t = 12288) from step 2, \
                 0.25 (c_t = 16384) from step 3, 0.3125 (c_t = 20480) from step 4, 0.375 (c_t = 24576) from step 5, \
                 0.4375 (c_t = 28672) from step 6, 0.5 (c_t = 32768) from step 7";
    assert_eq!(rates_in_words(&changes(8)), eight);
    assert_eq!(rates_in_words(&changes(10)), format!("{eight}, and 2 more changes, listed in the JSON form"));
    assert_eq!(start_in_words(&statement()), "Start: weights drawn from data root and nonce, known to everyone.");
    let model = hex(&model_digest(&[[3; 32]; 4]));
    let from = |origin, first_step| {
        let start = Start::Committed { origin, rows: vec![[3; 32]; 4] };
        start_in_words(&Statement { start, first_step, ..statement() })
    };
    let listed = format!("Start: the weights of model {model}, 4 committed rows that the statement lists.");
    assert_eq!(from(Origin::Seed, 3), listed);
    assert_eq!(from(Origin::Named { bits: 32 }, 3), listed);
    assert_eq!(
        from(Origin::Named { bits: 32 }, 0),
        format!("{listed} They were given to the run, and are integers of 32 bits.")
    );
}
