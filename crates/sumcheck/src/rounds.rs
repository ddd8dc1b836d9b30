//! Committed rounds (Hyrax, section 4; zkDL section 3).
//!
//! The claim `sum_x f(x) = v` with hidden v, commitment K. One round for each variable, degree d in it:
//!
//! ```text
//! P: Com(c_0), Com(c_2), .., Com(c_d)          of the round polynomial sum_i c_i X^i
//!    both sides derive Com(c_1) = K - 2 Com(c_0) - sum_{k>=2} Com(c_k)
//! V: r
//!    K <- sum_i r^i Com(c_i)
//! ```
//!
//! The check p(0) + p(1) = v holds by derivation, so a false claim survives as a false claim about the last value: whoever
//! calls [`verify`] must tie its result to committed data. Soundness error d/|F| a round. Zero knowledge: the messages are
//! perfectly hiding commitments. Size: d points a round.

use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_field::{Field, Scalar};
use zkdl_transcript::ReadError;

/// Coefficients of a round polynomial without the linear one, which follows from the claim.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct RoundPolynomial {
    /// c_0.
    pub constant: Scalar,
    /// c_2, c_3, ..
    pub higher: Vec<Scalar>,
}

impl std::fmt::Debug for RoundPolynomial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RoundPolynomial(hidden)")
    }
}

/// A sum over the cube, its variables bound one by one, the least significant first.
pub trait SumProver {
    /// The next variable's polynomial; missing higher coefficients are zero.
    fn round(&self) -> RoundPolynomial;

    /// Binds the next variable.
    fn bind(&mut self, r: &Scalar);
}

/// What both sides do with the coefficients of a round: the claim about the polynomial's value at `r`.
fn reduce<H: Hidden>(claim: H, constant: &H, higher: &[H], r: Scalar) -> H {
    let mut next = claim * r + constant.clone() * (Scalar::ONE - r.double());
    let mut power = r;
    for c in higher {
        power *= r;
        next = next + c.clone() * (power - r);
    }
    next
}

/// Proves `claim` about `sum`; `degrees` are those of the variables in the order of binding.
///
/// Returns the claim about the value at the point of challenges, and the point, most significant variable first.
pub fn prove<P: ProverChannel>(
    channel: &mut P,
    label: &'static str,
    mut claim: Opening,
    degrees: &[usize],
    sum: &mut impl SumProver,
) -> (Opening, Vec<Scalar>) {
    let mut point = Vec::with_capacity(degrees.len());
    for degree in degrees {
        let polynomial = sum.round();
        let constant = channel.hide(label, polynomial.constant);
        let higher: Vec<Opening> = (0..degree.saturating_sub(1))
            .map(|i| channel.hide(label, polynomial.higher.get(i).copied().unwrap_or(Scalar::ZERO)))
            .collect();
        let r = channel.challenge(label);
        claim = reduce(claim, &constant, &higher, r);
        sum.bind(&r);
        point.push(r);
    }
    point.reverse();
    (claim, point)
}

/// The verifier's side of [`prove`]; shape and degrees come from the statement.
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify<V: VerifierChannel>(
    channel: &mut V,
    label: &'static str,
    mut claim: V::Value,
    degrees: &[usize],
) -> Result<(V::Value, Vec<Scalar>), ReadError> {
    let mut point = Vec::with_capacity(degrees.len());
    for degree in degrees {
        let constant = channel.receive(label)?;
        let higher = (1..*degree).map(|_| channel.receive(label)).collect::<Result<Vec<_>, _>>()?;
        let r = channel.challenge(label);
        claim = reduce(claim, &constant, &higher, r);
        point.push(r);
    }
    point.reverse();
    Ok((claim, point))
}
