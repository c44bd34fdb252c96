//! What the command line and the owner of a store say to each other: one question and one answer on each connection, as
//! JSON. No key is ever among it: the command line makes keys and sends their digests. Secrets of webhooks
//! are, since they have to be kept.

use std::path::PathBuf;

use bitting_core::account::AccountId;
use bitting_core::key::{Digest, KeyHash, KeyId};
use bitting_core::member::MemberId;
use bitting_core::record::Sequence;
use bitting_core::webhook::WebhookId;
use bitting_engine::{CommitError, ImportFinding, InvalidChange, UsageStep, Violation};
use bitting_store::{
    AccountRow, AuditHead, AuditRow, AuditVerdict, Change, ImportedKey, KeyCursor, KeyFilter, KeyRow, LastUse, ListedWebhook,
    MemberRow, Page, RecognisedKey, Refusal, UsageQuery, UsageRow, WebhooksOf,
};
use serde::{Deserialize, Serialize};

/// What is asked. The kind stands outside: a tag among the fields would have serde read each key of an import twice.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Question {
    Commit {
        change: Change,
        user: String,
    },
    Key {
        api: String,
        id: KeyId,
    },
    Keys {
        api: String,
        filter: KeyFilter,
        page: Page<KeyCursor>,
    },
    Account {
        api: String,
        id: AccountId,
    },
    Accounts {
        api: String,
        page: Page<AccountId>,
    },
    Preview {
        api: String,
        keys: Vec<ImportedKey>,
    },
    Export {
        api: String,
        after: Option<KeyId>,
        limit: usize,
        hashes: bool,
    },
    Audit {
        after: Sequence,
        limit: usize,
    },
    BackUp {
        to: PathBuf,
    },
    Usage {
        query: UsageQuery,
        step: UsageStep,
    },
    LastUse {
        key: KeyId,
    },
    /// Whose keys these are, by what keys are looked up by.
    Recognise {
        digests: Vec<Digest>,
    },
    AuditHead,
    VerifyAudit {
        kept: Option<AuditHead>,
    },
    /// By id or e-mail address.
    Member {
        known_as: String,
    },
    Members {
        api: String,
        account: Option<AccountId>,
        page: Page<MemberId>,
    },
    Webhooks {
        api: String,
        of: WebhooksOf,
        page: Page<WebhookId>,
    },
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
    Previewed(Vec<ImportFinding>),
    Exported(Vec<Exported>),
    Audit(Vec<AuditRow>),
    /// The size of the backup in bytes.
    BackedUp(u64),
    Used(Vec<UsageRow>),
    LastUsed(Option<LastUse>),
    Recognised(Vec<Option<RecognisedKey>>),
    AuditHead(AuditHead),
    AuditVerified(AuditVerdict),
    Member(Option<Box<MemberRow>>),
    Members(Vec<MemberRow>),
    Webhooks(Vec<ListedWebhook>),
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

/// A key as it leaves the store.
#[derive(Debug, Serialize, Deserialize)]
pub struct Exported {
    /// What is known of its text, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<KeyHash>,
    /// Everything else.
    #[serde(flatten)]
    pub row: KeyRow,
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
