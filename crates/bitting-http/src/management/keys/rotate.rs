//! `POST …/api-keys/{id}/rotate`

use std::time::Duration;

use axum::response::Response;
use bitting_core::duration;
use bitting_core::time::Timestamp;
use bitting_engine::Issued;
use serde::{Deserialize, Deserializer};

use super::issued;
use crate::caller::Caller;
use crate::fault::Fault;
use crate::idempotency::Once;
use crate::json::Digested;
use crate::management::id::Id;
use crate::nullable::Nullable;

/// How one key gives way to the next.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateKey {
    /// How long the old key goes on working, in seconds or as text such as `24h`; not at all where nothing is said.
    #[serde(default, deserialize_with = "overlap")]
    overlap: Duration,
    /// When the new key ends; where nothing is said, it lives as long as the old one was made to live.
    #[serde(default)]
    expires_at: Nullable<Timestamp>,
}

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

fn overlap<'de, D: Deserializer<'de>>(value: D) -> Result<Duration, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Overlap {
        Seconds(u32),
        Text(String),
    }
    match Overlap::deserialize(value)? {
        Overlap::Seconds(seconds) => Ok(Duration::from_secs(seconds.into())),
        Overlap::Text(text) => duration::parse(&text).map_err(serde::de::Error::custom),
    }
}
