//! What the command line and the owner of a store say to each other: one question and one answer on each connection, as
//! JSON. No key is ever among it: the command line makes keys and sends their digests.

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_engine::{CommitError, InvalidChange, Violation};
use bitting_store::{AccountRow, Change, KeyCursor, KeyFilter, KeyRow, Page, Refusal};
use serde::{Deserialize, Serialize};

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(super) enum Question {
    Commit { change: Change, user: String },
    Key { api: String, id: KeyId },
    Keys { api: String, filter: KeyFilter, page: Page<KeyCursor> },
    Account { api: String, id: AccountId },
    Accounts { api: String, page: Page<AccountId> },
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Done(Done),
    Key(Option<Box<KeyRow>>),
    Keys(Vec<KeyRow>),
    Account(Option<AccountRow>),
    Accounts(Vec<AccountRow>),
    /// Fields are wrong.
    Invalid(Vec<Violation>),
    /// What it is about does not allow it.
    Refused(Refusal),
    /// The store failed.
    Failed(String),
}

/// A change that was made.
#[derive(Debug, Serialize, Deserialize)]
pub struct Done {
    /// The number of the commit.
    pub sequence: u64,
    /// The keys as they now are; after a rotation the new one first.
    pub keys: Vec<KeyRow>,
    /// The accounts as they now are.
    pub accounts: Vec<AccountRow>,
}

impl From<CommitError> for Answer {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Invalid(InvalidChange::Fields(violations)) => Self::Invalid(violations),
            CommitError::Refused(refusal) => Self::Refused(refusal),
            other => Self::Failed(other.to_string()),
        }
    }
}
