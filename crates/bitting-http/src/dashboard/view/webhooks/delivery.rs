//! What is delivered to an endpoint, and each attempt.

use askama::Template;
use bitting_core::time::Timestamp;
use bitting_store::{AttemptRow, DeliveryRow, DeliveryState};

use crate::dashboard::keys::sentence;
use crate::dashboard::view::{Frame, Moment, Status, Tone, thousands};

/// One delivery in a list.
pub(crate) struct DeliveryLine {
    pub(super) at: Moment,
    pub(super) kind: String,
    pub(super) href: String,
    pub(super) status: Status,
    pub(super) note: String,
    pub(super) attempts: u32,
    /// The words of the button that sends it again.
    pub(super) again: &'static str,
}

/// A delivery with all attempts.
#[derive(Template)]
#[template(path = "dashboard/webhooks/delivery.html", whitespace = "minimize")]
pub(crate) struct DeliveryPage {
    frame: Frame,
    /// The endpoint's page and URL.
    webhook: (String, String),
    line: DeliveryLine,
    message: String,
    body: String,
    attempts: Vec<AttemptLine>,
    done: bool,
}

struct AttemptLine {
    number: u32,
    at: Moment,
    status: Status,
    took: String,
    sent: String,
    answer: Option<String>,
    error: Option<String>,
}

impl DeliveryLine {
    pub(crate) fn new(row: &DeliveryRow, href: String, now: Timestamp) -> Self {
        let why = || {
            let status = row.last_status.map(|status| status.to_string());
            sentence(row.last_error.as_deref().or(status.as_deref()).unwrap_or_default())
        };
        let (status, note) = match row.state {
            DeliveryState::Delivered => {
                let answer = row.last_status.map(|status| format!("{status}, "));
                let at = row.finished_at.map_or_else(String::new, |at| Moment::lately(at, now).words().to_owned());
                (Status::new(Tone::Plain, "check", "Delivered"), format!("{}{at}", answer.unwrap_or_default()))
            }
            DeliveryState::Waiting if row.attempts == 0 => (Status::new(Tone::Plain, "clock", "Waiting"), String::new()),
            DeliveryState::Waiting => {
                let next = Moment::clock(row.due_at, now);
                (Status::new(Tone::Warn, "clock", "Waiting"), format!("{} Again at {} UTC.", why(), next.words()))
            }
            DeliveryState::Failed => (Status::new(Tone::Bad, "cross", "Given up"), why()),
        };
        Self {
            at: Moment::clock(row.created_at, now),
            kind: row.kind.clone(),
            href,
            status,
            note,
            attempts: row.attempts,
            again: if row.state == DeliveryState::Waiting { "Send now" } else { "Send again" },
        }
    }
}

impl DeliveryPage {
    pub(crate) fn new(
        frame: Frame,
        webhook: (String, String),
        (row, attempts): (&DeliveryRow, &[AttemptRow]),
        href: String,
        done: bool,
        now: Timestamp,
    ) -> Self {
        Self {
            frame,
            webhook,
            line: DeliveryLine::new(row, href, now),
            message: row.message.clone(),
            body: pretty(&row.body),
            // The last one is looked for first.
            attempts: attempts.iter().rev().map(|attempt| AttemptLine::new(attempt, now)).collect(),
            done,
        }
    }

    fn is_waiting(&self) -> bool {
        self.line.again == "Send now"
    }
}

impl AttemptLine {
    fn new(row: &AttemptRow, now: Timestamp) -> Self {
        let headers = |headers: &[(String, String)]| {
            let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            lines.join("\n")
        };
        let is_taken = row.answer.as_ref().is_some_and(|answer| (200..300).contains(&answer.status));
        let status = match (is_taken, &row.answer) {
            (true, _) => Status::new(Tone::Plain, "check", "Taken"),
            (false, Some(_)) => Status::new(Tone::Bad, "cross", "Not taken"),
            (false, None) => Status::new(Tone::Bad, "cross", "No answer"),
        };
        let answer = row
            .answer
            .as_ref()
            .map(|answer| format!("{}\n{}\n\n{}", answer.status, headers(&answer.headers), answer.body).trim_end().to_owned());
        Self {
            number: row.number,
            at: Moment::clock(row.at, now),
            status,
            took: format!("{} ms", thousands(row.duration_ms)),
            sent: headers(&row.sent),
            answer,
            error: row.error.as_deref().map(sentence),
        }
    }
}

/// JSON with its parts on lines of their own; what is none stays as it is.
fn pretty(body: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(body).ok();
    value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| body.to_owned())
}
