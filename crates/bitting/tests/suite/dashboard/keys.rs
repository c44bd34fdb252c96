//! Keys: made once, shown once, changed by those whose they are.

use bitting_store::{KeyFilter, KeyRow, Page};
use http::StatusCode;

use super::House;
use crate::harness::{Person, Reply, hidden, raw, request};

const KEYS: &str = "/apis/product-api/keys";

const NEW: &str = "/apis/product-api/keys/new";

/// The form of a new key as it is first shown, with a name.
fn fields<'f>(once: &'f str, name: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![
        ("once", once),
        ("name", name),
        ("description", ""),
        ("environment", "test"),
        ("access", "read"),
        ("expires", "7776000s"),
        ("expires_on", ""),
        ("limit", "plan"),
        ("addresses", ""),
    ]
}

/// Opens the form and sends it.
async fn make(house: &House, person: &Person, name: &str) -> (String, Reply) {
    let once = hidden(&person.open(NEW).await, "once").unwrap();
    let made = person.send(NEW, &fields(&once, name)).await;
    let key = shown(&made);
    house.traces.issued(&key);
    (key, made)
}

/// The key that a page shows.
fn shown(page: &Reply) -> String {
    let groups = page.body.split_once("<code id=\"key\"").map_or("", |(_, rest)| rest.split("</code>").next().unwrap());
    groups.split("<span>").skip(1).map(|group| group.split('<').next().unwrap()).collect()
}

async fn rows(house: &House) -> Vec<KeyRow> {
    let page = Page { after: None, limit: 100 };
    house.server.engine().store().keys("product-api", KeyFilter::default(), page).await.unwrap()
}

async fn call(house: &House, key: &str) -> StatusCode {
    let authorization = format!("Bearer {key}");
    request(house.server.addresses()[0], "GET", "/v1/tasks", &[("authorization", &authorization)], "").await.status
}

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
async fn bb6_a_rotated_key_is_shown_once_and_the_old_one_ends_when_it_was_chosen() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let (old, _) = make(&house, &mara, "Billing sync").await;
    let id = rows(&house).await[0].id;
    let page = mara.open(&format!("{KEYS}/{id}")).await;
    let rotate = page.body.split("id=\"rotate\"").nth(1).unwrap();
    let once = rotate.split("name=\"once\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form = [("once", once.as_str()), ("overlap", "3600s")];
    let made = mara.send(&format!("{KEYS}/{id}/rotate"), &form).await;
    let new = shown(&made);
    house.traces.issued(&new);
    assert!(made.body.contains("works until"), "{}", made.body);
    assert_eq!((call(&house, &old).await, call(&house, &new).await), (StatusCode::OK, StatusCode::OK));
    let again = mara.send(&format!("{KEYS}/{id}/rotate"), &form).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    assert!(again.header("location").ends_with("?done=shown"), "{}", again.header("location"));
    let stale = mara.send(&format!("{KEYS}/{id}/rotate"), &[("once", "0123456789abcdef"), ("overlap", "0s")]).await;
    assert_eq!(stale.header("location"), format!("{KEYS}/{id}?done=rotated"));
    assert_eq!(rows(&house).await.len(), 2);
    house.clock.advance(std::time::Duration::from_secs(3_600));
    assert_eq!((call(&house, &old).await, call(&house, &new).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
}

#[tokio::test]
async fn lb9_a_revoked_key_is_refused_at_once_and_a_stale_tab_changes_nothing() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let (key, _) = make(&house, &mara, "Billing sync").await;
    assert_eq!(call(&house, &key).await, StatusCode::OK);
    let row = rows(&house).await.remove(0);
    let page = mara.open(&format!("{KEYS}/{}", row.id)).await;
    assert!(page.body.contains("Revoke Billing sync?") && page.body.contains("It was last used"), "{}", page.body);
    let revoked = mara.send(&format!("{KEYS}/{}/revoke", row.id), &[]).await;
    assert_eq!(revoked.header("location"), format!("{KEYS}/{}?done=revoked", row.id));
    assert_eq!(call(&house, &key).await, StatusCode::UNAUTHORIZED);
    let sequence = row.sequence.0.to_string();
    let mut edit = fields("", "Renamed");
    edit.push(("sequence", &sequence));
    for (step, form) in [
        ("edit", &edit[..]),
        ("extend", &[("expires", "7776000s")]),
        ("rotate", &[("once", "0123456789abcdef"), ("overlap", "0s")]),
    ] {
        let stale = mara.send(&format!("{KEYS}/{}/{step}", row.id), form).await;
        assert_eq!(stale.header("location"), format!("{KEYS}/{}?done=ended", row.id), "{step}");
    }
    assert_eq!(rows(&house).await[0].name, "Billing sync");
    let page = mara.open(&format!("{KEYS}/{}?done=ended", row.id)).await;
    assert!(page.body.contains("It was revoked meanwhile, so nothing was changed.") && !page.body.contains("<dialog"));
}

#[tokio::test]
async fn of_two_who_change_a_key_the_second_is_told_and_loses_nothing() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let tomasz = house.operator("tomasz@example.com").await;
    make(&house, &mara, "Billing sync").await;
    let row = rows(&house).await.remove(0);
    let path = format!("{KEYS}/{}/edit", row.id);
    let (one, two) = (mara.open(&path).await, tomasz.open(&path).await);
    let change = async |person: &Person, page: &Reply, name: &str, description: &str| {
        let sequence = hidden(page, "sequence").unwrap();
        let form = [
            ("sequence", sequence.as_str()),
            ("name", name),
            ("description", description),
            ("access", "read"),
            ("expires", "keep"),
            ("limit", "plan"),
            ("enabled", "yes"),
        ];
        person.send(&path, &form).await
    };
    assert_eq!(change(&mara, &one, "Billing", "").await.header("location"), format!("{KEYS}/{}?done=saved", row.id));
    let told = change(&tomasz, &two, "Billing sync", "Nightly").await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    assert!(told.body.contains("Somebody else has changed this key meanwhile.") && told.body.contains("Nightly</textarea>"));
    assert_eq!(rows(&house).await[0].name, "Billing");
    assert_eq!(change(&tomasz, &told, "Billing sync", "Nightly").await.status, StatusCode::SEE_OTHER);
    assert_eq!(rows(&house).await[0].description, "Nightly");
}

#[tokio::test]
async fn what_belongs_to_another_account_is_not_there() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let eve = house.developer("southwind", "eve@southwind.example").await;
    let (key, _) = make(&house, &mara, "Billing sync").await;
    let id = rows(&house).await[0].id;
    eve.open(NEW).await;
    for path in ["", "/edit", "/rotate", "/extend", "/revoke", "/live"] {
        let reply = eve.look(&format!("{KEYS}/{id}{path}")).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!reply.body.contains("Billing"), "{path}");
    }
    for step in ["edit", "rotate", "extend", "revoke", "switch"] {
        let form = [("once", "0123456789abcdef"), ("overlap", "0s"), ("expires", "never"), ("name", "mine"), ("sequence", "1")];
        assert_eq!(eve.send(&format!("{KEYS}/{id}/{step}"), &form).await.status, StatusCode::NOT_FOUND, "{step}");
    }
    for query in ["", "?account=northwind", "?created_by=cli:root", "?q=Billing"] {
        assert!(!eve.open(&format!("{KEYS}{query}")).await.body.contains("Billing sync</a>"), "{query}");
    }
    let mut foreign = fields("0123456789abcdef", "Mine");
    foreign.push(("account", "northwind"));
    let made = eve.send(NEW, &foreign).await;
    house.traces.issued(&shown(&made));
    let rows = rows(&house).await;
    let mine = rows.iter().find(|row| row.name == "Mine").unwrap();
    assert_eq!(mine.account.as_str(), "southwind", "a developer's key is of their own account");
    assert_eq!(call(&house, &key).await, StatusCode::OK);
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
async fn the_list_is_found_sorted_and_paged_by_its_address() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    for number in 1..=23 {
        make(&house, &mara, &format!("Integration {number:02}")).await;
        house.clock.advance(std::time::Duration::from_secs(1));
    }
    let first = mara.open(&format!("{KEYS}?sort=name")).await;
    assert!(
        first.body.contains("1–20 of 23")
            && first.body.contains("Integration 01</a>")
            && !first.body.contains("Integration 21</a>")
    );
    let next = first.body.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let second = mara.open(&next).await;
    assert!(second.body.contains("21–23 of 23") && second.body.contains("Integration 23</a>"), "{}", second.body);
    let previous = second.body.split("rel=\"prev\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    assert!(mara.open(&previous).await.body.contains("1–20 of 23"));
    let found = mara.open(&format!("{KEYS}?q=integration+07&view=nonsense&after=nonsense&env=nonsense")).await;
    assert!(found.body.contains("Integration 07</a>") && !found.body.contains("Integration 08</a>"));
    assert!(mara.open(&format!("{KEYS}?view=revoked")).await.body.contains("No key is like this."));
}

#[tokio::test]
async fn bn5_afterwards_only_prefix_and_date_of_a_key_are_shown_in_list_and_page() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let (key, _) = make(&house, &mara, "Billing sync").await;
    let id = rows(&house).await[0].id;
    for path in [KEYS.to_owned(), format!("{KEYS}/{id}"), format!("{KEYS}/{id}/edit"), format!("{KEYS}?q={}", &key[..12])] {
        let page = mara.open(&path).await;
        assert!(page.body.contains("Billing sync") && !page.body.contains(&key[12..]), "{path}");
        let shown = format!("sk_test_<b>{}</b>…", &key[8..12]);
        assert!(page.body.contains(&shown) || path.ends_with("/edit"), "{path}");
    }
    assert!(mara.open(KEYS).await.body.contains("today, 00:00"), "when it was made");
}

#[tokio::test]
async fn bn7_what_was_asked_and_refused_is_seen_on_the_dashboard() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let (key, _) = make(&house, &mara, "Billing sync").await;
    for _ in 0..3 {
        assert_eq!(call(&house, &key).await, StatusCode::OK);
    }
    let authorization = format!("Bearer {key}");
    let gateway = house.server.addresses()[0];
    request(gateway, "DELETE", "/v1/tasks/1", &[("authorization", &authorization)], "").await;
    let id = rows(&house).await[0].id;
    let page = mara.open(&format!("{KEYS}/{id}")).await;
    for part in [
        "00:00–01:00 · 3 allowed · 1 refused",
        "<dt>Requests today</dt><dd><b>3</b>",
        "from <span class=\"mono\">127.0.0.1</span>",
        "Lacks <code>tasks:delete</code>",
        "Change permissions",
        "DELETE /v1/tasks/*",
        "today",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let usage = mara.open("/apis/product-api/usage?range=24h").await;
    assert!(usage.body.contains("00:00–01:00 · 3 allowed · 1 refused") && usage.body.contains("insufficient_permission"));
    let busy = format!("<a class=\"name\" href=\"{KEYS}/{id}\"><bdi>Billing sync</bdi></a>");
    assert!(usage.body.contains(&busy) && usage.body.contains("DELETE /v1/tasks/*"), "{}", usage.body);
    let live = mara.open(&format!("{KEYS}/{id}/live")).await;
    assert_eq!(live.body, "It works. The last request came just now from 127.0.0.1.");
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

/// Makes a key of CSBoard, with fields beside those of its form.
async fn make_bot(house: &House, person: &Person, more: &[(&str, &str)]) -> String {
    let once = hidden(&person.open("/apis/csboard/keys/new").await, "once").unwrap();
    let form = [("once", once.as_str()), ("name", "Bot"), ("environment", "live"), ("expires", "never"), ("limit", "plan")];
    let key = shown(&person.send("/apis/csboard/keys/new", &[&form, more].concat()).await);
    house.traces.issued(&key);
    key
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
async fn cs4_trading_is_off_until_somebody_turns_its_switch_in_the_list() {
    let house = House::of("csboard", &[]).await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let key = make_bot(&house, &mara, &[("capability", "trading"), ("capabilities", "trading")]).await;
    let (gateway, authorization) = (house.server.addresses()[0], format!("Bearer {key}"));
    let order = async || request(gateway, "POST", "/v1/orders", &[("authorization", &authorization)], "").await.status;
    assert_eq!(order().await, StatusCode::FORBIDDEN, "not offered when a key is made");
    let list = mara.open("/apis/csboard/keys").await;
    for part in ["role=\"switch\" aria-checked=\"false\"", "Never enable trading on a key"] {
        assert!(list.body.contains(part), "{part}");
    }
    let path = list.body.split("formaction=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let asked = mara.open(&format!("{path}?capability=trading")).await;
    assert!(asked.body.contains("Trading enabled for Bot?"), "without script the question is a page");
    assert!(asked.body.contains("Never enable trading on a key"));
    let turn = async |on: &str| mara.send(&path, &[("capability", "trading"), ("on", on), ("from", "list")]).await;
    assert_eq!(turn("yes").await.header("location"), "/apis/csboard/keys");
    assert_eq!(order().await, StatusCode::OK);
    assert!(mara.open("/apis/csboard/keys").await.body.contains("aria-checked=\"true\""));
    turn("no").await;
    assert_eq!(order().await, StatusCode::FORBIDDEN);
    assert_eq!(mara.open(&format!("{path}?capability=nothing")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_first_page_takes_less_than_60_kb_over_the_wire_in_all() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    for number in 1..=20 {
        make(&house, &mara, &format!("Integration {number:02} with a name of usual length")).await;
    }
    let page = mara.open("/").await;
    assert!(page.body.contains("1–20 of 20"));
    let mut sum = page.body.len();
    let assets: Vec<&str> = page.body.split('"').filter(|text| text.starts_with("/assets/")).collect();
    assert_eq!(assets.len(), 4, "{assets:?}");
    for asset in assets {
        let head = "Host: localhost\r\nAccept-Encoding: gzip, br\r\nConnection: close";
        let answer = raw(house.service, format!("GET {asset} HTTP/1.1\r\n{head}\r\n\r\n")).await;
        let length = answer.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        sum += length.unwrap().parse::<usize>().unwrap() + 300;
    }
    assert!(sum < 60_000, "{sum}");
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

#[tokio::test]
async fn whatever_an_address_says_it_leads_to_a_page() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    let tomasz = house.operator("tomasz@example.com").await;
    for path in [
        "/apis/product-api/keys?q=1&q=2&sort=name&sort=&page=%ff",
        "/apis/product-api/usage?range=24h&range=7d",
        "/apis/product-api/accounts?q=a&q=b&after=",
        "/apis/product-api/audit-log?who=a&who=b",
        "/sign-in?next=1&next=2",
        "/link?token=1&token=2",
        "/apis/%ff/keys",
        "/apis/product-api/keys/%ff",
        "/apis/product-api/accounts/%ff",
    ] {
        let page = tomasz.open(path).await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}: {}", page.body);
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert!(page.status != StatusCode::BAD_REQUEST, "{path}");
    }
    let found = mara.open(&format!("{KEYS}?q=first&q=second")).await;
    assert!(found.body.contains("value=\"second\""), "the last counts");
}

#[tokio::test]
async fn a_page_that_asks_by_itself_keeps_nobody_signed_in() {
    let house = House::open().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    make(&house, &mara, "Billing sync").await;
    let live = format!("{KEYS}/{}/live", rows(&house).await[0].id);
    for path in [live.as_str(), "/apis/product-api/keys/live"] {
        let quiet = mara.look(path).await;
        assert_eq!((quiet.status, quiet.body.as_str()), (StatusCode::OK, ""), "{path}");
        assert_eq!(quiet.header("x-content-type-options"), "nosniff");
    }
    let mut asked = 0;
    while mara.look(&live).await.status == StatusCode::OK {
        asked += 1;
        assert!(asked < 10_000, "the session never ends");
        house.clock.advance(std::time::Duration::from_mins(10));
    }
    let ended = mara.look(&live).await;
    assert_eq!((ended.status, ended.body.as_str()), (StatusCode::UNAUTHORIZED, ""), "a word, and no page");
    assert!(!mara.is_in().await);
    let idle = bitting_http::DashboardSettings::default().idle;
    assert!(u128::from(asked as u64) * 600 <= idle.as_secs().into(), "after {asked} times ten minutes, idle is {idle:?}");
}

#[tokio::test]
async fn whose_keys_are_not_seen_has_no_name_either() {
    let house = House::open().await;
    let eve = house.developer("southwind", "eve@southwind.example").await;
    house.operator("secretive@example.com").await;
    let store = house.server.engine().store();
    let stranger = store.member_by_email("secretive@example.com").await.unwrap().unwrap().row.id;
    let page = eve.open(&format!("{KEYS}?created_by={stranger}")).await;
    assert!(page.body.contains(&stranger.to_string()) && !page.body.contains("secretive"), "{}", page.body);
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
