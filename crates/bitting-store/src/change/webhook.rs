//! What can change about webhook endpoints, and what each change does.

use bitting_core::account::AccountId;
use bitting_core::event::{EventKind, Severity};
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_core::webhook::{SigningSecret, WebhookId, WebhookUrl};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::effect::{Effect, Found, RowWrite, Write, set};
use super::{Committed, Entry, Refusal};
use crate::webhook::{DisabledBecause, KeptSecret, MOST_WEBHOOKS, StoredWebhook, WebhookRow};

/// A new endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewWebhook {
    /// The API's name.
    pub api: String,
    /// Whose events it hears of; `None` is the operators'.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// The public id.
    pub id: WebhookId,
    /// Where messages go.
    pub url: WebhookUrl,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Of which events it hears; empty is all.
    #[serde(default)]
    pub events: Vec<EventKind>,
    /// Of these only such that are so severe or more.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// What messages are signed with.
    pub secret: SigningSecret,
}

/// New values for an endpoint. What is `None` stays; where a value can be absent, `Some(None)` removes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookPatch {
    /// Where messages go.
    pub url: Option<WebhookUrl>,
    /// What it is for.
    pub description: Option<String>,
    /// Of which events it hears; empty is all.
    pub events: Option<Vec<EventKind>>,
    /// Of these only such that are so severe or more.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::present")]
    pub severity: Option<Option<Severity>>,
    /// Whether messages are sent. What waited while they were not is sent when they are again.
    pub enabled: Option<bool>,
}

/// How many secrets messages are signed with at most: whoever rotates twice in a day has three.
const MOST_SECRETS: usize = 3;

impl Entry {
    pub(super) fn create_webhook(&self, new: &NewWebhook, found: &Found, sequence: Sequence) -> Result<Effect, Refusal> {
        if let (Some(account), None) = (&new.account, &found.account) {
            return Err(Refusal::NoSuchAccount(account.clone()));
        }
        if found.webhooks_of_owner >= MOST_WEBHOOKS {
            return Err(Refusal::TooManyWebhooks(MOST_WEBHOOKS));
        }
        let row = WebhookRow {
            id: new.id,
            api: new.api.clone(),
            account: new.account.clone(),
            url: new.url.clone(),
            description: new.description.clone(),
            events: new.events.clone(),
            severity: new.severity,
            enabled: true,
            disabled_because: None,
            created_at: self.at,
            created_by: self.origin.actor.to_string(),
            updated_at: self.at,
            sequence,
        };
        let (subject, after) = (row.id.to_string(), json!(row));
        let secrets = vec![KeptSecret { secret: new.secret.clone(), until: None }];
        let rows = vec![RowWrite::NewWebhook(StoredWebhook { row, secrets, epoch: 0, failing_since: None })];
        Ok(Effect::Write(Write { rows, action: "webhook.created", subject, before: Value::Null, after }))
    }

    pub(super) fn update_webhook(
        &self,
        id: WebhookId,
        patch: &WebhookPatch,
        found: Found,
        sequence: Sequence,
    ) -> Result<Effect, Refusal> {
        let old = found.webhook.ok_or(Refusal::NoSuchWebhook(id))?;
        let mut new = old.clone();
        set(&mut new.row.url, patch.url.as_ref());
        set(&mut new.row.description, patch.description.as_ref());
        set(&mut new.row.events, patch.events.as_ref());
        set(&mut new.row.severity, patch.severity.as_ref());
        set(&mut new.row.enabled, patch.enabled.as_ref());
        if new.row == old.row {
            return Ok(unchanged(old));
        }
        let is_switched_on = new.row.enabled && !old.row.enabled;
        if is_switched_on || new.row.url != old.row.url {
            // What waits is tried at once, and as often as if it were new.
            new.epoch += 1;
            new.failing_since = None;
        }
        if is_switched_on {
            new.row.disabled_because = None;
        }
        Ok(self.changed_webhook("webhook.updated", &old, new, sequence))
    }

    pub(super) fn rotate_webhook_secret(
        &self,
        id: WebhookId,
        secret: &SigningSecret,
        old_ends_at: Option<Timestamp>,
        found: Found,
        sequence: Sequence,
    ) -> Result<Effect, Refusal> {
        let old = found.webhook.ok_or(Refusal::NoSuchWebhook(id))?;
        let mut new = old.clone();
        new.secrets = vec![KeptSecret { secret: secret.clone(), until: None }];
        for mut kept in old.secrets.iter().cloned() {
            kept.until = match (kept.until, old_ends_at) {
                // Whoever ends the last one at once does not want one from before it either.
                (_, None) => continue,
                (until, Some(end)) => Some(until.map_or(end, |until| until.min(end))),
            };
            if kept.until.is_some_and(|until| until > self.at) && new.secrets.len() < MOST_SECRETS {
                new.secrets.push(kept);
            }
        }
        Ok(self.changed_webhook("webhook.secret_rotated", &old, new, sequence))
    }

    pub(super) fn disable_webhook(
        &self,
        id: WebhookId,
        epoch: u64,
        because: DisabledBecause,
        found: Found,
        sequence: Sequence,
    ) -> Result<Effect, Refusal> {
        let old = found.webhook.ok_or(Refusal::NoSuchWebhook(id))?;
        if !old.row.enabled || old.epoch != epoch {
            // Somebody has switched it meanwhile, or it leads elsewhere.
            return Ok(unchanged(old));
        }
        let mut new = old.clone();
        (new.row.enabled, new.row.disabled_because) = (false, Some(because));
        Ok(self.changed_webhook("webhook.disabled", &old, new, sequence))
    }

    fn changed_webhook(&self, action: &'static str, old: &StoredWebhook, mut new: StoredWebhook, sequence: Sequence) -> Effect {
        (new.row.updated_at, new.row.sequence) = (self.at, sequence);
        Effect::Write(Write {
            action,
            subject: new.row.id.to_string(),
            before: json!(old.row),
            after: json!(new.row),
            rows: vec![RowWrite::ChangedWebhook(new)],
        })
    }
}

pub(super) fn delete_webhook(id: WebhookId, found: Found) -> Result<Effect, Refusal> {
    let old = found.webhook.ok_or(Refusal::NoSuchWebhook(id))?;
    Ok(Effect::Write(Write {
        action: "webhook.deleted",
        subject: id.to_string(),
        before: json!(old.row),
        after: Value::Null,
        rows: vec![RowWrite::RemovedWebhook(id)],
    }))
}

fn unchanged(webhook: StoredWebhook) -> Effect {
    let sequence = webhook.row.sequence;
    Effect::Unchanged(Committed { webhooks: vec![webhook.row], ..Committed::empty(sequence) })
}
