//! The stylesheet, the script, and what an API's accent colour makes of them.
//!
//! Each is served under a name that has a hash of its content, so that browsers may keep it for good. The accent has a file of
//! its own, since the policy allows no style in a page: one rule after the stylesheet, and the mark of the browser's tab.
//!
//! Stylesheet and script travel compressed. Pages do not: beside what somebody searches for they hold a token, and the length of
//! a compressed page would tell of it (BREACH, 2013).

use std::io::Write as _;
use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bitting_core::api::{Accent, Logo};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};

use crate::service::Shared;

/// Where they are served: `/assets/{name}`.
pub(crate) const ASSETS: &str = "/assets/";

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", without_comments(include_str!("../../assets/style.css"))));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("dashboard", "js", include_str!("../../assets/dashboard.js").to_owned()));

struct Asset {
    path: String,
    text: String,
    compressed: Vec<u8>,
}

/// The path of the stylesheet.
pub(crate) fn style() -> &'static str {
    &STYLE.path
}

/// The stylesheet itself, for a page that stands alone.
pub(crate) fn style_text() -> &'static str {
    &STYLE.text
}

/// The path of the script.
pub(crate) fn script() -> &'static str {
    &SCRIPT.path
}

/// `GET /assets/{name}`
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let found = [&STYLE, &SCRIPT].into_iter().find(|asset| asset.path.strip_prefix(ASSETS) == Some(&name));
    match (found, name.strip_prefix("accent-").and_then(|rest| rest.split_once('.'))) {
        (Some(asset), _) => asset.answer(takes_gzip(&headers)),
        (None, Some((hex, "css"))) if let Ok(accent) = format!("#{hex}").parse() => kept(&name, accent_rule(accent).into()),
        (None, Some((hex, "svg"))) if let Ok(accent) = format!("#{hex}").parse() => kept(&name, accent_mark(accent).into()),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET /assets/logo/{api}`: everybody who comes to the door sees it.
pub(crate) async fn logo(State(shared): State<Shared>, Path(api): Path<String>) -> Response {
    let apis = shared.engine.apis();
    let found = apis.protected().iter().find(|known| *known.name == *api).and_then(|api| api.brand.logo.clone());
    let Some(Logo { media_type, bytes }) = found else { return StatusCode::NOT_FOUND.into_response() };
    // Not of a type that has a header of its own: a picture of two types is none.
    let mut response = Response::new(Body::from(bytes.to_vec()));
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    response.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// How many bytes of stylesheet and script travel to a browser.
#[cfg(test)]
pub(crate) fn travelling() -> usize {
    STYLE.compressed.len() + SCRIPT.compressed.len()
}

/// Every path with its text, for whoever looks at pages without a server.
#[cfg(test)]
pub(crate) fn all(accent: Accent) -> Vec<(String, String)> {
    let fixed = [&STYLE, &SCRIPT].map(|asset| (asset.path.clone(), asset.text.clone()));
    let coloured = [(accent_style(accent), accent_rule(accent)), (accent_mark_path(accent), accent_mark(accent))];
    fixed.into_iter().chain(coloured).collect()
}

impl Asset {
    fn new(stem: &str, extension: &str, text: String) -> Self {
        let hash = Sha256::digest(text.as_bytes());
        let hash = URL_SAFE_NO_PAD.encode(&hash[..9]);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail; if it did, nothing would be compressed.
        let written = encoder.write_all(text.as_bytes());
        let compressed = written.and_then(|()| encoder.finish()).unwrap_or_default();
        Self { path: format!("{ASSETS}{stem}-{hash}.{extension}"), text, compressed }
    }

    fn answer(&self, takes_gzip: bool) -> Response {
        let is_compressed = takes_gzip && !self.compressed.is_empty();
        let body = if is_compressed { Body::from(self.compressed.clone()) } else { Body::from(self.text.clone()) };
        let mut response = kept(&self.path, body);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if is_compressed {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// The path of the stylesheet's one rule for a colour.
pub(crate) fn accent_style(accent: Accent) -> String {
    format!("{ASSETS}accent-{}.css", &accent.to_string()[1..])
}

/// The path of the mark of the browser's tab in a colour.
pub(crate) fn accent_mark_path(accent: Accent) -> String {
    format!("{ASSETS}accent-{}.svg", &accent.to_string()[1..])
}

/// Whether the browser takes gzip: it names it, and not as something that it never takes (RFC 9110, section 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim() == "gzip" && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// The one rule for a colour.
pub(crate) fn accent_rule(accent: Accent) -> String {
    format!(":root{{--accent:{accent}}}")
}

fn accent_mark(accent: Accent) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\"><rect width=\"24\" height=\"24\" rx=\"4\" \
         fill=\"{accent}\"/><path d=\"M4.5 17V8h2.2l1.6 3h1.6l1.7-4.5h1.8l1.5 5.5h1.6l1.2-2.5h.8L20 13l-1.5 4z\" \
         fill=\"#fff\" stroke=\"#0008\" stroke-width=\".4\"/></svg>"
    )
}

/// An answer that browsers may keep for as long as they like: other content has another name.
fn kept(name: &str, body: Body) -> Response {
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        _ => "image/svg+xml",
    };
    let mut response = Response::new(body);
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A picture that is opened by itself is a document, and could hold script.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    response.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// A stylesheet without what is meant for its authors: comments and the room at the beginning of lines.
fn without_comments(css: &str) -> String {
    let mut short = String::with_capacity(css.len());
    for (position, part) in css.split("/*").enumerate() {
        short.push_str(if position == 0 { part } else { part.split_once("*/").map_or("", |(_, rest)| rest) });
    }
    let lines = short.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use http_body_util::BodyExt;

    use super::*;

    async fn get(path: &str) -> (StatusCode, String, String) {
        let response = asset(Path(path.trim_start_matches(ASSETS).to_owned()), HeaderMap::new()).await;
        let kind = response.headers().get(header::CONTENT_TYPE).map_or("", |v| v.to_str().unwrap()).to_owned();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn what_a_page_links_to_is_served() {
        let accent: Accent = "#FFD400".parse().unwrap();
        for (path, kind, part) in [
            (style().to_owned(), "text/css; charset=utf-8", ":root {"),
            (script().to_owned(), "text/javascript; charset=utf-8", "showModal"),
            (accent_style(accent), "text/css; charset=utf-8", ":root{--accent:#ffd400}"),
            (accent_mark_path(accent), "image/svg+xml", "fill=\"#ffd400\""),
        ] {
            let (status, found, text) = get(&path).await;
            assert_eq!((status, found.as_str()), (StatusCode::OK, kind), "{path}");
            assert!(text.contains(part), "{path}: {text}");
        }
        for path in ["style.css", "style-000000000000.css", "accent-red.css", "accent-ffd40.css", "accent-+fd400.css"] {
            assert_eq!(get(path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn a_browser_that_takes_gzip_is_sent_a_quarter() {
        let ask = async |encodings: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(encodings))]);
            let response = asset(Path(style().trim_start_matches(ASSETS).to_owned()), headers).await;
            assert_eq!(response.headers()[header::VARY], "accept-encoding");
            let coding = response.headers().get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap().to_owned());
            (coding, response.into_body().collect().await.unwrap().to_bytes())
        };
        let (coding, compressed) = ask("br, gzip;q=0.8").await;
        assert_eq!(coding.as_deref(), Some("gzip"));
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*compressed).read_to_string(&mut text).unwrap();
        assert_eq!(text, STYLE.text);
        assert!(compressed.len() * 3 < text.len());
        assert_eq!(ask("gzip;q=0, br").await.0, None);
        assert_eq!(ask("identity").await.1, STYLE.text);
    }

    #[test]
    fn comments_do_not_travel_and_rules_do() {
        let css = "/* why */\na { b: c; } /* and\n why */ d { e: f; }\n\n  g {}\n";
        assert_eq!(without_comments(css), "a { b: c; }  d { e: f; }\ng {}");
        assert!(!STYLE.text.contains("/*"));
        assert_eq!(STYLE.text.matches('{').count(), STYLE.text.matches('}').count());
    }
}
