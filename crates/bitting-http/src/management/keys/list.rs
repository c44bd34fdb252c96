//! `GET …/api-keys`

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse, Response};
use bitting_core::account::AccountId;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_store::{KeyCursor, KeyFilter, KeyRow, KeySearch, KeyStatus, Page, StatusFilter};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::Key;
use crate::caller::Caller;
use crate::fault::Fault;
use crate::json::Json;
use crate::openapi::words;
use crate::page::{self, Asked, PageParameters};

/// Which keys, and which part of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListKeys {
    limit: Option<usize>,
    cursor: Option<String>,
    #[serde(flatten)]
    filter: Filter,
}

/// Which keys.
#[derive(Clone, Default, Serialize, Deserialize, utoipa::IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[schema(as = KeyFilter, min_properties = 1, examples(json!({"account": "acme"})))]
pub(super) struct Filter {
    /// Whose keys.
    #[serde(default, deserialize_with = "present")]
    #[param(value_type = words::AccountId, required = false)]
    #[schema(value_type = words::AccountId)]
    account: Option<AccountId>,
    /// Keys of one environment.
    #[serde(default, deserialize_with = "present")]
    #[param(value_type = String, required = false)]
    #[schema(value_type = String)]
    environment: Option<String>,
    /// Keys in one state. Without it, every state but `revoked`.
    #[serde(default, deserialize_with = "present")]
    #[param(value_type = words::Status, required = false)]
    #[schema(value_type = words::Status)]
    status: Option<KeyStatus>,
    /// Keys that one key has made, or that one user of the command line has.
    #[serde(default, deserialize_with = "present")]
    #[param(value_type = String, required = false)]
    #[schema(value_type = String)]
    created_by: Option<String>,
    /// With `true`, keys whose maker is a member who may no longer sign in.
    #[serde(default, deserialize_with = "truth")]
    #[param(value_type = bool, required = false)]
    #[schema(value_type = bool)]
    creator_removed: Option<bool>,
    /// Keys that hold this permission by name.
    #[serde(default, deserialize_with = "present")]
    #[param(value_type = words::Permission, required = false)]
    #[schema(value_type = words::Permission)]
    permission: Option<Permission>,
    /// How the name begins; not together with `prefix`.
    #[serde(default, deserialize_with = "present")]
    #[param(value_type = String, required = false)]
    #[schema(value_type = String)]
    name: Option<String>,
    /// How the key begins; not together with `name`.
    #[serde(default, deserialize_with = "present")]
    #[param(value_type = String, required = false)]
    #[schema(value_type = String)]
    prefix: Option<String>,
}

/// A condition that is named holds: null would be none, and what leaves nothing out ends every key.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// The same of yes or no, which queries say in letters.
fn truth<'de, D: Deserializer<'de>>(value: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Truth(bool),
        Text(String),
    }
    match Written::deserialize(value)? {
        Written::Truth(truth) => Ok(Some(truth)),
        Written::Text(text) => text.parse().map(Some).map_err(|_| D::Error::custom("write true or false")),
    }
}

/// List keys
///
/// Newest first, or by name with `name`. A key sees the keys of its own account and environment.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "listKeys",
    tag = "keys",
    params(PageParameters, Filter),
    responses((status = 200, description = "A page of keys", body = page::Page<Key>)),
)]
pub(crate) async fn list(caller: Caller, query: Result<Query<ListKeys>, QueryRejection>) -> Result<Response, Fault> {
    let Query(asked) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let now = caller.shared.engine.now();
    let filter = asked.filter.of(&caller, now)?;
    let page =
        Asked::<KeyCursor>::new(asked.limit, asked.cursor.as_deref(), &(&*caller.api.name, &asked.filter, caller.scope()))?;
    let reading = Page { after: page.after.clone(), limit: page.reading() };
    let rows = caller.shared.engine.store().keys(&caller.api.name, filter.clone(), reading).await?;
    let last_used = caller.last_uses(rows.iter().map(|row| row.id).collect()).await?;
    let shown = |row: KeyRow| {
        let last_used = last_used.get(&row.id).copied();
        Key::new(row, last_used, now)
    };
    let page = page.page(rows, |last| filter.cursor(last), shown);
    Ok(Json(page).into_response())
}

impl Filter {
    /// What the store is asked for: the caller's keys, of those that are asked for.
    pub(super) fn of(&self, caller: &Caller, now: Timestamp) -> Result<KeyFilter, Fault> {
        let search = match (&self.name, &self.prefix) {
            (Some(_), Some(_)) => return Err(Fault::field("prefix", "search by name or by prefix, not by both")),
            (Some(name), None) => Some(KeySearch::Name(name.clone())),
            (None, Some(prefix)) => Some(KeySearch::Prefix(prefix.trim_end_matches("...").to_owned())),
            (None, None) => None,
        };
        let mut filter = KeyFilter {
            account: self.account.clone(),
            environment: self.environment.clone(),
            status: Some((self.status.map_or(StatusFilter::NotRevoked, StatusFilter::Is), now)),
            creator: self.created_by.clone(),
            creator_removed: self.creator_removed == Some(true),
            permission: self.permission.clone(),
            search,
        };
        if let Some(holder) = caller.holder() {
            let (account, environment) = (holder.row().account.clone(), holder.row().environment.clone());
            let elsewhere = self.account.as_ref().is_some_and(|asked| *asked != account)
                || self.environment.as_ref().is_some_and(|asked| *asked != environment);
            // What is not theirs is not there for them.
            if elsewhere {
                filter.creator = Some(String::new());
            }
            (filter.account, filter.environment) = (Some(account), Some(environment));
        }
        Ok(filter)
    }

    /// Whether it leaves nothing out.
    pub(super) fn is_empty(&self) -> bool {
        self.account.is_none()
            && self.environment.is_none()
            && self.status.is_none()
            && self.created_by.is_none()
            && self.creator_removed != Some(true)
            && self.permission.is_none()
            && self.name.is_none()
            && self.prefix.is_none()
    }
}
