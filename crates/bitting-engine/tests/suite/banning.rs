//! Who presents invalid keys again and again is held off, and nobody else is.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bitting_core::address::{AddressList, Client};
use bitting_core::api::Api;
use bitting_core::ban::{Ban, BanPolicy};
use bitting_core::event::EventKind;
use bitting_core::key::PlaintextKey;
use bitting_engine::{Clock as _, CommitError, Decision, Inquiry, KeySpec, Presented, Scope};
use bitting_store::{Actor, AuditFilter, EventFilter, EventRow, KeyPatch, Origin, Page};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::fixture::{Fixture, apis, outcome, patch, revoke, shop};
use super::stumbling::{Fault, Wrapped};

const STRANGER: &str = "203.0.113.7";

/// Five invalid keys within a minute, for five minutes.
fn usual() -> BanPolicy {
    BanPolicy {
        after: 5,
        within: Duration::from_mins(1),
        lasting: Duration::from_mins(5),
        exempt: AddressList::default(),
        covers_private: false,
        covers_undeclared_proxies: false,
    }
}

async fn banning(policy: BanPolicy) -> Fixture {
    let fixture = Fixture::new().await;
    install(&fixture, Some(policy));
    fixture
}

fn install(fixture: &Fixture, bans: Option<BanPolicy>) {
    let api = Api { bans, ..shop(&fixture.names, &["clerk", "boss"]) };
    fixture.engine.install(apis(&fixture.names, vec![api]).unwrap()).unwrap();
}

fn decide(fixture: &Fixture, client: Option<Client>, path: &str, key: &[u8]) -> Decision {
    let inquiry = Inquiry { scope: Scope::Api("shop"), method: &Method::GET, path, presented: Presented::Key(key), client };
    fixture.engine.decide_now(&inquiry).unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Asks for something that any good key may have.
fn ask(fixture: &Fixture, from: &str, key: &[u8]) -> String {
    outcome(&decide(fixture, Some(address(from).into()), "/things", key))
}

/// Asks with a damaged key, so many times. The last outcome.
fn fail(fixture: &Fixture, from: &str, times: usize) -> String {
    repeat(times, || ask(fixture, from, b"shop_live_damaged"))
}

/// The last of so many outcomes.
fn repeat(times: usize, ask: impl Fn() -> String) -> String {
    (1..times).for_each(|_| drop(ask()));
    ask()
}

fn bytes(key: &PlaintextKey) -> &[u8] {
    key.expose().as_bytes()
}

fn bans(fixture: &Fixture) -> Vec<Ban> {
    fixture.engine.bans(fixture.engine.apis().find("shop").unwrap())
}

fn banned(fixture: &Fixture) -> Vec<String> {
    bans(fixture).iter().map(|ban| ban.network.to_string()).collect()
}

#[tokio::test]
async fn malformed_unknown_and_revoked_keys_count_and_nothing_else_does() {
    let fixture = banning(usual()).await;
    let (revoked, id) = fixture.key(KeySpec::default()).await;
    fixture.commit(revoke(id)).await.unwrap();
    let unknown = fixture.issue(KeySpec::default()).key;
    for (host, key, reason) in [
        (1, &b"shop_live_damaged"[..], "malformed_key"),
        (2, bytes(&unknown), "unknown_key"),
        (3, bytes(&revoked), "revoked_key"),
    ] {
        let from = format!("203.0.113.{host}");
        for _ in 0..5 {
            assert_eq!(ask(&fixture, &from, key), reason);
        }
        assert_eq!(ask(&fixture, &from, key), "address_banned", "{reason}");
    }
    let (good, _) = fixture.key(KeySpec::default()).await;
    let (disabled, id) = fixture.key(KeySpec::default()).await;
    fixture.commit(patch(id, KeyPatch { enabled: Some(false), ..KeyPatch::default() })).await.unwrap();
    let end = Some(fixture.clock.now().plus(Duration::from_secs(1)));
    let (expired, _) = fixture.key(KeySpec { expires_at: end, ..KeySpec::default() }).await;
    let elsewhere = KeySpec { allowed_addresses: Some(AddressList::parse(["198.51.100.1"]).unwrap()), ..KeySpec::default() };
    let (bound, _) = fixture.key(elsewhere).await;
    fixture.clock.advance(Duration::from_secs(2));
    for (path, key, reason) in [
        ("/things", &b""[..], "missing_key"),
        ("/things", b"other_live_key", "foreign_key"),
        ("/things", bytes(&disabled), "disabled_key"),
        ("/things", bytes(&expired), "expired_key"),
        ("/things", bytes(&bound), "address_not_allowed"),
        ("/boss", bytes(&good), "insufficient_permission"),
        ("/a/../b", b"shop_live_damaged", "invalid_path"),
        ("/closed", b"shop_live_damaged", "not_found"),
        ("/public", b"shop_live_damaged", "admitted"),
    ] {
        for _ in 0..50 {
            assert_eq!(outcome(&decide(&fixture, Some(address(STRANGER).into()), path, key)), reason);
        }
    }
    assert_eq!(ask(&fixture, STRANGER, bytes(&good)), "admitted");
    assert_eq!(banned(&fixture), ["203.0.113.1", "203.0.113.2", "203.0.113.3"]);
}

#[tokio::test]
async fn a_good_key_from_a_banned_address_is_refused_and_clears_no_count() {
    let fixture = banning(usual()).await;
    let (good, _) = fixture.key(KeySpec::default()).await;
    fail(&fixture, STRANGER, 4);
    assert_eq!(ask(&fixture, STRANGER, bytes(&good)), "admitted");
    assert_eq!(fail(&fixture, STRANGER, 1), "malformed_key", "the fifth one is still told what is wrong with it");
    assert_eq!(ask(&fixture, STRANGER, bytes(&good)), "address_banned");
    assert_eq!(ask(&fixture, STRANGER, b""), "address_banned");
    assert_eq!(ask(&fixture, "203.0.113.8", bytes(&good)), "admitted", "from another address the key is as good as before");
}

#[tokio::test]
async fn a_ban_ends_at_its_moment_whatever_was_tried_meanwhile_and_says_when_that_is() {
    let fixture = banning(usual()).await;
    fail(&fixture, STRANGER, 5);
    let retry_after = || {
        let decision = decide(&fixture, Some(address(STRANGER).into()), "/things", b"shop_live_damaged");
        let Decision::Denial(denial) = decision else { panic!("{decision:?}") };
        let response = denial.response(bitting_engine::AnswerFor::default());
        (denial.reason().name(), response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned()))
    };
    assert_eq!(retry_after(), ("address_banned", Some("300".to_owned())));
    for _ in 0..299 {
        fixture.clock.advance(Duration::from_secs(1));
        assert_eq!(fail(&fixture, STRANGER, 20), "address_banned");
    }
    fixture.clock.advance(Duration::from_millis(999));
    assert_eq!(retry_after(), ("address_banned", Some("1".to_owned())));
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(retry_after(), ("malformed_key", None), "free, and counted anew");
    assert_eq!(fail(&fixture, STRANGER, 3), "malformed_key");
    assert!(bans(&fixture).is_empty());
    assert_eq!((fail(&fixture, STRANGER, 1), fail(&fixture, STRANGER, 1)), ("malformed_key".into(), "address_banned".into()));
}

#[tokio::test]
async fn public_routes_stay_open_to_a_banned_address_and_an_optional_key_is_no_public_route() {
    let fixture = banning(usual()).await;
    fail(&fixture, STRANGER, 5);
    let at = |path: &str| outcome(&decide(&fixture, Some(address(STRANGER).into()), path, b""));
    assert_eq!(
        (at("/public"), at("/optional"), at("/things")),
        ("admitted".into(), "address_banned".into(), "address_banned".into())
    );
}

#[tokio::test]
async fn ipv6_addresses_of_one_64_count_as_one_and_its_neighbours_do_not() {
    let fixture = banning(usual()).await;
    for host in 1..=5 {
        assert_eq!(fail(&fixture, &format!("2001:db8:1:2::{host}"), 1), "malformed_key");
    }
    assert_eq!(fail(&fixture, "2001:db8:1:2:ffff::1", 1), "address_banned");
    assert_eq!(fail(&fixture, "2001:db8:1:3::1", 1), "malformed_key");
    assert_eq!(banned(&fixture), ["2001:db8:1:2::/64"]);
    fail(&fixture, "::ffff:203.0.113.7", 5);
    assert_eq!(fail(&fixture, STRANGER, 1), "address_banned", "a mapped address is the IPv4 address");
}

#[tokio::test]
async fn nobody_is_banned_who_is_private_exempt_or_not_known() {
    let exempt = AddressList::parse(["198.51.100.0/24"]).unwrap();
    let fixture = banning(BanPolicy { exempt: exempt.clone(), ..usual() }).await;
    for from in ["127.0.0.1", "::1", "10.1.2.3", "192.168.7.7", "fe80::1", "fd00::7", "198.51.100.99"] {
        assert_eq!(fail(&fixture, from, 50), "malformed_key", "{from}");
    }
    for _ in 0..50 {
        assert_eq!(outcome(&decide(&fixture, None, "/things", b"shop_live_damaged")), "malformed_key");
    }
    assert!(bans(&fixture).is_empty());
    install(&fixture, Some(BanPolicy { covers_private: true, exempt, ..usual() }));
    assert_eq!(fail(&fixture, "127.0.0.1", 6), "address_banned");
    assert_eq!(fail(&fixture, "198.51.100.99", 50), "malformed_key");
}

/// The outcome of the last of so many requests with a damaged key and one more header.
fn forwarded(fixture: &Fixture, client: Client, name: &'static str, times: usize) -> String {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Bearer shop_live_damaged"));
    headers.insert(HeaderName::from_static(name), HeaderValue::from_static("192.0.2.1"));
    let presented = Presented::Request { headers: &headers, query: None };
    let inquiry = Inquiry { scope: Scope::Api("shop"), method: &Method::GET, path: "/things", presented, client: Some(client) };
    repeat(times, || outcome(&fixture.engine.decide_now(&inquiry).unwrap()))
}

#[tokio::test]
async fn a_proxy_is_never_banned_declared_or_not_and_whoever_it_names_is() {
    let fixture = banning(usual()).await;
    let proxy = address("203.0.113.250");
    for name in ["x-forwarded-for", "forwarded", "x-real-ip"] {
        assert_eq!(forwarded(&fixture, Client::Peer(proxy), name, 50), "malformed_key", "{name}");
    }
    assert_eq!(forwarded(&fixture, Client::Proxy(proxy), "x-forwarded-for", 50), "malformed_key");
    assert_eq!(forwarded(&fixture, Client::Named(address("203.0.113.9")), "x-forwarded-for", 6), "address_banned");
    // What comes from the proxy's machine itself does not hit those who come through it.
    assert_eq!(forwarded(&fixture, Client::Peer(proxy), "accept", 6), "address_banned");
    assert_eq!(forwarded(&fixture, Client::Peer(proxy), "x-forwarded-for", 1), "malformed_key");
    install(&fixture, Some(BanPolicy { covers_undeclared_proxies: true, ..usual() }));
    assert_eq!(forwarded(&fixture, Client::Peer(address("203.0.113.251")), "x-forwarded-for", 6), "address_banned");
}

#[tokio::test]
async fn a_new_configuration_finds_the_bans_and_says_whom_they_hold() {
    let fixture = banning(usual()).await;
    fail(&fixture, STRANGER, 5);
    install(&fixture, Some(BanPolicy { after: 50, ..usual() }));
    assert_eq!(fail(&fixture, STRANGER, 1), "address_banned");
    install(&fixture, Some(BanPolicy { exempt: AddressList::parse([STRANGER]).unwrap(), ..usual() }));
    assert_eq!(fail(&fixture, STRANGER, 1), "malformed_key");
    install(&fixture, None);
    assert_eq!(fail(&fixture, STRANGER, 50), "malformed_key");
}

fn origin() -> Origin {
    Origin { actor: Actor::CommandLine("op".to_owned()), request_id: "req_1".to_owned(), address: None }
}

async fn lift(fixture: &Fixture, network: &str) -> Result<Option<Ban>, CommitError> {
    let apis = fixture.engine.apis();
    fixture.engine.lift_ban(apis.find("shop").unwrap(), network.parse().unwrap(), origin()).await
}

#[tokio::test]
async fn a_ban_is_lifted_by_hand_once_and_that_is_on_record() {
    let fixture = banning(usual()).await;
    fail(&fixture, STRANGER, 5);
    fail(&fixture, "2001:db8::7", 5);
    assert_eq!(lift(&fixture, STRANGER).await.unwrap().unwrap().failures, 5);
    assert_eq!(lift(&fixture, STRANGER).await.unwrap(), None);
    assert_eq!(lift(&fixture, "198.51.100.1").await.unwrap(), None);
    assert_eq!(banned(&fixture), ["2001:db8::/64"]);
    assert_eq!(fail(&fixture, STRANGER, 4), "malformed_key", "counting begins anew");
    assert_eq!(lift(&fixture, "2001:db8::ffff").await.unwrap().unwrap().network.to_string(), "2001:db8::/64");
    let filter = AuditFilter { action: Some("ban.lifted".to_owned()), ..AuditFilter::default() };
    let rows = fixture.engine.store().audit_log("shop", filter, Page { after: None, limit: 10 }).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (&*row.subject, &*row.actor, row.after.is_null())).collect();
    assert_eq!(told, [("2001:db8::/64", "cli:op", true), (STRANGER, "cli:op", true)]);
    assert_eq!(rows[1].before["since"], serde_json::json!(fixture.clock.now()));
}

#[tokio::test]
async fn a_ban_whose_end_cannot_be_written_down_goes_on() {
    let wrapped = Wrapped::default();
    let fixture = Fixture::through(|store| Arc::new(wrapped.clone().around(store))).await;
    install(&fixture, Some(usual()));
    fail(&fixture, STRANGER, 5);
    wrapped.set_fault(Some(Fault::Refused));
    assert!(lift(&fixture, STRANGER).await.is_err());
    assert_eq!(fail(&fixture, STRANGER, 1), "address_banned");
    wrapped.set_fault(None);
    assert!(lift(&fixture, STRANGER).await.unwrap().is_some());
    assert_eq!(fail(&fixture, STRANGER, 1), "malformed_key");
}

#[tokio::test]
async fn whoever_asked_for_the_end_of_a_ban_need_not_wait_for_it() {
    let wrapped = Wrapped::default();
    let fixture = Fixture::through(|store| Arc::new(wrapped.clone().around(store))).await;
    install(&fixture, Some(usual()));
    fail(&fixture, STRANGER, 5);
    let held = wrapped.hold_answers();
    tokio::select! {
        biased;
        _ = lift(&fixture, STRANGER) => panic!("its answer is held"),
        () = wrapped.wait_until_committed() => {}
    }
    drop(held);
    // The writer answers in order.
    fixture.key(KeySpec::default()).await;
    assert_eq!(fail(&fixture, STRANGER, 1), "malformed_key");
}

async fn events(fixture: &Fixture) -> Vec<EventRow> {
    fixture.engine.write_usage_down().await.unwrap();
    let filter = EventFilter { kinds: vec![EventKind::AddressBanned], ..EventFilter::default() };
    fixture.engine.store().events("shop", filter, Page { after: None, limit: 1_000 }).await.unwrap()
}

#[tokio::test]
async fn a_ban_is_told_with_its_address_and_goes_on_with_the_next_one_of_the_same() {
    let fixture = banning(usual()).await;
    fail(&fixture, STRANGER, 5);
    let first = fixture.clock.now();
    let told = events(&fixture).await;
    assert_eq!(told.len(), 1);
    let data =
        serde_json::json!({"address": STRANGER, "since": first, "until": first.plus(Duration::from_mins(5)), "failures": 5});
    assert_eq!((&told[0].data, told[0].count, told[0].at), (&data, 1, first));
    fixture.clock.advance(Duration::from_mins(6));
    fail(&fixture, STRANGER, 5);
    let told = events(&fixture).await;
    assert_eq!((told.len(), told[0].count, told[0].at, told[0].last_at), (1, 2, first, fixture.clock.now()));
}

/// What the process holds of the machine's memory, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
}

/// How many attack at once: more than are remembered. The benchmark `memory_under_attack` does the same with a million.
const ATTACKERS: u32 = 200_000;

#[tokio::test(start_paused = true)]
async fn an_attack_from_more_addresses_than_are_remembered_takes_little_memory_and_makes_a_handful_of_events() {
    let fixture = banning(BanPolicy { after: 2, ..usual() }).await;
    fail(&fixture, STRANGER, 2);
    let before = resident();
    let attack = |number: u32, times: usize| {
        let client = Some(IpAddr::from(Ipv4Addr::from(0x0B00_0000 + number)).into());
        repeat(times, || outcome(&decide(&fixture, client, "/things", b"shop_live_damaged")))
    };
    for number in 0..ATTACKERS {
        attack(number, 1);
    }
    // Others go on until they are banned.
    for number in ATTACKERS..ATTACKERS + 60_000 {
        attack(number, 2);
    }
    let last = ATTACKERS + 59_999;
    assert_eq!(attack(last, 1), "address_banned");
    let taken = resident().saturating_sub(before);
    assert!(taken < 30 << 20, "{taken}");
    assert_eq!(bans(&fixture).len(), 50_000);
    let told = events(&fixture).await;
    assert_eq!(told.len(), 21);
    assert_eq!((&told[0].data["address"], told[0].count), (&serde_json::Value::Null, 60_001 - 20));
    for _ in 0..6 {
        fixture.pass_a_minute().await;
    }
    assert!(bans(&fixture).is_empty());
    assert_eq!(attack(last, 1), "malformed_key");
}
