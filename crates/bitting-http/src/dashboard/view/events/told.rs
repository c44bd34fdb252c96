//! What each kind of event says to people: a title, what is known of it, and what to do.

mod keys;
mod requests;

use bitting_core::event::EventKind;
use bitting_core::time::Timestamp;
use bitting_store::EventRow;

use super::facts::Facts;
use crate::dashboard::view::links::{ApiLinks, with_query};
use crate::dashboard::view::moment::length;
use crate::dashboard::view::{Words, plural};

/// An event in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) title: Words,
    pub(super) text: Words,
    /// Where to go with it, and the words of the link.
    pub(super) step: Option<(String, &'static str)>,
}

/// An event with what its row does not say.
pub(super) struct Telling<'a> {
    pub(super) row: &'a EventRow,
    /// What its key is called now.
    pub(super) key: Option<&'a str>,
    /// Whether it works now.
    pub(super) key_works: bool,
    /// Who did it.
    pub(super) by: Option<&'a str>,
    pub(super) links: &'a ApiLinks,
    /// Whether it is told to an operator.
    pub(super) to_operator: bool,
    pub(super) now: Timestamp,
}

impl Telling<'_> {
    /// All of it.
    pub(super) fn told(&self) -> Told {
        use EventKind as Kind;
        match self.row.kind {
            Kind::KeyCreated => self.created(),
            Kind::KeyUpdated => self.updated(),
            Kind::KeyRotated => self.rotated(),
            Kind::KeyRevoked => self.revoked(),
            Kind::KeyExpiring => self.expiring(),
            Kind::KeyExpired => self.expired(),
            Kind::KeyRenewed => self.renewed(),
            Kind::KeyUnused => self.unused(),
            Kind::KeyOverdue => self.overdue(),
            Kind::KeyLeaked => self.leaked(),
            Kind::KeyUsedFromNewLocation => self.used_from_new_location(),
            Kind::KeysImported => self.imported(),
            Kind::AuthFailures => self.auth_failures(),
            Kind::AddressBanned => self.address_banned(),
            Kind::AddressRefused => self.address_refused(),
            Kind::LimitExceeded | Kind::QuotaExceeded => self.limit_exceeded(),
            Kind::TrafficUnusual => self.traffic_unusual(),
            Kind::WebhookDisabled => self.webhook_disabled(),
        }
    }

    fn facts(&self) -> Facts<'_> {
        Facts(&self.row.data)
    }

    /// What the key is called: now, or what it was called then, or how it begins.
    fn key_name(&self) -> Words {
        let then = self.facts().part("key");
        let name = self.key.filter(|name| !name.is_empty()).or_else(|| then.text("name")).or_else(|| then.text("prefix"));
        name.map_or_else(|| Words::say("A key"), Words::of)
    }

    /// Who did it, before or after what they did.
    fn by(&self) -> Words {
        self.by.map_or_else(Words::default, |by| Words::say("By ").name(by).and(". "))
    }

    /// The page of the key, or a part of it, for whoever has one.
    fn key_page(&self, part: &str, words: &'static str) -> Option<(String, &'static str)> {
        // Of a key that is gone there is no page.
        self.key.and(self.row.key).map(|id| (format!("{}{part}", self.links.key(id)), words))
    }

    /// The usage of the key, or of its account.
    fn usage(&self) -> (String, &'static str) {
        let key = self.key.and(self.row.key).map(|key| key.to_string());
        let account = self.row.account.as_ref().filter(|_| key.is_none() && self.to_operator).map(ToString::to_string);
        (with_query(&self.links.usage(), &[("key", key.as_deref()), ("account", account.as_deref())]), "See usage")
    }

    /// Over how long it happened: " within 3 minutes"; nothing if at once.
    fn within(&self) -> String {
        let time = self.row.last_at.since(self.row.at);
        if self.row.count < 2 || time.as_secs() == 0 { String::new() } else { format!(" within {}", length(time)) }
    }

    fn imported(&self) -> Told {
        let count = self.facts().number("count").unwrap_or(self.row.count);
        let before = self.facts().number("there_already").filter(|number| *number > 0);
        let text = match before {
            Some(before) => self.by().and(format!("{} were there already.", plural(before, "more key"))),
            None => self.by().and("They work as before."),
        };
        let were = if count == 1 { "was" } else { "were" };
        Told {
            title: Words::say(format!("{} {were} imported", plural(count, "key"))),
            text,
            step: Some((self.links.keys(), "See keys")),
        }
    }

    fn webhook_disabled(&self) -> Told {
        let hook = self.facts().part("webhook");
        let title = match hook.text("url") {
            Some(url) => Words::say("Webhook ").exact(url.strip_prefix("https://").unwrap_or(url)).and(" is off"),
            None => Words::say("A webhook is off"),
        };
        let page = hook.text("id").and_then(|id| id.parse().ok()).map(|id| self.links.webhook(id));
        let step = page.map(|page| (page, "Turn on again"));
        let because = match self.facts().text("because") {
            Some("gone") => "It answered that it is gone (410). ",
            Some("failing") => "Every delivery failed for 5 days. ",
            _ => "",
        };
        Told {
            title,
            text: Words::say(because).and("Events wait until it is turned on again, as long as deliveries are kept."),
            step,
        }
    }
}
