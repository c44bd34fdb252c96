//! The page as Markdown (`CommonMark`, with GitHub's tables).

use std::fmt::Write as _;

use http::StatusCode;

use super::{Block, Page, Refusal, Section, Snippet, Span, Table, Text};

impl Page {
    /// The page as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}: authentication\n\n{}\n", escaped(&self.title), inline(&self.lead));
        for section in &self.sections {
            write_section(section, &mut text);
        }
        text
    }
}

fn write_section(section: &Section, text: &mut String) {
    // Writing into a string succeeds, here and below.
    let _ = write!(text, "\n## {}\n", escaped(&section.title));
    let mut level = "###";
    for block in &section.blocks {
        text.push('\n');
        write_block(block, level, text);
        if let Block::Heading(_) = block {
            level = "####";
        }
    }
}

/// `level` marks the headings of what a block is made of.
fn write_block(block: &Block, level: &str, text: &mut String) {
    let _ = match block {
        Block::Heading(title) => writeln!(text, "### {}", escaped(title)),
        Block::Paragraph(paragraph) => writeln!(text, "{}", inline(paragraph)),
        Block::Steps(steps) => {
            steps.iter().zip(1..).try_for_each(|(step, number)| writeln!(text, "{number}. {}", inline(step)))
        }
        Block::List(items) => items.iter().try_for_each(|item| writeln!(text, "- {}", inline(item))),
        Block::Notice { title, text: notice } => writeln!(text, "> **{}.** {}", escaped(title), inline(notice)),
        Block::Table(table) => {
            write_table(table, text);
            Ok(())
        }
        Block::Code(snippet) => {
            write_code(&snippet.language, &snippet.code, text);
            Ok(())
        }
        Block::Tabs(snippets) => {
            write_tabs(snippets, text);
            Ok(())
        }
        Block::Refusals(refusals) => {
            write_refusals(refusals, level, text);
            Ok(())
        }
    };
}

fn write_table(table: &Table, text: &mut String) {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    text.push_str(&row(table.head.iter().map(|column| in_cell(&escaped(&column.title))).collect()));
    let rule = |numeric: bool| if numeric { "---:" } else { "---" };
    text.push_str(&row(table.head.iter().map(|column| rule(column.numeric).to_owned()).collect()));
    for cells in &table.rows {
        text.push_str(&row(cells.iter().map(|cell| in_cell(&inline(cell))).collect()));
    }
}

fn write_tabs(snippets: &[Snippet], text: &mut String) {
    for (position, snippet) in snippets.iter().enumerate() {
        let _ = writeln!(text, "{}{}:\n", if position == 0 { "" } else { "\n" }, escaped(&snippet.label));
        write_code(&snippet.language, &snippet.code, text);
    }
}

/// A heading for each status, and below it each body with what it is for.
fn write_refusals(refusals: &[Refusal], level: &str, text: &mut String) {
    let mut statuses: Vec<StatusCode> = Vec::new();
    for refusal in refusals {
        if !statuses.contains(&refusal.status) {
            statuses.push(refusal.status);
        }
    }
    for (position, status) in statuses.into_iter().enumerate() {
        let _ = writeln!(text, "{}{level} {}", if position == 0 { "" } else { "\n" }, name(status));
        for refusal in refusals.iter().filter(|refusal| refusal.status == status) {
            let _ = writeln!(text, "\n{} {}\n", inline(&refusal.when), inline(&refusal.cure));
            write_code(refusal.language, &refusal.body, text);
        }
    }
}

/// A status with its name.
pub(super) fn name(status: StatusCode) -> String {
    status.canonical_reason().map_or_else(|| status.as_str().to_owned(), |name| format!("{} {name}", status.as_str()))
}

/// A block of code, in a fence that is longer than any in it.
fn write_code(language: &str, code: &str, text: &mut String) {
    let fence = "`".repeat(longest_run(code).max(2) + 1);
    let _ = writeln!(text, "{fence}{language}\n{}\n{fence}", code.trim_end_matches('\n'));
}

/// A text inside a paragraph.
pub(super) fn inline(text: &Text) -> String {
    let span = |span: &Span| match span {
        Span::Words(words) => escaped(words),
        Span::Code(code) => in_backticks(code),
        Span::Strong(name) => format!("**{}**", escaped(name)),
        Span::Link { words, address } => format!("[{}]({address})", escaped(words)),
    };
    text.spans().iter().map(span).collect()
}

fn in_backticks(code: &str) -> String {
    let run = longest_run(code);
    let (ticks, space) = ("`".repeat(run + 1), if run > 0 { " " } else { "" });
    // A line break in it would end a table's row.
    format!("{ticks}{space}{}{space}{ticks}", code.replace('\n', " "))
}

fn longest_run(code: &str) -> usize {
    code.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// Words of which nothing is taken for a mark.
fn escaped(words: &str) -> String {
    let mut text = String::new();
    for c in words.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' => text.extend(['\\', c]),
            '\n' => text.push(' '),
            c => text.push(c),
        }
    }
    text
}

/// A cell of a table, whose code can have bars in it too.
fn in_cell(cell: &str) -> String {
    cell.replace("\\|", "|").replace('|', "\\|")
}
