//! `[[api]]`: one protected API.

mod alerts;
mod answers;
mod bans;
mod cors;
mod credential;
mod docs;
mod heads;
mod key;
mod lifecycle;
mod limits;
mod management;
mod presentation;
mod retention;
mod rights;
mod routes;
mod streams;
mod upstreams;

use std::path::Path;

use bitting_core::api::{Api, Host, PathPrefix};
use bitting_core::dialect::Foreign;
use bitting_core::name::{NameKind, Names};
use bitting_core::route::Access;
use http::header::RETRY_AFTER;

use self::answers::AnswerBook;
use super::section::Section;

/// The name of Bitting's own API.
pub const OWN: &str = "bitting";

/// Reads an API. `None` if something in it is wrong; everything wrong is among the findings.
pub(super) fn read(api: &Section<'_>, names: &Names, folder: &Path, is_own: bool) -> Option<Api> {
    let name = read_name(api, is_own);
    let shown = name.unwrap_or("api");
    let hosts = api.all_parsed::<Host>("hosts").unwrap_or_default();
    let path_prefix = api.parsed::<PathPrefix>("path");
    let format = key::read(api);
    let credentials = credential::read(api, format.as_ref());
    let catalogue = rights::read(api);
    let new_key = rights::read_new_key(api, catalogue.as_ref());
    let answers = AnswerBook::read(api, shown, &credentials.carriers);
    let timeouts = upstreams::read_timeouts(api);
    let upgrades = streams::read_upgrades(api).unwrap_or_default();
    let body_limit = upstreams::read_body_limit(api).unwrap_or(u64::MAX);
    let reader =
        routes::Reader { body_limit, catalogue: catalogue.as_ref(), answers: &answers, upgrades: &upgrades, names, timeouts };
    let management = management::read(api, &reader);
    let routes = reader.read(api, management.as_ref());
    let policy = management::read_policy(api);
    let (lifecycle, renewal) = lifecycle::read(api, format.as_ref(), &policy);
    let plans = limits::read_plans(api, renewal, names);
    lifecycle::warn_of_no_plan(api, &lifecycle, &plans);
    limits::warn_of_costs(api, &plans, &routes);
    let limit_headers = limits::read_headers(api, &plans);
    let (usage_retention, event_retention) =
        (retention::read_usage(api), retention::read_events(api, lifecycle.longest_notice()));
    let alerts = alerts::read(api);
    let leaks = management::read_leaks(api);
    let answers = answers.compile(api.findings);
    let bans = bans::read(api);
    let cors = cors::read(api, &credentials).map(|mut cors| {
        if !plans.are_empty() {
            cors.expose(&limit_headers.names());
        } else if bans.is_some() {
            cors.expose(&[RETRY_AFTER]);
        }
        cors
    });
    let heads = heads::read(api);
    let identity = presentation::read_identity(api);
    let labels = presentation::read_labels(api, shown);
    let brand = presentation::read_brand(api, folder);
    let (environments, upstream) = if is_own {
        let environments = upstreams::read(api, format.as_ref(), names, folder).0;
        (environments, None)
    } else {
        upstreams::read(api, format.as_ref(), names, folder)
    };
    let streams = streams::read(api);
    let needs_default = credentials.foreign == Foreign::Pass
        || matches!(routes.default().access, Access::Public | Access::Optional(_))
        || routes.rules().any(|(_, _, route)| {
            matches!(route.access, Access::Public | Access::Optional(_))
                && route.target == bitting_core::route::Target::Upstream
        });
    if let (true, None, Some(at)) = (needs_default && !is_own, &upstream, api.place("upstream"))
        && environments.iter().any(|environment| environment.upstream.is_some())
    {
        let help = "write `default = \"http://…\"` beside the environments";
        api.findings.error(at, "requests without a key have no upstream, and some are let through", help);
    }
    let path_prefix = path_prefix.map(|prefix| prefix.value);
    let known = docs::Known { path_prefix: path_prefix.as_ref(), routes: &routes, environments: &environments, plans: &plans };
    let docs = docs::read(api, &known);
    Some(Api {
        name: name?.into(),
        id: names.intern(NameKind::Api, name?),
        hosts: hosts.into_iter().map(|host| host.value).collect(),
        path_prefix,
        format: format?,
        credentials,
        answers: answers?,
        cors,
        identity,
        heads,
        limit_headers,
        labels,
        brand,
        plans,
        bans,
        usage_retention,
        event_retention,
        alerts,
        catalogue: catalogue?,
        routes,
        environments,
        upstream,
        timeouts,
        streams,
        new_key,
        policy,
        lifecycle,
        leaks,
        management_path: management.map(|management| management.path.value.as_str().into()),
        docs,
    })
}

fn read_name<'c>(api: &Section<'c>, is_own: bool) -> Option<&'c str> {
    let name = api.required_text("name", "\"myapi\"")?;
    if !key::is_name(name.value) {
        let help = "write small letters, digits, \"-\" and \"_\"; `labels.title` is what people read";
        api.findings.error(name.at, format!("{:?} cannot name an API", name.value), help);
        return None;
    }
    if name.value == OWN && !is_own {
        api.findings.error(name.at, "Bitting's own API has this name", "write another name");
        return None;
    }
    Some(name.value)
}
