//! Everything public about one window of training, in one canonical encoding.
//!
//! Its SHA-256 digest opens the transcript, so every value below is bound before the first challenge. Shapes, degrees and
//! message counts follow from the statement alone. The byte format is in `spec/statement.md`.

use crate::codec::{Decoder, FormatError, header, put_list, take_list};
use crate::error::StatementError;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::num::NonZeroU64;
use zkdl_arguments::rows::weight_row_count;
use zkdl_arguments::{Format as CellFormat, Shape, start_ranges};
use zkdl_dataset::Descriptor;
use zkdl_dataset::number::{to_u64, to_usize};
use zkdl_dataset::schedule::Schedule;
use zkdl_train::config::MULTIPLIER_LIMIT;
use zkdl_train::{Algorithm, Format, Ledger, StartWeights};

/// Name and version of the protocol: the transcript starts with it.
pub const PROTOCOL: &str = "zkdl/training/v1";
/// Label that all generators are derived from.
pub const GENERATORS: &str = "zkdl/generators/v1";

const WHAT: &str = "statement";
const MAGIC: &str = "zkdl-statement";
const VERSION: u32 = 2;

/// Bits that a named start weight can have.
pub use zkdl_arguments::start_ranges::WIDTHS as START_WIDTHS;

/// Where the run starts: what its weights before step 0 are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Drawn from the public seed.
    Seed,
    /// Somebody's: committed, and named by their commitments. The first window proves them to be integers in
    /// `-2^(bits-1) .. 2^(bits-1)`.
    Named {
        /// 16, 32 or 64.
        bits: u32,
    },
}

/// Where the window starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At step 0, with weights drawn from the public seed.
    Seed,
    /// With the weights that these row commitments hold: at step 0 those that the run was given, at a later step the final ones
    /// of the window before, same bytes.
    Committed {
        /// Where the run started.
        origin: Origin,
        /// The commitments.
        rows: Vec<[u8; 32]>,
    },
}

impl Start {
    /// Where the run started.
    #[must_use]
    pub fn origin(&self) -> Origin {
        match self {
            Self::Seed => Origin::Seed,
            Self::Committed { origin, .. } => *origin,
        }
    }

    /// Whether the weights are committed; else everybody knows them.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        *self != Self::Seed
    }

    /// The commitments; none where the weights are public.
    #[must_use]
    pub fn rows(&self) -> &[[u8; 32]] {
        match self {
            Self::Seed => &[],
            Self::Committed { rows, .. } => rows,
        }
    }

    /// The same without its commitments.
    #[must_use]
    pub fn without_rows(&self) -> Self {
        match self {
            Self::Seed => Self::Seed,
            Self::Committed { origin, .. } => Self::Committed { origin: *origin, rows: Vec::new() },
        }
    }
}

impl Origin {
    /// What bounds the weights of step 0.
    #[must_use]
    pub fn bounds(&self) -> StartWeights {
        match self {
            Self::Seed => StartWeights::PublicSeed,
            Self::Named { bits } => StartWeights::Declared { bound: 1u64 << bits.clamp(&1, &64).saturating_sub(1) },
        }
    }
}

/// The statement. The claim: the rows `end` commit to exactly the weights that this algorithm computes from `start` and the
/// committed data, in the order that data root and nonce fix, in steps `first_step .. first_step + multipliers.len()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The data set.
    pub data: Descriptor,
    /// Widths of the hidden layers; input and output come from the data set.
    pub hidden: Vec<u32>,
    /// Numeric format.
    pub format: Format,
    /// Examples a step.
    pub batch: u32,
    /// Bits dropped by the rounding at the output.
    pub r_l: u32,
    /// The run's cap on steps, which the magnitude ledger is computed for.
    pub max_steps: u64,
    /// The run's public nonce: with the data root it fixes order and initial weights.
    pub nonce: [u8; 32],
    /// First step of the window, counted over the run.
    pub first_step: u64,
    /// c_t of every step of the window.
    pub multipliers: Vec<u64>,
    /// Binary logarithm of the columns of a committed row.
    pub log_columns: u32,
    /// Start weights.
    pub start: Start,
    /// Row commitments of the final weights.
    pub end: Vec<[u8; 32]>,
}

/// Bounds on the verifier's work and memory; a statement beyond them is refused before anything is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Hidden layers.
    pub layers: u64,
    /// Cells of the window.
    pub cells: u64,
    /// Parameters of the network.
    pub parameters: u64,
    /// Data points times epochs that the window touches: the work of drawing their order.
    pub permuted: u64,
    /// Points of a data set whose own proof is verified: 32 bytes each, and as many again for their weights.
    pub points: u64,
    /// Binary logarithm of the columns.
    pub log_columns: u32,
    /// Public column weights of the opening: columns times classes of rows.
    pub column_weights: u64,
}

impl Limits {
    /// For the prover, who made the statement: no limit but what the format allows.
    pub const NONE: Self = Self {
        layers: u64::MAX,
        cells: u64::MAX,
        parameters: u64::MAX,
        permuted: u64::MAX,
        points: u64::MAX,
        log_columns: 24,
        column_weights: u64::MAX,
    };

    /// These limits, times a factor above 0.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the verifier's own choice: rounded, and casts of floats saturate")]
    pub fn times(self, factor: f64) -> Self {
        let times = |limit: u64| (limit as f64 * factor) as u64;
        let doublings = factor.log2().clamp(-64.0, 64.0) as i32;
        Self {
            layers: times(self.layers),
            cells: times(self.cells),
            parameters: times(self.parameters),
            permuted: times(self.permuted),
            points: times(self.points),
            log_columns: self.log_columns.saturating_add_signed(doublings).min(Self::NONE.log_columns),
            column_weights: times(self.column_weights),
        }
    }
}

/// Some seconds and a few GiB on a laptop.
impl Default for Limits {
    fn default() -> Self {
        Self {
            layers: 1 << 12,
            cells: 1 << 30,
            parameters: 1 << 30,
            permuted: 1 << 28,
            points: 1 << 26,
            log_columns: 20,
            column_weights: 1 << 26,
        }
    }
}

impl Statement {
    /// The training algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        let widths = [&[self.data.features], &self.hidden[..], &[self.data.classes]].concat();
        Algorithm {
            widths,
            format: self.format,
            batch: self.batch,
            f_x: self.data.fraction_bits,
            r_l: self.r_l,
            max_steps: self.max_steps,
            input_min: self.data.value_min(),
            input_max: self.data.value_max(),
        }
    }

    /// The public order of the data.
    ///
    /// # Errors
    /// [`StatementError::Schedule`] for an empty batch or one larger than the data set.
    pub fn schedule(&self) -> Result<Schedule, StatementError> {
        Ok(Schedule::new(self.data.points, self.batch, self.data.root, self.nonce)?)
    }

    /// Checks every public value and derives the shape of the arguments.
    ///
    /// The order of the data is drawn last: whatever is wrong with the rest is found before that work is done.
    ///
    /// # Errors
    /// [`StatementError`] naming the first value that is refused.
    pub fn shape(&self, limits: &Limits) -> Result<Shape, StatementError> {
        let mut shape = self.sizes(limits)?;
        self.check_rows(&shape)?;
        shape.schedule = self.schedule()?.window_indices(self.first_step, self.multipliers.len());
        shape.validate_schedule()?;
        Ok(shape)
    }

    /// The shape without the order of the data and before the weight rows are committed: their number follows from it.
    ///
    /// # Errors
    /// As [`Self::shape`].
    pub fn sizes(&self, limits: &Limits) -> Result<Shape, StatementError> {
        self.check_limits(limits)?;
        self.validate()?;
        let algorithm = self.algorithm();
        let format = CellFormat {
            f_a: self.format.f_a,
            f_x: self.data.fraction_bits,
            r: self.format.f_w(),
            r_l: self.r_l,
            q: self.format.q,
            q_g: self.format.q_g,
        };
        let shape = Shape {
            widths: algorithm.widths.iter().map(|w| to_usize(*w)).collect(),
            batch: to_usize(self.batch),
            format,
            multipliers: self.multipliers.clone(),
            schedule: Vec::new(),
            points: to_usize(self.data.points),
            columns: 1 << self.log_columns,
        };
        shape.validate_sizes()?;
        Ok(shape)
    }

    /// Bounds time and memory before anything else is looked at. All sums saturate.
    fn check_limits(&self, limits: &Limits) -> Result<(), StatementError> {
        let limit =
            |what, got, limit| if got > limit { Err(StatementError::Limit { what, got, limit }) } else { Ok(()) };
        limit("the number of layers", to_u64(self.hidden.len()), limits.layers)?;
        let algorithm = self.algorithm();
        let steps = to_u64(self.multipliers.len());
        limit("the number of cells", algorithm.cells_per_step().saturating_mul(steps), limits.cells)?;
        limit("the number of parameters", algorithm.parameters(), limits.parameters)?;
        let half = NonZeroU64::new(u64::from(self.data.points / 2)).unwrap_or(NonZeroU64::MIN);
        let epochs = (steps.saturating_mul(u64::from(self.batch)) / half).saturating_add(2);
        let permuted = epochs.saturating_mul(u64::from(self.data.points));
        limit("the number of points in the window's epochs", permuted, limits.permuted)?;
        limit("log2 of the number of columns", u64::from(self.log_columns), u64::from(limits.log_columns.min(24)))?;
        let weights = most_classes(&algorithm.widths, &self.start).saturating_mul(1 << self.log_columns);
        limit("the number of public column weights", weights, limits.column_weights)
    }

    fn validate(&self) -> Result<(), StatementError> {
        self.data.validate()?;
        let algorithm = self.algorithm();
        algorithm.validate()?;
        Ledger::new(&algorithm, self.start.origin().bounds())?;
        self.schedule()?;
        let steps = to_u64(self.multipliers.len());
        let mismatch = |what, got, expected: &str| StatementError::Mismatch { what, got, expected: expected.into() };
        if steps == 0 {
            return Err(mismatch("the number of steps", 0, "at least 1"));
        }
        if self.first_step.checked_add(steps).is_none_or(|end| end > self.max_steps) {
            return Err(mismatch("the window's last step", self.first_step.saturating_add(steps), "at most max_steps"));
        }
        if let Some(c) = self.multipliers.iter().find(|c| **c == 0 || **c > MULTIPLIER_LIMIT) {
            return Err(mismatch("a multiplier c_t", *c, "between 1 and 2^20"));
        }
        self.validate_start()
    }

    /// A run from the public seed has committed weights from its second window on, one from named weights always.
    fn validate_start(&self) -> Result<(), StatementError> {
        let mismatch =
            |what, got, expected: &str| Err(StatementError::Mismatch { what, got, expected: expected.into() });
        match (&self.start, self.start.origin()) {
            (_, Origin::Seed) if self.start.is_committed() == (self.first_step == 0) => mismatch(
                "the first step",
                self.first_step,
                "0 exactly when the start weights come from the public seed",
            ),
            (_, Origin::Named { bits }) if !START_WIDTHS.contains(&bits) => {
                mismatch("the number of bits of a start weight", u64::from(bits), "16, 32 or 64")
            }
            (_, Origin::Named { .. }) if 1 << self.log_columns < start_ranges::CELL_BITS => {
                mismatch("the number of columns", 1 << self.log_columns, "at least 128 where start weights are named")
            }
            _ => Ok(()),
        }
    }

    /// The bits of a start weight, if this window has to prove them: the first of a run from named weights.
    #[must_use]
    pub fn proves_start(&self) -> Option<u32> {
        match self.start.origin() {
            Origin::Named { bits } if self.first_step == 0 => Some(bits),
            _ => None,
        }
    }

    fn check_rows(&self, shape: &Shape) -> Result<(), StatementError> {
        let expected = weight_row_count(shape);
        let check = |what, got: usize| {
            let mismatch = StatementError::Mismatch { what, got: to_u64(got), expected: expected.to_string() };
            if got == expected { Ok(()) } else { Err(mismatch) }
        };
        if self.start.is_committed() {
            check("the number of start weight rows", self.start.rows().len())?;
        }
        check("the number of final weight rows", self.end.len())
    }

    /// The canonical encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = header(MAGIC, VERSION);
        bytes.extend(self.data.encode());
        bytes.extend(to_u64(self.hidden.len()).to_le_bytes());
        bytes.extend(self.hidden.iter().flat_map(|w| w.to_le_bytes()));
        let f = self.format;
        for word in [f.f_a, f.f_g, f.q, f.q_g, self.batch, self.r_l, self.log_columns] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(self.max_steps.to_le_bytes());
        bytes.extend(self.nonce);
        bytes.extend(self.first_step.to_le_bytes());
        bytes.extend(to_u64(self.multipliers.len()).to_le_bytes());
        bytes.extend(self.multipliers.iter().flat_map(|c| c.to_le_bytes()));
        match &self.start {
            Start::Seed => bytes.push(0),
            Start::Committed { origin, rows } => {
                match origin {
                    Origin::Seed => bytes.push(1),
                    Origin::Named { bits } => {
                        bytes.push(2);
                        bytes.extend(bits.to_le_bytes());
                    }
                }
                put_list(&mut bytes, rows);
            }
        }
        put_list(&mut bytes, &self.end);
        bytes
    }

    /// Reads a canonical encoding. Allocates no more than the bytes given.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut d = Decoder::new(WHAT, MAGIC, VERSION, bytes)?;
        let data = d.descriptor()?;
        let hidden = (0..d.count("hidden widths", 4)?).map(|_| d.u32("hidden width")).collect::<Result<_, _>>()?;
        let format = Format { f_a: d.u32("f_A")?, f_g: d.u32("f_G")?, q: d.u32("Q")?, q_g: d.u32("Q_G")? };
        let (batch, r_l, log_columns) = (d.u32("batch")?, d.u32("R_L")?, d.u32("log2 of columns")?);
        let max_steps = d.u64("max_steps")?;
        let nonce = d.array("nonce")?;
        let first_step = d.u64("first step")?;
        let multipliers = (0..d.count("multipliers", 8)?).map(|_| d.u64("multiplier")).collect::<Result<_, _>>()?;
        let start = match d.array::<1>("kind of start")? {
            [0] => Start::Seed,
            [1] => Start::Committed { origin: Origin::Seed, rows: take_list(&mut d, "start weight rows")? },
            [2] => {
                let origin = Origin::Named { bits: d.u32("bits of a start weight")? };
                Start::Committed { origin, rows: take_list(&mut d, "start weight rows")? }
            }
            [other] => return Err(d.value_error("kind of start", u64::from(other), "0, 1 or 2".into())),
        };
        let end = take_list(&mut d, "final weight rows")?;
        d.finish()?;
        Ok(Self {
            data,
            hidden,
            format,
            batch,
            r_l,
            max_steps,
            nonce,
            first_step,
            multipliers,
            log_columns,
            start,
            end,
        })
    }

    /// SHA-256 of protocol, generator label and encoding.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [PROTOCOL.as_bytes(), GENERATORS.as_bytes(), &self.encode()] {
            hash.update(to_u64(part.len()).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// An upper bound on the classes of rows that an opening can have: rows share their column weights when their layers have
/// the same widths (a full and a last row each), W_T and, if it is committed, three times W_0 are opened, and there are three
/// claims about data. Named start weights are opened a fourth time, and their bits twice.
#[expect(clippy::arithmetic_side_effects, reason = "a few times the lengths of lists that are in memory")]
pub(crate) fn most_classes(widths: &[u32], start: &Start) -> u64 {
    let outputs: BTreeSet<u32> = widths.iter().skip(1).copied().collect();
    let pairs: BTreeSet<&[u32]> = widths.windows(2).collect();
    let cells = 2 * outputs.len() + 4;
    let (weight_queries, bits) = match (start, start.origin()) {
        (Start::Seed, _) => (1, 0),
        (_, Origin::Seed) => (4, 0),
        (_, Origin::Named { .. }) => (5, 4),
    };
    let weights = weight_queries * (2 * pairs.len() + outputs.len());
    to_u64(cells + weights + bits + 3)
}

/// A digest in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
