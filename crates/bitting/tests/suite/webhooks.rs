//! Webhooks: what happens reaches whoever wants to hear of it, whatever they do meanwhile.

mod delivering;
mod disabling;
mod killing;
mod managing;
mod verifying;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bitting::config::{self, Source};
use bitting::server::{Server, Surroundings};
use bitting_core::event::EventKind;
use bitting_core::webhook::{SigningSecret, WebhookId};
use bitting_engine::{Engine, KeySpec, ManualClock, WebhookSpec};
use bitting_store::{Actor, Change, DeliveryRow, DeliveryState, ListedWebhook, NewAccount, Page, WebhookPatch};

use crate::harness::{Receiver, Traces};

/// An API, and webhooks that may go to this machine.
const CONFIG: &str = "[[api]]\nname = \"shop\"\nupstream = \"http://127.0.0.1:1\"\nkey = { prefix = \"shop_\" }\n\
     [webhooks]\nallow_http = true\nallow = [\"127.0.0.1\"]\n[server]\ndrain = \"0s\"\n";

/// The listeners of a server in this process.
const LISTENERS: &str = "[[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"health\"]\n";

/// A server in this process, with a clock in hand.
struct House {
    server: Server,
    clock: ManualClock,
    traces: Traces,
    /// Somebody who hears of nothing but tests.
    probe: tokio::sync::Mutex<Option<(Receiver, WebhookId)>>,
}

impl House {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    /// One with other settings.
    async fn with(options: &[&str]) -> Self {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        Self::start_in(Traces::new(), clock, options).await
    }

    async fn start_in(traces: Traces, clock: ManualClock, options: &[&str]) -> Self {
        let sources = [("shop", CONFIG), ("listeners", LISTENERS)];
        let sources = sources.map(|(name, text)| Source { name: name.to_owned(), text: text.to_owned() });
        let store = format!("store.path={}", traces.path("bitting.db").display());
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).chain([store]).collect();
        let loaded = config::load(sources.into(), &options, Path::new("."), &Arc::default());
        let config = loaded.config.unwrap_or_else(|| panic!("{}", loaded.problems.render(false)));
        let server =
            Server::start(config, Surroundings::default(), Arc::new(clock.clone()), Arc::new(String::new)).await.unwrap();
        Self { server, clock, traces, probe: tokio::sync::Mutex::default() }
    }

    async fn restart(self) -> Self {
        self.server.stop().await;
        Self::start_in(self.traces, self.clock, &[]).await
    }

    fn engine(&self) -> &Arc<Engine> {
        self.server.engine()
    }

    async fn commit(&self, change: Change) {
        self.engine().commit(change, Actor::System, "test").await.unwrap();
    }

    /// Moves the clock and lets the task look at it.
    fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.server.notifier().nudge();
    }

    async fn webhook(&self, receiver: &Receiver) -> WebhookId {
        self.webhook_of(WebhookSpec { url: receiver.url.clone(), ..WebhookSpec::default() }).await.0
    }

    async fn webhook_of(&self, spec: WebhookSpec) -> (WebhookId, SigningSecret) {
        let made = spec.make("shop", self.engine().now()).unwrap();
        let committed = self.engine().commit(made.change, Actor::System, "test").await.unwrap();
        (committed.webhooks[0].id, made.secret)
    }

    async fn account(&self, id: &str) {
        let new = NewAccount { api: "shop".into(), id: id.parse().unwrap(), name: String::new(), plan: None };
        self.commit(Change::CreateAccount(new)).await;
    }

    /// Has something happen: a key is made. Returns its id.
    async fn key(&self, account: &str) -> String {
        let spec = KeySpec { name: "test".to_owned(), account: Some(account.parse().unwrap()), ..KeySpec::default() };
        let apis = self.engine().apis();
        let issued = spec.issue(apis.find("shop").unwrap(), self.engine().now()).unwrap();
        self.traces.issued(issued.key.expose());
        let committed = self.engine().commit(issued.change, Actor::System, "test").await.unwrap();
        committed.keys[0].row.id.to_string()
    }

    async fn switch(&self, webhook: WebhookId, enabled: bool) {
        self.patch(webhook, WebhookPatch { enabled: Some(enabled), ..WebhookPatch::default() }).await;
    }

    async fn patch(&self, webhook: WebhookId, patch: WebhookPatch) {
        self.commit(Change::UpdateWebhook { api: "shop".into(), webhook, patch: Box::new(patch) }).await;
    }

    async fn shown(&self, webhook: WebhookId) -> ListedWebhook {
        self.engine().store().webhook("shop", webhook).await.unwrap().unwrap()
    }

    async fn deliveries(&self, webhook: WebhookId, state: Option<DeliveryState>) -> Vec<DeliveryRow> {
        let page = Page { after: None, limit: 1_000 };
        self.engine().store().deliveries(webhook, state, page).await.unwrap()
    }

    /// Waits until the task has done everything that there is to do now. It does tests after everything that it was told of before
    /// and before what is due, so with the second one what was due when the first one came is on its way.
    async fn settle(&self) {
        let mut probe = self.probe.lock().await;
        if probe.is_none() {
            let receiver = Receiver::start().await;
            let events = vec![EventKind::TrafficUnusual];
            let spec = WebhookSpec { url: receiver.url.clone(), events, ..WebhookSpec::default() };
            let (webhook, _) = self.webhook_of(spec).await;
            *probe = Some((receiver, webhook));
        }
        let (receiver, webhook) = probe.as_mut().unwrap();
        for _ in 0..3 {
            self.engine().test_webhook("shop", *webhook).await.unwrap().unwrap();
            assert_eq!(receiver.next().await.kind(), "webhook.test");
        }
    }

    /// Waits until the outcome of everything is on the disk: so many deliveries are in this state.
    async fn until(&self, webhook: WebhookId, state: DeliveryState, count: usize) -> Vec<DeliveryRow> {
        loop {
            let rows = self.deliveries(webhook, Some(state)).await;
            if rows.len() == count {
                return rows;
            }
            assert!(rows.len() < count, "{} instead of {count} are {state:?}", rows.len());
            tokio::task::yield_now().await;
        }
    }
}
