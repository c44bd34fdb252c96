//! What is to be imported, as somebody wrote it: the same for a file at the command line and a body over HTTP.
//!
//! A [`Sheet`] is read whole and compared with itself; then each part is [previewed](preview_import) against the configuration
//! and the store; then each part is one change. A part is written whole or not at all, and what is there already is skipped,
//! so an import that was cut short is completed by making it again.

use std::collections::HashMap;

use bitting_core::api::Api;
use bitting_core::key::{Digest, KeyId};
use bitting_core::time::Timestamp;
use bitting_store::{Change, ImportStanding, ImportedKey, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::row;
use super::rows::{self, Row};
use crate::apis::Apis;
use crate::desk::{MOST_IMPORTED, Violation, check_imported};
use crate::entropy::{Entropy, EntropyError};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetFormat {
    /// A JSON object in each line.
    JsonLines,
    /// Comma-separated values, with the names of the columns in the first line.
    Csv,
}

/// Something wrong with a row. It repeats nothing that stands in the row, which could be a key in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// The line that the row begins in, from 1 on.
    pub line: u64,
    /// The field; empty if it is the row as a whole.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Keys to import.
pub struct Sheet {
    /// How many rows could be read at all.
    pub rows: usize,
    /// What is right as far as that can be told from the sheet alone.
    pub parts: Vec<SheetPart>,
    /// What is not.
    pub problems: Vec<RowProblem>,
}

/// As many keys as one change may hold.
#[derive(Default)]
pub struct SheetPart {
    lines: Vec<u64>,
    keys: Vec<ImportedKey>,
}

/// What there is to say of a key that is to be imported.
#[derive(Debug, Serialize, Deserialize)]
pub struct ImportFinding {
    /// Its number among those that were asked about.
    pub number: usize,
    /// How it stands to what is in the store.
    pub standing: ImportStanding,
    /// What is wrong with it.
    pub violations: Vec<Violation>,
}

/// The most bytes of JSON in one change. Keys with large notes take the writer as long as many small ones.
const PART_BYTES: usize = 256 << 10;

/// The most between two ids that follow each other: enough room for four thousand million in the 80 random bits of an id.
const GAP: u128 = 1 << 48;

impl Sheet {
    /// Reads keys of an API.
    ///
    /// # Errors
    /// If there is no randomness for the ids of keys that have none.
    pub fn read(content: &[u8], format: SheetFormat, api: &Api, now: Timestamp) -> Result<Self, EntropyError> {
        let (rows, mut problems) = rows::read(content, format);
        let count = rows.len();
        let mut keys = Vec::with_capacity(count);
        let mut random = Entropy.random()?;
        for Row { line, fields } in rows {
            // Ids of one moment that follow each other in the order of their rows stand side by side in every index that ends
            // with the id. With ids in any order each key would touch a page of its own in each of them.
            random = random.wrapping_add(Entropy.random()? % GAP + 1);
            match row::key(fields, api, now, random) {
                Ok(key) => keys.push((line, key)),
                Err(violations) => problems.extend(at_line(line, violations)),
            }
        }
        find_twins(&api.name, &keys, &mut problems);
        Ok(Self { rows: count, parts: parts(keys), problems })
    }
}

impl SheetPart {
    /// The keys, in the order of their rows.
    pub fn keys(&self) -> &[ImportedKey] {
        &self.keys
    }

    /// What was found of its keys, in words, and how many of them are there already.
    pub fn judge(&self, findings: Vec<ImportFinding>, problems: &mut Vec<RowProblem>) -> usize {
        let mut there = 0;
        for finding in findings {
            let line = self.lines.get(finding.number).copied().unwrap_or_default();
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
            problems.push(RowProblem { line, field: field.to_owned(), message: message.to_owned() });
        }
        there
    }

    /// The change that takes its keys in.
    pub fn change(self, api: &str, import: &str) -> Change {
        Change::ImportKeys { api: api.to_owned(), import: import.to_owned(), keys: self.keys }
    }
}

impl RowProblem {
    /// Where it is, as in `line 3: permissions`.
    pub fn place(&self) -> String {
        let Self { line, field, .. } = self;
        if field.is_empty() { format!("line {line}") } else { format!("line {line}: {field}") }
    }
}

/// What would become of keys if they were imported. Those that are new and right are not mentioned.
///
/// # Errors
/// If the store cannot be read.
pub async fn preview_import(
    store: &dyn Store,
    apis: &Apis,
    api: &str,
    keys: &[ImportedKey],
    now: Timestamp,
) -> Result<Vec<ImportFinding>, StoreError> {
    let standings = store.standings(api, keys.iter().map(|key| (key.id, key.hash.clone())).collect()).await?;
    let mut wrong = check_imported(apis, api, keys, now).into_iter().peekable();
    let findings = standings.into_iter().enumerate().filter_map(|(number, standing)| {
        let violations = wrong.next_if(|(of, _)| *of == number).map_or_else(Vec::new, |(_, violations)| violations);
        let worth_telling = standing != ImportStanding::New || !violations.is_empty();
        worth_telling.then_some(ImportFinding { number, standing, violations })
    });
    Ok(findings.collect())
}

/// An id by which the audit log knows an import.
///
/// # Errors
/// If there is no randomness.
pub fn import_id(now: Timestamp) -> Result<String, EntropyError> {
    Ok(KeyId::new(now, Entropy.random()?).to_string().replacen("key_", "imp_", 1))
}

fn at_line(line: u64, violations: Vec<Violation>) -> impl Iterator<Item = RowProblem> {
    violations.into_iter().map(move |Violation { field, message }| RowProblem { line, field, message })
}

/// The same key or the same id in two rows: which one counts must be plain.
fn find_twins(api: &str, keys: &[(u64, ImportedKey)], problems: &mut Vec<RowProblem>) {
    let (mut hashes, mut ids): (HashMap<Digest, u64>, HashMap<KeyId, u64>) = Default::default();
    for (line, key) in keys {
        let twins = [("hash", hashes.insert(key.hash.place(api), *line)), ("id", ids.insert(key.id, *line))];
        for (field, first) in twins {
            let message = |first| format!("the row in line {first} has the same");
            problems.extend(first.map(|first| RowProblem { line: *line, field: field.to_owned(), message: message(first) }));
        }
    }
}

fn parts(keys: Vec<(u64, ImportedKey)>) -> Vec<SheetPart> {
    let (mut parts, mut bytes): (Vec<SheetPart>, usize) = (Vec::new(), 0);
    for (line, key) in keys {
        let size = serde_json::to_string(&key).map_or(PART_BYTES, |text| text.len());
        if parts.last().is_none_or(|part| part.keys.len() == MOST_IMPORTED || bytes + size > PART_BYTES) {
            parts.push(SheetPart::default());
            bytes = 0;
        }
        bytes += size;
        if let Some(part) = parts.last_mut() {
            part.lines.push(line);
            part.keys.push(key);
        }
    }
    parts
}
