//! The access log as one JSON object a line.
//!
//! `tracing-subscriber` has a formatter for this too, which takes as long as the rest of what the gateway adds to a request;
//! `ARCHITECTURE.md` has the numbers.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::Write;

use bitting_engine::{Clock as _, WallClock};
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

/// Writes each event as a line: the time, and then its fields in their order.
pub(super) struct JsonLines<W>(pub(super) W);

thread_local! {
    static LINE: RefCell<Line> = const { RefCell::new(Line { json: Vec::new(), text: String::new() }) };
}

impl<S: Subscriber, W: for<'w> MakeWriter<'w> + 'static> Layer<S> for JsonLines<W> {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        LINE.with_borrow_mut(|line| {
            line.json.clear();
            line.json.push(b'{');
            line.member("timestamp", |line| line.shown(&format_args!("{:.3}", WallClock.now())));
            event.record(line);
            line.json.extend_from_slice(b"}\n");
            // Lossy by design, and there is nowhere else to report it.
            let _ = self.0.make_writer().write_all(&line.json);
        });
    }
}

/// A line while it is written. Its memory is used again for the next one.
struct Line {
    json: Vec<u8>,
    text: String,
}

impl Line {
    fn member(&mut self, name: &str, value: impl FnOnce(&mut Self)) {
        if self.json.len() > 1 {
            self.json.push(b',');
        }
        self.value(name);
        self.json.push(b':');
        value(self);
    }

    fn value(&mut self, value: impl Serialize) {
        if serde_json::to_writer(&mut self.json, &value).is_err() {
            // Plain values can always be written; if one could not, the line would still be JSON.
            self.json.extend_from_slice(b"null");
        }
    }

    fn shown(&mut self, value: &dyn fmt::Display) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        // Writing into a string succeeds.
        let _ = write!(text, "{value}");
        self.value(&*text);
        self.text = text;
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field.name(), |line| line.value(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field.name(), |line| line.value(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field.name(), |line| line.value(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field.name(), |line| line.value(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field.name(), |line| line.value(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field.name(), |line| line.shown(&format_args!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};
    use std::sync::Arc;

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn a_line_is_one_json_object_with_the_fields_in_their_order_whatever_they_hold() {
        let out = Arc::new(tempfile::tempfile().unwrap());
        let lines = tracing_subscriber::registry().with(JsonLines(Arc::clone(&out)));
        tracing::subscriber::with_default(lines, || {
            let absent: Option<&str> = None;
            tracing::info!(path = "/a\"\n\u{1}é", status = 200_u64, reason = absent, ms = 0.5, client = %"1.2.3.4", ok = true);
            tracing::info!(status = 401_u64);
        });
        let mut text = String::new();
        (&*out).rewind().unwrap();
        (&*out).read_to_string(&mut text).unwrap();
        let (first, second) = text.trim_end().split_once('\n').unwrap();
        let (time, fields) = first.split_once(',').unwrap();
        let expected = "{\"timestamp\":\"2026-01-02T03:04:05.678Z\"";
        assert!(time.starts_with("{\"timestamp\":\"20") && time.ends_with("Z\"") && time.len() == expected.len(), "{time}");
        assert_eq!(fields, r#""path":"/a\"\n\u0001é","status":200,"ms":0.5,"client":"1.2.3.4","ok":true}"#);
        assert!(second.ends_with(",\"status\":401}"), "{second}");
    }
}
