//! Counting: what is left of limits, and what was used.
//!
//! Each account has a book under one lock, with the levels and the usage of all its keys; each API has one for what it shares,
//! whose lock is taken second. A request is charged to all of its limits or to none while both are held, and nothing else happens
//! under them: what must last is bought ahead in blocks by a task of its own ([`supply`]), and what was used is written down about
//! once a second ([`tallies`]). Counters in a lock-free map were rejected: three of them cannot be charged as one.

mod api_book;
mod charge;
mod left;
mod raised;
mod supply;
mod tallies;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bitting_core::account::Account;
use bitting_core::limit::{Book, Outcome, Refusal, Refused};
use bitting_core::reason::Reason;
use bitting_core::record::Record;
use bitting_core::time::Timestamp;
use bitting_store::{KEPT_OF_KEY, Raised};
use http::Method;
use tokio::sync::{mpsc, oneshot, watch};

use crate::apis::ServedApi;
use crate::decision::Denial;

pub(crate) use self::api_book::{ApiBook, ApiBooks};
pub use self::charge::Limited;
pub(crate) use self::charge::{Charge, Charged, IfShort};
pub use self::left::{Allowance, LimitLeft};
use self::raised::RaisedBook;
pub(crate) use self::supply::run;
use self::supply::{Ask, Order};

/// What counts, for all APIs of an engine.
pub(crate) struct Metering {
    orders: mpsc::UnboundedSender<Order>,
    /// Goes on whenever something was bought, or could not be.
    rounds: watch::Sender<u64>,
    /// Accounts and APIs with usage that is not written down.
    dirty: Mutex<Vec<Counted>>,
    /// What is worth telling and not written down.
    raised: Mutex<RaisedBook>,
    /// Accounts with levels.
    listed: Mutex<Vec<(Arc<ServedApi>, Arc<Account>)>>,
    /// The APIs in force. They hold this.
    served: Mutex<Vec<Weak<ServedApi>>>,
}

/// Whose usage waits to be written down.
pub(crate) enum Counted {
    /// That of an account and its keys.
    Account(Arc<ServedApi>, Arc<Account>),
    /// That of callers without a key.
    Keyless(Arc<ServedApi>),
}

impl Metering {
    /// One that hands its orders to whoever runs with the other end.
    pub(crate) fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<Order>) {
        let (orders, received) = mpsc::unbounded_channel();
        let metering = Self {
            orders,
            rounds: watch::Sender::new(0),
            dirty: Mutex::default(),
            raised: Mutex::default(),
            listed: Mutex::default(),
            served: Mutex::default(),
        };
        (Arc::new(metering), received)
    }

    /// Hears of everything that is bought from now on.
    pub(crate) fn rounds(&self) -> watch::Receiver<u64> {
        self.rounds.subscribe()
    }

    /// Looks after the books and the usage of these APIs from now on.
    pub(crate) fn serve(&self, apis: Vec<Weak<ServedApi>>) {
        *self.served.lock().unwrap_or_else(PoisonError::into_inner) = apis;
    }

    /// Those APIs.
    pub(crate) fn served(&self) -> Vec<Arc<ServedApi>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
    }

    /// How many levels of accounts and their keys are in memory.
    pub(crate) fn remembered_levels(&self) -> usize {
        let mut count = 0;
        // No book is locked with the list in hand: whoever has a book locks the list.
        let listed = self.listed().clone();
        for (_, account) in listed {
            let mut book = account.book();
            count += book.keys.values_mut().map(|page| page.levels.entries().len()).sum::<usize>();
            count += book.shared.iter_mut().map(|(_, levels)| levels.entries().len()).sum::<usize>();
        }
        count
    }

    /// Writes down everything that was used until now. `false` if that failed.
    pub(crate) async fn write_down(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order::WriteDown(answer)).is_ok() && answered.await.unwrap_or(false)
    }

    /// Ends: gives back what was bought and not spent, and writes everything down.
    pub(crate) async fn close(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order::Close(answer)).is_ok() && answered.await.unwrap_or(false)
    }

    /// Counts a request without a key, under a route if one was found.
    pub(crate) fn note_keyless(&self, api: &Arc<ServedApi>, route: Option<&Arc<str>>, outcome: Outcome, now: Timestamp) {
        if api.book().note(now, route, outcome) {
            self.dirty().push(Counted::Keyless(Arc::clone(api)));
        }
    }

    /// Counts a request without a known key that is refused, and remembers it.
    pub(crate) fn refuse_keyless(&self, denial: &Denial, method: &Method, address: Option<IpAddr>, now: Timestamp) {
        let (api, reason) = (denial.api(), denial.reason());
        let route = denial.route().map(|route| &route.label);
        let refusal = Refusal { reason, wanted: None, method, route, address, now, within: Refused::WITHIN };
        if api.book().refuse(&refusal) {
            self.dirty().push(Counted::Keyless(Arc::clone(api)));
        }
    }

    /// Counts a request with a key that is refused whatever its limits, and remembers it.
    pub(crate) fn refuse(&self, api: &Arc<ServedApi>, record: &Record, route: &Arc<str>, refusal: Refusal<'_>) {
        let mut book = record.account.book();
        let (page, _) = book.open(record.id, record.environment);
        page.tally(refusal.now, route, Outcome::Refused(refusal.reason));
        Refused::add(&mut page.refused, &Refusal { route: Some(route), ..refusal }, KEPT_OF_KEY);
        self.mark(api, &record.account, &mut book);
    }

    /// Has something told that a request causes: it is written down with the usage, about a second later. Nothing waits here.
    pub(crate) fn raise(&self, raised: Raised) {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).add(raised);
    }

    fn take_raised(&self) -> RaisedBook {
        std::mem::take(&mut *self.raised.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a request with a key that was let through and failed.
    pub(crate) fn note(&self, api: &Arc<ServedApi>, record: &Record, route: &Arc<str>, reason: Reason, now: Timestamp) {
        let mut book = record.account.book();
        book.open(record.id, record.environment).0.tally(now, route, Outcome::Refused(reason));
        self.mark(api, &record.account, &mut book);
    }

    /// Sees to it that what a book holds is written down, and its levels are looked after.
    fn mark(&self, api: &Arc<ServedApi>, account: &Arc<Account>, book: &mut Book) {
        if !book.is_dirty {
            book.is_dirty = true;
            self.dirty().push(Counted::Account(Arc::clone(api), Arc::clone(account)));
        }
        if !book.is_listed {
            book.is_listed = true;
            self.listed().push((Arc::clone(api), Arc::clone(account)));
        }
    }

    fn order(&self, ask: Ask) {
        // The other end is gone only when the engine is.
        let _ = self.orders.send(Order::Buy(ask));
    }

    fn dirty(&self) -> std::sync::MutexGuard<'_, Vec<Counted>> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listed(&self) -> std::sync::MutexGuard<'_, Vec<(Arc<ServedApi>, Arc<Account>)>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Metering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metering")
    }
}
