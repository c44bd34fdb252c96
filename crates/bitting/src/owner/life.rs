//! How a running server is, and its configuration read anew.

use std::path::Path;
use std::time::Duration;

use super::client::{Client, confused};
use super::protocol::{Answer, Health, Question, Report};
use super::socket::Desk;
use crate::failure::{Failure, FailureKind};
use crate::server::{NotReloaded, Reloaded};

/// How long the threads that serve requests have to give a sign of life.
const PATIENCE: Duration = Duration::from_secs(5);

/// The server that runs on a store.
pub struct RunningServer(Client);

/// What came of reading a configuration anew.
pub enum Reload {
    /// It is in force; there may be something questionable about it.
    Done(Reloaded, Report),
    /// It is wrong, and the old one stays.
    Misconfigured(Report),
}

impl RunningServer {
    /// The one that runs on the store at a path. Nothing is asked of it yet.
    pub fn on(store: &Path) -> Self {
        Self(Client::of(store))
    }

    /// How it is.
    ///
    /// # Errors
    /// If none answers.
    pub async fn health(&self) -> Result<Health, Failure> {
        match self.ask(Question::Health).await? {
            Answer::Health(health) => Ok(health),
            _ => Err(confused()),
        }
    }

    /// Has it read its configuration anew. When this returns, the new one is in force, or the old one whole.
    ///
    /// # Errors
    /// If none answers, or the new configuration is right but cannot be put in force.
    pub async fn reload(&self) -> Result<Reload, Failure> {
        match self.ask(Question::Reload).await? {
            Answer::Reloaded { reloaded, warnings } => Ok(Reload::Done(reloaded, warnings)),
            Answer::Misconfigured(report) => Ok(Reload::Misconfigured(report)),
            Answer::NotReloaded(message) => Err(Failure::new(format!("{message}\nthe old configuration stays in force"))),
            _ => Err(confused()),
        }
    }

    async fn ask(&self, question: Question) -> Result<Answer, Failure> {
        if !self.0.is_there() {
            let store = self.0.store().display();
            return Err(Failure::of(FailureKind::Store, format!("no server answers for the store {store}")));
        }
        self.0.ask(question).await
    }
}

/// Asked on the threads that serve requests: if those hang, so does the server, whatever this thread could say.
pub(super) async fn health(desk: &Desk) -> Answer {
    let engine = desk.house.engine().clone();
    let asked = desk.serving.spawn(async move { (engine.status(), engine.apis()) });
    let Ok(Ok((status, apis))) = tokio::time::timeout(PATIENCE, asked).await else {
        return Answer::Failed(format!("the threads that serve requests gave no answer for {} s", PATIENCE.as_secs()));
    };
    Answer::Health(Health {
        status: status.word().to_owned(),
        keys: status.keys,
        apis: apis.protected().iter().map(|api| api.name.to_string()).collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        clock: status.clock,
    })
}

/// Done on the threads that serve requests, since new listeners begin there.
pub(super) async fn reload(desk: &Desk) -> Answer {
    let house = desk.house.clone();
    let outcome = match desk.serving.spawn(async move { house.reload().await }).await {
        Ok(outcome) => outcome,
        Err(error) => return Answer::NotReloaded(format!("the reload ended before its time: {error}")),
    };
    match outcome {
        Ok((reloaded, problems)) => Answer::Reloaded { reloaded, warnings: Report::from(&problems) },
        Err(NotReloaded::Wrong(problems)) => Answer::Misconfigured(Report::from(&problems)),
        Err(NotReloaded::Failed(failure)) => Answer::NotReloaded(failure.to_string()),
    }
}
