//! What nobody knows after a COMMIT that gave no answer.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_store::{Change, RingRow, Store, StoreError};
use tokio::time::Instant;

use crate::ring::Ring;

/// Rows of which it is not known whether a change took effect. Those that were there before are refused until the store
/// was read.
#[derive(Default)]
pub(super) struct Doubts {
    rows: BTreeSet<Row>,
    /// When to read again.
    due: Option<Instant>,
    /// How long to wait after that, should it not help.
    wait: Duration,
}

/// Accounts come first, so that a new key finds its account.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Account { api: String, id: AccountId },
    Key(KeyId),
}

/// How long to wait before reading again for the first time.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The longest wait. A row that is damaged stays in doubt until somebody mends it, and should not keep the writer busy.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

impl Doubts {
    /// Refuses what the changes may have changed, and has it read at once.
    pub(super) fn begin(&mut self, changes: &[Change], ring: &Ring) {
        let subjects: HashSet<KeyId> = changes.iter().filter_map(Change::subject_key).collect();
        ring.doubt_keys(&subjects);
        self.rows.extend(subjects.into_iter().map(Row::Key));
        for change in changes {
            // A new key is in nobody's hands before its commit is known, so there is nothing to refuse.
            self.rows.extend(change.new_key().map(Row::Key));
            for key in change.imported() {
                self.rows.insert(Row::Key(key.id));
                self.rows.insert(Row::Account { api: change.api().to_owned(), id: key.account.clone() });
            }
            if let Some(id) = change.account() {
                // Neither has a new account keys, nor does a new key change an account that is there.
                if matches!(change, Change::UpdateAccount { .. }) {
                    ring.doubt_account(change.api(), id);
                }
                self.rows.insert(Row::Account { api: change.api().to_owned(), id: id.clone() });
            }
        }
        (self.due, self.wait) = (Some(Instant::now()), FIRST_WAIT);
    }

    /// Waits until it is time to read again: for ever, if nothing is in doubt.
    pub(super) async fn due(&self) {
        match self.due {
            Some(due) => tokio::time::sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// Reads what is in doubt if it is time to; what cannot be read stays so, and holds nothing else up.
    pub(super) async fn resolve(&mut self, store: &dyn Store, ring: &Ring) {
        if self.due.is_none_or(|due| Instant::now() < due) {
            return;
        }
        let mut failure = None;
        for row in std::mem::take(&mut self.rows) {
            if let Err(error) = row.read(store, ring).await {
                self.rows.insert(row);
                failure = Some(error);
            }
        }
        self.due = failure.map(|error| {
            tracing::warn!(%error, rows = self.rows.len(), again_in = ?self.wait, "what is in doubt cannot be read yet");
            Instant::now() + self.wait
        });
        self.wait = LONGEST_WAIT.min(self.wait * 2);
    }
}

impl Row {
    async fn read(&self, store: &dyn Store, ring: &Ring) -> Result<(), StoreError> {
        match self {
            Self::Account { api, id } => store.account(api, id).await?.iter().for_each(|row| ring.apply_account(row)),
            Self::Key(id) => store.ring_key(*id).await?.iter().for_each(|row: &RingRow| ring.apply(row)),
        }
        Ok(())
    }
}
