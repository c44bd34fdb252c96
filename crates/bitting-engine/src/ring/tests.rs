//! The ring by itself.

use std::collections::BTreeMap;

use bitting_core::key::KeyHash;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_store::{Actor, Change, ChangeLog, Conditions, Entry, NewKey, Origin, OwnerLock, SqliteStore};

use super::*;

/// The `number`th key, as commit `sequence` left it.
fn row(number: u8, sequence: u64) -> RingRow {
    RingRow {
        digest: Digest::from_bytes([number; 32]),
        provenance: Provenance::Issued,
        id: KeyId::new(Timestamp::from_millis(0), u128::from(number)),
        api: "shop".to_owned(),
        account: "acme".parse().unwrap(),
        environment: "live".to_owned(),
        rights: "[null, [], []]".to_owned(),
        allowed_addresses: None,
        limits: BTreeMap::new(),
        enabled: true,
        revoked: false,
        expires_at: None,
        sequence: Sequence(sequence),
    }
}

fn standing(ring: &Ring, number: u8) -> KeyStanding {
    ring.records.pin().get(&Digest::from_bytes([number; 32])).unwrap().standing
}

/// A store with the first keys, all of one account.
async fn store_of(count: u8, folder: &std::path::Path) -> SqliteStore {
    let store = SqliteStore::open(OwnerLock::acquire(&folder.join("bitting.db")).unwrap()).unwrap();
    let entry = |number| {
        let RingRow { id, digest, api, account, environment, .. } = row(number, 1);
        let new = NewKey {
            api,
            id,
            digest,
            prefix: String::new(),
            account,
            create_account: true,
            name: String::new(),
            description: String::new(),
            environment,
            role: None,
            permissions: Vec::new(),
            capabilities: Vec::new(),
            allowed_addresses: None,
            limits: BTreeMap::new(),
            metadata: serde_json::Map::new(),
            expires_at: None,
            auto_renew: false,
            account_limit: None,
        };
        let change = Change::CreateKey(Box::new(new));
        let origin = Origin { actor: Actor::System, request_id: String::new(), address: None };
        Entry { change, origin, conditions: Conditions::default(), at: Timestamp::from_millis(0) }
    };
    for answer in store.append((0..count).map(entry).collect()).await.unwrap() {
        answer.unwrap();
    }
    store
}

#[tokio::test]
async fn keys_are_all_loaded_however_many_pages_they_fill() {
    for (count, page_size) in [(0, 7), (6, 7), (7, 7), (21, 7), (50, 7), (50, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let store = store_of(count, folder.path()).await;
        let ring = Ring::new(Arc::default(), 1);
        ring.load(&store, page_size).await.unwrap();
        assert_eq!((ring.len(), ring.is_loaded()), (count.into(), true), "{count} keys, {page_size} a page");
        assert!((0..count).all(|number| standing(&ring, number) == KeyStanding::Active));
    }
}

#[test]
fn a_ring_that_was_not_loaded_is_not_trusted() {
    let ring = Ring::new(Arc::default(), 1);
    assert!(ring.trusted().is_err());
    ring.loaded.store(true, Ordering::Release);
    assert!(ring.trusted().is_ok_and(|trusted| trusted.find(&Digest::from_bytes([1; 32])).is_none()));
}

#[test]
fn states_of_a_key_that_arrive_in_any_order_leave_the_latest() {
    let mut states = [row(1, 1), RingRow { enabled: false, ..row(1, 2) }, row(1, 3), RingRow { revoked: true, ..row(1, 4) }];
    for turn in 0..states.len() {
        states.rotate_left(1);
        let ring = Ring::new(Arc::default(), 1);
        for state in &states {
            ring.apply(state);
        }
        assert_eq!((standing(&ring, 1), ring.len()), (KeyStanding::Revoked, 1), "turn {turn}");
    }
}

#[test]
fn keys_in_doubt_among_many_are_found_and_no_others() {
    let ring = Ring::new(Arc::default(), 1);
    for number in 0..100 {
        ring.apply(&row(number, 1));
    }
    let gone = row(200, 1).id;
    ring.doubt_keys(&HashSet::from([row(17, 1).id, row(99, 1).id, gone]));
    for number in 0..100 {
        let expected = if [17, 99].contains(&number) { KeyStanding::InDoubt } else { KeyStanding::Active };
        assert_eq!(standing(&ring, number), expected, "{number}");
    }
}

#[test]
fn imported_keys_are_looked_for_only_where_there_are_some_or_nobody_knows_yet() {
    let wide = bitting_core::key::WideDigest::from_bytes([7; 64]);
    let came_with = || KeyHash::Sha512(wide);
    let presented = PresentedKey::of_imported(b"a key").unwrap();
    let ring = Ring::new(Arc::default(), 1);
    let api = ring.names.intern(NameKind::Api, "shop");
    let places = || ring.imports.places(api, "shop", &presented).len();
    assert!(ring.may_hold_imports(api), "not everything is loaded");
    ring.loaded.store(true, Ordering::Release);
    ring.apply(&row(1, 1));
    assert!(!ring.may_hold_imports(api));
    ring.apply(&RingRow { provenance: Provenance::Unseen(came_with()), digest: wide.half(), ..row(2, 2) });
    assert!(ring.may_hold_imports(api) && places() == 1);
    assert!(!ring.may_hold_imports(ring.names.intern(NameKind::Api, "other")));
    // A change that leaves it where it is counts it once.
    ring.apply(&RingRow { provenance: Provenance::Unseen(came_with()), digest: wide.half(), revoked: true, ..row(2, 3) });
    ring.apply(&RingRow { provenance: Provenance::Seen(came_with()), revoked: true, ..row(2, 4) });
    assert!(ring.may_hold_imports(api) && places() == 0);
    assert_eq!((standing(&ring, 2), ring.len()), (KeyStanding::Revoked, 2));
}
