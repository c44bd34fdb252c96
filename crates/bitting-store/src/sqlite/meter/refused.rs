//! What was refused of late.

use std::net::IpAddr;

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::limit;
use bitting_core::time::Timestamp;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::super::SqliteStore;
use super::super::error::{damaged, unavailable};
use super::super::listing::Conditions;
use super::super::read::{rows, sql_limit};
use super::super::write::execute;
use super::address::{address_column, address_of};
use crate::error::StoreError;
use crate::refused::{
    KEPT_OF_KEY, KEPT_OF_KEYLESS, Refused, RefusedBearer, RefusedOf, RefusedQuery, RefusedReader, RefusedRequest, RefusedRow,
};

/// Of more addresses than these, requests of one kind are put together.
const ADDRESSES: usize = limit::Refused::ADDRESSES;

#[async_trait]
impl RefusedReader for SqliteStore {
    async fn refused(&self, query: RefusedQuery) -> Result<Vec<RefusedRow>, StoreError> {
        self.read(move |connection| find(connection, &query)).await
    }
}

pub(super) fn add(connection: &Connection, refused: &[Refused]) -> Result<(), StoreError> {
    let mut new = Vec::new();
    // What goes on with something goes first, so that it is not let go for what is new.
    for refused in refused.iter().filter(|refused| refused.row.times > 0) {
        if !go_on(connection, refused, refused.row.request.address)? {
            new.push(refused);
        }
    }
    for refused in new {
        let is_too_many = refused.row.request.address.is_some() && addresses(connection, refused)? >= ADDRESSES;
        let address = refused.row.request.address.filter(|_| !is_too_many);
        if !go_on(connection, refused, address)? {
            insert(connection, &refused.row, address)?;
        }
    }
    Ok(())
}

/// Requests of one kind: the conditions on the columns that [`kind`] has values for.
const OF_KIND: &str = "api = ?1 AND key = ?2 AND last_at >= ?3 AND reason = ?4 AND wanted = ?5 AND method = ?6 AND route = ?7";

type Kind<'r> = (&'r str, Vec<u8>, i64, &'r str, &'r str, &'r str, &'r str);

fn kind(Refused { row, within }: &Refused) -> Kind<'_> {
    let RefusedRequest { api, reason, wanted, method, route, .. } = &row.request;
    let within = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
    (api, key_column(&row.request), row.first.as_millis().saturating_sub(within), reason, wanted, method, route)
}

/// Adds requests to those of their kind and this address that they go on with, if there are some.
fn go_on(connection: &Connection, refused: &Refused, address: Option<IpAddr>) -> Result<bool, StoreError> {
    let (api, key, since, reason, wanted, method, route) = kind(refused);
    let sql = format!(
        "SELECT number FROM refusal INDEXED BY refusal_of_key WHERE {OF_KIND} AND address IS ?8 ORDER BY last_at DESC LIMIT 1"
    );
    let values = params![api, key, since, reason, wanted, method, route, address.map(address_column)];
    let Some(number) = rows(connection, &sql, values, |row| row.get::<_, i64>(0).map_err(unavailable))?.pop() else {
        return Ok(false);
    };
    let RefusedRow { first, last, times, .. } = &refused.row;
    let sql = "UPDATE refusal SET first_at = min(first_at, ?2), last_at = max(last_at, ?3), \
               times = min(times, 9223372036854775807 - ?4) + ?4 WHERE number = ?1";
    execute(connection, sql, (number, first.as_millis(), last.as_millis(), stored_count(*times)))?;
    Ok(true)
}

/// From how many addresses there are requests of this kind that these could go on with.
fn addresses(connection: &Connection, refused: &Refused) -> Result<usize, StoreError> {
    let sql = format!("SELECT 1 FROM refusal INDEXED BY refusal_of_key WHERE {OF_KIND} AND address IS NOT NULL");
    rows(connection, &sql, kind(refused), |_| Ok(())).map(|found| found.len())
}

/// Adds a row, and lets the earliest of the same key go.
fn insert(connection: &Connection, row: &RefusedRow, address: Option<IpAddr>) -> Result<(), StoreError> {
    let RefusedRequest { api, bearer, reason, wanted, method, route, .. } = &row.request;
    let (account, environment) = bearer.as_ref().map_or(("", ""), |of| (of.account.as_str(), &of.environment));
    let sql = "INSERT INTO refusal \
               (api, key, account, environment, reason, wanted, method, route, address, first_at, last_at, times) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let key = key_column(&row.request);
    let address = address.map(address_column);
    let (first, last, times) = (row.first.as_millis(), row.last.as_millis(), stored_count(row.times));
    let values = params![api, key, account, environment, reason, wanted, method, route, address, first, last, times];
    execute(connection, sql, values)?;
    let kept = if bearer.is_some() { KEPT_OF_KEY } else { KEPT_OF_KEYLESS };
    let sql = "DELETE FROM refusal WHERE number IN (SELECT number FROM refusal INDEXED BY refusal_of_key \
               WHERE api = ?1 AND key = ?2 ORDER BY last_at DESC LIMIT -1 OFFSET ?3)";
    execute(connection, sql, (api, key, sql_limit(kept)))
}

/// Forgets what ended before a moment, at most so many rows, and says how many it were.
pub(super) fn forget(connection: &Connection, api: &str, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
    let sql = "DELETE FROM refusal WHERE number IN \
               (SELECT number FROM refusal INDEXED BY refusal_of_api WHERE api = ?1 AND last_at < ?2 LIMIT ?3)";
    let values = (api, before.as_millis(), sql_limit(limit));
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(unavailable)
}

fn find(connection: &Connection, query: &RefusedQuery) -> Result<Vec<RefusedRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.and("api = ?", query.api.clone());
    let index = match &query.of {
        RefusedOf::Key(key) => {
            conditions.and("key = ?", key.to_bytes());
            "refusal_of_key"
        }
        RefusedOf::Keyless => {
            conditions.and("key = ?", Vec::<u8>::new());
            "refusal_of_key"
        }
        RefusedOf::Account(account) => {
            conditions.and("account = ?", account.to_string());
            "refusal_of_account"
        }
        RefusedOf::Api => "refusal_of_api",
    };
    conditions.and_if("environment = ?", query.environment.clone());
    if !query.reasons.is_empty() {
        let reasons = serde_json::json!(query.reasons).to_string();
        conditions.and("reason IN (SELECT value FROM json_each(?))", reasons);
    }
    let (rest, values) = conditions.ordered("last_at DESC, number DESC", query.limit);
    let sql = format!(
        "SELECT key, account, environment, reason, wanted, method, route, address, first_at, last_at, times \
         FROM refusal INDEXED BY {index} {rest}"
    );
    rows(connection, &sql, params_from_iter(values), |row| refused_row(&query.api, row))
}

fn refused_row(api: &str, row: &Row<'_>) -> Result<RefusedRow, StoreError> {
    type Columns = (Vec<u8>, String, Box<str>, Box<str>, Box<str>, Box<str>, Box<str>, Option<Vec<u8>>, i64, i64, i64);
    let (key, account, environment, reason, wanted, method, route, address, first, last, times): Columns =
        row.try_into().map_err(unavailable)?;
    let address = address.map(|bytes| address_of(&bytes)).transpose()?;
    let request = RefusedRequest {
        api: api.into(),
        bearer: bearer(&key, &account, environment)?,
        reason,
        wanted,
        method,
        route,
        address,
    };
    let times = u64::try_from(times).map_err(|error| damaged("how often something was refused", error))?;
    Ok(RefusedRow { request, first: Timestamp::from_millis(first), last: Timestamp::from_millis(last), times })
}

fn stored_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The key's id; nothing where there was no known key.
fn key_column(request: &RefusedRequest) -> Vec<u8> {
    request.bearer.as_ref().map_or(Vec::new(), |of| of.key.to_bytes().to_vec())
}

fn bearer(key: &[u8], account: &str, environment: Box<str>) -> Result<Option<RefusedBearer>, StoreError> {
    if key.is_empty() {
        return Ok(None);
    }
    let key = key.try_into().map(KeyId::from_bytes).map_err(|error| damaged("a key that was refused", error))?;
    let account = account.parse::<AccountId>().map_err(|error| damaged("the account of a key that was refused", error))?;
    Ok(Some(RefusedBearer { key, account, environment }))
}
