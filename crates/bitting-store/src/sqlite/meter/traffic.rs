//! How much keys were used by the hour, and from where, for whoever looks whether that is unusual.

use std::collections::HashMap;

use async_trait::async_trait;
use bitting_core::key::KeyId;
use bitting_core::location::Places;
use rusqlite::{Connection, Row};

use super::super::SqliteStore;
use super::super::error::unavailable;
use super::super::read::{rows, sql_limit};
use super::day::Day;
use super::numbers::{find_holders, find_name, outcome, read_whose};
use super::places;
use super::usage::{DAY_HOURS, Place, day, days_kept, hours};
use crate::error::StoreError;
use crate::meter::{UsageSums, Whose};
use crate::watch::{BusyHour, BusyHourPage, BusyHourQuery, TrafficQuery, WatchReader};

#[async_trait]
impl WatchReader for SqliteStore {
    async fn busy_in(&self, query: BusyHourQuery) -> Result<BusyHourPage, StoreError> {
        self.read(move |connection| busy_in(connection, &query)).await
    }

    async fn traffic(&self, query: TrafficQuery) -> Result<Vec<Vec<u64>>, StoreError> {
        self.read(move |connection| find(connection, &query)).await
    }

    async fn places(&self, key: KeyId) -> Result<Option<Places>, StoreError> {
        self.read(move |connection| places::find(connection, key)).await
    }
}

/// Which outcomes count as requests, by their numbers: one that was let through and then failed is counted when it was let through.
struct Outcomes<'c> {
    connection: &'c Connection,
    known: HashMap<i64, bool>,
}

impl Outcomes<'_> {
    fn count(&mut self, number: i64) -> Result<bool, StoreError> {
        if let Some(known) = self.known.get(&number) {
            return Ok(*known);
        }
        let mut sums = UsageSums::default();
        sums.count(&outcome(self.connection, number)?, 1);
        self.known.insert(number, sums.total() > 0);
        Ok(sums.total() > 0)
    }
}

/// The requests of each hour in a day.
fn by_hours(day: &Day, outcomes: &mut Outcomes<'_>) -> Result<[u64; 24], StoreError> {
    let mut sums = [0_u64; 24];
    for (kind, hour, count) in day.counts() {
        if outcomes.count(kind.outcome)?
            && let Some(sum) = sums.get_mut(hour)
        {
            *sum = sum.saturating_add(count);
        }
    }
    Ok(sums)
}

/// The keys that were used in an hour, in the order of their numbers: those among so many of the rows of the day.
fn busy_in(connection: &Connection, query: &BusyHourQuery) -> Result<BusyHourPage, StoreError> {
    let nothing = BusyHourPage { busy: Vec::new(), next: None };
    let Some(api) = find_name(connection, &query.api)? else { return Ok(nothing) };
    let hour = hours(query.hour);
    let of_day = usize::try_from(hour.rem_euclid(DAY_HOURS)).unwrap_or_default();
    let sql = "SELECT usage.holder, whose, hours FROM usage JOIN meter_holder ON number = usage.holder \
               WHERE usage.api = ?1 AND day = ?2 AND usage.holder > ?3 ORDER BY usage.holder LIMIT ?4";
    let read = |row: &Row<'_>| -> Result<(i64, Vec<u8>, Vec<u8>), StoreError> { row.try_into().map_err(unavailable) };
    let after = i64::try_from(query.after.unwrap_or_default()).unwrap_or(i64::MAX);
    let found = rows(connection, sql, (api, hour.div_euclid(DAY_HOURS), after, sql_limit(query.rows)), read)?;
    let is_all = found.len() < query.rows;
    let mut outcomes = Outcomes { connection, known: HashMap::new() };
    let (mut busy, mut last) = (Vec::new(), None);
    for (holder, whose, blob) in found {
        last = u64::try_from(holder).ok();
        let Some(Whose::Key(key)) = read_whose(&whose) else { continue };
        // What is damaged is told where it is added to.
        let Some(found) = Day::from_blob(&blob) else { continue };
        let count = by_hours(&found, &mut outcomes)?[of_day];
        if count >= query.at_least {
            busy.push(BusyHour { key, count });
        }
    }
    Ok(BusyHourPage { busy, next: last.filter(|_| !is_all) })
}

/// The requests of keys in each hour.
fn find(connection: &Connection, query: &TrafficQuery) -> Result<Vec<Vec<u64>>, StoreError> {
    let (from, until) = (hours(query.from), hours(query.until));
    let length = usize::try_from(until - from).unwrap_or_default();
    let nothing = || query.keys.iter().map(|_| vec![0; length]).collect();
    let Some(api) = find_name(connection, &query.api)? else { return Ok(nothing()) };
    let Some((first, last)) = days_kept(connection, api)? else { return Ok(nothing()) };
    let mut outcomes = Outcomes { connection, known: HashMap::new() };
    let mut of_key = |key: &KeyId| -> Result<Vec<u64>, StoreError> {
        let mut counts = vec![0_u64; length];
        let holders = find_holders(connection, api, &Whose::Key(*key), None)?;
        for number in first.max(from.div_euclid(DAY_HOURS))..=last.min((until - 1).div_euclid(DAY_HOURS)) {
            for &holder in &holders {
                let Some(found) = day(connection, Place { api, day: number, holder })? else { continue };
                for (hour, count) in (number * DAY_HOURS..).zip(by_hours(&found, &mut outcomes)?) {
                    let sum = usize::try_from(hour - from).ok().and_then(|position| counts.get_mut(position));
                    if let Some(sum) = sum {
                        *sum = sum.saturating_add(count);
                    }
                }
            }
        }
        Ok(counts)
    };
    query.keys.iter().map(&mut of_key).collect()
}
