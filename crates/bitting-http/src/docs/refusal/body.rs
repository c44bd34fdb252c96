//! What stands where in an error's body.

use bitting_core::dialect::{Answer, AnswerContext};
use http::{HeaderMap, header};
use serde_json::Value;

use crate::docs::text::Text;

/// Stands for a request's own words, to see where a body has them.
const PROBE: &str = "the words of this request";

/// The field that programs go by, and what stands in it.
pub(super) fn code(body: &str) -> Option<(String, String)> {
    let value = serde_json::from_str(body).ok()?;
    find(&value, &mut |path, text| (path.rsplit('.').next() == Some("code")).then(|| text.to_owned()))
}

/// Which field is for whom, where there are such fields.
pub(super) fn fields(answer: &Answer) -> Option<Text> {
    let sent = answer.response(AnswerContext { problem: Some(PROBE), ..AnswerContext::default() });
    let body = String::from_utf8_lossy(sent.body()).into_owned();
    let value = serde_json::from_str(&body).ok()?;
    let words = find(&value, &mut |_, text| text.contains(PROBE).then(String::new)).map(|(path, _)| path);
    match (words, code(&body)) {
        (Some(words), Some((code, _))) => {
            Some(Text::say("In it, ").code(code).and(" is for programs and ").code(words).and(" for people."))
        }
        (Some(words), None) => Some(Text::say("In it, ").code(words).and(" says what is wrong.")),
        (None, Some((code, _))) => Some(Text::say("In it, ").code(code).and(" is for programs.")),
        (None, None) => None,
    }
}

/// What a body is written in.
pub(super) fn language(headers: &HeaderMap, body: &str) -> &'static str {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match content_type {
        json if json.contains("json") && serde_json::from_str::<Value>(body).is_ok() => "json",
        xml if xml.contains("xml") => "xml",
        html if html.contains("html") => "html",
        _ => "text",
    }
}

/// The first text that satisfies a condition, with the way to it.
fn find(value: &Value, wanted: &mut impl FnMut(&str, &str) -> Option<String>) -> Option<(String, String)> {
    fn look(value: &Value, path: &str, wanted: &mut impl FnMut(&str, &str) -> Option<String>) -> Option<(String, String)> {
        match value {
            Value::String(text) => wanted(path, text).map(|found| (path.to_owned(), found)),
            Value::Object(fields) => fields.iter().find_map(|(name, field)| {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                look(field, &below, wanted)
            }),
            Value::Array(items) => items.iter().enumerate().find_map(|(at, item)| look(item, &format!("{path}[{at}]"), wanted)),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }
    look(value, "", wanted)
}
