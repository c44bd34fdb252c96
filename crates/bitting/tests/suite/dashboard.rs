//! The dashboard, as a browser without script and whoever means ill sees it. What a person sees is tested in a real browser
//! (`browsing`).

mod bans;
mod borders;
mod doors;
mod events;
mod forgery;
mod keys;
mod webhooks;

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bitting::config::{self, Source};
use bitting::server::{Server, Surroundings};
use bitting_engine::{Guest, ManualClock};
use bitting_store::{Actor, Change, NewAccount};

use crate::harness::{Person, Traces, Upstream};

/// A server with the dashboard of one API, and a clock in hand.
pub(crate) struct House {
    pub(crate) server: Server,
    pub(crate) clock: ManualClock,
    pub(crate) service: SocketAddr,
    pub(crate) traces: Traces,
    api: &'static str,
    _upstream: Upstream,
}

pub(crate) const PASSWORD: &str = "correct horse battery";

impl House {
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub(crate) async fn open_with(overrides: &[&str]) -> Self {
        Self::of("product-api", overrides).await
    }

    /// The dashboard of an example, which is named like its API.
    pub(crate) async fn of(example: &'static str, overrides: &[&str]) -> Self {
        let (traces, upstream) = (Traces::new(), Upstream::start().await);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/{example}.toml"));
        let listeners = "[[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"gateway\"]\n[[listen]]\naddress = \"127.0.0.1:0\"\n\
                         serve = [\"dashboard\", \"management\", \"health\"]\n[server]\ndrain = \"0s\"\n";
        let sources = vec![
            Source { name: example.to_owned(), text: std::fs::read_to_string(file).unwrap() },
            Source { name: "listeners".to_owned(), text: listeners.to_owned() },
        ];
        let mut options = vec![format!("api.{example}.upstream=\"{}\"", upstream.origin())];
        options.extend(overrides.iter().map(|&option| option.to_owned()));
        let loaded = config::load(sources, &options, traces.folder(), &Arc::default());
        let config = loaded.config.unwrap_or_else(|| panic!("{}", loaded.problems.render(false)));
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let server =
            Server::start(config, Surroundings::default(), Arc::new(clock.clone()), Arc::new(String::new)).await.unwrap();
        let service = server.addresses()[1];
        Self { server, clock, service, traces, api: example, _upstream: upstream }
    }

    /// Somebody who was never there before.
    pub(crate) fn stranger(&self) -> Person {
        Person::at(self.service)
    }

    /// An operator with a password.
    pub(crate) async fn operator(&self, email: &str) -> Person {
        self.member("bitting", None, email).await
    }

    /// A developer of an account, which is made if it is not there.
    pub(crate) async fn developer(&self, account: &str, email: &str) -> Person {
        let new = NewAccount { api: self.api.into(), id: account.parse().unwrap(), name: String::new(), plan: None };
        // It may be there already.
        let _ = self.server.engine().commit(Change::CreateAccount(new), Actor::System, "test").await;
        self.member(self.api, Some(account), email).await
    }

    /// From now on nothing can be read from the store.
    pub(crate) fn break_store(&self) {
        for file in ["bitting.db", "bitting.db-wal"] {
            let file = self.traces.path(file);
            let length = usize::try_from(std::fs::metadata(&file).unwrap().len()).unwrap();
            File::options().write(true).open(&file).unwrap().write_all(&vec![0; length]).unwrap();
        }
    }

    /// Somebody who is signed in.
    pub(crate) async fn member(&self, api: &str, account: Option<&str>, email: &str) -> Person {
        let account = account.map(|account| account.parse().unwrap());
        let name = email.split('@').next().unwrap().to_owned();
        let guest = Guest { api: api.to_owned(), account, name, email: Some(email.to_owned()) };
        bitting_http::welcome(self.server.engine(), guest, PASSWORD.to_owned()).await.unwrap();
        let person = self.stranger();
        let reply = person.sign_in(email, PASSWORD).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "/"), "{}", reply.body);
        person
    }
}

/// An operator token with these permissions, as a header.
pub(crate) async fn token(house: &House, permissions: &[&str]) -> String {
    let engine = house.server.engine();
    let permissions = Some(permissions.iter().map(|name| name.parse().unwrap()).collect());
    let spec = bitting_engine::KeySpec { name: "portal".to_owned(), permissions, ..bitting_engine::KeySpec::default() };
    let apis = engine.apis();
    let issued = spec.issue(apis.own(), engine.now()).unwrap();
    engine.commit(issued.change, Actor::System, "test").await.unwrap();
    house.traces.issued(issued.key.expose());
    format!("Bearer {}", issued.key.expose())
}
