//! When a message that was not taken is sent again.

use std::time::Duration;

/// How long is waited after each attempt, in seconds: 5 s, 5 min, 30 min, 2, 5, 10, 14 and 20 h, and then a day each time. An
/// endpoint that is down for a moment misses nothing for long, and one that is down over a weekend nothing at all.
const DELAYS_S: [u64; 12] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, 86_400, 86_400, 86_400];

/// How often a message is sent before it is given up, six days after the first time.
pub const MOST_TRIES: u32 = 13;

const _: () = assert!(MOST_TRIES as usize == DELAYS_S.len() + 1);

/// How long to wait after so many attempts (at least one), or `None` if it is enough. `random` is any number: with it the wait is
/// made up to a fifth shorter or longer, so that messages that failed together do not come back together.
pub fn delay_after(tries: u32, random: u64) -> Option<Duration> {
    let seconds = DELAYS_S.get(usize::try_from(tries.checked_sub(1)?).ok()?)?;
    let ms = seconds * 1_000;
    let spread = ms * 2 / 5;
    Some(Duration::from_millis(ms - spread / 2 + random % (spread + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_over_days_and_end() {
        let middle = |tries| delay_after(tries, (DELAYS_S[tries as usize - 1] * 1_000 * 2 / 5) / 2);
        assert_eq!(middle(1), Some(Duration::from_secs(5)));
        let all: Vec<Duration> = (1..MOST_TRIES).map(|tries| middle(tries).unwrap()).collect();
        assert!(all.is_sorted());
        assert!(all.iter().sum::<Duration>() > Duration::from_hours(6 * 24));
        assert_eq!(delay_after(MOST_TRIES, 0), None);
        assert_eq!(delay_after(0, 0), None);
    }

    #[test]
    fn a_delay_is_spread_by_a_fifth_at_most() {
        for random in [0, 1, 12_345, u64::MAX] {
            let delay = delay_after(2, random).unwrap();
            assert!((Duration::from_mins(4)..=Duration::from_mins(6)).contains(&delay), "{delay:?}");
        }
        assert_ne!(delay_after(2, 0), delay_after(2, 100_000));
    }
}
