//! The methods that a rule covers.

use std::fmt;
use std::str::FromStr;

use http::Method;

/// A set of methods, or every method. `GET` covers `HEAD`, which asks for the same without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Methods {
    /// Every method, known or not.
    All,
    /// These, and `HEAD` where `GET` is among them.
    Some(Box<[Method]>),
}

/// A text that names no methods.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no methods; write GET, POST|PUT and the like in capitals, or \"*\" for all")]
pub struct InvalidMethods(Box<str>);

impl Methods {
    /// Whether a rule for these methods covers a request's method, to the letter: methods are case-sensitive
    /// (RFC 9110, section 9.1).
    pub fn cover(&self, method: &Method) -> bool {
        match self {
            Self::All => true,
            Self::Some(methods) => methods.contains(method) || (*method == Method::HEAD && methods.contains(&Method::GET)),
        }
    }

    /// Whether every method of `other` is covered.
    pub fn covers(&self, other: &Self) -> bool {
        match other {
            Self::All => *self == Self::All,
            Self::Some(methods) => methods.iter().all(|method| self.cover(method)),
        }
    }
}

impl fmt::Display for Methods {
    /// As configuration writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Some(methods) => f.write_str(&methods.iter().map(Method::as_str).collect::<Vec<_>>().join("|")),
        }
    }
}

impl FromStr for Methods {
    type Err = InvalidMethods;

    fn from_str(text: &str) -> Result<Self, InvalidMethods> {
        if text == "*" {
            return Ok(Self::All);
        }
        let parse = |word: &str| {
            let capital = !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
            capital.then(|| Method::from_str(word).ok()).flatten()
        };
        let methods: Option<Vec<Method>> = text.split('|').map(parse).collect();
        methods.map(|all| Self::Some(all.into())).ok_or_else(|| InvalidMethods(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_covers_head_and_nothing_covers_another_spelling() {
        let get: Methods = "GET".parse().unwrap();
        assert!(get.cover(&Method::GET) && get.cover(&Method::HEAD) && !get.cover(&Method::POST));
        assert!(!get.cover(&Method::from_str("get").unwrap()));
        let head: Methods = "HEAD".parse().unwrap();
        assert!(!head.cover(&Method::GET));
        let writes: Methods = "POST|PUT|PATCH".parse().unwrap();
        assert!(writes.cover(&Method::PATCH) && !writes.cover(&Method::HEAD));
        let all: Methods = "*".parse().unwrap();
        assert!(all.cover(&Method::from_str("BREW").unwrap()));
        assert!(all.covers(&get) && get.covers(&head) && !head.covers(&get) && !get.covers(&all));
    }

    #[test]
    fn what_is_no_method_is_refused() {
        for text in ["", "get", "GET|", "|", "GET POST", "GET,POST", "G=T"] {
            assert!(text.parse::<Methods>().is_err(), "{text:?}");
        }
    }
}
