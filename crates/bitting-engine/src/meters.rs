//! What is counted. Never a key id as a label: their number has no bound.

use std::cell::Cell;
use std::time::Duration;

use bitting_core::reason::Reason;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// The counters of one API, looked up once and not at each request.
pub(crate) struct Meters {
    admitted: Counter,
    preflight: Counter,
    refused: Box<[Counter]>,
    failed: [(Reason, Counter); 2],
    decision_seconds: Histogram,
    bans: Counter,
    banned: Gauge,
}

impl Meters {
    pub(crate) fn new(api: &str) -> Self {
        let requests = |outcome: &'static str, reason: &'static str| counter!("bitting_requests_total", "api" => api.to_owned(), "outcome" => outcome, "reason" => reason);
        let failures =
            |reason: Reason| counter!("bitting_upstream_failures_total", "api" => api.to_owned(), "reason" => reason.name());
        Self {
            admitted: requests("admitted", ""),
            preflight: requests("preflight", ""),
            refused: Reason::ALL.iter().map(|reason| requests("refused", reason.name())).collect(),
            failed: [Reason::UpstreamUnreachable, Reason::UpstreamTimeout].map(|reason| (reason, failures(reason))),
            decision_seconds: histogram!("bitting_decision_seconds", "api" => api.to_owned()),
            bans: counter!("bitting_bans_total", "api" => api.to_owned()),
            banned: gauge!("bitting_banned_addresses", "api" => api.to_owned()),
        }
    }

    pub(crate) fn admitted(&self) {
        self.admitted.increment(1);
    }

    pub(crate) fn preflight(&self) {
        self.preflight.increment(1);
    }

    pub(crate) fn refused(&self, reason: Reason) {
        self.refused[reason as usize].increment(1);
    }

    /// Of all reasons only these two are the upstream's fault; a caller's body that breaks off is not.
    pub(crate) fn failed(&self, reason: Reason) {
        if let Some((_, counter)) = self.failed.iter().find(|(of, _)| *of == reason) {
            counter.increment(1);
        }
    }

    pub(crate) fn banned(&self) {
        self.bans.increment(1);
    }

    /// So many are banned now.
    pub(crate) fn held_off(&self, count: usize) {
        #[expect(clippy::cast_precision_loss, reason = "there are not so many")]
        self.banned.set(count as f64);
    }

    pub(crate) fn decided_in(&self, elapsed: Duration) {
        self.decision_seconds.record(elapsed);
    }
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meters")
    }
}

/// Whether to measure this decision: reading the clock twice would cost a tenth of it, so each thread measures one in
/// sixteen.
pub(crate) fn measures_next() -> bool {
    thread_local! {
        static DECISIONS: Cell<u8> = const { Cell::new(0) };
    }
    DECISIONS.with(|count| {
        count.set((count.get() + 1) % 16);
        count.get() == 1
    })
}

/// Says what each metric means, for whoever reads them. Called once, after a recorder is installed.
pub(crate) fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!("bitting_requests_total", "Decisions by API, outcome (admitted, refused, preflight) and reason.");
    describe_counter!("bitting_upstream_failures_total", "Admitted requests that the upstream did not answer.");
    describe_histogram!("bitting_decision_seconds", Unit::Seconds, "Time to decide, for one request in sixteen.");
    describe_counter!("bitting_bans_total", "Client addresses that were banned for presenting invalid keys.");
    describe_gauge!("bitting_banned_addresses", Unit::Count, "Client addresses that are banned now.");
    describe_histogram!("bitting_commit_seconds", Unit::Seconds, "Time to write a batch of changes to the disk.");
    describe_histogram!("bitting_commit_changes", Unit::Count, "Changes in a batch.");
    describe_counter!("bitting_events_total", "Events by API and name; one that goes on counts once.");
    describe_gauge!("bitting_ring_keys", Unit::Count, "Keys in memory, revoked and expired ones included.");
}

pub(crate) fn committed(changes: usize, elapsed: Duration) {
    histogram!("bitting_commit_seconds").record(elapsed);
    #[expect(clippy::cast_precision_loss, reason = "a batch has at most a few hundred changes")]
    histogram!("bitting_commit_changes").record(changes as f64);
}

pub(crate) fn ring_keys(count: usize) {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^52 keys")]
    gauge!("bitting_ring_keys").set(count as f64);
}
