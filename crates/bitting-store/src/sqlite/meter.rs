//! What must last of limits and usage, in SQLite. Holders and names are [`numbers`]; [`windows`] are a row for each limit of each
//! holder, [`usage`] a row for each [`day`] of each holder, [`busy`] one for each [`month`] of each key, [`refused`] a
//! few rows for each key, [`places`] one.

mod address;
mod busy;
mod day;
mod month;
mod numbers;
mod places;
mod refused;
mod traffic;
mod usage;
mod varint;
mod windows;

use async_trait::async_trait;
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use rusqlite::Connection;

pub(super) use self::usage::last_uses;

use super::{SqliteStore, events};
use crate::error::StoreError;
use crate::meter::{
    Bought, BusyKey, BusyQuery, LastUse, MeterLog, Purchase, Settlement, UsageBatch, UsageQuery, UsageRow, Window,
};

/// Brings what was written by earlier versions up to date, where that is more than tables.
pub(super) fn bring_up_to_date(connection: &Connection) -> Result<(), StoreError> {
    busy::fill(connection)
}

#[async_trait]
impl MeterLog for SqliteStore {
    async fn buy(&self, purchases: Vec<Purchase>) -> Result<Vec<Bought>, StoreError> {
        self.transact(move |transaction| windows::buy(transaction, &purchases)).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        self.transact(move |transaction| windows::settle(transaction, &settlements)).await
    }

    async fn bought(&self, windows: Vec<Window>) -> Result<Vec<u64>, StoreError> {
        self.read(move |connection| windows::bought_of(connection, &windows)).await
    }

    async fn windows(&self, now: Timestamp) -> Result<Vec<(Window, u64)>, StoreError> {
        self.read(move |connection| windows::list(connection, now)).await
    }

    async fn add_usage(&self, number: u64, batch: UsageBatch) -> Result<(), StoreError> {
        self.transact(move |transaction| {
            if !usage::begin_batch(transaction, number)? {
                return Ok(());
            }
            usage::add(transaction, &batch.tallies)?;
            busy::add(transaction, &batch.tallies)?;
            usage::keep_last_uses(transaction, &batch.last_uses)?;
            refused::add(transaction, &batch.refused)?;
            places::add(transaction, &batch.seen)?;
            batch.raised.iter().try_for_each(|raised| events::raise(transaction, raised))
        })
        .await
    }

    async fn last_batch(&self) -> Result<u64, StoreError> {
        self.read(usage::last_batch).await
    }

    async fn usage(&self, query: UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        self.read(move |connection| usage::find(connection, &query)).await
    }

    async fn busiest_keys(&self, query: BusyQuery) -> Result<Vec<BusyKey>, StoreError> {
        self.read(move |connection| busy::find(connection, &query)).await
    }

    async fn last_uses(&self, keys: Vec<KeyId>) -> Result<Vec<LastUse>, StoreError> {
        self.read(move |connection| last_uses(connection, &keys)).await
    }

    async fn forget_usage(&self, api: &str, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let api = api.to_owned();
        self.transact(move |transaction| {
            let forgotten = usage::forget(transaction, &api, before, limit)?;
            let forgotten = forgotten + busy::forget(transaction, &api, before, limit - forgotten)?;
            Ok(forgotten + refused::forget(transaction, &api, before, limit - forgotten)?)
        })
        .await
    }
}
