use std::time::Duration;

use bitting_store::UsageRow;

use super::{developer, hang, operator};
use crate::dashboard::fixture::{at, now};
use crate::dashboard::view::{ApiLinks, BusyKey, LimitHit, Range, UsageAsked, UsagePage, UsageParts};

fn rows() -> Vec<UsageRow> {
    let start = at("2025-09-15T00:00:00Z");
    let row = |(day, count): (u32, u64), route: &str, outcome: &str| UsageRow {
        hour: start.plus(Duration::from_hours(24) * day),
        route: route.into(),
        outcome: outcome.into(),
        count,
    };
    let mut rows = Vec::new();
    for (day, weight) in (0..30).zip([15_u64, 14, 14, 15, 14, 6, 7].into_iter().cycle()) {
        rows.push(row((day, weight * 700), "GET /v1/tasks/*", "admitted"));
        rows.push(row((day, weight * 200), "POST|PUT|PATCH /v1/tasks/*", "admitted"));
        rows.push(row((day, weight * 90), "GET /v1/projects/*", "admitted"));
        rows.push(row((day, weight), "*", "insufficient_permission"));
        rows.push(row((day, 9), "", "unknown_key"));
    }
    rows.extend([(7, 2_310), (8, 640), (18, 480)].map(|at| row(at, "GET /v1/tasks/*", "rate_limited")));
    rows.extend([(16, 1_236), (17, 470)].map(|at| row(at, "GET /v1/tasks/*", "expired_key")));
    rows.push(row((20, 35), "GET /v1/tasks/*", "upstream_timeout"));
    rows
}

fn parts(asked: UsageAsked) -> UsageParts {
    let busy = |name: &str, requests| BusyKey {
        name: name.to_owned(),
        prefix: "sk_live_hW7c…".to_owned(),
        href: "/apis/product-api/keys/key_1".to_owned(),
        requests,
    };
    let key = Some(("Production App".to_owned(), "/apis/product-api/keys/key_1".to_owned()));
    UsageParts {
        asked,
        before: Some(rows().into_iter().take(120).collect()),
        rows: rows(),
        environments: vec!["live".to_owned(), "test".to_owned()],
        busiest: vec![
            busy("Search indexer", 153_802),
            busy("Production App", 99_912),
            busy(&"Ü".repeat(200), 7_502),
            busy("Old", 12),
        ],
        hits: vec![
            LimitHit { at: at("2025-10-14T08:14:00Z"), key: key.clone(), limit: "500 a minute".to_owned(), times: 96 },
            LimitHit { at: at("2025-10-03T04:31:00Z"), key: None, limit: "10,000 an hour".to_owned(), times: 480 },
        ],
        whose: "All keys of Northwind Logistics".to_owned(),
        now: now(),
    }
}

#[test]
fn bn7_usage_shows_what_was_asked_and_refused_and_who_asked_most() {
    let links = ApiLinks::new("product-api");
    let html = hang("usage", &UsagePage::new(developer(), &links, parts(UsageAsked::default())));
    for part in [
        "All keys of Northwind Logistics</bdi>, 15 Sep 2025 to 14 Oct 2025",
        "than in the 30 days before",
        "Over the limit",
        "<small class=\"mono\">expired_key</small>",
        "Missing permission",
        "<code>GET /v1/tasks/*</code>",
        "Every other path",
        "under 1%",
        "500 a minute",
        "href=\"/apis/product-api/usage.csv?range=30d\"",
        "Show as a table",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("upstream_timeout"), "it was allowed, and is counted so");
}

#[test]
fn a_time_without_requests_says_so_and_draws_no_empty_tables() {
    let asked = UsageAsked { range: Range::Day, environment: Some("test".to_owned()), account: Some("northwind".to_owned()) };
    let nothing = UsageParts { rows: Vec::new(), before: None, busiest: Vec::new(), hits: Vec::new(), ..parts(asked) };
    let html = hang("usage-nothing", &UsagePage::new(operator(), &ApiLinks::new("product-api"), nothing));
    assert!(html.contains("No requests in this time") && !html.contains("Busiest"));
    assert!(html.contains("/apis/product-api/usage?range=7d&#38;env=test&#38;account=northwind"), "links keep what is asked");
}
