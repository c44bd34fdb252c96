//! Reading configuration: no text panics, and every problem has a place inside its text.
#![no_main]

use std::path::Path;

use bitting::config::{Source, load};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // The last line is an option.
    let (text, option) = text.rsplit_once('\n').unwrap_or((text, ""));
    let overrides = if option.contains('=') { vec![option.to_owned()] } else { Vec::new() };
    let loaded = load(vec![Source { name: "fuzz".to_owned(), text: text.to_owned() }], &overrides, Path::new("."), &std::sync::Arc::default());
    assert!(loaded.config.is_some() || loaded.problems.has_errors());
    for problem in &loaded.problems.0 {
        let (line, column) = problem.at.line_and_column();
        assert!(line >= 1 && column >= 1 && problem.at.span.end <= problem.at.source.text.len());
    }
    let _ = loaded.problems.render(false);
});
