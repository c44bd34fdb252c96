//! How far people see.

use bitting_core::key::KeyId;
use bitting_engine::KeySpec;
use bitting_store::Actor;
use http::StatusCode;

use super::House;

impl House {
    /// A key of an account.
    async fn key(&self, account: &str, name: &str) -> KeyId {
        let engine = self.server.engine();
        let apis = engine.apis();
        let spec = KeySpec { account: Some(account.parse().unwrap()), name: name.to_owned(), ..KeySpec::default() };
        let issued = spec.issue(apis.find("product-api").unwrap(), engine.now()).unwrap();
        self.traces.issued(issued.key.expose());
        engine.commit(issued.change, Actor::System, "test").await.unwrap().keys[0].row.id
    }

    /// The id of a member.
    pub(super) async fn id(&self, email: &str) -> String {
        self.server.engine().store().member_by_email(email).await.unwrap().unwrap().row.id.to_string()
    }
}

#[tokio::test]
async fn a_developer_who_tries_every_address_of_another_accounts_objects_finds_nothing() {
    let house = House::open().await;
    house.operator("mara@example.com").await;
    let dev = house.developer("acme", "dev@acme.example").await;
    house.developer("other", "dev@other.example").await;
    let (own, others) = (house.key("acme", "Ours").await, house.key("other", "Theirs").await);
    let (stranger, operator) = (house.id("dev@other.example").await, house.id("mara@example.com").await);
    let api = "/apis/product-api";
    assert_eq!(dev.look(&format!("{api}/keys/{own}")).await.status, StatusCode::OK, "their own is there");
    for path in [
        format!("{api}/keys/{others}"),
        format!("{api}/keys/{others}/edit"),
        format!("{api}/usage?key={others}"),
        format!("{api}/usage?account=other"),
        format!("{api}/usage.csv?key={others}"),
        format!("{api}/usage.csv?account=other"),
        format!("{api}/accounts"),
        format!("{api}/accounts/new"),
        format!("{api}/accounts/acme"),
        format!("{api}/accounts/other"),
        format!("{api}/audit-log"),
        "/apis/bitting/audit-log".to_owned(),
        "/apis/bitting/keys".to_owned(),
        "/apis/nothing/keys".to_owned(),
        "/apis/nothing/usage".to_owned(),
        "/apis/nothing/members".to_owned(),
    ] {
        let page = dev.look(&path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!page.body.contains("Theirs") && page.body.contains("There is nothing here"), "{path}");
    }
    dev.open("/you").await;
    for (path, fields) in [
        (format!("{api}/keys/{others}/edit"), &[("name", "Mine now")][..]),
        (format!("{api}/keys/{others}/rotate"), &[("overlap", "0")]),
        (format!("{api}/keys/{others}/extend"), &[("expires", "never")]),
        (format!("{api}/keys/{others}/revoke"), &[]),
        (format!("{api}/keys/{others}/switch"), &[("capability", "trading"), ("on", "yes")]),
        (format!("{api}/accounts"), &[("id", "mine")]),
        (format!("{api}/accounts/other"), &[("enabled", "no")]),
        (format!("{api}/accounts/acme"), &[("plan", "enterprise")]),
        (format!("/members/{stranger}/disable"), &[]),
        (format!("/members/{stranger}/link"), &[]),
        (format!("/members/{operator}/link"), &[]),
        (format!("/members/{operator}/disable"), &[]),
        (format!("/members/{operator}/remove-second-factor"), &[]),
    ] {
        let answer = dev.send(&path, fields).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.body);
    }
    let store = house.server.engine().store();
    let theirs = store.key("product-api", others).await.unwrap().unwrap();
    assert_eq!((theirs.name.as_str(), theirs.revoked_at, theirs.replaced_by), ("Theirs", None, None));
    let list = dev.open(&format!("{api}/keys")).await;
    assert!(list.body.contains("Ours") && !list.body.contains("Theirs"));
    let asked = dev.open(&format!("{api}/keys?account=other")).await;
    assert!(!asked.body.contains("Theirs"), "asking for another account shows nothing of it");
    let members = dev.open("/members").await;
    assert!(members.body.contains("dev@acme.example"));
    assert!(!members.body.contains("dev@other.example") && !members.body.contains("mara@example.com"));
}

#[tokio::test]
async fn a_developers_invitation_leads_into_their_own_account_whatever_they_send() {
    let house = House::open().await;
    let dev = house.developer("acme", "dev@acme.example").await;
    house.developer("other", "dev@other.example").await;
    dev.open("/members").await;
    for path in ["/members", "/apis/product-api/members"] {
        let email = format!("{}@acme.example", path.len());
        let made = dev.send(path, &[("email", &email), ("name", "New"), ("account", "other")]).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        let store = house.server.engine().store();
        let row = store.member_by_email(&email).await.unwrap().unwrap().row;
        assert_eq!((row.account.unwrap().as_str(), row.api.as_str()), ("acme", "product-api"));
    }
}

#[tokio::test]
async fn a_developer_makes_no_way_in_as_a_colleague() {
    let house = House::open().await;
    let dev = house.developer("acme", "dev@acme.example").await;
    house.developer("acme", "colleague@acme.example").await;
    let id = house.id("colleague@acme.example").await;
    let page = dev.open("/members").await;
    assert!(!page.body.contains("Reset password") && !page.body.contains("/remove-second-factor"), "{}", page.body);
    for action in ["link", "remove-second-factor"] {
        assert_eq!(dev.send(&format!("/members/{id}/{action}"), &[]).await.status, StatusCode::FORBIDDEN, "{action}");
    }
    assert_eq!(dev.send("/members", &[("email", "new@acme.example")]).await.status, StatusCode::CREATED);
    let awaited = house.id("new@acme.example").await;
    assert!(dev.open("/members").await.body.contains("New invitation"));
    assert_eq!(dev.send(&format!("/members/{awaited}/link"), &[]).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn whoever_comes_from_the_apis_own_site_invites_nobody() {
    let house = House::open().await;
    let priya = house.visitor("acme", "priya").await;
    let maker = house.operator("mara@example.com").await;
    maker.open("/members").await;
    let fields = [("email", "new@acme.example"), ("account", "acme")];
    assert_eq!(maker.send("/apis/product-api/members", &fields).await.status, StatusCode::CREATED);
    let awaited = house.id("new@acme.example").await;
    let page = priya.open("/members").await;
    assert!(!page.body.contains("Invite member") && !page.body.contains("New invitation"), "{}", page.body);
    for path in ["/members", "/apis/product-api/members", &format!("/members/{awaited}/link")] {
        let refused = priya.send(path, &[("email", "friend@acme.example")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert!(refused.body.contains("This is not yours to do"), "{path}");
    }
}

#[tokio::test]
async fn an_invitation_tells_a_developer_nothing_of_people_elsewhere() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let dev = house.developer("acme", "dev@acme.example").await;
    house.developer("acme", "colleague@acme.example").await;
    house.developer("other", "dev@other.example").await;
    dev.open("/members").await;
    let known = "Somebody signs in with this address already.";
    let neutral = "This address cannot be invited. Ask whoever runs the API.";
    for (email, text, other) in [
        ("mara@example.com", neutral, known),
        ("Dev@Other.example", neutral, known),
        ("colleague@acme.example", known, neutral),
    ] {
        let page = dev.send("/members", &[("email", email)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{email}");
        assert!(page.body.contains(text) && !page.body.contains(other), "{email}: {}", page.body);
    }
    mara.open("/members").await;
    let fields = [("email", "dev@other.example"), ("account", "acme")];
    assert!(mara.send("/apis/product-api/members", &fields).await.body.contains(known), "operators see everybody");
}

#[tokio::test]
async fn developers_of_an_account_invite_twenty_a_week_who_do_not_come_and_operators_any() {
    let house = House::open().await;
    let dev = house.developer("acme", "dev@acme.example").await;
    let mara = house.operator("mara@example.com").await;
    dev.open("/members").await;
    let invite = async |number: u32| dev.send("/members", &[("email", &format!("{number}@acme.example"))]).await.status;
    for number in 0..20 {
        assert_eq!(invite(number).await, StatusCode::CREATED, "{number}");
    }
    let first = house.id("0@acme.example").await;
    dev.send(&format!("/members/{first}/disable"), &[]).await;
    assert_eq!(invite(20).await, StatusCode::UNPROCESSABLE_ENTITY);
    mara.open("/members").await;
    let fields = [("email", "20@acme.example"), ("account", "acme")];
    assert_eq!(mara.send("/apis/product-api/members", &fields).await.status, StatusCode::CREATED);
    house.clock.advance(std::time::Duration::from_hours(24 * 7));
    dev.sign_in("dev@acme.example", super::PASSWORD).await;
    dev.open("/members").await;
    assert_eq!(invite(21).await, StatusCode::CREATED, "the invitations are over");
}

#[tokio::test]
async fn nobody_disables_themselves_or_the_last_operator() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let id = house.id("mara@example.com").await;
    mara.open("/members").await;
    assert_eq!(mara.send(&format!("/members/{id}/disable"), &[]).await.status, StatusCode::FORBIDDEN);
    assert!(mara.is_in().await);
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_led_to_the_door_and_from_there_to_where_they_wanted_to_go() {
    let house = House::open().await;
    house.operator("mara@example.com").await;
    let mara = house.stranger();
    for path in ["/", "/members", "/you", "/apis/product-api/keys?view=unused", "/apis/product-api/usage", "/apis/no/keys"] {
        let led = mara.look(path).await;
        assert_eq!(led.status, StatusCode::SEE_OTHER, "{path}");
        assert!(led.header("location").starts_with("/sign-in"), "{path}");
    }
    let door = mara.open("/apis/product-api/keys?view=unused").await;
    let next = crate::harness::hidden(&door, "next").unwrap();
    let fields = [("email", "mara@example.com"), ("password", super::PASSWORD), ("next", &*next)];
    assert_eq!(mara.send("/sign-in", &fields).await.header("location"), "/apis/product-api/keys?view=unused");
}

#[tokio::test]
async fn a_path_of_the_apis_own_leads_to_its_page_of_keys() {
    let house = House::open().await;
    let dev = house.developer("acme", "dev@acme.example").await;
    let led = dev.look("/settings/api").await;
    assert_eq!((led.status, led.header("location")), (StatusCode::SEE_OTHER, "/apis/product-api/keys"));
    assert!(dev.open("/settings/api?tab=keys").await.body.contains("API keys"));
    assert_eq!(dev.look("/settings/other").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn no_account_is_called_what_means_something_in_a_path() {
    let house = House::open().await;
    let tomasz = house.operator("tomasz@example.com").await;
    tomasz.open("/apis/product-api/accounts/new").await;
    for id in [".", "..", "...", "new"] {
        let refused = tomasz.send("/apis/product-api/accounts", &[("id", id), ("name", ""), ("plan", "free")]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{id}");
        assert!(refused.body.contains("has a meaning of its own in paths"), "{id}: {}", refused.body);
    }
    for id in ["new.", "newer", "org:a/b@c+d=e"] {
        let made = tomasz.send("/apis/product-api/accounts", &[("id", id), ("name", ""), ("plan", "free")]).await;
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{id}");
        assert_eq!(tomasz.open(made.header("location")).await.status, StatusCode::OK, "{id}");
    }
}
