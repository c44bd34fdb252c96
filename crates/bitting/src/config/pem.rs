//! Files with certificates and keys, and what is wrong with them: those of listeners, and those that upstreams are shown.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use bitting_core::time::Timestamp;
use bitting_engine::{Clock as _, WallClock};

use super::section::{At, Section};
use crate::certificates::{Certificate, InvalidPair};

/// The most bytes that a file may have. All authorities of a machine are a quarter of one.
const LARGEST: u64 = 4 << 20;

/// How long before its end a certificate is pointed out.
const WARNING: Duration = Duration::from_hours(24 * 30);

/// Two files that belong together.
pub(super) struct Pair {
    /// The file of the certificate.
    pub(super) chain: Vec<u8>,
    /// The file of its key.
    pub(super) key: Vec<u8>,
    /// What they say.
    pub(super) certificate: Certificate,
}

/// Reads a file, whose path begins at the folder. What is no file is not read: a device has no end, and a pipe may have no beginning.
pub(super) fn read_file(section: &Section<'_>, path: &At<'_, &str>, folder: &Path) -> Option<Vec<u8>> {
    let wrong = |error: &io::Error| {
        let help = "write the path, from the folder of the configuration on, of a PEM file that this user may read";
        section.findings.error(path.at, format!("{:?} cannot be read: {error}", path.value), help);
    };
    read(&folder.join(path.value)).inspect_err(wrong).ok()
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let found = std::fs::metadata(path)?;
    if found.is_dir() {
        return Err(io::Error::other("it is a folder"));
    }
    if !found.is_file() {
        return Err(io::Error::other("it is a device or a pipe"));
    }
    if found.len() > LARGEST {
        return Err(io::Error::other(format!("it has more than {} MiB", LARGEST >> 20)));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a certificate and its key, and warns of what will not be liked about it by those who look at it: `callers` or `servers`.
pub(super) fn read_pair(
    section: &Section<'_>,
    chain_path: &At<'_, &str>,
    key_path: &At<'_, &str>,
    folder: &Path,
    lookers: &str,
) -> Option<Pair> {
    let (chain, key) = (read_file(section, chain_path, folder), read_file(section, key_path, folder));
    let (chain, key) = (chain?, key?);
    let certificate = match Certificate::from_pem(&chain, &key) {
        Ok(certificate) => certificate,
        Err(error) => {
            let path = match error {
                InvalidPair::Certificate(_) | InvalidPair::NotFirst(_) => chain_path,
                InvalidPair::Key(_) | InvalidPair::Mismatch => key_path,
            };
            let error = error.to_string();
            let (what, help) = error.split_once("; ").unwrap_or((&error, "write the path of another file"));
            section.findings.error(path.at, format!("{:?} cannot be used: {what}", path.value), help);
            return None;
        }
    };
    judge(section, chain_path, &certificate, WallClock.now(), lookers);
    Some(Pair { chain, key, certificate })
}

/// An expired certificate is no error: it would take everything else that the server does down with it, and so would a machine whose
/// clock is wrong after it was started.
fn judge(section: &Section<'_>, path: &At<'_, &str>, certificate: &Certificate, now: Timestamp, lookers: &str) {
    let warn = |what: String, help: &str| section.findings.warning(path.at, format!("{:?} {what}", path.value), help);
    let (from, until) = (certificate.not_before(), certificate.not_after());
    let renew = "put a new one there: `bitting reload` uses it without a restart";
    if until < now {
        warn(format!("expired at {until}: {lookers} that look will refuse it"), renew);
    } else if from > now {
        warn(format!("is not valid before {from}: {lookers} that look will refuse it"), "use the earlier one until then");
    } else if until.since(now) < WARNING {
        warn(format!("expires at {until}, in {} days", until.since(now).as_secs() / 86_400), renew);
    }
    if !certificate.is_in_order() {
        let help = "put after the certificate the one that signed it, then the one that signed that";
        warn(format!("has its certificates in the wrong order: some {lookers} will not find the way to an authority"), help);
    }
}
