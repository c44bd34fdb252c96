//! `[api.identity]`, `[api.labels]` and `[api.dashboard]`: what the upstream and people are told.

use std::path::Path;

use bitting_core::api::{Brand, Logo};
use bitting_core::dialect::{IdentityHeaders, Labels};
use bitting_core::route::PathPattern;
use http::HeaderName;

use crate::config::section::{At, Section};

/// The headers in which the upstream learns whose key it was; `false` leaves one out.
pub(super) fn read_identity(api: &Section<'_>) -> IdentityHeaders {
    let default = IdentityHeaders::default();
    let Some(identity) = api.section("identity") else { return default };
    let name = |key, default| identity.header(key, default);
    let headers = IdentityHeaders {
        key_id: name("key_id", default.key_id),
        account: name("account", default.account),
        environment: name("environment", default.environment),
        role: name("role", default.role),
        permissions: name("permissions", default.permissions),
    };
    let names: Vec<&HeaderName> = headers.names().collect();
    if names.iter().enumerate().any(|(position, name)| names[..position].contains(name)) {
        identity.findings.error(identity.at, "two identity headers have one name", "give each a name of its own");
    }
    identity.finish();
    headers
}

/// The API's own words.
pub(super) fn read_labels(api: &Section<'_>, name: &str) -> Labels {
    let default =
        Labels { title: name.into(), key_page: "API Keys".into(), create_key: "Create key".into(), key_name: "Name".into() };
    let Some(labels) = api.section("labels") else { return default };
    let word = |key, default| labels.text(key).map_or(default, |text| text.value.into());
    let read = Labels {
        title: word("title", default.title),
        key_page: word("key_page", default.key_page),
        create_key: word("create_key", default.create_key),
        key_name: word("key_name", default.key_name),
    };
    labels.finish();
    read
}

/// One path that nothing else has.
fn read_path(dashboard: &Section<'_>, path: &At<'_, PathPattern>) -> Option<Box<str>> {
    let text = path.value.as_str();
    let first = text.split('/').nth(1).unwrap_or_default();
    let taken = ["", "v1", "apis", "assets", "link", "members", "metrics", "sign-in", "sign-out", "theme", "you"];
    if text.contains(['*', '{'])
        || taken.contains(&first)
        || text.contains('.')
        || text.ends_with("healthz")
        || text == "/readyz"
    {
        let help = "write one path that the dashboard does not have itself, as in \"/settings/api-keys\"";
        dashboard.findings.error(path.at, format!("{text:?} cannot lead to the page of keys"), help);
        return None;
    }
    Some(text.into())
}

/// The largest logo: every page has it.
const LARGEST_LOGO: u64 = 64 << 10;

/// How the API's pages look. A logo's path is relative to the folder of the configuration.
pub(super) fn read_brand(api: &Section<'_>, folder: &Path) -> Brand {
    let Some(dashboard) = api.section("dashboard") else { return Brand::default() };
    let brand = Brand {
        accent: dashboard.parsed("accent").map(|accent| accent.value).unwrap_or_default(),
        logo: dashboard.text("logo").and_then(|path| read_logo(&dashboard, &path, folder)),
        site: dashboard.text("site").map(|site| site.value.into()),
        path: dashboard.parsed::<PathPattern>("path").and_then(|path| read_path(&dashboard, &path)),
    };
    dashboard.finish();
    brand
}

fn read_logo(dashboard: &Section<'_>, path: &At<'_, &str>, folder: &Path) -> Option<Logo> {
    let file = folder.join(path.value);
    let media_type = match file.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => {
            let help = "write the path of a file whose name ends in .svg or .png";
            dashboard.findings.error(path.at, format!("{:?} is no picture that every browser shows", path.value), help);
            return None;
        }
    };
    let read = std::fs::metadata(&file).and_then(|found| {
        let is_small = found.len() <= LARGEST_LOGO;
        is_small.then(|| std::fs::read(&file)).transpose()
    });
    match read {
        Ok(Some(bytes)) => Some(Logo { media_type, bytes: bytes.into() }),
        Ok(None) => {
            let message = format!("{:?} has more than {} kB", path.value, LARGEST_LOGO >> 10);
            dashboard.findings.error(path.at, message, "make the picture smaller: every page shows it, 24 pixels high");
            None
        }
        Err(error) => {
            let message = format!("{:?} cannot be read: {error}", path.value);
            dashboard.findings.error(path.at, message, "write the path from the folder of the configuration on");
            None
        }
    }
}
