//! `[api.lifecycle]` and plans that let keys renew themselves.

use std::time::Duration;

use bitting_core::limit::Plan;

use super::{LEAST, config, problems};

const DAY: Duration = Duration::from_hours(24);

#[test]
fn without_a_word_keys_of_production_are_overdue_after_90_days_and_no_plan_renews_keys() {
    let config = config(&LEAST.replace("prefix = \"shop_\"", "prefix = { live = \"a_\", test = \"b_\" }"));
    let api = config.apis.find("shop").unwrap();
    let lifecycle = &api.lifecycle;
    assert_eq!([lifecycle.rotation_age("live"), lifecycle.rotation_age("test")], [90 * DAY, 180 * DAY]);
    assert_eq!((lifecycle.expiring.clone(), lifecycle.unused_after), (vec![30 * DAY, 7 * DAY, DAY], 90 * DAY));
    assert!(!api.plans.iter().any(Plan::renews_keys) && lifecycle.end_overlap_when_unused_for.is_none());
}

#[test]
fn how_keys_age_is_the_apis_to_say_and_plans_may_differ_in_renewal() {
    let text = LEAST.replace("prefix = \"shop_\"", "prefix = { live = \"a_\", test = \"b_\" }")
        + "[api.lifecycle]\nexpiring = [\"1d\", \"14d\"]\nunused_after = \"30d\"\nrotate_after = { test = \"1d\" }\n\
           renew_before = \"2h\"\nrenew_new_keys = true\nauto_renewal = true\nend_overlap_when_unused_for = \"1h\"\n\
           [api.plans.free]\nauto_renewal = false\nhour = \"5/hour\"\n[api.plans.paid]\n";
    let config = config(&text);
    let api = config.apis.find("shop").unwrap();
    let lifecycle = &api.lifecycle;
    assert_eq!(lifecycle.expiring, [14 * DAY, DAY]);
    assert_eq!([lifecycle.rotation_age("live"), lifecycle.rotation_age("test")], [90 * DAY, DAY]);
    assert_eq!([lifecycle.unused_after, lifecycle.renew_before], [30 * DAY, Duration::from_hours(2)]);
    assert_eq!((lifecycle.renews_new_keys, lifecycle.end_overlap_when_unused_for), (true, Some(Duration::from_hours(1))));
    let renewing: Vec<bool> = ["free", "paid"].map(|name| api.plans.named(name).unwrap().renews_keys()).into();
    assert_eq!((renewing, api.plans.named("free").unwrap().limits().len()), (vec![false, true], 1));
}

#[test]
fn what_is_wrong_with_how_keys_age_is_told_with_its_place() {
    for (text, told) in [
        ("expiring = 30", "7:12 `expiring` in [api.lifecycle] is a whole number | write up to 8 times"),
        ("expiring = [\"soon\"]", "7:13 \"soon\" is not a duration such as"),
        ("expiring = [\"0s\"]", "7:13 this is no time at all"),
        ("unused_after = \"0d\"", "7:1 this is no time at all"),
        ("rotate_after = { liv = \"90d\" }", "7:18 there is no environment \"liv\" | did you mean \"live\"?"),
        ("rotate_after = 90", "7:16 `rotate_after` in [api.lifecycle] is a whole number"),
        ("renew_before = \"1month\"", "7:16 \"1month\" is not a duration"),
        ("end_overlap_when_unused_for = \"5s\"", "7:1 a key that is used now and then would end between two requests"),
        ("renew_new_keys = true", "6:6 `renew_new_keys` means nothing: no plan renews keys"),
        ("unuse_after = \"1d\"", "7:1 `unuse_after` means nothing in [api.lifecycle] | did you mean `unused_after`?"),
    ] {
        let found = problems(&format!("{LEAST}[api.lifecycle]\n{text}\n"));
        assert!(found.iter().any(|problem| problem.starts_with(told)), "{text}: {found:#?}");
    }
}
