//! `bitting keys import`
//!
//! First everything is read, then everything is checked, against the configuration, the store and the rest of the file; only
//! then is anything written, in parts of one commit each. A part is there whole or not at all, and what is there already is
//! skipped, so an import that was cut short is completed by running it again.

mod field;
mod file;

use std::collections::HashMap;

use bitting_core::key::{Digest, KeyId};
use bitting_core::time::Timestamp;
use bitting_engine::{Clock as _, Entropy, ServedApi, Violation, WallClock};
use bitting_store::{Change, ImportStanding, ImportedKey};
use serde::Serialize;
use serde_json::json;

use self::file::Row;
use super::context::Context;
use super::options::Import;
use super::output::{note, progress, say_json};
use crate::failure::{Failure, FailureKind};

/// The most keys in one commit. More would hold up the changes of others for longer than anybody notices.
const PART: usize = 500;

/// The most bytes of JSON in one commit, so that a part of keys with large notes fits into one question to the server.
const PART_BYTES: usize = 1 << 20;

/// How many bad rows are shown.
const SHOWN: usize = 100;

/// Something wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Problem {
    /// The line that the row begins in, from 1 on.
    line: u64,
    /// The field; empty if it is the row as a whole.
    field: String,
    /// What is wrong and what would be right.
    message: String,
}

/// A row that can be read.
struct Candidate {
    line: u64,
    key: ImportedKey,
}

/// Imports a file.
pub(super) async fn run(context: &Context, options: Import, json: bool) -> Result<(), Failure> {
    let api = context.api(options.api.api.as_deref())?;
    let (rows, mut problems) = file::read(&options.file, options.format)?;
    let count = rows.len();
    let candidates = read_rows(rows, &api, WallClock.now(), &mut problems)?;
    find_twins(&candidates, &mut problems);
    let mut parts = parts(candidates);
    let (mut there, mut done) = (0, 0);
    for part in &parts {
        there += preview(context, &api.name, part, &mut problems).await?;
        done += part.len();
        progress("checked", done, count);
    }
    if !problems.is_empty() {
        return Err(refuse(problems, json)?);
    }
    let id = import_id(WallClock.now())?;
    let mut imported = count - there;
    if !options.dry_run {
        imported = 0;
        let mut done = 0;
        for part in std::mem::take(&mut parts) {
            done += part.len();
            let keys = part.into_iter().map(|candidate| candidate.key).collect();
            let change = Change::ImportKeys { api: api.name.to_string(), import: id.clone(), keys };
            let written = context.owner.commit(change).await.map_err(|failure| cut_short(&failure, imported))?;
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

fn read_rows(rows: Vec<Row>, api: &ServedApi, now: Timestamp, problems: &mut Vec<Problem>) -> Result<Vec<Candidate>, Failure> {
    let mut candidates = Vec::with_capacity(rows.len());
    for Row { line, fields } in rows {
        let random = Entropy.random().map_err(Failure::other)?;
        match field::key(fields, api, now, random) {
            Ok(key) => candidates.push(Candidate { line, key }),
            Err(violations) => problems.extend(at_line(line, violations)),
        }
    }
    Ok(candidates)
}

fn at_line(line: u64, violations: Vec<Violation>) -> impl Iterator<Item = Problem> {
    violations.into_iter().map(move |Violation { field, message }| Problem { line, field, message })
}

/// The same key or the same id in two rows: which one counts must be plain.
fn find_twins(candidates: &[Candidate], problems: &mut Vec<Problem>) {
    let (mut hashes, mut ids): (HashMap<Digest, u64>, HashMap<KeyId, u64>) = Default::default();
    for Candidate { line, key } in candidates {
        let twins = [("hash", hashes.insert(key.hash.digest(), *line)), ("id", ids.insert(key.id, *line))];
        for (field, first) in twins {
            let message = |first| format!("the row in line {first} has the same");
            problems.extend(first.map(|first| Problem { line: *line, field: field.to_owned(), message: message(first) }));
        }
    }
}

fn parts(candidates: Vec<Candidate>) -> Vec<Vec<Candidate>> {
    let (mut parts, mut bytes): (Vec<Vec<Candidate>>, usize) = (Vec::new(), 0);
    for candidate in candidates {
        let size = serde_json::to_string(&candidate.key).map_or(PART_BYTES, |text| text.len());
        match parts.last_mut() {
            Some(part) if part.len() < PART && bytes + size <= PART_BYTES => {
                part.push(candidate);
                bytes += size;
            }
            _ => {
                parts.push(vec![candidate]);
                bytes = size;
            }
        }
    }
    parts
}

/// Says how many keys of a part are there already.
async fn preview(context: &Context, api: &str, part: &[Candidate], problems: &mut Vec<Problem>) -> Result<usize, Failure> {
    let keys = part.iter().map(|candidate| candidate.key.clone()).collect();
    let mut there = 0;
    for finding in context.owner.preview(api, keys).await? {
        let line = part.get(finding.number).map_or(0, |candidate| candidate.line);
        problems.extend(at_line(line, finding.violations));
        let (field, message) = match finding.standing {
            ImportStanding::New => continue,
            ImportStanding::There => {
                there += 1;
                continue;
            }
            ImportStanding::Elsewhere => ("hash", "another API has this key; a key can belong to one"),
            ImportStanding::IdTaken => ("id", "another key has this id; leave it out to have a new one"),
        };
        problems.push(Problem { line, field: field.to_owned(), message: message.to_owned() });
    }
    Ok(there)
}

/// Every bad row by its line and field, as many as can be read.
fn refuse(mut problems: Vec<Problem>, json: bool) -> Result<Failure, Failure> {
    problems.sort_by_key(|problem| problem.line);
    if json {
        say_json(&json!({"problems": problems}))?;
    }
    let mut lines: Vec<String> = problems.iter().take(SHOWN).map(Problem::text).collect();
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

/// The id by which the audit log knows this import.
fn import_id(now: Timestamp) -> Result<String, Failure> {
    let id = KeyId::new(now, Entropy.random().map_err(Failure::other)?).to_string();
    Ok(id.replacen("key_", "imp_", 1))
}

impl Problem {
    fn text(&self) -> String {
        let Self { line, field, message } = self;
        if field.is_empty() { format!("line {line}: {message}") } else { format!("line {line}: {field}: {message}") }
    }
}
