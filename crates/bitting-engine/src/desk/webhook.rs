//! Webhook endpoints, whose secrets are made with the change that makes them known, like keys.

use std::time::Duration;

use bitting_core::account::AccountId;
use bitting_core::event::{EventKind, Severity};
use bitting_core::time::Timestamp;
use bitting_core::webhook::{SigningSecret, WebhookId};
use bitting_store::{Change, NewWebhook};

use super::{InvalidChange, invalid};
use crate::entropy::{Entropy, EntropyError};

/// A webhook endpoint that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookSpec {
    /// Whose events it hears of; `None` is the operators', which hears of all of the API's.
    pub account: Option<AccountId>,
    /// Where messages go, as it was written.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Of which events it hears; empty is all.
    pub events: Vec<EventKind>,
    /// Of these only such that are so severe or more.
    pub severity: Option<Severity>,
}

/// A signing secret that was made and the change that makes it known. It is shown once, to whoever asked for it, when the change is
/// committed.
#[derive(Debug)]
pub struct SignedWith {
    /// The secret.
    pub secret: SigningSecret,
    /// What to commit.
    pub change: Change,
}

/// How long messages are signed with the old secret too, where nobody says otherwise.
pub const SECRET_OVERLAP: Duration = Duration::from_hours(24);

impl WebhookSpec {
    /// Makes an endpoint of an API.
    ///
    /// # Errors
    /// If the URL is none, or there is no randomness. All else is checked when it is committed.
    pub fn make(self, api: &str, now: Timestamp) -> Result<SignedWith, InvalidChange> {
        let Self { account, url, description, events, severity } = self;
        let url = url.parse().map_err(|error: bitting_core::webhook::InvalidUrl| invalid("url", error.to_string()))?;
        let (secret, id) = (new_secret()?, WebhookId::new(now, Entropy.random()?));
        let new = NewWebhook { api: api.to_owned(), account, id, url, description, events, severity, secret: secret.clone() };
        Ok(SignedWith { secret, change: Change::CreateWebhook(Box::new(new)) })
    }
}

impl SignedWith {
    /// Another secret for an endpoint. Messages are signed with the old one too until `overlap` is over.
    ///
    /// # Errors
    /// If there is no randomness, or the overlap is longer than 30 days.
    pub fn rotated(api: &str, webhook: WebhookId, overlap: Duration, now: Timestamp) -> Result<Self, InvalidChange> {
        if overlap > LONGEST_OVERLAP {
            return Err(invalid("overlap", "the old secret may go on for 30 days at the longest".to_owned()));
        }
        let secret = new_secret()?;
        let old_ends_at = (!overlap.is_zero()).then(|| now.plus(overlap));
        let change = Change::RotateWebhookSecret { api: api.to_owned(), webhook, secret: secret.clone(), old_ends_at };
        Ok(Self { secret, change })
    }
}

/// How long two secrets may be good at once.
const LONGEST_OVERLAP: Duration = Duration::from_hours(24 * 30);

fn new_secret() -> Result<SigningSecret, EntropyError> {
    let mut random = [0; 32];
    Entropy.fill(&mut random)?;
    Ok(SigningSecret::new(random))
}
