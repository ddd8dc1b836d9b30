//! Who may ask: whoever knows 256 bits that were drawn when the page was opened.

use crate::error::{CliError, Result};
use subtle::ConstantTimeEq;
use zkdl::statement::hex;
use zkdl_commit::blinds::{Entropy, OsEntropy};

/// The token, in hexadecimal.
pub(crate) struct Token(String);

impl Token {
    /// Draws one.
    pub(crate) fn draw() -> Result<Self> {
        let mut bytes = [0; 32];
        OsEntropy.fill(&mut bytes).map_err(|e| CliError::io("no token can be drawn").caused_by(e))?;
        Ok(Self(hex(&bytes)))
    }

    /// The text that opens the page.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether the value of an `Authorization` header is this token; how much of it is right does not show in the time.
    pub(crate) fn opens(&self, authorization: Option<&[u8]>) -> bool {
        let given = authorization.and_then(|value| value.strip_prefix(b"Bearer ")).unwrap_or_default();
        bool::from(given.ct_eq(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_opens() {
        let token = Token::draw().unwrap();
        let right = format!("Bearer {}", token.reveal());
        assert!(token.opens(Some(right.as_bytes())));
        for length in 0..right.len() {
            assert!(!token.opens(Some(&right.as_bytes()[..length])), "{length}");
        }
        assert!(!token.opens(None));
        assert!(!token.opens(Some(token.reveal().as_bytes())));
        assert!(!token.opens(Some(format!("Bearer {}", Token::draw().unwrap().reveal()).as_bytes())));
    }
}
