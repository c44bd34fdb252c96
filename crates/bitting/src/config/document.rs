//! Configuration as a tree in which every value knows where it stands.
//!
//! Deserialising straight into structs was rejected: it stops at the first error, and this should report all of them.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::problem::{Location, Problem, Source};

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: Location,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// Floats and dates, which nothing in the configuration is.
    Other(&'static str),
    List(Vec<Node>),
    Table(Table),
}

/// A table in the order of the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Location,
    pub(super) node: Node,
}

impl Value {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Boolean(_) => "true or false",
            Self::Other(kind) => kind,
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }
}

/// Reads the text of a source; what cannot be read is left out and reported.
pub(super) fn parse(source: &Arc<Source>, problems: &mut Vec<Problem>) -> Node {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in errors {
        let at = Location { source: Arc::clone(source), span: error.span().unwrap_or(0..0) };
        problems.push(Problem { is_warning: false, message: error.message().to_owned(), help: None, at, other: None });
    }
    let span = table.span();
    Node { value: Value::Table(convert_table(table.into_inner(), source)), at: Location { source: Arc::clone(source), span } }
}

fn convert_table(table: DeTable<'_>, source: &Arc<Source>) -> Table {
    let entries = table.into_iter().map(|(key, value)| Entry {
        key_at: Location { source: Arc::clone(source), span: key.span() },
        key: key.into_inner().into_owned(),
        node: convert(value, source),
    });
    Table { entries: entries.collect() }
}

fn convert(value: Spanned<DeValue<'_>>, source: &Arc<Source>) -> Node {
    let at = Location { source: Arc::clone(source), span: value.span() };
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Other("a number that is too large"),
        },
        DeValue::Boolean(truth) => Value::Boolean(truth),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => Value::List(convert_list(items, source)),
        DeValue::Table(table) => Value::Table(convert_table(table, source)),
    };
    Node { value, at }
}

fn convert_list(items: DeArray<'_>, source: &Arc<Source>) -> Vec<Node> {
    items.into_iter().map(|item| convert(item, source)).collect()
}

/// Adds what another source says: tables are joined, lists of tables are chained, and nothing may be said twice.
pub(super) fn merge(into: &mut Table, from: Table, problems: &mut Vec<Problem>) {
    for entry in from.entries {
        let Some(there) = into.get_mut(&entry.key) else {
            into.entries.push(entry);
            continue;
        };
        match (&mut there.node.value, entry.node.value) {
            (Value::Table(there), Value::Table(more)) => merge(there, more, problems),
            (Value::List(there), Value::List(more)) if more.iter().all(|node| matches!(node.value, Value::Table(_))) => {
                there.extend(more);
            }
            _ => problems.push(Problem {
                is_warning: false,
                message: format!("{:?} is set in two files", entry.key),
                help: Some(format!("keep it in one of them; the other is {}", there.key_at.source.name)),
                at: entry.key_at,
                other: None,
            }),
        }
    }
}

/// Sets a value by its path, as `--set api.csboard.upstream=http://127.0.0.1:9000` does. A table in a list is named by its
/// position or by its `name`.
pub(super) fn set(root: &mut Table, argument: &str, problems: &mut Vec<Problem>) {
    let source = Arc::new(Source { name: "--set".to_owned(), text: argument.to_owned() });
    let mut problem = |span: std::ops::Range<usize>, message: String, help: &str| {
        let at = Location { source: Arc::clone(&source), span };
        problems.push(Problem { is_warning: false, message, help: Some(help.to_owned()), at, other: None });
    };
    let Some((path, text)) = argument.split_once('=') else {
        return problem(0..argument.len(), "there is no \"=\" in it".into(), "write PATH=VALUE, as in log.level=debug");
    };
    let value_at = Location { source: Arc::clone(&source), span: path.len() + 1..argument.len() };
    let value = Node { value: value_of(text, &value_at), at: value_at };
    let mut steps = path.split('.').map(str::trim).peekable();
    let mut table = root;
    while let Some(step) = steps.next() {
        if step.is_empty() {
            return problem(0..path.len(), format!("{path:?} is not a path"), "write names joined by dots");
        }
        let key_at = Location { source: Arc::clone(&source), span: 0..path.len() };
        if steps.peek().is_none() {
            match table.get_mut(step) {
                Some(there) => (there.key_at, there.node) = (key_at, value),
                None => table.entries.push(Entry { key: step.to_owned(), key_at, node: value }),
            }
            return;
        }
        if table.get(step).is_none() {
            let node = Node { value: Value::Table(Table::default()), at: key_at.clone() };
            table.entries.push(Entry { key: step.to_owned(), key_at, node });
        }
        let Some(there) = table.get_mut(step) else { return };
        table = match &mut there.node.value {
            Value::Table(next) => next,
            Value::List(items) => {
                let Some(name) = steps.next() else { return };
                let Some(item) = find_item(items, name) else {
                    let help = "name a table of the list by its position, from 0, or by its `name`";
                    return problem(0..path.len(), format!("{step:?} has no {name:?}"), help);
                };
                item
            }
            _ => {
                let help = "write the path of a value inside tables";
                return problem(0..path.len(), format!("{step:?} is not a table"), help);
            }
        };
    }
}

fn find_item<'t>(items: &'t mut [Node], name: &str) -> Option<&'t mut Table> {
    let named = |node: &Node| match &node.value {
        Value::Table(table) => {
            table.get("name").is_some_and(|entry| matches!(&entry.node.value, Value::Text(text) if text == name))
        }
        _ => false,
    };
    let position = items.iter().position(named).or_else(|| name.parse().ok().filter(|&position| position < items.len()))?;
    match &mut items[position].value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

/// TOML if it is, otherwise text: nobody wants to quote an address for the shell and for TOML.
fn value_of(text: &str, at: &Location) -> Value {
    let line = Arc::new(Source { name: at.source.name.clone(), text: format!("v = {text}") });
    let mut errors = Vec::new();
    let node = parse(&line, &mut errors);
    let parsed = match node.value {
        Value::Table(Table { mut entries }) if errors.is_empty() && entries.len() == 1 => entries.pop(),
        _ => None,
    };
    match parsed.map(|entry| entry.node.value) {
        Some(Value::Other(_)) | None => Value::Text(text.to_owned()),
        Some(value) => relocate(value, at),
    }
}

/// Values inside a `--set` are all at its place.
fn relocate(value: Value, at: &Location) -> Value {
    match value {
        Value::List(items) => {
            Value::List(items.into_iter().map(|item| Node { value: relocate(item.value, at), at: at.clone() }).collect())
        }
        Value::Table(table) => Value::Table(Table {
            entries: table
                .entries
                .into_iter()
                .map(|entry| Entry {
                    key: entry.key,
                    key_at: at.clone(),
                    node: Node { value: relocate(entry.node.value, at), at: at.clone() },
                })
                .collect(),
        }),
        plain => plain,
    }
}
