//! Keys that somebody else issued, exports and backups.

use bitting_core::key::{KeyHash, WideDigest};
use bitting_core::record::Sequence;
use bitting_store::{Change, ImportStanding, OwnerLock, Provenance, Refusal, SqliteStore, Store};

use super::Case;
use crate::fixture::{API, at, digest, entry, id, import, imported, new_key, revoke, rotate};

fn wide(number: u8) -> WideDigest {
    WideDigest::from_bytes([number; 64])
}

fn rehash(number: u8, to: u8) -> Change {
    Change::RehashKey { api: API.into(), key: id(number), digest: digest(to) }
}

pub(super) async fn imported_keys_come_with_their_accounts_in_one_commit(case: Case) {
    let mut expired = imported(3, KeyHash::Sha256(digest(3)));
    (expired.expires_at, expired.revoked_at, expired.enabled) = (Some(at(5)), Some(at(6)), false);
    let committed = case.append(50, import([imported(1, KeyHash::Sha256(digest(1))), expired])).await.unwrap();
    assert_eq!((committed.sequence, committed.keys.len(), committed.accounts.len()), (Sequence(1), 2, 1));
    let key = case.store.key(API, id(3)).await.unwrap().unwrap();
    assert_eq!((key.created_at, key.expires_at, key.revoked_at, key.enabled), (at(7), Some(at(5)), Some(at(6)), false));
    assert_eq!((key.created_by.as_str(), key.updated_at, key.sequence), ("cli:tester", at(50), Sequence(1)));
    let ring = case.ring().await;
    assert_eq!((ring.len(), ring[0].digest, ring[0].provenance.clone()), (2, digest(1), Provenance::Imported));
    let audit = case.store.audit(Sequence(0), 9).await.unwrap();
    assert_eq!((audit.len(), audit[0].action.as_str(), audit[0].subject.as_str()), (1, "keys.imported", "imp_1"));
    assert_eq!((&audit[0].after["count"], &audit[0].after["keys"][1]), (&2.into(), &id(3).to_string().into()));
    let events = case.store.events_after(0, 9).await.unwrap();
    assert_eq!((events.len(), events[0].kind.name(), &events[0].data["count"]), (1, "keys.imported", &2.into()));
    assert_eq!(events[0].data.get("keys"), None);
}

pub(super) async fn keys_that_are_there_are_skipped_and_stay_as_they_are(case: Case) {
    let (first, second) = (imported(1, KeyHash::Sha256(digest(1))), imported(2, KeyHash::Sha512(wide(2))));
    case.append(50, import([first.clone(), second.clone()])).await.unwrap();
    case.append(51, revoke(1)).await.unwrap();
    case.append(52, rehash(2, 7)).await.unwrap();
    // The same file once more, with ids of its own, and one key that is new.
    let again = |number, of: &bitting_store::ImportedKey| bitting_store::ImportedKey { id: id(number), ..of.clone() };
    let batch = [again(11, &first), again(12, &second), imported(3, KeyHash::Sha256(digest(3)))];
    let standings = case.store.standings(API, batch.iter().map(|key| (key.id, key.hash.clone())).collect()).await.unwrap();
    assert_eq!(standings, [ImportStanding::There, ImportStanding::There, ImportStanding::New]);
    let committed = case.append(53, import(batch.clone())).await.unwrap();
    assert_eq!(committed.keys.iter().map(|key| key.row.id).collect::<Vec<_>>(), [id(3)]);
    assert!(case.store.key(API, id(1)).await.unwrap().unwrap().revoked_at.is_some());
    assert_eq!(case.store.key_count().await.unwrap(), 3);
    let nothing = case.append(54, import(batch)).await.unwrap();
    assert!(nothing.keys.is_empty() && nothing.accounts.is_empty());
    assert_eq!(case.store.progress().await.unwrap().sequence, Sequence(4), "an import of nothing takes no number");
}

pub(super) async fn an_import_that_clashes_with_another_api_or_id_leaves_nothing_behind(case: Case) {
    let case = case.filled().await;
    let elsewhere = imported(9, KeyHash::Sha256(digest(1)));
    let Change::ImportKeys { import: name, keys, .. } = import([imported(8, KeyHash::Sha256(digest(8))), elsewhere]) else {
        unreachable!()
    };
    let change = Change::ImportKeys { api: "other".into(), import: name, keys };
    assert_eq!(case.append(50, change).await, Err(Refusal::KeyExists(id(9))));
    let taken = import([imported(7, KeyHash::Sha256(digest(7))), imported(1, KeyHash::Sha256(digest(6)))]);
    assert_eq!(case.append(51, taken).await, Err(Refusal::KeyExists(id(1))));
    // The same key twice in one import.
    let twins = import([imported(7, KeyHash::Sha256(digest(7))), imported(8, KeyHash::Sha256(digest(7)))]);
    assert_eq!(case.append(52, twins).await, Err(Refusal::KeyExists(id(8))));
    assert_eq!(case.store.key_count().await.unwrap(), 2);
    assert_eq!(case.store.account("other", &"importer".parse().unwrap()).await.unwrap(), None);
    let asked = vec![(id(9), KeyHash::Sha256(digest(1))), (id(1), KeyHash::Sha256(digest(6)))];
    let standings = case.store.standings("other", asked).await.unwrap();
    assert_eq!(standings, [ImportStanding::Elsewhere, ImportStanding::IdTaken]);
}

pub(super) async fn a_key_that_came_with_a_sha_512_is_known_by_its_sha_256_once_it_was_seen(case: Case) {
    case.append(50, import([imported(1, KeyHash::Sha512(wide(1)))])).await.unwrap();
    let before = case.ring().await.remove(0);
    assert_eq!((before.digest, before.provenance), (wide(1).half(), Provenance::Unseen(KeyHash::Sha512(wide(1)))));
    let committed = case.append(51, rehash(1, 7)).await.unwrap();
    assert_eq!(
        (committed.keys[0].digest, committed.keys[0].provenance.clone()),
        (digest(7), Provenance::Seen(KeyHash::Sha512(wide(1))))
    );
    let after = case.store.ring_key(id(1)).await.unwrap().unwrap();
    assert_eq!(
        (after.digest, after.provenance, after.sequence),
        (digest(7), Provenance::Seen(KeyHash::Sha512(wide(1))), Sequence(2))
    );
    let again = case.append(52, rehash(1, 8)).await.unwrap();
    assert_eq!((again.sequence, again.keys[0].digest), (Sequence(2), digest(7)), "the first sight counts");
    assert_eq!(case.append(53, rehash(9, 9)).await, Err(Refusal::NoSuchKey(id(9))));
}

pub(super) async fn a_revocation_holds_whether_a_key_is_seen_before_or_after_it(case: Case) {
    case.append(50, import([imported(1, KeyHash::Sha512(wide(1))), imported(2, KeyHash::Sha512(wide(2)))])).await.unwrap();
    case.append(51, revoke(1)).await.unwrap();
    case.append(52, rehash(1, 7)).await.unwrap();
    case.append(53, rehash(2, 8)).await.unwrap();
    case.append(54, revoke(2)).await.unwrap();
    let ring = case.ring().await;
    assert_eq!((ring[0].digest, ring[0].revoked), (digest(7), true));
    assert_eq!((ring[1].digest, ring[1].revoked), (digest(8), true));
}

pub(super) async fn a_sha_512_whose_key_is_there_by_its_sha_256_is_not_rehashed(case: Case) {
    let case = case.filled().await;
    case.append(50, import([imported(9, KeyHash::Sha512(wide(9)))])).await.unwrap();
    assert_eq!(case.append(51, rehash(9, 1)).await, Err(Refusal::KeyExists(id(9))));
    assert_eq!(case.store.ring_key(id(9)).await.unwrap().unwrap().digest, wide(9).half());
}

pub(super) async fn keys_are_exported_with_their_hashes_by_pages(case: Case) {
    let case = case.filled().await;
    case.append(50, import([imported(3, KeyHash::Sha256(digest(3))), imported(4, KeyHash::Sha512(wide(4)))])).await.unwrap();
    case.append(51, rotate(3, 5, None)).await.unwrap();
    let first = case.store.stored_keys(API, None, 3).await.unwrap();
    let second = case.store.stored_keys(API, Some(first[2].row.id), 3).await.unwrap();
    let hashes: Vec<KeyHash> = first.iter().chain(&second).map(bitting_store::StoredKey::hash).collect();
    let narrow = |number| KeyHash::Sha256(digest(number));
    assert_eq!(hashes, [narrow(1), narrow(2), narrow(3), KeyHash::Sha512(wide(4)), narrow(5)]);
    assert_eq!(second[1].provenance, Provenance::Issued, "what an imported key is rotated into was issued here");
    assert!(case.store.stored_keys("other", None, 9).await.unwrap().is_empty());
}

pub(super) async fn a_backup_holds_everything_of_its_moment_and_is_never_written_over(case: Case) {
    let case = case.filled().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.db");
    let bytes = case.store.back_up(path.clone()).await.unwrap();
    case.append(60, revoke(1)).await.unwrap();
    let metadata = path.metadata().unwrap();
    assert_eq!((metadata.len(), std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777), (bytes, 0o600));
    let error = case.store.back_up(path.clone()).await.unwrap_err();
    assert!(error.to_string().contains("already, and it stays as it is"), "{error}");
    let nowhere = case.store.back_up(folder.path().join("no/such/folder")).await.unwrap_err();
    assert!(nowhere.to_string().contains("cannot be written"), "{nowhere}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 1, "nothing is left of what failed");
    let copy = SqliteStore::open(OwnerLock::acquire(&path).unwrap()).unwrap();
    let copy: &dyn Store = &copy;
    assert_eq!(copy.progress().await.unwrap().sequence, Sequence(3));
    assert_eq!(copy.key(API, id(1)).await.unwrap().unwrap().revoked_at, None);
    assert_eq!(copy.audit(Sequence(0), 9).await.unwrap().len(), 3);
    copy.append(vec![entry(61, new_key(3, "acme"))]).await.unwrap().remove(0).unwrap();
}
