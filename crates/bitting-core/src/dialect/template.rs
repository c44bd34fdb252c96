//! Bodies with placeholders.
//!
//! Almost every placeholder (`{code}`, `{detail}`, the dialect's own words) has one value for each reason, so it is
//! filled in when the configuration is read; only what differs between requests is left for the request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::Value;

/// A body, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Box<[Piece]>);

/// A body as the configuration writes it.
#[derive(Debug, Clone, PartialEq)]
pub enum BodySpec {
    /// A table, written as compact JSON in the order of its fields. A string that is nothing but a placeholder for a
    /// number becomes that number.
    Json(Value),
    /// JSON text, sent as it is written; placeholders stand inside its strings, or for numbers.
    JsonText(String),
    /// Any other text, sent as it is written.
    Text(String),
}

/// The values of placeholders that are known before a request.
#[derive(Debug, Clone, Default)]
pub struct Variables(BTreeMap<String, Value>);

/// Why a body cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A placeholder that nothing fills in.
    #[error("nothing fills in the placeholder {{{name}}}; known are {}", known.join(", "))]
    UnknownPlaceholder {
        /// The name between the braces.
        name: String,
        /// The names that would be filled in.
        known: Vec<String>,
    },
    /// The text is sent as JSON and is none.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Bytes),
    Dynamic(Dynamic, Escape),
}

/// A placeholder whose value differs between requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dynamic {
    Needed,
    RequestId,
    Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Json,
}

/// The values of placeholders that differ between requests.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DynamicValues<'v> {
    pub(super) needed: &'v str,
    pub(super) request_id: &'v str,
    /// What is wrong with this one request.
    pub(super) problem: &'v str,
}

impl Variables {
    /// Sets a value; a later one replaces an earlier one.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// The names that are set, and those that each request fills in.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().map(String::as_str).chain(Dynamic::ALL.iter().map(|d| d.name())).map(str::to_owned).collect()
    }
}

impl BodySpec {
    /// The names of all placeholders in it.
    pub fn placeholders(&self) -> Vec<String> {
        fn collect(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::String(text) => found.extend(split(text).filter_map(Part::name).map(str::to_owned)),
                Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
                Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        let mut found = Vec::new();
        match self {
            Self::Json(value) => collect(value, &mut found),
            Self::JsonText(text) | Self::Text(text) => {
                found.extend(split(text).filter_map(Part::name).map(str::to_owned));
            }
        }
        found
    }
}

impl Template {
    /// Fills in everything that is known and keeps the rest for the request.
    ///
    /// # Errors
    /// A placeholder that nothing fills in, or text that is not the JSON it should be.
    pub fn new(spec: &BodySpec, variables: &Variables) -> Result<Self, TemplateError> {
        let mut builder = Builder { variables, pieces: Vec::new(), text: String::new(), inside: Vec::new() };
        match spec {
            BodySpec::Json(value) => builder.json(value)?,
            BodySpec::JsonText(text) => builder.text(text, Escape::Json)?,
            BodySpec::Text(text) => builder.text(text, Escape::None)?,
        }
        let template = builder.finish();
        if let BodySpec::JsonText(_) = spec {
            let sample = template.render(DynamicValues { needed: "x", request_id: "x", problem: "x" });
            serde_json::from_slice::<Value>(&sample).map_err(|e| TemplateError::NotJson(e.to_string()))?;
        }
        Ok(template)
    }

    /// The body for one request. Without dynamic placeholders it is shared, not copied.
    pub(super) fn render(&self, values: DynamicValues<'_>) -> Bytes {
        if let [Piece::Text(whole)] = &*self.0 {
            return whole.clone();
        }
        let mut body = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => body.extend_from_slice(text),
                Piece::Dynamic(dynamic, escape) => body.extend_from_slice(escape.apply(dynamic.value(values)).as_bytes()),
            }
        }
        body.into()
    }
}

struct Builder<'v> {
    variables: &'v Variables,
    pieces: Vec<Piece>,
    text: String,
    /// The variables whose values are being written.
    inside: Vec<String>,
}

impl Builder<'_> {
    fn json(&mut self, value: &Value) -> Result<(), TemplateError> {
        match value {
            Value::String(text) => match self.whole_placeholder(text) {
                Some(known) if !known.is_string() => self.text.push_str(&known.to_string()),
                _ => {
                    self.text.push('"');
                    for part in split(text) {
                        match part {
                            Part::Text(text) => self.text.push_str(&json_escaped(text)),
                            Part::Placeholder(name) => self.placeholder(name, Escape::Json)?,
                        }
                    }
                    self.text.push('"');
                }
            },
            Value::Array(items) => {
                self.text.push('[');
                for (i, item) in items.iter().enumerate() {
                    self.text.push_str(if i == 0 { "" } else { "," });
                    self.json(item)?;
                }
                self.text.push(']');
            }
            Value::Object(fields) => {
                self.text.push('{');
                for (i, (name, field)) in fields.iter().enumerate() {
                    self.text.push_str(if i == 0 { "" } else { "," });
                    // Writing to a String cannot fail.
                    let _ = write!(self.text, "\"{}\":", json_escaped(name));
                    self.json(field)?;
                }
                self.text.push('}');
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => self.text.push_str(&value.to_string()),
        }
        Ok(())
    }

    fn text(&mut self, text: &str, escape: Escape) -> Result<(), TemplateError> {
        for part in split(text) {
            match part {
                Part::Text(text) => self.text.push_str(text),
                Part::Placeholder(name) => self.placeholder(name, escape)?,
            }
        }
        Ok(())
    }

    fn placeholder(&mut self, name: &str, escape: Escape) -> Result<(), TemplateError> {
        if let Some(value) = self.variables.0.get(name) {
            return self.variable(name, value, escape);
        }
        let Some(&dynamic) = Dynamic::ALL.iter().find(|dynamic| dynamic.name() == name) else {
            return Err(TemplateError::UnknownPlaceholder { name: name.to_owned(), known: self.variables.names() });
        };
        self.close_text();
        self.pieces.push(Piece::Dynamic(dynamic, escape));
        Ok(())
    }

    /// A value can have placeholders in it, as in "You lack {needed}."; one that leads back to itself is filled in by nothing.
    fn variable(&mut self, name: &str, value: &Value, escape: Escape) -> Result<(), TemplateError> {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if self.inside.iter().any(|outer| outer == name) {
            return Err(TemplateError::UnknownPlaceholder { name: name.to_owned(), known: self.variables.names() });
        }
        self.inside.push(name.to_owned());
        for part in split(&text) {
            match part {
                Part::Text(text) => self.text.push_str(&escape.apply(text)),
                Part::Placeholder(name) => self.placeholder(name, escape)?,
            }
        }
        self.inside.pop();
        Ok(())
    }

    fn whole_placeholder(&self, text: &str) -> Option<&Value> {
        let mut parts = split(text);
        match (parts.next(), parts.next()) {
            (Some(Part::Placeholder(name)), None) => self.variables.0.get(name),
            _ => None,
        }
    }

    fn close_text(&mut self) {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(&mut self.text).into()));
        }
    }

    fn finish(mut self) -> Template {
        self.close_text();
        if self.pieces.is_empty() {
            self.pieces.push(Piece::Text(Bytes::new()));
        }
        Template(self.pieces.into())
    }
}

impl Dynamic {
    const ALL: [Self; 3] = [Self::Needed, Self::RequestId, Self::Problem];

    fn name(self) -> &'static str {
        match self {
            Self::Needed => "needed",
            Self::RequestId => "request_id",
            Self::Problem => "problem",
        }
    }

    fn value(self, values: DynamicValues<'_>) -> &str {
        match self {
            Self::Needed => values.needed,
            Self::RequestId => values.request_id,
            Self::Problem => values.problem,
        }
    }
}

impl Escape {
    fn apply(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::None => Cow::Borrowed(text),
            Self::Json => Cow::Owned(json_escaped(text)),
        }
    }
}

#[derive(Clone, Copy)]
enum Part<'t> {
    Text(&'t str),
    Placeholder(&'t str),
}

impl<'t> Part<'t> {
    fn name(self) -> Option<&'t str> {
        match self {
            Self::Text(_) => None,
            Self::Placeholder(name) => Some(name),
        }
    }
}

/// Cuts a text at its placeholders: a word of small letters, digits and `_` between braces. Other braces are text, so
/// that JSON can be written as it is.
fn split(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (start, end) = next_placeholder(rest).unwrap_or((rest.len(), rest.len()));
        if start > 0 {
            let (head, tail) = rest.split_at(start);
            rest = tail;
            return Some(Part::Text(head));
        }
        let name = &rest[1..end - 1];
        rest = &rest[end..];
        Some(Part::Placeholder(name))
    })
}

fn next_placeholder(text: &str) -> Option<(usize, usize)> {
    text.match_indices('{').find_map(|(start, _)| {
        let name = &text[start + 1..];
        let length = name.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))?;
        (length > 0 && name[length..].starts_with('}')).then_some((start, start + length + 2))
    })
}

fn json_escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn variables() -> Variables {
        let mut variables = Variables::default();
        variables.set("code", "unknown_key");
        variables.set("detail", "Say \"please\".");
        variables.set("status", 401);
        variables
    }

    fn render(spec: &BodySpec) -> String {
        let body = Template::new(spec, &variables()).unwrap().render(DynamicValues {
            needed: "tasks:\"read\"",
            request_id: "r1",
            problem: "",
        });
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn a_table_becomes_compact_json_in_its_own_order() {
        let spec = BodySpec::Json(
            json!({"z": "{code}", "a": {"status": "{status}", "s": "is {status}", "n": null, "l": [1, "{detail}"]}}),
        );
        assert_eq!(render(&spec), r#"{"z":"unknown_key","a":{"status":401,"s":"is 401","n":null,"l":[1,"Say \"please\"."]}}"#);
    }

    #[test]
    fn json_text_is_sent_as_it_is_written() {
        let spec = BodySpec::JsonText(r#"{"detail": "{detail}", "status": {status}, "need": "{needed}"}"#.into());
        assert_eq!(render(&spec), r#"{"detail": "Say \"please\".", "status": 401, "need": "tasks:\"read\""}"#);
    }

    #[test]
    fn plain_text_is_not_escaped() {
        assert_eq!(render(&BodySpec::Text("{code}: {detail} ({request_id})\n".into())), "unknown_key: Say \"please\". (r1)\n");
        assert_eq!(render(&BodySpec::Text("{ x } {} {A} {".into())), "{ x } {} {A} {");
        assert_eq!(render(&BodySpec::Text(String::new())), "");
    }

    #[test]
    fn a_value_can_have_placeholders_in_it_but_not_itself() {
        let mut variables = variables();
        variables.set("detail", "You lack {needed} for {code}.");
        let body = Template::new(&BodySpec::JsonText(r#"{"d": "{detail}"}"#.into()), &variables).unwrap();
        let values = DynamicValues { needed: "\"x\"", request_id: "", problem: "" };
        assert_eq!(body.render(values), r#"{"d": "You lack \"x\" for unknown_key."}"#);
        variables.set("code", "{detail}");
        assert!(Template::new(&BodySpec::Text("{detail}".into()), &variables).is_err());
    }

    #[test]
    fn an_unknown_placeholder_is_named_with_the_known_ones() {
        let error = Template::new(&BodySpec::Text("{detial}".into()), &variables()).unwrap_err();
        let TemplateError::UnknownPlaceholder { name, known } = &error else { panic!("{error}") };
        assert_eq!(
            (name.as_str(), &known[..]),
            ("detial", &["code", "detail", "status", "needed", "request_id", "problem"].map(String::from)[..])
        );
    }

    #[test]
    fn text_that_is_sent_as_json_must_be_json() {
        for text in ["", "{", r#"{"a": {detail}}"#, "{'a': 1}"] {
            assert!(
                matches!(Template::new(&BodySpec::JsonText(text.into()), &variables()), Err(TemplateError::NotJson(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn placeholders_are_listed_wherever_they_stand() {
        assert_eq!(BodySpec::Json(json!({"a": ["{x}", {"b": "{y} {z}"}]})).placeholders(), ["x", "y", "z"]);
    }
}
