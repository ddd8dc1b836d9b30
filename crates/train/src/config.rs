//! The public training algorithm: architecture, numeric format, batch, caps; and which of them are refused.

use std::fmt;

/// Fraction bits and cell widths. f_W = R = f_A + f_G: weights have R fraction bits, and rounding drops R bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// f_A: fraction bits of activations.
    pub f_a: u32,
    /// f_G: fraction bits of back-propagated gradients.
    pub f_g: u32,
    /// Q: bits of P (two's complement).
    pub q: u32,
    /// Q_G: bits of K and G (two's complement).
    pub q_g: u32,
}

/// 64 bits a hidden cell: f_A 8, f_G 13, Q 12, Q_G 10.
impl Default for Format {
    fn default() -> Self {
        Self { f_a: 8, f_g: 13, q: 12, q_g: 10 }
    }
}

impl Format {
    /// R = f_W = f_A + f_G: fraction bits of weights, and bits dropped when Z and H are rounded.
    pub fn f_w(&self) -> u32 {
        self.f_a.saturating_add(self.f_g)
    }
}

/// Everything public that one training step depends on, but the multiplier c_t, the rows and the weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Algorithm {
    /// d_0 (features), hidden widths, d_L (classes); the bias is not counted.
    pub widths: Vec<u32>,
    /// Numeric format.
    pub format: Format,
    /// B: rows of a step.
    pub batch: u32,
    /// f_X: fraction bits of the features, at most f_A.
    pub f_x: u32,
    /// R_L: bits dropped when the output gradient is rounded.
    pub r_l: u32,
    /// Most steps the whole run may take; the magnitude ledger holds up to here.
    pub max_steps: u64,
    /// Smallest feature.
    pub input_min: i32,
    /// Largest feature.
    pub input_max: i32,
}

/// Most neurons of a layer and most rows of a batch.
pub const SIZE_LIMIT: u32 = 1 << 24;
/// Fewer parameters than this: the public stream of the starting weights has 2^35 words.
pub const PARAMETER_LIMIT: u64 = 1 << 34;
/// Features stay strictly below this in magnitude.
pub const INPUT_LIMIT: i32 = 1 << 20;
/// Largest multiplier c_t. Those from a learning rate are at most 2^15.
pub const MULTIPLIER_LIMIT: u64 = 1 << 20;
/// Most fraction bits of activations.
pub const MAX_F_A: u32 = 16;
/// Most fraction bits of weights.
pub const MAX_F_W: u32 = 48;
/// Most bits of P, K or G.
pub const MAX_CELL_FIELD: u32 = 31;
/// Most bits dropped at the output.
pub const MAX_R_L: u32 = 60;
/// Fields that are recomposed are held in 64 bits: R + Q, R + Q_G and R_L + Q_G stay at most this.
pub const MAX_SUM_BITS: u32 = 62;

/// One reason to refuse a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Fewer than two widths.
    #[error("{got} widths: give at least the number of features and the number of classes")]
    TooFewWidths {
        /// Widths given.
        got: usize,
    },
    /// A size of zero or an absurd one.
    #[error("{what} is {got}: it must be between 1 and 2^24")]
    Size {
        /// Which size.
        what: String,
        /// Its value.
        got: u32,
    },
    /// Too many parameters in all.
    #[error("the network has 2^34 parameters or more: make it narrower")]
    Parameters,
    /// A format parameter outside its range.
    #[error("{what} is {got}: it must be between {min} and {max}")]
    Bits {
        /// Which parameter.
        what: &'static str,
        /// Its value.
        got: u32,
        /// Smallest allowed value.
        min: u32,
        /// Largest allowed value.
        max: u32,
    },
    /// More input fraction bits than activations have.
    #[error(
        "the features have {f_x} fraction bits but activations only {f_a}: raise f_a to {f_x} or rescale the features"
    )]
    InputFraction {
        /// f_X.
        f_x: u32,
        /// f_A.
        f_a: u32,
    },
    /// The feature range is empty or too wide.
    #[error("features in [{min}, {max}]: need min <= max, both strictly between -2^20 and 2^20")]
    InputRange {
        /// Declared minimum.
        min: i32,
        /// Declared maximum.
        max: i32,
    },
    /// Features do not fit 32 bits once they have the activations' fraction bits.
    #[error("features in [{min}, {max}] with {f_x} fraction bits leave 32 bits at f_a {f_a}: lower f_a or raise f_x")]
    InputScale {
        /// Declared minimum.
        min: i32,
        /// Declared maximum.
        max: i32,
        /// f_X.
        f_x: u32,
        /// f_A.
        f_a: u32,
    },
    /// No steps.
    #[error("max_steps is 0: allow at least one step")]
    NoSteps,
}

/// All reasons to refuse a configuration, found in one pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The problems, at least one.
    pub problems: Vec<Problem>,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the training configuration is refused")?;
        for problem in &self.problems {
            write!(f, "\n  - {problem}")?;
        }
        Ok(())
    }
}

/// Inputs and outputs of every layer, without the bias.
pub(crate) fn pairs(widths: &[u32]) -> impl Iterator<Item = (u32, u32)> + '_ {
    widths.iter().copied().zip(widths.iter().skip(1).copied())
}

impl Algorithm {
    /// L: number of layers with weights.
    pub fn layers(&self) -> usize {
        self.widths.len().saturating_sub(1)
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> u64 {
        let layers =
            pairs(&self.widths).map(|(inputs, outputs)| (u64::from(inputs) + 1).saturating_mul(outputs.into()));
        layers.fold(0, u64::saturating_add)
    }

    /// Cells of one step: B times the sum of the widths of all layers but the input.
    pub fn cells_per_step(&self) -> u64 {
        let neurons: u64 = self.widths.iter().skip(1).map(|&w| u64::from(w)).sum();
        neurons.saturating_mul(u64::from(self.batch))
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// All problems at once.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        self.size_problems(&mut problems);
        self.format_problems(&mut problems);
        self.input_problems(&mut problems);
        if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
    }

    fn size_problems(&self, problems: &mut Vec<Problem>) {
        if self.widths.len() < 2 {
            problems.push(Problem::TooFewWidths { got: self.widths.len() });
        }
        let widths = self.widths.iter().enumerate().map(|(l, &w)| (format!("width {l}"), w));
        for (what, got) in widths.chain([("the batch size".to_owned(), self.batch)]) {
            if got == 0 || got > SIZE_LIMIT {
                problems.push(Problem::Size { what, got });
            }
        }
        if self.parameters() >= PARAMETER_LIMIT {
            problems.push(Problem::Parameters);
        }
        if self.max_steps == 0 {
            problems.push(Problem::NoSteps);
        }
    }

    fn format_problems(&self, problems: &mut Vec<Problem>) {
        let Format { f_a, q, q_g, .. } = self.format;
        let r = self.format.f_w();
        let ranges = [
            ("f_a", f_a, 0, MAX_F_A),
            ("f_a + f_g", r, 1, MAX_F_W),
            ("q", q, 2, MAX_CELL_FIELD),
            ("q_g", q_g, 2, MAX_CELL_FIELD),
            ("r_l", self.r_l, 1, MAX_R_L),
            ("f_a + f_g + q", r.saturating_add(q), 1, MAX_SUM_BITS),
            ("f_a + f_g + q_g", r.saturating_add(q_g), 1, MAX_SUM_BITS),
            ("r_l + q_g", self.r_l.saturating_add(q_g), 1, MAX_SUM_BITS),
        ];
        for (what, got, min, max) in ranges {
            if got < min || got > max {
                problems.push(Problem::Bits { what, got, min, max });
            }
        }
    }

    fn input_problems(&self, problems: &mut Vec<Problem>) {
        let (f_x, f_a) = (self.f_x, self.format.f_a);
        if f_x > f_a {
            problems.push(Problem::InputFraction { f_x, f_a });
        }
        let (min, max) = (self.input_min, self.input_max);
        if min > max || min <= -INPUT_LIMIT || max >= INPUT_LIMIT {
            problems.push(Problem::InputRange { min, max });
        } else if f_x <= f_a
            && (i64::from(min.abs().max(max.abs())) << f_a.saturating_sub(f_x).min(MAX_F_A)) > i64::from(i32::MAX)
        {
            problems.push(Problem::InputScale { min, max, f_x, f_a });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits() -> Algorithm {
        Algorithm {
            widths: vec![64, 128, 64, 10],
            format: Format::default(),
            batch: 32,
            f_x: 4,
            r_l: 37,
            max_steps: 1000,
            input_min: 0,
            input_max: 16,
        }
    }

    #[test]
    fn the_standard_configuration_is_accepted_and_counted() {
        assert_eq!(digits().validate(), Ok(()));
        assert_eq!(digits().layers(), 3);
        assert_eq!(digits().parameters(), 65 * 128 + 129 * 64 + 65 * 10);
        assert_eq!(digits().cells_per_step(), 32 * 202);
        assert_eq!(digits().format.f_w(), 21);
    }

    #[test]
    fn inputs_may_all_be_one_number() {
        assert_eq!(Algorithm { input_min: 16, ..digits() }.validate(), Ok(()));
    }

    /// In the unit of activations they have 31 bits and a sign.
    #[test]
    fn inputs_have_to_fit_at_their_scale() {
        let format = Format { f_a: 12, f_g: 9, ..digits().format };
        let of = |input_min, input_max| Algorithm { f_x: 0, format, input_min, input_max, ..digits() };
        assert_eq!(of(1 - (1 << 19), (1 << 19) - 1).validate(), Ok(()));
        for (min, max) in [(0, 1 << 19), (-1 << 19, 0)] {
            let problems = vec![Problem::InputScale { min, max, f_x: 0, f_a: 12 }];
            assert_eq!(of(min, max).validate(), Err(ConfigError { problems }));
        }
        let finer = Algorithm { f_x: 13, ..of(0, 1 << 19) };
        let problems = vec![Problem::InputFraction { f_x: 13, f_a: 12 }];
        assert_eq!(finer.validate(), Err(ConfigError { problems }));
    }

    #[test]
    fn all_problems_are_listed_at_once() {
        let format = Format { f_a: 3, f_g: 60, q: 1, q_g: 33 };
        let bad =
            Algorithm { widths: vec![0], format, batch: 0, f_x: 4, r_l: 0, max_steps: 0, input_min: 2, input_max: 1 };
        let error = bad.validate().unwrap_err();
        assert_eq!(error.problems.len(), 12, "{error}");
        let text = error.to_string();
        for part in ["width 0", "batch size", "max_steps", "q_g is 33", "raise f_a to 4", "[2, 1]"] {
            assert!(text.contains(part), "{part} is missing from {text}");
        }
    }

    #[test]
    fn extreme_sizes_do_not_overflow() {
        let huge = Algorithm { widths: vec![u32::MAX; 100], batch: u32::MAX, max_steps: u64::MAX, ..digits() };
        assert!(huge.validate().unwrap_err().problems.contains(&Problem::Parameters));
        let format = Format { f_a: u32::MAX, f_g: u32::MAX, q: u32::MAX, q_g: u32::MAX };
        assert!(Algorithm { format, ..digits() }.validate().is_err());
        assert!(Algorithm { input_min: i32::MIN, ..digits() }.validate().is_err());
    }
}
