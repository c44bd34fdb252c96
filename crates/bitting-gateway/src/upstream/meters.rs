//! What is counted of each origin. Addresses are no labels: those of a name may change without end.

use metrics::{Counter, Gauge, Unit, counter, describe_counter, describe_gauge, gauge};

/// The counters of one origin, looked up once.
pub(crate) struct Meters {
    up: Gauge,
    down: Gauge,
    in_flight: Gauge,
    failures: Counter,
}

impl Meters {
    pub(crate) fn new(origin: &str) -> Self {
        describe_gauge!("bitting_upstream_up", Unit::Count, "Addresses of an upstream that requests go to.");
        describe_gauge!("bitting_upstream_down", Unit::Count, "Addresses of an upstream that are left out after failures.");
        describe_gauge!("bitting_upstream_in_flight", Unit::Count, "Requests that an upstream has.");
        describe_counter!("bitting_upstream_attempts_failed_total", "Attempts that failed, also those that were made again.");
        let upstream = || origin.to_owned();
        Self {
            up: gauge!("bitting_upstream_up", "upstream" => upstream()),
            down: gauge!("bitting_upstream_down", "upstream" => upstream()),
            in_flight: gauge!("bitting_upstream_in_flight", "upstream" => upstream()),
            failures: counter!("bitting_upstream_attempts_failed_total", "upstream" => upstream()),
        }
    }

    /// An address is there.
    pub(crate) fn appeared(&self) {
        self.up.increment(1);
        self.down.increment(0);
        self.failures.increment(0);
    }

    /// An address is gone.
    pub(crate) fn left(&self, was_in: bool) {
        if was_in { &self.up } else { &self.down }.decrement(1);
    }

    pub(crate) fn fell_out(&self) {
        self.up.decrement(1);
        self.down.increment(1);
    }

    pub(crate) fn returned(&self) {
        self.down.decrement(1);
        self.up.increment(1);
    }

    pub(crate) fn began(&self) {
        self.in_flight.increment(1);
    }

    pub(crate) fn ended(&self) {
        self.in_flight.decrement(1);
    }

    pub(crate) fn failed(&self) {
        self.failures.increment(1);
    }
}
