//! What is counted.

use std::time::Duration;

use bitting_store::Verdict;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Says what each metric means.
pub(crate) fn describe() {
    describe_counter!(
        "bitting_webhook_attempts_total",
        "Attempts to deliver to webhooks by API and outcome: delivered, retried later, or failed for good."
    );
    describe_gauge!("bitting_webhook_deliveries_waiting", Unit::Count, "Deliveries that wait; at most 100000 are counted.");
    describe_histogram!("bitting_webhook_attempt_seconds", Unit::Seconds, "Time from the first step of an attempt to its end.");
}

pub(crate) fn attempted(api: &str, verdict: Verdict, took: Duration) {
    let outcome = match verdict {
        Verdict::Delivered => "delivered",
        Verdict::Again(_) => "retry",
        Verdict::Failed => "failed",
    };
    counter!("bitting_webhook_attempts_total", "api" => api.to_owned(), "outcome" => outcome).increment(1);
    histogram!("bitting_webhook_attempt_seconds").record(took);
}

pub(crate) fn waiting(count: u64) {
    #[expect(clippy::cast_precision_loss, reason = "it is counted up to 100,000")]
    gauge!("bitting_webhook_deliveries_waiting").set(count as f64);
}
