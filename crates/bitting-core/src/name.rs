//! Names as small numbers.
//!
//! A stored row says `tasks:read`; a million rows would say it a million times, and each request would compare text.
//! [`Names`] gives each name a number for as long as the process lives. Numbers are only ever added: what a number means
//! is said by the configuration in force, so a name that the configuration drops grants nothing and one that comes back
//! means the same again. Handing out per-configuration numbers instead was rejected: every reload would rewrite every
//! record.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// The number of a name, unique in its process. Two names of different [`NameKind`] never share a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(u32);

impl NameId {
    /// As a plain number, for where a name stands in an atomic.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// The name that had this [number](Self::number).
    pub(crate) fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// What a name is the name of. The role `admin` and the capability `admin` are two names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A protected API.
    Api,
    /// An environment of an API.
    Environment,
    /// A permission or a pattern of permissions, as held by a key.
    Permission,
    /// A role.
    Role,
    /// A capability.
    Capability,
    /// A plan.
    Plan,
    /// A limit.
    Limit,
}

/// All names that were ever seen by this process.
#[derive(Debug, Default)]
pub struct Names(RwLock<Table>);

#[derive(Debug, Default)]
struct Table {
    /// One map for each kind, so that a look-up borrows its text.
    numbers: HashMap<NameKind, HashMap<Box<str>, NameId>>,
    next: u32,
}

impl Names {
    /// The number of a name, a new one if it was never seen.
    pub fn intern(&self, kind: NameKind, text: &str) -> NameId {
        if let Some(known) = self.find(kind, text) {
            return known;
        }
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let next = NameId(table.next);
        let id = *table.numbers.entry(kind).or_default().entry(text.into()).or_insert(next);
        // Somebody else may have added it since it was looked for.
        if id == next {
            table.next += 1;
        }
        id
    }

    /// The number of a name that was seen before.
    pub fn find(&self, kind: NameKind, text: &str) -> Option<NameId> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.numbers.get(&kind)?.get(text).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number_and_kinds_do_not_mix() {
        let names = Names::default();
        let role = names.intern(NameKind::Role, "admin");
        let capability = names.intern(NameKind::Capability, "admin");
        assert_ne!(role, capability);
        assert_eq!(names.intern(NameKind::Role, "admin"), role);
        assert_eq!(names.find(NameKind::Role, "admin"), Some(role));
        assert_eq!(names.find(NameKind::Api, "admin"), None);
    }
}
