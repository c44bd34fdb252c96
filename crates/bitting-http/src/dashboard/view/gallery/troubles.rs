use http::StatusCode;

use super::{developer, hang, visitor};
use crate::dashboard::fixture::{at, now};
use crate::dashboard::view::{Trouble, TroublePage};

#[test]
fn every_trouble_says_what_to_do() {
    for (name, trouble, status, advice) in [
        ("404", Trouble::NotFound, StatusCode::NOT_FOUND, "look for it in the list"),
        ("403", Trouble::Forbidden, StatusCode::FORBIDDEN, "Ask whoever runs Product API"),
        ("stale", Trouble::Stale, StatusCode::FORBIDDEN, "load the page again"),
        ("link-used", Trouble::LinkUsed, StatusCode::GONE, "Ask whoever gave it to you"),
        ("too-many", Trouble::TooMany { again_at: at("2025-10-14T10:57:00Z") }, StatusCode::TOO_MANY_REQUESTS, "in 15 minutes"),
        ("unreadable", Trouble::Unreadable, StatusCode::BAD_REQUEST, "Go back and try again"),
        ("503", Trouble::Unavailable, StatusCode::SERVICE_UNAVAILABLE, "Try again in a minute"),
    ] {
        let page = TroublePage::new(developer(), trouble.clone(), now());
        assert_eq!(page.status(), status);
        assert!(hang(name, &page).contains(advice), "{name}");
        hang(&format!("{name}-visitor"), &TroublePage::new(visitor(), trouble, now()));
    }
}
