//! Keys that were found where others can read them.

use bitting_core::event::EventKind;
use bitting_core::key::KeyId;
use bitting_core::record::Sequence;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::events::key_facts;
use super::{Committed, Effect, Entry, Found, Refusal, RowWrite, Write};
use crate::event::{Fold, Raised};
use crate::row::StoredKey;

/// Where a key was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Leak {
    /// By whom, or in what: `github`, say.
    pub source: Option<String>,
    /// Where others can read it.
    pub url: Option<String>,
}

/// How many keys somebody has asked about. It is written whether or not any of them is known, so that nobody can try texts out
/// unnoticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakReport {
    /// Its id.
    pub id: String,
    /// Texts that are keys of the API, whatever their state.
    pub known: u64,
    /// Texts that are not.
    pub unknown: u64,
}

impl Entry {
    /// Writes down once that a key was found, and ends it if that is wanted. What is there already is not written again.
    pub(super) fn report_leak(
        &self,
        id: KeyId,
        leak: &Leak,
        revoke: bool,
        found: Found,
        sequence: Sequence,
    ) -> Result<Effect, Refusal> {
        let old = found.key.ok_or(Refusal::NoSuchKey(id))?;
        let revokes = revoke && old.row.revoked_at.is_none();
        if found.is_reported && !revokes {
            return Ok(Effect::Unchanged(Committed { keys: vec![old], ..Committed::empty(Sequence::default()) }));
        }
        let mut new = old.clone();
        if revokes {
            new.row.revoked_at = Some(self.at);
            (new.row.updated_at, new.row.sequence) = (self.at, sequence);
        }
        let mut after = json!(new.row);
        after["leak"] = json!(leak);
        Ok(Effect::Write(Write {
            action: EventKind::KeyLeaked.name(),
            subject: id.to_string(),
            before: json!(old.row),
            after,
            rows: vec![RowWrite::LeakedKey { key: new, is_revoked: revokes }],
        }))
    }

    /// What is told of a key that was found: once that it was, and that it ended if it did.
    pub(super) fn leak_events(&self, leak: &Leak, key: &StoredKey, is_revoked: bool) -> Vec<Raised> {
        let by = self.origin.actor.to_string();
        let event = |kind, fold, data: Value| Raised {
            kind,
            api: self.change.api().into(),
            account: Some(key.row.account.clone()),
            key: Some(key.row.id),
            at: self.at,
            count: 1,
            fold,
            data,
        };
        let facts = key_facts(&key.row);
        let found = json!({"key": facts, "source": leak.source, "url": leak.url, "revoked": is_revoked, "by": by});
        let mut events = vec![event(EventKind::KeyLeaked, Fold::Once(key.row.id.to_string()), found)];
        if is_revoked {
            events.push(event(EventKind::KeyRevoked, Fold::Each, json!({"key": facts, "by": by})));
        }
        events
    }
}

/// Writes down that somebody has asked.
pub(super) fn note_report(report: &LeakReport) -> Effect {
    Effect::Write(Write {
        action: "leaks.reported",
        subject: report.id.clone(),
        before: Value::Null,
        after: json!({"known": report.known, "unknown": report.unknown}),
        rows: Vec::new(),
    })
}
