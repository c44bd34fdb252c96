//! The engine itself: everything of this crate, put together.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bitting_core::address::Client;
use bitting_core::api::Host;
use bitting_core::ban::BanPolicy;
use bitting_core::key::KeyId;
use bitting_core::reason::Reason;
use bitting_core::record::Record;
use bitting_core::rights::Excess;
use bitting_core::time::Timestamp;
use bitting_store::{Actor, Change, Committed, Conditions, Entry, Origin, Refusal, Store, StoreError, StoreErrorKind};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::apis::Apis;
use crate::bans;
use crate::clock::{Clock, SteadyClock};
use crate::decision::{Decision, Denial};
use crate::desk::{self, InvalidChange};
use crate::entropy::{Entropy, EntropyError};
use crate::feed::{self, Feed};
use crate::heartbeat::{self, ClockWatch};
use crate::imported;
use crate::imported::proof::{Prover, Unproven, Verdict};
use crate::inquiry::Inquiry;
use crate::lifecycle::{self, Keeper};
use crate::metering::{self, ApiBooks, IfShort, Metering};
use crate::meters;
use crate::open_streams::{self, OpenStreams};
use crate::pipeline::{self, Bench, IfUnproven, Patience, Wait};
use crate::ring::Ring;
use crate::stopping::Tasks;
use crate::writer::{self, Job};

/// How many changes may wait for the writer before callers wait to hand theirs over.
const QUEUE: usize = 4_096;

/// How long a request waits for more of a limit that must last.
const SUPPLY_PATIENCE: Duration = Duration::from_millis(250);

/// How many keys are read from the store at once while loading.
const LOAD_PAGE: usize = 20_000;

/// What an engine is started with.
pub struct EngineOptions {
    /// Where everything lasts.
    pub store: Arc<dyn Store>,
    /// The APIs.
    pub apis: Apis,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The running key ring.
pub struct Engine {
    store: Arc<dyn Store>,
    ring: Arc<Ring>,
    apis: Arc<ArcSwap<Apis>>,
    clock: Arc<SteadyClock>,
    watch: Arc<ClockWatch>,
    prover: Prover,
    pub(crate) metering: Arc<Metering>,
    books: ApiBooks,
    pub(crate) feed: Arc<Feed>,
    pub(crate) streams: Arc<OpenStreams>,
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) keeper: Arc<tokio::sync::Mutex<Keeper>>,
    /// Gone once the engine is stopping.
    pub(crate) queue: Mutex<Option<mpsc::Sender<Job>>>,
    pub(crate) tasks: Mutex<Option<Tasks>>,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Something in it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidChange),
    /// The key that asks for it cannot hand on what it does not have itself.
    #[error("this exceeds the key that asks for it: {}", .0.iter().map(|e| format!("{} {}", e.field, e.what)).collect::<Vec<_>>().join(", "))]
    Exceeds(Vec<Excess>),
    /// What it is about does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
    /// The engine is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The writer ended before its time. The change may have been made.
    #[error("the server can no longer write, and whether it made the change is not known: start it again, then look")]
    Broken,
}

/// How an engine is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineStatus {
    /// Whether all keys are in memory, so that requests can be decided.
    pub loaded: bool,
    /// Whether the writer ended before its time. Then no key is admitted until the server is started again.
    pub broken: bool,
    /// How many keys there are.
    pub keys: usize,
    /// What was last odd about the machine's clock, in words: a jump, or a start before the latest time in the store.
    pub clock: Option<String>,
}

impl Engine {
    /// Opens an engine and loads every key.
    ///
    /// # Errors
    /// If the store cannot be read or there is no randomness.
    pub async fn start(options: EngineOptions) -> Result<Arc<Self>, StartError> {
        let engine = Self::open(options).await?;
        engine.load().await?;
        Ok(engine)
    }

    /// Opens an engine whose ring is still empty: until it is [loaded](Self::load), every key is answered
    /// `store_unavailable`. Metrics are counted with the recorder that is installed before this is called.
    ///
    /// # Errors
    /// If the store cannot be read or there is no randomness.
    pub async fn open(options: EngineOptions) -> Result<Arc<Self>, StartError> {
        let EngineOptions { store, apis, clock } = options;
        meters::describe();
        apis.register_meters();
        let (metering, orders) = Metering::new();
        let books = ApiBooks::default();
        apis.count_in(&metering, &books);
        let progress = store.progress().await?;
        let watch = Arc::new(ClockWatch::default());
        watch.begin(clock.now(), progress.time);
        let clock = Arc::new(SteadyClock::new(clock, progress.time));
        let ring = Arc::new(Ring::new(Arc::clone(apis.names()), Entropy.random()?));
        let (queue, jobs) = mpsc::channel(QUEUE);
        let feed = Arc::new(Feed::after(store.last_event().await?));
        let keeper =
            Keeper::new(Arc::clone(&store), &metering, Arc::clone(&clock), Arc::clone(&feed), queue.downgrade(), progress.time);
        let keeper = Arc::new(tokio::sync::Mutex::new(keeper));
        let apis = Arc::new(ArcSwap::from_pointee(apis));
        let streams = Arc::new(OpenStreams::new(Arc::clone(&ring), Arc::clone(&clock), Arc::clone(&store), Arc::clone(&apis)));
        let halt = CancellationToken::new();
        let tasks = Tasks {
            keeper: tokio::spawn(lifecycle::run(Arc::clone(&keeper), Arc::clone(&ring))),
            writer: tokio::spawn(writer::run(
                Arc::clone(&store),
                Arc::clone(&ring),
                Arc::clone(&feed),
                Arc::clone(&streams),
                jobs,
            )),
            feed: tokio::spawn(feed::run(Arc::clone(&feed), Arc::clone(&store), halt.clone())),
            sightings: tokio::spawn(imported::run(Arc::clone(&ring), Arc::clone(&clock), queue.downgrade())),
            supply: tokio::spawn(metering::run(
                Arc::downgrade(&metering),
                Arc::clone(&store),
                Arc::clone(&clock),
                Arc::clone(&feed),
                orders,
            )),
            traffic: tokio::spawn(crate::watch::run(
                Arc::downgrade(&metering),
                Arc::clone(&store),
                Arc::clone(&clock),
                Arc::clone(&feed),
                halt.clone(),
            )),
            streams: tokio::spawn(open_streams::run(Arc::clone(&streams), halt.clone())),
            heartbeat: tokio::spawn(heartbeat::run(Arc::clone(&clock), Arc::clone(&watch), Arc::clone(&store), halt.clone())),
            halt,
        };
        Ok(Arc::new(Self {
            store,
            ring,
            apis,
            clock,
            watch,
            prover: Prover::default(),
            metering,
            books,
            feed,
            streams,
            stopping: watch::Sender::new(false),
            keeper,
            queue: Mutex::new(Some(queue)),
            tasks: Mutex::new(Some(tasks)),
        }))
    }

    /// Reads every key into the ring, which is trusted from then on. A change that is made meanwhile is not lost: its number
    /// is higher than that of what was read. Before that, keys are renewed that should have been while no engine ran.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn load(&self) -> Result<(), StoreError> {
        self.renew_what_is_owed().await;
        self.ring.load(&*self.store, LOAD_PAGE).await
    }

    /// Decides about a request. Without I/O, and nothing waits, unless it is the first with a key that was imported by a slow
    /// hash, or nothing is left of what was bought ahead of a limit that must last.
    pub async fn decide(&self, inquiry: &Inquiry<'_>) -> Decision {
        match self.try_decide(inquiry, Patience::WHOLE) {
            Ok(decision) => decision,
            Err(wait) => Box::pin(self.decide_after(inquiry, wait)).await,
        }
    }

    /// Decides about a request at once, or not at all if something has to be waited for.
    pub fn decide_now(&self, inquiry: &Inquiry<'_>) -> Option<Decision> {
        self.try_decide(inquiry, Patience::WHOLE).ok()
    }

    /// Waits, and then looks everything up again: what held before may not hold any more.
    async fn decide_after(&self, inquiry: &Inquiry<'_>, mut wait: Wait) -> Decision {
        // Before the next look, so that nothing that is bought meanwhile is missed.
        let mut rounds = self.metering.rounds();
        let (mut deadline, mut patience) = (None, Patience::WHOLE);
        loop {
            match wait {
                Wait::Proof(unproven) => patience.unproven = self.after_proof(unproven).await,
                Wait::Supply => {}
            }
            wait = match self.try_decide(inquiry, patience) {
                Ok(decision) => return decision,
                Err(wait) => wait,
            };
            if let Wait::Supply = wait {
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + SUPPLY_PATIENCE);
                if tokio::time::timeout_at(deadline, rounds.changed()).await.is_err() {
                    patience.short = IfShort::Refuse;
                }
            }
        }
    }

    /// What to do about a key that had to be proven.
    pub(crate) async fn after_proof(&self, unproven: Unproven) -> IfUnproven {
        let unproven = Arc::new(unproven);
        match self.prover.look(&*self.store, &unproven).await {
            Ok(Verdict::Proven) => {
                self.keep_digest(&unproven).await;
                // By now it is found, or could not be written.
                IfUnproven::Unavailable
            }
            Ok(Verdict::Refuted | Verdict::Changed) => IfUnproven::Refuse,
            Err(error) => {
                tracing::warn!(%error, key = %unproven.key, "an imported key could not be held against its slow hash");
                IfUnproven::Unavailable
            }
        }
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    fn bench(&self) -> Bench<'_> {
        Bench { ring: &self.ring, clock: &self.clock, metering: &self.metering }
    }

    /// Keeps the SHA-256 of a key that was proven, under which it is found from then on.
    async fn keep_digest(&self, unproven: &Unproven) {
        let Unproven { key, api, claim } = unproven;
        let change = Change::RehashKey { api: api.to_string(), key: *key, digest: claim.key().digest() };
        let origin = Origin { actor: Actor::System, request_id: String::new(), address: None };
        let entry = Entry { change, origin, conditions: Conditions::default(), at: self.now() };
        if let Err(error) = self.hand_over(entry).await {
            tracing::warn!(%error, key = %key, "an imported key was recognised, but its SHA-256 could not be kept");
        }
    }

    fn try_decide(&self, inquiry: &Inquiry<'_>, patience: Patience) -> Result<Decision, Wait> {
        let apis = self.apis.load();
        let started = meters::measures_next().then(Instant::now);
        let decision = pipeline::decide(&apis, self.bench(), inquiry, patience)?;
        let api = match &decision {
            Decision::Permit(permit) => {
                permit.api().meters().admitted();
                permit.count_keyless();
                permit.api()
            }
            Decision::Denial(denial) => {
                denial.api().meters().refused(denial.reason());
                if denial.key().is_none() {
                    let address = inquiry.client.map(Client::address);
                    self.metering.refuse_keyless(denial, inquiry.method, address, self.clock.latest());
                }
                if BanPolicy::counts(denial.reason()) {
                    bans::count(denial.api(), &self.clock, inquiry);
                }
                denial.api()
            }
            Decision::Preflight(api, _) => {
                api.meters().preflight();
                api
            }
        };
        if let Some(started) = started {
            api.meters().decided_in(started.elapsed());
        }
        Ok(decision)
    }

    /// Refuses a request that is not fit to be decided about, in Bitting's own words.
    pub fn refuse(&self, reason: Reason) -> Denial {
        let apis = self.apis.load();
        apis.own().meters().refused(reason);
        Denial::new(apis.own(), reason)
    }

    /// The refusal of a request for an API that its connection was not made for, if that is so: the name that the caller asked for
    /// when it secured the connection belongs to another (RFC 9110, section 15.5.20).
    pub fn refuse_misdirected(&self, server_name: &str, authority: &str) -> Option<Denial> {
        if Host::of_authority(authority).is_some_and(|host| host.eq_ignore_ascii_case(server_name)) {
            return None;
        }
        let apis = self.apis.load();
        let speaker = apis.misdirected(server_name, authority)?;
        speaker.meters().refused(Reason::MisdirectedRequest);
        Some(Denial::new(speaker, Reason::MisdirectedRequest))
    }

    /// Makes a change. When this returns, the change is on the disk and every later decision knows of it. Dropping the
    /// future does not take the change back.
    ///
    /// # Errors
    /// If the change is wrong, refused, or could not be written.
    pub async fn commit(&self, change: Change, actor: Actor, request_id: &str) -> Result<Committed, CommitError> {
        let origin = Origin { actor, request_id: request_id.to_owned(), address: None };
        self.submit(change, origin, Conditions::default()).await
    }

    /// The same, if some conditions hold when the change is written.
    ///
    /// # Errors
    /// If the change is wrong, refused, or could not be written.
    pub async fn submit(&self, mut change: Change, origin: Origin, conditions: Conditions) -> Result<Committed, CommitError> {
        let at = self.now();
        let apis = self.apis();
        desk::check(&apis, &change, at)?;
        desk::complete(&apis, &mut change);
        self.check_new_end(&apis, &change).await?;
        self.check_customer(&apis, &change, &origin).await?;
        self.hand_over(Entry { change, origin, conditions, at }).await
    }

    /// Gives a change to the writer and waits for its answer.
    pub(crate) async fn hand_over(&self, entry: Entry) -> Result<Committed, CommitError> {
        self.hand_over_and(entry, None).await
    }

    /// The same, with something to do as soon as the change is on the disk, whoever still waits for the answer by then.
    pub(crate) async fn hand_over_and(
        &self,
        entry: Entry,
        then: Option<Box<dyn FnOnce() + Send>>,
    ) -> Result<Committed, CommitError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(CommitError::Stopping)?;
        let (answer, answered) = oneshot::channel();
        // A writer that ends by itself has answered all who hold its queue.
        queue.send(Job { entry, answer, then }).await.map_err(|_| CommitError::Broken)?;
        drop(queue);
        let committed = answered.await.map_err(|_| CommitError::Broken)??;
        Ok(committed?)
    }

    /// A key that gets another end must not live longer than its API allows. When it was made does not change, so it may be
    /// read now.
    async fn check_new_end(&self, apis: &Apis, change: &Change) -> Result<(), CommitError> {
        let Change::UpdateKey { api, key, patch } = change else { return Ok(()) };
        let (Some(expires_at), Some(api)) = (patch.expires_at, apis.find(api)) else { return Ok(()) };
        if let Some(row) = self.store.key(&api.name, *key).await.map_err(Arc::new)? {
            desk::check_lifetime(api, expires_at, &row)?;
        }
        Ok(())
    }

    /// Writes down everything that was used until now, so that the store can be asked for it.
    ///
    /// # Errors
    /// If it cannot be written; then it is kept and tried again.
    pub async fn write_usage_down(&self) -> Result<(), StoreError> {
        let failed = || StoreError::new(StoreErrorKind::Unavailable, "what was used could not be written down");
        if self.metering.write_down().await { Ok(()) } else { Err(failed()) }
    }

    /// How many levels of limits are in memory.
    pub fn remembered_levels(&self) -> usize {
        self.metering.remembered_levels()
    }

    /// The APIs in force.
    pub fn apis(&self) -> Arc<Apis> {
        self.apis.load_full()
    }

    /// Puts other APIs in force, compiled with the [names](Apis::names) of those that are. A request that is being decided
    /// sees one or the other.
    ///
    /// # Errors
    /// If they were compiled with other names: the ring's records would hold other rights than they say.
    pub fn install(&self, apis: Apis) -> Result<(), OtherNames> {
        if !Arc::ptr_eq(apis.names(), self.apis.load().names()) {
            return Err(OtherNames);
        }
        apis.register_meters();
        apis.count_in(&self.metering, &self.books);
        self.apis.store(Arc::new(apis));
        self.streams.look();
        Ok(())
    }

    /// The engine's time, which never goes back.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The machine's time, which somebody may set back: for what others compare with theirs.
    pub fn machine_time(&self) -> Timestamp {
        self.clock.source().now()
    }

    /// The record of a key, by its public id; `None` if there is none.
    pub(crate) async fn record(&self, key: KeyId) -> Result<Option<Arc<Record>>, StoreError> {
        let Some(row) = self.store.ring_key(key).await? else { return Ok(None) };
        let untrusted = |_| StoreError::new(StoreErrorKind::Unavailable, "the keys are not in memory");
        Ok(self.ring.trusted().map_err(untrusted)?.find(&row.digest))
    }

    /// For reading; all writing goes through [`commit`](Self::commit).
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// How it is doing.
    pub fn status(&self) -> EngineStatus {
        EngineStatus {
            loaded: self.ring.is_loaded(),
            broken: self.ring.is_deserted(),
            keys: self.ring.len(),
            clock: self.watch.last_oddity(),
        }
    }
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// APIs that were compiled with other names than those in force, so that a key's rights would mean something else in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the APIs were compiled with other names than those in force")]
pub struct OtherNames;

/// Checks a change against APIs without an engine: for the command line when it owns the store itself.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check_change(apis: &Apis, change: &mut Change, now: Timestamp) -> Result<(), InvalidChange> {
    desk::check(apis, change, now)?;
    desk::complete(apis, change);
    Ok(())
}
