//! The API's page about authentication: for everybody, or for those who are signed in, as the API says.

use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template as _;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::api::Api;
use bitting_engine::{Engine, ServedApi};
use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri, header};

use super::address::Path;
use super::setback::Setback;
use super::view::{ApiLinks, DocsFile, DocsPage, Place, Trouble, sign_in_at};
use super::visitor::Visitor;
use super::{door, respond};
use crate::docs::{LLMS, Page, base_url};
use crate::openapi;
use crate::service::Shared;

/// Somebody who may read the documentation of an API: everybody what is public, and those who see the API everything.
pub(super) struct Reader {
    api: Arc<ServedApi>,
    /// `None` for somebody who is not signed in.
    visitor: Option<Visitor>,
}

impl FromRequestParts<Shared> for Reader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Response> {
        let Path(name): Path<String> = Path::from_request_parts(parts, shared).await?;
        let found = Visitor::of(&parts.headers, &parts.extensions, shared).await;
        let visitor = found.map_err(|setback| setback.for_nobody(shared, &parts.headers))?;
        let public = public(&shared.engine, &name);
        match visitor {
            None => {
                // Whether there is such an API is nobody's business who is not signed in.
                let at_the_door = || Redirect::to(&sign_in_at(parts.uri.path())).into_response();
                public.map(|api| Self { api, visitor: None }).ok_or_else(at_the_door)
            }
            Some(visitor) => match visitor.api(&name) {
                Ok(api) => Ok(Self { api, visitor: Some(visitor) }),
                Err(trouble) => match public {
                    Some(api) => Ok(Self { api, visitor: None }),
                    None => Err(Setback::from(trouble).response(&visitor).await),
                },
            },
        }
    }
}

/// `GET /apis/{api}/docs`
pub(super) async fn show(State(shared): State<Shared>, reader: Reader, uri: Uri, headers: HeaderMap) -> Response {
    let Reader { api, visitor } = reader;
    let frame = match &visitor {
        None => door::frame(&shared, &headers, Some(uri.path())),
        Some(visitor) => match visitor.frame(Some(&api), Place::Docs).await {
            Ok(frame) => frame,
            Err(setback) => return setback.response(visitor).await,
        },
    };
    respond(StatusCode::OK, &DocsPage::new(frame, &api, below(&api)))
}

/// `GET /apis/{api}/docs/authentication.md`
pub(super) async fn markdown(Reader { api, .. }: Reader) -> Response {
    text("text/markdown; charset=utf-8", Page::new(&api).markdown())
}

/// `GET /apis/{api}/docs/llms.txt`
pub(super) async fn llms(Reader { api, .. }: Reader) -> Response {
    text(PLAIN, Page::new(&api).llms(&below(&api)))
}

/// `GET /apis/{api}/docs/openapi.json`
pub(super) async fn document(State(shared): State<Shared>, Reader { api, .. }: Reader, headers: HeaderMap) -> Response {
    match openapi::for_holders(&api, &[base_url(&api)]) {
        Some(document) => text("application/json", document),
        None => Setback::from(Trouble::NotFound).for_nobody(&shared, &headers),
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
