//! `bitting check FILE…`

use std::path::{Path, PathBuf};

use super::context::{read, show, wrong_configuration};
use super::options::Shared;
use super::output::{note, say, say_json};
use crate::config::{self, Problems};
use crate::failure::Failure;

/// Checks each file by itself and shows everything that is wrong with all of them.
pub(super) fn check(files: &[PathBuf], shared: &Shared) -> Result<(), Failure> {
    let mut all = Problems::default();
    for file in files {
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        let loaded = config::load(vec![read(file)?], &shared.set, &folder);
        if !shared.json {
            if !loaded.problems.0.is_empty() {
                show(&loaded.problems);
            }
            let (errors, warnings) = loaded.problems.counts();
            let line = format!("{}: {}, {}", file.display(), count(errors, "error"), count(warnings, "warning"));
            if errors == 0 { say(&line) } else { note(&line) }
        }
        all.0.extend(loaded.problems.0);
    }
    if shared.json {
        say_json(&all.0.iter().map(config::Problem::report).collect::<Vec<_>>())?;
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
