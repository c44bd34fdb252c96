//! Limits on keys, accounts and the API, under load, across restarts and crashes.

use std::sync::Arc;
use std::time::Duration;

use bitting_core::api::Api;
use bitting_core::key::PlaintextKey;
use bitting_core::limit::{Limit, LimitScope, LimitSpec, Pace, Plan, Plans};
use bitting_core::time::Timestamp;
use bitting_engine::{Clock as _, Decision, Inquiry, KeySpec, Presented, Scope};
use http::{HeaderMap, Method};

use super::fixture::{Fixture, apis, outcome, shop};
use super::stumbling::{Fault, Wrapped};

/// A limit as `NAME ALLOWED PER SCOPE`, with `quota` or a burst at the end.
fn limit(fixture: &Fixture, text: &str) -> Limit {
    let words: Vec<&str> = text.split(' ').collect();
    let scope = match words[3] {
        "key" => LimitScope::Key,
        "account" => LimitScope::Account,
        _ => LimitScope::Api,
    };
    let is_quota = words.last() == Some(&"quota");
    let burst = words.get(4).and_then(|burst| burst.parse().ok());
    let pace = Pace::new(words[2], burst).unwrap();
    let spec = LimitSpec { name: words[0].into(), allowed: words[1].parse().unwrap(), pace, scope, is_quota };
    Limit::new(spec, &fixture.names).unwrap()
}

/// Puts limits in force.
pub(super) fn install(fixture: &Fixture, limits: &[&str]) {
    let limits = limits.iter().map(|text| limit(fixture, text)).collect();
    let plans = Plans::new(Plan::new("only", limits, &fixture.names), Vec::new(), false);
    let api = Api { plans, ..shop(&fixture.names, &["clerk", "boss"]) };
    fixture.engine.install(apis(&fixture.names, vec![api]).unwrap()).unwrap();
}

async fn decide(fixture: &Fixture, key: &PlaintextKey, path: &str) -> Decision {
    let presented = Presented::Key(key.expose().as_bytes());
    fixture.engine.decide(&Inquiry { scope: Scope::Api("shop"), method: &Method::GET, path, presented, client: None }).await
}

async fn ask(fixture: &Fixture, key: &PlaintextKey, path: &str) -> String {
    outcome(&decide(fixture, key, path).await)
}

/// How many of so many requests are let through.
pub(super) async fn admitted(fixture: &Fixture, key: &PlaintextKey, requests: usize) -> usize {
    let mut count = 0;
    for _ in 0..requests {
        count += usize::from(ask(fixture, key, "/things").await == "admitted");
    }
    count
}

/// The same, ten in each second.
async fn admitted_slowly(fixture: &Fixture, key: &PlaintextKey, requests: usize) -> usize {
    let mut count = 0;
    for _ in 0..requests {
        fixture.clock.advance(Duration::from_millis(100));
        count += admitted(fixture, key, 1).await;
    }
    count
}

/// The headers of an answer.
async fn told(fixture: &Fixture, key: &PlaintextKey, path: &str) -> HeaderMap {
    match decide(fixture, key, path).await {
        Decision::Permit(permit) => {
            let mut headers = HeaderMap::new();
            permit.tell_limits(&mut headers);
            headers
        }
        Decision::Denial(denial) => denial.response(bitting_engine::AnswerFor::default()).headers().clone(),
        Decision::Preflight(..) => panic!("nobody asked for one"),
    }
}

fn remaining(headers: &HeaderMap) -> &str {
    headers["x-ratelimit-remaining"].to_str().unwrap()
}

pub(super) async fn live_key(fixture: &Fixture, account: &str) -> PlaintextKey {
    fixture.key_of(account, KeySpec::default()).await.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_as_many_are_admitted_as_three_stacked_limits_allow_however_hard_they_are_asked() {
    let fixture = Arc::new(Fixture::new().await);
    install(&fixture, &["hour 1000 hour key", "day 1500 day account", "minute 1700 minute api"]);
    let keys: Vec<Arc<PlaintextKey>> = vec![
        Arc::new(live_key(&fixture, "one").await),
        Arc::new(live_key(&fixture, "one").await),
        Arc::new(live_key(&fixture, "two").await),
    ];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (fixture, keys) = (Arc::clone(&fixture), keys.clone());
        tasks.spawn(async move {
            let mut counts = [0; 3];
            for round in 0..90 {
                let which = (number + round) % 3;
                counts[which] += usize::from(ask(&fixture, &keys[which], "/things").await == "admitted");
            }
            counts
        });
    }
    let counts = tasks.join_all().await.into_iter().fold([0; 3], |sum, one| [0, 1, 2].map(|i| sum[i] + one[i]));
    assert_eq!(counts.iter().sum::<usize>(), 1_700, "{counts:?}");
    assert!(counts[0] <= 1_000 && counts[1] <= 1_000 && counts[0] + counts[1] <= 1_500, "{counts:?}");
    // The next minute there is room again where the longer limits have some, exactly as much as was not used.
    fixture.clock.advance(Duration::from_mins(1));
    let left_to_account = 1_500 - counts[0] - counts[1];
    let left_to_first = left_to_account.min(1_000 - counts[0]);
    assert_eq!(admitted(&fixture, &keys[0], left_to_first + 5).await, left_to_first);
    assert_eq!(admitted(&fixture, &keys[2], 1_005 - counts[2]).await, 1_000 - counts[2]);
}

#[tokio::test]
async fn a_refused_request_is_charged_to_no_limit_and_told_when_to_come_again() {
    let fixture = Fixture::new().await;
    install(&fixture, &["minute 3 minute key", "hour 5 hour key"]);
    let key = live_key(&fixture, "one").await;
    assert_eq!(admitted(&fixture, &key, 10).await, 3);
    let refused = told(&fixture, &key, "/things").await;
    assert_eq!((refused["x-ratelimit-limit"].to_str().unwrap(), remaining(&refused)), ("3", "0"));
    let wait = Duration::from_secs(refused["retry-after"].to_str().unwrap().parse().unwrap());
    let one = Duration::from_secs(1);
    fixture.clock.advance(wait.saturating_sub(one));
    assert_eq!(ask(&fixture, &key, "/things").await, "rate_limited");
    fixture.clock.advance(one);
    assert_eq!(admitted(&fixture, &key, 10).await, 2, "the hour was charged three times, not ten");
    assert_eq!(told(&fixture, &key, "/things").await["x-ratelimit-limit"], "5", "the limit that refuses longest is told of");
}

#[tokio::test]
async fn a_kill_never_gives_anything_back_and_eats_a_hundredth_at_most() {
    let fixture = Fixture::new().await;
    let limits = ["hour 1000 hour key", "month 3000 month account quota", "minute 100000 minute key"];
    install(&fixture, &limits);
    let key = live_key(&fixture, "one").await;
    let other = live_key(&fixture, "one").await;
    let mut used = 0;
    let mut current = fixture;
    for requests in [1, 137, 412] {
        used += admitted_slowly(&current, &key, requests).await;
        let killed = current.after_a_kill().await;
        install(&killed, &limits);
        current = killed;
    }
    assert_eq!(used, 550);
    used += admitted(&current, &key, 1_000).await;
    assert!((970..=1_000).contains(&used), "{used} in spite of three kills");
    let used_by_other = admitted(&current, &other, 1_000).await;
    assert_eq!(used_by_other, 1_000, "a key that was not used has lost nothing");
    current.clock.advance(Duration::from_hours(1));
    let rest = admitted(&current, &key, 1_000).await + admitted(&current, &other, 1_000).await;
    assert!((2_900..=3_000).contains(&(used + used_by_other + rest)), "{rest} more");
}

#[tokio::test]
async fn a_clean_restart_keeps_every_window_to_the_last_request() {
    let fixture = Fixture::new().await;
    let limits = ["hour 1000 hour key", "day 1200 day account", "all 1500 month api quota"];
    install(&fixture, &limits);
    let key = live_key(&fixture, "one").await;
    let other = live_key(&fixture, "two").await;
    assert_eq!((admitted(&fixture, &key, 123).await, admitted(&fixture, &other, 1).await), (123, 1));
    let fixture = fixture.restart().await;
    install(&fixture, &limits);
    assert_eq!(remaining(&told(&fixture, &key, "/free").await), "877", "what costs nothing is told what is left");
    assert_eq!(admitted(&fixture, &key, 1_000).await, 877);
    fixture.clock.advance(Duration::from_hours(1));
    assert_eq!(ask(&fixture, &key, "/things").await, "admitted");
    assert_eq!(admitted(&fixture, &key, 1_000).await, 199);
    assert_eq!(admitted(&fixture, &other, 1_000).await, 299, "the quota of all is used up");
    assert_eq!(ask(&fixture, &other, "/things").await, "quota_exceeded");
}

#[tokio::test]
async fn pa7_keys_of_another_environment_count_by_themselves() {
    let fixture = Fixture::new().await;
    install(&fixture, &["month 5 month account quota", "all 7 minute api"]);
    let live = live_key(&fixture, "one").await;
    let test = fixture.key_of("one", KeySpec { environment: Some("test".into()), ..KeySpec::default() }).await.0;
    assert_eq!(admitted(&fixture, &test, 20).await, 5);
    assert_eq!(admitted(&fixture, &live, 20).await, 5);
}

#[tokio::test]
async fn pa9_changed_limits_hold_for_the_next_request_and_remember_what_was_used() {
    let fixture = Fixture::new().await;
    install(&fixture, &["hour 10 hour key"]);
    let key = live_key(&fixture, "one").await;
    assert_eq!(admitted(&fixture, &key, 4).await, 4);
    install(&fixture, &["minute 100 minute key", "hour 6 hour key"]);
    assert_eq!(admitted(&fixture, &key, 10).await, 2);
    install(&fixture, &["hour 8 hour key"]);
    assert_eq!(admitted(&fixture, &key, 10).await, 2);
    install(&fixture, &["hour 3 hour key"]);
    assert_eq!(remaining(&told(&fixture, &key, "/things").await), "0");
}

#[tokio::test]
async fn a_request_is_charged_what_its_route_costs() {
    let fixture = Fixture::new().await;
    install(&fixture, &["minute 12 minute key", "burst 4 1s key 4"]);
    let key = live_key(&fixture, "one").await;
    assert_eq!(ask(&fixture, &key, "/dear").await, "cost_exceeds_limit");
    install(&fixture, &["minute 12 minute key"]);
    assert_eq!(remaining(&told(&fixture, &key, "/things").await), "11");
    assert_eq!(remaining(&told(&fixture, &key, "/dear").await), "6");
    assert_eq!(ask(&fixture, &key, "/dear").await, "admitted");
    assert_eq!(ask(&fixture, &key, "/dear").await, "rate_limited");
    assert_eq!(ask(&fixture, &key, "/things").await, "admitted", "one is left for what costs less");
    assert_eq!(ask(&fixture, &key, "/things").await, "rate_limited");
    assert_eq!(ask(&fixture, &key, "/free").await, "admitted");
}

#[tokio::test]
async fn a_bucket_lets_requests_through_at_an_even_rate_after_its_burst() {
    let fixture = Fixture::new().await;
    install(&fixture, &["even 2 1s key 3"]);
    let key = live_key(&fixture, "one").await;
    assert_eq!(admitted(&fixture, &key, 10).await, 3);
    fixture.clock.advance(Duration::from_millis(499));
    assert_eq!(admitted(&fixture, &key, 1).await, 0);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(admitted(&fixture, &key, 10).await, 1);
    fixture.clock.advance(Duration::from_mins(1));
    assert_eq!(admitted(&fixture, &key, 10).await, 3);
}

#[tokio::test]
async fn pa11_a_refusal_for_want_of_rights_tells_what_is_left_and_takes_nothing() {
    let fixture = Fixture::new().await;
    install(&fixture, &["hour 10 hour key"]);
    let key = live_key(&fixture, "one").await;
    assert_eq!(remaining(&told(&fixture, &key, "/things").await), "9");
    assert_eq!(ask(&fixture, &key, "/write").await, "insufficient_permission");
    assert_eq!(remaining(&told(&fixture, &key, "/write").await), "9");
    let unknown = fixture.issue(KeySpec::default()).key;
    assert!(!told(&fixture, &unknown, "/things").await.contains_key("x-ratelimit-limit"));
}

#[tokio::test(start_paused = true)]
async fn while_the_store_fails_requests_go_on_within_what_was_bought_and_are_then_refused() {
    let wrapped = Wrapped::default();
    let controls = wrapped.clone();
    let fixture = Fixture::through(|store| Arc::new(wrapped.around(store))).await;
    install(&fixture, &["hour 1000 hour key", "minute 5000 minute key"]);
    let key = live_key(&fixture, "one").await;
    let mut used = admitted_slowly(&fixture, &key, 100).await;
    assert_eq!(used, 100);
    controls.set_fault(Some(Fault::Refused));
    let within = admitted_slowly(&fixture, &key, 100).await;
    assert!((1..20).contains(&within), "{within}");
    assert_eq!(ask(&fixture, &key, "/things").await, "store_unavailable");
    assert_eq!(ask(&fixture, &key, "/free").await, "admitted");
    controls.set_fault(Some(Fault::TakenButUnknown));
    assert_eq!(ask(&fixture, &key, "/things").await, "store_unavailable");
    controls.set_fault(None);
    used += within + admitted(&fixture, &key, 1_000).await;
    // What was bought and never heard of counts as used; nothing is admitted twice for it.
    assert!((900..=1_000).contains(&used), "{used}");
}

#[tokio::test]
async fn a_clock_that_jumps_gives_nothing_twice() {
    let fixture = Fixture::new().await;
    install(&fixture, &["hour 10 hour key"]);
    let key = live_key(&fixture, "one").await;
    let start = fixture.clock.now();
    assert_eq!(admitted(&fixture, &key, 20).await, 10);
    fixture.clock.set(Timestamp::from_millis(start.as_millis() - 3_600_000));
    assert_eq!(admitted(&fixture, &key, 20).await, 0, "engine time stands still");
    fixture.clock.set(Timestamp::from_millis(start.as_millis() + 365 * 86_400_000));
    assert_eq!(admitted(&fixture, &key, 20).await, 10);
    fixture.clock.set(start);
    assert_eq!(admitted(&fixture, &key, 20).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_idle_takes_no_memory_and_has_forgotten_nothing() {
    let fixture = Fixture::new().await;
    install(&fixture, &["minute 100 minute key", "month 50 month key quota"]);
    let key = live_key(&fixture, "one").await;
    assert_eq!(admitted(&fixture, &key, 7).await, 7);
    let before = fixture.engine.remembered_levels();
    assert_eq!(before, 2);
    // Levels are looked after once a minute; one leaves that was the same twice.
    for _ in 0..4 {
        fixture.pass_a_minute().await;
    }
    assert_eq!(fixture.engine.remembered_levels(), 0);
    assert_eq!(admitted(&fixture, &key, 100).await, 43);
}

#[tokio::test]
async fn what_a_clean_restart_finds_used_is_no_traffic_of_the_moment() {
    let fixture = Fixture::new().await;
    let limits = ["month 1000 month key quota"];
    install(&fixture, &limits);
    let key = live_key(&fixture, "one").await;
    assert_eq!(admitted_slowly(&fixture, &key, 600).await, 600);
    let fixture = fixture.restart().await;
    install(&fixture, &limits);
    assert_eq!(admitted(&fixture, &key, 1).await, 1);
    // Whatever was ordered is carried out by then.
    fixture.engine.write_usage_down().await.unwrap();
    let killed = fixture.after_a_kill().await;
    install(&killed, &limits);
    let left = admitted(&killed, &key, 1_000).await;
    assert!((385..400).contains(&left), "{left}");
}

#[tokio::test]
async fn a_limit_of_another_period_under_the_same_name_is_another_one_and_neither_is_given_back() {
    let fixture = Fixture::new().await;
    let (daily, monthly) = (["all 10 day key"], ["all 25 month key"]);
    install(&fixture, &daily);
    let key = live_key(&fixture, "one").await;
    assert_eq!(admitted(&fixture, &key, 4).await, 4);
    install(&fixture, &monthly);
    assert_eq!(admitted(&fixture, &key, 20).await, 20, "nobody is locked out by the day");
    install(&fixture, &daily);
    assert_eq!(admitted(&fixture, &key, 20).await, 6);
    install(&fixture, &monthly);
    assert_eq!(admitted(&fixture, &key, 20).await, 5);
    let fixture = fixture.restart().await;
    for limits in [&daily, &monthly] {
        install(&fixture, limits);
        assert_eq!(admitted(&fixture, &key, 20).await, 0);
    }
}
