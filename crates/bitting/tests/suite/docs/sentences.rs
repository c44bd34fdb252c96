//! What the documentation says about situations, and what it does not say.

use bitting_http::docs::{Block, Page};

use super::{EXAMPLES, api, example};
use crate::harness::{Bitting, Traces, Upstream, run};

/// The Markdown of a configuration that says no more than what is given.
fn page(more: &str) -> String {
    let text = format!("[[api]]\nname = \"shop\"\nupstream = \"http://127.0.0.1:9\"\n{more}");
    Page::new(&api(&text, "shop")).markdown()
}

const PREFIX: &str = "key = { prefix = \"shop_\" }\n";

fn assert_says(page: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(page.contains(sentence), "{sentence}\nis missing in\n{page}");
    }
}

fn assert_is_silent(page: &str, words: &[&str]) {
    for word in words {
        assert!(!page.contains(word), "{word}\nis in\n{page}");
    }
}

#[test]
fn what_cannot_happen_is_not_documented() {
    let least = page(PREFIX);
    assert_says(&least, &["Every call to shop needs an API key.", "Any good key opens every call.", "## What a key opens"]);
    assert_is_silent(&least, &["## Limits", "429", "404", "lacks", "Manage keys over HTTP", "From a browser", "## Read on"]);
    let rich = page(&format!(
        "{PREFIX}permissions = [\"a:b\"]\ndefault = {{ access = \"closed\" }}\n[api.limits]\nday = \"5/day\"\n\
         all = {{ requests = 9, per = \"month\", scope = \"account\", quota = true }}\n\
         [[api.route]]\nmatch = \"GET /x\"\nneeds = \"a:b\"\ncost = 3\n"
    ));
    assert_says(
        &rich,
        &[
            "The key lacks `a:b`.",
            "There is nothing to call at this path.",
            "A limit is used up.",
            "A quota is used up.",
            "The call costs more than a limit ever allows at once.",
            "- 5 requests a day for each key",
            "- 9 requests a month for all keys of an account together",
            "| `GET /x` | 3 requests |",
            "| Every other call | cannot be called |",
        ],
    );
}

#[test]
fn reasons_that_share_an_answer_share_a_line_and_others_do_not() {
    let text = "[[api]]\nname = \"shop\"\nupstream = \"http://127.0.0.1:9\"\nkey = { prefix = \"shop_\" }\n[api.errors]\n\
                body = { code = \"{code}\", detail = \"{detail}\" }\nunauthenticated = { code = \"who\", detail = \"No.\" }\n\
                revoked_key = { code = \"gone\", detail = \"It was revoked.\" }\n";
    let page = Page::new(&api(text, "shop"));
    let of = |code: &str| page.refusals().find(|refusal| refusal.code.as_deref() == Some(code)).unwrap();
    assert_eq!(of("who").body, r#"{"code":"who","detail":"No."}"#);
    let told = of("who").when.plain();
    assert!(
        told.contains("unknown") && told.contains("expired") && told.contains("no key was sent") | told.starts_with("No key")
    );
    assert!(!told.contains("revoked"), "{told}");
    assert_eq!(of("gone").when.plain(), "The key is revoked.");
    assert_says(&page.markdown(), &["`code` is for programs and `detail` for people"]);
}

#[test]
fn a_caller_of_backboard_learns_from_its_documentation_no_more_than_from_its_answers() {
    let page = Page::new(&example("backboard"));
    let unauthorised: Vec<_> = page.refusals().filter(|refusal| refusal.status == 401).collect();
    assert_eq!(unauthorised.len(), 1);
    assert_eq!(unauthorised[0].body, r#"{"detail": "Invalid or missing API key"}"#);
}

#[test]
fn a_routes_own_denial_is_documented_with_the_right_that_it_asks_for() {
    let page = Page::new(&example("csboard"));
    let denied: Vec<_> = page.refusals().filter(|refusal| refusal.code.as_deref() == Some("trading_not_enabled")).collect();
    let [denied] = denied[..] else { panic!("{} lines", denied.len()) };
    assert_eq!(denied.when.plain(), "The key does not have Trading enabled.");
    assert!(page.refusals().all(|refusal| refusal.code.as_deref() != Some("insufficient_permission")));
    assert_says(
        &page.markdown(),
        &[
            "switch **Trading enabled** on for the key",
            "> **Trading enabled.** Never enable trading on a key that you share",
            "Without it, calls that need it are refused with `403 trading_not_enabled`.",
            "except `GET /v1/health`.",
            "in the query parameter `api_key`",
            "A key begins with `csb_pub_`, and 32 characters follow",
        ],
    );
}

#[test]
fn the_words_of_the_five_documents_are_in_their_pages() {
    for (name, words) in [
        (
            "backboard",
            &[
                "**Settings → API Keys**",
                "**Create New API Key**",
                "in the header `X-API-Key`",
                "export BACKBOARD_API_KEY=",
                "curl https://app.backboard.io/api/assistants",
                "`production`, `staging` or `development`",
            ][..],
        ),
        (
            "backbone",
            &[
                "**API Keys**",
                "**Create API Key**",
                "Older keys that begin with `sk_` still work.",
                "### OpenAI SDK",
                "base_url=\"https://backbone.manfred-kunze.dev/api/v1\"",
                "export BACKBONE_API_KEY=",
                "| `models:read` | List models |",
            ],
        ),
        (
            "launchboard",
            &[
                "Every call to Launchboard at `/api/v1/*` needs an API key.",
                "The roles, from the lowest to the highest, are `viewer`, `editor` and `admin`.",
                "| `POST, PUT, PATCH /api/v1/*` | `editor` or `admin` |",
                "| `production` | `pg_live_` | Your organization's data |",
                "full access to your organization's cap table",
                "429 with `Retry-After`",
                "\"type\":\"https://api.launchboard.xyz/problems/unauthorized\"",
                "RateLimit-Policy: \"minute\";q=600;w=60",
            ],
        ),
        (
            "product-api",
            &[
                "**Settings → API**",
                "**Generate New Key**",
                "process.env.PRODUCT_API_KEY",
                "Real data. Counts against your quota.",
                "| `admin:*` | Full access (dangerous!) |",
                "| Free | 1,000 | 100 |",
                "| Professional | 10,000 | 500 |",
                "| Enterprise | custom | custom |",
                "X-RateLimit-Remaining: 984",
                "`GET /v1/rate-limit` tells the same",
                "curl -X DELETE https://api.example.com/v1/api-keys/key_",
                "\"requests_this_month\": 45678",
                "Rotate live keys every 90 days",
                "[api-support@example.com](mailto:api-support@example.com)",
            ],
        ),
        (
            "csboard",
            &["**csboard.com/profile?tab=api**", "**Generate key**", "Under **Label**", "120 requests a minute for each key"],
        ),
    ] {
        assert_says(&Page::new(&example(name)).markdown(), words);
    }
}

#[test]
fn every_other_way_of_writing_an_api_has_its_sentences() {
    let page = Page::new(&example("harbour")).markdown();
    assert_says(
        &page,
        &[
            "as the user name of HTTP Basic authentication, with any password",
            "in the cookie `harbour_key`",
            "Credentials of other kinds, such as OAuth tokens, go to the API as they are.",
            "| `GET /harbour/tides` | no key; one that is sent must be good |",
            "Scripts of `https://bridge.harbour.example` may call the API from a browser",
            "An error is sent as `application/xml`.",
            "Every error has `X-Harbour-Error: yes`.",
            "```xml\n<?xml version=\"1.0\"?>",
            "stands for it.",
            "A name in braces stands for one part of the path.",
            "`GET /harbour/ping` says, without a key, that the API can be reached.",
        ],
    );
    assert_is_silent(&page, &["does not begin with"]);
    let asked = page_of_policy();
    assert_says(
        &asked,
        &["It ends after 90 days at the latest.", "It says from which networks it is used.", "An account has at most 5"],
    );
}

fn page_of_policy() -> String {
    page(&format!("{PREFIX}[api.policy]\nmax_lifetime = \"90d\"\naddresses_required = true\nkeys_per_account = 5\n"))
}

#[test]
fn names_with_marks_in_them_are_shown_as_they_are() {
    let text = "[[api]]\nname = \"shop\"\nupstream = \"http://127.0.0.1:9\"\nkey = { prefix = \"shop_\" }\n\
                permissions = { \"a:b\" = \"Reads | writes <b>all</b>\" }\n\
                [api.labels]\ntitle = \"<script>alert(1)</script> *Shop* `x\"\nkey_page = \"A & B_c_\"\n[api.docs]\n\
                intro = \"Send `<key>` <now>\"\n";
    let api = api(text, "shop");
    let page = Page::new(&api);
    assert_says(
        &page.markdown(),
        &[
            "# \\<script\\>alert(1)\\</script\\> \\*Shop\\* \\`x: authentication",
            "open **A & B\\_c\\_**",
            "Send `<key>` \\<now\\>",
            "| `a:b` | Reads \\| writes \\<b\\>all\\</b\\> |",
        ],
    );
    let html = Page::html(&api);
    assert!(html.contains("&#60;script&#62;alert(1)") && !html.contains("<script"), "{html}");
    assert!(html.contains("Reads | writes &#60;b&#62;all") && html.contains("<code>&#60;key&#62;</code>"));
}

#[test]
fn no_rendering_of_any_example_holds_a_whole_key() {
    for (name, _) in EXAMPLES.into_iter().chain([("harbour", "")]) {
        let api = example(name);
        let page = Page::new(&api);
        for text in [page.markdown(), page.llms(""), Page::html(&api)] {
            assert!(!api.format.is_in(text.as_bytes()), "{name}");
            let begins = api.format.environments().iter().flat_map(|of| &of.prefixes).find(|prefix| !prefix.is_empty());
            assert!(begins.is_none_or(|prefix| text.contains(&**prefix) || !text.contains("curl")), "{name}");
        }
    }
}

#[test]
fn every_link_inside_a_page_leads_to_a_section_of_it() {
    for (name, _) in EXAMPLES.into_iter().chain([("harbour", "")]) {
        let api = example(name);
        let page = Page::new(&api);
        let ids: Vec<String> = page.sections.iter().map(|section| section.id()).collect();
        let markdown = page.markdown() + &page.llms("").replace("authentication.md", "");
        for link in markdown.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(ids.iter().any(|id| id == link), "{name}: {link}");
        }
        let html = Page::html(&api);
        for id in &ids {
            assert!(html.contains(&format!("href=\"#{id}\"")) && html.contains(&format!("<h2 id=\"{id}\">")), "{name}: {id}");
        }
        let errors = page.sections.iter().flat_map(|section| &section.blocks);
        assert!(errors.filter(|block| matches!(block, Block::Refusals(_))).count() >= 1);
    }
}

#[tokio::test]
async fn the_command_prints_each_form_and_says_which_apis_there_are() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("product-api", &upstream);
    let print = |words: &[&str]| bitting.command(&[&["docs"], words].concat());
    assert!(print(&[]).stdout.starts_with("# Product API: authentication\n"));
    let llms = print(&["--format", "llms"]).stdout;
    assert!(llms.starts_with("# Product API\n\n> Every call to Product API needs an API key."), "{llms}");
    assert_says(&llms, &["- [Authentication](authentication.md):", "- [Errors](authentication.md#errors)", "(openapi.json)"]);
    let html = print(&["--format", "html"]).stdout;
    assert!(
        html.contains("<!doctype html>") && html.contains("<style>") && !html.contains("<script") && !html.contains("<link")
    );
    assert_eq!(print(&["--api", "moon"]).code, 4);
    let traces = Traces::new();
    let two = "[[api]]\nname = \"one\"\npath = \"/one\"\nupstream = \"http://127.0.0.1:9\"\nkey = { prefix = \"one_\" }\n";
    std::fs::write(traces.path("bitting.toml"), two.to_owned() + &two.replace("one", "two")).unwrap();
    let which = run(["docs".to_owned()], &traces);
    assert!(which.code == 2 && which.stderr.contains("write --api with one of: one, two"), "{}", which.stderr);
    let one = run(["docs", "--api", "one"].map(str::to_owned), &traces);
    assert!(one.code == 0 && one.stderr.contains("write base_url in [api.docs], or hosts"), "{}", one.stderr);
}
