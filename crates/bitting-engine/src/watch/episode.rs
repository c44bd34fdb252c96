//! Something that is refused again and again, from when it is enough to be told until it has been over for a while.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bitting_core::event::EventKind;
use bitting_core::location::Location;
use bitting_core::reason::Reason;
use bitting_core::time::Timestamp;
use bitting_store::{Fold, Raised};
use serde_json::{Map, Value, json};

use super::subject::{Of, Subject};

/// Requests of one kind that were refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) reason: Reason,
    /// From where, if that is known.
    pub(super) location: Option<Location>,
    pub(super) times: u64,
}

/// How many must come within which time before it is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Threshold {
    pub(super) after: u64,
    pub(super) within: Duration,
}

/// What is known of it.
#[derive(Debug)]
pub(super) struct Episode {
    began: Timestamp,
    last: Timestamp,
    /// What came within the window, as long as that is too little to be told.
    recent: VecDeque<(Timestamp, Vec<Hit>)>,
    is_enough: bool,
    told_at: Option<Timestamp>,
    /// What came since it was last told.
    untold: u64,
    reasons: BTreeMap<&'static str, u64>,
    networks: Networks,
}

/// From where it came, the few busiest of which are told apart.
#[derive(Debug, Default)]
struct Networks {
    each: Vec<(Location, u64)>,
    elsewhere: u64,
}

/// Of what has been quiet for so long the next is another event.
pub(super) const GAP: Duration = Duration::from_hours(1);

/// What goes on for longer is told anew each day.
pub(super) const MOST: Duration = Duration::from_hours(24);

/// How often at most one event is counted up.
const PAUSE: Duration = Duration::from_mins(1);

/// How many networks are told apart, and how many are told.
const APART: usize = 16;
const TOLD: usize = 5;

impl Episode {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            began: now,
            last: now,
            recent: VecDeque::new(),
            is_enough: false,
            told_at: None,
            untold: 0,
            reasons: BTreeMap::new(),
            networks: Networks::default(),
        }
    }

    /// Whether nobody needs it any more. What waits to be told is needed.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.last) > GAP && !(self.is_enough && self.untold > 0)
    }

    pub(super) fn add(&mut self, hits: Vec<Hit>, threshold: Option<Threshold>, now: Timestamp) {
        if now.since(self.began) > MOST || now.since(self.last) > GAP {
            // What was not told of the last one is not told of this one either; it was told within the last minute.
            *self = Self::new(now);
        }
        self.last = now;
        let Some(Threshold { after, within }) = threshold.filter(|_| !self.is_enough) else {
            self.is_enough = true;
            return self.count(&hits);
        };
        while self.recent.front().is_some_and(|(at, _)| now.since(*at) >= within) {
            self.recent.pop_front();
        }
        match self.recent.back_mut() {
            Some((at, known)) if now.since(*at) < within / 10 => merge(known, hits),
            _ => self.recent.push_back((now, hits)),
        }
        let sum = self.recent.iter().flat_map(|(_, hits)| hits).map(|hit| hit.times).fold(0, u64::saturating_add);
        if sum >= after {
            self.is_enough = true;
            self.began = self.recent.front().map_or(now, |(at, _)| *at);
            let recent = std::mem::take(&mut self.recent);
            for (_, hits) in &recent {
                self.count(hits);
            }
        }
    }

    fn count(&mut self, hits: &[Hit]) {
        for Hit { reason, location, times } in hits {
            self.untold = self.untold.saturating_add(*times);
            let sum = self.reasons.entry(reason.name()).or_default();
            *sum = sum.saturating_add(*times);
            self.networks.add(*location, *times);
        }
    }

    /// Whether there is something to tell, and the last time was long enough ago.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.is_untold() && self.told_at.is_none_or(|told| now.since(told) >= PAUSE)
    }

    pub(super) fn is_untold(&self) -> bool {
        self.is_enough && self.untold > 0
    }

    /// What is to be told, which counts as told from now on.
    pub(super) fn tell(&mut self, subject: &Subject, now: Timestamp) -> Raised {
        let at = if self.told_at.replace(now).is_none() { self.began } else { self.last };
        Raised {
            kind: subject.kind,
            api: subject.api.clone(),
            account: subject.account().cloned(),
            key: subject.key(),
            at,
            count: std::mem::take(&mut self.untold),
            fold: Fold::Episode { subject: subject.name(), gap: GAP, most: MOST },
            data: self.data(subject),
        }
    }

    fn data(&self, subject: &Subject) -> Value {
        let mut data = Map::new();
        if let Some((limit, scope)) = &subject.limit {
            data.insert("limit".to_owned(), json!(limit));
            data.insert("scope".to_owned(), json!(scope));
        }
        if subject.kind == EventKind::AuthFailures {
            data.insert("reasons".to_owned(), json!(self.reasons));
        }
        if !subject.environment.is_empty() {
            data.insert("environment".to_owned(), json!(subject.environment));
        }
        if subject.of == Of::Others {
            data.insert("others".to_owned(), json!(true));
        }
        let (networks, elsewhere) = self.networks.busiest();
        data.insert("networks".to_owned(), networks);
        data.insert("elsewhere".to_owned(), json!(elsewhere));
        data.into()
    }
}

/// Adds hits to others, so that there are as many as there are kinds, and not very many.
fn merge(known: &mut Vec<Hit>, hits: Vec<Hit>) {
    for mut hit in hits {
        let is_like = |known: &&mut Hit, hit: &Hit| known.reason == hit.reason && known.location == hit.location;
        let is_full = known.len() >= APART * 2;
        if is_full && !known.iter().any(|known| known.reason == hit.reason && known.location == hit.location) {
            hit.location = None;
        }
        match known.iter_mut().find(|known| is_like(known, &hit)) {
            Some(known) => known.times = known.times.saturating_add(hit.times),
            None => known.push(hit),
        }
    }
}

impl Networks {
    /// Adds requests from somewhere. Of more networks than are told apart the one with the fewest makes room for one with more.
    fn add(&mut self, location: Option<Location>, times: u64) {
        let Some(location) = location else {
            self.elsewhere = self.elsewhere.saturating_add(times);
            return;
        };
        if let Some((_, sum)) = self.each.iter_mut().find(|(known, _)| *known == location) {
            *sum = sum.saturating_add(times);
            return;
        }
        if self.each.len() < APART {
            self.each.push((location, times));
            return;
        }
        let fewest = self.each.iter_mut().min_by_key(|(_, sum)| *sum).filter(|(_, sum)| *sum < times);
        let left = fewest.map_or(times, |fewest| std::mem::replace(fewest, (location, times)).1);
        self.elsewhere = self.elsewhere.saturating_add(left);
    }

    /// The busiest, and how many requests came from all others.
    fn busiest(&self) -> (Value, u64) {
        let mut each = self.each.clone();
        each.sort_by_key(|(location, sum)| (std::cmp::Reverse(*sum), *location));
        let rest = each.iter().skip(TOLD).map(|(_, sum)| *sum).fold(self.elsewhere, u64::saturating_add);
        let told = each.iter().take(TOLD).map(|(location, sum)| json!({"network": location.to_string(), "count": sum}));
        (told.collect(), rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn subject() -> Subject {
        let (kind, api) = (EventKind::AuthFailures, "shop".into());
        Subject { kind, api, environment: Box::default(), of: Of::Api, limit: None }
    }

    fn hit(network: u8, times: u64) -> Hit {
        Hit { reason: Reason::UnknownKey, location: Some(Location::V4([192, 0, network])), times }
    }

    const TEN_A_MINUTE: Option<Threshold> = Some(Threshold { after: 10, within: Duration::from_mins(1) });

    #[test]
    fn so_many_within_the_window_are_told_with_all_of_them_and_fewer_never() {
        let mut episode = Episode::new(at(0));
        for second in 0..600 {
            // Nine in each minute, for ten minutes.
            let times = u64::from(second % 60 < 9);
            episode.add(vec![hit(1, times)], TEN_A_MINUTE, at(second * 1_000));
            assert!(!episode.is_due(at(second * 1_000)), "{second}");
        }
        let mut episode = Episode::new(at(0));
        episode.add(vec![hit(1, 4), hit(2, 5)], TEN_A_MINUTE, at(1_000));
        episode.add(vec![hit(2, 1)], TEN_A_MINUTE, at(59_000));
        assert!(episode.is_due(at(59_000)));
        let raised = episode.tell(&subject(), at(59_000));
        assert_eq!((raised.count, raised.at), (10, at(1_000)));
        let networks = json!([{"network": "192.0.2.0/24", "count": 6}, {"network": "192.0.1.0/24", "count": 4}]);
        assert_eq!(raised.data, json!({"reasons": {"unknown_key": 10}, "networks": networks, "elsewhere": 0}));
    }

    #[test]
    fn what_goes_on_is_told_once_a_minute_with_what_came_since() {
        let mut episode = Episode::new(at(0));
        let mut told = Vec::new();
        for second in 0..180 {
            let now = at(second * 1_000);
            episode.add(vec![hit(1, 1_000)], TEN_A_MINUTE, now);
            if episode.is_due(now) {
                told.push((second, episode.tell(&subject(), now).count));
            }
        }
        assert_eq!(told, [(0, 1_000), (60, 60_000), (120, 60_000)]);
        assert!(episode.is_untold() && !episode.is_over(at(99_000_000)), "what was not told is not forgotten");
    }

    #[test]
    fn after_an_hour_of_quiet_and_after_a_day_it_is_another_episode() {
        let mut episode = Episode::new(at(0));
        episode.add(vec![hit(1, 10)], TEN_A_MINUTE, at(0));
        episode.tell(&subject(), at(0));
        assert!(!episode.is_over(at(3_600_000)) && episode.is_over(at(3_600_001)));
        episode.add(vec![hit(1, 9)], TEN_A_MINUTE, at(3_600_001));
        assert!(!episode.is_due(at(3_600_001)), "counting begins anew");
    }

    #[test]
    fn the_busiest_networks_are_told_however_many_there_are() {
        let mut networks = Networks::default();
        for round in 0..1_000_u64 {
            for network in 0..200_u8 {
                networks.add(Some(Location::V4([10, 0, network])), if network == 77 { 50 } else { 1 });
            }
            networks.add(None, round % 2);
        }
        let (told, elsewhere) = networks.busiest();
        let told = told.as_array().unwrap();
        assert_eq!((networks.each.len(), told.len()), (APART, TOLD));
        assert_eq!(told[0]["network"], "10.0.77.0/24");
        let sum: u64 = told.iter().map(|network| network["count"].as_u64().unwrap()).sum();
        assert_eq!(sum + elsewhere, 1_000 * (199 + 50) + 500);
    }
}
