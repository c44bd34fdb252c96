//! What imported keys must satisfy. They are as others made them, so less is asked than of new ones: a key may have expired or
//! be revoked, since who holds it should be told that.

use std::collections::HashSet;

use bitting_core::dialect::Foreign;
use bitting_core::key::KeyHash;
use bitting_core::time::Timestamp;
use bitting_store::ImportedKey;

use super::Checks;
use crate::apis::Apis;
use crate::desk::Violation;

/// The most keys in one change. A part of an import that is larger would hold up other changes.
pub(crate) const MOST_IMPORTED: usize = 100;

/// How many characters of a key may be shown after the API's own prefix. Others show four to eight; more would begin to tell
/// the key.
const MOST_SHOWN: usize = 16;

/// Checks keys that are to be imported into an API, each by itself: the number of each that is wrong, with everything that is.
pub(crate) fn check_imported(apis: &Apis, api: &str, keys: &[ImportedKey], now: Timestamp) -> Vec<(usize, Vec<Violation>)> {
    let Some(api) = apis.find(api) else { return Vec::new() };
    let check = |(number, key): (usize, &ImportedKey)| {
        let mut checks = Checks { api, found: Vec::new(), quoting: false };
        checks.imported(key, now);
        (!checks.found.is_empty()).then_some((number, checks.found))
    };
    keys.iter().enumerate().filter_map(check).collect()
}

impl Checks<'_> {
    /// A part of an import as one change.
    pub(super) fn import(&mut self, keys: &[ImportedKey], now: Timestamp) {
        if keys.len() > MOST_IMPORTED {
            self.wrong("keys", format!("there can be at most {MOST_IMPORTED} in one change"));
        }
        let mut hashes: HashSet<&KeyHash> = HashSet::new();
        for (number, key) in keys.iter().enumerate() {
            let before = self.found.len();
            self.imported(key, now);
            if !hashes.insert(&key.hash) {
                self.wrong("hash", "it is there twice");
            }
            for violation in &mut self.found[before..] {
                violation.field = format!("keys[{number}].{}", violation.field);
            }
        }
    }

    fn imported(&mut self, key: &ImportedKey, now: Timestamp) {
        self.account("account", &key.account);
        self.text("name", &key.name, 1, 200);
        self.text("description", &key.description, 0, 2_000);
        self.prefix(key);
        self.environment(&key.environment);
        self.rights(key.role.as_deref(), &key.permissions, &key.capabilities);
        self.addresses(key.allowed_addresses.as_ref());
        self.limits(&key.limits);
        self.metadata(&key.metadata);
        for (field, time) in [("created_at", key.created_at), ("revoked_at", key.revoked_at)] {
            if time.is_some_and(|time| time > now) {
                self.wrong(field, format!("it lies in the future; now is {now}"));
            }
        }
    }

    fn prefix(&mut self, key: &ImportedKey) {
        let text = key.prefix.as_str();
        let prefixes = self.api.format.environments().iter().flat_map(|of| &of.prefixes);
        let own = prefixes.filter(|prefix| text.starts_with(&***prefix)).map(|prefix| prefix.len()).max();
        if key.hash.is_of(text) {
            self.wrong("prefix", "this is the whole key, which nobody may keep; write its first characters, or nothing");
        } else if text.len() > own.unwrap_or(0) + MOST_SHOWN {
            self.wrong("prefix", format!("write at most {MOST_SHOWN} characters after the API's own prefix"));
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            self.wrong("prefix", "write visible ASCII characters without spaces");
        }
        // What begins otherwise passes as somebody else's there, and would never be looked up.
        if self.api.credentials.foreign == Foreign::Pass && own.is_none() {
            let message = "this API lets credentials of others pass, so an imported key must begin with one of its prefixes; \
                           write how the key begins, and add that to `prefix` in [api.key]";
            self.wrong("prefix", message);
        }
    }
}
