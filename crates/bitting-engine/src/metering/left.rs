//! What is left of a key's limits, for whoever looks without asking for anything.

use bitting_core::key::KeyId;
use bitting_core::limit::{Level, Levels, Limit, LimitScope, Pace, Reading};
use bitting_core::record::Record;
use bitting_core::time::Timestamp;
use bitting_store::{StoreError, Whose, Window};

use super::supply::{holder, stored_name};
use crate::apis::ServedApi;
use crate::engine::Engine;

/// What is left to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// The name of its account's plan, or of the plan that holds where the account has none.
    pub plan: Box<str>,
    /// What is left of each limit: those of the key itself, then those that it shares with its account, then those that it shares
    /// with the whole API.
    pub limits: Vec<LimitLeft>,
}

/// What is left of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitLeft {
    /// The limit.
    pub limit: Limit,
    /// What it allows this key, how much of that is left, and when all of it is.
    pub reading: Reading,
}

impl Engine {
    /// What is left of a key's limits, without charging it; `None` if the API has no such key. For a key that nobody has used of late
    /// what must last is read from the store.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn allowance_of_key(&self, api: &str, key: KeyId) -> Result<Option<Allowance>, StoreError> {
        let apis = self.apis();
        let (Some(api), Some(record)) = (apis.find(api), self.record(key).await?) else { return Ok(None) };
        if record.api != api.id {
            return Ok(None);
        }
        let now = self.now();
        let plan = api.plans.of(record.account.plan());
        let looks: Vec<Look<'_>> = plan.limits().iter().map(|limit| Look::at(api, &record, limit, now)).collect();
        let windows: Vec<Window> = looks.iter().filter_map(|look| look.unknown.clone()).collect();
        let mut bought = if windows.is_empty() { Vec::new() } else { self.store().bought(windows).await? }.into_iter();
        let read = |look: Look<'_>| {
            let mut reading = look.reading;
            if look.unknown.is_some() {
                reading.remaining = reading.allowed.saturating_sub(bought.next().unwrap_or_default());
            }
            LimitLeft { limit: look.limit.clone(), reading }
        };
        Ok(Some(Allowance { plan: plan.name.clone(), limits: looks.into_iter().map(read).collect() }))
    }
}

/// A limit, as far as memory tells what is left of it.
struct Look<'l> {
    limit: &'l Limit,
    reading: Reading,
    /// The window of which only the store knows how much was used.
    unknown: Option<Window>,
}

impl<'l> Look<'l> {
    fn at(api: &ServedApi, record: &Record, limit: &'l Limit, now: Timestamp) -> Self {
        let allowed = api.plans.allowed(limit, record.limits.as_deref());
        let fresh = Level::unused(&limit.pace, now);
        let level = level(api, record, limit).unwrap_or(fresh);
        let is_unknown = matches!(level, Level::Window { bought: 0, .. }) && limit.is_lasting();
        let unknown = match (fresh, limit.pace) {
            (Level::Window { start, end, .. }, pace @ Pace::Window(_)) if is_unknown => {
                let whose = match limit.scope {
                    LimitScope::Key => Whose::Key(record.id),
                    LimitScope::Account => Whose::Account(record.account.id().clone()),
                    LimitScope::Api => Whose::Api,
                };
                let holder = holder(api, record.environment, whose);
                Some(Window { holder, limit: stored_name(&limit.name, pace), start, end })
            }
            _ => None,
        };
        Self { limit, reading: level.read(&limit.pace, allowed, now), unknown }
    }
}

/// The level of a limit, if it is remembered.
fn level(api: &ServedApi, record: &Record, limit: &Limit) -> Option<Level> {
    let of_environment = |shared: &[(_, Levels)]| {
        let levels = shared.iter().find(|(environment, _)| *environment == record.environment).map(|(_, levels)| levels);
        levels.and_then(|levels| levels.level_of(limit))
    };
    match limit.scope {
        LimitScope::Key => record.account.book().keys.get(&record.id).and_then(|page| page.levels.level_of(limit)),
        LimitScope::Account => of_environment(&record.account.book().shared),
        LimitScope::Api => of_environment(&api.book().shared()),
    }
}
