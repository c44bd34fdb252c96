//! The endpoints, each with what is on its way to it and when to look for more.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use bitting_core::account::AccountId;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_core::webhook::{DeliveryId, WebhookId};
use bitting_store::{EventRow, StoredWebhook};

/// How much may be on its way at once, to all endpoints together.
pub(crate) const MOST_FLYING: usize = 64;

/// To one endpoint that takes what it gets.
const MOST_TO_ONE: usize = 8;

/// To all that have not taken the last thing that they got, each of which gets one at a time: those that hang cannot hold up those
/// that do not.
const MOST_PROBES: usize = MOST_FLYING / 2;

/// All endpoints.
#[derive(Default)]
pub(crate) struct Lanes {
    by_id: HashMap<WebhookId, Lane>,
    by_owner: HashMap<(String, Option<AccountId>), Vec<WebhookId>>,
    /// When to look for what is due, the first first. The number tells those of one moment apart, in their order.
    agenda: BTreeMap<(Timestamp, u64), WebhookId>,
    numbers: u64,
    /// Those that fail and found no room.
    parked: VecDeque<WebhookId>,
    flying: usize,
    probes: usize,
    /// Whether some have gone, with what was to be delivered to them.
    pub(crate) has_gone: bool,
    /// The last change that they were read after.
    pub(crate) read_at: Option<Sequence>,
}

/// One endpoint.
pub(crate) struct Lane {
    pub(crate) webhook: StoredWebhook,
    /// What is on its way, and whether as a probe.
    flying: HashMap<DeliveryId, bool>,
    /// Where it stands in the agenda.
    entry: Option<(Timestamp, u64)>,
}

impl Lanes {
    /// Takes the endpoints as they are now, and says of which it has to be found out when something is due.
    pub(crate) fn take(&mut self, all: Vec<StoredWebhook>) -> Vec<WebhookId> {
        let mut changed = Vec::new();
        let there: HashSet<WebhookId> = all.iter().map(|webhook| webhook.row.id).collect();
        let gone: Vec<WebhookId> = self.by_id.keys().filter(|id| !there.contains(id)).copied().collect();
        self.has_gone |= !gone.is_empty();
        for id in gone {
            self.unschedule(id);
            if let Some(lane) = self.by_id.remove(&id) {
                let probes = lane.flying.values().filter(|is_probe| **is_probe).count();
                (self.flying, self.probes) = (self.flying - lane.flying.len(), self.probes - probes);
            }
        }
        self.by_owner.clear();
        for webhook in all {
            let (id, owner) = (webhook.row.id, (webhook.row.api.clone(), webhook.row.account.clone()));
            self.by_owner.entry(owner).or_default().push(id);
            let known = self.by_id.get(&id).map(|lane| (lane.webhook.row.enabled, lane.webhook.epoch));
            if known != Some((webhook.row.enabled, webhook.epoch)) {
                changed.push(id);
            }
            match self.by_id.get_mut(&id) {
                Some(lane) => lane.webhook = webhook,
                None => {
                    self.by_id.insert(id, Lane { webhook, flying: HashMap::new(), entry: None });
                }
            }
        }
        changed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Those that hear of an event.
    pub(crate) fn hearing(&self, event: &EventRow) -> impl Iterator<Item = WebhookId> {
        let api = event.api.to_string();
        let of = |account: Option<AccountId>| self.by_owner.get(&(api.clone(), account)).map_or(&[][..], Vec::as_slice);
        let of_account = event.account.clone().map_or(&[][..], |account| of(Some(account)));
        let all = of(None).iter().chain(of_account);
        all.filter(|id| self.by_id.get(*id).is_some_and(|lane| lane.webhook.row.hears(event))).copied()
    }

    pub(crate) fn get(&self, id: WebhookId) -> Option<&Lane> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: WebhookId) -> Option<&mut Lane> {
        self.by_id.get_mut(&id)
    }

    /// How much more may be on its way.
    pub(crate) fn room(&self) -> usize {
        MOST_FLYING - self.flying.min(MOST_FLYING)
    }

    /// How much more may be on its way to one endpoint now.
    pub(crate) fn room_to(&self, id: WebhookId) -> usize {
        let Some(lane) = self.by_id.get(&id) else { return 0 };
        if !lane.webhook.row.enabled {
            return 0;
        }
        let own = if lane.is_failing() {
            usize::from(lane.flying.is_empty()).min(MOST_PROBES.saturating_sub(self.probes))
        } else {
            MOST_TO_ONE.saturating_sub(lane.flying.len())
        };
        own.min(self.room())
    }

    /// Something is on its way.
    pub(crate) fn depart(&mut self, id: WebhookId, delivery: DeliveryId) {
        let Some(lane) = self.by_id.get_mut(&id) else { return };
        let is_probe = lane.is_failing();
        lane.flying.insert(delivery, is_probe);
        self.flying += 1;
        self.probes += usize::from(is_probe);
    }

    /// It has arrived, or not.
    pub(crate) fn land(&mut self, id: WebhookId, delivery: DeliveryId) {
        let flown = self.by_id.get_mut(&id).and_then(|lane| lane.flying.remove(&delivery));
        let Some(is_probe) = flown else { return };
        self.flying -= 1;
        if is_probe {
            self.probes -= 1;
        }
    }

    /// Looks for something that is due to an endpoint no later than then.
    pub(crate) fn schedule(&mut self, id: WebhookId, at: Timestamp) {
        let Some(lane) = self.by_id.get_mut(&id) else { return };
        match lane.entry {
            Some((before, _)) if before <= at => {}
            entry => {
                entry.map(|entry| self.agenda.remove(&entry));
                self.numbers += 1;
                lane.entry = Some((at, self.numbers));
                self.agenda.insert((at, self.numbers), id);
            }
        }
    }

    fn unschedule(&mut self, id: WebhookId) {
        if let Some(entry) = self.by_id.get_mut(&id).and_then(|lane| lane.entry.take()) {
            self.agenda.remove(&entry);
        }
    }

    /// The next endpoint for which something may be due, if that is so by now.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<WebhookId> {
        let (&(at, _), &id) = self.agenda.first_key_value()?;
        if at > now {
            return None;
        }
        self.unschedule(id);
        Some(id)
    }

    /// When something may be due next.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    /// There was no room for it among those that fail.
    pub(crate) fn park(&mut self, id: WebhookId) {
        if !self.parked.contains(&id) {
            self.parked.push_back(id);
        }
    }

    /// Lets those look again that found no room, as far as there is some.
    pub(crate) fn unpark(&mut self, now: Timestamp) {
        for _ in self.probes..MOST_PROBES {
            let Some(id) = self.parked.pop_front() else { return };
            self.schedule(id, now);
        }
    }
}

impl Lane {
    fn is_failing(&self) -> bool {
        self.webhook.failing_since.is_some()
    }

    /// Whether something is on its way to it.
    pub(crate) fn is_flying(&self, delivery: DeliveryId) -> bool {
        self.flying.contains_key(&delivery)
    }

    /// How much is.
    pub(crate) fn flying(&self) -> usize {
        self.flying.len()
    }

    /// How it stands after an attempt: what was sent in another epoch says nothing.
    pub(crate) fn note(&mut self, epoch: u64, was_taken: bool, at: Timestamp) {
        if epoch != self.webhook.epoch {
            return;
        }
        self.webhook.failing_since = if was_taken { None } else { self.webhook.failing_since.or(Some(at)) };
    }
}
