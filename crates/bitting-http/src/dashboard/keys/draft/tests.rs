use bitting_core::address::AddressList;
use bitting_core::api::Policy;
use bitting_store::KeyPatch;

use super::*;
use crate::dashboard::fixture::{at, csboard, key, launchboard, now, product};

fn bounds(api: &Api) -> Bounds<'_> {
    Bounds {
        api,
        plan: api.plans.named("professional").unwrap_or(api.plans.fallback()),
        now: now(),
        row: None,
        may_exceed: false,
    }
}

/// The form as it is first shown and then sent, with some fields typed over.
fn sent(api: &Api, typed: &[(&str, &str)]) -> KeyDraft {
    let first = KeyDraft::new(bounds(api));
    let expires = first.expiry.value();
    let mut body = vec![
        ("account", "northwind"),
        ("name", "Billing sync"),
        ("environment", &first.environment),
        ("role", &first.role),
        ("access", first.access.value()),
        ("expires", &expires),
        ("limit", "plan"),
    ];
    body.retain(|(name, _)| !typed.iter().any(|(other, _)| other == name));
    body.extend(typed);
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(body).finish();
    KeyDraft::read(&Fields::read(body.as_bytes()), bounds(api))
}

fn errors(api: &Api, typed: &[(&str, &str)]) -> Vec<(String, String)> {
    sent(api, typed).spec(bounds(api), None).unwrap_err().0.into_iter().collect()
}

fn error(api: &Api, field: &str, value: &str) -> (String, String) {
    errors(api, &[(field, value)]).remove(0)
}

#[test]
fn pa1_the_smallest_rights_are_chosen_first_and_an_end() {
    let api = product();
    let spec = sent(&api, &[]).spec(bounds(&api), None).unwrap();
    let names: Vec<&str> = spec.permissions.as_deref().unwrap().iter().map(Permission::as_str).collect();
    assert_eq!(names, ["tasks:read", "projects:read", "users:read"]);
    assert_eq!(spec.environment.as_deref(), Some("test"));
    assert_eq!(spec.expires_at, Some(at("2026-01-12T10:42:00Z")));
    assert_eq!((spec.role, spec.allowed_addresses, spec.limits.len()), (None, None, 0));
    assert_eq!(spec.account.unwrap().as_str(), "northwind");
}

#[test]
fn lb4_a_role_is_the_lowest_one_until_somebody_chooses_another() {
    let api = launchboard();
    let spec = sent(&api, &[]).spec(bounds(&api), None).unwrap();
    assert_eq!((spec.role.as_deref(), spec.permissions), (Some("viewer"), Some(Vec::new())));
    assert_eq!(sent(&api, &[("role", "admin")]).spec(bounds(&api), None).unwrap().role.as_deref(), Some("admin"));
    assert_eq!(error(&api, "role", "boss").1, "There is no such role any more. Choose one of these.");
    assert_eq!(error(&api, "role", "").1, "Choose one.");
}

#[test]
fn cs4_no_capability_is_given_to_a_new_key() {
    let api = csboard();
    let draft = sent(&api, &[("capability", "trading"), ("capabilities", "trading")]);
    let spec = draft.spec(bounds(&api), None).unwrap();
    assert_eq!((spec.capabilities, spec.permissions), (Vec::new(), Some(Vec::new())));
}

#[test]
fn presets_stand_for_permissions_of_the_usual_resources() {
    let api = product();
    let presets = Preset::all(&api);
    let said: Vec<&str> = presets.iter().map(|preset| &*preset.description).collect();
    let also = "Also create and update tasks, projects and users.";
    assert_eq!(said, ["View tasks, projects and users.", also]);
    let spec = sent(&api, &[("access", "read_write")]).spec(bounds(&api), None).unwrap();
    let names: Vec<&str> = spec.permissions.as_deref().unwrap().iter().map(Permission::as_str).collect();
    let all = ["tasks:read", "projects:read", "users:read", "tasks:write", "projects:write", "users:write"];
    assert_eq!(names, all, "nothing of the keys themselves");
    assert!(Preset::all(&csboard()).is_empty());
}

#[test]
fn single_permissions_are_those_that_are_ticked() {
    let api = product();
    let draft = sent(&api, &[("access", "custom"), ("permission", "tasks:delete"), ("permission", "admin:*")]);
    let names: Vec<Permission> = draft.spec(bounds(&api), None).unwrap().permissions.unwrap();
    assert_eq!(names.iter().map(Permission::as_str).collect::<Vec<_>>(), ["tasks:delete", "admin:*"]);
    assert_eq!(errors(&api, &[("access", "custom")])[0].1, "Choose at least one. A key without any can do nothing.");
    let twice = sent(&api, &[("access", "custom"), ("permission", "tasks:read"), ("permission", "tasks:read")]);
    assert_eq!(twice.spec(bounds(&api), None).unwrap().permissions.unwrap().len(), 1);
    let gone = errors(&api, &[("access", "custom"), ("permission", "gone:read")]);
    assert_eq!(gone[0], ("access".to_owned(), "Some of these are not offered any more. Choose again.".to_owned()));
}

#[test]
fn every_mistake_is_said_at_its_field_and_nothing_typed_is_lost() {
    let api = product();
    let typed = [
        ("name", "  "),
        ("description", "Partner portal\r\norder status"),
        ("environment", "staging"),
        ("addresses", "203.0.113.0/24\r\n198.51.100.300"),
        ("expires", "on"),
        ("expires_on", "2025-02-30"),
        ("limit", "own"),
        ("limit:hour", "20,000"),
        ("account", "a b"),
    ];
    let found = errors(&api, &typed);
    let fields: Vec<&str> = found.iter().map(|(field, _)| &**field).collect();
    assert_eq!(fields, ["account", "addresses", "environment", "expires", "limit:hour", "limits", "name"]);
    assert_eq!(found[1].1, "Line 2, 198.51.100.300: no part of an address goes above 255.");
    assert_eq!(found[3].1, "Write the date as in 2026-01-12.");
    assert_eq!(found[5].1, "At most 10,000, which is what the plan allows.");
    let draft = sent(&api, &typed);
    assert_eq!(draft.description, "Partner portal\norder status");
    assert_eq!(draft.addresses, "203.0.113.0/24\n198.51.100.300");
    assert_eq!(draft.limits["hour"], "20,000");
}

#[test]
fn names_and_descriptions_have_an_end() {
    let api = product();
    let long = "x".repeat(231);
    assert_eq!(error(&api, "name", &long), ("name".to_owned(), "At most 200 characters; these are 231.".to_owned()));
    assert_eq!(error(&api, "description", &"é".repeat(10_000)).1, "At most 2,000 characters; these are 10,000.");
    assert_eq!(error(&api, "name", "a\u{7}b").1, "It has characters that nobody can see. Type it anew.");
    let names = Api { policy: Policy { name: Some("[a-z-]+".parse().unwrap()), ..Policy::default() }, ..product() };
    assert_eq!(error(&names, "name", "Billing").1, "Product API asks for names that look like [a-z-]+.");
}

#[test]
fn the_end_of_a_key_obeys_what_the_api_asks() {
    let api = launchboard();
    assert_eq!(Expiry::offered(&api.policy), [Duration::from_hours(24 * 30)]);
    assert_eq!(KeyDraft::new(bounds(&api)).expiry, Expiry::In(Duration::from_hours(24 * 30)));
    assert!(!Expiry::may_be_never(&api.policy));
    for (value, date, message) in [
        ("never", "", "Keys of Launchboard end after 30 days at the latest."),
        ("7776000s", "", "At the latest 12 Nov 2025: keys of Launchboard live for 30 days."),
        ("on", "2025-11-13", "At the latest 12 Nov 2025: keys of Launchboard live for 30 days."),
        ("on", "2025-10-13", "This date is over. Choose one that lies ahead."),
        ("on", "", "Choose the date, or one of the other ends."),
        ("keep", "", "Choose when it ends."),
    ] {
        let found = errors(&api, &[("expires", value), ("expires_on", date)]);
        assert_eq!(found, [("expires".to_owned(), message.to_owned())], "{value} {date}");
    }
    let draft = sent(&api, &[("expires", "on"), ("expires_on", "2025-11-12")]);
    assert_eq!(draft.spec(bounds(&api), None).unwrap().expires_at, Some(at("2025-11-12T23:59:59Z")));
    let required = Policy { expiry_required: true, ..Policy::default() };
    assert_eq!(error(&Api { policy: required, ..product() }, "expires", "never").1, "Every key of Product API has an end.");
}

#[test]
fn numbers_for_limits_are_read_as_people_write_them() {
    let api = product();
    let draft = sent(&api, &[("limit", "own"), ("limit:hour", "1 000"), ("limit:minute", "")]);
    let limits = draft.spec(bounds(&api), None).unwrap().limits;
    assert_eq!(limits.into_iter().collect::<Vec<_>>(), [("hour".to_owned(), 1_000)]);
    for number in ["0", "-5", "many", "1.5"] {
        let found = errors(&api, &[("limit", "own"), ("limit:minute", number)]);
        assert_eq!(found[1].1, "Write whole numbers, from 1 on.", "{number}");
    }
    let none = errors(&api, &[("limit", "own")]);
    assert_eq!(none[0].1, "Write at least one number, or choose what the plan allows.");
    let unused = sent(&api, &[("limit", "plan"), ("limit:hour", "5")]);
    assert!(unused.spec(bounds(&api), None).unwrap().limits.is_empty());
}

fn row() -> KeyRow {
    let permissions = ["tasks:read", "tasks:write"].map(|name| name.parse().unwrap()).into();
    KeyRow { permissions, ..key("Production App", "2025-01-01T00:00:00Z") }
}

#[test]
fn a_form_that_is_sent_as_it_was_shown_changes_nothing() {
    let api = product();
    let allowed_addresses = Some(addresses(&["203.0.113.0/24", "2001:db8::1"]));
    let limits = [("hour".to_owned(), 50)].into();
    let row = KeyRow { allowed_addresses, limits, ..row() };
    let bounds = Bounds { row: Some(&row), ..bounds(&api) };
    let draft = KeyDraft::of(&row, bounds);
    assert_eq!((draft.access, &*draft.addresses), (Access::Custom, "203.0.113.0/24\n2001:db8::1"));
    assert_eq!(draft.patch(&row, bounds), Ok(KeyPatch::default()));
}

#[test]
fn a_change_says_only_what_changes() {
    let api = product();
    let row = row();
    let bounds = Bounds { row: Some(&row), ..bounds(&api) };
    let shown = KeyDraft::of(&row, bounds);
    let patch = KeyDraft {
        name: "Production".to_owned(),
        enabled: false,
        expiry: Expiry::In(Duration::from_hours(48)),
        ..shown.clone()
    };
    let expires_at = Some(Some(at("2025-10-16T10:42:00Z")));
    let expected = KeyPatch { name: Some("Production".to_owned()), enabled: Some(false), expires_at, ..KeyPatch::default() };
    assert_eq!(patch.patch(&row, bounds), Ok(expected));
    let read = KeyDraft { access: Access::Read, addresses: "192.0.2.1".to_owned(), ..shown };
    let patch = read.patch(&row, bounds).unwrap();
    assert_eq!(patch.permissions.map(|names| names.len()), Some(3));
    assert_eq!(patch.allowed_addresses, Some(Some(addresses(&["192.0.2.1"]))));
    assert_eq!(patch.limits, None);
}

#[test]
fn what_is_no_longer_declared_can_stay_with_a_key_that_has_it() {
    let api = product();
    let row = KeyRow { permissions: vec!["gone:read".parse().unwrap()], ..row() };
    let bounds = Bounds { row: Some(&row), ..bounds(&api) };
    assert_eq!(KeyDraft::of(&row, bounds).patch(&row, bounds), Ok(KeyPatch::default()));
}

#[test]
fn what_the_engine_finds_wrong_stands_at_the_field_of_the_form() {
    let violation = |field: &str, message: &str| Violation { field: field.to_owned(), message: message.to_owned() };
    let errors = FieldErrors::of(&[
        violation("expires_at", "it must lie in the future"),
        violation("name", "write 1 to 200 characters"),
    ]);
    assert_eq!(errors.get("expires"), Some("It must lie in the future."));
    assert_eq!((errors.get("name"), errors.fields()), (Some("Write 1 to 200 characters."), 2));
}

fn addresses(texts: &[&str]) -> AddressList {
    AddressList::parse(texts.iter().copied()).unwrap()
}
