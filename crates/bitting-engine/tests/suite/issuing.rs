//! Making keys, and what a change must satisfy.

use std::sync::Arc;
use std::time::Duration;

use bitting_engine::{Clock, CommitError, InvalidChange, Issued, KeySpec, Overlap};
use bitting_store::KeyPatch;

use super::fixture::{Fixture, patch};

fn fields(error: CommitError) -> Vec<String> {
    let CommitError::Invalid(InvalidChange::Fields(violations)) = error else { panic!("{error}") };
    violations.into_iter().map(|violation| violation.field).collect()
}

#[tokio::test]
async fn a_key_is_issued_in_its_environments_format_and_shown_by_its_beginning() {
    let fixture = Fixture::new().await;
    let (live, id) = fixture.key(KeySpec::default()).await;
    let (test, _) = fixture.key(KeySpec { environment: Some("test".into()), ..KeySpec::default() }).await;
    assert!(live.expose().starts_with("shop_live_") && test.expose().starts_with("shop_test_"));
    let row = fixture.engine.store().key("shop", id).await.unwrap().unwrap();
    assert_eq!((row.environment.as_str(), row.account.as_str()), ("live", "default"));
    assert_eq!(row.prefix.len(), "shop_live_".len() + 4);
    assert!(live.expose().starts_with(&row.prefix));
}

#[tokio::test]
async fn everything_wrong_with_a_new_key_is_said_at_once() {
    let fixture = Fixture::new().await;
    let shop = Arc::clone(fixture.engine.apis().find("shop").unwrap());
    let spec = KeySpec {
        name: " ".into(),
        role: Some("emperor".into()),
        permissions: Some(vec!["things:read".parse().unwrap(), "things:fly".parse().unwrap()]),
        capabilities: vec!["flying".into()],
        expires_at: Some(fixture.clock.now()),
        allowed_addresses: Some(Vec::new().try_into().unwrap()),
        ..KeySpec::default()
    };
    let issued = spec.issue(&shop, fixture.clock.now()).unwrap();
    let wrong = fields(fixture.commit(issued.change).await.unwrap_err());
    assert_eq!(wrong, ["name", "role", "permissions", "capabilities", "allowed_addresses", "expires_at"]);
}

#[tokio::test]
async fn an_environment_that_does_not_exist_is_named_with_those_that_do() {
    let fixture = Fixture::new().await;
    let shop = Arc::clone(fixture.engine.apis().find("shop").unwrap());
    let spec = KeySpec { name: "x".into(), environment: Some("staging".into()), ..KeySpec::default() };
    let error = spec.issue(&shop, fixture.clock.now()).unwrap_err().to_string();
    assert!(error.contains("staging") && error.contains("live, test"), "{error}");
}

#[tokio::test]
async fn unknown_rights_cannot_be_given_later_either_but_can_be_switched_off() {
    let fixture = Fixture::new().await;
    let (_, id) = fixture.key(KeySpec::default()).await;
    let unknown = KeyPatch { role: Some(Some("emperor".into())), ..KeyPatch::default() };
    assert_eq!(fields(fixture.commit(patch(id, unknown)).await.unwrap_err()), ["role"]);
    let past = KeyPatch { expires_at: Some(Some(fixture.clock.now())), ..KeyPatch::default() };
    assert_eq!(fields(fixture.commit(patch(id, past)).await.unwrap_err()), ["expires_at"]);
    fixture.commit(super::fixture::switch(id, "no longer declared", false)).await.unwrap();
}

#[tokio::test]
async fn a_successor_lives_as_long_as_its_predecessor_was_made_to() {
    let fixture = Fixture::new().await;
    let period = Duration::from_hours(90 * 24);
    let (old, id) = fixture.key(KeySpec { expires_at: Some(fixture.clock.now().plus(period)), ..KeySpec::default() }).await;
    fixture.clock.advance(Duration::from_hours(80 * 24));
    let shop = Arc::clone(fixture.engine.apis().find("shop").unwrap());
    let row = fixture.engine.store().key("shop", id).await.unwrap().unwrap();
    let overlap = Duration::from_hours(24);
    let issued = Issued::successor(&shop, &row, Overlap::of(overlap), None, fixture.clock.now()).unwrap();
    let committed = fixture.commit(issued.change).await.unwrap();
    assert_eq!(committed.keys[0].row.expires_at, Some(fixture.clock.now().plus(period)));
    assert_eq!((fixture.get(&old), fixture.get(&issued.key)), ("admitted".into(), "admitted".into()));
    fixture.clock.advance(overlap);
    assert_eq!((fixture.get(&old), fixture.get(&issued.key)), ("expired_key".into(), "admitted".into()));
}
