//! Why changes are not made.

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::member::MemberId;
use bitting_core::webhook::WebhookId;
use serde::{Deserialize, Serialize};

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
