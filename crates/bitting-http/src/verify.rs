//! `POST /v1/verify`: the pipeline for whoever has the request but not the connection.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::extract::State;
use bitting_core::address::Client;
use bitting_core::reason::Reason;
use bitting_core::rights::Need;
use bitting_engine::{AnswerFor, Bearer, Decision, Inquiry, Permit, Presented, RequestId, Scope};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::guard::Permitted;
use crate::json::Json;
use crate::presented::PresentedText;
use crate::service::Shared;
use crate::standing::{LimitView, of_standing};
use crate::whoami::KeyView;

/// What is asked. Either `key`, or `headers` with or without `query`; without any of them it is a request without a key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"api": "shop", "method": "GET", "path": "/things", "key": "shop_…"})))]
pub(crate) struct VerifyRequest {
    /// The API's name.
    api: String,
    /// The key, if the asker has found it.
    #[schema(value_type = Option<String>, write_only)]
    key: Option<PresentedText>,
    /// The request's headers: by name, each with one value or a list of them, or as a list of `[name, value]`.
    #[schema(value_type = Option<PresentedHeaders>)]
    headers: Option<Value>,
    /// The request's query, without `?`.
    #[schema(value_type = Option<String>)]
    query: Option<Zeroizing<String>>,
    /// The request's method.
    #[schema(pattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", examples("GET"))]
    method: String,
    /// The request's path, without its query.
    #[schema(pattern = "^[^?#]*$", examples("/things"))]
    path: String,
    /// Where the request comes from. Without it a key with an address list is refused, and nobody is banned for an invalid key.
    #[schema(value_type = Option<String>, examples("192.0.2.7"))]
    client_address: Option<IpAddr>,
}

/// The headers of a request, in any of the forms in which programs have them.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "`read_headers` reads them, with errors that name the place")]
enum PresentedHeaders {
    ByName(BTreeMap<String, HeaderValues>),
    Pairs(Vec<[String; 2]>),
}

/// The values of a header.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "`read_headers` reads them, with errors that name the place")]
enum HeaderValues {
    One(String),
    Several(Vec<String>),
}

/// What becomes of the request.
#[derive(Serialize, ToSchema)]
pub(crate) struct VerifyResponse {
    allowed: bool,
    /// Why not, as in `unknown_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'static str>,
    /// Who is let through: `key`, `anonymous`, or `foreign` for a credential that the upstream must check.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    bearer: Option<&'static str>,
    /// The key, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<KeyView>,
    /// The headers that tell the upstream who it is, as the gateway would set them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = BTreeMap<String, String>, required = false)]
    identity: Option<Map<String, Value>>,
    /// What is left of the key's limits. It was charged what the route costs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    limits: Vec<LimitView>,
    /// The headers that tell the caller of them, to be added to the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = BTreeMap<String, String>, required = false)]
    limit_headers: Option<Map<String, Value>>,
    /// The answer to send instead, in the API's dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response: Option<ReadyResponse>,
}

/// An answer that only has to be sent.
#[derive(Serialize, ToSchema)]
struct ReadyResponse {
    status: u16,
    /// Pairs of name and value.
    #[schema(value_type = Vec<[String; 2]>)]
    headers: Vec<(String, String)>,
    body: String,
}

/// Decide about a request that somebody else received
///
/// The answer is 200 whatever was decided.
#[utoipa::path(
    post,
    path = "/v1/verify",
    operation_id = "verify",
    tag = "verify",
    request_body = VerifyRequest,
    responses((status = 200, description = "What becomes of the request", body = VerifyResponse)),
)]
pub(crate) async fn verify(
    State(shared): State<Shared>,
    Permitted(admission): Permitted,
    Json(asked): Json<VerifyRequest>,
) -> Result<Json<VerifyResponse>, Fault> {
    let apis = shared.engine.apis();
    if !apis.protected().iter().any(|api| *api.name == *asked.api) {
        let known: Vec<&str> = apis.protected().iter().map(|api| &*api.name).collect();
        return Err(Fault::field("api", format!("there is no API {:?}; there are: {}", asked.api, known.join(", "))));
    }
    let method =
        Method::from_bytes(asked.method.as_bytes()).map_err(|_| Fault::field("method", "write a method such as GET"))?;
    let needed = apis.own().catalogue.need([&*format!("{}:verify", asked.api)], apis.names());
    let holds = |need: &Need| admission.permit.key().is_some_and(|key| need.unmet_by(key.holdings.grants()).is_none());
    if !needed.is_ok_and(|need| holds(&need)) {
        let detail = format!("The token may not verify keys of {}.", asked.api);
        return Err(Fault::of(Reason::InsufficientPermission, detail));
    }
    if method == Method::CONNECT {
        return Err(Fault::field("method", "CONNECT asks for a tunnel, not for a path"));
    }
    if asked.path.contains(['?', '#']) {
        return Err(Fault::field("path", "send it without its query, which has a field of its own"));
    }
    let headers = asked.headers.as_ref().map(read_headers).transpose()?;
    let none = HeaderMap::new();
    let presented = match (&asked.key, &headers) {
        (Some(_), Some(_)) => return Err(Fault::field("key", "send either the key or the headers, not both")),
        (Some(_), None) if asked.query.is_some() => {
            return Err(Fault::field("query", "send it with the headers, or send the key alone"));
        }
        (Some(key), None) => Presented::Key(key.as_str().as_bytes()),
        (None, headers) => Presented::Request {
            headers: headers.as_ref().unwrap_or(&none),
            query: asked.query.as_ref().map(|query| query.as_str()),
        },
    };
    let scope = Scope::Api(&asked.api);
    let inquiry =
        Inquiry { scope, method: &method, path: &asked.path, presented, client: asked.client_address.map(Client::from) };
    let origin = headers.as_ref().and_then(|headers| headers.get(header::ORIGIN));
    Ok(Json(VerifyResponse::new(shared.engine.decide(&inquiry).await, &admission.request_id, origin)))
}

impl VerifyResponse {
    fn new(decision: Decision, request_id: &RequestId, origin: Option<&HeaderValue>) -> Self {
        match decision {
            Decision::Permit(permit) => Self::allowed(&permit),
            Decision::Denial(denial) => Self {
                key: denial.key().map(|record| KeyView::new(denial.api(), record)),
                response: Some(denial.response(AnswerFor { request_id: request_id.as_str(), origin }).into()),
                ..Self::refused(denial.reason().name())
            },
            Decision::Preflight(_, answer) => Self { response: Some((*answer).into()), ..Self::refused("cors_preflight") },
        }
    }

    fn allowed(permit: &Permit) -> Self {
        let bearer = match permit.bearer() {
            Bearer::Key(_) => "key",
            Bearer::Anonymous => "anonymous",
            Bearer::Foreign => "foreign",
        };
        let mut headers = HeaderMap::new();
        permit.identify(&mut headers);
        let mut limit_headers = HeaderMap::new();
        permit.tell_limits(&mut limit_headers);
        let limits = permit.limited().map_or_else(Vec::new, |limited| of_standing(&limited.standing(permit.api())));
        Self {
            allowed: true,
            reason: None,
            bearer: Some(bearer),
            key: permit.key().map(|record| KeyView::new(permit.api(), record)),
            identity: Some(table(&headers)),
            limit_headers: Some(table(&limit_headers)).filter(|headers| !headers.is_empty()),
            limits,
            response: None,
        }
    }

    fn refused(reason: &'static str) -> Self {
        Self {
            allowed: false,
            reason: Some(reason),
            bearer: None,
            key: None,
            identity: None,
            limits: Vec::new(),
            limit_headers: None,
            response: None,
        }
    }
}

fn table(headers: &HeaderMap) -> Map<String, Value> {
    headers.iter().map(|(name, value)| (name.to_string(), Value::from(text(value)))).collect()
}

impl From<http::Response<Bytes>> for ReadyResponse {
    fn from(response: http::Response<Bytes>) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: String::from_utf8_lossy(response.body()).into_owned(),
        }
    }
}

fn read_headers(given: &Value) -> Result<HeaderMap, Fault> {
    match given {
        Value::Object(by_name) => read_table(by_name),
        Value::Array(pairs) => read_pairs(pairs),
        _ => Err(Fault::field("headers", "send an object of names and values, or a list of [name, value]")),
    }
}

fn read_table(given: &Map<String, Value>) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    for (name, values) in given {
        let field = format!("headers.{}", name.escape_default());
        let values = match values {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            add_header(name, value, &field, &mut headers)?;
        }
    }
    Ok(headers)
}

/// Errors name the position: whoever mixes the two up sends the key as a name.
fn read_pairs(given: &[Value]) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    for (position, pair) in given.iter().enumerate() {
        let field = format!("headers.{position}");
        match pair.as_array().map(Vec::as_slice) {
            Some([Value::String(name), value]) => add_header(name, value, &field, &mut headers)?,
            _ => return Err(Fault::field(&field, "write a pair of texts, [name, value]")),
        }
    }
    Ok(headers)
}

fn add_header(name: &str, value: &Value, field: &str, headers: &mut HeaderMap) -> Result<(), Fault> {
    let name: HeaderName = name.parse().map_err(|_| Fault::field(field, "this is not the name of a header"))?;
    let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
    let value = value.ok_or_else(|| Fault::field(field, "write text, or a list of texts, without control characters"))?;
    headers.append(name, value);
    Ok(())
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
