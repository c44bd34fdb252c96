//! Accounts' plans and keys' own numbers, over HTTP.

use serde_json::{Value, json};

use super::{Manager, manager_key, start};

const ACCOUNTS: &str = "/v1/apis/product-api/accounts";

#[tokio::test]
async fn an_account_has_the_plan_that_was_named_last_until_null_takes_it_away() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["accounts:*"]);
    let acme = format!("{ACCOUNTS}/acme");
    let patched = async |body: Value| {
        let reply = operator.send("PATCH", &acme, &[], &body.to_string()).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.body);
        reply.json()["plan"].clone()
    };
    assert_eq!(operator.post(ACCOUNTS, &json!({"id": "acme"})).await.json()["plan"], Value::Null);
    assert_eq!(operator.post(ACCOUNTS, &json!({"id": "other", "plan": "professional"})).await.json()["plan"], "professional");
    assert_eq!(operator.post(ACCOUNTS, &json!({"id": "third", "plan": null})).await.json()["plan"], Value::Null);
    assert_eq!(patched(json!({"plan": "professional"})).await, "professional");
    assert_eq!(patched(json!({"name": "Acme"})).await, "professional", "what is left out stays");
    assert_eq!(operator.get(&acme).await.json()["plan"], "professional");
    assert_eq!(patched(json!({"plan": null})).await, Value::Null);
    let listed = operator.get(ACCOUNTS).await.json();
    let plans: Vec<&Value> = listed["data"].as_array().unwrap().iter().map(|account| &account["plan"]).collect();
    assert_eq!(plans, [&Value::Null, &json!("professional"), &Value::Null]);
}

#[tokio::test]
async fn a_plan_that_there_is_not_is_refused_with_those_that_there_are() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["accounts:*"]);
    operator.post(ACCOUNTS, &json!({"id": "acme"})).await;
    for (plan, said) in [
        (json!("gold"), "\"gold\" is not a plan of product-api; there are: free, professional, enterprise"),
        (json!(""), "\"\" is not a plan of product-api; there are: free, professional, enterprise"),
        (json!(5), "a value of the wrong type"),
        (json!(["default"]), "a value of the wrong type"),
    ] {
        let made = operator.post(ACCOUNTS, &json!({"id": "another", "plan": plan})).await;
        let changed = operator.send("PATCH", &format!("{ACCOUNTS}/acme"), &[], &json!({"plan": plan}).to_string()).await;
        for reply in [made, changed] {
            let error = &reply.json()["errors"][0];
            assert_eq!((reply.status.as_u16(), &error["field"]), (400, &json!("plan")), "{plan}: {}", reply.body);
            assert!(error["message"].as_str().unwrap().starts_with(said), "{plan}: {}", reply.body);
        }
    }
}

#[tokio::test]
async fn numbers_for_limits_that_there_are_not_are_refused_and_none_can_be_taken_away() {
    let (bitting, _production, _sandbox) = start().await;
    let holder = Manager::holder(&bitting, &manager_key(&bitting, &["--permission", "tasks:read"]).key);
    let operator = Manager::operator(&bitting, &["keys:*"]);
    let reply = holder.post("", &json!({"name": "x", "limits": {}})).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["limits"]), (201, &json!({})), "{}", reply.body);
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    for manager in [&holder, &operator] {
        assert_eq!(manager.get(&format!("/{id}")).await.json()["limits"], json!({}));
        for none in [json!({}), json!({"limits": null}), json!({"limits": {}})] {
            let reply = manager.patch(&id, &none).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["limits"]), (200, &json!({})), "{none}: {}", reply.body);
        }
        for (limits, field) in [
            (json!({"week": 5}), "limits: "),
            (json!({"hour": 0}), "limits: "),
            (json!({"hour": 9_007_199_254_740_993_u64}), "limits: "),
            (json!({"hour": 1_000_001}), "limits: "),
            (json!({"hour": 1.5}), "limits.hour: "),
            (json!({"hour": -1}), "limits.hour: "),
            (json!({"hour": 1e300}), "limits.hour: "),
            (json!({"hour": "5"}), "limits.hour: "),
            (json!({"hour": {}}), "limits.hour: "),
            (json!("hour"), "limits: "),
            (json!(5), "limits: "),
        ] {
            let reply = manager.patch(&id, &json!({"limits": limits})).await;
            assert!(reply.status == 400 && reply.body.contains(field), "{limits}: {}", reply.body);
        }
    }
}

#[tokio::test]
async fn a_key_hands_on_no_number_that_is_higher_than_its_own_directly_or_in_two_steps() {
    let (bitting, _production, _sandbox) = start().await;
    let own = manager_key(&bitting, &["--permission", "tasks:read", "--limit", "hour=50"]);
    let holder = Manager::holder(&bitting, &own.key);
    let create = async |limits: Value| holder.post("", &json!({"name": "x", "limits": limits})).await;
    for exceeding in [json!({"hour": 51}), json!({"hour": 1_000}), json!({"minute": 5})] {
        // Without a number for the hour the maker's own is handed on; with a higher one it is refused.
        let reply = create(exceeding.clone()).await;
        if exceeding["hour"].is_null() {
            assert_eq!((reply.status.as_u16(), &reply.json()["limits"]["hour"]), (201, &json!(50)), "{}", reply.body);
        } else {
            assert_eq!(reply.status, 403, "{exceeding}: {}", reply.body);
        }
    }
    let made = create(json!({"hour": 50})).await.json();
    let id = made["id"].as_str().unwrap();
    for patch in [json!({"limits": {"hour": 51}}), json!({"limits": {}}), json!({"limits": null})] {
        assert_eq!(holder.patch(id, &patch).await.status, 403, "{patch}");
        assert_eq!(holder.patch(&own.id, &patch).await.status, 403, "of its own key: {patch}");
    }
    assert_eq!(holder.patch(id, &json!({"limits": {"hour": 40}})).await.json()["limits"], json!({"hour": 40}));
    let rotated = holder.post(&format!("/{id}/rotate"), &json!({})).await;
    assert_eq!((rotated.status.as_u16(), &rotated.json()["limits"]), (201, &json!({"hour": 40})));
    let operator = Manager::operator(&bitting, &["keys:*"]);
    let stronger = operator.post("", &json!({"name": "stronger", "permissions": ["tasks:read"]})).await.json();
    let id = stronger["id"].as_str().unwrap();
    assert_eq!(holder.patch(id, &json!({"limits": {"hour": 5}})).await.status, 403, "before the change it exceeds");
    assert_eq!(holder.post(&format!("/{id}/rotate"), &json!({})).await.status, 403);
}
