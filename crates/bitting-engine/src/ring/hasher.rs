//! A hash for what is a hash already.

use std::hash::{BuildHasher, Hasher};

/// Folds a digest with a seed of the process. A digest is evenly spread, so nothing stronger is needed to fill a table; the
/// seed keeps somebody who can choose keys from choosing their places in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct DigestHasher {
    seed: (u64, u64),
}

pub(super) struct Fold {
    seed: (u64, u64),
    folded: u64,
}

impl DigestHasher {
    pub(super) fn new(seed: u128) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let halves = (seed as u64, (seed >> 64) as u64);
        Self { seed: halves }
    }
}

impl BuildHasher for DigestHasher {
    type Hasher = Fold;

    fn build_hasher(&self) -> Fold {
        Fold { seed: self.seed, folded: 0 }
    }
}

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        // The length of the array is written too; it is the same for all and may be ignored.
        if let Some((first, rest)) = bytes.split_first_chunk::<8>()
            && let Some(second) = rest.first_chunk::<8>()
        {
            let a = u64::from_ne_bytes(*first) ^ self.seed.0;
            let b = u64::from_ne_bytes(*second) ^ self.seed.1;
            let product = u128::from(a) * u128::from(b);
            #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
            let folded = product as u64 ^ (product >> 64) as u64;
            self.folded = folded;
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.folded
    }
}

#[cfg(test)]
mod tests {
    use bitting_core::key::Digest;

    use super::*;

    #[test]
    fn digests_are_spread_and_their_places_depend_on_the_seed() {
        let (one, other) = (DigestHasher::new(3 << 70 | 5), DigestHasher::new(9 << 70 | 1));
        let digest = |n: u8| Digest::from_bytes([n.wrapping_mul(31); 32]);
        let mut places: Vec<u64> = (0..=255).map(|n| one.hash_one(digest(n)) >> 40).collect();
        places.sort_unstable();
        places.dedup();
        assert!(places.len() > 250);
        assert_ne!(one.hash_one(digest(1)), other.hash_one(digest(1)));
    }
}
