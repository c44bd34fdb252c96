//! The signatures are good to those who never saw this program: the public libraries for Python and JavaScript.

use std::path::Path;

use serde_json::json;

use super::CONFIG;
use crate::documentation::blocks;
use crate::harness::{Bitting, Client, Got, Receiver};
use crate::webhooks::managing::Operator;

const PAGE: &str = include_str!("../../../../../docs/webhooks.md");

/// What is run after the page's Python: good messages are read, and all others are errors.
const PYTHON: &str = r#"
import json
from standardwebhooks import WebhookVerificationError

body, headers = os.environ["BODY"].encode(), json.loads(os.environ["HEADERS"])
print(receive(body, headers)["type"])
for wrong in [(body + b" ", headers), (body, {**headers, "webhook-id": "evt_other"}),
              (body, {**headers, "webhook-timestamp": "1700000000"}), (body, {**headers, "webhook-signature": "v1,AAAA"})]:
    try:
        receive(*wrong)
        print("taken")
    except WebhookVerificationError:
        print("refused")
"#;

/// The same in JavaScript.
const JAVASCRIPT: &str = r#"
const body = process.env.BODY;
const headers = JSON.parse(process.env.HEADERS);
console.log(receive(body, headers).type);
for (const wrong of [[body + " ", headers], [body, { ...headers, "webhook-id": "evt_other" }],
                     [body, { ...headers, "webhook-timestamp": "1700000000" }], [body, { ...headers, "webhook-signature": "v1,AAAA" }]]) {
  try {
    receive(...wrong);
    console.log("taken");
  } catch (error) {
    console.log("refused");
  }
}
"#;

/// Runs the code of the page in a language on a message.
async fn verify(client: Client, got: &Got, secret: &str) -> String {
    let (language, rest) = if matches!(client, Client::Python) { ("python", PYTHON) } else { ("javascript", JAVASCRIPT) };
    let [code] = blocks(PAGE, language)[..] else { panic!("one example in {language}") };
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers =
        json!(names.map(|name| (name, got.header(name).to_owned())).into_iter().collect::<std::collections::BTreeMap<_, _>>());
    let variables = [("WEBHOOK_SECRET", secret), ("BODY", &*got.body), ("HEADERS", &*headers.to_string())];
    client.run(&format!("{code}{rest}"), &variables).await
}

#[tokio::test]
async fn the_pages_code_verifies_messages_with_the_public_libraries_in_both_languages() {
    let bitting = Bitting::with_config(CONFIG);
    let operator = Operator::of(&bitting, &["webhooks:*", "keys:write", "accounts:write"]);
    let mut receiver = Receiver::start().await;
    let made = operator.make(&receiver, json!({})).await;
    let (id, old) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    operator.post(&format!("/{id}/test"), json!({})).await;
    let test = receiver.next().await;
    let rotated = operator.post(&format!("/{id}/rotate-secret"), json!({"overlap": "1h"})).await;
    let new = rotated["secret"].as_str().unwrap();
    bitting.key(&[]);
    let created = receiver.next().await;
    for client in [Client::Python, Client::Node] {
        for (got, secret, kind) in
            [(&test, old, "webhook.test"), (&created, old, "key.created"), (&created, new, "key.created")]
        {
            let printed = verify(client, got, secret).await;
            assert_eq!(printed, format!("{kind}\nrefused\nrefused\nrefused\nrefused\n"), "{client:?}");
        }
    }
}

#[test]
fn the_configuration_of_the_page_is_accepted() {
    for text in blocks(PAGE, "toml") {
        let source = bitting::config::Source { name: "example".to_owned(), text: text.to_owned() };
        let loaded = bitting::config::load(vec![source], &[], Path::new("."), &std::sync::Arc::default());
        assert!(loaded.problems.0.is_empty(), "{text}\n{}", loaded.problems.render(false));
    }
}
