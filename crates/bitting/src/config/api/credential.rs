//! `[api.credential]`: where keys are taken from.

use bitting_core::dialect::{Carrier, CredentialRules, Foreign};
use bitting_core::key::KeyFormat;

use crate::config::section::Section;

/// Reads the carriers. Without the table keys are bearer tokens.
pub(super) fn read(api: &Section<'_>, format: Option<&KeyFormat>) -> CredentialRules {
    let default = vec![Carrier::Authorization("Bearer".into())];
    let Some(credential) = api.section("credential") else {
        return CredentialRules { carriers: default.into(), foreign: Foreign::Refuse };
    };
    let carriers = match credential.all_parsed::<Carrier>("from") {
        Some(carriers) => {
            if let (true, Some(at)) = (carriers.is_empty(), credential.place("from")) {
                api.findings.error(at, "no key could ever be found", "write from = [\"bearer\"] or another carrier");
            }
            for (position, carrier) in carriers.iter().enumerate() {
                if carriers[..position].iter().any(|earlier| earlier.value == carrier.value) {
                    api.findings.error(carrier.at, format!("\"{}\" stands there twice", carrier.value), "remove one");
                }
            }
            carriers.into_iter().map(|carrier| carrier.value).collect()
        }
        None => default,
    };
    let foreign = credential.choice("foreign", &[("refuse", Foreign::Refuse), ("pass", Foreign::Pass)]);
    if let (Some(Foreign::Pass), Some(at)) = (foreign, credential.place("foreign"))
        && format.is_some_and(KeyFormat::accepts_any_prefix)
    {
        let help = "give every environment a prefix, or write foreign = \"refuse\"";
        api.findings.error(at, "a credential can only be told from a key of this API by a prefix", help);
    }
    credential.finish();
    CredentialRules { carriers: carriers.into(), foreign: foreign.unwrap_or_default() }
}
