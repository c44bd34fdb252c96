//! Where changes are written out and checked: the same for the command line, the management API and the dashboard.

mod check;
mod invitation;
mod webhook;

use std::collections::BTreeMap;
use std::time::Duration;

use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::api::Api;
use bitting_core::key::{KeyId, PlaintextKey};
use bitting_core::limit::Plan;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_store::{Change, KeyRow, NewKey, Successor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::apis::Apis;
use crate::entropy::{Entropy, EntropyError};

pub use invitation::{Guest, Invitation};
pub use webhook::{SECRET_OVERLAP, SignedWith, WebhookSpec};

pub use check::leak_violations;
pub(crate) use check::{MOST_IMPORTED, check, check_imported, check_lifetime};

/// What somebody wants of a new key. What is not said takes the API's defaults.
#[derive(Debug, Clone, Default)]
pub struct KeySpec {
    /// Its owner; without one, the account `default`, which is made with its first key.
    pub account: Option<AccountId>,
    /// A name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its environment; without one, the API's first.
    pub environment: Option<String>,
    /// Its role.
    pub role: Option<String>,
    /// Its permissions.
    pub permissions: Option<Vec<Permission>>,
    /// The capabilities that are switched on.
    pub capabilities: Vec<String>,
    /// Where it may be used from.
    pub allowed_addresses: Option<AddressList>,
    /// Its own numbers for limits of its plan, by their names.
    pub limits: BTreeMap<String, u64>,
    /// The API's own notes.
    pub metadata: Map<String, Value>,
    /// From this instant on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Whether it renews itself before its end, where its account's plan allows it.
    pub auto_renew: Option<bool>,
}

/// A key that was made and the change that makes it known. The key must not be shown before the change is committed.
#[derive(Debug)]
pub struct Issued {
    /// The key in the clear, to be shown once.
    pub key: PlaintextKey,
    /// What to commit.
    pub change: Change,
}

/// How long a key lives on beside the one that takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overlap {
    /// How long at most; zero is not at all.
    pub length: Duration,
    /// Whether it ends before that when it was unused for so long; without a word the API's default holds.
    pub end_when_unused_for: Option<Option<Duration>>,
}

impl Overlap {
    /// So long, and otherwise as the API says.
    pub fn of(length: Duration) -> Self {
        Self { length, end_when_unused_for: None }
    }
}

/// Something wrong with one field of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The field, as the management API names it.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A change that must not be made, with everything that is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum InvalidChange {
    /// Fields are wrong.
    #[error("{}", .0.iter().map(|v| format!("{}: {}", v.field, v.message)).collect::<Vec<_>>().join("; "))]
    Fields(Vec<Violation>),
    /// There is no randomness to make a key of.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Adds to a change what only the configuration knows: how many keys an account may have, and what becomes of a leaked one.
pub(crate) fn complete(apis: &Apis, change: &mut Change) {
    let Some(api) = apis.find(change.api()) else { return };
    match change {
        Change::CreateKey(new) => new.account_limit = api.policy.keys_per_account,
        Change::ReportLeak { revoke, .. } => *revoke = api.leaks.revokes(),
        _ => {}
    }
}

/// The account of keys for which none is named.
const DEFAULT_ACCOUNT: &str = "default";

impl KeySpec {
    /// Makes a key of an API.
    ///
    /// # Errors
    /// If the environment does not exist, or there is no randomness. All else is for [`check`].
    pub fn issue(self, api: &Api, now: Timestamp) -> Result<Issued, InvalidChange> {
        let environment = self.environment.unwrap_or_else(|| api.environments[0].name.to_string());
        let (key, id) = make_key(api, &environment, now)?;
        let default_account = || DEFAULT_ACCOUNT.parse::<AccountId>().map_err(|e| invalid("account", e.to_string()));
        let change = Change::CreateKey(Box::new(NewKey {
            api: api.name.to_string(),
            id,
            digest: key.digest(),
            prefix: api.format.display_prefix(&key),
            create_account: self.account.as_ref().is_none_or(|account| account.as_str() == DEFAULT_ACCOUNT),
            account: self.account.map_or_else(default_account, Ok)?,
            name: self.name,
            description: self.description,
            environment,
            role: self.role.or_else(|| api.new_key.role.as_deref().map(str::to_owned)),
            permissions: self.permissions.unwrap_or_else(|| api.new_key.permissions.clone()),
            capabilities: self.capabilities,
            allowed_addresses: self.allowed_addresses,
            limits: self.limits,
            metadata: self.metadata,
            expires_at: self.expires_at,
            auto_renew: self.auto_renew.unwrap_or_else(|| self.expires_at.is_some() && renews_new_keys(api)),
            account_limit: None,
        }));
        Ok(Issued { key, change })
    }
}

impl Issued {
    /// Makes a key to take another's place. The old one ends with the overlap; the new one lives as long as the old one's present
    /// term, unless `expires_at` says otherwise.
    ///
    /// # Errors
    /// If the old key's environment is no longer configured, or there is no randomness.
    pub fn successor(
        api: &Api,
        old: &KeyRow,
        overlap: Overlap,
        expires_at: Option<Option<Timestamp>>,
        now: Timestamp,
    ) -> Result<Self, InvalidChange> {
        let (key, id) = make_key(api, &old.environment, now)?;
        let same_period = old.term().map(|term| now.plus(term));
        let successor = Successor {
            id,
            digest: key.digest(),
            prefix: api.format.display_prefix(&key),
            expires_at: expires_at.unwrap_or(same_period),
        };
        let Overlap { length, end_when_unused_for } = overlap;
        let old_ends_at = (!length.is_zero()).then(|| now.plus(length));
        let idle = end_when_unused_for.unwrap_or(api.lifecycle.end_overlap_when_unused_for).filter(|_| old_ends_at.is_some());
        let end_when_unused_for_s = idle.map(|idle| idle.as_secs());
        let change =
            Change::RotateKey { api: api.name.to_string(), key: old.id, successor, old_ends_at, end_when_unused_for_s };
        Ok(Self { key, change })
    }
}

impl Issued {
    /// Lets a successor end no later than this.
    pub fn end_by(&mut self, bound: Timestamp) {
        if let Change::RotateKey { successor, .. } = &mut self.change {
            successor.expires_at = Some(successor.expires_at.map_or(bound, |end| end.min(bound)));
        }
    }
}

/// Whether new keys that end renew where nothing is said. Where no plan allows it that would mean nothing.
fn renews_new_keys(api: &Api) -> bool {
    api.lifecycle.renews_new_keys && api.plans.iter().any(Plan::renews_keys)
}

fn make_key(api: &Api, environment: &str, now: Timestamp) -> Result<(PlaintextKey, KeyId), InvalidChange> {
    let known = || api.environments.iter().map(|e| &*e.name).collect::<Vec<_>>().join(", ");
    let key = api.format.generate(environment, |buffer| Entropy.fill(buffer))?;
    let key = key.ok_or_else(|| {
        invalid("environment", format!("{environment:?} is not an environment of {}; it has {}", api.name, known()))
    })?;
    Ok((key, KeyId::new(now, Entropy.random()?)))
}

fn invalid(field: &str, message: String) -> InvalidChange {
    InvalidChange::Fields(vec![Violation { field: field.to_owned(), message }])
}
