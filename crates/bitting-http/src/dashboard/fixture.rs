//! APIs and keys for tests of pages: one with everything, one with a capability, one with roles.

use std::time::Duration;

use bitting_core::api::{Alerts, Api, Brand, Docs, Environment, Lifecycle, NewKeyDefaults, Policy, Streams, UpstreamTimeouts};
use bitting_core::dialect::{
    Answer, AnswerSpec, Answers, BodySpec, CredentialRules, Foreign, IdentityHeaders, Labels, LimitHeaders, Variables,
};
use bitting_core::key::{Alphabet, Checksum, EnvironmentPrefixes, KeyFormat, KeyFormatSpec, KeyId};
use bitting_core::limit::{Limit, LimitScope, LimitSpec, Pace, Period, Plan, Plans};
use bitting_core::name::{NameKind, Names};
use bitting_core::record::Sequence;
use bitting_core::rights::{CapabilitySpec, Catalogue, CatalogueSpec, Need, PermissionSpec, RoleSpec};
use bitting_core::route::{Access, Leniencies, Route, RouteTable, Rule, Target};
use bitting_core::time::Timestamp;
use bitting_store::KeyRow;
use http::HeaderValue;

/// The present of every test.
pub(crate) fn now() -> Timestamp {
    at("2025-10-14T10:42:00Z")
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Environments live and test, permissions with an alias, a plan with two limits.
pub(crate) fn product() -> Api {
    let names = Names::default();
    let permission = |name: &str, description: &str, means: &[&str]| PermissionSpec {
        name: name.parse().unwrap(),
        means: means.iter().map(|name| name.parse().unwrap()).collect(),
        description: description.into(),
    };
    let catalogue = CatalogueSpec {
        permissions: vec![
            permission("tasks:read", "View tasks", &[]),
            permission("projects:read", "View projects", &[]),
            permission("users:read", "View users", &[]),
            permission("tasks:write", "Create and update tasks", &[]),
            permission("projects:write", "Create and update projects", &[]),
            permission("users:write", "Create and update users", &[]),
            permission("tasks:delete", "Delete tasks", &[]),
            permission("projects:delete", "Delete projects", &[]),
            permission("api-keys:read", "List keys", &[]),
            permission("api-keys:write", "Create, update and revoke keys", &[]),
            permission("admin:*", "Full access (dangerous!)", &["*:*"]),
        ],
        ..CatalogueSpec::default()
    };
    let read = ["tasks:read", "projects:read", "users:read"].map(|name| name.parse().unwrap());
    let labels = labels("Product API", "Settings → API", "Generate New Key", "Name");
    let mut api = api("product-api", &names, catalogue, &[("live", "sk_live_"), ("test", "sk_test_")], labels);
    let purposes = [("live", "Real data. Counts against your quota."), ("test", "A sandbox. No real data, own limits.")];
    api.docs.environments = purposes.map(|(name, purpose)| (name.into(), purpose.into())).into();
    api.new_key = NewKeyDefaults { permissions: read.into(), role: None };
    api.plans = plans(&names, &[("free", 1_000, 100), ("professional", 10_000, 500)]);
    let need = api.catalogue.need(["tasks:read"], &names).unwrap();
    api.routes = routes(&[("GET /v1/health", Access::Public), ("GET /v1/tasks/*", Access::Key(need))]);
    api
}

/// Three environments whose keys look alike: none has a prefix.
pub(crate) fn backboard() -> Api {
    let environments = [("production", ""), ("staging", ""), ("development", "")];
    let labels = labels("Backboard", "Settings → API Keys", "Create New API Key", "Name");
    api("backboard", &Names::default(), CatalogueSpec::default(), &environments, labels)
}

/// A capability, keys in the query too, one limit, and a word of its own for the name of a key.
pub(crate) fn csboard() -> Api {
    let names = Names::default();
    let capability = CapabilitySpec {
        name: "trading".into(),
        label: "Trading enabled".into(),
        warning: "Never enable trading on a key that you share with third parties or embed in client-side code.".into(),
    };
    let catalogue = CatalogueSpec { capabilities: vec![capability], ..CatalogueSpec::default() };
    let labels = labels("CSBoard", "csboard.com/profile?tab=api", "Generate key", "Label");
    let mut api = api("csboard", &names, catalogue, &[("live", "csb_pub_")], labels);
    api.credentials.carriers = ["query:api_key", "bearer"].map(|carrier| carrier.parse().unwrap()).into();
    api.routes = routes(&[("GET /v1/health", Access::Public), ("GET /*", Access::Key(Need::default()))]);
    api
}

/// Roles that include each other, two environments of its own names, and keys that must have an end.
pub(crate) fn launchboard() -> Api {
    let names = Names::default();
    let role = |name: &str, includes: &[&str], description: &str| RoleSpec {
        name: name.into(),
        includes: includes.iter().map(|name| (*name).into()).collect(),
        permissions: Vec::new(),
        description: description.into(),
    };
    let roles = vec![
        role("viewer", &[], "Looks at launches"),
        role("editor", &["viewer"], ""),
        role("admin", &["viewer", "editor"], "Everything, deleting included"),
    ];
    let catalogue = CatalogueSpec { roles, ..CatalogueSpec::default() };
    let labels = labels("Launchboard", "Settings → API Keys", "Create API Key", "Name");
    let prefixes = [("production", "pg_live_"), ("test", "pg_test_")];
    let mut api = api("launchboard", &names, catalogue, &prefixes, labels);
    api.credentials.carriers = ["header:X-API-Key".parse().unwrap()].into();
    api.new_key.role = Some("viewer".into());
    api.policy = Policy { max_lifetime: Some(Duration::from_hours(24 * 30)), expiry_required: true, ..Policy::default() };
    api.routes = routes(&[("GET /api/v1/boards/{id}", Access::Key(Need::default()))]);
    api
}

/// A key that was made at a time and can do nothing yet.
pub(crate) fn key(name: &str, made: &str) -> KeyRow {
    let random = name.bytes().fold(7u128, |sum, byte| sum.wrapping_mul(0x0100_0193).wrapping_add(u128::from(byte)));
    KeyRow {
        id: KeyId::new(at(made), random),
        api: "product-api".to_owned(),
        account: "northwind".parse().unwrap(),
        name: name.to_owned(),
        description: String::new(),
        prefix: format!("sk_live_{:.4}", format!("{random:x}")),
        environment: "live".to_owned(),
        role: None,
        permissions: Vec::new(),
        capabilities: Vec::new(),
        allowed_addresses: None,
        limits: std::collections::BTreeMap::default(),
        metadata: serde_json::Map::new(),
        enabled: true,
        created_at: at(made),
        created_by: "mem_01k7g3r5mbd2f7s9v0w4x6y8za".to_owned(),
        updated_at: at(made),
        expires_at: None,
        revoked_at: None,
        replaced_by: None,
        replaces: None,
        auto_renew: false,
        term_began_at: None,
        end_when_unused_for_s: None,
        sequence: Sequence(41),
    }
}

fn labels(title: &str, key_page: &str, create_key: &str, key_name: &str) -> Labels {
    Labels { title: title.into(), key_page: key_page.into(), create_key: create_key.into(), key_name: key_name.into() }
}

fn plans(names: &Names, list: &[(&str, u64, u64)]) -> Plans {
    let limit = |name: &str, allowed, period| {
        let (pace, scope) = (Pace::Window(period), LimitScope::Key);
        Limit::new(LimitSpec { name: name.into(), allowed, pace, scope, is_quota: false }, names).unwrap()
    };
    let plan = |(name, hour, minute): &(&str, u64, u64)| {
        Plan::new(name, vec![limit("hour", *hour, Period::Hour), limit("minute", *minute, Period::Minute)], names)
    };
    let mut plans = list.iter().map(plan);
    Plans::new(plans.next().unwrap(), plans.collect(), false)
}

fn routes(list: &[(&str, Access)]) -> RouteTable {
    let rule = |(pattern, access): &(&str, Access)| {
        let (methods, pattern) = pattern.split_once(' ').unwrap();
        let route = Route::new(access.clone(), Target::Upstream);
        Rule { methods: methods.parse().unwrap(), pattern: pattern.parse().unwrap(), route }
    };
    let default = Route::new(Access::Closed, Target::Upstream);
    RouteTable::new(list.iter().map(rule).collect(), default, Leniencies::NONE)
}

fn api(name: &str, names: &Names, catalogue: CatalogueSpec, prefixes: &[(&str, &str)], labels: Labels) -> Api {
    let environment = |(name, _): &(&str, &str)| Environment {
        id: names.intern(NameKind::Environment, name),
        header: HeaderValue::from_str(name).unwrap(),
        name: (*name).into(),
        upstream: None,
    };
    let of_prefix = |(environment, prefix): &(&str, &str)| EnvironmentPrefixes {
        environment: (*environment).into(),
        prefixes: vec![(*prefix).into()],
    };
    let format = KeyFormatSpec {
        environments: prefixes.iter().map(of_prefix).collect(),
        alphabet: Alphabet::new(Alphabet::BASE62).unwrap(),
        checksum: Checksum::Crc32,
        length: 32,
    };
    let answer = |reason: bitting_core::reason::Reason| {
        Answer::new(AnswerSpec {
            status: reason.default_status(),
            content_type: HeaderValue::from_static("text/plain"),
            challenge: None,
            headers: Vec::new(),
            body: BodySpec::Text(reason.name().into()),
            variables: Variables::default(),
        })
    };
    Api {
        name: name.into(),
        id: names.intern(NameKind::Api, name),
        hosts: Vec::new(),
        path_prefix: None,
        format: KeyFormat::new(format).unwrap(),
        credentials: CredentialRules { carriers: ["bearer".parse().unwrap()].into(), foreign: Foreign::Refuse },
        answers: Answers::new(answer).unwrap(),
        cors: None,
        identity: IdentityHeaders::default(),
        heads: bitting_core::api::HeadRules::default(),
        limit_headers: LimitHeaders::default(),
        labels,
        brand: Brand::default(),
        docs: Docs::default(),
        catalogue: Catalogue::new(catalogue).unwrap(),
        plans: Plans::new(Plan::new("default", Vec::new(), names), Vec::new(), false),
        bans: None,
        leaks: bitting_core::api::LeakAction::default(),
        usage_retention: Duration::from_hours(24 * 40),
        event_retention: Duration::from_hours(24 * 90),
        alerts: Alerts::default(),
        routes: routes(&[]),
        environments: prefixes.iter().map(environment).collect(),
        upstream: None,
        timeouts: UpstreamTimeouts::default(),
        streams: Streams::default(),
        new_key: NewKeyDefaults::default(),
        policy: Policy::default(),
        lifecycle: Lifecycle::default(),
        management_path: None,
    }
}
