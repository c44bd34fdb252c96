//! Keys that age, as people see them: pairs of a rotation, renewals, and what removed members left behind.

use std::time::Duration;

use bitting_store::{AccountPatch, Actor, Change};

use super::*;

/// The page of the newest key.
async fn newest(house: &House) -> String {
    format!("{KEYS}/{}", rows(house).await[0].id)
}

#[tokio::test]
async fn pa18_both_keys_of_a_rotation_are_shown_together_and_their_overlap_ends_in_one_step() {
    let house = House::open().await;
    let dev = house.developer("acme", "ana@example.com").await;
    let (old, _) = make(&house, &dev, "Backend").await;
    let old_page = newest(&house).await;
    house.clock.advance(Duration::from_mins(1));
    let ask = dev.open(&format!("{old_page}/rotate")).await;
    assert!(ask.body.contains("name=\"early\" value=\"3600s\">"), "sooner is offered, and not chosen");
    let once = hidden(&ask, "once").unwrap();
    let made = dev.send(&format!("{old_page}/rotate"), &[("once", &*once), ("overlap", "86400s"), ("early", "3600s")]).await;
    let new = shown(&made);
    house.traces.issued(&new);
    let new_page = newest(&house).await;
    let page = dev.open(&new_page).await.body;
    assert!(page.contains("The old key still works until 2 Jan 2026, 00:01 UTC. It was never used."), "{page}");
    house.clock.advance(Duration::from_secs(1));
    assert_eq!((call(&house, &old).await, call(&house, &new).await), (StatusCode::OK, StatusCode::OK));
    house.clock.advance(Duration::from_mins(4));
    let page = dev.open(&new_page).await.body;
    assert!(page.contains("and is still used: 4 minutes ago from 127.0.0.1."), "{page}");
    assert!(page.contains(&format!("href=\"{old_page}#revoke\">End overlap now</a>")));
    let page = dev.open(&old_page).await.body;
    for part in [
        "It is still in use. Last use: 4 minutes ago from 127.0.0.1. The new key was last used 4 minutes ago from 127.0.0.1.",
        "It ends sooner once the new key is used and nobody has used this one for 1 hour.",
        "href=\"#revoke\">End overlap now</a>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let list = dev.open(KEYS).await.body;
    assert!(list.contains("Old key</a> still works, used 4 minutes ago") && list.contains("still in use"), "{list}");
    dev.send(&format!("{old_page}/revoke"), &[]).await;
    assert_eq!((call(&house, &old).await, call(&house, &new).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
    assert!(!dev.open(&new_page).await.body.contains("still works"));
    assert!(!dev.open(KEYS).await.body.contains("still works"));
}

#[tokio::test]
async fn pa18_whoever_disables_a_member_is_told_which_keys_they_leave_behind() {
    let house = House::open().await;
    let mara = house.operator("mara@example.com").await;
    let ana = house.developer("acme", "ana@example.com").await;
    let (key, _) = make(&house, &ana, "Backend").await;
    let members = "/apis/product-api/members";
    let page = mara.open(members).await;
    assert!(!page.body.contains("Keys of removed members"));
    let (_, rest) = page.body.split_once("#disable-").unwrap();
    let id = rest.split('"').next().unwrap().to_owned();
    let sent = mara.send(&format!("/members/{id}/disable"), &[]).await;
    let told = mara.open(sent.header("location")).await.body;
    assert!(told.contains("ana is disabled. The keys that they made go on working:"), "{told}");
    let link = format!("{KEYS}?created_by={id}");
    assert!(told.contains(&format!("href=\"{link}\">1 key of Product API</a>")), "{told}");
    assert!(mara.open(&link).await.body.contains("Backend"));
    assert!(told.contains("Keys of removed members"));
    let removed = mara.open(&format!("{KEYS}?created_by=removed")).await.body;
    assert!(removed.contains("Backend") && removed.contains("ana (removed)"), "{removed}");
    assert!(mara.open(&newest(&house).await).await.body.contains("ana (removed)"));
    assert_eq!(call(&house, &key).await, StatusCode::OK, "it goes on working");
    mara.send(&format!("{}/revoke", newest(&house).await), &[]).await;
    let told = mara.open(&format!("{members}?disabled={id}")).await.body;
    assert!(told.contains("ana is disabled, and has made no key that still works."), "{told}");
    // They come back, and nothing is said of it any more.
    mara.send(&format!("/members/{id}/enable"), &[]).await;
    let page = mara.open(&format!("{members}?disabled={id}")).await.body;
    assert!(!page.contains("is disabled") && !page.contains("Keys of removed members"));
}

#[tokio::test]
async fn pa13_a_key_that_renews_itself_says_when_and_one_that_may_not_says_why() {
    let house = House::open().await;
    let dev = house.developer("acme", "ana@example.com").await;
    assert!(!dev.open(NEW).await.body.contains("Renews itself"), "their plan lets no key do so");
    let put_on = async |plan: &str| {
        let patch = AccountPatch { plan: Some(Some(plan.to_owned())), ..AccountPatch::default() };
        let change = Change::UpdateAccount { api: "product-api".into(), account: "acme".parse().unwrap(), patch };
        house.server.engine().commit(change, Actor::System, "test").await.unwrap();
    };
    put_on("enterprise").await;
    let form = dev.open(NEW).await;
    assert!(form.body.contains("name=\"auto_renew\" value=\"yes\" checked"), "as the API has it");
    let once = hidden(&form, "once").unwrap();
    let with = [("renewal", "asked"), ("auto_renew", "yes")];
    let made = dev.send(NEW, &[fields(&once, "Backend"), with.to_vec()].concat()).await;
    house.traces.issued(&shown(&made));
    let key = newest(&house).await;
    let page = dev.open(&key).await.body;
    assert!(page.contains("Renews itself</dt><dd>Yes<small>on 31 Mar 2026, for as long again</small>"), "{page}");
    house.clock.advance(Duration::from_hours(24 * 80));
    assert!(dev.sign_in("ana@example.com", crate::dashboard::PASSWORD).await.status == StatusCode::SEE_OTHER);
    let page = dev.open(&key).await.body;
    assert!(page.contains("It renews itself on 31 Mar 2026, 00:00 UTC.") && !page.contains("Extend it"), "{page}");
    assert!(dev.open(KEYS).await.body.contains("renews itself"));
    put_on("free").await;
    let page = dev.open(&key).await.body;
    assert!(page.contains("No<small>the plan does not allow it</small>") && page.contains("Extend it"), "{page}");
    // Whoever takes the tick away has it not renew.
    let form = dev.open(&format!("{key}/edit")).await;
    assert!(form.body.contains("Not on the present plan."));
    let sequence = hidden(&form, "sequence").unwrap();
    let edited = [fields("", "Backend"), vec![("sequence", &*sequence), ("renewal", "asked"), ("expires", "keep")]].concat();
    let edited: Vec<_> = edited.into_iter().filter(|(name, value)| (*name, *value) != ("expires", "7776000s")).collect();
    assert_eq!(dev.send(&format!("{key}/edit"), &edited).await.status, StatusCode::SEE_OTHER);
    assert!(!rows(&house).await[0].auto_renew);
}
