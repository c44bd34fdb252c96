//! Which keys were used most.

use bitting_core::account::AccountId;
use bitting_store::{BusyKey, BusyQuery, Holder, Tally, UsageQuery, UsageSums, Whose};

use super::super::fixture::{API, at, entry, id, new_account, new_key};
use super::Case;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Days since 1970 of the first of January, February and March of 1970.
const MONTHS: [i64; 3] = [0, 31, 59];

/// Six keys, the odd ones of `acme` and the even ones of `other`; keys 5 and 6 are of the environment `test`.
fn holder(number: u8) -> Holder {
    let environment = if number > 4 { "test" } else { "live" };
    Holder { api: API.into(), environment: environment.into(), whose: Whose::Key(id(number)) }
}

async fn filled(case: &Case) {
    let mut batch = vec![entry(1, new_account("acme")), entry(1, new_account("other"))];
    batch.extend((1..=6).map(|number| entry(2, new_key(number, if number % 2 == 1 { "acme" } else { "other" }))));
    for answer in case.append_all(batch).await {
        answer.unwrap();
    }
    let outcomes = ["admitted", "answered", "rate_limited", "quota_exceeded", "unknown_key", "upstream_timeout"];
    let mut tallies = Vec::new();
    for (step, month) in MONTHS.into_iter().enumerate() {
        for number in 1..=6_u8 {
            for turn in 0..20_u8 {
                let day = month + i64::from(turn) * 13 % 27;
                let hour = i64::from(turn * 7 + number) % 24;
                let count = u64::from(number * 37 % 11 + 1) * (u64::from(turn) % 5 + step as u64);
                let outcome = outcomes[usize::from(turn + number) % outcomes.len()];
                let (at, route) = (at(day * DAY + hour * HOUR + 5), format!("GET /{}", turn % 3));
                tallies.push(Tally { holder: holder(number), at, route: route.into(), outcome: outcome.into(), count });
            }
        }
    }
    for part in tallies.chunks(50) {
        case.add_usage(part.to_vec(), Vec::new()).await.unwrap();
    }
}

/// The same from the usage of each key.
async fn expected(case: &Case, query: &BusyQuery) -> Vec<BusyKey> {
    let mut keys = Vec::new();
    for number in 1..=6 {
        let account: AccountId = if number % 2 == 1 { "acme" } else { "other" }.parse().unwrap();
        if query.account.as_ref().is_some_and(|asked| *asked != account) {
            continue;
        }
        let (api, environment, whose) = (query.api.clone(), query.environment.clone(), Whose::Key(id(number)));
        let usage = UsageQuery { api, environment, whose, route: None, from: query.from, until: query.until };
        let mut sums = UsageSums::default();
        for row in case.store.usage(usage).await.unwrap() {
            sums.count(&row.outcome, row.count);
        }
        keys.push(BusyKey { key: id(number), sums });
    }
    keys.retain(|busy| busy.sums.total() > 0);
    keys.sort_by_key(|busy| std::cmp::Reverse(busy.sums.total()));
    keys.truncate(query.limit);
    keys
}

fn query(from: i64, until: i64) -> BusyQuery {
    BusyQuery { api: API.into(), account: None, environment: None, from: at(from), until: at(until), limit: 3 }
}

pub(super) async fn the_busiest_keys_are_those_with_the_most_requests_in_exactly_the_hours_that_are_asked_for(case: Case) {
    filled(&case).await;
    for (from, until) in [
        (0, 90 * DAY),
        (0, DAY),
        (20 * DAY, 50 * DAY),
        (31 * DAY, 59 * DAY),
        (3 * HOUR, 27 * HOUR),
        (10 * DAY + 7 * HOUR, 40 * DAY + HOUR),
        (35 * DAY + 5 * HOUR, 35 * DAY + 9 * HOUR),
        (40 * DAY, 40 * DAY),
        (70 * DAY, 30 * DAY),
        (500 * DAY, 600 * DAY),
    ] {
        for (account, environment) in [(None, None), (Some("acme"), None), (None, Some("test")), (Some("other"), Some("live"))]
        {
            let account = account.map(|name| name.parse().unwrap());
            let query = BusyQuery { account, environment: environment.map(Into::into), ..query(from, until) };
            let found = case.store.busiest_keys(query.clone()).await.unwrap();
            let totals = |keys: &[BusyKey]| keys.iter().map(|busy| busy.sums.total()).collect::<Vec<_>>();
            let all = expected(&case, &BusyQuery { limit: 9, ..query.clone() }).await;
            assert_eq!(totals(&found), totals(&expected(&case, &query).await), "{query:?}");
            // Those that are alike in number may come in any order.
            assert!(found.iter().all(|busy| all.contains(busy)), "{query:?}");
        }
    }
    let elsewhere = BusyQuery { api: "backbone".into(), ..query(0, 90 * DAY) };
    assert_eq!(case.store.busiest_keys(elsewhere).await.unwrap(), []);
    assert_eq!(case.store.busiest_keys(BusyQuery { limit: 0, ..query(0, 90 * DAY) }).await.unwrap(), []);
    // What is forgotten is not counted, also in a month of which some is kept.
    while case.store.forget_usage(API, at(45 * DAY), 7).await.unwrap() > 0 {}
    for query in [query(0, 90 * DAY), query(HOUR, 90 * DAY + HOUR)] {
        assert_eq!(case.store.busiest_keys(query.clone()).await.unwrap(), expected(&case, &query).await);
    }
}

pub(super) async fn usage_of_a_key_that_nobody_has_made_makes_no_key_busy(case: Case) {
    let tally = Tally { holder: holder(1), at: at(5), route: "".into(), outcome: "admitted".into(), count: 1 };
    case.add_usage(vec![tally], Vec::new()).await.unwrap();
    assert_eq!(case.store.busiest_keys(query(0, DAY)).await.unwrap(), []);
}
