//! What a key may hand on: nothing that exceeds itself.

use super::{Catalogue, Permission};
use crate::address::AddressList;
use crate::name::Names;
use crate::time::Timestamp;

/// Everything about a key that bounds what it can do, whether it exists or is yet to be made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mandate<'k> {
    /// Its role.
    pub role: Option<&'k str>,
    /// Its permissions.
    pub permissions: &'k [Permission],
    /// The capabilities that are switched on.
    pub capabilities: &'k [String],
    /// Where it may be used from; `None` is everywhere.
    pub allowed_addresses: Option<&'k AddressList>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// One thing in which a key would exceed another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    /// The field of the key, as it is named everywhere.
    pub field: &'static str,
    /// What is too much: a permission's name, a time, a list of networks.
    pub what: String,
}

impl Mandate<'_> {
    /// In what this exceeds `holder`. A name that the configuration does not know grants nothing now and may grant
    /// something tomorrow, so only a holder of the same name does not fall short of it.
    pub fn excess_over(&self, holder: &Mandate<'_>, catalogue: &Catalogue, names: &Names) -> Vec<Excess> {
        let held = |mandate: &Mandate<'_>| {
            let permissions = mandate.permissions.iter().map(Permission::as_str);
            Catalogue::grants(names, mandate.role, permissions, mandate.capabilities.iter().map(String::as_str))
        };
        let grants = held(holder);
        let covered = |name: &str, held_by_name: bool| match catalogue.need([name], names) {
            Ok(need) => need.unmet_by(&grants).is_none(),
            Err(_) => held_by_name,
        };
        let mut excess = Vec::new();
        let mut exceeds = |field, what: String| excess.push(Excess { field, what });
        if let Some(role) = self.role.filter(|role| !covered(role, holder.role == Some(role))) {
            exceeds("role", role.to_owned());
        }
        for permission in self.permissions.iter().filter(|p| !covered(p.as_str(), holder.permissions.contains(p))) {
            exceeds("permissions", permission.to_string());
        }
        for capability in self.capabilities.iter().filter(|c| !covered(c, holder.capabilities.contains(c))) {
            exceeds("capabilities", capability.clone());
        }
        match (self.allowed_addresses, holder.allowed_addresses) {
            (None, Some(_)) => exceeds("allowed_addresses", "every address".to_owned()),
            (Some(own), Some(bound)) if !bound.covers(own) => exceeds("allowed_addresses", own.to_string()),
            _ => {}
        }
        match (self.expires_at, holder.expires_at) {
            (None, Some(_)) => exceeds("expires_at", "never".to_owned()),
            (Some(own), Some(bound)) if own > bound => exceeds("expires_at", own.to_string()),
            _ => {}
        }
        excess
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::{CapabilitySpec, CatalogueSpec, PermissionSpec, RoleSpec};

    const NOTHING: Mandate<'static> =
        Mandate { role: None, permissions: &[], capabilities: &[], allowed_addresses: None, expires_at: None };

    fn catalogue() -> Catalogue {
        let permission = |name: &str, means: &[&str]| PermissionSpec {
            name: name.parse().unwrap(),
            means: means.iter().map(|name| name.parse().unwrap()).collect(),
            description: "".into(),
        };
        let role = |name: &str, includes: &[&str], permissions: &[&str]| RoleSpec {
            name: name.into(),
            includes: includes.iter().map(|&name| name.into()).collect(),
            permissions: permissions.iter().map(|name| name.parse().unwrap()).collect(),
            description: "".into(),
        };
        Catalogue::new(CatalogueSpec {
            permissions: vec![
                permission("tasks:read", &[]),
                permission("tasks:write", &[]),
                permission("users:read", &[]),
                permission("admin:*", &["*:*"]),
            ],
            roles: vec![role("viewer", &[], &["tasks:read"]), role("editor", &["viewer"], &["tasks:write"])],
            capabilities: vec![CapabilitySpec { name: "trading".into(), label: "".into(), warning: "".into() }],
        })
        .unwrap()
    }

    fn fields(child: Mandate<'_>, holder: Mandate<'_>) -> Vec<String> {
        let excess = child.excess_over(&holder, &catalogue(), &Names::default());
        excess.into_iter().map(|excess| format!("{} {}", excess.field, excess.what)).collect()
    }

    fn permissions(names: &[&str]) -> Vec<Permission> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn a_key_hands_on_what_it_holds_and_nothing_else() {
        for (held, wanted, excess) in [
            (vec!["tasks:read"], vec!["tasks:read"], vec![]),
            (vec!["tasks:*"], vec!["tasks:read", "tasks:write", "tasks:*"], vec![]),
            (vec!["admin:*"], vec!["tasks:read", "tasks:*", "*:*", "admin:*"], vec![]),
            (vec!["*:*"], vec!["users:read", "admin:*"], vec![]),
            (vec!["tasks:read"], vec!["tasks:write"], vec!["permissions tasks:write"]),
            // All that is declared today is less than the pattern.
            (vec!["tasks:read", "tasks:write"], vec!["tasks:*"], vec!["permissions tasks:*"]),
            (vec!["tasks:*", "users:*"], vec!["*:*", "admin:*"], vec!["permissions *:*", "permissions admin:*"]),
            // What is declared no longer is handed on by its holder only.
            (vec!["*:*"], vec!["gone:read"], vec!["permissions gone:read"]),
            (vec!["gone:read"], vec!["gone:read"], vec![]),
            (vec![], vec![], vec![]),
        ] {
            let (held, wanted) = (permissions(&held), permissions(&wanted));
            let holder = Mandate { permissions: &held, ..NOTHING };
            assert_eq!(fields(Mandate { permissions: &wanted, ..NOTHING }, holder), excess, "{wanted:?} from {held:?}");
        }
    }

    #[test]
    fn a_role_is_handed_on_by_whoever_has_it_or_one_that_includes_it() {
        let role = |role| Mandate { role: Some(role), ..NOTHING };
        let (read, all) = (permissions(&["tasks:read", "tasks:write"]), permissions(&["*:*"]));
        assert_eq!(fields(role("viewer"), role("editor")), Vec::<String>::new());
        assert_eq!(fields(role("editor"), role("viewer")), ["role editor"]);
        assert_eq!(fields(Mandate { permissions: &read, ..NOTHING }, role("editor")), Vec::<String>::new());
        // Permissions do not make a role: a route can ask for the role itself.
        assert_eq!(fields(role("viewer"), Mandate { permissions: &all, ..NOTHING }), ["role viewer"]);
        assert_eq!(fields(role("gone"), role("editor")), ["role gone"]);
        assert_eq!(fields(role("gone"), role("gone")), Vec::<String>::new());
    }

    #[test]
    fn a_switch_an_address_list_and_an_end_are_bounds_too() {
        let on = ["trading".to_owned()];
        let trading = Mandate { capabilities: &on, ..NOTHING };
        assert_eq!(fields(trading, NOTHING), ["capabilities trading"]);
        assert_eq!(fields(trading, trading), Vec::<String>::new());
        let list = |texts: &[&str]| AddressList::parse(texts.iter().copied()).unwrap();
        let (wide, narrow, other) =
            (list(&["10.0.0.0/8"]), list(&["10.1.0.0/16", "10.2.3.4"]), list(&["10.1.0.0/16", "11.0.0.1"]));
        let from = |list| Mandate { allowed_addresses: Some(list), ..NOTHING };
        assert_eq!(fields(from(&narrow), from(&wide)), Vec::<String>::new());
        assert_eq!(fields(from(&other), from(&wide)), ["allowed_addresses 10.1.0.0/16, 11.0.0.1/32"]);
        assert_eq!(fields(NOTHING, from(&wide)), ["allowed_addresses every address"]);
        assert_eq!(fields(from(&wide), NOTHING), Vec::<String>::new());
        let until = |ms| Mandate { expires_at: Some(Timestamp::from_millis(ms)), ..NOTHING };
        assert_eq!(fields(until(5), until(5)), Vec::<String>::new());
        assert_eq!(fields(until(6), until(5)).len(), 1);
        assert_eq!(fields(NOTHING, until(5)), ["expires_at never"]);
        assert_eq!(fields(until(5), NOTHING), Vec::<String>::new());
    }
}
