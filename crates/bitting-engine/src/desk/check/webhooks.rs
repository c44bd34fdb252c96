//! What a webhook endpoint must be.

use bitting_core::event::EventKind;
use bitting_core::webhook::{Destinations, WebhookUrl};
use bitting_store::{NewWebhook, WebhookPatch};

use super::Checks;

impl Checks<'_> {
    pub(super) fn webhook(&mut self, new: &NewWebhook, destinations: &Destinations) {
        self.webhook_url(&new.url, destinations);
        self.text("description", &new.description, 0, 200);
        self.events(&new.events);
    }

    pub(super) fn webhook_patch(&mut self, patch: &WebhookPatch, destinations: &Destinations) {
        patch.url.iter().for_each(|url| self.webhook_url(url, destinations));
        patch.description.iter().for_each(|text| self.text("description", text, 0, 200));
        patch.events.iter().for_each(|events| self.events(events));
    }

    /// What can be told from the URL alone. Where its name leads is looked at when something is sent.
    fn webhook_url(&mut self, url: &WebhookUrl, destinations: &Destinations) {
        if let Err(refused) = destinations.check(url) {
            self.wrong("url", refused.to_string());
        }
    }

    fn events(&mut self, events: &[EventKind]) {
        let is_twice = |(at, event): (usize, &EventKind)| events[..at].contains(event);
        if events.iter().enumerate().any(is_twice) {
            self.wrong("events", "one of them is there twice");
        }
    }
}
