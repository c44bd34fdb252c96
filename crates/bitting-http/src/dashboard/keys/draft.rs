//! What somebody typed about a key, kept as it was typed until it is right.
//!
//! A draft is read from the form, shown again with what is wrong beside each field, and turned into what the engine takes.
//! The engine checks everything anew; what is said here is said in words for the person, where the engine speaks to programs.

mod addresses;
mod expiry;
mod preset;
mod spec;

use std::collections::BTreeMap;
use std::time::Duration;

use bitting_core::api::Api;
use bitting_core::limit::Plan;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_engine::Violation;
use bitting_store::KeyRow;

use crate::dashboard::fields::Fields;

pub(crate) use addresses::written as networks;
pub(crate) use expiry::Expiry;
pub(crate) use preset::Preset;

/// The fields of the form for a key, as they were typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyDraft {
    pub(crate) account: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) environment: String,
    pub(crate) role: String,
    pub(crate) access: Access,
    /// The single permissions that are ticked.
    pub(crate) permissions: Vec<String>,
    pub(crate) expiry: Expiry,
    /// The date beside "On".
    pub(crate) expires_on: String,
    /// Whether it has numbers of its own.
    pub(crate) has_limits: bool,
    /// Those numbers, by the limits' names.
    pub(crate) limits: BTreeMap<String, String>,
    pub(crate) addresses: String,
    /// Whether it is switched on; only asked for when a key is changed.
    pub(crate) enabled: bool,
    /// Whether it renews itself; only asked for where that may matter.
    pub(crate) auto_renew: Option<bool>,
}

/// How the permissions are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// None beyond the role.
    None,
    /// Those that look.
    Read,
    /// Those that look, make and change.
    ReadWrite,
    /// Each by itself.
    Custom,
}

/// What a draft is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds<'a> {
    /// The key's API.
    pub(crate) api: &'a Api,
    /// The plan of its account.
    pub(crate) plan: &'a Plan,
    /// The present.
    pub(crate) now: Timestamp,
    /// The key that is changed; `None` for a new one.
    pub(crate) row: Option<&'a KeyRow>,
    /// Whether a key's own numbers may be above the plan's: where the API lets them, and then only for operators.
    pub(crate) may_exceed: bool,
}

/// What is wrong, by the name of the field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldErrors(BTreeMap<String, String>);

impl KeyDraft {
    /// What the form of a new key shows first: the smallest rights, and an end.
    pub(crate) fn new(bounds: Bounds<'_>) -> Self {
        let api = bounds.api;
        let first_of_presets = Preset::all(api).first().map_or(Access::Custom, |preset| preset.access);
        let role = api.new_key.role.as_deref().or_else(|| lowest_role(api)).unwrap_or_default();
        Self {
            account: String::new(),
            name: String::new(),
            description: String::new(),
            environment: safest_environment(api).to_owned(),
            role: role.to_owned(),
            access: if role.is_empty() { first_of_presets } else { Access::None },
            permissions: api.new_key.permissions.iter().map(|name| name.as_str().to_owned()).collect(),
            expiry: Expiry::usual(&api.policy),
            expires_on: String::new(),
            has_limits: false,
            limits: BTreeMap::new(),
            addresses: String::new(),
            enabled: true,
            auto_renew: Some(api.lifecycle.renews_new_keys),
        }
    }

    /// What the form shows of a key that is there.
    pub(crate) fn of(row: &KeyRow, bounds: Bounds<'_>) -> Self {
        let held = |preset: &Preset| same(&preset.permissions, &row.permissions);
        let preset = Preset::all(bounds.api).iter().find(|preset| held(preset)).map(|preset| preset.access);
        let access = if row.permissions.is_empty() && row.role.is_some() { Some(Access::None) } else { preset };
        let addresses = row.allowed_addresses.as_ref().map_or_else(Vec::new, addresses::written);
        Self {
            account: row.account.to_string(),
            name: row.name.clone(),
            description: row.description.clone(),
            environment: row.environment.clone(),
            role: row.role.clone().unwrap_or_default(),
            access: access.unwrap_or(Access::Custom),
            permissions: row.permissions.iter().map(|name| name.as_str().to_owned()).collect(),
            expiry: Expiry::Keep,
            expires_on: String::new(),
            has_limits: !row.limits.is_empty(),
            limits: row.limits.iter().map(|(name, number)| (name.clone(), number.to_string())).collect(),
            addresses: addresses.join("\n"),
            enabled: row.enabled,
            auto_renew: Some(row.auto_renew),
        }
    }

    /// Reads the form.
    pub(crate) fn read(fields: &Fields, bounds: Bounds<'_>) -> Self {
        let text = |name: &str| fields.text(name).trim().to_owned();
        let limits = bounds.plan.by_scope().0.iter().map(|limit| limit.name.to_string());
        let limits = limits.chain(bounds.row.into_iter().flat_map(|row| row.limits.keys().cloned()));
        let number = |name: String| (!text(&limit_field(&name)).is_empty()).then(|| (name.clone(), text(&limit_field(&name))));
        let access = Access::ALL.into_iter().find(|access| access.value() == fields.text("access"));
        Self {
            account: text("account"),
            name: text("name"),
            description: text("description"),
            environment: text("environment"),
            role: text("role"),
            access: access.unwrap_or(Access::Custom),
            permissions: once_each(fields.all("permission")),
            expiry: Expiry::read(fields.text("expires")),
            expires_on: text("expires_on"),
            has_limits: fields.text("limit") == "own",
            limits: limits.filter_map(number).collect(),
            addresses: fields.text("addresses").to_owned(),
            enabled: fields.text("enabled") != "no",
            auto_renew: (fields.text("renewal") == "asked").then(|| fields.text("auto_renew") == "yes"),
        }
    }
}

impl Access {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::None, Self::Read, Self::ReadWrite, Self::Custom];

    /// The value in the form.
    pub(crate) fn value(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::ReadWrite => "read_write",
            Self::Custom => "custom",
        }
    }
}

impl FieldErrors {
    /// Stands for the whole form, where no field is to blame.
    pub(crate) const WHOLE: &str = "form";

    /// What the engine found wrong, beside the fields of the form.
    pub(crate) fn of(violations: &[Violation]) -> Self {
        let mut errors = Self::default();
        for Violation { field, message } in violations {
            let field = match field.as_str() {
                "allowed_addresses" => "addresses",
                "expires_at" => "expires",
                "permissions" => "access",
                other => other,
            };
            errors.add(field, sentence(message));
        }
        errors
    }

    /// What is wrong with one field.
    pub(crate) fn one(field: &str, message: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.add(field, message);
        errors
    }

    /// Adds something; the first thing that is wrong with a field stays.
    pub(crate) fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.entry(field.to_owned()).or_insert_with(|| message.into());
    }

    /// What is wrong with a field.
    pub(crate) fn get(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many fields are wrong, where the numbers of one field count once.
    pub(crate) fn fields(&self) -> usize {
        self.0.keys().filter(|field| !field.contains(':')).count()
    }
}

/// The end that a form says, and nothing else of it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn end_of(fields: &Fields, bounds: Bounds<'_>) -> Result<Option<Timestamp>, FieldErrors> {
    let draft = KeyDraft::read(fields, bounds);
    match draft.end(bounds) {
        Ok(Some(end)) => Ok(end),
        Ok(None) => Err(FieldErrors::one("expires", "Choose when it ends.")),
        Err(message) => Err(FieldErrors::one("expires", message)),
    }
}

/// The name of the field for a key's own number for a limit.
pub(crate) fn limit_field(limit: &str) -> String {
    format!("limit:{limit}")
}

/// The environment in which a mistake costs least: the first that is not live, if there are several.
pub(super) fn safest_environment(api: &Api) -> &str {
    let is_test = |name: &str| ["test", "sandbox", "dev", "development"].contains(&name);
    let found = api.environments.iter().find(|environment| is_test(&environment.name));
    found.or(api.environments.first()).map_or("", |environment| &environment.name)
}

/// The role that includes no other.
fn lowest_role(api: &Api) -> Option<&str> {
    api.catalogue.roles().iter().min_by_key(|role| role.includes.len()).map(|role| &*role.name)
}

/// Names in their order, each once: a box can be ticked only once.
fn once_each<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut listed: Vec<String> = Vec::new();
    for name in names {
        if !listed.iter().any(|known| known == name) {
            listed.push(name.to_owned());
        }
    }
    listed
}

/// Whether two lists hold the same names, in whatever order.
fn same(one: &[Permission], other: &[Permission]) -> bool {
    one.len() == other.len() && one.iter().all(|name| other.contains(name))
}

/// With a capital letter and a full stop.
pub(crate) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(char::to_uppercase);
    let text: String = first.into_iter().flatten().chain(letters).collect();
    if text.is_empty() || text.ends_with(['.', '?']) { text } else { text + "." }
}

/// How long a time is, in words: "90 days", "12 hours".
pub(crate) fn lasting(time: Duration) -> String {
    let seconds = time.as_secs();
    let (number, unit) = match seconds {
        s if s >= 86_400 && s % 86_400 == 0 => (s / 86_400, "day"),
        s if s >= 3_600 && s % 3_600 == 0 => (s / 3_600, "hour"),
        s => (s.div_ceil(60), "minute"),
    };
    crate::dashboard::view::plural(number, unit)
}

#[cfg(test)]
mod tests;
