//! What can change, and what each change does. It is long because every change that there is stands in it.

mod account;
mod effect;
mod events;
mod import;
mod leak;
mod member;
mod webhook;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::key::{Digest, KeyId};
use bitting_core::member::{MemberId, TokenDigest};
use bitting_core::record::Sequence;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_core::webhook::{SigningSecret, WebhookId};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::member::MemberRow;
use crate::row::{AccountRow, StoredKey};
use crate::webhook::{DisabledBecause, WebhookRow};

pub use account::{AccountPatch, NewAccount};
pub(crate) use effect::{Effect, Found, RowWrite, Write};
pub use events::key_facts;
pub(crate) use import::FoundImports;
pub use import::{ImportStanding, ImportedKey};
pub use leak::{Leak, LeakReport};
pub use member::{MemberPatch, NewLink, NewMember, NewSession, Sessions};
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

/// A new key, without its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewKey {
    /// The API's name.
    pub api: String,
    /// Its public id.
    pub id: KeyId,
    /// The SHA-256 of its text.
    pub digest: Digest,
    /// The beginning of its text, to recognise it by.
    pub prefix: String,
    /// Its owner.
    pub account: AccountId,
    /// Whether the account is made with it if it does not exist.
    pub create_account: bool,
    /// A name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its environment.
    pub environment: String,
    /// Its role.
    pub role: Option<String>,
    /// Its permissions.
    pub permissions: Vec<Permission>,
    /// The capabilities that are switched on.
    pub capabilities: Vec<String>,
    /// Where it may be used from; `None` is everywhere.
    pub allowed_addresses: Option<AddressList>,
    /// Its own numbers for limits of its plan, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
    /// The API's own notes.
    pub metadata: Map<String, Value>,
    /// From this instant on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Whether it renews itself before its end, where its account's plan allows it.
    #[serde(default)]
    pub auto_renew: bool,
    /// How many keys its account may have, this one included; `None` is as many as it likes. Revoked and expired ones do
    /// not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_limit: Option<u32>,
}

/// New values for a key. What is `None` stays; where a value can be absent, `Some(None)` removes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyPatch {
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its role.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub role: Option<Option<String>>,
    /// Its permissions, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<Permission>>,
    /// Capabilities to switch.
    #[serde(skip_serializing_if = "SwitchPatch::is_empty")]
    pub capabilities: SwitchPatch,
    /// Where it may be used from.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub allowed_addresses: Option<Option<AddressList>>,
    /// Its own numbers for limits of its plan, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<BTreeMap<String, u64>>,
    /// The API's own notes, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Whether it is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// From this instant on it is refused. With another end another term begins.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub expires_at: Option<Option<Timestamp>>,
    /// Whether it renews itself before its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_renew: Option<bool>,
}

/// Switches to turn, each by its name, so that two people can turn two switches of one key at once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SwitchPatch {
    /// To switch on.
    pub on: Vec<String>,
    /// To switch off.
    pub off: Vec<String>,
}

/// What is new about the key that takes another's place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Successor {
    /// Its public id.
    pub id: KeyId,
    /// The SHA-256 of its text.
    pub digest: Digest,
    /// The beginning of its text.
    pub prefix: String,
    /// From this instant on it is refused.
    pub expires_at: Option<Timestamp>,
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

/// Why a change was not made. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The API has no such account.
    #[error("there is no account {0}")]
    NoSuchAccount(AccountId),
    /// The API has such an account already.
    #[error("the account {0} exists already")]
    AccountExists(AccountId),
    /// The API has no such key.
    #[error("there is no key {0}")]
    NoSuchKey(KeyId),
    /// A key with this id or this digest is there already.
    #[error("the key {0}, or another with the same digest, exists already")]
    KeyExists(KeyId),
    /// The key is ended for good and cannot be changed.
    #[error("the key {0} is revoked; make a new one")]
    KeyRevoked(KeyId),
    /// Whoever asks for it manages nothing of the kind.
    #[error("this is not yours to change")]
    NotYours,
    /// The account has as many keys as it may have.
    #[error("the account {0} has {1} keys, which is as many as it may have; revoke one first")]
    TooManyKeys(AccountId, u32),
    /// It was changed since whoever wants this change last looked.
    #[error("{0} was changed meanwhile; read it again and decide anew")]
    Changed(String),
    /// Another request was made with the same idempotency key.
    #[error("the idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// The key was rotated before; its successor can be rotated.
    #[error("the key {0} was rotated already, into {1}")]
    AlreadyRotated(KeyId, KeyId),
    /// The key does not renew itself, or not now: it was given another end, switched off, replaced, or its account was changed.
    #[error("the key {0} does not renew itself as it stands now")]
    NotRenewed(KeyId),
    /// There is no such member.
    #[error("there is no member {0}")]
    NoSuchMember(MemberId),
    /// Somebody has this e-mail address, or this name among those whom the API's own site sends.
    #[error("there is a member with this e-mail address already")]
    MemberExists,
    /// They may not sign in.
    #[error("this member is disabled")]
    MemberDisabled,
    /// The link was used, was replaced by another, or has expired.
    #[error("the link was used before, or has expired")]
    LinkSpent,
    /// The one-time code was used before.
    #[error("the code was used before; wait for the next one")]
    CodeUsed,
    /// Nobody could manage anything any more.
    #[error("this is the last operator; invite another first")]
    LastOperator,
    /// The API has no such webhook endpoint.
    #[error("there is no webhook {0}")]
    NoSuchWebhook(WebhookId),
    /// There are as many as there may be.
    #[error("there are {0} webhooks, which is as many as there may be; delete one first")]
    TooManyWebhooks(u32),
    /// So many tests wait for that endpoint, which is as many as may.
    #[error("{1} tests of {0} still wait for an answer: send another when one of them has ended")]
    TooManyTests(WebhookId, usize),
    /// What it is about cannot be read from the store, in words.
    #[error("{0}")]
    Damaged(String),
}

impl Change {
    /// The API that it is about.
    pub fn api(&self) -> &str {
        match self {
            Self::CreateAccount(NewAccount { api, .. })
            | Self::UpdateAccount { api, .. }
            | Self::UpdateKey { api, .. }
            | Self::RotateKey { api, .. }
            | Self::RenewKey { api, .. }
            | Self::RevokeKey { api, .. }
            | Self::ImportKeys { api, .. }
            | Self::RehashKey { api, .. }
            | Self::ReportLeak { api, .. }
            | Self::NoteLeakReport { api, .. }
            | Self::UpdateMember { api, .. }
            | Self::SignIn { api, .. }
            | Self::SignOut { api, .. }
            | Self::UpdateWebhook { api, .. }
            | Self::RotateWebhookSecret { api, .. }
            | Self::DisableWebhook { api, .. }
            | Self::DeleteWebhook { api, .. }
            | Self::LiftBan { api, .. } => api,
            Self::CreateWebhook(new) => &new.api,
            Self::CreateKey(new) => &new.api,
            Self::CreateMember(new) => &new.api,
        }
    }

    /// The key that it changes, which is there already.
    pub fn subject_key(&self) -> Option<KeyId> {
        match self {
            Self::UpdateKey { key, .. }
            | Self::RotateKey { key, .. }
            | Self::RenewKey { key, .. }
            | Self::RevokeKey { key, .. }
            | Self::RehashKey { key, .. }
            | Self::ReportLeak { key, .. } => Some(*key),
            _ => None,
        }
    }

    /// The key that it makes; those that it imports are [apart](Self::imported).
    pub fn new_key(&self) -> Option<KeyId> {
        match self {
            Self::CreateKey(new) => Some(new.id),
            Self::RotateKey { successor, .. } => Some(successor.id),
            _ => None,
        }
    }

    /// The keys that it imports.
    pub fn imported(&self) -> &[ImportedKey] {
        if let Self::ImportKeys { keys, .. } = self { keys } else { &[] }
    }

    /// The account whose row it may write, or that must be there; those of imported keys are [with them](Self::imported).
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::CreateAccount(new) => Some(&new.id),
            Self::UpdateAccount { account, .. } => Some(account),
            Self::CreateKey(new) => Some(&new.account),
            Self::CreateMember(new) => new.account.as_ref(),
            Self::CreateWebhook(new) => new.account.as_ref(),
            _ => None,
        }
    }

    /// The member that it changes, who is there already.
    pub fn subject_member(&self) -> Option<MemberId> {
        match self {
            Self::UpdateMember { member, .. } | Self::SignIn { member, .. } | Self::SignOut { member, .. } => Some(*member),
            _ => None,
        }
    }

    /// Whether it is about a webhook endpoint.
    pub fn is_of_webhooks(&self) -> bool {
        matches!(self, Self::CreateWebhook(_)) || self.subject_webhook().is_some()
    }

    /// The webhook endpoint that it changes, which is there already.
    pub fn subject_webhook(&self) -> Option<WebhookId> {
        match self {
            Self::UpdateWebhook { webhook, .. }
            | Self::RotateWebhookSecret { webhook, .. }
            | Self::DisableWebhook { webhook, .. }
            | Self::DeleteWebhook { webhook, .. } => Some(*webhook),
            _ => None,
        }
    }

    /// The link that it uses up.
    pub fn spends(&self) -> Option<TokenDigest> {
        match self {
            Self::UpdateMember { patch, .. } => patch.spends,
            Self::SignIn { session, .. } => session.spends,
            _ => None,
        }
    }
}

impl Committed {
    /// One that leaves nothing behind but its number.
    pub(crate) fn empty(sequence: Sequence) -> Self {
        Self { sequence, keys: Vec::new(), accounts: Vec::new(), members: Vec::new(), webhooks: Vec::new(), replayed: false }
    }
}

impl SwitchPatch {
    fn is_empty(&self) -> bool {
        self.on.is_empty() && self.off.is_empty()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_changes_one_key_and_makes_another() {
        let id = |number| KeyId::new(Timestamp::from_millis(0), number);
        let successor = Successor { id: id(2), digest: Digest::from_bytes([2; 32]), prefix: String::new(), expires_at: None };
        let (api, old_ends_at, end_when_unused_for_s) = ("shop".to_owned(), None, None);
        let rotation = Change::RotateKey { api, key: id(1), successor, old_ends_at, end_when_unused_for_s };
        assert_eq!((rotation.subject_key(), rotation.new_key()), (Some(id(1)), Some(id(2))));
        let end = Change::RevokeKey { api: "shop".to_owned(), key: id(1) };
        assert_eq!((end.subject_key(), end.new_key()), (Some(id(1)), None));
    }
}
