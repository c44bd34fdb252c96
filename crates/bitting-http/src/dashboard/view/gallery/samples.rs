//! Keys in every state, with names that are hard to show.

use bitting_core::address::AddressList;
use bitting_core::api::Api;
use bitting_store::{KeyRow, LastUse};

use crate::dashboard::fixture::{at, key, now};
use crate::dashboard::keys::{Bounds, FieldErrors, KeyDraft};
use crate::dashboard::view::{Actors, ApiLinks, FormPurpose, KeyForm};

/// A key and when it was used last.
pub(super) type Used = (KeyRow, Option<LastUse>);

pub(super) const READ: &[&str] = &["tasks:read", "projects:read"];

const BOTH: &[&str] = &["tasks:read", "projects:read", "tasks:write", "projects:write"];

pub(super) fn actors() -> Actors {
    let mut actors = Actors::default();
    actors.member("mem_01k7g3r5mbd2f7s9v0w4x6y8za", "Mara Lindqvist");
    actors.member("mem_tomasz", "Tomasz Zieliński");
    actors
}

pub(super) fn used(row: KeyRow, when: &str) -> Used {
    let last = LastUse { key: row.id, at: at(when), address: Some([203, 0, 113, 24].into()) };
    (row, Some(last))
}

pub(super) fn made(name: &str, when: &str, permissions: &[&str], description: &str) -> KeyRow {
    let permissions = permissions.iter().map(|name| name.parse().unwrap()).collect();
    KeyRow { permissions, description: description.to_owned(), ..key(name, when) }
}

fn ending(row: KeyRow, when: &str) -> KeyRow {
    KeyRow { expires_at: Some(at(when)), ..row }
}

fn of_test(row: KeyRow) -> KeyRow {
    KeyRow { environment: "test".to_owned(), prefix: row.prefix.replace("live", "test"), ..row }
}

/// All of them; their positions are counted on.
pub(super) fn all() -> Vec<Used> {
    let mut keys = usual();
    keys.extend(ended());
    keys.extend(odd());
    keys
}

/// Working keys, from 0 to 7.
fn usual() -> Vec<Used> {
    let new = made("Search indexer", "2025-10-13T09:00:00Z", READ, "Keeps the product search up to date");
    let old = made("Search indexer", "2025-07-16T09:00:00Z", READ, "");
    let old = KeyRow { replaced_by: Some(new.id), created_by: "mem_tomasz".to_owned(), ..ending(old, "2025-10-15T09:00:00Z") };
    let new = KeyRow { replaces: Some(old.id), ..ending(new, "2026-01-11T09:00:00Z") };
    let ci = of_test(made("CI pipeline", "2025-09-02T08:00:00Z", BOTH, "Contract tests on every pull request"));
    let all_read = &["tasks:read", "projects:read", "users:read"];
    let mobile = made("Mobile App", "2025-09-15T00:00:00Z", all_read, "iOS and Android release builds");
    let admin = made("Break-glass admin", "2025-08-04T00:00:00Z", &["admin:*"], "Incidents only, kept in the vault");
    let billing = made("Billing sync", "2025-07-22T00:00:00Z", READ, "Nightly invoices to the ledger");
    let support = made("Support console", "2025-08-28T13:10:00Z", READ, "Look up a customer’s tasks");
    let bound = AddressList::parse(["203.0.113.0/24", "198.51.100.7"]).unwrap();
    vec![
        used(made("Production App", "2025-01-01T00:00:00Z", BOTH, "Main application backend"), "2025-10-14T10:40:12Z"),
        used(new, "2025-10-14T10:39:00Z"),
        used(old, "2025-10-14T10:38:00Z"),
        used(KeyRow { created_by: "cli:deploy".to_owned(), ..ci }, "2025-10-14T10:22:00Z"),
        used(ending(mobile, "2026-03-15T00:00:00Z"), "2025-10-14T09:15:00Z"),
        used(ending(admin, "2025-12-31T00:00:00Z"), "2025-10-14T08:31:44Z"),
        used(ending(billing, "2025-10-20T00:00:00Z"), "2025-10-14T02:42:00Z"),
        used(KeyRow { allowed_addresses: Some(bound), ..support }, "2025-10-13T16:52:09Z"),
    ]
}

/// Keys that have ended or were never used, from 8 to 11.
fn ended() -> Vec<Used> {
    let contractor = made("Contractor, Q3 audit", "2025-07-01T10:00:00Z", READ, "");
    let old = made("Old backend", "2024-03-11T09:12:00Z", &["admin:*"], "");
    let new = made("New Integration", "2025-10-14T10:30:00Z", &["tasks:read", "tasks:write"], "Partner portal, order status");
    let staging = "Staging smoke tests with a rather long name that still has to fit";
    let some = &["tasks:read", "tasks:delete", "users:read", "users:write"];
    vec![
        used(ending(contractor, "2025-09-30T23:59:59Z"), "2025-09-29T17:20:00Z"),
        used(KeyRow { revoked_at: Some(at("2025-09-02T00:00:00Z")), ..old }, "2025-09-01T22:05:00Z"),
        (ending(new, "2026-01-12T00:00:00Z"), None),
        (of_test(made(staging, "2025-07-02T15:00:00Z", some, "")), None),
    ]
}

/// Keys with hostile names, from 12 to 14.
fn odd() -> Vec<Used> {
    let markup = "<script>alert('cut')</script> & \"co\"";
    let hostile = made(markup, "2025-08-28T13:10:00Z", READ, "</td></tr><img src=x onerror=alert(1)>");
    let from_the_right = made("مفتاح الإنتاج 🔑 للتكامل", "2025-09-28T13:10:00Z", READ, "\u{202e}txet desrever");
    let long = "Donaudampfschifffahrtsgesellschaftskapitän".repeat(4);
    let long = made(&long, "2025-09-28T13:10:00Z", READ, &"wordwithoutend".repeat(143));
    vec![
        used(KeyRow { enabled: false, ..hostile }, "2025-10-02T16:52:09Z"),
        used(from_the_right, "2025-10-10T16:52:09Z"),
        used(long, "2025-10-11T16:52:09Z"),
    ]
}

pub(super) fn bounds(api: &Api) -> Bounds<'_> {
    Bounds {
        api,
        plan: api.plans.named("professional").unwrap_or(api.plans.fallback()),
        now: now(),
        row: None,
        may_exceed: false,
    }
}

pub(super) fn new_form(api: &Api, draft: KeyDraft, errors: FieldErrors) -> KeyForm {
    let purpose = FormPurpose::Create { once: "0nce".to_owned(), accounts: None };
    let links = ApiLinks::new(&api.name);
    KeyForm::new(bounds(api), (draft, errors), purpose, (links.new_key(), "#".to_owned()), "c5rf-t0k3n")
}
