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

/// Of what somebody asked for at once: tests, and what is sent again. With the probes it leaves room for everything else.
const MOST_URGENT: usize = MOST_FLYING / 4;

/// Of this to one endpoint.
const MOST_URGENT_TO_ONE: usize = 2;

/// Of this to the endpoints of one owner.
const MOST_URGENT_OF_ONE: usize = 4;

/// An account, or the operators of an API.
type Owner = (String, Option<AccountId>);

/// All endpoints.
#[derive(Default)]
pub(crate) struct Lanes {
    by_id: HashMap<WebhookId, Lane>,
    by_owner: HashMap<Owner, Vec<WebhookId>>,
    /// When to look for what is due, the first first. The number tells those of one moment apart, in their order.
    agenda: BTreeMap<(Timestamp, u64), WebhookId>,
    numbers: u64,
    /// Those that fail and found no room.
    parked: VecDeque<WebhookId>,
    /// What is on its way, also to endpoints that have gone meanwhile: it takes a place until it has come back.
    flights: Vec<Flight>,
    /// Whether some have gone, with what was to be delivered to them.
    pub(crate) has_gone: bool,
    /// The last change that they were read after.
    pub(crate) read_at: Option<Sequence>,
}

/// One endpoint.
pub(crate) struct Lane {
    pub(crate) webhook: StoredWebhook,
    /// Where it stands in the agenda.
    entry: Option<(Timestamp, u64)>,
}

/// Something that is on its way.
struct Flight {
    webhook: WebhookId,
    delivery: DeliveryId,
    owner: Owner,
    kind: FlightKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FlightKind {
    Usual,
    /// To an endpoint that has not taken the last thing that it got.
    Probe,
    /// Asked for at once.
    Urgent,
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
            self.by_id.remove(&id);
        }
        self.by_owner.clear();
        for webhook in all {
            let (id, owner) = (webhook.row.id, owner(&webhook));
            self.by_owner.entry(owner).or_default().push(id);
            let known = self.by_id.get(&id).map(|lane| (lane.webhook.row.enabled, lane.webhook.epoch));
            if known != Some((webhook.row.enabled, webhook.epoch)) {
                changed.push(id);
            }
            match self.by_id.get_mut(&id) {
                Some(lane) => lane.webhook = webhook,
                None => {
                    self.by_id.insert(id, Lane { webhook, entry: None });
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
        MOST_FLYING.saturating_sub(self.flights.len())
    }

    fn count(&self, is_counted: impl Fn(&Flight) -> bool) -> usize {
        self.flights.iter().filter(|flight| is_counted(flight)).count()
    }

    fn probes(&self) -> usize {
        self.count(|flight| flight.kind == FlightKind::Probe)
    }

    /// How much is on its way to an endpoint.
    pub(crate) fn flying_to(&self, id: WebhookId) -> usize {
        self.count(|flight| flight.webhook == id)
    }

    /// Whether this is.
    pub(crate) fn is_flying(&self, id: WebhookId, delivery: DeliveryId) -> bool {
        self.flights.iter().any(|flight| flight.webhook == id && flight.delivery == delivery)
    }

    /// How much more may be on its way to one endpoint now.
    pub(crate) fn room_to(&self, id: WebhookId) -> usize {
        let Some(lane) = self.by_id.get(&id) else { return 0 };
        if !lane.webhook.row.enabled {
            return 0;
        }
        let flying = self.flying_to(id);
        let own = if lane.is_failing() {
            usize::from(flying == 0).min(MOST_PROBES.saturating_sub(self.probes()))
        } else {
            MOST_TO_ONE.saturating_sub(flying)
        };
        own.min(self.room())
    }

    /// Whether something that was asked for at once may be on its way now.
    pub(crate) fn has_urgent_room(&self) -> bool {
        self.room() > 0 && self.count(|flight| flight.kind == FlightKind::Urgent) < MOST_URGENT
    }

    /// Whether it may be to this endpoint, which need not be switched on.
    pub(crate) fn has_urgent_room_to(&self, id: WebhookId) -> bool {
        let Some(lane) = self.by_id.get(&id) else { return false };
        let owner = owner(&lane.webhook);
        let is_urgent = |flight: &Flight| flight.kind == FlightKind::Urgent;
        self.has_urgent_room()
            && self.flying_to(id) < MOST_TO_ONE
            && self.count(|flight| is_urgent(flight) && flight.webhook == id) < MOST_URGENT_TO_ONE
            && self.count(|flight| is_urgent(flight) && flight.owner == owner) < MOST_URGENT_OF_ONE
    }

    /// Something is on its way.
    pub(crate) fn depart(&mut self, webhook: WebhookId, delivery: DeliveryId, is_urgent: bool) {
        let Some(lane) = self.by_id.get(&webhook) else { return };
        let kind = match lane.is_failing() {
            _ if is_urgent => FlightKind::Urgent,
            true => FlightKind::Probe,
            false => FlightKind::Usual,
        };
        self.flights.push(Flight { webhook, delivery, owner: owner(&lane.webhook), kind });
    }

    /// It has arrived, or not.
    pub(crate) fn land(&mut self, id: WebhookId, delivery: DeliveryId) {
        self.flights.retain(|flight| flight.webhook != id || flight.delivery != delivery);
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
        for _ in self.probes()..MOST_PROBES {
            let Some(id) = self.parked.pop_front() else { return };
            self.schedule(id, now);
        }
    }
}

impl Lane {
    fn is_failing(&self) -> bool {
        self.webhook.failing_since.is_some()
    }

    /// How it stands after an attempt: what was sent in another epoch says nothing.
    pub(crate) fn note(&mut self, epoch: u64, was_taken: bool, at: Timestamp) {
        if epoch != self.webhook.epoch {
            return;
        }
        self.webhook.failing_since = if was_taken { None } else { self.webhook.failing_since.or(Some(at)) };
    }
}

fn owner(webhook: &StoredWebhook) -> Owner {
    (webhook.row.api.clone(), webhook.row.account.clone())
}

#[cfg(test)]
pub(crate) mod tests {
    use bitting_store::WebhookRow;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn id(number: u8) -> WebhookId {
        WebhookId::new(at(1), u128::from(number))
    }

    fn delivery(number: u8) -> DeliveryId {
        DeliveryId::new(at(1), u128::from(number))
    }

    pub(crate) fn endpoint(number: u8, account: u8) -> StoredWebhook {
        let row = WebhookRow {
            id: id(number),
            api: "shop".to_owned(),
            account: Some(format!("account-{account}").parse().unwrap()),
            url: "https://example.com/".parse().unwrap(),
            description: String::new(),
            events: Vec::new(),
            severity: None,
            enabled: true,
            disabled_because: None,
            created_at: at(1),
            created_by: String::new(),
            updated_at: at(1),
            sequence: Sequence(1),
        };
        StoredWebhook { row, secrets: Vec::new(), epoch: 0, failing_since: None }
    }

    /// Sends as much that was asked for at once as there is room for to each; says how much that is.
    fn hurry(lanes: &mut Lanes, to: impl IntoIterator<Item = u8>) -> usize {
        let mut sent = 0;
        for number in to {
            while lanes.has_urgent_room_to(id(number)) {
                sent += 1;
                lanes.depart(id(number), delivery(100 + u8::try_from(sent).unwrap()), true);
            }
        }
        sent
    }

    #[test]
    fn what_is_asked_for_at_once_leaves_room_for_everything_else() {
        let mut lanes = Lanes::default();
        // Ten accounts with ten endpoints each.
        lanes.take((0..100).map(|number| endpoint(number, number / 10)).collect());
        assert_eq!(hurry(&mut lanes, [0]), MOST_URGENT_TO_ONE);
        assert_eq!(hurry(&mut lanes, 1..10), MOST_URGENT_OF_ONE - MOST_URGENT_TO_ONE);
        assert_eq!(hurry(&mut lanes, 10..100), MOST_URGENT - MOST_URGENT_OF_ONE);
        assert_eq!((lanes.room(), lanes.room_to(id(99))), (MOST_FLYING - MOST_URGENT, MOST_TO_ONE));
        assert_eq!(lanes.room_to(id(0)), MOST_TO_ONE - MOST_URGENT_TO_ONE);
        // Even with as many probes as may be.
        const { assert!(MOST_URGENT + MOST_PROBES < MOST_FLYING) };
    }

    #[test]
    fn what_is_on_its_way_to_an_endpoint_that_is_gone_takes_a_place_until_it_is_back() {
        let mut lanes = Lanes::default();
        lanes.take(vec![endpoint(1, 1), endpoint(2, 1)]);
        lanes.depart(id(1), delivery(1), false);
        assert_eq!(hurry(&mut lanes, [1, 2]), 4);
        lanes.take(vec![endpoint(2, 1), endpoint(3, 1)]);
        assert_eq!((lanes.room(), hurry(&mut lanes, [2, 3])), (MOST_FLYING - 5, 0));
        lanes.land(id(1), delivery(1));
        lanes.land(id(1), delivery(101));
        assert_eq!((lanes.room(), hurry(&mut lanes, [3])), (MOST_FLYING - 3, 1));
    }
}
