//! Lanes on AVX-512 IFMA: a vector register holds one 52-bit limb of eight elements, five registers an element each.
//!
//! Elements are in the library's own Montgomery form, radix 2^256, so that loading and storing only cuts the same number into
//! other limbs. A product reduces by 52 bits four times and by 48 bits once:
//!
//! ```text
//! T = a b;   for i = 0..4:  m = -T_i / p mod 2^52 (the last: mod 2^48),  T += m p 2^(52 i);   result T / 2^256
//! ```
//!
//! and since p = 2^254 + t with t of three limbs, m p costs six half-products, a shift and one more half-product.
//! A multiplication is 85 half-products (`vpmadd52`) and about 50 other instructions for eight elements.
//!
//! `unsafe` here and in `registers` is of two kinds. Calls of intrinsics, and of functions compiled for them: the only way to an
//! [`Ifma`] is [`Ifma::detect`], which has seen the features. Reading field elements as four words: the types are transparent
//! over `[u64; 4]`, which `detect` checks by comparing a computation with the library's.

#![expect(unsafe_code, reason = "vector instructions; the twin is portable.rs, the differential tests are in lanes.rs")]

mod registers;

use self::registers::*;
use super::{Kernel, LaneField, Lanes, PointKernel, PointLanes, Scratch, WIDTH};
use crate::batch::Xy;
use crate::group::Base;
use crate::scalar::Scalar;
use std::arch::x86_64::__m512i;

/// The right to use the instructions: they are there.
#[derive(Debug, Clone, Copy)]
pub struct Ifma(());

/// Eight elements, the lowest limb first; every limb is below 2^52.
#[derive(Debug, Clone, Copy)]
pub struct Limbs([__m512i; 5]);

/// Ten columns of 52 bits, with room for carries of [`CARRY_AFTER`] products.
#[derive(Clone, Copy)]
pub struct Columns {
    columns: [__m512i; 10],
    terms: u32,
}

/// Six columns of 52 bits.
#[derive(Clone, Copy)]
pub struct SmallColumns {
    columns: [__m512i; 6],
    terms: u32,
}

/// One element: five limbs and three words of nothing.
#[derive(Debug, Clone, Copy)]
pub struct Row(__m512i);

impl Default for Row {
    #[inline(always)]
    fn default() -> Self {
        Self(zero())
    }
}

/// A product adds less than ten times 2^52 to a column; 64 bits hold 409 of them.
const CARRY_AFTER: u32 = 256;
/// A small product adds less than twice 2^52; 64 bits hold 2048 of them.
const SMALL_CARRY_AFTER: u32 = 1024;

const LIMB: u64 = 52;
const MASK: u64 = (1 << LIMB) - 1;
/// The modulus is 2^254 + t: bits of the top limb below 2^254.
const TOP_BITS: u32 = 254 - 4 * LIMB as u32;

impl Default for Columns {
    #[inline(always)]
    fn default() -> Self {
        Self { columns: [zero(); 10], terms: 0 }
    }
}

impl Default for SmallColumns {
    #[inline(always)]
    fn default() -> Self {
        Self { columns: [zero(); 6], terms: 0 }
    }
}

macro_rules! features {
    ($item:item) => {
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2,bmi2,adx")]
        $item
    };
}

features! {
fn run_scalars_inner<K: Kernel>(kernel: K, lanes: Ifma) -> K::Output {
    kernel.run(lanes)
}
}

features! {
fn run_points_inner<K: PointKernel>(kernel: K, lanes: Ifma) -> K::Output {
    kernel.run(lanes)
}
}

impl Ifma {
    /// The token, if this machine has the instructions and field elements are laid out as they must be.
    #[must_use]
    pub fn detect() -> Option<Self> {
        let present = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("avx512vbmi2")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("adx");
        let token = Self(());
        (present && token.layout_is_known::<Base>() && token.layout_is_known::<Scalar>()).then_some(token)
    }

    /// Whether a few products agree with the library's.
    fn layout_is_known<F: LaneField>(self) -> bool {
        if size_of::<F>() != 32 {
            return false;
        }
        let mut x = F::from_i64(-3);
        let values: [F; WIDTH] = std::array::from_fn(|_| {
            x = x.square() + F::from_i64(7);
            x
        });
        let product: [F; WIDTH] = self.store(Lanes::<F>::mul(self, self.load(&values), Lanes::<F>::splat(self, &x)));
        product.iter().zip(&values).all(|(p, v)| *p == *v * x)
    }

    /// Runs a kernel over scalars.
    #[inline]
    pub fn run_scalars<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `detect` has seen the features.
        unsafe { run_scalars_inner(kernel, self) }
    }

    /// Runs a kernel over points.
    #[inline]
    pub fn run_points<K: PointKernel>(self, kernel: K) -> K::Output {
        // SAFETY: `detect` has seen the features.
        unsafe { run_points_inner(kernel, self) }
    }
}

/// Words of 64 bits cut into limbs of 52.
#[inline(always)]
fn unpack([w0, w1, w2, w3]: [__m512i; 4]) -> Limbs {
    let mask = constant(MASK);
    Limbs([
        and(w0, mask),
        and(join::<52>(w0, w1), mask),
        and(join::<40>(w1, w2), mask),
        and(join::<28>(w2, w3), mask),
        right::<16>(w3),
    ])
}

/// Limbs of reduced elements as words.
#[inline(always)]
fn pack(Limbs([l0, l1, l2, l3, l4]): Limbs) -> [__m512i; 4] {
    [
        or(l0, left::<52>(l1)),
        or(right::<12>(l1), left::<40>(l2)),
        or(right::<24>(l2), left::<28>(l3)),
        or(right::<36>(l3), left::<16>(l4)),
    ]
}

/// Carries so that all limbs but the top one are below 2^52; limbs may be negative before.
#[inline(always)]
fn carry(mut l: [__m512i; 5]) -> [__m512i; 5] {
    let mask = constant(MASK);
    for i in 0..4 {
        l[i + 1] = plus(l[i + 1], signed_right::<52>(l[i]));
        l[i] = and(l[i], mask);
    }
    l
}

/// `x - q p` where q is x / 2^254 rounded down: between -2^160 and 2^254, limbs not carried but for the sign of the top.
#[inline(always)]
fn minus_multiple<F: LaneField>(l: [__m512i; 5]) -> [__m512i; 5] {
    let q = right::<TOP_BITS>(l[4]);
    let [t0, t1, t2] = registers!(3, i => constant(F::MODULUS[i]));
    let s1 = low(high(zero(), q, t0), q, t1);
    let s2 = low(high(zero(), q, t1), q, t2);
    let top = and(l[4], constant((1 << TOP_BITS) - 1));
    carry([minus(l[0], low(zero(), q, t0)), minus(l[1], s1), minus(l[2], s2), l[3], top])
}

#[inline(always)]
fn plus_modulus<F: LaneField>(l: [__m512i; 5], times: u64) -> [__m512i; 5] {
    registers!(5, i => if F::MODULUS[i] == 0 { l[i] } else { plus(l[i], constant(times * F::MODULUS[i])) })
}

/// The representative below the modulus.
#[inline(always)]
fn reduced<F: LaneField>(l: [__m512i; 5]) -> Limbs {
    let r = minus_multiple::<F>(l);
    let below_zero = negative(r[4]);
    if below_zero == 0 { Limbs(r) } else { add_modulus_where::<F>(below_zero, r) }
}

/// Probability 2^-94 for values that nobody chose: out of the way.
#[cold]
#[inline(never)]
fn add_modulus_where<F: LaneField>(mask: u8, r: [__m512i; 5]) -> Limbs {
    let sum = carry(plus_modulus::<F>(r, 1));
    Limbs(registers!(5, i => blend(mask, r[i], sum[i])))
}

/// Montgomery's reduction of ten columns, each below 2^58.
#[inline(always)]
fn montgomery<F: LaneField>(mut t: [__m512i; 10]) -> [__m512i; 5] {
    let inverse = constant(F::INVERSE);
    let [t0, t1, t2, _, top] = registers!(5, i => constant(F::MODULUS[i]));
    for i in 0..5 {
        let mut m = low(zero(), t[i], inverse);
        if i == 4 {
            m = and(m, constant((1 << 48) - 1));
        }
        t[i] = low(t[i], m, t0);
        t[i + 1] = low(high(t[i + 1], m, t0), m, t1);
        t[i + 2] = low(high(t[i + 2], m, t1), m, t2);
        t[i + 3] = high(t[i + 3], m, t2);
        t[i + 4] = low(t[i + 4], m, top);
        t[i + 5] = plus(t[i + 5], right::<{ 52 - TOP_BITS }>(m));
        if i < 4 {
            t[i + 1] = plus(t[i + 1], right::<52>(t[i]));
        }
    }
    let mask = constant(MASK);
    let mut out = [zero(); 5];
    let mut sum = plus(left::<4>(t[5]), right::<48>(t[4]));
    for i in 0..4 {
        out[i] = and(sum, mask);
        sum = plus(left::<4>(t[i + 6]), right::<52>(sum));
    }
    out[4] = sum;
    out
}

#[inline(always)]
fn product(a: Limbs, b: Limbs) -> [__m512i; 10] {
    let (mut lows, mut highs) = ([zero(); 9], [zero(); 9]);
    for i in 0..5 {
        for j in 0..5 {
            lows[i + j] = low(lows[i + j], a.0[i], b.0[j]);
            highs[i + j] = high(highs[i + j], a.0[i], b.0[j]);
        }
    }
    merge(lows, highs)
}

/// Half of the products of a square come twice.
#[inline(always)]
fn square_product(a: Limbs) -> [__m512i; 10] {
    let (mut lows, mut highs) = ([zero(); 9], [zero(); 9]);
    for i in 0..5 {
        for j in i + 1..5 {
            lows[i + j] = low(lows[i + j], a.0[i], a.0[j]);
            highs[i + j] = high(highs[i + j], a.0[i], a.0[j]);
        }
    }
    for k in 0..9 {
        lows[k] = plus(lows[k], lows[k]);
        highs[k] = plus(highs[k], highs[k]);
    }
    for i in 0..5 {
        lows[2 * i] = low(lows[2 * i], a.0[i], a.0[i]);
        highs[2 * i] = high(highs[2 * i], a.0[i], a.0[i]);
    }
    merge(lows, highs)
}

#[inline(always)]
fn merge(lows: [__m512i; 9], highs: [__m512i; 9]) -> [__m512i; 10] {
    registers!(10, k => match k {
        0 => lows[0],
        9 => highs[8],
        _ => plus(lows[k], highs[k - 1]),
    })
}

/// Carries so that all columns but the last are below 2^52.
#[inline(always)]
fn carry_columns<const N: usize>(columns: &mut [__m512i; N]) {
    for i in 0..N - 1 {
        columns[i + 1] = plus(columns[i + 1], right::<52>(columns[i]));
        columns[i] = and(columns[i], constant(MASK));
    }
}

impl<F: LaneField> Lanes<F> for Ifma {
    type Vector = Limbs;
    type Sum = Columns;
    type Integers = __m512i;
    type SmallSum = SmallColumns;
    type Loose = Row;

    #[inline(always)]
    fn load(self, values: &[F; WIDTH]) -> Limbs {
        unpack(transpose([read(&values[0..]), read(&values[2..]), read(&values[4..]), read(&values[6..])]))
    }

    #[inline(always)]
    fn load_pairs(self, values: &[F; 2 * WIDTH]) -> (Limbs, Limbs) {
        let r = registers!(8, i => read(&values[2 * i..]));
        let even = registers!(4, i => low_halves(r[2 * i], r[2 * i + 1]));
        let odd = registers!(4, i => high_halves(r[2 * i], r[2 * i + 1]));
        (unpack(transpose(even)), unpack(transpose(odd)))
    }

    #[inline(always)]
    fn splat(self, value: &F) -> Limbs {
        self.load(&[*value; WIDTH])
    }

    #[inline(always)]
    fn store(self, v: Limbs) -> [F; WIDTH] {
        let registers = untranspose(pack(reduced::<F>(v.0)));
        let mut out = [F::ZERO; WIDTH];
        for (pair, register) in out.as_chunks_mut().0.iter_mut().zip(registers) {
            write(pair, register);
        }
        out
    }

    #[inline(always)]
    fn select(self, mask: u8, yes: Limbs, no: Limbs) -> Limbs {
        Limbs(registers!(5, i => blend(mask, no.0[i], yes.0[i])))
    }

    #[inline(always)]
    fn add(self, a: Limbs, b: Limbs) -> Limbs {
        Limbs(carry(registers!(5, i => plus(a.0[i], b.0[i]))))
    }

    #[inline(always)]
    fn sub<const K: u64>(self, a: Limbs, b: Limbs) -> Limbs {
        let times = if K == 1 { 1 } else { K + 1 };
        Limbs(carry(plus_modulus::<F>(registers!(5, i => minus(a.0[i], b.0[i])), times)))
    }

    #[inline(always)]
    fn mul(self, a: Limbs, b: Limbs) -> Limbs {
        Limbs(montgomery::<F>(product(a, b)))
    }

    #[inline(always)]
    fn square(self, a: Limbs) -> Limbs {
        Limbs(montgomery::<F>(square_product(a)))
    }

    #[inline(always)]
    fn mul_add(self, sum: &mut Columns, a: Limbs, b: Limbs) {
        let t = &mut sum.columns;
        for i in 0..5 {
            for j in 0..5 {
                t[i + j] = low(t[i + j], a.0[i], b.0[j]);
                t[i + j + 1] = high(t[i + j + 1], a.0[i], b.0[j]);
            }
        }
        sum.terms += 1;
        if sum.terms == CARRY_AFTER {
            carry_columns(t);
            sum.terms = 0;
        }
    }

    #[inline(always)]
    fn reduce(self, mut sum: Columns) -> Limbs {
        carry_columns(&mut sum.columns);
        // Many terms leave a long top limb: the multiple of the modulus that it holds goes first.
        let r = minus_multiple::<F>(montgomery::<F>(sum.columns));
        Limbs(carry(plus_modulus::<F>(r, 1)))
    }

    #[inline(always)]
    fn integers(self, values: [u64; WIDTH]) -> __m512i {
        words(&values)
    }

    #[inline(always)]
    fn small_add(self, sum: &mut SmallColumns, f: Limbs, n: __m512i) {
        let t = &mut sum.columns;
        for i in 0..5 {
            t[i] = low(t[i], f.0[i], n);
            t[i + 1] = high(t[i + 1], f.0[i], n);
        }
        sum.terms += 1;
        if sum.terms == SMALL_CARRY_AFTER {
            carry_columns(t);
            sum.terms = 0;
        }
    }

    #[inline(always)]
    fn small_reduce(self, mut sum: SmallColumns) -> Limbs {
        carry_columns(&mut sum.columns);
        // 2^260 = 64 (p - t): what lies above 260 bits, two limbs, goes away with that multiple of -t.
        let [mut l0, mut l1, mut l2, mut l3, l4, top] = sum.columns;
        let (h0, h1) = (and(top, constant(MASK)), right::<52>(top));
        let [t0, t1, t2] = registers!(3, i => constant(shifted_tail::<F>(i)));
        l0 = minus(l0, low(zero(), h0, t0));
        l1 = minus(l1, low(low(high(zero(), h0, t0), h0, t1), h1, t0));
        l2 = minus(l2, low(high(low(high(zero(), h0, t1), h0, t2), h1, t0), h1, t1));
        l3 = minus(l3, low(high(high(zero(), h0, t2), h1, t1), h1, t2));
        let positive = carry(plus_modulus::<F>([l0, l1, l2, l3, minus(l4, high(zero(), h1, t2))], 1));
        Limbs(carry(plus_modulus::<F>(minus_multiple::<F>(positive), 1)))
    }

    #[inline(always)]
    fn loose(self, value: &F) -> Row {
        <Self as Lanes<F>>::spread(self, Lanes::<F>::splat(self, value))[0]
    }

    #[inline(always)]
    fn spread(self, v: Limbs) -> [Row; WIDTH] {
        let [l0, l1, l2, l3, l4] = v.0;
        let rows = transpose_8([l0, l1, l2, l3, l4, zero(), zero(), zero()]);
        let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
        [Row(r0), Row(r1), Row(r2), Row(r3), Row(r4), Row(r5), Row(r6), Row(r7)]
    }

    #[inline(always)]
    fn add_loose(self, sum: &mut Row, x: &Row) {
        sum.0 = plus(sum.0, x.0);
    }

    #[inline(always)]
    fn gather(self, sums: &[Row; WIDTH]) -> Limbs {
        let [l0, l1, l2, l3, l4, ..] = transpose_8(registers!(8, i => sums[i].0));
        let r = minus_multiple::<F>(carry([l0, l1, l2, l3, l4]));
        Limbs(carry(plus_modulus::<F>(r, 1)))
    }

    #[inline(always)]
    fn gather_few<const N: u64>(self, sums: &[Row; WIDTH]) -> Limbs {
        let [l0, l1, l2, l3, l4, ..] = transpose_8(registers!(8, i => sums[i].0));
        Limbs(carry([l0, l1, l2, l3, l4]))
    }
}

/// Limb i of 64 t, where the modulus is 2^254 + t and t has three limbs, the highest of 22 bits.
#[inline(always)]
const fn shifted_tail<F: LaneField>(i: usize) -> u64 {
    let below = if i == 0 { 0 } else { F::MODULUS[i - 1] >> (LIMB - 6) };
    (F::MODULUS[i] << 6 & MASK) | below
}

impl PointLanes for Ifma {
    #[inline(always)]
    fn load_points(self, points: [&Xy; WIDTH]) -> (Limbs, Limbs) {
        let r = registers!(8, i => read_point(points[i]));
        let x = registers!(4, i => low_halves(r[2 * i], r[2 * i + 1]));
        let y = registers!(4, i => high_halves(r[2 * i], r[2 * i + 1]));
        (unpack(transpose(x)), unpack(transpose(y)))
    }

    #[inline(always)]
    fn load_x(self, points: [&Xy; WIDTH]) -> Limbs {
        let r = registers!(8, i => read_point(points[i]));
        unpack(transpose(registers!(4, i => low_halves(r[2 * i], r[2 * i + 1]))))
    }

    #[inline(always)]
    fn store_points(self, mask: u8, x: Limbs, y: Limbs, points: &mut [Xy]) {
        let x = untranspose(pack(reduced::<Base>(x.0)));
        let y = untranspose(pack(reduced::<Base>(y.0)));
        for (i, point) in points.iter_mut().enumerate().take(WIDTH) {
            if mask >> i & 1 == 1 {
                let register =
                    if i % 2 == 0 { low_halves(x[i / 2], y[i / 2]) } else { high_halves(x[i / 2], y[i / 2]) };
                write_point(point, register);
            }
        }
    }

    #[inline(always)]
    fn scratch(self, scratch: &mut Scratch) -> &mut Vec<Limbs> {
        &mut scratch.ifma
    }
}
