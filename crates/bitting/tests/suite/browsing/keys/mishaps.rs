//! Keys that are made although something goes wrong meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::browsing::{browser_of, sign_in};
use crate::dashboard::{House, PASSWORD};
use crate::harness::Browser;

const ODD_NAME: &str = "<img src=x onerror=alert(1)> \u{200f}אבג 🦊";

async fn new_key(house: &House, browser: &Browser) -> String {
    assert_eq!(browser.heading().await, "Copy your key now");
    let key = browser.section("The key").await.text().await.lines().next().unwrap().trim().to_owned();
    house.traces.issued(&key);
    key
}

#[tokio::test]
async fn an_expired_session_in_the_middle_of_the_key_form_loses_nothing() {
    let house = House::open().await;
    let dev = browser_of(&house, &house.developer("northwind", "dev@northwind.example").await).await;
    dev.open("/apis/product-api/keys").await;
    dev.press("Generate New Key").await;
    dev.fill("Name", ODD_NAME).await;
    dev.fill("Description", "one line\nand \"another\" & more").await;
    dev.choose("Live").await;
    dev.choose("Choose each").await;
    dev.unchoose("users:read").await;
    dev.choose("projects:write").await;
    dev.fill("Expiry date", "2026-02-03").await;
    dev.press("Rate limit, addresses").await;
    dev.fill("Requests an hour", "50").await;
    dev.fill("Addresses", "203.0.113.0/24\n2001:db8::/32").await;
    house.clock.advance(Duration::from_hours(13));
    dev.press("Generate New Key").await;
    dev.sees("What you typed is kept").await;
    sign_in(&dev, "dev@northwind.example", PASSWORD).await;
    assert_eq!(dev.heading().await, "Go on where you were");
    for (term, typed) in [
        ("Name", ODD_NAME),
        ("Description", "one line and \"another\" & more"),
        ("Permission", "tasks:read, projects:read, projects:write"),
        ("Expires on", "2026-02-03"),
        ("Limit hour", "50"),
    ] {
        assert_eq!(dev.fact(term).await, typed);
    }
    dev.inspect("kept-key-form").await;
    dev.press("Send it now").await;
    assert!(new_key(&house, &dev).await.starts_with("sk_live_"));

    dev.press("See the key’s page").await;
    assert_eq!(dev.heading().await, ODD_NAME);
    dev.sees("one line and \"another\" & more").await;
    assert_eq!(dev.fact("Addresses").await, "203.0.113.0/24 2001:db8::/32");
    assert!(dev.fact("Own limits").await.contains("50 an hour"), "{}", dev.fact("Own limits").await);
    assert!(dev.fact("Expires").await.contains("Feb 2026"), "{}", dev.fact("Expires").await);
    let permissions = dev.fact("Permissions").await;
    for (name, is_held) in [("tasks:read", true), ("projects:read", true), ("projects:write", true), ("users:read", false)] {
        assert_eq!(permissions.contains(name), is_held, "{name}: {permissions}");
    }
    dev.open("/apis/product-api/keys").await;
    assert_eq!(dev.table("API keys").await.len(), 1);
}

#[tokio::test]
async fn names_with_markup_right_to_left_text_and_emoji_are_text() {
    let house = House::open().await;
    let dev = browser_of(&house, &house.developer("northwind", "dev@northwind.example").await).await;
    dev.open("/apis/product-api/keys").await;
    dev.press("Generate New Key").await;
    dev.fill("Name", ODD_NAME).await;
    dev.press("Generate New Key").await;
    new_key(&house, &dev).await;
    dev.sees(ODD_NAME).await;
    dev.press("I have stored it").await;
    assert!(dev.table("API keys").await[0][0].contains(ODD_NAME), "{:?}", dev.table("API keys").await);
    dev.follow(ODD_NAME).await;
    assert_eq!(dev.heading().await, ODD_NAME);
    assert_eq!(dev.title().await, format!("{ODD_NAME} · Product API"));
    dev.press("Revoke").await;
    let question = dev.dialog(&format!("Revoke {ODD_NAME}?")).await;
    question.press("Revoke key").await;
    dev.sees("It is revoked.").await;

    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    mara.open("/apis/product-api/audit-log").await;
    let changes = mara.table("Changes, newest first").await;
    let of_the_key: Vec<_> = changes.iter().filter(|row| row[3].starts_with(ODD_NAME)).map(|row| &*row[2]).collect();
    assert!(of_the_key.len() == 2 && of_the_key[0].starts_with("Revoked key"), "{changes:?}");
    mara.inspect("audit-log-odd-name").await;
}

/// What the page asks for at the second click, which may send nothing by itself.
const SECOND_CLICK: &str = "/healthz?clicked-again";

/// Whether the answer to a form is held back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    Come,
    Wait,
}

impl Answers {
    /// What becomes of them when the browser asks for something.
    fn after(self, question: &[u8]) -> Self {
        let is_second_click = question.starts_with(format!("GET {SECOND_CLICK} ").as_bytes());
        match self {
            Self::Come if question.starts_with(b"POST ") => Self::Wait,
            Self::Wait if question.starts_with(b"POST ") || is_second_click => Self::Come,
            unchanged => unchanged,
        }
    }
}

/// Leads to a server along a line on which the answer to a form waits until there was a second click.
async fn long_line(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers_now = Arc::new(watch::Sender::new(Answers::Come));
    tokio::spawn(async move {
        while let Ok((browser, _)) = listener.accept().await {
            let answers_now = Arc::clone(&answers_now);
            tokio::spawn(async move {
                let (mut asked, mut answered) = browser.into_split();
                let (mut answers, mut questions) = TcpStream::connect(server).await.unwrap().into_split();
                let there = async {
                    let mut part = vec![0; 1 << 16];
                    loop {
                        let length = asked.read(&mut part).await?;
                        answers_now.send_modify(|now| *now = now.after(&part[..length]));
                        if length == 0 || questions.write_all(&part[..length]).await.is_err() {
                            return questions.shutdown().await;
                        }
                    }
                };
                let back = async {
                    let (mut part, mut now) = (vec![0; 1 << 16], answers_now.subscribe());
                    loop {
                        let length = answers.read(&mut part).await?;
                        now.wait_for(|now| *now == Answers::Come).await.unwrap();
                        if length == 0 || answered.write_all(&part[..length]).await.is_err() {
                            return answered.shutdown().await;
                        }
                    }
                };
                // A browser that does not wait for an answer has gone.
                let _: (std::io::Result<()>, std::io::Result<()>) = join(there, back).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_double_click_makes_one_key() {
    let house = House::open().await;
    let person = house.developer("northwind", "dev@northwind.example").await;
    let dev = Browser::new(format!("http://{}", long_line(house.service).await)).await;
    dev.take_cookie("bitting_session", &person.cookie("bitting_session")).await;
    for (has_script, name, keys) in [(true, "Clicked twice", 1), (false, "Twice without script", 2)] {
        dev.with_script(has_script).await;
        dev.open("/apis/product-api/keys/new").await;
        dev.fill("Name", name).await;
        dev.asks_at_second_click(SECOND_CLICK).await;
        dev.press_twice("Generate New Key").await;
        if has_script {
            new_key(&house, &dev).await;
        } else {
            dev.sees("This key was made already").await;
        }
        dev.open("/apis/product-api/keys").await;
        assert_eq!(dev.table("API keys").await.len(), keys);
    }
    dev.with_script(true).await;
}
