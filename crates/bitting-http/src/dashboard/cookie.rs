//! The cookie that holds a session's id.

use bitting_core::member::Token;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

/// Its name where pages come by HTTPS. Browsers take a cookie of this prefix from nobody but the host itself (RFC 6265bis).
const SECURE_NAME: &str = "__Host-bitting_session";

/// Its name without HTTPS, on the machine itself.
const PLAIN_NAME: &str = "bitting_session";

/// The session's id that a request brings.
pub(super) fn read(headers: &HeaderMap, is_secure: bool) -> Option<Token> {
    let name = name(is_secure);
    let pairs = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    let mut found = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(key, _)| *key == name);
    // Of two, one was put there by somebody else.
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Token::presented(value),
        _ => None,
    }
}

/// Has the browser keep it until it is closed, and show it to no script and to no other site.
///
/// `Lax`, since a link from the API's own site must open pages to whoever is signed in; what changes something is asked by POST,
/// with a token of its own.
pub(super) fn set(headers: &mut HeaderMap, token: &Token, is_secure: bool) {
    let secure = if is_secure { "; Secure" } else { "" };
    write(headers, &format!("{}={}; Path=/; HttpOnly; SameSite=Lax{secure}", name(is_secure), token.expose()));
}

/// Has the browser forget it.
pub(super) fn forget(headers: &mut HeaderMap, is_secure: bool) {
    let secure = if is_secure { "; Secure" } else { "" };
    write(headers, &format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}", name(is_secure)));
}

fn name(is_secure: bool) -> &'static str {
    if is_secure { SECURE_NAME } else { PLAIN_NAME }
}

fn write(headers: &mut HeaderMap, cookie: &str) {
    if let Ok(mut value) = HeaderValue::from_str(cookie) {
        value.set_sensitive(true);
        headers.append(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cookies: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(cookies).unwrap())])
    }

    #[test]
    fn a_session_is_read_back_from_the_cookie_that_was_set() {
        for is_secure in [false, true] {
            let (token, mut headers) = (Token::new([7; 32]), HeaderMap::new());
            set(&mut headers, &token, is_secure);
            let cookie = headers[SET_COOKIE].to_str().unwrap();
            assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
            assert_eq!(cookie.contains("; Secure"), is_secure);
            let sent = request(&format!("theme=dark; {}", cookie.split(';').next().unwrap()));
            assert_eq!(read(&sent, is_secure).map(|token| token.digest()), Some(token.digest()));
            assert!(read(&sent, !is_secure).is_none(), "the name of one is not taken for the other");
        }
    }

    #[test]
    fn of_two_sessions_in_one_request_neither_counts() {
        let (one, other) = (Token::new([1; 32]), Token::new([2; 32]));
        let cookies = format!("{PLAIN_NAME}={}; {PLAIN_NAME}={}", one.expose(), other.expose());
        assert!(read(&request(&cookies), false).is_none());
    }
}
