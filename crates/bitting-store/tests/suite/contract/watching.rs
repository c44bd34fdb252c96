//! What is known of how keys are used, and what of it is told.

use std::time::Duration;

use bitting_core::event::EventKind;
use bitting_core::location::{Location, Visit};
use bitting_store::{
    BusyHour, BusyHourPage, BusyHourQuery, EventRow, Holder, LastUse, SeenFrom, Tally, TrafficQuery, UsageBatch, Whose,
};
use serde_json::json;

use super::super::fixture::{API, at, id};
use super::Case;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn seen(number: u8, visits: &[(i64, &str)]) -> SeenFrom {
    let visit = |&(ms, text): &(i64, &str)| {
        let address = text.parse().unwrap();
        Visit { location: Location::from(address), address, at: at(ms) }
    };
    let learning = Duration::from_hours(7 * 24);
    let (api, account) = (API.into(), "acme".parse().unwrap());
    SeenFrom { api, key: id(number), account, visits: visits.iter().map(visit).collect(), learning }
}

async fn note(case: &Case, seen: SeenFrom) {
    case.add_batch(UsageBatch { seen: vec![seen], ..UsageBatch::default() }).await.unwrap();
}

async fn told(case: &Case) -> Vec<EventRow> {
    let mut rows = case.store.events_after(0, 1_000).await.unwrap();
    rows.retain(|row| row.kind == EventKind::KeyUsedFromNewLocation);
    rows
}

pub(super) async fn a_network_is_new_after_the_learning_period_and_is_told_with_the_batch_that_has_it(case: Case) {
    note(&case, seen(1, &[(0, "192.0.2.1"), (0, "2001:db8::1")])).await;
    note(&case, seen(1, &[(7 * DAY - 1, "198.51.100.1")])).await;
    assert!(told(&case).await.is_empty(), "until then it is learned from where the key is used");
    note(&case, seen(1, &[(7 * DAY, "192.0.2.200"), (7 * DAY, "203.0.113.9"), (7 * DAY, "2001:db8:0:ffff::2")])).await;
    let rows = told(&case).await;
    let data = json!({"network": "203.0.113.0/24", "address": "203.0.113.9", "known_networks": 3});
    assert_eq!((rows.len(), rows[0].at, rows[0].key, &rows[0].data), (1, at(7 * DAY), Some(id(1)), &data));
    assert_eq!(rows[0].account.as_ref().unwrap().as_str(), "acme");
    note(&case, seen(2, &[(7 * DAY, "203.0.113.9")])).await;
    assert_eq!(told(&case).await.len(), 1, "each key learns by itself");
}

pub(super) async fn what_was_learned_and_told_is_known_after_a_restart_and_a_batch_that_comes_again(case: Case) {
    note(&case, seen(1, &[(0, "192.0.2.1")])).await;
    let batch = UsageBatch { seen: vec![seen(1, &[(8 * DAY, "203.0.113.9")])], ..UsageBatch::default() };
    for _ in 0..2 {
        case.store.add_usage(2, batch.clone()).await.unwrap();
    }
    let case = case.reopened();
    note(&case, seen(1, &[(9 * DAY, "192.0.2.1"), (9 * DAY, "203.0.113.10")])).await;
    assert_eq!(told(&case).await.len(), 1);
    let places = case.store.places(id(1)).await.unwrap().unwrap();
    assert_eq!((places.since, places.known.len()), (at(0), 2));
    assert!(places.known.iter().all(|place| place.last == at(9 * DAY)));
    assert_eq!(case.store.places(id(2)).await.unwrap(), None);
}

pub(super) async fn a_key_that_is_used_from_everywhere_makes_a_handful_of_events_and_a_bounded_list(case: Case) {
    note(&case, seen(1, &[(0, "192.0.2.1")])).await;
    for third in 0..200 {
        let texts = [0, 1].map(|second| format!("10.{second}.{third}.1"));
        let visits = [&texts[0], &texts[1]].map(|text| (8 * DAY + i64::from(third), text.as_str()));
        note(&case, seen(1, &visits)).await;
    }
    let rows = told(&case).await;
    assert_eq!((rows.len(), rows.last().unwrap().count, rows.iter().map(|row| row.count).sum::<u64>()), (11, 390, 400));
    assert_eq!(case.store.places(id(1)).await.unwrap().unwrap().known.len(), 64);
}

/// So many requests of one outcome in an hour.
fn tally(number: u8, ms: i64, outcome: &str, count: u64) -> Tally {
    let environment = if number > 3 { "test" } else { "live" };
    let holder = Holder { api: API.into(), environment: environment.into(), whose: Whose::Key(id(number)) };
    Tally { holder, at: at(ms), route: format!("GET /{}", count % 3).into(), outcome: outcome.into(), count }
}

pub(super) async fn the_keys_of_an_hour_and_their_hours_before_are_found_page_by_page(case: Case) {
    let mut tallies = Vec::new();
    for number in 1..=5 {
        for outcome in ["admitted", "rate_limited", "unknown_key", "upstream_timeout"] {
            tallies.push(tally(number, 30 * HOUR + 7, outcome, u64::from(number) * 10));
        }
        tallies.push(tally(number, 29 * HOUR, "answered", 1));
    }
    let account = Whose::Account("acme".parse().unwrap());
    tallies.push(Tally { holder: Holder { whose: account, ..tallies[0].holder.clone() }, ..tallies[0].clone() });
    case.add_usage(tallies, Vec::<LastUse>::new()).await.unwrap();
    let mut query = BusyHourQuery { api: API.into(), hour: at(30 * HOUR + 9), at_least: 60, after: None, rows: 2 };
    let mut found = Vec::new();
    loop {
        let BusyHourPage { busy, next } = case.store.busy_in(query.clone()).await.unwrap();
        found.extend(busy);
        if next.is_none() {
            break;
        }
        query.after = next;
    }
    found.sort_by_key(|busy| busy.count);
    // What failed after it was let through is counted once.
    assert_eq!(found, [2, 3, 4, 5].map(|number| BusyHour { key: id(number), count: u64::from(number) * 30 }));
    let query =
        |from, until| TrafficQuery { api: API.into(), keys: vec![id(5), id(9), id(1)], from: at(from), until: at(until) };
    let traffic = case.store.traffic(query(22 * HOUR, 49 * HOUR)).await.unwrap();
    let expected = |at_29, at_30| {
        (22..49)
            .map(|hour| match hour {
                29 => at_29,
                30 => at_30,
                _ => 0,
            })
            .collect::<Vec<u64>>()
    };
    assert_eq!(traffic, [expected(1, 150), expected(0, 0), expected(1, 30)]);
    assert_eq!(case.store.traffic(query(30 * HOUR, 31 * HOUR)).await.unwrap(), [[150], [0], [30]]);
    let elsewhere = TrafficQuery { api: "elsewhere".into(), ..query(0, HOUR) };
    assert_eq!(case.store.traffic(elsewhere).await.unwrap(), [[0], [0], [0]]);
}
