//! From where keys are used.

use std::time::Duration;

use bitting_core::account::AccountId;
use bitting_core::event::EventKind;
use bitting_core::key::KeyId;
use bitting_core::location::{Places, Visit, Visited, Visits};
use serde_json::json;

use crate::event::{Fold, Raised};

/// From where a key was used since the last time. It is held against what is known of the key in the transaction that writes it, so that a
/// place is new once, whatever happens in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFrom {
    /// The API's name.
    pub api: Box<str>,
    /// The key.
    pub key: KeyId,
    /// Its account.
    pub account: AccountId,
    /// Places that are told apart, in the order in which they came.
    pub visits: Vec<Visit>,
    /// For how long from its first use on nothing is new, since nobody knows yet from where the key is used.
    pub learning: Duration,
}

impl SeenFrom {
    /// Adds further visits, as long as there is room: a place for which there is none is noted when the key is used from there again.
    pub fn add(&mut self, visits: Vec<Visit>) {
        for visit in visits {
            if self.visits.len() < Visits::MOST && self.visits.iter().all(|known| known.location != visit.location) {
                self.visits.push(visit);
            }
        }
    }

    /// What is known of the key afterwards, if that is more than before, and what is worth telling.
    pub(crate) fn hold_against(&self, known: Option<Places>) -> (Option<Places>, Vec<Raised>) {
        let Some(first) = self.visits.first() else { return (None, Vec::new()) };
        let mut has_changed = known.is_none();
        let mut places = known.unwrap_or_else(|| Places::new(first.at));
        let mut raised = Vec::new();
        for visit in &self.visits {
            let visited = places.visit(visit, self.learning);
            has_changed |= visited != Visited::Known;
            if visited == Visited::New {
                raised.push(self.raised(visit, &places));
            }
        }
        (has_changed.then_some(places), raised)
    }

    fn raised(&self, visit: &Visit, places: &Places) -> Raised {
        let day = Duration::from_hours(24);
        let fold = if places.new_since(visit.at.before(day)) > EACH {
            Fold::Episode { subject: format!("{} many", self.key), gap: day, most: day }
        } else {
            Fold::Once(format!("{} {}", self.key, visit.location))
        };
        Raised {
            kind: EventKind::KeyUsedFromNewLocation,
            api: self.api.clone(),
            account: Some(self.account.clone()),
            key: Some(self.key),
            at: visit.at,
            count: 1,
            fold,
            data: json!({
                "network": visit.location.to_string(),
                "address": visit.address,
                "known_networks": places.known.len() - 1,
            }),
        }
    }
}

/// So many new places in a day are an event each. Whoever goes through more, as an app that carries its key, has one for all others.
const EACH: usize = 10;
