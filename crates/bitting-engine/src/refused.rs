//! What was refused of late, as it is asked for.

use std::time::Duration;

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::reason::Reason;
use bitting_core::time::Timestamp;
use bitting_store::{RefusedQuery, RefusedRow, StoreError};

use crate::engine::Engine;

/// A time in which a limit refused requests of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitHit {
    /// The key.
    pub key: KeyId,
    /// Its account.
    pub account: AccountId,
    /// Its environment.
    pub environment: Box<str>,
    /// The limit's name.
    pub limit: Box<str>,
    /// When the first request was refused.
    pub from: Timestamp,
    /// When the last was.
    pub until: Timestamp,
    /// How many were.
    pub refused: u64,
}

/// How many rows are read for hits: each is one of several routes and addresses.
const ROWS: usize = 2_000;

impl Engine {
    /// Refused requests, the latest first, exactly as of now.
    ///
    /// # Errors
    /// If the store cannot be read, or what was refused cannot be written to it.
    pub async fn refused(&self, query: RefusedQuery) -> Result<Vec<RefusedRow>, StoreError> {
        self.write_usage_down().await?;
        self.store().refused(query).await
    }

    /// Hits of a limit, the latest first, exactly as of now. The reasons of the query do not matter.
    ///
    /// # Errors
    /// If the store cannot be read, or what was refused cannot be written to it.
    pub async fn limit_hits(&self, query: RefusedQuery) -> Result<Vec<LimitHit>, StoreError> {
        let reasons = [Reason::RateLimited, Reason::QuotaExceeded].map(|reason| reason.name().into()).into();
        let rows = self.refused(RefusedQuery { reasons, limit: ROWS, ..query.clone() }).await?;
        let mut hits = LimitHit::among(&rows);
        hits.truncate(query.limit);
        Ok(hits)
    }
}

impl LimitHit {
    /// What is told apart by route and address, put together: refusals of one key by one limit that overlap, or between which lies at
    /// most a minute, are one hit.
    fn among(rows: &[RefusedRow]) -> Vec<Self> {
        let hit = |row: &RefusedRow| {
            let bearer = row.request.bearer.as_ref()?;
            Some(Self {
                key: bearer.key,
                account: bearer.account.clone(),
                environment: bearer.environment.clone(),
                limit: row.request.wanted.clone(),
                from: row.first,
                until: row.last,
                refused: row.times,
            })
        };
        let mut each: Vec<Self> = rows.iter().filter_map(hit).collect();
        each.sort_by_key(|hit| hit.from);
        let mut hits: Vec<Self> = Vec::new();
        for hit in each {
            let goes_on = |earlier: &&mut Self| {
                let gap = hit.from.since(earlier.until);
                earlier.key == hit.key && earlier.limit == hit.limit && gap <= Duration::from_mins(1)
            };
            match hits.iter_mut().rev().find(goes_on) {
                Some(earlier) => {
                    earlier.until = earlier.until.max(hit.until);
                    earlier.refused = earlier.refused.saturating_add(hit.refused);
                }
                None => hits.push(hit),
            }
        }
        hits.sort_by_key(|hit| std::cmp::Reverse(hit.until));
        hits
    }
}

#[cfg(test)]
mod tests {
    use bitting_store::{RefusedBearer, RefusedRequest};

    use super::*;

    fn row(key: u8, limit: &str, route: &str, (first, last): (i64, i64), times: u64) -> RefusedRow {
        let (key, account) = (KeyId::from_bytes([key; 16]), "acme".parse().unwrap());
        let request = RefusedRequest {
            api: "shop".into(),
            bearer: Some(RefusedBearer { key, account, environment: "live".into() }),
            reason: "rate_limited".into(),
            wanted: limit.into(),
            method: "GET".into(),
            route: route.into(),
            address: None,
        };
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        RefusedRow { request, first: at(first), last: at(last), times }
    }

    #[test]
    fn a_hit_is_told_once_however_many_routes_it_was_on() {
        let rows = [
            row(1, "minute", "GET /a", (300, 341), 90),
            row(1, "minute", "GET /b", (310, 320), 6),
            row(1, "minute", "GET /b", (402, 403), 1),
            row(1, "hour", "GET /a", (300, 301), 2),
            row(2, "minute", "GET /a", (300, 301), 3),
        ];
        let hits: Vec<(u8, String, i64, i64, u64)> = LimitHit::among(&rows)
            .into_iter()
            .map(|hit| {
                let seconds = |at: Timestamp| at.as_millis() / 1_000;
                (hit.key.to_bytes()[0], hit.limit.into(), seconds(hit.from), seconds(hit.until), hit.refused)
            })
            .collect();
        let expected = [
            (1, "minute".to_owned(), 402, 403, 1),
            (1, "minute".to_owned(), 300, 341, 96),
            (1, "hour".to_owned(), 300, 301, 2),
            (2, "minute".to_owned(), 300, 301, 3),
        ];
        assert_eq!(hits, expected);
    }
}
