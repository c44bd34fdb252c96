//! `bitting keys import`
//!
//! First everything is read, then everything is checked, against the configuration, the store and the rest of the file; only
//! then is anything written, in parts of one commit each. A part is there whole or not at all, and what is there already is
//! skipped, so an import that was cut short is completed by running it again.

mod file;

use bitting_engine::{Clock as _, RowProblem, Sheet, WallClock, import_id};
use serde_json::json;

use super::context::Context;
use super::options::Import;
use super::output::{note, progress, say_json};
use crate::failure::{Failure, FailureKind};

/// How many bad rows are shown.
const SHOWN: usize = 100;

/// Imports a file.
pub(super) async fn run(context: &Context, options: Import, json: bool) -> Result<(), Failure> {
    let api = context.api(options.api.api.as_deref())?;
    let (bytes, format) = file::read(&options.file, options.format)?;
    let Sheet { rows: count, parts, mut problems } =
        Sheet::read(&bytes, format, &api, WallClock.now()).map_err(Failure::other)?;
    let (mut there, mut done) = (0, 0);
    for part in &parts {
        let findings = context.owner.preview(&api.name, part.keys().to_vec()).await?;
        there += part.judge(findings, &mut problems);
        done += part.keys().len();
        progress("checked", done, count);
    }
    if !problems.is_empty() {
        return Err(refuse(problems, json)?);
    }
    let id = import_id(WallClock.now()).map_err(Failure::other)?;
    let mut imported = count - there;
    if !options.dry_run {
        imported = 0;
        let mut done = 0;
        for part in parts {
            done += part.keys().len();
            let written =
                context.owner.commit(part.change(&api.name, &id)).await.map_err(|failure| cut_short(&failure, imported))?;
            imported += written.keys.len();
            progress("imported", done, count);
        }
    }
    if json {
        let import = (!options.dry_run).then_some(id);
        let there = count - imported;
        return say_json(&json!({
            "api": *api.name, "dry_run": options.dry_run, "import": import, "rows": count, "imported": imported,
            "there_already": there,
        }));
    }
    let verb = if options.dry_run { "would be imported" } else { "imported" };
    note(&format!("{}: {imported} {verb}, {} there already", api.name, count - imported));
    Ok(())
}

/// Every bad row by its line and field, as many as can be read.
fn refuse(mut problems: Vec<RowProblem>, json: bool) -> Result<Failure, Failure> {
    problems.sort_by_key(|problem| problem.line);
    if json {
        say_json(&json!({"problems": problems}))?;
    }
    let mut lines: Vec<String> = problems.iter().take(SHOWN).map(text).collect();
    if problems.len() > SHOWN {
        lines.push(format!("and {} more", problems.len() - SHOWN));
    }
    let plural = if problems.len() == 1 { "one thing is" } else { "these things are" };
    let message = format!("nothing was imported: {plural} wrong\n{}", lines.join("\n"));
    Ok(Failure::of(FailureKind::Refused, message))
}

fn cut_short(failure: &Failure, imported: usize) -> Failure {
    let cure = "run the same import again when that is mended: what is there is skipped";
    Failure::of(failure.kind(), format!("{failure}\n{imported} keys were imported before; {cure}"))
}

fn text(problem: &RowProblem) -> String {
    format!("{}: {}", problem.place(), problem.message)
}
