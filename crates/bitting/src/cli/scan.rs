//! `bitting scan`: keys in files, or in all that a git repository has ever held.
//!
//! Reading goes on beside looking up: one thread reads and says what it finds, and what it found is looked up by digest in parts of a
//! few hundred. The store is held no longer than such a part takes, so that a server can start while a large disk is being read.

mod history;
mod page;
mod reader;
mod report;
mod standing;
mod tree;

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitting_core::key::{Concealment, Digest, FoundKey, KeyFinder};
use bitting_engine::{Apis, ServedApi};
use tokio::sync::mpsc;

use self::page::Position;
use self::reader::Reader;
use self::report::Report;
use self::standing::Registry;
use super::context::load;
use super::options::{Scan, Shared};
use super::output::note;
use crate::failure::{Failure, FailureKind};

/// How many things that were found wait to be looked up, and are looked up at once.
const BATCH: usize = 256;

/// The formats of all configured keys, Bitting's own among them.
struct Lock {
    apis: Arc<Apis>,
    served: Vec<Arc<ServedApi>>,
    finder: KeyFinder,
    /// Leaves keys out of the names of files.
    concealment: Concealment,
}

/// A text that is written as a key, and where.
struct Hit {
    place: Place,
    position: Position,
    /// The numbers in [`Lock::served`] of the APIs whose keys are written so.
    apis: Vec<usize>,
    /// The environments whose keys begin so.
    environments: Vec<Box<str>>,
    /// The beginning that may be shown.
    shown: Box<str>,
    /// Its SHA-256.
    digest: Digest,
    /// What else it may be looked up by.
    places: Vec<Digest>,
    is_plausible: bool,
}

/// Where something was found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Place {
    /// A file, without any key that stands in its name; "-" is standard input.
    File(Arc<str>),
    /// A file of a commit, `None` if no branch, tag or log of one leads to it any more.
    Blob { id: Arc<str>, of: Option<(Arc<str>, Arc<str>)> },
    /// What was written of a commit.
    Commit(Arc<str>),
    /// What was written of a tag.
    Tag(Arc<str>),
}

/// What is said by whoever reads.
enum Said {
    Found(Box<Hit>),
    Unread { what: String, why: String },
}

/// What was read in all.
#[derive(Debug, Default, Clone, Copy)]
struct Totals {
    /// Files, or objects of a repository.
    texts: u64,
    bytes: u64,
    took: Duration,
}

/// Finds keys and says which of them work.
pub(super) async fn run(options: Scan, shared: &Shared) -> Result<(), Failure> {
    let config = load(shared)?;
    for path in options.paths.iter().filter(|path| !tree::is_standard_input(path)) {
        // Whoever misspells a path must not be told that nothing was found.
        path.metadata().map_err(|error| Failure::of(FailureKind::NotFound, format!("{}: {error}", path.display())))?;
    }
    if options.git {
        options.paths.iter().try_for_each(|path| history::check(path))?;
    }
    let lock = Arc::new(Lock::new(config.apis)?);
    lock.tell_of_bare_keys();
    let registry = Registry::new(config.store, Arc::clone(&lock.apis));
    let mut desk = Desk { registry, report: Report::new(shared.json, Arc::clone(&lock)), reports_leaks: options.report };
    let (said, mut heard) = mpsc::channel(BATCH);
    let reading = {
        let (lock, paths, git) = (Arc::clone(&lock), options.paths, options.git);
        tokio::task::spawn_blocking(move || read(&lock, &paths, git, &said))
    };
    let (mut batch, mut hits) = (Vec::with_capacity(BATCH), Vec::new());
    while heard.recv_many(&mut batch, BATCH).await > 0 {
        for said in batch.drain(..) {
            match said {
                Said::Found(hit) => hits.push(*hit),
                Said::Unread { what, why } => {
                    desk.settle(&mut hits).await?;
                    desk.report.unread(&what, &why)?;
                }
            }
        }
        desk.settle(&mut hits).await?;
    }
    let totals = reading.await.map_err(|_| Failure::new("the scan broke off"))?;
    desk.report.end(totals)
}

/// Where what was found is looked up, and told in the order in which it was found.
struct Desk {
    registry: Registry,
    report: Report,
    /// Whether keys that have not ended are reported as leaked.
    reports_leaks: bool,
}

impl Desk {
    async fn settle(&mut self, hits: &mut Vec<Hit>) -> Result<(), Failure> {
        let mut standings = self.registry.look_up(hits).await?;
        if self.reports_leaks {
            self.registry.report(hits, &mut standings).await?;
        }
        hits.drain(..).zip(&standings).try_for_each(|(hit, standing)| self.report.found(&hit, standing))
    }
}

/// Reads everything; ends early if nobody listens any more.
fn read(lock: &Lock, paths: &[std::path::PathBuf], git: bool, said: &mpsc::Sender<Said>) -> Totals {
    let started = Instant::now();
    let mut totals = Totals::default();
    for path in paths {
        if git { history::read(lock, path, said, &mut totals) } else { tree::read(lock, path, said, &mut totals) }
    }
    totals.took = started.elapsed();
    totals
}

fn tell_unread(lock: &Lock, what: &Path, why: String, said: &mpsc::Sender<Said>) {
    let _ = said.blocking_send(Said::Unread { what: lock.name(what).to_string(), why });
}

impl Lock {
    fn new(apis: Apis) -> Result<Self, Failure> {
        let apis = Arc::new(apis);
        let served: Vec<Arc<ServedApi>> = apis.protected().iter().chain([apis.own()]).cloned().collect();
        let formats = || served.iter().map(|api| api.format.clone());
        let finder = KeyFinder::new(formats()).map_err(Failure::other)?;
        Ok(Self { finder, concealment: Concealment::new(formats()), apis, served })
    }

    /// Says whose keys cannot be found, so that nobody takes their silence for a good sign.
    fn tell_of_bare_keys(&self) {
        for api in self.served.iter().filter(|api| api.format.accepts_any_prefix()) {
            let bare = |of: &&bitting_core::key::EnvironmentPrefixes| of.prefixes.iter().any(|prefix| prefix.is_empty());
            let environments: Vec<&str> = api.format.environments().iter().filter(bare).map(|of| &*of.environment).collect();
            note(&format!(
                "warning: keys of {} ({}) have no prefix, so nothing tells them from other words: they are not found",
                api.name,
                environments.join(", ")
            ));
        }
    }

    /// The name of a file as it may be shown: without keys, and without what a terminal would take for an order.
    fn name(&self, path: &Path) -> Arc<str> {
        let text = path.to_string_lossy();
        let shown: String =
            self.concealment.conceal(&text).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        shown.into()
    }

    /// The names of the APIs with these numbers.
    fn names(&self, apis: &[usize]) -> Vec<&str> {
        apis.iter().map(|&api| &*self.served[api].name).collect()
    }
}

impl Hit {
    fn new(lock: &Lock, place: &Place, position: Position, found: &FoundKey<'_>) -> Self {
        let key = found.key;
        // An imported key that nobody has used yet may be known by another hash than its SHA-256.
        let places = [Some(key.wide_digest().half()), key.long_token_place(&lock.served[found.format].name)];
        Self {
            place: place.clone(),
            position,
            apis: vec![found.format],
            environments: found.environments.iter().map(|&name| name.into()).collect(),
            shown: found.shown.into(),
            digest: key.digest(),
            places: places.into_iter().flatten().collect(),
            is_plausible: found.is_plausible,
        }
    }

    /// Takes in the same text, seen as a key of another API; gives back what is another text.
    fn merge(&mut self, other: Self) -> Option<Self> {
        if (self.position, self.digest) != (other.position, other.digest) {
            return Some(other);
        }
        self.apis.extend(other.apis);
        self.environments.extend(other.environments);
        self.places.extend(other.places);
        self.is_plausible |= other.is_plausible;
        None
    }
}

/// What is found in one text: one hit for each place.
struct Finds<'l> {
    lock: &'l Lock,
    place: Place,
    last: Option<Hit>,
}

impl<'l> Finds<'l> {
    fn new(lock: &'l Lock, place: Place) -> Self {
        Self { lock, place, last: None }
    }

    /// Reads the text, and hands on each hit that nothing more can be said of.
    fn read(mut self, reader: &mut Reader<'_>, text: &mut impl Read, mut hand_on: impl FnMut(Hit)) -> io::Result<u64> {
        let read = reader.read(text, |position: Position, found: &FoundKey<'_>| {
            let mut hit = Some(Hit::new(self.lock, &self.place, position, found));
            if let Some(last) = &mut self.last {
                hit = hit.and_then(|hit| last.merge(hit));
            }
            if let Some(hit) = hit
                && let Some(whole) = self.last.replace(hit)
            {
                hand_on(whole);
            }
        });
        self.last.into_iter().for_each(hand_on);
        read
    }
}
