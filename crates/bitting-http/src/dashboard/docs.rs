//! The API's page about authentication: for everybody, or for those who are signed in, as the API says.

use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template as _;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::api::Api;
use bitting_engine::{Engine, ServedApi};
use http::{Extensions, HeaderMap, StatusCode, Uri, header};

use super::address::Path;
use super::setback::Setback;
use super::view::{ApiLinks, DocsFile, DocsPage, Place, Trouble, sign_in_at};
use super::visitor::Visitor;
use super::{door, respond};
use crate::docs::{LLMS, Page, base_url};
use crate::openapi;
use crate::service::Shared;

/// Somebody who may read the documentation of an API.
struct Reader {
    api: Arc<ServedApi>,
    /// `None` for somebody who is not signed in.
    visitor: Option<Visitor>,
}

/// `GET /apis/{api}/docs`
pub(super) async fn show(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    let reader = match reader(&shared, &name, &uri, &headers, &extensions).await {
        Ok(reader) => reader,
        Err(response) => return response,
    };
    let frame = match &reader.visitor {
        None => door::frame(&shared, &headers, Some(uri.path())),
        Some(visitor) => match visitor.frame(Some(&reader.api), Place::Docs).await {
            Ok(frame) => frame,
            Err(setback) => return setback.response(visitor).await,
        },
    };
    respond(StatusCode::OK, &DocsPage::new(frame, &reader.api, below(&reader.api)))
}

/// `GET /apis/{api}/docs/authentication.md`
pub(super) async fn markdown(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    match reader(&shared, &name, &uri, &headers, &extensions).await {
        Ok(reader) => text("text/markdown; charset=utf-8", Page::new(&reader.api).markdown()),
        Err(response) => response,
    }
}

/// `GET /apis/{api}/docs/llms.txt`
pub(super) async fn llms(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    match reader(&shared, &name, &uri, &headers, &extensions).await {
        Ok(reader) => text(PLAIN, Page::new(&reader.api).llms(&below(&reader.api))),
        Err(response) => response,
    }
}

/// `GET /apis/{api}/docs/openapi.json`
pub(super) async fn document(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    match reader(&shared, &name, &uri, &headers, &extensions).await {
        Ok(Reader { api, .. }) => match openapi::for_holders(&api, &[base_url(&api)]) {
            Some(document) => text("application/json", document),
            None => Setback::from(Trouble::NotFound).for_nobody(&shared, &headers),
        },
        Err(response) => response,
    }
}

/// `GET /llms.txt`: what there is for everybody. With one public API it is that one's.
pub(super) async fn index(State(shared): State<Shared>) -> Response {
    let apis = shared.engine.apis();
    let public: Vec<&Arc<ServedApi>> = apis.protected().iter().filter(|api| api.docs.public).collect();
    match public[..] {
        [] => StatusCode::NOT_FOUND.into_response(),
        [only] => text(PLAIN, Page::new(only).llms(&below(only))),
        _ => {
            let mut list = "# API documentation\n\n> How to call these APIs with an API key.\n\n## APIs\n\n".to_owned();
            for api in public {
                // Writing into a string succeeds.
                let _ = writeln!(list, "- [{}]({}{LLMS}): authentication", api.labels.title, below(api));
            }
            text(PLAIN, list)
        }
    }
}

/// The page as a file of its own.
pub(crate) fn file(api: &Api) -> String {
    // Only a formatter that fails could fail here, and none of ours does.
    DocsFile::new(api).render().unwrap_or_default()
}

/// Whoever asks, if they may read it: everybody what is public, and those who see the API everything.
async fn reader(
    shared: &Shared,
    name: &str,
    uri: &Uri,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Reader, Response> {
    let visitor = Visitor::of(headers, extensions, shared).await.map_err(|setback| setback.for_nobody(shared, headers))?;
    let public = public(&shared.engine, name);
    match visitor {
        None => {
            // Whether there is such an API is nobody's business who is not signed in.
            let at_the_door = || Redirect::to(&sign_in_at(uri.path())).into_response();
            public.map(|api| Reader { api, visitor: None }).ok_or_else(at_the_door)
        }
        Some(visitor) => match visitor.api(name) {
            Ok(api) => Ok(Reader { api, visitor: Some(visitor) }),
            Err(trouble) => match public {
                Some(api) => Ok(Reader { api, visitor: None }),
                None => Err(Setback::from(trouble).response(&visitor).await),
            },
        },
    }
}

fn public(engine: &Engine, name: &str) -> Option<Arc<ServedApi>> {
    let apis = engine.apis();
    apis.protected().iter().find(|api| *api.name == *name && api.docs.public).cloned()
}

/// What the paths of its other forms begin with.
fn below(api: &Api) -> String {
    format!("{}/", ApiLinks::new(&api.name).docs())
}

const PLAIN: &str = "text/plain; charset=utf-8";

/// An answer that is asked for anew each time: a configuration may have changed.
fn text(kind: &'static str, text: String) -> Response {
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, text).into_response()
}
