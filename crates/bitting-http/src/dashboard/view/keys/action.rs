//! What is done with a key in one step, each after a question: rotate, extend, revoke, and switching a capability on. The same
//! form stands in a dialog on the key's page and on a page of its own.

use std::time::Duration;

use askama::Template;
use askama::filters::HtmlSafe;
use bitting_core::api::Api;
use bitting_core::rights::CapabilitySpec;
use bitting_core::time::Timestamp;
use bitting_store::{KeyRow, LastUse};

use crate::dashboard::keys::{Expiry, FieldErrors, lasting};
use crate::dashboard::view::{ApiLinks, Frame, KeyFace, Moment, Place, ago};

/// Which step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyAction<'a> {
    /// A new key in its place. `once` makes a double submission one.
    Rotate { once: &'a str },
    /// Another end.
    Extend,
    /// Its end, now.
    Revoke,
    /// A capability, which the API warns of.
    SwitchOn(&'a CapabilitySpec),
}

/// The key that it is done with.
#[derive(Clone, Copy)]
pub(crate) struct ActionOn<'a> {
    pub(crate) api: &'a Api,
    pub(crate) row: &'a KeyRow,
    pub(crate) last_use: Option<&'a LastUse>,
    pub(crate) csrf: &'a str,
    pub(crate) now: Timestamp,
}

/// The form of a step.
#[derive(Template)]
#[template(path = "dashboard/keys/action.html", whitespace = "minimize")]
pub(crate) struct ActionForm {
    /// What the dialog is called, and its heading.
    pub(crate) id: &'static str,
    pub(crate) heading: String,
    kind: Kind,
    action: String,
    csrf: String,
    /// The state that whoever asks has seen.
    sequence: u64,
    face: KeyFace,
    choices: Vec<Choice>,
    /// The words over the choices; hidden where the heading says it.
    question: Option<&'static str>,
    /// The first date that can be chosen, where one can.
    first_date: Option<String>,
    error: Option<String>,
    last_use: Option<(String, String)>,
    /// Where it is given up, and the words for that.
    back: String,
    /// Where it can be rotated instead, if it can.
    rotate: Option<String>,
    keep: &'static str,
    button: String,
}

impl HtmlSafe for ActionForm {}

enum Kind {
    Rotate { once: String, early: Early },
    Extend,
    Revoke,
    Switch { capability: String, warning: String },
}

struct Choice {
    field: &'static str,
    value: String,
    label: String,
    hint: String,
    is_chosen: bool,
}

/// That the old key ends before its overlap is over.
struct Early {
    seconds: u64,
    words: String,
    is_chosen: bool,
}

/// The page of a step: without script, and after a mistake.
#[derive(Template)]
#[template(path = "dashboard/keys/action_page.html", whitespace = "minimize")]
pub(crate) struct ActionPage {
    frame: Frame,
    keys: String,
    key_page: String,
    name: String,
    form: ActionForm,
}

/// How long the old key may live beside the new one: what the form offers. Zero is not at all.
pub(crate) const OVERLAPS: [Duration; 4] =
    [Duration::from_hours(1), Duration::from_hours(24), Duration::from_hours(24 * 7), Duration::ZERO];

/// The ends that extending offers, where the API allows them: 90 days and a year.
const EXTENSIONS: [Duration; 2] = [Duration::from_hours(24 * 90), Duration::from_hours(24 * 365)];

impl ActionForm {
    /// The form. In a dialog `back` is `#`, which closes it.
    pub(crate) fn new(action: KeyAction<'_>, on: ActionOn<'_>, back: &str, errors: &FieldErrors) -> Self {
        let ActionOn { api, row, now, .. } = on;
        let links = ApiLinks::new(&api.name);
        let name = &row.name;
        let (id, heading, kind, keep, button) = match action {
            KeyAction::Rotate { once } => {
                let kind = Kind::Rotate { once: once.to_owned(), early: Early::of(api) };
                ("rotate", format!("Rotate {name}"), kind, "Cancel", "Rotate key".to_owned())
            }
            KeyAction::Extend => ("extend", "When should it expire?".to_owned(), Kind::Extend, "Cancel", "Save".to_owned()),
            KeyAction::Revoke => ("revoke", format!("Revoke {name}?"), Kind::Revoke, "Keep key", "Revoke key".to_owned()),
            KeyAction::SwitchOn(capability) => {
                let warning = capability.warning.to_string();
                let kind = Kind::Switch { capability: capability.name.to_string(), warning };
                ("switch", format!("{} for {name}?", capability.label), kind, "Keep it off", "Turn on".to_owned())
            }
        };
        let (choices, question) = match action {
            KeyAction::Rotate { .. } => (overlaps(row, now), Some("The old key ends")),
            KeyAction::Extend => (ends(api, row, now), None),
            KeyAction::Revoke | KeyAction::SwitchOn(_) => (Vec::new(), None),
        };
        let address = |last: &LastUse| last.address.map_or_else(String::new, |address| address.to_string());
        Self {
            id,
            heading,
            action: links.key_action(row.id, id),
            csrf: on.csrf.to_owned(),
            sequence: row.sequence.0,
            face: KeyFace::of(row, api),
            first_date: matches!(kind, Kind::Extend).then(|| Moment::date_field(now)),
            kind,
            choices,
            question,
            error: errors.get("expires").or_else(|| errors.get("overlap")).map(str::to_owned),
            last_use: on.last_use.map(|last| (ago(last.at, now), address(last))),
            back: back.to_owned(),
            rotate: row.replaced_by.is_none().then(|| format!("{}#rotate", back.trim_end_matches('#'))),
            keep,
            button,
        }
    }

    fn is_danger(&self) -> bool {
        matches!(self.kind, Kind::Revoke)
    }
}

/// How long an old key must be unused to end early, where the API says nothing.
const USUAL_IDLE: Duration = Duration::from_hours(1);

impl Early {
    fn of(api: &Api) -> Self {
        let usual = api.lifecycle.end_overlap_when_unused_for;
        let idle = usual.unwrap_or(USUAL_IDLE);
        Self { seconds: idle.as_secs(), words: lasting(idle), is_chosen: usual.is_some() }
    }
}

impl ActionPage {
    pub(crate) fn new(frame: Frame, action: KeyAction<'_>, on: ActionOn<'_>, errors: &FieldErrors) -> Self {
        let links = ApiLinks::new(&on.api.name);
        let key_page = links.key(on.row.id);
        let form = ActionForm::new(action, on, &key_page, errors);
        Self { frame: frame.at(Place::Keys), keys: links.keys(), name: on.row.name.clone(), form, key_page }
    }
}

fn overlaps(row: &KeyRow, now: Timestamp) -> Vec<Choice> {
    let choice = |time: Duration| {
        let end = now.plus(time);
        let (label, hint) = match row.expires_at {
            _ if time.is_zero() => ("At once".to_owned(), "For a key that may have leaked".to_owned()),
            Some(own) if own < end => (format!("In {}", lasting(time)), "It ends before that by itself".to_owned()),
            _ => (format!("In {}", lasting(time)), Moment::full(end).words().to_owned()),
        };
        let is_chosen = time == Duration::from_hours(24);
        Choice { field: "overlap", value: format!("{}s", time.as_secs()), label, hint, is_chosen }
    };
    OVERLAPS.into_iter().map(choice).collect()
}

fn ends(api: &Api, row: &KeyRow, now: Timestamp) -> Vec<Choice> {
    let latest = api.policy.max_lifetime.map(|longest| row.created_at.plus(longest));
    let fits = |time: &Duration| latest.is_none_or(|latest| now.plus(*time) <= latest);
    let mut choices: Vec<Choice> = Vec::new();
    for time in EXTENSIONS.into_iter().filter(fits) {
        let label = if time == EXTENSIONS[1] { "In a year".to_owned() } else { format!("In {}", lasting(time)) };
        let hint = Moment::day(now.plus(time)).words().to_owned();
        choices.push(Choice { field: "expires", value: Expiry::In(time).value(), label, hint, is_chosen: choices.is_empty() });
    }
    if Expiry::may_be_never(&api.policy) {
        let hint = if row.expires_at.is_none() { "as now".to_owned() } else { String::new() };
        choices.push(Choice {
            field: "expires",
            value: Expiry::Never.value(),
            label: "Never".to_owned(),
            hint,
            is_chosen: false,
        });
    }
    choices
}
