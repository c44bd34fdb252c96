//! From an event to whoever hears of it.

use std::collections::BTreeSet;
use std::time::Duration;

use bitting_core::event::{EventKind, Severity};
use bitting_engine::{Clock as _, SignedWith, WebhookSpec};
use bitting_store::{Change, DeliveryState, Fold, Raised, WebhookPatch};
use serde_json::json;

use super::House;
use crate::harness::{Receiver, Reception};

#[tokio::test]
async fn an_event_reaches_every_webhook_that_hears_of_it_and_no_other() {
    let house = House::start().await;
    house.account("acme").await;
    house.account("other").await;
    let before = house.key("acme").await;
    let (mut all, mut acme, mut other) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    let mut revoked = Receiver::start().await;
    house.webhook(&all).await;
    for (receiver, account) in [(&acme, "acme"), (&other, "other")] {
        let account = Some(account.parse().unwrap());
        house.webhook_of(WebhookSpec { url: receiver.url.clone(), account, ..WebhookSpec::default() }).await;
    }
    let kinds = vec![EventKind::KeyRevoked];
    house.webhook_of(WebhookSpec { url: revoked.url.clone(), events: kinds, ..WebhookSpec::default() }).await;
    let severe = Receiver::start().await;
    let warning = Some(Severity::Warning);
    house.webhook_of(WebhookSpec { url: severe.url.clone(), severity: warning, ..WebhookSpec::default() }).await;
    let key = house.key("acme").await;
    house.commit(Change::RevokeKey { api: "shop".into(), key: key.parse().unwrap() }).await;
    let mut ids = BTreeSet::new();
    for _ in 0..2 {
        let (one, two) = (all.next().await, acme.next().await);
        for got in [&one, &two] {
            let said = got.json();
            assert_eq!((&said["data"]["key"]["id"], &said["data"]["account"]), (&json!(key), &json!("acme")));
            assert_ne!(said["data"]["key"]["id"], json!(before));
            ids.insert((got.id(), got.kind()));
        }
    }
    let got = revoked.next().await;
    assert_eq!(got.kind(), "key.revoked");
    // Two events, each with one id wherever it went.
    assert!(ids.len() == 2 && ids.contains(&(got.id(), got.kind())), "{ids:?}");
    house.settle().await;
    assert!(other.so_far().is_empty() && all.so_far().is_empty() && acme.so_far().is_empty());
}

#[tokio::test]
async fn pa17_alerts_reach_a_webhook_each_once_however_long_they_go_on() {
    let house = House::start().await;
    house.account("acme").await;
    let mut receiver = Receiver::start().await;
    let account = Some("acme".parse().unwrap());
    let severity = Some(Severity::Warning);
    house.webhook_of(WebhookSpec { url: receiver.url.clone(), account, severity, ..WebhookSpec::default() }).await;
    let kinds =
        [EventKind::AuthFailures, EventKind::TrafficUnusual, EventKind::QuotaExceeded, EventKind::KeyUsedFromNewLocation];
    for _ in 0..3 {
        let raised = kinds.map(|kind| Raised {
            kind,
            api: "shop".into(),
            account: Some("acme".parse().unwrap()),
            key: None,
            at: house.engine().now(),
            count: 1_000,
            fold: Fold::Episode { subject: "acme".into(), gap: Duration::from_hours(1), most: Duration::from_hours(24) },
            data: json!({"limit": "hour"}),
        });
        house.engine().raise(raised.into()).await.unwrap();
        house.advance(Duration::from_mins(10));
    }
    let mut told = BTreeSet::new();
    for _ in kinds {
        let said = receiver.next().await.json();
        assert_eq!((&said["data"]["limit"], &said["data"]["account"]), (&json!("hour"), &json!("acme")));
        told.insert(said["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(told, kinds.map(|kind| kind.name().to_owned()).into());
    house.settle().await;
    assert!(receiver.so_far().is_empty());
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_with_the_same_id_and_ever_later_until_it_is() {
    let house = House::with(&["webhooks.timeout=2s"]).await;
    house.account("acme").await;
    let mut receiver = Receiver::start().await;
    let elsewhere = Receiver::start().await;
    let redirect = Reception::Redirect(elsewhere.url.clone());
    receiver.will_first([Reception::Status(500), redirect, Reception::Silence, Reception::Status(404)]);
    let webhook = house.webhook(&receiver).await;
    house.key("acme").await;
    let first = receiver.next().await;
    for (number, (least, most)) in [(4, 6), (240, 360), (1_440, 2_160), (5_760, 8_640)].into_iter().enumerate() {
        // It is on the disk that it failed, in words.
        let error = loop {
            let row = house.until(webhook, DeliveryState::Waiting, 1).await.remove(0);
            if row.attempts as usize == number + 1 {
                break row.last_error.unwrap();
            }
            tokio::task::yield_now().await;
        };
        let words = ["it answered 500 ", "redirects are not followed", "longer than 2 s to answer", "it answered 404 "][number];
        assert!(error.contains(words), "{error}");
        house.advance(Duration::from_secs(least - 1));
        house.settle().await;
        assert!(receiver.so_far().is_empty(), "number {number} came too early");
        house.advance(Duration::from_secs(most - least + 1));
        let again = receiver.next().await;
        assert_eq!((again.id(), &again.body), (first.id(), &first.body));
        assert_ne!(again.header("webhook-timestamp"), first.header("webhook-timestamp"));
    }
    let row = house.until(webhook, DeliveryState::Delivered, 1).await.remove(0);
    assert_eq!((row.attempts, row.last_status, row.last_error), (5, Some(204), None));
    let (_, attempts) = house.engine().store().delivery(webhook, row.id).await.unwrap().unwrap();
    let statuses: Vec<Option<u16>> = attempts.iter().map(|attempt| attempt.answer.as_ref().map(|a| a.status)).collect();
    assert_eq!(statuses, [Some(500), Some(302), None, Some(404), Some(204)]);
    assert!(attempts[4].sent.iter().any(|(name, _)| name == "webhook-signature"));
    assert_eq!(house.shown(webhook).await.failing_since, None);
}

#[tokio::test]
async fn whoever_asks_to_be_left_alone_is() {
    let house = House::start().await;
    house.account("acme").await;
    let mut receiver = Receiver::start().await;
    receiver.will_first([Reception::RetryAfter(429, "7200"), Reception::RetryAfter(503, "99999999")]);
    let webhook = house.webhook(&receiver).await;
    house.key("acme").await;
    for hours in [2, 24] {
        receiver.next().await;
        house.settle().await;
        let due = house.deliveries(webhook, Some(DeliveryState::Waiting)).await[0].due_at;
        let rest = due.since(house.engine().now());
        assert!(rest.abs_diff(Duration::from_hours(hours)) < Duration::from_mins(1), "{rest:?}");
        house.advance(Duration::from_mins(hours * 60 - 1));
        house.settle().await;
        assert!(receiver.so_far().is_empty());
        house.advance(Duration::from_mins(2));
    }
    receiver.next().await;
    house.until(webhook, DeliveryState::Delivered, 1).await;
}

#[tokio::test]
async fn an_endpoint_that_hangs_holds_up_no_other() {
    let house = House::start().await;
    house.account("acme").await;
    let (silent, mut quick) = (Receiver::start().await, Receiver::start().await);
    silent.will(Reception::Silence);
    // Some of those that hang, each with more than is sent to it at once.
    for _ in 0..6 {
        house.webhook(&silent).await;
    }
    house.webhook(&quick).await;
    let started = tokio::time::Instant::now();
    for _ in 0..50 {
        house.key("acme").await;
    }
    for _ in 0..50 {
        quick.next().await;
    }
    // One after the other they would have kept it for minutes.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn messages_are_signed_with_both_secrets_while_one_takes_the_others_place() {
    let house = House::start().await;
    house.account("acme").await;
    let mut receiver = Receiver::start().await;
    let (webhook, old) = house.webhook_of(WebhookSpec { url: receiver.url.clone(), ..WebhookSpec::default() }).await;
    let rotated = SignedWith::rotated("shop", webhook, Duration::from_hours(24), house.engine().now()).unwrap();
    house.commit(rotated.change).await;
    for secrets in [vec![&rotated.secret, &old], vec![&rotated.secret]] {
        house.key("acme").await;
        let got = receiver.next().await;
        let timestamp = got.header("webhook-timestamp").parse().unwrap();
        let signed: Vec<String> = secrets.iter().map(|secret| secret.sign(&got.id(), timestamp, got.body.as_bytes())).collect();
        assert_eq!(got.header("webhook-signature"), signed.join(" "));
        house.advance(Duration::from_hours(24));
    }
}

#[tokio::test]
async fn what_happened_while_nobody_ran_is_told_afterwards_and_nothing_twice() {
    let house = House::start().await;
    house.account("acme").await;
    let mut receiver = Receiver::start().await;
    receiver.will(Reception::Status(503));
    let webhook = house.webhook(&receiver).await;
    let mut ids = BTreeSet::new();
    for _ in 0..20 {
        house.key("acme").await;
        ids.insert(receiver.next().await.id());
    }
    let house = house.restart().await;
    receiver.will(Reception::Status(200));
    house.advance(Duration::from_mins(10));
    let again: BTreeSet<String> = {
        let mut again = BTreeSet::new();
        for _ in 0..20 {
            assert!(again.insert(receiver.next().await.id()));
        }
        again
    };
    assert_eq!(again, ids);
    house.until(webhook, DeliveryState::Delivered, 20).await;
    let house = house.restart().await;
    house.settle().await;
    assert!(receiver.so_far().is_empty());
}

#[tokio::test]
async fn a_test_is_sent_once_and_what_was_delivered_is_sent_again_when_somebody_asks() {
    let house = House::start().await;
    house.account("acme").await;
    let mut receiver = Receiver::start().await;
    let webhook = house.webhook(&receiver).await;
    house.switch(webhook, false).await;
    receiver.will(Reception::Status(500));
    let test = house.engine().test_webhook("shop", webhook).await.unwrap().unwrap();
    let got = receiver.next().await;
    assert_eq!((got.kind().as_str(), got.id()), ("webhook.test", test.id.to_string()));
    house.until(webhook, DeliveryState::Failed, 1).await;
    house.advance(Duration::from_hours(48));
    house.settle().await;
    // A test that failed says nothing about the endpoint, and is not sent again.
    assert!(receiver.so_far().is_empty() && house.shown(webhook).await.failing_since.is_none());
    receiver.will(Reception::Status(200));
    house.switch(webhook, true).await;
    house.key("acme").await;
    let first = receiver.next().await;
    let delivered = house.until(webhook, DeliveryState::Delivered, 1).await.remove(0);
    let resent = house.engine().resend("shop", webhook, delivered.id).await.unwrap().unwrap();
    assert_eq!(resent.state, DeliveryState::Waiting);
    let again = receiver.next().await;
    assert_eq!((again.id(), again.body), (first.id(), first.body));
    let row = house.until(webhook, DeliveryState::Delivered, 1).await.remove(0);
    assert_eq!((row.id, row.attempts), (delivered.id, 2));
    assert_eq!(house.engine().resend("other", webhook, delivered.id).await.unwrap(), None);
}

#[tokio::test]
async fn an_endpoint_that_leads_elsewhere_gets_there_what_waited_and_a_deleted_one_gets_nothing() {
    let house = House::start().await;
    house.account("acme").await;
    let (mut wrong, mut right) = (Receiver::start().await, Receiver::start().await);
    wrong.will(Reception::Status(404));
    let webhook = house.webhook(&wrong).await;
    let deleted = house.webhook(&wrong).await;
    house.key("acme").await;
    wrong.next().await;
    wrong.next().await;
    house.commit(Change::DeleteWebhook { api: "shop".into(), webhook: deleted }).await;
    let url = Some(right.url.parse().unwrap());
    house.patch(webhook, WebhookPatch { url, ..WebhookPatch::default() }).await;
    right.next().await;
    house.advance(Duration::from_hours(24));
    house.settle().await;
    assert!(wrong.so_far().is_empty());
    // What was for it is forgotten.
    while !house.deliveries(deleted, None).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn tests_of_an_endpoint_that_hangs_are_few_and_hold_nobody_up() {
    let house = House::start().await;
    house.account("acme").await;
    let (mut hanging, mut other) = (Receiver::start().await, Receiver::start().await);
    hanging.will(Reception::Silence);
    let webhook = house.webhook(&hanging).await;
    for _ in 0..5 {
        house.engine().test_webhook("shop", webhook).await.unwrap().unwrap();
    }
    let refused = house.engine().test_webhook("shop", webhook).await.unwrap_err();
    assert!(refused.to_string().contains(&webhook.to_string()), "{refused}");
    hanging.next().await;
    hanging.next().await;
    house.settle().await;
    assert!(hanging.so_far().is_empty());
    house.webhook(&other).await;
    house.key("acme").await;
    other.next().await;
}

#[tokio::test]
async fn what_is_to_be_sent_again_while_it_is_on_its_way_is_sent_again_after_it() {
    let house = House::with(&["webhooks.timeout=1s"]).await;
    house.account("acme").await;
    let mut receiver = Receiver::start().await;
    receiver.will(Reception::Silence);
    let webhook = house.webhook(&receiver).await;
    house.key("acme").await;
    let first = receiver.next().await;
    let waiting = house.deliveries(webhook, None).await.remove(0);
    house.engine().resend("shop", webhook, waiting.id).await.unwrap().unwrap();
    receiver.will(Reception::Status(204));
    // The clock stands: it is not sent because its next attempt is due.
    assert_eq!(receiver.next().await.id(), first.id());
    let row = house.until(webhook, DeliveryState::Delivered, 1).await.remove(0);
    assert_eq!(row.attempts, 2);
}

#[tokio::test]
async fn a_message_is_signed_with_the_machines_time_also_after_that_was_set_back() {
    let house = House::start().await;
    house.account("acme").await;
    let mut receiver = Receiver::start().await;
    house.webhook(&receiver).await;
    let true_time = house.clock.now();
    house.advance(Duration::from_hours(1));
    assert!(house.engine().now() > true_time);
    house.clock.set(true_time);
    house.key("acme").await;
    let got = receiver.next().await;
    assert_eq!(got.headers["webhook-timestamp"], (true_time.as_millis() / 1_000).to_string().as_str());
}
