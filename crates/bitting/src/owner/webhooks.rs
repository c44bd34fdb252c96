//! Webhooks, through the owner of the store or as its owner.

use bitting_core::webhook::WebhookId;
use bitting_store::{ListedWebhook, Page, Webhooks as _, WebhooksOf};

use super::Owner;
use super::client::confused;
use super::protocol::{Answer, Question};
use crate::failure::Failure;

impl Owner {
    /// Webhooks of an API, the newest first.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn webhooks(&self, api: &str, of: WebhooksOf, page: Page<WebhookId>) -> Result<Vec<ListedWebhook>, Failure> {
        match self {
            Self::Here { store, .. } => Ok(store.webhooks(api, of, page).await?),
            Self::There(client) => match client.ask(Question::Webhooks { api: api.to_owned(), of, page }).await? {
                Answer::Webhooks(all) => Ok(all),
                _ => Err(confused()),
            },
        }
    }
}
