//! What requests cause that is worth telling, until it is written down with their usage.

use bitting_store::{Fold, Raised};

/// Events that wait to be written. What goes on is one entry, so that ten million requests are as few as one.
#[derive(Debug, Default)]
pub(super) struct RaisedBook {
    waiting: Vec<Raised>,
    /// How many found no room.
    lost: u64,
}

/// How many may wait: a second's worth. Whoever makes more happen is one of those already told of.
const MOST: usize = 1_000;

impl RaisedBook {
    /// Adds what is raised to what it goes on with, or after it.
    pub(super) fn add(&mut self, raised: Raised) {
        if let Fold::Episode { .. } = raised.fold
            && let Some(known) = self
                .waiting
                .iter_mut()
                .find(|known| known.kind == raised.kind && known.fold == raised.fold && known.api == raised.api)
        {
            known.count = known.count.saturating_add(raised.count);
            (known.at, known.data) = (raised.at, raised.data);
            return;
        }
        if self.waiting.len() < MOST {
            self.waiting.push(raised);
        } else {
            self.lost += 1;
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        other.waiting.into_iter().for_each(|raised| self.add(raised));
        self.lost += other.lost;
    }

    /// Whether there is room for more.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < MOST / 2
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes out so many, the first first.
    pub(super) fn take(&mut self, most: usize) -> Vec<Raised> {
        if std::mem::take(&mut self.lost) > 0 {
            tracing::warn!("more happened at once than can be told: events were left out");
        }
        self.waiting.drain(..most.min(self.waiting.len())).collect()
    }
}
