//! One entry of `[api.errors]`, as far as it can be read by itself.

use bitting_core::reason::{Reason, ReasonGroup};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value as Json;

use super::body::Body;
use crate::config::document::{Entry, Table, Value};
use crate::config::problem::Location;
use crate::config::section::{At, Findings, closest, section_of, text_of};

/// What an entry says of an answer; absent parts are left to the layer before.
#[derive(Default)]
pub(super) struct Layer<'c> {
    pub(super) status: Option<StatusCode>,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) challenge: Option<Challenge>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Option<Body<'c>>,
    pub(super) variables: Vec<(&'c Entry, Json)>,
}

/// What goes with a 401.
#[derive(Clone)]
pub(super) enum Challenge {
    None,
    Sent(HeaderValue),
}

/// What stands under the name of a reason or a group.
pub(super) enum Choice<'c> {
    /// Text: the same answer as another entry.
    SameAs(&'static str),
    /// A table.
    Own(Box<Layer<'c>>),
}

impl<'c> Layer<'c> {
    pub(super) fn read(entries: &[&'c Entry], findings: &'c Findings) -> Self {
        let mut layer = Self::default();
        for &entry in entries {
            let text = text_of(&entry.node);
            let wrong = |expected: &str| {
                let message = format!("`{}` is {}", entry.key, entry.node.value.kind());
                findings.error(&entry.node.at, message, format!("write {expected}"));
            };
            match (entry.key.as_str(), &entry.node.value) {
                ("status", Value::Integer(number)) => layer.status = read_status(*number, &entry.node.at, findings),
                ("status", _) => wrong("a number from 400 to 599"),
                ("content_type", _) => match text {
                    Some(text) => layer.content_type = read_header_value(&text, findings),
                    None => wrong("text such as \"application/json\""),
                },
                ("challenge", Value::Boolean(false)) => layer.challenge = Some(Challenge::None),
                ("challenge", _) => match text {
                    Some(text) => layer.challenge = read_header_value(&text, findings).map(Challenge::Sent),
                    None => wrong("text such as 'Bearer realm=\"api\"', or false for none"),
                },
                ("headers", Value::Table(table)) => layer.headers = read_headers(table, findings),
                ("headers", _) => wrong("a table such as { \"X-Reason\" = \"key\" }"),
                ("body", Value::Text(_) | Value::Table(_)) => layer.body = Some(Body { node: &entry.node }),
                ("body", _) => wrong("text, or a table that becomes JSON"),
                (_, Value::Text(text)) => layer.variables.push((entry, Json::from(text.as_str()))),
                (_, Value::Integer(number)) => layer.variables.push((entry, Json::from(*number))),
                _ => wrong("text, which fills in a placeholder of the body"),
            }
        }
        layer
    }
}

impl<'c> Choice<'c> {
    pub(super) fn read(entry: &'c Entry, findings: &'c Findings) -> Option<Self> {
        if let Some(text) = text_of(&entry.node) {
            let same = static_name(text.value);
            if same.is_none() {
                let help = match closest(text.value, entry_names().into_iter()) {
                    Some(close) => format!("did you mean {close:?}?"),
                    None => "write a table, or the name of another entry whose answer it shares".to_owned(),
                };
                findings.error(text.at, format!("{:?} is neither a reason nor a group of reasons", text.value), help);
            }
            return same.map(Self::SameAs);
        }
        let Some(section) = section_of(&entry.node, format!("api.errors.{}", entry.key), findings) else {
            let message = format!("`{}` is {}", entry.key, entry.node.value.kind());
            findings.error(&entry.node.at, message, "write a table such as { detail = \"…\" }, or the name of another entry");
            return None;
        };
        Some(Self::Own(Box::new(Layer::read(&section.rest(), findings))))
    }
}

/// The keys of an entry that are not placeholders.
pub(super) const SETTINGS: [&str; 5] = ["status", "content_type", "challenge", "headers", "body"];

/// The names of all reasons and groups.
pub(super) fn entry_names() -> Vec<&'static str> {
    Reason::ALL.into_iter().map(Reason::name).chain(ReasonGroup::ALL.into_iter().map(ReasonGroup::name)).collect()
}

pub(super) fn static_name(text: &str) -> Option<&'static str> {
    entry_names().into_iter().find(|name| *name == text)
}

fn read_status(number: i64, at: &Location, findings: &Findings) -> Option<StatusCode> {
    let status = u16::try_from(number).ok().and_then(|number| StatusCode::from_u16(number).ok());
    let refusal = status.filter(|status| status.is_client_error() || status.is_server_error());
    if refusal.is_none() {
        findings.error(at, format!("{number} is not a status for a refusal"), "write a number from 400 to 599");
    }
    refusal
}

fn read_header_value(text: &At<'_, &str>, findings: &Findings) -> Option<HeaderValue> {
    let value = HeaderValue::from_str(text.value);
    if value.is_err() {
        findings.error(text.at, format!("{:?} cannot stand in a header", text.value), "write visible ASCII characters");
    }
    value.ok()
}

fn read_headers(table: &Table, findings: &Findings) -> Vec<(HeaderName, HeaderValue)> {
    let each = table.entries.iter().filter_map(|entry| {
        let name = At { value: entry.key.as_str(), at: &entry.key_at }.settable_header(findings);
        let Some(text) = text_of(&entry.node) else {
            findings.error(&entry.node.at, format!("`{}` is {}", entry.key, entry.node.value.kind()), "write text in quotes");
            return None;
        };
        Some((name?, read_header_value(&text, findings)?))
    });
    each.collect()
}
