//! What is remembered of a key for deciding about it. No secret is among it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use crate::account::{Account, AccountStanding};
use crate::address::AddressList;
use crate::key::KeyId;
use crate::limit::KeyLimits;
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
    /// Its own numbers for limits of its plan; `None` if it has none. Few keys do, so they cost the others one word.
    pub limits: Option<Box<KeyLimits>>,
    /// Whether somebody else issued it, so that it need not fit the API's format.
    pub imported: bool,
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
#[derive(Debug)]
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
    /// The generation of the catalogue that was last seen to declare all of them.
    declared_by: AtomicU64,
}

impl Record {
    /// Why the key is refused whatever it asks for, in the order of ARCHITECTURE.md: account, revocation, disabling, expiry,
    /// address.
    pub fn refusal(&self, now: Timestamp, client: Option<IpAddr>) -> Option<Reason> {
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
        if self.expires_at.is_some_and(|end| now >= end) {
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
            permissions_header: joined(&all),
            declared_by: AtomicU64::new(u64::MAX),
            role: role.map(Into::into),
            permissions: permission_texts.map(Into::into).collect(),
            capabilities: capability_texts.map(Into::into).collect(),
        }
    }

    /// The numbers, for checks.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The role, and permissions and capabilities joined by commas, as headers for the upstream. What the configuration no
    /// longer declares grants nothing here, and must not grant anything there.
    pub fn headers(&self, catalogue: &Catalogue) -> (Option<HeaderValue>, Option<HeaderValue>) {
        if self.declared_by.load(Ordering::Relaxed) == catalogue.generation() {
            return (self.role_header.clone(), self.permissions_header.clone());
        }
        let role = self.role.as_deref().filter(|role| catalogue.role(role).is_ok());
        let is_permission = |text: &str| text.parse().is_ok_and(|permission| catalogue.permission(&permission).is_ok());
        let permissions = self.permissions.iter().filter(|text| is_permission(text));
        let capabilities = self.capabilities.iter().filter(|text| catalogue.capability(text).is_ok());
        let declared: Vec<&str> = permissions.chain(capabilities).map(|text| &**text).collect();
        if role == self.role.as_deref() && declared.len() == self.permissions.len() + self.capabilities.len() {
            self.declared_by.store(catalogue.generation(), Ordering::Relaxed);
        }
        (role.and(self.role_header.clone()), joined(&declared))
    }
}

fn joined(texts: &[&str]) -> Option<HeaderValue> {
    HeaderValue::from_str(&texts.join(",")).ok().filter(|_| !texts.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::NameKind;
    use crate::rights::{CapabilitySpec, CatalogueSpec, PermissionSpec, RoleSpec};

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
            limits: None,
            imported: false,
            sequence: Sequence(1),
        }
    }

    fn refusal(record: &Record, now: i64, client: Option<&str>) -> Option<Reason> {
        record.refusal(Timestamp::from_millis(now), client.map(|c| c.parse().unwrap()))
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
        revoked.account.apply(false, None, Sequence(2));
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

    #[test]
    fn the_upstream_is_told_only_what_the_configuration_declares() {
        let names = Names::default();
        let held = ["a:read".parse().unwrap(), "a:*".parse().unwrap(), "b:read".parse().unwrap()];
        let holdings = Holdings::new(&names, Some("boss"), &held, &["x".to_owned()]);
        let declaring = |permissions: &[&str], roles: &[&str], capabilities: &[&str]| {
            let permission =
                |name: &&str| PermissionSpec { name: name.parse().unwrap(), means: Vec::new(), description: "".into() };
            let role = |name: &&str| RoleSpec {
                name: (*name).into(),
                includes: Vec::new(),
                permissions: Vec::new(),
                description: "".into(),
            };
            let capability = |name: &&str| CapabilitySpec { name: (*name).into(), label: "".into(), warning: "".into() };
            Catalogue::new(CatalogueSpec {
                permissions: permissions.iter().map(permission).collect(),
                roles: roles.iter().map(role).collect(),
                capabilities: capabilities.iter().map(capability).collect(),
            })
            .unwrap()
        };
        let told = |catalogue: &Catalogue| {
            let (role, permissions) = holdings.headers(catalogue);
            let text = |value: Option<HeaderValue>| value.map_or(String::new(), |value| value.to_str().unwrap().to_owned());
            (text(role), text(permissions))
        };
        let all = declaring(&["a:read", "b:read"], &["boss"], &["x"]);
        let some = declaring(&["a:read"], &["clerk"], &[]);
        assert_eq!(told(&Catalogue::default()), (String::new(), String::new()));
        for _ in 0..2 {
            assert_eq!(told(&all), ("boss".to_owned(), "a:read,a:*,b:read,x".to_owned()));
            assert_eq!(told(&some), (String::new(), "a:read,a:*".to_owned()));
            assert_eq!(told(&Catalogue::default()), (String::new(), String::new()));
        }
    }
}
