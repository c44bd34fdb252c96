//! The page's table of contents for language models, after <https://llmstxt.org>: a heading, a quotation, then links.

use std::fmt::Write as _;

use super::markdown::inline;
use super::{Block, Page};

/// The page's name as Markdown, below its address.
pub(crate) const MARKDOWN: &str = "authentication.md";

/// The name of the table of contents.
pub(crate) const LLMS: &str = "llms.txt";

/// The name of the OpenAPI document beside it.
pub(crate) const OPENAPI: &str = "openapi.json";

impl Page {
    /// The page's `llms.txt`. Links begin with `below`, which is empty for a file beside the page.
    pub fn llms(&self, below: &str) -> String {
        let mut text = format!("# {}\n\n> {}\n\n", self.title, inline(&self.lead));
        // Writing into a string succeeds, here and below.
        let _ = writeln!(
            text,
            "The code in this documentation reads the API key from the environment variable `{}`.",
            self.variable
        );
        if let Some(call) = self.snippets().find(|snippet| snippet.label == "curl") {
            let _ = writeln!(text, "\n```{}\n{}\n```", call.language, call.code);
        }
        let _ = writeln!(text, "\n## Documentation\n");
        let _ = writeln!(text, "- [Authentication]({below}{MARKDOWN}): everything about keys, on one page");
        for section in &self.sections {
            let topics =
                section.blocks.iter().filter_map(|block| if let Block::Heading(title) = block { Some(title) } else { None });
            let topics: Vec<String> = topics.map(|title| lowered(title)).collect();
            let note = if topics.is_empty() { String::new() } else { format!(": {}", topics.join(", ")) };
            let _ = writeln!(text, "- [{}]({below}{MARKDOWN}#{}){note}", section.title, section.id());
        }
        if self.has_openapi {
            let _ = writeln!(text, "\n## Optional\n");
            let _ = writeln!(text, "- [OpenAPI]({below}{OPENAPI}): managing keys over HTTP, for generators of clients");
        }
        text
    }
}

fn lowered(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}
