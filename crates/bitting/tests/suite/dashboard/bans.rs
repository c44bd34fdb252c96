//! Bans: seen and lifted by operators, and by nobody else.

use http::StatusCode;

use super::House;
use crate::harness::get;

const BANS: &str = "/apis/csboard/bans";

/// CSBoard, which bans also whoever is on the same machine.
async fn strict() -> House {
    House::of("csboard", &["api.csboard.bans.private=true", "api.csboard.bans.after=3"]).await
}

/// Asks with a damaged key.
async fn fail(house: &House) -> String {
    let reply = get(house.server.addresses()[0], "/v1/listings", &[("authorization", "Bearer csb_pub_damaged")]).await;
    reply.json()["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn cs7_an_operator_sees_who_is_banned_and_lifts_it() {
    let house = strict().await;
    let tomasz = house.operator("tomasz@example.com").await;
    assert!(tomasz.open(BANS).await.body.contains("Nobody is banned now."));
    for _ in 0..3 {
        assert_eq!(fail(&house).await, "invalid_api_key");
    }
    assert_eq!(fail(&house).await, "too_many_failed_auth");
    let page = tomasz.open(BANS).await;
    for part in [
        "Whoever presents 3 invalid keys within 60 seconds is refused for 5 minutes.",
        "<span class=\"mono\">127.0.0.1</span>",
        "in 5 minutes",
        "1 in force",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(tomasz.open(&format!("{BANS}?q=127.0")).await.body.contains(">127.0.0.1<"));
    assert!(tomasz.open(&format!("{BANS}?q=192.0.2.1")).await.body.contains("is not banned"));
    let lifted = tomasz.send(BANS, &[("address", "127.0.0.1")]).await;
    assert_eq!(lifted.header("location"), format!("{BANS}?done=lifted"));
    assert_eq!(fail(&house).await, "invalid_api_key");
    assert_eq!(tomasz.send(BANS, &[("address", "127.0.0.1")]).await.header("location"), format!("{BANS}?done=free"));
    assert_eq!(tomasz.send(BANS, &[("address", "all of them")]).await.status, StatusCode::BAD_REQUEST);
    let log = tomasz.open("/apis/csboard/audit-log?what=ban.lifted").await;
    assert!(log.body.contains("Lifted ban") && log.body.contains("tomasz"), "{}", log.body);
}

#[tokio::test]
async fn developers_neither_see_nor_lift_bans() {
    let house = strict().await;
    let mara = house.developer("northwind", "mara@northwind.example").await;
    for _ in 0..4 {
        fail(&house).await;
    }
    let keys = mara.open("/apis/csboard/keys").await;
    assert!(!keys.body.contains(BANS));
    assert_eq!(mara.open(BANS).await.status, StatusCode::NOT_FOUND);
    assert_eq!(mara.send(BANS, &[("address", "127.0.0.1")]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(fail(&house).await, "too_many_failed_auth");
}
