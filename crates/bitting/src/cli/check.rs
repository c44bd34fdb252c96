//! `bitting check [FILE…]`

use std::path::PathBuf;

use super::context::{configured, load_files, show, wrong_configuration};
use super::options::Shared;
use super::output::{note, say, say_json};
use crate::config::{Problem, Problems};
use crate::failure::Failure;

/// Checks each file by itself, or those that are read as one, and shows everything that is wrong with them.
pub(super) fn check(files: &[PathBuf], shared: &Shared) -> Result<(), Failure> {
    let read_as_one =
        if files.is_empty() { vec![configured(shared)?] } else { files.iter().map(|f| vec![f.clone()]).collect() };
    let mut all = Problems::default();
    for files in read_as_one {
        let loaded = load_files(&files, shared)?;
        if !shared.json {
            if !loaded.problems.0.is_empty() {
                show(&loaded.problems);
            }
            let (errors, warnings) = loaded.problems.counts();
            let names = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" and ");
            let line = format!("{names}: {}, {}", count(errors, "error"), count(warnings, "warning"));
            if errors == 0 { say(&line)? } else { note(&line) }
        }
        all.0.extend(loaded.problems.0);
    }
    if shared.json {
        say_json(&all.0.iter().map(Problem::report).collect::<Vec<_>>())?;
    }
    if all.has_errors() { Err(wrong_configuration(&all)) } else { Ok(()) }
}

fn count(number: usize, of: &str) -> String {
    match number {
        0 => format!("no {of}s"),
        1 => format!("1 {of}"),
        many => format!("{many} {of}s"),
    }
}
