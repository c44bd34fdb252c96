//! How the SQLite store opens, and how it says that it cannot.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bitting_core::record::Sequence;
use bitting_store::{
    Ages, BusyQuery, ChangeLog, Count, Holder, Journal, KeyFilter, KeyReader, LastUse, MeterLog, OverviewQuery, OverviewReader,
    OwnerLock, Page, Part, Purchase, RingSource, SortBy, SqliteStore, StoreError, StoreErrorKind, Tally, UsageBatch, View,
    Whose, Window,
};
use rusqlite::Connection;

use super::fixture::{API, at, entry, id, new_account};

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(OwnerLock::acquire(path)?)
}

fn refusal(path: &Path) -> (StoreErrorKind, String) {
    let error = open(path).unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn the_live_writer_waits_for_the_disk_at_each_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("bitting.db")).unwrap();
    // 2 is FULL: in WAL mode only that syncs the log at each commit.
    assert_eq!(store.durability().await.unwrap(), ("wal".to_owned(), 2));
    store.append(vec![entry(1, new_account("acme"))]).await.unwrap().remove(0).unwrap();
    assert_eq!(store.durability().await.unwrap(), ("wal".to_owned(), 2));
}

#[tokio::test]
async fn a_store_is_made_with_its_folder_and_readable_by_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/bitting.db");
    let store = open(&path).unwrap();
    store.append(vec![entry(1, new_account("acme"))]).await.unwrap().remove(0).unwrap();
    let mut seen = 0;
    for file in path.parent().unwrap().read_dir().unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.path());
        seen += 1;
    }
    assert!(seen >= 3, "database, log and lock");
    assert_eq!(path.parent().unwrap().metadata().unwrap().permissions().mode() & 0o077, 0);
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bitting.db");
    let store = open(&path).unwrap();
    store.append(vec![entry(1, new_account("acme"))]).await.unwrap().remove(0).unwrap();
    drop(store);
    assert_eq!(open(&path).unwrap().progress().await.unwrap().sequence.0, 1);
}

#[test]
fn a_second_owner_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bitting.db");
    let first = open(&path).unwrap();
    let (kind, message) = refusal(&path);
    assert_eq!(kind, StoreErrorKind::Owned);
    assert!(message.contains("another process owns the store") && message.contains("bitting.db"), "{message}");
    drop(first);
    open(&path).unwrap();
}

#[test]
fn a_directory_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let (kind, message) = refusal(folder.path());
    assert_eq!(kind, StoreErrorKind::Unusable);
    assert!(message.contains("is a directory"), "{message}");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let notes = "these are my notes and nothing else".repeat(100);
    std::fs::write(&path, &notes).unwrap();
    let (kind, message) = refusal(&path);
    assert_eq!(kind, StoreErrorKind::Unusable);
    assert!(message.contains("notes.txt") && message.contains("not an SQLite database"), "{message}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
}

#[test]
fn another_programs_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bookmarks.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE bookmark (url TEXT)").unwrap();
    let (kind, message) = refusal(&path);
    assert_eq!(kind, StoreErrorKind::Unusable);
    assert!(message.contains("another program"), "{message}");
    let tables: i64 =
        Connection::open(&path).unwrap().query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_store_of_a_newer_version_is_refused_with_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bitting.db");
    drop(open(&path).unwrap());
    let newer = "INSERT INTO refinery_schema_history VALUES (999, 'from_the_future', '2030-01-01T00:00:00Z', '1')";
    Connection::open(&path).unwrap().execute(newer, []).unwrap();
    let (kind, message) = refusal(&path);
    assert_eq!(kind, StoreErrorKind::TooNew);
    let known = schema::migrations::runner().get_migrations().iter().map(refinery::Migration::version).max().unwrap();
    assert!(message.contains(&format!("its schema is 999, this version knows {known}")), "{message}");
}

mod schema {
    refinery::embed_migrations!("src/sqlite/migrations");
}

/// A store as an earlier version made it.
fn of_version(version: i32, path: &Path) -> Connection {
    let mut old = Connection::open(path).unwrap();
    schema::migrations::runner().set_target(refinery::Target::Version(version)).run(&mut old).unwrap();
    old.pragma_update(None, "application_id", 0x4269_7474).unwrap();
    old
}

#[tokio::test]
async fn a_store_of_the_first_version_is_brought_up_to_date_with_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bitting.db");
    let old = of_version(1, &path);
    let rows = "INSERT INTO account VALUES ('csboard', 'acme', '', 1, 0, 0, 1);
         INSERT INTO api_key VALUES (x'00000000000000000000000000000007', zeroblob(32), 'csboard', 'acme', 'live', \
         '[null,[\"a:read\",\"a:write\"],[]]', NULL, 1, NULL, NULL, 2, 'old', '', 'csb_', '{}', 0, 'system', 0, NULL, NULL);
         INSERT INTO audit VALUES (2, 0, 'csboard', 'system', '', 'key.created', 'x', 'null', 'null');";
    old.execute_batch(rows).unwrap();
    drop(old);
    let store = open(&path).unwrap();
    let filter = KeyFilter { permission: Some("a:write".parse().unwrap()), ..KeyFilter::default() };
    let found = store.keys("csboard", filter, Page { after: None, limit: 9 }).await.unwrap();
    assert_eq!((found.len(), found[0].name.as_str()), (1, "old"));
    assert_eq!((found[0].limits.len(), store.ring_accounts().await.unwrap()[0].plan.as_deref()), (0, None));
    assert_eq!(store.audit(Sequence(0), 9).await.unwrap()[0].address, None);
}

#[tokio::test]
async fn a_store_from_before_lists_for_people_is_listed_with_the_last_uses_and_the_usage_that_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bitting.db");
    let old = of_version(6, &path);
    let rows = "INSERT INTO account (api, id, name, enabled, created_at, updated_at, sequence) VALUES ('csboard', 'acme', '', 1, 0, 0, 1);
         INSERT INTO api_key (id, digest, api, account, environment, rights, enabled, sequence, name, description, prefix, metadata, \
         created_at, created_by, updated_at, revoked_at) VALUES
         (x'00000000000000000000000000000007', zeroblob(32), 'csboard', 'acme', 'live', '[null,[],[]]', 1, 2, 'used', '', '', '{}', 0, '', 0, NULL),
         (x'00000000000000000000000000000008', zeroblob(31), 'csboard', 'acme', 'live', '[null,[],[]]', 1, 2, 'ended', '', '', '{}', 0, '', 0, 9);
         INSERT INTO last_use VALUES (x'00000000000000000000000000000007', 7776000000, NULL);
         INSERT INTO meter_name VALUES (1, 'csboard'), (2, 'live'), (3, 'GET /a'), (4, 'admitted');
         INSERT INTO meter_holder VALUES (1, 1, x'6B00000000000000000000000000000007', 2), (2, 1, x'', 2);
         INSERT INTO usage VALUES (1, 40, 1, x'0304020000C801'), (1, 40, 2, x'0304020000C801');";
    old.execute_batch(rows).unwrap();
    drop(old);
    let store = open(&path).unwrap();
    let account = Some("acme".parse().unwrap());
    let query = OverviewQuery {
        api: API.into(),
        account,
        environment: None,
        search: None,
        view: View::Unused,
        sort: SortBy::Name.usual(),
        part: Part::First,
        limit: 9,
        ages: Ages::default(),
        now: at(2 * 7_776_000_000),
    };
    let list = store.overview(query).await.unwrap();
    assert_eq!((list.keys.len(), list.keys[0].row.name.as_str()), (1, "used"));
    assert_eq!((list.counts.all, list.counts.revoked), (Count::exactly(2), Count::exactly(1)));
    let query =
        BusyQuery { api: API.into(), account: None, environment: None, from: at(0), until: at(7_776_000_000), limit: 9 };
    for _ in 0..2 {
        let busy = store.busiest_keys(query.clone()).await.unwrap();
        assert_eq!((busy.len(), busy[0].key, busy[0].sums.allowed), (1, list.keys[0].row.id, 200));
    }
}

#[tokio::test]
async fn a_store_from_before_limits_and_usage_takes_them_and_keeps_its_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bitting.db");
    let old = of_version(3, &path);
    old.execute("INSERT INTO account VALUES ('csboard', 'acme', '', 1, 0, 0, 1)", []).unwrap();
    drop(old);
    let store = open(&path).unwrap();
    assert_eq!(store.ring_accounts().await.unwrap().len(), 1);
    let holder = Holder { api: API.into(), environment: "live".into(), whose: Whose::Api };
    let window = Window { holder: holder.clone(), limit: "monthly".into(), start: at(0), end: at(9) };
    let bought = store.buy(vec![Purchase { window, more: 5, at_most: 9 }]).await.unwrap();
    assert_eq!((bought[0].before, bought[0].now), (0, 5));
    let tally = Tally { holder, at: at(0), route: "GET /a".into(), outcome: "admitted".into(), count: 1 };
    let last_uses = vec![LastUse { key: id(1), at: at(5), address: None }];
    store.add_usage(1, UsageBatch { tallies: vec![tally], last_uses, ..UsageBatch::default() }).await.unwrap();
    assert_eq!(store.last_uses(vec![id(1)]).await.unwrap().len(), 1);
}
