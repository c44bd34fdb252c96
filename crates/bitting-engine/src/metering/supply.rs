//! The task that buys ahead, gives back, and writes down.
//!
//! Orders are given while the lock of the level is held that they are about, and are carried out in their order: so whoever gives
//! a window back and then needs it again reads what was given back.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bitting_core::account::Account;
use bitting_core::key::KeyId;
use bitting_core::limit::{Entry, Level, Levels, Pace};
use bitting_core::name::NameId;
use bitting_core::time::Timestamp;
use bitting_store::{Holder, Purchase, Settlement, Store, StoreError, Whose, Window};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::tallies::Unwritten;
use super::{Charge, Metering};
use crate::apis::ServedApi;
use crate::clock::SteadyClock;
use crate::feed::Feed;

/// What is to be done.
pub(crate) enum Order {
    /// To buy ahead.
    Buy(Ask),
    /// To give back what was not used.
    Settle(Settlement),
    /// To write down all usage.
    WriteDown(oneshot::Sender<bool>),
    /// To give everything back, write everything down, and end.
    Close(oneshot::Sender<bool>),
}

/// Whose level.
#[derive(Clone)]
pub(super) enum Holding {
    Key(Arc<Account>, KeyId),
    Account(Arc<Account>),
    Api,
}

/// A wish for more of a window.
pub(crate) struct Ask {
    pub(super) api: Arc<ServedApi>,
    pub(super) holding: Holding,
    pub(super) environment: NameId,
    pub(super) limit: Arc<str>,
    pub(super) pace: Pace,
    pub(super) window: (Timestamp, Timestamp),
    pub(super) more: u64,
    pub(super) at_most: u64,
}

/// How often usage is written down.
const PULSE: Duration = Duration::from_secs(1);

/// How often levels are looked after. One that is not used for so long is given back, so that it takes no memory.
const ROUND: Duration = Duration::from_mins(1);

/// How many orders are carried out at once.
const BATCH: usize = 512;

/// How many days of somebody's usage are forgotten at once: so many that the writer is not held over 20 ms. In a round a minute
/// that are more than a million a day.
const FORGET: usize = 1_000;

/// How long to leave a store alone that has failed.
const PAUSE: Duration = Duration::from_millis(50);

/// Works until all who could give orders are gone.
pub(crate) async fn run(
    metering: Weak<Metering>,
    store: Arc<dyn Store>,
    clock: Arc<SteadyClock>,
    feed: Arc<Feed>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let mut pulse = tokio::time::interval(PULSE);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut books, mut batch, mut looked_after) = (Books::default(), Vec::with_capacity(BATCH), Instant::now());
    loop {
        let turn = tokio::select! {
            biased;
            received = orders.recv_many(&mut batch, BATCH) => Turn::Orders(received),
            _ = pulse.tick() => Turn::Pulse,
            () = std::future::ready(()), if books.is_writing => Turn::Write,
        };
        let Some(metering) = metering.upgrade() else { return };
        let mut worker = Worker { metering: &metering, store: &*store, clock: &clock, feed: &feed, books: &mut books };
        match turn {
            Turn::Orders(0) => return,
            Turn::Orders(_) => {
                if let Some(done) = worker.carry_out(&mut batch).await {
                    // What comes after is carried out by nobody, and waits in vain.
                    orders.close();
                    // Whoever asked may be gone.
                    let _ = done.send(worker.close().await);
                    return;
                }
                // Orders that never end must not keep usage from being written.
                worker.write_some().await;
            }
            Turn::Pulse => {
                // Whoever needs the time to the hour alone asks what was shown last.
                clock.now();
                worker.free_the_banned();
                worker.begin_writing();
                if looked_after.elapsed() >= ROUND {
                    looked_after = Instant::now();
                    worker.look_after();
                    worker.forget().await;
                }
            }
            Turn::Write => worker.write_some().await,
        }
    }
}

/// What the task does next: orders first, since requests wait for them, and between them a part of the usage.
enum Turn {
    Orders(usize),
    Pulse,
    Write,
}

/// Usage on its way to the store, and who waits for it to be there.
#[derive(Default)]
struct Books {
    unwritten: Unwritten,
    is_writing: bool,
    waiting: Vec<oneshot::Sender<bool>>,
}

struct Worker<'w> {
    metering: &'w Metering,
    store: &'w dyn Store,
    clock: &'w SteadyClock,
    feed: &'w Feed,
    books: &'w mut Books,
}

impl Worker<'_> {
    /// Carries out orders. Returns who has asked for the end, if somebody did.
    async fn carry_out(&mut self, batch: &mut Vec<Order>) -> Option<oneshot::Sender<bool>> {
        let (mut asks, mut settlements, mut end) = (Vec::new(), Vec::new(), None);
        for order in batch.drain(..) {
            match order {
                Order::Buy(ask) => {
                    // What was given back before must be back before it is bought again.
                    self.settle(std::mem::take(&mut settlements)).await;
                    asks.push(ask);
                }
                Order::Settle(settlement) => {
                    self.buy(std::mem::take(&mut asks)).await;
                    settlements.push(settlement);
                }
                Order::WriteDown(answer) => {
                    self.books.waiting.push(answer);
                    self.begin_writing();
                }
                Order::Close(answer) => end = Some(answer),
            }
        }
        self.buy(asks).await;
        self.settle(settlements).await;
        end
    }

    async fn buy(&self, asks: Vec<Ask>) {
        if asks.is_empty() {
            return;
        }
        let bought = self.store.buy(asks.iter().map(Ask::purchase).collect()).await;
        match &bought {
            Ok(bought) => {
                for (ask, bought) in asks.iter().zip(bought) {
                    ask.with_entry(|entry| entry.bought(ask.window.0, bought.before, bought.now));
                }
            }
            Err(error) => {
                tracing::error!(%error, limits = asks.len(), "nothing could be bought ahead: who needs more is refused");
                for ask in &asks {
                    ask.with_entry(|entry| entry.is_asked = false);
                }
            }
        }
        self.metering.rounds.send_modify(|round| *round += 1);
        if bought.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> bool {
        if settlements.is_empty() {
            return true;
        }
        let settled = self.store.settle(settlements).await;
        warn_unless_done(&settled, "what was bought ahead and not used could not be given back, and counts as used");
        settled.is_ok()
    }

    /// Has everything written that was counted until now.
    fn begin_writing(&mut self) {
        self.books.unwritten.take_from(self.metering, self.clock.now());
        self.books.is_writing = true;
    }

    /// Writes a part of what is to be written. If that is all, or cannot be done, whoever waits hears of it.
    async fn write_some(&mut self) {
        if !self.books.is_writing {
            return;
        }
        if !self.books.unwritten.is_empty() {
            let written = self.books.unwritten.write_some(self.store).await;
            self.feed.wake();
            warn_unless_done(&written, "usage could not be written down; it is kept in memory and tried again");
            self.books.is_writing = written.is_ok();
        }
        if self.books.is_writing && !self.books.unwritten.is_empty() {
            return;
        }
        let is_done = std::mem::take(&mut self.books.is_writing);
        for answer in self.books.waiting.drain(..) {
            // Whoever asked may be gone.
            let _ = answer.send(is_done);
        }
    }

    /// Writes everything down, as far as that can be done.
    async fn write_down(&mut self) -> bool {
        self.begin_writing();
        while self.books.is_writing {
            self.write_some().await;
        }
        self.books.unwritten.is_empty()
    }

    /// Forgets bans and failures that are over, and counts who is still banned.
    fn free_the_banned(&self) {
        for api in self.metering.served() {
            let banned = api.book().bans().look_after(api.bans.as_ref(), self.clock.now());
            api.meters().held_off(banned);
        }
    }

    /// Gives back what nobody uses, and forgets what is over.
    fn look_after(&self) {
        let now = self.clock.now();
        let listed = std::mem::take(&mut *self.metering.listed());
        let mut kept = Vec::with_capacity(listed.len());
        for (api, account) in listed {
            let mut book = account.book();
            for settlement in idle(&api, &account, &mut book) {
                // Under the lock, so that whoever needs it again asks after this.
                let _ = self.metering.orders.send(Order::Settle(settlement));
            }
            book.trim(now);
            book.is_listed = !book.is_empty();
            let is_listed = book.is_listed;
            drop(book);
            if is_listed {
                kept.push((api, account));
            }
        }
        self.metering.listed().append(&mut kept);
    }

    /// Forgets usage that is older than its API keeps it, a few rows at a time: there are more rounds. Notes which keys have
    /// expired, for the lists that people look at.
    async fn forget(&self) {
        for api in self.metering.served() {
            let noted = self.store.note_expired(&api.name, self.clock.now(), FORGET).await;
            warn_unless_done(&noted, "which keys have expired could not be noted, so lists of all keys may take longer");
            let before = self.clock.now().before(api.usage_retention);
            let forgotten = self.store.forget_usage(&api.name, before, FORGET).await;
            warn_unless_done(&forgotten, "old usage could not be forgotten");
            let before = self.clock.now().before(api.event_retention);
            let forgotten = self.store.forget_events(&api.name, before, FORGET).await;
            warn_unless_done(&forgotten, "old events could not be forgotten");
        }
    }

    /// Gives everything back and writes everything down.
    async fn close(&mut self) -> bool {
        let mut settlements = Vec::new();
        let mut all = |levels: &mut Levels, holder: Holder| {
            settlements.extend(levels.take_if(|_| true).iter().filter_map(|entry| settlement(entry, &holder)));
        };
        let listed = std::mem::take(&mut *self.metering.listed());
        for (api, account) in listed {
            let mut book = account.book();
            for (key, page) in &mut book.keys {
                all(&mut page.levels, holder(&api, page.environment, Whose::Key(*key)));
            }
            for (environment, levels) in &mut book.shared {
                all(levels, holder(&api, *environment, Whose::Account(account.id().clone())));
            }
        }
        for api in self.metering.served() {
            for (environment, levels) in &mut *api.book().shared() {
                all(levels, holder(&api, *environment, Whose::Api));
            }
        }
        let settled = self.settle(settlements).await;
        let mut is_written = self.write_down().await;
        while is_written && self.books.unwritten.tell_of_the_rest(self.clock.now()) {
            is_written = self.write_down().await;
        }
        is_written && settled
    }
}

impl Ask {
    pub(super) fn new(charge: &Charge<'_>, holding: Holding, entry: &Entry, more: u64, at_most: u64) -> Self {
        let window = match entry.level {
            Level::Window { start, end, .. } => (start, end),
            Level::Bucket { at, .. } => (at, at),
        };
        let (environment, limit) = (charge.record.environment, Arc::clone(&entry.limit));
        Self { api: Arc::clone(charge.api), holding, environment, limit, pace: entry.pace, window, more, at_most }
    }

    fn purchase(&self) -> Purchase {
        let whose = match &self.holding {
            Holding::Key(_, key) => Whose::Key(*key),
            Holding::Account(account) => Whose::Account(account.id().clone()),
            Holding::Api => Whose::Api,
        };
        let (start, end) = self.window;
        let window = Window {
            holder: holder(&self.api, self.environment, whose),
            limit: stored_name(&self.limit, self.pace),
            start,
            end,
        };
        Purchase { window, more: self.more, at_most: self.at_most }
    }

    /// Looks at the level that it is about, if that is still there.
    fn with_entry(&self, then: impl FnOnce(&mut Entry)) {
        match &self.holding {
            Holding::Key(account, key) => {
                let mut book = account.book();
                let entry = book.keys.get_mut(key).and_then(|page| page.levels.find(&self.limit, self.pace));
                entry.map(then);
            }
            Holding::Account(account) => {
                let mut book = account.book();
                Levels::of_environment(&mut book.shared, self.environment).find(&self.limit, self.pace).map(then);
            }
            Holding::Api => {
                Levels::of_environment(&mut self.api.book().shared(), self.environment).find(&self.limit, self.pace).map(then);
            }
        }
    }
}

/// Lasting levels that nobody has used since they were looked at before: they leave the book, with what is to be given back.
fn idle(api: &ServedApi, account: &Account, book: &mut bitting_core::limit::Book) -> Vec<Settlement> {
    let mut settlements = Vec::new();
    let mut leave = |levels: &mut Levels, holder: &dyn Fn() -> Holder| {
        for entry in levels.take_if(is_idle) {
            settlements.extend(settlement(&entry, &holder()));
        }
    };
    for (key, page) in &mut book.keys {
        let environment = page.environment;
        leave(&mut page.levels, &|| holder(api, environment, Whose::Key(*key)));
    }
    for (environment, levels) in &mut book.shared {
        leave(levels, &|| holder(api, *environment, Whose::Account(account.id().clone())));
    }
    settlements
}

/// Whether a lasting level was not used since this was asked before.
fn is_idle(entry: &mut Entry) -> bool {
    let Level::Window { used, bought, .. } = entry.level else { return false };
    let before = entry.used_before.replace(used);
    bought > 0 && !entry.is_asked && before == Some(used)
}

/// What a level has to give back.
fn settlement(entry: &Entry, holder: &Holder) -> Option<Settlement> {
    let Level::Window { start, end, used, bought } = entry.level else { return None };
    let window = || Window { holder: holder.clone(), limit: stored_name(&entry.limit, entry.pace), start, end };
    (bought > used).then(|| Settlement { window: window(), used })
}

/// A limit's name with its period: the latest window of each is kept, and which of two is later can be said of one period alone.
pub(super) fn stored_name(limit: &str, pace: Pace) -> Box<str> {
    match pace {
        Pace::Window(period) => format!("{limit}/{}", period.name()).into(),
        Pace::Bucket { .. } => limit.into(),
    }
}

pub(super) fn holder(api: &ServedApi, environment: NameId, whose: Whose) -> Holder {
    let name = api.environment(environment).map_or("", |environment| &environment.name);
    Holder { api: api.name.clone(), environment: name.into(), whose }
}

fn warn_unless_done<T>(outcome: &Result<T, StoreError>, what: &str) {
    if let Err(error) = outcome {
        tracing::error!(%error, "{what}");
    }
}
