//! Keys: made once, shown once, changed by those whose they are.

mod aging;
mod changing;
mod making;
mod seeing;

use bitting_store::{KeyFilter, KeyRow, Page};
use http::StatusCode;

use super::House;
use crate::harness::{Person, Reply, hidden, request};

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

/// Makes a key of CSBoard, with fields beside those of its form.
async fn make_bot(house: &House, person: &Person, more: &[(&str, &str)]) -> String {
    let once = hidden(&person.open("/apis/csboard/keys/new").await, "once").unwrap();
    let form = [("once", once.as_str()), ("name", "Bot"), ("environment", "live"), ("expires", "never"), ("limit", "plan")];
    let key = shown(&person.send("/apis/csboard/keys/new", &[&form, more].concat()).await);
    house.traces.issued(&key);
    key
}
