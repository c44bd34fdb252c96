//! The chain of audit rows: whoever edits the file behind Bitting's back is found out.

use std::path::{Path, PathBuf};

use bitting_core::record::Sequence;
use bitting_store::{AuditChain as _, AuditFault, AuditHead, AuditVerdict, ChangeLog as _, OwnerLock, SqliteStore};
use rusqlite::Connection;

use crate::fixture::{entry, new_account, new_key, rename};

/// A store with five changes, closed.
async fn written() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bitting.db");
    let store = open(&path);
    store.append(vec![entry(1, new_account("acme")), entry(2, new_key(1, "acme"))]).await.unwrap();
    // A refusal in the middle takes no place in the chain.
    store.append(vec![entry(3, rename(1, "a")), entry(4, rename(9, "x")), entry(5, rename(1, "b"))]).await.unwrap();
    store.append(vec![entry(6, rename(1, "c"))]).await.unwrap();
    (folder, path)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(OwnerLock::acquire(path).unwrap()).unwrap()
}

fn edit(path: &Path, sql: &str) {
    assert!(Connection::open(path).unwrap().execute(sql, []).unwrap() > 0, "{sql}");
}

async fn verdict(path: &Path, kept: Option<AuditHead>) -> AuditVerdict {
    open(path).verify_audit(kept).await.unwrap()
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_whole_also_after_a_restart_and_in_a_backup() {
    let (folder, path) = written().await;
    let head = open(&path).audit_head().await.unwrap();
    let whole = verdict(&path, Some(head)).await;
    assert_eq!((whole.rows, whole.head, whole.fault), (5, head, None));
    let store = open(&path);
    store.append(vec![entry(7, rename(1, "d"))]).await.unwrap();
    assert_eq!(store.verify_audit(Some(head)).await.unwrap().fault, None, "an earlier head is still on the way");
    let backup = folder.path().join("backup.db");
    bitting_store::Archive::back_up(&store, backup.clone()).await.unwrap();
    assert_eq!(verdict(&backup, Some(head)).await.rows, 6);
}

#[tokio::test]
async fn each_way_to_tamper_is_found_and_said_where() {
    let (altered, missing) =
        (|number| AuditFault::Altered(Sequence(number)), |a, b| AuditFault::Missing(Sequence(a), Sequence(b)));
    for (sql, fault) in [
        ("UPDATE audit SET actor = 'cli:somebody' WHERE sequence = 3", altered(3)),
        ("UPDATE audit SET at = at + 1 WHERE sequence = 1", altered(1)),
        ("UPDATE audit SET after = replace(after, 'key 1', 'key 2') WHERE sequence = 2", altered(2)),
        ("UPDATE audit SET address = NULL WHERE sequence = 5", altered(5)),
        ("UPDATE audit SET address = '' || address || ' ' WHERE sequence = 4", altered(4)),
        ("UPDATE audit SET actor = 'cli:testerr', request_id = substr(request_id, 2) WHERE sequence = 2", altered(2)),
        ("UPDATE audit SET hash = zeroblob(32) WHERE sequence = 2", altered(2)),
        ("UPDATE audit SET hash = NULL WHERE sequence = 5", altered(5)),
        ("UPDATE audit SET hash = NULL", altered(1)),
        ("UPDATE progress SET audit_head = zeroblob(32)", altered(5)),
        ("UPDATE audit SET hash = x'00' WHERE sequence = 3", altered(3)),
        ("UPDATE audit SET actor = CAST(x'ff' AS TEXT) WHERE sequence = 4", altered(4)),
        ("UPDATE progress SET audit_head = x'00'", altered(5)),
        ("UPDATE progress SET audit_head = NULL", altered(5)),
        ("UPDATE audit SET api = 'other' WHERE sequence = 3", altered(3)),
        ("UPDATE audit SET action = 'key.updated' WHERE sequence = 1", altered(1)),
        ("UPDATE audit SET subject = 'acme' WHERE sequence = 2", altered(2)),
        ("UPDATE audit SET before = '{}' WHERE sequence = 4", altered(4)),
        ("UPDATE audit SET sequence = 6 WHERE sequence = 5", AuditFault::Added(6)),
        ("UPDATE audit SET sequence = -1 WHERE sequence = 3", AuditFault::Added(-1)),
        (
            "INSERT INTO audit SELECT 0, at, api, actor, request_id, action, subject, before, after, address, hash FROM audit \
          WHERE sequence = 5",
            AuditFault::Added(0),
        ),
        (
            "INSERT INTO audit SELECT 6, at, api, actor, request_id, action, subject, before, after, address, hash FROM audit \
          WHERE sequence = 5",
            AuditFault::Added(6),
        ),
        ("DELETE FROM audit WHERE sequence = 3", missing(2, 4)),
        ("DELETE FROM audit WHERE sequence = 1", missing(0, 2)),
        ("DELETE FROM audit WHERE sequence = 5", AuditFault::CutOff(Sequence(4), Sequence(5))),
        ("DELETE FROM audit", AuditFault::CutOff(Sequence(0), Sequence(5))),
    ] {
        let (_folder, path) = written().await;
        edit(&path, sql);
        assert_eq!(verdict(&path, None).await.fault, Some(fault), "{sql}");
    }
}

#[tokio::test]
async fn rows_that_have_changed_places_are_found() {
    let (_folder, path) = written().await;
    edit(&path, "UPDATE audit SET sequence = 99 WHERE sequence = 3");
    edit(&path, "UPDATE audit SET sequence = 3 WHERE sequence = 4");
    edit(&path, "UPDATE audit SET sequence = 4 WHERE sequence = 99");
    assert_eq!(verdict(&path, None).await.fault, Some(AuditFault::Altered(Sequence(3))));
}

#[tokio::test]
async fn a_row_that_lost_its_hash_is_still_without_it_after_the_next_start() {
    let (_folder, path) = written().await;
    edit(&path, "UPDATE audit SET actor = 'cli:somebody', hash = NULL WHERE sequence = 5");
    for _ in 0..2 {
        assert_eq!(verdict(&path, None).await.fault, Some(AuditFault::Altered(Sequence(5))));
    }
}

#[tokio::test]
async fn a_log_that_was_written_anew_is_another_than_the_head_that_was_kept() {
    let (folder, path) = written().await;
    let kept = open(&path).audit_head().await.unwrap();
    // Somebody who can write the file puts a log in its place in which a row says something else.
    drop(folder);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bitting.db");
    let again = vec![entry(1, new_account("acme")), entry(2, new_key(1, "acme")), entry(3, rename(1, "z"))];
    open(&path).append([again, vec![entry(5, rename(1, "b")), entry(6, rename(1, "c"))]].concat()).await.unwrap();
    assert_eq!(verdict(&path, None).await.fault, None, "alone it is whole");
    assert_eq!(verdict(&path, Some(kept)).await.fault, Some(AuditFault::OtherLog(Sequence(5))));
    let ahead = AuditHead { sequence: Sequence(7), ..kept };
    assert_eq!(verdict(&path, Some(ahead)).await.fault, Some(AuditFault::CutOff(Sequence(5), Sequence(7))));
}
