//! The owner's end of the socket.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bitting_engine::{UsageReport, preview_import};
use bitting_store::Actor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::protocol::{Answer, Done, Question};
use super::{SOCKET, archive, control_folder, life};
use crate::failure::{Failure, FailureKind};
use crate::server::House;

/// The socket, open until it is closed. Questions are answered on a thread of their own, behind everything that serves requests:
/// an import asks tens of thousands of them, each of which takes a millisecond to read.
pub struct ControlSocket {
    path: PathBuf,
    thread: JoinHandle<()>,
    end: oneshot::Sender<()>,
}

/// Where questions are answered: what they are about, and the threads that serve requests.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) house: Arc<House>,
    pub(super) serving: Handle,
}

/// How far the thread stands back (`nice`). The one that writes to the store does not: whoever waits for a revocation waits for it.
const NICENESS: i32 = 5;

/// The most bytes of a question.
const QUESTION_LIMIT: u64 = 4 << 20;

impl ControlSocket {
    /// Opens the socket of the store at a path. Its folder is for the owner alone.
    ///
    /// # Errors
    /// If the folder belongs to somebody else, or the socket cannot be made.
    ///
    /// # Panics
    /// Outside of the runtime that serves requests.
    pub fn open(store: &Path, house: Arc<House>) -> Result<Self, Failure> {
        let folder = control_folder(store);
        let failed = |error: io::Error| {
            Failure::of(FailureKind::Store, format!("the socket in {} cannot be opened: {error}", folder.display()))
        };
        prepare(&folder).map_err(failed)?;
        let path = folder.join(SOCKET);
        // Whoever left it is gone: the lock is ours.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = super::client::short(&path, |path| UnixListener::bind(path)).map_err(failed)?;
        let listener = listener.into_std().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (end, ended) = oneshot::channel();
        let desk = Desk { house, serving: Handle::current() };
        let serve = move || {
            if let Err(error) = rustix::process::nice(NICENESS) {
                tracing::debug!(%error, "commands are answered as if they were requests");
            }
            runtime.block_on(accept(listener, desk, ended));
            // A backup that is being written is not waited for: it bears its name only when it is whole.
            runtime.shutdown_timeout(LAST_ANSWERS);
        };
        let thread = std::thread::Builder::new().name("bitting-control".to_owned()).spawn(serve).map_err(failed)?;
        Ok(Self { path, thread, end })
    }

    /// Closes the socket.
    pub async fn close(self) {
        let Self { thread, end, path } = self;
        // It may have ended by itself.
        let _ = end.send(());
        let _ = tokio::task::spawn_blocking(|| thread.join()).await;
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::debug!(%error, "the control socket was gone");
        }
    }
}

/// How long a command is still answered that was asked before the end.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

async fn accept(listener: std::os::unix::net::UnixListener, desk: Desk, mut ended: oneshot::Receiver<()>) {
    let listener = match UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the control socket cannot be served: no command reaches this server"),
    };
    let mut answers = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = answers.join_next() => continue,
            _ = &mut ended => break,
        };
        match accepted {
            Ok((stream, _)) => drop(answers.spawn(answer(stream, desk.clone()))),
            Err(error) => {
                tracing::warn!(%error, "the control socket failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    // Whoever has not said what they want by now is not waited for longer.
    let _ = tokio::time::timeout(LAST_ANSWERS, async { while answers.join_next().await.is_some() {} }).await;
}

/// Makes the folder, or checks that the one that is there is ours and closed to others.
fn prepare(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    let metadata = std::fs::symlink_metadata(folder)?;
    if !metadata.is_dir() || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("its folder is not a folder of the user that runs the server"));
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

async fn answer(mut stream: UnixStream, desk: Desk) {
    let own = rustix::process::geteuid().as_raw();
    // The folder keeps others out; a socket that was handed on would not.
    let allowed = stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0);
    if !allowed {
        return tracing::warn!("somebody else's process asked at the control socket");
    }
    let mut question = Vec::new();
    let read = (&mut stream).take(QUESTION_LIMIT).read_to_end(&mut question).await;
    let answer = match (read, serde_json::from_slice(&question)) {
        (Ok(_), Ok(question)) => act(question, &desk).await,
        _ => Answer::Failed("the server did not understand the command line; are both of one version?".to_owned()),
    };
    if let Ok(text) = serde_json::to_vec(&answer) {
        // Whoever asked may be gone; what was done stands.
        let _ = stream.write_all(&text).await;
    }
}

async fn act(question: Question, desk: &Desk) -> Answer {
    let (engine, ids) = (desk.house.engine(), desk.house.ids());
    let store = engine.store();
    let answer = match question {
        Question::Commit { change, user } => {
            let committed = engine.commit(change, Actor::CommandLine(user), ids.next().as_str()).await;
            return committed.map_or_else(Answer::from, |committed| Answer::Done(Done::from(committed)));
        }
        Question::Key { api, id } => store.key(&api, id).await.map(|row| Answer::Key(row.map(Box::new))),
        Question::Keys { api, filter, page } => store.keys(&api, filter, page).await.map(Answer::Keys),
        Question::Account { api, id } => store.account(&api, &id).await.map(Answer::Account),
        Question::Accounts { api, page } => store.accounts(&api, "", page).await.map(Answer::Accounts),
        Question::Preview { api, keys } => {
            preview_import(store, &engine.apis(), &api, &keys, engine.now()).await.map(Answer::Previewed)
        }
        Question::Export { api, after, limit, hashes } => {
            archive::export(store, &api, after, limit, hashes).await.map(Answer::Exported)
        }
        Question::Audit { after, limit } => store.audit(after, limit).await.map(Answer::Audit),
        Question::LastUse { key } => match engine.write_usage_down().await {
            Ok(()) => store.last_uses(vec![key]).await.map(|uses| Answer::LastUsed(uses.first().copied())),
            Err(error) => Err(error),
        },
        Question::Usage { query, step } => UsageReport::read(engine, query, step).await.map(|report| Answer::Used(report.rows)),
        Question::Recognise { digests } => store.recognise(digests).await.map(Answer::Recognised),
        Question::AuditHead => store.audit_head().await.map(Answer::AuditHead),
        Question::VerifyAudit { kept } => store.verify_audit(kept).await.map(Answer::AuditVerified),
        Question::Member { known_as } => super::member(store, &known_as).await.map(|row| Answer::Member(row.map(Box::new))),
        Question::Members { api, account, page } => store.members(&api, account.as_ref(), page).await.map(Answer::Members),
        Question::Webhooks { api, of, page } => store.webhooks(&api, of, page).await.map(Answer::Webhooks),
        Question::Health => return life::health(desk).await,
        Question::Reload => return life::reload(desk).await,
        Question::BackUp { to } => store.back_up(to).await.map(Answer::BackedUp),
    };
    answer.unwrap_or_else(|error| Answer::Failed(error.to_string()))
}
