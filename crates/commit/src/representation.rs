//! Knowledge of a representation: what is left of a committed row once its public part is taken off (Okamoto; Maurer 2009,
//! section 5).
//!
//! Relation, for a committed row C, public x_0 .. x_(k-1) and the next columns, which stay hidden:
//!
//! ```text
//! D = C - sum_{j<k} x_j G_j,      D = sum_{l<n} y_l G_(k+l) + r H
//! ```
//!
//! ```text
//! P: T = sum_l k_l G_(k+l) + k H
//! V: e
//! P: s_l = k_l + e y_l for every l,  s = k + e r
//! V: sum_l s_l G_(k+l) + s H = T + e D
//! ```
//!
//! Special sound: two challenges give y and r, so that C opens to (x, y) under r and, by binding, to nothing else. Perfectly
//! honest-verifier zero-knowledge: draw e and all responses, solve for T. The columns behind are not part of the relation: a
//! row that holds anything there has no representation.

use crate::channel::{Check, Equation, ProofReader, ProofWriter, ProverChannel, VerifierChannel};
use crate::msm::msm;
use crate::pedersen::Commitment;
use zeroize::Zeroizing;
use zkdl_field::{Scalar, group};
use zkdl_transcript::{ReadError, size_bytes};

/// The public part of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// x, from column 0.
    pub columns: Vec<Scalar>,
    /// n, the number of hidden columns behind them.
    pub hidden: usize,
}

impl Public {
    fn sizes(&self) -> Vec<u8> {
        [size_bytes(self.columns.len()), size_bytes(self.hidden)].concat()
    }
}

/// Proves that the row with this public part holds `y` in the columns behind, under `blind`.
pub fn prove(channel: &mut ProofWriter<'_>, public: &Public, y: &[Scalar], blind: &Scalar) {
    channel.sender.absorb("representation", &public.sizes());
    let masks = Zeroizing::new(channel.blinds.draw_many(public.hidden));
    let mask = channel.blinds.draw();
    let columns = channel.generators.columns.get(public.columns.len()..).unwrap_or_default();
    let t = msm(columns, &masks) + channel.generators.blind * mask;
    channel.sender.send_point("representation.T", &group::affine(&t));
    let e = channel.challenge("representation.e");
    for (k, y) in masks.iter().zip(y) {
        channel.sender.send_scalar("representation.s_l", &(k + e * y));
    }
    channel.sender.send_scalar("representation.s", &(mask + e * blind));
}

/// Reads the proof about the row commitment `c`; its equation joins those of `channel`.
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify(channel: &mut ProofReader<'_>, c: Commitment, public: &Public) -> Result<(), ReadError> {
    channel.receiver.absorb("representation", &public.sizes());
    let t = channel.receive_point("representation.T")?;
    let e = channel.challenge("representation.e");
    let mut columns: Vec<Scalar> = public.columns.iter().map(|x| e * x).collect();
    for _ in 0..public.hidden {
        columns.push(channel.receiver.receive_scalar("representation.s_l")?);
    }
    let s = channel.receiver.receive_scalar("representation.s")?;
    let form = Commitment::default() - t - c * e;
    channel.equations.push(Equation { check: Check::Representation, form, blind: s, columns });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The challenge depends on both sizes, and on which is which.
    #[test]
    fn sizes_are_told_apart() {
        let sizes = |columns, hidden| Public { columns: vec![Scalar::from(1); columns], hidden }.sizes();
        assert_eq!(sizes(3, 0x0102), [3, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
        assert_ne!(sizes(1, 2), sizes(2, 1));
    }
}
