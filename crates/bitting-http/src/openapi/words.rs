//! The texts of which requests and answers are made, for the document: what they look like and how long they may be.
//!
//! What reads and checks them stands in `bitting-core` and in the engine, which know nothing of documents. The tests send
//! what these patterns allow and what they forbid, so that neither drifts from the other.

#![expect(dead_code, reason = "these types describe values; none of them is ever made")]

use serde::Serialize;
use utoipa::ToSchema;

/// A key's id. It is no secret.
#[derive(ToSchema)]
#[schema(pattern = "^key_[0-7][0-9a-hjkmnp-tv-z]{25}$", examples("key_01m7r8z3q9v5w2x4y6a8b0c1d2"))]
pub(crate) struct KeyId(String);

/// An account's id: the operator's own name for a customer, an organisation or a user.
#[derive(ToSchema)]
#[schema(pattern = "^[A-Za-z0-9._:@/+=-]+$", min_length = 1, max_length = 128, examples("acme"))]
pub(crate) struct AccountId(String);

/// A permission: one to four words joined by `:`, each of which may be `*` for any word.
#[derive(ToSchema)]
#[schema(pattern = "^([*]|[A-Za-z0-9._-]+)(:([*]|[A-Za-z0-9._-]+)){0,3}$", max_length = 128, examples("tasks:read"))]
pub(crate) struct Permission(String);

/// An address or a network, as in `192.0.2.7`, `192.0.2.0/24` or `2001:db8::/48`.
#[derive(ToSchema)]
#[schema(pattern = "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$", examples("192.0.2.0/24"))]
pub(crate) struct Network(String);

/// A name for people: not blank, without control characters.
#[derive(ToSchema)]
#[schema(
    pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$",
    min_length = 1,
    max_length = 200,
    examples("Production App")
)]
pub(crate) struct Name(String);

/// A name for people, or nothing; without control characters.
#[derive(ToSchema)]
#[schema(pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$", max_length = 200, examples("Acme Inc."))]
pub(crate) struct Label(String);

/// A text that may have several lines, without other control characters.
#[derive(ToSchema)]
#[schema(pattern = "^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f]*$", max_length = 2000, examples("For the mobile app"))]
pub(crate) struct Description(String);

/// How much an event wants of whoever reads it: `notice` is good to know, `warning` wants something done, `critical` is a key that
/// may be in the wrong hands.
#[derive(ToSchema)]
#[schema(pattern = "^(notice|warning|critical)$", examples("warning"))]
pub(crate) struct Severity(String);

/// A date and time (RFC 3339) between the years 1970 and 9999. Answers have it in UTC.
#[derive(ToSchema)]
#[schema(format = DateTime, examples("2026-12-31T23:59:59Z"))]
pub(crate) struct Time(String);

/// How long something takes: a number and its unit, as in `24h` or `7d`.
#[derive(ToSchema)]
#[schema(pattern = "^[0-9]{1,4}(ms|s|m|h|d|w)$", examples("24h"))]
pub(crate) struct Period(String);

/// How much a limit allows a key, instead of what its plan says: a whole number.
#[derive(ToSchema)]
#[schema(minimum = 1, maximum = 9_007_199_254_740_992_i64, examples(50))]
pub(crate) struct LimitNumber(u64);

/// The name of a plan that the API has.
#[derive(ToSchema)]
#[schema(examples("professional"))]
pub(crate) struct PlanName(String);

/// Notes of one's own, of at most 16 KiB as JSON.
#[derive(ToSchema)]
#[schema(value_type = Object, examples(json!({"team": "mobile"})))]
pub(crate) struct Metadata(());

/// A key's state. `active` works, `disabled` is switched off, `expired` is over, `revoked` is ended for good.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Active,
    Disabled,
    Expired,
    Revoked,
}

/// An account's state: `suspended` while its keys are refused.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AccountStatus {
    Active,
    Suspended,
}

/// How long the times are that usage is counted in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UsageStep {
    Hour,
    Day,
}

/// How usage is written.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UsageFormat {
    Json,
    Csv,
}

/// A webhook's id.
#[derive(ToSchema)]
#[schema(pattern = "^whk_[0-7][0-9a-hjkmnp-tv-z]{25}$", examples("whk_01m7r8z3q9v5w2x4y6a8b0c1d2"))]
pub(crate) struct WebhookId(String);

/// A delivery's id.
#[derive(ToSchema)]
#[schema(pattern = "^dlv_[0-7][0-9a-hjkmnp-tv-z]{25}$", examples("dlv_01m7r8z3q9v5w2x4y6a8b0c1d2"))]
pub(crate) struct DeliveryId(String);

/// Where messages go: `https`, without user name and fragment, to a public name or address.
#[derive(ToSchema)]
#[schema(format = "uri", max_length = 2000, examples("https://example.com/hooks/keys"))]
pub(crate) struct WebhookUrl(String);

/// The secret that messages are signed with.
#[derive(ToSchema)]
#[schema(pattern = "^whsec_[A-Za-z0-9+/]+=*$", examples("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))]
pub(crate) struct SigningSecret(String);

/// The name of an event.
#[derive(ToSchema)]
#[schema(examples("key.revoked"))]
pub(crate) struct EventName(String);

/// Why Bitting switched a webhook off: `gone` if it answered 410, `failing` if it took nothing for five days.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DisabledBecause {
    Gone,
    Failing,
}

/// How far a delivery is: `waiting` is still to be sent, `delivered` was taken, `failed` is not sent again by itself.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeliveryState {
    Waiting,
    Delivered,
    Failed,
}

/// An API's name in the configuration.
#[derive(ToSchema)]
#[schema(pattern = "^[a-z0-9_-]+$", examples("shop"))]
pub(crate) struct ApiName(String);
