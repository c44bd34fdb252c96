//! Numbers as people read them.

/// With commas: `9,847`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts: `1 key`, `2,310 keys`.
pub(crate) fn plural(number: u64, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {thing}{s}", thousands(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_kept_apart() {
        let numbers = [0, 999, 1_000, 12_345, 100_000, 1_234_567];
        assert_eq!(numbers.map(thousands), ["0", "999", "1,000", "12,345", "100,000", "1,234,567"]);
        assert_eq!([0, 1, 2_310].map(|n| plural(n, "key")), ["0 keys", "1 key", "2,310 keys"]);
    }
}
