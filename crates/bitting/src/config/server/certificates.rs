//! `tls` of a listener: its certificates, and what is wrong with their files.

use std::path::Path;
use std::time::Duration;

use bitting_core::time::Timestamp;
use bitting_engine::{Clock as _, WallClock};

use crate::certificates::{Certificate, Certificates, InvalidPair};

use super::super::document::Value;
use super::super::section::{At, Section, section_of};

/// How long before its end a certificate is pointed out.
const WARNING: Duration = Duration::from_hours(24 * 30);

/// Reads `tls`: one table, or a list of them. Paths are relative to the folder.
pub(super) fn read_certificates(listen: &Section<'_>, http2: bool, folder: &Path) -> Option<Certificates> {
    let entry = listen.node("tls")?;
    let sections = match &entry.node.value {
        Value::List(_) => listen.sections("tls"),
        _ => section_of(&entry.node, "listen.tls".to_owned(), listen.findings).into_iter().collect(),
    };
    if sections.is_empty() {
        let help = "write tls = { certificate = \"FILE.pem\", key = \"FILE.pem\" }, or several [[listen.tls]], one for each certificate";
        listen.findings.error(&entry.node.at, format!("`tls` in [listen] is {}", entry.node.value.kind()), help);
        return None;
    }
    let all: Vec<_> = sections
        .into_iter()
        .map(|section| {
            let certificate = read_certificate(&section, folder);
            section.finish();
            certificate
        })
        .collect();
    let all = all.into_iter().collect::<Option<Vec<_>>>()?;
    let certificates = Certificates::new(all, http2);
    certificates.inspect_err(|error| listen.findings.error(&entry.key_at, error.to_string(), "start it again")).ok()
}

fn read_certificate(tls: &Section<'_>, folder: &Path) -> Option<Certificate> {
    let chain_path = tls.required_text("certificate", "\"FILE.pem\"");
    let key_path = tls.required_text("key", "\"FILE.pem\"");
    let (chain_path, key_path) = (chain_path?, key_path?);
    let wrong = |path: &At<'_, &str>, error: String| {
        let (what, help) = error.split_once("; ").unwrap_or((&error, "write the path of another file"));
        tls.findings.error(path.at, format!("{:?} cannot be used: {what}", path.value), help);
    };
    let read = |path: &At<'_, &str>| {
        let help = "write the path, from the folder of the configuration on, of a file that this user may read";
        std::fs::read(folder.join(path.value)).inspect_err(|error| wrong(path, format!("{error}; {help}"))).ok()
    };
    let (chain, key) = (read(&chain_path), read(&key_path));
    let certificate = match Certificate::from_pem(&chain?, &key?) {
        Ok(certificate) => certificate,
        Err(error @ (InvalidPair::Certificate(_) | InvalidPair::NotFirst(_))) => {
            wrong(&chain_path, error.to_string());
            return None;
        }
        Err(error @ (InvalidPair::Key(_) | InvalidPair::Mismatch)) => {
            wrong(&key_path, error.to_string());
            return None;
        }
    };
    judge(tls, &chain_path, &certificate, WallClock.now());
    Some(certificate)
}

/// Warns of what callers will not like. An expired certificate is no error: it would take the other names of the server down with
/// it, and so would a machine whose clock is wrong after it was started.
fn judge(tls: &Section<'_>, path: &At<'_, &str>, certificate: &Certificate, now: Timestamp) {
    let warn = |what: String, help: &str| tls.findings.warning(path.at, format!("{:?} {what}", path.value), help);
    let (from, until) = (certificate.not_before(), certificate.not_after());
    let renew = "put a new one there: `bitting reload` serves it without a restart";
    if until < now {
        warn(format!("expired at {until}: callers who look will refuse it"), renew);
    } else if from > now {
        warn(format!("is not valid before {from}: callers who look will refuse it"), "use the earlier one until then");
    } else if until.since(now) < WARNING {
        warn(format!("expires at {until}, in {} days", until.since(now).as_secs() / 86_400), renew);
    }
    if certificate.names().is_empty() {
        let help = "have it issued for its DNS names as \"subject alternative names\": callers look nowhere else";
        warn("is for no name".to_owned(), help);
    }
    if !certificate.is_in_order() {
        let help = "put after the server's own certificate the one that signed it, then the one that signed that";
        warn("has its certificates in the wrong order: some callers will not find the way to an authority".to_owned(), help);
    }
}
