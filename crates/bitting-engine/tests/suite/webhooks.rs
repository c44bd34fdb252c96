//! Webhook endpoints: what they must be, and whose they are.

use std::time::Duration;

use bitting_core::webhook::{Destinations, WebhookId};
use bitting_engine::{CommitError, Guest, Invitation, SignedWith, WebhookSpec};
use bitting_store::{
    Actor, Change, Committed, Conditions, DisabledBecause, NewAccount, Origin, Refusal, WebhookPatch, WebhooksOf,
};

use super::fixture::Fixture;

fn spec(url: &str, account: Option<&str>) -> WebhookSpec {
    let account = account.map(|account| account.parse().unwrap());
    WebhookSpec { url: url.to_owned(), account, ..WebhookSpec::default() }
}

async fn make(fixture: &Fixture, account: Option<&str>) -> WebhookId {
    let made = spec("https://example.com/", account).make("shop", fixture.engine.now()).unwrap();
    fixture.commit(made.change).await.unwrap().webhooks[0].id
}

fn wrong_field(done: Result<Committed, CommitError>) -> String {
    let Err(CommitError::Invalid(bitting_engine::InvalidChange::Fields(violations))) = done else { panic!("{done:?}") };
    let told: Vec<String> = violations.into_iter().map(|wrong| format!("{}: {}", wrong.field, wrong.message)).collect();
    told.join(", ")
}

#[tokio::test]
async fn an_endpoint_leads_where_the_configuration_lets_it_and_only_bitting_switches_it_off_for_a_reason() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    for url in ["http://example.com/", "https://localhost/", "https://10.0.0.1/"] {
        let made = spec(url, None).make("shop", engine.now()).unwrap();
        assert!(wrong_field(fixture.commit(made.change).await).starts_with("url: "), "{url}");
    }
    assert!(spec("https://mara@example.com/", None).make("shop", engine.now()).is_err());
    let webhook = make(&fixture, None).await;
    let disable = Change::DisableWebhook { api: "shop".into(), webhook, epoch: 0, because: DisabledBecause::Gone };
    assert!(wrong_field(fixture.commit(disable).await).contains("only Bitting itself"));
    engine.disable_webhook("shop", webhook, 0, DisabledBecause::Gone).await.unwrap();
    let shown = engine.store().webhook("shop", webhook).await.unwrap().unwrap();
    assert_eq!((shown.row.enabled, shown.row.disabled_because), (false, Some(DisabledBecause::Gone)));
    assert!(SignedWith::rotated("shop", webhook, Duration::from_hours(24 * 31), engine.now()).is_err());
    // What is not public may be allowed.
    let allowed = Destinations::new(true, ["10.0.0.0/8"]).unwrap();
    assert!(allowed.check(&"http://10.0.0.1/".parse().unwrap()).is_ok());
}

#[tokio::test]
async fn a_developers_webhooks_are_those_of_their_account() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    for id in ["acme", "other"] {
        let new = NewAccount { api: "shop".into(), id: id.parse().unwrap(), name: String::new(), plan: None };
        fixture.commit(Change::CreateAccount(new)).await.unwrap();
    }
    let account = Some("acme".parse().unwrap());
    let guest = Guest { api: "shop".into(), account: account.clone(), name: "Kim".into(), email: None };
    let invited = fixture.commit(Invitation::of(guest, engine.now()).unwrap().change).await.unwrap();
    let origin = Origin { actor: Actor::Member(invited.members[0].id), request_id: "r".into(), address: None };
    let submit = async |change: Change| engine.submit(change, origin.clone(), Conditions::default()).await;
    let new = |account| spec("https://example.com/kim", account).make("shop", engine.now()).unwrap().change;
    let own = submit(new(Some("acme"))).await.unwrap().webhooks[0].id;
    for account in [None, Some("other")] {
        assert!(matches!(submit(new(account)).await, Err(CommitError::Refused(Refusal::NotYours))), "{account:?}");
    }
    let elsewhere = spec("https://example.com/", Some("acme")).make("bank", engine.now()).unwrap().change;
    assert!(submit(elsewhere).await.is_err());
    let (operators, others) = (make(&fixture, None).await, make(&fixture, Some("other")).await);
    let patch = || Box::new(WebhookPatch { enabled: Some(false), ..WebhookPatch::default() });
    for webhook in [operators, others] {
        for change in [
            Change::UpdateWebhook { api: "shop".into(), webhook, patch: patch() },
            Change::DeleteWebhook { api: "shop".into(), webhook },
            SignedWith::rotated("shop", webhook, Duration::ZERO, engine.now()).unwrap().change,
        ] {
            let refused = submit(change).await;
            assert!(matches!(refused, Err(CommitError::Refused(Refusal::NoSuchWebhook(id))) if id == webhook), "{refused:?}");
        }
    }
    submit(Change::UpdateWebhook { api: "shop".into(), webhook: own, patch: patch() }).await.unwrap();
    submit(Change::DeleteWebhook { api: "shop".into(), webhook: own }).await.unwrap();
    let page = bitting_store::Page { after: None, limit: 10 };
    let left = engine.store().webhooks("shop", WebhooksOf::Account("acme".parse().unwrap()), page).await.unwrap();
    assert!(left.is_empty());
}
