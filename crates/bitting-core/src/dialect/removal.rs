//! Taking the credential out of a request before it goes upstream.
//!
//! What admits is read to the letter; what is removed is removed generously, since the upstream may read more loosely
//! than Bitting: every repetition of a carrier and every spelling of a header's or a parameter's name. Where an API takes
//! keys in the query, every parameter that holds a whole key goes too, whatever its name, from `Referer` as well; elsewhere a
//! key outside its carrier is the caller's own business, and stays.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::credential::{after_scheme, basic_pair, basic_user, cookie_value};
use super::query::{Parameter, parameters};
use super::spelling::is_spelled_like;
use super::{Carrier, CredentialRules, Foreign};
use crate::key::KeyFormat;

impl CredentialRules {
    /// Removes every credential of this API from the headers, `Referer` included. Under [`Foreign::Pass`] credentials of
    /// others stay.
    pub fn remove_from_headers(&self, headers: &mut HeaderMap, format: &KeyFormat) {
        for carrier in &self.carriers {
            match carrier {
                Carrier::Authorization(scheme) => retain(headers, &header::AUTHORIZATION, |value| {
                    after_scheme(value, scheme).is_none_or(|token| self.stays(token, format))
                        && !in_authorization(value, format)
                }),
                Carrier::Basic => retain(headers, &header::AUTHORIZATION, |value| {
                    after_scheme(value, "Basic").is_none_or(|token| self.stays(basic_user(token).bytes(), format))
                        && !in_authorization(value, format)
                }),
                Carrier::Header(name) => {
                    let alike = headers.keys().filter(|other| is_spelled_like(other, name.as_str()));
                    let alike: Vec<HeaderName> = alike.cloned().collect();
                    for name in &alike {
                        retain(headers, name, |value| self.stays(value.as_bytes().trim_ascii(), format));
                    }
                }
                Carrier::Cookie(name) => rewrite_list(headers, &header::COOKIE, b';', |pair| {
                    cookie_value(pair, name).is_none_or(|value| self.stays(value, format)) && !format.is_in(pair)
                }),
                Carrier::Subprotocol(prefix) => rewrite_list(headers, &header::SEC_WEBSOCKET_PROTOCOL, b',', |item| {
                    item.strip_prefix(prefix.as_bytes()).is_none_or(|token| self.stays(token, format)) && !format.is_in(item)
                }),
                Carrier::Query(_) => self.remove_from_addresses(headers, format),
            }
        }
    }

    /// The query without this API's credentials; `None` if there was nothing to remove. The rest stays byte for byte.
    pub fn remove_from_query(&self, query: &str, format: &KeyFormat) -> Option<String> {
        let names = self.query_names();
        if names.clone().next().is_none() || parameters(query).all(|p| self.parameter_stays(p, names.clone(), format)) {
            return None;
        }
        let kept = parameters(query).filter(|&p| self.parameter_stays(p, names.clone(), format)).map(|p| p.raw);
        Some(kept.collect::<Vec<_>>().join("&"))
    }

    fn query_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.carriers.iter().filter_map(|carrier| match carrier {
            Carrier::Query(name) => Some(&**name),
            _ => None,
        })
    }

    fn parameter_stays<'n>(
        &self,
        parameter: Parameter<'_>,
        mut names: impl Iterator<Item = &'n str>,
        format: &KeyFormat,
    ) -> bool {
        if format.is_in_escaped(parameter.raw, &parameter.text()) {
            return false;
        }
        !names.any(|name| parameter.could_be(name)) || self.stays(&parameter.value(), format)
    }

    /// A page that was opened with a key in its address names that address when it asks for the next one, and proxies name
    /// the address that they were asked for: `X-Forwarded-Uri`, `X-Envoy-Original-Path` and others.
    fn remove_from_addresses(&self, headers: &mut HeaderMap, format: &KeyFormat) {
        let holds = |value: &HeaderValue| value.as_bytes().contains(&b'?') && format.is_in(value.as_bytes());
        let elsewhere = headers.iter().filter(|(name, value)| **name != header::REFERER && holds(value));
        for name in elsewhere.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            headers.remove(name);
        }
        if headers.contains_key(header::REFERER) {
            let cleaned = headers.get_all(header::REFERER).iter().filter_map(|value| self.clean_referer(value, format));
            let values: Vec<HeaderValue> = cleaned.collect();
            replace(headers, &header::REFERER, values);
        }
    }

    fn clean_referer(&self, value: &HeaderValue, format: &KeyFormat) -> Option<HeaderValue> {
        let text = value.to_str().ok()?;
        let (address, _fragment) = text.split_once('#').unwrap_or((text, ""));
        let Some((page, query)) = address.split_once('?') else {
            return (!format.is_in(text.as_bytes())).then(|| value.clone());
        };
        let kept = self.remove_from_query(query, format);
        let kept = kept.as_deref().unwrap_or(query);
        let cleaned = if kept.is_empty() { page.to_owned() } else { format!("{page}?{kept}") };
        // A key in an unexpected place of it: then the whole header goes.
        (!format.is_in(cleaned.as_bytes())).then(|| HeaderValue::try_from(cleaned).ok()).flatten()
    }

    fn stays(&self, token: &[u8], format: &KeyFormat) -> bool {
        self.foreign == Foreign::Pass && !format.claims(token) && !format.is_in(token)
    }
}

/// Whether a whole key stands in `Authorization`, whatever the scheme, be it as a password.
fn in_authorization(value: &HeaderValue, format: &KeyFormat) -> bool {
    let pair = after_scheme(value, "Basic").and_then(basic_pair);
    format.is_in(value.as_bytes()) || pair.is_some_and(|pair| format.is_in(&pair))
}

/// Keeps the values of a header that satisfy a predicate.
fn retain(headers: &mut HeaderMap, name: &HeaderName, keep: impl Fn(&HeaderValue) -> bool) {
    if headers.get_all(name).iter().all(&keep) {
        return;
    }
    let kept: Vec<HeaderValue> = headers.get_all(name).iter().filter(|value| keep(value)).cloned().collect();
    replace(headers, name, kept);
}

/// Keeps the items of a list header that satisfy a predicate; a header that nothing was taken from stays as it is.
fn rewrite_list(headers: &mut HeaderMap, name: &HeaderName, separator: u8, keep: impl Fn(&[u8]) -> bool) {
    let items = |value: &HeaderValue| -> Vec<Vec<u8>> {
        value.as_bytes().split(|&b| b == separator).map(|item| item.trim_ascii().to_vec()).collect()
    };
    if headers.get_all(name).iter().all(|value| items(value).iter().all(|item| keep(item))) {
        return;
    }
    let glue = [separator, b' '];
    let kept = headers.get_all(name).iter().filter_map(|value| {
        let kept: Vec<Vec<u8>> = items(value).into_iter().filter(|item| keep(item)).collect();
        (!kept.is_empty()).then(|| HeaderValue::from_bytes(&kept.join(&glue[..])).ok()).flatten()
    });
    let kept: Vec<HeaderValue> = kept.collect();
    replace(headers, name, kept);
}

fn replace(headers: &mut HeaderMap, name: &HeaderName, values: Vec<HeaderValue>) {
    headers.remove(name);
    for value in values {
        headers.append(name, value);
    }
}

#[cfg(test)]
mod tests;
