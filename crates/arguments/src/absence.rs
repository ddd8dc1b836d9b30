//! Absence: none of the points asked for is a row of the data.
//!
//! A point is told from another by its fingerprint, `m = sum_j rho^(j+1) x_j`, a polynomial in a challenge that is drawn after
//! data and queries are fixed. A query q is absent if every difference `m_q - m_i` has an inverse. Queries come in groups of
//! at most [`GROUP`], one inverse a group and row.
//!
//! ```text
//!    statement: row commitments C_i, i < N, and the queries x_q
//! V: rho;  m_q = sum_j rho^(j+1) x_qj for every query, m_i likewise for every row, 0 for i >= N
//!    over the d features, or over features and label columns if labels are asked for
//! P: rows of w^k, C entries each, for every group k:  w^k_i = 1 / prod_{q in k} (m_q - m_i)
//! V: gamma, tau
//!    sumcheck over the log N row variables (degree 2 + largest group) of
//!       sum_k gamma^k sum_i eq(tau,i) w^k_i prod_{q in k} (m_q - m_i) = sum_k gamma^k sum_{i<N} eq(tau,i)
//! P: at r: Com of beta^j, beta = m(r), for j up to the largest group;  Com alpha_k = w^k(r) for every group
//!    prod_{q in k} (m_q - beta) is a public polynomial in beta: F_k, a linear combination of the beta^j
//! P: Com alpha_k F_k for every group but the last; the last follows from the final claim
//! V: delta
//!    products:  beta beta^j = beta^(j+1),  alpha_k F_k
//!    queries:   sum_k delta^k w^k at r is sum_k delta^k alpha_k;  sum_i eq(r,i) C_i at (rho, rho^2, ..) is beta
//! ```
//!
//! If x_q is row i < N, its group's equation at i reads `w 0 = 1`, whatever rho is: no collision of fingerprints helps a
//! false answer. A collision can only keep an honest prover from answering (N d / |F|). Rows beyond N are no rows:
//! there the equation demands w = 0 or m_q = 0 for some q, and says nothing about data.
//!
//! Cost: prover a multiply-add a feature, N full scalars to commit a group, see [`differences`](crate::differences); verifier
//! N + N Q / (8 C) points.

use crate::differences::{DifferenceSum, GROUP};
use crate::integers::IntegerMatrix;
use crate::opening::RowValues;
use crate::rows::{Class, first};
use crate::selection::Query;
use crate::shape::size;
use crate::window::Obligations;
use rayon::prelude::*;
use zeroize::Zeroizing;
use zkdl_commit::channel::{ProofReader, ProofWriter, ProverChannel, VerifierChannel};
use zkdl_commit::msm::msm;
use zkdl_commit::pedersen::{Commitment, Hidden, Opening};
use zkdl_commit::sigma::Product;
use zkdl_field::generators::ZeroBlind;
use zkdl_field::multilinear::{eq, eq_table, log2_ceil, prefix};
use zkdl_field::scalar::{dot, from_i64, powers};
use zkdl_field::{Affine, Field, Scalar, group};
use zkdl_sumcheck as sumcheck;
use zkdl_transcript::ReadError;

/// A point that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Features.
    pub features: &'a [i32],
    /// Its class, if that is asked for too.
    pub label: Option<u32>,
}

/// What is public.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    /// N, at least 1.
    pub points: usize,
    /// d.
    pub features: usize,
    /// Label columns behind the features.
    pub classes: usize,
    /// At least one; labels for all of them or for none.
    pub queries: Vec<Asked<'a>>,
}

impl Statement<'_> {
    /// Queries of a group; the last may have fewer.
    fn group(&self) -> usize {
        let groups = self.queries.len().div_ceil(GROUP).max(1);
        self.queries.len().div_ceil(groups).max(1)
    }

    fn groups(&self) -> usize {
        self.queries.len().div_ceil(self.group())
    }

    /// log C: as many columns as a data row needs, or as make four times as many columns as rows of inverses, about.
    #[must_use]
    pub fn log_columns(&self) -> usize {
        let inverses = self.points.saturating_mul(self.groups());
        log2_ceil(self.width()).max(log2_ceil(inverses).div_ceil(2).saturating_add(2))
    }

    /// Columns of a data row.
    fn width(&self) -> usize {
        self.features.saturating_add(self.classes)
    }

    /// Committed rows of the inverses of a group.
    fn rows(&self) -> usize {
        self.points.div_ceil(1 << self.log_columns())
    }

    /// All committed rows: data, then inverses, group by group.
    #[must_use]
    pub fn total_rows(&self) -> usize {
        self.points.saturating_add(self.groups().saturating_mul(self.rows()))
    }

    fn variables(&self) -> usize {
        log2_ceil(self.points)
    }

    /// Degrees of the rounds.
    fn degrees(&self) -> Vec<usize> {
        vec![self.group().saturating_add(2); self.variables()]
    }

    /// The claim that is public: `sum_k gamma^k sum_{i<N} eq(tau,i)`.
    fn claim<H: Hidden>(&self, gammas: &[Scalar], tau: &[Scalar]) -> H {
        H::public(gammas.iter().sum::<Scalar>() * prefix(self.points, tau))
    }
}

/// What rho makes of the columns of a row and of the queries.
#[derive(Debug, Clone)]
pub struct Fingerprints {
    /// Weight of every feature and label column.
    columns: Vec<Scalar>,
    /// m_q by group.
    groups: Vec<Vec<Scalar>>,
}

impl Fingerprints {
    /// From the challenge rho.
    #[must_use]
    pub fn new(statement: &Statement<'_>, rho: Scalar) -> Self {
        let labelled = statement.queries.iter().any(|query| query.label.is_some());
        let features = if labelled { statement.width() } else { statement.features };
        let mut columns: Vec<Scalar> = powers(rho, features).into_iter().map(|power| power * rho).collect();
        columns.resize(statement.width(), Scalar::ZERO);
        let of = |query: &Asked<'_>| {
            let features = query.features.iter().zip(&columns).map(|(x, c)| from_i64(i64::from(*x)) * c);
            let label = query.label.and_then(|label| columns.get(statement.features.saturating_add(size(label))));
            features.sum::<Scalar>() + label.copied().unwrap_or(Scalar::ZERO)
        };
        let all: Vec<Scalar> = statement.queries.par_iter().map(of).collect();
        let groups = all.chunks(statement.group()).map(<[Scalar]>::to_vec).collect();
        Self { columns, groups }
    }

    /// m_q by group.
    #[must_use]
    pub fn groups(&self) -> &[Vec<Scalar>] {
        &self.groups
    }

    /// m_i for every row of the data, row-major: about 1 ns a feature.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "prover only: its own data")]
    pub fn of(&self, features: &[i32], labels: &[u32]) -> Zeroizing<Vec<Scalar>> {
        let width = features.len() / labels.len().max(1);
        let rows = IntegerMatrix::points(features.chunks_exact(width.max(1)).collect(), width);
        let mut m = Zeroizing::new(rows.times(0..rows.height(), &self.columns));
        for (m, label) in m.iter_mut().zip(labels) {
            *m += self.columns.get(width + *label as usize).unwrap_or(&Scalar::ZERO);
        }
        m
    }
}

/// What the prover knows.
pub struct Witness {
    /// m_i for every row of the data.
    pub m: Zeroizing<Vec<Scalar>>,
    /// w^k for every group: N inverses.
    pub w: Vec<Zeroizing<Vec<Scalar>>>,
}

impl Witness {
    /// The committed rows of inverses.
    #[must_use]
    pub fn rows(&self, statement: &Statement<'_>) -> Vec<RowValues<'_>> {
        self.slices(statement).into_iter().map(RowValues::Scalars).collect()
    }

    fn slices(&self, statement: &Statement<'_>) -> Vec<&[Scalar]> {
        self.w.iter().flat_map(|w| w.chunks(1 << statement.log_columns())).collect()
    }
}

/// Draws rho: the queries and the data are fixed, the inverses are not yet made.
pub fn draw<P: ProverChannel>(channel: &mut P, statement: &Statement<'_>) -> Fingerprints {
    Fingerprints::new(statement, channel.challenge("absence.rho"))
}

/// Commits the inverses and proves everything about them but products and queries; also returns the blinds of their rows.
///
/// # Errors
/// [`ZeroBlind`].
#[expect(clippy::arithmetic_side_effects, reason = "prover only: a group has at least one query and at most `GROUP`")]
pub fn prove(
    channel: &mut ProofWriter<'_>,
    statement: &Statement<'_>,
    fingerprints: &Fingerprints,
    witness: &Witness,
) -> Result<(Obligations<Opening>, Zeroizing<Vec<Scalar>>), ZeroBlind> {
    let blinds = commit(channel, &witness.slices(statement))?;
    let groups = &fingerprints.groups;
    let gammas = powers(channel.challenge("absence.gamma"), groups.len());
    let tau = channel.challenges("absence.tau", statement.variables());
    let mut sum = DifferenceSum::new(&witness.m, &witness.w, groups, &gammas, &tau);
    let claim = statement.claim(&gammas, &tau);
    let (last_claim, r) = sumcheck::prove(channel, "absence.round", claim, &statement.degrees(), &mut sum);
    let beta = powers(sum.fingerprint(), statement.group() + 1).into_iter().skip(1);
    let beta = beta.map(|power| channel.hide("absence.beta", power)).collect();
    let at_r = eq_table(&r);
    let alpha: Vec<Scalar> = witness.w.par_iter().map(|w| dot(w, &at_r)).collect();
    let alpha = alpha.into_iter().map(|alpha| channel.hide("absence.alpha", alpha)).collect();
    let mut end = End { beta, alpha, terms: Vec::new() };
    let differences: Vec<Opening> = groups.iter().map(|group| end.difference(group)).collect();
    for (alpha, difference) in end.alpha.iter().zip(&differences).take(groups.len() - 1) {
        end.terms.push(channel.hide("absence.term", alpha.value * difference.value));
    }
    let products = end.products(&differences, &gammas, last_claim, eq(&tau, &r));
    let delta = channel.challenge("absence.delta");
    Ok((Obligations { products, queries: queries(statement, fingerprints, &end, &r, delta) }, blinds))
}

/// The verifier's side of [`draw`] and [`prove`]; the points of the data are the first that the channel knows.
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify(channel: &mut ProofReader<'_>, statement: &Statement<'_>) -> Result<Obligations<Commitment>, ReadError> {
    let fingerprints = Fingerprints::new(statement, channel.challenge("absence.rho"));
    for _ in statement.points..statement.total_rows() {
        channel.receive_point("absence.row")?;
    }
    let groups = &fingerprints.groups;
    let gammas = powers(channel.challenge("absence.gamma"), groups.len());
    let tau = channel.challenges("absence.tau", statement.variables());
    let claim = statement.claim(&gammas, &tau);
    let (last_claim, r) = sumcheck::verify(channel, "absence.round", claim, &statement.degrees())?;
    let mut receive = |label, n: usize| (0..n).map(|_| channel.receive(label)).collect::<Result<Vec<_>, _>>();
    let beta = receive("absence.beta", statement.group())?;
    let alpha = receive("absence.alpha", groups.len())?;
    let terms = receive("absence.term", groups.len().saturating_sub(1))?;
    let end = End { beta, alpha, terms };
    let differences: Vec<_> = groups.iter().map(|group| end.difference(group)).collect();
    let products = end.products(&differences, &gammas, last_claim, eq(&tau, &r));
    let delta = channel.challenge("absence.delta");
    Ok(Obligations { products, queries: queries(statement, &fingerprints, &end, &r, delta) })
}

/// Commits rows of scalars and sends the commitments; returns the blinds.
fn commit(channel: &mut ProofWriter<'_>, rows: &[&[Scalar]]) -> Result<Zeroizing<Vec<Scalar>>, ZeroBlind> {
    let blinds = Zeroizing::new(channel.blinds.draw_many(rows.len()));
    let columns = &channel.generators.columns;
    let starts = channel.generators.blinds(&blinds)?;
    let points: Vec<_> =
        rows.par_iter().zip(&starts).map(|(row, start)| msm(columns, row) + start.to_affine()).collect();
    let points: Vec<Affine> = group::normalize(&points);
    for point in &points {
        channel.sender.send_point("absence.row", point);
    }
    Ok(blinds)
}

/// The hidden values at r.
struct End<H> {
    /// beta, beta^2, ..
    beta: Vec<H>,
    /// w^k(r).
    alpha: Vec<H>,
    /// alpha_k F_k, for every group but the last.
    terms: Vec<H>,
}

impl<H: Hidden> End<H> {
    /// m(r).
    #[expect(clippy::indexing_slicing, reason = "a group has at least one query, and beta as many powers")]
    fn fingerprint(&self) -> &H {
        &self.beta[0]
    }

    /// F = prod_q (m_q - beta).
    fn difference(&self, group: &[Scalar]) -> H {
        let polynomial = group.iter().fold(vec![Scalar::ONE], |p, q| {
            let shifted = std::iter::once(&Scalar::ZERO).chain(&p);
            p.iter().chain([&Scalar::ZERO]).zip(shifted).map(|(c, below)| q * c - below).collect()
        });
        let (constant, higher) = polynomial.split_first().map_or((Scalar::ZERO, &[][..]), |(c, rest)| (*c, rest));
        H::public(constant) + H::combine(higher.iter().copied().zip(&self.beta))
    }

    /// Powers of beta are powers, terms are products, and together they are the last claim of the sumcheck.
    fn products(&self, differences: &[H], gammas: &[Scalar], last_claim: H, eq: Scalar) -> Vec<Product<H>> {
        let steps = self.beta.iter().zip(self.beta.iter().skip(1));
        let power =
            |(y, z): (&H, &H)| Product { name: "power", x: self.fingerprint().clone(), y: y.clone(), z: z.clone() };
        let mut products: Vec<_> = steps.map(power).collect();
        let mut rest = last_claim;
        for (k, ((alpha, difference), gamma)) in self.alpha.iter().zip(differences).zip(gammas).enumerate() {
            let weight = eq * gamma;
            let (x, z) = match self.terms.get(k) {
                Some(term) => {
                    rest = rest - term.clone() * weight;
                    (alpha.clone(), term.clone())
                }
                None => (alpha.clone() * weight, rest.clone()),
            };
            products.push(Product { name: "absence", x, y: difference.clone(), z });
        }
        products
    }
}

/// The claims about committed rows.
fn queries<H: Hidden>(
    statement: &Statement<'_>,
    fingerprints: &Fingerprints,
    end: &End<H>,
    r: &[Scalar],
    delta: Scalar,
) -> Vec<Query<H>> {
    let deltas = powers(delta, end.alpha.len());
    let (row, column) = r.split_at(r.len().saturating_sub(statement.log_columns()));
    let at_row = eq_table(row);
    let weights = deltas.iter().flat_map(|d| first(&at_row, statement.rows()).iter().map(move |e| d * e));
    let inverses = Class { rows: (statement.points..).zip(weights).collect(), columns: eq_table(column) };
    let data = eq_table(r).into_iter().take(statement.points).enumerate().collect();
    let data = Class { rows: data, columns: fingerprints.columns.clone() };
    vec![
        Query { name: "inverses", classes: vec![inverses], value: H::combine(deltas.into_iter().zip(&end.alpha)) },
        Query { name: "fingerprints", classes: vec![data], value: end.fingerprint().clone() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differences::inverses;
    use zkdl_field::scalar::random;

    fn scalars(n: usize) -> Vec<Scalar> {
        (0..n).map(|_| random().unwrap()).collect()
    }

    /// Names of the products that do not hold.
    fn failing(
        end: &End<Opening>,
        groups: &[Vec<Scalar>],
        gammas: &[Scalar],
        claim: Scalar,
        eq: Scalar,
    ) -> Vec<&'static str> {
        let differences: Vec<_> = groups.iter().map(|group| end.difference(group)).collect();
        let products = end.products(&differences, gammas, Opening::public(claim), eq);
        products.iter().filter(|p| p.x.value * p.y.value != p.z.value).map(|p| p.name).collect()
    }

    /// Every value that is sent at r, changed alone, is caught by a product.
    #[test]
    fn values_at_r_are_tied_together() {
        for sizes in [vec![1], vec![2], vec![8], vec![3, 3, 2], vec![8, 7]] {
            let groups: Vec<_> = sizes.iter().map(|g| scalars(*g)).collect();
            let (gammas, eq, beta) = (scalars(groups.len()), random().unwrap(), random().unwrap());
            let alpha = scalars(groups.len());
            let of = |k: usize| alpha[k] * groups[k].iter().map(|q| q - beta).product::<Scalar>();
            let claim = eq * (0..groups.len()).map(|k| gammas[k] * of(k)).sum::<Scalar>();
            let hidden = |values: Vec<Scalar>| values.into_iter().map(Opening::public).collect::<Vec<_>>();
            let honest = || End {
                beta: hidden(powers(beta, sizes[0] + 1)[1..].to_vec()),
                alpha: hidden(alpha.clone()),
                terms: hidden((0..groups.len() - 1).map(of).collect()),
            };
            assert_eq!(failing(&honest(), &groups, &gammas, claim, eq), Vec::<&str>::new());
            assert_eq!(failing(&honest(), &groups, &gammas, claim + eq, eq), ["absence"]);
            for j in 0..sizes[0] {
                let mut end = honest();
                end.beta[j].value += Scalar::ONE;
                assert!(!failing(&end, &groups, &gammas, claim, eq).is_empty(), "power {}", j + 1);
            }
            for k in 0..groups.len() {
                let mut end = honest();
                end.alpha[k].value += Scalar::ONE;
                assert_eq!(failing(&end, &groups, &gammas, claim, eq), ["absence"]);
            }
            for k in 0..groups.len() - 1 {
                let mut end = honest();
                end.terms[k].value += Scalar::ONE;
                // The term itself, and the last one, which follows from the claim.
                assert_eq!(failing(&end, &groups, &gammas, claim, eq), ["absence", "absence"]);
            }
        }
    }

    /// A channel that adds one to a message; challenges are random.
    struct Altered {
        nth: usize,
        sent: usize,
    }

    impl ProverChannel for Altered {
        fn hide(&mut self, _: &'static str, value: Scalar) -> Opening {
            self.sent += 1;
            Opening::public(if self.sent == self.nth + 1 { value + Scalar::ONE } else { value })
        }

        fn challenge(&mut self, _: &'static str) -> Scalar {
            random().unwrap()
        }
    }

    /// Catalogue 51: a message of any round altered, and all that follows made to fit: the product about inverses does not hold.
    #[test]
    fn altered_rounds_break_the_product() {
        for (points, sizes) in [(5, vec![1]), (6, vec![3, 3, 2]), (9, vec![8, 7])] {
            let groups: Vec<_> = sizes.iter().map(|g| scalars(*g)).collect();
            let (m, gammas, tau) = (scalars(points), scalars(groups.len()), scalars(log2_ceil(points)));
            let w = inverses(&m, &groups).unwrap();
            let degrees = vec![sizes[0] + 2; tau.len()];
            let messages: usize = degrees.iter().sum();
            for nth in 0..=messages {
                let mut channel = Altered { nth, sent: 0 };
                let mut sum = DifferenceSum::new(&m, &w, &groups, &gammas, &tau);
                let claim = Opening::public(gammas.iter().sum::<Scalar>() * prefix(points, &tau));
                let (last, r) = sumcheck::prove(&mut channel, "absence.round", claim, &degrees, &mut sum);
                assert_eq!(channel.sent, messages);
                let (beta, at_r) = (sum.fingerprint(), eq_table(&r));
                let alpha: Vec<Scalar> = w.iter().map(|w| dot(w, &at_r)).collect();
                let of = |k: usize| alpha[k] * groups[k].iter().map(|q| q - beta).product::<Scalar>();
                let hidden = |values: Vec<Scalar>| values.into_iter().map(Opening::public).collect::<Vec<_>>();
                let end = End {
                    beta: hidden(powers(beta, sizes[0] + 1)[1..].to_vec()),
                    alpha: hidden(alpha.clone()),
                    terms: hidden((0..groups.len() - 1).map(of).collect()),
                };
                // The last one is no message: nothing is altered.
                let expected: &[&str] = if nth == messages { &[] } else { &["absence"] };
                assert_eq!(failing(&end, &groups, &gammas, last.value, eq(&tau, &r)), expected, "{points} {nth}");
            }
        }
    }

    /// Rows, columns and groups cover everything, and no more than they must.
    #[test]
    fn sizes() {
        let features = [0];
        let asked = Asked { features: &features, label: None };
        for points in [1, 2, 3, 1000, 50_000] {
            for queries in [1, 7, 8, 9, 17, 100, 1024] {
                let statement = Statement { points, features: 784, classes: 10, queries: vec![asked; queries] };
                assert!(statement.group() <= GROUP);
                assert_eq!(statement.groups(), queries.div_ceil(statement.group()));
                assert!(statement.groups() <= queries.div_ceil(GROUP));
                assert!(statement.rows() << statement.log_columns() >= points);
                assert!(1 << statement.log_columns() >= 794);
            }
        }
    }
}
