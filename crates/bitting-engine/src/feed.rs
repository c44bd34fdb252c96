//! What was written down as having happened, as it is written: counted, and told to whoever follows.
//!
//! Nothing is handed over here but how far the events go: whoever follows reads them from the store at their own pace, so that one
//! who never reads holds no memory, and one who comes back goes on where they were.

use std::sync::Arc;

use bitting_store::{Raised, Store, StoreError};
use metrics::counter;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;

/// How many events are read at once.
const PAGE: usize = 500;

/// How far the events go.
pub(crate) struct Feed {
    written: Notify,
    last: watch::Sender<u64>,
    /// Webhook endpoints may have changed, or there is something to send at once.
    webhooks: Notify,
}

impl Feed {
    /// From here on: earlier ones were counted by whoever ran before.
    pub(crate) fn after(last: u64) -> Self {
        Self { written: Notify::new(), last: watch::Sender::new(last), webhooks: Notify::new() }
    }

    /// Something may have been written.
    pub(crate) fn wake(&self) {
        self.written.notify_one();
    }

    /// Whoever sends to webhooks should look again.
    pub(crate) fn wake_webhooks(&self) {
        self.webhooks.notify_one();
    }

    pub(crate) async fn webhooks_touched(&self) {
        self.webhooks.notified().await;
    }
}

/// Follows what is written until it is to halt.
pub(crate) async fn run(feed: Arc<Feed>, store: Arc<dyn Store>, halt: CancellationToken) {
    while halt.run_until_cancelled(feed.written.notified()).await.is_some() {
        if let Err(error) = feed.follow(&*store).await {
            tracing::error!(%error, "events cannot be read; whoever follows them hears of them after the next one");
        }
    }
}

impl Feed {
    async fn follow(&self, store: &dyn Store) -> Result<(), StoreError> {
        loop {
            let after = *self.last.borrow();
            let events = store.events_after(after, PAGE).await?;
            let Some(last) = events.last() else { return Ok(()) };
            for event in &events {
                counter!("bitting_events_total", "api" => event.api.to_string(), "event" => event.kind.name()).increment(1);
            }
            self.last.send_replace(last.number);
        }
    }
}

impl Engine {
    /// The number of the last event that is known to be written, as it goes on. Events are read from the store.
    pub fn last_event(&self) -> watch::Receiver<u64> {
        self.feed.last.subscribe()
    }

    /// Writes events down that no change and no request causes.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn raise(&self, raised: Vec<Raised>) -> Result<(), StoreError> {
        let written = self.store().raise(raised).await;
        self.feed.wake();
        written
    }
}
