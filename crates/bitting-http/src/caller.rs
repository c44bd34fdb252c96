//! Who asks for something to be managed, and how far their word goes.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use bitting_core::key::KeyId;
use bitting_core::reason::Reason;
use bitting_core::time::Timestamp;
use bitting_engine::{Admission, CommitError, Holder, ServedApi};
use bitting_store::{Actor, Change, Committed, Conditions, KeyRow, Origin};
use http::request::Parts;

use crate::fault::Fault;
use crate::service::Shared;

/// Somebody who was let through, and the API whose keys they manage.
pub(crate) struct Caller {
    pub(crate) shared: Shared,
    pub(crate) api: Arc<ServedApi>,
    admission: Admission,
    /// The holder of a key of the API itself; without one it is an operator, who manages all of the API.
    holder: Option<Holder>,
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Fault> {
        let unguarded = || Fault::of(Reason::StoreUnavailable, "The request was not guarded.");
        let admission = parts.extensions.get::<Admission>().cloned().ok_or_else(unguarded)?;
        let apis = shared.engine.apis();
        let own = apis.own();
        let (api, holder) = if Arc::ptr_eq(admission.permit.api(), own) {
            let path = RawPathParams::from_request_parts(parts, shared).await.ok();
            let name = path.iter().flatten().find(|(name, _)| *name == "api").map(|(_, value)| value.to_owned());
            let api = name.as_deref().and_then(|name| apis.find(name)).cloned();
            (api.ok_or_else(|| Fault::not_found("such API"))?, None)
        } else {
            let changed = || Fault::of(Reason::Conflict, "The key that asks was changed meanwhile. Ask again.");
            let holder = shared.engine.holder(&admission.permit).await?.ok_or_else(changed)?;
            (Arc::clone(admission.permit.api()), Some(holder))
        };
        Ok(Self { shared: shared.clone(), api, admission, holder })
    }
}

impl Caller {
    /// The holder of a key of the API itself, if it is no operator.
    pub(crate) fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()
    }

    /// The id of the key or operator token that asks.
    pub(crate) fn id(&self) -> String {
        self.admission.permit.key().map_or_else(String::new, |record| record.id.to_string())
    }

    /// What of the API's lists is the caller's, so that cursors do not lead from one caller's list into another's.
    pub(crate) fn scope(&self) -> Option<(String, String)> {
        self.holder.as_ref().map(|holder| (holder.row().account.to_string(), holder.row().environment.clone()))
    }

    /// The path at which the caller manages keys.
    pub(crate) fn keys_path(&self) -> String {
        match (&self.holder, &self.api.management_path) {
            (Some(_), Some(path)) => path.to_string(),
            _ => format!("/v1/apis/{}/api-keys", self.api.name),
        }
    }

    /// A key that the caller may see: of their account and environment, and not ended.
    pub(crate) async fn key(&self, id: &str) -> Result<KeyRow, Fault> {
        let unknown = || no_such_key(id);
        let id = id.parse().map_err(|_| unknown())?;
        let row = self.shared.engine.store().key(&self.api.name, id).await?;
        let visible = |row: &KeyRow| match &self.holder {
            Some(holder) => holder.manages(row),
            None => row.revoked_at.is_none(),
        };
        row.filter(visible).ok_or_else(unknown)
    }

    /// When keys were last used.
    pub(crate) async fn last_uses(&self, keys: Vec<KeyId>) -> Result<HashMap<KeyId, Timestamp>, Fault> {
        let uses = self.shared.engine.store().last_uses(keys).await?;
        Ok(uses.into_iter().map(|last| (last.key, last.at)).collect())
    }

    /// Whether the same request would be let through now.
    pub(crate) async fn is_still_admitted(&self) -> bool {
        self.shared.engine.still_admits(&self.admission.permit, Some(self.admission.client)).await
    }

    /// Who asks, and how, for the audit log.
    pub(crate) fn origin(&self) -> Origin {
        let record = self.admission.permit.key();
        Origin {
            actor: record.map_or(Actor::System, |record| Actor::Key(record.id)),
            request_id: self.admission.request_id.as_str().to_owned(),
            address: Some(self.admission.client),
        }
    }

    /// Makes a change in the caller's name.
    pub(crate) async fn submit(&self, change: Change, conditions: Conditions) -> Result<Committed, CommitError> {
        let origin = self.origin();
        match &self.holder {
            Some(holder) => self.shared.engine.submit_for(holder, &change, &origin, &conditions).await,
            None => self.shared.engine.submit(change, origin, conditions).await,
        }
    }
}

/// A key that is not there, or that is not the caller's to see.
pub(crate) fn no_such_key(id: &str) -> Fault {
    Fault::not_found(format_args!("key {}", id.chars().take(40).collect::<String>()))
}
