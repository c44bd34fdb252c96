//! A call with a key, as code that runs as it stands. The key comes from the environment and is in no snippet.

mod curl;
mod go;
mod javascript;
mod python;

use bitting_core::dialect::Carrier;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::writing;

pub(super) use curl::{Request, request};
pub(super) use javascript::patient;

/// A piece of code, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// What it is called beside others, as in "Python".
    pub label: String,
    /// The language, as Markdown names it.
    pub language: String,
    /// The code, without a line break at its end.
    pub code: String,
}

/// A GET request with a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'c> {
    /// The address, which needs no quotes.
    pub(super) url: &'c str,
    /// The environment variable that holds the key.
    pub(super) variable: &'c str,
    /// Where the key goes.
    pub(super) place: &'c Place,
}

/// Where in a request a client puts a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Into a header, after some text.
    Header {
        /// Its name, as people write it.
        name: String,
        /// What stands before the key, as in `Bearer `.
        before: String,
    },
    /// As the user name of Basic authentication.
    BasicUser,
    /// Into a query parameter.
    Query(String),
    /// Into a cookie.
    Cookie(String),
}

impl Snippet {
    pub(super) fn new(label: impl Into<String>, language: impl Into<String>, code: impl Into<String>) -> Self {
        Self { label: label.into(), language: language.into(), code: code.into() }
    }
}

impl Place {
    /// Where keys are if an API says nothing of it.
    pub(super) fn bearer() -> Self {
        Self::Header { name: "Authorization".to_owned(), before: "Bearer ".to_owned() }
    }

    /// Where a carrier is.
    pub(super) fn of(carrier: &Carrier) -> Self {
        let header = |name: &str, before: String| Self::Header { name: name.to_owned(), before };
        match carrier {
            Carrier::Authorization(scheme) => header("Authorization", format!("{scheme} ")),
            Carrier::Basic => Self::BasicUser,
            Carrier::Header(name) => header(&writing::header(name), String::new()),
            Carrier::Query(name) => Self::Query(name.to_string()),
            Carrier::Cookie(name) => Self::Cookie(name.to_string()),
            Carrier::Subprotocol(prefix) => header("Sec-WebSocket-Protocol", prefix.to_string()),
        }
    }
}

/// The call in every language.
pub(super) fn in_all_languages(call: Call<'_>) -> Vec<Snippet> {
    vec![
        Snippet::new("curl", "bash", curl::get(call)),
        Snippet::new("Python", "python", python::get(call)),
        Snippet::new("JavaScript", "javascript", javascript::get(call)),
        Snippet::new("Go", "go", go::get(call)),
    ]
}

/// The call for a shell.
pub(super) fn for_shell(call: Call<'_>) -> Snippet {
    Snippet::new("curl", "bash", curl::get(call))
}

/// An address up to the key, which needs no escapes.
fn with_parameter(url: &str, name: &str) -> String {
    format!("{url}?{}=", escaped_name(name))
}

/// The name of a query parameter. A space is not written as `+`: not everybody reads that as one.
fn escaped_name(name: &str) -> impl std::fmt::Display {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(name, RESERVED)
}

/// A text between double quotes, as Python, JavaScript and Go read it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
