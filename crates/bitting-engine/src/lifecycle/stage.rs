//! What is told when its time has come: which keys are read for it, and how far.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bitting_core::api::Lifecycle;
use bitting_core::time::Timestamp;
use bitting_store::{Line, Place, Span, StoreError, Sweep};

use super::notice::Notices;
use super::{CHUNK, Keeper};
use crate::apis::ServedApi;

/// How often is looked for what is to be told.
const LOOK: Duration = Duration::from_secs(10);

/// How often it is kept how far was looked where nothing was found, so that a start does not look through too much again.
const KEEP: Duration = Duration::from_mins(10);

/// When keys were used last is known to the minute where they stand in that order.
const MINUTE: Duration = Duration::from_mins(1);

/// Something that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// That keys end within this time.
    Expiring(Duration),
    /// That they have ended.
    Expired,
    /// That those of an environment are older than this.
    Overdue(Box<str>, Duration),
    /// That nobody has used them for this time.
    Unused(Duration),
    /// The same of those that were never used.
    NeverUsed(Duration),
}

/// How far was looked through the keys of an API.
#[derive(Debug, Default)]
pub(super) struct Stages {
    /// Up to where keys that renew were taken onto the agenda.
    pub(super) gathered: Option<Place>,
    /// Up to where those were that end when they are unused.
    pub(super) left: Option<Place>,
    sweeps: BTreeMap<String, Kept>,
    looked_at: Option<Timestamp>,
}

/// A sweep, and when it was last written down.
#[derive(Debug, Clone)]
struct Kept {
    sweep: Sweep,
    at: Timestamp,
}

impl Stage {
    /// All that is told of an API.
    pub(super) fn all(lifecycle: &Lifecycle) -> Vec<Self> {
        let expiring = lifecycle.expiring.iter().copied().map(Self::Expiring);
        let overdue = lifecycle.rotation_of.iter().map(|(environment, age)| Self::Overdue(environment.clone(), *age));
        let unused = lifecycle.unused_after;
        expiring.chain([Self::Expired]).chain(overdue).chain([Self::Unused(unused), Self::NeverUsed(unused)]).collect()
    }

    /// Its name in the store.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Expiring(before) => format!("expiring:{}ms", before.as_millis()),
            Self::Expired => "expired".to_owned(),
            Self::Overdue(environment, _) => format!("overdue:{environment}"),
            Self::Unused(_) => "unused".to_owned(),
            Self::NeverUsed(_) => "never_used".to_owned(),
        }
    }

    fn line(&self) -> Line {
        match self {
            Self::Expiring(_) | Self::Expired => Line::Ending,
            Self::Overdue(environment, _) => Line::Made(environment.to_string()),
            Self::Unused(_) => Line::Used,
            Self::NeverUsed(_) => Line::NeverUsed,
        }
    }

    /// Up to where it is true on its line.
    fn reaches(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Expiring(before) => now.plus(*before),
            Self::Expired => now,
            Self::Overdue(_, age) | Self::NeverUsed(age) => now.before(*age),
            Self::Unused(time) => now.before(time.saturating_add(MINUTE)),
        }
    }
}

impl Stages {
    /// Since when something is told.
    pub(super) fn since(&self, stage: &Stage) -> Option<Timestamp> {
        self.sweeps.get(&stage.name()).map(|kept| kept.sweep.since)
    }
}

impl Keeper {
    /// How far was looked through the keys of an API. What is told for the first time is told of what becomes so from now on.
    pub(super) async fn stages_of(&mut self, api: &Arc<ServedApi>, now: Timestamp) -> Result<&mut Stages, StoreError> {
        if !self.stages.contains_key(&api.id) {
            let mut stages = Stages::default();
            for sweep in self.store.sweeps(&api.name).await? {
                stages.sweeps.insert(sweep.stage.clone(), Kept { sweep, at: now });
            }
            self.stages.insert(api.id, stages);
        }
        let known = self.stages.entry(api.id).or_default();
        let is_new = |stage: &Stage| !known.sweeps.contains_key(&stage.name());
        let sweep = |stage: Stage| Sweep { stage: stage.name(), since: now, place: Place::end_of(stage.reaches(now)) };
        let new: Vec<Sweep> = Stage::all(&api.lifecycle).into_iter().filter(is_new).map(sweep).collect();
        if !new.is_empty() {
            self.store.keep_sweeps(&api.name, new.clone()).await?;
            known.sweeps.extend(new.into_iter().map(|sweep| (sweep.stage.clone(), Kept { sweep, at: now })));
        }
        Ok(known)
    }

    /// Whether it is some time since was looked for what is to be told.
    pub(super) fn is_time_to_look(&self, api: &ServedApi, now: Timestamp) -> bool {
        let looked_at = self.stages.get(&api.id).and_then(|stages| stages.looked_at);
        looked_at.is_none_or(|at| now.since(at) >= LOOK)
    }

    /// Tells what has become true of keys of an API, some of it. Whether there is more. All usage must be written down.
    pub(super) async fn tell(&mut self, api: &Arc<ServedApi>, now: Timestamp) -> Result<bool, StoreError> {
        let mut more = false;
        for stage in Stage::all(&api.lifecycle) {
            more |= self.tell_stage(api, &stage, now).await?;
        }
        if !more {
            self.stages_of(api, now).await?.looked_at = Some(now);
        }
        Ok(more)
    }

    async fn tell_stage(&mut self, api: &Arc<ServedApi>, stage: &Stage, now: Timestamp) -> Result<bool, StoreError> {
        let name = stage.name();
        let Some(Kept { mut sweep, at }) = self.stages_of(api, now).await?.sweeps.get(&name).cloned() else { return Ok(false) };
        let (after, until) = (sweep.place, stage.reaches(now));
        if Place::end_of(until) <= after {
            return Ok(false);
        }
        let found = self.store.along(&api.name, stage.line(), Span { after, until }, CHUNK).await?;
        let more = found.len() == CHUNK;
        sweep.place = found.last().filter(|_| more).map_or(Place::end_of(until), |(place, _)| *place);
        let is_kept = !found.is_empty() || now.since(at) >= KEEP;
        if !found.is_empty() {
            let keys = found.into_iter().map(|(_, key)| key).collect();
            let raised = Notices::read(&*self.store, api, keys, now).await?.of_stage(stage);
            self.raise(raised).await?;
        }
        if is_kept {
            self.store.keep_sweeps(&api.name, vec![sweep.clone()]).await?;
        }
        let kept = Kept { sweep, at: if is_kept { now } else { at } };
        self.stages_of(api, now).await?.sweeps.insert(name, kept);
        Ok(more)
    }

    /// Writes events down, a few at a time.
    pub(super) async fn raise(&self, mut raised: Vec<bitting_store::Raised>) -> Result<(), StoreError> {
        while !raised.is_empty() {
            let rest = raised.split_off(raised.len().min(CHUNK));
            self.store.raise(raised).await?;
            self.feed.wake();
            raised = rest;
        }
        Ok(())
    }
}
