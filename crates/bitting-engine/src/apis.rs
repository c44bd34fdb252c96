//! The APIs of one configuration, and which of them a request is for.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use bitting_core::api::{Api, Host};
use bitting_core::dialect::Discretion;
use bitting_core::key::Concealment;
use bitting_core::name::Names;
use bitting_core::reason::Reason;
use bitting_core::route::{Leniencies, PatternOrder, RequestPath};
use bitting_core::webhook::Destinations;

use crate::inquiry::Scope;
use crate::metering::{ApiBook, ApiBooks, Metering};
use crate::meters::Meters;

/// All APIs of one generation of the configuration. A request sees one generation from beginning to end.
#[derive(Debug)]
pub struct Apis {
    /// What the numbers in them mean.
    names: Arc<Names>,
    all: Vec<Arc<ServedApi>>,
    sites: Vec<Site>,
    /// Bitting's own, which also speaks where no API can be told.
    own: Arc<ServedApi>,
    /// Where webhooks may go.
    destinations: Destinations,
}

/// An API in service: what it is, and what is counted of it.
#[derive(Debug)]
pub struct ServedApi {
    api: Api,
    /// Made when they are first needed: a recorder must be installed by then, not when the configuration is read.
    meters: OnceLock<Meters>,
    /// What counts it, and its book; set before it decides anything.
    counting: OnceLock<(Arc<Metering>, Arc<ApiBook>)>,
    /// Leaves the keys of all APIs of the generation out of the access log.
    concealment: Arc<Concealment>,
    /// What its answers say to caches and browsers.
    discretion: Discretion,
}

/// Two APIs that would answer the same requests, or bear the same name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApisError {
    /// The same name twice.
    #[error("two APIs are named {0:?}")]
    SameName(Box<str>),
    /// The same host and path prefix twice.
    #[error("the APIs {first:?} and {second:?} answer to the same host and path: give them different `hosts` or `path`")]
    SameSite {
        /// The earlier one.
        first: Box<str>,
        /// The later one.
        second: Box<str>,
    },
}

/// The API that a request is for, and the request's path, checked.
type Selected<'a, 'p> = (&'a Arc<ServedApi>, RequestPath<'p>);

/// The APIs that answer to one host, or, without a host, to all others.
#[derive(Debug)]
struct Site {
    host: Option<Host>,
    /// The path prefixes, longest first, of the APIs at the same positions.
    prefixes: PatternOrder,
    by_prefix: Vec<Arc<ServedApi>>,
    /// The API that takes every other path.
    rest: Option<Arc<ServedApi>>,
}

impl Apis {
    /// A generation of APIs, compiled with these names; `own` is Bitting's, which no host leads to.
    ///
    /// # Errors
    /// Each pair that cannot be told apart.
    pub fn new(names: Arc<Names>, apis: Vec<Api>, own: Api) -> Result<Self, Vec<ApisError>> {
        let formats = apis.iter().chain([&own]).map(|api| api.format.clone());
        let concealment = Arc::new(Concealment::new(formats));
        let served = |api: Api| {
            let (meters, counting) = (OnceLock::new(), OnceLock::new());
            let (concealment, discretion) = (Arc::clone(&concealment), Discretion::of(&api.credentials));
            Arc::new(ServedApi { api, meters, counting, concealment, discretion })
        };
        let own = served(own);
        let all: Vec<Arc<ServedApi>> = apis.into_iter().map(served).collect();
        let mut errors = Vec::new();
        for (position, second) in all.iter().enumerate() {
            for first in &all[..position] {
                if first.name == second.name {
                    errors.push(ApisError::SameName(first.name.clone()));
                } else if answer_to_the_same(first, second) {
                    errors.push(ApisError::SameSite { first: first.name.clone(), second: second.name.clone() });
                }
            }
            if second.name == own.name {
                errors.push(ApisError::SameName(own.name.clone()));
            }
        }
        if errors.is_empty() {
            Ok(Self { names, sites: sites(&all), all, own, destinations: Destinations::default() })
        } else {
            Err(errors)
        }
    }

    /// The same, with other places where webhooks may go than public ones over TLS.
    #[must_use]
    pub fn with_destinations(self, destinations: Destinations) -> Self {
        Self { destinations, ..self }
    }

    /// Where webhooks may go.
    pub fn destinations(&self) -> &Destinations {
        &self.destinations
    }

    /// The names that they were compiled with. The next generation needs the same.
    pub fn names(&self) -> &Arc<Names> {
        &self.names
    }

    /// Every API but Bitting's own, in the order of the configuration.
    pub fn protected(&self) -> &[Arc<ServedApi>] {
        &self.all
    }

    /// Bitting's own API.
    pub fn own(&self) -> &Arc<ServedApi> {
        &self.own
    }

    /// Makes all meters, so that what has not happened yet is counted as zero.
    pub(crate) fn register_meters(&self) {
        for api in self.all.iter().chain([&self.own]) {
            api.meters();
        }
    }

    /// Has all of them counted, in the books that the generation before has used.
    pub(crate) fn count_in(&self, metering: &Arc<Metering>, books: &ApiBooks) {
        for api in self.all.iter().chain([&self.own]) {
            // A generation is put in force once.
            let _ = api.counting.set((Arc::clone(metering), books.of(api.id)));
        }
        metering.serve(self.all.iter().chain([&self.own]).map(Arc::downgrade).collect());
    }

    /// An API by its name, Bitting's own included.
    pub fn find(&self, name: &str) -> Option<&Arc<ServedApi>> {
        self.all.iter().chain([&self.own]).find(|api| &*api.name == name)
    }

    /// The API that a request is for, and its path, checked.
    ///
    /// # Errors
    /// Why it is for none, and the API in whose words to say so.
    pub(crate) fn select<'p>(&self, scope: Scope<'_>, path: &'p str) -> Result<Selected<'_, 'p>, (Reason, &Arc<ServedApi>)> {
        let site = match scope {
            Scope::Api(name) => {
                let api = self.find(name).ok_or((Reason::UnknownHost, &self.own))?;
                let path = RequestPath::parse(path).map_err(|_| (Reason::InvalidPath, api))?;
                // Its own listener leads to no path that the shared one would give to another API, or to none.
                let site = self.sites.iter().find(|site| site.apis().any(|other| Arc::ptr_eq(other, api)));
                let at_path = site.map(|site| site.api_at(&path)).transpose().map_err(|reason| (reason, api))?;
                let is_its_own = at_path.is_none_or(|at_path| at_path.is_some_and(|other| Arc::ptr_eq(other, api)));
                return if is_its_own { Ok((api, path)) } else { Err((Reason::UnknownHost, api)) };
            }
            Scope::Authority(authority) => self.site(authority).ok_or((Reason::UnknownHost, &self.own))?,
        };
        let speaker = site.apis().next().unwrap_or(&self.own);
        let path = RequestPath::parse(path).map_err(|_| (Reason::InvalidPath, speaker))?;
        match site.api_at(&path).map_err(|reason| (reason, speaker))? {
            Some(api) => Ok((api, path)),
            None => Err((Reason::UnknownHost, &self.own)),
        }
    }

    /// In whose words to say that a connection which was made for one server name brings a request for another API. `None` if it
    /// does not: several names may lead to one API, and one that leads to none, as that of a load balancer, says nothing.
    pub(crate) fn misdirected(&self, server_name: &str, authority: &str) -> Option<&Arc<ServedApi>> {
        let (meant, asked) = (self.site(server_name)?, self.site(authority)?);
        let is_shared = || meant.apis().any(|api| asked.apis().any(|other| Arc::ptr_eq(api, other)));
        (!std::ptr::eq(meant, asked) && !is_shared()).then(|| asked.apis().next().unwrap_or(&self.own))
    }

    fn site(&self, authority: &str) -> Option<&Site> {
        // HTTP/1.0 need not name a host; whoever answers to all of them answers to none too.
        let host = if authority.is_empty() { "" } else { Host::of_authority(authority)? };
        if let [only @ Site { host: None, .. }] = &self.sites[..] {
            return Some(only);
        }
        let named = self.sites.iter().find(|site| site.host.as_ref().is_some_and(|own| own.is(host)));
        named.or_else(|| self.sites.iter().find(|site| site.host.is_none()))
    }
}

impl Site {
    /// Its APIs, first the one that takes every other path.
    fn apis(&self) -> impl Iterator<Item = &Arc<ServedApi>> {
        self.rest.iter().chain(&self.by_prefix)
    }

    /// The API that a path leads to.
    fn api_at(&self, path: &RequestPath<'_>) -> Result<Option<&Arc<ServedApi>>, Reason> {
        let position = self.prefixes.unambiguous_position(path, |_| true).map_err(|_| Reason::InvalidPath)?;
        Ok(position.map_or(self.rest.as_ref(), |position| self.by_prefix.get(position)))
    }
}

impl ServedApi {
    /// Leaves the keys of all APIs of the generation out of texts that are kept.
    pub fn concealment(&self) -> &Concealment {
        &self.concealment
    }

    /// What its answers say to caches and browsers.
    pub fn discretion(&self) -> &Discretion {
        &self.discretion
    }

    /// What counts its requests.
    pub(crate) fn metering(&self) -> &Metering {
        &self.counted().0
    }

    /// What its keys share.
    pub(crate) fn book(&self) -> &ApiBook {
        &self.counted().1
    }

    fn counted(&self) -> &(Arc<Metering>, Arc<ApiBook>) {
        // Whoever decides with a generation that was never put in force counts for nobody.
        self.counting.get_or_init(|| (Metering::new().0, Arc::default()))
    }

    pub(crate) fn meters(&self) -> &Meters {
        self.meters.get_or_init(|| Meters::new(&self.api.name))
    }
}

impl Deref for ServedApi {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

fn answer_to_the_same(first: &Api, second: &Api) -> bool {
    let both_everywhere = first.hosts.is_empty() && second.hosts.is_empty();
    let share_a_host = first.hosts.iter().any(|host| second.hosts.contains(host));
    first.path_prefix == second.path_prefix && (both_everywhere || share_a_host)
}

fn sites(all: &[Arc<ServedApi>]) -> Vec<Site> {
    let mut hosts: Vec<Option<&Host>> = Vec::new();
    for api in all {
        let of_api = api.hosts.iter().map(Some).chain(api.hosts.is_empty().then_some(None));
        hosts.extend(of_api.filter(|host| !hosts.contains(host)).collect::<Vec<_>>());
    }
    let site = |host: Option<&Host>| {
        let here = |api: &&Arc<ServedApi>| host.map_or(api.hosts.is_empty(), |host| api.hosts.contains(host));
        let mut by_prefix: Vec<&Arc<ServedApi>> = all.iter().filter(here).collect();
        let rest = by_prefix.iter().position(|api| api.path_prefix.is_none()).map(|at| Arc::clone(by_prefix.remove(at)));
        by_prefix.sort_by_key(|api| std::cmp::Reverse(api.path_prefix.as_ref().map(|prefix| prefix.as_str().len())));
        let patterns = by_prefix.iter().filter_map(|api| api.path_prefix.as_ref()).map(|prefix| prefix.pattern().clone());
        Site {
            host: host.cloned(),
            prefixes: PatternOrder::new(patterns.collect(), Leniencies::NONE),
            by_prefix: by_prefix.into_iter().cloned().collect(),
            rest,
        }
    };
    hosts.into_iter().map(site).collect()
}
