//! Limits by themselves, and held against a slow, obvious model.

use proptest::prelude::*;

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// What the model knows: each request that was let through, and when.
#[derive(Default)]
struct Model(Vec<(i64, u64)>);

impl Model {
    /// How much a window holds: everything that was let through in it.
    fn used(&self, period: Period, now: i64) -> u64 {
        let (start, end) = period.around(at(now));
        let inside = |ms: i64| (start.as_millis()..end.as_millis()).contains(&ms);
        self.0.iter().filter(|(ms, _)| inside(*ms)).map(|(_, cost)| cost).sum()
    }

    /// How much a bucket holds, in parts, by letting each request in and draining until the next.
    fn parts(&self, per_ms: u64, allowed: u64, now: i64) -> u128 {
        let (mut parts, mut then) = (0_u128, 0);
        let drain = |parts: u128, ms: i64| parts.saturating_sub(u128::from(allowed) * u128::from(ms.max(0).unsigned_abs()));
        for (ms, cost) in &self.0 {
            parts = drain(parts, ms - then) + u128::from(*cost) * u128::from(per_ms);
            then = *ms;
        }
        drain(parts, now - then)
    }

    fn admits(&self, pace: &Pace, allowed: u64, cost: u64, now: i64) -> bool {
        match pace {
            Pace::Window(period) => self.used(*period, now) + cost <= allowed,
            Pace::Bucket { per_ms, burst } => {
                let needed = self.parts(*per_ms, allowed, now) + u128::from(cost) * u128::from(*per_ms);
                needed <= u128::from(*burst) * u128::from(*per_ms)
            }
        }
    }
}

fn paces() -> impl Strategy<Value = Pace> {
    prop_oneof![
        prop::sample::select(Period::ALL.to_vec()).prop_map(Pace::Window),
        (1..120_000_u64, 1..20_u64).prop_map(|(per_ms, burst)| Pace::Bucket { per_ms, burst }),
    ]
}

/// Steps of the clock: some at once, some within a window, some over months, and back again.
fn steps() -> impl Strategy<Value = Vec<(i64, u64)>> {
    let step = prop_oneof![Just(0), 1..500_i64, 1_000..90_000_i64, 3_000_000..4_000_000_000_i64, -4_000_000..0_i64];
    prop::collection::vec((step, 0..4_u64), 1..120)
}

proptest! {
    #[test]
    fn never_more_and_never_fewer_than_each_limit_says(
        paces in prop::collection::vec((paces(), 1..12_u64), 1..4),
        steps in steps(),
        start in 0..4_102_444_800_000_i64,
    ) {
        let mut levels: Vec<Level> = paces.iter().map(|(pace, _)| Level::unused(pace, at(start))).collect();
        let (mut model, mut machine, mut now) = (Model::default(), start, start);
        for (step, cost) in steps {
            machine = (machine + step).max(0);
            // The engine's clock stands still while the machine's goes back.
            now = now.max(machine);
            let mut gauges: Vec<Gauge<'_>> = paces.iter().zip(&mut levels)
                .map(|((pace, allowed), level)| Gauge { pace, allowed: *allowed, durable: false, level })
                .collect();
            let too_dear = paces.iter().any(|(pace, allowed)| cost > pace.capacity(*allowed));
            let expected = cost == 0 || paces.iter().all(|(pace, allowed)| model.admits(pace, *allowed, cost, now));
            match admit(&mut gauges, cost, at(now)) {
                Verdict::Charged => {
                    prop_assert!(expected, "let through what the model refuses");
                    if cost > 0 {
                        model.0.push((now, cost));
                    }
                }
                Verdict::TooDear { .. } => prop_assert!(too_dear),
                Verdict::Refused { retry_at, .. } => {
                    prop_assert!(!expected, "refused what the model lets through");
                    let admits = |ms| paces.iter().all(|(pace, allowed)| model.admits(pace, *allowed, cost, ms));
                    prop_assert!(too_dear || admits(retry_at.as_millis()), "whoever waits as long as told is let through");
                    prop_assert!(!admits(retry_at.as_millis() - 1), "nobody is told to wait longer than needed");
                }
                Verdict::Short => prop_assert!(false, "nothing is bought ahead here"),
            }
            for ((pace, allowed), level) in paces.iter().zip(&levels) {
                if let Pace::Window(period) = pace {
                    let reading = level.read(pace, *allowed, at(now));
                    prop_assert_eq!(reading.remaining, allowed - model.used(*period, now));
                    prop_assert_eq!(reading.reset, period.around(at(now)).1);
                }
            }
        }
    }
}

#[test]
fn a_bucket_does_not_drift_over_years() {
    // 7 in 1,000 ms: no whole number of milliseconds lies between two of them.
    let pace = Pace::Bucket { per_ms: 1_000, burst: 1 };
    let mut level = Level::unused(&pace, at(0));
    let (mut now, mut admitted) = (0, 0_u64);
    let years = 3;
    let end = years * 365 * 86_400_000;
    // Only every millionth second is asked in full; between them nobody asks.
    while now < end {
        for ms in now..now + 1_000 {
            let mut gauges = [Gauge { pace: &pace, allowed: 7, durable: false, level: &mut level }];
            admitted += u64::from(admit(&mut gauges, 1, at(ms)) == Verdict::Charged);
        }
        now += 1_000_000_000;
    }
    let seconds = u64::try_from(end / 1_000_000_000 + 1).unwrap();
    assert!((seconds * 7..=seconds * 8).contains(&admitted), "{admitted} in {seconds} seconds");
}

#[test]
fn all_are_charged_or_none() {
    let (minute, hour) = (Pace::Window(Period::Minute), Pace::Window(Period::Hour));
    let (mut first, mut second) = (Level::unused(&minute, at(0)), Level::unused(&hour, at(0)));
    let mut ask = |now: i64| {
        let mut gauges = [
            Gauge { pace: &minute, allowed: 2, durable: false, level: &mut first },
            Gauge { pace: &hour, allowed: 3, durable: false, level: &mut second },
        ];
        admit(&mut gauges, 1, at(now))
    };
    assert_eq!([ask(0), ask(0)], [Verdict::Charged; 2]);
    assert_eq!(ask(1), Verdict::Refused { position: 0, retry_at: at(60_000) });
    assert_eq!(ask(60_000), Verdict::Charged, "the refused request was not charged to the hour");
    assert_eq!(ask(60_001), Verdict::Refused { position: 1, retry_at: at(3_600_000) });
}

#[test]
fn what_is_not_bought_ahead_is_not_spent() {
    let hour = Pace::Window(Period::Hour);
    let (start, end) = Period::Hour.around(at(0));
    let mut level = Level::Window { start, end, used: 4, bought: 5 };
    let mut ask = |cost| admit(&mut [Gauge { pace: &hour, allowed: 6, durable: true, level: &mut level }], cost, at(10));
    assert_eq!(ask(2), Verdict::Short);
    assert_eq!(ask(1), Verdict::Charged);
    assert_eq!(ask(1), Verdict::Short);
    assert_eq!(ask(2), Verdict::Refused { position: 0, retry_at: end }, "that no purchase would help");
    assert_eq!(ask(0), Verdict::Charged, "nothing costs nothing");
}

#[test]
fn what_costs_more_than_a_limit_allows_is_never_let_through() {
    let bucket = Pace::Bucket { per_ms: 1_000, burst: 5 };
    let mut level = Level::unused(&bucket, at(0));
    let mut ask = |cost| admit(&mut [Gauge { pace: &bucket, allowed: 100, durable: false, level: &mut level }], cost, at(0));
    assert_eq!(ask(6), Verdict::TooDear { position: 0 });
    assert_eq!(ask(5), Verdict::Charged);
    assert_eq!(ask(1), Verdict::Refused { position: 0, retry_at: at(10) });
}

#[test]
fn numbers_at_their_ends_are_counted_exactly() {
    let bucket = Pace::Bucket { per_ms: 3_599_999, burst: MOST };
    let mut level = Level::unused(&bucket, at(0));
    let mut ask = |cost, now| admit(&mut [Gauge { pace: &bucket, allowed: 1, durable: false, level: &mut level }], cost, now);
    assert_eq!(ask(MOST, at(0)), Verdict::Charged);
    assert_eq!(ask(1, at(3_599_998)), Verdict::Refused { position: 0, retry_at: at(3_599_999) });
    assert_eq!(ask(1, at(3_599_999)), Verdict::Charged);
    assert_eq!(ask(MOST, at(3_600_000)), Verdict::Refused { position: 0, retry_at: Timestamp::MAX });
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let names = crate::name::Names::default();
    let spec = |allowed, pace, is_quota| LimitSpec { name: "x".into(), allowed, pace, scope: LimitScope::Key, is_quota };
    let hour = Pace::Window(Period::Hour);
    assert_eq!(Limit::new(spec(0, hour, false), &names), Err(InvalidLimit::OutOfRange(0)));
    assert_eq!(Limit::new(spec(MOST + 1, hour, false), &names), Err(InvalidLimit::OutOfRange(MOST + 1)));
    assert!(Limit::new(spec(MOST, hour, true), &names).is_ok());
    let bucket = |per_ms, burst| Pace::Bucket { per_ms, burst };
    assert_eq!(Limit::new(spec(1, bucket(1_000, 0), false), &names), Err(InvalidLimit::OutOfRange(0)));
    assert_eq!(Limit::new(spec(1, bucket(3_600_000, 1), false), &names), Err(InvalidLimit::BucketMustNotLast));
    assert_eq!(Limit::new(spec(1, bucket(1_000, 1), true), &names), Err(InvalidLimit::BucketMustNotLast));
    assert!(Limit::new(spec(1, bucket(3_599_999, 1), false), &names).is_ok());
}

#[test]
fn a_keys_own_number_tightens_its_plan_or_replaces_it() {
    let names = crate::name::Names::default();
    let limit = |name: &str, allowed, scope| {
        let spec = LimitSpec { name: name.into(), allowed, pace: Pace::Window(Period::Hour), scope, is_quota: false };
        Limit::new(spec, &names).unwrap()
    };
    let limits =
        || vec![limit("all", 1_000, LimitScope::Api), limit("hour", 5, LimitScope::Key), limit("hour", 10, LimitScope::Key)];
    let plan = Plan::new("free", limits(), &names);
    let (key, account, api) = plan.by_scope();
    assert_eq!((key.len(), key[0].allowed, account.len(), api.len()), (1, 10, 0, 1), "of two with one name the later counts");
    let allowed = |exceed, own| {
        let own = KeyLimits::new([("hour", own), ("all", 1)], &names);
        let plans = Plans::new(plan.clone(), Vec::new(), exceed);
        plan.limits().iter().map(|limit| plans.allowed(limit, Some(&own))).collect::<Vec<_>>()
    };
    assert_eq!((allowed(false, 7), allowed(false, 70)), (vec![7, 1_000], vec![10, 1_000]));
    assert_eq!((allowed(true, 7), allowed(true, 70)), (vec![7, 1_000], vec![70, 1_000]));
}

#[test]
fn a_level_is_over_when_nothing_of_it_counts_any_more() {
    let minute = Pace::Window(Period::Minute);
    assert!(!Level::unused(&minute, at(0)).is_over(at(59_999)));
    assert!(Level::unused(&minute, at(0)).is_over(at(60_000)));
    let bucket = Pace::Bucket { per_ms: 1_000, burst: 10 };
    let mut level = Level::unused(&bucket, at(0));
    let mut gauges = [Gauge { pace: &bucket, allowed: 2, durable: false, level: &mut level }];
    assert_eq!(admit(&mut gauges, 4, at(0)), Verdict::Charged);
    assert!(!level.is_over(at(1_999)) && level.is_over(at(2_000)));
    assert_eq!(level.read(&bucket, 2, at(500)).remaining, 7);
    assert_eq!(level.read(&bucket, 2, at(500)).reset, at(2_000));
}
