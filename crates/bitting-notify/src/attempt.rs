//! One attempt to deliver something, and what becomes of the delivery.

use std::time::Duration;

use bitting_core::time::Timestamp;
use bitting_core::webhook::{MOST_TRIES, WebhookUrl, delay_after};
use bitting_store::{Answer, AttemptRow, Attempted, DisabledBecause, DueDelivery, StoredWebhook, Verdict};
use http::{HeaderMap, StatusCode, header};

use crate::message::Message;
use crate::sender::{Exchange, Response, Sender};

/// What is to be done with an endpoint after an attempt.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// To write down.
    pub(crate) attempted: Attempted,
    /// Whether the endpoint said that it is gone.
    pub(crate) is_gone: bool,
}

/// The longest that an endpoint may ask to be left alone with `Retry-After`.
const LONGEST_REST: Duration = Duration::from_hours(24);

/// How much is kept of the headers of a request or an answer.
const KEPT_OF_HEAD: usize = 4_096;

/// Sends something to an endpoint. `signed_at` is now by the machine's clock, as whoever verifies the signature has it: the engine's
/// time stays ahead if that clock was fast and was corrected. `random` spreads the next attempt.
pub(crate) async fn attempt(
    sender: Sender,
    webhook: StoredWebhook,
    due: DueDelivery,
    (now, signed_at): (Timestamp, Timestamp),
    random: u64,
) -> Outcome {
    let message = Message { id: due.message, body: due.body.into(), at: signed_at, secrets: webhook.secrets_at(now) };
    let url: &WebhookUrl = &webhook.row.url;
    let Exchange { sent, duration, outcome } = sender.send(&message, url).await;
    let ended = now.plus(duration);
    let error = match &outcome {
        Ok(response) => complaint(response),
        Err(failure) => Some(failure.to_string()),
    };
    let verdict = if error.is_none() {
        Verdict::Delivered
    } else if due.is_test {
        Verdict::Failed
    } else {
        let rest = outcome.as_ref().ok().and_then(|response| rest(&response.headers, ended)).unwrap_or_default();
        match delay_after((due.tries + 1).min(MOST_TRIES), random) {
            Some(delay) => Verdict::Again(ended.plus(delay.max(rest))),
            None => Verdict::Failed,
        }
    };
    let is_gone = !due.is_test && outcome.as_ref().is_ok_and(|response| response.status == StatusCode::GONE);
    // Nobody who is gone has refused this one: it waits until somebody switches the endpoint on.
    let verdict = if is_gone && verdict == Verdict::Failed { Verdict::Again(ended) } else { verdict };
    let attempt = AttemptRow {
        number: 0,
        at: now,
        duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        sent: kept(&sent),
        answer: outcome.ok().map(|response| Answer {
            status: response.status.as_u16(),
            headers: kept(&response.headers),
            body: String::from_utf8_lossy(&response.body).into_owned(),
        }),
        error,
    };
    let attempted = Attempted {
        delivery: due.id,
        webhook: due.webhook,
        epoch: webhook.epoch,
        attempt,
        verdict,
        counts: !due.is_test,
        asked_at: due.asked_at,
    };
    Outcome { attempted, is_gone }
}

/// Why an endpoint that has taken nothing since then is to be switched off, if it is.
pub(crate) fn reason_to_disable(
    outcome: &Outcome,
    failing_since: Option<Timestamp>,
    patience: Duration,
) -> Option<DisabledBecause> {
    if outcome.is_gone {
        return Some(DisabledBecause::Gone);
    }
    let is_over = failing_since.is_some_and(|since| outcome.attempted.attempt.at.since(since) >= patience);
    is_over.then_some(DisabledBecause::Failing)
}

/// What is wrong with an answer, in words; nothing if the message was taken.
fn complaint(response: &Response) -> Option<String> {
    let status = response.status;
    if status.is_success() {
        return None;
    }
    let reason = status.canonical_reason().unwrap_or_default();
    let words = format!("it answered {} {reason}", status.as_u16()).trim_end().to_owned();
    Some(match status {
        StatusCode::GONE => format!("{words}, so the endpoint was switched off"),
        _ if status.is_redirection() => format!("{words}; redirects are not followed, write the URL that it leads to"),
        _ => words,
    })
}

/// How long an endpoint wants to be left alone (RFC 9110, section 10.2.3), as far as it may.
fn rest(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let until = jiff::fmt::rfc2822::parse(value).ok()?.timestamp().as_millisecond();
        Timestamp::from_millis(until).since(now)
    };
    Some(asked.min(LONGEST_REST))
}

/// Headers as they are kept: so much of them, and of what is no text the part that is.
fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut left = KEPT_OF_HEAD;
    let fits = |name: &str, value: &str, left: &mut usize| {
        let length = name.len() + value.len();
        let fits = length <= *left;
        *left = left.saturating_sub(length);
        fits
    };
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .take_while(|(name, value)| fits(name, value, &mut left))
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;

    use super::*;

    #[test]
    fn an_endpoint_is_left_alone_as_long_as_it_asks_but_no_longer_than_a_day() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let rest =
            |value: &'static str| rest(&HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(value))]), now);
        assert_eq!(rest("120"), Some(Duration::from_mins(2)));
        assert_eq!(rest("999999999"), Some(LONGEST_REST));
        assert_eq!(rest("Fri, 20 Nov 2026 13:00:00 GMT"), Some(Duration::from_hours(1)));
        assert_eq!(rest("Fri, 20 Nov 2020 13:00:00 GMT"), Some(Duration::ZERO));
        for wrong in ["soon", "-5", "1.5", ""] {
            assert_eq!(rest(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_success_is_success_and_a_redirect_says_what_to_do() {
        let complaint = |status: u16| {
            let response =
                Response { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: Bytes::new() };
            complaint(&response)
        };
        assert_eq!((complaint(200), complaint(204), complaint(299)), (None, None, None));
        assert_eq!(complaint(500).unwrap(), "it answered 500 Internal Server Error");
        assert_eq!(complaint(599).unwrap(), "it answered 599");
        assert!(complaint(302).unwrap().contains("not followed") && complaint(410).unwrap().contains("switched off"));
    }

    #[test]
    fn so_much_of_a_head_is_kept() {
        let large = "x".repeat(3_000);
        let mut headers = HeaderMap::new();
        for name in ["a", "b"] {
            headers.insert(name, HeaderValue::from_str(&large).unwrap());
        }
        assert_eq!(kept(&headers).len(), 1);
    }
}
