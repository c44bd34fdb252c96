//! What is told of keys that age, in the fields of the catalogue.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bitting_core::account::AccountId;
use bitting_core::event::EventKind;
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use bitting_store::{AccountRow, Fold, KeyRow, Raised, Store, StoreError, key_facts};
use serde_json::{Map, Value, json};

use super::following::Cause;
use super::renewal::renewal;
use super::stage::{Stage, Stages};
use crate::apis::ServedApi;

const DAY: Duration = Duration::from_hours(24);

/// Keys of which something may be told, with what is told of them.
pub(super) struct Notices<'a> {
    api: &'a Arc<ServedApi>,
    keys: Vec<KeyRow>,
    accounts: HashMap<AccountId, Option<AccountRow>>,
    used_at: HashMap<KeyId, Timestamp>,
    now: Timestamp,
}

impl<'a> Notices<'a> {
    pub(super) async fn read(
        store: &dyn Store,
        api: &'a Arc<ServedApi>,
        keys: Vec<KeyRow>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut accounts = HashMap::new();
        for key in &keys {
            if !accounts.contains_key(&key.account) {
                accounts.insert(key.account.clone(), store.account(&api.name, &key.account).await?);
            }
        }
        let uses = store.last_uses(keys.iter().map(|key| key.id).collect()).await?;
        let used_at = uses.into_iter().map(|last| (last.key, last.at)).collect();
        Ok(Self { api, keys, accounts, used_at, now })
    }

    /// What is told of them because they were found by a stage.
    pub(super) fn of_stage(&self, stage: &Stage) -> Vec<Raised> {
        let tell = |key| match stage {
            // Of a key that is sooner at its end a tighter stage tells.
            Stage::Expiring(before) => self.expiring(key).filter(|_| self.notice_due(key) == Some(*before)),
            Stage::Expired => self.expired(key),
            Stage::Overdue(..) => self.overdue(key),
            Stage::Unused(_) | Stage::NeverUsed(_) => self.unused(key),
        };
        self.keys.iter().filter_map(tell).collect()
    }

    /// What is told of one of them because it was changed so that it stands where stages have looked already.
    pub(super) fn of_change(&self, key: &KeyRow, cause: &Cause, stages: &Stages) -> Vec<Raised> {
        let mut raised = Vec::new();
        if key.expires_at.is_some_and(|end| end <= self.now && end > cause.at) {
            raised.extend(self.expired(key));
        }
        // Whoever rotates a key has just said when the old one ends.
        if cause.has_new_end && key.replaced_by.is_none() && self.notice_due(key).is_some() {
            raised.extend(self.expiring(key));
        }
        if cause.is_switched_on {
            let lifecycle = &self.api.lifecycle;
            let age = lifecycle.rotation_age(&key.environment);
            let of = |stage: Stage, since: Timestamp, time| stages.since(&stage).is_some_and(|began| since.plus(time) > began);
            if of(Stage::Overdue(key.environment.as_str().into(), age), key.created_at, age) {
                raised.extend(self.overdue(key));
            }
            if of(Stage::NeverUsed(lifecycle.unused_after), self.last_needed(key), lifecycle.unused_after) {
                raised.extend(self.unused(key));
            }
        }
        raised
    }

    /// The tightest notice that is due of a key that is to end.
    fn notice_due(&self, key: &KeyRow) -> Option<Duration> {
        let end = key.expires_at.filter(|end| *end > self.now)?;
        self.api.lifecycle.notice_due(end.since(self.now))
    }

    fn expiring(&self, key: &KeyRow) -> Option<Raised> {
        let (end, notice) = (key.expires_at?, self.notice_due(key)?);
        let account = self.accounts.get(&key.account).and_then(Option::as_ref);
        let (renews_at, reason) = match renewal(self.api, key, account) {
            Ok(at) => (Some(at.max(self.now)), None),
            Err(reason) => (None, Some(reason.name())),
        };
        let left = end.since(self.now);
        let data = json!({
            "expires_at": end,
            "days_left": rounded_days(left),
            "renews_at": renews_at,
            "not_renewed_because": reason,
            "last_used": self.used_at.get(&key.id),
        });
        let subject = format!("{} {} {}", key.id, end.as_millis(), notice.as_millis());
        is_on(key).then(|| self.raised(EventKind::KeyExpiring, key, subject, data))
    }

    fn expired(&self, key: &KeyRow) -> Option<Raised> {
        let end = key.expires_at.filter(|end| *end <= self.now)?;
        let data = json!({"expires_at": end, "last_used": self.used_at.get(&key.id)});
        is_on(key).then(|| self.raised(EventKind::KeyExpired, key, format!("{} {}", key.id, end.as_millis()), data))
    }

    fn overdue(&self, key: &KeyRow) -> Option<Raised> {
        let (age, most) = (self.now.since(key.created_at), self.api.lifecycle.rotation_age(&key.environment));
        // What was replaced is on its way out.
        if !self.works(key) || age < most || key.replaced_by.is_some() {
            return None;
        }
        let data = json!({
            "age_days": whole_days(age),
            "rotation_age_days": whole_days(most),
            "last_used": self.used_at.get(&key.id),
        });
        Some(self.raised(EventKind::KeyOverdue, key, key.id.to_string(), data))
    }

    fn unused(&self, key: &KeyRow) -> Option<Raised> {
        let since = self.last_needed(key);
        let idle = self.now.since(since);
        if !self.works(key) || idle < self.api.lifecycle.unused_after {
            return None;
        }
        let data = json!({"last_used": self.used_at.get(&key.id), "unused_days": whole_days(idle)});
        Some(self.raised(EventKind::KeyUnused, key, format!("{} {}", key.id, since.as_millis()), data))
    }

    /// When it was used last, or made.
    fn last_needed(&self, key: &KeyRow) -> Timestamp {
        self.used_at.get(&key.id).copied().unwrap_or(key.created_at)
    }

    fn works(&self, key: &KeyRow) -> bool {
        is_on(key) && key.expires_at.is_none_or(|end| end > self.now)
    }

    fn raised(&self, kind: EventKind, key: &KeyRow, subject: String, data: Value) -> Raised {
        let mut all = Map::from_iter([("key".to_owned(), key_facts(key))]);
        if let Value::Object(data) = data {
            all.extend(data);
        }
        Raised {
            kind,
            api: self.api.name.clone(),
            account: Some(key.account.clone()),
            key: Some(key.id),
            at: self.now,
            count: 1,
            fold: Fold::Once(subject),
            data: all.into(),
        }
    }
}

fn is_on(key: &KeyRow) -> bool {
    key.enabled && key.revoked_at.is_none()
}

fn whole_days(time: Duration) -> u64 {
    time.as_secs() / DAY.as_secs()
}

/// A notice of 30 days that goes out a second late says 30 days.
fn rounded_days(time: Duration) -> u64 {
    whole_days(time.saturating_add(DAY / 2))
}
