//! Keys that manage keys.
//!
//! The holder of a key manages the keys of its own account and environment, and nothing that exceeds the key itself. What is
//! allowed is decided on the rows as they are, and the change is written only if they still are: both the holder's key
//! and the one that it changes are conditions of the change. So two steps at once cannot do what neither may.

use std::collections::BTreeMap;
use std::sync::Arc;

use bitting_core::account::Account;
use bitting_core::key::KeyId;
use bitting_core::record::Sequence;
use bitting_core::rights::{Excess, Mandate};
use bitting_core::time::Timestamp;
use bitting_store::{Change, Committed, Conditions, KeyRow, NewKey, Origin, Refusal, Store, StoreError, Successor};

use crate::apis::{Apis, ServedApi};
use crate::decision::Permit;
use crate::desk::KeySpec;
use crate::engine::{CommitError, Engine, check_change};

/// How often a change is thought over again because its subject was changed meanwhile.
const ATTEMPTS: usize = 4;

/// Whoever holds the key of a permitted request, as the store knows it now.
pub struct Holder {
    api: Arc<ServedApi>,
    row: KeyRow,
    /// Of the key and of all that it manages; its plan is the one in force now.
    account: Arc<Account>,
}

impl Engine {
    /// The holder of a permitted request's key. `None` if there was no key, or it has been changed since it was decided on.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn holder(&self, permit: &Permit) -> Result<Option<Holder>, StoreError> {
        let Some(record) = permit.key() else { return Ok(None) };
        let row = self.store().key(&permit.api().name, record.id).await?;
        let unchanged = |row: &KeyRow| row.sequence == record.sequence;
        let holder = |row| Holder { api: Arc::clone(permit.api()), row, account: Arc::clone(&record.account) };
        Ok(row.filter(unchanged).map(holder))
    }

    /// Makes a change for the holder of a key, if they may.
    ///
    /// # Errors
    /// As [`submit`](Self::submit); [`CommitError::Exceeds`] if it would make, change or rotate a key that exceeds the
    /// holder's; [`Refusal::NoSuchKey`] if it is about a key that is not theirs to manage.
    pub async fn submit_for(
        &self,
        holder: &Holder,
        change: &Change,
        origin: &Origin,
        conditions: &Conditions,
    ) -> Result<Committed, CommitError> {
        // What is wrong for everybody is told before what is too much for this one.
        check_change(&self.apis(), &mut change.clone(), self.now())?;
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            let apis = self.apis();
            let relied_on = holder.may_make(change, &apis, self.store(), self.now()).await?;
            let mut all = conditions.clone();
            all.keys.extend(relied_on);
            match self.submit(change.clone(), origin.clone(), all).await {
                // Its subject was changed since it was read here; the holder's key, or what the caller has seen, counts.
                Err(CommitError::Refused(Refusal::Changed(id)))
                    if left > 0 && id != holder.row.id.to_string() && conditions.keys.is_empty() => {}
                answer => return answer,
            }
        }
    }
}

impl Holder {
    /// The key.
    pub fn row(&self) -> &KeyRow {
        &self.row
    }

    /// Whether a key of the same API is the holder's to manage: of the same account and environment, and not ended.
    pub fn manages(&self, key: &KeyRow) -> bool {
        key.account == self.row.account && key.environment == self.row.environment && key.revoked_at.is_none()
    }

    /// Fills in what a new key gets where nothing is said: the API's defaults, as far as the holder has them.
    pub fn fill_in(&self, spec: &mut KeySpec, apis: &Apis) {
        let (api, own) = (&self.api, mandate(&self.row));
        let has = |wanted: Mandate<'_>| wanted.excess_over(&own, &api.catalogue, apis.names()).is_empty();
        let nothing = Mandate { expires_at: own.expires_at, allowed_addresses: own.allowed_addresses, ..Mandate::default() };
        spec.account = Some(self.row.account.clone());
        spec.environment.get_or_insert_with(|| self.row.environment.clone());
        if spec.role.is_none() {
            let default = api.new_key.role.as_deref();
            spec.role = default.filter(|role| has(Mandate { role: Some(role), ..nothing })).map(str::to_owned);
        }
        if spec.permissions.is_none() {
            let held = |permission: &&_| has(Mandate { permissions: std::slice::from_ref(*permission), ..nothing });
            spec.permissions = Some(api.new_key.permissions.iter().filter(held).cloned().collect());
        }
        if spec.allowed_addresses.is_none() {
            spec.allowed_addresses.clone_from(&self.row.allowed_addresses);
        }
        for (name, number) in self.row.limits.iter().filter(|(name, _)| api.plans.of_keys(name).next().is_some()) {
            spec.limits.entry(name.clone()).or_insert(*number);
        }
        spec.expires_at = spec.expires_at.or(self.row.expires_at);
        if spec.auto_renew.is_none() && !self.may_renew() {
            spec.auto_renew = Some(false);
        }
    }

    /// The keys on which it was decided that the holder may make a change, with the commits that left them so.
    async fn may_make(
        &self,
        change: &Change,
        apis: &Apis,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<Vec<(KeyId, Sequence)>, CommitError> {
        let mut relied_on = vec![(self.row.id, self.row.sequence)];
        if let Change::CreateKey(new) = change {
            self.may_create(new, apis)?;
            return Ok(relied_on);
        }
        let Some(id) = change.subject_key() else {
            // Accounts are not a key holder's to manage.
            return Err(Refusal::NotYours.into());
        };
        let found = store.key(&self.api.name, id).await.map_err(Arc::new)?;
        let key = found.filter(|key| self.manages(key)).ok_or(Refusal::NoSuchKey(id))?;
        relied_on.push((key.id, key.sequence));
        match change {
            // Whoever finds a key that has leaked may end it, however strong it is.
            Change::RevokeKey { .. } => {}
            Change::UpdateKey { patch, .. } => {
                self.covers(&mandate(&key), &key.limits, apis)?;
                let mut after = key.clone();
                patch.apply(&mut after, now);
                self.covers(&mandate(&after), &after.limits, apis)?;
                self.covers_renewal(after.auto_renew, after.expires_at)?;
            }
            Change::RotateKey { successor: Successor { expires_at, .. }, .. } => {
                self.covers(&mandate(&key), &key.limits, apis)?;
                self.covers(&Mandate { expires_at: *expires_at, ..mandate(&key) }, &key.limits, apis)?;
                self.covers_renewal(key.auto_renew, *expires_at)?;
            }
            _ => return Err(Refusal::NotYours.into()),
        }
        Ok(relied_on)
    }

    fn may_create(&self, new: &NewKey, apis: &Apis) -> Result<(), CommitError> {
        let mut excess = Vec::new();
        if new.account != self.row.account {
            excess.push(Excess { field: "account", what: new.account.to_string() });
        }
        if new.environment != self.row.environment {
            excess.push(Excess { field: "environment", what: new.environment.clone() });
        }
        let wanted = Mandate {
            role: new.role.as_deref(),
            permissions: &new.permissions,
            capabilities: &new.capabilities,
            allowed_addresses: new.allowed_addresses.as_ref(),
            expires_at: new.expires_at,
        };
        excess.extend(self.excess(&wanted, &new.limits, apis));
        excess.extend(self.renewal_excess(new.auto_renew, new.expires_at));
        if excess.is_empty() { Ok(()) } else { Err(CommitError::Exceeds(excess)) }
    }

    fn covers(&self, wanted: &Mandate<'_>, limits: &BTreeMap<String, u64>, apis: &Apis) -> Result<(), CommitError> {
        let excess = self.excess(wanted, limits, apis);
        if excess.is_empty() { Ok(()) } else { Err(CommitError::Exceeds(excess)) }
    }

    /// Whether what the holder makes may renew itself: it shall not outlive a holder that has an end for good.
    fn may_renew(&self) -> bool {
        self.row.expires_at.is_none() || self.row.auto_renew
    }

    fn renewal_excess(&self, auto_renew: bool, expires_at: Option<Timestamp>) -> Option<Excess> {
        let outlives = auto_renew && expires_at.is_some() && !self.may_renew();
        outlives.then(|| Excess { field: "auto_renew", what: "true".to_owned() })
    }

    fn covers_renewal(&self, auto_renew: bool, expires_at: Option<Timestamp>) -> Result<(), CommitError> {
        self.renewal_excess(auto_renew, expires_at).map_or(Ok(()), |excess| Err(CommitError::Exceeds(vec![excess])))
    }

    /// In what a key with such rights and numbers of its own would exceed the holder's.
    fn excess(&self, wanted: &Mandate<'_>, limits: &BTreeMap<String, u64>, apis: &Apis) -> Vec<Excess> {
        let mut excess = wanted.excess_over(&mandate(&self.row), &self.api.catalogue, apis.names());
        let higher = self.api.plans.excess(self.account.plan(), limits, &self.row.limits);
        excess.extend(higher.into_iter().map(|what| Excess { field: "limits", what }));
        excess
    }
}

fn mandate(row: &KeyRow) -> Mandate<'_> {
    Mandate {
        role: row.role.as_deref(),
        permissions: &row.permissions,
        capabilities: &row.capabilities,
        allowed_addresses: row.allowed_addresses.as_ref(),
        expires_at: row.expires_at,
    }
}
