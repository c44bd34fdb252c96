//! An API's page about authentication, made from the configuration that the server enforces.
//!
//! There is one [`Page`], a list of sections of paragraphs, tables and code, and three renderings of it: HTML for people,
//! Markdown, and `llms.txt`. What it says is said once, where the page is made; renderings only mark it up. Bodies, headers and
//! examples of answers come from the code that answers, so they cannot differ from what callers get. A template of prose for
//! each rendering was rejected: of two texts about the same thing one is soon wrong.

mod environments;
mod getting;
mod keeping;
mod limits;
mod llms;
mod managing;
mod markdown;
mod refusal;
mod rights;
mod sending;
mod snippet;
mod subject;
mod text;
mod writing;

use bitting_core::api::Api;

use self::subject::Subject;
use crate::dashboard;

pub(crate) use llms::{LLMS, MARKDOWN, OPENAPI};
pub use refusal::{REQUEST_ID, Refusal};
pub use snippet::Snippet;
pub(crate) use subject::{base_url, call_with, variable};
pub use text::{Span, Text};
pub(crate) use writing::pace as pace_words;

/// The page about authentication.
#[derive(Debug, Clone)]
pub struct Page {
    /// The API's name, as its users know it.
    pub title: String,
    /// What the page is about, in a sentence or two.
    pub lead: Text,
    /// The environment variable that the page's code reads the key from.
    pub variable: String,
    /// The sections, in the order in which they are needed.
    pub sections: Vec<Section>,
    /// Whether there is an OpenAPI document beside it.
    pub has_openapi: bool,
}

/// A part of the page.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What stands below it.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Debug, Clone)]
pub enum Block {
    /// A heading inside the section.
    Heading(String),
    /// Prose.
    Paragraph(Text),
    /// What to do, in this order.
    Steps(Vec<Text>),
    /// Things of equal weight.
    List(Vec<Text>),
    /// What must not be overlooked.
    Notice {
        /// In a word or two.
        title: String,
        /// The whole of it.
        text: Text,
    },
    /// Rows of cells.
    Table(Table),
    /// Code, or an answer.
    Code(Snippet),
    /// The same in several languages.
    Tabs(Vec<Snippet>),
    /// Answers that are no success.
    Refusals(Vec<Refusal>),
}

/// Rows of cells.
#[derive(Debug, Clone)]
pub struct Table {
    /// What the columns are.
    pub head: Vec<Column>,
    /// The rows; each has a cell for each column.
    pub rows: Vec<Vec<Text>>,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    /// What stands in it.
    pub title: String,
    /// Whether these are numbers.
    pub numeric: bool,
}

impl Page {
    /// The page of an API.
    pub fn new(api: &Api) -> Self {
        let subject = Subject::new(api);
        let sections = [
            Some(getting::section(&subject)),
            Some(sending::section(&subject)),
            Some(environments::section(&subject)),
            Some(rights::section(&subject)),
            limits::section(&subject),
            Some(refusal::section(&subject)),
            managing::section(&subject),
            Some(keeping::safety(&subject)),
            Some(keeping::rotation(&subject)),
            Some(keeping::practice(&subject)),
            keeping::reading_on(&subject),
        ];
        Self {
            title: subject.title.to_owned(),
            lead: subject.lead(),
            variable: subject.variable.clone(),
            sections: sections.into_iter().flatten().collect(),
            has_openapi: api.management_path.is_some(),
        }
    }

    /// The page of an API as HTML that needs nothing beside it.
    pub fn html(api: &Api) -> String {
        dashboard::docs_file(api)
    }

    /// Every refusal that it documents.
    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.blocks().filter_map(|block| if let Block::Refusals(all) = block { Some(all) } else { None }).flatten()
    }

    /// All of its code, answers included.
    pub fn snippets(&self) -> impl Iterator<Item = &Snippet> {
        self.blocks().flat_map(|block| match block {
            Block::Code(one) => std::slice::from_ref(one),
            Block::Tabs(several) => several,
            _ => &[],
        })
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.sections.iter().flat_map(|section| &section.blocks)
    }
}

impl Section {
    fn new(title: impl Into<String>, blocks: Vec<Block>) -> Self {
        Self { title: title.into(), blocks }
    }

    /// The name by which links lead to it.
    pub fn id(&self) -> String {
        anchor(&self.title)
    }
}

impl Table {
    fn new<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [Text; N]>) -> Self {
        let column = |title: &str| Column { title: title.to_owned(), numeric: false };
        Self { head: head.into_iter().map(column).collect(), rows: rows.into_iter().map(Vec::from).collect() }
    }

    /// Without columns in which nothing stands.
    fn without_empty_columns(mut self) -> Self {
        let kept: Vec<bool> = (0..self.head.len())
            .map(|column| self.rows.iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_empty())))
            .collect();
        let keep = |position: &mut usize| {
            *position += 1;
            kept.get(*position - 1).copied().unwrap_or_default()
        };
        let mut position = 0;
        self.head.retain(|_| keep(&mut position));
        for row in &mut self.rows {
            let mut position = 0;
            row.retain(|_| keep(&mut position));
        }
        self
    }
}

/// The name by which links lead to a heading, as Markdown's renderers make it.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-')).collect::<String>();
    kept.replace(' ', "-")
}
