//! `[api.alerts]`.

use bitting_core::api::Alerts;

use super::{LEAST, config, problems};

#[test]
fn what_is_told_is_everything_but_what_is_switched_off_and_each_has_its_numbers() {
    let alerts = |text: &str| config(&format!("{LEAST}{text}")).apis.find("shop").unwrap().alerts.clone();
    assert_eq!(alerts(""), Alerts::default());
    assert_eq!(alerts("[api.alerts]\n"), Alerts::default());
    let none = "failures = false\nrefused_addresses = false\nlimits = false\nnew_location = false\ntraffic = false\n";
    assert_eq!(alerts(&format!("[api.alerts]\n{none}")), Alerts::NONE);
    let numbers = "failures = { after = 3, within = \"10s\" }\nnew_location = { learning = \"14d\" }\n\
                   traffic = { weeks = 8, factor = 5, requests = 1000 }\nlimits = true\n";
    let given = alerts(&format!("[api.alerts]\n{numbers}"));
    let (failures, traffic) = (given.failures.unwrap(), given.traffic.unwrap());
    assert_eq!((failures.after, failures.within.as_secs()), (3, 10));
    assert_eq!((traffic.weeks, traffic.factor, traffic.requests), (8, 5, 1_000));
    assert_eq!(given.learning.unwrap().as_secs(), 14 * 86_400);
    let partly = alerts("[api.alerts]\nfailures = true\ntraffic = { factor = 4 }\n").traffic.unwrap();
    assert_eq!((partly.weeks, partly.factor, partly.requests), (6, 4, 100));
}

#[test]
fn what_is_wrong_with_alerts_is_told_where_it_stands() {
    for (text, told) in [
        ("failure = false\n", "7:1 `failure` means nothing in [api.alerts] | did you mean `failures`?"),
        (
            "failures = 10\n",
            "7:12 `failures` in [api.alerts] is a whole number | write { after = 10, within = \"1m\" }, or false",
        ),
        ("failures = { after = 0 }\n", "7:22 `after` is 0 | write a number from 1 to 1000000"),
        ("failures = { within = \"2h\" }\n", "7:14 nothing is counted over such a time | write from \"1s\" to \"1h\""),
        ("failures = { before = 1 }\n", "7:14 `before` means nothing in [api.alerts.failures]"),
        ("traffic = { weeks = 3 }\n", "7:21 `weeks` is 3 | write a number from 4 to 12"),
        ("new_location = \"7d\"\n", "7:16 `new_location` in [api.alerts] is text | write { learning = \"7d\" }, or false"),
        ("limits = \"no\"\n", "7:10 `limits` in [api.alerts] is text | write true or false"),
    ] {
        let found = problems(&format!("{LEAST}[api.alerts]\n{text}"));
        assert!(found.len() == 1 && found[0].starts_with(told), "{text}: {found:#?}");
    }
}
