//! The documents (OpenAPI 3.1) of what Bitting answers itself.
//!
//! Each handler describes what is its own: parameters, bodies, the answer when all goes well. A router is built of handlers
//! together with their descriptions, so there is no route without one. Here is added what follows for every operation: who
//! may ask, how it is refused, and which operations go on from its answer. Describing refusals at each handler was rejected:
//! they follow from what a request has, and one that is forgotten is a status that no client expects.

mod access;
mod links;
mod refusals;
pub(crate) mod words;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bitting_core::api::Api;
use http::header;
use utoipa::PartialSchema as _;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, Schema};
use utoipa::openapi::{Components, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, Required, Server};
use utoipa_axum::router::OpenApiRouter;

use self::refusals::Refusals;
use crate::management;
use crate::service::{self, Part, Shared};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// This document
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "document",
    tag = "health",
    security(()),
    responses((status = 200, description = "What this listener serves", body = Object)),
)]
pub(crate) async fn document(State(shared): State<Shared>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], shared.document).into_response()
}

/// The document of the service listener, with all of its parts, as JSON.
pub fn for_operators() -> String {
    of_operators(service::table(&Part::ALL).into_openapi())
}

/// The document for those who manage keys of an API with its keys, as JSON; `None` if the API has no path for it. `servers`
/// are the addresses at which the API is reached.
pub fn for_holders(api: &Api, servers: &[String]) -> Option<String> {
    let base = api.management_path.as_deref()?;
    let mut document = OpenApiRouter::<Shared>::default().nest(base, management::keys()).into_openapi();
    let description = format!("Managing the API keys of {} with an API key.", api.name);
    document.info = InfoBuilder::new().title(&*api.name).description(Some(description)).version(VERSION).build();
    document.servers = Some(servers.iter().map(Server::new).collect());
    access::of_keys(&mut document, api);
    finish(&mut document, &Refusals::of_api(api));
    Some(json(&document))
}

/// What is said of the service listener's routes, made whole.
pub(crate) fn of_operators(mut document: OpenApi) -> String {
    let description = "Keys, accounts and their history, for operators; and what other programs ask Bitting.";
    let license = LicenseBuilder::new().name("Apache 2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new().title("Bitting").description(Some(description)).license(Some(license));
    document.info = info.version(VERSION).build();
    document.servers = Some(vec![Server::new("/")]);
    access::of_operators(&mut document);
    let refusals = Refusals::of_operators(&mut document);
    finish(&mut document, &refusals);
    json(&document)
}

fn finish(document: &mut OpenApi, refusals: &Refusals<'_>) {
    let components = document.components.get_or_insert_with(Components::new);
    refer_to_items(&mut components.schemas);
    let shared = &mut components.responses;
    for (path, item) in &mut document.paths.paths {
        let methods = [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Patch, &mut item.patch),
            (HttpMethod::Delete, &mut item.delete),
        ];
        for (method, operation) in methods {
            let Some(operation) = operation else { continue };
            let of_some_api = path.contains("{api}");
            if of_some_api {
                name_the_api(operation);
            }
            refusals.add(&method, operation, shared);
            links::add(operation, of_some_api);
        }
    }
}

/// A page is generic, and its items are written out in it; clients would have two types for each.
fn refer_to_items(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    for (name, schema) in schemas {
        let Some(item) = name.strip_prefix("Page_") else { continue };
        if let RefOr::T(Schema::Object(page)) = schema {
            let items = ArrayBuilder::new().items(Ref::from_schema_name(item)).build();
            page.properties.insert("data".to_owned(), Schema::Array(items).into());
        }
    }
}

/// `{api}` stands before the paths that handlers know, so they do not describe it.
fn name_the_api(operation: &mut Operation) {
    let parameter = ParameterBuilder::new()
        .name("api")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("The API, by its name in the configuration."))
        .schema(Some(words::ApiName::schema()))
        .build();
    operation.parameters.get_or_insert_default().insert(0, parameter.into());
}

fn json(document: &OpenApi) -> String {
    // A document is made of texts and numbers, which always can be written.
    serde_json::to_string_pretty(document).unwrap_or_default()
}
