//! How well unusual traffic is noticed, on synthetic keys whose anomalies are known.
//!
//! `cargo test --release -p bitting-core --test traffic -- --no-capture` prints the table. Every key has ten weeks; the last two are
//! judged hour by hour, as the engine does it. An anomaly is found if one of its hours is told; an hour that is told and
//! belongs to none is a false alarm. Everything comes from one seed, so the numbers are the same on every machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod synthetic;

use std::collections::BTreeMap;

use bitting_core::traffic::{History, TrafficPolicy, WEEK_HOURS};

use self::synthetic::{Anomaly, Key, SHAPES};

const KEYS_OF_EACH: u64 = 40;

/// How many were found of how many.
#[derive(Default, Clone, Copy)]
struct Score {
    found: usize,
    there: usize,
    told: usize,
    false_alarms: usize,
}

impl Score {
    fn recall(self) -> f64 {
        share(self.found, self.there)
    }

    fn precision(self) -> f64 {
        share(self.told - self.false_alarms, self.told)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap()) }
}

/// The hours of which it was told.
fn told(policy: TrafficPolicy, key: &Key) -> Vec<u32> {
    let history = History::new(key.first, key.counts.clone());
    (key.judged_from()..key.end()).filter(|hour| policy.judge(&history, *hour).is_some()).collect()
}

fn score(key: &Key, told: &[u32], of: &mut BTreeMap<&'static str, Score>) {
    let owner = |hour: &u32| key.anomalies.iter().find(|anomaly| anomaly.covers(*hour));
    for Anomaly { name, from, hours } in &key.anomalies {
        let score = of.entry(name).or_default();
        score.there += 1;
        score.found += usize::from(told.iter().any(|hour| (*from..from + hours).contains(hour)));
    }
    let of_shape = of.entry(key.shape).or_default();
    of_shape.there += key.anomalies.len();
    of_shape.told += told.len();
    of_shape.false_alarms += told.iter().filter(|hour| owner(hour).is_none()).count();
    of_shape.found += key.anomalies.iter().filter(|anomaly| told.iter().any(|hour| anomaly.covers(*hour))).count();
}

#[test]
fn known_anomalies_are_told_and_seasons_trends_holidays_and_noise_are_not() {
    let policy = TrafficPolicy::default();
    let mut scores = BTreeMap::new();
    let mut all = Score::default();
    for shape in SHAPES {
        for number in 0..KEYS_OF_EACH {
            let key = synthetic::key(shape, number);
            score(&key, &told(policy, &key), &mut scores);
        }
        let of_shape = scores[shape.name];
        all.found += of_shape.found;
        all.there += of_shape.there;
        all.told += of_shape.told;
        all.false_alarms += of_shape.false_alarms;
    }
    let judged = u32::try_from(SHAPES.len()).unwrap() * u32::try_from(KEYS_OF_EACH).unwrap() * 2;
    println!("{:<30} {:>6} {:>6} {:>7} {:>6} {:>6} {:>10}", "", "there", "found", "recall", "told", "false", "precision");
    let row = |name: &str, score: Score| {
        let Score { found, there, told, false_alarms } = score;
        print!("{name:<30} {there:>6} {found:>6} {:>7.3}", score.recall());
        // What is told is counted for the shape of a key, not for the kind of an anomaly.
        if told > 0 { println!(" {told:>6} {false_alarms:>6} {:>10.3}", score.precision()) } else { println!() }
    };
    for (name, score) in &scores {
        row(name, *score);
    }
    row("all", all);
    println!("false alarms for each key and week: {:.4}", share(all.false_alarms, usize::try_from(judged).unwrap()));
    assert!(all.precision() >= 0.97, "precision {:.3}", all.precision());
    assert!(all.recall() >= 0.88, "recall {:.3}", all.recall());
    let floors = [
        ("a spike of 20 times", 0.90),
        ("a burst of 50 times, 10 hours", 0.98),
        ("silence", 0.98),
        ("a day's traffic at night", 0.95),
    ];
    for (name, floor) in floors {
        assert!(scores[name].recall() >= floor, "{name}: recall {:.3}", scores[name].recall());
    }
}

#[test]
fn a_key_without_anomalies_is_told_of_less_than_once_in_a_year() {
    let policy = TrafficPolicy::default();
    let (mut alarms, mut weeks) = (0, 0);
    for shape in SHAPES {
        for number in 0..KEYS_OF_EACH {
            let key = synthetic::calm_key(shape, 1_000 + number);
            alarms += told(policy, &key).len();
            weeks += usize::try_from((key.end() - key.judged_from()) / WEEK_HOURS).unwrap();
        }
    }
    println!("{alarms} false alarms in {weeks} weeks of keys without anomalies");
    assert!(alarms * 52 < weeks, "{alarms} in {weeks} weeks");
}
