//! Blinds taken away, for tests that have to notice it: what a prover's messages would be if one place in the code drew none.
//!
//! Such a proof tells its witness; no release build has this module.

use std::cell::Cell;
use std::panic::Location;

thread_local! {
    static FILE: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Runs `work`; all blinds that a source file, named by its end, draws meanwhile on this thread are 1, and so hide nothing.
///
/// # Panics
/// On a thread of rayon: while it waits it may begin somebody else's work, whose blinds would be taken away.
pub fn without_blinds_of<T>(file: &'static str, work: impl FnOnce() -> T) -> T {
    assert!(rayon::current_thread_index().is_none(), "this thread may begin other work meanwhile");
    let outer = FILE.replace(Some(file));
    let result = work();
    FILE.set(outer);
    result
}

/// Whether a blind drawn there is taken away.
pub(crate) fn is_taken(place: &Location<'_>) -> bool {
    FILE.get().is_some_and(|file| place.file().ends_with(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blinds::{BlindSource, OsEntropy};
    use zkdl_field::{Field, Scalar};

    #[test]
    #[should_panic(expected = "this thread may begin other work")]
    fn shared_threads_keep_their_blinds() {
        rayon::scope(|_| without_blinds_of("/sigma.rs", || ()));
    }

    #[test]
    fn blinds_are_taken_away_by_the_file_that_draws_them() {
        let draw = || {
            let mut blinds = BlindSource::new(&mut OsEntropy, &[]).unwrap();
            [vec![blinds.draw()], blinds.draw_many(2)].concat()
        };
        let is_blind = |x: &Scalar| *x != Scalar::ONE;
        assert!(draw().iter().all(is_blind));
        assert!(without_blinds_of("/sigma.rs", draw).iter().all(is_blind));
        assert!(without_blinds_of("/simulator.rs", || {
            assert!(without_blinds_of("/ipa.rs", draw).iter().all(is_blind), "the inner one counts");
            !draw().iter().any(is_blind)
        }));
    }
}
