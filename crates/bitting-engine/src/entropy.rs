//! Randomness from the operating system.

/// The operating system could not give random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}")]
pub struct EntropyError(getrandom::Error);

/// The operating system's source of random bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Entropy;

impl Entropy {
    /// Fills a buffer.
    ///
    /// # Errors
    /// If the operating system has no randomness to give.
    pub fn fill(self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks for randomness")]
        let filled = getrandom::fill(buffer);
        filled.map_err(EntropyError)
    }

    /// 128 random bits.
    ///
    /// # Errors
    /// As [`fill`](Self::fill).
    pub fn random(self) -> Result<u128, EntropyError> {
        let mut bytes = [0; 16];
        self.fill(&mut bytes)?;
        Ok(u128::from_ne_bytes(bytes))
    }
}
