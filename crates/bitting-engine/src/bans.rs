//! Who is held off for presenting invalid keys.
//!
//! Every request asks whether its client is banned, and hardly any client ever is. So that costs one atomic as long as nobody is, and one
//! look-up without a lock as long as somebody is. Only failures take a lock, and nobody waits for them but other failures. A lock around
//! all of it was rejected: one banned address would have all good requests queue up for it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bitting_core::address::{Client, is_forwarded};
use bitting_core::ban::{Ban, BanPolicy, ClientNetwork, Failures};
use bitting_core::dialect::seconds_until;
use bitting_core::event::EventKind;
use bitting_core::time::Timestamp;
use bitting_store::{Change, Conditions, Entry, Fold, Origin, Raised};
use papaya::HashMap as ConcurrentMap;
use serde_json::json;

use crate::apis::ServedApi;
use crate::clock::SteadyClock;
use crate::engine::{CommitError, Engine};
use crate::inquiry::{Inquiry, Presented};

/// The bans of one API, and the failures that lead to them.
#[derive(Debug, Default)]
pub(crate) struct Bans {
    /// When the last ban ends, in milliseconds: from then on there is nobody to look up.
    last_end: AtomicI64,
    /// Until when each is banned.
    until: ConcurrentMap<ClientNetwork, Timestamp>,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    failures: Failures,
    /// In the order in which they were made, which is mostly that in which they end.
    bans: VecDeque<Ban>,
    /// Since when bans are counted that are told apart, and how many they are.
    told: Option<(Timestamp, u32)>,
    /// The proxies that nobody declared and that the log has told of.
    proxies: Vec<IpAddr>,
}

/// How many can be banned at once: some five megabytes for each API. One more makes the first of them free.
const MOST: usize = 50_000;

/// How many bans an hour are told with their address. More are told together: an attack from a million addresses is one event.
const TOLD: u32 = 20;
const TOLD_WITHIN: Duration = Duration::from_hours(1);

/// How long somebody may have been quiet who is told of as before, and for how long at most.
const EPISODE_GAP: Duration = Duration::from_hours(1);
const EPISODE: Duration = Duration::from_hours(24);

/// Of how many undeclared proxies the log tells. Whoever likes can look like one.
const PROXIES: usize = 8;

/// Who has failed or asks.
enum Caller {
    /// Somebody who can be banned.
    Client(ClientNetwork),
    /// A peer that says for whom it forwards, and that no listener trusts.
    UndeclaredProxy(IpAddr),
    /// Nobody who can be banned.
    Spared,
}

/// For how many seconds the client of a request is still held off, if they are.
pub(crate) fn held_off(api: &ServedApi, clock: &SteadyClock, inquiry: &Inquiry<'_>) -> Option<i64> {
    let (policy, client) = (api.bans.as_ref()?, inquiry.client?);
    let bans = api.book().bans();
    // What the clock showed last is not after now, and cheaper: whoever was free then is free.
    let latest = clock.latest();
    if !bans.may_hold_anybody(latest) {
        return None;
    }
    let until = bans.banned_until(client.address().into(), latest)?;
    let now = clock.now();
    // What the policy says may have changed since.
    let is_held = until > now && matches!(Caller::of(inquiry, policy), Caller::Client(_));
    is_held.then(|| seconds_until(now, until))
}

/// Counts a request that was refused for an invalid key. One too many bans its client.
pub(crate) fn count(api: &ServedApi, clock: &SteadyClock, inquiry: &Inquiry<'_>) {
    let Some(policy) = &api.bans else { return };
    let bans = api.book().bans();
    match Caller::of(inquiry, policy) {
        Caller::Client(network) => {
            if let Some((ban, is_told_apart)) = bans.failed(policy, network, clock.now()) {
                api.meters().banned();
                api.metering().raise(event(api, policy, &ban, is_told_apart));
            }
        }
        Caller::UndeclaredProxy(peer) => {
            if bans.has_not_told_of(peer) {
                tracing::warn!(
                    api = &*api.name,
                    %peer,
                    "{peer} says for whom it forwards, and nobody has declared it as a proxy: none of those who come through it is \
                     banned, however many invalid keys they present. If it is your proxy, write trusted_proxies = [\"{peer}\"] in \
                     the [[listen]] that it reaches; if nothing of yours stands in front, write undeclared_proxies = true in \
                     [api.bans]"
                );
            }
        }
        Caller::Spared => {}
    }
}

/// What is told of a ban: that of one address, or, where there are many, of all others as one.
fn event(api: &ServedApi, policy: &BanPolicy, ban: &Ban, is_told_apart: bool) -> Raised {
    let address = is_told_apart.then(|| ban.network.to_string());
    let subject = address.clone().unwrap_or_default();
    // Whoever is banned again soon after they were free goes on as before.
    let gap = policy.lasting + policy.within + EPISODE_GAP;
    Raised {
        kind: EventKind::AddressBanned,
        api: api.name.clone(),
        account: None,
        key: None,
        at: ban.since,
        count: 1,
        fold: Fold::Episode { subject, gap, most: gap.max(EPISODE) },
        data: json!({"address": address, "since": ban.since, "until": ban.until, "failures": ban.failures}),
    }
}

impl Engine {
    /// The bans of an API that are in force, the latest first.
    pub fn bans(&self, api: &ServedApi) -> Vec<Ban> {
        api.book().bans().in_force(self.now())
    }

    /// Ends a client's ban before its time, once that is on record. The ban, if there was one.
    ///
    /// # Errors
    /// If it could not be written into the audit log; then the ban goes on.
    pub async fn lift_ban(&self, api: &ServedApi, network: ClientNetwork, origin: Origin) -> Result<Option<Ban>, CommitError> {
        let at = self.now();
        let bans = Arc::clone(api.book().bans());
        let Some(ban) = bans.find(network, at) else { return Ok(None) };
        let (api, address) = (api.name.to_string(), network.to_string());
        let change = Change::LiftBan { api, address, since: ban.since, until: ban.until };
        let entry = Entry { change, origin, conditions: Conditions::default(), at };
        self.hand_over_and(entry, Some(Box::new(move || bans.lift(&ban)))).await?;
        Ok(Some(ban))
    }
}

impl Caller {
    fn of(inquiry: &Inquiry<'_>, policy: &BanPolicy) -> Self {
        let Some(client) = inquiry.client else { return Self::Spared };
        let address = client.address();
        if policy.exempt.contains(address) {
            return Self::Spared;
        }
        match (client, inquiry.presented) {
            (Client::Proxy(_), _) => return Self::Spared,
            (Client::Peer(peer), Presented::Request { headers, .. })
                if !policy.covers_undeclared_proxies && is_forwarded(headers) =>
            {
                return Self::UndeclaredProxy(peer);
            }
            _ => {}
        }
        if policy.covers(address) { Self::Client(address.into()) } else { Self::Spared }
    }
}

impl Bans {
    /// Whether anybody may be banned at a time or after it.
    fn may_hold_anybody(&self, now: Timestamp) -> bool {
        self.last_end.load(Ordering::Acquire) > now.as_millis()
    }

    fn banned_until(&self, network: ClientNetwork, now: Timestamp) -> Option<Timestamp> {
        self.until.pin().get(&network).copied().filter(|until| *until > now)
    }

    /// Counts a failure. The ban, if it was one too many, and whether it is told apart from those of others. Whoever is banned is not
    /// counted: their request was on its way before.
    fn failed(&self, policy: &BanPolicy, network: ClientNetwork, now: Timestamp) -> Option<(Ban, bool)> {
        let mut ledger = self.ledger();
        if self.banned_until(network, now).is_some() || !ledger.failures.add(policy, network, now) {
            return None;
        }
        let ban = policy.ban(network, now);
        if ledger.bans.len() >= MOST
            && let Some(first) = ledger.bans.pop_front()
        {
            self.release(&first);
        }
        ledger.bans.push_back(ban);
        self.until.pin().insert(network, ban.until);
        self.last_end.fetch_max(ban.until.as_millis(), Ordering::Release);
        Some((ban, ledger.tells_apart(now)))
    }

    /// Ends a ban before its time.
    fn lift(&self, lifted: &Ban) {
        let mut ledger = self.ledger();
        ledger.bans.retain(|ban| ban != lifted);
        self.release(lifted);
        self.see_last_end(&ledger);
    }

    /// Somebody's ban, if it is in force.
    fn find(&self, network: ClientNetwork, now: Timestamp) -> Option<Ban> {
        self.banned_until(network, now)?;
        self.ledger().bans.iter().rev().find(|ban| ban.network == network && ban.until > now).copied()
    }

    /// The bans in force, the latest first.
    fn in_force(&self, now: Timestamp) -> Vec<Ban> {
        let mut bans: Vec<Ban> = self.ledger().bans.iter().rev().filter(|ban| ban.until > now).copied().collect();
        // Those that were made at once may stand in another order.
        bans.sort_by_key(|ban| (std::cmp::Reverse(ban.since), ban.network));
        bans
    }

    /// Forgets what is over, so that it takes no memory, and everything if nobody is to be banned any more. How many are banned.
    pub(crate) fn look_after(&self, policy: Option<&BanPolicy>, now: Timestamp) -> usize {
        let mut ledger = self.ledger();
        match policy {
            Some(policy) => ledger.failures.forget(policy, now),
            None => ledger.failures = Failures::default(),
        }
        let goes_on = |ban: &Ban| policy.is_some() && ban.until > now;
        if !ledger.bans.iter().all(goes_on) {
            ledger.bans.retain(|ban| {
                let goes_on = goes_on(ban);
                if !goes_on {
                    self.release(ban);
                }
                goes_on
            });
            let room = ledger.bans.len() * 2;
            ledger.bans.shrink_to(room);
            self.see_last_end(&ledger);
        }
        ledger.bans.len()
    }

    /// After bans went: when the last of the others ends. It is changed under the ledger's lock alone.
    fn see_last_end(&self, ledger: &Ledger) {
        let last = ledger.bans.iter().map(|ban| ban.until.as_millis()).max();
        self.last_end.store(last.unwrap_or_default(), Ordering::Release);
    }

    /// Forgets a ban, unless another of the same client has taken its place.
    fn release(&self, ban: &Ban) {
        // If another has, it stays, and nobody has to know.
        let _ = self.until.pin().remove_if(&ban.network, |_, until| *until == ban.until);
    }

    /// Whether the log shall tell of an undeclared proxy: once of each, and not of many.
    fn has_not_told_of(&self, peer: IpAddr) -> bool {
        let mut ledger = self.ledger();
        let is_new = ledger.proxies.len() < PROXIES && !ledger.proxies.contains(&peer);
        if is_new {
            ledger.proxies.push(peer);
        }
        is_new
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Whether a ban is told with its address: the first of an hour are.
    fn tells_apart(&mut self, now: Timestamp) -> bool {
        let (since, count) = self.told.filter(|(since, _)| now.since(*since) < TOLD_WITHIN).unwrap_or((now, 0));
        self.told = Some((since, count.saturating_add(1)));
        count < TOLD
    }
}
