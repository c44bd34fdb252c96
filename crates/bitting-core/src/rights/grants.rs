//! The lists that a check compares.

use crate::name::NameId;

/// Everything a key holds, as sorted numbers: its role, its permissions as written, its capabilities.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Grants(Box<[NameId]>);

impl Grants {
    /// From numbers in any order.
    pub fn new(mut held: Vec<NameId>) -> Self {
        held.sort_unstable();
        held.dedup();
        Self(held.into())
    }

    fn meets(&self, any_of: &[NameId]) -> bool {
        let (mut held, mut asked) = (&self.0[..], any_of);
        while let ([h, more_held @ ..], [a, more_asked @ ..]) = (held, asked) {
            match h.cmp(a) {
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Less => held = more_held,
                std::cmp::Ordering::Greater => asked = more_asked,
            }
        }
        false
    }
}

/// One thing that is asked for, and the numbers of all names whose holders have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    asked: Box<str>,
    any_of: Box<[NameId]>,
}

impl Clause {
    pub(super) fn new(asked: &str, mut any_of: Vec<NameId>) -> Self {
        any_of.sort_unstable();
        any_of.dedup();
        Self { asked: asked.into(), any_of: any_of.into() }
    }

    /// The permission, role or capability as the configuration writes it.
    pub fn asked(&self) -> &str {
        &self.asked
    }
}

/// What a route asks for: every clause of it. The empty need is met by every key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Need(Box<[Clause]>);

impl Need {
    pub(super) fn new(clauses: Vec<Clause>) -> Self {
        Self(clauses.into())
    }

    /// The first clause that the grants do not meet.
    pub fn unmet_by(&self, grants: &Grants) -> Option<&Clause> {
        self.0.iter().find(|clause| !grants.meets(&clause.any_of))
    }

    /// Whether every key meets it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is asked for, in the order of the configuration.
    pub fn asked(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Clause::asked)
    }

    /// Whether whoever meets `self` meets `other` too, so that `other` is no stronger.
    pub fn implies(&self, other: &Self) -> bool {
        other.0.iter().all(|theirs| self.0.iter().any(|mine| mine.any_of.iter().all(|id| theirs.any_of.contains(id))))
    }
}
