//! A disk in memory, as an SQLite virtual file system, that forgets what was not synced.

use std::collections::HashMap;
use std::io::{Error, ErrorKind, Result};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlite_vfs::wip::{WalIndex, WalIndexLock};
use sqlite_vfs::{DatabaseHandle, LockKind, OpenAccess, OpenOptions, Vfs};

/// The region of shared memory that SQLite keeps its index of the log in.
type Region = [u8; 32768];

static EMPTY: Region = [0; 32768];

/// A disk that fails after a number of writes and syncs.
#[derive(Clone)]
pub(super) struct Disk {
    name: String,
    state: Arc<Mutex<State>>,
}

struct State {
    files: HashMap<String, File>,
    /// The index of the log, which lives in memory and is gone with the power.
    index: HashMap<u32, Region>,
    operations: u64,
    fails_after: u64,
    /// Decides what of the unsynced writes is lost.
    chance: u64,
}

#[derive(Default)]
struct File {
    /// As a program sees it.
    content: Vec<u8>,
    /// As it would be without anything that was written since the last sync.
    synced: Vec<u8>,
    /// What was written since, in order.
    unsynced: Vec<Write>,
}

enum Write {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

impl Disk {
    pub(super) fn new(name: &str, fails_after: u64, chance: u64) -> Self {
        let state = State { files: HashMap::new(), index: HashMap::new(), operations: 0, fails_after, chance };
        let disk = Self { name: format!("disk-{name}"), state: Arc::new(Mutex::new(state)) };
        sqlite_vfs::register(&disk.name, disk.clone(), false).unwrap();
        disk
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn operations(&self) -> u64 {
        self.state.lock().unwrap().operations
    }

    /// Cuts the power and brings it back: of each file the synced part is there, and of what was written since then any
    /// part, in any order.
    pub(super) fn lose_power(&self) {
        let mut state = self.state.lock().unwrap();
        state.index.clear();
        (state.operations, state.fails_after) = (0, u64::MAX);
        let mut chance = state.chance.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        for file in state.files.values_mut() {
            let mut content = std::mem::take(&mut file.synced);
            for write in std::mem::take(&mut file.unsynced) {
                chance ^= chance << 13;
                chance ^= chance >> 7;
                chance ^= chance << 17;
                if chance.is_multiple_of(3) {
                    write.apply(&mut content);
                }
            }
            file.synced.clone_from(&content);
            file.content = content;
        }
    }
}

impl State {
    fn operate(&mut self) -> Result<()> {
        if self.operations >= self.fails_after {
            return Err(Error::other("the disk is gone"));
        }
        self.operations += 1;
        Ok(())
    }

    fn write(&mut self, name: &str, write: Write) -> Result<()> {
        self.operate()?;
        let file = self.files.entry(name.to_owned()).or_default();
        write.apply(&mut file.content);
        file.unsynced.push(write);
        Ok(())
    }
}

impl Write {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Length(length) => content.resize(*length, 0),
            Self::Bytes(offset, bytes) => {
                content.resize(content.len().max(offset + bytes.len()), 0);
                content[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
        }
    }
}

impl Vfs for Disk {
    type Handle = Handle;

    fn open(&self, db: &str, options: OpenOptions) -> Result<Handle> {
        let mut state = self.state.lock().unwrap();
        if !state.files.contains_key(db) {
            if matches!(options.access, OpenAccess::Read | OpenAccess::Write) {
                return Err(ErrorKind::NotFound.into());
            }
            state.files.insert(db.to_owned(), File::default());
        }
        Ok(Handle { disk: self.clone(), name: db.to_owned(), lock: LockKind::None })
    }

    fn delete(&self, db: &str) -> Result<()> {
        let mut state = self.state.lock().unwrap();
        state.operate()?;
        state.files.remove(db);
        Ok(())
    }

    fn exists(&self, db: &str) -> Result<bool> {
        Ok(self.state.lock().unwrap().files.contains_key(db))
    }

    fn temporary_name(&self) -> String {
        "temporary".to_owned()
    }

    fn random(&self, buffer: &mut [i8]) {
        buffer.fill(4);
    }

    fn sleep(&self, duration: Duration) -> Duration {
        duration
    }
}

pub(super) struct Handle {
    disk: Disk,
    name: String,
    lock: LockKind,
}

impl DatabaseHandle for Handle {
    type WalIndex = SharedIndex;

    fn size(&self) -> Result<u64> {
        Ok(self.disk.state.lock().unwrap().files.entry(self.name.clone()).or_default().content.len() as u64)
    }

    fn read_exact_at(&mut self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let mut state = self.disk.state.lock().unwrap();
        let file = state.files.entry(self.name.clone()).or_default();
        let content = file.content.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let there = content.len().min(buffer.len());
        buffer[..there].copy_from_slice(&content[..there]);
        buffer[there..].fill(0);
        if there < buffer.len() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        let write = Write::Bytes(usize::try_from(offset).unwrap(), bytes.to_vec());
        self.disk.state.lock().unwrap().write(&self.name, write)
    }

    fn sync(&mut self, _data_only: bool) -> Result<()> {
        let mut state = self.disk.state.lock().unwrap();
        state.operate()?;
        let file = state.files.entry(self.name.clone()).or_default();
        file.synced.clone_from(&file.content);
        file.unsynced.clear();
        Ok(())
    }

    fn set_len(&mut self, size: u64) -> Result<()> {
        let write = Write::Length(usize::try_from(size).unwrap());
        self.disk.state.lock().unwrap().write(&self.name, write)
    }

    // One thread uses the disk at a time, so every lock can be had.
    fn lock(&mut self, lock: LockKind) -> Result<bool> {
        self.lock = lock;
        Ok(true)
    }

    fn reserved(&mut self) -> Result<bool> {
        Ok(false)
    }

    fn current_lock(&self) -> Result<LockKind> {
        Ok(self.lock)
    }

    fn wal_index(&self, _readonly: bool) -> Result<SharedIndex> {
        Ok(SharedIndex(self.disk.clone()))
    }
}

pub(super) struct SharedIndex(Disk);

impl WalIndex for SharedIndex {
    fn map(&mut self, region: u32) -> Result<Region> {
        Ok(*self.0.state.lock().unwrap().index.entry(region).or_insert(EMPTY))
    }

    fn lock(&mut self, _locks: Range<u8>, _lock: WalIndexLock) -> Result<bool> {
        Ok(true)
    }

    fn delete(self) -> Result<()> {
        self.0.state.lock().unwrap().index.clear();
        Ok(())
    }

    fn pull(&mut self, region: u32, data: &mut Region) -> Result<()> {
        data.copy_from_slice(self.0.state.lock().unwrap().index.entry(region).or_insert(EMPTY));
        Ok(())
    }

    fn push(&mut self, region: u32, data: &Region) -> Result<()> {
        self.0.state.lock().unwrap().index.insert(region, *data);
        Ok(())
    }
}
