//! The command line's end of the socket.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bitting_engine::{InvalidChange, Violation};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::protocol::{Answer, Question};
use super::{SOCKET, control_folder};
use crate::failure::{Failure, FailureKind};

/// The owner of a store, as the command line sees it.
pub struct Client {
    socket: PathBuf,
    store: PathBuf,
}

/// How often, and how long apart, to look for the socket of an owner that may just be starting.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// The longest path that a socket's address can hold, with room to spare.
const LONGEST: usize = 100;

impl Client {
    /// The owner of a store, if there is one.
    pub(super) fn of(store: &Path) -> Self {
        Self { socket: control_folder(store).join(SOCKET), store: store.to_owned() }
    }

    /// Whether somebody listens.
    pub(super) fn is_there(&self) -> bool {
        self.stream().is_ok()
    }

    pub(super) fn store(&self) -> &Path {
        &self.store
    }

    pub(super) async fn connect(store: &Path) -> Result<Self, Failure> {
        let client = Self::of(store);
        for _ in 0..ATTEMPTS {
            if client.is_there() {
                return Ok(client);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Failure::of(
            FailureKind::Store,
            format!(
                "another process owns the store {} and does not answer; nothing was changed\n\
                 if it is a server that hangs, stop it; if it is another command, wait for it to end",
                client.store.display()
            ),
        ))
    }

    pub(super) async fn ask(&self, question: Question) -> Result<Answer, Failure> {
        let lost = |error: io::Error| {
            let message = format!("the server that owns {} went away: {error}", self.store.display());
            Failure::of(FailureKind::Store, format!("{message}\nwhether it made the change is not known: look, then try again"))
        };
        let mut stream = self.stream().map_err(lost)?;
        let text = serde_json::to_vec(&question).map_err(Failure::other)?;
        stream.write_all(&text).await.map_err(lost)?;
        stream.shutdown().await.map_err(lost)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.map_err(lost)?;
        match serde_json::from_slice(&answer) {
            Ok(Answer::Invalid(violations)) => Err(invalid(violations)),
            Ok(Answer::Refused(refusal)) => Err(refusal.into()),
            Ok(Answer::Failed(message)) => Err(Failure::of(FailureKind::Store, message)),
            Ok(answer) => Ok(answer),
            Err(_) if answer.is_empty() => Err(lost(io::ErrorKind::UnexpectedEof.into())),
            Err(_) => Err(confused()),
        }
    }

    fn stream(&self) -> io::Result<UnixStream> {
        let stream = short(&self.socket, std::os::unix::net::UnixStream::connect)?;
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    }
}

/// What the server found wrong. It may know other names than the file that the command line has just read.
fn invalid(violations: Vec<Violation>) -> Failure {
    let about_names = violations.iter().any(|violation| violation.message.contains(" is not a"));
    let failure = Failure::from(InvalidChange::Fields(violations));
    if !about_names {
        return failure;
    }
    let whose = "these are the names of the running server, which reads its files again at `bitting reload`";
    Failure::of(failure.kind(), format!("{failure}\n{whose}"))
}

/// Uses a path that may be too long for a socket's address: then through its folder, opened.
pub(super) fn short<T>(path: &Path, open: impl FnOnce(PathBuf) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().len() <= LONGEST {
        return open(path.to_owned());
    }
    let folder = File::open(path.parent().unwrap_or(Path::new(".")))?;
    open(PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(path.file_name().unwrap_or_default()))
}

pub(super) fn confused() -> Failure {
    Failure::of(FailureKind::Store, "the server gave an answer that this command does not know; are both of one version?")
}
