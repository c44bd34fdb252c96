//! The rights that one API knows: which names exist, and what includes what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Clause, Grants, Need, Permission};
use crate::name::{NameId, NameKind, Names};

/// The declared permissions, roles and capabilities of an API, compiled. It answers two questions: may a key be given
/// this name, and which names satisfy what a route asks for.
#[derive(Debug, Default)]
pub struct Catalogue {
    permissions: Vec<PermissionSpec>,
    roles: Vec<RoleSpec>,
    capabilities: Vec<CapabilitySpec>,
    /// For each role, itself and every role that it includes, directly or not.
    included: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    /// Tells it from every other catalogue of the process; zero is the empty one.
    generation: u64,
}

static GENERATIONS: AtomicU64 = AtomicU64::new(1);

/// What a catalogue is built from, in the order of declaration.
#[derive(Debug, Default)]
pub struct CatalogueSpec {
    /// Permissions and aliases.
    pub permissions: Vec<PermissionSpec>,
    /// Roles.
    pub roles: Vec<RoleSpec>,
    /// Capabilities.
    pub capabilities: Vec<CapabilitySpec>,
}

/// A declared permission.
#[derive(Debug, Clone)]
pub struct PermissionSpec {
    /// As keys hold it and routes need it.
    pub name: Permission,
    /// For an alias: what holding it includes. Empty for an ordinary permission.
    pub means: Vec<Permission>,
    /// One line for the person who chooses it.
    pub description: Box<str>,
}

/// A declared role.
#[derive(Debug, Clone)]
pub struct RoleSpec {
    /// As keys hold it and routes need it.
    pub name: Box<str>,
    /// The roles that it includes.
    pub includes: Vec<Box<str>>,
    /// The permissions that it includes.
    pub permissions: Vec<Permission>,
    /// One line for the person who chooses it.
    pub description: Box<str>,
}

/// A declared capability.
#[derive(Debug, Clone)]
pub struct CapabilitySpec {
    /// As keys hold it and routes need it.
    pub name: Box<str>,
    /// The words beside the switch, as in "Trading enabled".
    pub label: Box<str>,
    /// What to consider before it is switched on.
    pub warning: Box<str>,
}

/// A declaration that cannot stand. Each names the text that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// The same name is declared twice, or as two kinds of right.
    #[error("{0:?} is declared twice among the permissions, roles and capabilities")]
    Repeated(Box<str>),
    /// A role includes a role that is not declared.
    #[error("the role {role:?} includes {missing:?}, which is not declared")]
    UnknownRole {
        /// The role that includes.
        role: Box<str>,
        /// The name that is not declared.
        missing: Box<str>,
    },
    /// A role includes a permission that is not declared.
    #[error("the role {role:?} has the permission {missing:?}, which is not declared")]
    UnknownPermission {
        /// The role.
        role: Box<str>,
        /// The permission that is not declared.
        missing: Box<str>,
    },
    /// Roles include each other in a circle.
    #[error("the role {0:?} includes itself")]
    Circle(Box<str>),
}

/// A name that the API does not declare.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a declared {kind}")]
pub struct UnknownRight {
    /// The name that is not declared.
    pub name: Box<str>,
    /// "permission", "role", "capability", or all three.
    pub kind: &'static str,
}

impl Catalogue {
    /// Compiles the declarations.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn new(spec: CatalogueSpec) -> Result<Self, Vec<CatalogueError>> {
        let CatalogueSpec { permissions, mut roles, capabilities } = spec;
        let mut errors = Vec::new();
        let mut seen = BTreeSet::new();
        let declared = permissions.iter().map(|p| p.name.as_str());
        let declared = declared.chain(roles.iter().map(|r| &*r.name)).chain(capabilities.iter().map(|c| &*c.name));
        for name in declared {
            if !seen.insert(name) {
                errors.push(CatalogueError::Repeated(name.into()));
            }
        }
        // A role that is declared twice would seem to include itself, which nobody wrote.
        let mut named = BTreeSet::new();
        roles.retain(|role| named.insert(role.name.clone()));
        let mut included = BTreeMap::new();
        for role in &roles {
            for name in role.includes.iter().filter(|name| !roles.iter().any(|r| r.name == **name)) {
                errors.push(CatalogueError::UnknownRole { role: role.name.clone(), missing: name.clone() });
            }
            for name in role.permissions.iter().filter(|p| !names_something(&permissions, p)) {
                errors.push(CatalogueError::UnknownPermission { role: role.name.clone(), missing: name.as_str().into() });
            }
            match reachable(role, &roles) {
                Some(set) => drop(included.insert(role.name.clone(), set)),
                None => errors.push(CatalogueError::Circle(role.name.clone())),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { permissions, roles, capabilities, included, generation })
    }

    /// A number that no other catalogue of the process has, by which what was worked out for it can be kept.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The declared permissions and aliases.
    pub fn permissions(&self) -> &[PermissionSpec] {
        &self.permissions
    }

    /// The declared roles.
    pub fn roles(&self) -> &[RoleSpec] {
        &self.roles
    }

    /// The declared capabilities.
    pub fn capabilities(&self) -> &[CapabilitySpec] {
        &self.capabilities
    }

    /// Whether a key may be given this permission: it is declared, or is a pattern that covers a declared one.
    ///
    /// # Errors
    /// The name, if it is neither.
    pub fn permission(&self, name: &Permission) -> Result<(), UnknownRight> {
        let known = names_something(&self.permissions, name);
        if known { Ok(()) } else { Err(UnknownRight { name: name.as_str().into(), kind: "permission" }) }
    }

    /// Whether a key may be given this role.
    ///
    /// # Errors
    /// The name, if it is not declared.
    pub fn role(&self, name: &str) -> Result<(), UnknownRight> {
        let known = self.roles.iter().any(|role| &*role.name == name);
        if known { Ok(()) } else { Err(UnknownRight { name: name.into(), kind: "role" }) }
    }

    /// Whether a key may be given this capability.
    ///
    /// # Errors
    /// The name, if it is not declared.
    pub fn capability(&self, name: &str) -> Result<(), UnknownRight> {
        let known = self.capabilities.iter().any(|capability| &*capability.name == name);
        if known { Ok(()) } else { Err(UnknownRight { name: name.into(), kind: "capability" }) }
    }

    /// Compiles what a route asks for: all of the given permissions, roles and capabilities.
    ///
    /// # Errors
    /// Each name that is none of the three.
    pub fn need<'n>(&self, asked: impl IntoIterator<Item = &'n str>, names: &Names) -> Result<Need, Vec<UnknownRight>> {
        let (mut clauses, mut unknown) = (Vec::new(), Vec::new());
        for name in asked {
            if self.role(name).is_ok() {
                clauses.push(Clause::new(name, self.roles_that_include(name, names)));
            } else if self.capability(name).is_ok() {
                clauses.push(Clause::new(name, vec![names.intern(NameKind::Capability, name)]));
            } else if let Some(permission) = name.parse().ok().filter(|p| self.permission(p).is_ok()) {
                clauses.extend(self.clauses_for(&permission, names));
            } else {
                unknown.push(UnknownRight { name: name.into(), kind: "permission, role or capability" });
            }
        }
        if unknown.is_empty() { Ok(Need::new(clauses)) } else { Err(unknown) }
    }

    /// The numbers of what a key holds, whether or not the configuration still knows the names.
    pub fn grants<'n>(
        names: &Names,
        role: Option<&str>,
        permissions: impl IntoIterator<Item = &'n str>,
        capabilities: impl IntoIterator<Item = &'n str>,
    ) -> Grants {
        let mut held: Vec<NameId> = permissions.into_iter().map(|p| names.intern(NameKind::Permission, p)).collect();
        held.extend(capabilities.into_iter().map(|c| names.intern(NameKind::Capability, c)));
        held.extend(role.map(|role| names.intern(NameKind::Role, role)));
        Grants::new(held)
    }

    /// The names of all roles that include a role, itself among them, in the order of declaration.
    pub fn including(&self, role: &str) -> impl Iterator<Item = &str> {
        let includes = move |name: &str| self.included.get(name).is_some_and(|included| included.contains(role));
        self.roles.iter().map(|role| &*role.name).filter(move |name| includes(name))
    }

    fn roles_that_include(&self, role: &str, names: &Names) -> Vec<NameId> {
        self.including(role).map(|name| names.intern(NameKind::Role, name)).collect()
    }

    /// An alias asks for everything that it means; its own name satisfies each part.
    fn clauses_for(&self, asked: &Permission, names: &Names) -> Vec<Clause> {
        let meanings = self.permissions.iter().find(|p| p.name == *asked).map_or(&[][..], |p| &p.means);
        let parts = if meanings.is_empty() { std::slice::from_ref(asked) } else { meanings };
        parts
            .iter()
            .map(|part| {
                let mut any_of = self.holders_of(part, names);
                any_of.extend(self.holders_of(asked, names));
                Clause::new(asked.as_str(), any_of)
            })
            .collect()
    }

    /// Every name whose holder has a permission: patterns that cover it, aliases that mean it, roles that have it.
    fn holders_of(&self, permission: &Permission, names: &Names) -> Vec<NameId> {
        let mut held_as: BTreeSet<Permission> = permission.covering().into_iter().collect();
        let aliases = self.permissions.iter().filter(|p| p.means.iter().any(|meaning| meaning.covers(permission)));
        // Whoever holds a pattern that covers the alias holds what it means.
        held_as.extend(aliases.flat_map(|alias| alias.name.covering()));
        let has = |role: &RoleSpec| role.permissions.iter().any(|p| held_as.contains(p));
        let roles: BTreeSet<&str> = self.roles.iter().filter(|r| has(r)).map(|r| &*r.name).collect();
        let mut holders: Vec<NameId> = roles.iter().flat_map(|role| self.roles_that_include(role, names)).collect();
        holders.extend(held_as.iter().map(|p| names.intern(NameKind::Permission, p.as_str())));
        holders
    }
}

fn names_something(declared: &[PermissionSpec], name: &Permission) -> bool {
    declared.iter().any(|p| p.name == *name || (name.is_pattern() && name.covers(&p.name)))
}

/// The role and all that it includes; `None` if it includes itself.
fn reachable(role: &RoleSpec, roles: &[RoleSpec]) -> Option<BTreeSet<Box<str>>> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = role.includes.iter().map(|name| &**name).collect();
    while let Some(name) = open.pop() {
        if found.insert(name.into()) {
            let included = roles.iter().filter(|r| &*r.name == name).flat_map(|r| &r.includes);
            open.extend(included.map(|name| &**name));
        }
    }
    found.insert(role.name.clone()).then_some(found)
}

#[cfg(test)]
mod tests;
