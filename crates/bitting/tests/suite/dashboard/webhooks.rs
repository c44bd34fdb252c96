//! Webhook endpoints on the dashboard: made by those whose events they hear of, and their secrets shown once.

use std::time::Duration;

use bitting_core::webhook::{DeliveryId, WebhookId};
use bitting_store::{Answer, AttemptRow, Attempted, NewDelivery, Page, Verdict, WebhookRow, WebhooksOf};
use http::StatusCode;

use super::House;
use crate::harness::{Person, Reply, hidden};

const HOOKS: &str = "/apis/product-api/webhooks";
const NEW: &str = "/apis/product-api/webhooks/new";
const URL: &str = "https://ops.northwind.example/hooks/keys";

impl House {
    /// The endpoints that there are, the newest first.
    pub(crate) async fn webhooks(&self) -> Vec<WebhookRow> {
        let page = Page { after: None, limit: 100 };
        let listed = self.server.engine().store().webhooks("product-api", WebhooksOf::All, page).await.unwrap();
        listed.into_iter().map(|listed| listed.row).collect()
    }

    /// Something that was sent to an endpoint once, and not taken unless there is an answer from 200 to 299.
    pub(crate) async fn sent(&self, webhook: WebhookId, kind: &str, status: Option<u16>, again: bool) -> DeliveryId {
        let (store, at) = (self.server.engine().store(), self.server.engine().now());
        let id = DeliveryId::new(at, u128::from(status.unwrap_or(1)));
        let body = format!("{{\"type\":\"{kind}\",\"data\":{{\"note\":\"<b>bold</b>\"}}}}");
        let message = "evt_01m7r8z3q9v5w2x4y6a8b0c1d2".to_owned();
        // Due when the clock has moved, which it does not: whoever sends for the server leaves it alone.
        let due = at.plus(Duration::from_secs(1));
        let new = NewDelivery { id, webhook, message, kind: kind.to_owned(), body, at: due, is_test: false };
        store.deliver(vec![new], None).await.unwrap();
        let is_taken = status.is_some_and(|status| (200..300).contains(&status));
        let attempt = AttemptRow {
            number: 1,
            at,
            duration_ms: 84,
            sent: vec![("webhook-id".to_owned(), "evt_01m7r8z3q9v5w2x4y6a8b0c1d2".to_owned())],
            answer: status.map(|status| Answer { status, headers: Vec::new(), body: "a body of theirs".to_owned() }),
            error: (!is_taken).then(|| "it could not be connected to".to_owned()),
        };
        let verdict = match (is_taken, again) {
            (true, _) => Verdict::Delivered,
            (false, true) => Verdict::Again(at.plus(Duration::from_mins(30))),
            (false, false) => Verdict::Failed,
        };
        store
            .attempted(vec![Attempted { delivery: id, webhook, epoch: 0, attempt, verdict, counts: true, asked_at: None }])
            .await
            .unwrap();
        id
    }
}

async fn add(person: &Person, more: &[(&str, &str)]) -> Reply {
    let once = hidden(&person.open(NEW).await, "once").unwrap();
    let form = [("once", &*once), ("url", URL), ("description", "Our chat"), ("which", "all")];
    let kept: Vec<_> = form.into_iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name)).collect();
    person.send(HOOKS, &[&kept, more].concat()).await
}

/// The secret that a page shows.
fn secret(page: &Reply) -> String {
    let (_, rest) = page.body.split_once("whsec_").unwrap_or_else(|| panic!("{} {}", page.status, page.body));
    format!("whsec_{}", rest.split('<').next().unwrap())
}

#[tokio::test]
async fn an_endpoint_is_added_changed_turned_off_and_deleted_and_its_secret_is_shown_once() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    assert!(mara.open(HOOKS).await.body.contains("There is no endpoint yet."));
    let once = hidden(&mara.open(NEW).await, "once").unwrap();
    let form = [("once", &*once), ("url", URL), ("description", "Our chat"), ("which", "warnings")];
    let made = mara.send(HOOKS, &form).await;
    let first = secret(&made);
    assert_eq!((made.status, made.header("cache-control")), (StatusCode::OK, "no-store"));
    let row = house.webhooks().await.remove(0);
    let page = format!("{HOOKS}/{}", row.id);
    let again = mara.send(HOOKS, &form).await;
    assert_eq!((again.status, again.header("location")), (StatusCode::SEE_OTHER, &*format!("{page}?done=shown")));
    assert_eq!((house.webhooks().await.len(), row.account.unwrap().as_str()), (1, "northwind"));
    for path in [HOOKS.to_owned(), page.clone(), format!("{page}/edit"), format!("{page}?done=shown")] {
        let shown = mara.open(&path).await;
        assert!(shown.status == StatusCode::OK && !shown.body.contains("whsec_"), "{path}: {}", shown.body);
    }
    let list = mara.open(HOOKS).await;
    for part in ["ops.northwind.example/hooks/keys", "Our chat", "Warnings and what is critical", "Active", "Never"] {
        assert!(list.body.contains(part), "{part}: {}", list.body);
    }
    let url = "https://elsewhere.northwind.example/";
    let edit = [("url", url), ("description", ""), ("which", "custom"), ("event", "key.leaked"), ("event", "key.expired")];
    let saved = mara.send(&format!("{page}/edit"), &edit).await;
    assert_eq!(saved.header("location"), format!("{page}?done=saved"));
    let row = house.webhooks().await.remove(0);
    assert_eq!((row.url.as_str(), row.severity, row.events.len(), row.enabled), (url, None, 2, true));
    let form = mara.open(&format!("{page}/edit")).await;
    assert!(form.body.contains("value=\"key.leaked\" checked") && form.body.contains("value=\"custom\" checked"));
    mara.send(&format!("{page}/switch"), &[("on", "no")]).await;
    assert!(!house.webhooks().await[0].enabled);
    assert!(mara.open(&page).await.body.contains("Turn on"));
    mara.send(&format!("{page}/switch"), &[("on", "yes")]).await;
    assert!(house.webhooks().await[0].enabled);
    let once = hidden(&mara.open(&page).await, "once").unwrap();
    let rotated = mara.send(&format!("{page}/rotate"), &[("once", &once), ("overlap", "86400s")]).await;
    let second = secret(&rotated);
    assert!(second != first && rotated.body.contains("Messages are signed with the old secret too until"), "{}", rotated.body);
    let again = mara.send(&format!("{page}/rotate"), &[("once", &once), ("overlap", "86400s")]).await;
    assert_eq!(again.header("location"), format!("{page}?done=shown"), "a second click makes no third secret");
    assert!(mara.open(&page).await.body.contains("the old secret too, until"));
    let once = hidden(&mara.open(&page).await, "once").unwrap();
    let rotated = mara.send(&format!("{page}/rotate"), &[("once", &once), ("overlap", "0s")]).await;
    assert!(rotated.body.contains("The old secret has ended"));
    assert_eq!(mara.send(&format!("{page}/delete"), &[]).await.header("location"), HOOKS);
    assert!(house.webhooks().await.is_empty());
    assert_eq!(mara.open(&page).await.status, StatusCode::NOT_FOUND);
    let tomasz = house.operator("tomasz@example.com").await;
    let log = tomasz.open("/apis/product-api/audit-log").await;
    for part in ["Added webhook", "Changed webhook", "Rotated webhook", "Deleted webhook"] {
        assert!(log.body.contains(part) && !log.body.contains("whsec_"), "{part}");
    }
}

#[tokio::test]
async fn a_url_that_leads_inside_is_refused_with_words_for_whoever_asks() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let tomasz = house.operator("tomasz@example.com").await;
    for (url, words) in [
        ("https://10.1.2.3/", "10.1.2.3 is a private address. Messages go to public addresses alone."),
        ("https://printer.local/", "printer.local is a private name."),
        ("http://northwind.example/", "Write a URL that begins with https://."),
        ("https://user:pass@northwind.example/", "A user name or password in the URL would stand in lists"),
        ("https://0x7f.1/", "this notation is read differently"),
        ("nothing", "Write a URL such as"),
    ] {
        let refused = add(&mara, &[("url", url)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{url}");
        assert!(refused.body.contains(words) && refused.body.contains("Our chat"), "{url}: {}", refused.body);
    }
    let told = add(&tomasz, &[("url", "https://10.1.2.3/")]).await;
    assert!(told.body.contains("add its network to `allow` in [webhooks]"), "{}", told.body);
    let none = add(&mara, &[("which", "custom")]).await;
    assert!(none.body.contains("Choose at least one"), "{}", none.body);
    let of_nobody = add(&tomasz, &[("account", "nobody")]).await;
    assert!(of_nobody.body.contains("There is no account with this id."), "{}", of_nobody.body);
    assert!(house.webhooks().await.is_empty());
}

#[tokio::test]
async fn nobody_sees_or_touches_the_webhooks_of_another_account() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let eve = house.developer("southwind", "eve@southwind.example").await;
    let tomasz = house.operator("tomasz@example.com").await;
    secret(&add(&mara, &[]).await);
    secret(&add(&tomasz, &[("url", "https://hooks.example.com/all")]).await);
    // What somebody says of whose it is counts from operators alone.
    secret(&add(&eve, &[("account", "northwind"), ("url", "https://eve.example/")]).await);
    let rows = house.webhooks().await;
    let of = |account: Option<&str>| {
        let found = rows.iter().find(|row| row.account.as_ref().map(bitting_core::account::AccountId::as_str) == account);
        found.unwrap_or_else(|| panic!("none of {account:?}")).id
    };
    let (northwinds, operators, southwinds) = (of(Some("northwind")), of(None), of(Some("southwind")));
    let delivery = house.sent(northwinds, "key.leaked", Some(204), false).await;
    for (webhook, path) in [(northwinds, format!("/deliveries/{delivery}")), (operators, String::new())] {
        let page = format!("{HOOKS}/{webhook}");
        for path in [page.clone(), format!("{page}/edit"), format!("{page}{path}"), format!("{HOOKS}/{southwinds}{path}x")] {
            assert_eq!(eve.open(&path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
        eve.open(HOOKS).await;
        for (step, fields) in [
            ("edit", vec![("url", "https://eve.example/"), ("which", "all")]),
            ("switch", vec![("on", "no")]),
            ("rotate", vec![("once", "0123456789abcdef"), ("overlap", "0s")]),
            ("test", vec![]),
            ("delete", vec![]),
        ] {
            assert_eq!(eve.send(&format!("{page}/{step}"), &fields).await.status, StatusCode::NOT_FOUND, "{step}");
        }
        let again = eve.send(&format!("{page}/deliveries/{delivery}"), &[]).await;
        assert_eq!(again.status, StatusCode::NOT_FOUND);
        // Nor through an endpoint of their own.
        let through = eve.send(&format!("{HOOKS}/{southwinds}/deliveries/{delivery}"), &[]).await;
        assert_eq!(through.status, StatusCode::NOT_FOUND);
    }
    let list = eve.open(HOOKS).await;
    assert!(list.body.contains("eve.example") && !list.body.contains("northwind") && !list.body.contains("hooks.example.com"));
    assert!(!mara.open(HOOKS).await.body.contains("hooks.example.com"), "that of operators is theirs alone");
    assert_eq!(house.webhooks().await, rows, "nothing was changed");
    let all = tomasz.open(HOOKS).await;
    assert!(
        all.body.contains("ops.northwind.example")
            && all.body.contains("eve.example")
            && all.body.contains("All, for operators")
    );
}

#[tokio::test]
async fn a_delivery_is_listed_with_its_answer_and_sent_again() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    secret(&add(&mara, &[]).await);
    let webhook = house.webhooks().await[0].id;
    let page = format!("{HOOKS}/{webhook}");
    assert!(mara.open(&page).await.body.contains("Nothing has happened yet that it hears of."));
    house.sent(webhook, "key.created", Some(204), false).await;
    house.sent(webhook, "key.expiring", Some(503), true).await;
    let failed = house.sent(webhook, "key.overdue", None, false).await;
    let all = mara.open(&page).await;
    for part in ["Delivered", "204, just now", "Again at 00:30 UTC.", "Given up", "It could not be connected to", "Send now"] {
        assert!(all.body.contains(part), "{part}: {}", all.body);
    }
    let only = mara.open(&format!("{page}?state=failed")).await;
    assert!(only.body.contains("key.overdue") && !only.body.contains("<code>key.created</code></a>"));
    let path = format!("{page}/deliveries/{failed}");
    let one = mara.open(&path).await;
    for part in ["key.overdue", "&#60;b&#62;bold", "webhook-id: evt_", "No answer", "84 ms"] {
        assert!(one.body.contains(part), "{part}: {}", one.body);
    }
    let sent = mara.send(&path, &[]).await;
    assert_eq!(sent.header("location"), format!("{path}?done=sent"));
    let (row, _) = house.server.engine().store().delivery(webhook, failed).await.unwrap().unwrap();
    assert_eq!(row.state.name(), "waiting");
    mara.open(&page).await;
    let tested = mara.send(&format!("{page}/test"), &[]).await;
    let test = mara.open(tested.header("location")).await;
    assert!(test.status == StatusCode::OK && test.body.contains("webhook.test"), "{}", test.body);
}
