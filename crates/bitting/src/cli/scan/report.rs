//! What is said of a scan: a line for each place, and a line for all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::standing::{Reported, Standing, State};
use super::{Hit, Lock, Place, Totals};
use crate::cli::output::{note, say};
use crate::failure::{Failure, FailureKind};

const LIVE: Style = AnsiColor::Red.on_default().bold();
const OPEN: Style = AnsiColor::Yellow.on_default();
const OVER: Style = Style::new().dimmed();

/// Says what was found as soon as that is known.
pub(super) struct Report {
    json: bool,
    lock: Arc<Lock>,
    found: BTreeMap<State, u64>,
    unread: u64,
    /// Places of keys that were ended because of it.
    ended: u64,
}

impl Report {
    pub(super) fn new(json: bool, lock: Arc<Lock>) -> Self {
        Self { json, lock, found: BTreeMap::new(), unread: 0, ended: 0 }
    }

    /// A place where a key stands.
    pub(super) fn found(&mut self, hit: &Hit, standing: &Standing) -> Result<(), Failure> {
        // What only looks a little like a key is worth no word, unless it is one.
        if !hit.is_plausible && standing.key.is_none() {
            return Ok(());
        }
        *self.found.entry(standing.state).or_default() += 1;
        self.ended += u64::from(standing.reported == Some(Reported::Revoked));
        if self.json { say(&self.in_json(hit, standing).to_string()) } else { say(&self.in_words(hit, standing)) }
    }

    /// Something that could not be read.
    pub(super) fn unread(&mut self, what: &str, why: &str) -> Result<(), Failure> {
        self.unread += 1;
        if self.json {
            return say(&json!({"type": "unread", "path": what, "why": why}).to_string());
        }
        note(&format!("{what}: not read: {why}"));
        Ok(())
    }

    /// All of it together; fails if something has to be done.
    pub(super) fn end(self, totals: Totals) -> Result<(), Failure> {
        let Totals { texts, bytes, took } = totals;
        let found: u64 = self.found.values().sum();
        if self.json {
            let by_state: serde_json::Map<String, Value> =
                State::ALL.iter().map(|state| (state.name().to_owned(), json!(self.count(*state)))).collect();
            say(&json!({"type": "summary", "found": by_state, "texts": texts, "bytes": bytes, "unread": self.unread,
                        "seconds": took.as_secs_f64()})
            .to_string())?;
        } else {
            let states = State::ALL.iter().filter(|state| self.count(**state) > 0);
            let states: Vec<String> = states.map(|state| format!("{} {}", self.count(*state), state.name())).collect();
            let of_them = if states.is_empty() { String::new() } else { format!(" ({})", states.join(", ")) };
            note(&format!("{}{of_them} in {} read, {}", counted(found, "key"), counted(texts, "text"), speed(bytes, took)));
        }
        self.verdict()
    }

    fn verdict(&self) -> Result<(), Failure> {
        let (works, may) = (self.count(State::Live), self.count(State::Disabled));
        if works + may > 0 && works + may == self.ended {
            return Err(Failure::new(
                "keys that worked were found; they are ended now, and whoever worked with them needs new ones",
            ));
        }
        if works + may > 0 {
            let what = if works > 0 { "keys that work" } else { "keys that can be switched on again" };
            let cure =
                "end each with `bitting keys revoke ID`; `bitting keys rotate ID --overlap 7d` gives its owner a new one first";
            return Err(Failure::new(format!("{what} were found\n{cure}")));
        }
        if self.count(State::Unverified) > 0 {
            let cure = "there is no store here to ask; on the machine that has it the same command says which of them work";
            return Err(Failure::new(format!("keys were found, and nobody knows whether they work\n{cure}")));
        }
        if self.unread > 0 {
            let what = format!("no key that works was found, but {} could not be read", counted(self.unread, "thing"));
            return Err(Failure::of(FailureKind::Incomplete, what));
        }
        Ok(())
    }

    fn count(&self, state: State) -> u64 {
        self.found.get(&state).copied().unwrap_or_default()
    }

    fn in_words(&self, hit: &Hit, Standing { state, key, reported }: &Standing) -> String {
        let style = match state {
            State::Live => LIVE,
            state if state.is_open() => OPEN,
            _ => OVER,
        };
        let whose = match key {
            Some(key) => format!("{} of account {} ({}, {})", key.id, key.account, key.api, key.environment),
            None => format!("a key of {} ({})", self.lock.names(&hit.apis).join(" or "), hit.environments.join(" or ")),
        };
        let reported = reported.map(|reported| format!(", reported: {}", reported.name())).unwrap_or_default();
        let (place, at) = (&hit.place, hit.position);
        format!("{place}:{}:{}: {style}{}{style:#}: {}…, {whose}{reported}", at.line, at.column, state.name(), hit.shown)
    }

    fn in_json(&self, hit: &Hit, Standing { state, key, reported }: &Standing) -> Value {
        let place = match &hit.place {
            Place::File(path) => json!({"path": path}),
            Place::Blob { id, of: Some((commit, path)) } => json!({"path": path, "commit": commit, "blob": id}),
            Place::Blob { id, of: None } => json!({"blob": id}),
            Place::Commit(id) => json!({"commit": id}),
            Place::Tag(id) => json!({"tag": id}),
        };
        let mut line = json!({"type": "key", "state": state.name(), "prefix": hit.shown, "line": hit.position.line,
                              "column": hit.position.column, "offset": hit.position.offset});
        let whose = match key {
            Some(key) => json!({"api": key.api, "environment": key.environment, "key": key.id, "account": key.account}),
            None => json!({"apis": self.lock.names(&hit.apis), "environments": hit.environments}),
        };
        let reported = reported.map_or(Value::Null, |reported| json!({"reported": reported.name()}));
        for part in [place, whose, reported] {
            if let (Some(line), Value::Object(part)) = (line.as_object_mut(), part) {
                line.extend(part);
            }
        }
        line
    }
}

/// As git would be asked for it, where it is in a history.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Blob { of: Some((commit, path)), .. } => write!(f, "{}:{path}", short(commit)),
            Self::Blob { id, of: None } => write!(f, "blob {}", short(id)),
            Self::Commit(id) => write!(f, "commit {}", short(id)),
            Self::Tag(id) => write!(f, "tag {}", short(id)),
        }
    }
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn counted(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn speed(bytes: u64, took: std::time::Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a number for people, far below 2^52")]
    let megabytes = bytes as f64 / 1e6;
    let seconds = took.as_secs_f64();
    format!("{megabytes:.1} MB in {seconds:.1} s ({:.0} MB/s)", megabytes / seconds.max(1e-6))
}
