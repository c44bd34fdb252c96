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

/// After how long an endpoint that takes nothing is switched off.
const PATIENCE: Duration = Duration::from_hours(24 * 5);

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
    let is_gone = !due.is_test && outcome.as_ref().is_ok_and(|response| response.status == StatusCode::GONE);
    let verdict = match &error {
        None => Verdict::Delivered,
        Some(_) if due.is_test => Verdict::Failed,
        Some(_) => {
            let rest = outcome.as_ref().ok().and_then(|response| rest(&response.headers, ended)).unwrap_or_default();
            let takes_nothing = is_gone || is_given_up(webhook.failing_since, now);
            match delay_after((due.tries + 1).min(MOST_TRIES), random) {
                Some(delay) => Verdict::Again(ended.plus(delay.max(rest))),
                // Nobody has refused it who is gone, or takes nothing: it waits until somebody switches the endpoint on.
                None if takes_nothing => Verdict::Again(ended),
                None => Verdict::Failed,
            }
        }
    };
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
pub(crate) fn reason_to_disable(outcome: &Outcome, failing_since: Option<Timestamp>) -> Option<DisabledBecause> {
    if outcome.is_gone {
        return Some(DisabledBecause::Gone);
    }
    is_given_up(failing_since, outcome.attempted.attempt.at).then_some(DisabledBecause::Failing)
}

fn is_given_up(failing_since: Option<Timestamp>, at: Timestamp) -> bool {
    failing_since.is_some_and(|since| at.since(since) >= PATIENCE)
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
    use std::sync::Arc;

    use bitting_core::webhook::{DeliveryId, Destinations};
    use bytes::Bytes;
    use http::HeaderValue;

    use super::*;
    use crate::lanes::tests::endpoint;
    use crate::resolve::SystemResolver;
    use crate::roots::Roots;

    /// What becomes of a message that nobody takes at its last try, if its endpoint has taken nothing for so long.
    async fn last_try(failing_for: Option<Duration>) -> Verdict {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let mut webhook = endpoint(1, 1);
        // Nobody listens there.
        webhook.row.url = "http://127.0.0.1:1/".parse().unwrap();
        webhook.failing_since = failing_for.map(|long| now.before(long));
        let due = DueDelivery {
            id: DeliveryId::new(now, 1),
            webhook: webhook.row.id,
            message: "msg_1".to_owned(),
            body: "{}".to_owned(),
            tries: MOST_TRIES - 1,
            is_test: false,
            asked_at: None,
        };
        let destinations = Destinations::new(true, ["127.0.0.1/32"]).unwrap();
        let resolver = Arc::new(SystemResolver::default());
        let sender = Sender::new(destinations, resolver, Roots::default(), Duration::from_secs(5));
        attempt(sender, webhook, due, (now, now), 0).await.attempted.verdict
    }

    #[tokio::test]
    async fn a_message_is_given_up_after_the_last_try_unless_its_endpoint_is_because_it_takes_nothing() {
        assert_eq!(last_try(None).await, Verdict::Failed);
        assert_eq!(last_try(Some(Duration::from_hours(119))).await, Verdict::Failed);
        assert!(matches!(last_try(Some(PATIENCE)).await, Verdict::Again(_)));
    }

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
