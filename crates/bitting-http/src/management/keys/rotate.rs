//! `POST …/api-keys/{id}/rotate`

use std::time::Duration;

use axum::response::Response;
use bitting_core::duration;
use bitting_core::time::Timestamp;
use bitting_engine::Issued;
use bitting_store::Conditions;
use serde::{Deserialize, Deserializer};

use super::issued;
use crate::caller::Caller;
use crate::fault::Fault;
use crate::idempotency::Once;
use crate::json::Digested;
use crate::management::id::Id;

/// How one key gives way to the next.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateKey {
    /// How long the old key goes on working, in seconds or as text such as `24h`; not at all where nothing is said.
    #[serde(default, deserialize_with = "overlap")]
    overlap: Duration,
    /// When the new key ends; where nothing is said, it lives as long as the old one was made to live.
    #[serde(default, deserialize_with = "present")]
    expires_at: Option<Option<Timestamp>>,
}

pub(crate) async fn rotate(caller: Caller, Id(id): Id, once: Once, asked: Digested<RotateKey>) -> Result<Response, Fault> {
    let claim = once.claim(&caller, asked.digest)?;
    let row = caller.key(&id).await?;
    let now = caller.shared.engine.now();
    let mut made = Issued::successor(&caller.api, &row, asked.value.overlap, asked.value.expires_at, now)?;
    if let (None, Some(bound)) = (asked.value.expires_at, caller.holder().and_then(|holder| holder.row().expires_at)) {
        made.end_by(bound);
    }
    let (idempotency, _alone) = claim.unzip();
    let committed = caller.submit(made.change.clone(), Conditions { idempotency, ..Conditions::default() }).await?;
    issued(&caller, &made, committed)
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

/// Tells a field that is null from one that is not there.
#[expect(clippy::option_option, reason = "the outer one is whether the field is there")]
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}
