//! One's own sign-in: where one is signed in, password and second factor.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bitting_core::time::Timestamp;
use bitting_store::{MemberRow, SessionRow, SignInWay};

use super::{Frame, Moment, plural};
use crate::dashboard::code::Square;

/// Everything about it.
#[derive(Template)]
#[template(path = "dashboard/people/you.html", whitespace = "minimize")]
pub(crate) struct YouPage {
    pub(crate) frame: Frame,
    pub(crate) member: MemberRow,
    pub(crate) sessions: Vec<SessionLine>,
    pub(crate) password_error: Option<String>,
    pub(crate) new_password_error: Option<String>,
    pub(crate) factor_error: Option<String>,
    /// What was just done, in words.
    pub(crate) done: Option<String>,
    /// The shortest password.
    pub(crate) shortest: usize,
}

/// One place where somebody is signed in.
pub(crate) struct SessionLine {
    /// What ends it.
    pub(crate) handle: String,
    browser: String,
    address: Option<String>,
    way: &'static str,
    since: Moment,
    seen: Moment,
    is_this: bool,
}

/// Giving an authenticator app its secret.
#[derive(Template)]
#[template(path = "dashboard/people/second_factor.html", whitespace = "minimize")]
pub(crate) struct SecondFactorPage {
    pub(crate) frame: Frame,
    /// The secret, to type in by hand.
    pub(crate) secret: String,
    /// The link that apps open.
    pub(crate) link: String,
    pub(crate) square: Square,
    pub(crate) error: Option<String>,
    pub(crate) password_error: Option<String>,
}

impl YouPage {
    fn shortest(&self) -> String {
        plural(u64::try_from(self.shortest).unwrap_or_default(), "character")
    }
}

impl SessionLine {
    pub(crate) fn new(row: &SessionRow, this: &SessionRow, now: Timestamp) -> Self {
        Self {
            handle: URL_SAFE_NO_PAD.encode(&row.digest.as_bytes()[..8]),
            browser: browser(&row.agent),
            address: row.address.clone(),
            way: match row.way {
                SignInWay::Password => "with a password",
                SignInWay::Link => "with a link",
                SignInWay::Portal => "from the API's own site",
            },
            since: Moment::clock(row.created_at, now),
            seen: Moment::ago(row.seen_at, now),
            is_this: row.digest == this.digest,
        }
    }
}

impl SecondFactorPage {
    /// The secret in groups of four, as it is easier to type.
    fn groups(&self) -> Vec<String> {
        let letters: Vec<char> = self.secret.chars().collect();
        letters.chunks(4).map(|group| group.iter().collect()).collect()
    }
}

/// What a browser is, of what it calls itself. Nearly all call themselves something else too, so the order counts.
fn browser(agent: &str) -> String {
    let known = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |list: &[(&str, &'static str)]| list.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| *name);
    match (find(&known), find(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "An unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_known_by_what_it_is_and_not_by_what_it_imitates() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome on Linux");
        assert_eq!(browser(&format!("{chrome} Edg/156.0").replace("X11; Linux x86_64", "Windows NT 10.0")), "Edge on Windows");
        assert_eq!(
            browser("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0"),
            "Firefox on macOS"
        );
        assert_eq!(browser("<script>"), "An unknown browser");
    }
}
