//! One protected API, compiled from configuration.

mod alerts;
mod brand;
mod docs;
mod heads;
mod host;
mod leaks;
mod lifecycle;
mod policy;
mod streams;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use crate::ban::BanPolicy;
use crate::dialect::{Answer, Answers, Cors, CredentialRules, IdentityHeaders, Labels, LimitHeaders};
use crate::key::KeyFormat;
use crate::limit::Plans;
use crate::name::NameId;
use crate::reason::Reason;
use crate::rights::{Catalogue, Permission};
use crate::route::RouteTable;

pub use alerts::{Alerts, FailureAlert};
pub use brand::{Accent, Brand, InvalidAccent, Logo};
pub use docs::{BaseUrl, CodeExample, Contact, Docs, InvalidBaseUrl, InvalidContact, InvalidSamplePath, SamplePath};
pub use heads::HeadRules;
pub use host::{Host, InvalidHost, InvalidPathPrefix, PathPrefix};
pub use leaks::LeakAction;
pub use lifecycle::Lifecycle;
pub use policy::{InvalidNamePattern, NamePattern, Policy};
pub use streams::{EventTypes, InvalidMediaType, MediaType, OnRevoke, Streams};
pub use upstream::{
    ConnectionRules, Failover, InvalidOrigin, Origin, PrivateKeyPem, TlsIdentity, Upstream, UpstreamHost, UpstreamTimeouts,
    UpstreamTls,
};

/// Everything that is known of one protected API. It does not change; a new configuration makes a new one.
#[derive(Debug)]
pub struct Api {
    /// Its name in configuration, logs and metrics.
    pub name: Box<str>,
    /// The number of its name, by which keys know it.
    pub id: NameId,
    /// The authorities that it answers to; none if it answers to all.
    pub hosts: Vec<Host>,
    /// The paths that it answers to; none if it answers to all.
    pub path_prefix: Option<PathPrefix>,
    /// How its keys are written.
    pub format: KeyFormat,
    /// Where it takes credentials from.
    pub credentials: CredentialRules,
    /// How its refusals sound.
    pub answers: Answers,
    /// What it allows to scripts of other origins.
    pub cors: Option<Cors>,
    /// How the upstream learns whose key it was.
    pub identity: IdentityHeaders,
    /// What of a request's head it is told.
    pub heads: HeadRules,
    /// How its callers learn of limits.
    pub limit_headers: LimitHeaders,
    /// Its own words.
    pub labels: Labels,
    /// How its pages look.
    pub brand: Brand,
    /// The rights that it knows.
    pub catalogue: Catalogue,
    /// How much its keys may do.
    pub plans: Plans,
    /// Whom it holds off who presents invalid keys; nobody if nothing is said.
    pub bans: Option<BanPolicy>,
    /// How long usage is kept.
    pub usage_retention: Duration,
    /// How long events are kept.
    pub event_retention: Duration,
    /// What it is told of how it is used.
    pub alerts: Alerts,
    /// Who may pass where.
    pub routes: RouteTable,
    /// Its environments in the order of declaration; never empty.
    pub environments: Vec<Environment>,
    /// Where requests go that belong to no environment: public ones, and those with a foreign credential.
    pub upstream: Option<Arc<Upstream>>,
    /// How long to wait for an upstream, where a route says nothing else.
    pub timeouts: UpstreamTimeouts,
    /// What becomes of connections and answers that go on for long.
    pub streams: Streams,
    /// What a new key gets where nothing is said.
    pub new_key: NewKeyDefaults,
    /// What is asked of every key.
    pub policy: Policy,
    /// What becomes of a key that was found where others can read it.
    pub leaks: LeakAction,
    /// What time does to its keys.
    pub lifecycle: Lifecycle,
    /// Where its keys manage keys, if they do.
    pub management_path: Option<Box<str>>,
    /// What its documentation says beside all that.
    pub docs: Docs,
}

impl Api {
    /// Whether requests go anywhere: Bitting's own API answers all of them itself.
    pub fn has_upstream(&self) -> bool {
        self.upstream.is_some() || self.environments.iter().any(|environment| environment.upstream.is_some())
    }
}

/// One environment of an API.
#[derive(Debug)]
pub struct Environment {
    /// Its name, as in `live`.
    pub name: Box<str>,
    /// The number of its name, by which keys know it.
    pub id: NameId,
    /// Its name as a header.
    pub header: HeaderValue,
    /// Where requests with its keys go.
    pub upstream: Option<Arc<Upstream>>,
}

/// What a new key gets where nothing is said.
#[derive(Debug, Default)]
pub struct NewKeyDefaults {
    /// Its permissions.
    pub permissions: Vec<Permission>,
    /// Its role.
    pub role: Option<Box<str>>,
}

impl Api {
    /// The environment of a key; `None` if the configuration no longer has it.
    pub fn environment(&self, id: NameId) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.id == id)
    }

    /// Whether real data stands behind an environment: the one that is called so, or the first where none is.
    pub fn is_production(&self, environment: &str) -> bool {
        let names: Vec<&str> = self.environments.iter().map(|known| &*known.name).collect();
        lifecycle::is_production(&names, environment)
    }

    /// The answer to a reason.
    pub fn answer(&self, reason: Reason) -> &Answer {
        self.answers.get(reason)
    }
}
