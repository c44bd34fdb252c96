//! `[webhooks]`: where events may be sent, and how.

use std::path::Path;
use std::time::Duration;

use bitting_core::webhook::Destinations;
use bitting_notify::Roots;

use super::pem::read_file;
use super::section::{At, Section};

/// How webhooks are served.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Where messages may go.
    pub destinations: Destinations,
    /// Whose certificates are trusted.
    pub roots: Roots,
    /// How long a message may take.
    pub timeout: Duration,
    /// How long deliveries are kept.
    pub keep: Duration,
}

/// How long a message may be allowed to take.
const TIMEOUTS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(1);

/// How long deliveries may be kept.
const KEPT: std::ops::RangeInclusive<Duration> = Duration::from_hours(24)..=Duration::from_hours(24 * 400);

/// Reads them.
pub(super) fn read_webhooks(root: &Section<'_>, folder: &Path) -> WebhookSettings {
    let mut settings = WebhookSettings {
        destinations: Destinations::default(),
        roots: Roots::default(),
        timeout: Duration::from_secs(15),
        keep: Duration::from_hours(24 * 30),
    };
    let Some(webhooks) = root.section("webhooks") else { return settings };
    let allow_http = webhooks.boolean("allow_http").unwrap_or_default();
    let allowed = webhooks.texts("allow").unwrap_or_default();
    let good = allowed.iter().filter(|text| match Destinations::new(false, [text.value]) {
        Ok(_) => true,
        Err(error) => {
            let help = "write a network, as in \"10.1.0.0/16\" or \"127.0.0.1\", or a name, as in \"hooks.internal\"";
            webhooks.findings.error(text.at, error.to_string(), help);
            false
        }
    });
    settings.destinations = Destinations::new(allow_http, good.map(|text| text.value)).unwrap_or_default();
    if let Some(path) = webhooks.text("certificates") {
        settings.roots = read_roots(&webhooks, &path, folder).unwrap_or_default();
    }
    settings.timeout = bounded(&webhooks, "timeout", &TIMEOUTS, "from \"1s\" to \"60s\"").unwrap_or(settings.timeout);
    settings.keep = bounded(&webhooks, "keep", &KEPT, "from \"1d\" to \"400d\"").unwrap_or(settings.keep);
    webhooks.finish();
    settings
}

fn read_roots(webhooks: &Section<'_>, path: &At<'_, &str>, folder: &Path) -> Option<Roots> {
    let pem = read_file(webhooks, path, folder)?;
    let wrong = |error: &dyn std::fmt::Display| {
        let help = "write the path of a PEM file with the certificates of authorities";
        webhooks.findings.error(path.at, format!("{:?} cannot be used: {error}", path.value), help);
    };
    Roots::default().with_pem(&pem).inspect_err(|error| wrong(error)).ok()
}

fn bounded(
    webhooks: &Section<'_>,
    key: &'static str,
    range: &std::ops::RangeInclusive<Duration>,
    words: &str,
) -> Option<Duration> {
    let duration = webhooks.duration(key)?;
    if !range.contains(&duration) {
        let at = webhooks.place(key).unwrap_or(webhooks.at);
        webhooks.findings.error(at, format!("`{key}` is out of range"), format!("write a duration {words}"));
        return None;
    }
    Some(duration)
}
