//! What a key may do, in a few words.

use std::collections::BTreeSet;

use bitting_core::api::Api;
use bitting_core::rights::{Permission, PermissionSpec};
use bitting_store::KeyRow;

/// What the last word of a permission must be for it to only look.
const READING: [&str; 5] = ["read", "list", "view", "get", "show"];

/// What it must be for it to change things without destroying them.
const WRITING: [&str; 6] = ["write", "create", "update", "edit", "send", "upload"];

/// A summary: the words and, below them, of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RightsSummary {
    /// "Read", "Read and write", "Full access", "Custom", "None", or the role.
    pub(crate) words: String,
    /// Of what: resources, the number of permissions, or the pattern that gives full access; may be empty.
    pub(crate) of_what: String,
    /// Whether it may do everything that there is.
    pub(crate) is_full: bool,
}

/// What a permission lets its holder do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// It looks.
    Read,
    /// It makes and changes.
    Write,
    /// It destroys, or nobody can say.
    Other,
}

impl RightsSummary {
    /// That of a key. `None` where the API knows neither roles nor permissions, so that there is nothing to say.
    pub(crate) fn of(row: &KeyRow, api: &Api) -> Option<Self> {
        let catalogue = &api.catalogue;
        if catalogue.permissions().is_empty() && catalogue.roles().is_empty() {
            return None;
        }
        let of_role = row.role.as_ref().map(|role| {
            let more = row.permissions.iter().map(Permission::as_str).collect::<Vec<_>>().join(", ");
            Self { words: capitalised(role), of_what: more, is_full: false }
        });
        Some(of_role.unwrap_or_else(|| Self::of_permissions(&row.permissions, catalogue.permissions())))
    }

    /// That of permissions, given what is declared.
    fn of_permissions(held: &[Permission], declared: &[PermissionSpec]) -> Self {
        let says = |words: &str, of_what: String, is_full| Self { words: words.to_owned(), of_what, is_full };
        if let Some(all) = held.iter().find(|name| is_everything(name, declared)) {
            return says("Full access", all.as_str().to_owned(), true);
        }
        let plain: Vec<&Permission> = plain(declared).map(|spec| &spec.name).collect();
        let has: BTreeSet<&Permission> = plain.iter().copied().filter(|name| held.iter().any(|own| own.covers(name))).collect();
        if has.is_empty() && held.is_empty() {
            return says("None", String::new(), false);
        }
        let deepest = has.iter().map(|name| Depth::of(name)).max();
        let resources: BTreeSet<&str> = has.iter().map(|name| resource(name)).collect();
        // Of each resource exactly what the words say, so that "Read and write" is never half of the truth.
        let has_all = |depth: Depth| {
            let of_these = plain.iter().filter(|name| resources.contains(resource(name)) && Depth::of(name) <= depth);
            !has.is_empty()
                && of_these.clone().all(|name| has.contains(name))
                && has.iter().all(|name| Depth::of(name) <= depth)
        };
        let in_order = || {
            let mut listed: Vec<&str> = Vec::new();
            for name in plain.iter().filter(|name| resources.contains(resource(name))) {
                if !listed.contains(&resource(name)) {
                    listed.push(resource(name));
                }
            }
            if listed.len() > 3 { format!("{} resources", listed.len()) } else { listed.join(", ") }
        };
        let is_known = held.iter().all(|own| plain.iter().any(|name| own.covers(name)));
        match deepest {
            Some(Depth::Read) if is_known && has_all(Depth::Read) => says("Read", in_order(), false),
            Some(Depth::Write) if is_known && has_all(Depth::Write) => says("Read and write", in_order(), false),
            _ if has.is_empty() => says("None", "none of them is declared any more".to_owned(), false),
            _ => says("Custom", format!("{} of {} permissions", has.len(), plain.len()), false),
        }
    }
}

impl Depth {
    /// That of a permission, by its last word.
    pub(crate) fn of(name: &Permission) -> Self {
        let action = name.as_str().rsplit(':').next().unwrap_or_default();
        if READING.contains(&action) {
            Self::Read
        } else if WRITING.contains(&action) {
            Self::Write
        } else {
            Self::Other
        }
    }
}

/// What a permission is about: its first word.
pub(crate) fn resource(name: &Permission) -> &str {
    name.as_str().split(':').next().unwrap_or_default()
}

/// The declared permissions that are no aliases.
pub(crate) fn plain(declared: &[PermissionSpec]) -> impl Iterator<Item = &PermissionSpec> {
    declared.iter().filter(|spec| spec.means.is_empty() && !spec.name.is_pattern())
}

/// Whether holding this is holding every declared permission that is no alias.
pub(crate) fn is_everything(name: &Permission, declared: &[PermissionSpec]) -> bool {
    let own = std::slice::from_ref(name);
    let meanings = declared.iter().find(|spec| spec.name == *name).map_or(&[][..], |spec| &spec.means);
    let covers = |other: &Permission| own.iter().chain(meanings).any(|pattern| pattern.covers(other));
    (name.is_pattern() || !meanings.is_empty()) && plain(declared).all(|spec| covers(&spec.name))
}

/// With a capital letter first, and words apart: "API keys" of `api-keys`.
pub(crate) fn capitalised(name: &str) -> String {
    let words = name.split(['_', '-', ' ']).map(|word| if word == "api" { "API" } else { word });
    let spoken = words.collect::<Vec<_>>().join(" ");
    let mut letters = spoken.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> Vec<PermissionSpec> {
        let spec = |name: &str, means: &[&str]| PermissionSpec {
            name: name.parse().unwrap(),
            means: means.iter().map(|name| name.parse().unwrap()).collect(),
            description: "".into(),
        };
        let names = ["tasks:read", "projects:read", "users:read", "tasks:write", "projects:write", "tasks:delete"];
        let mut all: Vec<PermissionSpec> = names.iter().map(|name| spec(name, &[])).collect();
        all.push(spec("admin:*", &["*:*"]));
        all
    }

    fn summary(held: &[&str]) -> String {
        let held: Vec<Permission> = held.iter().map(|name| name.parse().unwrap()).collect();
        let RightsSummary { words, of_what, is_full } = RightsSummary::of_permissions(&held, &declared());
        format!("{words} | {of_what}{}", if is_full { " !" } else { "" })
    }

    #[test]
    fn the_words_never_say_less_or_more_than_the_key_may_do() {
        for (held, words) in [
            (&["tasks:read", "projects:read"][..], "Read | tasks, projects"),
            (&["users:read", "tasks:read"], "Read | tasks, users"),
            (&["tasks:read", "tasks:write"], "Read and write | tasks"),
            (&["*:read"], "Read | tasks, projects, users"),
            (&["tasks:write"], "Custom | 1 of 6 permissions"),
            (&["tasks:*"], "Custom | 3 of 6 permissions"),
            (&["tasks:read", "tasks:delete"], "Custom | 2 of 6 permissions"),
            (&["admin:*"], "Full access | admin:* !"),
            (&["*:*", "tasks:read"], "Full access | *:* !"),
            (&[], "None | "),
            (&["gone:read"], "None | none of them is declared any more"),
            (&["gone:read", "tasks:read"], "Custom | 1 of 6 permissions"),
            (&["users:read", "tasks:read", "tasks:write"], "Read and write | tasks, users"),
        ] {
            assert_eq!(summary(held), words, "{held:?}");
        }
    }

    #[test]
    fn a_name_is_written_as_a_label() {
        assert_eq!(["editor", "read_write", "api-keys", ""].map(capitalised), ["Editor", "Read write", "API keys", ""]);
    }
}
