//! What every command needs: the configuration, the API that is meant, and the way to the store.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitting_core::address::AddressList;
use bitting_core::key::KeyId;
use bitting_core::name::Names;
use bitting_core::time::Timestamp;
use bitting_engine::{Apis, ServedApi};
use bitting_http::Part;
use bitting_store::KeyRow;
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::options::Shared;
use super::output::note;
use crate::config::{self, Config, Listener, Loaded, Problems, Serves, Source};
use crate::failure::{Failure, FailureKind};
use crate::owner::Owner;

/// The service listener's address where none is configured.
const DEFAULT_SERVICE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

/// Where packages put the configuration.
const INSTALLED: &str = "/etc/bitting/bitting.toml";

/// The configuration, reduced to what keys and accounts need.
pub(super) struct Context {
    apis: Arc<Apis>,
    pub(super) owner: Owner,
    /// Where people reach the dashboard.
    pub(super) dashboard_url: String,
}

impl Context {
    /// Reads the configuration and finds the way to the store.
    pub(super) async fn new(shared: &Shared) -> Result<Self, Failure> {
        let Config { apis, store, dashboard, listeners, .. } = load(shared)?;
        let apis = Arc::new(apis);
        let serves_it =
            |listener: &&Listener| matches!(&listener.serves, Serves::Service(parts) if parts.contains(&Part::Dashboard));
        let address = listeners.iter().find(serves_it).map_or(DEFAULT_SERVICE, |listener| listener.address);
        let dashboard_url = dashboard.url(address);
        Ok(Self { dashboard_url, owner: Owner::reach(&store, Arc::clone(&apis)).await?, apis })
    }

    /// The API that is meant: the named one, or the only one.
    pub(super) fn api(&self, named: Option<&str>) -> Result<Arc<ServedApi>, Failure> {
        choose(&self.apis, named)
    }

    /// Whether an API is meant where none is named.
    pub(super) fn takes_for_granted(&self, api: &ServedApi) -> bool {
        matches!(self.apis.protected(), [only] if only.name == api.name)
    }

    /// A key and its API: the named one, or whichever has the key, since ids are unique among all.
    pub(super) async fn key(&self, named: Option<&str>, id: KeyId) -> Result<(Arc<ServedApi>, KeyRow), Failure> {
        let candidates = match named {
            Some(_) => vec![self.api(named)?],
            None => self.apis.protected().iter().chain([self.apis.own()]).cloned().collect(),
        };
        for api in candidates {
            if let Some(row) = self.owner.key(&api.name, id).await? {
                return Ok((api, row));
            }
        }
        let of = named.map(|name| format!(" of {name}")).unwrap_or_default();
        Err(Failure::of(FailureKind::NotFound, format!("there is no key {id}{of}")))
    }
}

/// The API that is meant: the named one, or the only one.
pub(super) fn choose(apis: &Apis, named: Option<&str>) -> Result<Arc<ServedApi>, Failure> {
    let known = || apis.protected().iter().map(|api| &*api.name).collect::<Vec<_>>().join(", ");
    match (named, apis.protected()) {
        (Some(name), _) => apis.find(name).cloned().ok_or_else(|| {
            let message = format!("there is no API {name:?}\nthere are: {}, and bitting for operator tokens", known());
            Failure::of(FailureKind::NotFound, message)
        }),
        (None, [only]) => Ok(Arc::clone(only)),
        (None, _) => {
            let message = format!("which API?\nwrite --api with one of: {}", known());
            Err(Failure::of(FailureKind::Options, message))
        }
    }
}

/// Reads the configuration that the options name.
pub(super) fn load(shared: &Shared) -> Result<Config, Failure> {
    usable(load_files(&configured(shared)?, shared)?)
}

/// The configuration, if nothing is wrong with it.
pub(super) fn usable(loaded: Loaded) -> Result<Config, Failure> {
    let Loaded { config, problems, .. } = loaded;
    config.ok_or_else(|| {
        show(&problems);
        wrong_configuration(&problems)
    })
}

/// The files that the options name, or the one that is there.
pub(super) fn configured(shared: &Shared) -> Result<Vec<PathBuf>, Failure> {
    if shared.config.is_empty() { Ok(vec![default_file()?]) } else { Ok(shared.config.clone()) }
}

/// The store that a running server has, whether the files are right or not: who asks how it is may be about to edit them.
pub(super) fn store(shared: &Shared) -> Result<PathBuf, Failure> {
    Ok(load_files(&configured(shared)?, shared)?.store)
}

/// Reads files as one configuration, whose relative paths start at the folder of the first.
pub(super) fn load_files(files: &[PathBuf], shared: &Shared) -> Result<Loaded, Failure> {
    load_files_with(files, &shared.set, &Arc::default())
}

/// The same, compiled with names that are in use.
pub(super) fn load_files_with(files: &[PathBuf], overrides: &[String], names: &Arc<Names>) -> Result<Loaded, Failure> {
    let folder = files.first().and_then(|file| file.parent()).map(Path::to_owned).unwrap_or_default();
    let sources = files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    Ok(config::load(sources, overrides, &folder, names))
}

fn read(file: &Path) -> Result<Source, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::of(FailureKind::Configuration, format!("{} cannot be read: {error}", file.display())))?;
    Ok(Source { name: file.display().to_string(), text })
}

/// Shows what is wrong.
pub(super) fn show(problems: &Problems) {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    note(problems.render(colour).trim_end());
}

pub(super) fn wrong_configuration(problems: &Problems) -> Failure {
    let (errors, _) = problems.counts();
    let count = if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") };
    Failure::of(FailureKind::Configuration, format!("the configuration has {count}"))
}

fn default_file() -> Result<PathBuf, Failure> {
    for file in ["bitting.toml", INSTALLED] {
        if Path::new(file).exists() {
            return Ok(PathBuf::from(file));
        }
    }
    Err(Failure::of(
        FailureKind::Configuration,
        "there is no bitting.toml here, no /etc/bitting/bitting.toml, and no --config\n\
         write one, with your API's address:\n\n\
         [[api]]\n\
         name = \"myapi\"\n\
         upstream = \"http://127.0.0.1:3000\"\n\n\
         [api.key]\n\
         prefix = \"my_\"\n\n\
         or try `bitting demo` first; `bitting demo --keep DIR` leaves five examples in DIR",
    ))
}

/// When a key ends: `never`, a duration from now, a date (the end of that day in UTC), or a time.
pub(super) fn when(text: &str, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    if text == "never" {
        return Ok(None);
    }
    if let Ok(duration) = bitting_core::duration::parse(text) {
        return Ok(Some(now.plus(duration)));
    }
    let end_of_day = |date: Date| format!("{date}T23:59:59.999Z").parse::<Timestamp>();
    let time = text.parse::<Date>().ok().filter(|_| !text.contains('T')).map_or_else(|| text.parse(), end_of_day);
    time.map(Some).map_err(|_| {
        let message = format!("expires: {text:?} is no time\nwrite 90d, 2026-12-31, 2026-12-31T12:00:00Z or never");
        Failure::of(FailureKind::Refused, message)
    })
}

/// The networks of `--allow-address`.
pub(super) fn addresses(texts: &[String]) -> Result<Option<AddressList>, Failure> {
    if texts.is_empty() {
        return Ok(None);
    }
    let list = AddressList::parse(texts.iter().map(String::as_str));
    list.map(Some).map_err(|error| Failure::of(FailureKind::Refused, format!("allow-address: {error}")))
}

/// The numbers of `--limit`.
pub(super) fn limits(texts: &[String]) -> Result<BTreeMap<String, u64>, Failure> {
    let mut limits = BTreeMap::new();
    for text in texts {
        let wrong =
            |why: &str| Failure::of(FailureKind::Refused, format!("limits: {text:?} {why}\nwrite NAME=NUMBER, as in hour=50"));
        let (name, number) = text.split_once('=').ok_or_else(|| wrong("has no \"=\""))?;
        let number = number.parse().map_err(|_| wrong("has no whole number after its \"=\""))?;
        if limits.insert(name.to_owned(), number).is_some() {
            return Err(wrong("is the second number for one limit"));
        }
    }
    Ok(limits)
}

/// The notes of `--metadata`.
pub(super) fn metadata(texts: &[String]) -> Result<Map<String, Value>, Failure> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), Value::from(value))),
        None => Err(Failure::of(FailureKind::Refused, format!("metadata: {text:?} has no \"=\"\nwrite NAME=TEXT"))),
    };
    texts.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_limit_is_a_name_and_a_whole_number_and_is_named_once() {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let read = limits(&texts(&["hour=50", "day=9007199254740992"])).unwrap();
        assert_eq!(read, BTreeMap::from([("hour".to_owned(), 50), ("day".to_owned(), 1 << 53)]));
        for wrong in [vec!["hour"], vec!["hour="], vec!["hour=-1"], vec!["hour=1.5"], vec!["hour=1", "hour=2"]] {
            assert_eq!(limits(&texts(&wrong)).unwrap_err().kind(), FailureKind::Refused, "{wrong:?}");
        }
    }

    #[test]
    fn an_end_is_never_a_duration_a_date_or_a_time() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        assert_eq!(when("never", now).unwrap(), None);
        assert_eq!(when("90d", now).unwrap(), Some(now.plus(Duration::from_hours(90 * 24))));
        assert_eq!(when("2026-12-31", now).unwrap(), Some("2026-12-31T23:59:59.999Z".parse().unwrap()));
        assert_eq!(when("2026-12-31T10:00:00+02:00", now).unwrap(), Some("2026-12-31T08:00:00Z".parse().unwrap()));
        for wrong in ["", "soon", "31.12.2026", "2026-02-30", "-5d"] {
            assert_eq!(when(wrong, now).unwrap_err().kind(), FailureKind::Refused, "{wrong}");
        }
    }
}
