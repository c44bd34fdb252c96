//! Reading the tree: each value is asked for by name, and what nobody asked for is reported.

use std::cell::RefCell;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use bitting_core::address::AddressList;
use bitting_core::dialect::is_framing;
use http::HeaderName;

use super::document::{Entry, Node, Table, Value};
use super::problem::{Location, Problem};

/// All problems that were found so far. Reading goes on after each.
#[derive(Debug, Default)]
pub(super) struct Findings(RefCell<Vec<Problem>>);

/// A table being read.
pub(super) struct Section<'c> {
    /// Its path, as in `api.key`, for messages.
    name: String,
    table: &'c Table,
    pub(super) at: &'c Location,
    asked: RefCell<Vec<&'static str>>,
    pub(super) findings: &'c Findings,
}

/// A value that was read, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<'c, T> {
    pub(super) value: T,
    pub(super) at: &'c Location,
}

impl Findings {
    pub(super) fn error(&self, at: &Location, message: impl Into<String>, help: impl Into<String>) {
        self.push(false, at, message.into(), Some(help.into()), None);
    }

    pub(super) fn warning(&self, at: &Location, message: impl Into<String>, help: impl Into<String>) {
        self.push(true, at, message.into(), Some(help.into()), None);
    }

    pub(super) fn warning_with(
        &self,
        at: &Location,
        message: impl Into<String>,
        help: impl Into<String>,
        other: (&Location, &str),
    ) {
        let other = Some((other.0.clone(), other.1.to_owned()));
        self.push(true, at, message.into(), Some(help.into()), other);
    }

    fn push(&self, is_warning: bool, at: &Location, message: String, help: Option<String>, other: Option<(Location, String)>) {
        self.0.borrow_mut().push(Problem { is_warning, message, help, at: at.clone(), other });
    }

    pub(super) fn into_inner(self) -> Vec<Problem> {
        self.0.into_inner()
    }
}

impl<'c> Section<'c> {
    pub(super) fn new(name: impl Into<String>, table: &'c Table, at: &'c Location, findings: &'c Findings) -> Self {
        Self { name: name.into(), table, at, asked: RefCell::default(), findings }
    }

    fn ask(&self, key: &'static str) -> Option<&'c Entry> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    /// Where a key stands, if it is there.
    pub(super) fn place(&self, key: &'static str) -> Option<&'c Location> {
        self.ask(key).map(|entry| &entry.key_at)
    }

    /// The path of a table inside this one.
    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// What messages call it.
    fn place_name(&self) -> String {
        if self.name.is_empty() { "the top level".to_owned() } else { format!("[{}]", self.name) }
    }

    fn wrong_kind(&self, entry: &Entry, expected: &str) {
        let message = format!("`{}` in {} is {}", entry.key, self.place_name(), entry.node.value.kind());
        self.findings.error(&entry.node.at, message, format!("write {expected}"));
    }

    /// Text.
    pub(super) fn text(&self, key: &'static str) -> Option<At<'c, &'c str>> {
        let entry = self.ask(key)?;
        let text = text_of(&entry.node);
        if text.is_none() {
            self.wrong_kind(entry, "text in quotes");
        }
        text
    }

    /// Text that must be there.
    pub(super) fn required_text(&self, key: &'static str, example: &str) -> Option<At<'c, &'c str>> {
        if self.table.get(key).is_none() {
            self.ask(key);
            self.findings.error(self.at, format!("{} has no `{key}`", self.place_name()), format!("write {key} = {example}"));
            return None;
        }
        self.text(key)
    }

    /// Text that means something.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, key: &'static str) -> Option<At<'c, T>> {
        self.text(key).and_then(|text| text.parse(self.findings))
    }

    /// One text, or a list of them.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<At<'c, &'c str>>> {
        let entry = self.ask(key)?;
        let texts = texts_of(&entry.node);
        if texts.is_none() {
            self.wrong_kind(entry, "text in quotes, or a list of texts in brackets");
        }
        texts
    }

    /// One text that means something, or a list of them.
    pub(super) fn all_parsed<T: FromStr<Err: Display>>(&self, key: &'static str) -> Option<Vec<At<'c, T>>> {
        Some(self.texts(key)?.into_iter().filter_map(|text| text.parse(self.findings)).collect())
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        self.text(key)?.choose(choices, self.findings)
    }

    pub(super) fn boolean(&self, key: &'static str) -> Option<bool> {
        let entry = self.ask(key)?;
        if let Value::Boolean(truth) = entry.node.value {
            return Some(truth);
        }
        self.wrong_kind(entry, "true or false");
        None
    }

    /// A whole number in a range.
    pub(super) fn number(&self, key: &'static str, range: std::ops::RangeInclusive<i64>) -> Option<At<'c, i64>> {
        let entry = self.ask(key)?;
        match entry.node.value {
            Value::Integer(value) if range.contains(&value) => Some(At { value, at: &entry.node.at }),
            Value::Integer(value) => {
                let help = format!("write a number from {} to {}", range.start(), range.end());
                self.findings.error(&entry.node.at, format!("`{key}` is {value}"), help);
                None
            }
            _ => {
                self.wrong_kind(entry, "a whole number");
                None
            }
        }
    }

    /// A duration such as `"30s"`.
    pub(super) fn duration(&self, key: &'static str) -> Option<Duration> {
        let text = self.text(key)?;
        match bitting_core::duration::parse(text.value) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.findings.error(
                    text.at,
                    error.to_string(),
                    "write a number and a unit, as in \"500ms\", \"30s\" or \"5m\"",
                );
                None
            }
        }
    }

    /// A size such as `"64KiB"`, in bytes, in a range.
    pub(super) fn size(&self, key: &'static str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let text = self.text(key)?;
        match bitting_core::size::parse(text.value) {
            Ok(size) if range.contains(&size) => Some(size),
            Ok(_) => {
                let help = format!("write a size from {} to {} bytes, as in \"64KiB\" or \"10MB\"", range.start(), range.end());
                self.findings.error(text.at, format!("`{key}` is out of range"), help);
                None
            }
            Err(error) => {
                self.findings.error(text.at, error.to_string(), "write a number and a unit, as in \"64KiB\" or \"10MB\"");
                None
            }
        }
    }

    /// One address or network, or a list of them.
    pub(super) fn addresses(&self, key: &'static str) -> Option<AddressList> {
        let is_good = |text: &At<'_, &str>| match AddressList::parse([text.value]) {
            Ok(_) => true,
            Err(error) => {
                let help = "write an address or a network, as in \"10.0.0.0/8\"";
                self.findings.error(text.at, error.to_string(), help);
                false
            }
        };
        let good: Vec<At<'_, &str>> = self.texts(key)?.into_iter().filter(is_good).collect();
        AddressList::parse(good.iter().map(|text| text.value)).ok()
    }

    /// The name of a header that may be set, or `false` for none.
    pub(super) fn header(&self, key: &'static str, default: Option<HeaderName>) -> Option<HeaderName> {
        let Some(entry) = self.ask(key) else { return default };
        match (&entry.node.value, text_of(&entry.node)) {
            (Value::Boolean(false), _) => None,
            (_, Some(text)) => text.settable_header(self.findings),
            _ => {
                self.wrong_kind(entry, "the name of a header in quotes, or false to leave it out");
                None
            }
        }
    }

    /// A table inside this one.
    pub(super) fn section(&self, key: &'static str) -> Option<Section<'c>> {
        let entry = self.ask(key)?;
        let path = self.path(key);
        let section = section_of(&entry.node, path.clone(), self.findings);
        if section.is_none() {
            self.wrong_kind(entry, &format!("a table, as in [{path}]"));
        }
        section
    }

    /// Something that is on unless it says `false`, with a table of what it may say beside; without one it is read from nothing.
    pub(super) fn switchable<T>(
        &self,
        key: &'static str,
        example: &str,
        read: impl Fn(Option<&Section<'c>>) -> T,
    ) -> Option<T> {
        let Some(entry) = self.ask(key) else { return Some(read(None)) };
        if let Value::Boolean(is_on) = entry.node.value {
            return is_on.then(|| read(None));
        }
        let section = section_of(&entry.node, self.path(key), self.findings);
        if section.is_none() {
            self.wrong_kind(entry, &format!("{example}, or false to switch it off"));
        }
        let value = read(section.as_ref());
        section.into_iter().for_each(Section::finish);
        Some(value)
    }

    /// The tables of a list, as in `[[api]]`.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'c>> {
        let Some(entry) = self.ask(key) else { return Vec::new() };
        let path = self.path(key);
        let expected = format!("a list of tables, each begun by [[{path}]]");
        let Value::List(items) = &entry.node.value else {
            self.wrong_kind(entry, &expected);
            return Vec::new();
        };
        let each = items.iter().map(|item| section_of(item, path.clone(), self.findings));
        let sections: Option<Vec<_>> = each.collect();
        sections.unwrap_or_else(|| {
            self.wrong_kind(entry, &expected);
            Vec::new()
        })
    }

    /// A value of any kind.
    pub(super) fn node(&self, key: &'static str) -> Option<&'c Entry> {
        self.ask(key)
    }

    /// Everything in the table that was not asked for by name: for tables whose keys are names that the reader chose.
    pub(super) fn rest(&self) -> Vec<&'c Entry> {
        let asked = self.asked.borrow();
        self.table.entries.iter().filter(|entry| !asked.contains(&entry.key.as_str())).collect()
    }

    /// Reports everything that was not asked for.
    pub(super) fn finish(self) {
        let asked = self.asked.borrow();
        for entry in self.rest() {
            self.unknown(entry, asked.iter().copied());
        }
    }

    /// Reports a key that means nothing here.
    pub(super) fn unknown<'k>(&self, entry: &Entry, known: impl Iterator<Item = &'k str>) {
        let place = self.place_name();
        let mut known: Vec<&str> = known.collect();
        known.sort_unstable();
        known.dedup();
        let help = match closest(&entry.key, known.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("{place} takes: {}", known.join(", ")),
        };
        self.findings.error(&entry.key_at, format!("`{}` means nothing in {place}", entry.key), help);
    }
}

impl<'c> At<'c, &'c str> {
    pub(super) fn parse<T: FromStr<Err: Display>>(self, findings: &Findings) -> Option<At<'c, T>> {
        match self.value.parse() {
            Ok(value) => Some(At { value, at: self.at }),
            Err(error) => {
                let error: T::Err = error;
                let text = error.to_string();
                // Messages say first what is wrong and then what is right.
                match text.split_once("; ") {
                    Some((message, help)) => findings.error(self.at, message, help),
                    None => findings.push(false, self.at, text, None, None),
                }
                None
            }
        }
    }

    /// The name of a header that configuration may set.
    pub(super) fn settable_header(self, findings: &Findings) -> Option<HeaderName> {
        let Ok(name) = self.value.parse::<HeaderName>() else {
            let message = format!("{:?} is not the name of a header", self.value);
            findings.error(self.at, message, "write letters, digits and \"-\"");
            return None;
        };
        if is_framing(&name) {
            let message = format!("{:?} says how a message is framed", self.value);
            findings.error(self.at, message, "write another header: this one is the server's to set");
            return None;
        }
        Some(name)
    }

    pub(super) fn choose<T: Copy>(self, choices: &[(&str, T)], findings: &Findings) -> Option<T> {
        let chosen = choices.iter().find(|(word, _)| *word == self.value);
        if chosen.is_none() {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
            let help = match closest(self.value, choices.iter().map(|(word, _)| *word)) {
                Some(close) => format!("did you mean {close:?}? It can be {}", words.join(" or ")),
                None => format!("write {}", words.join(" or ")),
            };
            findings.error(self.at, format!("{:?} is not a choice here", self.value), help);
        }
        chosen.map(|(_, value)| *value)
    }
}

pub(super) fn text_of(node: &Node) -> Option<At<'_, &str>> {
    match &node.value {
        Value::Text(text) => Some(At { value: text, at: &node.at }),
        _ => None,
    }
}

pub(super) fn texts_of(node: &Node) -> Option<Vec<At<'_, &str>>> {
    match &node.value {
        Value::List(items) => items.iter().map(text_of).collect(),
        _ => text_of(node).map(|text| vec![text]),
    }
}

pub(super) fn section_of<'c>(node: &'c Node, name: String, findings: &'c Findings) -> Option<Section<'c>> {
    match &node.value {
        Value::Table(table) => Some(Section::new(name, table, &node.at, findings)),
        _ => None,
    }
}

/// The word that was probably meant; of words that are equally close, the first.
pub(super) fn closest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let scored = known.map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate));
    let (distance, best) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + word.len() / 4).then_some(best)
}
