use super::samples::{all, bounds, new_form};
use super::{developer, hang, operator};
use crate::dashboard::fields::Fields;
use crate::dashboard::fixture::{csboard, launchboard, product};
use crate::dashboard::keys::{Bounds, FieldErrors, KeyDraft};
use crate::dashboard::view::{FormPurpose, KeyForm, KeyFormPage};

#[test]
fn a_mistake_comes_back_with_everything_that_was_typed() {
    let api = product();
    let typed = [
        ("name", "New \"Integration\""),
        ("description", "Partner portal,\r\norder status"),
        ("environment", "live"),
        ("access", "custom"),
        ("permission", "tasks:read"),
        ("permission", "admin:*"),
        ("expires", "on"),
        ("expires_on", "2025-10-01"),
        ("limit", "own"),
        ("limit:hour", "20000"),
        ("addresses", "203.0.113.0/24\r\n198.51.100.300"),
    ];
    let fields = Fields::read(form_urlencoded::Serializer::new(String::new()).extend_pairs(typed).finish().as_bytes());
    let draft = KeyDraft::read(&fields, bounds(&api));
    let errors = draft.spec(bounds(&api), Some("northwind".parse().unwrap())).unwrap_err();
    let page = KeyFormPage::create(developer(), "/apis/product-api/keys".to_owned(), new_form(&api, draft, errors));
    let html = hang("new-key", &page);
    for part in [
        "3 fields need another look.",
        "value=\"New &#34;Integration&#34;\"",
        "value=\"live\" checked",
        "value=\"admin:*\" checked",
        "value=\"2025-10-01\"",
        "value=\"20000\" aria-invalid=\"true\"",
        "203.0.113.0/24\n198.51.100.300</textarea>",
        "Line 2, 198.51.100.300: no part of an address goes above 255.",
        "<details class=\"row-more\" open>",
        "Dangerous",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn the_form_asks_for_nothing_that_the_api_does_not_have() {
    let api = launchboard();
    let form = new_form(&api, KeyDraft::new(bounds(&api)), FieldErrors::default());
    let html = hang("new-key-launchboard", &KeyFormPage::create(developer(), "/k".to_owned(), form));
    assert!(html.contains("value=\"viewer\" checked") && html.contains("Also whatever viewer may do"));
    assert!(!html.contains("value=\"never\"") && !html.contains("name=\"limit\"") && !html.contains("name=\"permission\""));
    let api = csboard();
    let form = new_form(&api, KeyDraft::new(bounds(&api)), FieldErrors::default());
    let html = hang("new-key-csboard", &KeyFormPage::create(developer(), "/k".to_owned(), form));
    assert!(html.contains("<input type=\"hidden\" name=\"environment\" value=\"live\">") && !html.contains("name=\"role\""));
}

#[test]
fn an_operator_says_whose_key_it_is() {
    let api = product();
    let accounts = Some(vec![("northwind".to_owned(), "Northwind Logistics".to_owned())]);
    let purpose = FormPurpose::Create { once: "0nce".to_owned(), accounts };
    let draft = KeyDraft { name: "x".to_owned(), ..KeyDraft::new(bounds(&api)) };
    let errors = draft.spec(bounds(&api), None).unwrap_err();
    let form = KeyForm::new(bounds(&api), (draft, errors), purpose, ("/n".to_owned(), "/k".to_owned()), "c5rf-t0k3n");
    let html = hang("new-key-operator", &KeyFormPage::create(operator(), "/k".to_owned(), form));
    assert!(html.contains("Say whose key it is.") && html.contains("One field needs another look."));
}

#[test]
fn changing_a_key_begins_with_what_it_is_and_remembers_what_was_seen() {
    let api = product();
    let (row, _) = &all()[7];
    let bounds = Bounds { row: Some(row), ..bounds(&api) };
    let purpose = FormPurpose::Edit { sequence: row.sequence.0 };
    let draft = (KeyDraft::of(row, bounds), FieldErrors::default());
    let form = KeyForm::new(bounds, draft, purpose, ("/e".to_owned(), "/k/1".to_owned()), "c5rf-t0k3n");
    let page = KeyFormPage::edit(developer(), "/k".to_owned(), (row.name.clone(), "/k/1".to_owned()), form);
    let html = hang("edit-key", &page);
    for part in
        ["name=\"sequence\" value=\"41\"", "value=\"keep\" checked", "203.0.113.0/24\n198.51.100.7</textarea>", "Save changes"]
    {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("name=\"environment\"") && !html.contains("name=\"once\""));
}
