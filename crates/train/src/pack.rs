//! The cells of many hidden neurons from their sums, straight into their bytes.
//!
//! Z + 2^(R-1) has rem_Z below and P above; a cell wants them the other way round, and the same of H in its lower half. So a cell is
//! two sums with their fields exchanged, side by side.

use crate::cell::{CellKind, CellLayout};
use crate::kernel::{Machine, Simd, Work};

/// Writes one cell for every sum; fields keep their lowest bits.
type Pack = fn(CellLayout, &[i64], &[i64], &mut [u8]);

/// By bytes of a cell, less one.
const NARROW: [Pack; 8] =
    [narrow::<1>, narrow::<2>, narrow::<3>, narrow::<4>, narrow::<5>, narrow::<6>, narrow::<7>, narrow::<8>];
/// By bytes of a cell, less nine.
const WIDE: [Pack; 8] = [wide::<9>, wide::<10>, wide::<11>, wide::<12>, wide::<13>, wide::<14>, wide::<15>, wide::<16>];

/// Packs the cells of Z and H into `cells`, which has the stride of a hidden cell for each.
pub(crate) fn pack_hidden(machine: Machine, layout: CellLayout, z: &[i64], h: &[i64], cells: &mut [u8]) {
    let stride = layout.stride_bytes(CellKind::Hidden);
    if stride == 8 {
        // The default format; the only one worth compiling for the machine.
        return machine.run(EightBytes { layout, z, h, cells });
    }
    if let Some(pack) = NARROW.iter().chain(&WIDE).nth(stride.wrapping_sub(1)) {
        pack(layout, z, h, cells);
    }
}

/// Packs cells of eight bytes.
struct EightBytes<'a> {
    layout: CellLayout,
    z: &'a [i64],
    h: &'a [i64],
    cells: &'a mut [u8],
}

impl Work for EightBytes<'_> {
    type Output = ();

    #[inline(always)]
    fn on<S: Simd>(self, _: S) {
        narrow::<8>(self.layout, self.z, self.h, self.cells);
    }
}

/// The quotient at `r` bits, rounded half up, in the lowest `bits` bits, and the remainder above them.
#[inline(always)]
fn exchanged(sum: i64, r: u32, bits: u32) -> u64 {
    let shifted = sum.wrapping_add(1 << (r - 1)).cast_unsigned();
    (shifted >> r & ((1 << bits) - 1)) | (shifted & ((1 << r) - 1)) << bits
}

/// Cells of at most 64 bits.
#[inline(always)]
fn narrow<const STRIDE: usize>(layout: CellLayout, z: &[i64], h: &[i64], cells: &mut [u8]) {
    let (q, q_g, r) = (layout.p().bits, layout.k().bits, layout.rem_z().bits);
    for ((cell, &z), &h) in cells.as_chunks_mut::<STRIDE>().0.iter_mut().zip(z).zip(h) {
        let word = exchanged(h, r, q_g) | exchanged(z, r, q) << (q_g + r);
        cell.copy_from_slice(&word.to_le_bytes()[..STRIDE]);
    }
}

/// Cells of more than 64 bits.
#[inline(always)]
fn wide<const STRIDE: usize>(layout: CellLayout, z: &[i64], h: &[i64], cells: &mut [u8]) {
    let (q, q_g, r) = (layout.p().bits, layout.k().bits, layout.rem_z().bits);
    for ((cell, &z), &h) in cells.as_chunks_mut::<STRIDE>().0.iter_mut().zip(z).zip(h) {
        let word = u128::from(exchanged(h, r, q_g)) | u128::from(exchanged(z, r, q)) << (q_g + r);
        cell.copy_from_slice(&word.to_le_bytes()[..STRIDE]);
    }
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
        for machine in [Machine::Plain, Machine::detect()] {
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
