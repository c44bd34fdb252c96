//! How operations are refused: which reasons there can be follows from what a request has.

use std::collections::BTreeMap;

use bitting_core::api::Api;
use bitting_core::dialect::AnswerContext;
use bitting_core::reason::Reason;
use http::header;
use serde_json::Value;
use utoipa::ToSchema as _;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Components, ContentBuilder, Header, HttpMethod, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use crate::fault::{Fault, Problem};

/// Who refuses, in whose words.
pub(super) enum Refusals<'a> {
    /// The service listener, with problems.
    Operators,
    /// The gateway, in an API's dialect.
    Holders(&'a Api),
}

/// One refusal as it is sent.
struct Told {
    status: u16,
    content_type: String,
    challenges: bool,
    body: Value,
    schema: RefOr<Schema>,
}

/// What every request can be refused for that needs a key.
const GUARDED: [Reason; 14] = [
    Reason::InvalidPath,
    Reason::InvalidRequest,
    Reason::AmbiguousCredential,
    Reason::MissingKey,
    Reason::ForeignKey,
    Reason::MalformedKey,
    Reason::UnknownKey,
    Reason::RevokedKey,
    Reason::DisabledKey,
    Reason::DisabledAccount,
    Reason::ExpiredKey,
    Reason::AddressNotAllowed,
    Reason::InsufficientPermission,
    Reason::StoreUnavailable,
];

impl<'a> Refusals<'a> {
    /// Of the service listener.
    pub(super) fn of_operators(document: &mut OpenApi) -> Self {
        let mut schemas = vec![(Problem::name().into_owned(), <Problem as utoipa::PartialSchema>::schema())];
        Problem::schemas(&mut schemas);
        document.components.get_or_insert_with(Components::new).schemas.extend(schemas);
        Self::Operators
    }

    /// Of an API on the gateway.
    pub(super) fn of_api(api: &'a Api) -> Self {
        Self::Holders(api)
    }

    /// Adds them to an operation, and to all its answers what all answers have.
    pub(super) fn add(&self, method: &HttpMethod, operation: &mut Operation, shared: &mut BTreeMap<String, RefOr<Response>>) {
        let mut told: BTreeMap<u16, Vec<(Reason, Told)>> = BTreeMap::new();
        for reason in self.reasons(method, operation) {
            let one = self.tell(reason);
            told.entry(one.status).or_default().push((reason, one));
        }
        for (status, told) in told {
            let name = share(&format!("Refused{status}"), identified(response(told)), shared);
            operation.responses.responses.insert(status.to_string(), Ref::from_response_name(name).into());
        }
        for answer in operation.responses.responses.values_mut() {
            if let RefOr::T(described) = answer {
                *described = identified(std::mem::take(described));
            }
        }
    }

    fn reasons(&self, method: &HttpMethod, operation: &Operation) -> Vec<Reason> {
        if operation.security.is_some() {
            // Only what is public says anything of its own about access.
            return Vec::new();
        }
        let parameters: Vec<_> = operation
            .parameters
            .iter()
            .flatten()
            .filter_map(|parameter| match parameter {
                RefOr::T(parameter) => Some(parameter),
                RefOr::Ref(_) => None,
            })
            .collect();
        let has = |name: &str| parameters.iter().any(|parameter| parameter.name == name);
        let asks_only = *method == HttpMethod::Get || operation.operation_id.as_deref() == Some("verify");
        // The key of a holder may have been changed between the guard and the handler.
        let conflicts = !asks_only || matches!(self, Self::Holders(_));
        let limited = matches!(self, Self::Holders(api) if !api.plans.are_empty());
        let bans = matches!(self, Self::Holders(api) if api.bans.is_some());
        let more: [(bool, &[Reason]); 7] = [
            (bans, &[Reason::AddressBanned]),
            (limited, &[Reason::RateLimited, Reason::QuotaExceeded]),
            (parameters.iter().any(|parameter| parameter.parameter_in == ParameterIn::Path), &[Reason::NotFound]),
            (conflicts, &[Reason::Conflict]),
            (has("If-Match"), &[Reason::PreconditionFailed]),
            (operation.request_body.is_some(), &[Reason::PayloadTooLarge, Reason::UnsupportedMediaType]),
            (has("Idempotency-Key"), &[Reason::IdempotencyKeyReused]),
        ];
        let more = more.into_iter().filter(|(there, _)| *there).flat_map(|(_, reasons)| reasons);
        GUARDED.iter().chain(more).copied().collect()
    }

    fn tell(&self, reason: Reason) -> Told {
        let needed = "keys:write";
        match self {
            Self::Operators => {
                let fault = Fault::of(reason, reason.default_detail().replace("{needed}", needed));
                Told {
                    status: reason.default_status().as_u16(),
                    content_type: Problem::CONTENT_TYPE.to_owned(),
                    challenges: reason.default_status() == http::StatusCode::UNAUTHORIZED,
                    body: serde_json::to_value(fault.problem()).unwrap_or_default(),
                    schema: Ref::from_schema_name(Problem::name()).into(),
                }
            }
            Self::Holders(api) => {
                let context = AnswerContext { request_id: "01m7r8z3q9v5w2x4", needed: Some(needed), problem: None };
                let sent = api.answer(reason).response(context);
                let text = String::from_utf8_lossy(sent.body());
                let body = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(&*text));
                let content_type = sent.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
                Told {
                    status: sent.status().as_u16(),
                    content_type: content_type.unwrap_or("application/octet-stream").to_owned(),
                    challenges: sent.headers().contains_key(header::WWW_AUTHENTICATE),
                    schema: schema_of(&body).into(),
                    body,
                }
            }
        }
    }
}

/// All refusals that have one status.
fn response(told: Vec<(Reason, Told)>) -> Response {
    let details: Vec<String> = told.iter().map(|(reason, _)| format!("`{reason}`")).collect();
    let mut response = ResponseBuilder::new().description(format!("Refused: {}", details.join(", ")));
    if told.iter().any(|(_, one)| one.challenges) {
        response = response.header("WWW-Authenticate", text_header("How to authenticate"));
    }
    let mut by_type: BTreeMap<String, Vec<(Reason, Told)>> = BTreeMap::new();
    for (reason, one) in told {
        by_type.entry(one.content_type.clone()).or_default().push((reason, one));
    }
    for (content_type, told) in by_type {
        let mut schemas: Vec<RefOr<Schema>> = Vec::new();
        let mut content = ContentBuilder::new();
        for (reason, one) in told {
            if !schemas.contains(&one.schema) {
                schemas.push(one.schema);
            }
            content = content.examples_from_iter([(reason.name(), ExampleBuilder::new().value(Some(one.body)).build())]);
        }
        let schema = match <[_; 1]>::try_from(schemas) {
            Ok([one]) => one,
            Err(several) => Schema::AnyOf(several.into_iter().fold(AnyOfBuilder::new(), AnyOfBuilder::item).build()).into(),
        };
        response = response.content(content_type, content.schema(Some(schema)).build());
    }
    response.build()
}

/// The name under which a response stands that many operations share, and under which it stands from now on.
fn share(name: &str, response: Response, shared: &mut BTreeMap<String, RefOr<Response>>) -> String {
    let response = RefOr::T(response);
    let mut free = name.to_owned();
    while shared.get(&free).is_some_and(|other| *other != response) {
        free.push('x');
    }
    shared.insert(free.clone(), response);
    free
}

/// With what every answer has.
fn identified(mut response: Response) -> Response {
    response.headers.insert("X-Request-Id".to_owned(), text_header("The request's id, as in the access log").into());
    response
}

fn text_header(description: &str) -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
    header.description = Some(description.to_owned());
    header
}

/// The shape of an answer in a dialect: what stands in it may change with the request, its fields do not.
fn schema_of(value: &Value) -> Schema {
    let simple = |kind: Type| Schema::Object(ObjectBuilder::new().schema_type(kind).build());
    match value {
        Value::Object(fields) => Schema::Object(
            fields
                .iter()
                .fold(ObjectBuilder::new(), |object, (name, value)| object.property(name, schema_of(value)).required(name))
                .schema_type(Type::Object)
                .build(),
        ),
        Value::Array(items) => {
            let item = items
                .first()
                .map_or_else(|| Schema::Object(ObjectBuilder::new().schema_type(SchemaType::AnyValue).build()), schema_of);
            Schema::Array(ArrayBuilder::new().items(RefOr::T(item)).build())
        }
        Value::String(_) => simple(Type::String),
        Value::Bool(_) => simple(Type::Boolean),
        Value::Number(number) if number.is_f64() => simple(Type::Number),
        Value::Number(_) => simple(Type::Integer),
        Value::Null => simple(Type::Null),
    }
}
