//! The public names of webhook endpoints and of deliveries to them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id;
use crate::time::Timestamp;

/// An id: four characters that say of what, and a ULID in small letters, so that the newest sort last.
macro_rules! public_id {
    ($(#[$meaning:meta])* $name:ident, $invalid:ident, $prefix:literal, $wrong:literal) => {
        $(#[$meaning])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(u128);

        /// A text that is no such id.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error($wrong, .0)]
        pub struct $invalid(String);

        impl $name {
            /// Makes an id from the time of creation and 80 random bits (the lower 80 of `random`).
            pub fn new(created: Timestamp, random: u128) -> Self {
                Self(id::of(created, random))
            }

            /// The id as 16 bytes that sort like its text.
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// The reverse of [`to_bytes`](Self::to_bytes).
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(std::str::from_utf8(&id::text(*$prefix, self.0)).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = $invalid;

            fn from_str(text: &str) -> Result<Self, $invalid> {
                id::parse(*$prefix, text).map(Self).ok_or_else(|| $invalid(text.chars().take(64).collect()))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = $invalid;

            fn try_from(text: String) -> Result<Self, $invalid> {
                text.parse()
            }
        }
    };
}

public_id! {
    /// A webhook endpoint's public id, `whk_` and a ULID in small letters.
    WebhookId, InvalidWebhookId, b"whk_", "{:?} is not a webhook's id, which is \"whk_\" and 26 characters"
}

public_id! {
    /// The id of one event's delivery to one endpoint, `dlv_` and a ULID in small letters. It stays the same however often the
    /// delivery is tried.
    DeliveryId, InvalidDeliveryId, b"dlv_", "{:?} is not a delivery's id, which is \"dlv_\" and 26 characters"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_says_of_what_it_is() {
        let at = Timestamp::from_millis(1_700_000_000_000);
        let (webhook, delivery) = (WebhookId::new(at, 7), DeliveryId::new(at, 7));
        assert_eq!(webhook.to_string().parse(), Ok(webhook));
        assert_eq!(DeliveryId::from_bytes(delivery.to_bytes()), delivery);
        assert!(delivery.to_string().parse::<WebhookId>().is_err());
    }
}
