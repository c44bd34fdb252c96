//! Backbone: bearer keys, and errors that the OpenAI SDKs understand.

use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::harness::{Bitting, Client, Recorded, Upstream, document, get, post};

/// Completions, whole or in pieces, as the SDKs expect them.
fn completions(request: &Recorded) -> Response {
    let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if asked["stream"] == true {
        let chunk = |delta: Value, finish: Value| {
            let choices = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
            let chunk =
                json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": choices});
            format!("data: {chunk}\n\n")
        };
        let body = chunk(json!({"content": "Hel"}), Value::Null)
            + &chunk(json!({"content": "lo"}), Value::Null)
            + &chunk(json!({}), json!("stop"))
            + "data: [DONE]\n\n";
        return ([("content-type", "text/event-stream")], body).into_response();
    }
    let message = json!({"role": "assistant", "content": "Hello"});
    let choices = json!([{"index": 0, "message": message, "finish_reason": "stop"}]);
    axum::Json(json!({"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": choices}))
        .into_response()
}

async fn start() -> (Bitting, Upstream) {
    let upstream = Upstream::answering(completions).await;
    (Bitting::example("backbone", &upstream), upstream)
}

const CHAT: &str = "/api/v1/chat/completions";
const HELLO: &str = r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]}"#;

fn code(name: &str, bitting: &Bitting, key: &str) -> String {
    document(name).replace("https://backbone.manfred-kunze.dev", &bitting.origin()).replace("sk_your_api_key", key)
}

#[tokio::test]
async fn bn1_keys_begin_with_sk_live_and_travel_as_bearer_tokens_alone() {
    let (bitting, upstream) = start().await;
    let key = bitting.key(&[]).key;
    assert!(key.starts_with("sk_live_"));
    let bearer = format!("Bearer {key}");
    assert_eq!(post(bitting.gateway, CHAT, &[("authorization", &bearer)], HELLO).await.status, 200);
    assert!(!upstream.last().holds(&key));
    for (name, value) in [("authorization", &*key), ("x-api-key", &key), ("authorization", &format!("Token {key}"))] {
        assert_eq!(post(bitting.gateway, CHAT, &[(name, value)], HELLO).await.status, 401, "{name}");
    }
    assert_eq!(post(bitting.gateway, &format!("{CHAT}?api_key={key}"), &[], HELLO).await.status, 401);
}

#[tokio::test]
async fn bn1_keys_that_were_issued_with_the_plain_prefix_go_on_working() {
    let (upstream, traces) = (Upstream::start().await, crate::harness::Traces::new());
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/backbone.toml");
    let origin = format!("api.backbone.upstream={}", upstream.origin());
    let before = Bitting::serve(&file, &[origin.clone(), "api.backbone.key.prefix=sk_".to_owned()], traces);
    let old = before.key(&[]).key;
    assert!(old.starts_with("sk_") && !old.starts_with("sk_live_"));
    let after = Bitting::serve(&file, &[origin], before.stop());
    let bearer = format!("Bearer {old}");
    assert_eq!(post(after.gateway, CHAT, &[("authorization", &bearer)], HELLO).await.status, 200);
}

#[tokio::test]
async fn bn2_the_documents_curl_works() {
    let (bitting, _upstream) = start().await;
    let key = bitting.key(&[]).key;
    let printed = Client::Curl.run(&code("backbone/curl.sh", &bitting, &key), &[]).await;
    let (body, status) = printed.trim().rsplit_once('\n').unwrap();
    assert_eq!(status, "200");
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["choices"][0]["message"]["content"], "Hello");
}

#[tokio::test]
async fn bn2_the_openai_sdk_for_python_works_streaming_included_and_raises_its_own_authentication_error() {
    let (bitting, _upstream) = start().await;
    let key = bitting.key(&[]).key;
    let client = code("backbone/openai.py", &bitting, "unused");
    let use_it = r#"
import openai
messages = [{"role": "user", "content": "Hello!"}]
print(client.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message.content)
for chunk in client.chat.completions.create(model="gpt-4o", messages=messages, stream=True):
    print(chunk.choices[0].delta.content, end="|")
print()
try:
    client.with_options(api_key="sk_wrong").chat.completions.create(model="gpt-4o", messages=messages)
except openai.AuthenticationError as error:
    print(type(error).__name__, error.status_code, error.code, error.type, error.body["message"])
"#;
    let printed = Client::Python.run(&(client + use_it), &[("BACKBONE_API_KEY", &key)]).await;
    assert_eq!(printed, "Hello\nHel|lo|None|\nAuthenticationError 401 invalid_api_key authentication_error Invalid API key\n");
}

#[tokio::test]
async fn bn2_the_openai_sdk_for_javascript_works_streaming_included_and_raises_its_own_authentication_error() {
    let (bitting, _upstream) = start().await;
    let key = bitting.key(&[]).key;
    let script = format!(
        r#"
import OpenAI from "openai";
const baseURL = "{}/api/v1";
const client = new OpenAI({{ apiKey: process.env.BACKBONE_API_KEY, baseURL }});
const messages = [{{ role: "user", content: "Hello!" }}];
const whole = await client.chat.completions.create({{ model: "gpt-4o", messages }});
console.log(whole.choices[0].message.content);
let text = "";
for await (const chunk of await client.chat.completions.create({{ model: "gpt-4o", messages, stream: true }})) {{
  text += (chunk.choices[0].delta.content ?? "") + "|";
}}
console.log(text);
try {{
  await new OpenAI({{ apiKey: "sk_wrong", baseURL }}).chat.completions.create({{ model: "gpt-4o", messages }});
}} catch (error) {{
  console.log(error instanceof OpenAI.AuthenticationError, error.status, error.code, error.type, error.error.message);
}}
"#,
        bitting.origin()
    );
    let printed = Client::Node.run(&script, &[("BACKBONE_API_KEY", &key)]).await;
    assert_eq!(printed, "Hello\nHel|lo||\ntrue 401 invalid_api_key authentication_error Invalid API key\n");
}

#[tokio::test]
async fn bn3_a_missing_invalid_or_revoked_key_gets_the_documents_envelope() {
    let (bitting, upstream) = start().await;
    let revoked = bitting.key(&[]);
    bitting.revoke(&revoked);
    let expected = json!({"error": {"message": "Invalid API key", "type": "authentication_error", "code": "invalid_api_key"}});
    for headers in [
        &[][..],
        &[("authorization", "Bearer sk_your_api_key")],
        &[("authorization", "Bearer something-else")],
        &[("authorization", &*format!("Bearer {}", revoked.key))],
    ] {
        let reply = post(bitting.gateway, CHAT, headers, HELLO).await;
        assert_eq!((reply.status.as_u16(), reply.json()), (401, expected.clone()), "{headers:?}");
        assert_eq!(reply.header("content-type"), "application/json");
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn bn4_a_key_without_the_permission_is_forbidden_in_the_same_envelope() {
    let (bitting, upstream) = start().await;
    let reader = format!("Bearer {}", bitting.key(&["--permission", "models:read"]).key);
    let reply = post(bitting.gateway, CHAT, &[("authorization", &reader)], HELLO).await;
    let expected = json!({
        "error": {"message": "Insufficient permissions", "type": "permission_error", "code": "insufficient_permissions"}
    });
    assert_eq!((reply.status.as_u16(), reply.json()), (403, expected));
    assert!(upstream.requests().is_empty());
    assert_eq!(get(bitting.gateway, "/api/v1/models", &[("authorization", &reader)]).await.status, 200);
}

#[tokio::test]
async fn bn5_after_it_was_made_only_prefix_and_date_of_a_key_are_shown() {
    let (bitting, _upstream) = start().await;
    let key = bitting.key(&[]);
    let shown = bitting.json(&["keys", "show", &key.id]);
    assert_eq!(shown["prefix"], format!("{}...", &key.key[.."sk_live_".len() + 4]));
    assert!(shown["created_at"].as_str().unwrap().ends_with('Z'));
    for output in [bitting.command(&["keys", "show", &key.id]), bitting.command(&["keys", "list"])] {
        assert!(!(output.stdout + &output.stderr).contains(&key.key));
    }
    assert!(!shown.to_string().contains(&key.key));
}

#[tokio::test]
async fn bn6_revoking_one_key_takes_effect_at_once_and_leaves_the_others_working() {
    let (bitting, _upstream) = start().await;
    let keys: Vec<_> = (0..4).map(|_| bitting.key(&[])).collect();
    let ask = async |key: &str| {
        post(bitting.gateway, CHAT, &[("authorization", &format!("Bearer {key}"))], HELLO).await.status.as_u16()
    };
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(ask(&key.key).await, 200);
        bitting.revoke(key);
        for (other, key) in keys.iter().enumerate() {
            assert_eq!(ask(&key.key).await, if other <= number { 401 } else { 200 }, "key {other} after {number} was revoked");
        }
    }
}
