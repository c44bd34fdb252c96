//! The code that the documentation shows runs as it stands, with a real key in the environment.

use axum::Json;
use axum::response::IntoResponse as _;
use serde_json::{Value, json};

use crate::documentation::blocks;
use crate::harness::{Bitting, Client, Recorded, Upstream};

#[tokio::test]
async fn bb8_the_code_of_backboards_documentation_runs_in_every_language() {
    run_all("backboard", &[]).await;
}

#[tokio::test]
async fn bn2_the_code_of_backbones_documentation_runs_with_the_openai_sdk_too() {
    run_all("backbone", &[]).await;
}

#[tokio::test]
async fn lb1_the_code_of_launchboards_documentation_runs_in_every_language() {
    run_all("launchboard", &[]).await;
}

#[tokio::test]
async fn pa15_the_code_of_the_product_apis_documentation_runs_in_every_language_and_manages_keys() {
    let may = ["tasks:read", "projects:read", "users:read", "api-keys:read", "api-keys:write"];
    run_all("product-api", &may.map(|permission| ["--permission", permission]).concat()).await;
}

#[tokio::test]
async fn cs1_the_code_of_csboards_documentation_runs_in_every_language_and_with_the_query_parameter() {
    run_all("csboard", &[]).await;
}

/// Prints the documentation of a running server and runs everything in it.
async fn run_all(name: &str, options: &[&str]) {
    let upstream = Upstream::answering(answer).await;
    let bitting = Bitting::example(name, &upstream);
    let ran = run_code(&bitting, name, options).await;
    let has_examples = usize::from(name == "backbone");
    assert_eq!((ran.python, ran.go), (1 + has_examples, 1));
    assert!(ran.curl >= 1 && ran.node >= 1 && !upstream.requests().is_empty());
}

#[derive(Default)]
struct Ran {
    curl: usize,
    python: usize,
    node: usize,
    go: usize,
}

async fn run_code(bitting: &Bitting, name: &str, options: &[&str]) -> Ran {
    let base = format!("api.{name}.docs.base_url={}", bitting.origin());
    let printed = bitting.command(&["docs", "--api", name, "--set", &base]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    let page = printed.stdout;
    let key = bitting.key(options).key;
    let export = blocks(&page, "bash").into_iter().find_map(|code| code.strip_prefix("export ")).unwrap();
    let (variable, _) = export.split_once('=').unwrap();
    let variables = [(variable, &*key)];
    let mut ran = Ran::default();
    for code in blocks(&page, "bash").into_iter().filter(|code| code.starts_with("curl")) {
        // The id of no key stands for one that there is.
        let code = code.replace(SAMPLE_ID, &bitting.key(options).id);
        let answer = Client::Curl.run(&code, &variables).await;
        let (body, status) = answer.trim_end().rsplit_once('\n').unwrap();
        assert!(status.starts_with('2'), "{code}: {answer}");
        let made = serde_json::from_str::<Value>(body).unwrap()["key"].as_str().map(str::to_owned);
        made.iter().for_each(|key| bitting.traces.issued(key));
        ran.curl += 1;
    }
    for (client, language, count) in [
        (Client::Python, "python", &mut ran.python),
        (Client::Node, "javascript", &mut ran.node),
        (Client::Go, "go", &mut ran.go),
    ] {
        for code in blocks(&page, language) {
            let said = client.run(code, &variables).await;
            assert!(said.contains("ok"), "{code}: {said}");
            *count += 1;
        }
    }
    ran
}

const SAMPLE_ID: &str = "key_01m7r8z3q9v5w2x4y6a8b0c1d2";

/// What all clients can read: an answer of its own for the OpenAI SDK.
fn answer(recorded: &Recorded) -> axum::response::Response {
    if recorded.target.ends_with("/chat/completions") {
        let choice = json!({"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"});
        let completion = json!({
            "id": "c1", "object": "chat.completion", "created": 0, "model": "gpt-4o", "choices": [choice],
        });
        return Json(completion).into_response();
    }
    Json(json!({"ok": true})).into_response()
}

#[tokio::test]
async fn the_code_works_wherever_an_api_takes_its_keys_however_oddly_that_is_called() {
    for carriers in [
        "\"authorization:Token\"",
        "\"header:X-Key$HOME\"",
        "'query:a key\"$x`'",
        "\"cookie:k$ey\"",
        "\"basic\"",
        "\"subprotocol:key.\"",
        // Whatever comes first, a header is shown in all languages.
        "\"query:key\", \"bearer\"",
    ] {
        let upstream = Upstream::start().await;
        let config = format!(
            "[[api]]\nname = \"shop\"\nupstream = \"{}\"\nkey = {{ prefix = \"shop_\" }}\n\
             credential = {{ from = [{carriers}] }}\n",
            upstream.origin()
        );
        let bitting = Bitting::with_config(&config);
        let ran = run_code(&bitting, "shop", &[]).await;
        assert!(ran.curl >= 1 && (ran.python, ran.node, ran.go) == (1, 1, 1), "{carriers}");
    }
}

#[tokio::test]
async fn the_patient_code_asks_again_when_it_may() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_config(&format!(
        "[[api]]\nname = \"shop\"\nupstream = \"{}\"\nkey = {{ prefix = \"shop_\" }}\n\
         [api.limits]\nsecond = {{ requests = 1, per = \"1s\", burst = 1 }}\n",
        upstream.origin()
    ));
    let base = format!("api.shop.docs.base_url={}", bitting.origin());
    let page = bitting.command(&["docs", "--api", "shop", "--set", &base]).stdout;
    let [_, patient] = blocks(&page, "javascript")[..] else { panic!("{page}") };
    // Two calls at once: one of them is told to wait, and gets through all the same.
    let twice = patient
        .replace("const response = await call(\"/\");", "const [response] = await Promise.all([call(\"/\"), call(\"/\")]);");
    assert_ne!(twice, patient);
    let said = Client::Node.run(&twice, &[("SHOP_API_KEY", &bitting.key(&[]).key)]).await;
    assert_eq!(said, "{\"ok\":true}\n");
    assert_eq!(upstream.requests().len(), 2);
}
