//! The few words that most people choose from, instead of permissions one by one.

use std::collections::BTreeSet;

use bitting_core::api::Api;
use bitting_core::rights::{Permission, PermissionSpec};

use super::Access;
use crate::dashboard::view::rights::{Depth, plain, resource};

/// Permissions that go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Preset {
    /// Which it is.
    pub(crate) access: Access,
    /// What it is called.
    pub(crate) label: &'static str,
    /// What it lets a key do, in the words of the API.
    pub(crate) description: String,
    /// What a key gets.
    pub(crate) permissions: Vec<Permission>,
}

impl Preset {
    /// Those of an API, the smallest first. They are about the resources that a new key usually gets, so that nobody hands out
    /// the management of keys beside the reading of tasks.
    pub(crate) fn all(api: &Api) -> Vec<Self> {
        let declared = api.catalogue.permissions();
        let usual: BTreeSet<&str> = api.new_key.permissions.iter().map(resource).collect();
        let is_usual = |spec: &&PermissionSpec| usual.is_empty() || usual.contains("*") || usual.contains(resource(&spec.name));
        let of = |depth: Depth| -> Vec<&PermissionSpec> {
            plain(declared).filter(is_usual).filter(|spec| Depth::of(&spec.name) == depth).collect()
        };
        let (reading, writing) = (of(Depth::Read), of(Depth::Write));
        let names = |specs: &[&PermissionSpec]| specs.iter().map(|spec| spec.name.clone()).collect::<Vec<_>>();
        let mut presets = Vec::new();
        if !reading.is_empty() {
            presets.push(Self {
                access: Access::Read,
                label: "Read",
                description: format!("{}.", described(&reading)),
                permissions: names(&reading),
            });
        }
        if !writing.is_empty() && !reading.is_empty() {
            presets.push(Self {
                access: Access::ReadWrite,
                label: "Read and write",
                description: format!("Also {}.", uncapitalised(&described(&writing))),
                permissions: names(&[reading, writing].concat()),
            });
        }
        presets
    }
}

/// What several permissions let a key do: "View tasks, projects and users" of "View tasks", "View projects" and "View users".
fn described(specs: &[&PermissionSpec]) -> String {
    let texts: Vec<&str> =
        specs.iter().map(|spec| if spec.description.is_empty() { spec.name.as_str() } else { &spec.description }).collect();
    let words: Vec<Vec<&str>> = texts.iter().map(|text| text.split(' ').collect()).collect();
    let shortest = words.iter().map(Vec::len).min().unwrap_or(0);
    // What all begin with is said once, as long as something is left of each.
    let shared = (0..shortest.saturating_sub(1)).take_while(|&i| words.iter().all(|text| text[i] == words[0][i])).count();
    if words.len() < 2 || shared == 0 {
        let rest = texts.iter().skip(1).map(|text| uncapitalised(text));
        return listed(&texts.first().map(|first| (*first).to_owned()).into_iter().chain(rest).collect::<Vec<_>>());
    }
    let rests: Vec<String> = words.iter().map(|text| text[shared..].join(" ")).collect();
    format!("{} {}", words[0][..shared].join(" "), listed(&rests))
}

/// "a, b and c"
pub(crate) fn listed(texts: &[String]) -> String {
    match texts {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

fn uncapitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
