//! What README.md and `docs/` show can be used as it stands there.

use std::path::Path;
use std::sync::Arc;

use bitting::config::{self, Source};
use serde_json::{Value, json};

use crate::doors::Certified;
use crate::harness::{Bitting, Client, Traces, Upstream, get, post};

/// The blocks of a page in one language.
pub(crate) fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let fences = page.split("\n```").skip(1).step_by(2);
    fences.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

#[test]
fn every_configuration_that_is_shown_is_accepted_without_a_warning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let pages = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|kind| kind == "md")).chain([root.join("README.md")]);
    let pages: Vec<String> = pages.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let examples: Vec<&str> = pages.iter().flat_map(|page| blocks(page, "toml")).collect();
    // However a block is written, it is found.
    assert_eq!(examples.len(), pages.iter().map(|page| page.matches("```toml").count()).sum::<usize>());
    let traces = Traces::new();
    for file in ["shop", "books"] {
        Certified::authority(&traces).certify(file, &[&format!("{file}.example")]);
    }
    for text in examples {
        let source = Source { name: "example".to_owned(), text: text.to_owned() };
        let loaded = config::load(vec![source], &[], traces.folder(), &Arc::default());
        assert!(loaded.problems.0.is_empty(), "{text}\n{}", loaded.problems.render(false));
    }
}

#[test]
fn every_reason_and_every_leniency_is_on_the_page_of_settings() {
    let page = include_str!("../../../../docs/configuration.md");
    for reason in bitting_core::reason::Reason::ALL {
        assert!(page.contains(&format!("`{reason}`")), "{reason} is missing");
    }
    for (name, _) in bitting_core::route::Leniencies::NAMED {
        assert!(page.contains(&format!("| `{name}` |")), "{name} is missing");
    }
}

#[tokio::test]
async fn what_verify_is_shown_to_answer_it_answers_to_what_it_is_shown_to_be_asked() {
    let page = include_str!("../../../../docs/configuration.md");
    let shown: Vec<&str> = blocks(page, "json");
    let [good, allowed, bad, refused, wrong] = shown[..] else { panic!("{} blocks", shown.len()) };
    let upstream = Upstream::start().await;
    let [toml] = blocks(include_str!("../../../../README.md"), "toml")[..] else { panic!("one configuration") };
    let bitting = Bitting::with_config(&toml.replace("http://127.0.0.1:3000", &upstream.origin()));
    bitting.json(&["accounts", "create", "acme"]);
    let key = bitting.key(&["--account", "acme", "--role", "viewer"]);
    let token = format!("Bearer {}", bitting.operator().key);
    let ask = async |question: &str| {
        let headers = [("authorization", &*token), ("content-type", "application/json")];
        let reply = post(bitting.service, "/v1/verify", &headers, &question.replace("shop_…", &key.key)).await;
        let answer: Value = serde_json::from_str(&reply.body.replace(&key.id, "key_01m7…")).unwrap();
        (reply.status.as_u16(), answer)
    };
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(ask(good).await, (200, json(allowed)));
    assert_eq!(ask(bad).await, (200, json(refused)));
    assert_eq!(ask(&good.replace("\"shop\"", "\"shap\"")).await, (400, json(wrong)));
}

#[tokio::test]
async fn every_request_that_the_page_of_management_shows_succeeds() {
    let upstream = Upstream::start().await;
    let config = format!(
        "[[api]]\nname = \"shop\"\nupstream = \"{}\"\nkey = {{ prefix = \"shop_\" }}\nroles = [\"viewer\"]\n\
         management_path = \"/v1/api-keys\"\npermissions = {{ \"keys:all\" = \"Manage keys\" }}\n\
         [api.management]\nneeds = \"keys:all\"\n[api.bans]\nafter = 1\n",
        upstream.origin()
    );
    let bitting = Bitting::with_config(&config);
    bitting.json(&["accounts", "create", "acme"]);
    let may =
        ["keys:*", "accounts:*", "audit:read", "bans:*", "verify"].map(|permission| ["--permission", permission]).concat();
    let token = bitting.key(&[&["--api", "bitting"], &may[..]].concat()).key;
    let (key, manager) = (bitting.key(&[]), bitting.key(&["--permission", "keys:all"]).key);
    let path = format!("/v1/apis/shop/api-keys/{}", key.id);
    let shown = get(bitting.service, &path, &[("authorization", &format!("Bearer {token}"))]).await;
    let variables = [("TOKEN", &*token), ("KEY", &*manager), ("ID", &*key.id), ("TAG", shown.header("etag"))];
    let requests = blocks(include_str!("../../../../docs/management.md"), "sh");
    assert_eq!(requests.len(), 11);
    let invalid = json!({"api": "shop", "method": "GET", "path": "/", "key": "shop_x", "client_address": "203.0.113.7"});
    let bearer = format!("Bearer {token}");
    let asker = [("authorization", &*bearer), ("content-type", "application/json")];
    post(bitting.service, "/v1/verify", &asker, &invalid.to_string()).await;
    for text in requests {
        let here = text.replace("127.0.0.1:8081", &bitting.service.to_string());
        let here = here.replace("127.0.0.1:8080", &bitting.gateway.to_string());
        let answer = Client::Curl.run(&here, &variables).await;
        let (body, status) = answer.trim_end().rsplit_once('\n').unwrap();
        assert!(status.starts_with('2'), "{text}: {status}");
        let key = serde_json::from_str::<Value>(body).unwrap()["key"].as_str().map(str::to_owned);
        if let Some(key) = key {
            bitting.traces.issued(&key);
        }
    }
}

#[tokio::test]
async fn the_reports_that_the_page_of_leaks_shows_are_answered_as_it_says() {
    let upstream = Upstream::start().await;
    let page = include_str!("../../../../docs/leaks.md");
    let [toml] = blocks(page, "toml")[..] else { panic!("one configuration") };
    let bitting = Bitting::with_config(&toml.replace("http://127.0.0.1:3000", &upstream.origin()));
    let token = bitting.key(&["--api", "bitting", "--permission", "leaks:write"]).key;
    let [answer] = blocks(page, "json")[..] else { panic!("one answer") };
    let shown: Value = serde_json::from_str(answer).unwrap();
    let requests: Vec<&str> = blocks(page, "sh").into_iter().filter(|text| text.starts_with("curl")).collect();
    assert_eq!(requests.len(), 2);
    for text in requests {
        let key = bitting.key(&[]);
        let here = text.replace("127.0.0.1:8081", &bitting.service.to_string());
        let answer = Client::Curl.run(&here, &[("TOKEN", &token), ("KEY", &key.key)]).await;
        let (body, status) = answer.trim_end().rsplit_once('\n').unwrap();
        assert_eq!(status, "200", "{body}");
        bitting.traces.answered(body);
        let told: Value = serde_json::from_str(&body.replace(&key.id, shown["data"][0]["key"].as_str().unwrap())).unwrap();
        for (told, shown) in told["data"].as_array().unwrap().iter().zip(shown["data"].as_array().unwrap()) {
            assert_eq!(told, shown);
        }
    }
}

#[tokio::test]
async fn the_requests_that_the_readme_shows_are_answered_as_it_says() {
    let upstream = Upstream::start().await;
    let [toml] = blocks(include_str!("../../../../README.md"), "toml")[..] else { panic!("one configuration") };
    let bitting = Bitting::with_config(&toml.replace("http://127.0.0.1:3000", &upstream.origin()));
    bitting.json(&["accounts", "create", "acme", "--name", "Acme Inc."]);
    let key = bitting.key(&["--account", "acme", "--role", "viewer"]);
    let bearer = format!("Bearer {}", key.key);
    let headers = [("authorization", &*bearer)];
    assert_eq!(get(bitting.gateway, "/", &headers).await.status, 200);
    assert_eq!(get(bitting.gateway, "/", &[]).await.json()["error"], "missing_key");
    let lacking = post(bitting.gateway, "/", &headers, "").await.json();
    assert_eq!(
        (&lacking["error"], &lacking["message"]),
        (&json!("insufficient_permission"), &json!("The API key lacks editor."))
    );
    assert_eq!(get(bitting.gateway, "/health", &[]).await.status, 200);
    assert_eq!(get(bitting.gateway, "/health/", &headers).await.json()["error"], "invalid_path");
    bitting.json(&["keys", "rotate", &key.id, "--overlap", "24h"]);
    assert_eq!(get(bitting.gateway, "/", &headers).await.status, 200);
    bitting.revoke(&key);
    assert_eq!(get(bitting.gateway, "/", &headers).await.json()["error"], "revoked_key");
}
