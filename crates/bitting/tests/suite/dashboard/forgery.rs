//! Forms that others have somebody send, and pages that others show in theirs.

use http::StatusCode;

use super::House;

/// What an operator's form would change.
const FIELDS: [(&str, &str); 3] = [("id", "forged"), ("name", ""), ("plan", "free")];

const ACCOUNTS: &str = "/apis/product-api/accounts";

async fn is_made(house: &House) -> bool {
    let store = house.server.engine().store();
    store.account("product-api", &"forged".parse().unwrap()).await.unwrap().is_some()
}

#[tokio::test]
async fn a_form_without_the_token_of_the_session_changes_nothing() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let other = house.operator("other@example.com").await;
    let anothers = crate::harness::hidden(&other.open("/members").await, "csrf").unwrap();
    let same_origin = [("sec-fetch-site", "same-origin")];
    for token in ["", "forged", &anothers, &mara.cookie("bitting_session")] {
        let fields = [&[("csrf", token)], &FIELDS[..]].concat();
        let refused = mara.send_with(ACCOUNTS, &fields, &same_origin).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{token}");
        assert!(refused.body.contains("This form is out of date"));
    }
    assert!(!is_made(&house).await);
    mara.open("/members").await;
    assert_eq!(mara.send(ACCOUNTS, &FIELDS).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing_even_with_the_token() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let token = crate::harness::hidden(&mara.open("/members").await, "csrf").unwrap();
    let fields = [&[("csrf", token.as_str())], &FIELDS[..]].concat();
    let own = format!("http://{}", house.service);
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", &own), ("sec-fetch-site", "cross-site")],
    ] {
        let refused = mara.send_with(ACCOUNTS, &fields, headers).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert!(!is_made(&house).await);
    let sign_in = house.stranger();
    let fields = [("email", "mara@example.com"), ("password", super::PASSWORD)];
    let refused = sign_in.send_with("/sign-in", &fields, &[("origin", "https://evil.example")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "nobody is signed in by somebody else's site");
}

#[tokio::test]
async fn what_is_no_form_is_not_read_as_one() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    mara.open("/members").await;
    let cookie = format!("bitting_session={}", mara.cookie("bitting_session"));
    let headers = [("content-type", "text/plain"), ("sec-fetch-site", "same-origin"), ("cookie", &*cookie)];
    let text = crate::harness::post(house.service, ACCOUNTS, &headers, "id=forged").await;
    assert_eq!(text.status, StatusCode::BAD_REQUEST);
    let long = "x".repeat(300 << 10);
    assert_eq!(mara.send(ACCOUNTS, &[("id", "forged"), ("name", &long)]).await.status, StatusCode::BAD_REQUEST);
    assert!(!is_made(&house).await);
}

#[tokio::test]
async fn no_page_can_be_framed_or_brings_script_from_elsewhere() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let api = "/apis/product-api";
    let pages = ["/", "/members", "/you", "/sign-in", "/nothing", &format!("{api}/accounts"), &format!("{api}/docs")];
    for path in pages {
        let page = mara.look(path).await;
        if page.status == StatusCode::SEE_OTHER {
            continue;
        }
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        for inline in ["<style", " style=", "<script>", " onclick=", "javascript:"] {
            assert!(!page.body.contains(inline), "{path} has {inline}");
        }
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
    }
}
