//! Opening a store's file: checks, settings, migrations.

use std::fs::OpenOptions;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::{in_doubt, unavailable};
use super::{Inner, OwnerLock, SqliteStore, chain, meter};
use crate::error::{StoreError, StoreErrorKind};

mod migrations {
    refinery::embed_migrations!("src/sqlite/migrations");
}

/// Where a store is and how SQLite reaches it.
#[derive(Debug, Clone)]
pub(super) struct SqliteOptions {
    path: PathBuf,
    /// A virtual file system that was registered with SQLite, instead of the system's.
    vfs: Option<String>,
}

impl SqliteOptions {
    /// In the system's file system.
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), vfs: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Marks a file as Bitting's in its header: "Bitt" in ASCII.
const APPLICATION_ID: i32 = 0x4269_7474;

impl SqliteStore {
    /// Opens the store whose lock is held, makes its file if there is none and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreErrorKind::TooNew`] if a newer Bitting wrote it, [`StoreErrorKind::Unusable`] if it is something else.
    pub fn open(lock: OwnerLock) -> Result<Self, StoreError> {
        let path = lock.store().to_owned();
        Self::open_with(lock, SqliteOptions { path, vfs: None })
    }

    /// The same through a virtual file system, so that tests can make a disk fail.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_through(lock: OwnerLock, vfs: &str) -> Result<Self, StoreError> {
        let path = lock.store().to_owned();
        Self::open_with(lock, SqliteOptions { path, vfs: Some(vfs.to_owned()) })
    }

    fn open_with(lock: OwnerLock, options: SqliteOptions) -> Result<Self, StoreError> {
        let shown = options.path.display().to_string();
        let named = |error: StoreError| StoreError::new(error.kind(), format!("{shown}: {error}"));
        let mut writer = writer(&options).map_err(named)?;
        migrate(&mut writer).map_err(named)?;
        bring_up_to_date(&mut writer).map_err(named)?;
        Ok(Self(Arc::new(Inner { options, writer: Mutex::new(writer), idle_readers: Mutex::default(), lock })))
    }
}

fn writer(options: &SqliteOptions) -> Result<Connection, StoreError> {
    if options.vfs.is_none() {
        // SQLite would make it readable for everybody; its log takes over the mode of the file.
        let made = OpenOptions::new().create(true).append(true).mode(0o600).open(&options.path);
        let file = made.map_err(|error| {
            StoreError::new(StoreErrorKind::Unusable, "the file cannot be opened for writing").because(error)
        })?;
        let bits = file.metadata().map_or(0, |metadata| metadata.permissions().mode());
        if bits & 0o077 != 0 {
            let path = options.path.display();
            tracing::warn!(%path, mode = format!("{:o}", bits & 0o777), "others may open the store; chmod 600 keeps them out");
        }
    }
    let connection = connect(options, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    check_owner(&connection)?;
    let journal: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(unavailable)?;
    if journal != "wal" {
        let message = format!("the file system cannot hold a write-ahead log (SQLite chose {journal:?})");
        return Err(StoreError::new(StoreErrorKind::Unusable, message));
    }
    let settings =
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;";
    connection.execute_batch(settings).map_err(unavailable)?;
    // SQLite's own two megabytes do not hold the pages that a part of a large import touches, one or more of each index for
    // each key, so they would go to the log and come back within one transaction. Only what is used takes memory.
    connection.execute_batch("PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8192;").map_err(unavailable)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A connection that cannot write.
pub(super) fn reader(options: &SqliteOptions) -> Result<Connection, StoreError> {
    let connection = connect(options, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;").map_err(unavailable)?;
    Ok(connection)
}

fn connect(options: &SqliteOptions, flags: OpenFlags) -> Result<Connection, StoreError> {
    // Each connection is used by one thread at a time, under a lock of ours.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = match &options.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(&options.path, flags, vfs.as_str()),
        None => Connection::open_with_flags(&options.path, flags),
    };
    let connection = opened.map_err(unavailable)?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(unavailable)?;
    Ok(connection)
}

/// Refuses a database that is somebody else's before anything is written to it.
fn check_owner(connection: &Connection) -> Result<(), StoreError> {
    let one = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(unavailable);
    let (id, tables) = (one("PRAGMA application_id")?, one("SELECT count(*) FROM sqlite_schema")?);
    if id != i64::from(APPLICATION_ID) && tables > 0 {
        let message = "the file is an SQLite database of another program; name another file for the store";
        return Err(StoreError::new(StoreErrorKind::Unusable, message));
    }
    Ok(())
}

/// Refuses what Bitting has not written, an empty file included.
pub(super) fn check_is_ours(connection: &Connection) -> Result<(), StoreError> {
    let id: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(unavailable)?;
    let ours = id == i64::from(APPLICATION_ID);
    if ours { Ok(()) } else { Err(StoreError::new(StoreErrorKind::Unusable, "this is no backup that Bitting has made")) }
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let runner = migrations::migrations::runner();
    let known = runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0);
    let found = schema_version(connection)?;
    if found > known {
        let message = format!(
            "a newer version of Bitting wrote this store (its schema is {found}, this version knows {known}); \
             use that version, or a backup from before the upgrade"
        );
        return Err(StoreError::new(StoreErrorKind::TooNew, message));
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(unavailable)?;
    let outdated = |error| StoreError::new(StoreErrorKind::Unusable, "its tables cannot be brought up to date").because(error);
    if (1..i64::from(CHAINED)).contains(&found) {
        let target = refinery::Target::Version(CHAINED - 1);
        migrations::migrations::runner().set_target(target).run(connection).map_err(outdated)?;
        begin_chain(connection, runner.get_migrations())?;
    }
    runner.run(connection).map(drop).map_err(outdated)
}

/// The schema with which the chain of audit rows came.
const CHAINED: i32 = 8;

/// Takes that step with the rows chained. It is one transaction: if a crash could come in between, the next start could not tell
/// rows that are not chained yet from those that somebody has altered.
fn begin_chain(connection: &mut Connection, migrations: &[refinery::Migration]) -> Result<(), StoreError> {
    let step = migrations.iter().find(|migration| migration.version() == CHAINED);
    let (Some(step), Some(sql)) = (step, step.and_then(|step| step.sql())) else { return Ok(()) };
    let transaction = connection.transaction().map_err(unavailable)?;
    transaction.execute_batch(sql).map_err(unavailable)?;
    chain::begin(&transaction)?;
    // As the runner writes it, so that it takes the step for its own.
    let sql = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
               VALUES (?1, ?2, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?3)";
    transaction.execute(sql, (CHAINED, step.name(), step.checksum().to_string())).map_err(unavailable)?;
    transaction.commit().map_err(in_doubt)
}

/// What migrations cannot say in SQL.
fn bring_up_to_date(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction().map_err(unavailable)?;
    meter::bring_up_to_date(&transaction)?;
    transaction.commit().map_err(in_doubt)
}

fn schema_version(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    let history: i64 = connection.query_row(sql, [], |row| row.get(0)).map_err(unavailable)?;
    if history == 0 {
        return Ok(0);
    }
    let sql = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    connection.query_row(sql, [], |row| row.get(0)).map_err(unavailable)
}
