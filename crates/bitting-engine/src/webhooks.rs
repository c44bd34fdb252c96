//! Webhooks, for whoever manages them and for the one task that sends.
//!
//! Endpoints are made, changed and deleted with [`submit`](Engine::submit) and read from the [store](Engine::store). Here is what is
//! no change: to send a test, to send something again, and what the sending task needs.

use std::sync::Arc;

use bitting_core::webhook::{DeliveryId, WebhookId};
use bitting_store::{
    Actor, Change, Committed, Conditions, DeliveryRow, DisabledBecause, Entry, NewDelivery, Origin, Refusal, StoreError,
    StoreErrorKind,
};
use serde_json::json;

use crate::engine::{CommitError, Engine};
use crate::entropy::Entropy;

/// What a test tells.
const TEST: &str = "webhook.test";

/// How many tests of one endpoint may wait.
const MOST_TESTS: usize = 5;

impl Engine {
    /// Sends a test to an endpoint of an API, at once, once, and whether or not it is switched on. What comes of it stands in the
    /// delivery, which is read until it no longer waits. `None` if there is no such endpoint.
    ///
    /// # Errors
    /// If five of its tests still wait, or the store cannot be read or written.
    pub async fn test_webhook(&self, api: &str, webhook: WebhookId) -> Result<Option<DeliveryRow>, CommitError> {
        let failed = |error| CommitError::Store(Arc::new(error));
        if self.store().webhook(api, webhook).await.map_err(failed)?.is_none() {
            return Ok(None);
        }
        let now = self.now();
        let random = Entropy.random().map_err(|error| {
            failed(StoreError::new(StoreErrorKind::Unavailable, "a delivery could not be given an id").because(error))
        })?;
        let id = DeliveryId::new(now, random);
        let said = "This is a test. If its signature is good, the endpoint is ready.";
        let data = json!({"api": api, "webhook": {"id": webhook}, "message": said});
        let body = json!({"type": TEST, "timestamp": now, "data": data}).to_string();
        let new = NewDelivery { id, webhook, message: id.to_string(), kind: TEST.to_owned(), body, at: now, is_test: true };
        if !self.store().deliver_test(new, MOST_TESTS).await.map_err(failed)? {
            return Err(Refusal::TooManyTests(webhook, MOST_TESTS).into());
        }
        self.feed.wake_webhooks();
        Ok(self.store().delivery(webhook, id).await.map_err(failed)?.map(|(row, _)| row))
    }

    /// Sends something to an endpoint of an API again, at once, with the same message id, and as often as if it were new. `None` if
    /// there is no such delivery.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn resend(&self, api: &str, webhook: WebhookId, delivery: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        let is_there = self.store().webhook(api, webhook).await?.is_some();
        if !is_there || !self.store().resend(webhook, delivery, self.now()).await? {
            return Ok(None);
        }
        self.feed.wake_webhooks();
        Ok(self.store().delivery(webhook, delivery).await?.map(|(row, _)| row))
    }

    /// Switches an endpoint off that takes nothing, unless it was switched or leads elsewhere since that epoch. For the task that
    /// sends.
    ///
    /// # Errors
    /// If it is not there any more, or the store failed.
    pub async fn disable_webhook(
        &self,
        api: &str,
        webhook: WebhookId,
        epoch: u64,
        because: DisabledBecause,
    ) -> Result<Committed, CommitError> {
        let change = Change::DisableWebhook { api: api.to_owned(), webhook, epoch, because };
        let origin = Origin { actor: Actor::System, request_id: String::new(), address: None };
        self.hand_over(Entry { change, origin, conditions: Conditions::default(), at: self.now() }).await
    }

    /// Waits until endpoints may have changed, or something is to be sent at once. For the task that sends, which is the only one that
    /// may wait for it.
    pub async fn webhooks_touched(&self) {
        self.feed.webhooks_touched().await;
    }
}
