//! The prover's work for `sum_x sum_i coefficient_i prod_j table_ij(x)`: products of up to three multilinear tables.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "prover only: terms name its own tables, and ranges end with the tables"
)]

use crate::rounds::{RoundPolynomial, SumProver};
use rayon::prelude::*;
use zeroize::Zeroize;
use zkdl_field::lanes::{self, Kernel, Lanes, WIDTH};
use zkdl_field::multilinear::{fold, sixteen};
use zkdl_field::{Field, Scalar};

/// A product of tables.
#[derive(Debug, Clone)]
pub struct Term {
    /// Public factor.
    pub coefficient: Scalar,
    /// Indices of one to three tables.
    pub factors: Vec<usize>,
}

/// Tables over one cube (shorter ones are zero beyond their end) and the terms that are summed over it.
///
/// Cost a round and pair of entries: 2 multiplications for a product of two, 7 for three; folding 1 a table.
#[derive(Debug, Clone)]
pub struct SumOfProducts {
    tables: Vec<Vec<Scalar>>,
    terms: Vec<Term>,
}

/// Tables follow from secrets: they are erased from memory when dropped.
impl Drop for SumOfProducts {
    fn drop(&mut self) {
        self.tables.zeroize();
    }
}

/// Pairs of entries below which threads cost more than they save.
const PARALLEL_PAIRS: usize = 1 << 10;

impl SumOfProducts {
    /// A sum over `tables`; terms name tables by index and have one to three factors.
    #[must_use]
    pub fn new(tables: Vec<Vec<Scalar>>, terms: Vec<Term>) -> Self {
        debug_assert!(terms.iter().all(|t| (1..=3).contains(&t.factors.len())));
        Self { tables, terms }
    }

    /// The only entry of a table once every variable is bound.
    #[must_use]
    pub fn value(&self, table: usize) -> Scalar {
        self.tables.get(table).and_then(|t| t.first()).copied().unwrap_or(Scalar::ZERO)
    }

    /// The sum over the whole cube: what an honest claim says.
    #[must_use]
    pub fn total(&self) -> Scalar {
        let product = |term: &Term, i: usize| -> Scalar {
            term.factors.iter().map(|t| self.tables[*t].get(i).copied().unwrap_or(Scalar::ZERO)).product()
        };
        self.terms.iter().map(|t| t.coefficient * (0..self.length(t)).map(|i| product(t, i)).sum::<Scalar>()).sum()
    }

    /// Pairs beyond the shortest factor contribute nothing.
    fn length(&self, term: &Term) -> usize {
        term.factors.iter().map(|t| self.tables[*t].len()).min().unwrap_or(0)
    }

    fn term_round(&self, term: &Term) -> [Scalar; 3] {
        // Whole pairs: of the last one, another factor may have an upper entry.
        let length = self.length(term).next_multiple_of(2);
        let round = |first: usize| {
            let end = length.min(first + 2 * PARALLEL_PAIRS);
            let part = |table: &'_ [Scalar]| first..end.min(table.len());
            let factor = |k: usize| term.factors.get(k).map(|t| &self.tables[*t]).map(|table| &table[part(table)]);
            lanes::run(Products { factors: [factor(0), factor(1), factor(2)] })
        };
        let starts: Vec<usize> = (0..length).step_by(2 * PARALLEL_PAIRS).collect();
        let sums = starts.into_par_iter().map(round).reduce(|| [Scalar::ZERO; 3], add3);
        sums.map(|s| s * term.coefficient)
    }
}

/// (c_0, c_2, c_3) of the products of up to three tables with as many pairs, summed over pairs.
struct Products<'k> {
    factors: [Option<&'k [Scalar]>; 3],
}

impl Kernel for Products<'_> {
    type Output = [Scalar; 3];

    #[inline(always)]
    fn run<L: Lanes<Scalar>>(self, lanes: L) -> [Scalar; 3] {
        let mut sums = [L::Sum::default(); 3];
        let Some(first) = self.factors[0] else { return [Scalar::ZERO; 3] };
        for start in (0..first.len()).step_by(2 * WIDTH) {
            let (a, da) = line(lanes, first, start);
            match self.factors {
                [_, None, _] => lanes.mul_add(&mut sums[0], a, lanes.splat(&Scalar::ONE)),
                [_, Some(second), None] => {
                    let (b, db) = line(lanes, second, start);
                    lanes.mul_add(&mut sums[0], a, b);
                    lanes.mul_add(&mut sums[1], da, db);
                }
                [_, Some(second), Some(third)] => {
                    let ((b, db), (c, dc)) = (line(lanes, second, start), line(lanes, third, start));
                    let dbdc = lanes.mul(db, dc);
                    lanes.mul_add(&mut sums[0], lanes.mul(a, b), c);
                    lanes.mul_add(&mut sums[1], a, dbdc);
                    lanes.mul_add(&mut sums[1], da, lanes.add(lanes.mul(b, dc), lanes.mul(db, c)));
                    lanes.mul_add(&mut sums[2], da, dbdc);
                }
            }
        }
        let mut out = [Scalar::ZERO; 3];
        for (value, sum) in out.iter_mut().zip(sums) {
            *value = lanes.total(lanes.reduce(sum));
        }
        out
    }
}

/// Values at 0 and differences of eight pairs.
#[inline(always)]
fn line<L: Lanes<Scalar>>(lanes: L, table: &[Scalar], start: usize) -> (L::Vector, L::Vector) {
    let (low, high) = lanes.load_pairs(&sixteen(&table[start..]));
    (low, lanes.sub::<1>(high, low))
}

fn add3(a: [Scalar; 3], b: [Scalar; 3]) -> [Scalar; 3] {
    std::array::from_fn(|i| a[i] + b[i])
}

impl SumProver for SumOfProducts {
    fn round(&self) -> RoundPolynomial {
        let [constant, c2, c3] = self.terms.iter().map(|t| self.term_round(t)).fold([Scalar::ZERO; 3], add3);
        RoundPolynomial { constant, higher: vec![c2, c3] }
    }

    fn bind(&mut self, r: &Scalar) {
        self.tables.par_iter_mut().for_each(|table| fold(table, r));
    }
}
