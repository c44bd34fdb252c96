//! `POST …/api-keys/{id}/rotate`

use std::time::Duration;

use axum::response::Response;
use bitting_core::time::Timestamp;
use bitting_engine::Issued;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{NewKey, issued};
use crate::caller::Caller;
use crate::fault::Fault;
use crate::idempotency::{Once, OnceHeader};
use crate::json::Digested;
use crate::management::id::{Id, KeyIdPath};
use crate::management::overlap::{Overlap, overlap};
use crate::nullable::Nullable;
use crate::openapi::words;

/// How one key gives way to the next.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"overlap": "24h"})))]
pub(crate) struct RotateKey {
    /// How long the old key goes on working, in seconds or as text such as `24h`; not at all where nothing is said.
    #[serde(default, deserialize_with = "overlap")]
    #[schema(value_type = Overlap)]
    overlap: Duration,
    /// When the new key ends; where nothing is said, it lives as long as the old one was made to live.
    #[serde(default)]
    #[schema(value_type = Option<words::Time>)]
    expires_at: Nullable<Timestamp>,
}

/// Make a new key in place of an old one
///
/// The new one has the name and the rights of the old one, which ends after the overlap.
#[utoipa::path(
    post,
    path = "/{id}/rotate",
    operation_id = "rotateKey",
    tag = "keys",
    params(KeyIdPath, OnceHeader),
    request_body = RotateKey,
    responses((
        status = 201,
        description = "The new key, with its text",
        body = NewKey,
        headers(
            ("ETag" = String, description = "The state of the new key, for `If-Match`"),
            ("Location" = String, description = "Where the new key is shown"),
            ("Idempotency-Replayed" = String, description = "`true` if the same request was answered before"),
        ),
    )),
)]
pub(crate) async fn rotate(caller: Caller, Id(id): Id, once: Once, asked: Digested<RotateKey>) -> Result<Response, Fault> {
    let claim = match once.claim(&caller, asked.digest).await? {
        Ok(claim) => claim,
        Err(before) => return issued(&caller, None, *before),
    };
    let row = caller.key(&id).await?;
    let now = caller.shared.engine.now();
    let mut made = Issued::successor(&caller.api, &row, asked.value.overlap, asked.value.expires_at.into(), now)?;
    if let (Nullable::Absent, Some(bound)) =
        (asked.value.expires_at, caller.holder().and_then(|holder| holder.row().expires_at))
    {
        made.end_by(bound);
    }
    let committed = caller.submit(made.change.clone(), claim.conditions()).await?;
    issued(&caller, Some(&made), committed)
}
