//! Requests that ask to be taken for others.

use std::sync::Arc;

use bitting_core::dialect::{Claim, methods_asked_for};
use bitting_core::route::{RequestPath, Route};
use http::Method;

use crate::apis::ServedApi;
use crate::inquiry::{Inquiry, Presented};

/// Whether a request falls to this one route in whatever way a framework might read it: by its own method and path, by those that
/// its query asks for, and by those in headers that the API lets pass.
///
/// Deciding by what is asked for instead would open a door as soon as one framework reads it otherwise; so nothing passes unless
/// it is the same to all.
pub(super) fn lead_nowhere_else(api: &ServedApi, route: &Arc<Route>, path: &RequestPath<'_>, inquiry: &Inquiry<'_>) -> bool {
    let Presented::Request { headers, query } = inquiry.presented else { return true };
    // Frameworks that let forms ask for other methods take `?_method=DELETE` for one, in a POST.
    let query = query.filter(|_| *inquiry.method == Method::POST);
    if query.is_none() && api.heads.overrides.are_empty() {
        return true;
    }
    let mut methods: Vec<Method> = query.into_iter().flat_map(methods_asked_for).collect();
    let mut paths = Vec::new();
    for claim in api.heads.overrides.claims(headers) {
        match claim {
            Claim::Method(method) => methods.push(method),
            Claim::Path(text) => match RequestPath::parse(text) {
                Ok(path) if is_below_prefix(api, text) => paths.push(path),
                _ => return false,
            },
            Claim::Unreadable => return false,
        }
    }
    methods.push(inquiry.method.clone());
    methods.iter().all(|method| {
        paths.iter().chain([path]).all(|path| api.routes.find(method, path).is_ok_and(|found| Arc::ptr_eq(found, route)))
    })
}

/// Whether a path is the API's at all, where several share a host.
fn is_below_prefix(api: &ServedApi, path: &str) -> bool {
    let Some(prefix) = &api.path_prefix else { return true };
    path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
