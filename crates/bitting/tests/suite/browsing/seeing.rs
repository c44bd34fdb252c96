//! The browser of the tests sees what a person sees, and what a person would not put up with.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::Query;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use fantoccini::key::Key;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::harness::{Browser, Look, Scheme};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = "body { background: white; color: black; margin: 8px } small { display: block }
#wide, #night { display: none } .sheet { width: 30rem; max-width: 100% } .over { width: 500px }
@media (min-width: 1000px) { #wide { display: block } }
@media (prefers-color-scheme: dark) { body { background: black; color: white } a { color: cyan } #night { display: block } }
input, textarea { max-width: 100%; background: white; color: black } [type=radio] { position: absolute; opacity: 0 }
button, summary { min-height: 24px; background: white; color: black }";
const SCRIPT: &str = "document.querySelector('#script').textContent = 'The script ran.';
document.querySelector('#zone').textContent = new Date(0).getHours() + ' o’clock';
document.querySelector('#ask').addEventListener('click', () => document.querySelector('dialog').showModal());
document.querySelector('#copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText('what was copied');
  document.querySelector('#copy').textContent = 'Copied';
});";

/// A site with a strict policy.
struct Site {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Site {
    async fn start() -> Self {
        let router = Router::new()
            .route("/", get(async || Html(PAGE)))
            .route("/broken", get(async || Html(PAGE.replace("</main>", "<img src='/x.png'></main>"))))
            .route("/wide", get(async || Html(PAGE.replace("</main>", "<p class='over'>out</p></main>"))))
            .route("/inline", get(async || Html(PAGE.replace("</main>", "<p style='color: red'>red</p></main>"))))
            .route("/sent", post(sent))
            .route("/found", get(async |Query(asked): Query<Value>| Html(format!("<title>Found</title><p>{}</p>", asked["q"]))))
            .route("/remembered", get(async || ([(header::SET_COOKIE, "who=me; HttpOnly")], Html("<title>Hello</title>"))))
            .route("/style.css", get(async || ([(header::CONTENT_TYPE, "text/css")], STYLE)))
            .route("/script.js", get(async || ([(header::CONTENT_TYPE, "text/javascript")], SCRIPT)))
            .layer(axum::middleware::map_response(strict));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, task: tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }) }
    }

    async fn visit(&self) -> Browser {
        let browser = Browser::new(format!("http://{}", self.address)).await;
        browser.open("/").await;
        browser
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Shows what was sent, as text.
async fn sent(form: String) -> impl IntoResponse {
    let Query(fields) = Query::<Value>::try_from_uri(&format!("/?{form}").parse().unwrap()).unwrap();
    let shown = fields.to_string().replace('<', "&lt;");
    Html(format!("<title>Sent</title><p>{shown}</p>"))
}

async fn strict(response: Response) -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], response)
}

#[tokio::test]
async fn a_form_is_filled_in_by_its_labels_and_sent() {
    let site = Site::start().await;
    let browser = site.visit().await;
    browser.fill("Name", "Überraschung 🗝️ <b>שלום</b>").await;
    assert_eq!(browser.value("Name").await, "Überraschung 🗝️ <b>שלום</b>");
    browser.fill("Note", "two\nlines").await;
    browser.fill("Expiry date", "2031-02-03").await;
    browser.pick("Sort", "By name").await;
    browser.choose("tasks:read").await;
    browser.choose("Read and write").await;
    assert!(browser.is_chosen("Read and write").await && !browser.is_chosen("Read").await);
    browser.unchoose("tasks:read").await;
    browser.choose("tasks:write").await;
    browser.section("A key").await.press("Create key").await;
    browser.arrives_at("/sent").await;
    for part in
        ["Überraschung 🗝️ <b>שלום</b>", "2031-02-03", "\"sort\":\"name\"", "tasks:write", "read_write", "two\\r\\nlines"]
    {
        assert!(browser.says(part).await, "{part}");
    }
    assert_eq!((browser.title().await, browser.status().await), ("Sent".to_owned(), 200));
    browser.back().await;
    browser.arrives_at("/").await;
}

#[tokio::test]
async fn tables_rows_facts_and_dialogs_are_read_and_pressed_by_their_words() {
    let site = Site::start().await;
    let browser = site.visit().await;
    let table = browser.table("Keys").await;
    assert_eq!(table, [["Production App", "sk_live_ab", "Switch on"], ["Production App 2", "sk_live_cd", "Switch on"]]);
    assert_eq!(browser.fact("Expires").await, "Never");
    browser.row("Production App").await.press("Switch on").await;
    browser.sees("\"key\":\"1\"").await;
    browser.back().await;
    assert!(!browser.offers("Sign out").await, "the menu is closed");
    browser.press("Northwind").await;
    assert!(browser.offers("Sign out").await);
    browser.press("Ask").await;
    let dialog = browser.dialog("Revoke it?").await;
    assert!(dialog.says("It was last used today.").await);
    assert!(!browser.offers("Create key").await, "the dialog keeps the rest away");
    browser.press("Keep key").await;
    browser.sees_no_more("It was last used today.").await;
    browser.fill("Search", "app").await;
    browser.type_keys("\u{e007}").await;
    browser.arrives_at("/found").await;
    assert_eq!(browser.path().await, "/found?q=app");
}

#[tokio::test]
async fn without_script_the_page_works_and_nothing_of_it_runs() {
    let site = Site::start().await;
    let browser = site.visit().await;
    browser.sees("The script ran.").await;
    browser.with_script(false).await;
    browser.reload().await;
    browser.sees("There is no script.").await;
    assert!(!browser.says("The script ran.").await);
    assert_eq!(browser.violations().await, [""; 0]);
    assert!(!browser.says("The script ran.").await, "not even for axe");
    browser.fill("Name", "x").await;
    browser.section("A key").await.press("Create key").await;
    browser.arrives_at("/sent").await;
    browser.with_script(true).await;
    browser.open("/").await;
    browser.sees("The script ran.").await;
}

#[tokio::test]
async fn width_and_scheme_reach_the_media_queries_and_the_zone_the_script() {
    let site = Site::start().await;
    let browser = site.visit().await;
    assert!(browser.says("It is wide.").await && !browser.says("It is night.").await);
    browser.wear(Look::NARROW.in_the(Scheme::Dark)).await;
    assert!(!browser.says("It is wide.").await && browser.says("It is night.").await);
    browser.sees("0 o’clock").await;
    browser.in_zone("Asia/Tokyo").await;
    browser.reload().await;
    browser.sees("9 o’clock").await;
    browser.inspect("sound").await;
    assert!(browser.says("It is night.").await, "it looks as before");
}

#[tokio::test]
async fn the_keyboard_moves_the_focus_and_opens_what_has_it() {
    let site = Site::start().await;
    let browser = site.visit().await;
    assert_eq!(browser.heading().await, "A page");
    browser.press_key(Key::Tab).await;
    assert_eq!(browser.focus().await, "Northwind");
    browser.press_key(Key::Enter).await;
    browser.press_key(Key::Tab).await;
    assert_eq!(browser.focus().await, "Sign out");
}

#[tokio::test]
async fn tabs_share_cookies_and_keep_their_own_pages() {
    let site = Site::start().await;
    let browser = site.visit().await.impatient();
    browser.follow("Remember me").await;
    browser.arrives_at("/remembered").await;
    let first = browser.new_tab().await;
    browser.open("/").await;
    assert!(browser.cookies().await.iter().any(|cookie| cookie.name() == "who" && cookie.http_only() == Some(true)));
    assert!(browser.asks("Note").await && browser.asks("Read").await && !browser.asks("Colour").await);
    browser.forget().await;
    assert!(browser.cookies().await.is_empty());
    browser.turn_to(first).await;
    assert_eq!(browser.path().await, "/remembered");
}

#[tokio::test]
async fn what_is_copied_can_be_pasted() {
    let site = Site::start().await;
    let browser = site.visit().await;
    browser.allow_copying().await;
    browser.press("Copy").await;
    browser.sees("Copied").await;
    browser.paste_into("Name").await;
    assert_eq!(browser.value("Name").await, "what was copied");
}

#[tokio::test]
async fn a_page_that_is_wrong_is_told_on() {
    let site = Site::start().await;
    let browser = site.visit().await;
    browser.open("/broken").await;
    let wrong = browser.violations().await;
    assert!(wrong.len() == 1 && wrong[0].starts_with("image-alt (critical)") && wrong[0].contains("/x.png"), "{wrong:?}");
    browser.open("/inline").await;
    let complaints = browser.complaints().await;
    assert!(complaints.len() == 1 && complaints[0].contains("style-src"), "{complaints:?}");
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
#[should_panic(expected = "it sticks out to the side:\n<p class=\"over\">out</p>")]
async fn a_page_that_sticks_out_fails_its_inspection() {
    let site = Site::start().await;
    let browser = site.visit().await;
    browser.open("/wide").await;
    browser.inspect("out").await;
}

#[tokio::test]
#[should_panic(expected = "Chromium complains: ")]
async fn a_page_that_breaks_its_policy_fails_whatever_else_it_shows() {
    let site = Site::start().await;
    let browser = site.visit().await;
    browser.open("/inline").await;
}

#[tokio::test]
#[should_panic(expected = "there is no Button “Delete key”; there are “Northwind”, ")]
async fn what_is_not_there_is_told_with_what_there_is() {
    let site = Site::start().await;
    site.visit().await.impatient().press("Delete key").await;
}

#[tokio::test]
#[should_panic(expected = "2 Buttons are called “Switch on”: say in which part")]
async fn what_is_there_twice_is_not_guessed() {
    let site = Site::start().await;
    site.visit().await.impatient().press("Switch on").await;
}
