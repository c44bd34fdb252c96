//! The headers in which the upstream learns whose key it was.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::spelling::{begins_like, is_spelled_like};

/// The names of the identity headers, each absent if the API does not want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityHeaders {
    /// The key's public id.
    pub key_id: Option<HeaderName>,
    /// The account's id.
    pub account: Option<HeaderName>,
    /// The environment's name.
    pub environment: Option<HeaderName>,
    /// The key's role.
    pub role: Option<HeaderName>,
    /// The key's permissions and capabilities, joined by commas.
    pub permissions: Option<HeaderName>,
}

impl Default for IdentityHeaders {
    fn default() -> Self {
        let name = |name| Some(HeaderName::from_static(name));
        Self {
            key_id: name("bitting-key-id"),
            account: name("bitting-account"),
            environment: name("bitting-environment"),
            role: name("bitting-role"),
            permissions: name("bitting-permissions"),
        }
    }
}

impl IdentityHeaders {
    /// The names in use.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        [&self.key_id, &self.account, &self.environment, &self.role, &self.permissions].into_iter().flatten()
    }

    /// Whether a caller who sends this header could pass for somebody: the names in use and every `Bitting-…`, however
    /// spelled.
    pub fn is_forged(&self, name: &HeaderName) -> bool {
        begins_like(name, "bitting-") || self.names().any(|own| is_spelled_like(name, own.as_str()))
    }

    /// Sets a header if the API wants it.
    pub fn set(name: Option<&HeaderName>, value: Option<HeaderValue>, headers: &mut HeaderMap) {
        if let (Some(name), Some(value)) = (name, value) {
            headers.insert(name.clone(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forged_identity_is_removed_in_every_spelling() {
        let own = IdentityHeaders { account: Some(HeaderName::from_static("x-org_id")), ..IdentityHeaders::default() };
        let mut headers = HeaderMap::new();
        for name in
            ["Bitting-Key-Id", "BITTING_ACCOUNT", "bitting_role", "Bitting-Anything", "X-Org-Id", "x_org_id", "X-Org-Id"]
        {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("forged"));
        }
        for name in ["x-org", "bittings", "accept", "x-org-id-2"] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("kept"));
        }
        for (name, value) in &headers {
            assert_eq!(own.is_forged(name), value == "forged", "{name}");
        }
    }
}
