//! Somebody at a browser without script: cookies, forms, and the headers that browsers send of themselves.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use http::StatusCode;

use super::http::{Reply, request};

/// Somebody with a browser of their own.
pub(crate) struct Person {
    at: SocketAddr,
    cookies: RefCell<BTreeMap<String, String>>,
    /// The token of the last page that had a form.
    token: RefCell<String>,
}

impl Person {
    /// Somebody who was never there before.
    pub(crate) fn at(at: SocketAddr) -> Self {
        Self { at, cookies: RefCell::default(), token: RefCell::default() }
    }

    /// Opens a page, wherever that leads.
    pub(crate) async fn open(&self, path: &str) -> Reply {
        let mut reply = self.ask("GET", path, &[], "").await;
        for _ in 0..5 {
            if reply.status != StatusCode::SEE_OTHER {
                break;
            }
            let next = reply.header("location").to_owned();
            reply = self.ask("GET", &next, &[], "").await;
        }
        reply
    }

    /// Opens a page and does not go where it leads.
    pub(crate) async fn look(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], "").await
    }

    /// Sends a form of the last page, and does not go where it leads.
    pub(crate) async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let token = self.token.borrow().clone();
        self.send_with(path, &[&[("csrf", token.as_str())], fields].concat(), &[("sec-fetch-site", "same-origin")]).await
    }

    /// Sends a form as it stands, with these headers.
    pub(crate) async fn send_with(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Reply {
        let body = form(fields);
        self.ask("POST", path, &[&[("content-type", "application/x-www-form-urlencoded")], headers].concat(), &body).await
    }

    /// Signs in with a password.
    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Reply {
        self.send("/sign-in", &[("email", email), ("password", password), ("next", "/")]).await
    }

    /// Whether pages are theirs to see.
    pub(crate) async fn is_in(&self) -> bool {
        self.look("/you").await.status == StatusCode::OK
    }

    /// A cookie's value; empty where there is none.
    pub(crate) fn cookie(&self, name: &str) -> String {
        self.cookies.borrow().get(name).cloned().unwrap_or_default()
    }

    /// Has a cookie from somewhere else.
    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let cookies: Vec<String> = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let own = [("accept", "text/html"), ("cookie", cookies.as_str()), ("user-agent", "Mozilla/5.0 Firefox/140.0")];
        let reply = request(self.at, method, path, &[&own[..], headers].concat(), body).await;
        for cookie in reply.headers.get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(token) = hidden(&reply, "csrf") {
            *self.token.borrow_mut() = token;
        }
        reply
    }
}

/// The value of a hidden field.
pub(crate) fn hidden(page: &Reply, name: &str) -> Option<String> {
    let (_, rest) = page.body.split_once(&format!("name=\"{name}\" value=\""))?;
    rest.split_once('"').map(|(value, _)| value.replace("&#38;", "&"))
}

/// Fields as browsers send them.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| {
        let byte = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
        text.bytes().map(byte).collect::<String>()
    };
    fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect::<Vec<_>>().join("&")
}
