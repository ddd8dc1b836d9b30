//! How many columns a committed row gets: the prover's choice, within the rules of a statement.
//!
//! N bits in rows of C columns are N / C rows at least. What a column and a row cost (one thread, microseconds, about):
//!
//! | | a column | a row | least at | chosen: log2 C |
//! |---|---|---|---|---|
//! | verifier | 2.3: multi-scalar multiplication | 8.6: decompression, and the same | 1.9 sqrt(N) | log2(N) / 2 + 1 |
//! | prover | 9 inner-product argument, 1.6 tables of subset sums | 1.5: blind | 0.4 sqrt(N) | log2(N) / 2 - 1 |
//! | size | 64 log2(C) bytes for all | 32 bytes | N | log2(N) / 2 + 3, with 2^9 rows or more |
//!
//! Below 2^9 rows the inner-product argument takes most of the prover's time, and a proof is hardly shorter for it. Rows do not
//! cross steps or layers: columns that the cells of one step and layer do not fill are wasted on everybody.

use crate::statement::{Limits, Origin, Start, most_classes};
use std::str::FromStr;
use zkdl_dataset::number::to_u64;
use zkdl_train::{Algorithm, CellLayout};

/// Binary logarithm of the rows that [`Preference::Size`] leaves.
const LOG_ROWS: u32 = 9;

/// What the number of columns is chosen for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Preference {
    /// The least time to verify.
    #[default]
    Verifier,
    /// A proof a third as long or less, for about half again the time to prove, and up to twice the time to verify.
    Size,
    /// The least time for the inner-product argument, for a proof up to four times as long and two to three times as long to
    /// verify; little is saved in all (`docs/performance.md`).
    Prover,
}

/// A word that names no preference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no preference: use \"verifier\", \"size\" or \"prover\"")]
pub struct UnknownPreference(String);

impl FromStr for Preference {
    type Err = UnknownPreference;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "verifier" => Ok(Self::Verifier),
            "size" => Ok(Self::Size),
            "prover" => Ok(Self::Prover),
            other => Err(UnknownPreference(other.to_owned())),
        }
    }
}

/// Binary logarithm of the columns for windows of `steps` steps: what is preferred, but no more than one layer's step fills or
/// the default [`Limits`] allow, and at least what a data row, a layer and a cell need.
#[must_use]
pub fn choose_log_columns(algorithm: &Algorithm, steps: usize, preference: Preference) -> u32 {
    let layout = CellLayout::of(algorithm);
    let log_bits = bits(algorithm, &layout, steps).max(1).ilog2();
    let balanced = log_bits.div_ceil(2).saturating_add(1);
    let preferred = match preference {
        Preference::Verifier => balanced,
        Preference::Size => log_bits.saturating_sub(LOG_ROWS).clamp(balanced, balanced.saturating_add(2)),
        Preference::Prover => balanced.saturating_sub(2),
    };
    let cell = u64::from(layout.hidden_bits().max(layout.output_bits()).div_ceil(8)) * 8;
    preferred.min(filled(algorithm, cell)).min(allowed(algorithm)).max(needed(algorithm, cell))
}

/// Bits of all cells of a window.
fn bits(algorithm: &Algorithm, layout: &CellLayout, steps: usize) -> u128 {
    let outputs = u128::from(algorithm.batch).saturating_mul(algorithm.widths.last().copied().unwrap_or(0).into());
    let hidden = u128::from(algorithm.cells_per_step()).saturating_sub(outputs);
    let of = |cells: u128, bits: u32| cells.saturating_mul(bits.into());
    let step = of(hidden, layout.hidden_bits()).saturating_add(of(outputs, layout.output_bits()));
    step.saturating_mul(to_u64(steps).into())
}

/// Columns that the cells of a step fill in the widest layer.
fn filled(algorithm: &Algorithm, cell: u64) -> u32 {
    let widest = algorithm.widths.iter().skip(1).copied().max().unwrap_or(1);
    log2_ceil(u64::from(widest).saturating_mul(u64::from(algorithm.batch)).saturating_mul(cell))
}

/// Columns that a verifier with the default limits takes.
fn allowed(algorithm: &Algorithm) -> u32 {
    let limits = Limits::default();
    let any = Start::Committed { origin: Origin::Named { bits: 64 }, rows: Vec::new() };
    let weights = limits.column_weights.checked_div(most_classes(&algorithm.widths, &any));
    weights.unwrap_or(0).max(1).ilog2().min(limits.log_columns)
}

/// Columns of the widest data row, layer and cell.
fn needed(algorithm: &Algorithm, cell: u64) -> u32 {
    let width = |w: Option<&u32>| u64::from(w.copied().unwrap_or(0));
    let data_row = width(algorithm.widths.first()).saturating_add(width(algorithm.widths.last()));
    log2_ceil(data_row.max(width(algorithm.widths.iter().max())).max(cell))
}

fn log2_ceil(n: u64) -> u32 {
    n.max(1).checked_next_power_of_two().map_or(u64::BITS, u64::ilog2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkdl_train::Format;

    fn algorithm(widths: &[u32], batch: u32) -> Algorithm {
        Algorithm {
            widths: widths.to_vec(),
            format: Format::default(),
            batch,
            f_x: 4,
            r_l: 37,
            max_steps: 1000,
            input_min: 0,
            input_max: 16,
        }
    }

    fn choices(widths: &[u32], batch: u32, steps: usize) -> [u32; 3] {
        let algorithm = algorithm(widths, batch);
        [Preference::Prover, Preference::Verifier, Preference::Size].map(|p| choose_log_columns(&algorithm, steps, p))
    }

    #[test]
    fn standard_workloads() {
        let wide = [&[3072], &[1024; 7][..], &[10]].concat();
        assert_eq!(choices(&[64, 128, 64, 10], 32, 44), [11, 13, 15], "2^24 bits");
        assert_eq!(choices(&[784, 512, 512, 512, 10], 64, 16), [12, 14, 16], "2^26 bits");
        assert_eq!(choices(&wide, 64, 16), [13, 15, 17], "2^28 bits");
    }

    #[test]
    fn bounds_win_over_preferences() {
        assert_eq!(choices(&[5, 7, 6, 3], 3, 3), [6, 8, 8], "2^13 bits: too few rows to save any");
        assert_eq!(choices(&[5, 7, 3], 1, 1000), [9, 9, 9], "7 cells of 64 bits are 448");
        assert_eq!(choices(&[3000, 7, 3], 1, 1000), [12, 12, 12], "a data row");
        assert_eq!(choices(&[2, 2], 1, 1), [6, 6, 6], "a cell: 64 bits");
        assert_eq!(choices(&[2, 8192, 8192, 2], 64, 10_000), [19, 20, 20], "the limit");
        let distinct: Vec<u32> = (1000..1200).collect();
        assert_eq!(choices(&distinct, 1024, 16)[2], 14, "2^26 column weights");
        assert_eq!(
            choices(&[1, 10], 14, 469),
            [10, 12, 12],
            "output cells alone have 47 bits: 469 rows of 2^13 are too few"
        );
        assert_eq!(choices(&[u32::MAX, u32::MAX], u32::MAX, usize::MAX), [33, 33, 33], "refused by the statement");
    }

    #[test]
    fn words() {
        let parse = |word: &str| word.parse::<Preference>();
        assert_eq!(
            ["verifier", "size", "prover"].map(|w| parse(w).unwrap()),
            [Preference::Verifier, Preference::Size, Preference::Prover]
        );
        assert!(parse("Size").unwrap_err().to_string().contains("\"Size\" is no preference"));
    }
}
