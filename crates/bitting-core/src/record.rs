//! What is remembered of a key for deciding about it. No secret is among it.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use crate::account::{Account, AccountStanding};
use crate::address::AddressList;
use crate::key::KeyId;
use crate::name::{NameId, Names};
use crate::reason::Reason;
use crate::rights::{Catalogue, Grants, Permission};
use crate::time::Timestamp;

/// The number of a commit. Of two states of the same thing the one with the higher number is the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Sequence(pub u64);

/// One key, as the last change left it.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its public id.
    pub id: KeyId,
    /// The API that it is a key of.
    pub api: NameId,
    /// Its environment.
    pub environment: NameId,
    /// Its owner.
    pub account: Arc<Account>,
    /// What it may do; keys with the same rights share one.
    pub holdings: Arc<Holdings>,
    /// Whether it is in force.
    pub standing: KeyStanding,
    /// From this instant on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Where it may be used from; `None` is everywhere.
    pub addresses: Option<Box<AddressList>>,
    /// The change that left it so.
    pub sequence: Sequence,
}

/// Whether a key is in force, its expiry aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStanding {
    /// It is.
    Active,
    /// Switched off, and can be switched on again.
    Disabled,
    /// Ended for good.
    Revoked,
    /// A change was written, and whether it took effect is not known.
    InDoubt,
}

/// The rights that a key holds, as text for those who are told and as numbers for checks.
#[derive(Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Its role.
    pub role: Option<Box<str>>,
    /// Its permissions as they were given.
    pub permissions: Box<[Box<str>]>,
    /// The capabilities that are switched on.
    pub capabilities: Box<[Box<str>]>,
    grants: Grants,
    role_header: Option<HeaderValue>,
    permissions_header: Option<HeaderValue>,
}

impl Record {
    /// Why the key is refused whatever it asks for, in the order of ARCHITECTURE.md: account, revocation, disabling, expiry,
    /// address. The time is asked for only if the key can expire.
    pub fn refusal(&self, now: impl FnOnce() -> Timestamp, client: Option<IpAddr>) -> Option<Reason> {
        match self.account.standing() {
            AccountStanding::Enabled => {}
            AccountStanding::Disabled => return Some(Reason::DisabledAccount),
            AccountStanding::InDoubt => return Some(Reason::StoreUnavailable),
        }
        match self.standing {
            KeyStanding::Active => {}
            KeyStanding::Disabled => return Some(Reason::DisabledKey),
            KeyStanding::Revoked => return Some(Reason::RevokedKey),
            KeyStanding::InDoubt => return Some(Reason::StoreUnavailable),
        }
        if self.expires_at.is_some_and(|end| now() >= end) {
            return Some(Reason::ExpiredKey);
        }
        let from_elsewhere = |list: &AddressList| !client.is_some_and(|client| list.contains(client));
        self.addresses.as_deref().is_some_and(from_elsewhere).then_some(Reason::AddressNotAllowed)
    }
}

impl Holdings {
    /// From the texts of a stored row. Names that the configuration does not know are kept and grant nothing.
    pub fn new(names: &Names, role: Option<&str>, permissions: &[Permission], capabilities: &[String]) -> Self {
        let (permission_texts, capability_texts) =
            (permissions.iter().map(Permission::as_str), capabilities.iter().map(String::as_str));
        let all: Vec<&str> = permission_texts.clone().chain(capability_texts.clone()).collect();
        Self {
            grants: Catalogue::grants(names, role, permission_texts.clone(), capability_texts.clone()),
            role_header: role.and_then(|role| HeaderValue::from_str(role).ok()),
            permissions_header: HeaderValue::from_str(&all.join(",")).ok().filter(|_| !all.is_empty()),
            role: role.map(Into::into),
            permissions: permission_texts.map(Into::into).collect(),
            capabilities: capability_texts.map(Into::into).collect(),
        }
    }

    /// The numbers, for checks.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The role as a header.
    pub fn role_header(&self) -> Option<&HeaderValue> {
        self.role_header.as_ref()
    }

    /// Permissions and capabilities as a header, joined by commas.
    pub fn permissions_header(&self) -> Option<&HeaderValue> {
        self.permissions_header.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::NameKind;

    fn record(standing: KeyStanding, expires_at: Option<i64>, addresses: &[&str]) -> Record {
        let names = Names::default();
        Record {
            id: KeyId::new(Timestamp::from_millis(0), 1),
            api: names.intern(NameKind::Api, "a"),
            environment: names.intern(NameKind::Environment, "live"),
            account: Arc::new(Account::new("acme".parse().unwrap(), true, Sequence(1))),
            holdings: Arc::new(Holdings::new(&names, None, &[], &[])),
            standing,
            expires_at: expires_at.map(Timestamp::from_millis),
            addresses: (!addresses.is_empty()).then(|| Box::new(AddressList::parse(addresses.iter().copied()).unwrap())),
            sequence: Sequence(1),
        }
    }

    fn refusal(record: &Record, now: i64, client: Option<&str>) -> Option<Reason> {
        record.refusal(|| Timestamp::from_millis(now), client.map(|c| c.parse().unwrap()))
    }

    #[test]
    fn pa12_a_key_is_refused_from_the_very_instant_of_its_expiry() {
        let record = record(KeyStanding::Active, Some(1_000), &[]);
        assert_eq!(refusal(&record, 999, None), None);
        assert_eq!(refusal(&record, 1_000, None), Some(Reason::ExpiredKey));
        assert_eq!(refusal(&record, 1_001, None), Some(Reason::ExpiredKey));
    }

    #[test]
    fn the_account_speaks_before_the_key_and_revocation_before_expiry() {
        let revoked = record(KeyStanding::Revoked, Some(0), &["192.0.2.1"]);
        assert_eq!(refusal(&revoked, 5, None), Some(Reason::RevokedKey));
        revoked.account.apply(false, Sequence(2));
        assert_eq!(refusal(&revoked, 5, None), Some(Reason::DisabledAccount));
        revoked.account.doubt();
        assert_eq!(refusal(&revoked, 5, None), Some(Reason::StoreUnavailable));
        assert_eq!(refusal(&record(KeyStanding::Disabled, Some(0), &[]), 5, None), Some(Reason::DisabledKey));
    }

    #[test]
    fn a_key_with_an_address_list_is_refused_elsewhere_and_where_the_address_is_not_known() {
        let record = record(KeyStanding::Active, None, &["192.0.2.0/24"]);
        assert_eq!(refusal(&record, 0, Some("192.0.2.9")), None);
        assert_eq!(refusal(&record, 0, Some("198.51.100.1")), Some(Reason::AddressNotAllowed));
        assert_eq!(refusal(&record, 0, None), Some(Reason::AddressNotAllowed));
    }
}
