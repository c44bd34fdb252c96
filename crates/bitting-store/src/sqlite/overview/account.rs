//! The keys of one account, all of which are looked at.

use std::collections::HashSet;

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use rusqlite::{Connection, Row};

use super::super::error::unavailable;
use super::super::listing::Conditions;
use super::super::read::{rows, sql_limit};
use super::{Answer, Question, VITALS, beginning, each_face};
use crate::error::StoreError;
use crate::overview::{COUNTED, Face, Selection, SortBy};

pub(super) fn find(connection: &Connection, question: &Question<'_>, account: &AccountId) -> Result<Answer, StoreError> {
    let query = question.query;
    let mut conditions = Conditions::default();
    conditions.and("o.api = ?", query.api.clone());
    conditions.and("o.account = ?", account.to_string());
    conditions.and_if("o.environment = ?", query.environment.clone());
    // Names are the longest part of a row, and mostly nobody asks for them.
    let name = if query.sort.by == SortBy::Name || question.search.is_some() { "o.name" } else { "''" };
    // In the order of ids, which mostly is that of creation, what is wanted comes first.
    let order = if question.wanted.is_falling() { "DESC" } else { "ASC" };
    let texts = conditions.texts.join(" AND ");
    let sql = format!("SELECT {VITALS}, {name} FROM key_overview AS o WHERE {texts} ORDER BY o.key {order}");
    let search = question.search.map(|text| Search::new(connection, &query.api, account, text)).transpose()?;
    let mut selection = Selection::new(&question.wanted, &question.horizon);
    each_face(connection, &sql, conditions.values, |face| match &search {
        Some(search) if !search.finds(face)? => Ok(()),
        _ => selection.offer(face),
    })?;
    Ok(selection.finish().into())
}

/// What somebody searches for in an account.
struct Search {
    /// In small letters.
    text: String,
    /// The keys that begin so.
    beginning: HashSet<KeyId>,
}

impl Search {
    fn new(connection: &Connection, api: &str, account: &AccountId, text: &str) -> Result<Self, StoreError> {
        let read = |row: &Row<'_>| row.get(0).map(KeyId::from_bytes).map_err(unavailable);
        let (from, until) = beginning(text);
        let sql =
            "SELECT id FROM api_key INDEXED BY api_key_by_prefix WHERE api = ?1 AND prefix >= ?2 AND prefix < ?3 LIMIT ?4";
        let mut found = rows(connection, sql, (api, &from, &until, sql_limit(COUNTED + 1)), read)?;
        if found.len() > COUNTED {
            // So little was said of the key that half of the API's begin so.
            let sql = "SELECT id FROM api_key INDEXED BY api_key_by_account \
                       WHERE api = ?1 AND account = ?2 AND prefix >= ?3 AND prefix < ?4";
            found = rows(connection, sql, (api, account.as_str(), &from, &until), read)?;
        }
        Ok(Self { text: text.to_lowercase(), beginning: found.into_iter().collect() })
    }

    fn finds(&self, face: &impl Face) -> Result<bool, StoreError> {
        let name = face.name()?;
        let has_text = if name.is_ascii() {
            let text = self.text.as_bytes();
            name.as_bytes().windows(text.len()).any(|part| part.eq_ignore_ascii_case(text))
        } else {
            name.to_lowercase().contains(&self.text)
        };
        Ok(has_text || !self.beginning.is_empty() && self.beginning.contains(&face.key()?))
    }
}
