//! `POST …/leak-reports`: keys that somebody has found where others can read them.

use std::fmt;
use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bitting_core::api::Api;
use bitting_core::key::Concealment;
use bitting_core::reason::Reason;
use bitting_core::record::Record;
use bitting_engine::{InvalidChange, Violation, import_id, leak_violations};
use bitting_store::{Change, Conditions, Leak, LeakReport};
use bytes::Bytes;
use futures_util::future::try_join_all;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroize as _;

use crate::caller::Caller;
use crate::fault::Fault;
use crate::json::{self, Json};
use crate::openapi::words;
use crate::presented::PresentedText;

/// The most keys of one report.
const MOST: usize = 1_000;

/// The most bytes of one: enough to read a report that has a hundred times too many keys, and to say so.
const LIMIT: usize = 16 << 20;

/// How many changes are made at once: as many as share one wait for the disk.
const CHUNK: usize = 200;

/// One found key, or a list of them.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(examples(json!({"leaks": [{"token": "shop_…", "source": "github", "url": "https://github.com/acme/app/blob/main/.env"}]})))]
#[expect(dead_code, reason = "`Asked` is what is read, with errors that name the field")]
enum LeakReportBody {
    One(FoundLeak),
    Several(FoundLeaks),
}

/// Several found keys.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "`Asked` is what is read, with errors that name the field")]
struct FoundLeaks {
    #[schema(min_items = 1, max_items = 1000)]
    leaks: Vec<FoundLeak>,
}

/// A found key, and where it was found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FoundLeak {
    /// The key. It is kept nowhere.
    #[schema(value_type = String, write_only)]
    token: PresentedText,
    /// By whom, or in what, it was found.
    #[schema(value_type = Option<words::Name>, examples("github"))]
    source: Option<String>,
    /// Where others can read it.
    #[schema(
        value_type = Option<String>,
        pattern = "^https?://[^ \\u0000-\\u001f\\u007f-\\u009f]*$",
        max_length = 2000,
        examples("https://github.com/acme/app/blob/main/.env")
    )]
    url: Option<String>,
}

/// Either form, as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    token: Option<PresentedText>,
    source: Option<String>,
    url: Option<String>,
    leaks: Option<Several>,
}

/// A list of which no more is kept than a report may have.
struct Several {
    leaks: Vec<FoundLeak>,
    count: usize,
}

/// What was reported, each with its place in the body.
pub(crate) struct Reported(Vec<FoundLeak>);

/// What became of a report.
#[derive(Serialize, ToSchema)]
struct LeakReportAnswer {
    /// By which the audit log knows it.
    #[schema(examples("lrp_01m7r8z3q9v5w2x4y6a8b0c1d2"))]
    id: String,
    /// An answer to each key, in the order of the report.
    data: Vec<LeakOutcome>,
}

/// What became of one reported key.
#[derive(Serialize, ToSchema)]
struct LeakOutcome {
    /// Whether it is, or was, a key of this API.
    known: bool,
    #[schema(value_type = Option<words::KeyId>, required = true)]
    key: Option<String>,
    /// Its status now.
    #[schema(value_type = Option<words::Status>, required = true)]
    status: Option<&'static str>,
    /// What this report has done: `revoked`, `alerted`, or `none` where it was reported before or is no key.
    #[schema(examples("alerted"))]
    action: &'static str,
}

impl LeakOutcome {
    const UNKNOWN: Self = Self { known: false, key: None, status: None, action: "none" };
}

/// Report keys that were found where others can read them
///
/// Each that is a key of the API is told to its account and to the operators, once, and ended first if the API says so (`[api.leaks]`).
/// To report a key again changes nothing. Up to 1,000 keys a report.
#[utoipa::path(
    post,
    path = "/v1/apis/{api}/leak-reports",
    operation_id = "reportLeaks",
    tag = "leaks",
    request_body = LeakReportBody,
    responses((status = 200, description = "What became of each", body = LeakReportAnswer)),
)]
pub(crate) async fn report(caller: Caller, reported: Reported) -> Result<Response, Fault> {
    let leaks = reported.judged(caller.api.concealment())?;
    let records = recognise(&caller, &leaks).await?;
    let id = import_id(caller.shared.engine.now()).map_err(InvalidChange::from)?.replacen("imp_", "lrp_", 1);
    let known = records.iter().flatten().count() as u64;
    let report = LeakReport { id: id.clone(), known, unknown: leaks.len() as u64 - known };
    // Before anything is told: whoever tries texts out leaves a trace of it.
    let api = || caller.api.name.to_string();
    caller.submit(Change::NoteLeakReport { api: api(), report }, Conditions::default()).await?;
    let mut data = Vec::with_capacity(leaks.len());
    let found: Vec<(Option<Arc<Record>>, Leak)> = records.into_iter().zip(leaks.into_iter().map(|leak| leak.place)).collect();
    for chunk in found.chunks(CHUNK) {
        data.extend(try_join_all(chunk.iter().map(|(record, leak)| act(&caller, record.as_deref(), leak))).await?);
    }
    Ok(Json(LeakReportAnswer { id, data }).into_response())
}

/// A found key with what may be kept of it.
struct Judged {
    token: PresentedText,
    place: Leak,
}

impl Reported {
    /// What may be kept of each, or everything that is wrong. A key that stands in an address is left out of it.
    fn judged(self, concealment: &Concealment) -> Result<Vec<Judged>, Fault> {
        let is_alone = self.0.len() == 1;
        let (mut judged, mut wrong) = (Vec::with_capacity(self.0.len()), Vec::new());
        for (number, FoundLeak { token, source, url }) in self.0.into_iter().enumerate() {
            let place = Leak { source, url };
            let found = leak_violations(&place).into_iter();
            wrong.extend(found.map(|Violation { field, message }| Violation {
                field: if is_alone { field } else { format!("leaks[{number}].{field}") },
                message,
            }));
            let clean = |text: String| {
                let shown = token.as_str().trim();
                let text = if shown.len() < SHORTEST { text } else { text.replace(shown, "[key]") };
                concealment.conceal(&text).into_owned()
            };
            let place = Leak { source: place.source.map(clean), url: place.url.map(clean) };
            judged.push(Judged { token, place });
        }
        if wrong.is_empty() { Ok(judged) } else { Err(InvalidChange::Fields(wrong).into()) }
    }
}

/// Texts that are shorter are no keys, and stand in addresses for other reasons.
const SHORTEST: usize = 8;

/// Whose keys they are.
async fn recognise(caller: &Caller, leaks: &[Judged]) -> Result<Vec<Option<Arc<Record>>>, Fault> {
    let mut records = Vec::with_capacity(leaks.len());
    for leak in leaks {
        let record = caller.shared.engine.recognise(&caller.api, leak.token.as_str().trim().as_bytes()).await;
        records.push(record.map_err(|error| {
            Fault::of(Reason::StoreUnavailable, format!("{error}, and nothing was done. Send the same report again shortly."))
        })?);
    }
    Ok(records)
}

/// Writes down that a key was found.
async fn act(caller: &Caller, record: Option<&Record>, leak: &Leak) -> Result<LeakOutcome, Fault> {
    let Some(record) = record else { return Ok(LeakOutcome::UNKNOWN) };
    let Api { name, leaks, .. } = &**caller.api;
    // The engine says what the configuration in force wants; this is what it is expected to say.
    let change = Change::ReportLeak { api: name.to_string(), key: record.id, leak: leak.clone(), revoke: leaks.revokes() };
    let committed = caller.submit(change, Conditions::default()).await?;
    let row = committed.keys.first().map(|key| &key.row);
    let is_new = committed.sequence.0 > 0;
    let is_revoked = row.is_some_and(|row| row.revoked_at.is_some() && row.sequence == committed.sequence);
    let action = match (is_new, is_revoked) {
        (true, true) => "revoked",
        (true, false) => "alerted",
        (false, _) => "none",
    };
    let status = row.map(|row| row.status(caller.shared.engine.now()).name());
    Ok(LeakOutcome { known: true, key: Some(record.id.to_string()), status, action })
}

impl<S: Sync> FromRequest<S> for Reported {
    type Rejection = Fault;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Fault> {
        if !json::is_json(request.headers()) {
            return Err(json::not_json());
        }
        let body = json::bytes(request, LIMIT).await.map_err(|fault| match fault.reason {
            Reason::PayloadTooLarge => too_many(&format!("this one is larger than {LIMIT} bytes")),
            _ => fault,
        })?;
        let asked = json::read::<Asked>(&body);
        wipe(body);
        asked?.leaks()
    }
}

impl Asked {
    fn leaks(self) -> Result<Reported, Fault> {
        match self {
            Self { token: Some(token), source, url, leaks: None } => Ok(Reported(vec![FoundLeak { token, source, url }])),
            Self { token: None, source: None, url: None, leaks: Some(Several { leaks, count }) } => match count {
                0 => Err(Fault::field("leaks", "name at least one key")),
                1..=MOST => Ok(Reported(leaks)),
                _ => Err(too_many(&format!("this one has {count}"))),
            },
            Self { leaks: None, .. } => {
                Err(Fault::field("token", "send the key that was found, or a list of them as \"leaks\""))
            }
            Self { .. } => {
                Err(Fault::field("leaks", "send either one key or a list of them, each with its own source and url"))
            }
        }
    }
}

fn too_many(how_many: &str) -> Fault {
    let message = format!("a report can have {MOST} keys, and {how_many}; nothing was done, send it in parts");
    let mut fault = Fault::field("leaks", message);
    fault.reason = Reason::PayloadTooLarge;
    fault
}

/// Overwrites a body that holds keys, unless somebody else still reads it.
fn wipe(body: Bytes) {
    if let Ok(mut body) = body.try_into_mut() {
        body[..].zeroize();
    }
}

impl<'de> Deserialize<'de> for Several {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Several;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of leaks")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Several, A::Error> {
                let mut leaks = Vec::new();
                while leaks.len() < MOST
                    && let Some(leak) = list.next_element()?
                {
                    leaks.push(leak);
                }
                let mut count = leaks.len();
                if count == MOST {
                    while list.next_element::<IgnoredAny>()?.is_some() {
                        count += 1;
                    }
                }
                Ok(Several { leaks, count })
            }
        }

        deserializer.deserialize_seq(List)
    }
}
