//! How far members have read, in SQLite.

use async_trait::async_trait;
use bitting_core::member::MemberId;

use super::SqliteStore;
use super::error::damaged;
use super::events::stored;
use super::read::rows;
use super::rows::get;
use super::write::execute;
use crate::error::StoreError;
use crate::event_marks::EventMarks;

#[async_trait]
impl EventMarks for SqliteStore {
    async fn read_up_to(&self, member: MemberId, api: &str) -> Result<u64, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| {
            let sql = "SELECT number FROM event_mark WHERE member = ?1 AND api = ?2";
            let mark = rows(connection, sql, (member.to_bytes(), api), |row| get::<i64>(row, 0))?.pop().unwrap_or_default();
            u64::try_from(mark).map_err(|error| damaged("how far a member has read", error))
        })
        .await
    }

    async fn mark_read(&self, member: MemberId, api: &str, number: u64) -> Result<(), StoreError> {
        let api = api.to_owned();
        self.transact(move |transaction| {
            let sql = "INSERT INTO event_mark (member, api, number) VALUES (?1, ?2, ?3) \
                       ON CONFLICT (member, api) DO UPDATE SET number = max(number, excluded.number)";
            execute(transaction, sql, (member.to_bytes(), api, stored(number)))
        })
        .await
    }
}
