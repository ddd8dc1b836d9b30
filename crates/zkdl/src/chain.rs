//! A run as a chain of windows: the final weights of one are the start weights of the next, by the same bytes.
//!
//! Windows that follow one another are one longer window, and are described as one. Steps cannot be repeated, and what lies
//! between two windows that do not meet is not claimed.

use crate::statement::{Origin, Start, Statement};
use zkdl_dataset::number::to_u64;

/// Why statements are not those of one run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// They are about different data.
    #[error("window {window} is about other data than the first")]
    Data {
        /// Which, counted from 0 in the order of steps.
        window: usize,
    },
    /// Network, format, batch, rounding, cap on steps, nonce, columns or where the run started.
    #[error("window {window} has another configuration than the first")]
    Configuration {
        /// Which.
        window: usize,
    },
    /// Steps that were claimed before.
    #[error("window {window} starts at step {start}, the one before it ends before step {end}")]
    Overlap {
        /// Which.
        window: usize,
        /// Its first step.
        start: u64,
        /// The step after the last of the one before.
        end: u64,
    },
    /// A window starts where the one before ends, with other weights.
    #[error("window {window} does not start from the final weight rows of the one before it")]
    Weights {
        /// Which.
        window: usize,
    },
}

/// The step after the last of a statement.
#[must_use]
pub fn end(statement: &Statement) -> u64 {
    statement.first_step.saturating_add(to_u64(statement.multipliers.len()))
}

/// Whether a statement is about all steps of its run: from the public seed, or the weights that the run was given, to the last.
#[must_use]
pub fn is_whole(statement: &Statement) -> bool {
    let begins = !statement.start.is_committed() || statement.start.origin() != Origin::Seed;
    statement.first_step == 0 && begins && end(statement) == statement.max_steps
}

/// The windows of one run, in any order, as the stretches of steps that they cover: each is the statement that its windows
/// are together. One stretch, if no window is missing between them.
///
/// # Errors
/// [`ChainError`] naming the first window, in the order of steps, that does not fit.
pub fn stretches<'a>(windows: impl IntoIterator<Item = &'a Statement>) -> Result<Vec<Statement>, ChainError> {
    let mut sorted: Vec<&Statement> = windows.into_iter().collect();
    sorted.sort_by_key(|s| s.first_step);
    let mut stretches: Vec<Statement> = Vec::new();
    for (window, next) in sorted.iter().enumerate() {
        match stretches.last_mut() {
            Some(last) if follows(last, next, window)? => {
                last.multipliers.extend(&next.multipliers);
                last.end.clone_from(&next.end);
            }
            _ => stretches.push((*next).clone()),
        }
    }
    Ok(stretches)
}

/// Whether `next` goes on where `last` ends; false if steps are missing between them.
fn follows(last: &Statement, next: &Statement, window: usize) -> Result<bool, ChainError> {
    if last.data != next.data {
        return Err(ChainError::Data { window });
    }
    if run(last) != run(next) {
        return Err(ChainError::Configuration { window });
    }
    let (start, end) = (next.first_step, end(last));
    if start > end {
        return Ok(false);
    }
    if start < end || next.multipliers.is_empty() {
        return Err(ChainError::Overlap { window, start, end });
    }
    if next.start.is_committed() && next.start.rows() == last.end {
        return Ok(true);
    }
    Err(ChainError::Weights { window })
}

/// What all windows of a run have in common.
fn run(statement: &Statement) -> Statement {
    let Statement { data, hidden, format, batch, r_l, max_steps, nonce, log_columns, start, .. } = statement;
    Statement {
        data: data.clone(),
        hidden: hidden.clone(),
        format: *format,
        batch: *batch,
        r_l: *r_l,
        max_steps: *max_steps,
        nonce: *nonce,
        log_columns: *log_columns,
        first_step: 0,
        multipliers: Vec::new(),
        start: Start::Committed { origin: start.origin(), rows: Vec::new() },
        end: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::tests::statement;

    fn later(row: [u8; 32], rows: usize) -> Start {
        Start::Committed { origin: Origin::Seed, rows: vec![row; rows] }
    }

    /// Four windows of three steps.
    fn windows() -> Vec<Statement> {
        let first = Statement { max_steps: 12, ..statement() };
        let next = |i: u8| Statement {
            first_step: 3 * u64::from(i),
            start: later([2 + i; 32], 4),
            end: vec![[3 + i; 32]; 4],
            ..first.clone()
        };
        vec![first.clone(), next(1), next(2), next(3)]
    }

    #[test]
    fn windows_that_meet_are_one_in_any_order() {
        let mut all = windows();
        let whole = stretches(&all).unwrap();
        assert_eq!(whole.len(), 1);
        assert_eq!((whole[0].first_step, whole[0].multipliers.len(), &whole[0].start), (0, 12, &Start::Seed));
        assert_eq!(whole[0].end, all[3].end);
        assert!(is_whole(&whole[0]));
        all.swap(0, 3);
        all.swap(1, 2);
        assert_eq!(stretches(&all).unwrap(), whole);
    }

    /// Catalogue 86.
    #[test]
    fn a_gap_ends_a_stretch() {
        let mut all = windows();
        all.remove(1);
        let parts = stretches(&all).unwrap();
        assert_eq!(parts.iter().map(|s| (s.first_step, end(s))).collect::<Vec<_>>(), [(0, 3), (6, 12)]);
        assert!(!parts.iter().any(is_whole));
        assert_eq!(stretches([]).unwrap(), []);
    }

    /// Catalogue 86, 88.
    #[test]
    fn only_the_whole_run_is_whole() {
        let all = windows();
        assert!(!stretches(&all[..3]).unwrap().iter().any(is_whole));
        assert!(!stretches(&all[1..]).unwrap().iter().any(is_whole));
        let whole = stretches(&all).unwrap()[0].clone();
        assert!(!is_whole(&Statement { start: later([0; 32], 0), ..whole.clone() }));
        let named = Start::Committed { origin: Origin::Named { bits: 32 }, rows: vec![] };
        assert!(is_whole(&Statement { start: named, ..whole }));
    }

    /// Catalogue 86.
    #[test]
    fn windows_of_other_runs_do_not_fit() {
        type Change = fn(&mut Statement);
        let refused = |change: Change| {
            let mut all = windows();
            change(&mut all[2]);
            stretches(&all).unwrap_err()
        };
        assert_eq!(refused(|s| s.data.root = [0; 32]), ChainError::Data { window: 2 });
        let configurations: [Change; 9] = [
            |s| s.start = Start::Committed { origin: Origin::Named { bits: 32 }, rows: s.start.rows().to_vec() },
            |s| s.hidden[0] += 1,
            |s| s.format.f_a += 1,
            |s| s.batch += 1,
            |s| s.r_l += 1,
            |s| s.max_steps += 1,
            |s| s.nonce[0] ^= 1,
            |s| s.log_columns += 1,
            |s| s.hidden.push(3),
        ];
        for change in configurations {
            assert_eq!(refused(change), ChainError::Configuration { window: 2 });
        }
        let overlap = |start| ChainError::Overlap { window: 2, start, end: 6 };
        assert_eq!(refused(|s| s.first_step = 5), overlap(5));
        assert_eq!(refused(|s| s.first_step = 3), overlap(3));
        assert_eq!(refused(|s| s.multipliers.clear()), overlap(6));
        let weights = ChainError::Weights { window: 2 };
        assert_eq!(refused(|s| s.start = Start::Seed), weights);
        assert_eq!(refused(|s| s.start = later([5; 32], 4)), weights);
        assert_eq!(refused(|s| s.start = later([4; 32], 3)), weights);
    }

    /// Catalogue 86.
    #[test]
    fn a_window_given_twice_is_refused() {
        let mut all = windows();
        all.push(all[1].clone());
        assert_eq!(stretches(&all), Err(ChainError::Overlap { window: 2, start: 3, end: 6 }));
    }
}
