use bitting_core::api::Api;
use bitting_core::limit::{Limit, Reading};
use bitting_core::reason::Reason;
use bitting_engine::UsageStep;
use bitting_store::{Ages, UsageRow};

use super::samples::{Used, actors, all, bounds, made};
use super::{developer, hang};
use crate::dashboard::fixture::{at, csboard, now, product};
use crate::dashboard::keys::FieldErrors;
use crate::dashboard::view::{ActionOn, ActionPage, Chart, Frame, Gauge, KeyAction, KeyPage, KeyPageParts, MadePage, Refusal};

fn usage() -> Vec<UsageRow> {
    let hours = [148, 121, 156, 171, 164, 159, 138, 97, 84, 71, 66, 512, 58, 44, 41, 61, 38, 36, 52, 89, 146, 273, 296, 153];
    let start = at("2025-10-13T11:00:00Z");
    let row = |(hour, count): (u32, u64), outcome: &str| UsageRow {
        hour: start.plus(std::time::Duration::from_hours(1) * hour),
        route: "GET /v1/tasks/*".into(),
        outcome: outcome.into(),
        count,
    };
    let mut rows: Vec<UsageRow> = (0..).zip(hours).map(|at| row(at, "admitted")).collect();
    rows.push(row((11, 96), "rate_limited"));
    rows.extend([(5, 2), (15, 2), (21, 3)].map(|at| row(at, "insufficient_permission")));
    rows
}

fn key_page(frame: Frame, api: &Api, (row, last_use): &Used, may_change: bool) -> KeyPage {
    let rows = usage();
    let plan = bounds(api).plan;
    let readings = [9_847, 496].into_iter().zip(["2025-10-14T11:00:00Z", "2025-10-14T10:43:00Z"]);
    let gauge = |(limit, (remaining, reset)): (&Limit, (u64, &str))| {
        Gauge::new(limit, &Reading { allowed: limit.allowed, remaining, reset: at(reset) }, now())
    };
    let refusal = |when: &str, reason, wanted: &str, request: &str, times| Refusal {
        at: at(when),
        reason,
        wanted: wanted.to_owned(),
        request: request.to_owned(),
        address: Some([203, 0, 113, 24].into()),
        times,
        status: if reason == Reason::RateLimited { 429 } else { 403 },
    };
    KeyPage::new(
        frame,
        KeyPageParts {
            api,
            row,
            last_use: last_use.as_ref(),
            is_account_enabled: true,
            account: None,
            actors: &actors(),
            today: 1_234,
            month: 45_678,
            hours: Chart::new("h", &rows, UsageStep::Hour, at("2025-10-13T11:00:00Z"), at("2025-10-14T11:00:00Z")),
            days: Chart::new("d", &rows, UsageStep::Day, at("2025-09-15T00:00:00Z"), at("2025-10-15T00:00:00Z")),
            refusals: vec![
                refusal(
                    "2025-10-14T08:51:20Z",
                    Reason::InsufficientPermission,
                    "projects:delete",
                    "DELETE /v1/projects/{id}",
                    3,
                ),
                refusal("2025-10-13T22:14:03Z", Reason::RateLimited, "500 a minute", "GET /v1/tasks/*", 96),
                refusal("2025-10-12T03:14:03Z", Reason::AddressNotAllowed, "", "", 1),
            ],
            gauges: plan.by_scope().0.iter().zip(readings).map(gauge).collect(),
            plan: plan.name.to_string(),
            may_change,
            may_see_history: true,
            once: "0nce",
            done: None,
            ages: &Ages::default(),
            partner: None,
            renewal: None,
            now: now(),
        },
    )
}

#[test]
fn the_page_of_a_key_answers_before_anybody_asks() {
    let api = product();
    let html = hang("key", &key_page(developer(), &api, &all()[0], true));
    for part in [
        "This key is 286 days old. Live keys should be rotated every 90 days.",
        "Lacks <code>projects:delete</code>",
        "Change permissions",
        "Over 500 a minute",
        "<b>9,847</b> of 10,000 left this hour",
        "Revoke Production App?",
        "It was last used <b>1 minute ago</b> from <span class=\"mono\">203.0.113.24</span>.",
        "href=\"/apis/product-api/usage.csv?key=",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn a_key_that_has_ended_can_be_looked_at_and_not_be_changed() {
    let api = product();
    for (name, position, parts) in [
        ("key-replaced", 2, &["It is still in use.", "End overlap now", "See the new key"][..]),
        ("key-successor", 1, &["An older key"]),
        ("key-expiring", 6, &["This key ends in 6 days", "Extend it"]),
        ("key-odd", 12, &["&#60;script&#62;", "switched off"]),
        ("key-long", 14, &["Donaudampfschiff"]),
        ("key-rtl", 13, &["مفتاح"]),
    ] {
        let html = hang(name, &key_page(developer(), &api, &all()[position], true));
        for part in parts {
            assert!(html.contains(part), "{name}: {part}");
        }
    }
    let revoked = hang("key-revoked", &key_page(developer(), &api, &all()[9], true));
    assert!(!revoked.contains("<dialog") && !revoked.contains(">Edit<") && revoked.contains("Revoked"));
    let watched = hang("key-watched", &key_page(developer(), &api, &all()[0], false));
    assert!(!watched.contains("<dialog") && !watched.contains("Change permissions"));
}

#[test]
fn each_step_has_a_page_of_its_own_too() {
    let api = product();
    let (row, last_use) = &all()[0];
    let on = ActionOn { api: &api, row, last_use: last_use.as_ref(), csrf: "c5rf-t0k3n", now: now() };
    let none = FieldErrors::default();
    let rotate = hang("rotate", &ActionPage::new(developer(), KeyAction::Rotate { once: "0nce" }, on, &none));
    assert!(rotate.contains("name=\"overlap\" value=\"86400s\" checked") && rotate.contains("15 Oct 2025, 10:42 UTC"));
    let wrong = FieldErrors::one("expires", "This date is over. Choose one that lies ahead.");
    let extend = hang("extend", &ActionPage::new(developer(), KeyAction::Extend, on, &wrong));
    assert!(extend.contains("This date is over.") && extend.contains("value=\"never\""));
    assert!(hang("revoke", &ActionPage::new(developer(), KeyAction::Revoke, on, &none)).contains("Keep key"));
    let cs = csboard();
    let on = ActionOn { api: &cs, ..on };
    let capability = &cs.catalogue.capabilities()[0];
    let html = hang("switch", &ActionPage::new(developer(), KeyAction::SwitchOn(capability), on, &none));
    assert!(html.contains("Never enable trading") && html.contains("Turn on"));
}

#[test]
fn bb5_a_key_is_shown_in_groups_with_a_call_that_works() {
    let api = product();
    let mut fill = |buffer: &mut [u8]| {
        buffer.iter_mut().zip(1u8..).for_each(|(byte, n)| *byte = n.wrapping_mul(37));
        Ok::<(), ()>(())
    };
    let made = api.format.generate("live", &mut fill).unwrap().unwrap();
    let row = &all()[10].0;
    let page = MadePage::new(developer(), (&api, bounds(&api).plan), (&made, row), None, now());
    let html = hang("key-created", &page);
    let text = made.expose();
    assert!(html.contains("<span>sk_live_</span>") && html.contains(&format!("<span>{}</span>", &text[8..12])));
    assert!(html.contains(&format!("PRODUCT_API_KEY={text}")) && html.contains(&format!("Bearer {text}&#34;")));
    assert!(html.contains("This call needs <code>tasks:read</code>, which the key has."));
    let old = &all()[2].0;
    let page = MadePage::new(developer(), (&api, bounds(&api).plan), (&made, row), Some(old), now());
    assert!(hang("key-rotated", &page).contains("works until"));
}

#[test]
fn a_key_that_can_do_nothing_is_not_promised_an_answer() {
    let api = product();
    let issued = api
        .format
        .generate("live", |buffer| {
            buffer.fill(7);
            Ok::<(), ()>(())
        })
        .unwrap()
        .unwrap();
    let row = made("Users only", "2025-10-14T10:30:00Z", &["users:read"], "");
    let page = MadePage::new(developer(), (&api, bounds(&api).plan), (&issued, &row), None, now());
    assert!(hang("key-created-lacking", &page).contains("does not have, so it will be refused"));
}
