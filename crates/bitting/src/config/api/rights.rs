//! Permissions, roles and capabilities, and what a new key gets of them.

use bitting_core::api::NewKeyDefaults;
use bitting_core::rights::{CapabilitySpec, Catalogue, CatalogueError, CatalogueSpec, Permission, PermissionSpec, RoleSpec};

use super::key::is_name;
use crate::config::document::{Entry, Value};
use crate::config::section::{At, Section, closest, section_of, text_of, texts_of};

/// Reads the rights that the API knows.
pub(super) fn read(api: &Section<'_>) -> Option<Catalogue> {
    let permissions = read_permissions(api);
    let roles = read_roles(api);
    let capabilities = read_capabilities(api);
    let catalogue = Catalogue::new(CatalogueSpec { permissions, roles, capabilities });
    for error in catalogue.as_ref().err().into_iter().flatten() {
        let (key, help) = match error {
            CatalogueError::Repeated(_) => ("roles", "give each its own name: `needs` and the upstream tell them by it"),
            CatalogueError::UnknownRole { .. } | CatalogueError::Circle(_) => {
                ("roles", "include only roles that stand below it")
            }
            CatalogueError::UnknownPermission { .. } => ("roles", "declare it in `permissions`"),
        };
        let keys = [key, "permissions", "capabilities"];
        let at = keys.into_iter().find_map(|key| api.place(key)).unwrap_or(api.at);
        api.findings.error(at, error.to_string(), help);
    }
    catalogue.ok()
}

/// Reads what a new key gets where nothing is said.
pub(super) fn read_new_key(api: &Section<'_>, catalogue: Option<&Catalogue>) -> NewKeyDefaults {
    let Some(new_key) = api.section("new_key") else { return NewKeyDefaults::default() };
    let permissions = new_key.all_parsed::<Permission>("permissions").unwrap_or_default();
    let role = new_key.text("role");
    new_key.finish();
    if let Some(catalogue) = catalogue {
        for permission in permissions.iter().filter(|p| catalogue.permission(&p.value).is_err()) {
            let help = hint(permission.value.as_str(), catalogue);
            api.findings.error(permission.at, format!("{:?} is not a declared permission", permission.value.as_str()), help);
        }
        if let Some(role) = role.as_ref().filter(|role| catalogue.role(role.value).is_err()) {
            api.findings.error(role.at, format!("{:?} is not a declared role", role.value), hint(role.value, catalogue));
        }
    }
    NewKeyDefaults {
        permissions: permissions.into_iter().map(|permission| permission.value).collect(),
        role: role.map(|role| role.value.into()),
    }
}

/// What was probably meant, or everything that could have been.
pub(super) fn hint(word: &str, catalogue: &Catalogue) -> String {
    let permissions = catalogue.permissions().iter().map(|p| p.name.as_str());
    let roles = catalogue.roles().iter().map(|r| &*r.name);
    let known: Vec<&str> = permissions.chain(roles).chain(catalogue.capabilities().iter().map(|c| &*c.name)).collect();
    match closest(word, known.iter().copied()) {
        Some(close) => format!("did you mean {close:?}?"),
        None if known.is_empty() => "declare it in `permissions`, `roles` or `capabilities` of this API".to_owned(),
        None => format!("declare it, or write one of: {}", known.join(", ")),
    }
}

/// A list of names, or a table of names with their explanations or `{ means = […], description = "…" }`.
fn read_permissions(api: &Section<'_>) -> Vec<PermissionSpec> {
    let Some(entry) = api.node("permissions") else { return Vec::new() };
    let plain =
        |name: Permission, description: &str| PermissionSpec { name, means: Vec::new(), description: description.into() };
    if let Value::Table(table) = &entry.node.value {
        return table.entries.iter().filter_map(|of| read_permission(api, of, plain)).collect();
    }
    let Some(names) = texts_of(&entry.node) else {
        let help = "write a list such as [\"tasks:read\"], or a table such as \"tasks:read\" = \"View tasks\"";
        api.findings.error(&entry.node.at, "`permissions` is neither a list of names nor a table", help);
        return Vec::new();
    };
    names.into_iter().filter_map(|name| name.parse(api.findings)).map(|name| plain(name.value, "")).collect()
}

fn read_permission(
    api: &Section<'_>,
    of: &Entry,
    plain: impl Fn(Permission, &str) -> PermissionSpec,
) -> Option<PermissionSpec> {
    let name: At<'_, Permission> = At { value: of.key.as_str(), at: &of.key_at }.parse(api.findings)?;
    if let Some(description) = text_of(&of.node) {
        return Some(plain(name.value, description.value));
    }
    let Some(table) = section_of(&of.node, format!("api.permissions.{:?}", of.key), api.findings) else {
        let help = "write its explanation in quotes, or { means = [\"*:*\"], description = \"…\" }";
        api.findings.error(&of.node.at, format!("the permission {:?} is {}", of.key, of.node.value.kind()), help);
        return None;
    };
    let means = table.all_parsed::<Permission>("means").unwrap_or_default();
    let description = table.text("description").map_or("", |text| text.value);
    table.finish();
    let means = means.into_iter().map(|meaning| meaning.value).collect();
    Some(PermissionSpec { means, ..plain(name.value, description) })
}

/// A list of names, lowest first, each including the ones before it; or a table of roles with what each includes.
fn read_roles(api: &Section<'_>) -> Vec<RoleSpec> {
    let Some(entry) = api.node("roles") else { return Vec::new() };
    let check = |name: &At<'_, &str>| {
        if !is_name(name.value) {
            let help = "write small letters, digits, \"-\" and \"_\"";
            api.findings.error(name.at, format!("{:?} cannot name a role", name.value), help);
        }
    };
    if let Value::Table(table) = &entry.node.value {
        let each = table.entries.iter().filter_map(|of| {
            check(&At { value: of.key.as_str(), at: &of.key_at });
            let Some(role) = section_of(&of.node, format!("api.roles.{}", of.key), api.findings) else {
                let help = "write { permissions = [\"tasks:read\"], includes = [\"viewer\"] }";
                api.findings.error(&of.node.at, format!("the role {:?} is {}", of.key, of.node.value.kind()), help);
                return None;
            };
            let includes = role.texts("includes").unwrap_or_default().iter().map(|name| name.value.into()).collect();
            let permissions = role.all_parsed::<Permission>("permissions").unwrap_or_default();
            let description = role.text("description").map_or("", |text| text.value).into();
            role.finish();
            let permissions = permissions.into_iter().map(|permission| permission.value).collect();
            Some(RoleSpec { name: of.key.as_str().into(), includes, permissions, description })
        });
        return each.collect();
    }
    let Some(names) = texts_of(&entry.node) else {
        let help = "write a list such as [\"viewer\", \"editor\"], the lowest first, or a table of roles";
        api.findings.error(&entry.node.at, "`roles` is neither a list of names nor a table", help);
        return Vec::new();
    };
    names.iter().for_each(check);
    let lower = |position: usize| names[..position].iter().map(|name| name.value.into()).collect();
    let role = |(position, name): (usize, &At<'_, &str>)| RoleSpec {
        name: name.value.into(),
        includes: lower(position),
        permissions: Vec::new(),
        description: "".into(),
    };
    names.iter().enumerate().map(role).collect()
}

/// `[api.capabilities.NAME]` with the label and the warning of the switch.
fn read_capabilities(api: &Section<'_>) -> Vec<CapabilitySpec> {
    let Some(capabilities) = api.section("capabilities") else { return Vec::new() };
    let each = capabilities.rest().into_iter().filter_map(|of| {
        if !is_name(&of.key) {
            let help = "write small letters, digits, \"-\" and \"_\"";
            api.findings.error(&of.key_at, format!("{:?} cannot name a capability", of.key), help);
        }
        let Some(capability) = section_of(&of.node, format!("api.capabilities.{}", of.key), api.findings) else {
            let help = "write { label = \"Trading enabled\", warning = \"…\" }";
            api.findings.error(&of.node.at, format!("the capability {:?} is {}", of.key, of.node.value.kind()), help);
            return None;
        };
        let label = capability.text("label").map_or(of.key.as_str(), |text| text.value).into();
        let warning = capability.text("warning").map_or("", |text| text.value).into();
        capability.finish();
        Some(CapabilitySpec { name: of.key.as_str().into(), label, warning })
    });
    each.collect()
}
