//! One request against its limits.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bitting_core::api::Api;
use bitting_core::dialect::Standing;
use bitting_core::limit::{self, Entry, Gauge, Level, Levels, Limit, Outcome, Reading, Refusal, Refused, Verdict};
use bitting_core::name::NameId;
use bitting_core::reason::Reason;
use bitting_core::record::Record;
use bitting_core::route::{Route, Target};
use bitting_core::time::Timestamp;
use bitting_store::KEPT_OF_KEY;
use http::Method;
use smallvec::SmallVec;

use super::Metering;
use super::supply::{Ask, Holding};
use crate::apis::ServedApi;

/// A request that is to be charged.
pub(crate) struct Charge<'c> {
    pub(crate) api: &'c Arc<ServedApi>,
    pub(crate) record: &'c Arc<Record>,
    pub(crate) route: &'c Route,
    /// Why it is refused whatever its limits say, and which right it lacks; then nothing is charged.
    pub(crate) refused: Option<(Reason, Option<&'c str>)>,
    pub(crate) now: Timestamp,
    pub(crate) method: &'c Method,
    pub(crate) client: Option<IpAddr>,
}

/// What becomes of a request for which not enough was bought ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfShort {
    /// It waits.
    Wait,
    /// It has waited long enough.
    Refuse,
}

/// What became of it.
pub(crate) enum Charged {
    /// It was charged to all limits; or it was refused before, and this is what they say.
    Admitted(Option<Box<Limited>>),
    /// A limit refuses it.
    Refused(Reason, Option<Box<Limited>>),
    /// Something has to be bought first.
    Short,
}

/// What the limits say to one caller.
#[derive(Debug, Clone)]
pub struct Limited {
    plan: NameId,
    readings: SmallVec<[Reading; 3]>,
    refused: Option<(usize, Option<Timestamp>)>,
    now: Timestamp,
}

impl Limited {
    /// The same, with the limits themselves.
    pub fn standing<'s>(&'s self, api: &'s Api) -> Standing<'s> {
        let Self { plan, readings, refused, now } = self;
        Standing { plan: api.plans.of(Some(*plan)), readings, refused: *refused, now: *now }
    }
}

impl Metering {
    /// Charges a request to all of its limits or to none, and counts it.
    pub(crate) fn charge(&self, charge: &Charge<'_>, if_short: IfShort) -> Charged {
        let Charge { api, record, route, now, method, client, .. } = *charge;
        let mut book = record.account.book();
        let (page, shared) = book.open(record.id, record.environment);
        let (weight, limited) = self.weigh(charge, &mut page.levels, shared, if_short);
        let refused = match weight {
            Weight::Short => return Charged::Short,
            Weight::Admitted => charge.refused.map(|(reason, wanted)| (reason, wanted, Refused::WITHIN)),
            Weight::Refused(reason, None) => Some((reason, None, Refused::WITHIN)),
            Weight::Refused(reason, Some(limit)) => Some((reason, Some(&*limit.name), hit_within(limit))),
        };
        page.tally(
            now,
            &route.label,
            match (refused, route.target) {
                (Some((reason, ..)), _) => Outcome::Refused(reason),
                (None, Target::Upstream) => Outcome::Admitted,
                (None, _) => Outcome::Answered,
            },
        );
        if let Some((reason, wanted, within)) = refused {
            let refusal = Refusal { reason, wanted, method, route: Some(&route.label), address: client, now, within };
            Refused::add(&mut page.refused, &refusal, KEPT_OF_KEY);
        } else {
            page.last_use = Some((now, client));
            if let (Some(client), Some(_)) = (client, api.alerts.learning) {
                page.visits.note(now, client);
            }
        }
        self.mark(api, &record.account, &mut book);
        match weight {
            Weight::Refused(reason, _) => Charged::Refused(reason, limited),
            Weight::Admitted | Weight::Short => Charged::Admitted(limited),
        }
    }

    /// Holds a request against its limits, and charges it.
    fn weigh<'c>(
        &self,
        charge: &Charge<'c>,
        of_key: &mut Levels,
        of_account: &mut Levels,
        if_short: IfShort,
    ) -> (Weight<'c>, Option<Box<Limited>>) {
        let Charge { api, record, now, .. } = *charge;
        let plan = api.plans.of(record.account.plan());
        if plan.limits().is_empty() {
            return (Weight::Admitted, None);
        }
        let cost = if charge.refused.is_some() { 0 } else { charge.route.cost };
        let (key_limits, account_limits, api_limits) = plan.by_scope();
        let allowed = |limit: &Limit| api.plans.allowed(limit, record.limits.as_deref());
        let mut api_shared = (!api_limits.is_empty()).then(|| api.book().shared());
        let mut of_api = api_shared.as_deref_mut().map(|shared| Levels::of_environment(shared, record.environment));
        let mut gauges: SmallVec<[Gauge<'_>; 4]> = of_key.gauges(key_limits, now, allowed).collect();
        gauges.extend(of_account.gauges(account_limits, now, allowed));
        if let Some(levels) = of_api.as_deref_mut() {
            gauges.extend(levels.gauges(api_limits, now, allowed));
        }
        // What costs nothing is told what is left, so that must be known.
        let is_unknown = |gauge: &Gauge<'_>| gauge.durable && matches!(gauge.level, Level::Window { bought: 0, .. });
        let verdict = match limit::admit(&mut gauges, cost, now) {
            Verdict::Charged if cost == 0 && plan.is_lasting() && if_short == IfShort::Wait => {
                if gauges.iter().any(is_unknown) { Verdict::Short } else { Verdict::Charged }
            }
            verdict => verdict,
        };
        let readings = gauges.iter().map(|gauge| gauge.level.read(gauge.pace, gauge.allowed, now)).collect();
        drop(gauges);
        if plan.is_lasting() {
            self.restock(charge, of_key, key_limits, cost, &|| Holding::Key(Arc::clone(&record.account), record.id));
            self.restock(charge, of_account, account_limits, cost, &|| Holding::Account(Arc::clone(&record.account)));
            if let Some(levels) = of_api {
                self.restock(charge, levels, api_limits, cost, &|| Holding::Api);
            }
        }
        let (weight, refused) = match verdict {
            Verdict::Charged => (Weight::Admitted, None),
            Verdict::Refused { position, retry_at } => {
                let limit = &plan.limits()[position];
                (Weight::Refused(limit.reason(), Some(limit)), Some((position, Some(retry_at))))
            }
            Verdict::TooDear { position } => {
                (Weight::Refused(Reason::CostExceedsLimit, plan.limits().get(position)), Some((position, None)))
            }
            Verdict::Short if if_short == IfShort::Wait => (Weight::Short, None),
            Verdict::Short => (Weight::Refused(Reason::StoreUnavailable, None), None),
        };
        (weight, Some(Box::new(Limited { plan: plan.id, readings, refused, now })))
    }

    /// Orders more of those limits that must last and of which little is left.
    fn restock(&self, charge: &Charge<'_>, levels: &mut Levels, limits: &[Limit], cost: u64, whose: &dyn Fn() -> Holding) {
        for (entry, limit) in levels.entries().iter_mut().zip(limits).filter(|(_, limit)| limit.is_lasting()) {
            let allowed = charge.api.plans.allowed(limit, charge.record.limits.as_deref());
            if let Some(more) = wanted(entry, allowed, cost, charge.now) {
                self.order(Ask::new(charge, whose(), entry, more, allowed));
            }
        }
    }
}

/// What the limits make of a request.
#[derive(Clone, Copy)]
enum Weight<'c> {
    Admitted,
    Refused(Reason, Option<&'c Limit>),
    Short,
}

/// For how long refusals by a limit are one hit of it: until there was something left again, in a new window or a drained bucket,
/// and for a minute at least, since a program that asks too much in each minute hits it once and for long.
fn hit_within(limit: &Limit) -> Duration {
    limit.pace.length().clamp(Duration::from_mins(1), Refused::WITHIN)
}

/// How much to buy of a limit, if it is time: when half of the last block is spent, or this request found too little.
fn wanted(entry: &mut Entry, allowed: u64, cost: u64, now: Timestamp) -> Option<u64> {
    let Level::Window { used, bought, .. } = entry.level else { return None };
    if entry.is_asked || (bought >= allowed && bought > 0) {
        return None;
    }
    let left = bought.saturating_sub(used);
    let block = (allowed / SHARE).max(entry.each_second(used, now).saturating_mul(2) / 3).max(1);
    if left > block / 2 && left >= cost {
        return None;
    }
    entry.is_asked = true;
    Some(block.max(cost.saturating_sub(left)))
}

/// Which part of a limit is bought at once. The next block is bought when half of one is left, so that at most one and a half are
/// lost to a crash: less than a hundredth, or than what one second of recent traffic takes.
const SHARE: u64 = 200;
