//! `[listen.limits]`: how much one connection may take, and all of them.

use std::time::Duration;

use super::super::section::Section;

/// How much of time, memory and places the callers of a listener may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenLimits {
    /// How many connections may be open at once; without it as many as the process may open files for.
    pub connections: Option<usize>,
    /// How many of them may come from one address; without it a part of all.
    pub connections_per_address: Option<usize>,
    /// For the head of a request from its first byte on, and before it for the connection to be made: what a proxy says, TLS.
    pub head_time: Duration,
    /// Between an answer and the next request.
    pub idle_time: Duration,
    /// Between two pieces of a body.
    pub body_pause: Duration,
    /// The bytes a second that a body must bring over all, once it has had the time of a pause.
    pub body_rate: u32,
    /// How long a caller may take nothing of an answer that is there.
    pub write_pause: Duration,
    /// The bytes of a head.
    pub head_size: usize,
    /// The headers of a head in HTTP/1.1.
    pub headers: usize,
    /// The requests that one HTTP/2 connection may have under way.
    pub streams: u32,
    /// The requests a second that one HTTP/2 connection may take back.
    pub resets: u32,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            connections: None,
            connections_per_address: None,
            head_time: Duration::from_secs(15),
            idle_time: Duration::from_secs(75),
            body_pause: Duration::from_secs(30),
            body_rate: 100,
            write_pause: Duration::from_mins(1),
            head_size: 64 << 10,
            headers: 100,
            streams: 100,
            resets: 100,
        }
    }
}

/// Reads them; what is not said has its default.
pub(super) fn read_limits(listen: &Section<'_>) -> ListenLimits {
    let default = ListenLimits::default();
    let Some(section) = listen.section("limits") else { return default };
    let limits = ListenLimits {
        connections: number(&section, "connections", 1..=10_000_000),
        connections_per_address: number(&section, "connections_per_address", 1..=10_000_000),
        head_time: time(&section, "head_time").unwrap_or(default.head_time),
        idle_time: time(&section, "idle_time").unwrap_or(default.idle_time),
        body_pause: time(&section, "body_pause").unwrap_or(default.body_pause),
        body_rate: number(&section, "body_rate", 0..=1_000_000_000).unwrap_or(default.body_rate),
        write_pause: time(&section, "write_pause").unwrap_or(default.write_pause),
        // Less than this and hyper cannot read; with more, HTTP/2 could bring more headers than a `HeaderMap` can be given others beside.
        head_size: section
            .size("head_size", (8 << 10)..=(512 << 10))
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(default.head_size),
        headers: number(&section, "headers", 10..=10_000).unwrap_or(default.headers),
        streams: number(&section, "streams", 1..=10_000).unwrap_or(default.streams),
        resets: number(&section, "resets", 1..=1_000_000).unwrap_or(default.resets),
    };
    section.finish();
    limits
}

fn number<N: TryFrom<i64>>(section: &Section<'_>, key: &'static str, range: std::ops::RangeInclusive<i64>) -> Option<N> {
    section.number(key, range).and_then(|number| N::try_from(number.value).ok())
}

/// A time that is not so short that nobody could keep it.
fn time(section: &Section<'_>, key: &'static str) -> Option<Duration> {
    let time = section.duration(key)?;
    if time < Duration::from_millis(100) || time > Duration::from_hours(24) {
        let at = section.place(key).unwrap_or(section.at);
        section.findings.error(at, format!("`{key}` is out of range"), "write a duration from \"100ms\" to \"24h\"");
        return None;
    }
    Some(time)
}
