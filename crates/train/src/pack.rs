//! The cells of many hidden neurons from their sums, straight into their bytes.
//!
//! Z + 2^(R-1) has rem_Z below and P above; a cell wants them the other way round, and the same of H in its lower half. So a cell is
//! two sums with their fields exchanged, side by side.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "training only: sizes and magnitudes have been checked"
)]

use crate::cell::{CellKind, CellLayout};
use crate::kernel::{Machine, Simd, Work};

/// Packs the cells of Z and H into `cells`, which has the stride of a hidden cell for each; fields keep their lowest bits.
pub(crate) fn pack_hidden(machine: Machine, layout: CellLayout, z: &[i64], h: &[i64], cells: &mut [u8]) {
    if let Some(pack) = PACK.get(layout.stride_bytes(CellKind::Hidden).wrapping_sub(1)) {
        pack(machine, layout, z, h, cells);
    }
}

type Pack = fn(Machine, CellLayout, &[i64], &[i64], &mut [u8]);

/// By bytes of a cell, less one.
const PACK: [Pack; 16] = [
    pack::<1>, pack::<2>, pack::<3>, pack::<4>, pack::<5>, pack::<6>, pack::<7>, pack::<8>, pack::<9>, pack::<10>,
    pack::<11>, pack::<12>, pack::<13>, pack::<14>, pack::<15>, pack::<16>,
];

fn pack<const STRIDE: usize>(machine: Machine, layout: CellLayout, z: &[i64], h: &[i64], cells: &mut [u8]) {
    machine.run(Cells::<STRIDE> { layout, z, h, cells: cells.as_chunks_mut().0 });
}

/// Cells of `STRIDE` bytes.
struct Cells<'a, const STRIDE: usize> {
    layout: CellLayout,
    z: &'a [i64],
    h: &'a [i64],
    cells: &'a mut [[u8; STRIDE]],
}

impl<const STRIDE: usize> Work for Cells<'_, STRIDE> {
    type Output = ();

    #[inline(always)]
    fn on<S: Simd>(self, _: S) {
        let (q, q_g, r) = (self.layout.p().bits, self.layout.k().bits, self.layout.rem_z().bits);
        for ((cell, &z), &h) in self.cells.iter_mut().zip(self.z).zip(self.h) {
            let (z, h) = (exchanged(z, r, q), exchanged(h, r, q_g));
            // The lower half has 3 to 62 bits.
            let (low, high) = (h | z << (q_g + r), z >> (64 - q_g - r));
            if STRIDE <= 8 {
                cell.copy_from_slice(&low.to_le_bytes()[..STRIDE]);
            } else {
                cell[..8].copy_from_slice(&low.to_le_bytes());
                cell[8..].copy_from_slice(&high.to_le_bytes()[..STRIDE - 8]);
            }
        }
    }
}

/// The quotient at `r` bits, rounded half up, in the lowest `bits` bits, and the remainder above them.
#[inline(always)]
fn exchanged(sum: i64, r: u32, bits: u32) -> u64 {
    let shifted = sum.wrapping_add(1 << (r - 1)).cast_unsigned();
    (shifted >> r & ((1 << bits) - 1)) | (shifted & ((1 << r) - 1)) << bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::HiddenCell;
    use crate::config::Format;
    use crate::fixed::round_half_up;
    use proptest::prelude::*;

    /// The bytes of a cell from its fields.
    fn plain(layout: CellLayout, z: i64, h: i64) -> Vec<u8> {
        let r = layout.rem_z().bits;
        let (z, h) = (round_half_up(z.into(), r), round_half_up(h.into(), r));
        let (p, k) = (z.quotient as i64, h.quotient as i64);
        let word = layout.pack_hidden(HiddenCell { p, rem_z: z.remainder, k, rem_h: h.remainder });
        word.to_le_bytes()[..layout.stride_bytes(CellKind::Hidden)].to_vec()
    }

    fn agree(format: Format, sums: &[(i64, i64)]) {
        let layout = CellLayout::new(&format, 37);
        let (z, h): (Vec<i64>, Vec<i64>) = sums.iter().copied().unzip();
        let expected: Vec<u8> = sums.iter().flat_map(|&(z, h)| plain(layout, z, h)).collect();
        for machine in Machine::all() {
            let mut cells = vec![0xff; expected.len()];
            pack_hidden(machine, layout, &z, &h, &mut cells);
            assert_eq!(cells, expected, "{format:?}");
        }
    }

    #[test]
    fn every_stride_is_packed() {
        let sums: Vec<_> = (0..40).map(|i| ((i - 20) << 20, (13 - i) << 19)).collect();
        // R, Q and Q_G from 5 bits a cell to 128.
        for total in 5u32..=128 {
            let r = (total / 4).clamp(1, 48);
            let q = ((total - 2 * r) / 2).clamp(2, 31.min(62 - r));
            let q_g = (total - 2 * r).saturating_sub(q).clamp(2, 31.min(62 - r));
            agree(Format { f_a: 0, f_g: r, q, q_g }, &sums);
        }
    }

    proptest! {
        #[test]
        fn cells_are_their_fields(r in 1u32..=48, q in 2u32..=14, q_g in 2u32..=14, sums: Vec<(i64, i64)>) {
            agree(Format { f_a: 0, f_g: r, q, q_g }, &sums);
        }
    }
}
