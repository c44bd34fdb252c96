//! Errors of Bitting's own API that name fields (RFC 9457).

use axum::response::{IntoResponse, Response};
use bitting_engine::Violation;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// A request that was let through and makes no sense.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<Violation>,
}

impl Problem {
    /// A body that cannot be read at all.
    pub(crate) fn unreadable(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, code: "invalid_request", detail: detail.into(), errors: Vec::new() }
    }

    /// One field that is wrong.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let detail = format!("{field}: {message}");
        let errors = vec![Violation { field: field.to_owned(), message }];
        Self { status: StatusCode::BAD_REQUEST, code: "invalid_request", detail, errors }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
        });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
