//! The prover's work for `sum_x sum_i coefficient_i prod_j table_ij(x)`: products of up to three multilinear tables.

use crate::rounds::{RoundPolynomial, SumProver};
use rayon::prelude::*;
use zeroize::Zeroize;
use zkdl_field::multilinear::fold;
use zkdl_field::scalar::ProductSum;
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

    /// Entries beyond the shortest factor contribute nothing.
    fn length(&self, term: &Term) -> usize {
        term.factors.iter().map(|t| self.tables[*t].len()).min().unwrap_or(0)
    }

    fn term_round(&self, term: &Term) -> [Scalar; 3] {
        let pairs = self.length(term).div_ceil(2);
        let chunk = |start: usize| {
            let mut sums = [ProductSum::default(); 3];
            for i in start..(start + PARALLEL_PAIRS).min(pairs) {
                self.add_pair(term, i, &mut sums);
            }
            sums.map(ProductSum::reduce)
        };
        let starts: Vec<usize> = (0..pairs).step_by(PARALLEL_PAIRS).collect();
        let sums: [Scalar; 3] = if starts.len() > 1 {
            starts.into_par_iter().map(chunk).reduce(|| [Scalar::ZERO; 3], add3)
        } else {
            starts.into_iter().map(chunk).fold([Scalar::ZERO; 3], add3)
        };
        sums.map(|s| s * term.coefficient)
    }

    /// Value at 0 and difference of a table at pair `i`.
    fn line(&self, table: usize, i: usize) -> (Scalar, Scalar) {
        let table = &self.tables[table];
        let low = table.get(2 * i).copied().unwrap_or(Scalar::ZERO);
        let high = table.get(2 * i + 1).copied().unwrap_or(Scalar::ZERO);
        (low, high - low)
    }

    /// Adds (c_0, c_2, c_3) of the product of lines at pair `i`.
    fn add_pair(&self, term: &Term, i: usize, sums: &mut [ProductSum; 3]) {
        let line = |k: usize| self.line(term.factors[k], i);
        match term.factors.len() {
            1 => sums[0].add(&line(0).0, &Scalar::ONE),
            2 => {
                let ((a, da), (b, db)) = (line(0), line(1));
                sums[0].add(&a, &b);
                sums[1].add(&da, &db);
            }
            _ => {
                let ((a, da), (b, db), (c, dc)) = (line(0), line(1), line(2));
                let dbdc = db * dc;
                sums[0].add(&(a * b), &c);
                sums[1].add(&a, &dbdc);
                sums[1].add(&da, &(b * dc + db * c));
                sums[2].add(&da, &dbdc);
            }
        }
    }
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
