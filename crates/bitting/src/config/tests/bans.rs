//! `[api.bans]`, right and wrong.

use std::net::IpAddr;
use std::time::Duration;

use bitting_core::ban::BanPolicy;

use super::{LEAST, config, problems};

fn policy(lines: &str) -> Option<BanPolicy> {
    config(&format!("{LEAST}{lines}")).apis.find("shop").unwrap().bans.clone()
}

#[test]
fn nobody_is_banned_unless_the_api_says_so_and_an_empty_table_says_the_usual() {
    assert_eq!(policy(""), None);
    let usual = policy("[api.bans]\n").unwrap();
    assert_eq!((usual.after, usual.within, usual.lasting), (20, Duration::from_mins(1), Duration::from_mins(5)));
    let is_covered = |address: [u8; 4]| usual.covers(IpAddr::from(address));
    assert!(is_covered([203, 0, 113, 7]) && !is_covered([127, 0, 0, 1]) && !is_covered([10, 0, 0, 1]));
    assert!(!usual.covers_undeclared_proxies);
}

#[test]
fn whom_to_ban_and_whom_never_is_the_apis_to_say() {
    let lines = "[api.bans]\nafter = 5\nwithin = \"10s\"\nlasting = \"1h\"\nexempt = [\"203.0.113.0/24\", \"2001:db8::7\"]\n\
                 private = true\nundeclared_proxies = true\n";
    let policy = policy(lines).unwrap();
    assert_eq!((policy.after, policy.within, policy.lasting), (5, Duration::from_secs(10), Duration::from_hours(1)));
    let is_covered = |address: &str| policy.covers(address.parse().unwrap());
    assert!(is_covered("127.0.0.1") && is_covered("198.51.100.1"));
    assert!(!is_covered("203.0.113.99") && !is_covered("2001:db8::7"));
    assert!(policy.covers_undeclared_proxies);
}

#[test]
fn what_is_wrong_with_bans_is_told_with_its_place_and_a_cure() {
    let lines = "[api.bans]\nafter = 0\nwithin = \"2d\"\nlasting = \"500ms\"\nexempt = [\"203.0.113.0/33\"]\nprivat = true\n";
    let expected = [
        "7:9 `after` is 0 | write a number from 1 to 10000",
        "8:1 `within` in [api.bans] is too short or too long | write a duration from \"1s\" to \"1d\"",
        "9:1 `lasting` in [api.bans] is too short or too long | write a duration from \"1s\" to \"7d\"",
        "10:11 \"203.0.113.0/33\" is neither an address such as \"192.0.2.7\" nor a network such as \"192.0.2.0/24\" or \
         \"2001:db8::/48\" | write an address or a network, as in \"10.0.0.0/8\"",
        "11:1 `privat` means nothing in [api.bans] | did you mean `private`?",
    ];
    assert_eq!(problems(&format!("{LEAST}{lines}")), expected);
}
