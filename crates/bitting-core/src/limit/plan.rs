//! Named limits, and the plans that hold them.

use std::sync::Arc;
use std::time::Duration;

use super::{MOST, Pace};
use crate::name::{NameId, NameKind, Names};
use crate::reason::Reason;

/// One limit of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Its name, by which it keeps its level when plans change.
    pub id: NameId,
    /// The same in letters, as in `hour`.
    pub name: Arc<str>,
    /// How much.
    pub allowed: u64,
    /// Within which time.
    pub pace: Pace,
    /// Who shares it.
    pub scope: LimitScope,
    /// Whether it is a quota: what was paid for, instead of how fast.
    pub is_quota: bool,
    is_lasting: bool,
}

/// Who shares a limit. Each environment has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitScope {
    /// Each key has its own.
    Key,
    /// The keys of an account share one.
    Account,
    /// All keys of the API share one.
    Api,
}

/// What a limit is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSpec {
    /// Its name.
    pub name: Box<str>,
    /// How much.
    pub allowed: u64,
    /// Within which time.
    pub pace: Pace,
    /// Who shares it.
    pub scope: LimitScope,
    /// Whether it is a quota.
    pub is_quota: bool,
}

/// Why a limit makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLimit {
    /// Nothing, or more than can be counted exactly everywhere.
    #[error("a limit of {0} cannot be kept; write a number from 1 to {MOST}")]
    OutOfRange(u64),
    /// A bucket of the length of an hour or more.
    #[error("a limit with `burst` begins anew after a crash; write one without `burst` for an hour or longer, and for quotas")]
    BucketMustNotLast,
}

/// Named limits for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The number of its name.
    pub id: NameId,
    /// Its name, as in `professional`.
    pub name: Box<str>,
    /// Those of each key, then those of the account, then those of the API.
    limits: Box<[Limit]>,
    /// Where those of the account begin among them, and those of the API.
    starts: (usize, usize),
    is_lasting: bool,
    renews_keys: bool,
}

/// All plans of an API. There is always one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plans {
    plans: Box<[Plan]>,
    /// Whether a key's own number may be higher than its plan's.
    keys_may_exceed: bool,
}

/// What a key says of its plan's limits: other numbers for some of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyLimits(Box<[(NameId, u64)]>);

impl Limit {
    /// Compiles a limit.
    ///
    /// # Errors
    /// If it makes no sense.
    pub fn new(spec: LimitSpec, names: &Names) -> Result<Self, InvalidLimit> {
        let LimitSpec { name, allowed, pace, scope, is_quota } = spec;
        let burst = if let Pace::Bucket { burst, .. } = pace { burst } else { 1 };
        if let Some(&wrong) = [allowed, burst].iter().find(|number| !(1..=MOST).contains(*number)) {
            return Err(InvalidLimit::OutOfRange(wrong));
        }
        let is_lasting = is_quota || pace.length() >= Duration::from_hours(1);
        let id = names.intern(NameKind::Limit, &name);
        let limit = Self { id, name: name.into(), allowed, pace, scope, is_quota, is_lasting };
        match pace {
            Pace::Bucket { .. } if limit.is_lasting() => Err(InvalidLimit::BucketMustNotLast),
            _ => Ok(limit),
        }
    }

    /// Whether what is used of it must survive the process.
    pub fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    /// Why it refuses.
    pub fn reason(&self) -> Reason {
        if self.is_quota { Reason::QuotaExceeded } else { Reason::RateLimited }
    }
}

impl Plan {
    /// A plan of some limits. Of two with one name the later counts.
    pub fn new(name: &str, limits: Vec<Limit>, names: &Names) -> Self {
        let mut kept: Vec<Limit> = Vec::with_capacity(limits.len());
        for limit in limits {
            kept.retain(|earlier| earlier.id != limit.id);
            kept.push(limit);
        }
        kept.sort_by_key(|limit| limit.scope);
        let starts = [LimitScope::Account, LimitScope::Api].map(|scope| kept.partition_point(|limit| limit.scope < scope));
        let is_lasting = kept.iter().any(Limit::is_lasting);
        let id = names.intern(NameKind::Plan, name);
        Self { id, name: name.into(), limits: kept.into(), starts: starts.into(), is_lasting, renews_keys: false }
    }

    /// The same plan, whose accounts' keys may renew by themselves, or may not.
    #[must_use]
    pub fn renewing(self, renews_keys: bool) -> Self {
        Self { renews_keys, ..self }
    }

    /// Whether keys of its accounts may renew by themselves.
    pub fn renews_keys(&self) -> bool {
        self.renews_keys
    }

    /// All limits: those of each key, then those of the account, then those of the API.
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// Whether what is used of any of them must survive the process.
    pub fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    /// Those of each key, those of the account, and those that the whole API shares.
    pub fn by_scope(&self) -> (&[Limit], &[Limit], &[Limit]) {
        let (account, api) = self.starts;
        (&self.limits[..account], &self.limits[account..api], &self.limits[api..])
    }
}

impl Plans {
    /// Plans, of which the first is that of accounts without one.
    pub fn new(first: Plan, others: Vec<Plan>, keys_may_exceed: bool) -> Self {
        Self { plans: std::iter::once(first).chain(others).collect(), keys_may_exceed }
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Plan> {
        self.plans.iter()
    }

    /// A plan by its name.
    pub fn named(&self, name: &str) -> Option<&Plan> {
        self.iter().find(|plan| &*plan.name == name)
    }

    /// The plan of accounts that have none, or one that is no longer declared.
    pub fn fallback(&self) -> &Plan {
        // The constructor takes one apart from the others.
        &self.plans[0]
    }

    /// An account's plan.
    pub fn of(&self, plan: Option<NameId>) -> &Plan {
        plan.and_then(|id| self.iter().find(|plan| plan.id == id)).unwrap_or_else(|| self.fallback())
    }

    /// Whether anything is limited at all.
    pub fn are_empty(&self) -> bool {
        self.iter().all(|plan| plan.limits.is_empty())
    }

    /// How much a limit allows a key.
    pub fn allowed(&self, limit: &Limit, own: Option<&KeyLimits>) -> u64 {
        let own = own.filter(|_| limit.scope == LimitScope::Key).and_then(|own| own.get(limit.id));
        match own {
            Some(own) if self.keys_may_exceed => own,
            Some(own) => own.min(limit.allowed),
            None => limit.allowed,
        }
    }

    /// Whether a key's own number may be higher than its plan's.
    pub fn keys_may_exceed(&self) -> bool {
        self.keys_may_exceed
    }
}

impl<'p> IntoIterator for &'p Plans {
    type Item = &'p Plan;
    type IntoIter = std::slice::Iter<'p, Plan>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl KeyLimits {
    /// From names and numbers.
    pub fn new<'t>(limits: impl IntoIterator<Item = (&'t str, u64)>, names: &Names) -> Self {
        Self(limits.into_iter().map(|(name, allowed)| (names.intern(NameKind::Limit, name), allowed)).collect())
    }

    /// The number for a limit.
    pub fn get(&self, limit: NameId) -> Option<u64> {
        self.0.iter().find(|(id, _)| *id == limit).map(|(_, allowed)| *allowed)
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
