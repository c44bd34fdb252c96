//! The way through a list that is longer than a page.

use askama::Template;
use askama::filters::HtmlSafe;

/// Where this page stands, and links to the pages beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "dashboard/part/pager.html", whitespace = "minimize")]
pub(crate) struct Pager {
    /// Which part it is, as in `1–20 of 37`; empty where nobody counted.
    pub(crate) part: String,
    /// The page before; `None` on the first.
    pub(crate) previous: Option<String>,
    /// The page after; `None` on the last.
    pub(crate) next: Option<String>,
}

impl HtmlSafe for Pager {}

impl Pager {
    /// Whether there is more than this page.
    pub(crate) fn is_needed(&self) -> bool {
        self.previous.is_some() || self.next.is_some()
    }
}
