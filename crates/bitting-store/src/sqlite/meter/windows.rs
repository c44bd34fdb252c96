//! Windows of limits: buying ahead of what is used, and settling.

use bitting_core::time::Timestamp;
use rusqlite::{Connection, Row, params};

use super::super::error::{damaged, unavailable};
use super::super::read::rows;
use super::super::write::execute;
use super::numbers::{Numbers, read_whose, whose_column};
use crate::error::StoreError;
use crate::meter::{Bought, Holder, Purchase, Settlement, Window};

/// The row of a window's limit, whichever window that row is of. A name that was never written has no number, and no row.
const OF_LIMIT: &str = "holder = (SELECT number FROM meter_holder WHERE api = (SELECT number FROM meter_name WHERE text = ?1) \
     AND whose = ?2 AND environment = (SELECT number FROM meter_name WHERE text = ?3)) \
     AND name = (SELECT number FROM meter_name WHERE text = ?4)";

/// The window that is kept of a limit.
struct Kept {
    start: Timestamp,
    end: Timestamp,
    bought: u64,
}

pub(super) fn buy(connection: &Connection, purchases: &[Purchase]) -> Result<Vec<Bought>, StoreError> {
    let mut numbers = Numbers::of(connection);
    let mut answers = Vec::with_capacity(purchases.len());
    for purchase in purchases {
        let answer = bought(purchase, kept(connection, &purchase.window)?.as_ref());
        // A question and a window that is used up leave what is there, which may be an earlier window
        // that is yet to be settled.
        if answer.now > answer.before {
            keep(connection, &mut numbers, &purchase.window, answer.now)?;
        }
        answers.push(answer);
    }
    Ok(answers)
}

pub(super) fn settle(connection: &Connection, settlements: &[Settlement]) -> Result<(), StoreError> {
    // Another window is passed over by its times. More cannot have been used than was bought.
    let sql = format!("UPDATE limit_window SET bought = min(bought, ?7) WHERE {OF_LIMIT} AND starts_at = ?5 AND ends_at = ?6");
    for Settlement { window, used } in settlements {
        let Window { holder, limit, start, end } = window;
        let whose = whose_column(&holder.whose);
        let values =
            params![holder.api, whose, holder.environment, limit, start.as_millis(), end.as_millis(), stored_count(*used)];
        execute(connection, &sql, values)?;
    }
    Ok(())
}

pub(super) fn bought_of(connection: &Connection, windows: &[Window]) -> Result<Vec<u64>, StoreError> {
    let of = |window: &Window| {
        let kept = kept(connection, window)?;
        Ok(kept.filter(|kept| kept.start == window.start && kept.end == window.end).map_or(0, |kept| kept.bought))
    };
    windows.iter().map(of).collect()
}

pub(super) fn list(connection: &Connection, now: Timestamp) -> Result<Vec<(Window, u64)>, StoreError> {
    let sql = "SELECT api.text, holder.whose, environment.text, name.text, starts_at, ends_at, bought FROM limit_window \
               JOIN meter_holder AS holder ON holder.number = limit_window.holder \
               JOIN meter_name AS api ON api.number = holder.api \
               JOIN meter_name AS environment ON environment.number = holder.environment \
               JOIN meter_name AS name ON name.number = limit_window.name WHERE ends_at > ?1";
    rows(connection, sql, [now.as_millis()], |row| {
        type Columns = (String, Vec<u8>, String, String, i64, i64, i64);
        let (api, whose, environment, limit, start, end, bought): Columns = row.try_into().map_err(unavailable)?;
        let bought = u64::try_from(bought).map_err(|error| damaged("a window of a limit", error))?;
        let whose = read_whose(&whose).ok_or_else(|| damaged("whose limit it is", "nobody's"))?;
        let holder = Holder { api: api.into(), environment: environment.into(), whose };
        let (start, end) = (Timestamp::from_millis(start), Timestamp::from_millis(end));
        Ok((Window { holder, limit: limit.into(), start, end }, bought))
    })
}

/// What a purchase comes to beside the window that is kept.
fn bought(purchase: &Purchase, kept: Option<&Kept>) -> Bought {
    let Purchase { window, more, at_most } = purchase;
    let before = match kept {
        // What was used of a window that has been followed by another is no longer known, so nothing is left of it.
        Some(kept) if kept.start > window.start => return Bought { before: *at_most, now: *at_most },
        Some(kept) if kept.start == window.start && kept.end == window.end => kept.bought,
        // An earlier window; or the period of the limit has changed, and this is another one.
        _ => 0,
    };
    let limit = before.max((*at_most).min(MOST));
    Bought { before, now: before.saturating_add(*more).min(limit) }
}

fn kept(connection: &Connection, window: &Window) -> Result<Option<Kept>, StoreError> {
    let sql = format!("SELECT starts_at, ends_at, bought FROM limit_window WHERE {OF_LIMIT}");
    let Window { holder, limit, .. } = window;
    let values = params![holder.api, whose_column(&holder.whose), holder.environment, limit];
    let read = |row: &Row<'_>| {
        let (start, end, bought): (i64, i64, i64) = row.try_into().map_err(unavailable)?;
        let bought = u64::try_from(bought).map_err(|error| damaged("a window of a limit", error))?;
        Ok(Kept { start: Timestamp::from_millis(start), end: Timestamp::from_millis(end), bought })
    };
    Ok(rows(connection, &sql, values, read)?.pop())
}

/// Writes a window in the place of any other of its limit.
fn keep<'a>(connection: &Connection, numbers: &mut Numbers<'a>, window: &'a Window, bought: u64) -> Result<(), StoreError> {
    let (holder, name) = (numbers.holder(&window.holder)?, numbers.name(&window.limit)?);
    let sql = "REPLACE INTO limit_window (holder, name, starts_at, ends_at, bought) VALUES (?1, ?2, ?3, ?4, ?5)";
    execute(connection, sql, (holder, name, window.start.as_millis(), window.end.as_millis(), stored_count(bought)))
}

/// The most that a column can hold. No limit is out of reach of it.
const MOST: u64 = i64::MAX.cast_unsigned();

fn stored_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
