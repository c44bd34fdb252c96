//! The documentation over HTTP: for everybody, or for those who are signed in.

use std::net::SocketAddr;

use crate::harness::{Bitting, Reply, Traces, Upstream, get};

const CONFIG: &str = "[[api]]\nname = \"open\"\nhosts = [\"open.example\"]\nupstream = \"UPSTREAM\"\nkey = { prefix = \"open_\" }\n\
                      management_path = \"/keys\"\npermissions = { \"keys:all\" = \"Manage keys\" }\n[api.management]\nneeds = \"keys:all\"\n\
                      [api.labels]\ntitle = \"Open\"\n[api.docs]\npublic = true\n\
                      [[api]]\nname = \"closed\"\nhosts = [\"closed.example\"]\nupstream = \"UPSTREAM\"\nkey = { prefix = \"closed_\" }\n";

/// A server with both APIs, and where its dashboard is.
async fn start(config: &str) -> (Bitting, Upstream) {
    let upstream = Upstream::start().await;
    let traces = Traces::new();
    let file = traces.path("bitting.toml");
    std::fs::write(&file, config.replace("UPSTREAM", &upstream.origin())).unwrap();
    (Bitting::serve(&file, &["listen.1.serve=[\"dashboard\"]".to_owned()], traces), upstream)
}

async fn ask(at: SocketAddr, path: &str) -> (u16, String, Reply) {
    let reply = get(at, path, &[]).await;
    (reply.status.as_u16(), reply.header("content-type").to_owned(), reply)
}

#[tokio::test]
async fn public_documentation_is_for_everybody_in_every_form() {
    let (bitting, _upstream) = start(CONFIG).await;
    for (path, kind, words) in [
        ("/apis/open/docs", "text/html; charset=utf-8", "<h1>Authentication</h1>"),
        ("/apis/open/docs/authentication.md", "text/markdown; charset=utf-8", "# Open: authentication"),
        ("/apis/open/docs/llms.txt", "text/plain; charset=utf-8", "(/apis/open/docs/authentication.md)"),
        ("/apis/open/docs/openapi.json", "application/json", "https://open.example"),
        ("/llms.txt", "text/plain; charset=utf-8", "# Open\n"),
    ] {
        let (status, content_type, reply) = ask(bitting.service, path).await;
        assert_eq!((status, &*content_type), (200, kind), "{path}");
        assert!(reply.body.contains(words), "{path}: {}", reply.body);
    }
    let page = get(bitting.service, "/apis/open/docs", &[]).await;
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(page.body.contains("href=\"/apis/open/docs/authentication.md\"") && !page.body.contains("<style"));
}

#[tokio::test]
async fn other_documentation_leads_to_the_door_as_does_an_api_that_is_not_there() {
    let (bitting, _upstream) = start(CONFIG).await;
    for api in ["closed", "moon"] {
        for path in ["docs", "docs/authentication.md", "docs/llms.txt", "docs/openapi.json"] {
            let path = format!("/apis/{api}/{path}");
            let reply = get(bitting.service, &path, &[]).await;
            assert_eq!(reply.status, 303, "{path}");
            assert!(reply.header("location").starts_with("/sign-in"), "{path}: {}", reply.header("location"));
            assert!(!reply.body.contains("closed_"), "{path}");
        }
    }
    assert_eq!(get(bitting.gateway, "/apis/open/docs", &[("host", "open.example")]).await.status, 401);
}

#[tokio::test]
async fn with_several_public_apis_the_contents_name_each() {
    let both = CONFIG.replace("key = { prefix = \"closed_\" }\n", "key = { prefix = \"closed_\" }\ndocs = { public = true }\n");
    let (bitting, _upstream) = start(&both).await;
    let contents = get(bitting.service, "/llms.txt", &[]).await.body;
    assert!(
        contents.contains("- [Open](/apis/open/docs/llms.txt)") && contents.contains("- [closed](/apis/closed/docs/llms.txt)")
    );
    let (none, _upstream) = start(&CONFIG.replace("public = true", "public = false")).await;
    assert_eq!(get(none.service, "/llms.txt", &[]).await.status, 404);
}
