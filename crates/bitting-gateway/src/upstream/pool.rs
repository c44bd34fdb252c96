//! The servers of one upstream, and which of them a request goes to.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bitting_core::api::{Origin, Upstream, UpstreamHost};
use http::{HeaderMap, HeaderValue, header};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::failure::Failure;
use super::meters::Meters;
use super::names::{self, Found};
use super::queue::Queue;
use super::server::{Server, Site, Slot};
use super::tls;

/// All that is known of one upstream. It ends with the last request that has it.
pub(crate) struct Pool {
    settings: Arc<Upstream>,
    members: Box<[Member]>,
    /// The addresses of all members.
    servers: ArcSwap<Vec<Arc<Server>>>,
    /// Held while the addresses are put together.
    gathering: Mutex<()>,
    /// Whether every name was asked for once.
    is_known: watch::Sender<bool>,
    /// Whose turn it is among those that have equally little to do.
    turn: AtomicUsize,
    queue: Arc<Queue>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// One origin.
struct Member {
    site: Arc<Site>,
    origin: Origin,
    resolved: Mutex<Resolved>,
}

/// Where its name leads.
#[derive(Default)]
struct Resolved {
    servers: Vec<Arc<Server>>,
    /// Whether it was asked for once.
    is_known: bool,
    /// Why there is no address.
    why: Option<Box<str>>,
}

enum Pick {
    Slot(Slot),
    /// All that could be asked have as many requests as they may.
    Full,
    /// There is none that was not tried.
    Nobody,
}

/// How often connections are looked through that nobody uses.
const TIDY_EVERY: Duration = Duration::from_secs(1);

impl Pool {
    /// Opens an upstream: finds its addresses and goes on following its names. No connection is made yet.
    pub(crate) fn open(settings: &Arc<Upstream>) -> Arc<Self> {
        let secured = settings.servers.iter().any(Origin::is_https).then(|| tls::client(&settings.tls));
        let queue = Arc::new(Queue::default());
        let member = |origin: &Origin| {
            let secured = match &secured {
                Some(Ok(config)) if origin.is_https() => tls::secured(origin, &settings.tls, config).map(Some),
                Some(Err(error)) if origin.is_https() => Err(tls::InvalidTls::Roots(error.to_string())),
                _ => Ok(None),
            };
            let why = secured.as_ref().err().map(|error| error.to_string().into());
            let name = origin.to_string();
            let site = Site {
                meters: Meters::new(&name),
                name: name.into(),
                host: HeaderValue::try_from(origin.authority().as_str()).unwrap_or(HeaderValue::from_static("")),
                secured: secured.ok().flatten(),
                failover: settings.failover,
            };
            let resolved = Resolved { servers: Vec::new(), is_known: why.is_some(), why };
            Member { site: Arc::new(site), origin: origin.clone(), resolved: Mutex::new(resolved) }
        };
        let pool = Arc::new(Self {
            settings: Arc::clone(settings),
            members: settings.servers.iter().map(member).collect(),
            servers: ArcSwap::default(),
            gathering: Mutex::new(()),
            is_known: watch::Sender::new(false),
            turn: AtomicUsize::new(0),
            queue,
            tasks: Mutex::default(),
        });
        for (position, member) in pool.members.iter().enumerate() {
            // Without what TLS needs there is nobody to connect to.
            if lock(&member.resolved).why.is_some() {
                continue;
            }
            match member.origin.host().parse::<IpAddr>() {
                Ok(address) => pool.found(position, Found::Addresses(vec![address])),
                Err(_) => lock(&pool.tasks).push(tokio::spawn(follow(Arc::downgrade(&pool), position))),
            }
        }
        pool.gather();
        lock(&pool.tasks).push(tokio::spawn(tidy(Arc::downgrade(&pool))));
        pool
    }

    pub(crate) fn settings(&self) -> &Arc<Upstream> {
        &self.settings
    }

    /// Whether each server is told its own name in `Host`: because it is to be so, or because the caller named none.
    pub(crate) fn names_servers(&self, headers: &HeaderMap) -> bool {
        self.settings.host == UpstreamHost::Upstream || !headers.contains_key(header::HOST)
    }

    /// How many servers there are that were not tried.
    pub(crate) fn untried(&self, tried: &[Arc<Server>]) -> usize {
        self.servers.load().iter().filter(|server| !holds(tried, server)).count()
    }

    /// The right to a connection to the server that has least to do, of those that were not tried. Waits if there are as many
    /// connections as there may be, and for the first answer about the servers' names, which is taken from the time for connecting.
    pub(crate) async fn slot(&self, tried: &[Arc<Server>], left: &mut Duration) -> Result<Slot, Failure> {
        loop {
            match self.pick(tried) {
                Pick::Slot(slot) => return Ok(slot),
                Pick::Full => return self.wait_for_slot(tried).await,
                Pick::Nobody => {
                    let began = Instant::now();
                    let mut known = self.is_known.subscribe();
                    let will_change = !*known.borrow_and_update();
                    if self.untried(tried) > 0 {
                        // Found out in this very moment.
                        continue;
                    }
                    if !will_change || tokio::time::timeout(*left, known.changed()).await.is_err() {
                        return Err(Failure::NoAddress(self.why_nobody()));
                    }
                    *left = left.saturating_sub(began.elapsed());
                }
            }
        }
    }

    async fn wait_for_slot(&self, tried: &[Arc<Server>]) -> Result<Slot, Failure> {
        let rules = &self.settings.connections;
        let place = self.queue.join(rules.waiting, tried.is_empty()).ok_or(Failure::TooManyWait(rules.waiting))?;
        let until = Instant::now() + rules.wait;
        loop {
            let mut changed = std::pin::pin!(place.changed());
            // From here on nothing is missed that becomes free.
            changed.as_mut().enable();
            match self.pick(tried) {
                Pick::Slot(slot) => return Ok(slot),
                Pick::Nobody => return Err(Failure::NoAddress(self.why_nobody())),
                Pick::Full => {}
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                return Err(Failure::WaitedTooLong(rules.wait));
            }
        }
    }

    fn pick(&self, tried: &[Arc<Server>]) -> Pick {
        let servers = self.servers.load();
        let most = self.settings.connections.most;
        if let ([only], []) = (&servers[..], tried) {
            // There is no better one, however it stands, so each request tries it.
            return only.take(most, false).map_or(Pick::Full, Pick::Slot);
        }
        // Who is asked in another's stead is not whose turn it was.
        let first =
            if tried.is_empty() { self.turn.fetch_add(1, Ordering::Relaxed) } else { self.turn.load(Ordering::Relaxed) };
        let (mut best, mut is_full): (Option<&Arc<Server>>, bool) = (None, false);
        for offset in 0..servers.len() {
            let server = &servers[first.wrapping_add(offset) % servers.len()];
            if holds(tried, server) {
                continue;
            }
            if !server.standing.is_in() {
                if server.standing.begin_trial(Instant::now()) {
                    match server.take(most, true) {
                        Some(slot) => return Pick::Slot(slot),
                        None => server.standing.abandon_trial(),
                    }
                }
                continue;
            }
            if server.busy() >= most {
                is_full = true;
            } else if best.is_none_or(|best| server.busy() < best.busy()) {
                best = Some(server);
            }
        }
        if let Some(best) = best {
            return best.take(most, false).map_or(Pick::Full, Pick::Slot);
        }
        if is_full {
            return Pick::Full;
        }
        // All are left out. The one whose time is nearest may be well first.
        let out = servers.iter().filter(|server| !holds(tried, server));
        match out.min_by_key(|server| server.standing.out_until()) {
            Some(server) => server.take(most, false).map_or(Pick::Full, Pick::Slot),
            None => Pick::Nobody,
        }
    }

    fn why_nobody(&self) -> Box<str> {
        let whys = self.members.iter().filter_map(|member| {
            let why = lock(&member.resolved).why.clone()?;
            Some(format!("{}: {why}", member.origin))
        });
        let whys: Vec<String> = whys.collect();
        if whys.is_empty() { "no name server has answered yet".into() } else { whys.join("; ").into() }
    }

    /// What is known of a member's name changed, or was confirmed.
    fn found(&self, position: usize, found: Found) {
        let Some(member) = self.members.get(position) else { return };
        let mut resolved = lock(&member.resolved);
        match found {
            Found::Addresses(addresses) => self.moved(member, &mut resolved, &addresses),
            Found::Nothing(why) => {
                for server in std::mem::take(&mut resolved.servers) {
                    server.leave();
                }
                member.tell(&mut resolved, why);
            }
            // What was known is better than nothing.
            Found::Unknown(why) => member.tell(&mut resolved, why),
        }
        resolved.is_known = true;
        drop(resolved);
        self.gather();
    }

    fn moved(&self, member: &Member, resolved: &mut Resolved, addresses: &[IpAddr]) {
        let mut servers: Vec<Arc<Server>> = Vec::new();
        for address in addresses.iter().map(|address| SocketAddr::new(*address, member.origin.port())) {
            if servers.iter().any(|server| server.address == address) {
                continue;
            }
            let kept = resolved.servers.iter().find(|server| server.address == address);
            let new = || Arc::new(Server::new(address, Arc::clone(&member.site), Arc::clone(&self.queue)));
            servers.push(kept.map_or_else(new, Arc::clone));
        }
        let before = std::mem::replace(&mut resolved.servers, servers);
        let gone: Vec<&Arc<Server>> = before.iter().filter(|server| !holds(&resolved.servers, server)).collect();
        for server in &gone {
            server.leave();
        }
        let is_back = resolved.why.take().is_some();
        if is_back || (!before.is_empty() && (!gone.is_empty() || before.len() != resolved.servers.len())) {
            let to: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            tracing::info!(upstream = &*member.site.name, addresses = to.join(", "), "the name of an upstream leads elsewhere");
        }
    }

    /// Puts the addresses of all members together.
    fn gather(&self) {
        let _gathering = lock(&self.gathering);
        let (mut servers, mut is_known) = (Vec::new(), true);
        for member in &self.members {
            let resolved = lock(&member.resolved);
            servers.extend(resolved.servers.iter().cloned());
            is_known &= resolved.is_known;
        }
        // One that is there is enough to begin with.
        is_known |= !servers.is_empty();
        self.servers.store(Arc::new(servers));
        self.is_known.send_replace(is_known);
        self.queue.all_may_look();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
        for server in &**self.servers.load() {
            server.leave();
        }
    }
}

impl Member {
    /// Notes why its name has no address, and says it once.
    fn tell(&self, resolved: &mut Resolved, why: Box<str>) {
        if resolved.why.as_ref() != Some(&why) {
            let kept = resolved.servers.len();
            let remedy =
                "correct the name in `upstream`, say whom to ask in its `resolver`, or make it known in DNS or /etc/hosts";
            tracing::warn!(
                upstream = &*self.site.name,
                cause = &*why,
                kept,
                remedy,
                "the name of an upstream does not resolve"
            );
        }
        resolved.why = Some(why);
    }
}

async fn follow(pool: Weak<Pool>, position: usize) {
    let Some((name, resolver)) = pool.upgrade().and_then(|pool| {
        let name = pool.members.get(position)?.origin.host().to_owned();
        Some((name, pool.settings.resolver.clone()))
    }) else {
        return;
    };
    names::follow(&name, &resolver, |found| {
        if let Some(pool) = pool.upgrade() {
            pool.found(position, found);
        }
    })
    .await;
}

/// Closes connections that nobody uses, for as long as there is a pool.
async fn tidy(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        let Some(pool) = pool.upgrade() else { return };
        let now = Instant::now();
        for server in &**pool.servers.load() {
            server.tidy(now, pool.settings.connections.idle);
        }
    }
}

fn holds(servers: &[Arc<Server>], server: &Arc<Server>) -> bool {
    servers.iter().any(|other| Arc::ptr_eq(other, server))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
