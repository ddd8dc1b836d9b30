//! The bits of a cell: one neuron of one example of one step.
//!
//! From bit 0 upwards, all fields adjacent:
//!
//! ```text
//! hidden cell   K (Q_G, two's complement) | rem_H (R)   | P (Q, two's complement, top bit = neg) | rem_Z (R)
//! output cell   G (Q_G, two's complement) | rem_L (R_L)
//! ```
//! A cell is stored in its bits rounded up to bytes (its stride), little endian; the bits above its fields are zero.
//! Two's complement and half-open remainders make the decomposition of Z and H unique, at zero and at ties too.

use crate::config::{Algorithm, Format};
use zkdl_dataset::number::to_usize;

/// Which fields a cell has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// A neuron below the output layer.
    Hidden,
    /// A neuron of the output layer.
    Output,
}

/// Where a field lies in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// First (lowest) bit.
    pub offset: u32,
    /// Number of bits.
    pub bits: u32,
}

/// The places of all fields, for one format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellLayout {
    q: u32,
    q_g: u32,
    r: u32,
    r_l: u32,
}

/// The fields of a hidden cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HiddenCell {
    /// P: the rounded Z; the activation where it is not negative.
    pub p: i64,
    /// rem_Z in [0, 2^R).
    pub rem_z: u64,
    /// K: the rounded H; the gradient where P is not negative.
    pub k: i64,
    /// rem_H in [0, 2^R).
    pub rem_h: u64,
}

/// The fields of an output cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputCell {
    /// G: the rounded output gradient.
    pub g: i64,
    /// rem_L in [0, 2^R_L).
    pub rem_l: u64,
}

impl Field {
    fn mask(self) -> u64 {
        (1u64 << self.bits).saturating_sub(1)
    }

    fn place(self, value: u64) -> u128 {
        u128::from(value & self.mask()) << self.offset
    }

    #[expect(clippy::as_conversions, reason = "the lowest 64 bits are meant, and then fewer")]
    fn unsigned(self, word: u128) -> u64 {
        (word >> self.offset) as u64 & self.mask()
    }

    fn signed(self, word: u128) -> i64 {
        let spare = u64::BITS.saturating_sub(self.bits);
        (self.unsigned(word) << spare).cast_signed() >> spare
    }
}

impl CellLayout {
    /// The layout of a format with `r_l` bits dropped at the output. Both must be valid (see [`Algorithm::validate`]).
    pub fn new(format: &Format, r_l: u32) -> Self {
        Self { q: format.q, q_g: format.q_g, r: format.f_w(), r_l }
    }

    /// The layout of an algorithm.
    pub fn of(algorithm: &Algorithm) -> Self {
        Self::new(&algorithm.format, algorithm.r_l)
    }

    /// K of a hidden cell.
    pub fn k(&self) -> Field {
        Field { offset: 0, bits: self.q_g }
    }

    /// rem_H of a hidden cell.
    pub fn rem_h(&self) -> Field {
        Field { offset: self.q_g, bits: self.r }
    }

    /// P of a hidden cell.
    pub fn p(&self) -> Field {
        Field { offset: self.q_g.saturating_add(self.r), bits: self.q }
    }

    /// The sign bit of P: 1 where P < 0.
    pub fn neg(&self) -> Field {
        Field { offset: self.rem_z().offset.saturating_sub(1), bits: 1 }
    }

    /// rem_Z of a hidden cell.
    pub fn rem_z(&self) -> Field {
        Field { offset: self.p().offset.saturating_add(self.q), bits: self.r }
    }

    /// G of an output cell.
    pub fn g(&self) -> Field {
        Field { offset: 0, bits: self.q_g }
    }

    /// rem_L of an output cell.
    pub fn rem_l(&self) -> Field {
        Field { offset: self.q_g, bits: self.r_l }
    }

    /// Bits of a hidden cell: Q + Q_G + 2 R.
    pub fn hidden_bits(&self) -> u32 {
        self.rem_z().offset.saturating_add(self.r)
    }

    /// Bits of an output cell: Q_G + R_L.
    pub fn output_bits(&self) -> u32 {
        self.q_g.saturating_add(self.r_l)
    }

    /// Bits of a cell.
    pub fn bits(&self, kind: CellKind) -> u32 {
        match kind {
            CellKind::Hidden => self.hidden_bits(),
            CellKind::Output => self.output_bits(),
        }
    }

    /// Bytes a stored cell takes: its bits rounded up to 8, at most 16 bytes.
    pub fn stride_bytes(&self, kind: CellKind) -> usize {
        to_usize(self.bits(kind).div_ceil(8))
    }

    /// The bits of `word` above the cell's fields; they must be zero.
    pub fn slack(&self, kind: CellKind, word: u128) -> u128 {
        word.checked_shr(self.bits(kind)).unwrap_or(0)
    }

    /// The bits of a hidden cell. Each field keeps its lowest bits.
    pub fn pack_hidden(&self, cell: HiddenCell) -> u128 {
        self.k().place(cell.k.cast_unsigned())
            | self.rem_h().place(cell.rem_h)
            | self.p().place(cell.p.cast_unsigned())
            | self.rem_z().place(cell.rem_z)
    }

    /// The fields of a hidden cell; slack is ignored.
    pub fn unpack_hidden(&self, word: u128) -> HiddenCell {
        HiddenCell {
            p: self.p().signed(word),
            rem_z: self.rem_z().unsigned(word),
            k: self.k().signed(word),
            rem_h: self.rem_h().unsigned(word),
        }
    }

    /// The bits of an output cell. Each field keeps its lowest bits.
    pub fn pack_output(&self, cell: OutputCell) -> u128 {
        self.g().place(cell.g.cast_unsigned()) | self.rem_l().place(cell.rem_l)
    }

    /// The fields of an output cell; slack is ignored.
    pub fn unpack_output(&self, word: u128) -> OutputCell {
        OutputCell { g: self.g().signed(word), rem_l: self.rem_l().unsigned(word) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn default_layout() -> CellLayout {
        CellLayout::new(&Format::default(), 37)
    }

    #[test]
    fn the_default_hidden_cell_has_64_bits() {
        let layout = default_layout();
        assert_eq!((layout.hidden_bits(), layout.stride_bytes(CellKind::Hidden)), (64, 8));
        assert_eq!((layout.output_bits(), layout.stride_bytes(CellKind::Output)), (47, 6));
    }

    #[test]
    fn fields_lie_where_the_layout_says() {
        let layout = default_layout();
        let word = layout.pack_hidden(HiddenCell { p: -2048, rem_z: 1, k: -1, rem_h: 1 });
        assert_eq!(word, 0x3ff | 1 << 10 | 1 << 42 | 1 << 43);
        assert_eq!(layout.neg().unsigned(word), 1);
        assert_eq!(layout.pack_output(OutputCell { g: 5, rem_l: 3 }), 5 | 3 << 10);
    }

    #[test]
    fn fields_are_adjacent_and_fill_the_cell() {
        let layout = default_layout();
        let mut next = 0;
        for field in [layout.k(), layout.rem_h(), layout.p(), layout.rem_z()] {
            assert_eq!(field.offset, next);
            next += field.bits;
        }
        assert_eq!(next, layout.hidden_bits());
        assert_eq!(layout.neg().offset + 1, layout.rem_z().offset);
    }

    #[test]
    fn slack_is_what_lies_above_the_fields() {
        let layout = default_layout();
        assert_eq!(layout.slack(CellKind::Hidden, u128::from(u64::MAX)), 0);
        assert_eq!(layout.slack(CellKind::Hidden, 1 << 64), 1);
        assert_eq!(layout.slack(CellKind::Output, 1 << 47), 1);
        let widest = CellLayout::new(&Format { f_a: 8, f_g: 40, q: 16, q_g: 16 }, 63);
        assert_eq!((widest.hidden_bits(), widest.slack(CellKind::Hidden, u128::MAX)), (128, 0));
    }

    proptest! {
        #[test]
        fn packing_round_trips(f_w in 1u32..=48, q in 2u32..=16, q_g in 2u32..=16, r_l in 1u32..=63, word: u128) {
            let layout = CellLayout::new(&Format { f_a: 0, f_g: f_w, q, q_g }, r_l);
            let hidden = word & (u128::MAX >> (128 - layout.hidden_bits()));
            prop_assert_eq!(layout.pack_hidden(layout.unpack_hidden(hidden)), hidden);
            let output = word & (u128::MAX >> (128 - layout.output_bits()));
            prop_assert_eq!(layout.pack_output(layout.unpack_output(output)), output);
        }
    }
}
