//! Certificates of an authority of our own, in files.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::harness::Traces;

/// An authority that certifies names into files among the traces.
pub(crate) struct Certified {
    traces: Traces,
    issuer: Issuer<'static, KeyPair>,
}

impl Certified {
    /// A new authority, in `authority.pem`.
    pub(crate) fn authority(traces: &Traces) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the authority of a test");
        fs::write(traces.path("authority.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { traces: traces.clone(), issuer: Issuer::new(params, key) }
    }

    /// Writes `FILE.pem` and `FILE.key` for names.
    pub(crate) fn certify(&self, file: &str, names: &[&str]) {
        self.certify_with(file, names, |_| {});
    }

    /// The same with something changed.
    pub(crate) fn certify_with(&self, file: &str, names: &[&str], change: impl FnOnce(&mut CertificateParams)) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        fs::write(self.traces.path(&format!("{file}.pem")), pem).unwrap();
        fs::write(self.traces.path(&format!("{file}.key")), key.serialize_pem()).unwrap();
    }
}
