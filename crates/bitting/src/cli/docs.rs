//! `bitting docs [--api NAME]`

use bitting_http::docs::Page;

use super::context::{choose, load};
use super::options::{ApiChoice, DocsFormat, Shared};
use super::output::{note, say};
use crate::failure::Failure;

/// Prints the page about authentication of one API.
pub(super) fn print(choice: &ApiChoice, format: DocsFormat, shared: &Shared) -> Result<(), Failure> {
    let apis = load(shared)?.apis;
    let api = choose(&apis, choice.api.as_deref())?;
    if api.docs.base_url.is_none() && api.hosts.is_empty() {
        note("nothing says where the API is, so its code speaks to api.example.com\nwrite base_url in [api.docs], or hosts");
    }
    say(match format {
        DocsFormat::Markdown => Page::new(&api).markdown(),
        DocsFormat::Html => Page::html(&api),
        DocsFormat::Llms => Page::new(&api).llms(""),
    }
    .trim_end())
}
