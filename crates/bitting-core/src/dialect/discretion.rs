//! What answers say so that no cache gives them to somebody else and no page tells their address on.

use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, REFERRER_POLICY, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::query::parameters;
use super::{Carrier, CredentialRules, vary};

/// What an API's answers say of keeping them, compiled from where it takes keys from.
#[derive(Debug, Clone)]
pub struct Discretion {
    /// The headers that carry keys, which answers depend on.
    depends_on: Box<[HeaderName]>,
    /// The same as the value of `Vary`.
    vary: Option<HeaderValue>,
    /// The query parameters that carry keys.
    parameters: Box<[Box<str>]>,
}

/// How a request carries what it carries, as far as its answer depends on that. It is noted before the request is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carriage {
    /// It has `Authorization`, so shared caches keep its answer only if that says so (RFC 9111, section 3.5).
    has_authorization: bool,
    /// A key stands in its address, or may.
    is_in_address: bool,
}

impl Discretion {
    /// For an API with these rules.
    pub fn of(rules: &CredentialRules) -> Self {
        let (mut depends_on, mut parameters) = (Vec::new(), Vec::new());
        for carrier in &rules.carriers {
            let name = match carrier {
                Carrier::Authorization(_) | Carrier::Basic => AUTHORIZATION,
                Carrier::Header(name) => name.clone(),
                Carrier::Cookie(_) => COOKIE,
                Carrier::Subprotocol(_) => SEC_WEBSOCKET_PROTOCOL,
                Carrier::Query(name) => {
                    parameters.push(name.clone());
                    continue;
                }
            };
            if !depends_on.contains(&name) {
                depends_on.push(name);
            }
        }
        let names: Vec<&str> = depends_on.iter().map(HeaderName::as_str).collect();
        let vary = HeaderValue::from_str(&names.join(", ")).ok().filter(|_| !names.is_empty());
        Self { depends_on: depends_on.into(), vary, parameters: parameters.into() }
    }

    /// How a request carries what it carries.
    pub fn look_at(&self, headers: &HeaderMap, query: Option<&str>) -> Carriage {
        let names = &self.parameters;
        let holds = |query| parameters(query).any(|parameter| names.iter().any(|name| parameter.could_be(name)));
        Carriage {
            has_authorization: headers.contains_key(AUTHORIZATION),
            is_in_address: !names.is_empty() && query.is_some_and(holds),
        }
    }

    /// Says so in an answer whose request may have been answered otherwise with another key, or with none. It `is_personal` if
    /// a key was let through.
    pub fn tell(&self, carriage: Carriage, is_personal: bool, headers: &mut HeaderMap) {
        if let Some(vary) = &self.vary {
            vary::add(&self.depends_on, vary, headers);
        }
        if is_personal && !carriage.has_authorization && !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
        }
    }

    /// Says that an answer is not to be kept under an address with a key in it, nor the address told to others. Whatever the
    /// upstream says: it has never seen the key, so it cannot know.
    pub fn conceal_address(&self, carriage: Carriage, headers: &mut HeaderMap) {
        if carriage.is_in_address {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            headers.insert(REFERRER_POLICY, NO_REFERRER);
        }
    }

    /// The same for a refusal, of which nothing is known any more but that its address may hold a key. It is `no-store` anyway.
    pub fn conceal_any_address(&self, headers: &mut HeaderMap) {
        if !self.parameters.is_empty() {
            headers.insert(REFERRER_POLICY, NO_REFERRER);
        }
    }
}

const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

#[cfg(test)]
mod tests {
    use std::slice;

    use http::header::VARY;

    use super::super::Foreign;
    use super::*;

    fn discretion(carriers: &[&str]) -> Discretion {
        let carriers = carriers.iter().map(|carrier| carrier.parse().unwrap()).collect();
        Discretion::of(&CredentialRules { carriers, foreign: Foreign::Refuse })
    }

    fn told(
        carriers: &[&str],
        request: &[(HeaderName, &str)],
        query: Option<&str>,
        said: &[(HeaderName, &str)],
    ) -> [String; 3] {
        let map = |pairs: &[(HeaderName, &str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
        };
        let (discretion, mut headers) = (discretion(carriers), map(said));
        let carriage = discretion.look_at(&map(request), query);
        discretion.tell(carriage, true, &mut headers);
        discretion.conceal_address(carriage, &mut headers);
        [VARY, CACHE_CONTROL, REFERRER_POLICY]
            .map(|name| headers.get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned()))
    }

    #[test]
    fn an_answer_depends_on_the_headers_that_carry_keys() {
        let key = (HeaderName::from_static("x-api-key"), "k");
        let bearer = (AUTHORIZATION, "Bearer k");
        assert_eq!(told(&["bearer"], slice::from_ref(&bearer), None, &[]), ["authorization", "", ""]);
        assert_eq!(told(&["header:X-API-Key"], slice::from_ref(&key), None, &[]), ["x-api-key", "private", ""]);
        let both = ["bearer", "basic", "header:X-API-Key", "cookie:k", "subprotocol:k."];
        let vary = "authorization, x-api-key, cookie, sec-websocket-protocol";
        assert_eq!(told(&both, &[key], None, &[]), [vary, "private", ""]);
        assert_eq!(told(&both, &[bearer], None, &[]), [vary, "", ""]);
    }

    #[test]
    fn what_the_upstream_says_of_caches_counts_unless_the_key_stands_in_the_address() {
        let said = [(CACHE_CONTROL, "public, max-age=60"), (REFERRER_POLICY, "unsafe-url")];
        assert_eq!(told(&["header:x-key"], &[], None, &said), ["x-key", "public, max-age=60", "unsafe-url"]);
        let carriers = ["query:api_key"];
        assert_eq!(told(&carriers, &[], Some("a=b"), &said), ["", "public, max-age=60", "unsafe-url"]);
        for query in ["api_key=k", "a=b&API%5Fkey=k", "api_key"] {
            assert_eq!(told(&carriers, &[], Some(query), &said), ["", "no-store", "no-referrer"], "{query}");
        }
        assert_eq!(told(&carriers, &[], None, &[]), ["", "private", ""]);
    }
}
