//! Who owns the store, and how the command line reaches it.
//!
//! A store has one owning process. The command line takes the lock if it is free and works on the store itself; otherwise
//! it sends the same change to the owner over a Unix socket beside the store, and the answer comes when the owner has
//! applied it. If the lock is held and nobody answers, that is an error and never a direct write: a change that the
//! running server does not know of would be a revocation that does not revoke.

mod archive;
mod client;
mod life;
mod protocol;
mod socket;
mod webhooks;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitting_core::account::AccountId;
use bitting_core::key::{Digest, KeyId};
use bitting_core::member::MemberId;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_engine::{Apis, Clock, WallClock, check_change};
use bitting_store::{
    AccountReader, AccountRow, Actor, AuditChain, AuditHead, AuditVerdict, Change, ChangeLog, Conditions, Entry, KeyCursor,
    KeyFilter, KeyReader, KeyRow, MemberRow, Origin, OwnerLock, Page, People, RecognisedKey, SqliteStore, Store, StoreError,
    StoreErrorKind,
};

use self::client::Client;
use self::protocol::{Answer, Question};
use crate::failure::Failure;

pub use life::{Reload, RunningServer};
pub use protocol::{Done, Exported, Health, Report};
pub use socket::ControlSocket;

/// A way to the store: through its owner, or as its owner.
pub enum Owner {
    /// The lock was free, and is held now.
    Here {
        /// The store.
        store: SqliteStore,
        /// The configuration, to check changes against.
        apis: Arc<Apis>,
    },
    /// Another process has it and answers.
    There(Client),
}

impl Owner {
    /// Finds the way to the store at a path.
    ///
    /// # Errors
    /// If the store cannot be opened, or its owner does not answer.
    pub async fn reach(path: &Path, apis: Arc<Apis>) -> Result<Self, Failure> {
        match OwnerLock::acquire(path) {
            Ok(lock) => Ok(Self::Here { store: SqliteStore::open(lock)?, apis }),
            Err(error) if error.kind() == StoreErrorKind::Owned => Client::connect(path).await.map(Self::There),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a change. When this returns, the change holds for every request from then on.
    ///
    /// # Errors
    /// If the change is wrong or refused, or the store failed.
    pub async fn commit(&self, mut change: Change) -> Result<Done, Failure> {
        match self {
            Self::There(client) => match client.ask(Question::Commit { change, user: user() }).await? {
                Answer::Done(done) => Ok(done),
                _ => Err(client::confused()),
            },
            Self::Here { store, apis } => {
                let at = now(store).await?;
                check_change(apis, &mut change, at)?;
                let origin = Origin { actor: Actor::CommandLine(user()), request_id: String::new(), address: None };
                let entry = Entry { change, origin, conditions: Conditions::default(), at };
                let outcome = store.append(vec![entry]).await?.pop();
                let committed = outcome.ok_or_else(|| Failure::new("the store gave no answer"))??;
                Ok(Done::from(committed))
            }
        }
    }

    /// A key of an API by its id.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn key(&self, api: &str, id: KeyId) -> Result<Option<KeyRow>, Failure> {
        match self {
            Self::Here { store, .. } => Ok(store.key(api, id).await?),
            Self::There(client) => match client.ask(Question::Key { api: api.to_owned(), id }).await? {
                Answer::Key(row) => Ok(row.map(|row| *row)),
                _ => Err(client::confused()),
            },
        }
    }

    /// Keys of an API, newest first.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn keys(&self, api: &str, filter: KeyFilter, page: Page<KeyCursor>) -> Result<Vec<KeyRow>, Failure> {
        match self {
            Self::Here { store, .. } => Ok(store.keys(api, filter, page).await?),
            Self::There(client) => match client.ask(Question::Keys { api: api.to_owned(), filter, page }).await? {
                Answer::Keys(rows) => Ok(rows),
                _ => Err(client::confused()),
            },
        }
    }

    /// The keys that stand under some digests, whatever their API, each at the place of its digest.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn recognise(&self, digests: Vec<Digest>) -> Result<Vec<Option<RecognisedKey>>, Failure> {
        match self {
            Self::Here { store, .. } => Ok(store.recognise(digests).await?),
            Self::There(client) => match client.ask(Question::Recognise { digests }).await? {
                Answer::Recognised(keys) => Ok(keys),
                _ => Err(client::confused()),
            },
        }
    }

    /// An account of an API by its id.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn account(&self, api: &str, id: &AccountId) -> Result<Option<AccountRow>, Failure> {
        match self {
            Self::Here { store, .. } => Ok(store.account(api, id).await?),
            Self::There(client) => match client.ask(Question::Account { api: api.to_owned(), id: id.clone() }).await? {
                Answer::Account(row) => Ok(row),
                _ => Err(client::confused()),
            },
        }
    }

    /// Accounts of an API in the order of their ids.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn accounts(&self, api: &str, page: Page<AccountId>) -> Result<Vec<AccountRow>, Failure> {
        match self {
            Self::Here { store, .. } => Ok(store.accounts(api, "", page).await?),
            Self::There(client) => match client.ask(Question::Accounts { api: api.to_owned(), page }).await? {
                Answer::Accounts(rows) => Ok(rows),
                _ => Err(client::confused()),
            },
        }
    }

    /// The end of the audit log.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn audit_head(&self) -> Result<AuditHead, Failure> {
        match self {
            Self::Here { store, .. } => Ok(store.audit_head().await?),
            Self::There(client) => match client.ask(Question::AuditHead).await? {
                Answer::AuditHead(head) => Ok(head),
                _ => Err(client::confused()),
            },
        }
    }

    /// Looks whether the audit log is what was written.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn verify_audit(&self, kept: Option<AuditHead>) -> Result<AuditVerdict, Failure> {
        match self {
            Self::Here { store, .. } => Ok(store.verify_audit(kept).await?),
            Self::There(client) => match client.ask(Question::VerifyAudit { kept }).await? {
                Answer::AuditVerified(verdict) => Ok(verdict),
                _ => Err(client::confused()),
            },
        }
    }

    /// A member by their id or e-mail address.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn member(&self, known_as: &str) -> Result<Option<MemberRow>, Failure> {
        match self {
            Self::Here { store, .. } => Ok(member(store, known_as).await?),
            Self::There(client) => match client.ask(Question::Member { known_as: known_as.to_owned() }).await? {
                Answer::Member(row) => Ok(row.map(|row| *row)),
                _ => Err(client::confused()),
            },
        }
    }

    /// The members of an account, or of all accounts of an API, newest first.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn members(
        &self,
        api: &str,
        account: Option<AccountId>,
        page: Page<MemberId>,
    ) -> Result<Vec<MemberRow>, Failure> {
        match self {
            Self::Here { store, .. } => Ok(store.members(api, account.as_ref(), page).await?),
            Self::There(client) => match client.ask(Question::Members { api: api.to_owned(), account, page }).await? {
                Answer::Members(rows) => Ok(rows),
                _ => Err(client::confused()),
            },
        }
    }
}

/// Somebody by their id or e-mail address.
async fn member(store: &dyn Store, known_as: &str) -> Result<Option<MemberRow>, StoreError> {
    let found = match known_as.parse() {
        Ok(id) => store.member(id).await?,
        Err(_) => store.member_by_email(&known_as.to_lowercase()).await?,
    };
    Ok(found.map(|member| member.row))
}

/// The machine's time, but not before the latest that the store has seen.
async fn now(store: &SqliteStore) -> Result<Timestamp, Failure> {
    Ok(WallClock.now().max(store.progress().await?.time))
}

/// Who works at the command line, for the audit log.
pub(crate) fn user() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let unnamed = || format!("uid {}", rustix::process::getuid().as_raw());
    named.filter(|name| !name.is_empty()).unwrap_or_else(unnamed).chars().take(64).collect()
}

/// The folder with the owner's socket, `STORE.control`.
fn control_folder(store: &Path) -> PathBuf {
    let mut name: OsString = store.file_name().unwrap_or_default().to_owned();
    name.push(".control");
    store.with_file_name(name)
}

/// The socket in that folder.
const SOCKET: &str = "socket";

impl From<bitting_store::Committed> for Done {
    fn from(committed: bitting_store::Committed) -> Self {
        let bitting_store::Committed { sequence: Sequence(sequence), keys, accounts, .. } = committed;
        Self { sequence, keys: keys.into_iter().map(|key| key.row).collect(), accounts }
    }
}
