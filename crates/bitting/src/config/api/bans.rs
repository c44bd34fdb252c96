//! `[api.bans]`: who is held off for presenting invalid keys.

use std::time::Duration;

use bitting_core::ban::BanPolicy;

use crate::config::section::Section;

/// How many invalid keys it takes where nothing is said, within which time, and for how long it is then.
const AFTER: u32 = 20;
const WITHIN: Duration = Duration::from_mins(1);
const LASTING: Duration = Duration::from_mins(5);

/// The most that is counted of one client.
const MOST: i64 = 10_000;

/// The longest ban. Whoever is to stay out for ever is a matter for a firewall.
const LONGEST: Duration = Duration::from_hours(24 * 7);

/// Reads it. Without the table nobody is banned.
pub(super) fn read(api: &Section<'_>) -> Option<BanPolicy> {
    let bans = api.section("bans")?;
    let after = bans.number("after", 1..=MOST).and_then(|number| u32::try_from(number.value).ok());
    let policy = BanPolicy {
        after: after.unwrap_or(AFTER),
        within: read_duration(&bans, "within", BanPolicy::LONGEST_WINDOW).unwrap_or(WITHIN),
        lasting: read_duration(&bans, "lasting", LONGEST).unwrap_or(LASTING),
        exempt: bans.addresses("exempt").unwrap_or_default(),
        covers_private: bans.boolean("private").unwrap_or_default(),
        covers_undeclared_proxies: bans.boolean("undeclared_proxies").unwrap_or_default(),
    };
    bans.finish();
    Some(policy)
}

/// A duration of a second at least.
fn read_duration(bans: &Section<'_>, key: &'static str, longest: Duration) -> Option<Duration> {
    let duration = bans.duration(key)?;
    if (Duration::from_secs(1)..=longest).contains(&duration) {
        return Some(duration);
    }
    if let Some(at) = bans.place(key) {
        let longest = longest.as_secs() / 86_400;
        let help = format!("write a duration from \"1s\" to \"{longest}d\"");
        bans.findings.error(at, format!("`{key}` in [api.bans] is too short or too long"), help);
    }
    None
}
