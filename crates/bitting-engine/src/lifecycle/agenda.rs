//! What is to be done with which key, and when that is looked at next.
//!
//! It says only when to look: whether something is done is decided on the key as it is then. So nothing has to be taken from it when a
//! key changes, and it can be lost.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bitting_core::key::KeyId;
use bitting_core::name::NameId;
use bitting_core::time::Timestamp;

/// Keys in the order in which they are looked at.
#[derive(Debug, Default)]
pub(super) struct Agenda(BinaryHeap<Reverse<Item>>);

/// A key to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) due: Timestamp,
    pub(super) key: KeyId,
    pub(super) api: NameId,
    pub(super) task: Task,
}

/// What to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// Renew it.
    Renew {
        /// Whether it is renewed even if it has ended meanwhile: nobody has looked at it since it could have been renewed.
        is_owed: bool,
    },
    /// End it if nobody uses it any more.
    Leave,
}

impl Agenda {
    pub(super) fn add(&mut self, item: Item) {
        self.0.push(Reverse(item));
    }

    /// Looks at keys at a later time.
    pub(super) fn put_off(&mut self, items: impl IntoIterator<Item = Item>, due: Timestamp) {
        self.0.extend(items.into_iter().map(|item| Reverse(Item { due, ..item })));
    }

    /// Takes what is due, at most so many.
    pub(super) fn due(&mut self, now: Timestamp, most: usize) -> Vec<Item> {
        let mut due = Vec::new();
        while due.len() < most
            && let Some(Reverse(first)) = self.0.peek()
            && first.due <= now
        {
            due.extend(self.0.pop().map(|Reverse(item)| item));
        }
        due
    }
}
