//! Every page at 360 and 1440 pixels, in light and dark: axe finds nothing, and nothing sticks out. The pictures are for human eyes.

mod keys;
mod setbacks;

use bitting_engine::KeySpec;
use bitting_store::{Actor, Change, NewAccount};

use super::{browser_of, stranger};
use crate::dashboard::House;
use crate::harness::{Browser, get};

/// A key of an account with these permissions.
async fn key(house: &House, account: &str, name: &str, permissions: &[&str]) -> String {
    let engine = house.server.engine();
    let permissions = Some(permissions.iter().map(|name| name.parse().unwrap()).collect());
    let account = Some(account.parse().unwrap());
    let spec = KeySpec { name: name.to_owned(), account, permissions, ..KeySpec::default() };
    let apis = engine.apis();
    let issued = spec.issue(apis.find("product-api").unwrap(), engine.now()).unwrap();
    engine.commit(issued.change, Actor::System, "test").await.unwrap();
    house.traces.issued(issued.key.expose());
    issued.key.expose().to_owned()
}

/// A house in which something is going on.
async fn lively() -> House {
    let house = House::open().await;
    house.developer("northwind", "dev@northwind.example").await;
    let name = "شركة <b>& co</b> 🗝".to_owned();
    let acme = NewAccount { api: "product-api".into(), id: "acme".parse().unwrap(), name, plan: None };
    house.server.engine().commit(Change::CreateAccount(acme), Actor::System, "test").await.unwrap();
    let key = key(&house, "northwind", "Production App with a name that is rather long", &["tasks:read"]).await;
    let gateway = house.server.addresses()[0];
    let bearer = format!("Bearer {key}");
    for path in ["/v1/tasks", "/v1/tasks/1", "/v1/users", "/v1/projects"] {
        get(gateway, path, &[("authorization", &bearer)]).await;
    }
    get(gateway, "/v1/tasks", &[("authorization", "Bearer sk_live_wrong")]).await;
    house
}

async fn look_at(browser: &Browser, name: &str, path: &str, status: u64, heading: &str) {
    browser.open(path).await;
    assert_eq!((browser.status().await, browser.heading().await.as_str()), (status, heading), "{path}");
    browser.inspect(name).await;
}

#[tokio::test]
async fn the_pages_of_operators() {
    let house = lively().await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    look_at(&mara, "apis", "/", 200, "APIs").await;
    look_at(&mara, "accounts", "/apis/product-api/accounts", 200, "Accounts").await;
    look_at(&mara, "accounts-none", "/apis/product-api/accounts?q=zzz", 200, "Accounts").await;
    look_at(&mara, "account", "/apis/product-api/accounts/northwind", 200, "northwind").await;
    mara.press("Suspend").await;
    mara.inspect("account-suspend").await;
    look_at(&mara, "account-new", "/apis/product-api/accounts/new", 200, "Create an account").await;
    mara.fill("Id", "not an id").await;
    mara.press("Create account").await;
    mara.inspect("account-refused").await;
    look_at(&mara, "audit-log", "/apis/product-api/audit-log", 200, "Audit log").await;
    mara.pick("What", "Created key").await;
    mara.fill("From", "2025-12-01").await;
    mara.press("Show").await;
    mara.inspect("audit-log-filtered").await;
    mara.fill("Of", "nothing that is there").await;
    mara.press("Show").await;
    mara.sees("Nothing fits.").await;
    mara.inspect("audit-log-none").await;
    look_at(&mara, "audit-log-own", "/apis/bitting/audit-log", 200, "Audit log").await;
}

#[tokio::test]
async fn the_page_of_bans() {
    let house = House::of("csboard", &["api.csboard.bans.private=true", "api.csboard.bans.after=2"]).await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    for _ in 0..2 {
        get(house.server.addresses()[0], "/v1/listings", &[("authorization", "Bearer csb_pub_damaged")]).await;
    }
    mara.open("/apis/csboard/events").await;
    mara.comes_to_say("127.0.0.1 was banned").await;
    mara.follow("See bans").await;
    mara.row("127.0.0.1").await.sees("in 5 minutes").await;
    mara.inspect("bans").await;
    mara.press("Lift").await;
    mara.sees("It is free again").await;
    mara.inspect("bans-none").await;
}

#[tokio::test]
async fn the_pages_of_usage() {
    let house = lively().await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    mara.open("/apis/product-api/usage").await;
    mara.comes_to_say("Damaged key").await;
    look_at(&mara, "usage", "/apis/product-api/usage", 200, "Usage").await;
    mara.press("Show as a table").await;
    mara.inspect("usage-table").await;
    mara.follow("24 hours").await;
    mara.inspect("usage-day").await;
    mara.follow("30 days").await;
    mara.inspect("usage-month").await;
    let dev = browser_of(&house, &house.developer("northwind", "dev2@northwind.example").await).await;
    look_at(&dev, "usage-account", "/apis/product-api/usage", 200, "Usage").await;
    dev.section("Busiest keys").await.follow("Production App").await;
    dev.inspect("key-with-refusals").await;
    let key = dev.path().await;
    let id = key.rsplit('/').next().unwrap();
    look_at(&dev, "usage-key", &format!("/apis/product-api/usage?key={id}"), 200, "Usage").await;
}

#[tokio::test]
async fn the_pages_of_developers() {
    let house = lively().await;
    let dev = browser_of(&house, &house.developer("northwind", "dev2@northwind.example").await).await;
    look_at(&dev, "members-account", "/apis/product-api/members", 200, "Members").await;
    dev.press("Invite member").await;
    dev.inspect("member-invite").await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    look_at(&mara, "members-of-api", "/apis/product-api/members", 200, "Members").await;
    mara.press("Invite member").await;
    mara.fill("E-mail", "new@example.com").await;
    mara.fill("Account", "not there").await;
    mara.press("Create invitation").await;
    mara.inspect("member-invite-refused").await;
}

#[tokio::test]
async fn the_page_about_authentication() {
    let house = House::open().await;
    let browser = stranger(&house).await;
    browser.open("/apis/product-api/docs").await;
    browser.inspect("docs").await;
}
