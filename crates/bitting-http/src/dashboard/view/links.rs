//! Where every page is. Nothing else writes a path.

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::member::MemberId;
use bitting_core::webhook::{DeliveryId, WebhookId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in a path segment and in a query as it is (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The pages that belong to no API.
pub(crate) mod link {
    pub(crate) const HOME: &str = "/";
    pub(crate) const SIGN_IN: &str = "/sign-in";
    pub(crate) const SECOND_FACTOR: &str = "/sign-in/second-factor";
    pub(crate) const SIGN_OUT: &str = "/sign-out";
    pub(crate) const MEMBERS: &str = "/members";
    pub(crate) const YOU: &str = "/you";
    pub(crate) const PASSWORD: &str = "/you/password";
    pub(crate) const YOUR_SECOND_FACTOR: &str = "/you/second-factor";
    pub(crate) const SESSIONS: &str = "/you/sessions";
    pub(crate) const THEME: &str = "/theme";

    pub(crate) const LINK: &str = "/link";

    /// A one-time link: first set-up, invitation, reset, or the portal's. Its secret stands in the query, which is in no log.
    pub(crate) fn one_time(token: &str) -> String {
        format!("{LINK}?token={}", super::escaped(token))
    }
}

/// The pages of one API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiLinks(String);

impl ApiLinks {
    /// Those of the API with this name.
    pub(crate) fn new(api: &str) -> Self {
        Self(format!("/apis/{}", escaped(api)))
    }

    pub(crate) fn keys(&self) -> String {
        format!("{}/keys", self.0)
    }

    pub(crate) fn new_key(&self) -> String {
        format!("{}/keys/new", self.0)
    }

    pub(crate) fn key(&self, id: KeyId) -> String {
        format!("{}/keys/{id}", self.0)
    }

    /// One thing to do with a key: `edit`, `rotate`, `extend`, `revoke` or `switch`.
    pub(crate) fn key_action(&self, id: KeyId, action: &str) -> String {
        format!("{}/keys/{id}/{action}", self.0)
    }

    pub(crate) fn usage(&self) -> String {
        format!("{}/usage", self.0)
    }

    pub(crate) fn usage_csv(&self) -> String {
        format!("{}/usage.csv", self.0)
    }

    pub(crate) fn events(&self) -> String {
        format!("{}/events", self.0)
    }

    /// Where whoever has read them says so.
    pub(crate) fn events_read(&self) -> String {
        format!("{}/events/read", self.0)
    }

    pub(crate) fn events_live(&self) -> String {
        format!("{}/events/live", self.0)
    }

    pub(crate) fn webhooks(&self) -> String {
        format!("{}/webhooks", self.0)
    }

    pub(crate) fn new_webhook(&self) -> String {
        format!("{}/webhooks/new", self.0)
    }

    pub(crate) fn webhook(&self, id: WebhookId) -> String {
        format!("{}/webhooks/{id}", self.0)
    }

    /// One thing to do with an endpoint: `edit`, `switch`, `rotate`, `test` or `delete`.
    pub(crate) fn webhook_action(&self, id: WebhookId, action: &str) -> String {
        format!("{}/webhooks/{id}/{action}", self.0)
    }

    /// Something that was or is to be delivered to an endpoint.
    pub(crate) fn delivery(&self, webhook: WebhookId, id: DeliveryId) -> String {
        format!("{}/webhooks/{webhook}/deliveries/{id}", self.0)
    }

    pub(crate) fn bans(&self) -> String {
        format!("{}/bans", self.0)
    }

    pub(crate) fn accounts(&self) -> String {
        format!("{}/accounts", self.0)
    }

    pub(crate) fn new_account(&self) -> String {
        format!("{}/accounts/new", self.0)
    }

    pub(crate) fn account(&self, id: &AccountId) -> String {
        format!("{}/accounts/{}", self.0, escaped(id.as_str()))
    }

    pub(crate) fn members(&self) -> String {
        format!("{}/members", self.0)
    }

    pub(crate) fn audit_log(&self) -> String {
        format!("{}/audit-log", self.0)
    }

    pub(crate) fn docs(&self) -> String {
        format!("{}/docs", self.0)
    }
}

/// One thing to do with a member: `link`, `disable`, `enable` or `remove-second-factor`.
pub(crate) fn member_action(id: MemberId, action: &str) -> String {
    format!("{}/{id}/{action}", link::MEMBERS)
}

/// A path with a query. What has no value is left out.
pub(crate) fn with_query(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let given =
        parameters.iter().filter_map(|(name, value)| value.filter(|value| !value.is_empty()).map(|value| (name, value)));
    let mut link = path.to_owned();
    for (position, (name, value)) in given.enumerate() {
        link.push(if position == 0 { '?' } else { '&' });
        link.push_str(name);
        link.push('=');
        link.push_str(&escaped(value));
    }
    link
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_in_a_path_do_not_change_where_it_leads() {
        let links = ApiLinks::new("product-api");
        assert_eq!(links.account(&"org:a/b+c".parse().unwrap()), "/apis/product-api/accounts/org%3Aa%2Fb%2Bc");
        let query = [("q", Some("a&b=c d")), ("env", None), ("view", Some("")), ("sort", Some("-created"))];
        assert_eq!(with_query("/x", &query), "/x?q=a%26b%3Dc%20d&sort=-created");
        assert_eq!(with_query("/x", &[]), "/x");
    }
}
