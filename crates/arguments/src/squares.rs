//! Squares: the weighted sum of the squared lengths of all data points.
//!
//! Relation: `v = sum_{i<N} eq(tau,i) sum_{j<d} x_ij^2`, with v hidden and x the features in the committed rows, zero beyond
//! their end. By linearity this is everything that near-duplicate queries need to know of the lengths: see
//! [`near`](crate::near).
//!
//! ```text
//! P: Com v
//!    sumcheck over j (degree 2), then i (degree 3), the lowest variables first
//! P: Com y,  y = x~(r_i, r_j)
//!    left over: the product  y eq(tau,r_i) * y = last claim,  and the claim y about data rows
//! ```
//!
//! The first three rounds work on integers: with `g_i[a][b] = sum_m x_i(8m+a) x_i(8m+b)`, at most 2^59, the quadratic form
//! `sum_i eq(tau,i) g_i` of eight variables is all that they ask for, and binding a variable halves it. Only then are there
//! tables of scalars, one for every eight features.
//!
//! Cost an entry: 4.5 integer products, one small multiply-add, and for every eight entries about 4 multiplications.

use rayon::prelude::*;
use zeroize::Zeroizing;
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_commit::sigma::Product;
use zkdl_field::lanes::{self, Kernel, Lanes, WIDTH};
use zkdl_field::multilinear::{eq, eq_table, fold_row, log2_ceil, sixteen};
use zkdl_field::scalar::{ProductSum, SmallDot, SmallSum, pow2};
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck::{self as sumcheck, RoundPolynomial, SumOfProducts, SumProver, Term};
use zkdl_transcript::ReadError;

/// What is left of the argument.
#[derive(Debug, Clone)]
pub struct Squares<H> {
    /// v.
    pub value: H,
    /// r_i and r_j.
    pub point: [Vec<Scalar>; 2],
    /// y, the features at that point.
    pub features: H,
    /// That y squared is the last claim.
    pub product: Product<H>,
}

/// Degrees of the rounds.
fn degrees(points: usize, width: usize) -> Vec<usize> {
    [vec![2; log2_ceil(width)], vec![3; log2_ceil(points)]].concat()
}

/// Names of a point's halves, and the product that ends the argument.
fn end<H: Hidden>(tau: &[Scalar], value: H, mut point: Vec<Scalar>, last: H, y: H) -> Squares<H> {
    let columns = point.split_off(tau.len());
    let product = Product { name: "squares", x: y.clone() * eq(tau, &point), y: y.clone(), z: last };
    Squares { value, point: [point, columns], features: y, product }
}

/// Proves the relation of `features`, row-major, `width` a point.
#[expect(clippy::arithmetic_side_effects, reason = "prover only: it has features")]
pub fn prove<P: ProverChannel>(channel: &mut P, features: &[i32], width: usize, tau: &[Scalar]) -> Squares<Opening> {
    let mut sum = SquareSum::new(features, width, tau);
    let value = channel.hide("squares.v", sum.total());
    let degrees = degrees(features.len() / width, width);
    let (last, point) = sumcheck::prove(channel, "squares.round", value.clone(), &degrees, &mut sum);
    let y = channel.hide("squares.x", sum.last());
    end(tau, value, point, last, y)
}

/// The verifier's side of [`prove`], for `points` points of `width` features.
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify<V: VerifierChannel>(
    channel: &mut V,
    points: usize,
    width: usize,
    tau: &[Scalar],
) -> Result<Squares<V::Value>, ReadError> {
    let value = channel.receive("squares.v")?;
    let (last, point) = sumcheck::verify(channel, "squares.round", value.clone(), &degrees(points, width))?;
    let y = channel.receive("squares.x")?;
    Ok(end(tau, value, point, last, y))
}

/// Features whose products are summed as integers.
const GROUP: usize = 8;
/// Points that are one unit of work for a thread.
const ROWS: usize = 256;

/// A quadratic form on the next variables: row by row, a power of two of them.
type Form = Vec<Vec<Scalar>>;

/// The prover's state.
struct SquareSum<'a> {
    features: &'a [i32],
    width: usize,
    /// `eq(tau, i)` on the whole cube: the last point shares its round with an index beyond it.
    weights: Vec<Scalar>,
    rounds: Rounds,
}

/// What the next round is computed from.
enum Rounds {
    /// Integers, and what an entry of a group is worth once the variables so far are bound.
    Form { form: Form, worth: Vec<Scalar> },
    /// A scalar for every group of features, `columns` a point.
    Columns { values: Zeroizing<Vec<Scalar>>, columns: usize },
    /// One scalar a point.
    Points(SumOfProducts),
}

impl<'a> SquareSum<'a> {
    fn new(features: &'a [i32], width: usize, tau: &[Scalar]) -> Self {
        let weights = eq_table(tau);
        let group = width.next_power_of_two().min(GROUP);
        let form = form(features, width, group, &weights);
        let sum = Self { features, width, weights, rounds: Rounds::Form { form, worth: vec![Scalar::ONE] } };
        sum.settled()
    }

    /// v: the trace of the form, before anything is bound.
    #[expect(clippy::indexing_slicing, reason = "prover only: forms are square")]
    fn total(&self) -> Scalar {
        match &self.rounds {
            Rounds::Form { form, .. } => form.iter().enumerate().map(|(a, row)| row[a]).sum(),
            Rounds::Columns { values, .. } => weighted(values, 1, &self.weights).constant,
            Rounds::Points(sum) => sum.total(),
        }
    }

    /// y, when all is bound.
    fn last(&self) -> Scalar {
        if let Rounds::Points(sum) = &self.rounds { sum.value(1) } else { Scalar::ZERO }
    }

    /// Goes on to the next kind of rounds when the variables of this one are all bound.
    fn settled(mut self) -> Self {
        self.settle();
        self
    }

    fn settle(&mut self) {
        if let Rounds::Form { form, worth } = &self.rounds
            && form.len() == 1
        {
            let values = groups(self.features, self.width, worth);
            let columns = self.width.div_ceil(worth.len());
            self.rounds = Rounds::Columns { values: Zeroizing::new(values), columns };
        }
        if let Rounds::Columns { values, columns: 1 } = &mut self.rounds {
            let tables = vec![std::mem::take(&mut self.weights), std::mem::take(&mut **values)];
            let squares = Term { coefficient: Scalar::ONE, factors: vec![0, 1, 1] };
            self.rounds = Rounds::Points(SumOfProducts::new(tables, vec![squares]));
        }
    }
}

impl SumProver for SquareSum<'_> {
    fn round(&self) -> RoundPolynomial {
        match &self.rounds {
            Rounds::Form { form, .. } => form_round(form),
            Rounds::Columns { values, columns } => weighted(values, *columns, &self.weights),
            Rounds::Points(sum) => sum.round(),
        }
    }

    fn bind(&mut self, r: &Scalar) {
        match &mut self.rounds {
            Rounds::Form { form, worth } => {
                *form = bind_form(form, r);
                let low = worth.iter().map(|w| w * (Scalar::ONE - r));
                *worth = low.chain(worth.iter().map(|w| w * r)).collect();
            }
            Rounds::Columns { values, columns } => {
                *values = Zeroizing::new(fold_rows(values, *columns, r));
                *columns = columns.div_ceil(2);
            }
            Rounds::Points(sum) => sum.bind(r),
        }
        self.settle();
    }
}

/// `sum_i weight_i sum_m x_i(gm+a) x_i(gm+b)` for groups of g features.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "prover only: a square form, and rows of its features"
)]
fn form(features: &[i32], width: usize, group: usize, weights: &[Scalar]) -> Form {
    let weights = SmallDot::new(weights);
    let block = |first: usize| {
        let mut sums = vec![SmallSum::default(); group * group];
        let rows = features[first * width..].chunks_exact(width).take(ROWS);
        for (i, row) in rows.enumerate() {
            let products = products(row, group);
            for a in 0..group {
                for b in a..group {
                    weights.accumulate(&mut sums[a * group + b], first + i, products[a][b]);
                }
            }
        }
        sums.into_iter().map(SmallSum::reduce).collect::<Vec<_>>()
    };
    let starts: Vec<usize> = (0..features.len() / width).step_by(ROWS).collect();
    let add = |a: Vec<Scalar>, b: Vec<Scalar>| a.iter().zip(&b).map(|(a, b)| a + b).collect();
    let upper = starts.into_par_iter().map(block).reduce(|| vec![Scalar::ZERO; group * group], add);
    (0..group).map(|a| (0..group).map(|b| upper[a.min(b) * group + a.max(b)]).collect()).collect()
}

/// `sum_m x(gm+a) x(gm+b)` for a <= b; below 2^59 for features below 2^20 and at most 2^20 of them.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "prover only: groups of at most 8 features, products below 2^59"
)]
fn products(row: &[i32], group: usize) -> [[i64; GROUP]; GROUP] {
    let mut sums = [[0; GROUP]; GROUP];
    for chunk in row.chunks(group) {
        let mut x = [0i64; GROUP];
        for (x, value) in x.iter_mut().zip(chunk) {
            *x = i64::from(*value);
        }
        for a in 0..GROUP {
            for b in a..GROUP {
                sums[a][b] += x[a] * x[b];
            }
        }
    }
    sums
}

/// At X a group is `(1-X) even + X odd`: constant term and square.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "prover only: forms are square, of an even size"
)]
fn form_round(form: &Form) -> RoundPolynomial {
    let (mut constant, mut square) = (Scalar::ZERO, Scalar::ZERO);
    for p in (0..form.len()).step_by(2) {
        constant += form[p][p];
        square += form[p][p] - form[p][p + 1].double() + form[p + 1][p + 1];
    }
    RoundPolynomial { constant, higher: vec![square] }
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "prover only: forms are square, of an even size"
)]
fn bind_form(form: &Form, r: &Scalar) -> Form {
    let l = Scalar::ONE - r;
    let half = 0..form.len() / 2;
    let along = |row: &[Scalar], q: usize| l * row[2 * q] + r * row[2 * q + 1];
    let entry = |p: usize, q: usize| l * along(&form[2 * p], q) + r * along(&form[2 * p + 1], q);
    half.clone().map(|p| half.clone().map(|q| entry(p, q)).collect()).collect()
}

/// `sum_a worth_a x_i(gm+a)` for every point and group.
fn groups(features: &[i32], width: usize, worth: &[Scalar]) -> Vec<Scalar> {
    let rows = features.par_chunks_exact(width).with_min_len(16);
    rows.flat_map_iter(|row| lanes::run(Groups { row, worth })).collect()
}

/// The groups of one point.
struct Groups<'k> {
    row: &'k [i32],
    worth: &'k [Scalar],
}

/// Integers are added as `x + 2^31`.
const SIGN: u32 = 1 << 31;

impl Kernel for Groups<'_> {
    type Output = Vec<Scalar>;

    #[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "prover only: features that it holds")]
    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> Vec<Scalar> {
        let size = self.worth.len();
        let groups = self.row.len().div_ceil(size);
        let mut offset = Scalar::ZERO;
        for w in self.worth {
            offset += w * pow2(31);
        }
        let offset = lanes.splat(&offset);
        let mut out = Vec::with_capacity(groups);
        for first in (0..groups).step_by(WIDTH) {
            let mut sum = L::SmallSum::default();
            for (a, w) in self.worth.iter().enumerate() {
                let mut integers = [u64::from(SIGN); WIDTH];
                for (k, n) in integers.iter_mut().enumerate() {
                    if let Some(x) = self.row.get((first + k) * size + a) {
                        *n = u64::from(x.cast_unsigned() ^ SIGN);
                    }
                }
                lanes.small_add(&mut sum, lanes.splat(w), lanes.integers(integers));
            }
            let octet = lanes.store(lanes.sub::<1>(lanes.small_reduce(sum), offset));
            out.extend_from_slice(&octet[..WIDTH.min(groups - first)]);
        }
        out
    }
}

/// The round polynomial of `sum_i weight_i sum_m f_i(m)^2` in the lowest variable of m.
#[expect(clippy::arithmetic_side_effects, reason = "prover only: rows that it holds")]
fn weighted(values: &[Scalar], columns: usize, weights: &[Scalar]) -> RoundPolynomial {
    let blocks = values.par_chunks(ROWS * columns).zip(weights.par_chunks(ROWS));
    let sums = blocks.map(|(rows, weights)| {
        let mut sums = [ProductSum::default(); 2];
        for (row, weight) in rows.chunks_exact(columns).zip(weights) {
            let [constant, square] = lanes::run(RowSquares { row });
            sums[0].add(&constant, weight);
            sums[1].add(&square, weight);
        }
        sums.map(ProductSum::reduce)
    });
    let [constant, square] = sums.reduce(|| [Scalar::ZERO; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    RoundPolynomial { constant, higher: vec![square] }
}

/// `sum_m f(2m)^2` and `sum_m (f(2m+1) - f(2m))^2`.
struct RowSquares<'k> {
    row: &'k [Scalar],
}

impl Kernel for RowSquares<'_> {
    type Output = [Scalar; 2];

    #[expect(clippy::indexing_slicing, reason = "prover only: ranges end with the row")]
    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> [Scalar; 2] {
        let mut sums = [L::Sum::default(); 2];
        for first in (0..self.row.len()).step_by(2 * WIDTH) {
            let (low, high) = lanes.load_pairs(&sixteen(&self.row[first..]));
            let slope = lanes.sub::<1>(high, low);
            lanes.mul_add(&mut sums[0], low, low);
            lanes.mul_add(&mut sums[1], slope, slope);
        }
        [lanes.total(lanes.reduce(sums[0])), lanes.total(lanes.reduce(sums[1]))]
    }
}

/// Binds the lowest variable of every row.
fn fold_rows(values: &[Scalar], columns: usize, r: &Scalar) -> Vec<Scalar> {
    let fold = |row: &[Scalar]| {
        let mut row = Zeroizing::new(row.to_vec());
        lanes::run(FoldRow { row: &mut row, r });
        row.iter().take(columns.div_ceil(2)).copied().collect::<Vec<_>>()
    };
    values.par_chunks_exact(columns).with_min_len(64).flat_map_iter(fold).collect()
}

struct FoldRow<'k> {
    row: &'k mut [Scalar],
    r: &'k Scalar,
}

impl Kernel for FoldRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) {
        fold_row(lanes, self.row, lanes.splat(self.r));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkdl_field::lanes::audit::Audit;
    use zkdl_field::multilinear::evaluate;
    use zkdl_field::scalar::{from_i64, random};

    fn scalars(n: usize) -> Vec<Scalar> {
        (0..n).map(|_| random().unwrap()).collect()
    }

    fn integers(n: usize) -> Vec<i32> {
        (0..n as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 43) as i32 - (1 << 20) + 1).collect()
    }

    /// Every round polynomial by its definition, through all three kinds of rounds.
    #[test]
    fn rounds_are_their_definitions() {
        for (points, width) in [(1, 1), (1, 2), (5, 1), (3, 3), (2, 8), (7, 9), (4, 40), (300, 17)] {
            let (features, tau) = (integers(points * width), scalars(log2_ceil(points)));
            let log = log2_ceil(width);
            let mut table = vec![Scalar::ZERO; points << log];
            for (i, x) in features.iter().enumerate() {
                table[((i / width) << log) + i % width] = from_i64(i64::from(*x));
            }
            let mut weights: Vec<Scalar> = eq_table(&tau).iter().flat_map(|e| vec![*e; 1 << log]).collect();
            let mut sum = SquareSum::new(&features, width, &tau);
            assert_eq!(sum.total(), table.iter().zip(&weights).map(|(x, e)| x.square() * e).sum(), "{points} {width}");
            for round in 0..log + tau.len() {
                let at = |f: &[Scalar], i: usize, x: Scalar| {
                    let get = |i: usize| f.get(i).copied().unwrap_or(Scalar::ZERO);
                    get(2 * i) + x * (get(2 * i + 1) - get(2 * i))
                };
                let polynomial = sum.round();
                let value = |x: Scalar| -> Scalar {
                    let pairs = 0..table.len().div_ceil(2);
                    pairs.map(|i| at(&weights, i, x) * at(&table, i, x).square()).sum()
                };
                let (zero, one, two) = (value(Scalar::ZERO), value(Scalar::ONE), value(Scalar::from(2)));
                assert_eq!(polynomial.constant, zero, "{points} {width} {round}");
                let c = |k: usize| polynomial.higher.get(k).copied().unwrap_or(Scalar::ZERO);
                let linear = one - zero - c(0) - c(1);
                assert_eq!(two, zero + linear.double() + c(0) * pow2(2) + c(1) * pow2(3), "{points} {width} {round}");
                let r = random().unwrap();
                sum.bind(&r);
                for f in [&mut table, &mut weights] {
                    *f = (0..f.len().div_ceil(2)).map(|i| at(f, i, r)).collect();
                }
            }
            assert_eq!(sum.last(), evaluate(&table, &[]));
        }
    }

    #[test]
    fn kernels_stay_within_their_bounds() {
        for (width, size) in [(1, 1), (5, 2), (64, 8), (131, 8)] {
            let (row, worth) = (integers(width), scalars(size));
            let plain: Vec<Scalar> = row
                .chunks(size)
                .map(|group| group.iter().zip(&worth).map(|(x, w)| from_i64(i64::from(*x)) * w).sum())
                .collect();
            let groups = || Groups { row: &row, worth: &worth };
            assert_eq!(groups().run(Audit), plain);
            assert_eq!(lanes::run(groups()), plain);
            assert_eq!(RowSquares { row: &plain }.run(Audit), lanes::run(RowSquares { row: &plain }));
        }
    }
}
