//! Lists of keys for people, in SQLite.
//!
//! The keys of an [`account`] are read all, from rows that are made for it: that gives every count, any order and any search in one
//! pass. The keys of a whole [`api`] may be millions; there each list is read in the order of an index, or, if an index leaves few,
//! those are read all.

mod account;
mod api;
mod views;

use async_trait::async_trait;
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use rusqlite::{Connection, Row, ToSql, params_from_iter};

use super::SqliteStore;
use super::error::{damaged, unavailable};
use super::meter::last_uses;
use super::read::{rows, sql_limit};
use super::rows::{KEY_COLUMNS, stored_key};
use crate::error::StoreError;
use crate::overview::{
    Counts, Face, Horizon, KeyState, Overview, OverviewKey, OverviewPlace, OverviewQuery, OverviewReader, Selected, Standing,
    Vitals, Wanted,
};

#[async_trait]
impl OverviewReader for SqliteStore {
    async fn overview(&self, query: OverviewQuery) -> Result<Overview, StoreError> {
        self.read(move |connection| {
            // One state of everything, however many questions it takes.
            let transaction = connection.unchecked_transaction().map_err(unavailable)?;
            overview(&transaction, &query)
        })
        .await
    }

    async fn note_expired(&self, api: &str, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let api = api.to_owned();
        self.transact(move |transaction| {
            let sql = "UPDATE key_overview SET standing = 1 WHERE (api, account, key) IN \
                       (SELECT api, account, key FROM key_overview INDEXED BY key_overview_by_end \
                       WHERE api = ?1 AND standing = 2 AND expires_at <= ?2 LIMIT ?3)";
            let mut statement = transaction.prepare_cached(sql).map_err(unavailable)?;
            statement.execute((api, now.as_millis(), sql_limit(limit))).map_err(unavailable)
        })
        .await
    }
}

/// What is asked for, with what follows from it.
struct Question<'q> {
    query: &'q OverviewQuery,
    horizon: Horizon,
    wanted: Wanted,
    /// Nothing is searched for with an empty text.
    search: Option<&'q str>,
}

/// Which keys were chosen, and the counts.
struct Answer {
    places: Vec<OverviewPlace>,
    skipped: Option<usize>,
    has_previous: bool,
    has_next: bool,
    counts: Counts,
}

impl From<(Selected, Counts)> for Answer {
    fn from((selected, counts): (Selected, Counts)) -> Self {
        let Selected { places, skipped, has_previous, has_next } = selected;
        Self { places, skipped: Some(skipped), has_previous, has_next, counts }
    }
}

fn overview(connection: &Connection, query: &OverviewQuery) -> Result<Overview, StoreError> {
    let question = Question {
        query,
        horizon: Horizon::new(&query.ages, query.now),
        wanted: Wanted { view: query.view, sort: query.sort, part: query.part.clone(), limit: query.limit },
        search: query.search.as_deref().filter(|text| !text.is_empty()),
    };
    let answer = match &query.account {
        Some(account) => account::find(connection, &question, account)?,
        None => api::find(connection, &question)?,
    };
    let Answer { places, skipped, has_previous, has_next, counts } = answer;
    let mut keys = Vec::with_capacity(places.len());
    for place in &places {
        keys.extend(key(connection, query, place.key)?);
    }
    Ok(Overview {
        keys,
        counts,
        skipped: skipped.and_then(|skipped| u64::try_from(skipped).ok()),
        previous: places.first().filter(|_| has_previous).cloned(),
        next: places.last().filter(|_| has_next).cloned(),
    })
}

fn key(connection: &Connection, query: &OverviewQuery, id: KeyId) -> Result<Option<OverviewKey>, StoreError> {
    let sql = format!("SELECT {KEY_COLUMNS} FROM api_key WHERE id = ?1 AND api = ?2");
    let Some(key) = rows(connection, &sql, (id.to_bytes(), &query.api), stored_key)?.pop() else { return Ok(None) };
    let last_use = last_uses(connection, &[id])?.pop();
    let state = KeyState::of(&key.row, last_use.map(|last| last.at), &query.ages, query.now);
    Ok(Some(OverviewKey { row: key.row, last_use, state }))
}

/// The columns of a face, of the table `o`; the name follows.
const VITALS: &str = "o.key, o.standing, o.replaced, o.created_at, o.expires_at, o.used_at, o.environment";

/// A row with the columns of a face.
struct FaceRow<'r>(&'r Row<'r>);

impl FaceRow<'_> {
    fn number(&self, column: usize) -> Result<i64, StoreError> {
        self.0.get_ref(column).and_then(|value| Ok(value.as_i64()?)).map_err(unavailable)
    }

    fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.0.get_ref(column).and_then(|value| Ok(value.as_str()?)).map_err(unavailable)
    }
}

impl Face for FaceRow<'_> {
    fn vitals(&self) -> Result<Vitals, StoreError> {
        Ok(Vitals {
            standing: Standing::read(self.number(1)?),
            is_replaced: self.number(2)? != 0,
            created_at: self.number(3)?,
            expires_at: self.number(4)?,
            used_at: self.number(5)?,
        })
    }

    fn environment(&self) -> Result<&str, StoreError> {
        self.text(6)
    }

    fn name(&self) -> Result<&str, StoreError> {
        self.text(7)
    }

    fn key(&self) -> Result<KeyId, StoreError> {
        let id = self.0.get_ref(0).and_then(|value| Ok(value.as_blob()?)).map_err(unavailable)?;
        id.try_into().map(KeyId::from_bytes).map_err(|error| damaged("the id of a key", error))
    }
}

/// Shows every face that a query finds.
fn each_face(
    connection: &Connection,
    sql: &str,
    values: Vec<Box<dyn ToSql>>,
    mut show: impl FnMut(&FaceRow<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(unavailable)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(unavailable)?;
    while let Some(row) = rows.next().map_err(unavailable)? {
        show(&FaceRow(row))?;
    }
    Ok(())
}

/// The texts that begin so: from this one on, and before that one. No text that begins so comes after the last character there is.
fn beginning(text: &str) -> (String, String) {
    (text.to_owned(), format!("{text}\u{10FFFF}"))
}
