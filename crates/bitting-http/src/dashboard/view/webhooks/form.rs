//! The form of an endpoint, new or not.

use askama::Template;
use bitting_core::event::{EventKind, Severity};
use bitting_store::WebhookRow;

use crate::dashboard::fields::Fields;
use crate::dashboard::keys::FieldErrors;
use crate::dashboard::view::Frame;

/// The page.
#[derive(Template)]
#[template(path = "dashboard/webhooks/form.html", whitespace = "minimize")]
pub(crate) struct WebhookFormPage {
    pub(crate) frame: Frame,
    /// Where the form goes, and where it is given up.
    pub(crate) action: String,
    pub(crate) back: String,
    /// What makes a new endpoint that is asked for twice one; `None` changes one that is there.
    pub(crate) once: Option<String>,
    pub(crate) draft: WebhookDraft,
    pub(crate) errors: FieldErrors,
}

/// What somebody has typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WebhookDraft {
    pub(crate) url: String,
    pub(crate) description: String,
    /// For operators: whose events; empty is all of the API's.
    pub(crate) account: String,
    pub(crate) which: WebhookWhich,
    /// Those that are ticked.
    pub(crate) events: Vec<EventKind>,
}

/// Of which events it hears.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum WebhookWhich {
    #[default]
    All,
    Warnings,
    Critical,
    /// Those that are ticked.
    Chosen,
}

struct Choice {
    value: &'static str,
    label: &'static str,
    hint: &'static str,
    is_chosen: bool,
}

impl WebhookWhich {
    const EACH: [(Self, &'static str, &'static str, &'static str); 4] = [
        (Self::All, "all", "All events", "Also what is not known yet."),
        (Self::Warnings, "warnings", "Warnings and what is critical", "What wants something of somebody."),
        (Self::Critical, "critical", "What is critical", "A key may be in the wrong hands."),
        (Self::Chosen, "custom", "Choose each", ""),
    ];

    /// So severe or more.
    pub(crate) fn severity(self) -> Option<Severity> {
        match self {
            Self::All | Self::Chosen => None,
            Self::Warnings => Some(Severity::Warning),
            Self::Critical => Some(Severity::Critical),
        }
    }
}

impl WebhookDraft {
    pub(crate) fn read(fields: &Fields) -> Self {
        let which = fields.text("which");
        let is_ticked = |kind: &&EventKind| fields.all("event").any(|name| name == kind.name());
        Self {
            url: fields.text("url").trim().to_owned(),
            description: fields.text("description").trim().to_owned(),
            account: fields.text("account").trim().to_owned(),
            which: WebhookWhich::EACH.iter().find(|(_, value, ..)| *value == which).map_or(WebhookWhich::All, |(it, ..)| *it),
            events: EventKind::ALL.iter().filter(is_ticked).copied().collect(),
        }
    }

    /// That of an endpoint. One that hears of some events if they are severe has those ticked.
    pub(crate) fn of(row: &WebhookRow) -> Self {
        let is_ticked =
            |kind: &&EventKind| row.events.contains(kind) && row.severity.is_none_or(|severity| kind.severity() >= severity);
        let which = match (row.events.as_slice(), row.severity) {
            ([], None | Some(Severity::Notice)) => WebhookWhich::All,
            ([], Some(Severity::Warning)) => WebhookWhich::Warnings,
            ([], Some(Severity::Critical)) => WebhookWhich::Critical,
            _ => WebhookWhich::Chosen,
        };
        Self {
            url: row.url.to_string(),
            description: row.description.clone(),
            account: row.account.as_ref().map(ToString::to_string).unwrap_or_default(),
            which,
            events: EventKind::ALL.iter().filter(is_ticked).copied().collect(),
        }
    }

    /// The events that are asked for by name.
    pub(crate) fn named(&self) -> Vec<EventKind> {
        if self.which == WebhookWhich::Chosen { self.events.clone() } else { Vec::new() }
    }
}

impl WebhookFormPage {
    fn is_new(&self) -> bool {
        self.once.is_some()
    }

    fn error(&self, field: &str) -> Option<&str> {
        self.errors.get(field)
    }

    fn choices(&self) -> Vec<Choice> {
        let choice = |&(which, value, label, hint): &_| Choice { value, label, hint, is_chosen: which == self.draft.which };
        WebhookWhich::EACH.iter().map(choice).collect()
    }

    /// Each kind of event with its name, its meaning and whether it is ticked, put together by what it is about.
    fn kinds(&self) -> Vec<(&'static str, Vec<(EventKind, bool)>)> {
        let mut groups: Vec<(&str, Vec<(EventKind, bool)>)> = Vec::new();
        for kind in EventKind::ALL {
            let subject = match kind.name().split('.').next().unwrap_or_default() {
                "key" | "keys" => "Keys",
                "webhook" => "Webhooks",
                _ => "Requests",
            };
            let entry = (*kind, self.draft.events.contains(kind));
            match groups.iter_mut().find(|(name, _)| *name == subject) {
                Some((_, entries)) => entries.push(entry),
                None => groups.push((subject, vec![entry])),
            }
        }
        groups
    }
}
