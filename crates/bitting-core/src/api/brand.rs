//! How an API's pages look.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The logo and the colour of an API's house, beside its [title](crate::dialect::Labels::title).
#[derive(Debug, Clone, Default)]
pub struct Brand {
    /// The one colour that its owner chooses.
    pub accent: Accent,
    /// Its logo; without one a mark is drawn.
    pub logo: Option<Logo>,
    /// The site of the API's own whose sign-in also leads to the dashboard, as in "example.com".
    pub site: Option<Box<str>>,
    /// A path of the API's own that leads to its page of keys, as in `/settings/api-keys`.
    pub path: Option<Box<str>>,
}

/// A colour of sRGB, as in `#0b6b63`. Whatever it is, pages make it legible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accent(u32);

/// A picture, as it is sent to browsers.
#[derive(Clone)]
pub struct Logo {
    /// The media type.
    pub media_type: &'static str,
    /// The file.
    pub bytes: Arc<[u8]>,
}

/// A text that is no colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a colour such as \"#0b6b63\"")]
pub struct InvalidAccent(Box<str>);

impl Default for Accent {
    /// Bitting's own.
    fn default() -> Self {
        Self(0x000b_6b63)
    }
}

impl fmt::Display for Accent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:06x}", self.0)
    }
}

impl FromStr for Accent {
    type Err = InvalidAccent;

    fn from_str(text: &str) -> Result<Self, InvalidAccent> {
        let digits = text.strip_prefix('#').unwrap_or_default();
        let is_hex = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let value = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
        value.map(Self).ok_or_else(|| InvalidAccent(text.chars().take(64).collect()))
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_digits_after_a_hash() {
        assert_eq!("#FFD400".parse::<Accent>().unwrap().to_string(), "#ffd400");
        for wrong in ["", "red", "#fff", "#ffd40g", "ffd400", "#+fd400", "#ffd4000"] {
            assert!(wrong.parse::<Accent>().is_err(), "{wrong}");
        }
    }
}
