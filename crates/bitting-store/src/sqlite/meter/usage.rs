//! Usage by holder and day, and when keys were last used.

use std::collections::{BTreeMap, HashMap};

use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use rusqlite::{Connection, Row};

use super::super::error::{damaged, unavailable};
use super::super::read::{rows, sql_limit};
use super::super::write::execute;
use super::address::{address_column, address_of};
use super::day::{Day, Kind};
use super::numbers::{Numbers, find_holders, find_name};
use crate::error::{StoreError, StoreErrorKind};
use crate::meter::{LastUse, Tally, UsageQuery, UsageRow};

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_HOURS: i64 = 24;

/// The key of a row, in the order in which rows lie.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) api: i64,
    pub(super) day: i64,
    pub(super) holder: i64,
}

/// Whether a batch is new. From now on it is not.
pub(super) fn begin_batch(connection: &Connection, batch: u64) -> Result<bool, StoreError> {
    let number = i64::try_from(batch).unwrap_or(i64::MAX);
    let sql = "UPDATE usage_batch SET number = ?1 WHERE number < ?1";
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([number]))
        .map(|rows| rows > 0)
        .map_err(unavailable)
}

pub(super) fn last_batch(connection: &Connection) -> Result<u64, StoreError> {
    let number: i64 = connection.query_row("SELECT number FROM usage_batch", [], |row| row.get(0)).map_err(unavailable)?;
    u64::try_from(number).map_err(|error| damaged("the number of a batch", error))
}

pub(super) fn add(connection: &Connection, tallies: &[Tally]) -> Result<(), StoreError> {
    let mut numbers = Numbers::of(connection);
    let mut days: BTreeMap<Place, Day> = BTreeMap::new();
    for tally in tallies.iter().filter(|tally| tally.count > 0) {
        let (day, hour) = day_and_hour(hours(tally.at));
        let place = Place { api: numbers.name(&tally.holder.api)?, day, holder: numbers.holder(&tally.holder)? };
        let kind = Kind { route: numbers.name(&tally.route)?, outcome: numbers.name(&tally.outcome)? };
        days.entry(place).or_default().add(kind, hour, tally.count);
    }
    for (place, mut added) in days {
        match day(connection, place) {
            Ok(None) => {}
            Ok(Some(there)) => added.add_all(&there),
            // It would fail whatever it comes with, for as long as the day lasts. What it held nobody can read.
            Err(error) if error.kind() == StoreErrorKind::Damaged => {
                let Place { api, day, holder } = place;
                tracing::error!(api, day, holder, "a day of usage is damaged and is counted anew from now on");
            }
            Err(error) => return Err(error),
        }
        let sql = "REPLACE INTO usage (api, day, holder, hours) VALUES (?1, ?2, ?3, ?4)";
        execute(connection, sql, (place.api, place.day, place.holder, added.to_blob()))?;
    }
    Ok(())
}

pub(super) fn keep_last_uses(connection: &Connection, last_uses: &[LastUse]) -> Result<(), StoreError> {
    let sql = "INSERT INTO last_use (key, at, address) VALUES (?1, ?2, ?3) \
               ON CONFLICT DO UPDATE SET at = excluded.at, address = excluded.address WHERE excluded.at > at";
    for LastUse { key, at, address } in last_uses {
        execute(connection, sql, (key.to_bytes(), at.as_millis(), address.map(address_column)))?;
    }
    Ok(())
}

pub(super) fn find(connection: &Connection, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
    let nothing = Ok(Vec::new());
    let Some(api) = find_name(connection, &query.api)? else { return nothing };
    let route = match &query.route {
        Some(route) => match find_name(connection, route)? {
            Some(route) => Some(route),
            None => return nothing,
        },
        None => None,
    };
    let holders = find_holders(connection, api, &query.whose, query.environment.as_deref())?;
    let (from, until) = (hours(query.from), hours(query.until));
    let Some((first, last)) = days_kept(connection, api)? else { return nothing };
    let mut sums: BTreeMap<(i64, Kind), u64> = BTreeMap::new();
    // Each day is looked up by itself: between two days of one holder lie all the others.
    for day_number in first.max(from / DAY_HOURS)..=last.min((until - 1).div_euclid(DAY_HOURS)) {
        for &holder in &holders {
            let found = day(connection, Place { api, day: day_number, holder })?.unwrap_or_default();
            for (kind, hour, count) in found.counts().filter(|(kind, ..)| route.is_none_or(|route| kind.route == route)) {
                let hour = day_number * DAY_HOURS + i64::try_from(hour).unwrap_or_default();
                if (from..until).contains(&hour) {
                    let sum = sums.entry((hour, kind)).or_default();
                    *sum = sum.saturating_add(count);
                }
            }
        }
    }
    named(connection, sums)
}

pub(in super::super) fn last_uses(connection: &Connection, keys: &[KeyId]) -> Result<Vec<LastUse>, StoreError> {
    let mut found = Vec::new();
    for &key in keys {
        let read = |row: &Row<'_>| {
            let (at, address): (i64, Option<Vec<u8>>) = row.try_into().map_err(unavailable)?;
            let address = address.map(|bytes| address_of(&bytes)).transpose()?;
            Ok(LastUse { key, at: Timestamp::from_millis(at), address })
        };
        found.extend(rows(connection, "SELECT at, address FROM last_use WHERE key = ?1", [key.to_bytes()], read)?);
    }
    Ok(found)
}

pub(super) fn forget(connection: &Connection, api: &str, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
    let Some(api) = find_name(connection, api)? else { return Ok(0) };
    let sql = "DELETE FROM usage WHERE (api, day, holder) IN \
               (SELECT api, day, holder FROM usage WHERE api = ?1 AND day < ?2 ORDER BY day, holder LIMIT ?3)";
    let values = (api, hours(before) / DAY_HOURS, sql_limit(limit));
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(unavailable)
}

/// What a holder used in a day.
pub(super) fn day(connection: &Connection, Place { api, day, holder }: Place) -> Result<Option<Day>, StoreError> {
    let sql = "SELECT hours FROM usage WHERE api = ?1 AND day = ?2 AND holder = ?3";
    let read = |row: &Row<'_>| {
        let blob = row.get_ref(0).and_then(|value| Ok(value.as_blob()?)).map_err(unavailable)?;
        Day::from_blob(blob).ok_or_else(|| damaged("a day of usage", format!("day {day} of holder {holder}")))
    };
    Ok(rows(connection, sql, (api, day, holder), read)?.pop())
}

/// The first and the last day of an API of which there is anything. Asked for at once, SQLite would read every row for them.
pub(super) fn days_kept(connection: &Connection, api: i64) -> Result<Option<(i64, i64)>, StoreError> {
    let sql = "SELECT (SELECT min(day) FROM usage WHERE api = ?1), (SELECT max(day) FROM usage WHERE api = ?1)";
    let read = |row: &Row<'_>| -> Result<(Option<i64>, Option<i64>), StoreError> { row.try_into().map_err(unavailable) };
    let found = rows(connection, sql, [api], read)?.pop();
    Ok(found.and_then(|(first, last)| first.zip(last)))
}

/// Sums with the names of their routes and outcomes, in the order of those.
fn named(connection: &Connection, sums: BTreeMap<(i64, Kind), u64>) -> Result<Vec<UsageRow>, StoreError> {
    let mut names: HashMap<i64, Box<str>> = HashMap::new();
    let mut name = |number: i64| -> Result<Box<str>, StoreError> {
        if let Some(name) = names.get(&number) {
            return Ok(name.clone());
        }
        let read = |row: &Row<'_>| row.get::<_, Box<str>>(0).map_err(unavailable);
        let found = rows(connection, "SELECT text FROM meter_name WHERE number = ?1", [number], read)?.pop();
        let name = found.ok_or_else(|| damaged("a route or outcome of usage", format!("{number} is no name's number")))?;
        names.insert(number, name.clone());
        Ok(name)
    };
    let mut found = Vec::with_capacity(sums.len());
    for ((hour, Kind { route, outcome }), count) in sums {
        let hour = Timestamp::from_millis(hour * HOUR_MS);
        found.push(UsageRow { hour, route: name(route)?, outcome: name(outcome)?, count });
    }
    found.sort_by(|one, other| (one.hour, &one.route, &one.outcome).cmp(&(other.hour, &other.route, &other.outcome)));
    Ok(found)
}

/// Whole hours since 1970.
pub(super) fn hours(at: Timestamp) -> i64 {
    at.as_millis() / HOUR_MS
}

/// Whole days since 1970 and the hour of the day.
fn day_and_hour(hours: i64) -> (i64, usize) {
    (hours / DAY_HOURS, usize::try_from(hours % DAY_HOURS).unwrap_or_default())
}
