//! Streams that are open: cut when their key would no longer be let through, and otherwise left alone.

use std::net::IpAddr;
use std::time::Duration;

use bitting_core::address::AddressList;
use bitting_core::api::{Api, OnRevoke, Streams};
use bitting_core::key::KeyId;
use bitting_engine::{Clock as _, Decision, Inquiry, KeySpec, OpenStream, Permit, Presented, Scope};
use bitting_store::{AccountPatch, Change, KeyPatch};
use futures_util::FutureExt as _;
use http::Method;

use super::fixture::{Fixture, apis, patch, rename, revoke, shop};
use super::importing::{OLD, import, imported, wide};

/// Somebody who is let through on a path.
fn permit(fixture: &Fixture, path: &str, key: &str) -> Permit {
    let inquiry = Inquiry {
        scope: Scope::Api("shop"),
        method: &Method::GET,
        path,
        presented: Presented::Key(key.as_bytes()),
        client: Some(client().into()),
    };
    match fixture.engine.decide_now(&inquiry).unwrap() {
        Decision::Permit(permit) => permit,
        Decision::Denial(denial) => panic!("{}", denial.reason()),
        Decision::Preflight(..) => panic!("this is no preflight"),
    }
}

fn client() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}

async fn open(fixture: &Fixture, path: &str, key: &str) -> OpenStream {
    fixture.engine.open_stream(permit(fixture, path, key), client()).await.unwrap()
}

/// Whether a stream is cut, by the time at which it must be.
async fn is_cut(stream: &OpenStream) -> bool {
    tokio::time::timeout(Duration::from_secs(1), stream.cut()).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn whatever_ends_a_key_cuts_its_streams_and_no_others() {
    let fixture = Fixture::new().await;
    let of_boss = || KeySpec { role: Some("boss".to_owned()), ..KeySpec::default() };
    let (other, _) = fixture.key_of("other", of_boss()).await;
    let others = open(&fixture, "/boss", other.expose()).await;
    let changes: [fn(KeyId) -> Change; 5] = [
        revoke,
        |id| patch(id, KeyPatch { enabled: Some(false), ..KeyPatch::default() }),
        |id| patch(id, KeyPatch { role: Some(Some("clerk".into())), ..KeyPatch::default() }),
        |id| {
            patch(id, KeyPatch { allowed_addresses: Some(AddressList::parse(["198.51.100.0/24"]).ok()), ..KeyPatch::default() })
        },
        |_| suspend("mine"),
    ];
    for change in changes {
        let (key, id) = fixture.key_of("mine", of_boss()).await;
        let stream = open(&fixture, "/boss", key.expose()).await;
        fixture.commit(rename(id, "another name")).await.unwrap();
        assert!(!is_cut(&stream).await);
        fixture.commit(change(id)).await.unwrap();
        assert!(is_cut(&stream).await);
    }
    assert!(!is_cut(&others).await);
}

fn suspend(account: &str) -> Change {
    let patch = AccountPatch { enabled: Some(false), ..AccountPatch::default() };
    Change::UpdateAccount { api: "shop".into(), account: account.parse().unwrap(), patch }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_cut_when_its_key_expires_though_nothing_is_changed() {
    let fixture = Fixture::new().await;
    let end = fixture.clock.now().plus(Duration::from_mins(1));
    let (key, _) = fixture.key(KeySpec { expires_at: Some(end), ..KeySpec::default() }).await;
    let stream = open(&fixture, "/things", key.expose()).await;
    fixture.clock.advance(Duration::from_millis(59_999));
    assert!(!is_cut(&stream).await);
    fixture.clock.advance(Duration::from_millis(1));
    assert!(is_cut(&stream).await);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_cut_when_the_configuration_loses_its_environment() {
    let fixture = Fixture::new().await;
    let (key, _) = fixture.key(KeySpec::default()).await;
    let stream = open(&fixture, "/things", key.expose()).await;
    let install = |environments: usize| {
        let mut api = shop(&fixture.names, &["clerk", "boss"]);
        api.environments.drain(..2 - environments);
        fixture.engine.install(apis(&fixture.names, vec![api]).unwrap()).unwrap();
    };
    install(2);
    assert!(!is_cut(&stream).await);
    install(1);
    assert!(is_cut(&stream).await);
}

#[tokio::test(start_paused = true)]
async fn a_change_between_the_decision_and_the_stream_is_not_missed() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    let permit = permit(&fixture, "/things", key.expose());
    fixture.commit(revoke(id)).await.unwrap();
    let stream = fixture.engine.open_stream(permit, client()).await.unwrap();
    // At once: nobody looks for it later.
    assert!(stream.cut().now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn nobody_watches_over_streams_without_a_key_or_where_streams_finish() {
    let fixture = Fixture::new().await;
    let (key, _) = fixture.key(KeySpec::default()).await;
    assert!(fixture.engine.open_stream(permit(&fixture, "/public", ""), client()).await.is_none());
    let streams = Streams { on_revoke: OnRevoke::Finish, ..Streams::default() };
    let api = Api { streams, ..shop(&fixture.names, &["clerk", "boss"]) };
    fixture.engine.install(apis(&fixture.names, vec![api]).unwrap()).unwrap();
    assert!(fixture.engine.open_stream(permit(&fixture, "/things", key.expose()), client()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_stream_of_an_imported_key_survives_that_the_key_finds_its_place() {
    let fixture = Fixture::new().await;
    let id = {
        let change = import([imported(1, wide(OLD))]);
        fixture.commit(change).await.unwrap().keys[0].row.id
    };
    let stream = open(&fixture, "/things", OLD).await;
    assert!(!is_cut(&stream).await);
    fixture.commit(revoke(id)).await.unwrap();
    assert!(is_cut(&stream).await);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_ended_is_forgotten() {
    let fixture = Fixture::new().await;
    let (key, _) = fixture.key(KeySpec::default()).await;
    let streams = [open(&fixture, "/things", key.expose()).await, open(&fixture, "/things", key.expose()).await];
    assert_eq!(fixture.engine.open_streams(), 2);
    drop(streams);
    assert_eq!(fixture.engine.open_streams(), 0);
}
