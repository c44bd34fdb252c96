//! `bitting keys export` and `bitting audit export`

use bitting_core::record::Sequence;
use serde::Serialize;

use super::context::Context;
use super::options::{ApiChoice, Shared};
use super::output::say;
use crate::failure::Failure;

/// How many rows are asked for at once.
const PAGE: usize = 500;

/// Prints the keys of an API, oldest first, one in each line. It is no picture of one moment: a key that is changed meanwhile
/// is shown before or after the change.
pub(super) async fn keys(context: &Context, api: &ApiChoice, hashes: bool) -> Result<(), Failure> {
    let api = context.api(api.api.as_deref())?;
    let mut after = None;
    loop {
        let page = context.owner.export(&api.name, after, PAGE, hashes).await?;
        say_lines(&page)?;
        after = page.last().map(|key| key.row.id);
        if page.len() < PAGE {
            return Ok(());
        }
    }
}

/// Prints the audit log, oldest first, one change in each line.
pub(super) async fn audit(api: Option<String>, shared: &Shared) -> Result<(), Failure> {
    let context = Context::new(shared).await?;
    let api = api.map(|name| context.api(Some(&name))).transpose()?;
    let mut after = Sequence::default();
    loop {
        let page = context.owner.audit(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.sequence;
        say_lines(page.iter().filter(|row| api.as_ref().is_none_or(|api| *row.api == *api.name)))?;
    }
}

fn say_lines<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Result<(), Failure> {
    let lines: Result<Vec<String>, _> = rows.into_iter().map(|row| serde_json::to_string(&row)).collect();
    let lines = lines.map_err(Failure::other)?;
    if lines.is_empty() { Ok(()) } else { say(&lines.join("\n")) }
}
