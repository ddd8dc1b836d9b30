//! A small audit of answers (catalogue 97): nothing is judged wrongly. `cargo run --release -p zkdl-cheat --example audit` is the
//! large one.

use zkdl::GeneratorSource;
use zkdl_cheat::audit::{Set, audit, clustered, total};
use zkdl_dataset::ValueRange;

/// Catalogue 97.
#[test]
fn no_question_is_answered_wrongly_and_no_forged_answer_is_accepted() {
    let generators = GeneratorSource::derived();
    for (points, width, near) in [(20, 4, 3), (12, 9, 0), (1, 2, 2), (15, 2, 5)] {
        let range = ValueRange { min: 0, max: 9 };
        let drawn = clustered(points, width, 3, 9, points as u64);
        let set = Set::commit("clustered", drawn, 3, range, near, &generators).unwrap();
        let tallies = audit(&set, 1, &generators, &|| ());
        let sum = total(&tallies);
        assert_eq!((sum.false_negatives, sum.false_positives), (0, 0), "{tallies:?}");
        assert!(sum.questions >= 6 * points as u64 && sum.forged >= 6 * points as u64, "{tallies:?}");
    }
}
