//! Where a test leaves what it did.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The folder of one run of Bitting, and the list of keys that were issued in it.
#[derive(Debug, Clone)]
pub(crate) struct Traces {
    folder: PathBuf,
    ledger: PathBuf,
}

impl Traces {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let test = std::thread::current().name().unwrap_or("test").replace("::", "-");
        let name = format!("{test}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("suite");
        let traces = Self { folder: root.join("runs").join(&name), ledger: root.join("ledger").join(name + ".txt") };
        std::fs::create_dir_all(&traces.folder).unwrap();
        std::fs::create_dir_all(root.join("ledger")).unwrap();
        traces
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A file for a picture. Pictures are not searched for keys: they show what a person saw, a new key among it.
    pub(crate) fn picture(&self, name: &str) -> PathBuf {
        let run = self.folder.file_name().unwrap().to_string_lossy().into_owned();
        let pictures = self.folder.join("../../pictures");
        std::fs::create_dir_all(&pictures).unwrap();
        pictures.canonicalize().unwrap().join(format!("{run}-{name}.png"))
    }

    /// A connection to the server's control socket, whose path is too long for its address.
    pub(crate) fn control_socket(&self) -> UnixStream {
        let folder = File::open(self.path("bitting.db.control")).unwrap();
        UnixStream::connect(format!("/proc/self/fd/{}/socket", folder.as_raw_fd())).unwrap()
    }

    /// Remembers a key that was issued, so that nothing may hold it afterwards.
    pub(crate) fn issued(&self, key: &str) {
        append(&self.ledger, key);
    }

    /// Keeps an answer.
    pub(crate) fn answered(&self, text: &str) {
        append(&self.path("answers.txt"), text);
    }
}

fn append(path: &Path, line: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(file, "{line}").unwrap();
}
