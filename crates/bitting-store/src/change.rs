//! What can change, and what each change does.

mod about;
mod account;
mod effect;
mod events;
mod import;
mod key;
mod leak;
mod member;
mod refusal;
mod webhook;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bitting_core::account::AccountId;
use bitting_core::key::{Digest, KeyId};
use bitting_core::member::MemberId;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_core::webhook::{SigningSecret, WebhookId};
use serde::{Deserialize, Deserializer, Serialize};

use crate::member::MemberRow;
use crate::row::{AccountRow, StoredKey};
use crate::webhook::{DisabledBecause, WebhookRow};

pub use account::{AccountPatch, NewAccount};
pub(crate) use effect::{Effect, Found, RowWrite, Write};
pub use events::key_facts;
pub(crate) use import::FoundImports;
pub use import::{ImportStanding, ImportedKey};
pub use key::{KeyPatch, NewKey, Successor, SwitchPatch};
pub use leak::{Leak, LeakReport};
pub use member::{MemberPatch, NewLink, NewMember, NewSession, Sessions};
pub use refusal::Refusal;
pub use webhook::{NewWebhook, WebhookPatch};

/// One change with who wants it and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What shall change.
    pub change: Change,
    /// Who wants it, and how they asked.
    pub origin: Origin,
    /// What must hold for it to be made.
    pub conditions: Conditions,
    /// When.
    pub at: Timestamp,
}

/// Who wants a change, and how they asked, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Who.
    pub actor: Actor,
    /// The request that it came with.
    pub request_id: String,
    /// Where from, if it came over the network.
    pub address: Option<IpAddr>,
}

/// What must hold for a change to be made; by default nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    /// Keys of the API that are still as this commit left them: those on which it was decided that the change may be made,
    /// and the one that its author has seen.
    pub keys: Vec<(KeyId, Sequence)>,
    /// The account that the change is about is still as this commit left it.
    pub account: Option<Sequence>,
    /// The same request was not answered before.
    pub idempotency: Option<Idempotency>,
}

/// What makes a request the same as another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Who asks, and for what.
    pub scope: String,
    /// The key that they chose.
    pub key: String,
    /// A digest of what they sent.
    pub fingerprint: [u8; 32],
}

impl Idempotency {
    /// How long a request is remembered.
    pub const KEPT: Duration = Duration::from_hours(24);
}

/// Something that shall change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// A new account.
    CreateAccount(NewAccount),
    /// Other values for an account.
    UpdateAccount {
        /// The API's name.
        api: String,
        /// The account.
        account: AccountId,
        /// The new values.
        patch: AccountPatch,
    },
    /// A new key.
    CreateKey(Box<NewKey>),
    /// Other values for a key.
    UpdateKey {
        /// The API's name.
        api: String,
        /// The key.
        key: KeyId,
        /// The new values.
        patch: Box<KeyPatch>,
    },
    /// A new key in place of an old one, with all that the old one may do.
    RotateKey {
        /// The API's name.
        api: String,
        /// The old key.
        key: KeyId,
        /// What is new about the new one.
        successor: Successor,
        /// When the old one ends, unless it ends before; `None` revokes it at once.
        old_ends_at: Option<Timestamp>,
        /// How many seconds the old one must be unused to end before that; `None` is that it does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end_when_unused_for_s: Option<u64>,
    },
    /// Another term for a key that renews itself. Bitting alone makes this change.
    RenewKey {
        /// The API's name.
        api: String,
        /// The key.
        key: KeyId,
        /// The plan of its account, which allows it.
        plan: Option<String>,
        /// The end of the present term.
        ends_at: Timestamp,
        /// When the next one begins, which is not before the present one ends.
        begins_at: Timestamp,
        /// When that ends.
        until: Timestamp,
    },
    /// The end of a key.
    RevokeKey {
        /// The API's name.
        api: String,
        /// The key.
        key: KeyId,
    },
    /// Keys that somebody else issued. Those that are there already stay as they are, so the same import can be made twice.
    ImportKeys {
        /// The API's name.
        api: String,
        /// The id of the whole import, of which this may be a part.
        import: String,
        /// The keys.
        keys: Vec<ImportedKey>,
    },
    /// The SHA-256 of a key that was imported by another hash and was now seen. Bitting alone makes this change.
    RehashKey {
        /// The API's name.
        api: String,
        /// The key.
        key: KeyId,
        /// Its SHA-256.
        digest: Digest,
    },
    /// A key was found where others can read it.
    ReportLeak {
        /// The API's name.
        api: String,
        /// The key.
        key: KeyId,
        /// Where it was found.
        leak: Leak,
        /// Whether the key ends with it.
        revoke: bool,
    },
    /// Somebody has asked whether texts are keys.
    NoteLeakReport {
        /// The API's name.
        api: String,
        /// How many.
        report: LeakReport,
    },
    /// A new member, who is given a link to come with.
    CreateMember(Box<NewMember>),
    /// Other values for a member.
    UpdateMember {
        /// The API's name; Bitting's own for an operator.
        api: String,
        /// Who.
        member: MemberId,
        /// The new values.
        patch: Box<MemberPatch>,
    },
    /// A session of somebody who has shown who they are.
    SignIn {
        /// The API's name; Bitting's own for an operator.
        api: String,
        /// Who.
        member: MemberId,
        /// The session.
        session: NewSession,
    },
    /// The end of sessions.
    SignOut {
        /// The API's name; Bitting's own for an operator.
        api: String,
        /// Whose.
        member: MemberId,
        /// Which.
        sessions: Sessions,
    },
    /// A new webhook endpoint.
    CreateWebhook(Box<NewWebhook>),
    /// Other values for a webhook endpoint.
    UpdateWebhook {
        /// The API's name.
        api: String,
        /// The endpoint.
        webhook: WebhookId,
        /// The new values.
        patch: Box<WebhookPatch>,
    },
    /// Another secret for a webhook endpoint. Until the old one ends, messages are signed with both.
    RotateWebhookSecret {
        /// The API's name.
        api: String,
        /// The endpoint.
        webhook: WebhookId,
        /// The new secret.
        secret: SigningSecret,
        /// When the old one ends; `None` ends it at once.
        old_ends_at: Option<Timestamp>,
    },
    /// A webhook endpoint that takes nothing is switched off. Bitting alone makes this change.
    DisableWebhook {
        /// The API's name.
        api: String,
        /// The endpoint.
        webhook: WebhookId,
        /// Its epoch when it took nothing. If that is another one, it stays on.
        epoch: u64,
        /// Why.
        because: DisabledBecause,
    },
    /// The end of a webhook endpoint, and of all that waits for it.
    DeleteWebhook {
        /// The API's name.
        api: String,
        /// The endpoint.
        webhook: WebhookId,
    },
    /// The end of a client's ban before its time. No row is left of it but that of the audit log: bans are in memory alone.
    LiftBan {
        /// The API's name.
        api: String,
        /// Who was banned: an address, or the /64 of IPv6 addresses.
        address: String,
        /// Since when.
        since: Timestamp,
        /// Until when they would have been.
        until: Timestamp,
    },
}

/// Who wants a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Somebody with access to the machine, by their user name there.
    CommandLine(String),
    /// The holder of a key.
    Key(KeyId),
    /// Somebody who is signed in.
    Member(MemberId),
    /// Bitting itself.
    System,
}

/// A change that was made, or had been made before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Committed {
    /// The number of the commit that left the rows so.
    pub sequence: Sequence,
    /// The keys as they now are: the one that was changed, and after a rotation first the new one.
    pub keys: Vec<StoredKey>,
    /// The accounts as they now are.
    pub accounts: Vec<AccountRow>,
    /// The members as they now are.
    #[serde(default)]
    pub members: Vec<MemberRow>,
    /// The webhook endpoints as they now are.
    #[serde(default)]
    pub webhooks: Vec<WebhookRow>,
    /// Whether the same request was answered before, and this is what it did then.
    #[serde(skip)]
    pub replayed: bool,
}

impl Committed {
    /// One that leaves nothing behind but its number.
    pub(crate) fn empty(sequence: Sequence) -> Self {
        Self { sequence, keys: Vec::new(), accounts: Vec::new(), members: Vec::new(), webhooks: Vec::new(), replayed: false }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine(user) => write!(f, "cli:{user}"),
            Self::Key(id) => fmt::Display::fmt(id, f),
            Self::Member(id) => fmt::Display::fmt(id, f),
            Self::System => f.write_str("system"),
        }
    }
}

/// Tells a field that is null from one that is not there.
#[expect(clippy::option_option, reason = "the outer one is whether the field is there")]
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}
