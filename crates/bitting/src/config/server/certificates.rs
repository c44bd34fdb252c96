//! `tls` of a listener: its certificates, and what is wrong with their files.

use std::path::Path;

use crate::certificates::{Certificate, Certificates};

use super::super::document::Value;
use super::super::pem::read_pair;
use super::super::section::{Section, section_of};

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
    let certificate = read_pair(tls, &chain_path, &key_path, folder, "callers")?.certificate;
    if certificate.names().is_empty() {
        let help = "have it issued for its DNS names as \"subject alternative names\": callers look nowhere else";
        tls.findings.warning(chain_path.at, format!("{:?} is for no name", chain_path.value), help);
    }
    Some(certificate)
}
