//! Webhook endpoints: where events are sent, and how that goes.

mod delivery;
mod form;

use askama::Template;
use bitting_core::event::{EventKind, Severity};
use bitting_core::time::Timestamp;
use bitting_store::{DeliveryState, DisabledBecause, ListedWebhook, MOST_COUNTED, WebhookRow};
use zeroize::Zeroizing;

use super::links::{ApiLinks, with_query};
use super::{Frame, Moment, Status, Tone, thousands};

pub(crate) use delivery::{DeliveryLine, DeliveryPage};
pub(crate) use form::{WebhookDraft, WebhookFormPage, WebhookWhich};

/// The endpoints.
#[derive(Template)]
#[template(path = "dashboard/webhooks/list.html", whitespace = "minimize")]
pub(crate) struct WebhooksPage {
    pub(crate) frame: Frame,
    pub(crate) links: ApiLinks,
    pub(crate) lines: Vec<WebhookLine>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
    /// Whether this is the first page.
    pub(crate) is_first: bool,
}

/// One endpoint.
pub(crate) struct WebhookLine {
    pub(crate) row: WebhookRow,
    status: Status,
    /// What there is to know about the status.
    note: String,
    hears: String,
    waiting: String,
    last_taken: Option<Moment>,
    made: Moment,
    /// When its old secrets end.
    old_secrets: Vec<Moment>,
    /// The account by its name, where those of several are shown.
    account: Option<String>,
}

/// An endpoint with what was sent to it.
#[derive(Template)]
#[template(path = "dashboard/webhooks/webhook.html", whitespace = "minimize")]
pub(crate) struct WebhookPage {
    pub(crate) frame: Frame,
    pub(crate) links: ApiLinks,
    pub(crate) line: WebhookLine,
    /// Who made it.
    pub(crate) maker: String,
    /// Which deliveries are shown.
    pub(crate) asked: DeliveriesOf,
    pub(crate) deliveries: Vec<DeliveryLine>,
    pub(crate) next: Option<String>,
    /// Makes a rotation that is sent twice one.
    pub(crate) once: String,
    pub(crate) done: Option<&'static str>,
}

/// Which part of the deliveries of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub(crate) struct DeliveriesOf {
    pub(crate) state: String,
    pub(crate) after: String,
    /// What was just done.
    pub(crate) done: String,
}

/// A new secret, once. It holds it, so it does not print itself, and what it holds is wiped when it is dropped.
#[derive(Template)]
#[template(path = "dashboard/webhooks/secret.html", whitespace = "minimize")]
pub(crate) struct SecretPage {
    pub(crate) frame: Frame,
    pub(crate) url: String,
    pub(crate) secret: Zeroizing<String>,
    /// The endpoint's page.
    pub(crate) page: String,
    pub(crate) list: String,
    /// When the old one ends; `None` of a new endpoint.
    pub(crate) old: Option<OldSecret>,
}

/// What becomes of the secret before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OldSecret {
    Ended,
    Until(Moment),
}

struct Choice {
    href: String,
    label: &'static str,
    is_current: bool,
}

impl WebhooksPage {
    fn next_link(&self) -> Option<String> {
        let next = self.next.as_deref()?;
        Some(with_query(&self.links.webhooks(), &[("after", Some(next))]))
    }
}

impl WebhookLine {
    /// `account` is the name of its account, where those of several are shown.
    pub(crate) fn new(listed: ListedWebhook, account: Option<String>, now: Timestamp) -> Self {
        let ListedWebhook { row, failing_since, last_taken_at, waiting, secrets_until } = listed;
        let (status, note) = match (row.enabled, row.disabled_because, failing_since) {
            (false, Some(DisabledBecause::Gone), _) => {
                (Status::new(Tone::Bad, "stop", "Off"), "It answered that it is gone (410).".to_owned())
            }
            (false, Some(DisabledBecause::Failing), _) => {
                (Status::new(Tone::Bad, "stop", "Off"), "It took nothing for five days.".to_owned())
            }
            (false, None, _) => (Status::new(Tone::Off, "pause", "Off"), String::new()),
            (true, _, Some(since)) => {
                let since = Moment::clock(since, now);
                (Status::new(Tone::Warn, "warn", "Failing"), format!("It has taken nothing since {} UTC.", since.words()))
            }
            (true, _, None) => (Status::new(Tone::Plain, "active", "Active"), String::new()),
        };
        let more = if waiting >= MOST_COUNTED { "+" } else { "" };
        Self {
            status,
            note,
            hears: hears(&row),
            waiting: format!("{}{more}", thousands(waiting)),
            last_taken: last_taken_at.map(|at| Moment::lately(at, now)),
            made: Moment::made(row.created_at, now),
            old_secrets: secrets_until.into_iter().flatten().filter(|until| *until > now).map(Moment::full).collect(),
            account,
            row,
        }
    }

    fn page(&self, links: &ApiLinks) -> String {
        links.webhook(self.row.id)
    }

    /// The URL without what all have in common.
    fn place(&self) -> &str {
        let url = self.row.url.as_str();
        url.strip_prefix("https://").unwrap_or(url)
    }

    fn events(&self) -> &[EventKind] {
        &self.row.events
    }
}

impl WebhookPage {
    fn states(&self) -> Vec<Choice> {
        let all = Choice { href: self.link("", None), label: "All", is_current: self.asked.state.is_empty() };
        let of = |state: DeliveryState| Choice {
            href: self.link(state.name(), None),
            label: match state {
                DeliveryState::Waiting => "Waiting",
                DeliveryState::Delivered => "Delivered",
                DeliveryState::Failed => "Given up",
            },
            is_current: self.asked.state == state.name(),
        };
        std::iter::once(all).chain(DeliveryState::ALL.map(of)).collect()
    }

    fn next_link(&self) -> Option<String> {
        self.next.as_deref().map(|next| self.link(&self.asked.state, Some(next)))
    }

    fn first_link(&self) -> Option<String> {
        (!self.asked.after.is_empty()).then(|| self.link(&self.asked.state, None))
    }

    fn link(&self, state: &str, after: Option<&str>) -> String {
        with_query(&self.links.webhook(self.line.row.id), &[("state", Some(state)), ("after", after)])
    }

    fn action(&self, action: &str) -> String {
        self.links.webhook_action(self.line.row.id, action)
    }
}

/// Of what an endpoint hears, in words.
fn hears(row: &WebhookRow) -> String {
    let kinds = match row.events.as_slice() {
        [] => "All events".to_owned(),
        [only] => only.name().to_owned(),
        several => format!("{} kinds of events", several.len()),
    };
    match row.severity {
        None | Some(Severity::Notice) => kinds,
        Some(Severity::Warning) if row.events.is_empty() => "Warnings and what is critical".to_owned(),
        Some(Severity::Critical) if row.events.is_empty() => "What is critical".to_owned(),
        Some(Severity::Warning) => format!("{kinds}, warnings and what is critical"),
        Some(Severity::Critical) => format!("{kinds}, what is critical"),
    }
}
