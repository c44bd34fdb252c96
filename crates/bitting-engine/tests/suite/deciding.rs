//! The order of the checks, each told by the first one that fails.

use std::sync::Arc;
use std::time::Duration;

use bitting_core::time::Timestamp;
use bitting_engine::{Clock, Inquiry, KeySpec, OtherNames, Presented, Scope};
use bitting_store::{AccountPatch, Change, KeyPatch};
use http::{HeaderMap, Method};

use super::fixture::{Fixture, apis, outcome, patch, revoke, shop, switch};

#[tokio::test]
async fn every_step_of_the_pipeline_refuses_for_its_own_reason() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    let good = key.expose();
    let cut = &good[..good.len() - 1];
    let unknown = fixture.issue(KeySpec::default()).key;
    for (path, key, expected) in [
        ("/public", "", "admitted"),
        ("/public", "garbage", "admitted"),
        ("/optional", "", "admitted"),
        ("/optional", "garbage", "foreign_key"),
        ("/optional", good, "admitted"),
        ("/closed", good, "not_found"),
        ("/things", "", "missing_key"),
        ("/things", "garbage", "foreign_key"),
        ("/things", cut, "malformed_key"),
        ("/things", unknown.expose(), "unknown_key"),
        ("/things", good, "admitted"),
        ("/write", good, "insufficient_permission"),
        ("/boss", good, "insufficient_permission"),
        ("/refunds", good, "insufficient_permission"),
        ("/things/../boss", good, "invalid_path"),
        ("/Boss", good, "invalid_path"),
    ] {
        assert_eq!(fixture.ask(&Method::GET, path, key.as_bytes()), expected, "{path} {}", key.len());
    }
    assert_eq!(fixture.ask(&Method::from_bytes(b"get").unwrap(), "/things", good.as_bytes()), "invalid_request");
    fixture.commit(revoke(id)).await.unwrap();
    assert_eq!(fixture.get(&key), "revoked_key");
    assert_eq!(fixture.ask(&Method::GET, "/public", good.as_bytes()), "admitted");
}

#[tokio::test]
async fn a_key_of_another_api_is_unknown() {
    let fixture = Fixture::new().await;
    let (key, _) = fixture.key(KeySpec::default()).await;
    // The same format under another name, so that the key gets as far as the look-up.
    let twin = bitting_core::api::Api { name: "twin".into(), ..shop(&fixture.names, &[]) };
    let twin = bitting_core::api::Api { id: fixture.names.intern(bitting_core::name::NameKind::Api, "twin"), ..twin };
    fixture.engine.install(apis(&fixture.names, vec![twin]).unwrap()).unwrap();
    let presented = Presented::Key(key.expose().as_bytes());
    let inquiry = Inquiry { scope: Scope::Api("twin"), method: &Method::GET, path: "/things", presented, client: None };
    assert_eq!(outcome(&fixture.engine.decide_now(&inquiry).unwrap()), "unknown_key");
}

#[tokio::test]
async fn rights_hold_from_the_very_next_request() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    let ask = |path| fixture.ask(&Method::POST, path, key.expose().as_bytes());
    let set = |patch_: KeyPatch| fixture.commit(patch(id, patch_));
    set(KeyPatch { permissions: Some(vec!["things:write".parse().unwrap()]), ..KeyPatch::default() }).await.unwrap();
    assert_eq!(ask("/write"), "admitted");
    set(KeyPatch { permissions: Some(vec!["things:read".parse().unwrap()]), ..KeyPatch::default() }).await.unwrap();
    assert_eq!(ask("/write"), "insufficient_permission");
    set(KeyPatch { role: Some(Some("boss".into())), ..KeyPatch::default() }).await.unwrap();
    assert_eq!(ask("/boss"), "admitted");
    set(KeyPatch { role: Some(Some("clerk".into())), ..KeyPatch::default() }).await.unwrap();
    assert_eq!(ask("/boss"), "insufficient_permission");
    fixture.commit(switch(id, "refunds", true)).await.unwrap();
    assert_eq!(ask("/refunds"), "admitted");
    fixture.commit(switch(id, "refunds", false)).await.unwrap();
    assert_eq!(ask("/refunds"), "insufficient_permission");
    set(KeyPatch { enabled: Some(false), ..KeyPatch::default() }).await.unwrap();
    assert_eq!(ask("/things"), "disabled_key");
    set(KeyPatch { enabled: Some(true), ..KeyPatch::default() }).await.unwrap();
    assert_eq!(ask("/things"), "admitted");
}

#[tokio::test]
async fn a_suspended_account_refuses_all_its_keys_at_once_and_no_others() {
    let fixture = Fixture::new().await;
    let account = |name: &str| KeySpec { account: Some(name.parse().unwrap()), ..KeySpec::default() };
    for name in ["acme", "other"] {
        let new = bitting_store::NewAccount { api: "shop".into(), id: name.parse().unwrap(), name: String::new(), plan: None };
        fixture.commit(Change::CreateAccount(new)).await.unwrap();
    }
    let (one, _) = fixture.key(account("acme")).await;
    let (two, _) = fixture.key(account("acme")).await;
    let (other, _) = fixture.key(account("other")).await;
    let set = |enabled| {
        let patch = AccountPatch { enabled: Some(enabled), ..AccountPatch::default() };
        fixture.commit(Change::UpdateAccount { api: "shop".into(), account: "acme".parse().unwrap(), patch })
    };
    set(false).await.unwrap();
    assert_eq!(
        (fixture.get(&one), fixture.get(&two), fixture.get(&other)),
        ("disabled_account".into(), "disabled_account".into(), "admitted".into())
    );
    set(true).await.unwrap();
    assert_eq!((fixture.get(&one), fixture.get(&two)), ("admitted".into(), "admitted".into()));
}

#[tokio::test]
async fn pa12_a_key_is_refused_from_its_expiry_on() {
    let fixture = Fixture::new().await;
    let end = fixture.clock.now().plus(Duration::from_mins(1));
    let (key, _) = fixture.key(KeySpec { expires_at: Some(end), ..KeySpec::default() }).await;
    fixture.clock.advance(Duration::from_millis(59_999));
    assert_eq!(fixture.get(&key), "admitted");
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(fixture.get(&key), "expired_key");
    fixture.clock.set(Timestamp::from_millis(super::fixture::START));
    assert_eq!(fixture.get(&key), "expired_key", "a clock that goes back revives nothing");
}

#[tokio::test]
async fn an_address_list_is_asked_before_rights() {
    let fixture = Fixture::new().await;
    let list = |network: &str| Some(vec![network.to_owned()].try_into().unwrap());
    let (here, _) = fixture.key(KeySpec { allowed_addresses: list("192.0.2.0/24"), ..KeySpec::default() }).await;
    let (there, _) = fixture.key(KeySpec { allowed_addresses: list("198.51.100.0/24"), ..KeySpec::default() }).await;
    assert_eq!(fixture.get(&here), "admitted");
    assert_eq!(fixture.ask(&Method::GET, "/boss", there.expose().as_bytes()), "address_not_allowed");
}

#[tokio::test]
async fn two_different_credentials_are_ambiguous() {
    let fixture = Fixture::new().await;
    let (one, _) = fixture.key(KeySpec::default()).await;
    let (two, _) = fixture.key(KeySpec::default()).await;
    let ask = |keys: &[&str]| {
        let mut headers = HeaderMap::new();
        for key in keys {
            headers.append("authorization", format!("Bearer {key}").parse().unwrap());
        }
        let presented = Presented::Request { headers: &headers, query: None };
        let inquiry = Inquiry { scope: Scope::Api("shop"), method: &Method::GET, path: "/things", presented, client: None };
        outcome(&fixture.engine.decide_now(&inquiry).unwrap())
    };
    assert_eq!(ask(&[one.expose()]), "admitted");
    assert_eq!(ask(&[one.expose(), one.expose()]), "admitted");
    assert_eq!(ask(&[one.expose(), two.expose()]), "ambiguous_credential");
    assert_eq!(ask(&[]), "missing_key");
}

#[tokio::test]
async fn a_role_that_vanishes_from_the_configuration_grants_nothing_until_it_comes_back() {
    let fixture = Fixture::new().await;
    let (key, _) = fixture.key(KeySpec { role: Some("boss".into()), ..KeySpec::default() }).await;
    let ask = |path| fixture.ask(&Method::GET, path, key.expose().as_bytes());
    let install = |roles: &[&str]| {
        let apis = apis(&fixture.names, vec![shop(&fixture.names, roles)]);
        fixture.engine.install(apis.unwrap()).unwrap();
    };
    assert_eq!((ask("/boss"), ask("/write")), ("admitted".into(), "admitted".into()));
    install(&["clerk", "chief"]);
    assert_eq!((ask("/write"), ask("/things")), ("insufficient_permission".into(), "admitted".into()));
    install(&["boss", "clerk"]);
    assert_eq!((ask("/boss"), ask("/write")), ("admitted".into(), "admitted".into()));
}

#[tokio::test]
async fn apis_that_were_compiled_with_other_names_are_not_installed() {
    let fixture = Fixture::new().await;
    let (key, _) = fixture.key(KeySpec::default()).await;
    let others = Arc::default();
    // The same text, and yet every number in them may mean something else.
    let apis = apis(&others, vec![shop(&others, &["clerk", "boss"])]).unwrap();
    assert_eq!(fixture.engine.install(apis), Err(OtherNames));
    assert!(Arc::ptr_eq(fixture.engine.apis().names(), &fixture.names));
    assert_eq!(fixture.get(&key), "admitted");
}
