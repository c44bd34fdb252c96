//! What was refused of late: of each key, and of those who came without one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bitting_core::address::Client;
use bitting_core::key::{KeyId, PlaintextKey};
use bitting_core::time::Timestamp;
use bitting_engine::{Clock as _, Inquiry, KeySpec, Presented, Scope};
use bitting_store::{KeyPatch, RefusedOf, RefusedQuery, RefusedRow};
use http::Method;

use super::fixture::{Fixture, outcome, patch, revoke};
use super::limiting::{admitted, install, live_key};
use super::stumbling::{Fault, Wrapped};

fn query(of: RefusedOf) -> RefusedQuery {
    RefusedQuery { api: "shop".into(), of, environment: None, reasons: Vec::new(), limit: 1_000 }
}

async fn refused(fixture: &Fixture, of: RefusedOf) -> Vec<RefusedRow> {
    fixture.engine.refused(query(of)).await.unwrap()
}

/// Rows as `TIMES reason wanted method route`.
fn words(rows: &[RefusedRow]) -> Vec<String> {
    let word = |row: &RefusedRow| {
        let request = &row.request;
        format!("{} {} {} {} {}", row.times, request.reason, request.wanted, request.method, request.route)
    };
    rows.iter().map(word).collect()
}

fn ask_from(fixture: &Fixture, method: &Method, path: &str, key: &[u8], client: Option<IpAddr>) -> String {
    let inquiry =
        Inquiry { scope: Scope::Api("shop"), method, path, presented: Presented::Key(key), client: client.map(Client::from) };
    outcome(&fixture.engine.decide_now(&inquiry).unwrap())
}

/// Has a second pass, and the engine see that. Of requests without a key it does not look at the clock for each.
fn pass_a_second(fixture: &Fixture) {
    fixture.clock.advance(Duration::from_secs(1));
    fixture.engine.now();
}

/// Asks, a second after whatever was asked before.
fn ask(fixture: &Fixture, method: &Method, path: &str, key: &PlaintextKey) -> String {
    pass_a_second(fixture);
    fixture.ask(method, path, key.expose().as_bytes())
}

async fn id_of(fixture: &Fixture, spec: KeySpec) -> (PlaintextKey, KeyId) {
    fixture.key_of("one", spec).await
}

#[tokio::test]
async fn a_key_is_told_what_it_lacked_on_which_route_from_where_and_how_often() {
    let fixture = Fixture::new().await;
    let (key, id) = id_of(&fixture, KeySpec::default()).await;
    let started = fixture.clock.now();
    for (method, path) in
        [(&Method::PUT, "/write"), (&Method::GET, "/refunds"), (&Method::GET, "/boss"), (&Method::PUT, "/write")]
    {
        assert_eq!(ask(&fixture, method, path, &key), "insufficient_permission");
    }
    assert_eq!(ask(&fixture, &Method::GET, "/things", &key), "admitted");
    let rows = refused(&fixture, RefusedOf::Key(id)).await;
    let expected = [
        "2 insufficient_permission things:write PUT * /write",
        "1 insufficient_permission boss GET * /boss",
        "1 insufficient_permission refunds GET * /refunds",
    ];
    assert_eq!(words(&rows), expected);
    let second = |after: u64| started.plus(Duration::from_secs(after));
    assert_eq!((rows[0].first, rows[0].last), (second(1), second(4)));
    assert_eq!(rows[0].request.address, Some([192, 0, 2, 1].into()));
    let bearer = rows[0].request.bearer.as_ref().unwrap();
    assert_eq!((bearer.key, bearer.account.as_str(), &*bearer.environment), (id, "one", "live"));
}

#[tokio::test]
async fn a_key_that_is_not_in_force_or_comes_from_elsewhere_is_refused_with_its_reason() {
    let fixture = Fixture::new().await;
    let (key, id) = id_of(&fixture, KeySpec::default()).await;
    let elsewhere = vec!["198.51.100.0/24".to_owned()].try_into().unwrap();
    let only_there = KeyPatch { allowed_addresses: Some(Some(elsewhere)), ..KeyPatch::default() };
    fixture.commit(patch(id, only_there)).await.unwrap();
    assert_eq!(ask(&fixture, &Method::GET, "/things", &key), "address_not_allowed");
    fixture.commit(revoke(id)).await.unwrap();
    assert_eq!(ask(&fixture, &Method::GET, "/write", &key), "revoked_key");
    let expected = ["1 revoked_key  GET * /write", "1 address_not_allowed  GET *"];
    assert_eq!(words(&refused(&fixture, RefusedOf::Account("one".parse().unwrap())).await), expected);
}

#[tokio::test]
async fn no_path_and_no_made_up_method_is_kept() {
    let fixture = Fixture::new().await;
    let (_, id) = id_of(&fixture, KeySpec::default()).await;
    let secret = "shop_live_secret";
    let method = Method::from_bytes(secret.to_uppercase().as_bytes()).unwrap();
    fixture.ask(&method, &format!("/{secret}"), b"garbage");
    fixture.ask(&Method::GET, &format!("//{secret}"), b"");
    let rows = refused(&fixture, RefusedOf::Keyless).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(!format!("{rows:?}").to_lowercase().contains(secret), "{rows:?}");
    assert_eq!(refused(&fixture, RefusedOf::Key(id)).await, []);
}

#[tokio::test]
async fn who_comes_without_a_known_key_is_kept_for_the_api() {
    let fixture = Fixture::new().await;
    let (unknown, garbage) = (fixture.issue(KeySpec::default()).key, b"shop_live_short");
    assert_eq!(ask(&fixture, &Method::GET, "/write", &unknown), "unknown_key");
    pass_a_second(&fixture);
    assert_eq!(ask_from(&fixture, &Method::GET, "/things", garbage, None), "malformed_key");
    pass_a_second(&fixture);
    assert_eq!(fixture.ask(&Method::POST, "/things", b""), "missing_key");
    fixture.ask(&Method::GET, "/public", b"");
    let rows = refused(&fixture, RefusedOf::Keyless).await;
    let expected = ["1 missing_key  POST *", "1 malformed_key  GET *", "1 unknown_key  GET * /write"];
    assert_eq!(words(&rows), expected);
    assert_eq!((rows[1].request.address, rows[2].request.address), (None, Some([192, 0, 2, 1].into())));
    assert_eq!(refused(&fixture, RefusedOf::Api).await, rows);
}

#[tokio::test]
async fn a_hit_of_a_limit_is_told_with_its_name_and_how_long_it_lasted() {
    let fixture = Fixture::new().await;
    install(&fixture, &["minute 3 minute key", "hour 5 hour account quota"]);
    let key = live_key(&fixture, "one").await;
    let started = fixture.clock.now();
    for _ in 0..5 {
        fixture.clock.advance(Duration::from_secs(1));
        admitted(&fixture, &key, 2).await;
        fixture.engine.write_usage_down().await.unwrap();
    }
    fixture.clock.advance(Duration::from_mins(2));
    assert_eq!(admitted(&fixture, &key, 4).await, 2);
    let rows = refused(&fixture, RefusedOf::Api).await;
    assert_eq!(words(&rows), ["2 quota_exceeded hour GET *", "7 rate_limited minute GET *"]);
    let hits = fixture.engine.limit_hits(query(RefusedOf::Api)).await.unwrap();
    let seconds = |at: Timestamp| at.since(started).as_secs();
    let hits: Vec<(&str, u64, u64, u64)> =
        hits.iter().map(|hit| (&*hit.limit, seconds(hit.from), seconds(hit.until), hit.refused)).collect();
    assert_eq!(hits, [("hour", 125, 125, 2), ("minute", 2, 5, 7)]);
}

#[tokio::test]
async fn an_attack_from_very_many_addresses_is_bounded_and_every_request_of_it_is_counted() {
    let fixture = Fixture::new().await;
    let (key, id) = id_of(&fixture, KeySpec::default()).await;
    let address = |number: u32| IpAddr::from((0x0A00_0000 + number).to_be_bytes());
    for round in 0..20 {
        for number in 0..1_000 {
            let client = Some(address(round * 1_000 + number));
            ask_from(&fixture, &Method::GET, "/things", b"garbage", client);
            ask_from(&fixture, &Method::GET, "/write", key.expose().as_bytes(), client);
        }
        fixture.clock.advance(Duration::from_secs(1));
        fixture.engine.write_usage_down().await.unwrap();
    }
    let of_key = refused(&fixture, RefusedOf::Key(id)).await;
    let keyless = refused(&fixture, RefusedOf::Keyless).await;
    for rows in [of_key, keyless] {
        assert_eq!((rows.len(), rows.iter().map(|row| row.times).sum::<u64>()), (6, 20_000));
        assert_eq!(rows.iter().filter(|row| row.request.address.is_none()).count(), 1);
    }
}

#[tokio::test]
async fn what_was_refused_is_kept_over_a_restart() {
    let fixture = Fixture::new().await;
    let (key, id) = id_of(&fixture, KeySpec::default()).await;
    ask(&fixture, &Method::GET, "/write", &key);
    let fixture = fixture.restart().await;
    ask(&fixture, &Method::GET, "/write", &key);
    let expected = ["2 insufficient_permission things:write GET * /write"];
    assert_eq!(words(&refused(&fixture, RefusedOf::Key(id)).await), expected);
}

#[tokio::test(start_paused = true)]
async fn refusals_that_cannot_be_written_are_written_later_and_never_twice() {
    let wrapped = Wrapped::default();
    let controls = wrapped.clone();
    let fixture = Fixture::through(|store| Arc::new(wrapped.around(store))).await;
    let (key, id) = id_of(&fixture, KeySpec::default()).await;
    for fault in [Some(Fault::Refused), None, Some(Fault::TakenButUnknown), Some(Fault::LostAndUnknown), None] {
        controls.set_fault(fault);
        ask(&fixture, &Method::GET, "/write", &key);
        assert_eq!(fixture.engine.write_usage_down().await.is_ok(), fault.is_none());
    }
    let expected = ["5 insufficient_permission things:write GET * /write"];
    assert_eq!(words(&refused(&fixture, RefusedOf::Key(id)).await), expected);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_forgotten_when_their_api_keeps_usage_no_longer() {
    let fixture = Fixture::new().await;
    let (key, id) = id_of(&fixture, KeySpec::default()).await;
    ask(&fixture, &Method::GET, "/write", &key);
    let days = async |days: u64| {
        fixture.clock.advance(Duration::from_hours(24 * days));
        fixture.pass_a_minute().await;
        refused(&fixture, RefusedOf::Key(id)).await.len()
    };
    assert_eq!((days(39).await, days(2).await), (1, 0));
}
