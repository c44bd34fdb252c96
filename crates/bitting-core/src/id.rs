//! How public ids are written: four characters that say of what, and a ULID in small letters.

use ulid::Ulid;

use crate::time::Timestamp;

/// An id from the time of creation and 80 random bits (the lower 80 of `random`).
pub(crate) fn of(created: Timestamp, random: u128) -> u128 {
    Ulid::from_parts(u64::try_from(created.as_millis()).unwrap_or(0), random).0
}

/// An id as it is written, without an allocation.
pub(crate) fn text(prefix: [u8; 4], id: u128) -> [u8; 30] {
    let mut text = [0; 30];
    let mut ulid = [0; ulid::ULID_LEN];
    Ulid(id).array_to_str(&mut ulid).make_ascii_lowercase();
    text[..prefix.len()].copy_from_slice(&prefix);
    text[prefix.len()..].copy_from_slice(&ulid);
    text
}

/// Reads an id. Only one spelling of each is one.
pub(crate) fn parse(prefix: [u8; 4], text: &str) -> Option<u128> {
    let ulid = text.strip_prefix(std::str::from_utf8(&prefix).ok()?)?;
    let is_small = !ulid.bytes().any(|b| b.is_ascii_uppercase());
    is_small.then(|| Ulid::from_string(&ulid.to_ascii_uppercase()).ok()).flatten().map(|ulid| ulid.0)
}
