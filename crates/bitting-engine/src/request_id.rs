//! Names for requests, so that a line in a log, an answer and an audit row can be brought together.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;

use crate::entropy::{Entropy, EntropyError};

/// The id of one request: `req_` and 32 hexadecimal digits, of which the first half names the process.
#[derive(Clone, Copy)]
pub struct RequestId([u8; 36]);

/// Makes ids. A caller's own id is never taken over: it could be anything, a key included.
#[derive(Debug)]
pub struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// For a new process.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new() -> Result<Self, EntropyError> {
        let mut process = [0; 8];
        Entropy.fill(&mut process)?;
        Ok(Self { process: u64::from_ne_bytes(process), next: AtomicU64::new(0) })
    }

    /// The next id.
    pub fn next(&self) -> RequestId {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let number = u128::from(self.process) << 64 | u128::from(count);
        let mut text = *b"req_00000000000000000000000000000000";
        for (position, digit) in text[4..].iter_mut().enumerate() {
            *digit = DIGITS[(number >> (124 - 4 * position) & 15) as usize];
        }
        RequestId(text)
    }
}

impl RequestId {
    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The text as a header.
    pub fn to_header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_share_the_part_of_their_process() {
        let ids = RequestIds::new().unwrap();
        let (first, second) = (ids.next().to_string(), ids.next().to_string());
        assert_ne!(first, second);
        assert_eq!(first[..20], second[..20]);
        assert!(first.starts_with("req_") && first.ends_with("0000000000000000") && second.ends_with("0001"));
    }
}
