//! What a change tells those who want to hear of it.

use bitting_core::event::EventKind;
use serde_json::{Map, Value, json};

use super::{Change, Entry, RowWrite, Write};
use crate::event::{Fold, Raised};
use crate::row::{KeyRow, StoredKey};
use crate::webhook::{DisabledBecause, WebhookRow};

/// The fields of a key that an event tells. There is no secret among them; the sequence is the store's own.
const TOLD: [&str; 18] = [
    "id",
    "account",
    "name",
    "prefix",
    "environment",
    "role",
    "permissions",
    "capabilities",
    "allowed_addresses",
    "limits",
    "metadata",
    "enabled",
    "created_at",
    "created_by",
    "expires_at",
    "auto_renew",
    "replaces",
    "replaced_by",
];

impl Entry {
    /// The events that come with a change; none if it is of no kind that is in the catalogue.
    pub(crate) fn events(&self, write: &Write) -> Vec<Raised> {
        if let (Change::ReportLeak { leak, .. }, [RowWrite::LeakedKey { key, is_revoked }]) =
            (&self.change, write.rows.as_slice())
        {
            return self.leak_events(leak, key, *is_revoked);
        }
        let Ok(kind) = write.action.parse::<EventKind>() else { return Vec::new() };
        if let (EventKind::WebhookDisabled, [RowWrite::ChangedWebhook(webhook)]) = (kind, write.rows.as_slice()) {
            return vec![self.disabled(&webhook.row)];
        }
        let keys: Vec<&StoredKey> = write.rows.iter().filter_map(key_of).collect();
        let told = match (kind, keys.as_slice()) {
            (EventKind::KeysImported, _) => {
                let mut data = write.after.clone();
                // An import may have a hundred thousand.
                data.as_object_mut().map(|data| data.remove("keys"));
                Some((None, data))
            }
            (EventKind::KeyRotated, [new, old]) => {
                Some((Some(*old), json!({"key": key_facts(&old.row), "successor": key_facts(&new.row)})))
            }
            (EventKind::KeyUpdated, [key]) => {
                let changed = changed_fields(&write.before, &write.after);
                Some((Some(*key), json!({"key": key_facts(&key.row), "changed": changed})))
            }
            (EventKind::KeyRenewed, [key]) => {
                Some((Some(*key), json!({"key": key_facts(&key.row), "previous_expires_at": write.before["expires_at"]})))
            }
            (_, [key]) => Some((Some(*key), json!({"key": key_facts(&key.row)}))),
            _ => None,
        };
        let Some((key, mut data)) = told else { return Vec::new() };
        data["by"] = json!(self.origin.actor.to_string());
        vec![Raised {
            kind,
            api: self.change.api().into(),
            account: key.map(|key| key.row.account.clone()),
            key: key.map(|key| key.row.id),
            at: self.at,
            count: 1,
            fold: Fold::Each,
            data,
        }]
    }
}

impl Entry {
    fn disabled(&self, webhook: &WebhookRow) -> Raised {
        let because = webhook.disabled_because.map(DisabledBecause::name);
        Raised {
            kind: EventKind::WebhookDisabled,
            api: self.change.api().into(),
            account: webhook.account.clone(),
            key: None,
            at: self.at,
            count: 1,
            fold: Fold::Each,
            data: json!({"webhook": {"id": webhook.id, "url": webhook.url, "description": webhook.description}, "because": because}),
        }
    }
}

/// What events tell of a key.
pub fn key_facts(row: &KeyRow) -> Value {
    let mut facts = json!(row);
    if let Some(facts) = facts.as_object_mut() {
        facts.retain(|field, _| TOLD.contains(&field.as_str()));
    }
    facts
}

fn key_of(row: &RowWrite) -> Option<&StoredKey> {
    match row {
        RowWrite::NewKey(key) | RowWrite::ChangedKey(key) => Some(key),
        _ => None,
    }
}

/// The fields that are not what they were.
fn changed_fields(before: &Value, after: &Value) -> Vec<String> {
    let nothing = Map::new();
    let before = before.as_object().unwrap_or(&nothing);
    let is_told = |field: &&String| TOLD.contains(&field.as_str()) || *field == "description";
    let fields = after.as_object().unwrap_or(&nothing).iter();
    fields.filter(|(field, value)| before.get(*field) != Some(value)).map(|(field, _)| field).filter(is_told).cloned().collect()
}
