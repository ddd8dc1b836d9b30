//! The zero-knowledge inner-product argument (Bootle et al. 2016; Bünz et al. 2018, section 3; blinded as in Hyrax).
//!
//! Relation: `E = sum_j a_j G_j + r_E H`, `K = v g + r_K H` and `<a, eq(point)> = v`. Length C, a power of two; shorter
//! vectors are zero beyond their end.
//!
//! ```text
//! V: xi;  U = xi g,  P = E + xi K,  p = eq(point)
//! log C rounds, halves lo and hi (the most significant index bit first):
//!   P: L = <a_lo, G_hi> + <a_lo, p_hi> U + l H,   R = <a_hi, G_lo> + <a_hi, p_lo> U + r H
//!   V: y  (64 + 64 bits through the curve's endomorphism)
//!   G <- G_lo + y G_hi,  p <- p_lo + y p_hi,  a <- a_lo + y^-1 a_hi,  P <- P + y L + y^-1 R
//! P: T = k (G + p U) + s H
//! V: e
//! P: z = k + e a,  z_r = s + e r_P
//! V: z (G + p U) + z_r H = T + e P
//! ```
//!
//! Without xi a prover could move weight between E and K. The last coefficient a is never sent.
//! Cost: prover two MSMs of C and C folds in all; verifier C + 2 log C points in the final multi-scalar multiplication.

use crate::channel::{Check, Equation, ProofReader, ProofWriter, ProverChannel, VerifierChannel};
use crate::endo::{Challenge128, fold};
use crate::msm::msm;
use crate::pedersen::{Commitment, Hidden, Opening};
use zeroize::Zeroizing;
use zkdl_field::batch::Xy;
use zkdl_field::multilinear::{eq_table, log2_ceil};
use zkdl_field::scalar::dot;
use zkdl_field::{Affine, Field, Scalar, group};
use zkdl_transcript::{ReadError, size_bytes};

/// Why no proof or verdict can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IpaError {
    /// A message is missing or malformed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A folding challenge without inverse: probability 2^-128.
    #[error("a challenge of the inner-product argument is zero")]
    ZeroChallenge,
    /// Generators, vector and point do not fit together.
    #[error("inner-product argument over {columns} columns at a point of {variables} variables")]
    Shape {
        /// Number of generators.
        columns: usize,
        /// Length of the point.
        variables: usize,
    },
}

/// The prover's vector and what it is committed in.
pub struct Witness {
    /// The vector, at most as long as the generators.
    pub vector: Zeroizing<Vec<Scalar>>,
    /// Blind of `E`.
    pub blind: Scalar,
    /// `v` and its blind.
    pub value: Opening,
}

fn challenge(bytes: &[u8; 64]) -> Result<(Challenge128, Scalar, Scalar), IpaError> {
    let mut half = [[0u8; 8]; 2];
    half[0].copy_from_slice(&bytes[..8]);
    half[1].copy_from_slice(&bytes[8..16]);
    let y = Challenge128 { a: u64::from_le_bytes(half[0]), b: u64::from_le_bytes(half[1]) };
    let scalar = y.to_scalar();
    let inverse = Option::<Scalar>::from(scalar.invert()).ok_or(IpaError::ZeroChallenge)?;
    Ok((y, scalar, inverse))
}

/// `lo + y hi`; a sum that is the identity (probability 2^-128) counts as a bad challenge.
fn fold_points(lo: &[Affine], hi: &[Affine], y: &Challenge128) -> Result<Vec<Affine>, IpaError> {
    let folded = Xy::collect(lo).zip(Xy::collect(hi)).and_then(|(lo, hi)| fold(&lo, &hi, y));
    Ok(folded.ok_or(IpaError::ZeroChallenge)?.iter().map(Xy::to_affine).collect())
}

/// The prover's running state: vectors of equal length, and the blind of P.
struct Folding {
    a: Zeroizing<Vec<Scalar>>,
    p: Vec<Scalar>,
    g: Vec<Affine>,
    blind: Scalar,
    xi: Scalar,
}

impl Folding {
    fn round(&mut self, channel: &mut ProofWriter<'_>) -> Result<(), IpaError> {
        let half = self.a.len() / 2;
        let (a_lo, a_hi) = self.a.split_at(half);
        let (p_lo, p_hi) = self.p.split_at(half);
        let (g_lo, g_hi) = self.g.split_at(half);
        let blinds = [channel.blinds.draw(), channel.blinds.draw()];
        for (label, a, g, p, blind) in [("ipa.L", a_lo, g_hi, p_hi, blinds[0]), ("ipa.R", a_hi, g_lo, p_lo, blinds[1])]
        {
            let point = msm(g, a) + channel.generators.commit(&(self.xi * dot(a, p)), &blind);
            channel.sender.send_point(label, &group::affine(&point));
        }
        let (y, scalar, inverse) = challenge(&channel.sender.challenge_bytes("ipa.y"))?;
        let g = fold_points(g_lo, g_hi, &y)?;
        self.a = Zeroizing::new(a_lo.iter().zip(a_hi).map(|(lo, hi)| lo + inverse * hi).collect());
        self.p = p_lo.iter().zip(p_hi).map(|(lo, hi)| lo + scalar * hi).collect();
        self.g = g;
        self.blind += scalar * blinds[0] + inverse * blinds[1];
        Ok(())
    }

    fn respond(&self, channel: &mut ProofWriter<'_>) -> Result<(), IpaError> {
        let (&[a], &[p], [g]) = (&self.a[..], &self.p[..], &self.g[..]) else {
            return Err(IpaError::Shape { columns: self.g.len(), variables: 0 });
        };
        let (k, s) = (channel.blinds.draw(), channel.blinds.draw());
        let t = *g * k + channel.generators.commit(&(k * p * self.xi), &s);
        channel.sender.send_point("ipa.T", &group::affine(&t));
        let e = channel.challenge("ipa.e");
        channel.sender.send_scalar("ipa.z", &(k + e * a));
        channel.sender.send_scalar("ipa.z_r", &(s + e * self.blind));
        Ok(())
    }
}

/// Proves the relation over `columns`, the first C column generators.
///
/// # Errors
/// [`IpaError::Shape`] if C is not `2^point.len()` or the vector is longer; [`IpaError::ZeroChallenge`].
pub fn prove(
    channel: &mut ProofWriter<'_>,
    columns: &[Affine],
    witness: Witness,
    point: &[Scalar],
) -> Result<(), IpaError> {
    let shape = IpaError::Shape { columns: columns.len(), variables: point.len() };
    if columns.len() != 1 << point.len() || witness.vector.len() > columns.len() {
        return Err(shape);
    }
    channel.sender.absorb("ipa", &size_bytes(columns.len()));
    let xi = channel.challenge("ipa.xi");
    let mut a = witness.vector;
    a.resize(columns.len(), Scalar::ZERO);
    let blind = witness.blind + xi * witness.value.blind;
    let mut folding = Folding { a, p: eq_table(point), g: columns.to_vec(), blind, xi };
    while folding.a.len() > 1 {
        folding.round(channel)?;
    }
    folding.respond(channel)
}

/// Messages of the argument about so many columns.
#[must_use]
#[expect(clippy::arithmetic_side_effects, reason = "a logarithm of a size is at most 64")]
pub fn messages(columns: usize) -> usize {
    2 * log2_ceil(columns) + 3
}

/// Reads the argument that `e` commits to a vector whose MLE at `point` is the value in `k`; the equation joins those of
/// `channel`.
///
/// # Errors
/// [`IpaError::Read`] for malformed messages, [`IpaError::ZeroChallenge`].
pub fn verify(channel: &mut ProofReader<'_>, e: Commitment, k: Commitment, point: &[Scalar]) -> Result<(), IpaError> {
    channel.receiver.absorb("ipa", &size_bytes(1 << point.len()));
    let xi = channel.challenge("ipa.xi");
    let mut p = e + k * xi;
    let mut p_final = Scalar::ONE;
    let mut columns = vec![Scalar::ONE];
    for x in point {
        let left = channel.receive_point("ipa.L")?;
        let right = channel.receive_point("ipa.R")?;
        let (_, y, inverse) = challenge(&channel.receiver.challenge_bytes("ipa.y"))?;
        p = p + left * y + right * inverse;
        p_final *= Scalar::ONE - x + y * x;
        columns = columns.iter().flat_map(|c| [*c, c * y]).collect();
    }
    let t = channel.receive_point("ipa.T")?;
    let challenge = channel.challenge("ipa.e");
    let z = channel.receiver.receive_scalar("ipa.z")?;
    let z_r = channel.receiver.receive_scalar("ipa.z_r")?;
    for c in &mut columns {
        *c *= z;
    }
    let form = Commitment::public(z * p_final * xi) - t - p * challenge;
    channel.equations.push(Equation { check: Check::Opening, form, blind: z_r, columns });
    Ok(())
}
