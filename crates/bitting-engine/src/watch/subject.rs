//! What is told apart of what is refused.

use bitting_core::account::AccountId;
use bitting_core::event::EventKind;
use bitting_core::key::KeyId;
use bitting_core::limit::{Limit, LimitScope, Plan};
use bitting_core::reason::Reason;
use bitting_store::RefusedBearer;

use crate::apis::ServedApi;

/// What an event is about. Whatever goes on with the same is the same event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Subject {
    pub(super) kind: EventKind,
    pub(super) api: Box<str>,
    pub(super) environment: Box<str>,
    pub(super) of: Of,
    /// The limit that refuses, with who shares it; nothing for other kinds.
    pub(super) limit: Option<(Box<str>, &'static str)>,
}

/// Whom it is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Of {
    /// One key.
    Key(KeyId, AccountId),
    /// All keys of an account.
    Account(AccountId),
    /// Everybody, or nobody who is known.
    Api,
    /// Those that were too many to be told apart.
    Others,
}

impl Subject {
    /// What a refusal is about, if it is worth telling.
    pub(super) fn of(api: &ServedApi, bearer: Option<&RefusedBearer>, reason: Reason) -> Option<Self> {
        let alerts = &api.alerts;
        let environment = bearer.map_or_else(Box::default, |bearer| bearer.environment.clone());
        let (kind, of) = match (reason, bearer) {
            (Reason::MalformedKey | Reason::UnknownKey, None) => (EventKind::AuthFailures, Of::Api),
            (Reason::RevokedKey | Reason::DisabledKey | Reason::ExpiredKey, Some(bearer)) => {
                (EventKind::AuthFailures, Of::key(bearer))
            }
            (Reason::DisabledAccount, Some(bearer)) => (EventKind::AuthFailures, Of::Account(bearer.account.clone())),
            (Reason::AddressNotAllowed, Some(bearer)) => (EventKind::AddressRefused, Of::key(bearer)),
            _ => return None,
        };
        let is_wanted = if kind == EventKind::AuthFailures { alerts.failures.is_some() } else { alerts.refused_addresses };
        is_wanted.then(|| Self { kind, api: api.name.clone(), environment, of, limit: None })
    }

    /// What a refusal by a limit is about. Of a limit that counts for an hour or longer it is told as of a quota: who meets it
    /// waits for long, and has asked for more than what was agreed.
    pub(super) fn of_limit(api: &ServedApi, bearer: &RefusedBearer, plan: &Plan, name: &str, reason: Reason) -> Option<Self> {
        // The plan may be another one by now.
        let limits = plan.limits().iter().chain(api.plans.iter().flat_map(Plan::limits));
        let limit = limits.into_iter().find(|limit| *limit.name == *name);
        let is_quota = reason == Reason::QuotaExceeded || limit.is_some_and(Limit::is_lasting);
        let (of, scope) = match limit.map(|limit| limit.scope) {
            None | Some(LimitScope::Key) => (Of::key(bearer), "key"),
            Some(LimitScope::Account) => (Of::Account(bearer.account.clone()), "account"),
            Some(LimitScope::Api) => (Of::Api, "api"),
        };
        api.alerts.limits.then(|| Self {
            kind: if is_quota { EventKind::QuotaExceeded } else { EventKind::LimitExceeded },
            api: api.name.clone(),
            environment: bearer.environment.clone(),
            of,
            limit: Some((name.into(), scope)),
        })
    }

    /// That of the same kind for all who are too many.
    pub(super) fn others(&self) -> Self {
        Self { environment: Box::default(), of: Of::Others, limit: None, ..self.clone() }
    }

    pub(super) fn account(&self) -> Option<&AccountId> {
        match &self.of {
            Of::Key(_, account) | Of::Account(account) => Some(account),
            Of::Api | Of::Others => None,
        }
    }

    pub(super) fn key(&self) -> Option<KeyId> {
        match self.of {
            Of::Key(key, _) => Some(key),
            Of::Account(_) | Of::Api | Of::Others => None,
        }
    }

    /// Its name among those of its API and kind.
    pub(super) fn name(&self) -> String {
        let of = match &self.of {
            Of::Key(key, _) => key.to_string(),
            Of::Account(account) => format!("account {account}"),
            Of::Api => "api".to_owned(),
            Of::Others => "others".to_owned(),
        };
        let limit = self.limit.as_ref().map_or("", |(name, _)| name);
        format!("{of} {} {limit}", self.environment)
    }
}

impl Of {
    fn key(bearer: &RefusedBearer) -> Self {
        Self::Key(bearer.key, bearer.account.clone())
    }
}
