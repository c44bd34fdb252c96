//! The ways in and out.

use std::time::Duration;

use bitting_engine::Invitation;
use http::StatusCode;

use super::{House, PASSWORD};
use crate::harness::{Person, Reply, code, form, hidden, post, request};

/// The path of a link that stands in a page or was printed.
fn path_of(link: &str) -> String {
    link.split_once("/link").map_or_else(|| panic!("{link} is no link"), |(_, rest)| format!("/link{rest}"))
}

/// The one-time link that a page shows.
fn link_in(page: &Reply) -> String {
    let (_, rest) = page.body.split_once("/link?token=").unwrap_or_else(|| panic!("{}", page.body));
    format!("/link?token={}", rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect::<String>())
}

impl House {
    /// Somebody of an account whom the API's own site sends.
    pub(super) async fn visitor(&self, account: &str, name: &str) -> Person {
        self.developer(account, &format!("maker@{account}.example")).await;
        let made = Invitation::of_visitor("product-api", account.parse().unwrap(), name, self.server.engine().now()).unwrap();
        self.server.engine().commit(made.change, bitting_store::Actor::System, "test").await.unwrap();
        let person = self.stranger();
        person.open(&format!("/link?token={}", made.token.expose())).await;
        assert!(person.is_in().await);
        person
    }
}

#[tokio::test]
async fn the_first_operator_sets_up_once_with_the_link_that_was_printed() {
    let house = House::open().await;
    let link = path_of(&house.server.set_up_link().await.unwrap().unwrap());
    let first = house.stranger();
    let page = first.open(&link).await;
    assert!(page.body.contains("You are the first operator"), "{}", page.body);
    assert_eq!(page.header("referrer-policy"), "no-referrer", "the address is a secret");
    let token = hidden(&page, "token").unwrap();
    let fields = [("token", &*token), ("name", "Mara"), ("email", "Mara@Example.com"), ("password", PASSWORD)];
    let weak = first.send("/link", &[fields[0], fields[1], fields[2], ("password", "short")]).await;
    assert_eq!(weak.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(weak.body.contains("value=\"Mara\"") && weak.body.contains("10 characters or more"), "nothing typed is lost");
    assert_eq!(first.send("/link", &fields).await.status, StatusCode::SEE_OTHER);
    assert!(first.open("/").await.body.contains("What this server guards"));
    assert_eq!(house.stranger().open(&link).await.status, StatusCode::GONE);
    assert_eq!(house.server.set_up_link().await.unwrap(), None, "there is somebody who can sign in");
    assert_eq!(house.stranger().sign_in("mara@example.com", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_new_set_up_link_takes_the_place_of_the_one_before() {
    let house = House::open().await;
    let first = path_of(&house.server.set_up_link().await.unwrap().unwrap());
    let second = path_of(&house.server.set_up_link().await.unwrap().unwrap());
    assert_eq!(house.stranger().open(&first).await.status, StatusCode::GONE);
    assert_eq!(house.stranger().open(&second).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_get_the_same_page() {
    let house = House::open().await;
    house.operator("mara@example.com").await;
    let known = house.stranger().sign_in("mara@example.com", "wrong password").await;
    let unknown = house.stranger().sign_in("nobody@example.com", "wrong password").await;
    assert_eq!((known.status, unknown.status), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    assert!(known.body.contains("do not match"));
    assert_eq!(known.body.replace("mara@", "nobody@"), unknown.body);
}

#[tokio::test]
async fn whoever_tries_too_often_waits_and_nobody_else_does() {
    let house = House::open().await;
    house.operator("mara@example.com").await;
    house.operator("tomasz@example.com").await;
    for _ in 0..6 {
        house.stranger().sign_in("mara@example.com", "wrong password").await;
    }
    let refused = house.stranger().sign_in("mara@example.com", PASSWORD).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.body.contains("Too many attempts") && refused.body.contains("<time"), "{}", refused.body);
    assert_eq!(house.stranger().sign_in("tomasz@example.com", PASSWORD).await.status, StatusCode::SEE_OTHER);
    house.clock.advance(Duration::from_secs(2));
    assert_eq!(house.stranger().sign_in("mara@example.com", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_attempt_that_nobody_could_look_at_makes_nobody_wait() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    house.break_store();
    for attempt in 0..8 {
        let refused = house.stranger().sign_in("mara@example.com", PASSWORD).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "attempt {attempt}");
    }
    assert_eq!(mara.look("/you").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_session_ends_when_nobody_was_there_for_long_and_after_a_week_whatever_they_do() {
    let house = House::open().await;
    let idle = house.operator("idle@example.com").await;
    let busy = house.operator("busy@example.com").await;
    for _ in 0..13 {
        house.clock.advance(Duration::from_hours(11));
        assert!(busy.is_in().await);
    }
    assert!(!idle.is_in().await);
    house.clock.advance(Duration::from_hours(11));
    assert!(busy.is_in().await);
    house.clock.advance(Duration::from_hours(11));
    assert!(busy.is_in().await);
    house.clock.advance(Duration::from_hours(3));
    assert!(!busy.is_in().await, "a week is over");
}

#[tokio::test]
async fn signing_in_gives_a_new_session_and_ends_the_one_that_the_browser_had() {
    let house = House::open().await;
    let attacker = house.operator("attacker@example.com").await;
    let planted = attacker.cookie("bitting_session");
    house.operator("mara@example.com").await;
    let victim = house.stranger();
    victim.set_cookie("bitting_session", &planted);
    victim.sign_in("mara@example.com", PASSWORD).await;
    assert_ne!(victim.cookie("bitting_session"), planted);
    assert!(victim.open("/you").await.body.contains("mara@example.com"));
    assert!(!attacker.is_in().await, "what was planted opens nothing any more");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_not_only_the_cookie() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let kept = mara.cookie("bitting_session");
    mara.open("/you").await;
    assert_eq!(mara.send("/sign-out", &[]).await.header("location"), "/sign-in");
    assert_eq!(mara.cookie("bitting_session"), "");
    mara.set_cookie("bitting_session", &kept);
    assert!(!mara.is_in().await);
}

#[tokio::test]
async fn one_signs_out_elsewhere_and_stays_here() {
    let house = House::open().await;
    let here = house.operator("mara@example.com").await;
    let there = house.stranger();
    there.sign_in("mara@example.com", PASSWORD).await;
    here.open("/you").await;
    assert_eq!(here.send("/you/sessions", &[("session", "others")]).await.status, StatusCode::SEE_OTHER);
    assert!(here.is_in().await && !there.is_in().await);
}

#[tokio::test]
async fn whoever_is_disabled_is_out_with_the_next_click() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let tomasz = house.operator("tomasz@example.com").await;
    let page = mara.open("/members").await;
    let (_, rest) = page.body.split_once("#disable-").unwrap();
    let id = rest.split('"').next().unwrap();
    assert_eq!(mara.send(&format!("/members/{id}/disable"), &[]).await.status, StatusCode::SEE_OTHER);
    assert!(!tomasz.is_in().await);
    let refused = house.stranger().sign_in("tomasz@example.com", PASSWORD).await;
    assert!(refused.status == StatusCode::UNAUTHORIZED && refused.body.contains("do not match"));
    assert_eq!(mara.send(&format!("/members/{id}/enable"), &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(house.stranger().sign_in("tomasz@example.com", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_reset_link_sets_another_password_once_and_signs_out_everywhere() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let tomasz = house.operator("tomasz@example.com").await;
    let page = mara.open("/members").await;
    let (_, rest) = page.body.split_once("#disable-").unwrap();
    let id = rest.split('"').next().unwrap().to_owned();
    let made = mara.send(&format!("/members/{id}/link"), &[]).await;
    assert_eq!((made.status, made.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let link = link_in(&made);
    let whoever = house.stranger();
    let page = whoever.open(&link).await;
    assert!(page.body.contains("Set a new password") && page.body.contains("tomasz@example.com"), "{}", page.body);
    let fields = [("token", &*hidden(&page, "token").unwrap()), ("password", "another good password")];
    assert_eq!(whoever.send("/link", &fields).await.status, StatusCode::SEE_OTHER);
    assert!(whoever.is_in().await && !tomasz.is_in().await);
    assert_eq!(whoever.send("/link", &fields).await.status, StatusCode::GONE);
    assert_eq!(house.stranger().sign_in("tomasz@example.com", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nobody_makes_a_link_for_themselves_and_none_outlives_a_new_password() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let tomasz = house.operator("tomasz@example.com").await;
    let id = house.id("mara@example.com").await;
    let list = mara.open("/members").await;
    assert!(!list.body.contains(&format!("/members/{id}/link")), "there is no button for it");
    assert_eq!(mara.send(&format!("/members/{id}/link"), &[]).await.status, StatusCode::FORBIDDEN);
    tomasz.open("/members").await;
    let link = link_in(&tomasz.send(&format!("/members/{id}/link"), &[]).await);
    mara.open("/you").await;
    let fields = [("password", PASSWORD), ("new_password", "another good password")];
    assert_eq!(mara.send("/you/password", &fields).await.status, StatusCode::OK);
    assert_eq!(house.stranger().open(&link).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn an_invitation_is_over_after_a_week() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    mara.open("/members").await;
    let made = mara.send("/members", &[("email", "New@Example.com"), ("name", "")]).await;
    let link = link_in(&made);
    house.clock.advance(Duration::from_hours(24 * 7) - Duration::from_millis(1));
    assert_eq!(house.stranger().open(&link).await.status, StatusCode::OK);
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(house.stranger().open(&link).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn with_a_second_factor_a_password_is_half_the_way() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let second = || bitting_engine::Clock::now(&house.clock).as_millis() / 1_000;
    let secret = hidden(&mara.open("/you/second-factor").await, "secret").unwrap();
    let give = async |password: &str, code: &str| {
        mara.send("/you/second-factor", &[("secret", &secret), ("code", code), ("password", password)]).await
    };
    let wrong = give(PASSWORD, "000000").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(hidden(&wrong, "secret").unwrap(), secret, "the app has it already");
    let open_browser = give("not the password", &code(&secret, second())).await;
    assert!(open_browser.status == StatusCode::UNPROCESSABLE_ENTITY && open_browser.body.contains("This is not your password"));
    let set = give(PASSWORD, &code(&secret, second())).await;
    assert!(set.body.contains("A code is asked for from now on"), "{}", set.body);

    let elsewhere = house.stranger();
    let half = elsewhere.sign_in("mara@example.com", PASSWORD).await;
    assert!(half.body.contains("Your code") && !elsewhere.is_in().await);
    let half_way = hidden(&half, "half_way").unwrap();
    let give = async |code: &str| elsewhere.send("/sign-in/second-factor", &[("half_way", &half_way), ("code", code)]).await;
    let again = give(&code(&secret, second())).await;
    assert!(again.status == StatusCode::UNAUTHORIZED, "the one that set it up was used");
    house.clock.advance(Duration::from_secs(30));
    assert_eq!(give("123456").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(give(&code(&secret, second())).await.status, StatusCode::SEE_OTHER);
    assert!(elsewhere.is_in().await);
    let other = house.stranger();
    let half_way = hidden(&other.sign_in("mara@example.com", PASSWORD).await, "half_way").unwrap();
    let reused = other.send("/sign-in/second-factor", &[("half_way", &half_way), ("code", &code(&secret, second()))]).await;
    assert_eq!(reused.status, StatusCode::UNAUTHORIZED, "a code is taken once");
}

#[tokio::test]
async fn whoever_owes_a_code_for_a_password_that_is_another_by_now_stays_out() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let second = || bitting_engine::Clock::now(&house.clock).as_millis() / 1_000;
    let secret = hidden(&mara.open("/you/second-factor").await, "secret").unwrap();
    let fields = [("secret", &*secret), ("code", &*code(&secret, second())), ("password", PASSWORD)];
    assert_eq!(mara.send("/you/second-factor", &fields).await.status, StatusCode::OK);
    let thief = house.stranger();
    let half_way = hidden(&thief.sign_in("mara@example.com", PASSWORD).await, "half_way").unwrap();
    mara.open("/you").await;
    let fields = [("password", PASSWORD), ("new_password", "another good password")];
    assert_eq!(mara.send("/you/password", &fields).await.status, StatusCode::OK);
    house.clock.advance(Duration::from_secs(30));
    let fields = [("half_way", &*half_way), ("code", &*code(&secret, second()))];
    assert_eq!(thief.send("/sign-in/second-factor", &fields).await.status, StatusCode::FORBIDDEN);
    assert!(!thief.is_in().await);
}

#[tokio::test]
async fn a_reset_link_does_not_stand_in_for_the_second_factor() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let tomasz = house.operator("tomasz@example.com").await;
    let second = bitting_engine::Clock::now(&house.clock).as_millis() / 1_000;
    let secret = hidden(&tomasz.open("/you/second-factor").await, "secret").unwrap();
    let fields = [("secret", &*secret), ("code", &*code(&secret, second)), ("password", PASSWORD)];
    assert_eq!(tomasz.send("/you/second-factor", &fields).await.status, StatusCode::OK);
    let page = mara.open("/members").await;
    let (_, rest) = page.body.split_once("#disable-").unwrap();
    let id = rest.split('"').next().unwrap().to_owned();
    let link = link_in(&mara.send(&format!("/members/{id}/link"), &[]).await);
    let thief = house.stranger();
    let token = hidden(&thief.open(&link).await, "token").unwrap();
    let set = thief.send("/link", &[("token", &token), ("password", "another good password")]).await;
    assert_eq!(set.header("location"), "/sign-in");
    assert!(!thief.is_in().await);
    // Whoever has lost the phone too is helped by another operator.
    mara.open("/members").await;
    mara.send(&format!("/members/{id}/remove-second-factor"), &[]).await;
    assert_eq!(thief.sign_in("tomasz@example.com", "another good password").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_apis_own_site_sends_people_in_without_a_password() {
    let house = House::open().await;
    house.developer("acme", "dev@example.com").await;
    let operator = super::token(&house, &["portal:write"]).await;
    let ask = async |body: &str| {
        let headers = [("authorization", operator.as_str()), ("content-type", "application/json")];
        post(house.service, "/v1/apis/product-api/portal-sessions", &headers, body).await
    };
    let made = ask(r#"{"account": "acme", "member": "priya"}"#).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let link = path_of(made.json()["url"].as_str().unwrap());
    let priya = house.stranger();
    assert_eq!(priya.look(&link).await.header("location"), "/apis/product-api/keys");
    assert!(priya.open("/you").await.body.contains("priya"));
    assert_eq!(house.stranger().open(&link).await.status, StatusCode::GONE, "it opens once");

    let late = path_of(ask(r#"{"account": "acme", "member": "priya"}"#).await.json()["url"].as_str().unwrap());
    house.clock.advance(Duration::from_mins(5));
    assert_eq!(house.stranger().open(&late).await.status, StatusCode::GONE);

    for (body, field) in
        [(r#"{"account": "nobody", "member": "priya"}"#, "account"), (r#"{"account": "acme", "member": " "}"#, "member")]
    {
        let refused = ask(body).await;
        assert_eq!((refused.status.as_u16(), refused.json()["errors"][0]["field"].as_str()), (400, Some(field)), "{body}");
    }
    let other = super::token(&house, &["keys:write"]).await;
    let headers = [("authorization", other.as_str()), ("content-type", "application/json")];
    let body = r#"{"account": "acme", "member": "priya"}"#;
    let refused = post(house.service, "/v1/apis/product-api/portal-sessions", &headers, body).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_program_that_looks_where_a_portal_link_leads_does_not_use_it_up() {
    let house = House::open().await;
    house.developer("acme", "dev@example.com").await;
    let operator = super::token(&house, &["portal:write"]).await;
    let headers = [("authorization", operator.as_str()), ("content-type", "application/json")];
    let body = r#"{"account": "acme", "member": "priya"}"#;
    let made = post(house.service, "/v1/apis/product-api/portal-sessions", &headers, body).await;
    let link = path_of(made.json()["url"].as_str().unwrap());
    for (method, purpose) in [("HEAD", ""), ("GET", "prefetch"), ("GET", "prefetch;prerender")] {
        let looked = request(house.service, method, &link, &[("sec-purpose", purpose)], "").await;
        assert!(!looked.status.is_success() && looked.header("set-cookie").is_empty(), "{method} {purpose}: {looked:?}");
    }
    assert_eq!(house.stranger().look(&link).await.header("location"), "/apis/product-api/keys");
}

#[tokio::test]
async fn a_visitor_without_a_password_sets_up_no_second_factor() {
    let house = House::open().await;
    let priya = house.visitor("acme", "priya").await;
    let second = bitting_engine::Clock::now(&house.clock).as_millis() / 1_000;
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let fields = [("secret", secret), ("code", &*code(secret, second)), ("password", PASSWORD)];
    priya.open("/you").await;
    assert_eq!(priya.send("/you/second-factor", &fields).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn whoever_is_signed_in_is_asked_before_a_portal_link_makes_them_somebody_else() {
    let house = House::open().await;
    let dev = house.developer("acme", "dev@example.com").await;
    let operator = super::token(&house, &["portal:write"]).await;
    let headers = [("authorization", operator.as_str()), ("content-type", "application/json")];
    let body = r#"{"account": "acme", "member": "mallory"}"#;
    let made = post(house.service, "/v1/apis/product-api/portal-sessions", &headers, body).await;
    let link = path_of(made.json()["url"].as_str().unwrap());
    let page = dev.open(&link).await;
    assert!(page.status == StatusCode::OK && page.body.contains("Go on as mallory?"), "{}", page.body);
    assert!(dev.open("/you").await.body.contains("dev@example.com"), "nothing has changed yet");
    let token = hidden(&page, "token").unwrap();
    assert_eq!(dev.send("/link", &[("token", &token)]).await.status, StatusCode::SEE_OTHER);
    assert!(dev.open("/you").await.body.contains("mallory"));
}

#[tokio::test]
async fn what_was_typed_when_a_session_ended_is_there_after_signing_in_again() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    mara.open("/apis/product-api/accounts/new").await;
    house.clock.advance(Duration::from_hours(13));
    let name = "A \"quoted\" <b>name</b> & more";
    let door = mara.send("/apis/product-api/accounts", &[("id", "acme"), ("name", name), ("plan", "professional")]).await;
    assert_eq!(door.status, StatusCode::UNAUTHORIZED);
    assert!(door.body.contains("What you typed is kept"), "{}", door.body);
    let (kept, next) = (hidden(&door, "kept").unwrap(), hidden(&door, "next").unwrap());
    assert!(!kept.contains("csrf"));
    let fields = [("email", "mara@example.com"), ("password", PASSWORD), ("kept", &*kept), ("next", &*next)];
    let page = mara.send("/sign-in", &fields).await;
    assert!(page.status == StatusCode::OK && page.body.contains("Go on where you were"), "{}", page.body);
    assert!(!page.body.contains("<b>name"), "what was typed is text");
    let sent = mara.send("/apis/product-api/accounts", &[("id", "acme"), ("name", name), ("plan", "professional")]).await;
    assert_eq!(sent.header("location"), "/apis/product-api/accounts/acme");
}

#[tokio::test]
async fn after_signing_in_nobody_is_led_elsewhere() {
    let house = House::open().await;
    house.operator("mara@example.com").await;
    for next in ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"] {
        let fields = [("email", "mara@example.com"), ("password", PASSWORD), ("next", next)];
        assert_eq!(house.stranger().send("/sign-in", &fields).await.header("location"), "/", "{next}");
        let signed_in = house.operator("mara@example.com").await;
        let query = form(&[("next", next)]);
        assert_eq!(signed_in.look(&format!("/sign-in?{query}")).await.header("location"), "/", "{next}");
    }
}

#[tokio::test]
async fn behind_https_the_cookie_is_bound_to_the_host_and_to_https() {
    let house = House::open_with(&["dashboard.public_url=https://keys.example.com"]).await;
    house.server.engine();
    let guest = bitting_engine::Guest {
        api: "bitting".into(),
        account: None,
        name: "mara".into(),
        email: Some("mara@example.com".into()),
    };
    bitting_http::welcome(house.server.engine(), guest, PASSWORD.to_owned()).await.unwrap();
    let mara = house.stranger();
    let fields = [("email", "mara@example.com"), ("password", PASSWORD)];
    let own = [("sec-fetch-site", "same-origin"), ("origin", "https://keys.example.com")];
    let reply = mara.send_with("/sign-in", &fields, &own).await;
    let cookie = reply.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-bitting_session=") && cookie.contains("; Secure") && cookie.contains("HttpOnly"),
        "{cookie}"
    );
    assert!(house.server.set_up_link().await.unwrap().is_none());
}
