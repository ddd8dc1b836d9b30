//! Products of 16-bit integers summed in 32 bits: the inner loop of every product of a training step.
//!
//! A tile is `ROWS x LANES` sums over pairs of terms,
//!
//! ```text
//! tile[m][n] = sum_p  x[m][p][0] low(y[p][n]) + x[m][p][1] high(y[p][n])        modulo 2^32
//! ```
//! which vector instructions compute two terms and 16 lanes at a time. Sums wrap, so a tile is exact whatever the order of
//! summation if only the result fits 32 bits; callers see to that.
//!
//! | implementation | needs | a step of 3072-1024(x7)-10 at batch 64, one thread of an AMD EPYC (Zen 4) |
//! |---|---|---|
//! | `Vnni` | AVX-512 F, BW, DQ, VL, VNNI | 0.046 s, of it 0.022 s in tiles, at 10^11 multiply-adds a second |
//! | `Avx2` | AVX2 | 0.058 s |
//! | `Plain` | nothing | 0.41 s, where float64 products take 0.12 s: it is not used for tiles |
//!
//! This is why there is `unsafe` in `x86`: the safe path, float64 products by `matrixmultiply` with AVX-512, takes 2.5 times as long.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "training only: sizes and magnitudes have been checked"
)]

#[cfg(target_arch = "x86_64")]
mod x86;

/// Rows of a tile.
pub(crate) const ROWS: usize = 8;
/// Columns of a tile.
pub(crate) const LANES: usize = 32;

/// Two consecutive terms of a sum.
pub(crate) type Pair = [i16; 2];
/// A pair of terms of every column of a tile, the first in the low half of its word.
pub(crate) type Lanes = [u32; LANES];
/// Sums.
pub(crate) type Tile = [[i32; LANES]; ROWS];

/// The word of a pair whose terms are the lowest 16 bits of these.
#[inline(always)]
pub(crate) fn word(even: i32, odd: i32) -> u32 {
    (even.cast_unsigned() & 0xffff) | odd.cast_unsigned() << 16
}

/// An implementation.
pub(crate) trait Simd: Copy + Send + Sync {
    /// The tile of `y.len()` pairs; every row of `x` has at least as many.
    fn tile(self, x: [&[Pair]; ROWS], y: &[Lanes]) -> Tile;

    /// Does `work`, compiled for the implementation's instructions.
    fn run<W: Work>(self, work: W) -> W::Output;
}

/// Something to do with an implementation. It is compiled for its instructions as far as it is inlined: closures may not be.
pub(crate) trait Work {
    /// What comes out.
    type Output;

    /// Does it. To be marked `#[inline(always)]`.
    fn on<S: Simd>(self, simd: S) -> Self::Output;
}

/// The definition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain;

impl Simd for Plain {
    fn tile(self, x: [&[Pair]; ROWS], y: &[Lanes]) -> Tile {
        let mut tile = [[0i32; LANES]; ROWS];
        for (sums, x) in tile.iter_mut().zip(x) {
            for (x, y) in x[..y.len()].iter().zip(y) {
                for (sum, &y) in sums.iter_mut().zip(y) {
                    let (even, odd) =
                        (i32::from(x[0]) * i32::from(y as i16), i32::from(x[1]) * (y.cast_signed() >> 16));
                    *sum = sum.wrapping_add(even).wrapping_add(odd);
                }
            }
        }
        tile
    }

    fn run<W: Work>(self, work: W) -> W::Output {
        work.on(self)
    }
}

/// What this machine has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Machine {
    /// AVX-512 with VNNI.
    #[cfg(target_arch = "x86_64")]
    Vnni(x86::Vnni),
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    /// Nothing of use.
    Plain,
}

impl Machine {
    /// The fastest there is.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(vnni) = x86::Vnni::detect() {
                return Self::Vnni(vnni);
            }
            if let Some(avx2) = x86::Avx2::detect() {
                return Self::Avx2(avx2);
            }
        }
        Self::Plain
    }

    /// Does `work` with what this machine has.
    pub(crate) fn run<W: Work>(self, work: W) -> W::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(vnni) => vnni.run(work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.run(work),
            Self::Plain => Plain.run(work),
        }
    }

    /// All that this machine has, fastest first.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(x86::Vnni::detect().map(Self::Vnni));
            all.extend(x86::Avx2::detect().map(Self::Avx2));
        }
        all.push(Self::Plain);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct TileOf<'a>([&'a [Pair]; ROWS], &'a [Lanes]);

    impl Work for TileOf<'_> {
        type Output = Tile;

        fn on<S: Simd>(self, simd: S) -> Tile {
            simd.tile(self.0, self.1)
        }
    }

    /// Whether every implementation gives the definition's tile.
    fn agree(x: &[Vec<Pair>], y: &[Lanes]) {
        let x: [&[Pair]; ROWS] = std::array::from_fn(|m| &x[m][..]);
        for machine in Machine::all() {
            assert_eq!(machine.run(TileOf(x, y)), Plain.tile(x, y), "{machine:?}");
        }
    }

    #[test]
    fn a_tile_is_its_definition() {
        let y: [Lanes; 2] = std::array::from_fn(|p| std::array::from_fn(|n| word(n as i32, p as i32 - 7)));
        let x = [[2, 3], [5, -1]];
        let tile = Plain.tile([&x; ROWS], &y);
        for (n, sum) in tile[ROWS - 1].iter().enumerate() {
            assert_eq!(*sum, 2 * n as i32 + 3 * -7 + 5 * n as i32 + 6);
        }
    }

    #[test]
    fn the_extremes_wrap_alike() {
        for (a, b) in [(i16::MIN, i16::MIN), (i16::MIN, i16::MAX), (i16::MAX, i16::MAX)] {
            for pairs in [0, 1, 2, 3, 300] {
                agree(&vec![vec![[a; 2]; pairs]; ROWS], &vec![[word(b.into(), b.into()); LANES]; pairs]);
            }
        }
    }

    proptest! {
        #[test]
        fn implementations_agree(pairs in 0usize..40, spare in 0usize..3, seed: [u8; 32]) {
            let mut stream = zkdl_dataset::KeyStream::new(seed);
            let mut next = || stream.next_word() as u32;
            let mut pair = || [next() as i16, next() as i16];
            let x: Vec<Vec<Pair>> = (0..ROWS).map(|_| (0..pairs + spare).map(|_| pair()).collect()).collect();
            let y: Vec<Lanes> = (0..pairs).map(|_| std::array::from_fn(|_| next())).collect();
            agree(&x, &y);
        }
    }
}
