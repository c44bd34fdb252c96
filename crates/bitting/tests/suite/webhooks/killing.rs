//! SIGKILL loses no message.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::CONFIG;
use crate::harness::{Bitting, Receiver, Reception, Traces, post};
use crate::webhooks::managing::Operator;

const EVENTS: usize = 1_000;

#[tokio::test]
async fn after_kills_while_a_thousand_deliveries_are_pending_every_one_arrives_and_under_one_id() {
    let traces = Traces::new();
    let file = traces.path("bitting.toml");
    std::fs::write(&file, CONFIG).unwrap();
    let mut receiver = Receiver::start().await;
    receiver.will(Reception::Silence);
    let mut bitting = Bitting::serve(&file, &[], traces.clone());
    let token = bitting.key(&["--api", "bitting", "--permission", "keys:write"]).key;
    bitting.json(&["accounts", "create", "default"]);
    Operator::of(&bitting, &["webhooks:*"]).make(&receiver, json!({"events": ["key.created"]})).await;
    let mut made = BTreeSet::new();
    let headers = [("authorization", &*format!("Bearer {token}")), ("content-type", "application/json")];
    for _ in 0..EVENTS {
        let reply = post(bitting.service, "/v1/apis/shop/api-keys", &headers, "{\"name\": \"x\"}").await;
        let key = reply.json();
        traces.issued(key["key"].as_str().unwrap());
        made.insert(key["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(made.len(), EVENTS);
    let mut got: BTreeMap<String, (String, Value)> = BTreeMap::new();
    // Killed when it has sent something and nothing was taken; while they are taken; and when most of them were.
    for part in [1, 200, 500, 900, EVENTS] {
        while got.len() < part {
            let message = receiver.next().await;
            let said = message.json();
            let key = said["data"]["key"]["id"].as_str().unwrap().to_owned();
            let before = got.insert(key.clone(), (message.id(), said.clone()));
            // What comes again is the same message.
            assert!(before.is_none_or(|before| before == (message.id(), said)), "{key}");
        }
        if part < EVENTS {
            bitting.signal("KILL");
            assert_eq!(bitting.wait(), 137);
            receiver.will(Reception::Status(204));
            bitting = Bitting::serve(&file, &[], traces.clone());
        }
    }
    assert_eq!(got.keys().cloned().collect::<BTreeSet<_>>(), made);
    let ids: BTreeSet<&String> = got.values().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), EVENTS);
}
