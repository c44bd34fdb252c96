//! The page about authentication, as a caller of the API sees it.

use crate::docs::EXAMPLES;
use crate::harness::{Bitting, Browser, Upstream};

#[tokio::test]
async fn whoever_is_not_signed_in_reads_public_documentation_in_every_width_and_in_the_dark() {
    let upstream = Upstream::start().await;
    for (name, path) in EXAMPLES {
        let bitting = Bitting::example(name, &upstream);
        let browser = Browser::new(bitting.dashboard()).await;
        browser.open(&format!("/apis/{name}/docs")).await;
        assert_eq!(browser.heading().await, "Authentication");
        browser.inspect(&format!("docs-{name}")).await;
        assert!(browser.says("curl").await && !browser.says("package main").await);
        browser.choose("Go").await;
        browser.sees("package main").await;
        assert!(browser.says(path).await, "{name}");
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn without_script_the_languages_can_be_chosen_and_nothing_is_missing_but_the_button_that_copies() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("product-api", &upstream);
    let browser = Browser::new(bitting.dashboard()).await;
    browser.with_script(false).await;
    browser.open("/apis/product-api/docs").await;
    browser.choose("Python").await;
    browser.sees("response.raise_for_status()").await;
    assert!(!browser.offers("Copy").await);
    browser.follow("Errors").await;
    browser.sees("insufficient_permission").await;
}
