//! `[api.cors]`: what scripts of other origins may do.

use std::time::Duration;

use bitting_core::dialect::{Carrier, Cors, CorsOrigins, CredentialRules};
use http::{HeaderName, HeaderValue, Method};

use crate::config::section::{At, Section};

/// Reads it; without the table Bitting knows no CORS.
pub(super) fn read(api: &Section<'_>, credentials_from: &CredentialRules) -> Option<Cors> {
    let cors = api.section("cors")?;
    let origins = read_origins(&cors);
    let credentials = cors.boolean("credentials").unwrap_or_default();
    if let (true, Some(CorsOrigins::Any), Some(at)) = (credentials, &origins, cors.place("credentials")) {
        let help = "list the origins, or remove `credentials`";
        cors.findings.error(at, "cookies would be sent along from every site there is", help);
    }
    if let (true, Some(CorsOrigins::Listed(listed)), Some(at)) = (credentials, &origins, cors.place("credentials"))
        && listed.iter().any(|origin| origin == "null")
    {
        let help = "remove \"null\" from `origins`, or remove `credentials`";
        let message = "cookies would be sent along from every page that hides its origin, which any site can make";
        cors.findings.error(at, message, help);
    }
    let methods = list::<Method>(&cors, "methods").unwrap_or_else(|| "GET, HEAD, POST, PUT, PATCH, DELETE".to_owned());
    let headers = list::<HeaderName>(&cors, "headers").unwrap_or_else(|| default_headers(credentials_from));
    let exposed = list::<HeaderName>(&cors, "expose");
    let max_age = cors.duration("max_age").unwrap_or(Duration::from_mins(10)).as_secs();
    cors.finish();
    let value = |text: String| HeaderValue::try_from(text).ok();
    Some(Cors {
        origins: origins?,
        methods: value(methods)?,
        headers: value(headers)?,
        exposed: exposed.and_then(value),
        credentials,
        max_age: max_age.into(),
    })
}

/// What a script must be able to send if it is to ask at all: the key, and what kind of body it has.
fn default_headers(credentials: &CredentialRules) -> String {
    let mut names = vec!["Authorization", "Content-Type"];
    let own = credentials.carriers.iter().filter_map(|carrier| match carrier {
        Carrier::Header(name) => Some(name.as_str()),
        _ => None,
    });
    names.extend(own);
    names.join(", ")
}

fn read_origins(cors: &Section<'_>) -> Option<CorsOrigins> {
    let Some(texts) = cors.texts("origins") else {
        if cors.place("origins").is_none() {
            let help = "write origins = [\"https://app.example.com\"], or \"*\" for every origin";
            cors.findings.error(cors.at, "[api.cors] has no `origins`", help);
        }
        return None;
    };
    if let [only] = &texts[..]
        && only.value == "*"
    {
        return Some(CorsOrigins::Any);
    }
    let each = texts.into_iter().map(|text| {
        let origin = is_origin(&text).then(|| HeaderValue::from_str(text.value).ok()).flatten();
        if origin.is_none() {
            let help = "write scheme, host and, if need be, port, as in \"https://app.example.com\"";
            cors.findings.error(text.at, format!("{:?} is not an origin", text.value), help);
        }
        origin
    });
    each.collect::<Option<Vec<_>>>().map(|origins| CorsOrigins::Listed(origins.into()))
}

/// As browsers send it: no path, no trailing slash, small letters.
fn is_origin(text: &At<'_, &str>) -> bool {
    let Some((scheme, authority)) = text.value.split_once("://") else { return text.value == "null" };
    let small = |s: &str| !s.is_empty() && !s.contains(|c: char| c.is_ascii_uppercase() || c.is_whitespace());
    small(scheme) && small(authority) && !authority.contains(['/', '?', '#', '@', '*'])
}

fn list<T: std::str::FromStr<Err: std::fmt::Display>>(cors: &Section<'_>, key: &'static str) -> Option<String> {
    let texts = cors.texts(key)?;
    let good: Vec<&str> =
        texts.into_iter().filter(|text| text.clone().parse::<T>(cors.findings).is_some()).map(|text| text.value).collect();
    Some(good.join(", "))
}
