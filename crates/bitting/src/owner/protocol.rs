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

use crate::config::{Problem, Problems};
use crate::server::Reloaded;

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
    Health,
    Reload,
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
    Health(Health),
    Reloaded {
        reloaded: Reloaded,
        warnings: Report,
    },
    /// The new configuration is wrong, and the old one stays.
    Misconfigured(Report),
    /// It may be right, but cannot be put in force, and the old one stays.
    NotReloaded(String),
    /// Fields are wrong.
    Invalid(Vec<Violation>),
    /// What it is about does not allow it.
    Refused(Refusal),
    /// The store failed.
    Failed(String),
}

/// How a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ready`, `loading`, `stopping` or `broken`.
    pub status: String,
    /// How many keys are in memory.
    pub keys: usize,
    /// The APIs that are in force.
    pub apis: Vec<String>,
    /// The program's version.
    pub version: String,
    /// What was last odd about the machine's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
}

/// What there is to say about a configuration.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// For people, as `bitting check` shows it.
    pub text: String,
    /// For programs.
    pub problems: Vec<serde_json::Value>,
    /// How many of them are errors.
    pub errors: usize,
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

impl From<&Problems> for Report {
    fn from(problems: &Problems) -> Self {
        let for_programs = |problem: &Problem| serde_json::to_value(problem.report()).unwrap_or_default();
        Self {
            text: problems.render(false).trim_end().to_owned(),
            problems: problems.0.iter().map(for_programs).collect(),
            errors: problems.counts().0,
        }
    }
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
