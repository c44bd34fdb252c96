//! Old keys that end before their overlap is over, since nobody uses them any more.
//!
//! That is so when the new key was used, since until then nobody has moved, and when the old one was not used for as long as was chosen,
//! counted from the rotation at the earliest.

use std::sync::Arc;
use std::time::Duration;

use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use bitting_store::{Change, Conditions, KeyRow, LastUse, Line, Place, Span, StoreError};

use super::agenda::{Item, Task};
use super::{CHUNK, Keeper, Outcome, PAUSE, unwritten};
use crate::apis::ServedApi;
use crate::metering::Metering;

/// What to do with an old key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    End,
    LookAgain(Timestamp),
    /// It ends by other means, or not at all.
    Leave,
}

impl Keeper {
    /// Takes the keys onto the agenda that end when they are unused, some of them. Whether there are more. Those that come later are
    /// found by the change that makes them so.
    pub(super) async fn gather_leaving(&mut self, api: &Arc<ServedApi>, now: Timestamp) -> Result<bool, StoreError> {
        let after = match self.stages_of(api, now).await?.left {
            None => Place { at: Timestamp::from_millis(0), key: KeyId::from_bytes([0; 16]) },
            Some(place) if place.at >= Timestamp::MAX => return Ok(false),
            Some(place) => place,
        };
        let span = Span { after, until: Timestamp::MAX };
        let found = self.store.along(&api.name, Line::Leaving, span, CHUNK).await?;
        let more = found.len() == CHUNK;
        for (_, key) in &found {
            self.plan_leave(api, key, now);
        }
        let reached = found.last().filter(|_| more).map_or(Place::end_of(Timestamp::MAX), |(place, _)| *place);
        self.stages_of(api, now).await?.left = Some(reached);
        Ok(more)
    }

    /// Takes a key onto the agenda that was replaced and ends when it is unused.
    pub(super) fn plan_leave(&mut self, api: &ServedApi, key: &KeyRow, now: Timestamp) {
        if let (Some(idle), Some(_), None) = (key.end_when_unused_for_s, key.replaced_by, key.revoked_at) {
            let due = key.updated_at.plus(Duration::from_secs(idle)).max(now);
            self.agenda.add(Item { due, key: key.id, api: api.id, task: Task::Leave });
        }
    }

    /// Ends those that nobody uses any more, and looks at the others later.
    pub(super) async fn end_overlaps(
        &mut self,
        api: &Arc<ServedApi>,
        items: &[Item],
        metering: &Metering,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if items.is_empty() {
            return Ok(());
        }
        if !metering.write_down().await {
            return Err(unwritten());
        }
        let old = self.store.named(&api.name, items.iter().map(|item| item.key).collect()).await?;
        let new = self.store.named(&api.name, old.iter().filter_map(|key| key.replaced_by).collect()).await?;
        let uses = self.store.last_uses(old.iter().chain(&new).map(|key| key.id).collect()).await?;
        let used_at = |key: KeyId| uses.iter().find(|last: &&LastUse| last.key == key).map(|last| last.at);
        let mut handed_over = Vec::new();
        for key in old {
            let successor = new.iter().find(|new| key.replaced_by == Some(new.id));
            match judge(&key, successor, used_at, now) {
                Verdict::End => {
                    let change = Change::RevokeKey { api: api.name.to_string(), key: key.id };
                    let conditions = Conditions { keys: vec![(key.id, key.sequence)], ..Conditions::default() };
                    handed_over.push((key.id, self.hand_over(change, conditions, now).await));
                }
                Verdict::LookAgain(due) => self.agenda.add(Item { due, key: key.id, api: api.id, task: Task::Leave }),
                Verdict::Leave => {}
            }
        }
        let mut failed = false;
        for (key, answered) in handed_over {
            match Outcome::of(answered).await {
                Outcome::Done => {}
                // It was changed meanwhile, perhaps in its name alone.
                Outcome::Refused => {
                    self.agenda.add(Item { due: now.plus(PAUSE), key, api: api.id, task: Task::Leave });
                }
                Outcome::Failed => failed = true,
            }
        }
        if failed { Err(unwritten()) } else { Ok(()) }
    }
}

fn judge(old: &KeyRow, new: Option<&KeyRow>, used_at: impl Fn(KeyId) -> Option<Timestamp>, now: Timestamp) -> Verdict {
    let (Some(idle), Some(new), None) = (old.end_when_unused_for_s, new, old.revoked_at) else { return Verdict::Leave };
    if old.expires_at.is_some_and(|end| end <= now) {
        return Verdict::Leave;
    }
    let idle = Duration::from_secs(idle);
    let quiet_since = used_at(old.id).map_or(new.created_at, |used| used.max(new.created_at));
    let due = quiet_since.plus(idle);
    if due > now {
        return Verdict::LookAgain(due);
    }
    let has_moved = used_at(new.id).is_some() && new.enabled && new.revoked_at.is_none();
    // Somebody who has just moved is seen soon.
    if has_moved {
        Verdict::End
    } else {
        Verdict::LookAgain(now.plus(idle.clamp(Duration::from_secs(1), Duration::from_mins(10))))
    }
}
