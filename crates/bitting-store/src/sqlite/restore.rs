//! Putting a backup in the place of a store.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use rusqlite::Connection;

use super::error::unavailable;
use super::lock::beside;
use super::open::{SqliteOptions, check_is_ours, reader};
use super::{Inner, OwnerLock, SqliteStore, people};
use crate::error::{StoreError, StoreErrorKind};

/// A copy of a backup, ready to take a store's place. It lies in a folder of its own beside the store, which goes with it.
#[derive(Debug)]
pub struct Restoration {
    copy: SqliteStore,
    folder: tempfile::TempDir,
}

impl Restoration {
    /// Copies a backup beside the store that it shall replace, checks it and brings its tables up to date. The backup itself is
    /// only read.
    ///
    /// # Errors
    /// If it is no backup of Bitting's, damaged, or of a newer version.
    pub fn prepare(store: &Path, backup: &Path) -> Result<Self, StoreError> {
        let named = |error: StoreError| StoreError::new(error.kind(), format!("{}: {error}", backup.display()));
        let failed = |error| unusable("the folder of the store cannot be written", error);
        if !backup.is_file() {
            return Err(named(StoreError::new(StoreErrorKind::Unusable, "there is no such file")));
        }
        let beside = store.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(beside).map_err(failed)?;
        let folder = tempfile::Builder::new().prefix(".bitting-restore-").tempdir_in(beside).map_err(failed)?;
        let path = folder.path().join("bitting.db");
        OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path).map_err(failed)?;
        let text = path.to_str().ok_or_else(|| StoreError::new(StoreErrorKind::Unusable, "the folder's name is no text"))?;
        let from = reader(&SqliteOptions::at(backup)).map_err(named)?;
        check_is_ours(&from).map_err(named)?;
        from.execute("VACUUM INTO ?1", [text]).map_err(unavailable).map_err(named)?;
        drop(from);
        check_whole(&reader(&SqliteOptions::at(&path))?).map_err(named)?;
        let copy = SqliteStore::open(OwnerLock::acquire(&path)?).map_err(named)?;
        // Who was signed in then, and what was in somebody's mail, is not what holds now.
        let writer = copy.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        people::forget_all(&writer).map_err(named)?;
        drop(writer);
        Ok(Self { copy, folder })
    }

    /// The copy, which may still be changed.
    pub fn store(&self) -> &SqliteStore {
        &self.copy
    }

    /// Puts the copy in the place of the store whose lock is held. What was there is kept as `aside`.
    ///
    /// # Errors
    /// If files cannot be moved. Until the very last step the store is as it was.
    pub fn finish(self, lock: &OwnerLock, aside: &Path) -> Result<(), StoreError> {
        let failed = |error| unusable("the backup cannot be put in the store's place", error);
        let Self { copy, folder } = self;
        // With the last connection SQLite brings its log into the file and removes it.
        drop(copy.close()?);
        let (copy, store) = (folder.path().join("bitting.db"), lock.store());
        if beside(&copy, "-wal").exists() {
            return Err(failed(std::io::Error::other("its log could not be closed")));
        }
        File::open(&copy).and_then(|file| file.sync_all()).map_err(failed)?;
        // A log that lies here belongs to what was here, and would be taken for the backup's. Its index is made anew.
        if_there(fs::rename(beside(store, "-wal"), beside(aside, "-wal"))).map_err(failed)?;
        if_there(fs::remove_file(beside(store, "-shm"))).map_err(failed)?;
        if store.exists() {
            // The store is there under one name or the other at every moment, and never under none.
            fs::hard_link(store, aside).or_else(|_| copy_anew(store, aside)).map_err(failed)?;
        }
        fs::rename(&copy, store).map_err(failed)?;
        let parent = store.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

impl SqliteStore {
    /// Closes the store and gives its lock back.
    ///
    /// # Errors
    /// If somebody else still holds the store.
    pub fn close(self) -> Result<OwnerLock, StoreError> {
        let held = |_| StoreError::new(StoreErrorKind::Owned, "the store is still in use");
        let Inner { writer, idle_readers, lock, .. } = Arc::try_unwrap(self.0).map_err(held)?;
        drop(idle_readers.into_inner().unwrap_or_else(PoisonError::into_inner));
        drop(writer);
        Ok(lock)
    }
}

/// Reads every page, so that a file that was cut or changed is noticed now and not at some request.
fn check_whole(connection: &Connection) -> Result<(), StoreError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(unavailable)?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError::new(StoreErrorKind::Unusable, format!("it is damaged: {verdict}"))) }
}

fn if_there(done: std::io::Result<()>) -> std::io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// For file systems without links.
fn copy_anew(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut copy = OpenOptions::new().create_new(true).write(true).mode(0o600).open(to)?;
    std::io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}

fn unusable(message: &str, error: std::io::Error) -> StoreError {
    StoreError::new(StoreErrorKind::Unusable, message).because(error)
}
