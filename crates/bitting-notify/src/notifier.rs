//! The task that sends.
//!
//! One task decides what is sent next, and each attempt is a task of its own, so that one endpoint's slowness is nobody else's. What is
//! on its way keeps its place until its outcome is on the disk; so memory is bounded by how much may be on its way.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bitting_core::time::Timestamp;
use bitting_core::webhook::{DeliveryId, WebhookId};
use bitting_engine::{Engine, Entropy, EntropyError};
use bitting_store::{Attempted, DueDelivery, NewDelivery, StoreError, Verdict};
use tokio::sync::{Notify, watch};
use tokio::task::{self, JoinError, JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::attempt::{Outcome, attempt, reason_to_disable};
use crate::body::body;
use crate::lanes::{Lanes, MOST_FLYING};
use crate::meters;
use crate::sender::Sender;

/// What a notifier is told by the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifierSettings {
    /// How long deliveries are kept after they were delivered or have failed, and how long one may wait.
    pub keep: Duration,
}

impl Default for NotifierSettings {
    fn default() -> Self {
        Self { keep: Duration::from_hours(24 * 30) }
    }
}

/// The running task.
pub struct Notifier {
    stopping: watch::Sender<bool>,
    /// What it works with from the next attempt on.
    outfit: watch::Sender<Outfit>,
    nudge: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
}

type Outfit = (Sender, NotifierSettings);

/// How often the clock is looked at: it may be set, or in a test moved by hand.
const PULSE: Duration = Duration::from_secs(1);

/// How often what is over is forgotten, and what waits is counted.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

/// How much is forgotten in one transaction.
const FORGET: usize = 50;

/// How many waiting deliveries are counted.
const MOST_WAITING: u64 = 100_000;

/// How many events are read at once.
const EVENTS: usize = 100;

/// How many tests, and deliveries to be sent again, are read at once: more than may be on their way.
const URGENT: usize = 2 * MOST_FLYING;

/// After how many deliveries a transaction ends; those of one event are always in one, which are a hundred at most.
const DELIVERIES: usize = 200;

/// How long what is on its way may take when the server stops. What is cut is sent again.
const FAREWELL: Duration = Duration::from_secs(3);

/// How long an endpoint is left alone if an attempt to send to it ended before its time.
const AFTER_A_FALL: Duration = Duration::from_mins(1);

/// What has come back, and from which task.
type Landed = Result<(task::Id, Outcome), JoinError>;

impl Notifier {
    /// Begins to send what waits, and goes on with what happens.
    pub fn start(engine: Arc<Engine>, sender: Sender, settings: NotifierSettings) -> Self {
        meters::describe();
        let (stopping, stopped) = watch::channel(false);
        let (outfit, in_use) = watch::channel((sender, settings));
        let nudge = Arc::new(Notify::new());
        let courier = Courier {
            events: engine.last_event(),
            engine,
            outfit: in_use,
            lanes: Lanes::default(),
            running: JoinSet::new(),
            flights: HashMap::new(),
            unwritten: Vec::new(),
            must_reload: true,
            must_tell: true,
            must_hurry: true,
            must_forget: true,
            housekeeping_at: Instant::now(),
            is_troubled: false,
        };
        let task = tokio::spawn(courier.run(stopped, Arc::clone(&nudge)));
        Self { stopping, outfit, nudge, task: Mutex::new(Some(task)) }
    }

    /// Has it look at the clock now, for whoever has just moved it.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// Sends by other settings from the next attempt on; those that are on their way go on as they began.
    pub fn set(&self, sender: Sender, settings: NotifierSettings) {
        self.outfit.send_replace((sender, settings));
    }

    /// Sends nothing more, and waits a little for what is on its way.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(task) = task else { return };
        if let Err(error) = task.await {
            tracing::error!(%error, "sending to webhooks ended before its time");
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is something to do, and all combinations occur")]
struct Courier {
    engine: Arc<Engine>,
    outfit: watch::Receiver<Outfit>,
    events: watch::Receiver<u64>,
    lanes: Lanes,
    running: JoinSet<Outcome>,
    /// What each of these tasks sends where.
    flights: HashMap<task::Id, (WebhookId, DeliveryId)>,
    /// What has come back and is not on the disk.
    unwritten: Vec<Outcome>,
    must_reload: bool,
    must_tell: bool,
    must_hurry: bool,
    must_forget: bool,
    housekeeping_at: Instant,
    /// Whether the store has failed, and was not well since.
    is_troubled: bool,
}

impl Courier {
    async fn run(mut self, mut stopped: watch::Receiver<bool>, nudge: Arc<Notify>) {
        while !*stopped.borrow() {
            let done = self.work().await;
            self.report(&done);
            let (engine, pause) = (Arc::clone(&self.engine), self.pause(done.is_ok()));
            tokio::select! {
                biased;
                _ = stopped.changed() => {}
                () = engine.webhooks_touched() => (self.must_reload, self.must_hurry) = (true, true),
                Ok(()) = self.events.changed() => self.must_tell = true,
                Some(landed) = self.running.join_next_with_id() => self.collect(landed),
                () = nudge.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.farewell().await;
    }

    /// How long there is nothing to do, unless something happens.
    fn pause(&self, is_well: bool) -> Duration {
        if !is_well {
            return PULSE;
        }
        if self.must_tell || self.must_forget {
            return Duration::ZERO;
        }
        let now = self.engine.now();
        self.lanes.next_at().filter(|_| self.lanes.room() > 0).map_or(PULSE, |at| at.since(now).min(PULSE))
    }

    /// Does one round of everything that is to be done.
    async fn work(&mut self) -> Result<(), StoreError> {
        self.write_down().await?;
        if self.must_reload {
            self.reload().await?;
        }
        if self.must_tell {
            self.tell().await?;
        }
        if self.must_hurry {
            self.hurry().await?;
        }
        self.launch().await?;
        self.keep_house().await
    }

    fn report(&mut self, done: &Result<(), StoreError>) {
        match done {
            Ok(()) => self.is_troubled = false,
            Err(error) if !self.is_troubled => {
                self.is_troubled = true;
                tracing::error!(%error, "webhooks cannot be served; nothing is lost, it is tried again every second");
            }
            Err(_) => {}
        }
    }

    /// Reads the endpoints, if they are not what they were.
    async fn reload(&mut self) -> Result<(), StoreError> {
        let store = self.engine.store();
        // Before they are read: what changes between the two is read again.
        let read_at = store.last_webhook_change().await?;
        let now = self.engine.now();
        // Nothing that fails may come in between: what has changed is told once.
        for id in self.lanes.take(store.all_webhooks().await?) {
            self.lanes.schedule(id, now);
        }
        // With no endpoints, events were passed over that the first one may hear of.
        self.must_tell = true;
        self.lanes.read_at = Some(read_at);
        self.must_forget |= std::mem::take(&mut self.lanes.has_gone);
        self.must_reload = false;
        Ok(())
    }

    /// Writes down what is to be delivered of what happened: one chunk.
    async fn tell(&mut self) -> Result<(), StoreError> {
        self.events.borrow_and_update();
        if self.lanes.is_empty() {
            self.must_tell = false;
            return Ok(());
        }
        let engine = Arc::clone(&self.engine);
        let store = engine.store();
        let told = store.told_until().await?;
        let events = store.events_after(told, EVENTS).await?;
        // After the events: an endpoint that was made before one of them is among those that are known by now.
        if Some(store.last_webhook_change().await?) != self.lanes.read_at {
            self.reload().await?;
        }
        let Some(mut last) = events.first().map(|event| event.number) else {
            self.must_tell = false;
            return Ok(());
        };
        let now = engine.now();
        let (mut new, mut is_all) = (Vec::new(), events.len() < EVENTS);
        for event in &events {
            if new.len() >= DELIVERIES {
                is_all = false;
                break;
            }
            last = event.number;
            let mut said = None;
            for webhook in self.lanes.hearing(event) {
                let body = said.get_or_insert_with(|| body(event)).clone();
                let (message, kind) = (event.id().to_string(), event.kind.name().to_owned());
                let id = new_id(now)?;
                new.push(NewDelivery { id, webhook, message, kind, body, at: now, is_test: false });
            }
        }
        let to: Vec<WebhookId> = new.iter().map(|delivery| delivery.webhook).collect();
        store.deliver(new, Some(last)).await?;
        for id in to {
            self.lanes.schedule(id, now);
        }
        self.must_tell = !is_all;
        Ok(())
    }

    /// Sends what is to be sent at once: tests, and what somebody wants to be sent again.
    async fn hurry(&mut self) -> Result<(), StoreError> {
        // Those to which no more may be sent now are left out, so that what waits for them hides nothing.
        let mut full = HashSet::new();
        while self.lanes.has_urgent_room() {
            let urgent = self.engine.store().urgent(full.iter().copied().collect(), URGENT).await?;
            let (is_all, mut goes_on) = (urgent.len() < URGENT, false);
            for due in urgent {
                if self.lanes.is_flying(due.webhook, due.id) {
                    continue;
                }
                if self.lanes.has_urgent_room_to(due.webhook) {
                    self.depart(due, true)?;
                    goes_on = true;
                } else {
                    goes_on |= full.insert(due.webhook);
                }
            }
            if is_all || !goes_on {
                break;
            }
        }
        // What found no room is looked for when something has come back.
        self.must_hurry = false;
        Ok(())
    }

    /// Sends what is due, as far as there is room for it.
    async fn launch(&mut self) -> Result<(), StoreError> {
        let now = self.engine.now();
        while self.lanes.room() > 0 {
            let Some(id) = self.lanes.next(now) else { break };
            let room = self.lanes.room_to(id);
            let Some(lane) = self.lanes.get(id) else { continue };
            let (epoch, flying) = (lane.webhook.epoch, self.lanes.flying_to(id));
            if room == 0 {
                // One that is full looks again when something has come back.
                if lane.webhook.row.enabled && flying == 0 {
                    self.lanes.park(id);
                }
                continue;
            }
            // It is on the agenda no more: whatever fails has it look again.
            self.launch_to(id, epoch, room, now).await.inspect_err(|_| self.lanes.schedule(id, now))?;
        }
        Ok(())
    }

    async fn launch_to(&mut self, id: WebhookId, epoch: u64, room: usize, now: Timestamp) -> Result<(), StoreError> {
        let flying = self.lanes.flying_to(id);
        let found = self.engine.store().due(id, epoch, now, room + flying).await?;
        let due: Vec<DueDelivery> = found.into_iter().filter(|due| !self.lanes.is_flying(id, due.id)).take(room).collect();
        if due.is_empty()
            && flying == 0
            && let Some(at) = self.engine.store().next_due(id, epoch).await?
        {
            self.lanes.schedule(id, at);
        }
        // With fewer than there is room for, nothing more is due; what comes back has it look again.
        due.into_iter().try_for_each(|due| self.depart(due, false))
    }

    fn depart(&mut self, due: DueDelivery, is_urgent: bool) -> Result<(), StoreError> {
        let Some(lane) = self.lanes.get(due.webhook) else { return Ok(()) };
        let (webhook, sender, now) = (lane.webhook.clone(), self.outfit.borrow().0.clone(), self.engine.now());
        let (to, delivery) = (due.webhook, due.id);
        let random = Entropy.random().map_err(no_randomness)?;
        let random = u64::try_from(random & u128::from(u64::MAX)).unwrap_or_default();
        self.lanes.depart(to, delivery, is_urgent);
        let signed_at = self.engine.machine_time();
        let task = self.running.spawn(attempt(sender, webhook, due, (now, signed_at), random));
        self.flights.insert(task.id(), (to, delivery));
        Ok(())
    }

    /// Takes what has come back, with whatever else has by now.
    fn collect(&mut self, first: Landed) {
        let mut landed = Some(first);
        while let Some(one) = landed {
            match one {
                Ok((task, outcome)) => {
                    self.flights.remove(&task);
                    self.unwritten.push(outcome);
                }
                Err(error) => {
                    tracing::error!(%error, "an attempt to deliver to a webhook ended before its time");
                    if let Some((webhook, delivery)) = self.flights.remove(&error.id()) {
                        self.lanes.land(webhook, delivery);
                        // It is due still, and would end in the same way.
                        self.lanes.schedule(webhook, self.engine.now().plus(AFTER_A_FALL));
                    }
                }
            }
            landed = self.running.try_join_next_with_id();
        }
    }

    /// Writes down what has come back, and makes room.
    async fn write_down(&mut self) -> Result<(), StoreError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let attempted: Vec<Attempted> = self.unwritten.iter().map(|outcome| outcome.attempted.clone()).collect();
        self.engine.store().attempted(attempted).await?;
        let now = self.engine.now();
        for outcome in std::mem::take(&mut self.unwritten) {
            self.settle(outcome, now).await;
        }
        self.lanes.unpark(now);
        // Somebody may have asked for one of them again, or wait for the room.
        self.must_hurry = true;
        Ok(())
    }

    async fn settle(&mut self, outcome: Outcome, now: Timestamp) {
        let Attempted { delivery, webhook: id, epoch, verdict, counts, ref attempt, .. } = outcome.attempted;
        self.lanes.land(id, delivery);
        self.lanes.schedule(id, now);
        let Some(lane) = self.lanes.get_mut(id) else { return };
        meters::attempted(&lane.webhook.row.api, verdict, Duration::from_millis(attempt.duration_ms));
        if !counts {
            return;
        }
        lane.note(epoch, verdict == Verdict::Delivered, attempt.at);
        let is_current = lane.webhook.row.enabled && lane.webhook.epoch == epoch && verdict != Verdict::Delivered;
        let because = reason_to_disable(&outcome, lane.webhook.failing_since);
        let Some(because) = because.filter(|_| is_current) else { return };
        let api = lane.webhook.row.api.clone();
        match self.engine.disable_webhook(&api, id, epoch, because).await {
            Ok(_) => {
                if let Some(lane) = self.lanes.get_mut(id) {
                    lane.webhook.row.enabled = false;
                }
                tracing::warn!(webhook = %id, api, because = because.name(), "a webhook was switched off: it takes nothing");
            }
            // The next attempt that fails leads here again.
            Err(error) => tracing::warn!(webhook = %id, api, %error, "a webhook could not be switched off"),
        }
    }

    /// Forgets a little of what is over, and now and then counts what waits.
    async fn keep_house(&mut self) -> Result<(), StoreError> {
        if self.housekeeping_at <= Instant::now() {
            self.housekeeping_at = Instant::now() + HOUSEKEEPING;
            (self.must_forget, self.must_hurry) = (true, true);
            meters::waiting(self.engine.store().count_waiting(MOST_WAITING).await?);
        }
        if self.must_forget {
            let now = self.engine.now();
            let keep = self.outfit.borrow().1.keep;
            let forgotten = self.engine.store().forget_deliveries(now.before(keep), now, FORGET).await?;
            self.must_forget = forgotten > 0;
        }
        Ok(())
    }

    /// Waits a little for what is on its way and writes down what has come back.
    async fn farewell(mut self) {
        let deadline = Instant::now() + FAREWELL;
        while let Ok(Some(landed)) = tokio::time::timeout_at(deadline, self.running.join_next_with_id()).await {
            self.collect(landed);
        }
        if let Err(error) = self.write_down().await {
            tracing::warn!(%error, "what was delivered last could not be written down; it will be delivered again");
        }
    }
}

fn new_id(now: Timestamp) -> Result<DeliveryId, StoreError> {
    Ok(DeliveryId::new(now, Entropy.random().map_err(no_randomness)?))
}

fn no_randomness(error: EntropyError) -> StoreError {
    StoreError::new(bitting_store::StoreErrorKind::Unavailable, "there is no randomness").because(error)
}
