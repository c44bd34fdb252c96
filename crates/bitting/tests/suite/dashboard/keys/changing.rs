//! Keys that are rotated, revoked, edited, and whose switches are turned.

use http::StatusCode;

use super::{KEYS, call, fields, make, make_bot, rows, shown};
use crate::dashboard::House;
use crate::harness::{Person, Reply, hidden, request};

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
    house.clock.advance(std::time::Duration::from_hours(1));
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
