//! The OpenAPI documents are valid, and true of the running server.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Bitting, Client, Upstream, get, request};
use crate::managing::{manager_key, start, start_with};

/// A token that may do everything.
fn token(bitting: &Bitting) -> String {
    let permissions = [
        "verify",
        "keys:*",
        "accounts:*",
        "audit:read",
        "events:read",
        "usage:read",
        "bans:*",
        "webhooks:*",
        "portal:write",
        "leaks:write",
    ];
    let options: Vec<&str> = permissions.iter().flat_map(|permission| ["--permission", permission]).collect();
    bitting.key(&[&["--api", "bitting"], &options[..]].concat()).key
}

/// Prints a document into a file.
fn document(bitting: &Bitting, options: &[&str]) -> PathBuf {
    let output = bitting.command(&[&["openapi"], options].concat());
    assert_eq!(output.code, 0, "{}", output.stderr);
    let file = bitting.traces.path(&format!("document{}.json", options.len()));
    std::fs::write(&file, output.stdout).unwrap();
    file
}

fn clients(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(folder)
}

#[tokio::test]
async fn the_documents_are_valid_and_the_served_one_is_the_printed_one() {
    let (bitting, _production, _sandbox) = start().await;
    let (operators, holders) = (document(&bitting, &[]), document(&bitting, &["--api", "product-api"]));
    let served = get(bitting.service, "/openapi.json", &[]).await;
    assert_eq!((served.status.as_u16(), served.header("content-type")), (200, "application/json"));
    assert_eq!(served.body.trim(), std::fs::read_to_string(&operators).unwrap().trim());
    assert_eq!(served.json()["openapi"], "3.1.0");
    let both = format!("{}:{}", operators.display(), holders.display());
    let script = include_str!("../clients/openapi/validate.py");
    assert_eq!(Client::Python.run(script, &[("DOCUMENTS", &both)]).await, "valid\n");
}

#[tokio::test]
async fn a_method_that_no_path_has_is_answered_with_those_that_it_has() {
    let (bitting, _production, _sandbox) = start().await;
    let bearer = format!("Bearer {}", token(&bitting));
    let manager = format!("Bearer {}", manager_key(&bitting, &[]).key);
    let (operators, holders) = (document(&bitting, &[]), document(&bitting, &["--api", "product-api"]));
    for (file, at, bearer) in [(operators, bitting.service, bearer), (holders, bitting.gateway, manager)] {
        let document: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        for (path, operations) in document["paths"].as_object().unwrap() {
            let target = path.replace("{api}", "product-api").replace("{id}", "key_01m7r8z3q9v5w2x4y6a8b0c1d2");
            let target = target.replace("{address}", "203.0.113.7").replace("{delivery}", "x");
            let reply = request(at, "PUT", &target, &[("authorization", &bearer)], "").await;
            assert_eq!(reply.status, 405, "{path}: {}", reply.body);
            let allowed: BTreeSet<String> = reply.header("allow").split(',').map(|name| name.trim().to_lowercase()).collect();
            let said: BTreeSet<String> = operations.as_object().unwrap().keys().cloned().collect();
            assert_eq!(allowed.into_iter().filter(|name| name != "head").collect::<BTreeSet<_>>(), said, "{path}");
        }
    }
}

#[tokio::test]
async fn the_document_of_an_api_speaks_its_dialect_and_knows_where_it_is() {
    let upstream = Upstream::start().await;
    let config = format!(
        "[[api]]\nname = \"shop\"\nhosts = [\"api.shop.example\"]\nupstream = \"{}\"\nkey = {{ prefix = \"shop_\" }}\n\
         management_path = \"/keys\"\ncredential = {{ from = [\"header:X-Shop-Key\", \"bearer\"] }}\n\
         permissions = {{ \"keys:all\" = \"Manage keys\" }}\n[api.management]\nneeds = \"keys:all\"\n[api.errors]\n\
         content_type = \"text/x-shop\"\nbody = \"No: {{code}}\"\nnot_found = {{ status = 410 }}\n\
         [[api]]\nname = \"bank\"\nhosts = [\"bank.example\"]\nupstream = \"{}\"\nkey = {{ prefix = \"bank_\" }}\n",
        upstream.origin(),
        upstream.origin()
    );
    let bitting = Bitting::with_config(&config);
    let read = |options: &[&str]| -> Value {
        serde_json::from_str(&std::fs::read_to_string(document(&bitting, options)).unwrap()).unwrap()
    };
    let shop = read(&["--api", "shop"]);
    assert_eq!(shop["servers"], json!([{"url": "https://api.shop.example"}]));
    assert_eq!(read(&["--api", "shop", "--server", "http://here"])["servers"], json!([{"url": "http://here"}]));
    let paths: Vec<&String> = shop["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/keys", "/keys/{id}", "/keys/{id}/rotate"]);
    assert_eq!(shop["security"], json!([{"header": []}, {"bearer": []}]));
    assert_eq!(shop["components"]["securitySchemes"]["header"]["name"], "x-shop-key");
    assert_eq!(shop["paths"]["/keys/{id}"]["get"]["responses"]["410"]["$ref"], "#/components/responses/Refused410");
    let gone = &shop["components"]["responses"]["Refused410"]["content"]["text/x-shop"]["examples"]["not_found"];
    assert_eq!(gone["value"], "No: not_found");
    for (name, code) in [("bank", 5), ("moon", 4)] {
        assert_eq!(bitting.command(&["openapi", "--api", name]).code, code, "{name}");
    }
}

#[tokio::test]
async fn an_account_whose_id_has_a_slash_is_found_by_it() {
    let (bitting, _production, _sandbox) = start().await;
    bitting.json(&["accounts", "create", "acme/eu"]);
    let bearer = format!("Bearer {}", token(&bitting));
    let shown = get(bitting.service, "/v1/apis/product-api/accounts/acme%2Feu", &[("authorization", &bearer)]).await;
    assert_eq!((shown.status.as_u16(), &shown.json()["id"]), (200, &json!("acme/eu")));
}

#[tokio::test]
async fn clients_generated_for_python_and_typescript_manage_keys() {
    for (client, script) in [
        (Client::Python, include_str!("../clients/openapi/manage.py")),
        (Client::Node, include_str!("../clients/openapi/manage.mjs")),
    ] {
        let (bitting, _production, _sandbox) = start().await;
        let (origin, program) = (format!("http://{}", bitting.service), clients("openapi/manage.ts"));
        let program = program.display().to_string();
        let variables = [("ORIGIN", &*origin), ("TOKEN", &token(&bitting)), ("PROGRAM", &program)];
        let printed = client.run(script, &variables).await;
        let keys: Vec<&str> = printed.split_whitespace().collect();
        assert!(keys.len() == 2 && keys.iter().all(|key| key.starts_with("sk_live_")), "{client:?}");
        for key in keys {
            bitting.traces.issued(key);
        }
    }
}

/// Runs schemathesis against a listener; it must find nothing.
async fn schemathesis(bitting: &Bitting, document: &str, origin: &str, token: &str, own_key: &str) {
    let folder = clients("schemathesis").display().to_string();
    let variables =
        [("FOLDER", &*folder), ("DOCUMENT", document), ("ORIGIN", origin), ("TOKEN", token), ("BITTING_OWN_KEY", own_key)];
    let said = Client::Python.run(include_str!("../clients/schemathesis/run.py"), &variables).await;
    for phase in ["Examples", "Coverage", "Fuzzing", "Stateful"] {
        assert!(said.contains(&format!("✅ {phase}")), "{said}");
    }
    assert_eq!(get(bitting.service, "/readyz", &[]).await.status, 200);
}

#[tokio::test]
async fn schemathesis_finds_nothing_wrong_with_the_service_listener() {
    let (bitting, _production, _sandbox) = start().await;
    let origin = format!("http://{}", bitting.service);
    schemathesis(&bitting, &format!("{origin}/openapi.json"), &origin, &token(&bitting), "").await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_wrong_with_the_gateway() {
    // It asks thousands of times.
    let (bitting, _production, _sandbox) = start_with("enterprise").await;
    let own = manager_key(&bitting, &["--permission", "admin:*"]);
    let file = document(&bitting, &["--api", "product-api"]).display().to_string();
    schemathesis(&bitting, &file, &bitting.origin(), &own.key, &own.id).await;
    let bearer = format!("Bearer {}", own.key);
    // Had the key been ended on the way, every answer would have been a 401, as it should be, and nothing been tested.
    assert_eq!(get(bitting.gateway, "/v1/api-keys", &[("authorization", &bearer)]).await.status, 200);
}
