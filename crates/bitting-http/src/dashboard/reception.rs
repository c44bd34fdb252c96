//! What the dashboard is set up with, and what it remembers of whoever stands at its door.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bitting_core::member::{MemberId, Token, TokenDigest};
use bitting_core::time::Timestamp;
use bitting_engine::{Entropy, EntropyError};
use bitting_store::PasswordHash;
use http::HeaderMap;
use http::header::HOST;
use http::uri::{Authority, Scheme, Uri};

use super::attempts::Attempts;
use super::password::Hasher;

/// How the dashboard is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DashboardSettings {
    /// Where people reach it; without one, wherever they have reached it.
    pub public_url: Option<PublicUrl>,
    /// How long nobody may be there before they are signed out.
    pub idle: Duration,
    /// How long somebody stays signed in whatever they do.
    pub lifetime: Duration,
}

impl Default for DashboardSettings {
    fn default() -> Self {
        Self { public_url: None, idle: Duration::from_hours(12), lifetime: Duration::from_hours(24 * 7) }
    }
}

impl DashboardSettings {
    /// Where people reach it that listens at an address.
    pub fn url(&self, address: SocketAddr) -> String {
        let reached = if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address };
        self.public_url.as_ref().map_or_else(|| format!("http://{reached}"), PublicUrl::to_string)
    }
}

/// Scheme and authority, as in `https://keys.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    is_secure: bool,
    authority: Authority,
}

/// A text that says more or less than where a server is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the address of a server")]
pub struct InvalidPublicUrl(Box<str>);

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let invalid = || InvalidPublicUrl(text.into());
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let is_secure = uri.scheme() == Some(&Scheme::HTTPS);
        let is_web = is_secure || uri.scheme() == Some(&Scheme::HTTP);
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(invalid)?;
        let is_bare = uri.path_and_query().is_none_or(|rest| rest.as_str() == "/");
        if !is_web || !is_bare {
            return Err(invalid());
        }
        // Browsers leave out the port that goes without saying.
        let usual = if is_secure { ":443" } else { ":80" };
        let authority = match authority.as_str().strip_suffix(usual) {
            Some(host) => host.parse().map_err(|_| invalid())?,
            None => authority.clone(),
        };
        Ok(Self { is_secure, authority })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_secure { "https" } else { "http" }, self.authority)
    }
}

/// What the dashboard shares among its pages.
pub(crate) struct Reception {
    pub(super) settings: DashboardSettings,
    pub(super) hasher: Hasher,
    pub(super) attempts: Attempts,
    pub(super) half_way: HalfWay,
}

impl Reception {
    pub(crate) fn new(settings: DashboardSettings) -> Self {
        Self { settings, hasher: Hasher::default(), attempts: Attempts::default(), half_way: HalfWay::default() }
    }

    /// Whether pages come by HTTPS.
    pub(super) fn is_secure(&self) -> bool {
        self.settings.public_url.as_ref().is_some_and(|url| url.is_secure)
    }

    /// Where the server is reached by whoever sent a request.
    pub(crate) fn origin(&self, headers: &HeaderMap) -> String {
        let reached = || headers.get(HOST).and_then(|host| host.to_str().ok()).map(|host| format!("http://{host}"));
        self.settings.public_url.as_ref().map(PublicUrl::to_string).or_else(reached).unwrap_or_default()
    }

    /// Whether a form was sent from one of the dashboard's own pages, as far as the browser says (Fetch Metadata; RFC 6454).
    pub(super) fn is_own_form(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        match (text("sec-fetch-site"), text("origin")) {
            // A page that tells nobody its address, as that of a link, tells no origin either. No browser of these years says
            // neither: what does is no browser, and has no cookie of anybody's.
            (Some("same-origin"), None | Some("null")) | (None, None) => true,
            (Some("same-origin") | None, Some(origin)) => {
                origin.eq_ignore_ascii_case(&self.origin(headers)) || self.is_same_host(origin, headers)
            }
            (Some(_), _) => false,
        }
    }

    /// Without a public URL it is not known whether a proxy in front speaks HTTPS.
    fn is_same_host(&self, origin: &str, headers: &HeaderMap) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let of_origin = origin.split_once("://").map(|(_, host)| host);
        self.settings.public_url.is_none() && host.is_some() && host == of_origin
    }
}

/// People who gave the right password and owe a code, for as long as they may take.
#[derive(Debug, Default)]
pub(super) struct HalfWay(Mutex<HashMap<TokenDigest, Step>>);

#[derive(Debug, Clone)]
struct Step {
    member: MemberId,
    /// What was kept of the password that they gave.
    proof: PasswordHash,
    until: Timestamp,
    left: u8,
}

/// How long somebody has for their code, and how often they may be wrong.
const PATIENCE: Duration = Duration::from_mins(5);
const TRIES: u8 = 5;

/// The most people at once.
const MOST: usize = 10_000;

impl HalfWay {
    /// Somebody has come half the way.
    pub(super) fn enter(&self, member: MemberId, proof: PasswordHash, now: Timestamp) -> Result<Token, EntropyError> {
        let mut random = [0; 32];
        Entropy.fill(&mut random)?;
        let token = Token::new(random);
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        steps.retain(|_, step| step.until > now);
        if steps.len() < MOST {
            steps.insert(token.digest(), Step { member, proof, until: now.plus(PATIENCE), left: TRIES });
        }
        Ok(token)
    }

    /// Who it is and what was kept of the password that they gave, once for each try.
    pub(super) fn who(&self, token: &Token, now: Timestamp) -> Option<(MemberId, PasswordHash)> {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let step = steps.get_mut(&token.digest()).filter(|step| step.until > now && step.left > 0)?;
        step.left -= 1;
        Some((step.member, step.proof.clone()))
    }

    /// They are in.
    pub(super) fn leave(&self, token: &Token) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&token.digest());
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn reception(public_url: Option<&str>) -> Reception {
        let public_url = public_url.map(|url| url.parse().unwrap());
        Reception::new(DashboardSettings { public_url, ..DashboardSettings::default() })
    }

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_form_of_another_site_is_not_ones_own() {
        let (plain, public) = (reception(None), reception(Some("https://keys.example.com")));
        let host = ("host", "keys.example.com");
        for (sent, is_own) in [
            (vec![host], true),
            (vec![host, ("origin", "https://keys.example.com")], true),
            (vec![host, ("origin", "https://keys.example.com"), ("sec-fetch-site", "same-origin")], true),
            (vec![host, ("origin", "https://evil.example")], false),
            (vec![host, ("origin", "https://keys.example.com.evil.example")], false),
            (vec![host, ("origin", "null")], false),
            (vec![host, ("origin", "null"), ("sec-fetch-site", "same-origin")], true),
            (vec![host, ("origin", "null"), ("sec-fetch-site", "cross-site")], false),
            (vec![host, ("sec-fetch-site", "cross-site")], false),
            (vec![host, ("sec-fetch-site", "same-site")], false),
            (vec![host, ("sec-fetch-site", "none")], false),
            (vec![host, ("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], false),
        ] {
            assert_eq!(public.is_own_form(&headers(&sent)), is_own, "{sent:?}");
            assert_eq!(plain.is_own_form(&headers(&sent)), is_own, "{sent:?}");
        }
        let rebound = [("host", "evil.example"), ("origin", "http://evil.example")];
        assert!(!public.is_own_form(&headers(&rebound)), "a name that leads here is not the public one");
    }

    #[test]
    fn a_public_url_is_where_a_server_is_and_nothing_more() {
        for good in ["https://keys.example.com", "http://127.0.0.1:8081", "https://keys.example.com/"] {
            let url: PublicUrl = good.parse().unwrap();
            assert_eq!(url.to_string(), good.trim_end_matches('/'));
        }
        for (written, sent) in
            [("https://keys.example.com:443", "https://keys.example.com"), ("http://[::1]:80/", "http://[::1]")]
        {
            assert_eq!(written.parse::<PublicUrl>().unwrap().to_string(), sent, "as browsers send it");
        }
        for wrong in
            ["keys.example.com", "ftp://example.com", "https://u@example.com", "https://example.com/x", "https://e.com/?q"]
        {
            assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn half_way_in_somebody_has_five_tries_and_five_minutes() {
        let (half_way, now) = (HalfWay::default(), Timestamp::from_millis(1_000));
        let member = MemberId::new(now, 7);
        let proof = PasswordHash::new("what is kept".to_owned());
        let token = half_way.enter(member, proof.clone(), now).unwrap();
        assert_eq!(half_way.who(&token, now.plus(PATIENCE)), None);
        for _ in 0..TRIES {
            assert_eq!(half_way.who(&token, now), Some((member, proof.clone())));
        }
        assert_eq!(half_way.who(&token, now), None);
        let again = half_way.enter(member, proof, now).unwrap();
        half_way.leave(&again);
        assert_eq!(half_way.who(&again, now), None);
    }
}
