//! The public shape of one window: sizes, formats, multipliers, schedule, and what follows from them.

use zkdl_field::multilinear::log2_ceil;
use zkdl_field::{Field, Scalar, scalar};

/// A number of 32 bits as a size.
#[expect(clippy::as_conversions, reason = "no platform that this runs on has sizes of less than 32 bits")]
pub(crate) const fn size(n: u32) -> usize {
    n as usize
}

/// Cells, weights and points are no more than this: what is counted of them can be counted. Cells have up to 128 bits, and
/// the cubes of three axes that hold them up to eight times as many places.
const MOST: usize = usize::MAX >> 12;

/// Fraction bits and widths of the integers (protocol, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Fraction bits of activations.
    pub f_a: u32,
    /// Fraction bits of the committed inputs, at most `f_a`.
    pub f_x: u32,
    /// Bits dropped by a rounding of Z or H: the weights' fraction bits.
    pub r: u32,
    /// Bits dropped by the one rounding at the output.
    pub r_l: u32,
    /// Bits of P, two's complement.
    pub q: u32,
    /// Bits of K and of the output's G, two's complement.
    pub q_g: u32,
}

impl Format {
    /// Bits of a hidden cell: K, rem_H, P, rem_Z.
    #[must_use]
    pub fn hidden_bits(&self) -> usize {
        [self.q_g, self.r, self.q, self.r].map(size).iter().sum()
    }

    /// Bits of an output cell: G, rem_L.
    #[must_use]
    pub fn output_bits(&self) -> usize {
        [self.q_g, self.r_l].map(size).iter().sum()
    }

    /// Place of the sign bit of P, `neg`.
    #[must_use]
    pub fn neg_place(&self) -> usize {
        [self.q_g, self.r, self.q].map(size).iter().sum::<usize>().saturating_sub(1)
    }
}

/// What cannot be proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A size is zero or does not match another.
    #[error("{what} is {got}, expected {expected}")]
    Size {
        /// Which size.
        what: &'static str,
        /// Its value.
        got: u64,
        /// What it has to be.
        expected: String,
    },
}

fn require(
    holds: bool,
    what: &'static str,
    got: impl TryInto<u64>,
    expected: impl Into<String>,
) -> Result<(), ShapeError> {
    let got = got.try_into().unwrap_or(u64::MAX);
    if holds { Ok(()) } else { Err(ShapeError::Size { what, got, expected: expected.into() }) }
}

/// The shape. Layers are slots `s = 0..L-1`; `cells[s]`, `W[s]`, `Z[s]`, `G[s]` belong to layer s + 1, `A[s]` is the input of
/// that layer, `H[s]` goes with the cells it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// `d_0 .. d_L`, without bias.
    pub widths: Vec<usize>,
    /// Examples a step.
    pub batch: usize,
    /// Integers.
    pub format: Format,
    /// `c_t` for every step of the window.
    pub multipliers: Vec<u64>,
    /// Which data point is example b of step t: `[t][b]`.
    pub schedule: Vec<Vec<u32>>,
    /// Number of committed data points.
    pub points: usize,
    /// Columns of a committed row, a power of two.
    pub columns: usize,
}

impl Shape {
    /// Number of layers L.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.widths.len().saturating_sub(1)
    }

    /// Number of steps T.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.multipliers.len()
    }

    /// Slot of the output layer.
    #[must_use]
    pub fn output_slot(&self) -> usize {
        self.layers().saturating_sub(1)
    }

    /// Width of the inputs of slot s.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "slots are below the number of layers, and that below that of widths")]
    pub fn inputs(&self, slot: usize) -> usize {
        self.widths[slot]
    }

    /// Width of the cells of slot s.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "slots are below the number of layers")]
    pub fn outputs(&self, slot: usize) -> usize {
        self.inputs(slot + 1)
    }

    /// Features of a data point.
    #[must_use]
    pub fn features(&self) -> usize {
        self.inputs(0)
    }

    /// Classes of a data point.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.outputs(self.output_slot())
    }

    /// Whether slot s is the output layer.
    #[must_use]
    pub fn is_output(&self, slot: usize) -> bool {
        slot.checked_add(1) == Some(self.layers())
    }

    /// Bytes of a committed cell of slot s.
    #[must_use]
    pub fn stride(&self, slot: usize) -> usize {
        let bits = if self.is_output(slot) { self.format.output_bits() } else { self.format.hidden_bits() };
        bits.div_ceil(8)
    }

    /// Columns of a committed cell of slot s.
    #[must_use]
    pub fn cell_columns(&self, slot: usize) -> usize {
        self.stride(slot).saturating_mul(8)
    }

    /// Variables of the layer axis.
    #[must_use]
    pub fn log_layers(&self) -> usize {
        log2_ceil(self.layers())
    }

    /// Variables of the step axis.
    #[must_use]
    pub fn log_steps(&self) -> usize {
        log2_ceil(self.steps())
    }

    /// Variables of the example axis.
    #[must_use]
    pub fn log_batch(&self) -> usize {
        log2_ceil(self.batch)
    }

    /// Variables of both neuron axes.
    #[must_use]
    pub fn log_width(&self) -> usize {
        log2_ceil(self.widths.iter().copied().max().unwrap_or(1))
    }

    /// Variables of the bit axis; at least 3, so that the lowest three are the bits of a byte.
    #[must_use]
    pub fn log_bits(&self) -> usize {
        log2_ceil(self.format.hidden_bits().max(self.format.output_bits())).max(3)
    }

    /// Variables of the column axis.
    #[must_use]
    pub fn log_columns(&self) -> usize {
        log2_ceil(self.columns)
    }

    /// Checks every size that the arguments rely on, and the schedule.
    ///
    /// # Errors
    /// [`ShapeError`] naming the first size that is off.
    pub fn validate(&self) -> Result<(), ShapeError> {
        self.validate_sizes()?;
        self.validate_schedule()
    }

    /// Checks every size; the schedule may still be missing.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn validate_sizes(&self) -> Result<(), ShapeError> {
        require(self.widths.len() >= 2, "the number of widths", self.widths.len(), "at least 2")?;
        require(self.batch >= 1, "the batch size", self.batch, "at least 1")?;
        require(self.steps() >= 1, "the number of steps", self.steps(), "at least 1")?;
        for c in &self.multipliers {
            require(*c >= 1, "a multiplier c_t", *c, "at least 1")?;
        }
        self.validate_format()?;
        self.validate_columns()?;
        self.validate_counts()
    }

    /// Checks that every step has a batch of existing points.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn validate_schedule(&self) -> Result<(), ShapeError> {
        let len = self.schedule.len();
        require(len == self.steps(), "the number of scheduled steps", len, self.steps().to_string())?;
        for step in &self.schedule {
            require(step.len() == self.batch, "a batch", step.len(), self.batch.to_string())?;
            for i in step {
                require(size(*i) < self.points, "a scheduled point", *i, format!("below {}", self.points))?;
            }
        }
        Ok(())
    }

    fn validate_format(&self) -> Result<(), ShapeError> {
        let f = self.format;
        for (what, bits, low, high) in [
            ("Q", f.q, 2, 31),
            ("Q_G", f.q_g, 2, 31),
            ("R", f.r, 1, 48),
            ("R_L", f.r_l, 1, 60),
            ("f_A", f.f_a, 0, 16),
            ("f_X", f.f_x, 0, f.f_a),
        ] {
            require((low..=high).contains(&bits), what, bits, format!("{low} to {high}"))?;
        }
        for (what, a, b) in [("Q + R", f.q, f.r), ("Q_G + R", f.q_g, f.r), ("Q_G + R_L", f.q_g, f.r_l)] {
            let bits = a.saturating_add(b);
            require(bits <= 62, what, bits, "at most 62")?;
        }
        let bits = f.hidden_bits().max(f.output_bits());
        require(bits <= 128, "the bits of a cell", bits, "at most 128")
    }

    fn validate_columns(&self) -> Result<(), ShapeError> {
        let c = self.columns;
        require(c.is_power_of_two() && c <= 1 << 24, "the number of columns", c, "a power of two up to 2^24")?;
        for width in &self.widths {
            require((1..=c).contains(width), "a width", *width, format!("1 to {c}"))?;
        }
        let row = self.features().saturating_add(self.classes());
        require(row <= c, "a data row", row, format!("at most {c} columns"))?;
        let cell = (0..self.layers()).map(|s| self.cell_columns(s)).max().unwrap_or(0);
        require(cell <= c, "the bits of a cell", cell, format!("at most {c} columns"))
    }

    fn validate_counts(&self) -> Result<(), ShapeError> {
        let slots = || (0..self.layers()).map(|slot| (self.inputs(slot), self.outputs(slot)));
        let neurons = slots().fold(0, |sum: usize, (_, outputs)| sum.saturating_add(outputs));
        let cells = neurons.saturating_mul(self.batch).saturating_mul(self.steps());
        let weights = slots().fold(0, |sum: usize, (inputs, outputs)| {
            sum.saturating_add(inputs.saturating_add(1).saturating_mul(outputs))
        });
        for (what, count) in
            [("the number of cells", cells), ("the number of weights", weights), ("the number of points", self.points)]
        {
            require(count <= MOST, what, count, format!("at most {MOST}"))?;
        }
        Ok(())
    }
}

/// A linear view of a cell's bits: the public weight of bit q.
#[derive(Debug, Clone)]
pub struct Views {
    /// K of a hidden, G of an output cell.
    pub k: Vec<Scalar>,
    /// Hidden: `2^R K + rem_H`.
    pub h: Vec<Scalar>,
    /// Hidden: `2^R P + rem_Z`.
    pub z: Vec<Scalar>,
    /// Hidden: `Z''`, the low Q - 1 bits of P.
    pub relu: Vec<Scalar>,
    /// Hidden: the sign bit of P.
    pub neg: Vec<Scalar>,
    /// Output: `2^R_L G + rem_L`.
    pub o: Vec<Scalar>,
}

/// A field of a cell: place of its lowest bit, number of bits, whether the top bit counts negatively.
struct BitField {
    place: u32,
    bits: u32,
    signed: bool,
    scale: u32,
}

fn view(places: usize, fields: &[BitField]) -> Vec<Scalar> {
    let mut weights = vec![Scalar::ZERO; places];
    for field in fields {
        debug_assert!(size(field.place).saturating_add(size(field.bits)) <= places, "a field beyond {places} bits");
        let powers = std::iter::successors(Some(scalar::pow2(field.scale)), |power| Some(power.double()));
        let mut bits: Vec<Scalar> = powers.take(size(field.bits)).collect();
        if let Some(top) = bits.last_mut().filter(|_| field.signed) {
            *top = -*top;
        }
        for (weight, bit) in weights.iter_mut().skip(size(field.place)).zip(bits) {
            *weight += bit;
        }
    }
    weights
}

impl Views {
    /// The views of a shape; vectors of length `2^log_bits`.
    #[must_use]
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "Q is at least 2, a cell has at most 128 bits: `Shape::validate`"
    )]
    pub fn new(shape: &Shape) -> Self {
        let f = shape.format;
        let places = 1 << shape.log_bits();
        let p = f.q_g + f.r;
        let field = |place, bits, signed, scale| BitField { place, bits, signed, scale };
        Self {
            k: view(places, &[field(0, f.q_g, true, 0)]),
            h: view(places, &[field(0, f.q_g, true, f.r), field(f.q_g, f.r, false, 0)]),
            z: view(places, &[field(p, f.q, true, f.r), field(p + f.q, f.r, false, 0)]),
            relu: view(places, &[field(p, f.q - 1, false, 0)]),
            neg: view(places, &[field(p + f.q - 1, 1, false, 0)]),
            o: view(places, &[field(0, f.q_g, true, f.r_l), field(f.q_g, f.r_l, false, 0)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> Shape {
        Shape {
            widths: vec![5, 7, 3],
            batch: 3,
            format: Format { f_a: 3, f_x: 3, r: 7, r_l: 19, q: 14, q_g: 13 },
            multipliers: vec![1; 3],
            schedule: vec![vec![0, 3, 9]; 3],
            points: 10,
            columns: 64,
        }
    }

    type Change = fn(&mut Shape);

    #[test]
    fn every_size_is_refused_beyond_its_limit() {
        assert_eq!(shape().validate(), Ok(()));
        let changes: [(&str, Change); 19] = [
            ("the number of widths", |s| s.widths.truncate(1)),
            ("the batch size", |s| s.batch = 0),
            ("the number of steps", |s| s.multipliers.clear()),
            ("a multiplier c_t", |s| s.multipliers[2] = 0),
            ("Q", |s| s.format.q = 1),
            ("Q_G", |s| s.format.q_g = 32),
            ("R", |s| s.format.r = 0),
            ("R_L", |s| s.format.r_l = 61),
            ("f_A", |s| s.format.f_a = 17),
            ("f_X", |s| s.format.f_x = 4),
            ("Q + R", |s| (s.format.q, s.format.r) = (31, 32)),
            ("the number of columns", |s| s.columns = 65),
            ("the number of columns", |s| s.columns = 1 << 25),
            ("a width", |s| s.widths[1] = 65),
            ("a data row", |s| s.widths[0] = 62),
            ("the bits of a cell", |s| s.columns = 32),
            ("the number of scheduled steps", |s| s.schedule.truncate(2)),
            ("a batch", |s| s.schedule[1].truncate(2)),
            ("a scheduled point", |s| s.schedule[2][1] = 10),
        ];
        for (expected, change) in changes {
            let mut shape = shape();
            change(&mut shape);
            let Err(ShapeError::Size { what, .. }) = shape.validate() else { panic!("{expected}: accepted") };
            assert_eq!(what, expected);
        }
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        assert!(MOST.checked_mul(128 * 8).is_some(), "bits of padded cells are counted");
        let shape = Shape { points: MOST, ..shape() };
        assert_eq!(shape.validate_sizes(), Ok(()));
        for batch in [MOST / 30 + 1, usize::MAX] {
            let refused = Shape { batch, ..shape.clone() }.validate_sizes();
            assert!(matches!(refused, Err(ShapeError::Size { what: "the number of cells", .. })), "{refused:?}");
        }
        let refused = Shape { points: MOST + 1, ..shape }.validate_sizes();
        assert!(matches!(refused, Err(ShapeError::Size { what: "the number of points", .. })), "{refused:?}");
    }
}
