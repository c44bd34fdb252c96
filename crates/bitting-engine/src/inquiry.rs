//! What is asked of the engine.

use bitting_core::address::Client;
use http::{HeaderMap, Method};

/// One request, as far as deciding needs it. All of it is borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Inquiry<'r> {
    /// Which API it is for, or how to find out.
    pub scope: Scope<'r>,
    /// Its method.
    pub method: &'r Method,
    /// Its path as it was sent, without the query.
    pub path: &'r str,
    /// What it carries.
    pub presented: Presented<'r>,
    /// Where it comes from, if that is known.
    pub client: Option<Client>,
}

/// Which API a request is for.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'r> {
    /// The one that serves this authority, and this path.
    Authority(&'r str),
    /// The one of this name.
    Api(&'r str),
}

/// What a request carries.
#[derive(Clone, Copy)]
pub enum Presented<'r> {
    /// Headers and query, to find the credential in.
    Request {
        /// Its headers.
        headers: &'r HeaderMap,
        /// Its query, without `?`.
        query: Option<&'r str>,
    },
    /// The credential itself, found by somebody else.
    Key(&'r [u8]),
}

impl std::fmt::Debug for Presented<'_> {
    /// Both hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Presented")
    }
}
