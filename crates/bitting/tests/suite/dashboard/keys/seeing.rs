//! What is seen of keys, and by whom.

use http::StatusCode;

use super::{KEYS, NEW, call, fields, make, rows, shown};
use crate::dashboard::House;
use crate::harness::{raw, request};

#[tokio::test]
async fn what_belongs_to_another_account_is_not_there() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let eve = house.developer("southwind", "eve@southwind.example").await;
    let (key, _) = make(&house, &mara, "Billing sync").await;
    let id = rows(&house).await[0].id;
    eve.open(NEW).await;
    for path in ["", "/edit", "/rotate", "/extend", "/revoke", "/live"] {
        let reply = eve.look(&format!("{KEYS}/{id}{path}")).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!reply.body.contains("Billing"), "{path}");
    }
    for step in ["edit", "rotate", "extend", "revoke", "switch"] {
        let form = [("once", "0123456789abcdef"), ("overlap", "0s"), ("expires", "never"), ("name", "mine"), ("sequence", "1")];
        assert_eq!(eve.send(&format!("{KEYS}/{id}/{step}"), &form).await.status, StatusCode::NOT_FOUND, "{step}");
    }
    for query in ["", "?account=northwind", "?created_by=cli:root", "?q=Billing"] {
        assert!(!eve.open(&format!("{KEYS}{query}")).await.body.contains("Billing sync</a>"), "{query}");
    }
    let mut foreign = fields("0123456789abcdef", "Mine");
    foreign.push(("account", "northwind"));
    let made = eve.send(NEW, &foreign).await;
    house.traces.issued(&shown(&made));
    let rows = rows(&house).await;
    let mine = rows.iter().find(|row| row.name == "Mine").unwrap();
    assert_eq!(mine.account.as_str(), "southwind", "a developer's key is of their own account");
    assert_eq!(call(&house, &key).await, StatusCode::OK);
}

#[tokio::test]
async fn the_list_is_found_sorted_and_paged_by_its_address() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    for number in 1..=23 {
        make(&house, &mara, &format!("Integration {number:02}")).await;
        house.clock.advance(std::time::Duration::from_secs(1));
    }
    let first = mara.open(&format!("{KEYS}?sort=name")).await;
    assert!(
        first.body.contains("1–20 of 23")
            && first.body.contains("Integration 01</a>")
            && !first.body.contains("Integration 21</a>")
    );
    let next = first.body.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let second = mara.open(&next).await;
    assert!(second.body.contains("21–23 of 23") && second.body.contains("Integration 23</a>"), "{}", second.body);
    let previous = second.body.split("rel=\"prev\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    assert!(mara.open(&previous).await.body.contains("1–20 of 23"));
    let found = mara.open(&format!("{KEYS}?q=integration+07&view=nonsense&after=nonsense&env=nonsense")).await;
    assert!(found.body.contains("Integration 07</a>") && !found.body.contains("Integration 08</a>"));
    assert!(mara.open(&format!("{KEYS}?view=revoked")).await.body.contains("No key is like this."));
}

#[tokio::test]
async fn bn5_afterwards_only_prefix_and_date_of_a_key_are_shown_in_list_and_page() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let (key, _) = make(&house, &mara, "Billing sync").await;
    let id = rows(&house).await[0].id;
    for path in [KEYS.to_owned(), format!("{KEYS}/{id}"), format!("{KEYS}/{id}/edit"), format!("{KEYS}?q={}", &key[..12])] {
        let page = mara.open(&path).await;
        assert!(page.body.contains("Billing sync") && !page.body.contains(&key[12..]), "{path}");
        let shown = format!("sk_test_<b>{}</b>…", &key[8..12]);
        assert!(page.body.contains(&shown) || path.ends_with("/edit"), "{path}");
    }
    assert!(mara.open(KEYS).await.body.contains("today, 00:00"), "when it was made");
}

#[tokio::test]
async fn bn7_what_was_asked_and_refused_is_seen_on_the_dashboard() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let (key, _) = make(&house, &mara, "Billing sync").await;
    for _ in 0..3 {
        assert_eq!(call(&house, &key).await, StatusCode::OK);
    }
    let authorization = format!("Bearer {key}");
    let gateway = house.server.addresses()[0];
    request(gateway, "DELETE", "/v1/tasks/1", &[("authorization", &authorization)], "").await;
    let id = rows(&house).await[0].id;
    let page = mara.open(&format!("{KEYS}/{id}")).await;
    for part in [
        "00:00–01:00 · 3 allowed · 1 refused",
        "<dt>Requests today</dt><dd><b>3</b>",
        "from <span class=\"mono\">127.0.0.1</span>",
        "Lacks <code>tasks:delete</code>",
        "Change permissions",
        "DELETE /v1/tasks/*",
        "today",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let usage = mara.open("/apis/product-api/usage?range=24h").await;
    assert!(usage.body.contains("00:00–01:00 · 3 allowed · 1 refused") && usage.body.contains("insufficient_permission"));
    let busy = format!("<a class=\"name\" href=\"{KEYS}/{id}\"><bdi>Billing sync</bdi></a>");
    assert!(usage.body.contains(&busy) && usage.body.contains("DELETE /v1/tasks/*"), "{}", usage.body);
    let live = mara.open(&format!("{KEYS}/{id}/live")).await;
    assert_eq!(live.body, "It works. The last request came just now from 127.0.0.1.");
}

#[tokio::test]
async fn the_first_page_takes_less_than_60_kb_over_the_wire_in_all() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    for number in 1..=20 {
        make(&house, &mara, &format!("Integration {number:02} with a name of usual length")).await;
    }
    let page = mara.open("/").await;
    assert!(page.body.contains("1–20 of 20"));
    let mut sum = page.body.len();
    let assets: Vec<&str> = page.body.split('"').filter(|text| text.starts_with("/assets/")).collect();
    assert_eq!(assets.len(), 4, "{assets:?}");
    for asset in assets {
        let head = "Host: localhost\r\nAccept-Encoding: gzip, br\r\nConnection: close";
        let answer = raw(house.service, format!("GET {asset} HTTP/1.1\r\n{head}\r\n\r\n")).await;
        let length = answer.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        sum += length.unwrap().parse::<usize>().unwrap() + 300;
    }
    assert!(sum < 60_000, "{sum}");
}

#[tokio::test]
async fn whatever_an_address_says_it_leads_to_a_page() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let tomasz = house.operator("tomasz@example.com").await;
    for path in [
        "/apis/product-api/keys?q=1&q=2&sort=name&sort=&page=%ff",
        "/apis/product-api/usage?range=24h&range=7d",
        "/apis/product-api/accounts?q=a&q=b&after=",
        "/apis/product-api/audit-log?who=a&who=b",
        "/sign-in?next=1&next=2",
        "/link?token=1&token=2",
        "/apis/%ff/keys",
        "/apis/product-api/keys/%ff",
        "/apis/product-api/accounts/%ff",
    ] {
        let page = tomasz.open(path).await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}: {}", page.body);
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert!(page.status != StatusCode::BAD_REQUEST, "{path}");
    }
    let found = mara.open(&format!("{KEYS}?q=first&q=second")).await;
    assert!(found.body.contains("value=\"second\""), "the last counts");
}

#[tokio::test]
async fn a_page_that_asks_by_itself_keeps_nobody_signed_in() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    make(&house, &mara, "Billing sync").await;
    let live = format!("{KEYS}/{}/live", rows(&house).await[0].id);
    for path in [live.as_str(), "/apis/product-api/keys/live"] {
        let quiet = mara.look(path).await;
        assert_eq!((quiet.status, quiet.body.as_str()), (StatusCode::OK, ""), "{path}");
        assert_eq!(quiet.header("x-content-type-options"), "nosniff");
    }
    let mut asked = 0_u64;
    while mara.look(&live).await.status == StatusCode::OK {
        asked += 1;
        assert!(asked < 10_000, "the session never ends");
        house.clock.advance(std::time::Duration::from_mins(10));
    }
    let ended = mara.look(&live).await;
    assert_eq!((ended.status, ended.body.as_str()), (StatusCode::UNAUTHORIZED, ""), "a word, and no page");
    assert!(!mara.is_in().await);
    let idle = bitting_http::DashboardSettings::default().idle;
    assert!(asked * 600 <= idle.as_secs(), "after {asked} times ten minutes, idle is {idle:?}");
}

#[tokio::test]
async fn whose_keys_are_not_seen_has_no_name_either() {
    let house = House::open().await;
    let eve = house.developer("southwind", "eve@southwind.example").await;
    house.operator("secretive@example.com").await;
    let store = house.server.engine().store();
    let stranger = store.member_by_email("secretive@example.com").await.unwrap().unwrap().row.id;
    let page = eve.open(&format!("{KEYS}?created_by={stranger}")).await;
    assert!(page.body.contains(&stranger.to_string()) && !page.body.contains("secretive"), "{}", page.body);
}
