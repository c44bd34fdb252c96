//! Cross-origin requests (Fetch standard, "CORS protocol").

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use super::vary;

/// What an API allows to scripts of other origins. Without it Bitting treats a preflight as any other request.
#[derive(Debug, Clone)]
pub struct Cors {
    /// Who may ask.
    pub origins: CorsOrigins,
    /// `Access-Control-Allow-Methods`.
    pub methods: HeaderValue,
    /// `Access-Control-Allow-Headers`.
    pub headers: HeaderValue,
    /// `Access-Control-Expose-Headers`.
    pub exposed: Option<HeaderValue>,
    /// `Access-Control-Allow-Credentials: true`: cookies are sent along.
    pub credentials: bool,
    /// `Access-Control-Max-Age`, in seconds.
    pub max_age: HeaderValue,
}

/// The origins that may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Every origin.
    Any,
    /// These, to the letter.
    Listed(Box<[HeaderValue]>),
}

impl Cors {
    /// Lets scripts read more headers.
    pub fn expose(&mut self, names: &[HeaderName]) {
        let before = self.exposed.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
        let all: Vec<&str> =
            before.split(", ").filter(|name| !name.is_empty()).chain(names.iter().map(HeaderName::as_str)).collect();
        self.exposed = HeaderValue::from_str(&all.join(", ")).ok();
    }

    /// The answer to a preflight request; `None` if the request is none. It is answered before authentication, since
    /// browsers send it without credentials.
    pub fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response<Bytes>> {
        if *method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let origin = headers.get(ORIGIN)?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        self.allow_origin(Some(origin), response.headers_mut());
        if response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone());
            headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        }
        Some(response)
    }

    /// Lets a script read a response, a refusal included. An upstream that allows an origin itself is left alone.
    ///
    /// A request without `Origin` is answered as a shared cache may keep it for one with: the same for everybody, or marked
    /// as made for this one (Fetch standard, "CORS protocol and HTTP caches").
    pub fn decorate(&self, origin: Option<&HeaderValue>, response: &mut HeaderMap) {
        if response.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        // Without an origin of the upstream's own this was meant for nobody, and must not be read beside ours.
        response.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
        self.allow_origin(origin, response);
        if let Some(exposed) = self.exposed.as_ref().filter(|_| response.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN)) {
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
    }

    fn allow_origin(&self, origin: Option<&HeaderValue>, response: &mut HeaderMap) {
        let allowed = match &self.origins {
            // A browser refuses "*" together with credentials, so the origin is named then.
            CorsOrigins::Any if !self.credentials => Some(HeaderValue::from_static("*")),
            CorsOrigins::Any => origin.cloned(),
            CorsOrigins::Listed(origins) => origin.filter(|origin| origins.contains(origin)).cloned(),
        };
        if self.differs_by_origin() {
            vary::add(&[ORIGIN], &HeaderValue::from_static("Origin"), response);
        }
        let Some(allowed) = allowed else { return };
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.credentials {
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }

    fn differs_by_origin(&self) -> bool {
        self.credentials || self.origins != CorsOrigins::Any
    }
}

#[cfg(test)]
mod tests {
    use http::header::VARY;

    use super::*;

    fn cors(origins: CorsOrigins, credentials: bool) -> Cors {
        Cors {
            origins,
            methods: HeaderValue::from_static("GET, POST"),
            headers: HeaderValue::from_static("Authorization"),
            exposed: Some(HeaderValue::from_static("X-Request-Id")),
            credentials,
            max_age: HeaderValue::from_static("600"),
        }
    }

    fn listed() -> Cors {
        cors(CorsOrigins::Listed([HeaderValue::from_static("https://app.example")].into()), false)
    }

    fn preflight_headers(origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static(origin));
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
        headers
    }

    #[test]
    fn a_preflight_from_a_listed_origin_is_allowed_and_from_another_is_answered_without_permission() {
        let allowed = listed().preflight(&Method::OPTIONS, &preflight_headers("https://app.example")).unwrap();
        assert_eq!(allowed.status(), StatusCode::NO_CONTENT);
        assert_eq!(allowed.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example");
        assert_eq!(allowed.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "Authorization");
        assert_eq!(allowed.headers()[VARY], "Origin");
        let other = listed().preflight(&Method::OPTIONS, &preflight_headers("https://evil.example")).unwrap();
        assert!(!other.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        assert!(!other.headers().contains_key(ACCESS_CONTROL_ALLOW_METHODS));
    }

    #[test]
    fn only_an_options_request_with_both_headers_is_a_preflight() {
        assert!(listed().preflight(&Method::GET, &preflight_headers("https://app.example")).is_none());
        let mut plain = preflight_headers("https://app.example");
        plain.remove(ACCESS_CONTROL_REQUEST_METHOD);
        assert!(listed().preflight(&Method::OPTIONS, &plain).is_none());
    }

    #[test]
    fn with_credentials_the_origin_is_named_instead_of_a_star() {
        let origin = HeaderValue::from_static("https://any.example");
        let (mut open, mut personal) = (HeaderMap::new(), HeaderMap::new());
        cors(CorsOrigins::Any, false).decorate(Some(&origin), &mut open);
        cors(CorsOrigins::Any, true).decorate(Some(&origin), &mut personal);
        assert_eq!(open[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(personal[ACCESS_CONTROL_ALLOW_ORIGIN], origin);
        assert_eq!(personal[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(personal[VARY], "Origin");
    }

    #[test]
    fn an_upstream_that_allows_an_origin_itself_is_left_alone() {
        let mut response = HeaderMap::new();
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("https://own.example"));
        listed().decorate(Some(&HeaderValue::from_static("https://app.example")), &mut response);
        assert_eq!(response[ACCESS_CONTROL_ALLOW_ORIGIN], "https://own.example");
        assert!(!response.contains_key(ACCESS_CONTROL_EXPOSE_HEADERS));
    }

    #[test]
    fn what_a_cache_keeps_of_a_request_without_an_origin_does_not_lock_scripts_out() {
        for (cors, vary, allowed) in [
            (listed(), Some("Origin"), None),
            (cors(CorsOrigins::Any, true), Some("Origin"), None),
            (cors(CorsOrigins::Any, false), None, Some("*")),
        ] {
            let mut response = HeaderMap::new();
            cors.decorate(None, &mut response);
            let get = |name| response.get(name).map(|value| value.to_str().unwrap());
            assert_eq!((get(VARY), get(ACCESS_CONTROL_ALLOW_ORIGIN)), (vary, allowed), "{:?}", cors.origins);
        }
    }
}
