//! Tiles in vector instructions: `vpdpwssd` on AVX-512 VNNI, `vpmaddwd` and an addition on AVX2.
//!
//! `unsafe` here is of two kinds. Calls of functions that need instructions: the only way to a token is its `detect`, which has
//! seen them. Loads and stores of whole arrays that are as long as the registers.

#![expect(unsafe_code, reason = "vector instructions; the twin is `Plain`, the differential tests are beside it")]

use super::{LANES, Lanes, Pair, ROWS, Simd, Tile, Work, word};
use std::arch::x86_64::*;

/// The right to use AVX-512 F, BW, DQ, VL and VNNI.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vnni(());

/// The right to use AVX2.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Vnni {
    /// The token, if this machine has the instructions.
    pub(crate) fn detect() -> Option<Self> {
        let present = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni");
        present.then_some(Self(()))
    }
}

impl Avx2 {
    /// The token, if this machine has the instructions.
    pub(crate) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

impl Simd for Vnni {
    // Not inlined: alone, all its sums stay in registers.
    #[inline(never)]
    fn tile(self, x: [&[Pair]; ROWS], y: &[Lanes]) -> Tile {
        let x = x.map(|x| &x[..y.len()]);
        // SAFETY: `detect` has seen the instructions.
        unsafe { vnni_tile(x, y) }
    }

    fn run<W: Work>(self, work: W) -> W::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
        fn inner<W: Work>(simd: Vnni, work: W) -> W::Output {
            work.on(simd)
        }
        // SAFETY: `detect` has seen the instructions.
        unsafe { inner(self, work) }
    }
}

impl Simd for Avx2 {
    // Not inlined: alone, all its sums stay in registers.
    #[inline(never)]
    fn tile(self, x: [&[Pair]; ROWS], y: &[Lanes]) -> Tile {
        let x = x.map(|x| &x[..y.len()]);
        // SAFETY: `detect` has seen the instructions.
        unsafe { avx2_tile(x, y) }
    }

    fn run<W: Work>(self, work: W) -> W::Output {
        #[target_feature(enable = "avx2")]
        fn inner<W: Work>(simd: Avx2, work: W) -> W::Output {
            work.on(simd)
        }
        // SAFETY: `detect` has seen the instructions.
        unsafe { inner(self, work) }
    }
}

// No closures below: they would not be inlined where the library calls them.

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
#[inline]
fn vnni_tile(x: [&[Pair]; ROWS], y: &[Lanes]) -> Tile {
    let mut sums = [[_mm512_setzero_si512(); LANES / 16]; ROWS];
    for (p, y) in y.iter().enumerate() {
        let mut right = [_mm512_setzero_si512(); LANES / 16];
        for (right, part) in right.iter_mut().zip(y.as_chunks::<16>().0) {
            // SAFETY: `part` has 64 bytes.
            *right = unsafe { _mm512_loadu_si512(part.as_ptr().cast()) };
        }
        for (sums, x) in sums.iter_mut().zip(&x) {
            let left = _mm512_set1_epi32(both(x[p]));
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = _mm512_dpwssd_epi32(*sum, left, right);
            }
        }
    }
    let mut tile = [[0; LANES]; ROWS];
    for (row, sums) in tile.iter_mut().zip(sums) {
        for (part, sum) in row.as_chunks_mut::<16>().0.iter_mut().zip(sums) {
            // SAFETY: `part` has 64 bytes.
            unsafe { _mm512_storeu_si512(part.as_mut_ptr().cast(), sum) };
        }
    }
    tile
}

/// The tile in quarters: sixteen registers hold eight sums and their operands.
#[target_feature(enable = "avx2")]
#[inline]
fn avx2_tile(x: [&[Pair]; ROWS], y: &[Lanes]) -> Tile {
    let mut tile = [[0; LANES]; ROWS];
    for row in [0, ROWS / 2] {
        for lane in [0, LANES / 2] {
            avx2_quarter([x[row], x[row + 1], x[row + 2], x[row + 3]], y, lane, &mut tile[row..]);
        }
    }
    tile
}

/// Four rows and sixteen columns from `lane` on.
#[target_feature(enable = "avx2")]
#[inline]
fn avx2_quarter(x: [&[Pair]; ROWS / 2], y: &[Lanes], lane: usize, tile: &mut [[i32; LANES]]) {
    let mut sums = [[_mm256_setzero_si256(); 2]; ROWS / 2];
    for (p, y) in y.iter().enumerate() {
        let mut right = [_mm256_setzero_si256(); 2];
        for (right, part) in right.iter_mut().zip(y[lane..].as_chunks::<8>().0) {
            // SAFETY: `part` has 32 bytes.
            *right = unsafe { _mm256_loadu_si256(part.as_ptr().cast()) };
        }
        for (sums, x) in sums.iter_mut().zip(&x) {
            let left = _mm256_set1_epi32(both(x[p]));
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(left, right));
            }
        }
    }
    for (row, sums) in tile.iter_mut().zip(sums) {
        for (part, sum) in row[lane..].as_chunks_mut::<8>().0.iter_mut().zip(sums) {
            // SAFETY: `part` has 32 bytes.
            unsafe { _mm256_storeu_si256(part.as_mut_ptr().cast(), sum) };
        }
    }
}

/// Both terms of a pair in one word.
#[inline(always)]
fn both([even, odd]: Pair) -> i32 {
    word(even.into(), odd.into()).cast_signed()
}
