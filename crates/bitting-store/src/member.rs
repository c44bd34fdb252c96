//! People who sign in, their sessions and their one-time links, as they are stored and shown.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::member::{MemberId, TokenDigest};
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::read::Page;

/// A member without anything secret: this may be shown, logged and kept in the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each says a thing of its own, and all combinations occur")]
pub struct MemberRow {
    /// The public id.
    pub id: MemberId,
    /// The API whose account's developer it is; Bitting's own for an operator.
    pub api: String,
    /// The account whose developer it is; `None` is an operator.
    pub account: Option<AccountId>,
    /// What they are called; empty until they have said it.
    pub name: String,
    /// In small letters; whoever comes from the API's own site may have none.
    pub email: Option<String>,
    /// Whether the API's own site sends them, who are known there by their name.
    pub is_portal: bool,
    /// Whether they can sign in with a password.
    pub has_password: bool,
    /// Whether they are asked for a code too.
    pub has_second_factor: bool,
    /// Whether they may sign in.
    pub enabled: bool,
    /// When they were invited, or came for the first time.
    pub created_at: Timestamp,
    /// Who invited them.
    pub created_by: String,
    /// When something of this was last changed.
    pub updated_at: Timestamp,
    /// The change that left it so.
    pub sequence: Sequence,
}

/// A member with what proves who they are.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMember {
    /// Everything that may be shown.
    pub row: MemberRow,
    /// What is kept of the password.
    pub password: Option<PasswordHash>,
    /// What codes are made of.
    pub second_factor: Option<SecondFactor>,
}

/// A slow hash of a password, as a PHC string (argon2id).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash(String);

/// What one-time codes are made of (RFC 6238), and the last one that was used.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// The shared secret.
    pub secret: Vec<u8>,
    /// The time step of the last code that was taken: none is taken twice.
    pub last_step: u64,
}

/// Somebody who is signed in at one browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// What is kept of its id.
    pub digest: TokenDigest,
    /// Who.
    pub member: MemberId,
    /// How they have signed in.
    pub way: SignInWay,
    /// Since when.
    pub created_at: Timestamp,
    /// When they were last there, to the minute.
    pub seen_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// Where from, if it is known.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub agent: String,
}

/// How somebody has signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInWay {
    /// With e-mail address and password, and a code where one is asked for.
    Password,
    /// With a link that was given to them, when they chose their password.
    Link,
    /// Sent by the API's own site.
    Portal,
}

/// A link that opens a door once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRow {
    /// What is kept of its secret.
    pub digest: TokenDigest,
    /// For what.
    pub purpose: LinkPurpose,
    /// For whom.
    pub member: MemberId,
    /// From then on it opens nothing.
    pub expires_at: Timestamp,
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPurpose {
    /// To join: whoever has it chooses a password, and says who they are where that is not known.
    Invitation,
    /// To choose another password.
    Reset,
    /// To sign in, sent by the API's own site.
    Portal,
}

/// People, for whoever lets them in.
#[async_trait]
pub trait People: Send + Sync {
    /// A member by their id.
    ///
    /// # Errors
    /// If the store cannot be read, as with all of these.
    async fn member(&self, id: MemberId) -> Result<Option<StoredMember>, StoreError>;

    /// A member by their e-mail address, in small letters.
    async fn member_by_email(&self, email: &str) -> Result<Option<StoredMember>, StoreError>;

    /// Whoever the API's own site calls so.
    async fn portal_member(&self, api: &str, account: &AccountId, name: &str) -> Result<Option<StoredMember>, StoreError>;

    /// The members of an account, or of all accounts of an API, newest first. Operators are those of Bitting's own API.
    async fn members(&self, api: &str, account: Option<&AccountId>, page: Page<MemberId>)
    -> Result<Vec<MemberRow>, StoreError>;

    /// A session that has not ended, and whose it is. `idle` is how long nobody may have been there.
    async fn session(
        &self,
        digest: TokenDigest,
        idle: Duration,
        now: Timestamp,
    ) -> Result<Option<(SessionRow, StoredMember)>, StoreError>;

    /// All sessions of a member that have not ended, newest first.
    async fn sessions(&self, of: MemberId, idle: Duration, now: Timestamp) -> Result<Vec<SessionRow>, StoreError>;

    /// A link that still opens something, and for whom.
    async fn link(&self, digest: TokenDigest, now: Timestamp) -> Result<Option<(LinkRow, StoredMember)>, StoreError>;

    /// Keeps when somebody was last there. A session that has ended stays ended.
    async fn touch_session(&self, digest: TokenDigest, seen_at: Timestamp) -> Result<(), StoreError>;
}

impl MemberRow {
    /// Whether they run the API, and are not a developer of one of its customers.
    pub fn is_operator(&self) -> bool {
        self.account.is_none()
    }

    /// Whether they were invited and have not come yet.
    pub fn is_awaited(&self) -> bool {
        !self.has_password && !self.is_portal
    }
}

impl StoredMember {
    /// Says in the row what there is beside it.
    pub(crate) fn describe(&mut self) {
        (self.row.has_password, self.row.has_second_factor) = (self.password.is_some(), self.second_factor.is_some());
    }
}

impl PasswordHash {
    /// Takes a PHC string.
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecondFactor")
    }
}

impl SignInWay {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Link => "link",
            Self::Portal => "portal",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Password, Self::Link, Self::Portal].into_iter().find(|way| way.name() == name)
    }
}

impl LinkPurpose {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Reset => "reset",
            Self::Portal => "portal",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Invitation, Self::Reset, Self::Portal].into_iter().find(|purpose| purpose.name() == name)
    }
}
