//! Limits that are bought ahead and settled, and usage that is added up.

use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use bitting_store::{Bought, Holder, LastUse, Purchase, Settlement, Tally, UsageBatch, UsageQuery, Whose, Window};

use super::super::fixture::{API, at, id};
use super::Case;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn holder(environment: &str, whose: Whose) -> Holder {
    Holder { api: API.into(), environment: environment.into(), whose }
}

fn key(number: u8) -> Holder {
    holder("live", Whose::Key(id(number)))
}

/// A window of a thousand milliseconds of the first key's limit `monthly`.
fn window(start: i64) -> Window {
    Window { holder: key(1), limit: "monthly".into(), start: at(start), end: at(start + 1_000) }
}

async fn buy(case: &Case, window: Window, more: u64, at_most: u64) -> (u64, u64) {
    let bought = case.store.buy(vec![Purchase { window, more, at_most }]).await.unwrap();
    let [Bought { before, now }] = bought[..] else { panic!("{bought:?}") };
    (before, now)
}

async fn settle(case: &Case, window: Window, used: u64) {
    case.store.settle(vec![Settlement { window, used }]).await.unwrap();
}

pub(super) async fn a_window_is_bought_block_by_block_up_to_what_its_limit_allows(case: Case) {
    assert_eq!(buy(&case, window(0), 40, 100).await, (0, 40));
    assert_eq!(buy(&case, window(0), 40, 100).await, (40, 80));
    assert_eq!(buy(&case, window(0), 40, 100).await, (80, 100));
    assert_eq!(buy(&case, window(0), 40, 100).await, (100, 100));
    // A limit that was lowered takes back nothing; one that was raised goes on.
    assert_eq!(buy(&case, window(0), 40, 50).await, (100, 100));
    assert_eq!(buy(&case, window(0), 40, 120).await, (100, 120));
    let boundless = buy(&case, window(0), u64::MAX, u64::MAX).await;
    assert!(boundless.1 >= i64::MAX.unsigned_abs(), "{boundless:?}");
}

pub(super) async fn to_ask_for_nothing_more_changes_nothing(case: Case) {
    assert_eq!(buy(&case, window(0), 0, 100).await, (0, 0));
    buy(&case, window(0), 40, 100).await;
    assert_eq!(buy(&case, window(0), 0, 100).await, (40, 40));
    // The earlier window is still the latest that anything was bought of.
    assert_eq!(buy(&case, window(1_000), 0, 100).await, (0, 0));
    assert_eq!(buy(&case, window(0), 0, 100).await, (40, 40));
}

pub(super) async fn each_holder_and_limit_is_bought_by_itself(case: Case) {
    // An account may be called as the bytes of a key's id read.
    let bytes = *b"0123456789abcdef";
    let holders = [
        key(1),
        holder("live", Whose::Key(KeyId::from_bytes(bytes))),
        holder("test", Whose::Key(id(1))),
        holder("live", Whose::Account(std::str::from_utf8(&bytes).unwrap().parse().unwrap())),
        holder("live", Whose::Api),
        Holder { api: "backbone".into(), ..key(1) },
    ];
    let purchase = |holder: &Holder, limit: &str, more| Purchase {
        window: Window { holder: holder.clone(), limit: limit.into(), ..window(0) },
        more,
        at_most: 100,
    };
    let mut purchases: Vec<Purchase> = (1..).zip(&holders).map(|(more, holder)| purchase(holder, "monthly", more)).collect();
    purchases.push(purchase(&key(1), "daily", 50));
    purchases.push(purchase(&key(1), "daily", 50));
    let bought = case.store.buy(purchases).await.unwrap();
    assert_eq!(bought.iter().map(|bought| bought.now).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 50, 100]);
    let questions = holders.iter().map(|holder| purchase(holder, "monthly", 0)).collect();
    let bought = case.store.buy(questions).await.unwrap();
    assert_eq!(bought.iter().map(|bought| bought.before).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
}

pub(super) async fn a_later_window_takes_the_place_of_an_earlier_one_of_which_nothing_is_left_then(case: Case) {
    buy(&case, window(0), 40, 100).await;
    assert_eq!(buy(&case, window(1_000), 10, 100).await, (0, 10));
    assert_eq!(buy(&case, window(0), 5, 100).await, (100, 100));
    assert_eq!(buy(&case, window(1_000), 0, 100).await, (10, 10));
}

pub(super) async fn a_window_that_ends_elsewhere_is_another_one(case: Case) {
    buy(&case, window(0), 40, 100).await;
    let longer = Window { end: at(5_000), ..window(0) };
    assert_eq!(buy(&case, longer.clone(), 10, 100).await, (0, 10));
    settle(&case, window(0), 1).await;
    assert_eq!(buy(&case, longer, 0, 100).await, (10, 10));
}

pub(super) async fn what_was_settled_is_bought_again(case: Case) {
    buy(&case, window(0), 40, 100).await;
    settle(&case, window(0), 25).await;
    assert_eq!(buy(&case, window(0), 40, 100).await, (25, 65));
    // Nobody can have used what was not bought.
    settle(&case, window(0), 90).await;
    assert_eq!(buy(&case, window(0), 0, 100).await, (65, 65));
}

pub(super) async fn a_window_that_is_no_longer_the_latest_is_not_settled(case: Case) {
    settle(&case, window(0), 3).await;
    assert_eq!(buy(&case, window(0), 40, 100).await, (0, 40));
    buy(&case, window(1_000), 40, 100).await;
    settle(&case, window(0), 3).await;
    settle(&case, window(2_000), 3).await;
    assert_eq!(buy(&case, window(1_000), 0, 100).await, (40, 40));
}

pub(super) async fn what_was_bought_and_used_is_there_after_a_restart_and_in_a_backup(case: Case) {
    buy(&case, window(0), 40, 100).await;
    add(&case, [tally(key(1), 0, "GET /a", "admitted", 5)]).await;
    let last_use = LastUse { key: id(1), at: at(9), address: None };
    case.add_usage(Vec::new(), vec![last_use]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    case.store.back_up(folder.path().join("bitting.db")).await.unwrap();
    let case = case.reopened();
    let backup = Case { store: (case.open)(folder.path()), folder, open: case.open };
    for case in [case, backup] {
        assert_eq!(buy(&case, window(0), 10, 100).await, (40, 50));
        assert_eq!(usage(&case, of_key(1)).await, ["0 GET /a admitted 5"]);
        assert_eq!(case.store.last_uses(vec![id(1)]).await.unwrap(), [last_use]);
    }
}

fn tally(holder: Holder, ms: i64, route: &str, outcome: &str, count: u64) -> Tally {
    Tally { holder, at: at(ms), route: route.into(), outcome: outcome.into(), count }
}

async fn add(case: &Case, tallies: impl Into<Vec<Tally>>) {
    case.add_usage(tallies.into(), Vec::new()).await.unwrap();
}

/// All usage of a key.
fn of_key(number: u8) -> UsageQuery {
    UsageQuery {
        api: API.into(),
        environment: None,
        whose: Whose::Key(id(number)),
        route: None,
        from: at(0),
        until: Timestamp::MAX,
    }
}

/// Rows in words, with the hours since 1970.
async fn usage(case: &Case, query: UsageQuery) -> Vec<String> {
    let rows = case.store.usage(query).await.unwrap();
    let text = |row: bitting_store::UsageRow| {
        let hour = row.hour.as_millis();
        assert_eq!(hour % HOUR, 0);
        format!("{} {} {} {}", hour / HOUR, row.route, row.outcome, row.count)
    };
    rows.into_iter().map(text).collect()
}

pub(super) async fn usage_is_added_up_within_a_call_and_over_calls(case: Case) {
    assert!(usage(&case, of_key(1)).await.is_empty());
    let first = tally(key(1), 7, "GET /a", "admitted", 2);
    add(&case, [first.clone(), first.clone(), tally(key(2), 7, "GET /a", "admitted", 50)]).await;
    add(&case, [tally(key(1), HOUR - 1, "GET /a", "admitted", 3), tally(key(1), HOUR, "GET /a", "admitted", 1)]).await;
    assert_eq!(usage(&case, of_key(1)).await, ["0 GET /a admitted 7", "1 GET /a admitted 1"]);
    add(&case, [tally(key(1), 0, "GET /a", "admitted", u64::MAX)]).await;
    assert_eq!(usage(&case, of_key(1)).await[0], format!("0 GET /a admitted {}", u64::MAX));
}

pub(super) async fn usage_is_listed_by_hour_route_and_outcome_whatever_came_first(case: Case) {
    let tallies = [
        (3 * DAY, "GET /b", "admitted"),
        (HOUR, "GET /b", "rate_limited"),
        (HOUR, "GET /b", "admitted"),
        (HOUR, "", "no_route"),
        (HOUR, "GET /a", "rate_limited"),
        (23 * HOUR, "GET /b", "admitted"),
    ];
    for (ms, route, outcome) in tallies {
        add(&case, [tally(key(1), ms, route, outcome, 1)]).await;
    }
    let expected = [
        "1  no_route 1",
        "1 GET /a rate_limited 1",
        "1 GET /b admitted 1",
        "1 GET /b rate_limited 1",
        "23 GET /b admitted 1",
        "72 GET /b admitted 1",
    ];
    assert_eq!(usage(&case, of_key(1)).await, expected);
}

pub(super) async fn usage_is_found_by_the_hours_and_the_route_that_are_asked_for(case: Case) {
    for hour in [0, 22, 23, 24, 25, 48, 72] {
        add(&case, [tally(key(1), hour * HOUR, "GET /a", "admitted", 1), tally(key(1), hour * HOUR, "GET /b", "admitted", 2)])
            .await;
    }
    let hours = async |from: i64, until: i64, route: &str| {
        let query = UsageQuery { from: at(from), until: at(until), route: Some(route.into()), ..of_key(1) };
        usage(&case, query).await
    };
    assert_eq!(hours(22 * HOUR, 24 * HOUR, "GET /a").await, ["22 GET /a admitted 1", "23 GET /a admitted 1"]);
    // A moment stands for its hour.
    assert_eq!(hours(23 * HOUR + 5, 25 * HOUR + 5, "GET /b").await, ["23 GET /b admitted 2", "24 GET /b admitted 2"]);
    assert_eq!(hours(48 * HOUR, 1_000 * DAY, "GET /a").await, ["48 GET /a admitted 1", "72 GET /a admitted 1"]);
    for (from, until) in [(0, 0), (23 * HOUR, 23 * HOUR), (30 * HOUR, 20 * HOUR), (73 * HOUR, 99 * HOUR)] {
        assert!(hours(from, until, "GET /a").await.is_empty(), "{from} {until}");
    }
    assert!(hours(0, 99 * HOUR, "GET /c").await.is_empty());
}

pub(super) async fn usage_counts_for_its_holder_and_its_environment_alone(case: Case) {
    let account = Whose::Account("acme".parse().unwrap());
    let holders = [
        (key(1), 1),
        (holder("test", Whose::Key(id(1))), 10),
        (key(2), 100),
        (holder("live", account.clone()), 1_000),
        (holder("live", Whose::Api), 10_000),
        (Holder { api: "backbone".into(), ..key(1) }, 100_000),
    ];
    add(&case, holders.map(|(holder, count)| tally(holder, 0, "GET /a", "admitted", count))).await;
    let count = async |whose: &Whose, environment: Option<&str>, api: &str| {
        let environment = environment.map(Into::into);
        usage(&case, UsageQuery { whose: whose.clone(), environment, api: api.into(), ..of_key(1) }).await.join(", ")
    };
    let first = Whose::Key(id(1));
    assert_eq!(count(&first, None, API).await, "0 GET /a admitted 11");
    assert_eq!(count(&first, Some("live"), API).await, "0 GET /a admitted 1");
    assert_eq!(count(&first, Some("test"), API).await, "0 GET /a admitted 10");
    assert_eq!(count(&first, Some("other"), API).await, "");
    assert_eq!(count(&account, None, API).await, "0 GET /a admitted 1000");
    assert_eq!(count(&Whose::Api, None, API).await, "0 GET /a admitted 10000");
    assert_eq!(count(&first, None, "backbone").await, "0 GET /a admitted 100000");
    assert_eq!(count(&first, None, "other").await, "");
}

pub(super) async fn of_two_last_uses_the_later_stays(case: Case) {
    let last_use =
        |number, ms, address: Option<[u8; 4]>| LastUse { key: id(number), at: at(ms), address: address.map(Into::into) };
    let v6 = LastUse { key: id(2), at: at(5), address: Some("2001:db8::1".parse().unwrap()) };
    let (early, late) = (last_use(1, 10, Some([192, 0, 2, 1])), last_use(1, 20, None));
    case.add_usage(Vec::new(), vec![early, v6]).await.unwrap();
    assert_eq!(case.store.last_uses(vec![id(1), id(2), id(3)]).await.unwrap(), [early, v6]);
    case.add_usage(Vec::new(), vec![late, early]).await.unwrap();
    case.add_usage(Vec::new(), vec![early]).await.unwrap();
    assert_eq!(case.store.last_uses(vec![id(1)]).await.unwrap(), [late]);
}

pub(super) async fn usage_is_forgotten_by_whole_days_of_one_api_and_so_many_rows_at_once(case: Case) {
    let elsewhere = Holder { api: "backbone".into(), ..key(1) };
    for day in [0, 1, 1, 2, 3] {
        let holders = [key(1), key(2), elsewhere.clone()];
        add(&case, holders.map(|holder| tally(holder, day * DAY + HOUR, "GET /a", "admitted", 1))).await;
    }
    let forget = async |api: &str, before: i64, limit| case.store.forget_usage(api, at(before), limit).await.unwrap();
    assert_eq!(forget("nowhere", 9 * DAY, 9).await, 0);
    // The second day is over only with its last moment.
    assert_eq!(forget(API, 2 * DAY - 1, 9).await, 2);
    assert_eq!(forget(API, 2 * DAY - 1, 9).await, 0);
    assert_eq!(usage(&case, of_key(1)).await, ["25 GET /a admitted 2", "49 GET /a admitted 1", "73 GET /a admitted 1"]);
    assert_eq!([forget(API, 3 * DAY, 3).await, forget(API, 3 * DAY, 3).await, forget(API, 3 * DAY, 3).await], [3, 1, 0]);
    assert_eq!(usage(&case, of_key(2)).await, ["73 GET /a admitted 1"]);
    let kept = usage(&case, UsageQuery { api: "backbone".into(), ..of_key(1) }).await;
    assert_eq!(kept.len(), 4);
    // Nothing is no row.
    add(&case, [tally(key(1), 0, "GET /b", "admitted", 0)]).await;
    assert_eq!(forget(API, 3 * DAY, 3).await, 0);
    // What is forgotten can be used anew.
    add(&case, [tally(key(1), 0, "GET /b", "admitted", 1)]).await;
    assert_eq!(usage(&case, of_key(1)).await, ["0 GET /b admitted 1", "73 GET /a admitted 1"]);
}

pub(super) async fn windows_that_are_not_over_are_listed_with_what_was_bought_of_them(case: Case) {
    let of = |holder: Holder, start| Window { holder, ..window(start) };
    let windows = [
        of(key(1), 1_000),
        of(holder("test", Whose::Account("acme".parse().unwrap())), 1_000),
        of(holder("live", Whose::Api), 500),
        of(key(2), 0),
    ];
    for (more, window) in (1..).zip(&windows) {
        buy(&case, window.clone(), more, 100).await;
    }
    let mut listed = case.store.windows(at(1_000)).await.unwrap();
    listed.sort_by_key(|(_, bought)| *bought);
    let expected: Vec<(Window, u64)> = windows[..3].iter().cloned().zip(1..).collect();
    assert_eq!(listed, expected);
}

pub(super) async fn a_batch_of_usage_that_is_written_again_counts_once(case: Case) {
    let tally = |count| Tally { holder: key(1), at: at(0), route: "GET /a".into(), outcome: "admitted".into(), count };
    assert_eq!(case.store.last_batch().await.unwrap(), 0);
    for (batch, count) in [(1, 3), (1, 3), (2, 4), (1, 9)] {
        case.store.add_usage(batch, UsageBatch { tallies: vec![tally(count)], ..UsageBatch::default() }).await.unwrap();
    }
    assert_eq!(case.store.last_batch().await.unwrap(), 2);
    let query =
        UsageQuery { api: API.into(), environment: None, whose: key(1).whose, route: None, from: at(0), until: at(HOUR) };
    assert_eq!(case.store.usage(query).await.unwrap()[0].count, 7);
}
