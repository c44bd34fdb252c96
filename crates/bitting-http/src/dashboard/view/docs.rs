//! The API's page about authentication, in the dashboard's frame or as a file of its own.

use askama::Template;
use bitting_core::api::Api;

use super::{ApiLinks, Frame};
use crate::dashboard::assets;
use crate::docs::{Block, LLMS, MARKDOWN, OPENAPI, Page, Refusal, Section, Span};

/// The page among the others.
#[derive(Template)]
#[template(path = "dashboard/docs.html", whitespace = "minimize")]
pub(crate) struct DocsPage {
    pub(crate) frame: Frame,
    pub(crate) page: Page,
    /// What the paths of its other forms begin with.
    pub(crate) below: String,
    /// Where keys are made.
    keys: Option<String>,
    /// Whether there is script to copy with.
    copies: bool,
}

/// The page with its stylesheet in it, for whoever puts it elsewhere.
#[derive(Template)]
#[template(path = "docs/alone.html", whitespace = "minimize", ext = "html")]
pub(crate) struct DocsFile {
    page: Page,
    style: String,
    below: &'static str,
    keys: Option<String>,
    copies: bool,
}

/// Refusals as rows of a table.
struct Refusals<'p> {
    /// Whether any has a code.
    has_codes: bool,
    rows: Vec<Row<'p>>,
}

struct Row<'p> {
    /// By which other pages lead to it.
    id: Option<String>,
    refusal: &'p Refusal,
}

impl DocsPage {
    pub(crate) fn new(frame: Frame, api: &Api, below: String) -> Self {
        let keys = Some(ApiLinks::new(&api.name).keys());
        Self { frame, page: Page::new(api), below, keys, copies: true }
    }

    fn listed<'p>(&self, refusals: &'p [Refusal], section: &Section) -> Refusals<'p> {
        Refusals::of(&self.page, refusals, section)
    }
}

impl DocsFile {
    pub(crate) fn new(api: &Api) -> Self {
        let style = format!("{}\n{}", assets::style_text(), assets::accent_rule(api.brand.accent));
        Self { page: Page::new(api), style, below: "", keys: None, copies: false }
    }

    fn listed<'p>(&self, refusals: &'p [Refusal], section: &Section) -> Refusals<'p> {
        Refusals::of(&self.page, refusals, section)
    }
}

impl<'p> Refusals<'p> {
    /// Those of one section. Only in the first that has any can they be led to: later ones are about some requests alone.
    fn of(page: &Page, refusals: &'p [Refusal], section: &Section) -> Self {
        let has_refusals = |section: &&Section| section.blocks.iter().any(|block| matches!(block, Block::Refusals(_)));
        let is_first = page.sections.iter().find(has_refusals).is_some_and(|first| std::ptr::eq(first, section));
        let id = |refusal: &Refusal| refusal.reasons.first().filter(|_| is_first).map(|reason| format!("error-{reason}"));
        Self {
            has_codes: refusals.iter().any(|refusal| refusal.code.is_some()),
            rows: refusals.iter().map(|refusal| Row { id: id(refusal), refusal }).collect(),
        }
    }
}
