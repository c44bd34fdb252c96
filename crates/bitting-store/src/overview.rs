//! The list of keys that people look at: which of them want a decision, which nobody uses, and how many there are of each.
//!
//! Programs page through [`KeyReader::keys`](crate::KeyReader::keys); people sort by whatever they look for, go back, and want to
//! know how much there is before they go. So an [`Overview`] has the counts of all [views](View) beside the keys of one, and a
//! place in it is what the list is sorted by, not a number of rows, so that it stays right while keys come and go.

mod selection;
mod state;

use std::fmt;

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::meter::LastUse;
use crate::row::KeyRow;

pub(crate) use selection::{Face, Selected, Selection, Wanted};
pub use state::{Ages, KeyState};
pub(crate) use state::{Horizon, Standing, Vitals, unused_since};

/// Lists of keys for people.
#[async_trait]
pub trait OverviewReader: Send + Sync {
    /// A part of a list, with the counts of its views.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn overview(&self, query: OverviewQuery) -> Result<Overview, StoreError>;

    /// Notes which keys of an API have expired, at most so many, and says how many it were. Lists are right without it; but where
    /// keys live for a short time most are expired, and have to be passed over until this was done.
    ///
    /// # Errors
    /// If the store cannot be written.
    async fn note_expired(&self, api: &str, now: Timestamp, limit: usize) -> Result<usize, StoreError>;
}

/// Which keys, and which part of their list.
#[derive(Debug, Clone, PartialEq)]
pub struct OverviewQuery {
    /// The API's name.
    pub api: String,
    /// The keys of one account, or of all.
    pub account: Option<AccountId>,
    /// Those of one environment, or of all.
    pub environment: Option<String>,
    /// Those that somebody searches for. In the list of one account the text is looked for anywhere in the name, the case of
    /// letters aside; in that of a whole API a name must begin with it, the case of ASCII letters aside. In both it may also be
    /// the beginning of the key itself, as far as that is shown.
    pub search: Option<String>,
    /// Those in one view.
    pub view: View,
    /// In which order.
    pub sort: Sort,
    /// Which part of the list.
    pub part: Part,
    /// The most keys to return.
    pub limit: usize,
    /// When keys ask for a decision.
    pub ages: Ages,
    /// The time that it is asked at.
    pub now: Timestamp,
}

/// Which of the keys. A key can be in several views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Every key, whatever its state.
    #[default]
    All,
    /// Those that work and want a decision: overdue, expiring, or replaced and not yet ended.
    Attention,
    /// Those that work and that nobody has used for a long time.
    Unused,
    /// Those that are ended for good.
    Revoked,
}

/// In which order. Keys that are alike in it are in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// Whether the greatest comes first: the newest, the most recently used, the last in the alphabet.
    pub descending: bool,
}

/// By what keys are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// The name, the case of ASCII letters aside.
    Name,
    /// When they were made.
    Created,
    /// The minute in which they were last used. Those that never were come before all others, in the order in which they were made.
    LastUsed,
    /// When they end. Those that never do come after all others.
    Expires,
}

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Its beginning.
    #[default]
    First,
    /// What follows a place.
    After(OverviewPlace),
    /// What comes before a place.
    Before(OverviewPlace),
}

/// A place in a list: that of a key, as it was when it was listed. It is good in lists of the same order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverviewPlace {
    pub(crate) value: SortValue,
    pub(crate) key: KeyId,
}

/// What a key is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum SortValue {
    Number(i64),
    Text(String),
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The keys, in order.
    pub keys: Vec<OverviewKey>,
    /// How many keys each view has, of the same account, environment and search. Of what is found by a search in a whole API there
    /// may be so much that only a part of it was looked at; then there are at least so many.
    pub counts: Counts,
    /// How many keys of the view come before these, where that is known: in the list of one account, and in every list that is not
    /// longer than [`COUNTED`].
    pub skipped: Option<u64>,
    /// Where these begin, if there are keys before them.
    pub previous: Option<OverviewPlace>,
    /// Where these end, if there are keys after them.
    pub next: Option<OverviewPlace>,
}

/// A key in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct OverviewKey {
    /// The key.
    pub row: KeyRow,
    /// When and from where it was used last, if it ever was.
    pub last_use: Option<LastUse>,
    /// Its state in one word.
    pub state: KeyState,
}

/// How many keys each view has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is that of the view of its name")]
pub struct Counts {
    pub all: Count,
    pub attention: Count,
    pub unused: Count,
    pub revoked: Count,
}

/// So many, or at least so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The number.
    pub number: u64,
    /// Whether there are exactly so many.
    pub is_exact: bool,
}

/// Up to how many keys a list of a whole API is counted exactly. Those of one account always are.
pub const COUNTED: usize = 10_000;

impl Counts {
    /// That of a view.
    pub fn of(&self, view: View) -> Count {
        match view {
            View::All => self.all,
            View::Attention => self.attention,
            View::Unused => self.unused,
            View::Revoked => self.revoked,
        }
    }
}

impl Count {
    /// Exactly so many.
    pub fn exactly(number: usize) -> Self {
        Self { number: u64::try_from(number).unwrap_or(u64::MAX), is_exact: true }
    }

    /// So many, unless that is more than is [counted](COUNTED).
    pub(crate) fn capped(number: usize) -> Self {
        Self { is_exact: number <= COUNTED, ..Self::exactly(number.min(COUNTED)) }
    }
}

impl fmt::Display for Count {
    /// As in `37` and `10,000+`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.number.to_string();
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        f.write_str(if self.is_exact { "" } else { "+" })
    }
}

impl SortBy {
    /// The order that is meant where none is said: names from A, ends from the next one, everything else from the newest.
    pub fn usual(self) -> Sort {
        Sort { by: self, descending: matches!(self, Self::Created | Self::LastUsed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_with_commas_and_a_sign_for_more() {
        let count = |number, is_exact| Count { number, is_exact }.to_string();
        assert_eq!([count(0, true), count(999, true), count(1_000, true)], ["0", "999", "1,000"]);
        assert_eq!([count(10_000, false), count(1_234_567, true)], ["10,000+", "1,234,567"]);
    }

    #[test]
    fn a_place_reads_back_whatever_it_is_sorted_by() {
        let key = KeyId::from_bytes([7; 16]);
        for value in [SortValue::Number(-5), SortValue::Text("-5".into())] {
            let place = OverviewPlace { value, key };
            assert_eq!(serde_json::from_str::<OverviewPlace>(&serde_json::to_string(&place).unwrap()).unwrap(), place);
        }
    }
}
