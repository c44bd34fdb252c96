//! How much each key was used in the days of each month: which keys were busy.
//!
//! The [days](super::usage) of ten thousand keys in a month are as many blobs as there are keys and days; here they are one for each
//! key. They hold whole days. For a time that begins or ends within a day they give at most how much a key was used, so only
//! those keys are looked at to the hour that can still be among the busiest.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use bitting_core::account::AccountId;
use bitting_core::limit::Period;
use bitting_core::time::Timestamp;
use rusqlite::{Connection, Row};

use super::super::error::{damaged, unavailable};
use super::super::read::{rows, sql_limit};
use super::super::write::execute;
use super::day::Day;
use super::month::Month;
use super::numbers::{Numbers, find_holders, find_name, outcome, read_whose};
use super::usage::{DAY_HOURS, HOUR_MS, Place, day, days_kept, hours};
use crate::error::{StoreError, StoreErrorKind};
use crate::meter::{BusyKey, BusyQuery, Holder, Tally, UsageSums, Whose};

const DAY_MS: i64 = DAY_HOURS * HOUR_MS;

/// What was used of one key, by the first days of months.
type Months = BTreeMap<i64, Month>;

pub(super) fn add(connection: &Connection, tallies: &[Tally]) -> Result<(), StoreError> {
    let mut used: BTreeMap<&Holder, Months> = BTreeMap::new();
    for tally in tallies.iter().filter(|tally| matches!(tally.holder.whose, Whose::Key(_))) {
        let mut sums = UsageSums::default();
        sums.count(&tally.outcome, tally.count);
        if sums.total() > 0 {
            let (month, day) = month_and_day(tally.at.as_millis() / DAY_MS);
            used.entry(&tally.holder).or_default().entry(month).or_default().add(day, sums);
        }
    }
    add_months(connection, used.into_iter().map(|(holder, months)| (holder.clone(), months)).collect())
}

/// Adds to the months of keys.
fn add_months(connection: &Connection, used: Vec<(Holder, Months)>) -> Result<(), StoreError> {
    let mut of_account = Vec::with_capacity(used.len());
    for (holder, months) in used {
        // A key that is not there any more is none that anybody could ask for.
        if let Some(whose) = account(connection, &holder)? {
            of_account.push((Holder { whose, ..holder.clone() }, holder, months));
        }
    }
    let mut numbers = Numbers::of(connection);
    for (account, key, months) in &of_account {
        let (api, account, key) = (numbers.name(&key.api)?, numbers.holder(account)?, numbers.holder(key)?);
        for (&month, added) in months {
            add_month(connection, [api, month, account, key], added)?;
        }
    }
    Ok(())
}

fn add_month(connection: &Connection, place: [i64; 4], added: &Month) -> Result<(), StoreError> {
    let sql = "SELECT days FROM usage_month WHERE api = ?1 AND month = ?2 AND account = ?3 AND key = ?4";
    let mut sum = added.clone();
    match rows(connection, sql, place, |row| read_month(row, 0)).map(|mut found| found.pop()) {
        Ok(None) => {}
        Ok(Some(there)) => sum.add_all(&there),
        // It would fail whatever it comes with, for as long as the month lasts. What it held nobody can read.
        Err(error) if error.kind() == StoreErrorKind::Damaged => {
            tracing::error!(?place, "a month of usage is damaged and is counted anew from now on");
        }
        Err(error) => return Err(error),
    }
    let [api, month, account, key] = place;
    let sql = "REPLACE INTO usage_month (api, month, account, key, days) VALUES (?1, ?2, ?3, ?4, ?5)";
    execute(connection, sql, (api, month, account, key, sum.to_blob()))
}

fn account(connection: &Connection, holder: &Holder) -> Result<Option<Whose>, StoreError> {
    let Whose::Key(key) = holder.whose else { return Ok(None) };
    let sql = "SELECT account FROM api_key WHERE id = ?1 AND api = ?2";
    let read = |row: &Row<'_>| row.get::<_, String>(0).map_err(unavailable);
    let found = rows(connection, sql, (key.to_bytes(), &holder.api), read)?.pop();
    let account = found.map(|text| text.parse::<AccountId>().map_err(|error| damaged("an account id", error))).transpose()?;
    Ok(account.map(Whose::Account))
}

/// Makes the months of a store that was written before there were any.
pub(super) fn fill(connection: &Connection) -> Result<(), StoreError> {
    let is_there = |table: &str| -> Result<bool, StoreError> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table})");
        connection.query_row(&sql, [], |row| row.get(0)).map_err(unavailable)
    };
    if is_there("usage_month")? || !is_there("usage")? {
        return Ok(());
    }
    let sql = "SELECT number, text FROM meter_name";
    let names: HashMap<i64, Box<str>> =
        rows(connection, sql, [], |row| row.try_into().map_err(unavailable))?.into_iter().collect();
    let name = |number: i64| names.get(&number).cloned().unwrap_or_default();
    let sql = "SELECT number, api, whose, environment FROM meter_holder WHERE substr(whose, 1, 1) = x'6B'";
    let holders = rows(connection, sql, [], |row| {
        let (number, api, whose, environment): (i64, i64, Vec<u8>, i64) = row.try_into().map_err(unavailable)?;
        let whose = read_whose(&whose).ok_or_else(|| damaged("whose usage it is", "nobody's"))?;
        Ok((number, Holder { api: name(api), environment: name(environment), whose }))
    })?;
    let mut used: HashMap<i64, Months> = HashMap::new();
    let mut statement = connection.prepare("SELECT holder, day, hours FROM usage").map_err(unavailable)?;
    let mut days = statement.query([]).map_err(unavailable)?;
    while let Some(row) = days.next().map_err(unavailable)? {
        let (holder, day_number, blob): (i64, i64, Vec<u8>) = row.try_into().map_err(unavailable)?;
        let mut sums = UsageSums::default();
        // What is damaged here is damaged there, where it is told.
        for (kind, _, count) in Day::from_blob(&blob).unwrap_or_default().counts() {
            sums.count(&name(kind.outcome), count);
        }
        let (month, day) = month_and_day(day_number);
        used.entry(holder).or_default().entry(month).or_default().add(day, sums);
    }
    let of_keys = holders.into_iter().filter_map(|(number, holder)| Some((holder, used.remove(&number)?)));
    add_months(connection, of_keys.collect())
}

pub(super) fn find(connection: &Connection, query: &BusyQuery) -> Result<Vec<BusyKey>, StoreError> {
    let Some(api) = find_name(connection, &query.api)? else { return Ok(Vec::new()) };
    let Some((first_kept, _)) = days_kept(connection, api)? else { return Ok(Vec::new()) };
    let span = Span { api, from: hours(query.from).max(first_kept * DAY_HOURS), until: hours(query.until) };
    let mut keys: Vec<(i64, UsageSums)> = at_most(connection, query, &span)?.into_iter().collect();
    keys.sort_unstable_by_key(|(key, sums)| (Reverse(sums.total()), *key));
    if span.is_of_whole_days() {
        keys.truncate(query.limit);
    } else {
        keys = busiest(connection, &span, keys, query.limit)?;
    }
    keys.into_iter().filter(|(_, sums)| sums.total() > 0).map(|(key, sums)| named(connection, key, sums)).collect()
}

/// The hours that are asked for, of an API.
struct Span {
    api: i64,
    from: i64,
    until: i64,
}

impl Span {
    fn is_of_whole_days(&self) -> bool {
        self.from % DAY_HOURS == 0 && self.until % DAY_HOURS == 0
    }

    /// The first day of which there is something in it, and the first of which there is nothing any more.
    fn days(&self) -> std::ops::Range<i64> {
        self.from.div_euclid(DAY_HOURS)..(self.until + DAY_HOURS - 1).div_euclid(DAY_HOURS)
    }
}

/// How much each key was used in all days of a span, which is more than in the span itself if that begins or ends within a day.
fn at_most(connection: &Connection, query: &BusyQuery, span: &Span) -> Result<HashMap<i64, UsageSums>, StoreError> {
    let days = span.days();
    let environment = query.environment.as_deref();
    let accounts = match &query.account {
        Some(account) => Some(find_holders(connection, span.api, &Whose::Account(account.clone()), environment)?),
        None => None,
    };
    let elsewhere = match (environment, &accounts) {
        (Some(environment), None) => Some(accounts_in(connection, span.api, environment)?),
        _ => None,
    };
    let mut sums: HashMap<i64, UsageSums> = HashMap::new();
    let mut month = month_and_day(days.start).0;
    while month < days.end {
        let mut show = |row: &Row<'_>| {
            let (account, key): (i64, i64) = (row.get(0).map_err(unavailable)?, row.get(1).map_err(unavailable)?);
            if elsewhere.as_ref().is_some_and(|of_environment| !of_environment.contains(&account)) {
                return Ok(());
            }
            let used = (month..).zip(read_month(row, 2)?.into_days()).filter(|(day, _)| days.contains(day));
            let sum = sums.entry(key).or_default();
            used.for_each(|(_, sums)| sum.add(sums));
            Ok(())
        };
        let sql = "SELECT account, key, days FROM usage_month WHERE api = ?1 AND month = ?2";
        match &accounts {
            None => each(connection, sql, &[span.api, month], &mut show)?,
            Some(accounts) => {
                for &account in accounts {
                    each(connection, &format!("{sql} AND account = ?3"), &[span.api, month, account], &mut show)?;
                }
            }
        }
        month = first_of_next_month(month);
    }
    Ok(sums)
}

fn each(
    connection: &Connection,
    sql: &str,
    values: &[i64],
    show: &mut impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(unavailable)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(unavailable)?;
    while let Some(row) = rows.next().map_err(unavailable)? {
        show(row)?;
    }
    Ok(())
}

/// The busiest of keys that are in the order of how much they were used at most.
fn busiest(
    connection: &Connection,
    span: &Span,
    keys: Vec<(i64, UsageSums)>,
    limit: usize,
) -> Result<Vec<(i64, UsageSums)>, StoreError> {
    let mut outcomes = HashMap::new();
    let mut found: Vec<(i64, UsageSums)> = Vec::new();
    for (key, at_most) in keys {
        if limit.checked_sub(1).is_none_or(|last| found.get(last).is_some_and(|(_, sums)| sums.total() >= at_most.total())) {
            break;
        }
        let sums = to_the_hour(connection, span, key, &mut outcomes)?;
        let position = found.partition_point(|(_, other)| other.total() >= sums.total());
        found.insert(position, (key, sums));
        found.truncate(limit);
    }
    Ok(found)
}

fn to_the_hour(
    connection: &Connection,
    span: &Span,
    holder: i64,
    outcomes: &mut HashMap<i64, Box<str>>,
) -> Result<UsageSums, StoreError> {
    let mut sums = UsageSums::default();
    for day_number in span.days() {
        let found = day(connection, Place { api: span.api, day: day_number, holder })?.unwrap_or_default();
        for (kind, hour, count) in found.counts() {
            let hour = day_number * DAY_HOURS + i64::try_from(hour).unwrap_or_default();
            if (span.from..span.until).contains(&hour) {
                let outcome = match outcomes.entry(kind.outcome) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => unknown.insert(outcome(connection, kind.outcome)?),
                };
                sums.count(outcome, count);
            }
        }
    }
    Ok(sums)
}

/// The numbers of all accounts that have used anything in an environment.
fn accounts_in(connection: &Connection, api: i64, environment: &str) -> Result<HashSet<i64>, StoreError> {
    let sql = "SELECT number FROM meter_holder WHERE api = ?1 AND whose >= x'61' AND whose < x'62' \
               AND environment = (SELECT number FROM meter_name WHERE text = ?2)";
    Ok(rows(connection, sql, (api, environment), |row| row.get(0).map_err(unavailable))?.into_iter().collect())
}

fn named(connection: &Connection, number: i64, sums: UsageSums) -> Result<BusyKey, StoreError> {
    let read = |row: &Row<'_>| row.get::<_, Vec<u8>>(0).map_err(unavailable);
    let whose = rows(connection, "SELECT whose FROM meter_holder WHERE number = ?1", [number], read)?.pop();
    match whose.and_then(|column| read_whose(&column)) {
        Some(Whose::Key(key)) => Ok(BusyKey { key, sums }),
        _ => Err(damaged("the holder of usage", format!("{number} is no key's number"))),
    }
}

/// Forgets months that ended before a moment, at most so many rows, and says how many it were.
pub(super) fn forget(connection: &Connection, api: &str, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
    let Some(api) = find_name(connection, api)? else { return Ok(0) };
    let (month, _) = month_and_day(before.as_millis() / DAY_MS);
    let sql = "DELETE FROM usage_month WHERE (api, month, account, key) IN \
               (SELECT api, month, account, key FROM usage_month WHERE api = ?1 AND month < ?2 LIMIT ?3)";
    let values = (api, month, sql_limit(limit));
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(unavailable)
}

fn read_month(row: &Row<'_>, column: usize) -> Result<Month, StoreError> {
    let blob = row.get_ref(column).and_then(|value| Ok(value.as_blob()?)).map_err(unavailable)?;
    Month::from_blob(blob).ok_or_else(|| damaged("a month of usage", "no month is written so"))
}

/// The first day of the month that a day lies in, and how many days lie between.
fn month_and_day(day: i64) -> (i64, usize) {
    let (start, _) = Period::Month.around(Timestamp::from_millis(day.saturating_mul(DAY_MS)));
    let first = start.as_millis() / DAY_MS;
    (first, usize::try_from(day - first).unwrap_or_default())
}

fn first_of_next_month(day: i64) -> i64 {
    Period::Month.around(Timestamp::from_millis(day.saturating_mul(DAY_MS))).1.as_millis() / DAY_MS
}
