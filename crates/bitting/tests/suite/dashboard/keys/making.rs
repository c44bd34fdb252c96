//! Keys that are made: shown once, with what was asked for, and no more than may be asked for.

use bitting_store::{KeyFilter, Page};
use http::StatusCode;

use super::{KEYS, NEW, call, fields, make_bot, rows, shown};
use crate::dashboard::House;
use crate::harness::hidden;

#[tokio::test]
async fn bb5_a_key_is_shown_once_and_a_second_click_makes_no_second_one() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let empty = mara.open("/").await;
    assert!(empty.body.contains("No keys yet.") && empty.body.contains("Waiting for the first request"), "{}", empty.body);
    let once = hidden(&empty, "once").unwrap();
    let made = mara.send(NEW, &fields(&once, "Billing sync")).await;
    let key = shown(&made);
    house.traces.issued(&key);
    assert!(key.starts_with("sk_test_") && key.len() == 40, "{key}");
    assert_eq!(made.header("cache-control"), "no-store");
    assert_eq!(call(&house, &key).await, StatusCode::OK);
    let again = mara.send(NEW, &fields(&once, "Billing sync")).await;
    let id = rows(&house).await[0].id;
    assert_eq!((again.status, again.header("location")), (StatusCode::SEE_OTHER, &*format!("{KEYS}/{id}?done=shown")));
    let page = mara.open(&format!("{KEYS}/{id}?done=shown")).await;
    assert!(page.body.contains("This key was made already, and shown once."));
    let other = mara.send(NEW, &fields(&once, "Another")).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(other.body.contains("Send it once more to make another") && other.body.contains("value=\"Another\""));
    assert_eq!(rows(&house).await.len(), 1);
    for page in [&page, &mara.open(KEYS).await, &other] {
        assert!(!page.body.contains(&key[12..]), "it is not shown again");
    }
}

#[tokio::test]
async fn a_mistake_comes_back_with_what_was_typed() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    mara.open(NEW).await;
    let mut typed = fields("0123456789abcdef", "");
    typed.retain(|(name, _)| *name != "addresses");
    typed.push(("addresses", "203.0.113.0/24\r\n198.51.100.300"));
    let reply = mara.send(NEW, &typed).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in
        ["Give it a name", "198.51.100.300: no part of an address goes above 255.", "203.0.113.0/24\n198.51.100.300</textarea>"]
    {
        assert!(reply.body.contains(part), "{part}");
    }
    assert!(rows(&house).await.is_empty());
}

#[tokio::test]
async fn an_operator_makes_keys_for_accounts_that_are_there() {
    let house = House::open().await;
    let tomasz = house.operator("tomasz@example.com").await;
    house.developer("northwind", "mara@northwind.example").await;
    let once = hidden(&tomasz.open(&format!("{NEW}?account=nowhere")).await, "once").unwrap();
    let for_account = |account| [fields(&once, "Billing sync"), vec![("account", account)]].concat();
    assert!(tomasz.send(NEW, &for_account("")).await.body.contains("Say whose key it is."));
    assert!(tomasz.send(NEW, &for_account("nowhere")).await.body.contains("There is no account with this id."));
    let made = tomasz.send(NEW, &for_account("northwind")).await;
    house.traces.issued(&shown(&made));
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let list = tomasz.open(&format!("{KEYS}?account=northwind")).await;
    assert!(list.body.contains("Billing sync</a>") && list.body.contains("/accounts/northwind"));
    assert!(!tomasz.open(&format!("{KEYS}?account=southwind")).await.body.contains("Billing sync</a>"));
    let maker = rows(&house).await[0].created_by.clone();
    let of_maker = tomasz.open(&format!("{KEYS}?created_by={maker}")).await;
    assert!(of_maker.body.contains("Keys that <bdi>tomasz</bdi> made") && of_maker.body.contains("Billing sync</a>"));
}

#[tokio::test]
async fn pa1_a_key_is_made_with_description_preset_limit_and_date() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let once = hidden(&mara.open(NEW).await, "once").unwrap();
    let typed = [
        ("once", once.as_str()),
        ("name", "Partner portal"),
        ("description", "Order status\r\nfor partners"),
        ("environment", "live"),
        ("access", "read_write"),
        ("expires", "on"),
        ("expires_on", "2026-03-31"),
        ("limit", "own"),
        ("limit:hour", "500"),
        ("limit:minute", ""),
        ("addresses", "127.0.0.1"),
    ];
    let made = mara.send(NEW, &typed).await;
    house.traces.issued(&shown(&made));
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    for part in ["500 an hour", "This call needs <code>tasks:read</code>, which the key has."] {
        assert!(made.body.contains(part), "{part}");
    }
    let row = rows(&house).await.remove(0);
    let names: Vec<&str> = row.permissions.iter().map(bitting_core::rights::Permission::as_str).collect();
    let expected = ["tasks:read", "projects:read", "users:read", "tasks:write", "projects:write", "users:write"];
    assert_eq!((names, row.description.as_str()), (expected.to_vec(), "Order status\nfor partners"));
    assert_eq!(row.expires_at, Some("2026-03-31T23:59:59Z".parse().unwrap()));
    assert_eq!(row.limits.get("hour"), Some(&500));
    let page = mara.open(&format!("{KEYS}/{}", row.id)).await;
    for part in ["Read and write", "Order status\nfor partners", "31 Mar 2026", "127.0.0.1"] {
        assert!(page.body.contains(part), "{part}");
    }
}

#[tokio::test]
async fn cs3_a_key_is_made_with_a_label_and_shown_once_in_its_profile() {
    let house = House::of("csboard", &[]).await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let form = mara.open("/apis/csboard/keys/new").await;
    assert!(form.body.contains("<label class=\"label\" for=\"name\">Label</label>") && form.body.contains("Generate key"));
    let key = make_bot(&house, &mara, &[]).await;
    assert!(key.starts_with("csb_pub_"), "{key}");
    let page = Page { after: None, limit: 1 };
    let row = house.server.engine().store().keys("csboard", KeyFilter::default(), page).await.unwrap().remove(0);
    assert_eq!((row.name.as_str(), row.account.as_str()), ("Bot", "northwind"));
    assert!(!mara.open("/apis/csboard/keys").await.body.contains(&key[12..]));
}

#[tokio::test]
async fn a_developer_gives_no_key_more_than_the_plan_whatever_the_api_lets_operators_write() {
    let house = House::open_with(&["api.product-api.key_limits=\"replace\""]).await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let tomasz = house.operator("tomasz@example.com").await;
    let once = hidden(&mara.open(NEW).await, "once").unwrap();
    let with = |limit: &'static str| [fields(&once, "Billing sync"), vec![("limit", "own"), ("limit:minute", limit)]].concat();
    let mut asked = with("9000000000000");
    asked.retain(|field| *field != ("limit", "plan"));
    let refused = mara.send(NEW, &asked).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("At most 100, which is what the plan allows."), "{}", refused.body);
    // Not only the form says so.
    let member = house.server.engine().store().member_by_email("mara@northwind.example").await.unwrap().unwrap().row.id;
    let submit = async |change: bitting_store::Change| {
        house.server.engine().commit(change, bitting_store::Actor::Member(member), "req_test").await
    };
    let issue = |minute: u64, account: &str| {
        let engine = house.server.engine();
        let limits = [("minute".to_owned(), minute)].into();
        let account = Some(account.parse().unwrap());
        let spec = bitting_engine::KeySpec { name: "x".to_owned(), limits, account, ..bitting_engine::KeySpec::default() };
        let issued = spec.issue(engine.apis().find("product-api").unwrap(), engine.now()).unwrap();
        house.traces.issued(issued.key.expose());
        issued.change
    };
    assert!(submit(issue(101, "northwind")).await.unwrap_err().to_string().contains("the plan allows 100"));
    assert!(submit(issue(100, "somebody-elses")).await.is_err());
    let id = submit(issue(50, "northwind")).await.unwrap().keys[0].row.id;
    let set = |minute: u64| {
        let patch = bitting_store::KeyPatch { limits: Some([("minute".to_owned(), minute)].into()), ..Default::default() };
        bitting_store::Change::UpdateKey { api: "product-api".to_owned(), key: id, patch: Box::new(patch) }
    };
    assert!(submit(set(100)).await.is_ok(), "one below the plan is lifted up to it");
    house.server.engine().commit(set(5_000), bitting_store::Actor::System, "req_test").await.unwrap();
    assert!(submit(set(5_001)).await.is_err() && submit(set(4_000)).await.is_ok() && submit(set(4_001)).await.is_err());
    let form = tomasz.open(&format!("{KEYS}/{id}/edit")).await;
    let sequence = hidden(&form, "sequence").unwrap();
    let edit = [
        ("sequence", &*sequence),
        ("name", "x"),
        ("access", "read"),
        ("expires", "keep"),
        ("limit", "own"),
        ("limit:minute", "9000"),
        ("enabled", "yes"),
    ];
    let saved = tomasz.send(&format!("{KEYS}/{id}/edit"), &edit).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "an operator may: {}", saved.body);
}
