//! Keys that never were, and what is odd about them.

use bitting_core::traffic::WEEK_HOURS;

/// How a key is used.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// Requests in a mean hour.
    level: f64,
    /// How much more is used at working hours than at night: 1 is the same.
    day: f64,
    /// What is left of it at weekends.
    weekend: f64,
    /// By how much it grows in a week.
    growth: f64,
    /// How far hours vary beside counting: the deviation of the logarithm.
    noise: f64,
    /// How often an hour is a burst that belongs to it, in a thousand hours.
    bursts: u64,
    /// A day in the judged weeks on which only so much is used.
    holiday: f64,
    /// So many times the mean at two o'clock each night.
    batch: f64,
}

const PLAIN: Shape =
    Shape { name: "", level: 400.0, day: 1.0, weekend: 1.0, growth: 0.0, noise: 0.15, bursts: 0, holiday: 1.0, batch: 0.0 };

pub(crate) const SHAPES: &[Shape] = &[
    Shape { name: "(steady)", ..PLAIN },
    Shape { name: "(rarely used)", level: 4.0, noise: 0.5, ..PLAIN },
    Shape { name: "(office hours)", day: 12.0, weekend: 0.15, ..PLAIN },
    Shape { name: "(office hours, large)", level: 20_000.0, day: 12.0, weekend: 0.15, ..PLAIN },
    Shape { name: "(growing a tenth a week)", day: 5.0, weekend: 0.5, growth: 0.10, ..PLAIN },
    Shape { name: "(shrinking a tenth a week)", day: 5.0, weekend: 0.5, growth: -0.10, ..PLAIN },
    Shape { name: "(noisy)", level: 1_000.0, day: 4.0, noise: 0.45, ..PLAIN },
    Shape { name: "(bursts of its own)", level: 300.0, noise: 0.3, bursts: 20, ..PLAIN },
    Shape { name: "(a holiday)", day: 8.0, weekend: 0.2, holiday: 0.2, ..PLAIN },
    Shape { name: "(a batch each night)", level: 150.0, noise: 0.2, batch: 40.0, ..PLAIN },
];

/// Something odd that a key was used for.
pub(crate) struct Anomaly {
    pub(crate) name: &'static str,
    pub(crate) from: u32,
    pub(crate) hours: u32,
}

impl Anomaly {
    pub(crate) fn covers(&self, hour: u32) -> bool {
        (self.from..self.from + self.hours).contains(&hour)
    }
}

/// The hours of a key.
pub(crate) struct Key {
    pub(crate) shape: &'static str,
    /// How many times as much as its shape says it is used.
    level: f64,
    pub(crate) first: u32,
    pub(crate) counts: Vec<u64>,
    pub(crate) anomalies: Vec<Anomaly>,
}

const WEEKS: u32 = 10;
const JUDGED: u32 = 2;

impl Key {
    pub(crate) fn end(&self) -> u32 {
        self.first + WEEKS * WEEK_HOURS
    }

    pub(crate) fn judged_from(&self) -> u32 {
        self.end() - JUDGED * WEEK_HOURS
    }
}

/// Random numbers from a seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.next() % u64::from(bound)).unwrap()
    }

    /// Between 0 and 1, neither of them.
    fn share(&mut self) -> f64 {
        (f64::from(u32::try_from(self.next() >> 32).unwrap()) + 0.5) / (f64::from(u32::MAX) + 1.0)
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.share().ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }

    fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 50.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.share(), 0.0);
        while product > limit {
            product *= self.share();
            count += 1.0;
        }
        count
    }
}

/// A key with two to four anomalies in the judged weeks, and one in the weeks before that nobody should take for usual.
pub(crate) fn key(shape: &Shape, number: u64) -> Key {
    let mut dice = Dice(number * 7_919 + number_of(shape) * 104_729 + 1);
    let mut key = calm(shape, &mut dice);
    let earlier = key.first + WEEK_HOURS * (2 + dice.below(WEEKS - JUDGED - 2)) + dice.below(WEEK_HOURS);
    multiply(&mut key, shape, earlier, 6, 15.0);
    let mut at = key.judged_from() + dice.below(40);
    while at + 12 < key.end() {
        plant(&mut key, shape, &mut dice, at);
        at += 90 + dice.below(100);
    }
    key
}

/// Another for each shape.
fn number_of(shape: &Shape) -> u64 {
    shape.name.bytes().map(u64::from).sum()
}

/// A key without anomalies.
pub(crate) fn calm_key(shape: &Shape, number: u64) -> Key {
    calm(shape, &mut Dice(number * 6_007 + number_of(shape) * 15_485_863 + 1))
}

/// Puts an anomaly at an hour: what a leaked key, a loop that went wild or a client that died look like.
fn plant(key: &mut Key, shape: &Shape, dice: &mut Dice, at: u32) {
    let expected = mean(shape, at, key.first) * key.level;
    let (name, hours) = match dice.below(6) {
        0 => ("a spike of 5 times", 2),
        1 => ("a spike of 8 times", 1 + dice.below(3)),
        2 => ("a spike of 20 times", 1 + dice.below(4)),
        3 => ("a burst of 50 times, 10 hours", 10),
        4 => ("silence", 2 + dice.below(3)),
        _ => ("a day's traffic at night", 2),
    };
    match name {
        "silence" => {
            // Only where something is missed.
            if (at..at + hours).any(|hour| mean(shape, hour, key.first) * key.level < 250.0) {
                return;
            }
            (at..at + hours).for_each(|hour| set(key, hour, f64::from(dice.below(2))));
        }
        "a day's traffic at night" => {
            let peak = shape.level * shape.day.max(1.0) * key.level;
            let quiet = |hour: u32| mean(shape, hour, key.first) * key.level * 5.0 + 150.0 < peak;
            // Where night is as day there is nothing odd about it.
            if !(at - 1..=at + hours).all(quiet) {
                return;
            }
            (at..at + hours).for_each(|hour| set(key, hour, dice.poisson(peak)));
        }
        _ => {
            let factor = match name {
                "a spike of 5 times" => 5.0,
                "a spike of 8 times" => 8.0,
                "a spike of 20 times" => 20.0,
                _ => 50.0,
            };
            // A few requests more are nothing that anybody wants to hear of; that is what the floor is for.
            if expected * (factor - 1.0) < 150.0 {
                return;
            }
            multiply(key, shape, at, hours, factor);
        }
    }
    key.anomalies.push(Anomaly { name, from: at, hours });
}

fn multiply(key: &mut Key, shape: &Shape, at: u32, hours: u32, factor: f64) {
    for hour in at..at + hours {
        let expected = mean(shape, hour, key.first) * key.level * factor;
        set(key, hour, expected);
    }
}

fn set(key: &mut Key, hour: u32, count: f64) {
    if let Some(known) = key.counts.get_mut(usize::try_from(hour - key.first).unwrap()) {
        *known = whole(count);
    }
}

fn calm(shape: &Shape, dice: &mut Dice) -> Key {
    let first = 490_000 + dice.below(WEEK_HOURS);
    let level = (0.5 * dice.normal()).exp().clamp(0.5, 2.5);
    let mut key = Key { shape: shape.name, level, first, counts: Vec::new(), anomalies: Vec::new() };
    let holiday = key.judged_from() / 24 + 2 + dice.below(8);
    for hour in first..key.end() {
        let mut expected = mean(shape, hour, first) * level * (shape.noise * dice.normal()).exp();
        if hour / 24 == holiday {
            expected *= shape.holiday;
        }
        if dice.next() % 1_000 < shape.bursts {
            expected *= 3.0 + 9.0 * dice.share();
        }
        let count = dice.poisson(expected);
        key.counts.push(whole(count));
    }
    key
}

/// What is expected in an hour, noise aside.
fn mean(shape: &Shape, hour: u32, first: u32) -> f64 {
    let (of_day, day) = (hour % 24, (hour / 24 + 4) % 7);
    let daylight = (f64::from(of_day) - 13.0).abs();
    let bell = (-(daylight * daylight) / 18.0).exp();
    let shape_of_day = 1.0 + (shape.day - 1.0) * bell;
    let weekend = if day == 0 || day == 6 { shape.weekend } else { 1.0 };
    let grown = (1.0 + shape.growth).powf(f64::from(hour - first) / f64::from(WEEK_HOURS));
    let batch = if of_day == 2 { shape.batch } else { 0.0 };
    shape.level * (shape_of_day * weekend + batch) * grown
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of requests, not negative and far below 2^52"
)]
fn whole(count: f64) -> u64 {
    count.round().max(0.0) as u64
}
