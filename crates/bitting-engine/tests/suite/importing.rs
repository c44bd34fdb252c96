//! Keys that somebody else issued.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bitting_core::dialect::Foreign;
use bitting_core::key::{KeyHash, KeyId, PresentedKey};
use bitting_engine::{Clock as _, CommitError, Inquiry, InvalidChange, KeySpec, Presented, Scope};
use bitting_store::{Change, ImportedKey, KeyPatch, Provenance};
use http::Method;
use serde_json::Map;

use super::fixture::{Fixture, apis, outcome, patch, revoke, shop};
use super::stumbling::{Fault, Wrapped};

pub(super) const OLD: &str = "a key that somebody else has made";

fn narrow(text: &str) -> KeyHash {
    KeyHash::Sha256(PresentedKey::of_imported(text.as_bytes()).unwrap().digest())
}

pub(super) fn wide(text: &str) -> KeyHash {
    KeyHash::Sha512(PresentedKey::of_imported(text.as_bytes()).unwrap().wide_digest())
}

pub(super) fn imported(number: u8, hash: KeyHash) -> ImportedKey {
    ImportedKey {
        id: KeyId::from_bytes([number; 16]),
        hash,
        prefix: String::new(),
        account: "importer".parse().unwrap(),
        name: "old".into(),
        description: String::new(),
        environment: "live".into(),
        role: None,
        permissions: Vec::new(),
        capabilities: Vec::new(),
        allowed_addresses: None,
        limits: BTreeMap::new(),
        metadata: Map::new(),
        enabled: true,
        created_at: None,
        expires_at: None,
        auto_renew: false,
        term_began_at: None,
        revoked_at: None,
    }
}

pub(super) fn import(keys: impl Into<Vec<ImportedKey>>) -> Change {
    Change::ImportKeys { api: "shop".into(), import: "imp_1".into(), keys: keys.into() }
}

fn ask(fixture: &Fixture, text: &str) -> String {
    fixture.ask(&Method::GET, "/things", text.as_bytes())
}

async fn provenance(fixture: &Fixture, number: u8) -> Provenance {
    fixture.engine.store().ring_key(KeyId::from_bytes([number; 16])).await.unwrap().unwrap().provenance
}

/// Waits until the writer has kept the SHA-256 of a key that was seen.
async fn wait_until_seen(fixture: &Fixture, number: u8) {
    while !matches!(provenance(fixture, number).await, Provenance::Seen(_)) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_imported_key_is_admitted_as_it_is_and_refused_when_it_is_revoked() {
    let fixture = Fixture::new().await;
    let prefixed = "shop_live_too-short";
    for text in [OLD, prefixed] {
        assert!(ask(&fixture, text).ends_with(if text == OLD { "foreign_key" } else { "malformed_key" }));
    }
    let keys = [imported(1, narrow(OLD)), imported(2, narrow(prefixed)), imported(3, wide("the third"))];
    fixture.commit(import(keys)).await.unwrap();
    for text in [OLD, prefixed, "the third"] {
        assert_eq!(ask(&fixture, text), "admitted", "{text}");
    }
    fixture.commit(revoke(KeyId::from_bytes([1; 16]))).await.unwrap();
    assert_eq!(ask(&fixture, OLD), "revoked_key");
    let fixture = fixture.restart().await;
    assert_eq!((ask(&fixture, OLD), ask(&fixture, prefixed)), ("revoked_key".into(), "admitted".into()));
}

#[tokio::test]
async fn what_is_not_among_the_imported_keys_is_refused_for_the_same_reason_as_without_them() {
    let fixture = Fixture::new().await;
    let (issued, _) = fixture.key(KeySpec::default()).await;
    fixture.commit(import([imported(1, narrow(OLD)), imported(2, wide("the second"))])).await.unwrap();
    assert_eq!(ask(&fixture, "garbage"), "foreign_key");
    assert_eq!(ask(&fixture, "shop_live_garbage"), "malformed_key");
    assert_eq!(ask(&fixture, &"x".repeat(PresentedKey::LONGEST_IMPORTED + 1)), "foreign_key");
    assert_eq!(fixture.get(&fixture.issue(KeySpec::default()).key), "unknown_key");
    assert_eq!(fixture.get(&issued), "admitted");
}

#[tokio::test]
async fn a_key_that_was_issued_in_a_format_of_before_is_not_revived_by_an_import() {
    let fixture = Fixture::new().await;
    let (issued, _) = fixture.key(KeySpec::default()).await;
    fixture.commit(import([imported(1, narrow(OLD))])).await.unwrap();
    let mut changed = shop(&fixture.names, &["clerk", "boss"]);
    changed.format = super::fixture::api("other", &fixture.names, &[]).format;
    fixture.engine.install(apis(&fixture.names, vec![changed]).unwrap()).unwrap();
    assert_eq!((fixture.get(&issued), ask(&fixture, OLD)), ("foreign_key".into(), "admitted".into()));
}

#[tokio::test]
async fn imported_keys_of_one_api_are_not_looked_for_in_another() {
    let fixture = Fixture::new().await;
    let change = Change::ImportKeys { api: "bitting".into(), import: "imp_1".into(), keys: vec![imported(1, narrow(OLD))] };
    fixture.commit(change).await.unwrap();
    assert_eq!(ask(&fixture, OLD), "foreign_key");
    fixture.commit(import([imported(2, narrow("another"))])).await.unwrap();
    assert_eq!((ask(&fixture, OLD), ask(&fixture, "another")), ("foreign_key".into(), "admitted".into()));
}

#[tokio::test]
async fn a_key_that_came_with_a_sha_512_is_found_by_its_sha_256_once_it_was_used() {
    let fixture = Fixture::new().await;
    fixture.commit(import([imported(1, wide(OLD)), imported(2, wide("unused"))])).await.unwrap();
    assert!(matches!(provenance(&fixture, 1).await, Provenance::Unseen(_)));
    assert_eq!(ask(&fixture, OLD), "admitted");
    wait_until_seen(&fixture, 1).await;
    assert_eq!((ask(&fixture, OLD), fixture.engine.status().keys), ("admitted".into(), 2));
    assert!(matches!(provenance(&fixture, 2).await, Provenance::Unseen(_)));
    let fixture = fixture.restart().await;
    assert_eq!((ask(&fixture, OLD), ask(&fixture, "unused")), ("admitted".into(), "admitted".into()));
}

#[tokio::test]
async fn a_revocation_holds_whether_the_key_was_used_before_or_not() {
    let fixture = Fixture::new().await;
    fixture.commit(import([imported(1, wide(OLD)), imported(2, wide("unused"))])).await.unwrap();
    assert_eq!(ask(&fixture, OLD), "admitted");
    wait_until_seen(&fixture, 1).await;
    for number in [1, 2] {
        fixture.commit(revoke(KeyId::from_bytes([number; 16]))).await.unwrap();
    }
    assert_eq!((ask(&fixture, OLD), ask(&fixture, "unused")), ("revoked_key".into(), "revoked_key".into()));
    let fixture = fixture.restart().await;
    assert_eq!((ask(&fixture, OLD), ask(&fixture, "unused")), ("revoked_key".into(), "revoked_key".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_never_unknown_while_its_sha_256_is_being_kept_and_never_admitted_after_its_revocation() {
    let fixture = Arc::new(Fixture::new().await);
    for number in 1..=40 {
        let text = format!("old key {number}");
        fixture.commit(import([imported(number, wide(&text))])).await.unwrap();
        let (stop, revoked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let user = {
            let (fixture, text, stop, revoked) = (Arc::clone(&fixture), text.clone(), Arc::clone(&stop), Arc::clone(&revoked));
            std::thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let is_revoked = revoked.load(Ordering::SeqCst);
                    let outcome = ask(&fixture, &text);
                    assert!(outcome == "revoked_key" || (outcome == "admitted" && !is_revoked), "{outcome}");
                }
            })
        };
        // Every other key is revoked while its first use may still be on its way.
        if number % 2 == 0 {
            wait_until_seen(&fixture, number).await;
        }
        fixture.commit(revoke(KeyId::from_bytes([number; 16]))).await.unwrap();
        revoked.store(true, Ordering::SeqCst);
        assert_eq!(ask(&fixture, &text), "revoked_key");
        stop.store(true, Ordering::SeqCst);
        user.join().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_use_that_could_not_be_kept_is_kept_later() {
    let wrapped = Wrapped::default();
    let controls = wrapped.clone();
    let fixture = Fixture::through(|store| Arc::new(wrapped.around(store))).await;
    fixture.commit(import([imported(1, wide(OLD))])).await.unwrap();
    controls.set_fault(Some(Fault::Refused));
    assert_eq!(ask(&fixture, OLD), "admitted");
    controls.wait_until_committed().await;
    controls.wait_until_committed().await;
    controls.set_fault(None);
    assert!(matches!(provenance(&fixture, 1).await, Provenance::Unseen(_)));
    assert_eq!(ask(&fixture, OLD), "admitted");
    controls.wait_until_committed().await;
    assert!(matches!(provenance(&fixture, 1).await, Provenance::Seen(_)));
}

#[tokio::test]
async fn an_import_of_which_nobody_knows_whether_it_was_written_is_read_again() {
    let wrapped = Wrapped::default();
    let controls = wrapped.clone();
    let fixture = Fixture::through(|store| Arc::new(wrapped.around(store))).await;
    controls.set_fault(Some(Fault::TakenButUnknown));
    assert!(matches!(fixture.commit(import([imported(1, wide(OLD))])).await, Err(CommitError::Store(_))));
    controls.set_fault(None);
    assert_eq!(ask(&fixture, OLD), "admitted");
}

#[tokio::test]
async fn an_imported_key_may_have_expired_but_must_fit_the_configuration() {
    let fixture = Fixture::new().await;
    let now = fixture.clock.now();
    let expired = ImportedKey { expires_at: Some(bitting_core::time::Timestamp::from_millis(5)), ..imported(1, narrow(OLD)) };
    fixture.commit(import([expired])).await.unwrap();
    assert_eq!(ask(&fixture, OLD), "expired_key");
    let wrong = ImportedKey {
        name: String::new(),
        environment: "staging".into(),
        role: Some("emperor".into()),
        capabilities: vec!["flying".into()],
        allowed_addresses: Some(Vec::new().try_into().unwrap()),
        created_at: Some(now.plus(std::time::Duration::from_secs(1))),
        prefix: "the whole key".into(),
        ..imported(3, narrow("the whole key"))
    };
    let twins = [imported(2, narrow("two")), wrong, imported(4, narrow("two"))];
    let Err(CommitError::Invalid(InvalidChange::Fields(violations))) = fixture.commit(import(twins)).await else { panic!() };
    let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
    let of_second = ["name", "prefix", "prefix", "environment", "role", "capabilities", "allowed_addresses", "created_at"];
    let expected = of_second.map(|field| format!("keys[1].{field}"));
    assert_eq!(fields[..8], expected.each_ref().map(String::as_str));
    assert_eq!(fields[8..], ["keys[2].hash"]);
    assert_eq!(ask(&fixture, "two"), "foreign_key", "nothing of it was written");
}

#[tokio::test]
async fn where_credentials_of_others_pass_an_imported_key_must_have_a_prefix_of_the_api() {
    let fixture = Fixture::new().await;
    let mut open = shop(&fixture.names, &["clerk", "boss"]);
    open.credentials.foreign = Foreign::Pass;
    fixture.engine.install(apis(&fixture.names, vec![open]).unwrap()).unwrap();
    let error = fixture.commit(import([imported(1, narrow(OLD))])).await.unwrap_err();
    assert!(error.to_string().contains("must begin with one of its prefixes"), "{error}");
    let text = "shop_live_old";
    let key = ImportedKey { prefix: "shop_live_".into(), ..imported(1, narrow(text)) };
    fixture.commit(import([key])).await.unwrap();
    fixture.commit(patch(KeyId::from_bytes([1; 16]), KeyPatch { enabled: Some(false), ..KeyPatch::default() })).await.unwrap();
    assert_eq!(ask(&fixture, text), "disabled_key");
}

#[tokio::test]
async fn nobody_but_bitting_itself_says_what_the_sha_256_of_a_key_is() {
    let fixture = Fixture::new().await;
    fixture.commit(import([imported(1, wide(OLD))])).await.unwrap();
    let KeyHash::Sha256(digest) = narrow("mine") else { unreachable!() };
    let change = Change::RehashKey { api: "shop".into(), key: KeyId::from_bytes([1; 16]), digest };
    assert!(matches!(fixture.commit(change).await, Err(CommitError::Invalid(_))));
}

/// A key of djangorestframework-api-key from before version 3, and what that keeps of it.
const SLOW: &str = "Ab12Cd34.4fK9sQ2mX7vB1nZ8pL5tR3wY6cH0jD";
const SLOW_HASH: &str = "pbkdf2_sha256$1000$Zr8mT1xq$ud2EK01xG2pmGmP+JwUzHPDrObGdyCh1IW39cJwMW5U=";

fn slow(number: u8) -> ImportedKey {
    imported(number, KeyHash::of_key_beginning("Ab12Cd34", SLOW_HASH).unwrap())
}

/// What becomes of a request that waits where it has to.
async fn ask_and_wait(fixture: &Fixture, text: &str) -> String {
    let scope = Scope::Api("shop");
    let presented = Presented::Key(text.as_bytes());
    outcome(&fixture.engine.decide(&Inquiry { scope, method: &Method::GET, path: "/things", presented, client: None }).await)
}

#[tokio::test]
async fn a_key_that_came_with_a_slow_hash_is_proven_once_and_found_by_its_sha_256_from_then_on() {
    let fixture = Fixture::new().await;
    fixture.commit(import([slow(1)])).await.unwrap();
    let waits = |text: &str| {
        let presented = Presented::Key(text.as_bytes());
        let inquiry = Inquiry { scope: Scope::Api("shop"), method: &Method::GET, path: "/things", presented, client: None };
        fixture.engine.decide_now(&inquiry).is_none()
    };
    assert!(waits(SLOW));
    let mistaken = SLOW.replace("4fK9", "4fK8");
    assert_eq!(ask_and_wait(&fixture, &mistaken).await, "foreign_key");
    assert!(matches!(provenance(&fixture, 1).await, Provenance::Unseen(_)));
    assert_eq!(ask_and_wait(&fixture, SLOW).await, "admitted");
    assert!(matches!(provenance(&fixture, 1).await, Provenance::Seen(_)));
    assert!(!waits(SLOW) && !waits(&mistaken), "nothing is left to prove");
    assert_eq!((ask(&fixture, SLOW), ask(&fixture, &mistaken)), ("admitted".into(), "foreign_key".into()));
    let fixture = fixture.restart().await;
    assert_eq!(ask(&fixture, SLOW), "admitted");
    fixture.commit(import([slow(2)])).await.unwrap();
    assert_eq!(fixture.engine.status().keys, 1, "the same key imported again is known again");
}

#[tokio::test]
async fn a_key_with_a_slow_hash_that_is_revoked_before_its_first_use_is_revoked() {
    let fixture = Fixture::new().await;
    fixture.commit(import([slow(1)])).await.unwrap();
    fixture.commit(revoke(KeyId::from_bytes([1; 16]))).await.unwrap();
    assert_eq!(ask_and_wait(&fixture, SLOW).await, "revoked_key");
    assert_eq!(ask(&fixture, SLOW), "revoked_key");
}

#[tokio::test]
async fn a_slow_hash_is_not_computed_for_more_callers_than_can_wait() {
    let fixture = Fixture::new().await;
    fixture.commit(import([slow(1)])).await.unwrap();
    let guesses: Vec<String> = (0..40).map(|number| format!("Ab12Cd34.guess{number}")).collect();
    let outcomes = futures_util::future::join_all(guesses.iter().map(|guess| ask_and_wait(&fixture, guess))).await;
    let count = |reason: &str| outcomes.iter().filter(|outcome| *outcome == reason).count();
    assert_eq!((count("foreign_key"), count("store_unavailable")), (16, 24));
}

#[tokio::test]
async fn a_first_use_whose_digest_cannot_be_kept_is_refused_for_now() {
    let wrapped = Wrapped::default();
    let controls = wrapped.clone();
    let fixture = Fixture::through(|store| Arc::new(wrapped.around(store))).await;
    fixture.commit(import([slow(1)])).await.unwrap();
    controls.set_fault(Some(Fault::Refused));
    assert_eq!(ask_and_wait(&fixture, SLOW).await, "store_unavailable");
    controls.set_fault(None);
    assert_eq!(ask_and_wait(&fixture, SLOW).await, "admitted");
}

#[tokio::test]
async fn a_key_of_which_only_the_long_token_was_kept_is_admitted_whole_and_in_one_form_from_then_on() {
    let fixture = Fixture::new().await;
    let KeyHash::Sha256(token) = narrow("51FwqftsmMDHHbJAMEXXHCgG") else { unreachable!() };
    fixture.commit(import([imported(1, KeyHash::LongToken(token))])).await.unwrap();
    assert_eq!(ask(&fixture, "51FwqftsmMDHHbJAMEXXHCgG"), "foreign_key");
    assert_eq!(ask(&fixture, "my_BRTRKFsL_51FwqftsmMDHHbJAMEXXHCgG"), "admitted");
    wait_until_seen(&fixture, 1).await;
    // A later change is answered when what the writer did before is in the ring.
    fixture.commit(import([imported(2, narrow("another"))])).await.unwrap();
    assert_eq!(ask(&fixture, "my_BRTRKFsL_51FwqftsmMDHHbJAMEXXHCgG"), "admitted");
    assert_eq!(ask(&fixture, "other_BRTRKFsL_51FwqftsmMDHHbJAMEXXHCgG"), "foreign_key");
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_proof_takes_is_not_taken_from_the_patience_for_a_limit() {
    let fixture = Fixture::planned().await;
    fixture.commit(import([slow(1)])).await.unwrap();
    // With time paused, waiting for another thread passes for any length of it.
    assert_eq!(ask_and_wait(&fixture, SLOW).await, "admitted");
}

#[tokio::test]
async fn a_key_whose_beginning_begins_like_another_keys_is_held_against_its_own_hash() {
    let fixture = Fixture::new().await;
    let shorter = imported(1, KeyHash::of_key_beginning("Ab", &SLOW_HASH.replace("Zr8m", "Zr8n")).unwrap());
    fixture.commit(import([shorter, slow(2)])).await.unwrap();
    assert_eq!(ask_and_wait(&fixture, SLOW).await, "admitted");
}
