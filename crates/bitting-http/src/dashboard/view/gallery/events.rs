use bitting_core::event::EventKind;
use bitting_core::key::KeyId;
use bitting_store::EventRow;
use serde_json::{Value, json};

use super::{developer, hang, operator};
use crate::dashboard::fixture::{at, now};
use crate::dashboard::view::{ApiLinks, EventCounts, EventLine, EventOf, EventsAsked, EventsPage, Frame};

fn event(number: u64, kind: EventKind, when: &str, data: Value) -> EventRow {
    let of_key = data.get("of_nobody").is_none();
    EventRow {
        number,
        at: at(when),
        last_at: at(when),
        count: 1,
        api: "product-api".into(),
        account: Some("northwind".parse().unwrap()),
        key: of_key.then(|| KeyId::new(at("2025-01-01T00:00:00Z"), 7)),
        kind,
        data,
    }
}

/// One of each kind, the newest first.
fn each() -> Vec<(EventRow, &'static str)> {
    use EventKind as Kind;
    let key = |name: &str| json!({"name": name, "environment": "live", "created_at": "2025-01-01T00:00:00Z", "expires_at": "2025-10-20T00:00:00Z"});
    let of = |kind, when: &str, data: Value| event(0, kind, when, data);
    let many = |count, until: &str, row: EventRow| EventRow { count, last_at: at(until), ..row };
    let location = json!({"network": "198.51.100.0/24", "address": "198.51.100.7", "known_networks": 1});
    let leak = json!({"key": key("CI pipeline"), "url": "https://github.com/northwind/app/blob/main/.env", "revoked": false});
    let by = "mem_01";
    let nobody = json!({"of_nobody": true, "reasons": {"unknown_key": 1204}, "networks": [{"network": "192.0.2.0/24", "count": 1204}], "elsewhere": 0});
    let ban = json!({"of_nobody": true, "address": "192.0.2.44", "failures": 20, "until": "2025-10-14T10:44:00Z"});
    let hook = json!({"of_nobody": true, "webhook": {"url": "https://ops.northwind.example/hooks/old"}, "because": "failing"});
    let refused = json!({"networks": [{"network": "203.0.113.0/24", "count": 2}, {"network": "2001:db8::/48", "count": 1}], "elsewhere": 7});
    let unusual = json!({"direction": "more", "summary": "4,210 requests between 09:00 and 10:00 UTC; on Tuesdays at this hour usually 120 to 340"});
    let changed = json!({"key": key("Staging"), "changed": ["name", "allowed_addresses", "expires_at"], "by": by});
    vec![
        (of(Kind::KeyUsedFromNewLocation, "2025-10-14T08:31:44Z", location), "Break-glass admin"),
        (of(Kind::KeyLeaked, "2025-10-14T07:00:00Z", leak), "CI pipeline"),
        (of(Kind::KeyExpiring, "2025-10-14T00:00:00Z", json!({"key": key("Billing sync")})), "Billing sync"),
        (
            of(
                Kind::KeyOverdue,
                "2025-10-14T00:00:00Z",
                json!({"key": key("Production App"), "age_days": 286, "rotation_age_days": 90}),
            ),
            "Production App",
        ),
        (many(4210, "2025-10-14T10:00:00Z", of(Kind::TrafficUnusual, "2025-10-14T09:00:00Z", unusual)), "Production App"),
        (
            many(96, "2025-10-13T22:15:25Z", of(Kind::LimitExceeded, "2025-10-13T22:14:44Z", json!({"limit": "minute"}))),
            "Production App",
        ),
        (
            many(12, "2025-10-13T22:15:25Z", of(Kind::QuotaExceeded, "2025-10-13T20:14:44Z", json!({"limit": "month"}))),
            "Production App",
        ),
        (many(3, "2025-10-13T21:15:25Z", of(Kind::AddressRefused, "2025-10-13T21:14:44Z", refused)), "Support console"),
        (many(1204, "2025-10-12T03:21:00Z", of(Kind::AuthFailures, "2025-10-12T03:18:00Z", nobody)), ""),
        (
            many(
                40,
                "2025-10-12T03:21:00Z",
                of(Kind::AuthFailures, "2025-10-12T02:18:00Z", json!({"reasons": {"revoked_key": 40}})),
            ),
            "Old backend",
        ),
        (of(Kind::AddressBanned, "2025-10-12T03:18:00Z", ban), ""),
        (of(Kind::WebhookDisabled, "2025-10-11T06:00:00Z", hook), ""),
        (of(Kind::KeyExpired, "2025-09-30T00:00:00Z", json!({"expires_at": "2025-09-30T00:00:00Z"})), "Contractor, Q3 audit"),
        (of(Kind::KeyRenewed, "2025-09-29T00:00:00Z", json!({"key": key("Mobile App")})), "Mobile App"),
        (of(Kind::KeyUnused, "2025-09-29T00:00:00Z", json!({"unused_days": 92})), "Staging smoke tests"),
        (
            of(
                Kind::KeysImported,
                "2025-09-02T00:00:00Z",
                json!({"of_nobody": true, "count": 1200, "there_already": 3, "by": by}),
            ),
            "",
        ),
        (of(Kind::KeyRotated, "2025-09-02T00:00:00Z", json!({"key": key("Search indexer"), "by": by})), "Search indexer"),
        (of(Kind::KeyRevoked, "2025-09-01T00:00:00Z", json!({"key": key("Old backend"), "by": by})), "Old backend"),
        (of(Kind::KeyUpdated, "2025-08-01T00:00:00Z", changed), "<script>alert('cut')</script> مفتاح 🔑"),
        (of(Kind::KeyCreated, "2024-08-01T00:00:00Z", json!({"key": key("Backend"), "by": by})), "Backend"),
    ]
}

fn page(frame: Frame, asked: EventsAsked, rows: &[(EventRow, &str)]) -> EventsPage {
    let (links, to_operator) = (ApiLinks::new("product-api"), frame.is_operator());
    let line = |(position, (row, name)): (usize, &(EventRow, &str))| {
        let row = EventRow { number: 212 - position as u64, ..row.clone() };
        EventLine::new(EventOf {
            row: &row,
            key: Some(*name).filter(|name| !name.is_empty()),
            key_works: true,
            by: row.data.get("by").map(|_| "Mara Lindqvist"),
            account: to_operator.then_some("Northwind Logistics"),
            links: &links,
            to_operator,
            read_up_to: 208,
            now: now(),
        })
    };
    EventsPage {
        frame,
        lines: rows.iter().enumerate().map(line).collect(),
        links: links.clone(),
        asked,
        counts: EventCounts { all: 1_001, unread: 4, critical: 2, warnings: 9 },
        next: Some(180),
        newest: 212,
        key: None,
        keys: vec![("key_1".to_owned(), "Production App".to_owned()), ("key_2".to_owned(), "Billing sync".to_owned())],
        stream: to_operator.then(|| "curl -N https://keys.example.com".to_owned()),
    }
}

#[test]
fn every_kind_of_event_has_its_sentence_its_severity_and_what_to_do() {
    let rows = each();
    let missing = EventKind::ALL.iter().find(|kind| !rows.iter().any(|(row, _)| row.kind == **kind));
    assert_eq!(missing, None, "it has no example");
    let html = hang("events", &page(developer(), EventsAsked::default(), &rows));
    for part in [
        "<bdi>Break-glass admin</bdi> was used from a new location",
        "First request from <span class=\"mono\">198.51.100.7</span>. Until then this key was used from one other network only.",
        "<bdi>Billing sync</bdi> expires in 6 days",
        "On 20 Oct 2025, 00:00 UTC its requests will be refused.",
        "#extend\">Extend</a>",
        "It is 286 days old. Live keys should be rotated every 90 days.",
        "#rotate\">Rotate</a>",
        "<bdi>Production App</bdi> reached the limit “minute”",
        "96 requests in 41 seconds were refused and not charged.",
        "1,204 requests with unknown keys",
        "They were refused within 3 minutes. All came from <span class=\"mono\">192.0.2.0/24</span>.",
        "40 requests with it were refused",
        "It sent 20 invalid keys or more. The ban ends in 2 minutes.",
        "Webhook <span class=\"mono\">ops.northwind.example/hooks/old</span> is off",
        "has not been used for 92 days",
        "1,200 keys were imported",
        "<bdi>Mara Lindqvist</bdi> changed its name, addresses and end.",
        "<span class=\"sr\">Unread: </span>",
        "All <span>1,000+</span>",
        "<span class=\"count\">3<span class=\"sr\"> unread</span></span>",
        "12 Oct, 03:21",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<script>alert"));
    assert_eq!(html.matches("class=\"unread\"").count(), 4, "notices are never unread, and what was read is not");
}

#[test]
fn an_event_of_which_little_is_known_has_a_sentence_all_the_same() {
    let bare = |kind: &EventKind| (event(0, *kind, "2025-10-13T22:14:44Z", json!({})), "");
    let rows: Vec<_> = EventKind::ALL.iter().map(bare).collect();
    let html = hang("events-bare", &page(operator(), EventsAsked::default(), &rows));
    assert!(html.contains("A key was made") && html.contains("A key comes to its end soon"));
    assert!(!html.contains("/keys/key_"), "a key that is gone has no page");
}

#[test]
fn where_there_is_no_event_it_says_so() {
    let unread = EventsAsked { view: "unread".to_owned(), ..EventsAsked::default() };
    let html = hang("events-none", &page(operator(), unread, &[]));
    assert!(html.contains("Nothing is unread.") && html.contains("Show all events"), "{html}");
}
