//! The cuts of a key: the outline of a blade, drawn from the public id and never from the secret, the same wherever the key
//! appears. It helps the eye and says nothing, so readers do not read it out.

use askama::Template;
use askama::filters::HtmlSafe;
use bitting_core::key::KeyId;
use sha2::{Digest as _, Sha256};

/// How deep each of the six cuts is, from 0 to 3. No two neighbours are alike, as in a real key: they would be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Template)]
#[template(path = "dashboard/part/cuts.html")]
pub(crate) struct Cuts([i8; 6]);

impl HtmlSafe for Cuts {}

impl Cuts {
    /// Those of a key. Half of an id is its time, so the cuts come from its hash: keys of one day look different.
    pub(crate) fn of(id: KeyId) -> Self {
        let hash = Sha256::digest(id.to_bytes());
        let mut depth: u8 = 0;
        Self(std::array::from_fn(|position| {
            depth = if position == 0 { hash[0] % 4 } else { (depth + 1 + hash[position] % 3) % 4 };
            depth.cast_signed()
        }))
    }

    /// The same with a bow, for the page on which the key is shown.
    pub(crate) fn whole(self) -> WholeKey {
        WholeKey { path: self.path() }
    }

    /// The path in a box of 39 by 14.
    fn path(self) -> String {
        // Each cut is a slope and a flat, written as steps from the one before.
        let mut from = 0;
        let cuts = self.0.map(|depth| {
            let down = 2 * depth + 1 - from;
            from = 2 * depth + 1;
            format!("l1.5 {down}h3")
        });
        format!("M.5 13.5v-12h4{}L33.5 6.5l4 7z", cuts.concat())
    }
}

/// A key's cuts with its bow.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "dashboard/part/whole_key.html")]
pub(crate) struct WholeKey {
    path: String,
}

impl HtmlSafe for WholeKey {}

#[cfg(test)]
mod tests {
    use bitting_core::time::Timestamp;

    use super::*;

    #[test]
    fn a_key_has_the_same_cuts_everywhere_and_for_ever() {
        let id: KeyId = "key_01m7r8z3q9v5w2x4y6a8b0c1d2".parse().unwrap();
        assert_eq!(Cuts::of(id), Cuts::of(id));
        // Drawn once and kept here: a key that looks different tomorrow is not recognised.
        assert_eq!(Cuts::of(id).0, [1, 2, 1, 0, 1, 0]);
    }

    #[test]
    fn neighbouring_cuts_differ_and_so_do_keys_of_one_moment() {
        let all: Vec<Cuts> =
            (0..64).map(|random| Cuts::of(KeyId::new(Timestamp::from_millis(1_700_000_000_000), random))).collect();
        for cuts in &all {
            assert!(
                cuts.0.iter().all(|depth| (0..4).contains(depth)) && cuts.0.windows(2).all(|pair| pair[0] != pair[1]),
                "{cuts:?}"
            );
        }
        let distinct = all.iter().map(|cuts| cuts.0).collect::<std::collections::BTreeSet<_>>().len();
        assert!(distinct > 48, "{distinct}");
    }
}
