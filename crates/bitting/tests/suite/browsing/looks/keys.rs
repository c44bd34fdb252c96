//! What is asked about a key before anything is done with it.

use super::{key, look_at};
use crate::browsing::browser_of;
use crate::dashboard::House;

#[tokio::test]
async fn the_questions_about_a_key() {
    let house = House::open().await;
    let dev = browser_of(&house, &house.developer("northwind", "dev@northwind.example").await).await;
    let name = "Production App with a name that is rather long";
    key(&house, "northwind", name, &["tasks:read"]).await;
    dev.open("/apis/product-api/keys").await;
    dev.follow(name).await;
    let page = dev.path().await;
    for (question, heading) in
        [("rotate", "Rotate"), ("revoke", "Revoke"), ("extend", "When should it expire?"), ("edit", "Edit")]
    {
        dev.open(&format!("{page}/{question}")).await;
        let asked = dev.heading().await;
        assert!(asked.starts_with(heading), "{question}: {asked}");
        dev.inspect(&format!("key-{question}-page")).await;
    }
    dev.choose("Choose each").await;
    dev.fill("Name", "   ").await;
    dev.fill("Addresses", "nowhere").await;
    dev.press("Save").await;
    assert_eq!(dev.status().await, 422);
    dev.inspect("key-edit-refused").await;
    dev.open(&page).await;
    dev.follow("Set a date").await;
    dev.inspect("key-extend-dialog").await;
    dev.with_script(false).await;
    look_at(&dev, "key-new-page", "/apis/product-api/keys/new", 200, "Create a key").await;
    dev.with_script(true).await;
}

#[tokio::test]
async fn the_question_about_a_switch() {
    let house = House::of("csboard", &[]).await;
    let dev = browser_of(&house, &house.developer("northwind", "dev@northwind.example").await).await;
    dev.open("/apis/csboard/keys/new").await;
    dev.fill("Label", "Buy bot").await;
    dev.press("Generate key").await;
    let shown = dev.section("The key").await.text().await;
    house.traces.issued(shown.lines().next().unwrap().trim());
    dev.press("See the key’s page").await;
    dev.inspect("key-with-switch").await;
    dev.press("Trading enabled").await;
    dev.sees("Never enable trading").await;
    dev.inspect("key-switch-page").await;
    dev.press("Turn on").await;
    dev.inspect("key-switched").await;
}
