//! Header names that are one name to some upstream.
//!
//! CGI, and WSGI after it, hand headers on as variables in which `-` has become `_` (RFC 3875, section 4.1.18), so
//! `X_API_Key` arrives there as `X-API-Key` does; PHP and some servers turn dots and all other marks into `_` too. Whoever
//! closes a header to callers must close all of them.

use http::HeaderName;

/// Whether a header's name is the other one, or may become it. The other one is in small letters, as a [`HeaderName`] is.
///
/// ```
/// # use bitting_core::dialect::is_spelled_like;
/// assert!(is_spelled_like(&"X_Real-IP".parse()?, "x-real-ip"));
/// assert!(is_spelled_like(&"X.Real~IP".parse()?, "x-real-ip"));
/// assert!(!is_spelled_like(&"X-Real-IP-2".parse()?, "x-real-ip"));
/// # Ok::<(), http::header::InvalidHeaderName>(())
/// ```
pub fn is_spelled_like(name: &HeaderName, other: &str) -> bool {
    is_alike(name.as_str(), other)
}

/// Whether a header's name begins with a text in small letters, or may become one that does.
pub fn begins_like(name: &HeaderName, prefix: &str) -> bool {
    begins(name.as_str(), prefix)
}

fn is_alike(name: &str, other: &str) -> bool {
    name.len() == other.len() && begins(name, other)
}

fn begins(name: &str, prefix: &str) -> bool {
    let hyphen = |b: u8| if b.is_ascii_alphanumeric() { b } else { b'-' };
    name.len() >= prefix.len() && name.bytes().zip(prefix.bytes()).all(|(a, b)| hyphen(a) == hyphen(b))
}

/// Many names that headers are held against, each header against all of them. Most are not even as long as one of them.
#[derive(Debug)]
pub struct Spellings {
    names: &'static [&'static str],
    /// A bit for each length.
    lengths: u64,
}

impl Spellings {
    /// Names in small letters, each shorter than 64.
    pub const fn of(names: &'static [&'static str]) -> Self {
        let (mut lengths, mut position) = (0, 0);
        while position < names.len() {
            lengths |= 1 << names[position].len();
            position += 1;
        }
        Self { names, lengths }
    }

    /// Whether a header's name is one of them, or may become one.
    pub fn have(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        name.len() < 64 && self.lengths >> name.len() & 1 == 1 && self.names.iter().any(|own| is_alike(name, own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_names_is_found_in_every_spelling_and_nothing_else() {
        const SPELLINGS: Spellings = Spellings::of(&["x-real-ip", "x-client-ip"]);
        let long = "x".repeat(9 + 64);
        for (name, is_there) in [
            ("X-Real-IP", true),
            ("x_real.ip", true),
            ("x-client-ip", true),
            ("x-real-ap", false),
            ("x-real-ip-2", false),
            ("x-real", false),
            (&*long, false),
        ] {
            assert_eq!(SPELLINGS.have(&name.parse().unwrap()), is_there, "{name}");
        }
    }
}
