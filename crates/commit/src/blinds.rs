//! Fresh blinds: operating-system entropy, hedged with statement and witness.
//!
//! `key = SHA-512("zkdl/v1/blinds" || entropy || context..)`, blind number i = `SHA-512(key || i)` reduced modulo r. If the
//! system's entropy repeats (cloned machine), different statements or witnesses still get different blinds; if it is good,
//! the blinds are independent of everything.

use sha2::{Digest, Sha512};
use zeroize::Zeroizing;
use zkdl_field::Scalar;
use zkdl_field::scalar::{RandomnessError, from_wide};
use zkdl_transcript::size_bytes;

/// A source of unpredictable bytes.
pub trait Entropy {
    /// Fills the buffer.
    ///
    /// # Errors
    /// [`RandomnessError`] if there is none to give.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError>;
}

/// The operating system's generator: what every real proof uses.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        getrandom::fill(bytes).map_err(|_| RandomnessError)
    }
}

/// A stream of blinds.
pub struct BlindSource {
    key: Zeroizing<[u8; 64]>,
    drawn: u64,
}

impl BlindSource {
    /// Seeds the stream; `context` is statement digest, witness digest and whatever else distinguishes this proof.
    ///
    /// # Errors
    /// [`RandomnessError`] from the source.
    pub fn new(entropy: &mut dyn Entropy, context: &[&[u8]]) -> Result<Self, RandomnessError> {
        let mut fresh = Zeroizing::new([0u8; 64]);
        entropy.fill(&mut *fresh)?;
        let mut hash = Sha512::new();
        hash.update(b"zkdl/v1/blinds");
        hash.update(*fresh);
        for part in context {
            hash.update(size_bytes(part.len()));
            hash.update(part);
        }
        Ok(Self { key: Zeroizing::new(hash.finalize().into()), drawn: 0 })
    }

    /// The next blind.
    #[expect(clippy::arithmetic_side_effects, reason = "prover only: nobody draws 2^64 blinds")]
    #[cfg_attr(feature = "simulator", track_caller)]
    pub fn draw(&mut self) -> Scalar {
        #[cfg(feature = "simulator")]
        if crate::simulator::is_taken(std::panic::Location::caller()) {
            return zkdl_field::Field::ONE;
        }
        let mut hash = Sha512::new();
        hash.update(*self.key);
        hash.update(self.drawn.to_le_bytes());
        self.drawn += 1;
        let bytes = Zeroizing::new(<[u8; 64]>::from(hash.finalize()));
        from_wide(&bytes)
    }

    /// The next `n` blinds.
    #[cfg_attr(feature = "simulator", track_caller)]
    pub fn draw_many(&mut self, n: usize) -> Vec<Scalar> {
        let mut blinds = vec![Scalar::default(); n];
        // A loop, for in a closure tests would not see who draws.
        for blind in &mut blinds {
            *blind = self.draw();
        }
        blinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stuck;
    impl Entropy for Stuck {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
            bytes.fill(7);
            Ok(())
        }
    }

    /// Catalogue 114.
    #[test]
    fn repeated_entropy_is_hedged_by_the_context() {
        let draw = |context: &[&[u8]]| BlindSource::new(&mut Stuck, context).unwrap().draw_many(3);
        assert_eq!(draw(&[b"a", b"b"]), draw(&[b"a", b"b"]));
        assert_ne!(draw(&[b"a", b"b"])[0], draw(&[b"ab", b""])[0]);
        let blinds = draw(&[b"a"]);
        assert_ne!(blinds[0], blinds[1]);
    }

    #[test]
    fn the_systems_entropy_is_fresh() {
        let draw = || BlindSource::new(&mut OsEntropy, &[b"same"]).unwrap().draw();
        assert_ne!(draw(), draw());
    }
}
