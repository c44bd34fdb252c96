//! Webhook endpoints, as somebody sets one up.

use super::browser_of;
use crate::dashboard::House;
use crate::harness::{Receiver, Reception};

#[tokio::test]
async fn an_endpoint_is_set_up_and_its_deliveries_are_looked_at() {
    let house = House::open().await;
    let dev = browser_of(&house, &house.developer("northwind", "dev@northwind.example").await).await;
    dev.press("northwind").await;
    dev.follow("Webhooks").await;
    dev.sees("There is no endpoint yet.").await;
    dev.inspect("webhooks-none").await;
    dev.press("Add endpoint").await;
    dev.fill("URL", "https://10.0.0.1/hooks").await;
    dev.choose("Choose each").await;
    dev.press("Add endpoint").await;
    assert_eq!(dev.status().await, 422);
    dev.sees("10.0.0.1 is a private address.").await;
    dev.inspect("webhook-new-refused").await;
    dev.fill("URL", "https://a-rather-long-name-of-a-host.northwind.example/hooks/with/a/long/path").await;
    dev.fill("Description", "Tells our chat of keys שלום 🗝").await;
    dev.choose("key.leaked").await;
    dev.choose("traffic.unusual").await;
    dev.press("Add endpoint").await;
    assert_eq!(dev.heading().await, "Copy the secret now");
    dev.sees("whsec_").await;
    dev.inspect("webhook-secret").await;
    dev.press("I have stored it").await;
    assert!(!dev.text().await.contains("whsec_"));
    let webhook = house.webhooks().await[0].id;
    for (kind, status, again) in
        [("key.leaked", Some(204), false), ("traffic.unusual", Some(503), true), ("key.leaked", None, false)]
    {
        house.sent(webhook, kind, status, again).await;
    }
    dev.reload().await;
    let rows = dev.table("Deliveries, newest first").await;
    assert_eq!(rows.len(), 3, "{rows:?}");
    dev.inspect("webhook").await;
    dev.row("Given up").await.follow("key.leaked").await;
    dev.sees("It could not be connected to").await;
    dev.inspect("webhook-delivery").await;
    dev.press("Send again").await;
    dev.sees("It is on its way.").await;
    dev.back().await;
    dev.follow("a-rather-long-name").await;
    dev.press("Rotate secret").await;
    dev.inspect("webhook-rotate").await;
    dev.choose("At once").await;
    dev.dialog("Rotate the secret?").await.press("Rotate secret").await;
    dev.sees("The old secret has ended").await;
    dev.press("I have stored it").await;
    dev.press("Turn off").await;
    dev.sees("What happens waits").await;
    dev.inspect("webhook-off").await;
    dev.open("/apis/product-api/webhooks").await;
    dev.inspect("webhooks").await;
    dev.with_script(false).await;
    dev.follow("a-rather-long-name").await;
    dev.press("Delete").await;
    dev.press("Delete endpoint").await;
    dev.sees("There is no endpoint yet.").await;
    dev.with_script(true).await;
}

#[tokio::test]
async fn a_test_and_what_was_not_taken_are_seen_to_arrive() {
    let house = House::open_with(&["webhooks.allow_http=true", "webhooks.allow=[\"127.0.0.1\"]"]).await;
    let mut receiver = Receiver::start().await;
    let dev = browser_of(&house, &house.developer("northwind", "dev@northwind.example").await).await;
    dev.open("/apis/product-api/webhooks/new").await;
    dev.fill("URL", &receiver.url).await;
    dev.press("Add endpoint").await;
    dev.press("I have stored it").await;
    dev.press("Send a test").await;
    assert_eq!(receiver.next().await.kind(), "webhook.test");
    dev.comes_to_say("Taken").await;
    dev.inspect("webhook-test").await;

    receiver.will(Reception::Status(503));
    house.key_of("northwind", "Billing sync").await;
    assert_eq!(receiver.next().await.kind(), "key.created");
    dev.follow("127.0.0.1").await;
    dev.comes_to_say("Again at 00:00 UTC.").await;
    assert_eq!(dev.fact("Waiting").await, "1 to be delivered");
    receiver.will(Reception::Status(204));
    dev.row("key.created").await.press("Send now").await;
    assert_eq!(receiver.next().await.kind(), "key.created");
    dev.comes_to_say("Taken").await;
    dev.sees("2: Taken").await;
    dev.sees("1: Not taken").await;
}
