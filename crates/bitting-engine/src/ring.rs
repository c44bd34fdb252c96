//! All keys in memory.
//!
//! The map is complete: every key, revoked and expired ones included, is loaded before the ring is trusted. So a key that
//! is not found is unknown, and there is no read-through, no negative cache and no fill that could race a revocation.
//! Every record carries the number of the commit that left it; [`Ring::apply`] lets the higher number win, so the order in
//! which changes arrive does not matter.

mod hasher;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bitting_core::account::{Account, AccountId};
use bitting_core::api::Api;
use bitting_core::key::{Digest, KeyId, PresentedKey};
use bitting_core::limit::KeyLimits;
use bitting_core::name::{NameId, NameKind, Names};
use bitting_core::record::{Holdings, KeyStanding, Record};
use bitting_core::rights::Permission;
use bitting_store::{AccountRow, Provenance, RingRow, Store, StoreError};
use papaya::{Compute, HashMap as ConcurrentMap, Operation};

use self::hasher::DigestHasher;
use crate::imported::{Imports, Place, Sighting, Sightings};
use crate::meters;

/// The map of all keys.
pub(crate) struct Ring {
    names: Arc<Names>,
    records: ConcurrentMap<Digest, Arc<Record>, DigestHasher>,
    accounts: Mutex<HashMap<(NameId, AccountId), Arc<Account>>>,
    /// Rights by their stored text. A million keys share a handful.
    holdings: Mutex<HashMap<Box<str>, Weak<Holdings>>>,
    imports: Imports,
    sightings: Sightings,
    loaded: AtomicBool,
    /// Set once nobody writes any more: what is on the disk may be later than what is here.
    deserted: AtomicBool,
}

/// A ring that may be believed. Only [`Ring::trusted`] makes one, and only it can look keys up.
#[derive(Clone, Copy)]
pub(crate) struct TrustedRing<'r>(&'r Ring);

/// A key that was not found under its SHA-256.
pub(crate) enum Unseen {
    /// It is there under another hash.
    Found(Arc<Record>),
    /// One is there that begins so. Whether it is the same only its slow hash can tell.
    Unproven(Arc<Record>),
}

/// The ring may not be believed now: what it does not hold may exist, and what it holds may be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Untrusted;

impl Ring {
    /// An empty ring, which nobody trusts until it is [loaded](Self::load). The seed should be random.
    pub(crate) fn new(names: Arc<Names>, seed: u128) -> Self {
        Self {
            names,
            records: ConcurrentMap::with_hasher(DigestHasher::new(seed)),
            accounts: Mutex::default(),
            holdings: Mutex::default(),
            imports: Imports::default(),
            sightings: Sightings::default(),
            loaded: AtomicBool::new(false),
            deserted: AtomicBool::new(false),
        }
    }

    /// Reads everything from a store, so many keys at once. Changes may be applied meanwhile: their numbers are higher.
    ///
    /// # Errors
    /// If the store cannot be read; then the ring stays untrusted.
    pub(crate) async fn load(&self, store: &dyn Store, page_size: usize) -> Result<(), StoreError> {
        let expected = usize::try_from(store.key_count().await?).unwrap_or_default();
        self.records.pin().reserve(expected);
        for account in store.ring_accounts().await? {
            self.apply_account(&account);
        }
        let mut page = store.ring_keys(None, page_size).await?;
        while let Some(last) = page.last() {
            let (more, after) = (page.len() == page_size, last.id);
            // The next page is read while this one goes into the map.
            let next = async { if more { store.ring_keys(Some(after), page_size).await } else { Ok(Vec::new()) } };
            let fill = async {
                for row in &page {
                    self.apply(row);
                }
            };
            let (next, ()) = tokio::join!(next, fill);
            page = next?;
        }
        self.loaded.store(true, Ordering::Release);
        meters::ring_keys(self.records.len());
        Ok(())
    }

    /// The one gate before every look-up: may the map still be believed? On one node it may as soon as it is complete,
    /// for as long as its writer lives.
    pub(crate) fn trusted(&self) -> Result<TrustedRing<'_>, Untrusted> {
        if self.is_loaded() && !self.is_deserted() { Ok(TrustedRing(self)) } else { Err(Untrusted) }
    }

    /// Whether the map is complete.
    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    /// Ends all trust, for good.
    pub(crate) fn desert(&self) {
        self.deserted.store(true, Ordering::Release);
    }

    /// Whether its writer ended before its time.
    pub(crate) fn is_deserted(&self) -> bool {
        self.deserted.load(Ordering::Acquire)
    }

    /// Whether there may be keys of an API that do not fit its format: imported ones. Nobody knows until all are loaded.
    pub(crate) fn may_hold_imports(&self, api: NameId) -> bool {
        self.imports.any(api) || !self.is_loaded()
    }

    /// Keys that were used for the first time since they were imported.
    pub(crate) fn sightings(&self) -> &Sightings {
        &self.sightings
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Takes over a key as a commit left it, unless a later commit was taken over before.
    pub(crate) fn apply(&self, row: &RingRow) {
        let record = Arc::new(self.read(row));
        let records = self.records.pin();
        let outcome = records.compute(row.digest, |current| match current {
            Some((_, current)) if current.sequence > record.sequence => Operation::Abort(()),
            _ => Operation::<_, ()>::Insert(Arc::clone(&record)),
        });
        if let Compute::Inserted(..) = outcome {
            self.imports.add(record.api, &row.provenance);
        }
        // Now that it stands under its SHA-256, where every request looks first, its other place can go.
        if let Provenance::Seen(hash) = &row.provenance
            && records.remove(&hash.place(&row.api)).is_some()
        {
            self.imports.forget_unseen(record.api, hash);
        }
        if self.is_loaded() {
            meters::ring_keys(self.records.len());
        }
    }

    /// Takes over an account as a commit left it, unless a later commit was taken over before.
    pub(crate) fn apply_account(&self, row: &AccountRow) {
        let api = self.names.intern(NameKind::Api, &row.api);
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Account::new(row.id.clone(), row.enabled, row.sequence));
        let plan = row.plan.as_deref().map(|plan| self.names.intern(NameKind::Plan, plan));
        accounts.entry((api, row.id.clone())).or_insert_with(new).apply(row.enabled, plan, row.sequence);
    }

    /// Refuses keys until [`apply`](Self::apply) says what holds. Only for the rare doubt: the map is not made to be
    /// searched by public id, so this looks at every key, once for all of them.
    pub(crate) fn doubt_keys(&self, ids: &HashSet<KeyId>) {
        if ids.is_empty() {
            return;
        }
        let records = self.records.pin();
        let concerned = records.iter().filter(|(_, record)| ids.contains(&record.id));
        for digest in concerned.map(|(digest, _)| *digest).collect::<Vec<_>>() {
            let doubted = |current: &Arc<Record>| Record { standing: KeyStanding::InDoubt, ..Record::clone(current) };
            records.update(digest, |current| Arc::new(doubted(current)));
        }
    }

    /// Refuses the keys of an account until [`apply_account`](Self::apply_account) says what holds.
    pub(crate) fn doubt_account(&self, api: &str, id: &AccountId) {
        let api = self.names.intern(NameKind::Api, api);
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get(&(api, id.clone())) {
            account.doubt();
        }
    }

    fn read(&self, row: &RingRow) -> Record {
        let api = self.names.intern(NameKind::Api, &row.api);
        let standing = match (row.revoked, row.enabled) {
            (true, _) => KeyStanding::Revoked,
            (false, true) => KeyStanding::Active,
            (false, false) => KeyStanding::Disabled,
        };
        Record {
            id: row.id,
            api,
            environment: self.names.intern(NameKind::Environment, &row.environment),
            account: self.account(api, row),
            holdings: self.holdings(&row.rights),
            standing,
            expires_at: row.expires_at,
            addresses: row.allowed_addresses.clone().map(Box::new),
            limits: self.limits(row),
            imported: row.provenance.is_imported(),
            sequence: row.sequence,
        }
    }

    fn limits(&self, row: &RingRow) -> Option<Box<KeyLimits>> {
        let limits = row.limits.iter().map(|(name, number)| (name.as_str(), *number));
        (!row.limits.is_empty()).then(|| Box::new(KeyLimits::new(limits, &self.names)))
    }

    /// The account of a key. A store never has a key without its account; should one turn up, its account is disabled.
    fn account(&self, api: NameId, row: &RingRow) -> Arc<Account> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let orphaned = || Arc::new(Account::new(row.account.clone(), false, bitting_core::record::Sequence(0)));
        Arc::clone(accounts.entry((api, row.account.clone())).or_insert_with(orphaned))
    }

    fn holdings(&self, rights: &str) -> Arc<Holdings> {
        let mut known = self.holdings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(rights).and_then(Weak::upgrade) {
            return shared;
        }
        // Text that cannot be read grants nothing.
        let (role, permissions, capabilities): (Option<String>, Vec<Permission>, Vec<String>) =
            serde_json::from_str(rights).unwrap_or_default();
        let holdings = Arc::new(Holdings::new(&self.names, role.as_deref(), &permissions, &capabilities));
        known.insert(rights.into(), Arc::downgrade(&holdings));
        if known.len() > 1_024 && known.len().is_power_of_two() {
            known.retain(|_, shared| shared.strong_count() > 0);
        }
        holdings
    }
}

impl TrustedRing<'_> {
    /// The record of a key; `None` means that there is no such key.
    pub(crate) fn find(self, digest: &Digest) -> Option<Arc<Record>> {
        self.0.records.pin().get(digest).cloned()
    }

    /// The record of a key that came with another hash than its SHA-256 and was not seen since. That it was seen now is
    /// passed on.
    pub(crate) fn find_unseen(self, api: &Api, presented: &PresentedKey<'_>) -> Option<Unseen> {
        let Self(ring) = self;
        if !ring.imports.any(api.id) {
            return None;
        }
        let is_of_api = |record: &Arc<Record>| record.api == api.id;
        for Place { digest, proves } in ring.imports.places(api.id, &api.name, presented) {
            let Some(record) = self.find(&digest).filter(is_of_api) else { continue };
            if !proves {
                return Some(Unseen::Unproven(record));
            }
            if record.standing == KeyStanding::Active {
                ring.sightings.note(record.id, Sighting { api: api.name.clone(), digest: presented.digest() });
            }
            return Some(Unseen::Found(record));
        }
        // It may have moved since it was looked for under its SHA-256.
        self.find(&presented.digest()).map(Unseen::Found)
    }
}

#[cfg(test)]
mod tests;
