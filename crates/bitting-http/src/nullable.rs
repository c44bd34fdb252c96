//! A field of a body that may be absent, null, or there (RFC 7396): absent leaves what is, null removes it.

use serde::{Deserialize, Deserializer};

/// What a body says about something that can be absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Nullable<T> {
    /// Nothing.
    #[default]
    Absent,
    /// That it shall not be there.
    Null,
    /// What it shall be.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(value)?.map_or(Self::Null, Self::Value))
    }
}

impl<T> From<Nullable<T>> for Option<Option<T>> {
    fn from(field: Nullable<T>) -> Self {
        match field {
            Nullable::Absent => None,
            Nullable::Null => Some(None),
            Nullable::Value(value) => Some(Some(value)),
        }
    }
}
