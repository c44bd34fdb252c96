//! Headers that make some frameworks see another method or path than the one that was decided about.

use std::str::FromStr;

use http::{HeaderMap, HeaderName, Method};

use super::spelling::{begins_like, is_spelled_like};

/// Those that name a method.
const METHODS: [&str; 4] = ["x-http-method", "x-http-method-override", "x-method-override", "x-original-method"];

/// Those that name a path.
const PATHS: [&str; 4] = ["x-envoy-original-path", "x-original-uri", "x-original-url", "x-rewrite-url"];

/// Which of them go on to the upstream. The others are dropped, however spelled. A request with one that goes on is decided about
/// as what it claims to be, too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides(Box<[Override]>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    name: HeaderName,
    names_a_method: bool,
}

/// A text that names none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no header that overrides the method or the path; these are: x-http-method, x-http-method-override, \
     x-method-override, x-original-method, x-envoy-original-path, x-original-uri, x-original-url, x-rewrite-url"
)]
pub struct NoOverride(Box<str>);

/// What a header claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim<'h> {
    /// That the request has this method.
    Method(Method),
    /// That it is for this path.
    Path(&'h str),
    /// Nothing that could be read.
    Unreadable,
}

impl Overrides {
    /// Those that go on.
    pub fn new(allowed: impl IntoIterator<Item = Override>) -> Self {
        Self(allowed.into_iter().collect())
    }

    /// Whether none goes on.
    pub fn are_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a header is one of them, in any spelling, and does not go on.
    pub fn bar(&self, name: &HeaderName) -> bool {
        begins_like(name, "x-")
            && all().any(|own| is_spelled_like(name, own))
            && !self.0.iter().any(|allowed| allowed.name == *name)
    }

    /// What the headers that go on claim.
    pub fn claims<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = Claim<'h>> {
        self.0.iter().flat_map(|own| headers.get_all(&own.name).iter().map(move |value| (own, value))).map(|(own, value)| {
            let Ok(text) = value.to_str().map(str::trim) else { return Claim::Unreadable };
            let claim = if own.names_a_method { method(text).map(Claim::Method) } else { path(text).map(Claim::Path) };
            claim.unwrap_or(Claim::Unreadable)
        })
    }
}

fn all() -> impl Iterator<Item = &'static str> {
    METHODS.into_iter().chain(PATHS)
}

/// Frameworks take a method in any case.
fn method(text: &str) -> Option<Method> {
    Method::from_bytes(text.to_ascii_uppercase().as_bytes()).ok()
}

/// The path of a request's target, or of a whole address.
fn path(text: &str) -> Option<&str> {
    let target = match text.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => &rest[rest.find('/')?..],
        _ => text,
    };
    target.starts_with('/').then(|| target.split('?').next().unwrap_or(target))
}

impl FromStr for Override {
    type Err = NoOverride;

    fn from_str(text: &str) -> Result<Self, NoOverride> {
        let name = HeaderName::from_str(text).ok().filter(|name| all().any(|own| own == name.as_str()));
        let name = name.ok_or_else(|| NoOverride(text.into()))?;
        let names_a_method = METHODS.contains(&name.as_str());
        Ok(Self { name, names_a_method })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_what_is_allowed_goes_on_and_only_as_it_is_written() {
        let allowed = Overrides::new(["X-HTTP-Method-Override".parse().unwrap()]);
        for (name, is_barred) in [
            ("x-http-method-override", false),
            ("x_http_method_override", true),
            ("x-http.method-override", true),
            ("x-http-method", true),
            ("x-original-url", true),
            ("x-original", false),
            ("accept", false),
        ] {
            let name = HeaderName::from_static(name);
            assert_eq!(allowed.bar(&name), is_barred, "{name}");
        }
        assert!("x-forwarded-for".parse::<Override>().is_err() && "".parse::<Override>().is_err());
    }

    #[test]
    fn a_claim_is_read_as_frameworks_read_it_or_not_at_all() {
        let allowed = Overrides::new(["x-http-method", "x-original-url"].map(|name| name.parse().unwrap()));
        let claim = |name: &'static str, value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_bytes(value).unwrap());
            let claims: Vec<String> = allowed.claims(&headers).map(|claim| format!("{claim:?}")).collect();
            claims.join(" ")
        };
        assert_eq!(claim("x-http-method", b" delete "), "Method(DELETE)");
        assert_eq!(claim("x-original-url", b"/a/b?c=/d"), "Path(\"/a/b\")");
        assert_eq!(claim("x-original-url", b"https://shop.example/a?c"), "Path(\"/a\")");
        for (name, value) in [
            ("x-http-method", &b"GET, DELETE"[..]),
            ("x-http-method", b""),
            ("x-http-method", b"\xff"),
            ("x-original-url", b"a/b"),
            ("x-original-url", b"https://shop.example"),
            ("x-original-url", b"/\xe9"),
        ] {
            assert_eq!(claim(name, value), "Unreadable", "{name}: {value:?}");
        }
        assert_eq!(claim("x-rewrite-url", b"/a"), "");
    }
}
