use bitting_core::api::Api;
use bitting_store::{Ages, KeyRow};

use super::samples::{READ, Used, actors, all, bounds, made, new_form, used};
use super::{developer, hang, operator};
use crate::dashboard::fixture::{at, backboard, csboard, now, product};
use crate::dashboard::keys::{FieldErrors, KeyDraft};
use crate::dashboard::view::{
    ApiLinks, Counts, EmptyPage, FormPurpose, Frame, KeyForm, KeyLine, KeysPage, KeysPageParts, LineOf, ListAsked, Order,
    Pager, View,
};

fn list(frame: Frame, api: &Api, keys: &[Used], asked: ListAsked, of_all: bool) -> KeysPage {
    let (actors, paths) = (actors(), ApiLinks::new(&api.name));
    let line = |(row, last): &Used| {
        let account = of_all.then_some("Northwind Logistics");
        KeyLine::new(LineOf {
            api,
            row,
            last_use: last.as_ref(),
            is_account_enabled: true,
            account,
            actors: &actors,
            links: &paths,
            ages: &Ages::default(),
            predecessor: row
                .replaces
                .and_then(|old| keys.iter().find(|(row, _)| row.id == old))
                .map(|(row, last)| (row, last.as_ref())),
            renews: false,
            now: now(),
        })
    };
    let count = |number: &str| Some(number.to_owned());
    let counts = Counts { all: count("37"), attention: count("4"), unused: count("3"), revoked: count("8") };
    let lines: Vec<KeyLine> = keys.iter().map(line).collect();
    let pager = Pager {
        part: format!("1–{} of 37", lines.len()),
        previous: None,
        next: Some(asked.link_to("/k", "after", Some("c2tf"))),
    };
    let typed = (KeyDraft::new(bounds(api)), FieldErrors::default());
    let accounts = of_all.then(|| vec![("northwind".to_owned(), "Northwind Logistics".to_owned())]);
    let purpose = FormPurpose::Create { once: "0nce".to_owned(), accounts };
    let form = KeyForm::new(bounds(api), typed, purpose, (paths.new_key(), "#".to_owned()), "c5rf-t0k3n");
    KeysPage::new(frame, api, KeysPageParts { asked, counts, lines, pager, form, has_accounts: of_all, made_by: None })
}

#[test]
fn pa1_the_list_shows_every_state_with_its_cure() {
    let api = product();
    let html =
        hang("keys", &list(developer(), &api, &all(), ListAsked { order: Order::LastUsed, ..ListAsked::default() }, false));
    for word in ["Active", "Overdue", "Expiring", "Unused", "Replaced", "Disabled", "Expired", "Revoked"] {
        assert!(html.contains(&format!("</svg>{word}</span>")), "{word}");
    }
    for part in [
        "286 days old",
        "#rotate\">Rotate<",
        "#extend\">Extend<",
        "still in use",
        "2 addresses only",
        "idle 103 days",
        "aria-sort=\"descending\"",
        "today, 10:30",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<script>alert") && !html.contains("<img"));
    assert!(!html.contains("role=\"switch\""), "this API has no capability");
}

/// The page of the pictures in `docs/pictures`.
#[test]
fn the_list_that_stands_in_the_readme() {
    let (api, keys) = (product(), all());
    let asked = ListAsked { order: Order::LastUsed, ..ListAsked::default() };
    let html = hang("picture-keys", &list(developer(), &api, &keys[..12], asked, false));
    assert!(html.contains("1–12 of 37"));
}

#[test]
fn the_first_page_is_small_enough_for_a_slow_line() {
    let api = product();
    let keys: Vec<Used> = (0..20)
        .map(|number| {
            let name = format!("Integration number {number}");
            let row = made(&name, "2025-09-02T08:00:00Z", READ, "A program that somebody wrote");
            used(KeyRow { expires_at: Some(at("2026-01-12T00:00:00Z")), ..row }, "2025-10-14T10:22:00Z")
        })
        .collect();
    let html = hang("keys-20", &list(developer(), &api, &keys, ListAsked::default(), false));
    // Pages travel as they are, stylesheet and script compressed; heads and the mark of the tab take a little too.
    let assets = crate::dashboard::assets::travelling();
    assert!(html.len() + assets < 48_000, "{} and {assets} bytes", html.len());
}

#[test]
fn cs4_a_capability_has_a_switch_in_each_line_and_asks_first_to_be_on() {
    let api = csboard();
    let mut keys = all();
    keys.truncate(4);
    keys[1].0.capabilities = vec!["trading".to_owned()];
    for (row, _) in &mut keys {
        (row.environment, row.prefix) = ("live".to_owned(), "csb_pub_aB3x".to_owned());
        row.permissions.clear();
    }
    keys.push((KeyRow { revoked_at: Some(now()), ..keys[0].0.clone() }, None));
    let mut frame = developer();
    frame.brand.title = "CSBoard".to_owned();
    let html = hang("keys-csboard", &list(frame, &api, &keys, ListAsked::default(), false));
    assert_eq!(html.matches("aria-checked=\"true\"").count(), 1);
    assert_eq!(html.matches("aria-checked=\"false\"").count(), 3, "a revoked key has none");
    assert_eq!(html.matches("data-confirm=\"allow-trading\"").count(), 3, "off needs no question");
    assert!(html.contains("Never enable trading on a key that you share"));
    assert!(html.contains(">Label</a>") && html.contains("Generate key") && !html.contains(">Permissions<"));
    let form = html.split("id=\"create\"").nth(1).unwrap();
    assert!(!form.contains("trading"), "it is not offered for a new key");
}

#[test]
fn bb7_keys_of_three_environments_are_told_apart_in_the_list_though_they_look_alike() {
    let api = backboard();
    let keys: Vec<Used> = ["production", "staging", "development"]
        .into_iter()
        .map(|environment| {
            let row = made("Backend", "2025-09-02T08:00:00Z", &[], "");
            (KeyRow { environment: environment.to_owned(), prefix: "h4sJ".to_owned(), ..row }, None)
        })
        .collect();
    let html = hang("keys-backboard", &list(developer(), &api, &keys, ListAsked::default(), false));
    assert!(html.contains("<span><b>h4sJ</b>…</span></span> <span class=\"env\">production</span>"));
    for environment in ["staging", "development"] {
        assert!(html.contains(&format!("<span class=\"env test\">{environment}</span>")), "{environment}");
        assert!(html.contains(&format!("?env={environment}")), "one can be looked at alone");
    }
    assert!(html.contains("value=\"development\" checked"), "a mistake costs least there");
}

#[test]
fn operators_see_whose_keys_they_are_and_can_look_at_one_account() {
    let api = product();
    let asked = ListAsked {
        account: Some("northwind".to_owned()),
        environment: Some("live".to_owned()),
        view: View::Attention,
        ..ListAsked::default()
    };
    let html = hang("keys-operator", &list(operator(), &api, &all()[..3], asked, true));
    assert!(html.contains("/apis/product-api/accounts/northwind"));
    assert!(html.contains("?view=unused&#38;env=live&#38;account=northwind"), "links keep what is narrowed");
}

#[test]
fn a_search_without_result_says_how_to_go_on() {
    let api = product();
    let asked = ListAsked { search: "nope \"<".to_owned(), ..ListAsked::default() };
    let html = hang("keys-nothing", &list(developer(), &api, &[], asked, false));
    assert!(
        html.contains("No key is like this.") && html.contains("Show all keys") && html.contains("value=\"nope &#34;&#60;\"")
    );
}

#[test]
fn an_account_without_keys_is_told_what_to_do_first() {
    let api = product();
    let form = new_form(&api, KeyDraft::new(bounds(&api)), FieldErrors::default());
    let sample = "curl https://api.example.com/v1/tasks \\\n  -H \"Authorization: Bearer sk_test_…\"".to_owned();
    let page = EmptyPage::new(developer(), &api, form, sample, Some("/apis/product-api/keys/live".to_owned()));
    assert!(hang("empty", &page).contains("Waiting for the first request"));
}
