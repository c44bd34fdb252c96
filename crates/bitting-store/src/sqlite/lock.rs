//! One process owns a store.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{StoreError, StoreErrorKind};

/// The exclusive lock beside a store's file, `FILE.lock`, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct OwnerLock {
    store: PathBuf,
    _file: File,
}

impl OwnerLock {
    /// Takes the lock of the store at a path, making the folder if it is not there.
    ///
    /// # Errors
    /// [`StoreErrorKind::Owned`] if another process has it; [`StoreErrorKind::Unusable`] if the path cannot hold a store.
    pub fn acquire(store: &Path) -> Result<Self, StoreError> {
        let shown = store.display();
        if store.is_dir() {
            let message = format!("{shown} is a directory; name a file for the store, such as {shown}/bitting.db");
            return Err(StoreError::new(StoreErrorKind::Unusable, message));
        }
        if let Some(folder) = store.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|error| unusable(&format!("the folder {} cannot be made", folder.display()), error))?;
        }
        let path = beside(store, ".lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = opened.map_err(|error| unusable(&format!("the lock {} cannot be opened", path.display()), error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { store: store.to_owned(), _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(StoreError::new(StoreErrorKind::Owned, format!("another process owns the store {shown}")))
            }
            Err(TryLockError::Error(error)) => Err(unusable(&format!("the lock {} cannot be taken", path.display()), error)),
        }
    }

    /// The store's file.
    pub fn store(&self) -> &Path {
        &self.store
    }
}

/// A path beside the store's file, with an ending after its whole name.
pub(super) fn beside(store: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = store.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    store.with_file_name(name)
}

fn unusable(message: &str, error: std::io::Error) -> StoreError {
    StoreError::new(StoreErrorKind::Unusable, message).because(error)
}
