//! Events: seen by those whom they concern, and read once.

use std::time::Duration;

use bitting_core::event::EventKind;
use bitting_core::key::KeyId;
use bitting_engine::KeySpec;
use bitting_store::{Actor, Fold, Raised};
use http::StatusCode;
use serde_json::{Value, json};

use super::House;
use crate::harness::{Person, Reply};

const EVENTS: &str = "/apis/product-api/events";

impl House {
    /// A key of an account.
    pub(crate) async fn key_of(&self, account: &str, name: &str) -> KeyId {
        self.issued_to(account, name).await.0
    }

    /// A key of an account, with its text.
    pub(crate) async fn issued_to(&self, account: &str, name: &str) -> (KeyId, String) {
        let (engine, account) = (self.server.engine(), Some(account.parse().unwrap()));
        let spec = KeySpec { name: name.to_owned(), account, ..KeySpec::default() };
        let issued = spec.issue(engine.apis().find(self.api).unwrap(), engine.now()).unwrap();
        self.traces.issued(issued.key.expose());
        let made = engine.commit(issued.change, Actor::System, "test").await.unwrap();
        (made.keys[0].row.id, issued.key.expose().to_owned())
    }

    /// Tells an event of a key of an account; without an account it is for operators.
    pub(crate) async fn tell(&self, kind: EventKind, of: Option<(&str, Option<KeyId>)>, data: Value) {
        let raised = Raised {
            kind,
            api: self.api.into(),
            account: of.map(|(account, _)| account.parse().unwrap()),
            key: of.and_then(|(_, key)| key),
            at: self.server.engine().now(),
            count: 1,
            fold: Fold::Each,
            data,
        };
        self.server.engine().store().raise(vec![raised]).await.unwrap();
    }
}

/// The titles on a page, without markup.
fn titles(page: &Reply) -> Vec<String> {
    let title = |part: &str| {
        let html = part.split("</h3>").next().unwrap();
        html.split('<').enumerate().map(|(at, part)| if at == 0 { part } else { part.split_once('>').unwrap().1 }).collect()
    };
    page.body.split("<h3>").skip(1).map(title).collect()
}

/// What the navigation says is unread.
fn unread(page: &Reply) -> Option<String> {
    let (_, rest) = page.body.split_once("<span class=\"count\">")?;
    rest.split_once('<').map(|(count, _)| count.to_owned())
}

async fn mark(person: &Person) -> Reply {
    let page = person.open(EVENTS).await;
    let up_to = crate::harness::hidden(&page, "up_to").unwrap();
    person.send(&format!("{EVENTS}/read"), &[("up_to", &up_to)]).await
}

#[tokio::test]
async fn what_wants_something_is_unread_for_each_member_until_they_have_marked_it() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let priya = house.developer("northwind", "priya@northwind.example").await;
    let key = house.key_of("northwind", "Billing sync").await;
    assert_eq!(unread(&mara.open("/apis/product-api/keys").await), None, "a key that was made is a notice");
    let of = Some(("northwind", Some(key)));
    house.tell(EventKind::KeyOverdue, of, json!({"rotation_age_days": 90})).await;
    house.tell(EventKind::KeyUsedFromNewLocation, of, json!({"address": "198.51.100.7"})).await;
    for page in ["/apis/product-api/keys", EVENTS, "/apis/product-api/usage", "/you"] {
        assert_eq!(unread(&mara.open(page).await).as_deref(), Some("2"), "{page}");
    }
    let page = mara.open(EVENTS).await;
    let all = [
        "Unread: Billing sync was used from a new location",
        "Unread: Billing sync is overdue for rotation",
        "Billing sync was made",
    ];
    assert_eq!(titles(&page), all);
    assert_eq!(titles(&mara.open(&format!("{EVENTS}?view=critical")).await), all[..1]);
    assert_eq!(titles(&mara.open(&format!("{EVENTS}?view=warnings")).await), all[1..2]);
    let up_to = crate::harness::hidden(&page, "up_to").unwrap();
    // What comes while they read is not read.
    house.tell(EventKind::KeyExpired, of, json!({})).await;
    let marked = mara.send(&format!("{EVENTS}/read"), &[("up_to", &up_to)]).await;
    assert_eq!((marked.status, marked.header("location")), (StatusCode::SEE_OTHER, EVENTS));
    let after = mara.open(EVENTS).await;
    assert_eq!((unread(&after).as_deref(), titles(&after)[0].as_str()), (Some("1"), "Unread: Billing sync has expired"));
    assert_eq!(titles(&mara.open(&format!("{EVENTS}?view=unread")).await), ["Unread: Billing sync has expired"]);
    assert_eq!(unread(&priya.open(EVENTS).await).as_deref(), Some("3"), "everybody reads for themselves");
    mark(&mara).await;
    let read = mara.open(EVENTS).await;
    assert!(unread(&read).is_none() && !read.body.contains("Mark all as read"));
    assert_eq!(mara.send(&format!("{EVENTS}/read"), &[("up_to", "x")]).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nobody_sees_counts_or_marks_the_events_of_another_account() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let eve = house.developer("southwind", "eve@southwind.example").await;
    let tomasz = house.operator("tomasz@example.com").await;
    let key = house.key_of("northwind", "Secret plan").await;
    house.tell(EventKind::KeyLeaked, Some(("northwind", Some(key))), json!({})).await;
    house.tell(EventKind::KeyOverdue, Some(("southwind", None)), json!({})).await;
    house.tell(EventKind::AuthFailures, None, json!({"networks": [{"network": "192.0.2.0/24", "count": 9}]})).await;
    for query in ["", "?view=unread", "?view=critical", "?account=northwind", "?after=99", "?view=all&account=northwind"] {
        let page = eve.open(&format!("{EVENTS}{query}")).await;
        assert!(!page.body.contains("Secret plan") && !page.body.contains("192.0.2.0/24"), "{query}: {}", page.body);
        assert_eq!(unread(&page).as_deref(), Some("1"), "{query}");
    }
    for (path, status) in [
        (format!("{EVENTS}?key={key}"), StatusCode::NOT_FOUND),
        (format!("{EVENTS}/live?since=0&key={key}"), StatusCode::NOT_FOUND),
        ("/apis/csboard/events".to_owned(), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(eve.open(&path).await.status, status, "{path}");
    }
    assert_eq!(eve.look(&format!("{EVENTS}/live?since=0&account=northwind")).await.body, "1 new event");
    assert_eq!(titles(&mara.open(EVENTS).await).len(), 2);
    // A mark beyond what there is to see marks no more than that.
    eve.open(EVENTS).await;
    eve.send(&format!("{EVENTS}/read"), &[("up_to", "18446744073709551615")]).await;
    house.tell(EventKind::KeyOverdue, Some(("southwind", None)), json!({})).await;
    assert_eq!(unread(&eve.open(EVENTS).await).as_deref(), Some("1"));
    let all = tomasz.open(EVENTS).await;
    assert_eq!((unread(&all).as_deref(), titles(&all).len()), (Some("4"), 5));
    assert!(all.body.contains("192.0.2.0/24") && all.body.contains("/apis/product-api/accounts/northwind"));
    assert_eq!(titles(&tomasz.open(&format!("{EVENTS}?account=northwind")).await).len(), 2);
    let of_none = tomasz.open(&format!("{EVENTS}?account=no+account")).await;
    assert_eq!((of_none.status, titles(&of_none).len()), (StatusCode::OK, 0));
    for path in [EVENTS.to_owned(), format!("{EVENTS}/live")] {
        assert!(!house.stranger().open(&path).await.body.contains("Secret plan"));
    }
}

#[tokio::test]
async fn events_are_paged_and_found_by_their_key() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let (one, two) = (house.key_of("northwind", "One").await, house.key_of("northwind", "Two").await);
    for _ in 0..60 {
        house.tell(EventKind::LimitExceeded, Some(("northwind", Some(one))), json!({"limit": "minute"})).await;
    }
    house.tell(EventKind::KeyUnused, Some(("northwind", Some(two))), json!({})).await;
    let first = mara.open(EVENTS).await;
    assert_eq!(titles(&first).len(), 50);
    let older = first.body.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let rest = mara.open(&older).await;
    assert_eq!((titles(&rest).len(), titles(&rest)[12].as_str()), (13, "One was made"));
    assert!(rest.body.contains(">Newest</a>") && !rest.body.contains("rel=\"next\""));
    let of_two = mara.open(&format!("{EVENTS}?key={two}")).await;
    assert_eq!(titles(&of_two), ["Two has not been used for long", "Two was made"]);
    assert!(of_two.body.contains(&format!("<option value=\"{two}\" selected>Two</option>")), "{}", of_two.body);
    let page = mara.open(&format!("/apis/product-api/keys/{two}")).await;
    assert!(page.body.contains(&format!("{EVENTS}?key={two}")));
}

#[tokio::test]
async fn a_page_of_events_hears_of_newer_ones_and_keeps_nobody_signed_in() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    house.key_of("northwind", "One").await;
    let page = mara.open(EVENTS).await;
    let live = page.body.split("data-live=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let quiet = mara.look(&live).await;
    assert_eq!((quiet.status, quiet.body.as_str(), quiet.header("cache-control")), (StatusCode::OK, "", "no-store"));
    house.key_of("northwind", "Two").await;
    assert_eq!(mara.look(&live).await.body, "1 new event");
    house.clock.advance(Duration::from_hours(24));
    assert_eq!(mara.look(&live).await.status, StatusCode::UNAUTHORIZED);
}
