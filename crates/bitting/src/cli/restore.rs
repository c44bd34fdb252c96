//! `bitting restore FILE`
//!
//! A backup brings back what was revoked after it. So before it takes the store's place, what that would undo is found out: from
//! the store that is there, by comparing key with key, whatever happened in between; and where there is none, from an audit
//! export. Everything is done on a copy, and the last step is one renaming.

mod replay;
mod undone;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use bitting_engine::{Clock as _, WallClock};
use bitting_store::{
    AccountRow, ChangeLog as _, KeyReader as _, MeterLog as _, OwnerLock, Purchase, Restoration, RingRow, RingSource as _,
    SqliteStore, StoreErrorKind, Window,
};
use serde_json::json;

use self::replay::Told;
use self::undone::Restriction;
use super::context::load;
use super::options::{Restore, Shared};
use super::output::{note, say_json};
use crate::failure::{Failure, FailureKind};

/// How many lines are shown.
const SHOWN: usize = 100;

/// How many keys are compared at once.
const PAGE: usize = 20_000;

/// What is known of the present store.
enum Present {
    /// It was compared with the backup, and this would be undone.
    Compared(Vec<Restriction>),
    /// There is none.
    Absent,
    /// It cannot be read, for this reason.
    Unreadable(String),
}

/// Puts a backup in the store's place.
pub(super) async fn run(options: Restore, shared: &Shared) -> Result<(), Failure> {
    let store = load(shared)?.store;
    let lock = OwnerLock::acquire(&store).map_err(|error| match error.kind() {
        StoreErrorKind::Owned => Failure::of(FailureKind::Store, format!("{error}\nstop the server first, then restore")),
        _ => error.into(),
    })?;
    let told = options.replay.as_deref().map(Told::read).transpose()?;
    let restoration = Restoration::prepare(&store, &options.file)?;
    let copy = restoration.store();
    let backed_up = copy.progress().await?.time;
    let replayed = match &told {
        Some(told) => told.replay(copy).await?,
        None => Vec::new(),
    };
    let (lock, present) = compare(lock, copy).await?;
    let now = WallClock.now().max(backed_up);
    // What had expired when it was put aside stays expired, wherever the clock goes.
    copy.keep_time(now).await?;
    judge(&present, &replayed, told.is_some(), &options, backed_up)?;
    let aside = aside(&store, now);
    let is_kept = store.exists();
    restoration.finish(&lock, &aside)?;
    let undone = if let Present::Compared(undone) = &present { undone.as_slice() } else { &[] };
    if shared.json {
        let kept = is_kept.then_some(&aside);
        return say_json(&json!({"store": store, "kept": kept, "replayed": replayed, "undone": undone}));
    }
    tell("made again from the audit export:", &replayed);
    tell("undone, as was asked for:", undone);
    note(&format!("{} is as it was backed up at {backed_up}", store.display()));
    if is_kept {
        note(&format!("what was there before is kept as {}", aside.display()));
    }
    Ok(())
}

/// Compares the present store with what would take its place, and keeps its lock.
async fn compare(lock: OwnerLock, copy: &SqliteStore) -> Result<(OwnerLock, Present), Failure> {
    let path = lock.store().to_owned();
    if !path.exists() {
        return Ok((lock, Present::Absent));
    }
    let unreadable = |error: &dyn std::fmt::Display| Present::Unreadable(error.to_string());
    let store = match SqliteStore::open(lock) {
        Ok(store) => store,
        Err(error) => return Ok((OwnerLock::acquire(&path)?, unreadable(&error))),
    };
    let differences = async {
        keep_windows(&store, copy).await?;
        differences(&store, copy).await
    };
    let compared = match differences.await {
        Ok(undone) => Present::Compared(undone),
        Err(error) => unreadable(&error),
    };
    Ok((store.close()?, compared))
}

/// Has limits remember what was used of them since the backup. Nobody revokes or restricts anything by it, so it is not told.
async fn keep_windows(present: &SqliteStore, copy: &SqliteStore) -> Result<(), Failure> {
    let windows = present.windows(WallClock.now()).await?;
    let purchase = |(window, bought): &(Window, u64)| Purchase { window: window.clone(), more: *bought, at_most: *bought };
    for part in windows.chunks(PAGE) {
        copy.buy(part.iter().map(purchase).collect()).await?;
    }
    Ok(())
}

/// What the present store takes away from keys and accounts as they are in the copy.
async fn differences(present: &SqliteStore, copy: &SqliteStore) -> Result<Vec<Restriction>, Failure> {
    let mut undone = Vec::new();
    let accounts = present.ring_accounts().await?.into_iter().map(|row| ((row.api.clone(), row.id.clone()), row));
    let accounts: HashMap<(String, AccountId), AccountRow> = accounts.collect();
    for before in copy.ring_accounts().await? {
        let later = accounts.get(&(before.api.clone(), before.id.clone()));
        undone.extend(later.and_then(|later| undone::of_account(&before, later)));
    }
    let mut after = None;
    loop {
        let page = copy.ring_keys(after, PAGE).await?;
        let Some(last) = page.last().map(|row| row.id) else { return Ok(undone) };
        let later = keys_between(present, after, last).await?;
        for before in &page {
            let Some(later) = later.get(&before.id).filter(|later| !is_same(before, later)) else { continue };
            let rows = (copy.key(&before.api, before.id).await?, present.key(&later.api, later.id).await?);
            if let (Some(before), Some(later)) = rows {
                undone.extend(undone::of_key(&before, &later));
            }
        }
        after = Some(last);
    }
}

/// The keys after one id and up to another.
async fn keys_between(store: &SqliteStore, after: Option<KeyId>, last: KeyId) -> Result<HashMap<KeyId, RingRow>, Failure> {
    let (mut found, mut after) = (HashMap::new(), after);
    loop {
        let page = store.ring_keys(after, PAGE).await?;
        let is_last = page.len() < PAGE || page.last().is_none_or(|row| row.id >= last);
        after = page.last().map(|row| row.id);
        found.extend(page.into_iter().filter(|row| row.id <= last).map(|row| (row.id, row)));
        if is_last {
            return Ok(found);
        }
    }
}

/// Whether two states of a key let the same requests pass.
fn is_same(one: &RingRow, other: &RingRow) -> bool {
    let RingRow { revoked, enabled, expires_at, rights, allowed_addresses, limits, .. } = one;
    (revoked, enabled, expires_at, rights) == (&other.revoked, &other.enabled, &other.expires_at, &other.rights)
        && (allowed_addresses, limits) == (&other.allowed_addresses, &other.limits)
}

/// Whether the restoration may go on.
fn judge(
    present: &Present,
    replayed: &[Restriction],
    has_export: bool,
    options: &Restore,
    backed_up: Timestamp,
) -> Result<(), Failure> {
    let unknown = |why: String| {
        format!(
            "what was revoked since the backup of {backed_up} is not known: {why}\n\
             name an audit export with --replay, or restore all the same with --yes"
        )
    };
    let objection = match present {
        Present::Compared(undone) if undone.is_empty() => None,
        Present::Compared(undone) => Some(format!(
            "{} revocations and restrictions since the backup of {backed_up} would be undone\n{}\n\
             replay them from an audit export (`bitting audit export` prints one) with --replay, or undo them with --yes",
            undone.len(),
            listed(undone),
        )),
        _ if has_export => None,
        Present::Absent => Some(unknown("there is no store here to compare it with".to_owned())),
        Present::Unreadable(why) => Some(unknown(format!("the store that is here cannot be read: {why}"))),
    };
    match objection.filter(|_| !options.yes) {
        Some(message) => {
            tell("these would be made again from the audit export:", replayed);
            Err(Failure::of(FailureKind::Refused, message))
        }
        None => Ok(()),
    }
}

fn tell(head: &str, restrictions: &[Restriction]) {
    if !restrictions.is_empty() {
        note(&format!("{head}\n{}", listed(restrictions)));
    }
}

fn listed(restrictions: &[Restriction]) -> String {
    let mut lines: Vec<String> = restrictions.iter().take(SHOWN).map(Restriction::text).collect();
    if restrictions.len() > SHOWN {
        lines.push(format!("and {} more", restrictions.len() - SHOWN));
    }
    lines.join("\n")
}

/// A name with the time, without characters that some file systems do not have.
fn aside(store: &Path, now: Timestamp) -> PathBuf {
    let mut name = store.file_name().unwrap_or_default().to_owned();
    name.push(format!(".before-restore-{}", now.to_string().replace(':', "-")));
    store.with_file_name(name)
}
