//! Whatever is preferred, the statement is one that verifiers take, and every preference gets what it asks for.

use crate::support::{Sizes, draft};
use proptest::prelude::*;
use zkdl::columns::{Preference, choose_log_columns};
use zkdl::statement::Limits;
use zkdl::{Origin, Statement};
use zkdl_arguments::rows::cell_row_count;

fn sizes() -> impl Strategy<Value = Sizes> {
    let hidden = prop::collection::vec(1u32..3000, 0..20);
    (1u32..4000, hidden, 2u32..20, 1u32..200, 1usize..900).prop_map(|(features, hidden, classes, batch, steps)| Sizes {
        features,
        hidden,
        classes,
        points: 1000,
        batch,
        steps,
        first_step: 0,
        log_columns: None,
        origin: Origin::Seed,
    })
}

/// Columns and rows of cells; the statement must be one that a verifier with the default limits takes.
fn chosen(statement: &Statement, preference: Preference) -> (u32, usize) {
    let log_columns = choose_log_columns(&statement.algorithm(), statement.multipliers.len(), preference);
    let shape = Statement { log_columns, ..statement.clone() }.sizes(&Limits::default()).unwrap();
    (log_columns, cell_row_count(&shape))
}

proptest! {
    #[test]
    fn preferences_are_valid_and_ordered(sizes in sizes()) {
        let mut statement = draft(&sizes);
        statement.multipliers = vec![5_000; sizes.steps];
        prop_assume!(Statement { log_columns: 16, ..statement.clone() }.sizes(&Limits::default()).is_ok());
        let prover = chosen(&statement, Preference::Prover);
        let verifier = chosen(&statement, Preference::Verifier);
        let size = chosen(&statement, Preference::Size);
        prop_assert!(prover.0 <= verifier.0 && verifier.0 <= size.0 && size.0 <= verifier.0 + 2);
        prop_assert!(prover.1 >= verifier.1 && verifier.1 >= size.1);
        prop_assert!(size.0 == verifier.0 || size.1 >= 1 << 9, "{size:?}");
    }
}
