//! Webhook endpoints and deliveries.

use bitting_core::event::{EventKind, Severity};
use bitting_core::webhook::{DeliveryId, SigningSecret, WebhookId};
use bitting_store::{
    Answer, AttemptRow, Attempted, Change, DeliveryState, DisabledBecause, ListedWebhook, MOST_WEBHOOKS, NewDelivery,
    NewWebhook, Page, Refusal, StoredWebhook, Verdict, WebhookPatch, WebhooksOf,
};

use super::super::fixture::{API, at, new_account, revoke};
use super::Case;

const ALL: usize = 1_000;

fn webhook(number: u8) -> WebhookId {
    WebhookId::new(at(5_000 + i64::from(number)), u128::from(number))
}

fn delivery(number: u16) -> DeliveryId {
    DeliveryId::new(at(6_000), u128::from(number))
}

fn secret(byte: u8) -> SigningSecret {
    SigningSecret::new([byte; 32])
}

fn new_webhook(number: u8, account: Option<&str>) -> NewWebhook {
    NewWebhook {
        api: API.into(),
        account: account.map(|account| account.parse().unwrap()),
        id: webhook(number),
        url: format!("https://example.com/{number}").parse().unwrap(),
        description: String::new(),
        events: Vec::new(),
        severity: None,
        secret: secret(number),
    }
}

fn create(number: u8, account: Option<&str>) -> Change {
    Change::CreateWebhook(Box::new(new_webhook(number, account)))
}

fn update(number: u8, patch: WebhookPatch) -> Change {
    Change::UpdateWebhook { api: API.into(), webhook: webhook(number), patch: Box::new(patch) }
}

fn switch(number: u8, enabled: bool) -> Change {
    update(number, WebhookPatch { enabled: Some(enabled), ..WebhookPatch::default() })
}

fn disable(number: u8, epoch: u64) -> Change {
    Change::DisableWebhook { api: API.into(), webhook: webhook(number), epoch, because: DisabledBecause::Gone }
}

fn rotate(number: u8, byte: u8, old_ends_at: Option<i64>) -> Change {
    let old_ends_at = old_ends_at.map(at);
    Change::RotateWebhookSecret { api: API.into(), webhook: webhook(number), secret: secret(byte), old_ends_at }
}

fn new_delivery(number: u16, to: u8, ms: i64) -> NewDelivery {
    NewDelivery {
        id: delivery(number),
        webhook: webhook(to),
        message: format!("evt_{number}"),
        kind: "key.revoked".into(),
        body: format!("{{\"number\":{number}}}"),
        at: at(ms),
        is_test: false,
    }
}

fn attempted(number: u16, to: u8, epoch: u64, ms: i64, verdict: Verdict) -> Attempted {
    let answer = Answer { status: 500, headers: vec![("server".into(), "x".into())], body: "no".into() };
    let sent = vec![("webhook-id".into(), format!("evt_{number}"))];
    let attempt = AttemptRow { number: 0, at: at(ms), duration_ms: 7, sent, answer: Some(answer), error: Some("500".into()) };
    Attempted { delivery: delivery(number), webhook: webhook(to), epoch, attempt, verdict, counts: true, asked_at: None }
}

impl Case {
    async fn shown(&self, number: u8) -> ListedWebhook {
        self.store.webhook(API, webhook(number)).await.unwrap().unwrap()
    }

    async fn kept(&self, number: u8) -> StoredWebhook {
        let all = self.store.all_webhooks().await.unwrap();
        all.into_iter().find(|kept| kept.row.id == webhook(number)).unwrap()
    }

    /// The numbers of what is due, in its order, with how often each was tried.
    async fn due(&self, to: u8, epoch: u64, ms: i64) -> Vec<(DeliveryId, u32)> {
        let due = self.store.due(webhook(to), epoch, at(ms), ALL).await.unwrap();
        due.into_iter().map(|due| (due.id, due.tries)).collect()
    }
}

pub(super) async fn an_endpoint_is_made_changed_listed_and_deleted(case: Case) {
    let case = case.filled().await;
    assert_eq!(case.append(20, create(1, Some("nobody"))).await, Err(Refusal::NoSuchAccount("nobody".parse().unwrap())));
    case.append(20, create(1, Some("acme"))).await.unwrap();
    let made = case.append(21, create(2, None)).await.unwrap();
    assert_eq!((made.webhooks.len(), made.webhooks[0].id), (1, webhook(2)));
    let patch = WebhookPatch {
        url: Some("https://example.com/new".parse().unwrap()),
        events: Some(vec![EventKind::KeyRevoked]),
        severity: Some(Some(Severity::Warning)),
        ..WebhookPatch::default()
    };
    case.append(22, update(1, patch.clone())).await.unwrap();
    let shown = case.shown(1).await;
    assert_eq!((shown.row.url.as_str(), shown.row.updated_at), ("https://example.com/new", at(22)));
    assert_eq!((shown.row.events, shown.row.severity), (vec![EventKind::KeyRevoked], Some(Severity::Warning)));
    let sequence = case.store.progress().await.unwrap().sequence;
    case.append(23, update(1, patch)).await.unwrap();
    assert_eq!(case.store.progress().await.unwrap().sequence, sequence);
    let list = async |of: WebhooksOf, after: Option<u8>| {
        let page = Page { after: after.map(webhook), limit: 10 };
        let listed = case.store.webhooks(API, of, page).await.unwrap();
        listed.into_iter().map(|listed| listed.row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(WebhooksOf::All, None).await, [webhook(2), webhook(1)]);
    assert_eq!(list(WebhooksOf::All, Some(2)).await, [webhook(1)]);
    assert_eq!(list(WebhooksOf::Operators, None).await, [webhook(2)]);
    assert_eq!(list(WebhooksOf::Account("acme".parse().unwrap()), None).await, [webhook(1)]);
    assert_eq!(case.store.webhook("backbone", webhook(1)).await.unwrap(), None);
    let elsewhere = Change::DeleteWebhook { api: "backbone".into(), webhook: webhook(1) };
    assert_eq!(case.append(24, elsewhere).await, Err(Refusal::NoSuchWebhook(webhook(1))));
    case.append(25, Change::DeleteWebhook { api: API.into(), webhook: webhook(1) }).await.unwrap();
    assert_eq!(list(WebhooksOf::All, None).await, [webhook(2)]);
    assert_eq!(case.append(26, switch(1, false)).await, Err(Refusal::NoSuchWebhook(webhook(1))));
}

pub(super) async fn an_account_has_no_more_endpoints_than_it_may_have(case: Case) {
    case.append(1, new_account("acme")).await.unwrap();
    case.append(1, new_account("other")).await.unwrap();
    for number in 0..u8::try_from(MOST_WEBHOOKS).unwrap() {
        case.append(2, create(number, Some("acme"))).await.unwrap();
    }
    assert_eq!(case.append(3, create(200, Some("acme"))).await, Err(Refusal::TooManyWebhooks(MOST_WEBHOOKS)));
    case.append(4, create(201, Some("other"))).await.unwrap();
    case.append(5, create(202, None)).await.unwrap();
}

pub(super) async fn secrets_overlap_when_they_are_rotated_and_stand_in_no_journal(case: Case) {
    case.append(1, create(1, None)).await.unwrap();
    case.append(100, rotate(1, 2, Some(1_000))).await.unwrap();
    let kept = case.kept(1).await;
    assert_eq!(kept.secrets_at(at(999)), [secret(2), secret(1)]);
    assert_eq!(kept.secrets_at(at(1_000)), [secret(2)]);
    assert_eq!(case.shown(1).await.secrets_until, [None, Some(at(1_000))]);
    // Another rotation does not lengthen the life of the first one, and the oldest of four goes.
    case.append(200, rotate(1, 3, Some(5_000))).await.unwrap();
    assert_eq!(case.shown(1).await.secrets_until, [None, Some(at(5_000)), Some(at(1_000))]);
    case.append(300, rotate(1, 4, Some(5_000))).await.unwrap();
    assert_eq!(case.kept(1).await.secrets_at(at(400)), [secret(4), secret(3), secret(2)]);
    case.append(400, rotate(1, 5, None)).await.unwrap();
    assert_eq!(case.reopened().kept(1).await.secrets_at(at(400)), [secret(5)]);
}

pub(super) async fn nothing_secret_of_webhooks_stands_in_the_journal(case: Case) {
    case.append(1, create(1, None)).await.unwrap();
    case.append(2, rotate(1, 2, Some(1_000))).await.unwrap();
    case.append(3, disable(1, 0)).await.unwrap();
    let audit = case.store.audit(bitting_core::record::Sequence(0), ALL).await.unwrap();
    let actions: Vec<&str> = audit.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["webhook.created", "webhook.secret_rotated", "webhook.disabled"]);
    let events = case.store.events_after(0, ALL).await.unwrap();
    assert_eq!((events.len(), events[0].kind), (1, EventKind::WebhookDisabled));
    let journal = format!("{audit:?}{events:?}");
    for byte in [1, 2] {
        assert!(!journal.contains(&secret(byte).expose()[..20]) && !journal.contains("secrets"), "{journal}");
    }
}

pub(super) async fn an_endpoint_is_told_what_happens_after_it_was_made(case: Case) {
    let case = case.filled().await;
    assert_eq!(case.store.told_until().await.unwrap(), 0);
    case.append(20, create(1, Some("acme"))).await.unwrap();
    // Two keys were made before anybody listened.
    assert_eq!(case.store.told_until().await.unwrap(), 2);
    case.append(30, revoke(1)).await.unwrap();
    case.append(31, create(2, None)).await.unwrap();
    assert_eq!(case.store.told_until().await.unwrap(), 2);
    let events = case.store.events_after(2, ALL).await.unwrap();
    let hears = async |number| case.kept(number).await.row.hears(&events[0]);
    assert_eq!((events.len(), hears(1).await, hears(2).await), (1, true, false));
    let mut row = case.kept(1).await.row;
    for (kinds, severity, expected) in [
        (vec![], Some(Severity::Notice), true),
        (vec![], Some(Severity::Warning), false),
        (vec![EventKind::KeyRevoked], None, true),
        (vec![EventKind::KeyCreated], None, false),
    ] {
        (row.events, row.severity) = (kinds, severity);
        assert_eq!(row.hears(&events[0]), expected, "{row:?}");
    }
    (row.events, row.severity, row.account) = (Vec::new(), None, Some("other".parse().unwrap()));
    assert!(!row.hears(&events[0]));
}

pub(super) async fn a_delivery_is_due_until_it_is_delivered_or_has_failed(case: Case) {
    case.append(1, create(1, None)).await.unwrap();
    let new = (1..=3).map(|number| new_delivery(number, 1, 100)).collect();
    case.store.deliver(new, Some(7)).await.unwrap();
    assert_eq!(case.store.told_until().await.unwrap(), 7);
    assert_eq!(case.due(1, 0, 100).await.len(), 3);
    let outcomes = vec![
        attempted(1, 1, 0, 200, Verdict::Delivered),
        attempted(2, 1, 0, 201, Verdict::Again(at(900))),
        attempted(3, 1, 0, 202, Verdict::Failed),
    ];
    case.store.attempted(outcomes).await.unwrap();
    assert_eq!(case.due(1, 0, 899).await, []);
    assert_eq!(case.store.next_due(webhook(1), 0).await.unwrap(), Some(at(900)));
    assert_eq!(case.due(1, 0, 900).await, [(delivery(2), 1)]);
    let case = case.reopened();
    case.store.attempted(vec![attempted(2, 1, 0, 950, Verdict::Again(at(2_000)))]).await.unwrap();
    assert_eq!(case.due(1, 0, 2_000).await, [(delivery(2), 2)]);
    let (row, attempts) = case.store.delivery(webhook(1), delivery(2)).await.unwrap().unwrap();
    assert_eq!((row.state, row.attempts, row.last_status), (DeliveryState::Waiting, 2, Some(500)));
    assert_eq!(attempts.iter().map(|attempt| (attempt.number, attempt.at)).collect::<Vec<_>>(), [(1, at(201)), (2, at(950))]);
    assert_eq!(attempts[0].sent, [("webhook-id".to_owned(), "evt_2".to_owned())]);
    assert_eq!(attempts[0].answer.as_ref().unwrap().headers, [("server".to_owned(), "x".to_owned())]);
    let list = async |state| {
        let page = Page { after: None, limit: 10 };
        let rows = case.store.deliveries(webhook(1), state, page).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None).await, [delivery(3), delivery(2), delivery(1)]);
    assert_eq!(list(Some(DeliveryState::Delivered)).await, [delivery(1)]);
    assert_eq!(list(Some(DeliveryState::Failed)).await, [delivery(3)]);
    assert_eq!(case.store.count_waiting(10).await.unwrap(), 1);
    assert_eq!(case.store.delivery(webhook(2), delivery(2)).await.unwrap(), None);
}

pub(super) async fn what_waits_is_due_at_once_when_an_endpoint_is_switched_on_again_or_leads_elsewhere(case: Case) {
    case.append(1, create(1, None)).await.unwrap();
    case.store.deliver(vec![new_delivery(1, 1, 100), new_delivery(2, 1, 100)], None).await.unwrap();
    case.store.attempted(vec![attempted(1, 1, 0, 200, Verdict::Again(at(90_000)))]).await.unwrap();
    assert_eq!(case.kept(1).await.failing_since, Some(at(200)));
    assert_eq!(case.shown(1).await.waiting, 2);
    // Somebody has switched it off and on again while Bitting was about to.
    case.append(300, switch(1, false)).await.unwrap();
    case.append(301, switch(1, true)).await.unwrap();
    case.append(302, disable(1, 0)).await.unwrap();
    let kept = case.kept(1).await;
    assert_eq!((kept.row.enabled, kept.epoch, kept.failing_since), (true, 1, None));
    assert_eq!(case.due(1, 1, 310).await, [(delivery(2), 0), (delivery(1), 0)]);
    assert_eq!(case.store.next_due(webhook(1), 1).await.unwrap(), Some(at(0)));
    // What was sent before it was switched on says nothing about how it stands now.
    case.store.attempted(vec![attempted(1, 1, 0, 320, Verdict::Again(at(90_000)))]).await.unwrap();
    assert_eq!(case.kept(1).await.failing_since, None);
    case.store.attempted(vec![attempted(2, 1, 1, 330, Verdict::Again(at(90_000)))]).await.unwrap();
    assert_eq!(case.due(1, 1, 340).await, [(delivery(1), 0)]);
    case.append(400, disable(1, 1)).await.unwrap();
    let row = case.shown(1).await.row;
    assert_eq!((row.enabled, row.disabled_because), (false, Some(DisabledBecause::Gone)));
    case.append(401, switch(1, true)).await.unwrap();
    assert_eq!((case.kept(1).await.epoch, case.shown(1).await.row.disabled_because), (2, None));
    let elsewhere = WebhookPatch { url: Some("https://other.example/".parse().unwrap()), ..WebhookPatch::default() };
    case.append(402, update(1, elsewhere)).await.unwrap();
    assert_eq!(case.due(1, case.kept(1).await.epoch, 403).await.len(), 2);
}

pub(super) async fn tests_and_what_is_resent_are_urgent_once(case: Case) {
    case.append(1, create(1, None)).await.unwrap();
    let test = NewDelivery { is_test: true, ..new_delivery(1, 1, 100) };
    // The second endpoint is not there.
    case.store.deliver(vec![test, new_delivery(2, 1, 100), new_delivery(3, 2, 100)], None).await.unwrap();
    case.store.attempted(vec![attempted(2, 1, 0, 150, Verdict::Delivered)]).await.unwrap();
    let all_urgent = async || case.store.urgent(Vec::new(), 10).await.unwrap();
    let urgent = async || all_urgent().await.into_iter().map(|due| (due.id, due.is_test)).collect::<Vec<_>>();
    let asked_at = async || all_urgent().await[0].asked_at;
    assert_eq!((urgent().await, case.due(1, 0, 200).await), (vec![(delivery(1), true)], Vec::new()));
    assert!(case.store.urgent(vec![webhook(3), webhook(1)], 10).await.unwrap().is_empty());
    let outcome = Attempted { counts: false, asked_at: asked_at().await, ..attempted(1, 1, 0, 160, Verdict::Failed) };
    case.store.attempted(vec![outcome]).await.unwrap();
    assert_eq!((urgent().await, case.kept(1).await.failing_since), (Vec::new(), None));
    assert!(!case.store.resend(webhook(2), delivery(2), at(300)).await.unwrap());
    assert!(case.store.resend(webhook(1), delivery(2), at(300)).await.unwrap());
    assert_eq!(urgent().await, [(delivery(2), false)]);
    let again = Attempted { asked_at: asked_at().await, ..attempted(2, 1, 0, 310, Verdict::Again(at(900))) };
    case.store.attempted(vec![again]).await.unwrap();
    assert_eq!((urgent().await, case.due(1, 0, 900).await), (Vec::new(), vec![(delivery(2), 1)]));
}

pub(super) async fn what_is_asked_for_again_while_it_is_on_its_way_is_sent_again(case: Case) {
    case.append(1, create(1, None)).await.unwrap();
    case.store.deliver(vec![new_delivery(1, 1, 100)], None).await.unwrap();
    let resend = async || assert!(case.store.resend(webhook(1), delivery(1), at(300)).await.unwrap());
    let urgent = async || case.store.urgent(Vec::new(), 10).await.unwrap();
    let land = async |asked_at| {
        let landed = Attempted { asked_at, ..attempted(1, 1, 0, 310, Verdict::Delivered) };
        case.store.attempted(vec![landed]).await.unwrap();
        let (row, attempts) = case.store.delivery(webhook(1), delivery(1)).await.unwrap().unwrap();
        assert_eq!(row.attempts as usize, attempts.len());
        (row.state, row.attempts)
    };
    resend().await;
    assert_eq!(land(None).await, (DeliveryState::Waiting, 1));
    // Even at the same moment it is another asking.
    let first = urgent().await.remove(0).asked_at;
    resend().await;
    assert_eq!(land(first).await, (DeliveryState::Waiting, 2));
    assert_eq!(land(urgent().await[0].asked_at).await, (DeliveryState::Delivered, 3));
    assert!(urgent().await.is_empty());
}

pub(super) async fn so_many_tests_of_an_endpoint_wait_at_most(case: Case) {
    for number in [1, 2] {
        case.append(1, create(number, None)).await.unwrap();
    }
    let test = async |number, to| {
        let new = NewDelivery { is_test: true, ..new_delivery(number, to, 100) };
        case.store.deliver_test(new, 2).await.unwrap()
    };
    assert_eq!((test(1, 1).await, test(2, 1).await, test(3, 1).await, test(4, 2).await), (true, true, false, true));
    let first = case.store.urgent(Vec::new(), 1).await.unwrap().remove(0);
    let outcome = Attempted { counts: false, asked_at: first.asked_at, ..attempted(1, 1, 0, 160, Verdict::Failed) };
    case.store.attempted(vec![outcome]).await.unwrap();
    assert!(test(5, 1).await);
}

pub(super) async fn deliveries_are_given_up_and_forgotten_in_their_time_a_few_at_once(case: Case) {
    case.append(1, create(1, None)).await.unwrap();
    case.append(1, create(2, None)).await.unwrap();
    let new = (1..=5).map(|number| new_delivery(number, 1, 100)).chain((6..=8).map(|number| new_delivery(number, 2, 5_000)));
    case.store.deliver(new.collect(), None).await.unwrap();
    case.store.attempted(vec![attempted(1, 1, 0, 200, Verdict::Delivered)]).await.unwrap();
    let forget = async |before, now| case.store.forget_deliveries(at(before), at(now), 3).await.unwrap();
    assert_eq!(forget(100, 1_000).await, 0);
    // Those that wait are given up first, and can still be seen.
    assert_eq!((forget(150, 1_000).await, forget(150, 1_000).await, forget(150, 1_000).await), (3, 1, 0));
    let page = || Page { after: None, limit: 100 };
    let given_up = case.store.deliveries(webhook(1), Some(DeliveryState::Failed), page()).await.unwrap();
    assert_eq!((given_up.len(), given_up[0].finished_at), (4, Some(at(1_000))));
    assert!(given_up[0].last_error.is_some());
    assert_eq!((forget(1_001, 2_000).await, forget(1_001, 2_000).await, forget(1_001, 2_000).await), (3, 2, 0));
    assert!(case.store.deliveries(webhook(1), None, page()).await.unwrap().is_empty());
    assert_eq!(case.store.delivery(webhook(1), delivery(1)).await.unwrap(), None);
    // What was for an endpoint that is gone goes too.
    case.append(3_000, Change::DeleteWebhook { api: API.into(), webhook: webhook(2) }).await.unwrap();
    assert_eq!((forget(1_001, 3_000).await, forget(1_001, 3_000).await), (3, 0));
    assert_eq!(case.store.count_waiting(10).await.unwrap(), 0);
}
