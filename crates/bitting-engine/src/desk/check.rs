//! What a change must satisfy, whoever wants it.

mod import;
mod leak;
mod limits;
mod people;
mod webhooks;

use std::collections::HashSet;

use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::api::Api;
use bitting_core::limit::Plan;
use bitting_core::rights::{Permission, UnknownRight};
use bitting_core::time::Timestamp;
use bitting_store::{Change, KeyPatch, KeyRow};
use serde_json::{Map, Value};

use super::{InvalidChange, Violation, invalid};
use crate::apis::Apis;

pub(crate) use import::{MOST_IMPORTED, check_imported};
pub use leak::leak_violations;

/// The shortest time without a request that may end a key.
const LEAST_IDLE_S: u64 = 60;

/// How long all permissions and capabilities of a key may be together: they travel in one header.
const MOST_NAMED: usize = 4_096;

/// Checks a change against the configuration in force, wherever it comes from.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn check(apis: &Apis, change: &Change, now: Timestamp) -> Result<(), InvalidChange> {
    let Some(api) = apis.find(change.api()) else {
        return Err(invalid("api", format!("there is no API {:?} in the configuration", change.api())));
    };
    let quoting = !matches!(change, Change::ImportKeys { .. });
    let mut checks = Checks { api, found: Vec::new(), quoting };
    match change {
        Change::CreateAccount(new) => {
            checks.account("id", &new.id);
            checks.text("name", &new.name, 0, 200);
            checks.plan(new.plan.as_deref());
        }
        Change::UpdateAccount { patch, .. } => {
            patch.name.iter().for_each(|name| checks.text("name", name, 0, 200));
            checks.plan(patch.plan.as_ref().and_then(Option::as_deref));
        }
        Change::CreateKey(new) => {
            checks.text("name", &new.name, 1, 200);
            checks.text("description", &new.description, 0, 2_000);
            checks.environment(&new.environment);
            checks.rights(new.role.as_deref(), &new.permissions, &new.capabilities);
            checks.addresses(new.allowed_addresses.as_ref());
            checks.limits(&new.limits);
            checks.metadata(&new.metadata);
            checks.expiry(new.expires_at, now);
            checks.renewal(new.auto_renew);
            checks.policy(&new.name, new.allowed_addresses.as_ref(), new.expires_at, now);
        }
        Change::UpdateKey { patch, .. } => checks.patch(patch, now),
        Change::RotateKey { successor, end_when_unused_for_s, .. } => {
            if end_when_unused_for_s.is_some_and(|seconds| seconds < LEAST_IDLE_S) {
                let message = format!("write at least {LEAST_IDLE_S} seconds: services need a moment between two requests");
                checks.wrong("end_when_unused_for", message);
            }
            checks.expiry(successor.expires_at, now);
            checks.lifetime(successor.expires_at, now);
        }
        Change::RevokeKey { .. }
        | Change::NoteLeakReport { .. }
        | Change::SignIn { .. }
        | Change::SignOut { .. }
        | Change::RotateWebhookSecret { .. }
        | Change::DeleteWebhook { .. } => {}
        Change::ReportLeak { leak, .. } => checks.found.extend(leak_violations(leak)),
        Change::ImportKeys { keys, .. } => checks.import(keys, now),
        Change::CreateMember(new) => checks.person(&new.name, new.email.as_deref()),
        Change::UpdateMember { patch, .. } => checks.member_patch(patch),
        Change::CreateWebhook(new) => {
            new.account.iter().for_each(|account| checks.account("account", account));
            checks.webhook(new, apis.destinations());
        }
        Change::UpdateWebhook { patch, .. } => checks.webhook_patch(patch, apis.destinations()),
        Change::DisableWebhook { .. } => checks.wrong("change", "only Bitting itself makes this change, when nothing is taken"),
        Change::LiftBan { .. } => {
            checks.wrong("change", "only the server that bans makes this change, when somebody asks it to");
        }
        Change::RehashKey { .. } => checks.wrong("change", "only Bitting itself makes this change, when it sees the key"),
        Change::RenewKey { .. } => checks.wrong("change", "only Bitting itself makes this change, when a key's term is over"),
    }
    if checks.found.is_empty() { Ok(()) } else { Err(InvalidChange::Fields(checks.found)) }
}

/// Checks the new end of a key against the time at which it was made. An end that is not later than the present one, to which it may
/// have been renewed, is always allowed.
///
/// # Errors
/// If the key would live longer than the API allows.
pub(crate) fn check_lifetime(api: &Api, expires_at: Option<Timestamp>, row: &KeyRow) -> Result<(), InvalidChange> {
    if let (Some(end), Some(present)) = (expires_at, row.expires_at)
        && end <= present
    {
        return Ok(());
    }
    let made_at = row.created_at;
    let mut checks = Checks { api, found: Vec::new(), quoting: true };
    checks.lifetime(expires_at, made_at);
    if checks.found.is_empty() { Ok(()) } else { Err(InvalidChange::Fields(checks.found)) }
}

struct Checks<'a> {
    api: &'a Api,
    found: Vec<Violation>,
    /// Whether what is wrong is quoted. In a row that somebody else wrote it could be a key in the clear.
    quoting: bool,
}

impl Checks<'_> {
    fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.found.push(Violation { field: field.to_owned(), message: message.into() });
    }

    fn said(&self, value: &str) -> String {
        if self.quoting { format!("{value:?}") } else { "this".to_owned() }
    }

    fn undeclared(&self, UnknownRight { name, kind }: &UnknownRight) -> String {
        format!("{} is not a declared {kind}", self.said(name))
    }

    fn patch(&mut self, patch: &KeyPatch, now: Timestamp) {
        patch.name.iter().for_each(|name| self.text("name", name, 1, 200));
        patch.description.iter().for_each(|text| self.text("description", text, 0, 2_000));
        let role = patch.role.as_ref().and_then(Option::as_deref);
        // A capability that is no longer declared can still be switched off.
        self.rights(role, patch.permissions.as_deref().unwrap_or_default(), &patch.capabilities.on);
        self.addresses(patch.allowed_addresses.as_ref().and_then(Option::as_ref));
        patch.limits.iter().for_each(|limits| self.limits(limits));
        patch.metadata.iter().for_each(|metadata| self.metadata(metadata));
        self.expiry(patch.expires_at.flatten(), now);
        self.renewal(patch.auto_renew == Some(true));
        patch.name.iter().for_each(|name| self.name_policy(name));
        if self.api.policy.addresses_required && patch.allowed_addresses == Some(None) {
            self.wrong("allowed_addresses", format!("{} asks for the networks that a key may be used from", self.api.name));
        }
    }

    /// What the API asks of a new key.
    fn policy(&mut self, name: &str, addresses: Option<&AddressList>, expires_at: Option<Timestamp>, made_at: Timestamp) {
        self.name_policy(name);
        if self.api.policy.addresses_required && addresses.is_none() {
            self.wrong("allowed_addresses", format!("{} asks for the networks that a key may be used from", self.api.name));
        }
        self.lifetime(expires_at, made_at);
    }

    /// The id of an account that may be made. These would lead elsewhere in the paths of pages and of the management API.
    pub(super) fn account(&mut self, field: &str, id: &AccountId) {
        if id.as_str() == "new" || id.as_str().bytes().all(|b| b == b'.') {
            self.wrong(field, format!("{} has a meaning of its own in paths; choose another id", self.said(id.as_str())));
        }
    }

    fn name_policy(&mut self, name: &str) {
        if let Some(pattern) = self.api.policy.name.as_ref().filter(|pattern| !pattern.fits(name)) {
            self.wrong("name", format!("{} asks for names that match {pattern:?}", self.api.name));
        }
    }

    pub(super) fn lifetime(&mut self, expires_at: Option<Timestamp>, made_at: Timestamp) {
        let policy = &self.api.policy;
        match (expires_at, policy.max_lifetime) {
            (None, None) if !policy.expiry_required => {}
            (None, _) => self.wrong("expires_at", format!("{} asks for an end of every key", self.api.name)),
            (Some(end), Some(longest)) if end > made_at.plus(longest) => {
                self.wrong(
                    "expires_at",
                    format!("a key of {} may live until {} at the longest", self.api.name, made_at.plus(longest)),
                );
            }
            (Some(_), _) => {}
        }
    }

    fn text(&mut self, field: &str, text: &str, least: usize, most: usize) {
        let seen = text.trim().chars().count();
        let is_blank = least > 0 && !text.chars().any(is_seen);
        if seen < least || is_blank || text.chars().count() > most {
            self.wrong(field, format!("write {least} to {most} characters"));
        }
        // Only a description has lines.
        if text.chars().any(|c| c.is_control() && (c != '\n' || field != "description")) {
            self.wrong(field, "control characters cannot stand in it");
        }
    }

    fn environment(&mut self, environment: &str) {
        if !self.api.environments.iter().any(|known| &*known.name == environment) {
            self.wrong("environment", format!("{} is not an environment of {}", self.said(environment), self.api.name));
        }
    }

    fn rights(&mut self, role: Option<&str>, permissions: &[Permission], capabilities: &[String]) {
        let catalogue = &self.api.catalogue;
        let listed = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let mut wrong = Vec::new();
        if let Some(unknown) = role.and_then(|role| catalogue.role(role).err()) {
            let known = listed(catalogue.roles().iter().map(|r| &*r.name).collect());
            wrong.push(("role", format!("{}; declared are: {known}", self.undeclared(&unknown))));
        }
        for unknown in permissions.iter().filter_map(|permission| catalogue.permission(permission).err()) {
            let known = listed(catalogue.permissions().iter().map(|p| p.name.as_str()).collect());
            wrong.push(("permissions", format!("{}; declared are: {known}", self.undeclared(&unknown))));
        }
        for unknown in capabilities.iter().filter_map(|capability| catalogue.capability(capability).err()) {
            let known = listed(catalogue.capabilities().iter().map(|c| &*c.name).collect());
            wrong.push(("capabilities", format!("{}; declared are: {known}", self.undeclared(&unknown))));
        }
        let names = || permissions.iter().map(Permission::as_str).chain(capabilities.iter().map(String::as_str));
        if names().map(|name| name.len() + 1).sum::<usize>() > MOST_NAMED {
            wrong.push(("permissions", format!("together with the capabilities they can have {MOST_NAMED} characters")));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = names().find(|name| !seen.insert(*name)) {
            wrong.push(("permissions", format!("{} is there twice", self.said(twice))));
        }
        for (field, message) in wrong {
            self.wrong(field, message);
        }
    }

    fn addresses(&mut self, list: Option<&AddressList>) {
        if list.is_some_and(|list| list.is_empty() || list.networks().len() > 100) {
            self.wrong("allowed_addresses", "write 1 to 100 networks, or leave the list out to allow every address");
        }
    }

    fn metadata(&mut self, metadata: &Map<String, Value>) {
        if Value::from(metadata.clone()).to_string().len() > 16_384 {
            self.wrong("metadata", "it can have at most 16 KiB as JSON");
        }
    }

    /// That a key renews itself is said in vain where no plan allows it.
    fn renewal(&mut self, auto_renew: bool) {
        if auto_renew && !self.api.plans.iter().any(Plan::renews_keys) {
            self.wrong("auto_renew", format!("no plan of {} lets keys renew themselves", self.api.name));
        }
    }

    fn expiry(&mut self, expires_at: Option<Timestamp>, now: Timestamp) {
        if expires_at.is_some_and(|end| end <= now) {
            self.wrong("expires_at", format!("it must lie in the future; now is {now}"));
        }
    }
}

/// Whether a character leaves a mark on a page, or joins others that do: a name of others alone would look like none.
fn is_seen(c: char) -> bool {
    let is_unseen = matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}');
    !is_unseen && !c.is_whitespace() && !c.is_control()
}
