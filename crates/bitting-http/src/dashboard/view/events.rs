//! What happened, and what wants a decision.

mod facts;
mod told;

use askama::Template;
use bitting_core::event::Severity;
use bitting_core::time::Timestamp;
use bitting_store::EventRow;

use self::told::{Telling, Told};
use super::links::{ApiLinks, with_query};
use super::{Frame, Moment, Status, Tone, Words, thousands};

/// The list, newest first.
#[derive(Template)]
#[template(path = "dashboard/events/list.html", whitespace = "minimize")]
pub(crate) struct EventsPage {
    pub(crate) frame: Frame,
    pub(crate) links: ApiLinks,
    pub(crate) asked: EventsAsked,
    pub(crate) counts: EventCounts,
    pub(crate) lines: Vec<EventLine>,
    /// The number of the last event on the page, if there are more.
    pub(crate) next: Option<u64>,
    /// The number of the newest event that can be marked as read from here.
    pub(crate) newest: u64,
    /// The key whose events are shown, by its name.
    pub(crate) key: Option<String>,
    /// The keys that can be chosen, by id and name.
    pub(crate) keys: Vec<(String, String)>,
    /// The command that follows events as they happen, for whoever may have a token for it.
    pub(crate) stream: Option<String>,
}

/// What the address of the list says.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub(crate) struct EventsAsked {
    pub(crate) view: String,
    pub(crate) key: String,
    /// For operators.
    pub(crate) account: String,
    pub(crate) after: String,
}

/// A part of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventView {
    All,
    /// Those that want something and came since somebody last marked all as read.
    Unread,
    Critical,
    Warnings,
}

/// How many events are in each view, as far as they are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct EventCounts {
    pub(crate) all: usize,
    pub(crate) unread: usize,
    pub(crate) critical: usize,
    pub(crate) warnings: usize,
}

/// What a line is made of.
#[derive(Clone, Copy)]
pub(crate) struct EventOf<'a> {
    pub(crate) row: &'a EventRow,
    /// What its key is called now; `None` if there is none, or it is gone.
    pub(crate) key: Option<&'a str>,
    /// Whether its key works now.
    pub(crate) key_works: bool,
    /// Who did it, if somebody did.
    pub(crate) by: Option<&'a str>,
    /// The name of its account, where those of several are shown.
    pub(crate) account: Option<&'a str>,
    pub(crate) links: &'a ApiLinks,
    /// Whether whoever looks at it is an operator.
    pub(crate) to_operator: bool,
    /// How far whoever looks at it has read.
    pub(crate) read_up_to: u64,
    pub(crate) now: Timestamp,
}

/// One event.
pub(crate) struct EventLine {
    status: Status,
    title: Words,
    text: Words,
    at: Moment,
    step: Option<(String, &'static str)>,
    account: Option<(String, String)>,
    is_unread: bool,
}

struct Choice {
    label: &'static str,
    href: String,
    count: String,
    is_current: bool,
}

impl EventView {
    const EACH: [(Self, &'static str, &'static str); 4] = [
        (Self::All, "", "All"),
        (Self::Unread, "unread", "Unread"),
        (Self::Critical, "critical", "Critical"),
        (Self::Warnings, "warnings", "Warnings"),
    ];

    /// That of an address; what is none is all.
    fn read(text: &str) -> Self {
        Self::EACH.iter().find(|(_, value, _)| *value == text).map_or(Self::All, |(view, ..)| *view)
    }
}

impl EventsAsked {
    pub(crate) fn view(&self) -> EventView {
        EventView::read(&self.view)
    }

    fn link(&self, links: &ApiLinks, view: &str, after: Option<&str>) -> String {
        let parameters = [("view", Some(view)), ("key", Some(&*self.key)), ("account", Some(&*self.account)), ("after", after)];
        with_query(&links.events(), &parameters)
    }
}

impl EventCounts {
    /// So many are counted, and one more to know that there are more.
    pub(crate) const MOST: usize = 1_000;

    fn of(self, view: EventView) -> usize {
        match view {
            EventView::All => self.all,
            EventView::Unread => self.unread,
            EventView::Critical => self.critical,
            EventView::Warnings => self.warnings,
        }
    }
}

impl EventsPage {
    fn views(&self) -> Vec<Choice> {
        let choice = |&(view, value, label)| Choice {
            label,
            href: self.asked.link(&self.links, value, None),
            count: counted(self.counts.of(view), EventCounts::MOST),
            is_current: view == self.asked.view(),
        };
        EventView::EACH.iter().map(choice).collect()
    }

    /// Whether less is shown than there is.
    fn is_narrowed(&self) -> bool {
        EventsAsked { after: String::new(), ..self.asked.clone() } != EventsAsked::default()
    }

    fn newest_link(&self) -> Option<String> {
        (!self.asked.after.is_empty()).then(|| self.asked.link(&self.links, &self.asked.view, None))
    }

    fn older_link(&self) -> Option<String> {
        let next = self.next?.to_string();
        Some(self.asked.link(&self.links, &self.asked.view, Some(&next)))
    }

    /// Where it is asked whether there are newer ones.
    fn live(&self) -> String {
        let since = self.newest.to_string();
        let asked = [("since", Some(&*since)), ("key", Some(&*self.asked.key)), ("account", Some(&*self.asked.account))];
        with_query(&self.links.events_live(), &asked)
    }

    fn this_link(&self) -> String {
        self.asked.link(&self.links, &self.asked.view, None)
    }

    /// What to say where there is none.
    fn nothing(&self) -> &'static str {
        match self.asked.view() {
            _ if !self.asked.after.is_empty() => "There are no older ones.",
            EventView::Unread => "Nothing is unread.",
            EventView::Critical => "Nothing critical happened.",
            EventView::Warnings => "There is no warning.",
            EventView::All if self.is_narrowed() => "Nothing of this has happened.",
            EventView::All => {
                "Nothing has happened yet. What becomes of keys, and what is unusual about their use, stands here."
            }
        }
    }
}

impl EventLine {
    pub(crate) fn new(of: EventOf<'_>) -> Self {
        let EventOf { row, key, key_works, by, account, links, to_operator, read_up_to, now } = of;
        let Told { title, text, step } = Telling { row, key, key_works, by, links, to_operator, now }.told();
        let severity = row.kind.severity();
        let account = account.zip(row.account.as_ref()).map(|(name, id)| (name.to_owned(), links.account(id)));
        Self {
            status: status(severity),
            title,
            text,
            at: Moment::lately(row.last_at, now),
            step,
            account,
            is_unread: severity > Severity::Notice && row.number > read_up_to,
        }
    }
}

/// A severity is a shape and a word.
fn status(severity: Severity) -> Status {
    let (tone, icon, word) = match severity {
        Severity::Critical => (Tone::Bad, "stop", "Critical"),
        Severity::Warning => (Tone::Warn, "warn", "Warning"),
        Severity::Notice => (Tone::Off, "info", "Notice"),
    };
    Status::new(tone, icon, word)
}

/// A number that was counted up to a most: `37`, `1,000+`.
pub(crate) fn counted(number: usize, most: usize) -> String {
    let shown = thousands(u64::try_from(number.min(most)).unwrap_or(u64::MAX));
    if number > most { format!("{shown}+") } else { shown }
}
