//! What is wrong with a configuration, shown where it stands.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity, SourceCode};
use serde::Serialize;

/// A text that configuration was read from: a file, or an option of the command line.
#[derive(Debug)]
pub struct Source {
    /// The file's path, or the option's name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A place in a source.
#[derive(Debug, Clone)]
pub struct Location {
    /// The source.
    pub source: Arc<Source>,
    /// The bytes.
    pub span: Range<usize>,
}

/// Something wrong, or questionable, with one place.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Whether the configuration can be used all the same.
    pub is_warning: bool,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Where.
    pub at: Location,
    /// A second place that it has to do with, and what that is.
    pub other: Option<(Location, String)>,
}

/// All that is wrong with a configuration, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct Problems(pub Vec<Problem>);

/// A problem as a program reads it.
#[derive(Debug, Serialize)]
pub struct ProblemReport<'p> {
    severity: &'static str,
    file: &'p str,
    line: usize,
    column: usize,
    message: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'p str>,
}

impl Location {
    /// Line and column, both from 1; the column counts characters.
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = self.source.text.get(..self.span.start).unwrap_or(&self.source.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The whole of a source.
    pub fn start_of(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), span: 0..0 }
    }
}

impl Problem {
    /// For programs.
    pub fn report(&self) -> ProblemReport<'_> {
        let (line, column) = self.at.line_and_column();
        ProblemReport {
            severity: if self.is_warning { "warning" } else { "error" },
            file: &self.at.source.name,
            line,
            column,
            message: &self.message,
            help: self.help.as_deref(),
        }
    }
}

impl Problems {
    /// Whether there is more than warnings.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| !problem.is_warning)
    }

    /// How many errors and warnings there are.
    pub fn counts(&self) -> (usize, usize) {
        let warnings = self.0.iter().filter(|problem| problem.is_warning).count();
        (self.0.len() - warnings, warnings)
    }

    /// Each with its lines of the file, for people. `colour` is for terminals.
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(120).with_context_lines(1);
        let mut text = String::new();
        for problem in &self.0 {
            // Writing to a String cannot fail.
            let _ = handler.render_report(&mut text, &Shown::new(problem));
            text.push('\n');
        }
        text
    }
}

/// A problem as miette draws it.
#[derive(Debug)]
struct Shown<'p> {
    problem: &'p Problem,
    source: NamedSource<String>,
}

impl<'p> Shown<'p> {
    fn new(problem: &'p Problem) -> Self {
        let source = &problem.at.source;
        Self { problem, source: NamedSource::new(&source.name, source.text.clone()) }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<Severity> {
        Some(if self.problem.is_warning { Severity::Warning } else { Severity::Error })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let here = LabeledSpan::new_primary_with_span(None, self.problem.at.span.clone());
        let same_source = |at: &Location| Arc::ptr_eq(&at.source, &self.problem.at.source);
        let other = self.problem.other.iter().filter(move |(at, _)| same_source(at));
        let other = other.map(|(at, what)| LabeledSpan::new_with_span(Some(what.clone()), at.span.clone()));
        Some(Box::new(std::iter::once(here).chain(other)))
    }
}
