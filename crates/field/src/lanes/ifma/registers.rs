//! Registers of eight words: the instructions by safe names, reading and writing memory, and transpositions.
//!
//! Everything here is for kernels that run through an [`Ifma`](super::Ifma), whose constructor has seen the features.

#![expect(unsafe_code, reason = "vector instructions")]

use crate::batch::Xy;
use crate::lanes::{LaneField, WIDTH};
use std::arch::x86_64::*;

/// Registers for i = 0, 1, ... `array::from_fn` would put the work into a closure, which need not be inlined, and what is not
/// inlined into a kernel is compiled without the kernel's instructions.
macro_rules! registers {
    ($n:literal, $i:ident => $register:expr) => {{
        let mut out = [zero(); $n];
        let mut $i = 0;
        while $i < $n {
            out[$i] = $register;
            $i += 1;
        }
        out
    }};
}
pub(super) use registers;

/// A safe name for an intrinsic on registers.
macro_rules! instructions {
    ($($name:ident($($arg:ident),*) = $intrinsic:expr;)*) => {$(
        #[inline(always)]
        pub(super) fn $name($($arg: __m512i),*) -> __m512i {
            // SAFETY: reached only through an `Ifma`, whose constructor has seen the features.
            unsafe { $intrinsic }
        }
    )*};
}

instructions! {
    zero() = _mm512_setzero_si512();
    plus(a, b) = _mm512_add_epi64(a, b);
    minus(a, b) = _mm512_sub_epi64(a, b);
    and(a, b) = _mm512_and_si512(a, b);
    or(a, b) = _mm512_or_si512(a, b);
    low(sum, a, b) = _mm512_madd52lo_epu64(sum, a, b);
    high(sum, a, b) = _mm512_madd52hi_epu64(sum, a, b);
    low_halves(a, b) = _mm512_shuffle_i64x2::<0x44>(a, b);
    high_halves(a, b) = _mm512_shuffle_i64x2::<0xee>(a, b);
    even_words(a, b) = _mm512_unpacklo_epi64(a, b);
    odd_words(a, b) = _mm512_unpackhi_epi64(a, b);
    even_quarters(a, b) = _mm512_shuffle_i64x2::<0x88>(a, b);
    odd_quarters(a, b) = _mm512_shuffle_i64x2::<0xdd>(a, b);
}

#[inline(always)]
pub(super) fn right<const N: u32>(a: __m512i) -> __m512i {
    // SAFETY: as for the instructions above.
    unsafe { _mm512_srli_epi64::<N>(a) }
}

#[inline(always)]
pub(super) fn left<const N: u32>(a: __m512i) -> __m512i {
    // SAFETY: as for the instructions above.
    unsafe { _mm512_slli_epi64::<N>(a) }
}

/// Shifts right, keeping the sign.
#[inline(always)]
pub(super) fn signed_right<const N: u32>(a: __m512i) -> __m512i {
    // SAFETY: as for the instructions above.
    unsafe { _mm512_srai_epi64::<N>(a) }
}

/// Bits N.. of `low + 2^64 high`.
#[inline(always)]
pub(super) fn join<const N: i32>(low: __m512i, high: __m512i) -> __m512i {
    // SAFETY: as for the instructions above.
    unsafe { _mm512_shrdi_epi64::<N>(low, high) }
}

#[inline(always)]
pub(super) fn constant(n: u64) -> __m512i {
    // SAFETY: as for the instructions above.
    unsafe { _mm512_set1_epi64(n as i64) }
}

#[inline(always)]
pub(super) fn blend(mask: u8, no: __m512i, yes: __m512i) -> __m512i {
    // SAFETY: as for the instructions above.
    unsafe { _mm512_mask_blend_epi64(mask, no, yes) }
}

/// The lanes that are negative.
#[inline(always)]
pub(super) fn negative(a: __m512i) -> u8 {
    // SAFETY: as for the instructions above.
    unsafe { _mm512_movepi64_mask(a) }
}

/// Four registers of memory: eight elements as they lie there.
#[inline(always)]
pub(super) fn read<F: LaneField>(values: &[F]) -> __m512i {
    debug_assert!(values.len() >= 2);
    // SAFETY: two elements are 64 bytes; `detect` has checked the size and layout of elements.
    unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
}

/// A point as it lies in memory: x, then y, four words each.
#[inline(always)]
pub(super) fn read_point(point: &Xy) -> __m512i {
    // SAFETY: a point is two coordinates, x first, 64 bytes and aligned to them.
    unsafe { _mm512_load_si512(std::ptr::from_ref(point).cast()) }
}

/// Writes a point's two coordinates, which must be reduced elements.
#[inline(always)]
pub(super) fn write_point(point: &mut Xy, register: __m512i) {
    // SAFETY: a point is two coordinates, x first, 64 bytes and aligned to them.
    unsafe { _mm512_store_si512(std::ptr::from_mut(point).cast(), register) };
}

/// Writes two elements, which must be reduced.
#[inline(always)]
pub(super) fn write<F: LaneField>(values: &mut [F; 2], register: __m512i) {
    // SAFETY: two elements are 64 bytes; `detect` has checked the size and layout of elements.
    unsafe { _mm512_storeu_si512(values.as_mut_ptr().cast(), register) };
}

/// Eight words.
#[inline(always)]
pub(super) fn words(values: &[u64; WIDTH]) -> __m512i {
    // SAFETY: 64 bytes.
    unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
}

/// A permutation of the words of two registers.
#[inline(always)]
pub(super) fn permute(a: __m512i, words: [i64; 8], b: __m512i) -> __m512i {
    let [w0, w1, w2, w3, w4, w5, w6, w7] = words;
    // SAFETY: as for the instructions above.
    unsafe { _mm512_permutex2var_epi64(a, _mm512_setr_epi64(w0, w1, w2, w3, w4, w5, w6, w7), b) }
}

/// Words 0 and 1 of four elements, then words 2 and 3: as a permutation of two registers it is its own inverse.
const WORDS_01: [i64; 8] = [0, 4, 8, 12, 1, 5, 9, 13];
const WORDS_23: [i64; 8] = [2, 6, 10, 14, 3, 7, 11, 15];

/// Eight elements as they lie in memory, two a register, as registers of words: word k of every element.
#[inline(always)]
pub(super) fn transpose([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    let (ab_01, ab_23) = (permute(a, WORDS_01, b), permute(a, WORDS_23, b));
    let (cd_01, cd_23) = (permute(c, WORDS_01, d), permute(c, WORDS_23, d));
    [low_halves(ab_01, cd_01), high_halves(ab_01, cd_01), low_halves(ab_23, cd_23), high_halves(ab_23, cd_23)]
}

/// The inverse of [`transpose`].
#[inline(always)]
pub(super) fn untranspose([w0, w1, w2, w3]: [__m512i; 4]) -> [__m512i; 4] {
    let (ab_01, ab_23) = (low_halves(w0, w1), low_halves(w2, w3));
    let (cd_01, cd_23) = (high_halves(w0, w1), high_halves(w2, w3));
    [
        permute(ab_01, WORDS_01, ab_23),
        permute(ab_01, WORDS_23, ab_23),
        permute(cd_01, WORDS_01, cd_23),
        permute(cd_01, WORDS_23, cd_23),
    ]
}

/// Rows become columns. Those that the caller ignores or knows to be zero cost nothing.
#[inline(always)]
pub(super) fn transpose_8(r: [__m512i; 8]) -> [__m512i; 8] {
    // Quarter q of `even[i]`: words 2 q of rows 2 i and 2 i + 1; of `odd[i]`: words 2 q + 1.
    let even = registers!(4, i => even_words(r[2 * i], r[2 * i + 1]));
    let odd = registers!(4, i => odd_words(r[2 * i], r[2 * i + 1]));
    let ([e0, e1, e2, e3], [o0, o1, o2, o3]) = (quarters(even), quarters(odd));
    [e0, o0, e1, o1, e2, o2, e3, o3]
}

/// Register q of the result holds quarter q of all four.
#[inline(always)]
pub(super) fn quarters([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    let (ab_02, cd_02) = (even_quarters(a, b), even_quarters(c, d));
    let (ab_13, cd_13) = (odd_quarters(a, b), odd_quarters(c, d));
    [even_quarters(ab_02, cd_02), even_quarters(ab_13, cd_13), odd_quarters(ab_02, cd_02), odd_quarters(ab_13, cd_13)]
}
