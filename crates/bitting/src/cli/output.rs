//! What is printed, and where: results on standard output, all else on standard error, colour only on a terminal.

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use bitting_core::time::Timestamp;
use serde::Serialize;

use crate::failure::Failure;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const QUIET: Style = Style::new().dimmed();
const STRONG: Style = Style::new().bold();

/// A line of the result.
pub(super) fn say(line: &str) -> Result<(), Failure> {
    match print(line) {
        // A reader that has gone away has read enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::other(format!("standard output: {error}"))),
        _ => Ok(()),
    }
}

/// A result that cannot be had a second time. `lost` says what to do if it cannot be printed.
pub(super) fn say_once(line: &str, lost: &str) -> Result<(), Failure> {
    print(line).map_err(|error| Failure::other(format!("standard output: {error}\n{lost}")))
}

fn print(line: &str) -> std::io::Result<()> {
    let mut out = anstream::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}

/// A line about the result.
pub(super) fn note(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// How far something is, on one line that is written over, if somebody looks.
pub(super) fn progress(verb: &str, done: usize, all: usize) {
    if std::io::stderr().is_terminal() {
        let end = if done >= all { "\r\u{1b}[K" } else { "" };
        let _ = write!(anstream::stderr(), "\r{verb} {done} of {all}{end}");
    }
}

/// Why the command failed.
pub(super) fn complain(failure: &Failure) {
    let text = failure.to_string();
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    note(&format!("{ERROR}error{ERROR:#}: {first}"));
    if !rest.is_empty() {
        note(rest);
    }
}

/// The result as JSON.
pub(super) fn say_json(value: &impl Serialize) -> Result<(), Failure> {
    say(&to_json(value)?)
}

/// As it is printed.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(Failure::other)
}

/// Rows under a head, in columns as wide as what stands in them.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![format!("{STRONG}{}{STRONG:#}", line(&mut head.iter().copied()))];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

/// Names and values, one to a line.
pub(super) fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| format!("{QUIET}{name:width$}{QUIET:#}  {value}");
    facts.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A time as people read it: nobody needs its milliseconds.
pub(super) fn second(at: Timestamp) -> String {
    let ms = at.as_millis();
    Timestamp::from_millis(ms - ms % 1000).to_string()
}
