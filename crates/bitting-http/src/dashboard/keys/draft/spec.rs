//! From a draft to what the engine takes.

use std::collections::BTreeMap;

use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::limit::{MOST, Plan};
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_engine::KeySpec;
use bitting_store::{KeyPatch, KeyRow, SwitchPatch};

use super::{Access, Bounds, FieldErrors, KeyDraft, Preset, addresses, limit_field, same};
use crate::dashboard::view::thousands;

/// The most characters of a name and of a description.
const NAME: usize = 200;
const DESCRIPTION: usize = 2_000;

/// What a draft comes to.
#[expect(clippy::option_option, reason = "the outer one of the end is whether it changes")]
struct Values {
    role: Option<String>,
    permissions: Vec<Permission>,
    addresses: Option<AddressList>,
    limits: BTreeMap<String, u64>,
    end: Option<Option<Timestamp>>,
}

impl KeyDraft {
    /// A new key.
    ///
    /// # Errors
    /// Everything that is wrong, by field.
    pub(crate) fn spec(&self, bounds: Bounds<'_>, account: Option<AccountId>) -> Result<KeySpec, FieldErrors> {
        let mut errors = FieldErrors::default();
        let api = bounds.api;
        let account = account.or_else(|| match self.account.parse::<AccountId>() {
            Ok(account) => Some(account),
            Err(_) if self.account.is_empty() => {
                errors.add("account", "Say whose key it is.");
                None
            }
            Err(_) => {
                errors.add("account", "This is no account’s id: it has letters, digits and . _ : @ / + = -");
                None
            }
        });
        if !api.environments.iter().any(|known| *known.name == *self.environment) {
            errors.add("environment", "Choose one of these.");
        }
        let values = self.values(bounds, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(KeySpec {
            account,
            name: self.name.clone(),
            description: self.description.clone(),
            environment: Some(self.environment.clone()),
            role: values.role,
            permissions: Some(values.permissions),
            capabilities: Vec::new(),
            allowed_addresses: values.addresses,
            limits: values.limits,
            metadata: serde_json::Map::new(),
            expires_at: values.end.flatten(),
            auto_renew: self.auto_renew.filter(|_| bounds.plan.renews_keys()),
        })
    }

    /// What changes of a key. Whatever is as it was stays out, so that two people can change two things.
    ///
    /// # Errors
    /// Everything that is wrong, by field.
    pub(crate) fn patch(&self, row: &KeyRow, bounds: Bounds<'_>) -> Result<KeyPatch, FieldErrors> {
        let mut errors = FieldErrors::default();
        let values = self.values(Bounds { row: Some(row), ..bounds }, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let Values { role, permissions, addresses, limits, end } = values;
        Ok(KeyPatch {
            name: changed(self.name.clone(), &row.name),
            description: changed(self.description.clone(), &row.description),
            role: changed(role, &row.role),
            permissions: (!same(&permissions, &row.permissions)).then_some(permissions),
            capabilities: SwitchPatch::default(),
            allowed_addresses: changed(addresses, &row.allowed_addresses),
            limits: changed(limits, &row.limits),
            metadata: None,
            enabled: changed(self.enabled, &row.enabled),
            expires_at: end.and_then(|end| changed(end, &row.expires_at)),
            auto_renew: self.auto_renew.filter(|renews| *renews != row.auto_renew),
        })
    }

    fn values(&self, bounds: Bounds<'_>, errors: &mut FieldErrors) -> Values {
        self.check_texts(bounds, errors);
        let role = self.check_role(bounds, errors);
        let permissions = self.check_permissions(bounds, role.as_deref(), errors);
        let mut or_wrong = |field: &str, error: String| errors.add(field, error);
        let end = self.end(bounds).unwrap_or_else(|error| {
            or_wrong("expires", error);
            None
        });
        let addresses = addresses::read(&self.addresses).unwrap_or_else(|error| {
            or_wrong("addresses", error);
            None
        });
        if bounds.api.policy.addresses_required && addresses.is_none() {
            let title = &bounds.api.labels.title;
            errors.add("addresses", format!("{title} asks for the addresses that a key may be used from."));
        }
        let limits = if self.has_limits { self.check_limits(bounds, errors) } else { BTreeMap::new() };
        Values { role, permissions, addresses, limits, end }
    }

    fn check_texts(&self, Bounds { api, row, .. }: Bounds<'_>, errors: &mut FieldErrors) {
        let letters = self.name.chars().count();
        if letters == 0 {
            errors.add("name", "Give it a name, such as “Billing sync”.");
        } else if letters > NAME {
            errors.add("name", format!("At most {NAME} characters; these are {}.", thousands(letters as u64)));
        } else if self.name.chars().any(char::is_control) {
            errors.add("name", "It has characters that nobody can see. Type it anew.");
        }
        let pattern = api.policy.name.as_ref().filter(|pattern| !pattern.fits(&self.name));
        if let Some(pattern) = pattern.filter(|_| row.is_none_or(|row| row.name != self.name)) {
            errors.add("name", format!("{} asks for names that look like {}.", api.labels.title, pattern.as_str()));
        }
        let letters = self.description.chars().count();
        if letters > DESCRIPTION {
            let (most, these) = (thousands(DESCRIPTION as u64), thousands(letters as u64));
            errors.add("description", format!("At most {most} characters; these are {these}."));
        } else if self.description.chars().any(|c| c.is_control() && c != '\n') {
            errors.add("description", "It has characters that nobody can see. Type it anew.");
        }
    }

    fn check_role(&self, Bounds { api, row, .. }: Bounds<'_>, errors: &mut FieldErrors) -> Option<String> {
        let catalogue = &api.catalogue;
        let had = row.and_then(|row| row.role.clone());
        if catalogue.roles().is_empty() {
            return had;
        }
        if self.role.is_empty() && catalogue.permissions().is_empty() {
            errors.add("role", "Choose one.");
        } else if !self.role.is_empty() && catalogue.role(&self.role).is_err() && had.as_deref() != Some(&*self.role) {
            errors.add("role", "There is no such role any more. Choose one of these.");
        }
        Some(self.role.clone()).filter(|role| !role.is_empty())
    }

    fn check_permissions(&self, bounds: Bounds<'_>, role: Option<&str>, errors: &mut FieldErrors) -> Vec<Permission> {
        let api = bounds.api;
        let had = bounds.row.map_or(&[][..], |row| &row.permissions);
        if api.catalogue.permissions().is_empty() {
            return had.to_vec();
        }
        match self.access {
            Access::None if role.is_some() => Vec::new(),
            Access::Read | Access::ReadWrite => {
                let preset = Preset::all(api).into_iter().find(|preset| preset.access == self.access);
                preset.map_or_else(Vec::new, |preset| preset.permissions)
            }
            Access::None | Access::Custom => {
                let parsed: Vec<Permission> = self.permissions.iter().filter_map(|name| name.parse().ok()).collect();
                let is_known = |name: &Permission| had.contains(name) || api.catalogue.permission(name).is_ok();
                if parsed.len() != self.permissions.len() || !parsed.iter().all(is_known) {
                    errors.add("access", "Some of these are not offered any more. Choose again.");
                } else if parsed.is_empty() && role.is_none() {
                    errors.add("access", "Choose at least one. A key without any can do nothing.");
                }
                parsed
            }
        }
    }

    fn check_limits(
        &self,
        Bounds { plan, row, may_exceed, .. }: Bounds<'_>,
        errors: &mut FieldErrors,
    ) -> BTreeMap<String, u64> {
        let mut numbers = BTreeMap::new();
        for (name, text) in &self.limits {
            let digits = text.replace([',', ' ', '\u{a0}', '\u{202f}', '’', '\''], "");
            match digits.parse::<u64>() {
                Ok(number) if (1..=MOST).contains(&number) => {
                    let had = row.and_then(|row| row.limits.get(name)).copied();
                    let most = bound(plan, name);
                    if !may_exceed && most.max(had).is_none_or(|most| number > most) {
                        let allowed = most.map_or("nothing".to_owned(), thousands);
                        errors.add("limits", format!("At most {allowed}, which is what the plan allows."));
                        errors.add(&limit_field(name), "");
                    }
                    numbers.insert(name.clone(), number);
                }
                _ => {
                    errors.add("limits", "Write whole numbers, from 1 on.");
                    errors.add(&limit_field(name), "");
                }
            }
        }
        if self.limits.is_empty() {
            errors.add("limits", "Write at least one number, or choose what the plan allows.");
        }
        numbers
    }
}

/// What a plan allows each key of a limit.
fn bound(plan: &Plan, name: &str) -> Option<u64> {
    plan.by_scope().0.iter().find(|limit| *limit.name == *name).map(|limit| limit.allowed)
}

/// The new value, if it is one.
fn changed<T: PartialEq>(new: T, old: &T) -> Option<T> {
    (new != *old).then_some(new)
}
