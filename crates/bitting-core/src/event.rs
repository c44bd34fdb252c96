//! What is worth telling somebody: the catalogue of events.
//!
//! A name never changes its meaning and a field of its data never changes its type; new names and fields may come. What could not
//! be read as before would raise [`VERSION`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id;
use crate::time::Timestamp;

/// The version of the catalogue.
pub const VERSION: u32 = 1;

/// How much an event wants of whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Notice,
    /// Something will go wrong, or does, unless somebody sees to it.
    Warning,
    /// A key may be in the wrong hands.
    Critical,
}

/// An event's public id, `evt_` and a ULID in small letters. Whoever hears of an event twice knows it by this.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EventId(u128);

/// A text that is no event id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an event id, which is \"evt_\" and 26 characters")]
pub struct InvalidEventId(String);

/// A name or a severity that is not in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is none of {known}")]
pub struct NotInCatalogue {
    given: String,
    known: String,
}

macro_rules! catalogue {
    ($($kind:ident $name:literal $severity:ident $meaning:literal)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum EventKind {
            $(#[doc = $meaning] #[serde(rename = $name)] $kind,)*
        }

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Its name, as in `key.revoked`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            /// How much it wants of whoever reads it.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$kind => Severity::$severity),* }
            }

            /// What it means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$kind => $meaning),* }
            }
        }
    };
}

catalogue! {
    KeyCreated "key.created" Notice "A key was made."
    KeyUpdated "key.updated" Notice "A key was changed: its name, rights, limits, addresses, end, or whether it is switched on."
    KeyRotated "key.rotated" Notice "A key was replaced by a new one; the old one ends at once or after an overlap."
    KeyRevoked "key.revoked" Notice "A key was ended for good."
    KeyExpiring "key.expiring" Warning "A key comes to its end soon, or will be renewed then."
    KeyExpired "key.expired" Warning "A key came to its end: its requests are refused."
    KeyRenewed "key.renewed" Notice "A key was given another term before its end."
    KeyUnused "key.unused" Notice "A key was not used for a long time."
    KeyOverdue "key.overdue" Warning "A key is older than keys of its environment should become, and should be rotated."
    KeyLeaked "key.leaked" Critical "A key was found where others can read it."
    KeyUsedFromNewLocation "key.used_from_new_location" Critical "A key was used from a network that it was never used from."
    KeysImported "keys.imported" Notice "Keys that somebody else issued were taken in."
    AuthFailures "auth.failures" Warning "Requests with keys that are not good came in numbers, or a key that no longer works is still in use."
    AddressBanned "address.banned" Notice "A client address sent too many invalid keys and is refused for a while."
    AddressRefused "address.refused" Warning "A good key was used from an address outside of its list, and refused."
    LimitExceeded "limit.exceeded" Notice "Requests of a key were refused by a limit."
    QuotaExceeded "quota.exceeded" Warning "Requests of a key were refused by a quota."
    TrafficUnusual "traffic.unusual" Warning "A key was used much more or much less than it usually is at this hour."
    WebhookDisabled "webhook.disabled" Warning "A webhook endpoint was switched off because it does not take deliveries."
}

impl Severity {
    /// All of them, the mildest first.
    pub const ALL: [Self; 3] = [Self::Notice, Self::Warning, Self::Critical];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl EventId {
    const PREFIX: [u8; 4] = *b"evt_";

    /// The id of the event that happened then and has this number in its store.
    pub fn new(at: Timestamp, number: u64) -> Self {
        Self(id::of(at, u128::from(number)))
    }

    /// Its number in its store.
    pub fn number(self) -> u64 {
        let bytes = self.0.to_be_bytes();
        u64::from_be_bytes(std::array::from_fn(|byte| bytes[8 + byte]))
    }
}

impl FromStr for EventKind {
    type Err = NotInCatalogue;

    fn from_str(name: &str) -> Result<Self, NotInCatalogue> {
        let known = || Self::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        Self::ALL.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| NotInCatalogue::new(name, known()))
    }
}

impl FromStr for Severity {
    type Err = NotInCatalogue;

    fn from_str(name: &str) -> Result<Self, NotInCatalogue> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|severity| severity.name() == name).ok_or_else(|| NotInCatalogue::new(name, known()))
    }
}

impl NotInCatalogue {
    fn new(given: &str, known: String) -> Self {
        Self { given: given.chars().take(64).collect(), known }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&id::text(Self::PREFIX, self.0)).unwrap_or_default())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        id::parse(Self::PREFIX, text).map(Self).ok_or_else(|| InvalidEventId(text.chars().take(64).collect()))
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for EventId {
    type Error = InvalidEventId;

    fn try_from(text: String) -> Result<Self, InvalidEventId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_known_by_an_id_from_which_its_number_can_be_read() {
        let id = EventId::new(Timestamp::from_millis(1_760_000_000_000), 4_711);
        let text = id.to_string();
        assert!(text.starts_with("evt_") && text.len() == 30, "{text}");
        assert_eq!((text.parse::<EventId>().unwrap(), id.number()), (id, 4_711));
        assert!("key_01k7abcdefghjkmnpqrstvwxyz".parse::<EventId>().is_err());
    }

    #[test]
    fn every_kind_is_found_by_its_name_and_a_wrong_name_is_told_the_right_ones() {
        for kind in EventKind::ALL {
            assert_eq!(kind.name().parse::<EventKind>(), Ok(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        let error = "key.lost".parse::<EventKind>().unwrap_err().to_string();
        assert!(error.starts_with("\"key.lost\" is none of key.created, ") && error.ends_with("webhook.disabled"), "{error}");
    }
}
