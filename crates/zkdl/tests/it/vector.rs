//! The statement of `spec/statement.md`: its bytes and digests.

use zkdl::describe::{config_digest, model_digest};
use zkdl::statement::{Start, Statement, hex};
use zkdl_dataset::{Descriptor, ValueRange};
use zkdl_train::Format;

/// Catalogue 124.
#[test]
fn the_vector_of_the_specification() {
    let statement = Statement {
        data: Descriptor { root: [7; 32], ..Descriptor::uniform(11, 5, 3, ValueRange { min: 0, max: 16 }, 4) },
        hidden: vec![7, 6],
        format: Format { f_a: 8, f_g: 13, q: 12, q_g: 10 },
        batch: 3,
        r_l: 37,
        max_steps: 1000,
        nonce: [9; 32],
        first_step: 0,
        multipliers: vec![5000, 5250, 5500],
        log_columns: 9,
        start: Start::Seed,
        end: vec![[3; 32]; 6],
    };
    let spec = include_str!("../../../../spec/statement.md");
    let bytes = statement.encode();
    assert!(spec.contains(&format!(" {} bytes,", bytes.len())), "{} bytes", bytes.len());
    let digests = [statement.digest(), model_digest(&statement.end), config_digest(&statement)];
    for digest in digests.map(|digest| hex(&digest)) {
        assert!(spec.contains(&digest), "{digest}");
    }
}
