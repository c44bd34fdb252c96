//! `bitting openapi [--api NAME]`

use bitting_core::api::Api;
use bitting_http::openapi;

use super::context::load;
use super::options::Shared;
use super::output::say;
use crate::failure::{Failure, FailureKind};

/// Prints the document for operators, which is the same everywhere, or the one of an API, which is as configured.
pub(super) fn print(api: Option<&str>, servers: Vec<String>, shared: &Shared) -> Result<(), Failure> {
    let Some(name) = api else { return say(&openapi::for_operators()) };
    let apis = load(shared)?.apis;
    let found = apis.protected().iter().find(|api| *api.name == *name);
    let api = found.ok_or_else(|| Failure::of(FailureKind::NotFound, format!("there is no API {name:?}")))?;
    let servers = if servers.is_empty() { addresses(api) } else { servers };
    let document = openapi::for_holders(api, &servers).ok_or_else(|| {
        let message = format!("no key of {name} manages keys\nwrite management_path and [api.management] to let them");
        Failure::of(FailureKind::Refused, message)
    })?;
    say(&document)
}

/// Without hosts of its own the API is wherever the document is read.
fn addresses(api: &Api) -> Vec<String> {
    if api.hosts.is_empty() {
        return vec!["/".to_owned()];
    }
    api.hosts.iter().map(|host| format!("https://{}", host.as_str())).collect()
}
