//! Addresses and networks as people type them, one on each line.

use std::net::IpAddr;

use bitting_core::address::AddressList;

/// Reads a text of lines; commas part too. `None` if there is nothing in it, which means everywhere.
///
/// # Errors
/// What is wrong with the first line that is wrong.
pub(super) fn read(text: &str) -> Result<Option<AddressList>, String> {
    let lines = text.lines().enumerate();
    let words = lines.flat_map(|(line, text)| text.split([',', ' ', '\t']).map(move |word| (line + 1, word)));
    let words: Vec<(usize, &str)> = words.filter(|(_, word)| !word.is_empty()).collect();
    if words.is_empty() {
        return Ok(None);
    }
    if words.len() > MOST {
        return Err(format!("At most {MOST} addresses or ranges; these are {}.", words.len()));
    }
    for (line, word) in &words {
        if AddressList::parse([*word]).is_err() {
            let shown: String = word.chars().take(64).collect();
            return Err(format!("Line {line}, {shown}: {}", fault(word)));
        }
    }
    AddressList::parse(words.into_iter().map(|(_, word)| word)).map(Some).map_err(|error| error.to_string())
}

/// The most networks that a key may have.
const MOST: usize = 100;

/// Networks as people write them: an address by itself has no length.
pub(crate) fn written(list: &AddressList) -> Vec<String> {
    let mut written = Vec::new();
    for network in list.networks() {
        let is_one = network.prefix_len() == network.max_prefix_len();
        written.push(if is_one { network.addr().to_string() } else { network.to_string() });
    }
    written
}

/// What is wrong with a word that is neither address nor network.
fn fault(word: &str) -> String {
    let (address, length) = word.split_once('/').map_or((word, None), |(address, length)| (address, Some(length)));
    let parts: Vec<&str> = address.split('.').collect();
    let is_decimal = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match (address.parse::<IpAddr>(), length) {
        (Ok(IpAddr::V4(_)), Some(_)) => "the length after the slash goes from 0 to 32.".to_owned(),
        (Ok(IpAddr::V6(_)), Some(_)) => "the length after the slash goes from 0 to 128.".to_owned(),
        _ if parts.len() == 4 && parts.iter().all(is_decimal) => {
            let is_high = parts.iter().any(|part| part.parse::<u32>().map_or(true, |number| number > 255));
            if is_high { "no part of an address goes above 255." } else { "write each part without a leading zero." }.to_owned()
        }
        _ if parts.iter().all(is_decimal) && (2..=3).contains(&parts.len()) => {
            format!("an address has four parts; this has {}.", parts.len())
        }
        _ if word.contains("://") => "write the address alone, without http.".to_owned(),
        _ if address.contains('-') && address.split('-').all(|end| end.parse::<IpAddr>().is_ok()) => {
            "write a range as a network, such as 192.0.2.0/24.".to_owned()
        }
        _ if address.bytes().any(|b| b.is_ascii_alphabetic()) && !address.contains(':') => {
            "a name cannot stand here; write the address that it leads to.".to_owned()
        }
        _ => "this is neither an address such as 192.0.2.7 nor a range such as 192.0.2.0/24 or 2001:db8::/48.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_line_by_line() {
        let list = read("203.0.113.0/24\n 198.51.100.7 , 2001:db8::/48\n\n").unwrap().unwrap();
        assert_eq!(written(&list), ["203.0.113.0/24", "198.51.100.7", "2001:db8::/48"]);
        assert_eq!(read(" \n\n"), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_in_plain_words() {
        for (text, error) in [
            ("203.0.113.0/24\n198.51.100.300", "Line 2, 198.51.100.300: no part of an address goes above 255."),
            ("10.0.0.0/33", "Line 1, 10.0.0.0/33: the length after the slash goes from 0 to 32."),
            ("10.0.0", "Line 1, 10.0.0: an address has four parts; this has 3."),
            ("10.0.0.01", "Line 1, 10.0.0.01: write each part without a leading zero."),
            ("vpn.example.com", "Line 1, vpn.example.com: a name cannot stand here; write the address that it leads to."),
            ("192.0.2.1-192.0.2.9", "Line 1, 192.0.2.1-192.0.2.9: write a range as a network, such as 192.0.2.0/24."),
            ("https://192.0.2.1", "Line 1, https://192.0.2.1: write the address alone, without http."),
            ("2001:db8::/129", "Line 1, 2001:db8::/129: the length after the slash goes from 0 to 128."),
        ] {
            assert_eq!(read(text), Err(error.to_owned()));
        }
        let many = vec!["192.0.2.1"; 101].join("\n");
        assert_eq!(read(&many), Err("At most 100 addresses or ranges; these are 101.".to_owned()));
        assert!(read("???").unwrap_err().starts_with("Line 1, ???: this is neither an address such as"));
    }
}
