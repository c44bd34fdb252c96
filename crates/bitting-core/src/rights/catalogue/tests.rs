use super::*;

fn permission(name: &str, means: &[&str]) -> PermissionSpec {
    PermissionSpec {
        name: name.parse().unwrap(),
        means: means.iter().map(|p| p.parse().unwrap()).collect(),
        description: "".into(),
    }
}

fn role(name: &str, includes: &[&str], permissions: &[&str]) -> RoleSpec {
    RoleSpec {
        name: name.into(),
        includes: includes.iter().map(|&r| r.into()).collect(),
        permissions: permissions.iter().map(|p| p.parse().unwrap()).collect(),
        description: "".into(),
    }
}

fn capability(name: &str) -> CapabilitySpec {
    CapabilitySpec { name: name.into(), label: "".into(), warning: "".into() }
}

/// The permissions of `product-api.md`, the roles of `launchboard.md`, the capability of `csboard.md`.
fn catalogue() -> Catalogue {
    let mut permissions: Vec<_> =
        ["tasks:read", "tasks:write", "tasks:delete", "users:read", "users:write"].map(|p| permission(p, &[])).into();
    permissions.push(permission("admin:*", &["*:*"]));
    Catalogue::new(CatalogueSpec {
        permissions,
        roles: vec![
            role("viewer", &[], &["tasks:read"]),
            role("editor", &["viewer"], &["tasks:write"]),
            role("owner", &["editor"], &[]),
        ],
        capabilities: vec![capability("trading")],
    })
    .unwrap()
}

fn meets(role: Option<&str>, permissions: &[&str], capabilities: &[&str], needs: &[&str]) -> bool {
    let names = Names::default();
    // What a key holds is interned before or after what a route needs; the order must not matter.
    let grants = Catalogue::grants(&names, role, permissions.iter().copied(), capabilities.iter().copied());
    let need = catalogue().need(needs.iter().copied(), &names).unwrap();
    need.unmet_by(&grants).is_none()
}

#[test]
fn a_key_without_any_right_meets_only_the_empty_need() {
    assert!(meets(None, &[], &[], &[]));
    for needs in ["tasks:read", "viewer", "trading", "admin:*"] {
        assert!(!meets(None, &[], &[], &[needs]), "{needs}");
    }
}

#[test]
fn pa8_write_does_not_grant_read_and_nothing_widens_by_itself() {
    assert!(meets(None, &["tasks:write"], &[], &["tasks:write"]));
    assert!(!meets(None, &["tasks:write"], &[], &["tasks:read"]));
    assert!(!meets(None, &["tasks:delete"], &[], &["tasks:write"]));
    assert!(!meets(None, &["users:read"], &[], &["tasks:read"]));
}

#[test]
fn pa8_admin_grants_every_permission_and_is_granted_only_by_itself_or_all() {
    for needs in ["tasks:read", "users:write", "admin:*"] {
        assert!(meets(None, &["admin:*"], &[], &[needs]), "{needs}");
        assert!(meets(None, &["*:*"], &[], &[needs]), "{needs}");
    }
    assert!(!meets(None, &["tasks:*", "users:*"], &[], &["admin:*"]));
}

#[test]
fn a_pattern_grants_what_it_covers() {
    assert!(meets(None, &["tasks:*"], &[], &["tasks:delete"]));
    assert!(meets(None, &["*:read"], &[], &["users:read"]));
    assert!(!meets(None, &["tasks:*"], &[], &["users:read"]));
}

#[test]
fn all_of_several_needs_must_be_met() {
    assert!(meets(None, &["tasks:read", "users:read"], &[], &["tasks:read", "users:read"]));
    assert!(!meets(None, &["tasks:read"], &[], &["tasks:read", "users:read"]));
    assert!(!meets(None, &["tasks:read"], &[], &["tasks:read", "trading"]));
}

#[test]
fn lb4_a_higher_role_includes_a_lower_one_with_its_permissions() {
    assert!(meets(Some("owner"), &[], &[], &["viewer"]));
    assert!(meets(Some("owner"), &[], &[], &["tasks:read", "tasks:write"]));
    assert!(meets(Some("editor"), &[], &[], &["viewer"]));
    assert!(!meets(Some("viewer"), &[], &[], &["editor"]));
    assert!(!meets(Some("viewer"), &[], &[], &["tasks:write"]));
}

#[test]
fn a_capability_is_granted_only_by_its_own_switch() {
    assert!(meets(None, &[], &["trading"], &["trading"]));
    assert!(!meets(Some("owner"), &["admin:*", "*:*"], &[], &["trading"]));
}

#[test]
fn a_role_that_the_configuration_no_longer_knows_grants_nothing() {
    assert!(!meets(Some("emperor"), &[], &[], &["viewer"]));
    assert!(!meets(None, &["tasks:fly"], &[], &["tasks:read"]));
}

#[test]
fn a_name_of_one_kind_does_not_grant_another_of_the_same_text() {
    let names = Names::default();
    let both = Catalogue::new(CatalogueSpec { roles: vec![role("audit", &[], &[])], ..CatalogueSpec::default() }).unwrap();
    let need = both.need(["audit"], &names).unwrap();
    let as_permission = Catalogue::grants(&names, None, ["audit"], ["audit"]);
    assert!(need.unmet_by(&as_permission).is_some());
}

#[test]
fn the_unmet_clause_names_what_is_missing() {
    let names = Names::default();
    let need = catalogue().need(["tasks:read", "users:write"], &names).unwrap();
    let grants = Catalogue::grants(&names, None, ["tasks:read"], []);
    assert_eq!(need.unmet_by(&grants).map(Clause::asked), Some("users:write"));
}

#[test]
fn a_key_may_be_given_only_names_that_mean_something() {
    let catalogue = catalogue();
    for known in ["tasks:read", "admin:*", "tasks:*", "*:read", "*:*"] {
        assert!(catalogue.permission(&known.parse().unwrap()).is_ok(), "{known}");
    }
    for unknown in ["tasks:fly", "invoices:read", "invoices:*", "*", "tasks", "admin:read"] {
        assert!(catalogue.permission(&unknown.parse().unwrap()).is_err(), "{unknown}");
    }
    assert!(catalogue.role("emperor").is_err() && catalogue.capability("flying").is_err());
}

#[test]
fn a_need_that_is_not_declared_is_named() {
    let errors = catalogue().need(["tasks:read", "tasks:raed", "trading "], &Names::default()).unwrap_err();
    assert_eq!(errors.iter().map(|e| &*e.name).collect::<Vec<_>>(), ["tasks:raed", "trading "]);
}

#[test]
fn declarations_that_cannot_stand_are_all_reported() {
    let spec = CatalogueSpec {
        permissions: vec![permission("tasks:read", &[]), permission("tasks:read", &[])],
        roles: vec![
            role("a", &["b"], &[]),
            role("b", &["a"], &[]),
            role("c", &["nobody"], &["tasks:fly"]),
            role("trading", &[], &[]),
        ],
        capabilities: vec![capability("trading")],
    };
    let errors = Catalogue::new(spec).unwrap_err();
    assert_eq!(errors.len(), 6, "{errors:?}");
}

#[test]
fn a_need_implies_another_when_nobody_could_meet_only_the_first() {
    let names = Names::default();
    let catalogue = catalogue();
    let need = |asked: &[&str]| catalogue.need(asked.iter().copied(), &names).unwrap();
    assert!(need(&["editor"]).implies(&need(&["viewer"])));
    assert!(!need(&["viewer"]).implies(&need(&["editor"])));
    assert!(need(&["tasks:read", "trading"]).implies(&need(&["trading"])));
    assert!(!need(&[]).implies(&need(&["trading"])));
    assert!(need(&["trading"]).implies(&need(&[])));
}
