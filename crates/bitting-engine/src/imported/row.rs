//! The fields of a row: what each may hold, and what a key gets where nothing is said.

use std::collections::BTreeMap;
use std::str::FromStr;

use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::api::Api;
use bitting_core::key::{Digest, InvalidKeyHash, KeyHash, KeyId};
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_store::ImportedKey;
use serde_json::{Map, Value};

use crate::desk::Violation;

/// What can be said of a key.
const FIELDS: [&str; 19] = [
    "hash",
    "id",
    "prefix",
    "account",
    "name",
    "description",
    "environment",
    "role",
    "permissions",
    "capabilities",
    "allowed_addresses",
    "limits",
    "metadata",
    "enabled",
    "created_at",
    "expires_at",
    "auto_renew",
    "term_began_at",
    "revoked_at",
];

/// Those that are objects, for whose members CSV has a column each.
pub(super) const GROUPS: [&str; 2] = ["limits", "metadata"];

/// What else an export says, and an import decides for itself.
const PASSED_OVER: [&str; 6] = ["created_by", "updated_at", "replaced_by", "replaces", "end_when_unused_for_s", "sequence"];

pub(super) const UNKNOWN: &str = "there is no such field; docs/import-and-backup.md lists them";

const NO_TEXT: &str = "write text in quotes";

// The errors of the types quote what they were given.
const NO_ID: &str = "it is not a key id, which is \"key_\" and 26 characters";
const NO_ACCOUNT: &str = "it is not an account id: 1 to 128 letters, digits and any of . _ : @ / + = - are one";
const NO_PERMISSION: &str = "one is not a permission; write one to four words of letters, digits, '-', '_', '.' (or a single '*') \
                             joined by ':'";
const NO_NETWORK: &str = "one is neither an address such as \"192.0.2.7\" nor a network such as \"192.0.2.0/24\" or \
                          \"2001:db8::/48\"";

/// How long a name may be that is repeated though nobody knows it. No key fits into so many letters.
const MOST_REPEATED: usize = 20;

/// Whether it names a field.
pub(super) fn is_field(name: &str) -> bool {
    name == "api" || FIELDS.contains(&name) || PASSED_OVER.contains(&name)
}

/// The name of a field, or its place if it could be something else: in a file without the names of its columns, a key.
pub(super) fn shown_name(name: &str, position: usize) -> String {
    let is_plain = name.len() <= MOST_REPEATED && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    if is_field(name) || is_plain && !name.is_empty() { name.to_owned() } else { format!("field {}", position + 1) }
}

/// Reads a key from the fields of a row. Nothing that stands in the row is repeated in what is said of it: it could be a key in
/// the clear.
pub(super) fn key(fields: Map<String, Value>, api: &Api, now: Timestamp, random: u128) -> Result<ImportedKey, Vec<Violation>> {
    let mut row = Fields { fields, wrong: Vec::new() };
    row.check_names(api);
    let prefix = row.text("prefix").unwrap_or_default();
    let hash = row.hash(&prefix);
    if hash.is_none() && row.wrong.iter().all(|violation| violation.field != "hash") {
        row.wrong("hash", "it is missing; without it the key cannot be recognised");
    }
    let created_at = row.time("created_at");
    let id = row.parsed("id", NO_ID).unwrap_or_else(|| KeyId::new(created_at.unwrap_or(now).min(now), random));
    let account = row.parsed::<AccountId>("account", NO_ACCOUNT).or_else(|| "default".parse().ok());
    let fallback_name = || if prefix.is_empty() { "imported".to_owned() } else { format!("{prefix}...") };
    let key = ImportedKey {
        id,
        hash: hash.unwrap_or_else(|| KeyHash::Sha256(Digest::from_bytes([0; 32]))),
        name: row.text("name").unwrap_or_else(fallback_name),
        description: row.text("description").unwrap_or_default(),
        environment: row.text("environment").unwrap_or_else(|| environment_of(api, &prefix)),
        role: row.text("role").or_else(|| api.new_key.role.as_deref().map(str::to_owned)),
        permissions: row.permissions().unwrap_or_else(|| api.new_key.permissions.clone()),
        capabilities: row.list("capabilities").unwrap_or_default(),
        allowed_addresses: row.addresses(),
        limits: row.limits(),
        metadata: row.metadata(),
        enabled: row.switch("enabled").unwrap_or(true),
        created_at,
        expires_at: row.time("expires_at"),
        auto_renew: row.switch("auto_renew").unwrap_or(false),
        term_began_at: row.time("term_began_at"),
        revoked_at: row.time("revoked_at"),
        prefix,
        account: match account {
            Some(account) => account,
            // Something is wrong with what is written, and was said.
            None => return Err(row.wrong),
        },
    };
    if row.wrong.is_empty() { Ok(key) } else { Err(row.wrong) }
}

/// The environment whose prefix a key begins with, or the first.
fn environment_of(api: &Api, prefix: &str) -> String {
    let environments = api.format.environments().iter();
    let fits = environments.flat_map(|of| of.prefixes.iter().map(move |own| (own.len(), &of.environment, own)));
    let longest = fits.filter(|(_, _, own)| prefix.starts_with(&***own)).max_by_key(|(length, ..)| *length);
    longest.map_or_else(|| api.environments[0].name.to_string(), |(_, environment, _)| environment.to_string())
}

struct Fields {
    fields: Map<String, Value>,
    wrong: Vec<Violation>,
}

impl Fields {
    fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.wrong.push(Violation { field: field.to_owned(), message: message.into() });
    }

    fn check_names(&mut self, api: &Api) {
        let names = self.fields.keys().enumerate().filter(|(_, name)| !is_field(name));
        let unknown: Vec<String> = names.map(|(position, name)| shown_name(name, position)).collect();
        for name in unknown {
            let in_the_clear = "a key in the clear is never read from a file; write its hash";
            self.wrong(&name, if name == "key" { in_the_clear } else { UNKNOWN });
        }
        if self.text("api").is_some_and(|name| *name != *api.name) {
            self.wrong("api", format!("this is a key of another API than {}", api.name));
        }
    }

    /// A value that is there and not null.
    fn value(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field).filter(|value| !value.is_null())
    }

    fn text(&mut self, field: &str) -> Option<String> {
        let value = self.value(field)?;
        if let Value::String(text) = value {
            return Some(text);
        }
        self.wrong(field, NO_TEXT);
        None
    }

    /// A hash. Its error names the kind of hash that it is, and quotes nothing.
    fn hash(&mut self, prefix: &str) -> Option<KeyHash> {
        let text = self.text("hash")?;
        KeyHash::of_key_beginning(prefix, &text).map_err(|error: InvalidKeyHash| self.wrong("hash", error.to_string())).ok()
    }

    fn parsed<T: FromStr>(&mut self, field: &str, otherwise: &str) -> Option<T> {
        self.text(field)?.parse().map_err(|_| self.wrong(field, otherwise)).ok()
    }

    /// Text in the form of RFC 3339, or milliseconds since 1970.
    fn time(&mut self, field: &str) -> Option<Timestamp> {
        let ms = |ms: i64| (0..=Timestamp::MAX.as_millis()).contains(&ms).then(|| Timestamp::from_millis(ms));
        let time = match self.value(field)? {
            Value::String(text) => text.parse().ok().or_else(|| text.parse().ok().and_then(ms)),
            Value::Number(number) => number.as_i64().and_then(ms),
            _ => None,
        };
        if time.is_none() {
            self.wrong(field, "write a time such as \"2026-12-31T23:59:59Z\", or milliseconds since 1970");
        }
        time
    }

    fn switch(&mut self, field: &str) -> Option<bool> {
        match self.value(field)? {
            Value::Bool(on) => Some(on),
            Value::String(text) if text == "true" || text == "false" => Some(text == "true"),
            _ => {
                self.wrong(field, "write true or false");
                None
            }
        }
    }

    /// A list of texts, or one text with spaces, commas or semicolons between them.
    fn list(&mut self, field: &str) -> Option<Vec<String>> {
        let texts = match self.value(field)? {
            Value::String(text) => {
                let items = text.split([' ', ',', ';']).filter(|item| !item.is_empty());
                Some(items.map(str::to_owned).collect())
            }
            Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        if texts.is_none() {
            self.wrong(field, "write a list of texts");
        }
        texts
    }

    fn permissions(&mut self) -> Option<Vec<Permission>> {
        let read: Result<Vec<Permission>, _> = self.list("permissions")?.iter().map(|text| text.parse()).collect();
        read.map_err(|_| self.wrong("permissions", NO_PERMISSION)).ok()
    }

    fn addresses(&mut self) -> Option<AddressList> {
        let list = AddressList::try_from(self.list("allowed_addresses")?);
        list.map_err(|_| self.wrong("allowed_addresses", NO_NETWORK)).ok()
    }

    /// An object of whole numbers, or one as JSON text. In CSV numbers are text.
    fn limits(&mut self) -> BTreeMap<String, u64> {
        let number = |value: Value| match value {
            Value::String(text) => text.parse().ok(),
            number => number.as_u64(),
        };
        let object = match self.value("limits") {
            None => Some(Map::new()),
            Some(Value::Object(limits)) => Some(limits),
            Some(Value::String(text)) => serde_json::from_str(&text).ok(),
            Some(_) => None,
        };
        let limits = object.and_then(|limits| limits.into_iter().map(|(name, value)| Some((name, number(value)?))).collect());
        if limits.is_none() {
            self.wrong("limits", "write a JSON object of the names of limits and whole numbers");
        }
        limits.unwrap_or_default()
    }

    /// An object, or one as JSON text.
    fn metadata(&mut self) -> Map<String, Value> {
        let object = match self.value("metadata") {
            None => Some(Map::new()),
            Some(Value::Object(notes)) => Some(notes),
            Some(Value::String(text)) => serde_json::from_str(&text).ok(),
            Some(_) => None,
        };
        if object.is_none() {
            self.wrong("metadata", "write a JSON object");
        }
        object.unwrap_or_default()
    }
}
