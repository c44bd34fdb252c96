//! Bodies of refusals.

use bitting_core::dialect::BodySpec;
use http::HeaderValue;
use serde_json::Value as Json;

use crate::config::document::{Node, Value};

/// A body as it was written.
pub(super) struct Body<'c> {
    pub(super) node: &'c Node,
}

/// RFC 9457, where an API says nothing.
pub(super) fn default_body() -> BodySpec {
    BodySpec::Json(serde_json::json!({
        "type": "about:blank",
        "title": "{title}",
        "status": "{status}",
        "detail": "{detail}",
        "code": "{code}"
    }))
}

/// The body to compile and the content type that it is sent as, which decide about each other.
pub(super) fn body_spec(body: Option<&Body<'_>>, content_type: Option<HeaderValue>) -> (HeaderValue, BodySpec) {
    let json = HeaderValue::from_static("application/json");
    let Some(body) = body else {
        return (content_type.unwrap_or(HeaderValue::from_static("application/problem+json")), default_body());
    };
    match &body.node.value {
        Value::Text(text) => {
            let looks_like_json = text.trim_start().starts_with(['{', '[']);
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            let content_type = content_type.unwrap_or(if looks_like_json { json } else { plain });
            let spec = if is_json(&content_type) { BodySpec::JsonText(text.clone()) } else { BodySpec::Text(text.clone()) };
            (content_type, spec)
        }
        value => (content_type.unwrap_or(json), BodySpec::Json(to_json(value))),
    }
}

fn is_json(content_type: &HeaderValue) -> bool {
    let text = content_type.to_str().unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default().trim();
    media_type == "application/json" || media_type.ends_with("+json")
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Text(text) => Json::from(text.as_str()),
        Value::Integer(number) => Json::from(*number),
        Value::Boolean(truth) => Json::from(*truth),
        Value::Other(_) => Json::Null,
        Value::List(items) => items.iter().map(|item| to_json(&item.value)).collect(),
        Value::Table(table) => {
            Json::Object(table.entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.node.value))).collect())
        }
    }
}
