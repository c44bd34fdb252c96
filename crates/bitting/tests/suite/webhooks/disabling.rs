//! Endpoints that take nothing are switched off, and lose nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use bitting_core::event::EventKind;
use bitting_core::webhook::{MOST_TRIES, WebhookId};
use bitting_engine::WebhookSpec;
use bitting_store::{DeliveryState, DisabledBecause};
use serde_json::json;

use super::House;
use crate::harness::{Got, Receiver, Reception};

/// Waits until an endpoint is switched off, and says why.
async fn disabled(house: &House, webhook: WebhookId) -> Option<DisabledBecause> {
    loop {
        let row = house.shown(webhook).await.row;
        if !row.enabled {
            return row.disabled_because;
        }
        tokio::task::yield_now().await;
    }
}

/// Somebody who hears of nothing but that an endpoint was switched off.
async fn watcher(house: &House) -> Receiver {
    let receiver = Receiver::start().await;
    let events = vec![EventKind::WebhookDisabled];
    house.webhook_of(WebhookSpec { url: receiver.url.clone(), events, ..WebhookSpec::default() }).await;
    receiver
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_switched_off_and_gets_everything_when_it_is_back() {
    let house = House::start().await;
    house.account("acme").await;
    let (mut receiver, mut watcher) = (Receiver::start().await, watcher(&house).await);
    receiver.will(Reception::Status(410));
    let webhook = house.webhook(&receiver).await;
    house.key("acme").await;
    let mut missed = BTreeSet::from([receiver.next().await.id()]);
    assert_eq!(disabled(&house, webhook).await, Some(DisabledBecause::Gone));
    let told = watcher.next().await.json();
    assert_eq!(told["type"], "webhook.disabled");
    assert_eq!((&told["data"]["webhook"]["id"], &told["data"]["because"]), (&json!(webhook), &json!("gone")));
    // What happens now waits.
    for _ in 0..10 {
        house.key("acme").await;
    }
    house.advance(Duration::from_hours(24));
    house.settle().await;
    assert!(receiver.so_far().is_empty());
    // Its own end is among it.
    let waiting = house.until(webhook, DeliveryState::Waiting, 12).await;
    missed.extend(waiting.into_iter().map(|row| row.message));
    let house = house.restart().await;
    receiver.will(Reception::Status(200));
    house.switch(webhook, true).await;
    let mut got = BTreeSet::new();
    for _ in 0..12 {
        got.insert(receiver.next().await.id());
    }
    assert_eq!(got, missed);
    house.until(webhook, DeliveryState::Delivered, 12).await;
    let shown = house.shown(webhook).await;
    assert_eq!((shown.row.disabled_because, shown.failing_since, shown.waiting), (None, None, 0));
}

#[tokio::test]
async fn five_days_of_failure_switch_an_endpoint_off_and_not_an_hour_less() {
    let house = House::start().await;
    house.account("acme").await;
    let (mut receiver, mut watcher) = (Receiver::start().await, watcher(&house).await);
    receiver.will(Reception::Status(500));
    let webhook = house.webhook(&receiver).await;
    house.key("acme").await;
    let first = receiver.next().await;
    let began = house.engine().now();
    let (mut attempts, mut last) = (1, began);
    loop {
        house.advance(Duration::from_mins(20));
        house.settle().await;
        let now = house.engine().now();
        for again in receiver.so_far() {
            assert_eq!(again.id(), first.id());
            attempts += 1;
            last = now;
        }
        if !house.shown(webhook).await.row.enabled {
            break;
        }
        assert!(now.since(began) < Duration::from_hours(24 * 7), "it is still switched on");
    }
    assert!(last.since(began) >= Duration::from_hours(24 * 5), "{last}");
    assert!((11..=13).contains(&attempts), "{attempts} attempts");
    assert_eq!(disabled(&house, webhook).await, Some(DisabledBecause::Failing));
    let told = watcher.next().await.json();
    assert_eq!((&told["data"]["webhook"]["id"], &told["data"]["because"]), (&json!(webhook), &json!("failing")));
    // It is told of itself too, when it is back, and of what it has missed.
    receiver.will(Reception::Status(200));
    house.switch(webhook, true).await;
    let mut got = BTreeSet::new();
    while got.len() < 2 {
        house.advance(Duration::from_mins(20));
        house.settle().await;
        got.extend(receiver.so_far().iter().map(Got::kind));
        assert!(house.engine().now().since(last) < Duration::from_hours(24 * 2), "{got:?}");
    }
    assert_eq!(got, BTreeSet::from(["key.created".to_owned(), "webhook.disabled".to_owned()]));
}

#[tokio::test]
async fn an_endpoint_that_takes_other_things_stays_on_and_what_it_never_takes_is_given_up() {
    let house = House::start().await;
    house.account("acme").await;
    let mut receiver = Receiver::start().await;
    receiver.will(Reception::Status(500));
    let webhook = house.webhook(&receiver).await;
    house.key("acme").await;
    let poison = receiver.next().await.id();
    receiver.will(Reception::StatusFor(500, poison.clone()));
    let began = house.engine().now();
    while house.deliveries(webhook, Some(DeliveryState::Failed)).await.is_empty() {
        house.key("acme").await;
        house.advance(Duration::from_hours(2));
        house.settle().await;
        assert!(house.engine().now().since(began) < Duration::from_hours(24 * 8), "it is still sent");
    }
    assert!(house.engine().now().since(began) > Duration::from_hours(24 * 5));
    let given_up = house.deliveries(webhook, Some(DeliveryState::Failed)).await.remove(0);
    assert_eq!((given_up.message, given_up.attempts), (poison, MOST_TRIES));
    assert!(house.shown(webhook).await.row.enabled);
}
