//! What was refused, until it is written down.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::reason::Reason;
use crate::time::Timestamp;

/// Requests of one kind that were refused, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// The right that was missing or the limit that refused, by its name, if it was one of these. Nothing instead of an empty text, since
    /// to compare two of those takes 70 ns where `memcmp` reads with masks, as long as half a refusal.
    pub wanted: Option<Box<str>>,
    /// Their method, if it is one that HTTP knows: whoever makes one up may write anything.
    pub method: &'static str,
    /// The route's label, if one was found.
    pub route: Option<Arc<str>>,
    /// From where they came, if that is known and they are not too many to tell apart.
    pub address: Option<IpAddr>,
    /// When the first was refused.
    pub first: Timestamp,
    /// When the last was.
    pub last: Timestamp,
    /// How many they were.
    pub times: u64,
    /// They go on with earlier ones that ended at most so long before.
    pub within: Duration,
}

/// One request that is refused.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'r> {
    /// Why.
    pub reason: Reason,
    /// The right that is missing or the limit that refuses.
    pub wanted: Option<&'r str>,
    /// Its method.
    pub method: &'r Method,
    /// The route's label, if one was found.
    pub route: Option<&'r Arc<str>>,
    /// From where it comes.
    pub address: Option<IpAddr>,
    /// When.
    pub now: Timestamp,
    /// It goes on with earlier ones that ended at most so long before.
    pub within: Duration,
}

impl Refused {
    /// For how long requests of one kind go on with each other where nothing says otherwise.
    pub const WITHIN: Duration = Duration::from_hours(1);

    /// How many addresses are told apart of requests of one kind. Those from further ones are put together, so that whoever attacks
    /// from a million leaves room for what others were refused.
    pub const ADDRESSES: usize = 5;

    /// Adds a request to others, of which there shall be at most so many kinds. One too many is put to those of its kind from
    /// elsewhere, and where there are none it is left out: what matters of so much stands there already.
    pub fn add(list: &mut Vec<Self>, refusal: &Refusal<'_>, most: usize) {
        let method = known(refusal.method);
        // Mostly it is the same route of the same table, so that its text need not be read.
        let is_route = |known: Option<&Arc<str>>| match (known, refusal.route) {
            (Some(known), Some(route)) => Arc::ptr_eq(known, route) || known == route,
            (known, route) => known.is_none() && route.is_none(),
        };
        let is_like = |known: &Self| {
            known.reason == refusal.reason
                && is_route(known.route.as_ref())
                && known.method == method
                && known.wanted.as_deref() == refusal.wanted
        };
        let (mut addresses, mut elsewhere, mut like) = (0, None, None);
        for (position, known) in list.iter_mut().enumerate().filter(|(_, known)| is_like(known)) {
            if known.address == refusal.address {
                return known.go_on(refusal.now);
            }
            match known.address {
                Some(_) => addresses += 1,
                None => elsewhere = Some(position),
            }
            like = Some(position);
        }
        let is_too_many = addresses >= Self::ADDRESSES;
        if list.len() < most && !(is_too_many && elsewhere.is_some()) {
            let Refusal { reason, wanted, route, address, now, within, .. } = *refusal;
            let (wanted, route, address) = (wanted.map(Into::into), route.cloned(), address.filter(|_| !is_too_many));
            return list.push(Self { reason, wanted, method, route, address, first: now, last: now, times: 1, within });
        }
        if let Some(like) = elsewhere.or(like).and_then(|position| list.get_mut(position)) {
            like.address = None;
            like.go_on(refusal.now);
        }
    }

    fn go_on(&mut self, now: Timestamp) {
        self.last = self.last.max(now);
        self.times = self.times.saturating_add(1);
    }
}

/// A method by its name, if HTTP knows it.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(list: &mut Vec<Refused>, number: u8, ms: i64) {
        let (route, address) = (Arc::from("GET /a"), Some([192, 0, 2, number].into()));
        let (reason, method, now) = (Reason::ExpiredKey, &Method::GET, Timestamp::from_millis(ms));
        Refused::add(
            list,
            &Refusal { reason, wanted: None, method, route: Some(&route), address, now, within: Refused::WITHIN },
            3,
        );
    }

    #[test]
    fn requests_of_one_kind_are_counted_together() {
        let mut list = Vec::new();
        for (number, ms) in [(1, 5), (2, 6), (1, 7)] {
            add(&mut list, number, ms);
        }
        assert_eq!((list.len(), list[0].times, list[1].times), (2, 2, 1));
        assert_eq!((list[0].first.as_millis(), list[0].last.as_millis()), (5, 7));
    }

    #[test]
    fn of_too_many_addresses_none_is_told_and_every_request_is_counted() {
        let mut list = Vec::new();
        for number in 0..200 {
            add(&mut list, number, i64::from(number));
        }
        assert_eq!((list.len(), list.iter().map(|refused| refused.times).sum::<u64>()), (3, 200));
        assert_eq!(list.iter().filter(|refused| refused.address.is_none()).count(), 1);
    }

    #[test]
    fn an_attack_leaves_room_for_what_others_were_refused() {
        let (route, now) = (Arc::from("GET /a"), Timestamp::from_millis(0));
        let mut list = Vec::new();
        for (number, reason) in (0..200).flat_map(|number| [(number, Reason::UnknownKey), (number % 2, Reason::MissingKey)]) {
            let address = Some([192, 0, 2, number].into());
            let (method, within) = (&Method::GET, Refused::WITHIN);
            Refused::add(&mut list, &Refusal { reason, wanted: None, method, route: Some(&route), address, now, within }, 20);
        }
        let of =
            |reason| list.iter().filter(|refused| refused.reason == reason).map(|refused| refused.times).collect::<Vec<_>>();
        assert_eq!((of(Reason::UnknownKey), of(Reason::MissingKey)), (vec![1, 1, 1, 1, 1, 195], vec![100, 100]));
    }

    #[test]
    fn a_method_that_somebody_made_up_is_not_repeated() {
        let method = Method::from_bytes(b"shop_live_secret").unwrap();
        assert_eq!((known(&method), known(&Method::PATCH)), ("", "PATCH"));
    }
}
