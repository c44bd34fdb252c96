//! How what was found stands.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use bitting_engine::{Apis, Clock as _, WallClock};
use bitting_store::{Change, KeyStatus, Leak, RecognisedKey};

use super::Hit;
use crate::failure::Failure;
use crate::owner::Owner;

/// What is known of a text that is written as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// Whoever has it can use it.
    Live,
    /// It, its account or its environment is switched off, and can be switched on again.
    Disabled,
    /// Its time is over.
    Expired,
    /// It is ended for good.
    Revoked,
    /// The store has no such key.
    Unknown,
    /// There is no store to ask.
    Unverified,
}

/// The state of a key, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) state: State,
    pub(super) key: Option<Known>,
    /// What became of it when it was reported as leaked.
    pub(super) reported: Option<Reported>,
}

/// What became of a key that was reported as leaked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reported {
    /// It was ended.
    Revoked,
    /// Its account and the operators are told, or were told before.
    Alerted,
}

/// What is said of a key that the store has.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) id: KeyId,
    pub(super) api: String,
    pub(super) environment: String,
    pub(super) account: String,
}

/// The way to the store, which is taken anew for each part: whoever holds it keeps a server from starting.
pub(super) struct Registry {
    store: PathBuf,
    apis: Arc<Apis>,
    /// How those stood that were reported, and what became of them: many places have the same key.
    reported: HashMap<KeyId, (State, Reported)>,
}

impl Standing {
    fn without_key(state: State) -> Self {
        Self { state, key: None, reported: None }
    }
}

impl Reported {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Alerted => "alerted",
        }
    }
}

/// As much of a place as an event has room for.
const MOST_OF_PLACE: usize = 200;

impl State {
    pub(super) const ALL: [Self; 6] =
        [Self::Live, Self::Disabled, Self::Expired, Self::Revoked, Self::Unknown, Self::Unverified];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
            Self::Unverified => "unverified",
        }
    }

    /// Whether something has to be done about it: it works, may work again, or nobody can tell.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Live | Self::Disabled | Self::Unverified)
    }
}

impl Registry {
    pub(super) fn new(store: PathBuf, apis: Arc<Apis>) -> Self {
        Self { store, apis, reported: HashMap::new() }
    }

    /// How each of them stands. Where there is no store, as on a machine that only checks what is committed, none is made.
    pub(super) async fn look_up(&mut self, hits: &[Hit]) -> Result<Vec<Standing>, Failure> {
        if hits.is_empty() {
            return Ok(Vec::new());
        }
        if !self.store.exists() {
            return Ok(hits.iter().map(|_| Standing::without_key(State::Unverified)).collect());
        }
        let owner = Owner::reach(&self.store, Arc::clone(&self.apis)).await?;
        let digests = hits.iter().flat_map(|hit| [hit.digest].into_iter().chain(hit.places.iter().copied())).collect();
        let mut found = owner.recognise(digests).await?.into_iter();
        let now = WallClock.now();
        let one = |hit: &Hit| {
            let known: Vec<RecognisedKey> = found.by_ref().take(1 + hit.places.len()).flatten().collect();
            self.standing(known.into_iter().next(), now)
        };
        Ok(hits.iter().map(one).collect())
    }

    /// Reports those that have not ended as leaked, each once. In every place it is told how the key stood before.
    pub(super) async fn report(&mut self, hits: &[Hit], standings: &mut [Standing]) -> Result<(), Failure> {
        for (hit, standing) in hits.iter().zip(standings) {
            let Some(key) = &standing.key else { continue };
            let (state, reported) = match self.reported.get(&key.id) {
                Some(known) => *known,
                None if standing.state.is_open() => (standing.state, self.report_one(hit, key).await?),
                None => continue,
            };
            self.reported.insert(key.id, (state, reported));
            (standing.state, standing.reported) = (state, Some(reported));
        }
        Ok(())
    }

    async fn report_one(&self, hit: &Hit, key: &Known) -> Result<Reported, Failure> {
        let place = format!("bitting scan: {}:{}:{}", hit.place, hit.position.line, hit.position.column);
        let leak = Leak { source: Some(place.chars().take(MOST_OF_PLACE).collect()), url: None };
        // What becomes of the key is for the owner's configuration to say.
        let change = Change::ReportLeak { api: key.api.clone(), key: key.id, leak, revoke: false };
        let done = Owner::reach(&self.store, Arc::clone(&self.apis)).await?.commit(change).await?;
        let is_revoked = done.keys.first().is_some_and(|row| row.revoked_at.is_some());
        Ok(if is_revoked { Reported::Revoked } else { Reported::Alerted })
    }

    fn standing(&self, known: Option<RecognisedKey>, now: Timestamp) -> Standing {
        let Some(RecognisedKey { row, is_account_enabled }) = known else {
            return Standing::without_key(State::Unknown);
        };
        let is_configured =
            |api: &Arc<bitting_engine::ServedApi>| api.environments.iter().any(|of| *of.name == row.environment);
        let state = match row.status(now) {
            KeyStatus::Revoked => State::Revoked,
            KeyStatus::Expired => State::Expired,
            KeyStatus::Active if is_account_enabled && self.apis.find(&row.api).is_some_and(is_configured) => State::Live,
            KeyStatus::Active | KeyStatus::Disabled => State::Disabled,
        };
        let account = row.account.to_string();
        let key = Known { id: row.id, api: row.api, environment: row.environment, account };
        Standing { state, key: Some(key), reported: None }
    }
}
