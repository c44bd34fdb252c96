//! What the API's own documentation says that does not follow from the rest of its configuration.

use std::fmt;
use std::str::FromStr;

use http::Uri;

/// What people and programs are told of an API beside what it enforces.
#[derive(Debug, Clone, Default)]
pub struct Docs {
    /// Whether everybody may read it, or only who is signed in.
    pub public: bool,
    /// What stands before the API's paths, if it was said.
    pub base_url: Option<BaseUrl>,
    /// The path of a GET request to show.
    pub sample: Option<SamplePath>,
    /// What the API is, in a sentence or two.
    pub intro: Option<Box<str>>,
    /// What whoever finds a key can do with it.
    pub warning: Option<Box<str>>,
    /// The API's own advice, a sentence each.
    pub practice: Vec<Box<str>>,
    /// Whom to ask.
    pub support: Option<Contact>,
    /// What environments are for, by their names.
    pub environments: Vec<(Box<str>, Box<str>)>,
    /// Plans whose numbers are agreed with each customer, so that the configured ones mean nothing to others.
    pub custom_plans: Vec<Box<str>>,
    /// Code of the API's own, such as calls of its client libraries.
    pub examples: Vec<CodeExample>,
    /// Where to read on.
    pub links: Vec<(Box<str>, Contact)>,
}

/// A piece of code, in which [`BASE_URL`](Self::BASE_URL) and [`VARIABLE`](Self::VARIABLE) stand for what they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeExample {
    /// What it is, as in "OpenAI SDK".
    pub title: Box<str>,
    /// The language, as in `python`.
    pub language: Box<str>,
    /// The code.
    pub code: Box<str>,
}

/// Scheme, authority and perhaps a path, without a slash at the end: what stands before the paths of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Box<str>);

/// A path that stands in code as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamplePath(Box<str>);

/// An address to turn to: a page, or a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact(Box<str>);

/// A text that is no base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not where an API is; write it as in \"https://api.example.com\", without a slash at the end and without query"
)]
pub struct InvalidBaseUrl(Box<str>);

/// A text that is no path to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot stand in every language as a path; write one of letters, digits and \"-\", \"_\", \".\", \"~\", as in \"/v1/tasks\""
)]
pub struct InvalidSamplePath(Box<str>);

/// A text that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} leads nowhere; write \"mailto:help@example.com\" or \"https://example.com/help\"")]
pub struct InvalidContact(Box<str>);

impl CodeExample {
    /// Stands for the API's base URL.
    pub const BASE_URL: &str = "{base_url}";
    /// Stands for the environment variable that holds the key.
    pub const VARIABLE: &str = "{variable}";
}

impl BaseUrl {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let plain = |c: char| stands_anywhere(c) || matches!(c, ':' | '[' | ']');
        let is_web =
            |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|h| !h.is_empty());
        let fits = text.chars().all(plain) && !text.ends_with('/') && text.parse::<Uri>().is_ok_and(|uri| is_web(&uri));
        if fits { Ok(Self(text.into())) } else { Err(InvalidBaseUrl(text.into())) }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SamplePath {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SamplePath {
    type Err = InvalidSamplePath;

    fn from_str(text: &str) -> Result<Self, InvalidSamplePath> {
        let fits = text.starts_with('/') && !text.contains("//") && text.chars().all(stands_anywhere);
        if fits { Ok(Self(text.into())) } else { Err(InvalidSamplePath(text.into())) }
    }
}

impl Contact {
    /// The address, for a link.
    pub fn href(&self) -> &str {
        &self.0
    }

    /// The address, for people.
    pub fn shown(&self) -> &str {
        self.0.strip_prefix("mailto:").unwrap_or(&self.0)
    }
}

impl FromStr for Contact {
    type Err = InvalidContact;

    fn from_str(text: &str) -> Result<Self, InvalidContact> {
        let mailbox = |address: &str| address.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
        let page = || text.parse::<Uri>().is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
        let fits = text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '(' | ')'))
            && text.strip_prefix("mailto:").map_or_else(page, mailbox);
        if fits { Ok(Self(text.into())) } else { Err(InvalidContact(text.into())) }
    }
}

/// Whether a character means nothing to a shell, and nothing in a text between quotes.
fn stands_anywhere(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '.' | '_' | '~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_a_web_address_that_paths_can_be_put_after() {
        for text in ["https://api.example.com", "http://127.0.0.1:8080", "http://[::1]:8080", "https://example.com/api"] {
            assert_eq!(text.parse::<BaseUrl>().unwrap().as_str(), text);
        }
        for text in [
            "",
            "/v1",
            "api.example.com",
            "ftp://x",
            "https://",
            "https://x/",
            "https://x?y",
            "https://x/#y",
            "https://$x",
            "https://x y",
        ] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_sample_path_means_nothing_to_a_shell() {
        assert!("/v1/tasks".parse::<SamplePath>().is_ok() && "/".parse::<SamplePath>().is_ok());
        for text in ["", "v1", "//v1", "/v1?x", "/$HOME", "/`id`", "/a b", "/\"", "/{id}", "/*", "/ü"] {
            assert!(text.parse::<SamplePath>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_contact_is_a_page_or_a_mailbox_and_no_script() {
        let mail: Contact = "mailto:help@example.com".parse().unwrap();
        assert_eq!((mail.href(), mail.shown()), ("mailto:help@example.com", "help@example.com"));
        assert_eq!("https://example.com/help".parse::<Contact>().unwrap().shown(), "https://example.com/help");
        for text in ["", "help", "help@example.com", "mailto:", "mailto:help", "javascript:alert(1)", "https://x/\"onclick=1"] {
            assert!(text.parse::<Contact>().is_err(), "{text}");
        }
    }
}
