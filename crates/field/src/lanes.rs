//! Eight field elements side by side: the arithmetic of all hot loops, written once and run on what the machine has.
//!
//! A kernel is a piece of straight code over the trait [`Lanes`]. [`run`] gives it the fastest implementation that this
//! machine can execute:
//!
//! | implementation | needs | a multiplication, ns an element |
//! |---|---|---|
//! | [`ifma`] | AVX-512 F, IFMA, VBMI2 | about 4 (Zen 4) |
//! | [`portable`] | nothing | 13: the library's own, eight times |
//!
//! Both compute the same function; [`audit`] is the portable one with the bounds below asserted, for tests of kernels.
//!
//! **Bounds.** A [`Lanes::Vector`] is not reduced: it stands for eight residues, each given by some representative below a
//! small multiple of the modulus p. Multiplications keep these multiples small by themselves, so that no operation but
//! [`Lanes::store`] ever has to compare. Writing A for "below A p":
//!
//! | operation | result | demands |
//! |---|---|---|
//! | `load`, `splat` | 1 | |
//! | `add(A, B)` | A + B | A + B <= 60 |
//! | `sub::<1>(A, B)`, `a - b + p` | A + 1 | b loaded, A + 1 <= 60 |
//! | `sub::<K>(A, B)`, `a - b + (K + 1) p` | A + K + 1 | B <= K, A + K + 1 <= 60 |
//! | `mul(A, B)` | A B / 4 + 1 | A B <= 236 |
//! | `reduce` | 2 | the sum of A B over all terms is at most 2^19 |
//! | `gather_few::<N>` | N | the bounds of what was added are N together |
//! | `gather` | 2 | at most [`LOOSE_ADDITIONS`] additions of bound 60 |
//! | `small_reduce` | 2 | at most 2^16 terms, integers below 2^52 |
//!
//! The division by 4 is Montgomery's: 2^256 is four times the modulus 2^254 + t, t below 2^126, up to a factor of 1 + 2^-128, for
//! which `sub` with K > 1 and the gap between 60 and 64 leave room.

pub mod audit;
#[cfg(target_arch = "x86_64")]
pub mod ifma;
pub mod portable;

use crate::batch::Xy;
use crate::group::Base;
use crate::scalar::Scalar;
use pasta_curves::group::ff::Field;
use std::sync::OnceLock;

/// Elements of a vector.
pub const WIDTH: usize = 8;

/// How many residues may be added to a [`Lanes::Loose`] that was gathered and spread again, or is new.
pub const LOOSE_ADDITIONS: usize = 2000;

/// A field of the curve: the scalars or the coordinates.
pub trait LaneField: Field + Copy + Send + Sync + sealed::Sealed {
    /// The modulus, lowest limb first, 52 bits a limb.
    const MODULUS: [u64; 5];
    /// `-1 / modulus` modulo 2^52.
    const INVERSE: u64;
    /// An integer as a residue.
    fn from_i64(n: i64) -> Self;
    /// A sum of products that is reduced once.
    type Sum: Copy + Default + Send + Sync;
    /// Adds `a b`.
    fn mul_add(sum: &mut Self::Sum, a: &Self, b: &Self);
    /// The sum so far.
    fn reduce(sum: Self::Sum) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Base {}
    impl Sealed for super::Scalar {}
}

macro_rules! lane_field {
    ($field:ty, $modulus:expr, $inverse:expr) => {
        impl LaneField for $field {
            const MODULUS: [u64; 5] = $modulus;
            const INVERSE: u64 = $inverse;
            type Sum = pasta_curves::deferred::Product<Self>;

            fn from_i64(n: i64) -> Self {
                let magnitude = Self::from(n.unsigned_abs());
                if n < 0 { -magnitude } else { magnitude }
            }

            #[inline]
            fn mul_add(sum: &mut Self::Sum, a: &Self, b: &Self) {
                pasta_curves::deferred::DeferredField::mul_accumulate(sum, a, b);
            }

            #[inline]
            fn reduce(sum: Self::Sum) -> Self {
                pasta_curves::deferred::DeferredField::reduce(sum)
            }
        }
    };
}

lane_field!(Base, [0xd_30ed_0000_0001, 0xf_c094_cf91_b992, 0x22_4698, 0, 0x4000_0000_0000], 0xd_30ec_ffff_ffff);
lane_field!(Scalar, [0x6_eb21_0000_0001, 0xf_c099_4a8d_d8c4, 0x22_4698, 0, 0x4000_0000_0000], 0x6_eb20_ffff_ffff);

/// Arithmetic on eight residues at a time. See the module for bounds.
///
/// Everything is inlined into the kernel; none of it allocates, and none of it branches on values except in cases of
/// negligible probability.
pub trait Lanes<F: LaneField>: Copy + Send + Sync {
    /// Eight residues.
    type Vector: Copy + Send + Sync;
    /// Eight sums of unreduced products.
    type Sum: Copy + Default + Send + Sync;
    /// Eight non-negative integers below 2^52.
    type Integers: Copy + Send + Sync;
    /// Eight sums of integers times residues.
    type SmallSum: Copy + Default + Send + Sync;
    /// One residue, kept so that adding another is a single instruction: entries of tables that are looked up and summed,
    /// bins of histograms.
    type Loose: Copy + Default + Send + Sync;

    /// Eight elements.
    fn load(self, values: &[F; WIDTH]) -> Self::Vector;
    /// The even and the odd ones of sixteen elements.
    fn load_pairs(self, values: &[F; 2 * WIDTH]) -> (Self::Vector, Self::Vector);
    /// The same element in all lanes.
    fn splat(self, value: &F) -> Self::Vector;
    /// The elements, reduced.
    fn store(self, v: Self::Vector) -> [F; WIDTH];
    /// Lane i of `yes` where bit i of `mask` is set, else of `no`.
    fn select(self, mask: u8, yes: Self::Vector, no: Self::Vector) -> Self::Vector;
    /// `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a - b`; K bounds b and is 1 only if b was loaded.
    fn sub<const K: u64>(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a b`.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a^2`.
    fn square(self, a: Self::Vector) -> Self::Vector;
    /// Adds `a b` to the sums.
    fn mul_add(self, sum: &mut Self::Sum, a: Self::Vector, b: Self::Vector);
    /// The sums so far.
    fn reduce(self, sum: Self::Sum) -> Self::Vector;
    /// Integers below 2^52.
    fn integers(self, values: [u64; WIDTH]) -> Self::Integers;
    /// Adds `n f` to the sums, at most 2^16 terms; `f` must be loaded, not computed.
    fn small_add(self, sum: &mut Self::SmallSum, f: Self::Vector, n: Self::Integers);
    /// The sums so far.
    fn small_reduce(self, sum: Self::SmallSum) -> Self::Vector;

    /// One element.
    fn loose(self, value: &F) -> Self::Loose;
    /// The eight residues of a vector, one by one.
    fn spread(self, v: Self::Vector) -> [Self::Loose; WIDTH];
    /// Adds; at most [`LOOSE_ADDITIONS`] times before the sum is gathered.
    fn add_loose(self, sum: &mut Self::Loose, x: &Self::Loose);
    /// Eight sums as a vector.
    fn gather(self, sums: &[Self::Loose; WIDTH]) -> Self::Vector;
    /// Eight sums of bound N in all, at most 60: cheaper, and the bound stays.
    fn gather_few<const N: u64>(self, sums: &[Self::Loose; WIDTH]) -> Self::Vector;

    /// The sum of all lanes.
    #[inline(always)]
    fn total(self, v: Self::Vector) -> F {
        self.store(v).iter().fold(F::ZERO, |sum, x| sum + x)
    }
}

/// Lanes of coordinates, read from and written to points.
pub trait PointLanes: Lanes<Base> {
    /// The coordinates of eight points.
    fn load_points(self, points: [&Xy; WIDTH]) -> (Self::Vector, Self::Vector);
    /// The x-coordinates of eight points.
    fn load_x(self, points: [&Xy; WIDTH]) -> Self::Vector;
    /// Writes lane i to point i where bit i of the mask is set.
    fn store_points(self, mask: u8, x: Self::Vector, y: Self::Vector, points: &mut [Xy]);
    /// Memory for vectors that a kernel keeps between its passes.
    fn scratch(self, scratch: &mut Scratch) -> &mut Vec<Self::Vector>;
}

/// Reusable memory of [`PointLanes::scratch`]: one vector of each implementation's type.
#[derive(Default)]
pub struct Scratch {
    portable: Vec<[Base; WIDTH]>,
    audit: Vec<audit::Bounded<Base>>,
    #[cfg(target_arch = "x86_64")]
    ifma: Vec<ifma::Limbs>,
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scratch")
    }
}

/// A piece of code over lanes of scalars. Mark `run` `#[inline(always)]`, and use loops rather than closures inside.
pub trait Kernel {
    /// What it computes.
    type Output;
    /// Computes it.
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> Self::Output;
}

/// A piece of code over points.
pub trait PointKernel {
    /// What it computes.
    type Output;
    /// Computes it.
    fn run<L: PointLanes>(self, lanes: L) -> Self::Output;
}

/// Runs a kernel on the best lanes of this machine.
#[inline]
pub fn run<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(lanes) = ifma() {
        return lanes.run_scalars(kernel);
    }
    kernel.run(portable::Portable)
}

/// Runs a kernel over points on the best lanes of this machine.
#[inline]
pub fn run_points<K: PointKernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(lanes) = ifma() {
        return lanes.run_points(kernel);
    }
    kernel.run(portable::Portable)
}

#[cfg(target_arch = "x86_64")]
fn ifma() -> Option<ifma::Ifma> {
    static CHOICE: OnceLock<Option<ifma::Ifma>> = OnceLock::new();
    *CHOICE.get_or_init(|| if forced_portable() { None } else { ifma::Ifma::detect() })
}

/// `ZKDL_LANES=portable` keeps to the portable lanes: for measurements and for tests of the other path.
fn forced_portable() -> bool {
    std::env::var_os("ZKDL_LANES").is_some_and(|choice| choice == "portable")
}

/// Name of the lanes that [`run`] chooses.
#[must_use]
pub fn name() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if ifma().is_some() {
        return "avx512ifma";
    }
    "portable"
}

#[cfg(test)]
mod tests {
    use super::*;
    use pasta_curves::group::ff::PrimeField;

    /// Small, large and random residues.
    fn samples<F: LaneField + PrimeField>(n: usize) -> Vec<F> {
        let mut x = F::from_i64(3);
        let special =
            [F::ZERO, F::ONE, -F::ONE, F::from_i64(2).invert().unwrap(), F::from_i64(1 << 62), -F::from_i64(2)];
        let random = (0..n).map(|_| {
            x = x.square() + F::from_i64(5);
            x
        });
        special.into_iter().chain(random).take(n).collect()
    }

    fn check_arithmetic<F: LaneField + PrimeField, L: Lanes<F>>(lanes: L) {
        let (a, b) = (samples::<F>(64), samples::<F>(71));
        for (a, b) in a.as_chunks::<8>().0.iter().zip(b[7..].as_chunks::<8>().0) {
            let (x, y) = (lanes.load(a), lanes.load(b));
            let plain = |f: fn(F, F) -> F| -> [F; 8] { std::array::from_fn(|i| f(a[i], b[i])) };
            assert_eq!(lanes.store(x), *a);
            assert_eq!(lanes.store(lanes.mul(x, y)), plain(|a, b| a * b));
            assert_eq!(lanes.store(lanes.square(x)), plain(|a, _| a * a));
            assert_eq!(lanes.store(lanes.add(x, y)), plain(|a, b| a + b));
            assert_eq!(lanes.store(lanes.sub::<1>(x, y)), plain(|a, b| a - b));
            let (difference, sum) = (lanes.sub::<1>(x, y), lanes.add(x, y));
            let product = lanes.mul(difference, sum);
            assert_eq!(lanes.store(product), plain(|a, b| (a - b) * (a + b)));
            let chain = lanes.sub::<2>(lanes.mul(product, y), product);
            assert_eq!(lanes.store(chain), plain(|a, b| (a - b) * (a + b) * (b - F::ONE)));
            assert_eq!(lanes.store(lanes.select(0b1010_0001, x, y))[..6], [a[0], b[1], b[2], b[3], b[4], a[5]]);
            assert_eq!(lanes.total(x), a.iter().sum());
            assert_eq!(lanes.store(lanes.splat(&a[3])), [a[3]; 8]);
            let both: [F; 16] = std::array::from_fn(|i| if i % 2 == 0 { a[i / 2] } else { b[i / 2] });
            let (even, odd) = lanes.load_pairs(&both);
            assert_eq!((lanes.store(even), lanes.store(odd)), (*a, *b));
        }
    }

    fn check_sums<F: LaneField + PrimeField, L: Lanes<F>>(lanes: L) {
        for terms in [0, 1, 5, 255, 256, 257, 5000, 1 << 14] {
            let values = samples::<F>(terms + 16);
            let mut sum = L::Sum::default();
            let mut small = L::SmallSum::default();
            let mut plain = ([F::ZERO; 8], [F::ZERO; 8]);
            for k in 0..terms {
                let (a, b) = (values[k..k + 8].try_into().unwrap(), values[k + 5..k + 13].try_into().unwrap());
                let (x, y) = (lanes.load(a), lanes.load(b));
                lanes.mul_add(&mut sum, lanes.sub::<1>(x, y), lanes.add(x, y));
                let n: [u64; 8] = std::array::from_fn(|i| ((1 << 52) - 1) >> (k * i % 52));
                lanes.small_add(&mut small, x, lanes.integers(n));
                for i in 0..8 {
                    plain.0[i] += a[i].square() - b[i].square();
                    plain.1[i] += a[i] * F::from_i64(n[i] as i64);
                }
            }
            assert_eq!(lanes.store(lanes.reduce(sum)), plain.0, "{terms} terms");
            assert_eq!(lanes.store(lanes.small_reduce(small)), plain.1, "{terms} terms");
        }
    }

    fn check_loose<F: LaneField + PrimeField, L: Lanes<F>>(lanes: L) {
        let values = samples::<F>(64);
        let mut sums = [L::Loose::default(); 8];
        let mut plain = [F::ZERO; 8];
        for k in 0..LOOSE_ADDITIONS / 2 {
            let chunk: &[F; 8] = values[k % 50..k % 50 + 8].try_into().unwrap();
            let x = lanes.load(chunk);
            for (sum, loose) in sums.iter_mut().zip(lanes.spread(lanes.sub::<58>(x, lanes.add(x, x)))) {
                lanes.add_loose(sum, &loose);
            }
            for i in 0..8 {
                plain[i] -= chunk[i];
            }
            lanes.add_loose(&mut sums[k % 8], &lanes.loose(&values[k % 64]));
            plain[k % 8] += values[k % 64];
        }
        let gathered = lanes.gather(&sums);
        assert_eq!(lanes.store(gathered), plain);
        assert_eq!(lanes.store(lanes.gather(&lanes.spread(gathered))), plain);
        assert_eq!(lanes.store(lanes.gather(&[L::Loose::default(); 8])), [F::ZERO; 8]);
        let mut few = [L::Loose::default(); 8];
        for (sum, x) in few.iter_mut().zip(&values) {
            for y in &values[..60] {
                lanes.add_loose(sum, &lanes.loose(&(*x * y)));
            }
        }
        let total: F = values[..60].iter().sum();
        let expected: [F; 8] = std::array::from_fn(|i| values[i] * total);
        assert_eq!(lanes.store(lanes.gather_few::<60>(&few)), expected);
    }

    /// The widest factors and sums that the bounds allow, of the largest elements.
    fn check_extremes<F: LaneField + PrimeField, L: Lanes<F>>(lanes: L) {
        let largest = lanes.splat(&-F::ONE);
        let mut wide = largest;
        for _ in 0..14 {
            wide = lanes.add(wide, largest);
        }
        let fifteen = -F::from_i64(15);
        assert_eq!(lanes.store(lanes.mul(wide, wide)), [fifteen.square(); 8]);
        assert_eq!(lanes.store(lanes.square(wide)), [fifteen.square(); 8]);
        let difference = lanes.sub::<15>(lanes.add(wide, wide), wide);
        assert_eq!(lanes.store(difference), [fifteen; 8]);
        let zero = lanes.sub::<1>(largest, largest);
        assert_eq!(lanes.store(zero), [F::ZERO; 8]);
        assert_eq!(lanes.store(lanes.mul(zero, wide)), [F::ZERO; 8]);
        let mut sum = L::Sum::default();
        for _ in 0..(1 << 19) / 225 {
            lanes.mul_add(&mut sum, wide, wide);
        }
        let terms = F::from_i64((1 << 19) / 225);
        assert_eq!(lanes.store(lanes.reduce(sum)), [fifteen.square() * terms; 8]);
        let mut small = L::SmallSum::default();
        for _ in 0..1 << 16 {
            lanes.small_add(&mut small, largest, lanes.integers([(1 << 52) - 1; 8]));
        }
        let n = F::from_i64((1 << 52) - 1) * F::from_i64(1 << 16);
        assert_eq!(lanes.store(lanes.small_reduce(small)), [-n; 8]);
    }

    fn check_all<L: Lanes<Scalar> + Lanes<Base>>(lanes: L) {
        check_arithmetic::<Scalar, _>(lanes);
        check_arithmetic::<Base, _>(lanes);
        check_sums::<Scalar, _>(lanes);
        check_loose::<Scalar, _>(lanes);
        check_loose::<Base, _>(lanes);
        check_sums::<Base, _>(lanes);
        check_extremes::<Scalar, _>(lanes);
        check_extremes::<Base, _>(lanes);
    }

    #[test]
    fn portable_lanes_are_the_field() {
        check_all(portable::Portable);
        check_all(audit::Audit);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn ifma_lanes_are_the_field() {
        if let Some(lanes) = ifma::Ifma::detect() {
            check_all(lanes);
        }
    }

    #[test]
    #[should_panic(expected = "multiplying vectors of bounds")]
    fn the_audit_sees_a_product_that_may_overflow() {
        let mut x = Lanes::<Scalar>::splat(audit::Audit, &Scalar::ONE);
        for _ in 0..4 {
            x = Lanes::<Scalar>::add(audit::Audit, x, x);
        }
        let _ = Lanes::<Scalar>::mul(audit::Audit, x, x);
    }

    #[test]
    #[should_panic(expected = "subtracting a vector of bound 2")]
    fn the_audit_sees_a_difference_that_may_be_negative() {
        let x = Lanes::<Scalar>::splat(audit::Audit, &Scalar::ONE);
        let _ = Lanes::<Scalar>::sub::<1>(audit::Audit, x, Lanes::<Scalar>::add(audit::Audit, x, x));
    }
}
