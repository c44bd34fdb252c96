//! Changes of keys, followed in the audit log: a key that is made, changed, renewed or imported may stand where was looked before.

use std::collections::BTreeMap;
use std::sync::Arc;

use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use bitting_store::{AuditRow, StoreError};
use serde_json::Value;

use super::Keeper;
use super::notice::Notices;
use crate::apis::ServedApi;

/// How many audit rows are read at once. One may be an import of a hundred keys.
const ROWS: usize = 50;

/// Why a key is looked at again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cause {
    /// When it was changed.
    pub(super) at: Timestamp,
    /// Whether its end is another one, or matters again.
    pub(super) has_new_end: bool,
    /// Whether it was switched on, so that its age matters again. What comes by an import comes as old as it is.
    pub(super) is_switched_on: bool,
}

impl Keeper {
    /// Begins with the changes that come from now on, unless changes were followed before.
    pub(super) async fn begin_following(&mut self) -> Result<bool, StoreError> {
        if self.followed.is_none() {
            let kept = self.store.followed().await?;
            let last = self.store.progress().await?.sequence;
            if kept.is_none() {
                self.store.keep_followed(last).await?;
            }
            self.followed = Some(kept.unwrap_or(last));
        }
        Ok(false)
    }

    /// Looks at keys that were changed, some of them. Whether there are more.
    pub(super) async fn follow(&mut self, apis: &[Arc<ServedApi>], now: Timestamp) -> Result<bool, StoreError> {
        self.begin_following().await?;
        for api in apis {
            self.stages_of(api, now).await?;
        }
        let after = self.followed.unwrap_or_default();
        let rows = self.store.audit(after, ROWS).await?;
        let Some(last) = rows.last().map(|row| row.sequence) else { return Ok(false) };
        let mut is_told = false;
        for api in apis {
            let mut changed: BTreeMap<KeyId, Cause> = BTreeMap::new();
            for row in rows.iter().filter(|row| *row.api == *api.name) {
                for (key, cause) in changes(row) {
                    changed.entry(key).and_modify(|known| known.add(cause)).or_insert(cause);
                }
            }
            if !changed.is_empty() {
                self.look_at(api, &changed, now).await?;
                is_told = true;
            }
        }
        // What was looked at and did not matter may be looked at again.
        if is_told {
            self.store.keep_followed(last).await?;
        }
        self.followed = Some(last);
        Ok(rows.len() == ROWS)
    }

    async fn look_at(
        &mut self,
        api: &Arc<ServedApi>,
        changed: &BTreeMap<KeyId, Cause>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let keys = self.store.named(&api.name, changed.keys().copied().collect()).await?;
        let notices = Notices::read(&*self.store, api, keys.clone(), now).await?;
        let mut raised = Vec::new();
        for key in &keys {
            let Some(cause) = changed.get(&key.id) else { continue };
            if key.auto_renew {
                self.plan_renewal(api, key, key.expires_at.is_some_and(|end| end > cause.at));
            }
            if self.stages_of(api, now).await?.left.is_some() {
                self.plan_leave(api, key, now);
            }
            raised.extend(notices.of_change(key, cause, self.stages_of(api, now).await?));
        }
        self.raise(raised).await
    }
}

impl Cause {
    /// Of two changes of one key, the later one.
    fn add(&mut self, later: Self) {
        self.at = later.at;
        self.has_new_end |= later.has_new_end;
        self.is_switched_on |= later.is_switched_on;
    }
}

/// The keys that a change has changed, with what matters of it.
fn changes(row: &AuditRow) -> Vec<(KeyId, Cause)> {
    let cause = |has_new_end, is_switched_on| Cause { at: row.at, has_new_end, is_switched_on };
    let id = |text: &Value| text.as_str().and_then(|text| text.parse::<KeyId>().ok());
    let subject = row.subject.parse::<KeyId>().ok();
    match row.action.as_str() {
        "key.created" => subject.map(|key| (key, cause(true, false))).into_iter().collect(),
        // Its next end is told of when that comes near: otherwise a key that is renewed every hour would be told of every hour.
        "key.renewed" => subject.map(|key| (key, cause(false, false))).into_iter().collect(),
        "key.updated" => {
            let differs = |field: &str| row.before[field] != row.after[field];
            let is_switched_on = differs("enabled") && row.after["enabled"] == true;
            let has_new_end = differs("expires_at") || is_switched_on;
            if !has_new_end && !differs("auto_renew") {
                return Vec::new();
            }
            subject.map(|key| (key, cause(has_new_end, is_switched_on))).into_iter().collect()
        }
        "key.rotated" => {
            let keys = [&row.after["old"]["id"], &row.after["new"]["id"]];
            keys.into_iter().filter_map(id).map(|key| (key, cause(true, false))).collect()
        }
        "keys.imported" => {
            let keys = row.after["keys"].as_array().into_iter().flatten();
            keys.filter_map(id).map(|key| (key, cause(true, false))).collect()
        }
        _ => Vec::new(),
    }
}
