//! What must last of limits and usage, in SQLite. Holders and names are [`numbers`]; [`windows`] are a row for each limit of each
//! holder, [`usage`] a row for each [`day`] of each holder.

mod day;
mod numbers;
mod usage;
mod windows;

use async_trait::async_trait;
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;

pub(super) use self::usage::last_uses;

use super::SqliteStore;
use crate::error::StoreError;
use crate::meter::{Bought, LastUse, MeterLog, Purchase, Settlement, Tally, UsageQuery, UsageRow, Window};

#[async_trait]
impl MeterLog for SqliteStore {
    async fn buy(&self, purchases: Vec<Purchase>) -> Result<Vec<Bought>, StoreError> {
        self.transact(move |transaction| windows::buy(transaction, &purchases)).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        self.transact(move |transaction| windows::settle(transaction, &settlements)).await
    }

    async fn windows(&self, now: Timestamp) -> Result<Vec<(Window, u64)>, StoreError> {
        self.read(move |connection| windows::list(connection, now)).await
    }

    async fn add_usage(&self, batch: u64, tallies: Vec<Tally>, last_uses: Vec<LastUse>) -> Result<(), StoreError> {
        self.transact(move |transaction| {
            if !usage::begin_batch(transaction, batch)? {
                return Ok(());
            }
            usage::add(transaction, &tallies)?;
            usage::keep_last_uses(transaction, &last_uses)
        })
        .await
    }

    async fn last_batch(&self) -> Result<u64, StoreError> {
        self.read(usage::last_batch).await
    }

    async fn usage(&self, query: UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        self.read(move |connection| usage::find(connection, &query)).await
    }

    async fn last_uses(&self, keys: Vec<KeyId>) -> Result<Vec<LastUse>, StoreError> {
        self.read(move |connection| last_uses(connection, &keys)).await
    }

    async fn forget_usage(&self, api: &str, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let api = api.to_owned();
        self.transact(move |transaction| usage::forget(transaction, &api, before, limit)).await
    }
}
