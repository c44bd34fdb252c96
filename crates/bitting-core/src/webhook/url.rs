//! The address of an endpoint.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::uri::PathAndQuery;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// An `https` or `http` URL that means one place however it is read: without credentials, fragment, or an address in a notation
/// that only some programs understand. Whether anything may be sent there is for [`Destinations`](super::Destinations).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct WebhookUrl {
    text: Box<str>,
    host: WebhookHost,
    port: u16,
    is_https: bool,
    /// Where path and query begin in the text.
    target_at: usize,
}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookHost {
    /// Whoever has this name, in small ASCII letters and without a dot at its end.
    Name(Box<str>),
    /// Whoever has this address.
    Address(IpAddr),
}

/// Why a text is no URL of an endpoint, with what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It is none at all.
    #[error("write a URL such as \"https://example.com/hooks/keys\"")]
    Malformed,
    /// It is longer than 2,000 characters.
    #[error("the URL is longer than 2,000 characters")]
    TooLong,
    /// Its scheme is another one.
    #[error("write a URL that begins with https://")]
    Scheme,
    /// A user name or a password is in it.
    #[error("a user name or password in the URL would stand in lists and logs; remove it, and verify the signature instead")]
    Credentials,
    /// It has a fragment.
    #[error("remove the part from \"#\" on: it is never sent")]
    Fragment,
    /// An IP address in a notation that programs read differently.
    #[error("write the address as \"{0}\"; this notation is read differently by different programs")]
    OddAddress(String),
    /// The port is 0.
    #[error("nothing listens on port 0")]
    Port,
}

/// How long a URL may be: longer ones are refused by some programs on the way.
const LONGEST: usize = 2_000;

impl WebhookUrl {
    /// The URL in its normal form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Who is at the other end.
    pub fn host(&self) -> &WebhookHost {
        &self.host
    }

    /// On which port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is reached over TLS.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Path and query, for the request line.
    pub fn target(&self) -> &str {
        &self.text[self.target_at..]
    }

    /// Host and port, for the `Host` header; the port only where it is not the scheme's own.
    pub fn authority(&self) -> &str {
        let begin = if self.is_https { "https://".len() } else { "http://".len() };
        &self.text[begin..self.target_at]
    }
}

impl FromStr for WebhookUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        if text.len() > LONGEST {
            return Err(InvalidUrl::TooLong);
        }
        // The parser, which is that of browsers, removes or replaces some of these.
        if text.chars().any(|c| c <= ' ' || c == '\u{7F}' || c == '\\') {
            return Err(InvalidUrl::Malformed);
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUrl::Malformed)?;
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            return Err(InvalidUrl::Scheme);
        }
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        if authority.contains('@') {
            return Err(InvalidUrl::Credentials);
        }
        if authority.is_empty() {
            return Err(InvalidUrl::Malformed);
        }
        let url = Url::parse(text).map_err(|_| InvalidUrl::Malformed)?;
        if url.fragment().is_some() {
            return Err(InvalidUrl::Fragment);
        }
        let written = written_host(authority);
        let host = match url.host().ok_or(InvalidUrl::Malformed)? {
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                if name.is_empty() || name.ends_with('.') {
                    return Err(InvalidUrl::Malformed);
                }
                WebhookHost::Name(name.into())
            }
            Host::Ipv4(address) if written == address.to_string() => WebhookHost::Address(address.into()),
            Host::Ipv4(address) => return Err(InvalidUrl::OddAddress(address.to_string())),
            Host::Ipv6(address) => match IpAddr::from(address).to_canonical() {
                IpAddr::V4(mapped) => return Err(InvalidUrl::OddAddress(mapped.to_string())),
                canonical if written.eq_ignore_ascii_case(&format!("[{address}]")) => WebhookHost::Address(canonical),
                IpAddr::V6(_) => return Err(InvalidUrl::OddAddress(format!("[{address}]"))),
            },
        };
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(InvalidUrl::Port)?;
        let is_https = url.scheme() == "https";
        let text: Box<str> = url.as_str().into();
        // Escapes may have made it longer, and it is read again from its normal form.
        if text.len() > LONGEST {
            return Err(InvalidUrl::TooLong);
        }
        let target_at = text.len() - (url.path().len() + url.query().map_or(0, |query| query.len() + 1));
        // What browsers leave as it is may not all stand in a request.
        if text[target_at..].parse::<PathAndQuery>().is_err() {
            return Err(InvalidUrl::Malformed);
        }
        Ok(Self { text, host, port, is_https, target_at })
    }
}

/// The host as somebody wrote it, with the brackets of an IPv6 address.
fn written_host(authority: &str) -> &str {
    match authority.find(']') {
        Some(end) => &authority[..=end],
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<WebhookUrl> for String {
    fn from(url: WebhookUrl) -> Self {
        url.text.into()
    }
}

impl TryFrom<String> for WebhookUrl {
    type Error = InvalidUrl;

    fn try_from(text: String) -> Result<Self, InvalidUrl> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<WebhookUrl, InvalidUrl> {
        text.parse()
    }

    #[test]
    fn a_url_falls_into_what_a_request_needs() {
        let url = parse("HTTPS://Hooks.Example.com:8443/a%20b?x=1").unwrap();
        assert_eq!(url.as_str(), "https://hooks.example.com:8443/a%20b?x=1");
        assert_eq!((url.authority(), url.target(), url.port()), ("hooks.example.com:8443", "/a%20b?x=1", 8443));
        assert_eq!(url.host(), &WebhookHost::Name("hooks.example.com".into()));
        let bare = parse("http://192.0.2.1").unwrap();
        assert_eq!((bare.authority(), bare.target(), bare.port(), bare.is_https()), ("192.0.2.1", "/", 80, false));
        let v6 = parse("https://[2001:db8::1]?x").unwrap();
        assert_eq!((v6.authority(), v6.target(), v6.port()), ("[2001:db8::1]", "/?x", 443));
        assert_eq!(parse("https://bücher.example/").unwrap().host(), &WebhookHost::Name("xn--bcher-kva.example".into()));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_reads_back_from_its_normal_form(
            scheme in "https?|HTTPS",
            host in "[a-z0-9.%_é-]{1,12}|[0-9a-fx.]{1,15}|\\[[0-9a-f:.]{2,20}\\]",
            rest in "(:[0-9]{1,5})?([/?][^#]{0,40})?",
        ) {
            if let Ok(url) = parse(&format!("{scheme}://{host}{rest}")) {
                prop_assert_eq!(parse(url.as_str()), Ok(url.clone()));
                prop_assert!(url.target().starts_with('/'));
            }
        }
    }

    #[test]
    fn what_is_never_sent_or_should_not_be_written_down_is_refused() {
        for text in ["https://a:b@example.com/", "https://a@example.com", "https://@example.com/", "https://a:b%40@c@d.example"]
        {
            assert_eq!(parse(text), Err(InvalidUrl::Credentials), "{text}");
        }
        assert_eq!(parse("https://example.com/#x"), Err(InvalidUrl::Fragment));
        assert_eq!(parse("https://example.com#"), Err(InvalidUrl::Fragment));
        assert_eq!(parse("https://example.com:0/"), Err(InvalidUrl::Port));
        // Each of these takes six characters in the normal form.
        assert_eq!(parse(&format!("https://example.com/{}", "é".repeat(500))), Err(InvalidUrl::TooLong));
        assert_eq!(parse(&format!("https://example.com/{}", "x".repeat(2_000))), Err(InvalidUrl::TooLong));
        for text in ["ftp://example.com/", "file:///etc/passwd", "gopher://x/", "javascript://x"] {
            assert_eq!(parse(text), Err(InvalidUrl::Scheme), "{text}");
        }
        for text in [
            "",
            "example.com",
            "https:example.com",
            "https:///example.com",
            "https://",
            "https://exa mple.com",
            " https://a.example",
            "https://example.com\\@evil.example",
            "https://a\t.example/",
            "https://./",
            "https://a.example../",
            "https://:443/",
            "https://[fe80::1%25eth0]/",
            "https://[::1/",
            "https://[1.2.3.4]/",
            "https://a.example:99999/",
            "https://a.example:x/",
        ] {
            assert_eq!(parse(text), Err(InvalidUrl::Malformed), "{text}");
        }
    }

    #[test]
    fn an_address_stands_in_its_one_usual_notation() {
        for text in [
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "0x7F.0.0.0x1",
            "127.000.000.001",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "①②⑦.⓪.⓪.①",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:ffff:127.0.0.1]",
        ] {
            assert_eq!(parse(&format!("https://{text}/")), Err(InvalidUrl::OddAddress("127.0.0.1".to_owned())), "{text}");
        }
        for text in ["[0:0:0:0:0:0:0:1]", "[0::1]", "[::0.0.0.1]", "[::0001]"] {
            assert_eq!(parse(&format!("https://{text}/")), Err(InvalidUrl::OddAddress("[::1]".to_owned())), "{text}");
        }
    }
}
